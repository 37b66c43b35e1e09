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
//! and the side, in the form of a ring's record, and beside it the places of their points. All
//! others lie aside, and a level of the list says where.

use tickbook_scan::{Found, Patterns, Places, Plain, Sort};
use tickbook_types::{Decimal, LevelRecord, POW10, Price, Scale, Side, Size};

use crate::counters::Rejected;
use crate::level::{DecimalLevel, Number};

/// The places of a level that lies aside: no number has so many digits.
const ODD: Places = Places { price: [0xFF; 2], size: [0; 2] };

/// Levels that there is room for when a message has the first one.
const ROOM_MIN: usize = 64;

/// The levels of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelBuf {
    /// Digits of price and size, and the side; of a level that lies aside, its number among those
    /// in place of the price, from 1 on. Those behind `len` are of no meaning.
    digits: Vec<LevelRecord>,
    /// As many: where the points stood.
    places: Vec<Places>,
    len: usize,
    odd: Vec<DecimalLevel>,
}

/// Levels in a [`LevelBuf`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Levels<'a> {
    digits: &'a [LevelRecord],
    places: &'a [Places],
    odd: &'a [DecimalLevel],
}

impl LevelBuf {
    /// Forgets them all.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.odd.clear();
    }

    /// Forgets all but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// A level of plain numbers.
    #[inline(always)]
    pub(crate) fn push_plain(&mut self, side: Side, price: Plain, size: Plain) {
        let size_digits = Size(size.digits);
        let record = LevelRecord::new(Price(price.digits.cast_signed()), size_digits, side);
        self.push_record(record, Places::of(price, size));
    }

    #[inline(always)]
    fn push_record(&mut self, record: LevelRecord, places: Places) {
        if self.len == self.digits.len() {
            self.grow();
        }
        if let (Some(digits), Some(place)) =
            (self.digits.get_mut(self.len), self.places.get_mut(self.len))
        {
            (*digits, *place) = (record, places);
            self.len += 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let len = (2 * self.digits.len()).max(ROOM_MIN);
        self.digits.resize(len, LevelRecord::default());
        self.places.resize(len, Places::default());
    }

    /// Levels of an array from `at` on, as long as they follow patterns.
    #[inline]
    pub(crate) fn follow(
        &mut self,
        patterns: &mut Patterns,
        text: &[u8],
        mut at: usize,
        sort: Sort,
    ) -> Found {
        loop {
            let (Some(digits), Some(places)) =
                (self.digits.get_mut(self.len..), self.places.get_mut(self.len..))
            else {
                return Found { count: 0, at, ended: false, full: false };
            };
            let found = patterns.levels(text, at, sort, digits, places);
            self.len += found.count;
            if !found.full {
                return found;
            }
            at = found.at;
            self.grow();
        }
    }

    /// Forgets those from `first` on whose price is zero.
    pub(crate) fn drop_unpriced(&mut self, first: usize) {
        let priced = |it: &LevelRecord| it.price().0 != 0;
        if self.digits.get(first..self.len).is_none_or(|levels| levels.iter().all(priced)) {
            return;
        }
        let mut kept = first;
        for index in first..self.len {
            if priced(&self.digits[index]) {
                self.digits[kept] = self.digits[index];
                self.places[kept] = self.places[index];
                kept += 1;
            }
        }
        self.len = kept;
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
        self.odd.push(level);
        // Never zero, which is the only number that every factor takes.
        let count = i64::try_from(self.odd.len()).unwrap_or(i64::MAX);
        self.push_record(LevelRecord::new(Price(count), Size(0), level.side), ODD);
    }

    pub(crate) fn all(&self) -> Levels<'_> {
        self.get(0..self.len)
    }

    /// Some of them.
    #[inline]
    pub(crate) fn get(&self, range: core::ops::Range<usize>) -> Levels<'_> {
        let range = if range.end <= self.len { range } else { 0..0 };
        Levels {
            digits: self.digits.get(range.clone()).unwrap_or_default(),
            places: self.places.get(range).unwrap_or_default(),
            odd: &self.odd,
        }
    }

    /// Puts those from `first` on into the order of their ids, which move along.
    pub(crate) fn sort(&mut self, first: usize, ids: &mut [u64]) {
        let digits = self.digits.get_mut(first..self.len).unwrap_or_default();
        let places = self.places.get_mut(first..self.len).unwrap_or_default();
        // Sides come one after the other, and do not matter to one another.
        let follows =
            |one: usize| digits[one].side() != digits[one + 1].side() || ids[one] <= ids[one + 1];
        if digits.len() != ids.len() || (1..digits.len()).all(|at| follows(at - 1)) {
            return;
        }
        let levels = digits.iter().copied().zip(places.iter().copied());
        let mut all: Vec<_> = ids.iter().copied().zip(levels).collect();
        all.sort_by_key(|(id, _)| *id);
        for (index, (id, level)) in all.into_iter().enumerate() {
            (ids[index], (digits[index], places[index])) = (id, level);
        }
    }
}

impl<'a> Levels<'a> {
    pub(crate) const fn len(&self) -> usize {
        self.digits.len()
    }

    /// Each of them, as a decimal.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = DecimalLevel> + Clone + use<'a> {
        let odd = self.odd;
        self.digits.iter().zip(self.places).map(move |(raw, places)| decimals(raw, *places, odd))
    }

    /// Goes through those whose size is not zero: the numbers of the plain ones, and the others.
    #[inline(always)]
    pub(crate) fn sized(
        &self,
        mut plain_one: impl FnMut(Plain, Plain),
        mut odd_one: impl FnMut(DecimalLevel),
    ) {
        for (raw, places) in self.digits.iter().zip(self.places) {
            if *places == ODD {
                let level = decimals(raw, *places, self.odd);
                if !level.size.is_zero() {
                    odd_one(level);
                }
            } else if raw.size().0 != 0 {
                let [price, size] = plain(raw, *places);
                plain_one(price, size);
            }
        }
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
        // Neighbours have their points at the same places, or nearly so.
        let (mut price_by, mut size_by) = (price.factor(0), size.factor(0));
        let mut parts = (0, 0);
        let mut count = 0;
        for ((raw, places), place) in self.digits.iter().zip(self.places).skip(first).zip(out) {
            let (price_part, size_part) = (places.price[1], places.size[1]);
            if price_part != parts.0 {
                (price_by, parts.0) = (price.factor(price_part), price_part);
            }
            if size_part != parts.1 {
                (size_by, parts.1) = (size.factor(size_part), size_part);
            }
            let price = price_by.of(raw.price().0.cast_unsigned());
            let size = size_by.of(raw.size().0);
            let (Some(price), Some(size)) = (price, size) else { break };
            *place = LevelRecord::new(Price(price), Size(size.cast_unsigned()), raw.side());
            count += 1;
        }
        count
    }

    /// The one at `index`.
    pub(crate) fn at(&self, index: usize) -> Option<DecimalLevel> {
        let (raw, places) = (self.digits.get(index)?, self.places.get(index)?);
        Some(decimals(raw, *places, self.odd))
    }
}

#[inline]
fn decimals(raw: &LevelRecord, places: Places, odd: &[DecimalLevel]) -> DecimalLevel {
    let side = raw.side();
    if places == ODD {
        let index = usize::try_from(raw.price().0 - 1).unwrap_or(usize::MAX);
        // Every odd level has its place there.
        let none = || DecimalLevel::of(Decimal::ZERO, Decimal::ZERO, side);
        return odd.get(index).copied().unwrap_or_else(none);
    }
    let [price, size] = plain(raw, places);
    DecimalLevel {
        price: price.value(),
        size: size.value(),
        side,
        price_written: price.written(),
        size_written: size.written(),
    }
}

/// The numbers of a level that is not odd.
#[inline(always)]
fn plain(raw: &LevelRecord, places: Places) -> [Plain; 2] {
    let plain = |digits, [whole, part]: [u8; 2]| Plain { digits, whole, part };
    let (price, size) = (raw.price().0.cast_unsigned(), raw.size().0);
    [plain(price, places.price), plain(size, places.size)]
}

/// Digits behind the point that a scale keeps.
#[derive(Clone, Copy, Debug)]
struct Kept(u8);

impl Kept {
    fn new(exponent: i8) -> Option<Self> {
        u8::try_from(-i16::from(exponent)).ok().map(Self)
    }

    /// By what digits become an integer, so many of them being behind the point; of a count that
    /// no number has, by nothing.
    #[inline(always)]
    fn factor(self, part: u8) -> Factor {
        let factor = if part <= self.0 {
            TIMES.get(usize::from(self.0 - part))
        } else {
            WITHOUT.get(usize::from(part - self.0))
        };
        factor.copied().unwrap_or(Factor::NONE)
    }
}

/// Multiplication or exact division by a power of ten.
///
/// Modulo 2^64 the odd factor 5^n has an inverse: by it a multiple of 5^n becomes the quotient,
/// and the zero bits of a multiple of 2^n are rotated away. What is no multiple becomes something
/// larger than any quotient (Granlund and Montgomery, "Division by invariant integers", section 9).
#[derive(Clone, Copy, Debug)]
struct Factor {
    by: u64,
    zeros: u32,
    /// Largest digits that can be multiplied.
    digits_max: u64,
    /// Largest quotient.
    max: u64,
}

static TIMES: [Factor; 19] = {
    let mut table = [Factor::NONE; 19];
    let mut zeros = 0;
    while zeros < 19 {
        let by = POW10[zeros];
        let digits_max = i64::MAX.cast_unsigned() / by;
        table[zeros] = Factor { by, zeros: 0, digits_max, max: u64::MAX };
        zeros += 1;
    }
    table
};

static WITHOUT: [Factor; 19] = {
    let mut table = [Factor::NONE; 19];
    let (mut five, mut zeros) = (1_u64, 0_u32);
    while zeros < 19 {
        // Newton's iteration doubles the bits that are right, from 3 on.
        let mut inverse = five;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(five.wrapping_mul(inverse)));
            round += 1;
        }
        let max = u64::MAX / POW10[zeros as usize];
        table[zeros as usize] = Factor { by: inverse, zeros, digits_max: u64::MAX, max };
        five = five.wrapping_mul(5);
        zeros += 1;
    }
    table
};

impl Factor {
    /// Of no digits but zero.
    const NONE: Self = Self { by: 0, zeros: 0, digits_max: 0, max: 0 };

    /// The integer of these digits, if there is one.
    #[inline(always)]
    fn of(&self, digits: u64) -> Option<i64> {
        let value = digits.wrapping_mul(self.by).rotate_right(self.zeros);
        if digits > self.digits_max || value > self.max {
            return None;
        }
        i64::try_from(value).ok()
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
            let exact = |it: u64| exact(it).and_then(|it| i64::try_from(it).ok());
            prop_assert_eq!(WITHOUT[usize::from(zeros)].of(digits), exact(digits));
            let multiple = digits / unit * unit;
            prop_assert_eq!(WITHOUT[usize::from(zeros)].of(multiple), exact(multiple));
        }
    }
}
