//! A diff into level records: the scanner alone, the whole session into the ring, general parsers.
//!
//! The session does more than the others: header, symbol, sequence rules, ring. It is compared with
//! them all the same, because that is what a user's parser is followed by.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkGroup, Throughput, measurement::WallTime};
use tickbook_benches::feed::Feed;
use tickbook_benches::market::SCALE;
use tickbook_benches::peer::Diff;
use tickbook_benches::rig::SessionRig;
use tickbook_scan::{Form, Kernel, LevelScanner};
use tickbook_types::{LevelRecord, Padded, Side};

/// Levels a message.
const LEVELS: &[usize] = &[10, 50, 200, 1_000];

/// Levels of one pass: some 400 KB of text, which the second-level cache holds.
const LEVELS_PER_PASS: usize = 12_000;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    for &levels in LEVELS {
        let feed = Feed::of_levels(levels, LEVELS_PER_PASS / levels);
        let group = criterion.benchmark_group(format!("parse_{levels}"));
        parse(group, &feed, levels);
    }
    criterion.final_summary();
}

fn parse(mut group: BenchmarkGroup<'_, WallTime>, feed: &Feed, levels: usize) {
    let typed: Vec<_> = feed
        .frames
        .iter()
        .map(|frame| sonic(payload(frame)).records().collect::<Vec<_>>())
        .collect();
    let mut out = vec![LevelRecord::default(); levels];
    let bids_at = bids_at(feed.frames[0].padded());
    for (frame, typed) in feed.frames.iter().zip(&typed) {
        assert_eq!(serde(payload(frame)).records().collect::<Vec<_>>(), *typed);
        for kernel in kernels() {
            assert_eq!(scan(kernel, frame.padded(), bids_at, &mut out), Some(levels));
            assert_eq!(out, *typed);
        }
    }
    let mut venue = SessionRig::synced(feed);
    for (frame, typed) in feed.frames.iter().zip(&typed) {
        assert_eq!(venue.take(frame.padded(), <[LevelRecord]>::to_vec), Some(typed.clone()));
    }

    group.throughput(Throughput::Elements(feed.levels()));
    let mut buffer = vec![0_u8; feed.frames.iter().map(|it| it.padded().len()).max().unwrap_or(0)];
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for frame in &feed.frames {
                let text = black_box(payload(frame));
                buffer[..text.len()].copy_from_slice(text);
                black_box(&mut buffer);
            }
        });
    });
    for kernel in kernels() {
        let best = if kernel == Kernel::best() { "" } else { kernel.name() };
        group.bench_function(format!("tickbook scanner {best}").trim_end(), |b| {
            b.iter(|| {
                for frame in &feed.frames {
                    black_box(scan(kernel, black_box(frame.padded()), bids_at, &mut out));
                    black_box(&mut out);
                }
            });
        });
    }
    group.bench_function("tickbook session", |b| {
        let setup = || SessionRig::synced(feed);
        let pass = |venue: &mut SessionRig| {
            for frame in &feed.frames {
                black_box(venue.take(black_box(frame.padded()), <[LevelRecord]>::len));
            }
        };
        b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
    });
    group.bench_function("sonic-rs typed", |b| {
        b.iter(|| {
            for frame in &feed.frames {
                black_box(sonic(black_box(payload(frame))));
            }
        });
    });
    group.bench_function("serde_json typed", |b| {
        b.iter(|| {
            for frame in &feed.frames {
                black_box(serde(black_box(payload(frame))));
            }
        });
    });
    group.finish();
}

fn payload(frame: &tickbook_types::PaddedBuf) -> &[u8] {
    frame.padded().payload()
}

fn sonic(text: &[u8]) -> Diff<'_, 2, 5> {
    Diff::of(text).expect("a diff")
}

fn serde(text: &[u8]) -> Diff<'_, 2, 5> {
    serde_json::from_slice(text).expect("a diff")
}

/// Where the bids of a diff begin: all generated headers have the same length.
fn bids_at(frame: Padded<'_>) -> usize {
    const KEY: &[u8] = b",\"b\":";
    let at = frame.payload().windows(KEY.len()).position(|window| window == KEY);
    at.expect("a diff has bids") + KEY.len()
}

/// The scanner's kernels that this processor has, the best one last.
fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// Both arrays of a diff.
fn scan(
    kernel: Kernel,
    frame: Padded<'_>,
    bids_at: usize,
    out: &mut [LevelRecord],
) -> Option<usize> {
    const BETWEEN: usize = ",\"a\":".len();
    let mut scanner = LevelScanner::with(SCALE, Form::Quoted, kernel)?;
    let bytes = frame.with_padding();
    let bids = scanner.levels(bytes, bids_at, Side::Bid, out)?;
    let asks = scanner.levels(bytes, bids.end + BETWEEN, Side::Ask, &mut out[bids.count..])?;
    Some(bids.count + asks.count)
}
