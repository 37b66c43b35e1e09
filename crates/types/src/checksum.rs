//! The checksum that a venue sends with a book message, as it travels beside the levels.

use crate::{LevelRecord, NumberForm};

/// How a venue makes its checksum: which levels, in which order, and how their numbers are
/// written. The CRC itself is the ordinary CRC-32 everywhere.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum ChecksumKind {
    /// Ten levels a side, asks then bids; the digits of price and size at the instrument's own
    /// precision, without point, zeros in front, or separator.
    Kraken = 1,
    /// 25 levels a side, `bid:size:ask:size:...`, numbers as short as can be.
    Okx = 2,
    /// As [`Self::Okx`], with the digits that the instrument's numbers always have.
    Bitget = 3,
    /// As [`Self::Okx`] with 100 levels a side, numbers as Python prints floats.
    Ftx = 4,
    /// As [`Self::Okx`], numbers as JavaScript prints them, sizes of asks negative.
    Bitfinex = 5,
}

impl ChecksumKind {
    /// The kind of a byte in a ring.
    #[inline]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Kraken,
            2 => Self::Okx,
            3 => Self::Bitget,
            4 => Self::Ftx,
            5 => Self::Bitfinex,
            _ => return None,
        })
    }

    /// Levels of each side that it covers.
    #[inline]
    #[must_use]
    pub const fn depth(self) -> usize {
        match self {
            Self::Kraken => 10,
            Self::Okx | Self::Bitget | Self::Bitfinex => 25,
            Self::Ftx => Self::DEPTH_MAX,
        }
    }

    /// The greatest [`Self::depth`].
    pub const DEPTH_MAX: usize = 100;

    /// How a number is written whose instrument always has `digits` behind the point.
    #[inline]
    #[must_use]
    pub const fn form(self, digits: u8) -> NumberForm {
        match self {
            Self::Kraken => NumberForm::Bare(digits),
            Self::Okx => NumberForm::Shortest,
            Self::Bitget => NumberForm::Fixed(digits),
            Self::Ftx => NumberForm::Python,
            Self::Bitfinex => NumberForm::JavaScript,
        }
    }
}

/// The venue's checksum of a book once a message is applied.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Checksum {
    /// How it is made.
    pub kind: ChecksumKind,
    /// Digits behind the point of the instrument's prices, for kinds that write them all.
    pub price_digits: u8,
    /// Digits behind the point of its sizes.
    pub size_digits: u8,
    /// Some level of the book was written in another form than the venue's own, or its size was
    /// rounded: if the checksum differs, that proves nothing.
    pub doubtful: bool,
    /// The venue's value. Where a venue sends it signed: the same 32 bits.
    pub value: u32,
}

impl Checksum {
    /// The record that carries it, behind the levels of its message.
    #[inline]
    #[must_use]
    pub fn to_record(self) -> LevelRecord {
        let how = [self.kind as u8, self.price_digits, self.size_digits, self.doubtful.into()];
        LevelRecord::from_words(self.value.into(), u32::from_le_bytes(how).into())
    }

    /// The checksum that a record carries; `None` if it carries none.
    #[inline]
    #[must_use]
    pub fn from_record(record: LevelRecord) -> Option<Self> {
        let (value, how) = record.words();
        let [kind, price_digits, size_digits, doubtful] = u32::try_from(how).ok()?.to_le_bytes();
        Some(Self {
            kind: ChecksumKind::from_byte(kind)?,
            price_digits,
            size_digits,
            doubtful: doubtful != 0,
            value: u32::try_from(value).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_its_checksum_and_nonsense_gives_none() {
        use ChecksumKind::{Bitfinex, Bitget, Ftx, Kraken, Okx};
        for kind in [Kraken, Okx, Bitget, Ftx, Bitfinex] {
            for (value, doubtful) in [(0, false), (u32::MAX, true)] {
                let checksum =
                    Checksum { kind, price_digits: 5, size_digits: 255, doubtful, value };
                assert_eq!(Checksum::from_record(checksum.to_record()), Some(checksum));
            }
            assert!(kind.depth() <= ChecksumKind::DEPTH_MAX);
        }
        for (first, second) in [(0, 0), (0, 6), (-1, 1), (1 << 32, 1), (0, 1 << 32)] {
            assert_eq!(Checksum::from_record(LevelRecord::from_words(first, second)), None);
        }
    }
}
