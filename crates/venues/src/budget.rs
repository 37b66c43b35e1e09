//! Keeping below a venue's budget of REST weight per minute.

use tickbook_types::MonoNanos;

/// A token bucket of request weight, with a pause when the venue asks for one.
///
/// Holds a quarter of a minute's weight and refills with three quarters of it a minute, so that
/// no minute ever sees more than the whole.
#[derive(Clone, Debug)]
pub struct WeightBudget {
    /// Weight a minute.
    per_minute: u32,
    /// Weight that may be spent now, times [`UNIT`].
    tokens: i64,
    /// When `tokens` was right.
    counted_at: Option<MonoNanos>,
    /// No request before this.
    paused_until: MonoNanos,
}

const MINUTE_NS: i64 = 60_000_000_000;

/// Tokens are counted in millionths of a weight.
const UNIT: i64 = 1_000_000;

impl WeightBudget {
    /// A budget of `per_minute`.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let full = i64::from(per_minute.max(1)) * UNIT / 4;
        Self {
            per_minute: per_minute.max(1),
            tokens: full,
            counted_at: None,
            paused_until: MonoNanos(i64::MIN),
        }
    }

    /// Spends `weight` if it is there now.
    pub fn try_spend(&mut self, weight: u32, now: MonoNanos) -> bool {
        self.refill(now);
        if now < self.paused_until || self.tokens < self.price(weight) {
            return false;
        }
        self.tokens -= self.price(weight);
        true
    }

    /// When `weight` will be there, if nothing else is spent.
    #[must_use]
    pub fn ready_at(&self, weight: u32, now: MonoNanos) -> MonoNanos {
        let missing = self.price(weight) - self.tokens;
        let counted_at = self.counted_at.unwrap_or(now);
        let per_ms = self.per_ms();
        let wait = (missing.max(0) + per_ms - 1) / per_ms * 1_000_000;
        counted_at.plus(wait).max(self.paused_until).max(now)
    }

    /// The venue asked for a pause: nothing before `until`.
    pub fn pause(&mut self, until: MonoNanos) {
        self.paused_until = self.paused_until.max(until);
    }

    /// A request that weighs more than the bucket holds is let through when it is full.
    fn price(&self, weight: u32) -> i64 {
        (i64::from(weight) * UNIT).min(self.full())
    }

    fn full(&self) -> i64 {
        i64::from(self.per_minute) * UNIT / 4
    }

    /// Tokens that come back in a millisecond.
    fn per_ms(&self) -> i64 {
        (i64::from(self.per_minute) * UNIT * 3 / 4 / 60_000).max(1)
    }

    fn refill(&mut self, now: MonoNanos) {
        let counted_at = *self.counted_at.get_or_insert(now);
        let passed_ms = now.since(counted_at).clamp(0, MINUTE_NS) / 1_000_000;
        if passed_ms > 0 {
            self.tokens = (self.tokens + passed_ms * self.per_ms()).min(self.full());
            self.counted_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn no_minute_sees_more_than_the_budget() {
        let mut budget = WeightBudget::new(6000);
        let mut spent = Vec::new();
        for step in 0..4000 {
            let now = MonoNanos(step * 50 * MS);
            if budget.try_spend(250, now) {
                spent.push(now);
            }
        }
        for (index, at) in spent.iter().enumerate() {
            let within = spent[..=index].iter().filter(|then| at.since(**then) < MINUTE_NS);
            assert!(within.count() * 250 <= 6000);
        }
        assert!(spent.len() * 250 > 12_000, "three minutes and more use most of it");
    }

    #[test]
    fn the_time_it_names_is_the_time_it_comes() {
        let mut budget = WeightBudget::new(1200);
        let start = MonoNanos(7);
        while budget.try_spend(50, start) {}
        let ready = budget.ready_at(50, start);
        assert!(ready > start);
        assert!(!budget.clone().try_spend(50, ready.plus(-2 * MS)));
        assert!(budget.try_spend(50, ready));
    }

    #[test]
    fn a_pause_holds_everything_back() {
        let mut budget = WeightBudget::new(1200);
        budget.pause(MonoNanos(5_000 * MS));
        assert!(!budget.try_spend(1, MonoNanos(4_999 * MS)));
        assert_eq!(budget.ready_at(1, MonoNanos(0)), MonoNanos(5_000 * MS));
        assert!(budget.try_spend(1, MonoNanos(5_000 * MS)));
    }

    #[test]
    fn what_weighs_more_than_the_bucket_passes_when_it_is_full() {
        let mut budget = WeightBudget::new(100);
        assert!(budget.try_spend(250, MonoNanos(0)));
        assert!(!budget.try_spend(1, MonoNanos(0)));
    }
}
