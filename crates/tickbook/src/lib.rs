//! Reader of tickbook's shared-memory books, for strategies.

#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

pub use tickbook_shm::{ConnState, Counter, DEFAULT_DIR, SnapshotFlags, Stage};
pub use tickbook_types::{
    BookId, BookState, ConnId, Decimal, Epoch, InstrumentKind, InstrumentStatus, Level, MonoNanos,
    NotReadable, Price, Reason, Scale, SeqNo, Side, Size, Venue, WallNanos,
};

/// Why an engine could not be attached, or a book not found; the text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// No engine of that name (or none at all) has a file here.
    NoEngine {
        /// What was looked for and where.
        looked_for: String,
    },
}

impl core::fmt::Display for AttachError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoEngine { looked_for } => write!(f, "no engine: {looked_for}"),
        }
    }
}

impl core::error::Error for AttachError {}

/// An engine's file.
#[derive(Debug)]
pub struct Tickbook {}

/// What the file says of its engine.
#[derive(Clone, Debug)]
pub struct EngineInfo {
    /// Name.
    pub name: String,
    /// Process.
    pub pid: u32,
    /// Generation of the file.
    pub generation: u64,
    /// Published levels a side.
    pub depth: usize,
    /// Whether a builder's heartbeat is fresh.
    pub alive: bool,
}

/// A book in the directory.
#[derive(Clone, Debug)]
pub struct BookInfo {
    /// Its id (slot).
    pub book: BookId,
    /// Venue; `None` if this build does not know its number.
    pub venue: Option<Venue>,
    /// Name in the directory: the venue's symbol or topic.
    pub name: String,
    /// The name that is the same on every venue.
    pub normalised: String,
    /// Kind.
    pub kind: InstrumentKind,
    /// Smallest price step.
    pub tick_size: Option<Decimal>,
    /// Smallest size step.
    pub lot_size: Option<Decimal>,
    /// Contract multiplier.
    pub contract_multiplier: Option<Decimal>,
    /// Builder that builds it.
    pub builder: u32,
    /// Connection that feeds it, when it was added.
    pub conn: ConnId,
}

/// A connection's status line.
#[derive(Clone, Copy, Debug)]
pub struct ConnInfo {
    /// Which.
    pub conn: ConnId,
    /// State.
    pub state: ConnState,
    /// Epoch.
    pub epoch: Epoch,
    /// Last receive, monotonic.
    pub last_received: MonoNanos,
    /// Silence limit, ns; 0: none.
    pub silence_limit_ns: i64,
}

impl Tickbook {
    /// Attaches the engine `name`, or the only live one.
    ///
    /// # Errors
    ///
    /// [`AttachError`].
    pub fn attach(name: Option<&str>) -> Result<Self, AttachError> {
        Self::attach_in(Path::new(DEFAULT_DIR), name)
    }

    /// The same in another directory.
    ///
    /// # Errors
    ///
    /// [`AttachError`].
    pub fn attach_in(dir: &Path, name: Option<&str>) -> Result<Self, AttachError> {
        Err(AttachError::NoEngine { looked_for: format!("{name:?} in {}", dir.display()) })
    }

    /// Attaches as soon as there is an engine to attach, waiting up to `timeout`.
    ///
    /// # Errors
    ///
    /// The last [`AttachError`] when time is up.
    pub fn wait_in(dir: &Path, name: Option<&str>, timeout: Duration) -> Result<Self, AttachError> {
        let _ = timeout;
        Self::attach_in(dir, name)
    }

    /// What the file says of its engine.
    #[must_use]
    pub fn engine(&self) -> EngineInfo {
        unreachable!("cannot be attached yet")
    }

    /// The books of the directory, by id.
    #[must_use]
    pub fn books(&self) -> Vec<BookInfo> {
        Vec::new()
    }

    /// A reader of the book `name`: `binance_spot:BTCUSDT`, `binance_spot:BTC-USDT`, or without
    /// the venue where that is unambiguous.
    ///
    /// # Errors
    ///
    /// [`AttachError`] lists what there is.
    pub fn book(&self, name: &str) -> Result<BookReader, AttachError> {
        Err(AttachError::NoEngine { looked_for: name.to_owned() })
    }

    /// Connections in use.
    #[must_use]
    pub fn conns(&self) -> Vec<ConnInfo> {
        Vec::new()
    }

    /// Counters and histograms of every thread.
    #[must_use]
    pub fn stats(&self) -> Vec<ThreadStats> {
        Vec::new()
    }
}

/// State, times and exponents of a snapshot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BookHeader {
    /// State of the book.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Flags.
    pub flags: SnapshotFlags,
    /// Exponents of every price and size of the snapshot.
    pub scale: Scale,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Connection that fed it.
    pub conn: ConnId,
    /// Connection epoch.
    pub epoch: Epoch,
    /// Venue's chain id, if the venue has one.
    pub seq: Option<SeqNo>,
    /// Levels of the whole book, bids.
    pub bid_levels: u32,
    /// Levels of the whole book, asks.
    pub ask_levels: u32,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Kernel receive time, 0 if the socket gives none.
    pub kernel_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// When it was published.
    pub published_wall: WallNanos,
    /// How many publishes of this book there were before.
    pub publishes: u64,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Top {
    /// Everything but the prices.
    pub header: BookHeader,
    /// Best bid, if there is one.
    pub bid: Option<Level>,
    /// Best ask, if there is one.
    pub ask: Option<Level>,
}

/// The published levels, in memory that is used again by the next read.
#[derive(Clone, Debug, Default)]
pub struct Depth {}

impl Depth {
    /// Everything but the levels.
    #[must_use]
    pub fn header(&self) -> &BookHeader {
        unreachable!()
    }
    /// Bids, best first.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &[]
    }
    /// Asks, best first.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &[]
    }
}

/// A reader of one book.
#[derive(Debug)]
pub struct BookReader {}

impl BookReader {
    /// What the directory says of the book.
    #[must_use]
    pub fn info(&self) -> &BookInfo {
        unreachable!()
    }
    /// Best bid and ask, if the book is live and fresh.
    ///
    /// # Errors
    ///
    /// Why it cannot be used now.
    pub fn top(&mut self) -> Result<Top, NotReadable> {
        Err(NotReadable::Closed)
    }
    /// The same at a time the caller has read (`CLOCK_MONOTONIC`).
    ///
    /// # Errors
    ///
    /// As [`Self::top`].
    pub fn top_at(&mut self, now: MonoNanos) -> Result<Top, NotReadable> {
        let _ = now;
        Err(NotReadable::Closed)
    }
    /// The last whole top, and why the book cannot be used now (`None`: it can).
    ///
    /// # Errors
    ///
    /// If there is no whole top.
    pub fn top_any(&mut self) -> Result<(Top, Option<NotReadable>), NotReadable> {
        Err(NotReadable::Closed)
    }
    /// The published levels, if the book is live and fresh.
    ///
    /// # Errors
    ///
    /// As [`Self::top`]; `depth` is then unspecified.
    pub fn depth(&mut self, depth: &mut Depth) -> Result<(), NotReadable> {
        let _ = depth;
        Err(NotReadable::Closed)
    }
    /// The same at a time the caller has read.
    ///
    /// # Errors
    ///
    /// As [`Self::depth`].
    pub fn depth_at(&mut self, depth: &mut Depth, now: MonoNanos) -> Result<(), NotReadable> {
        let _ = (depth, now);
        Err(NotReadable::Closed)
    }
    /// The last whole levels, and why the book cannot be used now (`None`: it can).
    ///
    /// # Errors
    ///
    /// If there are no whole levels.
    pub fn depth_any(&mut self, depth: &mut Depth) -> Result<Option<NotReadable>, NotReadable> {
        let _ = depth;
        Err(NotReadable::Closed)
    }
}

/// Counters and histograms of one thread, as they were when they were read.
#[derive(Clone, Debug)]
pub struct ThreadStats {}

impl ThreadStats {
    /// Name of the thread.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }
    /// A counter.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        let _ = counter;
        0
    }
    /// A histogram.
    #[must_use]
    pub fn histogram(&self, stage: Stage) -> Histogram {
        let _ = stage;
        Histogram {}
    }
}

/// A histogram of nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Histogram {}

impl Histogram {
    /// Recorded values.
    #[must_use]
    pub fn count(&self) -> u64 {
        0
    }
    /// Occupied buckets, ascending: (lowest value, highest equivalent value, count).
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        core::iter::empty()
    }
    /// Highest equivalent value of the bucket at or below which `quantile` (0..=1) of the values
    /// lie; 0 if there are none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        let _ = quantile;
        0
    }
}
