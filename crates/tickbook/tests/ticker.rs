//! When a ticker can be used and when not, with every clock reading chosen by the test.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod writer;

use tickbook::{
    BookId, BookReader, BookState, ConnId, ConnState, Epoch, Figure, MonoNanos, NotReadable,
    Reason, Tickbook, Ticker, TickerField, TickerSnapshot, WallNanos,
};
use tickbook_shm::{BuilderWriter, ConnWriter, Segment};
use tickbook_types::clock;
use writer::{TestDir, config, spec};

const HEARTBEAT_NS: i64 = 10_000_000;
const SILENCE_NS: i64 = 100 * HEARTBEAT_NS;
const EMPTY: NotReadable = NotReadable::NotLive { state: BookState::Empty, reason: Reason::None };

/// One book on connection 0; its ticker comes on connection 1.
struct Engine {
    dir: TestDir,
    builder: BuilderWriter,
    conns: Vec<ConnWriter>,
    start: MonoNanos,
    _segment: Segment,
}

impl Engine {
    fn new() -> Self {
        let dir = TestDir::new();
        let mut segment = Segment::create(&config(dir.path(), HEARTBEAT_NS)).unwrap();
        let mut builder = segment.take_builder(0).unwrap();
        let mut conns: Vec<_> = (0..2).map(|it| segment.take_conn(it).unwrap()).collect();
        builder.add_book(&spec(0, 0, "BTCUSDT")).unwrap();
        let start = clock::mono_now().plus(HEARTBEAT_NS);
        for conn in &mut conns {
            conn.set_silence_limit_ns(SILENCE_NS);
            conn.set_epoch(Epoch(1));
            conn.set_state(ConnState::Open);
            conn.received(start);
        }
        builder.beat(start);
        Self { dir, builder, conns, start, _segment: segment }
    }

    fn reader(&self) -> BookReader {
        Tickbook::attach_in(self.dir.path(), Some("test")).unwrap().book("BTCUSDT").unwrap()
    }

    /// A ticker that says `fields`.
    fn says(&mut self, fields: &[(TickerField, i64)]) {
        self.builder.publish_ticker(BookId(0), &said(fields, self.start));
    }
}

fn said(fields: &[(TickerField, i64)], received: MonoNanos) -> TickerSnapshot {
    let mut ticker = Ticker::default();
    for (field, mantissa) in fields {
        ticker.set(*field, Some(Figure { mantissa: *mantissa, exponent: -2 }));
    }
    ticker.venue_time = WallNanos(7);
    let (state, conn, epoch) = (BookState::Live, ConnId(1), Epoch(1));
    TickerSnapshot { ticker, state, conn, epoch, received, ..TickerSnapshot::default() }
}

fn not_fresh(age_ns: i64) -> NotReadable {
    NotReadable::NotFresh { age_ns }
}

#[test]
fn what_is_said_is_read_and_what_is_not_is_absent() {
    let mut engine = Engine::new();
    let mut reader = engine.reader();
    assert_eq!(reader.ticker_at(engine.start), Err(EMPTY), "nothing yet is no zero");
    engine.says(&[(TickerField::MarkIv, 7_874), (TickerField::Delta, 0)]);
    let read = reader.ticker_at(engine.start).unwrap();
    assert_eq!(read.ticker.mark_iv().unwrap().to_string(), "78.74");
    assert_eq!(read.ticker.delta(), Some(Figure { mantissa: 0, exponent: -2 }));
    assert_eq!(read.ticker.fields().count(), 2);
    assert_eq!((read.ticker.venue_time, read.publishes), (WallNanos(7), 1));
    engine.says(&[(TickerField::Rho, 1)]);
    let read = reader.ticker_at(engine.start.plus(5)).unwrap();
    assert_eq!(
        (read.ticker.mark_iv(), read.publishes, read.age_ns(engine.start.plus(5))),
        (None, 2, 5)
    );
}

#[test]
fn a_ticker_is_judged_by_the_connection_it_came_on() {
    let mut engine = Engine::new();
    let mut reader = engine.reader();
    engine.says(&[(TickerField::MarkPrice, 1)]);
    // The book's own connection has no say, nor has the state of the book (which is empty).
    engine.conns[0].set_state(ConnState::Down);
    assert!(reader.ticker_at(engine.start).is_ok());
    let (just, late) = (engine.start.plus(SILENCE_NS - 1), engine.start.plus(SILENCE_NS));
    engine.builder.beat(just);
    assert!(reader.ticker_at(just).is_ok());
    assert_eq!(reader.ticker_at(late), Err(not_fresh(SILENCE_NS)));
    engine.conns[1].received(late);
    assert!(reader.ticker_at(late).is_ok());
    for state in [ConnState::Down, ConnState::Connecting] {
        engine.conns[1].set_state(state);
        assert_eq!(reader.ticker_at(late), Err(not_fresh(0)), "{state:?}");
        let (read, why) = reader.ticker_any_at(late).unwrap();
        assert!(read.ticker.mark_price().is_some() && why == Some(not_fresh(0)));
    }
    // Open again: what was said before the loss is not fresh until it is said again.
    engine.conns[1].set_epoch(Epoch(2));
    engine.conns[1].set_state(ConnState::Open);
    assert_eq!(reader.ticker_at(late), Err(not_fresh(SILENCE_NS)));
    let again = TickerSnapshot { epoch: Epoch(2), ..said(&[(TickerField::Vega, 1)], late) };
    engine.builder.publish_ticker(BookId(0), &again);
    assert!(reader.ticker_at(late).is_ok());
}

#[test]
fn a_dead_builder_and_a_gone_book_have_no_ticker() {
    let mut engine = Engine::new();
    let mut reader = engine.reader();
    engine.says(&[(TickerField::MarkPrice, 1)]);
    let late = engine.start.plus(2 * HEARTBEAT_NS);
    assert_eq!(reader.ticker_at(late), Err(NotReadable::WriterDead));
    engine.builder.beat(late);
    assert!(reader.ticker_at(late).is_ok());
    engine.builder.remove_book(BookId(0));
    assert_eq!(reader.ticker_at(late), Err(NotReadable::Closed));
    // The next book in its place begins without one.
    engine.builder.add_book(&spec(0, 0, "ETHUSDT")).unwrap();
    let tickbook = Tickbook::attach_in(engine.dir.path(), Some("test")).unwrap();
    assert_eq!(tickbook.book("ETHUSDT").unwrap().ticker_at(late), Err(EMPTY));
    assert_eq!(reader.ticker_at(late), Err(NotReadable::Closed));
}
