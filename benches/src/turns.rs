//! Two threads that wait for each other in turn.

use std::thread;
use std::time::{Duration, Instant};

/// Rounds before the clock starts: the other thread must be running.
const WARMUP: u64 = 64;

/// Spins that are more than any hand-off on two cores takes; after them the core is offered to
/// others, so that the benches end on a host with one core too.
const SPINS: u32 = 1 << 14;

/// Waiting in a spin loop.
#[derive(Debug, Default)]
pub struct Patience {
    spins: u32,
}

impl Patience {
    /// Waits a little.
    #[inline]
    pub fn wait(&mut self) {
        self.spins += 1;
        if self.spins.is_multiple_of(SPINS) {
            thread::yield_now();
        } else {
            core::hint::spin_loop();
        }
    }
}

/// Time of `rounds` hand-offs one way: half of what `near` takes, each call of which ends when
/// `far`, in another thread, has answered.
pub fn one_way(
    rounds: u64,
    mut near: impl FnMut(u64),
    mut far: impl FnMut(u64) + Send,
) -> Duration {
    thread::scope(|scope| {
        scope.spawn(move || (0..WARMUP + rounds).for_each(&mut far));
        (0..WARMUP).for_each(&mut near);
        let start = Instant::now();
        (WARMUP..WARMUP + rounds).for_each(&mut near);
        start.elapsed() / 2
    })
}
