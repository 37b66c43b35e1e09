//! The end that the builder thread reads from.

use core::fmt;

use crossbeam_channel::Receiver;
use tickbook_types::{LevelRecord, MessageHeader, MessageKind};

use crate::slots::Reader;
use crate::sync::{self, Ordering};

/// A message, borrowed from the ring.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message<'a, B> {
    /// Its header.
    pub header: MessageHeader,
    /// Its level records, `header.count` of them.
    pub levels: &'a [LevelRecord],
    /// Its block: there exactly when `header.kind` is [`MessageKind::Block`].
    pub block: Option<B>,
}

/// The consuming end of a ring.
pub struct Consumer<B> {
    reader: Reader,
    blocks: Receiver<B>,
}

impl<B> Consumer<B> {
    pub(crate) fn new(reader: Reader, blocks: Receiver<B>) -> Self {
        Self { reader, blocks }
    }

    /// The next message; `None` if there is none at the moment of the check.
    ///
    /// The slots of the message stay occupied until the next call, which hands them back whatever
    /// it returns itself. So a consumer that polls frees everything it has seen.
    #[inline]
    pub fn pop(&mut self) -> Option<Message<'_, B>> {
        let (header, levels) = self.reader.pop()?;
        let block = if header.kind == MessageKind::Block {
            // Sent before its message was committed, and by one producer: it is there, and it is
            // the oldest.
            self.blocks.try_recv().ok()
        } else {
            None
        };
        Some(Message { header, levels, block })
    }

    /// Whether the producer is gone and the ring is empty: nothing will ever come.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        // Acquire: whoever sees the flag sees the last commit. Pairs with the store in
        // `Producer::drop`.
        self.reader.shared.producer_gone.load(sync::GONE_LOAD) && self.reader.is_empty()
    }

    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.reader.shared.capacity()
    }
}

impl<B> Drop for Consumer<B> {
    fn drop(&mut self) {
        // Relaxed: the producer reads nothing on the strength of it.
        self.reader.shared.consumer_gone.store(true, Ordering::Relaxed);
    }
}

impl<B> fmt::Debug for Consumer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
