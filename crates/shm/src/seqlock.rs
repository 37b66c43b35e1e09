//! A sequence lock over words: one writer, any number of readers, nobody waits.
//!
//! A block of words is guarded by a *version* word. The writer makes the version odd, stores the
//! words, and makes it even again, two higher than before. A reader takes the version, copies the
//! words, and takes the version again: if it was even and has not changed, the copy is whole.
//!
//! ```text
//! writer                               reader
//!   version.store(odd, Relaxed)          v = version.load(Relaxed); odd: again
//!   fence(Release)            ──B──╮     fence(Acquire)            ◀─A─╮
//!   words.store(.., Relaxed)       │     words.load(.., Relaxed)       │
//!   version.store(even, Release) ─A┼──╯  fence(Acquire)            ◀─B─╯
//!                                        version.load(Relaxed) == v, or again
//! ```
//!
//! Edge A: a reader that saw the even version sees every word stored before it. Edge B: a reader
//! that saw any word of a later section sees that section's odd version, or a later one, when it
//! looks again. The construction is Boehm's ("Can seqlocks get along with programming language
//! memory models?", 2012). Readers use a relaxed load and a fence instead of an Acquire load,
//! because on memory that is mapped read-only only relaxed loads are sure not to write
//! (`core::sync::atomic`, "Atomic accesses to read-only memory").
//!
//! # Guarantees
//!
//! - [`read`] returns a copy that was whole at some instant during the call, or [`Torn`]; it makes
//!   a bounded number of attempts and never writes.
//! - [`write()`] never waits and makes no read-modify-write access.
//! - A reader that stops at any instruction leaves no trace. A writer that stops within a section
//!   leaves the version odd, and readers get [`Torn`].
//!
//! # Not guaranteed
//!
//! - That a reader sees every section: it sees the last one, or one that is being replaced.
//! - Anything, if two writers write at once: callers hold the writing side by ownership.
//!
//! # Invariants
//!
//! - The version is even exactly when the words are whole.
//! - The version grows by 2 per section (and wraps at 2^64; a reader would have to sleep through
//!   exactly 2^63 sections to be fooled).
//!
//! The loom tests check all of this, and that they fail when any one of the four orderings is
//! weakened (`cfg(tickbook_weaken = "...")`, see `tests/loom.rs`).

use crate::atomic::{Ordering, Word, fence, pause};

/// The writer was within a section during every attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Torn;

/// Stores words within a section that continues the block's own version.
#[inline]
pub fn write(version: &Word, store: impl FnOnce()) {
    // Relaxed: only this writer stores it.
    let odd = version.load(Ordering::Relaxed) | 1;
    write_as(version, odd, store);
}

/// Stores words within a section of a version that the caller chooses: `odd` during the section,
/// `odd + 1` after it.
#[inline]
pub fn write_as(version: &Word, odd: u64, store: impl FnOnce()) {
    debug_assert!(odd & 1 == 1);
    // Relaxed: ordered before the words by the fence below.
    version.store(odd, Ordering::Relaxed);
    // Release: pairs with the second Acquire fence of `read_once` (edge B).
    #[cfg(not(tickbook_weaken = "seqlock_write_fence"))]
    fence(Ordering::Release);
    store();
    // Release: pairs with the first Acquire fence of `read_once` (edge A).
    version.store(odd.wrapping_add(1), END);
}

#[cfg(not(tickbook_weaken = "seqlock_write_end"))]
const END: Ordering = Ordering::Release;
#[cfg(tickbook_weaken = "seqlock_write_end")]
const END: Ordering = Ordering::Relaxed;

/// Copies words within at most `attempts` tries. `copy` may run on words that are being replaced,
/// in any mixture: it must bear them, and its result is thrown away.
///
/// # Errors
///
/// [`Torn`] if every try met the writer.
#[inline]
pub fn read<T>(version: &Word, attempts: u32, mut copy: impl FnMut() -> T) -> Result<T, Torn> {
    for _ in 0..attempts {
        // Relaxed: the fences of `read_once` order it.
        let seen = version.load(Ordering::Relaxed);
        if seen & 1 == 0
            && let Ok(copied) = read_once(version, seen, &mut copy)
        {
            return Ok(copied);
        }
        pause();
    }
    Err(Torn)
}

/// Copies words if they are those of the even version `seen`, which the caller has just loaded.
///
/// # Errors
///
/// The version that was there after the copy, if it is another one.
#[inline]
pub fn read_once<T>(version: &Word, seen: u64, copy: impl FnOnce() -> T) -> Result<T, u64> {
    // Acquire: pairs with the Release store that ends `write_as` (edge A).
    #[cfg(not(tickbook_weaken = "seqlock_read_begin"))]
    fence(Ordering::Acquire);
    let copied = copy();
    // Acquire: pairs with the Release fence of `write_as` (edge B).
    #[cfg(not(tickbook_weaken = "seqlock_read_fence"))]
    fence(Ordering::Acquire);
    // Relaxed: the fence above orders it behind the words.
    let now = version.load(Ordering::Relaxed);
    if now == seen { Ok(copied) } else { Err(now) }
}

#[cfg(all(test, not(tickbook_loom)))]
mod tests {
    use super::*;

    const RELAXED: Ordering = Ordering::Relaxed;

    #[test]
    fn a_section_makes_the_version_odd_and_then_two_higher() {
        let (version, word) = (Word::new(6), Word::new(1));
        write(&version, || {
            assert_eq!(version.load(RELAXED), 7);
            word.store(2, RELAXED);
        });
        assert_eq!(version.load(RELAXED), 8);
        assert_eq!(read(&version, 1, || word.load(RELAXED)), Ok(2));
    }

    #[test]
    fn a_version_left_odd_is_torn_and_heals_with_the_next_section() {
        let version = Word::new(7);
        assert_eq!(read(&version, 3, || ()), Err(Torn));
        write(&version, || assert_eq!(version.load(RELAXED), 7));
        assert_eq!(version.load(RELAXED), 8);
        assert_eq!(read(&version, 1, || ()), Ok(()));
    }

    #[test]
    fn the_version_wraps_at_the_end_of_its_range() {
        let (version, word) = (Word::new(u64::MAX - 3), Word::new(0));
        for value in 1..=4 {
            write(&version, || word.store(value, RELAXED));
            assert_eq!(version.load(RELAXED) & 1, 0);
            assert_eq!(read(&version, 1, || word.load(RELAXED)), Ok(value));
        }
        assert_eq!(version.load(RELAXED), 4);
    }

    #[test]
    fn a_copy_during_which_a_section_passed_is_not_returned() {
        let (version, word) = (Word::new(0), Word::new(0));
        let mut copies = 0;
        let copied = read(&version, 2, || {
            copies += 1;
            let copied = word.load(RELAXED);
            if copies == 1 {
                write(&version, || word.store(5, RELAXED));
            }
            copied
        });
        assert_eq!((copied, copies), (Ok(5), 2));
    }
}
