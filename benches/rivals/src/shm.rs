//! Books in shared memory: from the publish in one thread until another one has read it.
//!
//! Two books, each written by one thread and awaited by the other; a hand-over is half a round.
//! Readers are those that a strategy uses, with everything they check, and wait as it would: they
//! look whether there is something new and then read, as the reader of the blackboard does. All
//! levels are written and read each time, as the peers cannot do less; how it is when a publish
//! changes one level a side, as most do, is a row of its own.

#[cfg(feature = "iceoryx2")]
mod iceoryx;

use tickbook::{BookReader, Depth};
use tickbook_benches::rig::{File, Sides};
use tickbook_shm::Snapshot;
use tickbook_types::{BookId, SeqNo};

use crate::TICKBOOK;
use crate::book::PUBLISHED;
use crate::contest::{Contest, Table};
use crate::ring::{ping_pong, ping_pong_of_two};
use crate::turns::{one_way, wait};

const _: () = assert!(tickbook_benches::rig::DEPTH == PUBLISHED);

/// Round trips of a pass.
const ROUNDS: u64 = 5_000;

/// Both stages.
pub(crate) fn run(table: &mut Table) {
    #[cfg(feature = "iceoryx2")]
    iceoryx::silence();
    let mut contest = Contest::new("shm_depth_visible");
    contest.enter("cache-line ping-pong", || ping_pong(ROUNDS));
    for (name, changed) in
        [(TICKBOOK.to_owned(), 0..PUBLISHED), (format!("{TICKBOOK}, a level a side changed"), 3..4)]
    {
        contest.enter(&name, move || {
            hand_over(changed.clone(), || {
                let mut depth = Depth::default();
                move |reader: &mut BookReader| {
                    if !reader.depth_changed() {
                        return None;
                    }
                    reader.depth(&mut depth).ok()?;
                    depth.header().seq
                }
            })
        });
    }
    peers::<DEPTH_WORDS>(&mut contest);
    let outcome = contest.run(table.rounds);
    table.add(&outcome);

    let mut contest = Contest::new("shm_bbo_visible");
    contest.enter("cache-line ping-pong", || ping_pong(ROUNDS));
    contest.enter("a cache line each way", || ping_pong_of_two(ROUNDS));
    // A cache line, as the blackboard's value is one.
    contest.enter(TICKBOOK, || {
        hand_over(0..0, || {
            |reader: &mut BookReader| {
                if !reader.top_changed() {
                    return None;
                }
                reader.quotes().ok()?.seq
            }
        })
    });
    contest.enter(&format!("{TICKBOOK}, with times and counts"), || {
        hand_over(0..0, || {
            |reader: &mut BookReader| {
                if !reader.top_changed() {
                    return None;
                }
                reader.top().ok()?.header.seq
            }
        })
    });
    peers::<BBO_WORDS>(&mut contest);
    let outcome = contest.run(table.rounds);
    table.add(&outcome);
}

/// Words of all levels and a header of one cache line: what a peer publishes of a book.
const DEPTH_WORDS: usize = 8 + 2 * 2 * PUBLISHED;

/// Words of the best levels with a sequence number: a cache line.
const BBO_WORDS: usize = 8;

fn peers<const WORDS: usize>(contest: &mut Contest<'_>) {
    #[cfg(feature = "iceoryx2")]
    {
        contest.enter("iceoryx2 blackboard", || iceoryx::blackboard::<WORDS>(ROUNDS));
        contest.enter("iceoryx2 publish-subscribe", || iceoryx::messages::<WORDS>(ROUNDS));
    }
    #[cfg(not(feature = "iceoryx2"))]
    for name in ["iceoryx2 blackboard", "iceoryx2 publish-subscribe"] {
        contest.miss(name, crate::peers::NOT_BUILT);
    }
}

/// Nanoseconds from a publish until `seq_of` the reader has seen it.
fn hand_over<R: FnMut(&mut BookReader) -> Option<SeqNo>>(
    changed: core::ops::Range<usize>,
    seq_of: impl Fn() -> R + Sync,
) -> f64 {
    let mut file = File::create("visible");
    let sides = &Sides::new();
    let (mut near, mut far) = (file.builder(0, sides), file.builder(1, sides));
    let (changed, file) = (&changed, &file);
    let seq_of = &seq_of;
    let wait_for = |reader: &mut BookReader, seq_of: &mut R, seq| {
        wait(|| (seq_of(reader) == Some(SeqNo(seq))).then_some(()));
    };
    one_way(
        ROUNDS,
        || {
            let (mut reader, mut seq_of) = (file.reader_of(1), seq_of());
            move |round| {
                near.publish(BookId(0), &snapshot(sides, round + 1, changed.clone()));
                wait_for(&mut reader, &mut seq_of, round + 1);
            }
        },
        || {
            let (mut reader, mut seq_of) = (file.reader_of(0), seq_of());
            move |round| {
                wait_for(&mut reader, &mut seq_of, round + 1);
                far.publish(BookId(1), &snapshot(sides, round + 1, changed.clone()));
            }
        },
    )
}

/// A live book with `seq`, of which these slots changed on both sides.
fn snapshot(sides: &Sides, seq: u64, changed: core::ops::Range<usize>) -> Snapshot<'_> {
    Snapshot { asks_changed: changed.clone(), ..sides.snapshot(seq, changed) }
}
