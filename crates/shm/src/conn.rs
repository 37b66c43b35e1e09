//! The status line of a connection.

use std::sync::Arc;

use tickbook_types::{ConnId, Epoch, MonoNanos};

use crate::atomic::{Ordering, Word};
use crate::layout::{Layout, conn};
use crate::mapping::WriteMapping;
use crate::snapshot::{halves, pair};

/// State of a connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
#[non_exhaustive]
pub enum ConnState {
    /// No connection has this number (a replay from memory has none at all).
    #[default]
    Unused = 0,
    /// TCP, TLS or WebSocket handshake.
    Connecting = 1,
    /// Open.
    Open = 2,
    /// Lost or given up; the books it feeds are not fresh.
    Down = 3,
}

impl ConnState {
    const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Connecting,
            2 => Self::Open,
            3 => Self::Down,
            _ => Self::Unused,
        }
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Down => "down",
        }
    }
}

/// A connection's status line, as a reader finds it. Each part is of its own instant.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ConnInfo {
    /// Which connection.
    pub conn: ConnId,
    /// State.
    pub state: ConnState,
    /// Epoch.
    pub epoch: Epoch,
    /// Last receive, monotonic; 0 before the first.
    pub last_received: MonoNanos,
    /// How long it may be silent before its books count as not fresh, ns; 0: for ever.
    pub silence_limit_ns: i64,
}

impl ConnInfo {
    pub(crate) fn load(line: &[Word], conn: ConnId) -> Self {
        // Relaxed: each word stands for itself.
        let word = |at: usize| line[at].load(Ordering::Relaxed);
        let [state, epoch] = halves(word(conn::STATE_EPOCH));
        Self {
            conn,
            state: ConnState::from_number(state),
            epoch: Epoch(epoch),
            last_received: MonoNanos(word(conn::LAST_RECEIVED).cast_signed()),
            silence_limit_ns: word(conn::SILENCE_LIMIT_NS).cast_signed(),
        }
    }
}

/// The writer of one connection's status line. Wait-free: a store per call.
///
/// Dropping it marks the connection down, unless it never was anything but unused.
#[derive(Debug)]
pub struct ConnWriter {
    mapping: Arc<WriteMapping>,
    layout: Layout,
    index: u32,
    state: ConnState,
    epoch: Epoch,
}

impl ConnWriter {
    pub(crate) const fn new(mapping: Arc<WriteMapping>, layout: Layout, index: u32) -> Self {
        Self { mapping, layout, index, state: ConnState::Unused, epoch: Epoch(0) }
    }

    /// Says in which state the connection is.
    pub fn set_state(&mut self, state: ConnState) {
        self.state = state;
        self.store(conn::STATE_EPOCH, pair(state as u32, self.epoch.0));
    }

    /// Says how often the connection has been opened.
    pub fn set_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.store(conn::STATE_EPOCH, pair(self.state as u32, epoch.0));
    }

    /// Says how long it may be silent before its books count as not fresh; 0: for ever (replays).
    pub fn set_silence_limit_ns(&mut self, limit_ns: i64) {
        self.store(conn::SILENCE_LIMIT_NS, limit_ns.max(0).cast_unsigned());
    }

    /// Says that something was received: any byte that shows the peer alive.
    #[inline]
    pub fn received(&mut self, now: MonoNanos) {
        self.store(conn::LAST_RECEIVED, now.0.cast_unsigned());
    }

    /// Which connection it is.
    #[must_use]
    pub const fn conn(&self) -> ConnId {
        ConnId(self.index)
    }

    #[inline]
    fn store(&self, word: usize, value: u64) {
        // Relaxed: each word stands for itself; pairs with the loads of `ConnInfo::load`.
        self.mapping.words()[self.layout.conn(self.index)][word].store(value, Ordering::Relaxed);
    }
}

impl Drop for ConnWriter {
    fn drop(&mut self) {
        if self.state != ConnState::Unused {
            self.set_state(ConnState::Down);
        }
    }
}
