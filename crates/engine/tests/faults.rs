//! Damaged feeds: a wrong book is never shown as live.
//!
//! Method: a seeded market of our own, whose true book is known at every update id, is recorded;
//! the recording is damaged in one place and replayed. Whatever happens, a book that ends live must
//! equal the truth at the id it claims. What the damage must lead to is asserted beside it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::collections::BTreeMap;

use tickbook_engine::replay::{Replayed, from_memory};
use tickbook_engine::report::BookReport;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::Decimal;
use util::{Line, Market, Random, SYMBOL, Truth, market};

const SEEDS: u64 = 60;
const DIFFS: usize = 40;

fn replay(lines: &[Line], test: &str) -> Replayed {
    let dir = util::ShmDir::new(test);
    let capture = util::capture_of(lines);
    from_memory(&capture, &util::options(&dir, BuilderPlace::Inline, test)).unwrap()
}

fn book(replayed: &Replayed) -> &BookReport {
    &replayed.books.symbols[SYMBOL]
}

/// A live book must be the true one at its id.
fn assert_honest(market: &Market, replayed: &Replayed, what: &str) {
    let book = book(replayed);
    if book.state == "live" {
        let id = book.last_seq.unwrap();
        let truth = market.truth.get(&id).unwrap_or_else(|| panic!("{what}: no such id {id}"));
        assert!(truth.equals(book), "{what}: live and wrong at {id}: {book:?}");
    }
}

fn diffs(lines: &[Line]) -> Vec<usize> {
    let is_diff = |(_, line): &(usize, &Line)| matches!(line, Line::Diff(_));
    lines.iter().enumerate().filter(is_diff).map(|(index, _)| index).collect()
}

#[test]
fn an_undamaged_feed_ends_live_and_true() {
    let mut checked = 0;
    for seed in 0..SEEDS {
        let market = market(seed, DIFFS);
        let replayed = replay(&market.lines, "whole");
        assert_eq!(book(&replayed).state, "live", "seed {seed}");
        assert_eq!(book(&replayed).last_seq, market.truth.keys().next_back().copied());
        assert_honest(&market, &replayed, "whole");
        let checks = replayed.report.bbo_checks.unwrap();
        assert_eq!(checks.bad, 0, "seed {seed}: {checks:?}");
        checked += checks.ok;
    }
    assert!(checked > SEEDS, "the tickers must have judged some books");
}

#[test]
fn without_its_snapshot_a_book_never_lives() {
    for seed in 0..SEEDS {
        let mut market = market(seed, DIFFS);
        market.lines.retain(|line| !matches!(line, Line::Http(..)));
        let replayed = replay(&market.lines, "bare");
        assert_eq!(book(&replayed).state, "syncing", "seed {seed}");
        assert_eq!(book(&replayed).applied, 0);
    }
}

#[test]
fn a_removed_diff_ends_in_a_stale_book_and_a_resync() {
    for seed in 0..SEEDS {
        let mut market = market(seed, DIFFS);
        let places = diffs(&market.lines);
        // Behind the snapshot and before the last diff, so that a successor can show the hole.
        let at = 5 + Random(seed).below(places.len() - 6);
        market.lines.remove(places[at]);
        let replayed = replay(&market.lines, "hole");
        let book = book(&replayed);
        assert_eq!((book.state, book.reason), ("stale", Some("gap")), "seed {seed}");
        assert_eq!((replayed.report.gaps, replayed.report.resyncs), (1, 1), "seed {seed}");
    }
}

#[test]
fn a_snapshot_after_a_hole_heals_the_book() {
    for seed in 0..SEEDS {
        let mut market = market(seed, DIFFS);
        let places = diffs(&market.lines);
        let healing = market.lines.iter().find(|it| matches!(it, Line::Http(..))).cloned();
        market.lines.remove(places[8]);
        let Some(Line::Http(url, _)) = healing else { panic!("a market has a snapshot") };
        let (id, truth) = market.truth.iter().nth(20).unwrap();
        let body = body(*id, truth);
        market.lines.insert(places[30], Line::Http(url, body));
        let replayed = replay(&market.lines, "healed");
        assert_eq!(book(&replayed).state, "live", "seed {seed}");
        assert_eq!(replayed.report.gaps, 1);
        assert_honest(&market, &replayed, "healed");
    }
}

fn body(id: u64, truth: &Truth) -> String {
    let side = |levels: Vec<(&i64, &u64)>| {
        let levels = levels.into_iter();
        let levels =
            levels.map(|(p, s)| format!("[\"{}\",\"{}\"]", util::cents(*p), util::thousandths(*s)));
        levels.collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (side(truth.bids.iter().collect()), side(truth.asks.iter().collect()));
    format!("{{\"lastUpdateId\":{id},\"bids\":[{bids}],\"asks\":[{asks}]}}")
}

#[test]
fn swapped_duplicated_and_cut_frames_never_make_a_wrong_book() {
    for seed in 0..SEEDS {
        let whole = market(seed, DIFFS);
        let places = diffs(&whole.lines);
        let mut random = Random(seed);
        let at = random.below(places.len() - 1);

        let mut swapped = whole.clone();
        swapped.lines.swap(places[at], places[at + 1]);
        assert_honest(&swapped, &replay(&swapped.lines, "swapped"), "swapped");

        let mut doubled = whole.clone();
        let line = doubled.lines[places[at]].clone();
        doubled.lines.insert(places[at] + random.below(4), line);
        let replayed = replay(&doubled.lines, "doubled");
        assert_honest(&doubled, &replayed, "doubled");

        let mut cut = whole.clone();
        let Line::Diff(frame) = &mut cut.lines[places[at]] else { panic!("a diff") };
        frame.truncate(1 + random.below(frame.len() - 1));
        let replayed = replay(&cut.lines, "cut");
        assert_honest(&cut, &replayed, "cut");
        if at > 4 && at + 1 < places.len() {
            assert_eq!(book(&replayed).state, "stale", "seed {seed}: a lost diff must show");
        }
    }
}

/// A flipped byte can make another valid message, which nobody can tell from a true one; then the
/// book is what the venue seems to have said. Everything else must show.
#[test]
fn flipped_bytes_never_make_a_book_that_was_not_said() {
    let mut finer = 0;
    for seed in 0..SEEDS * 5 {
        let mut market = market(seed, DIFFS);
        let places = diffs(&market.lines);
        let mut random = Random(seed ^ 0xF11B);
        let Line::Diff(frame) = &mut market.lines[places[random.below(places.len())]] else {
            panic!("a diff")
        };
        let mut bytes = frame.clone().into_bytes();
        let at = 1 + random.below(bytes.len() - 1);
        bytes[at] = (bytes[at] ^ (1 << random.below(7))) & 0x7F;
        if bytes[at] == b'\n' || bytes[at] == b'\r' {
            continue;
        }
        *frame = String::from_utf8(bytes).unwrap();
        let replayed = replay(&market.lines, "flipped");
        let Some(book) = replayed.books.symbols.get(SYMBOL) else { continue };
        if book.state == "live" {
            match said(&market.lines) {
                Said::Book(said) => {
                    assert!(said.equals(book), "seed {seed}: {book:?} is not {said:?}")
                }
                Said::Finer => finer += 1,
                Said::Broken => panic!("seed {seed}: live, but the frames do not chain: {book:?}"),
            }
        }
    }
    assert!(finer < SEEDS, "most flips must be judged, {finer} were not");
}

/// What the frames of a damaged recording amount to.
enum Said {
    /// This book.
    Book(Truth),
    /// A book with more digits than [`Truth`] has.
    Finer,
    /// No book: a frame is lost, and its successors show it.
    Broken,
}

/// What the frames say, by a general parser and the venue's rules.
fn said(lines: &[Line]) -> Said {
    let mut book = Truth::default();
    let mut id = None;
    let mut waiting = Vec::new();
    for line in lines {
        match line {
            Line::Http(_, body) => {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                let changes = changes(&body["bids"], &body["asks"]).unwrap_or_default();
                changes
                    .into_iter()
                    .for_each(|((is_bid, price), size)| book.set(is_bid, price, size));
                id = body["lastUpdateId"].as_u64();
                for diff in std::mem::take(&mut waiting) {
                    if let Err(end) = step(&mut book, &mut id, &diff) {
                        return end;
                    }
                }
            }
            Line::Diff(frame) => {
                let Ok(frame) = serde_json::from_str::<serde_json::Value>(frame) else { continue };
                let diff = &frame["data"];
                if diff["s"] != SYMBOL || diff["e"] != "depthUpdate" {
                    continue;
                }
                if id.is_none() {
                    waiting.push(diff.clone());
                } else if let Err(end) = step(&mut book, &mut id, diff) {
                    return end;
                }
            }
            _ => {}
        }
    }
    Said::Book(book)
}

fn step(book: &mut Truth, id: &mut Option<u64>, diff: &serde_json::Value) -> Result<(), Said> {
    let ids = (diff["U"].as_u64(), diff["u"].as_u64(), *id);
    let (Some(first), Some(last), Some(now)) = ids else { return Ok(()) };
    if last <= now {
        return Ok(());
    }
    if first > now + 1 {
        return Err(Said::Broken);
    }
    match changes(&diff["b"], &diff["a"]) {
        Ok(changes) => {
            changes.into_iter().for_each(|((is_bid, price), size)| book.set(is_bid, price, size));
            *id = Some(last);
            Ok(())
        }
        Err(Number::Finer) => Err(Said::Finer),
        // Not applied: the next diff shows the hole.
        Err(Number::None) => Ok(()),
    }
}

/// Why a level is none of [`Truth`]'s.
enum Number {
    Finer,
    None,
}

type Changes = BTreeMap<(bool, i64), u64>;

fn changes(bids: &serde_json::Value, asks: &serde_json::Value) -> Result<Changes, Number> {
    let scaled = |value: &serde_json::Value, exponent| {
        let text = value.as_str().ok_or(Number::None)?;
        let decimal = Decimal::parse(text.as_bytes()).map_err(|_| Number::None)?;
        decimal.to_mantissa(exponent).map_err(|_| Number::Finer)
    };
    let mut changes = BTreeMap::new();
    for (is_bid, side) in [(true, bids), (false, asks)] {
        for level in side.as_array().ok_or(Number::None)? {
            let price = scaled(&level[0], -2)?;
            let size = scaled(&level[1], -3)?;
            changes.insert((is_bid, price), u64::try_from(size).map_err(|_| Number::None)?);
        }
    }
    Ok(changes)
}
