//! The end that the venue thread writes to.

use core::fmt;

use crossbeam_channel::Sender;
use tickbook_types::{LevelRecord, MessageHeader, MessageKind};

use crate::slots::{RECORDS_PER_SLOT, Room, Writer};
use crate::sync::{self, Ordering};

/// Slots that [`Producer::claim`] leaves free: a rescale (2 slots), a block and a status, twice.
pub const RESERVE: usize = 8;

/// The ring has no room for the message now. The consumer is slow; the producer must not wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ring is full")
    }
}

impl core::error::Error for Full {}

/// The producing end of a ring.
pub struct Producer<B> {
    writer: Writer,
    blocks: Sender<B>,
}

impl<B> Producer<B> {
    pub(crate) fn new(writer: Writer, blocks: Sender<B>) -> Self {
        Self { writer, blocks }
    }

    /// Claims room for a message of up to `levels_max` records, contiguous, and leaves
    /// [`RESERVE`] slots free behind it.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is not so much room; always, if `levels_max` is beyond
    /// [`Self::levels_max`] and the ring happens to stand badly.
    #[inline]
    pub fn claim(&mut self, levels_max: usize) -> Result<Claim<'_, B>, Full> {
        self.room(levels_max, RESERVE)
    }

    /// [`Self::claim`] that may use the reserve: for status, rescale and block messages.
    ///
    /// # Errors
    ///
    /// [`Full`] if the reserve is used up too.
    #[inline]
    pub fn claim_reserved(&mut self, levels_max: usize) -> Result<Claim<'_, B>, Full> {
        self.room(levels_max, 0)
    }

    #[inline]
    fn room(&mut self, levels_max: usize, spare: usize) -> Result<Claim<'_, B>, Full> {
        match self.writer.room(Self::slots_for(levels_max), spare) {
            Some(room) => Ok(Claim { room, blocks: core::marker::PhantomData }),
            None => Err(Full),
        }
    }

    /// Sends `block` beside the ring and commits `header` for it, with kind
    /// [`MessageKind::Block`] and no levels. May use the reserve; allocates at times.
    ///
    /// # Errors
    ///
    /// The block, if the ring is full or the consumer is gone.
    pub fn push_block(&mut self, header: MessageHeader, block: B) -> Result<(), B> {
        let Some(room) = self.writer.room(1, 0) else { return Err(block) };
        // The block first: the consumer takes it from the channel when it sees the commit.
        self.blocks.send(block).map_err(|unsent| unsent.0)?;
        room.commit(MessageHeader { kind: MessageKind::Block, count: 0, ..header }, 1);
        Ok(())
    }

    /// Slots that are free now. The consumer may free more at any moment, never fewer.
    ///
    /// One of them is always kept for the guard, and a message that would wrap costs what is left
    /// of the lap, too; [`Self::has_room`] reckons with both.
    pub fn slots_free(&mut self) -> usize {
        self.writer.free()
    }

    /// Whether [`Self::slots_free`] is at least `slots`, without a look at the consumer's line if
    /// the last one showed as many.
    #[inline]
    pub fn has_slots(&mut self, slots: usize) -> bool {
        self.writer.has(slots)
    }

    /// Whether [`Self::claim`] for `levels_max` records would succeed now.
    pub fn has_room(&mut self, levels_max: usize) -> bool {
        self.claim(levels_max).is_ok()
    }

    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.writer.shared.capacity()
    }

    /// Most records that a claim on an empty ring is sure to get, wherever the ring stands.
    #[must_use]
    pub fn levels_max(&self) -> usize {
        // A claim of n slots needs up to n - 1 of padding before it, the guard and the reserve.
        let slots = self.capacity().saturating_sub(RESERVE) / 2;
        slots.saturating_sub(1) * RECORDS_PER_SLOT
    }

    /// Slots that a message of `levels` records takes.
    #[inline]
    #[must_use]
    pub const fn slots_for(levels: usize) -> usize {
        1 + levels.div_ceil(RECORDS_PER_SLOT)
    }

    /// Whether the consumer is gone: nothing that is written will ever be read.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        // Relaxed: nothing is read on the strength of it.
        self.writer.shared.consumer_gone.load(Ordering::Relaxed)
    }
}

impl<B> Drop for Producer<B> {
    fn drop(&mut self) {
        // Release: every commit comes before. Pairs with the load in `Consumer::is_abandoned`.
        self.writer.shared.producer_gone.store(true, sync::GONE_STORE);
    }
}

impl<B> fmt::Debug for Producer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// Room for one message. Dropped without [`Self::commit`], it never was.
#[must_use = "a claim that is not committed sends nothing"]
pub struct Claim<'a, B> {
    room: Room<'a>,
    blocks: core::marker::PhantomData<&'a B>,
}

impl<B> Claim<'_, B> {
    /// The records to fill, at least as many as claimed. What they hold is unspecified.
    #[inline]
    pub fn levels_mut(&mut self) -> &mut [LevelRecord] {
        self.room.levels_mut()
    }

    /// Publishes `header` and the first `header.count` records.
    ///
    /// # Panics
    ///
    /// If `header.count` is more than the claim has room for, or `header.kind` is
    /// [`MessageKind::Block`] (those go by [`Producer::push_block`]): a bug of the caller.
    #[inline]
    pub fn commit(self, header: MessageHeader) {
        assert!(header.kind != MessageKind::Block, "a block message needs its block");
        self.room.commit(header, Producer::<B>::slots_for(header.count as usize));
    }
}

impl<B> fmt::Debug for Claim<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}
