//! UTF-8 as it comes: over reads, frames and fragments, refused at the first wrong byte.

use crate::sys::Ascii;

/// Whether `bytes` are UTF-8. ASCII, which nearly all market data is, takes the short way.
#[inline]
pub(crate) fn is_utf8(ascii: Ascii, bytes: &[u8]) -> bool {
    ascii.is(bytes) || is_utf8_slowly(bytes)
}

#[cold]
#[inline(never)]
fn is_utf8_slowly(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok()
}

/// UTF-8 validation that can stop anywhere.
///
/// # Guarantees
///
/// - [`Self::push`] refuses exactly those bytes after which no continuation can be valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Utf8 {
    ascii: Ascii,
    /// Start of a character that is not yet whole.
    begun: [u8; 4],
    begun_len: u8,
}

impl Utf8 {
    /// The start of a text.
    pub(crate) fn new() -> Self {
        Self { ascii: Ascii::detect(), begun: [0; 4], begun_len: 0 }
    }

    /// Whether the whole text is `bytes`. To be asked between texts only.
    #[inline]
    pub(crate) fn is_all(&self, bytes: &[u8]) -> bool {
        debug_assert!(self.is_whole());
        is_utf8(self.ascii, bytes)
    }

    /// Takes the next bytes. `false`: what was pushed so far starts no UTF-8 text.
    #[must_use]
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> bool {
        while self.begun_len > 0 {
            let Some((&first, rest)) = bytes.split_first() else { return true };
            bytes = rest;
            let len = usize::from(self.begun_len);
            // A character has 4 bytes at most; three that begin one are never called unfinished
            // together with a fourth.
            self.begun[len] = first;
            match core::str::from_utf8(&self.begun[..=len]) {
                Ok(_) => self.begun_len = 0,
                Err(error) if error.error_len().is_none() && len < 3 => self.begun_len += 1,
                Err(_) => return false,
            }
        }
        if self.ascii.is(bytes) {
            return true;
        }
        match core::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                let rest = &bytes[error.valid_up_to()..];
                let Ok(len) = u8::try_from(rest.len()) else { return false };
                let Some(begun) = self.begun.get_mut(..rest.len()) else { return false };
                begun.copy_from_slice(rest);
                self.begun_len = len;
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the text may end here.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        self.begun_len == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The naive twin: whether some continuation of up to three bytes makes `bytes` valid.
    fn can_continue(bytes: &[u8]) -> bool {
        match core::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        }
    }

    /// Autobahn's 6.x material and its neighbourhood.
    const NASTY: &[&[u8]] = &[
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
        b"\xf4\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xed\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xee\x80\x80",
        b"\xef\xbf\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\xa0\x80",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\x80",
        b"\xbf",
        b"\xc3\x28",
        b"\xf0\x28\x8c\xbc",
    ];

    #[test]
    fn every_prefix_of_nasty_text_is_judged_as_the_twin_does() {
        for left in NASTY {
            for right in NASTY {
                judge(&[left, &b"a"[..], right].concat(), 1);
                judge(&[*left, *right].concat(), 2);
            }
        }
    }

    fn judge(bytes: &[u8], step: usize) {
        let mut state = Utf8::new();
        let mut end = 0;
        for chunk in bytes.chunks(step) {
            end += chunk.len();
            let good = state.push(chunk);
            assert_eq!(good, can_continue(&bytes[..end]), "{:x?}", &bytes[..end]);
            if !good {
                return;
            }
            assert_eq!(
                state.is_whole(),
                is_utf8(state.ascii, &bytes[..end]),
                "{:x?}",
                &bytes[..end]
            );
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_verdict(
            mut text in "\\PC{0,40}".prop_map(String::into_bytes),
            wrong in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            step in 1_usize..7,
        ) {
            if let (Some((at, byte)), false) = (wrong, text.is_empty()) {
                let at = at.index(text.len());
                text[at] = byte;
            }
            judge(&text, step);
        }
    }
}
