//! A session and a desk with both ends of their world in a test's hands, and a reader of the book
//! that they publish.

use std::collections::BTreeMap;

use tickbook::{BookReader, BookState, Depth, Reason, Tickbook};
use tickbook_engine::desk::{Desk, DeskConfig, ResyncRequest};
use tickbook_ring::{Consumer, ring};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{Block, ConnId, Decimal, Epoch, Instrument, MonoNanos, PaddedBuf, RecvStamps};
use tickbook_venues::{
    Action, Actions, Context, Key, Lane, Mode, RestPurpose, RestRequest, RestResponse, Session,
    SessionConfig, SessionCounters, Subscription, Warning, parse_rest, session,
};

use super::forms::Form;
use super::speaker::{Level, Speaker, Whole};
use super::util::ShmDir;

/// See the module.
pub struct Rig {
    pub venue: Speaker,
    pub counters: SessionCounters,
    /// What the session sent and nobody has looked at.
    pub sent: Vec<String>,
    pub warnings: Vec<Warning>,
    /// Snapshots that were asked for and not answered.
    requests: Vec<RestRequest>,
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    now: MonoNanos,
    epoch: u32,
    conn: ConnId,
    desk: Desk,
    attached: Tickbook,
    reader: Option<BookReader>,
    _segment: Segment,
    _dir: ShmDir,
}

const TOKEN: &str = r#"{"code":"200000","data":{"token":"t","instanceServers":[{"endpoint":
    "wss://a.example/","encrypt":true,"protocol":"websocket","pingInterval":18000,
    "pingTimeout":10000}]}}"#;

impl Rig {
    /// A session that has connected and subscribed one book, and has heard of nothing else.
    pub fn new(form: &'static Form, depth: Option<u32>, test: &str) -> Self {
        let dir = ShmDir::new(&format!("conformance-{}-{test}", form.label));
        let mut segment = Segment::create(&SegmentConfig {
            dir: dir.0.clone(),
            name: "conformance".to_owned(),
            books_max: 1,
            conns_max: 2,
            threads_max: 1,
            depth: 32,
            ..SegmentConfig::default()
        })
        .unwrap();
        let writer = segment.take_builder(0).unwrap();
        let stats = segment.take_thread(0, "builder").unwrap();
        let desk = Desk::new(DeskConfig { depth: 32, books_max: 1 }, writer, stats);
        let attached = Tickbook::attach_in(&dir.0, Some("conformance")).unwrap();
        let (trades, ticker, symbol) = (false, false, form.symbol.to_owned());
        let deep = depth.or(form.depth);
        let wanted = Subscription { symbol, book: true, depth: deep, trades, ticker };
        let mut config = SessionConfig::new(form.venue, vec![wanted], Mode::Live);
        config.key = Key::parse("token = t\nkey = k\nsecret = c2VjcmV0\npassphrase = p").ok();
        let mut instrument = Instrument::unlisted(form.venue, form.symbol);
        instrument.tick_size = Decimal::parse(b"0.01").ok();
        instrument.lot_size = Decimal::parse(b"0.01").ok();
        config.instruments = vec![instrument];
        let (lane, messages) = ring(1 << 14);
        let mut venue = Speaker::new(form);
        if let Some(depth) = depth {
            venue.depth = Some(depth as usize);
        }
        let mut rig = Self {
            venue,
            counters: SessionCounters::default(),
            sent: Vec::new(),
            warnings: Vec::new(),
            requests: Vec::new(),
            session: session(config).unwrap(),
            lane,
            messages,
            actions: Actions::default(),
            now: MonoNanos(1_000_000_000),
            epoch: 0,
            conn: ConnId(0),
            desk,
            attached,
            reader: None,
            _segment: segment,
            _dir: dir,
        };
        rig.call(|session, cx| session.start(cx));
        rig
    }

    /// A book that is live.
    pub fn live(form: &'static Form, test: &str) -> Self {
        let mut rig = Self::new(form, None, test);
        rig.begin(&[]);
        assert_eq!(rig.verdict(), "live", "{}: the first snapshot", form.venue);
        rig
    }

    /// The first snapshot: two bids, two asks, and `more`.
    pub fn begin(&mut self, more: &[Level]) {
        use super::speaker::{ask, bid};
        let levels = [bid(10_050, 200), bid(10_000, 100), ask(10_100, 300), ask(10_200, 150)];
        for (is_bid, price, size) in levels.iter().chain(more) {
            self.venue.book.insert((*is_bid, *price), *size);
        }
        self.heal();
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, now, .. } = self;
        f(&mut **session, &mut Context { now: *now, shared_stamp: false, lane, actions, counters });
        self.build();
        self.perform();
    }

    /// What is in the lane goes to the desk, and what that asks for back to the session.
    fn build(&mut self) {
        let mut wanted = Vec::new();
        while let Some(mut message) = self.messages.pop() {
            let block = message.block.take();
            wanted.extend(self.desk.take(&message.header, message.levels, block));
        }
        for request in wanted {
            let ResyncRequest { book, reason, snapshot } = request;
            self.call(|session, cx| session.on_resync(book, reason, snapshot, cx));
        }
    }

    fn perform(&mut self) {
        while let Some(action) = self.actions.pop() {
            match action {
                Action::Connect { conn, .. } => {
                    self.epoch += 1;
                    self.conn = conn;
                    let epoch = Epoch(self.epoch);
                    self.call(|session, cx| session.on_connected(conn, epoch, cx));
                    for text in self.venue.opening() {
                        self.say(&[text]);
                    }
                    self.wait(0);
                }
                Action::SendText { text, .. } => {
                    if let Some(ack) = self.venue.form.line("acked") {
                        let id = text.rsplit("\"id\":").next().unwrap().trim_end_matches('}');
                        let ack = ack.replace("$REQ", id);
                        self.say(&[ack]);
                    }
                    self.sent.push(text);
                }
                Action::Fetch(request) if request.purpose == RestPurpose::ConnectionToken => {
                    self.answer(&request, &request.path, TOKEN);
                }
                Action::Fetch(request) => self.requests.push(request),
                Action::Close { .. } => self.disconnect(),
                Action::Warn(warning) => self.warnings.push(warning),
                _ => {}
            }
        }
    }

    /// Messages of the venue.
    pub fn say(&mut self, texts: &[String]) {
        for text in texts {
            let text = PaddedBuf::new(text.as_bytes());
            let (conn, stamps) = (self.conn, RecvStamps::default());
            self.call(|session, cx| session.on_message(conn, text.padded(), &stamps, cx));
        }
    }

    pub fn say_binary(&mut self, bytes: &[u8]) {
        let text = PaddedBuf::new(bytes);
        let (conn, stamps) = (self.conn, RecvStamps::default());
        self.call(|session, cx| session.on_binary(conn, text.padded(), &stamps, cx));
    }

    /// Some levels change, and the venue says so.
    pub fn change(&mut self, levels: &[Level]) {
        let texts = self.venue.change(levels);
        self.say(&texts);
    }

    pub fn disconnect(&mut self) {
        let conn = self.conn;
        self.call(|session, cx| session.on_disconnected(conn, cx));
    }

    /// Time passes.
    pub fn wait(&mut self, nanos: i64) {
        let end = self.now.plus(nanos);
        loop {
            let due = self.session.next_deadline();
            self.now = self.now.max(due.min(end));
            self.call(|session, cx| session.on_timer(cx));
            if due > end || nanos == 0 {
                break;
            }
        }
        self.now = self.now.max(end);
    }

    fn answer(&mut self, request: &RestRequest, url: &str, body: &str) {
        let result = parse_rest(self.venue.form.venue, url, body.as_bytes());
        let response = RestResponse { id: Some(request.id), url_path: url.to_owned(), result };
        self.call(|session, cx| session.on_rest(response, cx));
    }

    /// The snapshot request that is under way, however long it takes.
    pub fn request(&mut self) -> RestRequest {
        for _ in 0..1_000 {
            if let Some(request) = self.requests.pop() {
                return request;
            }
            self.wait(100_000_000);
        }
        panic!("{}: no request", self.venue.form.venue);
    }

    /// The venue gives its book, as `venue` has it, for the request or on the stream.
    pub fn give(&mut self, request: Option<&RestRequest>, whole: Whole) {
        match (whole, request) {
            (Whole::Stream(texts), _) => self.say(&texts),
            (Whole::Rest { url, body }, Some(request)) => self.answer(request, &url, &body),
            (Whole::Rest { .. }, None) => panic!("{}: nobody asked", self.venue.form.venue),
        }
    }

    /// What the session needs is given, so that the book is live again.
    pub fn heal(&mut self) {
        let form = self.venue.form;
        // Where changes are numbered by the connection, one more may have to pass.
        for _ in 0..3 {
            // Until it has subscribed again.
            self.wait(5_000_000_000);
            if !form.is_spliced() {
                let whole = self.venue.whole();
                return self.give(None, whole);
            }
            // Some wait for a change that tells how far the stream is.
            self.requests.clear();
            let (is_bid, price, size) = super::speaker::bid(9_000, 100);
            let held = self.venue.book.get(&(is_bid, price)).copied().unwrap_or(0);
            self.change(&[(is_bid, price, size + held)]);
            let request = self.request();
            let whole = self.venue.whole();
            self.give(Some(&request), whole);
            if self.verdict() == "live" {
                return;
            }
        }
    }

    /// Whether `text` was told to an operator.
    pub fn was_told(&self, test: impl Fn(&Warning) -> bool) -> bool {
        self.warnings.iter().any(test)
    }

    /// `live`, `wrong` (live, but not the venue's book), or why the book is not live.
    pub fn verdict(&mut self) -> &'static str {
        let name = format!("{}:{}", self.venue.form.venue, self.venue.form.name);
        if self.reader.is_none() {
            self.reader = self.attached.book(&name).ok();
        }
        let Some(reader) = &mut self.reader else { return "absent" };
        let mut depth = Depth::default();
        reader.depth_any(&mut depth).unwrap();
        let header = *depth.header();
        match (header.state, header.reason) {
            (BookState::Live, Reason::None) => {}
            (BookState::Stale, reason) => return reason.name(),
            (state, _) => return state.name(),
        }
        let mut shown = BTreeMap::new();
        for (is_bid, levels) in [(true, depth.bids()), (false, depth.asks())] {
            for level in levels {
                let price = header.price_decimal(level.price).to_mantissa(-4).unwrap();
                let size = header.size_decimal(level.size).to_mantissa(-4).unwrap();
                shown.insert((is_bid, price), size.cast_unsigned());
            }
        }
        let counts = [header.bid_levels, header.ask_levels].map(|count| count as usize);
        let truth: BTreeMap<_, _> = [true, false]
            .into_iter()
            .flat_map(|is_bid| {
                self.venue.side(is_bid).take(32).map(move |(price, size)| ((is_bid, price), size))
            })
            .collect();
        let wanted = [true, false].map(|is_bid| self.venue.side(is_bid).count());
        if shown == truth && counts == wanted { "live" } else { "wrong" }
    }
}
