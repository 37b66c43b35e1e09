//! The session of a Binance venue: what it holds, and the calls into it.

use tickbook_types::{
    Block, BookId, BookState, ConnId, Epoch, InstrumentStatus, LevelRecord, MessageHeader,
    MessageKind, MonoNanos, Padded, Reason, RecvStamps, Ticks,
};

use super::books::{Book, Channel, Phase};
use super::link::{Link, LinkPhase};
use super::rules::Rules;
use super::subscribe::{self, Line, Stream};
use crate::action::{Action, RestPurpose, Warning};
use crate::counters::Ignored;
use crate::fetch::{Fetch, Requests, Stage};
use crate::lane;
use crate::limits;
use crate::rest::{RestBody, RestError, RestResponse};
use crate::sampler::Sampler;
use crate::session::{ConfigError, Context, Mode, Session, SessionConfig, Subscription, Wished};
use crate::symbols::SymbolTable;

/// A session of one venue of the family.
#[derive(Debug)]
pub(crate) struct BinanceSession {
    pub(super) config: SessionConfig,
    pub(super) rules: Rules,
    pub(super) symbols: SymbolTable,
    pub(super) books: Vec<Book>,
    pub(super) lines: Vec<Line>,
    /// Per line the links that may serve it: `line`, and `line + lines` if ids suffice.
    pub(super) links: Vec<Link>,
    /// Per line the link whose books count.
    pub(super) active: Vec<usize>,
    pub(super) requests: Requests,
    /// The instrument list.
    metadata: Fetch,
    /// Whether books may be added: the list is there, or was given up.
    pub(super) ready: bool,
    /// Snapshot requests that wait for their answers, counted by [`Self::pump`].
    pub(super) fetches_under_way: usize,
    /// When the next thing is due.
    pub(super) wake: MonoNanos,
    pub(super) next_message: u64,
    pub(super) sampler: Sampler,
    /// Levels of messages that are only checked.
    pub(super) scratch: Vec<LevelRecord>,
    /// Whether somebody was told that symbols are left out.
    pub(super) told_too_many: bool,
}

impl BinanceSession {
    pub(crate) fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        subscribe::check(&config.subscriptions)?;
        let live = config.mode == Mode::Live;
        if live && config.subscriptions.is_empty() {
            return Err(ConfigError::NothingSubscribed);
        }
        let needed = u32::try_from(config.subscriptions.len()).unwrap_or(u32::MAX);
        if needed > config.books_max {
            return Err(ConfigError::TooManyBooks { needed, given: config.books_max });
        }
        let rules = Rules::of(config.venue);
        // A recording is one connection, whatever was on it.
        let lines = if live { subscribe::lines(&rules, &config.subscriptions) } else { Vec::new() };
        let lines = if lines.is_empty() {
            vec![Line { route: rules.book_route, streams: Vec::new() }]
        } else {
            lines
        };
        let needed = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        if needed > config.conns_max {
            return Err(ConfigError::TooManyConns { needed, given: config.conns_max });
        }
        let count = if live { config.conns_max.min(needed.saturating_mul(2)) } else { 1 };
        let links = (0..count).map(|index| {
            let line = (index % needed) as usize;
            Link::new(ConnId(config.first_conn.0 + index), line, rules.messages_per_second)
        });
        let mut session = Self {
            rules,
            symbols: SymbolTable::default(),
            books: Vec::new(),
            links: links.collect(),
            active: (0..lines.len()).collect(),
            lines,
            requests: Requests::new(rules.weight_per_minute, live),
            metadata: Fetch::default(),
            ready: false,
            fetches_under_way: 0,
            wake: MonoNanos::FAR,
            next_message: 0,
            sampler: Sampler::new(config.sample_every),
            scratch: Vec::new(),
            told_too_many: false,
            config,
        };
        for index in 0..session.config.subscriptions.len() {
            let subscription = session.config.subscriptions[index].clone();
            session.new_book(&subscription);
        }
        Ok(session)
    }

    pub(super) fn is_live_mode(&self) -> bool {
        self.config.mode == Mode::Live
    }

    /// Makes the book of a subscription, not yet known to the builder; its index.
    pub(super) fn new_book(&mut self, subscription: &Subscription) -> usize {
        let index = self.symbols.add(subscription.symbol.as_bytes());
        debug_assert_eq!(index, self.books.len());
        let book = self.make_book(subscription, index);
        self.books.push(book);
        index
    }

    /// The book of a subscription, as yet idle.
    pub(super) fn make_book(&self, subscription: &Subscription, index: usize) -> Book {
        let id = BookId(self.config.first_book.0 + u32::try_from(index).unwrap_or(u32::MAX));
        let channel = match (subscription.book, subscription.depth) {
            (false, _) => Channel::None,
            (true, None) => Channel::Diff,
            (true, Some(depth)) => Channel::Whole(depth),
        };
        let feeds = |line: &Line| {
            let feeds = |it: &Stream| it.subscription == index && it.is_book && !it.ended;
            line.streams.iter().any(feeds)
        };
        let line = self.lines.iter().position(feeds).unwrap_or(0);
        let link = self.active[line];
        let known = self.config.instruments.iter().find(|it| it.symbol == subscription.symbol);
        match known {
            Some(instrument) => Book::new(id, instrument.clone(), channel, link),
            None => Book::unlisted(id, self.config.venue, &subscription.symbol, channel, link),
        }
    }

    /// Index of the link with an id; in a replay there is but one.
    pub(super) fn link_of(&self, conn: ConnId) -> Option<usize> {
        if !self.is_live_mode() {
            return Some(0);
        }
        let index = conn.0.checked_sub(self.config.first_conn.0)? as usize;
        (index < self.links.len()).then_some(index)
    }

    /// Wakes the session no later than at `at`.
    pub(super) fn wake_at(&mut self, at: MonoNanos) {
        self.wake = self.wake.min(at);
    }

    /// Tells the builder about a book, once exponents are known; `false` if that must wait.
    pub(super) fn add_book(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        if !self.flush_removal(index, cx) {
            return false;
        }
        let book = &mut self.books[index];
        if book.added || !book.listed {
            return book.added;
        }
        let link = &self.links[book.link];
        let block = Block::AddBook(Box::new(book.spec(link.conn)));
        let header = MessageHeader {
            state: BookState::Syncing,
            epoch: link.epoch,
            ..MessageHeader::new(MessageKind::Block, book.id)
        };
        if cx.lane.push_block(header, block).is_err() {
            cx.counters.ring_full += 1;
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return false;
        }
        book.added = true;
        book.state = BookState::Syncing;
        true
    }

    /// Says the state of a book, now or as soon as the lane has room.
    pub(super) fn tell(
        &mut self,
        index: usize,
        state: BookState,
        reason: Reason,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        (book.state, book.reason, book.status_due) = (state, reason, true);
        self.flush_status(index, cx);
    }

    /// Says what is yet to be said about a book; `false` if the lane is still full.
    pub(super) fn flush_status(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let book = &mut self.books[index];
        if !book.status_due || !book.added {
            return true;
        }
        let link = &self.links[book.link];
        let feed = (link.conn, link.epoch);
        if !lane::status(cx.lane, book.id, feed, book.state, book.reason) {
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return false;
        }
        book.status_due = false;
        true
    }

    /// Does everything that is due, and finds out when it will be again.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>) {
        self.wake = MonoNanos::FAR;
        self.pump_metadata(cx);
        if self.ready {
            let asked = |book: &&Book| matches!(book.fetch.stage, Stage::Asked(..));
            self.fetches_under_way = self.books.iter().filter(asked).count();
            for index in 0..self.books.len() {
                self.pump_book(index, cx);
            }
        }
        if self.is_live_mode() {
            for link in 0..self.links.len() {
                self.pump_link(link, cx);
            }
            self.pump_rotation(cx);
        }
    }

    fn pump_metadata(&mut self, cx: &mut Context<'_>) {
        if self.ready {
            return;
        }
        if let Stage::Asked(_, deadline) = self.metadata.stage
            && deadline <= cx.now
        {
            self.metadata_failed(cx);
        }
        if let Stage::Wanted(at) = self.metadata.stage
            && at <= cx.now
        {
            let path = self.rules.instruments_path.to_owned();
            let weight = self.rules.instruments_weight;
            let purpose = RestPurpose::Instruments;
            self.metadata.stage = self.requests.ask(path, weight, purpose, at, cx);
        }
        self.wake_at(self.metadata.due());
    }

    fn metadata_failed(&mut self, cx: &mut Context<'_>) {
        self.metadata.fail(cx.now);
        if self.metadata.failures >= limits::INSTRUMENT_FAILURES_MAX {
            cx.actions.push(Action::Warn(Warning::NoInstruments));
            self.begin(cx);
        }
    }

    /// The instrument list came.
    fn on_instruments(&mut self, list: &[tickbook_types::Instrument], cx: &mut Context<'_>) {
        for book in &mut self.books {
            let listed = list.iter().find(|it| it.symbol == book.symbol());
            match listed {
                Some(instrument) if !book.added => {
                    book.set_instrument(instrument);
                    let dead = instrument.status != InstrumentStatus::Trading;
                    if dead && self.config.mode == Mode::Live {
                        let symbol = book.symbol().to_owned();
                        cx.actions.push(Action::Warn(Warning::NotTrading { symbol }));
                    }
                }
                Some(_) => {}
                None if self.config.mode == Mode::Live && !self.ready => {
                    book.listed = false;
                    let symbol = book.symbol().to_owned();
                    cx.actions.push(Action::Warn(Warning::UnknownSymbol { symbol }));
                }
                None => {}
            }
        }
        if self.config.instruments.is_empty() {
            self.config.instruments = list.to_vec();
        }
        // A replay comes upon the list in the middle; books that come later are served by it.
        for instrument in list.iter().filter(|_| self.ready) {
            if !self.config.instruments.iter().any(|it| it.symbol == instrument.symbol) {
                self.config.instruments.push(instrument.clone());
            }
        }
        if !self.ready {
            self.begin(cx);
        }
    }

    /// Metadata is as good as it gets: books are added, and streams subscribed.
    fn begin(&mut self, cx: &mut Context<'_>) {
        self.ready = true;
        self.metadata.settle();
        for index in 0..self.books.len() {
            // Without metadata the first numbers seen tell the exponents.
            if self.books[index].scale().is_some() || self.is_live_mode() {
                self.add_book(index, cx);
            }
            let open = self.links[self.books[index].link].phase == LinkPhase::Open;
            if open || !self.is_live_mode() {
                self.start_sync(index, cx.now);
            }
        }
        for link in 0..self.links.len() {
            if self.links[link].phase == LinkPhase::Open {
                self.subscribe_link(link);
            }
        }
        self.wake_at(cx.now);
    }

    /// A REST request failed: pauses, and the fetch is tried again.
    fn on_rest_error(&mut self, response: &RestResponse, error: RestError, cx: &mut Context<'_>) {
        self.requests.failed(error, cx);
        let Some(id) = response.id else { return };
        if self.metadata.is_answered_by(id) {
            self.metadata_failed(cx);
        } else if let Some(index) = self.books.iter().position(|it| it.fetch.is_answered_by(id)) {
            self.snapshot_failed(index, cx);
        }
    }
}

impl Session for BinanceSession {
    fn start(&mut self, cx: &mut Context<'_>) {
        for (index, line) in self.lines.iter().enumerate() {
            let link = &mut self.links[self.active[index]];
            link.phase = LinkPhase::Connecting;
            cx.actions.push(Action::Connect {
                conn: link.conn,
                endpoint: line.route.endpoint,
                path: line.route.path.to_owned(),
            });
        }
        let known = self.books.iter().all(|book| book.scale().is_some());
        if known || !self.is_live_mode() {
            self.begin(cx);
        } else {
            self.metadata.want(cx.now);
        }
        self.pump(cx);
    }

    fn on_connected(&mut self, conn: ConnId, epoch: Epoch, cx: &mut Context<'_>) {
        let Some(index) = self.link_of(conn) else { return };
        self.links[index].open(epoch, cx.now);
        if self.active[self.links[index].line] == index {
            for book in 0..self.books.len() {
                // In a replay the books may have begun before there was a connection.
                let begun = !self.is_live_mode() && self.books[book].phase != Phase::Idle;
                if self.books[book].link == index && self.ready && !begun {
                    self.start_sync(book, cx.now);
                }
            }
        }
        if self.is_live_mode() && self.ready {
            self.subscribe_link(index);
        }
        self.pump(cx);
    }

    fn on_message(
        &mut self,
        conn: ConnId,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        cx.counters.frames += 1;
        match self.link_of(conn) {
            Some(link) => self.take(link, message, stamps, cx),
            None => cx.counters.ignore(Ignored::SpareConnection),
        }
    }

    fn on_disconnected(&mut self, conn: ConnId, cx: &mut Context<'_>) {
        let Some(index) = self.link_of(conn) else { return };
        cx.counters.disconnects += 1;
        self.links[index].close();
        self.lost_link(index, cx);
        self.pump(cx);
    }

    fn on_pong_sent(&mut self, conn: ConnId, now: MonoNanos) {
        if let Some(index) = self.link_of(conn) {
            self.links[index].pong_sent(now);
        }
    }

    fn on_rest(&mut self, response: RestResponse, cx: &mut Context<'_>) {
        match response.result {
            Err(error) => self.on_rest_error(&response, error, cx),
            Ok(RestBody::Instruments(ref list)) => self.on_instruments(&list.instruments, cx),
            Ok(RestBody::Token(_)) => cx.counters.ignore(Ignored::RestUnrequested),
            Ok(RestBody::Snapshot(snapshot)) => self.on_snapshot(response.id, snapshot, cx),
            // Not of this venue.
            Ok(RestBody::Orders(_)) => cx.counters.ignore(Ignored::RestUnrequested),
        }
        self.pump(cx);
    }

    fn on_resync(&mut self, book: BookId, reason: Reason, snapshot: u64, cx: &mut Context<'_>) {
        let index = book.0.checked_sub(self.config.first_book.0).map(|index| index as usize);
        let Some(index) = index.filter(|index| *index < self.books.len()) else { return };
        let book = &self.books[index];
        if book.phase != Phase::Idle && snapshot >= book.snapshots {
            self.lose(index, reason, cx);
        }
        self.pump(cx);
    }

    fn on_wish(
        &mut self,
        wanted: &[Subscription],
        cx: &mut Context<'_>,
    ) -> Result<Wished, ConfigError> {
        self.wish(wanted, cx)
    }

    fn on_timer(&mut self, cx: &mut Context<'_>) {
        self.pump(cx);
    }

    fn next_deadline(&self) -> MonoNanos {
        self.wake
    }

    fn samples_next(&self) -> bool {
        self.sampler.is_next()
    }

    fn take_parsed(&mut self) -> Option<Ticks> {
        self.sampler.take_parsed()
    }
}
