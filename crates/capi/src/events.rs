//! What happens, one after the other: trades, level changes, changes of state.

use core::ptr;

use tickbook::{Event, EventKind, EventRead, EventReader};

use crate::error::{TickbookStatus, failed, not_attached, not_readable};
use crate::pointer::{exclusive, out, shared, status};
use crate::{TickbookEngine, TickbookLevel, TickbookReason, TickbookSide, TickbookState};

/// A reader of one builder's events. Used by one thread at a time.
#[derive(Debug)]
pub struct TickbookEvents {
    reader: EventReader,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookEventKind {
    /// Nothing that this build knows.
    #[default]
    None = 0,
    /// Levels were set or, with size 0, removed: `levels_count` of `levels`, on `sides`.
    Levels = 1,
    /// A trade: `levels[0]`, aggressor `sides[0]`, venue's trade id `id`.
    Trade = 2,
    /// The book changed its state: to `state`, for `reason`.
    State = 3,
}

/// Bits of `TickbookEvent.flags`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookEventFlag {
    /// The first levels of a venue message.
    First = 1,
    /// The last levels of a venue message.
    Last = 2,
    /// The message replaces the whole book: with `TICKBOOK_EVENT_FLAG_FIRST`, clear it.
    Snapshot = 4,
    /// `id` holds the venue's chain id.
    HasSeq = 8,
}

/// An event. What its kind has no use for is zero. Times are nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookEvent {
    /// Venue's id of the trade, or, if `flags` has `TICKBOOK_EVENT_FLAG_HAS_SEQ`, its chain id.
    pub id: u64,
    /// Venue's time, 0 if it says none; of a change of state, when it was published.
    pub time_ns: i64,
    /// When the engine had received it, for trades.
    pub received_time_ns: i64,
    /// Levels that were changed, or price and size of the trade.
    pub levels: [TickbookLevel; 2],
    /// Id of the book, as in `TickbookBookInfo.book`.
    pub book: u32,
    /// Epoch of the connection, for changes of state.
    pub epoch: u32,
    /// What happened.
    pub kind: TickbookEventKind,
    /// Bits of `TickbookEventFlag`.
    pub flags: u8,
    /// How many of `levels` there are.
    pub levels_count: u8,
    /// Side of each of `levels`.
    pub sides: [TickbookSide; 2],
    /// New state of the book.
    pub state: TickbookState,
    /// Why it is in that state.
    pub reason: TickbookReason,
    /// Power of ten of the last digit of every price here.
    pub price_exponent: i8,
    /// Power of ten of the last digit of every size here.
    pub size_exponent: i8,
    /// Zero.
    pub reserved: [u8; 7],
}

const _: () = assert!(size_of::<TickbookEvent>() == 80 && align_of::<TickbookEvent>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookEvent, book) == 56);
const _: () = assert!(core::mem::offset_of!(TickbookEvent, kind) == 64);
const _: () = assert!(core::mem::offset_of!(TickbookEvent, reserved) == 73);

impl TickbookEvent {
    fn set_flag(&mut self, flag: TickbookEventFlag, set: bool) {
        if set {
            self.flags |= flag as u8;
        }
    }
}

impl From<&Event> for TickbookEvent {
    fn from(event: &Event) -> Self {
        let mut out = Self {
            book: event.book.0,
            price_exponent: event.scale.price_exponent,
            size_exponent: event.scale.size_exponent,
            ..Self::default()
        };
        match &event.kind {
            EventKind::Levels(levels) => {
                out.kind = TickbookEventKind::Levels;
                out.id = levels.seq.map_or(0, |seq| seq.0);
                out.time_ns = levels.venue_time.0;
                out.set_flag(TickbookEventFlag::First, levels.first);
                out.set_flag(TickbookEventFlag::Last, levels.last);
                out.set_flag(TickbookEventFlag::Snapshot, levels.snapshot);
                out.set_flag(TickbookEventFlag::HasSeq, levels.seq.is_some());
                let to = out.levels.iter_mut().zip(&mut out.sides);
                for ((level, side), record) in to.zip(levels.levels()) {
                    *level = TickbookLevel { price: record.price().0, size: record.size().0 };
                    *side = record.side().into();
                    out.levels_count += 1;
                }
            }
            &EventKind::State { state, reason, epoch, seq, published_wall } => {
                out.kind = TickbookEventKind::State;
                out.id = seq.map_or(0, |seq| seq.0);
                out.set_flag(TickbookEventFlag::HasSeq, seq.is_some());
                out.time_ns = published_wall.0;
                (out.state, out.reason, out.epoch) = (state.into(), reason.into(), epoch.0);
            }
            &EventKind::Trade { price, size, side, id, venue_time, received_wall } => {
                out.kind = TickbookEventKind::Trade;
                out.id = id;
                (out.time_ns, out.received_time_ns) = (venue_time.0, received_wall.0);
                out.levels[0] = TickbookLevel { price: price.0, size: size.0 };
                out.sides[0] = side.into();
                out.levels_count = 1;
            }
            // Of a later build; `kind` says so.
            _ => {}
        }
        out
    }
}

/// Opens a reader of the events of a builder (`TickbookBookInfo.builder`), from now on. `*events`
/// is null if there is none.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `events` is valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_events_open(
    engine: *const TickbookEngine,
    builder: u32,
    events: *mut *mut TickbookEvents,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(events, "events") } {
        Ok(to) => to.write(ptr::null_mut()),
        Err(status) => return status,
    };
    let open = || {
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        let reader = engine.tickbook.events(builder).map_err(|error| not_attached(&error))?;
        *to = Box::into_raw(Box::new(TickbookEvents { reader }));
        Ok(())
    };
    status(open)
}

/// Closes an events handle. Null is allowed.
///
/// # Safety
///
/// - `events` is null or was opened by `tickbook_events_open` and is not closed;
/// - nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_events_close(events: *mut TickbookEvents) {
    if !events.is_null() {
        // SAFETY: came from `Box::into_raw` in `tickbook_events_open` and is given back once, by
        // the contract of this function.
        drop(unsafe { Box::from_raw(events) });
    }
}

/// Takes the next event, if there is one. Never waits. `*event` is all zero on any other status
/// than `TICKBOOK_STATUS_OK`, and `*missed` is 0 unless the status is
/// `TICKBOOK_STATUS_EVENTS_MISSED`: then exactly so many records were overwritten before they were
/// read (a trade or a change of state is one record, level changes are two to a record), and books
/// kept from events must start again from a snapshot. `missed` may be null. Where nothing is new
/// and nobody would write it, the status is `TICKBOOK_STATUS_WRITER_DEAD` (the engine's process is
/// gone) or `TICKBOOK_STATUS_NOT_FRESH` (the builder hangs), not `TICKBOOK_STATUS_NO_EVENT`.
///
/// # Safety
///
/// - `events` was opened by `tickbook_events_open` and is not closed;
/// - nobody else uses it now;
/// - `event` is valid for writing;
/// - `missed` is null or valid for writing, and not within `*event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_events_next(
    events: *mut TickbookEvents,
    event: *mut TickbookEvent,
    missed: *mut u64,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(event, "event") } {
        Ok(to) => to.write(TickbookEvent::default()),
        Err(status) => return status,
    };
    let mut count = 0;
    // SAFETY: null or a handle that is open and used by nobody else, by the contract.
    let status = match unsafe { exclusive(events, "events") } {
        Err(status) => status,
        Ok(events) => match events.reader.next_event() {
            EventRead::Event(event) => {
                *to = (&event).into();
                TickbookStatus::Ok
            }
            EventRead::Empty => TickbookStatus::NoEvent,
            EventRead::Unheard(fault) => not_readable(fault),
            EventRead::Missed(records) => {
                count = records;
                let text =
                    format!("{records} event records were overwritten before they were read");
                failed(TickbookStatus::EventsMissed, text)
            }
            EventRead::Ended => {
                let text = "the engine ended or was restarted; open new events".to_owned();
                failed(TickbookStatus::EventsEnded, text)
            }
        },
    };
    if !missed.is_null() {
        // SAFETY: not null, so valid for writing by the contract of this function.
        unsafe { missed.write(count) };
    }
    status
}
