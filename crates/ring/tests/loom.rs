//! The ring under every interleaving and every reordering that the memory model allows.
//!
//! Method: loom runs two threads over rings of four slots that start where positions wrap, where a
//! pad is due, or where a slot holds hostile bytes. Each slot's plain bytes are a loom cell, so an
//! access that is not ordered is a failure by itself. Each `tickbook_weaken` in `src/sync.rs`
//! must make a test here fail.
//!
//! Run with `RUSTFLAGS='--cfg tickbook_loom'`, in release.
//!
//! What loom does not see: the bytes themselves (they are real memory), more than the bound of
//! preemptions, `SeqCst` fences (there are none here), the block channel's own atomics.
#![cfg(tickbook_loom)]
#![allow(missing_docs, clippy::cast_sign_loss, reason = "a test; the numbers are small")]

use loom::thread;
use tickbook_ring::{Consumer, Full, Producer, ring_from};
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind, SeqNo};

const SLOTS: usize = 4;

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // `LOOM_MAX_PREEMPTIONS` asks for another bound.
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}

fn header(seq: u64, count: u32) -> MessageHeader {
    let header = MessageHeader::new(MessageKind::Delta, BookId(7));
    MessageHeader { seq: SeqNo(seq), count, ..header }
}

/// Sends message `seq` with `count` records that are functions of `seq`.
fn send(producer: &mut Producer<u64>, seq: u64, count: u32) -> Result<(), Full> {
    let mut claim = producer.claim_reserved(count as usize)?;
    for (n, record) in claim.levels_mut().iter_mut().take(count as usize).enumerate() {
        *record = LevelRecord::from_words(-(seq as i64), n as u64);
    }
    claim.commit(header(seq, count));
    Ok(())
}

fn send_all(producer: &mut Producer<u64>, counts: &[u32]) {
    for (seq, &count) in counts.iter().enumerate() {
        while send(producer, seq as u64, count).is_err() {
            thread::yield_now();
        }
    }
}

/// Takes one message, if there is one, and checks that it is `seq` of `counts`.
fn take(consumer: &mut Consumer<u64>, seq: usize, counts: &[u32]) -> bool {
    let Some(message) = consumer.pop() else { return false };
    let count = *counts.get(seq).expect("no message was sent");
    assert_eq!(message.header, header(seq as u64, count));
    assert_eq!(message.levels.len(), count as usize);
    for (n, record) in message.levels.iter().enumerate() {
        assert_eq!(record.words(), (-(seq as i64), n as u64));
    }
    assert!(message.block.is_none());
    true
}

fn all_arrive(start: u64, counts: &'static [u32]) {
    explore(move || {
        let (mut producer, mut consumer) = ring_from(SLOTS, start);
        let sender = thread::spawn(move || send_all(&mut producer, counts));
        let mut taken = 0;
        while taken < counts.len() {
            if take(&mut consumer, taken, counts) {
                taken += 1;
            } else {
                thread::yield_now();
            }
        }
        assert!(consumer.pop().is_none());
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn messages_of_one_slot_arrive_over_a_wrap_of_positions() {
    all_arrive(u64::MAX - 1, &[0, 0, 0, 0, 0]);
}

#[test]
fn messages_of_two_slots_arrive_whole() {
    all_arrive(u64::MAX - 1, &[4, 1, 3]);
}

#[test]
fn a_message_that_would_wrap_arrives_behind_a_pad() {
    all_arrive(u64::MAX, &[2, 0, 2]);
    all_arrive(2, &[0, 3, 1]);
}

#[test]
fn stale_levels_are_never_taken_for_a_commit() {
    explore(|| {
        let start = u64::MAX - 3;
        let (mut producer, mut consumer) = ring_from::<u64>(SLOTS, start);
        // The first word of the level slot is the commit word that position `start + 5`, the same
        // slot a lap later, would have; what follows it reads as a header.
        let mut claim = producer.claim_reserved(4).expect("the ring is empty");
        claim.levels_mut().fill(LevelRecord::default());
        claim.levels_mut()[0] = LevelRecord::from_words(start.wrapping_add(6) as i64, 0);
        claim.commit(header(99, 4));
        assert_eq!(consumer.pop().expect("just sent").header.seq, SeqNo(99));
        for _ in 0..2 {
            send(&mut producer, 98, 0).expect("the ring has room");
            assert_eq!(consumer.pop().expect("just sent").header.seq, SeqNo(98));
        }
        assert!(consumer.pop().is_none());

        // Position `start + 4`: behind it lies the hostile slot.
        let sender = thread::spawn(move || send_all(&mut producer, &[0]));
        let mut taken = 0;
        for _ in 0..4 {
            // No yield behind a message: the next look must be possible before the sender goes on.
            if take(&mut consumer, taken, &[0]) {
                taken += 1;
            } else {
                thread::yield_now();
            }
        }
        sender.join().expect("the sender does not panic");
        taken += usize::from(take(&mut consumer, taken, &[0]));
        assert_eq!(taken, 1);
        assert!(consumer.pop().is_none());
    });
}

#[test]
fn a_full_ring_is_told_at_once_and_loses_nothing_else() {
    explore(|| {
        let (mut producer, mut consumer) = ring_from(SLOTS, 2);
        let sender = thread::spawn(move || {
            // Three slots of four can hold messages; what does not fit is counted, not waited for.
            (0..5).map(|seq| u64::from(send(&mut producer, seq, 0).is_err())).sum::<u64>()
        });
        let (mut taken, mut last) = (0, None);
        while !consumer.is_abandoned() {
            match consumer.pop() {
                Some(message) => {
                    assert!(last < Some(message.header.seq));
                    last = Some(message.header.seq);
                    taken += 1;
                }
                None => thread::yield_now(),
            }
        }
        let lost = sender.join().expect("the sender does not panic");
        assert_eq!(taken + lost, 5);
        assert!(taken >= 3);
    });
}

#[test]
fn the_last_message_of_a_producer_that_goes_is_not_lost() {
    explore(|| {
        let (mut producer, mut consumer) = ring_from(SLOTS, 0);
        let sender = thread::spawn(move || send_all(&mut producer, &[1]));
        let mut taken = 0;
        loop {
            if take(&mut consumer, taken, &[1]) {
                taken += 1;
            } else if consumer.is_abandoned() {
                break;
            } else {
                thread::yield_now();
            }
        }
        assert_eq!(taken, 1);
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn a_block_is_there_when_its_message_is() {
    explore(|| {
        let (mut producer, mut consumer) = ring_from(SLOTS, u64::MAX);
        let sender = thread::spawn(move || {
            producer.push_block(header(1, 3), 4_711).expect("the ring is empty");
            send(&mut producer, 2, 0).expect("the ring has room");
        });
        let mut seen = Vec::new();
        while seen.len() < 2 {
            match consumer.pop() {
                Some(message) => {
                    seen.push((message.header.kind, message.header.count, message.block))
                }
                None => thread::yield_now(),
            }
        }
        assert_eq!(seen, [(MessageKind::Block, 0, Some(4_711)), (MessageKind::Delta, 0, None)]);
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn a_producer_learns_that_its_consumer_is_gone() {
    explore(|| {
        let (producer, consumer) = ring_from::<u64>(SLOTS, 0);
        let reader = thread::spawn(move || drop(consumer));
        while !producer.is_abandoned() {
            thread::yield_now();
        }
        reader.join().expect("the reader does not panic");
    });
}
