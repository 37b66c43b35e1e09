//! Every limit of the engine in one place, with the arithmetic that chose it.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest engine name: it becomes part of a file name and of a fixed field of the header.
pub const ENGINE_NAME_MAX: usize = 32;

/// Levels a side in the depth block: 1 is a top of book, 1,000 levels are 32 KiB a book.
pub const DEPTH: RangeInclusive<u32> = 1..=1_000;

/// Heartbeat interval in milliseconds. Below 5 ms the sleeps of the `backoff` strategy (1 ms) and
/// the scheduler's would look like deaths; a dead writer is known after two intervals, so 10 s is
/// the slowest that still means something.
pub const HEARTBEAT_MS: RangeInclusive<u32> = 5..=10_000;

/// Silence limit in milliseconds. A venue batches for up to 1 s; Binance pings futures every 3 min.
pub const SILENCE_MS: RangeInclusive<u32> = 100..=600_000;

/// Connections with the same subscriptions.
pub const LINES: RangeInclusive<u32> = 1..=2;

/// Connections of a venue that are kept free for books that come while it runs.
pub const CONNS_SPARE: u32 = 4;

/// Venue sections of one engine: one thread each.
pub const VENUES_MAX: usize = 64;

/// Symbols of one venue section. Binance spot lists about 3,500 pairs.
pub const SYMBOLS_MAX: usize = 10_000;

/// Longest symbol in bytes. Option symbols have about 25; some Binance symbols are non-ASCII.
pub const SYMBOL_LEN_MAX: usize = 64;

/// Slots of a lane: 65,536 x 64 B = 4 MiB, room for about 20,000 messages of 8 levels, which at
/// 50,000 messages/s is 0.4 s of a stalled builder.
pub const LANE_SLOTS: usize = 1 << 16;

/// Slots of the way back from a builder to its venue thread: one resync request a slot.
pub const RESYNC_SLOTS: usize = 1 << 10;

/// Messages a builder takes from one lane before it looks at the next one and at its heartbeat:
/// 256 x 0.5 us = 0.13 ms, far below a heartbeat.
pub const TURN_MESSAGES: usize = 256;

/// Books that a replay from memory makes before its time begins, and removed ones that are kept:
/// 32 x 4 MiB.
pub const SPARE_BOOKS_MAX: usize = 32;

/// Reads of one connection before the venue thread looks at the others.
pub const TURN_READS: usize = 16;

/// How often the venue thread looks at what is not its sockets: timers, answers, requests,
/// deadlines. Some hundred polls, and far below any of the times that it minds.
pub const CHORES_NS: u64 = 20_000;

/// Whole messages a book may stay crossed before it is called stale. Venues cross a book for a
/// moment around an auction; after that many messages the book is wrong (Binance: never seen).
pub const CROSSED_MESSAGES_MAX: u32 = 8;

/// Contradictions in a row between a book and the venue's own best bid and offer before the book
/// is called stale. Real feeds show up to two that heal themselves.
pub const BBO_BAD_MAX: u64 = 4;

/// Levels of one book before it is called stale (`Overflow`). The deepest book seen has about
/// 40,000.
pub const LEVELS_MAX: usize = 1 << 18;

/// Levels beside the window for which memory is kept from the start.
pub const OVERFLOW_CAPACITY: usize = 1 << 13;

/// Slots of the broadcast event ring of one builder.
pub const EVENT_SLOTS: u32 = 1 << 16;

/// How often the clocks are measured against each other.
pub const REANCHOR_INTERVAL: Duration = Duration::from_millis(100);

/// How long one REST request may take.
pub const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// Threads that fetch over REST; names are looked up in another one.
pub const REST_WORKERS: usize = 2;

/// Largest REST body: Binance's exchangeInfo has about 15 MiB.
pub const REST_BODY_MAX: u64 = 64 << 20;

/// How long a shutdown may take before what is left is abandoned: exit within a second.
pub const SHUTDOWN_MAX: Duration = Duration::from_millis(800);

/// Entries of each queue of a book's best-bid-and-offer check: a ticker stream is at most some
/// hundred messages ahead of the diffs of a 100 ms window.
pub const BBO_QUEUE: usize = 1 << 12;
