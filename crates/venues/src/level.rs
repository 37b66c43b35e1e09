//! Levels as a venue wrote them, and the exponents that hold them.

use tickbook_scan::Plain;
use tickbook_types::{
    Decimal, LevelRecord, Price, Scale, ScaleError, Side, Size, WallNanos, Written,
};

use crate::counters::Rejected;

/// A number as a venue wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Number {
    /// Digits and a point, as nearly all are.
    Plain(Plain),
    /// The same behind a minus, and not zero.
    Minus(Plain),
    /// Any other one, and what its text was like.
    Odd(Decimal, Written),
}

impl Number {
    /// `0`.
    pub(crate) const ZERO: Self = Self::Plain(Plain { digits: 0, whole: 1, part: 0 });

    /// The number out of its text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Rejected> {
        let (value, written) = Decimal::parse_written(text).map_err(|_| Rejected::Number)?;
        Ok(Self::Odd(value, written))
    }

    #[inline]
    pub(crate) fn value(&self) -> Decimal {
        match *self {
            Self::Plain(plain) => plain.value(),
            Self::Minus(plain) => negative(plain.value()),
            Self::Odd(value, _) => value,
        }
    }

    /// What its text was like.
    #[inline]
    pub(crate) fn written(&self) -> Written {
        match *self {
            Self::Plain(plain) | Self::Minus(plain) => plain.written(),
            Self::Odd(_, written) => written,
        }
    }

    #[inline]
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Plain(plain) => plain.digits == 0,
            Self::Minus(_) => false,
            Self::Odd(value, _) => value.is_zero(),
        }
    }

    /// The number without its sign, and whether it was a minus before something else than zero.
    #[inline]
    pub(crate) fn unsigned(self) -> (Self, bool) {
        match self {
            Self::Minus(plain) => (Self::Plain(plain), true),
            Self::Odd(value, written) if value.mantissa() < 0 => {
                (Self::Odd(negative(value), written), true)
            }
            _ => (self, false),
        }
    }
}

fn negative(value: Decimal) -> Decimal {
    Decimal::new(-value.mantissa(), value.exponent())
}

/// A price level of either side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DecimalLevel {
    pub(crate) price: Decimal,
    pub(crate) size: Decimal,
    pub(crate) side: Side,
    /// What the price's text was like.
    pub(crate) price_written: Written,
    /// What the size's text was like.
    pub(crate) size_written: Written,
}

impl DecimalLevel {
    /// A level that no text stands for: a sum.
    pub(crate) fn of(price: Decimal, size: Decimal, side: Side) -> Self {
        let written = Written::default();
        Self { price, size, side, price_written: written, size_written: written }
    }

    /// The level out of its texts.
    pub(crate) fn parse(price: &[u8], size: &[u8], side: Side) -> Result<Self, Rejected> {
        Self::new(Number::parse(price)?, Number::parse(size)?, side)
    }

    /// The level of two numbers.
    #[inline]
    pub(crate) fn new(price: Number, size: Number, side: Side) -> Result<Self, Rejected> {
        let level = Self {
            price: price.value(),
            size: size.value(),
            side,
            price_written: price.written(),
            size_written: size.written(),
        };
        if level.size.mantissa() < 0 { Err(Rejected::Number) } else { Ok(level) }
    }

    /// The record at `scale`.
    pub(crate) fn record(&self, scale: Scale) -> Result<LevelRecord, ScaleError> {
        let price = self.price.to_mantissa(scale.price_exponent)?;
        let size = self.size.to_mantissa(scale.size_exponent)?;
        // Sizes are not negative, by `parse`.
        Ok(LevelRecord::new(Price(price), Size(size.unsigned_abs()), self.side))
    }
}

/// The exponents that a set of numbers needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Needs {
    price_exponent: Option<i16>,
    size_exponent: Option<i16>,
    /// The largest size seen.
    size_max: Decimal,
}

impl Needs {
    /// Looks at one more level.
    pub(crate) fn add(&mut self, level: &DecimalLevel) {
        let finest = |seen: Option<i16>, number: Decimal| {
            let exponent = number.normalised().exponent();
            if number.is_zero() { seen } else { Some(seen.map_or(exponent, |it| it.min(exponent))) }
        };
        self.price_exponent = finest(self.price_exponent, level.price);
        self.size_exponent = finest(self.size_exponent, level.size);
        if is_above(level.size, self.size_max) {
            self.size_max = level.size;
        }
    }

    /// The size exponent at which these sizes, and those at `present`, would be exact.
    pub(crate) fn size_exponent_wanted(&self, present: Option<Scale>) -> i8 {
        let present = present.unwrap_or_default().size_exponent.into();
        let size = self.size_exponent.unwrap_or(0).min(present);
        i8::try_from(size).unwrap_or(i8::MIN).max(Scale::EXPONENT_MIN)
    }

    /// The scale that holds these numbers and, as far as possible, everything that `present`
    /// held; with no `present`, the coarsest up to whole units.
    ///
    /// Sizes that do not fit at the finest exponent coarsen it: then some get rounded.
    ///
    /// # Errors
    ///
    /// [`Rejected::Overflow`] if a price needs an exponent that no scale has.
    pub(crate) fn scale(&self, present: Option<Scale>) -> Result<Scale, Rejected> {
        let present = present.unwrap_or_default();
        let price = self.price_exponent.unwrap_or(0).min(present.price_exponent.into());
        let price_exponent = i8::try_from(price).map_err(|_| Rejected::Overflow)?;
        if price_exponent < Scale::EXPONENT_MIN {
            return Err(Rejected::Overflow);
        }
        let mut size_exponent = self.size_exponent_wanted(Some(present));
        while size_exponent < Scale::EXPONENT_MAX && !fits(self.size_max, size_exponent) {
            size_exponent += 1;
        }
        if !fits(self.size_max, size_exponent) {
            return Err(Rejected::Overflow);
        }
        Ok(Scale { price_exponent, size_exponent })
    }
}

/// The exponents of a book that takes over a snapshot at `snapshot`, and in `size_min` the size
/// exponent below which it cannot go from then on.
pub(crate) fn union_scale(
    present: Option<Scale>,
    size_min: &mut Option<i8>,
    snapshot: Scale,
) -> Scale {
    let mut scale = present.map_or(snapshot, |scale| scale.finer(snapshot));
    // Sizes above whole units have been coarsened because one of them did not fit.
    if snapshot.size_exponent > 0 {
        *size_min = Some(snapshot.size_exponent);
    }
    if let Some(min) = *size_min {
        scale.size_exponent = scale.size_exponent.max(min);
    }
    scale
}

/// Whether a size has an integer at `exponent`, if need be a rounded one.
fn fits(size: Decimal, exponent: i8) -> bool {
    rounded_size(size, exponent).is_some()
}

fn is_above(one: Decimal, other: Decimal) -> bool {
    // The magnitude in decimal digits, then the digits at the finer exponent.
    let finer = one.exponent().min(other.exponent());
    let at = |it: Decimal| {
        let shift = u32::from((it.exponent() - finer).unsigned_abs());
        10_i128.checked_pow(shift).and_then(|factor| it.mantissa().checked_mul(factor))
    };
    match (at(one), at(other)) {
        (Some(one), Some(other)) => one > other,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// The integer nearest to `size` at `exponent`, never zero for a size above zero, and whether it
/// is exact; `None` if it does not fit.
pub(crate) fn rounded_size(size: Decimal, exponent: i8) -> Option<(Size, bool)> {
    match size.to_mantissa(exponent) {
        Ok(exact) => Some((Size(exact.unsigned_abs()), true)),
        Err(ScaleError::Inexact { .. }) => {
            let size = size.normalised();
            let drop = u32::from(i16::from(exponent).abs_diff(size.exponent()));
            let Some(unit) = 10_i128.checked_pow(drop) else { return Some((Size(1), false)) };
            let (whole, rest) = (size.mantissa() / unit, size.mantissa() % unit);
            let nearest = whole + i128::from(rest >= unit - unit / 2);
            let nearest = i64::try_from(nearest.max(1)).ok()?;
            Some((Size(nearest.unsigned_abs()), false))
        }
        Err(_) => None,
    }
}

/// Nanoseconds since 1970 of a time of the venue, whose unit its number of digits tells: ms have
/// 13 digits until the year 2286, us (on request) 16. 0 is no time.
pub(crate) fn venue_time(raw: u64) -> WallNanos {
    let factor = match raw {
        0..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    WallNanos(i64::try_from(raw).unwrap_or(i64::MAX).saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, size: &str) -> DecimalLevel {
        DecimalLevel::parse(price.as_bytes(), size.as_bytes(), Side::Bid).unwrap()
    }

    fn needs(levels: &[(&str, &str)]) -> Needs {
        let mut needs = Needs::default();
        for (price, size) in levels {
            needs.add(&level(price, size));
        }
        needs
    }

    const fn scale(price_exponent: i8, size_exponent: i8) -> Scale {
        Scale { price_exponent, size_exponent }
    }

    #[test]
    fn a_scale_holds_what_was_seen_without_trailing_zeros() {
        let seen = needs(&[("61837.64000000", "3.78826000"), ("61837", "0.00000000")]);
        assert_eq!(seen.scale(None), Ok(scale(-2, -5)));
        assert_eq!(seen.scale(Some(scale(-4, -3))), Ok(scale(-4, -5)));
        assert_eq!(needs(&[("1000", "500")]).scale(None), Ok(scale(0, 0)), "whole units");
        assert_eq!(needs(&[("1e-19", "1")]).scale(None), Err(Rejected::Overflow));
    }

    #[test]
    fn a_size_that_does_not_fit_coarsens_the_exponent_and_rounds_the_others() {
        let seen = needs(&[("1", "60000000000000000000"), ("2", "0.5")]);
        let coarse = seen.scale(None).unwrap();
        assert_eq!(coarse, scale(0, 1));
        assert_eq!(
            rounded_size(level("1", "60000000000000000000").size, 1),
            Some((Size(6_000_000_000_000_000_000), true))
        );
        assert_eq!(
            rounded_size(level("1", "0.5").size, 1),
            Some((Size(1), false)),
            "never to zero"
        );
        assert_eq!(rounded_size(level("1", "26").size, 1), Some((Size(3), false)));
        assert_eq!(rounded_size(level("1", "1e40").size, 18), None);
        let many_digits = level("1", "1700000000000000000.00000000000000000001").size;
        assert_eq!(rounded_size(many_digits, 18), Some((Size(2), false)), "in range throughout");
    }

    #[test]
    fn times_are_told_apart_by_their_digits() {
        assert_eq!(venue_time(1_787_612_486_435), WallNanos(1_787_612_486_435_000_000));
        assert_eq!(venue_time(1_787_612_486_435_123), WallNanos(1_787_612_486_435_123_000));
        assert_eq!(venue_time(0), WallNanos(0));
        assert_eq!(venue_time(u64::MAX), WallNanos(i64::MAX));
    }

    #[test]
    fn negative_sizes_are_refused_and_negative_prices_are_not() {
        assert_eq!(DecimalLevel::parse(b"1", b"-1", Side::Ask), Err(Rejected::Number));
        assert!(DecimalLevel::parse(b"-37.63", b"1", Side::Ask).is_ok());
        assert!(DecimalLevel::parse(b"1", b"-0", Side::Ask).is_ok());
    }
}
