//! Messages that a protocol keeps until the orders that they change have come by REST.

use crate::limits::{BUFFER_BYTES_MAX, BUFFER_FRAMES_MAX};

/// Whole messages, oldest first, within the limits of a book that waits for its snapshot.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Kept {
    /// Keeps a message; `false` if there is no room for it.
    #[must_use]
    pub(crate) fn push(&mut self, message: &[u8]) -> bool {
        let end = self.bytes.len() + message.len();
        if end > BUFFER_BYTES_MAX || self.ends.len() >= BUFFER_FRAMES_MAX {
            return false;
        }
        self.bytes.extend_from_slice(message);
        self.ends.push(end);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all of them; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The messages, oldest first.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_whole_and_in_order_within_the_limits() {
        let mut kept = Kept::default();
        assert!(kept.push(b"one") && kept.push(b"") && kept.push(b"three"));
        assert!(kept.messages().eq([&b"one"[..], b"", b"three"]));
        assert!(!kept.push(&vec![0; BUFFER_BYTES_MAX]));
        kept.clear();
        assert!(kept.is_empty() && kept.push(&vec![0; BUFFER_BYTES_MAX]) && !kept.push(b"x"));
        kept.clear();
        assert_eq!((0..=BUFFER_FRAMES_MAX).filter(|_| kept.push(b"x")).count(), BUFFER_FRAMES_MAX);
    }
}
