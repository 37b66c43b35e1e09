//! The engine: threads, configuration, and the replay of captures.
//!
//! ```text
//!  venue thread                          builder thread
//!  recv -> frame -> session -> ring ---> desk: ladder -> shared memory
//!     ^                           <---   resync requests
//!     |  answers
//!  service threads: names, REST
//! ```
//!
//! # Guarantees
//!
//! - A path thread never waits for another one: a full ring is counted and the book it lost a
//!   message of is stale until a snapshot heals it. (In a replay the venue side waits instead, so
//!   that the same capture always gives the same books.)
//! - After warm-up, nothing between `recv` and publish allocates, locks, or makes a system call
//!   other than `recv` itself.
//!   Frames in a shape that no scanner knows, a book's new exponents and in-band snapshots of
//!   thousands of levels take a slower path that may allocate; they are counted.
//! - A stage that dies takes the engine with it: no book outlives the thread that feeds it.
//!
//! # Not guaranteed
//!
//! - That pinning helps: the scheduler, the cgroup and the host's interrupts have a say. The start
//!   line says what was chosen.

#![forbid(unsafe_code)]

pub mod builder;
pub mod config;
pub mod desk;
pub mod idle;
pub mod limits;
pub mod live;
pub mod memory;
pub mod outcome;
pub mod plan;
pub mod play;
pub mod replay;
pub mod report;
mod room;
pub mod service;
mod tally;
pub mod topology;
pub mod url;
pub mod venue;
mod venue_conn;
