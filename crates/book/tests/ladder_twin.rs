//! The book against its naive twin: random lists of messages, clears and changes of exponents, with
//! realistic and hostile prices; every observable is compared after every step.
//!
//! Windows are small here (64 to 1,024 slots), so that a list of some dozen messages moves them,
//! spills to the overflow and comes back; counters at the end of a fixed list show that it did.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tickbook_book::{Book, BookConfig, BookCounters, BookError};
use tickbook_types::{Decimal, Level, LevelRecord, Price, Scale, Side, Size};

mod twin;
use twin::{SIDES, Twin};

#[derive(Clone, Debug)]
enum Op {
    /// A whole message, finished.
    Message(Vec<Record>),
    /// A part of one, not finished.
    Part(Vec<Record>),
    /// Applied behind a clear, finished: a snapshot.
    Snapshot(Vec<Record>),
    Clear,
    /// Exponents relative to the present ones.
    Rescale(i8, i8),
    /// The market goes elsewhere.
    Mid(i64),
    /// Another book in the same memory, with another configuration or the same.
    Renew(Option<Box<BookConfig>>),
}

#[derive(Clone, Debug)]
struct Record {
    at: At,
    bid: bool,
    size: u64,
}

/// Where a record's price is.
#[derive(Clone, Debug)]
enum At {
    /// Ticks behind the mid.
    Ticks(i64),
    /// Not on any grid of ticks.
    Units(i64),
    /// At a level that is there.
    Held(usize),
    Anywhere(i64),
}

fn any_at() -> impl Strategy<Value = At> {
    prop_oneof![
        12 => (-6..60_i64).prop_map(At::Ticks),
        4 => (-100..3_000_i64).prop_map(At::Ticks),
        8 => (0..80_usize).prop_map(At::Held),
        1 => (-50..50_i64).prop_map(At::Units),
        1 => prop_oneof![
            any::<i64>(),
            Just(i64::MIN),
            Just(i64::MAX),
            Just(0),
            (0..200_i64).prop_map(|n| i64::MIN + n),
            (0..200_i64).prop_map(|n| i64::MAX - n),
        ].prop_map(At::Anywhere),
    ]
}

fn any_records(most: usize) -> impl Strategy<Value = Vec<Record>> {
    let size = prop_oneof![9 => Just(0), 10 => 1..6_u64, 1 => 1..=Size::MAX.0];
    let record =
        (any_at(), any::<bool>(), size).prop_map(|(at, bid, size)| Record { at, bid, size });
    prop::collection::vec(record, 0..most)
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        24 => any_records(14).prop_map(Op::Message),
        3 => any_records(90).prop_map(Op::Message),
        3 => any_records(14).prop_map(Op::Part),
        2 => any_records(90).prop_map(Op::Snapshot),
        1 => Just(Op::Clear),
        2 => (-2..=2_i8, -2..=2_i8).prop_map(|(price, size)| Op::Rescale(price, size)),
        4 => (-300..300_i64).prop_map(Op::Mid),
        1 => prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Op::Mid),
        1 => prop_oneof![Just(None), any_config().prop_map(|it| Some(Box::new(it)))]
            .prop_map(Op::Renew),
    ]
}

fn any_config() -> impl Strategy<Value = BookConfig> {
    let depth_max = prop_oneof![2 => Just(None), 1 => (1..70_u32).prop_map(Some)];
    let tick = prop_oneof![Just(None), Just(Some(Decimal::new(5, -2)))];
    let window = prop_oneof![Just(64_usize), Just(128), Just(1_024), Just(8_192)];
    (depth_max, tick, 1..40_usize, window, prop_oneof![Just(0_usize), Just(4_096)]).prop_map(
        |(depth_max, tick, published_depth, window_slots, overflow_capacity)| BookConfig {
            scale: Scale { price_exponent: -2, size_exponent: -4 },
            tick,
            depth_max,
            published_depth,
            window_slots,
            overflow_capacity,
            levels_limit: 100_000,
        },
    )
}

/// Book, twin, and where the market is.
struct Pair {
    config: BookConfig,
    book: Book,
    twin: Twin,
    mid: i64,
    published: [Vec<Level>; 2],
}

const TICK: i64 = 5;

fn twin_of(config: &BookConfig) -> Twin {
    Twin {
        scale: config.scale,
        depth_max: config.depth_max,
        published_depth: config.published_depth,
        ..Twin::default()
    }
}

impl Pair {
    fn new(config: &BookConfig) -> Self {
        let (config, book, twin) = (*config, Book::new(config), twin_of(config));
        Self { config, book, twin, mid: 30_000, published: [vec![], vec![]] }
    }

    fn renew(&mut self, config: &BookConfig) {
        self.config = *config;
        self.book.renew(config);
        self.book.warm();
        self.twin = twin_of(config);
        self.published = [vec![], vec![]];
        assert_eq!(self.book.counters(), BookCounters::default());
        assert_eq!(self.book.step(), Book::new(config).step());
        self.compare_tops();
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Message(records) => {
                self.apply(records);
                self.finish();
            }
            Op::Part(records) => self.apply(records),
            Op::Snapshot(records) => {
                self.clear();
                self.apply(records);
                self.finish();
            }
            Op::Clear => self.clear(),
            Op::Rescale(price, size) => self.rescale(*price, *size),
            Op::Mid(by) => self.mid = self.mid.saturating_add(*by) / TICK * TICK,
            Op::Renew(config) => self.renew(&config.as_deref().copied().unwrap_or(self.config)),
        }
        self.compare();
    }

    fn apply(&mut self, records: &[Record]) {
        let records: Vec<_> = records.iter().map(|record| self.resolve(record)).collect();
        let applied = self.book.apply(&records).expect("the limit is far off");
        let (absent, _) = self.twin.apply(&records);
        assert_eq!(applied.absent_deletes, absent);
    }

    fn resolve(&self, record: &Record) -> LevelRecord {
        let side = if record.bid { Side::Bid } else { Side::Ask };
        let behind = |units: i64| {
            let units = if record.bid { -units } else { units };
            self.mid.saturating_add(units)
        };
        let price = match record.at {
            At::Ticks(ticks) => behind(ticks * TICK),
            At::Units(units) => behind(units),
            At::Anywhere(price) => price,
            At::Held(n) => {
                let levels = self.twin.levels(side);
                if levels.is_empty() { self.mid } else { levels[n % levels.len()].price.0 }
            }
        };
        LevelRecord::new(Price(price), Size(record.size), side)
    }

    fn finish(&mut self) {
        let finished = self.book.finish();
        let expected = self.twin.finish();
        assert_eq!(
            (finished.crossed, finished.top_changed, finished.best_changed, finished.cut),
            (expected.crossed, expected.top_changed, expected.best_changed, expected.cut),
        );
        self.compare_tops();
    }

    fn clear(&mut self) {
        self.book.clear();
        self.twin.clear();
    }

    fn rescale(&mut self, price: i8, size: i8) {
        let Scale { price_exponent, size_exponent } = self.twin.scale;
        let to = Scale {
            price_exponent: (price_exponent + price).clamp(-6, 2),
            size_exponent: (size_exponent + size).clamp(-8, 2),
        };
        match self.book.rescale(to) {
            Ok(()) => {
                assert!(self.twin.rescale(to), "the twin cannot be rescaled");
                self.compare_tops();
            }
            Err(error) => {
                assert_eq!(error, BookError::Scale);
                assert!(!self.twin.rescale(to), "the twin can be rescaled");
            }
        }
    }

    /// The published levels, and the range of those that changed.
    fn compare_tops(&mut self) {
        for side in SIDES {
            let top = self.twin.top(side).to_vec();
            assert_eq!(self.book.top(side), top);
            let before = std::mem::replace(&mut self.published[side as usize], top);
            let changed = self.book.changed_top(side);
            let top = self.book.top(side);
            assert!(changed.start <= changed.end && changed.end <= top.len());
            for (n, level) in top.iter().enumerate() {
                assert!(changed.contains(&n) || before.get(n) == Some(level), "slot {n}");
            }
            let same = |n: &usize| before.get(*n) == top.get(*n);
            if (0..top.len()).all(|n| same(&n)) {
                assert!(changed.is_empty(), "{changed:?} although nothing changed");
            }
            assert!(self.book.changed_top(side).is_empty());
        }
        assert_eq!(self.book.is_crossed(), self.twin.crossed);
    }

    fn compare(&self) {
        let Self { book, twin, .. } = self;
        for side in SIDES {
            let levels = twin.levels(side);
            assert!(book.levels(side).eq(levels.iter().copied()), "{side:?}");
            assert_eq!(book.best(side), levels.first().copied());
            assert_eq!(book.level_count(side), levels.len());
            assert_eq!(book.top(side), twin.top(side));
            assert!(book.far_count(side) <= levels.len());
        }
        assert_eq!(book.scale(), twin.scale);
        assert_eq!(book.counters().sizes_rounded, twin.sizes_rounded);
    }
}

fn proptest_config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: 600,
        failure_persistence: Some(Box::new(persistence)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn equals_its_twin(config in any_config(), ops in prop::collection::vec(any_op(), 1..60)) {
        let mut pair = Pair::new(&config);
        ops.iter().for_each(|op| pair.step(op));
    }

    #[test]
    fn the_limit_is_an_error_and_the_book_goes_on_after_a_clear(
        config in any_config(),
        limit in 1..30_usize,
        ops in prop::collection::vec(any_op(), 1..30),
    ) {
        let config = BookConfig { levels_limit: limit, ..config };
        let mut pair = Pair::new(&config);
        for op in &ops {
            let Op::Message(records) = op else { continue };
            let records: Vec<_> = records.iter().map(|record| pair.resolve(record)).collect();
            let result = pair.book.apply(&records);
            let (_, most) = pair.twin.apply(&records);
            let fits = SIDES.iter().all(|&side| pair.twin.level_count(side) <= limit);
            if !fits {
                prop_assert_eq!(result, Err(BookError::Overflow));
            } else if most <= limit {
                prop_assert!(result.is_ok());
            }
            if result.is_err() {
                // What it holds now is its own business, but it must survive being asked.
                pair.book.finish();
                pair.clear();
                pair.book.finish();
                pair.twin.finish();
                let _ = SIDES.map(|side| pair.book.changed_top(side));
                pair.published = [vec![], vec![]];
            } else {
                pair.finish();
            }
            pair.compare();
        }
    }
}

/// Messages too small for the top to be walked anew, on a side that grows and then shrinks: the
/// levels kept behind the published ones are cut and filled up again and again.
fn any_tide() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let message = |deletes: u32, inserts: u32| {
        let size = prop_oneof![deletes => Just(0), inserts => 1..4_u64];
        let record = (0..40_i64, any::<bool>(), size).prop_map(|(ticks, bid, size)| Record {
            at: At::Ticks(ticks),
            bid,
            size,
        });
        prop::collection::vec(prop::collection::vec(record, 1..5), 60..120)
    };
    (message(1, 6), message(40, 1), message(1, 6), message(40, 1))
        .prop_map(|(a, b, c, d)| [a, b, c, d].concat())
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn the_top_outlives_the_tide(
        // Few levels, and more than one move of a fixed length takes along.
        published_depth in prop_oneof![1..6_usize, Just(40)],
        messages in any_tide(),
    ) {
        let mut pair = Pair::new(&BookConfig { published_depth, ..BookConfig::default() });
        for message in messages {
            pair.step(&Op::Message(message));
        }
    }
}

/// The window goes where the best level is, also when that recedes, and takes in what it meets.
#[test]
fn the_window_follows_a_receding_best() {
    let mut pair = Pair::new(&BookConfig { window_slots: 64, ..BookConfig::default() });
    let record = |ticks, size| Record { at: At::Ticks(ticks), bid: false, size };
    pair.step(&Op::Message((1..=200).map(|n| record(n, 1)).collect()));
    let far = pair.book.far_count(Side::Ask);
    assert!(far > 100, "{far}");
    for n in 1..=190 {
        pair.step(&Op::Message(vec![record(n, 0)]));
    }
    assert_eq!(pair.book.far_count(Side::Ask), 0);
}

/// The limit holds within a message too, so that no message can grow the overflow beyond it.
#[test]
fn the_limit_holds_within_a_message() {
    let config = BookConfig { window_slots: 64, levels_limit: 100, ..BookConfig::default() };
    let mut book = Book::new(&config);
    let ask = |price, size| LevelRecord::new(Price(price), Size(size), Side::Ask);
    let come = (0..101).map(|n| ask(n * 1_000, 1));
    let go = (1..101).map(|n| ask(n * 1_000, 0));
    let message: Vec<_> = come.chain(go).chain([ask(1, 1)]).collect();
    assert_eq!(book.apply(&message), Err(BookError::Overflow));
    book.clear();
    assert!(book.apply(&message[..100]).is_ok());
    assert!(book.apply(&[ask(5_000, 2)]).is_ok(), "a new size is no new level");
}

/// A fixed list that meets every rare event, so that the property above is known to reach them.
#[test]
fn the_rare_events_happen_and_change_nothing() {
    let config = BookConfig {
        scale: Scale { price_exponent: -2, size_exponent: -4 },
        window_slots: 64,
        overflow_capacity: 8,
        ..BookConfig::default()
    };
    let mut pair = Pair::new(&config);
    let record = |ticks, bid, size| Record { at: At::Ticks(ticks), bid, size };
    let both = |range: std::ops::Range<i64>| {
        range.flat_map(|n| [record(n, true, 15), record(n, false, 5)]).collect::<Vec<_>>()
    };
    pair.step(&Op::Message(both(1..500)));
    assert!(pair.book.far_count(Side::Bid) > 400);
    assert!(pair.book.counters().overflow_growths > 0);
    assert_eq!((pair.book.step(), pair.book.counters().regrids), (Some(TICK), 0));
    for _ in 0..20 {
        pair.step(&Op::Mid(37 * TICK));
        pair.step(&Op::Message(both(1..40)));
    }
    assert!(pair.book.is_crossed());
    assert!(pair.book.counters().window_moves >= 20, "{:?}", pair.book.counters());
    let off_grid = Record { at: At::Units(7), bid: false, size: 3 };
    pair.step(&Op::Message(vec![off_grid]));
    assert_eq!((pair.book.step(), pair.book.counters().regrids), (Some(1), 1));
    pair.step(&Op::Rescale(-2, -1));
    assert_eq!(pair.book.step(), Some(100));
    pair.step(&Op::Rescale(0, 2));
    assert!(pair.book.counters().sizes_rounded > 0);
    let extremes =
        [i64::MIN, i64::MAX].map(|price| Record { at: At::Anywhere(price), bid: true, size: 1 });
    pair.step(&Op::Message(extremes.to_vec()));
    assert_eq!(pair.book.top(Side::Bid)[0].price, Price(i64::MAX));
    pair.step(&Op::Snapshot(both(1..9)));
    assert_eq!(pair.book.level_count(Side::Ask), 8);
}

/// What a message changes in the published slots, exactly.
#[test]
fn only_the_changed_slots_are_reported() {
    let mut book = Book::new(&BookConfig { published_depth: 8, ..BookConfig::default() });
    let ask = |price, size| LevelRecord::new(Price(price), Size(size), Side::Ask);
    let mut changed = |records: &[LevelRecord]| {
        book.apply(records).unwrap();
        let top_changed = book.finish().top_changed;
        (book.changed_top(Side::Ask), top_changed, book.changed_top(Side::Bid))
    };
    let asks: Vec<_> = (1..=20).map(|n| ask(n * 10, 1)).collect();
    assert_eq!(changed(&asks), (0..8, true, 0..0));
    assert_eq!(changed(&asks), (0..0, false, 0..0), "the same sizes once more");
    assert_eq!(changed(&[ask(90, 2), ask(200, 0)]), (0..0, false, 0..0), "behind the top");
    assert_eq!(changed(&[ask(30, 2)]), (2..3, true, 0..0), "one size");
    assert_eq!(changed(&[ask(30, 3), ask(30, 2)]), (0..0, false, 0..0), "there and back");
    assert_eq!(changed(&[ask(35, 1)]), (3..8, true, 0..0), "an insert");
    assert_eq!(changed(&[ask(35, 0)]), (3..8, true, 0..0), "a delete");
    assert_eq!(changed(&[ask(30, 0), ask(55, 1)]), (2..5, true, 0..0), "one for another");
    assert_eq!(changed(&[ask(5, 1), ask(6, 1), ask(5, 0), ask(6, 0)]), (0..0, false, 0..0));
}
