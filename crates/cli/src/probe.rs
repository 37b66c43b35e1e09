//! `tickbook probe`: what a reader in another process sees of a book, and when.
//!
//! One thread spins on the book; this one prints what it saw, once a second and at the end.

mod spin;
mod tally;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use tickbook::{AttachError, BookInfo, BookReader, Tickbook};
use tickbook_engine::report::Latency;
use tickbook_engine::topology;
use tickbook_types::{Venue, clock};

use crate::args::ProbeArgs;
use crate::fingerprint::Fingerprint;
use crate::replay::percentiles;
use crate::signals::Signals;
use crate::text::{count, nanos};
use crate::{Failure, files, hdr};
use spin::Mail;
use tally::Tally;

/// The result as JSON.
#[derive(Debug, Serialize)]
struct ProbeReport {
    engine: String,
    book: String,
    seconds: f64,
    publishes_seen: u64,
    publishes_skipped: u64,
    restarts: u64,
    negative: u64,
    busy: u64,
    unreadable_ns: u64,
    blind_ns_max: u64,
    latency_ns: BTreeMap<&'static str, Latency>,
    host: Fingerprint,
}

pub(crate) fn run(args: &ProbeArgs) -> Result<(), Failure> {
    if let Some(path) = &args.json {
        files::probe(path)?;
    }
    let signals = Signals::watch()?;
    let wait = Duration::from_secs_f64(args.wait);
    let (tickbook, reader) = find(args, &signals, wait)?;
    let (engine, book) = (tickbook.engine().name, full_name(reader.info()));
    say!("{book} of engine '{engine}'");
    let start = Instant::now();
    let tally = watch(args, &signals, reader)?;
    let seconds = start.elapsed().as_secs_f64();
    print(&tally);
    if let Some(dir) = &args.hdr {
        hdr::make(dir)?;
        for (name, histogram) in tally.histograms() {
            let comment = format!("tickbook probe of {book}");
            let path = dir.join(format!("{name}.hdr"));
            hdr::write_log(&path, &comment, start.elapsed(), histogram)?;
        }
    }
    if let Some(path) = &args.json {
        files::write_json(path, &report(engine, book, seconds, &tally))?;
    }
    if tally.seen == 0 {
        let why = tally.why_not.map_or_else(
            || "the engine published none; is its venue connected?".to_owned(),
            |why| why.to_string(),
        );
        return Err(format!("no publish was seen: {why}").into());
    }
    Ok(())
}

/// The engine and the book, as soon as there are both.
fn find(
    args: &ProbeArgs,
    signals: &Signals,
    wait: Duration,
) -> Result<(Tickbook, BookReader), Failure> {
    let start = Instant::now();
    loop {
        let error = match find_now(args) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if start.elapsed() >= wait || signals.arrived() {
            return Err(error.into());
        }
        std::thread::sleep(FIND_STEP);
    }
}

fn find_now(args: &ProbeArgs) -> Result<(Tickbook, BookReader), AttachError> {
    let tickbook = Tickbook::wait_in(&args.shm.shm_dir, args.name.as_deref(), Duration::ZERO)?;
    let name = match &args.book {
        Some(name) => name.clone(),
        None => busiest(&tickbook)?,
    };
    let reader = tickbook.book(&name)?;
    Ok((tickbook, reader))
}

/// The book with the most publishes so far.
fn busiest(tickbook: &Tickbook) -> Result<String, AttachError> {
    let mut best = None;
    for info in tickbook.books() {
        let name = full_name(&info);
        let publishes = tickbook.book(&name)?.top_any().map_or(0, |(top, _)| top.header.publishes);
        if best.as_ref().is_none_or(|(most, _)| publishes > *most) {
            best = Some((publishes, name));
        }
    }
    best.map(|(_, name)| name)
        .ok_or_else(|| AttachError::NoBook { name: "any book".to_owned(), known: Vec::new() })
}

fn full_name(info: &BookInfo) -> String {
    format!("{}:{}", info.venue.map_or("unknown", Venue::name), info.name)
}

/// Lets the reading thread spin until it is time to end; everything it saw.
fn watch(args: &ProbeArgs, signals: &Signals, reader: BookReader) -> Result<Tally, Failure> {
    let stop = AtomicBool::new(false);
    let (out, full) = sync_channel(TALLIES);
    let (empty, back) = sync_channel(TALLIES);
    for _ in 1..TALLIES {
        empty.try_send(Box::new(Tally::new()))?;
    }
    std::thread::scope(|scope| {
        let spinning = scope.spawn(|| {
            args.core.map_or(Ok(()), topology::pin)?;
            // Moved in, so that the channel ends with the thread.
            let mail = Mail { out, back };
            spin::spin(reader, args.idle.into(), &mail, &stop);
            Ok::<(), String>(())
        });
        let total = collect(args, signals, &full, &empty, &stop);
        match spinning.join() {
            Ok(done) => done?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        Ok(total)
    })
}

/// Adds up what the reading thread sends, and tells it when to end.
fn collect(
    args: &ProbeArgs,
    signals: &Signals,
    full: &Receiver<Box<Tally>>,
    empty: &SyncSender<Box<Tally>>,
    stop: &AtomicBool,
) -> Tally {
    let start = Instant::now();
    let length = args.seconds.map(Duration::from_secs_f64);
    let mut total = Tally::new();
    loop {
        let left = length.map_or(STEP, |length| length.saturating_sub(start.elapsed()));
        match full.recv_timeout(left.min(STEP)) {
            Ok(mut tally) => {
                say!("{:>6.1} s  {}", start.elapsed().as_secs_f64(), line(&tally));
                total.add(&tally);
                tally.clear();
                // The thread that would take it may have ended.
                let _ = empty.try_send(tally);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return total,
        }
        clock::reanchor();
        if signals.arrived() || length.is_some_and(|length| start.elapsed() >= length) {
            // Relaxed: a wish, polled; it publishes nothing.
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// One interval.
fn line(tally: &Tally) -> String {
    let mut line = format!("{} seen, {} skipped", count(tally.seen), count(tally.skipped));
    let latencies = tally.latencies();
    for (name, from) in [("published_to_seen", "published"), ("kernel_to_seen", "kernel")] {
        let latency = &latencies[name];
        if latency.count > 0 {
            line.push_str(&format!(
                "; from {from} p50 {} p99 {} max {}",
                nanos(latency.p50),
                nanos(latency.p99),
                nanos(latency.max)
            ));
        }
    }
    line.push_str(&format!("; blind {}", nanos(tally.blind_ns_max)));
    if let Some(why) = tally.why_not {
        line.push_str(&format!("; not readable for {}: {why}", nanos(tally.unreadable_ns)));
    }
    line
}

fn print(tally: &Tally) {
    let all = tally.seen + tally.skipped;
    say!(
        "{} of {} publishes seen, {} skipped, {} restarts, {} negative times, {} busy reads",
        count(tally.seen),
        count(all),
        count(tally.skipped),
        count(tally.restarts),
        count(tally.negative),
        count(tally.busy),
    );
    say!(
        "longest time between two looks {}; book not readable for {}",
        nanos(tally.blind_ns_max),
        nanos(tally.unreadable_ns)
    );
    for (name, histogram) in tally.histograms() {
        say!("  {name:<20} {}", percentiles(&Latency::of(histogram)));
    }
}

fn report(engine: String, book: String, seconds: f64, tally: &Tally) -> ProbeReport {
    ProbeReport {
        engine,
        book,
        seconds,
        publishes_seen: tally.seen,
        publishes_skipped: tally.skipped,
        restarts: tally.restarts,
        negative: tally.negative,
        busy: tally.busy,
        unreadable_ns: tally.unreadable_ns,
        blind_ns_max: tally.blind_ns_max,
        latency_ns: tally.latencies(),
        host: Fingerprint::this(),
    }
}

/// Tallies in use: one is being filled, one printed, one may wait.
const TALLIES: usize = 3;

/// How often the reporting thread looks for signals and puts the clocks in step.
const STEP: Duration = Duration::from_millis(50);

/// Pause between two looks for an engine.
const FIND_STEP: Duration = Duration::from_millis(5);
