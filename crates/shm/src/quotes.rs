//! Best bid and ask by themselves: the first of the two cache lines of a top.
//!
//! A reader that waits for a top fetches its first line anyway, for the version. What stands in it
//! is enough to quote: prices, sizes, exponents, state, sequence. Times, level counts and the
//! generation of the slot lie in the second line, which costs another transfer from core to core.
//!
//! # Invariants
//!
//! - Whose book it is, is told by the directory slot instead, whose line changes only when a book
//!   comes or goes: a builder stores the slot's generation before it publishes its new book as
//!   live, so whoever copied a live top of that book sees its generation afterwards.

use tickbook_types::{BookState, ConnId, Epoch, Level, Reason, Scale, SeqNo};

use crate::atomic::{Ordering, Word};
use crate::layout::top;
use crate::snapshot::{SnapshotFlags, Top, Words};

/// Best bid and ask, and what it takes to read them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Quotes {
    /// State of the book.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Flags.
    pub flags: SnapshotFlags,
    /// Exponents of prices and sizes.
    pub scale: Scale,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Connection that fed it.
    pub conn: ConnId,
    /// Epoch of that connection.
    pub epoch: Epoch,
    /// Venue's chain id, if the venue has one.
    pub seq: Option<SeqNo>,
    /// Best bid, if there is one.
    pub bid: Option<Level>,
    /// Best ask, if there is one.
    pub ask: Option<Level>,
}

impl From<&Top> for Quotes {
    #[inline]
    fn from(top: &Top) -> Self {
        let header = &top.header;
        Self {
            state: header.state,
            reason: header.reason,
            flags: header.flags,
            scale: header.scale,
            instrument_epoch: header.instrument_epoch,
            conn: header.conn,
            epoch: header.epoch,
            seq: header.seq,
            bid: top.bid,
            ask: top.ask,
        }
    }
}

/// Words of the line.
const LINE_WORDS: usize = 8;

const _: () = assert!(top::VERSION == 0 && top::ASK_SIZE < LINE_WORDS && top::SEQ < LINE_WORDS);
const _: () = assert!(top::META < LINE_WORDS && top::EPOCHS < LINE_WORDS);
const _: () = assert!(top::BID_PRICE < LINE_WORDS && top::BID_SIZE < LINE_WORDS);
const _: () = assert!(top::ASK_PRICE < LINE_WORDS);

/// Quotes as copied, whole but not decoded.
#[derive(Clone, Copy, Debug)]
pub struct PublishedQuotes(Words);

impl PublishedQuotes {
    /// The first line of a top block, within a section.
    #[inline]
    pub(crate) fn load(block: &[Word; top::WORDS]) -> Self {
        let mut words = [0; top::WORDS];
        for (word, shared) in words.iter_mut().zip(block).take(LINE_WORDS) {
            // Relaxed: within the section of the block.
            *word = shared.load(Ordering::Relaxed);
        }
        Self(Words(words))
    }

    /// The same with the generation of the directory slot, loaded after the section.
    #[inline]
    pub(crate) const fn of_slot(mut self, generation: u64) -> Self {
        self.0.0[top::SLOT_GENERATION] = generation;
        self
    }

    /// As [`crate::Published::is_live_for`].
    #[inline]
    #[must_use]
    pub const fn is_live_for(&self, generation: u64, conn: ConnId) -> bool {
        self.0.is_live_for(generation, conn)
    }

    /// As [`crate::Published::version`].
    #[inline]
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.0.0[top::VERSION]
    }

    /// What they say.
    #[inline]
    #[must_use]
    pub fn quotes(&self) -> Quotes {
        Quotes::from(&self.0.top())
    }
}
