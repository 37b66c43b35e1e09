//! Whether what is in the file is still what the engine knows.
//!
//! A builder's heartbeat and a connection's last receive are words that other cores keep writing:
//! to look at them on every read would cost a cache miss each, many times the read itself. So a
//! reader looks once and works out until when the book stays fresh even if nothing more is heard
//! (the *horizon*: at most two heartbeat intervals ahead); until then a read only compares the
//! time-stamp counter with it. That is exact, not approximate: a book last heard of at `t` with a
//! limit of `l` is fresh until `t + l` whatever else is known.

use tickbook_shm::{ConnState, View};
use tickbook_types::clock::Converter;
use tickbook_types::{ConnId, MonoNanos, NotReadable, Ticks};

use crate::source::{age_ns, beat_left_ns, engine_fault};

/// Until when a book stays fresh, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    checked: Ticks,
    ticks: u64,
    until: MonoNanos,
}

impl Horizon {
    /// Nothing is known.
    pub(crate) const PAST: Self = Self { checked: Ticks(0), ticks: 0, until: MonoNanos(i64::MIN) };

    /// `checked` was read before `now`, so that the counter's end comes no later than the clock's;
    /// without it, the horizon is one of the clock only.
    pub(crate) fn new(
        checked: Option<Ticks>,
        now: MonoNanos,
        left_ns: i64,
        rate: &TickRate,
    ) -> Self {
        let ticks = if checked.is_some() { rate.ticks(left_ns) } else { 0 };
        Self { checked: checked.unwrap_or_default(), ticks, until: now.plus(left_ns) }
    }

    /// Whether the reading lies before the horizon. A counter that went back (a suspended machine)
    /// is far beyond it.
    #[inline]
    pub(crate) const fn covers(&self, at: Ticks) -> bool {
        at.0.wrapping_sub(self.checked.0) < self.ticks
    }

    /// The same for a time.
    #[inline]
    pub(crate) const fn covers_time(&self, at: MonoNanos) -> bool {
        at.0 < self.until.0
    }
}

/// How fast the counter runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickRate {
    /// Nanoseconds of [`SPAN`] ticks.
    span_ns: u64,
}

/// Some ticks: a third of a second or a whole one.
const SPAN: u64 = 1 << 30;

impl TickRate {
    /// Measured; takes 30 ms the first time in a process.
    pub(crate) fn measure() -> Self {
        let span_ns = Converter::new().nanos(SPAN);
        // No rate, no horizon: then every read looks.
        Self { span_ns: if span_ns == 0 { u64::MAX } else { span_ns } }
    }

    fn ticks(self, ns: i64) -> u64 {
        let ns = u128::from(ns.max(0).unsigned_abs());
        u64::try_from(ns * u128::from(SPAN) / u128::from(self.span_ns)).unwrap_or(u64::MAX)
    }
}

/// What is wrong with the engine or a builder, or how long it stays right, ns.
pub(crate) fn builder_left_ns(
    view: &View,
    builder: u32,
    now: MonoNanos,
) -> Result<i64, NotReadable> {
    if let Some(fault) = engine_fault(view, now) {
        return Err(fault);
    }
    let Some(builder) = view.builder(builder) else { return Err(NotReadable::WriterDead) };
    if builder.ended {
        return Err(NotReadable::Closed);
    }
    let left_ns = beat_left_ns(view, builder.beat, now);
    if left_ns > 0 { Ok(left_ns) } else { Err(not_fresh(builder.beat, now)) }
}

/// What is wrong with the connection that feeds a book, or how long it stays right, ns.
pub(crate) fn conn_left_ns(view: &View, conn: ConnId, now: MonoNanos) -> Result<i64, NotReadable> {
    let Some(line) = view.conn(conn) else { return Err(not_fresh(MonoNanos(0), now)) };
    // A connection on its way has not fed the book since the last one was lost.
    if matches!(line.state, ConnState::Connecting | ConnState::Down) {
        return Err(not_fresh(line.last_received, now));
    }
    if line.silence_limit_ns <= 0 {
        return Ok(i64::MAX);
    }
    let left_ns = line.silence_limit_ns.saturating_sub(age_ns(line.last_received, now));
    if left_ns > 0 { Ok(left_ns) } else { Err(not_fresh(line.last_received, now)) }
}

fn not_fresh(heard: MonoNanos, now: MonoNanos) -> NotReadable {
    NotReadable::NotFresh { age_ns: age_ns(heard, now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_covers_what_lies_before_it_on_both_clocks() {
        let rate = TickRate { span_ns: SPAN / 2 };
        let horizon = Horizon::new(Some(Ticks(1_000)), MonoNanos(50), 20, &rate);
        assert!(horizon.covers(Ticks(1_000)) && horizon.covers(Ticks(1_039)));
        assert!(!horizon.covers(Ticks(1_040)));
        assert!(horizon.covers_time(MonoNanos(69)) && !horizon.covers_time(MonoNanos(70)));
    }

    #[test]
    fn a_counter_that_went_back_is_beyond_the_horizon() {
        let rate = TickRate { span_ns: SPAN };
        let horizon = Horizon::new(Some(Ticks(1_000)), MonoNanos(0), 20, &rate);
        assert!(!horizon.covers(Ticks(999)) && !horizon.covers(Ticks(0)));
        assert!(!Horizon::PAST.covers(Ticks(0)) && !Horizon::PAST.covers_time(MonoNanos(0)));
    }

    #[test]
    fn the_measured_rate_fits_the_clock() {
        let rate = TickRate::measure();
        let (ticks, now) = (tickbook_types::clock::now(), tickbook_types::clock::mono_now());
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = tickbook_types::clock::mono_now().since(now);
        let expected = rate.ticks(passed);
        let got = tickbook_types::clock::now().0 - ticks.0;
        // A tenth off would still be right; only the order of magnitude matters.
        assert!(got.abs_diff(expected) < expected / 2, "{got} ticks, expected {expected}");
    }
}
