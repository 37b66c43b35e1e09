//! A bench's figures as a page: every figure beside its floor, and what latency does with the rate.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::curves;
use super::escape::Escaped;
use super::rates::{self, Line};
use super::stages::{Role, Shown};
use super::{figure, head, keys, legend};
use crate::bench::{Figure, fine_nanos};

/// Transports with a rate, percentiles, and the colour of each.
const LINES: [(&str, &str, &str); 4] = [
    ("ws", "p50", "s-book"),
    ("ws", "p99", "s-parse"),
    ("wss", "p50", "s-ring"),
    ("wss", "p99", "s-upper"),
];

/// Colours of the distributions, in turn.
const COLOURS: [&str; 6] = ["s-book", "s-parse", "s-ring", "s-upper", "s-total", "s-kernel"];

/// Key of the distributions that are drawn.
const WHOLE: &str = ".tick_to_book";

/// The page.
pub(crate) fn page(
    host: &str,
    figures: &[Figure],
    distributions: &BTreeMap<String, Histogram<u64>>,
    notes: &[String],
) -> String {
    let mut html = head("tickbook bench");
    html.push_str(&format!("<p>{}</p>\n", Escaped(host)));
    let lines = lines(figures);
    if let Some(svg) = rates::svg(&lines) {
        html.push_str(
            "<h3>Latency against rate</h3>\n<p>Tick \u{2192} book over loopback, from a venue \
             whose schedule does not wait for the engine: the median of the runs.</p>\n",
        );
        let drawn = lines.iter().map(|line| (line.name.as_str(), line.class));
        html.push_str(&figure(&keys(drawn), &svg));
    }
    let curves: Vec<(Shown, &Histogram<u64>)> = distributions
        .iter()
        .filter_map(|(name, histogram)| Some((name.strip_suffix(WHOLE)?, histogram)))
        .filter(|(_, histogram)| !histogram.is_empty())
        .zip(COLOURS.iter().cycle())
        .map(|((name, histogram), class)| (shown(name, class), histogram))
        .collect();
    if let Some(svg) = curves::svg(&curves) {
        html.push_str("<h3>Percentile curves</h3>\n<p>Tick \u{2192} book over all runs.</p>\n");
        let drawn: Vec<&Shown> = curves.iter().map(|(stage, _)| stage).collect();
        html.push_str(&figure(&legend(&drawn), &svg));
    }
    html.push_str("<h3>Figures</h3>\n");
    html.push_str(&table(figures));
    html.push_str("<ul>\n");
    for note in notes {
        html.push_str(&format!("<li>{}</li>\n", Escaped(note)));
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    html
}

fn shown(name: &str, class: &'static str) -> Shown {
    Shown { key: name.to_owned(), label: name.to_owned(), class, role: Role::Whole }
}

/// The lines that the figures have points for.
fn lines(figures: &[Figure]) -> Vec<Line> {
    let point = |figure: &Figure, transport: &str, quantile: &str| {
        let (of, rate) = figure.stage.split_once('@')?;
        let start = ["tick_to_book", "tick_to_book from recv"];
        let wanted = start.iter().any(|it| figure.what == format!("{it} {quantile}"));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive time; the cast saturates"
        )]
        let ns = figure.median.round() as u64;
        (of == transport && wanted).then_some((rate.parse().ok()?, ns))
    };
    let line = |(transport, quantile, class): (&str, &str, &'static str)| {
        let points = figures.iter().filter_map(|figure| point(figure, transport, quantile));
        let mut points: Vec<(u32, u64)> = points.collect();
        points.sort_unstable();
        Line { name: format!("{transport} {quantile}"), class, points }
    };
    LINES.into_iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

fn table(figures: &[Figure]) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table>\n<thead><tr><th>stage</th><th class=\"text\">figure</th>\
         <th>median</th><th>lowest</th><th>highest</th><th>ratio</th><th class=\"text\">floor</th>\
         </tr></thead>\n<tbody>\n",
    );
    let mut last = "";
    for figure in figures {
        let stage = if figure.stage == last { "" } else { figure.stage.as_str() };
        last = &figure.stage;
        let ratio = figure.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let floor = figure.floor.as_ref();
        let floor = floor.map(|it| format!("{} {}", it.what, fine_nanos(it.ns)));
        html.push_str(&format!(
            "<tr><th>{}</th><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{ratio}</td><td class=\"text\">{}</td></tr>\n",
            Escaped(stage),
            Escaped(&figure.what),
            fine_nanos(figure.median),
            fine_nanos(figure.low),
            fine_nanos(figure.high),
            Escaped(&floor.unwrap_or_default()),
        ));
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Vec<Figure> {
        let figure = |stage, what, ns| Figure::of(stage, what, vec![ns; 5]).unwrap();
        vec![
            figure("ws@5000", "tick_to_book p50", 9_000.0),
            figure("ws@1000", "tick_to_book from recv p50", 8_000.0),
            figure("ws@1000", "tick_to_book_upper p50", 1.0),
            figure("ws@1000 readers 2", "tick_to_book p50", 2.0),
            figure("memory inline", "tick_to_book p50", 400.0),
        ]
    }

    #[test]
    fn a_line_has_a_point_for_each_rate() {
        let lines = lines(&figures());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].points, [(1_000, 8_000), (5_000, 9_000)]);
    }

    #[test]
    fn the_page_has_figures_notes_and_plots() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        histogram.record_n(9_000, 100).unwrap();
        let distributions = BTreeMap::from([
            ("ws@5000.tick_to_book".to_owned(), histogram.clone()),
            ("ws@5000.kernel_to_recv".to_owned(), histogram),
        ]);
        let notes = ["a <note>".to_owned()];
        let page = page("Some CPU", &figures(), &distributions, &notes);
        for text in ["Some CPU", "Latency against rate", "9.00 us", "a &lt;note&gt;", "ws@5000"] {
            assert!(page.contains(text), "{text}");
        }
        assert_eq!(page.matches("<svg").count(), 2);
        assert_eq!(page.matches("<polyline").count(), 2, "one rate line, one distribution");
        assert!(page.trim_end().ends_with("</html>"));
    }
}
