//! Locks of other workspaces: they lock our crates too, and nobody builds them in CI.
//!
//! A command with `--locked` fails there once a crate here depends on something else. So the names
//! that such a lock has for a crate of ours must be those of its manifest.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::Repository;
use crate::step::Failure;

/// Locks of workspaces that use crates of this one.
const LOCKS: &[&str] = &["benches/rivals/Cargo.lock"];

/// What a crate depends on: certainly, and with some feature.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Wanted {
    name: String,
    always: BTreeSet<String>,
    optional: BTreeSet<String>,
}

/// Compares every lock with the manifests of `repository`.
///
/// # Errors
///
/// If one is out of date, or cannot be read.
pub fn check(repository: &Repository) -> Result<(), Failure> {
    let metadata =
        repository.step("cargo metadata --no-deps --format-version 1 --locked").output()?;
    let wanted = wanted(&metadata)?;
    let mut stale = false;
    for path in LOCKS {
        for fault in faults(&wanted, &repository.read(path)?) {
            println!("{path}: {fault}");
            stale = true;
        }
    }
    if stale {
        let how = "build that workspace once without `--locked`, and commit its Cargo.lock";
        return Err(Failure(format!("a lock of another workspace is out of date; {how}")));
    }
    Ok(())
}

/// What the members of the workspace depend on, by the output of `cargo metadata --no-deps`.
fn wanted(metadata: &str) -> Result<Vec<Wanted>, Failure> {
    let unexpected = || Failure("cargo metadata has an unexpected shape".to_owned());
    let metadata: Value = serde_json::from_str(metadata)
        .map_err(|error| Failure(format!("cargo metadata is not JSON: {error}")))?;
    let packages = metadata["packages"].as_array().ok_or_else(unexpected)?;
    packages.iter().map(|package| wanted_by(package).ok_or_else(unexpected)).collect()
}

fn wanted_by(package: &Value) -> Option<Wanted> {
    let name = package["name"].as_str()?.to_owned();
    let mut wanted = Wanted { name, ..Wanted::default() };
    for dependency in package["dependencies"].as_array()? {
        if dependency["kind"] == "dev" {
            continue;
        }
        let optional = dependency["optional"].as_bool()?;
        let names = if optional { &mut wanted.optional } else { &mut wanted.always };
        names.insert(dependency["name"].as_str()?.to_owned());
    }
    Some(wanted)
}

/// What is wrong with a lock; empty if nothing is. Crates that it does not name do not count.
fn faults(wanted: &[Wanted], lock: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let Some(wanted) = wanted.iter().find(|it| package.contains(&name_line(&it.name))) else {
            continue;
        };
        let locked = dependencies(package);
        for name in wanted.always.difference(&locked) {
            faults.push(format!("`{}` depends on `{name}`, which is not there", wanted.name));
        }
        for name in locked.iter().filter(|it| !wanted.always.contains(*it)) {
            if !wanted.optional.contains(name) {
                faults.push(format!("`{}` does not depend on `{name}` any more", wanted.name));
            }
        }
    }
    faults
}

fn name_line(name: &str) -> String {
    format!("\nname = \"{name}\"\n")
}

/// The names in the list of a locked package; behind some there is a version.
fn dependencies(package: &str) -> BTreeSet<String> {
    let list = package.split_once("dependencies = [").map_or("", |(_, list)| list);
    let lines = list.lines().map(str::trim).take_while(|line| *line != "]");
    let quoted = lines.filter_map(|line| line.strip_prefix('"')?.split(['"', ' ']).next());
    quoted.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"packages": [
        {"name": "ring", "dependencies": [
            {"name": "types", "kind": null, "optional": false},
            {"name": "cc", "kind": "build", "optional": false},
            {"name": "loom", "kind": null, "optional": true},
            {"name": "proptest", "kind": "dev", "optional": false}]},
        {"name": "sim", "dependencies": []}]}"#;

    fn faults_of(dependencies: &str) -> Vec<String> {
        let lock = format!(
            "version = 4\n\n[[package]]\nname = \"other\"\nversion = \"1.0.0\"\n\n\
             [[package]]\nname = \"ring\"\nversion = \"0.1.0\"\ndependencies = [\n{dependencies}]\n"
        );
        faults(&wanted(METADATA).unwrap(), &lock)
    }

    #[test]
    fn a_lock_names_what_the_manifest_does() {
        assert_eq!(faults_of(" \"cc\",\n \"types 0.1.0\",\n"), Vec::<String>::new());
        assert_eq!(faults_of(" \"cc\",\n \"loom\",\n \"types\",\n"), Vec::<String>::new());
        let missing = "`ring` depends on `cc`, which is not there";
        assert_eq!(faults_of(" \"types\",\n"), [missing]);
        let left = "`ring` does not depend on `libc` any more";
        assert_eq!(faults_of(" \"cc\",\n \"libc\",\n \"types\",\n"), [left]);
    }

    #[test]
    fn metadata_of_another_shape_is_an_error() {
        assert!(wanted("{}").unwrap_err().0.contains("unexpected shape"));
        assert!(wanted("no").unwrap_err().0.contains("not JSON"));
    }
}
