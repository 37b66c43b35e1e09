//! The books of one builder: messages in, published snapshots and resync requests out.
//!
//! A desk knows nothing of threads and rings; [`crate::builder`] feeds it.
//!
//! # Guarantees
//!
//! - A publish holds whole venue messages: one, or a whole splice.
//! - A book that this side finds wrong (too many levels, crossed for too long, at odds with the
//!   venue's own best bid and offer) is published as stale before anything else happens to it, and
//!   stays so until a snapshot arrives, whatever the session says meanwhile.
//! - Every message is counted: applied, or ignored with its reason.
//!
//! # Invariants
//!
//! - `Slot::held` is `Some` exactly while the book waits for a snapshot because of a fault found
//!   here.
//! - A message of an older epoch than the book's snapshot is never applied.

use tickbook_book::{BboCheck, Book, BookConfig};
use tickbook_shm::{
    BuilderWriter, Counter, DeltaEvent, Snapshot, SnapshotFlags, Stage, StatsWriter, TradeEvent,
};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{
    Block, BookId, BookSpec, BookState, Level, LevelRecord, MessageFlags, MessageHeader,
    MessageKind, POW10, Price, Reason, Scale, SeqNo, Side, Size, SnapshotBlock, Ticks, WallNanos,
};

use crate::limits;

/// What a book found out about itself: it must be fetched anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResyncRequest {
    /// The book.
    pub book: BookId,
    /// What is wrong with it.
    pub reason: Reason,
}

/// How books are made.
#[derive(Clone, Copy, Debug)]
pub struct DeskConfig {
    /// Levels a side that are published.
    pub depth: usize,
    /// Most books the desk may hold.
    pub books_max: usize,
}

/// The books of one builder and where they are published.
#[derive(Debug)]
pub struct Desk {
    config: DeskConfig,
    slots: Vec<Option<Box<Slot>>>,
    writer: BuilderWriter,
    stats: StatsWriter,
    clock: Converter,
    /// Scratch of a snapshot block's levels at the book's scale.
    scratch: Vec<LevelRecord>,
}

/// One book with what is known about it.
#[derive(Debug)]
pub struct Slot {
    /// What it was made from.
    pub spec: BookSpec,
    /// The book.
    pub book: Book,
    /// Its state as last published.
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
    held: Option<Reason>,
    last: MessageHeader,
    instrument_epoch: u32,
    crossed_run: u32,
    bbo_bad_run: u64,
    has_snapshot: bool,
    in_splice: bool,
    size_rounded: bool,
}

impl Desk {
    /// An empty desk.
    #[must_use]
    pub fn new(config: DeskConfig, writer: BuilderWriter, stats: StatsWriter) -> Self {
        let slots = (0..config.books_max).map(|_| None).collect();
        Self { config, slots, writer, stats, clock: Converter::new(), scratch: Vec::new() }
    }

    /// Takes one message of a lane.
    #[inline]
    pub fn take(
        &mut self,
        header: &MessageHeader,
        levels: &[LevelRecord],
        block: Option<Block>,
    ) -> Option<ResyncRequest> {
        match header.kind {
            MessageKind::Delta => self.delta(header, levels),
            MessageKind::Ticker => self.ticker(header, levels),
            MessageKind::Trade => self.trade(header, levels),
            MessageKind::Snapshot => self.snapshot_part(header, levels),
            MessageKind::Block => self.block(header, block),
            MessageKind::Status => self.status(header),
            MessageKind::Rescale => self.rescale(header, levels),
            _ => {
                self.stats.add(Counter::RejectedOther, 1);
                None
            }
        }
    }

    /// Shows readers that the builder is alive, and takes over newer clock anchors.
    pub fn beat(&mut self) {
        self.clock.refresh();
        self.writer.beat(self.clock.mono(clock::now()));
    }

    /// Counters and histograms of this builder.
    pub const fn stats(&mut self) -> &mut StatsWriter {
        &mut self.stats
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
        for slot in self.slots.iter_mut().flatten() {
            (slot.state, slot.reason) = (BookState::Closed, reason);
            publish(slot, &mut self.writer, &self.clock);
        }
    }

    fn delta(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let popped = self.stamp(header);
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        if slot.held.is_some() {
            self.stats.add(Counter::IgnoredOther, 1);
            return None;
        }
        if !slot.has_snapshot {
            self.stats.add(Counter::IgnoredOther, 1);
            return None;
        }
        match slot.book.apply(levels) {
            Ok(applied) => {
                self.stats.add(Counter::AbsentDeletes, u64::from(applied.absent_deletes));
            }
            Err(_) => return Some(self.hold(header, Reason::Overflow)),
        }
        slot.applied += 1;
        slot.take_header(header);
        self.stats.add(Counter::Applied, 1);
        let request = self.conclude(header, popped);
        self.pass_on(header, levels, false);
        request
    }

    /// A part of an in-band snapshot.
    fn snapshot_part(
        &mut self,
        header: &MessageHeader,
        levels: &[LevelRecord],
    ) -> Option<ResyncRequest> {
        let popped = self.stamp(header);
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        if header.flags.has(MessageFlags::FIRST) {
            slot.restart();
            slot.applied += 1;
        }
        if slot.held.is_some() || !slot.has_snapshot {
            self.stats.add(Counter::IgnoredOther, 1);
            return None;
        }
        if slot.book.apply(levels).is_err() {
            return Some(self.hold(header, Reason::Overflow));
        }
        slot.take_header(header);
        let request = self.conclude(header, popped);
        self.pass_on(header, levels, true);
        request
    }

    fn block(&mut self, header: &MessageHeader, block: Option<Block>) -> Option<ResyncRequest> {
        match block {
            Some(Block::AddBook(spec)) => self.add(*spec),
            Some(Block::Snapshot(block)) => return self.snapshot(header, &block),
            Some(Block::RemoveBook(book)) => self.remove(book),
            _ => self.stats.add(Counter::RejectedOther, 1),
        }
        None
    }

    fn add(&mut self, spec: BookSpec) {
        let Some(place) = self.slots.get_mut(spec.book.index()) else {
            self.stats.add(Counter::IgnoredNoBook, 1);
            return;
        };
        if self.writer.add_book(&spec).is_err() {
            self.stats.add(Counter::IgnoredNoBook, 1);
            return;
        }
        let book = Book::new(&BookConfig {
            scale: spec.scale,
            tick: spec.instrument.tick_size,
            depth_max: spec.depth_max,
            published_depth: self.config.depth,
            window_slots: BookConfig::window_slots_for(self.config.books_max),
            overflow_capacity: limits::OVERFLOW_CAPACITY,
            levels_limit: limits::LEVELS_MAX,
        });
        let slot = place.insert(Box::new(Slot {
            spec,
            book,
            state: BookState::Syncing,
            reason: Reason::None,
            seq: None,
            applied: 0,
            crossed: 0,
            bbo: BboCheck::new(limits::BBO_QUEUE),
            held: None,
            last: MessageHeader::default(),
            instrument_epoch: 0,
            crossed_run: 0,
            bbo_bad_run: 0,
            has_snapshot: false,
            in_splice: false,
            size_rounded: false,
        }));
        publish(slot, &mut self.writer, &self.clock);
    }

    fn remove(&mut self, book: BookId) {
        if let Some(mut slot) = self.slots.get_mut(book.index()).and_then(Option::take) {
            (slot.state, slot.reason) = (BookState::Closed, Reason::None);
            publish(&mut slot, &mut self.writer, &self.clock);
            self.writer.remove_book(book);
        }
    }

    fn snapshot(&mut self, header: &MessageHeader, block: &SnapshotBlock) -> Option<ResyncRequest> {
        let popped = self.stamp(header);
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        slot.restart();
        let fits = convert(&block.levels, block.scale, slot.book.scale(), &mut self.scratch)
            && slot.book.apply(&self.scratch).is_ok();
        if !fits {
            return Some(self.hold(header, Reason::Overflow));
        }
        slot.applied += 1;
        slot.take_header(header);
        slot.seq = block.seq;
        let request = self.conclude(header, popped);
        let levels = std::mem::take(&mut self.scratch);
        self.pass_on(header, &levels, true);
        self.scratch = levels;
        request
    }

    fn status(&mut self, header: &MessageHeader) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        slot.last.epoch = header.epoch;
        if header.state != BookState::Live {
            slot.bbo.reset();
            slot.in_splice = false;
        }
        // A fault found here outlives what the session says until a snapshot heals it.
        if slot.held.is_none() || header.state != BookState::Live {
            (slot.state, slot.reason) = (header.state, header.reason);
        }
        publish(slot, &mut self.writer, &self.clock);
        None
    }

    fn rescale(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        let to = levels.first().and_then(|record| scale_of(*record));
        let from = slot.book.scale();
        let Some(to) = to.filter(|to| slot.book.rescale(*to).is_ok()) else {
            return Some(self.hold(header, Reason::Overflow));
        };
        slot.bbo.rescale(from, to);
        slot.instrument_epoch += 1;
        if !slot.in_splice {
            slot.book.finish();
            publish(slot, &mut self.writer, &self.clock);
        }
        None
    }

    fn ticker(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        let [bid, ask] = levels else {
            self.stats.add(Counter::RejectedOther, 1);
            return None;
        };
        let level = |record: &LevelRecord| Level { price: record.price(), size: record.size() };
        let before = (slot.bbo.ok, slot.bbo.bad);
        slot.bbo.on_ticker(header.seq, level(bid), level(ask));
        self.judge_bbo(header, before)
    }

    fn trade(&mut self, header: &MessageHeader, levels: &[LevelRecord]) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        for pair in levels.chunks_exact(2) {
            let (trade, (time, id)) = (pair[0], pair[1].words());
            let event = TradeEvent {
                price: trade.price(),
                size: trade.size(),
                side: trade.side(),
                id,
                venue_time: WallNanos(time),
                received_wall: self.clock.wall(header.received),
                scale: slot.book.scale(),
            };
            self.writer.event_trade(header.book, &event);
        }
        None
    }

    /// After a message of a book was applied: whole? then judge, publish, stamp.
    #[inline]
    fn conclude(&mut self, header: &MessageHeader, popped: Option<Ticks>) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        slot.in_splice = header.flags.has(MessageFlags::MORE);
        if slot.in_splice {
            self.stats.add(Counter::PublishesMerged, 1);
            return None;
        }
        let finished = slot.book.finish();
        (slot.state, slot.reason) = (header.state, header.reason);
        slot.crossed_run = if finished.crossed { slot.crossed_run + 1 } else { 0 };
        if finished.crossed {
            slot.crossed += 1;
            self.stats.add(Counter::Crossed, 1);
            if slot.crossed_run >= limits::CROSSED_MESSAGES_MAX {
                return Some(self.hold(header, Reason::Crossed));
            }
        }
        publish(slot, &mut self.writer, &self.clock);
        let published = clock::now();
        self.stats.add(Counter::Publishes, 1);
        let before = (slot.bbo.ok, slot.bbo.bad);
        // A snapshot is not judged: its id need not be one that the ticker stream knows.
        if let (MessageKind::Delta, BookState::Live, Some(seq)) =
            (header.kind, slot.state, slot.seq)
        {
            slot.bbo.on_book(seq, slot.book.best(Side::Bid), slot.book.best(Side::Ask));
        }
        self.record(header, popped, published);
        self.judge_bbo(header, before)
    }

    /// Puts applied level changes into the event ring, once the book itself is out.
    #[inline]
    fn pass_on(&mut self, header: &MessageHeader, levels: &[LevelRecord], snapshot: bool) {
        let Some(slot) = self.slots.get(header.book.index()).and_then(Option::as_ref) else {
            return;
        };
        let event = DeltaEvent {
            snapshot,
            seq: slot.seq,
            venue_time: header.venue_time,
            scale: slot.book.scale(),
        };
        self.writer.event_levels(header.book, &event, levels);
    }

    /// Calls a book stale that keeps contradicting the venue's own best bid and offer.
    fn judge_bbo(&mut self, header: &MessageHeader, before: (u64, u64)) -> Option<ResyncRequest> {
        let slot = slot_mut(&mut self.slots, &mut self.stats, header.book)?;
        let (ok, bad) = (slot.bbo.ok - before.0, slot.bbo.bad - before.1);
        if ok + bad == 0 {
            return None;
        }
        self.stats.add(Counter::BboChecksOk, ok);
        self.stats.add(Counter::BboChecksBad, bad);
        slot.bbo_bad_run = if ok > 0 { 0 } else { slot.bbo_bad_run.saturating_add(bad) };
        if slot.bbo_bad_run < limits::BBO_BAD_MAX || slot.held.is_some() {
            return None;
        }
        Some(self.hold(header, Reason::Checksum))
    }

    /// Publishes a book as stale for a fault found here and asks for it anew.
    #[cold]
    fn hold(&mut self, header: &MessageHeader, reason: Reason) -> ResyncRequest {
        self.stats.add(Counter::ResyncRequests, 1);
        if let Some(slot) = self.slots.get_mut(header.book.index()).and_then(Option::as_mut) {
            slot.held = Some(reason);
            (slot.state, slot.reason) = (BookState::Stale, reason);
            slot.in_splice = false;
            slot.bbo.reset();
            slot.book.finish();
            publish(slot, &mut self.writer, &self.clock);
        }
        ResyncRequest { book: header.book, reason }
    }

    #[inline]
    fn stamp(&self, header: &MessageHeader) -> Option<Ticks> {
        header.flags.has(MessageFlags::SAMPLED).then(clock::now)
    }

    #[inline]
    fn record(&mut self, header: &MessageHeader, popped: Option<Ticks>, published: Ticks) {
        let Self { stats, clock, .. } = self;
        let since_received = clock.between(header.received, published);
        if header.kernel_time.0 == 0 {
            interval(stats, Stage::TickToBook, since_received);
        } else {
            let kernel = header.kernel_time.0;
            interval(stats, Stage::TickToBook, clock.wall(published).0 - kernel);
            interval(stats, Stage::KernelToRecv, clock.wall(header.received).0 - kernel);
            let shared = header.flags.has(MessageFlags::SHARED_STAMP);
            stats.add(Counter::SharedStamps, u64::from(shared));
            stats.add(Counter::KernelStamps, 1);
        }
        if header.poll_gap > 0 {
            let gap = clock.nanos(u64::from(header.poll_gap)).cast_signed();
            interval(stats, Stage::TickToBookUpper, since_received + gap);
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

impl Slot {
    /// Begins anew with an empty book: a snapshot follows.
    fn restart(&mut self) {
        self.book.clear();
        self.bbo.reset();
        self.held = None;
        self.has_snapshot = true;
        self.crossed_run = 0;
        self.bbo_bad_run = 0;
        self.size_rounded = false;
    }

    #[inline]
    fn take_header(&mut self, header: &MessageHeader) {
        self.last = *header;
        if header.flags.has(MessageFlags::HAS_SEQ) {
            self.seq = Some(header.seq);
        }
        self.size_rounded |= header.flags.has(MessageFlags::SIZE_ROUNDED);
    }
}

#[inline]
fn slot_mut<'a>(
    slots: &'a mut [Option<Box<Slot>>],
    stats: &mut StatsWriter,
    book: BookId,
) -> Option<&'a mut Slot> {
    let slot = slots.get_mut(book.index()).and_then(Option::as_deref_mut);
    if slot.is_none() {
        stats.add(Counter::RejectedOther, 1);
    }
    slot
}

/// Writes the book's published part to shared memory.
#[inline]
fn publish(slot: &mut Slot, writer: &mut BuilderWriter, clock: &Converter) {
    let header = &slot.last;
    let bids_changed = slot.book.changed_top(Side::Bid);
    let asks_changed = slot.book.changed_top(Side::Ask);
    let flags = flag_if(slot.book.is_crossed(), SnapshotFlags::CROSSED)
        .with(flag_if(slot.size_rounded, SnapshotFlags::SIZE_ROUNDED))
        .with(flag_if(slot.seq.is_some(), SnapshotFlags::HAS_SEQ));
    let now = clock::now();
    let received = header.received;
    let count = |side| u32::try_from(slot.book.level_count(side)).unwrap_or(u32::MAX);
    writer.publish(
        slot.spec.book,
        &Snapshot {
            state: slot.state,
            reason: slot.reason,
            flags,
            epoch: header.epoch,
            seq: slot.seq.unwrap_or_default(),
            scale: slot.book.scale(),
            instrument_epoch: slot.instrument_epoch,
            bid_levels: count(Side::Bid),
            ask_levels: count(Side::Ask),
            venue_time: header.venue_time,
            kernel_time: header.kernel_time,
            received_wall: if received == Ticks(0) { WallNanos(0) } else { clock.wall(received) },
            published_wall: clock.wall(now),
            bids: slot.book.top(Side::Bid),
            asks: slot.book.top(Side::Ask),
            bids_changed,
            asks_changed,
        },
    );
}

const fn flag_if(condition: bool, flag: SnapshotFlags) -> SnapshotFlags {
    if condition { flag } else { SnapshotFlags::NONE }
}

/// The levels at another scale, in `into`; `false` if one of them has no integer there.
fn convert(levels: &[LevelRecord], from: Scale, to: Scale, into: &mut Vec<LevelRecord>) -> bool {
    into.clear();
    if from == to {
        into.extend_from_slice(levels);
        return true;
    }
    into.extend(levels.iter().map_while(|record| {
        let price = rescaled(i128::from(record.price().0), from.price_exponent, to.price_exponent)?;
        let size = rescaled(i128::from(record.size().0), from.size_exponent, to.size_exponent)?;
        let price = Price(i64::try_from(price).ok()?);
        let size = Size(u64::try_from(size).ok()?);
        (size <= Size::MAX).then(|| LevelRecord::new(price, size, record.side()))
    }));
    into.len() == levels.len()
}

/// The mantissa at exponent `to` of a number whose mantissa at `from` is known; `None` if inexact.
fn rescaled(mantissa: i128, from: i8, to: i8) -> Option<i128> {
    let shift = i32::from(from) - i32::from(to);
    let factor = i128::from(*POW10.get(usize::try_from(shift.unsigned_abs()).ok()?)?);
    if shift >= 0 {
        mantissa.checked_mul(factor)
    } else {
        (mantissa % factor == 0).then(|| mantissa / factor)
    }
}

/// The scale that a `Rescale` message carries.
fn scale_of(record: LevelRecord) -> Option<Scale> {
    let (price, size) = record.words();
    Some(Scale {
        price_exponent: i8::try_from(price).ok()?,
        size_exponent: i8::try_from(size.cast_signed()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_move_between_scales_exactly_or_not_at_all() {
        let scale = |price_exponent, size_exponent| Scale { price_exponent, size_exponent };
        let level = |price, size| LevelRecord::new(Price(price), Size(size), Side::Ask);
        let mut into = Vec::new();
        assert!(convert(&[level(-15, 2)], scale(-1, 0), scale(-3, -1), &mut into));
        assert_eq!(into, [level(-1_500, 20)]);
        assert!(convert(&[level(1_500, 20)], scale(-3, -1), scale(-1, 0), &mut into));
        assert_eq!(into, [level(15, 2)]);
        assert!(!convert(&[level(1_501, 20)], scale(-3, -1), scale(-1, 0), &mut into));
        assert!(!convert(&[level(i64::MAX, 1)], scale(0, 0), scale(-1, 0), &mut into));
        assert!(!convert(&[level(1, u64::MAX >> 1)], scale(0, 0), scale(0, -1), &mut into));
    }

    #[test]
    fn a_scale_message_of_nonsense_is_refused() {
        assert_eq!(
            scale_of(LevelRecord::from_words(-2, (-5_i64).cast_unsigned())),
            Some(Scale { price_exponent: -2, size_exponent: -5 })
        );
        assert_eq!(scale_of(LevelRecord::from_words(1_000, 0)), None);
        assert_eq!(scale_of(LevelRecord::from_words(0, 1_000)), None);
    }
}
