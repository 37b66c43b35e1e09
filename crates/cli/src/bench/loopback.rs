//! Over loopback: a simulated venue in another process, the engine in this one, probes in more.
//!
//! The venue's schedule is open-loop, and times begin when the kernel received a message: one that
//! waits in the socket while the engine is busy counts from its arrival, not from when the engine
//! came to it. The floor of tick-to-book is the part before the engine has the bytes
//! (`kernel_to_recv` of the same messages).

use std::time::Duration;

use super::figure::{Figure, Floor};
use super::floors::Floors;
use super::plan::Plan;
use super::probes::Probes;
use super::results::Results;
use super::rig::{Rig, STAGES, Window};
use super::venue::{Done, Load};
use crate::Failure;
use crate::args::StageArg;
use crate::text::nanos;

/// The stages over `ws` and `wss`, at every rate, and bursts.
pub(super) fn measure(plan: &Plan, floors: &Floors, results: &mut Results) -> Result<(), Failure> {
    for (stage, tls, name) in [(StageArg::Ws, false, "ws"), (StageArg::Wss, true, "wss")] {
        for &rate in plan.rates.iter().filter(|_| plan.wants(stage)) {
            let load = Load { rate, bursts: false, tls };
            at_load(plan, &format!("{name}@{rate}"), load, floors, results)?;
        }
    }
    if plan.wants(StageArg::Bursts) {
        let rate = plan.middle_rate();
        let load = Load { rate, bursts: true, tls: false };
        at_load(plan, &format!("bursts ws@{rate}"), load, floors, results)?;
    }
    Ok(())
}

fn at_load(
    plan: &Plan,
    stage: &str,
    load: Load,
    floors: &Floors,
    results: &mut Results,
) -> Result<(), Failure> {
    super::progress(stage);
    let rig = Rig::start(plan, load, results)?;
    results.note(format!("loopback: {}", rig.topology()));
    let mut windows = Runs::default();
    for _ in 0..plan.repeats {
        let window = rig.window(plan.window, results)?;
        windows.add(stage, &window, results);
    }
    let floor = windows.add_figures(stage, floors.poll.clone(), results);
    seen(plan, stage, &rig, floor, floors, results)?;
    note_done(stage, rig.stop()?, &windows, results);
    Ok(())
}

/// The same load as a probe in a third process sees it.
fn seen(
    plan: &Plan,
    stage: &str,
    rig: &Rig,
    kernel: Option<Floor>,
    floors: &Floors,
    results: &mut Results,
) -> Result<(), Failure> {
    let names = ["published_to_seen", "kernel_to_seen"];
    let mut runs: [[Vec<f64>; 2]; 2] = Default::default();
    let (mut all, mut skipped) = (0, 0);
    for _ in 0..plan.repeats {
        let mut probes = Probes::start(plan, &rig.book(), 1, plan.window)?;
        while !probes.have_ended()? {
            rig.sleep(Duration::from_millis(5), results)?;
        }
        let seen = probes.seen()?;
        all += seen.publishes_seen + seen.publishes_skipped;
        skipped += seen.publishes_skipped;
        for (runs, name) in runs.iter_mut().zip(names) {
            let Some(latency) = seen.latency_ns.get(name).filter(|it| it.count > 0) else {
                continue;
            };
            #[expect(clippy::cast_precision_loss, reason = "an interval")]
            for (runs, value) in runs.iter_mut().zip([latency.p50, latency.p99]) {
                runs.push(value as f64);
            }
        }
    }
    let line = floors.line.clone();
    let way = match (&kernel, &line) {
        (Some(kernel), Some(line)) => Some(kernel.and(line)),
        _ => None,
    };
    for ((name, [p50, p99]), floor) in names.into_iter().zip(runs).zip([line, way]) {
        let figure = Figure::of(stage, &format!("{name} p50"), p50);
        results.add(figure.map(|it| it.above(floor)));
        results.add(Figure::of(stage, &format!("{name} p99"), p99));
    }
    if skipped > 0 {
        results.note(format!("{stage}: the probe skipped {skipped} of {all} publishes"));
    }
    if !plan.has_room_for(1) {
        results.note(format!(
            "seen by a probe: {} cores for the venue, the engine and the probe; they share, and \
             the probe yields instead of spinning",
            plan.cores
        ));
    }
    Ok(())
}

/// `ws` at one rate with more and more readers.
pub(super) fn measure_readers(plan: &Plan, results: &mut Results) -> Result<(), Failure> {
    let rate = plan.middle_rate();
    let readers = plan.readers();
    let rig = Rig::start(plan, Load { rate, bursts: false, tls: false }, results)?;
    for &count in &readers {
        let stage = format!("ws@{rate} readers {count}");
        super::progress(&stage);
        // Longer than all windows; they end when they are dropped.
        let probes = Probes::start(plan, &rig.book(), count, Duration::from_secs(600))?;
        rig.sleep(READERS_UP, results)?;
        let mut windows = Runs::default();
        for _ in 0..plan.repeats {
            let window = rig.window(plan.window, results)?;
            windows.add(&stage, &window, results);
        }
        windows.add_figures(&stage, None, results);
        drop(probes);
    }
    rig.stop()?;
    let most = readers.last().copied().unwrap_or(0);
    if most < READERS_MAX {
        results.note(format!(
            "readers: up to {most} of {READERS_MAX}, as {} cores leave no more beside the engine",
            plan.cores
        ));
    }
    Ok(())
}

/// The runs of one load.
#[derive(Debug, Default)]
struct Runs {
    /// p50 and p99 of each of [`STAGES`].
    quantiles: [[Vec<f64>; 2]; STAGES.len()],
    /// Nanoseconds of a turn of the venue thread.
    turns: Vec<f64>,
    kernel_stamps: u64,
    shared_stamps: u64,
}

impl Runs {
    fn add(&mut self, stage: &str, window: &Window, results: &mut Results) {
        self.kernel_stamps += window.kernel_stamps;
        self.shared_stamps += window.shared_stamps;
        if window.idle_turns > 0 {
            #[expect(clippy::cast_precision_loss, reason = "an interval")]
            self.turns.push(window.elapsed.as_nanos() as f64 / window.idle_turns as f64);
        }
        for ((runs, histogram), name) in self.quantiles.iter_mut().zip(&window.stages).zip(STAGES) {
            if histogram.is_empty() {
                continue;
            }
            for (runs, quantile) in runs.iter_mut().zip([0.5, 0.99]) {
                #[expect(clippy::cast_precision_loss, reason = "an interval")]
                runs.push(histogram.value_at_quantile(quantile) as f64);
            }
            results.distribution(&format!("{stage}.{}", name.name()), histogram);
        }
    }

    /// Adds tick-to-book beside the kernel's part of it; that part's median, if it is known.
    ///
    /// `poll`: what a turn of the venue thread that finds nothing is held against.
    fn add_figures(
        &mut self,
        stage: &str,
        poll: Option<Floor>,
        results: &mut Results,
    ) -> Option<Floor> {
        let [book, upper, kernel, inner @ ..] = std::mem::take(&mut self.quantiles);
        let floors =
            kernel.map(|runs| Figure::of(stage, "kernel_to_recv", runs).map(|it| it.as_floor()));
        let start = if self.kernel_stamps > 0 { "tick_to_book" } else { "tick_to_book from recv" };
        for ((runs, floor), which) in book.into_iter().zip(floors.clone()).zip(["p50", "p99"]) {
            let figure = Figure::of(stage, &format!("{start} {which}"), runs);
            results.add(figure.map(|it| it.above(floor)));
        }
        for (runs, which) in upper.into_iter().zip(["p50", "p99"]) {
            results.add(Figure::of(stage, &format!("tick_to_book_upper {which}"), runs));
        }
        for ([runs, _], inner) in inner.into_iter().zip(&STAGES[STAGES.len() - INNER..]) {
            results.add(Figure::of(stage, &format!("{} p50", inner.name()), runs));
        }
        let turns = Figure::of(stage, "turn, messages among them", std::mem::take(&mut self.turns));
        results.add(turns.map(|it| it.above(poll)));
        let [p50, _] = floors;
        p50
    }
}

fn note_done(stage: &str, done: Done, runs: &Runs, results: &mut Results) {
    let mut note =
        format!("{stage}: the venue sent at most {} behind its schedule", nanos(done.late_ns_max));
    if runs.kernel_stamps > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = runs.shared_stamps as f64 * 100.0 / runs.kernel_stamps as f64;
        note.push_str(&format!("; {share:.1} % of the messages share a kernel stamp"));
    } else {
        note.push_str("; no kernel stamps, times begin when recv returned");
    }
    results.note(note);
}

/// How many of [`STAGES`] are stamped on a sample: the last ones.
const INNER: usize = 5;

/// Readers that nobody asked to go beyond.
const READERS_MAX: usize = 8;

/// From the start of the probes to the first window.
const READERS_UP: Duration = Duration::from_millis(200);
