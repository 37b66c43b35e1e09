//! The memory of the ring and the two halves that move through it. All `unsafe` of this crate.
//!
//! ```text
//! head slot   | commit word | header (56 bytes)                       |
//! level slot  | record 0 | record 1 | record 2 | record 3 |   64 bytes, one cache line
//! ```
//!
//! A message at position `p` is one head slot and the level slots behind it, contiguous in memory.
//! Slot `p & mask` holds position `p`; positions count up forever and wrap at 2^64. The commit word
//! of the head says what stands at its position `p`:
//!
//! | word | meaning |
//! | --- | --- |
//! | `p` | guard: nothing yet |
//! | `p + 1` | a whole message |
//! | `p + 1 + 2^63` | pad: go on at the start of the buffer, which the next lap begins with |
//!
//! Level bytes lie over the commit words of their slots, so a stale one could read as a commit. It
//! never does: the consumer polls one position only, the one behind the last message, and the
//! producer put the guard there *before* it published that message. Slot 0 needs no guard behind a
//! pad: no message runs over the end of the buffer, so its first word is always a commit word of
//! this or an earlier lap.
//!
//! # Invariants
//!
//! - `consumed <= position` of the reader `<= position` of the writer `< consumed + capacity`, in
//!   wrapping arithmetic. The slots from `consumed` up to the writer's position belong to the
//!   reader; all others, the guard slot at the writer's position among them, to the writer. The
//!   one thing both may touch is the commit word of a slot, and only by atomic accesses.
//! - A room (claimed, not yet committed) and the guard slot behind it lie in the writer's slots.
//! - A whole message is never changed before the reader has handed it back.

use std::cell::UnsafeCell;
use std::slice;

use crossbeam_utils::CachePadded;
use tickbook_types::{LevelRecord, MessageHeader};

use crate::sync::{self, Arc, AtomicBool, AtomicU64, Ordering};

/// Level records in one slot.
pub(crate) const RECORDS_PER_SLOT: usize = size_of::<Slot>() / size_of::<LevelRecord>();

/// What a pad's commit word has on top of that of a message.
const PAD_BIT: u64 = 1 << 63;

#[repr(C, align(64))]
struct Slot(UnsafeCell<[u64; 8]>);

const _: () = assert!(size_of::<Slot>() == 64);
const _: () = assert!(size_of::<u64>() + size_of::<MessageHeader>() == size_of::<Slot>());
const _: () = assert!(RECORDS_PER_SLOT * size_of::<LevelRecord>() == size_of::<Slot>());
const _: () = assert!(align_of::<LevelRecord>() <= align_of::<u64>());
const _: () = assert!(align_of::<MessageHeader>() <= align_of::<u64>());

/// What both halves hold.
pub(crate) struct Shared {
    slots: Box<[Slot]>,
    /// First position that the consumer has not handed back. Written by the consumer only.
    consumed: CachePadded<AtomicU64>,
    /// Set once, when the producer goes.
    pub(crate) producer_gone: AtomicBool,
    /// Set once, when the consumer goes.
    pub(crate) consumer_gone: AtomicBool,
    #[cfg(tickbook_loom)]
    model: model::Model,
}

// The line that the consumer writes is nobody else's: nothing that the producer reads for each
// message lies beside it, in the pair of lines that a prefetcher takes for one.
#[cfg(not(tickbook_loom))]
const _: () = {
    const PAIR: usize = 128;
    let consumed = core::mem::offset_of!(Shared, consumed);
    assert!(consumed.is_multiple_of(PAIR) && size_of::<CachePadded<AtomicU64>>() >= PAIR);
    assert!(core::mem::offset_of!(Shared, slots) / PAIR != consumed / PAIR);
    assert!(core::mem::offset_of!(Shared, producer_gone) / PAIR != consumed / PAIR);
    assert!(core::mem::offset_of!(Shared, consumer_gone) / PAIR != consumed / PAIR);
};

// SAFETY: the only field that is not `Sync` by itself is the memory of the slots. The module's
// invariants give each slot to one half at a time, and ownership moves by the Release/Acquire pairs
// of `sync`. There is one writer and one reader: `halves` is the only place that makes them, and
// neither can be cloned.
unsafe impl Sync for Shared {}

impl Shared {
    fn new(capacity: usize, start: u64) -> Self {
        assert!(capacity.is_power_of_two());
        let mask = capacity as u64 - 1;
        // The guard of the first position that each slot will hold. It also touches every page.
        let word = |index: u64| start.wrapping_add(index.wrapping_sub(start) & mask);
        Self {
            slots: (0..=mask)
                .map(|index| Slot(UnsafeCell::new([word(index), 0, 0, 0, 0, 0, 0, 0])))
                .collect(),
            consumed: CachePadded::new(AtomicU64::new(start)),
            producer_gone: AtomicBool::new(false),
            consumer_gone: AtomicBool::new(false),
            #[cfg(tickbook_loom)]
            model: model::Model::new((0..=mask).map(word)),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Index of the slot that holds `position`.
    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves an index, a usize")]
    fn index(&self, position: u64) -> usize {
        position as usize & (self.slots.len() - 1)
    }

    /// The first word of the slot that holds `position`; valid for the rest of the buffer.
    fn pointer(&self, position: u64) -> *mut u64 {
        self.slots.as_ptr().wrapping_add(self.index(position)).cast::<u64>().cast_mut()
    }

    /// The commit word of the slot at `position`.
    #[cfg(not(tickbook_loom))]
    fn word(&self, position: u64) -> &AtomicU64 {
        // SAFETY: the pointer is into `slots`, aligned, and lives as long as `self`. Plain accesses
        // to this word are level bytes in slots of the writer's, which the reader does not touch
        // before a commit that comes after them; so none races with an access through this.
        unsafe { AtomicU64::from_ptr(self.pointer(position)) }
    }

    #[cfg(tickbook_loom)]
    fn word(&self, position: u64) -> &AtomicU64 {
        &self.model.words[self.index(position)]
    }

    /// Tells the model checker of plain reads of `count` slots from `position` on.
    #[cfg_attr(not(tickbook_loom), expect(clippy::unused_self, reason = "only the model uses it"))]
    fn note_read(&self, _position: u64, _count: usize) {
        #[cfg(tickbook_loom)]
        self.model.read(self.index(_position), _count);
    }

    /// Tells the model checker of plain writes to `count` slots from `position` on.
    #[cfg_attr(not(tickbook_loom), expect(clippy::unused_self, reason = "only the model uses it"))]
    fn note_write(&self, _position: u64, _count: usize) {
        #[cfg(tickbook_loom)]
        self.model.write(self.index(_position), _count);
    }
}

/// Both ends of a ring of `capacity` slots whose first message is at position `start`.
pub(crate) fn halves(capacity: usize, start: u64) -> (Writer, Reader) {
    let shared = Arc::new(Shared::new(capacity, start));
    let writer = Writer { shared: Arc::clone(&shared), position: start, consumed: start };
    (writer, Reader { shared, position: start, consumed: start })
}

/// The producer's half.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    /// Where the next message begins; its guard is in place.
    position: u64,
    /// The last seen value of `shared.consumed`.
    consumed: u64,
}

impl Writer {
    /// Contiguous room for a message of `slots` slots, with `spare` more slots free behind it.
    #[inline]
    pub(crate) fn room(&mut self, slots: usize, spare: usize) -> Option<Room<'_>> {
        let capacity = self.shared.capacity();
        let left_in_lap = capacity - self.shared.index(self.position);
        let pad = if slots <= left_in_lap { 0 } else { left_in_lap };
        // One more for the guard slot. Nothing here overflows: `slots` counts levels by four.
        let wanted = pad + slots + 1 + spare;
        if !self.has(wanted) {
            return None;
        }
        let start = self.position.wrapping_add(pad as u64);
        self.shared.note_write(start, slots);
        Some(Room { writer: self, start, slots })
    }

    /// Slots that are free by the last look at the consumer's position.
    #[expect(clippy::cast_possible_truncation, reason = "never more than the capacity")]
    fn free_seen(&self) -> usize {
        self.shared.capacity() - self.position.wrapping_sub(self.consumed) as usize
    }

    /// Whether `wanted` slots are free. Looks at the consumer's position only if they were not when
    /// it last did: its line is on the way to the other core most of the time.
    #[inline]
    pub(crate) fn has(&mut self, wanted: usize) -> bool {
        wanted <= self.free_seen() || wanted <= self.free()
    }

    /// Slots that are free now.
    #[cold]
    pub(crate) fn free(&mut self) -> usize {
        self.consumed = self.shared.consumed.load(sync::CONSUMED_LOAD);
        self.free_seen()
    }
}

/// Room for one message. Dropped without a commit, it leaves the ring as it was.
pub(crate) struct Room<'a> {
    writer: &'a mut Writer,
    /// Position of the message; behind the writer's position when a pad comes first.
    start: u64,
    /// Slots, the head included.
    slots: usize,
}

impl Room<'_> {
    /// The level records, with whatever an earlier lap left in them.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "it gives out a part of `self` to write to"
    )]
    #[inline]
    pub(crate) fn levels_mut(&mut self) -> &mut [LevelRecord] {
        let records = (self.slots - 1) * RECORDS_PER_SLOT;
        if records == 0 {
            return &mut [];
        }
        let first = self.writer.shared.pointer(self.start.wrapping_add(1)).cast::<LevelRecord>();
        // SAFETY: `room` placed the slots contiguously, so `records` records lie in the buffer; the
        // assertions above cover alignment, and any bytes are a record. They belong to the writer
        // (invariants), which `self` borrows exclusively, and no reference into them is older than
        // this one: rooms and the reader's views give theirs up first.
        unsafe { slice::from_raw_parts_mut(first, records) }
    }

    /// Publishes the message: `header` and the first `slots - 1` level slots of the room.
    ///
    /// # Panics
    ///
    /// If `slots` is 0 or more than the room has.
    #[inline]
    pub(crate) fn commit(self, header: MessageHeader, slots: usize) {
        assert!(slots >= 1);
        assert!(slots <= self.slots);
        let Self { writer, start, .. } = self;
        let shared = &*writer.shared;
        #[cfg(tickbook_loom)]
        shared.model.overlay(shared, start, self.slots);
        let next = start.wrapping_add(slots as u64);
        let guard = || {
            shared.note_write(next, 1);
            // Relaxed: the reader looks at this word only after it has seen the commit, whose
            // Release covers this store.
            shared.word(next).store(next, Ordering::Relaxed);
        };
        // Before the header, not behind it: header and commit go to the line that the reader polls,
        // and should reach it together, not before and after the guard's line has been fetched.
        if sync::GUARDED && !sync::GUARD_LATE {
            guard();
        }
        // SAFETY: the header lies behind the commit word in the head slot (size asserted above),
        // which belongs to the writer; the reader reads it only after the commit below.
        unsafe { shared.pointer(start).add(1).cast::<MessageHeader>().write(header) };
        // Release: publishes header, levels and guard. Pairs with the load in `Reader::pop`.
        shared.word(start).store(start.wrapping_add(1), sync::COMMIT_STORE);
        if sync::GUARDED && sync::GUARD_LATE {
            guard();
        }
        if start != writer.position {
            let pad = writer.position.wrapping_add(1) ^ PAD_BIT;
            // Relaxed: a pad carries nothing. The reader goes on to slot 0, finds there the word
            // of an earlier lap or the commit above, and only that commit lets it read.
            shared.word(writer.position).store(pad, Ordering::Relaxed);
        }
        writer.position = next;
    }
}

/// The consumer's half.
pub(crate) struct Reader {
    pub(crate) shared: Arc<Shared>,
    /// Where the next message will be.
    position: u64,
    /// What `shared.consumed` says: up to `position`, the last message is still being looked at.
    consumed: u64,
}

impl Reader {
    /// Hands back the message of the last call and gives the next one, if there is one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(MessageHeader, &[LevelRecord])> {
        self.hand_back();
        // Acquire: sees the header and levels of the message, and the guard behind it. Pairs with
        // the store in `Room::commit`.
        let mut word = self.shared.word(self.position).load(sync::COMMIT_LOAD);
        if word == self.position.wrapping_add(1) ^ PAD_BIT {
            let left_in_lap = self.shared.capacity() - self.shared.index(self.position);
            self.position = self.position.wrapping_add(left_in_lap as u64);
            // Acquire: as above.
            word = self.shared.word(self.position).load(sync::COMMIT_LOAD);
        }
        if word != self.position.wrapping_add(1) {
            return None;
        }
        let shared = &*self.shared;
        // SAFETY: the commit word says that a whole message stands here; the Acquire load saw the
        // header that the writer put behind it, and the writer leaves it alone until `hand_back`.
        let header = unsafe { shared.pointer(self.position).add(1).cast::<MessageHeader>().read() };
        let records = header.count as usize;
        let slots = 1 + records.div_ceil(RECORDS_PER_SLOT);
        let first = shared.pointer(self.position.wrapping_add(1)).cast::<LevelRecord>();
        shared.note_read(self.position, slots);
        self.position = self.position.wrapping_add(slots as u64);
        let levels = if records == 0 {
            &[]
        } else {
            // SAFETY: the writer placed `records` records contiguously behind the head and wrote
            // them before the commit. They stay as they are until `hand_back`, which needs the
            // reader exclusively, so not before this borrow of it has ended.
            unsafe { slice::from_raw_parts(first, records) }
        };
        Some((header, levels))
    }

    #[inline]
    fn hand_back(&mut self) {
        if self.consumed != self.position {
            #[cfg(tickbook_loom)]
            self.shared.model.read_between(&self.shared, self.consumed, self.position);
            self.consumed = self.position;
            // Release: our reads of these slots come before the writer's next use of them. Pairs
            // with the load in `Writer::free`.
            self.shared.consumed.store(self.consumed, sync::CONSUMED_STORE);
        }
    }

    /// Whether no message is committed at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        // Acquire: as in `pop`.
        let word = self.shared.word(self.position).load(sync::COMMIT_LOAD);
        (word ^ self.position.wrapping_add(1)) & !PAD_BIT != 0
    }
}

#[cfg(tickbook_loom)]
mod model {
    //! What loom watches: a commit word per slot, and a cell that stands for its plain bytes.
    //!
    //! The bytes themselves are real memory (loom has no slices). Level bytes lie over the commit
    //! word, which a loom atomic cannot model; so a commit first stores the first level word of
    //! each level slot into the slot's atomic.

    use super::{AtomicU64, Ordering, Shared};

    pub(super) struct Model {
        pub(super) words: Vec<AtomicU64>,
        bytes: Vec<loom::cell::UnsafeCell<()>>,
    }

    impl Model {
        pub(super) fn new(words: impl Iterator<Item = u64>) -> Self {
            let words: Vec<_> = words.map(AtomicU64::new).collect();
            let bytes = words.iter().map(|_| loom::cell::UnsafeCell::new(())).collect();
            Self { words, bytes }
        }

        pub(super) fn read(&self, index: usize, count: usize) {
            for cell in &self.bytes[index..index + count] {
                cell.with(|_| ());
            }
        }

        pub(super) fn write(&self, index: usize, count: usize) {
            for cell in &self.bytes[index..index + count] {
                cell.with_mut(|_| ());
            }
        }

        pub(super) fn read_between(&self, shared: &Shared, from: u64, to: u64) {
            let mut position = from;
            while position != to {
                self.bytes[shared.index(position)].with(|_| ());
                position = position.wrapping_add(1);
            }
        }

        pub(super) fn overlay(&self, shared: &Shared, start: u64, slots: usize) {
            for behind in 1..slots as u64 {
                let position = start.wrapping_add(behind);
                // SAFETY: a slot of the room, which belongs to the writer; initialised since
                // `Shared::new`.
                let word = unsafe { shared.pointer(position).read() };
                // Relaxed: plain bytes have no order of their own.
                shared.word(position).store(word, Ordering::Relaxed);
            }
        }
    }
}
