//! Latency as it went from moment to moment, watched by a reader beside a replay.
//!
//! # Guarantees
//!
//! - Every message that is in the histogram of tick to book is in exactly one moment.
//! - The threads of the path do nothing for it: a reader looks at the histogram they keep anyway,
//!   every [`LOOK`], and takes the difference to its last look.
//!
//! # Not guaranteed
//!
//! - That a moment is as long as planned: the reader sleeps, and shares the cores.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tickbook::{Stage, Tickbook};

use crate::report::Latency;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Moments that are kept; once there are more, neighbours are joined and each is twice as long.
const MOMENTS_MAX: usize = 240;

/// The messages of a part of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Seconds from the start of the replay to its end.
    pub until_s: f64,
    /// Tick to book of its messages.
    pub latency: Latency,
}

/// Values and how often each came, ascending.
pub(super) type Counts = Vec<(u64, u64)>;

/// A reader beside a replay.
#[derive(Debug)]
pub(super) struct Watcher {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What a watcher saw.
#[derive(Debug, Default)]
struct Seen {
    /// The messages between two looks, and when the second look was.
    moments: Vec<(f64, Counts)>,
    /// All messages up to the last look.
    all: Counts,
}

impl Watcher {
    /// Watches the engine of this name, as soon as it is there.
    ///
    /// # Errors
    ///
    /// The host has no thread left.
    pub(super) fn start(dir: PathBuf, name: String) -> std::io::Result<Self> {
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let watch = move || watch(&seen, || Tickbook::attach_in(&dir, Some(&name)).ok());
        let thread = thread::Builder::new().name("replay-series".to_owned()).spawn(watch)?;
        Ok(Self { done, thread })
    }

    /// Ends it; the moments, `from_s` later than the watcher saw them. `all` is what the path had
    /// counted after `took_s`, when it was over: what came after the last look is a moment too.
    pub(super) fn end(self, from_s: f64, all: &Counts, took_s: f64) -> Vec<Moment> {
        // Pairs with the load in `watch`.
        self.done.store(true, Ordering::Relaxed);
        let Seen { mut moments, all: seen } = self.thread.join().unwrap_or_default();
        let rest = less(all, &seen);
        if !rest.is_empty() {
            let last = moments.last().map_or(0.0, |it| it.0);
            moments.push((took_s.max(last), rest));
        }
        let moment = |(until_s, counts): (f64, Counts)| Moment {
            until_s: from_s + until_s,
            latency: latency_of(&counts),
        };
        moments.into_iter().map(moment).collect()
    }
}

fn watch(done: &AtomicBool, attach: impl Fn() -> Option<Tickbook>) -> Seen {
    let start = Instant::now();
    let (mut seen, mut merged) = (Seen::default(), 1);
    let (mut attached, mut looks) = (None, 0);
    let mut waiting = Counts::new();
    // Pairs with the store in `end`.
    while !done.load(Ordering::Relaxed) {
        attached = attached.or_else(&attach);
        if let Some(tickbook) = &attached {
            let now = counts_of(tickbook);
            waiting = sum(&waiting, &less(&now, &seen.all));
            seen.all = now;
            looks += 1;
        }
        if looks >= merged && !waiting.is_empty() {
            seen.moments.push((start.elapsed().as_secs_f64(), std::mem::take(&mut waiting)));
            looks = 0;
        }
        if seen.moments.len() > MOMENTS_MAX {
            seen.moments = join_pairs(seen.moments);
            merged *= 2;
        }
        thread::sleep(LOOK);
    }
    if !waiting.is_empty() {
        seen.moments.push((start.elapsed().as_secs_f64(), waiting));
    }
    seen
}

/// All values of tick to book so far.
pub(super) fn counts_of(tickbook: &Tickbook) -> Counts {
    let mut counts = Counts::new();
    for thread in tickbook.stats() {
        let histogram = thread.histogram(Stage::TickToBook);
        let middle = |(low, high, count): (u64, u64, u64)| (low.midpoint(high), count);
        counts = sum(&counts, &histogram.buckets().map(middle).collect());
    }
    counts
}

/// The counts of both.
fn sum(one: &Counts, other: &Counts) -> Counts {
    let mut all: Counts = one.iter().chain(other).copied().collect();
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0 };
        same
    });
    all
}

/// What came after `before`.
fn less(now: &Counts, before: &Counts) -> Counts {
    let old = |value: u64| {
        before.binary_search_by_key(&value, |it| it.0).map_or(0, |place| before[place].1)
    };
    let rest = now.iter().map(|(value, count)| (*value, count.saturating_sub(old(*value))));
    rest.filter(|(_, count)| *count > 0).collect()
}

fn join_pairs(moments: Vec<(f64, Counts)>) -> Vec<(f64, Counts)> {
    moments
        .chunks(2)
        .map(|pair| match pair {
            [(_, one), (until, other)] => (*until, sum(one, other)),
            _ => pair[0].clone(),
        })
        .collect()
}

fn latency_of(counts: &Counts) -> Latency {
    let count: u64 = counts.iter().map(|it| it.1).sum();
    // The smallest value that is at least as large as this share of all.
    let at = |per_10_000: u64| {
        let rank = (u128::from(count) * u128::from(per_10_000)).div_ceil(10_000);
        let mut below = 0;
        let value = counts.iter().find(|(_, n)| {
            below += u128::from(*n);
            below >= rank
        });
        value.map_or(0, |it| it.0)
    };
    Latency {
        count,
        min: at(0),
        p50: at(5_000),
        p90: at(9_000),
        p99: at(9_900),
        p999: at(9_990),
        p9999: at(9_999),
        max: at(10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_differ() {
        let (one, other) = (vec![(1, 2), (5, 1)], vec![(1, 1), (3, 4)]);
        let both = sum(&one, &other);
        assert_eq!(both, [(1, 3), (3, 4), (5, 1)]);
        assert_eq!(less(&both, &one), other);
        assert_eq!(less(&both, &both), []);
        assert_eq!(less(&one, &vec![(5, 3)]), [(1, 2)], "a file that began anew");
    }

    #[test]
    fn percentiles_are_those_of_the_list() {
        let counts: Counts = (1..=1_000).map(|value| (value, 1)).collect();
        let latency = latency_of(&counts);
        assert_eq!((latency.min, latency.p50, latency.p90), (1, 500, 900));
        assert_eq!((latency.p99, latency.p999, latency.max), (990, 999, 1_000));
        assert_eq!(latency_of(&vec![(7, 3)]).p50, 7);
        assert_eq!(latency_of(&Counts::new()), Latency::default());
    }

    #[test]
    fn joined_moments_hold_everything() {
        let moments = vec![(1.0, vec![(1, 1)]), (2.0, vec![(2, 1)]), (3.0, vec![(3, 1)])];
        let joined = join_pairs(moments);
        assert_eq!(joined, [(2.0, vec![(1, 1), (2, 1)]), (3.0, vec![(3, 1)])]);
    }
}
