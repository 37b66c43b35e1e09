//! One line of a capture, taken apart.

use tickbook_types::{Padded, WallNanos};

/// A record, borrowed from its [`crate::Capture`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Record<'a> {
    /// A text message was received.
    Frame {
        /// When.
        ns: WallNanos,
        /// The message, UTF-8.
        text: Padded<'a>,
    },
    /// A binary message was received.
    Binary {
        /// When.
        ns: WallNanos,
        /// The message as it was on the wire.
        bytes: Padded<'a>,
    },
    /// The recording client sent a text message.
    Sent {
        /// When.
        ns: WallNanos,
        /// The message.
        text: &'a str,
    },
    /// A REST answer had arrived.
    Http {
        /// When its last byte arrived.
        ns: WallNanos,
        /// What was asked.
        url: &'a str,
        /// The body, UTF-8.
        body: Padded<'a>,
    },
    /// The WebSocket connection was opened.
    Open {
        /// When.
        ns: WallNanos,
        /// Where.
        url: &'a str,
    },
}

impl Record<'_> {
    /// The recorder's time.
    #[must_use]
    pub const fn ns(&self) -> WallNanos {
        match self {
            Self::Frame { ns, .. }
            | Self::Binary { ns, .. }
            | Self::Sent { ns, .. }
            | Self::Http { ns, .. }
            | Self::Open { ns, .. } => *ns,
        }
    }

    /// Whether it is a message received, text or binary.
    #[must_use]
    pub const fn is_received(&self) -> bool {
        matches!(self, Self::Frame { .. } | Self::Binary { .. })
    }
}
