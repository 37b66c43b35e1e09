//! What is read in one go, against the general reader: over every venue's usual words (its first
//! delta and `usual.txt`), whole and damaged, with what both make of the messages that come after.

use proptest::prelude::*;
use tickbook_types::{PaddedBuf, Venue};

use super::super::frame::{Event, Frame};
use super::super::protocol::Protocol;
use super::super::protocol_of;
use super::fixtures::{self, Words};
use crate::counters::Rejected;
use crate::level::DecimalLevel;

/// A message, what stands before it on its connection, and what comes behind it.
struct Case {
    words: &'static Words,
    message: &'static str,
}

/// Venues with a usual way.
const VENUES: [Venue; 16] = [
    Venue::Deribit,
    Venue::CoinbaseExchange,
    Venue::Gemini,
    Venue::KrakenFutures,
    Venue::BitMex,
    Venue::DydxV3,
    Venue::KrakenV1,
    Venue::KrakenV2,
    Venue::Bitfinex,
    Venue::IndependentReserve,
    Venue::BitstampL3,
    Venue::Ftx,
    Venue::KuCoin,
    Venue::Phemex,
    Venue::Gate,
    Venue::Bitstamp,
];

fn cases() -> Vec<Case> {
    let first = |words: &'static Words| words.delta.lines().next().unwrap_or_default();
    let of_words = VENUES.map(fixtures::of).map(|words| Case { words, message: first(words) });
    let more = include_str!("usual.txt").lines().map(|line| {
        let (venue, message) = line.split_once(' ').unwrap();
        Case { words: fixtures::of(venue.parse().unwrap()), message }
    });
    of_words.into_iter().chain(more).collect()
}

/// What a message says: events, their names, levels, and the number of the frame.
type Said = (Vec<Event>, Vec<(Vec<u8>, Vec<DecimalLevel>)>, Option<u64>, bool);

fn said(frame: &Frame) -> Said {
    let named = frame.events().iter().filter_map(|event| match event {
        Event::Book(event) => {
            Some((frame.name(event).to_vec(), frame.levels(event).iter().collect()))
        }
        Event::Lost { name, .. } | Event::Kept(name) => Some((frame.bytes(name).to_vec(), vec![])),
        _ => None,
    });
    (frame.events().to_vec(), named.collect(), frame.number, frame.has_book())
}

/// One reader with its frame.
struct Side {
    protocol: Box<dyn Protocol>,
    frame: Frame,
}

impl Side {
    fn new(words: &Words) -> Self {
        let mut side =
            Self { protocol: protocol_of(words.venue).unwrap(), frame: Frame::default() };
        for text in words.opening.lines().chain(words.snapshot.lines()) {
            side.read(text.as_bytes()).unwrap();
        }
        side
    }

    /// By the general reader.
    fn read(&mut self, message: &[u8]) -> Result<Said, Rejected> {
        self.frame.begin("", 0);
        self.protocol.read(message, &mut self.frame)?;
        Ok(said(&self.frame))
    }

    /// In one go if that can be.
    fn read_any(&mut self, message: &[u8]) -> Result<Said, Rejected> {
        self.frame.begin("", 0);
        self.protocol.read_any(PaddedBuf::new(message).padded(), &mut self.frame)?;
        Ok(said(&self.frame))
    }
}

#[test]
fn the_usual_words_are_read_in_one_go() {
    for Case { words, message } in cases() {
        let mut side = Side::new(words);
        side.frame.begin("", 0);
        let read =
            side.protocol.read_usual(PaddedBuf::new(message.as_bytes()).padded(), &mut side.frame);
        assert!(read.is_some(), "{message}");
        let said = said(&side.frame);
        assert_eq!(Ok(said), Side::new(words).read(message.as_bytes()), "{message}");
    }
    let usual: Vec<Venue> = cases().iter().map(|case| case.words.venue).collect();
    for words in fixtures::ALL.iter().filter(|words| !usual.contains(&words.venue)) {
        let Some(mut protocol) = protocol_of(words.venue) else { continue };
        let message = PaddedBuf::new(words.delta.as_bytes());
        let read = protocol.read_usual(message.padded(), &mut Frame::default());
        assert!(read.is_none(), "{} has a usual way and is not compared", words.venue);
    }
}

#[test]
fn a_message_that_is_cut_short_is_not_read_in_one_go() {
    for Case { words, message } in cases() {
        for len in 0..message.len() {
            // What is missing stands in the padding.
            let bytes = [message.as_bytes(), &[0; 128]].concat();
            let cut = tickbook_types::Padded::new(&bytes, len).unwrap();
            let mut side = Side::new(words);
            assert_eq!(side.protocol.read_usual(cut, &mut side.frame), None, "{len} {message}");
        }
    }
}

#[test]
fn a_time_that_is_none_is_not_read_in_one_go() {
    let message = r#"{"type":"l2update","product_id":"X","changes":[],"time":"TIME"}"#;
    for (time, is_read) in [
        ("2026-01-02T03:04:05.1Z", true),
        ("2026-01-02T03:04:05Z", true),
        ("2026\"01-02T03:04:05.1Z", false),
        ("2026-01-02T03:04\"05.1Z", false),
        ("2026-01-02T03:04:05.1234567890Z", false),
        ("2026-01-02T03:04:05.1+00:00", false),
        ("2026-01-0xT03:04:05.1Z", false),
    ] {
        let mut protocol = protocol_of(Venue::CoinbaseExchange).unwrap();
        let message = PaddedBuf::new(message.replace("TIME", time).as_bytes());
        let read = protocol.read_usual(message.padded(), &mut Frame::default());
        assert_eq!(read.is_some(), is_read, "{time}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_read_in_one_go_the_general_reader_reads_alike(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 1..4),
        bytes in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(&b"0123456789"[..]),
                2 => prop::sample::select(&b"\"[],.: -+eE{}nabBs\\/T"[..]),
                1 => any::<u8>(),
            ],
            4,
        ),
    ) {
        let cases = cases();
        let Case { words, message } = &cases[which.index(cases.len())];
        let mut damaged = message.as_bytes().to_vec();
        for ((place, kind), byte) in places.iter().zip(bytes) {
            let place = place.index(damaged.len());
            match kind {
                0 | 1 => damaged[place] = byte,
                2 => damaged.insert(place, byte),
                _ => drop(damaged.remove(place)),
            }
        }
        let (mut one, mut other) = (Side::new(words), Side::new(words));
        let text = String::from_utf8_lossy(&damaged).into_owned();
        let said = one.read_any(&damaged);
        prop_assert_eq!(&said, &other.read(&damaged), "{}", text);
        // Behind a message that was refused, a book is lost and begins anew.
        let again = if said.is_err() { words.snapshot } else { "" };
        for text in again.lines().chain(words.delta.lines()).chain([*message]) {
            let said = one.read(text.as_bytes());
            prop_assert_eq!(said, other.read(text.as_bytes()), "{}", text);
        }
    }
}
