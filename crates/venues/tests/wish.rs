//! Books of Binance that come and go while the session runs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Harness, diff, snapshot};
use tickbook_types::{BookState, Decimal, Instrument, Venue};
use tickbook_venues::{
    Action, ConfigError, Context, Ignored, Mode, SessionConfig, Subscription, Wished,
};

fn all(symbols: &[&str]) -> Vec<Subscription> {
    symbols.iter().map(|symbol| Subscription::all(symbol)).collect()
}

fn harness(venue: Venue, symbols: &[&str], conns_spare: u32) -> Harness {
    let listed = |symbol: &str| Instrument {
        tick_size: Decimal::parse(b"0.01").ok(),
        lot_size: Decimal::parse(b"0.001").ok(),
        ..Instrument::unlisted(venue, symbol)
    };
    let instruments = ["AUSDT", "BUSDT", "CUSDT"].map(listed).to_vec();
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
