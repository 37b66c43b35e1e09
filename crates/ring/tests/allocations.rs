//! After creation, messages pass without an allocation.
//!
//! Method: a counting allocator, a ring that wraps, pads and fills many times over, one thread.
#![cfg(not(tickbook_loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tickbook_ring::ring;
use tickbook_types::{BookId, LevelRecord, MessageHeader, MessageKind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the count is a thread's own cell
// without a destructor, which needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn messages_pass_without_an_allocation() {
    let (mut producer, mut consumer) = ring::<()>(256);
    let before = ALLOCATIONS.get();
    assert!(before > 0, "the allocator counts");
    let (mut sent, mut lost, mut received) = (0_u64, 0_u64, 0_u64);
    for n in 0..10_000_u32 {
        let count = n % 61;
        match producer.claim(count as usize) {
            Ok(mut claim) => {
                claim.levels_mut().fill(LevelRecord::from_words(1, 2));
                let header = MessageHeader::new(MessageKind::Delta, BookId(0));
                claim.commit(MessageHeader { count, ..header });
                sent += 1;
            }
            Err(_) => lost += 1,
        }
        if n % 7 < 5 {
            received += u64::from(consumer.pop().is_some());
        }
    }
    while consumer.pop().is_some() {
        received += 1;
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert_eq!((sent + lost, received), (10_000, sent));
    assert!(lost > 100, "the ring was full at times");
}
