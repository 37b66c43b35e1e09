//! Where values end that nobody looks into.
//!
//! # Guarantees
//!
//! - The end is that which a reader finds that goes byte by byte, also where text is no JSON.
//!
//! # Not guaranteed
//!
//! - That what is skipped is valid JSON: only quotes, backslashes and brackets are looked at, and
//!   whether brackets come in pairs of one kind is not.

use crate::arch::scalar::byte_at;

/// The position of the quote that closes the string whose first byte is at `at`, and whether there
/// are escapes before it; `None` if none does.
#[inline]
#[must_use]
pub fn closing_quote(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = next_stop(bytes, at);
        match *bytes.get(at)? {
            b'"' => return Some((at, escaped)),
            b'\\' => (at, escaped) = (at + 2, true),
            // Near the end of the slice, byte by byte.
            _ => at += 1,
        }
    }
}

/// The next quote or backslash, or some position before it.
#[inline]
fn next_stop(bytes: &[u8], mut at: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    loop {
        // SAFETY: SSE2 is part of every x86-64.
        match unsafe { crate::arch::sse2::string_stops(bytes, at) } {
            Some(0) => at += crate::arch::sse2::LANE,
            Some(stops) => return at + stops.trailing_zeros() as usize,
            None => return at,
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\')) {
            at += 1;
        }
        at
    }
}

/// The position behind the object or array that begins at `at`; `None` if it does not end.
#[must_use]
pub fn nested_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut state = Nested::default();
    let mut at = at;
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: SSE2 is part of every x86-64.
        while let Some(block) = unsafe { crate::arch::sse2::structure(bytes, at) } {
            // Few texts have escapes, and none that is skipped often.
            if block.slashes != 0 {
                break;
            }
            if let Some(index) = state.block(&block) {
                return Some(at + index + 1);
            }
            at += crate::arch::sse2::BLOCK;
        }
    }
    state.by_bytes(bytes, at)
}

/// Where quotes, backslashes and brackets stand in 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Structure {
    pub(crate) quotes: u32,
    pub(crate) slashes: u32,
    pub(crate) opening: u32,
    pub(crate) closing: u32,
}

/// How deep a reader is.
#[derive(Clone, Copy, Debug, Default)]
struct Nested {
    depth: usize,
    in_string: bool,
}

impl Nested {
    /// Takes a block without backslashes; the index of the bracket that ends it all.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn block(&mut self, block: &Structure) -> Option<usize> {
        // From each opening quote to before its closing one: each bit is the parity of the quotes
        // up to it.
        let mut inside = block.quotes;
        for shift in [1, 2, 4, 8, 16] {
            inside ^= inside << shift;
        }
        let inside = if self.in_string { !inside } else { inside };
        let (opening, closing) = (block.opening & !inside, block.closing & !inside);
        self.in_string = inside >> 31 != 0;
        if (closing.count_ones() as usize) < self.depth {
            self.depth += opening.count_ones() as usize;
            self.depth -= closing.count_ones() as usize;
            return None;
        }
        let mut brackets = opening | closing;
        while brackets != 0 {
            let lowest = brackets & brackets.wrapping_neg();
            brackets ^= lowest;
            if opening & lowest != 0 {
                self.depth += 1;
                continue;
            }
            // What does not begin with a bracket ends with the first closing one.
            self.depth = self.depth.saturating_sub(1);
            if self.depth == 0 {
                return Some(lowest.trailing_zeros() as usize);
            }
        }
        None
    }

    #[cold]
    fn by_bytes(mut self, bytes: &[u8], mut at: usize) -> Option<usize> {
        loop {
            let byte = *bytes.get(at)?;
            at += 1;
            match byte {
                b'\\' if self.in_string => at += 1,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The position of the byte that ends the number or word at `at`: a comma, a closing bracket, a
/// colon, a quote, a blank or another control character; or the end of the slice.
#[inline]
#[must_use]
pub fn bare_end(bytes: &[u8], mut at: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    loop {
        // SAFETY: SSE2 is part of every x86-64.
        match unsafe { crate::arch::sse2::bare_stops(bytes, at) } {
            Some(0) => at += crate::arch::sse2::LANE,
            Some(stops) => return at + stops.trailing_zeros() as usize,
            None => break,
        }
    }
    while !matches!(byte_at(bytes, at), 0..=b' ' | b',' | b'}' | b']' | b':' | b'"') {
        at += 1;
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive_quote(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
        let mut escaped = false;
        loop {
            match *bytes.get(at)? {
                b'"' => return Some((at, escaped)),
                b'\\' => (at, escaped) = (at + 2, true),
                _ => at += 1,
            }
        }
    }

    fn naive_bare(bytes: &[u8], at: usize) -> usize {
        let ends = |byte: &u8| *byte <= b' ' || b",}]:\"".contains(byte);
        bytes[at..].iter().position(ends).map_or(bytes.len(), |len| at + len)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 50 } else { 20_000 }))]

        #[test]
        fn ends_are_those_of_a_reader_of_bytes(
            bytes in prop::collection::vec(
                prop_oneof![
                    6 => prop::sample::select(&b"ab01.-"[..]),
                    6 => prop::sample::select(&b"\"{}[],: "[..]),
                    1 => Just(b'\\'),
                    1 => any::<u8>(),
                ],
                0..200,
            ),
            depth in 0..3_usize,
            at in 0..40_usize,
        ) {
            let at = at.min(bytes.len());
            prop_assert_eq!(closing_quote(&bytes, at), naive_quote(&bytes, at));
            prop_assert_eq!(bare_end(&bytes, at), naive_bare(&bytes, at));
            let nested = [&b"[[["[..depth], &bytes].concat();
            prop_assert_eq!(nested_end(&nested, 0), Nested::default().by_bytes(&nested, 0));
            // Deep enough that whole blocks end nothing.
            let nested = [&b"[".repeat(100)[..], &bytes, &b"]".repeat(100)].concat();
            prop_assert_eq!(nested_end(&nested, 0), Nested::default().by_bytes(&nested, 0));
        }
    }

    #[test]
    fn nothing_is_read_behind_the_end() {
        for len in 0..70 {
            let bytes = vec![b'['; len];
            assert_eq!(nested_end(&bytes, 0), None);
            assert_eq!(bare_end(&bytes, len + 1), len);
            assert_eq!(closing_quote(&bytes, 0), None);
            assert_eq!(closing_quote(&bytes, usize::MAX), None);
        }
        assert_eq!(nested_end(b"[]", usize::MAX), None);
        assert_eq!(bare_end(b"1", usize::MAX), 1);
        assert_eq!(nested_end(br#"{"a":"}\"]","b":[1]}x"#, 0), Some(20));
    }
}
