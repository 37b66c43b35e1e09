//! A writer in another process: read at full speed, killed, stopped, restarted.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod writer;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tickbook::{AttachError, BookReader, Depth, NotReadable, ShmError, Tickbook};
use tickbook_shm::Segment;
use tickbook_types::{MonoNanos, clock};
use writer::{TestDir, Writer, check_depth, check_quotes, check_top, config};

/// Long enough that a busy test host does not look like a dead writer.
const PATIENT_NS: i64 = 5_000_000_000;

/// A heartbeat as in production, nearly.
const HEARTBEAT_NS: i64 = 20_000_000;

/// How long a test waits for what must come; only a hang takes that long.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Not a test: where the writer's process begins, which the others start.
#[test]
fn writer_process() {
    writer::run_if_asked();
}

/// One test at a time: a writer that spins takes a core of its own, and a reader needs another one
/// to meet it in mid-publish.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn attach(dir: &TestDir) -> Tickbook {
    Tickbook::wait_in(dir.path(), Some("test"), WATCHDOG).unwrap()
}

/// Reads until `done` says so; panics when that takes too long.
fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = done() {
            return result;
        }
        assert!(start.elapsed() < WATCHDOG, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn until_readable(reader: &mut BookReader) -> u64 {
    until("a readable book", || reader.top().ok().map(|top| check_top(0, &top)))
}

/// `TICKBOOK_HAMMER_READS` sets the number of reads (the long form has 10^8 of them).
#[test]
fn no_read_is_torn_while_the_writer_publishes_at_full_speed() {
    let reads_wanted: u64 = std::env::var("TICKBOOK_HAMMER_READS")
        .map_or(400_000, |text| text.parse().expect("TICKBOOK_HAMMER_READS is a number"));
    let (_alone, dir) = (alone(), TestDir::new());
    let mut writer = Writer::start(dir.path(), PATIENT_NS);
    let tickbook = attach(&dir);
    let mut books = ["BTCUSDT", "ETHUSDT"].map(|name| tickbook.book(name).unwrap());
    let (mut depth, mut last) = (Depth::default(), [0; 2]);
    let (mut tops, mut depths, mut busy) = (0_u64, 0_u64, 0_u64);
    until_readable(&mut books[0]);
    let first = check_top(0, &books[0].top_any().unwrap().0);
    while tops + depths < reads_wanted {
        for (book, reader) in books.iter_mut().enumerate() {
            let id = u32::try_from(book).unwrap();
            let mut newer = |number| {
                assert!(number >= last[book], "went back from {} to {number}", last[book]);
                last[book] = number;
            };
            match reader.top() {
                Ok(top) => {
                    newer(check_top(id, &top));
                    tops += 1;
                }
                Err(NotReadable::Busy) => busy += 1,
                Err(why) => panic!("{why}"),
            }
            match reader.quotes() {
                Ok(quotes) => {
                    newer(check_quotes(id, &quotes));
                    tops += 1;
                }
                Err(NotReadable::Busy) => busy += 1,
                Err(why) => panic!("{why}"),
            }
            match reader.depth(&mut depth) {
                Ok(()) => {
                    // Of another instant than the top, never an older one than the last depth.
                    check_depth(id, &depth);
                    depths += 1;
                }
                Err(NotReadable::Busy) => busy += 1,
                Err(why) => panic!("{why}"),
            }
        }
    }
    println!(
        "{tops} tops and {depths} depths read, none torn, {busy} times busy, over {} publishes",
        last[0] - first
    );
    assert!(last[0] > first, "the writer did not publish meanwhile");
    writer.close();
}

#[test]
fn a_killed_writer_is_dead_no_later_than_two_heartbeats_after_its_last() {
    let (_alone, dir) = (alone(), TestDir::new());
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let mut reader = attach(&dir).book("binance_spot:BTCUSDT").unwrap();
    until_readable(&mut reader);
    writer.kill();
    let killed = clock::mono_now();
    // Whatever happens before, at this moment its last beat is two intervals old.
    let limit = killed.plus(2 * HEARTBEAT_NS);
    until("two heartbeats", || {
        let now = clock::mono_now();
        let read = reader.top_at(now);
        if now >= limit {
            assert_eq!(read, Err(NotReadable::WriterDead));
            return Some(());
        }
        match read {
            Ok(top) => drop(check_top(0, &top)),
            Err(why) => assert!(matches!(why, NotReadable::WriterDead | NotReadable::Busy)),
        }
        None
    });
    assert_eq!(reader.top(), Err(NotReadable::WriterDead));
    assert_eq!(reader.depth(&mut Depth::default()), Err(NotReadable::WriterDead));
    // The last book is there for who asks for it, unless the kill tore it.
    match reader.top_any() {
        Ok((top, why)) => {
            check_top(0, &top);
            assert_eq!(why, Some(NotReadable::WriterDead));
        }
        Err(why) => assert_eq!(why, NotReadable::WriterDead),
    }
    assert!(!attach_named(&dir).engine().alive);
}

fn attach_named(dir: &TestDir) -> Tickbook {
    Tickbook::attach_in(dir.path(), Some("test")).unwrap()
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_book_or_an_error() {
    let (_alone, dir) = (alone(), TestDir::new());
    let mut depth = Depth::default();
    let mut whole = 0;
    for round in 0..10 {
        let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
        std::thread::sleep(Duration::from_micros(137 * round));
        writer.kill();
        let mut reader = attach_named(&dir).book("BTCUSDT").unwrap();
        let late = clock::mono_now().plus(3 * HEARTBEAT_NS);
        match reader.top_any_at(late) {
            Ok((top, why)) if top.header.seq.is_some() => {
                check_top(0, &top);
                assert_eq!(why, Some(NotReadable::WriterDead));
                whole += 1;
            }
            Ok((_, why)) => assert_eq!(why, Some(NotReadable::WriterDead)),
            Err(why) => assert_eq!(why, NotReadable::WriterDead),
        }
        match reader.depth_any_at(&mut depth, late) {
            Ok(_) if depth.header().seq.is_some() => drop(check_depth(0, &depth)),
            Ok(why) => assert_eq!(why, Some(NotReadable::WriterDead)),
            Err(why) => assert_eq!(why, NotReadable::WriterDead),
        }
    }
    println!("{whole} of 10 killed writers left a whole top");
}

#[test]
fn a_restarted_writer_is_picked_up_without_a_new_reader() {
    let (_alone, dir) = (alone(), TestDir::new());
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let tickbook = attach(&dir);
    let mut reader = tickbook.book("BTC-USDT").unwrap();
    let mut generation = tickbook.engine().generation;
    until_readable(&mut reader);
    for how in ["kill", "close"] {
        match how {
            "kill" => {
                writer.kill();
                let late = clock::mono_now().plus(2 * HEARTBEAT_NS);
                assert_eq!(reader.top_at(late), Err(NotReadable::WriterDead));
            }
            _ => {
                writer.close();
                let error = until("the end", || reader.top().err());
                assert_eq!(error, NotReadable::Closed);
                assert!(!dir.path().join("test.shm").exists());
                assert!(!dir.path().join("test.lock").exists());
            }
        }
        writer = Writer::start(dir.path(), HEARTBEAT_NS);
        until_readable(&mut reader);
        let engine = tickbook.engine();
        assert!(engine.generation > generation, "after {how}");
        assert_eq!(engine.pid, writer.pid());
        generation = engine.generation;
    }
}

#[test]
fn a_stopped_writer_is_dead_until_it_goes_on() {
    let (_alone, dir) = (alone(), TestDir::new());
    let writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let mut reader = attach(&dir).book("BTCUSDT").unwrap();
    until_readable(&mut reader);
    writer.signal(Signal::STOP);
    until("a dead writer", || (reader.top() == Err(NotReadable::WriterDead)).then_some(()));
    writer.signal(Signal::CONT);
    until_readable(&mut reader);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let (_alone, dir) = (alone(), TestDir::new());
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let config = config(dir.path(), HEARTBEAT_NS);
    match Segment::create(&config) {
        Err(error @ ShmError::Locked { .. }) => {
            assert!(error.to_string().contains(&writer.pid().to_string()), "{error}");
        }
        other => panic!("{other:?}"),
    }
    writer.kill();
    // The lock goes with the process, and the file it left is no hindrance.
    assert!(Segment::create(&config).is_ok());
}

#[test]
fn the_only_live_engine_is_found_among_dead_ones() {
    let (_alone, dir) = (alone(), TestDir::new());
    let no_engine = Tickbook::attach_in(dir.path(), None).unwrap_err();
    assert!(matches!(no_engine, AttachError::NoEngine { .. }), "{no_engine}");
    let start = Instant::now();
    let wait = Duration::from_millis(50);
    assert!(Tickbook::wait_in(dir.path(), None, wait).is_err());
    assert!(start.elapsed() >= wait);

    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    assert_eq!(Tickbook::attach_in(dir.path(), None).unwrap().engine().name, "test");
    let other = tickbook_shm::SegmentConfig {
        name: "other".to_owned(),
        ..config(dir.path(), HEARTBEAT_NS)
    };
    let mut segment = Segment::create(&other).unwrap();
    let mut builder = segment.take_builder(0).unwrap();
    let mut beat_ahead = || builder.beat(MonoNanos(clock::mono_now().0 + PATIENT_NS));
    beat_ahead();
    match Tickbook::attach_in(dir.path(), None).unwrap_err() {
        AttachError::SeveralEngines { mut names } => {
            names.sort();
            assert_eq!(names, ["other", "test"]);
        }
        error => panic!("{error}"),
    }
    writer.kill();
    let only = until("the death of one", || Tickbook::attach_in(dir.path(), None).ok());
    assert_eq!(only.engine().name, "other");
    drop((builder, segment));
    let error = Tickbook::attach_in(dir.path(), None).unwrap_err();
    assert!(error.to_string().contains("dead: test"), "{error}");
}
