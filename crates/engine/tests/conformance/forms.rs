//! What each venue writes, read from `forms.txt`.

use std::sync::LazyLock;

use tickbook_types::Venue;

/// The forms of one venue.
#[derive(Debug)]
pub struct Form {
    pub venue: Venue,
    /// Its row in the table: the venue, or `VENUE@DEPTH` for a further channel of it.
    pub label: &'static str,
    /// Levels a side that such a channel is asked for by.
    pub depth: Option<u32>,
    /// How a subscription names it.
    pub symbol: &'static str,
    /// The book's name.
    pub name: &'static str,
    lines: Vec<(&'static str, &'static str)>,
}

impl Form {
    /// The line of a kind, if the venue has one.
    pub fn line(&self, kind: &str) -> Option<&'static str> {
        self.lines.iter().find(|(of, _)| *of == kind).map(|(_, text)| *text)
    }

    pub fn has(&self, kind: &str) -> bool {
        self.line(kind).is_some()
    }

    /// Whether snapshots come by REST.
    pub fn is_spliced(&self) -> bool {
        self.has("rest")
    }

    /// Whether every message is a whole book.
    pub fn is_whole(&self) -> bool {
        self.has("whole")
    }
}

/// The forms of every venue.
pub static ALL: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let (_, sections) = include_str!("forms.txt").split_once("\n\n= ").unwrap();
    sections.split("\n\n= ").map(section).collect()
});

fn section(text: &'static str) -> Form {
    let mut lines = text.lines();
    let mut head = lines.next().unwrap().split(' ');
    let mut word = || head.next().unwrap();
    let label = word();
    let (venue, depth) = label.split_once('@').unwrap_or((label, ""));
    Form {
        venue: venue.parse().unwrap(),
        label,
        depth: depth.parse().ok(),
        symbol: word(),
        name: word(),
        lines: lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect(),
    }
}
