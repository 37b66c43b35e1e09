//! The loom job: every interleaving of the lock-free parts, and proof that the check can fail.
//!
//! The sources mark each ordering that matters with a weaker twin under
//! `cfg(tickbook_weaken = "NAME")`. [`weakened`] builds each twin in turn and requires that the
//! loom tests of its crate *fail*: an ordering that can be weakened unnoticed is either not needed
//! or not tested.
//!
//! Loom has a target directory of its own, since its cfg reaches every crate. A twin is chosen by a
//! wrapper around rustc that only members of the workspace are built with, so that a twin costs a
//! build of two small crates and not of loom.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::repository::{Repository, SourceFile};
use crate::step::{Failure, Step};

/// The crates with loom tests: folder of the sources, and package.
const CRATES: &[(&str, &str)] =
    &[("crates/ring/src/", "tickbook-ring"), ("crates/shm/src/", "tickbook-shm")];

/// Target directory of loom builds.
const TARGET: &str = "target-loom";

/// How many times loom may preempt a thread. Loom's authors find nearly all faults with 2 or 3.
const PREEMPTIONS_SHORT: &str = "2";
const PREEMPTIONS_LONG: &str = "3";

/// An ordering that can be weakened.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Weakening {
    /// The package it is in.
    pub package: &'static str,
    /// Its name: the value of `tickbook_weaken`.
    pub name: String,
}

/// Runs the loom tests: the quick form for CI, or with more preemptions.
///
/// # Errors
///
/// If a test fails.
pub fn sound(repository: &Repository, is_short: bool) -> Result<(), Failure> {
    let preemptions = if is_short { PREEMPTIONS_SHORT } else { PREEMPTIONS_LONG };
    let packages = CRATES.iter().map(|(_, package)| *package);
    test(repository, packages).set_default("LOOM_MAX_PREEMPTIONS", preemptions).run()
}

/// Requires that the loom tests fail with each ordering weakened.
///
/// # Errors
///
/// If they pass with one of them, or there is none to weaken.
pub fn weakened(repository: &Repository) -> Result<(), Failure> {
    let weakenings = weakenings(&repository.files()?);
    if weakenings.is_empty() {
        return Err(Failure("no `tickbook_weaken` in the sources: nothing to weaken".to_owned()));
    }
    let mut unnoticed = Vec::new();
    for weakening in &weakenings {
        let wrapper = wrapper(repository, &weakening.name)?;
        let step = test(repository, [weakening.package])
            .set("RUSTC_WORKSPACE_WRAPPER", &wrapper.to_string_lossy())
            .set_default("LOOM_MAX_PREEMPTIONS", PREEMPTIONS_SHORT);
        // A twin that does not build would fail too, and prove nothing.
        step.clone().argument("--no-run").run()?;
        let Weakening { package, name } = weakening;
        let (is_unnoticed, output) = step.attempt()?;
        if is_unnoticed {
            println!("weakened {package} {name}: NOT NOTICED");
            unnoticed.push(name.as_str());
        } else {
            let tests = failed_tests(&output);
            if tests.is_empty() {
                return Err(Failure(format!("`{step}` failed, but no test did")));
            }
            println!("weakened {package} {name}: noticed, as it must be, by {}", tests.join(", "));
        }
    }
    if unnoticed.is_empty() {
        println!("{} orderings weakened, each noticed", weakenings.len());
        Ok(())
    } else {
        Err(Failure(format!("loom does not notice: {}", unnoticed.join(", "))))
    }
}

/// The orderings that the sources mark as weakenable.
#[must_use]
pub fn weakenings(files: &[SourceFile]) -> BTreeSet<Weakening> {
    let mut weakenings = BTreeSet::new();
    for file in files {
        let Some((_, package)) = CRATES.iter().find(|(sources, _)| file.path.starts_with(sources))
        else {
            continue;
        };
        for line in file.text.as_deref().unwrap_or_default().lines() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for rest in line.split("tickbook_weaken = \"").skip(1) {
                if let Some((name, _)) = rest.split_once('"') {
                    weakenings.insert(Weakening { package, name: name.to_owned() });
                }
            }
        }
    }
    weakenings
}

/// The names of the tests that libtest reports as failed.
fn failed_tests(output: &str) -> Vec<&str> {
    let lines = output.lines();
    lines.filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED")).collect()
}

fn test(repository: &Repository, packages: impl IntoIterator<Item = &'static str>) -> Step {
    let mut step = repository.step("cargo test --release --locked --test loom");
    for package in packages {
        step = step.argument("-p").argument(package);
    }
    step.set("RUSTFLAGS", "--cfg tickbook_loom")
        .set("CARGO_TARGET_DIR", TARGET)
        // Small tests: linking them with LTO would take longer than running them.
        .set("CARGO_PROFILE_RELEASE_LTO", "off")
}

/// A script that stands before rustc and adds the cfg of one weakening. The path must differ from
/// one weakening to the next: Cargo keeps apart what different wrappers built.
fn wrapper(repository: &Repository, name: &str) -> Result<PathBuf, Failure> {
    let folder = repository.root.join(TARGET).join("weaken");
    let path = folder.join(name);
    let script = format!("#!/bin/sh\nexec \"$@\" --cfg 'tickbook_weaken=\"{name}\"'\n");
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, script))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, text: &str) -> Vec<(&'static str, String)> {
        weakenings(&[SourceFile::new(path, text.as_bytes().to_vec())])
            .into_iter()
            .map(|weakening| (weakening.package, weakening.name))
            .collect()
    }

    #[test]
    fn failed_tests_are_read_off_the_output() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\ntest result: FAILED.\n";
        assert_eq!(failed_tests(output), ["b"]);
    }

    #[test]
    fn each_marked_ordering_is_found_once_with_its_package() {
        let source = r#"
//! Orderings can be weakened by `cfg(tickbook_weaken = "in-a-comment")`.
const COMMIT: Ordering = if cfg!(tickbook_weaken = "commit") { Relaxed } else { Release };
#[cfg(any(tickbook_weaken = "guard", tickbook_weaken = "commit"))]
"#;
        let expected =
            [("tickbook-ring", "commit".to_owned()), ("tickbook-ring", "guard".to_owned())];
        assert_eq!(names("crates/ring/src/lib.rs", source), expected);
        assert_eq!(names("crates/book/src/lib.rs", source), []);
    }
}
