//! Why a connection failed, and whose fault it was.

use core::fmt;
use std::io;

use crate::limits::{BANNED_NS, RESTARTING_NS};

/// Why a connection failed. It stays failed: drop it, back off, open another one.
///
/// Small and `Copy`; text is made at the edge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NetError {
    /// The network or the kernel: refused, reset, unreachable, out of descriptors.
    Io {
        /// Its kind.
        kind: io::ErrorKind,
        /// The system's number, 0 if there is none.
        errno: i32,
    },
    /// Something took too long. Venue or network.
    Timeout(Waited),
    /// The stream ended without a WebSocket close (over TLS: or without `close_notify`). Venue or
    /// network; what was not yet whole is lost.
    Truncated,
    /// TLS failed. The venue's certificate or stack, someone in between, or our trust anchors.
    Tls(TlsFault),
    /// The venue answered the upgrade request with another status than 101. It says why: bad path
    /// (4xx, our configuration), too many connections (429, 418), overload (5xx). Redirects are
    /// not followed.
    Refused {
        /// HTTP status.
        status: u16,
        /// Seconds to stay away, if it says.
        retry_after_s: Option<u32>,
    },
    /// The answer to the upgrade request is not one. Venue, or something else on that port.
    Handshake(HandshakeFault),
    /// The venue broke the WebSocket protocol.
    Protocol(Violation),
    /// The venue closed the connection, in order. The code says why: see
    /// [`Self::PeerClosed::code`].
    PeerClosed {
        /// Close code: 1000 normal, 1001 going away, 1008 policy (do not insist), 1012 restart,
        /// 1013 try later. `None`: it gave none.
        code: Option<u16>,
    },
    /// More waits to be sent than the queue holds. We sent too much, or the venue stopped reading.
    /// The message was not queued; the connection is not failed by this.
    SendQueueFull,
    /// Not open (yet, or any more). We misused the API.
    NotOpen,
    /// Host or path that cannot stand in a request. Our configuration.
    BadTarget,
}

/// What took too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Waited {
    /// The TCP connection.
    Connect,
    /// TLS and the upgrade.
    Handshake,
    /// Any byte from the venue.
    Data,
    /// The socket taking what is queued.
    Write,
}

/// Why TLS failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsFault {
    /// No trust anchor signed the certificate. Missing extra root, or an impostor.
    UnknownIssuer,
    /// The certificate is for another name. Wrong host in our configuration, or an impostor.
    WrongName,
    /// The certificate is no longer valid, or our clock is wrong.
    Expired,
    /// The certificate is not yet valid, or our clock is wrong.
    NotYetValid,
    /// The certificate was revoked.
    Revoked,
    /// The certificate is wrong in another way.
    BadCertificate,
    /// The peer sent an alert with this code.
    Alert(u8),
    /// A record does not authenticate: damaged or forged.
    BadRecord,
    /// The peer speaks no version or suite that we accept.
    Incompatible,
    /// The peer broke the TLS protocol.
    Misbehaved,
    /// Anything else; our fault until shown otherwise.
    Internal,
}

/// What is wrong with the answer to the upgrade request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HandshakeFault {
    /// Not an HTTP answer.
    Malformed,
    /// Longer than [`crate::limits::RESPONSE_BYTES_MAX`] or
    /// [`crate::limits::RESPONSE_LINES_MAX`].
    TooLong,
    /// No `Upgrade: websocket` or no `Connection: upgrade`.
    NotUpgraded,
    /// `Sec-WebSocket-Accept` is missing or does not answer our key.
    WrongAccept,
    /// It names an extension; we offer none.
    Extension,
    /// It names a subprotocol; we offer none.
    Subprotocol,
    /// The venue spoke before it was asked.
    Unasked,
}

/// What a frame did wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set; we negotiate no extension.
    ReservedBit,
    /// An opcode that RFC 6455 does not define.
    Opcode,
    /// A masked frame from a server.
    Masked,
    /// A length in more bytes than it needs.
    LengthForm,
    /// A length of 2^63 or more.
    LengthSign,
    /// A control frame with more than 125 bytes.
    ControlLength,
    /// A fragmented control frame.
    ControlFragmented,
    /// A continuation without a message to continue.
    ContinuationAlone,
    /// A new message inside a fragmented one.
    MessageInside,
    /// A message longer than [`crate::ConnectionOptions::message_bytes_max`].
    MessageTooLong,
    /// A message in more than [`crate::ConnectionOptions::fragments_max`] fragments.
    FragmentsTooMany,
    /// Text, or the reason of a close, that is not UTF-8.
    Utf8,
    /// A close frame with a payload of one byte.
    CloseLength,
    /// A close code that must not be sent.
    CloseCode,
}

impl NetError {
    /// Nanoseconds that the venue wants us to stay away, beyond the usual backoff: what it named,
    /// or what its code or status stands for where it named nothing.
    #[must_use]
    pub const fn wait_at_least_ns(self) -> i64 {
        match self {
            Self::Refused { retry_after_s: Some(s), .. } => s as i64 * 1_000_000_000,
            Self::Refused { status: 418 | 429, .. } => BANNED_NS,
            Self::Refused { status: 503, .. } | Self::PeerClosed { code: Some(1012 | 1013) } => {
                RESTARTING_NS
            }
            _ => 0,
        }
    }

    /// Whether trying again will hardly help until someone has looked at it: a wrong path or host,
    /// a certificate, a policy. Still worth a rare try, since causes at the venue pass by.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        match self {
            Self::BadTarget | Self::PeerClosed { code: Some(1008) } => true,
            Self::Refused { status, .. } => status < 500 && status != 418 && status != 429,
            Self::Tls(fault) => !matches!(fault, TlsFault::BadRecord | TlsFault::Alert(_)),
            _ => false,
        }
    }
}

impl Violation {
    /// The close code that answers it (RFC 6455, 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::MessageTooLong | Self::FragmentsTooMany => 1009,
            Self::Utf8 => 1007,
            _ => 1002,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::ReservedBit => "reserved bit set",
            Self::Opcode => "unknown opcode",
            Self::Masked => "masked frame from a server",
            Self::LengthForm => "length not in its shortest form",
            Self::LengthSign => "length of 2^63 or more",
            Self::ControlLength => "control frame above 125 bytes",
            Self::ControlFragmented => "fragmented control frame",
            Self::ContinuationAlone => "continuation without a start",
            Self::MessageInside => "new message inside a fragmented one",
            Self::MessageTooLong => "message above the size limit",
            Self::FragmentsTooMany => "message in too many fragments",
            Self::Utf8 => "text is not UTF-8",
            Self::CloseLength => "close payload of one byte",
            Self::CloseCode => "close code that must not be sent",
        }
    }
}

impl From<io::Error> for NetError {
    fn from(error: io::Error) -> Self {
        Self::Io { kind: error.kind(), errno: error.raw_os_error().unwrap_or(0) }
    }
}

impl From<Violation> for NetError {
    fn from(violation: Violation) -> Self {
        Self::Protocol(violation)
    }
}

impl From<TlsFault> for NetError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(fault)
    }
}

impl From<HandshakeFault> for NetError {
    fn from(fault: HandshakeFault) -> Self {
        Self::Handshake(fault)
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Io { errno, .. } if errno != 0 => {
                write!(f, "network: {}", io::Error::from_raw_os_error(errno))
            }
            Self::Io { kind, .. } => write!(f, "network: {kind}"),
            Self::Timeout(waited) => f.write_str(match waited {
                Waited::Connect => "timeout: no TCP connection",
                Waited::Handshake => "timeout: TLS or WebSocket handshake not finished",
                Waited::Data => "timeout: the venue went silent",
                Waited::Write => "timeout: the venue does not read what we send",
            }),
            Self::Truncated => f.write_str("connection dropped without a close"),
            Self::Tls(fault) => write!(f, "TLS: {fault}"),
            Self::Refused { status, retry_after_s: None } => {
                write!(f, "venue refused the WebSocket with HTTP status {status}")
            }
            Self::Refused { status, retry_after_s: Some(s) } => {
                write!(f, "venue refused the WebSocket with HTTP status {status}, retry in {s} s")
            }
            Self::Handshake(fault) => write!(f, "WebSocket handshake: {fault}"),
            Self::Protocol(violation) => write!(f, "WebSocket protocol broken: {violation}"),
            Self::PeerClosed { code: Some(code) } => write!(f, "venue closed with code {code}"),
            Self::PeerClosed { code: None } => f.write_str("venue closed without a code"),
            Self::SendQueueFull => f.write_str("send queue is full"),
            Self::NotOpen => f.write_str("connection is not open"),
            Self::BadTarget => f.write_str("host or path cannot stand in an HTTP request"),
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::UnknownIssuer => {
                "certificate is not signed by a trusted root; a test server's root can be given \
                 as an extra root file"
            }
            Self::WrongName => "certificate is for another host name",
            Self::Expired => "certificate has expired (or this host's clock is wrong)",
            Self::NotYetValid => "certificate is not yet valid (or this host's clock is wrong)",
            Self::Revoked => "certificate was revoked",
            Self::BadCertificate => "certificate is not acceptable",
            Self::Alert(code) => return write!(f, "peer sent alert {code}"),
            Self::BadRecord => "record does not authenticate",
            Self::Incompatible => "no common protocol version or cipher suite",
            Self::Misbehaved => "peer broke the protocol",
            Self::Internal => "internal fault",
        })
    }
}

impl fmt::Display for HandshakeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "answer is not HTTP",
            Self::TooLong => "answer is too long",
            Self::NotUpgraded => "answer does not upgrade",
            Self::WrongAccept => "Sec-WebSocket-Accept does not answer our key",
            Self::Extension => "venue chose an extension that was not offered",
            Self::Subprotocol => "venue chose a subprotocol that was not offered",
            Self::Unasked => "venue spoke before it was asked",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for NetError {}

// A few bytes, returned in registers or one store pair.
const _: () = assert!(size_of::<NetError>() <= 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_that_asks_for_patience_gets_it() {
        let refused = |status, retry_after_s| NetError::Refused { status, retry_after_s };
        assert_eq!(refused(429, Some(7)).wait_at_least_ns(), 7_000_000_000);
        assert_eq!(refused(429, None).wait_at_least_ns(), BANNED_NS);
        assert_eq!(refused(418, Some(u32::MAX)).wait_at_least_ns(), 4_294_967_295_000_000_000);
        let closed = |code| NetError::PeerClosed { code: Some(code) };
        assert_eq!(closed(1012).wait_at_least_ns(), RESTARTING_NS);
        assert_eq!(closed(1001).wait_at_least_ns(), 0);
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        let refused = |status| NetError::Refused { status, retry_after_s: None };
        for error in [refused(404), refused(301), NetError::BadTarget, TlsFault::WrongName.into()] {
            assert!(error.needs_operator(), "{error}");
        }
        for error in [refused(503), refused(429), NetError::Truncated, TlsFault::BadRecord.into()] {
            assert!(!error.needs_operator(), "{error}");
        }
    }
}
