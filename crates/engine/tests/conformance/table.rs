//! The table of `table.txt`, and what the docs say of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::cases;

/// Words that a cell may hold, what they mean, and the cells of each venue, in order.
#[derive(Debug, Default)]
pub struct Table {
    pub words: BTreeMap<&'static str, &'static str>,
    pub columns: Vec<&'static str>,
    pub rows: Vec<(&'static str, Vec<&'static str>)>,
}

pub static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in include_str!("table.txt").lines() {
        if let Some(entry) = line.strip_prefix("  ") {
            let (words, meaning) = entry.split_once("  ").unwrap();
            for word in words.split(", ") {
                table.words.insert(word, meaning.trim());
            }
        } else if let Some(columns) = line.strip_prefix("venue ") {
            table.columns = columns.split_whitespace().collect();
        } else if !table.columns.is_empty() {
            let mut cells = line.split_whitespace();
            let venue = cells.next().unwrap();
            table.rows.push((venue, cells.collect()));
        }
    }
    table
});

impl Table {
    /// The cell of a venue and a case.
    pub fn cell(&self, venue: &str, case: &str) -> &'static str {
        let column = self.columns.iter().position(|column| *column == case).unwrap();
        let row = self.rows.iter().find(|(name, _)| *name == venue).unwrap();
        row.1[column]
    }

    /// The table by cases, for the docs: of each, which venues have which cell.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| case | what comes of it |\n| --- | --- |\n");
        for case in cases::ALL {
            let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (venue, _) in &self.rows {
                groups.entry(self.cell(venue, case.name)).or_default().push(venue);
            }
            let mut groups: Vec<_> = groups.into_iter().collect();
            groups.sort_by_key(|(cell, venues)| (std::cmp::Reverse(venues.len()), *cell));
            let _ = write!(text, "| {} |", case.what);
            let most = groups.len() > 1;
            for (n, (cell, venues)) in groups.iter().enumerate() {
                let said = match cell.strip_prefix('-') {
                    Some(_) => format!("cannot be: {}", self.words[cell]),
                    None => format!("**{cell}**"),
                };
                let who = match n {
                    0 if !most => "all".to_owned(),
                    0 => "all others".to_owned(),
                    _ => venues.join(", "),
                };
                let _ = write!(text, "{} {said} ({who})", if n == 0 { "" } else { ";" });
            }
            text.push_str(" |\n");
        }
        text.push_str("\nThe words:\n\n");
        for (word, meaning) in self.words.iter().filter(|(word, _)| !word.starts_with('-')) {
            let _ = writeln!(text, "- **{word}**: {meaning}");
        }
        text
    }
}
