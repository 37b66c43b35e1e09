//! One side of a book: an array of sizes around the touch, and an ordered overflow behind it.
//!
//! A level's *key* is its tick number, on the bid side with its bits inverted (`!tick`, which maps
//! the whole of `i64` onto itself backwards). So on both sides a smaller key is a better price and
//! the index grows away from the touch; one code path serves both.
//!
//! The window holds the keys `base .. base + slots`. The size at a key lives in slot `key & mask`,
//! so when the window moves, a key that stays within it stays in its slot: only levels that leave
//! or enter are touched.
//!
//! # Guarantees
//!
//! - No level is ever dropped, and no key from `i64::MIN` to `i64::MAX` indexes out of range.
//! - The hot loop has no division, no branch on whether a level was or is there, and allocates
//!   nothing.
//! - The window's memory is zero pages until a level comes to them.
//!
//! # Invariants
//!
//! - Every key in the overflow is at or behind the end of the window.
//! - A slot's bit is set exactly when its size is not zero; `in_window` counts them.
//! - `base + slots - 1` does not exceed `i64::MAX`.

use tickbook_types::{LevelRecord, Side};

use crate::BookError;
use crate::bitmap::Bitmap;
use crate::grid::Grid;
use crate::overflow::Overflow;
use crate::top::{Note, Notes, OpenNotes};

/// What maps prices of `side` to ascending order: XOR with it is the identity for asks and `!` for
/// bids.
#[inline]
pub(crate) const fn flip_of(side: Side) -> i64 {
    match side {
        Side::Ask => 0,
        Side::Bid => -1,
    }
}

/// Slots of a page of 4 KiB.
const PAGE_SLOTS: usize = 4096 / size_of::<u64>();

/// Counts deletes of absent levels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally(pub(crate) u32);

impl Tally {
    /// One record that set a level from size `old` to size `new`.
    #[inline]
    pub(crate) fn count(&mut self, old: u64, new: u64) {
        self.0 += u32::from(old | new == 0);
    }
}

/// Applies records up to the first that is off the grid or outside its window; gives how many it
/// applied. `UNIT`: the step of `grid` is 1.
#[inline]
pub(crate) fn apply_run<const UNIT: bool>(
    ladders: [&mut Ladder; 2],
    grid: &Grid,
    records: &[LevelRecord],
    notes: &mut Notes,
    tally: &mut Tally,
) -> usize {
    let mut run = *tally;
    let mut kept = notes.open();
    let mut rest = records;
    // Venues list one side behind the other, so there are two runs of a side, seldom more.
    while let Some(first) = rest.first() {
        let side = first.side();
        let ladder = &mut *ladders[side as usize];
        let taken = ladder.apply_side::<UNIT>(side, grid, rest, &mut kept, &mut run);
        if taken == 0 {
            break;
        }
        rest = &rest[taken..];
    }
    kept.close();
    *tally = run;
    records.len() - rest.len()
}

/// An ordered map from keys to sizes above zero.
pub(crate) struct Ladder {
    base: i64,
    /// Greatest key whose changes the hot loop notes for the top.
    pub(crate) note_bound: i64,
    sizes: Vec<u64>,
    in_window: usize,
    bits: Bitmap,
    overflow: Overflow,
    moves: u64,
}

impl Ladder {
    /// Empty, with a window of `slots` keys and room for `overflow` levels behind it.
    pub(crate) fn new(slots: usize, overflow: usize) -> Self {
        Self {
            base: 0,
            note_bound: i64::MAX,
            // All zero, so the allocator takes untouched zero pages for it.
            sizes: vec![0; slots],
            bits: Bitmap::new(slots),
            in_window: 0,
            overflow: Overflow::new(overflow),
            moves: 0,
        }
    }

    /// Keys of the window.
    pub(crate) fn slots(&self) -> usize {
        self.sizes.len()
    }

    /// As it was when it was made.
    pub(crate) fn renew(&mut self) {
        self.clear();
        self.base = 0;
        self.note_bound = i64::MAX;
        self.moves = 0;
        self.overflow.renew();
    }

    /// Touches every page of the window; of one that has levels, none.
    pub(crate) fn warm(&mut self) {
        if self.in_window > 0 {
            return;
        }
        // What is there already, which the compiler must not know: it would leave the store out. To
        // load it first would be a fault more.
        for page in self.sizes.chunks_mut(PAGE_SLOTS) {
            page[0] = core::hint::black_box(0);
        }
        self.bits.warm();
    }

    /// Applies records up to the first that is of the other side, off the grid or outside the
    /// window; gives how many it applied.
    #[inline]
    fn apply_side<const UNIT: bool>(
        &mut self,
        side: Side,
        grid: &Grid,
        records: &[LevelRecord],
        kept: &mut OpenNotes<'_>,
        tally: &mut Tally,
    ) -> usize {
        let (base, bound, flip) = (self.base, self.note_bound, flip_of(side));
        let sizes = self.sizes.as_mut_slice();
        let mut bits = self.bits.open();
        let mut in_window = self.in_window;
        let mut run = *tally;
        let mut taken = records.len();
        for (n, &record) in records.iter().enumerate() {
            let price = record.price().0;
            let tick = if UNIT { Some(price) } else { grid.tick(price) };
            let key = tick.unwrap_or_default() ^ flip;
            let inside = key.wrapping_sub(base).cast_unsigned() < sizes.len() as u64;
            if record.side() != side || tick.is_none() || !inside {
                taken = n;
                break;
            }
            let new = record.size().0;
            let slot = slot_of(key, sizes.len() - 1);
            let old = core::mem::replace(&mut sizes[slot], new);
            // Nothing here branches on whether a level was or is there.
            bits.flip(slot, u64::from((old != 0) != (new != 0)));
            in_window = in_window + usize::from(new != 0) - usize::from(old != 0);
            run.count(old, new);
            kept.note(Note::new(key, record), (key <= bound) & (old != new));
        }
        self.in_window = in_window;
        *tally = run;
        taken
    }

    /// The smallest key of the window.
    #[inline]
    pub(crate) const fn base(&self) -> i64 {
        self.base
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.in_window + self.overflow.len()
    }

    /// Levels outside the window.
    pub(crate) fn far_len(&self) -> usize {
        self.overflow.len()
    }

    /// How often the window moved while levels were there.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// How often the overflow outgrew its storage.
    pub(crate) fn growths(&self) -> u64 {
        self.overflow.growths()
    }

    /// The size at `key`, 0 if there is none.
    #[inline]
    pub(crate) fn size_at(&self, key: i64) -> u64 {
        if self.is_in_window(key) { self.sizes[self.slot(key)] } else { self.overflow.size_at(key) }
    }

    /// Sets the size at any key, 0 to remove it, and moves the window if the key is better than
    /// all in it; gives the size that was there.
    ///
    /// # Errors
    ///
    /// [`BookError::Overflow`] if it would be one level more than `limit`, outside the window.
    #[cold]
    pub(crate) fn set(&mut self, key: i64, size: u64, limit: usize) -> Result<u64, BookError> {
        if size != 0 && !self.is_in_window(key) && (self.len() == 0 || key < self.base) {
            self.place(key);
        }
        if self.is_in_window(key) {
            return Ok(self.set_in_window(key, size));
        }
        if size != 0 && self.len() >= limit && self.overflow.size_at(key) == 0 {
            return Err(BookError::Overflow);
        }
        Ok(self.overflow.set(key, size))
    }

    /// The level with the smallest key.
    #[inline]
    pub(crate) fn first(&self) -> Option<(i64, u64)> {
        match self.next_offset(0) {
            Some(offset) => Some(self.at_offset(offset)),
            None => self.overflow.first(),
        }
    }

    /// The level with the greatest key.
    pub(crate) fn last(&self) -> Option<(i64, u64)> {
        self.overflow.last().or_else(|| self.last_offset().map(|offset| self.at_offset(offset)))
    }

    /// The levels with keys from `from` on, ascending.
    pub(crate) fn iter_from(&self, from: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        let mut offset = if from <= self.base { 0 } else { self.offset(from) };
        let near = core::iter::from_fn(move || {
            let found = self.next_offset(offset)?;
            offset = found + 1;
            Some(self.at_offset(found))
        });
        near.chain(self.overflow.iter_from(from))
    }

    /// Calls `each` with key and size of the first levels, `count` at most: as
    /// [`Self::iter_from`], but without a search for each.
    #[inline]
    pub(crate) fn for_first(&self, count: usize, mut each: impl FnMut(i64, u64)) {
        let near = count.min(self.in_window);
        let start = self.slot(self.base);
        self.bits.for_next(start, near, |slot| {
            let key = self.base.wrapping_add_unsigned(self.offset_of_slot(slot));
            each(key, self.sizes[slot]);
        });
        if near < count {
            self.overflow.iter_from(i64::MIN).take(count - near).for_each(|(k, s)| each(k, s));
        }
    }

    /// Moves the window if `best`, the smallest key there is, has gone far into it or out of it.
    ///
    /// The window is placed with the best a quarter into it. It moves down when a level comes in
    /// front of it and up when the best passes its middle: a best that wanders by less than a
    /// quarter of the window never moves it.
    #[inline]
    pub(crate) fn follow(&mut self, best: i64) {
        if self.offset(best) > self.sizes.len() as u64 / 2 {
            self.place(best);
        }
    }

    /// Removes the level with the greatest key and gives the key.
    pub(crate) fn remove_last(&mut self) -> Option<i64> {
        let (key, _) = self.last()?;
        if self.is_in_window(key) {
            self.set_in_window(key, 0);
        } else {
            self.overflow.set(key, 0);
        }
        Some(key)
    }

    /// Removes every level; visits only occupied slots.
    pub(crate) fn clear(&mut self) {
        self.overflow.clear();
        let mut offset = 0;
        while self.in_window > 0 {
            let Some(found) = self.next_offset(offset) else { break };
            self.set_in_window(self.at_offset(found).0, 0);
            offset = found + 1;
        }
        assert_eq!(self.in_window, 0, "every level in the window has its bit");
    }

    /// Replaces every key by `map` of it, which must keep their order, and places the window anew.
    pub(crate) fn map_keys(&mut self, map: impl Fn(i64) -> i64) {
        while let Some(offset) = self.last_offset() {
            self.spill(offset);
        }
        self.overflow.map_keys(map);
        if let Some((best, _)) = self.overflow.first() {
            self.base = self.base_for(best);
            self.pull();
        }
    }

    /// Replaces every size by `map` of it, which must not be zero.
    pub(crate) fn map_sizes(&mut self, map: impl Fn(u64) -> u64) {
        let mut offset = 0;
        while let Some(found) = self.next_offset(offset) {
            let slot = self.slot(self.at_offset(found).0);
            self.sizes[slot] = map(self.sizes[slot]);
            offset = found + 1;
        }
        self.overflow.map_sizes(map);
    }

    /// Moves the window so that `best`, which no key is below, lies a quarter into it.
    #[cold]
    fn place(&mut self, best: i64) {
        let base = self.base_for(best);
        if base == self.base {
            return;
        }
        self.moves += u64::from(self.len() > 0);
        // What leaves behind the end. Nothing leaves at the front: no key is below `best`.
        while let Some(offset) = self.last_offset() {
            let key = self.at_offset(offset).0;
            if key.wrapping_sub(base).cast_unsigned() < self.sizes.len() as u64 {
                break;
            }
            debug_assert!(key > base);
            self.spill(offset);
        }
        self.base = base;
        self.pull();
    }

    /// The base that puts `best` a quarter into the window.
    fn base_for(&self, best: i64) -> i64 {
        let slots = self.sizes.len().cast_signed() as i64;
        best.saturating_sub(slots / 4).min(i64::MAX - (slots - 1))
    }

    /// Moves the levels of the overflow that are in the window to it.
    fn pull(&mut self) {
        while let Some((key, size)) = self.overflow.first() {
            if !self.is_in_window(key) {
                break;
            }
            self.overflow.set(key, 0);
            self.set_in_window(key, size);
        }
    }

    /// Moves the level at `offset`, the last in the window, to the overflow.
    fn spill(&mut self, offset: u64) {
        let (key, size) = self.at_offset(offset);
        self.set_in_window(key, 0);
        self.overflow.set(key, size);
    }

    fn set_in_window(&mut self, key: i64, size: u64) -> u64 {
        assert!(self.is_in_window(key), "the caller has looked");
        self.swap(key, size)
    }

    /// Sets the size at a key within the window, 0 to remove it; gives the size that was there.
    fn swap(&mut self, key: i64, size: u64) -> u64 {
        let slot = self.slot(key);
        let old = core::mem::replace(&mut self.sizes[slot], size);
        self.bits.open().flip(slot, u64::from((old != 0) != (size != 0)));
        self.in_window = self.in_window + usize::from(size != 0) - usize::from(old != 0);
        old
    }

    #[inline]
    fn offset(&self, key: i64) -> u64 {
        key.wrapping_sub(self.base).cast_unsigned()
    }

    #[inline]
    fn is_in_window(&self, key: i64) -> bool {
        self.offset(key) < self.sizes.len() as u64
    }

    #[inline]
    fn slot(&self, key: i64) -> usize {
        slot_of(key, self.sizes.len() - 1)
    }

    /// Key and size at an offset from `base` that is within the window.
    #[inline]
    fn at_offset(&self, offset: u64) -> (i64, u64) {
        let key = self.base.wrapping_add_unsigned(offset);
        (key, self.sizes[self.slot(key)])
    }

    /// Offset of the first level at or behind `offset`.
    ///
    /// Slots behind the end of the array go on at its start: what is found there belongs to the
    /// window's far part, or, if its offset is below the one asked for, to its near part.
    #[inline]
    fn next_offset(&self, offset: u64) -> Option<u64> {
        let from = self.slot(self.base.wrapping_add_unsigned(offset));
        let slot = self.bits.next(from).or_else(|| self.bits.next(0))?;
        let found = self.offset_of_slot(slot);
        (found >= offset).then_some(found)
    }

    /// Offset of the last level in the window.
    fn last_offset(&self) -> Option<u64> {
        let mask = self.sizes.len() - 1;
        let end = self.slot(self.base).wrapping_sub(1) & mask;
        let slot = self.bits.prev(end).or_else(|| self.bits.prev(mask))?;
        Some(self.offset_of_slot(slot))
    }

    #[inline]
    fn offset_of_slot(&self, slot: usize) -> u64 {
        (slot.wrapping_sub(self.slot(self.base)) & (self.sizes.len() - 1)) as u64
    }
}

/// The slot of a key: its low bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the bits of the mask are wanted")]
const fn slot_of(key: i64, mask: usize) -> usize {
    key.cast_unsigned() as usize & mask
}
