//! Options from the venue's frames to readers: top, depth, and a ticker with greeks, by the Rust
//! reader in this process and by C and C++ programs in others.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod compiled;
#[path = "../../tickbook/tests/writer/mod.rs"]
mod writer;

use std::path::{Path, PathBuf};
use std::process::Command;

use compiled::{Link, cpp_program, package, program};
use tickbook::{BookState, Depth, NotReadable, Tickbook};
use tickbook_capture::{Capture, Record};
use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_ring::{Consumer, ring};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{Block, ConnId, Epoch, MonoNanos, RecvStamps, Venue, clock};
use tickbook_venues::{Actions, Context, Lane, Mode, Session, SessionConfig, SessionCounters};
use writer::TestDir;

/// Long enough that a busy test host does not look like a dead writer.
const PATIENT_NS: i64 = 5_000_000_000;

const BOOKS_MAX: u32 = 64;

/// A venue's session and a desk, with nothing between them but the ring.
struct Engine {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
    desk: Desk,
    dir: TestDir,
    _segment: Segment,
}

impl Engine {
    /// One that has played a capture, and stays.
    fn played(capture: &Capture) -> Self {
        let dir = TestDir::new();
        let mut segment = Segment::create(&SegmentConfig {
            dir: dir.path().to_owned(),
            name: "test".to_owned(),
            books_max: BOOKS_MAX,
            heartbeat_ns: PATIENT_NS,
            ..SegmentConfig::default()
        })
        .unwrap();
        let writer = segment.take_builder(0).unwrap();
        let stats = segment.take_thread(0, "builder").unwrap();
        let config = DeskConfig { depth: 32, books_max: BOOKS_MAX as usize };
        let (lane, messages) = ring(1 << 14);
        let mode = Mode::Replay { discover: true };
        let mut engine = Self {
            session: tickbook_venues::session(SessionConfig::new(Venue::Deribit, Vec::new(), mode))
                .unwrap(),
            lane,
            messages,
            actions: Actions::default(),
            counters: SessionCounters::default(),
            desk: Desk::new(config, writer, stats),
            dir,
            _segment: segment,
        };
        engine.call(MonoNanos(0), |session, cx| session.start(cx));
        for record in capture.records() {
            let now = MonoNanos(record.ns().0);
            match record {
                Record::Open { .. } => {
                    engine.call(now, |session, cx| session.on_connected(CONN, Epoch(1), cx));
                }
                Record::Frame { text, .. } => {
                    let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
                    engine.call(now, |session, cx| session.on_message(CONN, text, &stamps, cx));
                }
                _ => {}
            }
        }
        engine
    }

    fn call(&mut self, now: MonoNanos, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        while let Some(mut message) = self.messages.pop() {
            let block = message.block.take();
            assert_eq!(self.desk.take(&message.header, message.levels, block), None);
        }
        self.desk.beat();
    }

    fn reader(&self) -> Tickbook {
        Tickbook::attach_in(self.dir.path(), Some("test")).unwrap()
    }

    fn run(&mut self, program: &Path, book: &str) -> String {
        self.desk.beat();
        let output = Command::new(program).arg(self.dir.path()).arg(book).output().unwrap();
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {failed}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

const CONN: ConnId = ConnId(0);

fn source() -> PathBuf {
    package().join("tests/c/option.c")
}

/// What the fixture ends with.
const SHOWN: &str = "\
bid 0.0795 x 3
ask 0.0945 x 5
depth 2 1
at 1700000000102000000
bid_price 0.0795 0.0795
mark_price 0.0842 0.0842
index_price 101.45 101.45
underlying_price 101.5 101.5
open_interest 3964 3964
funding_rate -
mark_iv 0.788 0.788
bid_iv 0.512 0.512
ask_iv -
delta 0.8621 0.8621
gamma 0.00133 0.00133
vega 0.46612 0.46612
theta -5.1 -5.1
rho 0.16201 0.16201
";

#[test]
fn an_option_is_read_whole_in_rust_c_and_cpp() {
    let capture = Capture::load(package().join("tests/fixtures/deribit_options.cap")).unwrap();
    let mut engine = Engine::played(&capture);
    assert_eq!(engine.counters.statistics, 2);
    let mut book = engine.reader().book("deribit:XY-27MAR27-90-C").unwrap();
    let top = book.top().unwrap();
    assert_eq!(top.header.price_decimal(top.bid.unwrap().price).to_string(), "0.0795");
    let mut depth = Depth::default();
    book.depth(&mut depth).unwrap();
    assert_eq!((depth.bids().len(), depth.asks().len()), (2, 1));
    let read = book.ticker().unwrap();
    let fields = read.ticker.fields().map(|(field, figure)| format!("{} {figure}", field.name()));
    let of_c = SHOWN.lines().skip(4).filter(|line| !line.ends_with('-'));
    let of_c: Vec<&str> = of_c.map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let fields: Vec<String> = fields.collect();
    assert!(of_c.iter().all(|line| fields.iter().any(|field| field == line)), "{fields:?}");
    // The program does not print the other sizes and prices.
    assert_eq!(fields.len(), of_c.len() + 4, "{fields:?}");
    assert!(read.age_ns(clock::mono_now()) < PATIENT_NS && read.received.0 > 0);

    for link in [Link::Static, Link::Shared] {
        let shown = engine.run(&program(&source(), "option", link), "deribit:XY-27MAR27-90-C");
        assert_eq!(shown, SHOWN, "{link:?}");
    }
    match cpp_program(&source(), "option") {
        Some(program) => assert_eq!(engine.run(&program, "deribit:XY-27MAR27-90-C"), SHOWN),
        None => println!("skipped: there is no C++ compiler"),
    }

    // The connection is lost: the book goes stale, and so does the ticker.
    engine.call(MonoNanos(i64::MAX / 2), |session, cx| session.on_disconnected(CONN, cx));
    let reason = tickbook::Reason::Disconnected;
    let why = NotReadable::NotLive { state: BookState::Stale, reason };
    assert_eq!(book.ticker(), Err(why));
    assert_eq!(
        book.ticker_any().unwrap(),
        (
            tickbook::TickerSnapshot { state: BookState::Stale, reason, publishes: 3, ..read },
            Some(why)
        )
    );
}

/// Real options: every ticker that was read is one that the capture ends with.
#[test]
fn recorded_options_have_their_greeks() {
    let Some(root) = std::env::var_os("TICKBOOK_CAPTURES") else { return };
    let c = program(&source(), "option-recorded", Link::Static);
    for file in ["10sym_20210405.cap.gz", "options_20210417.cap.gz"] {
        let capture = Capture::load(Path::new(&root).join("deribit").join(file)).unwrap();
        let mut engine = Engine::played(&capture);
        let tickbook = engine.reader();
        let mut greeks = 0;
        for info in tickbook.books() {
            let mut book = tickbook.book(&info.name).unwrap();
            let last = last_ticker(&capture, &info.name);
            let Ok(read) = book.ticker() else {
                assert!(last.is_none(), "{}: its ticker is missing", info.name);
                continue;
            };
            let last = last.unwrap();
            let ticker = &read.ticker;
            for (field, figure) in [
                ("mark_price", ticker.mark_price()),
                ("underlying_price", ticker.underlying_price()),
                ("open_interest", ticker.open_interest()),
            ] {
                assert_eq!(last[field].as_f64(), figure.map(|it| it.to_f64()), "{field}");
            }
            for (name, figure) in [
                ("delta", ticker.delta()),
                ("gamma", ticker.gamma()),
                ("vega", ticker.vega()),
                ("theta", ticker.theta()),
                ("rho", ticker.rho()),
            ] {
                assert_eq!(last["greeks"][name].as_f64(), figure.map(|it| it.to_f64()), "{name}");
                greeks += u32::from(figure.is_some());
            }
            let top = book.top().unwrap();
            if top.bid.is_some() && top.ask.is_some() {
                let shown = engine.run(&c, &info.name);
                let delta = format!("delta {} ", ticker.delta().unwrap());
                assert!(shown.contains(&delta), "{shown}");
            }
        }
        assert!(greeks >= 20, "{file}: {greeks}");
    }
}

/// The last ticker of an instrument once it has a book, as a general parser reads it.
fn last_ticker(capture: &Capture, name: &str) -> Option<serde_json::Value> {
    let (mut has_book, mut last) = (false, None);
    for record in capture.records() {
        let Record::Frame { text, .. } = record else { continue };
        let mut value: serde_json::Value = serde_json::from_slice(text.payload()).unwrap();
        let params = &mut value["params"];
        let channel = params["channel"].as_str().unwrap_or_default().to_owned();
        has_book |= channel.starts_with(&format!("book.{name}."));
        if has_book && channel.starts_with(&format!("ticker.{name}.")) {
            last = Some(params["data"].take());
        }
    }
    last
}
