//! REST answers, parsed off the hot path.

use core::fmt;

use tickbook_types::{Instrument, SnapshotBlock, Venue};

use crate::action::RequestId;
use crate::binance;

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
    /// The venue's instrument list.
    Instruments(Vec<Instrument>),
}

/// A whole book of a symbol.
#[derive(Debug)]
pub struct RestSnapshot {
    /// The venue's symbol, from the URL.
    pub symbol: String,
    /// The book; its `book` id is set by the session. The scale is the coarsest that holds every
    /// number, from the digits.
    pub block: Box<SnapshotBlock>,
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
        _ => Err(RestError::UnknownUrl),
    }
}
