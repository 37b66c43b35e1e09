//! Eight bytes at a time in one register.
//!
//! Bytes are loaded little-endian: the first byte of the text is the lowest of the word.

/// `'0'` in every byte; XOR with it turns digits into their values.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The eight bytes at `at`; zeros if they are not all there (no digit, quote or bracket is zero).
#[inline(always)]
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => 0,
    }
}

/// For a word XORed with [`ZEROS`]: the top bit of every byte that was no digit, exactly.
#[inline(always)]
pub(crate) const fn non_digits(values: u64) -> u64 {
    // 0x76 lifts 10 and more to 0x80; the top bit is masked out before, so nothing carries over.
    (((values & !HIGH) + LOW * 0x76) | values) & HIGH
}

/// The number of eight digit values, the first (lowest byte) being the most significant.
///
/// Pairs, then fours, then eight, each step by one multiplication (Johnny Lee's method, as in
/// `fast_float`'s `parse_eight_digits_unrolled`).
#[inline(always)]
pub(crate) const fn number(values: u64) -> u64 {
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const HUNDREDS: u64 = 100 + (1_000_000 << 32);
    const ONES: u64 = 1 + (10_000 << 32);
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let even = (pairs & MASK).wrapping_mul(HUNDREDS);
    let odd = ((pairs >> 16) & MASK).wrapping_mul(ONES);
    even.wrapping_add(odd) >> 32
}

/// The top bit of every byte that ends or spoils a plain string: quote, backslash, control
/// character, or not ASCII. Exact up to and including the lowest one set.
#[inline(always)]
pub(crate) const fn string_stops(word: u64) -> u64 {
    let quote = word ^ (LOW * 0x22);
    let slash = word ^ (LOW * 0x5C);
    let zero_in_quote = quote.wrapping_sub(LOW) & !quote;
    let zero_in_slash = slash.wrapping_sub(LOW) & !slash;
    let control = word.wrapping_sub(LOW * 0x20) & !word;
    (zero_in_quote | zero_in_slash | control | word) & HIGH
}

/// Index of the lowest byte whose top bit is set, 8 if there is none.
#[inline(always)]
pub(crate) const fn first_stop(stops: u64) -> usize {
    (stops.trailing_zeros() >> 3) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_digits_are_exact_for_every_byte_at_every_place() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                for around in [b'0', b'9', b'"', 0xFF, 0x00] {
                    let mut bytes = [around; 8];
                    bytes[place] = byte;
                    let stops = non_digits(u64::from_le_bytes(bytes) ^ ZEROS);
                    for (index, byte) in bytes.iter().enumerate() {
                        let stop = stops >> (8 * index + 7) & 1 == 1;
                        assert_eq!(stop, !byte.is_ascii_digit(), "{bytes:?} at {index}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_stop_of_a_string_is_exact() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                for before in [b'a', b' ', 0x7F, b'!', b'#', b']', b'['] {
                    let mut bytes = [before; 8];
                    bytes[place] = byte;
                    let ends = |byte| !matches!(byte, b' '..=0x7F) || matches!(byte, b'"' | b'\\');
                    let naive = bytes.iter().position(|&byte| ends(byte)).unwrap_or(8);
                    assert_eq!(first_stop(string_stops(u64::from_le_bytes(bytes))), naive);
                }
            }
        }
    }

    #[test]
    fn eight_digits_make_their_number() {
        for value in [0, 1, 9, 10, 12_345_678, 99_999_999, 10_000_000, 90_000_009] {
            let text = format!("{value:08}");
            let bytes: [u8; 8] = text.as_bytes().try_into().unwrap();
            assert_eq!(number(u64::from_le_bytes(bytes) ^ ZEROS), value);
        }
    }
}
