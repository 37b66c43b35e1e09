//! The seqlock and the broadcast slot under loom: every interleaving of one writer and one or two
//! readers, with every value that the memory model lets a relaxed load return.
//!
//! ```text
//! RUSTFLAGS='--cfg tickbook_loom' CARGO_TARGET_DIR=target-loom \
//!     cargo test -p tickbook-shm --release --test loom
//! ```
//!
//! The tests are only worth something if they fail when the code is wrong: with
//! `--cfg tickbook_weaken="NAME"` added to RUSTFLAGS, one ordering is missing and the same command
//! must fail, for each NAME of `seqlock_write_fence`, `seqlock_write_end`, `seqlock_read_begin`,
//! `seqlock_read_fence`.

#![cfg(tickbook_loom)]

use loom::sync::Arc;
use loom::thread;
use tickbook_shm::atomic::{Ordering::Relaxed, Word};
use tickbook_shm::broadcast::{self, Polled};
use tickbook_shm::seqlock::{self, Torn};

/// Attempts of a reader here: more only repeat what one has shown.
const ATTEMPTS: u32 = 1;

/// Explores every interleaving with at most `preemptions` preemptions by default. Each of the four
/// weakened orderings is found with two; more only take longer.
fn model(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // `LOOM_MAX_PREEMPTIONS`, if it is set, has the last word.
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(body);
}

struct Block {
    version: Word,
    words: [Word; 2],
}

impl Block {
    fn new(version: u64) -> Arc<Self> {
        Arc::new(Self { version: Word::new(version), words: [Word::new(0), Word::new(0)] })
    }

    fn write(&self, value: u64) {
        seqlock::write(&self.version, || {
            self.words[0].store(value, Relaxed);
            self.words[1].store(value * 10, Relaxed);
        });
    }

    fn read(&self) -> Result<(u64, u64), Torn> {
        seqlock::read(&self.version, ATTEMPTS, || {
            (self.words[0].load(Relaxed), self.words[1].load(Relaxed))
        })
    }
}

/// One writer, two sections; one reader, two reads: whole copies that never go back.
fn sections(version: u64) {
    model(3, move || {
        let block = Block::new(version);
        let reader = {
            let block = Arc::clone(&block);
            thread::spawn(move || {
                let mut last = 0;
                for _ in 0..2 {
                    if let Ok((first, second)) = block.read() {
                        assert_eq!(second, first * 10, "torn");
                        assert!(first >= last, "went back");
                        last = first;
                    }
                }
            })
        };
        block.write(1);
        block.write(2);
        reader.join().unwrap();
        assert_eq!(block.read(), Ok((2, 20)));
    });
}

#[test]
fn one_reader_never_gets_a_torn_copy() {
    sections(0);
}

#[test]
fn one_reader_never_gets_a_torn_copy_across_the_wrap_of_the_version() {
    sections(u64::MAX - 1);
}

#[test]
fn two_readers_never_get_a_torn_copy() {
    model(2, || {
        let block = Block::new(0);
        let readers = [0, 1].map(|_| {
            let block = Arc::clone(&block);
            thread::spawn(move || {
                if let Ok((first, second)) = block.read() {
                    assert_eq!(second, first * 10, "torn");
                }
            })
        });
        block.write(1);
        block.write(2);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// A reader that has been told by other means that a section ended must not see an older one.
#[test]
fn a_section_that_happened_before_the_read_is_seen() {
    model(3, || {
        let block = Block::new(0);
        let told = Arc::new(Word::new(0));
        let writer = {
            let (block, told) = (Arc::clone(&block), Arc::clone(&told));
            thread::spawn(move || {
                block.write(1);
                told.store(1, loom::sync::atomic::Ordering::Release);
                block.write(2);
            })
        };
        let before = told.load(loom::sync::atomic::Ordering::Acquire);
        if let Ok((first, second)) = block.read() {
            assert_eq!(second, first * 10, "torn");
            assert!(first >= before, "older than what was known to be there");
        }
        writer.join().unwrap();
    });
}

/// Two slots, three records: each is delivered whole, in order, or counted as missed.
#[test]
fn broadcast_records_are_whole_in_order_or_counted() {
    model(3, || {
        let slots: Arc<Vec<Word>> = Arc::new((0..2 * 3).map(|_| Word::new(0)).collect());
        let reader = {
            let slots = Arc::clone(&slots);
            thread::spawn(move || {
                let (mut position, mut moved) = (0, 0);
                for _ in 0..2 {
                    match broadcast::poll::<2>(&slots, position) {
                        Polled::Record([first, second]) => {
                            assert_eq!((first, second), (position + 100, position + 200), "torn");
                            position += 1;
                            moved += 1;
                        }
                        Polled::Empty => {}
                        Polled::Lapped(writer) => {
                            assert!(writer >= position + 2 && writer < 3);
                            let (next, missed) = broadcast::resume(2, position, writer + 1);
                            position = next;
                            moved += missed;
                        }
                    }
                    assert_eq!(position, moved);
                }
            })
        };
        for position in 0..3 {
            broadcast::write(&slots, position, &[position + 100, position + 200]);
        }
        reader.join().unwrap();
    });
}
