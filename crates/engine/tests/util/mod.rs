//! A small market of our own, its capture, and the books it should end with.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(unreachable_pub, reason = "a module of tests")]
#![allow(clippy::unwrap_used, reason = "a module of tests")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

pub mod checksums;
pub mod counting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tickbook_capture::{Capture, Limits};
use tickbook_engine::desk::Publish;
use tickbook_engine::idle::Idle;
use tickbook_engine::live::{EnginePlan, VenuePlan};
use tickbook_engine::plan;
use tickbook_engine::replay::ReplayOptions;
use tickbook_engine::report::BookReport;
use tickbook_engine::topology::{BuilderPlace, Wishes};
use tickbook_types::Venue;
use tickbook_venues::{Endpoints, Subscription};

/// A folder for shared-memory files that goes away with the test.
#[derive(Debug)]
pub struct ShmDir(pub PathBuf);

impl ShmDir {
    pub fn new(test: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/tickbook-test-{}-{test}", std::process::id()));
        Self(path)
    }
}

impl Drop for ShmDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Options of a replay that does not pin and does not spin.
pub fn options(dir: &ShmDir, builder: BuilderPlace, name: &str) -> ReplayOptions {
    ReplayOptions {
        wishes: Wishes { builder: Some(builder), idle: Some(Idle::Yield), ..Wishes::default() },
        shm_dir: dir.0.clone(),
        name: name.to_owned(),
        ..ReplayOptions::default()
    }
}

/// The plan of an engine with one venue that does not pin and does not spin. Its heartbeat is
/// generous: a test host is slow, and a late beat is not what is tested.
pub fn live(dir: &ShmDir, name: &str, builder: BuilderPlace, venue: VenuePlan) -> EnginePlan {
    EnginePlan {
        name: name.to_owned(),
        shm_dir: dir.0.clone(),
        depth: 32,
        heartbeat: Duration::from_millis(500),
        publish: Publish::EveryMessage,
        sample_every: 64,
        ca_file: None,
        builder_core: None,
        wishes: Wishes { builder: Some(builder), idle: Some(Idle::Yield), other_threads: 1 },
        venues: vec![venue],
    }
}

/// A venue of such an engine, on one line.
pub fn live_venue(
    venue: Venue,
    endpoints: Endpoints,
    symbols: &[impl AsRef<str>],
    silence_ns: i64,
) -> VenuePlan {
    VenuePlan {
        venue,
        lines: 1,
        subscriptions: symbols.iter().map(|it| Subscription::all(it.as_ref())).collect(),
        endpoints,
        core: None,
        silence_ns,
        options: plan::options(silence_ns, None, None),
        play: None,
        key: None,
    }
}

/// The captures to test with, if there are any; says so if there are none.
pub fn captures() -> Option<PathBuf> {
    let found = std::env::var_os("TICKBOOK_CAPTURES").map(PathBuf::from);
    if found.is_none() {
        println!("skipped: TICKBOOK_CAPTURES is not set");
    }
    found
}

/// The captures of one venue.
pub fn captures_of(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // `TICKBOOK_CAPTURES_ONLY` names a part of a path: for work on one venue.
    let only = std::env::var("TICKBOOK_CAPTURES_ONLY").unwrap_or_default();
    files.retain(|path| {
        !path.ends_with("rest_instruments.cap.gz") && path.to_string_lossy().contains(&only)
    });
    files.sort();
    files
}

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// One side by price in cents; sizes in thousandths.
pub type SideMap = BTreeMap<i64, u64>;

/// A book of the test market.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Truth {
    pub bids: SideMap,
    pub asks: SideMap,
}

impl Truth {
    /// The five best levels and the counts, as a report has them.
    pub fn equals(&self, report: &BookReport) -> bool {
        let show = |(price, size): (&i64, &u64)| [cents(*price), thousandths(*size)];
        let bids: Vec<_> = self.bids.iter().rev().take(5).map(show).collect();
        let asks: Vec<_> = self.asks.iter().take(5).map(show).collect();
        bids == report.bids
            && asks == report.asks
            && self.bids.len() == report.bid_levels
            && self.asks.len() == report.ask_levels
    }

    pub fn set(&mut self, is_bid: bool, price: i64, size: u64) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if size == 0 {
            side.remove(&price);
        } else {
            side.insert(price, size);
        }
    }
}

pub fn cents(value: i64) -> String {
    trimmed(format!("{}.{:02}", value / 100, value % 100))
}

pub fn thousandths(value: u64) -> String {
    trimmed(format!("{}.{:03}", value / 1000, value % 1000))
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A line of a capture before it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    Open(String),
    Http(String, String),
    Diff(String),
    Ticker(String),
}

/// A recorded market: lines, and the true book by update id.
#[derive(Clone, Debug, Default)]
pub struct Market {
    pub lines: Vec<Line>,
    pub truth: BTreeMap<u64, Truth>,
}

/// The market's one symbol.
pub const SYMBOL: &str = "TESTUSDT";

/// A spot market of `diffs` diffs, the snapshot after the third.
pub fn market(seed: u64, diffs: usize) -> Market {
    let mut random = Random(seed);
    let mut market = Market::default();
    let mut book = Truth::default();
    for step in 1..40 {
        book.set(true, 10_000 - step, 1_000 + step as u64);
        book.set(false, 10_000 + step, 2_000 + step as u64);
    }
    let mut id = 1_000;
    market.truth.insert(id, book.clone());
    market.lines.push(Line::Open("wss://stream.binance.com:9443/stream?streams=x@depth".into()));
    for number in 0..diffs {
        if number == 3 {
            market.lines.push(snapshot(id, &book));
        }
        let (first, before) = (id + 1, book.clone());
        id += 1 + random.below(4) as u64;
        let diff = change(&mut random, &mut book, first, id);
        market.lines.push(Line::Diff(diff));
        market.truth.insert(id, book.clone());
        // As on the venue: whenever the best levels change, before the diff or behind it.
        let best = |book: &Truth| {
            let (bid, ask) = (book.bids.last_key_value(), book.asks.first_key_value());
            (bid.map(|(p, s)| (*p, *s)), ask.map(|(p, s)| (*p, *s)))
        };
        if best(&book) != best(&before) {
            let at = market.lines.len() - random.below(2);
            market.lines.insert(at, ticker(id, &book));
        }
    }
    market
}

/// Changes some levels of the book; returns the diff that says so.
fn change(random: &mut Random, book: &mut Truth, first: u64, last: u64) -> String {
    let mut sides = [String::new(), String::new()];
    for _ in 0..=random.below(6) {
        let is_bid = random.below(2) == 0;
        let touch = if is_bid {
            *book.asks.keys().next().unwrap() - 1
        } else {
            *book.bids.keys().next_back().unwrap() + 1
        };
        let away = random.below(30) as i64;
        let price = if is_bid { touch - away } else { touch + away };
        let side = if is_bid { &book.bids } else { &book.asks };
        let size =
            if random.below(3) == 0 && side.len() > 3 { 0 } else { 1 + random.next() % 100_000 };
        book.set(is_bid, price, size);
        let text = &mut sides[usize::from(!is_bid)];
        if !text.is_empty() {
            text.push(',');
        }
        let (whole, part) = (price / 100, price % 100);
        let size = format!("{}.{:03}00000", size / 1000, size % 1000);
        text.push_str(&format!("[\"{whole}.{part:02}000000\",\"{size}\"]"));
    }
    let [bids, asks] = sides;
    format!(
        "{{\"stream\":\"testusdt@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\
         \"E\":1700000000123,\"s\":\"{SYMBOL}\",\"U\":{first},\"u\":{last},\
         \"b\":[{bids}],\"a\":[{asks}]}}}}"
    )
}

fn snapshot(id: u64, book: &Truth) -> Line {
    let side = |levels: Vec<(&i64, &u64)>| {
        let levels = levels.into_iter();
        let levels = levels.map(|(p, s)| format!("[\"{}\",\"{}\"]", cents(*p), thousandths(*s)));
        levels.collect::<Vec<_>>().join(",")
    };
    let body = format!(
        "{{\"lastUpdateId\":{id},\"bids\":[{}],\"asks\":[{}]}}",
        side(book.bids.iter().rev().collect()),
        side(book.asks.iter().collect())
    );
    let url = format!("https://api.binance.com/api/v3/depth?symbol={SYMBOL}&limit=1000");
    Line::Http(url, body)
}

fn ticker(id: u64, book: &Truth) -> Line {
    let (bid, bid_size) = book.bids.iter().next_back().unwrap();
    let (ask, ask_size) = book.asks.iter().next().unwrap();
    Line::Ticker(format!(
        "{{\"stream\":\"testusdt@bookTicker\",\"data\":{{\"u\":{id},\"s\":\"{SYMBOL}\",\
         \"b\":\"{}\",\"B\":\"{}\",\"a\":\"{}\",\"A\":\"{}\"}}}}",
        cents(*bid),
        thousandths(*bid_size),
        cents(*ask),
        thousandths(*ask_size)
    ))
}

/// The lines as a capture file would hold them, 1 ms apart.
pub fn text_of(lines: &[Line]) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let ns = 1_700_000_000_000_000_000_u64 + index as u64 * 1_000_000;
        text.push_str(&match line {
            Line::Open(url) => format!("{ns} OPEN {url}\n"),
            Line::Http(url, body) => format!("{ns} HTTP {url} {body}\n"),
            Line::Diff(frame) | Line::Ticker(frame) => format!("{ns} {frame}\n"),
        });
    }
    text
}

/// The lines as a loaded capture.
pub fn capture_of(lines: &[Line]) -> Capture {
    let (capture, damage) = Capture::from_file(
        Path::new("market.cap"),
        text_of(lines).into_bytes(),
        &Limits::default(),
    );
    assert_eq!(damage, None);
    capture
}
