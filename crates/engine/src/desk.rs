//! The books of one builder: messages in, published snapshots and resync requests out.
//!
//! A desk knows nothing of threads and rings; [`crate::builder`] feeds it.
//!
//! # Guarantees
//!
//! - A publish holds whole venue messages: one, several ([`Publish::Latest`]), or a whole splice.
//! - A book that this side finds wrong (too many levels, crossed for too long, at odds with the
//!   venue's checksum or its own best bid and offer) is published as stale before anything else
//!   happens to it, and stays so until a snapshot arrives, whatever the session says meanwhile.
//! - Every message is counted: applied, or ignored with its reason. Every check is made after every
//!   message, whenever it is published.
//!
//! # Not guaranteed
//!
//! - That events and books come out in step: with [`Publish::Latest`] the level changes of a
//!   message are in the event ring before the book that contains them is published.
//!
//! # Invariants
//!
//! - `Slot::held` is `Some` exactly while the book waits for a snapshot because of a fault found
//!   here.
//! - A book that waits to be published is not within a splice, and is among `Out::pending`.

mod books;
mod checks;
mod orders;
mod scale;
mod slot;
mod ticker;

use serde::Deserialize;
use tickbook_book::Book;
use tickbook_shm::{BuilderWriter, Counter, DeltaEvent, Stage, StatsWriter, TradeEvent};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{
    Block, BookId, BookState, Checksum, Level, LevelRecord, MessageFlags, MessageHeader,
    MessageKind, Reason, Side, SnapshotBlock, Ticks, WallNanos,
};

use crate::limits;
use checks::split_checksum;
use scale::{convert, scale_of};
pub use slot::Slot;

/// What a book found out about itself: it must be fetched anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResyncRequest {
    /// The book.
    pub book: BookId,
    /// What is wrong with it.
    pub reason: Reason,
    /// How many snapshots of it had come: a later one heals it, and the request is void.
    pub snapshot: u64,
}

/// How books are made.
#[derive(Clone, Copy, Debug)]
pub struct DeskConfig {
    /// Levels a side that are published.
    pub depth: usize,
    /// Most books the desk may hold.
    pub books_max: usize,
}

/// When a book is published.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Publish {
    /// After each whole message.
    #[default]
    EveryMessage,
    /// Once for all whole messages that wait in the ring, up to [`limits::TURN_MESSAGES`]: a burst
    /// is worked off sooner, and readers see fewer states on the way.
    Latest,
}

/// The books of one builder and where they are published.
#[derive(Debug)]
pub struct Desk {
    config: DeskConfig,
    slots: Vec<Option<Box<Slot>>>,
    out: Out,
    /// Scratch of a snapshot block's levels at the book's scale.
    scratch: Vec<LevelRecord>,
    /// Books that are in nobody's use: made beforehand, or removed.
    spare: Vec<Book>,
}

/// Where a desk writes to.
#[derive(Debug)]
struct Out {
    writer: BuilderWriter,
    stats: StatsWriter,
    clock: Converter,
    policy: Publish,
    /// Applied messages that are not published, oldest first.
    pending: Vec<Pending>,
    /// When the last publish since [`Desk::take_published`] was done.
    published: Option<Ticks>,
}

/// A message that is applied and not published.
#[derive(Clone, Copy, Debug)]
struct Pending {
    header: MessageHeader,
    popped: Option<Ticks>,
}

impl Desk {
    /// An empty desk that publishes after each message.
    #[must_use]
    pub fn new(config: DeskConfig, writer: BuilderWriter, stats: StatsWriter) -> Self {
        let slots = (0..config.books_max).map(|_| None).collect();
        let out = Out {
            writer,
            stats,
            clock: Converter::new(),
            policy: Publish::EveryMessage,
            pending: Vec::with_capacity(limits::TURN_MESSAGES),
            published: None,
        };
        Self { config, slots, out, scratch: Vec::new(), spare: Vec::new() }
    }

    /// The same desk with another policy. With [`Publish::Latest`] the caller ends each batch of
    /// messages with [`Self::flush`].
    #[must_use]
    pub const fn publishing(mut self, policy: Publish) -> Self {
        self.out.policy = policy;
        self
    }

    /// Takes one message of a lane.
    #[inline]
    pub fn take(
        &mut self,
        header: &MessageHeader,
        levels: &[LevelRecord],
        block: Option<Block>,
    ) -> Option<ResyncRequest> {
        if !self.out.pending.is_empty() && !self.out.takes_another(header) {
            self.flush();
        }
        match header.kind {
            MessageKind::Delta => self.delta(header, levels),
            MessageKind::Ticker => self.ticker(header, levels),
            MessageKind::Trade => self.trade(header, levels),
            MessageKind::Snapshot => self.snapshot_part(header, levels),
            MessageKind::Block => self.block(header, block),
            MessageKind::Status => self.status(header),
            MessageKind::Rescale => self.rescale(header, levels),
            MessageKind::Statistics => {
                self.statistics(header, levels);
                None
            }
            MessageKind::Orders => {
                self.orders(header, levels);
                None
            }
            _ => {
                self.out.stats.add(Counter::RejectedOther, 1);
                None
            }
        }
    }

    /// Publishes what waits to be published: each book once.
    #[inline]
    pub fn flush(&mut self) {
        if !self.out.pending.is_empty() {
            self.publish_pending();
        }
    }

    /// When the last publish was done, if there was one since this was last called.
    #[inline]
    pub(crate) const fn take_published(&mut self) -> Option<Ticks> {
        self.out.published.take()
    }

    /// Shows readers that the builder is alive, and takes over newer clock anchors.
    pub fn beat(&mut self) {
        let Out { clock, writer, .. } = &mut self.out;
        clock.refresh();
        writer.beat(clock.mono(clock::now()));
    }

    /// Counters and histograms of this builder.
    pub const fn stats(&mut self) -> &mut StatsWriter {
        &mut self.out.stats
    }

    /// The books.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten().map(|slot| &**slot)
    }

    /// Judges what waits for a ticker by those there are: no more will come.
    pub fn finish_checks(&mut self) {
        self.slots.iter_mut().flatten().for_each(|slot| slot.bbo.finish());
    }

    /// Publishes every book as closed.
    pub fn close(&mut self, reason: Reason) {
        self.flush();
        for slot in self.slots.iter_mut().flatten() {
            (slot.state, slot.reason) = (BookState::Closed, reason);
            self.out.publish(slot);
            ticker::close(&mut self.out.writer, slot.spec.book, reason);
        }
    }

    #[inline]
    fn delta(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let popped = stamp(header);
        let (levels, checksum) = split_checksum(header, levels);
        let Self { slots, out, .. } = self;
        out.writer.prepare_event_levels(levels.len());
        let slot = slot_mut(slots, out, header.book)?;
        if !slot.takes_diffs() {
            out.stats.add(Counter::IgnoredOther, 1);
            return None;
        }
        let Ok(applied) = slot.book.apply(levels) else {
            return Some(out.hold(slot, Reason::Overflow));
        };
        if applied.absent_deletes > 0 {
            out.stats.add(Counter::AbsentDeletes, u64::from(applied.absent_deletes));
        }
        slot.applied += 1;
        slot.take_header(header);
        out.stats.add(Counter::Applied, 1);
        let request = out.conclude(slot, header, checksum, popped);
        out.pass_on(slot, header, levels, false);
        request
    }

    /// A part of an in-band snapshot.
    fn snapshot_part(
        &mut self,
        header: &MessageHeader,
        levels: &[LevelRecord],
    ) -> Option<ResyncRequest> {
        let popped = stamp(header);
        let (levels, checksum) = split_checksum(header, levels);
        let Self { slots, out, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        if header.flags.has(MessageFlags::FIRST) {
            slot.restart();
            slot.applied += 1;
        }
        if !slot.takes_diffs() {
            out.stats.add(Counter::IgnoredOther, 1);
            return None;
        }
        if slot.book.apply(levels).is_err() {
            return Some(out.hold(slot, Reason::Overflow));
        }
        slot.take_header(header);
        let request = out.conclude(slot, header, checksum, popped);
        out.pass_on(slot, header, levels, true);
        request
    }

    fn block(&mut self, header: &MessageHeader, block: Option<Block>) -> Option<ResyncRequest> {
        match block {
            Some(Block::AddBook(spec)) => self.add(*spec),
            Some(Block::Snapshot(block)) => return self.snapshot(header, &block),
            Some(Block::RemoveBook(book)) => self.remove(book),
            _ => self.out.stats.add(Counter::RejectedOther, 1),
        }
        None
    }

    fn snapshot(&mut self, header: &MessageHeader, block: &SnapshotBlock) -> Option<ResyncRequest> {
        let popped = stamp(header);
        let Self { slots, out, scratch, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        slot.restart();
        let fits = convert(&block.levels, block.scale, slot.book.scale(), scratch)
            && slot.book.apply(scratch).is_ok();
        if !fits {
            return Some(out.hold(slot, Reason::Overflow));
        }
        slot.applied += 1;
        slot.take_header(header);
        slot.seq = block.seq;
        let request = out.conclude(slot, header, block.checksum, popped);
        out.pass_on(slot, header, scratch, true);
        request
    }

    fn status(&mut self, header: &MessageHeader) -> Option<ResyncRequest> {
        let Self { slots, out, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        slot.last.epoch = header.epoch;
        out.writer.set_conn(header.book, header.status_conn());
        if header.state != BookState::Live {
            slot.bbo.reset();
            slot.in_splice = false;
        }
        // A fault found here outlives what the session says until a snapshot heals it.
        if slot.held.is_none() || header.state != BookState::Live {
            (slot.state, slot.reason) = (header.state, header.reason);
        }
        out.publish(slot);
        out.ticker_status(&mut slot.ticker, header);
        None
    }

    fn rescale(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let Self { slots, out, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        let to = levels.first().and_then(|record| scale_of(*record));
        let from = slot.book.scale();
        let Some(to) = to else {
            return Some(out.hold(slot, Reason::Overflow));
        };
        slot.instrument_epoch += 1;
        if slot.book.rescale(to).is_err() {
            // The session reads at the new exponents from here on. What the book held does not fit
            // them; its next snapshot does, and must not be read at the old ones.
            slot.book.clear();
            slot.has_snapshot = false;
            // An empty book fits every scale.
            let _ = slot.book.rescale(to);
            return Some(out.hold(slot, Reason::Overflow));
        }
        slot.bbo.rescale(from, to);
        slot.orders.iter_mut().for_each(|orders| orders.rescale(from, to));
        if !slot.in_splice {
            slot.book.finish();
            out.publish(slot);
        }
        None
    }

    fn ticker(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let Self { slots, out, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        let [bid, ask] = levels else {
            out.stats.add(Counter::RejectedOther, 1);
            return None;
        };
        let level = |record: &LevelRecord| Level { price: record.price(), size: record.size() };
        let before = (slot.bbo.ok, slot.bbo.bad);
        slot.bbo.on_ticker(header.seq, level(bid), level(ask));
        out.judge_bbo(slot, before)
    }

    fn trade(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let Self { slots, out, .. } = self;
        let slot = slot_mut(slots, out, header.book)?;
        for pair in levels.chunks_exact(2) {
            let (trade, (time, id)) = (pair[0], pair[1].words());
            let event = TradeEvent {
                price: trade.price(),
                size: trade.size(),
                side: trade.side(),
                id,
                venue_time: WallNanos(time),
                received_wall: out.clock.wall(header.received),
                scale: slot.book.scale(),
            };
            out.writer.event_trade(header.book, &event);
        }
        None
    }

    #[cold]
    fn publish_pending(&mut self) {
        let Self { slots, out, .. } = self;
        let mut pending = std::mem::take(&mut out.pending);
        for Pending { header, popped } in pending.drain(..) {
            // A book is removed only when nothing is pending.
            let Some(slot) = slot_mut(slots, out, header.book) else { continue };
            if slot.waits {
                out.publish(slot);
                // Those of an earlier message would pass for this one's; its own may yet come.
                if slot.counted {
                    out.publish_orders(slot);
                }
                out.stats.add(Counter::Publishes, 1);
            } else {
                out.stats.add(Counter::PublishesMerged, 1);
            }
            out.record(&header, popped, slot.published);
        }
        out.pending = pending;
    }
}

impl Out {
    /// After a message of a book was applied: whole? then judge, publish, stamp.
    #[inline]
    fn conclude(
        &mut self,
        slot: &mut Slot,
        header: &MessageHeader,
        checksum: Option<Checksum>,
        popped: Option<Ticks>,
    ) -> Option<ResyncRequest> {
        slot.counted = false;
        slot.in_splice = header.flags.has(MessageFlags::MORE);
        if slot.in_splice {
            self.stats.add(Counter::PublishesMerged, 1);
            return None;
        }
        let finished = slot.book.finish();
        if let Some(wanted) = checksum
            && !self.check(slot, &wanted)
        {
            return Some(self.hold(slot, Reason::Checksum));
        }
        (slot.state, slot.reason) = (header.state, header.reason);
        if finished.crossed {
            slot.crossed += 1;
            slot.crossed_run += 1;
            self.stats.add(Counter::Crossed, 1);
            if slot.crossed_run >= limits::CROSSED_MESSAGES_MAX && !slot.spec.crosses {
                return Some(self.hold(slot, Reason::Crossed));
            }
        } else {
            slot.crossed_run = 0;
        }
        if self.policy == Publish::Latest && can_wait(header) {
            self.put_off(slot, header, popped);
        } else {
            self.publish(slot);
            self.stats.add(Counter::Publishes, 1);
            self.record(header, popped, slot.published);
        }
        // A snapshot is not judged: its id need not be one that the ticker stream knows.
        if header.kind != MessageKind::Delta || slot.state != BookState::Live {
            return None;
        }
        let seq = slot.seq?;
        let before = (slot.bbo.ok, slot.bbo.bad);
        let best = |side| slot.book.top(side).first().copied();
        slot.bbo.on_book(seq, best(Side::Bid), best(Side::Ask));
        self.judge_bbo(slot, before)
    }

    /// Whether a message can be taken before what is pending is published.
    #[inline]
    fn takes_another(&self, header: &MessageHeader) -> bool {
        can_wait(header) && self.pending.len() < limits::TURN_MESSAGES
    }

    fn put_off(&mut self, slot: &mut Slot, header: &MessageHeader, popped: Option<Ticks>) {
        slot.waits = true;
        self.pending.push(Pending { header: *header, popped });
    }

    #[inline]
    fn publish(&mut self, slot: &mut Slot) {
        slot.publish(&mut self.writer, &self.clock);
        self.published = Some(slot.published);
    }

    /// Puts applied level changes into the event ring.
    #[inline]
    fn pass_on(
        &mut self,
        slot: &Slot,
        header: &MessageHeader,
        levels: &[LevelRecord],
        snapshot: bool,
    ) {
        let event = DeltaEvent {
            snapshot,
            seq: slot.seq,
            venue_time: header.venue_time,
            scale: slot.book.scale(),
        };
        self.writer.event_levels(header.book, &event, levels);
    }

    /// Publishes a book as stale for a fault found here and asks for it anew.
    #[cold]
    fn hold(&mut self, slot: &mut Slot, reason: Reason) -> ResyncRequest {
        self.stats.add(Counter::ResyncRequests, 1);
        slot.held = Some(reason);
        (slot.state, slot.reason) = (BookState::Stale, reason);
        slot.in_splice = false;
        slot.bbo.reset();
        slot.book.finish();
        self.publish(slot);
        ResyncRequest { book: slot.spec.book, reason, snapshot: slot.snapshots }
    }

    #[inline]
    fn record(&mut self, header: &MessageHeader, popped: Option<Ticks>, published: Ticks) {
        let Self { stats, clock, .. } = self;
        let since_received = clock.between(header.received, published);
        let mut tick_to_book = since_received;
        if header.kernel_time.0 == 0 {
            interval(stats, Stage::TickToBook, tick_to_book);
        } else {
            let kernel = header.kernel_time.0;
            tick_to_book = clock.wall(published).0 - kernel;
            interval(stats, Stage::TickToBook, tick_to_book);
            interval(stats, Stage::KernelToRecv, clock.wall(header.received).0 - kernel);
            let shared = header.flags.has(MessageFlags::SHARED_STAMP);
            stats.add(Counter::SharedStamps, u64::from(shared));
            stats.add(Counter::KernelStamps, 1);
        }
        if header.poll_gap > 0 {
            let gap = clock.nanos(u64::from(header.poll_gap)).cast_signed();
            // The kernel stamps a segment before it queues it: a poll in between finds nothing, and
            // ends later than the stamp.
            let upper = (since_received + gap).max(tick_to_book);
            interval(stats, Stage::TickToBookUpper, upper);
        }
        if let Some(popped) = popped {
            let parsed = Ticks(header.received.0 + u64::from(header.parsed_after));
            interval(stats, Stage::RecvToParsed, clock.between(header.received, parsed));
            interval(stats, Stage::ParsedToPopped, clock.between(parsed, popped));
            interval(stats, Stage::PoppedToPublished, clock.between(popped, published));
        }
    }
}

/// Records an interval; a negative one is counted instead.
#[inline]
fn interval(stats: &mut StatsWriter, stage: Stage, nanos: i64) {
    match u64::try_from(nanos) {
        Ok(nanos) => stats.record(stage, nanos),
        Err(_) => stats.add(Counter::NegativeIntervals, 1),
    }
}

/// Whether a message may be taken, and its book published later, while others wait for that too:
/// not if it begins a splice, or changes more than levels.
#[inline]
fn can_wait(header: &MessageHeader) -> bool {
    match header.kind {
        MessageKind::Delta => !header.flags.has(MessageFlags::MORE),
        MessageKind::Ticker | MessageKind::Trade => true,
        MessageKind::Statistics | MessageKind::Orders => true,
        _ => false,
    }
}

#[inline]
fn stamp(header: &MessageHeader) -> Option<Ticks> {
    header.flags.has(MessageFlags::SAMPLED).then(clock::now)
}

#[inline]
fn slot_mut<'a>(
    slots: &'a mut [Option<Box<Slot>>],
    out: &mut Out,
    book: BookId,
) -> Option<&'a mut Slot> {
    let slot = slots.get_mut(book.index()).and_then(Option::as_deref_mut);
    if slot.is_none() {
        out.stats.add(Counter::RejectedOther, 1);
    }
    slot
}
