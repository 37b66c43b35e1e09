//! The best levels of a side, contiguous and best first, kept up to date message by message.
//!
//! While a message is applied, the ladder notes the keys it changed within the top. At the end of
//! the message each noted key is looked up once: its slot changes size, opens or closes. A message
//! that noted nothing costs nothing; one that noted many is cheaper to answer by walking the
//! ladder.
//!
//! # Guarantees
//!
//! - After [`Top::refresh`] the slots equal the first levels of the ladder.
//! - The range of changed slots covers every slot that differs from the last time it was asked
//!   for. A size that changed, or an insert and a delete that level out, leave the slots behind
//!   them out of it.
//!
//! # Invariants
//!
//! - Between messages the slots hold every level with a key up to `bound` (`i64::MAX`: every level
//!   of the side). So a key beyond `bound` cannot change them.

use core::ops::Range;

use tickbook_types::{Level, Price, Side, Size};

use crate::grid::Grid;
use crate::ladder::{Ladder, flip_of};

/// Noted keys that are kept; a power of two. More in one message and the top is walked anew.
const TOUCHED_MAX: usize = 64;

/// Noted keys up to which looking up each is cheaper than walking the ladder.
const LOOKED_UP_MAX: usize = 24;

/// Keys that changed within the top since it was last refreshed.
pub(crate) struct Touched {
    keys: [i64; TOUCHED_MAX],
    count: usize,
    bound: i64,
}

impl Touched {
    /// Greatest key that matters to the top.
    #[inline]
    pub(crate) fn bound(&self) -> i64 {
        self.bound
    }

    /// Notes `key` if `matters`: no branch on it.
    #[inline]
    pub(crate) fn note(&mut self, key: i64, matters: bool) {
        self.keys[self.count % TOUCHED_MAX] = key;
        self.count += usize::from(matters);
    }
}

/// The best levels of one side.
pub(crate) struct Top {
    side: Side,
    depth: usize,
    levels: Vec<Level>,
    pub(crate) touched: Touched,
    stale: bool,
    changed: Range<usize>,
}

impl Top {
    /// Empty, for `depth` levels.
    pub(crate) fn new(side: Side, depth: usize) -> Self {
        Self {
            side,
            depth,
            levels: Vec::with_capacity(depth + TOUCHED_MAX),
            touched: Touched { keys: [0; TOUCHED_MAX], count: 0, bound: i64::MAX },
            stale: false,
            changed: NOTHING,
        }
    }

    #[inline]
    pub(crate) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Whether the slots still equal the ladder, as far as the notes say.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.touched.count == 0 && !self.stale
    }

    /// Notes that a level at `key` came, went or changed.
    pub(crate) fn touch(&mut self, key: i64) {
        self.touched.note(key, key <= self.touched.bound);
    }

    /// Notes that anything may have changed, keys included.
    pub(crate) fn invalidate(&mut self) {
        self.stale = true;
    }

    /// The slots that changed since this was last called.
    pub(crate) fn take_changed(&mut self) -> Range<usize> {
        let changed = core::mem::replace(&mut self.changed, NOTHING);
        let end = changed.end.min(self.levels.len());
        changed.start.min(end)..end
    }

    /// Makes the slots equal to the ladder again; whether any changed.
    pub(crate) fn refresh(&mut self, ladder: &Ladder, grid: &Grid) -> bool {
        let len_before = self.levels.len();
        let changed = if self.stale || self.touched.count > LOOKED_UP_MAX {
            self.walk(ladder, grid)
        } else {
            self.look_up(ladder, grid)
        };
        self.touched.count = 0;
        self.stale = false;
        if changed.is_empty() && len_before == self.levels.len() {
            return false;
        }
        self.changed.start = self.changed.start.min(changed.start);
        self.changed.end = self.changed.end.max(changed.end);
        true
    }

    /// Takes the first levels of the ladder.
    fn walk(&mut self, ladder: &Ladder, grid: &Grid) -> Range<usize> {
        let flip = flip_of(self.side);
        let (mut changed, mut len, mut last) = (NOTHING, 0, i64::MAX);
        for (key, size) in ladder.iter_from(i64::MIN).take(self.depth) {
            let level = Level { price: Price(grid.price(key ^ flip)), size: Size(size) };
            match self.levels.get_mut(len) {
                Some(slot) if *slot == level => {}
                Some(slot) => {
                    *slot = level;
                    changed = changed.start.min(len)..len + 1;
                }
                None => {
                    self.levels.push(level);
                    changed = changed.start.min(len)..len + 1;
                }
            }
            (len, last) = (len + 1, key);
        }
        self.levels.truncate(len);
        self.touched.bound = if len < self.depth { i64::MAX } else { last };
        changed
    }

    /// Looks up each noted key.
    fn look_up(&mut self, ladder: &Ladder, grid: &Grid) -> Range<usize> {
        let flip = flip_of(self.side);
        let len_before = self.levels.len();
        let (mut first, mut end, mut furthest, mut moved) = (usize::MAX, 0, i64::MIN, false);
        for &key in &self.touched.keys[..self.touched.count] {
            let size = Size(ladder.size_at(key));
            let price = Price(grid.price(key ^ flip));
            let rank = price.0 ^ flip;
            let at = self.levels.partition_point(|level| level.price.0 ^ flip < rank);
            let held = self.levels.get(at).is_some_and(|level| level.price == price);
            match (held, size != Size::ZERO) {
                (true, true) if self.levels[at].size == size => continue,
                (true, true) => self.levels[at].size = size,
                (true, false) => {
                    self.levels.remove(at);
                    moved = true;
                }
                (false, true) => {
                    self.levels.insert(at, Level { price, size });
                    moved = true;
                }
                (false, false) => continue,
            }
            first = first.min(at);
            end = end.max(at + 1);
            furthest = furthest.max(rank);
        }
        if !moved {
            return first..end;
        }
        if self.levels.len() == len_before {
            // What came and what went level out: behind the furthest of them nothing moved.
            end = self.levels.partition_point(|level| level.price.0 ^ flip <= furthest);
        } else {
            self.fit(ladder, grid);
            end = self.levels.len();
        }
        first..end
    }

    /// Cuts the slots to the depth, or fills them up from the ladder.
    fn fit(&mut self, ladder: &Ladder, grid: &Grid) {
        let flip = flip_of(self.side);
        self.levels.truncate(self.depth);
        let mut last = self.levels.last().map(|level| {
            let tick = grid.tick(level.price.0);
            debug_assert!(tick.is_some(), "a level of the ladder is on its grid");
            tick.unwrap_or_default() ^ flip
        });
        if self.levels.len() < self.depth && self.touched.bound < i64::MAX {
            let missing = self.depth - self.levels.len();
            for (key, size) in ladder.iter_from(self.touched.bound + 1).take(missing) {
                self.levels.push(Level { price: Price(grid.price(key ^ flip)), size: Size(size) });
                last = Some(key);
            }
        }
        self.touched.bound = match last {
            Some(last) if self.levels.len() == self.depth => last,
            _ => i64::MAX,
        };
    }
}

/// No slot: the start is behind every slot, so that it never wins a minimum.
#[expect(clippy::reversed_empty_ranges, reason = "empty is what it is for")]
const NOTHING: Range<usize> = usize::MAX..0;
