//! One book of a Binance session: where its sync stands and what was last said about it.

use tickbook_scan::LevelScanner;
use tickbook_types::{
    BookId, BookSpec, BookState, ConnId, Instrument, Reason, Scale, SnapshotBlock, Venue,
};

use super::frame::{DecimalLevel, rounded_size};
use crate::fetch::Fetch;
use crate::limits::{BUFFER_BYTES_MAX, BUFFER_FRAMES_MAX};
pub(crate) use crate::splice::Silence;
use crate::splice::{FrameBuffer, Position};

/// Which of the venue's channels feeds the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Channel {
    /// None: only trades or tickers are wanted.
    None,
    /// Diffs, to be joined with a snapshot.
    Diff,
    /// Whole books of so many levels a side.
    Whole(u32),
}

/// Where the sync of a book stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Its connection is not there (yet).
    Idle,
    /// Diffs are kept, a snapshot is wanted.
    Buffering,
    /// The snapshot is there; it and the kept diffs go to the lane as it has room.
    Splicing,
    /// Diffs go straight to the lane.
    Live,
}

/// A book and everything around it.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) id: BookId,
    pub(crate) instrument: Instrument,
    pub(crate) channel: Channel,
    /// Whether the builder knows it.
    pub(crate) added: bool,
    /// Whether the venue knows it, as far as we know.
    pub(crate) listed: bool,
    /// Whether nobody wants it any more.
    pub(crate) gone: bool,
    /// Whether the builder has yet to be told so.
    pub(crate) removal_due: bool,
    /// Exponents of its numbers; `None` until metadata or digits tell.
    scale: Option<Scale>,
    /// Size exponent below which it cannot go: some size would not fit.
    pub(crate) size_exponent_min: Option<i8>,
    pub(crate) scanner: Option<LevelScanner>,
    /// As last said to the builder.
    pub(crate) state: BookState,
    pub(crate) reason: Reason,
    /// Whether saying so has yet to succeed.
    pub(crate) status_due: bool,
    pub(crate) phase: Phase,
    pub(crate) position: Position,
    /// Last id of this epoch that a later diff has confirmed: no older snapshot is taken.
    pub(crate) confirmed: u64,
    /// Snapshots that are in the lane.
    pub(crate) snapshots: u64,
    pub(crate) buffer: FrameBuffer,
    /// The snapshot that is to go to the lane first ([`Phase::Splicing`]).
    pub(crate) snapshot: Option<Box<SnapshotBlock>>,
    pub(crate) fetch: Fetch,
    /// Index of the link whose diffs count.
    pub(crate) link: usize,
    /// Last id seen on the replacement of that link.
    pub(crate) spare_last: Option<u64>,
    pub(crate) silence: Silence,
    /// Whether it must hear a diff before a snapshot is of any use.
    pub(crate) needs_diff: bool,
    pub(crate) ticker_last: u64,
    /// Time of the last mark price.
    pub(crate) mark_last: u64,
    pub(crate) trade_last: u64,
    pub(crate) aggregate_last: u64,
    /// Whether single trades come, so that aggregates would say everything twice.
    pub(crate) has_single_trades: bool,
}

impl Book {
    pub(crate) fn new(id: BookId, instrument: Instrument, channel: Channel, link: usize) -> Self {
        let scale = instrument.scale();
        let mut book = Self {
            id,
            instrument,
            channel,
            added: false,
            listed: true,
            gone: false,
            removal_due: false,
            scale: None,
            size_exponent_min: None,
            scanner: None,
            state: BookState::Syncing,
            reason: Reason::None,
            status_due: false,
            phase: Phase::Idle,
            position: Position::after_snapshot(0),
            confirmed: 0,
            snapshots: 0,
            buffer: FrameBuffer::new(BUFFER_FRAMES_MAX, BUFFER_BYTES_MAX),
            snapshot: None,
            fetch: Fetch::default(),
            link,
            spare_last: None,
            silence: Silence::Unwatched,
            needs_diff: false,
            ticker_last: 0,
            mark_last: 0,
            trade_last: 0,
            aggregate_last: 0,
            has_single_trades: false,
        };
        if let Some(scale) = scale {
            book.set_scale(scale);
        }
        book
    }

    /// A book of which only the symbol is known.
    pub(crate) fn unlisted(
        id: BookId,
        venue: Venue,
        symbol: &str,
        channel: Channel,
        link: usize,
    ) -> Self {
        Self::new(id, Instrument::unlisted(venue, symbol), channel, link)
    }

    /// The venue's symbol.
    pub(crate) fn symbol(&self) -> &str {
        &self.instrument.symbol
    }

    /// Takes over what the venue says about the instrument. Only before the book is added.
    pub(crate) fn set_instrument(&mut self, instrument: &Instrument) {
        debug_assert!(!self.added);
        self.instrument = instrument.clone();
        if let Some(scale) = self.instrument.scale() {
            self.set_scale(self.scale.map_or(scale, |present| present.finer(scale)));
        }
    }

    pub(crate) const fn scale(&self) -> Option<Scale> {
        self.scale
    }

    pub(crate) fn set_scale(&mut self, scale: Scale) {
        self.scale = Some(scale);
        self.scanner = LevelScanner::new(scale);
    }

    /// What the builder needs to know to keep it.
    pub(crate) fn spec(&self, conn: ConnId) -> BookSpec {
        BookSpec {
            book: self.id,
            conn,
            name: self.symbol().to_owned(),
            instrument: self.instrument.clone(),
            scale: self.scale.unwrap_or_default(),
            crosses: false,
            depth_max: match self.channel {
                Channel::Whole(depth) => Some(depth),
                Channel::Diff | Channel::None => None,
            },
        }
    }

    /// The record of a level at the book's scale, and whether its size is exact; `None` if the
    /// scale cannot hold it.
    pub(crate) fn record(
        &self,
        level: &DecimalLevel,
    ) -> Option<(tickbook_types::LevelRecord, bool)> {
        let scale = self.scale?;
        if let Ok(record) = level.record(scale) {
            return Some((record, true));
        }
        // Only a size that would otherwise overflow is ever rounded.
        let coarse = self.size_exponent_min == Some(scale.size_exponent);
        let price = level.price.to_mantissa(scale.price_exponent).ok()?;
        let (size, exact) = rounded_size(level.size, scale.size_exponent).filter(|_| coarse)?;
        let price = tickbook_types::Price(price);
        Some((tickbook_types::LevelRecord::new(price, size, level.side), exact))
    }
}
