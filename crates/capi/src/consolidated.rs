//! One instrument on every venue that has it, merged into one book.

use core::ffi::c_char;
use core::ptr;
use std::path::Path;

use tickbook::{
    Consolidated, ConsolidatedBook, ConsolidatedLevel, DEFAULT_DIR, LeftOut, Member, MonoNanos,
};

use crate::error::{TickbookStatus, TickbookWhy, not_attached};
use crate::pointer::{array, exclusive, optional_text, out, status, text};
use crate::{TICKBOOK_NAME_SIZE, TICKBOOK_VENUE_SIZE, TickbookDecimal};

/// Readers of one instrument on all venues. Used by one thread at a time.
#[derive(Debug)]
pub struct TickbookConsolidated {
    readers: Consolidated,
    book: ConsolidatedBook,
    members: Vec<TickbookMember>,
    bids: Vec<TickbookConsolidatedLevel>,
    asks: Vec<TickbookConsolidatedLevel>,
}

/// A level of one of the books. Prices and sizes of several venues have exponents of their own.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookConsolidatedLevel {
    /// Price.
    pub price: TickbookDecimal,
    /// Size in units of the base asset.
    pub size: TickbookDecimal,
    /// Which book: an index of `members`.
    pub member: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<TickbookConsolidatedLevel>() == 40);

/// An instrument of a venue, as far as it took part.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookMember {
    /// Name of the book among the venue's.
    pub name: [c_char; TICKBOOK_NAME_SIZE],
    /// Venue; empty if this build does not know it.
    pub venue: [c_char; TICKBOOK_VENUE_SIZE],
    /// When its last message was received.
    pub received_time_ns: i64,
    /// What a read of it says; `TICKBOOK_STATUS_OK`: it can be used.
    pub why: TickbookWhy,
    /// 1 if its levels are there. 0 and `why.status` `TICKBOOK_STATUS_OK`: it can be used, but what
    /// its sizes count is not known, or cannot be counted in base.
    pub taken: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<TickbookMember>() == 136);
const _: () = assert!(core::mem::offset_of!(TickbookMember, received_time_ns) == 104);
const _: () = assert!(core::mem::offset_of!(TickbookMember, taken) == 128);

/// What a read through a `TickbookConsolidated` gave. The pointers are good until the next read
/// through the same handle, or until it is closed.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookConsolidatedBook {
    /// `bids_count` bids of all books, best first; of equal prices in the order of the members.
    pub bids: *const TickbookConsolidatedLevel,
    /// `asks_count` asks of all books, best first; of equal prices in the order of the members.
    pub asks: *const TickbookConsolidatedLevel,
    /// `members_count` instruments, whether they took part or not.
    pub members: *const TickbookMember,
    /// How far apart the last messages of the books were received; -1 if no book took part.
    pub skew_ns: i64,
    /// Bids shown here.
    pub bids_count: u32,
    /// Asks shown here.
    pub asks_count: u32,
    /// Instruments.
    pub members_count: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<TickbookConsolidatedBook>() == 48);
const _: () = assert!(core::mem::offset_of!(TickbookConsolidatedBook, bids_count) == 32);

impl TickbookConsolidatedBook {
    const NONE: Self = Self {
        bids: ptr::null(),
        asks: ptr::null(),
        members: ptr::null(),
        skew_ns: -1,
        bids_count: 0,
        asks_count: 0,
        members_count: 0,
        reserved: 0,
    };
}

impl From<&ConsolidatedLevel> for TickbookConsolidatedLevel {
    fn from(level: &ConsolidatedLevel) -> Self {
        Self {
            price: Some(level.price).into(),
            size: Some(level.size).into(),
            member: count(level.member),
            reserved: 0,
        }
    }
}

impl From<&Member> for TickbookMember {
    fn from(member: &Member) -> Self {
        let why = match member.left_out {
            Some(LeftOut::NotReadable(why)) => Some(why),
            None | Some(_) => None,
        };
        Self {
            name: array(&member.name),
            venue: array(member.venue.map_or("", |venue| venue.name())),
            received_time_ns: member.received.0,
            why: TickbookWhy::of(why),
            taken: member.left_out.is_none().into(),
            reserved: 0,
        }
    }
}

/// Far fewer than a `u32` has: levels that were asked for, instruments of one name.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl TickbookConsolidated {
    fn read(&mut self, levels: u32, now: Option<MonoNanos>) -> TickbookConsolidatedBook {
        let Self { readers, book, members, bids, asks } = self;
        match now {
            Some(now) => readers.read_at(book, levels as usize, now),
            None => readers.read(book, levels as usize),
        }
        members.clear();
        members.extend(book.members().iter().map(TickbookMember::from));
        bids.clear();
        bids.extend(book.bids().iter().map(TickbookConsolidatedLevel::from));
        asks.clear();
        asks.extend(book.asks().iter().map(TickbookConsolidatedLevel::from));
        TickbookConsolidatedBook {
            bids: bids.as_ptr(),
            asks: asks.as_ptr(),
            members: members.as_ptr(),
            skew_ns: book.skew_ns().unwrap_or(-1),
            bids_count: count(bids.len()),
            asks_count: count(asks.len()),
            members_count: count(members.len()),
            reserved: 0,
        }
    }
}

/// Opens readers of the instrument whose name on every venue is `name` (`BTC-USDT`), of the engine
/// called `engine`, or of all that run if that is null; `dir` as in `tickbook_attach`.
/// `*consolidated` is null if there is none.
///
/// # Safety
///
/// - `dir` and `engine` are null or end with a zero byte, and `name` ends with one;
/// - `consolidated` is valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_consolidated_open(
    dir: *const c_char,
    engine: *const c_char,
    name: *const c_char,
    consolidated: *mut *mut TickbookConsolidated,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(consolidated, "consolidated") } {
        Ok(to) => to.write(ptr::null_mut()),
        Err(status) => return status,
    };
    let open = || {
        // SAFETY: null or a text with its end, by the contract of this function.
        let dir = Path::new(unsafe { optional_text(dir, "dir") }?.unwrap_or(DEFAULT_DIR));
        // SAFETY: null or a text with its end, by the contract of this function.
        let engine = unsafe { optional_text(engine, "engine") }?;
        // SAFETY: null or a text with its end, by the contract of this function.
        let name = unsafe { text(name, "name") }?;
        let readers =
            Consolidated::open_in(dir, engine, name).map_err(|error| not_attached(&error))?;
        *to = Box::into_raw(Box::new(TickbookConsolidated {
            readers,
            book: ConsolidatedBook::default(),
            members: Vec::new(),
            bids: Vec::new(),
            asks: Vec::new(),
        }));
        Ok(())
    };
    status(open)
}

/// Closes a handle, and ends what was read through it. Null is allowed.
///
/// # Safety
///
/// - `consolidated` is null or was opened by `tickbook_consolidated_open` and is not closed;
/// - nobody uses it, or what was read through it, any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_consolidated_close(consolidated: *mut TickbookConsolidated) {
    if !consolidated.is_null() {
        // SAFETY: came from `Box::into_raw` in `tickbook_consolidated_open` and is given back once,
        // by the contract of this function.
        drop(unsafe { Box::from_raw(consolidated) });
    }
}

/// Reads every book, and merges up to `levels` levels a side. Only books that are live and fresh at
/// one moment take part; every other one is a member that says why it does not. That none takes
/// part is no error: there are no levels then. Allocates until it has seen its largest book.
///
/// # Safety
///
/// - `consolidated` was opened by `tickbook_consolidated_open` and is not closed;
/// - nobody else uses it, or what was read through it before, now;
/// - `book` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_consolidated_read(
    consolidated: *mut TickbookConsolidated,
    levels: u32,
    book: *mut TickbookConsolidatedBook,
) -> TickbookStatus {
    // SAFETY: the contract is the same.
    unsafe { read(consolidated, levels, None, book) }
}

/// `tickbook_consolidated_read` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_consolidated_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_consolidated_read_at(
    consolidated: *mut TickbookConsolidated,
    levels: u32,
    now_ns: i64,
    book: *mut TickbookConsolidatedBook,
) -> TickbookStatus {
    // SAFETY: the contract is the same.
    unsafe { read(consolidated, levels, Some(MonoNanos(now_ns)), book) }
}

/// # Safety
///
/// - `consolidated` is null or open, and nobody else uses it now;
/// - `book` is null or valid for writing.
unsafe fn read(
    consolidated: *mut TickbookConsolidated,
    levels: u32,
    now: Option<MonoNanos>,
    book: *mut TickbookConsolidatedBook,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(book, "book") } {
        Ok(to) => to.write(TickbookConsolidatedBook::NONE),
        Err(status) => return status,
    };
    let merge = || {
        // SAFETY: null or a handle that is open and used by nobody else, by the contract.
        let consolidated = unsafe { exclusive(consolidated, "consolidated") }?;
        *to = consolidated.read(levels, now);
        Ok(())
    };
    status(merge)
}
