//! A session with both ends of its world in a test's hands, and a naive builder behind its lane.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::collections::BTreeMap;

use tickbook_ring::{Consumer, ring};
use tickbook_types::{
    Block, BookId, BookState, ConnId, Decimal, Epoch, LevelRecord, MessageFlags, MessageKind,
    MonoNanos, PaddedBuf, Reason, RecvStamps, Scale, Side, Ticks, Venue,
};
use tickbook_venues::{
    Action, Actions, Context, Lane, RequestId, RestError, RestPurpose, RestRequest, RestResponse,
    Session, SessionConfig, SessionCounters, Warning, parse_rest, session,
};

/// One side: price to size.
type Levels = BTreeMap<i64, u64>;

/// Price, size, aggressor, time, id.
pub type NaiveTrade = (i64, u64, Side, i64, u64);

/// Id, bid, ask.
pub type NaiveTicker = (u64, (i64, u64), (i64, u64));

/// A check of a live book.
pub type Oracle = Box<dyn FnMut(&NaiveBook)>;

/// A book as the messages of the lane describe it, and how often it was touched.
#[derive(Debug, Default)]
pub struct NaiveBook {
    pub name: String,
    pub scale: Scale,
    pub bids: Levels,
    pub asks: Levels,
    /// State after the last whole message.
    pub state: BookState,
    pub reason: Reason,
    /// Inside a splice: nothing may be shown.
    pub more: bool,
    pub seq: u64,
    /// Snapshots and deltas.
    pub applied: u64,
    pub crossed: u64,
    pub epoch: u32,
    /// Every (state, reason) in order, repetitions left out.
    pub history: Vec<(BookState, Reason)>,
    /// Ids of the deltas and snapshots applied.
    pub seqs: Vec<u64>,
    pub trades: Vec<NaiveTrade>,
    pub tickers: Vec<NaiveTicker>,
}

impl NaiveBook {
    fn apply(&mut self, record: LevelRecord) {
        let side = if record.side() == Side::Bid { &mut self.bids } else { &mut self.asks };
        match record.size().0 {
            0 => side.remove(&record.price().0),
            size => side.insert(record.price().0, size),
        };
    }

    fn rescale(&mut self, to: Scale) {
        let move_to = |value: i64, from: i8, to: i8| {
            let factor = 10_i64.pow(u32::from(from.abs_diff(to)));
            // Coarser: nothing ever becomes nothing.
            if from >= to { value * factor } else { ((value + factor / 2) / factor).max(1) }
        };
        let from = self.scale;
        let price = |price| move_to(price, from.price_exponent, to.price_exponent);
        let size = |size| move_to(size, from.size_exponent, to.size_exponent);
        for side in [&mut self.bids, &mut self.asks] {
            *side = side.iter().map(|(p, s)| (price(*p), size(*s as i64) as u64)).collect();
        }
        self.scale = to;
    }

    fn is_crossed(&self) -> bool {
        let (bid, ask) = (self.bids.keys().next_back(), self.asks.keys().next());
        matches!((bid, ask), (Some(bid), Some(ask)) if bid >= ask)
    }

    /// Best levels as plain decimals.
    pub fn top(&self, side: Side, count: usize) -> Vec<(String, String)> {
        let text = |(price, size): (&i64, &u64)| {
            let decimal =
                |value: i128, exponent: i8| Decimal::new(value, exponent.into()).to_string();
            let price = decimal((*price).into(), self.scale.price_exponent);
            (price, decimal((*size).into(), self.scale.size_exponent))
        };
        match side {
            Side::Bid => self.bids.iter().rev().take(count).map(text).collect(),
            Side::Ask => self.asks.iter().take(count).map(text).collect(),
        }
    }
}

/// A session, its lane, and what came of both.
pub struct Harness {
    pub session: Box<dyn Session>,
    pub venue: Venue,
    pub lane: Lane,
    pub consumer: Consumer<Block>,
    pub actions: Actions,
    pub counters: SessionCounters,
    pub now: MonoNanos,
    pub books: BTreeMap<u32, NaiveBook>,
    /// Whether messages go to the naive builder at once.
    pub drains: bool,
    /// A check of every live book after every message.
    pub oracle: Option<Oracle>,
    frame: PaddedBuf,
}

impl Harness {
    pub fn new(config: SessionConfig) -> Self {
        Self::with_slots(config, 1 << 15)
    }

    pub fn with_slots(config: SessionConfig, slots: usize) -> Self {
        let (lane, consumer) = ring(slots);
        let venue = config.venue;
        Self {
            session: session(config).unwrap(),
            venue,
            lane,
            consumer,
            actions: Actions::default(),
            counters: SessionCounters::default(),
            now: MonoNanos(1_000_000_000),
            books: BTreeMap::new(),
            drains: true,
            oracle: None,
            frame: PaddedBuf::default(),
        }
    }

    fn call(&mut self, call: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let mut cx = Context {
            now: self.now,
            shared_stamp: false,
            lane: &mut self.lane,
            actions: &mut self.actions,
            counters: &mut self.counters,
        };
        call(&mut *self.session, &mut cx);
        if self.drains {
            self.drain();
        }
    }

    pub fn start(&mut self) {
        self.call(|session, cx| session.start(cx));
    }

    pub fn connected(&mut self, conn: u32, epoch: u32) {
        self.call(|session, cx| session.on_connected(ConnId(conn), Epoch(epoch), cx));
    }

    pub fn disconnected(&mut self, conn: u32) {
        self.call(|session, cx| session.on_disconnected(ConnId(conn), cx));
    }

    pub fn frame(&mut self, conn: u32, text: impl AsRef<[u8]>) {
        let mut frame = core::mem::take(&mut self.frame);
        frame.set(text.as_ref());
        let stamps = RecvStamps { kernel: None, received: Ticks(7), poll_gap: 0 };
        self.call(|session, cx| session.on_message(ConnId(conn), frame.padded(), &stamps, cx));
        self.frame = frame;
    }

    pub fn resync(&mut self, book: u32, reason: Reason) {
        // About the present snapshot, whichever it is.
        self.call(|session, cx| session.on_resync(BookId(book), reason, u64::MAX, cx));
    }

    /// A REST body, to a request or unrequested.
    pub fn rest(&mut self, id: Option<RequestId>, url: &str, body: &[u8]) {
        let result = parse_rest(self.venue, url, body);
        self.answer(id, url, result);
    }

    pub fn rest_error(&mut self, id: RequestId, error: RestError) {
        self.answer(Some(id), "", Err(error));
    }

    fn answer(
        &mut self,
        id: Option<RequestId>,
        url: &str,
        result: Result<tickbook_venues::RestBody, RestError>,
    ) {
        let response = RestResponse { id, url_path: url.to_owned(), result };
        self.call(|session, cx| session.on_rest(response, cx));
    }

    /// Lets time pass, calling the session whenever it wants to be.
    pub fn pass(&mut self, millis: i64) {
        let end = self.now.plus(millis * 1_000_000);
        let mut calls = 0;
        while self.session.next_deadline() <= end {
            self.now = self.now.max(self.session.next_deadline());
            let before = self.now;
            self.call(|session, cx| session.on_timer(cx));
            calls += 1;
            assert!(calls < 100_000, "the timer makes no progress at {before:?}");
        }
        self.now = end;
    }

    /// Sets the time of a replay.
    pub fn at(&mut self, nanos: i64) {
        self.now = self.now.max(MonoNanos(nanos));
        if self.session.next_deadline() <= self.now {
            self.call(|session, cx| session.on_timer(cx));
        }
    }

    pub fn actions(&mut self) -> Vec<Action> {
        self.actions.drain().collect()
    }

    /// The requests among the actions since last asked; the others are dropped.
    pub fn fetches(&mut self) -> Vec<RestRequest> {
        let fetch = |action| match action {
            Action::Fetch(request) => Some(request),
            _ => None,
        };
        self.actions().into_iter().filter_map(fetch).collect()
    }

    /// The one snapshot request among the actions.
    pub fn snapshot_request(&mut self) -> RestRequest {
        let mut fetches = self.fetches();
        fetches.retain(|it| it.purpose == RestPurpose::Snapshot);
        assert_eq!(fetches.len(), 1, "{fetches:?}");
        fetches.remove(0)
    }

    pub fn warnings(&mut self) -> Vec<Warning> {
        let warning = |action| match action {
            Action::Warn(warning) => Some(warning),
            _ => None,
        };
        self.actions().into_iter().filter_map(warning).collect()
    }

    pub fn book(&self, name: &str) -> &NaiveBook {
        self.books.values().find(|book| book.name == name).unwrap()
    }

    pub fn state(&self, name: &str) -> (BookState, Reason) {
        let book = self.book(name);
        (book.state, book.reason)
    }

    /// Builds the books from what is in the lane.
    pub fn drain(&mut self) {
        while let Some(message) = self.consumer.pop() {
            let header = message.header;
            if let Some(Block::RemoveBook(book)) = &message.block {
                self.books.remove(&book.0);
                continue;
            }
            if let Some(Block::AddBook(spec)) = &message.block {
                let book = NaiveBook {
                    name: spec.name.clone(),
                    scale: spec.scale,
                    state: BookState::Syncing,
                    ..NaiveBook::default()
                };
                assert!(self.books.insert(header.book.0, book).is_none(), "added twice");
                continue;
            }
            let book = self.books.get_mut(&header.book.0).expect("a book is added first");
            let seq = header.flags.has(MessageFlags::HAS_SEQ).then_some(header.seq.0);
            let mut content = false;
            match header.kind {
                MessageKind::Block => {
                    let Some(Block::Snapshot(mut block)) = message.block else { panic!("block") };
                    assert_eq!(block.book, header.book);
                    assert_eq!(book.scale.finer(block.scale), book.scale, "rescaled before");
                    (book.bids, book.asks) = Default::default();
                    let scale = core::mem::replace(&mut book.scale, block.scale);
                    for record in block.levels.drain(..) {
                        book.apply(record);
                    }
                    book.rescale(scale);
                    content = true;
                }
                MessageKind::Delta | MessageKind::Snapshot => {
                    if header.flags.has(MessageFlags::FIRST) {
                        (book.bids, book.asks) = Default::default();
                    }
                    for record in message.levels {
                        book.apply(*record);
                    }
                    content = true;
                }
                MessageKind::Rescale => {
                    let (price, size) = message.levels[0].words();
                    book.rescale(Scale { price_exponent: price as i8, size_exponent: size as i8 });
                }
                MessageKind::Trade => {
                    let [level, words] = message.levels else { panic!("two records") };
                    let (time, id) = words.words();
                    book.trades.push((level.price().0, level.size().0, level.side(), time, id));
                }
                MessageKind::Ticker => {
                    let [bid, ask] = message.levels else { panic!("two records") };
                    let pair = |it: &LevelRecord| (it.price().0, it.size().0);
                    assert_eq!((bid.side(), ask.side()), (Side::Bid, Side::Ask));
                    book.tickers.push((header.seq.0, pair(bid), pair(ask)));
                }
                MessageKind::Status => {}
                other => panic!("unexpected {other:?}"),
            }
            if content {
                book.applied += 1;
                book.seq = seq.unwrap();
                book.seqs.push(book.seq);
                book.more = header.flags.has(MessageFlags::MORE);
                assert_eq!(book.more, header.state == BookState::Syncing, "within a splice");
            }
            book.epoch = header.epoch.0;
            if content || header.kind == MessageKind::Status {
                (book.state, book.reason) = (header.state, header.reason);
                if book.history.last() != Some(&(header.state, header.reason)) {
                    book.history.push((header.state, header.reason));
                }
            }
            if !book.more && content {
                book.crossed += u64::from(book.is_crossed());
            }
            if book.state == BookState::Live
                && let Some(oracle) = &mut self.oracle
            {
                oracle(book);
            }
        }
    }
}

/// A spot diff in a combined frame.
pub fn diff(symbol: &str, first: u64, last: u64, bids: &str, asks: &str) -> String {
    let head = format!(r#""e":"depthUpdate","E":1787612486435,"s":"{symbol}""#);
    in_stream(symbol, &format!(r#"{head},"U":{first},"u":{last},"b":[{bids}],"a":[{asks}]"#))
}

/// A futures diff in a combined frame.
pub fn futures_diff(symbol: &str, ids: (u64, u64, u64), bids: &str, asks: &str) -> String {
    let (first, last, prev) = ids;
    let times = r#""E":1787612486435,"T":1787612486430"#;
    let head = format!(r#""e":"depthUpdate",{times},"s":"{symbol}""#);
    let ids = format!(r#""U":{first},"u":{last},"pu":{prev}"#);
    in_stream(symbol, &format!(r#"{head},{ids},"b":[{bids}],"a":[{asks}]"#))
}

fn in_stream(symbol: &str, event: &str) -> String {
    let symbol = symbol.to_lowercase();
    format!(r#"{{"stream":"{symbol}@depth@100ms","data":{{{event}}}}}"#)
}

/// A snapshot body.
pub fn snapshot(id: u64, bids: &str, asks: &str) -> String {
    format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}"#)
}
