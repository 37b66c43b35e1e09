//! Rules that look at one file as a whole: its name, its size, its title.

use super::{Finding, Rule};
use crate::repository::SourceFile;

/// Bytes of any file: history keeps every version of it for ever.
pub const BLOB_BYTES_MAX: usize = 256 * 1024;

/// Lines of a Rust file: a file is one idea.
pub const LINES_MAX: usize = 600;

/// May be big: nobody reads it, and Cargo needs it whole.
const BIG: &[&str] = &["Cargo.lock"];

/// Words that say nothing of what a file holds, and what to call it instead.
const VAGUE: &[(&str, &str)] = &[
    ("common", "what the things in it have in common"),
    ("helper", "what it helps with"),
    ("helpers", "what they help with"),
    ("mgr", "what it does to what it manages"),
    ("misc", "one file per thing in it"),
    ("util", "what it is used for"),
    ("utils", "what they are used for"),
];

/// Where scaffolding shared by the tests of one crate goes. A usual name for a module that is no
/// test, so the one place where the word says enough.
const SCAFFOLDING: &str = "/tests/util/";

/// Adds what is wrong with `file` as a whole.
pub(super) fn check(file: &SourceFile, findings: &mut Vec<Finding>) {
    let mut add = |rule: Rule, message: String| {
        findings.push(Finding { rule, path: file.path.clone(), line: None, message });
    };
    if file.byte_len > BLOB_BYTES_MAX && !BIG.contains(&file.path.as_str()) {
        let bytes = file.byte_len;
        add(Rule::BlobSize, format!("{bytes} bytes; generate it, or keep it elsewhere"));
    }
    let path = file.path.replace(SCAFFOLDING, "/tests/");
    for word in path.split(|c: char| !c.is_alphanumeric()).map(str::to_ascii_lowercase) {
        if let Some((vague, instead)) = VAGUE.iter().find(|(vague, _)| *vague == word) {
            add(Rule::FileName, format!("`{vague}` in the name; name it after {instead}"));
        }
    }
    let Some(text) = &file.text else { return };
    let lines = text.lines().count();
    if file.has_extension("rs") && lines > LINES_MAX {
        add(Rule::FileLength, format!("{lines} lines; split it by idea at {LINES_MAX}"));
    }
    if file.has_extension("md") {
        let titles = titles(text);
        if titles != 1 {
            add(Rule::MarkdownTitle, format!("{titles} headings `# `; give it exactly one title"));
        }
    }
}

/// Headings of the first order outside code blocks.
fn titles(markdown: &str) -> usize {
    let mut is_code = false;
    let mut titles = 0;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code && line.starts_with("# ") {
            titles += 1;
        }
    }
    titles
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
    fn a_big_file_is_found_unless_it_is_the_lock_file() {
        assert_eq!(rules("a.bin", &"x".repeat(BLOB_BYTES_MAX)), []);
        assert_eq!(rules("a.bin", &"x".repeat(BLOB_BYTES_MAX + 1)), [Rule::BlobSize]);
        assert_eq!(rules("Cargo.lock", &"x".repeat(BLOB_BYTES_MAX + 1)), []);
    }

    #[test]
    fn vague_words_are_found_in_files_and_folders() {
        for (word, _) in VAGUE {
            assert_eq!(rules(&format!("crates/a/src/{word}.rs"), ""), [Rule::FileName]);
            assert_eq!(rules(&format!("crates/a/{word}/b.rs"), ""), [Rule::FileName]);
            assert_eq!(rules(&format!("crates/ring_{word}.rs"), ""), [Rule::FileName]);
            assert_eq!(rules(&format!("crates/{word}ed.rs"), ""), [], "{word} within a word");
        }
    }

    #[test]
    fn scaffolding_of_tests_keeps_its_usual_name() {
        assert_eq!(rules("crates/a/tests/util/mod.rs", ""), []);
        assert_eq!(rules("crates/a/tests/util/misc.rs", ""), [Rule::FileName]);
        assert_eq!(rules("crates/a/src/util/mod.rs", ""), [Rule::FileName]);
    }

    #[test]
    fn a_long_file_of_rust_is_found() {
        assert_eq!(rules("a.rs", &"\n".repeat(LINES_MAX)), []);
        assert_eq!(rules("a.rs", &"\n".repeat(LINES_MAX + 1)), [Rule::FileLength]);
        assert_eq!(rules("a.json", &"\n".repeat(LINES_MAX + 1)), []);
    }

    #[test]
    fn a_page_has_exactly_one_title() {
        assert_eq!(rules("a.md", "# Title\n\n## Part\n\n```sh\n# a comment\n```\n"), []);
        assert_eq!(rules("a.md", "## Part\n"), [Rule::MarkdownTitle]);
        assert_eq!(rules("a.md", "# One\n\n# Two\n"), [Rule::MarkdownTitle]);
    }
}
