//! Whole recordings of the Binance family through a replay session: the books must be those of an
//! independent builder. (Recordings of every venue go through the whole engine in its own tests.)
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::Harness;
use tickbook_types::{BookState, Side, Venue};
use tickbook_venues::{Ignored, Mode, Rejected, SessionConfig};

/// The recordings' folder, if there is one.
fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("TICKBOOK_CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: TICKBOOK_CAPTURES is not set");
    }
    folder
}

fn lines(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn replay(venue: Venue, path: &Path, mut keep: impl FnMut(&[u8]) -> bool) -> Harness {
    let config = SessionConfig::new(venue, Vec::new(), Mode::Replay { discover: true });
    let mut harness = Harness::with_slots(config, 1 << 17);
    harness.start();
    harness.connected(0, 1);
    let bytes = lines(path);
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let blank = line.iter().position(|&byte| byte == b' ').unwrap();
        let nanos: i64 = std::str::from_utf8(&line[..blank]).unwrap().parse().unwrap();
        let rest = &line[blank + 1..];
        if !keep(rest) {
            continue;
        }
        harness.at(nanos);
        if let Some(answer) = rest.strip_prefix(b"HTTP ") {
            let blank = answer.iter().position(|&byte| byte == b' ').unwrap();
            let url = std::str::from_utf8(&answer[..blank]).unwrap();
            harness.rest(None, url, &answer[blank + 1..]);
        } else if rest[0] == b'{' || rest[0] == b'[' {
            harness.frame(0, rest);
        }
    }
    harness
}

fn each_capture(mut test: impl FnMut(Venue, &Path, &Value)) {
    let Some(folder) = captures() else { return };
    let mut seen = 0;
    for venue in Venue::all().filter(|venue| venue.name().starts_with("binance")) {
        let Ok(files) = std::fs::read_dir(folder.join(venue.name())) else { continue };
        for file in files {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(stem) = name.strip_suffix(".cap.gz") else { continue };
            let expected = folder.join(format!("expected/{}__{stem}.json", venue.name()));
            let Ok(expected) = std::fs::read_to_string(expected) else { continue };
            test(venue, &path, &serde_json::from_str(&expected).unwrap());
            seen += 1;
        }
    }
    assert!(seen > 0, "no recording in {}", folder.display());
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    value.as_array().unwrap().iter().map(|it| (text(&it[0]), text(&it[1]))).collect()
}

#[test]
fn recordings_end_with_the_books_of_the_reference() {
    each_capture(|venue, path, expected| {
        let harness = replay(venue, path, |_| true);
        let counters = &harness.counters;
        let name = path.display();
        assert_eq!(counters.frames, expected["frames"]["ws"].as_u64().unwrap(), "{name}");
        assert_eq!(counters.book_messages, expected["book_messages"].as_u64().unwrap(), "{name}");
        assert_eq!(counters.level_updates, expected["level_changes"].as_u64().unwrap(), "{name}");
        assert_eq!((counters.gaps, counters.resyncs), (0, 0), "{name}: {counters:?}");
        for reason in Rejected::ALL {
            assert_eq!(counters.rejected(*reason), 0, "{name}: {reason:?}");
        }
        let symbols = expected["symbols"].as_object().unwrap();
        assert_eq!(harness.books.len(), symbols.len(), "{name}");
        let mut stale = 0;
        for (symbol, expected) in symbols {
            let book = harness.book(symbol);
            let number = |field: &str| expected[field].as_u64().unwrap();
            assert_eq!(book.state, BookState::Live, "{name} {symbol}");
            assert_eq!(book.top(Side::Bid, 5), pairs(&expected["bids"]), "{name} {symbol}");
            assert_eq!(book.top(Side::Ask, 5), pairs(&expected["asks"]), "{name} {symbol}");
            assert_eq!(book.bids.len() as u64, number("bid_levels"), "{name} {symbol}");
            assert_eq!(book.asks.len() as u64, number("ask_levels"), "{name} {symbol}");
            assert_eq!(book.seq, number("last_seq"), "{name} {symbol}");
            assert_eq!(book.applied, number("applied"), "{name} {symbol}");
            assert_eq!(book.crossed, number("crossed_after_update"), "{name} {symbol}");
            stale += number("stale_dropped");
        }
        assert_eq!(counters.ignored(Ignored::Stale), stale, "{name}");
        println!(
            "{name}: {} frames, {} tickers, {} trades, {} rescales, {} general parses",
            counters.frames,
            counters.tickers,
            counters.trades,
            counters.rescales,
            counters.general_parses
        );
        let others = counters.ignored(Ignored::UnusedStream)
            + counters.ignored(Ignored::TradeTwice)
            + counters.ignored(Ignored::NoBook)
            + counters.ignored(Ignored::UnknownSymbol)
            + counters.ignored(Ignored::Ack)
            + counters.ignored(Ignored::Duplicate);
        let used = counters.book_messages + counters.tickers + counters.trades;
        assert_eq!(used + others, counters.frames, "{name}: every frame is accounted for");
    });
}

#[test]
fn a_recording_without_snapshots_never_goes_live() {
    each_capture(|venue, path, _| {
        let harness = replay(venue, path, |line| !line.starts_with(b"HTTP "));
        for book in harness.books.values() {
            assert_eq!((book.state, book.applied), (BookState::Syncing, 0), "{}", book.name);
            assert!(!book.history.iter().any(|(state, _)| *state == BookState::Live));
        }
    });
}

#[test]
fn a_lost_diff_ends_in_a_stale_book() {
    each_capture(|venue, path, expected| {
        // One diff from the middle of the first symbol's.
        let (symbol, book) = expected["symbols"].as_object().unwrap().iter().next().unwrap();
        let skip = book["stale_dropped"].as_u64().unwrap() + book["applied"].as_u64().unwrap() / 2;
        let name = format!("\"s\":\"{symbol}\"");
        let mut seen = 0;
        let harness = replay(venue, path, |line| {
            let contains = |text: &[u8]| line.windows(text.len()).any(|it| it == text);
            let ours =
                line.starts_with(b"{") && contains(b"depthUpdate") && contains(name.as_bytes());
            seen += u64::from(ours);
            !(ours && seen == skip)
        });
        if book["applied"].as_u64().unwrap() > 4 {
            let state = harness.book(symbol).state;
            assert_eq!(state, BookState::Stale, "{} {symbol}", path.display());
            assert_eq!((harness.counters.gaps, harness.counters.resyncs), (1, 1));
            let live = harness.books.values().filter(|it| it.state == BookState::Live).count();
            assert_eq!(live, harness.books.len() - 1, "the others are untouched");
        }
    });
}
