//! The interface between a venue thread and the sessions it runs.

use core::fmt;

use tickbook_types::{
    Block, BookId, ConnId, Epoch, Instrument, MonoNanos, Padded, Reason, RecvStamps, Ticks, Venue,
};

use crate::action::Actions;
use crate::binance;
use crate::counters::{LINES_MAX, Rejected, SessionCounters};
use crate::key::Key;
use crate::protocols;
use crate::rest::RestResponse;

/// Where a session writes its book messages: the producer side of the ring to one builder.
pub type Lane = tickbook_ring::Producer<Block>;

/// What a call into a session may use.
#[derive(Debug)]
pub struct Context<'a> {
    /// The present; in a memory replay the time of the capture.
    pub now: MonoNanos,
    /// Whether later messages of the same read share the stamps given with this one.
    pub shared_stamp: bool,
    /// Book messages to the builder.
    pub lane: &'a mut Lane,
    /// What the venue thread shall do once the call returns.
    pub actions: &'a mut Actions,
    /// Counters of this session.
    pub counters: &'a mut SessionCounters,
}

/// One venue session. Calls come from one thread; none blocks.
pub trait Session: Send {
    /// Begins: asks for connections and metadata. Called once, before anything else.
    ///
    /// With instruments known (given in the configuration, or in a replay) the books are added to
    /// the lane here; otherwise once the venue's list has arrived.
    fn start(&mut self, cx: &mut Context<'_>);

    /// A connection is open (WebSocket handshake done) in its `epoch`.
    fn on_connected(&mut self, conn: ConnId, epoch: Epoch, cx: &mut Context<'_>);

    /// One whole text message, valid or not.
    fn on_message(
        &mut self,
        conn: ConnId,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    );

    /// One whole binary message, valid or not. A venue that sends text only: counted and dropped.
    fn on_binary(
        &mut self,
        conn: ConnId,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let _ = (conn, message, stamps);
        cx.counters.frames += 1;
        cx.counters.reject(Rejected::Binary);
    }

    /// The connection ended, by whichever side, or an attempt to open it failed. The session asks
    /// for it again with [`crate::Action::Connect`]; the engine delays attempts by its backoff.
    fn on_disconnected(&mut self, conn: ConnId, cx: &mut Context<'_>);

    /// A pong was sent on `conn` for a ping of the venue. Some venues count it as a message.
    fn on_pong_sent(&mut self, conn: ConnId, now: MonoNanos) {
        let _ = (conn, now);
    }

    /// A REST answer, to one of the session's requests or (in a replay) unrequested. The body was
    /// parsed on the service thread by [`crate::parse_rest`].
    fn on_rest(&mut self, response: RestResponse, cx: &mut Context<'_>);

    /// The builder found `book` wrong: say so and fetch it anew. `snapshot`: how many snapshots of
    /// the book the builder had taken from the lane. If more were written by now, the last of them
    /// has healed the book, and nothing is to be done.
    fn on_resync(&mut self, book: BookId, reason: Reason, snapshot: u64, cx: &mut Context<'_>);

    /// From now on just these subscriptions are wanted (in live mode): books that are new are
    /// subscribed, the others let go, all at the venue's pace.
    ///
    /// # Errors
    ///
    /// They cannot be had; nothing is changed then. By default no session can.
    fn on_wish(
        &mut self,
        wanted: &[Subscription],
        cx: &mut Context<'_>,
    ) -> Result<Wished, ConfigError> {
        let _ = (wanted, cx);
        Err(ConfigError::Fixed)
    }

    /// Time has reached [`Self::next_deadline`]. Calling it earlier or more often is harmless.
    fn on_timer(&mut self, cx: &mut Context<'_>);

    /// When [`Self::on_timer`] is due; [`MonoNanos::FAR`] if nothing is waited for.
    fn next_deadline(&self) -> MonoNanos;

    /// Whether the next message for the lane is one whose inner stages are stamped: what comes
    /// before parsing is for the caller to stamp.
    fn samples_next(&self) -> bool {
        false
    }

    /// When the last message that was stamped was parsed; told once.
    fn take_parsed(&mut self) -> Option<Ticks> {
        None
    }
}

/// What is wanted of one symbol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// The venue's own symbol, as in its messages (`BTCUSDT`).
    pub symbol: String,
    /// Keep the book.
    pub book: bool,
    /// Levels a side of a venue channel that sends whole books of that depth (Binance: 5, 10,
    /// 20); `None`: the venue's best channel for the whole book.
    pub depth: Option<u32>,
    /// Trades.
    pub trades: bool,
    /// Best bid and offer, which also checks the book.
    pub ticker: bool,
}

impl Subscription {
    /// The book of `symbol` with trades and tickers.
    #[must_use]
    pub fn all(symbol: &str) -> Self {
        Self { symbol: symbol.to_owned(), book: true, depth: None, trades: true, ticker: true }
    }
}

/// What became of [`Session::on_wish`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wished {
    /// Books that came.
    pub added: u32,
    /// Books that were let go.
    pub removed: u32,
}

/// Where the input of a session comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// A venue (or its simulation) on the other end: deadlines count, silence is a fault.
    Live,
    /// A recording: snapshots come unrequested, acks may be missing, no deadline is watched.
    /// Snapshots are asked for as soon as a book is added; nobody needs to answer.
    Replay {
        /// Whether books are added for symbols on sight, next to those subscribed.
        discover: bool,
    },
}

/// Everything a session is made of.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The venue.
    pub venue: Venue,
    /// What to subscribe; in a replay, what the recording is known to hold (may be empty).
    pub subscriptions: Vec<Subscription>,
    /// Instruments known beforehand. In live mode the venue's list is fetched if a subscribed
    /// symbol is not among them.
    pub instruments: Vec<Instrument>,
    /// First of the session's book ids.
    pub first_book: BookId,
    /// How many book ids it may use.
    pub books_max: u32,
    /// First of the session's connection ids.
    pub first_conn: ConnId,
    /// How many connection ids it may use. Binance: as many as the streams need, and in live mode
    /// one more for each of these, so that a replacement can be opened before the 24 h cut; see
    /// [`SessionConfig::conns_needed`].
    pub conns_max: u32,
    /// Where the input comes from.
    pub mode: Mode,
    /// The venue's key, for venues that want one.
    pub key: Option<Key>,
    /// Connections with the same subscriptions: 1, or [`crate::LINES_MAX`] where the venue sends
    /// the same messages to all.
    pub lines: u32,
    /// Every how many book messages the inner stages are stamped; 0: never.
    pub sample_every: u32,
    /// Whether the venue's instrument list is asked for before the first connection, where the
    /// snapshots come in band. (Binance's is always asked for in live mode.)
    pub ask_lists: bool,
    /// Path of the connection that a recording is of, where it is known: some venues give one
    /// symbol to several instruments.
    pub recorded_path: Option<String>,
}

impl SessionConfig {
    /// A configuration with the usual limits: ids from 0, room for every subscription.
    #[must_use]
    pub fn new(venue: Venue, subscriptions: Vec<Subscription>, mode: Mode) -> Self {
        let books = u32::try_from(subscriptions.len()).unwrap_or(u32::MAX);
        let mut config = Self {
            venue,
            subscriptions,
            instruments: Vec::new(),
            first_book: BookId(0),
            books_max: books.max(crate::limits::REPLAY_BOOKS_MAX),
            first_conn: ConnId(0),
            conns_max: 0,
            mode,
            key: None,
            lines: 1,
            sample_every: crate::limits::SAMPLE_EVERY,
            ask_lists: false,
            recorded_path: None,
        };
        config.conns_max = config.conns_needed();
        config
    }

    /// Connection ids that the venue's limits make necessary for these subscriptions.
    #[must_use]
    pub fn conns_needed(&self) -> u32 {
        match self.venue {
            Venue::BinanceSpot | Venue::BinanceUs | Venue::BinanceUsdm | Venue::BinanceCoinm => {
                binance::conns_needed(self)
            }
            _ => protocols::conns_needed(self),
        }
    }
}

/// Why a session cannot be made of a configuration. The configuration's fault.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The session of this venue cannot change its books while it runs.
    Fixed,
    /// There is no session for this venue.
    UnsupportedVenue(Venue),
    /// A live session without subscriptions would do nothing.
    NothingSubscribed,
    /// A symbol is empty or holds a character no symbol has.
    BadSymbol(String),
    /// The venue's connections cannot stand in for one another, or not so many.
    NoLines {
        /// The venue.
        venue: Venue,
        /// What was wanted.
        lines: u32,
    },
    /// The same symbol twice.
    DuplicateSymbol(String),
    /// The venue has no channel of this depth.
    BadDepth {
        /// The symbol it was wanted for.
        symbol: String,
        /// What was wanted.
        depth: u32,
    },
    /// The venue wants a key, and there is none, or it has no such field.
    KeyMissing {
        /// The venue.
        venue: Venue,
        /// The field.
        field: &'static str,
    },
    /// More books than ids.
    TooManyBooks {
        /// Books subscribed.
        needed: u32,
        /// Ids given.
        given: u32,
    },
    /// More connections than ids.
    TooManyConns {
        /// Connections that the streams need.
        needed: u32,
        /// Ids given.
        given: u32,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed => {
                f.write_str("books of this venue cannot change while it runs; restart the engine")
            }
            Self::UnsupportedVenue(venue) => write!(f, "venue {venue} has no session"),
            Self::NoLines { venue, lines } => {
                write!(f, "venue {venue} cannot be kept on {lines} lines; leave lines out")
            }
            Self::NothingSubscribed => f.write_str("no symbol is subscribed; name at least one"),
            Self::BadSymbol(symbol) => {
                write!(f, "symbol '{symbol}' is not a symbol; write it as the venue does (BTCUSDT)")
            }
            Self::DuplicateSymbol(symbol) => {
                write!(f, "symbol '{symbol}' is subscribed twice; remove one")
            }
            Self::BadDepth { symbol, depth } => write!(
                f,
                "symbol '{symbol}': the venue has no channel of depth {depth}; docs/VENUES.md says \
                 which it has, and without a depth it is the venue's usual one"
            ),
            Self::KeyMissing { venue, field } => write!(
                f,
                "venue {venue} wants a key: name a file with the line `{field} = ...` as `key_file`"
            ),
            Self::TooManyBooks { needed, given } => {
                write!(f, "{needed} books are subscribed, but only {given} may be kept")
            }
            Self::TooManyConns { needed, given } => {
                write!(f, "the streams need {needed} connections, but only {given} may be used")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// Makes the session of a venue.
///
/// # Errors
///
/// [`ConfigError`] if the configuration asks for what the venue does not have.
pub fn session(config: SessionConfig) -> Result<Box<dyn Session>, ConfigError> {
    let lines = config.lines;
    if lines == 0 || lines as usize > LINES_MAX {
        return Err(ConfigError::NoLines { venue: config.venue, lines });
    }
    match config.venue {
        Venue::BinanceSpot | Venue::BinanceUs | Venue::BinanceUsdm | Venue::BinanceCoinm => {
            if lines > 1 {
                return Err(ConfigError::NoLines { venue: config.venue, lines });
            }
            Ok(Box::new(binance::BinanceSession::new(config)?))
        }
        _ => protocols::session(config),
    }
}

/// What the connection of a recording was subscribed to, as far as its URL says.
///
/// Symbols in the order of the URL; empty if the URL names no streams.
#[must_use]
pub fn subscriptions_from_open(venue: Venue, url: &str) -> Vec<Subscription> {
    match venue {
        Venue::BinanceSpot | Venue::BinanceUs | Venue::BinanceUsdm | Venue::BinanceCoinm => {
            binance::subscriptions_from_open(url)
        }
        _ => Vec::new(),
    }
}
