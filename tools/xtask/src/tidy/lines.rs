//! Rules that look at one line at a time.

use super::{Finding, Rule};
use crate::repository::SourceFile;

/// Columns of a line of Rust, as in `.rustfmt.toml`.
pub const COLUMNS_MAX: usize = 100;

/// Written by tools, not by us.
const GENERATED: &[&str] = &["Cargo.lock"];

/// Words that mark unfinished work in any text. Put together here so that this file passes.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];

/// Macros that mark unfinished work in Rust.
const MACROS: &[&str] = &[concat!("todo", "!"), concat!("unimplemented", "!"), concat!("dbg", "!")];

/// Paths and names of machines this was built on: nobody else has them.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "bash_jobs"),
    concat!(".lib", "rary"),
    concat!("fa", "rm-"),
];

/// Adds what is wrong with the lines of `file`.
pub(super) fn check(file: &SourceFile, findings: &mut Vec<Finding>) {
    let Some(text) = &file.text else { return };
    if GENERATED.contains(&file.path.as_str()) {
        return;
    }
    let is_rust = file.has_extension("rs");
    for (index, line) in text.split('\n').enumerate() {
        let mut add = |rule: Rule, message: String| {
            let path = file.path.clone();
            findings.push(Finding { rule, path, line: Some(index + 1), message });
        };
        let columns = line.chars().count();
        if is_rust && columns > COLUMNS_MAX && !is_address(line) {
            add(Rule::LineLength, format!("{columns} columns; break it at {COLUMNS_MAX}"));
        }
        if line.contains('\t') {
            add(Rule::Tab, "a tab; write blanks, or \\t in a literal".to_owned());
        }
        if line.ends_with([' ', '\t', '\r']) {
            add(Rule::TrailingSpace, "white space at the end of the line; cut it".to_owned());
        }
        if let Some(mark) = MARKS.iter().find(|mark| has_word(line, mark)) {
            add(Rule::Unfinished, format!("`{mark}`; finish it, or say what is and why"));
        }
        if let Some(name) = MACROS.iter().find(|name| is_rust && has_word(line, name)) {
            add(Rule::Unfinished, format!("`{name}`; finish it, or return an error"));
        }
        if let Some(name) = FOREIGN.iter().find(|name| line.contains(**name)) {
            add(Rule::OwnWorld, format!("`{name}` exists on one machine only; leave it out"));
        }
    }
}

/// Whether the line is a comment that holds nothing but an address, which cannot be broken.
fn is_address(line: &str) -> bool {
    let mut words =
        line.split_whitespace().filter(|word| !word.trim_matches(['/', '!']).is_empty());
    words.next().is_some_and(|word| word.contains("://")) && words.next().is_none()
}

/// Whether `word` stands in `line` with no letter, digit or `_` right before or behind it.
fn has_word(line: &str, word: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let behind = line[start + word.len()..].chars().next();
        !before.is_some_and(is_inner) && (word.ends_with('!') || !behind.is_some_and(is_inner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<Rule> {
        let mut findings = Vec::new();
        check(&SourceFile::new(path, text.as_bytes().to_vec()), &mut findings);
        findings.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_good_file_has_no_findings() {
        assert_eq!(rules("a.rs", "//! Fine.\n\nfn main() {}\n"), []);
    }

    #[test]
    fn lines_of_rust_are_counted_in_columns_not_bytes() {
        assert_eq!(rules("a.rs", &"x".repeat(COLUMNS_MAX)), []);
        assert_eq!(rules("a.rs", &"ä".repeat(COLUMNS_MAX)), []);
        assert_eq!(rules("a.rs", &"x".repeat(COLUMNS_MAX + 1)), [Rule::LineLength]);
        assert_eq!(rules("a.md", &"x".repeat(COLUMNS_MAX + 1)), []);
    }

    #[test]
    fn a_line_that_is_one_address_may_be_long() {
        let address = format!("https://example.org/{}", "x".repeat(COLUMNS_MAX));
        assert_eq!(rules("a.rs", &format!("/// {address}")), []);
        assert_eq!(rules("a.rs", &format!("/// see {address}")), [Rule::LineLength]);
        assert_eq!(rules("a.rs", &format!("/// {address} has more")), [Rule::LineLength]);
        assert_eq!(rules("a.rs", &format!("/// {}", "x".repeat(COLUMNS_MAX))), [Rule::LineLength]);
    }

    #[test]
    fn tabs_and_white_space_at_the_end_are_found_with_their_line() {
        assert_eq!(rules("a.toml", "\tx"), [Rule::Tab]);
        assert_eq!(rules("a.md", "x "), [Rule::TrailingSpace]);
        assert_eq!(rules("a.md", "x\r\n"), [Rule::TrailingSpace]);
        let mut findings = Vec::new();
        check(&SourceFile::new("a.rs", b"fine\nfine\nbad \n".to_vec()), &mut findings);
        assert_eq!(findings[0].line, Some(3));
    }

    #[test]
    fn marks_of_unfinished_work_are_found_as_words() {
        for mark in MARKS {
            assert_eq!(rules("a.md", &format!("<!-- {mark}: later -->")), [Rule::Unfinished]);
            assert_eq!(rules("a.md", &format!("{mark}BTZUSD and A_{mark}")), []);
        }
        for name in MACROS {
            assert_eq!(rules("a.rs", &format!("    {name}()")), [Rule::Unfinished]);
            assert_eq!(rules("a.rs", &format!("    my_{name}()")), []);
            assert_eq!(rules("a.md", &format!("    {name}()")), []);
        }
    }

    #[test]
    fn names_of_one_machine_are_found_anywhere() {
        for name in FOREIGN {
            assert_eq!(rules("a.sh", &format!("cd {name}x")), [Rule::OwnWorld], "{name}");
        }
    }

    #[test]
    fn binary_and_generated_files_are_left_alone() {
        let mut findings = Vec::new();
        check(&SourceFile::new("a.rs", vec![0xff, b'\t']), &mut findings);
        assert_eq!(findings, []);
        assert_eq!(rules("Cargo.lock", "\tx "), []);
    }
}
