//! Level updates and the best levels after each message: the book, ordered maps, an array store.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use tickbook_benches::capture;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::market::Market;
use tickbook_benches::peer::{Diff, Snapshot};
use tickbook_book::{Book, BookConfig};
use tickbook_types::{Level, LevelRecord, PaddedBuf, Price, Side, Size};

/// Messages of one pass.
const MESSAGES: usize = 20_000;

/// Levels a side that are published by default.
const PUBLISHED: usize = 32;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    ladder(&mut criterion, "generated", &Stream::generated());
    for feed in capture::feeds() {
        if let Some(stream) = Stream::of(&feed) {
            ladder(&mut criterion, &feed.name, &stream);
        }
    }
    criterion.final_summary();
}

fn ladder(criterion: &mut Criterion, name: &str, stream: &Stream) {
    let mut book = book_of(stream, PUBLISHED);
    let mut maps = Maps::of(&stream.snapshot);
    stream.each(|records| {
        book_top(&mut book, records);
        maps.apply(records);
        for side in [Side::Bid, Side::Ask] {
            let levels: Vec<_> = maps.levels(side).take(PUBLISHED).collect();
            assert_eq!(book.top(side), levels);
        }
    });
    for side in [Side::Bid, Side::Ask] {
        assert!(book.levels(side).eq(maps.levels(side)));
    }

    let mut group = criterion.benchmark_group(format!("ladder_update, {name}"));
    group.throughput(Throughput::Elements(stream.records.len() as u64));
    group.bench_function("array store", |b| {
        let mut sides = [vec![0_u64; 1 << 16], vec![0_u64; 1 << 16]];
        b.iter(|| stream.each(|records| array_store(&mut sides, records)));
    });
    group.bench_function("tickbook", |b| {
        let setup = || book_of(stream, PUBLISHED);
        let pass = |book: &mut Book| stream.each(|records| book_best(book, records));
        b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
    });
    group.bench_function("BTreeMap", |b| {
        let setup = || Maps::of(&stream.snapshot);
        let pass = |maps: &mut Maps| {
            stream.each(|records| {
                maps.apply(records);
                black_box(maps.best());
            });
        };
        b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
    });
    group.finish();

    let mut group = criterion.benchmark_group(format!("ladder_top, {name}"));
    group.throughput(Throughput::Elements(stream.lens.len() as u64));
    for depth in [20, PUBLISHED] {
        group.bench_function(format!("tickbook, {depth} kept"), |b| {
            let setup = || book_of(stream, depth);
            let pass = |book: &mut Book| stream.each(|records| book_top(book, records));
            b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
        });
    }
    group.bench_function("tickbook, best only", |b| {
        let setup = || book_of(stream, PUBLISHED);
        let pass = |book: &mut Book| stream.each(|records| book_best(book, records));
        b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
    });
    group.bench_function("BTreeMap, 20 copied", |b| {
        let setup = || (Maps::of(&stream.snapshot), [[Level::default(); 20]; 2]);
        let pass = |(maps, top): &mut (Maps, [[Level; 20]; 2])| {
            stream.each(|records| {
                maps.apply(records);
                for side in [Side::Bid, Side::Ask] {
                    for (slot, level) in top[side as usize].iter_mut().zip(maps.levels(side)) {
                        *slot = level;
                    }
                }
                black_box(top as &_);
            });
        };
        b.iter_batched_ref(setup, pass, BatchSize::PerIteration);
    });
    group.finish();
}

fn array_store(sides: &mut [Vec<u64>; 2], records: &[LevelRecord]) {
    for record in records {
        let side = sides[record.side() as usize].as_mut_slice();
        let [low, high, ..] = record.price().0.to_le_bytes();
        side[usize::from(u16::from_le_bytes([low, high]))] = record.size().0;
    }
    black_box(sides);
}

fn book_of(stream: &Stream, published_depth: usize) -> Book {
    let mut book = Book::new(&BookConfig { published_depth, ..BookConfig::default() });
    book_top(&mut book, &stream.snapshot);
    book
}

#[inline]
fn book_best(book: &mut Book, records: &[LevelRecord]) {
    black_box(book.apply(records).is_ok());
    black_box((book.best(Side::Bid), book.best(Side::Ask)));
}

#[inline]
fn book_top(book: &mut Book, records: &[LevelRecord]) {
    black_box(book.apply(records).is_ok());
    black_box(book.finish());
    black_box((book.changed_top(Side::Bid), book.changed_top(Side::Ask)));
}

/// The peer: an ordered map a side.
struct Maps {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Maps {
    fn of(records: &[LevelRecord]) -> Self {
        let mut maps = Self { bids: BTreeMap::new(), asks: BTreeMap::new() };
        maps.apply(records);
        maps
    }

    #[inline]
    fn apply(&mut self, records: &[LevelRecord]) {
        for record in records {
            let side = if record.side() == Side::Bid { &mut self.bids } else { &mut self.asks };
            match record.size().0 {
                0 => side.remove(&record.price().0),
                size => side.insert(record.price().0, size.cast_signed()),
            };
        }
    }

    #[inline]
    fn best(&self) -> (Option<Pair<'_>>, Option<Pair<'_>>) {
        (self.bids.last_key_value(), self.asks.first_key_value())
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let (bids, asks) = match side {
            Side::Bid => (Some(self.bids.iter().rev()), None),
            Side::Ask => (None, Some(self.asks.iter())),
        };
        let level = |(&price, &size): Pair<'_>| Level {
            price: Price(price),
            size: Size(size.cast_unsigned()),
        };
        bids.into_iter().flatten().chain(asks.into_iter().flatten()).map(level)
    }
}

type Pair<'a> = (&'a i64, &'a i64);

fn diff(frame: &PaddedBuf) -> Option<Diff<'_, 8, 8>> {
    Diff::of(frame.padded().payload())
}

/// All messages, records in one piece as in the ring.
struct Stream {
    snapshot: Vec<LevelRecord>,
    records: Vec<LevelRecord>,
    lens: Vec<usize>,
}

impl Stream {
    fn generated() -> Self {
        let mut market = Market::default();
        let snapshot = market.book();
        let (mut records, mut lens) = (Vec::new(), Vec::new());
        for _ in 0..MESSAGES {
            let message = market.message();
            lens.push(message.len());
            records.extend(message);
        }
        Self { snapshot, records, lens }
    }

    /// The stream of a feed with one symbol.
    fn of(feed: &Feed) -> Option<Self> {
        let mut stream = Self { snapshot: Vec::new(), records: Vec::new(), lens: Vec::new() };
        let mut snapshots = 0;
        for step in &feed.warmup {
            match step {
                Warmup::Rest { body, .. } => {
                    let snapshot: Snapshot = sonic_rs::from_slice(body).ok()?;
                    stream.snapshot.extend(snapshot.records());
                    snapshots += 1;
                }
                // Those before the snapshot too: what is measured is not whether the book is true.
                Warmup::Frame(frame) => stream.snapshot.extend(diff(frame)?.records()),
            }
        }
        for frame in &feed.frames {
            let from = stream.records.len();
            stream.records.extend(diff(frame)?.records());
            stream.lens.push(stream.records.len() - from);
        }
        (snapshots == 1).then_some(stream)
    }

    #[inline]
    fn each(&self, mut apply: impl FnMut(&[LevelRecord])) {
        let mut rest = self.records.as_slice();
        for &len in &self.lens {
            let (records, behind) = rest.split_at(len);
            apply(records);
            rest = behind;
        }
    }
}
