//! The engine: what the threads are made of, how they start, and how they end.
//!
//! # Guarantees
//!
//! - [`Engine::start`] either returns a running engine or leaves nothing behind.
//! - [`Engine::stop`] ends every thread, gives back the final books, marks the shared-memory file
//!   closed and removes it.
//! - [`Engine::watch`] reports a path thread that died; an engine without one is no engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use tickbook_net::{ConnectionOptions, TlsConfig, TlsOptions};
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig, StatsWriter};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{BookId, ConnId, Reason, Venue};
use tickbook_venues::{
    Endpoints, Key, Mode, SessionConfig, SessionCounters, Subscription, session,
};

use crate::builder::{Builder, LaneEnd};
use crate::desk::{Desk, DeskConfig, Publish};
use crate::idle::{Idle, Idler};
use crate::limits;
use crate::play::Play;
use crate::service::{Answer, Service};
use crate::topology::{BuilderPlace, Topology, Wishes, pin, usable_cores};
use crate::venue::{Notice, VenueParts, VenueThread};

/// Everything an engine is made of.
#[derive(Debug)]
pub struct EnginePlan {
    /// Name of the engine and of its shared-memory file.
    pub name: String,
    /// Folder of that file.
    pub shm_dir: PathBuf,
    /// Levels a side that are published.
    pub depth: u32,
    /// Heartbeat interval.
    pub heartbeat: Duration,
    /// When books are published.
    pub publish: Publish,
    /// The inner stages of every n-th message are stamped; 0 stamps none.
    pub sample_every: u32,
    /// PEM file of roots to trust besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// Core of the builder thread.
    pub builder_core: Option<usize>,
    /// What the user asked of the topology.
    pub wishes: Wishes,
    /// The venues, one thread each.
    pub venues: Vec<VenuePlan>,
}

impl EnginePlan {
    /// Whether an engine could be made of it: sessions and trust anchors, short of files, cores and
    /// sockets.
    ///
    /// # Errors
    ///
    /// A line that says what is wrong and what to do.
    pub fn check(&self) -> Result<(), String> {
        for config in sessions_of(self)? {
            let venue = config.venue;
            session(config).map_err(|error| format!("{venue}: {error}"))?;
        }
        let tls = TlsOptions { extra_roots: self.ca_file.clone(), ..TlsOptions::default() };
        TlsConfig::new(&tls).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// One venue of an engine.
#[derive(Debug)]
pub struct VenuePlan {
    /// The venue.
    pub venue: Venue,
    /// What to subscribe.
    pub subscriptions: Vec<Subscription>,
    /// Connections with the same subscriptions; see [`SessionConfig::lines`].
    pub lines: u32,
    /// Its addresses.
    pub endpoints: Endpoints,
    /// Core of its thread.
    pub core: Option<usize>,
    /// Silence after which its books are not fresh, ns; 0: never.
    pub silence_ns: i64,
    /// How to connect.
    pub options: ConnectionOptions,
    /// The recording that is played, if one is.
    pub play: Option<Play>,
    /// The venue's key, for venues that want one.
    pub key: Option<Key>,
}

/// What became of a venue thread.
#[derive(Debug)]
pub struct VenueEnd {
    /// The venue.
    pub venue: Venue,
    /// Counts of its session.
    pub counters: SessionCounters,
    /// Bytes of its messages.
    pub bytes: u64,
    builder: Option<Builder>,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    stop: StopOrder,
    progress: Vec<Arc<Progress>>,
    wishes: Vec<(Venue, Sender<Answer>)>,
    venues: Vec<JoinHandle<VenueEnd>>,
    builder: Option<JoinHandle<Builder>>,
    service: Service,
    segment: Segment,
    notices: Receiver<Notice>,
    topology: Topology,
}

/// How far a venue thread is, for those who wait for a recording to end. In lines of its own: every
/// turn that found work stores to it, and small allocations of one start lie side by side.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Progress {
    frames: std::sync::atomic::AtomicU64,
    rest_answers: std::sync::atomic::AtomicU64,
}

impl Progress {
    /// Messages received.
    #[must_use]
    pub fn frames(&self) -> u64 {
        // Relaxed: a progress report orders nothing.
        self.frames.load(Ordering::Relaxed)
    }

    /// REST answers taken.
    #[must_use]
    pub fn rest_answers(&self) -> u64 {
        // Relaxed: a progress report orders nothing.
        self.rest_answers.load(Ordering::Relaxed)
    }
}

/// What an engine was when it ended.
#[derive(Debug)]
pub struct EngineEnd {
    /// The venue threads' counts.
    pub venues: Vec<VenueEnd>,
    /// The builders with their books as they were at the end, before closing.
    pub builders: Vec<Builder>,
    segment: Segment,
}

impl EngineEnd {
    /// Marks the books closed and removes the file.
    pub fn close(mut self) {
        for builder in &mut self.builders {
            builder.desk_mut().close(Reason::Shutdown);
        }
        drop(self.builders);
        self.segment.close();
    }
}

impl Engine {
    /// Starts every thread.
    ///
    /// # Errors
    ///
    /// A line that says what is wrong and what to do: a wrong symbol, a core that is not there, a
    /// file that cannot be made.
    pub fn start(plan: EnginePlan) -> Result<Self, String> {
        let topology = Topology::choose(plan.venues.len(), usable_cores(), plan.wishes);
        let sessions = sessions_of(&plan)?;
        let tls = TlsOptions { extra_roots: plan.ca_file.clone(), ..TlsOptions::default() };
        let tls = Arc::new(TlsConfig::new(&tls).map_err(|error| error.to_string())?);
        let (service, jobs) = Service::start(plan.ca_file.as_deref(), limits::REST_WORKERS)?;
        let segment = segment_of(&plan, &sessions, topology)?;
        let books_max = sessions.iter().map(|config| config.books_max as usize).sum();
        let desk = DeskConfig { depth: plan.depth as usize, books_max };
        let beat_ticks = ticks_of(plan.heartbeat / BEATS_PER_INTERVAL);

        let (notice, notices) = crossbeam_channel::unbounded();
        let mut engine = Self {
            stop: StopOrder(Arc::new(Order(AtomicBool::new(false)))),
            progress: Vec::new(),
            wishes: Vec::new(),
            venues: Vec::new(),
            builder: None,
            service,
            notices,
            topology,
            segment,
        };
        let mut lane_ends = Vec::new();
        let mut threads = 0;
        for (index, (venue, config)) in plan.venues.into_iter().zip(sessions).enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let (lane, messages) = ring(limits::LANE_SLOTS);
            let (requests_in, requests) = ring(limits::RESYNC_SLOTS);
            let lane_end = LaneEnd::new(messages, requests_in);
            let segment = &mut engine.segment;
            let stats = thread_stats(segment, &mut threads, venue.venue.name())?;
            let builder = if topology.builder == BuilderPlace::Inline {
                let writer = segment.take_builder(index).map_err(|error| error.to_string())?;
                let stats = thread_stats(segment, &mut threads, "builder")?;
                let desk = Desk::new(desk, writer, stats).publishing(plan.publish);
                Some(Builder::new(vec![lane_end], desk, beat_ticks))
            } else {
                lane_ends.push(lane_end);
                None
            };
            let conns = (0..config.conns_max)
                .map(|conn| {
                    let mut line = segment.take_conn(config.first_conn.0 + conn)?;
                    line.set_silence_limit_ns(venue.silence_ns);
                    Ok(line)
                })
                .collect::<Result<_, tickbook_shm::ShmError>>()
                .map_err(|error| error.to_string())?;
            let parts = VenueParts {
                venue: venue.venue,
                endpoints: venue.endpoints,
                tls: Arc::clone(&tls),
                options: venue.options,
                first_conn: config.first_conn,
                conns,
                lane,
                requests,
                builder,
                jobs: jobs.clone(),
                notices: notice.clone(),
                stats,
                play: venue.play,
            };
            engine.start_venue(config, parts, venue.core)?;
        }
        if topology.builder == BuilderPlace::OwnThread {
            let writer = engine.segment.take_builder(0).map_err(|error| error.to_string())?;
            let stats = thread_stats(&mut engine.segment, &mut threads, "builder")?;
            let desk = Desk::new(desk, writer, stats).publishing(plan.publish);
            let builder = Builder::new(lane_ends, desk, beat_ticks);
            engine.start_builder(builder, plan.builder_core)?;
        }
        Ok(engine)
    }

    /// What was chosen.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Where the shared-memory file is.
    #[must_use]
    pub fn shm_path(&self) -> PathBuf {
        self.segment.path()
    }

    /// Whether new readers can still find the shared-memory file: nobody wiped its folder.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.segment.is_published()
    }

    /// Lines for the operator, as they come.
    #[must_use]
    pub const fn notices(&self) -> &Receiver<Notice> {
        &self.notices
    }

    /// How far the venue threads are, in the order of the plan.
    #[must_use]
    pub fn progress(&self) -> &[Arc<Progress>] {
        &self.progress
    }

    /// Takes over the books of another plan: new ones are subscribed, those that are not in it are
    /// let go. What came of it is told as a notice of each venue; everything else in the plan is
    /// left aside.
    ///
    /// # Errors
    ///
    /// The plan has other venues; nothing is changed then.
    pub fn wish(&self, plan: &EnginePlan) -> Result<(), String> {
        let venues = plan.venues.iter().map(|it| it.venue);
        if !venues.eq(self.wishes.iter().map(|(venue, _)| *venue)) {
            return Err("venues cannot come or go while the engine runs; restart it".to_owned());
        }
        for (venue, (_, wishes)) in plan.venues.iter().zip(&self.wishes) {
            // A thread that has died is found by `watch`.
            let _ = wishes.send(Answer::Wish(venue.subscriptions.clone()));
        }
        Ok(())
    }

    /// Keeps the clocks in step and looks after the threads. Call it every
    /// [`limits::REANCHOR_INTERVAL`].
    ///
    /// # Errors
    ///
    /// A path thread ended although nobody stopped it. The engine must be stopped.
    pub fn watch(&self) -> Result<(), String> {
        clock::reanchor();
        let dead = self.venues.iter().any(JoinHandle::is_finished)
            || self.builder.as_ref().is_some_and(JoinHandle::is_finished)
            || self.service.has_died();
        if dead { Err("a thread of the engine died".to_owned()) } else { Ok(()) }
    }

    /// Stops every thread and gives back what they had.
    ///
    /// # Errors
    ///
    /// A thread had panicked, or did not end in time.
    pub fn stop(self) -> Result<EngineEnd, String> {
        self.stop.give();
        let deadline = Instant::now() + limits::SHUTDOWN_MAX;
        let mut builders = Vec::new();
        let mut venues = Vec::new();
        for thread in self.venues {
            let mut end = join(thread, deadline)?;
            builders.extend(end.builder.take());
            venues.push(end);
        }
        if let Some(thread) = self.builder {
            builders.push(join(thread, deadline)?);
        }
        Ok(EngineEnd { venues, builders, segment: self.segment })
    }

    fn start_venue(
        &mut self,
        config: SessionConfig,
        parts: VenueParts,
        core: Option<usize>,
    ) -> Result<(), String> {
        let session = session(config).map_err(|error| format!("{}: {error}", parts.venue))?;
        let progress = Arc::new(Progress::default());
        self.progress.push(Arc::clone(&progress));
        let (stop, idle, venue) = (Arc::clone(&self.stop.0), self.topology.idle, parts.venue);
        let name = format!("tb-{venue}");
        let thread = VenueThread::new(session, parts).map_err(|error| error.to_string())?;
        self.wishes.push((venue, thread.wishes()));
        let run = move |ready: Sender<Result<(), String>>| {
            let pinned = core.map_or(Ok(()), pin);
            let go_on = pinned.is_ok();
            // The engine waits for this answer.
            let _ = ready.send(pinned);
            run_venue(thread, go_on, idle, &stop.0, &progress, venue)
        };
        self.venues.push(spawn(name, run)?);
        Ok(())
    }

    fn start_builder(&mut self, mut builder: Builder, core: Option<usize>) -> Result<(), String> {
        let idle = self.topology.idle;
        let run = move |ready: Sender<Result<(), String>>| {
            let pinned = core.map_or(Ok(()), pin);
            // The engine waits for this answer.
            let _ = ready.send(pinned);
            let mut idler = Idler::new(idle);
            // A builder outlives its venue threads by what they left in the rings.
            while !builder.is_done() {
                let work = builder.turn();
                idler.turn(work);
            }
            builder
        };
        self.builder = Some(spawn("tb-builder".to_owned(), run)?);
        Ok(())
    }
}

/// What every turn of a venue thread looks at: in lines of its own, so that nobody's stores take it
/// away.
#[derive(Debug)]
#[repr(align(128))]
struct Order(AtomicBool);

/// The threads' order to stop; given at the latest when the engine is dropped.
#[derive(Debug)]
struct StopOrder(Arc<Order>);

impl StopOrder {
    fn give(&self) {
        // Release: pairs with the Acquire load in `run_venue`.
        self.0.0.store(true, Ordering::Release);
    }
}

impl Drop for StopOrder {
    fn drop(&mut self) {
        self.give();
    }
}

fn run_venue(
    mut thread: VenueThread,
    go_on: bool,
    idle: Idle,
    stop: &AtomicBool,
    progress: &Progress,
    venue: Venue,
) -> VenueEnd {
    let mut idler = Idler::new(idle);
    if go_on {
        thread.start();
    }
    // Acquire: pairs with the Release store in `StopOrder::give`.
    while go_on && !stop.load(Ordering::Acquire) {
        let work = thread.turn();
        if work > 0 {
            // Relaxed: a progress report orders nothing.
            progress.frames.store(thread.counters().frames, Ordering::Relaxed);
            progress.rest_answers.store(thread.rest_answers(), Ordering::Relaxed);
        }
        idler.polled(work, |most| thread.wait(most));
    }
    let (counters, bytes) = (thread.counters().clone(), thread.bytes());
    VenueEnd { venue, counters, bytes, builder: thread.stop() }
}

/// Starts a thread and waits until it says that it is ready.
fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce(Sender<Result<(), String>>) -> T + Send + 'static,
) -> Result<JoinHandle<T>, String> {
    let (ready, is_ready) = crossbeam_channel::bounded(1);
    let thread = thread::Builder::new()
        .name(name.clone())
        .spawn(move || run(ready))
        .map_err(|error| format!("cannot start thread {name}: {error}"))?;
    is_ready.recv().map_err(|_| format!("thread {name} died at its start"))??;
    Ok(thread)
}

fn join<T>(thread: JoinHandle<T>, deadline: Instant) -> Result<T, String> {
    let name = thread.thread().name().unwrap_or("path thread").to_owned();
    while !thread.is_finished() {
        if Instant::now() > deadline {
            return Err(format!("thread {name} does not end"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().map_err(|_| format!("thread {name} panicked"))
}

fn sessions_of(plan: &EnginePlan) -> Result<Vec<SessionConfig>, String> {
    let (mut book, mut conn) = (0, 0);
    let mut sessions = Vec::new();
    for venue in &plan.venues {
        let mode = if venue.play.is_some() { Mode::Replay { discover: true } } else { Mode::Live };
        let mut config = SessionConfig::new(venue.venue, venue.subscriptions.clone(), mode);
        config.sample_every = plan.sample_every;
        config.key.clone_from(&venue.key);
        config.ask_lists = true;
        if let Some(play) = &venue.play {
            config.instruments.clone_from(&play.instruments);
            config.recorded_path.clone_from(&play.recorded_path);
        }
        config.lines = venue.lines;
        config.first_book = BookId(book);
        config.first_conn = ConnId(conn);
        config.conns_max = config.conns_needed().max(1);
        if venue.play.is_none() {
            config.conns_max += limits::CONNS_SPARE;
        }
        book += config.books_max;
        conn += config.conns_max;
        sessions.push(config);
    }
    Ok(sessions)
}

fn segment_of(
    plan: &EnginePlan,
    sessions: &[SessionConfig],
    topology: Topology,
) -> Result<Segment, String> {
    let venues = u32::try_from(plan.venues.len()).unwrap_or(u32::MAX);
    let builders = if topology.builder == BuilderPlace::Inline { venues } else { 1 };
    Segment::create(&SegmentConfig {
        dir: plan.shm_dir.clone(),
        name: plan.name.clone(),
        books_max: sessions.iter().map(|config| config.books_max).sum(),
        conns_max: sessions.iter().map(|config| config.conns_max).sum(),
        builders,
        threads_max: venues + builders,
        depth: plan.depth,
        heartbeat_ns: i64::try_from(plan.heartbeat.as_nanos()).unwrap_or(i64::MAX),
        event_slots: limits::EVENT_SLOTS,
    })
    .map_err(|error| error.to_string())
}

fn thread_stats(
    segment: &mut Segment,
    threads: &mut u32,
    name: &str,
) -> Result<StatsWriter, String> {
    *threads += 1;
    segment.take_thread(*threads - 1, name).map_err(|error| error.to_string())
}

fn ticks_of(time: Duration) -> u64 {
    Converter::new().ticks(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Beats in one heartbeat interval: a reader that looks just before a beat must not see two
/// intervals go by.
const BEATS_PER_INTERVAL: u32 = 4;
