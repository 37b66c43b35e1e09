//! Measures the hand-off between two threads: one way there, by ping-pong over two rings, and the
//! time per message at full speed; beside it the same by a bounded channel, and the floor: one
//! cache line that two threads write in turn.
//!
//! `cargo run --release -p tickbook-ring --example hand_off`, on an idle machine with two cores.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use tickbook_ring::{Consumer, Producer, ring};
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind};

const ROUNDS: usize = 500_000;
const MESSAGES: u64 = 10_000_000;
const LEVELS: &[u32] = &[0, 2, 8, 50];

fn main() {
    floor();
    channel_one_way();
    for &levels in LEVELS {
        ring_one_way(levels);
    }
    channel_throughput();
    for &levels in LEVELS {
        ring_throughput(levels);
    }
}

/// Prints the percentiles of `round_trip`, halved.
fn one_way(name: &str, mut round_trip: impl FnMut()) {
    let mut nanos: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round_trip();
            start.elapsed().as_nanos()
        })
        .skip(ROUNDS / 10)
        .collect();
    nanos.sort_unstable();
    let at = |percent: usize| nanos[nanos.len() * percent / 100] / 2;
    println!("{name:32} one way p50 {:5} ns, p90 {:5}, p99 {:5}", at(50), at(90), at(99));
}

fn send(producer: &mut Producer<()>, count: u32) {
    loop {
        if let Ok(mut claim) = producer.claim(count as usize) {
            for level in &mut claim.levels_mut()[..count as usize] {
                *level = LevelRecord::from_words(1, 1);
            }
            let header = MessageHeader::new(MessageKind::Delta, BookId(0));
            claim.commit(MessageHeader { count, ..header });
            return;
        }
        std::hint::spin_loop();
    }
}

/// The sum of the first words: every record is looked at.
fn receive(consumer: &mut Consumer<()>) -> i64 {
    loop {
        if let Some(message) = consumer.pop() {
            return message.levels.iter().map(|level| level.words().0).sum();
        }
        std::hint::spin_loop();
    }
}

fn ring_one_way(levels: u32) {
    let (mut there, mut arrived) = ring(4_096);
    let (mut back, mut returned) = ring(4_096);
    let echo = thread::spawn(move || {
        for _ in 0..ROUNDS {
            assert_eq!(receive(&mut arrived), i64::from(levels));
            send(&mut back, levels);
        }
    });
    one_way(&format!("ring, {levels} levels"), || {
        send(&mut there, levels);
        receive(&mut returned);
    });
    echo.join().expect("the echo does not panic");
}

fn ring_throughput(levels: u32) {
    let (mut producer, mut consumer) = ring(4_096);
    let start = Instant::now();
    let sender = thread::spawn(move || {
        for _ in 0..MESSAGES {
            send(&mut producer, levels);
        }
    });
    for _ in 0..MESSAGES {
        assert_eq!(receive(&mut consumer), i64::from(levels));
    }
    per_message(&format!("ring, {levels} levels"), start);
    sender.join().expect("the sender does not panic");
}

fn per_message(name: &str, start: Instant) {
    println!("{name:32} {:6.1} ns a message", start.elapsed().as_nanos() as f64 / MESSAGES as f64);
}

type Words = [u64; 4];

fn channel_one_way() {
    let (there, arrived) = crossbeam_channel::bounded::<Words>(4_096);
    let (back, returned) = crossbeam_channel::bounded::<Words>(4_096);
    let echo = thread::spawn(move || {
        for _ in 0..ROUNDS {
            while arrived.try_recv().map(|words| back.try_send(words)).is_err() {
                std::hint::spin_loop();
            }
        }
    });
    one_way("crossbeam bounded, 32 bytes", || {
        there.try_send([1; 4]).expect("the channel is empty");
        while returned.try_recv().is_err() {
            std::hint::spin_loop();
        }
    });
    echo.join().expect("the echo does not panic");
}

fn channel_throughput() {
    let (sender, receiver) = crossbeam_channel::bounded::<Words>(4_096);
    let start = Instant::now();
    let thread = thread::spawn(move || {
        for n in 0..MESSAGES {
            while sender.try_send([n; 4]).is_err() {
                std::hint::spin_loop();
            }
        }
    });
    for _ in 0..MESSAGES {
        while receiver.try_recv().is_err() {
            std::hint::spin_loop();
        }
    }
    per_message("crossbeam bounded, 32 bytes", start);
    thread.join().expect("the sender does not panic");
}

fn floor() {
    let line = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let echo = Arc::clone(&line);
    let thread = thread::spawn(move || {
        for round in 0..ROUNDS as u64 {
            // Acquire, Release: pair with those of the other thread below.
            while echo.load(Acquire) != 2 * round + 1 {
                std::hint::spin_loop();
            }
            echo.store(2 * round + 2, Release);
        }
    });
    let mut round = 0;
    one_way("one cache line (floor)", || {
        line.store(2 * round + 1, Release);
        while line.load(Acquire) != 2 * round + 2 {
            std::hint::spin_loop();
        }
        round += 1;
    });
    thread.join().expect("the echo does not panic");
}
