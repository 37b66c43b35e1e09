//! What a book is, why, and what a reader is told when it cannot have it.

macro_rules! byte_enum {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$vdoc:meta])* $variant:ident = $value:literal $text:literal),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $value),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value of a byte from shared memory or a ring; `None` if there is no such value.
            #[inline]
            #[must_use]
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$variant),)+ _ => None }
            }

            /// The name in reports, metrics and error messages.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

byte_enum! {
    /// State of a book. Exhaustive on purpose: a reader must decide for every state.
    BookState {
        /// Nothing is known yet.
        #[default]
        Empty = 0 "empty",
        /// Subscribed, waiting for a snapshot or splicing one.
        Syncing = 1 "syncing",
        /// Known to equal the venue's book at the sequence it carries.
        Live = 2 "live",
        /// Was live; something was lost or looked wrong. Holds what it last held.
        Stale = 3 "stale",
        /// The engine let it go: unsubscribed or shut down.
        Closed = 4 "closed",
    }
}

byte_enum! {
    /// Why a book is in its state. Exhaustive on purpose, as [`BookState`] is.
    Reason {
        /// Nothing to explain.
        #[default]
        None = 0 "none",
        /// The connection that feeds it went away.
        Disconnected = 1 "disconnected",
        /// The venue's sequence has a hole.
        Gap = 2 "gap",
        /// The venue's checksum does not fit the book.
        Checksum = 3 "checksum",
        /// The book stayed crossed.
        Crossed = 4 "crossed",
        /// The venue stopped sending.
        Silent = 5 "silent",
        /// The ring to the builder was full; messages were lost inside the engine.
        RingFull = 6 "ring_full",
        /// More levels than the book may hold, or a number that does not fit.
        Overflow = 7 "overflow",
        /// The venue halted the instrument.
        Halted = 8 "halted",
        /// A new subscription replaces the old one.
        Resubscribed = 9 "resubscribed",
        /// The engine is shutting down.
        Shutdown = 10 "shutdown",
    }
}

/// Why an ordinary read gives no book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotReadable {
    /// The book is not live.
    NotLive {
        /// Its state.
        state: BookState,
        /// Why it is in that state.
        reason: Reason,
    },
    /// The book is live, but its connection or its builder has been silent for too long.
    NotFresh {
        /// Nanoseconds since the later of the two was last heard from.
        age_ns: i64,
    },
    /// The writer was publishing during every attempt; try again.
    Busy,
    /// The writer's heartbeat stopped: the process died or hangs.
    WriterDead,
    /// The engine closed the book or the whole file in an orderly way.
    Closed,
}

impl core::fmt::Display for NotReadable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotLive { state, reason } => write!(f, "book is {state} ({reason})"),
            Self::NotFresh { age_ns } => {
                write!(f, "book is not fresh: nothing heard for {} ms", age_ns / 1_000_000)
            }
            Self::Busy => f.write_str("writer was publishing during every attempt; read again"),
            Self::WriterDead => f.write_str("writer is dead: its heartbeat stopped"),
            Self::Closed => f.write_str("engine closed the book"),
        }
    }
}

impl core::error::Error for NotReadable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_reason_survives_its_byte() {
        for &state in BookState::ALL {
            assert_eq!(BookState::from_byte(state as u8), Some(state));
        }
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_byte(reason as u8), Some(reason));
        }
        assert_eq!(BookState::from_byte(5), None);
        assert_eq!(Reason::from_byte(11), None);
    }
}
