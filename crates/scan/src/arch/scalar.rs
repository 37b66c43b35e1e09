//! Byte by byte: what the grammar is.

use tickbook_types::{Decimal, LevelRecord, POW10, Price, Side, Size};

use crate::levels::{Fields, Form, Levels};

/// Digits behind the point that a scanner can keep: 10^18 is the last power that a price holds.
pub(crate) const KEPT_MAX: u32 = 18;

/// What stands behind a level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Behind {
    /// Another level, whose price begins here.
    Level(usize),
    /// The end of the array, and the position behind it.
    End(usize),
}

/// Scans levels from `at`, where the first one's price begins, to the end of the array.
pub(crate) fn levels(
    fields: &Fields,
    bytes: &[u8],
    mut at: usize,
    side: Side,
    out: &mut [LevelRecord],
) -> Option<Levels> {
    let (form, quoted) = (fields.form, fields.form.is_quoted());
    for (index, record) in out.iter_mut().enumerate() {
        let (price, end) = number(bytes, at, fields.price.kept(), quoted)?;
        at = end + usize::from(quoted);
        if byte_at(bytes, at) != b',' || (quoted && byte_at(bytes, at + 1) != b'"') {
            return None;
        }
        at += 1 + usize::from(quoted);
        let (size, end) = number(bytes, at, fields.size.kept(), quoted)?;
        *record = LevelRecord::new(Price(price.cast_signed()), Size(size), side);
        match behind(bytes, end, form)? {
            Behind::Level(next) => at = next,
            Behind::End(end) => return Some(Levels { count: index + 1, end }),
        }
    }
    None
}

/// The number at `at` as an integer with `kept` decimals, and the position of the byte behind it.
///
/// `digits` or `digits.digits`, at most 2^63 - 1 and exact at `kept` decimals. Without quotes it
/// has to be a number of JSON (no leading zeros).
pub(crate) fn number(bytes: &[u8], at: usize, kept: u32, quoted: bool) -> Option<(u64, usize)> {
    let (mut value, mut end) = (0_u64, at);
    while let Some(digit) = digit_at(bytes, end) {
        value = value.checked_mul(10)?.checked_add(digit)?;
        end += 1;
    }
    if end == at || (!quoted && end - at > 1 && byte_at(bytes, at) == b'0') {
        return None;
    }
    let mut seen = 0;
    if byte_at(bytes, end) == b'.' {
        end += 1;
        let first = end;
        while let Some(digit) = digit_at(bytes, end) {
            if seen < kept {
                value = value.checked_mul(10)?.checked_add(digit)?;
                seen += 1;
            } else if digit != 0 {
                return None;
            }
            end += 1;
        }
        if end == first {
            return None;
        }
    }
    let value = value.checked_mul(POW10[(kept - seen) as usize])?;
    // The general parser refuses longer text, and the top bit of a size is the side.
    let fits = value <= i64::MAX.cast_unsigned() && end - at <= Decimal::TEXT_MAX;
    let ends = match byte_at(bytes, end) {
        b'"' => quoted,
        b',' | b']' | b'}' => !quoted,
        _ => false,
    };
    (fits && ends).then_some((value, end))
}

/// What stands behind a size whose last digit is before `at` (its closing quote, if quoted).
#[inline]
pub(crate) fn behind(bytes: &[u8], mut at: usize, form: Form) -> Option<Behind> {
    if form.is_quoted() {
        if byte_at(bytes, at) != b'"' {
            return None;
        }
        at += 1;
    }
    if form == Form::QuotedAndMore {
        at = more(bytes, at)?;
    }
    match (byte_at(bytes, at), byte_at(bytes, at + 1)) {
        (b']', b']') => Some(Behind::End(at + 2)),
        (b']', b',') if byte_at(bytes, at + 2) == b'[' => {
            let quote = byte_at(bytes, at + 3) == b'"';
            (quote || !form.is_quoted())
                .then_some(Behind::Level(at + 3 + usize::from(form.is_quoted())))
        }
        _ => None,
    }
}

/// The position behind further fields, plain strings or numbers.
#[inline]
pub(crate) fn more(bytes: &[u8], mut at: usize) -> Option<usize> {
    while byte_at(bytes, at) == b',' {
        at += 1;
        if byte_at(bytes, at) == b'"' {
            at = crate::text(bytes, at + 1)?.1;
            continue;
        }
        at = plain_number(bytes, at)?;
    }
    Some(at)
}

/// The position behind a number of JSON without sign or exponent.
fn plain_number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |mut at| {
        let first = at;
        while byte_at(bytes, at).is_ascii_digit() {
            at += 1;
        }
        (at > first).then_some(at)
    };
    let whole = digits(at)?;
    if byte_at(bytes, at) == b'0' && whole > at + 1 {
        return None;
    }
    if byte_at(bytes, whole) == b'.' { digits(whole + 1) } else { Some(whole) }
}

#[inline(always)]
pub(crate) fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[inline(always)]
fn digit_at(bytes: &[u8], at: usize) -> Option<u64> {
    let value = byte_at(bytes, at).wrapping_sub(b'0');
    (value < 10).then_some(u64::from(value))
}
