//! A figure: one quantity, measured several times, beside the least it could be.

use serde::{Deserialize, Serialize};

/// One measured quantity in nanoseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// Where it was measured: `memory inline`, `ws@5000`.
    pub(crate) stage: String,
    /// What: `tick_to_book p50`.
    pub(crate) what: String,
    /// `ns`.
    pub(crate) unit: String,
    /// Every run, in order.
    pub(crate) runs: Vec<f64>,
    /// Median of the runs.
    pub(crate) median: f64,
    /// Lowest of the runs.
    pub(crate) low: f64,
    /// Highest of the runs.
    pub(crate) high: f64,
    /// What it is held against.
    pub(crate) floor: Option<Floor>,
    /// Median by floor.
    pub(crate) ratio: Option<f64>,
}

/// The least that a quantity could be on this host.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Floor {
    /// What it is.
    pub(crate) what: String,
    /// Its median.
    pub(crate) ns: f64,
}

impl Floor {
    /// Both, one after the other.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { what: format!("{} + {}", self.what, other.what), ns: self.ns + other.ns }
    }
}

impl Figure {
    /// A figure of these runs; `None` if there are none.
    pub(crate) fn of(stage: &str, what: &str, runs: Vec<f64>) -> Option<Self> {
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        Some(Self {
            stage: stage.to_owned(),
            what: what.to_owned(),
            unit: "ns".to_owned(),
            runs,
            median: median(&sorted),
            low,
            high,
            floor: None,
            ratio: None,
        })
    }

    /// The same held against `floor`.
    pub(super) fn above(mut self, floor: Option<Floor>) -> Self {
        self.ratio = floor.as_ref().filter(|it| it.ns > 0.0).map(|it| self.median / it.ns);
        self.floor = floor;
        self
    }

    /// This figure as a floor of others.
    pub(super) fn as_floor(&self) -> Floor {
        Floor { what: self.what.clone(), ns: self.median }
    }

    /// Highest less lowest, as a share of the median.
    pub(super) fn spread(&self) -> f64 {
        if self.median > 0.0 { (self.high - self.low) / self.median } else { 0.0 }
    }

    /// Whether it varies too much for a single run to mean anything.
    pub(super) fn is_noisy(&self) -> bool {
        self.spread() > NOISY
    }
}

/// Spread above which a figure is marked.
pub(super) const NOISY: f64 = 0.2;

/// The middle of sorted numbers, 0 of none.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len() % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!(median(&[]).abs() < f64::EPSILON);
        assert!((median(&[3.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(&[1.0, 3.0]) - 2.0).abs() < f64::EPSILON);
        let figure = Figure::of("s", "w", vec![9.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!((figure.low, figure.median, figure.high), (1.0, 3.0, 9.0));
        assert_eq!(figure.runs, [9.0, 1.0, 4.0, 2.0, 3.0]);
        assert!(figure.is_noisy());
    }

    #[test]
    fn a_figure_is_held_against_its_floor() {
        let floor = |what: &str, ns| Floor { what: what.to_owned(), ns };
        let figure = Figure::of("s", "w", vec![10.0; 5]).unwrap();
        assert!(!figure.is_noisy() && figure.ratio.is_none());
        let above = figure.clone().above(Some(floor("a", 2.0).and(&floor("b", 3.0))));
        assert_eq!((above.floor, above.ratio), (Some(floor("a + b", 5.0)), Some(2.0)));
        assert_eq!(figure.above(Some(floor("a", 0.0))).ratio, None);
    }

    #[test]
    fn no_runs_are_no_figure() {
        assert_eq!(Figure::of("s", "w", Vec::new()), None);
    }
}
