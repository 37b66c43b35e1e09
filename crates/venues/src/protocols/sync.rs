//! The sync of a book whose snapshots REST has: deltas kept, a snapshot fetched, both joined.
//!
//! # Guarantees
//!
//! - A book goes live only with a snapshot that meets the kept deltas by the venue's rule; snapshot
//!   and deltas reach the builder as one.
//! - A request is repeated with growing pauses, within the venue's budget; a pause that the venue
//!   asks for holds back every book.
//!
//! # Invariants
//!
//! - What a buffer holds is one unbroken chain behind the last thing known to be missing.

use tickbook_types::{BookState, Padded, Reason, RecvStamps, SnapshotBlock, clock};

use super::book::Phase;
use super::chain::{Link, Position};
use super::deliver::Problem;
use super::frame::{BookEvent, Event, Frame};
use super::session::SharedSession;
use crate::action::{Action, RequestId, RestPurpose, Warning};
use crate::counters::{Ignored, Rejected};
use crate::fetch::Stage;
use crate::lane;
use crate::level::union_scale;
use crate::limits;
use crate::rest::RestSnapshot;
use crate::session::Context;
use crate::splice::{FrameBuffer, Kept, KeptFrame, Silence, Step};

impl SharedSession {
    /// A book's connection is open: deltas will come, a snapshot is needed.
    pub(super) fn start_sync(&mut self, index: usize, cx: &Context<'_>) {
        let live = self.is_live_mode();
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        self.protocol.lost(&book.topic.name);
        splice.buffer.clear();
        splice.snapshot = None;
        splice.confirmed = 0;
        splice.not_before = cx.now;
        splice.needs_delta = live;
        let watch_at = cx.now.plus(limits::FIRST_DATA_DEADLINE_NS);
        splice.silence = if live { Silence::Watched(watch_at) } else { Silence::Unwatched };
        book.wanted.settle();
        book.wanted.want(if live { cx.now.plus(limits::FIRST_DIFF_WAIT_NS) } else { cx.now });
        let due = book.wanted.due();
        self.wake_at(due.min(watch_at));
    }

    /// Drops what was kept for a book that is lost.
    pub(super) fn drop_kept(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        self.protocol.lost(&book.topic.name);
        splice.snapshot = None;
        let dropped = splice.buffer.clear();
        cx.counters.ignore_many(Ignored::BufferDropped, dropped as u64);
    }

    /// Something of this book may be missing, now. REST may be behind the stream, so its snapshot
    /// is not asked for before the next delta (or a long while): one that meets that delta has what
    /// is missing.
    pub(super) fn distrust(&mut self, index: usize, cx: &mut Context<'_>) {
        self.drop_kept(index, cx);
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        splice.needs_delta = true;
        splice.not_before = match book.wanted.stage {
            Stage::Wanted(at) => at,
            Stage::Idle | Stage::Asked(..) => cx.now,
        };
        let at = cx.now.plus(limits::FIRST_DATA_DEADLINE_NS);
        book.wanted.stage = Stage::Wanted(at);
        self.wake_at(at);
    }

    /// Keeps a delta until a snapshot comes.
    #[cold]
    pub(super) fn keep(
        &mut self,
        index: usize,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        let (Some(splice), Link::Range(chain, ids)) = (&mut book.splice, event.link) else {
            cx.counters.ignore(Ignored::BeforeSnapshot);
            return;
        };
        splice.silence = Silence::Unwatched;
        let kept = splice.buffer.keep(chain, ids, message.payload(), stamps);
        let dropped = match kept {
            Kept::Yes => 0,
            Kept::Duplicate => {
                cx.counters.ignore(Ignored::Duplicate);
                return;
            }
            Kept::Hole(dropped) => {
                cx.counters.gaps += 1;
                dropped
            }
            Kept::Overflow(dropped) | Kept::TooLarge(dropped) => {
                cx.counters.buffer_overflows += 1;
                dropped
            }
        };
        cx.counters.ignore_many(Ignored::BufferDropped, dropped as u64);
        if let Kept::TooLarge(_) = kept {
            cx.counters.reject(Rejected::TooLarge);
        }
        if splice.needs_delta {
            splice.needs_delta = false;
            book.wanted.stage = Stage::Wanted(splice.not_before.max(cx.now));
            self.wake_at(cx.now);
        }
        match (self.books[index].phase, kept) {
            (Phase::Splicing, Kept::Yes) => self.splice(index, cx),
            // The part of the splice that is in the lane already leads nowhere.
            (Phase::Splicing, _) => self.lose(index, Reason::Gap, cx),
            _ => {}
        }
    }

    /// What is due for the sync of a book.
    pub(super) fn pump_sync(&mut self, index: usize, under_way: &mut usize, cx: &mut Context<'_>) {
        if self.books[index].phase == Phase::Splicing {
            self.splice(index, cx);
        }
        if self.books[index].phase == Phase::Idle {
            return;
        }
        self.pump_silence(index, cx);
        let live = self.is_live_mode();
        let book = &mut self.books[index];
        if let Stage::Asked(_, deadline) = book.wanted.stage
            && deadline <= cx.now
        {
            cx.counters.rest_errors += 1;
            self.snapshot_failed(index, cx);
        }
        let book = &mut self.books[index];
        if let (Stage::Wanted(at), Some(splice)) = (book.wanted.stage, &book.splice)
            && at <= cx.now
        {
            if live && *under_way >= limits::FETCHES_MAX {
                // The next answer pumps again.
                book.wanted.stage = Stage::Wanted(cx.now.plus(limits::FETCH_PAUSE_MIN_NS));
            } else {
                let (path, purpose) = (splice.path.clone(), RestPurpose::Snapshot);
                book.wanted.stage = self.requests.ask(path, 1, purpose, at, cx);
                if matches!(book.wanted.stage, Stage::Asked(..)) {
                    cx.counters.snapshot_requests += 1;
                    *under_way += 1;
                }
            }
        }
        let due = self.books[index].wanted.due();
        self.wake_at(due);
    }

    /// A request for a snapshot came to nothing, or what came was of no use.
    pub(super) fn snapshot_failed(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        book.wanted.fail(cx.now);
        if book.wanted.failures == limits::FETCH_FAILURES_WARN {
            let symbol = book.topic.symbol.clone();
            cx.actions.push(Action::Warn(Warning::SnapshotUnobtainable { symbol }));
        }
    }

    /// A snapshot came.
    pub(super) fn on_snapshot(
        &mut self,
        id: Option<RequestId>,
        snapshot: RestSnapshot,
        cx: &mut Context<'_>,
    ) {
        let RestSnapshot { symbol, block } = snapshot;
        let Some(index) = self.book_of_snapshot(id, &symbol, cx) else {
            cx.counters.ignore(Ignored::RestUnrequested);
            return;
        };
        let book = &mut self.books[index];
        let is_newer = match (block.seq, book.position.id()) {
            (Some(seq), Some(id)) => seq.0 > id,
            _ => false,
        };
        let is_probe = book.splice.as_ref().is_some_and(|it| it.silence == Silence::Probed);
        match book.phase {
            Phase::Live if is_probe => self.probed(index, block.seq.map(|seq| seq.0), cx),
            Phase::Waiting => self.join(index, block, cx),
            // A book is never set back, nor torn out of a good chain.
            Phase::Live if is_newer => self.join(index, block, cx),
            Phase::Idle | Phase::Splicing | Phase::Live => {
                book.wanted.stage = Stage::Idle;
                cx.counters.ignore(Ignored::RestUnrequested);
            }
        }
    }

    /// The book that a snapshot is for: the one that asked; in a replay the one of its name.
    pub(super) fn book_of_snapshot(
        &mut self,
        id: Option<RequestId>,
        name: &str,
        cx: &mut Context<'_>,
    ) -> Option<usize> {
        let index = if self.is_live_mode() {
            let id = id?;
            let asked = self.books.iter().position(|book| book.wanted.is_answered_by(id))?;
            (self.books[asked].topic.name == name).then_some(asked)?
        } else {
            let known = self.names.find(name.as_bytes());
            known.or_else(|| self.discover(name.as_bytes(), None, 0, cx))?
        };
        self.books[index].splice.is_some().then_some(index)
    }

    /// Joins a snapshot with what was kept, if it can be.
    fn join(&mut self, index: usize, mut block: Box<SnapshotBlock>, cx: &mut Context<'_>) {
        let chain = self.rules.chain;
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        if let Some(id) = block.seq {
            let (dropped, meets) = splice.buffer.join(chain, id.0, splice.confirmed);
            cx.counters.ignore_many(Ignored::Stale, dropped as u64);
            if !meets {
                cx.counters.snapshots_unusable += 1;
                self.snapshot_failed(index, cx);
                return;
            }
        }
        if !self.take_over_scale(index, &block, cx) {
            // The lane is full: the snapshot is fetched again.
            self.snapshot_failed(index, cx);
            return;
        }
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        book.wanted.stage = Stage::Idle;
        book.position = Position::after_snapshot(match block.seq {
            Some(id) => Link::range(chain, id.0, id.0),
            None => Link::Free,
        });
        block.book = book.id;
        splice.snapshot = Some(block);
        book.phase = Phase::Splicing;
        self.splice(index, cx);
    }

    /// Makes the book's exponents fine enough for a snapshot; `false` if the lane is full.
    fn take_over_scale(
        &mut self,
        index: usize,
        block: &SnapshotBlock,
        cx: &mut Context<'_>,
    ) -> bool {
        let mut exponents = self.books[index].exponents;
        let scale = union_scale(exponents.scale, &mut exponents.size_min, block.scale);
        exponents.scale = Some(scale);
        self.rescale(index, exponents, clock::now(), cx)
    }

    /// Moves the snapshot and the kept deltas to the lane, as far as it has room.
    fn splice(&mut self, index: usize, cx: &mut Context<'_>) {
        if !self.add_book(index, cx) || !self.flush_status(index, cx) {
            return;
        }
        if !self.splice_snapshot(index, cx) {
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return;
        }
        while let Some(kept) = self.books[index].splice.as_ref().and_then(|it| it.buffer.first()) {
            match self.splice_kept(index, &kept, cx) {
                Ok(()) => {}
                Err(Problem::Full) => {
                    self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
                    return;
                }
                Err(Problem::Bad(rejected)) => {
                    cx.counters.reject(rejected);
                    let reason = match rejected {
                        Rejected::Overflow => Reason::Overflow,
                        _ => Reason::Gap,
                    };
                    self.lose(index, reason, cx);
                    return;
                }
            }
        }
        let book = &mut self.books[index];
        (book.phase, book.live_since) = (Phase::Live, cx.now);
        (book.state, book.reason) = (BookState::Live, Reason::None);
    }

    /// Moves the snapshot to the lane if it is not there yet; `false` if the lane is full.
    fn splice_snapshot(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let epoch = self.lines[self.books[index].line].epoch;
        let Some(splice) = &mut self.books[index].splice else { return true };
        let Some(block) = splice.snapshot.take() else { return true };
        let levels = block.levels.len() as u64;
        match lane::snapshot(cx.lane, epoch, !splice.buffer.is_empty(), block) {
            Ok(()) => {
                self.books[index].snapshots += 1;
                cx.counters.snapshots += 1;
                cx.counters.level_updates += levels;
                true
            }
            Err(block) => {
                cx.counters.ring_full += 1;
                splice.snapshot = Some(block);
                false
            }
        }
    }

    /// Moves the oldest kept delta to the lane.
    fn splice_kept(
        &mut self,
        index: usize,
        kept: &KeptFrame,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        // Buffer and frame go out of the session while they are read.
        let Some(splice) = &mut self.books[index].splice else { return Ok(()) };
        let mut buffer = core::mem::replace(&mut splice.buffer, FrameBuffer::new(0, 0));
        let mut frame = self.kept_frame.take().unwrap_or_default();
        let line = self.books[index].line;
        frame.begin(self.lines[line].route.prefix, line);
        let read = self.protocol.read_any(buffer.padded(kept), &mut frame);
        let is_last = buffer.len() == 1;
        let written = match (read, self.event_of(index, &frame, kept)) {
            (Ok(()), Some(event)) => self.splice_event(index, &frame, event, (kept, is_last), cx),
            // It was sound when it was kept.
            _ => Err(Problem::Bad(Rejected::Shape)),
        };
        if written.is_ok() {
            buffer.pop();
        }
        if let Some(splice) = &mut self.books[index].splice {
            splice.buffer = buffer;
        }
        self.kept_frame = Some(frame);
        written
    }

    /// The event of a frame that was kept for a book.
    fn event_of<'a>(
        &self,
        index: usize,
        frame: &'a Frame,
        kept: &KeptFrame,
    ) -> Option<&'a BookEvent> {
        frame.events().iter().find_map(|event| match event {
            Event::Book(event) if self.names.find(frame.name(event)) == Some(index) => {
                matches!(event.link, Link::Range(_, ids) if ids == kept.ids).then_some(event)
            }
            _ => None,
        })
    }

    fn splice_event(
        &mut self,
        index: usize,
        frame: &Frame,
        event: &BookEvent,
        (kept, is_last): (&KeptFrame, bool),
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let mut position = self.books[index].position;
        if position.step(event.link) != Step::Apply {
            cx.counters.gaps += 1;
            return Err(Problem::Bad(Rejected::Ids));
        }
        let mut event = event.clone();
        event.more = !is_last;
        self.write_delta(index, frame, &event, &kept.stamps, cx)?;
        cx.counters.level_updates += frame.levels(&event).len() as u64;
        self.books[index].position = position;
        Ok(())
    }
}
