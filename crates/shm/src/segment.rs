//! The writer's side of a file: created whole, published by rename, closed in order.

use std::path::PathBuf;

use crate::{BuilderWriter, ConnWriter, ShmError, StatsWriter};

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

/// A file that this process writes.
#[derive(Debug)]
pub struct Segment {}

impl Segment {
    /// Creates the file, complete and allocated, and publishes it under its name.
    ///
    /// # Errors
    ///
    /// [`ShmError`] says what to do about it; nothing is left behind.
    pub fn create(config: &SegmentConfig) -> Result<Self, ShmError> {
        let _ = config;
        Err(ShmError::Taken { what: "builder", index: 0 })
    }

    /// The writer of builder `index`, once.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such builder.
    pub fn take_builder(&mut self, index: u32) -> Result<BuilderWriter, ShmError> {
        Err(ShmError::Taken { what: "builder", index })
    }

    /// The writer of connection `index`'s status line, once.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such connection.
    pub fn take_conn(&mut self, index: u32) -> Result<ConnWriter, ShmError> {
        Err(ShmError::Taken { what: "connection", index })
    }

    /// The writer of thread `index`'s counters and histograms, once.
    ///
    /// # Errors
    ///
    /// [`ShmError::Taken`] if it was taken before or there is no such thread.
    pub fn take_thread(&mut self, index: u32, name: &str) -> Result<StatsWriter, ShmError> {
        let _ = name;
        Err(ShmError::Taken { what: "thread", index })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::new()
    }

    /// Marks the file closed and removes it. Drop the builder writers first: each marks its books
    /// closed as it goes. Dropping the segment does the same.
    pub fn close(self) {}
}
