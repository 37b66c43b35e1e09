//! Books that come and go while the session runs.
//!
//! # Guarantees
//!
//! - A wish that cannot be met changes nothing.
//! - A book that is let go is closed for its readers before its streams are unsubscribed; what
//!   still comes of them is counted and dropped.
//! - Requests keep the venue's pace, and connections its limit of streams.
//!
//! # Not guaranteed
//!
//! - That a book id is free again: a symbol keeps its id, for the case that it comes back.
//! - That a symbol exists: the venue takes streams of any name. One that is not in the list of the
//!   start is warned of, and has no snapshot if it does not exist.
//!
//! # Invariants
//!
//! - A book that is gone is idle, of no channel, not listed, and unknown to the builder; so nothing
//!   subscribes, fetches or feeds it.
//! - A stream keeps its place on its line: requests name streams by it. One whose book was let go
//!   is `ended` there, whatever becomes of the book on another line.

use tickbook_types::{Block, ConnId, Instrument, MessageHeader, MessageKind};

use super::books::Book;
use super::link::{Link, LinkPhase};
use super::session::BinanceSession;
use super::subscribe::{self, Line, Stream};
use crate::action::{Action, Warning};
use crate::limits;
use crate::session::{ConfigError, Context, Mode, Subscription, Wished};

/// A stream that is to be subscribed, and the line it goes to: one of those there are, or one
/// behind them.
struct Placed {
    line: usize,
    wanted: (super::rules::Route, Stream),
}

impl BinanceSession {
    /// From now on just these symbols are wanted.
    pub(super) fn wish(
        &mut self,
        wanted: &[Subscription],
        cx: &mut Context<'_>,
    ) -> Result<Wished, ConfigError> {
        if self.config.mode != Mode::Live {
            return Err(ConfigError::Fixed);
        }
        if wanted.is_empty() {
            return Err(ConfigError::NothingSubscribed);
        }
        subscribe::check(wanted)?;
        let is_wanted = |book: &Book| wanted.iter().any(|it| it.symbol == book.symbol());
        let leaving: Vec<usize> = (0..self.books.len())
            .filter(|index| !self.books[*index].gone && !is_wanted(&self.books[*index]))
            .collect();
        let found = |it: &Subscription| self.symbols.find(it.symbol.as_bytes());
        let is_coming = |it: &&Subscription| found(it).is_none_or(|index| self.books[index].gone);
        let coming: Vec<&Subscription> = wanted.iter().filter(is_coming).collect();
        let is_new = |it: &&&Subscription| found(it).is_none();
        let needed = self.books.len() + coming.iter().filter(is_new).count();
        let (needed, given) = (u32::try_from(needed).unwrap_or(u32::MAX), self.config.books_max);
        if needed > given {
            return Err(ConfigError::TooManyBooks { needed, given });
        }
        // New symbols are numbered in this order below.
        let mut next = self.books.len();
        let mut indices = Vec::with_capacity(coming.len());
        for subscription in &coming {
            indices.push(found(subscription).unwrap_or_else(|| {
                next += 1;
                next - 1
            }));
        }
        let placed = self.places(&leaving, &coming, &indices)?;
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let wished = Wished { added: count(coming.len()), removed: count(leaving.len()) };
        self.let_go(&leaving, cx);
        self.take_in(&coming, &indices, placed, cx);
        self.pump(cx);
        Ok(wished)
    }

    /// A line for every stream of the books that come.
    fn places(
        &self,
        leaving: &[usize],
        coming: &[&Subscription],
        indices: &[usize],
    ) -> Result<Vec<Placed>, ConfigError> {
        let stays = |stream: &&Stream| !stream.ended && !leaving.contains(&stream.subscription);
        let used = |line: &Line| (line.route, line.streams.iter().filter(stays).count());
        let mut lines: Vec<_> = self.lines.iter().map(used).collect();
        let mut placed = Vec::new();
        for (subscription, index) in coming.iter().zip(indices) {
            for (route, stream) in subscribe::streams(&self.rules, *index, subscription) {
                let room = |(of, count): &(super::rules::Route, usize)| {
                    *of == route && *count < self.rules.streams_per_conn
                };
                let line = lines.iter().position(room).unwrap_or_else(|| {
                    lines.push((route, 0));
                    lines.len() - 1
                });
                lines[line].1 += 1;
                placed.push(Placed { line, wanted: (route, stream) });
            }
        }
        let needed = self.links.len() + lines.len() - self.lines.len();
        let (needed, given) = (u32::try_from(needed).unwrap_or(u32::MAX), self.config.conns_max);
        if needed > given { Err(ConfigError::TooManyConns { needed, given }) } else { Ok(placed) }
    }

    /// Closes some books and unsubscribes their streams.
    fn let_go(&mut self, leaving: &[usize], cx: &mut Context<'_>) {
        for index in leaving {
            let old = &self.books[*index];
            let instrument = Instrument::clone(&old.instrument);
            let mut book = Book::new(old.id, instrument, super::books::Channel::None, old.link);
            book.removal_due = old.added || old.removal_due;
            (book.gone, book.listed) = (true, false);
            self.books[*index] = book;
            self.flush_removal(*index, cx);
        }
        for index in self.open_links() {
            let streams = &self.lines[self.links[index].line].streams;
            let leaves = |it: &Stream| !it.ended && leaving.contains(&it.subscription);
            let runs = subscribe::runs(streams, leaves);
            runs.into_iter().for_each(|run| self.links[index].unsubscribe(run));
        }
        for stream in self.lines.iter_mut().flat_map(|line| &mut line.streams) {
            stream.ended |= leaving.contains(&stream.subscription);
        }
    }

    /// Makes some books and subscribes their streams.
    fn take_in(
        &mut self,
        coming: &[&Subscription],
        indices: &[usize],
        placed: Vec<Placed>,
        cx: &mut Context<'_>,
    ) {
        let old_lines = self.lines.len();
        let mut fresh: Vec<Vec<usize>> = vec![Vec::new(); self.lines.len()];
        for Placed { line, wanted: (route, stream) } in placed {
            if line == self.lines.len() {
                self.new_line(Line { route, streams: Vec::new() }, cx);
                fresh.push(Vec::new());
            }
            let streams = &mut self.lines[line].streams;
            // Where it was before, if it was: so a line does not grow with every change.
            let place = streams.iter().position(|it| it.name == stream.name);
            let place = place.unwrap_or(streams.len());
            match streams.get_mut(place) {
                Some(ended) => *ended = stream,
                None => streams.push(stream),
            }
            fresh[line].push(place);
        }
        // Another connection for the replacement of each new one, as far as ids suffice.
        for line in old_lines..self.lines.len() {
            if self.links.len() < self.config.conns_max as usize {
                self.new_link(line);
            }
        }
        for (subscription, index) in coming.iter().zip(indices) {
            self.new_or_revived(subscription, *index);
            let status = self.books[*index].instrument.status;
            if self.ready && status == tickbook_types::InstrumentStatus::Unknown {
                let symbol = subscription.symbol.clone();
                cx.actions.push(Action::Warn(Warning::NotListed { symbol }));
            }
            let open = self.links[self.books[*index].link].phase == LinkPhase::Open;
            if open && self.ready {
                self.start_sync(*index, cx.now);
            }
        }
        if !self.ready {
            // Subscribed with all others, once the list is there.
            return;
        }
        for index in self.open_links() {
            let line = self.links[index].line;
            let mut at = 0..;
            let is_fresh = |_: &Stream| at.next().is_some_and(|at| fresh[line].contains(&at));
            let runs = subscribe::runs(&self.lines[line].streams, is_fresh);
            runs.into_iter().for_each(|run| self.links[index].subscribe(run));
        }
    }

    fn new_or_revived(&mut self, subscription: &Subscription, index: usize) {
        let mut made = self.make_book(subscription, index);
        match self.books.get_mut(index) {
            Some(book) => {
                made.removal_due = book.removal_due;
                *book = made;
            }
            None => {
                let at = self.symbols.add(subscription.symbol.as_bytes());
                debug_assert_eq!((at, index), (self.books.len(), self.books.len()));
                self.books.push(made);
            }
        }
    }

    /// A line of its own, with a connection of its own.
    fn new_line(&mut self, line: Line, cx: &mut Context<'_>) {
        let link = self.links.len();
        self.lines.push(line);
        self.active.push(link);
        self.new_link(self.lines.len() - 1);
        self.connect_link(link, cx);
    }

    fn new_link(&mut self, line: usize) {
        let at = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let conn = ConnId(self.config.first_conn.0.saturating_add(at));
        self.links.push(Link::new(conn, line, self.rules.messages_per_second));
    }

    fn open_links(&self) -> Vec<usize> {
        let is_open = |index: &usize| self.links[*index].phase == LinkPhase::Open;
        (0..self.links.len()).filter(is_open).collect()
    }

    /// Tells the builder that a book is gone, now or as soon as the lane has room; `false` if it is
    /// still full.
    pub(super) fn flush_removal(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let book = &mut self.books[index];
        if book.removal_due {
            let header = MessageHeader::new(MessageKind::Block, book.id);
            if cx.lane.push_block(header, Block::RemoveBook(book.id)).is_err() {
                cx.counters.ring_full += 1;
                self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
                return false;
            }
            book.removal_due = false;
        }
        true
    }
}
