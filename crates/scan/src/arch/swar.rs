//! Eight bytes at a time in general registers.
//!
//! Per level two decimals and a few bytes of punctuation. The digits before a point are counted in
//! one word; the count of digits behind it is guessed from the last number of the same field, so
//! that the address of what follows waits for one count per number only. A wrong guess costs a
//! second look, and whatever is odd goes to the scalar kernel.

use tickbook_types::{LevelRecord, POW10, Price, Side, Size};

use super::scalar::{self, Behind, byte_at};
use crate::levels::{Fields, Form, Levels};
use crate::word::{self, ZEROS};

/// Scans levels from `at`, where the first one's price begins, to the end of the array.
#[inline]
pub(crate) fn levels(
    fields: &mut Fields,
    bytes: &[u8],
    mut at: usize,
    side: Side,
    out: &mut [LevelRecord],
) -> Option<Levels> {
    // Copies in registers: the guesses change while they are used.
    let mut guessed = *fields;
    let mut count = 0;
    let end = loop {
        let record = out.get_mut(count)?;
        let (level, behind) = level(&mut guessed, bytes, at, side)?;
        *record = level;
        count += 1;
        match behind {
            Behind::Level(next) => at = next,
            Behind::End(end) => break end,
        }
    };
    *fields = guessed;
    Some(Levels { count, end })
}

/// Scans the one level whose price begins at `at`.
#[inline(always)]
pub(crate) fn level(
    fields: &mut Fields,
    bytes: &[u8],
    at: usize,
    side: Side,
) -> Option<(LevelRecord, Behind)> {
    let form = fields.form;
    let (price, end) = fields.price.scan(bytes, at, form.is_quoted())?;
    let at = if form.is_quoted() {
        crate::expect(bytes, end, b"\",\"")?
    } else {
        crate::expect(bytes, end, b",")?
    };
    let (size, end) = fields.size.scan(bytes, at, form.is_quoted())?;
    let tail = word::word(bytes, end);
    let behind = if form == Form::Quoted && tail & NEXT_MASK == NEXT {
        Behind::Level(end + 5)
    } else if form == Form::Quoted && tail & LAST_MASK == LAST {
        Behind::End(end + 3)
    } else {
        scalar::behind(bytes, end, form)?
    };
    Some((LevelRecord::new(Price(price.cast_signed()), Size(size), side), behind))
}

/// `"],["`, behind a level that another one follows.
pub(crate) const NEXT: u64 = u64::from_le_bytes(*b"\"],[\"\0\0\0");
/// The bytes of [`NEXT`].
pub(crate) const NEXT_MASK: u64 = 0xFF_FFFF_FFFF;
/// `"]]`, behind the last level.
pub(crate) const LAST: u64 = u64::from_le_bytes(*b"\"]]\0\0\0\0\0");
/// The bytes of [`LAST`].
pub(crate) const LAST_MASK: u64 = 0xFF_FFFF;

/// Most digits before a point, and kept decimals, that one word of each can hold.
const WORD_KEPT_MAX: u32 = 8;

/// How the numbers of one field are turned into integers, and what the last one looked like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimals {
    /// Digits kept behind the point: minus the exponent, at most [`scalar::KEPT_MAX`].
    kept: u32,
    /// Numbers with fewer digits than this before the point are read here: 8, or 1 (no number) if
    /// the kept digits do not fit in a word.
    whole_end: usize,
    /// 10^kept.
    unit: u64,
    /// Bits of a word of digits that may be other than zero.
    kept_mask: u64,
    /// Digits behind the point in the last number: venues write a fixed count, so guessing it
    /// makes the address of what follows independent of the fraction.
    behind: usize,
    /// Bits of a word that hold `behind` digits.
    behind_mask: u64,
}

impl Decimals {
    /// For integers at `exponent`; `None` if it is positive or below `-KEPT_MAX`.
    pub(crate) fn new(exponent: i8) -> Option<Self> {
        let kept = u32::try_from(-i32::from(exponent)).ok()?;
        if kept > scalar::KEPT_MAX {
            return None;
        }
        let kept_bytes = kept.min(WORD_KEPT_MAX) as usize;
        // A guess, and never none: a point is followed by a digit.
        let behind = kept_bytes.max(1);
        Some(Self {
            kept,
            whole_end: if kept <= WORD_KEPT_MAX { 8 } else { 1 },
            unit: POW10[kept as usize],
            kept_mask: low_bytes(kept_bytes),
            behind,
            behind_mask: low_bytes(behind),
        })
    }

    /// Digits kept behind the point.
    pub(crate) const fn kept(&self) -> u32 {
        self.kept
    }

    /// The number that starts at `at` (behind the opening quote, if there are quotes) and the
    /// position of the byte behind it: what [`scalar::number`] finds.
    #[inline(always)]
    pub(crate) fn scan(&mut self, bytes: &[u8], at: usize, quoted: bool) -> Option<(u64, usize)> {
        let whole = word::word(bytes, at) ^ ZEROS;
        let count = word::first_stop(word::non_digits(whole));
        if count == 0 || count >= self.whole_end {
            return self.scan_slowly(bytes, at, quoted);
        }
        if !quoted && count > 1 && whole & 0xFF == 0 {
            return None;
        }
        // 1 <= count <= 7: shifts by 8 to 56.
        let stop = (whole >> (8 * count)).to_le_bytes()[0] ^ b'0';
        let point = at + count;
        let whole = word::number(whole << (64 - 8 * count));
        if stop != b'.' {
            return ends(stop, quoted).then_some((whole * self.unit, point));
        }
        let mut part = word::word(bytes, point + 1) ^ ZEROS;
        let mut end = point + 1 + self.behind;
        if word::non_digits(part) & self.behind_mask != 0 || !ends(byte_at(bytes, end), quoted) {
            // The fraction has another length than the last one had: learn it.
            let Some(behind) = other_shape(part) else {
                return self.scan_slowly(bytes, at, quoted);
            };
            end = point + 1 + behind;
            if !ends(byte_at(bytes, end), quoted) {
                return self.scan_slowly(bytes, at, quoted);
            }
            (self.behind, self.behind_mask) = (behind, low_bytes(behind));
        }
        part &= self.behind_mask;
        if part & !self.kept_mask != 0 {
            return None;
        }
        // With `kept` 0 the digits are all zero here, so the wrapped shift by 64 is harmless.
        let part = word::number(part.wrapping_shl(64 - 8 * self.kept));
        Some((whole * self.unit + part, end))
    }

    #[cold]
    fn scan_slowly(&self, bytes: &[u8], at: usize, quoted: bool) -> Option<(u64, usize)> {
        scalar::number(bytes, at, self.kept, quoted)
    }
}

/// The digits at the start of a word of digit values, if there are some.
#[inline(never)]
fn other_shape(part: u64) -> Option<usize> {
    let behind = word::first_stop(word::non_digits(part));
    (behind != 0).then_some(behind)
}

/// Whether a number may end with this byte.
#[inline(always)]
fn ends(byte: u8, quoted: bool) -> bool {
    if quoted { byte == b'"' } else { matches!(byte, b',' | b']' | b'}') }
}

/// A mask of the lowest `count` bytes, `count` at most 8.
const fn low_bytes(count: usize) -> u64 {
    match count {
        0 => 0,
        1..=7 => (1 << (8 * count)) - 1,
        _ => u64::MAX,
    }
}
