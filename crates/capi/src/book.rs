//! The reads of one book.

use core::ptr;

use tickbook::{BookReader, Depth, Level, MonoNanos, NotReadable, OrderCounts};

use crate::error::{TickbookStatus, TickbookWhy, not_attached, not_readable};
use crate::pointer::{self, exclusive, out, shared, status};
use crate::{TickbookEngine, TickbookHeader, TickbookLevel, TickbookQuotes, TickbookTop};

/// A reader of one book. Used by one thread at a time.
#[derive(Debug)]
pub struct TickbookBook {
    pub(crate) reader: BookReader,
    pub(crate) depth: Depth,
    pub(crate) orders: OrderCounts,
    /// What the last read that failed said.
    why: Option<NotReadable>,
}

/// The published levels of a book. The pointers are good until the next read of levels through the
/// same book handle, whatever comes of it, or until the handle is closed.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookDepth {
    /// Everything but the levels.
    pub header: TickbookHeader,
    /// `bids_count` bids, best first; null if the read failed.
    pub bids: *const TickbookLevel,
    /// `asks_count` asks, best first; null if the read failed.
    pub asks: *const TickbookLevel,
    /// Bids shown here; `header.bid_levels` is how many the whole book has.
    pub bids_count: u32,
    /// Asks shown here; `header.ask_levels` is how many the whole book has.
    pub asks_count: u32,
}

const _: () = assert!(size_of::<TickbookDepth>() == 104 && align_of::<TickbookDepth>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookDepth, bids) == 80);
const _: () = assert!(core::mem::offset_of!(TickbookDepth, bids_count) == 96);

impl Default for TickbookDepth {
    fn default() -> Self {
        Self {
            header: TickbookHeader::default(),
            bids: ptr::null(),
            asks: ptr::null(),
            bids_count: 0,
            asks_count: 0,
        }
    }
}

impl From<&Depth> for TickbookDepth {
    #[inline]
    fn from(depth: &Depth) -> Self {
        // The layouts are held against each other in `value`.
        let shown = |levels: &[Level]| levels.as_ptr().cast::<TickbookLevel>();
        // No more than the published depth, which is a `u32` of the file.
        let count = |levels: &[Level]| u32::try_from(levels.len()).unwrap_or(u32::MAX);
        let (bids, asks) = (depth.bids(), depth.asks());
        Self {
            header: depth.header().into(),
            bids: shown(bids),
            asks: shown(asks),
            bids_count: count(bids),
            asks_count: count(asks),
        }
    }
}

/// Opens a reader of the book called `name`: `binance_spot:BTCUSDT` (the venue's symbol or topic),
/// `binance_spot:BTC-USDT` (the name that is the same on every venue), or either without the venue
/// where that is unambiguous. `*book` is null if there is none.
///
/// The first one of a process measures the time-stamp counter, which takes 30 ms.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `name` ends with a zero byte;
/// - `book` is valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_open(
    engine: *const TickbookEngine,
    name: *const core::ffi::c_char,
    book: *mut *mut TickbookBook,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(book, "book") } {
        Ok(to) => to.write(ptr::null_mut()),
        Err(status) => return status,
    };
    let open = || {
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        // SAFETY: null or a text with its end, by the contract of this function.
        let name = unsafe { pointer::text(name, "name") }?;
        let reader = engine.tickbook.book(name).map_err(|error| not_attached(&error))?;
        let (depth, orders) = (Depth::default(), OrderCounts::default());
        let book = TickbookBook { reader, depth, orders, why: None };
        *to = Box::into_raw(Box::new(book));
        Ok(())
    };
    status(open)
}

/// Closes a book handle, and ends what was read through it. Null is allowed.
///
/// # Safety
///
/// - `book` is null or was opened by `tickbook_book_open` and is not closed;
/// - nobody uses it, or levels read through it, any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_close(book: *mut TickbookBook) {
    if !book.is_null() {
        // SAFETY: came from `Box::into_raw` in `tickbook_book_open` and is given back once, by the
        // contract of this function.
        drop(unsafe { Box::from_raw(book) });
    }
}

/// Why the last read through this handle that gave no book gave none.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it now;
/// - `why` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_why(
    book: *const TickbookBook,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(why, "why") } {
        Ok(to) => to,
        Err(status) => return status,
    };
    to.write(TickbookWhy::of(None));
    // SAFETY: null or a handle that is open and used by nobody else, by the contract.
    match unsafe { shared(book, "book") } {
        Ok(book) => {
            to.write(TickbookWhy::of(book.why));
            TickbookStatus::Ok
        }
        Err(status) => status,
    }
}

/// Whether `tickbook_book_top` would say something new (1) or not (0): a newer top is published
/// than was read last through this handle, or the time is over for which that one was known to be
/// fresh. Always 1 before the first read and after one that gave no book, and for a null handle.
///
/// What a thread that waits for a book spins on: it looks at one cache line and the time-stamp
/// counter, and copies nothing. Whoever reads when it says 1 learns of a dead engine or a silent
/// connection as soon as one who reads all the time.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top_changed(book: *const TickbookBook) -> i32 {
    // SAFETY: the contract is the same.
    unsafe { changed(book, BookReader::top_changed) }
}

/// `tickbook_book_top_changed` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_top_changed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top_changed_at(
    book: *const TickbookBook,
    now_ns: i64,
) -> i32 {
    // SAFETY: the contract is the same.
    unsafe { changed(book, |reader| reader.top_changed_at(MonoNanos(now_ns))) }
}

/// Whether `tickbook_book_depth` would say something new, as `tickbook_book_top_changed`.
///
/// # Safety
///
/// - as `tickbook_book_top_changed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_changed(book: *const TickbookBook) -> i32 {
    // SAFETY: the contract is the same.
    unsafe { changed(book, BookReader::depth_changed) }
}

/// `tickbook_book_depth_changed` at a time that the caller has just read from `CLOCK_MONOTONIC`,
/// in nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_top_changed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_changed_at(
    book: *const TickbookBook,
    now_ns: i64,
) -> i32 {
    // SAFETY: the contract is the same.
    unsafe { changed(book, |reader| reader.depth_changed_at(MonoNanos(now_ns))) }
}

/// Reads best bid and ask, if the book is live and fresh; otherwise the status says why it is not
/// to be used, and `*top` is all zero.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it now;
/// - `top` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top(
    book: *mut TickbookBook,
    top: *mut TickbookTop,
) -> TickbookStatus {
    // SAFETY: the contract is the same.
    unsafe { read(book, top, "top", |book| Ok((&book.reader.top()?).into())) }
}

/// `tickbook_book_top` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds: saves the reading of a clock.
///
/// # Safety
///
/// - as `tickbook_book_top`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top_at(
    book: *mut TickbookBook,
    now_ns: i64,
    top: *mut TickbookTop,
) -> TickbookStatus {
    let now = MonoNanos(now_ns);
    // SAFETY: the contract is the same.
    unsafe { read(book, top, "top", |book| Ok((&book.reader.top_at(now)?).into())) }
}

/// Reads best bid and ask by themselves, if the book is live and fresh; otherwise the status says
/// why it is not to be used, and `*quotes` is all zero. `tickbook_book_top` without times and level
/// counts, from one cache line in place of two; `tickbook_book_top_changed` tells of news.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it now;
/// - `quotes` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_quotes(
    book: *mut TickbookBook,
    quotes: *mut TickbookQuotes,
) -> TickbookStatus {
    // SAFETY: the contract is the same.
    unsafe { read(book, quotes, "quotes", |book| Ok((&book.reader.quotes()?).into())) }
}

/// `tickbook_book_quotes` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds: saves the reading of a clock.
///
/// # Safety
///
/// - as `tickbook_book_quotes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_quotes_at(
    book: *mut TickbookBook,
    now_ns: i64,
    quotes: *mut TickbookQuotes,
) -> TickbookStatus {
    let now = MonoNanos(now_ns);
    // SAFETY: the contract is the same.
    unsafe { read(book, quotes, "quotes", |book| Ok((&book.reader.quotes_at(now)?).into())) }
}

/// Reads the last whole best bid and ask whatever the state of the book; `*why` says whether it can
/// be used. Another status than `TICKBOOK_STATUS_OK` if there is no whole one: the writer died or
/// hangs within a publish, publishes without a break, or the book is gone.
///
/// # Safety
///
/// - as `tickbook_book_top`;
/// - `why` is valid for writing, and not within `*top`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top_any(
    book: *mut TickbookBook,
    top: *mut TickbookTop,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        book.reader.top_any().map(|(top, why)| (TickbookTop::from(&top), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, top, "top", why, any) }
}

/// `tickbook_book_top_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_top_any`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_top_any_at(
    book: *mut TickbookBook,
    now_ns: i64,
    top: *mut TickbookTop,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        let read = book.reader.top_any_at(MonoNanos(now_ns));
        read.map(|(top, why)| (TickbookTop::from(&top), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, top, "top", why, any) }
}

/// Reads the published levels, if the book is live and fresh; otherwise the status says why they
/// are not to be used, and `*depth` is all zero. Allocates on the first use of a handle only.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it, or levels read through it before, now;
/// - `depth` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth(
    book: *mut TickbookBook,
    depth: *mut TickbookDepth,
) -> TickbookStatus {
    let levels = |book: &mut TickbookBook| {
        book.reader.depth(&mut book.depth)?;
        Ok((&book.depth).into())
    };
    // SAFETY: the contract is the same.
    unsafe { read(book, depth, "depth", levels) }
}

/// `tickbook_book_depth` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_depth`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_at(
    book: *mut TickbookBook,
    now_ns: i64,
    depth: *mut TickbookDepth,
) -> TickbookStatus {
    let levels = |book: &mut TickbookBook| {
        book.reader.depth_at(&mut book.depth, MonoNanos(now_ns))?;
        Ok((&book.depth).into())
    };
    // SAFETY: the contract is the same.
    unsafe { read(book, depth, "depth", levels) }
}

/// Reads the last whole levels whatever the state of the book, as `tickbook_book_top_any`.
///
/// # Safety
///
/// - as `tickbook_book_depth`;
/// - `why` is valid for writing, and not within `*depth`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_any(
    book: *mut TickbookBook,
    depth: *mut TickbookDepth,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        let why = book.reader.depth_any(&mut book.depth)?;
        Ok((TickbookDepth::from(&book.depth), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, depth, "depth", why, any) }
}

/// `tickbook_book_depth_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_depth_any`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_any_at(
    book: *mut TickbookBook,
    now_ns: i64,
    depth: *mut TickbookDepth,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        let why = book.reader.depth_any_at(&mut book.depth, MonoNanos(now_ns))?;
        Ok((TickbookDepth::from(&book.depth), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, depth, "depth", why, any) }
}

/// What `look` says of `book`; 1 of none.
///
/// # Safety
///
/// - `book` is null or open, and nobody else uses it now.
#[inline]
unsafe fn changed(book: *const TickbookBook, look: impl FnOnce(&BookReader) -> bool) -> i32 {
    // SAFETY: null or a handle that is open and used by nobody else, by the contract.
    match unsafe { shared(book, "book") } {
        Ok(book) => look(&book.reader).into(),
        // The read says what is wrong.
        Err(_) => 1,
    }
}

/// A read through `book` to `to`.
///
/// # Safety
///
/// - `book` is null or open, and nobody else uses it now;
/// - `to` is null or valid for writing.
#[inline]
pub(crate) unsafe fn read<T: Default>(
    book: *mut TickbookBook,
    to: *mut T,
    what: &'static str,
    read: impl FnOnce(&mut TickbookBook) -> Result<T, NotReadable>,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(to, what) } {
        Ok(to) => to,
        Err(status) => return status,
    };
    // SAFETY: null or a handle that is open and used by nobody else, by the contract.
    let book = match unsafe { exclusive(book, "book") } {
        Ok(book) => book,
        Err(status) => {
            to.write(T::default());
            return status;
        }
    };
    match read(book) {
        Ok(value) => {
            to.write(value);
            TickbookStatus::Ok
        }
        Err(why) => {
            to.write(T::default());
            book.why = Some(why);
            not_readable(why)
        }
    }
}

/// A read through `book` to `to`, with a judgement to `why`.
///
/// # Safety
///
/// - `book` is null or open, and nobody else uses it now;
/// - `to` and `why` are null or valid for writing, and apart from each other.
pub(crate) unsafe fn read_any<T: Default>(
    book: *mut TickbookBook,
    to: *mut T,
    what: &'static str,
    why: *mut TickbookWhy,
    any: impl FnOnce(&mut TickbookBook) -> Result<(T, Option<NotReadable>), NotReadable>,
) -> TickbookStatus {
    let mut judged = None;
    let judge = |book: &mut TickbookBook| {
        let read = any(book);
        judged = match &read {
            Ok((_, why)) => *why,
            Err(why) => Some(*why),
        };
        read.map(|(value, _)| value)
    };
    // SAFETY: null or valid for writing, by the contract of this function.
    let why = match unsafe { out(why, "why") } {
        Ok(why) => why,
        Err(status) => {
            // SAFETY: null or valid for writing, by the contract of this function.
            if let Ok(to) = unsafe { out(to, what) } {
                to.write(T::default());
            }
            return status;
        }
    };
    // SAFETY: the contract is the same.
    let status = unsafe { read(book, to, what, judge) };
    why.write(match status {
        TickbookStatus::InvalidArgument => TickbookWhy::refused(),
        _ => TickbookWhy::of(judged),
    });
    status
}
