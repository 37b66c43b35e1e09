//! Two recordings of connections with the same subscriptions at the same time, played together.
//!
//! Method: the books must be those of each alone, with about half of the messages dropped as
//! repetitions; and the same with one of them cut off in the middle, and with holes in the one that
//! follows.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::io::Read as _;
use std::path::Path;

use tickbook_capture::{Capture, Limits};
use tickbook_engine::replay::{Replayed, on_lines};
use tickbook_engine::topology::BuilderPlace;

const LINES: [&str; 2] = ["l2tbt_connA_20210722.cap.gz", "l2tbt_connB_20210722.cap.gz"];

fn texts() -> Option<[String; 2]> {
    let root = util::captures()?.join("okx_v5");
    Some(LINES.map(|name| {
        let mut text = String::new();
        let file = std::fs::File::open(root.join(name)).unwrap();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    }))
}

fn capture(lines: &[&str]) -> Capture {
    let text = lines.concat().into_bytes();
    let (capture, damage) = Capture::from_file(Path::new("line.cap"), text, &Limits::default());
    assert!(damage.is_none(), "{damage:?}");
    capture
}

fn replay(test: &str, captures: &[Capture]) -> Replayed {
    let dir = util::ShmDir::new(test);
    on_lines(captures, &util::options(&dir, BuilderPlace::Inline, test)).unwrap()
}

fn same_books(one: &Replayed, other: &Replayed) {
    assert_eq!(one.books.symbols.len(), other.books.symbols.len());
    for (symbol, book) in &one.books.symbols {
        let twin = &other.books.symbols[symbol];
        assert_eq!(book.state, "live", "{symbol}");
        assert_eq!((&book.bids, &book.asks), (&twin.bids, &twin.asks), "{symbol}");
        let levels = |it: &tickbook_engine::report::BookReport| (it.bid_levels, it.ask_levels);
        assert_eq!(levels(book), levels(twin), "{symbol}");
    }
}

#[test]
fn two_lines_end_with_the_books_of_each() {
    let Some(texts) = texts() else { return };
    let [a, b] =
        texts.each_ref().map(|text| capture(&text.split_inclusive('\n').collect::<Vec<_>>()));
    let alone = [&a, &b].map(|it| replay("lines-alone", std::slice::from_ref(it)));
    let both = replay("lines-both", &[a, b]);
    alone.iter().for_each(|it| same_books(&both, it));
    let report = &both.report;
    assert_eq!((report.gaps, report.resyncs, report.checksums.bad), (0, 0, 0));
    assert_eq!(report.book_messages, alone.iter().map(|it| it.report.book_messages).sum::<u64>());
    let [a, b] = report.lines[..] else { panic!("{:?}", report.lines) };
    let first = a.first + b.first;
    assert_eq!(first, alone[0].report.book_messages.max(alone[1].report.book_messages));
    let second = a.duplicates + b.duplicates;
    assert!(second * 100 > first * 90 && second <= first, "{:?}", report.lines);
    assert!(a.first > 0 && b.first > 0 && a.lead_ns > 0 && b.lead_ns > 0, "{:?}", report.lines);
}

#[test]
fn a_line_that_ends_in_the_middle_costs_nothing() {
    let Some(texts) = texts() else { return };
    for cut in [0, 1] {
        let mut lines = texts.each_ref().map(|it| it.split_inclusive('\n').collect::<Vec<_>>());
        let alone = replay("lines-rest", &[capture(&lines[1 - cut])]);
        let half = lines[cut].len() / 2;
        lines[cut].truncate(half);
        let both = replay("lines-cut", &lines.map(|it| capture(&it)));
        same_books(&both, &alone);
        let report = &both.report;
        assert_eq!((report.gaps, report.resyncs, report.checksums.bad), (0, 0, 0), "{cut}");
        assert!(report.lines[cut].first > 0 && report.lines[cut].duplicates > 0, "{report:?}");
    }
}

#[test]
fn holes_in_the_line_that_follows_cost_nothing() {
    let Some(texts) = texts() else { return };
    let mut lines = texts.each_ref().map(|it| it.split_inclusive('\n').collect::<Vec<_>>());
    // The second is nearly always ahead; every seventh change is missing on the first.
    let mut changes = 0;
    lines[0].retain(|line| {
        changes += u32::from(line.contains("update"));
        !line.contains("update") || changes % 7 != 0
    });
    let alone = replay("lines-whole", &[capture(&lines[1])]);
    let both = replay("lines-holes", &lines.map(|it| capture(&it)));
    same_books(&both, &alone);
}
