//! What a session asks of the thread that runs it.

use core::fmt;
use std::collections::VecDeque;

use tickbook_types::ConnId;

use crate::endpoint::Endpoint;

/// One thing for the venue thread to do after a call into the session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Open (or reopen) connection `conn`.
    Connect {
        /// The connection; never one that is open.
        conn: ConnId,
        /// Which of the venue's WebSocket addresses.
        endpoint: Endpoint,
        /// Path and query, from `/`.
        path: String,
    },
    /// Send a text message.
    SendText {
        /// The connection.
        conn: ConnId,
        /// The message.
        text: String,
    },
    /// Close a connection. [`crate::Session::on_disconnected`] follows once it is down.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Ask REST. The answer comes to [`crate::Session::on_rest`] with the same id.
    Fetch(RestRequest),
    /// Something an operator should know.
    Warn(Warning),
}

/// Number of a request, unique within its session.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct RequestId(pub u64);

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RestPurpose {
    /// The venue's instrument list.
    Instruments,
    /// A whole book.
    Snapshot,
    /// What a connection has to show to be accepted. Asked for by a POST without a body.
    ConnectionToken,
}

/// A question to the venue's REST interface: a GET, but for what [`RestPurpose`] says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestRequest {
    /// Comes back with the answer.
    pub id: RequestId,
    /// Path and query, from `/`.
    pub path: String,
    /// What it costs of the venue's weight budget. The session has kept the budget already.
    pub weight: u32,
    /// What it is for.
    pub purpose: RestPurpose,
}

/// What an operator should know. Text is made when it is printed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// A subscribed symbol is not in the venue's instrument list; it is left out. The
    /// configuration's fault.
    UnknownSymbol {
        /// The symbol.
        symbol: String,
    },
    /// The venue lists the symbol, but does not trade it at present.
    NotTrading {
        /// The symbol.
        symbol: String,
    },
    /// The instrument list could not be had; exponents come from the digits seen.
    NoInstruments,
    /// A list that came does not name a subscribed symbol. It may be of another part of the venue.
    NotListed {
        /// The symbol.
        symbol: String,
    },
    /// The venue refused a subscription.
    SubscribeRefused {
        /// The connection.
        conn: ConnId,
        /// The venue's error code.
        code: i64,
        /// The venue's words, cut to a line.
        message: String,
    },
    /// No ack came in time; the connection is reopened.
    AckMissing {
        /// The connection.
        conn: ConnId,
    },
    /// Subscribed and acked, but silent since. A symbol that does not exist behaves so.
    NoData {
        /// The symbol.
        symbol: String,
    },
    /// A snapshot could not be had after many tries; the session keeps trying, slowly.
    SnapshotUnobtainable {
        /// The symbol.
        symbol: String,
    },
    /// The venue asked for a pause of all requests (HTTP 429, or 418: a ban).
    RateLimited {
        /// HTTP status.
        code: u16,
        /// How long nothing will be asked, in seconds.
        pause_s: u32,
    },
    /// The venue announced that a connection will be cut; a replacement is opened.
    ShutdownNotice {
        /// The connection.
        conn: ConnId,
    },
    /// A symbol of a replay was left out: every book id is in use.
    TooManyBooks {
        /// The symbol.
        symbol: String,
    },
}

impl Warning {
    /// Whether the configuration is at fault, so that an engine that has just started should stop
    /// with this as its error.
    #[must_use]
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::UnknownSymbol { .. })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSymbol { symbol } => {
                write!(f, "symbol '{symbol}' is not in the venue's instrument list; correct it")
            }
            Self::NotTrading { symbol } => write!(f, "symbol '{symbol}' is not trading now"),
            Self::NoInstruments => f.write_str(
                "the instrument list could not be fetched; exponents come from the digits seen",
            ),
            Self::NotListed { symbol } => {
                write!(f, "symbol '{symbol}' is not in the venue's instrument list; is it right?")
            }
            Self::SubscribeRefused { conn, code, message } => {
                write!(f, "connection {conn}: subscription refused ({code}): {message}")
            }
            Self::AckMissing { conn } => {
                write!(f, "connection {conn}: subscription was not acked in time; reopening")
            }
            Self::NoData { symbol } => {
                write!(f, "symbol '{symbol}': subscribed, but no data came; resubscribing")
            }
            Self::SnapshotUnobtainable { symbol } => {
                write!(f, "symbol '{symbol}': no usable snapshot after many tries; still trying")
            }
            Self::RateLimited { code, pause_s } => {
                write!(f, "venue answered {code}; no request for {pause_s} s")
            }
            Self::ShutdownNotice { conn } => {
                write!(f, "connection {conn}: venue announced a shutdown; replacing it")
            }
            Self::TooManyBooks { symbol } => {
                write!(f, "symbol '{symbol}' left out: every book id is in use")
            }
        }
    }
}

/// Actions in the order they were asked for.
#[derive(Debug, Default)]
pub struct Actions {
    queue: VecDeque<Action>,
}

impl Actions {
    /// An empty queue with room for `capacity` actions before it grows.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { queue: VecDeque::with_capacity(capacity) }
    }

    /// Appends.
    pub fn push(&mut self, action: Action) {
        self.queue.push_back(action);
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Action> {
        self.queue.pop_front()
    }

    /// Takes all, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.queue.drain(..)
    }

    /// Whether there is nothing to do.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How much there is to do.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
