//! Books that come and go while a session runs.

use super::*;
use crate::session::Wished;

const SECOND: i64 = 1_000_000_000;

/// Another symbol of the kind that a venue has.
fn other(words: &Words) -> String {
    words.symbol.replace("XY", "QZ").replace("xy", "qz")
}

fn wish(rig: &mut Rig, symbols: &[&str]) -> Result<Wished, ConfigError> {
    wish_deep(rig, None, symbols)
}

fn wish_deep(rig: &mut Rig, depth: Option<u32>, symbols: &[&str]) -> Result<Wished, ConfigError> {
    let book = |it: &&str| Subscription { depth, ..Subscription::all(it) };
    let wanted: Vec<Subscription> = symbols.iter().map(book).collect();
    let mut wished = Ok(Wished::default());
    rig.call(|session, cx| wished = session.on_wish(&wanted, cx));
    wished
}

/// What is sent within ten seconds.
fn sent_soon(rig: &mut Rig) -> Vec<String> {
    for _ in 0..10 {
        rig.wait(SECOND);
    }
    rig.sent()
}

#[test]
fn a_book_comes_and_goes_on_every_venue() {
    for words in fixtures::ALL.iter() {
        let (at, other) = (words.venue, other(words));
        let mut rig = Rig::live(words);
        rig.snapshot(words);
        sent_soon(&mut rig);
        let both = [words.symbol, &other];
        let wish = |rig: &mut Rig, symbols: &[&str]| wish_deep(rig, words.depth, symbols);
        assert_eq!(wish(&mut rig, &both), Ok(Wished { added: 1, removed: 0 }), "{at}");
        let said = sent_soon(&mut rig).join("\n");
        let coin = |symbol: &str| symbol.split('-').next().unwrap().to_owned();
        let is_named = |said: &str, symbol: &str| {
            said.contains(symbol) || at == Venue::IndependentReserve && said.contains(&coin(symbol))
        };
        assert!(is_named(&said, &other), "{at}: {said}");
        // Where a message replaces the one before it, it has to name them all.
        assert_eq!(is_named(&said, words.symbol), at == Venue::Upbit, "{at}: {said}");
        assert_eq!(rig.names.len(), 2, "{at}");

        assert_eq!(wish(&mut rig, &[&other]), Ok(Wished { added: 0, removed: 1 }), "{at}");
        assert_eq!(rig.removed, [BookId(0)], "{at}");
        let said = sent_soon(&mut rig).join("\n");
        // Phemex can only end all at once; a channel of Bitfinex has a number.
        let silent = [Venue::Phemex, Venue::Bitfinex, Venue::Upbit].contains(&at);
        assert!(silent || is_named(&said, words.symbol), "{at}: {said}");
        let before = (rig.counters.gaps, rig.counters.resyncs);
        rig.say(words.delta);
        assert_eq!((rig.counters.gaps, rig.counters.resyncs), before, "{at}: it is gone");
        assert_eq!(rig.names.len(), 2, "{at}");

        assert_eq!(wish(&mut rig, &both), Ok(Wished { added: 1, removed: 0 }), "{at}");
        assert_eq!(rig.names.len(), 3, "{at}: its id again");
        assert!(is_named(&sent_soon(&mut rig).join("\n"), words.symbol), "{at}");
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{at}");
    }
}

#[test]
fn a_wish_that_cannot_be_met_changes_nothing() {
    let words = fixtures::of(Venue::OkxV5);
    let mut config =
        SessionConfig::new(Venue::OkxV5, vec![Subscription::all(words.symbol)], Mode::Live);
    (config.books_max, config.conns_max) = (3, 1);
    let mut rig = Rig::of(config);
    rig.snapshot(words);
    rig.sent();
    assert_eq!(wish(&mut rig, &[]), Err(ConfigError::NothingSubscribed));
    let twice = wish(&mut rig, &["A-B", "A-B"]);
    assert_eq!(twice, Err(ConfigError::DuplicateSymbol("A-B".to_owned())));
    let many = wish(&mut rig, &["A-B", "C-D", "E-F"]);
    assert_eq!(many, Err(ConfigError::TooManyBooks { needed: 4, given: 3 }));
    assert_eq!((rig.state, rig.removed.len(), rig.sent().len()), (LIVE, 0, 0));
    // An id that was used stays with its name.
    assert_eq!(wish(&mut rig, &["A-B", "C-D"]), Ok(Wished { added: 2, removed: 1 }));
    assert!(wish(&mut rig, &["G-H"]).is_err());
    assert_eq!(wish(&mut rig, &[words.symbol]), Ok(Wished { added: 1, removed: 2 }));
}

#[test]
fn a_full_connection_is_joined_by_another_one() {
    let symbols: Vec<String> = (0..26).map(|n| format!("A{n}-USDT")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let first: Vec<Subscription> = symbols[..24].iter().map(|it| Subscription::all(it)).collect();
    let mut config = SessionConfig::new(Venue::OkxV5, first, Mode::Live);
    config.conns_max = 1;
    let mut rig = Rig::of(config.clone());
    rig.drain().for_each(drop);
    let refused = wish(&mut rig, &symbols);
    assert_eq!(refused, Err(ConfigError::TooManyConns { needed: 2, given: 1 }));
    config.conns_max = 2;
    let mut rig = Rig::of(config);
    rig.drain().for_each(drop);
    assert_eq!(wish(&mut rig, &symbols), Ok(Wished { added: 2, removed: 0 }));
    // The 25th book fits on the connection there is.
    let sent: String = rig.sent().concat();
    assert!(sent.contains(symbols[24]) && !sent.contains(symbols[25]), "{sent}");
    let is_opened = |it: &Action| matches!(it, Action::Connect { conn: ConnId(1), .. });
    assert_eq!(rig.drain().filter(is_opened).count(), 1);
    rig.call(|session, cx| session.on_connected(ConnId(1), Epoch(1), cx));
    let said: String = sent_soon(&mut rig).concat();
    let named = |symbol: &str| said.contains(&format!("\"{symbol}\""));
    assert!(named(symbols[25]) && !named(symbols[24]), "{said}");
}

#[test]
fn a_full_lane_is_told_of_a_removal_later_and_before_the_book_comes_back() {
    let words = fixtures::of(Venue::OkxV5);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    // Nobody takes anything out of the lane.
    let mut claims = 0;
    while let Ok(claim) = rig.lane.claim_reserved(0) {
        claim.commit(tickbook_types::MessageHeader::new(MessageKind::Ticker, BookId(9)));
        claims += 1;
    }
    assert!(claims > 0);
    let wanted = [Subscription::all("A-B")];
    let Rig { session, lane, actions, counters, now, .. } = &mut rig;
    let mut cx = Context { now: *now, shared_stamp: false, lane, actions, counters };
    assert_eq!(session.on_wish(&wanted, &mut cx), Ok(Wished { added: 1, removed: 1 }));
    let wanted = [Subscription::all(words.symbol)];
    assert_eq!(session.on_wish(&wanted, &mut cx), Ok(Wished { added: 1, removed: 1 }));
    assert_eq!(rig.names, [words.name]);
    rig.build();
    rig.wait(SECOND);
    assert_eq!((rig.removed.as_slice(), rig.names.len()), (&[BookId(0)][..], 2));
    rig.snapshot(words);
    assert_eq!(rig.state, LIVE);
}
