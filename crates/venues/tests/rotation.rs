//! Connections replaced without a break, and streams besides the diffs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Harness, diff, snapshot};
use tickbook_types::{BookState, Decimal, Instrument, Reason, Side, Venue};
use tickbook_venues::{Action, Ignored, Mode, SessionConfig, Subscription, Warning, limits};

const MS: i64 = 1_000_000;

fn instrument(venue: Venue, symbol: &str) -> Instrument {
    Instrument {
        tick_size: Decimal::parse(b"0.01").ok(),
        lot_size: Decimal::parse(b"0.001").ok(),
        ..Instrument::unlisted(venue, symbol)
    }
}

fn config(venue: Venue, subscriptions: Vec<Subscription>) -> SessionConfig {
    let known = subscriptions.iter().map(|it| instrument(venue, &it.symbol)).collect();
    SessionConfig { instruments: known, ..SessionConfig::new(venue, subscriptions, Mode::Live) }
}

/// Answers every subscribe among some actions, and says how many there were.
fn ack_all(harness: &mut Harness, actions: &[Action]) -> usize {
    let mut count = 0;
    for action in actions {
        if let Action::SendText { conn, text } = action {
            let id = text.rsplit("\"id\":").next().unwrap().trim_end_matches('}');
            harness.frame(conn.0, format!(r#"{{"result":null,"id":{id}}}"#));
            count += 1;
        }
    }
    count
}

fn live() -> Harness {
    let mut harness = Harness::new(config(Venue::BinanceSpot, vec![Subscription::all("BTCUSDT")]));
    harness.start();
    harness.connected(0, 1);
    let actions = harness.actions();
    assert_eq!(ack_all(&mut harness, &actions), 1);
    harness.frame(0, diff("BTCUSDT", 1, 1, r#"["100","1"]"#, ""));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), &request.path, snapshot(1, r#"["100","1"]"#, "").as_bytes());
    assert_eq!(harness.book("BTCUSDT").state, BookState::Live);
    harness
}

/// The connection asked for, if one was.
fn connects(actions: &[Action]) -> Vec<u32> {
    let conn = |action: &Action| match action {
        Action::Connect { conn, .. } => Some(conn.0),
        _ => None,
    };
    actions.iter().filter_map(conn).collect()
}

fn closes(actions: &[Action]) -> Vec<u32> {
    let conn = |action: &Action| match action {
        Action::Close { conn } => Some(conn.0),
        _ => None,
    };
    actions.iter().filter_map(conn).collect()
}

/// Lets a replacement take over while diffs come over both; the book must stay live throughout.
fn hand_over(harness: &mut Harness, replacement_ahead: bool) {
    harness.connected(1, 5);
    let actions = harness.actions();
    assert_eq!(ack_all(harness, &actions), 1, "the replacement subscribes the same");
    let (mut id, mut closed) = (2, Vec::new());
    for _ in 0..100 {
        let text = diff("BTCUSDT", id, id, &format!(r#"["100","{id}"]"#), "");
        for conn in if replacement_ahead { [1, 0] } else { [0, 1] } {
            // The old connection is silent once it is closed.
            if conn == 1 || closed.is_empty() {
                harness.frame(conn, &text);
            }
        }
        id += 1;
        harness.pass(100);
        closed.extend(closes(&harness.actions()));
    }
    assert_eq!(closed, [0], "the old connection is let go, once");
    harness.disconnected(0);
    assert!(harness.actions().is_empty(), "and stays down");
    harness.frame(1, diff("BTCUSDT", id, id, "", ""));
    let book = harness.book("BTCUSDT");
    assert_eq!(book.seq, id);
    assert_eq!(book.seqs, (1..=id).collect::<Vec<_>>(), "each diff once");
    assert_eq!(book.history, [(BookState::Live, Reason::None)]);
    assert_eq!(book.epoch, 5);
    assert_eq!((harness.counters.gaps, harness.counters.rotations), (0, 1));
    let twice = [Ignored::SpareConnection, Ignored::Duplicate];
    let twice: u64 = twice.iter().map(|reason| harness.counters.ignored(*reason)).sum();
    assert!(twice > 20, "both connections spoke: {twice}");
}

#[test]
fn a_connection_is_replaced_before_its_24_hours_are_over() {
    for ahead in [false, true] {
        let mut harness = live();
        let opened = harness.now;
        harness.pass((limits::CONN_AGE_MAX_NS - 1_000 * MS) / MS);
        assert!(connects(&harness.actions()).is_empty());
        harness.pass(1_000);
        assert_eq!(connects(&harness.actions()), [1]);
        assert!(harness.now.since(opened) < 24 * 3_600 * 1_000 * MS);
        hand_over(&mut harness, ahead);
        // And the replacement in its turn.
        harness.pass(limits::CONN_AGE_MAX_NS / MS);
        assert_eq!(connects(&harness.actions()), [0]);
    }
}

#[test]
fn connections_opened_together_are_replaced_apart() {
    let market = |n| Subscription { book: false, ..Subscription::all(&format!("S{n}USDT")) };
    let symbols = (0..1_100).map(market).collect();
    let mut harness = Harness::new(config(Venue::BinanceSpot, symbols));
    harness.start();
    let conns = connects(&harness.actions());
    assert_eq!(conns, [0, 1, 2], "2,200 streams at 1,024 each");
    for conn in &conns {
        harness.connected(*conn, 1);
        for _ in 0..60 {
            let actions = harness.actions();
            ack_all(&mut harness, &actions);
            harness.pass(100);
        }
    }
    let mut opened = Vec::new();
    for _ in 0..24 * 60 {
        harness.pass(60_000);
        for conn in connects(&harness.actions()) {
            opened.push((conn, harness.now));
        }
    }
    assert_eq!(opened.len(), 3);
    for pair in opened.windows(2) {
        assert!(pair[1].1.since(pair[0].1) >= 60_000 * MS, "{opened:?}");
    }
}

#[test]
fn a_shutdown_notice_opens_the_replacement_at_once() {
    for notice in [
        r#"{"e":"serverShutdown","E":1787612486435}"#,
        r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1787612486435}}"#,
    ] {
        let mut harness = live();
        harness.frame(0, notice);
        let actions = harness.actions();
        assert_eq!(connects(&actions), [1]);
        assert!(
            actions.iter().any(|it| matches!(it, Action::Warn(Warning::ShutdownNotice { .. })))
        );
        harness.frame(0, notice);
        assert!(connects(&harness.actions()).is_empty(), "once");
        hand_over(&mut harness, false);
    }
}

#[test]
fn a_cut_while_the_replacement_is_ready_hands_over_at_once() {
    let mut harness = live();
    harness.frame(0, r#"{"e":"serverShutdown","E":1}"#);
    harness.connected(1, 1);
    let actions = harness.actions();
    ack_all(&mut harness, &actions);
    harness.disconnected(0);
    assert_eq!(harness.book("BTCUSDT").state, BookState::Live);
    harness.frame(1, diff("BTCUSDT", 2, 2, "", ""));
    assert_eq!(harness.book("BTCUSDT").seq, 2);
    // A diff that fell between the two is a gap like any other.
    harness.frame(1, diff("BTCUSDT", 4, 4, "", ""));
    assert_eq!(harness.book("BTCUSDT").state, BookState::Stale);
}

#[test]
fn a_cut_while_the_replacement_runs_ahead_is_a_gap_at_once() {
    let mut harness = live();
    harness.frame(0, r#"{"e":"serverShutdown","E":1}"#);
    harness.connected(1, 1);
    let actions = harness.actions();
    ack_all(&mut harness, &actions);
    harness.frame(1, diff("BTCUSDT", 3, 3, "", ""));
    assert_eq!(harness.state("BTCUSDT"), (BookState::Live, Reason::None));
    // The old connection would have brought 2 and 3; nobody will now, and 4 may be hours away.
    harness.disconnected(0);
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::Gap));
    harness.frame(1, diff("BTCUSDT", 4, 4, "", ""));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), &request.path, snapshot(3, r#"["100","1"]"#, "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), (BookState::Live, Reason::None));
    assert_eq!(harness.book("BTCUSDT").seq, 4);
}

#[test]
fn a_replacement_that_runs_ahead_waits_for_the_old_connection() {
    let mut harness = live();
    harness.frame(0, r#"{"e":"serverShutdown","E":1}"#);
    harness.connected(1, 1);
    let actions = harness.actions();
    ack_all(&mut harness, &actions);
    // Five diffs ahead, so that none of its own follows.
    for id in 2..60 {
        harness.frame(1, diff("BTCUSDT", id + 5, id + 5, "", ""));
        harness.frame(0, diff("BTCUSDT", id, id, "", ""));
        harness.pass(100);
    }
    assert!(closes(&harness.actions()).is_empty(), "letting go would lose five diffs");
    for id in 60..65 {
        harness.frame(0, diff("BTCUSDT", id, id, "", ""));
    }
    harness.pass(1_000);
    assert_eq!(closes(&harness.actions()), [0]);
    harness.frame(1, diff("BTCUSDT", 65, 65, "", ""));
    assert_eq!(harness.book("BTCUSDT").seq, 65);
    assert_eq!(harness.counters.gaps, 0);
}

#[test]
fn a_replacement_that_fails_is_tried_again() {
    let mut harness = live();
    harness.frame(0, r#"{"e":"serverShutdown","E":1}"#);
    assert_eq!(connects(&harness.actions()), [1]);
    harness.disconnected(1);
    assert_eq!(connects(&harness.actions()), [1]);
    assert_eq!(harness.book("BTCUSDT").state, BookState::Live);
}

#[test]
fn a_cut_without_a_ready_replacement_is_a_disconnect() {
    let mut harness = live();
    harness.frame(0, r#"{"e":"serverShutdown","E":1}"#);
    harness.actions();
    harness.disconnected(0);
    assert_eq!(connects(&harness.actions()), [0]);
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.reason), (BookState::Stale, Reason::Disconnected));
}

#[test]
fn subscribes_keep_below_the_venues_limit() {
    let symbols = (0..300).map(|n| Subscription::all(&format!("SYMBOL{n}USDT"))).collect();
    let mut harness = Harness::new(config(Venue::BinanceSpot, symbols));
    harness.start();
    harness.connected(0, 1);
    let mut sent = Vec::new();
    for _ in 0..100 {
        let actions = harness.actions();
        ack_all(&mut harness, &actions);
        let texts = actions.iter().filter(|it| matches!(it, Action::SendText { .. }));
        sent.extend(texts.map(|_| harness.now));
        harness.pass(50);
    }
    assert_eq!(sent.len(), 900_usize.div_ceil(limits::STREAMS_PER_MESSAGE));
    for at in &sent {
        let second = sent.iter().filter(|then| (0..1_000 * MS).contains(&at.since(**then)));
        assert!(second.count() < 5, "{sent:?}");
    }
}

#[test]
fn snapshots_of_many_books_keep_below_the_weight_budget() {
    let symbols: Vec<_> = (0..300).map(|n| Subscription::all(&format!("S{n}USDT"))).collect();
    let mut harness = Harness::new(config(Venue::BinanceSpot, symbols));
    harness.start();
    harness.connected(0, 1);
    for n in 0..300 {
        harness.frame(0, diff(&format!("S{n}USDT"), 5, 6, "", ""));
    }
    let mut spent = Vec::new();
    for _ in 0..4_000 {
        for action in harness.actions() {
            match action {
                Action::Fetch(request) => {
                    spent.push((harness.now, request.weight));
                    harness.rest(Some(request.id), &request.path, snapshot(5, "", "").as_bytes());
                }
                Action::SendText { conn, text } => {
                    let ack = [Action::SendText { conn, text }];
                    ack_all(&mut harness, &ack);
                }
                _ => {}
            }
        }
        harness.pass(100);
    }
    assert!(harness.books.values().all(|book| book.state == BookState::Live));
    for (at, _) in &spent {
        let minute = spent.iter().filter(|(then, _)| (0..60_000 * MS).contains(&at.since(*then)));
        assert!(minute.map(|(_, weight)| weight).sum::<u32>() <= 6_000);
    }
}

#[test]
fn trades_and_tickers_go_with_their_book() {
    let mut harness = live();
    harness.frame(
        0,
        concat!(
            r#"{"stream":"btcusdt@bookTicker","data":{"u":2,"s":"BTCUSDT","#,
            r#""b":"100.00000000","B":"1.50000000","a":"100.25000000","#,
            r#""A":"0.00500000"}}"#,
        ),
    );
    harness.frame(0, r#"{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}"#);
    harness.frame(
        0,
        concat!(
            r#"{"e":"aggTrade","E":1787612486436,"s":"BTCUSDT","a":77,"p":"100.25","#,
            r#""q":"2","f":120,"l":123,"T":1787612486435,"m":false,"M":true}"#,
        ),
    );
    harness.frame(
        0,
        concat!(
            r#"{"e":"trade","E":1787612486436,"s":"BTCUSDT","t":123,"p":"100.00","#,
            r#""q":"0.005","T":1787612486435,"m":true,"M":true}"#,
        ),
    );
    harness.frame(
        0,
        concat!(
            r#"{"e":"trade","E":1787612486436,"s":"BTCUSDT","t":123,"p":"100.00","#,
            r#""q":"0.005","T":1787612486435,"m":true,"M":true}"#,
        ),
    );
    harness.frame(
        0,
        concat!(
            r#"{"e":"aggTrade","E":1787612486436,"s":"BTCUSDT","a":78,"p":"100.25","#,
            r#""q":"2","f":123,"l":123,"T":1787612486435,"m":false,"M":true}"#,
        ),
    );
    let book = harness.book("BTCUSDT");
    assert_eq!(book.tickers, [(2, (10_000, 1_500), (10_025, 5))]);
    let time = 1_787_612_486_435_000_000;
    assert_eq!(
        book.trades,
        [(10_025, 2_000, Side::Bid, time, 77), (10_000, 5, Side::Ask, time, 123)],
        "a buyer who was maker was sold to; aggregates end where single trades come"
    );
    assert_eq!(harness.counters.ignored(Ignored::TradeTwice), 1);
    assert_eq!(harness.counters.ignored(Ignored::Duplicate), 2);
    harness.frame(0, r#"{"e":"kline","E":1,"s":"BTCUSDT","k":{}}"#);
    harness.frame(0, r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker","s":"BTCUSDT"}]}"#);
    assert_eq!(harness.counters.ignored(Ignored::UnusedStream), 1);
    harness.frame(0, r#"{"u":9,"s":"ETHUSDT","b":"1","B":"1","a":"2","A":"1"}"#);
    assert_eq!(harness.counters.ignored(Ignored::UnknownSymbol), 1);
    // Digits beyond the exponents refine the book's.
    harness.frame(0, r#"{"u":9,"s":"BTCUSDT","b":"100.001","B":"1","a":"100.002","A":"1"}"#);
    let book = harness.book("BTCUSDT");
    assert_eq!(book.tickers[1], (9, (100_001, 1_000), (100_002, 1_000)));
    assert_eq!(book.top(Side::Bid, 1), [("100".into(), "1".into())]);
}

#[test]
fn channels_of_whole_books_replace() {
    let whole = Subscription { depth: Some(20), ..Subscription::all("BTCUSDT") };
    let mut harness = Harness::new(config(Venue::BinanceSpot, vec![whole]));
    harness.start();
    harness.connected(0, 1);
    let actions = format!("{:?}", harness.actions());
    assert!(actions.contains("btcusdt@depth20@100ms"), "{actions}");
    let frame = |id: u64, bids: &str| {
        format!(r#"{{"stream":"btcusdt@depth20@100ms","data":{}}}"#, snapshot(id, bids, ""))
    };
    harness.frame(0, frame(7, r#"["100","1"],["99","2"]"#));
    harness.frame(0, frame(9, r#"["101.5","1"]"#));
    harness.frame(0, frame(8, r#"["1","1"]"#));
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 9));
    assert_eq!(book.top(Side::Bid, 9), [("101.5".into(), "1".into())]);
    assert!(harness.fetches().is_empty(), "no snapshot is needed");
    harness.disconnected(0);
    assert_eq!(harness.book("BTCUSDT").reason, Reason::Disconnected);
    harness.connected(0, 2);
    harness.frame(0, frame(3, r#"["99","1"]"#));
    assert_eq!(harness.book("BTCUSDT").state, BookState::Live);
}
