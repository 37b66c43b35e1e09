//! Where to connect, and how.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::TlsConfig;
use crate::limits;

/// Where to connect. The address is resolved off the hot thread.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host name (or address): for the `Host` header, SNI and the certificate.
    pub host: String,
    /// Port, for the `Host` header; the connection goes to `addr`.
    pub port: u16,
    /// Path and query, starting with `/`.
    pub path: String,
    /// TLS, or `None` for plain text (tests and local servers).
    pub tls: Option<Arc<TlsConfig>>,
    /// Resolved address.
    pub addr: SocketAddr,
}

/// How to connect, and what to accept. Defaults are in [`crate::limits`], with their reasons.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Bytes of the receive window that is used in turn; raised to
    /// [`limits::RECV_WINDOW_BYTES_MIN`] if less. Address space (not memory) for one message of
    /// `message_bytes_max` comes on top.
    pub recv_window_bytes: usize,
    /// Longest message accepted, over all its fragments.
    pub message_bytes_max: usize,
    /// Most fragments of one message.
    pub fragments_max: u32,
    /// Bytes that may wait to be sent.
    pub send_queue_bytes: usize,
    /// Deadline of the TCP connection.
    pub connect_ns: i64,
    /// Deadline of TLS and upgrade together.
    pub handshake_ns: i64,
    /// Longest silence of the venue; 0: no limit.
    pub idle_ns: i64,
    /// Silence after which we send one ping, so that a quiet subscription is told from a dead
    /// connection; 0: never.
    pub probe_ns: i64,
    /// Longest time that queued bytes may wait for the socket.
    pub write_ns: i64,
    /// How pings are answered.
    pub pong: PongPolicy,
    /// Whether text is checked for UTF-8 (close 1007 if it is not). A scanner that checks its own
    /// bytes may do without.
    pub validate_utf8: bool,
    /// Whether to ask the kernel for receive stamps.
    pub kernel_stamps: bool,
    /// `SO_BUSY_POLL` in microseconds. Needs CAP_NET_ADMIN above the system's default; a refusal
    /// is reported, not fatal.
    pub busy_poll_us: Option<u32>,
    /// `SO_RCVBUF`, set before the connection so that the window scale fits. `None`: the kernel
    /// tunes it by itself.
    pub so_rcvbuf: Option<u32>,
    /// `TCP_USER_TIMEOUT`; 0: the system's.
    pub user_timeout_ms: u32,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            recv_window_bytes: limits::RECV_WINDOW_BYTES,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            fragments_max: limits::FRAGMENTS_MAX,
            send_queue_bytes: limits::SEND_QUEUE_BYTES,
            connect_ns: limits::CONNECT_NS,
            handshake_ns: limits::HANDSHAKE_NS,
            idle_ns: limits::IDLE_NS,
            probe_ns: limits::IDLE_NS / 2,
            write_ns: limits::WRITE_NS,
            pong: PongPolicy::Last { interval_ns: limits::PONG_INTERVAL_NS },
            validate_utf8: true,
            kernel_stamps: true,
            busy_poll_us: None,
            so_rcvbuf: None,
            user_timeout_ms: limits::USER_TIMEOUT_MS,
        }
    }
}

/// How pings are answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PongPolicy {
    /// Only the last ping received (RFC 6455, 5.5.3, allows it), and at most one pong per
    /// interval: a pile-up of pings after a stall must not exceed a venue's message limit.
    Last {
        /// Nanoseconds between two pongs.
        interval_ns: i64,
    },
    /// Every ping, as long as the send queue takes it.
    Every,
}

/// What the socket was granted of what was asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SocketReport {
    /// Whether the kernel stamps received segments.
    pub kernel_stamps: bool,
    /// Microseconds of `SO_BUSY_POLL` granted, `None` if refused or not asked for.
    pub busy_poll_us: Option<u32>,
    /// Receive buffer in bytes as the kernel reports it (it doubles what was asked for).
    pub so_rcvbuf: u32,
    /// Whether `TCP_USER_TIMEOUT` was granted.
    pub user_timeout: bool,
}
