//! Every limit of a session, with the reason for its value.

/// Book ids of a replay that names no symbols: the recordings at hand have up to 11.
pub const REPLAY_BOOKS_MAX: u32 = 256;

/// Inner stages are stamped on every 64th book message: a stamp costs 9-12 ns.
pub const SAMPLE_EVERY: u32 = 64;
