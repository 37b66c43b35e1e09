//! Keeping below a venue's limit of inbound messages per second.

use tickbook_types::MonoNanos;

/// Allows at most so many messages in any second.
///
/// Messages that nobody can hold back (pongs) are told to it and count all the same.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// When the last messages were sent: a ring as long as the limit.
    sent: Box<[MonoNanos]>,
    /// Index of the oldest.
    oldest: usize,
}

/// One second.
const WINDOW_NS: i64 = 1_000_000_000;

impl Pacer {
    /// At most `per_second` messages (at least one) in any second.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let slots = per_second.max(1) as usize;
        Self { sent: vec![MonoNanos(i64::MIN); slots].into_boxed_slice(), oldest: 0 }
    }

    /// When the next message may be sent.
    #[must_use]
    pub fn ready_at(&self) -> MonoNanos {
        self.sent[self.oldest].plus(WINDOW_NS)
    }

    /// Whether a message may be sent now.
    #[must_use]
    pub fn is_ready(&self, now: MonoNanos) -> bool {
        now >= self.ready_at()
    }

    /// A message was sent.
    pub fn sent(&mut self, now: MonoNanos) {
        self.sent[self.oldest] = now;
        self.oldest = (self.oldest + 1) % self.sent.len();
    }

    /// A new connection: nothing was sent on it.
    pub fn reset(&mut self) {
        self.sent.fill(MonoNanos(i64::MIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_limit() {
        let mut pacer = Pacer::new(4);
        let mut sent = Vec::new();
        for step in 0..400_i64 {
            let now = MonoNanos(step * 17_000_000);
            // A pong every so often, which cannot wait.
            let forced = step % 50 == 0;
            if forced || pacer.is_ready(now) {
                pacer.sent(now);
                sent.push((now, forced));
            }
        }
        for (index, (at, forced)) in sent.iter().enumerate() {
            let within = sent[..=index].iter().filter(|(then, _)| at.since(*then) < WINDOW_NS);
            assert!(within.count() <= 4 || *forced);
        }
        assert!(sent.len() >= 4 * 6, "it does use its limit: {}", sent.len());
    }

    #[test]
    fn a_new_connection_starts_afresh() {
        let mut pacer = Pacer::new(1);
        pacer.sent(MonoNanos(5));
        assert!(!pacer.is_ready(MonoNanos(6)));
        assert_eq!(pacer.ready_at(), MonoNanos(5 + WINDOW_NS));
        pacer.reset();
        assert!(pacer.is_ready(MonoNanos(6)));
    }
}
