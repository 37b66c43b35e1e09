//! Whether bytes are ASCII, as fast as the processor can tell.
//!
//! # Guarantees
//!
//! - Every processor gives the same answer.
//!
//! # Invariants
//!
//! - [`Ascii::Wide`] exists only where the processor has AVX2.

/// How the bytes are looked at. Found out once per connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ascii {
    /// With vectors that every processor of the target has.
    Portable,
    /// With AVX2.
    #[cfg(target_arch = "x86_64")]
    Wide(HasAvx2),
}

/// Shows that AVX2 was found.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HasAvx2(());

impl Ascii {
    /// The fastest way there is.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Wide(HasAvx2(()));
        }
        Self::Portable
    }

    /// Whether all `bytes` are ASCII.
    #[inline]
    pub(crate) fn is(self, bytes: &[u8]) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(HasAvx2(())) => {
                // SAFETY: a `HasAvx2` is made only by `detect`, where AVX2 was found.
                unsafe { wide(bytes) }
            }
            Self::Portable => look(bytes),
        }
    }
}

/// [`look`], compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn wide(bytes: &[u8]) -> bool {
    look(bytes)
}

/// Looks at whole blocks without a branch between them, since nearly always all are ASCII.
#[inline(always)] // to be compiled for the instructions of its caller
fn look(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<BLOCK>() else { return bytes.is_ascii() };
    // The last block overlaps the one before it.
    let mut seen = *last;
    for block in bytes.as_chunks::<BLOCK>().0 {
        for (seen, byte) in seen.iter_mut().zip(block) {
            *seen |= byte;
        }
    }
    seen.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// Two vectors of AVX2, four of SSE2.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_that_is_not_ascii_is_seen_wherever_it_is() {
        for ascii in [Ascii::Portable, Ascii::detect()] {
            for len in 0..300 {
                let mut bytes = vec![b'a'; len];
                assert!(ascii.is(&bytes), "{len}");
                for at in 0..len {
                    bytes[at] = 0x80;
                    assert!(!ascii.is(&bytes), "{at} of {len}");
                    bytes[at] = 0x7F;
                }
            }
        }
    }
}
