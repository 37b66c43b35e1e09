//! The message ring between a venue thread and a builder thread: one producer, one consumer.
//!
//! A message is a header and its level records, committed as a whole; the records lie contiguously
//! in the ring, so a parser writes them in place and a builder applies them from there. What is too
//! big for a ring (a fetched book) travels beside it as a block, and a message in the ring says
//! when it is due, so that order holds.
//!
//! The sequence number of a message stands in its own first slot (a *slot-sequence* ring): for a
//! small message the consumer touches one cache line, where a ring with a shared index touches two.
//!
//! # Guarantees
//!
//! - The producer never waits: a full ring is [`Full`], at once. The consumer never waits either.
//! - Messages come out whole, in order, each once. A claim that is dropped leaves no trace.
//! - [`RESERVE`] slots stay free for messages that must get through when the ring is full
//!   ([`Producer::claim_reserved`]).
//! - No allocation after creation, except by blocks (an unbounded channel).
//! - Each side learns that the other one is gone ([`Producer::is_abandoned`],
//!   [`Consumer::is_abandoned`]).
//!
//! # Not guaranteed
//!
//! - That slots come free while the consumer holds a message: they return with its next
//!   [`Consumer::pop`].
//!
//! # Example
//!
//! ```
//! use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind, Price, Side, Size};
//!
//! let (mut producer, mut consumer) = tickbook_ring::ring::<()>(64);
//! let mut claim = producer.claim(2)?;
//! claim.levels_mut()[0] = LevelRecord::new(Price(6_123_450), Size(20), Side::Bid);
//! claim.commit(MessageHeader { count: 1, ..MessageHeader::new(MessageKind::Delta, BookId(0)) });
//!
//! let message = consumer.pop().expect("just committed");
//! assert_eq!(message.levels[0].price(), Price(6_123_450));
//! # Ok::<(), tickbook_ring::Full>(())
//! ```

#![deny(unsafe_code)]

mod consumer;
mod producer;
#[expect(unsafe_code, reason = "the one module that shares memory between the two threads")]
mod slots;
mod sync;

pub use consumer::{Consumer, Message};
pub use producer::{Claim, Full, Producer, RESERVE};

/// Fewest slots of a ring: twice the reserve.
pub const SLOTS_MIN: usize = 2 * RESERVE;

/// A ring of `slots` slots of 64 bytes, and the channel for its blocks.
///
/// # Panics
///
/// If `slots` is not a power of two or less than [`SLOTS_MIN`].
#[must_use]
pub fn ring<B>(slots: usize) -> (Producer<B>, Consumer<B>) {
    assert!(slots >= SLOTS_MIN, "a ring has at least {SLOTS_MIN} slots");
    ring_from(slots, 0)
}

/// [`ring`] with any power of two of slots and its first message at position `start`: for tests of
/// tiny rings and of positions about to wrap.
#[doc(hidden)]
#[must_use]
pub fn ring_from<B>(slots: usize, start: u64) -> (Producer<B>, Consumer<B>) {
    let (writer, reader) = slots::halves(slots, start);
    let (blocks_in, blocks_out) = crossbeam_channel::unbounded();
    (Producer::new(writer, blocks_in), Consumer::new(reader, blocks_out))
}
