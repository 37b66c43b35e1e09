//! The short ways of reading against the general one, over every venue's words, whole and damaged.
//!
//! Method: a blank behind a comma changes no JSON, and is what no short way takes. So a message and
//! the same one with blanks have to say the same, or both be refused.

use proptest::prelude::*;
use tickbook_types::Venue;

use super::super::frame::{Event, Frame};
use super::super::protocol_of;
use super::fixtures;
use crate::counters::Rejected;
use crate::level::DecimalLevel;

/// What a message says: events, and for those of books the name and the levels.
type Said = (Vec<Event>, Vec<(Vec<u8>, Vec<DecimalLevel>)>);

/// What the last of some messages of one connection says.
fn said(venue: Venue, before: &[&str], message: &[u8]) -> Result<Said, Rejected> {
    let mut protocol = protocol_of(venue).unwrap();
    let mut frame = Frame::default();
    for text in before.iter().flat_map(|text| text.lines()) {
        frame.begin("", 0);
        protocol.read(text.as_bytes(), &mut frame).unwrap();
    }
    frame.begin("", 0);
    protocol.read(message, &mut frame)?;
    let book = |event: &Event| match event {
        Event::Book(event) => {
            Some((frame.name(event).to_vec(), frame.levels(event).iter().collect()))
        }
        _ => None,
    };
    Ok((frame.events().to_vec(), frame.events().iter().filter_map(book).collect()))
}

/// The same JSON with blanks behind its commas.
fn spaced(text: &[u8]) -> Vec<u8> {
    let (mut out, mut in_string, mut escaped) = (Vec::new(), false, false);
    for byte in text {
        out.push(*byte);
        if *byte == b',' && !in_string {
            out.push(b' ');
        }
        in_string ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && in_string && !escaped;
    }
    out
}

/// Messages that say something about a book: venue, what comes before, the message.
fn messages() -> Vec<(Venue, Vec<&'static str>, &'static str)> {
    let mut all = Vec::new();
    for words in fixtures::ALL.iter().filter(|it| protocol_of(it.venue).is_some()) {
        let first = |text: &'static str| text.lines().next().unwrap_or_default();
        let openings = vec![words.opening];
        if words.rest.is_empty() && !words.snapshot.is_empty() {
            all.push((words.venue, openings.clone(), first(words.snapshot)));
            all.push((words.venue, vec![words.opening, words.snapshot], first(words.delta)));
        } else {
            all.push((words.venue, openings, first(words.delta)));
        }
    }
    all
}

#[test]
fn a_message_with_blanks_says_the_same() {
    let mut books = 0;
    for (venue, before, message) in messages() {
        let plain = said(venue, &before, message.as_bytes());
        books += plain.as_ref().map_or(0, |it| it.1.len());
        assert_eq!(plain, said(venue, &before, &spaced(message.as_bytes())), "{message}");
        assert!(plain.is_ok(), "{message}");
    }
    assert!(books > 40, "{books}");
}

#[test]
fn what_tells_how_to_read_may_stand_behind() {
    let levels = r#"[["100.50","2","0","1"]]"#;
    for (venue, data, fields) in [
        (
            Venue::OkxV5,
            format!(r#""data":[{{"bids":{levels},"asks":[],"ts":"1","seqId":3,"prevSeqId":2}}]"#),
            r#""arg":{"channel":"books","instId":"XY-Z"},"action":"update""#,
        ),
        (
            Venue::BybitV5,
            format!(r#""data":{{"b":{levels},"a":[],"u":42}}"#),
            r#""topic":"orderbook.50.XY","type":"delta","ts":1"#,
        ),
        (
            Venue::CoinbaseAdvanced,
            concat!(
                r#""events":[{"type":"update","product_id":"XY-Z","updates":[{"side":"bid","#,
                r#""event_time":"x","price_level":"100.50","new_quantity":"2"}]}]"#
            )
            .to_owned(),
            r#""channel":"l2_data","timestamp":"2026-08-09T21:05:48Z","sequence_num":9"#,
        ),
    ] {
        let usual = said(venue, &[], format!("{{{fields},{data}}}").as_bytes());
        assert_eq!(usual.as_ref().map(|it| it.1[0].1.len()), Ok(1));
        assert_eq!(usual, said(venue, &[], format!("{{{data},{fields}}}").as_bytes()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_damaged_message_is_refused_or_says_the_same(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8), 1..4),
        bytes in prop::collection::vec(
            prop_oneof![
                3 => prop::sample::select(&b"\"[],.0123456789: -+eE{}n\\"[..]),
                1 => any::<u8>(),
            ],
            4,
        ),
    ) {
        let messages = messages();
        let (venue, before, message) = &messages[which.index(messages.len())];
        let mut damaged = message.as_bytes().to_vec();
        for ((place, kind), byte) in places.iter().zip(bytes) {
            let place = place.index(damaged.len());
            match kind {
                0 => damaged[place] = byte,
                1 => damaged.insert(place, byte),
                _ => drop(damaged.remove(place)),
            }
        }
        let plain = said(*venue, before, &damaged);
        let general = said(*venue, before, &spaced(&damaged));
        let text = String::from_utf8_lossy(&damaged);
        match (plain, general) {
            (Ok(plain), Ok(general)) => prop_assert_eq!(plain, general, "{}", text),
            (plain, general) => prop_assert_eq!(plain.is_err(), general.is_err(), "{}", text),
        }
    }
}
