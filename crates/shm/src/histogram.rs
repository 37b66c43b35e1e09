//! Log-linear buckets of nanoseconds, with the bucketing of HdrHistogram.
//!
//! Values from 0 to [`VALUE_MAX`] (68.7 s) in 3,840 buckets: below 256 a bucket is one value wide,
//! then each doubling of the value doubles the width, 128 buckets per doubling. A bucket is never
//! wider than 1/128 of its lowest value: two significant digits. A test holds indices and bounds
//! equal to those of the `hdrhistogram` crate for `(1, 60 s, 2 digits)`.

/// Buckets of the first, linear part: the least power of two that keeps two significant digits
/// (2 * 10^2 values, HdrHistogram's `sub_bucket_count`).
const LINEAR: u64 = 256;

const LINEAR_BITS: u32 = LINEAR.trailing_zeros();

/// Buckets per doubling behind it.
const HALF: u64 = LINEAR / 2;

/// Doublings behind the linear part: 256 * 2^28 ns is the first power of two beyond 60 s.
const DOUBLINGS: u64 = 28;

/// How many buckets there are.
#[expect(clippy::cast_possible_truncation, reason = "3,840")]
pub const BUCKETS: usize = (LINEAR + DOUBLINGS * HALF) as usize;

/// The largest value with a bucket; a larger one counts there, and is counted as clamped.
pub const VALUE_MAX: u64 = (LINEAR << DOUBLINGS) - 1;

/// The bucket of a value.
#[inline]
#[must_use]
pub const fn bucket_of(value: u64) -> usize {
    let value = if value > VALUE_MAX { VALUE_MAX } else { value };
    // Doublings between the linear part and the value.
    let doublings = u64::BITS - LINEAR_BITS - (value | (LINEAR - 1)).leading_zeros();
    // The highest 8 bits of the value; at least HALF once the linear part is left.
    let within = value >> doublings;
    #[expect(clippy::cast_possible_truncation, reason = "below BUCKETS")]
    let bucket = (doublings as u64 * HALF + within) as usize;
    bucket
}

/// The lowest value of a bucket.
#[inline]
#[must_use]
pub const fn lowest_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < LINEAR {
        return bucket;
    }
    let doublings = bucket / HALF - 1;
    (bucket - doublings * HALF) << doublings
}

/// The highest value of a bucket.
#[inline]
#[must_use]
pub const fn highest_of(bucket: usize) -> u64 {
    if bucket + 1 >= BUCKETS { VALUE_MAX } else { lowest_of(bucket + 1) - 1 }
}

/// A histogram as it was when it was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Histogram {
    pub(crate) counts: Vec<u64>,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) clamped: u64,
}

impl Histogram {
    /// Recorded values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The smallest recorded value, exactly; 0 if there is none.
    #[must_use]
    pub const fn min(&self) -> u64 {
        self.min
    }

    /// The largest recorded value, exactly; 0 if there is none.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Values above [`VALUE_MAX`], which count in the last bucket.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Occupied buckets, ascending: (lowest value, highest value, count).
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let occupied = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        occupied.map(|(bucket, count)| (lowest_of(bucket), highest_of(bucket), *count))
    }

    /// The value at or below which the share `quantile` (0 to 1) of the values lie: the highest
    /// value of its bucket, but no more than [`Self::max`]; 0 if nothing was recorded.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        let count = self.count();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within 0..=count; the cast saturates"
        )]
        let rank = ((quantile.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0_u64;
        for (_, highest, count) in self.buckets() {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return highest.min(self.max);
            }
        }
        0
    }

    /// The sum of two histograms (of two threads).
    pub fn merge(&mut self, other: &Self) {
        if other.count() == 0 {
            return;
        }
        self.min = if self.count() == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.clamped = self.clamped.saturating_add(other.clamped);
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum = sum.saturating_add(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram as Hdr;
    use proptest::prelude::*;

    use super::*;

    fn hdr() -> Hdr<u64> {
        Hdr::new_with_bounds(1, 60_000_000_000, 2).unwrap()
    }

    #[test]
    fn there_are_as_many_buckets_as_the_model_has() {
        assert_eq!(hdr().distinct_values(), BUCKETS);
        assert_eq!(bucket_of(VALUE_MAX), BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn buckets_tile_the_range() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            assert_eq!(lowest_of(bucket), next);
            assert!(highest_of(bucket) >= next);
            assert_eq!(bucket_of(lowest_of(bucket)), bucket);
            assert_eq!(bucket_of(highest_of(bucket)), bucket);
            next = highest_of(bucket) + 1;
        }
        assert_eq!(next, VALUE_MAX + 1);
    }

    proptest! {
        #[test]
        fn bounds_are_those_of_the_model(bits in 0_u32..36, low in any::<u64>()) {
            let value = (1 << bits) | (low & ((1 << bits) - 1));
            let (model, bucket) = (hdr(), bucket_of(value));
            prop_assert_eq!(lowest_of(bucket), model.lowest_equivalent(value));
            prop_assert_eq!(highest_of(bucket), model.highest_equivalent(value));
        }

        #[test]
        fn quantiles_are_those_of_the_model(
            values in prop::collection::vec(0_u64..60_000_000_000, 1..200),
            quantile in 0.0_f64..=1.0,
        ) {
            let mut model = hdr();
            let mut ours = Histogram { counts: vec![0; BUCKETS], ..Histogram::default() };
            for &value in &values {
                model.record(value).unwrap();
                ours.counts[bucket_of(value)] += 1;
            }
            ours.min = *values.iter().min().unwrap();
            ours.max = *values.iter().max().unwrap();
            let theirs = model.value_at_quantile(quantile);
            prop_assert_eq!(ours.quantile(quantile), theirs.min(ours.max));
            prop_assert_eq!(ours.count(), model.len());
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles_and_adds_nothing() {
        let mut sum = Histogram { counts: vec![0, 3], min: 1, max: 1, clamped: 0 };
        sum.merge(&Histogram::default());
        assert_eq!((sum.min(), sum.max(), sum.count()), (1, 1, 3));
        let mut empty = Histogram::default();
        assert_eq!(empty.quantile(0.5), 0);
        empty.merge(&sum);
        assert_eq!(empty, sum);
    }
}
