//! One connection slot of a venue thread: how far it is, and when it may be tried again.

use tickbook_net::{Backoff, Connection, NetError, Phase};
use tickbook_types::MonoNanos;

use crate::url::Url;

/// One connection slot.
pub(crate) struct Conn {
    pub(crate) state: ConnStep,
    /// No attempt before this.
    pub(crate) not_before: MonoNanos,
    /// How often it was opened.
    pub(crate) epoch: u32,
    /// When it was opened; the beginning of time while it is not open.
    pub(crate) opened_at: MonoNanos,
    /// Whether messages of the last read wait for a snapshot of the recording that is played.
    pub(crate) held: bool,
    /// Pongs that the session has heard of.
    pub(crate) pongs_told: u64,
    backoff: Backoff,
    failures: u32,
}

/// How far a connection slot is.
pub(crate) enum ConnStep {
    /// Not wanted.
    Down,
    /// Wanted, not before its time.
    Waiting { at: MonoNanos, url: Url },
    /// The service thread looks for its address.
    Resolving,
    /// On its way, or open.
    Up(Box<Connection>),
}

impl Conn {
    /// A slot that nobody wants yet; `seed` spreads its attempts.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: ConnStep::Down,
            not_before: MonoNanos::default(),
            epoch: 0,
            opened_at: MonoNanos::default(),
            held: false,
            pongs_told: 0,
            backoff: Backoff::new(seed),
            failures: 0,
        }
    }

    /// Whether messages flow.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&self.state, ConnStep::Up(connection) if connection.phase() == Phase::Open)
    }

    /// The connection ended with `error`: how long to stay away, in nanoseconds, also kept in
    /// `not_before`.
    pub(crate) fn delay_after(&mut self, error: NetError, now: MonoNanos) -> i64 {
        let lived = now.since(self.opened_at);
        let was_open = self.opened_at != MonoNanos::default();
        self.opened_at = MonoNanos::default();
        if was_open && lived >= STEADY_NS {
            self.backoff.reset();
            self.failures = 0;
        }
        let delay = match error.wait_at_least_ns() {
            // The first loss of a steady connection is not worth a wait.
            0 if self.failures == 0 && was_open => 0,
            at_least => self.backoff.next_delay_at_least_ns(at_least),
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.plus(delay);
        delay
    }
}

/// A connection that lived this long was a good one: its next loss is retried at once.
const STEADY_NS: i64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn only_the_first_loss_of_a_steady_connection_is_retried_at_once() {
        let mut conn = Conn::new(1);
        assert!(conn.delay_after(NetError::Truncated, MonoNanos(SECOND)) > 0, "never open");
        conn.opened_at = MonoNanos(SECOND);
        assert!(conn.delay_after(NetError::Truncated, MonoNanos(2 * SECOND)) > 0, "short-lived");
        conn.opened_at = MonoNanos(3 * SECOND);
        let later = MonoNanos(3 * SECOND + STEADY_NS);
        assert_eq!(conn.delay_after(NetError::Truncated, later), 0);
        assert_eq!(conn.not_before, later);
        assert!(conn.delay_after(NetError::Truncated, later) > 0, "not open since");
    }

    #[test]
    fn a_venue_that_says_how_long_is_heard() {
        let mut conn = Conn::new(1);
        conn.opened_at = MonoNanos(1);
        let refused = NetError::Refused { status: 429, retry_after_s: Some(90) };
        assert!(conn.delay_after(refused, MonoNanos(40 * SECOND)) >= 90 * SECOND);
    }
}
