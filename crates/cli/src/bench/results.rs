//! What was measured, as it grows, and the file that it becomes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tickbook_engine::report::Latency;

use super::figure::Figure;
use crate::fingerprint::Fingerprint;
use crate::signals::Signals;
use crate::{Failure, files, hdr, html};

/// Version of the file.
const FORMAT: u32 = 1;

/// Everything a bench found.
#[derive(Debug)]
pub(super) struct Results {
    signals: Signals,
    quick: bool,
    host: Fingerprint,
    figures: Vec<Figure>,
    distributions: BTreeMap<String, Histogram<u64>>,
    notes: Vec<String>,
}

/// What `--json` writes.
#[derive(Serialize)]
struct File<'a> {
    tickbook_bench: u32,
    quick: bool,
    host: &'a Fingerprint,
    figures: &'a [Figure],
    latency_ns: BTreeMap<&'a str, Latency>,
    notes: &'a [String],
}

/// What a comparison needs of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Saved {
    tickbook_bench: u32,
    pub(super) quick: bool,
    pub(super) host: Fingerprint,
    pub(super) figures: Vec<Figure>,
}

impl Results {
    pub(super) fn new(signals: Signals, quick: bool) -> Self {
        Self {
            signals,
            quick,
            host: Fingerprint::this(),
            figures: Vec::new(),
            distributions: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Fails if the user wants an end.
    pub(super) fn check_signals(&self) -> Result<(), Failure> {
        if self.signals.arrived() { Err("interrupted; nothing was written".into()) } else { Ok(()) }
    }

    /// Adds a figure, if there were runs to make one.
    pub(super) fn add(&mut self, figure: Option<Figure>) {
        self.figures.extend(figure);
    }

    /// Adds to a distribution over all runs.
    pub(super) fn distribution(&mut self, name: &str, histogram: &Histogram<u64>) {
        match self.distributions.get_mut(name) {
            // All have the same bounds.
            Some(sum) => drop(sum.add(histogram)),
            None => drop(self.distributions.insert(name.to_owned(), histogram.clone())),
        }
    }

    /// Adds a line that a reader of the figures should know.
    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn saved(&self) -> Saved {
        Saved {
            tickbook_bench: FORMAT,
            quick: self.quick,
            host: self.host.clone(),
            figures: self.figures.clone(),
        }
    }

    pub(super) fn write_json(&self, path: &Path) -> Result<(), Failure> {
        let all = self.distributions.iter();
        let file = File {
            tickbook_bench: FORMAT,
            quick: self.quick,
            host: &self.host,
            figures: &self.figures,
            latency_ns: all.map(|(name, it)| (name.as_str(), Latency::of(it))).collect(),
            notes: &self.notes,
        };
        files::write_json(path, &file)
    }

    /// The page for a browser.
    pub(super) fn html(&self) -> String {
        html::bench_page(&self.host.line(), &self.figures, &self.distributions, &self.notes)
    }

    /// One log for every distribution.
    pub(super) fn write_hdr(&self, dir: &Path, length: Duration) -> Result<(), Failure> {
        hdr::make(dir)?;
        for (name, histogram) in &self.distributions {
            let comment = format!("tickbook bench, {name}; {}", self.host.line());
            let file = format!("{}.hdr", name.replace([' ', ','], "_"));
            hdr::write_log(&dir.join(file), &comment, length, histogram)?;
        }
        Ok(())
    }
}

impl Saved {
    /// Reads what `--json` wrote.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let fault = |what: String| {
            format!("cannot compare with {}: {what}; write one with --json", path.display())
        };
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        let saved: Self = sonic_rs::from_str(&text)
            .map_err(|_| fault("it is not a file of `tickbook bench`".to_owned()))?;
        if saved.tickbook_bench != FORMAT {
            return Err(fault(format!("its format is {}", saved.tickbook_bench)).into());
        }
        Ok(saved)
    }
}

#[cfg(test)]
impl Saved {
    /// A file with these figures.
    pub(super) fn for_test(figures: Vec<Figure>) -> Self {
        Self { tickbook_bench: FORMAT, quick: false, host: Fingerprint::default(), figures }
    }
}
