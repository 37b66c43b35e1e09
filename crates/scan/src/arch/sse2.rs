//! Numbers by vectors of sixteen bytes, which every x86-64 has.
//!
//! One load from the first digit on finds where the digits end, which is all that what stands
//! behind them waits for. A second one, of the sixteen bytes that end with the last digit, has each
//! digit at the place that its value depends on: what stands before the number is masked out, and a
//! point is closed by moving the digits before it up by one place.

use std::arch::x86_64::*;

use crate::decimal::Plain;
use crate::skip::Structure;

/// Bytes of a vector.
pub(crate) const LANE: usize = 16;

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
    let (window, early) = window(bytes, at)?;
    let count = (digits_mask(values(window)) >> early).trailing_ones() as usize;
    let first = *bytes.get(at)?;
    // Of no digits, sixteen or more, or with a zero that is not all of it.
    if count.wrapping_sub(1) >= LANE - 1 || (first == b'0' && count > 1) {
        return None;
    }
    let end = at + count;
    let last = LAST.get(count..)?.first_chunk()?;
    let digits = values(load(bytes.get(end.checked_sub(LANE)?..)?.first_chunk()?));
    Some((integer(_mm_and_si128(digits, load(last))), end))
}

/// A decimal of up to 15 bytes at `at`, and the position behind it; `None` also if it stands too
/// near to either end of the slice.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn decimal(bytes: &[u8], at: usize) -> Option<(Plain, usize)> {
    let (window, early) = window(bytes, at)?;
    // Above the window all are stops.
    let stops = !digits_mask(values(window)) >> early;
    let whole = stops.trailing_zeros() as usize;
    // Of no digits, sixteen or more, or with a zero in front.
    if whole.wrapping_sub(1) >= LANE - 1 || (*bytes.get(at)? == b'0' && whole > 1) {
        return None;
    }
    // The last place of the second load is the last digit's, or that of what stands behind it.
    let (length, past) = if *bytes.get(at + whole)? == b'.' {
        ((stops & (stops - 1)).trailing_zeros() as usize, 0)
    } else {
        (whole, 1)
    };
    let part = (length + past).wrapping_sub(whole + 1);
    if length >= LANE || (past == 0 && part == 0) {
        return None;
    }
    let (end, count) = (at + length, whole + part);
    let values = values(load(bytes.get((end + past).checked_sub(LANE)?..)?.first_chunk()?));
    let behind = load(LAST.get(part..)?.first_chunk()?);
    let all = load(LAST.get(count..)?.first_chunk()?);
    let before = _mm_andnot_si128(behind, _mm_slli_si128::<1>(values));
    let closed = _mm_or_si128(_mm_and_si128(behind, values), before);
    #[expect(clippy::cast_possible_truncation, reason = "both are below 16")]
    let (whole, part) = (whole as u8, part as u8);
    Some((Plain { digits: integer(_mm_and_si128(closed, all)), whole, part }, end))
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
fn values(bytes: __m128i) -> __m128i {
    _mm_sub_epi8(bytes, _mm_set1_epi8(b'0'.cast_signed()))
}

/// The sixteen bytes at `at`, or the last sixteen of the slice if there are fewer, and how many
/// places before `at` those begin; `None` if `at` is behind the slice, or the slice is shorter.
#[inline]
#[target_feature(enable = "sse2")]
fn window(bytes: &[u8], at: usize) -> Option<(__m128i, u32)> {
    let rest = bytes.get(at..)?;
    if let Some(chunk) = rest.first_chunk() {
        return Some((load(chunk), 0));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
    let early = (LANE - rest.len()) as u32;
    Some((load(bytes.last_chunk()?), early))
}

/// The places of digits, as the lowest 16 bits.
#[inline]
#[target_feature(enable = "sse2")]
fn digits_mask(values: __m128i) -> u32 {
    let least = _mm_min_epu8(values, _mm_set1_epi8(9));
    mask(_mm_cmpeq_epi8(least, values))
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

/// The places of quotes and backslashes in the sixteen bytes at `at`, or as many as there are, as
/// the lowest bits; `None` as for [`window`].
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn string_stops(bytes: &[u8], at: usize) -> Option<u32> {
    let (bytes, early) = window(bytes, at)?;
    Some(mask(_mm_or_si128(equal(bytes, b'"'), equal(bytes, b'\\'))) >> early)
}

/// The places of what ends a number or a word, as [`string_stops`].
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn bare_stops(bytes: &[u8], at: usize) -> Option<u32> {
    let (bytes, early) = window(bytes, at)?;
    let blank = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8(0x20));
    let commas = _mm_or_si128(equal(bytes, b','), equal(bytes, b':'));
    let closing = equal(curled(bytes), b'}');
    let quotes = _mm_or_si128(equal(bytes, b'"'), blank);
    Some(mask(_mm_or_si128(_mm_or_si128(commas, closing), quotes)) >> early)
}

/// Bytes that [`structure`] looks at.
pub(crate) const BLOCK: usize = 2 * LANE;

/// What stands in the [`BLOCK`] bytes at `at`, or as many as there are; `None` as for [`window`].
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn structure(bytes: &[u8], at: usize) -> Option<Structure> {
    let rest = bytes.get(at..)?;
    let (block, early): (&[u8; BLOCK], usize) = match rest.first_chunk() {
        Some(block) => (block, 0),
        None => (bytes.last_chunk()?, BLOCK - rest.len()),
    };
    let (near, far) = (load(block.first_chunk()?), load(block.last_chunk()?));
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of 32 bits")]
    let both = |near, far| (u64::from(mask(near) | mask(far) << LANE) >> early) as u32;
    Some(Structure {
        quotes: both(equal(near, b'"'), equal(far, b'"')),
        slashes: both(equal(near, b'\\'), equal(far, b'\\')),
        opening: both(equal(curled(near), b'{'), equal(curled(far), b'{')),
        closing: both(equal(curled(near), b'}'), equal(curled(far), b'}')),
    })
}

/// Square brackets become curly ones; no other byte becomes a bracket.
#[inline]
#[target_feature(enable = "sse2")]
fn curled(bytes: __m128i) -> __m128i {
    _mm_or_si128(bytes, _mm_set1_epi8(0x20))
}

#[inline]
#[target_feature(enable = "sse2")]
fn equal(bytes: __m128i, byte: u8) -> __m128i {
    _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))
}

#[inline]
#[target_feature(enable = "sse2")]
fn mask(bytes: __m128i) -> u32 {
    _mm_movemask_epi8(bytes).cast_unsigned()
}
