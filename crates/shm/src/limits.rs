//! Every bound of the shared-memory file and of a read, with the reason for its value.

/// Most books of a file. The directory, top and depth blocks of 65,536 books at 32 levels a side
/// are 96 MiB; design.md asks for 10,000.
pub const BOOKS_MAX: u32 = 65_536;

/// Most connections: connection numbers take 16 bits of a snapshot's first word.
pub const CONNS_MAX: u32 = 4_096;

/// Most builder threads: more than any host has cores to spare for.
pub const BUILDERS_MAX: u32 = 64;

/// Most threads with counters of their own.
pub const THREADS_MAX: u32 = 256;

/// Most published levels a side: a depth block of 1,000 is 32 KiB, one first-level cache.
pub const DEPTH_MAX: u32 = 1_000;

/// Most slots of an event ring: 4 Mi slots of 64 bytes are 256 MiB.
pub const EVENT_SLOTS_MAX: u32 = 1 << 22;

/// Least slots of an event ring: a delta of ten levels must not lap its reader.
pub const EVENT_SLOTS_MIN: u32 = 16;

/// Longest heartbeat interval, ns: readers must learn of a dead writer within seconds.
pub const HEARTBEAT_NS_MAX: i64 = 10_000_000_000;

/// Shortest heartbeat interval, ns: below it a scheduler's hiccup is a death.
pub const HEARTBEAT_NS_MIN: i64 = 100_000;

/// Heartbeat intervals without a beat after which a builder counts as dead or hung.
pub const HEARTBEATS_MISSED_MAX: i64 = 2;

/// Tries of one read before it gives up with `Busy`. A publish takes 5-60 ns and a failed try at
/// least as long as a pause instruction (5-45 ns), so that only a writer that is preempted in
/// mid-publish, or publishes without a break, can use them up.
pub const READ_ATTEMPTS_MAX: u32 = 256;

/// Longest engine name, in bytes: 8 words of the header, zero-padded.
pub const NAME_MAX: usize = 64;

/// Longest book name, in bytes; the longest option symbol of the known venues has 29.
pub const BOOK_NAME_MAX: usize = 64;

/// Longest thread name, in bytes.
pub const THREAD_NAME_MAX: usize = 32;
