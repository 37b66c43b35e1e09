//! An engine of this process against a simulated venue in another, measured in windows.
//!
//! The engine's own histograms grow from its start; a window is what they grew by.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tickbook::{BookReader, Counter, Stage, Tickbook};
use tickbook_engine::live::{Engine, EnginePlan, VenuePlan};
use tickbook_engine::plan as engine_plan;
use tickbook_venues::{Endpoints, Subscription};

use super::plan::Plan;
use super::results::Results;
use super::venue::{self, Done, Load, VenueProcess};
use crate::Failure;

/// The stages that are measured.
pub(super) const STAGES: [Stage; 8] = [
    Stage::TickToBook,
    Stage::TickToBookUpper,
    Stage::KernelToRecv,
    Stage::RecvToDecrypted,
    Stage::DecryptedToDecoded,
    Stage::DecodedToParsed,
    Stage::ParsedToPopped,
    Stage::PoppedToPublished,
];

/// An engine and its venue.
#[derive(Debug)]
pub(super) struct Rig {
    engine: Option<Engine>,
    venue: VenueProcess,
    tickbook: Tickbook,
    topology: String,
}

/// What happened within a window.
#[derive(Debug)]
pub(super) struct Window {
    /// The distributions, in the order of [`STAGES`].
    pub(super) stages: [Histogram<u64>; STAGES.len()],
    /// Messages with a kernel stamp, and those of them that share it with a later one.
    pub(super) kernel_stamps: u64,
    pub(super) shared_stamps: u64,
    /// Turns of the venue thread that found nothing, and how long all turns took.
    pub(super) idle_turns: u64,
    pub(super) elapsed: Duration,
}

impl Rig {
    /// Starts both, and waits until the book is live and everything is warm.
    pub(super) fn start(plan: &Plan, load: Load, results: &Results) -> Result<Self, Failure> {
        let venue = VenueProcess::start(load)?;
        let engine = Engine::start(engine_plan_of(plan, &venue))?;
        let topology = engine.topology().to_string();
        let tickbook = Tickbook::wait_in(&plan.shm_dir, Some(&plan.name), LIVE_WITHIN)?;
        let rig = Self { engine: Some(engine), venue, tickbook, topology };
        rig.wait_until_live(results)?;
        rig.sleep(WARM_UP, results)?;
        Ok(rig)
    }

    fn wait_until_live(&self, results: &Results) -> Result<(), Failure> {
        let start = Instant::now();
        let mut reader: Option<BookReader> = None;
        loop {
            if let Some(reader) = &mut reader {
                if reader.top().is_ok() {
                    return Ok(());
                }
            } else {
                reader = self.tickbook.book(&self.book()).ok();
            }
            if start.elapsed() > LIVE_WITHIN {
                return Err("the book of the simulated venue does not come to life".into());
            }
            self.sleep(Duration::from_millis(5), results)?;
        }
    }

    /// The one book.
    pub(super) fn book(&self) -> String {
        format!("{}:{}", venue::VENUE.name(), self.venue.symbol)
    }

    /// How the engine's threads are laid out.
    pub(super) fn topology(&self) -> &str {
        &self.topology
    }

    /// Lets the engine work for `length`.
    pub(super) fn window(&self, length: Duration, results: &Results) -> Result<Window, Failure> {
        let (before, start) = (Counts::read(&self.tickbook), Instant::now());
        self.sleep(length, results)?;
        let elapsed = start.elapsed();
        Ok(Counts::read(&self.tickbook).since(&before, elapsed))
    }

    /// Looks after the engine for `length`.
    pub(super) fn sleep(&self, length: Duration, results: &Results) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            results.check_signals()?;
            if let Some(engine) = &self.engine {
                engine.watch()?;
                if let Some(notice) = engine.notices().try_iter().find(|it| it.fatal) {
                    return Err(notice.text.into());
                }
            }
            let left = length.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(WATCH_STEP));
        }
    }

    /// Ends both; fails if the books had gone wrong on the way.
    pub(super) fn stop(mut self) -> Result<Done, Failure> {
        let Some(engine) = self.engine.take() else { return Err("it had ended".into()) };
        let end = engine.stop()?;
        let gaps: u64 = end.venues.iter().map(|venue| venue.counters.gaps).sum();
        let resyncs: u64 = end.venues.iter().map(|venue| venue.counters.resyncs).sum();
        end.close();
        if gaps + resyncs > 0 {
            return Err(format!(
                "the engine lost its book {resyncs} times ({gaps} gaps): this load is too much \
                 for this host; choose lower --rates"
            )
            .into());
        }
        self.venue_done()
    }

    fn venue_done(self) -> Result<Done, Failure> {
        let Self { venue, .. } = self;
        venue.stop()
    }
}

fn engine_plan_of(plan: &Plan, venue: &VenueProcess) -> EnginePlan {
    let subscription =
        Subscription { trades: false, ticker: false, ..Subscription::all(&venue.symbol) };
    EnginePlan {
        name: plan.name.clone(),
        shm_dir: plan.shm_dir.clone(),
        depth: 32,
        heartbeat: Duration::from_millis(10),
        publish: tickbook_engine::desk::Publish::EveryMessage,
        sample_every: 64,
        ca_file: venue.ca_file.clone(),
        builder_core: plan.pinned.map(|(_, builder)| builder),
        wishes: plan.wishes,
        venues: vec![VenuePlan {
            venue: venue::VENUE,
            lines: 1,
            subscriptions: vec![subscription],
            endpoints: Endpoints::of(venue::VENUE)
                .with_ws(&venue.ws_url)
                .with_rest(&venue.rest_url),
            core: plan.pinned.map(|(venue, _)| venue),
            silence_ns: SILENCE_NS,
            options: engine_plan::options(SILENCE_NS, None, None),
            play: None,
            key: None,
        }],
    }
}

/// The engine's histograms and counters at one moment.
struct Counts {
    stages: [BTreeMap<u64, u64>; STAGES.len()],
    kernel_stamps: u64,
    shared_stamps: u64,
    idle_turns: u64,
}

impl Counts {
    fn read(tickbook: &Tickbook) -> Self {
        let mut counts = Self {
            stages: STAGES.map(|_| BTreeMap::new()),
            kernel_stamps: 0,
            shared_stamps: 0,
            idle_turns: 0,
        };
        for thread in tickbook.stats() {
            counts.kernel_stamps += thread.counter(Counter::KernelStamps);
            counts.shared_stamps += thread.counter(Counter::SharedStamps);
            counts.idle_turns += thread.counter(Counter::IdleTurns);
            for (sum, stage) in counts.stages.iter_mut().zip(STAGES) {
                for (low, high, count) in thread.histogram(stage).buckets() {
                    *sum.entry(low.midpoint(high)).or_default() += count;
                }
            }
        }
        counts
    }

    fn since(&self, before: &Self, elapsed: Duration) -> Window {
        let mut window = Window {
            stages: STAGES.map(|_| empty()),
            kernel_stamps: self.kernel_stamps - before.kernel_stamps,
            shared_stamps: self.shared_stamps - before.shared_stamps,
            idle_turns: self.idle_turns - before.idle_turns,
            elapsed,
        };
        let pairs = self.stages.iter().zip(&before.stages);
        for (histogram, (now, then)) in window.stages.iter_mut().zip(pairs) {
            for (value, count) in now {
                let grown = count.saturating_sub(then.get(value).copied().unwrap_or(0));
                histogram.saturating_record_n(*value, grown);
            }
        }
        window
    }
}

/// Nanoseconds up to a minute, three digits.
fn empty() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 60_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are valid constants: {error}"),
    }
}

/// A simulated market is never silent for this long.
const SILENCE_NS: i64 = 2_000_000_000;

/// A book that takes longer has no engine behind it.
const LIVE_WITHIN: Duration = Duration::from_secs(20);

/// From a live book to the first window: caches, branch predictors, the socket's windows.
const WARM_UP: Duration = Duration::from_millis(100);

/// How often the engine is looked after.
const WATCH_STEP: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_grew() {
        let counts = |pairs: &[(u64, u64)], stamps| Counts {
            stages: STAGES.map(|_| pairs.iter().copied().collect()),
            kernel_stamps: stamps,
            shared_stamps: stamps / 2,
            idle_turns: stamps * 10,
        };
        let before = counts(&[(100, 5), (200, 1)], 10);
        let window = counts(&[(100, 5), (200, 4), (300, 2)], 16);
        let window = window.since(&before, Duration::from_secs(1));
        assert_eq!((window.kernel_stamps, window.shared_stamps), (6, 3));
        assert_eq!(window.idle_turns, 60);
        for histogram in &window.stages {
            assert_eq!(histogram.len(), 5);
            assert_eq!((histogram.count_at(200), histogram.count_at(100)), (3, 0));
        }
    }
}
