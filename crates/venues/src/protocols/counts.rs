//! Order counts of a book's levels, on their way to the lane: a message of their own behind that of
//! the levels, so that books of other venues pay nothing for it, and those of these not before
//! their levels are out.
//!
//! # Guarantees
//!
//! - Counts are those of levels that were passed on. Some that did not get into the lane leave
//!   nothing behind that they may have changed.

use tickbook_types::{LevelRecord, MessageFlags, MessageHeader, MessageKind, Size};

use super::book::Phase;
use super::frame::{Content, Event, Frame};
use super::session::SharedSession;
use crate::counters::Rejected;
use crate::limits;
use crate::session::Context;

impl SharedSession {
    /// The counts of the book event at a place of the frame.
    pub(super) fn take_orders(
        &mut self,
        line: usize,
        frame: &Frame,
        of: usize,
        cx: &mut Context<'_>,
    ) {
        let Some(Event::Book(event)) = frame.events().get(of) else { return };
        let Some(index) = self.names.find(frame.name(event)) else { return };
        let book = &mut self.books[index];
        // Otherwise its levels were not passed on either.
        let is_at = book.phase == Phase::Live && book.position.id() == event.link.id();
        if !is_at || book.gone || self.lines[book.line].group != self.lines[line].group {
            return;
        }
        let (levels, counts) = (frame.levels(event), frame.counts(event));
        debug_assert_eq!(levels.len(), counts.len());
        let mut first = event.content == Content::Snapshot || book.orders_lost;
        book.orders_lost = true;
        let mut done = 0;
        loop {
            let end = counts.len().min(done + limits::RING_SNAPSHOT_LEVELS);
            let Ok(mut claim) = cx.lane.claim(end - done) else {
                cx.counters.ring_full += 1;
                cx.counters.reject(Rejected::RingFull);
                return;
            };
            for (place, at) in claim.levels_mut().iter_mut().zip(done..end) {
                let (Some(scale), Some(count)) = (book.exponents.scale, counts.get(at)) else {
                    return;
                };
                if levels.write(scale, at, core::slice::from_mut(place)) == 0 {
                    let level = levels.at(at).and_then(|level| book.exponents.record(&level));
                    let Some((record, _)) = level else { return };
                    *place = record;
                }
                *place = LevelRecord::new(place.price(), Size(u64::from(*count)), place.side());
            }
            let mut flags = MessageFlags::default();
            if core::mem::take(&mut first) {
                flags = flags.with(MessageFlags::FIRST);
            }
            if end < counts.len() || event.more {
                flags = flags.with(MessageFlags::MORE);
            }
            claim.commit(MessageHeader {
                count: u32::try_from(end - done).unwrap_or(u32::MAX),
                flags,
                state: book.state,
                reason: book.reason,
                epoch: self.lines[book.line].epoch,
                ..MessageHeader::new(MessageKind::Orders, book.id)
            });
            done = end;
            if done == counts.len() {
                book.orders_lost = false;
                return;
            }
        }
    }
}
