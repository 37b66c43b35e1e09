//! A reader of what happens: trades, level changes, changes of state.

use std::sync::Arc;

use tickbook_shm::{Event, NextEvent, View};

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
}

/// What [`EventReader::next_event`] finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventRead {
    /// The next event.
    Event(Event),
    /// Nothing new.
    Empty,
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
        Self { view, builder, position, records_missed: 0 }
    }

    /// The next event, if there is one. Never waits.
    #[inline]
    pub fn next_event(&mut self) -> EventRead {
        match self.view.next_event(self.builder, &mut self.position) {
            NextEvent::Event(Some(event)) => EventRead::Event(event),
            NextEvent::Event(None) => {
                // Nothing an engine of this layout writes; all the same it must be counted.
                self.records_missed += 1;
                EventRead::Missed(1)
            }
            NextEvent::Missed(count) => {
                self.records_missed = self.records_missed.saturating_add(count);
                EventRead::Missed(count)
            }
            NextEvent::Empty => self.empty(),
        }
    }

    /// Records missed so far.
    #[must_use]
    pub const fn records_missed(&self) -> u64 {
        self.records_missed
    }

    fn empty(&self) -> EventRead {
        if !self.view.closed() {
            return EventRead::Empty;
        }
        // What was written before it was closed can be seen now.
        let mut position = self.position;
        match self.view.next_event(self.builder, &mut position) {
            NextEvent::Empty => EventRead::Ended,
            NextEvent::Event(_) | NextEvent::Missed(_) => EventRead::Empty,
        }
    }
}
