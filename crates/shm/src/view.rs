//! The reader's side of a file: attached once it is found sound, then read without a system call.
//!
//! # Guarantees
//!
//! - Nothing in the file is believed: the header's counts are bounded and its total must be what
//!   they make and what the file has; offsets come from the counts alone; every other number is
//!   decoded so that no value of it can index, loop or allocate beyond bounds.
//! - The mapping is read-only, and no read writes, locks, or waits longer than
//!   [`crate::limits::READ_ATTEMPTS_MAX`] attempts.
//!
//! # Not guaranteed
//!
//! - That a read survives the engine's own user truncating the file (`SIGBUS`). Nobody else can.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tickbook_types::{BookId, ConnId, MonoNanos, WallNanos};

use crate::atomic::{Ordering, fence};
use crate::builder::{BUILDER_ENDED, BUILDER_UNUSED};
use crate::conn::ConnInfo;
use crate::entry::{BookInfo, Entry};
use crate::event::{self, NextEvent};
use crate::layout::{self, Counts, Layout, builder, entry, header, orders, ticker, top};
use crate::limits::{HEARTBEAT_NS_MAX, HEARTBEAT_NS_MIN, READ_ATTEMPTS_MAX};
use crate::mapping::ReadMapping;
use crate::orders::OrderCounts;
use crate::quotes::PublishedQuotes;
use crate::segment::OPEN;
use crate::seqlock::{self, Torn};
use crate::snapshot::{Depth, Top, Words};
use crate::stats::ThreadStats;
use crate::ticker::{self as ticker_words, TickerSnapshot};
use crate::{ShmError, file, host, text};

/// What the header says of the engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Engine name.
    pub name: String,
    /// Unique number of the file.
    pub generation: u64,
    /// Process that writes it.
    pub writer_pid: u32,
    /// Start of that process, in clock ticks since boot; 0 if the host did not tell.
    pub writer_start: u64,
    /// How often each builder beats, ns.
    pub heartbeat_ns: i64,
    /// When the file was made.
    pub created_wall: WallNanos,
    /// Whether the file was open, not closed or superseded, when the header was read.
    pub open: bool,
}

impl Identity {
    /// Whether the process that wrote the file still exists. Reads `/proc`; `None` if that cannot
    /// be told (another PID namespace looks like death: for reports only, not for trading).
    #[must_use]
    pub fn writer_exists(&self) -> Option<bool> {
        if self.writer_start == 0 {
            return None;
        }
        Some(host::process_start(self.writer_pid) == Some(self.writer_start))
    }
}

/// A builder's line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BuilderInfo {
    /// Its last heartbeat, monotonic.
    pub beat: MonoNanos,
    /// Whether a builder has taken the line.
    pub used: bool,
    /// Whether it ended in order.
    pub ended: bool,
}

/// A snapshot as copied, whole but not decoded.
#[derive(Clone, Copy, Debug)]
pub struct Published(Words);

impl Published {
    /// Whether the book is live, and still the one of slot generation `generation`, fed by `conn`.
    #[inline]
    #[must_use]
    pub const fn is_live_for(&self, generation: u64, conn: ConnId) -> bool {
        self.0.is_live_for(generation, conn)
    }

    /// What it says.
    #[inline]
    #[must_use]
    pub fn top(&self) -> Top {
        self.0.top()
    }

    /// Version that it was copied at: even. That of the block differs once there is a newer one.
    #[inline]
    #[must_use]
    pub const fn version(&self) -> u64 {
        // Copied between two looks at the version that agreed, so it is what both saw.
        self.0.0[top::VERSION]
    }
}

/// A file that this process reads.
#[derive(Debug)]
pub struct View {
    mapping: ReadMapping,
    layout: Layout,
    identity: Identity,
}

impl View {
    /// Attaches the file of `name`.
    ///
    /// # Errors
    ///
    /// [`ShmError`] says what is wrong with it.
    pub fn open(dir: &Path, name: &str) -> Result<Self, ShmError> {
        let file = file::open_current(dir, name)?;
        let path = file::current_path(dir, name);
        let (identity, layout) = read_header(&file, &path)?;
        let mapping = ReadMapping::new(&file, layout.bytes()).map_err(|source| ShmError::Io {
            what: "map",
            path,
            source,
        })?;
        Ok(Self { mapping, layout, identity })
    }

    /// Reads the header of the file of `name`, without attaching it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn peek(dir: &Path, name: &str) -> Result<Identity, ShmError> {
        let file = file::open_current(dir, name)?;
        read_header(&file, &file::current_path(dir, name)).map(|(identity, _)| identity)
    }

    /// Names that have a file in `dir`, sound or not, in order.
    ///
    /// # Errors
    ///
    /// [`ShmError::Io`] if the directory is there but cannot be listed.
    pub fn names(dir: &Path) -> Result<Vec<String>, ShmError> {
        file::names(dir)
    }

    /// What the header says.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where everything is.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the engine closed the file, or a newer generation took its place.
    #[must_use]
    pub fn closed(&self) -> bool {
        let closed = self.mapping.words()[header::CLOSED].load(Ordering::Relaxed) != OPEN;
        // Acquire: pairs with the Release store in `Segment::drop`: who sees the file closed sees
        // its books closed.
        fence(Ordering::Acquire);
        closed
    }

    /// The line of a builder; `None` if there is no such builder.
    #[must_use]
    pub fn builder(&self, index: u32) -> Option<BuilderInfo> {
        if index >= self.layout.counts().builders {
            return None;
        }
        let line = &self.mapping.words()[self.layout.builder(index)];
        // Relaxed: the words stand for themselves; the fence pairs with the Release stores of
        // `BuilderWriter::store_line`, so that who sees a builder ended sees its books closed.
        let state = line[builder::STATE].load(Ordering::Relaxed);
        let beat = line[builder::BEAT].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Some(BuilderInfo {
            beat: MonoNanos(beat.cast_signed()),
            used: state != BUILDER_UNUSED,
            ended: state == BUILDER_ENDED,
        })
    }

    /// The lines of all builders.
    pub fn builders(&self) -> impl Iterator<Item = BuilderInfo> + '_ {
        (0..self.layout.counts().builders).filter_map(|index| self.builder(index))
    }

    /// The status line of a connection; `None` if there is no such connection.
    #[must_use]
    pub fn conn(&self, conn: ConnId) -> Option<ConnInfo> {
        let known = conn.0 < self.layout.counts().conns_max;
        known.then(|| ConnInfo::load(&self.mapping.words()[self.layout.conn(conn.0)], conn))
    }

    /// The book of a directory slot; `None` if it has none, or is being changed all the while.
    #[must_use]
    pub fn book(&self, book: BookId) -> Option<BookInfo> {
        if book.0 >= self.layout.counts().books_max {
            return None;
        }
        Entry::load(&self.mapping.words()[self.layout.entry(book.0)], book)
    }

    /// The books of the directory, by id.
    pub fn books(&self) -> impl Iterator<Item = BookInfo> + '_ {
        (0..self.layout.counts().books_max).filter_map(|book| self.book(BookId(book)))
    }

    /// Version of the top of a book: even, and another one after each publish; odd during one.
    /// Says nothing of the words: [`Self::read_top`] does.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    #[inline]
    #[must_use]
    pub fn top_version(&self, book: BookId) -> u64 {
        // Relaxed: a hint. Nothing is read on the strength of it.
        self.mapping.words()[self.layout.top(book.0)][top::VERSION].load(Ordering::Relaxed)
    }

    /// [`Self::top_version`] of the published levels.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    #[inline]
    #[must_use]
    pub fn depth_version(&self, book: BookId) -> u64 {
        // Relaxed: as in `top_version`.
        self.mapping.words()[self.layout.depth_block(book.0)][top::VERSION].load(Ordering::Relaxed)
    }

    /// Copies the top of a book.
    ///
    /// # Errors
    ///
    /// [`Torn`] if the writer was publishing during every attempt.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    #[inline]
    pub fn read_top(&self, book: BookId) -> Result<Published, Torn> {
        let block = &self.mapping.words()[self.layout.top(book.0)];
        let Some(block) = block.first_chunk::<{ top::WORDS }>() else { return Err(Torn) };
        let version = &block[top::VERSION];
        seqlock::read(version, READ_ATTEMPTS_MAX, || Published(Words::load(block)))
    }

    /// Copies the best bid and ask of a book: one cache line of it, see [`PublishedQuotes`].
    ///
    /// # Errors
    ///
    /// As [`Self::read_top`].
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    #[inline]
    pub fn read_quotes(&self, book: BookId) -> Result<PublishedQuotes, Torn> {
        let words = self.mapping.words();
        let block = &words[self.layout.top(book.0)];
        let Some(block) = block.first_chunk::<{ top::WORDS }>() else { return Err(Torn) };
        let version = &block[top::VERSION];
        let copied = seqlock::read(version, READ_ATTEMPTS_MAX, || PublishedQuotes::load(block))?;
        let slot = &words[self.layout.entry(book.0)];
        // Relaxed: behind the Acquire fences of the section, which pair with the Release store that
        // ended it; `Entry::store` of the book came before it in the same thread.
        Ok(copied.of_slot(slot[entry::SLOT_GENERATION].load(Ordering::Relaxed)))
    }

    /// Copies the published levels of a book.
    ///
    /// # Errors
    ///
    /// [`Torn`] if the writer was publishing during every attempt; `depth` then holds no book.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    #[inline]
    pub fn read_depth(&self, book: BookId, depth: &mut Depth) -> Result<Published, Torn> {
        depth.reserve(self.layout.depth());
        let block = &self.mapping.words()[self.layout.depth_block(book.0)];
        let Some((block, levels)) = block.split_first_chunk::<{ top::WORDS }>() else {
            return Err(Torn);
        };
        let copied = seqlock::read(&block[top::VERSION], READ_ATTEMPTS_MAX, || {
            let words = Words::load(block);
            depth.copy_levels(&words, levels);
            words
        });
        let header = copied.as_ref().map(Words::header).unwrap_or_default();
        depth.set_header(header);
        copied.map(Published)
    }

    /// Copies the ticker of a book.
    ///
    /// # Errors
    ///
    /// [`Torn`] if the writer was publishing it during every attempt.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    pub fn read_ticker(&self, book: BookId) -> Result<TickerSnapshot, Torn> {
        let block = &self.mapping.words()[self.layout.ticker(book.0)];
        let Some(block) = block.first_chunk::<{ ticker::WORDS }>() else { return Err(Torn) };
        let version = &block[ticker::VERSION];
        let copied =
            seqlock::read(version, READ_ATTEMPTS_MAX, || ticker_words::Words::load(block));
        copied.map(|words| words.decode())
    }

    /// Copies the order counts of a book. They are of the levels that were published with the
    /// number that they say ([`OrderCounts::publishes`]).
    ///
    /// # Errors
    ///
    /// [`Torn`] if the writer was publishing them during every attempt.
    ///
    /// # Panics
    ///
    /// If `book` is not a slot of the directory.
    pub fn read_orders(&self, book: BookId, counts: &mut OrderCounts) -> Result<(), Torn> {
        counts.reserve(self.layout.depth());
        let block = &self.mapping.words()[self.layout.orders(book.0)];
        seqlock::read(&block[orders::VERSION], READ_ATTEMPTS_MAX, || counts.load(block))
    }

    /// Position behind the newest event of a builder: where a new reader begins.
    ///
    /// # Panics
    ///
    /// If there is no such builder.
    #[must_use]
    pub fn events_end(&self, builder: u32) -> u64 {
        let line = &self.mapping.words()[self.layout.builder(builder)];
        let end = line[builder::EVENTS_END].load(Ordering::Relaxed);
        // Acquire: pairs with the Release store in `BuilderWriter::store_line`: what lies before
        // the end can be read.
        fence(Ordering::Acquire);
        end
    }

    /// Looks for the event at `position` of a builder's ring, and moves the position on.
    ///
    /// # Panics
    ///
    /// If there is no such builder.
    #[inline]
    pub fn next_event(&self, builder: u32, position: &mut u64) -> NextEvent {
        let slots = &self.mapping.words()[self.layout.events(builder)];
        event::next(slots, position, || self.events_end(builder))
    }

    /// Counters and histograms of every thread that has some.
    #[must_use]
    pub fn threads(&self) -> Vec<ThreadStats> {
        let threads = 0..self.layout.counts().threads_max;
        let block = |index| &self.mapping.words()[self.layout.thread(index)];
        threads.filter_map(|index| ThreadStats::load(block(index))).collect()
    }
}

fn read_header(file: &File, path: &Path) -> Result<(Identity, Layout), ShmError> {
    let failed = |source| ShmError::Io { what: "read", path: path.to_owned(), source };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ShmError::NotTickbook { path: path.to_owned() });
    }
    let mut bytes = [0; header::WORDS * 8];
    if metadata.len() < bytes.len() as u64 {
        let needed = bytes.len() as u64;
        return Err(ShmError::TooShort { found: metadata.len(), needed });
    }
    file.read_exact_at(&mut bytes, 0).map_err(failed)?;
    let mut words = [0; header::WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    check_header(&words, metadata.len(), host::boot_id(), path)
}

/// Finds a header sound, or says why it is not. Nothing else of the file is looked at before.
fn check_header(
    words: &[u64; header::WORDS],
    file_bytes: u64,
    boot_id: [u64; 2],
    path: &Path,
) -> Result<(Identity, Layout), ShmError> {
    if words[header::MAGIC] != layout::MAGIC {
        return Err(ShmError::NotTickbook { path: path.to_owned() });
    }
    if words[header::ENDIAN_MARK] != layout::ENDIAN_MARK {
        return Err(ShmError::ForeignEndian { path: path.to_owned() });
    }
    if words[header::LAYOUT_VERSION] != layout::LAYOUT_VERSION {
        return Err(ShmError::Version { found: words[header::LAYOUT_VERSION] });
    }
    if words[header::LAYOUT_HASH] != layout::LAYOUT_HASH {
        return Err(ShmError::LayoutHash);
    }
    if words[header::READY] != layout::READY {
        return Err(ShmError::NotReady);
    }
    let count = |word: usize| u32::try_from(words[word]).unwrap_or(u32::MAX);
    let layout = Layout::new(Counts {
        books_max: count(header::BOOKS_MAX),
        conns_max: count(header::CONNS_MAX),
        builders: count(header::BUILDERS),
        threads_max: count(header::THREADS_MAX),
        depth: count(header::DEPTH),
        event_slots: count(header::EVENT_SLOTS),
    })
    .map_err(ShmError::Counts)?;
    let heartbeat_ns = words[header::HEARTBEAT_NS].cast_signed();
    if !(HEARTBEAT_NS_MIN..=HEARTBEAT_NS_MAX).contains(&heartbeat_ns) {
        return Err(ShmError::Counts(layout::CountOutOfRange {
            what: "heartbeat_ns",
            value: words[header::HEARTBEAT_NS],
            min: HEARTBEAT_NS_MIN.unsigned_abs(),
            max: HEARTBEAT_NS_MAX.unsigned_abs(),
        }));
    }
    let needed = layout.bytes() as u64;
    if words[header::TOTAL_BYTES] != needed || file_bytes < needed {
        let found = words[header::TOTAL_BYTES].min(file_bytes);
        return Err(ShmError::TooShort { found, needed });
    }
    let written = [words[header::BOOT_ID], words[header::BOOT_ID + 1]];
    // Zeros: the host does not tell.
    if written != boot_id && written != [0, 0] && boot_id != [0, 0] {
        return Err(ShmError::OtherBoot);
    }
    let identity = Identity {
        name: text::decode(&words[header::NAME..][..crate::limits::NAME_MAX / 8]),
        generation: words[header::GENERATION],
        writer_pid: count(header::WRITER_PID),
        writer_start: words[header::WRITER_START],
        heartbeat_ns,
        created_wall: WallNanos(words[header::CREATED_WALL].cast_signed()),
        open: words[header::CLOSED] == OPEN,
    };
    Ok((identity, layout))
}
