//! Books of Binance that come and go while the session runs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Harness, diff, futures_diff, snapshot};
use tickbook_types::{BookState, Decimal, Instrument, Side, Venue};
use tickbook_venues::{
    Action, ConfigError, Context, Ignored, Mode, RestRequest, SessionConfig, Subscription, Wished,
};

fn all(symbols: &[&str]) -> Vec<Subscription> {
    symbols.iter().map(|symbol| Subscription::all(symbol)).collect()
}

fn listed(venue: Venue, symbol: &str) -> Instrument {
    Instrument {
        tick_size: Decimal::parse(b"0.01").ok(),
        lot_size: Decimal::parse(b"0.001").ok(),
        ..Instrument::unlisted(venue, symbol)
    }
}

fn harness(venue: Venue, symbols: &[&str], conns_spare: u32) -> Harness {
    let instruments = ["AUSDT", "BUSDT", "CUSDT"].map(|symbol| listed(venue, symbol)).to_vec();
    let config = SessionConfig::new(venue, all(symbols), Mode::Live);
    let conns_max = config.conns_max + conns_spare;
    let mut harness = Harness::new(SessionConfig { instruments, conns_max, ..config });
    harness.start();
    harness.actions();
    harness
}

fn wish(harness: &mut Harness, symbols: &[&str]) -> Result<Wished, ConfigError> {
    let Harness { session, lane, actions, counters, now, .. } = harness;
    let mut cx = Context { now: *now, shared_stamp: false, lane, actions, counters };
    session.on_wish(&all(symbols), &mut cx)
}

/// What was asked, as `+stream` and `-stream`, and which snapshots, whose books then come to life
/// with `id`; every request is acked.
fn asked(harness: &mut Harness, id: u64) -> (Vec<String>, Vec<String>) {
    let (mut asked, mut fetched) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        for action in harness.actions() {
            match action {
                Action::SendText { conn, text } => {
                    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                    let sign = if json["method"] == "SUBSCRIBE" { '+' } else { '-' };
                    let params = json["params"].as_array().unwrap().clone();
                    let name = |it: &serde_json::Value| format!("{sign}{}", it.as_str().unwrap());
                    asked.extend(params.iter().map(name));
                    let id = &json["id"];
                    harness.frame(conn.0, format!(r#"{{"result":null,"id":{id}}}"#));
                }
                Action::Fetch(request) => {
                    let symbol = request.path.split(['=', '&']).nth(1).unwrap().to_owned();
                    let body = snapshot(id, r#"["100","1"]"#, "");
                    harness.rest(Some(request.id), &request.path, body.as_bytes());
                    harness.frame(0, diff(&symbol, id + 1, id + 1, r#"["99","1"]"#, ""));
                    fetched.push(symbol);
                }
                _ => {}
            }
        }
        harness.pass(500);
    }
    (asked, fetched)
}

fn streams(sign: char, symbol: &str) -> [String; 3] {
    ["depth@100ms", "bookTicker", "trade"].map(|it| format!("{sign}{symbol}@{it}"))
}

fn live(harness: &Harness, symbol: &str) -> bool {
    harness.books.values().any(|it| it.name == symbol && it.state == BookState::Live)
}

#[test]
fn books_come_and_go_and_the_others_are_not_touched() {
    let mut harness = harness(Venue::BinanceSpot, &["AUSDT", "BUSDT"], 0);
    harness.connected(0, 1);
    let (first, fetched) = asked(&mut harness, 10);
    assert_eq!((first.len(), fetched.len()), (6, 2));
    assert!(live(&harness, "AUSDT") && live(&harness, "BUSDT"));
    let touched = harness.book("BUSDT").applied;

    let wished = wish(&mut harness, &["BUSDT", "CUSDT"]).unwrap();
    assert_eq!((wished.added, wished.removed), (1, 1));
    harness.drain();
    assert!(!harness.books.values().any(|it| it.name == "AUSDT"), "closed at once");
    let (mut second, fetched) = asked(&mut harness, 20);
    let mut expected = [streams('-', "ausdt"), streams('+', "cusdt")].concat();
    expected.sort();
    second.sort();
    assert_eq!(second, expected);
    assert_eq!(fetched, ["CUSDT"]);
    assert!(live(&harness, "BUSDT") && live(&harness, "CUSDT"));
    assert_eq!(harness.book("BUSDT").applied, touched);

    // What still comes of the one that went is counted and changes nothing.
    let unused = harness.counters.ignored(Ignored::UnusedStream);
    harness.frame(0, diff("AUSDT", 12, 12, r#"["98","1"]"#, ""));
    assert_eq!(harness.counters.ignored(Ignored::UnusedStream), unused + 1);
    assert!(!harness.books.values().any(|it| it.name == "AUSDT"));

    // A connection that is lost subscribes what is wanted now, and a book comes back.
    harness.disconnected(0);
    harness.actions();
    harness.connected(0, 2);
    let (again, _) = asked(&mut harness, 30);
    assert!(again.len() == 6 && !again.iter().any(|it| it.contains("ausdt")), "{again:?}");
    wish(&mut harness, &["AUSDT", "BUSDT", "CUSDT"]).unwrap();
    let (back, fetched) = asked(&mut harness, 40);
    assert_eq!((back.len(), fetched), (3, vec!["AUSDT".to_owned()]));
    assert!(["AUSDT", "BUSDT", "CUSDT"].iter().all(|it| live(&harness, it)));
}

#[test]
fn what_cannot_be_had_changes_nothing() {
    let mut harness = harness(Venue::BinanceUsdm, &["AUSDT"], 0);
    harness.connected(0, 1);
    harness.actions();
    harness.session.on_timer(&mut Context {
        now: harness.now,
        shared_stamp: false,
        lane: &mut harness.lane,
        actions: &mut harness.actions,
        counters: &mut harness.counters,
    });
    let before = harness.actions().len();
    assert!(matches!(wish(&mut harness, &[]), Err(ConfigError::NothingSubscribed)));
    assert!(matches!(wish(&mut harness, &["busdt"]), Err(ConfigError::BadSymbol(_))));
    assert!(matches!(wish(&mut harness, &["B", "B"]), Err(ConfigError::DuplicateSymbol(_))));
    // 200 streams a connection: 150 books want a second one for each of two routes.
    let many: Vec<String> = (0..150).map(|n| format!("S{n}USDT")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(wish(&mut harness, &many), Err(ConfigError::TooManyConns { .. })));
    assert_eq!(harness.actions().len(), before);
    assert_eq!(harness.books.len(), 1);
}

#[test]
fn streams_beyond_a_connection_open_another() {
    let mut harness = harness(Venue::BinanceUsdm, &["AUSDT"], 4);
    let many: Vec<String> = (0..150).map(|n| format!("S{n}USDT")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    wish(&mut harness, &many).unwrap();
    let connects = harness.actions().into_iter().filter_map(|action| match action {
        Action::Connect { conn, .. } => Some(conn.0),
        _ => None,
    });
    // 0 to 3 are the two lines of the start and their replacements.
    assert_eq!(connects.collect::<Vec<_>>(), [4, 5]);
    let mut streams = 0;
    for conn in [0, 1, 4, 5] {
        harness.connected(conn, 1);
        streams += asked(&mut harness, 10).0.len();
    }
    assert_eq!(streams, 600, "four streams of each book");
}

/// Acks all requests of some seconds; which connection was asked for what, and snapshots wanted.
fn settled(harness: &mut Harness) -> (Vec<(u32, String)>, Vec<RestRequest>) {
    let (mut asked, mut fetches) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        for action in harness.actions() {
            match action {
                Action::SendText { conn, text } => {
                    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                    let sign = if json["method"] == "SUBSCRIBE" { '+' } else { '-' };
                    for name in json["params"].as_array().unwrap() {
                        asked.push((conn.0, format!("{sign}{}", name.as_str().unwrap())));
                    }
                    harness.frame(conn.0, format!(r#"{{"result":null,"id":{}}}"#, json["id"]));
                }
                Action::Fetch(request) => fetches.push(request),
                _ => {}
            }
        }
        harness.pass(500);
    }
    (asked, fetches)
}

/// Another book took its place: the one that comes back is fed by the connection it is on now, and
/// lost with that one.
#[test]
fn a_book_that_comes_back_on_another_connection_belongs_to_it() {
    // 200 streams a connection: two of a book, and one of each of the others.
    let ticker = |n: usize| Subscription {
        book: false,
        trades: false,
        ..Subscription::all(&format!("S{n}USDT"))
    };
    let others: Vec<_> = (1..=210).map(ticker).collect();
    let with = |books: &[&str]| [all(books), others.clone()].concat();
    let mut config = SessionConfig::new(Venue::BinanceUsdm, with(&["AUSDT"]), Mode::Live);
    (config.books_max, config.conns_max) = (config.books_max + 4, config.conns_max + 4);
    let others_and = ["AUSDT", "BUSDT"].map(str::to_owned).into_iter();
    let symbols = others_and.chain((1..=210).map(|n| format!("S{n}USDT")));
    config.instruments = symbols.map(|symbol| listed(Venue::BinanceUsdm, &symbol)).collect();
    let mut harness = Harness::new(config);
    harness.start();
    let mut conns = Vec::new();
    for action in harness.actions() {
        if let Action::Connect { conn, .. } = action {
            conns.push(conn.0);
        }
    }
    conns.iter().for_each(|conn| harness.connected(*conn, 1));
    let place = |asked: &[(u32, String)], stream: &str| {
        let mut found = asked.iter().filter(|(_, name)| name == stream);
        let (Some((conn, _)), None) = (found.next(), found.next()) else { panic!("{stream}") };
        *conn
    };
    let (asked, _) = settled(&mut harness);
    let first = place(&asked, "+ausdt@depth@100ms");
    let wish = |harness: &mut Harness, books: &[&str]| {
        let Harness { session, lane, actions, counters, now, .. } = harness;
        let mut cx = Context { now: *now, shared_stamp: false, lane, actions, counters };
        session.on_wish(&with(books), &mut cx).unwrap();
        settled(harness)
    };
    let (asked, _) = wish(&mut harness, &["BUSDT"]);
    assert_eq!(place(&asked, "+busdt@depth@100ms"), first, "in the place that became free");
    let (asked, fetches) = wish(&mut harness, &["AUSDT", "BUSDT"]);
    let now = place(&asked, "+ausdt@depth@100ms");
    assert_ne!(now, first, "which is full");

    let of_a = |it: &&RestRequest| it.path.contains("=AUSDT");
    let request = fetches.iter().find(of_a).expect("a snapshot is asked for");
    harness.frame(now, futures_diff("AUSDT", (8, 11, 7), r#"["99","1"]"#, ""));
    let body = snapshot(10, r#"["100","1"]"#, "");
    harness.rest(Some(request.id), &request.path, body.as_bytes());
    harness.frame(now, futures_diff("AUSDT", (12, 13, 11), r#"["98","1"]"#, ""));
    harness.drain();
    assert_eq!(harness.state("AUSDT").0, BookState::Live);
    assert_eq!(harness.book("AUSDT").top(Side::Bid, 9).len(), 3, "both diffs are in it");

    // Its former connection subscribes it no more, and the other one takes it along.
    harness.disconnected(first);
    harness.drain();
    assert_eq!(harness.state("AUSDT").0, BookState::Live);
    harness.connected(first, 2);
    let (asked, _) = settled(&mut harness);
    assert!(asked.iter().any(|(_, name)| name == "+busdt@depth@100ms"));
    assert!(!asked.iter().any(|(_, name)| name.contains("ausdt@depth")), "{asked:?}");
    harness.disconnected(now);
    harness.drain();
    assert_ne!(harness.state("AUSDT").0, BookState::Live);
}
