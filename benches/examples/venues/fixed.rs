//! Levels and numbers of the typed messages.

use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

/// `[price, size, …]`.
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
pub(crate) struct Row(Fixed, Fixed);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
        let missing = || A::Error::custom("no level");
        let price = seq.next_element()?.ok_or_else(missing)?;
        let size = seq.next_element()?.ok_or_else(missing)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Row(price, size))
    }
}

/// `["label", price, size]`.
#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
pub(crate) struct Labelled<'a>(#[serde(borrow)] &'a str, Fixed, Fixed);

/// A number, quoted or bare, with eight decimals; what is beyond them is dropped.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
pub(crate) struct Fixed(i64);

const DECIMALS: usize = 8;
const UNIT: i64 = 100_000_000;

impl<'de> Deserialize<'de> for Fixed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FixedVisitor)
    }
}

struct FixedVisitor;

impl Visitor<'_> for FixedVisitor {
    type Value = Fixed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Fixed, E> {
        let bad = || E::custom("no number");
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits =
            whole.bytes().chain(part.bytes().chain(std::iter::repeat(b'0')).take(DECIMALS));
        let mut value = 0_i64;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(bad());
            }
            value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        }
        Ok(Fixed(value))
    }

    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    fn visit_f64<E>(self, number: f64) -> Result<Fixed, E> {
        Ok(Fixed((number * UNIT as f64).round() as i64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Fixed, E> {
        Ok(Fixed(number.cast_signed().saturating_mul(UNIT)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Fixed, E> {
        Ok(Fixed(number.saturating_mul(UNIT)))
    }
}
