//! Two lines: whatever each of them loses or repeats, and whenever it ends, the book is the
//! venue's.

use super::*;
use crate::ConfigError;
use crate::limits::LINE_HEAL_NS;

const B: ConnId = ConnId(1);

impl Rig {
    fn on_lines(words: &Words) -> Self {
        let subscriptions = vec![words.subscription()];
        let mut config = SessionConfig::new(words.venue, subscriptions, Mode::Live);
        config.lines = 2;
        config.conns_max = config.conns_needed();
        let mut rig = Self::of(config);
        rig.call(|session, cx| session.on_connected(B, Epoch(1), cx));
        rig
    }

    fn say_on(&mut self, conn: ConnId, text: &str) {
        let text = PaddedBuf::new(text.as_bytes());
        let stamps = RecvStamps::default();
        self.call(|session, cx| session.on_message(conn, text.padded(), &stamps, cx));
    }

    fn on_timer_after(&mut self, nanos: i64) {
        self.now = self.now.plus(nanos);
        self.call(|session, cx| session.on_timer(cx));
    }
}

fn same_on_all() -> impl Iterator<Item = &'static Words> {
    fixtures::ALL.iter().filter(|words| rules(words.venue).unwrap().same_on_all)
}

#[test]
fn the_first_wins_and_the_second_is_counted() {
    assert!(same_on_all().count() > 5);
    for words in same_on_all() {
        let at = words.venue;
        let mut rig = Rig::on_lines(words);
        let connects = rig.sent().len();
        assert!(connects.is_multiple_of(2) && connects > 0, "{at}: both lines subscribe");
        rig.say(words.snapshot);
        rig.say_on(B, words.snapshot);
        assert_eq!((rig.state, rig.counters.snapshots), (LIVE, 1), "{at}");
        rig.now = rig.now.plus(5_000);
        rig.say_on(B, words.delta);
        rig.now = rig.now.plus(7_000);
        rig.say(words.delta);
        assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE), "{at}");
        let [a, b] = rig.counters.lines;
        // What has no ids is placed by the first message that both lines have sent.
        let placed = words.venue != Venue::OkxV5 || words.depth.is_some();
        if placed {
            assert_eq!((a.duplicates, b.first, b.lead_ns), (1, 1, 7_000), "{at}: {a:?} {b:?}");
        }
        assert_eq!(a.first + b.first, 2, "{at}");
        assert_eq!((rig.counters.gaps, rig.counters.resyncs), (0, 0), "{at}");
    }
}

#[test]
fn a_book_stays_live_when_a_line_ends_and_when_it_comes_back() {
    for words in same_on_all() {
        for (dead, other) in [(CONN, B), (B, CONN)] {
            let at = words.venue;
            let mut rig = Rig::on_lines(words);
            for conn in [CONN, B] {
                rig.say_on(conn, words.snapshot);
            }
            rig.call(|session, cx| session.on_disconnected(dead, cx));
            assert_eq!(rig.state, LIVE, "{at}");
            rig.say_on(other, words.delta);
            assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE), "{at}");
            rig.call(|session, cx| session.on_connected(dead, Epoch(2), cx));
            assert_eq!(rig.state, LIVE, "{at}");
            let sent = rig.sent();
            assert!(sent.iter().any(|it| it.contains(words.symbol)), "{at}: {sent:?}");
            rig.call(|session, cx| session.on_disconnected(dead, cx));
            assert_eq!(rig.state, LIVE, "{at}");
            rig.call(|session, cx| session.on_disconnected(other, cx));
            assert_eq!(rig.state, (BookState::Stale, Reason::Disconnected), "{at}");
        }
    }
}

#[test]
fn a_hole_in_one_line_is_closed_by_the_other() {
    for words in same_on_all().filter(|words| !words.after_loss.is_empty()) {
        for (holed, whole) in [(CONN, B), (B, CONN)] {
            let mut rig = Rig::on_lines(words);
            for conn in [CONN, B] {
                rig.say_on(conn, words.snapshot);
            }
            rig.say_on(holed, words.after_loss);
            assert_eq!(rig.state, LIVE, "{}", words.venue);
            rig.say_on(whole, words.delta);
            rig.on_timer_after(2 * LINE_HEAL_NS);
            assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE));
            assert_eq!(rig.counters.lines[holed.0 as usize].gaps, 1, "{}", words.venue);
            assert_eq!((rig.counters.gaps, rig.counters.resyncs), (0, 0), "{}", words.venue);
        }
    }
}

#[test]
fn a_hole_in_both_lines_is_one_and_so_is_one_that_stays() {
    for words in same_on_all().filter(|words| !words.after_loss.is_empty()) {
        for late in [false, true] {
            let at = words.venue;
            let mut rig = Rig::on_lines(words);
            for conn in [CONN, B] {
                rig.say_on(conn, words.snapshot);
            }
            rig.say_on(CONN, words.after_loss);
            assert_eq!(rig.state, LIVE, "{at}");
            if late {
                rig.on_timer_after(LINE_HEAL_NS);
            } else {
                rig.say_on(B, words.after_loss);
            }
            assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{at}");
            assert_eq!((rig.counters.gaps, rig.counters.resyncs), (1, 1), "{at}");
            rig.say_on(B, words.snapshot);
            assert_eq!(rig.state, LIVE, "{at}");
        }
    }
}

#[test]
fn a_hole_that_only_the_line_that_ends_could_close_is_one() {
    for words in same_on_all().filter(|words| !words.after_loss.is_empty()) {
        let mut rig = Rig::on_lines(words);
        for conn in [CONN, B] {
            rig.say_on(conn, words.snapshot);
        }
        rig.say_on(B, words.after_loss);
        rig.call(|session, cx| session.on_disconnected(CONN, cx));
        assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{}", words.venue);
    }
}

#[test]
fn a_message_that_cannot_be_read_costs_its_line_only() {
    for words in same_on_all() {
        let mut rig = Rig::on_lines(words);
        for conn in [CONN, B] {
            rig.say_on(conn, words.snapshot);
        }
        let damaged = words.delta.strip_suffix('}').unwrap();
        rig.say_on(B, damaged);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
        rig.say_on(CONN, words.delta);
        assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE));
    }
}

#[test]
fn venues_whose_connections_differ_are_refused_two_lines() {
    for venue in Venue::all().filter(|venue| rules(*venue).is_none_or(|it| !it.same_on_all)) {
        let mut config = SessionConfig::new(venue, vec![Subscription::all("X")], Mode::Live);
        config.key = crate::Key::parse(fixtures::KEY).ok();
        config.lines = 2;
        config.conns_max = 8;
        let refused = crate::session::session(config).err();
        assert_eq!(refused, Some(ConfigError::NoLines { venue, lines: 2 }), "{venue}");
    }
}

/// Message `id` of a book with one ask whose size is the id.
fn numbered(id: u64) -> String {
    let (kind, bids) = if id == 1 { ("snapshot", r#"["1","1"]"#) } else { ("delta", "") };
    let data = format!(r#""s":"XYUSDT","b":[{bids}],"a":[["2","{id}"]],"u":{id},"seq":{id}"#);
    format!(
        r#"{{"topic":"orderbook.200.XYUSDT","type":"{kind}","ts":1,"data":{{{data}}},"cts":1}}"#
    )
}

proptest! {
    #[test]
    fn a_live_book_is_what_the_venue_had_at_its_id(
        turns in proptest::collection::vec((any::<bool>(), 0..8_u8), 1..200),
    ) {
        let mut rig = Rig::on_lines(fixtures::of(Venue::BybitV5));
        let mut next = [1_u64, 1];
        let mut lost = [0_u64; 2];
        for (line, event) in turns {
            let line = usize::from(line);
            let id = next[line];
            next[line] += 1;
            // Each loses some, never the first.
            if event == 0 && id > 1 {
                lost[line] += 1;
                continue;
            }
            rig.now = rig.now.plus(1_000_000);
            rig.say_on(ConnId(line as u32), &numbered(id));
            if rig.state == LIVE {
                let seq = rig.seq.unwrap();
                prop_assert!(rig.shown().contains(&format!("ask 2 x {seq}")), "{:?}", rig.shown());
                prop_assert!(seq < next[0].max(next[1]));
            }
        }
        if lost == [0, 0] {
            prop_assert_eq!(rig.state, LIVE);
            prop_assert_eq!(rig.seq, Some(next[0].max(next[1]) - 1));
            prop_assert_eq!(rig.counters.gaps, 0);
        }
    }

    #[test]
    fn what_one_line_loses_the_other_has(
        losses in proptest::collection::vec(0..6_u8, 1..200),
        first in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let mut rig = Rig::on_lines(fixtures::of(Venue::BybitV5));
        let last = losses.len() as u64;
        for (loss, (id, first)) in losses.into_iter().zip((1..).zip(first)) {
            let lines = if first { [0, 1] } else { [1, 0] };
            for line in lines {
                // A message is lost on one line at the most, and never the first.
                if id == 1 || loss != line {
                    rig.say_on(ConnId(u32::from(line)), &numbered(id));
                }
            }
            prop_assert_eq!((rig.state, rig.seq), (LIVE, Some(id)));
        }
        prop_assert_eq!((rig.counters.gaps, rig.counters.resyncs), (0, 0));
        let [a, b] = rig.counters.lines;
        prop_assert_eq!(a.first + b.first, last);
    }
}
