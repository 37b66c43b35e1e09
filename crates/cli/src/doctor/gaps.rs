//! Scheduler gaps: a thread that does nothing but read the clock, and what was taken from it.
//!
//! Between two readings lie some nanoseconds, unless somebody else had the core: an interrupt, the
//! tick, another task, the hypervisor. Every gap of a path thread is a message that waits.

use std::time::Duration;

use serde::Serialize;
use tickbook_engine::topology;
use tickbook_types::clock::{self, Converter};

use super::finding::Finding;
use crate::Failure;
use crate::text::{count, nanos};

/// Gaps above this are counted.
const GAP_NS: u64 = 1_000;

/// Lower bounds of the sizes by which gaps are counted apart.
const SIZES_NS: [u64; 4] = [GAP_NS, 10_000, 100_000, 1_000_000];

/// No gap above this, and at most [`SHARE_GOOD`] of the time lost: a core to build on.
const WORST_NS_GOOD: u64 = 20_000;
const SHARE_GOOD: f64 = 1e-4;

/// What was taken from a spinning thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Gaps {
    /// The core it was pinned to.
    core: Option<usize>,
    /// How long it spun.
    spun_ns: u64,
    /// Gaps above 1 us.
    count: u64,
    /// The longest of them.
    worst_ns: u64,
    /// All of them together.
    lost_ns: u64,
    /// `lost_ns` by `spun_ns`.
    share_lost: f64,
    /// How many were above so many nanoseconds (and not above the next).
    by_size: [Bucket; SIZES_NS.len()],
}

/// Gaps of one order of size.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
struct Bucket {
    above_ns: u64,
    count: u64,
}

/// Spins for `length`, pinned to `core` if there is one.
pub(super) fn watch(length: Duration, core: Option<usize>) -> Result<Gaps, Failure> {
    // A thread of its own, so that the pin ends with it.
    let spin = move || {
        core.map_or(Ok(()), topology::pin)?;
        Ok::<Gaps, String>(spin(length, core))
    };
    let thread = std::thread::Builder::new().name("doctor-spin".to_owned()).spawn(spin)?;
    match thread.join() {
        Ok(gaps) => Ok(gaps?),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn spin(length: Duration, core: Option<usize>) -> Gaps {
    let clock = Converter::new();
    let mut gaps = Gaps::new(core);
    let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let start = clock::now();
    let mut last = start;
    loop {
        let now = clock::now();
        gaps.add(clock.nanos(now.0.saturating_sub(last.0)));
        last = now;
        let spun_ns = clock.nanos(now.0.saturating_sub(start.0));
        if spun_ns >= length_ns {
            return gaps.over(spun_ns);
        }
    }
}

impl Gaps {
    fn new(core: Option<usize>) -> Self {
        let by_size = SIZES_NS.map(|above_ns| Bucket { above_ns, count: 0 });
        Self { core, by_size, ..Self::default() }
    }

    /// The time between two readings.
    fn add(&mut self, gap_ns: u64) {
        if gap_ns <= GAP_NS {
            return;
        }
        self.count += 1;
        self.lost_ns += gap_ns;
        self.worst_ns = self.worst_ns.max(gap_ns);
        let bucket = self.by_size.iter_mut().rev().find(|bucket| gap_ns > bucket.above_ns);
        if let Some(bucket) = bucket {
            bucket.count += 1;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    fn over(mut self, spun_ns: u64) -> Self {
        self.spun_ns = spun_ns;
        self.share_lost = self.lost_ns as f64 / spun_ns.max(1) as f64;
        self
    }

    /// What it means.
    pub(super) fn finding(&self) -> Finding {
        const NAME: &str = "scheduler gaps";
        let place = self.core.map_or_else(
            || "on no core in particular".to_owned(),
            |core| format!("on core {core}"),
        );
        let spun = nanos(self.spun_ns);
        if self.count == 0 {
            return Finding::good(NAME, format!("none above 1 us in {spun} {place}"));
        }
        let sizes = ["1-10 us", "10-100 us", "0.1-1 ms", "over 1 ms"];
        let sizes = sizes.iter().zip(&self.by_size).filter(|(_, bucket)| bucket.count > 0);
        let sizes: Vec<String> =
            sizes.map(|(size, bucket)| format!("{size}: {}", count(bucket.count))).collect();
        let found = format!(
            "{} above 1 us in {spun} {place}: worst {}, {:.4} % of the time lost ({})",
            count(self.count),
            nanos(self.worst_ns),
            self.share_lost * 100.0,
            sizes.join(", ")
        );
        if self.worst_ns <= WORST_NS_GOOD && self.share_lost <= SHARE_GOOD {
            return Finding::good(NAME, found);
        }
        let costs = format!(
            "a message that arrives in a gap waits for its end, up to {} here",
            nanos(self.worst_ns)
        );
        let change = "what this list says about cores, interrupts, the tick, quota and hypervisor; \
                      then again with --core N for the core of a path thread";
        Finding::costs(NAME, found, costs, change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    fn gaps(list: &[u64]) -> Gaps {
        let mut gaps = Gaps::new(Some(1));
        list.iter().for_each(|gap| gaps.add(*gap));
        gaps.over(1_000_000_000)
    }

    #[test]
    fn gaps_are_counted_by_size() {
        let gaps = gaps(&[20, 1_000, 1_001, 10_000, 10_001, 100_001, 5_000_000]);
        assert_eq!(gaps.count, 5);
        assert_eq!(gaps.worst_ns, 5_000_000);
        assert_eq!(gaps.lost_ns, 1_001 + 10_000 + 10_001 + 100_001 + 5_000_000);
        assert_eq!(gaps.by_size.map(|bucket| bucket.count), [2, 1, 1, 1]);
        let share = 5_121_003.0 / 1e9;
        assert!((gaps.share_lost - share).abs() < 1e-12, "{}", gaps.share_lost);
    }

    #[test]
    fn the_verdict_is_about_the_worst_and_about_the_sum() {
        assert_eq!(gaps(&[20]).finding().verdict, Verdict::Good);
        assert_eq!(gaps(&[2_000, 20_000]).finding().verdict, Verdict::Good);
        assert_eq!(gaps(&[20_001]).finding().verdict, Verdict::Costs);
        assert_eq!(gaps(&[10_000; 11]).finding().verdict, Verdict::Costs);
    }

    #[test]
    fn a_spin_takes_its_time() {
        let gaps = watch(Duration::from_millis(20), None).unwrap();
        assert!(gaps.spun_ns >= 20_000_000);
        assert!(gaps.lost_ns <= gaps.spun_ns);
        assert_eq!(gaps.by_size.iter().map(|bucket| bucket.count).sum::<u64>(), gaps.count);
    }

    #[test]
    fn a_core_that_does_not_exist_is_an_error() {
        assert!(watch(Duration::ZERO, Some(1_000_000)).is_err());
    }
}
