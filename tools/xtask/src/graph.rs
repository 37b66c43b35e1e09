//! The crate graph: what Cargo builds must be what `docs/ARCHITECTURE.md` draws.
//!
//! The drawing is the fenced block marked `crates` there: one line `name -> dependency ...` per
//! member of the workspace, normal dependencies only. A crate may depend only on crates in lines
//! above its own, so the block shows at a glance that dependencies point one way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::repository::Repository;
use crate::step::Failure;

/// Where the drawing is.
pub const DRAWING: &str = "docs/ARCHITECTURE.md";

/// Each member of the workspace and the members it depends on.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// A line of the drawing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    name: String,
    dependencies: BTreeSet<String>,
}

/// Compares the two graphs of `repository`.
///
/// # Errors
///
/// If they differ, or one of them cannot be read.
pub fn check(repository: &Repository) -> Result<(), Failure> {
    let step = repository.step("cargo metadata --no-deps --format-version 1 --locked");
    println!("$ {step}");
    let built = built(&step.output()?)?;
    let drawn = drawn(&repository.read(DRAWING)?)?;
    let faults = compare(&built, &drawn);
    if faults.is_empty() {
        println!("{} crates, drawn as they are", built.len());
        return Ok(());
    }
    for fault in &faults {
        println!("{DRAWING}: {fault}");
    }
    Err(Failure(format!("the drawing in {DRAWING} and the workspace differ")))
}

/// The graph in the output of `cargo metadata --no-deps`.
///
/// # Errors
///
/// If it does not have the shape of format version 1.
pub fn built(metadata: &str) -> Result<Graph, Failure> {
    let unexpected = || Failure("cargo metadata has an unexpected shape".to_owned());
    let metadata: Value = serde_json::from_str(metadata)
        .map_err(|error| Failure(format!("cargo metadata is not JSON: {error}")))?;
    let mut graph = Graph::new();
    for package in metadata["packages"].as_array().ok_or_else(unexpected)? {
        let name = package["name"].as_str().ok_or_else(unexpected)?;
        let dependencies = package["dependencies"].as_array().ok_or_else(unexpected)?;
        let ours = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null() && dependency["path"].is_string())
            .map(|dependency| dependency["name"].as_str().map(str::to_owned));
        graph.insert(name.to_owned(), ours.collect::<Option<_>>().ok_or_else(unexpected)?);
    }
    Ok(graph)
}

/// The lines of the drawing.
///
/// # Errors
///
/// If there is no block marked `crates` or a line in it is no `name -> dependency ...`.
pub fn drawn(markdown: &str) -> Result<Vec<Line>, Failure> {
    let lines = markdown
        .lines()
        .skip_while(|line| *line != "```crates")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| {
            let (name, dependencies) = line
                .split_once("->")
                .ok_or_else(|| Failure(format!("{DRAWING}: no `->` in the line `{line}`")))?;
            Ok(Line {
                name: name.trim().to_owned(),
                dependencies: dependencies.split_whitespace().map(str::to_owned).collect(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    if lines.is_empty() {
        return Err(Failure(format!("{DRAWING} has no block that starts with ```crates")));
    }
    Ok(lines)
}

/// What is wrong with the drawing; empty if nothing is.
#[must_use]
pub fn compare(built: &Graph, drawn: &[Line]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut above = BTreeSet::new();
    for line in drawn {
        let name = &line.name;
        match built.get(name) {
            None => faults.push(format!("`{name}` is drawn but is no member of the workspace")),
            Some(dependencies) if *dependencies != line.dependencies => {
                let words: Vec<&str> = dependencies.iter().map(String::as_str).collect();
                faults.push(format!("the line should be `{name} -> {}`", words.join(" ")));
            }
            Some(_) => {}
        }
        for dependency in line.dependencies.iter().filter(|name| !above.contains(*name)) {
            faults.push(format!("`{name}` depends on `{dependency}`, which is not drawn above it"));
        }
        if !above.insert(name) {
            faults.push(format!("`{name}` is drawn twice"));
        }
    }
    for name in built.keys().filter(|name| !above.contains(name)) {
        faults.push(format!("`{name}` is a member of the workspace but is not drawn"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"packages": [
        {"name": "types", "dependencies": [{"name": "libc", "kind": null}]},
        {"name": "ring", "dependencies": [
            {"name": "types", "kind": null, "path": "/x/types"},
            {"name": "sim", "kind": "dev", "path": "/x/sim"}]},
        {"name": "sim", "dependencies": [{"name": "types", "kind": null, "path": "/x/types"}]}]}"#;

    fn faults(drawing: &str) -> Vec<String> {
        let markdown = format!("# Title\n\n```crates\n{drawing}```\n\nname -> not in the block\n");
        compare(&built(METADATA).unwrap(), &drawn(&markdown).unwrap())
    }

    #[test]
    fn an_equal_drawing_has_no_faults_and_dev_dependencies_do_not_count() {
        assert_eq!(faults("types ->\nring -> types\nsim -> types\n"), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_a_fault() {
        let cases = [
            ("types ->\nring -> types\n", "`sim` is a member of the workspace but is not drawn"),
            (
                "types ->\nring -> types\nsim -> types\nbook ->\n",
                "`book` is drawn but is no member of the workspace",
            ),
            ("types ->\nring ->\nsim -> types\n", "the line should be `ring -> types`"),
            ("types ->\nring -> types\nsim -> ring types\n", "the line should be `sim -> types`"),
            (
                "ring -> types\ntypes ->\nsim -> types\n",
                "`ring` depends on `types`, which is not drawn above it",
            ),
            ("types ->\ntypes ->\nring -> types\nsim -> types\n", "`types` is drawn twice"),
        ];
        for (drawing, fault) in cases {
            assert_eq!(faults(drawing), [fault], "{drawing}");
        }
    }

    #[test]
    fn a_missing_or_garbled_drawing_is_an_error() {
        assert!(drawn("# Title\n").unwrap_err().0.contains("has no block"));
        assert!(drawn("```crates\ntypes\n```\n").unwrap_err().0.contains("no `->`"));
        assert!(built("{}").unwrap_err().0.contains("unexpected shape"));
        assert!(built("no").unwrap_err().0.contains("not JSON"));
    }
}
