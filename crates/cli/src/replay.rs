//! `tickbook replay`: captures through the whole path, and a report.

use std::path::{Path, PathBuf};

use tickbook_capture::Capture;
use tickbook_engine::replay::{
    self, Pace, ReplayOptions, Replayed, Server, from_memory, on_lines, over_sockets,
};
use tickbook_engine::report::{Books, Latency, Report};
use tickbook_venue_sim::{Feed, Script, Sim, SimConfig};

use crate::args::{PaceArg, ReplayArgs, TransportArg};
use crate::files;
use crate::signals::Signals;
use crate::text::{count, nanos};
use crate::{Failure, hdr, html};

pub(crate) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let results = [&args.json, &args.books, &args.html];
    results.into_iter().flatten().try_for_each(|path| files::probe(path))?;
    args.layout.memory().ask()?;
    end_tidily(args)?;
    let mut all = Vec::with_capacity(args.files.len());
    if args.lines {
        let replayed = replay_lines(args)?;
        print(&replayed);
        all.push(replayed);
    }
    for file in args.files.iter().filter(|_| !args.lines) {
        let replayed = replay_file(file, args)?;
        print(&replayed);
        all.push(replayed);
    }
    if let Some(path) = &args.json {
        let reports: Vec<&Report> = all.iter().map(|it| &it.report).collect();
        match reports[..] {
            [report] => files::write_json(path, report)?,
            _ => files::write_json(path, &reports)?,
        }
    }
    if let Some(path) = &args.books {
        let books: Vec<&Books> = all.iter().map(|it| &it.books).collect();
        match books[..] {
            [books] => files::write_json(path, books)?,
            _ => files::write_json(path, &books)?,
        }
    }
    if let Some(dir) = &args.hdr {
        hdr::write(dir, &all)?;
    }
    if let Some(path) = &args.html {
        files::write(path, html::page(&all).as_bytes())?;
    }
    Ok(())
}

/// A replay at a recorded pace takes as long as the recording: a signal ends it without leaving its
/// files behind.
fn end_tidily(args: &ReplayArgs) -> Result<(), Failure> {
    let name = args.name.clone().unwrap_or_else(|| ReplayOptions::default().name);
    let dir = args.shm.shm_dir.clone();
    let mut files: Vec<PathBuf> =
        ["shm", "lock"].map(|end| dir.join(format!("{name}.{end}"))).to_vec();
    files.push(ca_path());
    Signals::watch()?.end_with(move || {
        for file in files {
            // Best effort: what is not there need not go.
            let _ = std::fs::remove_file(file);
        }
    });
    Ok(())
}

/// Where the certificate of a local server is kept.
fn ca_path() -> PathBuf {
    std::env::temp_dir().join(format!("tickbook-replay-ca-{}.pem", std::process::id()))
}

fn replay_file(file: &Path, args: &ReplayArgs) -> Result<Replayed, Failure> {
    let capture = Capture::load(file)?;
    let options = options_of(args)?;
    let replayed = match args.transport {
        TransportArg::Memory => from_memory(&capture, &options)?,
        TransportArg::Ws => served(&capture, &options, args, false)?,
        TransportArg::Wss => served(&capture, &options, args, true)?,
    };
    Ok(replayed)
}

/// All files together, as the lines of one session.
fn replay_lines(args: &ReplayArgs) -> Result<Replayed, Failure> {
    if args.transport != TransportArg::Memory {
        return Err("--lines plays from memory only; leave --transport out".into());
    }
    let captures: Result<Vec<Capture>, _> = args.files.iter().map(Capture::load).collect();
    Ok(on_lines(&captures?, &options_of(args)?)?)
}

fn options_of(args: &ReplayArgs) -> Result<ReplayOptions, Failure> {
    let defaults = ReplayOptions::default();
    Ok(ReplayOptions {
        venue: args.venue,
        instruments: args.instruments.clone(),
        pace: match args.pace {
            PaceArg::Max => Pace::Max,
            PaceArg::Times(times) => Pace::Times(times),
        },
        repeat: args.repeat,
        depth: args.depth,
        wishes: args.layout.wishes(0),
        cores: args.layout.cores()?,
        sample_every: args.sample_every,
        series: args.html.is_some(),
        shm_dir: args.shm.shm_dir.clone(),
        name: args.name.clone().unwrap_or_else(|| defaults.name.clone()),
        ..defaults
    })
}

/// Plays the capture from a local server, once for every repeat.
fn served(
    capture: &Capture,
    options: &ReplayOptions,
    args: &ReplayArgs,
    tls: bool,
) -> Result<Replayed, Failure> {
    let venue = replay::venue_of(capture, options.venue)?;
    let script = Script::from(capture);
    let pace = match args.pace {
        PaceArg::Max => tickbook_venue_sim::Pace::Max,
        PaceArg::Times(times) => tickbook_venue_sim::Pace::Times(times),
    };
    let ca_file = tls.then(ca_path);
    let play = || -> Result<Replayed, Failure> {
        let feed = Feed::Capture { script: script.clone(), pace };
        let mut config = SimConfig::new(venue, feed);
        config.tls = tls;
        config.ca_file.clone_from(&ca_file);
        let sim = Sim::start(config)?;
        let server =
            Server { ws_url: sim.ws_url(), rest_url: sim.rest_url(), ca_file: ca_file.clone() };
        let replayed = over_sockets(capture, options, &server)?;
        sim.stop();
        Ok(replayed)
    };
    let mut last = play();
    for _ in 1..options.repeat {
        if last.is_ok() {
            last = play();
        }
    }
    if let Some(path) = &ca_file {
        // Best effort: a file that was never made cannot be removed.
        let _ = std::fs::remove_file(path);
    }
    last
}

fn print(replayed: &Replayed) {
    let Replayed { report, books, .. } = replayed;
    let Report { venue, file, transport, host, .. } = report;
    say!("{file}: {venue} over {transport}, {} {} on {}", host.topology, host.idle, host.cpu);
    say!(
        "  {} frames, {} book messages, {} level updates, {} trades in {:.3} s \
         ({} frames/s, {:.1} MB/s)",
        count(report.frames),
        count(report.book_messages),
        count(report.level_updates),
        count(report.trades),
        report.elapsed_s,
        count(rounded(report.frames_per_s)),
        report.bytes_per_s / 1e6,
    );
    let bbo = report.bbo_checks.map(|it| format!(", best bid/ask {} ok {} bad", it.ok, it.bad));
    say!(
        "  {} gaps, {} resyncs, {} crossed{}",
        report.gaps,
        report.resyncs,
        report.crossed,
        bbo.unwrap_or_default()
    );
    for (name, line) in ["a", "b"].iter().zip(&report.lines) {
        say!(
            "  line {name}: {} first ({:.1} %, ahead by {}), {} duplicates, {} gaps",
            count(line.first),
            100.0 * line.win_rate,
            nanos(line.lead_ns),
            count(line.duplicates),
            count(line.gaps),
        );
    }
    for (what, reasons) in [("ignored", &report.ignored), ("rejected", &report.rejected)] {
        if !reasons.is_empty() {
            let list: Vec<String> =
                reasons.iter().map(|(reason, n)| format!("{reason} {}", count(*n))).collect();
            say!("  {what}: {}", list.join(", "));
        }
    }
    say!("  latency from {}:", report.latency_from);
    for (stage, latency) in &report.latency_ns {
        say!("    {stage:<20} {}", percentiles(latency));
    }
    for (symbol, book) in &books.symbols {
        let best = |side: &[[String; 2]]| {
            side.first().map_or_else(|| "-".to_owned(), |[price, size]| format!("{price} x {size}"))
        };
        say!(
            "  {symbol:<16} {:<8} {:>24} | {:<24} {} + {} levels, last id {}",
            book.state,
            best(&book.bids),
            best(&book.asks),
            book.bid_levels,
            book.ask_levels,
            book.last_seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string()),
        );
    }
}

/// The percentiles that matter, or that there are none.
pub(crate) fn percentiles(latency: &Latency) -> String {
    if latency.count == 0 {
        return "no samples".to_owned();
    }
    format!(
        "p50 {:>9}  p90 {:>9}  p99 {:>9}  p99.9 {:>9}  max {:>9}  ({} samples)",
        nanos(latency.p50),
        nanos(latency.p90),
        nanos(latency.p99),
        nanos(latency.p999),
        nanos(latency.max),
        count(latency.count)
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive rate for people"
)]
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}
