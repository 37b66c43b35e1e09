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
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: SSE2 is part of every x86-64.
        let found = unsafe { crate::arch::sse2::unsigned(bytes, at) };
        if found.is_some() {
            return found;
        }
    }
    by_words(bytes, at)
}

/// [`unsigned`] in general registers: any processor, wherever in the slice, up to 19 digits.
#[inline(never)]
fn by_words(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
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

    /// Digit by digit.
    fn naive(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
        let digits = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
        let text = core::str::from_utf8(&bytes[at..at + digits]).unwrap();
        let plain = !text.is_empty() && digits <= 19 && (digits == 1 || !text.starts_with('0'));
        plain.then(|| (text.parse().unwrap(), at + digits))
    }

    proptest! {
        #[test]
        fn scanned_integers_equal_the_general_ones(
            before in "[0-9a:,/\"]{0,24}",
            text in "(0|[1-9])?[0-9]{0,20}",
            behind in "[,}.e\"/:\\-]",
        ) {
            let at = before.len();
            let bytes = [&before, &text, &behind].map(|part| part.as_bytes()).concat();
            let bytes = [&bytes[..], &[b','; 64]].concat();
            let found = unsigned(&bytes, at);
            prop_assert_eq!(found, naive(&bytes, at));
            prop_assert_eq!(by_words(&bytes, at), found);
        }

        #[test]
        fn no_end_of_a_slice_is_overrun(bytes in "[0-9,]{0,40}", at in 0..50_usize) {
            let bytes = bytes.as_bytes();
            // Without padding behind it a number may seem to end early, but in the slice.
            if let Some((_, end)) = unsigned(bytes, at) {
                prop_assert!(bytes[at..end].iter().all(u8::is_ascii_digit));
            }
        }
    }
}
