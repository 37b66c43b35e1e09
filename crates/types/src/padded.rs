//! Bytes with readable padding behind them.

/// Readable bytes that stand behind the payload of every [`Padded`] message.
///
/// Two 32-byte vectors: the widest load of a scanner that starts at the last byte of the payload.
pub const PADDING: usize = 64;

/// A message and at least [`PADDING`] readable bytes behind it.
///
/// Scanners load whole vectors; with the padding no load needs a bounds check of its own. What the
/// padding holds is unspecified (usually the next frame).
#[derive(Clone, Copy, Debug)]
pub struct Padded<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Padded<'a> {
    /// A message of `len` bytes at the start of `bytes`; `None` if less than [`PADDING`] bytes
    /// follow it.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8], len: usize) -> Option<Self> {
        match len.checked_add(PADDING) {
            Some(end) if end <= bytes.len() => Some(Self { bytes, len }),
            _ => None,
        }
    }

    /// The message.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[..self.len]
    }

    /// The message and what follows it; at least [`PADDING`] bytes longer than the message.
    #[inline]
    #[must_use]
    pub const fn with_padding(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of the message.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the message is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// An owned message with its padding, for replays, tests and buffered frames.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PaddedBuf {
    bytes: Vec<u8>,
    len: usize,
}

impl PaddedBuf {
    /// Copies `payload` and pads it with zeros.
    #[must_use]
    pub fn new(payload: &[u8]) -> Self {
        let mut buf = Self::default();
        buf.set(payload);
        buf
    }

    /// Replaces the content; allocates only when it outgrows what it held before.
    pub fn set(&mut self, payload: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(payload.len() + PADDING, 0);
        self.len = payload.len();
    }

    /// The message.
    #[must_use]
    pub fn padded(&self) -> Padded<'_> {
        Padded { bytes: &self.bytes, len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_its_padding_is_refused() {
        let bytes = [7_u8; PADDING + 3];
        assert_eq!(Padded::new(&bytes, 3).unwrap().payload(), &[7, 7, 7]);
        assert!(Padded::new(&bytes, 4).is_none());
        assert!(Padded::new(&bytes, usize::MAX).is_none());
    }

    #[test]
    fn an_owned_message_is_padded_after_every_set() {
        let mut buf = PaddedBuf::new(b"a longer message than the next one");
        buf.set(b"short");
        assert_eq!(buf.padded().payload(), b"short");
        assert!(buf.padded().with_padding().len() >= 5 + PADDING);
    }
}
