//! Copies a session's counters to shared memory, name by name.

use tickbook_shm::{Counter, StatsWriter};
use tickbook_venues::{Ignored, Rejected, SessionCounters};

/// Which counter of the file each counter of a session is.
#[derive(Debug)]
pub(crate) struct Tally {
    named: Vec<Option<Counter>>,
    ignored: Vec<Counter>,
    rejected: Vec<Counter>,
}

impl Tally {
    /// Looks the names up, once.
    #[must_use]
    pub(crate) fn new() -> Self {
        let named = SessionCounters::default().named();
        let reason = |prefix: &str, name: &str, other| {
            Counter::from_name(&format!("{prefix}_{name}")).unwrap_or(other)
        };
        Self {
            named: named.iter().map(|(name, _)| Counter::from_name(name)).collect(),
            ignored: Ignored::ALL
                .iter()
                .map(|it| reason("ignored", it.name(), Counter::IgnoredOther))
                .collect(),
            rejected: Rejected::ALL
                .iter()
                .map(|it| reason("rejected", it.name(), Counter::RejectedOther))
                .collect(),
        }
    }

    /// Copies every counter.
    pub(crate) fn copy(&self, from: &SessionCounters, to: &mut StatsWriter) {
        for (counter, (_, value)) in self.named.iter().zip(from.named()) {
            if let Some(counter) = counter {
                to.set(*counter, value);
            }
        }
        for (counter, reason) in self.ignored.iter().zip(Ignored::ALL) {
            to.set(*counter, from.ignored(*reason));
        }
        for (counter, reason) in self.rejected.iter().zip(Rejected::ALL) {
            to.set(*counter, from.rejected(*reason));
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_a_session_has_a_counter_of_its_own_in_the_file() {
        let tally = Tally::new();
        for (counter, (name, _)) in tally.named.iter().zip(SessionCounters::default().named()) {
            assert!(counter.is_some(), "no counter '{name}' in shared memory");
        }
        assert!(!tally.ignored.contains(&Counter::IgnoredOther));
        assert!(!tally.rejected.contains(&Counter::RejectedOther));
    }
}
