//! What a probe saw.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use tickbook::{BookHeader, NotReadable, WallNanos};
use tickbook_engine::report::Latency;

/// Names of the distributions, in the order in which they are kept.
pub(super) const NAMES: [&str; 3] = ["published_to_seen", "recv_to_seen", "kernel_to_seen"];

/// Publishes seen within some time. Recording does not allocate.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    histograms: [Histogram<u64>; NAMES.len()],
    /// Publishes seen.
    pub(super) seen: u64,
    /// Publishes overwritten before they could be seen.
    pub(super) skipped: u64,
    /// Times the book began anew, with a restarted engine.
    pub(super) restarts: u64,
    /// Times that came out negative.
    pub(super) negative: u64,
    /// Reads that the writer was in the way of.
    pub(super) busy: u64,
    /// Time in which the book could not be used, ns.
    pub(super) unreadable_ns: u64,
    /// Why it could not, last.
    pub(super) why_not: Option<NotReadable>,
    /// Longest time between two looks, ns.
    pub(super) blind_ns_max: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            histograms: NAMES.map(|_| empty()),
            seen: 0,
            skipped: 0,
            restarts: 0,
            negative: 0,
            busy: 0,
            unreadable_ns: 0,
            why_not: None,
            blind_ns_max: 0,
        }
    }

    /// A publish was seen at `seen`; `before` is the number of the one seen before it.
    #[inline]
    pub(super) fn see(&mut self, header: &BookHeader, before: Option<u64>, seen: WallNanos) {
        match before {
            // Nobody knows how long the first one has been there.
            None => return,
            Some(before) if header.publishes < before => {
                self.restarts += 1;
                return;
            }
            Some(before) => self.skipped += header.publishes - before - 1,
        }
        self.seen += 1;
        self.record(0, header.published_wall, seen);
        self.record(1, header.received_wall, seen);
        self.record(2, header.kernel_time, seen);
    }

    #[inline]
    fn record(&mut self, which: usize, from: WallNanos, seen: WallNanos) {
        // The stamp is not there: a status has no receive time, a memory replay no kernel stamp.
        if from.0 == 0 {
            return;
        }
        match u64::try_from(seen.0 - from.0) {
            Ok(nanos) => self.histograms[which].saturating_record(nanos),
            Err(_) => self.negative += 1,
        }
    }

    /// A look, `since_last` after the one before.
    #[inline]
    pub(super) fn look(&mut self, since_last: u64) {
        self.blind_ns_max = self.blind_ns_max.max(since_last);
    }

    /// A look that found no book to use.
    #[cold]
    pub(super) fn miss(&mut self, why: NotReadable, since_last: u64) {
        if why == NotReadable::Busy {
            self.busy += 1;
        } else {
            self.unreadable_ns += since_last;
            self.why_not = Some(why);
        }
    }

    /// Adds what was seen in another time.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.histograms.iter_mut().zip(&other.histograms) {
            // Both have the bounds of `empty`, so nothing can be out of range.
            let _ = sum.add(more);
        }
        self.seen += other.seen;
        self.skipped += other.skipped;
        self.restarts += other.restarts;
        self.negative += other.negative;
        self.busy += other.busy;
        self.unreadable_ns += other.unreadable_ns;
        self.why_not = other.why_not.or(self.why_not);
        self.blind_ns_max = self.blind_ns_max.max(other.blind_ns_max);
    }

    /// The same memory, nothing in it.
    pub(super) fn clear(&mut self) {
        self.histograms.iter_mut().for_each(Histogram::clear);
        (self.seen, self.skipped, self.restarts, self.negative) = (0, 0, 0, 0);
        (self.busy, self.unreadable_ns, self.blind_ns_max) = (0, 0, 0);
        self.why_not = None;
    }

    /// The distributions by name.
    pub(super) fn histograms(&self) -> impl Iterator<Item = (&'static str, &Histogram<u64>)> {
        NAMES.into_iter().zip(&self.histograms)
    }

    /// Their percentiles.
    pub(super) fn latencies(&self) -> BTreeMap<&'static str, Latency> {
        self.histograms().map(|(name, histogram)| (name, Latency::of(histogram))).collect()
    }
}

/// Nanoseconds up to a minute, three digits.
fn empty() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, 60_000_000_000, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are valid constants: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(publishes: u64, published: i64, kernel: i64) -> BookHeader {
        BookHeader {
            publishes,
            kernel_time: WallNanos(kernel),
            received_wall: WallNanos(published - 100),
            published_wall: WallNanos(published),
            ..BookHeader::default()
        }
    }

    fn counts(tally: &Tally) -> Vec<u64> {
        tally.histograms().map(|(_, histogram)| histogram.len()).collect()
    }

    #[test]
    fn what_lies_between_two_publishes_is_skipped() {
        let mut tally = Tally::new();
        tally.see(&header(7, 1_000, 500), None, WallNanos(9_000));
        assert_eq!((tally.seen, tally.skipped), (0, 0));
        tally.see(&header(8, 10_000, 500), Some(7), WallNanos(10_200));
        tally.see(&header(12, 20_000, 0), Some(8), WallNanos(20_300));
        assert_eq!((tally.seen, tally.skipped), (2, 3));
        assert_eq!(counts(&tally), [2, 2, 1]);
        let published = tally.latencies()["published_to_seen"];
        assert_eq!((published.min, published.max), (200, 300));
        assert_eq!(tally.latencies()["recv_to_seen"].min, 300);
    }

    #[test]
    fn a_book_that_counts_from_one_again_is_a_restart_and_no_loss() {
        let mut tally = Tally::new();
        tally.see(&header(3, 10_000, 0), Some(900), WallNanos(10_200));
        assert_eq!((tally.seen, tally.skipped, tally.restarts), (0, 0, 1));
    }

    #[test]
    fn a_negative_time_is_counted_and_nothing_else() {
        let mut tally = Tally::new();
        tally.see(&header(2, 10_000, 9_000), Some(1), WallNanos(9_950));
        assert_eq!(tally.negative, 1);
        assert_eq!(counts(&tally), [0, 1, 1]);
    }

    #[test]
    fn sums_are_sums_and_cleared_is_empty() {
        let mut sum = Tally::new();
        let mut part = Tally::new();
        for round in 1..=3 {
            part.see(&header(5, 10_000, 9_000), Some(3), WallNanos(10_100));
            part.look(round);
            part.miss(NotReadable::Busy, 5);
            part.miss(NotReadable::WriterDead, 5);
            sum.add(&part);
            part.clear();
            assert_eq!((part.seen, counts(&part)), (0, vec![0; 3]));
        }
        assert_eq!((sum.seen, sum.skipped, sum.busy, sum.unreadable_ns), (3, 3, 3, 15));
        assert_eq!((sum.blind_ns_max, sum.why_not), (3, Some(NotReadable::WriterDead)));
        assert_eq!(counts(&sum), [3; 3]);
    }
}
