//! Numbers from one pair of exponents to another.
//!
//! # Guarantees
//!
//! - A price is converted exactly or not at all.
//! - A size converted to a coarser exponent is rounded to nearest, and never to zero: a level that
//!   is there stays there.

use tickbook_types::{Level, POW10, Price, Scale, Size};

/// From one scale to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conversion {
    price: Factor,
    size: Factor,
}

#[derive(Clone, Copy, Debug)]
enum Factor {
    /// To a finer exponent: times a power of ten; `None` if that is above 10^19.
    Finer(Option<u64>),
    /// To a coarser exponent: by a power of ten; `None` if that is above 10^19.
    Coarser(Option<u64>),
}

impl Factor {
    fn new(from: i8, to: i8) -> Self {
        let power = POW10.get(usize::from(from.abs_diff(to))).copied();
        if to <= from { Self::Finer(power) } else { Self::Coarser(power) }
    }
}

impl Conversion {
    pub(crate) fn new(from: Scale, to: Scale) -> Self {
        Self {
            price: Factor::new(from.price_exponent, to.price_exponent),
            size: Factor::new(from.size_exponent, to.size_exponent),
        }
    }

    /// The price, if it fits and has no digits below the new exponent.
    pub(crate) fn price(&self, price: i64) -> Option<i64> {
        match self.price {
            _ if price == 0 => Some(0),
            Factor::Finer(power) => price.checked_mul(i64::try_from(power?).ok()?),
            Factor::Coarser(power) => {
                let power = i128::from(power?);
                let price = i128::from(price);
                (price % power == 0).then(|| i64::try_from(price / power).ok())?
            }
        }
    }

    /// The size and whether it was rounded; `None` if it does not fit. Sizes are above zero.
    pub(crate) fn size(&self, size: u64) -> Option<(u64, bool)> {
        match self.size {
            Factor::Finer(power) => {
                let size = size.checked_mul(power?).filter(|&size| size <= Size::MAX.0)?;
                Some((size, false))
            }
            Factor::Coarser(Some(power)) => {
                let nearest = size / power + u64::from(size % power >= power.div_ceil(2));
                Some((nearest.max(1), !size.is_multiple_of(power)))
            }
            Factor::Coarser(None) => Some((1, true)),
        }
    }

    /// Price and size of a level.
    pub(crate) fn level(&self, level: Level) -> Option<Level> {
        let size = match level.size {
            Size::ZERO => Size::ZERO,
            Size(size) => Size(self.size(size)?.0),
        };
        Some(Level { price: Price(self.price(level.price.0)?), size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(price: (i8, i8), size: (i8, i8)) -> Conversion {
        let scale = |price_exponent, size_exponent| Scale { price_exponent, size_exponent };
        Conversion::new(scale(price.0, size.0), scale(price.1, size.1))
    }

    #[test]
    fn finer_is_exact_or_refused() {
        let finer = conversion((-2, -4), (-3, -8));
        assert_eq!(finer.price(-123), Some(-12_300));
        assert_eq!(finer.size(5), Some((500_000, false)));
        assert_eq!(finer.price(i64::MAX / 99), None);
        assert_eq!(finer.size(Size::MAX.0 / 99_999), None);
        let far = conversion((18, -18), (18, -18));
        assert_eq!((far.price(0), far.price(1), far.size(1)), (Some(0), None, None));
    }

    #[test]
    fn coarser_prices_are_exact_and_coarser_sizes_are_nearest_and_never_zero() {
        let coarser = conversion((-4, -2), (-3, -1));
        assert_eq!(coarser.price(-12_300), Some(-123));
        assert_eq!(coarser.price(12_301), None);
        let sizes = [(1, 1, true), (49, 1, true), (149, 1, true), (150, 2, true), (200, 2, false)];
        for (size, expected, rounded) in sizes {
            assert_eq!(coarser.size(size), Some((expected, rounded)), "size {size}");
        }
        let far = conversion((-18, 18), (-18, 18));
        assert_eq!(far.size(Size::MAX.0), Some((1, true)));
        assert_eq!(conversion((-18, 1), (0, 0)).price(i64::MIN), None);
    }
}
