//! What it costs to keep the best levels readable by others: a message with its publish, less the
//! same message without.

use std::hint::black_box;

use tickbook_benches::rig::{File, Sides};
use tickbook_book::Book;
use tickbook_shm::{Snapshot, SnapshotFlags};
use tickbook_types::{BookId, BookState, Level, Price, SeqNo, Side, Size, WallNanos};

use crate::TICKBOOK;
use crate::book::{Maps, PUBLISHED, Rival};
use crate::contest::{Contest, Table, per};
use crate::stream::Stream;

/// Passes of each kind, of which the least counts.
const PASSES: usize = 4;

/// Nanoseconds per message.
pub(crate) fn run(streams: &[Stream], table: &mut Table) {
    let rounds = table.rounds;
    let contest = |stream: &Stream| {
        check(stream);
        (stream.messages.len() as u64, contest(stream).run(rounds))
    };
    let parts: Vec<_> = streams.iter().map(contest).collect();
    table.add_pooled("depth_publish", &parts);
}

fn contest(stream: &Stream) -> Contest<'_> {
    let mut contest = Contest::new(format!("depth_publish@{}", stream.name));
    let (from, mut to) = ([[Level::default(); PUBLISHED]; 2], [[Level::default(); PUBLISHED]; 2]);
    contest.enter("memcpy", move || {
        per(stream.messages.len() as u64, || {
            for _ in &stream.messages {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
            }
        })
    });
    let mut published = Published::new();
    let publish = move |book: &mut Book, seq| published.publish(book, seq);
    contest.enter(TICKBOOK, above(stream, publish));
    let mut top = Top::default();
    contest.enter("BTreeMap", above(stream, move |maps: &mut Maps, _| top.copy(maps)));
    contest
}

/// Time of a pass with `publish` after each message above the time of one without: the least of
/// some passes of each, for what disturbs either is bigger than the difference.
fn above<'a, R: Rival + 'a>(
    stream: &'a Stream,
    mut publish: impl FnMut(&mut R, u64) + 'a,
) -> impl FnMut() -> f64 + 'a
where
    R::Message: 'a,
{
    let messages: Vec<_> = stream.messages.iter().map(|it| R::message(stream, it)).collect();
    let mut rival = R::of(stream);
    let mut pass = move |publishes: bool| {
        rival.renew(stream);
        per(messages.len() as u64, || {
            for (seq, message) in messages.iter().enumerate() {
                rival.apply(black_box(message));
                rival.touch();
                if publishes {
                    publish(&mut rival, seq as u64);
                }
            }
        })
    };
    move || {
        let (mut without, mut with) = (f64::MAX, f64::MAX);
        for _ in 0..PASSES {
            without = without.min(pass(false));
            with = with.min(pass(true));
        }
        with - without
    }
}

/// Both show the same levels after every message.
fn check(stream: &Stream) {
    let (mut published, mut top) = (Published::new(), Top::default());
    let (mut book, mut maps) = (Book::of(stream), Maps::of(stream));
    let (mut reader, mut depth) = (published.file.reader(), tickbook::Depth::default());
    for (seq, message) in stream.messages.iter().enumerate() {
        Rival::apply(&mut book, message);
        maps.apply(message);
        published.publish(&mut book, seq as u64);
        top.copy(&maps);
        reader.depth(&mut depth).expect("a live book");
        assert_eq!(depth.bids(), &top.sides[0][..top.shown[0]], "message {seq}");
        assert_eq!(depth.asks(), &top.sides[1][..top.shown[1]], "message {seq}");
    }
}

/// A book's place in shared memory.
struct Published {
    writer: tickbook_shm::BuilderWriter,
    file: File,
}

impl Published {
    fn new() -> Self {
        let mut file = File::create("depth");
        let writer = file.builder(0, &Sides::new());
        Self { writer, file }
    }

    #[inline]
    fn publish(&mut self, book: &mut Book, seq: u64) {
        let finished = book.finish();
        black_box(finished);
        let (bids_changed, asks_changed) =
            (book.changed_top(Side::Bid), book.changed_top(Side::Ask));
        let count = |side| u32::try_from(book.level_count(side)).unwrap_or(u32::MAX);
        self.writer.publish(
            BookId(0),
            &Snapshot {
                state: BookState::Live,
                flags: SnapshotFlags::HAS_SEQ,
                seq: SeqNo(seq),
                scale: book.scale(),
                bid_levels: count(Side::Bid),
                ask_levels: count(Side::Ask),
                venue_time: WallNanos(1_790_000_000_000_000_000),
                received_wall: WallNanos(1_790_000_000_001_000_000),
                published_wall: WallNanos(1_790_000_000_001_000_300),
                bids: book.top(Side::Bid),
                asks: book.top(Side::Ask),
                bids_changed,
                asks_changed,
                ..Snapshot::default()
            },
        );
    }
}

/// The peer's published levels: copied out of its maps after every message.
#[derive(Default)]
struct Top {
    sides: [[Level; PUBLISHED]; 2],
    shown: [usize; 2],
}

impl Top {
    #[inline]
    fn copy(&mut self, maps: &Maps) {
        let level = |(&price, &size): (&i64, &u64)| Level { price: Price(price), size: Size(size) };
        self.shown[0] = fill(&mut self.sides[0], maps.bids.iter().rev().map(level));
        self.shown[1] = fill(&mut self.sides[1], maps.asks.iter().map(level));
        black_box(self);
    }
}

#[inline]
fn fill(slots: &mut [Level], levels: impl Iterator<Item = Level>) -> usize {
    slots.iter_mut().zip(levels).map(|(slot, level)| *slot = level).count()
}
