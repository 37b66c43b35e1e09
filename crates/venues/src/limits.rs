//! Every limit of a session, with the reason for its value.

/// Book ids of a replay that names no symbols: the recordings at hand have up to 11.
pub const REPLAY_BOOKS_MAX: u32 = 256;

/// Inner stages are stamped on every 64th book message: a stamp costs 9-12 ns.
pub const SAMPLE_EVERY: u32 = 64;

/// Diffs kept for one book while it waits for its snapshot: at 10 a second almost seven minutes,
/// at the 70 a second of the busiest recording one minute.
pub const BUFFER_FRAMES_MAX: usize = 4_096;

/// Bytes of these diffs: 4,096 of 1 KiB; the largest diff recorded has 35 KiB.
pub const BUFFER_BYTES_MAX: usize = 4 << 20;

/// Longest symbol that is taken for one; the venues' longest have about 20 bytes.
pub const SYMBOL_BYTES_MAX: usize = 40;

/// First pause before a request is repeated.
pub const FETCH_PAUSE_MIN_NS: i64 = 250 * MS;

/// Longest pause before a request is repeated.
pub const FETCH_PAUSE_MAX_NS: i64 = 30_000 * MS;

/// A REST answer is given up after this; a 5,000-level snapshot is 400 KiB and takes well below a
/// second.
pub const FETCH_TIMEOUT_NS: i64 = 10_000 * MS;

/// Requests under way at once: the service thread works them off one after the other.
pub const FETCHES_MAX: usize = 4;

/// Failures in a row after which an operator is told (8: about a minute of pauses).
pub const FETCH_FAILURES_WARN: u32 = 8;

/// Failures in a row after which a session begins without the instrument list (5: about 8 s).
pub const INSTRUMENT_FAILURES_MAX: u32 = 5;

/// Failures in a row after which the shared session does without a list (3: below a second).
pub const LIST_FAILURES_MAX: u32 = 3;

/// The shared session waits no longer than this for its lists: the largest have 2 MB and come
/// within a second.
pub const LIST_WAIT_NS: i64 = 5_000 * MS;

/// Pause after HTTP 429 without `Retry-After`: the budgets are per minute.
pub const PAUSE_DEFAULT_S: u32 = 60;

/// Longest pause that is believed: bans go up to three days, but trying once an hour is harmless.
pub const PAUSE_MAX_S: u32 = 3_600;

/// A snapshot is fetched without waiting longer for a first diff: a quiet symbol sends none.
pub const FIRST_DIFF_WAIT_NS: i64 = 3_000 * MS;

/// An ack normally takes one round trip.
pub const ACK_DEADLINE_NS: i64 = 10_000 * MS;

/// A subscribed book that has sent nothing for so long is looked into.
pub const FIRST_DATA_DEADLINE_NS: i64 = 30_000 * MS;

/// How much later than a snapshot its diffs may come before their stream is called silent.
pub const SILENCE_GRACE_NS: i64 = 5_000 * MS;

/// Streams in one SUBSCRIBE: with the longest names still below the 4,096 bytes that the venue
/// has cut messages at.
pub const STREAMS_PER_MESSAGE: usize = 60;

/// The venue cuts connections at 24 h; a replacement is opened an hour before.
pub const CONN_AGE_MAX_NS: i64 = 23 * 3_600_000 * MS;

/// Connections opened together are replaced so much apart.
pub const ROTATION_STAGGER_NS: i64 = 120_000 * MS;

/// How long a replacement runs beside the old connection once all its streams are acked: the
/// slowest diff stream sends once a second.
pub const OVERLAP_NS: i64 = 3_000 * MS;

/// The old connection is let go after this even if the new one seems to run ahead.
pub const OVERLAP_MAX_NS: i64 = 60_000 * MS;

/// Pause before a full lane is tried again.
pub const LANE_RETRY_NS: i64 = MS / 10;

/// A book that has been live for so long did not come from a bad subscription.
pub const STABLE_NS: i64 = 60_000 * MS;

/// In-band snapshots of up to so many levels go through the ring; larger ones (Coinbase: 44,000)
/// as a block beside it, so that they never find it full.
pub const RING_SNAPSHOT_LEVELS: usize = 1_024;

/// Bytes that a compressed message may inflate to: as many as a message on the wire may have. The
/// largest of Huobi and OKEx have 130 KiB.
pub const INFLATED_BYTES_MAX: usize = 8 << 20;

/// Orders that a book of orders may hold: 2^20 of 64 bytes, and an index of 16 MiB. The largest
/// books rest some 100,000; beyond the limit the book is stale (`Overflow`).
pub const ORDERS_MAX: usize = 1 << 20;

/// Orders for which a book of orders has room from the start: about 150 KiB.
pub const ORDERS_FIRST: usize = 1 << 10;

/// With two lines: how long a hole of one waits to be closed by the other. Lines are milliseconds
/// apart; the slowest channels send once a second.
pub const LINE_HEAL_NS: i64 = 1_000 * MS;

const MS: i64 = 1_000_000;
