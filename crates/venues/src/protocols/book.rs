//! One book of a session, and one connection.

use std::collections::VecDeque;

use tickbook_types::{
    BookId, BookSpec, BookState, Checksum, ChecksumKind, ConnId, Epoch, Instrument, LevelRecord,
    MonoNanos, Reason, Scale, SnapshotBlock, WallNanos,
};

use super::chain::Position;
use super::digits::Digits;
use super::lines::Race;
use super::protocol::{Recovery, Route, Topic};
use crate::counters::Rejected;
use crate::fetch::Fetch;
use crate::level::{DecimalLevel, Needs, rounded_size};
use crate::limits::{BUFFER_BYTES_MAX, BUFFER_FRAMES_MAX};
use crate::pacing::Pacer;
use crate::splice::{FrameBuffer, Silence};

/// Where a book stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Its connection is not there.
    Idle,
    /// A snapshot is awaited; where REST has it, deltas are kept meanwhile.
    Waiting,
    /// The snapshot is there; it and the kept deltas go to the lane as it has room.
    Splicing,
    /// Deltas are passed on.
    Live,
}

/// A book and everything around it.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) id: BookId,
    pub(super) topic: Topic,
    pub(super) instrument: Instrument,
    pub(super) depth_max: Option<u32>,
    /// [`super::protocol::Rules::crosses`].
    pub(super) crosses: bool,
    pub(super) recovery: Recovery,
    /// Index of its connection.
    pub(super) line: usize,
    /// Whether the builder knows it.
    pub(super) added: bool,
    /// As last said to the builder.
    pub(super) state: BookState,
    pub(super) reason: Reason,
    /// Whether saying so has yet to succeed.
    pub(super) status_due: bool,
    pub(super) phase: Phase,
    pub(super) position: Position,
    pub(super) exponents: Exponents,
    pub(super) digits: Digits,
    /// The new snapshot, as long as one is awaited.
    pub(super) wanted: Fetch,
    /// Since when it is live.
    pub(super) live_since: MonoNanos,
    /// Snapshots that are in the lane.
    pub(super) snapshots: u64,
    /// The next book of the same symbol.
    pub(super) next_of_symbol: Option<usize>,
    /// The builder has a ticker of it.
    /// Venue's time of the last message where each is a whole book, and the belated ones since.
    pub(super) whole: (WallNanos, u8),
    /// It is no longer wanted.
    pub(super) gone: bool,
    /// The builder does not know that yet.
    pub(super) removal_due: bool,
    /// Greatest id of a change that came before the snapshot it belongs behind.
    pub(super) overtaken: Option<u64>,
    pub(super) has_ticker: bool,
    /// A part of its ticker did not get into the lane: what the builder has may be old.
    pub(super) ticker_lost: bool,
    /// Order counts did not get into the lane: what the builder has may be old.
    pub(super) orders_lost: bool,
    /// What its sync needs besides, where REST has its snapshots.
    pub(super) splice: Option<Box<Splice>>,
    /// What it knows of its lines, where there are several.
    pub(super) race: Option<Box<Race>>,
}

/// The sync of a book with snapshots of REST.
#[derive(Debug)]
pub(super) struct Splice {
    /// Where its snapshot is.
    pub(super) path: String,
    /// Deltas that wait for the snapshot.
    pub(super) buffer: FrameBuffer,
    /// The snapshot that is to go to the lane first ([`Phase::Splicing`]).
    pub(super) snapshot: Option<Box<SnapshotBlock>>,
    /// Last id that a later delta has confirmed: no older snapshot is taken.
    pub(super) confirmed: u64,
    /// Whether the snapshot is asked for as soon as a delta comes.
    pub(super) needs_delta: bool,
    /// But not before this.
    pub(super) not_before: MonoNanos,
    pub(super) silence: Silence,
}

impl Splice {
    pub(super) fn new(path: String) -> Self {
        let buffer = FrameBuffer::new(BUFFER_FRAMES_MAX, BUFFER_BYTES_MAX);
        Self {
            path,
            buffer,
            snapshot: None,
            confirmed: 0,
            needs_delta: false,
            not_before: MonoNanos(0),
            silence: Silence::Unwatched,
        }
    }
}

impl Book {
    pub(super) fn new(id: BookId, topic: Topic, instrument: Instrument, line: usize) -> Self {
        let exponents = Exponents::of(&instrument);
        Self {
            id,
            topic,
            instrument,
            depth_max: None,
            crosses: false,
            recovery: Recovery::Resubscribe,
            line,
            added: false,
            state: BookState::Syncing,
            reason: Reason::None,
            status_due: false,
            phase: Phase::Idle,
            position: Position::default(),
            exponents,
            digits: Digits::default(),
            wanted: Fetch::default(),
            live_since: MonoNanos(0),
            snapshots: 0,
            splice: None,
            next_of_symbol: None,
            whole: (WallNanos(0), 0),
            gone: false,
            removal_due: false,
            overtaken: None,
            has_ticker: false,
            ticker_lost: false,
            orders_lost: false,
            race: None,
        }
    }

    /// The venue's checksum as the builder checks it.
    pub(super) fn checksum(&self, (kind, crc): (ChecksumKind, u32)) -> Checksum {
        // Where a size did not fit, the book's are coarse.
        self.digits.checksum(kind, crc, self.exponents.size_min.is_some())
    }

    /// What it is became known, before the builder knows the book.
    pub(super) fn set_instrument(&mut self, instrument: Instrument) {
        self.exponents = Exponents::of(&instrument);
        self.instrument = instrument;
    }

    /// What the builder needs to know to keep it.
    pub(super) fn spec(&self, conn: ConnId, prefix: &str) -> BookSpec {
        BookSpec {
            book: self.id,
            conn,
            name: format!("{prefix}{}", self.topic.name),
            instrument: self.instrument.clone(),
            scale: self.exponents.published(),
            depth_max: self.depth_max,
            crosses: self.crosses,
        }
    }
}

/// Exponents of a book's numbers, as far as they are known: those of the numbers in the venue's
/// messages. Where it scales its numbers, what is published differs by the exponents only.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Exponents {
    /// `None` until metadata or digits tell.
    pub(super) scale: Option<Scale>,
    /// Size exponent below which it cannot go: some size would not fit.
    pub(super) size_min: Option<i8>,
    /// What a 1 in its messages is worth.
    pub(super) wire: Scale,
}

impl Exponents {
    /// Those of an instrument, as far as its steps tell.
    fn of(instrument: &Instrument) -> Self {
        let wire = instrument.wire_scale.unwrap_or_default();
        let scale = instrument.scale().and_then(|scale| scale.moved(wire.back()));
        Self { scale, size_min: None, wire }
    }

    /// The record of a level, and whether its size is exact; `None` if the scale cannot hold it.
    pub(super) fn record(&self, level: &DecimalLevel) -> Option<(LevelRecord, bool)> {
        let scale = self.scale?;
        if let Ok(record) = level.record(scale) {
            return Some((record, true));
        }
        // Only a size that would otherwise overflow is ever rounded.
        let coarse = self.size_min == Some(scale.size_exponent);
        let price = level.price.to_mantissa(scale.price_exponent).ok()?;
        let (size, exact) = rounded_size(level.size, scale.size_exponent).filter(|_| coarse)?;
        Some((LevelRecord::new(tickbook_types::Price(price), size, level.side), exact))
    }

    /// The exponents of the real numbers.
    pub(super) fn published(&self) -> Scale {
        // In range by `fit`; a scale that came with the instrument was moved there from it.
        let scale = self.scale.unwrap_or_default();
        scale.moved(self.wire).unwrap_or(scale)
    }

    /// The exponents that hold these levels and, as far as possible, what there was.
    pub(super) fn fit(self, levels: impl Iterator<Item = DecimalLevel>) -> Result<Self, Rejected> {
        let mut needs = Needs::default();
        levels.for_each(|level| needs.add(&level));
        let mut scale = needs.scale(self.scale)?;
        let mut size_min = self.size_min;
        if let Some(min) = size_min {
            scale.size_exponent = scale.size_exponent.max(min);
        }
        if scale.size_exponent > needs.size_exponent_wanted(self.scale) {
            size_min = Some(scale.size_exponent);
        }
        scale.moved(self.wire).ok_or(Rejected::Overflow)?;
        Ok(Self { scale: Some(scale), size_min, wire: self.wire })
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LinePhase {
    /// Not there.
    Down,
    /// Open.
    Open,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) conn: ConnId,
    pub(super) route: Route,
    /// Lines of one group have the same subscriptions; which of them it is.
    pub(super) group: usize,
    pub(super) copy: usize,
    pub(super) phase: LinePhase,
    pub(super) epoch: Epoch,
    /// Number of its last frame, where the venue counts frames.
    pub(super) number: Option<u64>,
    /// When the next keepalive is due.
    pub(super) keepalive_at: MonoNanos,
    /// How often it wants one, where the venue has said so.
    pub(super) ping_every: Option<i64>,
    /// Whether the venue has said that it may be used.
    pub(super) is_welcome: bool,
    /// What it has to show to be opened.
    pub(super) token: Fetch,
    pub(super) pacer: Pacer,
    /// Messages that wait for their turn.
    pub(super) queue: VecDeque<String>,
}

impl Line {
    pub(super) fn new(conn: ConnId, route: Route, messages_per_second: u32) -> Self {
        Self {
            conn,
            route,
            group: 0,
            copy: 0,
            phase: LinePhase::Down,
            epoch: Epoch(0),
            number: None,
            keepalive_at: MonoNanos::FAR,
            ping_every: None,
            is_welcome: false,
            token: Fetch::default(),
            pacer: Pacer::new(messages_per_second),
            queue: VecDeque::new(),
        }
    }

    /// It is open.
    pub(super) fn open(&mut self, epoch: Epoch, keepalive_at: MonoNanos) {
        self.phase = LinePhase::Open;
        self.epoch = epoch;
        self.number = None;
        self.keepalive_at = keepalive_at;
        self.is_welcome = false;
        self.pacer.reset();
        self.queue.clear();
    }

    /// It is gone.
    pub(super) fn close(&mut self) {
        self.phase = LinePhase::Down;
        self.keepalive_at = MonoNanos::FAR;
        self.queue.clear();
    }
}
