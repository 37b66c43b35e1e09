//! Numbers that look random and are the same in every run.

/// xorshift64 (Marsaglia 2003).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 1 } else { seed })
    }

    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; the bias is of no matter here.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        (self.bits() >> 11) % end
    }

    /// True in `percent` of 100 draws.
    pub(crate) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Exponentially distributed with about this mean, by whole halvings and a uniform remainder.
    pub(crate) const fn exponential(&mut self, mean: u64) -> u64 {
        // ln 2 is about 710 / 1024.
        let half_life = 1 + mean * 710 / 1024;
        self.bits().leading_zeros() as u64 * half_life + self.below(half_life)
    }
}
