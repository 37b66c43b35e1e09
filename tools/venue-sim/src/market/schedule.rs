//! When messages are due: an open-loop schedule that a late sender does not move.

use super::rng::{Chance, Rng};

/// The moments of an endless row of messages, in nanoseconds since the start.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    rng: Rng,
    /// Mean interval of single messages.
    interval_ns: u64,
    burst: Chance,
    due_ns: u64,
    /// Messages still due at `due_ns`.
    left: u64,
}

/// Messages in a burst: 2 to this, 33 on average.
const BURST_MAX: u64 = 64;

impl Schedule {
    /// `share` of the messages come in bursts.
    pub(crate) fn new(seed: u64, messages_per_s: f64, share: f64) -> Self {
        // A group is a burst with a chance p such that p * 33 / (p * 33 + 1 - p) is the share.
        let burst = Chance::new(share / (33.0 - 32.0 * share));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "200 ..= 1e12")]
        let interval_ns = (1e9 / messages_per_s) as u64;
        Self { rng: Rng::new(!seed), interval_ns, burst, due_ns: 0, left: 1 }
    }

    /// When the next message is due.
    pub(crate) fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Goes on to the message behind the next.
    pub(crate) fn step(&mut self) {
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        self.left = if self.rng.chance(self.burst) { 2 + self.rng.below(BURST_MAX - 1) } else { 1 };
        // The interval before a group is as long as the group's messages would take, within half.
        let mean = self.interval_ns * self.left;
        self.due_ns += mean / 2 + self.rng.below(mean + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_with_and_without_bursts() {
        for share in [0.0, 0.3, 1.0] {
            let mut schedule = Schedule::new(1, 10_000.0, share);
            let mut bursts = 0_u32;
            for _ in 0..100_000 {
                let before = schedule.due_ns();
                schedule.step();
                bursts += u32::from(schedule.due_ns() == before);
            }
            let seconds = schedule.due_ns() as f64 / 1e9;
            assert!((9.0..11.0).contains(&seconds), "{share}: {seconds}");
            let inside = f64::from(bursts) / 100_000.0;
            assert!((share - inside).abs() < 0.08, "{share}: {inside}");
        }
    }
}
