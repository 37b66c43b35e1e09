//! Every real capture ends with the books of an independent builder.
//!
//! Method: walk the folder that `TICKBOOK_CAPTURES` names; replay every capture of a known venue
//! from memory, with the builder in its own thread and inline, and compare the five best levels,
//! the level counts, the chain id, the message count and the checksums of every book, the gaps, and
//! the best-bid-and-offer checks where the capture has any. A book whose ids have a hole must be
//! stale instead, with what it had before the hole. A new capture is tested by being there.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::path::Path;

use tickbook_capture::{Capture, Record};
use tickbook_engine::replay::{Replayed, from_memory, venue_of};
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::{Decimal, Venue};

#[test]
fn every_capture_ends_with_the_expected_books() {
    let Some(root) = util::captures() else { return };
    let dir = util::ShmDir::new("captures");
    let mut tested = 0;
    for venue in Venue::all() {
        for file in util::captures_of(&root.join(venue.name())) {
            for builder in [BuilderPlace::OwnThread, BuilderPlace::Inline] {
                let mut options = util::options(&dir, builder, "captures");
                options.venue = Some(venue);
                let capture = Capture::load(&file).unwrap();
                if capture.records().any(|record| matches!(record, Record::Open { .. })) {
                    assert_eq!(venue_of(&capture, None), Ok(venue), "{}", file.display());
                }
                let replayed = from_memory(&capture, &options).unwrap();
                compare(&root, venue, &file, &replayed);
                tested += 1;
            }
        }
    }
    assert!(tested > 0, "no capture of a known venue in {}", root.display());
    println!("{tested} replays compared");
}

fn compare(root: &Path, venue: Venue, file: &Path, replayed: &Replayed) {
    let name = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
    let path = root.join("expected").join(format!("{venue}__{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let report = &replayed.report;
    let symbols = expected["symbols"].as_object().unwrap();
    assert_eq!(replayed.books.symbols.len(), symbols.len(), "{name}: symbols");
    let (mut gaps, mut checksums) = (0, 0);
    for (symbol, want) in symbols {
        let at = format!("{venue} {name} {symbol}");
        let Some(book) = replayed.books.symbols.get(symbol) else { panic!("{at}: no such book") };
        let holes = want["seq_gaps"].as_u64().unwrap();
        gaps += u64::from(holes > 0);
        if holes > 0 {
            assert_eq!((book.state, book.reason), ("stale", Some("gap")), "{at}");
            assert!(book.last_seq < want["last_seq"].as_u64(), "{at}: the hole was passed");
            assert!(Some(book.applied) < want["applied"].as_u64(), "{at}: applied");
            continue;
        }
        assert_eq!((book.state, book.reason), ("live", None), "{at}");
        for (ours, theirs) in [(&book.bids, &want["bids"]), (&book.asks, &want["asks"])] {
            let theirs: Vec<[Decimal; 2]> = theirs
                .as_array()
                .unwrap()
                .iter()
                .map(|it| [number(&it[0]), number(&it[1])])
                .collect();
            let ours: Vec<[Decimal; 2]> =
                ours.iter().map(|[price, size]| [decimal(price), decimal(size)]).collect();
            let same = |(ours, theirs): (&[Decimal; 2], &[Decimal; 2])| {
                ours[0] == theirs[0] && (ours[1] == theirs[1] || is_rounded(ours[1], theirs[1]))
            };
            let all = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same);
            assert!(all, "{at}: {ours:?} is not {theirs:?}");
        }
        assert_eq!(Some(book.bid_levels as u64), want["bid_levels"].as_u64(), "{at}: bid levels");
        assert_eq!(Some(book.ask_levels as u64), want["ask_levels"].as_u64(), "{at}: ask levels");
        assert_eq!(book.last_seq, want["last_seq"].as_u64(), "{at}: last id");
        assert_eq!(Some(book.applied), want["applied"].as_u64(), "{at}: applied");
        let crossed = want["crossed_after_update"].as_u64();
        assert_eq!(Some(book.crossed_after_update), crossed, "{at}: crossed");
        let sums = ["checksum_ok", "checksum_bad"].map(|name| want[name].as_u64().unwrap_or(0));
        assert_eq!([book.checksum_ok, book.checksum_bad], sums, "{at}: checksums");
        checksums += sums[0];
    }
    assert_eq!(report.gaps, gaps, "{name}: gaps");
    assert_eq!((report.checksums.ok, report.checksums.bad), (checksums, 0), "{name}: checksums");
    assert_eq!(Some(report.book_messages), expected["book_messages"].as_u64(), "{name}");
    let frames = ["ws", "b64"].map(|kind| expected["frames"][kind].as_u64().unwrap_or(0));
    assert_eq!(report.frames, frames.iter().sum::<u64>(), "{name}: frames");
    if let Some(differs) = expected["book_ticker_check"].as_object() {
        let allowed: u64 = differs.values().map(|it| it["top_differs"].as_u64().unwrap()).sum();
        let checks = report.bbo_checks.unwrap();
        assert!(checks.bad <= allowed, "{name}: {checks:?}, {allowed} allowed");
        assert!(checks.ok > 0, "{name}: nothing was checked");
    }
    assert!(report.rejected.is_empty(), "{name}: {:?}", report.rejected);
    assert!(report.latency_ns["tick_to_book"].count > 0, "{name}: no latency");
}

/// Whether a size of more than 16 digits (Huobi prints what floats leave) lost only the last:
/// beside the book's largest size 63 bits hold no more.
fn is_rounded(ours: Decimal, theirs: Decimal) -> bool {
    let exponent = i8::try_from(theirs.exponent()).unwrap();
    let Ok(ours) = ours.to_mantissa(exponent) else { return false };
    let theirs = theirs.mantissa();
    theirs >= 10_i128.pow(16) && (i128::from(ours) - theirs).abs() * 10_i128.pow(15) < theirs
}

fn number(value: &serde_json::Value) -> Decimal {
    decimal(value.as_str().unwrap())
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap().normalised()
}
