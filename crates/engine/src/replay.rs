//! Replay: a capture through the same session, ring, ladder and shared memory as live data.
//!
//! From memory the frames go straight to the session; over sockets a local venue server plays them
//! and the live engine receives them. In both the producer waits when the ring is full, so nothing
//! is lost and the same capture always gives the same books.

mod memory;
mod series;
mod sockets;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use tickbook::Stage;
use tickbook_capture::{Capture, Record};
use tickbook_types::{Instrument, Venue};
use tickbook_venues::{Endpoints, RestBody, SessionCounters, parse_rest};

pub use series::Moment;
pub use sockets::Server;

use self::series::{Counts, Watcher};
use crate::builder::Builder;
use crate::desk::Publish;
use crate::outcome;
use crate::report::{Books, Host, Latency, LineReport, OkBad, Report};
use crate::topology::{Topology, Wishes};
use crate::url::Url;

/// How frames reach the engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// From memory, without sockets.
    Memory,
    /// Over a plain WebSocket on loopback.
    Ws,
    /// Over TLS on loopback.
    Wss,
}

impl Transport {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as the engine takes it.
    Max,
    /// So many times as fast as it was recorded; 1 keeps its time. Open-loop: a frame that comes
    /// late is measured from when it was due.
    Times(f64),
}

/// How a capture is replayed.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The venue; taken from the capture's own URLs when absent.
    pub venue: Option<Venue>,
    /// The venue's instrument lists, recorded apart (`HTTP` lines).
    pub instruments: Option<PathBuf>,
    /// How fast, from memory (a server has its own pace).
    pub pace: Pace,
    /// How often.
    pub repeat: u32,
    /// Levels a side in the printed books.
    pub depth: usize,
    /// Levels a side in shared memory.
    pub published_depth: u32,
    /// What the user asked of the topology.
    pub wishes: Wishes,
    /// Cores of the venue thread and the builder thread; unpinned when absent.
    pub cores: Option<(usize, usize)>,
    /// When books are published.
    pub publish: Publish,
    /// The inner stages of every n-th message are stamped; 0 stamps none.
    pub sample_every: u32,
    /// Latency is watched from moment to moment ([`Replayed::moments`]).
    pub series: bool,
    /// Folder of the shared-memory file.
    pub shm_dir: PathBuf,
    /// Name of the shared-memory file.
    pub name: String,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            venue: None,
            instruments: None,
            pace: Pace::Max,
            repeat: 1,
            depth: 5,
            published_depth: 32,
            wishes: Wishes::default(),
            cores: None,
            publish: Publish::default(),
            sample_every: 64,
            series: false,
            shm_dir: PathBuf::from(tickbook_shm::DEFAULT_DIR),
            name: format!("replay-{}", std::process::id()),
        }
    }
}

/// What came of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// The report.
    pub report: Report,
    /// The final books.
    pub books: Books,
    /// The latency histograms by stage.
    pub histograms: BTreeMap<String, Histogram<u64>>,
    /// Tick to book from moment to moment, if that was asked for.
    pub moments: Vec<Moment>,
}

/// Why a capture could not be replayed: a line that says what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayError(pub String);

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReplayError {}

impl From<String> for ReplayError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Replays a capture from memory.
///
/// # Errors
///
/// No venue can be told from the capture, or the engine cannot start.
pub fn from_memory(capture: &Capture, options: &ReplayOptions) -> Result<Replayed, ReplayError> {
    on_lines(core::slice::from_ref(capture), options)
}

/// Replays captures of connections with the same subscriptions, at the same time, as the lines of
/// one session: by the times of their records.
///
/// # Errors
///
/// As [`from_memory`], or the venue cannot be kept on so many lines.
pub fn on_lines(captures: &[Capture], options: &ReplayOptions) -> Result<Replayed, ReplayError> {
    let mut total = Passes::default();
    for _ in 0..options.repeat.max(1) {
        total.watch(options, || memory::pass(captures, options))?;
    }
    total.replayed(captures, options, Transport::Memory)
}

/// Replays a capture from a server that plays it: the live engine, over real sockets.
///
/// # Errors
///
/// The engine cannot start, or the server ended before all frames were received.
pub fn over_sockets(
    capture: &Capture,
    options: &ReplayOptions,
    server: &Server,
) -> Result<Replayed, ReplayError> {
    let mut total = Passes::default();
    total.watch(options, || sockets::pass(capture, options, server))?;
    let transport = if server.ca_file.is_some() { Transport::Wss } else { Transport::Ws };
    total.replayed(core::slice::from_ref(capture), options, transport)
}

/// The venue of a capture: what the user says, or whose addresses stand in it.
///
/// # Errors
///
/// None of its URLs is one of a known venue.
pub fn venue_of(capture: &Capture, wish: Option<Venue>) -> Result<Venue, ReplayError> {
    let urls = capture.records().filter_map(|record| match record {
        Record::Open { url, .. } | Record::Http { url, .. } => Some(url),
        _ => None,
    });
    wish.or_else(|| urls.filter_map(venue_of_url).next()).ok_or_else(|| {
        let path = capture.path().display();
        ReplayError(format!("{path}: no URL in it tells the venue; name it with --venue"))
    })
}

/// The instruments of lists that were recorded apart.
///
/// # Errors
///
/// The file cannot be read, or holds no list of this venue.
pub(crate) fn listed(venue: Venue, path: Option<&Path>) -> Result<Vec<Instrument>, ReplayError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let capture = Capture::load(path).map_err(|error| ReplayError(error.to_string()))?;
    let lists = capture.records().filter_map(|record| match record {
        Record::Http { url, body, .. } => match parse_rest(venue, url, body.payload()) {
            Ok(RestBody::Instruments(list)) => Some(list.instruments),
            _ => None,
        },
        _ => None,
    });
    let instruments: Vec<Instrument> = lists.flatten().collect();
    if instruments.is_empty() {
        let path = path.display();
        return Err(ReplayError(format!("{path}: holds no instrument list of {venue}")));
    }
    Ok(instruments)
}

/// Path of the connection that a capture is of.
pub(crate) fn recorded_path(capture: &Capture) -> Option<String> {
    capture.records().find_map(|record| match record {
        Record::Open { url, .. } => Some(Url::parse(url).ok()?.path),
        _ => None,
    })
}

fn venue_of_url(url: &str) -> Option<Venue> {
    let Url { host, path, .. } = Url::parse(url).ok()?;
    let at_host = |venue: &Venue| {
        let Endpoints { ws, rest, .. } = Endpoints::of(*venue);
        let mut known = ws.iter().map(|(_, url)| url).chain([&rest]);
        known.any(|known| Url::parse(known).is_ok_and(|known| known.host == host))
    };
    // Versions of one venue have a host in common.
    let at_path = |venue: &Venue| Endpoints::of(*venue).path == path;
    let exact = Venue::all().filter(at_host).find(at_path);
    exact.or_else(|| Venue::all().find(at_host))
}

/// What one pass over a capture left behind.
struct Pass {
    venue: Venue,
    topology: Topology,
    elapsed_s: f64,
    counters: SessionCounters,
    bytes: u64,
    books: Books,
    checksums: OkBad,
    bbo_checks: Option<OkBad>,
    crossed: u64,
    stages: Stages,
}

impl Pass {
    fn books_of(&mut self, builders: &mut [Builder], depth: usize) {
        builders.iter_mut().for_each(|builder| builder.desk_mut().finish_checks());
        self.books = outcome::books(builders, depth);
        self.checksums = outcome::checksums(builders);
        self.bbo_checks = outcome::bbo_checks(builders, self.counters.tickers);
        self.crossed = outcome::crossed(builders);
    }
}

/// Histograms and stamp counts of one run, read from its shared-memory file.
#[derive(Default)]
struct Stages {
    histograms: BTreeMap<&'static str, Histogram<u64>>,
    /// Tick to book as counted, if it is watched.
    counts: Counts,
    kernel_stamps: u64,
    shared_stamps: u64,
}

impl Stages {
    fn read(options: &ReplayOptions) -> Result<Self, ReplayError> {
        let attached = tickbook::Tickbook::attach_in(&options.shm_dir, Some(&options.name));
        let attached = attached.map_err(|error| ReplayError(error.to_string()))?;
        let mut stages = Self::default();
        if options.series {
            stages.counts = series::counts_of(&attached);
        }
        for thread in attached.stats() {
            stages.kernel_stamps += thread.counter(tickbook::Counter::KernelStamps);
            stages.shared_stamps += thread.counter(tickbook::Counter::SharedStamps);
            for stage in Stage::ALL {
                for (low, high, count) in thread.histogram(*stage).buckets() {
                    stages.record(stage.name(), low.midpoint(high), count);
                }
            }
        }
        Ok(stages)
    }

    fn record(&mut self, stage: &'static str, value: u64, count: u64) {
        let histogram = self.histograms.entry(stage).or_insert_with(empty_histogram);
        histogram.saturating_record_n(value, count);
    }

    fn add(&mut self, other: &Self) {
        self.kernel_stamps += other.kernel_stamps;
        self.shared_stamps += other.shared_stamps;
        for (stage, histogram) in &other.histograms {
            for bucket in histogram.iter_recorded() {
                self.record(stage, bucket.value_iterated_to(), bucket.count_at_value());
            }
        }
    }
}

/// Nanoseconds up to a minute, three digits.
fn empty_histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 60_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are valid constants: {error}"),
    }
}

/// All passes over a capture.
#[derive(Default)]
struct Passes {
    last: Option<Pass>,
    count: u32,
    elapsed_s: f64,
    stages: Stages,
    moments: Vec<Moment>,
}

impl Passes {
    /// Makes a pass, and watches it if that is wanted.
    fn watch(
        &mut self,
        options: &ReplayOptions,
        pass: impl FnOnce() -> Result<Pass, ReplayError>,
    ) -> Result<(), ReplayError> {
        if !options.series {
            self.add(pass()?);
            return Ok(());
        }
        let watcher = Watcher::start(options.shm_dir.clone(), options.name.clone());
        let watcher = watcher.map_err(|error| ReplayError(error.to_string()))?;
        let outcome = pass();
        let (all, took_s) = match &outcome {
            Ok(pass) => (pass.stages.counts.clone(), pass.elapsed_s),
            Err(_) => Default::default(),
        };
        self.moments.extend(watcher.end(self.elapsed_s, &all, took_s));
        self.add(outcome?);
        Ok(())
    }

    fn add(&mut self, pass: Pass) {
        self.count += 1;
        self.elapsed_s += pass.elapsed_s;
        self.stages.add(&pass.stages);
        self.last = Some(pass);
    }

    fn replayed(
        self,
        captures: &[Capture],
        options: &ReplayOptions,
        transport: Transport,
    ) -> Result<Replayed, ReplayError> {
        let Self { last: Some(pass), count, elapsed_s, stages, moments } = self else {
            return Err(ReplayError("nothing was replayed".to_owned()));
        };
        let (ignored, rejected) = outcome::reasons(&pass.counters);
        let counters = &pass.counters;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people, not a count")]
        let per_s = |n: u64| (n * u64::from(count)) as f64 / elapsed_s.max(1e-9);
        let latency_from = match (transport, stages.kernel_stamps) {
            (Transport::Memory, _) => "handed",
            (_, 0) => "recv",
            _ => "kernel",
        };
        #[expect(clippy::cast_precision_loss, reason = "a share for people, not a count")]
        let shared_stamps = (stages.kernel_stamps > 0)
            .then(|| stages.shared_stamps as f64 / stages.kernel_stamps as f64);
        let files: Vec<String> =
            captures.iter().map(|it| it.path().display().to_string()).collect();
        let lines = if captures.len() > 1 { &counters.lines[..] } else { &[] };
        let report = Report {
            lines: LineReport::of_all(lines),
            venue: pass.venue.name().to_owned(),
            file: files.join(" "),
            transport: transport.name().to_owned(),
            repeat: options.repeat.max(1),
            frames: counters.frames,
            bytes: pass.bytes,
            book_messages: counters.book_messages,
            level_updates: counters.level_updates,
            trades: counters.trades,
            tickers: counters.tickers,
            elapsed_s,
            frames_per_s: per_s(counters.frames),
            bytes_per_s: per_s(pass.bytes),
            gaps: counters.gaps,
            resyncs: counters.resyncs,
            checksums: pass.checksums,
            bbo_checks: pass.bbo_checks,
            crossed: pass.crossed,
            ignored,
            rejected,
            latency_from: latency_from.to_owned(),
            shared_stamps,
            latency_ns: latencies(&stages),
            host: Host::this(&pass.topology),
        };
        let histograms = stages.histograms.into_iter();
        let histograms = histograms.map(|(name, it)| (name.to_owned(), it)).collect();
        Ok(Replayed { report, books: pass.books, histograms, moments })
    }
}

/// The stages of the path always, others if they have samples.
fn latencies(stages: &Stages) -> BTreeMap<String, Latency> {
    let always =
        [Stage::RecvToParsed, Stage::ParsedToPopped, Stage::PoppedToPublished, Stage::TickToBook];
    let mut latencies: BTreeMap<String, Latency> =
        always.iter().map(|stage| (stage.name().to_owned(), Latency::default())).collect();
    for (stage, histogram) in &stages.histograms {
        latencies.insert((*stage).to_owned(), Latency::of(histogram));
    }
    latencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_is_told_by_its_addresses() {
        for (url, venue) in [
            ("wss://stream.binance.com:9443/stream?streams=a@depth", Venue::BinanceSpot),
            ("https://fapi.binance.com/fapi/v1/depth?symbol=A", Venue::BinanceUsdm),
            ("wss://dstream.binance.com/stream", Venue::BinanceCoinm),
            ("https://api.binance.us/api/v1/depth?symbol=A", Venue::BinanceUs),
        ] {
            assert_eq!(venue_of_url(url), Some(venue), "{url}");
        }
        assert_eq!(venue_of_url("wss://example.org/"), None);
    }
}
