//! The ring against a naive twin: a queue of owned messages, and slots counted one by one.
//!
//! Method: random claims, commits, dropped claims, blocks and pops on rings of many sizes that
//! start anywhere, most often where positions wrap. Every record is written as the commit word of
//! some position ahead, so that stale bytes do the most harm they can. After each step the two
//! must agree on what came out and on how many slots are free.
#![cfg(not(tickbook_loom))]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "test numbers")]

use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tickbook_ring::{Consumer, Producer, RESERVE, ring_from};
use tickbook_types::{
    BookId, BookState, LevelRecord, MessageFlags, MessageHeader, MessageKind, Reason, SeqNo, Ticks,
};

#[derive(Clone, Debug)]
enum Step {
    /// Claim room for `claimed` records and commit `used` of them, at most what was claimed.
    Send { claimed: usize, used: usize, reserved: bool, kind: MessageKind, ahead: u64 },
    /// Claim, write, and change one's mind.
    Abandon { claimed: usize, ahead: u64 },
    /// Send a block.
    Block,
    /// Take up to so many messages; the last one stays in hand.
    Pop(usize),
}

#[derive(Debug, PartialEq)]
struct Owned {
    header: MessageHeader,
    levels: Vec<LevelRecord>,
    block: Option<Rc<u64>>,
}

/// What the ring should do, by the plainest means.
struct Twin {
    capacity: usize,
    reserve: usize,
    position: u64,
    /// Messages with the slots they take, padding before them included.
    queue: VecDeque<(Owned, usize)>,
    /// Slots of the message in the consumer's hand.
    in_hand: usize,
}

impl Twin {
    fn used(&self) -> usize {
        self.in_hand + self.queue.iter().map(|(_, slots)| slots).sum::<usize>()
    }

    /// Slots to skip before a message of `slots` slots, so that it ends within the buffer.
    fn padding(&self, slots: usize) -> usize {
        let index = (self.position % self.capacity as u64) as usize;
        if index + slots > self.capacity { self.capacity - index } else { 0 }
    }

    fn fits(&self, levels: usize, reserved: bool) -> bool {
        let slots = 1 + levels.div_ceil(4);
        let spare = if reserved { 0 } else { self.reserve };
        self.used() + self.padding(slots) + slots + 1 + spare <= self.capacity
    }

    fn push(&mut self, claimed: usize, message: Owned) {
        let padding = self.padding(1 + claimed.div_ceil(4));
        let slots = padding + 1 + message.levels.len().div_ceil(4);
        self.position = self.position.wrapping_add(slots as u64);
        self.queue.push_back((message, slots));
    }

    fn pop(&mut self) -> Option<Owned> {
        self.in_hand = 0;
        let (message, slots) = self.queue.pop_front()?;
        self.in_hand = slots;
        Some(message)
    }
}

struct Pair {
    producer: Producer<Rc<u64>>,
    consumer: Consumer<Rc<u64>>,
    twin: Twin,
    sent: u64,
}

impl Pair {
    fn new(capacity: usize, start: u64) -> Self {
        let (producer, consumer) = ring_from(capacity, start);
        let queue = VecDeque::new();
        let twin = Twin { capacity, reserve: RESERVE, position: start, queue, in_hand: 0 };
        Self { producer, consumer, twin, sent: 0 }
    }

    /// Records that would be commit words of positions from `ahead` positions on.
    fn hostile(&self, count: usize, ahead: u64) -> Vec<LevelRecord> {
        let from = self.twin.position.wrapping_add(ahead);
        let word = |n: usize| from.wrapping_add(n as u64 / 4);
        (0..count).map(|n| LevelRecord::from_words(word(n) as i64, word(n + 7))).collect()
    }

    fn header(&mut self, kind: MessageKind, count: usize) -> MessageHeader {
        self.sent += 1;
        let n = self.sent;
        MessageHeader {
            count: count as u32,
            flags: MessageFlags(n as u8),
            state: BookState::ALL[n as usize % BookState::ALL.len()],
            reason: Reason::ALL[n as usize % Reason::ALL.len()],
            seq: SeqNo(n),
            received: Ticks(!n),
            poll_gap: n as u32,
            ..MessageHeader::new(kind, BookId(n as u32))
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { claimed, used, reserved, kind, ahead } => {
                let levels = self.hostile(used.min(claimed), ahead);
                let header = self.header(kind, levels.len());
                let fits = self.twin.fits(claimed, reserved);
                let claim = if reserved {
                    self.producer.claim_reserved(claimed)
                } else {
                    self.producer.claim(claimed)
                };
                assert_eq!(claim.is_ok(), fits, "claim of {claimed}");
                if let Ok(mut claim) = claim {
                    assert!(claim.levels_mut().len() >= claimed);
                    claim.levels_mut()[..levels.len()].copy_from_slice(&levels);
                    claim.commit(header);
                    self.twin.push(claimed, Owned { header, levels, block: None });
                }
            }
            Step::Abandon { claimed, ahead } => {
                let levels = self.hostile(claimed, ahead);
                if let Ok(mut claim) = self.producer.claim_reserved(claimed) {
                    claim.levels_mut()[..claimed].copy_from_slice(&levels);
                }
            }
            Step::Block => {
                let header = self.header(MessageKind::Delta, 3);
                let block = Rc::new(self.sent);
                let fits = self.twin.fits(0, true);
                match self.producer.push_block(header, Rc::clone(&block)) {
                    Ok(()) => {
                        assert!(fits);
                        let header = MessageHeader { kind: MessageKind::Block, count: 0, ..header };
                        let message = Owned { header, levels: Vec::new(), block: Some(block) };
                        self.twin.push(0, message);
                    }
                    Err(back) => {
                        assert!(!fits);
                        assert!(Rc::ptr_eq(&back, &block));
                    }
                }
            }
            Step::Pop(count) => {
                for _ in 0..count {
                    let expected = self.twin.pop();
                    let taken = self.consumer.pop().map(|message| Owned {
                        header: message.header,
                        levels: message.levels.to_vec(),
                        block: message.block,
                    });
                    assert_eq!(taken, expected);
                }
            }
        }
        let free = self.twin.capacity - self.twin.used();
        // First, as it may rest on an older look at the consumer.
        assert!(self.producer.has_slots(free) && !self.producer.has_slots(free + 1));
        assert_eq!(self.producer.slots_free(), free);
        assert!(!self.consumer.is_abandoned());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        MessageKind::Delta,
        MessageKind::Trade,
        MessageKind::Status,
        MessageKind::Rescale,
    ]);
    let levels = prop_oneof![0..6_usize, 0..40_usize, 0..300_usize];
    let ahead = 0..12_u64;
    prop_oneof![
        6 => (levels.clone(), levels.clone(), any::<bool>(), kind, ahead.clone()).prop_map(
            |(claimed, used, reserved, kind, ahead)| {
                Step::Send { claimed, used, reserved, kind, ahead }
            }
        ),
        1 => (levels, ahead).prop_map(|(claimed, ahead)| Step::Abandon { claimed, ahead }),
        1 => Just(Step::Block),
        4 => (1..6_usize).prop_map(Step::Pop),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 1_000 },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/model.regressions",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_ring_does_what_a_queue_does(
        capacity in prop::sample::select(vec![4_usize, 8, 16, 32, 64, 128]),
        before_wrap in prop_oneof![0..200_u64, any::<u64>()],
        steps in prop::collection::vec(step(), 1..if cfg!(miri) { 20 } else { 150 }),
    ) {
        let mut pair = Pair::new(capacity, u64::MAX.wrapping_sub(before_wrap));
        for step in &steps {
            pair.step(step);
        }
        // Whatever is left comes out, and only then is it over.
        let Pair { producer, mut consumer, mut twin, .. } = pair;
        drop(producer);
        while let Some(expected) = twin.pop() {
            prop_assert!(!consumer.is_abandoned());
            let message = consumer.pop().expect("the twin has one more");
            prop_assert_eq!(message.header, expected.header);
            prop_assert_eq!(message.levels, expected.levels);
        }
        prop_assert!(consumer.pop().is_none());
        prop_assert!(consumer.is_abandoned());
    }

    #[test]
    fn an_empty_ring_takes_levels_max_wherever_it_stands(
        capacity in prop::sample::select(vec![16_usize, 32, 64, 128]),
        start: u64,
    ) {
        let (mut producer, _consumer) = ring_from::<()>(capacity, start);
        let levels = producer.levels_max();
        prop_assert!(levels >= 4 || capacity < 32);
        prop_assert!(producer.has_room(levels));
        prop_assert!(producer.claim(levels).is_ok());
    }
}
