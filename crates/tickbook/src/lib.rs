//! Order books of a tickbook engine, read from shared memory in nanoseconds.
//!
//! ```no_run
//! use tickbook::{NotReadable, Tickbook};
//!
//! // The engine that runs on this host, whatever its name.
//! let tickbook = Tickbook::attach(None)?;
//! let mut btc = tickbook.book("binance_spot:BTCUSDT")?;
//! loop {
//!     match btc.top() {
//!         Ok(top) => {
//!             let (Some(bid), Some(ask)) = (top.bid, top.ask) else { continue };
//!             let bid = top.header.price_f64(bid.price);
//!             let ask = top.header.price_f64(ask.price);
//!             println!("{bid} / {ask}, spread {}", ask - bid);
//!         }
//!         // Do not trade on it; the reason says whether to wait or to worry.
//!         Err(NotReadable::NotLive { state, reason }) => println!("book is {state}: {reason}"),
//!         Err(why) => println!("{why}"),
//!     }
//! }
//! # #[expect(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! - [`BookReader::top`], `quotes` and [`BookReader::depth`] return a book only if it is whole,
//!   *live* (known to equal the venue's book at the sequence it carries) and *fresh* (its builder
//!   beats, its connection is not silent); otherwise an error that says why. The `_any` variants
//!   give the last whole book beside that reason.
//! - [`BookReader::ticker`] does the same for what the venue says beside the book (mark, index,
//!   funding, open interest, volatilities, greeks): fresh as long as the connection that it came on
//!   is open in the same epoch and not silent. What the venue does not say is absent.
//! - A reader judges the engine by itself: a writer that was killed, or hangs, is an error no later
//!   than two heartbeat intervals (20 ms by default) after its last beat.
//! - A read makes a bounded number of attempts and takes no lock; it makes no system call as long
//!   as all is well, except one clock reading (through the vDSO) per two heartbeat intervals.
//! - When the engine is restarted, readers follow to its new file by themselves, and when a book is
//!   removed and added again, to its new place. They look for it at most once per heartbeat.
//! - Nothing in the file is trusted: attaching checks it, and no content can make a read panic, run
//!   on, or reach outside.
//!
//! # Not guaranteed
//!
//! - That a read sees every change of a book. [`EventReader`] does, or says how much it missed.
//! - That a book is fresh for longer than the call: it was, when the call began.
//!
//! After `fork` a reader goes on working in both processes: the mapping is inherited.

#![forbid(unsafe_code)]

mod attach;
mod book;
mod consolidated;
mod events;
mod freshness;
mod source;
mod ticker;

/// The program in the project's README is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub use attach::{AttachError, EngineInfo, Tickbook};
pub use book::BookReader;
pub use consolidated::{Consolidated, ConsolidatedBook, ConsolidatedLevel, LeftOut, Member};
pub use events::{EventRead, EventReader};
pub use tickbook_shm::{
    BookHeader, BookInfo, ConnInfo, ConnState, Counter, DEFAULT_DIR, Depth, Event, EventKind,
    Histogram, LevelsEvent, OrderCounts, Quotes, ShmError, SnapshotFlags, Stage, ThreadStats,
    TickerSnapshot, Top,
};
pub use tickbook_types::{
    BookId, BookState, ConnId, Decimal, Epoch, Figure, InstrumentKind, InstrumentStatus, Level,
    LevelRecord, MonoNanos, NotReadable, OptionRight, Price, Reason, Scale, SeqNo, Side, Size,
    SizeUnit, Ticker, TickerField, Venue, WallNanos,
};
