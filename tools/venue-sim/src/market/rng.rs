//! The simulator's random numbers: SplitMix64 (Steele, Lea, Flood 2014), small and seeded.

/// A seeded sequence of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in range `0 .. bound`; 0 if `bound` is 0. The bias is below 2^-32 for the bounds
    /// used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        // The upper half of a product of two 64-bit numbers fits in 64 bits.
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// The same for signed arithmetic on prices; `bound` must not be negative.
    pub(crate) fn below_i64(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).unwrap_or_default();
        i64::try_from(self.below(bound)).unwrap_or_default()
    }

    /// True with this chance.
    pub(crate) fn chance(&mut self, chance: Chance) -> bool {
        (self.bits() >> 11) < chance.0
    }

    /// How often a coin falls on heads before it falls on tails, at most `max`.
    pub(crate) fn heads(&mut self, max: u32) -> u32 {
        self.bits().trailing_zeros().min(max)
    }

    /// A distance from the touch in ticks: small mostly, with a heavy tail up to 2^15.
    pub(crate) fn distance(&mut self) -> i64 {
        let reach = 4_i64 << self.heads(13);
        self.below_i64(reach)
    }
}

/// A probability as an integer: certain is 2^53.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Chance(u64);

impl Chance {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 ..= 1, so the product is in 0 ..= 2^53"
    )]
    pub(crate) fn new(chance: f64) -> Self {
        Self((chance.clamp(0.0, 1.0) * (1_u64 << 53) as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_reach_both_ends() {
        let mut rng = Rng::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..5_000 {
            seen[usize::try_from(rng.below(5)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below_i64(-3), 0);
    }

    #[test]
    fn a_chance_is_kept() {
        let mut rng = Rng::new(7);
        let hits = (0..10_000).filter(|_| rng.chance(Chance::new(0.25))).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!(!rng.chance(Chance::new(0.0)));
        assert!(rng.chance(Chance::new(1.0)));
    }
}
