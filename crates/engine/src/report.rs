//! What a replay reports: counts, latencies, and the final books, in the shapes that users compare.
//!
//! The books have the shape of an independent builder's output, so that the two compare field by
//! field: best first, plain decimals without trailing zeros, symbols by the venue's own name.

use std::collections::BTreeMap;

use serde::Serialize;
use tickbook_venues::LineCounters;

use crate::topology::Topology;

/// The report of one replayed file.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Venue by its name.
    pub venue: String,
    /// The file as it was named.
    pub file: String,
    /// How the frames reached the engine: `memory`, `ws` or `wss`.
    pub transport: String,
    /// How often the file was played; counts are of the last time, times of all.
    pub repeat: u32,
    /// Received WebSocket messages.
    pub frames: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Messages of a book among them.
    pub book_messages: u64,
    /// Level changes in book messages and snapshots.
    pub level_updates: u64,
    /// Trades.
    pub trades: u64,
    /// Best-bid-and-offer messages.
    pub tickers: u64,
    /// Seconds from the first record to the last book, all repeats.
    pub elapsed_s: f64,
    /// Frames of all repeats by `elapsed_s`.
    pub frames_per_s: f64,
    /// Bytes of all repeats by `elapsed_s`.
    pub bytes_per_s: f64,
    /// Holes in a venue's sequence.
    pub gaps: u64,
    /// Times a book was asked for anew after its first snapshot.
    pub resyncs: u64,
    /// The venue's checksums.
    pub checksums: OkBad,
    /// Best bid and offer of the book against the venue's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbo_checks: Option<OkBad>,
    /// Messages after which a book was crossed.
    pub crossed: u64,
    /// What each line did, where there were several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineReport>,
    /// Messages that were understood and not used, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// Messages that were refused, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// What the latencies are measured from: `kernel` receive stamps, `recv` returned, or the frame
    /// `handed` to the decoder (memory replay).
    pub latency_from: String,
    /// Messages whose kernel stamp is shared with later ones of the same read, of all messages
    /// with a stamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_stamps: Option<f64>,
    /// Latencies by stage, nanoseconds.
    pub latency_ns: BTreeMap<String, Latency>,
    /// The host it ran on.
    pub host: Host,
}

/// What one of several connections with the same subscriptions did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LineReport {
    /// Book messages that it brought first.
    pub first: u64,
    /// Book messages that it brought after another line.
    pub duplicates: u64,
    /// Its share of all that were first.
    pub win_rate: f64,
    /// Holes in it that were left to another line.
    pub gaps: u64,
    /// By how much it was ahead on average, of the messages that another line brought later.
    pub lead_ns: u64,
}

impl LineReport {
    /// Of all lines.
    #[must_use]
    pub fn of_all(lines: &[LineCounters]) -> Vec<Self> {
        let first: u64 = lines.iter().map(|line| line.first).sum();
        let duplicates: u64 = lines.iter().map(|line| line.duplicates).sum();
        let report = |line: &LineCounters| {
            let later = duplicates - line.duplicates;
            #[expect(clippy::cast_precision_loss, reason = "a share for people, not a count")]
            let win_rate = line.first as f64 / first.max(1) as f64;
            Self {
                first: line.first,
                duplicates: line.duplicates,
                win_rate,
                gaps: line.gaps,
                lead_ns: line.lead_ns / later.max(1),
            }
        };
        lines.iter().map(report).collect()
    }
}

/// How many checks passed and failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct OkBad {
    /// Passed.
    pub ok: u64,
    /// Failed.
    pub bad: u64,
}

/// A latency distribution in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Latency {
    /// Samples.
    pub count: u64,
    /// Smallest.
    pub min: u64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// 99.99th percentile.
    pub p9999: u64,
    /// Largest.
    pub max: u64,
}

impl Latency {
    /// The percentiles of a histogram.
    #[must_use]
    pub fn of(histogram: &hdrhistogram::Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        Self {
            count: histogram.len(),
            min: histogram.min(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            p9999: histogram.value_at_quantile(0.9999),
            max: histogram.max(),
        }
    }
}

/// The host a report was made on.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Processor model.
    pub cpu: String,
    /// Cores the process may use.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Where builders ran.
    pub topology: String,
    /// How threads idled.
    pub idle: String,
    /// Counter behind the stamps.
    pub clock: String,
}

impl Host {
    /// This host, running `topology`.
    #[must_use]
    pub fn this(topology: &Topology) -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = file("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, model)| model.trim().to_owned());
        Self {
            cpu,
            cores: topology.cores,
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            topology: topology.builder.name().to_owned(),
            idle: topology.idle.name().to_owned(),
            clock: tickbook_types::clock::source().name().to_owned(),
        }
    }
}

/// The final books of a replay, by the venue's own symbol or topic.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Books {
    /// The books.
    pub symbols: BTreeMap<String, BookReport>,
}

/// One final book.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BookReport {
    /// State by its name.
    pub state: &'static str,
    /// Why it is not live; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Best bids first: price and size.
    pub bids: Vec<[String; 2]>,
    /// Best asks first: price and size.
    pub asks: Vec<[String; 2]>,
    /// Bids in the whole book.
    pub bid_levels: usize,
    /// Asks in the whole book.
    pub ask_levels: usize,
    /// The venue's chain id of the last applied message; null where the venue has none.
    pub last_seq: Option<u64>,
    /// Messages applied, snapshots among them.
    pub applied: u64,
    /// Messages after which the book was crossed.
    pub crossed_after_update: u64,
    /// Checksums of the venue that were right.
    pub checksum_ok: u64,
    /// Checksums that were wrong.
    pub checksum_bad: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_read_off_its_histogram() {
        let mut histogram = hdrhistogram::Histogram::<u64>::new(3).unwrap();
        assert_eq!(Latency::of(&histogram), Latency::default());
        for value in 1..=1_000 {
            histogram.record(value).unwrap();
        }
        let latency = Latency::of(&histogram);
        assert_eq!((latency.count, latency.min, latency.max), (1_000, 1, 1_000));
        assert_eq!((latency.p50, latency.p90, latency.p99), (500, 900, 990));
    }
}
