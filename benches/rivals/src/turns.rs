//! Two threads that wait for each other, on two cores if there are two.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tickbook_benches::turns::Patience;

/// Hand-offs before the clock starts.
const WARMUP: u64 = 200;

/// Whether threads of a pair are bound to cores. Relaxed: set before any thread is started.
static PINNED: AtomicBool = AtomicBool::new(false);

/// Binds the threads of pairs to cores from now on.
pub(crate) fn pin(wish: bool) {
    PINNED.store(wish, Ordering::Relaxed);
}

/// The cores of a pair, if there are two and threads are to be bound.
pub(crate) fn cores() -> Option<[usize; 2]> {
    let ids = core_affinity::get_core_ids()?;
    let wished = PINNED.load(Ordering::Relaxed);
    (wished && ids.len() >= 2).then(|| [ids[0].id, ids[1].id])
}

/// Runs `f` in a new thread on one of the two cores.
fn on_core<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    which: usize,
    f: impl FnOnce() -> T + Send + 'scope,
) -> thread::ScopedJoinHandle<'scope, T> {
    scope.spawn(move || {
        if let Some(cores) = cores() {
            core_affinity::set_for_current(core_affinity::CoreId { id: cores[which] });
        }
        f()
    })
}

/// Runs both, each in a thread and on a core of its own, and gives what the first returns.
pub(crate) fn pair<T: Send>(near: impl FnOnce() -> T + Send, far: impl FnOnce() + Send) -> T {
    thread::scope(|scope| {
        let near = on_core(scope, 0, near);
        on_core(scope, 1, far);
        near.join().expect("the near thread does not panic")
    })
}

/// Nanoseconds of a hand-off one way: half of what a round takes in the near thread, which ends
/// when the far thread has answered. Each thread makes its end itself.
pub(crate) fn one_way<N: FnMut(u64), F: FnMut(u64)>(
    rounds: u64,
    near: impl FnOnce() -> N + Send,
    far: impl FnOnce() -> F + Send,
) -> f64 {
    let ready = Barrier::new(2);
    let elapsed = pair(
        || {
            let mut turn = near();
            ready.wait();
            (0..WARMUP).for_each(&mut turn);
            let start = Instant::now();
            (WARMUP..WARMUP + rounds).for_each(&mut turn);
            start.elapsed() / 2
        },
        || {
            let mut turn = far();
            ready.wait();
            (0..WARMUP + rounds).for_each(&mut turn);
        },
    );
    elapsed.as_nanos() as f64 / rounds as f64
}

/// Nanoseconds a message when one thread sends `messages` as fast as the other takes them.
pub(crate) fn streamed(
    messages: u64,
    mut receive: impl FnMut(u64) + Send,
    mut send: impl FnMut(u64) + Send,
) -> f64 {
    let ready = Barrier::new(2);
    let elapsed: Duration = pair(
        || {
            ready.wait();
            let start = Instant::now();
            (0..messages).for_each(&mut receive);
            start.elapsed()
        },
        || {
            ready.wait();
            (0..messages).for_each(&mut send);
        },
    );
    elapsed.as_nanos() as f64 / messages as f64
}

/// Spins until `f` gives something.
#[inline]
pub(crate) fn wait<T>(mut f: impl FnMut() -> Option<T>) -> T {
    let mut patience = Patience::default();
    loop {
        if let Some(value) = f() {
            return value;
        }
        patience.wait();
    }
}
