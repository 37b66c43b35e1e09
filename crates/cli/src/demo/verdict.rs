//! The end of a demo: every book against the venue's own, every message against a count.

use std::fmt;

use tickbook_engine::live::EngineEnd;
use tickbook_engine::outcome;
use tickbook_venue_sim::Sim;

use crate::text::count;

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    equal: usize,
    wrong: Vec<String>,
    frames: u64,
    book_messages: u64,
    gaps: u64,
    resyncs: u64,
    sent: u64,
}

impl Verdict {
    /// Whether every book is live and equals the venue's, and nothing sent went uncounted.
    pub(super) const fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.equal > 0 && self.frames == self.sent
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} messages sent by the venue, {} received; {} book messages, {} gaps, {} resyncs",
            count(self.sent),
            count(self.frames),
            count(self.book_messages),
            self.gaps,
            self.resyncs
        )?;
        for line in &self.wrong {
            writeln!(f, "  {line}")?;
        }
        let all = self.equal + self.wrong.len();
        write!(f, "{} of {all} books equal the venue's own, level by level", self.equal)
    }
}

/// Compares the final books with the paused venue's.
pub(super) fn of(sim: &Sim, end: &EngineEnd) -> Verdict {
    let mut verdict = Verdict { sent: sim.stats().messages_sent, ..Verdict::default() };
    for venue in &end.venues {
        verdict.frames += venue.counters.frames;
        verdict.book_messages += venue.counters.book_messages;
        verdict.gaps += venue.counters.gaps;
        verdict.resyncs += venue.counters.resyncs;
    }
    let books = outcome::books(&end.builders, usize::MAX);
    for symbol in sim.symbols() {
        match difference(sim, &books, &symbol) {
            None => verdict.equal += 1,
            Some(what) => verdict.wrong.push(format!("{symbol}: {what}")),
        }
    }
    verdict
}

/// What is different between the book of `symbol` and the venue's; `None` if nothing is.
fn difference(sim: &Sim, books: &tickbook_engine::report::Books, symbol: &str) -> Option<String> {
    let Some(truth) = sim.true_book(symbol) else {
        return Some("the venue has no such book".to_owned());
    };
    let Some(book) = books.symbols.get(symbol) else {
        return Some("the engine has no such book".to_owned());
    };
    if book.state != "live" {
        return Some(format!("is {} ({})", book.state, book.reason.unwrap_or_default()));
    }
    if book.last_seq != Some(truth.last_id) {
        return Some(format!("is at {:?}, the venue at {}", book.last_seq, truth.last_id));
    }
    for (what, ours, theirs) in
        [("bids", &book.bids, &truth.bids), ("asks", &book.asks, &truth.asks)]
    {
        let same = |(ours, theirs): (&[String; 2], &(String, String))| {
            ours[0] == theirs.0 && ours[1] == theirs.1
        };
        if let Some(row) = ours.iter().zip(theirs).position(|pair| !same(pair)) {
            return Some(format!(
                "{what} differ at level {row}: {:?} {:?}",
                ours[row], theirs[row]
            ));
        }
        if ours.len() != theirs.len() {
            return Some(format!("has {} {what}, the venue {}", ours.len(), theirs.len()));
        }
    }
    None
}
