//! One book with what is known about it, and how it is published.

use tickbook_book::{BboCheck, Book};
use tickbook_shm::{BuilderWriter, Snapshot, SnapshotFlags, TickerSnapshot};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{
    BookSpec, BookState, MessageFlags, MessageHeader, Reason, SeqNo, Side, Ticks, WallNanos,
};

use super::orders::Orders;
use crate::limits;
use crate::report::OkBad;

/// One book with what is known about it.
#[derive(Debug)]
pub struct Slot {
    /// What it was made from.
    pub spec: BookSpec,
    /// The book.
    pub book: Book,
    /// Its state: as last published, or as it will be published next.
    pub state: BookState,
    /// The reason of that state.
    pub reason: Reason,
    /// Chain id of the last applied message.
    pub seq: Option<SeqNo>,
    /// Messages applied, snapshots among them.
    pub applied: u64,
    /// Messages after which it was crossed.
    pub crossed: u64,
    /// Cross-check against the venue's best bid and offer.
    pub bbo: BboCheck,
    /// The venue's checksums of it.
    pub checksums: OkBad,
    pub(super) held: Option<Reason>,
    pub(super) last: MessageHeader,
    pub(super) instrument_epoch: u32,
    pub(super) crossed_run: u32,
    pub(super) bbo_bad_run: u64,
    pub(super) has_snapshot: bool,
    /// Snapshots that have come.
    pub(super) snapshots: u64,
    pub(super) in_splice: bool,
    pub(super) size_rounded: bool,
    /// Something is applied that is not published.
    pub(super) waits: bool,
    /// When the last publish was done.
    pub(super) published: Ticks,
    /// What the venue says beside the book, as last published.
    pub ticker: TickerSnapshot,
    /// Orders at each price, where the venue tells.
    pub(super) orders: Option<Box<Orders>>,
    /// Whether these are of the message that was applied last.
    pub(super) counted: bool,
}

impl Slot {
    pub(super) fn new(spec: BookSpec, book: Book) -> Self {
        Self {
            spec,
            book,
            state: BookState::Syncing,
            reason: Reason::None,
            seq: None,
            applied: 0,
            crossed: 0,
            bbo: BboCheck::new(limits::BBO_QUEUE),
            checksums: OkBad::default(),
            held: None,
            last: MessageHeader::default(),
            instrument_epoch: 0,
            crossed_run: 0,
            bbo_bad_run: 0,
            has_snapshot: false,
            snapshots: 0,
            in_splice: false,
            size_rounded: false,
            waits: false,
            published: Ticks(0),
            ticker: TickerSnapshot::default(),
            orders: None,
            counted: false,
        }
    }

    /// Begins anew with an empty book: a snapshot follows.
    pub(super) fn restart(&mut self) {
        self.book.clear();
        self.bbo.reset();
        self.held = None;
        self.has_snapshot = true;
        self.snapshots += 1;
        self.crossed_run = 0;
        self.bbo_bad_run = 0;
        self.size_rounded = false;
    }

    /// Whether there is something that a diff can be applied to.
    #[inline]
    pub(super) const fn takes_diffs(&self) -> bool {
        self.has_snapshot && self.held.is_none()
    }

    #[inline]
    pub(super) const fn take_header(&mut self, header: &MessageHeader) {
        self.last = *header;
        if header.flags.has(MessageFlags::HAS_SEQ) {
            self.seq = Some(header.seq);
        }
        self.size_rounded |= header.flags.has(MessageFlags::SIZE_ROUNDED);
    }

    /// Writes the book's published part to shared memory. Two stamps: when it began and when it was
    /// done.
    #[inline]
    pub(super) fn publish(&mut self, writer: &mut BuilderWriter, clock: &Converter) {
        let bids_changed = self.book.changed_top(Side::Bid);
        let asks_changed = self.book.changed_top(Side::Ask);
        let flags = flag_if(self.book.is_crossed(), SnapshotFlags::CROSSED)
            .with(flag_if(self.size_rounded, SnapshotFlags::SIZE_ROUNDED))
            .with(flag_if(self.seq.is_some(), SnapshotFlags::HAS_SEQ));
        let header = &self.last;
        let received = header.received;
        let count = |side| u32::try_from(self.book.level_count(side)).unwrap_or(u32::MAX);
        writer.publish(
            self.spec.book,
            &Snapshot {
                state: self.state,
                reason: self.reason,
                flags,
                epoch: header.epoch,
                seq: self.seq.unwrap_or_default(),
                scale: self.book.scale(),
                instrument_epoch: self.instrument_epoch,
                bid_levels: count(Side::Bid),
                ask_levels: count(Side::Ask),
                venue_time: header.venue_time,
                kernel_time: header.kernel_time,
                received_wall: if received == Ticks(0) {
                    WallNanos(0)
                } else {
                    clock.wall(received)
                },
                published_wall: clock.wall(clock::now()),
                bids: self.book.top(Side::Bid),
                asks: self.book.top(Side::Ask),
                bids_changed,
                asks_changed,
            },
        );
        self.waits = false;
        self.published = clock::now();
    }
}

const fn flag_if(condition: bool, flag: SnapshotFlags) -> SnapshotFlags {
    if condition { flag } else { SnapshotFlags::NONE }
}
