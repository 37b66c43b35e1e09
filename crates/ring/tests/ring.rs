//! What the ring promises its users, one promise at a time.
#![cfg(not(tickbook_loom))]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::rc::Rc;

use tickbook_ring::{Full, Producer, RESERVE, SLOTS_MIN, ring};
use tickbook_types::{BookId, MessageHeader, MessageKind};

fn status() -> MessageHeader {
    MessageHeader::new(MessageKind::Status, BookId(1))
}

/// Sends messages of one slot until the ring is full; returns how many went in.
fn fill(producer: &mut Producer<u32>) -> usize {
    let mut sent = 0;
    while let Ok(claim) = producer.claim(0) {
        claim.commit(status());
        sent += 1;
    }
    sent
}

#[test]
fn the_reserve_is_there_when_the_ring_is_full() {
    let (mut producer, mut consumer) = ring::<u32>(32);
    assert_eq!(fill(&mut producer), 32 - RESERVE - 1);
    assert_eq!(producer.claim(0).err(), Some(Full));
    for _ in 0..RESERVE - 1 {
        producer.claim_reserved(0).unwrap().commit(status());
    }
    producer.push_block(status(), 5).unwrap();
    assert_eq!(producer.claim_reserved(0).err(), Some(Full));
    assert_eq!(producer.push_block(status(), 6), Err(6));

    let mut blocks = Vec::new();
    for _ in 0..31 {
        blocks.extend(consumer.pop().unwrap().block);
    }
    assert!(consumer.pop().is_none());
    assert_eq!(blocks, [5]);
}

#[test]
fn slots_come_back_with_the_next_pop() {
    let (mut producer, mut consumer) = ring::<u32>(16);
    fill(&mut producer);
    let free = producer.slots_free();
    assert!(consumer.pop().is_some());
    assert_eq!(producer.slots_free(), free, "the message is still being looked at");
    assert!(consumer.pop().is_some());
    assert_eq!(producer.slots_free(), free + 1);
}

#[test]
fn a_dropped_claim_sends_nothing() {
    let (mut producer, mut consumer) = ring::<u32>(32);
    drop(producer.claim(40).unwrap());
    assert_eq!(producer.slots_free(), 32);
    assert!(consumer.pop().is_none());
}

#[test]
fn each_side_learns_that_the_other_is_gone() {
    let (mut producer, consumer) = ring::<u32>(16);
    assert!(!producer.is_abandoned());
    drop(consumer);
    assert!(producer.is_abandoned());
    assert_eq!(producer.push_block(status(), 7), Err(7), "nobody will take it");

    let (mut producer, mut consumer) = ring::<u32>(16);
    producer.claim(0).unwrap().commit(status());
    drop(producer);
    assert!(!consumer.is_abandoned(), "a message is left");
    assert!(consumer.pop().is_some());
    assert!(consumer.is_abandoned());
}

#[test]
fn blocks_that_nobody_took_are_freed() {
    let counted = Rc::new(());
    let (mut producer, consumer) = ring::<Rc<()>>(16);
    for _ in 0..3 {
        producer.push_block(status(), Rc::clone(&counted)).unwrap();
    }
    drop(producer);
    drop(consumer);
    assert_eq!(Rc::strong_count(&counted), 1);
}

#[test]
fn no_claim_is_too_large_to_be_refused() {
    let (mut producer, _consumer) = ring::<u32>(16);
    for levels in [64, 1 << 20, usize::MAX - 3, usize::MAX] {
        assert_eq!(producer.claim(levels).err(), Some(Full), "{levels}");
        assert_eq!(producer.claim_reserved(levels).err(), Some(Full), "{levels}");
    }
}

#[test]
fn messages_count_their_slots() {
    for (levels, slots) in [(0, 1), (1, 2), (4, 2), (5, 3), (1_000, 251)] {
        assert_eq!(Producer::<u32>::slots_for(levels), slots);
    }
}

#[test]
#[should_panic(expected = "slots <= self.slots")]
fn a_header_that_counts_more_than_was_claimed_is_a_bug() {
    let (mut producer, _consumer) = ring::<u32>(32);
    producer.claim(4).unwrap().commit(MessageHeader { count: 5, ..status() });
}

#[test]
#[should_panic(expected = "needs its block")]
fn a_block_message_without_a_block_is_a_bug() {
    let (mut producer, _consumer) = ring::<u32>(16);
    producer.claim(0).unwrap().commit(MessageHeader::new(MessageKind::Block, BookId(0)));
}

#[test]
#[should_panic(expected = "at least")]
fn a_ring_without_room_beside_its_reserve_is_refused() {
    let _ = ring::<u32>(SLOTS_MIN / 2);
}

#[test]
#[should_panic(expected = "power_of_two")]
fn a_ring_of_an_odd_size_is_refused() {
    let _ = ring::<u32>(24);
}
