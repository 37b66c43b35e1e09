//! Messages that are arrays (Kraken v1, Bitfinex), read by their sessions and by serde_json.
//!
//! Method: any message of the venue's shape, compact or with blanks; a naive reading of
//! serde_json's tree gives the levels that the book message must have.

use proptest::prelude::*;
use serde_json::{Value, json};
use tickbook_types::{Decimal, Side};

use super::super::frame::{BookEvent, Content, Event, Frame};
use super::super::protocol::Protocol;
use super::super::{bitfinex::Bitfinex, kraken_v1::KrakenV1};

type Levels = Vec<(Side, Decimal, Decimal)>;

fn text_of(value: &Value, pretty: bool) -> String {
    if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap()
}

/// The one book message of a frame: its name, whether it is a whole book, its levels.
fn book(frame: &Frame) -> (String, Content, Levels) {
    let [Event::Book(event)] = frame.events() else { panic!("{:?}", frame.events()) };
    let event: &BookEvent = event;
    let name = String::from_utf8(frame.name(event).to_vec()).unwrap();
    let levels = frame.levels(event).iter();
    let levels = levels.map(|it| (it.side, it.price.normalised(), it.size.normalised())).collect();
    (name, event.content, levels)
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap().normalised()
}

fn number() -> impl Strategy<Value = String> {
    "(0|[1-9][0-9]{0,5})\\.[0-9]{1,8}"
}

fn kraken_rows() -> impl Strategy<Value = Vec<Value>> {
    let row = (number(), number(), any::<bool>());
    let row = row.prop_map(|(price, size, again)| match again {
        true => json!([price, size, "1700000000.123456", "r"]),
        false => json!([price, size, "1700000000.123456"]),
    });
    prop::collection::vec(row, 1..5)
}

/// Every array of rows in the order of the text, by the first letter of its key.
fn kraken_levels(message: &Value) -> Levels {
    let mut levels = Levels::new();
    for part in message.as_array().unwrap().iter().filter_map(Value::as_object) {
        for (key, rows) in part.iter().filter(|(key, _)| *key != "c") {
            let side = if key.starts_with('a') { Side::Ask } else { Side::Bid };
            for row in rows.as_array().unwrap() {
                let at = |index: usize| decimal(row[index].as_str().unwrap());
                levels.push((side, at(0), at(1)));
            }
        }
    }
    levels
}

fn bitfinex_rows() -> impl Strategy<Value = Vec<Value>> {
    let amount =
        prop_oneof![Just("1e-7".to_owned()), Just("-5e-7".to_owned()), "-?[1-9]\\.[0-9]{1,6}"];
    let row = (number(), 0..3_u8, amount);
    let row = row.prop_map(|(price, count, amount)| {
        serde_json::from_str(&format!("[{price},{count},{amount}]")).unwrap()
    });
    prop::collection::vec(row, 0..6)
}

fn bitfinex_level(row: &Value) -> (Side, Decimal, Decimal) {
    let amount = decimal(&row[2].to_string());
    let side = if amount.mantissa() < 0 { Side::Ask } else { Side::Bid };
    let size = if row[1] == 0 { Decimal::default() } else { amount };
    let size = Decimal::new(size.mantissa().abs(), size.exponent());
    (side, decimal(&row[0].to_string()), size.normalised())
}

proptest! {
    #[test]
    fn kraken_books_are_read_as_serde_json_reads_them(
        asks in kraken_rows(),
        bids in kraken_rows(),
        shape in 0..5_u8,
        pretty in any::<bool>(),
    ) {
        let parts = match shape {
            0 => vec![json!({"as": asks, "bs": bids})],
            1 => vec![json!({"a": asks, "c": "7"})],
            2 => vec![json!({"b": bids, "c": "4294967295"})],
            3 => vec![json!({"a": asks}), json!({"b": bids, "c": "0"})],
            _ => vec![json!({"a": asks, "b": bids, "c": "1"})],
        };
        let mut message = vec![json!(320)];
        message.extend(parts);
        message.extend([json!("book-25"), json!("XY/USD")]);
        let message = Value::Array(message);
        let mut frame = Frame::default();
        KrakenV1.read(text_of(&message, pretty).as_bytes(), &mut frame).unwrap();
        let content = if shape == 0 { Content::Snapshot } else { Content::Delta };
        prop_assert_eq!(book(&frame), ("XY/USD".to_owned(), content, kraken_levels(&message)));
        let [Event::Book(event)] = frame.events() else { unreachable!() };
        prop_assert_eq!(event.depth, Some(25));
        prop_assert_eq!(event.time.0, 1_700_000_000_123_456_000);
    }

    #[test]
    fn bitfinex_books_are_read_as_serde_json_reads_them(
        rows in bitfinex_rows(),
        single in any::<bool>(),
        tail in 0..3_usize,
        pretty in any::<bool>(),
    ) {
        let single = single && !rows.is_empty();
        let body = if single { rows[0].clone() } else { Value::from(rows.clone()) };
        let mut message = vec![json!(17), body];
        message.extend([json!(8_812), json!(1_700_000_000_123_u64)].into_iter().take(tail));
        let mut bitfinex = Bitfinex::default();
        let mut frame = Frame::default();
        let fields = r#""channel":"book","chanId":17,"symbol":"tXYUSD""#;
        let subscribed = format!(r#"{{"event":"subscribed",{fields}}}"#);
        bitfinex.read(subscribed.as_bytes(), &mut frame).unwrap();
        frame.begin("", 0);
        bitfinex.read(text_of(&Value::from(message), pretty).as_bytes(), &mut frame).unwrap();
        let (content, rows) = match single {
            true => (Content::Delta, &rows[..1]),
            false => (Content::Snapshot, &rows[..]),
        };
        let levels = rows.iter().map(bitfinex_level).collect();
        prop_assert_eq!(book(&frame), ("tXYUSD".to_owned(), content, levels));
        prop_assert_eq!(frame.number, (tail > 0).then_some(8_812));
    }
}
