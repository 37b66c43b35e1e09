//! The sync of a book: snapshots wanted, fetched, joined with the kept diffs, and lost again.

use tickbook_types::{BookState, MessageFlags, MonoNanos, Reason, SnapshotBlock, clock};

use super::books::{Channel, Phase, Silence};
use super::feed::{Problem, Source};
use super::scan;
use super::session::BinanceSession;
use crate::action::{Action, RequestId, RestPurpose, Warning};
use crate::counters::{Ignored, Rejected};
use crate::fetch::Stage;
use crate::lane;
use crate::level::union_scale;
use crate::limits;
use crate::rest::RestSnapshot;
use crate::session::{Context, Mode, Subscription};
use crate::splice::{Position, Step};

impl BinanceSession {
    /// A book's connection is open (or a replay has begun): diffs will come, a snapshot is needed.
    pub(super) fn start_sync(&mut self, index: usize, now: MonoNanos) {
        let live = self.is_live_mode();
        let book = &mut self.books[index];
        if !book.listed || book.channel == Channel::None {
            return;
        }
        book.buffer.clear();
        book.snapshot = None;
        book.spare_last = None;
        book.silence = Silence::Unwatched;
        book.needs_diff = false;
        book.confirmed = 0;
        book.fetch.settle();
        if let Channel::Whole(_) = book.channel {
            // Every message is a whole book; only ids must not go back.
            (book.phase, book.position) = (Phase::Live, Position::after_snapshot(0));
            return;
        }
        book.phase = Phase::Buffering;
        book.fetch.want(if live { now.plus(limits::FIRST_DIFF_WAIT_NS) } else { now });
        let due = book.fetch.due();
        self.wake_at(due);
    }

    /// A book is no longer known to be right: says so at once and begins its sync anew.
    pub(super) fn lose(&mut self, index: usize, reason: Reason, cx: &mut Context<'_>) {
        cx.counters.resyncs += 1;
        let book = &mut self.books[index];
        let dropped = book.buffer.clear();
        cx.counters.ignore_many(Ignored::BufferDropped, dropped as u64);
        book.snapshot = None;
        book.silence = Silence::Unwatched;
        if reason == Reason::Overflow {
            book.size_exponent_min = None;
        }
        if book.channel == Channel::Diff {
            book.phase = Phase::Buffering;
            if self.config.mode != Mode::Live {
                // Nobody may have answered the last request, ever.
                book.fetch.settle();
            }
            // A request under way may be too old by now; then it is repeated.
            book.fetch.want(cx.now);
        }
        self.tell(index, BookState::Stale, reason, cx);
        self.wake_at(cx.now);
    }

    /// What is due for one book.
    pub(super) fn pump_book(&mut self, index: usize, cx: &mut Context<'_>) {
        let known = self.books[index].scale().is_some();
        if (known || self.is_live_mode()) && !self.add_book(index, cx) {
            return;
        }
        if !self.flush_status(index, cx) {
            return;
        }
        if self.books[index].phase == Phase::Splicing {
            self.splice(index, cx);
        }
        self.pump_silence(index, cx);
        self.pump_fetch(index, cx);
        let book = &self.books[index];
        if !book.needs_diff {
            let due = book.fetch.due();
            self.wake_at(due);
        }
    }

    fn pump_fetch(&mut self, index: usize, cx: &mut Context<'_>) {
        let fetch = self.books[index].fetch;
        if let Stage::Asked(_, deadline) = fetch.stage
            && deadline <= cx.now
        {
            cx.counters.rest_errors += 1;
            self.snapshot_failed(index, cx);
        }
        let Stage::Wanted(at) = self.books[index].fetch.stage else { return };
        if at > cx.now || self.books[index].needs_diff {
            return;
        }
        if self.is_live_mode() && self.fetches_under_way >= limits::FETCHES_MAX {
            // The next answer pumps again.
            self.books[index].fetch.stage = Stage::Wanted(cx.now.plus(limits::FETCH_PAUSE_MIN_NS));
            return;
        }
        let (limit, weight) = self.rules.depth_limit(self.books.len());
        let symbol = self.books[index].symbol();
        let path = format!("{}?symbol={symbol}&limit={limit}", self.rules.depth_path);
        let stage = self.requests.ask(path, weight, RestPurpose::Snapshot, at, cx);
        if matches!(stage, Stage::Asked(..)) {
            cx.counters.snapshot_requests += 1;
            self.fetches_under_way += 1;
        }
        self.books[index].fetch.stage = stage;
    }

    /// A request for a snapshot came to nothing, or what came was of no use.
    pub(super) fn snapshot_failed(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        book.fetch.fail(cx.now);
        if book.fetch.failures == limits::FETCH_FAILURES_WARN {
            let symbol = book.symbol().to_owned();
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
        let Some(index) =
            self.symbols.find(symbol.as_bytes()).or_else(|| self.discover(&symbol, cx))
        else {
            cx.counters.ignore(Ignored::RestUnrequested);
            return;
        };
        let book = &mut self.books[index];
        let asked = id.is_some_and(|id| book.fetch.is_answered_by(id));
        let unwanted = self.is_live_mode() && !asked;
        let book = &mut self.books[index];
        let Some(seq) = block.seq.filter(|_| !unwanted && book.channel == Channel::Diff) else {
            cx.counters.ignore(Ignored::RestUnrequested);
            return;
        };
        match book.phase {
            Phase::Idle | Phase::Splicing => {
                cx.counters.ignore(Ignored::RestUnrequested);
                return;
            }
            Phase::Live if book.silence == Silence::Probed => {
                self.probed(index, seq.0, cx.now);
                return;
            }
            // A book is never set back, nor torn out of a good chain.
            Phase::Live if seq.0 <= book.position.id() => {
                book.fetch.settle();
                cx.counters.ignore(Ignored::RestUnrequested);
                return;
            }
            Phase::Live | Phase::Buffering => {}
        }
        self.join(index, seq.0, block, cx);
    }

    /// Joins a snapshot with what was kept, if it can be.
    fn join(&mut self, index: usize, id: u64, block: Box<SnapshotBlock>, cx: &mut Context<'_>) {
        let chain = self.rules.chain;
        let book = &mut self.books[index];
        let (dropped, meets) = book.buffer.join(chain, id, book.confirmed);
        cx.counters.ignore_many(Ignored::Stale, dropped as u64);
        if !meets {
            cx.counters.snapshots_unusable += 1;
            self.snapshot_failed(index, cx);
            return;
        }
        if !self.union_scale(index, &block, cx) {
            // The lane is full: the snapshot is fetched again.
            self.snapshot_failed(index, cx);
            return;
        }
        let book = &mut self.books[index];
        book.fetch.settle();
        book.position = Position::after_snapshot(id);
        book.snapshot = Some(block);
        book.phase = Phase::Splicing;
        self.splice(index, cx);
    }

    /// Makes the book's exponents fine enough for a snapshot; `false` if the lane is full.
    fn union_scale(&mut self, index: usize, block: &SnapshotBlock, cx: &mut Context<'_>) -> bool {
        let book = &mut self.books[index];
        let scale = union_scale(book.scale(), &mut book.size_exponent_min, block.scale);
        self.rescale(index, scale, clock::now(), cx)
    }

    /// Moves the snapshot and the kept diffs to the lane, as far as it has room.
    pub(super) fn splice(&mut self, index: usize, cx: &mut Context<'_>) {
        if !self.add_book(index, cx) || !self.flush_status(index, cx) {
            return;
        }
        if !self.splice_snapshot(index, cx) {
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return;
        }
        while let Some(frame) = self.books[index].buffer.first() {
            let chain = self.rules.chain;
            if self.books[index].position.judge(chain, frame.ids) != Step::Apply {
                cx.counters.gaps += 1;
                self.lose(index, Reason::Gap, cx);
                return;
            }
            // The buffer goes out of the book while its frame is read.
            let empty = crate::splice::FrameBuffer::new(0, 0);
            let mut buffer = core::mem::replace(&mut self.books[index].buffer, empty);
            let is_last = buffer.len() == 1;
            let message = buffer.padded(&frame);
            let sight = scan::open(&message);
            let source = match &sight {
                scan::Sight::Head(head) => Source::Scanned(head),
                scan::Sight::Unused | scan::Sight::Unknown => Source::Unread,
            };
            let mut header =
                self.diff_header(index, frame.ids.last, source.event_time(), &frame.stamps);
            if is_last {
                header.state = BookState::Live;
            } else {
                header.state = BookState::Syncing;
                header.flags = header.flags.with(MessageFlags::MORE);
            }
            let written = self.deliver(index, source, message, header, &frame.stamps, cx);
            if written.is_ok() {
                buffer.pop();
            }
            self.books[index].buffer = buffer;
            match written {
                Ok(()) => {
                    self.books[index].position.step(chain, frame.ids);
                }
                Err(Problem::Full) => {
                    self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
                    return;
                }
                Err(Problem::Bad(rejected)) => {
                    // It was sound when it was kept, so only a number that no longer fits is left.
                    cx.counters.reject(rejected);
                    let reason = reason_of(rejected);
                    self.lose(index, reason, cx);
                    return;
                }
            }
        }
        let book = &mut self.books[index];
        book.phase = Phase::Live;
        (book.state, book.reason) = (BookState::Live, Reason::None);
    }

    /// Moves the snapshot to the lane if it is not there yet; `false` if the lane is full.
    fn splice_snapshot(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let epoch = self.links[self.books[index].link].epoch;
        let book = &mut self.books[index];
        let Some(mut block) = book.snapshot.take() else { return true };
        block.book = book.id;
        let levels = block.levels.len() as u64;
        match lane::snapshot(cx.lane, epoch, !book.buffer.is_empty(), block) {
            Ok(()) => {
                book.snapshots += 1;
                cx.counters.snapshots += 1;
                cx.counters.level_updates += levels;
                true
            }
            Err(block) => {
                cx.counters.ring_full += 1;
                book.snapshot = Some(block);
                false
            }
        }
    }

    /// In a replay that discovers: the book of a symbol seen for the first time.
    pub(super) fn discover(&mut self, symbol: &str, cx: &mut Context<'_>) -> Option<usize> {
        self.discover_book(symbol, None, cx)
    }

    /// [`Self::discover`] for a channel of whole books of `depth` levels.
    pub(super) fn discover_book(
        &mut self,
        symbol: &str,
        depth: Option<u32>,
        cx: &mut Context<'_>,
    ) -> Option<usize> {
        let discovers = self.config.mode == Mode::Replay { discover: true };
        if !discovers || !super::subscribe::is_symbol(symbol.as_bytes()) {
            return None;
        }
        if self.books.len() >= self.config.books_max as usize {
            if !core::mem::replace(&mut self.told_too_many, true) {
                let symbol = symbol.to_owned();
                cx.actions.push(Action::Warn(Warning::TooManyBooks { symbol }));
            }
            return None;
        }
        let index = self.new_book(&Subscription { depth, ..Subscription::all(symbol) });
        if self.books[index].scale().is_some() {
            self.add_book(index, cx);
        }
        self.start_sync(index, cx.now);
        Some(index)
    }
}

/// The state's reason for a book message that could not be used.
pub(super) const fn reason_of(rejected: Rejected) -> Reason {
    match rejected {
        Rejected::Overflow | Rejected::TooLarge => Reason::Overflow,
        Rejected::RingFull => Reason::RingFull,
        _ => Reason::Gap,
    }
}
