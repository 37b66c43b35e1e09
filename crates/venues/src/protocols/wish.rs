//! Books that come and go while the session runs.
//!
//! # Guarantees
//!
//! - A wish that cannot be met changes nothing.
//! - A book that is let go is closed for its readers before its channel is unsubscribed; what still
//!   comes of it is counted and dropped.
//! - Requests keep the venue's pace and its limits of books per message and connection.
//!
//! # Not guaranteed
//!
//! - That a book id is free again: a name keeps its id, for the case that it comes back.
//!
//! # Invariants
//!
//! - A book that is gone is idle and fed by no connection.

use tickbook_types::{Block, ConnId, InstrumentStatus, MessageHeader, MessageKind, MonoNanos};

use super::book::{Line, LinePhase, Phase};
use super::protocol::{Route, Topic, Verb};
use super::session::{SharedSession, is_name};
use crate::action::{RequestId, Warning};
use crate::fetch::Stage;
use crate::limits;
use crate::session::{ConfigError, Context, Subscription, Wished};

/// A book that is wanted, and where its connection goes.
#[derive(Debug)]
struct Wanted {
    /// Its name, behind the prefix of its route.
    name: String,
    topic: Topic,
    route: Route,
}

impl SharedSession {
    /// From now on just these books are wanted.
    pub(super) fn wish(
        &mut self,
        wanted: &[Subscription],
        cx: &mut Context<'_>,
    ) -> Result<Wished, ConfigError> {
        let wanted = self.wanted(wanted)?;
        let is_wanted = |name: &str| wanted.iter().any(|it| it.name == name);
        let leaving: Vec<usize> = (0..self.books.len())
            .filter(|index| !self.books[*index].gone && !is_wanted(&self.name_of(*index)))
            .collect();
        let is_here = |it: &Wanted| {
            let known = self.names.find(it.name.as_bytes());
            known.is_some_and(|index| !self.books[index].gone)
        };
        let (_, coming): (Vec<Wanted>, Vec<Wanted>) = wanted.into_iter().partition(is_here);
        let places = self.places(&leaving, &coming)?;
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let wished = Wished { added: count(coming.len()), removed: count(leaving.len()) };
        self.let_go(&leaving, cx);
        self.take_in(coming, &places, cx);
        Ok(wished)
    }

    /// What the subscriptions are to this venue.
    fn wanted(&self, subscriptions: &[Subscription]) -> Result<Vec<Wanted>, ConfigError> {
        if subscriptions.is_empty() {
            return Err(ConfigError::NothingSubscribed);
        }
        let mut wanted: Vec<Wanted> = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            let topic = self.protocol.topic(subscription)?;
            if !is_name(topic.name.as_bytes()) {
                return Err(ConfigError::BadSymbol(topic.symbol));
            }
            let route = self.protocol.route(subscription);
            let name = format!("{}{}", route.prefix, topic.name);
            if wanted.iter().any(|it| it.name == name) {
                return Err(ConfigError::DuplicateSymbol(topic.symbol));
            }
            wanted.push(Wanted { name, topic, route });
        }
        let is_new = |it: &&Wanted| self.names.find(it.name.as_bytes()).is_none();
        let needed = self.books.len() + wanted.iter().filter(is_new).count();
        let given = self.config.books_max;
        match u32::try_from(needed) {
            Ok(needed) if needed <= given => Ok(wanted),
            needed => Err(ConfigError::TooManyBooks { needed: needed.unwrap_or(u32::MAX), given }),
        }
    }

    /// The connection of each book that comes: one of those there are, or one behind them.
    fn places(&self, leaving: &[usize], coming: &[Wanted]) -> Result<Vec<usize>, ConfigError> {
        let mut lines: Vec<(Route, usize)> =
            self.lines.iter().filter(|line| line.copy == 0).map(|line| (line.route, 0)).collect();
        let stays = |index: &usize| !self.books[*index].gone && !leaving.contains(index);
        for index in (0..self.books.len()).filter(stays) {
            lines[self.lines[self.books[index].line].group].1 += 1;
        }
        let groups = lines.len();
        let mut places = Vec::with_capacity(coming.len());
        for Wanted { route, .. } in coming {
            let room =
                |(of, books): &(Route, usize)| of == route && *books < self.rules.books_per_conn;
            let place = lines.iter().position(room).unwrap_or_else(|| {
                lines.push((*route, 0));
                lines.len() - 1
            });
            lines[place].1 += 1;
            places.push(place);
        }
        let copies = self.config.lines.max(1) as usize;
        let (needed, given) = (lines.len() * copies, self.config.conns_max);
        // Copies of a line stand behind all first ones, so that no group can be added to them.
        let fits = lines.len() == groups || (copies == 1 && needed <= given as usize);
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        if fits { Ok(places) } else { Err(ConfigError::TooManyConns { needed, given }) }
    }

    /// Closes some books and unsubscribes them.
    fn let_go(&mut self, leaving: &[usize], cx: &mut Context<'_>) {
        for index in leaving {
            self.drop_kept(*index, cx);
            let book = &mut self.books[*index];
            book.phase = Phase::Idle;
            book.wanted.settle();
            book.gone = true;
            book.removal_due = book.added;
            (book.added, book.status_due) = (false, false);
            self.flush_removal(*index, cx);
        }
        self.ask(Verb::Unsubscribe, leaving);
    }

    /// Makes some books and subscribes them.
    fn take_in(&mut self, coming: Vec<Wanted>, places: &[usize], cx: &mut Context<'_>) {
        let mut books = Vec::with_capacity(coming.len());
        for (Wanted { name, topic, route }, place) in coming.into_iter().zip(places) {
            let line = *place;
            if line == self.lines.len() {
                let conn = ConnId(self.config.first_conn.0 + u32::try_from(line).unwrap_or(0));
                let mut new = Line::new(conn, route, self.rules.messages_per_second);
                new.group = line;
                self.lines.push(new);
                if !self.lists.are_awaited() {
                    self.connect(line, cx);
                }
            }
            let index = match self.names.find(name.as_bytes()) {
                Some(index) => {
                    self.revive(index, topic, line);
                    index
                }
                None => self.new_book(topic, line),
            };
            if self.config.ask_lists
                && self.books[index].instrument.status == InstrumentStatus::Unknown
            {
                let symbol = self.books[index].topic.symbol.clone();
                cx.actions.push(crate::Action::Warn(Warning::NotListed { symbol }));
            }
            if self.lines[line].phase == LinePhase::Open {
                self.begin(index, cx);
            }
            books.push(index);
        }
        self.ask(Verb::Subscribe, &books);
    }

    /// A book that was here before is wanted again.
    fn revive(&mut self, index: usize, topic: Topic, line: usize) {
        let instrument = self.instrument_of(&topic.symbol, line);
        let depth_max = self.protocol.depth_max(&topic);
        let book = &mut self.books[index];
        (book.gone, book.line, book.depth_max) = (false, line, depth_max);
        book.topic = topic;
        book.set_instrument(instrument);
    }

    /// The connection of a book is open: it waits for its first snapshot.
    pub(super) fn begin(&mut self, index: usize, cx: &Context<'_>) {
        let book = &mut self.books[index];
        book.phase = Phase::Waiting;
        book.overtaken = None;
        let deadline = cx.now.plus(limits::FIRST_DATA_DEADLINE_NS);
        book.wanted.stage = Stage::Asked(RequestId(0), deadline);
        self.start_sync(index, cx);
    }

    /// Queues the messages for some books on every open connection that has them.
    fn ask(&mut self, verb: Verb, books: &[usize]) {
        for line in 0..self.lines.len() {
            if self.lines[line].phase != LinePhase::Open {
                continue;
            }
            let group = self.lines[line].group;
            let of_group = |index: &usize| self.lines[self.books[*index].line].group == group;
            let books: Vec<usize> = books.iter().copied().filter(of_group).collect();
            if !books.is_empty() {
                self.request(line, verb, &books);
            }
        }
        self.wake_at(MonoNanos(0));
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

    fn name_of(&self, index: usize) -> String {
        let book = &self.books[index];
        format!("{}{}", self.lines[book.line].route.prefix, book.topic.name)
    }
}
