//! The levels of a message, as they stand in it: few bytes each, and no scale.
//!
//! # Guarantees
//!
//! - A level comes out with the value and the form of its numbers as it was put in, whatever they
//!   were like.
//!
//! # How it is done
//!
//! Nearly every number has at most 18 digits, no sign and no exponent: such levels are two integers
//! with the places of their points. All others lie aside, and a level of the list says where.

use tickbook_scan::Plain;
use tickbook_types::{Decimal, LevelRecord, POW10, Price, Scale, Side, Size};

use crate::counters::Rejected;
use crate::level::{DecimalLevel, Number};

/// The levels of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelBuf {
    levels: Vec<Raw>,
    odd: Vec<DecimalLevel>,
}

/// Levels in a [`LevelBuf`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Levels<'a> {
    levels: &'a [Raw],
    odd: &'a [DecimalLevel],
}

/// A level of plain numbers, or the place of one of others.
#[derive(Clone, Copy, Debug)]
struct Raw {
    /// Digits of the price, or index of the level among the odd ones.
    price: u64,
    /// Digits of the size.
    size: u64,
    /// Digits before and behind the point.
    price_shape: [u8; 2],
    size_shape: [u8; 2],
    side: Side,
    is_odd: bool,
}

impl LevelBuf {
    /// Forgets them all.
    pub(crate) fn clear(&mut self) {
        self.levels.clear();
        self.odd.clear();
    }

    /// Forgets all but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.levels.truncate(len);
    }

    pub(crate) const fn len(&self) -> usize {
        self.levels.len()
    }

    /// A level of plain numbers.
    #[inline(always)]
    pub(crate) fn push_plain(&mut self, side: Side, price: Plain, size: Plain) {
        self.levels.push(Raw {
            price: price.digits,
            size: size.digits,
            price_shape: [price.whole, price.part],
            size_shape: [size.whole, size.part],
            side,
            is_odd: false,
        });
    }

    /// A level of any numbers.
    #[inline]
    pub(crate) fn push_numbers(
        &mut self,
        side: Side,
        price: Number,
        size: Number,
    ) -> Result<(), Rejected> {
        match (price, size) {
            (Number::Plain(price), Number::Plain(size)) => self.push_plain(side, price, size),
            _ => self.push(DecimalLevel::new(price, size, side)?),
        }
        Ok(())
    }

    /// A level of decimals.
    #[inline]
    pub(crate) fn push(&mut self, level: DecimalLevel) {
        let price = self.odd.len() as u64;
        let shape = [0; 2];
        let (size, side) = (0, level.side);
        let place = Raw { price, size, price_shape: shape, size_shape: shape, side, is_odd: true };
        self.levels.push(place);
        self.odd.push(level);
    }

    pub(crate) fn all(&self) -> Levels<'_> {
        self.get(0..self.len())
    }

    /// Some of them.
    #[inline]
    pub(crate) fn get(&self, range: core::ops::Range<usize>) -> Levels<'_> {
        Levels { levels: self.levels.get(range).unwrap_or_default(), odd: &self.odd }
    }

    /// Puts those from `first` on into the order of their ids, which move along.
    pub(crate) fn sort(&mut self, first: usize, ids: &mut [u64]) {
        let levels = self.levels.get_mut(first..).unwrap_or_default();
        // Sides come one after the other, and do not matter to one another.
        let follows =
            |one: usize| levels[one].side != levels[one + 1].side || ids[one] <= ids[one + 1];
        if levels.len() != ids.len() || (1..levels.len()).all(|at| follows(at - 1)) {
            return;
        }
        let mut both: Vec<_> = ids.iter().copied().zip(levels.iter().copied()).collect();
        both.sort_by_key(|(id, _)| *id);
        for (place, (id, level)) in ids.iter_mut().zip(levels).zip(both) {
            (*place.0, *place.1) = (id, level);
        }
    }
}

impl<'a> Levels<'a> {
    pub(crate) const fn len(&self) -> usize {
        self.levels.len()
    }

    /// Each of them, as a decimal.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = DecimalLevel> + Clone + use<'a> {
        let odd = self.odd;
        self.levels.iter().map(move |raw| raw.decimals(odd))
    }

    /// Writes those from `first` on to `out`, at a scale, up to the first that is odd or does not
    /// fit exactly; how many these are.
    #[inline]
    pub(crate) fn write(&self, scale: Scale, first: usize, out: &mut [LevelRecord]) -> usize {
        let (Some(price), Some(size)) =
            (Kept::new(scale.price_exponent), Kept::new(scale.size_exponent))
        else {
            return 0;
        };
        let mut count = 0;
        for (raw, place) in self.levels.iter().skip(first).zip(out) {
            let Some(record) = raw.record(price, size) else { break };
            *place = record;
            count += 1;
        }
        count
    }

    /// The one at `index`.
    pub(crate) fn at(&self, index: usize) -> Option<DecimalLevel> {
        self.levels.get(index).map(|raw| raw.decimals(self.odd))
    }
}

impl Raw {
    #[inline]
    fn decimals(&self, odd: &[DecimalLevel]) -> DecimalLevel {
        if self.is_odd {
            let index = usize::try_from(self.price).unwrap_or(usize::MAX);
            // Every odd level has its place there.
            let none = || DecimalLevel::of(Decimal::ZERO, Decimal::ZERO, self.side);
            return odd.get(index).copied().unwrap_or_else(none);
        }
        let plain = |digits, [whole, part]: [u8; 2]| Plain { digits, whole, part };
        let (price, size) =
            (plain(self.price, self.price_shape), plain(self.size, self.size_shape));
        DecimalLevel {
            price: price.value(),
            size: size.value(),
            side: self.side,
            price_written: price.written(),
            size_written: size.written(),
        }
    }

    #[inline(always)]
    fn record(&self, price: Kept, size: Kept) -> Option<LevelRecord> {
        if self.is_odd {
            return None;
        }
        let price = price.integer(self.price, self.price_shape[1])?;
        let size = size.integer(self.size, self.size_shape[1])?;
        Some(LevelRecord::new(Price(price), Size(size.cast_unsigned()), self.side))
    }
}

/// Digits behind the point that a scale keeps.
#[derive(Clone, Copy, Debug)]
struct Kept(u8);

impl Kept {
    fn new(exponent: i8) -> Option<Self> {
        u8::try_from(-i16::from(exponent)).ok().map(Self)
    }

    /// The integer of these digits, so many of them behind the point; `None` if there is none.
    #[inline(always)]
    fn integer(self, digits: u64, part: u8) -> Option<i64> {
        let value = if part <= self.0 {
            digits.checked_mul(*POW10.get(usize::from(self.0 - part))?)?
        } else {
            WITHOUT.get(usize::from(part - self.0))?.of(digits)?
        };
        i64::try_from(value).ok()
    }
}

/// Exact division by a power of ten.
///
/// Modulo 2^64 the odd factor 5^n has an inverse: by it a multiple of 5^n becomes the quotient,
/// and the zero bits of a multiple of 2^n are rotated away. What is no multiple becomes something
/// larger than any quotient (Granlund and Montgomery, "Division by invariant integers", section 9).
#[derive(Clone, Copy, Debug)]
struct Without {
    inverse: u64,
    zeros: u32,
    max: u64,
}

static WITHOUT: [Without; 19] = {
    let mut table = [Without { inverse: 1, zeros: 0, max: u64::MAX }; 19];
    let (mut five, mut zeros) = (1_u64, 0_u32);
    while zeros < 19 {
        // Newton's iteration doubles the bits that are right, from 3 on.
        let mut inverse = five;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(five.wrapping_mul(inverse)));
            round += 1;
        }
        table[zeros as usize] = Without { inverse, zeros, max: u64::MAX / POW10[zeros as usize] };
        five = five.wrapping_mul(5);
        zeros += 1;
    }
    table
};

impl Without {
    #[inline(always)]
    const fn of(&self, digits: u64) -> Option<u64> {
        let value = digits.wrapping_mul(self.inverse).rotate_right(self.zeros);
        if value <= self.max { Some(value) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number as the readers find it.
    fn number(text: &str) -> Number {
        match tickbook_scan::decimal(text.as_bytes(), 0) {
            Some((plain, end)) if end == text.len() => Number::Plain(plain),
            _ => Number::parse(text.as_bytes()).unwrap(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn levels_come_out_as_they_were_put_in_and_fit_as_decimals_do(
            texts in prop::collection::vec(
                ("-?(0|[1-9][0-9]{0,9})(\\.[0-9]{0,6}0{0,6})?(e-?[0-9])?",
                 "(0|[1-9][0-9]{0,12})(\\.[0-9]{0,12}0{0,12})?(e-?[0-9])?"), 1..5),
            price_exponent in -18..=4_i8,
            size_exponent in -18..=4_i8,
            first in 0..3_usize,
        ) {
            let scale = Scale { price_exponent, size_exponent };
            let (mut buf, mut naive) = (LevelBuf::default(), Vec::new());
            for (price, size) in &texts {
                buf.push_numbers(Side::Ask, number(price), number(size)).unwrap();
                let level = DecimalLevel::parse(price.as_bytes(), size.as_bytes(), Side::Ask);
                naive.push(level.unwrap());
            }
            prop_assert_eq!(buf.all().iter().collect::<Vec<_>>(), naive.clone());
            let mut out = vec![LevelRecord::default(); texts.len()];
            let count = buf.all().write(scale, first, &mut out);
            for (level, record) in naive.iter().skip(first).zip(&out).take(count) {
                prop_assert_eq!(level.record(scale), Ok(*record));
            }
            // What is left is odd, does not fit, or the scale is none for plain numbers.
            if let Some(level) = buf.all().at(first + count) {
                let (price, size) = &texts[first + count];
                let plain = !price.starts_with('-') && !format!("{price}{size}").contains('e');
                let digits = |it: &str| it.bytes().filter(u8::is_ascii_digit).count() <= 18;
                if plain && digits(price) && digits(size) && !price.ends_with('.')
                    && !size.ends_with('.') && price_exponent <= 0 && size_exponent <= 0
                {
                    prop_assert!(level.record(scale).is_err(), "{price} {size}");
                }
            }
        }

        #[test]
        fn exact_division_is_division(
            digits in any::<u64>(),
            shift in 0..64_u32,
            zeros in 0..19_u8,
        ) {
            let digits = digits >> shift;
            let unit = POW10[usize::from(zeros)];
            let exact = |it: u64| it.is_multiple_of(unit).then(|| it / unit);
            prop_assert_eq!(WITHOUT[usize::from(zeros)].of(digits), exact(digits));
            let multiple = digits / unit * unit;
            prop_assert_eq!(WITHOUT[usize::from(zeros)].of(multiple), exact(multiple));
        }
    }
}
