//! A book's messages into the lane: levels as records at the book's exponents, moved where they do
//! not fit.
//!
//! # Guarantees
//!
//! - A message is in the lane whole or not at all; why it is not is a [`Problem`].
//! - Exponents move before the message that needs them, and the builder hears of it first.

use tickbook_types::{
    Block, BookState, ChecksumKind, LevelRecord, MessageFlags, MessageHeader, MessageKind,
    RecvStamps, SeqNo, SnapshotBlock, Ticks,
};

use super::book::Exponents;
use super::chain::Link;
use super::frame::{BookEvent, Frame, TradeEvent};
use super::session::InbandSession;
use crate::counters::Rejected;
use crate::lane;
use crate::level::DecimalLevel;
use crate::levels::Levels;
use crate::session::Context;

/// Why a message did not get into the lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// The lane is full.
    Full,
    /// The message cannot be used.
    Bad(Rejected),
}

impl InbandSession {
    /// Writes the levels of a delta that the book does not contain yet.
    pub(super) fn write_delta(
        &mut self,
        index: usize,
        frame: &Frame,
        event: &BookEvent,
        header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let known = match (event.link, self.books[index].position.id()) {
            (Link::Range(_, ids), Some(id)) if frame.has_level_ids() && ids.first <= id => id,
            _ => {
                let levels = frame.levels(event);
                if self.rules.checksums {
                    self.books[index].digits.see(levels, false);
                }
                return self.write(index, levels, event.checksum, header, stamps, cx);
            }
        };
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
        let mut flags = MessageFlags::default();
        if event.link.id().is_some() {
            flags = flags.with(MessageFlags::HAS_SEQ);
        }
        if cx.shared_stamp {
            flags = flags.with(MessageFlags::SHARED_STAMP);
        }
        if event.more {
            flags = flags.with(MessageFlags::MORE);
        }
        MessageHeader {
            flags,
            state: if event.more { BookState::Syncing } else { BookState::Live },
            epoch: self.lines[book.line].epoch,
            seq: SeqNo(event.link.id().unwrap_or(0)),
            venue_time: event.time,
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(kind, book.id)
        }
    }

    /// Writes levels, and the venue's checksum behind them, to the lane under `header`, at finer
    /// exponents if they need them.
    pub(super) fn write(
        &mut self,
        index: usize,
        levels: Levels<'_>,
        wanted: Option<(ChecksumKind, u32)>,
        mut header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        for _ in 0..2 {
            let count = levels.len() + usize::from(wanted.is_some());
            let Ok(mut claim) = cx.lane.claim(count) else { return Err(Problem::Full) };
            let book = &self.books[index];
            let records = claim.levels_mut();
            if let Some(rounded) = fill(&book.exponents, levels, records) {
                if let (Some(wanted), Some(last)) = (wanted, records.get_mut(levels.len())) {
                    *last = book.checksum(wanted).to_record();
                    header.flags = header.flags.with(MessageFlags::CHECKSUM);
                }
                header.count = u32::try_from(count).unwrap_or(u32::MAX);
                if rounded > 0 {
                    header.flags = header.flags.with(MessageFlags::SIZE_ROUNDED);
                    cx.counters.size_rounded += rounded;
                }
                self.sampler.count(&mut header);
                claim.commit(header);
                return Ok(());
            }
            drop(claim);
            self.make_fit(index, levels.iter(), stamps, cx)?;
        }
        Err(Problem::Bad(Rejected::Overflow))
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

/// Writes levels at a scale to `out`, and says how many sizes were rounded; `None` if the scale
/// cannot hold one.
fn fill(exponents: &Exponents, levels: Levels<'_>, out: &mut [LevelRecord]) -> Option<u64> {
    let scale = exponents.scale?;
    let (mut rounded, mut done) = (0, levels.write(scale, 0, out));
    while done < levels.len() {
        let (record, exact) = exponents.record(&levels.at(done)?)?;
        *out.get_mut(done)? = record;
        rounded += u64::from(!exact);
        done += 1;
        done += levels.write(scale, done, out.get_mut(done..)?);
    }
    Some(rounded)
}
