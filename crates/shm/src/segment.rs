//! The writer's side of a file: created whole, published by rename, closed in order.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tickbook_types::clock;

use crate::atomic::{Ordering, Word};
use crate::file::{self, Dir, Lock, Unpublished};
use crate::layout::{self, Counts, Layout, header};
use crate::mapping::WriteMapping;
use crate::{BuilderWriter, ConnWriter, ShmError, StatsWriter, host, limits, text};

/// What a file is to hold.
#[derive(Clone, Debug)]
pub struct SegmentConfig {
    /// Directory on tmpfs; created (0750) if it is missing.
    pub dir: PathBuf,
    /// Name of the engine: letters, digits, `-`, `_`, `.`; at most 64 bytes.
    pub name: String,
    /// Books it has room for; a book's id is its index.
    pub books_max: u32,
    /// Connections it has room for; a connection's id is its index.
    pub conns_max: u32,
    /// Builder threads.
    pub builders: u32,
    /// Threads with counters and histograms.
    pub threads_max: u32,
    /// Published levels a side.
    pub depth: u32,
    /// How often each builder beats, ns.
    pub heartbeat_ns: i64,
    /// 64-byte slots of each builder's event ring; a power of two.
    pub event_slots: u32,
}

impl Default for SegmentConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from(crate::DEFAULT_DIR),
            name: "tickbook".to_owned(),
            books_max: 256,
            conns_max: 64,
            builders: 1,
            threads_max: 16,
            depth: 32,
            heartbeat_ns: 10_000_000,
            event_slots: 65_536,
        }
    }
}

impl SegmentConfig {
    /// Checks the configuration, without touching a file.
    ///
    /// # Errors
    ///
    /// [`ShmError::Config`] or [`ShmError::Name`].
    pub fn check(&self) -> Result<Layout, ShmError> {
        file::check_name(&self.name)?;
        let (min, max) = (limits::HEARTBEAT_NS_MIN, limits::HEARTBEAT_NS_MAX);
        if !(min..=max).contains(&self.heartbeat_ns) {
            return Err(ShmError::Config(layout::CountOutOfRange {
                what: "heartbeat_ns",
                value: self.heartbeat_ns.max(0).unsigned_abs(),
                min: min.unsigned_abs(),
                max: max.unsigned_abs(),
            }));
        }
        Layout::new(Counts {
            books_max: self.books_max,
            conns_max: self.conns_max,
            builders: self.builders,
            threads_max: self.threads_max,
            depth: self.depth,
            event_slots: self.event_slots,
        })
        .map_err(ShmError::Config)
    }
}

/// Value of the header's `closed` word: the file is in use.
pub(crate) const OPEN: u64 = 0;
/// Value of the header's `closed` word: the engine ended.
pub(crate) const CLOSED: u64 = 1;
/// Value of the header's `closed` word: a newer generation took its place.
pub(crate) const SUPERSEDED: u64 = 2;

/// A file that this process writes.
///
/// Dropping it closes it; see [`Self::close`].
#[derive(Debug)]
pub struct Segment {
    mapping: Arc<WriteMapping>,
    layout: Layout,
    heartbeat_ns: i64,
    generation: u64,
    name: String,
    file: File,
    taken: Taken,
    /// Last, so that it is let go last.
    lock: Lock,
}

#[derive(Debug)]
struct Taken {
    builders: Vec<bool>,
    conns: Vec<bool>,
    threads: Vec<bool>,
}

impl Segment {
    /// Creates the file, complete and allocated, and publishes it under its name. A file that a
    /// dead engine left there is marked superseded and replaced.
    ///
    /// # Errors
    ///
    /// [`ShmError`] says what to do about it; nothing is left behind.
    pub fn create(config: &SegmentConfig) -> Result<Self, ShmError> {
        let layout = config.check()?;
        let name = &config.name;
        let lock = Lock::take(Dir::open_or_create(&config.dir)?, name)?;
        let dir = lock.dir();
        dir.remove_unfinished(name)?;
        let previous = dir.open_previous(name).and_then(|file| Previous::map(&file));
        let now = clock::wall_now();
        // The clock makes generations unique also where no file is left to count from.
        let after_previous = previous.as_ref().map_or(1, |it| it.generation.saturating_add(1));
        let generation = now.0.max(1).cast_unsigned().max(after_previous);
        let unpublished = Unpublished::create(dir, name, generation, layout.bytes())?;
        let mapping = WriteMapping::new(unpublished.file(), layout.bytes())
            .map_err(|source| ShmError::Io { what: "map", path: dir.path().join(name), source })?;
        write_header(&mapping.words()[..header::WORDS], config, &layout, generation);
        let file = unpublished.publish(name)?;
        if let Some(previous) = previous {
            previous.mark_superseded();
        }
        let counts = layout.counts();
        let free = |count: u32| vec![false; count as usize];
        Ok(Self {
            mapping: Arc::new(mapping),
            layout,
            heartbeat_ns: config.heartbeat_ns,
            generation,
            name: name.clone(),
            file,
            taken: Taken {
                builders: free(counts.builders),
                conns: free(counts.conns_max),
                threads: free(counts.threads_max),
            },
            lock,
        })
    }

    /// The writer of builder `index`, once. Its first heartbeat is now.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such builder.
    pub fn take_builder(&mut self, index: u32) -> Result<BuilderWriter, ShmError> {
        take(&mut self.taken.builders, "builder", index)?;
        let (mapping, now) = (Arc::clone(&self.mapping), clock::mono_now());
        Ok(BuilderWriter::new(mapping, self.layout, index, self.heartbeat_ns, now))
    }

    /// The writer of connection `index`'s status line, once.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such connection.
    pub fn take_conn(&mut self, index: u32) -> Result<ConnWriter, ShmError> {
        take(&mut self.taken.conns, "connection", index)?;
        Ok(ConnWriter::new(Arc::clone(&self.mapping), self.layout, index))
    }

    /// The writer of thread `index`'s counters and histograms, once. A name beyond 32 bytes is cut.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such thread.
    pub fn take_thread(&mut self, index: u32, name: &str) -> Result<StatsWriter, ShmError> {
        take(&mut self.taken.threads, "thread", index)?;
        Ok(StatsWriter::new(Arc::clone(&self.mapping), &self.layout, index, name))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        file::current_path(self.lock.dir().path(), &self.name)
    }

    /// Bytes of the file.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.layout.bytes()
    }

    /// Unique number of this file; that of a later engine of the same name is higher, unless the
    /// wall clock was set back in between.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether readers can still find the file: nobody wiped the directory. Two system calls; for
    /// the service thread.
    #[must_use]
    pub fn is_published(&self) -> bool {
        file::is_current(self.lock.dir(), &self.file, &self.name)
    }

    /// Marks the file closed and removes it. Drop the builder writers first: each marks its books
    /// closed as it goes.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Release: pairs with the Acquire fence behind the load in `View::closed`.
        self.mapping.words()[header::CLOSED].store(CLOSED, Ordering::Release);
        file::remove_current(self.lock.dir(), &self.file, &self.name);
    }
}

fn take(taken: &mut [bool], what: &'static str, index: u32) -> Result<(), ShmError> {
    match taken.get_mut(index as usize) {
        Some(taken @ false) => {
            *taken = true;
            Ok(())
        }
        _ => Err(ShmError::Taken { what, index }),
    }
}

fn write_header(words: &[Word], config: &SegmentConfig, layout: &Layout, generation: u64) {
    let counts = layout.counts();
    let [boot_high, boot_low] = host::boot_id();
    let pid = std::process::id();
    // Relaxed: the store of `ready` below publishes them.
    let store = |at: usize, value: u64| words[at].store(value, Ordering::Relaxed);
    store(header::MAGIC, layout::MAGIC);
    store(header::ENDIAN_MARK, layout::ENDIAN_MARK);
    store(header::LAYOUT_VERSION, layout::LAYOUT_VERSION);
    store(header::LAYOUT_HASH, layout::LAYOUT_HASH);
    store(header::TOTAL_BYTES, layout.bytes() as u64);
    store(header::BOOT_ID, boot_high);
    store(header::BOOT_ID + 1, boot_low);
    store(header::GENERATION, generation);
    store(header::WRITER_PID, pid.into());
    store(header::WRITER_START, host::process_start(pid).unwrap_or_default());
    store(header::HEARTBEAT_NS, config.heartbeat_ns.unsigned_abs());
    store(header::CREATED_WALL, clock::wall_now().0.cast_unsigned());
    store(header::BOOKS_MAX, counts.books_max.into());
    store(header::CONNS_MAX, counts.conns_max.into());
    store(header::BUILDERS, counts.builders.into());
    store(header::THREADS_MAX, counts.threads_max.into());
    store(header::DEPTH, counts.depth.into());
    store(header::EVENT_SLOTS, counts.event_slots.into());
    store(header::CLOSED, OPEN);
    let name = text::encode::<{ limits::NAME_MAX / 8 }>(&config.name).unwrap_or_default();
    for (at, word) in name.into_iter().enumerate() {
        store(header::NAME + at, word);
    }
    // Release: publishes the header. Pairs with the Acquire fence in `Identity::read`.
    words[header::READY].store(layout::READY, Ordering::Release);
}

/// The header of the file that is to be replaced, if it is one of ours.
struct Previous {
    mapping: WriteMapping,
    generation: u64,
}

impl Previous {
    fn map(file: &File) -> Option<Self> {
        let bytes = header::WORDS * 8;
        let long_enough = file.metadata().ok()?.len() >= bytes as u64;
        let mapping = long_enough.then(|| WriteMapping::new(file, bytes).ok())??;
        // Relaxed: its writer is dead (the lock is ours), and wrote the magic first.
        let word = |at: usize| mapping.words()[at].load(Ordering::Relaxed);
        if word(header::MAGIC) != layout::MAGIC || word(header::ENDIAN_MARK) != layout::ENDIAN_MARK
        {
            return None;
        }
        // Another version may keep them elsewhere: then the clock alone decides.
        let known = word(header::LAYOUT_VERSION) == layout::LAYOUT_VERSION;
        let generation = if known { word(header::GENERATION) } else { 0 };
        known.then_some(Self { mapping, generation })
    }

    fn mark_superseded(&self) {
        // Release: pairs with the Acquire fence behind the load in `View::closed`.
        self.mapping.words()[header::CLOSED].store(SUPERSEDED, Ordering::Release);
    }
}
