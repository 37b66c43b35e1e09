//! The whole path in one thread: the bytes of a message in memory until its book is published.
//!
//! Ours is what the engine runs with an inline builder: session, ring, ladder, checks, shared
//! memory, counters, stamps. The peer is what a careful user builds from crates: typed JSON, an
//! ordered map a side, a lock a book. Neither decodes frames here; the bench of frames does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkGroup, Throughput, measurement::WallTime};
use tickbook_benches::capture;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::peer::{Diff, MapBook, MapBooks, Snapshot};
use tickbook_benches::rig::{PathRig, PathSize};
use tickbook_engine::limits;
use tickbook_types::{BookState, Decimal, Level, Padded, Side};

/// Messages of the generated feed.
const MESSAGES: usize = 10_000;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    for feed in std::iter::once(Feed::generated(MESSAGES)).chain(capture::feeds()) {
        check(&feed);
        let group = criterion.benchmark_group(format!("memory_to_published, {}", feed.name));
        path(group, &feed);
    }
    criterion.final_summary();
}

fn path(mut group: BenchmarkGroup<'_, WallTime>, feed: &Feed) {
    let (messages, levels) = (feed.frames.len() as u64, feed.levels());
    eprintln!(
        "{}: {} messages, {} bytes and {}.{} levels each",
        feed.name,
        messages,
        feed.bytes() / messages,
        levels / messages,
        levels * 10 / messages % 10,
    );
    group.sample_size(20);
    group.throughput(Throughput::Elements(messages));
    let mut buffer = vec![0_u8; feed.frames.iter().map(|it| it.padded().len()).max().unwrap_or(0)];
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for frame in &feed.frames {
                let text = black_box(frame.padded().payload());
                buffer[..text.len()].copy_from_slice(text);
                black_box(&mut buffer);
            }
        });
    });
    let live = PathSize { slots: limits::LANE_SLOTS, ..PathSize::default() };
    for (name, size) in [("tickbook", PathSize::default()), ("tickbook, live ring", live)] {
        let mut path = PathRig::new(feed, size);
        group.bench_function(name, |b| {
            b.iter_custom(|passes| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..passes {
                    path.sync(feed);
                    let start = Instant::now();
                    feed.frames.iter().for_each(|frame| path.take_now(frame.padded()));
                    elapsed += start.elapsed();
                }
                elapsed
            });
        });
    }
    group.bench_function("sonic-rs + BTreeMap", |b| {
        let pass =
            |books: &mut MapBooks| feed.frames.iter().for_each(|it| take(books, it.padded()));
        b.iter_batched_ref(|| synced(feed), pass, BatchSize::PerIteration);
    });
    group.finish();
}

/// Both must end with the same books.
fn check(feed: &Feed) {
    let mut path = PathRig::new(feed, PathSize::default());
    path.sync(feed);
    let books = synced(feed);
    feed.frames.iter().for_each(|frame| path.take_now(frame.padded()));
    // A second time, as it is timed.
    path.sync(feed);
    for frame in &feed.frames {
        path.take_now(frame.padded());
        take(&books, frame.padded());
    }
    let mut count = 0;
    for slot in path.builder().desk().slots() {
        assert_eq!(slot.state, BookState::Live, "{}", slot.spec.name);
        let theirs = books.books[&slot.spec.name].lock().expect("no panic while locked");
        let scale = slot.book.scale();
        let ours = |side| {
            let pair = |level: Level| {
                let price = Decimal::new(level.price.0.into(), scale.price_exponent.into());
                let size = Decimal::new(level.size.0.into(), scale.size_exponent.into());
                let both = (price.to_mantissa(-8), size.to_mantissa(-8));
                (both.0.expect("eight decimals do"), both.1.expect("eight decimals do"))
            };
            slot.book.levels(side).map(pair).collect::<Vec<_>>()
        };
        let whole = theirs.top(usize::MAX);
        assert_eq!((ours(Side::Bid), ours(Side::Ask)), whole, "{}", slot.spec.name);
        count += 1;
    }
    assert_eq!(count, books.books.len());
}

/// The peer's books, with every diff of the warm-up that the snapshots do not hold.
fn synced(feed: &Feed) -> MapBooks {
    let mut books = MapBooks::default();
    for step in &feed.warmup {
        if let Warmup::Rest { url, body } = step {
            let symbol = url.split("symbol=").nth(1).and_then(|rest| rest.split('&').next());
            let snapshot: Snapshot = sonic_rs::from_slice(body).expect("a snapshot");
            let symbol = symbol.expect("a symbol in the URL").to_owned();
            books.books.insert(symbol, MapBook::from_snapshot(&snapshot).into());
        }
    }
    for step in &feed.warmup {
        if let Warmup::Frame(frame) = step {
            take(&books, frame.padded());
        }
    }
    books
}

#[inline]
fn take(books: &MapBooks, frame: Padded<'_>) {
    let diff: Diff<'_, 8, 8> = Diff::of(frame.payload()).expect("a diff");
    if let Some(book) = books.books.get(diff.symbol) {
        book.lock().expect("no panic while locked").apply(&diff);
    }
}
