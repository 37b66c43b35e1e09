//! Two threads at full speed: what comes out is what went in, whole and in order.
//!
//! Method: everything in message `n` is a function of `n`. The rings are small, so that they are
//! full and empty, wrapped and padded all the time, and start just before positions wrap.
#![cfg(not(tickbook_loom))]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "test numbers")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::thread;

use tickbook_ring::{Consumer, Full, Message, Producer, ring_from};
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind, SeqNo};

const MESSAGES: u64 = if cfg!(miri) { 300 } else { 300_000 };
const CAPACITIES: &[usize] = if cfg!(miri) { &[64] } else { &[64, 256, 4_096] };

/// A number that looks random and is a function of `n`.
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Records in message `n`, at most 80, mostly few.
fn count(n: u64) -> u32 {
    let most = if n.is_multiple_of(16) { 81 } else { 9 };
    (scramble(n) % most) as u32
}

fn is_block(n: u64) -> bool {
    n % 101 == 7
}

fn record(n: u64, index: usize) -> LevelRecord {
    LevelRecord::from_words(n as i64, scramble(n.wrapping_add(index as u64)))
}

fn send(producer: &mut Producer<Vec<u64>>, n: u64) -> Result<(), Full> {
    let header = MessageHeader {
        seq: SeqNo(n),
        count: count(n),
        ..MessageHeader::new(MessageKind::Delta, BookId(n as u32))
    };
    if is_block(n) {
        return producer.push_block(header, vec![n; 3]).map_err(|_| Full);
    }
    let mut claim = producer.claim(count(n) as usize)?;
    let levels = &mut claim.levels_mut()[..count(n) as usize];
    for (index, level) in levels.iter_mut().enumerate() {
        *level = record(n, index);
    }
    claim.commit(header);
    Ok(())
}

/// The number of the message, once all of it has been checked.
fn check(message: &Message<'_, Vec<u64>>) -> u64 {
    let n = message.header.seq.0;
    assert_eq!(message.header.book, BookId(n as u32));
    if is_block(n) {
        assert_eq!(message.block, Some(vec![n; 3]));
        assert!(message.levels.is_empty());
        return n;
    }
    assert!(message.block.is_none());
    assert_eq!(message.levels.len(), count(n) as usize);
    for (index, level) in message.levels.iter().enumerate() {
        assert_eq!(*level, record(n, index), "message {n}, record {index}");
    }
    n
}

fn receive(mut consumer: Consumer<Vec<u64>>, mut each: impl FnMut(u64)) {
    while !consumer.is_abandoned() {
        match consumer.pop() {
            Some(message) => each(check(&message)),
            None => thread::yield_now(),
        }
    }
}

#[test]
fn a_producer_that_tries_again_loses_nothing() {
    for &capacity in CAPACITIES {
        let (mut producer, consumer) = ring_from(capacity, u64::MAX - 1_000);
        let sender = thread::spawn(move || {
            for n in 0..MESSAGES {
                while send(&mut producer, n).is_err() {
                    thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        receive(consumer, |n| {
            assert_eq!(n, expected);
            expected += 1;
        });
        assert_eq!(expected, MESSAGES);
        sender.join().unwrap();
    }
}

#[test]
fn a_producer_that_never_waits_counts_what_it_loses() {
    let (mut producer, consumer) = ring_from(64, u64::MAX - 1_000);
    let sender = thread::spawn(move || {
        (0..MESSAGES).map(|n| u64::from(send(&mut producer, n).is_err())).sum::<u64>()
    });
    let (mut received, mut next) = (0, 0);
    receive(consumer, |n| {
        assert!(n >= next, "message {n} came after message {next}");
        next = n + 1;
        received += 1;
        if n % 1_000 == 0 {
            thread::yield_now();
        }
    });
    assert_eq!(received + sender.join().unwrap(), MESSAGES);
}
