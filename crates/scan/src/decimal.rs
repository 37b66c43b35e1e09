//! Decimals as their digits stand, at no scale.

use tickbook_types::{Decimal, Written};

use crate::arch::scalar::byte_at;

/// Most digits of a [`Plain`]: any so many fit into an `i64`.
const DIGITS_MAX: u8 = 18;

/// A decimal without sign and exponent: its digits as one integer, and where its point stood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plain {
    /// All digits, the point left out.
    pub digits: u64,
    /// Digits before the point.
    pub whole: u8,
    /// Digits behind the point, none if there is no point.
    pub part: u8,
}

impl Plain {
    /// In place of the digits before the point: an exponent stood behind the number, and the
    /// digits behind the point are as many as there would be without it.
    const SCIENTIFIC: u8 = 0xFE;

    /// Whether it was written with an exponent.
    #[inline(always)]
    #[must_use]
    pub const fn is_scientific(self) -> bool {
        self.whole == Self::SCIENTIFIC
    }

    /// The number.
    #[inline(always)]
    #[must_use]
    pub fn value(self) -> Decimal {
        Decimal::new(self.digits.into(), -i16::from(self.part))
    }

    /// In which forms the number is printed as its text.
    #[inline(always)]
    #[must_use]
    pub fn written(self) -> Written {
        if self.is_scientific() {
            // No form has a capital letter.
            return Written::default();
        }
        Written::of_digits(self.digits, self.whole, self.part)
    }
}

/// The number that has these digits and then, at `at`, `E-` and one or two more, as Java writes
/// small ones; and the position behind it.
#[cold]
#[inline(never)]
pub fn scientific(bytes: &[u8], at: usize, plain: Plain) -> Option<(Plain, usize)> {
    let digit = |at| Some(byte_at(bytes, at).wrapping_sub(b'0')).filter(|it| *it < 10);
    if byte_at(bytes, at) != b'E' || byte_at(bytes, at + 1) != b'-' {
        return None;
    }
    let mut power = digit(at + 2)?;
    let mut end = at + 3;
    if let Some(ones) = digit(end) {
        power = power * 10 + ones;
        end += 1;
    }
    let part = plain.part + power;
    Some((Plain { whole: Plain::SCIENTIFIC, part, ..plain }, end))
}

/// The decimal whose first digit is at `at`, and the position behind it.
///
/// `digits` or `digits.digits`, without zeros in front of other digits; up to 18 digits are
/// recognised. What stands behind it is for the caller to judge (`e`, for one).
#[inline(always)]
#[must_use]
pub fn decimal(bytes: &[u8], at: usize) -> Option<(Plain, usize)> {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: SSE2 is part of every x86-64.
        let found = unsafe { crate::arch::sse2::decimal(bytes, at) };
        if found.is_some() {
            return found;
        }
    }
    by_bytes(bytes, at)
}

/// [`decimal`] digit by digit: any processor, wherever in the slice, and what it is.
#[cold]
#[inline(never)]
fn by_bytes(bytes: &[u8], at: usize) -> Option<(Plain, usize)> {
    let mut plain = Plain { digits: 0, whole: 0, part: 0 };
    let mut end = at;
    let mut run = |end: &mut usize| {
        let mut count = 0;
        while byte_at(bytes, *end).is_ascii_digit() {
            if plain.whole + count == DIGITS_MAX {
                return None;
            }
            plain.digits = plain.digits * 10 + u64::from(byte_at(bytes, *end) - b'0');
            (count, *end) = (count + 1, *end + 1);
        }
        plain.whole += count;
        (count > 0).then_some(count)
    };
    let whole = run(&mut end)?;
    if whole > 1 && byte_at(bytes, at) == b'0' {
        return None;
    }
    let mut part = 0;
    if byte_at(bytes, end) == b'.' {
        end += 1;
        part = run(&mut end)?;
    }
    (plain.whole, plain.part) = (whole, part);
    Some((plain, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_decimal_is_its_digits_and_its_point() {
        let bytes = b"xxxxxxxxxxxxxxxx\"61837.64000000\",\"0.5\",\"12\",\"7.\",\"\",\"007\",\".5\"";
        let read = |at: usize| decimal(bytes, at).map(|(it, end)| (it.digits, it.part, end - at));
        let place = |text: &str| {
            bytes.windows(text.len()).position(|it| it == text.as_bytes()).unwrap() + 1
        };
        assert_eq!(read(place("\"618")), Some((6_183_764_000_000, 8, 14)));
        assert_eq!(read(place("\"0.5")), Some((5, 1, 3)));
        assert_eq!(read(place("\"12")), Some((12, 0, 2)));
        for odd in ["\"7.", "\"\"", "\"007", "\".5", "x\"61"] {
            assert_eq!(read(place(odd)), None, "{odd}");
        }
        assert_eq!(decimal(b"", 0), None);
        assert_eq!(decimal(b"1", usize::MAX), None);
    }

    #[test]
    fn exponents_move_the_point() {
        for text in ["3.3131E-4", "1.0E-10", "7E-3", "0E-9", "12.50E-18", "9.99E-01"] {
            let (plain, at) = decimal(text.as_bytes(), 0).unwrap();
            let (found, end) = scientific(text.as_bytes(), at, plain).unwrap();
            assert_eq!(end, text.len());
            let general = Decimal::parse_written(text.as_bytes());
            assert_eq!(Ok((found.value(), found.written())), general, "{text}");
        }
        let plain = Plain { digits: 1, whole: 1, part: 0 };
        for odd in ["", "E", "E-", "E4", "E+4", "e-4", "E-x"] {
            assert_eq!(scientific(odd.as_bytes(), 0, plain), None, "{odd}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 50 } else { 20_000 }))]

        #[test]
        fn decimals_equal_the_general_ones(
            before in "[0-9a:,/\".]{0,24}",
            text in "(0|[1-9][0-9]{0,9}|[0-9]{0,20})(\\.[0-9]{0,10}|\\.0{0,7}[0-9]{0,12})?",
            behind in "[,}\\]e\"/:\\-]",
            padding in 0..20_usize,
        ) {
            let at = before.len();
            let bytes = [&before, &text, &behind].map(|part| part.as_bytes()).concat();
            let bytes = [&bytes[..], &b"77\"77777777777777777"[..padding]].concat();
            let found = decimal(&bytes, at);
            prop_assert_eq!(found, by_bytes(&bytes, at));
            let general = Decimal::parse_written(text.as_bytes());
            match found {
                Some((plain, end)) => {
                    prop_assert_eq!(end, at + text.len());
                    prop_assert_eq!(Ok((plain.value(), plain.written())), general);
                }
                None => {
                    let digits = text.bytes().filter(u8::is_ascii_digit).count();
                    let zeros = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
                    let points = text.starts_with('.') || text.ends_with('.');
                    prop_assert!(digits > 18 || digits == 0 || zeros || points, "{}", text);
                }
            }
        }
    }
}
