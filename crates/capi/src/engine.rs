//! Finding an engine, and what it has.

use core::ffi::c_char;
use core::ptr;
use std::path::Path;
use std::time::Duration;

use tickbook::{
    BookInfo, DEFAULT_DIR, InstrumentKind, InstrumentStatus, OptionRight, Tickbook, Venue,
};

use crate::error::{TickbookStatus, not_attached};
use crate::pointer::{array, optional_text, out, out_slice, shared, status};
use crate::{TickbookBook, TickbookDecimal};

/// An engine, by which its books are found. May be used by several threads at the same time.
#[derive(Debug)]
pub struct TickbookEngine {
    pub(crate) tickbook: Tickbook,
}

/// What the header promises of threads.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    const fn moved<T: Send>() {}
    shared::<TickbookEngine>();
    moved::<TickbookBook>();
    moved::<crate::TickbookEvents>();
};

/// Bytes of a name, the zero byte at its end included.
pub const TICKBOOK_NAME_SIZE: usize = 72;

/// Bytes of a venue's name, the zero byte at its end included.
pub const TICKBOOK_VENUE_SIZE: usize = 32;

/// What the file says of its engine.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookEngineInfo {
    /// Name.
    pub name: [c_char; TICKBOOK_NAME_SIZE],
    /// Unique number of the file; another one after a restart.
    pub generation: u64,
    /// How often each builder beats.
    pub heartbeat_ns: i64,
    /// Process that writes the file.
    pub pid: u32,
    /// Published levels a side.
    pub depth: u32,
    /// Builders, each with events of its own.
    pub builders: u32,
    /// 1 if a builder beats, otherwise 0.
    pub alive: u32,
}

const _: () = assert!(size_of::<TickbookEngineInfo>() == 104);
const _: () = assert!(core::mem::offset_of!(TickbookEngineInfo, generation) == 72);

/// Kind of an instrument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookKind {
    /// Delivery on the spot.
    Spot = 0,
    /// Perpetual swap.
    Perpetual = 1,
    /// Future with an expiry.
    Future = 2,
    /// Option.
    Option = 3,
    /// Of a later build.
    Unknown = 255,
}

/// Whether the venue trades an instrument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookTrading {
    /// The venue's list was not seen or does not say.
    Unknown = 0,
    /// Trading.
    Trading = 1,
    /// Halted, in auction, or not yet open.
    Halted = 2,
    /// Expired or delisted.
    Expired = 3,
}

/// Right of an option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookRight {
    /// Not an option.
    None = 0,
    /// The right to buy.
    Call = 1,
    /// The right to sell.
    Put = 2,
}

/// A book in the directory of an engine.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookBookInfo {
    /// Name among the venue's books: the venue's symbol, or its topic where one symbol has several
    /// books.
    pub name: [c_char; TICKBOOK_NAME_SIZE],
    /// The name that is the same on every venue.
    pub normalised: [c_char; TICKBOOK_NAME_SIZE],
    /// Venue.
    pub venue: [c_char; TICKBOOK_VENUE_SIZE],
    /// Smallest price step.
    pub tick_size: TickbookDecimal,
    /// Smallest size step.
    pub lot_size: TickbookDecimal,
    /// What one unit of size is worth, in base (linear) or quote (inverse) units.
    pub contract_multiplier: TickbookDecimal,
    /// Strike, for options.
    pub strike: TickbookDecimal,
    /// Its id; events name the book by it.
    pub book: u32,
    /// Builder that builds it; its events are in that builder's ring.
    pub builder: u32,
    /// Connection that fed it when it was added.
    pub conn: u32,
    /// Expiry as the number YYYYMMDD, for futures and options; otherwise 0.
    pub expiry: u32,
    /// Levels a side the venue keeps on this channel; 0: the whole book.
    pub depth_max: u32,
    /// Kind.
    pub kind: TickbookKind,
    /// Whether the venue traded it when the book was added.
    pub trading: TickbookTrading,
    /// Right, for options.
    pub right: TickbookRight,
    /// Zero.
    pub reserved: u8,
}

const _: () = assert!(size_of::<TickbookBookInfo>() == 264);
const _: () = assert!(core::mem::offset_of!(TickbookBookInfo, tick_size) == 176);
const _: () = assert!(core::mem::offset_of!(TickbookBookInfo, book) == 240);

impl From<&BookInfo> for TickbookBookInfo {
    fn from(info: &BookInfo) -> Self {
        Self {
            name: array(&info.name),
            normalised: array(&info.normalised),
            venue: array(info.venue.map_or("unknown", Venue::name)),
            tick_size: info.tick_size.into(),
            lot_size: info.lot_size.into(),
            contract_multiplier: info.contract_multiplier.into(),
            strike: info.option.map(|(strike, _)| strike).into(),
            book: info.book.0,
            builder: info.builder,
            conn: info.conn.0,
            expiry: info.expiry.unwrap_or(0),
            depth_max: info.depth_max.unwrap_or(0),
            kind: match info.kind {
                InstrumentKind::Spot => TickbookKind::Spot,
                InstrumentKind::Perpetual => TickbookKind::Perpetual,
                InstrumentKind::Future => TickbookKind::Future,
                InstrumentKind::Option => TickbookKind::Option,
                _ => TickbookKind::Unknown,
            },
            trading: match info.status {
                InstrumentStatus::Trading => TickbookTrading::Trading,
                InstrumentStatus::Halted => TickbookTrading::Halted,
                InstrumentStatus::Expired => TickbookTrading::Expired,
                _ => TickbookTrading::Unknown,
            },
            right: match info.option {
                None => TickbookRight::None,
                Some((_, OptionRight::Call)) => TickbookRight::Call,
                Some((_, OptionRight::Put)) => TickbookRight::Put,
            },
            reserved: 0,
        }
    }
}

/// Attaches the engine called `name` in the directory `dir`, and waits for one that runs up to
/// `timeout_ms`. Null for `dir`: where engines put their files by default. Null for `name`: the
/// only engine that runs. `*engine` is null if there is none.
///
/// Without waiting (0), a named engine may be dead: its books then say so, and follow it once it is
/// started again.
///
/// # Safety
///
/// - `dir` and `name` are null or end with a zero byte;
/// - `engine` is valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_attach(
    dir: *const c_char,
    name: *const c_char,
    timeout_ms: u64,
    engine: *mut *mut TickbookEngine,
) -> TickbookStatus {
    // SAFETY: null or valid for writing, by the contract of this function.
    let to = match unsafe { out(engine, "engine") } {
        Ok(to) => to.write(ptr::null_mut()),
        Err(status) => return status,
    };
    let attach = || {
        // SAFETY: null or a text with its end, by the contract of this function.
        let dir = Path::new(unsafe { optional_text(dir, "dir") }?.unwrap_or(DEFAULT_DIR));
        // SAFETY: null or a text with its end, by the contract of this function.
        let name = unsafe { optional_text(name, "name") }?;
        let attached = match timeout_ms {
            0 => Tickbook::attach_in(dir, name),
            _ => Tickbook::wait_in(dir, name, Duration::from_millis(timeout_ms)),
        };
        let tickbook = attached.map_err(|error| not_attached(&error))?;
        *to = Box::into_raw(Box::new(TickbookEngine { tickbook }));
        Ok(())
    };
    status(attach)
}

/// Closes an engine handle. Books and events that were opened by it live on. Null is allowed.
///
/// # Safety
///
/// - `engine` is null or was opened by `tickbook_attach` and is not closed;
/// - nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_engine_close(engine: *mut TickbookEngine) {
    if !engine.is_null() {
        // SAFETY: came from `Box::into_raw` in `tickbook_attach` and is given back once, by the
        // contract of this function.
        drop(unsafe { Box::from_raw(engine) });
    }
}

/// What the file says of its engine; of a restarted one, if there is one.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `info` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_engine_info(
    engine: *const TickbookEngine,
    info: *mut TickbookEngineInfo,
) -> TickbookStatus {
    let describe = || {
        // SAFETY: null or valid for writing, by the contract of this function.
        let to = unsafe { out(info, "info") }?;
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        let found = engine.tickbook.engine();
        to.write(TickbookEngineInfo {
            name: array(&found.name),
            generation: found.generation,
            heartbeat_ns: found.heartbeat_ns,
            pid: found.pid,
            depth: u32::try_from(found.depth).unwrap_or(u32::MAX),
            builders: found.builders,
            alive: u32::from(found.alive),
        });
        Ok(())
    };
    status(describe)
}

/// Lists the books of an engine by id: writes up to `capacity` of them to `books`, and to `*count`
/// how many there are. `books` may be null if `capacity` is 0.
///
/// # Safety
///
/// - `engine` was opened by `tickbook_attach` and is not closed;
/// - `books` is valid for writing `capacity` of them, or `capacity` is 0;
/// - `count` is valid for writing, and not within `books`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_engine_books(
    engine: *const TickbookEngine,
    books: *mut TickbookBookInfo,
    capacity: usize,
    count: *mut usize,
) -> TickbookStatus {
    let list = || {
        // SAFETY: null or valid for writing, by the contract of this function.
        let count = unsafe { out(count, "count") }?.write(0);
        // SAFETY: null or a handle that is open, by the contract of this function.
        let engine = unsafe { shared(engine, "engine") }?;
        // SAFETY: valid for writing so many, by the contract of this function.
        let to = unsafe { out_slice(books, capacity, "books") }?;
        let found = engine.tickbook.books();
        for (to, info) in to.iter_mut().zip(&found) {
            to.write(info.into());
        }
        *count = found.len();
        Ok(())
    };
    status(list)
}
