//! Books in shared memory: what a publish costs the writer, a read the reader, and how long it
//! takes from one to the other.

use std::hint::black_box;

use criterion::{Bencher, Criterion};
use tickbook::Depth;
use tickbook_benches::rig::{DEPTH, File, Sides};
use tickbook_benches::turns::{Patience, one_way};
use tickbook_shm::View;
use tickbook_types::{BookId, Level, SeqNo, clock};

fn main() {
    let mut criterion = tickbook_benches::criterion();
    publish(&mut criterion);
    read(&mut criterion);
    visible(&mut criterion);
    criterion.final_summary();
}

fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shm_publish");
    let sides = Sides::new();
    let mut file = File::create("publish");
    let mut writer = file.builder(0, &sides);
    let mut seq = 0;
    for (name, changed) in
        [("nothing changed", 0..0), ("one slot changed", 3..4), ("all slots changed", 0..DEPTH)]
    {
        group.bench_function(format!("tickbook, {name}"), |b| {
            b.iter(|| {
                seq += 1;
                writer.publish(BookId(0), black_box(&sides.snapshot(seq, changed.clone())));
            });
        });
    }
    let mut copy = [[Level::default(); DEPTH]; 2];
    group.bench_function("memcpy of all slots", |b| {
        b.iter(|| {
            copy[0].copy_from_slice(black_box(&sides.bids));
            copy[1].copy_from_slice(black_box(&sides.asks));
            black_box(&mut copy);
        });
    });
    group.finish();
    let mut depth = Depth::default();
    let read = file.view().read_depth(BookId(0), &mut depth).expect("nobody writes").top();
    assert_eq!((read.header.seq, depth.bids()), (Some(SeqNo(seq)), sides.bids.as_slice()));
    assert_eq!(depth.asks(), sides.asks);
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shm_read");
    let sides = Sides::new();
    let mut file = File::create("read");
    let mut writer = file.builder(0, &sides);
    let (view, mut reader, mut depth) = (file.view(), file.reader(), Depth::default());
    let top = reader.top().expect("a live book");
    assert_eq!((top.bid, top.ask), (sides.bids.first().copied(), sides.asks.first().copied()));
    reader.depth(&mut depth).expect("a live book");
    assert_eq!((depth.bids(), depth.asks()), (sides.bids.as_slice(), sides.asks.as_slice()));

    group.bench_function("top, whatever its state", |b| b.iter(|| view.read_top(BookId(0))));
    writer.beat(clock::mono_now());
    group.bench_function("top, live and fresh", |b| b.iter(|| reader.top()));
    let now = clock::mono_now();
    writer.beat(now);
    group.bench_function("top, live and fresh at a known time", |b| b.iter(|| reader.top_at(now)));
    group.bench_function("top, whether it changed", |b| b.iter(|| reader.top_changed()));
    group.bench_function("depth, whatever its state", |b| {
        b.iter(|| {
            black_box(view.read_depth(BookId(0), &mut depth).is_ok());
            black_box(&depth);
        });
    });
    writer.beat(clock::mono_now());
    group.bench_function("depth, live and fresh", |b| {
        b.iter(|| {
            black_box(reader.depth(&mut depth).is_ok());
            black_box(&depth);
        });
    });
    group.finish();
    if reader.top().is_err() {
        eprintln!("the book was no longer fresh in the end: these are times of refusals");
    }
}

/// Publish in one thread until read in the other: two books, each thread writes one and waits for
/// the other. The floor is `ring_one_way/cache-line ping-pong`.
fn visible(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shm_visible");
    group.bench_function("top", |b| {
        hand_over(b, 0..0, |view, _, book| view.read_top(book).ok()?.top().header.seq);
    });
    for (name, changed) in [("depth, one slot changed", 3..4), ("depth, all changed", 0..DEPTH)] {
        group.bench_function(name, |b| {
            hand_over(b, changed.clone(), |view, depth, book| {
                view.read_depth(book, depth).ok()?.top().header.seq
            });
        });
    }
    group.finish();
}

fn hand_over(
    b: &mut Bencher<'_>,
    changed: core::ops::Range<usize>,
    seq_of: impl Fn(&View, &mut Depth, BookId) -> Option<SeqNo> + Sync,
) {
    let sides = Sides::new();
    b.iter_custom(|rounds| {
        let mut file = File::create("visible");
        let (mut near, mut far) = (file.builder(0, &sides), file.builder(1, &sides));
        let (view, other_view) = (file.view(), file.view());
        let (mut depth, mut other_depth) = (Depth::default(), Depth::default());
        let wait = |view: &View, depth: &mut Depth, book, seq| {
            let mut patience = Patience::default();
            while seq_of(view, depth, book) != Some(SeqNo(seq)) {
                patience.wait();
            }
        };
        one_way(
            rounds,
            |round| {
                near.publish(BookId(0), &sides.snapshot(round + 1, changed.clone()));
                wait(&view, &mut depth, BookId(1), round + 1);
            },
            |round| {
                wait(&other_view, &mut other_depth, BookId(0), round + 1);
                far.publish(BookId(1), &sides.snapshot(round + 1, changed.clone()));
            },
        )
    });
}
