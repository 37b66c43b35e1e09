//! What a venue says beside a book.

use tickbook::{Figure, MonoNanos, TickerSnapshot};

use crate::book::{TickbookBook, read, read_any};
use crate::error::{TickbookStatus, TickbookWhy};
use crate::value::{TickbookDecimal, TickbookReason, TickbookState};

/// What a venue says beside a book: mark, index, funding, open interest, volatilities, greeks. What
/// it does not say has `present` 0, which is not the number 0.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct TickbookTicker {
    /// Best bid: price. Data of the venue's ticker, not of the book.
    pub bid_price: TickbookDecimal,
    /// Best bid: size.
    pub bid_size: TickbookDecimal,
    /// Best ask: price.
    pub ask_price: TickbookDecimal,
    /// Best ask: size.
    pub ask_size: TickbookDecimal,
    /// Price of the last trade.
    pub last_price: TickbookDecimal,
    /// Mark price.
    pub mark_price: TickbookDecimal,
    /// Price of the index behind it.
    pub index_price: TickbookDecimal,
    /// Price of what an option is on.
    pub underlying_price: TickbookDecimal,
    /// Open interest, in the venue's unit.
    pub open_interest: TickbookDecimal,
    /// Funding rate per interval of the venue, as a fraction.
    pub funding_rate: TickbookDecimal,
    /// Implied volatility at the mark, as a fraction: 0.514 is 51.4 %.
    pub mark_iv: TickbookDecimal,
    /// Implied volatility of the best bid, as a fraction.
    pub bid_iv: TickbookDecimal,
    /// Implied volatility of the best ask, as a fraction.
    pub ask_iv: TickbookDecimal,
    /// Delta.
    pub delta: TickbookDecimal,
    /// Gamma.
    pub gamma: TickbookDecimal,
    /// Vega, in the venue's unit.
    pub vega: TickbookDecimal,
    /// Theta, in the venue's unit.
    pub theta: TickbookDecimal,
    /// Rho, in the venue's unit.
    pub rho: TickbookDecimal,
    /// When funding is next paid, ns since 1970; 0: it says none.
    pub next_funding_ns: i64,
    /// Venue's time of the newest part, ns since 1970; 0: it says none.
    pub venue_time_ns: i64,
    /// When the newest part was received, ns since 1970.
    pub received_time_ns: i64,
    /// The same on `CLOCK_MONOTONIC`: for its age.
    pub received_mono_ns: i64,
    /// How many tickers of this book there were, this one included.
    pub publishes: u64,
    /// Connection that it came on.
    pub conn: u32,
    /// Epoch of that connection.
    pub epoch: u32,
    /// State of the ticker, which is not that of the book.
    pub state: TickbookState,
    /// Why it is in that state.
    pub reason: TickbookReason,
    /// Zero.
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<TickbookTicker>() == 344 && align_of::<TickbookTicker>() == 8);
const _: () = assert!(core::mem::offset_of!(TickbookTicker, rho) == 272);
const _: () = assert!(core::mem::offset_of!(TickbookTicker, next_funding_ns) == 288);
const _: () = assert!(core::mem::offset_of!(TickbookTicker, state) == 336);

impl From<&TickerSnapshot> for TickbookTicker {
    fn from(of: &TickerSnapshot) -> Self {
        let ticker = &of.ticker;
        let figure = |figure: Option<Figure>| figure.map(Figure::decimal).into();
        Self {
            bid_price: figure(ticker.bid_price()),
            bid_size: figure(ticker.bid_size()),
            ask_price: figure(ticker.ask_price()),
            ask_size: figure(ticker.ask_size()),
            last_price: figure(ticker.last_price()),
            mark_price: figure(ticker.mark_price()),
            index_price: figure(ticker.index_price()),
            underlying_price: figure(ticker.underlying_price()),
            open_interest: figure(ticker.open_interest()),
            funding_rate: figure(ticker.funding_rate()),
            mark_iv: figure(ticker.mark_iv()),
            bid_iv: figure(ticker.bid_iv()),
            ask_iv: figure(ticker.ask_iv()),
            delta: figure(ticker.delta()),
            gamma: figure(ticker.gamma()),
            vega: figure(ticker.vega()),
            theta: figure(ticker.theta()),
            rho: figure(ticker.rho()),
            next_funding_ns: ticker.next_funding().map_or(0, |at| at.0),
            venue_time_ns: ticker.venue_time.0,
            received_time_ns: of.received_wall.0,
            received_mono_ns: of.received.0,
            publishes: of.publishes,
            conn: of.conn.0,
            epoch: of.epoch.0,
            state: of.state.into(),
            reason: of.reason.into(),
            reserved: [0; 6],
        }
    }
}

/// Reads what the venue says beside the book, if it is fresh: the connection that it came on is
/// open, in the same epoch, and not silent. The book itself may wait for a snapshot meanwhile.
/// Otherwise the status says why it is not to be used, and `*ticker` is all zero. A venue that has
/// said nothing yet is `TICKBOOK_STATUS_NOT_LIVE` with the state `TICKBOOK_STATE_EMPTY`.
///
/// # Safety
///
/// - `book` was opened by `tickbook_book_open` and is not closed;
/// - nobody else uses it now;
/// - `ticker` is valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_ticker(
    book: *mut TickbookBook,
    ticker: *mut TickbookTicker,
) -> TickbookStatus {
    // SAFETY: the contract is the same.
    unsafe { read(book, ticker, "ticker", |book| Ok((&book.reader.ticker()?).into())) }
}

/// `tickbook_book_ticker` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_ticker`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_ticker_at(
    book: *mut TickbookBook,
    now_ns: i64,
    ticker: *mut TickbookTicker,
) -> TickbookStatus {
    let now = MonoNanos(now_ns);
    // SAFETY: the contract is the same.
    unsafe { read(book, ticker, "ticker", |book| Ok((&book.reader.ticker_at(now)?).into())) }
}

/// Reads the last whole ticker whatever its state; `*why` says whether it can be used.
///
/// # Safety
///
/// - as `tickbook_book_ticker`;
/// - `why` is valid for writing, and not within `*ticker`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_ticker_any(
    book: *mut TickbookBook,
    ticker: *mut TickbookTicker,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        book.reader.ticker_any().map(|(read, why)| (TickbookTicker::from(&read), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, ticker, "ticker", why, any) }
}

/// `tickbook_book_ticker_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
/// nanoseconds.
///
/// # Safety
///
/// - as `tickbook_book_ticker_any`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_ticker_any_at(
    book: *mut TickbookBook,
    now_ns: i64,
    ticker: *mut TickbookTicker,
    why: *mut TickbookWhy,
) -> TickbookStatus {
    let any = |book: &mut TickbookBook| {
        let read = book.reader.ticker_any_at(MonoNanos(now_ns));
        read.map(|(read, why)| (TickbookTicker::from(&read), why))
    };
    // SAFETY: the contract is the same.
    unsafe { read_any(book, ticker, "ticker", why, any) }
}
