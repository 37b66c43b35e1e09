//! Checksums on their way to the builder, and what becomes of a book that failed one.

use super::*;

/// `crc` as OKX sends it, in a message about `symbol`.
fn okx(symbol: &str, whole: bool, [bids, asks]: [&str; 2], crc: u32) -> String {
    let action = if whole { "snapshot" } else { "update" };
    let arg = format!(r#"{{"channel":"books","instId":"{symbol}"}}"#);
    let levels = format!(r#""asks":[{asks}],"bids":[{bids}]"#);
    let data = format!(r#"[{{{levels},"ts":"1","checksum":{}}}]"#, crc.cast_signed());
    format!(r#"{{"arg":{arg},"action":"{action}","data":{data}}}"#)
}

#[test]
fn a_checksum_travels_behind_its_levels() {
    let mut rig = Rig::replay(Venue::OkxV5);
    let crc = (-5_i32).cast_unsigned();
    rig.say(&okx("XY-USDT", true, [r#"["100.5","2"]"#, r#"["101","3"]"#], crc));
    let Checksum { kind, doubtful, value, .. } = rig.checksum.take().unwrap();
    assert_eq!((kind, doubtful, value), (ChecksumKind::Okx, false, crc));
    assert_eq!(rig.shown(), ["bid 100.5 x 2", "ask 101 x 3"]);
    // 0 is none.
    rig.say(&okx("XY-USDT", false, ["", r#"["101.5","4"]"#], 0));
    assert_eq!((rig.checksum.take(), rig.shown().len()), (None, 3));
    // Seven levels and a checksum fill their slots whole.
    let bids: Vec<String> = (1..=7).map(|n| format!(r#"["9{n}","1"]"#)).collect();
    rig.say(&okx("XY-USDT", false, [&bids.join(","), ""], 7));
    assert_eq!((rig.checksum.unwrap().value, rig.shown().len()), (7, 10));
}

#[test]
fn a_large_snapshot_takes_its_checksum_beside_the_ring() {
    let mut rig = Rig::replay(Venue::OkxV5);
    let rows: Vec<String> = (1..=20_000).map(|n| format!(r#"["{n}","1"]"#)).collect();
    rig.say(&okx("XY-USDT", true, [&rows.join(","), ""], 9));
    assert_eq!((rig.state, rig.book.len()), (LIVE, 20_000));
    assert_eq!(rig.checksum.unwrap().value, 9);
}

#[test]
fn what_the_venue_writes_otherwise_is_in_doubt_until_the_next_snapshot() {
    let mut rig = Rig::replay(Venue::OkxV5);
    let mut doubt = |whole, bid: &str| {
        rig.say(&okx("XY-USDT", whole, [bid, ""], 1));
        rig.checksum.take().unwrap().doubtful
    };
    assert!(!doubt(true, r#"["100.5","2"]"#));
    assert!(!doubt(false, r#"["100","0.00"]"#), "a delete has no text in the book");
    assert!(doubt(false, r#"["100.50","2"]"#));
    assert!(doubt(false, r#"["100.5","2"]"#));
    assert!(!doubt(true, r#"["100.5","2"]"#));
    assert!(doubt(false, r#"["100","1e1"]"#));
}

#[test]
fn digits_are_those_of_the_instrument() {
    let mut rig = Rig::replay(Venue::BitgetV1);
    let mut digits = |action: &str, bids: &str| {
        let arg = r#""arg":{"instType":"sp","channel":"books","instId":"XY"}"#;
        let data = format!(r#""data":[{{"asks":[],"bids":[{bids}],"checksum":5,"ts":"1"}}]"#);
        rig.say(&format!(r#"{{"action":"{action}",{arg},{data}}}"#));
        let Checksum { price_digits, size_digits, doubtful, .. } = rig.checksum.take().unwrap();
        (price_digits, size_digits, doubtful)
    };
    assert_eq!(digits("snapshot", r#"["100.50","2.000"],["100.00","1.000"]"#), (2, 3, false));
    assert_eq!(digits("update", r#"["100.50","0"]"#), (2, 3, false));
    assert_eq!(digits("update", r#"["100.505","1.500"]"#), (3, 3, false), "finer from here on");
    assert_eq!(digits("update", r#"["100.51","1.500"]"#), (3, 3, true), "one of another kind");
    assert_eq!(digits("snapshot", r#"["100.5","2"]"#), (1, 0, false), "a new beginning");
    assert_eq!(digits("snapshot", r#"["100.5","2"],["100.25","2"]"#), (2, 0, true), "mixed");
}

#[test]
fn a_request_about_an_older_snapshot_is_void() {
    let mut rig = Rig::live(fixtures::of(Venue::OkxV5));
    let whole = okx("XY-USDT", true, [r#"["100.5","2"]"#, r#"["101","3"]"#], 1);
    rig.say(&whole);
    rig.say(&whole);
    let mut resync = |snapshot| {
        rig.call(|session, cx| session.on_resync(BookId(0), Reason::Checksum, snapshot, cx));
        rig.state
    };
    assert_eq!(resync(1), LIVE);
    assert_eq!(resync(2), (BookState::Stale, Reason::Checksum));
}

#[test]
fn a_failed_checksum_touches_its_book_only_and_makes_no_storm() {
    let both = ["XY-USDT", "AB-USDT"].map(Subscription::all).to_vec();
    let mut rig = Rig::new(Venue::OkxV5, both, Mode::Live);
    let whole = |symbol| okx(symbol, true, [r#"["100.5","2"]"#, r#"["101","3"]"#], 1);
    rig.say(&whole("AB-USDT"));
    rig.say(&whole("XY-USDT"));
    rig.sent();
    let first = BookId(0);
    let (mut asked, mut said) = (0, Vec::new());
    // The worst case for ten minutes: each new snapshot fails its checksum at once.
    for _ in 0..6_000 {
        rig.now = rig.now.plus(100_000_000);
        rig.call(|session, cx| session.on_timer(cx));
        let sent = rig.sent();
        if sent.iter().any(|text| text.contains(r#""op":"subscribe""#)) {
            asked += 1;
            rig.say(&whole("XY-USDT"));
            rig.call(|session, cx| session.on_resync(first, Reason::Checksum, u64::MAX, cx));
            assert_eq!(rig.state, (BookState::Stale, Reason::Checksum));
        } else if asked == 0 {
            rig.call(|session, cx| session.on_resync(first, Reason::Checksum, u64::MAX, cx));
        }
        said.extend(sent);
    }
    // Every 30 s in the end, and sooner at the beginning.
    assert!((20..=30).contains(&asked), "{asked} subscriptions in ten minutes");
    assert!(!said.iter().any(|text| text.contains("AB-USDT")), "{said:?}");
    assert_eq!(rig.counters.resyncs, asked + 1);
}
