//! Exact decimal numbers: parsed from a venue's digits, scaled to an instrument's exponents.
//!
//! # Guarantees
//!
//! - [`Decimal::parse`] keeps the value and the number of digits behind the point exactly as
//!   written, exponent forms included; what it cannot hold is an error, never a rounding.
//! - [`Decimal::to_mantissa`] gives the integer at an exponent or says why there is none.
//!
//! # Accepted
//!
//! An optional sign (`+` or `-`), digits, optionally `.` and more digits, optionally `e` or `E`
//! with a signed exponent. At least one digit must stand before or behind the point. This is
//! JSON's number grammar and what venues send beside it (leading zeros, `+`, `.5`, `5.`).

use core::cmp::Ordering;
use core::fmt;

use crate::Written;

/// `POW10[n]` is 10^n.
pub const POW10: [u64; 20] = {
    let mut table = [1_u64; 20];
    let mut n = 1;
    while n < 20 {
        table[n] = table[n - 1] * 10;
        n += 1;
    }
    table
};

/// A decimal number: `mantissa * 10^exponent`, exactly as its digits said.
///
/// `1.50` and `1.5` are equal in value but not in digits: [`PartialEq`] compares digits; compare
/// [`Self::normalised`] for value.
// Packed: the alignment of an `i128` would make a third of each number padding.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(Rust, packed(8))]
pub struct Decimal {
    mantissa: i128,
    exponent: i16,
}

/// Why some bytes are not a decimal number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecimalError {
    /// No byte at all. Venue sent an empty field.
    Empty,
    /// A byte that no number has at this place, or no digit. Venue sent something else.
    Malformed {
        /// Offset of the byte.
        at: usize,
    },
    /// More digits than any real price or size has. Venue sent nonsense.
    TooLong,
}

/// Why a number has no integer at an exponent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ScaleError {
    /// It has digits below the exponent: the exponent must be refined to `exponent`.
    Inexact {
        /// The largest exponent at which the number is an integer.
        exponent: i16,
    },
    /// The integer does not fit.
    Overflow,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// Longest text that is looked at; real numbers have less than 30 bytes.
    pub const TEXT_MAX: usize = 64;

    /// `mantissa * 10^exponent`.
    #[must_use]
    pub const fn new(mantissa: i128, exponent: i16) -> Self {
        Self { mantissa, exponent }
    }

    /// The digits as an integer, the point left out.
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// The power of ten of the last digit.
    #[must_use]
    pub const fn exponent(self) -> i16 {
        self.exponent
    }

    /// Whether the value is zero, however it was written.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Parses a number; see the module for what is accepted.
    ///
    /// # Errors
    ///
    /// [`DecimalError`], always the venue's fault.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let scanned = Scanned::of(text)?;
        scanned.value(text)
    }

    /// [`Self::parse`], and in which forms the number is printed as this text.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_written(text: &[u8]) -> Result<(Self, Written), DecimalError> {
        let scanned = Scanned::of(text)?;
        let value = scanned.value(text)?;
        Ok((value, scanned.written(text, value)))
    }

    /// The same value without trailing zeros; zero becomes [`Self::ZERO`].
    #[must_use]
    pub const fn normalised(self) -> Self {
        if self.mantissa == 0 {
            return Self::ZERO;
        }
        let Self { mut mantissa, mut exponent } = self;
        // Divisions of 128 bits are calls; those of 64 bits by a constant are multiplications.
        loop {
            #[expect(clippy::cast_possible_truncation, reason = "compared on the next line")]
            let mut small = mantissa as i64;
            if small as i128 == mantissa {
                while small % 10 == 0 && exponent < i16::MAX {
                    small /= 10;
                    exponent += 1;
                }
                return Self { mantissa: small as i128, exponent };
            }
            if mantissa % 10 != 0 || exponent == i16::MAX {
                return Self { mantissa, exponent };
            }
            mantissa /= 10;
            exponent += 1;
        }
    }

    /// The product; `None` if it does not fit.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let (a, b) = (self.normalised(), other.normalised());
        let mantissa = a.mantissa.checked_mul(b.mantissa)?;
        Some(Self { mantissa, exponent: a.exponent.checked_add(b.exponent)? })
    }

    /// The quotient, cut after `digits` digits behind the point; `None` if the divisor is not
    /// positive or a number does not fit.
    #[must_use]
    pub fn checked_div(self, divisor: Self, digits: u8) -> Option<Self> {
        let (a, b) = (self.normalised(), divisor.normalised());
        if b.mantissa <= 0 {
            return None;
        }
        let exponent = -i16::from(digits);
        let shift = i32::from(a.exponent) - i32::from(b.exponent) - i32::from(exponent);
        let factor = 10_i128.checked_pow(shift.unsigned_abs());
        let mantissa = match (u32::try_from(shift), factor) {
            (Ok(_), factor) => a.mantissa.checked_mul(factor?)? / b.mantissa,
            // A divisor that does not fit is larger than anything it could divide.
            (Err(_), factor) => match factor.and_then(|factor| b.mantissa.checked_mul(factor)) {
                Some(divisor) => a.mantissa / divisor,
                None => 0,
            },
        };
        Some(Self { mantissa, exponent })
    }

    /// Which is larger, whatever their exponents.
    #[must_use]
    pub fn compare(self, other: Self) -> Ordering {
        let (a, b) = (self.normalised(), other.normalised());
        let signs = a.mantissa.signum().cmp(&b.mantissa.signum());
        if signs != Ordering::Equal || a.mantissa == 0 {
            return signs;
        }
        let shift = i32::from(a.exponent) - i32::from(b.exponent);
        let factor = 10_i128.checked_pow(shift.unsigned_abs());
        let scaled = |value: i128| factor.and_then(|factor| value.checked_mul(factor));
        if shift >= 0 {
            // What does not fit is the larger, in the direction of its sign.
            scaled(a.mantissa).map_or(a.mantissa.signum().cmp(&0), |a| a.cmp(&{ b.mantissa }))
        } else {
            scaled(b.mantissa).map_or(0.cmp(&b.mantissa.signum()), |b| { a.mantissa }.cmp(&b))
        }
    }

    /// The integer whose value at `exponent` is this number.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Inexact`] if digits would be lost, [`ScaleError::Overflow`] if the integer
    /// does not fit in an `i64`.
    #[inline]
    pub fn to_mantissa(self, exponent: i8) -> Result<i64, ScaleError> {
        match self.small_mantissa(exponent) {
            Some(mantissa) => Ok(mantissa),
            None => self.any_mantissa(exponent),
        }
    }

    /// [`Self::to_mantissa`] of what 64 bits hold on the way, and exactly.
    #[inline]
    fn small_mantissa(self, exponent: i8) -> Option<i64> {
        let mantissa = i64::try_from(self.mantissa).ok()?;
        let shift = i32::from(self.exponent) - i32::from(exponent);
        let power = *POW10.get(usize::try_from(shift.unsigned_abs()).ok()?)?;
        let power = i64::try_from(power).ok()?;
        if shift >= 0 {
            mantissa.checked_mul(power)
        } else {
            (mantissa % power == 0).then(|| mantissa / power)
        }
    }

    #[cold]
    fn any_mantissa(self, exponent: i8) -> Result<i64, ScaleError> {
        let value = self.normalised();
        if value.mantissa == 0 {
            return Ok(0);
        }
        let shift = i32::from(value.exponent) - i32::from(exponent);
        let Ok(shift) = usize::try_from(shift) else {
            return Err(ScaleError::Inexact { exponent: value.exponent });
        };
        let factor = *POW10.get(shift).ok_or(ScaleError::Overflow)?;
        let scaled = value.mantissa.checked_mul(i128::from(factor)).ok_or(ScaleError::Overflow)?;
        i64::try_from(scaled).map_err(|_| ScaleError::Overflow)
    }
}

/// Digits that a `u64` holds whatever they are.
const DIGITS_SMALL: u16 = 19;

/// The digits of a text, and where they end.
struct Scanned {
    mantissa: i128,
    digits: u16,
    behind_point: i16,
    point: bool,
    /// Behind the digits: the end, or an exponent.
    at: usize,
}

impl Scanned {
    #[inline]
    fn of(text: &[u8]) -> Result<Self, DecimalError> {
        if text.is_empty() {
            return Err(DecimalError::Empty);
        }
        if text.len() > Decimal::TEXT_MAX {
            return Err(DecimalError::TooLong);
        }
        let negative = text[0] == b'-';
        let mut at = usize::from(negative || text[0] == b'+');
        let mut small = 0_u64;
        let (mut digits, mut behind_point, mut point) = (0_u16, 0_i16, false);
        while let Some(&byte) = text.get(at)
            && digits < DIGITS_SMALL
        {
            match byte {
                b'0'..=b'9' => {
                    small = small * 10 + u64::from(byte - b'0');
                    digits += 1;
                    behind_point += i16::from(point);
                }
                b'.' if !point => point = true,
                _ => break,
            }
            at += 1;
        }
        let mut mantissa = i128::from(small);
        // More digits than 64 bits hold for sure: seldom.
        while digits >= DIGITS_SMALL
            && let Some(&byte) = text.get(at)
        {
            match byte {
                b'0'..=b'9' => {
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|m| m.checked_add(i128::from(byte - b'0')))
                        .ok_or(DecimalError::TooLong)?;
                    digits += 1;
                    behind_point += i16::from(point);
                }
                b'.' if !point => point = true,
                _ => break,
            }
            at += 1;
        }
        if digits == 0 {
            return Err(DecimalError::Malformed { at });
        }
        let mantissa = if negative { -mantissa } else { mantissa };
        Ok(Self { mantissa, digits, behind_point, point, at })
    }

    #[inline]
    fn value(&self, text: &[u8]) -> Result<Decimal, DecimalError> {
        let power = parse_power(text, self.at)?;
        Ok(Decimal { mantissa: self.mantissa, exponent: power - self.behind_point })
    }

    #[inline]
    fn written(&self, text: &[u8], value: Decimal) -> Written {
        if self.at < text.len() {
            return Written::scientific(text, value);
        }
        let behind = usize::from(self.behind_point.unsigned_abs());
        let whole = usize::from(self.digits) - behind;
        let sign = text[0] == b'-';
        let odd = text[0] == b'+'
            || whole == 0
            || (whole > 1 && text.get(usize::from(sign)) == Some(&b'0'))
            || (self.point && behind == 0)
            || (sign && self.mantissa == 0);
        if odd { Written::default() } else { Written::plain(text, whole, behind) }
    }
}

/// The exponent part at `at`, 0 if the text ends there.
fn parse_power(text: &[u8], mut at: usize) -> Result<i16, DecimalError> {
    match text.get(at) {
        None => return Ok(0),
        Some(b'e' | b'E') => at += 1,
        Some(_) => return Err(DecimalError::Malformed { at }),
    }
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(negative || text.get(at) == Some(&b'+'));
    let mut power = 0_i16;
    let first = at;
    while let Some(&byte) = text.get(at) {
        if !byte.is_ascii_digit() {
            return Err(DecimalError::Malformed { at });
        }
        power = power * 10 + i16::from(byte - b'0');
        // Three digits are more than any number here can use, and keep the arithmetic in range.
        if power > 999 {
            return Err(DecimalError::TooLong);
        }
        at += 1;
    }
    if at == first {
        return Err(DecimalError::Malformed { at });
    }
    Ok(if negative { -power } else { power })
}

impl fmt::Display for Decimal {
    /// Plain decimal, without an exponent and without trailing zeros: `61234.5`, `0.00000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.normalised();
        if value.mantissa < 0 {
            f.write_str("-")?;
        }
        let digits = value.mantissa.unsigned_abs().to_string();
        let Ok(behind) = usize::try_from(-i32::from(value.exponent)) else {
            let zeros = usize::try_from(value.exponent).unwrap_or_default();
            return write!(f, "{digits}{:0<zeros$}", "");
        };
        if behind == 0 {
            return f.write_str(&digits);
        }
        match digits.len().checked_sub(behind) {
            None | Some(0) => write!(f, "0.{digits:0>behind$}"),
            Some(split) => write!(f, "{}.{}", &digits[..split], &digits[split..]),
        }
    }
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty number"),
            Self::Malformed { at } => write!(f, "not a number (byte {at})"),
            Self::TooLong => f.write_str("number has too many digits"),
        }
    }
}

impl core::error::Error for DecimalError {}

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inexact { exponent } => write!(f, "needs exponent {exponent}"),
            Self::Overflow => f.write_str("number does not fit"),
        }
    }
}

impl core::error::Error for ScaleError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Decimal, DecimalError> {
        Decimal::parse(text.as_bytes())
    }

    #[test]
    fn digits_are_kept_as_written() {
        for (text, mantissa, exponent) in [
            ("61234.50", 6_123_450, -2),
            ("0", 0, 0),
            ("0.00000000", 0, -8),
            ("-0", 0, 0),
            ("0e-8", 0, -8),
            ("+7", 7, 0),
            ("-1.5", -15, -1),
            ("5e-7", 5, -7),
            ("1.3256E-4", 13_256, -8),
            ("1e3", 1, 3),
            (".5", 5, -1),
            ("5.", 5, 0),
            ("007", 7, 0),
            ("60000000000000000000", 60_000_000_000_000_000_000, 0),
        ] {
            assert_eq!(parse(text), Ok(Decimal::new(mantissa, exponent)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", " 1", "1 ", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "--1", "NaN"] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["Infinity", "0x10", "1,000", "1_000", "\u{661}", "1e1000", "1e99999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse(&"9".repeat(40)), Err(DecimalError::TooLong));
        assert_eq!(parse(&"0".repeat(65)), Err(DecimalError::TooLong));
    }

    #[test]
    fn a_number_scales_exactly_or_not_at_all() {
        let it = parse("61234.50").unwrap();
        assert_eq!(it.to_mantissa(-2), Ok(6_123_450));
        assert_eq!(it.to_mantissa(-8), Ok(6_123_450_000_000));
        assert_eq!(it.to_mantissa(0), Err(ScaleError::Inexact { exponent: -1 }));
        assert_eq!(it.to_mantissa(-18), Err(ScaleError::Overflow));
        assert_eq!(parse("0.000").unwrap().to_mantissa(18), Ok(0));
        assert_eq!(parse("1e300").unwrap().to_mantissa(0), Err(ScaleError::Overflow));
        assert_eq!(parse("-3e2").unwrap().to_mantissa(1), Ok(-30));
        let unit = parse("60000000000000000000").unwrap();
        assert_eq!(unit.to_mantissa(0), Err(ScaleError::Overflow));
        assert_eq!(unit.to_mantissa(2), Ok(600_000_000_000_000_000));
    }

    /// The same by arithmetic of 128 bits alone.
    fn naive_mantissa(value: Decimal, exponent: i8) -> Result<i64, ScaleError> {
        let Decimal { mut mantissa, exponent: mut power } = value;
        if mantissa == 0 {
            return Ok(0);
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            power += 1;
        }
        if power < i16::from(exponent) {
            return Err(ScaleError::Inexact { exponent: power });
        }
        for _ in i16::from(exponent)..power {
            mantissa = mantissa.checked_mul(10).ok_or(ScaleError::Overflow)?;
        }
        i64::try_from(mantissa).map_err(|_| ScaleError::Overflow)
    }

    #[test]
    fn short_numbers_and_long_ones_are_read_and_scaled_alike() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..200_000 {
            let count = 1 + random(30);
            let zeros = random(count + 1);
            let digit = |n| if n >= count - zeros { 0 } else { 1 };
            let digits: String = (0..count).map(|n| (digit(n) * random(10)).to_string()).collect();
            let at = usize::try_from(random(count + 1)).unwrap();
            let sign = if random(4) == 0 { "-" } else { "" };
            let text = format!("{sign}{}.{}", &digits[..at], &digits[at..]);
            let exponent = -i16::try_from(digits.len() - at).unwrap();
            let mantissa: i128 = format!("{sign}{digits}").parse().unwrap();
            let value = Decimal::parse(text.as_bytes()).unwrap();
            assert_eq!(value, Decimal { mantissa, exponent }, "{text}");
            let scale = i8::try_from(random(37)).unwrap() - 18;
            assert_eq!(value.to_mantissa(scale), naive_mantissa(value, scale), "{text} {scale}");
        }
    }

    #[test]
    fn printing_is_plain_and_short() {
        for (text, plain) in [
            ("61234.50", "61234.5"),
            ("0.00", "0"),
            ("5e-7", "0.0000005"),
            ("1e3", "1000"),
            ("-1.20", "-1.2"),
            ("0.10", "0.1"),
            ("100", "100"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), plain);
        }
    }
}
