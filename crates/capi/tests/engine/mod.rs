//! An engine within the test's process, and the calls as C makes them.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::null;

use tickbook_c::*;
use tickbook_shm::{
    BuilderWriter, ConnState, ConnWriter, Segment, Snapshot, SnapshotFlags, StatsWriter,
};
use tickbook_types::{
    BookId, BookState, Epoch, Level, MonoNanos, Price, Reason, Scale, SeqNo, Size, clock,
};

use crate::writer::{TestDir, config, spec};

pub(crate) const HEARTBEAT_NS: i64 = 10_000_000;

pub(crate) const SCALE: Scale = Scale { price_exponent: -2, size_exponent: -5 };

/// An engine within this process, with two books.
pub(crate) struct Engine {
    pub(crate) dir: TestDir,
    pub(crate) segment: Segment,
    pub(crate) builder: BuilderWriter,
    pub(crate) conn: ConnWriter,
    pub(crate) stats: StatsWriter,
    pub(crate) start: MonoNanos,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let dir = TestDir::new();
        let mut segment = Segment::create(&config(dir.path(), HEARTBEAT_NS)).unwrap();
        let mut builder = segment.take_builder(0).unwrap();
        let mut conn = segment.take_conn(0).unwrap();
        let stats = segment.take_thread(0, "venue").unwrap();
        builder.add_book(&spec(0, 0, "BTCUSDT")).unwrap();
        builder.add_book(&spec(1, 0, "ETHUSDT")).unwrap();
        let start = clock::mono_now().plus(HEARTBEAT_NS);
        conn.set_state(ConnState::Open);
        conn.received(start);
        builder.beat(start);
        Self { dir, segment, builder, conn, stats, start }
    }

    pub(crate) fn publish(&mut self, state: BookState, reason: Reason) {
        self.publish_book(0, state, reason);
    }

    pub(crate) fn publish_book(&mut self, book: u32, state: BookState, reason: Reason) {
        let bids = [level(6_123_450, 150_000), level(6_123_440, 1)];
        let asks = [level(6_123_460, 2)];
        let snapshot = Snapshot {
            state,
            reason,
            epoch: Epoch(7),
            flags: SnapshotFlags::HAS_SEQ,
            seq: SeqNo(42),
            scale: SCALE,
            bid_levels: 200,
            ask_levels: 100,
            bids: &bids,
            asks: &asks,
            bids_changed: 0..2,
            asks_changed: 0..1,
            ..Snapshot::default()
        };
        self.builder.publish(BookId(book), &snapshot);
    }

    pub(crate) fn attach(&self) -> *mut TickbookEngine {
        attach(&self.dir, Some("test"), 0).unwrap()
    }
}

pub(crate) fn level(price: i64, size: u64) -> Level {
    Level { price: Price(price), size: Size(size) }
}

pub(crate) fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Memory that is not zero, as a caller's stack may be.
pub(crate) fn dirty<T>() -> MaybeUninit<T> {
    let mut memory = MaybeUninit::<T>::uninit();
    unsafe { memory.as_mut_ptr().cast::<u8>().write_bytes(0xa5, size_of::<T>()) };
    memory
}

pub(crate) fn last_error() -> String {
    unsafe { CStr::from_ptr(tickbook_last_error()) }.to_str().unwrap().to_owned()
}

pub(crate) fn attach(
    dir: &TestDir,
    name: Option<&str>,
    timeout_ms: u64,
) -> Result<*mut TickbookEngine, TickbookStatus> {
    let dir = c(dir.path().to_str().unwrap());
    let name = name.map(c);
    let name = name.as_ref().map_or(null(), |name| name.as_ptr());
    let mut engine = dirty();
    let status = unsafe { tickbook_attach(dir.as_ptr(), name, timeout_ms, engine.as_mut_ptr()) };
    let engine: *mut TickbookEngine = unsafe { engine.assume_init() };
    assert_eq!(engine.is_null(), status != TickbookStatus::Ok);
    if status == TickbookStatus::Ok { Ok(engine) } else { Err(status) }
}

pub(crate) fn open(
    engine: *const TickbookEngine,
    name: &str,
) -> Result<*mut TickbookBook, TickbookStatus> {
    let mut book = dirty();
    let status = unsafe { tickbook_book_open(engine, c(name).as_ptr(), book.as_mut_ptr()) };
    let book: *mut TickbookBook = unsafe { book.assume_init() };
    assert_eq!(book.is_null(), status != TickbookStatus::Ok);
    if status == TickbookStatus::Ok { Ok(book) } else { Err(status) }
}

pub(crate) fn top_at(
    book: *mut TickbookBook,
    now: MonoNanos,
) -> Result<TickbookTop, TickbookStatus> {
    let mut top = dirty::<TickbookTop>();
    let status = unsafe { tickbook_book_top_at(book, now.0, top.as_mut_ptr()) };
    let top = unsafe { top.assume_init() };
    if status == TickbookStatus::Ok {
        return Ok(top);
    }
    assert_eq!(top, TickbookTop::default(), "{status:?} leaves no old book");
    Err(status)
}

/// The quotes, which must be the top's, and which say the same of a book that cannot be used.
pub(crate) fn quotes_at(
    book: *mut TickbookBook,
    now: MonoNanos,
) -> Result<TickbookQuotes, TickbookStatus> {
    let mut quotes = dirty::<TickbookQuotes>();
    let status = unsafe { tickbook_book_quotes_at(book, now.0, quotes.as_mut_ptr()) };
    let quotes = unsafe { quotes.assume_init() };
    let of_quotes = if status == TickbookStatus::Ok {
        Ok(quotes)
    } else {
        assert_eq!(quotes, TickbookQuotes::default(), "{status:?} leaves no old book");
        Err(status)
    };
    let of_top = top_at(book, now).map(|TickbookTop { header, bid, ask }| TickbookQuotes {
        seq: header.seq,
        conn: header.conn,
        epoch: header.epoch,
        instrument_epoch: header.instrument_epoch,
        flags: header.flags,
        state: header.state,
        reason: header.reason,
        price_exponent: header.price_exponent,
        size_exponent: header.size_exponent,
        reserved: [0; 6],
        bid,
        ask,
    });
    assert_eq!(of_quotes, of_top);
    of_quotes
}

pub(crate) fn depth_at(
    book: *mut TickbookBook,
    now: MonoNanos,
) -> Result<TickbookDepth, TickbookStatus> {
    let mut depth = dirty::<TickbookDepth>();
    let status = unsafe { tickbook_book_depth_at(book, now.0, depth.as_mut_ptr()) };
    let depth = unsafe { depth.assume_init() };
    if status == TickbookStatus::Ok {
        return Ok(depth);
    }
    assert!(depth.bids.is_null() && depth.asks.is_null(), "{status:?} leaves no old levels");
    assert_eq!((depth.bids_count, depth.asks_count), (0, 0));
    assert_eq!(depth.header, TickbookHeader::default());
    Err(status)
}

pub(crate) fn why(book: *const TickbookBook) -> TickbookWhy {
    let mut why = dirty();
    assert_eq!(unsafe { tickbook_book_why(book, why.as_mut_ptr()) }, TickbookStatus::Ok);
    unsafe { why.assume_init() }
}

pub(crate) fn text(array: &[c_char]) -> &str {
    unsafe { CStr::from_ptr(array.as_ptr()) }.to_str().unwrap()
}
