//! Tables: what was counted, how long it took, and the books at the end.

use tickbook_engine::report::{BookReport, Books, Latency, Report};

use super::escape::Escaped;
use super::stages::Shown;
use crate::text::{count, nanos};

/// What was counted, as names and values.
pub(super) fn counts(report: &Report) -> String {
    let checked =
        |it: tickbook_engine::report::OkBad| format!("{} ok, {} bad", count(it.ok), count(it.bad));
    let mut rows: Vec<(String, String)> = [
        ("frames", report.frames),
        ("bytes", report.bytes),
        ("book messages", report.book_messages),
        ("level updates", report.level_updates),
        ("trades", report.trades),
        ("tickers", report.tickers),
        ("gaps", report.gaps),
        ("resyncs", report.resyncs),
        ("crossed", report.crossed),
    ]
    .map(|(name, value)| (name.to_owned(), count(value)))
    .into();
    rows.push(("checksums".to_owned(), checked(report.checksums)));
    rows.extend(report.bbo_checks.map(|it| ("best bid/ask checks".to_owned(), checked(it))));
    for (what, reasons) in [("ignored", &report.ignored), ("rejected", &report.rejected)] {
        let named = reasons.iter().map(|(reason, n)| (format!("{what}: {reason}"), count(*n)));
        rows.extend(named);
    }
    pairs(&rows)
}

/// Names and values, in as many columns as the window has room for.
pub(super) fn pairs(rows: &[(String, String)]) -> String {
    let mut html = String::from("<dl>\n");
    for (name, value) in rows {
        let (name, value) = (Escaped(name), Escaped(value));
        html.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    }
    html.push_str("</dl>\n");
    html
}

/// Percentiles by stage. Those that so few samples cannot tell from the maximum are pale.
pub(super) fn percentiles(stages: &[(Shown, Latency)]) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table>\n<thead><tr><th>stage</th><th>samples</th><th>min</th>\
         <th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>p99.99</th><th>max</th></tr>\
         </thead>\n<tbody>\n",
    );
    for (stage, latency) in stages {
        html.push_str(&format!(
            "<tr><th><i class=\"key {}\"></i>{}</th><td>{}</td>",
            stage.class,
            Escaped(&stage.label),
            count(latency.count)
        ));
        for (value, needs) in [
            (latency.min, 1),
            (latency.p50, 2),
            (latency.p90, 10),
            (latency.p99, 100),
            (latency.p999, 1_000),
            (latency.p9999, 10_000),
            (latency.max, 1),
        ] {
            html.push_str(&cell(value, latency.count, needs));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn cell(value: u64, samples: u64, needs: u64) -> String {
    match samples {
        0 => "<td class=\"pale\">\u{2013}</td>".to_owned(),
        _ if samples < needs => {
            let why = format!("fewer than {} samples", count(needs));
            format!("<td class=\"pale\" title=\"{why}\">{}</td>", nanos(value))
        }
        _ => format!("<td>{}</td>", nanos(value)),
    }
}

/// The books at the end, best prices only.
pub(super) fn books(books: &Books) -> String {
    if books.symbols.is_empty() {
        return "<p>No books.</p>\n".to_owned();
    }
    let mut html = String::from(
        "<div class=\"wide\"><table>\n<thead><tr><th>symbol</th><th class=\"text\">state</th>\
         <th>bid size</th><th>bid</th><th>ask</th><th>ask size</th><th>bid levels</th>\
         <th>ask levels</th><th>last id</th><th>applied</th><th>crossed</th></tr></thead>\n\
         <tbody>\n",
    );
    for (symbol, book) in &books.symbols {
        html.push_str(&book_row(symbol, book));
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn book_row(symbol: &str, book: &BookReport) -> String {
    let dash = || "\u{2013}".to_owned();
    let best = |side: &[[String; 2]], field: usize| {
        side.first().map_or_else(dash, |level| Escaped(&level[field]).to_string())
    };
    let state = match book.reason {
        Some(reason) => format!("{} ({reason})", book.state),
        None => book.state.to_owned(),
    };
    let mark = if book.state == "live" { "live" } else { "not-live" };
    format!(
        "<tr><th>{}</th><td class=\"text {mark}\">{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        Escaped(symbol),
        Escaped(&state),
        best(&book.bids, 1),
        best(&book.bids, 0),
        best(&book.asks, 0),
        best(&book.asks, 1),
        count(u64::try_from(book.bid_levels).unwrap_or(u64::MAX)),
        count(u64::try_from(book.ask_levels).unwrap_or(u64::MAX)),
        book.last_seq.map_or_else(dash, |seq| seq.to_string()),
        count(book.applied),
        count(book.crossed_after_update),
    )
}
