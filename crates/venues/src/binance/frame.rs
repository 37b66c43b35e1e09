//! What a frame of the Binance family says, whichever parser read it.

pub(crate) use crate::level::{DecimalLevel, Needs, rounded_size, venue_time};
use crate::splice::Ids;

/// A diff (or, on a channel of whole books, a book).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Depth {
    /// Empty where only the stream name says it.
    pub(crate) symbol: String,
    /// Stream name in lower case; empty on a raw connection.
    pub(crate) stream: String,
    pub(crate) event_time: u64,
    pub(crate) ids: Ids,
    /// Whole book without ids of its own (spot partial depth).
    pub(crate) partial: bool,
    pub(crate) levels: Vec<DecimalLevel>,
}

/// Best bid and offer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticker {
    pub(crate) symbol: String,
    pub(crate) event_time: u64,
    pub(crate) seq: u64,
    pub(crate) bid: DecimalLevel,
    pub(crate) ask: DecimalLevel,
}

/// A trade; `level.side` is the aggressor's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trade {
    pub(crate) symbol: String,
    pub(crate) event_time: u64,
    pub(crate) trade_time: u64,
    pub(crate) id: u64,
    pub(crate) aggregate: bool,
    pub(crate) level: DecimalLevel,
}

/// An answer to a message of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reply {
    pub(crate) id: Option<u64>,
    pub(crate) error: Option<(i64, String)>,
}

/// A whole frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    Depth(Depth),
    Ticker(Ticker),
    Trade(Trade),
    Reply(Reply),
    Shutdown,
    Unused,
}
