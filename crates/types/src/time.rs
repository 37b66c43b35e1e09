//! Points in time, one type per clock.

/// Nanoseconds since 1970-01-01 UTC (`CLOCK_REALTIME`): labels and venue times, never deadlines.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct WallNanos(pub i64);

/// Nanoseconds of `CLOCK_MONOTONIC`: deadlines, heartbeats, ages.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct MonoNanos(pub i64);

impl MonoNanos {
    /// A point further than any deadline.
    pub const FAR: Self = Self(i64::MAX);

    /// This point moved by `nanos`, stopping at the ends of the range.
    #[inline]
    #[must_use]
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this point; negative if it is later.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A reading of the processor's time-stamp counter; see [`crate::clock`] for its meaning.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Ticks from `earlier` to this reading, as the 32 bits a message header has for it: 0 when
    /// `earlier` is later, [`u32::MAX`] when it does not fit (1.6 s at 2.6 GHz).
    #[inline]
    #[must_use]
    pub fn since_u32(self, earlier: Self) -> u32 {
        u32::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(u32::MAX)
    }
}

/// When the bytes of one `recv` arrived. All messages of one read share it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RecvStamps {
    /// Kernel receive time of the *last* segment of the read, `None` where the socket gives none.
    /// A lower bound of the arrival of every message but the last one of the read.
    pub kernel: Option<WallNanos>,
    /// When `recv` returned (in a memory replay: when the frame was handed to the decoder).
    pub received: Ticks,
    /// Ticks from the end of the last empty poll to `received`; 0 when unknown. Nothing of this
    /// read can have arrived before that poll, so it bounds tick-to-book from above.
    pub poll_gap: u32,
}
