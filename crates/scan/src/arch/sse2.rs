//! Integers by vectors of sixteen bytes, which every x86-64 has.
//!
//! One load from the first digit on finds where the digits end, which is all that what stands
//! behind them waits for. A second one, of the sixteen bytes that end with the last digit, has each
//! digit at the place that its value depends on: what stands before the number is masked out.

use std::arch::x86_64::*;

/// Bytes of a vector.
const LANE: usize = 16;

/// Read from index n on: all ones for the last n places of a vector.
static LAST: [u8; 2 * LANE] = {
    let mut bytes = [0; 2 * LANE];
    let mut at = LANE;
    while at < 2 * LANE {
        bytes[at] = 0xFF;
        at += 1;
    }
    bytes
};

/// An integer of up to 15 digits without leading zeros at `at`, and the position behind it; `None`
/// also if it stands too near to either end of the slice.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let from = bytes.get(at..)?.first_chunk()?;
    let first = from[0];
    let count = digits(values(from));
    // Of no digits, sixteen or more, or with a zero that is not all of it.
    if count.wrapping_sub(1) >= LANE - 1 || (first == b'0' && count > 1) {
        return None;
    }
    let end = at + count;
    let last = LAST.get(count..)?.first_chunk()?;
    let digits = values(bytes.get(end.checked_sub(LANE)?..)?.first_chunk()?);
    Some((integer(_mm_and_si128(digits, load(last))), end))
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(bytes: &[u8; LANE]) -> __m128i {
    // SAFETY: the bytes of the vector are those of the array; the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// The values of digits; of other bytes, something above 9.
#[inline]
#[target_feature(enable = "sse2")]
fn values(bytes: &[u8; LANE]) -> __m128i {
    _mm_sub_epi8(load(bytes), _mm_set1_epi8(b'0'.cast_signed()))
}

/// How many digits there are before what is none.
#[inline]
#[target_feature(enable = "sse2")]
fn digits(values: __m128i) -> usize {
    let least = _mm_min_epu8(values, _mm_set1_epi8(9));
    let digits = _mm_movemask_epi8(_mm_cmpeq_epi8(least, values));
    digits.trailing_ones() as usize
}

/// The integer of sixteen digits: pairs, fours, eights, all.
#[inline]
#[target_feature(enable = "sse2")]
fn integer(values: __m128i) -> u64 {
    let tens = _mm_and_si128(values, _mm_set1_epi16(0xFF));
    let tens = _mm_mullo_epi16(tens, _mm_set1_epi16(10));
    let pairs = _mm_add_epi16(tens, _mm_srli_epi16::<8>(values));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let fours = _mm_packs_epi32(fours, fours);
    let eights = _mm_madd_epi16(fours, _mm_set1_epi32(10_000 | 1 << 16));
    let eights = _mm_cvtsi128_si64(eights).cast_unsigned();
    (eights & 0xFFFF_FFFF) * 100_000_000 + (eights >> 32)
}
