//! The header of a message in the ring; its level records follow it.

use crate::{BookId, BookState, ConnId, Epoch, Reason, SeqNo, Ticks, WallNanos};

/// What a message says.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
#[non_exhaustive]
pub enum MessageKind {
    /// Absolute sizes for some prices; zero removes. The header's `state` is the book's state once
    /// it is applied.
    #[default]
    Delta = 0,
    /// A part of an in-band snapshot; the first part has [`MessageFlags::FIRST`] (it clears the
    /// book), all but the last have [`MessageFlags::MORE`].
    Snapshot = 1,
    /// A [`crate::Block`] travels beside the ring; it is to be taken now.
    Block = 2,
    /// Trades: per trade two records, a level record (price, size, aggressor) and the words
    /// (trade time in ns, trade id).
    Trade = 3,
    /// Best bid and offer as the venue says: one bid and one ask record; `seq` is its update id.
    Ticker = 4,
    /// The book's state and reason, and the connection that feeds it from here on
    /// ([`MessageHeader::status`]); no levels.
    Status = 5,
    /// The exponents change: one record of words (price exponent, size exponent as `u64` of an
    /// `i64`). Everything after it is in the new exponents; the book is kept.
    Rescale = 6,
    /// What the venue says beside the book ([`crate::Ticker`]): a record for each field that it
    /// speaks of. [`MessageFlags::FIRST`]: of the others nothing is known any more. `seq` is the
    /// connection it came on ([`MessageHeader::status_conn`]).
    Statistics = 7,
    /// How many orders make up some levels: level records with counts for sizes, 0 for a level that
    /// is gone. [`MessageFlags::FIRST`]: of no other level is it known. [`MessageFlags::MORE`]: it
    /// goes on in the next one. Of the levels of the message before it.
    Orders = 8,
}

impl MessageKind {
    /// The kind of a byte in a ring.
    #[inline]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Delta,
            1 => Self::Snapshot,
            2 => Self::Block,
            3 => Self::Trade,
            4 => Self::Ticker,
            5 => Self::Status,
            6 => Self::Rescale,
            7 => Self::Statistics,
            8 => Self::Orders,
            _ => return None,
        })
    }
}

/// Flags of a message.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct MessageFlags(pub u8);

impl MessageFlags {
    /// More of the same splice or snapshot follows: apply, do not publish.
    pub const MORE: Self = Self(1);
    /// First part of an in-band snapshot: the book is cleared before it. Of statistics: the whole
    /// ticker.
    pub const FIRST: Self = Self(2);
    /// `seq` holds the venue's chain id.
    pub const HAS_SEQ: Self = Self(4);
    /// The kernel stamp is shared with later messages of the same read (a lower bound).
    pub const SHARED_STAMP: Self = Self(8);
    /// The inner stages of this message are stamped.
    pub const SAMPLED: Self = Self(16);
    /// A size was rounded to fit.
    pub const SIZE_ROUNDED: Self = Self(32);
    /// The last record is the venue's [`crate::Checksum`] of the book once the message is applied.
    pub const CHECKSUM: Self = Self(64);

    /// These flags and those of `other`.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all flags of `other` are set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Header of a message: 56 bytes, which with the ring's commit word make one cache line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct MessageHeader {
    /// The book it is for.
    pub book: BookId,
    /// Records that follow: levels, and whatever else kind and flags tell.
    pub count: u32,
    /// What it says.
    pub kind: MessageKind,
    /// Flags.
    pub flags: MessageFlags,
    /// State of the book once the message is applied.
    pub state: BookState,
    /// Reason of that state.
    pub reason: Reason,
    /// Connection epoch it was received in.
    pub epoch: Epoch,
    /// The venue's chain id, if [`MessageFlags::HAS_SEQ`].
    pub seq: SeqNo,
    /// Venue's event time in ns since 1970; 0 if the message has none.
    pub venue_time: WallNanos,
    /// Kernel receive time; 0 if the socket gives none.
    pub kernel_time: WallNanos,
    /// When `recv` returned.
    pub received: Ticks,
    /// Ticks from `received` to the end of parsing; 0 unless [`MessageFlags::SAMPLED`].
    pub parsed_after: u32,
    /// [`crate::RecvStamps::poll_gap`].
    pub poll_gap: u32,
}

const _: () = assert!(size_of::<MessageHeader>() == 56);
const _: () = assert!(align_of::<MessageHeader>() == 8);

impl MessageHeader {
    /// A header of `kind` for `book` with everything else at its default.
    #[inline]
    #[must_use]
    pub fn new(kind: MessageKind, book: BookId) -> Self {
        Self { kind, book, ..Self::default() }
    }

    /// A [`MessageKind::Status`] message: `conn` feeds `book`, in its `epoch`.
    #[must_use]
    pub fn status(
        book: BookId,
        conn: ConnId,
        epoch: Epoch,
        state: BookState,
        reason: Reason,
    ) -> Self {
        let seq = SeqNo(conn.0.into());
        Self { state, reason, epoch, seq, ..Self::new(MessageKind::Status, book) }
    }

    /// The connection that a [`MessageKind::Status`] or [`MessageKind::Statistics`] message names.
    #[must_use]
    pub fn status_conn(&self) -> ConnId {
        ConnId(u32::try_from(self.seq.0).unwrap_or(u32::MAX))
    }
}
