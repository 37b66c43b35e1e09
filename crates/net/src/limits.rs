//! Every limit of this crate, with the arithmetic that chose it.
//!
//! Those that a venue may need otherwise are defaults of [`crate::ConnectionOptions`]; the others
//! are fixed.

/// Bytes of one message, over all its fragments. The biggest real message is Coinbase's first
/// `level2` snapshot, 4.8 MB; venues without such a snapshot stay below 1 MB.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Bytes of the part of the receive buffer that is used in turn while messages are small; what is
/// beyond is touched by big messages only. Half of a 512 KiB second-level cache.
pub const RECV_WINDOW_BYTES: usize = 256 << 10;

/// The smallest window that keeps a TLS record and room to read the next one.
pub const RECV_WINDOW_BYTES_MIN: usize = 2 * TLS_RECORD_BYTES_MAX;

/// Bytes that a `recv` offers room for at least: two full TLS records, or 12 Ethernet frames.
pub const READ_BYTES_MIN: usize = 2 * TLS_RECORD_BYTES_MAX;

/// Fragments of one message. Autobahn's 10.1.1 has 51; no venue is known to fragment.
pub const FRAGMENTS_MAX: u32 = 64;

/// Payload of a control frame (RFC 6455, 5.5).
pub const CONTROL_PAYLOAD_MAX: usize = 125;

/// The longest frame header a server may send: 2 bytes and a 64-bit length (no mask).
pub const FRAME_HEADER_MAX: usize = 10;

/// Bytes of the answer to the upgrade request, up to its blank line. Binance's has 300, and a
/// proxy may add cookies of 4 KiB each.
pub const RESPONSE_BYTES_MAX: usize = 16 << 10;

/// Lines of that answer.
pub const RESPONSE_LINES_MAX: usize = 64;

/// A TLS record with its header: 2^14 bytes, 256 more for protection (RFC 8446, 5.2), which also
/// covers TLS 1.2 with the AEAD suites (RFC 5246 allows 2048, AEADs need 24), and 5 of header.
pub const TLS_RECORD_BYTES_MAX: usize = (1 << 14) + 256 + 5;

/// Bytes of one post-handshake TLS message, joined over records: tickets carry a few hundred,
/// some servers put a certificate chain into them.
pub const TLS_POST_HANDSHAKE_BYTES_MAX: usize = 32 << 10;

/// Records in a row that carry no application data (tickets, key updates, warnings, empty ones):
/// rustls itself allows 32.
pub const TLS_IDLE_RECORDS_MAX: u32 = 32;

/// Bytes that may wait for the socket to take them. A packed subscription of 200 streams has 6 KB.
pub const SEND_QUEUE_BYTES: usize = 64 << 10;

/// On top of that for what must not be refused: control frames (147 bytes at most, sealed), and
/// TLS's key updates and alerts (27 bytes).
pub const SEND_RESERVE_BYTES: usize = 1024;

/// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged. Longer than a few
/// retransmissions (0.2, 0.4, ... 6.4 s are 12.6 s), shorter than a venue's patience.
pub const USER_TIMEOUT_MS: u32 = 15_000;

/// From `open` to a TCP connection: three SYNs (0, 1, 3 s) and a slow path.
pub const CONNECT_NS: i64 = 5_000_000_000;

/// From the TCP connection to the 101: TLS and the upgrade, two or three round trips.
pub const HANDSHAKE_NS: i64 = 10_000_000_000;

/// Without a byte from the venue, pongs included. Binance spot pings every 20 s.
pub const IDLE_NS: i64 = 60_000_000_000;

/// From queueing to the socket taking all of it.
pub const WRITE_NS: i64 = 10_000_000_000;

/// From our close frame to the end of the stream.
pub const CLOSE_NS: i64 = 2_000_000_000;

/// Between two pongs, where only the last ping is answered: 1 a second leaves 4 of the 5 messages
/// a second that Binance spot takes, pings and pongs included.
pub const PONG_INTERVAL_NS: i64 = 1_000_000_000;

/// First and longest mean delay of a reconnect: 0.25 s doubling to 30 s keeps to 300 connections
/// in 5 minutes (Binance) even if a venue drops every one at once.
pub const BACKOFF_FIRST_NS: i64 = 250_000_000;
/// See [`BACKOFF_FIRST_NS`].
pub const BACKOFF_LONGEST_NS: i64 = 30_000_000_000;

/// How long to stay away after 429 or 418 without a `Retry-After`: Binance counts by the minute.
pub const BANNED_NS: i64 = 60_000_000_000;

/// How long to stay away from a venue that restarts (1012, 1013, 503).
pub const RESTARTING_NS: i64 = 5_000_000_000;

const _: () = assert!(RECV_WINDOW_BYTES >= RECV_WINDOW_BYTES_MIN);
const _: () = assert!(RESPONSE_BYTES_MAX < RECV_WINDOW_BYTES_MIN);
const _: () = assert!(CONTROL_PAYLOAD_MAX + FRAME_HEADER_MAX < READ_BYTES_MIN);
