//! What a venue says of an instrument beside its book: mark, index, funding, open interest,
//! implied volatility, greeks.
//!
//! Every value is a [`Figure`]: the exact decimal of the venue's digits. No venue sends these
//! numbers in binary, so a float would be the one thing here that is not what the venue said; a
//! figure prints as the venue wrote it, compares with `==`, moves its point without rounding (one
//! venue's 51.4 % is the other's 0.514), and is a float by one division where one is wanted. It
//! costs the same word of memory as an `f64`, and a byte.
//!
//! # Guarantees
//!
//! - What a venue does not say is absent: a bit, never a zero.
//! - A figure is exact, or there is none ([`Figure::of`]).
//! - A [`Ticker`] grows by messages that hold some of its fields only ([`Ticker::take`]).
//!
//! # Not guaranteed
//!
//! - That two venues mean the same by a name: an interval of funding is the venue's, and so are the
//!   units of vega, theta and open interest. `docs/VENUES.md` says which.
//!
//! # Invariants
//!
//! - A value whose bit is not set is zero, so that equal tickers compare equal.

use crate::{Decimal, LevelRecord, POW10, WallNanos};

/// A decimal in nine bytes: `mantissa * 10^exponent`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Figure {
    /// Its digits.
    pub mantissa: i64,
    /// Power of ten of the last digit.
    pub exponent: i8,
}

impl Figure {
    /// The figure of a decimal, without its trailing zeros; `None` if it has more digits than 18 or
    /// so, which no double has.
    #[must_use]
    pub fn of(decimal: Decimal) -> Option<Self> {
        let decimal = decimal.normalised();
        let mantissa = i64::try_from(decimal.mantissa()).ok()?;
        let exponent = i8::try_from(decimal.exponent()).ok()?;
        Some(Self { mantissa, exponent })
    }

    /// The same as a decimal.
    #[must_use]
    pub const fn decimal(self) -> Decimal {
        // Widening: `From` is not const.
        Decimal::new(self.mantissa as i128, self.exponent as i16)
    }

    /// The nearest float, as long as the digits are below 2^53 and the exponent is within 19 of
    /// zero; otherwise within some units in the last place.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what the caller asks for")]
    pub fn to_f64(self) -> f64 {
        let power = usize::from(self.exponent.unsigned_abs());
        // Powers of ten up to 10^22 are exact in a float.
        let power = POW10.get(power).map_or_else(
            || 10_f64.powi(i32::from(self.exponent.unsigned_abs())),
            |power| *power as f64,
        );
        let mantissa = self.mantissa as f64;
        if self.exponent < 0 { mantissa / power } else { mantissa * power }
    }
}

impl core::fmt::Display for Figure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.decimal().fmt(f)
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $get:ident $text:literal = $number:literal),+ $(,)?) => {
        /// A field of a [`Ticker`]. Its number is that of its bit, and of its place in shared
        /// memory.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum TickerField { $($(#[$doc])* $variant = $number),+ }

        impl TickerField {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        $(const _: () = assert!(TickerField::ALL[$number] as u8 == $number);)+

        impl Ticker {
            $($(#[$doc])* #[must_use] pub const fn $get(&self) -> Option<Figure> {
                self.get(TickerField::$variant)
            })+
        }
    };
}

fields! {
    /// Best bid: price. Data, not a check of the book.
    BidPrice bid_price "bid_price" = 0,
    /// Best bid: size.
    BidSize bid_size "bid_size" = 1,
    /// Best ask: price.
    AskPrice ask_price "ask_price" = 2,
    /// Best ask: size.
    AskSize ask_size "ask_size" = 3,
    /// Price of the last trade.
    LastPrice last_price "last_price" = 4,
    /// Mark price.
    MarkPrice mark_price "mark_price" = 5,
    /// Price of the index behind it.
    IndexPrice index_price "index_price" = 6,
    /// Price of what an option is on (a future's, or a forward's).
    UnderlyingPrice underlying_price "underlying_price" = 7,
    /// Open interest, in the venue's unit.
    OpenInterest open_interest "open_interest" = 8,
    /// Funding rate per interval of the venue, as a fraction.
    FundingRate funding_rate "funding_rate" = 9,
    /// Next funding, in seconds since 1970: [`Ticker::next_funding`] is the time.
    NextFunding next_funding_seconds "next_funding" = 10,
    /// Implied volatility at the mark, as a fraction: 0.514 is 51.4 %.
    MarkIv mark_iv "mark_iv" = 11,
    /// Implied volatility of the best bid, as a fraction.
    BidIv bid_iv "bid_iv" = 12,
    /// Implied volatility of the best ask, as a fraction.
    AskIv ask_iv "ask_iv" = 13,
    /// Delta.
    Delta delta "delta" = 14,
    /// Gamma.
    Gamma gamma "gamma" = 15,
    /// Vega, in the venue's unit.
    Vega vega "vega" = 16,
    /// Theta, in the venue's unit.
    Theta theta "theta" = 17,
    /// Rho, in the venue's unit.
    Rho rho "rho" = 18,
}

impl TickerField {
    /// The field of a number in a ring or a file.
    #[inline]
    #[must_use]
    pub const fn from_number(number: usize) -> Option<Self> {
        if number < Self::COUNT { Some(Self::ALL[number]) } else { None }
    }

    /// The ring record that says `figure` of this field, or that there is none.
    #[inline]
    #[must_use]
    pub const fn record(self, figure: Option<Figure>) -> LevelRecord {
        match figure {
            Some(Figure { mantissa, exponent }) => {
                let exponent = exponent.cast_unsigned() as u64;
                LevelRecord::from_words(mantissa, self as u64 | exponent << 8 | PRESENT)
            }
            None => LevelRecord::from_words(0, self as u64),
        }
    }
}

/// In the second word of a record: bits 0-7 the field, 8-15 the exponent, 16 whether there is one.
const PRESENT: u64 = 1 << 16;

/// What a venue says of an instrument beside its book; see the module.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ticker {
    /// Venue's time of the newest part, 0 if it says none.
    pub venue_time: WallNanos,
    present: u32,
    exponents: [i8; TickerField::COUNT],
    mantissas: [i64; TickerField::COUNT],
}

impl Ticker {
    /// What is known of a field.
    #[inline]
    #[must_use]
    pub const fn get(&self, field: TickerField) -> Option<Figure> {
        let at = field as usize;
        if self.present & (1 << at) == 0 {
            return None;
        }
        Some(Figure { mantissa: self.mantissas[at], exponent: self.exponents[at] })
    }

    /// Sets a field, or says that there is nothing to it.
    #[inline]
    pub const fn set(&mut self, field: TickerField, figure: Option<Figure>) {
        let (at, bit) = (field as usize, 1 << field as usize);
        let (value, present) = match figure {
            Some(figure) => (figure, self.present | bit),
            None => (Figure { mantissa: 0, exponent: 0 }, self.present & !bit),
        };
        self.present = present;
        self.mantissas[at] = value.mantissa;
        self.exponents[at] = value.exponent;
    }

    /// Takes one record of a ring; `false` if it is none of a ticker.
    #[inline]
    pub fn take(&mut self, record: LevelRecord) -> bool {
        let (mantissa, packed) = record.words();
        let [field, exponent, ..] = packed.to_le_bytes();
        let Some(field) = TickerField::from_number(field.into()) else { return false };
        let exponent = exponent.cast_signed();
        let figure = (packed & PRESENT != 0).then_some(Figure { mantissa, exponent });
        self.set(field, figure);
        true
    }

    /// The fields that there are, in order.
    pub fn fields(&self) -> impl Iterator<Item = (TickerField, Figure)> + '_ {
        TickerField::ALL.iter().filter_map(|field| Some((*field, self.get(*field)?)))
    }

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// Bit `n` is set if there is a field of number `n`.
    #[must_use]
    pub const fn present(&self) -> u32 {
        self.present
    }

    /// When funding is next paid.
    #[must_use]
    pub fn next_funding(&self) -> Option<WallNanos> {
        let seconds = self.next_funding_seconds()?.decimal();
        seconds.to_mantissa(NANOS_EXPONENT).ok().map(WallNanos)
    }

    /// The figure of [`TickerField::NextFunding`] at a time.
    #[must_use]
    pub fn funding_at(time: WallNanos) -> Option<Figure> {
        Figure::of(Decimal::new(time.0.into(), NANOS_EXPONENT.into()))
    }
}

/// Nanoseconds in seconds.
const NANOS_EXPONENT: i8 = -9;

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(text: &str) -> Option<Figure> {
        Figure::of(Decimal::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_figure_is_exact_or_there_is_none() {
        for text in ["65117.44", "-0.6765419039", "0.0000792386885340", "-1e-100", "0", "1e18"] {
            let decimal = Decimal::parse(text.as_bytes()).unwrap().normalised();
            assert_eq!(figure(text).unwrap().decimal(), decimal, "{text}");
        }
        assert_eq!(figure("0.30000000000000004").unwrap().mantissa, 30_000_000_000_000_004);
        assert_eq!(figure("12345678901234567891"), None);
        assert_eq!(figure("1e200"), None);
    }

    #[test]
    fn a_figure_is_the_float_that_its_digits_are() {
        for text in ["0.7874", "65117.44", "-5.09811", "1e3", "0.0000125", "-0", "123456789.25"] {
            let float: f64 = text.parse().unwrap();
            assert_eq!(figure(text).unwrap().to_f64(), float + 0.0, "{text}");
        }
        assert!((figure("1e-40").unwrap().to_f64() / 1e-40 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn records_merge_field_by_field() {
        let mut ticker = Ticker::default();
        for (number, field) in TickerField::ALL.iter().enumerate() {
            let figure = Figure { mantissa: -7 - number as i64, exponent: -3 };
            assert!(ticker.take(field.record(Some(figure))));
            assert_eq!(ticker.get(*field), Some(figure));
            assert_eq!(ticker.fields().count(), number + 1);
        }
        let before = ticker;
        assert!(ticker.take(TickerField::MarkIv.record(None)));
        assert_eq!((ticker.mark_iv(), ticker.delta()), (None, before.delta()));
        assert!(ticker.take(TickerField::MarkIv.record(before.mark_iv())));
        assert_eq!(ticker, before);
        assert!(!ticker.take(LevelRecord::from_words(1, 200 | PRESENT)));
        assert_eq!(ticker, before);
        for field in TickerField::ALL {
            ticker.set(*field, None);
        }
        assert_eq!(ticker, Ticker::default(), "nothing is left of what is absent");
    }

    #[test]
    fn the_time_of_funding_comes_back() {
        let mut ticker = Ticker::default();
        assert_eq!(ticker.next_funding(), None);
        let time = WallNanos(1_786_320_000_000_000_000);
        ticker.set(TickerField::NextFunding, Ticker::funding_at(time));
        assert_eq!(ticker.next_funding(), Some(time));
        assert_eq!(ticker.next_funding_seconds().unwrap().to_string(), "1786320000");
    }
}
