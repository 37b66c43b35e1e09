//! What one builder thread writes: its heartbeat, its books, its events.

use std::sync::Arc;

use tickbook_types::{
    BookId, BookSpec, BookState, ConnId, LevelRecord, MonoNanos, Reason, Scale, SeqNo,
};

use crate::atomic::{Ordering, Word};
use crate::entry::Entry;
use crate::event::{self, DeltaEvent, StateEvent, TradeEvent};
use crate::layout::{
    LEVEL_WORDS, Layout, builder, event as event_slot, orders, ticker, top,
};
use crate::mapping::{WriteMapping, fetch_to_write};
use crate::orders as order_words;
use crate::snapshot::{Snapshot, SnapshotFlags, Words, store_levels};
use crate::ticker::{self as ticker_words, TickerSnapshot};
use crate::{ShmError, seqlock};

/// Beats stored per interval at most: an age is then at most an eighth of an interval too high.
const BEATS_PER_INTERVAL: i64 = 8;

/// State of a builder line: no builder has taken it.
pub(crate) const BUILDER_UNUSED: u64 = 0;
/// State of a builder line: its builder runs, or died.
pub(crate) const BUILDER_RUNS: u64 = 1;
/// State of a builder line: its builder ended in order and closed its books.
pub(crate) const BUILDER_ENDED: u64 = 2;

/// The writer of one builder thread. Every method but [`Self::add_book`] is wait-free, without
/// allocation or system call.
///
/// Dropping it marks its books closed.
#[derive(Debug)]
pub struct BuilderWriter {
    mapping: Arc<WriteMapping>,
    layout: Layout,
    index: u32,
    beat_every_ns: i64,
    beat_last: MonoNanos,
    /// Position of the next event.
    position: u64,
    /// By book id; those of other builders stay `None`.
    books: Vec<Option<Published>>,
}

/// What the writer remembers of a book.
#[derive(Clone, Copy, Debug)]
struct Published {
    conn: ConnId,
    slot_generation: u64,
    publishes: u64,
    state: BookState,
    reason: Reason,
    /// What the last snapshot said, for the one that closes the book.
    seq: Option<SeqNo>,
    scale: Scale,
    instrument_epoch: u32,
    /// Levels in the depth block: bids, asks.
    shown: [usize; 2],
    /// Publishes of its ticker.
    tickers: u64,
}

impl BuilderWriter {
    pub(crate) fn new(
        mapping: Arc<WriteMapping>,
        layout: Layout,
        index: u32,
        heartbeat_ns: i64,
        now: MonoNanos,
    ) -> Self {
        let books = vec![None; layout.counts().books_max as usize];
        let writer = Self {
            mapping,
            layout,
            index,
            beat_every_ns: heartbeat_ns / BEATS_PER_INTERVAL,
            beat_last: now,
            position: 0,
            books,
        };
        writer.store_line(builder::BEAT, now.0.cast_unsigned());
        writer.store_line(builder::STATE, BUILDER_RUNS);
        writer
    }

    /// Says that the builder is alive. Call it in every turn of the loop that builds: it stores at
    /// most eight times per heartbeat interval.
    #[inline]
    pub fn beat(&mut self, now: MonoNanos) {
        if now.since(self.beat_last) >= self.beat_every_ns {
            self.beat_last = now;
            self.store_line(builder::BEAT, now.0.cast_unsigned());
        }
    }

    /// Enters a book in the directory, with state `Empty`. Its id is the slot it takes.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if the id or its connection is out of range or the id in use,
    /// [`ShmError::BookName`] if a name is too long.
    pub fn add_book(&mut self, spec: &BookSpec) -> Result<(), ShmError> {
        let counts = self.layout.counts();
        let book = spec.book.0;
        if spec.conn.0 >= counts.conns_max {
            return Err(ShmError::Taken { what: "connection", index: spec.conn.0 });
        }
        if book >= counts.books_max || self.books[spec.book.index()].is_some() {
            return Err(ShmError::Taken { what: "book", index: book });
        }
        let words = self.mapping.words();
        let slot = &words[self.layout.entry(book)];
        if Entry::load(slot, spec.book).is_some() {
            return Err(ShmError::Taken { what: "book", index: book });
        }
        let entry = Entry::encode(spec, self.index)?;
        // Relaxed: only the builder that holds the slot writes it.
        let generation = slot[crate::layout::entry::SLOT_GENERATION].load(Ordering::Relaxed) + 1;
        self.books[spec.book.index()] = Some(Published {
            conn: spec.conn,
            slot_generation: generation,
            publishes: 0,
            state: BookState::Empty,
            reason: Reason::None,
            seq: None,
            scale: spec.scale,
            instrument_epoch: 0,
            shown: [0, 0],
            tickers: 0,
        });
        // First the book, then the entry that leads to it.
        self.publish(spec.book, &Snapshot { scale: spec.scale, ..Snapshot::default() });
        self.publish_ticker(spec.book, &TickerSnapshot::default());
        self.clear_orders(spec.book, generation);
        entry.store(&self.mapping.words()[self.layout.entry(book)], generation);
        Ok(())
    }

    /// Removes a book: its state becomes `Closed` and its slot free. No effect if this builder has
    /// no such book.
    pub fn remove_book(&mut self, book: BookId) {
        self.close_book(book, Reason::None);
        if let Some(published) = self.books.get_mut(book.index()).and_then(Option::take) {
            let slot = &self.mapping.words()[self.layout.entry(book.0)];
            Entry::vacant().store(slot, published.slot_generation);
        }
    }

    /// Moves a book to another connection; readers learn of it with the next publish. No effect if
    /// this builder has no such book, or there is no such connection.
    pub fn set_conn(&mut self, book: BookId, conn: ConnId) {
        if conn.0 < self.layout.counts().conns_max
            && let Some(Some(published)) = self.books.get_mut(book.index())
        {
            published.conn = conn;
        }
    }

    /// Publishes a book: first its top, then its depth. A change of state goes to the event ring
    /// as well.
    ///
    /// # Panics
    ///
    /// If this builder did not add the book: a bug of the caller.
    #[inline]
    pub fn publish(&mut self, book: BookId, snapshot: &Snapshot<'_>) {
        let Some(Some(published)) = self.books.get_mut(book.index()) else {
            panic!("book {book} was not added by builder {}", self.index);
        };
        published.publishes += 1;
        let depth = self.layout.depth();
        let shown = [snapshot.bids.len().min(depth), snapshot.asks.len().min(depth)];
        // Slots that were not shown before hold whatever an older, longer book left there.
        let bids_changed = include(&snapshot.bids_changed, published.shown[0], shown[0]);
        let asks_changed = include(&snapshot.asks_changed, published.shown[1], shown[1]);
        published.shown = shown;
        let words = self.mapping.words();
        let top_block = &words[self.layout.top(book.0)];
        let (depth_block, levels) = words[self.layout.depth_block(book.0)].split_at(top::WORDS);
        let (bids, asks) = levels.split_at(depth * LEVEL_WORDS);
        fetch_to_write(top_block);
        fetch_to_write(depth_block);
        fetch_to_write(slots(bids, &bids_changed));
        fetch_to_write(slots(asks, &asks_changed));
        let encoded = Words::encode(
            snapshot,
            published.conn,
            published.publishes,
            published.slot_generation,
            depth,
        );
        if let Some(block) = top_block.first_chunk() {
            seqlock::write(&block[top::VERSION], || encoded.store(block));
        }
        if let Some(block) = depth_block.first_chunk() {
            seqlock::write(&block[top::VERSION], || {
                encoded.store(block);
                store_levels(bids, &snapshot.bids[..shown[0]], bids_changed);
                store_levels(asks, &snapshot.asks[..shown[1]], asks_changed);
            });
        }
        let seq = snapshot.flags.has(SnapshotFlags::HAS_SEQ).then_some(snapshot.seq);
        published.seq = seq;
        published.scale = snapshot.scale;
        published.instrument_epoch = snapshot.instrument_epoch;
        if (published.state, published.reason) != (snapshot.state, snapshot.reason) {
            published.state = snapshot.state;
            published.reason = snapshot.reason;
            let event = StateEvent {
                state: snapshot.state,
                reason: snapshot.reason,
                epoch: snapshot.epoch,
                seq,
                at: snapshot.published_wall,
                scale: snapshot.scale,
            };
            event::write_state(self.events(), self.position, book, &event);
            self.advance(1);
        }
    }

    /// Publishes the ticker of a book, whole. No effect if this builder has no such book.
    pub fn publish_ticker(&mut self, book: BookId, snapshot: &TickerSnapshot) {
        let Some(Some(published)) = self.books.get_mut(book.index()) else { return };
        let (publishes, slot_generation) = (published.tickers, published.slot_generation);
        // The one that clears the slot for a new book is not one of its tickers.
        published.tickers += 1;
        let snapshot = TickerSnapshot { publishes, slot_generation, ..*snapshot };
        let encoded = ticker_words::Words::encode(&snapshot);
        let words = self.mapping.words();
        if let Some(block) = words[self.layout.ticker(book.0)].first_chunk() {
            seqlock::write(&block[ticker::VERSION], || encoded.store(block));
        }
    }

    /// Publishes how many orders make up each level of the book as it was last published, best
    /// first. No effect if this builder has no such book.
    pub fn publish_orders(&mut self, book: BookId, bids: &[u32], asks: &[u32]) {
        let Some(Some(published)) = self.books.get(book.index()) else { return };
        let Published { publishes, slot_generation, .. } = *published;
        let words = self.mapping.words();
        let block = &words[self.layout.orders(book.0)];
        seqlock::write(&block[orders::VERSION], || {
            order_words::store(block, [bids, asks], publishes, slot_generation);
        });
    }

    /// A new book has no counts.
    fn clear_orders(&self, book: BookId, slot_generation: u64) {
        let block = &self.mapping.words()[self.layout.orders(book.0)];
        seqlock::write(&block[orders::VERSION], || {
            order_words::store(block, [&[], &[]], 0, slot_generation);
        });
    }

    /// Puts the level changes of one message in the event ring, two to a slot.
    #[inline]
    pub fn event_levels(&mut self, book: BookId, event: &DeltaEvent, levels: &[LevelRecord]) {
        let count = event::write_levels(self.events(), self.position, book, event, levels);
        self.advance(count);
    }

    /// Brings the slots of a message of so many levels into the cache, long before
    /// [`Self::event_levels`] writes them: the ring is bigger than the caches are.
    #[inline]
    pub fn prepare_event_levels(&self, levels: usize) {
        event::prepare(self.events(), self.position, levels);
    }

    /// Puts a trade in the event ring.
    #[inline]
    pub fn event_trade(&mut self, book: BookId, event: &TradeEvent) {
        event::write_trade(self.events(), self.position, book, event);
        self.advance(1);
    }

    /// Published levels a side.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.layout.depth()
    }

    fn events(&self) -> &[Word] {
        let slots = &self.mapping.words()[self.layout.events(self.index)];
        debug_assert!(slots.len().is_multiple_of(event_slot::WORDS));
        slots
    }

    fn advance(&mut self, count: u64) {
        self.position = self.position.wrapping_add(count);
        self.store_line(builder::EVENTS_END, self.position);
    }

    fn store_line(&self, word: usize, value: u64) {
        // Release: a reader that sees the state of an ended builder, or the end of the events
        // (Relaxed load and Acquire fence in `View`), sees what was stored before.
        self.mapping.words()[self.layout.builder(self.index)][word].store(value, Ordering::Release);
    }

    fn close_book(&mut self, book: BookId, reason: Reason) {
        let Some(Some(published)) = self.books.get(book.index()) else { return };
        let now = tickbook_types::clock::wall_now();
        let closed = Snapshot {
            state: BookState::Closed,
            reason,
            flags: published.seq.map_or(SnapshotFlags::NONE, |_| SnapshotFlags::HAS_SEQ),
            seq: published.seq.unwrap_or_default(),
            scale: published.scale,
            instrument_epoch: published.instrument_epoch,
            published_wall: now,
            ..Snapshot::default()
        };
        let conn = published.conn;
        self.publish(book, &closed);
        let state = BookState::Closed;
        self.publish_ticker(
            book,
            &TickerSnapshot { state, reason, conn, ..TickerSnapshot::default() },
        );
    }
}

impl Drop for BuilderWriter {
    fn drop(&mut self) {
        for book in 0..self.layout.counts().books_max {
            self.close_book(BookId(book), Reason::Shutdown);
        }
        self.store_line(builder::STATE, BUILDER_ENDED);
    }
}

/// The words of the slots `changed`, as far as there are such.
#[inline]
fn slots<'a>(words: &'a [Word], changed: &core::ops::Range<usize>) -> &'a [Word] {
    let end = (changed.end * LEVEL_WORDS).min(words.len());
    &words[(changed.start * LEVEL_WORDS).min(end)..end]
}

/// `changed`, and also the slots from `before` to `now` that the last publish did not have.
#[inline]
fn include(
    changed: &core::ops::Range<usize>,
    before: usize,
    now: usize,
) -> core::ops::Range<usize> {
    if now <= before {
        return changed.clone();
    }
    if changed.is_empty() {
        return before..now;
    }
    changed.start.min(before)..changed.end.max(now)
}
