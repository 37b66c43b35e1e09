//! A ring of records that one writer broadcasts to any number of readers it knows nothing of.
//!
//! A slot is a version word and `W` words of payload: a section of a [`crate::seqlock`] whose
//! version says which *position* of the endless sequence it holds. Position `p` lives in slot
//! `p mod slots`, under version `2p + 1` while it is written and `2p + 2` once it is whole. So a
//! reader that waits for position `p` learns everything from one word: its version means the record
//! is there, a lower one that it is yet to come, a higher one that the writer has lapped it.
//!
//! # Guarantees
//!
//! - The writer never waits and never looks at a reader.
//! - Each position is delivered whole, once and in order, or counted as missed: positions delivered
//!   plus positions missed always equal the distance the reader has moved.
//!
//! # Not guaranteed
//!
//! - That a lapped reader gets the oldest record still there: it goes on with the middle of the
//!   ring, so that it is not lapped again at once.

use crate::atomic::{Ordering, Word};
use crate::seqlock;

/// What a reader finds at a position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Polled<const W: usize> {
    /// The record.
    Record([u64; W]),
    /// It is yet to be written, or being written.
    Empty,
    /// It is gone: the writer is at this position (at least) already.
    Lapped(u64),
}

/// Writes the record of `position`.
///
/// # Panics
///
/// If `slots` is not a power of two of slots of `W + 1` words: a bug of the caller.
#[inline]
pub fn write<const W: usize>(slots: &[Word], position: u64, record: &[u64; W]) {
    let slot = slot_of::<W>(slots, position);
    let (version, payload) = (&slot[0], &slot[1..]);
    let odd = position.wrapping_mul(2).wrapping_add(1);
    seqlock::write_as(version, odd, || {
        for (word, value) in payload.iter().zip(record) {
            // Relaxed: ordered by the section.
            word.store(*value, Ordering::Relaxed);
        }
    });
}

/// Looks for the record of `position`. Bounded: one copy at most.
///
/// # Panics
///
/// As [`write()`].
#[inline]
pub fn poll<const W: usize>(slots: &[Word], position: u64) -> Polled<W> {
    let slot = slot_of::<W>(slots, position);
    let (version, payload) = (&slot[0], &slot[1..]);
    let whole = position.wrapping_mul(2).wrapping_add(2);
    // Relaxed: the fences of `read_once` order it.
    let mut seen = version.load(Ordering::Relaxed);
    if seen == whole {
        let copied = seqlock::read_once(version, seen, || {
            let mut record = [0; W];
            for (value, word) in record.iter_mut().zip(payload) {
                // Relaxed: ordered by the section.
                *value = word.load(Ordering::Relaxed);
            }
            record
        });
        match copied {
            Ok(record) => return Polled::Record(record),
            Err(later) => seen = later,
        }
    }
    // Signed, so that it holds across the wrap of the version.
    let ahead = seen.wrapping_sub(whole).cast_signed();
    if ahead <= 0 {
        return Polled::Empty;
    }
    // Whole: 2 per position. Being written: one less.
    Polled::Lapped(position.wrapping_add(ahead.cast_unsigned().div_ceil(2)))
}

/// Where a lapped reader goes on, and how many records it missed by that: half a ring before `end`,
/// the position behind the newest record it knows of.
#[inline]
#[must_use]
pub const fn resume(slots: u64, position: u64, end: u64) -> (u64, u64) {
    let behind = end.wrapping_sub(position);
    // At least one, so that a reader moves on whatever a hostile file says.
    let missed = if behind > slots / 2 { behind - slots / 2 } else { 1 };
    (position.wrapping_add(missed), missed)
}

/// The words of the slot that holds a position.
#[inline]
pub(crate) fn slot_of<const W: usize>(slots: &[Word], position: u64) -> &[Word] {
    let count = slots.len() / (W + 1);
    assert!(count.is_power_of_two());
    #[expect(clippy::cast_possible_truncation, reason = "masked to a count that fits")]
    let at = (position & (count as u64 - 1)) as usize * (W + 1);
    &slots[at..at + W + 1]
}

#[cfg(all(test, not(tickbook_loom)))]
mod tests {
    use super::*;

    fn ring(slots: usize) -> Vec<Word> {
        (0..slots * 3).map(|_| Word::new(0)).collect()
    }

    #[test]
    fn a_position_is_empty_then_there_then_lapped() {
        let slots = ring(4);
        assert_eq!(poll::<2>(&slots, 1), Polled::Empty);
        write(&slots, 0, &[7, 8]);
        write(&slots, 1, &[9, 10]);
        assert_eq!(poll(&slots, 1), Polled::Record([9, 10]));
        for position in 2..=5 {
            write(&slots, position, &[position, 0]);
        }
        assert_eq!(poll::<2>(&slots, 1), Polled::Lapped(5));
        assert_eq!(poll(&slots, 2), Polled::Record([2, 0]));
        assert_eq!(poll::<2>(&slots, 6), Polled::Empty);
        assert_eq!(resume(4, 1, 6), (4, 3));
    }

    #[test]
    fn a_slot_that_is_being_written_is_neither_its_old_nor_its_new_record() {
        let slots = ring(4);
        write(&slots, 0, &[1, 1]);
        slots[0].store(2 * 4 + 1, Ordering::Relaxed);
        assert_eq!(poll::<2>(&slots, 0), Polled::Lapped(4));
        assert_eq!(poll::<2>(&slots, 4), Polled::Empty);
    }

    #[test]
    fn positions_survive_the_wrap_of_the_version() {
        let slots = ring(4);
        for position in [u64::MAX / 2 - 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX, 0] {
            write(&slots, position, &[position, 1]);
            assert_eq!(poll(&slots, position), Polled::Record([position, 1]));
            assert_eq!(poll::<2>(&slots, position.wrapping_sub(4)), Polled::Lapped(position));
            assert_eq!(poll::<2>(&slots, position.wrapping_add(4)), Polled::Empty);
        }
    }

    #[test]
    fn a_reader_always_moves_forward_whatever_the_version_says() {
        for ahead in [0, 1, 2, 3, 4, 5, 100, u64::MAX / 2, u64::MAX] {
            let (position, missed) = resume(4, 10, ahead.wrapping_add(10));
            assert!(missed >= 1);
            assert_eq!(position, missed.wrapping_add(10));
        }
    }
}
