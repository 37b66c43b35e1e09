//! Integers and decimals out of their digits.

use tickbook_types::POW10;

use crate::swar::{self, ZEROS};

/// An unsigned integer at `at`, as JSON writes it (no leading zeros), and the position behind it.
///
/// Up to 19 digits are recognised: more than any id or time has, and all fit.
#[inline]
#[must_use]
pub fn unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = swar::word(bytes, at) ^ ZEROS;
    let stops = swar::non_digits(first);
    if stops != 0 {
        let count = swar::first_stop(stops);
        // A leading zero is a number of its own or no JSON at all.
        if count == 0 || (first & 0xFF == 0 && count > 1) {
            return None;
        }
        return Some((swar::number(first << (64 - 8 * count)), at + count));
    }
    let second = swar::word(bytes, at + 8) ^ ZEROS;
    let stops = swar::non_digits(second);
    let count = swar::first_stop(stops);
    if first & 0xFF == 0 {
        return None;
    }
    let head = swar::number(first);
    if stops != 0 {
        // `checked_shl` gives none for no digits, which leaves the head as it is.
        let shift = 64 - (stops.trailing_zeros() & !7);
        let rest = swar::number(second.checked_shl(shift).unwrap_or(0));
        return Some((head * POW10[count] + rest, at + 8 + count));
    }
    long_unsigned(bytes, at, head * POW10[8] + swar::number(second))
}

/// Up to three more digits behind sixteen.
#[cold]
fn long_unsigned(bytes: &[u8], at: usize, head: u64) -> Option<(u64, usize)> {
    let (mut value, mut end) = (head, at + 16);
    while let Some(digit) = digit_at(bytes, end) {
        if end == at + 19 {
            return None;
        }
        value = value * 10 + digit;
        end += 1;
    }
    Some((value, end))
}

/// Digits behind the point that a [`Decimals`] can keep.
pub(crate) const KEPT_MAX: u32 = 8;

/// Longest fraction that is read in one word.
const BEHIND_MAX: usize = 8;

/// How the numbers of one field are turned into integers, and what the last one looked like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimals {
    /// Digits kept behind the point: minus the exponent, at most [`KEPT_MAX`].
    kept: u32,
    /// 10^kept.
    unit: u64,
    /// Bits of a word of digits that may be other than zero.
    kept_mask: u64,
    /// Digits behind the point in the last number: venues write a fixed count, so guessing it
    /// makes the address of what follows independent of the fraction.
    behind: usize,
    /// Bits of a word that hold `behind` digits.
    behind_mask: u64,
}

impl Decimals {
    /// For integers at `exponent`; `None` if it is positive or below `-KEPT_MAX`.
    pub(crate) fn new(exponent: i8) -> Option<Self> {
        let kept = u32::try_from(-i32::from(exponent)).ok()?;
        if kept > KEPT_MAX {
            return None;
        }
        let behind = kept as usize;
        Some(Self {
            kept,
            unit: POW10[behind],
            kept_mask: low_bytes(behind),
            behind,
            behind_mask: low_bytes(behind),
        })
    }

    /// The number that starts at `at` (behind the opening quote) and the position of its closing
    /// quote: `digits` or `digits.digits`, at most 2^63 - 1 and exact at the exponent.
    #[inline(always)]
    pub(crate) fn scan(&mut self, bytes: &[u8], at: usize) -> Option<(u64, usize)> {
        let whole = swar::word(bytes, at) ^ ZEROS;
        let count = swar::first_stop(swar::non_digits(whole));
        if count == 0 || count == 8 {
            return self.scan_slowly(bytes, at);
        }
        // 1 <= count <= 7: shifts by 8 to 56.
        let stop = (whole >> (8 * count)).to_le_bytes()[0] ^ b'0';
        let point = at + count;
        let whole = swar::number(whole << (64 - 8 * count));
        if stop != b'.' {
            return if stop == b'"' { Some((whole * self.unit, point)) } else { None };
        }
        let part = swar::word(bytes, point + 1) ^ ZEROS;
        let end = point + 1 + self.behind;
        if swar::non_digits(part) & self.behind_mask != 0 || byte_at(bytes, end) != b'"' {
            return self.scan_other_shape(bytes, point, whole);
        }
        let digits = part & self.behind_mask;
        if digits & !self.kept_mask != 0 {
            return None;
        }
        // With `kept` 0 the digits are all zero here, so the wrapped shift by 64 is harmless.
        let part = swar::number(digits.wrapping_shl(64 - 8 * self.kept));
        Some((whole * self.unit + part, end))
    }

    /// The fraction has another length than the last one had: learn it.
    #[inline(never)]
    fn scan_other_shape(&mut self, bytes: &[u8], point: usize, whole: u64) -> Option<(u64, usize)> {
        let part = swar::word(bytes, point + 1) ^ ZEROS;
        let behind = swar::first_stop(swar::non_digits(part));
        let end = point + 1 + behind;
        if behind == 0 || byte_at(bytes, end) != b'"' {
            return None;
        }
        debug_assert!(behind <= BEHIND_MAX);
        (self.behind, self.behind_mask) = (behind, low_bytes(behind));
        let digits = part & self.behind_mask;
        if digits & !self.kept_mask != 0 {
            return None;
        }
        let part = swar::number(digits.wrapping_shl(64 - 8 * self.kept));
        Some((whole * self.unit + part, end))
    }

    /// Eight digits and more before the point: byte by byte.
    #[cold]
    fn scan_slowly(&self, bytes: &[u8], at: usize) -> Option<(u64, usize)> {
        let (mut value, mut end) = (0_u64, at);
        while let Some(digit) = digit_at(bytes, end) {
            value = value.checked_mul(10)?.checked_add(digit)?;
            end += 1;
        }
        if end == at {
            return None;
        }
        let mut kept = 0;
        if byte_at(bytes, end) == b'.' {
            end += 1;
            let first = end;
            while let Some(digit) = digit_at(bytes, end) {
                if kept < self.kept {
                    value = value.checked_mul(10)?.checked_add(digit)?;
                    kept += 1;
                } else if digit != 0 {
                    return None;
                }
                end += 1;
            }
            if end == first {
                return None;
            }
        }
        let value = value.checked_mul(POW10[(self.kept - kept) as usize])?;
        // The general parser refuses longer text, and the top bit of a size is the side.
        let fits =
            value <= i64::MAX.cast_unsigned() && end - at <= tickbook_types::Decimal::TEXT_MAX;
        (fits && byte_at(bytes, end) == b'"').then_some((value, end))
    }
}

/// A mask of the lowest `count` bytes, `count` at most 8.
const fn low_bytes(count: usize) -> u64 {
    match count {
        0 => 0,
        1..=7 => (1 << (8 * count)) - 1,
        _ => u64::MAX,
    }
}

#[inline(always)]
fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[inline(always)]
fn digit_at(bytes: &[u8], at: usize) -> Option<u64> {
    let value = byte_at(bytes, at).wrapping_sub(b'0');
    (value < 10).then_some(u64::from(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickbook_types::Decimal;

    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        [text.as_bytes(), &[b'7'; 64]].concat()
    }

    #[test]
    fn integers_are_those_of_json() {
        for digits in ["0", "7", "1234567", "12345678", "123456789", "1234567890123456"] {
            let bytes = padded(&format!("{digits},"));
            assert_eq!(unsigned(&bytes, 0), Some((digits.parse().unwrap(), digits.len())));
        }
        let most = "9999999999999999999";
        assert_eq!(unsigned(&padded(&format!("{most}}}")), 0), Some((most.parse().unwrap(), 19)));
        for odd in ["", "-1", "01", "00", "0123456789", "99999999999999999999,", "\"1\""] {
            assert_eq!(unsigned(&padded(&format!("{odd},")), 0), None, "{odd}");
        }
    }

    /// What the general path makes of the same text.
    fn naive(text: &str, exponent: i8) -> Option<u64> {
        let mantissa = Decimal::parse(text.as_bytes()).ok()?.to_mantissa(exponent).ok()?;
        u64::try_from(mantissa).ok()
    }

    fn check(decimals: &mut Decimals, exponent: i8, text: &str) -> bool {
        let bytes = padded(&format!("{text}\""));
        match decimals.scan(&bytes, 0) {
            Some((value, end)) => {
                assert_eq!(Some(value), naive(text, exponent), "{text} at {exponent}");
                assert_eq!(end, text.len());
                true
            }
            None => false,
        }
    }

    #[test]
    fn usual_numbers_are_recognised() {
        for (exponent, texts) in [
            (-2, &["61837.64000000", "0.10000000", "5", "1234567", "12345678.5", "9.9"][..]),
            (-8, &["0.00000001", "1.54698000", "92233720368.54775807", "7"]),
            (0, &["1001", "0", "3.0", "123456789"]),
            (-3, &["46.371", "0.006", "569.567", "1000.00"]),
        ] {
            let mut decimals = Decimals::new(exponent).unwrap();
            for text in texts {
                assert!(check(&mut decimals, exponent, text), "{text} at {exponent}");
            }
        }
        assert!(Decimals::new(1).is_none());
        assert!(Decimals::new(-9).is_none());
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_general_path() {
        let mut decimals = Decimals::new(-2).unwrap();
        for odd in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e5",
            "1.005",
            "1.0.0",
            "1 ",
            "1,5",
            "92233720368547758.08",
        ] {
            assert!(!check(&mut decimals, -2, odd), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn scanned_numbers_equal_the_general_ones(
            texts in proptest::collection::vec(
                "[0-9]{0,12}(\\.[0-9]{0,10}|\\.[0-9]{1,3}0{1,6})?",
                1..20,
            ),
            exponent in -8_i8..=0,
        ) {
            let mut decimals = Decimals::new(exponent).unwrap();
            for text in &texts {
                let seen = check(&mut decimals, exponent, text);
                let plain = !text.is_empty() && !text.starts_with('.') && !text.ends_with('.');
                let behind = text.split_once('.').map_or(0, |(_, part)| part.len());
                if plain && behind <= 8 && naive(text, exponent).is_some() {
                    prop_assert!(seen, "{text} should be recognised at {exponent}");
                }
            }
        }

        #[test]
        fn scanned_integers_equal_the_general_ones(text in "[0-9]{0,21}[,}.e\"-]?") {
            let bytes = [text.as_bytes(), &[b','; 64]].concat();
            if let Some((value, end)) = unsigned(&bytes, 0) {
                prop_assert_eq!(text[..end].parse::<u64>().unwrap(), value);
                prop_assert!(end == 1 || !text.starts_with('0'));
                prop_assert!(!bytes[end].is_ascii_digit());
            }
        }
    }
}
