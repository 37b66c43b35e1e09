//! The shell, driven through the venues' own words.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

mod arrays;
mod aside;
mod checksums;
mod dialects;
mod fixtures;
mod lines;
mod sync;
mod usual;
mod wire;
mod wish;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickbook_ring::{Consumer, ring};
use tickbook_types::{
    Block, BookId, BookState, Checksum, ChecksumKind, ConnId, Decimal, Epoch, Instrument,
    LevelRecord, MessageFlags, MessageKind, MonoNanos, PaddedBuf, Reason, RecvStamps, Scale, Side,
    Ticker,
};

use self::fixtures::Words;
use super::*;
use crate::action::{Action, Actions, RequestId, RestPurpose};
use crate::counters::{Ignored, Rejected, SessionCounters};
use crate::rest::RestResponse;
use crate::session::{Context, Lane, Mode, Subscription};

/// A session with the far end of its lane, and the book that its messages make.
struct Rig {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    /// Actions that nobody has looked at yet.
    outbox: Vec<Action>,
    counters: SessionCounters,
    now: MonoNanos,
    venue: Venue,
    live: bool,
    book: BTreeMap<(bool, String), String>,
    names: Vec<String>,
    /// Books that were let go.
    removed: Vec<BookId>,
    scale: Scale,
    state: (BookState, Reason),
    seq: Option<u64>,
    /// How often a message left the book live.
    lives: usize,
    checksum: Option<Checksum>,
    /// `sell PRICE x SIZE #ID @MILLIS`.
    trades: Vec<String>,
    ticker: Ticker,
    /// Orders at each price, as far as they were told.
    orders: BTreeMap<(bool, String), String>,
}

const CONN: ConnId = ConnId(0);

impl Rig {
    fn new(venue: Venue, subscriptions: Vec<Subscription>, mode: Mode) -> Self {
        Self::with(venue, subscriptions, mode, Vec::new())
    }

    fn with(
        venue: Venue,
        subscriptions: Vec<Subscription>,
        mode: Mode,
        instruments: Vec<Instrument>,
    ) -> Self {
        let key = crate::Key::parse(fixtures::KEY).ok();
        let config = SessionConfig::new(venue, subscriptions, mode);
        Self::of(SessionConfig { instruments, key, ..config })
    }

    fn of(config: SessionConfig) -> Self {
        let (venue, mode) = (config.venue, config.mode);
        let (lane, messages) = ring(1 << 12);
        let mut rig = Self {
            session: crate::session::session(config).unwrap(),
            lane,
            messages,
            actions: Actions::default(),
            outbox: Vec::new(),
            venue,
            live: mode == Mode::Live,
            counters: SessionCounters::default(),
            now: MonoNanos(1_000_000_000),
            book: BTreeMap::new(),
            names: Vec::new(),
            removed: Vec::new(),
            scale: Scale::default(),
            state: Default::default(),
            seq: None,
            lives: 0,
            checksum: None,
            trades: Vec::new(),
            ticker: Ticker::default(),
            orders: BTreeMap::new(),
        };
        rig.call(|session, cx| session.start(cx));
        rig.open(Epoch(1), fixtures::of(venue));
        rig
    }

    fn live(words: &Words) -> Self {
        Self::new(words.venue, vec![words.subscription()], Mode::Live)
    }

    fn replay(venue: Venue) -> Self {
        Self::new(venue, Vec::new(), Mode::Replay { discover: true })
    }

    /// A new connection, and what the venue says on it first.
    fn open(&mut self, epoch: Epoch, words: &Words) {
        self.call(|session, cx| session.on_connected(CONN, epoch, cx));
        if !words.opening.is_empty() {
            self.say(words.opening);
            self.counters.frames -= 1;
            self.wait(0);
        }
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, now, .. } = self;
        f(&mut **session, &mut Context { now: *now, shared_stamp: false, lane, actions, counters });
        self.build();
    }

    /// A message, or several in a line each.
    fn say(&mut self, text: &str) {
        for line in text.lines() {
            let text = PaddedBuf::new(line.as_bytes());
            let stamps = RecvStamps::default();
            self.call(|session, cx| session.on_message(CONN, text.padded(), &stamps, cx));
        }
    }

    /// The venue's whole book, on the stream or as the answer to the session's request.
    fn snapshot(&mut self, words: &Words) {
        if words.rest.is_empty() {
            self.say(words.snapshot);
        } else {
            let id = if self.live { Some(self.await_request().0) } else { None };
            self.answer(id, words.rest, words.snapshot);
        }
    }

    fn answer(&mut self, id: Option<RequestId>, url: &str, body: &str) {
        let result = crate::parse_rest(self.venue, url, body.as_bytes());
        let response = RestResponse { id, url_path: url.to_owned(), result };
        self.call(|session, cx| session.on_rest(response, cx));
    }

    /// The next request of the session, with its path, however long that takes.
    fn await_request(&mut self) -> (RequestId, String) {
        for _ in 0..1_000 {
            if let Some(request) = self.requests(RestPurpose::Snapshot).pop() {
                return request;
            }
            self.wait(100_000_000);
        }
        panic!("{}: no request", self.venue);
    }

    /// What was asked of REST since the last look.
    fn requests(&mut self, purpose: RestPurpose) -> Vec<(RequestId, String)> {
        self.outbox.extend(self.actions.drain());
        let is_fetch =
            |action: &mut Action| matches!(action, Action::Fetch(it) if it.purpose == purpose);
        let fetches = self.outbox.extract_if(.., is_fetch).filter_map(|action| match action {
            Action::Fetch(request) => Some((request.id, request.path)),
            _ => None,
        });
        fetches.collect()
    }

    /// Gives the session the token that it asked for last.
    fn answer_token(&mut self) {
        let (id, path) = self.requests(RestPurpose::ConnectionToken).pop().unwrap();
        let body = r#"{"code":"200000","data":{"token":"t0k-en_=","instanceServers":
            [{"endpoint":"wss://a.example/","encrypt":true,"protocol":"websocket",
            "pingInterval":18000,"pingTimeout":10000},{"endpoint":"wss://b.example/x"}]}}"#;
        self.answer(Some(id), &path, body);
    }

    /// What the session asked for.
    fn drain(&mut self) -> impl Iterator<Item = Action> {
        self.outbox.extend(self.actions.drain());
        self.outbox.drain(..)
    }

    fn wait(&mut self, nanos: i64) {
        self.now = self.now.plus(nanos);
        self.call(|session, cx| session.on_timer(cx));
    }

    fn sent(&mut self) -> Vec<String> {
        self.outbox.extend(self.actions.drain());
        let is_text = |action: &mut Action| matches!(action, Action::SendText { .. });
        let sent = self.outbox.extract_if(.., is_text).filter_map(|action| match action {
            Action::SendText { text, .. } => Some(text),
            _ => None,
        });
        sent.collect()
    }

    /// A builder, as plain as can be.
    fn build(&mut self) {
        while let Some(mut message) = self.messages.pop() {
            let header = message.header;
            let has_seq = header.flags.has(MessageFlags::HAS_SEQ);
            match header.kind {
                MessageKind::Block => match message.block.take() {
                    Some(Block::AddBook(spec)) => {
                        self.scale = spec.scale;
                        self.names.push(spec.name);
                    }
                    Some(Block::Snapshot(block)) => {
                        self.book.clear();
                        apply(&mut self.book, block.scale, &block.levels);
                        self.checksum = block.checksum;
                        self.seq = block.seq.map(|seq| seq.0);
                        self.state = (header.state, header.reason);
                        self.lives += usize::from(header.state == BookState::Live);
                    }
                    Some(Block::RemoveBook(book)) => self.removed.push(book),
                    _ => {}
                },
                MessageKind::Rescale => {
                    let (price, size) = message.levels[0].words();
                    self.scale = Scale {
                        price_exponent: price as i8,
                        size_exponent: size.cast_signed() as i8,
                    };
                }
                MessageKind::Snapshot | MessageKind::Delta => {
                    if header.flags.has(MessageFlags::FIRST) {
                        self.book.clear();
                        self.seq = None;
                    }
                    let mut levels = message.levels;
                    if header.flags.has(MessageFlags::CHECKSUM) {
                        let (last, others) = levels.split_last().unwrap();
                        (self.checksum, levels) = (Checksum::from_record(*last), others);
                    }
                    apply(&mut self.book, self.scale, levels);
                    self.state = (header.state, header.reason);
                    self.lives += usize::from(header.state == BookState::Live);
                    self.seq = if has_seq { Some(header.seq.0) } else { self.seq };
                }
                MessageKind::Status => self.state = (header.state, header.reason),
                MessageKind::Statistics => {
                    if header.flags.has(MessageFlags::FIRST) {
                        self.ticker = Ticker::default();
                    }
                    assert!(message.levels.iter().all(|record| self.ticker.take(*record)));
                    self.ticker.venue_time = header.venue_time;
                }
                MessageKind::Orders => {
                    if header.flags.has(MessageFlags::FIRST) {
                        self.orders.clear();
                    }
                    let counts = Scale { size_exponent: 0, ..self.scale };
                    apply(&mut self.orders, counts, message.levels);
                }
                MessageKind::Trade => self.trades.push(trade(message.levels, self.scale)),
                _ => {}
            }
        }
    }

    fn shown(&self) -> Vec<String> {
        let level = |((is_ask, price), size): (&(bool, String), &String)| {
            format!("{} {price} x {size}", if *is_ask { "ask" } else { "bid" })
        };
        self.book.iter().map(level).collect()
    }
}

fn apply(book: &mut BTreeMap<(bool, String), String>, scale: Scale, levels: &[LevelRecord]) {
    let print = |mantissa: i128, exponent: i8| Decimal::new(mantissa, exponent.into()).to_string();
    for level in levels {
        let price = print(level.price().0.into(), scale.price_exponent);
        let key = (level.side() == Side::Ask, price);
        match level.size().0 {
            0 => drop(book.remove(&key)),
            size => drop(book.insert(key, print(size.into(), scale.size_exponent))),
        }
    }
}

fn trade(records: &[LevelRecord], scale: Scale) -> String {
    let (level, (time, id)) = (records[0], records[1].words());
    let side = if level.side() == Side::Bid { "buy" } else { "sell" };
    let price = Decimal::new(level.price().0.into(), scale.price_exponent.into());
    let size = Decimal::new(level.size().0.into(), scale.size_exponent.into());
    format!("{side} {price} x {size} #{id} @{}", time / 1_000_000)
}

const FINAL: [&str; 3] = ["bid 100.5 x 2", "ask 101 x 3", "ask 101.5 x 4"];
const LIVE: (BookState, Reason) = (BookState::Live, Reason::None);

#[test]
fn every_venue_goes_live_and_follows_its_changes() {
    for words in fixtures::ALL.iter() {
        for mut rig in [Rig::live(words), Rig::replay(words.venue)] {
            let at = words.venue;
            assert_ne!(rig.state, LIVE, "{at}");
            rig.snapshot(words);
            assert_eq!(rig.state, LIVE, "{at}");
            rig.say(words.delta);
            assert_eq!((rig.shown(), rig.state), (FINAL.map(String::from).to_vec(), LIVE), "{at}");
            rig.say(words.aside);
            assert_eq!(
                (rig.state, rig.names.as_slice()),
                (LIVE, &[words.name.to_owned()][..]),
                "{at}"
            );
            let is_streamed = words.rest.is_empty();
            let of_snapshot = if is_streamed { words.snapshot.lines().count() } else { 0 };
            let of_books = (of_snapshot + words.delta.lines().count()) as u64;
            assert_eq!(
                (rig.counters.book_messages, rig.counters.frames),
                (of_books, of_books + 1),
                "{at}"
            );
            let rejected: u64 = Rejected::ALL.iter().map(|it| rig.counters.rejected(*it)).sum();
            assert_eq!(rejected, 0, "{at}");
        }
    }
}

#[test]
fn every_venue_has_its_words_and_says_whether_a_loss_shows() {
    for venue in Venue::all() {
        let Some(rules) = rules(venue) else { continue };
        let words = fixtures::of(venue);
        // OKX has ids today, but its older recordings have none.
        let shows = rules.shows_loss || venue == Venue::OkxV5;
        assert_eq!(shows, !words.after_loss.is_empty(), "{venue}");
    }
}

#[test]
fn a_loss_is_said_at_once_and_healed_by_a_new_snapshot() {
    for words in fixtures::ALL.iter().filter(|words| !words.after_loss.is_empty()) {
        let mut rig = Rig::live(words);
        let at = words.venue;
        rig.snapshot(words);
        rig.say(words.delta);
        let seq = rig.seq;
        rig.sent();
        rig.say(words.after_loss);
        assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{at}");
        assert_eq!((rig.counters.gaps, rig.counters.resyncs), (1, 1), "{at}");
        assert_eq!((rig.shown(), rig.seq), (FINAL.map(String::from).to_vec(), seq), "{at}");
        // Nothing is stitched over the hole.
        rig.say(words.delta);
        assert_eq!(rig.state.0, BookState::Stale, "{at}");
        if !words.rest.is_empty() {
            rig.snapshot(words);
            assert_eq!(rig.state, LIVE, "{at}");
            continue;
        }
        for _ in 0..20 {
            rig.wait(300_000_000);
        }
        let sent = rig.sent();
        assert!(sent.len() >= 2, "{at}: no new subscription: {sent:?}");
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{at}");
    }
}

#[test]
fn a_book_that_an_unreadable_frame_names_is_stale_at_once() {
    for words in fixtures::ALL.iter().filter(|words| !words.after_loss.is_empty()) {
        let mut rig = Rig::live(words);
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
        rig.say(&words.delta[..words.delta.len() - 1]);
        assert_eq!(rig.state, (BookState::Stale, Reason::Gap), "{}", words.venue);
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
    }
}

#[test]
fn a_numbered_frame_without_its_events_is_a_loss() {
    let words = fixtures::of(Venue::CoinbaseAdvanced);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    rig.say(r#"{"channel":"l2_data","sequence_num":1}"#);
    rig.say(words.aside);
    assert_eq!(rig.state, (BookState::Stale, Reason::Gap));
}

#[test]
fn without_a_snapshot_nothing_is_live() {
    // A book of orders that has no snapshot begins with the first message.
    let begins_empty = |words: &&Words| words.venue == Venue::BitstampL3;
    let shows_loss = |words: &&Words| !words.after_loss.is_empty();
    for words in fixtures::ALL.iter().filter(|it| shows_loss(it) && !begins_empty(it)) {
        let mut rig = Rig::replay(words.venue);
        rig.say(words.delta);
        assert!(rig.names.is_empty() && rig.state.0 != BookState::Live, "{}", words.venue);
    }
}

#[test]
fn a_disconnect_makes_stale_and_the_next_connection_subscribes_again() {
    for words in fixtures::ALL.iter() {
        let mut rig = Rig::live(words);
        let first = rig.sent();
        assert!(first.iter().any(|text| text.contains(words.symbol)), "{}", words.venue);
        rig.snapshot(words);
        rig.call(|session, cx| session.on_disconnected(CONN, cx));
        assert_eq!(rig.state, (BookState::Stale, Reason::Disconnected), "{}", words.venue);
        if rules(words.venue).unwrap().token_path.is_some() {
            rig.answer_token();
        }
        assert!(rig.drain().any(|action| matches!(action, Action::Connect { .. })));
        rig.open(Epoch(2), words);
        assert_eq!(rig.state.0, BookState::Stale, "{}", words.venue);
        assert_eq!(rig.sent().len(), first.len(), "{}", words.venue);
        rig.snapshot(words);
        assert_eq!(rig.state, LIVE, "{}", words.venue);
    }
}

#[test]
fn a_silent_subscription_is_tried_again_and_told() {
    for words in fixtures::ALL.iter().filter(|words| words.rest.is_empty()) {
        let mut rig = Rig::live(words);
        rig.drain().for_each(drop);
        rig.now = rig.now.plus(crate::limits::FIRST_DATA_DEADLINE_NS);
        let mut told = false;
        for _ in 0..8 {
            rig.call(|session, cx| session.on_timer(cx));
            told |= rig.drain().any(|it| matches!(it, Action::Warn(_)));
            rig.now = rig.now.plus(1_000_000_000);
        }
        assert!(told, "{}", words.venue);
        assert_eq!(rig.counters.snapshot_requests, 1, "{}", words.venue);
    }
}

#[test]
fn what_the_venue_wants_answered_is_answered() {
    for (venue, answer) in [
        (Venue::Deribit, "public/test"),
        (Venue::CryptoCom, r#""id":17"#),
        (Venue::AscendEx, "pong"),
        (Venue::Huobi, r#"{"pong":1700000000200}"#),
    ] {
        let words = fixtures::of(venue);
        let mut rig = Rig::live(words);
        rig.sent();
        rig.say(words.aside);
        assert!(rig.sent().iter().any(|text| text.contains(answer)), "{venue}");
    }
}

#[test]
fn keepalives_are_sent_and_nothing_exceeds_the_pace() {
    for words in fixtures::ALL.iter() {
        let rules = rules(words.venue).unwrap();
        let symbol = |n| format!("{}{n}", words.symbol);
        let many = (0..30).map(|n| Subscription { symbol: symbol(n), ..words.subscription() });
        let many = many.collect();
        let mut rig = Rig::new(words.venue, many, Mode::Live);
        let mut sent = Vec::new();
        for _ in 0..800 {
            sent.extend(rig.sent().into_iter().map(|text| (rig.now, text)));
            rig.now = rig.now.plus(50_000_000);
            rig.call(|session, cx| session.on_timer(cx));
        }
        for (index, (at, _)) in sent.iter().enumerate() {
            let within = sent[..=index].iter().filter(|(then, _)| at.since(*then) < 1_000_000_000);
            assert!(within.count() <= rules.messages_per_second as usize, "{}", words.venue);
        }
        if let Some((every, text)) = rules.keepalive.filter(|(every, _)| *every < 40_000_000_000) {
            let (start, end) = text.split_once(protocol::TIME_SECONDS).unwrap_or((text, ""));
            let is_keepalive = |sent: &str| sent.starts_with(start) && sent.ends_with(end);
            let count = sent.iter().filter(|(_, sent)| is_keepalive(sent)).count();
            assert_eq!(count as i64, 39_950_000_000 / every, "{}", words.venue);
        }
    }
}

#[test]
fn a_venue_that_wants_a_key_is_refused_without_one_and_told_which() {
    let of = |key: Option<&str>| {
        let books = vec![Subscription::all("XY/USD")];
        let mut config = SessionConfig::new(Venue::KrakenL3, books, Mode::Live);
        config.key = key.map(|text| crate::Key::parse(text).unwrap());
        crate::session::session(config).map(drop)
    };
    assert_eq!(of(Some("token = abc")), Ok(()));
    for key in [None, Some("secret = abc")] {
        let error = of(key).unwrap_err();
        assert_eq!(error, ConfigError::KeyMissing { venue: Venue::KrakenL3, field: "token" });
        let text = error.to_string();
        assert!(text.contains("token") && !text.contains("abc"), "{text}");
    }
    let mut rig = Rig::live(fixtures::of(Venue::KrakenL3));
    assert!(rig.sent().iter().any(|text| text.contains(r#""token":"key-of-the-test""#)));
}

#[test]
fn orders_that_miss_their_checksum_lose_the_book() {
    let words = fixtures::of(Venue::KrakenL3);
    let mut rig = Rig::live(words);
    rig.snapshot(words);
    rig.say(&words.delta.replace("4.00000000", "4.00000001"));
    assert_eq!(rig.state, (BookState::Stale, Reason::Checksum));
    rig.snapshot(words);
    assert_eq!(rig.state, LIVE);
}

#[test]
fn a_large_snapshot_goes_beside_the_ring() {
    let words = fixtures::of(Venue::CoinbaseExchange);
    let mut rig = Rig::replay(words.venue);
    let rows: Vec<String> = (1..=20_000).map(|n| format!(r#"["{n}.25","1"]"#)).collect();
    let rows = rows.join(",");
    rig.say(&format!(r#"{{"type":"snapshot","product_id":"XY-USD","asks":[],"bids":[{rows}]}}"#));
    assert_eq!((rig.state, rig.book.len()), (LIVE, 20_000));
    assert_eq!(rig.counters.ring_full, 0);
}

#[test]
fn categories_of_one_symbol_are_two_books_on_two_connections() {
    let both = ["spot:XYUSDT", "XYUSDT"].map(Subscription::all).to_vec();
    let rig = Rig::new(Venue::BybitV5, both, Mode::Live);
    assert_eq!(rig.names, ["spot:orderbook.200.XYUSDT", "orderbook.200.XYUSDT"]);
    let paths: Vec<String> = { rig }
        .actions
        .drain()
        .filter_map(|action| match action {
            Action::Connect { path, .. } => Some(path),
            _ => None,
        })
        .collect();
    assert_eq!(paths, ["/v5/public/spot", "/v5/public/linear"]);
}

proptest! {
    #[test]
    fn damage_never_panics(
        which in 0..fixtures::ALL.len(),
        delta in any::<bool>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let words = &fixtures::ALL[which];
        let mut rig = Rig::replay(words.venue);
        rig.snapshot(words);
        let text = if delta { words.delta } else { words.snapshot };
        let text = text.lines().last().unwrap();
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let text = PaddedBuf::new(&bytes);
        let stamps = RecvStamps::default();
        rig.call(|session, cx| session.on_message(CONN, text.padded(), &stamps, cx));
        if cut && words.after_loss.is_empty() {
            prop_assert_eq!(rig.state, (BookState::Stale, Reason::Gap));
        }
    }
}

mod coinbase_full;
mod counts;
mod lists;
mod readme;
mod shortcuts;
