//! The hand-off between two threads: one way, by ping-pong, and at full speed.
//!
//! A message is 32 bytes for the peers. Ours is a header of 56 bytes, and in a row of its own a
//! header with eight levels.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use tickbook_ring::{Consumer, Producer, ring};
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind};

use crate::TICKBOOK;
use crate::contest::{Contest, Table};
use crate::turns::{one_way, streamed, wait};

/// Slots of rings and queues.
const SLOTS: usize = 1 << 12;

/// Round trips of a pass.
const ROUNDS: u64 = 20_000;

/// Messages of a pass at full speed.
const MESSAGES: u64 = 200_000;

/// Levels of the bigger message.
const LEVELS: u32 = 8;

/// A peer's message.
type Words = [u64; 4];

/// Both stages.
pub(crate) fn run(table: &mut Table) {
    let outcome = there_and_back().run(table.rounds);
    table.add(&outcome);
    let outcome = full_speed().run(table.rounds);
    table.add(&outcome);
}

fn with_levels() -> String {
    format!("{TICKBOOK}, {LEVELS} levels")
}

/// Nanoseconds of a hand-off between two cores through one cache line: the floor of everything
/// that two threads do.
pub(crate) fn ping_pong(rounds: u64) -> f64 {
    let line = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let other = Arc::clone(&line);
    // Release, Acquire: pair with those of the other thread.
    let wait_for = |line: &AtomicU64, value| wait(|| (line.load(Acquire) == value).then_some(()));
    one_way(
        rounds,
        || {
            move |round| {
                line.store(2 * round + 1, Release);
                wait_for(&line, 2 * round + 2);
            }
        },
        || {
            move |round| {
                wait_for(&other, 2 * round + 1);
                other.store(2 * round + 2, Release);
            }
        },
    )
}

/// The same through two cache lines, each written by one thread only: the floor of messages in one
/// direction. In [`ping_pong`] a thread writes to the line that it has just read, which a processor
/// may hand over for writing at once; a line with one writer and one reader goes there and back.
pub(crate) fn ping_pong_of_two(rounds: u64) -> f64 {
    let lines = || Arc::new(CachePadded::new(AtomicU64::new(0)));
    let (there, back) = (lines(), lines());
    let (arrived, answer) = (Arc::clone(&there), Arc::clone(&back));
    // Release, Acquire: pair with those of the other thread.
    let wait_for = |line: &AtomicU64, value| wait(|| (line.load(Acquire) == value).then_some(()));
    one_way(
        rounds,
        || {
            move |round| {
                there.store(round + 1, Release);
                wait_for(&back, round + 1);
            }
        },
        || {
            move |round| {
                wait_for(&arrived, round + 1);
                answer.store(round + 1, Release);
            }
        },
    )
}

fn there_and_back() -> Contest<'static> {
    let mut contest = Contest::new("ring_one_way");
    contest.enter("cache-line ping-pong", || ping_pong(ROUNDS));
    contest.enter("a cache line each way", || ping_pong_of_two(ROUNDS));
    for (name, levels) in [(TICKBOOK.to_owned(), 0), (with_levels(), LEVELS)] {
        contest.enter(&name, move || {
            let (mut there, mut arrived) = ring(SLOTS);
            let (mut back, mut returned) = ring(SLOTS);
            one_way(
                ROUNDS,
                || {
                    move |_| {
                        send(&mut there, levels);
                        assert_eq!(receive(&mut returned), i64::from(levels));
                    }
                },
                || {
                    move |_| {
                        assert_eq!(receive(&mut arrived), i64::from(levels));
                        send(&mut back, levels);
                    }
                },
            )
        });
    }
    contest.enter("rtrb", || {
        let (mut there, mut arrived) = rtrb::RingBuffer::<Words>::new(SLOTS);
        let (mut back, mut returned) = rtrb::RingBuffer::<Words>::new(SLOTS);
        one_way(
            ROUNDS,
            || {
                move |round| {
                    wait(|| there.push([round; 4]).ok());
                    assert_eq!(wait(|| returned.pop().ok())[0], round);
                }
            },
            || {
                move |round| {
                    assert_eq!(wait(|| arrived.pop().ok())[0], round);
                    wait(|| back.push([round; 4]).ok());
                }
            },
        )
    });
    contest.enter("crossbeam ArrayQueue", || {
        let (there, back) = (ArrayQueue::<Words>::new(SLOTS), ArrayQueue::<Words>::new(SLOTS));
        let (there, back) = (&there, &back);
        one_way(
            ROUNDS,
            || {
                move |round| {
                    wait(|| there.push([round; 4]).ok());
                    assert_eq!(wait(|| back.pop())[0], round);
                }
            },
            || {
                move |round| {
                    assert_eq!(wait(|| there.pop())[0], round);
                    wait(|| back.push([round; 4]).ok());
                }
            },
        )
    });
    contest
}

fn full_speed() -> Contest<'static> {
    let mut contest = Contest::new("ring_throughput");
    for (name, levels) in [(TICKBOOK.to_owned(), 0), (with_levels(), LEVELS)] {
        contest.enter(&name, move || {
            let (mut producer, mut consumer) = ring(SLOTS);
            streamed(
                MESSAGES,
                |_| assert_eq!(receive(&mut consumer), i64::from(levels)),
                |_| send(&mut producer, levels),
            )
        });
    }
    contest.enter("rtrb", || {
        let (mut producer, mut consumer) = rtrb::RingBuffer::<Words>::new(SLOTS);
        streamed(
            MESSAGES,
            |n| assert_eq!(wait(|| consumer.pop().ok())[0], n),
            |n| wait(|| producer.push([n; 4]).ok()),
        )
    });
    contest.enter("crossbeam ArrayQueue", || {
        let queue = ArrayQueue::<Words>::new(SLOTS);
        streamed(
            MESSAGES,
            |n| assert_eq!(wait(|| queue.pop())[0], n),
            |n| wait(|| queue.push([n; 4]).ok()),
        )
    });
    contest
}

#[inline]
fn send(producer: &mut Producer<()>, count: u32) {
    wait(|| {
        let mut claim = producer.claim(count as usize).ok()?;
        for level in &mut claim.levels_mut()[..count as usize] {
            *level = LevelRecord::from_words(1, 1);
        }
        let header = MessageHeader::new(MessageKind::Delta, BookId(0));
        claim.commit(MessageHeader { count, ..header });
        Some(())
    });
}

/// The sum of the first words: every record is looked at.
#[inline]
fn receive(consumer: &mut Consumer<()>) -> i64 {
    wait(|| {
        let message = consumer.pop()?;
        Some(message.levels.iter().map(|level| level.words().0).sum())
    })
}
