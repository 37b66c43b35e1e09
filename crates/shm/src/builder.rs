//! What one builder thread writes: its heartbeat, its books, its events.

use core::ops::Range;

use tickbook_types::{
    BookId, BookSpec, BookState, ConnId, Epoch, Level, LevelRecord, MonoNanos, Price, Reason,
    Scale, SeqNo, Side, Size, WallNanos,
};

use crate::ShmError;

/// Flags of a snapshot or an event.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct SnapshotFlags(pub u16);

impl SnapshotFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The best bid is at or above the best ask, as the venue sent it.
    pub const CROSSED: Self = Self(1);
    /// A size of this book was rounded to fit.
    pub const SIZE_ROUNDED: Self = Self(2);
    /// `seq` holds the venue's chain id.
    pub const HAS_SEQ: Self = Self(4);
    /// There is a best bid. Set by the writer itself.
    pub const HAS_BID: Self = Self(8);
    /// There is a best ask. Set by the writer itself.
    pub const HAS_ASK: Self = Self(16);

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

/// What one publish says of a book.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// State of the book.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Epoch of the connection that fed it last.
    pub epoch: Epoch,
    /// Flags; presence of a best bid and ask is added by the writer.
    pub flags: SnapshotFlags,
    /// The venue's chain id, if [`SnapshotFlags::HAS_SEQ`].
    pub seq: SeqNo,
    /// Exponents of every price and size here.
    pub scale: Scale,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Levels of the whole book, bids.
    pub bid_levels: u32,
    /// Levels of the whole book, asks.
    pub ask_levels: u32,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Kernel receive time, 0 if the socket gives none.
    pub kernel_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// When this publish began.
    pub published_wall: WallNanos,
    /// Best levels, best first; what exceeds the published depth is left out.
    pub bids: &'a [Level],
    /// Best levels, best first; what exceeds the published depth is left out.
    pub asks: &'a [Level],
    /// Slots of `bids` that differ from the last publish of this book; slots beyond the last
    /// publish's end count as changed and must be in it.
    pub bids_changed: Range<usize>,
    /// As `bids_changed`, for `asks`.
    pub asks_changed: Range<usize>,
}

/// What all level changes of one venue message share in the event ring.
#[derive(Clone, Copy, Debug)]
pub struct DeltaEvent {
    /// Whether the levels replace the whole book (a snapshot) instead of changing it.
    pub snapshot: bool,
    /// The venue's chain id, if it has one.
    pub seq: Option<SeqNo>,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Exponents.
    pub scale: Scale,
}

/// A trade in the event ring.
#[derive(Clone, Copy, Debug)]
pub struct TradeEvent {
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Side of the aggressor.
    pub side: Side,
    /// Venue's id of the trade.
    pub id: u64,
    /// Venue's time of the trade.
    pub venue_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// Exponents.
    pub scale: Scale,
}

/// The writer of one builder thread. Every method is wait-free and free of system calls.
#[derive(Debug)]
pub struct BuilderWriter {}

impl BuilderWriter {
    /// Says that the builder is alive. Call it from the loop that builds; it stores at most eight
    /// times per heartbeat interval.
    pub fn beat(&mut self, now: MonoNanos) {
        let _ = now;
    }

    /// Enters a book in the directory, state `Empty`. Its id is the slot it takes.
    ///
    /// # Errors
    ///
    /// [`ShmError`] if the id is out of range or in use, or a name is too long.
    pub fn add_book(&mut self, spec: &BookSpec) -> Result<(), ShmError> {
        Err(ShmError::Taken { what: "book", index: spec.book.0 })
    }

    /// Removes a book: its state becomes `Closed` and its slot free.
    pub fn remove_book(&mut self, book: BookId) {
        let _ = book;
    }

    /// Moves a book to another connection; readers see it with the next publish.
    pub fn set_conn(&mut self, book: BookId, conn: ConnId) {
        let _ = (book, conn);
    }

    /// Publishes a book: first its top, then its depth. A change of state is also put in the event
    /// ring.
    ///
    /// # Panics
    ///
    /// If the book was not added by this builder: a bug of the caller.
    pub fn publish(&mut self, book: BookId, snapshot: &Snapshot<'_>) {
        let _ = (book, snapshot);
    }

    /// Puts the level changes of one message in the event ring, two to a slot.
    pub fn event_levels(&mut self, book: BookId, event: &DeltaEvent, levels: &[LevelRecord]) {
        let _ = (book, event, levels);
    }

    /// Puts a trade in the event ring.
    pub fn event_trade(&mut self, book: BookId, event: &TradeEvent) {
        let _ = (book, event);
    }

    /// Published levels a side.
    #[must_use]
    pub fn depth(&self) -> usize {
        0
    }
}
