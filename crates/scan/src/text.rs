//! Fixed text and plain strings.

use crate::word;

/// The position behind `template` if it stands at `at`.
#[inline(always)]
#[must_use]
pub fn expect<const N: usize>(bytes: &[u8], at: usize, template: &[u8; N]) -> Option<usize> {
    let found: &[u8; N] = bytes.get(at..)?.first_chunk()?;
    if found == template { Some(at + N) } else { None }
}

/// The content of a string that starts at `at` (behind its opening quote) and the position behind
/// its closing quote.
///
/// Only plain ASCII without escapes is recognised.
#[inline]
#[must_use]
pub fn text(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let mut end = at;
    loop {
        let stop = word::first_stop(word::string_stops(word::word(bytes, end)));
        end += stop;
        if stop < 8 {
            break;
        }
    }
    // Past the end `word` is zeros, which is a stop, so the loop ends.
    if *bytes.get(end)? == b'"' { Some((bytes.get(at..end)?, end + 1)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_its_quote_and_nowhere_else() {
        let padded = |text: &str| [text.as_bytes(), &[0; 64]].concat();
        let bytes = padded("btcusdt@depth@100ms\",\"data\"");
        assert_eq!(text(&bytes, 0), Some((&b"btcusdt@depth@100ms"[..], 20)));
        assert_eq!(text(&padded("\"x"), 0), Some((&b""[..], 1)));
        for odd in ["a\\\"b\"", "a\tb\"", "é\"", "no end"] {
            assert_eq!(text(&padded(odd), 0), None, "{odd}");
        }
        assert_eq!(text(b"short", 9), None);
    }

    #[test]
    fn a_template_stands_or_does_not() {
        assert_eq!(expect(b"xx\"e\":", 2, b"\"e\":"), Some(6));
        assert_eq!(expect(b"xx\"e\":", 2, b"\"f\":"), None);
        assert_eq!(expect(b"xx\"e", 2, b"\"e\":"), None);
        assert_eq!(expect(b"", usize::MAX, b"a"), None);
    }
}
