//! The whole path in one thread: the bytes of a message in memory until its book is published.
//!
//! Ours is what the engine runs with an inline builder: session, ring, ladder, checks, shared
//! memory, counters, stamps. The peer is what a careful user builds from crates: typed JSON, an
//! ordered map a side, a lock a book. Neither decodes frames here; the bench of frames does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkGroup, Throughput, measurement::WallTime};
use tickbook_benches::capture;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::peer::{Diff, MapBook, MapBooks, Snapshot};
use tickbook_engine::builder::{Builder, LaneEnd};
use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_engine::limits;
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{
    BookState, ConnId, Decimal, Epoch, Level, MonoNanos, Padded, RecvStamps, Side, clock,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session,
};

/// Messages of the generated feed.
const MESSAGES: usize = 10_000;

/// Books of one file.
const BOOKS: u32 = 16;

/// Slots of the ring: 256 KiB, as in a replay.
const SLOTS: usize = 1 << 12;

/// Published levels a side.
const DEPTH: usize = 32;

/// Ticks between two beats: some milliseconds.
const BEAT_TICKS: u64 = 1 << 23;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    for feed in std::iter::once(Feed::generated(MESSAGES)).chain(capture::feeds()) {
        check(&feed);
        let group = criterion.benchmark_group(format!("memory_to_published, {}", feed.name));
        path(group, &feed);
    }
    criterion.final_summary();
}

fn path(mut group: BenchmarkGroup<'_, WallTime>, feed: &Feed) {
    let (messages, levels) = (feed.frames.len() as u64, feed.levels());
    eprintln!(
        "{}: {} messages, {} bytes and {}.{} levels each",
        feed.name,
        messages,
        feed.bytes() / messages,
        levels / messages,
        levels * 10 / messages % 10,
    );
    group.sample_size(20);
    group.throughput(Throughput::Elements(messages));
    let mut buffer = vec![0_u8; feed.frames.iter().map(|it| it.padded().len()).max().unwrap_or(0)];
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for frame in &feed.frames {
                let text = black_box(frame.padded().payload());
                buffer[..text.len()].copy_from_slice(text);
                black_box(&mut buffer);
            }
        });
    });
    for (name, slots) in [("tickbook", SLOTS), ("tickbook, live ring", limits::LANE_SLOTS)] {
        let mut path = Path::new(feed, slots);
        group.bench_function(name, |b| {
            b.iter_custom(|passes| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..passes {
                    path.sync(feed);
                    let start = Instant::now();
                    feed.frames.iter().for_each(|frame| path.take(frame.padded()));
                    elapsed += start.elapsed();
                }
                elapsed
            });
        });
    }
    group.bench_function("sonic-rs + BTreeMap", |b| {
        let pass =
            |books: &mut MapBooks| feed.frames.iter().for_each(|it| take(books, it.padded()));
        b.iter_batched_ref(|| synced(feed), pass, BatchSize::PerIteration);
    });
    group.finish();
}

/// Both must end with the same books.
fn check(feed: &Feed) {
    let mut path = Path::new(feed, SLOTS);
    path.sync(feed);
    let books = synced(feed);
    feed.frames.iter().for_each(|frame| path.take(frame.padded()));
    // A second time, as it is timed.
    path.sync(feed);
    for frame in &feed.frames {
        path.take(frame.padded());
        take(&books, frame.padded());
    }
    let mut count = 0;
    for slot in path.builder.desk().slots() {
        assert_eq!(slot.state, BookState::Live, "{}", slot.spec.name);
        let theirs = books.books[&slot.spec.name].lock().expect("no panic while locked");
        let scale = slot.book.scale();
        let ours = |side| {
            let pair = |level: Level| {
                let price = Decimal::new(level.price.0.into(), scale.price_exponent.into());
                let size = Decimal::new(level.size.0.into(), scale.size_exponent.into());
                let both = (price.to_mantissa(-8), size.to_mantissa(-8));
                (both.0.expect("eight decimals do"), both.1.expect("eight decimals do"))
            };
            slot.book.levels(side).map(pair).collect::<Vec<_>>()
        };
        let whole = theirs.top(usize::MAX);
        assert_eq!((ours(Side::Bid), ours(Side::Ask)), whole, "{}", slot.spec.name);
        count += 1;
    }
    assert_eq!(count, books.books.len());
}

/// Our path, with its file of shared memory.
struct Path {
    session: Box<dyn Session>,
    lane: Lane,
    builder: Builder,
    actions: Actions,
    counters: SessionCounters,
    epoch: Epoch,
    _segment: Segment,
}

impl Path {
    /// The path for a feed, without books.
    fn new(feed: &Feed, slots: usize) -> Self {
        let mut segment = Segment::create(&SegmentConfig {
            name: format!("bench-path-{}", std::process::id()),
            books_max: BOOKS,
            conns_max: 1,
            threads_max: 1,
            event_slots: limits::EVENT_SLOTS,
            ..SegmentConfig::default()
        })
        .expect("shared memory that can be written");
        let writer = segment.take_builder(0).expect("a builder that is free");
        let stats = segment.take_thread(0, "builder").expect("a thread that is free");
        let desk = Desk::new(DeskConfig { depth: DEPTH, books_max: BOOKS as usize }, writer, stats);
        let (lane, messages) = ring(slots);
        // Nobody listens to resync requests: the end state is checked to be live.
        let (requests, _) = ring(limits::RESYNC_SLOTS);
        let lane_end = LaneEnd::new(messages, requests);
        let mut config =
            SessionConfig::new(feed.venue, Vec::new(), Mode::Replay { discover: true });
        config.conns_max = 1;
        let mut path = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            builder: Builder::new(vec![lane_end], desk, BEAT_TICKS),
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            epoch: Epoch(0),
            _segment: segment,
        };
        path.call(|session, cx| session.start(cx));
        path
    }

    /// Connects anew and brings the books to life: they are as they were at the first time.
    fn sync(&mut self, feed: &Feed) {
        if self.epoch != Epoch(0) {
            self.call(|session, cx| session.on_disconnected(ConnId(0), cx));
        }
        self.epoch.0 += 1;
        let epoch = self.epoch;
        self.call(|session, cx| session.on_connected(ConnId(0), epoch, cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => self.take(frame.padded()),
                Warmup::Rest { url, body } => {
                    let result = parse_rest(feed.venue, url, body);
                    let response = RestResponse { id: None, url_path: url.clone(), result };
                    self.call(|session, cx| session.on_rest(response, cx));
                }
            }
        }
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        let now = MonoNanos(0);
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        while self.builder.turn() > 0 {}
        self.actions.drain().for_each(drop);
    }

    #[inline]
    fn take(&mut self, frame: Padded<'_>) {
        let Self { session, lane, actions, counters, builder, .. } = self;
        let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), frame, &stamps, &mut cx);
        builder.turn();
        if !self.actions.is_empty() {
            self.actions.drain().for_each(drop);
        }
    }
}

/// The peer's books, with every diff of the warm-up that the snapshots do not hold.
fn synced(feed: &Feed) -> MapBooks {
    let mut books = MapBooks::default();
    for step in &feed.warmup {
        if let Warmup::Rest { url, body } = step {
            let symbol = url.split("symbol=").nth(1).and_then(|rest| rest.split('&').next());
            let snapshot: Snapshot = sonic_rs::from_slice(body).expect("a snapshot");
            let symbol = symbol.expect("a symbol in the URL").to_owned();
            books.books.insert(symbol, MapBook::from_snapshot(&snapshot).into());
        }
    }
    for step in &feed.warmup {
        if let Warmup::Frame(frame) = step {
            take(&books, frame.padded());
        }
    }
    books
}

#[inline]
fn take(books: &MapBooks, frame: Padded<'_>) {
    let diff: Diff<'_, 8, 8> = Diff::of(frame.payload()).expect("a diff");
    if let Some(book) = books.books.get(diff.symbol) {
        book.lock().expect("no panic while locked").apply(&diff);
    }
}
