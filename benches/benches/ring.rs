//! The hand-off between two threads: one way, by ping-pong, and the time per message at full speed.
//!
//! Threads are not pinned, and on a busy host this measures the scheduler: compare within one run,
//! on two idle cores.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use tickbook_benches::turns::{Patience, one_way};
use tickbook_ring::{Consumer, Producer, ring};
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind};

/// Slots of rings and queues.
const SLOTS: usize = 1 << 12;

/// Levels of a message: none (a header), a small diff.
const LEVELS: &[u32] = &[0, 8];

fn main() {
    let mut criterion = tickbook_benches::criterion();
    there_and_back(&mut criterion);
    full_speed(&mut criterion);
    criterion.final_summary();
}

fn there_and_back(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring_one_way");
    group.bench_function("cache-line ping-pong", |b| {
        b.iter_custom(|rounds| {
            let line = CachePadded::new(AtomicU64::new(0));
            one_way(
                rounds,
                |round| {
                    // Release, Acquire: pair with those of the other thread.
                    line.store(2 * round + 1, Release);
                    wait_for(&line, 2 * round + 2);
                },
                |round| {
                    wait_for(&line, 2 * round + 1);
                    line.store(2 * round + 2, Release);
                },
            )
        });
    });
    for &levels in LEVELS {
        group.bench_function(format!("tickbook, {levels} levels"), |b| {
            b.iter_custom(|rounds| {
                let (mut there, mut arrived) = ring(SLOTS);
                let (mut back, mut returned) = ring(SLOTS);
                one_way(
                    rounds,
                    |_| {
                        send(&mut there, levels);
                        assert_eq!(receive(&mut returned), i64::from(levels));
                    },
                    |_| {
                        assert_eq!(receive(&mut arrived), i64::from(levels));
                        send(&mut back, levels);
                    },
                )
            });
        });
    }
    group.bench_function("crossbeam ArrayQueue, 32 bytes", |b| {
        b.iter_custom(|rounds| {
            let (there, back) = (ArrayQueue::<Words>::new(SLOTS), ArrayQueue::new(SLOTS));
            one_way(
                rounds,
                |round| {
                    put(&there, round);
                    assert_eq!(take(&back)[0], round);
                },
                |round| {
                    assert_eq!(take(&there)[0], round);
                    put(&back, round);
                },
            )
        });
    });
    group.finish();
}

fn full_speed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring_throughput");
    group.throughput(Throughput::Elements(1));
    for &levels in LEVELS {
        group.bench_function(format!("tickbook, {levels} levels"), |b| {
            b.iter_custom(|messages| {
                let (mut producer, mut consumer) = ring(SLOTS);
                streamed(
                    messages,
                    move |_| send(&mut producer, levels),
                    |_| assert_eq!(receive(&mut consumer), i64::from(levels)),
                )
            });
        });
    }
    group.bench_function("crossbeam ArrayQueue, 32 bytes", |b| {
        b.iter_custom(|messages| {
            let queue = ArrayQueue::new(SLOTS);
            streamed(messages, |n| put(&queue, n), |n| assert_eq!(take(&queue)[0], n))
        });
    });
    group.finish();
}

/// How long it takes until `messages` have come through.
fn streamed(
    messages: u64,
    mut send: impl FnMut(u64) + Send,
    mut receive: impl FnMut(u64),
) -> Duration {
    thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(move || (0..messages).for_each(&mut send));
        (0..messages).for_each(&mut receive);
        start.elapsed()
    })
}

fn wait_for(line: &AtomicU64, value: u64) {
    let mut patience = Patience::default();
    while line.load(Acquire) != value {
        patience.wait();
    }
}

#[inline]
fn send(producer: &mut Producer<()>, count: u32) {
    let mut patience = Patience::default();
    loop {
        if let Ok(mut claim) = producer.claim(count as usize) {
            for level in &mut claim.levels_mut()[..count as usize] {
                *level = LevelRecord::from_words(1, 1);
            }
            let header = MessageHeader::new(MessageKind::Delta, BookId(0));
            claim.commit(MessageHeader { count, ..header });
            return;
        }
        patience.wait();
    }
}

/// The sum of the first words: every record is looked at.
#[inline]
fn receive(consumer: &mut Consumer<()>) -> i64 {
    let mut patience = Patience::default();
    loop {
        if let Some(message) = consumer.pop() {
            return message.levels.iter().map(|level| level.words().0).sum();
        }
        patience.wait();
    }
}

type Words = [u64; 4];

#[inline]
fn put(queue: &ArrayQueue<Words>, n: u64) {
    let mut patience = Patience::default();
    while queue.push([n; 4]).is_err() {
        patience.wait();
    }
}

#[inline]
fn take(queue: &ArrayQueue<Words>) -> Words {
    let mut patience = Patience::default();
    loop {
        if let Some(words) = queue.pop() {
            return words;
        }
        patience.wait();
    }
}
