//! Books, events, counters and histograms in shared memory: one file, one writing process, any
//! number of reading ones.
//!
//! The engine creates a [`Segment`] and hands its parts to the threads that write them: a
//! [`BuilderWriter`] per builder thread, a [`ConnWriter`] per connection, a [`StatsWriter`] per
//! thread. Readers attach a [`View`]; strategies use the `tickbook` crate, which adds names, judges
//! freshness, and follows the engine across restarts. `docs/LAYOUT.md` describes the file byte by
//! byte.
//!
//! # Guarantees
//!
//! - Writing never waits for a reader, takes no lock and makes no system call.
//! - Reading needs no more than a read-only mapping, and leaves no trace of a reader, however it
//!   ends.
//! - A read returns a whole snapshot or an error within a bounded number of attempts.
//! - A writer that is killed at any instruction leaves a file that readers can tell is dead, and
//!   that the next start replaces without help.
//!
//! # Not guaranteed
//!
//! - That a reader sees every snapshot. The event ring is for that, and says what was missed.
//! - Anything across hosts, boots, or time namespaces: heartbeats are `CLOCK_MONOTONIC`.
//!
//! Under `cfg(tickbook_loom)` only the protocols are built; see [`atomic`].

pub mod atomic;
pub mod broadcast;
pub mod seqlock;

macro_rules! on_words_in_memory {
    ($($item:item)+) => { $(#[cfg(not(tickbook_loom))] $item)+ };
}

on_words_in_memory! {
    mod apart;
    mod builder;
    mod conn;
    mod entry;
    mod error;
    mod event;
    mod file;
    pub mod histogram;
    mod host;
    pub mod layout;
    pub mod limits;
    mod mapping;
    mod orders;
    mod quotes;
    mod segment;
    mod snapshot;
    mod stats;
    mod text;
    mod ticker;
    mod view;

    pub use builder::BuilderWriter;
    pub use conn::{ConnInfo, ConnState, ConnWriter};
    pub use entry::BookInfo;
    pub use error::ShmError;
    pub use event::{DeltaEvent, Event, EventKind, LevelsEvent, NextEvent, TradeEvent};
    pub use histogram::Histogram;
    pub use orders::OrderCounts;
    pub use quotes::{PublishedQuotes, Quotes};
    pub use segment::{Segment, SegmentConfig};
    pub use snapshot::{BookHeader, Depth, Snapshot, SnapshotFlags, Top};
    pub use stats::{Counter, Stage, StatsWriter, ThreadStats};
    pub use ticker::TickerSnapshot;
    pub use view::{BuilderInfo, Identity, Published, View};

    /// Directory of the files unless another is configured.
    pub const DEFAULT_DIR: &str = "/dev/shm/tickbook";
}
