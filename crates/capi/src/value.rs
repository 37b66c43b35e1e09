//! The plain values: states, levels, headers; and numbers made readable.

use core::ffi::c_char;

use tickbook::{
    BookHeader, BookState, Decimal, Figure, Level, Price, Quotes, Reason, Scale, Side, Size,
    SnapshotFlags, Top,
};

use crate::pointer;

/// Makes an enum of the header the mirror of one of the reader. (Written out above it: cbindgen
/// does not look into macros.) A value that is missing does not compile, nor does one with another
/// number.
macro_rules! mirror {
    ($name:ident of $from:ident { $($variant:ident),+ $(,)? }) => {
        impl From<$from> for $name {
            #[inline]
            fn from(from: $from) -> Self {
                match from { $($from::$variant => Self::$variant),+ }
            }
        }

        $(const _: () = assert!($from::$variant as u8 == $name::$variant as u8);)+
    };
}

/// State of a book.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookState {
    /// Nothing is known yet.
    #[default]
    Empty = 0,
    /// Subscribed, waiting for a snapshot or splicing one.
    Syncing = 1,
    /// Known to equal the venue's book at the sequence it carries.
    Live = 2,
    /// Was live; something was lost or looked wrong. Holds what it last held.
    Stale = 3,
    /// The engine let it go: unsubscribed or shut down.
    Closed = 4,
}

/// Why a book is in its state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookReason {
    /// Nothing to explain.
    #[default]
    None = 0,
    /// The connection that feeds it went away.
    Disconnected = 1,
    /// The venue's sequence has a hole.
    Gap = 2,
    /// The venue's checksum does not fit the book.
    Checksum = 3,
    /// The book stayed crossed.
    Crossed = 4,
    /// The venue stopped sending.
    Silent = 5,
    /// The ring to the builder was full; messages were lost inside the engine.
    RingFull = 6,
    /// More levels than the book may hold, or a number that does not fit.
    Overflow = 7,
    /// The venue halted the instrument.
    Halted = 8,
    /// A new subscription replaces the old one.
    Resubscribed = 9,
    /// The engine is shutting down.
    Shutdown = 10,
}

/// A side of the book; of a trade, the side of the aggressor (a buyer is `TICKBOOK_SIDE_BID`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum TickbookSide {
    /// Buyers.
    #[default]
    Bid = 0,
    /// Sellers.
    Ask = 1,
}

/// Bits of `TickbookHeader.flags`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub enum TickbookFlag {
    /// The best bid is at or above the best ask, as the venue sent it.
    Crossed = 1,
    /// A size of this book was rounded to fit.
    SizeRounded = 2,
    /// `seq` holds the venue's chain id.
    HasSeq = 4,
    /// There is a best bid.
    HasBid = 8,
    /// There is a best ask.
    HasAsk = 16,
}

mirror!(TickbookState of BookState { Empty, Syncing, Live, Stale, Closed });
mirror!(TickbookReason of Reason {
    None, Disconnected, Gap, Checksum, Crossed, Silent, RingFull, Overflow, Halted, Resubscribed,
    Shutdown,
});
mirror!(TickbookSide of Side { Bid, Ask });

const _: () = assert!(TickbookFlag::Crossed as u16 == SnapshotFlags::CROSSED.0);
const _: () = assert!(TickbookFlag::SizeRounded as u16 == SnapshotFlags::SIZE_ROUNDED.0);
const _: () = assert!(TickbookFlag::HasSeq as u16 == SnapshotFlags::HAS_SEQ.0);
const _: () = assert!(TickbookFlag::HasBid as u16 == SnapshotFlags::HAS_BID.0);
const _: () = assert!(TickbookFlag::HasAsk as u16 == SnapshotFlags::HAS_ASK.0);

/// A price and the size that rests there, as integers: `price * 10^price_exponent` and
/// `size * 10^size_exponent` with the exponents of the header beside it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookLevel {
    /// Price.
    pub price: i64,
    /// Size.
    pub size: u64,
}

// The levels of a read are shown where they are, as `TickbookLevel`.
const _: () = assert!(size_of::<TickbookLevel>() == 16 && size_of::<Level>() == 16);
const _: () = assert!(align_of::<TickbookLevel>() == align_of::<Level>());
const _: () = assert!(core::mem::offset_of!(Level, price) == 0);
const _: () = assert!(core::mem::offset_of!(TickbookLevel, price) == 0);
const _: () = assert!(size_of::<Price>() == 8 && size_of::<Size>() == 8);

impl From<Level> for TickbookLevel {
    #[inline]
    fn from(level: Level) -> Self {
        Self { price: level.price.0, size: level.size.0 }
    }
}

/// State, times and exponents of a book: everything but its levels. Times are nanoseconds since
/// 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookHeader {
    /// Venue's chain id, if `flags` has `TICKBOOK_FLAG_HAS_SEQ`; otherwise 0.
    pub seq: u64,
    /// How many publishes of this book there were, this one included.
    pub publishes: u64,
    /// Venue's event time, 0 if it says none.
    pub venue_time_ns: i64,
    /// Kernel receive time, 0 if the socket gives none.
    pub kernel_time_ns: i64,
    /// When the engine had received it.
    pub received_time_ns: i64,
    /// When it was published.
    pub published_time_ns: i64,
    /// Levels of the whole book, bids.
    pub bid_levels: u32,
    /// Levels of the whole book, asks.
    pub ask_levels: u32,
    /// Connection that fed it.
    pub conn: u32,
    /// Epoch of that connection: how often it was opened.
    pub epoch: u32,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Bits of `TickbookFlag`.
    pub flags: u16,
    /// State of the book.
    pub state: TickbookState,
    /// Why it is in that state.
    pub reason: TickbookReason,
    /// Power of ten of the last digit of every price here.
    pub price_exponent: i8,
    /// Power of ten of the last digit of every size here.
    pub size_exponent: i8,
    /// Zero.
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<TickbookHeader>() == 80 && align_of::<TickbookHeader>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookHeader, flags) == 68);
const _: () = assert!(core::mem::offset_of!(TickbookHeader, reserved) == 74);

impl From<&BookHeader> for TickbookHeader {
    #[inline]
    fn from(header: &BookHeader) -> Self {
        Self {
            seq: header.seq.map_or(0, |seq| seq.0),
            publishes: header.publishes,
            venue_time_ns: header.venue_time.0,
            kernel_time_ns: header.kernel_time.0,
            received_time_ns: header.received_wall.0,
            published_time_ns: header.published_wall.0,
            bid_levels: header.bid_levels,
            ask_levels: header.ask_levels,
            conn: header.conn.0,
            epoch: header.epoch.0,
            instrument_epoch: header.instrument_epoch,
            flags: header.flags.0,
            state: header.state.into(),
            reason: header.reason.into(),
            price_exponent: header.scale.price_exponent,
            size_exponent: header.scale.size_exponent,
            reserved: [0; 6],
        }
    }
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookTop {
    /// Everything but the prices.
    pub header: TickbookHeader,
    /// Best bid, if `header.flags` has `TICKBOOK_FLAG_HAS_BID`; otherwise zeros.
    pub bid: TickbookLevel,
    /// Best ask, if `header.flags` has `TICKBOOK_FLAG_HAS_ASK`; otherwise zeros.
    pub ask: TickbookLevel,
}

const _: () = assert!(size_of::<TickbookTop>() == 112 && align_of::<TickbookTop>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookTop, bid) == 80);
const _: () = assert!(core::mem::offset_of!(TickbookTop, ask) == 96);

impl From<&Top> for TickbookTop {
    #[inline]
    fn from(top: &Top) -> Self {
        let level = |level: Option<Level>| level.map_or_else(TickbookLevel::default, Into::into);
        Self { header: (&top.header).into(), bid: level(top.bid), ask: level(top.ask) }
    }
}

/// Best bid and ask, and what it takes to read them: one cache line here and in the file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookQuotes {
    /// Venue's chain id, if `flags` has `TICKBOOK_FLAG_HAS_SEQ`; otherwise 0.
    pub seq: u64,
    /// Connection that fed it.
    pub conn: u32,
    /// Epoch of that connection: how often it was opened.
    pub epoch: u32,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Bits of `TickbookFlag`.
    pub flags: u16,
    /// State of the book.
    pub state: TickbookState,
    /// Why it is in that state.
    pub reason: TickbookReason,
    /// Power of ten of the last digit of both prices.
    pub price_exponent: i8,
    /// Power of ten of the last digit of both sizes.
    pub size_exponent: i8,
    /// Zero.
    pub reserved: [u8; 6],
    /// Best bid, if `flags` has `TICKBOOK_FLAG_HAS_BID`; otherwise zeros.
    pub bid: TickbookLevel,
    /// Best ask, if `flags` has `TICKBOOK_FLAG_HAS_ASK`; otherwise zeros.
    pub ask: TickbookLevel,
}

const _: () = assert!(size_of::<TickbookQuotes>() == 64 && align_of::<TickbookQuotes>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookQuotes, flags) == 20);
const _: () = assert!(core::mem::offset_of!(TickbookQuotes, bid) == 32);

impl From<&Quotes> for TickbookQuotes {
    #[inline]
    fn from(quotes: &Quotes) -> Self {
        let level = |level: Option<Level>| level.map_or_else(TickbookLevel::default, Into::into);
        Self {
            seq: quotes.seq.map_or(0, |seq| seq.0),
            conn: quotes.conn.0,
            epoch: quotes.epoch.0,
            instrument_epoch: quotes.instrument_epoch,
            flags: quotes.flags.0,
            state: quotes.state.into(),
            reason: quotes.reason.into(),
            price_exponent: quotes.scale.price_exponent,
            size_exponent: quotes.scale.size_exponent,
            reserved: [0; 6],
            bid: level(quotes.bid),
            ask: level(quotes.ask),
        }
    }
}

/// An exact decimal number: `mantissa * 10^exponent`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookDecimal {
    /// Its digits.
    pub mantissa: i64,
    /// Power of ten of the last digit.
    pub exponent: i32,
    /// 1 if there is such a number, 0 if nobody said it.
    pub present: u32,
}

const _: () = assert!(size_of::<TickbookDecimal>() == 16 && align_of::<TickbookDecimal>() == 8);

impl From<Option<Decimal>> for TickbookDecimal {
    fn from(decimal: Option<Decimal>) -> Self {
        let exact = decimal.and_then(|it| Some((i64::try_from(it.mantissa()).ok()?, it)));
        exact.map_or_else(Self::default, |(mantissa, decimal)| Self {
            mantissa,
            exponent: decimal.exponent().into(),
            present: 1,
        })
    }
}

/// A header that knows exponents only, to compute with. One that no book has is moved to the next
/// that one has.
fn with_exponents(price: i8, size: i8) -> BookHeader {
    let known = |exponent: i8| exponent.clamp(Scale::EXPONENT_MIN, Scale::EXPONENT_MAX);
    let scale = Scale { price_exponent: known(price), size_exponent: known(size) };
    BookHeader { scale, ..BookHeader::default() }
}

/// An exact decimal as the nearest double; not a number if there is none (`present` 0).
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_decimal_double(number: TickbookDecimal) -> f64 {
    match i8::try_from(number.exponent) {
        Ok(exponent) if number.present != 0 => {
            Figure { mantissa: number.mantissa, exponent }.to_f64()
        }
        _ => f64::NAN,
    }
}

/// Writes an exact decimal, as `tickbook_price_text` does; nothing if there is none (`present` 0).
///
/// # Safety
///
/// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_decimal_text(
    number: TickbookDecimal,
    text: *mut c_char,
    capacity: usize,
) -> usize {
    // No number of this library has another exponent.
    let exponent = i8::try_from(number.exponent).unwrap_or(0);
    let exact = Figure { mantissa: number.mantissa, exponent }.to_string();
    let shown = if number.present == 0 { "" } else { exact.as_str() };
    // SAFETY: the contract is the same.
    unsafe { shown_text(shown, text, capacity) }
}

/// A price as the nearest double: exact to the last place, not to be added up.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_price_double(price: i64, price_exponent: i8) -> f64 {
    with_exponents(price_exponent, 0).price_f64(Price(price))
}

/// A size as the nearest double.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_size_double(size: u64, size_exponent: i8) -> f64 {
    with_exponents(0, size_exponent).size_f64(Size(size))
}

/// Writes a price as an exact decimal, like `61234.5`, with a zero byte behind it, as much of it as
/// fits. Returns the bytes of the whole text, as `snprintf` does; 48 bytes hold every price.
///
/// # Safety
///
/// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_price_text(
    price: i64,
    price_exponent: i8,
    text: *mut c_char,
    capacity: usize,
) -> usize {
    let number = with_exponents(price_exponent, 0).price_decimal(Price(price));
    // SAFETY: the contract is the same.
    unsafe { decimal_text(number, text, capacity) }
}

/// Writes a size as an exact decimal, as `tickbook_price_text` does.
///
/// # Safety
///
/// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_size_text(
    size: u64,
    size_exponent: i8,
    text: *mut c_char,
    capacity: usize,
) -> usize {
    let number = with_exponents(0, size_exponent).size_decimal(Size(size));
    // SAFETY: the contract is the same.
    unsafe { decimal_text(number, text, capacity) }
}

/// # Safety
///
/// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
unsafe fn decimal_text(number: Decimal, text: *mut c_char, capacity: usize) -> usize {
    // SAFETY: the contract is the same.
    unsafe { shown_text(&number.to_string(), text, capacity) }
}

/// # Safety
///
/// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
unsafe fn shown_text(number: &str, text: *mut c_char, capacity: usize) -> usize {
    // SAFETY: valid for writing by the contract of this function; a char has no alignment.
    match unsafe { pointer::out_slice(text, capacity, "text") } {
        Ok(out) => pointer::write_text(out, number),
        // Nowhere to write it to: the length all the same.
        Err(_) => number.len(),
    }
}
