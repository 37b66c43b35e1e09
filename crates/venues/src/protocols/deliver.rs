//! A book's messages into the lane: levels as records at the book's exponents, moved where they do
//! not fit.
//!
//! # Guarantees
//!
//! - A message is in the lane whole or not at all; why it is not is a [`Problem`].
//! - Exponents move before the message that needs them, and the builder hears of it first.

use tickbook_types::{
    Block, BookState, ChecksumKind, Epoch, LevelRecord, MessageFlags, MessageHeader, MessageKind,
    RecvStamps, SeqNo, SnapshotBlock, Ticks,
};

use super::book::{Book, Exponents};
use super::chain::Link;
use super::frame::{BookEvent, Frame, TradeEvent};
use super::session::SharedSession;
use crate::counters::Rejected;
use crate::lane;
use crate::level::DecimalLevel;
use crate::levels::Levels;
use crate::sampler::Sampler;
use crate::session::Context;

/// Why a message did not get into the lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// The lane is full.
    Full,
    /// The message cannot be used.
    Bad(Rejected),
}

impl SharedSession {
    /// Writes the levels of a delta that the book does not contain yet.
    #[inline(always)]
    pub(super) fn write_delta(
        &mut self,
        index: usize,
        frame: &Frame,
        event: &BookEvent,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let Self { books, lines, sampler, rules, .. } = self;
        let book = &mut books[index];
        let (epoch, shared) = (lines[book.line].epoch, cx.shared_stamp);
        let header = book.header(MessageKind::Delta, epoch, event, stamps, shared);
        let levels = frame.levels(event);
        if frame.has_level_ids()
            && let (Link::Range(_, ids), Some(known)) = (event.link, book.position.id())
            && ids.first <= known
        {
            return self.write_fresh(index, (frame, event, known), header, stamps, cx);
        }
        if rules.checksums {
            book.digits.see(levels, false);
        }
        match book.write(levels, event.checksum, header, sampler, cx) {
            Err(Problem::Bad(_)) => self.write(index, levels, event.checksum, header, stamps, cx),
            written => written,
        }
    }

    /// Writes those levels of a delta that have an id above `known`.
    #[cold]
    fn write_fresh(
        &mut self,
        index: usize,
        (frame, event, known): (&Frame, &BookEvent, u64),
        header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let mut fresh = core::mem::take(&mut self.fresh);
        fresh.clear();
        frame.levels_above(event, known).for_each(|level| fresh.push(level));
        let written = self.write(index, fresh.all(), None, header, stamps, cx);
        self.fresh = fresh;
        written
    }

    /// A snapshot that is too large for the ring goes beside it.
    #[cold]
    pub(super) fn write_block(
        &mut self,
        index: usize,
        event: &BookEvent,
        levels: Levels<'_>,
        header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let mut records = vec![LevelRecord::default(); levels.len()];
        let rounded = match fill(&self.books[index].exponents, levels, &mut records) {
            Some(rounded) => rounded,
            None => {
                self.make_fit(index, levels.iter(), stamps, cx)?;
                let rounded = fill(&self.books[index].exponents, levels, &mut records);
                rounded.ok_or(Problem::Bad(Rejected::Overflow))?
            }
        };
        cx.counters.size_rounded += rounded;
        let block = Block::Snapshot(Box::new(SnapshotBlock {
            book: self.books[index].id,
            seq: event.link.id().map(SeqNo),
            venue_time: event.time,
            scale: self.books[index].exponents.published(),
            levels: records,
            checksum: event.checksum.map(|wanted| self.books[index].checksum(wanted)),
        }));
        let header = MessageHeader { kind: MessageKind::Block, ..header };
        cx.lane.push_block(header, block).map_err(|_| Problem::Full)
    }

    pub(super) fn header(
        &self,
        index: usize,
        kind: MessageKind,
        event: &BookEvent,
        stamps: &RecvStamps,
        cx: &Context<'_>,
    ) -> MessageHeader {
        let book = &self.books[index];
        book.header(kind, self.lines[book.line].epoch, event, stamps, cx.shared_stamp)
    }

    /// Writes levels, and the venue's checksum behind them, to the lane under `header`, at finer
    /// exponents if they need them.
    pub(super) fn write(
        &mut self,
        index: usize,
        levels: Levels<'_>,
        wanted: Option<(ChecksumKind, u32)>,
        header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        match self.books[index].write(levels, wanted, header, &mut self.sampler, cx) {
            Err(Problem::Bad(Rejected::Overflow)) => {
                self.make_fit(index, levels.iter(), stamps, cx)?;
                self.books[index].write(levels, wanted, header, &mut self.sampler, cx)
            }
            written => written,
        }
    }

    /// Moves a book's exponents so that it can hold some levels.
    #[cold]
    pub(super) fn make_fit(
        &mut self,
        index: usize,
        levels: impl Iterator<Item = DecimalLevel>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let exponents = self.books[index].exponents.fit(levels).map_err(Problem::Bad)?;
        let told = self.rescale(index, exponents, stamps.received, cx);
        if told { Ok(()) } else { Err(Problem::Full) }
    }

    /// Gives a book other exponents; `false` if the lane is full.
    pub(super) fn rescale(
        &mut self,
        index: usize,
        exponents: Exponents,
        received: Ticks,
        cx: &mut Context<'_>,
    ) -> bool {
        let book = &mut self.books[index];
        if exponents.scale != book.exponents.scale && book.added {
            let scale = exponents.published();
            let epoch = self.lines[book.line].epoch;
            let state = (book.state, book.reason);
            if !lane::rescale(cx.lane, book.id, epoch, state, scale, received) {
                return false;
            }
            cx.counters.rescales += 1;
        }
        book.exponents = exponents;
        true
    }

    pub(super) fn write_trade(
        &mut self,
        index: usize,
        event: &TradeEvent,
        header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        if self.books[index].exponents.record(&event.level).is_none() {
            self.make_fit(index, [event.level].into_iter(), stamps, cx)?;
        }
        let Some((record, exact)) = self.books[index].exponents.record(&event.level) else {
            return Err(Problem::Bad(Rejected::Overflow));
        };
        cx.counters.size_rounded += u64::from(!exact);
        let Ok(mut claim) = cx.lane.claim(2) else { return Err(Problem::Full) };
        if let Some(places) = claim.levels_mut().first_chunk_mut() {
            *places = [record, LevelRecord::from_words(event.time.0, event.id)];
            claim.commit(header);
        }
        Ok(())
    }
}

impl Book {
    /// The header of a message of it.
    #[inline(always)]
    pub(super) fn header(
        &self,
        kind: MessageKind,
        epoch: Epoch,
        event: &BookEvent,
        stamps: &RecvStamps,
        shared_stamp: bool,
    ) -> MessageHeader {
        let mut flags = MessageFlags::default();
        let id = event.link.id();
        if id.is_some() {
            flags = flags.with(MessageFlags::HAS_SEQ);
        }
        if shared_stamp {
            flags = flags.with(MessageFlags::SHARED_STAMP);
        }
        if event.more {
            flags = flags.with(MessageFlags::MORE);
        }
        MessageHeader {
            flags,
            state: if event.more { BookState::Syncing } else { BookState::Live },
            epoch,
            seq: SeqNo(id.unwrap_or(0)),
            venue_time: event.time,
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(kind, self.id)
        }
    }

    /// Writes levels, and the venue's checksum behind them, to the lane under `header`.
    /// [`Rejected::Overflow`] if its exponents cannot hold them.
    #[inline(always)]
    fn write(
        &self,
        levels: Levels<'_>,
        wanted: Option<(ChecksumKind, u32)>,
        mut header: MessageHeader,
        sampler: &mut Sampler,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let count = levels.len() + usize::from(wanted.is_some());
        let Ok(mut claim) = cx.lane.claim(count) else { return Err(Problem::Full) };
        let records = claim.levels_mut();
        let Some(rounded) = fill(&self.exponents, levels, records) else {
            return Err(Problem::Bad(Rejected::Overflow));
        };
        if let (Some(wanted), Some(last)) = (wanted, records.get_mut(levels.len())) {
            *last = self.checksum(wanted).to_record();
            header.flags = header.flags.with(MessageFlags::CHECKSUM);
        }
        header.count = u32::try_from(count).unwrap_or(u32::MAX);
        if rounded > 0 {
            header.flags = header.flags.with(MessageFlags::SIZE_ROUNDED);
            cx.counters.size_rounded += rounded;
        }
        sampler.count(&mut header);
        claim.commit(header);
        Ok(())
    }
}

/// Writes levels at a scale to `out`, and says how many sizes were rounded; `None` if the scale
/// cannot hold one.
#[inline(always)]
fn fill(exponents: &Exponents, levels: Levels<'_>, out: &mut [LevelRecord]) -> Option<u64> {
    let scale = exponents.scale?;
    let done = levels.write(scale, 0, out);
    if done == levels.len() { Some(0) } else { fill_from(done, exponents, levels, out) }
}

/// [`fill`] from a level on that is odd, or does not fit exactly.
#[inline(never)]
fn fill_from(
    mut done: usize,
    exponents: &Exponents,
    levels: Levels<'_>,
    out: &mut [LevelRecord],
) -> Option<u64> {
    let (scale, mut rounded) = (exponents.scale?, 0);
    while done < levels.len() {
        let (record, exact) = exponents.record(&levels.at(done)?)?;
        *out.get_mut(done)? = record;
        rounded += u64::from(!exact);
        done += 1;
        done += levels.write(scale, done, out.get_mut(done..)?);
    }
    Some(rounded)
}
