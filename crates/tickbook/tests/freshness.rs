//! When a book can be used and when not, with every clock reading chosen by the test.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod writer;

use tickbook::{
    AttachError, BookId, BookReader, BookState, ConnId, ConnState, Depth, EventKind, EventRead,
    MonoNanos, NotReadable, Quotes, Reason, Tickbook,
};
use tickbook_shm::{BuilderWriter, ConnWriter, Segment, Snapshot, TradeEvent};
use tickbook_types::{Price, Scale, Side, Size, WallNanos, clock};
use writer::{TestDir, config, spec};

const HEARTBEAT_NS: i64 = 10_000_000;
const SILENCE_NS: i64 = 100 * HEARTBEAT_NS;

/// Two builders; books 0 and 1 of builder 0 on connections 0 and 1, book 2 of builder 1 on
/// connection 0.
struct Engine {
    dir: TestDir,
    segment: Segment,
    builders: Vec<BuilderWriter>,
    conns: Vec<ConnWriter>,
    start: MonoNanos,
}

const LIVE: Snapshot<'static> = Snapshot {
    state: BookState::Live,
    reason: Reason::None,
    epoch: tickbook::Epoch(0),
    flags: tickbook::SnapshotFlags::NONE,
    seq: tickbook::SeqNo(0),
    scale: Scale { price_exponent: 0, size_exponent: 0 },
    instrument_epoch: 0,
    bid_levels: 0,
    ask_levels: 0,
    venue_time: WallNanos(0),
    kernel_time: WallNanos(0),
    received_wall: WallNanos(0),
    published_wall: WallNanos(0),
    bids: &[],
    asks: &[],
    bids_changed: 0..0,
    asks_changed: 0..0,
};

impl Engine {
    fn new() -> Self {
        let dir = TestDir::new();
        let mut segment = Segment::create(&config(dir.path(), HEARTBEAT_NS)).unwrap();
        let mut builders: Vec<_> = (0..2).map(|it| segment.take_builder(it).unwrap()).collect();
        let conns = (0..2).map(|it| segment.take_conn(it).unwrap()).collect();
        builders[0].add_book(&spec(0, 0, "BTCUSDT")).unwrap();
        builders[0].add_book(&spec(1, 1, "ETHUSDT")).unwrap();
        builders[1].add_book(&spec(2, 0, "SOLUSDT")).unwrap();
        for (builder, book) in [(0, 0), (0, 1), (1, 2)] {
            builders[builder].publish(BookId(book), &LIVE);
        }
        // Some time after the first beats, which the segment took itself.
        let start = clock::mono_now().plus(HEARTBEAT_NS);
        let mut engine = Self { dir, segment, builders, conns, start };
        for conn in &mut engine.conns {
            conn.set_silence_limit_ns(SILENCE_NS);
            conn.set_state(ConnState::Open);
            conn.received(start);
        }
        engine.beat(0, start);
        engine.beat(1, start);
        engine
    }

    fn beat(&mut self, builder: usize, now: MonoNanos) {
        self.builders[builder].beat(now);
    }

    fn attach(&self) -> Tickbook {
        Tickbook::attach_in(self.dir.path(), Some("test")).unwrap()
    }

    fn reader(&self, name: &str) -> BookReader {
        self.attach().book(name).unwrap()
    }
}

/// Readers may be made in one thread and used in another; the handle may be shared.
const _: () = {
    const fn movable<T: Send>() {}
    const fn shared<T: Sync>() {}
    movable::<BookReader>();
    movable::<tickbook::EventReader>();
    movable::<Tickbook>();
    shared::<Tickbook>();
};

fn not_fresh(age_ns: i64) -> Result<(), NotReadable> {
    Err(NotReadable::NotFresh { age_ns })
}

/// Reads the top; what the quotes say by themselves is the same, book or error.
fn top_at(reader: &mut BookReader, now: MonoNanos) -> Result<(), NotReadable> {
    // Which of the two comes first differs: the first one may have to judge for both.
    let (quotes, top) = if reader.top_changed_at(now) {
        let quotes = reader.quotes_at(now);
        (quotes, reader.top_at(now))
    } else {
        let top = reader.top_at(now);
        (reader.quotes_at(now), top)
    };
    assert_eq!(quotes, top.as_ref().map(Quotes::from).map_err(|why| *why));
    top.map(|_| ())
}

#[test]
fn a_time_that_was_read_a_while_ago_makes_nothing_fresh_for_longer() {
    let engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let end = engine.start.plus(2 * HEARTBEAT_NS);
    while clock::mono_now() < end {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // The thread slept between its reading of the clock and this call.
    assert_eq!(top_at(&mut reader, engine.start), Ok(()));
    assert_eq!(reader.top().map(|_| ()), Err(NotReadable::WriterDead));
}

#[test]
fn a_time_far_ahead_of_the_readers_clock_is_no_sign_of_life() {
    let far = 10_000_000_000;
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let start = engine.start;
    // A little ahead is a caller that read the clock a little earlier.
    assert_eq!(top_at(&mut reader, start.plus(-HEARTBEAT_NS)), Ok(()));
    engine.conns[0].received(start.plus(far));
    assert!(matches!(
        top_at(&mut reader, start.plus(2 * HEARTBEAT_NS - 1)),
        Err(NotReadable::NotFresh { .. })
    ));
    engine.conns[0].received(start);
    engine.beat(0, start.plus(far));
    engine.beat(1, start.plus(far));
    assert_eq!(top_at(&mut reader, start), Err(NotReadable::WriterDead));
}

#[test]
fn a_quiet_book_on_a_lively_connection_stays_fresh() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let mut now = engine.start;
    for _ in 0..1_000 {
        now = now.plus(HEARTBEAT_NS);
        engine.beat(0, now);
        engine.conns[0].received(now);
        assert_eq!(top_at(&mut reader, now), Ok(()));
    }
}

#[test]
fn a_silent_connection_makes_its_books_unreadable_and_no_others() {
    let mut engine = Engine::new();
    let [mut silent, mut lively] = ["BTCUSDT", "ETHUSDT"].map(|name| engine.reader(name));
    for age in 0..=102 {
        let now = engine.start.plus(age * HEARTBEAT_NS);
        engine.beat(0, now);
        engine.beat(1, now);
        engine.conns[1].received(now);
        assert_eq!(top_at(&mut lively, now), Ok(()));
        let expected = if age < 100 { Ok(()) } else { not_fresh(age * HEARTBEAT_NS) };
        assert_eq!(top_at(&mut silent, now), expected, "{age}");
    }
    // To the nanosecond, and back with the first byte.
    let now = engine.start.plus(103 * HEARTBEAT_NS);
    engine.conns[0].received(now);
    engine.beat(0, now.plus(SILENCE_NS));
    assert_eq!(top_at(&mut silent, now.plus(SILENCE_NS - 1)), Ok(()));
    assert_eq!(top_at(&mut silent, now.plus(SILENCE_NS)), not_fresh(SILENCE_NS));
}

#[test]
fn without_a_limit_silence_is_no_fault_but_a_lost_connection_is() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    engine.conns[0].set_silence_limit_ns(0);
    let now = engine.start.plus(1_000 * SILENCE_NS);
    engine.beat(0, now);
    assert_eq!(top_at(&mut reader, now), Ok(()));
    engine.conns[0].set_state(ConnState::Down);
    // Until the horizon the reader need not look; then it must.
    let now = now.plus(2 * HEARTBEAT_NS);
    engine.beat(0, now);
    assert_eq!(top_at(&mut reader, now), not_fresh(now.since(engine.start)));
}

#[test]
fn a_hung_builder_makes_its_books_unreadable_and_no_others() {
    let mut engine = Engine::new();
    let [mut hung, mut well] = ["BTCUSDT", "SOLUSDT"].map(|name| engine.reader(name));
    let just_before = engine.start.plus(2 * HEARTBEAT_NS - 1);
    let late = engine.start.plus(2 * HEARTBEAT_NS);
    assert_eq!(top_at(&mut hung, engine.start), Ok(()));
    engine.beat(1, late);
    assert_eq!(top_at(&mut hung, just_before), Ok(()));
    assert_eq!(top_at(&mut hung, late), not_fresh(2 * HEARTBEAT_NS));
    assert_eq!(hung.depth_at(&mut Depth::default(), late), not_fresh(2 * HEARTBEAT_NS));
    assert_eq!(top_at(&mut well, late), Ok(()));
    let (top, why) = hung.top_any_at(late).unwrap();
    assert_eq!(top.header.state, BookState::Live);
    assert_eq!(why, not_fresh(2 * HEARTBEAT_NS).err());
    // No builder beats: the writer is dead, not just one book.
    let later = late.plus(2 * HEARTBEAT_NS);
    assert_eq!(top_at(&mut hung, later), Err(NotReadable::WriterDead));
    assert_eq!(top_at(&mut well, later), Err(NotReadable::WriterDead));
    // And it may come back.
    engine.beat(0, later);
    assert_eq!(top_at(&mut hung, later), Ok(()));
}

#[test]
fn a_book_that_is_not_live_says_so_and_is_there_for_who_insists() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let mut depth = Depth::default();
    for state in [BookState::Empty, BookState::Syncing, BookState::Stale] {
        let reason = Reason::Gap;
        engine.builders[0].publish(BookId(0), &Snapshot { state, reason, ..LIVE });
        let why = NotReadable::NotLive { state, reason };
        assert_eq!(reader.top_at(engine.start), Err(why));
        assert_eq!(reader.depth_at(&mut depth, engine.start), Err(why));
        assert_eq!(reader.depth_any_at(&mut depth, engine.start), Ok(Some(why)));
        assert_eq!((depth.header().state, depth.header().reason), (state, reason));
    }
    engine.builders[0].publish(BookId(0), &LIVE);
    assert_eq!(top_at(&mut reader, engine.start), Ok(()));
    assert_eq!(reader.top_any_at(engine.start).unwrap().1, None);
}

#[test]
fn a_book_that_moves_to_another_connection_is_judged_by_that_one() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    assert_eq!(top_at(&mut reader, engine.start), Ok(()));
    engine.conns[1].set_state(ConnState::Down);
    engine.builders[0].set_conn(BookId(0), ConnId(1));
    engine.builders[0].publish(BookId(0), &LIVE);
    assert_eq!(top_at(&mut reader, engine.start), not_fresh(0), "at once, not at the horizon");
}

#[test]
fn a_removed_book_is_closed_and_followed_to_its_next_place() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    engine.builders[0].remove_book(BookId(0));
    assert_eq!(top_at(&mut reader, engine.start), Err(NotReadable::Closed));
    // Another book in its place is not mistaken for it.
    engine.builders[0].add_book(&spec(0, 0, "XRPUSDT")).unwrap();
    engine.builders[0].publish(BookId(0), &LIVE);
    let now = engine.start.plus(HEARTBEAT_NS);
    assert_eq!(top_at(&mut reader, now), Err(NotReadable::Closed));
    assert!(matches!(reader.top_any_at(now), Err(NotReadable::Closed)));
    engine.builders[0].add_book(&spec(3, 0, "BTCUSDT")).unwrap();
    engine.builders[0].publish(BookId(3), &LIVE);
    engine.beat(0, now.plus(HEARTBEAT_NS));
    assert_eq!(top_at(&mut reader, now.plus(HEARTBEAT_NS)), Ok(()));
    assert_eq!(reader.info().book, BookId(3));
}

#[test]
fn a_book_that_took_the_place_of_another_is_not_read_as_that_one() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let mut depth = Depth::default();
    // The reader now knows that its book is fresh for a while, and need not look.
    assert_eq!(top_at(&mut reader, engine.start), Ok(()));
    engine.builders[0].remove_book(BookId(0));
    engine.builders[0].add_book(&spec(0, 0, "XRPUSDT")).unwrap();
    engine.builders[0].publish(BookId(0), &LIVE);
    assert!(matches!(reader.quotes_at(engine.start), Err(NotReadable::Closed)));
    assert_eq!(top_at(&mut reader, engine.start), Err(NotReadable::Closed));
    assert_eq!(reader.depth_at(&mut depth, engine.start), Err(NotReadable::Closed));
}

#[test]
fn books_are_found_by_any_of_their_names() {
    let engine = Engine::new();
    let tickbook = engine.attach();
    assert_eq!(tickbook.books().len(), 3);
    for name in [
        "BTCUSDT",
        "btcusdt",
        "BTC-USDT",
        "binance_spot:BTCUSDT",
        "binance:BTC-USDT",
        "binance-spot:btc-usdt",
    ] {
        assert_eq!(tickbook.book(name).unwrap().info().book, BookId(0), "{name}");
    }
    match tickbook.book("binance_usdm:BTCUSDT").unwrap_err() {
        AttachError::NoBook { known, .. } => assert_eq!(known[2], "binance_spot:SOLUSDT"),
        error => panic!("{error}"),
    }
    let text = tickbook.book("DOGEUSDT").unwrap_err().to_string();
    assert!(text.contains("'DOGEUSDT'") && text.contains("binance_spot:ETHUSDT"), "{text}");
    assert_eq!(tickbook.conns().len(), 2);
    assert!(tickbook.events(2).is_err());
}

#[test]
fn events_come_until_the_engine_ends() {
    let mut engine = Engine::new();
    let mut events = engine.attach().events(0).unwrap();
    assert_eq!(events.next_event_at(engine.start), EventRead::Empty);
    for _ in 0..1_500 {
        engine.builders[0].event_trade(BookId(0), &TRADE);
    }
    // Lapped: it goes on half a ring before the end.
    assert_eq!(events.next_event(), EventRead::Missed(1_500 - 512));
    for _ in 0..512 {
        let EventRead::Event(event) = events.next_event() else { panic!() };
        assert!(matches!(event.kind, EventKind::Trade { id: 3, .. }));
    }
    assert_eq!(events.next_event_at(engine.start), EventRead::Empty);
    assert_eq!(events.records_missed(), 988);
    let Engine { dir, segment, builders, .. } = engine;
    drop(builders);
    segment.close();
    for _ in 0..2 {
        // Its two books were closed.
        assert!(matches!(events.next_event(), EventRead::Event(_)));
    }
    assert_eq!(events.next_event(), EventRead::Ended);
    drop(dir);
}

#[test]
fn events_that_nobody_writes_are_not_just_none() {
    let mut engine = Engine::new();
    let mut events = engine.attach().events(0).unwrap();
    let last = engine.start.plus(2 * HEARTBEAT_NS - 1);
    assert_eq!(events.next_event_at(engine.start), EventRead::Empty);
    assert_eq!(events.next_event_at(last), EventRead::Empty);
    // The other builder lives.
    let later = last.plus(1);
    engine.beat(1, later);
    let age_ns = 2 * HEARTBEAT_NS;
    let hung = EventRead::Unheard(NotReadable::NotFresh { age_ns });
    assert_eq!(events.next_event_at(later), hung);
    // What it wrote before it hung comes first.
    engine.builders[0].event_trade(BookId(0), &TRADE);
    assert!(matches!(events.next_event_at(later), EventRead::Event(_)));
    assert_eq!(events.next_event_at(later), hung);
    let dead = later.plus(2 * HEARTBEAT_NS);
    assert_eq!(events.next_event_at(dead), EventRead::Unheard(NotReadable::WriterDead));
    // By its own clock the same, once these times are past.
    while clock::mono_now().0 < dead.0 {
        std::thread::yield_now();
    }
    assert_eq!(events.next_event(), EventRead::Unheard(NotReadable::WriterDead));
    // It was only slow.
    engine.beat(0, clock::mono_now().plus(50 * HEARTBEAT_NS));
    assert_eq!(events.next_event(), EventRead::Empty);
}

const TRADE: TradeEvent = TradeEvent {
    price: Price(1),
    size: Size(2),
    side: Side::Bid,
    id: 3,
    venue_time: WallNanos(4),
    received_wall: WallNanos(5),
    scale: Scale { price_exponent: 0, size_exponent: 0 },
};

/// Whether there is something new, top and levels.
fn changed(reader: &BookReader, now: MonoNanos) -> [bool; 2] {
    [reader.top_changed_at(now), reader.depth_changed_at(now)]
}

#[test]
fn a_publish_is_news_until_it_is_read() {
    let mut engine = Engine::new();
    let (now, mut depth) = (engine.start, Depth::default());
    let mut reader = engine.reader("BTCUSDT");
    assert_eq!(changed(&reader, now), [true, true], "nothing was read yet");
    assert_eq!(top_at(&mut reader, now), Ok(()));
    assert_eq!(changed(&reader, now), [false, true], "the levels are another read");
    assert_eq!(reader.depth_at(&mut depth, now), Ok(()));
    assert_eq!(changed(&reader, now), [false, false]);
    engine.builders[0].publish(BookId(1), &LIVE);
    assert_eq!(changed(&reader, now), [false, false], "another book");
    engine.builders[0].publish(BookId(0), &LIVE);
    assert_eq!(changed(&reader, now), [true, true]);
    assert_eq!(reader.depth_at(&mut depth, now), Ok(()));
    assert_eq!(changed(&reader, now), [true, false]);
    assert!(reader.top_any_at(now).is_ok());
    assert_eq!(changed(&reader, now), [false, false]);
    // The same by the clock that the reader reads itself.
    let mut reader = engine.reader("BTCUSDT");
    until_unchanged(&mut reader, &mut depth);
    engine.builders[0].publish(BookId(0), &LIVE);
    assert!(reader.top_changed() && reader.depth_changed());
}

/// Reads until there is nothing new: at once, if the test is not held up for two heartbeats.
fn until_unchanged(reader: &mut BookReader, depth: &mut Depth) {
    let engine_dies = clock::mono_now().plus(HEARTBEAT_NS);
    while reader.top_changed() || reader.depth_changed() {
        let _ = (reader.top(), reader.depth(depth));
        if clock::mono_now() > engine_dies {
            return;
        }
    }
}

#[test]
fn silence_is_news_when_the_last_read_is_no_longer_known_to_be_fresh() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let start = engine.start;
    assert_eq!(top_at(&mut reader, start), Ok(()));
    let end = start.plus(2 * HEARTBEAT_NS);
    assert!(!reader.top_changed_at(end.plus(-1)));
    assert!(reader.top_changed_at(end), "the builder may have died");
    assert_eq!(top_at(&mut reader, end), Err(NotReadable::WriterDead));
    assert!(reader.top_changed_at(end), "a read that gave no book");
    // It beats again, without a publish: the top is good again, and that is news.
    engine.beat(0, end);
    assert_eq!(reader.depth_at(&mut Depth::default(), end), Ok(()));
    assert!(reader.top_changed_at(end));
    assert_eq!(top_at(&mut reader, end), Ok(()));
    assert!(!reader.top_changed_at(end));
}

#[test]
fn a_book_that_is_not_live_is_news_as_long_as_it_is_not() {
    let mut engine = Engine::new();
    let mut reader = engine.reader("BTCUSDT");
    let now = engine.start;
    assert_eq!(top_at(&mut reader, now), Ok(()));
    let stale = Snapshot { state: BookState::Stale, reason: Reason::Gap, ..LIVE };
    engine.builders[0].publish(BookId(0), &stale);
    assert!(reader.top_changed_at(now));
    assert!(matches!(top_at(&mut reader, now), Err(NotReadable::NotLive { .. })));
    assert!(reader.top_changed_at(now));
    engine.builders[0].publish(BookId(0), &LIVE);
    assert_eq!(top_at(&mut reader, now), Ok(()));
    assert!(!reader.top_changed_at(now));
}

#[test]
fn what_was_seen_of_one_place_says_nothing_about_the_next_one() {
    let mut engine = Engine::new();
    let (mut reader, mut depth) = (engine.reader("BTCUSDT"), Depth::default());
    assert_eq!(reader.depth_at(&mut depth, engine.start), Ok(()));
    engine.builders[0].remove_book(BookId(0));
    // As many publishes there as here: the versions are the same.
    engine.builders[0].add_book(&spec(3, 0, "BTCUSDT")).unwrap();
    engine.builders[0].publish(BookId(3), &LIVE);
    let now = engine.start.plus(HEARTBEAT_NS);
    engine.beat(0, now);
    assert_eq!(top_at(&mut reader, now), Ok(()));
    assert_eq!(reader.info().book, BookId(3));
    assert_eq!(changed(&reader, now), [false, true]);
}
