//! A reader of what happens: trades, level changes, changes of state.

use std::sync::Arc;

use tickbook_shm::{Event, NextEvent, View};
use tickbook_types::{MonoNanos, NotReadable, Ticks, clock};

use crate::freshness::{Horizon, TickRate, builder_left_ns};

/// A reader of one builder's event ring, from the moment it was made.
///
/// ```no_run
/// use tickbook::{EventKind, EventRead};
/// # let tickbook = tickbook::Tickbook::attach(None)?;
/// let mut events = tickbook.events(0)?;
/// loop {
///     match events.next_event() {
///         EventRead::Event(event) => {
///             if let EventKind::Trade { price, size, .. } = event.kind {
///                 let (price, size) = (event.price_decimal(price), event.size_decimal(size));
///                 println!("book {}: {size} at {price}", event.book);
///             }
///         }
///         EventRead::Empty => std::thread::yield_now(),
///         EventRead::Unheard(fault) => println!("no events, for nobody writes any: {fault}"),
///         EventRead::Missed(count) => println!("too slow: {count} records are gone"),
///         EventRead::Ended => break,
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventReader {
    view: Arc<View>,
    builder: u32,
    position: u64,
    records_missed: u64,
    rate: TickRate,
    /// Until when the builder need not be looked after.
    horizon: Horizon,
}

/// What [`EventReader::next_event`] finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventRead {
    /// The next event.
    Event(Event),
    /// Nothing new, and the builder is alive.
    Empty,
    /// Nothing new, and nobody would write it: the engine's process is gone
    /// ([`NotReadable::WriterDead`]) or the builder hangs ([`NotReadable::NotFresh`]). A builder
    /// that goes on is read on; a restarted engine's events need a new reader.
    Unheard(NotReadable),
    /// The writer was faster: exactly this many records were overwritten before they were read.
    /// (A trade or a change of state is one record, level changes are two to a record.) Books kept
    /// from events must start again from a snapshot.
    Missed(u64),
    /// The engine closed the file, or a restarted one has taken its place, and everything in it has
    /// been read: take a new reader.
    Ended,
}

impl EventReader {
    pub(crate) fn new(view: Arc<View>, builder: u32) -> Self {
        let position = view.events_end(builder);
        let (rate, horizon) = (TickRate::measure(), Horizon::PAST);
        Self { view, builder, position, records_missed: 0, rate, horizon }
    }

    /// The next event, if there is one. Never waits.
    #[inline]
    pub fn next_event(&mut self) -> EventRead {
        match self.poll() {
            Some(read) => read,
            None => self.empty(),
        }
    }

    /// As [`Self::next_event`] at a time the caller has read: `CLOCK_MONOTONIC`, not long ago.
    #[inline]
    pub fn next_event_at(&mut self, now: MonoNanos) -> EventRead {
        match self.poll() {
            Some(read) => read,
            None if self.horizon.covers_time(now) && !self.view.closed() => EventRead::Empty,
            None => self.look_after(None, now),
        }
    }

    #[inline]
    fn poll(&mut self) -> Option<EventRead> {
        match self.view.next_event(self.builder, &mut self.position) {
            NextEvent::Event(Some(event)) => Some(EventRead::Event(event)),
            NextEvent::Event(None) => {
                // Nothing an engine of this layout writes; all the same it must be counted.
                self.records_missed += 1;
                Some(EventRead::Missed(1))
            }
            NextEvent::Missed(count) => {
                self.records_missed = self.records_missed.saturating_add(count);
                Some(EventRead::Missed(count))
            }
            NextEvent::Empty => None,
        }
    }

    /// Records missed so far.
    #[must_use]
    pub const fn records_missed(&self) -> u64 {
        self.records_missed
    }

    fn empty(&mut self) -> EventRead {
        let at = clock::now();
        if self.horizon.covers(at) && !self.view.closed() {
            return EventRead::Empty;
        }
        self.look_after(Some(at), clock::mono_now())
    }

    /// Why there is nothing.
    #[cold]
    fn look_after(&mut self, at: Option<Ticks>, now: MonoNanos) -> EventRead {
        let fault = match builder_left_ns(&self.view, self.builder, now) {
            Ok(left_ns) => {
                self.horizon = Horizon::new(at, now, left_ns, &self.rate);
                return EventRead::Empty;
            }
            Err(fault) => fault,
        };
        // What was written before that can be seen now.
        let mut position = self.position;
        match (self.view.next_event(self.builder, &mut position), fault) {
            (NextEvent::Event(_) | NextEvent::Missed(_), _) => EventRead::Empty,
            (NextEvent::Empty, NotReadable::Closed) => EventRead::Ended,
            (NextEvent::Empty, fault) => EventRead::Unheard(fault),
        }
    }
}
