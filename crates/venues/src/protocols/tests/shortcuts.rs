//! The short ways of reading against the general one, over every venue's words, whole and damaged.
//!
//! Method: a blank behind a comma changes no JSON, and is what no short way takes. So a message and
//! the same one with blanks have to say the same, or both be refused. The one without blanks is
//! read after others like it, so that what its levels look like is known.

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
    said_to(&mut Frame::default(), venue, before, message)
}

/// The same where the levels of `like` have been seen, by another connection.
fn said_after(venue: Venue, before: &[&str], like: &str, text: &[u8]) -> Result<Said, Rejected> {
    let mut frame = Frame::default();
    said_to(&mut frame, venue, before, like.as_bytes())?;
    said_to(&mut frame, venue, before, text)
}

fn said_to(
    frame: &mut Frame,
    venue: Venue,
    before: &[&str],
    message: &[u8],
) -> Result<Said, Rejected> {
    let mut protocol = protocol_of(venue).unwrap();
    for text in before.iter().flat_map(|text| text.lines()) {
        frame.begin("", 0);
        protocol.read(text.as_bytes(), frame).unwrap();
    }
    frame.begin("", 0);
    protocol.read(message, frame)?;
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
    all.extend(MANY_LEVELS.map(|(venue, message)| (venue, Vec::new(), message)));
    all
}

/// Levels of several kinds and shapes.
const MANY_LEVELS: [(Venue, &str); 11] = [
    (
        Venue::Huobi,
        concat!(
            r#"{"ch":"market.xyz.depth.step0","ts":1618678069734,"tick":{"bids":[[1.58E-4,12.5],"#,
            r#"[1.3E-10,412.9227],[12.5,1E-3],[9.5,7],[0.5,1e-3],[3.3E5,2],[4.5,0E-9]],"asks":["#,
            r#"[100.5,1],[1.0E-14,5.5],[101,0.25]],"version":7,"ts":1618678069700}}"#
        ),
    ),
    (
        Venue::Upbit,
        concat!(
            r#"{"ty":"orderbook","cd":"KRW-XYZ","tms":1617646650961,"tas":1.5,"tbs":2.5,"obu":["#,
            r#"{"ap":3040.0,"bp":3035.0,"as":2080.87628637,"bs":3457.16353495},{"ap":3050.5,"#,
            r#""bp":3030,"as":1067.5,"bs":12},{"ap":3060.0,"as":2,"bp":3020.0,"bs":1.5}],"#,
            r#""st":"REALTIME"}"#
        ),
    ),
    (
        Venue::OkxV5,
        concat!(
            r#"{"arg":{"channel":"books","instId":"XY-Z"},"action":"update","data":[{"asks":["#,
            r#"["100.5","2","0","1"],["100.6","0","0","0"],["101","12.25","0","12"],["#,
            r#""1012.75","0.00001234","0","3"],["9000","123456789012345678","0","1"],"#,
            r#"["9001.5","1e3","0","1"],["9002","0.5","0","4"]],"bids":[["99","3","0","1"],"#,
            r#"["98.5","0","0","0"]],"ts":"1","checksum":-7,"seqId":3,"prevSeqId":2}]}"#
        ),
    ),
    (
        Venue::BybitV5,
        concat!(
            r#"{"topic":"orderbook.50.XY","type":"delta","ts":1,"data":{"s":"XY","b":["#,
            r#"["1922.45","5.51"],["1922.43","0.02"],["1922.07","0"],["1922.03","11.71"],"#,
            r#"["999.5","31.24"]],"a":[["1922.5","1"],["1922.51","0.00"]],"u":42,"seq":7}}"#
        ),
    ),
    (
        Venue::CryptoCom,
        concat!(
            r#"{"code":0,"method":"subscribe","result":{"instrument_name":"XY_Z","#,
            r#""subscription":"book.XY_Z.150","channel":"book","depth":150,"data":[{"bids":["#,
            r#"[44.500,101.517,1],[42.800,8.000,12],[41,0.238,1],[7,3,123]],"asks":["#,
            r#"[45.1,1,1],[45.12,10.5,2]],"t":1637709519470,"s":7}]}}"#
        ),
    ),
    (
        Venue::Hyperliquid,
        concat!(
            r#"{"channel":"l2Book","data":{"coin":"XY","levels":[[{"n":4,"px":"105055.0","#,
            r#""sz":"0.12432"},{"n":10,"px":"105050.0","sz":"3.94524"},{"n":1,"px":"9.5","#,
            r#""sz":"12"},{"n":1,"px":"9","sz":"0.1"}],[{"n":1,"px":"105056.0","sz":"1.5"},"#,
            r#"{"px":"105057.0","sz":"2.25","n":2},{"px":"105058.0","sz":"22.5","n":3}]],"#,
            r#""time":1737918796079}}"#
        ),
    ),
    (
        Venue::Deribit,
        concat!(
            r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.XY.raw","#,
            r#""data":{"type":"change","timestamp":1617644963085,"prev_change_id":2,"#,
            r#""instrument_name":"XY","change_id":3,"bids":[["new",0.0135,1.0],["delete",0.013,"#,
            r#"0.0],["change",12,2.5],["new",11.5,120],["delete",10.25,7.5],["delete",9.5,0]],"#,
            r#""asks":[["new",13.5,100.0],["delete",14,5.0],["delete",14.5,15.0]]}}}"#
        ),
    ),
    (
        Venue::Gemini,
        concat!(
            r#"{"type":"l2_updates","symbol":"XYZ","changes":[["buy","31.728","91"],"#,
            r#"["buy","31.72642","31.511308"],["sell","31.76052","0"],["buy","3","5.5"],"#,
            r#"["sell","31.76685","110.285517"],["sell","32","1"]]}"#
        ),
    ),
    (
        Venue::CoinbaseAdvanced,
        concat!(
            r#"{"channel":"l2_data","timestamp":"2026-08-09T21:05:48.969356199Z","#,
            r#""sequence_num":39,"events":[{"type":"update","product_id":"XY-Z","updates":["#,
            r#"{"side":"bid","event_time":"2026-08-09T21:05:48.949526Z","price_level":"1917.85","#,
            r#""new_quantity":"0.02235806"},{"side":"offer","#,
            r#""event_time":"2026-08-09T21:05:48.949526Z","price_level":"1679.53","#,
            r#""new_quantity":"0"},{"side":"bid","event_time":"2026-08-09T21:05:48.949526Z","#,
            r#""price_level":"9.5","new_quantity":"1.5"},{"side":"offer","#,
            r#""event_time":"2026-08-09T21:05:47.000001Z","price_level":"1700","#,
            r#""new_quantity":"12"}]}]}"#
        ),
    ),
    (
        Venue::BitFlyer,
        concat!(
            r#"{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"#,
            r#""lightning_board_XY","message":{"mid_price":5860953.0,"bids":[{"price":5824800.0,"#,
            r#""size":0.02},{"price":0.0,"size":1.5},{"price":5849147.0,"size":0.058},"#,
            r#"{"price":0.0,"size":2.5},{"price":9,"size":0}],"asks":[{"price":5870577.0,"#,
            r#""size":0.058},{"price":5863999,"size":12}]}}}"#
        ),
    ),
    (
        Venue::HitBtc,
        concat!(
            r#"{"jsonrpc":"2.0","method":"updateOrderbook","params":{"ask":[{"price":"0.0018990","#,
            r#""size":"1.03"},{"price":"0.0023271","size":"15.80"},{"price":"12","size":"0"},"#,
            r#"{"price":"3.5","size":"1"}],"bid":[{"price":"0.0011","size":"0.00"}],"#,
            r#""symbol":"XYZ","sequence":7,"timestamp":"2021-07-15T03:06:44.273Z"}}"#
        ),
    ),
];

#[test]
fn levels_are_read_alike_once_more_are_known() {
    let mut levels = 0;
    for (venue, before, message) in messages() {
        let plain = said(venue, &before, message.as_bytes());
        let after = said_after(venue, &before, message, message.as_bytes());
        levels += after.as_ref().map_or(0, |it| it.1.iter().map(|it| it.1.len()).sum());
        assert_eq!(plain, after, "{message}");
    }
    assert!(levels > 150, "{levels}");
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
        let plain = said_after(*venue, before, message, &damaged);
        let general = said(*venue, before, &spaced(&damaged));
        let text = String::from_utf8_lossy(&damaged);
        match (plain, general) {
            (Ok(plain), Ok(general)) => prop_assert_eq!(plain, general, "{}", text),
            (plain, general) => prop_assert_eq!(plain.is_err(), general.is_err(), "{}", text),
        }
    }
}
