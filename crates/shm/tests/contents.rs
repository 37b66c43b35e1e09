//! What is written is what is read: books, events, counters, against naive twins.

#![cfg(not(tickbook_loom))]
#![allow(
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    clippy::unwrap_used,
    missing_docs,
    reason = "numbers of tests are small and exact"
)]

mod scaffold;

use std::collections::HashMap;
use std::ops::Range;

use proptest::prelude::*;
use scaffold::{TestDir, book};
use tickbook_shm::histogram::VALUE_MAX;
use tickbook_shm::{
    BuilderWriter, ConnState, Counter, DeltaEvent, Depth, EventKind, Histogram, NextEvent, Segment,
    Snapshot, SnapshotFlags, Stage, TradeEvent, View,
};
use tickbook_types::{
    BookId, BookState, ConnId, Epoch, Level, LevelRecord, MonoNanos, Price, Reason, Scale, SeqNo,
    Side, Size, WallNanos,
};

const BOOK: BookId = BookId(0);

fn engine() -> (TestDir, Segment, BuilderWriter, View) {
    let dir = TestDir::new();
    let mut segment = Segment::create(&dir.config()).unwrap();
    let mut builder = segment.take_builder(0).unwrap();
    builder.add_book(&book(0, 1, "BTCUSDT")).unwrap();
    let view = View::open(dir.path(), "test").unwrap();
    (dir, segment, builder, view)
}

fn levels(prices: &[(i64, u64)]) -> Vec<Level> {
    prices.iter().map(|&(price, size)| Level { price: Price(price), size: Size(size) }).collect()
}

#[test]
fn a_snapshot_comes_back_whole() {
    let (_dir, _segment, mut builder, view) = engine();
    let (bids, asks) = (levels(&[(-7, 5), (-8, u64::MAX)]), levels(&[(i64::MAX, 1)]));
    let snapshot = Snapshot {
        state: BookState::Live,
        reason: Reason::Resubscribed,
        epoch: Epoch(u32::MAX),
        flags: SnapshotFlags::CROSSED.with(SnapshotFlags::HAS_SEQ).with(SnapshotFlags::HAS_ASK),
        seq: SeqNo(u64::MAX - 1),
        scale: Scale { price_exponent: -18, size_exponent: 18 },
        instrument_epoch: 3,
        bid_levels: 4_000,
        ask_levels: u32::MAX,
        venue_time: WallNanos(-1),
        kernel_time: WallNanos(2),
        received_wall: WallNanos(i64::MAX),
        published_wall: WallNanos(4),
        bids: &bids,
        asks: &asks,
        bids_changed: 0..2,
        asks_changed: 0..1,
    };
    builder.publish(BOOK, &snapshot);
    let top = view.read_top(BOOK).unwrap().top();
    let mut depth = Depth::default();
    let depth_top = view.read_depth(BOOK, &mut depth).unwrap().top();
    assert_eq!(top, depth_top);
    assert_eq!((top.bid, top.ask), (Some(bids[0]), Some(asks[0])));
    assert_eq!((depth.bids(), depth.asks()), (&bids[..], &asks[..]));
    let header = top.header;
    assert_eq!(*depth.header(), header);
    assert_eq!((header.state, header.reason), (snapshot.state, snapshot.reason));
    assert_eq!((header.epoch, header.seq), (snapshot.epoch, Some(snapshot.seq)));
    assert_eq!((header.scale, header.instrument_epoch), (snapshot.scale, 3));
    assert_eq!((header.bid_levels, header.ask_levels), (4_000, u32::MAX));
    assert_eq!((header.venue_time, header.kernel_time), (WallNanos(-1), WallNanos(2)));
    assert_eq!((header.received_wall.0, header.published_wall.0), (i64::MAX, 4));
    assert_eq!((header.conn, header.publishes, header.slot_generation), (ConnId(1), 2, 1));
    assert!(header.flags.has(SnapshotFlags::CROSSED));
    // The writer says itself what there is, whatever the caller claims.
    builder.publish(BOOK, &Snapshot { flags: SnapshotFlags::HAS_BID, ..Snapshot::default() });
    let top = view.read_top(BOOK).unwrap().top();
    assert_eq!((top.bid, top.ask, top.header.seq), (None, None, None));
}

#[test]
fn prices_print_exactly_and_convert_to_the_nearest_float() {
    let header = tickbook_shm::BookHeader {
        scale: Scale { price_exponent: -2, size_exponent: 3 },
        ..Default::default()
    };
    assert_eq!(header.price_decimal(Price(6_123_450)).to_string(), "61234.5");
    assert_eq!(header.price_f64(Price(6_123_457)), 61_234.57);
    assert_eq!(header.price_f64(Price(-1)), -0.01);
    assert_eq!(header.size_decimal(Size(5)).to_string(), "5000");
    assert_eq!(header.size_f64(Size(5)), 5_000.0);
}

/// The slots that differ, as a range: what a caller reports as changed.
fn changed(before: &[Level], after: &[Level]) -> Range<usize> {
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    let first = (0..after.len()).find(differs).unwrap_or(after.len());
    let last = (0..after.len()).rev().find(differs).map_or(first, |last| last + 1);
    first..last
}

fn side() -> impl Strategy<Value = Vec<Level>> {
    prop::collection::vec((-3_i64..3, 1_u64..3), 0..12).prop_map(|prices| levels(&prices))
}

proptest! {
    /// Only changed slots are stored, and what is read equals what was given all the same.
    #[test]
    fn incremental_publishes_equal_whole_ones(
        publishes in prop::collection::vec((side(), side()), 1..30),
    ) {
        let (_dir, _segment, mut builder, view) = engine();
        let (mut bids_before, mut asks_before) = (Vec::new(), Vec::new());
        let mut depth = Depth::default();
        for (bids, asks) in publishes {
            builder.publish(BOOK, &Snapshot {
                bids: &bids,
                asks: &asks,
                bids_changed: changed(&bids_before, &bids),
                asks_changed: changed(&asks_before, &asks),
                ..Snapshot::default()
            });
            view.read_depth(BOOK, &mut depth).unwrap();
            prop_assert_eq!(depth.bids(), &bids[..bids.len().min(8)]);
            prop_assert_eq!(depth.asks(), &asks[..asks.len().min(8)]);
            let top = view.read_top(BOOK).unwrap().top();
            prop_assert_eq!((top.bid, top.ask), (bids.first().copied(), asks.first().copied()));
            (bids_before, asks_before) = (bids, asks);
        }
    }

    /// The twin is the list of everything ever written, and a reader's place in it.
    #[test]
    fn events_come_whole_and_in_order_or_are_counted_as_missed(
        steps in prop::collection::vec((0_usize..40, 0_usize..40), 1..20),
    ) {
        let (_dir, _segment, mut builder, view) = engine();
        let mut position = view.events_end(0);
        let (mut written, mut place) = (0_u64, 0_u64);
        for (writes, reads) in steps {
            for _ in 0..writes {
                builder.event_trade(BOOK, &trade(written));
                written += 1;
            }
            for _ in 0..reads {
                match view.next_event(0, &mut position) {
                    NextEvent::Event(event) => {
                        let EventKind::Trade { id, price, .. } = event.unwrap().kind else {
                            panic!("{event:?}")
                        };
                        prop_assert_eq!((id, price), (place, Price(-1)));
                        place += 1;
                    }
                    NextEvent::Missed(count) => {
                        // Lapped: the record at its place was overwritten; it goes on at the
                        // middle of the ring.
                        prop_assert!(written - place > 16);
                        place += count;
                        prop_assert!(place <= written && written - place < 16);
                    }
                    NextEvent::Empty => prop_assert_eq!(place, written),
                }
            }
            prop_assert_eq!(view.events_end(0) - written, position - place);
        }
    }

    #[test]
    fn counters_and_histograms_equal_their_twins(
        steps in prop::collection::vec(
            (0_usize..Counter::COUNT, 0_u64..1_000, 0_usize..Stage::COUNT, 0_u64..1 << 37), 1..60),
    ) {
        let (_dir, mut segment, _builder, view) = engine();
        let mut stats = segment.take_thread(1, "venue binance_spot").unwrap();
        let mut totals: HashMap<Counter, u64> = HashMap::new();
        let mut times: HashMap<Stage, Vec<u64>> = HashMap::new();
        for (counter, n, stage, ns) in steps {
            let (counter, stage) = (Counter::ALL[counter], Stage::ALL[stage]);
            stats.add(counter, n);
            *totals.entry(counter).or_default() += n;
            stats.record(stage, ns);
            times.entry(stage).or_default().push(ns);
        }
        let threads = view.threads();
        prop_assert_eq!(threads.len(), 1);
        prop_assert_eq!(threads[0].name(), "venue binance_spot");
        for counter in Counter::ALL {
            let total = totals.get(counter).copied().unwrap_or_default();
            prop_assert_eq!(threads[0].counter(*counter), total);
        }
        for stage in Stage::ALL {
            let times = times.get(stage).cloned().unwrap_or_default();
            prop_assert_eq!(threads[0].histogram(*stage), twin(&times));
        }
    }
}

/// A histogram by the `hdrhistogram` crate, seen through its own buckets.
fn check_against_model(histogram: &Histogram, times: &[u64]) {
    let mut model = hdrhistogram::Histogram::<u64>::new_with_bounds(1, VALUE_MAX, 2).unwrap();
    for &time in times {
        model.saturating_record(time);
    }
    let theirs: Vec<_> =
        model.iter_recorded().map(|it| (it.value_iterated_to(), it.count_at_value())).collect();
    let ours: Vec<_> = histogram.buckets().map(|(_, highest, count)| (highest, count)).collect();
    assert_eq!(ours, theirs);
}

/// What a histogram of these times must be.
fn twin(times: &[u64]) -> Histogram {
    let dir = TestDir::new();
    let mut segment = Segment::create(&dir.config()).unwrap();
    let mut stats = segment.take_thread(0, "twin").unwrap();
    for &time in times {
        stats.record(Stage::Turn, time);
    }
    let view = View::open(dir.path(), "test").unwrap();
    let histogram = view.threads()[0].histogram(Stage::Turn);
    check_against_model(&histogram, times);
    assert_eq!(histogram.min(), times.iter().copied().min().unwrap_or_default());
    assert_eq!(histogram.max(), times.iter().copied().max().unwrap_or_default());
    let clamped = times.iter().filter(|time| **time > VALUE_MAX).count();
    assert_eq!(histogram.clamped(), clamped as u64);
    histogram
}

fn trade(id: u64) -> TradeEvent {
    TradeEvent {
        price: Price(-1),
        size: Size(2),
        side: Side::Ask,
        id,
        venue_time: WallNanos(3),
        received_wall: WallNanos(4),
        scale: Scale { price_exponent: -2, size_exponent: 1 },
    }
}

#[test]
fn a_trade_comes_back_whole() {
    let (_dir, _segment, mut builder, view) = engine();
    let mut position = view.events_end(0);
    builder.event_trade(BOOK, &trade(7));
    let NextEvent::Event(Some(event)) = view.next_event(0, &mut position) else { panic!() };
    assert_eq!((event.book, event.scale), (BOOK, trade(7).scale));
    let expected = EventKind::Trade {
        price: Price(-1),
        size: Size(2),
        side: Side::Ask,
        id: 7,
        venue_time: WallNanos(3),
        received_wall: WallNanos(4),
    };
    assert_eq!(event.kind, expected);
    assert_eq!(view.next_event(0, &mut position), NextEvent::Empty);
    assert_eq!(view.next_event(1, &mut 0), NextEvent::Empty, "each builder has its own ring");
}

#[test]
fn level_changes_of_a_message_come_back_in_order_with_its_ends_marked() {
    let (_dir, _segment, mut builder, view) = engine();
    for count in 0..=5_usize {
        let mut position = view.events_end(0);
        let given: Vec<_> = (0..count)
            .map(|at| LevelRecord::new(Price(at as i64 - 2), Size(at as u64), Side::Ask))
            .collect();
        let event = DeltaEvent {
            snapshot: count == 5,
            seq: (count != 3).then_some(SeqNo(9)),
            venue_time: WallNanos(8),
            scale: Scale::default(),
        };
        builder.event_levels(BOOK, &event, &given);
        let (mut got, mut marks) = (Vec::new(), Vec::new());
        while let NextEvent::Event(Some(it)) = view.next_event(0, &mut position) {
            let EventKind::Levels(part) = it.kind else { panic!("{it:?}") };
            assert_eq!((part.seq, part.snapshot), (event.seq, event.snapshot));
            assert_eq!(part.venue_time, event.venue_time);
            got.extend_from_slice(part.levels());
            marks.push((part.first, part.last));
        }
        assert_eq!(got, given);
        assert_eq!(marks.len(), count.div_ceil(2).max(1));
        assert!(marks[0].0 && marks[marks.len() - 1].1);
        assert_eq!(marks.iter().filter(|mark| mark.0).count(), 1);
        assert_eq!(marks.iter().filter(|mark| mark.1).count(), 1);
    }
}

#[test]
fn every_change_of_state_is_an_event_and_nothing_else_is() {
    let (_dir, _segment, mut builder, view) = engine();
    let mut position = view.events_end(0);
    let mut publish = |state, reason| {
        builder.publish(BOOK, &Snapshot { state, reason, epoch: Epoch(4), ..Snapshot::default() });
    };
    publish(BookState::Live, Reason::None);
    publish(BookState::Live, Reason::None);
    publish(BookState::Stale, Reason::Gap);
    publish(BookState::Stale, Reason::Disconnected);
    drop(builder);
    let mut states = Vec::new();
    while let NextEvent::Event(Some(event)) = view.next_event(0, &mut position) {
        let EventKind::State { state, reason, .. } = event.kind else { panic!("{event:?}") };
        states.push((state, reason));
    }
    let expected = [
        (BookState::Live, Reason::None),
        (BookState::Stale, Reason::Gap),
        (BookState::Stale, Reason::Disconnected),
        (BookState::Closed, Reason::Shutdown),
    ];
    assert_eq!(states, expected);
}

#[test]
fn books_come_and_go_and_a_slot_remembers_how_often() {
    let (_dir, mut segment, mut builder, view) = engine();
    assert_eq!(view.books().count(), 1);
    assert!(builder.add_book(&book(0, 0, "ETHUSDT")).is_err(), "in use");
    assert!(builder.add_book(&book(4, 0, "ETHUSDT")).is_err(), "no such slot");
    assert!(builder.add_book(&book(3, 3, "ETHUSDT")).is_err(), "no such connection");
    let mut other = segment.take_builder(1).unwrap();
    assert!(other.add_book(&book(0, 0, "ETHUSDT")).is_err(), "another builder's");
    builder.publish(BOOK, &Snapshot { state: BookState::Live, ..Snapshot::default() });
    builder.remove_book(BOOK);
    builder.remove_book(BOOK);
    assert_eq!(view.books().count(), 0);
    assert_eq!(view.read_top(BOOK).unwrap().top().header.state, BookState::Closed);
    other.add_book(&book(0, 2, "ETHUSDT")).unwrap();
    let info = view.book(BOOK).unwrap();
    assert_eq!((info.name.as_str(), info.slot_generation, info.builder), ("ETHUSDT", 2, 1));
    let header = view.read_top(BOOK).unwrap().top().header;
    assert_eq!((header.state, header.slot_generation), (BookState::Empty, 2));
    assert!(segment.take_builder(1).is_err() && segment.take_builder(2).is_err());
}

#[test]
fn a_shorter_book_after_a_longer_one_shows_no_ghosts() {
    let (_dir, _segment, mut builder, view) = engine();
    let long = levels(&[(3, 1), (2, 1), (1, 1)]);
    let publish = |builder: &mut BuilderWriter, bids: &[Level], bids_changed| {
        builder.publish(BOOK, &Snapshot { bids, bids_changed, ..Snapshot::default() });
    };
    publish(&mut builder, &long, 0..3);
    publish(&mut builder, &long[..1], 0..0);
    let mut depth = Depth::default();
    view.read_depth(BOOK, &mut depth).unwrap();
    assert_eq!(depth.bids(), &long[..1]);
    // The slots behind the first count as changed, though the caller does not say so.
    let longer = levels(&[(3, 1), (0, 9), (-1, 9)]);
    publish(&mut builder, &longer, 0..0);
    view.read_depth(BOOK, &mut depth).unwrap();
    assert_eq!(depth.bids(), &longer[..]);
}

#[test]
fn connection_lines_and_heartbeats_come_back() {
    let (_dir, mut segment, mut builder, view) = engine();
    let mut conn = segment.take_conn(2).unwrap();
    conn.set_silence_limit_ns(5);
    conn.set_epoch(Epoch(7));
    conn.set_state(ConnState::Open);
    conn.received(MonoNanos(99));
    let info = view.conn(ConnId(2)).unwrap();
    assert_eq!((info.state, info.epoch), (ConnState::Open, Epoch(7)));
    assert_eq!((info.last_received, info.silence_limit_ns), (MonoNanos(99), 5));
    drop(conn);
    assert_eq!(view.conn(ConnId(2)).unwrap().state, ConnState::Down);
    assert_eq!(view.conn(ConnId(3)), None);

    let first = view.builder(0).unwrap();
    assert!(first.used && !first.ended);
    builder.beat(first.beat.plus(1_000));
    assert_eq!(view.builder(0).unwrap().beat, first.beat, "too soon for a store");
    builder.beat(first.beat.plus(2_000_000));
    assert_eq!(view.builder(0).unwrap().beat, first.beat.plus(2_000_000));
    assert!(!view.builder(1).unwrap().used);
    drop(builder);
    assert!(view.builder(0).unwrap().ended);
    assert_eq!(view.builder(2), None);
}

#[test]
#[should_panic(expected = "was not added by builder")]
fn publishing_a_book_that_was_not_added_is_a_bug() {
    let (_dir, _segment, mut builder, _view) = engine();
    builder.publish(BookId(1), &Snapshot::default());
}
