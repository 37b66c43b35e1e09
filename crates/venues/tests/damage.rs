//! A market with a known book, its messages damaged on the way: a book that is shown live is the
//! true one, whatever came.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::rc::Rc;

use support::{Harness, NaiveBook, diff, futures_diff, snapshot};
use tickbook_types::{BookState, Venue};
use tickbook_venues::{Mode, Rejected, RestError, SessionConfig, parse_rest};

type Levels = BTreeMap<i64, u64>;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// What the recording of one symbol holds, and the true book at every id.
struct Market {
    lines: Vec<(bool, String)>,
    truth: Rc<BTreeMap<u64, (Levels, Levels)>>,
}

fn levels(side: &Levels) -> String {
    let text = |(price, size): (&i64, &u64)| format!("[\"{price}\",\"{size}\"]");
    side.iter().map(text).collect::<Vec<_>>().join(",")
}

/// `count` diffs and a snapshot behind every 40th.
fn market(futures: bool, count: usize, dice: &mut Dice) -> Market {
    let (mut bids, mut asks) = (Levels::new(), Levels::new());
    let mut truth = BTreeMap::new();
    let mut lines = Vec::new();
    let mut last = 1_000_u64;
    truth.insert(last, (bids.clone(), asks.clone()));
    for n in 0..count {
        let skip = if futures { dice.roll(5) as u64 } else { 0 };
        let first = last + 1 + skip;
        let next = first + dice.roll(6) as u64;
        let (mut bid, mut ask) = (Levels::new(), Levels::new());
        for _ in 0..1 + dice.roll(4) {
            let (price, size) = (dice.roll(40) as i64, dice.roll(4) as u64);
            let (changed, book) = if dice.roll(2) == 0 {
                (bid.insert(price + 1, size), (price + 1, &mut bids))
            } else {
                (ask.insert(price + 50, size), (price + 50, &mut asks))
            };
            let _ = changed;
            let (price, side) = book;
            if size == 0 {
                side.remove(&price)
            } else {
                side.insert(price, size)
            };
        }
        lines.push((
            false,
            if futures {
                futures_diff("BTCUSDT", (first, next, last), &levels(&bid), &levels(&ask))
            } else {
                diff("BTCUSDT", first, next, &levels(&bid), &levels(&ask))
            },
        ));
        last = next;
        truth.insert(last, (bids.clone(), asks.clone()));
        if n % 40 == 7 {
            lines.push((true, snapshot(last, &levels(&bids), &levels(&asks))));
        }
    }
    Market { lines, truth: Rc::new(truth) }
}

/// Loses, repeats, swaps, cuts and flips some lines. Flips stay away from prices and sizes, whose
/// damage only the venue's own best bid and offer can show.
fn damage(lines: &mut Vec<(bool, String)>, dice: &mut Dice) {
    for _ in 0..1 + dice.roll(6) {
        let at = dice.roll(lines.len() - 1);
        match dice.roll(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let far = (lines.len() - at - 1).min(5);
                lines.swap(at, at + 1 + dice.roll(far));
            }
            3 if !lines[at].0 => {
                let cut = dice.roll(lines[at].1.len());
                lines[at].1.truncate(cut);
            }
            _ if !lines[at].0 => {
                let end = lines[at].1.find("\"b\":").unwrap_or(1);
                let place = dice.roll(end);
                let mut bytes = lines[at].1.clone().into_bytes();
                bytes[place] ^= 1 << dice.roll(7);
                if let Ok(text) = String::from_utf8(bytes) {
                    lines[at].1 = text;
                }
            }
            _ => {}
        }
    }
}

fn play(venue: Venue, market: &Market, lines: &[(bool, String)]) -> Harness {
    let config = SessionConfig::new(venue, Vec::new(), Mode::Replay { discover: true });
    let mut harness = Harness::new(config);
    let truth = Rc::clone(&market.truth);
    harness.oracle = Some(Box::new(move |book: &NaiveBook| {
        if book.more || book.name != "BTCUSDT" {
            return;
        }
        let is_true = |(bids, asks): &(Levels, Levels)| (bids, asks) == (&book.bids, &book.asks);
        // A damaged id names another state, until the next diff shows the hole; the content is
        // one that the market had, all the same.
        let known = truth.get(&book.seq).is_some_and(is_true) || truth.values().any(is_true);
        assert!(known, "live, but never true: {} {:?} {:?}", book.seq, book.bids, book.asks);
    }));
    harness.start();
    harness.connected(0, 1);
    for (is_snapshot, text) in lines {
        harness.pass(100);
        if *is_snapshot {
            harness.rest(None, "/api/v3/depth?symbol=BTCUSDT&limit=1000", text.as_bytes());
        } else {
            harness.frame(0, text);
        }
    }
    harness
}

fn damaged_markets_never_lie(venue: Venue, futures: bool) {
    let (mut healed, mut live) = (0, 0);
    for seed in 0..600_u64 {
        let mut dice = Dice(0xD1CE_0000 + seed * 7_919);
        let market = market(futures, 160, &mut dice);
        let mut lines = market.lines.clone();
        damage(&mut lines, &mut dice);
        let harness = play(venue, &market, &lines);
        if let Some(book) = harness.books.values().find(|book| book.name == "BTCUSDT") {
            let state = |wanted| book.history.iter().filter(|(state, _)| *state == wanted).count();
            healed += u64::from(state(BookState::Stale) > 0 && book.state == BookState::Live);
            live += u64::from(state(BookState::Live) > 0);
        }
    }
    assert!(live > 590, "nearly all come to life: {live}");
    assert!(healed > 200, "much damage is seen and healed by a later snapshot: {healed}");
}

#[test]
fn damaged_spot_markets_never_show_a_wrong_book_as_live() {
    damaged_markets_never_lie(Venue::BinanceSpot, false);
}

#[test]
fn damaged_futures_markets_never_show_a_wrong_book_as_live() {
    damaged_markets_never_lie(Venue::BinanceUsdm, true);
}

#[test]
fn an_undamaged_market_is_followed_to_its_end() {
    for (venue, futures) in [(Venue::BinanceSpot, false), (Venue::BinanceUsdm, true)] {
        let market = market(futures, 400, &mut Dice(42));
        let harness = play(venue, &market, &market.lines);
        let book = harness.book("BTCUSDT");
        assert_eq!(Some(&book.seq), market.truth.keys().next_back());
        assert_eq!(book.state, BookState::Live);
        assert_eq!((harness.counters.gaps, harness.counters.resyncs), (0, 0));
    }
}

/// What is nested deeper than any stack is refused, in frames and in bodies.
#[test]
fn deep_nesting_is_refused() {
    let nest = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let discover = Mode::Replay { discover: true };
    let mut harness = Harness::new(SessionConfig::new(Venue::BinanceSpot, vec![], discover));
    harness.start();
    harness.connected(0, 1);
    let frames = [
        nest.clone(),
        format!(r#"{{"e":"x","z":{nest}}}"#),
        format!(r#"{{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1","2",{nest}]],"a":[]}}"#),
        "{\"a\":".repeat(500_000),
    ];
    for frame in &frames {
        harness.frame(0, frame);
    }
    assert_eq!(harness.counters.rejected(Rejected::Malformed), frames.len() as u64);
    for (path, body) in [
        ("/api/v3/depth?symbol=X", format!(r#"{{"lastUpdateId":1,"bids":{nest},"asks":[]}}"#)),
        ("/api/v3/exchangeInfo", format!(r#"{{"symbols":[{{"x":{nest}}}]}}"#)),
    ] {
        let url = format!("https://api.binance.com{path}");
        let parsed = parse_rest(Venue::BinanceSpot, &url, body.as_bytes());
        assert!(matches!(parsed, Err(RestError::Malformed)));
    }
}
