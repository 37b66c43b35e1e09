//! One WebSocket connection to a venue.

use mio::{Registry, Token};
use tickbook_types::{MonoNanos, Padded, RecvStamps, Ticks};

use crate::{ConnectionOptions, NetError, SocketReport, Target};

/// How far a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// TCP is connecting.
    Connecting,
    /// TLS or the upgrade is under way.
    Handshaking,
    /// Messages flow.
    Open,
    /// A close frame was sent; the rest of the stream is read and dropped until it ends.
    Closing,
    /// Over, in order or by an error.
    Closed,
}

/// Text or binary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// One whole message, in the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub kind: MessageKind,
    /// The payload, joined if it came in fragments.
    pub payload: Padded<'a>,
    /// Whether nothing that was received stands behind it: only then is the kernel stamp of the
    /// read this message's own.
    pub last_of_read: bool,
}

/// One WebSocket connection to a venue.
#[derive(Debug)]
pub struct Connection {
    stamps: RecvStamps,
}

impl Connection {
    /// Starts to connect. To be driven until [`Phase::Open`].
    ///
    /// # Errors
    ///
    /// [`NetError::BadTarget`], or the system's refusal of a socket.
    pub fn open(
        target: &Target,
        options: &ConnectionOptions,
        now: MonoNanos,
    ) -> Result<Self, NetError> {
        let _ = (target, options, now);
        Err(NetError::NotOpen)
    }

    /// Drives connect, handshakes, closing and pending writes as far as they go without waiting.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection; it is then [`Phase::Closed`].
    pub fn drive(&mut self, now: MonoNanos) -> Result<Phase, NetError> {
        let _ = now;
        Err(NetError::NotOpen)
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::Closed
    }

    /// What the socket was granted.
    #[must_use]
    pub fn report(&self) -> SocketReport {
        SocketReport::default()
    }

    /// One read. `Ok(0)`: nothing there (an empty poll). `turn` is a reading of the clock
    /// ([`tickbook_types::clock::now`]) taken before the call, in the same loop turn.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection.
    #[inline]
    pub fn recv(&mut self, turn: Ticks) -> Result<usize, NetError> {
        let _ = turn;
        Err(NetError::NotOpen)
    }

    /// Stamps of the last read that was not empty.
    #[inline]
    #[must_use]
    pub fn stamps(&self) -> &RecvStamps {
        &self.stamps
    }

    /// The next whole message that was received; `None` when more must be read first.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection, [`NetError::PeerClosed`] included.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<Message<'_>>, NetError> {
        Err(NetError::NotOpen)
    }

    /// Queues a text message and hands the socket what it takes.
    ///
    /// # Errors
    ///
    /// [`NetError::SendQueueFull`], [`NetError::NotOpen`], or what failed the connection.
    pub fn send_text(&mut self, text: &str, now: MonoNanos) -> Result<(), NetError> {
        self.send(MessageKind::Text, text.as_bytes(), now)
    }

    /// Queues a message and hands the socket what it takes.
    ///
    /// # Errors
    ///
    /// [`NetError::SendQueueFull`], [`NetError::NotOpen`], or what failed the connection.
    pub fn send(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        now: MonoNanos,
    ) -> Result<(), NetError> {
        let _ = (kind, payload, now);
        Err(NetError::NotOpen)
    }

    /// Hands the socket what it takes of the queue. Cheap when the queue is empty.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection.
    pub fn flush(&mut self, now: MonoNanos) -> Result<(), NetError> {
        let _ = now;
        Err(NetError::NotOpen)
    }

    /// Sends a close frame with `code` and stops delivering messages. Drive it until
    /// [`Phase::Closed`], or drop it.
    pub fn close(&mut self, code: u16, now: MonoNanos) {
        let _ = (code, now);
    }

    /// When [`Self::on_deadline`] wants to be called; [`MonoNanos::FAR`] if never.
    #[must_use]
    pub fn deadline(&self) -> MonoNanos {
        MonoNanos::FAR
    }

    /// Does what is due at `now`: gives up, probes a silent venue, sends a delayed pong.
    ///
    /// # Errors
    ///
    /// [`NetError::Timeout`], or whatever failed the connection.
    pub fn on_deadline(&mut self, now: MonoNanos) -> Result<(), NetError> {
        let _ = now;
        Ok(())
    }

    /// Registers the socket for readiness, for a thread that sleeps between turns.
    ///
    /// # Errors
    ///
    /// The system's refusal.
    pub fn register(&mut self, registry: &Registry, token: Token) -> std::io::Result<()> {
        let _ = (registry, token);
        Ok(())
    }

    /// Undoes [`Self::register`].
    ///
    /// # Errors
    ///
    /// The system's refusal.
    pub fn deregister(&mut self, registry: &Registry) -> std::io::Result<()> {
        let _ = registry;
        Ok(())
    }
}
