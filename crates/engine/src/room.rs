//! Room in the lane, made before a session is called: only in replays, where nothing may be lost.

use tickbook_ring::{Producer, RESERVE};
use tickbook_types::Block;

use crate::builder::Builder;

/// Slots for what a session says on its own: states, exponents, blocks.
pub(crate) const SMALL: usize = 2 * RESERVE;

/// The whole lane, so that the builder is done with all there was: a splice may hold many buffered
/// messages.
pub(crate) const EVERYTHING: usize = usize::MAX;

/// Slots that any frame of `len` bytes can need.
///
/// The shortest level is `["1","0"],` (10 bytes, but bare numbers of other venues take 6), and a
/// claim may have to skip as many slots again at the end of the ring.
#[must_use]
pub(crate) const fn of_frame(len: usize) -> usize {
    2 * Producer::<Block>::slots_for(len / 6) + SMALL
}

/// Slots that a binary frame of `len` bytes can need, should it be compressed. Books compress to a
/// third or a tenth; what is packed still tighter finds the ring full, which is counted and said.
#[must_use]
pub(crate) const fn of_binary(len: usize) -> usize {
    of_frame(len.saturating_mul(32))
}

/// Waits until `slots` slots are free (or the ring is empty), working off the builder if it is in
/// this thread.
#[inline]
pub(crate) fn make(lane: &mut Producer<Block>, slots: usize, builder: Option<&mut Builder>) {
    let wanted = slots.min(lane.capacity());
    if !lane.has_slots(wanted) {
        wait(lane, wanted, builder);
    }
}

#[cold]
fn wait(lane: &mut Producer<Block>, wanted: usize, mut builder: Option<&mut Builder>) {
    while !lane.has_slots(wanted) && !lane.is_abandoned() {
        match &mut builder {
            Some(builder) => {
                builder.turn();
            }
            None => std::thread::yield_now(),
        }
    }
}
