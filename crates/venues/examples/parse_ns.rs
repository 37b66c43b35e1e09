//! Nanoseconds per level of a diff: a whole session into its ring, the scanner alone, and a general
//! JSON parser into typed text, on the same frames.
//!
//! `cargo run --release -p tickbook-venues --example parse_ns [FILE]`; FILE holds one diff a line
//! (a capture's text will do), else diffs like those of BTCUSDT are made up.
#![expect(clippy::unwrap_used, reason = "a measuring tool")]

use std::hint::black_box;
use std::time::Instant;

use serde::Deserialize;
use tickbook_ring::ring;
use tickbook_scan::LevelScanner;
use tickbook_types::{
    ConnId, Epoch, LevelRecord, MonoNanos, PaddedBuf, RecvStamps, Scale, Side, Venue,
};
use tickbook_venues::{
    Actions, Context, Mode, RestResponse, SessionConfig, SessionCounters, parse_rest, session,
};

#[derive(Deserialize)]
struct Combined<'a> {
    #[serde(borrow)]
    data: Diff<'a>,
}

#[derive(Deserialize)]
struct Diff<'a> {
    #[serde(borrow)]
    b: Vec<[&'a str; 2]>,
    #[serde(borrow)]
    a: Vec<[&'a str; 2]>,
}

fn main() {
    let recorded = std::env::args().nth(1).map(|path| std::fs::read_to_string(path).unwrap());
    for levels in [10, 50, 200, 1_000] {
        let frames = match &recorded {
            Some(text) => recorded_frames(text, levels),
            None => made_up(levels),
        };
        if !frames.is_empty() {
            measure(levels, &frames);
        }
    }
}

/// Diffs of a capture with about so many levels, without their times.
fn recorded_frames(text: &str, levels: usize) -> Vec<PaddedBuf> {
    let diffs = text.lines().filter_map(|line| line.find('{').map(|at| &line[at..]));
    diffs
        .filter(|line| line.contains("depthUpdate"))
        .filter(|line| {
            let count = line.matches("\",\"").count().saturating_sub(6);
            (levels * 3 / 4..=levels * 3 / 2).contains(&count)
        })
        .take(200)
        .map(|line| PaddedBuf::new(line.as_bytes()))
        .collect()
}

fn made_up(levels: usize) -> Vec<PaddedBuf> {
    let level = |n: usize| {
        let (cents, size) = (6_123_450 + n * 37, n * 7_919 % 400_000);
        let removed = n.is_multiple_of(3);
        let size = if removed { 0 } else { size };
        format!(
            "[\"{}.{:02}000000\",\"{}.{:05}000\"]",
            cents / 100,
            cents % 100,
            size / 100_000,
            size % 100_000
        )
    };
    (0..200)
        .map(|frame| {
            let side = |from: usize| {
                let all: Vec<_> = (0..levels / 2).map(|n| level(frame * 31 + from + n)).collect();
                all.join(",")
            };
            let text = format!(
                r#"{{{}{{{}"U":{frame},"u":{frame},"b":[{}],"a":[{}]}}}}"#,
                r#""stream":"btcusdt@depth@100ms","data":"#,
                r#""e":"depthUpdate","E":1787612486435,"s":"BTCUSDT","#,
                side(0),
                side(9_000),
            );
            PaddedBuf::new(text.as_bytes())
        })
        .collect()
}

/// The best of several rounds, in ns per level.
fn best(levels: usize, mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        round();
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let ns = start.elapsed().as_nanos() as f64 / levels as f64;
        best = best.min(ns);
    }
    best
}

fn measure(wanted: usize, frames: &[PaddedBuf]) {
    let scale = Scale { price_exponent: -2, size_exponent: -5 };
    let mut scanner = LevelScanner::new(scale).unwrap();
    let mut out = vec![LevelRecord::default(); 20_000];
    let arrays = |text: &PaddedBuf| {
        let text = std::str::from_utf8(text.padded().payload()).unwrap();
        (text.find("\"b\":").unwrap() + 4, text.find("\"a\":").unwrap() + 4)
    };
    let places: Vec<_> = frames.iter().map(arrays).collect();
    let mut count = 0;
    for (frame, (bids, asks)) in frames.iter().zip(&places) {
        let bytes = frame.padded().with_padding();
        for (at, side) in [(*bids, Side::Bid), (*asks, Side::Ask)] {
            count += scanner.levels(bytes, at, side, &mut out).unwrap().count;
        }
    }
    let scanned = best(count, || {
        for (frame, (bids, asks)) in frames.iter().zip(&places) {
            let bytes = black_box(frame.padded().with_padding());
            black_box(scanner.levels(bytes, *bids, Side::Bid, &mut out));
            black_box(scanner.levels(bytes, *asks, Side::Ask, &mut out));
        }
    });
    let typed = best(count, || {
        for frame in frames {
            let text = black_box(frame.padded().payload());
            let diff: Combined<'_> = sonic_rs::from_slice(text).unwrap();
            black_box((diff.data.a, diff.data.b));
        }
    });
    let mean = count / frames.len();
    let whole = whole_session(frames, count);
    println!(
        "{wanted:>5} levels ({mean} a frame): scanner {scanned:.1}, session into ring {whole:.1}, \
         sonic-rs typed text {typed:.1} ns/level"
    );
}

/// The whole way of a frame through a session, which judges each diff stale and still reads it.
fn whole_session(frames: &[PaddedBuf], count: usize) -> f64 {
    let mode = Mode::Replay { discover: true };
    let mut session = session(SessionConfig::new(Venue::BinanceSpot, Vec::new(), mode)).unwrap();
    let (mut lane, mut consumer) = ring(1 << 14);
    let (mut actions, mut counters) = (Actions::default(), SessionCounters::default());
    let stamps = RecvStamps::default();
    let mut cx = Context {
        now: MonoNanos(0),
        shared_stamp: false,
        lane: &mut lane,
        actions: &mut actions,
        counters: &mut counters,
    };
    session.start(&mut cx);
    session.on_connected(ConnId(0), Epoch(1), &mut cx);
    let url = "/api/v3/depth?symbol=BTCUSDT";
    let body = br#"{"lastUpdateId":9000000000000000,"bids":[["1.01","1.00001"]],"asks":[]}"#;
    let result = parse_rest(Venue::BinanceSpot, url, body);
    session.on_rest(RestResponse { id: None, url_path: url.to_owned(), result }, &mut cx);
    best(count, || {
        for frame in frames {
            session.on_message(ConnId(0), black_box(frame.padded()), &stamps, &mut cx);
            while consumer.pop().is_some() {}
        }
    })
}
