//! Scripted lives of sessions: what comes in, what the lane and the actions say.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Harness, diff, futures_diff, snapshot};
use tickbook_types::{BookState, Reason, Side, Venue};
use tickbook_venues::{
    Action, Endpoint, Ignored, Mode, Rejected, RestError, RestPurpose, SessionConfig, Subscription,
    Warning, limits,
};

const LIST: &str = concat!(
    r#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","#,
    r#""quoteAsset":"USDT","filters":[{"filterType":"PRICE_FILTER","#,
    r#""tickSize":"0.01000000"},{"filterType":"LOT_SIZE","#,
    r#""stepSize":"0.00001000"}]},{"symbol":"ETHUSDT","status":"TRADING","#,
    r#""baseAsset":"ETH","quoteAsset":"USDT","#,
    r#""filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"},"#,
    r#"{"filterType":"LOT_SIZE","stepSize":"0.00010000"}]}]}"#,
);

const URL: &str = "/api/v3/depth?symbol=BTCUSDT&limit=5000";

const LIVE: (BookState, Reason) = (BookState::Live, Reason::None);
const GAP: (BookState, Reason) = (BookState::Stale, Reason::Gap);

fn acks(actions: &[Action]) -> Vec<(u32, u64)> {
    let id = |text: &str| text.rsplit("\"id\":").next()?.trim_end_matches('}').parse().ok();
    let ack = |action: &Action| match action {
        Action::SendText { conn, text } => Some((conn.0, id(text)?)),
        _ => None,
    };
    actions.iter().filter_map(ack).collect()
}

/// Answers every subscribe among the actions.
fn ack_all(harness: &mut Harness) -> Vec<Action> {
    let actions = harness.actions();
    for (conn, id) in acks(&actions) {
        harness.frame(conn, format!(r#"{{"result":null,"id":{id}}}"#));
    }
    actions
}

/// A live session of one venue, connected, subscribed and acked, its list fetched.
fn connected(venue: Venue, symbols: &[&str]) -> Harness {
    let subscriptions = symbols.iter().map(|symbol| Subscription::all(symbol)).collect();
    let mut harness = Harness::new(SessionConfig::new(venue, subscriptions, Mode::Live));
    harness.start();
    let actions = harness.actions();
    let list = actions.iter().find_map(|action| match action {
        Action::Fetch(request) if request.purpose == RestPurpose::Instruments => Some(request),
        _ => None,
    });
    let list = list.expect("the instrument list is fetched").clone();
    harness.rest(Some(list.id), &list.path, LIST.as_bytes());
    for action in actions {
        if let Action::Connect { conn, .. } = action {
            harness.connected(conn.0, 1);
            ack_all(&mut harness);
        }
    }
    harness.actions();
    harness
}

/// The same with BTCUSDT live at id 104.
fn live() -> Harness {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.frame(0, diff("BTCUSDT", 95, 104, r#"["100.00","1"]"#, ""));
    let request = harness.snapshot_request();
    let body = snapshot(99, r#"["99.00","5"]"#, r#"["101.00","2"]"#);
    harness.rest(Some(request.id), URL, body.as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    harness
}

#[test]
fn a_spot_book_comes_to_life_in_the_official_order() {
    let subscriptions = vec![Subscription::all("BTCUSDT")];
    let config = SessionConfig::new(Venue::BinanceSpot, subscriptions, Mode::Live);
    let mut harness = Harness::new(config);
    harness.start();
    let actions = harness.actions();
    assert!(matches!(
        &actions[0],
        Action::Connect { endpoint: Endpoint::Main, path, .. } if path == "/stream"
    ));
    let Action::Fetch(list) = &actions[1] else { panic!("{actions:?}") };
    assert_eq!(list.path, "/api/v3/exchangeInfo");
    assert!(harness.books.is_empty(), "no book before its exponents are known");

    harness.connected(0, 1);
    assert!(harness.actions().is_empty(), "nothing is subscribed before the symbols are known");
    harness.rest(Some(list.id), &list.path, LIST.as_bytes());
    let subscribe = harness.actions();
    let [Action::SendText { text, .. }] = &subscribe[..] else { panic!("{subscribe:?}") };
    assert_eq!(
        text,
        concat!(
            r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","#,
            r#""btcusdt@bookTicker","btcusdt@trade"],"id":1}"#,
        )
    );
    // Data before the ack is data.
    harness.frame(0, diff("BTCUSDT", 101, 104, r#"["100.00","1"]"#, ""));
    harness.frame(0, r#"{"result":null,"id":1}"#);
    let request = harness.snapshot_request();
    assert_eq!((request.path.as_str(), request.weight), (URL, 250));
    harness.frame(0, diff("BTCUSDT", 105, 105, r#"["100.00","2"]"#, ""));
    harness.frame(0, diff("BTCUSDT", 106, 110, r#"["100.50","3"]"#, ""));
    assert_eq!(harness.book("BTCUSDT").applied, 0);

    let body = snapshot(107, r#"["99.00","5"],["100.00","9"]"#, r#"["101.00","2"]"#);
    harness.rest(Some(request.id), URL, body.as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq, book.epoch), (BookState::Live, 110, 1));
    assert_eq!(book.seqs, [107, 110], "the third straddles, the others are older");
    assert_eq!(book.history, [(BookState::Syncing, Reason::None), LIVE]);
    assert_eq!(book.top(Side::Bid, 1), [("100.5".to_owned(), "3".to_owned())]);
    assert_eq!(harness.counters.ignored(Ignored::Stale), 2);
    assert_eq!((book.scale.price_exponent, book.scale.size_exponent), (-2, -5), "of the list");
}

#[test]
fn a_futures_book_follows_its_links() {
    let subscriptions = vec![Subscription::all("BTCUSDT")];
    let config = SessionConfig::new(Venue::BinanceUsdm, subscriptions, Mode::Live);
    let mut harness = Harness::new(config);
    harness.start();
    let actions = harness.actions();
    let routes = actions.iter().filter_map(|action| match action {
        Action::Connect { endpoint, path, .. } => Some((*endpoint, path.as_str())),
        _ => None,
    });
    let routes = routes.collect::<Vec<_>>();
    assert_eq!(
        routes,
        [(Endpoint::Public, "/public/stream"), (Endpoint::Market, "/market/stream")]
    );
    let Some(Action::Fetch(list)) = actions.last() else { panic!("{actions:?}") };
    harness.rest(Some(list.id), &list.path, LIST.as_bytes());
    harness.connected(0, 1);
    harness.connected(1, 1);
    harness.actions();
    harness.frame(0, futures_diff("BTCUSDT", (6990, 6998, 6985), "", ""));
    let request = harness.snapshot_request();
    assert_eq!(request.path, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000");
    harness.frame(0, futures_diff("BTCUSDT", (7001, 7009, 6998), r#"["64250.10","1.2"]"#, ""));
    harness.rest(
        Some(request.id),
        &request.path,
        snapshot(7005, "", r#"["64250.20","1"]"#).as_bytes(),
    );
    assert_eq!(harness.book("BTCUSDT").seqs, [7005, 7009]);
    harness.frame(0, futures_diff("BTCUSDT", (7015, 7020, 7009), "", ""));
    assert_eq!(harness.book("BTCUSDT").seq, 7020);
    harness.frame(0, futures_diff("BTCUSDT", (7031, 7040, 7030), "", ""));
    assert_eq!(harness.state("BTCUSDT"), GAP);
    // Without a link there is no proof.
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 105, 106, "", ""));
    assert_eq!(harness.state("BTCUSDT"), LIVE, "spot needs none");
}

#[test]
fn a_gap_is_said_at_once_and_healed_by_a_refetch() {
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 105, 106, "", ""));
    harness.frame(0, diff("BTCUSDT", 108, 109, r#"["98.00","1"]"#, ""));
    assert_eq!(harness.state("BTCUSDT"), GAP);
    assert_eq!((harness.counters.gaps, harness.counters.resyncs), (1, 1));
    let request = harness.snapshot_request();
    harness.frame(0, diff("BTCUSDT", 110, 110, r#"["98.00","2"]"#, ""));
    let body = snapshot(107, r#"["99.00","7"]"#, r#"["101.00","2"]"#);
    harness.rest(Some(request.id), URL, body.as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 110));
    assert_eq!(book.top(Side::Bid, 9), [("99".into(), "7".into()), ("98".into(), "2".into())]);
}

#[test]
fn repeated_and_late_diffs_change_nothing() {
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 105, 106, r#"["99.50","1"]"#, ""));
    for _ in 0..3 {
        harness.frame(0, diff("BTCUSDT", 105, 106, r#"["99.50","7"]"#, ""));
        harness.frame(0, diff("BTCUSDT", 95, 104, r#"["99.50","7"]"#, ""));
    }
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 106));
    assert_eq!(book.top(Side::Bid, 2)[1], ("99.5".into(), "1".into()));
    assert_eq!(harness.counters.ignored(Ignored::Duplicate), 6);
    assert_eq!(harness.counters.gaps, 0);
}

#[test]
fn swapped_diffs_are_a_gap_never_a_wrong_book() {
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 107, 108, r#"["99.50","2"]"#, ""));
    assert_eq!(harness.state("BTCUSDT"), GAP);
    let request = harness.snapshot_request();
    harness.frame(0, diff("BTCUSDT", 105, 106, r#"["99.50","1"]"#, ""));
    harness.frame(0, diff("BTCUSDT", 109, 109, "", ""));
    harness.rest(Some(request.id), URL, snapshot(108, r#"["99.50","2"]"#, "").as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 109));
    assert_eq!(book.top(Side::Bid, 1), [("99.5".into(), "2".into())]);
}

#[test]
fn a_snapshot_older_than_the_buffer_is_fetched_again() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.frame(0, diff("BTCUSDT", 101, 104, "", ""));
    for failure in 0..4_u32 {
        let request = harness.snapshot_request();
        harness.rest(Some(request.id), URL, snapshot(99, "", "").as_bytes());
        assert_eq!(harness.book("BTCUSDT").applied, 0);
        assert_eq!(harness.counters.snapshots_unusable, u64::from(failure) + 1);
        let pause = (limits::FETCH_PAUSE_MIN_NS << failure) / 1_000_000;
        harness.pass(pause - 1);
        assert!(harness.fetches().is_empty(), "after failure {failure} it pauses {pause} ms");
        harness.pass(1);
    }
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(100, "", "").as_bytes());
    assert_eq!(harness.book("BTCUSDT").seqs, [100, 104]);
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn retry_after_is_honoured() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.frame(0, diff("BTCUSDT", 101, 104, "", ""));
    let request = harness.snapshot_request();
    harness.rest_error(request.id, RestError::Status { code: 429, retry_after_s: Some(7) });
    assert_eq!(harness.warnings(), [Warning::RateLimited { code: 429, pause_s: 7 }]);
    harness.pass(6_999);
    assert!(harness.fetches().is_empty());
    harness.pass(1);
    let request = harness.snapshot_request();
    harness.rest_error(request.id, RestError::Status { code: 418, retry_after_s: None });
    harness.pass(59_999);
    assert!(harness.fetches().is_empty(), "without a word of the venue, a minute");
    harness.pass(1);
    assert_eq!(harness.fetches().len(), 1);
}

#[test]
fn an_answer_that_never_comes_is_asked_for_again() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.frame(0, diff("BTCUSDT", 101, 104, "", ""));
    let first = harness.snapshot_request();
    harness.pass(limits::FETCH_TIMEOUT_NS / 1_000_000 + 300);
    let second = harness.snapshot_request();
    assert_ne!(first.id, second.id);
    harness.rest(Some(first.id), URL, snapshot(103, "", "").as_bytes());
    assert_eq!(harness.book("BTCUSDT").applied, 0, "too late is not wanted");
    harness.rest(Some(second.id), URL, snapshot(103, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn a_quiet_book_is_fetched_without_a_first_diff() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.pass(limits::FIRST_DIFF_WAIT_NS / 1_000_000);
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(50, r#"["1","1"]"#, "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    // Its first diff must join the snapshot.
    harness.frame(0, diff("BTCUSDT", 52, 53, "", ""));
    assert_eq!(harness.state("BTCUSDT"), GAP);
}

#[test]
fn a_deaf_stream_is_found_out_and_a_quiet_market_is_not_blamed() {
    let deaf = |second: u64| {
        let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
        harness.pass(limits::FIRST_DIFF_WAIT_NS / 1_000_000);
        let request = harness.snapshot_request();
        harness.rest(Some(request.id), URL, snapshot(50, r#"["1","1"]"#, "").as_bytes());
        harness.pass(limits::FIRST_DATA_DEADLINE_NS / 1_000_000);
        let request = harness.snapshot_request();
        harness.rest(Some(request.id), URL, snapshot(second, "", "").as_bytes());
        harness.pass(limits::SILENCE_GRACE_NS / 1_000_000);
        harness
    };
    assert_eq!(deaf(50).state("BTCUSDT"), LIVE, "nothing happened: nothing was missed");
    let mut harness = deaf(60);
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::Silent));
    let actions = harness.actions();
    let symbol = "BTCUSDT".to_owned();
    assert!(actions.contains(&Action::Warn(Warning::NoData { symbol })));
    let texts = format!("{actions:?}");
    assert!(texts.contains("UNSUBSCRIBE") && texts.contains("btcusdt@depth@100ms"), "{texts}");
    assert!(harness.fetches().is_empty(), "a snapshot alone would not heal it");
    harness.frame(0, diff("BTCUSDT", 70, 71, "", ""));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(71, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn an_overflowing_buffer_begins_anew() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    let count = u64::try_from(limits::BUFFER_FRAMES_MAX).unwrap();
    for id in 0..=count {
        harness.frame(0, diff("BTCUSDT", 100 + id, 100 + id, "", ""));
    }
    assert_eq!(harness.counters.buffer_overflows, 1);
    assert_eq!(harness.counters.ignored(Ignored::BufferDropped), count);
    let request = harness.snapshot_request();
    // It would have joined the first of those that were dropped; it does not join the one kept.
    harness.rest(Some(request.id), URL, snapshot(99, "", "").as_bytes());
    assert_eq!(harness.book("BTCUSDT").applied, 0);
    harness.pass(1_000);
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(99 + count, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn a_disconnect_is_said_and_the_next_epoch_starts_afresh() {
    let mut harness = live();
    harness.disconnected(0);
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::Disconnected));
    let actions = harness.actions();
    assert!(matches!(&actions[..], [Action::Connect { .. }]), "{actions:?}");
    harness.connected(0, 2);
    assert_eq!(acks(&ack_all(&mut harness)).len(), 1, "subscribed again");
    // What would have followed in the old epoch needs a snapshot of its own now.
    harness.frame(0, diff("BTCUSDT", 105, 106, "", ""));
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::Disconnected));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(106, "", "").as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.epoch), (BookState::Live, 2));
}

#[test]
fn a_damaged_diff_makes_its_book_stale() {
    let good = diff("BTCUSDT", 105, 106, r#"["99.50","1"]"#, "");
    for (damaged, reason) in [
        (good.replace("99.50", "99.5x"), Rejected::Number),
        (good.replace("[\"99.50\",\"1\"]", "[\"99.50\",1]"), Rejected::Shape),
        (good[..good.len() - 9].to_owned(), Rejected::Malformed),
        (good.replace("\"u\":106", "\"u\":006"), Rejected::Malformed),
        (good.replace("\"u\":106", "\"u\":104"), Rejected::Ids),
        (good.replace("\"1\"", "\"-1\""), Rejected::Number),
        (good.replace("99.50", "1e400"), Rejected::Overflow),
        (good.replace("99.50", "123456789012345678901"), Rejected::Overflow),
    ] {
        let mut harness = live();
        harness.frame(0, &damaged);
        assert_eq!(harness.counters.rejected(reason), 1, "{damaged}");
        assert_eq!(harness.state("BTCUSDT").0, BookState::Stale, "{damaged}");
        assert_eq!(harness.counters.resyncs, 1);
        assert_eq!(harness.fetches().len(), 1);
    }
    // Damage that keeps the shape shows in the chain, now or with the next diff.
    for damaged in [
        good.replace("\"U\":105", "\"U\":104"),
        good.replace("\"U\":105", "\"U\":106"),
        good.replace("\"u\":106", "\"u\":906"),
        good.replace("\"u\":106", "\"u\":105"),
    ] {
        let mut harness = live();
        harness.frame(0, &damaged);
        harness.frame(0, diff("BTCUSDT", 107, 108, "", ""));
        assert_eq!(harness.state("BTCUSDT"), GAP, "{damaged}");
    }
    // One whose symbol cannot be read marks nothing; the chain tells.
    let mut harness = live();
    harness.frame(0, good.replace("\"s\":\"BTCUSDT\"", "\"s\":\"BTCUSD\u{1}\""));
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    harness.frame(0, diff("BTCUSDT", 107, 108, "", ""));
    assert_eq!(harness.state("BTCUSDT"), GAP);
}

#[test]
fn a_snapshot_never_sets_a_book_back() {
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 105, 106, "", ""));
    harness.frame(0, diff("BTCUSDT", 107, 108, "", ""));
    harness.frame(0, &diff("BTCUSDT", 109, 110, "", "")[..120]);
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(105, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), GAP, "106 was confirmed by its successor");
    harness.pass(1_000);
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(110, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn other_spellings_of_the_same_frames_do_the_same() {
    let mut harness = live();
    let spaced = |text: &str| text.replace(',', " , ").replace(':', " : ");
    harness.frame(0, spaced(&diff("BTCUSDT", 105, 106, r#"["99.50","1e1"]"#, "")));
    harness.frame(0, spaced(r#"{"u":107,"s":"BTCUSDT","b":"99","B":"1","a":"101","A":"2"}"#));
    let trade = r#"{"e":"trade","E":5,"T":4,"s":"BTCUSDT","t":1,"p":"99","q":"1","m":true}"#;
    harness.frame(0, spaced(trade));
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 106));
    assert_eq!(book.top(Side::Bid, 2)[1], ("99.5".into(), "10".into()));
    assert_eq!(book.tickers, [(107, (9_900, 100_000), (10_100, 200_000))]);
    assert_eq!(book.trades, [(9_900, 100_000, Side::Ask, 4_000_000, 1)]);
    assert_eq!(harness.counters.general_parses, 4, "three frames and the ack");
    // Kept and spliced, they do the same too.
    harness.frame(0, diff("BTCUSDT", 109, 109, "", ""));
    harness.frame(0, spaced(&diff("BTCUSDT", 110, 111, r#"["98.00","1"]"#, "")));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(110, "", "").as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.seq), (BookState::Live, 111));
    assert_eq!(book.top(Side::Bid, 1), [("98".into(), "1".into())]);
    // Finer digits refine here too, where the scanner was never asked.
    harness.frame(0, spaced(&diff("BTCUSDT", 112, 112, r#"["99.00","0.0000001"]"#, "")));
    let best = harness.book("BTCUSDT").top(Side::Bid, 1);
    assert_eq!(best, [("99".into(), "0.0000001".into())]);
    assert_eq!(harness.counters.size_rounded, 0);
}

#[test]
fn a_size_that_does_not_fit_coarsens_and_rounds() {
    let mut harness = connected(Venue::BinanceSpot, &["BTCUSDT"]);
    harness.frame(0, diff("BTCUSDT", 101, 104, "", ""));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(103, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    // 6e19 needs an exponent of 1; the other size is rounded to it, and says so.
    harness.frame(0, diff("BTCUSDT", 105, 106, r#"["1","60000000000000000000"],["2","26"]"#, ""));
    let book = harness.book("BTCUSDT");
    assert_eq!(book.scale.size_exponent, 1);
    let sizes: Vec<_> = book.top(Side::Bid, 2).into_iter().map(|(_, size)| size).collect();
    assert_eq!(sizes, ["30", "60000000000000000000"]);
    assert_eq!(harness.counters.size_rounded, 1);
    // It stays that coarse: the large size is still there.
    harness.frame(0, diff("BTCUSDT", 107, 108, r#"["2","0.5"]"#, ""));
    let book = harness.book("BTCUSDT");
    assert_eq!((book.state, book.scale.size_exponent), (BookState::Live, 1));
    assert_eq!(book.top(Side::Bid, 1), [("2".into(), "10".into())], "never to nothing");
}

#[test]
fn digits_beyond_the_exponents_refine_them_and_keep_the_book() {
    let mut harness = live();
    harness.frame(0, diff("BTCUSDT", 105, 106, r#"["99.505","0.0000001"]"#, ""));
    let book = harness.book("BTCUSDT");
    assert_eq!((book.scale.price_exponent, book.scale.size_exponent), (-3, -7));
    assert_eq!(harness.counters.rescales, 1);
    let tops = book.top(Side::Bid, 3);
    assert_eq!(tops[0], ("100".into(), "1".into()));
    assert_eq!(tops[1], ("99.505".into(), "0.0000001".into()));
    assert_eq!(book.state, BookState::Live);
    harness.frame(0, diff("BTCUSDT", 107, 107, r#"["99.505","0"]"#, ""));
    assert_eq!(harness.book("BTCUSDT").top(Side::Bid, 9).len(), 2);
}

#[test]
fn a_full_lane_is_said_as_soon_as_it_has_room() {
    let mut harness = live();
    harness.drains = false;
    let level = r#"["99.00","1"],"#.repeat(3_000);
    let level = level.trim_end_matches(',');
    let mut id = 105;
    while harness.counters.ring_full == 0 {
        harness.frame(0, diff("BTCUSDT", id, id, level, ""));
        id += 1;
    }
    assert_eq!(harness.counters.resyncs, 1);
    harness.drains = true;
    harness.drain();
    harness.pass(1);
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::RingFull));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(id - 1, "", "").as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
}

#[test]
fn the_builders_doubt_is_heard() {
    let mut harness = live();
    harness.resync(0, Reason::Crossed);
    assert_eq!(harness.state("BTCUSDT"), (BookState::Stale, Reason::Crossed));
    assert_eq!(harness.fetches().len(), 1);
    harness.resync(99, Reason::Crossed);
    assert_eq!(harness.counters.resyncs, 1, "an unknown book is none");
}

#[test]
fn refusals_and_missing_acks() {
    for error in [
        r#"{"code":2,"msg":"Invalid request","id":1}"#,
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
    ] {
        let sub = Subscription { ticker: false, trades: false, ..Subscription::all("BTCUSDT") };
        let config = SessionConfig::new(Venue::BinanceSpot, vec![sub], Mode::Live);
        let mut harness = Harness::new(config);
        harness.start();
        let Some(Action::Fetch(list)) = harness.actions().pop() else { panic!("a list") };
        harness.rest(Some(list.id), &list.path, LIST.as_bytes());
        harness.connected(0, 1);
        harness.actions();
        harness.frame(0, error);
        let warnings = harness.warnings();
        let [Warning::SubscribeRefused { code: 2, message, .. }] = &warnings[..] else {
            panic!("{warnings:?}")
        };
        assert_eq!(message, "Invalid request");
    }
    let subscriptions = vec![Subscription::all("BTCUSDT")];
    let config = SessionConfig::new(Venue::BinanceSpot, subscriptions, Mode::Live);
    let mut harness = Harness::new(config);
    harness.start();
    let Some(Action::Fetch(list)) = harness.actions().pop() else { panic!("a list") };
    harness.rest(Some(list.id), &list.path, LIST.as_bytes());
    harness.connected(0, 1);
    harness.actions();
    harness.pass(limits::ACK_DEADLINE_NS / 1_000_000);
    let actions = harness.actions();
    assert!(
        actions.iter().any(|it| matches!(it, Action::Close { conn } if conn.0 == 0)),
        "{actions:?}"
    );
    harness.disconnected(0);
    assert!(harness.actions().iter().any(|it| matches!(it, Action::Connect { .. })));
}

#[test]
fn symbols_the_venue_does_not_know_are_named_and_left_out() {
    let subscriptions = vec![Subscription::all("BTCUSDT"), Subscription::all("NOSUCH")];
    let config = SessionConfig::new(Venue::BinanceSpot, subscriptions, Mode::Live);
    let mut harness = Harness::new(config);
    harness.start();
    let Some(Action::Fetch(list)) = harness.actions().pop() else { panic!("a list") };
    harness.rest(Some(list.id), &list.path, LIST.as_bytes());
    let warnings = harness.warnings();
    assert_eq!(warnings, [Warning::UnknownSymbol { symbol: "NOSUCH".into() }]);
    assert!(warnings[0].is_misconfiguration());
    harness.connected(0, 1);
    let texts = format!("{:?}", harness.actions());
    assert!(texts.contains("btcusdt@trade") && !texts.contains("nosuch"), "{texts}");
    assert_eq!(harness.books.len(), 1);
}

#[test]
fn without_a_list_the_digits_tell_the_exponents() {
    let subscriptions = vec![Subscription::all("BTCUSDT")];
    let config = SessionConfig::new(Venue::BinanceSpot, subscriptions, Mode::Live);
    let mut harness = Harness::new(config);
    harness.start();
    for _ in 0..limits::INSTRUMENT_FAILURES_MAX {
        let list = harness.fetches().pop().expect("asked again");
        harness.rest_error(list.id, RestError::Transport);
        if harness.books.is_empty() {
            harness.pass(5_000);
        }
    }
    assert_eq!(harness.warnings(), [Warning::NoInstruments]);
    harness.connected(0, 1);
    harness.frame(0, diff("BTCUSDT", 101, 104, r#"["100.25","1.5"]"#, ""));
    let request = harness.snapshot_request();
    harness.rest(Some(request.id), URL, snapshot(100, r#"["99.125","5"]"#, "").as_bytes());
    let book = harness.book("BTCUSDT");
    assert_eq!(book.state, BookState::Live);
    assert_eq!(book.top(Side::Bid, 1), [("100.25".into(), "1.5".into())]);
    assert_eq!((book.scale.price_exponent, book.scale.size_exponent), (-3, -1));
}

#[test]
fn a_recording_with_diffs_and_whole_books_of_one_symbol_does_not_mix_them() {
    let discover = Mode::Replay { discover: true };
    let whole = |id: u64| {
        let book = snapshot(id, r#"["98","9"]"#, r#"["102","9"]"#);
        format!(r#"{{"stream":"btcusdt@depth20@100ms","data":{book}}}"#)
    };
    // Diffs first: a whole book is no diff, even if its id is the next one.
    let mut harness = Harness::new(SessionConfig::new(Venue::BinanceSpot, vec![], discover));
    harness.start();
    harness.connected(0, 1);
    let body = snapshot(100, r#"["99","1"]"#, r#"["101","1"]"#);
    harness.frame(0, diff("BTCUSDT", 100, 101, r#"["99","2"]"#, ""));
    harness.rest(None, URL, body.as_bytes());
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    harness.frame(0, whole(102));
    harness.frame(0, diff("BTCUSDT", 102, 102, r#"["99","0"],["98","9"]"#, ""));
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    assert_eq!(harness.book("BTCUSDT").top(Side::Bid, 2), [("98".to_owned(), "9".to_owned())]);
    // Whole books first: a diff is no whole book.
    let mut harness = Harness::new(SessionConfig::new(Venue::BinanceSpot, vec![], discover));
    harness.start();
    harness.connected(0, 1);
    harness.frame(0, whole(102));
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    harness.frame(0, diff("BTCUSDT", 103, 104, r#"["97","5"]"#, ""));
    assert_eq!(harness.state("BTCUSDT"), LIVE);
    assert_eq!(harness.book("BTCUSDT").top(Side::Bid, 2), [("98".to_owned(), "9".to_owned())]);
}
