//! Binary frames: the text and the wire twin of a message give the same books.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::*;
use crate::counters::Rejected;
use crate::limits::INFLATED_BYTES_MAX;
use crate::protocols::protocol::Binary;

impl Rig {
    fn say_binary(&mut self, bytes: &[u8]) {
        let bytes = PaddedBuf::new(bytes);
        let stamps = RecvStamps::default();
        self.call(|session, cx| session.on_binary(CONN, bytes.padded(), &stamps, cx));
    }
}

/// The binary frame that holds a text.
fn wire(form: Binary, text: &[u8]) -> Vec<u8> {
    match form {
        Binary::Unexpected | Binary::Text => text.to_vec(),
        Binary::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Binary::Deflate => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn with_binary() -> impl Iterator<Item = (&'static Words, Binary)> {
    let forms = fixtures::ALL.iter().map(|words| (words, rules(words.venue).unwrap().binary));
    forms.filter(|(_, form)| *form != Binary::Unexpected)
}

#[test]
fn text_and_wire_twins_give_the_same_books() {
    assert!(with_binary().count() > 0);
    for (words, form) in with_binary() {
        let mut twins = [Rig::live(words), Rig::live(words)];
        for text in [words.snapshot, words.delta, words.aside] {
            twins[0].say(text);
            twins[1].say_binary(&wire(form, text.as_bytes()));
            let [text, wire] = &twins;
            assert_eq!(text.shown(), wire.shown(), "{}", words.venue);
            assert_eq!(text.counters, wire.counters, "{}", words.venue);
            assert_eq!(wire.state, LIVE, "{}", words.venue);
        }
        assert_eq!(twins[1].shown(), FINAL, "{}", words.venue);
        let [mut text, mut wire] = twins;
        assert_eq!(text.sent(), wire.sent(), "{}", words.venue);
    }
}

#[test]
fn a_binary_frame_on_a_text_feed_is_counted_and_dropped() {
    for words in fixtures::ALL.iter() {
        if rules(words.venue).unwrap().binary != Binary::Unexpected {
            continue;
        }
        let mut rig = Rig::live(words);
        rig.snapshot(words);
        let before = (rig.counters.frames, rig.counters.book_messages);
        rig.say_binary(words.delta.as_bytes());
        assert_eq!(rig.counters.rejected(Rejected::Binary), 1, "{}", words.venue);
        let after = (rig.counters.frames, rig.counters.book_messages);
        assert_eq!(after, (before.0 + 1, before.1), "{}", words.venue);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
        assert_ne!(rig.shown(), FINAL, "{}", words.venue);
    }
}

#[test]
fn a_binary_message_that_cannot_be_read_makes_stale_and_the_next_one_heals() {
    for (words, form) in with_binary() {
        assert!(!rules(words.venue).unwrap().shows_loss, "{}", words.venue);
        let snapshot = wire(form, words.snapshot.as_bytes());
        let damaged = snapshot[..snapshot.len() - 1].to_vec();
        let not_utf8 = wire(form, b"{\"a\":\"\xff\"}");
        let bomb = match form {
            Binary::Gzip | Binary::Deflate => wire(form, &vec![b' '; INFLATED_BYTES_MAX + 1]),
            Binary::Unexpected | Binary::Text => Vec::new(),
        };
        for bytes in [damaged, not_utf8, bomb] {
            let mut rig = Rig::live(words);
            rig.say_binary(&snapshot);
            assert_eq!(rig.state, LIVE, "{}", words.venue);
            rig.say_binary(&bytes);
            assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{}", words.venue);
            let rejected: u64 = Rejected::ALL.iter().map(|it| rig.counters.rejected(*it)).sum();
            assert_eq!(rejected, 1, "{}", words.venue);
            rig.say_binary(&snapshot);
            assert_eq!(rig.state, LIVE, "{}", words.venue);
        }
    }
}
