//! The price grid: integer prices to tick numbers and back, without a division.
//!
//! # Guarantees
//!
//! - [`Grid::tick`] gives the exact quotient, or `None` if the price is not on the grid; for every
//!   `i64` price and every step.
//!
//! # How the division is avoided
//!
//! Write `step = 2^shift * odd`. An odd number has an inverse modulo 2^64, so if `price = tick *
//! step` then `(price >> shift) * inverse = tick` modulo 2^64, and since the true tick fits in an
//! `i64` that *is* the tick. For a price off the grid the product is some other number; multiplying
//! it by `step` in exact arithmetic cannot give the price back (that would make it a multiple), so
//! one checked multiplication tells the two apart. No part of this is an approximation.

/// The step of a book's prices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Grid {
    step: i64,
    shift: u32,
    inverse: i64,
}

impl Grid {
    /// The finest grid: every integer is a tick.
    pub(crate) const UNIT: Self = Self { step: 1, shift: 0, inverse: 1 };

    /// A grid of `step`; a step below 1 is taken for 1.
    pub(crate) fn new(step: i64) -> Self {
        if step <= 1 {
            return Self::UNIT;
        }
        let shift = step.trailing_zeros();
        Self { step, shift, inverse: inverse(step >> shift) }
    }

    /// The coarsest grid that holds all `prices`; `None` if no price is other than zero.
    pub(crate) fn of(prices: impl IntoIterator<Item = i64>) -> Option<Self> {
        let step = prices.into_iter().fold(0, |step, price| gcd(step, price.unsigned_abs()));
        (step != 0).then(|| Self::new(fitting(step)))
    }

    /// This grid, refined so that it holds `price` too.
    pub(crate) fn refined(&self, price: i64) -> Self {
        Self::new(fitting(gcd(self.step.unsigned_abs(), price.unsigned_abs())))
    }

    pub(crate) const fn step(&self) -> i64 {
        self.step
    }

    /// The tick number of `price`, if it is on the grid.
    #[inline]
    pub(crate) const fn tick(&self, price: i64) -> Option<i64> {
        let tick = (price >> self.shift).wrapping_mul(self.inverse);
        match tick.checked_mul(self.step) {
            Some(product) if product == price => Some(tick),
            _ => None,
        }
    }

    /// The price of `tick`, which came from [`Self::tick`].
    #[inline]
    pub(crate) const fn price(&self, tick: i64) -> i64 {
        tick.wrapping_mul(self.step)
    }
}

/// The inverse of an odd number modulo 2^64, by Newton: `odd` itself is right in its lowest 3 bits
/// (`odd * odd = 1` modulo 8), and each round doubles the bits that are right: 6, 12, 24, 48, 96.
fn inverse(odd: i64) -> i64 {
    debug_assert_eq!(odd & 1, 1);
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_i64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

/// A divisor of `step` that is an `i64`: only 2^63, the size of `i64::MIN`, is not one itself.
fn fitting(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(1 << 62)
}

/// Greatest common divisor; of 0 and `b` it is `b`.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_step() -> impl Strategy<Value = i64> {
        prop_oneof![
            1..=100_i64,
            Just(i64::MAX),
            Just(1 << 62),
            1..=i64::MAX,
            (0..63_u32).prop_map(|n| 1 << n)
        ]
    }

    fn naive(step: i64, price: i64) -> Option<i64> {
        (price % step == 0).then_some(price / step)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn tick_equals_division(step in any_step(), price in any::<i64>(), near in -3..=3_i64) {
            let grid = Grid::new(step);
            let multiple = price - price % step;
            for price in [price, multiple, multiple.saturating_add(near), i64::MIN, i64::MAX, 0] {
                prop_assert_eq!(grid.tick(price), naive(step, price));
            }
            let tick = multiple / step;
            prop_assert_eq!(grid.price(tick), multiple);
        }

        #[test]
        fn a_refined_grid_holds_the_old_one_and_the_price(
            step in any_step(), price in prop_oneof![any::<i64>(), -1_000..1_000_i64],
        ) {
            let (grid, fine) = (Grid::new(step), Grid::new(step).refined(price));
            prop_assert_eq!(grid.step() % fine.step(), 0);
            prop_assert!(fine.tick(price).is_some());
            prop_assert_eq!(fine == grid, grid.tick(price).is_some());
        }
    }

    #[test]
    fn the_grid_of_prices_is_their_greatest_common_divisor() {
        assert_eq!(Grid::of([]), None);
        assert_eq!(Grid::of([0, 0]), None);
        assert_eq!(Grid::of([0, -150, 100]).unwrap().step(), 50);
        assert_eq!(Grid::of([i64::MIN]).unwrap().tick(i64::MIN), Some(-2));
    }
}
