//! The session of every venue but Binance: what it holds, and the calls into it.

use tickbook_types::{
    Block, BookId, BookState, ConnId, Epoch, MessageHeader, MessageKind, MonoNanos, Padded, Reason,
    RecvStamps, Ticks, clock,
};

use super::binary::Inflater;
use super::book::{Book, Line, LinePhase, Phase, Splice};
use super::deal::deal;
use super::frame::Frame;
use super::lines::Race;
use super::listing::Lists;
use super::protocol::{Protocol, Recovery, Rules, SECOND, TIME_SECONDS, Topic, Verb};
use crate::action::{Action, RequestId, Warning};
use crate::counters::{Ignored, Rejected};
use crate::fetch::{Requests, Stage};
use crate::lane;
use crate::levels::LevelBuf;
use crate::limits;
use crate::rest::{RestBody, RestError, RestResponse};
use crate::sampler::Sampler;
use crate::session::{ConfigError, Context, Mode, Session, SessionConfig, Subscription, Wished};
use crate::symbols::SymbolTable;

/// A session of one venue.
#[derive(Debug)]
pub(crate) struct SharedSession {
    pub(super) config: SessionConfig,
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) rules: Rules,
    /// Books by name (behind the prefix of their route).
    pub(super) names: SymbolTable,
    pub(super) books: Vec<Book>,
    /// First book of each symbol: trades go with it, tickers with all of them.
    pub(super) symbols: SymbolTable,
    pub(super) book_of_symbol: Vec<usize>,
    pub(super) lines: Vec<Line>,
    /// The frame that messages are read into; out of here only while that happens.
    pub(super) frame: Option<Box<Frame>>,
    /// For compressed messages, once there was one.
    pub(super) inflater: Option<Box<Inflater>>,
    /// The same for messages that were kept.
    pub(super) kept_frame: Option<Box<Frame>>,
    /// Levels of a delta of which the book has some already.
    pub(super) fresh: LevelBuf,
    pub(super) requests: Requests,
    pub(super) sampler: Sampler,
    /// When the next thing is due.
    wake: MonoNanos,
    pub(super) next_id: u64,
    told_too_many: bool,
    pub(super) lists: Lists,
}

impl SharedSession {
    pub(crate) fn new(
        config: SessionConfig,
        mut protocol: Box<dyn Protocol>,
    ) -> Result<Self, ConfigError> {
        let live = config.mode == Mode::Live;
        if live && config.subscriptions.is_empty() {
            return Err(ConfigError::NothingSubscribed);
        }
        let needed = u32::try_from(config.subscriptions.len()).unwrap_or(u32::MAX);
        if needed > config.books_max {
            return Err(ConfigError::TooManyBooks { needed, given: config.books_max });
        }
        if live && let [_, ..] = protocol.key_fields() {
            let key = config.key.clone();
            let missing = |field: &&&str| key.as_ref().is_none_or(|it| it.field(field).is_none());
            if let Some(field) = protocol.key_fields().iter().find(missing) {
                return Err(ConfigError::KeyMissing { venue: config.venue, field });
            }
            key.into_iter().for_each(|key| protocol.take_key(key));
        }
        let rules = protocol.rules();
        if config.lines > 1 && !rules.same_on_all {
            let lines = config.lines;
            return Err(ConfigError::NoLines { venue: config.venue, lines });
        }
        let (routes, line_of) = deal(&config, &*protocol);
        let groups = routes.len() / config.lines.max(1) as usize;
        let needed = u32::try_from(routes.len()).unwrap_or(u32::MAX);
        if needed > config.conns_max {
            return Err(ConfigError::TooManyConns { needed, given: config.conns_max });
        }
        let lines = (0..).zip(routes).map(|(index, route)| {
            let conn = ConnId(config.first_conn.0 + index);
            let mut line = Line::new(conn, route, rules.messages_per_second);
            let index = index as usize;
            (line.group, line.copy) = (index % groups.max(1), index / groups.max(1));
            line
        });
        let mut session = Self {
            rules,
            names: SymbolTable::default(),
            books: Vec::new(),
            symbols: SymbolTable::default(),
            book_of_symbol: Vec::new(),
            lines: lines.collect(),
            frame: Some(Box::default()),
            inflater: None,
            kept_frame: Some(Box::default()),
            fresh: LevelBuf::default(),
            requests: Requests::new(rules.snapshots_per_minute, live),
            sampler: Sampler::new(config.sample_every),
            wake: MonoNanos::FAR,
            next_id: 0,
            told_too_many: false,
            lists: Lists::default(),
            protocol,
            config,
        };
        for (index, line) in line_of.into_iter().enumerate() {
            let topic = session.protocol.topic(&session.config.subscriptions[index])?;
            if !is_name(topic.name.as_bytes()) {
                return Err(ConfigError::BadSymbol(topic.symbol));
            }
            let prefix = session.lines[line].route.prefix;
            if session.names.find(format!("{prefix}{}", topic.name).as_bytes()).is_some() {
                return Err(ConfigError::DuplicateSymbol(topic.symbol));
            }
            session.new_book(topic, line);
        }
        Ok(session)
    }

    pub(super) fn is_live_mode(&self) -> bool {
        self.config.mode == Mode::Live
    }

    /// Makes a book, not yet known to the builder; its index.
    pub(super) fn new_book(&mut self, topic: Topic, line: usize) -> usize {
        let prefix = self.lines[line].route.prefix;
        let index = self.names.add(format!("{prefix}{}", topic.name).as_bytes());
        debug_assert_eq!(index, self.books.len());
        let symbol = format!("{prefix}{}", topic.symbol);
        match self.symbols.find(symbol.as_bytes()) {
            Some(place) => {
                let mut last = self.book_of_symbol[place];
                while let Some(next) = self.books[last].next_of_symbol {
                    last = next;
                }
                self.books[last].next_of_symbol = Some(index);
            }
            None => {
                self.symbols.add(symbol.as_bytes());
                self.book_of_symbol.push(index);
            }
        }
        let id = BookId(self.config.first_book.0 + u32::try_from(index).unwrap_or(u32::MAX));
        let instrument = self.instrument_of(&topic.symbol, line);
        let mut book = Book::new(id, topic, instrument, line);
        book.depth_max = self.protocol.depth_max(&book.topic);
        book.crosses = self.rules.crosses;
        book.recovery = self.protocol.recovery(&book.topic);
        book.race = (self.config.lines > 1).then(|| Box::new(Race::new()));
        let path = self.protocol.snapshot_path(&book.topic);
        book.splice = path.map(|path| Box::new(Splice::new(path)));
        self.books.push(book);
        index
    }

    /// In a replay that discovers: the book of a name seen for the first time.
    pub(super) fn discover(
        &mut self,
        name: &[u8],
        depth: Option<u32>,
        line: usize,
        cx: &mut Context<'_>,
    ) -> Option<usize> {
        if self.config.mode != (Mode::Replay { discover: true }) || !is_name(name) {
            return None;
        }
        let name = core::str::from_utf8(name).ok()?;
        if self.books.len() >= self.config.books_max as usize {
            if !core::mem::replace(&mut self.told_too_many, true) {
                let symbol = name.to_owned();
                cx.actions.push(Action::Warn(Warning::TooManyBooks { symbol }));
            }
            return None;
        }
        let symbol = self.protocol.symbol_of(name).to_owned();
        let topic = Topic { name: name.to_owned(), symbol, depth, trades: true, ticker: true };
        let index = self.new_book(topic, line);
        self.books[index].phase = Phase::Waiting;
        self.start_sync(index, cx);
        Some(index)
    }

    /// Wakes the session no later than at `at`.
    pub(super) fn wake_at(&mut self, at: MonoNanos) {
        self.wake = self.wake.min(at);
    }

    /// Tells the builder about a book; `false` if the lane is full.
    pub(super) fn add_book(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let book = &mut self.books[index];
        if book.added {
            return true;
        }
        if book.gone || !self.flush_removal(index, cx) {
            return false;
        }
        let book = &mut self.books[index];
        let line = &self.lines[book.line];
        let block = Block::AddBook(Box::new(book.spec(line.conn, line.route.prefix)));
        let header = MessageHeader {
            state: BookState::Syncing,
            epoch: line.epoch,
            ..MessageHeader::new(MessageKind::Block, book.id)
        };
        if cx.lane.push_block(header, block).is_err() {
            cx.counters.ring_full += 1;
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return false;
        }
        book.added = true;
        book.snapshots = 0;
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
        let line = &self.lines[book.line];
        let feed = (line.conn, line.epoch);
        if !lane::status(cx.lane, book.id, feed, book.state, book.reason) {
            self.wake_at(cx.now.plus(limits::LANE_RETRY_NS));
            return false;
        }
        book.status_due = false;
        true
    }

    /// A book is no longer known to be right: says so at once, and asks for a snapshot.
    pub(super) fn lose(&mut self, index: usize, reason: Reason, cx: &mut Context<'_>) {
        self.drop_kept(index, cx);
        let book = &mut self.books[index];
        if matches!(book.phase, Phase::Live | Phase::Splicing) {
            cx.counters.resyncs += 1;
            // One that is lost again soon after its snapshot is asked for ever more slowly.
            if cx.now.since(book.live_since) < limits::STABLE_NS && book.wanted.failures > 0 {
                book.wanted.fail(cx.now);
            } else {
                book.wanted.settle();
                book.wanted.failures = 1;
                book.wanted.want(cx.now);
            }
        }
        if book.phase != Phase::Idle {
            book.phase = Phase::Waiting;
        }
        if reason == Reason::Overflow {
            book.exponents.size_min = None;
        }
        self.tell(index, BookState::Stale, reason, cx);
        self.wake_at(cx.now);
    }

    /// A message of this book may have been lost, without an id that will show it.
    pub(super) fn lose_unread(&mut self, index: usize, reason: Reason, cx: &mut Context<'_>) {
        match self.books[index].phase {
            Phase::Idle => return,
            Phase::Waiting => {}
            Phase::Live | Phase::Splicing => self.lose(index, reason, cx),
        }
        self.distrust(index, cx);
    }

    /// [`Self::lose_unread`] for every book of a connection.
    pub(super) fn lose_line(&mut self, line: usize, reason: Reason, cx: &mut Context<'_>) {
        for index in 0..self.books.len() {
            if self.is_fed_by(index, line) && !self.is_carried_without(index, line, cx) {
                self.lose_unread(index, reason, cx);
            }
        }
    }

    /// Does everything that is due, and finds out when it will be again.
    fn pump(&mut self, cx: &mut Context<'_>) {
        self.wake = MonoNanos::FAR;
        self.pump_lists(cx);
        if self.lists.are_awaited() {
            return;
        }
        let asked = |book: &&Book| matches!(book.wanted.stage, Stage::Asked(..));
        let spliced = self.books.iter().filter(|book| book.splice.is_some());
        let mut under_way = spliced.filter(asked).count();
        for index in 0..self.books.len() {
            if self.books[index].gone {
                self.flush_removal(index, cx);
                continue;
            }
            if (self.is_live_mode() && !self.add_book(index, cx)) || !self.flush_status(index, cx) {
                continue;
            }
            self.pump_race(index, cx);
            if self.books[index].splice.is_some() {
                self.pump_sync(index, &mut under_way, cx);
            } else if self.is_live_mode() {
                self.pump_book(index, cx);
            }
        }
        if self.is_live_mode() {
            for line in 0..self.lines.len() {
                self.pump_token(line, cx);
                self.pump_line(line, cx);
            }
        }
    }

    /// Asks for a snapshot that is due, and gives up one that does not come.
    fn pump_book(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        if book.phase != Phase::Waiting {
            return;
        }
        match book.wanted.stage {
            Stage::Asked(_, deadline) if deadline <= cx.now => {
                let symbol = book.topic.symbol.clone();
                book.wanted.fail(cx.now);
                cx.actions.push(Action::Warn(Warning::NoData { symbol }));
            }
            Stage::Wanted(at) if at <= cx.now => {
                let deadline = cx.now.plus(limits::FIRST_DATA_DEADLINE_NS);
                book.wanted.stage = Stage::Asked(RequestId(0), deadline);
                cx.counters.snapshot_requests += 1;
                let (recovery, silent) = (book.recovery, book.wanted.failures > 1);
                if recovery == Recovery::Resubscribe || silent {
                    let line = self.books[index].line;
                    if !self.rules.replaces {
                        self.request(line, Verb::Unsubscribe, &[index]);
                    }
                    self.request(line, Verb::Subscribe, &[index]);
                }
            }
            _ => {}
        }
        let due = self.books[index].wanted.due();
        self.wake_at(due);
    }

    /// Sends what may be sent now.
    fn pump_line(&mut self, index: usize, cx: &mut Context<'_>) {
        let line = &mut self.lines[index];
        if line.phase != LinePhase::Open {
            return;
        }
        if self.rules.welcomes && !line.is_welcome {
            return;
        }
        if let Some((every, text)) = self.rules.keepalive
            && line.keepalive_at <= cx.now
        {
            line.keepalive_at = cx.now.plus(line.ping_every.unwrap_or(every));
            line.queue.push_front(text.to_owned());
        }
        while line.pacer.is_ready(cx.now) {
            let Some(mut text) = line.queue.pop_front() else { break };
            if text.contains(TIME_SECONDS) {
                let seconds = clock::wall_now().0.div_euclid(SECOND);
                text = text.replace(TIME_SECONDS, &seconds.to_string());
                text = self.protocol.sign(text, seconds);
            }
            line.pacer.sent(cx.now);
            cx.actions.push(Action::SendText { conn: line.conn, text });
        }
        let next = if line.queue.is_empty() { MonoNanos::FAR } else { line.pacer.ready_at() };
        let due = line.keepalive_at.min(next);
        self.wake_at(due);
    }

    /// Queues the messages for some books of a connection.
    pub(super) fn request(&mut self, line: usize, verb: Verb, books: &[usize]) {
        if self.rules.replaces {
            let all = (0..self.books.len()).filter(|index| self.is_fed_by(*index, line));
            let all: Vec<usize> = all.collect();
            return self.queue_requests(line, Verb::Subscribe, &all);
        }
        self.queue_requests(line, verb, books);
    }

    fn queue_requests(&mut self, line: usize, verb: Verb, books: &[usize]) {
        let mut texts = Vec::new();
        for chunk in books.chunks(self.rules.books_per_message.max(1)) {
            let topics: Vec<&Topic> = chunk.iter().map(|index| &self.books[*index].topic).collect();
            self.next_id += 1;
            self.protocol.request(verb, &topics, self.next_id, &mut texts);
        }
        self.lines[line].queue.extend(texts);
    }

    /// Opens every connection.
    pub(super) fn connect_all(&mut self, cx: &mut Context<'_>) {
        for line in 0..self.lines.len() {
            self.connect(line, cx);
        }
    }

    /// Index of the connection with an id; in a replay there may be but one.
    fn line_of(&self, conn: ConnId) -> Option<usize> {
        if !self.is_live_mode() && self.lines.len() == 1 {
            return Some(0);
        }
        let index = conn.0.checked_sub(self.config.first_conn.0)? as usize;
        (index < self.lines.len()).then_some(index)
    }
}

impl Session for SharedSession {
    fn start(&mut self, cx: &mut Context<'_>) {
        if !self.ask_lists(cx) {
            self.connect_all(cx);
        }
        self.pump(cx);
    }

    fn on_connected(&mut self, conn: ConnId, epoch: Epoch, cx: &mut Context<'_>) {
        let Some(index) = self.line_of(conn) else { return };
        let keepalive_at = self.first_keepalive(index, cx.now);
        self.lines[index].open(epoch, keepalive_at);
        self.protocol.opened(index);
        let of_line = |book: &usize| self.is_fed_by(*book, index);
        let books: Vec<usize> = (0..self.books.len()).filter(of_line).collect();
        let line = index;
        for index in &books {
            if self.joins(*index, line) {
                continue;
            }
            self.begin(*index, cx);
        }
        if self.is_live_mode() {
            let greeting = self.rules.greeting.iter().map(|text| (*text).to_owned());
            self.lines[index].queue.extend(greeting);
            self.request(index, Verb::Subscribe, &books);
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
        match self.line_of(conn) {
            Some(line) => self.take(line, message, stamps, cx),
            None => cx.counters.ignore(Ignored::SpareConnection),
        }
    }

    fn on_binary(
        &mut self,
        conn: ConnId,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        cx.counters.frames += 1;
        match self.line_of(conn) {
            Some(line) => self.take_binary(line, message, stamps, cx),
            None => cx.counters.ignore(Ignored::SpareConnection),
        }
    }

    fn on_disconnected(&mut self, conn: ConnId, cx: &mut Context<'_>) {
        let Some(index) = self.line_of(conn) else { return };
        cx.counters.disconnects += 1;
        self.lines[index].close();
        for book in 0..self.books.len() {
            let feeds = self.is_fed_by(book, index) && self.books[book].phase != Phase::Idle;
            if feeds && !self.hands_over(book, index, cx) {
                self.books[book].phase = Phase::Idle;
                self.books[book].wanted.settle();
                self.drop_kept(book, cx);
                self.tell(book, BookState::Stale, Reason::Disconnected, cx);
            }
        }
        self.connect(index, cx);
        self.pump(cx);
    }

    fn on_pong_sent(&mut self, conn: ConnId, now: MonoNanos) {
        if let Some(line) = self.line_of(conn) {
            self.lines[line].pacer.sent(now);
        }
    }

    fn on_rest(&mut self, response: RestResponse, cx: &mut Context<'_>) {
        match response.result {
            Err(error) if self.list_failed(response.id, error, cx) => cx.counters.rest_errors += 1,
            // A recording holds answers to whatever its recorder asked.
            Err(RestError::UnknownUrl) => cx.counters.ignore(Ignored::RestUnrequested),
            Err(error) => {
                self.requests.failed(error, cx);
                cx.counters.reject(Rejected::Rest);
                let is_asked = |book: &Book, id| book.wanted.is_answered_by(id);
                let id = response.id.filter(|_| self.is_live_mode());
                let asked = id.and_then(|id| self.books.iter().position(|it| is_asked(it, id)));
                if let Some(index) = asked {
                    self.snapshot_failed(index, cx);
                } else if let Some(line) = self.line_of_token(response.id) {
                    self.lines[line].token.fail(cx.now);
                }
            }
            Ok(RestBody::Instruments(list)) => self.list_came(response.id, list, cx),
            Ok(RestBody::Token(token)) => match self.line_of_token(response.id) {
                Some(line) => self.on_token(line, token, cx),
                None => cx.counters.ignore(Ignored::RestUnrequested),
            },
            Ok(RestBody::Snapshot(snapshot)) => self.on_snapshot(response.id, snapshot, cx),
            Ok(RestBody::Orders(orders)) => self.on_orders(response.id, &orders, cx),
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
        let wished = self.wish(wanted, cx)?;
        self.pump(cx);
        Ok(wished)
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

/// Whether some bytes can be the name of a book: printable, not too long, safe in a JSON string.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    let ok = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !bytes.is_empty() && bytes.len() <= limits::SYMBOL_BYTES_MAX && bytes.iter().all(ok)
}
