//! Latency over time: the median, the 99th percentile and the slowest message of each moment.

use tickbook_engine::replay::Moment;
use tickbook_engine::report::Latency;

use super::axis::{self, HEIGHT, LEFT, RIGHT, TimeAxis, WIDTH};
use crate::text::{count, nanos};

/// What is drawn of each moment: its name, the class with its colour, its value.
type Line = (&'static str, &'static str, fn(&Latency) -> u64);

pub(super) const LINES: [Line; 3] = [
    ("p50", "s-book", |latency| latency.p50),
    ("p99", "s-parse", |latency| latency.p99),
    ("slowest", "s-ring", |latency| latency.max),
];

/// Marks on the horizontal axis.
const MARKS: u32 = 5;

/// The drawing; nothing without two moments.
pub(super) fn svg(moments: &[Moment]) -> Option<String> {
    let [_, .., last] = moments else { return None };
    let min = moments.iter().map(|it| it.latency.p50).min()?;
    let max = moments.iter().map(|it| it.latency.max).max()?;
    let times = TimeAxis::over(min, max);
    let x = |seconds: f64| LEFT + seconds / last.until_s.max(1e-9) * (RIGHT - LEFT);
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"latency over time\">\n<g class=\"axes\">\n{}",
        times.svg()
    );
    for step in 0..=MARKS {
        let seconds = last.until_s * f64::from(step) / f64::from(MARKS);
        svg.push_str(&axis::mark(x(seconds), &format!("{seconds:.2} s")));
    }
    svg.push_str(&axis::title("time since the start of the replay"));
    svg.push_str("</g>\n");
    for (name, class, value) in LINES {
        let point =
            |it: &Moment| format!("{:.1},{:.1}", x(it.until_s), times.y(value(&it.latency)));
        let points: Vec<String> = moments.iter().map(point).collect();
        svg.push_str(&format!("<g class=\"{class}\"><polyline points=\"{}\"/>", points.join(" ")));
        for moment in moments {
            svg.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\"><title>{name} until {:.3} s: {} of {} \
                 messages</title></circle>",
                x(moment.until_s),
                times.y(value(&moment.latency)),
                moment.until_s,
                nanos(value(&moment.latency)),
                count(moment.latency.count)
            ));
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(until_s: f64, ns: u64) -> Moment {
        let latency = Latency { count: 9, p50: ns, p99: ns * 2, max: ns * 3, ..Latency::default() };
        Moment { until_s, latency }
    }

    #[test]
    fn each_moment_is_a_point_of_each_line() {
        let svg = svg(&[moment(0.5, 300), moment(1.0, 3_000), moment(2.0, 500)]).unwrap();
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert_eq!(svg.matches("<circle").count(), 9);
        assert!(svg.contains("p99 until 1.000 s: 6.00 us of 9 messages"), "{svg}");
        let first = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let x: Vec<f64> =
            first.split(' ').map(|it| it.split_once(',').unwrap().0.parse().unwrap()).collect();
        assert!((x[1] - f64::midpoint(LEFT, RIGHT)).abs() < 0.1 && (x[2] - RIGHT).abs() < 0.1);
    }

    #[test]
    fn one_moment_is_no_plot() {
        assert_eq!(svg(&[moment(1.0, 5)]), None);
        assert_eq!(svg(&[]), None);
    }
}
