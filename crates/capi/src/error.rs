//! What a call says when it does not do what it was called for.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char};
use std::ffi::CString;

use tickbook::{AttachError, NotReadable, ShmError};

use crate::value::{TickbookReason, TickbookState};

/// What came of a call. Zero: it worked. Above zero: there is nothing to be had now, ask again.
/// Below zero: the call cannot work as it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(i32)]
#[must_use]
pub enum TickbookStatus {
    /// It worked.
    Ok = 0,
    /// The book is not live: `tickbook_book_why` has its state and the reason.
    NotLive = 1,
    /// The book is live, but its connection or its builder has been silent for too long.
    NotFresh = 2,
    /// The writer was publishing during every attempt; read again.
    Busy = 3,
    /// The writer's heartbeat stopped: the process died or hangs. A restarted one is picked up by
    /// the next reads.
    WriterDead = 4,
    /// The engine closed the book or the whole file in an orderly way. A restarted one is picked up
    /// by the next reads.
    Closed = 5,
    /// No event since the last one.
    NoEvent = 6,
    /// The writer was faster: events were overwritten before they were read.
    EventsMissed = 7,
    /// The engine ended or was restarted, and every event was read: open a new events handle.
    EventsEnded = 8,
    /// An argument is null, not UTF-8, or out of range.
    InvalidArgument = -1,
    /// No engine runs here.
    NoEngine = -2,
    /// Several engines run and none was named.
    SeveralEngines = -3,
    /// The file of the engine cannot be used: not there, not readable, damaged.
    File = -4,
    /// The file is of another build of tickbook than this library.
    OtherBuild = -5,
    /// The engine has no such book.
    NoBook = -6,
    /// Several books have this name; name the venue too.
    SeveralBooks = -7,
    /// The engine has no such builder.
    NoBuilder = -8,
    /// There is no counter, or no stage, of this name.
    NoStatistic = -9,
    /// Something else, of a later build.
    Other = -100,
}

impl TickbookStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[
        Self::Ok,
        Self::NotLive,
        Self::NotFresh,
        Self::Busy,
        Self::WriterDead,
        Self::Closed,
        Self::NoEvent,
        Self::EventsMissed,
        Self::EventsEnded,
        Self::InvalidArgument,
        Self::NoEngine,
        Self::SeveralEngines,
        Self::File,
        Self::OtherBuild,
        Self::NoBook,
        Self::SeveralBooks,
        Self::NoBuilder,
        Self::NoStatistic,
        Self::Other,
    ];

    const fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"ok",
            Self::NotLive => c"not_live",
            Self::NotFresh => c"not_fresh",
            Self::Busy => c"busy",
            Self::WriterDead => c"writer_dead",
            Self::Closed => c"closed",
            Self::NoEvent => c"no_event",
            Self::EventsMissed => c"events_missed",
            Self::EventsEnded => c"events_ended",
            Self::InvalidArgument => c"invalid_argument",
            Self::NoEngine => c"no_engine",
            Self::SeveralEngines => c"several_engines",
            Self::File => c"file",
            Self::OtherBuild => c"other_build",
            Self::NoBook => c"no_book",
            Self::SeveralBooks => c"several_books",
            Self::NoBuilder => c"no_builder",
            Self::NoStatistic => c"no_statistic",
            Self::Other => c"other",
        }
    }
}

/// Why a book cannot be used now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookWhy {
    /// Nanoseconds since its builder or its connection was last heard from, for
    /// `TICKBOOK_STATUS_NOT_FRESH`; otherwise 0.
    pub age_ns: i64,
    /// What a read of it says; `TICKBOOK_STATUS_OK`: it can be used.
    pub status: TickbookStatus,
    /// State of the book, for `TICKBOOK_STATUS_NOT_LIVE`; otherwise `TICKBOOK_STATE_EMPTY`.
    pub state: TickbookState,
    /// Why it is in that state, for `TICKBOOK_STATUS_NOT_LIVE`; otherwise `TICKBOOK_REASON_NONE`.
    pub reason: TickbookReason,
    /// Zero.
    pub reserved: [u8; 2],
}

const _: () = assert!(size_of::<TickbookWhy>() == 16 && align_of::<TickbookWhy>() == 8);

impl TickbookWhy {
    pub(crate) fn of(why: Option<NotReadable>) -> Self {
        let (mut state, mut reason, mut silent_ns) =
            (TickbookState::Empty, TickbookReason::None, 0);
        let status = match why {
            None => TickbookStatus::Ok,
            Some(why) => status_of(why),
        };
        match why {
            Some(NotReadable::NotLive { state: found, reason: why }) => {
                (state, reason) = (found.into(), why.into());
            }
            Some(NotReadable::NotFresh { age_ns }) => silent_ns = age_ns,
            None | Some(NotReadable::Busy | NotReadable::WriterDead | NotReadable::Closed) => {}
        }
        Self { age_ns: silent_ns, status, state, reason, reserved: [0; 2] }
    }

    /// Nothing was read at all: not to be taken for a book that can be used.
    pub(crate) fn refused() -> Self {
        Self { status: TickbookStatus::InvalidArgument, ..Self::of(None) }
    }
}

const fn status_of(why: NotReadable) -> TickbookStatus {
    match why {
        NotReadable::NotLive { .. } => TickbookStatus::NotLive,
        NotReadable::NotFresh { .. } => TickbookStatus::NotFresh,
        NotReadable::Busy => TickbookStatus::Busy,
        NotReadable::WriterDead => TickbookStatus::WriterDead,
        NotReadable::Closed => TickbookStatus::Closed,
    }
}

/// The last failure of a thread, kept as it is: a text is made of it only if one is asked for.
#[derive(Clone, Debug)]
enum Failure {
    None,
    NotReadable(NotReadable),
    Invalid { what: &'static str, wrong: &'static str },
    Text(String),
}

thread_local! {
    static LAST: RefCell<Failure> = const { RefCell::new(Failure::None) };
    static SHOWN: Cell<Option<CString>> = const { Cell::new(None) };
}

fn keep(failure: Failure) {
    // A thread that is ending has no place for it any more.
    let _ = LAST.try_with(|last| last.replace(failure));
}

#[cold]
pub(crate) fn not_readable(why: NotReadable) -> TickbookStatus {
    keep(Failure::NotReadable(why));
    status_of(why)
}

#[cold]
pub(crate) fn invalid(what: &'static str, wrong: &'static str) -> TickbookStatus {
    keep(Failure::Invalid { what, wrong });
    TickbookStatus::InvalidArgument
}

#[cold]
pub(crate) fn failed(status: TickbookStatus, text: String) -> TickbookStatus {
    keep(Failure::Text(text));
    status
}

#[cold]
pub(crate) fn not_attached(error: &AttachError) -> TickbookStatus {
    let status = match error {
        AttachError::NoEngine { .. }
        | AttachError::File(ShmError::NoFile { .. } | ShmError::OtherBoot) => {
            TickbookStatus::NoEngine
        }
        AttachError::SeveralEngines { .. } => TickbookStatus::SeveralEngines,
        AttachError::File(
            ShmError::Version { .. } | ShmError::LayoutHash | ShmError::ForeignEndian { .. },
        ) => TickbookStatus::OtherBuild,
        AttachError::File(ShmError::Name { .. }) => TickbookStatus::InvalidArgument,
        AttachError::File(_) => TickbookStatus::File,
        AttachError::NoBook { .. } => TickbookStatus::NoBook,
        AttachError::SeveralBooks { .. } => TickbookStatus::SeveralBooks,
        AttachError::NoBuilder { .. } => TickbookStatus::NoBuilder,
        _ => TickbookStatus::Other,
    };
    failed(status, error.to_string())
}

/// Why the last call of this thread that failed, failed: one line, never null, empty if none did.
/// A call that works leaves it as it is. The text is good until this function is called again by
/// the same thread.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_last_error() -> *const c_char {
    let text = LAST.try_with(|last| match &*last.borrow() {
        Failure::None => String::new(),
        Failure::NotReadable(why) => why.to_string(),
        Failure::Invalid { what, wrong } => format!("argument `{what}` {wrong}"),
        Failure::Text(text) => text.clone(),
    });
    // Names from a file may hold anything but a zero byte; from a caller not even that.
    let Ok(text) = text.map(|text| CString::new(text.replace('\0', " ")).unwrap_or_default())
    else {
        return c"".as_ptr();
    };
    // The bytes stay where they are when the `CString` moves.
    let shown = text.as_ptr();
    if SHOWN.try_with(|last| last.set(Some(text))).is_ok() { shown } else { c"".as_ptr() }
}

/// The name of a status, as `not_live`; `unknown` for a number that is none. Never null, good for
/// ever.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_status_name(status: i32) -> *const c_char {
    let found = TickbookStatus::ALL.iter().find(|it| **it as i32 == status);
    found.map_or(c"unknown", |it| it.name()).as_ptr()
}
