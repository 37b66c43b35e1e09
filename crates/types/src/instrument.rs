//! What is traded, and the exponents of its numbers.

use crate::{Decimal, Venue};

/// Decimal exponents of the integers of one instrument: value = mantissa * 10^exponent.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(C)]
pub struct Scale {
    /// Exponent of prices, in range `-18 ..= 18`.
    pub price_exponent: i8,
    /// Exponent of sizes, in range `-18 ..= 18`.
    pub size_exponent: i8,
}

impl Scale {
    /// Smallest and largest exponent: 10^18 is the largest power of ten of an `i64`.
    pub const EXPONENT_MIN: i8 = -18;
    /// See [`Self::EXPONENT_MIN`].
    pub const EXPONENT_MAX: i8 = 18;

    /// The finer of two scales, price and size each.
    #[must_use]
    pub fn finer(self, other: Self) -> Self {
        Self {
            price_exponent: self.price_exponent.min(other.price_exponent),
            size_exponent: self.size_exponent.min(other.size_exponent),
        }
    }

    /// Both exponents moved by those of another scale; `None` if one leaves its range.
    #[must_use]
    pub fn moved(self, by: Self) -> Option<Self> {
        let moved = |exponent: i8, by: i8| {
            let moved = exponent.checked_add(by)?;
            (Self::EXPONENT_MIN..=Self::EXPONENT_MAX).contains(&moved).then_some(moved)
        };
        Some(Self {
            price_exponent: moved(self.price_exponent, by.price_exponent)?,
            size_exponent: moved(self.size_exponent, by.size_exponent)?,
        })
    }

    /// The scale that moves back what this one moves.
    #[must_use]
    pub const fn back(self) -> Self {
        Self {
            price_exponent: self.price_exponent.saturating_neg(),
            size_exponent: self.size_exponent.saturating_neg(),
        }
    }
}

/// What kind of instrument it is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// Delivery on the spot.
    #[default]
    Spot = 0,
    /// Perpetual swap.
    Perpetual = 1,
    /// Future with an expiry.
    Future = 2,
    /// Option.
    Option = 3,
}

/// Right of an option.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum OptionRight {
    /// The right to buy.
    Call = 0,
    /// The right to sell.
    Put = 1,
}

/// Whether the venue trades it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
#[non_exhaustive]
pub enum InstrumentStatus {
    /// The venue's list was not seen or does not say.
    #[default]
    Unknown = 0,
    /// Trading.
    Trading = 1,
    /// Halted, in auction, or not yet open.
    Halted = 2,
    /// Expired or delisted.
    Expired = 3,
}

/// What the sizes of an instrument's book count, times [`Instrument::contract_multiplier`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
#[non_exhaustive]
pub enum SizeUnit {
    /// The venue's list was not seen or does not say.
    #[default]
    Unknown = 0,
    /// The base asset: spot, linear contracts.
    Base = 1,
    /// The quote asset: inverse contracts.
    Quote = 2,
    /// Contracts whose worth in base or quote is not fixed (quanto).
    Contract = 3,
}

impl SizeUnit {
    /// The unit of a byte in shared memory; one that this build does not know is [`Self::Unknown`].
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Base,
            2 => Self::Quote,
            3 => Self::Contract,
            _ => Self::Unknown,
        }
    }

    /// A size in units of the base asset. `multiplier` is what one unit of size is worth in this
    /// unit; without one it is 1.
    ///
    /// Exact for sizes in base; a size in quote is divided by the price and cut after
    /// [`Self::BASE_DIGITS`] digits. `None` if the unit cannot be converted, the price is not
    /// positive, or a number does not fit.
    #[must_use]
    pub fn in_base(
        self,
        size: Decimal,
        multiplier: Option<Decimal>,
        price: Decimal,
    ) -> Option<Decimal> {
        let worth = match multiplier {
            Some(multiplier) => size.checked_mul(multiplier)?,
            None => size,
        };
        match self {
            Self::Base => Some(worth),
            Self::Quote => worth.checked_div(price, Self::BASE_DIGITS),
            Self::Unknown | Self::Contract => None,
        }
    }

    /// Digits behind the point of a size that was divided by a price: finer than any venue's.
    pub const BASE_DIGITS: u8 = 12;
}

/// An instrument of a venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// The venue.
    pub venue: Venue,
    /// The venue's own symbol, as it stands in its messages.
    pub symbol: String,
    /// Base asset in capitals; empty when the venue's list was not seen.
    pub base: String,
    /// Quote asset in capitals; empty when the venue's list was not seen.
    pub quote: String,
    /// Kind.
    pub kind: InstrumentKind,
    /// Expiry as `YYYYMMDD`, for futures and options.
    pub expiry: Option<u32>,
    /// Strike and right, for options.
    pub option: Option<(Decimal, OptionRight)>,
    /// Smallest price step.
    pub tick_size: Option<Decimal>,
    /// Smallest size step.
    pub lot_size: Option<Decimal>,
    /// What one unit of size is worth, in units of [`Self::size_unit`]; `None`: 1, or not known.
    pub contract_multiplier: Option<Decimal>,
    /// Exponents of what a 1 in the venue's messages is worth, where it sends scaled integers
    /// (Phemex); `None`: 1, or not known.
    pub wire_scale: Option<Scale>,
    /// What sizes count.
    pub size_unit: SizeUnit,
    /// Status.
    pub status: InstrumentStatus,
}

impl Instrument {
    /// An instrument of which only the symbol is known.
    #[must_use]
    pub fn unlisted(venue: Venue, symbol: &str) -> Self {
        Self {
            venue,
            symbol: symbol.to_owned(),
            base: String::new(),
            quote: String::new(),
            kind: InstrumentKind::default(),
            expiry: None,
            option: None,
            tick_size: None,
            lot_size: None,
            contract_multiplier: None,
            wire_scale: None,
            size_unit: SizeUnit::Unknown,
            status: InstrumentStatus::Unknown,
        }
    }

    /// The name that is the same on every venue: `BTC-USDT`, `BTC-USDT-PERP`, `BTC-USD-20261225`,
    /// `BTC-USD-20261225-100000-C`; the venue's symbol when base and quote are not known.
    #[must_use]
    pub fn normalised(&self) -> String {
        if self.base.is_empty() || self.quote.is_empty() {
            return self.symbol.clone();
        }
        let pair = format!("{}-{}", self.base, self.quote);
        let expiry = self.expiry.map(|day| format!("-{day}")).unwrap_or_default();
        match (self.kind, self.option) {
            (InstrumentKind::Spot, _) => pair,
            (InstrumentKind::Perpetual, _) => format!("{pair}-PERP"),
            (InstrumentKind::Option, Some((strike, right))) => {
                let right = if right == OptionRight::Call { 'C' } else { 'P' };
                format!("{pair}{expiry}-{strike}-{right}")
            }
            (InstrumentKind::Future | InstrumentKind::Option, _) => format!("{pair}{expiry}"),
        }
    }

    /// Exponents taken from tick and lot size, where known.
    #[must_use]
    pub fn scale(&self) -> Option<Scale> {
        let exponent = |step: Decimal| i8::try_from(step.normalised().exponent()).ok();
        Some(Scale {
            price_exponent: exponent(self.tick_size?)?,
            size_exponent: exponent(self.lot_size?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_on_every_venue() {
        let mut it = Instrument::unlisted(Venue::BinanceUsdm, "BTCUSDT");
        assert_eq!(it.normalised(), "BTCUSDT");
        it.base = "BTC".into();
        it.quote = "USDT".into();
        assert_eq!(it.normalised(), "BTC-USDT");
        it.kind = InstrumentKind::Perpetual;
        assert_eq!(it.normalised(), "BTC-USDT-PERP");
        it.kind = InstrumentKind::Future;
        it.expiry = Some(20_261_225);
        assert_eq!(it.normalised(), "BTC-USDT-20261225");
        it.kind = InstrumentKind::Option;
        it.option = Some((Decimal::parse(b"100000").unwrap(), OptionRight::Call));
        assert_eq!(it.normalised(), "BTC-USDT-20261225-100000-C");
    }

    #[test]
    fn a_scale_that_was_moved_can_be_moved_back() {
        let scale = |price_exponent, size_exponent| Scale { price_exponent, size_exponent };
        assert_eq!(scale(0, -3).moved(scale(-4, 2)), Some(scale(-4, -1)));
        assert_eq!(scale(-4, -1).moved(scale(-4, 2).back()), Some(scale(0, -3)));
        assert_eq!(scale(-12, 0).moved(scale(-7, 0)), None);
        assert_eq!(scale(0, 12).moved(scale(0, 7)), None);
        assert_eq!(scale(0, 0).moved(scale(i8::MIN, 0).back()), None);
    }

    #[test]
    fn sizes_are_counted_in_base() {
        let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        let in_base = |unit: SizeUnit, size: &str, multiplier: Option<&str>, price: &str| {
            let base = unit.in_base(number(size), multiplier.map(number), number(price));
            base.map(|base| base.to_string())
        };
        assert_eq!(in_base(SizeUnit::Base, "1.50", None, "0").as_deref(), Some("1.5"));
        assert_eq!(in_base(SizeUnit::Base, "12", Some("0.01"), "64000").as_deref(), Some("0.12"));
        assert_eq!(in_base(SizeUnit::Quote, "640", Some("100"), "64000").as_deref(), Some("1"));
        assert_eq!(in_base(SizeUnit::Quote, "1", None, "3").as_deref(), Some("0.333333333333"));
        assert_eq!(in_base(SizeUnit::Quote, "1", None, "0"), None);
        assert_eq!(in_base(SizeUnit::Quote, "1", None, "-5"), None);
        assert_eq!(in_base(SizeUnit::Contract, "1", None, "5"), None);
        assert_eq!(in_base(SizeUnit::Unknown, "1", None, "5"), None);
        for unit in [SizeUnit::Unknown, SizeUnit::Base, SizeUnit::Quote, SizeUnit::Contract] {
            assert_eq!(SizeUnit::from_number(unit as u8), unit);
        }
        assert_eq!(SizeUnit::from_number(200), SizeUnit::Unknown);
    }

    #[test]
    fn exponents_come_from_the_steps_without_their_trailing_zeros() {
        let mut it = Instrument::unlisted(Venue::BinanceSpot, "BTCUSDT");
        assert_eq!(it.scale(), None);
        it.tick_size = Some(Decimal::parse(b"0.01000000").unwrap());
        it.lot_size = Some(Decimal::parse(b"0.00001000").unwrap());
        assert_eq!(it.scale(), Some(Scale { price_exponent: -2, size_exponent: -5 }));
    }
}
