//! Floors: the least that the parts of the path could cost on this host.
//!
//! Nothing here is ours but the frame that is copied: these are figures of the host, and what the
//! stages of the path are held against.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tickbook_capture::Capture;
use tickbook_types::clock::{self, Converter};

use super::figure::{Figure, Floor, median};
use super::frames;
use super::plan::Plan;
use super::raw_tcp;
use super::results::Results;
use crate::Failure;

/// The floors that stages are held against.
#[derive(Debug)]
pub(super) struct Floors {
    /// Copying one frame of the synthetic market.
    pub(super) copy: Option<Floor>,
    /// A cache line from one core to another; `None` on a host with one.
    pub(super) line: Option<Floor>,
    /// A receive call that finds nothing.
    pub(super) poll: Option<Floor>,
}

/// Measures all of them.
pub(super) fn measure(plan: &Plan, results: &mut Results) -> Result<Floors, Failure> {
    let capture = frames::capture(1, plan.frames)?;
    let (frames, bytes) = frames::size(&capture);
    let clock = Converter::new();
    let mut runs: [Vec<f64>; 6] = Default::default();
    for _ in 0..plan.repeats {
        results.check_signals()?;
        runs[0].push(clock_read(&clock, plan.floor_rounds));
        runs[1].push(copy(&clock, &capture));
        if plan.cores > 1 {
            runs[2].push(line(&clock, plan.floor_rounds / PING_CHUNK)?);
        }
        runs[3].push(raw_tcp::empty_recv(&clock, plan.floor_rounds / 4)?);
        if plan.cores > 1 {
            let way = raw_tcp::one_way(plan.tcp_messages)?;
            runs[4].push(way[0]);
            runs[5].push(way[1]);
        }
    }
    let [clock_reads, copies, lines, empty, p50, p99] = runs;
    let copy_name = format!("copy of a frame ({} B)", bytes / frames.max(1));
    let rows = [
        ("clock read".to_owned(), clock_reads),
        (copy_name, copies),
        ("cache line, core to core".to_owned(), lines),
        ("empty recv".to_owned(), empty),
        ("bare TCP one way p50".to_owned(), p50),
        ("bare TCP one way p99".to_owned(), p99),
    ];
    let rows = rows.map(|(what, runs)| Figure::of("floor", &what, runs));
    let floor = |row: &Option<Figure>| row.as_ref().map(Figure::as_floor);
    let floors = Floors { copy: floor(&rows[1]), line: floor(&rows[2]), poll: floor(&rows[3]) };
    rows.into_iter().for_each(|row| results.add(row));
    Ok(floors)
}

/// One reading of the counter behind every stamp.
fn clock_read(clock: &Converter, rounds: u32) -> f64 {
    per_round(clock, rounds, || {
        black_box(clock::now());
    })
}

/// Nanoseconds a round of `f`, by the median of some chunks: one interrupt does not count.
pub(super) fn per_round(clock: &Converter, rounds: u32, mut f: impl FnMut()) -> f64 {
    let chunk = (rounds / CHUNKS).max(1);
    let times = (0..CHUNKS).map(|_| {
        let start = clock::now();
        (0..chunk).for_each(|_| f());
        nanos_since(clock, start) / f64::from(chunk)
    });
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    median(&times)
}

/// Copying one frame after the other, as a receive call would: from memory that was not read
/// before, into the same buffer.
fn copy(clock: &Converter, capture: &Capture) -> f64 {
    let mut buffer = vec![0_u8; 1 << 12];
    let mut count = 0_u32;
    let start = clock::now();
    for frame in frames::frames(capture) {
        let frame = &frame[..frame.len().min(buffer.len())];
        buffer[..frame.len()].copy_from_slice(frame);
        black_box(&mut buffer);
        count += 1;
    }
    nanos_since(clock, start) / f64::from(count.max(1))
}

/// A word in a cache line of its own (and in a pair of them: processors fetch two).
#[repr(align(128))]
struct Line(AtomicU64);

/// A word from one core to the other: half a round trip, by the median of some chunks.
fn line(clock: &Converter, chunks: u32) -> Result<f64, Failure> {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        std::thread::Builder::new().name("bench-echo".to_owned()).spawn_scoped(scope, || {
            let mut next = 1;
            // Relaxed: polled; it publishes nothing.
            while !stop.load(Ordering::Relaxed) {
                // Acquire: pairs with the Release store to `there` below.
                if wait_for(&there, next, &stop) {
                    // Release: pairs with the Acquire load of `back` in `wait_for`.
                    back.0.store(next, Ordering::Release);
                    next += 1;
                }
            }
        })?;
        let mut value = 0;
        let mut times = Vec::new();
        for _ in 0..chunks.max(3) {
            let start = clock::now();
            for _ in 0..PING_CHUNK {
                value += 1;
                // Release: pairs with the Acquire load of `there` in `wait_for`.
                there.0.store(value, Ordering::Release);
                wait_for(&back, value, &stop);
            }
            times.push(nanos_since(clock, start) / f64::from(2 * PING_CHUNK));
        }
        // Relaxed: a wish, polled.
        stop.store(true, Ordering::Relaxed);
        times.sort_by(f64::total_cmp);
        Ok(median(&times))
    })
}

/// Whether `value` arrived, and nobody said to stop first.
fn wait_for(line: &Line, value: u64, stop: &AtomicBool) -> bool {
    let mut spins = 0_u32;
    // Acquire: pairs with the Release stores of the other thread.
    while line.0.load(Ordering::Acquire) != value {
        spins += 1;
        if spins.is_multiple_of(SPINS) {
            // Relaxed: a wish, polled.
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            // The other thread may have no core to run on.
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
    true
}

#[expect(clippy::cast_precision_loss, reason = "an interval")]
pub(super) fn nanos_since(clock: &Converter, start: tickbook_types::Ticks) -> f64 {
    clock.between(start, clock::now()) as f64
}

/// Chunks of a loop, of which the median counts.
const CHUNKS: u32 = 20;

/// Round trips of a chunk.
const PING_CHUNK: u32 = 500;

/// Looks before a thread offers its core: some 0.1 ms.
const SPINS: u32 = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_floor_takes_some_time() {
        let clock = Converter::new();
        assert!(clock_read(&clock, 10_000) > 0.0);
        assert!(line(&clock, 3).unwrap() > 0.0);
        let capture = frames::capture(1, 500).unwrap();
        assert!(copy(&clock, &capture) > 0.0);
    }
}
