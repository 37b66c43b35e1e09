//! One instrument on several venues: what is merged, and what is left out and why.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod writer;

use tickbook::{
    AttachError, BookId, BookState, ConnState, Consolidated, ConsolidatedBook, LeftOut, Level,
    MonoNanos, NotReadable, Price, Reason, Scale, SeqNo, Size, SizeUnit, SnapshotFlags, Venue,
    WallNanos,
};
use tickbook_shm::{BuilderWriter, ConnWriter, Segment, Snapshot};
use tickbook_types::{Decimal, Instrument, InstrumentKind, clock};
use writer::{TestDir, config, spec};

const HEARTBEAT_NS: i64 = 10_000_000;

struct Engine {
    dir: TestDir,
    _segment: Segment,
    builder: BuilderWriter,
    conns: Vec<ConnWriter>,
    now: MonoNanos,
}

impl Engine {
    /// Books of one name: spot of two venues, a coarser one of the first, contracts of a third
    /// whose worth is not known, and inverse contracts of a fourth.
    fn new() -> Self {
        let dir = TestDir::new();
        let mut config = config(dir.path(), HEARTBEAT_NS);
        config.books_max = 5;
        let mut segment = Segment::create(&config).unwrap();
        let mut builder = segment.take_builder(0).unwrap();
        let conns: Vec<_> = (0..2).map(|it| segment.take_conn(it).unwrap()).collect();
        let books = [
            (Venue::BybitV5, "orderbook.50", SizeUnit::Base, None, Some(50)),
            (Venue::BybitV5, "orderbook.200", SizeUnit::Base, None, Some(200)),
            (Venue::Deribit, "XYZ-PERPETUAL", SizeUnit::Quote, Some(10), None),
            (Venue::OkxV5, "XYZ-USD-SWAP", SizeUnit::Contract, None, None),
            (Venue::KrakenFutures, "PF_XYZUSD", SizeUnit::Base, Some(1), None),
        ];
        for (id, (venue, name, size_unit, worth, depth_max)) in (0..).zip(books) {
            // The last is on a connection of its own.
            let mut spec = spec(id, u32::from(id == 4), "XYZUSD");
            spec.name = name.to_owned();
            spec.depth_max = depth_max;
            spec.instrument = Instrument {
                venue,
                kind: InstrumentKind::Perpetual,
                size_unit,
                contract_multiplier: worth.map(|worth| Decimal::new(worth, 0)),
                ..spec.instrument
            };
            builder.add_book(&spec).unwrap();
        }
        let now = clock::mono_now();
        let mut engine = Self { dir, _segment: segment, builder, conns, now };
        engine.beat(HEARTBEAT_NS);
        engine.conns.iter_mut().for_each(|conn| conn.set_state(ConnState::Open));
        engine
    }

    /// Time passes; the builder and the connections are alive.
    fn beat(&mut self, nanos: i64) {
        self.now = self.now.plus(nanos);
        self.builder.beat(self.now);
    }

    fn publish(&mut self, book: u32, state: BookState, received: i64, price: i64, tick: i8) {
        let level = |price, size| Level { price: Price(price), size: Size(size) };
        let (bids, asks) = ([level(price, 5)], [level(price + 1, 7)]);
        self.builder.publish(
            BookId(book),
            &Snapshot {
                state,
                reason: if state == BookState::Live { Reason::None } else { Reason::Gap },
                epoch: tickbook::Epoch(0),
                flags: SnapshotFlags::NONE,
                seq: SeqNo(0),
                scale: Scale { price_exponent: tick, size_exponent: 0 },
                instrument_epoch: 0,
                bid_levels: 1,
                ask_levels: 1,
                venue_time: WallNanos(0),
                kernel_time: WallNanos(0),
                received_wall: WallNanos(received),
                published_wall: WallNanos(received),
                bids: &bids,
                asks: &asks,
                bids_changed: 0..1,
                asks_changed: 0..1,
            },
        );
    }

    fn open(&self, name: &str) -> Result<Consolidated, AttachError> {
        Consolidated::open_in(self.dir.path(), Some("test"), name)
    }
}

fn shown(book: &ConsolidatedBook) -> (Vec<String>, Vec<String>) {
    let side = |levels: &[tickbook::ConsolidatedLevel]| {
        let line = |it: &tickbook::ConsolidatedLevel| {
            format!("{} {} x {}", book.members()[it.member].name, it.price, it.size)
        };
        levels.iter().map(line).collect()
    };
    (side(book.bids()), side(book.asks()))
}

#[test]
fn live_books_are_merged_and_the_others_are_named() {
    let mut engine = Engine::new();
    engine.publish(0, BookState::Live, 900, 1_000, -1);
    engine.publish(1, BookState::Live, 1_000, 1_000, -1);
    engine.publish(2, BookState::Live, 1_700, 10_005, -2);
    engine.publish(3, BookState::Live, 1_000, 2_000, -1);
    engine.publish(4, BookState::Stale, 5_000, 3_000, -1);
    let mut consolidated = engine.open("xyz-usd-perp").unwrap();
    let mut book = ConsolidatedBook::default();
    consolidated.read_at(&mut book, 10, engine.now);
    let (bids, asks) = shown(&book);
    // 5 contracts of 10 USD at 100.05, and 7 at 100.06.
    assert_eq!(bids, ["XYZ-PERPETUAL 100.05 x 0.499750124937", "orderbook.200 100 x 5"]);
    assert_eq!(asks, ["XYZ-PERPETUAL 100.06 x 0.699580251848", "orderbook.200 100.1 x 7"]);
    assert_eq!(book.skew_ns(), Some(700));
    let why: Vec<_> = book.members().iter().map(|it| (it.venue.unwrap(), it.left_out)).collect();
    assert_eq!(
        why,
        [
            (Venue::BybitV5, None),
            (Venue::Deribit, None),
            (Venue::OkxV5, Some(LeftOut::SizeUnit(SizeUnit::Contract))),
            (
                Venue::KrakenFutures,
                Some(LeftOut::NotReadable(NotReadable::NotLive {
                    state: BookState::Stale,
                    reason: Reason::Gap,
                })),
            ),
        ]
    );
    consolidated.read_at(&mut book, 1, engine.now);
    assert_eq!((book.bids().len(), book.asks().len()), (1, 1));
    // The stale one comes back, and the deeper book of the first goes: its coarser one stands in.
    engine.publish(4, BookState::Live, 1_000, 3_000, -1);
    engine.publish(1, BookState::Stale, 1_000, 1_000, -1);
    consolidated.read_at(&mut book, 10, engine.now);
    let (bids, _) = shown(&book);
    assert_eq!(bids[0], "PF_XYZUSD 300 x 5");
    assert_eq!(bids[2], "orderbook.50 100 x 5");
}

#[test]
fn books_of_a_dead_engine_are_never_shown() {
    let mut engine = Engine::new();
    for book in 0..5 {
        engine.publish(book, BookState::Live, 1_000, 1_000, -1);
    }
    let mut consolidated = engine.open("XYZ-USD-PERP").unwrap();
    let mut book = ConsolidatedBook::default();
    consolidated.read_at(&mut book, 10, engine.now);
    assert_eq!(book.bids().len(), 3);
    consolidated.read_at(&mut book, 10, engine.now.plus(1_000 * HEARTBEAT_NS));
    assert_eq!((book.bids(), book.asks(), book.skew_ns()), (&[][..], &[][..], None));
    let left_out = |it: &tickbook::Member| {
        matches!(it.left_out, Some(LeftOut::NotReadable(NotReadable::WriterDead)))
    };
    assert!(book.members().iter().all(left_out), "{:?}", book.members());
}

#[test]
fn a_name_that_is_not_there_is_told_with_those_that_are() {
    let engine = Engine::new();
    let error = engine.open("ABC-USD").unwrap_err();
    assert!(matches!(&error, AttachError::NoBook { known, .. } if known == &["XYZ-USD-PERP"]));
    assert!(error.to_string().contains("XYZ-USD-PERP"), "{error}");
}
