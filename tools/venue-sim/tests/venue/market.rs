//! The synthetic market: what a client builds from it is what the venue has.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tickbook_types::Venue;
use tickbook_venue_sim::{Faults, MarketConfig, Sim};

use crate::client::{NaiveBook, Rest, Ws, bbo_of, depth_path, market, number, start, start_with};

/// Subscribes to every symbol, fetches every snapshot while the market moves, applies what comes
/// until the market is paused, and gives the books.
fn follow(sim: &Sim, path: &str, limit: usize) -> BTreeMap<String, NaiveBook> {
    let symbols = sim.symbols();
    let mut ws = Ws::open(sim, path);
    let params: Vec<_> =
        symbols.iter().map(|it| format!("\"{}@depth@100ms\"", it.to_lowercase())).collect();
    ws.send(&format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":7}}"#, params.join(",")));
    assert_eq!(ws.json(), serde_json::json!({"result": null, "id": 7}), "the ack comes first");
    let mut books: BTreeMap<_, _> =
        symbols.iter().map(|it| (it.clone(), NaiveBook::default())).collect();
    let mut rest = Rest::open(sim);
    let mut waiting = symbols;
    let mut seen = 0;
    while !waiting.is_empty() || seen < 2_000 {
        seen += 1;
        let symbol = apply(&mut books, &ws.json());
        // The snapshot is asked for once the stream is known to flow, as the venue advises.
        if let Some(at) = waiting.iter().position(|it| *it == symbol) {
            waiting.swap_remove(at);
            let response = rest.fetch(&depth_path(sim.venue(), &symbol, limit));
            assert_eq!(response.code, 200);
            books.get_mut(&symbol).unwrap().snapshot(&response.json());
        }
    }
    sim.pause();
    let is_behind = |books: &BTreeMap<String, NaiveBook>| {
        books.iter().any(|(symbol, it)| it.id < Some(sim.true_book(symbol).unwrap().last_id))
    };
    while is_behind(&books) {
        apply(&mut books, &ws.json());
    }
    books
}

fn apply(books: &mut BTreeMap<String, NaiveBook>, message: &Value) -> String {
    let data = &message["data"];
    let symbol = data["s"].as_str().unwrap().to_owned();
    let stream = message["stream"].as_str().unwrap();
    assert_eq!(stream, format!("{}@depth@100ms", symbol.to_lowercase()));
    books.get_mut(&symbol).unwrap().diff(data.clone());
    symbol
}

fn assert_follows(venue: Venue, path: &str, tls: bool, limit: usize) {
    let sim = start_with(venue, market(6), tls, Faults::default());
    let books = follow(&sim, path, limit);
    let mut straddled = 0;
    let (mut absent, mut repeats) = (0, 0);
    for (symbol, book) in &books {
        assert!(book.is_live(), "{symbol}");
        assert_eq!(book.gaps, 0, "{symbol}");
        book.assert_equals(&sim.true_book(symbol).unwrap());
        assert!(book.bids.len() > 30 && book.asks.len() > 30, "{symbol}");
        straddled += u32::from(book.straddled);
        absent += book.absent_deletes;
        repeats += book.repeats;
    }
    assert!(straddled > 0, "no snapshot lies inside a message");
    assert!(absent > 0, "no delete of a level that was never sent");
    assert!(repeats < 200, "prices are repeated too often: {repeats}");
}

#[test]
fn a_spot_book_spliced_at_any_time_is_the_venues() {
    assert_follows(Venue::BinanceSpot, "/stream", false, 5_000);
}

#[test]
fn a_spot_book_over_tls_is_the_venues() {
    assert_follows(Venue::BinanceSpot, "/stream", true, 5_000);
}

#[test]
fn a_usd_futures_book_is_the_venues() {
    assert_follows(Venue::BinanceUsdm, "/public/stream", false, 1_000);
}

#[test]
fn a_coin_futures_book_over_tls_is_the_venues() {
    assert_follows(Venue::BinanceCoinm, "/stream", true, 1_000);
}

#[test]
fn a_binance_us_book_is_the_venues() {
    assert_follows(Venue::BinanceUs, "/stream", false, 5_000);
}

#[test]
fn after_a_pause_the_stream_goes_on_where_it_was() {
    let sim = start(Venue::BinanceUsdm, market(1));
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    let mut book = NaiveBook::default();
    book.diff(ws.json());
    book.snapshot(&Rest::open(&sim).fetch(&depth_path(sim.venue(), "BTCUSDT", 1_000)).json());
    for _ in 0..5 {
        sim.pause();
        let truth = sim.true_book("BTCUSDT").unwrap();
        thread::sleep(Duration::from_millis(5));
        assert_eq!(sim.true_book("BTCUSDT").unwrap(), truth, "the market moved in a pause");
        while book.id < Some(truth.last_id) {
            book.diff(ws.json());
        }
        book.assert_equals(&truth);
        sim.resume();
    }
    assert_eq!(book.gaps, 0);
}

#[test]
fn a_late_rest_answer_still_splices() {
    let faults = Faults { rest_delay: Duration::from_millis(60), ..Faults::default() };
    let sim = start_with(Venue::BinanceSpot, market(1), false, faults);
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth@100ms");
    let mut book = NaiveBook::default();
    book.diff(ws.json());
    book.snapshot(&Rest::open(&sim).fetch("/api/v3/depth?symbol=BTCUSDT&limit=5000").json());
    let mut applied = 0;
    while applied < 300 {
        book.diff(ws.json());
        applied += u32::from(book.is_live());
    }
    assert_eq!(book.gaps, 0);
}

/// The cross-check of engines: after a depth message up to `u`, the best bid and ask are those of
/// the last ticker with an id up to `u`.
#[test]
fn tickers_agree_with_the_book_at_their_ids() {
    for venue in [Venue::BinanceSpot, Venue::BinanceUsdm] {
        let config = MarketConfig { one_sided: 0.001, ..market(1) };
        let sim = start(venue, config);
        let mut ws = Ws::open(&sim, "/stream?streams=btcusdt@depth/btcusdt@bookTicker");
        let mut book = NaiveBook::default();
        let mut last_ticker = None;
        // Books by their id, until a ticker with a greater one arrives: only then is it known that
        // no other ticker belongs to them.
        let mut unjudged: Vec<(u64, [i64; 4])> = Vec::new();
        let (mut checks, mut one_sided) = (0, 0);
        while checks < 3_000 {
            let message = ws.json();
            let data = &message["data"];
            if message["stream"] == "btcusdt@bookTicker" {
                let (id, bbo) = (number(&data["u"]), bbo_of(data));
                if let Some((_, last)) = last_ticker {
                    for (_, book) in unjudged.extract_if(.., |(book, _)| *book < id) {
                        assert_eq!(book, last, "{venue}: before ticker {id}");
                        checks += 1;
                        one_sided += u32::from(book.contains(&0));
                    }
                }
                assert!(last_ticker.is_none_or(|(before, _)| before < id));
                last_ticker = Some((id, bbo));
                continue;
            }
            book.diff(data.clone());
            if book.id.is_none() {
                let path = depth_path(venue, "BTCUSDT", 1_000);
                book.snapshot(&Rest::open(&sim).fetch(&path).json());
            }
            if let (true, Some(id)) = (book.is_live(), book.id) {
                assert!(last_ticker.is_none_or(|(ticker, _)| ticker <= id), "a ticker came early");
                if last_ticker.is_some() {
                    unjudged.push((id, book.bbo()));
                }
            }
        }
        assert!(one_sided > 0, "never one-sided");
    }
}

#[test]
fn trades_are_counted_without_holes() {
    for (venue, path) in [
        (Venue::BinanceSpot, "/stream?streams=btcusdt@trade/btcusdt@aggTrade"),
        (Venue::BinanceUsdm, "/market/stream?streams=btcusdt@trade/btcusdt@aggTrade"),
    ] {
        let sim = start(venue, market(1));
        let mut ws = Ws::open(&sim, path);
        let mut last = BTreeMap::new();
        for _ in 0..1_000 {
            let message = ws.json();
            let data = &message["data"];
            let key = if data["e"] == "trade" { "t" } else { "a" };
            let id = number(&data[key]);
            if let Some(before) = last.insert(key, id) {
                assert_eq!(id, before + 1);
            }
            assert!(data["m"].is_boolean() && data["q"] != "0.00000000");
        }
        assert_eq!(last.len(), 2);
    }
}

/// Depth messages of the first symbol by their first id, times left out.
fn messages(seed: u64) -> BTreeMap<u64, (Value, Value)> {
    let sim = start(Venue::BinanceSpot, MarketConfig { seed, ..market(2) });
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    let mut messages = BTreeMap::new();
    for _ in 0..1_500 {
        let mut message = ws.json();
        messages.insert(number(&message["U"]), (message["b"].take(), message["a"].take()));
    }
    messages
}

#[test]
fn the_content_follows_from_the_seed() {
    let (one, same, other) = (messages(5), messages(5), messages(6));
    let common: Vec<_> = one.keys().filter(|id| same.contains_key(id)).collect();
    assert!(common.len() > 300, "too few common messages: {}", common.len());
    assert!(common.iter().all(|id| one[id] == same[id]));
    assert!(!other.keys().any(|id| one.contains_key(id)), "ids start from the seed");
    let sizes: Vec<_> =
        one.values().map(|(b, a)| b.to_string().len() + a.to_string().len()).collect();
    assert!(sizes.iter().max() > sizes.iter().min());
}
