//! What the builder's side of the path costs: the messages of a capture, parsed once and kept in
//! memory, worked off by a desk again and again.
//!
//! ```sh
//! cargo run --release -p tickbook-engine --example desk_cost -- [--passes N] CAPTURE...
//! ```
//!
//! Printed for each capture, in nanoseconds a diff, the fastest and the median of N passes:
//!
//! - `desk`: everything a builder does with a message but taking it from the ring: ladder, top of
//!   both sides, checks, shared memory, events, counters, stamps;
//! - `apply`: the ladder alone, `+ top` with both tops kept, `+ best` with the best levels asked
//!   for;
//! - `read`: the levels are read and summed up, nothing else.
//!
//! Only diffs of books in sync are timed one by one; what a stamp costs is taken off.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use tickbook_book::{Book, BookConfig};
use tickbook_capture::{Capture, Record};
use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_engine::limits;
use tickbook_engine::replay::venue_of;
use tickbook_ring::{Consumer, ring};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{
    Block, ConnId, Epoch, LevelRecord, MessageFlags, MessageHeader, MessageKind, MonoNanos,
    RecvStamps, Side, WallNanos,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session, subscriptions_from_open,
};

/// Published levels a side.
const DEPTH: usize = 32;

fn main() -> ExitCode {
    let mut passes = 9;
    let mut args = std::env::args().skip(1);
    let mut files = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--passes" => passes = args.next().and_then(|n| n.parse().ok()).unwrap_or(passes),
            _ => files.push(arg),
        }
    }
    if files.is_empty() {
        eprintln!("usage: desk_cost [--passes N] CAPTURE...");
        return ExitCode::FAILURE;
    }
    for file in files {
        if let Err(error) = measure(Path::new(&file), passes) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(file: &Path, passes: usize) -> Result<(), String> {
    let capture = Capture::load(file).map_err(|error| error.to_string())?;
    let recording = Recording::of(&capture)?;
    let (diffs, levels) = recording.diffs();
    let per_diff = per(levels, diffs);
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    println!("{name}: {diffs} diffs, {per_diff:.1} levels each, {} messages", recording.count());
    let mut desk = Bench::new(&recording)?;
    let clock = Converter::new();
    let report = |name: &str, mut pass: Box<dyn FnMut() -> u64 + '_>| {
        let mut runs: Vec<u64> = (0..passes.max(1)).map(|_| clock.nanos(pass())).collect();
        runs.sort_unstable();
        let (least, median) = (per(runs[0], diffs), per(runs[runs.len() / 2], diffs));
        println!("  {name:8} {least:7.1} {median:7.1} ns/diff {:6.2} ns/level", least / per_diff);
    };
    report("desk", Box::new(|| desk.pass(&recording)));
    let mut books = Books::new(&recording);
    report("apply", Box::new(|| books.pass(&recording, apply_only)));
    let mut books = Books::new(&recording);
    report("+ top", Box::new(|| books.pass(&recording, with_top)));
    let mut books = Books::new(&recording);
    report("+ best", Box::new(|| books.pass(&recording, with_best)));
    let mut books = Books::new(&recording);
    report("read", Box::new(|| books.pass(&recording, read_only)));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an average for people")]
fn per(sum: u64, count: u64) -> f64 {
    sum as f64 / count.max(1) as f64
}

/// Every message of a lane, in order.
struct Recording {
    messages: Vec<(MessageHeader, Option<Block>)>,
    levels: Vec<LevelRecord>,
    books: usize,
}

impl Recording {
    fn of(capture: &Capture) -> Result<Self, String> {
        let venue = venue_of(capture, None).map_err(|error| error.to_string())?;
        let subscriptions = capture.records().find_map(|record| match record {
            Record::Open { url, .. } => Some(subscriptions_from_open(venue, url)),
            _ => None,
        });
        let mode = Mode::Replay { discover: true };
        let mut config = SessionConfig::new(venue, subscriptions.unwrap_or_default(), mode);
        config.conns_max = config.conns_max.max(1);
        let books = config.books_max as usize;
        let (lane, messages) = ring(1 << 20);
        let mut recorder = Recorder {
            session: session(config).map_err(|error| error.to_string())?,
            lane,
            messages,
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            recording: Self { messages: Vec::new(), levels: Vec::new(), books },
        };
        recorder.call(WallNanos(0), |session, cx| session.start(cx));
        recorder.call(WallNanos(0), |session, cx| session.on_connected(CONN, Epoch(1), cx));
        for record in capture.records() {
            match record {
                Record::Frame { ns, text } => {
                    let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
                    recorder.call(ns, |session, cx| session.on_message(CONN, text, &stamps, cx));
                }
                Record::Http { ns, url, body } => {
                    let result = parse_rest(venue, url, body.payload());
                    let response = RestResponse { id: None, url_path: url.to_owned(), result };
                    recorder.call(ns, |session, cx| session.on_rest(response, cx));
                }
                _ => {}
            }
        }
        Ok(recorder.recording)
    }

    fn count(&self) -> usize {
        self.messages.len()
    }

    fn each(&self, mut take: impl FnMut(&MessageHeader, &[LevelRecord], Option<&Block>)) {
        let mut rest = self.levels.as_slice();
        for (header, block) in &self.messages {
            let (levels, behind) = rest.split_at(header.count as usize);
            take(header, levels, block.as_ref());
            rest = behind;
        }
    }

    /// Whole diffs, and their levels.
    fn diffs(&self) -> (u64, u64) {
        let mut sum = (0, 0);
        self.each(|header, levels, _| {
            if is_timed(header) {
                sum = (sum.0 + 1, sum.1 + levels.len() as u64);
            }
        });
        sum
    }
}

fn is_timed(header: &MessageHeader) -> bool {
    header.kind == MessageKind::Delta && !header.flags.has(MessageFlags::MORE)
}

/// The one connection of a capture.
const CONN: ConnId = ConnId(0);

struct Recorder {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
    recording: Recording,
}

impl Recorder {
    fn call(&mut self, at: WallNanos, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        let now = MonoNanos(at.0);
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        self.actions.drain().for_each(drop);
        while let Some(message) = self.messages.pop() {
            self.recording.levels.extend_from_slice(message.levels);
            self.recording.messages.push((message.header, message.block));
        }
    }
}

/// A desk with its file of shared memory.
struct Bench {
    desk: Desk,
    stamp: u64,
    added: bool,
    _segment: Segment,
}

impl Bench {
    fn new(recording: &Recording) -> Result<Self, String> {
        let books_max = u32::try_from(recording.books).unwrap_or(u32::MAX);
        let mut segment = Segment::create(&SegmentConfig {
            name: format!("desk-cost-{}", std::process::id()),
            books_max,
            conns_max: 1,
            threads_max: 1,
            event_slots: limits::EVENT_SLOTS,
            ..SegmentConfig::default()
        })
        .map_err(|error| error.to_string())?;
        let writer = segment.take_builder(0).map_err(|error| error.to_string())?;
        let stats = segment.take_thread(0, "builder").map_err(|error| error.to_string())?;
        let config = DeskConfig { depth: DEPTH, books_max: recording.books };
        let desk = Desk::new(config, writer, stats);
        Ok(Self { desk, stamp: stamp_cost(), added: false, _segment: segment })
    }

    /// Ticks of all diffs.
    fn pass(&mut self, recording: &Recording) -> u64 {
        let mut ticks = 0;
        recording.each(|header, levels, block| match block {
            // A desk forgets no book; a pass begins by emptying it, at its first exponents.
            Some(Block::AddBook(spec)) if self.added => {
                let mut empty = MessageHeader::new(MessageKind::Snapshot, spec.book);
                empty.flags = MessageFlags::FIRST;
                self.desk.take(&empty, &[], None);
                let size = i64::from(spec.scale.size_exponent).cast_unsigned();
                let words = LevelRecord::from_words(spec.scale.price_exponent.into(), size);
                let rescale = MessageHeader::new(MessageKind::Rescale, spec.book);
                self.desk.take(&rescale, &[words], None);
            }
            None if is_timed(header) => {
                let begin = clock::now();
                black_box(self.desk.take(header, levels, None));
                ticks += clock::now().0 - begin.0 - self.stamp;
            }
            _ => {
                self.desk.take(header, levels, block.cloned());
            }
        });
        self.added = true;
        ticks
    }
}

/// The books alone, at the scale that their first diffs are in.
struct Books {
    books: Vec<Book>,
    stamp: u64,
}

impl Books {
    fn new(recording: &Recording) -> Self {
        let config = BookConfig {
            published_depth: DEPTH,
            window_slots: BookConfig::window_slots_for(recording.books),
            overflow_capacity: limits::OVERFLOW_CAPACITY,
            levels_limit: limits::LEVELS_MAX,
            ..BookConfig::default()
        };
        let books = (0..recording.books).map(|_| Book::new(&config)).collect();
        Self { books, stamp: stamp_cost() }
    }

    fn pass(&mut self, recording: &Recording, timed: fn(&mut Book, &[LevelRecord])) -> u64 {
        let mut ticks = 0;
        recording.each(|header, levels, block| {
            let Some(book) = self.books.get_mut(header.book.index()) else { return };
            match (header.kind, block) {
                (MessageKind::Delta, _) if is_timed(header) => {
                    let begin = clock::now();
                    timed(book, levels);
                    ticks += clock::now().0 - begin.0 - self.stamp;
                }
                (MessageKind::Delta, _) => apply_only(book, levels),
                (_, Some(Block::Snapshot(block))) => {
                    book.clear();
                    if book.rescale(block.scale).is_ok() {
                        with_top(book, &block.levels);
                    }
                }
                (MessageKind::Rescale, _) => {
                    let (price, size) = levels[0].words();
                    let exponent = |word: i64| i8::try_from(word).unwrap_or_default();
                    // One that does not fit leaves the book in the old one; good enough here.
                    let _ = book.rescale(tickbook_types::Scale {
                        price_exponent: exponent(price),
                        size_exponent: exponent(size.cast_signed()),
                    });
                }
                _ => {}
            }
        });
        ticks
    }
}

fn apply_only(book: &mut Book, levels: &[LevelRecord]) {
    let _ = black_box(book.apply(levels));
}

fn with_top(book: &mut Book, levels: &[LevelRecord]) {
    let _ = black_box(book.apply(levels));
    book.finish();
    black_box((book.changed_top(Side::Bid), book.changed_top(Side::Ask)));
}

fn with_best(book: &mut Book, levels: &[LevelRecord]) {
    let _ = black_box(book.apply(levels));
    black_box((book.best(Side::Bid), book.best(Side::Ask)));
}

fn read_only(_: &mut Book, levels: &[LevelRecord]) {
    let sum = levels.iter().fold(0_u64, |sum, it| sum.wrapping_add(it.size().0));
    black_box(sum);
}

/// Ticks between two stamps with nothing between them.
fn stamp_cost() -> u64 {
    (0..10_000)
        .map(|_| black_box(u64::wrapping_sub(0, clock::now().0).wrapping_add(clock::now().0)))
        .min()
        .unwrap_or(0)
}
