//! Rules that hold two files against each other: what exists must be written down.

use std::collections::BTreeSet;

use super::{Finding, Rule};
use crate::repository::SourceFile;

/// Where crates are listed.
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// Where counters and stages are listed.
const OPERATING: &str = "docs/OPERATING.md";

/// The sources that define counters and stages: string literals in lists that begin and end with
/// these lines. (The macro makes an enum with names of each list.)
const COUNTERS: &str = "crates/shm/src/";
const COUNTERS_BEGIN: &str = "names! {";
const COUNTERS_END: &str = "}";

/// Adds what exists but is not written down.
pub(super) fn check(files: &[SourceFile], findings: &mut Vec<Finding>) {
    let manifest = text(files, "Cargo.toml");
    let architecture = text(files, ARCHITECTURE);
    for (path, name) in crates(files, manifest) {
        if !architecture.contains(&format!("`{name}`")) {
            let message = format!("`{name}` is not listed in {ARCHITECTURE}; say there what it is");
            findings.push(Finding { rule: Rule::CrateListed, path, line: None, message });
        }
    }
    let operating = text(files, OPERATING);
    let counters = counters(files);
    if counters.is_empty()
        && let Some(source) = files.iter().find(|file| file.path.starts_with(COUNTERS))
    {
        let path = source.path.clone();
        let message = format!("no list of counters in {COUNTERS}; tell this rule where they are");
        findings.push(Finding { rule: Rule::CounterListed, path, line: None, message });
    }
    for (path, line, name) in counters {
        if !operating.contains(&format!("`{name}`")) {
            let message =
                format!("`{name}` is not listed in {OPERATING}; say there what it counts");
            findings.push(Finding { rule: Rule::CounterListed, path, line: Some(line), message });
        }
    }
    for (line, name) in unexplained_dependencies(manifest) {
        let path = "Cargo.toml".to_owned();
        let message = format!("`{name}` has no comment above it; say there what it is for");
        findings.push(Finding { rule: Rule::DependencyReason, path, line: Some(line), message });
    }
}

/// Names of counters and stages, with their places.
pub(super) fn counters(files: &[SourceFile]) -> BTreeSet<(String, usize, String)> {
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|file| file.path.starts_with(COUNTERS)) {
        let mut is_inside = false;
        for (index, line) in file.text.as_deref().unwrap_or_default().lines().enumerate() {
            match line {
                COUNTERS_BEGIN => is_inside = true,
                COUNTERS_END => is_inside = false,
                comment if comment.trim_start().starts_with("//") => {}
                code if is_inside => {
                    // Odd pieces between quotes are the literals.
                    for literal in code.split('"').skip(1).step_by(2) {
                        names.insert((file.path.clone(), index + 1, literal.to_owned()));
                    }
                }
                _ => {}
            }
        }
    }
    names
}

/// Manifest path and name of every member of the workspace.
fn crates(files: &[SourceFile], manifest: &str) -> Vec<(String, String)> {
    let members = manifest
        .lines()
        .skip_while(|line| !line.starts_with("members = ["))
        .skip(1)
        .take_while(|line| *line != "]")
        .filter_map(|line| line.split('"').nth(1));
    members
        .filter_map(|member| {
            let path = format!("{member}/Cargo.toml");
            let name = text(files, &path)
                .lines()
                .find_map(|line| line.strip_prefix("name = ")?.split('"').nth(1))?;
            Some((path.clone(), name.to_owned()))
        })
        .collect()
}

/// Lines and names of external workspace dependencies in a paragraph without a comment above them.
fn unexplained_dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut unexplained = Vec::new();
    let mut is_inside = false;
    let mut is_explained = false;
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            is_inside = line == "[workspace.dependencies]";
            is_explained = false;
        } else if line.is_empty() {
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else if let Some((name, value)) = line.split_once(" = ")
            && is_inside
            && !is_explained
            && !value.contains("path = ")
        {
            unexplained.push((index + 1, name));
        }
    }
    unexplained
}

/// The text of the file at `path`; empty if there is none, so that everything in it is missing.
fn text<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    files.iter().find(|file| file.path == path).and_then(|file| file.text.as_deref()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace]\nmembers = [\n    \"crates/ring\",\n]\n";

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(path, text.as_bytes().to_vec())
    }

    fn messages(files: &[SourceFile]) -> Vec<(Rule, String)> {
        let mut findings = Vec::new();
        check(files, &mut findings);
        findings.into_iter().map(|finding| (finding.rule, finding.message)).collect()
    }

    #[test]
    fn a_crate_must_be_listed_by_the_name_of_its_package() {
        let workspace = file("Cargo.toml", MANIFEST);
        let package = file("crates/ring/Cargo.toml", "[package]\nname = \"our-ring\"\n");
        let listed = file(ARCHITECTURE, "- `our-ring`: the ring\n");
        let unlisted = file(ARCHITECTURE, "- `our-ring-2`: another\n");
        assert_eq!(messages(&[workspace.clone(), package.clone(), listed]), []);
        for page in [unlisted, file("docs/OTHER.md", "`our-ring`")] {
            let found = messages(&[workspace.clone(), package.clone(), page]);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, Rule::CrateListed);
        }
    }

    #[test]
    fn counters_in_the_lists_must_be_listed() {
        let source = "\
const OUTSIDE: &str = \"outside\";
names! {
    Counter {
        /// Frames, \"whole\" ones.
        Frames \"frames\",
        Gaps \"gaps\",
    }
}
const BEHIND: &str = \"behind\";
";
        let source = file("crates/shm/src/stats.rs", source);
        let names: Vec<String> =
            counters(std::slice::from_ref(&source)).into_iter().map(|(_, _, name)| name).collect();
        assert_eq!(names, ["frames", "gaps"]);
        let found = messages(&[source, file(OPERATING, "| `frames` | whole frames |\n")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Rule::CounterListed);
        assert!(found[0].1.contains("`gaps`"), "{}", found[0].1);
    }

    #[test]
    fn a_rule_that_has_lost_its_lists_says_so() {
        let found = messages(&[file("crates/shm/src/lib.rs", "pub enum Counter {}\n")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("no list of counters"), "{}", found[0].1);
        assert_eq!(messages(&[file("crates/ring/src/lib.rs", "\n")]), []);
    }

    #[test]
    fn an_external_dependency_needs_a_comment_above_its_paragraph() {
        let manifest = "\
[workspace.dependencies]
ours = { path = \"crates/ours\" }

# What both are for.
first = \"1\"
second = \"2\"

third = \"3\"

[profile.dev]
fourth = 4
";
        assert_eq!(unexplained_dependencies(manifest), [(8, "third")]);
        let found = messages(&[file("Cargo.toml", manifest)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Rule::DependencyReason);
    }
}
