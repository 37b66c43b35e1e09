//! What a thread does when a turn of its loop found nothing to do.
//!
//! The names are Aeron's: `busy-spin` burns its core for the shortest reaction, `yield` lets others
//! run between polls, `backoff` sleeps longer the longer nothing happens.

use std::time::Duration;

use serde::Deserialize;

/// An idle strategy by name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Idle {
    /// Never give the core away. Only sensible for a thread with a core to itself.
    BusySpin,
    /// Offer the core to others after every empty turn.
    Yield,
    /// Spin a little, then yield, then sleep up to [`SLEEP_MAX`].
    Backoff,
}

impl Idle {
    /// The name in configuration and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BusySpin => "busy-spin",
            Self::Yield => "yield",
            Self::Backoff => "backoff",
        }
    }
}

/// The idle state of one thread.
#[derive(Debug)]
pub struct Idler {
    strategy: Idle,
    empty_turns: u32,
}

impl Idler {
    /// An idler that has just worked.
    #[must_use]
    pub const fn new(strategy: Idle) -> Self {
        Self { strategy, empty_turns: 0 }
    }

    /// Ends a turn of the loop in which `work` things were done.
    #[inline]
    pub fn turn(&mut self, work: usize) {
        if work == 0 && self.strategy == Idle::BusySpin {
            core::hint::spin_loop();
        }
        self.polled(work, std::thread::sleep);
    }

    /// The same for a thread whose turn makes a system call, which is pause enough for
    /// `busy-spin`, and that knows something better than sleeping: `wait` returns after the time
    /// it is given, or as soon as there may be work.
    #[inline]
    pub fn polled(&mut self, work: usize, wait: impl FnOnce(Duration)) {
        if work > 0 {
            self.empty_turns = 0;
            return;
        }
        match self.strategy {
            Idle::BusySpin => {}
            Idle::Yield => std::thread::yield_now(),
            Idle::Backoff => self.back_off(wait),
        }
    }

    fn back_off(&mut self, wait: impl FnOnce(Duration)) {
        let turns = self.empty_turns;
        self.empty_turns = turns.saturating_add(1);
        if turns < SPIN_TURNS {
            core::hint::spin_loop();
        } else if turns < SPIN_TURNS + YIELD_TURNS {
            std::thread::yield_now();
        } else {
            let doublings = (turns - SPIN_TURNS - YIELD_TURNS).min(16);
            wait((SLEEP_MIN * (1 << doublings)).min(SLEEP_MAX));
        }
    }
}

/// Turns that `backoff` spins: some microseconds, the gap between two messages of a burst.
const SPIN_TURNS: u32 = 100;
/// Turns that `backoff` yields before it sleeps.
const YIELD_TURNS: u32 = 100;
/// First sleep of `backoff`.
const SLEEP_MIN: Duration = Duration::from_micros(1);
/// Longest sleep of `backoff`: a fifth of the shortest heartbeat a reader tolerates (5 ms).
pub const SLEEP_MAX: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_sleeps_only_after_many_empty_turns_and_wakes_at_the_first_work() {
        let mut idler = Idler::new(Idle::Backoff);
        for _ in 0..SPIN_TURNS + YIELD_TURNS {
            idler.turn(0);
        }
        let before = std::time::Instant::now();
        for _ in 0..12 {
            idler.turn(0);
        }
        // 1 + 2 + ... + 512 us, then 1 ms twice: at least 3 ms of sleep.
        assert!(before.elapsed() >= Duration::from_millis(3));
        idler.turn(1);
        assert_eq!(idler.empty_turns, 0);
    }
}
