//! Coinbase Exchange, order by order: the life of an order, the splice, and the signature.

use super::super::coinbase_full::CoinbaseFull;
use super::super::protocol::Protocol;
use super::*;
use crate::signature::Signature;

const TAIL: &str = "-1111-4222-8333-444455556666";

/// A message of the channel; `order` is 1 to 9.
fn message(kind: &str, order: u32, sequence: u64, fields: &str) -> String {
    let id = format!("0000000{order}{TAIL}");
    let named = if kind == "match" { "maker_order_id" } else { "order_id" };
    format!(
        concat!(
            r#"{{"type":"{}","{}":"{}","product_id":"XY-USD","sequence":{},"#,
            r#""time":"2023-11-14T22:13:20.000000Z",{}}}"#
        ),
        kind, named, id, sequence, fields
    )
}

fn live() -> Rig {
    let words = fixtures::of(Venue::CoinbaseFull);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    assert_eq!((rig.state, rig.seq), (LIVE, Some(40)));
    rig
}

#[test]
fn an_order_lives_from_open_to_done() {
    let mut rig = live();
    let bid = |rig: &Rig| {
        let key = (false, "100.5".to_owned());
        (rig.book.get(&key).cloned(), rig.orders.get(&key).cloned())
    };
    let some = |size: &str, count: &str| (Some(size.to_owned()), Some(count.to_owned()));
    assert_eq!(bid(&rig), some("2", "1"));
    for (kind, order, fields, wanted) in [
        // A taker, before it trades: not on the book.
        ("received", 5, r#""side":"buy","order_type":"limit","price":"100.5","size":"3"}"#, "2 1"),
        ("open", 5, r#""side":"buy","price":"100.50","remaining_size":"3"}"#, "5 2"),
        ("match", 1, r#""side":"buy","price":"100.50","size":"0.5","trade_id":7}"#, "4.5 2"),
        ("change", 5, r#""side":"buy","price":"100.50","old_size":"3","new_size":"1"}"#, "2.5 2"),
        // One that is received, and not open, changes nothing.
        ("change", 9, r#""side":"buy","price":"100.50","old_size":"3","new_size":"1"}"#, "2.5 2"),
        ("match", 1, r#""side":"buy","price":"100.50","size":"1.5","trade_id":8}"#, "1 1"),
        (
            "done",
            1,
            r#""side":"buy","reason":"filled","price":"100.50","remaining_size":"0"}"#,
            "1 1",
        ),
        // A market order.
        ("done", 8, r#""side":"sell","reason":"filled","price":null}"#, "1 1"),
        ("done", 5, r#""side":"buy","reason":"canceled","remaining_size":"1"}"#, ""),
    ] {
        let sequence = 41 + rig.counters.frames;
        rig.say(&message(kind, order, sequence, fields.trim_end_matches('}')));
        assert_eq!(rig.state, LIVE, "{kind}");
        let wanted = wanted.split_once(' ').map_or((None, None), |(size, count)| some(size, count));
        assert_eq!(bid(&rig), wanted, "{kind} {order}");
    }
    let sold = ["sell 100.5 x 0.5 #7 @1700000000000", "sell 100.5 x 1.5 #8 @1700000000000"];
    assert_eq!(rig.trades, sold, "the aggressor is the other side of the maker");
    assert_eq!(rig.seq, Some(49), "that of the last change");
    // To another price.
    let fields = r#""reason":"modify_order","side":"buy","new_price":"99.5","new_size":"7""#;
    rig.say(&message("change", 2, 50, fields));
    assert_eq!(rig.shown(), ["bid 99.5 x 7", "ask 101 x 3"]);
}

#[test]
fn a_match_of_an_order_that_does_not_rest_is_a_loss() {
    for (order, size) in [(9, "1"), (1, "2.5")] {
        let mut rig = live();
        let fields = format!(r#""side":"buy","price":"100.5","size":"{size}","trade_id":7"#);
        rig.say(&message("match", order, 41, &fields));
        assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{order}");
    }
}

#[test]
fn messages_kept_are_played_over_the_orders_that_reach_them() {
    let words = fixtures::of(Venue::CoinbaseFull);
    let mut rig = Rig::live(words);
    let open = |sequence, size: &str| {
        let fields = format!(r#""side":"buy","price":"99","remaining_size":"{size}""#);
        message("open", 5, sequence, &fields)
    };
    // The snapshot ends at 40: 41 is missing.
    rig.say(&open(42, "4"));
    rig.snapshot(words);
    assert_ne!(rig.state, LIVE);
    assert_eq!(rig.counters.snapshots_unusable, 1);
    let later = words.snapshot.replace("\"sequence\":40", "\"sequence\":41");
    let (id, _) = rig.await_request();
    rig.answer(Some(id), words.rest, &later);
    assert_eq!((rig.state, rig.seq), (LIVE, Some(42)));
    assert_eq!(rig.book.get(&(false, "99".to_owned())).map(String::as_str), Some("4"));
    // What the snapshot contains is not played again.
    let mut rig = Rig::live(words);
    rig.say(&open(40, "4"));
    rig.say(&message("done", 3, 41, r#""side":"sell","reason":"canceled""#));
    rig.snapshot(words);
    assert_eq!(rig.shown(), ["bid 100 x 1", "bid 100.5 x 2"]);
    assert_eq!((rig.state, rig.seq), (LIVE, Some(41)));
}

#[test]
fn what_could_not_be_kept_has_to_be_in_the_snapshot() {
    let words = fixtures::of(Venue::CoinbaseFull);
    let mut rig = Rig::live(words);
    let last = 41 + crate::limits::BUFFER_FRAMES_MAX as u64;
    for sequence in 41..=last {
        let fields = r#""side":"buy","price":"99","size":"1""#;
        rig.say(&message("received", 5, sequence, fields));
    }
    assert_eq!(rig.counters.ignored(Ignored::BufferDropped), 1);
    // It ends at 40, and nothing is kept that would show the hole.
    rig.snapshot(words);
    assert_ne!(rig.state, LIVE);
    assert_eq!(rig.counters.snapshots_unusable, 1);
    let later = words.snapshot.replace("\"sequence\":40", &format!("\"sequence\":{last}"));
    let (id, _) = rig.await_request();
    rig.answer(Some(id), words.rest, &later);
    assert_eq!((rig.state, rig.seq), (LIVE, Some(last)));
}

#[test]
fn a_stream_far_behind_its_snapshot_catches_up() {
    let words = fixtures::of(Venue::CoinbaseFull);
    let mut rig = Rig::live(words);
    let open = |sequence| {
        message("open", 5, sequence, r#""side":"buy","price":"99","remaining_size":"4""#)
    };
    rig.say(&open(40));
    let ahead = words.snapshot.replace("\"sequence\":40", "\"sequence\":300");
    let (id, _) = rig.await_request();
    rig.answer(Some(id), words.rest, &ahead);
    let shown = rig.shown();
    assert_eq!((rig.state, rig.seq), (LIVE, Some(300)));
    for sequence in 41..=300 {
        rig.say(&open(sequence));
        assert_eq!((rig.state, rig.shown()), (LIVE, shown.clone()), "{sequence}: is in it");
    }
    let fill = message("match", 1, 301, r#""side":"buy","price":"100.5","size":"1","trade_id":7"#);
    rig.say(&fill);
    assert_eq!((rig.state, rig.seq, rig.trades.len()), (LIVE, Some(301), 1));
    // Said twice.
    rig.say(&fill);
    assert_eq!((rig.state, rig.trades.len()), (LIVE, 1));
    rig.say(&open(303));
    assert_eq!(rig.state, (BookState::Stale, Reason::Gap));
}

#[test]
fn a_change_without_a_size_is_no_delete() {
    let mut rig = live();
    rig.say(&message("change", 1, 41, r#""side":"buy","price":"100.5","new_size":null"#));
    assert_eq!(rig.state, (BookState::Stale, Reason::Gap));
    // Nor is one without an order, or of no product.
    for (cut, by) in [("order_id", "no_id"), ("XY-USD", "")] {
        let mut rig = live();
        let text = message("change", 1, 41, r#""side":"buy","new_size":"1""#).replace(cut, by);
        rig.say(&text);
        assert_eq!(rig.counters.rejected(Rejected::Shape), 1, "{text}");
    }
}

#[test]
fn the_subscription_is_signed_with_the_time_at_which_it_is_sent() {
    let mut rig = Rig::live(fixtures::of(Venue::CoinbaseFull));
    let sent = rig.sent().pop().unwrap();
    let field = |name: &str| {
        let value = sent.split(&format!("\"{name}\":\"")).nth(1).unwrap();
        value.split('"').next().unwrap().to_owned()
    };
    assert_eq!([field("key"), field("passphrase")], ["k", "of-the-test"]);
    let signed = format!("{}GET/users/self/verify", field("timestamp"));
    let signature = Signature::of_base64("c2VjcmV0").unwrap();
    assert_eq!(field("signature"), signature.sign(signed.as_bytes()));
    assert!(!sent.contains("c2VjcmV0") && !sent.contains('$'), "{sent}");
    let mut protocol = CoinbaseFull::default();
    protocol.take_key(crate::Key::parse(fixtures::KEY).unwrap());
    // As computed by another program.
    let signed = protocol.sign("$SIGNATURE".to_owned(), 1_700_000_000);
    assert_eq!(signed, "lhmJXK08fk9SI1ZwFXKFRrPtzfbNOwC+D1xMJJ/1KZg=");
}

#[test]
fn a_key_without_its_parts_is_refused_and_told_which() {
    let books = || vec![Subscription::all("XY-USD")];
    for (text, missing) in [
        (fixtures::KEY, None),
        ("key = k\npassphrase = p", Some("secret")),
        ("secret = c2VjcmV0\nkey = k", Some("passphrase")),
    ] {
        let mut config = SessionConfig::new(Venue::CoinbaseFull, books(), Mode::Live);
        config.key = crate::Key::parse(text).ok();
        let venue = Venue::CoinbaseFull;
        let wanted = missing.map(|field| ConfigError::KeyMissing { venue, field });
        assert_eq!(crate::session::session(config).err(), wanted);
    }
}
