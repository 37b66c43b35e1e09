//! REST requests: one at a time for one thing, repeated with growing pauses until it succeeds, all
//! within the venue's budget.

use tickbook_types::MonoNanos;

use crate::action::{Action, RequestId, RestPurpose, RestRequest, Warning};
use crate::budget::WeightBudget;
use crate::limits::{
    FETCH_PAUSE_MAX_NS, FETCH_PAUSE_MIN_NS, FETCH_TIMEOUT_NS, PAUSE_DEFAULT_S, PAUSE_MAX_S,
};
use crate::rest::RestError;
use crate::session::Context;

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

/// The REST requests of a session: their numbers, and the venue's budget for them.
#[derive(Debug)]
pub(crate) struct Requests {
    budget: WeightBudget,
    last: u64,
    live: bool,
}

impl Requests {
    /// None yet. In a replay (`live` is false) nothing is held back, and nobody needs to answer.
    pub(crate) fn new(weight_per_minute: u32, live: bool) -> Self {
        Self { budget: WeightBudget::new(weight_per_minute), last: 0, live }
    }

    /// Asks if the budget allows it now; the stage of the fetch after that.
    pub(crate) fn ask(
        &mut self,
        path: String,
        weight: u32,
        purpose: RestPurpose,
        wanted: MonoNanos,
        cx: &mut Context<'_>,
    ) -> Stage {
        if self.live && !self.budget.try_spend(weight, cx.now) {
            return Stage::Wanted(self.budget.ready_at(weight, cx.now).max(wanted));
        }
        self.last += 1;
        let id = RequestId(self.last);
        cx.actions.push(Action::Fetch(RestRequest { id, path, weight, purpose }));
        let deadline = if self.live { cx.now.plus(FETCH_TIMEOUT_NS) } else { MonoNanos::FAR };
        Stage::Asked(id, deadline)
    }

    /// A request failed: where the venue asks for a pause, everything pauses.
    pub(crate) fn failed(&mut self, error: RestError, cx: &mut Context<'_>) {
        cx.counters.rest_errors += 1;
        if let RestError::Status { code: code @ (418 | 429), retry_after_s } = error {
            let pause_s = retry_after_s.unwrap_or(PAUSE_DEFAULT_S).clamp(1, PAUSE_MAX_S);
            self.budget.pause(cx.now.plus(i64::from(pause_s) * 1_000_000_000));
            cx.actions.push(Action::Warn(Warning::RateLimited { code, pause_s }));
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
