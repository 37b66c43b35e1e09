//! A replay from memory: the frames of a capture are handed to the session in place.

use std::thread;
use std::time::{Duration, Instant};

use tickbook_capture::{Capture, Record};
use tickbook_ring::{Consumer, ring};
use tickbook_shm::{Counter, Segment, SegmentConfig, StatsWriter};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{
    ConnId, Epoch, MessageHeader, MonoNanos, Padded, RecvStamps, Ticks, Venue, WallNanos,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session, subscriptions_from_open,
};

use super::{Pace, Pass, ReplayError, ReplayOptions, Stages, listed, recorded_path, venue_of};
use crate::builder::{Builder, LaneEnd};
use crate::desk::{Desk, DeskConfig};
use crate::idle::Idler;
use crate::limits;
use crate::room;
use crate::tally::Tally;
use crate::topology::{BuilderPlace, Topology, pin, usable_cores};

/// One pass over captures: each is a connection with the same subscriptions.
pub(super) fn pass(captures: &[Capture], options: &ReplayOptions) -> Result<Pass, ReplayError> {
    let [capture, ..] = captures else { return Err(ReplayError("no capture".to_owned())) };
    let venue = venue_of(capture, options.venue)?;
    let lines = u32::try_from(captures.len()).unwrap_or(u32::MAX);
    let topology = Topology::choose(1, usable_cores(), options.wishes);
    let mut config = session_config(capture, venue, options.sample_every, lines);
    config.instruments = listed(venue, options.instruments.as_deref())?;
    config.recorded_path = recorded_path(capture);
    let (books_max, conns_max) = (config.books_max, config.conns_max);
    // Without a list of them there are few, as a rule.
    let books = if config.subscriptions.is_empty() { 4 } else { config.subscriptions.len() };
    let session = session(config).map_err(|error| ReplayError(format!("{venue}: {error}")))?;
    let mut segment = Segment::create(&SegmentConfig {
        dir: options.shm_dir.clone(),
        name: options.name.clone(),
        books_max,
        conns_max,
        builders: 1,
        threads_max: 2,
        depth: options.published_depth,
        event_slots: limits::EVENT_SLOTS,
        ..SegmentConfig::default()
    })
    .map_err(fault)?;
    let stats = segment.take_thread(0, venue.name()).map_err(fault)?;
    let (lane, messages) = ring(captures.iter().map(lane_slots).max().unwrap_or(0));
    let (requests_in, requests) = ring(limits::RESYNC_SLOTS);
    let desk_config =
        DeskConfig { depth: options.published_depth as usize, books_max: books_max as usize };
    let writer = segment.take_builder(0).map_err(fault)?;
    let builder_stats = segment.take_thread(1, "builder").map_err(fault)?;
    let mut desk = Desk::new(desk_config, writer, builder_stats).publishing(options.publish);
    desk.prepare(books.min(limits::SPARE_BOOKS_MAX));
    let builder = Builder::new(vec![LaneEnd::new(messages, requests_in)], desk, BEAT_TICKS);

    let feeder = Feeder {
        venue,
        session,
        lane,
        requests,
        builder: None,
        actions: Actions::with_capacity(64),
        counters: SessionCounters::default(),
        clock: Converter::new(),
        epochs: vec![0; captures.len()],
        bytes: 0,
        stats,
    };
    let (mut fed, elapsed_s) = match topology.builder {
        BuilderPlace::Inline => {
            let start = Instant::now();
            let fed = pinned(options.cores.map(|(venue, _)| venue), || {
                feeder.with_builder(builder).feed(captures, options.pace)
            })?;
            (fed, start.elapsed().as_secs_f64())
        }
        BuilderPlace::OwnThread => two_threads(captures, options, topology, feeder, builder)?,
    };
    let mut pass = Pass {
        venue,
        topology,
        elapsed_s,
        counters: fed.counters,
        bytes: fed.bytes,
        books: super::Books::default(),
        checksums: crate::report::OkBad::default(),
        bbo_checks: None,
        crossed: 0,
        stages: Stages::read(options)?,
    };
    let mut builders: Vec<Builder> = fed.builder.take().into_iter().collect();
    pass.books_of(&mut builders, options.depth);
    drop(builders);
    segment.close();
    Ok(pass)
}

/// The venue side in one thread, the builder in another.
fn two_threads(
    captures: &[Capture],
    options: &ReplayOptions,
    topology: Topology,
    feeder: Feeder,
    mut builder: Builder,
) -> Result<(Fed, f64), ReplayError> {
    thread::scope(|scope| {
        let building = scope.spawn(|| {
            let pinned = options.cores.map_or(Ok(()), |(_, core)| pin(core));
            let mut idler = Idler::new(topology.idle);
            while !builder.is_done() {
                let work = builder.turn();
                idler.turn(work);
            }
            (pinned, builder)
        });
        let start = Instant::now();
        let feeding = scope.spawn(|| {
            pinned(options.cores.map(|(venue, _)| venue), || feeder.feed(captures, options.pace))
        });
        let dead = |_| ReplayError("a thread of the replay panicked".to_owned());
        let mut fed = feeding.join().map_err(dead)??;
        let (pinned, builder) = building.join().map_err(dead)?;
        let elapsed_s = start.elapsed().as_secs_f64();
        pinned.map_err(ReplayError)?;
        fed.builder = Some(builder);
        Ok((fed, elapsed_s))
    })
}

/// What a feeder left behind.
struct Fed {
    counters: SessionCounters,
    bytes: u64,
    builder: Option<Builder>,
}

/// The venue side of a replay from memory.
struct Feeder {
    venue: Venue,
    session: Box<dyn Session>,
    lane: Lane,
    requests: Consumer<()>,
    builder: Option<Builder>,
    actions: Actions,
    counters: SessionCounters,
    clock: Converter,
    /// How often each connection was opened.
    epochs: Vec<u32>,
    bytes: u64,
    stats: StatsWriter,
}

impl Feeder {
    fn with_builder(mut self, builder: Builder) -> Self {
        self.builder = Some(builder);
        self
    }

    fn feed(mut self, captures: &[Capture], pace: Pace) -> Fed {
        let starts = captures.iter().filter_map(|capture| capture.record(0));
        let first = starts.map(|record| record.ns()).min().unwrap_or(WallNanos(0));
        let pacer = Pacer::new(pace, first, &self.clock);
        self.call(MonoNanos(first.0), room::SMALL, |session, cx| session.start(cx));
        for (index, capture) in (0..).zip(captures) {
            if !matches!(capture.record(0), Some(Record::Open { .. })) {
                self.connected(index, first);
            }
        }
        let mut left: Vec<usize> = captures.iter().map(Capture::len).collect();
        for (index, record) in merged(captures) {
            let now = MonoNanos(record.ns().0);
            if now >= self.session.next_deadline() {
                self.call(now, room::SMALL, |session, cx| session.on_timer(cx));
            }
            self.record(index, record, &pacer);
            self.requests(now);
            left[index] -= 1;
            if left[index] == 0 && left.iter().any(|left| *left > 0) {
                // The others go on: this line has ended.
                self.settle(now);
                let conn = conn_of(index);
                self.call(now, room::EVERYTHING, |session, cx| session.on_disconnected(conn, cx));
            }
            self.actions.drain().for_each(drop);
        }
        self.finish()
    }

    #[inline]
    fn record(&mut self, index: usize, record: Record<'_>, pacer: &Pacer) {
        let (conn, now) = (conn_of(index), MonoNanos(record.ns().0));
        match record {
            Record::Frame { ns, text } => {
                let due = pacer.wait(ns, self.builder.as_mut());
                let stamps = self.stamps(room::of_frame(text.len()), text.len(), due);
                self.hand(now, |session, cx| session.on_message(conn, text, &stamps, cx));
            }
            Record::Binary { ns, bytes } => {
                let due = pacer.wait(ns, self.builder.as_mut());
                let stamps = self.stamps(room::of_binary(bytes.len()), bytes.len(), due);
                self.hand(now, |session, cx| session.on_binary(conn, bytes, &stamps, cx));
            }
            Record::Http { url, body, .. } => {
                self.settle(now);
                self.rest(now, url, body);
            }
            Record::Open { ns, .. } => {
                self.settle(now);
                self.connected(index, ns);
            }
            _ => {}
        }
    }

    /// Makes room for a frame of `len` bytes, and stamps it as received.
    #[inline]
    fn stamps(&mut self, slots: usize, len: usize, due: Option<Ticks>) -> RecvStamps {
        // What waits in the ring counts as latency: few messages do, enough for two threads.
        let want = slots.max(self.lane.capacity() - SLOTS_IN_FLIGHT);
        room::make(&mut self.lane, want, self.builder.as_mut());
        self.bytes += len as u64;
        // A frame that is handed over late counts from when it was due.
        let handed = clock::now();
        RecvStamps {
            kernel: None,
            received: due.map_or(handed, |due| due.min(handed)),
            poll_gap: 0,
        }
    }

    #[inline]
    fn hand(&mut self, now: MonoNanos, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        if let Some(builder) = &mut self.builder {
            builder.turn();
        }
    }

    fn rest(&mut self, now: MonoNanos, url: &str, body: Padded<'_>) {
        let result = parse_rest(self.venue, url, body.payload());
        let response = RestResponse { id: None, url_path: url.to_owned(), result };
        self.call(now, room::EVERYTHING, |session, cx| session.on_rest(response, cx));
    }

    fn connected(&mut self, index: usize, at: WallNanos) {
        let (conn, now) = (conn_of(index), MonoNanos(at.0));
        if self.epochs[index] > 0 {
            self.call(now, room::EVERYTHING, |session, cx| session.on_disconnected(conn, cx));
        }
        self.epochs[index] += 1;
        let epoch = Epoch(self.epochs[index]);
        self.call(now, room::SMALL, |session, cx| session.on_connected(conn, epoch, cx));
    }

    /// Lets the builder come to the end of what it has, and hears what it found: a request must not
    /// come before a snapshot in one run and after it in the next.
    fn settle(&mut self, now: MonoNanos) {
        room::make(&mut self.lane, room::EVERYTHING, self.builder.as_mut());
        self.requests(now);
    }

    fn requests(&mut self, now: MonoNanos) {
        while let Some(message) = self.requests.pop() {
            let MessageHeader { book, reason, seq, .. } = message.header;
            self.call(now, room::SMALL, |session, cx| session.on_resync(book, reason, seq.0, cx));
        }
    }

    fn call(
        &mut self,
        now: MonoNanos,
        want: usize,
        f: impl FnOnce(&mut dyn Session, &mut Context<'_>),
    ) {
        let Self { session, lane, builder, actions, counters, .. } = self;
        room::make(lane, want, builder.as_mut());
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        if let Some(builder) = builder {
            while builder.turn() > 0 {}
        }
    }

    fn finish(self) -> Fed {
        let Self { counters, bytes, mut builder, mut stats, .. } = self;
        if let Some(builder) = &mut builder {
            while builder.turn() > 0 {}
        }
        Tally::new().copy(&counters, &mut stats);
        stats.set(Counter::Bytes, bytes);
        Fed { counters, bytes, builder }
    }
}

/// Hands records over when they are due.
struct Pacer {
    ticks_per_nano: Option<f64>,
    first: WallNanos,
    start: Ticks,
}

impl Pacer {
    fn new(pace: Pace, first: WallNanos, clock: &Converter) -> Self {
        let ticks_per_nano = match pace {
            Pace::Max => None,
            Pace::Times(times) => Some(ticks_per_nano(clock) / times),
        };
        Self { ticks_per_nano, first, start: clock::now() }
    }

    /// Waits until a record of `at` is due; `None` at full pace.
    fn wait(&self, at: WallNanos, mut builder: Option<&mut Builder>) -> Option<Ticks> {
        let ticks_per_nano = self.ticks_per_nano?;
        let nanos = u64::try_from(at.0.saturating_sub(self.first.0)).unwrap_or(0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a point in time to some nanoseconds; the factor is positive"
        )]
        let due = Ticks(self.start.0.saturating_add((nanos as f64 * ticks_per_nano) as u64));
        loop {
            let now = clock::now();
            if now >= due {
                return Some(due);
            }
            if let Some(builder) = &mut builder {
                builder.turn();
            }
            if due.0 - now.0 > LONG_WAIT_TICKS {
                thread::sleep(Duration::from_millis(1));
            } else {
                core::hint::spin_loop();
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate to some digits")]
fn ticks_per_nano(clock: &Converter) -> f64 {
    (1_u64 << 30) as f64 / clock.nanos(1 << 30).max(1) as f64
}

/// Runs `f` in this thread, pinned if a core is given.
fn pinned<T>(core: Option<usize>, f: impl FnOnce() -> T) -> Result<T, ReplayError> {
    core.map_or(Ok(()), pin).map_err(ReplayError)?;
    Ok(f())
}

fn session_config(capture: &Capture, venue: Venue, sample_every: u32, lines: u32) -> SessionConfig {
    let subscriptions = capture.records().find_map(|record| match record {
        Record::Open { url, .. } => Some(subscriptions_from_open(venue, url)),
        _ => None,
    });
    let mode = Mode::Replay { discover: true };
    let mut config = SessionConfig::new(venue, subscriptions.unwrap_or_default(), mode);
    config.sample_every = sample_every;
    config.lines = lines;
    config.conns_max = config.conns_needed().max(1);
    config
}

/// Slots for the biggest frame of the capture, and otherwise few: a small ring stays in the cache.
fn lane_slots(capture: &Capture) -> usize {
    let frames = capture.records().filter_map(|record| match record {
        Record::Frame { text, .. } => Some(room::of_frame(text.len())),
        Record::Binary { bytes, .. } => Some(room::of_binary(bytes.len())),
        _ => None,
    });
    let biggest = frames.max().unwrap_or(0);
    (2 * biggest).next_power_of_two().max(REPLAY_SLOTS_MIN)
}

fn fault(error: tickbook_shm::ShmError) -> ReplayError {
    ReplayError(error.to_string())
}

/// The connection of a capture.
fn conn_of(index: usize) -> ConnId {
    ConnId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// The records of all captures by their time, and which capture each is of.
fn merged(captures: &[Capture]) -> impl Iterator<Item = (usize, Record<'_>)> {
    let mut sources: Vec<_> = captures.iter().map(|it| it.records().peekable()).collect();
    core::iter::from_fn(move || {
        let heads = sources.iter_mut().enumerate();
        let heads = heads.filter_map(|(index, it)| Some((it.peek()?.ns(), index)));
        let (_, index) = heads.min()?;
        Some((index, sources.get_mut(index)?.next()?))
    })
}

/// Slots that may wait for the builder: about ten messages of 20 levels.
const SLOTS_IN_FLIGHT: usize = 64;

/// 4,096 slots are 256 KiB: a second-level cache holds them.
const REPLAY_SLOTS_MIN: usize = 1 << 12;

/// Ticks between two beats: some milliseconds at any clock rate of today.
const BEAT_TICKS: u64 = 1 << 23;

/// Ticks that are better slept than spun: about 2 ms.
const LONG_WAIT_TICKS: u64 = 1 << 23;
