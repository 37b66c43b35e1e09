//! The status line of a connection.

use tickbook_types::{Epoch, MonoNanos};

/// State of a connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
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

/// The writer of one connection's status line. Wait-free, a store per call.
#[derive(Debug)]
pub struct ConnWriter {}

impl ConnWriter {
    /// The connection's state.
    pub fn set_state(&mut self, state: ConnState) {
        let _ = state;
    }

    /// The connection's epoch.
    pub fn set_epoch(&mut self, epoch: Epoch) {
        let _ = epoch;
    }

    /// How long it may be silent before its books count as not fresh; 0: for ever (replays).
    pub fn set_silence_limit_ns(&mut self, limit_ns: i64) {
        let _ = limit_ns;
    }

    /// Something was received (any byte that shows the peer alive).
    #[inline]
    pub fn received(&mut self, now: MonoNanos) {
        let _ = now;
    }
}
