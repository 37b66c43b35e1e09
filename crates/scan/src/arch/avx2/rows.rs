//! Levels that follow a [`Pattern`], at no scale.
//!
//! What is around the numbers is known, and where the first price begins. So a level is one chain
//! of few steps: 64 bytes from the price on are loaded and compared, which tells where the price
//! ends, hence where the size begins, hence from the same bits where that ends, hence where the
//! next price begins. Beside the chain, the texts around the numbers are compared as vectors, and
//! the digits brought into order by a shuffle that depends on the count of digits before and
//! behind the point, and added up as in the kernel for known scales.
//!
//! # Invariants
//!
//! - Bytes are read only within the slice: [`Pattern::reads`] of them are there before a level is
//!   looked at, and no number of one that is read on has more than [`LANE`] bytes.

use std::arch::x86_64::*;

use tickbook_types::{LevelRecord, Side};

use super::{mask, non_digits};
use crate::arch::shape::{self, LANE};
use crate::patterns::{CHUNK, Literal, Pattern, Places, Stop, WINDOW};

/// Takes levels from `at` on, where one begins, as long as they follow `pattern`.
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(crate) fn run(
    pattern: &Pattern,
    side: Side,
    bytes: &[u8],
    at: usize,
    out: &mut [LevelRecord],
    places: &mut [Places],
) -> (usize, Stop) {
    if at.checked_add(pattern.reads()).is_none_or(|end| end > bytes.len()) {
        return (0, Stop::Room(at));
    }
    // Before a level stands at least the text that a tail would be; what it is does not matter.
    let before = pattern.tail_len + 1;
    let Some(from) = at.checked_sub(before) else { return (0, Stop::Other(at)) };
    // SAFETY: `from` is in the slice, and `reads` bytes from `at` on are; the chunks of `next` from
    // `from` on end before those.
    let odd = unsafe { pattern.next.odd::<true>(bytes, from, pattern.chunks) };
    if u64::from(places_of(odd.0)) >> before != 0 || !is_zero(odd.1) {
        return (0, Stop::Other(at));
    }
    if pattern.chunks == 1 {
        levels::<false>(pattern, side, bytes, at, out, places)
    } else {
        levels::<true>(pattern, side, bytes, at, out, places)
    }
}

/// [`run`] where the first head has been compared; `LONG` if what stands between two levels takes
/// more than one vector.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn levels<const LONG: bool>(
    pattern: &Pattern,
    side: Side,
    bytes: &[u8],
    mut at: usize,
    out: &mut [LevelRecord],
    places: &mut [Places],
) -> (usize, Stop) {
    let side = _mm_set_epi64x((side as i64) << 63, 0);
    let Some(last) = bytes.len().checked_sub(pattern.reads()) else { return (0, Stop::Room(at)) };
    let room = out.len().min(places.len());
    for (index, (place, shape)) in out.iter_mut().zip(places).enumerate() {
        if at > last {
            return (index, Stop::Room(at));
        }
        let price = at + pattern.head_len;
        // SAFETY: `reads` bytes from `at` on are in the slice: the head, and WINDOW bytes more.
        let sight = unsafe { Sight::of(bytes, price) };
        let first = sight.number(0);
        let size = first.end + pattern.between_len;
        let second = sight.number(size);
        if first.end > LANE || second.end > LANE {
            return (index, Stop::Other(at));
        }
        let behind = price + size + second.end;
        // SAFETY: the size begins at most LANE + CHUNK behind the price, of WINDOW bytes.
        let second_lane = unsafe { load(bytes, price + size) };
        let (one, other) = (first.known(), second.known());
        if !is_one(one, sight.near) || !is_one(other, second_lane) {
            return (index, Stop::Other(at));
        }
        let digits = integers(order(one, sight.near), order(other, second_lane));
        let record = _mm_or_si128(digits, side);
        // SAFETY: `place` is a record of two words, 16 bytes, and all bits are a record.
        unsafe { _mm_storeu_si128(core::ptr::from_mut(place).cast(), record) };
        *shape = Places { price: one.places, size: other.places };
        // SAFETY: CHUNK bytes from at most LANE behind the price on are within WINDOW.
        let between = unsafe { pattern.between.odd::<false>(bytes, price + first.end, 1) };
        // SAFETY: `behind` is at most WINDOW behind the price, and from there on are as many chunks
        // as there are.
        let next = unsafe { pattern.next.odd::<LONG>(bytes, behind, pattern.chunks) };
        let odd = _mm256_or_si256(between.0, _mm256_or_si256(next.0, next.1));
        if is_zero(odd) {
            at = behind + pattern.tail_len + 1;
            continue;
        }
        let end = behind + pattern.tail_len;
        let tail = places_of(next.0) & ((1 << pattern.tail_len) - 1);
        return match bytes.get(end) {
            _ if tail != 0 || !is_zero(between.0) => (index, Stop::Other(at)),
            Some(b',') => (index + 1, Stop::Other(end + 1)),
            Some(b']') => (index + 1, Stop::Ended(end + 1)),
            _ => (index, Stop::Other(at)),
        };
    }
    (room, Stop::Full(at))
}

impl<const N: usize> Literal<N> {
    /// Not zero at those of the first [`CHUNK`] bytes at `at` that may not stand there, and, if
    /// `LONG`, somewhere if there are such in the next chunks.
    ///
    /// # Safety
    ///
    /// So many chunks from `at` on are in `bytes`; without `LONG`, one.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    unsafe fn odd<const LONG: bool>(
        &self,
        bytes: &[u8],
        at: usize,
        chunks: usize,
    ) -> (__m256i, __m256i) {
        debug_assert!(at + if LONG { chunks } else { 1 } * CHUNK <= bytes.len());
        let odd = |index: usize| {
            // SAFETY: the chunk is in the slice, by the caller's promise.
            let text = unsafe { bytes.as_ptr().add(at + index * CHUNK) };
            // SAFETY: as above.
            let text = unsafe { _mm256_loadu_si256(text.cast()) };
            // SAFETY: a chunk is CHUNK bytes, as many as a vector.
            let low = unsafe { _mm256_loadu_si256(self.low[index].as_ptr().cast()) };
            // SAFETY: as above.
            let range = unsafe { _mm256_loadu_si256(self.range[index].as_ptr().cast()) };
            _mm256_subs_epu8(_mm256_sub_epi8(text, low), range)
        };
        let mut far = _mm256_setzero_si256();
        if LONG {
            for index in 1..chunks.min(N) {
                far = _mm256_or_si256(far, odd(index));
            }
        }
        (odd(0), far)
    }
}

/// Where a vector is not zero.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn places_of(odd: __m256i) -> u32 {
    let even = _mm256_cmpeq_epi8(odd, _mm256_setzero_si256());
    !_mm256_movemask_epi8(even).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn is_zero(odd: __m256i) -> bool {
    _mm256_testz_si256(odd, odd) != 0
}

/// What can be seen of a level in the [`WINDOW`] bytes from its price on.
struct Sight {
    /// The first bytes.
    near: __m128i,
    /// Where no digits stand.
    stops: u64,
    /// Where points stand.
    points: u64,
}

/// Where a number ends; of one that is too long, anything above [`LANE`].
struct Number {
    /// Digits before the point.
    whole: usize,
    /// Bytes.
    end: usize,
}

impl Sight {
    /// # Safety
    ///
    /// [`WINDOW`] bytes from `at` on are in `bytes`.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    unsafe fn of(bytes: &[u8], at: usize) -> Self {
        debug_assert!(at + WINDOW <= bytes.len());
        // SAFETY: `at` is in the slice, by the caller's promise.
        let price = unsafe { bytes.as_ptr().add(at) };
        // SAFETY: the first half of the WINDOW bytes.
        let near = unsafe { _mm256_loadu_si256(price.cast()) };
        // SAFETY: the second half.
        let far = unsafe { _mm256_loadu_si256(price.add(CHUNK).cast()) };
        let point = _mm256_set1_epi8(b'.'.cast_signed());
        Self {
            near: _mm256_castsi256_si128(near),
            stops: mask(non_digits(near), non_digits(far)),
            points: mask(_mm256_cmpeq_epi8(near, point), _mm256_cmpeq_epi8(far, point)),
        }
    }

    /// The number that begins at `at`.
    #[inline(always)]
    fn number(&self, at: usize) -> Number {
        let (stops, points) = (self.stops >> (at & 63), self.points >> (at & 63));
        let rest = stops & stops.wrapping_sub(1);
        let whole = stops.trailing_zeros() as usize;
        let second = rest.trailing_zeros() as usize;
        let is_point = points & (stops ^ rest) != 0;
        Number { whole, end: if is_point { second } else { whole } }
    }
}

impl Number {
    /// What is known of such a number; it has at most [`LANE`] bytes.
    #[inline(always)]
    fn known(&self) -> &'static shape::Number {
        shape::number(self.whole, self.end)
    }
}

/// Whether it is a number that `lane` begins with.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn is_one(number: &shape::Number, lane: __m128i) -> bool {
    let zero = _mm_cvtsi128_si32(lane) & 0xFF == i32::from(b'0');
    number.is_one >> u8::from(zero) & 1 != 0
}

/// The digits of the number that `lane` begins with, the last one at the last place.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn order(number: &shape::Number, lane: __m128i) -> __m128i {
    // SAFETY: the order is LANE bytes.
    let order = unsafe { _mm_loadu_si128(number.order.as_ptr().cast()) };
    _mm_shuffle_epi8(_mm_sub_epi8(lane, _mm_set1_epi8(b'0'.cast_signed())), order)
}

/// # Safety
///
/// [`LANE`] bytes from `at` on are in `bytes`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
unsafe fn load(bytes: &[u8], at: usize) -> __m128i {
    debug_assert!(at + LANE <= bytes.len());
    // SAFETY: `at` is in the slice, by the caller's promise.
    let place = unsafe { bytes.as_ptr().add(at) };
    // SAFETY: LANE bytes from there on are in the slice.
    unsafe { _mm_loadu_si128(place.cast()) }
}

/// The integers of the digits of two numbers.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn integers(price: __m128i, size: __m128i) -> __m128i {
    let tens = _mm_set1_epi16(i16::from_le_bytes([10, 1]));
    let hundreds = _mm_set1_epi32(100 | 1 << 16);
    let myriads = _mm_set1_epi32(10_000 | 1 << 16);
    let price = _mm_madd_epi16(_mm_maddubs_epi16(price, tens), hundreds);
    let size = _mm_madd_epi16(_mm_maddubs_epi16(size, tens), hundreds);
    // The high and the low eight digits of the price, then those of the size.
    let eights = _mm_madd_epi16(_mm_packus_epi32(price, size), myriads);
    let high = _mm_mul_epu32(eights, _mm_set1_epi64x(100_000_000));
    _mm_add_epi64(high, _mm_srli_epi64::<32>(eights))
}
