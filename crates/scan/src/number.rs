//! Integers out of their digits.

use tickbook_types::POW10;

use crate::arch::scalar::byte_at;
use crate::word::{self, ZEROS};

/// An unsigned integer at `at`, as JSON writes it (no leading zeros), and the position behind it.
///
/// Up to 19 digits are recognised: more than any id or time has, and all fit.
#[inline]
#[must_use]
pub fn unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = word::word(bytes, at) ^ ZEROS;
    let stops = word::non_digits(first);
    if stops != 0 {
        let count = word::first_stop(stops);
        // A leading zero is a number of its own or no JSON at all.
        if count == 0 || (first & 0xFF == 0 && count > 1) {
            return None;
        }
        return Some((word::number(first << (64 - 8 * count)), at + count));
    }
    let second = word::word(bytes, at + 8) ^ ZEROS;
    let stops = word::non_digits(second);
    let count = word::first_stop(stops);
    if first & 0xFF == 0 {
        return None;
    }
    let head = word::number(first);
    if stops != 0 {
        // `checked_shl` gives none for no digits, which leaves the head as it is.
        let shift = 64 - (stops.trailing_zeros() & !7);
        let rest = word::number(second.checked_shl(shift).unwrap_or(0));
        return Some((head * POW10[count] + rest, at + 8 + count));
    }
    long_unsigned(bytes, at, head * POW10[8] + word::number(second))
}

/// Up to three more digits behind sixteen.
#[cold]
fn long_unsigned(bytes: &[u8], at: usize, head: u64) -> Option<(u64, usize)> {
    let (mut value, mut end) = (head, at + 16);
    while byte_at(bytes, end).is_ascii_digit() {
        if end == at + 19 {
            return None;
        }
        value = value * 10 + u64::from(byte_at(bytes, end) - b'0');
        end += 1;
    }
    Some((value, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
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
