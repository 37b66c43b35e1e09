//! What a demo shows while it runs: ladders side by side on a terminal, lines otherwise.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Duration;

use tickbook::{BookReader, Counter, Depth, Stage, Tickbook};

use crate::Failure;
use crate::text::{count, ladder, ladder_head, nanos};

/// The view of a running demo.
#[derive(Debug)]
pub(super) struct View {
    tickbook: Tickbook,
    readers: Vec<BookReader>,
    depth: Depth,
    is_terminal: bool,
    notes: VecDeque<String>,
    last: (Duration, u64, u64),
}

impl View {
    pub(super) fn new(tickbook: Tickbook, is_terminal: bool) -> Self {
        Self {
            tickbook,
            readers: Vec::new(),
            depth: Depth::default(),
            is_terminal,
            notes: VecDeque::new(),
            last: (Duration::ZERO, 0, 0),
        }
    }

    /// How often it is shown: smooth on a terminal, readable in a log.
    pub(super) const fn interval(&self) -> Duration {
        if self.is_terminal { Duration::from_millis(200) } else { Duration::from_secs(1) }
    }

    /// Keeps a line of the engine for the view.
    pub(super) fn note(&mut self, line: String) {
        if !self.is_terminal {
            say!("note: {line}");
            return;
        }
        self.notes.push_back(line);
        if self.notes.len() > NOTES {
            self.notes.pop_front();
        }
    }

    /// Shows where things stand.
    pub(super) fn show(&mut self, elapsed: Duration) -> Result<(), Failure> {
        self.find_books();
        let lines = if self.is_terminal { self.screen(elapsed) } else { self.line(elapsed) };
        let mut out = std::io::stdout().lock();
        if self.is_terminal {
            // Home, then each line cleared to its end, then all below cleared.
            write!(out, "\x1b[H")?;
            for line in &lines {
                writeln!(out, "{line}\x1b[K")?;
            }
            write!(out, "\x1b[J")?;
        } else {
            for line in &lines {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// The last view: the whole screen, on a terminal and off.
    pub(super) fn show_last(&mut self, elapsed: Duration) -> Result<(), Failure> {
        self.find_books();
        let lines = self.screen(elapsed);
        let mut out = std::io::stdout().lock();
        if self.is_terminal {
            write!(out, "\x1b[H\x1b[J")?;
        }
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(())
    }

    fn find_books(&mut self) {
        let books = self.tickbook.books();
        if books.len() == self.readers.len() {
            return;
        }
        let full = |info: &tickbook::BookInfo| {
            let venue = info.venue.map_or("unknown", tickbook_types::Venue::name);
            format!("{venue}:{}", info.name)
        };
        self.readers = books.iter().filter_map(|it| self.tickbook.book(&full(it)).ok()).collect();
    }

    /// One line with what counts, and one with a few best prices.
    fn line(&mut self, elapsed: Duration) -> Vec<String> {
        let summary = self.summary(elapsed);
        let mut line = String::new();
        for reader in self.readers.iter_mut().take(BOOKS_IN_LINE) {
            let name = reader.info().name.clone();
            let text = match reader.depth(&mut self.depth) {
                Ok(()) => {
                    let scale = self.depth.header().scale;
                    let best = ladder(self.depth.bids(), self.depth.asks(), scale, 1);
                    let best = best.first().map(String::as_str).unwrap_or("empty");
                    crate::text::one_line(best)
                }
                Err(why) => why.to_string(),
            };
            line.push_str(&format!("  {name} {text}"));
        }
        vec![summary, line]
    }

    /// The summary, some ladders side by side, the stages, the notes.
    fn screen(&mut self, elapsed: Duration) -> Vec<String> {
        let mut lines = vec![self.summary(elapsed), String::new()];
        let mut columns: Vec<Vec<String>> = Vec::new();
        for reader in self.readers.iter_mut().take(LADDERS) {
            let name = reader.info().name.clone();
            let mut column = Vec::new();
            match reader.depth(&mut self.depth) {
                Ok(()) => {
                    let header = *self.depth.header();
                    let levels = header.bid_levels + header.ask_levels;
                    column.push(format!("{name} {} ({levels} levels)", header.state));
                    column.push(ladder_head());
                    let (bids, asks) = (self.depth.bids(), self.depth.asks());
                    column.extend(ladder(bids, asks, header.scale, LADDER_ROWS));
                }
                Err(why) => column.push(format!("{name}: {why}")),
            }
            columns.push(column);
        }
        for row in 0..LADDER_ROWS + 2 {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| format!("{:<57}", column.get(row).map_or("", String::as_str)))
                .collect();
            lines.push(cells.join("  ").trim_end().to_owned());
        }
        lines.push(String::new());
        lines.extend(self.stages());
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines
    }

    fn summary(&mut self, elapsed: Duration) -> String {
        let stats = self.tickbook.stats();
        let sum = |counter| stats.iter().map(|it| it.counter(counter)).sum::<u64>();
        let (books, levels) = (sum(Counter::BookMessages), sum(Counter::LevelUpdates));
        let seconds = (elapsed - self.last.0).as_secs_f64().max(1e-3);
        let per_s = |now: u64, before: u64| rate(now.saturating_sub(before), seconds);
        let rates = (per_s(books, self.last.1), per_s(levels, self.last.2));
        self.last = (elapsed, books, levels);
        let all = self.readers.len();
        let live = self.readers.iter_mut().filter_map(|reader| reader.top().ok()).count();
        let tick_to_book = quantiles(&stats, Stage::TickToBook);
        let mut line = format!(
            "{:>4.0} s  {live}/{all} books live  {} book messages/s  {} levels/s  {} gaps",
            elapsed.as_secs_f64(),
            count(rates.0),
            count(rates.1),
            sum(Counter::Gaps),
        );
        // A terminal has the latencies below, stage by stage.
        if !self.is_terminal {
            line.push_str(&format!("  tick-to-book {tick_to_book}"));
        }
        line
    }

    fn stages(&self) -> Vec<String> {
        let stats = self.tickbook.stats();
        let seen = Stage::ALL
            .iter()
            .filter(|stage| stats.iter().any(|thread| thread.histogram(**stage).count() > 0));
        seen.map(|stage| format!("{:<20} {}", stage.name(), quantiles(&stats, *stage))).collect()
    }
}

/// Percentiles of the thread that has the most samples of a stage.
fn quantiles(stats: &[tickbook::ThreadStats], stage: Stage) -> String {
    let histogram = stats
        .iter()
        .map(|thread| thread.histogram(stage))
        .max_by_key(tickbook::Histogram::count)
        .unwrap_or_default();
    if histogram.count() == 0 {
        return "-".to_owned();
    }
    let at = |quantile| nanos(histogram.quantile(quantile));
    format!("p50 {}  p99 {}  p99.9 {}  max {}", at(0.5), at(0.99), at(0.999), at(1.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a positive rate for people"
)]
fn rate(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds).round() as u64
}

/// Ladders side by side: two of 57 columns fit in 120.
const LADDERS: usize = 2;

/// Levels a side in each.
const LADDER_ROWS: usize = 10;

/// Books in a log line.
const BOOKS_IN_LINE: usize = 3;

/// Lines of the engine that stay in view.
const NOTES: usize = 4;
