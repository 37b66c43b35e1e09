//! Decimal numbers as venues print them: the forms their checksums are made over.
//!
//! # Guarantees
//!
//! - [`NumberForm::write`] allocates nothing, writes no more than [`NumberForm::BYTES_MAX`] bytes,
//!   and panics on no input.
//! - [`Written`] says of a text exactly which forms would print its value as that text; of one with
//!   more digits behind the point than any form writes, that none would.
//!
//! # How it is done
//!
//! The digits of an integer are made eight at a time by multiplications, and stand in the middle of
//! a field of zeros. The digit of weight 10^n then has a fixed place in that field, so that a
//! number with its zeros in front and behind is two ranges of it, and no case needs a loop.

use crate::{Decimal, POW10};

/// How a number is printed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NumberForm {
    /// All digits behind the point that there are, no zero at their end: `5`, `0.0000013`.
    Shortest,
    /// So many digits behind the point: `5.00`. Digits that have no place are left out.
    Fixed(u8),
    /// [`Self::Fixed`] without the point and the zeros in front: `500`; zero is no text at all.
    Bare(u8),
    /// A float in Python: `5.0`, `1.3e-07`, `1e+16`.
    Python,
    /// A number in JavaScript: `5`, `1.3e-7`, `1e+21`.
    JavaScript,
}

/// What a number's text was like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// Digits behind its point.
    pub digits: u8,
    /// Forms in which the number is printed as this text; of those with a count of digits, it is
    /// `digits`.
    pub forms: Forms,
}

/// A set of forms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forms(u8);

impl Forms {
    /// Every form.
    pub const ALL: Self = Self(15);

    const NONE: Self = Self(0);
    /// All digits one after the other, whatever their count.
    pub const PLAIN: Self = Self(1);
    const SHORTEST: Self = Self(2);
    const PYTHON: Self = Self(4);
    const JAVASCRIPT: Self = Self(8);

    /// Whether it holds a form, with whatever count of digits.
    #[inline]
    #[must_use]
    pub const fn has(self, form: NumberForm) -> bool {
        let bit = match form {
            NumberForm::Fixed(_) | NumberForm::Bare(_) => Self::PLAIN,
            NumberForm::Shortest => Self::SHORTEST,
            NumberForm::Python => Self::PYTHON,
            NumberForm::JavaScript => Self::JAVASCRIPT,
        };
        self.0 & bit.0 != 0
    }

    /// Those that both have.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn with(self, other: Self, wanted: bool) -> Self {
        if wanted { Self(self.0 | other.0) } else { self }
    }
}

impl Written {
    /// Of a text without an exponent and without anything superfluous (a plus sign, a zero in
    /// front of other digits, a bare point, the sign of zero), with `whole` digits before the
    /// point and `behind` digits behind it.
    #[inline]
    pub(crate) fn plain(text: &[u8], whole: usize, behind: usize) -> Self {
        let digits = u8::try_from(behind).unwrap_or(u8::MAX);
        if digits > NumberForm::DIGITS_MAX {
            return Self { digits, forms: Forms::NONE };
        }
        // Zeros at the end are superfluous behind a point only.
        let short = behind == 0 || !text.ends_with(b"0");
        let number = text.strip_prefix(b"-").unwrap_or(text);
        let below = |bound: &[u8]| number.starts_with(bound) && short;
        let float = behind == 1 || (behind > 1 && short && !below(b"0.0000"));
        let number = short && !below(b"0.000000");
        let forms = Forms::PLAIN
            .with(Forms::SHORTEST, short)
            .with(Forms::PYTHON, float && whole <= 16)
            .with(Forms::JAVASCRIPT, number && whole <= 21);
        Self { digits, forms }
    }

    /// Of a text of so many digits before and behind the point, at most 19, which make this
    /// integer: without sign and exponent, and without a zero in front of other digits.
    #[inline]
    #[must_use]
    pub const fn of_digits(integer: u64, whole: u8, behind: u8) -> Self {
        /// Integers below these have no digit but zeros before the last so many decimals.
        const fn bound(decimals: u8) -> u64 {
            if decimals < 20 { POW10[decimals as usize] } else { u64::MAX }
        }
        let short = behind == 0 || !integer.is_multiple_of(10);
        let small = whole == 1 && behind >= 4 && integer < bound(behind - 4);
        let tiny = whole == 1 && behind >= 6 && integer < bound(behind - 6);
        let float = behind == 1 || (behind > 1 && short && !small);
        let number = short && !tiny;
        let forms = Forms::PLAIN
            .with(Forms::SHORTEST, short)
            .with(Forms::PYTHON, float && whole <= 16)
            .with(Forms::JAVASCRIPT, number && whole <= 21);
        Self { digits: behind, forms }
    }

    /// Of a text with an exponent.
    #[cold]
    pub(crate) fn scientific(text: &[u8], value: Decimal) -> Self {
        // No form has a capital letter.
        if text.contains(&b'E') {
            return Self::default();
        }
        let magnitude = u64::try_from(value.mantissa().unsigned_abs());
        let exponent = i8::try_from(value.exponent());
        let (Ok(magnitude), Ok(exponent)) = (magnitude, exponent) else { return Self::default() };
        if exponent.unsigned_abs() > NumberForm::EXPONENT_MAX.unsigned_abs() {
            return Self::default();
        }
        let mut out = [0; NumberForm::BYTES_MAX];
        let mut is = |form: NumberForm| {
            let len = form.write(value.mantissa() < 0, magnitude, exponent, &mut out);
            out.get(..len) == Some(text)
        };
        let forms = Forms::NONE
            .with(Forms::PYTHON, is(NumberForm::Python))
            .with(Forms::JAVASCRIPT, is(NumberForm::JavaScript));
        Self { digits: 0, forms }
    }
}

/// Place of the digit of weight 1 in the field of an integer's digits.
const UNIT: usize = 63;

/// The digits of an integer, with zeros in front of them and behind.
struct Field {
    bytes: [u8; 160],
    /// Place of the first digit that is not zero; behind [`UNIT`] if there is none.
    first: usize,
}

impl NumberForm {
    /// Room that a text needs while it is written.
    pub const BYTES_MAX: usize = 160;

    /// Most digits behind the point that [`Self::Fixed`] and [`Self::Bare`] write.
    pub const DIGITS_MAX: u8 = 24;

    /// Exponents between this and its negative are written; others are taken for it.
    pub const EXPONENT_MAX: i8 = 40;

    /// Writes `magnitude * 10^exponent`, or its negative, and gives the length of the text. What
    /// stands behind the text in `out` is unspecified.
    #[inline]
    pub fn write(
        self,
        negative: bool,
        magnitude: u64,
        exponent: i8,
        out: &mut [u8; Self::BYTES_MAX],
    ) -> usize {
        let field = Field::of(magnitude);
        // The place of weight 1 once the exponent counts. Zero has none.
        let exponent = if magnitude == 0 { 0 } else { exponent };
        let exponent = isize::from(exponent.clamp(-Self::EXPONENT_MAX, Self::EXPONENT_MAX));
        let unit = UNIT.wrapping_add_signed(exponent);
        let digits_max = usize::from(Self::DIGITS_MAX);
        let start = usize::from(negative);
        out[0] = b'-';
        match self {
            Self::Fixed(digits) => {
                field.plain(unit, usize::from(digits).min(digits_max), start, out)
            }
            Self::Bare(digits) => {
                let end = unit + 1 + usize::from(digits).min(digits_max);
                let first = if magnitude == 0 { end } else { field.first.min(end) };
                copy(out, start, &field.bytes, first..end)
            }
            Self::Shortest => field.plain(unit, field.last().saturating_sub(unit), start, out),
            Self::Python => {
                let (first, last) = (field.first, field.last());
                // 1e-4 to below 1e16; zero has its first digit at the unit.
                if magnitude == 0 || (first <= unit + 4 && unit < first + 16) {
                    field.plain(unit, last.saturating_sub(unit).max(1), start, out)
                } else {
                    field.scientific(unit, 2, start, out)
                }
            }
            Self::JavaScript => {
                let (first, last) = (field.first, field.last());
                // 1e-6 to below 1e21.
                if magnitude == 0 || (first <= unit + 6 && unit < first + 21) {
                    field.plain(unit, last.saturating_sub(unit), start, out)
                } else {
                    field.scientific(unit, 1, start, out)
                }
            }
        }
    }
}

impl Field {
    #[inline]
    fn of(value: u64) -> Self {
        const EIGHT: u64 = 100_000_000;
        let mut bytes = [b'0'; 160];
        let (rest, low) = (value / EIGHT, value % EIGHT);
        let mut eight = ascii(low);
        bytes[UNIT - 7..=UNIT].copy_from_slice(&eight);
        let mut start = UNIT - 7;
        if rest > 0 {
            let (top, middle) = (rest / EIGHT, rest % EIGHT);
            (eight, start) = (ascii(middle), UNIT - 15);
            bytes[start..start + 8].copy_from_slice(&eight);
            if top > 0 {
                (eight, start) = (ascii(top), UNIT - 23);
                bytes[start..start + 8].copy_from_slice(&eight);
            }
        }
        Self { bytes, first: start + zeros_in_front(eight) }
    }

    /// Place of the last digit that is not zero; [`UNIT`] if there is none.
    #[inline]
    fn last(&self) -> usize {
        for start in [UNIT - 7, UNIT - 15, UNIT - 23] {
            let mut eight = [0; 8];
            eight.copy_from_slice(&self.bytes[start..start + 8]);
            let zeros = zeros_behind(eight);
            if zeros < 8 {
                return start + 7 - zeros;
            }
        }
        UNIT
    }

    /// Whole part, and `digits` behind the point; gives the end of the text.
    #[inline]
    fn plain(
        &self,
        unit: usize,
        digits: usize,
        at: usize,
        out: &mut [u8; NumberForm::BYTES_MAX],
    ) -> usize {
        let mut at = copy(out, at, &self.bytes, self.first.min(unit)..unit + 1);
        if digits > 0 {
            out[at] = b'.';
            at = copy(out, at + 1, &self.bytes, unit + 1..unit + 1 + digits);
        }
        at
    }

    /// One digit, the others behind a point, and the exponent with `digits` at least.
    #[cold]
    fn scientific(
        &self,
        unit: usize,
        digits: usize,
        at: usize,
        out: &mut [u8; NumberForm::BYTES_MAX],
    ) -> usize {
        let (first, last) = (self.first, self.last());
        let mut at = copy(out, at, &self.bytes, first..first + 1);
        if last > first {
            out[at] = b'.';
            at = copy(out, at + 1, &self.bytes, first + 1..last + 1);
        }
        let (sign, power) = if first > unit { (b'-', first - unit) } else { (b'+', unit - first) };
        out[at..at + 2].copy_from_slice(&[b'e', sign]);
        let power = Self::of(power as u64);
        copy(out, at + 2, &power.bytes, power.first.min(UNIT + 1 - digits)..UNIT + 1)
    }
}

/// Copies a range of the field to `at` and gives the end; in steps that need no length.
#[inline]
fn copy(
    out: &mut [u8; NumberForm::BYTES_MAX],
    at: usize,
    from: &[u8; 160],
    range: core::ops::Range<usize>,
) -> usize {
    const STEP: usize = 16;
    let len = range.end.saturating_sub(range.start);
    let mut done = 0;
    while done < len {
        let source = from.get(range.start + done..range.start + done + STEP);
        let target = out.get_mut(at + done..at + done + STEP);
        let (Some(source), Some(target)) = (source, target) else { break };
        target.copy_from_slice(source);
        done += STEP;
    }
    at + len
}

/// The eight digits of a value below 10^8, zeros in front included.
#[inline]
fn ascii(value: u64) -> [u8; 8] {
    // Two numbers of four digits, four of two, eight of one, each in a lane of its own. The
    // multiplications are divisions by 100 and by 10, exact below 43,699 and 1,029.
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 5_243) >> 19) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - tens * 10) << 8);
    (ones | ZEROS).to_le_bytes()
}

const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

#[inline]
fn zeros_in_front(eight: [u8; 8]) -> usize {
    ((u64::from_le_bytes(eight) ^ ZEROS).trailing_zeros() / 8) as usize
}

#[inline]
fn zeros_behind(eight: [u8; 8]) -> usize {
    ((u64::from_le_bytes(eight) ^ ZEROS).leading_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FLOATS: [NumberForm; 2] = [NumberForm::Python, NumberForm::JavaScript];

    fn text(form: NumberForm, mantissa: i64, exponent: i8) -> String {
        let mut out = [0; NumberForm::BYTES_MAX];
        let len = form.write(mantissa < 0, mantissa.unsigned_abs(), exponent, &mut out);
        String::from_utf8(out[..len].to_vec()).unwrap()
    }

    /// The same by the standard library's formatting of integers and strings.
    fn naive(form: NumberForm, mantissa: i64, exponent: i8) -> String {
        let exponent = if mantissa == 0 { 0 } else { i32::from(exponent) };
        let sign = if mantissa < 0 { "-" } else { "" };
        let digits = mantissa.unsigned_abs().to_string();
        let behind = usize::try_from(-exponent).unwrap_or(0);
        let digits = digits + &"0".repeat(usize::try_from(exponent).unwrap_or(0));
        let padded = format!("{digits:0>width$}", width = behind + 1);
        let (whole, part) = padded.split_at(padded.len() - behind);
        let short = part.trim_end_matches('0');
        let significant = padded.trim_matches('0');
        let first = padded.find(|it| it != '0').unwrap_or(whole.len() - 1);
        let power = i32::try_from(whole.len()).unwrap() - 1 - i32::try_from(first).unwrap();
        let plain = |part: &str| {
            if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
        };
        let scientific = |width: usize| {
            let (one, others) = significant.split_at(1);
            let point = if others.is_empty() { "" } else { "." };
            let mark = if power < 0 { '-' } else { '+' };
            format!("{sign}{one}{point}{others}e{mark}{:0width$}", power.abs())
        };
        let fixed = |digits: u8| {
            let digits = usize::from(digits);
            let part = format!("{part:0<digits$}");
            part[..digits].to_owned()
        };
        match form {
            NumberForm::Shortest => plain(short),
            NumberForm::Fixed(digits) => plain(&fixed(digits)),
            NumberForm::Bare(digits) => {
                let all = format!("{whole}{}", fixed(digits));
                format!("{sign}{}", all.trim_start_matches('0'))
            }
            NumberForm::Python if (-4..16).contains(&power) => {
                plain(if short.is_empty() { "0" } else { short })
            }
            NumberForm::JavaScript if (-6..21).contains(&power) => plain(short),
            NumberForm::Python => scientific(2),
            NumberForm::JavaScript => scientific(1),
        }
    }

    fn any_form() -> impl Strategy<Value = NumberForm> {
        prop_oneof![
            Just(NumberForm::Shortest),
            (0..=NumberForm::DIGITS_MAX).prop_map(NumberForm::Fixed),
            (0..=NumberForm::DIGITS_MAX).prop_map(NumberForm::Bare),
            Just(NumberForm::Python),
            Just(NumberForm::JavaScript),
        ]
    }

    fn any_mantissa() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0..63_u32, 0..19_u32).prop_map(|(value, shift, zeros)| {
            (value >> shift) / 10_i64.pow(zeros) * 10_i64.pow(zeros)
        })
    }

    #[test]
    fn floats_are_printed_as_their_languages_print_them() {
        // What the interpreters themselves say.
        for (mantissa, exponent, python, javascript) in [
            (5, 0, "5.0", "5"),
            (0, -3, "0.0", "0"),
            (-5, -1, "-0.5", "-0.5"),
            (1, -4, "0.0001", "0.0001"),
            (1, -5, "1e-05", "0.00001"),
            (1, -6, "1e-06", "0.000001"),
            (1, -7, "1e-07", "1e-7"),
            (13, -8, "1.3e-07", "1.3e-7"),
            (130, -9, "1.3e-07", "1.3e-7"),
            (125, -12, "1.25e-10", "1.25e-10"),
            (1, 15, "1000000000000000.0", "1000000000000000"),
            (1, 16, "1e+16", "10000000000000000"),
            (12, 19, "1.2e+20", "120000000000000000000"),
            (1, 21, "1e+21", "1e+21"),
        ] {
            assert_eq!(text(NumberForm::Python, mantissa, exponent), python);
            assert_eq!(text(NumberForm::JavaScript, mantissa, exponent), javascript);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn numbers_are_printed_as_plain_code_prints_them(
            form in any_form(), mantissa in any_mantissa(), exponent in -40..=40_i8,
        ) {
            prop_assert_eq!(text(form, mantissa, exponent), naive(form, mantissa, exponent));
        }

        #[test]
        fn what_a_text_was_like_is_what_would_print_it(
            form in any_form(), mantissa in any_mantissa(), exponent in -40..=20_i8,
            damage in "[0-9+.eE-]?", at in any::<prop::sample::Index>(),
        ) {
            let mut wire = naive(form, mantissa, exponent);
            wire.insert_str(at.index(wire.len() + 1), &damage);
            let Ok((value, written)) = Decimal::parse_written(wire.as_bytes()) else {
                return Ok(());
            };
            prop_assert_eq!(Decimal::parse(wire.as_bytes()), Ok(value));
            let Ok(mantissa) = i64::try_from(value.mantissa()) else { return Ok(()) };
            let Ok(exponent) = i8::try_from(value.exponent()) else { return Ok(()) };
            if exponent.unsigned_abs() > 40 {
                return Ok(());
            }
            let fixed = [NumberForm::Fixed(written.digits), NumberForm::Shortest];
            for form in fixed.into_iter().chain(FLOATS) {
                let told = written.digits <= NumberForm::DIGITS_MAX;
                let same = told && naive(form, mantissa, exponent) == wire;
                prop_assert_eq!(written.forms.has(form), same, "{} {:?}", &wire, form);
            }
        }

        #[test]
        fn nothing_panics(
            form in any_form(), digits in any::<u8>(), negative in any::<bool>(),
            magnitude in any::<u64>(), exponent in any::<i8>(),
        ) {
            let mut out = [0; NumberForm::BYTES_MAX];
            for form in [form, NumberForm::Fixed(digits), NumberForm::Bare(digits)] {
                let len = form.write(negative, magnitude, exponent, &mut out);
                prop_assert!(len <= NumberForm::BYTES_MAX);
            }
        }
    }
}
