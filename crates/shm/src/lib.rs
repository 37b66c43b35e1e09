//! Books, events, counters and histograms in shared memory.

mod atomic;
mod builder;
mod conn;
mod error;
pub mod limits;
mod segment;
mod stats;

pub use builder::{BuilderWriter, DeltaEvent, Snapshot, SnapshotFlags, TradeEvent};
pub use conn::{ConnState, ConnWriter};
pub use error::ShmError;
pub use segment::{Segment, SegmentConfig};
pub use stats::{Counter, Stage, StatsWriter};

/// Directory of the files unless another is configured.
pub const DEFAULT_DIR: &str = "/dev/shm/tickbook";
