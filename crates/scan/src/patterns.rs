//! Arrays of levels that are written as levels before were.
//!
//! # How it is done
//!
//! What stands around the two numbers of a level (brackets, quotes, keys, further fields) is the
//! same from level to level, but for digits: an id, a time, a count of orders. So a level that a
//! general reader took is kept as a [`Pattern`]: the bytes before, between and behind its numbers,
//! where each digit stands for any digit. Of a level that follows the pattern only the places of
//! its digits have to be found, whatever the names and fields around them are.
//!
//! # Guarantees
//!
//! - A level is taken only if it is a learned one with other digits: its price and size have
//!   other digits (as many as they like, up to 16 bytes a number), every other digit is a digit,
//!   and all other bytes are the same. What a reader found in the learned level, but for digits, it
//!   would find in this one.
//! - A level that follows no pattern is left to the caller, who reads it and has it learned.
//!
//! # Not guaranteed
//!
//! - That a level which follows a pattern is taken: without vectors of 32 bytes none is.

use core::ops::Range;

use tickbook_types::{LevelRecord, Side};

use crate::arch::Kernel;
use crate::decimal::Plain;

/// Patterns that are kept: few arrays have levels of more kinds.
const KEPT: usize = 4;

/// Bytes of a vector.
pub(crate) const CHUNK: usize = 32;

/// Vectors of the longest text behind a size, up to the next price.
pub(crate) const NEXT_CHUNKS: usize = 3;

/// Bytes from a price on in which the size has to end.
pub(crate) const WINDOW: usize = 64;

/// Bytes that may be read from a level's first one on.
const READ_MAX: usize = NEXT_CHUNKS * CHUNK + WINDOW + NEXT_CHUNKS * CHUNK;

/// Bytes that may be read before a level: the end of the one before.
const LEAD: usize = CHUNK;

/// Where the digits of a level's numbers stood.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C, align(4))]
pub struct Places {
    /// Digits of the price before and behind its point.
    pub price: [u8; 2],
    /// Digits of the size before and behind its point.
    pub size: [u8; 2],
}

impl Places {
    /// Those of two numbers.
    #[inline(always)]
    #[must_use]
    pub const fn of(price: Plain, size: Plain) -> Self {
        Self { price: [price.whole, price.part], size: [size.whole, size.part] }
    }
}

/// What the levels of an array are, as far as the caller's reading of them goes: a pattern that was
/// learned of one sort serves no other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sort {
    /// A number of the caller's for the grammar and the names.
    pub grammar: u8,
    /// The side of all levels of the array; `None` if each says its own.
    pub side: Option<Side>,
}

/// A level that a general reader took, without blanks in it, and with two plain numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// The bytes of the level.
    pub level: Range<usize>,
    /// The digits of the price, with their point.
    pub price: Range<usize>,
    /// The digits of the size.
    pub size: Range<usize>,
    /// The side, where the level says it.
    pub side: Option<Side>,
}

/// What [`Patterns::levels`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    /// Levels written.
    pub count: usize,
    /// The position of the next level; behind the array's bracket, if it ended.
    pub at: usize,
    /// Whether the array ended.
    pub ended: bool,
    /// Whether there was no place left to write to.
    pub full: bool,
}

/// The patterns of the last levels.
#[derive(Clone, Debug)]
pub struct Patterns {
    list: [Pattern; KEPT],
    /// Those that were learned.
    count: usize,
    /// The place of the next one that is learned.
    oldest: usize,
    /// The one that the last level followed.
    current: usize,
    /// Whether this processor can follow them.
    serves: bool,
}

/// What stands around the numbers of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Pattern {
    /// Between price and size.
    pub(crate) between: Literal<1>,
    /// Behind the size, a comma, and before the next price.
    pub(crate) next: Literal<NEXT_CHUNKS>,
    pub(crate) between_len: usize,
    pub(crate) next_len: usize,
    /// Vectors that hold `next`.
    pub(crate) chunks: usize,
    /// Bytes of `next` before its comma, fewer than [`CHUNK`].
    pub(crate) tail_len: usize,
    /// Bytes of `next` behind its comma.
    pub(crate) head_len: usize,
    grammar: u8,
    /// The side that the level says, if it says one.
    side: Option<Side>,
}

/// A text of which only the digits may vary.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Literal<const N: usize> {
    /// The lowest byte that may stand at each place.
    pub(crate) low: [[u8; CHUNK]; N],
    /// How far the byte may be above.
    pub(crate) range: [[u8; CHUNK]; N],
}

impl<const N: usize> Literal<N> {
    const ANY: Self = Self { low: [[0; CHUNK]; N], range: [[0xFF; CHUNK]; N] };

    /// Writes `text` at `at`; there must be room.
    fn put(&mut self, at: usize, text: &[u8]) {
        let places = self.low.as_flattened_mut().iter_mut().zip(self.range.as_flattened_mut());
        for ((low, range), byte) in places.skip(at).zip(text) {
            (*low, *range) = if byte.is_ascii_digit() { (b'0', 9) } else { (*byte, 0) };
        }
    }
}

impl Pattern {
    const NONE: Self = Self {
        between: Literal::ANY,
        next: Literal::ANY,
        between_len: 0,
        next_len: 0,
        chunks: 0,
        tail_len: 0,
        head_len: 0,
        grammar: 0,
        side: None,
    };

    /// Of a level in `bytes`; `None` if it is too long, or has blanks.
    fn of(bytes: &[u8], example: &Example) -> Option<Self> {
        let Example { level, price, size, .. } = example;
        let head = bytes.get(level.start..price.start)?;
        let between = bytes.get(price.end..size.start)?;
        let tail = bytes.get(size.end..level.end)?;
        let begins = |text: &[u8]| matches!(text.last(), Some(b'"' | b'[' | b',' | b':'));
        let ends = |text: &[u8]| matches!(text.first(), Some(b'"' | b',' | b']' | b'}'));
        let next_len = tail.len() + 1 + head.len();
        let fits = between.len() <= CHUNK && tail.len() < CHUNK && next_len <= NEXT_CHUNKS * CHUNK;
        let closed = begins(head) && ends(between) && begins(between) && ends(tail);
        let blank = |text: &[u8]| text.iter().any(|byte| *byte <= b' ');
        if !fits || !closed || blank(head) || blank(between) || blank(tail) {
            return None;
        }
        let mut pattern = Self {
            between_len: between.len(),
            next_len,
            chunks: next_len.div_ceil(CHUNK),
            tail_len: tail.len(),
            head_len: head.len(),
            ..Self::NONE
        };
        pattern.between.put(0, between);
        pattern.next.put(0, tail);
        pattern.next.put(tail.len(), b",");
        pattern.next.put(tail.len() + 1, head);
        Some(pattern)
    }

    /// Bytes that may be read from a level's first one on.
    #[inline(always)]
    pub(crate) const fn reads(&self) -> usize {
        self.head_len + WINDOW + self.chunks * CHUNK
    }
}

/// Why following a pattern ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The array ended before this position.
    Ended(usize),
    /// The level here does not follow the pattern.
    Other(usize),
    /// The level here stands too near to the end of the slice.
    Room(usize),
    /// There is no place for the level here.
    Full(usize),
}

impl Default for Patterns {
    fn default() -> Self {
        Self::new()
    }
}

impl Patterns {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let serves = Kernel::Avx2.is_available();
        Self { list: [Pattern::NONE; KEPT], count: 0, oldest: 0, current: 0, serves }
    }

    /// Takes the levels from `at` on, where one begins, as long as they follow patterns of a sort.
    ///
    /// Digits go to `out` as integers without their points, and where the points stood to `places`.
    #[inline]
    #[must_use]
    pub fn levels(
        &mut self,
        bytes: &[u8],
        at: usize,
        sort: Sort,
        out: &mut [LevelRecord],
        places: &mut [Places],
    ) -> Found {
        if self.count == 0 {
            return Found { count: 0, at, ended: false, full: false };
        }
        self.follow(bytes, at, sort, out, places)
    }

    fn follow(
        &mut self,
        bytes: &[u8],
        at: usize,
        sort: Sort,
        out: &mut [LevelRecord],
        places: &mut [Places],
    ) -> Found {
        let (mut count, stop) = self.scan(bytes, at, sort, out, places);
        let found = |count, stop| match stop {
            Stop::Ended(at) => Found { count, at, ended: true, full: false },
            Stop::Other(at) | Stop::Room(at) => Found { count, at, ended: false, full: false },
            Stop::Full(at) => Found { count, at, ended: false, full: true },
        };
        let Stop::Room(at) = stop else { return found(count, stop) };
        // The end of the slice once more, with room behind it.
        let from = at.saturating_sub(LEAD);
        let mut room = [0; LEAD + READ_MAX + READ_MAX];
        let rest = bytes.get(from..).unwrap_or_default();
        let (Some(copy), Some(out), Some(places)) =
            (room.get_mut(..rest.len()), out.get_mut(count..), places.get_mut(count..))
        else {
            return found(count, stop);
        };
        copy.copy_from_slice(rest);
        let (more, stop) = self.scan(&room, at - from, sort, out, places);
        count += more;
        let mut found = found(count, stop);
        found.at += from;
        found
    }

    /// Takes levels by whatever patterns they follow.
    fn scan(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        sort: Sort,
        out: &mut [LevelRecord],
        places: &mut [Places],
    ) -> (usize, Stop) {
        let (mut count, mut tries) = (0, 0);
        while tries < self.count {
            if let Some(pattern) = self.list.get(self.current)
                && pattern.grammar == sort.grammar
                && let Some(side) = sort.side.or(pattern.side)
                && let (Some(out), Some(places)) = (out.get_mut(count..), places.get_mut(count..))
            {
                let (more, stop) = run(pattern, side, bytes, at, out, places);
                count += more;
                let Stop::Other(next) = stop else { return (count, stop) };
                if more > 0 {
                    (at, tries) = (next, 0);
                }
            }
            tries += 1;
            if tries < self.count {
                self.current = if self.current + 1 < self.count { self.current + 1 } else { 0 };
            }
        }
        (count, Stop::Other(at))
    }

    /// Keeps what stands around the numbers of a level of an array of a sort. If it is the last
    /// one of its array, it displaces no other one.
    pub fn learn(&mut self, bytes: &[u8], example: &Example, sort: Sort, is_last: bool) {
        if !self.serves || (is_last && self.count == KEPT) {
            return;
        }
        let Some(pattern) = Pattern::of(bytes, example) else { return };
        let pattern = Pattern { grammar: sort.grammar, side: example.side, ..pattern };
        if self.list.iter().take(self.count).any(|it| *it == pattern) {
            return;
        }
        if let Some(place) = self.list.get_mut(self.oldest) {
            *place = pattern;
            self.current = self.oldest;
            self.oldest = (self.oldest + 1) % KEPT;
            self.count = KEPT.min(self.count + 1);
        }
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        (self.count, self.oldest, self.current) = (0, 0, 0);
    }
}

#[inline(always)]
fn run(
    pattern: &Pattern,
    side: Side,
    bytes: &[u8],
    at: usize,
    out: &mut [LevelRecord],
    places: &mut [Places],
) -> (usize, Stop) {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the processor has what `rows::run` is compiled for, because `Patterns::learn`
        // makes no pattern unless `Kernel::is_available` said so.
        unsafe { crate::arch::avx2::rows::run(pattern, side, bytes, at, out, places) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (pattern, side, bytes, out, places);
        (0, Stop::Other(at))
    }
}
