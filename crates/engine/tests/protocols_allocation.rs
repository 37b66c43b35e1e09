//! Nothing is allocated between receive and publish on venues with snapshots on the stream either:
//! arrays, channel numbers, checksums, sums of orders, scaled integers.
//!
//! Method: as in `no_allocation`, with recordings written here, of which each round of messages
//! brings a book back to where it was.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::sync::atomic::Ordering;

use tickbook_capture::{Capture, Limits};
use tickbook_engine::replay::from_memory;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::Venue;
use util::counting::{ALLOCATIONS, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A recording: what comes first, and what comes again and again. `{n}` is a number that grows.
struct Words {
    venue: Venue,
    first: &'static [&'static str],
    round: &'static [&'static str],
}

const WORDS: [Words; 5] = [
    Words {
        venue: Venue::KrakenV1,
        first: &[concat!(
            r#"[7,{"as":[["64250.10000","0.00500000","1.5"],["64250.40000","1.20000000","1.5"]],"#,
            r#""bs":[["64250.00000","0.75000000","1.5"]]},"book-10","XY/USD"]"#
        )],
        round: &[
            r#"[7,{"a":[["64250.10000","0.00000000","2.5"]]},"book-10","XY/USD"]"#,
            r#"[7,{"a":[["64250.10000","0.00500000","3.5","r"]]},{"b":[]},"book-10","XY/USD"]"#,
            r#"[0,[["64250.1","0.5","1.5","s","l",""]],"trade","XY/USD"]"#,
        ],
    },
    Words {
        venue: Venue::KrakenV2,
        first: &[concat!(
            r#"{"channel":"book","type":"snapshot","data":[{"symbol":"XY/USD","#,
            r#""bids":[{"price":64250.0,"qty":0.75000000},{"price":64249.8,"qty":0.00012345}],"#,
            r#""asks":[{"price":64250.1,"qty":0.00500000},{"price":64250.4,"qty":1.20000000}],"#,
            r#""checksum":2631703398}]}"#
        )],
        round: &[
            concat!(
                r#"{"channel":"book","type":"update","data":[{"symbol":"XY/USD","#,
                r#""bids":[{"price":64250.0,"qty":0.70000000}],"#,
                r#""asks":[{"price":64250.1,"qty":0.00000000}],"checksum":2429670821}]}"#
            ),
            concat!(
                r#"{"channel":"book","type":"update","data":[{"symbol":"XY/USD","#,
                r#""bids":[{"price":64250.0,"qty":0.75000000}],"#,
                r#""asks":[{"price":64250.1,"qty":0.00500000}],"checksum":2631703398}]}"#
            ),
            r#"{"channel":"heartbeat"}"#,
        ],
    },
    Words {
        venue: Venue::Bitfinex,
        first: &[
            r#"{"event":"subscribed","channel":"book","chanId":5,"symbol":"tXYUSD","prec":"P0"}"#,
            r#"[5,[[64250,3,0.75],[64249,1,1.2],[64251,2,-0.5],[64253,1,-0.002]],{n}]"#,
        ],
        round: &[
            r#"[5,"cs",-1978941809,{n}]"#,
            r#"[5,[64249,0,1],{n}]"#,
            r#"[5,"cs",-1677464092,{n}]"#,
            r#"[5,[64249,1,1.2],{n}]"#,
            r#"[5,"hb",{n}]"#,
        ],
    },
    Words {
        venue: Venue::Bitfinex,
        first: &[
            r#"{"event":"subscribed","channel":"book","chanId":5,"symbol":"tXYUSD","prec":"R0"}"#,
            r#"[5,[[11,64250,0.75],[12,64251,-0.5],[13,64250,1]],{n}]"#,
        ],
        round: &[
            r#"[5,[14,64249,0.5],{n}]"#,
            r#"[5,[13,64249,1],{n}]"#,
            r#"[5,[14,0,1],{n}]"#,
            r#"[5,[13,64250,1],{n}]"#,
        ],
    },
    Words {
        venue: Venue::Phemex,
        first: &[concat!(
            r#"{"book":{"asks":[[1010000,3]],"bids":[[1005000,2]]},"sequence":{n},"#,
            r#""symbol":"XYUSD","type":"snapshot"}"#
        )],
        round: &[
            concat!(
                r#"{"book":{"asks":[[1009000,1]],"bids":[]},"sequence":{n},"#,
                r#""symbol":"XYUSD","type":"incremental"}"#
            ),
            concat!(
                r#"{"book":{"asks":[[1009000,0]],"bids":[]},"sequence":{n},"#,
                r#""symbol":"XYUSD","type":"incremental"}"#
            ),
            concat!(
                r#"{"sequence":{n},"symbol":"XYUSD","trades":[[1,"Sell",1005000,1]],"#,
                r#""type":"incremental"}"#
            ),
        ],
    },
];

fn capture_of(words: &Words, rounds: usize) -> Capture {
    let again = std::iter::repeat_n(words.round, rounds).flatten();
    let mut text = String::new();
    for (n, line) in words.first.iter().chain(again).enumerate() {
        let line = line.replace("{n}", &(n + 1).to_string());
        text += &format!("{} {line}\n", 1_700_000_000_000_000_000 + n);
    }
    let path = std::path::Path::new("words.cap");
    Capture::from_file(path, text.into_bytes(), &Limits::default()).0
}

/// What one replay allocates.
fn allocations(words: &Words, rounds: usize, dir: &util::ShmDir, builder: BuilderPlace) -> u64 {
    let capture = capture_of(words, rounds);
    let mut options = util::options(dir, builder, "counted_protocols");
    options.venue = Some(words.venue);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let replayed = from_memory(&capture, &options).unwrap();
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    let book = replayed.books.symbols.values().next().unwrap();
    assert_eq!(book.state, "live", "{}: {:?}", words.venue, book.reason);
    assert!(replayed.report.rejected.is_empty(), "{}", words.venue);
    let checked =
        words.round.iter().filter(|line| line.contains("checksum") || line.contains(r#""cs""#));
    let in_first = words.first.iter().filter(|line| line.contains("checksum"));
    let checked = (checked.count() * rounds + in_first.count()) as u64;
    assert_eq!((book.checksum_ok, book.checksum_bad), (checked, 0), "{}", words.venue);
    after - before
}

/// Fewer than one in fifty of the further messages.
const SPARE: u64 = 100;

/// One test, since every allocation of the process is counted.
#[test]
fn further_messages_allocate_nothing() {
    let dir = util::ShmDir::new("counted_protocols");
    for words in &WORDS {
        for builder in [BuilderPlace::Inline, BuilderPlace::OwnThread] {
            // What a process does once (clock, standard output) is not of the path.
            allocations(words, 10, &dir, builder);
            let few = allocations(words, 100, &dir, builder);
            let many = allocations(words, 2_000, &dir, builder);
            // Threads that wait for one another allocate now and then, and not by the message.
            assert!(many < few + SPARE, "{} {builder:?}: {few}, {many}", words.venue);
        }
    }
}
