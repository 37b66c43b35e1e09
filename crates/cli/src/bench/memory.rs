//! The memory path: frames of a synthetic market from memory to published books.
//!
//! Nanoseconds a message are the time of a whole run less that of a run that only sets up (the
//! snapshots and one message a book), by the messages between. Tick-to-book begins when a frame is
//! handed to the session.

use hdrhistogram::Histogram;
use tickbook::Stage;
use tickbook_capture::Capture;
use tickbook_engine::replay::{ReplayOptions, Replayed, from_memory};
use tickbook_engine::topology::{BuilderPlace, Wishes};

use super::figure::Figure;
use super::floors::Floors;
use super::frames;
use super::plan::Plan;
use super::results::Results;
use crate::Failure;

/// The builder inline and in its own thread.
pub(super) fn measure(plan: &Plan, floors: &Floors, results: &mut Results) -> Result<(), Failure> {
    let places = [BuilderPlace::Inline, BuilderPlace::OwnThread];
    for place in places {
        let stage = format!("memory {}", place.name());
        if place == BuilderPlace::OwnThread && plan.cores < 2 {
            results.note(format!("{stage}: left out, there is one core only"));
            continue;
        }
        let hop = (place == BuilderPlace::OwnThread).then_some(floors.line.as_ref()).flatten();
        let case = Case { stage, place, symbols: 1, frames: plan.frames };
        case.measure(plan, floors, hop, results)?;
    }
    Ok(())
}

/// Many books, builder inline.
pub(super) fn measure_symbols(
    plan: &Plan,
    floors: &Floors,
    results: &mut Results,
) -> Result<(), Failure> {
    for &symbols in plan.symbols {
        let case = Case {
            stage: format!("memory {symbols} book{}", if symbols == 1 { "" } else { "s" }),
            place: BuilderPlace::Inline,
            symbols,
            frames: plan.symbol_frames,
        };
        case.measure(plan, floors, None, results)?;
    }
    Ok(())
}

/// One way to run it.
struct Case {
    stage: String,
    place: BuilderPlace,
    symbols: usize,
    frames: usize,
}

impl Case {
    fn measure(
        &self,
        plan: &Plan,
        floors: &Floors,
        hop: Option<&super::figure::Floor>,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let whole = frames::capture(self.symbols, self.symbols + self.frames)?;
        let set_up = frames::capture(self.symbols, self.symbols)?;
        // The first run of a process pays for memory that later ones find.
        self.run(plan, &set_up)?;
        let mut per_message = Vec::new();
        let mut quantiles = [Vec::new(), Vec::new()];
        let mut merged: Option<Histogram<u64>> = None;
        for _ in 0..plan.repeats {
            results.check_signals()?;
            let less = self.run(plan, &set_up)?.report.elapsed_s;
            let replayed = self.run(plan, &whole)?;
            #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
            let nanos = (replayed.report.elapsed_s - less) * 1e9 / self.frames as f64;
            // A set-up that took longer than the whole was held up: no figure.
            per_message.extend((nanos > 0.0).then_some(nanos));
            let Some(histogram) = replayed.histograms.get(Stage::TickToBook.name()) else {
                return Err(format!("{}: no message was timed", self.stage).into());
            };
            for (runs, quantile) in quantiles.iter_mut().zip([0.5, 0.99]) {
                #[expect(clippy::cast_precision_loss, reason = "an interval")]
                runs.push(histogram.value_at_quantile(quantile) as f64);
            }
            match &mut merged {
                Some(merged) => merged.add(histogram)?,
                None => merged = Some(histogram.clone()),
            }
        }
        let [p50, p99] = quantiles;
        let floor = floors.copy.clone();
        let way = match (&floor, hop) {
            (Some(copy), Some(hop)) => Some(copy.and(hop)),
            _ => floor.clone(),
        };
        let rows = [
            ("a message", per_message, floor),
            ("tick_to_book p50", p50, way),
            ("tick_to_book p99", p99, None),
        ];
        for (what, runs, floor) in rows {
            results.add(Figure::of(&self.stage, what, runs).map(|it| it.above(floor)));
        }
        if let Some(histogram) = merged {
            results.distribution(&format!("{}.tick_to_book", self.stage), &histogram);
        }
        Ok(())
    }

    fn run(&self, plan: &Plan, capture: &Capture) -> Result<Replayed, Failure> {
        let options = ReplayOptions {
            venue: Some(frames::VENUE),
            depth: 1,
            wishes: Wishes { builder: Some(self.place), other_threads: 0, ..plan.wishes },
            cores: plan.pinned,
            shm_dir: plan.shm_dir.clone(),
            name: plan.name.clone(),
            ..ReplayOptions::default()
        };
        let replayed = from_memory(capture, &options)?;
        let books = &replayed.books.symbols;
        let live = books.values().filter(|book| book.state == "live").count();
        // A time is worth nothing if the books are wrong.
        if live != self.symbols || replayed.report.gaps > 0 || replayed.report.crossed > 0 {
            return Err(format!(
                "{}: {live} of {} books were live at the end, {} gaps, {} crossed: this is a \
                 fault of tickbook, please report it",
                self.stage, self.symbols, replayed.report.gaps, replayed.report.crossed
            )
            .into());
        }
        Ok(replayed)
    }
}
