//! Hashing for maps that are looked into for every level: a multiplication a word, with a key that
//! nobody outside knows, so that no venue can choose what collides.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 2^64 divided by the golden ratio, odd: its multiples are spread evenly (Knuth, volume 3, 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A key, the same for every value that is hashed with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed(u64);

impl Default for Keyed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folded;

    #[inline]
    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// What was hashed so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded(u64);

impl Folded {
    /// The present state of a key and words behind it.
    #[inline]
    pub(crate) const fn of(key: Keyed) -> Self {
        Self(key.0)
    }

    /// One word more: both halves of a product, one over the other.
    #[inline]
    #[must_use]
    pub(crate) const fn with(self, word: u64) -> Self {
        let product = (self.0 ^ word) as u128 * SPREAD as u128;
        let [high, low] = halves(product);
        Self(high ^ low)
    }

    #[inline]
    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}

/// Both halves, the upper one first.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
const fn halves(value: u128) -> [u64; 2] {
    [(value >> 64) as u64, value as u64]
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            *self = self.with(word);
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        *self = self.with(word);
    }

    #[inline]
    fn write_i16(&mut self, word: i16) {
        *self = self.with(i64::from(word).cast_unsigned());
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        *self = self.with(word.cast_unsigned() as u64);
    }

    #[inline]
    fn write_i128(&mut self, value: i128) {
        let [high, low] = halves(value.cast_unsigned());
        *self = self.with(high).with(low);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_spread() {
        let key = Keyed::default();
        let mut buckets = [0_u32; 256];
        for number in 0..65_536_u64 {
            buckets[(key.hash_one((number, 1_i16)) & 255) as usize] += 1;
        }
        // 256 on average; a multiple of the deviation of a fair throw (16).
        assert!(buckets.iter().all(|count| (96..=416).contains(count)), "{buckets:?}");
        assert_ne!(key.hash_one(1_i128), key.hash_one(2_i128));
        assert_ne!(key.hash_one(b"ab"), key.hash_one(b"ac"));
    }
}
