//! Reports as one page for a browser: of a replay (facts, counts, percentiles, plots, final books)
//! and of a bench (figures, plots).
//!
//! # Guarantees
//!
//! - The page is whole: no script, nothing loaded from anywhere (its own policy forbids both).
//! - It follows the reader's choice of light or dark.
//! - Text that comes from outside (file names, symbols) is escaped.

mod axis;
mod bench;
mod breakdown;
mod curves;
mod escape;
mod over_time;
mod rates;
mod stages;
mod tables;

use tickbook_engine::replay::Replayed;
use tickbook_engine::report::{Latency, Report};

use crate::text::{count, nanos};
pub(crate) use bench::page as bench_page;
use escape::Escaped;
use stages::{Role, Shown};

const STYLE: &str = include_str!("html/page.css");

/// A whole page up to its heading.
fn head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n"
    )
}

/// The page of some replays.
pub(crate) fn page(all: &[Replayed]) -> String {
    let mut html = head("tickbook replay");
    if all.len() > 1 {
        html.push_str("<ul>\n");
        for (index, replayed) in all.iter().enumerate() {
            let file = Escaped(&replayed.report.file);
            html.push_str(&format!("<li><a href=\"#f{index}\">{file}</a></li>\n"));
        }
        html.push_str("</ul>\n");
    }
    for (index, replayed) in all.iter().enumerate() {
        html.push_str(&format!("<section id=\"f{index}\">\n"));
        html.push_str(&section(replayed));
        html.push_str("</section>\n");
    }
    html.push_str("</body>\n</html>\n");
    html
}

/// One file.
fn section(replayed: &Replayed) -> String {
    let Replayed { report, books, histograms, moments } = replayed;
    let latencies: Vec<(Shown, Latency)> = stages::order(&report.latency_ns)
        .into_iter()
        .filter_map(|stage| report.latency_ns.get(&stage.key).map(|it| (stage.clone(), *it)))
        .collect();
    let curves: Vec<_> = stages::order(histograms)
        .into_iter()
        .filter(|stage| stage.role != Role::Other)
        .filter_map(|stage| histograms.get(&stage.key).map(|it| (stage.clone(), it)))
        .collect();
    let mut html = heading(report);
    html.push_str(&tiles(report));
    html.push_str("<h3>Latency by stage</h3>\n");
    html.push_str(&format!("<p>{}</p>\n", Escaped(&measured(report))));
    html.push_str(&tables::percentiles(&latencies));
    if let Some(svg) = curves::svg(&curves) {
        html.push_str("<h3>Percentile curves</h3>\n");
        let drawn = curves.iter().filter(|(_, histogram)| !histogram.is_empty());
        let drawn: Vec<&Shown> = drawn.map(|(stage, _)| stage).collect();
        html.push_str(&figure(&legend(&drawn), &svg));
    }
    if let Some(svg) = breakdown::svg(&latencies) {
        html.push_str(
            "<h3>Where the time goes</h3>\n<p>The stages at one percentile, side by side, and \
             below them the whole way. Percentiles of stages do not add up to that of the \
             whole. Each row has its own scale.</p>\n",
        );
        let drawn = latencies.iter().filter(|(stage, latency)| {
            latency.count > 0 && matches!(stage.role, Role::Part | Role::Whole)
        });
        let drawn: Vec<&Shown> = drawn.map(|(stage, _)| stage).collect();
        html.push_str(&figure(&legend(&drawn), &svg));
    }
    if let Some(svg) = over_time::svg(moments) {
        html.push_str(
            "<h3>Latency over time</h3>\n<p>Tick \u{2192} book of the messages of each moment. At \
             full speed, what a message waited for those before it is part of it.</p>\n",
        );
        let drawn = over_time::LINES.map(|(name, class, _)| (name, class));
        html.push_str(&figure(&keys(drawn), &svg));
    }
    html.push_str("<h3>Counts</h3>\n");
    html.push_str(&tables::counts(report));
    html.push_str("<h3>Final books</h3>\n");
    html.push_str(&tables::books(books));
    html
}

fn heading(report: &Report) -> String {
    let Report { venue, file, transport, host, .. } = report;
    let rows = [
        ("venue", venue.clone()),
        ("transport", transport.clone()),
        ("played", times(report.repeat)),
        ("took", format!("{:.3} s", report.elapsed_s)),
        ("processor", host.cpu.clone()),
        ("usable cores", host.cores.to_string()),
        ("kernel", host.kernel.clone()),
        ("builder", host.topology.clone()),
        ("idle", host.idle.clone()),
        ("clock", host.clock.clone()),
    ];
    let rows = rows.map(|(name, value)| (name.to_owned(), value));
    format!("<h2>{}</h2>\n{}", Escaped(file), tables::pairs(&rows))
}

fn times(repeat: u32) -> String {
    match repeat {
        1 => "once".to_owned(),
        n => format!("{} times", count(u64::from(n))),
    }
}

/// The figures that people look for first.
fn tiles(report: &Report) -> String {
    let whole = report.latency_ns.get(tickbook::Stage::TickToBook.name());
    let whole = whole.copied().unwrap_or_default();
    let time = |ns| if whole.count == 0 { "\u{2013}".to_owned() } else { nanos(ns) };
    let tiles = [
        ("tick to book, p50", time(whole.p50)),
        ("tick to book, p99", time(whole.p99)),
        ("tick to book, p99.9", time(whole.p999)),
        ("frames per second", rate(report.frames_per_s)),
        ("megabytes per second", rate(report.bytes_per_s / 1e6)),
    ];
    let tile = |(name, value)| format!("<div><span>{name}</span><b>{value}</b></div>\n");
    format!("<div class=\"tiles\">\n{}</div>\n", tiles.map(tile).concat())
}

/// A rate with three digits at least.
fn rate(per_s: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people, not negative"
    )]
    let whole = per_s.round() as u64;
    if whole >= 100 { count(whole) } else { format!("{per_s:.1}") }
}

/// What the latencies are, in words.
fn measured(report: &Report) -> String {
    let from = match report.latency_from.as_str() {
        "kernel" => "the kernel's receive stamp",
        "recv" => "the return of recv",
        "handed" => "the moment the frame was handed to the decoder",
        other => other,
    };
    let shared = report.shared_stamps.map(|share| {
        format!(
            " {:.1} % of the kernel stamps were shared with later messages of the same read: for \
             these, tick \u{2192} book is a lower bound.",
            share * 100.0
        )
    });
    format!(
        "Tick \u{2192} book is measured from {from} until the book can be read by another \
         process. The inner stages may be stamped on a sample of the messages.{}",
        shared.unwrap_or_default()
    )
}

fn legend(stages: &[&Shown]) -> String {
    keys(stages.iter().map(|stage| (stage.label.as_str(), stage.class)))
}

/// What each colour stands for.
fn keys<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let key = |(label, class): (&str, &str)| {
        format!("<span><i class=\"key {class}\"></i>{}</span>\n", Escaped(label))
    };
    let keys: String = lines.into_iter().map(key).collect();
    format!("<div class=\"legend\">\n{keys}</div>\n")
}

fn figure(legend: &str, svg: &str) -> String {
    format!("<figure>\n{legend}<div class=\"wide\">\n{svg}</div>\n</figure>\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hdrhistogram::Histogram;
    use tickbook_engine::report::{BookReport, Books, Host, OkBad};

    use super::*;

    fn replayed(file: &str, samples: &[(&str, &[u64])]) -> Replayed {
        let mut histograms = BTreeMap::new();
        for (stage, values) in samples {
            let mut histogram = Histogram::<u64>::new(3).unwrap();
            values.iter().for_each(|value| histogram.record(*value).unwrap());
            histograms.insert((*stage).to_owned(), histogram);
        }
        let latencies = histograms.iter().map(|(name, it)| (name.clone(), Latency::of(it)));
        let report = Report {
            lines: Vec::new(),
            venue: "binance_spot".to_owned(),
            file: file.to_owned(),
            transport: "memory".to_owned(),
            repeat: 1,
            frames: 1_234,
            bytes: 1,
            book_messages: 1,
            level_updates: 1,
            trades: 0,
            tickers: 0,
            elapsed_s: 0.5,
            frames_per_s: 2_468.0,
            bytes_per_s: 2.0,
            gaps: 0,
            resyncs: 0,
            checksums: OkBad::default(),
            bbo_checks: None,
            crossed: 0,
            ignored: [("not<subscribed>".to_owned(), 77)].into(),
            rejected: BTreeMap::new(),
            latency_from: "handed".to_owned(),
            shared_stamps: None,
            latency_ns: latencies.collect(),
            host: Host {
                cpu: "Some CPU @ 3 GHz".to_owned(),
                cores: 2,
                kernel: "6.1".to_owned(),
                topology: "inline".to_owned(),
                idle: "yield".to_owned(),
                clock: "tsc".to_owned(),
            },
        };
        let book = BookReport {
            state: "stale",
            reason: Some("gap"),
            bids: vec![["9.5".to_owned(), "17".to_owned()]],
            asks: Vec::new(),
            bid_levels: 4_321,
            ask_levels: 0,
            last_seq: None,
            applied: 3,
            crossed_after_update: 0,
            checksum_ok: 0,
            checksum_bad: 0,
        };
        let books = Books { symbols: [("A&B".to_owned(), book)].into() };
        Replayed { report, books, histograms, moments: Vec::new() }
    }

    #[test]
    fn a_page_loads_nothing_and_escapes_what_it_is_told() {
        let page = page(&[replayed("<script>\"&.cap", &[("tick_to_book", &[100, 200])])]);
        assert!(page.contains("&lt;script&gt;&quot;&amp;.cap"), "{page}");
        assert!(page.contains("ignored: not&lt;subscribed&gt;"), "{page}");
        assert!(page.contains("A&amp;B"), "{page}");
        for foreign in ["<script", "http://", "https://", "url(", "@import", "src=\""] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn a_page_tells_what_was_found() {
        let stages: &[(&str, &[u64])] =
            &[("tick_to_book", &[1_500; 100]), ("recv_to_parsed", &[700; 100]), ("turn", &[5])];
        let page = page(&[replayed("x.cap", stages)]);
        for text in
            ["1,234", "stale (gap)", "9.5", "17", "4,321", "Some CPU @ 3 GHz", "1.50 us", "inline"]
        {
            assert!(page.contains(text), "{text}");
        }
        assert_eq!(page.matches("<polyline").count(), 2, "a turn is not on the way");
        assert!(page.contains("recv \u{2192} parsed"));
    }

    #[test]
    fn without_samples_there_are_no_plots() {
        let page = page(&[replayed("x.cap", &[("tick_to_book", &[])])]);
        assert!(!page.contains("<svg"), "{page}");
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn elements_are_closed_and_several_files_have_links() {
        let stages: &[(&str, &[u64])] = &[("tick_to_book", &[1, 2]), ("recv_to_parsed", &[1])];
        let page = page(&[replayed("x.cap", stages), replayed("y.cap", stages)]);
        let names = [
            "a", "b", "body", "circle", "div", "dl", "dt", "dd", "figure", "g", "h2", "h3", "i",
            "li", "p", "rect", "section", "span", "svg", "table", "td", "text", "th", "tr", "ul",
        ];
        for name in names {
            let opened = [">", " "].map(|end| page.matches(&format!("<{name}{end}")).count());
            let closed = page.matches(&format!("</{name}>")).count();
            assert_eq!(opened[0] + opened[1], closed, "{name}");
        }
        assert!(page.contains("href=\"#f1\"") && page.contains("id=\"f1\""));
    }
}
