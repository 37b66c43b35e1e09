//! What different threads write lies in different pairs of cache lines, and so does what is written
//! all the time and what is only read: held at compile time.
//!
//! Each block is whole pairs and belongs to one thread (a line of a builder, a connection's, the
//! blocks of a book, a thread's), and parts begin at a pair. Slots of an event ring are single
//! lines, but of one builder, and a ring is whole pairs.

use crate::layout::{
    ALIGN, ALIGN_WORDS, BLOCKS, COUNTER_WORDS, THREAD_WORDS, builder, event, header, thread,
};
use crate::limits;

const _: () = {
    let mut at = 0;
    while at < BLOCKS.len() {
        assert!(BLOCKS[at].size.is_multiple_of(ALIGN) || BLOCKS[at].size == event::BLOCK.size);
        at += 1;
    }
    assert!((limits::EVENT_SLOTS_MIN as usize * event::WORDS).is_multiple_of(ALIGN_WORDS));
    assert!(THREAD_WORDS.is_multiple_of(ALIGN_WORDS));
    assert!((thread::WORDS + COUNTER_WORDS).is_multiple_of(ALIGN_WORDS));
    // Within a builder's line: readers of books look at the beat, readers of events at the end.
    assert!(pair_of(builder::BEAT) == pair_of(builder::STATE));
    assert!(pair_of(builder::BEAT) != pair_of(builder::EVENTS_END));
    // Within the header: what every reader of the file compares, and what an engine changes.
    assert!(pair_of(header::READY) != pair_of(header::CLOSED));
    assert!(pair_of(header::NAME + 7) < pair_of(header::READY));
};

/// The pair of lines that a word of a block lies in.
const fn pair_of(word: usize) -> usize {
    word / ALIGN_WORDS
}
