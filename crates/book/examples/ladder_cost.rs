//! What a level update costs: the book, a `BTreeMap`, and a plain store into an array, on the same
//! stream, in one run.
//!
//! ```sh
//! cargo run --release -p tickbook-book --example ladder_cost [-- STREAM]
//! ```
//!
//! Without an argument the stream is synthetic: 7.4 updates a message, 46 % deletes, a book of
//! about 4,300 levels. `STREAM` is a text file with one message a line: `D` (`S` for a snapshot
//! that replaces the book), then `bPRICE:SIZE` and `aPRICE:SIZE` as integers.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a measurement, all small"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use tickbook_book::{Book, BookConfig};
use tickbook_types::{Level, LevelRecord, Price, Side, Size};

/// Runs of each contender, of which the fastest counts: other processes only ever add to it.
const RUNS: usize = 25;

struct Message {
    snapshot: bool,
    records: Vec<LevelRecord>,
}

/// All messages, records in one piece as in the ring.
struct Stream {
    records: Vec<LevelRecord>,
    messages: Vec<(bool, usize)>,
}

impl Stream {
    fn new(messages: Vec<Message>) -> Self {
        Self {
            messages: messages.iter().map(|m| (m.snapshot, m.records.len())).collect(),
            records: messages.into_iter().flat_map(|m| m.records).collect(),
        }
    }

    fn each(&self, mut apply: impl FnMut(bool, &[LevelRecord])) {
        let mut rest = self.records.as_slice();
        for &(snapshot, len) in &self.messages {
            let (records, behind) = rest.split_at(len);
            apply(snapshot, records);
            rest = behind;
        }
    }
}

fn main() {
    let stream = match std::env::args().nth(1) {
        Some(path) => read(&std::fs::read_to_string(path).expect("STREAM is a readable file")),
        None => synthetic(),
    };
    let stream = Stream::new(stream);
    describe(&stream);

    let floor = report("store into an array", &stream, 0.0, array_store);
    let tree = report("BTreeMap, best", &stream, floor, tree);
    let book_best = report("book, best", &stream, floor, |s| book(s, 32, false));
    let tree_top = report("BTreeMap, top 20", &stream, floor, |s| tree_top(s, 20));
    let book_20 = report("book, top 20 kept", &stream, floor, |s| book(s, 20, true));
    let book_32 = report("book, top 32 kept", &stream, floor, |s| book(s, 32, true));
    println!();
    println!("book, best:  {:5.1} x faster than BTreeMap", tree / book_best);
    println!("book, best:  {:5.2} x the array store", book_best / floor);
    println!("book, top 20:{:5.1} x faster than BTreeMap", tree_top / book_20);
    let per_message = stream.records.len() as f64 / stream.messages.len() as f64;
    println!("top 20 costs {:5.1} ns a message", (book_20 - book_best) * per_message);
    println!("top 32 costs {:5.1} ns a message", (book_32 - book_best) * per_message);
}

/// The fastest of several runs, in ns per level update.
fn report(name: &str, stream: &Stream, floor: f64, run: impl Fn(&Stream) -> f64) -> f64 {
    let least = (0..RUNS).map(|_| run(stream)).fold(f64::INFINITY, f64::min);
    let per_message = least * stream.records.len() as f64 / stream.messages.len() as f64;
    print!("{name:22} {least:7.2} ns/update {per_message:8.1} ns/message");
    if floor > 0.0 {
        println!("  {:6.2} x array", least / floor)
    } else {
        println!()
    }
    least
}

fn timed(stream: &Stream, mut apply: impl FnMut(bool, &[LevelRecord])) -> f64 {
    let begin = Instant::now();
    stream.each(&mut apply);
    begin.elapsed().as_nanos() as f64 / stream.records.len() as f64
}

fn array_store(stream: &Stream) -> f64 {
    let mut sides = [vec![0_u64; 1 << 16], vec![0_u64; 1 << 16]];
    let nanos = timed(stream, |_, records| {
        for record in records {
            let side = sides[record.side() as usize].as_mut_slice();
            side[record.price().0.cast_unsigned() as usize & 0xFFFF] = record.size().0;
        }
        black_box(&sides);
    });
    black_box(&sides);
    nanos
}

fn tree(stream: &Stream) -> f64 {
    let mut sides = [BTreeMap::<i64, i64>::new(), BTreeMap::new()];
    timed(stream, |snapshot, records| {
        tree_apply(&mut sides, snapshot, records);
        let [bids, asks] = &sides;
        black_box((bids.last_key_value(), asks.first_key_value()));
    })
}

fn tree_top(stream: &Stream, depth: usize) -> f64 {
    let mut sides = [BTreeMap::<i64, i64>::new(), BTreeMap::new()];
    let mut top = [Level::default(); 64];
    timed(stream, |snapshot, records| {
        tree_apply(&mut sides, snapshot, records);
        let [bids, asks] = &sides;
        let level = |(&p, &s): (&i64, &i64)| Level { price: Price(p), size: Size(s as u64) };
        let (bid_slots, ask_slots) = top.split_at_mut(32);
        for (slot, bid) in bid_slots.iter_mut().zip(bids.iter().rev().take(depth)) {
            *slot = level(bid);
        }
        for (slot, ask) in ask_slots.iter_mut().zip(asks.iter().take(depth)) {
            *slot = level(ask);
        }
        black_box(&top);
    })
}

fn tree_apply(sides: &mut [BTreeMap<i64, i64>; 2], snapshot: bool, records: &[LevelRecord]) {
    if snapshot {
        sides.iter_mut().for_each(BTreeMap::clear);
    }
    for record in records {
        let side = &mut sides[record.side() as usize];
        match record.size().0 {
            0 => side.remove(&record.price().0),
            size => side.insert(record.price().0, size as i64),
        };
    }
}

fn book(stream: &Stream, published_depth: usize, keep_top: bool) -> f64 {
    let mut book = Book::new(&BookConfig { published_depth, ..BookConfig::default() });
    let mut pass = || {
        timed(stream, |snapshot, records| {
            if snapshot {
                book.clear();
            }
            book.apply(records).expect("the limit is far off");
            if keep_top {
                book.finish();
                black_box((book.changed_top(Side::Bid), book.changed_top(Side::Ask)));
            }
            black_box((book.best(Side::Bid), book.best(Side::Ask)));
        })
    };
    // The first time, memory comes from the system page by page.
    pass();
    pass()
}

fn describe(stream: &Stream) {
    let deletes = stream.records.iter().filter(|record| record.size() == Size::ZERO).count();
    let (updates, messages) = (stream.records.len(), stream.messages.len());
    let mut sides = [BTreeMap::<i64, i64>::new(), BTreeMap::new()];
    stream.each(|snapshot, records| tree_apply(&mut sides, snapshot, records));
    println!(
        "{messages} messages, {:.1} updates each, {:.0} % deletes, {} levels at the end",
        updates as f64 / messages as f64,
        100.0 * deletes as f64 / updates as f64,
        sides[0].len() + sides[1].len(),
    );
}

fn read(text: &str) -> Vec<Message> {
    let record = |word: &str| {
        let side = if word.starts_with('b') { Side::Bid } else { Side::Ask };
        let (price, size) = word[1..].split_once(':').expect("PRICE:SIZE");
        let price = Price(price.parse().expect("an integer price"));
        LevelRecord::new(price, Size(size.parse().expect("an integer size")), side)
    };
    let message = |line: &str| Message {
        snapshot: line.starts_with('S'),
        records: line[1..].split_whitespace().map(record).collect(),
    };
    text.lines().map(message).collect()
}

/// Numbers that look random: xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Ticks behind the touch: half close by, half spread over the book.
    fn distance(&mut self) -> i64 {
        let scale = if self.unit() < 0.5 { 20.0 } else { 1_500.0 };
        (-self.unit().max(1e-12).ln() * scale) as i64
    }
}

fn synthetic() -> Vec<Message> {
    const LEVELS: usize = 4_308;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    // By distance order: a bid's key is its price negated.
    let mut sides = [BTreeMap::<i64, u64>::new(), BTreeMap::new()];
    let mut mid = 6_100_000_i64;
    let key_of =
        |mid: i64, side: usize, away: i64| if side == 0 { -mid + away } else { mid + 1 + away };
    let record = |side: usize, key: i64, size: u64| match side {
        0 => LevelRecord::new(Price(-key), Size(size), Side::Bid),
        _ => LevelRecord::new(Price(key), Size(size), Side::Ask),
    };
    let mut messages = vec![];
    let mut records = vec![];
    while sides[0].len() + sides[1].len() < LEVELS {
        let side = usize::from(random.unit() < 0.5);
        let key = key_of(mid, side, random.distance());
        if sides[side].insert(key, 1).is_none() {
            records.push(record(side, key, 1));
        }
    }
    messages.push(Message { snapshot: true, records: std::mem::take(&mut records) });
    for _ in 0..200_000 {
        if random.unit() < 0.2 {
            mid += (random.unit() * 7.0) as i64 - 3;
        }
        let count = 1 + (random.unit() * 12.5) as usize;
        for side in [0, 1] {
            // The market went through these.
            while let Some((&key, _)) = sides[side].first_key_value()
                && key < key_of(mid, side, 0)
            {
                sides[side].remove(&key);
                records.push(record(side, key, 0));
            }
            for _ in 0..count.div_ceil(2) {
                let mut key = key_of(mid, side, random.distance());
                let mut size = 1 + (random.unit() * 1e6) as u64;
                let kind = random.unit();
                let held = sides[side].range(key..).next().map(|(&key, _)| key);
                let deletes = if sides[side].len() > LEVELS / 2 { 0.52 } else { 0.32 };
                match held {
                    Some(held) if kind < deletes => (key, size) = (held, 0),
                    Some(held) if kind < deletes + 0.1 => key = held,
                    _ if kind < deletes + 0.14 => size = 0,
                    _ => {
                        while sides[side].contains_key(&key) {
                            key = key_of(mid, side, random.distance());
                        }
                    }
                }
                if size == 0 {
                    sides[side].remove(&key);
                } else {
                    sides[side].insert(key, size);
                }
                records.push(record(side, key, size));
            }
        }
        messages.push(Message { snapshot: false, records: std::mem::take(&mut records) });
    }
    messages
}
