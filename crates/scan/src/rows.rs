//! Levels as rows and objects, at no scale.
//!
//! # Guarantees
//!
//! - `None` means *not recognised*: the caller gives the row to a general reader. What is accepted
//!   has the numbers that a general reader finds in it.

use crate::arch::scalar::byte_at;
use crate::decimal::{Plain, decimal, scientific};
use crate::skip::{bare_end, closing_quote};
use crate::text::expect;

/// Price and size of a level, and the position behind it.
pub type Pair = (Plain, Plain, usize);

/// The row `["price","size",…]` or, with bare numbers, `[price,size,…]` at `at`. Behind the size
/// any strings and plain values may follow.
#[inline(always)]
#[must_use]
pub fn row(bytes: &[u8], at: usize) -> Option<Pair> {
    if byte_at(bytes, at) != b'[' {
        return None;
    }
    if byte_at(bytes, at + 1) == b'"' { quoted(bytes, at + 2) } else { bare(bytes, at + 1) }
}

/// The row `["label",price,size,…]` at `at`, numbers as in [`row`], and the label.
#[inline(always)]
#[must_use]
pub fn labelled_row(bytes: &[u8], at: usize) -> Option<(&[u8], Pair)> {
    let start = expect(bytes, at, b"[\"")?;
    let (end, escaped) = closing_quote(bytes, start)?;
    if escaped || byte_at(bytes, end + 1) != b',' {
        return None;
    }
    let label = bytes.get(start..end)?;
    let pair =
        if byte_at(bytes, end + 2) == b'"' { quoted(bytes, end + 3) } else { bare(bytes, end + 2) };
    Some((label, pair?))
}

/// From the first digit of a quoted price on.
#[inline(always)]
fn quoted(bytes: &[u8], at: usize) -> Option<Pair> {
    let (price, at) = decimal(bytes, at)?;
    let (size, at) = decimal(bytes, expect(bytes, at, b"\",\"")?)?;
    if byte_at(bytes, at) != b'"' {
        return None;
    }
    Some((price, size, end(bytes, at + 1)?))
}

/// From the first digit of a bare price on.
#[inline(always)]
fn bare(bytes: &[u8], at: usize) -> Option<Pair> {
    let (mut price, mut at) = decimal(bytes, at)?;
    if byte_at(bytes, at) == b'E' {
        (price, at) = scientific(bytes, at, price)?;
    }
    if byte_at(bytes, at) != b',' {
        return None;
    }
    let (mut size, mut at) = decimal(bytes, at + 1)?;
    if byte_at(bytes, at) == b'E' {
        (size, at) = scientific(bytes, at, size)?;
    }
    Some((price, size, end(bytes, at)?))
}

/// The position behind a row's bracket, and behind the fields before it.
#[inline(always)]
fn end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match byte_at(bytes, at) {
            b']' => return Some(at + 1),
            b',' => {}
            _ => return None,
        }
        at = match byte_at(bytes, at + 1) {
            b'"' => closing_quote(bytes, at + 2)?.0 + 1,
            b'-' | b'0'..=b'9' | b'a'..=b'z' => bare_end(bytes, at + 1),
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits of price and size, and bytes of the row.
    fn digits(found: Option<Pair>) -> Option<(u64, u64, usize)> {
        found.map(|(price, size, end)| (price.digits, size.digits, end))
    }

    #[test]
    fn rows_are_read_in_every_form() {
        for (text, wanted) in [
            ("[\"1.5\",\"20\"]", Some((15, 20, 12))),
            ("[\"1.5\",\"20\",\"0\",\"a\\\"]\"],", Some((15, 20, 23))),
            ("[1.5,20]", Some((15, 20, 8))),
            ("[1.5,20,7e3,null]", Some((15, 20, 17))),
            ("[\"1.5\",20]", None),
            ("[1.5,\"20\"]", None),
            ("[1.5 ,20]", None),
            ("[1.5]", None),
            ("[1.5,20,[]]", None),
            ("[-1.5,20]", None),
            ("[1e5,20]", None),
            ("[1.5E-7,2E-10]", Some((15, 2, 14))),
            ("[1E5,20]", None),
            ("[\"1.5\",\"20\"", None),
            ("{1.5,20]", None),
            ("", None),
        ] {
            for padding in ["", "                                "] {
                let padded = format!("{text}{padding}");
                assert_eq!(digits(row(padded.as_bytes(), 0)), wanted, "{text}");
            }
        }
        for (text, wanted) in [
            ("[\"buy\",\"1.5\",\"20\"]", Some((15, 20, 18))),
            ("[\"buy\",1.5,20]", Some((15, 20, 14))),
            ("[\"b\\uy\",1.5,20]", None),
            ("[\"buy\" ,1.5,20]", None),
            ("[\"buy\",\"1.5\"]", None),
            ("[buy,1.5,20]", None),
        ] {
            let found = labelled_row(text.as_bytes(), 0);
            assert_eq!(digits(found.map(|it| it.1)), wanted, "{text}");
            assert!(found.is_none_or(|it| it.0 == b"buy"));
        }
    }
}
