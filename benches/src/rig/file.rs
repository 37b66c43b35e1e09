//! A file of shared memory with builders and readers.

use std::path::Path;

use tickbook::{BookReader, DEFAULT_DIR, Tickbook};
use tickbook_shm::{BuilderWriter, Segment, SegmentConfig, Snapshot, SnapshotFlags, View};
use tickbook_types::{
    BookId, BookSpec, BookState, ConnId, Instrument, Level, SeqNo, Side, Venue, WallNanos,
};

use crate::market::{Market, SCALE};

/// Published levels a side.
pub const DEPTH: usize = 32;

/// Long enough for one measurement between two beats: a book counts as fresh for twice that time.
const HEARTBEAT_NS: i64 = 10_000_000_000;

/// The levels that are published.
#[derive(Debug)]
pub struct Sides {
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
}

impl Default for Sides {
    fn default() -> Self {
        Self::new()
    }
}

impl Sides {
    /// The best levels of a generated market.
    #[must_use]
    pub fn new() -> Self {
        let book = Market::default().book();
        let side = |side| {
            let records = book.iter().filter(|record| record.side() == side);
            let level =
                |it: &tickbook_types::LevelRecord| Level { price: it.price(), size: it.size() };
            records.take(DEPTH).map(level).collect()
        };
        Self { bids: side(Side::Bid), asks: side(Side::Ask) }
    }

    /// A live book with `seq`, of which these slots of the bids changed.
    #[must_use]
    pub fn snapshot(&self, seq: u64, changed: core::ops::Range<usize>) -> Snapshot<'_> {
        Snapshot {
            state: BookState::Live,
            flags: SnapshotFlags::HAS_SEQ,
            seq: SeqNo(seq),
            scale: SCALE,
            bid_levels: 2_154,
            ask_levels: 2_154,
            venue_time: WallNanos(1_790_000_000_000_000_000),
            received_wall: WallNanos(1_790_000_000_001_000_000),
            published_wall: WallNanos(1_790_000_000_001_000_300),
            bids: &self.bids,
            asks: &self.asks,
            asks_changed: if changed.len() == DEPTH { changed.clone() } else { 0..0 },
            bids_changed: changed,
            ..Snapshot::default()
        }
    }
}

/// A file of shared memory with a builder per book.
#[derive(Debug)]
pub struct File {
    name: String,
    segment: Segment,
}

impl File {
    /// The file, named after what it is for.
    ///
    /// # Panics
    ///
    /// If shared memory cannot be had: nothing can be measured then.
    #[must_use]
    pub fn create(purpose: &str) -> Self {
        let name = format!("bench-{purpose}-{}", std::process::id());
        let config = SegmentConfig {
            name: name.clone(),
            books_max: 2,
            conns_max: 1,
            builders: 2,
            threads_max: 1,
            heartbeat_ns: HEARTBEAT_NS,
            event_slots: 1 << 10,
            ..SegmentConfig::default()
        };
        let segment = Segment::create(&config).expect("shared memory that can be written");
        Self { name, segment }
    }

    /// The builder of book `id`, which is published once.
    ///
    /// # Panics
    ///
    /// If it was taken before.
    #[must_use]
    pub fn builder(&mut self, id: u32, sides: &Sides) -> BuilderWriter {
        let mut writer = self.segment.take_builder(id).expect("a builder that is free");
        let name = format!("BOOK{id}");
        writer
            .add_book(&BookSpec {
                book: BookId(id),
                conn: ConnId(0),
                instrument: Instrument::unlisted(Venue::BinanceSpot, &name),
                name,
                scale: SCALE,
                depth_max: None,
                crosses: false,
            })
            .expect("a book that is new");
        writer.publish(BookId(id), &sides.snapshot(0, 0..DEPTH));
        writer
    }

    /// The file as another process sees it.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    #[must_use]
    pub fn view(&self) -> View {
        View::open(Path::new(DEFAULT_DIR), &self.name).expect("the file just made")
    }

    /// A reader of the first book.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn reader(&self) -> BookReader {
        self.reader_of(0)
    }

    /// A reader of book `id`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn reader_of(&self, id: u32) -> BookReader {
        let tickbook = Tickbook::attach_in(Path::new(DEFAULT_DIR), Some(&self.name));
        let book = tickbook.expect("the file just made").book(&format!("BOOK{id}"));
        book.expect("the book just added")
    }
}
