//! Instrument lists: waited for before the first connection, but not for long.

use tickbook_types::{BookSpec, InstrumentKind, SizeUnit};

use super::*;
use crate::action::{RestPurpose, RestRequest, Warning};
use crate::rest::{RestBody, RestError, RestResponse, parse_rest};

/// A session that asks for its lists, and what it did so far.
struct Asking {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
    now: MonoNanos,
    venue: Venue,
    requests: Vec<RestRequest>,
    warnings: Vec<Warning>,
    connects: usize,
    specs: Vec<BookSpec>,
}

impl Asking {
    fn new(venue: Venue, symbols: &[&str], mode: Mode) -> Self {
        let subscriptions = symbols.iter().map(|symbol| Subscription::all(symbol)).collect();
        let mut config = SessionConfig::new(venue, subscriptions, mode);
        config.ask_lists = true;
        Self::with(config)
    }

    fn with(config: SessionConfig) -> Self {
        let venue = config.venue;
        let (lane, messages) = ring(1 << 10);
        let mut asking = Self {
            session: crate::session::session(config).unwrap(),
            lane,
            messages,
            actions: Actions::default(),
            counters: SessionCounters::default(),
            now: MonoNanos(1_000_000_000),
            venue,
            requests: Vec::new(),
            warnings: Vec::new(),
            connects: 0,
            specs: Vec::new(),
        };
        asking.call(|session, cx| session.start(cx));
        asking
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, now, .. } = self;
        f(&mut **session, &mut Context { now: *now, shared_stamp: false, lane, actions, counters });
        for action in self.actions.drain() {
            match action {
                Action::Fetch(request) => self.requests.push(request),
                Action::Warn(warning) => self.warnings.push(warning),
                Action::Connect { .. } => self.connects += 1,
                _ => {}
            }
        }
        while let Some(mut message) = self.messages.pop() {
            if let Some(Block::AddBook(spec)) = message.block.take() {
                self.specs.push(*spec);
            }
        }
    }

    fn answer(&mut self, result: Result<&str, RestError>) {
        let RestRequest { id, path, purpose, .. } = self.requests.remove(0);
        assert_eq!(purpose, RestPurpose::Instruments);
        let result = result.and_then(|body| parse_rest(self.venue, &path, body.as_bytes()));
        let response = RestResponse { id: Some(id), url_path: path, result };
        self.call(|session, cx| session.on_rest(response, cx));
    }

    /// Lets time pass until the session connects; how long that took.
    fn until_connected(&mut self) -> i64 {
        let start = self.now;
        while self.connects == 0 {
            self.now = self.session.next_deadline();
            self.call(|session, cx| session.on_timer(cx));
        }
        self.now.since(start)
    }
}

const LINEAR: &str = r#"{"result":{"list":[{"symbol":"BTCUSDT","status":"Trading","baseCoin":"BTC",
    "quoteCoin":"USDT","contractType":"LinearPerpetual","priceFilter":{"tickSize":"0.10"},
    "lotSizeFilter":{"qtyStep":"0.001"}},{"symbol":"OTHER"}]}}"#;
const SPOT: &str = r#"{"result":{"list":[{"symbol":"BTCUSDT","status":"Closed","baseCoin":"BTC",
    "quoteCoin":"USDT","priceFilter":{"tickSize":"0.01"},
    "lotSizeFilter":{"basePrecision":"0.00001"}}]}}"#;

#[test]
fn books_begin_with_what_the_lists_say() {
    let symbols = ["BTCUSDT", "spot:BTCUSDT"];
    let mut asking = Asking::new(Venue::BybitV5, &symbols, Mode::Live);
    assert_eq!((asking.requests.len(), asking.connects), (2, 0));
    assert!(asking.specs.is_empty(), "no book before its instrument");
    asking.answer(Ok(LINEAR));
    assert_eq!(asking.connects, 0, "a list is still awaited");
    asking.answer(Ok(SPOT));
    assert_eq!(asking.connects, 2);
    let names: Vec<_> = asking.specs.iter().map(|spec| spec.instrument.normalised()).collect();
    assert_eq!(names, ["BTC-USDT-PERP", "BTC-USDT"]);
    let scale = |price_exponent, size_exponent| Scale { price_exponent, size_exponent };
    assert_eq!(asking.specs[0].scale, scale(-1, -3));
    assert_eq!(asking.specs[1].scale, scale(-2, -5));
    assert_eq!(asking.warnings, [Warning::NotTrading { symbol: "BTCUSDT".to_owned() }]);
    assert_eq!(asking.counters.instruments_skipped, 1);
}

#[test]
fn lists_that_fail_or_do_not_come_keep_no_book_from_going_live() {
    let symbols = ["BTC-USD-SWAP", "BTC-USDT"];
    for error in [
        RestError::Transport,
        RestError::Malformed,
        RestError::Status { code: 404, retry_after_s: None },
        RestError::Status { code: 503, retry_after_s: None },
    ] {
        let mut asking = Asking::new(Venue::OkxV5, &symbols, Mode::Live);
        let mut asked = 0;
        while asking.connects == 0 {
            while !asking.requests.is_empty() {
                asking.answer(Err(error));
                asked += 1;
            }
            if asking.connects == 0 {
                asking.now = asking.session.next_deadline();
                asking.call(|session, cx| session.on_timer(cx));
            }
        }
        let once = matches!(error, RestError::Malformed | RestError::Status { code: 404, .. });
        assert_eq!(asked, if once { 2 } else { 6 }, "{error}");
        assert_eq!(asking.warnings, [Warning::NoInstruments]);
        // The symbol says what it is; what a contract is worth it does not say.
        let first = &asking.specs[0].instrument;
        assert_eq!((first.normalised().as_str(), first.tick_size), ("BTC-USD-PERP", None));
        assert_eq!(first.size_unit, SizeUnit::Contract);
    }
    let mut silent = Asking::new(Venue::BybitV5, &["BTCUSDT"], Mode::Live);
    assert_eq!(silent.until_connected(), crate::limits::LIST_WAIT_NS);
    assert_eq!(silent.warnings, [Warning::NoInstruments]);
    assert_eq!(silent.specs[0].instrument.normalised(), "BTCUSDT", "nothing is guessed");
    // A late answer changes no book that there is.
    silent.answer(Ok(LINEAR));
    assert_eq!((silent.connects, silent.specs.len()), (1, 1));
}

#[test]
fn a_symbol_that_a_list_does_not_name_is_told() {
    let mut asking = Asking::new(Venue::BybitV5, &["XXXUSDT"], Mode::Live);
    asking.answer(Ok(LINEAR));
    assert_eq!(asking.connects, 1);
    assert_eq!(asking.warnings, [Warning::NotListed { symbol: "XXXUSDT".to_owned() }]);
}

#[test]
fn what_is_known_or_has_no_list_is_not_asked_for() {
    let spot_only = Asking::new(Venue::Hyperliquid, &["BTC"], Mode::Live);
    assert_eq!((spot_only.requests.len(), spot_only.connects), (0, 1));
    let replay = Asking::new(Venue::BybitV5, &["BTCUSDT"], Mode::Replay { discover: true });
    assert_eq!((replay.requests.len(), replay.connects), (0, 1));
    let list = parse_rest(
        Venue::BybitV5,
        "/v5/market/instruments-info?category=linear",
        LINEAR.as_bytes(),
    );
    let Ok(RestBody::Instruments(list)) = list else { panic!("{list:?}") };
    let subscriptions = vec![Subscription::all("BTCUSDT")];
    let mut config = SessionConfig::new(Venue::BybitV5, subscriptions, Mode::Live);
    config.ask_lists = true;
    config.instruments = list.instruments;
    let known = Asking::with(config);
    assert_eq!((known.requests.len(), known.connects), (0, 1));
    assert_eq!(known.specs[0].instrument.kind, InstrumentKind::Perpetual);
}

#[test]
fn a_replay_learns_from_the_recorded_answers() {
    let words = fixtures::of(Venue::BybitV5);
    for (path, name) in [
        (Some("/v5/public/linear"), "BTC-USDT-PERP"),
        (Some("/v5/public/spot"), "BTC-USDT"),
        // One of two, and nobody knows which.
        (None, "BTCUSDT"),
    ] {
        let mode = Mode::Replay { discover: true };
        let mut config = SessionConfig::new(Venue::BybitV5, Vec::new(), mode);
        config.recorded_path = path.map(str::to_owned);
        let mut asking = Asking::with(config);
        for (url, body) in [("category=linear", LINEAR), ("category=spot", SPOT)] {
            let url_path = format!("/v5/market/instruments-info?{url}");
            let result = parse_rest(Venue::BybitV5, &url_path, body.as_bytes());
            let response = RestResponse { id: None, url_path, result };
            asking.call(|session, cx| session.on_rest(response, cx));
        }
        asking.call(|session, cx| session.on_connected(CONN, Epoch(1), cx));
        let text = words.snapshot.replace(words.symbol, "BTCUSDT");
        let text = PaddedBuf::new(text.as_bytes());
        let stamps = RecvStamps::default();
        asking.call(|session, cx| session.on_message(CONN, text.padded(), &stamps, cx));
        assert_eq!(asking.specs[0].instrument.normalised(), name);
    }
}
