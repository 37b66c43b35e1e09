//! Frames as they come: told apart, checked, and written to the lane.

use tickbook_types::{
    BookState, LevelRecord, MessageFlags, MessageHeader, MessageKind, Padded, Reason, RecvStamps,
    SeqNo,
};

use super::books::{Book, Channel, Phase, Silence};
use super::frame::{DecimalLevel, Depth, Frame, venue_time};
use super::general::{self, Sonic};
use super::scan::{self, Head, Kind, Sight};
use super::session::BinanceSession;
use super::subscribe::whole_book_stream;
use super::sync::reason_of;
use crate::counters::{Ignored, Rejected};
use crate::session::Context;
use crate::splice::{Chain, Ids, Kept, Step};

/// Where the levels of a book message are read from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// The scanner has read it up to its first price.
    Scanned(&'a Head<'a>),
    /// The general path has read it.
    General(Depth),
    /// Nobody has read it yet.
    Unread,
}

impl Source<'_> {
    pub(super) fn event_time(&self) -> u64 {
        match self {
            Self::Scanned(head) => head.event_time,
            Self::General(depth) => depth.event_time,
            Self::Unread => 0,
        }
    }

    /// Most levels it can have.
    fn levels_max(&self) -> usize {
        match self {
            Self::Scanned(head) => head.levels_max(),
            Self::General(depth) => depth.levels.len(),
            Self::Unread => 0,
        }
    }
}

/// Why a message did not get to the lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// No room.
    Full,
    /// The message is of no use.
    Bad(Rejected),
}

/// What became of writing a message's levels somewhere.
enum Filled {
    /// So many, and so many sizes among them rounded.
    Levels(usize, u64),
    /// The scanner does not know it: the general path must look, and the exponents follow.
    Unscanned,
}

impl BinanceSession {
    /// Takes one frame.
    #[inline]
    pub(super) fn take(
        &mut self,
        link: usize,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let mut head = match scan::begin(&message) {
            Sight::Head(head) => head,
            Sight::Unused => return self.take_unscanned(link, message, stamps, cx),
            Sight::Unknown => return self.take_unknown(link, message, stamps, cx),
        };
        if head.read().is_none() {
            return self.take_unknown(link, message, stamps, cx);
        }
        match head.kind {
            Kind::Depth | Kind::Partial => {
                self.take_depth(link, Source::Scanned(&head), message, stamps, cx);
            }
            Kind::Ticker => self.take_ticker(&mut head, message, stamps, cx),
            Kind::Trade | Kind::AggTrade => self.take_trade(&mut head, message, stamps, cx),
        }
    }

    /// A frame that the scanner does not know.
    #[cold]
    fn take_unknown(
        &mut self,
        link: usize,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        cx.counters.general_parses += 1;
        match general::parse::<Sonic>(message.payload()) {
            Ok(Frame::Depth(depth)) => {
                self.take_depth(link, Source::General(depth), message, stamps, cx);
            }
            Ok(Frame::Ticker(ticker)) => self.take_general_ticker(&ticker, stamps, cx),
            Ok(Frame::Trade(trade)) => self.take_general_trade(&trade, stamps, cx),
            Ok(Frame::Reply(reply)) => self.take_reply(link, reply, cx),
            Ok(Frame::Shutdown) => {
                cx.counters.ignore(Ignored::Notice);
                self.take_shutdown_notice(link, cx);
            }
            Ok(Frame::Unused) => cx.counters.ignore(Ignored::UnusedStream),
            Err(rejected) => {
                cx.counters.reject(rejected);
                self.suspect_unread(message.payload(), cx);
            }
        }
    }

    /// A frame that nobody can read: if it was a diff and its symbol is legible, that book has
    /// lost something. If not, the chain will tell with the book's next diff.
    fn suspect_unread(&mut self, payload: &[u8], cx: &mut Context<'_>) {
        let is_depth =
            find(payload, b"depthUpdate").is_some() || find(payload, b"@depth").is_some();
        let symbol = find(payload, b"\"s\":\"")
            .and_then(|at| tickbook_scan::text(payload, at + 5))
            .map(|(symbol, _)| symbol);
        if let Some(index) = symbol.filter(|_| is_depth).and_then(|it| self.symbols.find(it)) {
            self.suspect(index, Reason::Gap, cx);
        }
    }

    /// A book message was lost: what the book is from here on is not known.
    fn suspect(&mut self, index: usize, reason: Reason, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        match (book.channel, book.phase) {
            // The next message is a whole book.
            (Channel::None | Channel::Whole(_), _) | (_, Phase::Idle) => {}
            (Channel::Diff, Phase::Live | Phase::Splicing) => {
                cx.counters.gaps += 1;
                self.lose(index, reason, cx);
                self.pump(cx);
            }
            (Channel::Diff, Phase::Buffering) => {
                cx.counters.gaps += 1;
                let dropped = book.buffer.clear();
                cx.counters.ignore_many(Ignored::BufferDropped, dropped as u64);
            }
        }
    }

    /// A diff or a whole book.
    #[inline]
    fn take_depth(
        &mut self,
        link: usize,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        cx.counters.book_messages += 1;
        let (index, ids) = match &source {
            Source::Scanned(head) => (self.book_of(head.symbol, head.stream, cx), head.ids),
            Source::General(depth) => {
                (self.book_of(depth.symbol.as_bytes(), depth.stream.as_bytes(), cx), depth.ids)
            }
            Source::Unread => (None, Ids::default()),
        };
        let Some(index) = index else {
            cx.counters.ignore(Ignored::UnknownSymbol);
            return;
        };
        if !self.is_live_mode() && is_of_another_channel(self.books[index].channel, &source) {
            cx.counters.ignore(Ignored::UnusedStream);
            return;
        }
        match self.books[index].channel {
            Channel::Diff => self.take_diff(link, index, ids, source, message, stamps, cx),
            Channel::Whole(_) => self.take_whole(link, index, ids, source, message, stamps, cx),
            Channel::None => cx.counters.ignore(Ignored::UnusedStream),
        }
    }

    /// The book that a depth message is for.
    #[inline]
    fn book_of(&mut self, symbol: &[u8], stream: &[u8], cx: &mut Context<'_>) -> Option<usize> {
        match self.symbols.find(symbol) {
            Some(index) => Some(index),
            None => self.book_of_unknown(symbol, stream, cx),
        }
    }

    #[cold]
    fn book_of_unknown(
        &mut self,
        symbol: &[u8],
        stream: &[u8],
        cx: &mut Context<'_>,
    ) -> Option<usize> {
        let whole = whole_book_stream(stream);
        if symbol.is_empty() {
            // Spot's whole books say their symbol in the stream name only.
            let (symbol, depth) = whole?;
            let known = self.symbols.find(symbol.as_bytes());
            return known.or_else(|| self.discover_book(&symbol, Some(depth), cx));
        }
        let symbol = core::str::from_utf8(symbol).ok()?;
        let index = self.discover_book(symbol, whole.map(|(_, depth)| depth), cx)?;
        self.pump(cx);
        Some(index)
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
    #[inline]
    fn take_diff(
        &mut self,
        link: usize,
        index: usize,
        ids: Ids,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let chain = self.rules.chain;
        let book = &mut self.books[index];
        let feeds = book.link == link;
        book.silence = Silence::Unwatched;
        if ids.are_absurd() || (chain == Chain::Linked && ids.prev.is_none()) {
            cx.counters.reject(Rejected::Ids);
            self.suspect(index, Reason::Gap, cx);
            return;
        }
        if !feeds {
            book.spare_last = Some(ids.last);
        }
        match book.phase {
            Phase::Live => {}
            Phase::Buffering | Phase::Splicing if feeds => {
                self.keep(index, ids, source, message, stamps, cx);
                return;
            }
            Phase::Buffering | Phase::Splicing | Phase::Idle => {
                cx.counters.ignore(Ignored::SpareConnection);
                return;
            }
        }
        match book.position.judge(chain, ids) {
            Step::Apply => self.apply(index, ids, source, message, stamps, cx),
            step @ (Step::Stale | Step::Duplicate) => {
                let reason = match step {
                    _ if !feeds => Ignored::SpareConnection,
                    Step::Stale => Ignored::Stale,
                    _ => Ignored::Duplicate,
                };
                match self.check(index, source, message, stamps, cx) {
                    Ok(()) => {
                        cx.counters.ignore(reason);
                        if feeds {
                            self.books[index].position.step(chain, ids);
                        }
                    }
                    Err(rejected) => cx.counters.reject(rejected),
                }
            }
            Step::Gap if feeds => {
                if book.position.begins_anew(ids) {
                    book.confirmed = 0;
                }
                cx.counters.gaps += 1;
                self.lose(index, Reason::Gap, cx);
                self.keep(index, ids, source, message, stamps, cx);
                self.pump(cx);
            }
            // The replacement runs ahead of the connection that counts.
            Step::Gap => cx.counters.ignore(Ignored::SpareConnection),
        }
    }

    /// The diff that follows: straight to the lane.
    #[inline]
    fn apply(
        &mut self,
        index: usize,
        ids: Ids,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let mut header = self.diff_header(index, ids.last, source.event_time(), stamps);
        header.state = BookState::Live;
        if cx.shared_stamp {
            header.flags = header.flags.with(MessageFlags::SHARED_STAMP);
        }
        match self.deliver(index, source, message, header, stamps, cx) {
            Ok(()) => {
                let book = &mut self.books[index];
                book.confirmed = book.position.id();
                book.position.step(self.rules.chain, ids);
            }
            Err(Problem::Full) => {
                cx.counters.ring_full += 1;
                self.lose(index, Reason::RingFull, cx);
                self.keep(index, ids, Source::Unread, message, stamps, cx);
                self.pump(cx);
            }
            Err(Problem::Bad(rejected)) => {
                cx.counters.reject(rejected);
                self.suspect(index, reason_of(rejected), cx);
            }
        }
    }

    /// Keeps a diff until a snapshot comes, once it is known to be sound.
    #[cold]
    fn keep(
        &mut self,
        index: usize,
        ids: Ids,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        if let Err(rejected) = self.check(index, source, message, stamps, cx) {
            cx.counters.reject(rejected);
            self.suspect(index, reason_of(rejected), cx);
            return;
        }
        let book = &mut self.books[index];
        let was_first = book.buffer.is_empty();
        let kept = book.buffer.keep(self.rules.chain, ids, message.payload(), stamps);
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
        let book = &mut self.books[index];
        if book.phase == Phase::Splicing {
            if kept == Kept::Yes {
                self.splice(index, cx);
            } else {
                // The part of the splice that is in the lane already leads nowhere.
                self.lose(index, Reason::Gap, cx);
            }
        } else if was_first {
            book.needs_diff = false;
            let asked = book.fetch.failures > 0;
            if !asked {
                book.fetch.want(cx.now);
            }
            self.pump(cx);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
    fn take_whole(
        &mut self,
        link: usize,
        index: usize,
        ids: Ids,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        book.silence = Silence::Unwatched;
        if book.phase != Phase::Live || ids.last <= book.position.id() {
            let reason =
                if book.link == link { Ignored::Duplicate } else { Ignored::SpareConnection };
            cx.counters.ignore(reason);
            return;
        }
        let mut header = self.diff_header(index, ids.last, source.event_time(), stamps);
        header.kind = MessageKind::Snapshot;
        header.flags = header.flags.with(MessageFlags::FIRST);
        header.state = BookState::Live;
        match self.deliver(index, source, message, header, stamps, cx) {
            Ok(()) => {
                let book = &mut self.books[index];
                book.snapshots += 1;
                book.position = crate::splice::Position::after_snapshot(ids.last);
                (book.state, book.reason) = (BookState::Live, Reason::None);
            }
            Err(problem) => {
                let rejected = match problem {
                    Problem::Full => Rejected::RingFull,
                    Problem::Bad(rejected) => rejected,
                };
                cx.counters.ring_full += u64::from(problem == Problem::Full);
                cx.counters.reject(rejected);
                if self.books[index].state == BookState::Live {
                    self.tell(index, BookState::Stale, reason_of(rejected), cx);
                }
            }
        }
    }

    /// The header of a diff: everything but its count and state.
    #[inline]
    pub(super) fn diff_header(
        &self,
        index: usize,
        seq: u64,
        event_time: u64,
        stamps: &RecvStamps,
    ) -> MessageHeader {
        let book = &self.books[index];
        MessageHeader {
            flags: MessageFlags::HAS_SEQ,
            epoch: self.links[book.link].epoch,
            seq: SeqNo(seq),
            venue_time: venue_time(event_time),
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(MessageKind::Delta, book.id)
        }
    }

    /// Writes the levels of a book message to the lane, under `header`.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        index: usize,
        mut source: Source<'_>,
        message: Padded<'_>,
        mut header: MessageHeader,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        // The scanner, the general path, and the general path once more at finer exponents.
        for _ in 0..3 {
            let room = source.levels_max();
            let Ok(mut claim) = cx.lane.claim(room) else { return Err(Problem::Full) };
            match fill(&mut self.books[index], &source, claim.levels_mut()) {
                Filled::Levels(count, rounded) => {
                    header.count = u32::try_from(count).unwrap_or(u32::MAX);
                    if rounded > 0 {
                        header.flags = header.flags.with(MessageFlags::SIZE_ROUNDED);
                        cx.counters.size_rounded += rounded;
                    }
                    self.sampler.count(&mut header);
                    claim.commit(header);
                    cx.counters.level_updates += count as u64;
                    return Ok(());
                }
                Filled::Unscanned => drop(claim),
            }
            source = self.read_generally(index, source, message, stamps, cx)?;
        }
        Err(Problem::Bad(Rejected::Overflow))
    }

    /// Reads the levels of a book message without using them.
    fn check(
        &mut self,
        index: usize,
        mut source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Rejected> {
        for _ in 0..3 {
            let room = source.levels_max().max(1);
            if self.scratch.len() < room {
                self.scratch.resize(room, LevelRecord::default());
            }
            let filled = fill(&mut self.books[index], &source, &mut self.scratch);
            if let Filled::Levels(..) = filled {
                return Ok(());
            }
            source = match self.read_generally(index, source, message, stamps, cx) {
                Ok(source) => source,
                Err(Problem::Bad(rejected)) => return Err(rejected),
                Err(Problem::Full) => return Err(Rejected::RingFull),
            };
        }
        Err(Rejected::Overflow)
    }

    /// The general path's view of a book message, with the book's exponents made fine enough.
    #[cold]
    fn read_generally<'a>(
        &mut self,
        index: usize,
        source: Source<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<Source<'a>, Problem> {
        let depth = match source {
            Source::General(depth) => depth,
            Source::Scanned(_) | Source::Unread => {
                cx.counters.general_parses += 1;
                match general::parse::<Sonic>(message.payload()) {
                    Ok(Frame::Depth(depth)) => depth,
                    Ok(_) => return Err(Problem::Bad(Rejected::Shape)),
                    Err(rejected) => return Err(Problem::Bad(rejected)),
                }
            }
        };
        self.make_fit(index, &depth.levels, stamps.received, cx)?;
        Ok(Source::General(depth))
    }
}

/// Writes the levels of a message to `out`.
#[inline]
fn fill(book: &mut Book, source: &Source<'_>, out: &mut [LevelRecord]) -> Filled {
    match source {
        Source::Scanned(head) => {
            let scanned = book.scanner.as_mut().and_then(|scanner| head.levels(scanner, out));
            scanned.map_or(Filled::Unscanned, |count| Filled::Levels(count, 0))
        }
        Source::General(depth) => fill_generally(book, &depth.levels, out),
        Source::Unread => Filled::Unscanned,
    }
}

#[cold]
fn fill_generally(book: &Book, levels: &[DecimalLevel], out: &mut [LevelRecord]) -> Filled {
    let mut rounded = 0;
    if out.len() < levels.len() {
        return Filled::Unscanned;
    }
    for (level, place) in levels.iter().zip(out.iter_mut()) {
        let Some((record, exact)) = book.record(level) else { return Filled::Unscanned };
        *place = record;
        rounded += u64::from(!exact);
    }
    Filled::Levels(levels.len(), rounded)
}

/// Whether a recording has both diffs and whole books of a symbol, and this is not the kind that
/// its book is made of.
fn is_of_another_channel(channel: Channel, source: &Source<'_>) -> bool {
    let (stream, partial) = match source {
        Source::Scanned(head) => (head.stream, head.kind == Kind::Partial),
        Source::General(depth) => (depth.stream.as_bytes(), depth.partial),
        Source::Unread => return false,
    };
    let whole = partial || whole_book_stream(stream).is_some();
    match channel {
        Channel::Diff => whole,
        // Alone, without the name of its stream, the futures' whole book looks like a diff.
        Channel::Whole(_) => !whole && !stream.is_empty(),
        Channel::None => false,
    }
}

/// Where `needle` stands first.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
