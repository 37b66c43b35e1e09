//! The best levels of a side, contiguous and best first, kept up to date message by message.
//!
//! While a message is applied, the ladder notes the keys of levels that changed within the top. At
//! the end of the message the size at each noted key is looked up: its slot changes size, opens or
//! closes. A message that noted nothing costs nothing; for one that noted many, walking the ladder
//! is cheaper.
//!
//! A slot is searched by comparing all keys and counting, which no branch predictor can get wrong.
//! For that the keys stand once more, in 32 bits, as offsets from an anchor.
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
//! - Unless the top is stale, every level of it, and every key of the ladder's window, is within
//!   [`OFFSET_MAX`] and a window of the anchor.

use core::ops::Range;

use tickbook_types::{Level, LevelRecord, Price, Side, Size};

use crate::grid::Grid;
use crate::ladder::{Ladder, flip_of};

/// Notes that are kept; a power of two. More in one message and the tops are walked anew.
const NOTES_MAX: usize = 64;

/// Notes up to which looking up each is cheaper than walking both ladders.
const LOOKED_UP_MAX: usize = 12;

/// Levels kept behind the published ones after a walk, and at most after a message. Few: changes of
/// spare levels have to be looked up as well; 8 and 24 cost a tenth more on real messages.
const SPARE: usize = 4;
const SPARE_MAX: usize = 12;

/// Offsets that are compared in one round; the room for levels is a multiple of it. Four vectors,
/// so that 32 published levels take three rounds: of rounds of one vector, half is the loop.
const LANES: usize = 16;

/// Levels that one move of a fixed length takes along. A move of so many, needed or not, costs less
/// than a mispredicted choice among the ways to move a few.
const MOVED: usize = 32;

/// The offset of a slot without a level.
const VACANT: i32 = i32::MAX;

/// Furthest that a level of the top may lie from the anchor; with the slots of a window on top of
/// it, still below [`VACANT`].
const OFFSET_MAX: i64 = 1 << 30;

/// A key whose level changed within a top, and its side.
#[derive(Clone, Copy)]
pub(crate) struct Note(LevelRecord);

impl Note {
    #[inline]
    pub(crate) fn new(key: i64, record: LevelRecord) -> Self {
        Self(LevelRecord::from_words(key, record.words().1))
    }

    #[inline]
    pub(crate) fn key(self) -> i64 {
        self.0.words().0
    }

    #[inline]
    pub(crate) fn side(self) -> Side {
        self.0.side()
    }
}

/// Levels within a top that changed since the tops were last refreshed.
pub(crate) struct Notes {
    notes: [Note; NOTES_MAX],
    count: usize,
}

impl Notes {
    pub(crate) const NONE: Self =
        Self { notes: [Note(LevelRecord::from_words(0, 0)); NOTES_MAX], count: 0 };

    /// Keeps `note` if it `matters`.
    pub(crate) fn note(&mut self, note: Note, matters: bool) {
        let mut open = self.open();
        open.note(note, matters);
        open.close();
    }

    /// For many notes in a row: keeps the count in a register.
    #[inline]
    pub(crate) fn open(&mut self) -> OpenNotes<'_> {
        OpenNotes { notes: &mut self.notes, count: self.count, closed: &mut self.count }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The notes; `None` if they are too many to be looked up one by one.
    #[inline]
    pub(crate) fn kept(&self) -> Option<&[Note]> {
        (self.count <= LOOKED_UP_MAX).then(|| &self.notes[..self.count])
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }
}

/// Notes being taken; they count once closed.
pub(crate) struct OpenNotes<'a> {
    notes: &'a mut [Note; NOTES_MAX],
    count: usize,
    closed: &'a mut usize,
}

impl OpenNotes<'_> {
    /// Keeps `note` if it `matters`: no branch on it.
    #[inline]
    pub(crate) fn note(&mut self, note: Note, matters: bool) {
        self.notes[self.count % NOTES_MAX] = note;
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
    /// Slots that a search looks at.
    room: usize,
    bound: i64,
    stale: bool,
    /// Key that `offsets` count from.
    anchor: i64,
    /// Slots in use.
    len: usize,
    /// Keys by slot, counted from `anchor`; [`VACANT`] from `len` on.
    offsets: Vec<i32>,
    /// The published levels and spare ones behind them; what stands behind `len` means nothing.
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
    /// Furthest offset of what changed.
    furthest: i32,
    /// Slots opened or closed.
    moved: bool,
    /// Slots opened less slots closed.
    balance: isize,
}

impl Patch {
    const NONE: Self =
        Self { first: usize::MAX, end: 0, furthest: i32::MIN, moved: false, balance: 0 };
}

impl Top {
    /// Empty, for `depth` levels.
    pub(crate) fn new(side: Side, depth: usize) -> Self {
        let room = (depth + SPARE_MAX).next_multiple_of(LANES);
        Self {
            flip: flip_of(side),
            depth,
            room,
            bound: i64::MAX,
            stale: false,
            anchor: 0,
            len: 0,
            // What is moved reaches beyond the slots in use.
            offsets: vec![VACANT; room + MOVED + 2],
            levels: vec![Level::default(); room + MOVED + 2],
            changed: NOTHING,
            patch: Patch::NONE,
        }
    }

    /// Published levels.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// As it was when it was made.
    pub(crate) fn renew(&mut self) {
        self.vacate(0);
        self.bound = i64::MAX;
        self.stale = false;
        self.anchor = 0;
        self.changed = NOTHING;
        self.patch = Patch::NONE;
    }

    #[inline]
    pub(crate) fn levels(&self) -> &[Level] {
        &self.levels[..self.len.min(self.depth)]
    }

    /// The best level; one without a size if there is none.
    #[inline]
    pub(crate) fn best(&self) -> Level {
        if self.len == 0 { Level::default() } else { self.levels[0] }
    }

    /// The first `depth` levels of the side, or all if it has fewer; `None` if that is more than is
    /// kept here.
    #[inline]
    pub(crate) fn first_levels(&self, depth: usize) -> Option<&[Level]> {
        let len = self.len;
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

    /// To be called when a key outside the window came or the window moved: if `key` is so far from
    /// the anchor that it has no offset, the top will be walked anew.
    pub(crate) fn reach(&mut self, key: i64) {
        let distance = key.checked_sub(self.anchor);
        self.stale |= !distance.is_some_and(|it| (-OFFSET_MAX..=OFFSET_MAX).contains(&it));
    }

    /// The key of the best level.
    #[inline]
    pub(crate) fn best_key(&self) -> Option<i64> {
        (self.len > 0).then(|| self.key_at(0))
    }

    /// The slots that changed since this was last called.
    #[inline]
    pub(crate) fn take_changed(&mut self) -> Range<usize> {
        let changed = core::mem::replace(&mut self.changed, NOTHING);
        let end = changed.end.min(self.levels().len());
        changed.start.min(end)..end
    }

    /// Takes the first levels of the ladder; whether a published slot changed.
    ///
    /// The top stays stale if they lie too far apart for offsets: it is walked again every time.
    pub(crate) fn walk(&mut self, ladder: &Ladder, grid: &Grid) -> bool {
        let len_before = self.len;
        let (mut changed, mut len, mut last) = (NOTHING, 0, i64::MAX);
        self.anchor = ladder.first().map_or(ladder.base(), |(key, _)| key);
        self.stale = false;
        ladder.for_first(self.depth + SPARE, |key, size| {
            let level = Level { price: Price(grid.price(key ^ self.flip)), size: Size(size) };
            let slot = &mut self.levels[len];
            if len >= len_before || *slot != level {
                *slot = level;
                changed = changed.start.min(len)..len + 1;
            }
            let distance = key.checked_sub(self.anchor).filter(|it| *it <= OFFSET_MAX);
            self.offsets[len] = distance.map_or(VACANT, as_offset);
            self.stale |= distance.is_none();
            (len, last) = (len + 1, key);
        });
        self.vacate(len);
        self.bound = if len < self.depth + SPARE { i64::MAX } else { last };
        self.report(changed, len_before.min(self.depth))
    }

    /// Brings the slot of `key` to `size`, the size the ladder has for it.
    #[inline]
    pub(crate) fn look_up(&mut self, key: i64, size: Size, grid: &Grid) {
        // Levels that went out behind the end during this message do not matter any more.
        if key > self.bound {
            return;
        }
        let offset = as_offset(key.wrapping_sub(self.anchor));
        let at = self.position(offset);
        let held = self.offsets[at] == offset;
        let holds = size != Size::ZERO;
        if held == holds && (!holds || self.levels[at].size == size) {
            return;
        }
        self.patch.first = self.patch.first.min(at);
        self.patch.end = self.patch.end.max(at + 1);
        self.patch.furthest = self.patch.furthest.max(offset);
        if held != holds {
            self.shift(at + usize::from(held), at + usize::from(holds));
            self.patch.moved = true;
            self.patch.balance += isize::from(holds) - isize::from(held);
        }
        // To a slot that nobody reads if there is nothing to write: no branch on it.
        let slot = if holds { at } else { self.levels.len() - 1 };
        self.offsets[slot] = offset;
        self.levels[slot] = Level { price: Price(grid.price(key ^ self.flip)), size };
        if self.len > self.room {
            self.shorten();
        }
    }

    /// Ends the lookups of a message; whether a published slot changed.
    #[inline]
    pub(crate) fn fit(&mut self, len_before: usize, ladder: &Ladder, grid: &Grid) -> bool {
        if self.patch.first == usize::MAX {
            return false;
        }
        let patch = core::mem::replace(&mut self.patch, Patch::NONE);
        let mut end = patch.end;
        if patch.moved {
            // If what came and what went level out, nothing behind the furthest of them moved.
            let level = patch.balance == 0;
            end = if level { self.position(patch.furthest.saturating_add(1)) } else { self.len };
            if self.len < self.depth && self.bound < i64::MAX {
                self.fill(ladder, grid);
                end = self.len;
            }
        }
        self.report(patch.first..end.min(self.depth), len_before)
    }

    /// Moves the levels from slot `from` on to slot `to`, the next one or the one before.
    #[inline]
    fn shift(&mut self, from: usize, to: usize) {
        let len = self.len + to - from;
        if self.len - from <= MOVED {
            self.offsets.copy_within(from..from + MOVED, to);
            self.levels.copy_within(from..from + MOVED, to);
        } else {
            self.offsets.copy_within(from..self.len, to);
            self.levels.copy_within(from..self.len, to);
        }
        self.offsets[len] = VACANT;
        self.len = len;
    }

    /// Gives up spare levels.
    #[cold]
    fn shorten(&mut self) {
        self.vacate(self.depth + SPARE);
        self.bound = self.key_at(self.len - 1);
    }

    /// Leaves the first `len` slots in use.
    fn vacate(&mut self, len: usize) {
        let end = self.len.max(len);
        self.offsets[len..end].fill(VACANT);
        self.len = len;
    }

    /// Fills up from the ladder.
    #[cold]
    fn fill(&mut self, ladder: &Ladder, grid: &Grid) {
        let missing = self.depth + SPARE - self.len;
        let mut last = None;
        for (key, size) in ladder.iter_from(self.bound + 1).take(missing) {
            self.reach(key);
            self.offsets[self.len] = as_offset(key.wrapping_sub(self.anchor));
            let price = Price(grid.price(key ^ self.flip));
            self.levels[self.len] = Level { price, size: Size(size) };
            self.len += 1;
            last = Some(key);
        }
        let all = self.len < self.depth + SPARE;
        self.bound = last.filter(|_| !all).unwrap_or(i64::MAX);
    }

    /// Adds the `changed` slots to those that are to be asked for; whether one is published.
    #[inline]
    fn report(&mut self, changed: Range<usize>, len_before: usize) -> bool {
        let len = self.levels().len();
        if len == len_before && (changed.is_empty() || changed.start >= self.depth) {
            return false;
        }
        self.changed.start = self.changed.start.min(changed.start);
        self.changed.end = self.changed.end.max(changed.end.min(len));
        true
    }

    #[inline]
    fn key_at(&self, slot: usize) -> i64 {
        self.anchor.wrapping_add(self.offsets[slot].into())
    }

    /// How many levels are before `offset`: all are compared, without a branch.
    #[inline]
    fn position(&self, offset: i32) -> usize {
        let mut counts = [0_u32; LANES];
        for lanes in self.offsets[..self.room].as_chunks::<LANES>().0 {
            for (count, other) in counts.iter_mut().zip(lanes) {
                *count += u32::from(*other < offset);
            }
        }
        counts.iter().sum::<u32>() as usize
    }
}

/// A distance from the anchor that is known to be an offset.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "within OFFSET_MAX, and a window")]
const fn as_offset(distance: i64) -> i32 {
    distance as i32
}

/// No slot: the start is behind every slot, so that it never wins a minimum.
#[expect(clippy::reversed_empty_ranges, reason = "empty is what it is for")]
const NOTHING: Range<usize> = usize::MAX..0;
