//! The one place where words, orderings and fences come from.
//!
//! Under `cfg(tickbook_loom)` they are loom's, whose model checker then explores every interleaving
//! that the C++11 memory model allows. loom's words cannot live in mapped memory, so everything
//! that touches a file is left out of such a build; the protocols ([`crate::seqlock`],
//! [`crate::broadcast`]) are written over slices of words and are the same code in both.

#[cfg(not(tickbook_loom))]
pub use core::sync::atomic::{AtomicU64 as Word, Ordering, fence};
#[cfg(tickbook_loom)]
pub use loom::sync::atomic::{AtomicU64 as Word, Ordering, fence};

/// Tells the processor that this thread waits for another (and, under loom, the scheduler).
#[inline]
pub(crate) fn pause() {
    #[cfg(not(tickbook_loom))]
    core::hint::spin_loop();
    #[cfg(tickbook_loom)]
    loom::thread::yield_now();
}
