//! Where everything is in the file: offsets of every field, and of every block from the counts.
//!
//! The file is a sequence of native-endian 64-bit words; `docs/LAYOUT.md` is the same in prose and
//! a test holds the two equal. Blocks follow each other in a fixed order, each aligned to
//! [`ALIGN`] bytes:
//!
//! ```text
//! header | builder lines | connection lines | directory | tops | depths | tickers | orders
//! | event rings | threads
//! ```
//!
//! # Guarantees
//!
//! - [`Layout::new`] is the only arithmetic on counts: checked, and bounded by [`crate::limits`].
//!   A reader computes it from the counts of the header and compares the total with the header's
//!   and the file's; no offset is ever read from the file.
//! - Fields do not overlap and stay within their block (asserted at compile time), and
//!   [`LAYOUT_HASH`] changes whenever one moves, or a counter, stage or field of a ticker is added.

use core::ops::Range;

use tickbook_types::TickerField;

use crate::limits;
use crate::stats::{Counter, Stage};

/// Version of this layout. Readers refuse any other.
pub const LAYOUT_VERSION: u64 = 3;

/// First word of a file: the bytes `TICKBOOK`.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"TICKBOOK");

/// Second word: another value on a host of the other byte order.
pub const ENDIAN_MARK: u64 = 0x0102_0304_0506_0708;

/// Value of the ready word once everything else is in place.
pub const READY: u64 = u64::from_ne_bytes(*b"ready to");

/// Alignment of every block, in bytes: two cache lines, because Intel's spatial prefetcher fetches
/// lines in pairs (crossbeam's `CachePadded` uses the same).
pub const ALIGN: usize = 128;

pub(crate) const ALIGN_WORDS: usize = ALIGN / 8;

/// A field: its name, byte offset within its block, and bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// Name, as in `docs/LAYOUT.md`.
    pub name: &'static str,
    /// Byte offset within the block.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// A block: its name, bytes, and fields.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Name, as in `docs/LAYOUT.md`.
    pub name: &'static str,
    /// Bytes.
    pub size: usize,
    /// Fields, by offset.
    pub fields: &'static [Field],
}

macro_rules! block {
    ($(#[$doc:meta])* $module:ident, $words:literal words {
        $($(#[$fdoc:meta])* $field:ident $name:literal @ $at:literal, $len:literal;)+
    }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use super::{Block, Field};
            $($(#[$fdoc])* pub(crate) const $field: usize = $at;)+
            /// Words of the block.
            pub(crate) const WORDS: usize = $words;
            /// The table of this block.
            pub(crate) const BLOCK: Block = Block {
                name: stringify!($module),
                size: $words * 8,
                fields: &[$(Field { name: $name, offset: $at * 8, size: $len * 8 }),+],
            };
            const _: () = super::assert_disjoint(&BLOCK);
        }
    };
}

block! {
    /// The header: written once, but for `closed`.
    header, 64 words {
        MAGIC "magic" @ 0, 1;
        ENDIAN_MARK "endian_mark" @ 1, 1;
        LAYOUT_VERSION "layout_version" @ 2, 1;
        LAYOUT_HASH "layout_hash" @ 3, 1;
        TOTAL_BYTES "total_bytes" @ 4, 1;
        BOOT_ID "boot_id" @ 5, 2;
        GENERATION "generation" @ 7, 1;
        WRITER_PID "writer_pid" @ 8, 1;
        WRITER_START "writer_start" @ 9, 1;
        HEARTBEAT_NS "heartbeat_ns" @ 10, 1;
        CREATED_WALL "created_wall" @ 11, 1;
        BOOKS_MAX "books_max" @ 12, 1;
        CONNS_MAX "conns_max" @ 13, 1;
        BUILDERS "builders" @ 14, 1;
        THREADS_MAX "threads_max" @ 15, 1;
        DEPTH "depth" @ 16, 1;
        EVENT_SLOTS "event_slots" @ 17, 1;
        NAME "name" @ 20, 8;
        READY "ready" @ 32, 1;
        CLOSED "closed" @ 48, 1;
    }
}

block! {
    /// One builder's line: its heartbeat, and the end of its event ring.
    builder, 32 words {
        BEAT "beat" @ 0, 1;
        STATE "state" @ 1, 1;
        EVENTS_END "events_end" @ 16, 1;
    }
}

block! {
    /// One connection's status line.
    conn, 16 words {
        LAST_RECEIVED "last_received" @ 0, 1;
        STATE_EPOCH "state_epoch" @ 1, 1;
        SILENCE_LIMIT_NS "silence_limit_ns" @ 2, 1;
    }
}

block! {
    /// One slot of the directory: a section of its own.
    entry, 32 words {
        VERSION "version" @ 0, 1;
        SLOT_GENERATION "slot_generation" @ 1, 1;
        USE "use" @ 2, 1;
        CONN_EXPIRY "conn_expiry" @ 3, 1;
        TICK "tick" @ 4, 1;
        LOT "lot" @ 5, 1;
        MULTIPLIER "multiplier" @ 6, 1;
        STRIKE "strike" @ 7, 1;
        EXPONENTS "exponents" @ 8, 1;
        PRESENT "present" @ 9, 1;
        NAME "name" @ 10, 8;
        NORMALISED "normalised" @ 18, 8;
    }
}

block! {
    /// Top of a book: a section of two cache lines. The depth block begins with the same words.
    top, 16 words {
        VERSION "version" @ 0, 1;
        META "meta" @ 1, 1;
        EPOCHS "epochs" @ 2, 1;
        SEQ "seq" @ 3, 1;
        BID_PRICE "bid_price" @ 4, 1;
        BID_SIZE "bid_size" @ 5, 1;
        ASK_PRICE "ask_price" @ 6, 1;
        ASK_SIZE "ask_size" @ 7, 1;
        LEVELS "levels" @ 8, 1;
        VENUE_TIME "venue_time" @ 9, 1;
        KERNEL_TIME "kernel_time" @ 10, 1;
        RECEIVED_WALL "received_wall" @ 11, 1;
        PUBLISHED_WALL "published_wall" @ 12, 1;
        PUBLISHES "publishes" @ 13, 1;
        SLOT_GENERATION "slot_generation" @ 14, 1;
        SHOWN "shown" @ 15, 1;
    }
}

block! {
    /// Ticker of a book: a section of its own.
    ticker, 32 words {
        VERSION "version" @ 0, 1;
        META "meta" @ 1, 1;
        CONN_EPOCH "conn_epoch" @ 2, 1;
        VENUE_TIME "venue_time" @ 3, 1;
        RECEIVED "received" @ 4, 1;
        RECEIVED_WALL "received_wall" @ 5, 1;
        PUBLISHES "publishes" @ 6, 1;
        SLOT_GENERATION "slot_generation" @ 7, 1;
        EXPONENTS "exponents" @ 8, 3;
        VALUES "values" @ 12, 20;
    }
}

/// Fields that a ticker block has room for.
pub(crate) const TICKER_VALUES_MAX: usize = ticker::WORDS - ticker::VALUES;

block! {
    /// Begin of a book's order counts: a section that ends behind a word per level.
    orders, 16 words {
        VERSION "version" @ 0, 1;
        PUBLISHES "publishes" @ 1, 1;
        SLOT_GENERATION "slot_generation" @ 2, 1;
        SHOWN "shown" @ 3, 1;
    }
}

block! {
    /// One slot of an event ring.
    event, 8 words {
        VERSION "version" @ 0, 1;
        KIND "kind" @ 1, 1;
        ID "id" @ 2, 1;
        TIME "time" @ 3, 1;
        DATA "data" @ 4, 4;
    }
}

block! {
    /// Begin of a thread's block; its counters and then its histograms follow.
    thread, 16 words {
        STATE "state" @ 0, 1;
        NAME "name" @ 1, 4;
    }
}

block! {
    /// Begin of a histogram; its buckets follow.
    histogram, 16 words {
        MIN "min" @ 0, 1;
        MAX "max" @ 1, 1;
        CLAMPED "clamped" @ 2, 1;
    }
}

/// Every block with its fields.
pub const BLOCKS: &[Block] = &[
    header::BLOCK,
    builder::BLOCK,
    conn::BLOCK,
    entry::BLOCK,
    top::BLOCK,
    ticker::BLOCK,
    orders::BLOCK,
    event::BLOCK,
    thread::BLOCK,
    histogram::BLOCK,
];

/// Words of one level: price, size.
pub(crate) const LEVEL_WORDS: usize = 2;

/// Words of a thread's counters: room for all of them, to a whole block.
pub(crate) const COUNTER_WORDS: usize = Counter::COUNT.next_multiple_of(ALIGN_WORDS);

/// Words of one histogram.
pub(crate) const HISTOGRAM_WORDS: usize = histogram::WORDS + crate::histogram::BUCKETS;

/// Words of one thread's block.
pub(crate) const THREAD_WORDS: usize =
    thread::WORDS + COUNTER_WORDS + Stage::COUNT * HISTOGRAM_WORDS;

const _: () = assert!(HISTOGRAM_WORDS.is_multiple_of(ALIGN_WORDS));

/// FNV-1a over every block, field, counter, field of a ticker and stage: name, offset, size.
pub const LAYOUT_HASH: u64 = {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash = hash_number(hash, LAYOUT_VERSION);
    hash = hash_number(hash, ALIGN as u64);
    let mut at = 0;
    while at < BLOCKS.len() {
        let block = &BLOCKS[at];
        hash = hash_number(hash_text(hash, block.name), block.size as u64);
        let mut field_at = 0;
        while field_at < block.fields.len() {
            let field = &block.fields[field_at];
            hash = hash_text(hash, field.name);
            hash = hash_number(hash_number(hash, field.offset as u64), field.size as u64);
            field_at += 1;
        }
        at += 1;
    }
    at = 0;
    while at < Counter::ALL.len() {
        hash = hash_text(hash, Counter::ALL[at].name());
        at += 1;
    }
    at = 0;
    while at < TickerField::ALL.len() {
        hash = hash_text(hash, TickerField::ALL[at].name());
        at += 1;
    }
    at = 0;
    while at < Stage::ALL.len() {
        hash = hash_text(hash, Stage::ALL[at].name());
        at += 1;
    }
    hash_number(hash, crate::histogram::BUCKETS as u64)
};

const fn hash_text(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash_number(hash, bytes.len() as u64)
}

const fn hash_number(mut hash: u64, number: u64) -> u64 {
    let bytes = number.to_le_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn assert_disjoint(block: &Block) {
    let mut end = 0;
    let mut at = 0;
    while at < block.fields.len() {
        assert!(block.fields[at].offset >= end);
        end = block.fields[at].offset + block.fields[at].size;
        at += 1;
    }
    assert!(end <= block.size);
}

/// How many of each thing a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// Book slots.
    pub books_max: u32,
    /// Connection lines.
    pub conns_max: u32,
    /// Builder lines and event rings.
    pub builders: u32,
    /// Thread blocks.
    pub threads_max: u32,
    /// Published levels a side.
    pub depth: u32,
    /// Slots of each event ring; a power of two.
    pub event_slots: u32,
}

/// A count that is out of bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CountOutOfRange {
    /// Which.
    pub what: &'static str,
    /// What it is.
    pub value: u64,
    /// Least allowed.
    pub min: u64,
    /// Most allowed.
    pub max: u64,
}

/// Word offsets of every block of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Layout {
    counts: Counts,
    builders: usize,
    conns: usize,
    directory: usize,
    tops: usize,
    depths: usize,
    depth_words: usize,
    tickers: usize,
    orders: usize,
    orders_words: usize,
    events: usize,
    threads: usize,
    total: usize,
}

impl Layout {
    /// The layout of a file with these counts.
    ///
    /// # Errors
    ///
    /// The first count that is out of bounds. (Sums cannot overflow within the bounds, and are
    /// checked all the same.)
    pub fn new(counts: Counts) -> Result<Self, CountOutOfRange> {
        let Counts { books_max, conns_max, builders, threads_max, depth, event_slots } = counts;
        for (what, value, min, max) in [
            ("books_max", books_max, 1, limits::BOOKS_MAX),
            ("conns_max", conns_max, 1, limits::CONNS_MAX),
            ("builders", builders, 1, limits::BUILDERS_MAX),
            ("threads_max", threads_max, 1, limits::THREADS_MAX),
            ("depth", depth, 1, limits::DEPTH_MAX),
            ("event_slots", event_slots, limits::EVENT_SLOTS_MIN, limits::EVENT_SLOTS_MAX),
        ] {
            if value < min || value > max {
                let (value, min, max) = (value.into(), min.into(), max.into());
                return Err(CountOutOfRange { what, value, min, max });
            }
        }
        if !event_slots.is_power_of_two() {
            return Err(CountOutOfRange {
                what: "event_slots (a power of two)",
                value: event_slots.into(),
                min: limits::EVENT_SLOTS_MIN.into(),
                max: limits::EVENT_SLOTS_MAX.into(),
            });
        }
        let levels = 2 * depth as usize * LEVEL_WORDS;
        let depth_words = (top::WORDS + levels).next_multiple_of(ALIGN_WORDS);
        let orders_words = (orders::WORDS + depth as usize).next_multiple_of(ALIGN_WORDS);
        let mut end = Some(header::WORDS);
        let mut place = |count: u32, words: usize| {
            let start = end;
            end = end.and_then(|end| end.checked_add((count as usize).checked_mul(words)?));
            start.unwrap_or(usize::MAX)
        };
        let layout = Self {
            counts,
            builders: place(builders, builder::WORDS),
            conns: place(conns_max, conn::WORDS),
            directory: place(books_max, entry::WORDS),
            tops: place(books_max, top::WORDS),
            depths: place(books_max, depth_words),
            depth_words,
            tickers: place(books_max, ticker::WORDS),
            orders: place(books_max, orders_words),
            orders_words,
            events: place(builders, event_slots as usize * event::WORDS),
            threads: place(threads_max, THREAD_WORDS),
            total: 0,
        };
        // 65,536 books of 1,000 levels are 2 GiB: no sum comes near the end of 64 bits.
        match end.filter(|&total| total <= isize::MAX as usize / 8) {
            Some(total) => Ok(Self { total, ..layout }),
            None => Err(CountOutOfRange { what: "total size", value: 0, min: 0, max: 0 }),
        }
    }

    /// The counts it was made from.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes of the whole file.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.total * 8
    }

    /// Published levels a side.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.counts.depth as usize
    }

    pub(crate) const fn builder(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.builders);
        range(self.builders, index, builder::WORDS)
    }

    pub(crate) const fn conn(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.conns_max);
        range(self.conns, index, conn::WORDS)
    }

    pub(crate) const fn entry(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.books_max);
        range(self.directory, index, entry::WORDS)
    }

    pub(crate) const fn top(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.books_max);
        range(self.tops, index, top::WORDS)
    }

    pub(crate) const fn depth_block(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.books_max);
        range(self.depths, index, self.depth_words)
    }

    pub(crate) const fn ticker(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.books_max);
        range(self.tickers, index, ticker::WORDS)
    }

    pub(crate) const fn orders(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.books_max);
        range(self.orders, index, self.orders_words)
    }

    pub(crate) const fn events(&self, builder: u32) -> Range<usize> {
        assert!(builder < self.counts.builders);
        range(self.events, builder, self.counts.event_slots as usize * event::WORDS)
    }

    pub(crate) const fn thread(&self, index: u32) -> Range<usize> {
        assert!(index < self.counts.threads_max);
        range(self.threads, index, THREAD_WORDS)
    }

    /// Byte ranges of the parts of the file, in order, by name; for documentation and tests.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, Range<usize>); 10] {
        let at = [
            0,
            self.builders,
            self.conns,
            self.directory,
            self.tops,
            self.depths,
            self.tickers,
            self.orders,
            self.events,
            self.threads,
            self.total,
        ];
        let names = [
            "header",
            "builders",
            "conns",
            "directory",
            "tops",
            "depths",
            "tickers",
            "orders",
            "events",
        ];
        core::array::from_fn(|part| {
            (names.get(part).copied().unwrap_or("threads"), at[part] * 8..at[part + 1] * 8)
        })
    }
}

const fn range(start: usize, index: u32, words: usize) -> Range<usize> {
    let at = start + index as usize * words;
    at..at + words
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const COUNTS: Counts = Counts {
        books_max: 3,
        conns_max: 2,
        builders: 2,
        threads_max: 2,
        depth: 5,
        event_slots: 16,
    };

    #[test]
    fn parts_follow_each_other_aligned_and_without_holes() {
        for depth in [1, 5, 32, 1_000] {
            let layout = Layout::new(Counts { depth, ..COUNTS }).unwrap();
            let mut end = 0;
            for (name, part) in layout.parts() {
                assert_eq!(part.start, end, "{name}");
                assert!(part.start.is_multiple_of(ALIGN), "{name}");
                assert!(part.end > part.start, "{name}");
                end = part.end;
            }
            assert_eq!(end, layout.bytes());
            assert_eq!(layout.thread(1).end * 8, layout.bytes());
            assert!(layout.depth_block(2).len() >= top::WORDS + 4 * depth as usize);
        }
    }

    #[test]
    fn counts_out_of_bounds_are_refused_by_name() {
        let refused = |counts| Layout::new(counts).unwrap_err().what;
        assert_eq!(refused(Counts { books_max: 0, ..COUNTS }), "books_max");
        assert_eq!(refused(Counts { books_max: u32::MAX, ..COUNTS }), "books_max");
        assert_eq!(refused(Counts { conns_max: 4_097, ..COUNTS }), "conns_max");
        assert_eq!(refused(Counts { builders: 65, ..COUNTS }), "builders");
        assert_eq!(refused(Counts { threads_max: 257, ..COUNTS }), "threads_max");
        assert_eq!(refused(Counts { depth: 1_001, ..COUNTS }), "depth");
        assert_eq!(refused(Counts { event_slots: 8, ..COUNTS }), "event_slots");
        let uneven = Counts { event_slots: 48, ..COUNTS };
        assert_eq!(refused(uneven), "event_slots (a power of two)");
    }

    #[test]
    fn the_largest_file_has_a_layout() {
        let most = Counts {
            books_max: limits::BOOKS_MAX,
            conns_max: limits::CONNS_MAX,
            builders: limits::BUILDERS_MAX,
            threads_max: limits::THREADS_MAX,
            depth: limits::DEPTH_MAX,
            event_slots: limits::EVENT_SLOTS_MAX,
        };
        assert!(Layout::new(most).unwrap().bytes() > 1 << 30);
    }
}
