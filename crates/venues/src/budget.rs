//! Keeping below a venue's budget of REST weight per minute.

use std::collections::VecDeque;

use tickbook_types::MonoNanos;

/// A sliding minute of request weight, with a pause when the venue asks for one.
///
/// The venue counts by minutes of its own clock. Whatever minute it looks at, no more than
/// [`Self::usable`] was spent in it; until then nothing waits, so that a whole engine's books come
/// back as fast as the venue allows.
#[derive(Clone, Debug)]
pub struct WeightBudget {
    /// Weight a minute.
    per_minute: u32,
    /// What was spent within the last minute, oldest first.
    spent: VecDeque<(MonoNanos, u32)>,
    /// No request before this.
    paused_until: MonoNanos,
}

const MINUTE_NS: i64 = 60_000_000_000;

impl WeightBudget {
    /// A budget of `per_minute`.
    #[must_use]
    pub const fn new(per_minute: u32) -> Self {
        Self { per_minute, spent: VecDeque::new(), paused_until: MonoNanos(i64::MIN) }
    }

    /// What is used of the budget: a tenth is left to others behind the same address.
    #[must_use]
    pub fn usable(&self) -> u32 {
        (self.per_minute - self.per_minute / 10).max(1)
    }

    /// Spends `weight` if it is there now.
    pub fn try_spend(&mut self, weight: u32, now: MonoNanos) -> bool {
        while self.spent.front().is_some_and(|(at, _)| now.since(*at) >= MINUTE_NS) {
            self.spent.pop_front();
        }
        if now < self.ready_at(weight, now) {
            return false;
        }
        self.spent.push_back((now, weight));
        true
    }

    /// When `weight` will be there, if nothing else is spent.
    ///
    /// A request that weighs more than the whole budget is let through when nothing else was
    /// spent for a minute.
    #[must_use]
    pub fn ready_at(&self, weight: u32, now: MonoNanos) -> MonoNanos {
        let recent = self.spent.iter().filter(|(at, _)| now.since(*at) < MINUTE_NS);
        let total: u64 = recent.clone().map(|(_, weight)| u64::from(*weight)).sum();
        let usable = u64::from(self.usable());
        let allowed = usable.saturating_sub(u64::from(weight).min(usable));
        let mut left = total;
        let mut ready = now;
        for (at, weight) in recent {
            if left <= allowed {
                break;
            }
            left -= u64::from(*weight);
            ready = at.plus(MINUTE_NS);
        }
        ready.max(self.paused_until).max(now)
    }

    /// The venue asked for a pause: nothing before `until`.
    pub fn pause(&mut self, until: MonoNanos) {
        self.paused_until = self.paused_until.max(until);
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
    fn what_the_minute_has_left_is_there_at_once() {
        let mut budget = WeightBudget::new(1200);
        for _ in 0..1080 / 25 {
            assert!(budget.try_spend(25, MonoNanos(0)));
        }
        assert!(!budget.try_spend(25, MonoNanos(0)));
        assert_eq!(budget.ready_at(25, MonoNanos(0)), MonoNanos(MINUTE_NS));
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
