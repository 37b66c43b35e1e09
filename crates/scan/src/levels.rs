//! Arrays of `["price","size"]` pairs, straight into level records.
//!
//! Per level two decimals and seven bytes of punctuation. The digits before a point are counted in
//! one word; the count of digits behind it is guessed from the last number of the same field, so
//! that the address of what follows waits for one count per number only. A wrong guess costs a
//! second look, an unexpected byte ends the scan.

use tickbook_types::{LevelRecord, Price, Scale, Side, Size};

use crate::number::Decimals;
use crate::swar;
use crate::text::expect;

/// Scans level arrays at one scale.
#[derive(Clone, Copy, Debug)]
pub struct LevelScanner {
    price: Decimals,
    size: Decimals,
}

/// What [`LevelScanner::levels`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Levels {
    /// Levels written.
    pub count: usize,
    /// The position behind the array's closing bracket.
    pub end: usize,
}

impl LevelScanner {
    /// A scanner for integers at `scale`; `None` if it has an exponent above 0 or below -8, which
    /// only the general path serves.
    #[must_use]
    pub fn new(scale: Scale) -> Option<Self> {
        let price = Decimals::new(scale.price_exponent)?;
        Some(Self { price, size: Decimals::new(scale.size_exponent)? })
    }

    /// Scans the array at `at` into `out`.
    ///
    /// `None` if it is not written as `[["price","size"],...]` without white space, has a number
    /// that the scale cannot hold, or more levels than `out`.
    #[inline]
    #[must_use]
    pub fn levels(
        &mut self,
        bytes: &[u8],
        at: usize,
        side: Side,
        out: &mut [LevelRecord],
    ) -> Option<Levels> {
        let Some(mut at) = expect(bytes, at, b"[[\"") else {
            return expect(bytes, at, b"[]").map(|end| Levels { count: 0, end });
        };
        // Copies in registers: the guesses change while they are used.
        let (mut price, mut size) = (self.price, self.size);
        let mut count = 0;
        let end = loop {
            let record = out.get_mut(count)?;
            let (price, end) = price.scan(bytes, at)?;
            let (size, end) = size.scan(bytes, expect(bytes, end, b"\",\"")?)?;
            *record = LevelRecord::new(Price(price.cast_signed()), Size(size), side);
            count += 1;
            let behind = swar::word(bytes, end);
            if behind & NEXT_MASK == NEXT {
                at = end + 5;
            } else if behind & LAST_MASK == LAST {
                break end + 3;
            } else {
                return None;
            }
        };
        (self.price, self.size) = (price, size);
        Some(Levels { count, end })
    }

    /// A price in quotes at `at` (behind the opening one) and the position behind the closing one.
    #[inline]
    #[must_use]
    pub fn price(&mut self, bytes: &[u8], at: usize) -> Option<(Price, usize)> {
        let (value, end) = self.price.scan(bytes, at)?;
        Some((Price(value.cast_signed()), end + 1))
    }

    /// A size in quotes at `at` (behind the opening one) and the position behind the closing one.
    #[inline]
    #[must_use]
    pub fn size(&mut self, bytes: &[u8], at: usize) -> Option<(Size, usize)> {
        let (value, end) = self.size.scan(bytes, at)?;
        Some((Size(value), end + 1))
    }
}

const NEXT: u64 = u64::from_le_bytes(*b"\"],[\"\0\0\0");
const NEXT_MASK: u64 = 0xFF_FFFF_FFFF;
const LAST: u64 = u64::from_le_bytes(*b"\"]]\0\0\0\0\0");
const LAST_MASK: u64 = 0xFF_FFFF;

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { price_exponent: -2, size_exponent: -3 };

    fn scan(text: &str, room: usize) -> Option<(Vec<(i64, u64)>, usize)> {
        let bytes = [text.as_bytes(), &[b'['; 64]].concat();
        let mut out = vec![LevelRecord::default(); room];
        let levels = LevelScanner::new(SCALE).unwrap().levels(&bytes, 0, Side::Ask, &mut out)?;
        let records = out[..levels.count].iter();
        Some((records.map(|it| (it.price().0, it.size().0)).collect(), levels.end))
    }

    #[test]
    fn arrays_of_pairs_become_records() {
        assert_eq!(scan("[],", 0), Some((vec![], 2)));
        assert_eq!(scan("[[\"1.5\",\"2\"]]}", 1), Some((vec![(150, 2000)], 13)));
        let two = "[[\"61234.50000000\",\"0.200\"],[\"0.01\",\"0.00000000\"]]";
        assert_eq!(scan(two, 8), Some((vec![(6_123_450, 200), (1, 0)], two.len())));
    }

    #[test]
    fn every_other_shape_is_left_to_the_general_path() {
        for odd in [
            "[[\"1\",\"2\"]",
            "[[\"1\",\"2\"],]",
            "[[\"1\",\"2\",[]]]",
            "[[\"1\", \"2\"]]",
            "[[\"1\",\"2\"] ]",
            "[[1,2]]",
            "[[\"1\"]]",
            "[[]]",
            "[[\"1.001\",\"2\"]]",
            "[[\"1\",\"0.0001\"]]",
            "[[\"-1\",\"2\"]]",
            "[[\"1\",\"2\"],[\"1\",\"2\"]]]",
        ] {
            let whole = scan(odd, 8).is_some_and(|(_, end)| end == odd.len());
            assert!(!whole, "{odd}");
        }
        assert_eq!(scan("[[\"1\",\"2\"],[\"1\",\"2\"]]", 1), None, "no room");
    }
}
