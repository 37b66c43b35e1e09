//! One price level, as it travels from the scanner to the ladder.

/// A price: an integer at the instrument's price exponent ([`crate::Scale::price_exponent`]).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Price(pub i64);

/// A size: an integer at the instrument's size exponent, below 2^63. Zero removes a level.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Size(pub u64);

impl Size {
    /// The largest size a level record can carry.
    pub const MAX: Self = Self(i64::MAX as u64);
    /// No size: the level is gone.
    pub const ZERO: Self = Self(0);
}

/// A side of the book; for a trade, the side of the aggressor (a buyer is [`Side::Bid`]).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Side {
    /// Buyers.
    Bid = 0,
    /// Sellers.
    Ask = 1,
}

impl Side {
    /// The side across the spread.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// A price, a size, and a side in 16 bytes: the record of the message ring.
///
/// The side is the top bit of the second word, so sizes end at 2^63 - 1 ([`Size::MAX`]).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(C)]
pub struct LevelRecord {
    price: i64,
    size_and_side: u64,
}

const SIDE_BIT: u64 = 1 << 63;

/// A price and the size that rests there: what a side of a book is made of.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(C)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The size, above zero in a book.
    pub size: Size,
}

const _: () = assert!(size_of::<Level>() == 16);

const _: () = assert!(size_of::<LevelRecord>() == 16);
const _: () = assert!(align_of::<LevelRecord>() == 8);

impl LevelRecord {
    /// A level. A size above [`Size::MAX`] is a bug of the caller and loses its top bit.
    #[inline]
    #[must_use]
    pub const fn new(price: Price, size: Size, side: Side) -> Self {
        debug_assert!(size.0 <= Size::MAX.0);
        Self { price: price.0, size_and_side: (size.0 & !SIDE_BIT) | ((side as u64) << 63) }
    }

    /// A record that carries two plain words instead of a level (trade ids, times, exponents).
    #[inline]
    #[must_use]
    pub const fn from_words(first: i64, second: u64) -> Self {
        Self { price: first, size_and_side: second }
    }

    /// The two words of the record.
    #[inline]
    #[must_use]
    pub const fn words(self) -> (i64, u64) {
        (self.price, self.size_and_side)
    }

    /// The price.
    #[inline]
    #[must_use]
    pub const fn price(self) -> Price {
        Price(self.price)
    }

    /// The size; zero means the level is gone.
    #[inline]
    #[must_use]
    pub const fn size(self) -> Size {
        Size(self.size_and_side & !SIDE_BIT)
    }

    /// The side.
    #[inline]
    #[must_use]
    pub const fn side(self) -> Side {
        if self.size_and_side & SIDE_BIT == 0 { Side::Bid } else { Side::Ask }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_what_it_was_made_of() {
        for side in [Side::Bid, Side::Ask] {
            for size in [Size::ZERO, Size(1), Size::MAX] {
                for price in [Price(i64::MIN), Price(-1), Price(0), Price(i64::MAX)] {
                    let record = LevelRecord::new(price, size, side);
                    assert_eq!((record.price(), record.size(), record.side()), (price, size, side));
                    let (first, second) = record.words();
                    assert_eq!(LevelRecord::from_words(first, second), record);
                }
            }
        }
    }
}
