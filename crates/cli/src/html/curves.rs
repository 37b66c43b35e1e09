//! Percentile curves: how long the best, the usual and the worst messages took.
//!
//! The horizontal axis is `log10(1 / (1 - q))`, so that 90, 99 and 99.9 % stand evenly apart and
//! the tail has room; the vertical one is the logarithm of time.

use hdrhistogram::Histogram;

use super::axis::{self, HEIGHT, LEFT, RIGHT, TimeAxis, WIDTH};
use super::escape::Escaped;
use super::stages::Shown;
use crate::text::{count, nanos};

/// Points of a curve in each step from 90 to 99, 99 to 99.9, ... per cent.
const POINTS_PER_DECADE: u32 = 40;

/// Curves end at 99.9999 % at most.
const DECADES_MAX: f64 = 6.0;

/// Percentiles that are marked on the axis, and by a dot on each curve.
const MARKS: [(f64, &str); 7] = [
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
    (0.999_999, "99.9999 %"),
];

/// The drawing; nothing if there are no samples.
pub(super) fn svg(curves: &[(Shown, &Histogram<u64>)]) -> Option<String> {
    let curves: Vec<_> = curves.iter().filter(|(_, it)| !it.is_empty()).collect();
    let histograms: Vec<_> = curves.iter().map(|(_, histogram)| *histogram).collect();
    let axes = Axes::of(&histograms)?;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"percentile curves\">\n"
    );
    svg.push_str(&axes.svg());
    for (stage, histogram) in &curves {
        svg.push_str(&curve(stage, histogram, &axes));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// What the axes span.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axes {
    /// The right end, in steps of 90, 99, 99.9, ... per cent.
    depth: f64,
    times: TimeAxis,
}

impl Axes {
    fn of(histograms: &[&Histogram<u64>]) -> Option<Self> {
        let (mut min, mut max, mut samples) = (u64::MAX, 0, 0);
        for histogram in histograms {
            min = min.min(histogram.min());
            max = max.max(histogram.max());
            samples = samples.max(histogram.len());
        }
        if samples == 0 {
            return None;
        }
        // To 99 % at least, so that the plot of three samples is one, too.
        Some(Self { depth: depth(samples).max(2.0), times: TimeAxis::over(min, max) })
    }

    fn x(&self, depth: f64) -> f64 {
        LEFT + depth / self.depth * (RIGHT - LEFT)
    }

    fn y(&self, ns: u64) -> f64 {
        self.times.y(ns)
    }

    fn svg(&self) -> String {
        let mut svg = String::from("<g class=\"axes\">\n");
        svg.push_str(&self.times.svg());
        for (quantile, label) in MARKS {
            let at = -(1.0 - quantile).log10();
            if at > self.depth + 1e-9 {
                break;
            }
            svg.push_str(&axis::mark(self.x(at), label));
        }
        svg.push_str(&axis::title("share of messages that took at most so long"));
        svg.push_str("</g>\n");
        svg
    }
}

/// A line from the fastest message to the slowest, and dots at the marked percentiles.
fn curve(stage: &Shown, histogram: &Histogram<u64>, axes: &Axes) -> String {
    let end = depth(histogram.len());
    let mut points = Vec::new();
    for step in 0.. {
        let at = f64::from(step) / f64::from(POINTS_PER_DECADE);
        if at >= end {
            break;
        }
        points.push((axes.x(at), axes.y(histogram.value_at_quantile(1.0 - 10_f64.powf(-at)))));
    }
    points.push((axes.x(end), axes.y(histogram.max())));
    let class = stage.class;
    let list: Vec<String> =
        without_flats(&points).iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut svg = format!("<g class=\"{class}\"><polyline points=\"{}\"/>\n", list.join(" "));
    let label = Escaped(&stage.label);
    let mut dot = |at: f64, ns: u64, what: &str| {
        svg.push_str(&format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"><title>{label}, {what}: {}</title>\
             </circle>\n",
            axes.x(at),
            axes.y(ns),
            nanos(ns)
        ));
    };
    for (quantile, what) in MARKS {
        let at = -(1.0 - quantile).log10();
        if at < end {
            dot(at, histogram.value_at_quantile(quantile), what);
        }
    }
    dot(end, histogram.max(), &format!("slowest of {}", count(histogram.len())));
    svg.push_str("</g>\n");
    svg
}

/// The points without those that only prolong a level line.
fn without_flats(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let is_level = |a: usize, b: usize| (points[a].1 - points[b].1).abs() < 0.05;
    let kept = |index: &usize| {
        let (index, last) = (*index, points.len() - 1);
        index == 0 || index == last || !is_level(index - 1, index) || !is_level(index, index + 1)
    };
    (0..points.len()).filter(kept).map(|index| points[index]).collect()
}

/// How far to the right the slowest of so many messages stands.
fn depth(samples: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
    let samples = samples as f64;
    samples.log10().clamp(0.0, DECADES_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::axis::BOTTOM;
    use super::*;
    use crate::html::stages;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        values.into_iter().for_each(|value| histogram.record(value).unwrap());
        histogram
    }

    fn stage(key: &str) -> Shown {
        stages::order(&BTreeMap::from([(key.to_owned(), ())])).remove(0)
    }

    /// The coordinates of the first curve.
    fn points(svg: &str) -> Vec<(f64, f64)> {
        let list = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let point = |pair: &str| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        list.split(' ').map(point).collect()
    }

    #[test]
    fn axes_span_all_samples() {
        let (low, high) = (histogram([150, 900]), histogram(1..=20_000));
        let axes = Axes::of(&[&low, &high]).unwrap();
        assert_eq!(axes.times, TimeAxis::over(1, high.max()));
        assert!((axes.depth - 20_000_f64.log10()).abs() < 1e-9);
        assert!((axes.x(axes.depth / 2.0) - f64::midpoint(LEFT, RIGHT)).abs() < 1e-9);
        assert_eq!(Axes::of(&[&histogram([])]), None);
        let one = Axes::of(&[&histogram([1_000])]).unwrap();
        assert!((one.depth - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_curve_rises_from_the_fastest_to_the_slowest() {
        let histogram = histogram(1..=10_000);
        let axes = Axes::of(&[&histogram]).unwrap();
        let svg = svg(&[(stage("tick_to_book"), &histogram)]).unwrap();
        let points = points(&svg);
        assert!((points[0].0 - LEFT).abs() < 0.1 && (points[0].1 - BOTTOM).abs() < 0.1);
        let last = points.last().unwrap();
        assert!((last.0 - RIGHT).abs() < 0.1 && (last.1 - axes.y(10_000)).abs() < 0.1);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 >= pair[1].1));
        // The median where 50 % is.
        let x = axes.x(2_f64.log10());
        let median = points.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
        assert!((median.unwrap().1 - axes.y(5_000)).abs() < 2.0, "{median:?}");
        assert!(svg.contains("50 %: 5.00 us</title>") && svg.contains("slowest of 10,000"));
    }

    #[test]
    fn one_sample_is_a_dot() {
        let svg = svg(&[(stage("tick_to_book"), &histogram([777]))]).unwrap();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn level_lines_keep_their_ends_only() {
        let points = [(0.0, 5.0), (1.0, 5.0), (2.0, 5.0), (3.0, 4.0), (4.0, 4.0)];
        assert_eq!(without_flats(&points), [(0.0, 5.0), (2.0, 5.0), (3.0, 4.0), (4.0, 4.0)]);
        assert_eq!(without_flats(&points[..1]), [(0.0, 5.0)]);
    }
}
