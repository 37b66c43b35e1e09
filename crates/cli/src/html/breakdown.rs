//! Where the time goes: the stages side by side at one percentile, against the whole way.
//!
//! Percentiles do not add up: the slow messages of one stage are not those of another. The bar of
//! the whole way stands below, so that nobody is misled.

use tickbook_engine::report::Latency;

use super::escape::Escaped;
use super::stages::{Role, Shown};
use crate::text::nanos;

const WIDTH: f64 = 920.0;
const LEFT: f64 = 64.0;
/// Behind the bars stand their sums.
const RIGHT: f64 = WIDTH - 90.0;
const ROW: f64 = 74.0;
const BAR: f64 = 28.0;
const BAR_TOTAL: f64 = 10.0;

/// A segment narrower than this has no room for its number.
const LABEL_MIN: f64 = 56.0;

/// A percentile of a distribution.
type Percentile = fn(&Latency) -> u64;

/// The percentiles that have a row.
const ROWS: [(&str, Percentile); 2] = [("p50", |it| it.p50), ("p99", |it| it.p99)];

/// The drawing; nothing if no stage has samples.
pub(super) fn svg(stages: &[(Shown, Latency)]) -> Option<String> {
    let sampled = || stages.iter().filter(|(_, latency)| latency.count > 0);
    let parts: Vec<_> = sampled().filter(|(stage, _)| stage.role == Role::Part).collect();
    let total = sampled().find(|(stage, _)| stage.role == Role::Whole);
    if parts.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "two rows")]
    let height = ROW * ROWS.len() as f64;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"stages side by side\">\n"
    );
    let mut top = 8.0;
    for (name, of) in ROWS {
        svg.push_str(&row(name, top, &parts, total, of));
        top += ROW;
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn row(
    name: &str,
    top: f64,
    parts: &[&(Shown, Latency)],
    total: Option<&(Shown, Latency)>,
    of: Percentile,
) -> String {
    let sum: u64 = parts.iter().map(|(_, latency)| of(latency)).sum();
    let whole = total.map_or(0, |(_, latency)| of(latency));
    #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
    let width = |ns: u64| ns as f64 / sum.max(whole).max(1) as f64 * (RIGHT - LEFT);
    let middle = top + BAR / 2.0 + 4.5;
    let mut svg = format!(
        "<text class=\"row\" x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>\n",
        LEFT - 12.0
    );
    let mut x = LEFT;
    for (stage, latency) in parts {
        let ns = of(latency);
        let (label, value) = (Escaped(&stage.label), nanos(ns));
        let wide = width(ns);
        svg.push_str(&format!(
            "<g class=\"{}\"><rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" \
             height=\"{BAR}\"><title>{label}, {name}: {value}</title></rect>",
            stage.class
        ));
        if wide >= LABEL_MIN {
            let at = x + wide / 2.0;
            svg.push_str(&format!(
                "<text class=\"inside\" x=\"{at:.1}\" y=\"{middle:.1}\" \
                 text-anchor=\"middle\">{value}</text>"
            ));
        }
        svg.push_str("</g>\n");
        x += wide;
    }
    svg.push_str(&format!(
        "<text x=\"{:.1}\" y=\"{middle:.1}\">{}</text>\n",
        x.max(LEFT) + 8.0,
        nanos(sum)
    ));
    if let Some((stage, _)) = total {
        let (below, wide) = (top + BAR + 5.0, width(whole));
        svg.push_str(&format!(
            "<g class=\"{}\"><rect x=\"{LEFT}\" y=\"{below:.1}\" width=\"{wide:.1}\" \
             height=\"{BAR_TOTAL}\"><title>{}, {name}: {value}</title></rect></g>\
             <text x=\"{:.1}\" y=\"{:.1}\">{value}</text>\n",
            stage.class,
            Escaped(&stage.label),
            LEFT + wide + 8.0,
            below + BAR_TOTAL / 2.0 + 4.5,
            value = nanos(whole),
        ));
    }
    svg
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::html::stages;

    fn stages(list: &[(&str, u64)]) -> Vec<(Shown, Latency)> {
        let all: BTreeMap<String, u64> =
            list.iter().map(|(key, ns)| ((*key).to_owned(), *ns)).collect();
        let latency = |ns| Latency { count: 1, p50: ns, p99: 10 * ns, ..Latency::default() };
        let order = stages::order(&all).into_iter();
        order.map(|stage| (stage.clone(), latency(all[&stage.key]))).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_times() {
        let svg = svg(&stages(&[
            ("recv_to_parsed", 100),
            ("popped_to_published", 300),
            ("tick_to_book", 200),
            ("turn", 1_000_000),
        ]));
        let svg = svg.unwrap();
        let full = RIGHT - LEFT;
        for share in [0.25, 0.75, 0.5] {
            let width = format!("width=\"{:.1}\"", full * share);
            assert_eq!(svg.matches(&width).count(), 2, "{share}: {svg}");
        }
        assert_eq!(svg.matches("<rect").count(), 6, "turn is not a part of the way");
    }

    #[test]
    fn without_samples_there_is_no_drawing() {
        let mut stages = stages(&[("recv_to_parsed", 1)]);
        stages[0].1.count = 0;
        assert_eq!(svg(&stages), None);
        assert_eq!(svg(&[]), None);
    }

    #[test]
    fn times_of_zero_do_no_harm() {
        let svg = svg(&stages(&[("recv_to_parsed", 0), ("tick_to_book", 0)])).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    }
}
