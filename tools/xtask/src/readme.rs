//! The two commands of the README, read from it.

use crate::step::Failure;

/// The commands a newcomer types.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commands {
    /// Shows the thing at work.
    pub demo: String,
    /// Tests all of it.
    pub test: String,
}

/// The commands in the code blocks of the README's text.
///
/// # Errors
///
/// If one of them is missing or stands there twice: a newcomer should not have to choose.
pub fn commands(readme: &str) -> Result<Commands, Failure> {
    let blocks = code_lines(readme);
    let one = |prefix: &str| {
        let mut found = blocks.iter().filter(|line| line.starts_with(prefix));
        match (found.next(), found.next()) {
            (Some(line), None) => Ok((*line).to_owned()),
            (None, _) => {
                Err(Failure(format!("README.md has no line `{prefix}...` in a code block")))
            }
            (Some(_), Some(_)) => {
                Err(Failure(format!("README.md has several lines `{prefix}...` in code blocks")))
            }
        }
    };
    Ok(Commands { demo: one("cargo run --release -- demo")?, test: one("cargo test")? })
}

/// The lines inside fenced code blocks, trimmed.
fn code_lines(markdown: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            lines.push(line.trim());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
cargo test --fast

```sh
cargo run --release -- demo
cargo test --workspace
```
";

    #[test]
    fn both_commands_are_taken_from_code_blocks_only() {
        let commands = commands(GOOD).unwrap();
        assert_eq!(commands.demo, "cargo run --release -- demo");
        assert_eq!(commands.test, "cargo test --workspace");
    }

    #[test]
    fn a_missing_or_doubled_command_is_an_error() {
        let missing = commands("```\ncargo run --release -- demo\n```\n").unwrap_err();
        assert!(missing.0.contains("no line `cargo test"), "{missing}");
        let doubled = commands(&GOOD.repeat(2)).unwrap_err();
        assert!(doubled.0.contains("several lines"), "{doubled}");
    }

    #[test]
    fn the_readme_of_this_repository_has_both() {
        let readme = crate::repository::Repository::find().unwrap().read("README.md").unwrap();
        let commands = commands(&readme).unwrap();
        assert_eq!(commands.demo, "cargo run --release -- demo");
        assert_eq!(commands.test, "cargo test --workspace");
    }
}
