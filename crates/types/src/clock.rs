//! The clocks of a process: time-stamp counter readings, and what they are in nanoseconds.
//!
//! A stamp on the hot path is one [`now`]: the processor's invariant time-stamp counter (TSC), 9-14
//! ns. A [`Converter`] turns it into monotonic or wall time by the last *anchor*: readings of the
//! counter, `CLOCK_MONOTONIC` and `CLOCK_REALTIME` taken together.
//!
//! # Guarantees
//!
//! - Where the processor has no invariant TSC, [`now`] reads `CLOCK_MONOTONIC` instead, and
//!   [`source`] says so.
//! - [`reanchor`] brackets each clock reading with two counter readings and keeps the tightest of
//!   several tries; the counter's rate comes from the longest baseline since the first anchor.
//!
//! # Not guaranteed
//!
//! - That converted times never step: each new anchor may move them by the error of the last one
//!   (wall time also by what the host's clock discipline did). Deadlines must use monotonic time.
//! - That nothing drifts without help: the service thread calls [`reanchor`] every 100 ms.
//!
//! # Invariants
//!
//! - `version` is even exactly when the anchor's words are whole; only the holder of `WRITER`
//!   changes them.

use std::sync::Mutex;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU64, fence};

use crate::{MonoNanos, Ticks, WallNanos};

/// Which counter [`now`] reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The invariant time-stamp counter.
    Tsc,
    /// `CLOCK_MONOTONIC` through the vDSO.
    ClockGettime,
}

impl Source {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tsc => "tsc",
            Self::ClockGettime => "clock_gettime",
        }
    }
}

/// A reading of the counter.
#[inline]
#[must_use]
pub fn now() -> Ticks {
    // Relaxed: the value is written once per process and every value but UNDECIDED is final.
    match SOURCE.load(Relaxed) {
        #[cfg(target_arch = "x86_64")]
        SOURCE_TSC => Ticks(tsc()),
        SOURCE_GETTIME => Ticks(mono_now().0.cast_unsigned()),
        _ => {
            decide();
            now()
        }
    }
}

/// Which counter this process uses.
#[must_use]
pub fn source() -> Source {
    let _ = now();
    if SOURCE.load(Relaxed) == SOURCE_TSC { Source::Tsc } else { Source::ClockGettime }
}

/// `CLOCK_MONOTONIC`, read from the system.
#[inline]
#[must_use]
pub fn mono_now() -> MonoNanos {
    MonoNanos(clock_gettime(libc::CLOCK_MONOTONIC))
}

/// `CLOCK_REALTIME`, read from the system.
#[inline]
#[must_use]
pub fn wall_now() -> WallNanos {
    WallNanos(clock_gettime(libc::CLOCK_REALTIME))
}

/// Measures the clocks against each other anew. Off the hot path; some microseconds.
pub fn reanchor() {
    let mut first = WRITER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let sample = Anchor::measure();
    let first = *first.get_or_insert_with(|| {
        let early = sample;
        // The rate of the very first anchor needs a baseline of its own: readings are exact to
        // some 20 ns, which over 30 ms is less than one part in a million.
        std::thread::sleep(std::time::Duration::from_millis(30));
        early
    });
    let late = Anchor::measure();
    let ticks = u128::from(late.ticks.saturating_sub(first.ticks)).max(1);
    let nanos = u128::from(late.mono.saturating_sub(first.mono).cast_unsigned());
    let rate = u64::try_from((nanos << RATE_SHIFT) / ticks).unwrap_or(u64::MAX);
    SHARED.publish(late, rate);
}

/// Turns counter readings into times, by a private copy of the last anchor.
#[derive(Clone, Copy, Debug)]
pub struct Converter {
    version: u64,
    anchor: Anchor,
    rate: u64,
}

impl Converter {
    /// A converter at the present anchor. The first one of a process takes about 30 ms.
    #[must_use]
    pub fn new() -> Self {
        if SHARED.version.load(Relaxed) == 0 {
            reanchor();
        }
        let mut converter = Self { version: 0, anchor: Anchor::default(), rate: 0 };
        converter.refresh();
        if converter.version == 0 {
            // Another thread was changing the anchor. It holds the lock until it has: a converter
            // without a rate would take every interval for none.
            let _whole = WRITER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            converter.refresh();
        }
        converter
    }

    /// Takes over a newer anchor if there is one: one load when there is none.
    #[inline]
    pub fn refresh(&mut self) {
        // Acquire: pairs with the Release store at the end of `Shared::publish`.
        let version = SHARED.version.load(Acquire);
        if version != self.version && version & 1 == 0 {
            self.take(version);
        }
    }

    #[cold]
    fn take(&mut self, version: u64) {
        // Relaxed: ordered by the Acquire load of `version` before and the fence behind.
        let anchor = Anchor {
            ticks: SHARED.ticks.load(Relaxed),
            mono: SHARED.mono.load(Relaxed).cast_signed(),
            wall_ticks: SHARED.wall_ticks.load(Relaxed),
            wall: SHARED.wall.load(Relaxed).cast_signed(),
        };
        let rate = SHARED.rate.load(Relaxed);
        // Acquire: pairs with the Release fence in `Shared::publish`; if any word above came from
        // a later publish, the load below sees its odd version.
        fence(Acquire);
        if SHARED.version.load(Relaxed) == version {
            *self = Self { version, anchor, rate };
        }
    }

    /// Nanoseconds that `ticks` ticks take.
    #[inline]
    #[must_use]
    pub fn nanos(&self, ticks: u64) -> u64 {
        u64::try_from((u128::from(ticks) * u128::from(self.rate)) >> RATE_SHIFT).unwrap_or(u64::MAX)
    }

    /// Ticks that take `nanos` nanoseconds.
    #[must_use]
    pub fn ticks(&self, nanos: u64) -> u64 {
        let ticks = (u128::from(nanos) << RATE_SHIFT) / u128::from(self.rate.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Nanoseconds from `earlier` to `later`; negative if they are the other way round.
    #[inline]
    #[must_use]
    pub fn between(&self, earlier: Ticks, later: Ticks) -> i64 {
        let signed = |ticks| i64::try_from(self.nanos(ticks)).unwrap_or(i64::MAX);
        if later >= earlier { signed(later.0 - earlier.0) } else { -signed(earlier.0 - later.0) }
    }

    /// Monotonic time of a reading.
    #[inline]
    #[must_use]
    pub fn mono(&self, at: Ticks) -> MonoNanos {
        MonoNanos(self.anchor.mono.wrapping_add(self.between(Ticks(self.anchor.ticks), at)))
    }

    /// Wall time of a reading.
    #[inline]
    #[must_use]
    pub fn wall(&self, at: Ticks) -> WallNanos {
        WallNanos(self.anchor.wall.wrapping_add(self.between(Ticks(self.anchor.wall_ticks), at)))
    }
}

impl Default for Converter {
    fn default() -> Self {
        Self::new()
    }
}

/// Each system clock with the counter reading that belongs to it.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    ticks: u64,
    mono: i64,
    wall_ticks: u64,
    wall: i64,
}

impl Anchor {
    fn measure() -> Self {
        let (ticks, mono) = bracketed(|| mono_now().0);
        let (wall_ticks, wall) = bracketed(|| wall_now().0);
        Self { ticks, mono, wall_ticks, wall }
    }
}

/// A reading of a clock and of the counter at its middle: the tightest of [`ANCHOR_TRIES`].
fn bracketed(read: impl Fn() -> i64) -> (u64, i64) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..ANCHOR_TRIES {
        let before = now().0;
        let nanos = read();
        let width = now().0.saturating_sub(before);
        if width < best.0 {
            best = (width, before + width / 2, nanos);
        }
    }
    (best.1, best.2)
}

/// The anchor that all threads share: a seqlock in one cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Shared {
    version: AtomicU64,
    ticks: AtomicU64,
    mono: AtomicU64,
    wall_ticks: AtomicU64,
    wall: AtomicU64,
    /// Nanoseconds per tick, times 2^32.
    rate: AtomicU64,
}

impl Shared {
    /// Called with `WRITER` held.
    fn publish(&self, anchor: Anchor, rate: u64) {
        // Relaxed: only the holder of WRITER writes it.
        let version = self.version.load(Relaxed);
        self.version.store(version | 1, Relaxed);
        // Release: pairs with the Acquire fence in `Converter::take`.
        fence(Release);
        self.ticks.store(anchor.ticks, Relaxed);
        self.mono.store(anchor.mono.cast_unsigned(), Relaxed);
        self.wall_ticks.store(anchor.wall_ticks, Relaxed);
        self.wall.store(anchor.wall.cast_unsigned(), Relaxed);
        self.rate.store(rate, Relaxed);
        // Release: pairs with the Acquire load in `Converter::refresh`.
        self.version.store(version + 2, Release);
    }
}

static SHARED: Shared = Shared {
    version: AtomicU64::new(0),
    ticks: AtomicU64::new(0),
    mono: AtomicU64::new(0),
    wall_ticks: AtomicU64::new(0),
    wall: AtomicU64::new(0),
    rate: AtomicU64::new(0),
};

/// Held while the anchor changes; holds the first anchor of the process.
static WRITER: Mutex<Option<Anchor>> = Mutex::new(None);

/// Fixed-point bits of the rate: 2^32 keeps 10 digits of it.
const RATE_SHIFT: u32 = 32;

/// Readings of which an anchor keeps the tightest: enough to dodge an interrupt or two.
const ANCHOR_TRIES: u32 = 5;

const SOURCE_TSC: u8 = 1;
const SOURCE_GETTIME: u8 = 2;

static SOURCE: AtomicU8 = AtomicU8::new(0);

#[cold]
fn decide() {
    let source = if tsc_is_invariant() { SOURCE_TSC } else { SOURCE_GETTIME };
    // Relaxed: every thread decides the same; see `now`.
    SOURCE.store(source, Relaxed);
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn tsc() -> u64 {
    // SAFETY: RDTSC exists on every x86-64 processor, and Linux does not trap it in user mode
    // unless a process asks for that (PR_SET_TSC), which this one does not.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// CPUID leaf 0x8000_0007, EDX bit 8 (Intel SDM vol. 3, 18.17.1; AMD APM vol. 3, E.4.6).
#[cfg(target_arch = "x86_64")]
fn tsc_is_invariant() -> bool {
    use core::arch::x86_64::__cpuid;
    __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0
}

#[cfg(not(target_arch = "x86_64"))]
fn tsc_is_invariant() -> bool {
    false
}

fn clock_gettime(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one timespec for the length of the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "clock_gettime knows its two standard clocks");
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held by tests that need the anchor to themselves.
    static SERIAL: Mutex<()> = Mutex::new(());

    #[test]
    fn converted_time_agrees_with_the_system_clocks() {
        let converter = Converter::new();
        // An interrupt between the readings makes one try late; it never makes one early.
        let off = (0..1_000)
            .map(|_| {
                let (before, at, after) = (mono_now(), now(), mono_now());
                let mono = converter.mono(at);
                (before.0 - mono.0).max(mono.0 - after.0)
            })
            .min();
        assert!(off.unwrap() < 1_000_000, "monotonic time is off by {off:?} ns");
        let wall = wall_now().0 - converter.wall(now()).0;
        assert!(wall.abs() < 1_000_000_000, "wall time is off by {wall} ns");
    }

    #[test]
    fn ticks_are_the_inverse_of_nanoseconds() {
        let converter = Converter::new();
        for nanos in [0, 1_000, 20_000, 1_000_000_000, 3_600_000_000_000] {
            let back = converter.nanos(converter.ticks(nanos));
            assert!(back.abs_diff(nanos) <= 1, "{nanos} became {back}");
        }
    }

    #[test]
    fn intervals_have_a_sign() {
        let converter = Converter::new();
        let early = now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let late = now();
        assert!(converter.between(early, late) >= 1_900_000);
        assert_eq!(converter.between(early, late), -converter.between(late, early));
    }

    #[test]
    fn a_converter_made_while_an_anchor_changes_has_a_rate() {
        let _serial = SERIAL.lock();
        reanchor();
        // In the middle of a publish, for as long as a preempted writer may take.
        let writer = WRITER.lock().unwrap();
        let version = SHARED.version.load(Relaxed);
        SHARED.version.store(version | 1, Relaxed);
        let made = std::thread::spawn(Converter::new);
        std::thread::sleep(std::time::Duration::from_millis(20));
        SHARED.version.store(version + 2, Release);
        drop(writer);
        let nanos = made.join().unwrap().nanos(1 << 30);
        assert!(nanos > 0, "2^30 ticks take {nanos} ns");
    }

    #[test]
    fn a_new_anchor_reaches_every_converter() {
        let _serial = SERIAL.lock();
        let mut converter = Converter::new();
        let version = converter.version;
        reanchor();
        converter.refresh();
        assert!(converter.version > version);
        assert_eq!(converter.version & 1, 0);
    }
}
