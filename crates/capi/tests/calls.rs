//! Every function of the header, called as C calls it, with every clock reading chosen by the test.

#![allow(missing_docs, clippy::unwrap_used, clippy::undocumented_unsafe_blocks, reason = "a test")]

mod engine;
#[path = "../../tickbook/tests/writer/mod.rs"]
mod writer;

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use engine::*;
use tickbook_c::*;
use tickbook_shm::{Counter, DeltaEvent, Stage, TradeEvent};
use tickbook_types::{
    BookId, BookState, LevelRecord, MonoNanos, Price, Reason, SeqNo, Side, Size, SizeUnit, Venue,
    WallNanos, clock,
};
use writer::{TestDir, Writer, spec};

/// Not a test: where the writer's process begins, which the others start.
#[test]
fn writer_process() {
    writer::run_if_asked();
}

/// Whether there is something new, top and levels.
fn changed_at(book: *const TickbookBook, now: MonoNanos) -> [i32; 2] {
    unsafe {
        [tickbook_book_top_changed_at(book, now.0), tickbook_book_depth_changed_at(book, now.0)]
    }
}

#[test]
fn a_publish_is_news_until_it_is_read() {
    let mut engine = Engine::new();
    engine.publish(BookState::Live, Reason::None);
    let handle = engine.attach();
    let book = open(handle, "binance_spot:BTCUSDT").unwrap();
    let now = engine.start;
    assert_eq!(changed_at(book, now), [1, 1]);
    assert!(top_at(book, now).is_ok());
    assert_eq!(changed_at(book, now), [0, 1]);
    assert!(depth_at(book, now).is_ok());
    assert_eq!(changed_at(book, now), [0, 0]);
    assert_eq!(changed_at(book, now.plus(2 * HEARTBEAT_NS)), [1, 1], "it may be dead");
    engine.publish(BookState::Live, Reason::None);
    assert_eq!(changed_at(book, now), [1, 1]);
    assert_eq!(
        unsafe { (tickbook_book_top_changed(book), tickbook_book_depth_changed(book)) },
        (1, 1)
    );
    unsafe {
        tickbook_book_close(book);
        tickbook_engine_close(handle);
    }
}

#[test]
fn a_live_book_is_read_and_a_stale_one_is_not() {
    let mut engine = Engine::new();
    engine.publish(BookState::Live, Reason::None);
    let handle = engine.attach();
    let book = open(handle, "binance_spot:BTCUSDT").unwrap();
    let top = top_at(book, engine.start).unwrap();
    assert_eq!((top.bid.price, top.bid.size), (6_123_450, 150_000));
    assert_eq!((top.ask.price, top.ask.size), (6_123_460, 2));
    let header = top.header;
    assert_eq!((header.seq, header.epoch, header.conn), (42, 7, 0));
    assert_eq!((header.bid_levels, header.ask_levels), (200, 100));
    assert_eq!((header.price_exponent, header.size_exponent), (-2, -5));
    assert_eq!((header.state, header.reason), (TickbookState::Live, TickbookReason::None));
    assert_eq!(header.flags, 4 | 8 | 16);
    let quotes = quotes_at(book, engine.start).unwrap();
    assert_eq!((quotes.seq, quotes.bid, quotes.ask), (42, top.bid, top.ask));
    assert_eq!((quotes.epoch, quotes.price_exponent, quotes.size_exponent), (7, -2, -5));
    let depth = depth_at(book, engine.start).unwrap();
    let count = usize::try_from(depth.bids_count).unwrap();
    let bids = unsafe { std::slice::from_raw_parts(depth.bids, count) };
    assert_eq!(bids.iter().map(|it| it.price).collect::<Vec<_>>(), [6_123_450, 6_123_440]);
    assert_eq!((depth.asks_count, depth.header), (1, header));
    assert_eq!(unsafe { *depth.asks }, top.ask);
    assert_eq!(why(book).status, TickbookStatus::Ok, "no read failed");

    engine.publish(BookState::Stale, Reason::Gap);
    assert_eq!(quotes_at(book, engine.start), Err(TickbookStatus::NotLive));
    assert_eq!(top_at(book, engine.start), Err(TickbookStatus::NotLive));
    assert_eq!(last_error(), "book is stale (gap)");
    let of_book = why(book);
    assert_eq!(of_book.status, TickbookStatus::NotLive);
    assert_eq!((of_book.state, of_book.reason), (TickbookState::Stale, TickbookReason::Gap));
    assert!(depth_at(book, engine.start).is_err());

    // Asked for in so many words, it is there, with the reason beside it.
    let (mut top, mut why) = (dirty::<TickbookTop>(), dirty::<TickbookWhy>());
    let (mut depth, now) = (dirty::<TickbookDepth>(), engine.start.0);
    let status = unsafe { tickbook_book_top_any_at(book, now, top.as_mut_ptr(), why.as_mut_ptr()) };
    assert_eq!(status, TickbookStatus::Ok);
    assert_eq!(unsafe { top.assume_init() }.bid.price, 6_123_450);
    assert_eq!(unsafe { why.assume_init() }, of_book);
    let status =
        unsafe { tickbook_book_depth_any_at(book, now, depth.as_mut_ptr(), why.as_mut_ptr()) };
    assert_eq!((status, unsafe { depth.assume_init() }.bids_count), (TickbookStatus::Ok, 2));

    // Those that read the clock themselves: whatever they say, both forms say the same.
    engine.builder.beat(clock::mono_now().plus(900_000_000));
    engine.publish(BookState::Live, Reason::None);
    let calls = unsafe {
        [
            tickbook_book_top(book, top.as_mut_ptr()),
            tickbook_book_quotes(book, dirty().as_mut_ptr()),
            tickbook_book_top_any(book, top.as_mut_ptr(), why.as_mut_ptr()),
            tickbook_book_depth(book, depth.as_mut_ptr()),
            tickbook_book_depth_any(book, depth.as_mut_ptr(), why.as_mut_ptr()),
        ]
    };
    assert_eq!(calls, [TickbookStatus::Ok; 5]);
    unsafe { tickbook_book_close(book) };
    unsafe { tickbook_engine_close(handle) };
}

#[test]
fn a_silent_connection_a_dead_writer_and_a_closed_engine_are_told_apart() {
    let mut engine = Engine::new();
    engine.publish(BookState::Live, Reason::None);
    engine.conn.set_silence_limit_ns(3 * HEARTBEAT_NS);
    let handle = engine.attach();
    let book = open(handle, "ETHUSDT").and_then(|other| {
        unsafe { tickbook_book_close(other) };
        open(handle, "BTC-USDT")
    });
    let book = book.unwrap();
    // Readers outlive the handle they came from.
    unsafe { tickbook_engine_close(handle) };
    let late = engine.start.plus(3 * HEARTBEAT_NS);
    engine.builder.beat(late);
    assert_eq!(top_at(book, late), Err(TickbookStatus::NotFresh));
    assert_eq!(why(book).age_ns, 3 * HEARTBEAT_NS);
    assert!(last_error().starts_with("book is not fresh"), "{}", last_error());
    engine.conn.received(late);
    assert!(top_at(book, late).is_ok());
    assert_eq!(top_at(book, late.plus(2 * HEARTBEAT_NS)), Err(TickbookStatus::WriterDead));
    assert!(top_at(book, late.plus(2 * HEARTBEAT_NS - 1)).is_ok());
    let Engine { dir: _dir, segment, builder, .. } = engine;
    drop(builder);
    segment.close();
    assert_eq!(top_at(book, late), Err(TickbookStatus::Closed));
    unsafe { tickbook_book_close(book) };
}

#[test]
fn a_killed_writer_is_reported_within_two_heartbeats_and_the_next_one_picked_up() {
    const HEARTBEAT_NS: i64 = 20_000_000;
    let dir = TestDir::new();
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let handle = attach(&dir, None, 60_000).unwrap();
    let book = open(handle, "binance_spot:BTCUSDT").unwrap();
    let until_readable = || {
        let start = clock::mono_now();
        while top_at(book, clock::mono_now()).is_err() {
            assert!(clock::mono_now().since(start) < 60_000_000_000, "{}", last_error());
        }
    };
    for _ in 0..3 {
        until_readable();
        writer.kill();
        // Whatever happens before, at this moment its last beat is two intervals old.
        let limit = clock::mono_now().plus(2 * HEARTBEAT_NS);
        assert_eq!(top_at(book, limit), Err(TickbookStatus::WriterDead));
        assert_eq!(depth_at(book, limit).err(), Some(TickbookStatus::WriterDead));
        assert_eq!(last_error(), "writer is dead: its heartbeat stopped");
        writer = Writer::start(dir.path(), HEARTBEAT_NS);
    }
    until_readable();
    unsafe { tickbook_book_close(book) };
    unsafe { tickbook_engine_close(handle) };
}

#[test]
fn what_cannot_be_attached_says_why() {
    let dir = TestDir::new();
    assert_eq!(attach(&dir, None, 0), Err(TickbookStatus::NoEngine));
    assert!(last_error().ends_with("start one"), "{}", last_error());
    assert_eq!(attach(&dir, Some("test"), 1), Err(TickbookStatus::NoEngine));
    assert_eq!(attach(&dir, Some("../x"), 0), Err(TickbookStatus::InvalidArgument));
    std::fs::create_dir_all(dir.path()).unwrap();
    std::fs::write(dir.path().join("test.shm"), [1; 8192]).unwrap();
    assert_eq!(attach(&dir, Some("test"), 0), Err(TickbookStatus::File));
    drop(dir);

    let mut engine = Engine::new();
    engine.builder.beat(clock::mono_now().plus(900_000_000));
    let handle = attach(&engine.dir, None, 1_000).unwrap();
    assert_eq!(open(handle, "DOGEUSDT"), Err(TickbookStatus::NoBook));
    assert_eq!(
        last_error(),
        "no book 'DOGEUSDT'; there are binance_spot:BTCUSDT, binance_spot:ETHUSDT"
    );
    let mut events = null_mut();
    let status = unsafe { tickbook_events_open(handle, 9, &raw mut events) };
    assert_eq!((status, events.is_null()), (TickbookStatus::NoBuilder, true));
    unsafe { tickbook_engine_close(handle) };
}

#[test]
fn an_engine_lists_its_books_and_itself() {
    let engine = Engine::new();
    let handle = engine.attach();
    let mut info = dirty::<TickbookEngineInfo>();
    let status = unsafe { tickbook_engine_info(handle, info.as_mut_ptr()) };
    assert_eq!(status, TickbookStatus::Ok);
    let info = unsafe { info.assume_init() };
    assert_eq!((text(&info.name), info.pid), ("test", std::process::id()));
    assert_eq!((info.depth, info.builders, info.heartbeat_ns), (20, 2, HEARTBEAT_NS));

    for capacity in 0..4 {
        let mut books: Vec<_> = (0..capacity).map(|_| dirty::<TickbookBookInfo>()).collect();
        let at = if capacity == 0 { null_mut() } else { books.as_mut_ptr().cast() };
        let mut count = usize::MAX;
        let status = unsafe { tickbook_engine_books(handle, at, capacity, &raw mut count) };
        assert_eq!((status, count), (TickbookStatus::Ok, 2));
        let written = &books[..capacity.min(2)];
        let written: Vec<_> = written.iter().map(|it| unsafe { it.assume_init() }).collect();
        let names: Vec<_> = written.iter().map(|it| text(&it.name)).collect();
        assert_eq!(names, ["BTCUSDT", "ETHUSDT"][..capacity.min(2)]);
        for book in &written {
            assert_eq!(text(&book.venue), "binance_spot");
            assert!(text(&book.normalised).ends_with("-USDT"));
            assert_eq!((book.kind, book.right), (TickbookKind::Spot, TickbookRight::None));
        }
        // Behind what it may write, nothing is written.
        let behind = unsafe { books.as_ptr().add(written.len()).cast::<u8>() };
        let bytes = (capacity - written.len()) * size_of::<TickbookBookInfo>();
        let behind = unsafe { std::slice::from_raw_parts(behind, bytes) };
        assert!(behind.iter().all(|byte| *byte == 0xa5));
    }
    unsafe { tickbook_engine_close(handle) };
}

#[test]
fn events_come_in_order_and_missed_ones_are_counted() {
    let mut engine = Engine::new();
    let handle = engine.attach();
    let mut events = null_mut();
    let status = unsafe { tickbook_events_open(handle, 0, &raw mut events) };
    assert_eq!(status, TickbookStatus::Ok);
    let mut missed = 0;
    let mut next = || {
        let mut event = dirty::<TickbookEvent>();
        let status = unsafe { tickbook_events_next(events, event.as_mut_ptr(), &raw mut missed) };
        (status, unsafe { event.assume_init() }, missed)
    };
    while clock::mono_now().since(engine.start) < 2 * HEARTBEAT_NS {
        std::thread::yield_now();
    }
    assert_eq!(next(), (TickbookStatus::WriterDead, TickbookEvent::default(), 0));
    engine.builder.beat(clock::mono_now().plus(900_000_000));
    assert_eq!(next(), (TickbookStatus::NoEvent, TickbookEvent::default(), 0));

    let record = |price, side| LevelRecord::new(Price(price), Size(5), side);
    let levels = [record(10, Side::Bid), record(11, Side::Ask), record(12, Side::Ask)];
    let delta =
        DeltaEvent { snapshot: true, seq: Some(SeqNo(9)), venue_time: WallNanos(33), scale: SCALE };
    let trade = TradeEvent {
        price: Price(100),
        size: Size(3),
        side: Side::Ask,
        id: 77,
        venue_time: WallNanos(44),
        received_wall: WallNanos(55),
        scale: SCALE,
    };
    engine.builder.event_levels(BookId(1), &delta, &levels);
    engine.builder.event_trade(BookId(1), &trade);
    engine.publish(BookState::Stale, Reason::Checksum);

    let (_, first, _) = next();
    assert_eq!((first.kind, first.book, first.id), (TickbookEventKind::Levels, 1, 9));
    assert_eq!((first.flags, first.levels_count, first.time_ns), (1 | 4 | 8, 2, 33));
    assert_eq!(first.sides, [TickbookSide::Bid, TickbookSide::Ask]);
    assert_eq!(first.levels[1], TickbookLevel { price: 11, size: 5 });
    assert_eq!((first.price_exponent, first.size_exponent), (-2, -5));
    let (_, second, _) = next();
    assert_eq!((second.flags, second.levels_count), (2 | 4 | 8, 1));
    assert_eq!(second.levels, [TickbookLevel { price: 12, size: 5 }, TickbookLevel::default()]);
    let (_, third, _) = next();
    assert_eq!((third.kind, third.id, third.flags), (TickbookEventKind::Trade, 77, 0));
    assert_eq!((third.time_ns, third.received_time_ns), (44, 55));
    assert_eq!((third.levels[0].price, third.sides[0]), (100, TickbookSide::Ask));
    let (_, fourth, _) = next();
    assert_eq!((fourth.kind, fourth.book, fourth.epoch), (TickbookEventKind::State, 0, 7));
    assert_eq!((fourth.state, fourth.reason), (TickbookState::Stale, TickbookReason::Checksum));
    assert_eq!(next().0, TickbookStatus::NoEvent);

    for _ in 0..2_000 {
        engine.builder.event_trade(BookId(0), &trade);
    }
    let (status, event, gone) = next();
    assert_eq!((status, event), (TickbookStatus::EventsMissed, TickbookEvent::default()));
    let mut rest = 0;
    while next().0 == TickbookStatus::Ok {
        rest += 1;
    }
    assert_eq!(gone + rest, 2_000);
    let Engine { dir: _dir, segment, builder, .. } = engine;
    drop(builder);
    segment.close();
    // Both books were closed first, and that is told.
    assert_eq!([next().1.state, next().1.state], [TickbookState::Closed; 2]);
    assert_eq!(next().0, TickbookStatus::EventsEnded);
    unsafe { tickbook_events_close(events) };
    unsafe { tickbook_engine_close(handle) };
}

#[test]
fn counters_and_latencies_are_read_by_name() {
    let mut engine = Engine::new();
    engine.stats.add(Counter::Frames, 12);
    engine.stats.record(Stage::TickToBook, 1_000);
    engine.stats.record(Stage::TickToBook, 3_000);
    let handle = engine.attach();
    let counter = |name: &str| {
        let mut value = u64::MAX;
        let status = unsafe { tickbook_engine_counter(handle, c(name).as_ptr(), &raw mut value) };
        (status, value)
    };
    assert_eq!(counter("frames"), (TickbookStatus::Ok, 12));
    assert_eq!(counter("flames"), (TickbookStatus::NoStatistic, 0));
    assert_eq!(last_error(), "there is no counter 'flames'");
    let mut latency = dirty::<TickbookLatency>();
    let read = |name: &str, to| unsafe { tickbook_engine_latency(handle, c(name).as_ptr(), to) };
    assert_eq!(read("tick_to_book", latency.as_mut_ptr()), TickbookStatus::Ok);
    let times = unsafe { latency.assume_init() };
    assert_eq!((times.count, times.min_ns, times.max_ns), (2, 1_000, 3_000));
    assert!(times.p50_ns >= 1_000 && times.p50_ns < 1_100 && times.p999_ns == 3_000, "{times:?}");
    assert_eq!(read("tick", latency.as_mut_ptr()), TickbookStatus::NoStatistic);
    unsafe { tickbook_engine_close(handle) };

    let names = |name: extern "C" fn(u32) -> *const c_char| -> Vec<String> {
        let all = (0..).map(|index| name(index)).take_while(|name| !name.is_null());
        all.map(|name| unsafe { CStr::from_ptr(name) }.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(tickbook_counter_name).len(), Counter::COUNT);
    assert_eq!(names(tickbook_counter_name)[0], "frames");
    assert_eq!(names(tickbook_stage_name).len(), Stage::COUNT);
}

#[test]
fn numbers_are_written_exactly() {
    let mut buffer = [1; 48];
    let length = unsafe { tickbook_price_text(-6_123_450, -2, buffer.as_mut_ptr(), buffer.len()) };
    assert_eq!((text(&buffer), length), ("-61234.5", 8));
    let length = unsafe { tickbook_size_text(u64::MAX, -18, buffer.as_mut_ptr(), 5) };
    assert_eq!((text(&buffer), length), ("18.4", 21));
    assert_eq!(unsafe { tickbook_price_text(7, 0, null_mut(), 0) }, 1);
    for exponent in [i8::MIN, i8::MAX] {
        let room = buffer.len();
        assert!(unsafe { tickbook_price_text(i64::MIN, exponent, buffer.as_mut_ptr(), room) } < 48);
        assert!(unsafe { tickbook_size_text(u64::MAX, exponent, buffer.as_mut_ptr(), room) } < 48);
        assert!(tickbook_price_double(i64::MIN, exponent).is_finite());
    }
    assert_eq!(tickbook_price_double(6_123_450, -2), 61_234.5);
    assert_eq!(tickbook_size_double(150_000, -5), 1.5);
}

#[test]
fn every_status_has_a_name_of_its_own() {
    let name = |status| unsafe { CStr::from_ptr(tickbook_status_name(status)) };
    let names: std::collections::BTreeSet<_> =
        TickbookStatus::ALL.iter().map(|status| name(*status as i32)).collect();
    assert_eq!(names.len(), TickbookStatus::ALL.len());
    assert_eq!(name(12_345), c"unknown");
    assert!(!names.contains(c"unknown"));
    assert_eq!(tickbook_abi_version(), TICKBOOK_ABI_VERSION);
}

#[test]
fn books_of_one_name_are_merged_and_those_left_out_say_why() {
    let mut engine = Engine::new();
    // What the sizes of the engine's own books count is not known; of this one it is.
    let mut counted = spec(2, 0, "BTCUSDT");
    counted.instrument.venue = Venue::BinanceUs;
    counted.instrument.size_unit = SizeUnit::Base;
    engine.builder.add_book(&counted).unwrap();
    engine.publish(BookState::Live, Reason::None);
    engine.publish_book(2, BookState::Live, Reason::None);
    let dir = c(engine.dir.path().to_str().unwrap());
    let open = |name: *const c_char| {
        let mut handle = dirty();
        let status =
            unsafe { tickbook_consolidated_open(dir.as_ptr(), null(), name, handle.as_mut_ptr()) };
        let handle: *mut TickbookConsolidated = unsafe { handle.assume_init() };
        assert_eq!(handle.is_null(), status != TickbookStatus::Ok);
        (status, handle)
    };
    assert_eq!(open(c"XYZ-USDT".as_ptr()).0, TickbookStatus::NoBook);
    assert_eq!(open(null()).0, TickbookStatus::InvalidArgument);
    let (_, handle) = open(c"btc-usdt".as_ptr());
    let read = |now: MonoNanos| {
        let mut book = dirty::<TickbookConsolidatedBook>();
        let status = unsafe { tickbook_consolidated_read_at(handle, 1, now.0, book.as_mut_ptr()) };
        assert_eq!(status, TickbookStatus::Ok);
        unsafe { book.assume_init() }
    };
    let members = |book: &TickbookConsolidatedBook| {
        let count = usize::try_from(book.members_count).unwrap();
        let members = unsafe { std::slice::from_raw_parts(book.members, count) };
        let told = |it: &TickbookMember| {
            assert_eq!(text(&it.name), "BTCUSDT");
            (text(&it.venue).to_owned(), it.taken, it.why.status)
        };
        members.iter().map(told).collect::<Vec<_>>()
    };
    let book = read(engine.start);
    assert_eq!((book.bids_count, book.asks_count, book.skew_ns), (1, 1, 0));
    let uncounted = ("binance_spot".to_owned(), 0, TickbookStatus::Ok);
    let counted = ("binance_us".to_owned(), 1, TickbookStatus::Ok);
    assert_eq!(members(&book), [uncounted.clone(), counted]);
    let bid = unsafe { *book.bids };
    assert_eq!((bid.price.mantissa, bid.price.exponent), (6_123_450, -2));
    assert_eq!((bid.size.mantissa, bid.size.exponent, bid.member), (150_000, -5, 1));

    engine.publish_book(2, BookState::Stale, Reason::Gap);
    let book = read(engine.start);
    assert_eq!((book.bids_count, book.asks_count, book.skew_ns), (0, 0, -1));
    let stale = ("binance_us".to_owned(), 0, TickbookStatus::NotLive);
    assert_eq!(members(&book), [uncounted, stale]);

    let mut book = dirty::<TickbookConsolidatedBook>();
    let refused = unsafe { tickbook_consolidated_read(null_mut(), 1, book.as_mut_ptr()) };
    assert_eq!(refused, TickbookStatus::InvalidArgument);
    assert!(unsafe { book.assume_init() }.members.is_null());
    assert_eq!(
        unsafe { tickbook_consolidated_read(handle, 1, null_mut()) },
        TickbookStatus::InvalidArgument
    );
    unsafe { tickbook_consolidated_close(handle) };
    unsafe { tickbook_consolidated_close(null_mut()) };
}

#[test]
fn null_pointers_and_bad_text_are_refused_by_name() {
    let engine = Engine::new();
    let handle = engine.attach();
    let book = open(handle, "BTCUSDT").unwrap();
    let (mut top, mut depth) = (dirty::<TickbookTop>(), dirty::<TickbookDepth>());
    let (mut reason, mut event) = (dirty::<TickbookWhy>(), dirty::<TickbookEvent>());
    let (top, depth) = (top.as_mut_ptr(), depth.as_mut_ptr());
    let (reason, event) = (reason.as_mut_ptr(), event.as_mut_ptr());
    let (mut books, mut events, mut count, mut value) = (null_mut(), null_mut(), 0, 0);
    let (count, value) = (&raw mut count, &raw mut value);
    let (books, events) = (&raw mut books, &raw mut events);
    let bad = c"\xff".as_ptr();
    let refused = |what: &str, status: TickbookStatus| {
        assert_eq!(status, TickbookStatus::InvalidArgument, "{what}");
        let said = last_error();
        assert!(said.starts_with(&format!("argument `{what}` ")), "{what}: {said}");
    };
    unsafe {
        refused("engine", tickbook_attach(null(), null(), 0, null_mut()));
        refused("dir", tickbook_attach(bad, null(), 0, dirty().as_mut_ptr()));
        refused("name", tickbook_attach(null(), bad, 0, dirty().as_mut_ptr()));
        refused("engine", tickbook_engine_info(null(), dirty().as_mut_ptr()));
        refused("info", tickbook_engine_info(handle, null_mut()));
        refused("engine", tickbook_engine_books(null(), null_mut(), 0, count));
        refused("books", tickbook_engine_books(handle, null_mut(), 1, count));
        refused("count", tickbook_engine_books(handle, null_mut(), 0, null_mut()));
        refused("engine", tickbook_engine_counter(null(), c"frames".as_ptr(), value));
        refused("name", tickbook_engine_counter(handle, null(), value));
        refused("value", tickbook_engine_counter(handle, c"frames".as_ptr(), null_mut()));
        refused("engine", tickbook_engine_latency(null(), bad, dirty().as_mut_ptr()));
        refused("stage", tickbook_engine_latency(handle, bad, dirty().as_mut_ptr()));
        refused("latency", tickbook_engine_latency(handle, bad, null_mut()));
        refused("engine", tickbook_book_open(null(), c"BTCUSDT".as_ptr(), books));
        refused("name", tickbook_book_open(handle, bad, books));
        refused("name", tickbook_book_open(handle, null(), books));
        refused("book", tickbook_book_open(handle, c"BTCUSDT".as_ptr(), null_mut()));
        refused("book", tickbook_book_why(null(), reason));
        refused("why", tickbook_book_why(book, null_mut()));
        assert_eq!(
            [tickbook_book_top_changed(null()), tickbook_book_depth_changed(null())],
            [1, 1]
        );
        refused("book", tickbook_book_top(null_mut(), top));
        refused("top", tickbook_book_top(book, null_mut()));
        refused("book", tickbook_book_top_at(null_mut(), 0, top));
        refused("top", tickbook_book_top_at(book, 0, null_mut()));
        refused("book", tickbook_book_quotes(null_mut(), dirty().as_mut_ptr()));
        refused("quotes", tickbook_book_quotes(book, null_mut()));
        refused("quotes", tickbook_book_quotes_at(book, 0, null_mut()));
        refused("book", tickbook_book_top_any(null_mut(), top, reason));
        assert_eq!((*reason).status, TickbookStatus::InvalidArgument);
        assert_eq!(*top, TickbookTop::default());
        refused("top", tickbook_book_top_any(book, null_mut(), reason));
        refused("why", tickbook_book_top_any(book, top, null_mut()));
        refused("book", tickbook_book_depth(null_mut(), depth));
        refused("depth", tickbook_book_depth(book, null_mut()));
        refused("book", tickbook_book_depth_at(null_mut(), 0, depth));
        refused("depth", tickbook_book_depth_at(book, 0, null_mut()));
        refused("book", tickbook_book_depth_any(null_mut(), depth, reason));
        refused("depth", tickbook_book_depth_any(book, null_mut(), reason));
        refused("why", tickbook_book_depth_any(book, depth, null_mut()));
        refused("engine", tickbook_events_open(null(), 0, events));
        refused("events", tickbook_events_open(handle, 0, null_mut()));
        refused("events", tickbook_events_next(null_mut(), event, value));
        refused("event", tickbook_events_next(null_mut(), null_mut(), value));
        // Nothing to close.
        tickbook_engine_close(null_mut());
        tickbook_book_close(null_mut());
        tickbook_events_close(null_mut());
        tickbook_book_close(book);
        tickbook_engine_close(handle);
    }
}

#[test]
fn each_thread_has_an_error_of_its_own() {
    let mut value = 0_u64;
    let status = unsafe { tickbook_engine_counter(null(), null(), &raw mut value) };
    assert_eq!(status, TickbookStatus::InvalidArgument);
    let mine = last_error();
    std::thread::spawn(|| {
        assert_eq!(last_error(), "");
        let status = unsafe { tickbook_book_top(null_mut(), null_mut()) };
        assert_eq!(status, TickbookStatus::InvalidArgument);
        assert!(last_error().contains("`top`"));
    })
    .join()
    .unwrap();
    assert_eq!(last_error(), mine);
}
