//! An engine in another process: this test binary, started again as a writer.
//!
//! Everything it publishes is a function of the publish's number, so a reader can tell a torn
//! snapshot from a whole one by itself.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tickbook::{
    BookHeader, BookId, BookState, ConnId, ConnState, Depth, Epoch, Level, Price, Quotes, Reason,
    Scale, SeqNo, Size, SnapshotFlags, Top, Venue, WallNanos,
};
use tickbook_shm::{Segment, SegmentConfig, Snapshot};
use tickbook_types::{BookSpec, Instrument, clock};

const ROLE: &str = "TICKBOOK_TEST_WRITER";
const DIR: &str = "TICKBOOK_TEST_DIR";
const HEARTBEAT: &str = "TICKBOOK_TEST_HEARTBEAT_NS";

/// Published levels a side of a test writer.
pub(crate) const DEPTH: usize = 20;

/// A directory of its own for each test, gone when the test ends.
pub(crate) struct TestDir(PathBuf);

impl TestDir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = parent.join(format!("tickbook-reader-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn config(dir: &Path, heartbeat_ns: i64) -> SegmentConfig {
    SegmentConfig {
        dir: dir.to_owned(),
        name: "test".to_owned(),
        books_max: 4,
        conns_max: 4,
        builders: 2,
        threads_max: 1,
        depth: u32::try_from(DEPTH).unwrap(),
        heartbeat_ns,
        event_slots: 1024,
    }
}

pub(crate) fn spec(id: u32, conn: u32, symbol: &str) -> BookSpec {
    let mut instrument = Instrument::unlisted(Venue::BinanceSpot, symbol);
    instrument.base = symbol[..3].to_owned();
    instrument.quote = symbol[3..].to_owned();
    let scale = Scale { price_exponent: -2, size_exponent: -5 };
    let (book, conn) = (BookId(id), ConnId(conn));
    BookSpec {
        book,
        conn,
        name: symbol.to_owned(),
        instrument,
        scale,
        depth_max: None,
        crosses: false,
    }
}

/// A writer in another process; killed when dropped.
pub(crate) struct Writer {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Writer {
    /// Starts one and waits until its file is there. It ends with this process.
    pub(crate) fn start(dir: &Path, heartbeat_ns: i64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_process", "--nocapture"])
            .env(ROLE, "1")
            .env(DIR, dir)
            .env(HEARTBEAT, heartbeat_ns.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.ends_with("writer is ready")));
        assert!(ready, "the writer did not start");
        // Read on, so that the child never meets a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let stdin = child.stdin.take();
        Self { child, stdin }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to close in order, and waits until it has.
    pub(crate) fn close(&mut self) {
        self.stdin.take();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The writer's life, if this process was started as one.
pub(crate) fn run_if_asked() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let heartbeat_ns = std::env::var(HEARTBEAT).unwrap().parse().unwrap();
    let mut segment = Segment::create(&config(&dir, heartbeat_ns)).unwrap();
    let mut builder = segment.take_builder(0).unwrap();
    let mut conn = segment.take_conn(0).unwrap();
    conn.set_state(ConnState::Open);
    builder.add_book(&spec(0, 0, "BTCUSDT")).unwrap();
    builder.add_book(&spec(1, 0, "ETHUSDT")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stdin_ended = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stdin_ended.store(true, Ordering::Relaxed);
    });
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    let mut publish = |number: u64| {
        for book in [0, 1] {
            fill(&mut bids, book, number, 0);
            fill(&mut asks, book, number, 1);
            let changed = match book {
                0 => 0..DEPTH,
                // One slot of book 1 changes per publish.
                _ => slot_of(number)..slot_of(number) + 1,
            };
            let snapshot = snapshot(number, &bids, &asks, changed);
            builder.publish(BookId(book), &snapshot);
        }
        builder.beat(clock::mono_now());
    };
    println!("\nwriter is ready");
    std::io::stdout().flush().unwrap();
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        publish(number);
        // Between back to back and a microsecond apart, so that reads meet every phase.
        for _ in 0..number % 16 {
            std::hint::spin_loop();
        }
    }
    drop(builder);
    segment.close();
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number % DEPTH as u64).unwrap()
}

/// The publish that a slot of a book was last changed by.
fn number_of(book: u32, number: u64, slot: u64) -> u64 {
    if book == 0 {
        return number;
    }
    // The greatest number up to `number` that is `slot` modulo the depth; 0 if there was none.
    let back = (number % DEPTH as u64 + DEPTH as u64 - slot) % DEPTH as u64;
    number.saturating_sub(back)
}

/// How many levels a side has: of book 0 it varies.
fn levels_of(book: u32, number: u64, side: u64) -> u64 {
    if book == 0 { (number / (side + 1)) % (DEPTH as u64 + 1) } else { DEPTH as u64 }
}

fn level(book: u32, number: u64, side: u64, slot: u64) -> Level {
    let word = number_of(book, number, slot).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let price = word.rotate_left(7) ^ (slot << 1 | side);
    Level { price: Price(price.cast_signed()), size: Size(word ^ price) }
}

fn fill(levels: &mut Vec<Level>, book: u32, number: u64, side: u64) {
    levels.clear();
    levels.extend((0..levels_of(book, number, side)).map(|slot| level(book, number, side, slot)));
}

fn half(number: u64) -> u32 {
    u32::try_from(number & 0xffff_ffff).unwrap()
}

fn snapshot<'a>(
    number: u64,
    bids: &'a [Level],
    asks: &'a [Level],
    changed: std::ops::Range<usize>,
) -> Snapshot<'a> {
    let wall = |factor: u64| WallNanos(number.wrapping_mul(factor).cast_signed());
    Snapshot {
        state: BookState::Live,
        reason: Reason::ALL[usize::try_from(number % 11).unwrap()],
        epoch: Epoch(half(number * 3)),
        flags: SnapshotFlags::HAS_SEQ,
        seq: SeqNo(number),
        scale: Scale {
            price_exponent: i8::try_from(number % 9).unwrap() - 9,
            size_exponent: i8::try_from(number % 7).unwrap() - 7,
        },
        instrument_epoch: half(number * 5),
        bid_levels: half(number * 7),
        ask_levels: half(number * 11),
        venue_time: wall(13),
        kernel_time: wall(17),
        received_wall: wall(19),
        published_wall: wall(23),
        bids,
        asks,
        bids_changed: changed.clone(),
        asks_changed: changed,
    }
}

/// Checks that every word of a header is that of one publish; returns its number.
fn check_header(header: &BookHeader) -> u64 {
    let number = header.seq.unwrap().0;
    let expected = snapshot(number, &[], &[], 0..0);
    assert_eq!((header.state, header.reason), (expected.state, expected.reason), "{header:?}");
    assert_eq!((header.epoch, header.scale), (expected.epoch, expected.scale), "{header:?}");
    assert_eq!(header.instrument_epoch, expected.instrument_epoch, "{header:?}");
    assert_eq!(header.bid_levels, expected.bid_levels, "{header:?}");
    assert_eq!(header.ask_levels, expected.ask_levels, "{header:?}");
    assert_eq!(header.venue_time, expected.venue_time, "{header:?}");
    assert_eq!(header.kernel_time, expected.kernel_time, "{header:?}");
    assert_eq!(header.received_wall, expected.received_wall, "{header:?}");
    assert_eq!(header.published_wall, expected.published_wall, "{header:?}");
    // The empty publish of `add_book` came before the first.
    assert_eq!(header.publishes, number + 1, "{header:?}");
    number
}

/// Checks that every word of a top is that of one publish; returns its number.
pub(crate) fn check_top(book: u32, top: &Top) -> u64 {
    let number = check_header(&top.header);
    let best = |side| (levels_of(book, number, side) > 0).then(|| level(book, number, side, 0));
    assert_eq!((top.bid, top.ask), (best(0), best(1)), "publish {number}");
    number
}

/// Checks that every word of the quotes is that of one publish; returns its number.
pub(crate) fn check_quotes(book: u32, quotes: &Quotes) -> u64 {
    let number = quotes.seq.unwrap().0;
    let expected = snapshot(number, &[], &[], 0..0);
    assert_eq!((quotes.state, quotes.reason), (expected.state, expected.reason), "{quotes:?}");
    assert_eq!((quotes.epoch, quotes.scale), (expected.epoch, expected.scale), "{quotes:?}");
    assert_eq!(quotes.instrument_epoch, expected.instrument_epoch, "{quotes:?}");
    let best = |side| (levels_of(book, number, side) > 0).then(|| level(book, number, side, 0));
    assert_eq!((quotes.bid, quotes.ask), (best(0), best(1)), "publish {number}");
    number
}

/// Checks that every word of a depth is that of one publish; returns its number.
pub(crate) fn check_depth(book: u32, depth: &Depth) -> u64 {
    let number = check_header(depth.header());
    for (side, levels) in [(0, depth.bids()), (1, depth.asks())] {
        assert_eq!(levels.len() as u64, levels_of(book, number, side), "publish {number}");
        for (slot, got) in levels.iter().enumerate() {
            assert_eq!(*got, level(book, number, side, slot as u64), "publish {number}");
        }
    }
    number
}
