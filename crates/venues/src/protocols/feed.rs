//! Messages of a connection: what each of their events does to its book.
//!
//! # Guarantees
//!
//! - An event of a book that this connection does not feed changes nothing.
//! - What is not passed on is counted with its reason.

use tickbook_types::{
    BookState, MessageFlags, MessageHeader, MessageKind, Padded, Reason, RecvStamps,
};

use super::book::Phase;
use super::chain::{LATE_MAX, Link, Position};
use super::deliver::Problem;
use super::frame::{BookEvent, Content, Event, Frame, TradeEvent};
use super::protocol::Recovery;
use super::session::SharedSession;
use crate::action::{Action, Warning};
use crate::counters::{Ignored, Rejected};
use crate::fetch::Stage;
use crate::levels::Levels;
use crate::limits;
use crate::session::Context;
use crate::splice::{Silence, Step};

/// Bytes of a venue's words that an operator is shown.
const WORDS_MAX: usize = 200;

impl SharedSession {
    /// One message of a connection.
    pub(super) fn take(
        &mut self,
        line: usize,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let mut frame = self.frame.take().unwrap_or_default();
        frame.begin(self.lines[line].route.prefix, line);
        match self.protocol.read_any(message, &mut frame) {
            Ok(()) => {
                if let Some(number) = frame.number {
                    self.follow_number(line, number, cx);
                }
                cx.counters.book_messages += u64::from(frame.has_book());
                for event in frame.events() {
                    match event {
                        Event::Book(event) => {
                            self.take_book(line, &frame, event, message, stamps, cx);
                        }
                        event => self.take_event(line, &frame, event, stamps, cx),
                    }
                }
            }
            Err(rejected) => self.unreadable(line, rejected, message.payload(), cx),
        }
        self.frame = Some(frame);
    }

    /// A message that cannot be used; `payload`: what can be seen of it.
    #[cold]
    pub(super) fn unreadable(
        &mut self,
        line: usize,
        rejected: Rejected,
        payload: &[u8],
        cx: &mut Context<'_>,
    ) {
        cx.counters.reject(rejected);
        self.lose_tickers(line, cx);
        // Where frames are numbered the next one shows that this one's number is missing,
        // and counts anew from then on.
        let numbered = self.lines[line].number.take().is_some();
        if self.rules.shows_loss && self.protocol.has_ids() && !numbered {
            self.lose_named(line, payload, cx);
        } else {
            // It may have been a change of any book; no later message would show that.
            cx.counters.gaps += u64::from(numbered);
            self.lose_line(line, Reason::Gap, cx);
        }
    }

    /// A frame that nobody can read has cost each book that it names a change, and the next one,
    /// which would show that, may be hours away. If it names none, the ids have to tell.
    #[cold]
    fn lose_named(&mut self, line: usize, payload: &[u8], cx: &mut Context<'_>) {
        for index in 0..self.books.len() {
            let book = &self.books[index];
            let name = self.protocol.channel_of(&book.topic.name).as_bytes();
            let named = payload.windows(name.len()).any(|window| window == name);
            if named && self.is_fed_by(index, line) && !self.is_carried_without(index, line, cx) {
                cx.counters.gaps += u64::from(self.books[index].phase == Phase::Live);
                self.lose_unread(index, Reason::Gap, cx);
            }
        }
    }

    /// Where the venue counts the frames of a connection: each is the next one.
    #[inline]
    fn follow_number(&mut self, line: usize, number: u64, cx: &mut Context<'_>) {
        let last = self.lines[line].number.replace(number);
        if last.is_some_and(|last| last.checked_add(1) != Some(number)) {
            cx.counters.gaps += 1;
            self.lose_line(line, Reason::Gap, cx);
        }
    }

    fn take_event(
        &mut self,
        line: usize,
        frame: &Frame,
        event: &Event,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        match event {
            Event::Book(_) => debug_assert!(false, "books have a way of their own"),
            Event::Trade(event) => self.take_trade(line, frame, event, stamps, cx),
            Event::Lost { name, reason } => self.take_loss(line, frame.bytes(name), *reason, cx),
            Event::Ticker(event) => self.take_ticker(line, frame, event, stamps, cx),
            Event::Orders(of) => self.take_orders(line, frame, *of, cx),
            Event::Rejected(reason) => cx.counters.reject(*reason),
            Event::Kept(name) => self.take_kept(line, frame.bytes(name), cx),
            Event::Ignored(reason) => cx.counters.ignore(*reason),
            Event::Welcome(ping_every_ns) => {
                self.on_welcome(line, *ping_every_ns, cx);
                cx.counters.ignore(Ignored::Notice);
            }
            // Only answers of REST have one.
            Event::Token(..) => cx.counters.ignore(Ignored::Notice),
            Event::Reconnect => {
                if self.is_live_mode() {
                    cx.actions.push(Action::Close { conn: self.lines[line].conn });
                }
                cx.counters.ignore(Ignored::Notice);
            }
            Event::Answer(text) => {
                if self.is_live_mode()
                    && let Ok(text) = core::str::from_utf8(frame.bytes(text))
                {
                    let line = &mut self.lines[line];
                    line.pacer.sent(cx.now);
                    let text = text.to_owned();
                    cx.actions.push(Action::SendText { conn: line.conn, text });
                }
                cx.counters.ignore(Ignored::Notice);
            }
            Event::Frozen => {
                self.lose_line(line, Reason::Halted, cx);
                cx.counters.ignore(Ignored::Notice);
            }
            Event::Refused { code, message } => {
                let words = frame.bytes(message);
                let words = &words[..words.len().min(WORDS_MAX)];
                cx.actions.push(Action::Warn(Warning::SubscribeRefused {
                    conn: self.lines[line].conn,
                    code: *code,
                    message: String::from_utf8_lossy(words).into_owned(),
                }));
                cx.counters.ignore(Ignored::Ack);
            }
        }
    }

    /// The protocol found a book wrong.
    #[cold]
    pub(super) fn take_loss(
        &mut self,
        line: usize,
        name: &[u8],
        reason: Reason,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.names.find(name) else { return };
        if !self.is_fed_by(index, line) {
            return;
        }
        if self.books[index].phase != Phase::Live {
            // What was kept for it, and orders under way, are of no use.
            return self.lose_unread(index, reason, cx);
        }
        match reason {
            Reason::Gap => cx.counters.gaps += 1,
            Reason::Overflow => cx.counters.reject(Rejected::Overflow),
            _ => {}
        }
        self.lose(index, reason, cx);
    }

    #[inline(always)]
    fn take_book(
        &mut self,
        line: usize,
        frame: &Frame,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let name = frame.name(event);
        let known = self.names.find(name);
        let Some(index) = known.or_else(|| self.discover(name, event.depth, line, cx)) else {
            cx.counters.ignore(Ignored::UnknownSymbol);
            return;
        };
        if !self.is_fed_by(index, line) {
            cx.counters.ignore(Ignored::SpareConnection);
            return;
        }
        if !self.is_first((index, line), event, frame.levels(event), cx) {
            return;
        }
        debug_assert!(event.checksum.is_none() || self.rules.checksums);
        let written = match event.content {
            Content::Delta => self.take_delta(index, frame, event, message, stamps, cx),
            Content::Snapshot if self.is_of_no_use(index, event, cx) => Ok(()),
            Content::Snapshot => self.take_snapshot(index, event, frame.levels(event), stamps, cx),
        };
        if let Err(problem) = written {
            self.book_unwritten(index, problem, event, message, stamps, cx);
        }
    }

    #[cold]
    fn book_unwritten(
        &mut self,
        index: usize,
        problem: Problem,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        self.not_written(index, problem, cx);
        if event.content == Content::Delta && problem == Problem::Full {
            self.keep_for_splice(index, event, message, stamps, cx);
        }
    }

    /// Whether a snapshot is older than what is known already.
    fn is_of_no_use(&mut self, index: usize, event: &BookEvent, cx: &mut Context<'_>) -> bool {
        let book = &mut self.books[index];
        if book.recovery == Recovery::NextMessage {
            let (last, late) = book.whole;
            let older = match (event.link, book.position.id()) {
                // Lower with a later time, the venue has begun its ids anew.
                (Link::Above(id), Some(at)) => id < at && event.time <= last,
                _ => self.rules.times_grow && event.time < last,
            };
            // So many in a row are no stragglers: the venue has set back its clock.
            let belated = older && book.phase == Phase::Live && late < LATE_MAX;
            book.whole = if belated { (last, late + 1) } else { (event.time, 0) };
            if belated {
                cx.counters.ignore(Ignored::Stale);
            }
            return belated;
        }
        // A change that came before it and belongs behind it is lost, and where ids only grow
        // nothing later shows that.
        let lacks = match (book.overtaken.take(), event.link) {
            (Some(overtaken), Link::Above(id)) => id < overtaken,
            _ => false,
        };
        if lacks {
            cx.counters.snapshots_unusable += 1;
            book.wanted.fail(cx.now);
            let due = book.wanted.due();
            self.wake_at(due);
        }
        lacks
    }

    /// A message did not get into the lane.
    pub(super) fn not_written(&mut self, index: usize, problem: Problem, cx: &mut Context<'_>) {
        match problem {
            Problem::Full => {
                cx.counters.ring_full += 1;
                cx.counters.reject(Rejected::RingFull);
                self.lose(index, Reason::RingFull, cx);
            }
            Problem::Bad(rejected) => {
                cx.counters.reject(rejected);
                self.lose(index, Reason::Overflow, cx);
            }
        }
    }

    /// A delta: passed on, kept, or dropped.
    #[inline(always)]
    fn take_delta(
        &mut self,
        index: usize,
        frame: &Frame,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        let book = &mut self.books[index];
        let is_absurd = matches!(event.link, Link::Range(_, ids) if ids.are_absurd());
        if book.phase != Phase::Live || is_absurd {
            self.delta_unawaited(index, event, message, stamps, cx);
            return Ok(());
        }
        if book.position.judge(event.link) != Step::Apply {
            self.delta_astray(index, event, message, stamps, cx);
            return Ok(());
        }
        self.write_delta(index, frame, event, stamps, cx)?;
        cx.counters.level_updates += frame.levels(event).len() as u64;
        let book = &mut self.books[index];
        if let Some(splice) = &mut book.splice {
            splice.silence = Silence::Unwatched;
            splice.confirmed = book.position.id().unwrap_or(0);
        }
        let step = book.position.step(event.link);
        debug_assert_eq!(step, Step::Apply);
        self.passed_on(index, cx);
        Ok(())
    }

    /// A delta of a book that is not live, or with ids that no message has.
    #[cold]
    fn delta_unawaited(
        &mut self,
        index: usize,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        if let Link::Range(_, ids) = event.link
            && ids.are_absurd()
        {
            cx.counters.reject(Rejected::Ids);
            cx.counters.gaps += u64::from(self.books[index].phase == Phase::Live);
            self.lose_unread(index, Reason::Gap, cx);
            return;
        }
        let book = &mut self.books[index];
        if book.phase == Phase::Idle {
            cx.counters.ignore(Ignored::BeforeSnapshot);
            return;
        }
        if let Link::Above(id) = event.link {
            book.overtaken = book.overtaken.max(Some(id));
        }
        self.keep(index, event, message, stamps, cx);
    }

    /// A delta that does not follow.
    #[cold]
    fn delta_astray(
        &mut self,
        index: usize,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let mut position = self.books[index].position;
        let step = position.step(event.link);
        if matches!(step, Step::Stale | Step::Duplicate) {
            self.books[index].position = position;
            let stale = step == Step::Stale;
            cx.counters.ignore(if stale { Ignored::Stale } else { Ignored::Duplicate });
            return;
        }
        if self.may_heal(index, cx) {
            return;
        }
        if position.begins_anew(event.link)
            && let Some(splice) = &mut self.books[index].splice
        {
            splice.confirmed = 0;
        }
        cx.counters.gaps += 1;
        self.lose(index, Reason::Gap, cx);
        self.keep_for_splice(index, event, message, stamps, cx);
    }

    /// Keeps the delta that a book was lost with, if it will be of use behind a snapshot.
    fn keep_for_splice(
        &mut self,
        index: usize,
        event: &BookEvent,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        if self.books[index].splice.is_some() {
            self.keep(index, event, message, stamps, cx);
        }
    }

    pub(super) fn take_snapshot(
        &mut self,
        index: usize,
        event: &BookEvent,
        levels: Levels<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        if self.books[index].exponents.scale.is_none() {
            self.make_fit(index, levels.iter(), stamps, cx)?;
        }
        if !self.add_book(index, cx) || !self.flush_status(index, cx) {
            return Err(Problem::Full);
        }
        if self.rules.checksums {
            self.books[index].digits.see(levels, true);
        }
        let mut header = self.header(index, MessageKind::Snapshot, event, stamps, cx);
        if levels.len() <= limits::RING_SNAPSHOT_LEVELS {
            header.flags = header.flags.with(MessageFlags::FIRST);
            self.write(index, levels, event.checksum, header, stamps, cx)?;
        } else {
            self.write_block(index, event, levels, header, stamps, cx)?;
        }
        cx.counters.snapshots += 1;
        cx.counters.level_updates += levels.len() as u64;
        let book = &mut self.books[index];
        book.snapshots += 1;
        if book.phase != Phase::Live {
            book.live_since = cx.now;
        }
        book.phase = Phase::Live;
        book.wanted.stage = Stage::Idle;
        book.position = Position::after_snapshot(event.link);
        (book.state, book.reason) = (BookState::Live, Reason::None);
        self.passed_on(index, cx);
        Ok(())
    }

    fn take_trade(
        &mut self,
        line: usize,
        frame: &Frame,
        event: &TradeEvent,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let place = self.symbols.find(frame.symbol(event));
        let mut first = place.and_then(|place| self.book_of_symbol.get(place).copied());
        while let Some(book) = first.map(|index| &self.books[index]).filter(|book| book.gone) {
            first = book.next_of_symbol;
        }
        let Some(index) = first else {
            cx.counters.ignore(Ignored::UnknownSymbol);
            return;
        };
        if !self.books[index].added {
            cx.counters.ignore(Ignored::NoBook);
            return;
        }
        if !self.is_first_trade((index, line), event, cx) {
            return;
        }
        let book = &self.books[index];
        let header = MessageHeader {
            count: 2,
            state: book.state,
            reason: book.reason,
            epoch: self.lines[book.line].epoch,
            venue_time: event.time,
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(MessageKind::Trade, book.id)
        };
        match self.write_trade(index, event, header, stamps, cx) {
            Ok(()) => cx.counters.trades += 1,
            Err(Problem::Full) => {
                cx.counters.ring_full += 1;
                cx.counters.reject(Rejected::RingFull);
            }
            Err(Problem::Bad(rejected)) => cx.counters.reject(rejected),
        }
    }
}
