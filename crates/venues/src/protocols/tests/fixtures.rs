//! The same small book in every venue's words (`words.txt`), written for these tests.

use std::sync::LazyLock;

use tickbook_types::Venue;

use crate::session::Subscription;

/// A venue's words: all of them go from bids 100.5 x 2, 100 x 1, asks 101 x 3 to bids 100.5 x 2,
/// asks 101 x 3, 101.5 x 4. Where orders come one by one, there are several lines, to be said one
/// after the other.
pub(super) struct Words {
    pub(super) venue: Venue,
    /// Which of its channels, where it has several.
    pub(super) depth: Option<u32>,
    /// How a subscription names it.
    pub(super) symbol: &'static str,
    /// The book's name.
    pub(super) name: &'static str,
    /// What has to be said on a connection before anything else; mostly empty.
    pub(super) opening: &'static str,
    pub(super) snapshot: &'static str,
    /// The address of the snapshot, where REST has it; otherwise empty.
    pub(super) rest: &'static str,
    pub(super) delta: &'static str,
    /// What may come once something was lost; empty where a loss does not show.
    pub(super) after_loss: &'static str,
    /// Understood, but neither book nor trade.
    pub(super) aside: &'static str,
    /// A refusal with the words `no such pair`; empty where none is known.
    pub(super) refusal: &'static str,
    /// Trades from before the subscription; empty where the venue sends none.
    pub(super) old_trades: &'static str,
    /// 0.25 sold at 5.5; empty where trades are not read.
    pub(super) trade: &'static str,
}

/// A key for every venue that wants one. The secret is `secret`.
pub(super) const KEY: &str =
    "token = key-of-the-test\nkey = k\nsecret = c2VjcmV0\npassphrase = of-the-test";

/// The words of every venue.
pub(super) static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let sections = include_str!("words.txt").split("= ").skip(1);
    sections.map(section).collect()
});

/// `= VENUE SYMBOL NAME` (or `VENUE@DEPTH`: a further channel of it), and a line for each kind of
/// message.
fn section(text: &'static str) -> Words {
    let (head, lines) = text.split_once('\n').unwrap();
    let mut head = head.split(' ');
    let line = |kind: &str| {
        let texts = lines.lines().filter_map(|line| line.split_once(' '));
        let texts: Vec<&str> = texts.filter(|(of, _)| *of == kind).map(|(_, text)| text).collect();
        &*texts.join("\n").leak()
    };
    let label = head.next().unwrap();
    let (venue, depth) = label.split_once('@').unwrap_or((label, ""));
    Words {
        venue: venue.parse().unwrap(),
        depth: depth.parse().ok(),
        symbol: head.next().unwrap(),
        name: head.next().unwrap(),
        opening: line("opening"),
        snapshot: line("snapshot"),
        rest: line("rest"),
        delta: line("delta"),
        after_loss: line("after_loss"),
        aside: line("aside"),
        refusal: line("refusal"),
        old_trades: line("old_trades"),
        trade: line("trade"),
    }
}

impl Words {
    /// The book of these words.
    pub(super) fn subscription(&self) -> Subscription {
        Subscription { depth: self.depth, ..Subscription::all(self.symbol) }
    }
}

/// The words of one venue.
pub(super) fn of(venue: Venue) -> &'static Words {
    ALL.iter().find(|words| words.venue == venue).unwrap()
}
