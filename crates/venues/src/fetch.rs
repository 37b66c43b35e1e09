//! One REST request at a time for one thing, repeated with growing pauses until it succeeds.

use tickbook_types::MonoNanos;

use crate::action::RequestId;
use crate::limits::{FETCH_PAUSE_MAX_NS, FETCH_PAUSE_MIN_NS};

/// Where the request for a thing stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Nothing is wanted.
    #[default]
    Idle,
    /// Wanted, not before a time.
    Wanted(MonoNanos),
    /// Asked for; given up at the deadline.
    Asked(RequestId, MonoNanos),
}

/// A thing that is fetched, and how often that failed in a row.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fetch {
    pub(crate) stage: Stage,
    pub(crate) failures: u32,
}

impl Fetch {
    /// Wants it from `at` on, or earlier if it is wanted earlier already. A request under way
    /// stands.
    pub(crate) fn want(&mut self, at: MonoNanos) {
        self.stage = match self.stage {
            Stage::Idle => Stage::Wanted(at),
            Stage::Wanted(before) => Stage::Wanted(before.min(at)),
            asked @ Stage::Asked(..) => asked,
        };
    }

    /// Lets go of it: it came, or is no longer wanted.
    pub(crate) fn settle(&mut self) {
        *self = Self::default();
    }

    /// It failed (or what came was of no use): wanted again after a pause that doubles each time.
    pub(crate) fn fail(&mut self, now: MonoNanos) {
        let pause = FETCH_PAUSE_MIN_NS.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Wanted(now.plus(pause.min(FETCH_PAUSE_MAX_NS)));
    }

    /// Whether `id` is the request under way.
    pub(crate) fn is_answered_by(&self, id: RequestId) -> bool {
        matches!(self.stage, Stage::Asked(asked, _) if asked == id)
    }

    /// When something is to be done about it.
    pub(crate) const fn due(&self) -> MonoNanos {
        match self.stage {
            Stage::Idle => MonoNanos::FAR,
            Stage::Wanted(at) | Stage::Asked(_, at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_somewhere() {
        let mut fetch = Fetch::default();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            fetch.fail(MonoNanos(0));
            pauses.push(fetch.due().0);
        }
        assert_eq!(
            pauses[..3],
            [FETCH_PAUSE_MIN_NS, 2 * FETCH_PAUSE_MIN_NS, 4 * FETCH_PAUSE_MIN_NS]
        );
        assert_eq!(pauses[39], FETCH_PAUSE_MAX_NS);
        fetch.settle();
        assert_eq!(fetch, Fetch::default());
    }

    #[test]
    fn a_request_under_way_is_not_doubled() {
        let mut fetch = Fetch::default();
        fetch.want(MonoNanos(9));
        fetch.want(MonoNanos(5));
        assert_eq!(fetch.due(), MonoNanos(5));
        fetch.stage = Stage::Asked(RequestId(1), MonoNanos(50));
        fetch.want(MonoNanos(6));
        assert!(fetch.is_answered_by(RequestId(1)));
        assert!(!fetch.is_answered_by(RequestId(2)));
    }
}
