//! REST answers, parsed off the hot path.

use core::fmt;

use tickbook_types::{
    BookId, Instrument, LevelRecord, Price, SeqNo, SnapshotBlock, Venue, WallNanos,
};

use crate::action::RequestId;
use crate::binance;
use crate::counters::Rejected;
use crate::level::{DecimalLevel, Needs, rounded_size};
use crate::lists;
use crate::orders::OrderRow;
use crate::protocols;

/// An answer (or the lack of one).
#[derive(Debug)]
pub struct RestResponse {
    /// The request it answers; `None` if nobody asked (a replay).
    pub id: Option<RequestId>,
    /// Path and query, or whole URL, that was asked.
    pub url_path: String,
    /// What came.
    pub result: Result<RestBody, RestError>,
}

/// A parsed body.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestBody {
    /// A whole book.
    Snapshot(RestSnapshot),
    /// All orders of a book.
    Orders(RestOrders),
    /// The venue's instrument list.
    Instruments(InstrumentList),
    /// What a connection has to show.
    Token(ConnectionToken),
}

/// What a connection has to show to be accepted, good for one connection.
#[derive(Clone, Eq, PartialEq)]
pub struct ConnectionToken {
    /// Path and query to connect to, the token in it.
    pub path: String,
    /// How often the venue wants to hear something, in nanoseconds; 0 if it does not say.
    pub ping_every_ns: i64,
}

impl fmt::Debug for ConnectionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is nobody else's business.
        let Self { path: _, ping_every_ns } = self;
        f.debug_struct("ConnectionToken")
            .field("ping_every_ns", ping_every_ns)
            .finish_non_exhaustive()
    }
}

/// A venue's instrument list, or a part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstrumentList {
    /// What could be read.
    pub instruments: Vec<Instrument>,
    /// Rows of kinds that are not known, or that lack what an instrument needs.
    pub skipped: u32,
}

/// A whole book of a symbol.
#[derive(Debug)]
pub struct RestSnapshot {
    /// The venue's symbol, from the URL or the body.
    pub symbol: String,
    /// The book; its `book` id is set by the session. The scale is the coarsest that holds every
    /// number, from the digits.
    pub block: Box<SnapshotBlock>,
}

/// All orders of a symbol.
#[derive(Debug)]
pub struct RestOrders {
    /// The venue's symbol, from the URL or the body.
    pub symbol: String,
    /// The venue's number of the state they are, if it has one.
    pub seq: Option<u64>,
    /// The venue's time of it, 0 if it says none.
    pub time: WallNanos,
    pub(crate) orders: Vec<OrderRow>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RestError {
    /// The venue answered, but not with success.
    Status {
        /// HTTP status.
        code: u16,
        /// `Retry-After`, if the venue sent it.
        retry_after_s: Option<u32>,
    },
    /// No answer: connect, TLS, timeout, connection lost. The world's fault.
    Transport,
    /// The body is not what the URL promises. The venue's fault.
    Malformed,
    /// A number in the body does not fit. The venue's fault.
    Overflow,
    /// The URL is none that this venue's sessions ask for. In a replay: to be ignored.
    UnknownUrl,
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, retry_after_s: Some(after) } => {
                write!(f, "HTTP {code}, retry after {after} s")
            }
            Self::Status { code, retry_after_s: None } => write!(f, "HTTP {code}"),
            Self::Transport => f.write_str("no answer"),
            Self::Malformed => f.write_str("malformed body"),
            Self::Overflow => f.write_str("a number in the body does not fit"),
            Self::UnknownUrl => f.write_str("unknown URL"),
        }
    }
}

impl core::error::Error for RestError {}

/// Parses a body by what its URL says it is. Pure; runs on the service thread.
///
/// `url` may be a path with query or a whole URL.
///
/// # Errors
///
/// [`RestError::Malformed`], [`RestError::Overflow`] or [`RestError::UnknownUrl`].
pub fn parse_rest(venue: Venue, url: &str, body: &[u8]) -> Result<RestBody, RestError> {
    match venue {
        Venue::BinanceSpot | Venue::BinanceUs | Venue::BinanceUsdm | Venue::BinanceCoinm => {
            binance::parse_rest(venue, url, body)
        }
        _ => {
            let url = RestUrl::parse(url);
            match lists::parse(venue, &url, body) {
                Some(list) => list.map(RestBody::Instruments),
                None => protocols::parse_rest(venue, &url, body),
            }
        }
    }
}

/// The parts of a URL, or of a path with query, that say what an answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RestUrl<'a> {
    /// Path, from `/`, without query.
    pub(crate) path: &'a str,
    query: &'a str,
}

impl<'a> RestUrl<'a> {
    /// The parts of `url`.
    pub(crate) fn parse(url: &'a str) -> Self {
        let rest = url.find("://").map_or(url, |at| &url[at + 3..]);
        let rest = rest.find('/').map_or("", |at| &rest[at..]);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { path, query }
    }

    /// A value of the query; `None` if it is not there, or empty.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(of, value)| *of == name && !value.is_empty()).map(|(_, value)| value).next()
    }

    /// What stands behind `prefix` in the path, up to the next slash; `None` if nothing does.
    pub(crate) fn part_after(&self, prefix: &str) -> Option<&'a str> {
        let (_, rest) = self.path.split_once(prefix)?;
        rest.split('/').next().filter(|part| !part.is_empty())
    }
}

/// A book out of its levels, at the coarsest exponents that hold every number.
pub(crate) fn block_of(
    levels: impl Iterator<Item = DecimalLevel> + Clone,
    seq: Option<SeqNo>,
    venue_time: WallNanos,
) -> Result<SnapshotBlock, RestError> {
    let mut needs = Needs::default();
    levels.clone().for_each(|level| needs.add(&level));
    let scale = needs.scale(None).map_err(RestError::from)?;
    let record = |level: DecimalLevel| {
        let price = level.price.to_mantissa(scale.price_exponent).ok()?;
        let (size, _) = rounded_size(level.size, scale.size_exponent)?;
        Some(LevelRecord::new(Price(price), size, level.side))
    };
    let levels: Option<Vec<_>> = levels.map(record).collect();
    let levels = levels.ok_or(RestError::Overflow)?;
    Ok(SnapshotBlock { book: BookId(0), seq, venue_time, scale, levels, checksum: None })
}

impl From<Rejected> for RestError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Overflow => Self::Overflow,
            _ => Self::Malformed,
        }
    }
}
