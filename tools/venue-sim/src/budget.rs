//! The request weight that REST clients have used up this minute, and faults on request.

use std::time::{Duration, Instant};

use tickbook_types::Venue;

/// The venue's account of request weights, one for all clients: they share an address.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u32,
    is_enforced: bool,
    minute: Instant,
    used: u32,
    refused: u32,
    requests: u64,
    forced: Option<Forced>,
}

/// Answers with this status on request.
#[derive(Clone, Copy, Debug)]
struct Forced {
    code: u16,
    retry_after: Option<Duration>,
    left: u32,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) retry_after: Option<Duration>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Requests refused with 429 before the address is banned with 418.
const REFUSALS_MAX: u32 = 10;

impl Budget {
    pub(crate) fn new(venue: Venue, is_enforced: bool) -> Self {
        // From the venues' pages: 6,000 a minute on spot, 2,400 on futures.
        let is_futures = matches!(venue, Venue::BinanceUsdm | Venue::BinanceCoinm);
        let limit = if is_futures { 2_400 } else { 6_000 };
        Self {
            limit,
            is_enforced,
            minute: Instant::now(),
            used: 0,
            refused: 0,
            requests: 0,
            forced: None,
        }
    }

    /// Weight a minute.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Weight used in this minute.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Refuses the next `count` requests.
    pub(crate) fn force(&mut self, code: u16, retry_after: Option<Duration>, count: u32) {
        self.forced = (count > 0).then_some(Forced { code, retry_after, left: count });
    }

    /// Accounts for a request.
    pub(crate) fn spend(&mut self, weight: u32, now: Instant) -> Result<(), Refusal> {
        self.requests += 1;
        if now.saturating_duration_since(self.minute) >= MINUTE {
            (self.minute, self.used, self.refused) = (now, 0, 0);
        }
        self.used += weight;
        if let Some(forced) = &mut self.forced {
            let refusal = Refusal { code: forced.code, retry_after: forced.retry_after };
            forced.left -= 1;
            if forced.left == 0 {
                self.forced = None;
            }
            return Err(refusal);
        }
        if !self.is_enforced || self.used <= self.limit {
            return Ok(());
        }
        self.refused += 1;
        let code = if self.refused > REFUSALS_MAX { 418 } else { 429 };
        let left = MINUTE.saturating_sub(now.saturating_duration_since(self.minute));
        Err(Refusal { code, retry_after: Some(left) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minutes_weight_runs_out_and_comes_back() {
        let mut budget = Budget::new(Venue::BinanceSpot, true);
        let start = Instant::now();
        for _ in 0..24 {
            assert_eq!(budget.spend(250, start), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(budget.spend(250, start).unwrap_err().code, 429);
        }
        assert_eq!(budget.spend(250, start).unwrap_err().code, 418);
        assert_eq!(budget.spend(250, start + MINUTE), Ok(()));
        assert_eq!(budget.used(), 250);
    }

    #[test]
    fn a_forced_status_lasts_for_its_count() {
        let mut budget = Budget::new(Venue::BinanceUsdm, false);
        let refusal = Refusal { code: 429, retry_after: Some(Duration::from_secs(3)) };
        budget.force(refusal.code, refusal.retry_after, 2);
        let now = Instant::now();
        assert_eq!(budget.spend(1, now), Err(refusal));
        assert_eq!(budget.spend(1, now), Err(refusal));
        assert_eq!(budget.spend(1, now), Ok(()));
    }
}
