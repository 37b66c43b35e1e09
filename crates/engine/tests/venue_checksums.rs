//! A checksum that differs makes its book stale, and no other of the connection; a whole book that
//! comes later makes it live again.
//!
//! Method: two books of one connection in a venue's own words; a change of the first is lost, and
//! the next checksum is that of a book which has it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use tickbook_capture::{Capture, Limits};
use tickbook_engine::replay::from_memory;
use tickbook_engine::report::BookReport;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::Venue;

fn replay(venue: Venue, lines: &[String], test: &str) -> Vec<BookReport> {
    let dir = util::ShmDir::new(test);
    let stamped = lines.iter().enumerate();
    let text: String = stamped.map(|(n, line)| format!("{} {line}\n", n + 1)).collect();
    let path = std::path::Path::new("words.cap");
    let capture = Capture::from_file(path, text.into_bytes(), &Limits::default()).0;
    let mut options = util::options(&dir, BuilderPlace::Inline, test);
    options.venue = Some(venue);
    from_memory(&capture, &options).unwrap().books.symbols.into_values().collect()
}

/// State, reason, good and bad checksums of a book.
type Seen = (&'static str, Option<&'static str>, u64, u64);

fn seen(books: &[BookReport]) -> Vec<Seen> {
    let seen = books.iter();
    seen.map(|it| (it.state, it.reason, it.checksum_ok, it.checksum_bad)).collect()
}

fn kraken(symbol: &str, kind: &str, levels: &str, checksum: u32) -> String {
    let data = format!(r#"{{"symbol":"{symbol}",{levels},"checksum":{checksum}}}"#);
    format!(r#"{{"channel":"book","type":"{kind}","data":[{data}]}}"#)
}

#[test]
fn on_kraken() {
    let snapshot = concat!(
        r#""bids":[{"price":64250.0,"qty":0.75000000},{"price":64249.8,"qty":0.00012345}],"#,
        r#""asks":[{"price":64250.1,"qty":0.00500000},{"price":64250.4,"qty":1.20000000}]"#
    );
    let bid = r#""bids":[{"price":64250.0,"qty":0.70000000}],"asks":[]"#;
    let both = concat!(
        r#""bids":[{"price":64250.0,"qty":0.70000000}],"#,
        r#""asks":[{"price":64250.1,"qty":0.00000000}]"#
    );
    let mut lines: Vec<String> =
        ["A/B", "C/D"].iter().map(|it| kraken(it, "snapshot", snapshot, 2_631_703_398)).collect();
    // The ask's removal is missing in the first book.
    lines.push(kraken("A/B", "update", bid, 2_429_670_821));
    lines.push(kraken("C/D", "update", both, 2_429_670_821));
    let books = replay(Venue::KrakenV2, &lines, "checksum_kraken");
    assert_eq!(seen(&books), [("stale", Some("checksum"), 1, 1), ("live", None, 2, 0)]);
    lines.push(kraken("A/B", "snapshot", snapshot, 2_631_703_398));
    let books = replay(Venue::KrakenV2, &lines, "checksum_kraken");
    assert_eq!(seen(&books), [("live", None, 2, 1), ("live", None, 2, 0)]);
}

#[test]
fn on_bitfinex() {
    let rows = "[[64250,3,0.75],[64249,1,1.2],[64251,2,-0.5],[64253,1,-0.002]]";
    let mut lines = Vec::new();
    for (channel, symbol) in [(5, "tABUSD"), (6, "tCDUSD")] {
        let fields = format!(r#""channel":"book","chanId":{channel},"symbol":"{symbol}""#);
        lines.push(format!(r#"{{"event":"subscribed",{fields}}}"#));
    }
    let mut number = 0;
    let mut say = |text: &str| {
        number += 1;
        format!("[{text},{number}]")
    };
    for channel in [5, 6] {
        lines.push(say(&format!("{channel},{rows}")));
        lines.push(say(&format!(r#"{channel},"cs",-1978941809"#)));
    }
    // The same change of both, but the first one's is of another price.
    lines.push(say("5,[64253,0,-1]"));
    lines.push(say("6,[64249,0,1]"));
    lines.push(say(r#"5,"cs",-1677464092"#));
    lines.push(say(r#"6,"cs",-1677464092"#));
    let books = replay(Venue::Bitfinex, &lines, "checksum_bitfinex");
    assert_eq!(seen(&books), [("stale", Some("checksum"), 1, 1), ("live", None, 2, 0)]);
    lines.push(say(&format!("5,{rows}")));
    // Three bids and two asks.
    lines.push(say("5,[64240,1,2]"));
    lines.push(say(r#"5,"cs",587878413"#));
    let books = replay(Venue::Bitfinex, &lines, "checksum_bitfinex");
    assert_eq!(seen(&books), [("live", None, 2, 1), ("live", None, 2, 0)]);
}
