//! Latency against the rate of messages, a line for each transport and percentile.

use super::axis::{self, HEIGHT, LEFT, RIGHT, TimeAxis, WIDTH};
use super::escape::Escaped;
use crate::text::{count, nanos};

/// One line: a latency at each rate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    /// Class of the style sheet, which has the colour.
    pub(super) class: &'static str,
    /// Messages per second and nanoseconds, by rate.
    pub(super) points: Vec<(u32, u64)>,
}

/// The drawing; nothing without two rates.
pub(super) fn svg(lines: &[Line]) -> Option<String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let (slowest, fastest) = (all().map(|it| it.0).min()?, all().map(|it| it.0).max()?);
    if slowest == fastest || slowest == 0 {
        return None;
    }
    let times = TimeAxis::over(all().map(|it| it.1).min()?, all().map(|it| it.1).max()?);
    // Room at both ends for the marks.
    let x = |rate: u32| {
        let share = (f64::from(rate) / f64::from(slowest)).ln()
            / (f64::from(fastest) / f64::from(slowest)).ln();
        LEFT + (0.05 + share * 0.9) * (RIGHT - LEFT)
    };
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"latency against rate\">\n<g class=\"axes\">\n{}",
        times.svg()
    );
    let mut rates: Vec<u32> = all().map(|it| it.0).collect();
    rates.sort_unstable();
    rates.dedup();
    for rate in rates {
        svg.push_str(&axis::mark(x(rate), &count(rate.into())));
    }
    svg.push_str(&axis::title("book messages per second"));
    svg.push_str("</g>\n");
    for Line { name, class, points } in lines {
        let at = |(rate, ns): &(u32, u64)| format!("{:.1},{:.1}", x(*rate), times.y(*ns));
        let list: Vec<String> = points.iter().map(at).collect();
        svg.push_str(&format!("<g class=\"{class}\"><polyline points=\"{}\"/>", list.join(" ")));
        for (rate, ns) in points {
            svg.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}, {}/s: {}</title></circle>",
                x(*rate),
                times.y(*ns),
                Escaped(name),
                count((*rate).into()),
                nanos(*ns)
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

    fn line(points: &[(u32, u64)]) -> Line {
        Line { name: "ws p50".to_owned(), class: "s-book", points: points.to_vec() }
    }

    #[test]
    fn rates_stand_evenly_by_their_ratio() {
        let svg = svg(&[line(&[(1_000, 9_000), (10_000, 12_000), (100_000, 30_000)])]).unwrap();
        let list = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let x: Vec<f64> =
            list.split(' ').map(|it| it.split_once(',').unwrap().0.parse().unwrap()).collect();
        assert!((x[1] - x[0] - (x[2] - x[1])).abs() < 0.2, "{x:?}");
        assert!(svg.contains("ws p50, 10,000/s: 12.0 us"), "{svg}");
        assert!(svg.contains(">100,000</text>"));
    }

    #[test]
    fn one_rate_is_no_plot() {
        assert_eq!(svg(&[line(&[(1_000, 9_000)])]), None);
        assert_eq!(svg(&[]), None);
    }
}
