//! Two levels at a time, at addresses that wait for nothing.
//!
//! A scanner that reads numbers one after the other spends its time waiting: where a number begins
//! is known when the one before has ended, and where that ends, when its digits have been loaded,
//! compared and counted, some twenty cycles later. The digits themselves are cheap.
//!
//! But neighbouring levels of a book look alike. A venue writes a fixed count of decimals, prices
//! within one message differ in their last places, and most sizes have as many digits as the size
//! before. So this kernel *guesses*: the next level has the shape of the last one, hence begins one
//! stride further on, and the one behind it two strides. The processor then works on several levels
//! at once, because no address depends on what a load brought. What is loaded decides whether the
//! guess was right, by branches that are predicted well as long as it is.
//!
//! For a known [`Shape`] a level is four constants in registers (a [`Plan`]):
//!
//! 1. *Load.* 16 bytes from the price's first digit and 16 from the size's first digit, as the two
//!    halves of one vector.
//! 2. *Check.* Subtract the lowest byte that may stand at each place (`'0'` for digits, `'.'` for
//!    the point), subtract how far it may be above with saturation (9 for a digit, 0 for the point
//!    and for digits below the scale, 255 for what is behind the number). All zero: every byte of
//!    both numbers is what it should be, and the shape was guessed right. Without a further look
//!    the first subtraction has left the digits' values. The punctuation between and behind the
//!    numbers is compared in general registers.
//! 3. *Order.* One shuffle drops the point and the zeros below the scale, brings the last kept
//!    digit to the last place and fills missing ones with zeros: the scale costs no multiplication.
//! 4. *Add up.* Digits to pairs (`maddubs`), to fours (`madd`), two levels packed into one vector,
//!    to eights (`madd`), and the two eights of each number by one 64-bit multiplication. A
//!    permutation makes it price, size, price, size: two records, stored at once.
//!
//! When a guess fails, [`Array::look`] takes a level's shape from bit masks of the 64 bytes from
//! its price on: stops (what is no digit) give the digit counts; the first opening bracket gives
//! the next level, so that the chain from level to level is load, compare, mask, count, even here.
//! It makes the plan of that shape from rows in memory. After [`STEADY`] like levels the guessing
//! resumes. A level that has no plan (longer numbers, odd bytes, or the slice's end too near) goes
//! to the SWAR kernel, and what that does not know, to the scalar one.
//!
//! # Invariants
//!
//! - Bytes are read only within the slice: each step first compares what it may read with what is
//!   left. With the padding behind messages that fails for no level of a real one.
//! - A plan's lengths belong to a shape that its rows admitted: no number is longer than [`LANE`],
//!   so no level is longer than [`LEVEL_MAX`].

pub(crate) mod rows;

use std::arch::x86_64::*;

use tickbook_types::{LevelRecord, Side};

use crate::arch::scalar::{self, Behind};
use crate::arch::shape::{self, Digits, LANE, Row, Rows, Shape};
use crate::arch::swar::{self, LAST, LAST_MASK, NEXT, NEXT_MASK};
use crate::levels::{Fields, Form, Levels};

/// `","` between the numbers.
const BETWEEN: u32 = u32::from_le_bytes(*b"\",\"\0");
const BETWEEN_MASK: u32 = 0xFF_FFFF;
const BETWEEN_LEN: usize = 3;

/// `"],["` behind a level.
const NEXT_LEN: usize = 5;

/// From a price's first digit to the next price's: both numbers and their punctuation.
const LEVEL_MAX: usize = LANE + BETWEEN_LEN + LANE + NEXT_LEN;

/// From a price's first digit to the end of the last load of its level: the word behind the size.
const LEVEL_READ: usize = LANE + BETWEEN_LEN + LANE + size_of::<u64>();

/// Bytes that [`Array::guess`] may read.
const PAIR_READ: usize = LEVEL_MAX + LEVEL_READ;

/// Bytes that [`Array::look`] may read: its two masked vectors, which hold the whole level.
const LOOK_READ: usize = 64;
const _: () = assert!(LEVEL_READ <= LOOK_READ);

/// Levels in a row that were like the one before them, after which the next ones are guessed.
///
/// On recordings of six venues 1, 2 and 3 measured alike, 1 a little better where shapes change.
const STEADY: u32 = 1;

/// What a scanner brings along from the last array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    /// Of the shape that levels had for a while; of no meaning unless `steady`.
    plan: Plan,
    /// Whether the last level had that shape.
    steady: bool,
}

impl Hint {
    /// Nothing is known yet.
    pub(crate) const NONE: Self = Self { plan: Plan::NONE, steady: false };
}

/// Whether there are plans for these fields: numbers in quotes, with not too many digits kept.
pub(crate) fn serves(fields: &Fields) -> bool {
    let has_rows = |kept| shape::rows(kept).is_some();
    fields.form.is_quoted() && has_rows(fields.price.kept()) && has_rows(fields.size.kept())
}

/// Scans levels from `at`, where the first one's price begins, to the end of the array.
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(crate) fn levels(
    fields: &mut Fields,
    bytes: &[u8],
    at: usize,
    side: Side,
    out: &mut [LevelRecord],
) -> Option<Levels> {
    let Hint { plan, steady } = fields.hint;
    let kept = (fields.price.kept(), fields.size.kept());
    let side_bit = _mm256_set_epi64x((side as i64) << 63, 0, (side as i64) << 63, 0);
    let mut array =
        Array { bytes, out, at, count: 0, side_bit, kept, plan, planned: false, steady };
    // With more fields behind the size there is no stride to guess.
    let quoted = fields.form == Form::Quoted;
    let mut guesses = steady && quoted;
    let end = loop {
        if guesses && let Some(end) = array.guess() {
            break end;
        }
        let looked = if quoted { array.look::<false>() } else { array.look::<true>() };
        guesses = looked == Looked::Steady;
        array.steady &= !matches!(looked, Looked::Unknown);
        match looked {
            Looked::Steady => {}
            Looked::End(end) => break end,
            Looked::Unknown => {
                let (record, behind) = level_slowly(fields, bytes, array.at, side)?;
                *array.out.get_mut(array.count)? = record;
                array.count += 1;
                match behind {
                    Behind::Level(next) => array.at = next,
                    Behind::End(end) => break end,
                }
            }
        }
    };
    // Mostly the plan is the one that came, and nothing has to be written.
    let steady = guesses || array.steady;
    if array.planned || steady != fields.hint.steady {
        fields.hint = Hint { plan: array.plan, steady };
    }
    Some(Levels { count: array.count, end })
}

/// Scans a level by the slower kernels.
#[cold]
#[inline(never)]
fn level_slowly(
    fields: &mut Fields,
    bytes: &[u8],
    at: usize,
    side: Side,
) -> Option<(LevelRecord, Behind)> {
    swar::level(fields, bytes, at, side)
}

/// An array on the way.
struct Array<'a> {
    bytes: &'a [u8],
    out: &'a mut [LevelRecord],
    /// The first digit of the next price.
    at: usize,
    /// Levels written.
    count: usize,
    /// The side, in the place it has in two records.
    side_bit: __m256i,
    /// Digits kept behind the point, of prices and of sizes.
    kept: (u32, u32),
    /// Of the shape that levels had for a while, when last they did.
    plan: Plan,
    /// Whether that was in this array.
    planned: bool,
    /// Whether the last level was like that.
    steady: bool,
}

/// Why looking at levels ended.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Looked {
    /// The last levels had one shape.
    Steady,
    /// The array ended, and this is the position behind it.
    End(usize),
    /// The next level is none that vectors can hold, or there is no room for it.
    Unknown,
}

impl Array<'_> {
    /// Scans levels of the plan's shape, as long as there are any; the array's end, if that was it.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn guess(&mut self) -> Option<usize> {
        let (plan, bytes) = (self.plan, self.bytes);
        while self.at + PAIR_READ <= bytes.len()
            && let Some(places) = self.out.get_mut(self.count..)?.first_chunk_mut::<2>()
        {
            // SAFETY: PAIR_READ bytes from `at` on are in the slice by the check above, and
            // LEVEL_READ is less.
            let first = unsafe { plan.read(bytes, self.at) };
            // SAFETY: as above: the stride is at most LEVEL_MAX, and PAIR_READ is LEVEL_READ and
            // that much more.
            let second = unsafe { plan.read(bytes, self.at + plan.stride) };
            let odd = _mm256_or_si256(first.odd, second.odd);
            let marks = first.marks | second.marks | first.followed();
            if marks != 0 || _mm256_testz_si256(odd, odd) == 0 {
                return self.last_guess(&first);
            }
            let records = integers(plan.order(&first), plan.order(&second));
            let records = _mm256_or_si256(records, self.side_bit);
            // SAFETY: `places` are two records of two words each, 32 bytes, and all bits are a
            // record.
            unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), records) };
            self.at += plan.stride;
            if second.followed() == 0 {
                self.count += 2;
                self.at += plan.stride;
            } else if second.is_last() {
                self.count += 2;
                return Some(self.at + plan.behind + LAST_LEN);
            } else {
                self.count += 1;
                return None;
            }
        }
        None
    }

    /// At the end of an array, whose last level had this plan and was like the one before it, or
    /// not: what the next array will be guessed to begin with.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn remember(&mut self, last: Plan, like: bool) {
        // Arrays of one level have none before it; then the second one that is odd is believed.
        if last.stride != self.plan.stride && (like || !self.steady) {
            (self.plan, self.planned) = (last, true);
        }
        self.steady = last.stride == self.plan.stride;
    }

    /// Takes a level of the plan's shape that is not followed by another one.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn last_guess(&mut self, read: &Read) -> Option<usize> {
        let is_last = read.is_last();
        if !read.fits() || (read.followed() != 0 && !is_last) {
            return None;
        }
        let place = self.out.get_mut(self.count)?;
        let digits = self.plan.order(read);
        store(place, _mm256_or_si256(integers(digits, digits), self.side_bit));
        self.count += 1;
        if is_last {
            return Some(self.at + self.plan.behind + LAST_LEN);
        }
        self.at += self.plan.stride;
        None
    }

    /// Scans levels of whatever shapes, until they are of one shape for a while. With `MORE`,
    /// further fields may stand behind the size, and shapes do not matter.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn look<const MORE: bool>(&mut self) -> Looked {
        // The last level's stride, and how many had the same one. Two shapes of one stride are
        // rare, and a plan that is wrong does no harm.
        let (mut stride, mut like) = (self.plan.stride, 0);
        let (Some(price), Some(size)) = (shape::rows(self.kept.0), shape::rows(self.kept.1)) else {
            return Looked::Unknown;
        };
        while self.at + LOOK_READ <= self.bytes.len() {
            // SAFETY: LOOK_READ bytes from `at` on are in the slice by the check above.
            let sight = unsafe { Sight::of(self.bytes, self.at) };
            let Some(plan) = Plan::new(price, size, sight.shape) else { break };
            // SAFETY: LOOK_READ bytes from `at` on are in the slice, and LEVEL_READ is less.
            let read = unsafe { plan.read(self.bytes, self.at) };
            if !read.fits() {
                break;
            }
            let Some(place) = self.out.get_mut(self.count) else { break };
            let digits = plan.order(&read);
            store(place, _mm256_or_si256(integers(digits, digits), self.side_bit));
            let next = if read.followed() == 0 {
                plan.stride
            } else if read.is_last() {
                self.count += 1;
                if !MORE {
                    self.remember(plan, plan.stride == stride);
                }
                return Looked::End(self.at + plan.behind + LAST_LEN);
            } else if MORE {
                match scalar::behind(self.bytes, self.at + plan.behind, Form::QuotedAndMore) {
                    Some(Behind::Level(next)) => next - self.at,
                    Some(Behind::End(end)) => {
                        self.count += 1;
                        return Looked::End(end);
                    }
                    None => break,
                }
            } else {
                break;
            };
            if !sight.is_next(next) {
                break;
            }
            self.count += 1;
            // The same as `next`, but known earlier.
            self.at += sight.next();
            like = if plan.stride == stride { like + 1 } else { 0 };
            stride = plan.stride;
            if !MORE && like == STEADY {
                (self.plan, self.planned) = (plan, true);
                return Looked::Steady;
            }
        }
        Looked::Unknown
    }
}

/// Writes the first of two records.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn store(place: &mut LevelRecord, records: __m256i) {
    let place = core::ptr::from_mut(place);
    // SAFETY: `place` is a record of two words, 16 bytes, and all bits are a record.
    unsafe { _mm_storeu_si128(place.cast(), _mm256_castsi256_si128(records)) };
}

/// What is known of a level whose shape is known.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The lowest byte at each place of the two numbers.
    low: __m256i,
    /// How far the byte may be above.
    range: __m256i,
    /// The place of the digit that comes to each place of the two integers.
    order: __m256i,
    /// From the price's first digit to its closing quote, at most [`LANE`].
    between: usize,
    /// From there to the size's closing quote, at most `2 * LANE + BETWEEN_LEN`.
    behind: usize,
    /// From there to the next price, at most [`LEVEL_MAX`].
    stride: usize,
}

impl Plan {
    /// Of no shape: to be compared with, not to read by.
    const NONE: Self = {
        // SAFETY: a vector is 32 bytes, and all bits are one.
        let zeros = unsafe { core::mem::transmute::<[u8; 32], __m256i>([0; 32]) };
        Self { low: zeros, range: zeros, order: zeros, between: 0, behind: 0, stride: 0 }
    };

    /// The plan of levels of this shape, unless a number is too long or has no digits.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn new(price: &Rows, size: &Rows, shape: Shape) -> Option<Self> {
        let price = Lane::new(price, shape.price)?;
        let size = Lane::new(size, shape.size)?;
        let between = shape.price.length();
        let behind = between + BETWEEN_LEN + shape.size.length();
        Some(Self {
            low: _mm256_set_m128i(size.low, price.low),
            range: _mm256_set_m128i(size.range, price.range),
            order: _mm256_set_m128i(size.order, price.order),
            between,
            behind,
            stride: behind + NEXT_LEN,
        })
    }

    /// Reads a level as if it had the plan's shape.
    ///
    /// # Safety
    ///
    /// [`LEVEL_READ`] bytes from `at` on are in `bytes`.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    unsafe fn read(&self, bytes: &[u8], at: usize) -> Read {
        debug_assert!(at + LEVEL_READ <= bytes.len());
        debug_assert!(self.between <= LANE);
        debug_assert!(self.behind <= 2 * LANE + BETWEEN_LEN);
        // SAFETY: `at` is in the slice, by the caller's promise.
        let price = unsafe { bytes.as_ptr().add(at) };
        // SAFETY: LANE bytes from `price` on are in the slice, being less than LEVEL_READ.
        let price_lane = unsafe { _mm_loadu_si128(price.cast()) };
        // SAFETY: the size begins at most LANE + BETWEEN_LEN behind the price and takes LANE, which
        // is less than LEVEL_READ in all.
        let size_lane = unsafe { _mm_loadu_si128(price.add(self.between + BETWEEN_LEN).cast()) };
        // SAFETY: 4 bytes, at most LANE behind the price.
        let between = unsafe { price.add(self.between).cast::<u32>().read_unaligned() };
        // SAFETY: 8 bytes, at most 2 * LANE + BETWEEN_LEN behind the price: LEVEL_READ in all.
        let behind = unsafe { price.add(self.behind).cast::<u64>().read_unaligned() };
        let values = _mm256_sub_epi8(_mm256_set_m128i(size_lane, price_lane), self.low);
        Read {
            values,
            odd: _mm256_subs_epu8(values, self.range),
            marks: u64::from((between ^ BETWEEN) & BETWEEN_MASK),
            behind,
        }
    }

    /// The digits of a level, each number's last one at the last place of its half.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn order(&self, read: &Read) -> __m256i {
        _mm256_shuffle_epi8(read.values, self.order)
    }
}

/// A level read by a plan.
struct Read {
    /// Its numbers' bytes, less the lowest that may stand at each place: the values of digits.
    values: __m256i,
    /// Zero where a byte may stand.
    odd: __m256i,
    /// Zero if the right punctuation stands between the numbers.
    marks: u64,
    /// What stands behind the size.
    behind: u64,
}

impl Read {
    /// Whether both numbers are of the plan's shape.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn fits(&self) -> bool {
        self.marks == 0 && _mm256_testz_si256(self.odd, self.odd) != 0
    }

    /// Zero if another level stands behind.
    #[inline(always)]
    fn followed(&self) -> u64 {
        (self.behind ^ NEXT) & NEXT_MASK
    }

    /// Whether the array ends behind this level.
    #[inline(always)]
    fn is_last(&self) -> bool {
        self.behind & LAST_MASK == LAST
    }
}

/// `"]]` behind the last level.
const LAST_LEN: usize = 3;

/// One number's half of a plan.
struct Lane {
    low: __m128i,
    range: __m128i,
    order: __m128i,
}

impl Lane {
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn new(rows: &Rows, digits: Digits) -> Option<Self> {
        let row: &Row = rows.get(digits.part as usize)?;
        // Zero digits become the largest count.
        if digits.whole.wrapping_sub(1) >= row.whole_max {
            return None;
        }
        let from = LANE - digits.whole as usize;
        // SAFETY: `whole` is in 1..=LANE by the check above, so `from` is in 0..LANE, and the LANE
        // bytes from there on are within the 2 * LANE of the array.
        let low = unsafe { _mm_loadu_si128(row.low.as_ptr().add(from).cast()) };
        // SAFETY: as above.
        let range = unsafe { _mm_loadu_si128(row.range.as_ptr().add(from).cast()) };
        // SAFETY: the array is LANE bytes.
        let order = unsafe { _mm_loadu_si128(row.order.as_ptr().cast()) };
        let order = _mm_add_epi8(order, _mm_set1_epi8(digits.whole.to_le_bytes()[0].cast_signed()));
        Some(Self { low, range, order })
    }
}

/// The integers of two levels' digits: price, size, price, size.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn integers(first: __m256i, second: __m256i) -> __m256i {
    let tens = _mm256_set1_epi16(i16::from_le_bytes([10, 1]));
    let hundreds = _mm256_set1_epi32(100 | 1 << 16);
    let myriads = _mm256_set1_epi32(10_000 | 1 << 16);
    let first = _mm256_madd_epi16(_mm256_maddubs_epi16(first, tens), hundreds);
    let second = _mm256_madd_epi16(_mm256_maddubs_epi16(second, tens), hundreds);
    // In each half the high and the low eight digits of `first`, then those of `second`.
    let eights = _mm256_madd_epi16(_mm256_packus_epi32(first, second), myriads);
    let high = _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000));
    let all = _mm256_add_epi64(high, _mm256_srli_epi64::<32>(eights));
    // Prices are in the lower half, sizes in the upper one.
    _mm256_permute4x64_epi64::<0b11_01_10_00>(all)
}

/// What can be seen of a level in the 64 bytes from its price on.
struct Sight {
    /// Of no meaning if there is no such level.
    shape: Shape,
    /// Where opening brackets stand.
    brackets: u64,
}

impl Sight {
    /// # Safety
    ///
    /// [`LOOK_READ`] bytes from `at` on are in `bytes`.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    unsafe fn of(bytes: &[u8], at: usize) -> Self {
        debug_assert!(at + LOOK_READ <= bytes.len());
        // SAFETY: `at` is in the slice, by the caller's promise.
        let price = unsafe { bytes.as_ptr().add(at) };
        // SAFETY: the first half of the LOOK_READ bytes.
        let near = unsafe { _mm256_loadu_si256(price.cast()) };
        // SAFETY: the second half.
        let far = unsafe { _mm256_loadu_si256(price.add(32).cast()) };
        let bracket = _mm256_set1_epi8(b'['.cast_signed());
        let brackets = mask(_mm256_cmpeq_epi8(near, bracket), _mm256_cmpeq_epi8(far, bracket));
        let stops = mask(non_digits(near), non_digits(far));
        let price = digits(stops);
        // Where the size begins; with no price in sight, anywhere.
        let size = stops >> ((price.length() + BETWEEN_LEN) & 63);
        Self { shape: Shape { price, size: digits(size) }, brackets }
    }

    /// From the price to that behind the first bracket and its quote.
    #[inline(always)]
    fn next(&self) -> usize {
        self.brackets.trailing_zeros() as usize + 2
    }

    /// Whether `next` is that, asked so that the compiler does not notice that either would do.
    #[inline(always)]
    fn is_next(&self, next: usize) -> bool {
        let lowest = self.brackets & self.brackets.wrapping_neg();
        (2..64).contains(&next) && lowest == 1 << (next - 2)
    }
}

/// The digits of a number that is read from the lowest bit on, given all that is no digit.
///
/// The second stop is the closing quote if the first one is a point. If the first one is the quote,
/// the second one stands right behind it, and there are no digits between.
#[inline(always)]
fn digits(stops: u64) -> Digits {
    let whole = stops.trailing_zeros();
    let second = (stops & stops.wrapping_sub(1)).trailing_zeros();
    Digits { whole, part: second.wrapping_sub(whole + 1) }
}

/// All ones where a byte is no digit.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn non_digits(bytes: __m256i) -> __m256i {
    // Digits become the ten lowest signed numbers.
    let values = _mm256_add_epi8(bytes, _mm256_set1_epi8(i8::MIN.wrapping_sub(b'0'.cast_signed())));
    _mm256_cmpgt_epi8(values, _mm256_set1_epi8(i8::MIN + 9))
}

/// The top bits of 64 bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn mask(near: __m256i, far: __m256i) -> u64 {
    let (near, far) = (_mm256_movemask_epi8(near), _mm256_movemask_epi8(far));
    u64::from(near.cast_unsigned()) | u64::from(far.cast_unsigned()) << 32
}
