//! Subjects that take turns, and the table of what came of it.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::TICKBOOK;
use crate::native;

/// One pass of a subject: nanoseconds per unit.
type Pass<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// Passes before the clock counts.
const WARMUP: usize = 2;

/// The subjects of one stage.
pub(crate) struct Contest<'a> {
    stage: String,
    subjects: Vec<(String, Pass<'a>)>,
    missing: Vec<(String, String)>,
}

impl<'a> Contest<'a> {
    /// A stage without subjects.
    pub(crate) fn new(stage: impl Into<String>) -> Self {
        Self { stage: stage.into(), subjects: Vec::new(), missing: Vec::new() }
    }

    /// Adds a subject by what one pass of it does.
    pub(crate) fn enter(&mut self, name: &str, pass: impl FnMut() -> f64 + 'a) {
        self.subjects.push((name.to_owned(), Box::new(pass)));
    }

    /// Says why a subject does not take part.
    pub(crate) fn miss(&mut self, name: &str, why: impl fmt::Display) {
        self.missing.push((name.to_owned(), why.to_string()));
    }

    /// Lets every subject have `rounds` passes, in turn, another one first in each round.
    pub(crate) fn run(mut self, rounds: usize) -> Outcome {
        if native::is_guest() {
            native::serve(&self.stage, self.subjects.iter_mut());
            return Outcome { stage: self.stage, figures: Vec::new(), missing: Vec::new() };
        }
        let stage = self.stage.clone();
        if native::is_host() {
            self.enter(native::NATIVE, move || native::pass(&stage));
        }
        let count = self.subjects.len();
        let mut ns = vec![Vec::with_capacity(rounds); count];
        for round in 0..rounds + WARMUP {
            for turn in 0..count {
                let index = (round + turn) % count;
                let time = (self.subjects[index].1)();
                if round >= WARMUP {
                    ns[index].push(time);
                }
            }
        }
        native::end_stage();
        let subjects = self.subjects.into_iter().zip(ns);
        let figures = subjects.map(|((name, _), ns)| Figure::of(&name, ns)).collect();
        Outcome { stage: self.stage, figures, missing: self.missing }
    }
}

/// Nanoseconds of `f`, by `units`.
pub(crate) fn per(units: u64, f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_nanos() as f64 / units.max(1) as f64
}

/// What one subject achieved.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    subject: String,
    median: f64,
    min: f64,
}

impl Figure {
    /// The median and the least of its rounds.
    pub(crate) fn of(subject: &str, mut ns: Vec<f64>) -> Self {
        ns.sort_by(f64::total_cmp);
        let at = |index: usize| ns.get(index).copied().unwrap_or(f64::NAN);
        Self { subject: subject.to_owned(), median: at(ns.len() / 2), min: at(0) }
    }
}

/// What all subjects of a stage achieved.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) stage: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) missing: Vec<(String, String)>,
}

impl Outcome {
    /// Several inputs as one: each of the units of `parts` counts once.
    pub(crate) fn pooled(stage: &str, parts: &[(u64, Self)]) -> Self {
        let units: u64 = parts.iter().map(|(units, _)| units).sum();
        let mean = |subject: &str, of: fn(&Figure) -> f64| {
            let part = |(units, outcome): &(u64, Self)| {
                let figure = outcome.figures.iter().find(|it| it.subject == subject);
                figure.map_or(f64::NAN, |figure| of(figure) * *units as f64)
            };
            parts.iter().map(part).sum::<f64>() / units as f64
        };
        let first = &parts[0].1;
        let figure = |Figure { subject, .. }: &Figure| Figure {
            subject: subject.clone(),
            median: mean(subject, |it| it.median),
            min: mean(subject, |it| it.min),
        };
        Self {
            stage: stage.to_owned(),
            figures: first.figures.iter().map(figure).collect(),
            missing: first.missing.clone(),
        }
    }
}

/// A line of the file.
#[derive(Debug, Serialize)]
struct Row {
    stage: String,
    subject: String,
    ns: f64,
    ratio_to_tickbook: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgs_per_s: Option<f64>,
}

/// All outcomes, printed as they come in.
#[derive(Debug)]
pub(crate) struct Table {
    /// Rounds of a stage.
    pub(crate) rounds: usize,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table.
    pub(crate) const fn new(rounds: usize) -> Self {
        Self { rounds, rows: Vec::new() }
    }

    /// Prints and keeps an outcome.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        let ours = outcome.figures.iter().find(|it| it.subject == TICKBOOK);
        let ours = ours.map_or(f64::NAN, |figure| figure.median);
        println!("{:<52} {:>12} {:>12} {:>8}", outcome.stage, "median ns", "least ns", "ratio");
        for Figure { subject, median, min } in &outcome.figures {
            let (ns, ratio) = (rounded(*median), rounded(median / ours));
            let rate = outcome.stage.starts_with("replay").then(|| (1e9 / median).round());
            let note = rate.map_or_else(String::new, |rate| format!("   {rate} messages/s"));
            println!("  {subject:<50} {ns:>12.1} {min:>12.1} {ratio:>8.2}{note}");
            // JSON has no NaN; a figure that is none is left out.
            if ns.is_finite() && ratio.is_finite() {
                let (stage, subject) = (outcome.stage.clone(), subject.clone());
                let row = Row { stage, subject, ns, ratio_to_tickbook: ratio, msgs_per_s: rate };
                self.rows.push(row);
            }
        }
        for (subject, why) in &outcome.missing {
            println!("  {subject:<50} {why}");
        }
        println!();
    }

    /// Adds the outcomes of several inputs, and all of them as one.
    pub(crate) fn add_pooled(&mut self, stage: &str, parts: &[(u64, Outcome)]) {
        match parts {
            [] => {}
            [(_, only)] => self.add(&Outcome { stage: stage.to_owned(), ..only.clone() }),
            parts => {
                parts.iter().for_each(|(_, outcome)| self.add(outcome));
                self.add(&Outcome::pooled(stage, parts));
            }
        }
    }

    /// Writes the medians.
    pub(crate) fn write_json(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(&self.rows)?;
        text.push('\n');
        std::fs::write(path, text)
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
