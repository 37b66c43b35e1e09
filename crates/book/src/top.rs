//! The best levels of a side, contiguous and best first, kept up to date message by message.
//!
//! While a message is applied, the ladder notes the records that changed a level within the top.
//! At the end of the message the size at each noted price is looked up: its slot changes size,
//! opens or closes. A message that noted nothing costs nothing; for one that noted many, walking
//! the ladder is cheaper.
//!
//! Some more levels than asked for are kept behind the published ones, so that deletes seldom make
//! the ladder be searched for what follows.
//!
//! # Guarantees
//!
//! - After [`Top::walk`] or [`Top::fit`] the slots equal the first levels of the ladder.
//! - The range of changed slots covers every slot that differs from the last time it was asked
//!   for. A size that changed, or an insert and a delete that level out, leave the slots behind
//!   them out of it.
//!
//! # Invariants
//!
//! - Between messages `levels` holds every level with a key up to `bound` (`i64::MAX`: every level
//!   of the side) and at least `depth` of them, or all. So a key beyond `bound` cannot change the
//!   top.

use core::ops::Range;

use tickbook_types::{Level, LevelRecord, Price, Side, Size};

use crate::grid::Grid;
use crate::ladder::{Ladder, flip_of};

/// Noted records that are kept; a power of two. More in one message and the tops are walked anew.
const NOTES_MAX: usize = 64;

/// Notes up to which looking up each is cheaper than walking both ladders.
const LOOKED_UP_MAX: usize = 12;

/// Levels kept behind the published ones after a walk, and at most after a message. Few: changes of
/// spare levels have to be looked up as well; 8 and 24 cost a tenth more on real messages.
const SPARE: usize = 4;
const SPARE_MAX: usize = 12;

/// Records that changed a level within a top since the tops were last refreshed.
pub(crate) struct Notes {
    records: [LevelRecord; NOTES_MAX],
    count: usize,
}

impl Notes {
    pub(crate) const NONE: Self =
        Self { records: [LevelRecord::from_words(0, 0); NOTES_MAX], count: 0 };

    /// Keeps `record` if it `matters`.
    pub(crate) fn note(&mut self, record: LevelRecord, matters: bool) {
        let mut open = self.open();
        open.note(record, matters);
        open.close();
    }

    /// For many notes in a row: keeps the count in a register.
    #[inline]
    pub(crate) fn open(&mut self) -> OpenNotes<'_> {
        OpenNotes { records: &mut self.records, count: self.count, closed: &mut self.count }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records; `None` if they are too many to be looked up one by one.
    #[inline]
    pub(crate) fn records(&self) -> Option<&[LevelRecord]> {
        (self.count <= LOOKED_UP_MAX).then(|| &self.records[..self.count])
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }
}

/// Notes being taken; they count once closed.
pub(crate) struct OpenNotes<'a> {
    records: &'a mut [LevelRecord; NOTES_MAX],
    count: usize,
    closed: &'a mut usize,
}

impl OpenNotes<'_> {
    /// Keeps `record` if it `matters`: no branch on it.
    #[inline]
    pub(crate) fn note(&mut self, record: LevelRecord, matters: bool) {
        self.records[self.count % NOTES_MAX] = record;
        self.count += usize::from(matters);
    }

    #[inline]
    pub(crate) fn close(self) {
        *self.closed = self.count;
    }
}

/// The best levels of one side.
pub(crate) struct Top {
    flip: i64,
    depth: usize,
    bound: i64,
    stale: bool,
    /// The published levels and spare ones behind them.
    levels: Vec<Level>,
    changed: Range<usize>,
    /// What the message under way changed.
    patch: Patch,
}

/// What lookups changed in the slots.
struct Patch {
    /// First slot that is different.
    first: usize,
    /// Behind the last slot with another size, if none opened or closed.
    end: usize,
    /// Furthest price, in ascending order, of what changed.
    furthest: i64,
    /// Slots opened and closed.
    moved: bool,
    len_before: usize,
    /// Slot of the last lookup.
    cursor: usize,
}

impl Patch {
    const NONE: Self = Self {
        first: usize::MAX,
        end: 0,
        furthest: i64::MIN,
        moved: false,
        len_before: 0,
        cursor: 0,
    };
}

impl Top {
    /// Empty, for `depth` levels.
    pub(crate) fn new(side: Side, depth: usize) -> Self {
        Self {
            flip: flip_of(side),
            depth,
            bound: i64::MAX,
            stale: false,
            levels: Vec::with_capacity(depth + SPARE_MAX + NOTES_MAX),
            changed: NOTHING,
            patch: Patch::NONE,
        }
    }

    #[inline]
    pub(crate) fn levels(&self) -> &[Level] {
        &self.levels[..self.levels.len().min(self.depth)]
    }

    /// The first `depth` levels of the side, or all if it has fewer; `None` if that is more than is
    /// kept here.
    #[inline]
    pub(crate) fn first_levels(&self, depth: usize) -> Option<&[Level]> {
        let len = self.levels.len();
        (len >= depth || self.bound == i64::MAX).then(|| &self.levels[..len.min(depth)])
    }

    /// Greatest key that matters to the top.
    #[inline]
    pub(crate) fn bound(&self) -> i64 {
        self.bound
    }

    /// Whether anything may have changed, keys included.
    #[inline]
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(crate) fn invalidate(&mut self) {
        self.stale = true;
    }

    /// The slots that changed since this was last called.
    pub(crate) fn take_changed(&mut self) -> Range<usize> {
        let changed = core::mem::replace(&mut self.changed, NOTHING);
        let end = changed.end.min(self.levels().len());
        changed.start.min(end)..end
    }

    /// Takes the first levels of the ladder; whether a published slot changed.
    pub(crate) fn walk(&mut self, ladder: &Ladder, grid: &Grid) -> bool {
        let len_before = self.levels().len();
        let (mut changed, mut len, mut last) = (NOTHING, 0, i64::MAX);
        ladder.for_first(self.depth + SPARE, |key, size| {
            let level = Level { price: Price(grid.price(key ^ self.flip)), size: Size(size) };
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
        });
        self.levels.truncate(len);
        self.bound = if len < self.depth + SPARE { i64::MAX } else { last };
        self.stale = false;
        self.patch = Patch::NONE;
        self.report(changed, len_before)
    }

    /// Brings the slot of `price` to `size`, the size the ladder has for it.
    #[inline]
    pub(crate) fn look_up(&mut self, price: Price, size: Size) {
        let rank = price.0 ^ self.flip;
        let at = self.position(rank);
        self.patch.cursor = at;
        let held = self.levels.get(at).is_some_and(|level| level.price == price);
        if self.patch.first == usize::MAX {
            self.patch.len_before = self.levels.len();
        }
        match (held, size != Size::ZERO) {
            (true, true) if self.levels[at].size == size => return,
            (true, true) => self.levels[at].size = size,
            (true, false) => {
                self.levels.remove(at);
                self.patch.moved = true;
            }
            (false, true) => {
                self.levels.insert(at, Level { price, size });
                self.patch.moved = true;
            }
            (false, false) => return,
        }
        self.patch.first = self.patch.first.min(at);
        self.patch.end = self.patch.end.max(at + 1);
        self.patch.furthest = self.patch.furthest.max(rank);
    }

    /// Ends the lookups of a message; whether a published slot changed.
    pub(crate) fn fit(&mut self, ladder: &Ladder, grid: &Grid) -> bool {
        let patch = core::mem::replace(&mut self.patch, Patch::NONE);
        if patch.first == usize::MAX {
            return false;
        }
        let (len, mut end) = (self.levels.len(), patch.end);
        if patch.moved {
            // If what came and what went level out, nothing behind the furthest of them moved.
            end = if len == patch.len_before { self.position_behind(patch.furthest) } else { len };
            if len < self.depth && self.bound < i64::MAX {
                self.fill(ladder, grid);
                end = self.levels.len();
            } else if len > self.depth + SPARE_MAX {
                self.levels.truncate(self.depth + SPARE);
                self.bound = self.last_key(grid);
            }
        }
        self.report(patch.first..end.min(self.depth), patch.len_before.min(self.depth))
    }

    /// Fills up from the ladder.
    fn fill(&mut self, ladder: &Ladder, grid: &Grid) {
        let missing = self.depth + SPARE - self.levels.len();
        for (key, size) in ladder.iter_from(self.bound + 1).take(missing) {
            self.levels.push(Level { price: Price(grid.price(key ^ self.flip)), size: Size(size) });
        }
        let all = self.levels.len() < self.depth + SPARE;
        self.bound = if all { i64::MAX } else { self.last_key(grid) };
    }

    /// Adds the `changed` slots to those that are to be asked for; whether one is published.
    fn report(&mut self, changed: Range<usize>, len_before: usize) -> bool {
        let len = self.levels().len();
        if len == len_before && (changed.is_empty() || changed.start >= self.depth) {
            return false;
        }
        self.changed.start = self.changed.start.min(changed.start);
        self.changed.end = self.changed.end.max(changed.end.min(len));
        true
    }

    fn last_key(&self, grid: &Grid) -> i64 {
        let tick = self.levels.last().and_then(|level| grid.tick(level.price.0));
        debug_assert!(tick.is_some(), "the top holds levels of the ladder");
        tick.map_or(i64::MAX, |tick| tick ^ self.flip)
    }

    /// How many levels are before `rank`.
    ///
    /// Venues list a side from the touch on, so the search goes on where the last one ended. A
    /// linear search over so few levels beats a binary one, whose every step waits for the last.
    #[inline]
    fn position(&self, rank: i64) -> usize {
        let before = |level: &&Level| (level.price.0 ^ self.flip) < rank;
        let from = self.patch.cursor;
        let behind = from.checked_sub(1).and_then(|last| self.levels.get(last));
        let start = if behind.as_ref().is_some_and(before) { from } else { 0 };
        start + self.levels[start..].iter().take_while(before).count()
    }

    /// How many levels are before or at `rank`.
    fn position_behind(&self, rank: i64) -> usize {
        let at = self.position(rank);
        at + usize::from(self.levels.get(at).is_some_and(|level| level.price.0 ^ self.flip == rank))
    }
}

/// No slot: the start is behind every slot, so that it never wins a minimum.
#[expect(clippy::reversed_empty_ranges, reason = "empty is what it is for")]
const NOTHING: Range<usize> = usize::MAX..0;
