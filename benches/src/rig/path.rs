//! The whole path in one thread, as the engine runs it with an inline builder.

use std::sync::atomic::{AtomicU32, Ordering};

use tickbook_engine::builder::{Builder, LaneEnd};
use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_engine::limits;
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{ConnId, Epoch, MonoNanos, Padded, RecvStamps, clock};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session,
};

use crate::feed::{Feed, Warmup};

/// What a path is made for.
#[derive(Clone, Copy, Debug)]
pub struct PathSize {
    /// Books that it may hold.
    pub books: u32,
    /// Published levels a side.
    pub depth: usize,
    /// Slots of the ring.
    pub slots: usize,
}

impl Default for PathSize {
    /// A replay's: 16 books, 32 levels a side, a ring of 256 KiB.
    fn default() -> Self {
        Self { books: 16, depth: 32, slots: 1 << 12 }
    }
}

/// Paths made so far; with nothing to pair with, only different numbers matter.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Ticks between two beats: some milliseconds.
const BEAT_TICKS: u64 = 1 << 23;

/// Session, ring, ladder, checks, shared memory, counters and stamps.
pub struct PathRig {
    session: Box<dyn Session>,
    lane: Lane,
    builder: Builder,
    actions: Actions,
    counters: SessionCounters,
    epoch: Epoch,
    name: String,
    _segment: Segment,
}

impl PathRig {
    /// The path for a feed, without books.
    ///
    /// # Panics
    ///
    /// If shared memory cannot be had: nothing can be measured then.
    #[must_use]
    pub fn new(feed: &Feed, size: PathSize) -> Self {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench-path-{}-{made}", std::process::id());
        let mut segment = Segment::create(&SegmentConfig {
            name: name.clone(),
            books_max: size.books,
            depth: u32::try_from(size.depth).expect("a depth that a file can have"),
            conns_max: 1,
            threads_max: 1,
            event_slots: limits::EVENT_SLOTS,
            ..SegmentConfig::default()
        })
        .expect("shared memory that can be written");
        let writer = segment.take_builder(0).expect("a builder that is free");
        let stats = segment.take_thread(0, "builder").expect("a thread that is free");
        let desk = Desk::new(
            DeskConfig { depth: size.depth, books_max: size.books as usize },
            writer,
            stats,
        );
        let (lane, messages) = ring(size.slots);
        // Nobody listens to resync requests: the end state is checked to be live.
        let (requests, _) = ring(limits::RESYNC_SLOTS);
        let lane_end = LaneEnd::new(messages, requests);
        let mut config =
            SessionConfig::new(feed.venue, Vec::new(), Mode::Replay { discover: true });
        config.conns_max = 1;
        config.books_max = size.books;
        let mut path = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            builder: Builder::new(vec![lane_end], desk, BEAT_TICKS),
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            epoch: Epoch(0),
            name,
            _segment: segment,
        };
        path.call(|session, cx| session.start(cx));
        path
    }

    /// What its file of shared memory is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The builder, to look at its books.
    #[must_use]
    pub const fn builder(&self) -> &Builder {
        &self.builder
    }

    /// Connects anew and brings the books to life: they are as they were at the first time.
    pub fn sync(&mut self, feed: &Feed) {
        if self.epoch != Epoch(0) {
            self.call(|session, cx| session.on_disconnected(ConnId(0), cx));
        }
        self.epoch.0 += 1;
        let epoch = self.epoch;
        self.call(|session, cx| session.on_connected(ConnId(0), epoch, cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => self.take(frame.padded(), &RecvStamps::default()),
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

    /// Takes one message that is received now, until its book is published.
    #[inline]
    pub fn take_now(&mut self, message: Padded<'_>) {
        self.take(message, &RecvStamps { received: clock::now(), ..RecvStamps::default() });
    }

    /// Takes one message, until its book is published.
    #[inline]
    pub fn take(&mut self, message: Padded<'_>, stamps: &RecvStamps) {
        let Self { session, lane, actions, counters, builder, .. } = self;
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), message, stamps, &mut cx);
        builder.turn();
        if !self.actions.is_empty() {
            self.actions.drain().for_each(drop);
        }
    }

    /// A turn without a message: readers see that the builder is alive.
    #[inline]
    pub fn idle(&mut self) {
        self.builder.turn();
    }
}

impl core::fmt::Debug for PathRig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PathRig").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
