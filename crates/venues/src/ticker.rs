//! Tables of a venue's ticker fields, and how one of them is read.

use tickbook_types::{Decimal, Figure, LevelRecord, Ticker, TickerField, WallNanos};

use crate::counters::Rejected;
use crate::json::{Read, Reader};
use crate::level::venue_time;
use crate::protocols::rfc3339;

/// How a venue writes a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// A number.
    Plain,
    /// A number; zero is none.
    Quote,
    /// A percentage; zero is none.
    Percent,
    /// An integer of units of this power of ten.
    Units(i8),
    /// The same; zero is none.
    QuoteUnits(i8),
    /// A time in ms; zero is none.
    Millis,
    /// A time as text.
    Rfc3339,
}

/// Names of a venue's fields, and what they are.
pub(crate) type Fields = [(&'static str, TickerField, Form)];

/// The record of a field's value.
fn read(field: TickerField, form: Form, value: &mut Reader<'_>) -> Read<LevelRecord> {
    if value.null()? {
        return Ok(field.record(None));
    }
    if form == Form::Rfc3339 {
        let time = rfc3339(value.text()?);
        return Ok(field.record(Ticker::funding_at(time).filter(|_| time != WallNanos(0))));
    }
    let digits = value.digits()?;
    if digits.is_empty() {
        return Ok(field.record(None));
    }
    let number = Decimal::parse(digits).map_err(|_| Rejected::Number)?;
    if number.is_zero() && !matches!(form, Form::Plain | Form::Units(_)) {
        return Ok(field.record(None));
    }
    let number = match form {
        Form::Percent => Decimal::new(number.mantissa(), number.exponent() - 2),
        Form::Units(power) | Form::QuoteUnits(power) => {
            Decimal::new(number.mantissa(), number.exponent() + i16::from(power))
        }
        Form::Millis => {
            let time = number.to_mantissa(0).ok().and_then(|it| u64::try_from(it).ok());
            Decimal::new(venue_time(time.ok_or(Rejected::Number)?).0.into(), -9)
        }
        _ => number,
    };
    Ok(field.record(Some(Figure::of(number).ok_or(Rejected::Overflow)?)))
}

/// Reads the value of `key`, or skips it if it is none of `fields` (`None`). What cannot be used is
/// absent, and `reject` hears why.
///
/// # Errors
///
/// The text is no JSON.
pub(crate) fn field(
    fields: &Fields,
    key: &[u8],
    value: &mut Reader<'_>,
    reject: impl FnOnce(Rejected),
) -> Read<Option<LevelRecord>> {
    let known = fields.iter().find(|(name, ..)| name.as_bytes() == key);
    let Some(&(_, field, form)) = known else { return value.skip().map(|()| None) };
    let mut value = value.mark()?;
    Ok(Some(read(field, form, &mut value).unwrap_or_else(|rejected| {
        reject(rejected);
        field.record(None)
    })))
}
