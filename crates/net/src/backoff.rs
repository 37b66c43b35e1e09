//! When to try again: exponential delays with jitter.

use crate::limits::{BACKOFF_FIRST_NS, BACKOFF_LONGEST_NS};

/// Delays between attempts to connect: doubling up to a longest one, each drawn from the upper
/// half of its range, so that many connections dropped at once do not come back at once.
///
/// Sans-IO: no clock, and no randomness but the seed. Equal seeds give equal delays.
#[derive(Clone, Debug)]
pub struct Backoff {
    first_ns: i64,
    longest_ns: i64,
    attempts: u32,
    random: SplitMix,
}

impl Backoff {
    /// Delays from `limits::BACKOFF_FIRST_NS` to `limits::BACKOFF_LONGEST_NS`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self::with_range(BACKOFF_FIRST_NS, BACKOFF_LONGEST_NS, seed)
    }

    /// Delays up to `first_ns` at first and never above `longest_ns`; both at least 1.
    #[must_use]
    pub const fn with_range(first_ns: i64, longest_ns: i64, seed: u64) -> Self {
        let first_ns = if first_ns < 1 { 1 } else { first_ns };
        let longest_ns = if longest_ns < first_ns { first_ns } else { longest_ns };
        Self { first_ns, longest_ns, attempts: 0, random: SplitMix(seed) }
    }

    /// The delay before the next attempt: in `[d/2, d]`, where `d` doubles with each call.
    pub fn next_delay_ns(&mut self) -> i64 {
        let doubled = 1_i64.checked_shl(self.attempts).unwrap_or(i64::MAX).max(1);
        let full = self.first_ns.saturating_mul(doubled).min(self.longest_ns);
        self.attempts = self.attempts.saturating_add(1).min(62);
        let half = full / 2;
        let span = (full - half).unsigned_abs() + 1;
        half + (self.random.next_u64() % span).cast_signed()
    }

    /// The delay before the next attempt when the venue named one (`Retry-After`) or the close
    /// code asks for patience: never less than `at_least_ns`, jitter on top.
    pub fn next_delay_at_least_ns(&mut self, at_least_ns: i64) -> i64 {
        at_least_ns.max(0).saturating_add(self.next_delay_ns())
    }

    /// To be called once a connection has proved good: delays start over.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Attempts since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// A small generator for jitter and frame masks (Steele, Lea, Flood 2014). Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    #[inline]
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_stay_in_their_half() {
        for seed in 0..200 {
            let mut backoff = Backoff::with_range(100, 1_000, seed);
            for full in [100, 200, 400, 800, 1_000, 1_000, 1_000] {
                let delay = backoff.next_delay_ns();
                assert!((full / 2..=full).contains(&delay), "{delay} of {full}");
            }
            backoff.reset();
            assert!(backoff.next_delay_ns() <= 100);
        }
    }

    #[test]
    fn jitter_spreads_and_repeats_by_seed() {
        let delays = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..10).map(|_| backoff.next_delay_ns()).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        let mut backoff = Backoff::with_range(i64::MAX / 2, i64::MAX, 7);
        for _ in 0..200 {
            assert!(backoff.next_delay_ns() > 0);
            assert!(backoff.next_delay_at_least_ns(i64::MAX) > 0);
        }
        let mut tiny = Backoff::with_range(-5, -9, 7);
        assert!((0..=1).contains(&tiny.next_delay_ns()));
    }

    #[test]
    fn a_named_delay_is_kept() {
        let mut backoff = Backoff::new(3);
        assert!(backoff.next_delay_at_least_ns(60_000_000_000) >= 60_000_000_000);
    }
}
