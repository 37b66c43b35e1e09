//! The tidy test: what no lint can check.
//!
//! Every rule is a function from the files of the repository to findings, so that each can be shown
//! to fire on a bad sample. A finding says what to do instead. Files that may break a rule are
//! listed by name, with the reason, in [`exemptions`].
//!
//! # Guarantees
//!
//! - An exemption that no longer excuses anything is itself a finding.
//! - Files that git ignores are never looked at; files that are not UTF-8 are judged by size and
//!   name only.

pub mod exemptions;
pub mod lines;
pub mod listings;
pub mod names;

use std::fmt;

use crate::repository::{Repository, SourceFile};
use crate::step::Failure;
use exemptions::{EXEMPTIONS, Exemption};

/// The rules, as exemptions and findings name them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// No file over [`names::BLOB_BYTES_MAX`].
    BlobSize,
    /// Every counter and stage is listed in `docs/OPERATING.md`.
    CounterListed,
    /// Every crate is listed in `docs/ARCHITECTURE.md`.
    CrateListed,
    /// Every external dependency of the workspace has a comment that says what it is for.
    DependencyReason,
    /// No exemption without a sinner.
    Exemption,
    /// Rust files stay short.
    FileLength,
    /// No vague words in names of files and folders.
    FileName,
    /// Lines of Rust stay within [`lines::COLUMNS_MAX`].
    LineLength,
    /// One title per Markdown file.
    MarkdownTitle,
    /// The project speaks of itself alone, not of one machine it was built on.
    OwnWorld,
    /// Indentation and alignment by blanks.
    Tab,
    /// No white space at the end of a line.
    TrailingSpace,
    /// No marks of unfinished work.
    Unfinished,
}

/// A breach of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// In which file.
    pub path: String,
    /// In which line, counted from 1; `None` if the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} [{:?}]", self.message, self.rule)
    }
}

/// Checks `repository` and prints every finding.
///
/// # Errors
///
/// If there is a finding, or a file cannot be read.
pub fn check(repository: &Repository) -> Result<(), Failure> {
    let files = repository.files()?;
    let findings = excuse(findings(&files), EXEMPTIONS);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        let counters = listings::counters(&files).len();
        println!("{} files, {counters} counters and stages: all tidy", files.len());
        Ok(())
    } else {
        Err(Failure(format!("tidy has {} findings", findings.len())))
    }
}

/// Every breach of every rule, exempt or not.
#[must_use]
pub fn findings(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        lines::check(file, &mut findings);
        names::check(file, &mut findings);
    }
    listings::check(files, &mut findings);
    findings
}

/// What is left of `findings` once `exemptions` are granted.
fn excuse(findings: Vec<Finding>, exemptions: &[Exemption]) -> Vec<Finding> {
    let excuses = |exemption: &Exemption, finding: &Finding| {
        exemption.rule == finding.rule && exemption.path == finding.path
    };
    let unused: Vec<Finding> = exemptions
        .iter()
        .filter(|exemption| !findings.iter().any(|finding| excuses(exemption, finding)))
        .map(|exemption| Finding {
            rule: Rule::Exemption,
            path: exemption.path.to_owned(),
            line: None,
            message: format!("{:?} is not breached any more: drop the exemption", exemption.rule),
        })
        .collect();
    findings
        .into_iter()
        .filter(|finding| !exemptions.iter().any(|exemption| excuses(exemption, finding)))
        .chain(unused)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: Rule, path: &str) -> Finding {
        Finding { rule, path: path.to_owned(), line: Some(3), message: "bad".to_owned() }
    }

    #[test]
    fn an_exemption_excuses_its_rule_in_its_file_only() {
        let exemptions = [Exemption { rule: Rule::Tab, path: "a.rs", reason: "a table" }];
        let findings = vec![
            finding(Rule::Tab, "a.rs"),
            finding(Rule::Tab, "b.rs"),
            finding(Rule::LineLength, "a.rs"),
        ];
        let left = excuse(findings.clone(), &exemptions);
        assert_eq!(left, findings[1..]);
    }

    #[test]
    fn an_exemption_that_excuses_nothing_is_a_finding() {
        let exemptions = [Exemption { rule: Rule::Tab, path: "a.rs", reason: "a table" }];
        let left = excuse(Vec::new(), &exemptions);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].rule, Rule::Exemption);
    }

    #[test]
    fn a_finding_is_shown_with_its_place() {
        assert_eq!(finding(Rule::Tab, "a.rs").to_string(), "a.rs:3: bad [Tab]");
    }
}
