//! Which messages have their inner stages stamped.
//!
//! # Guarantees
//!
//! - Of the messages that go to the lane every n-th is chosen, whatever else the venue sends.

use tickbook_types::{MessageFlags, MessageHeader, Ticks, clock};

/// Counts messages, and stamps every n-th with the end of its parsing.
#[derive(Debug)]
pub(crate) struct Sampler {
    every: u32,
    left: u32,
    parsed: Option<Ticks>,
}

impl Sampler {
    /// One message in `every` is stamped; 0: none.
    pub(crate) const fn new(every: u32) -> Self {
        Self { every, left: every, parsed: None }
    }

    /// Whether the next message is stamped.
    #[inline]
    pub(crate) const fn is_next(&self) -> bool {
        self.left == 1
    }

    /// Counts a message that is whole but for its commit, and stamps it if it is its turn.
    #[inline]
    pub(crate) fn count(&mut self, header: &mut MessageHeader) {
        match self.left {
            0 => {}
            1 => self.stamp(header),
            left => self.left = left - 1,
        }
    }

    /// When the last message that was stamped was parsed; told once.
    pub(crate) const fn take_parsed(&mut self) -> Option<Ticks> {
        self.parsed.take()
    }

    #[inline(never)]
    fn stamp(&mut self, header: &mut MessageHeader) {
        self.left = self.every;
        let parsed = clock::now();
        header.flags = header.flags.with(MessageFlags::SAMPLED);
        header.parsed_after = parsed.since_u32(header.received);
        self.parsed = Some(parsed);
    }
}

#[cfg(test)]
mod tests {
    use tickbook_types::{BookId, MessageKind};

    use super::*;

    fn stamped(every: u32, messages: usize) -> Vec<bool> {
        let mut sampler = Sampler::new(every);
        let mut stamped = Vec::new();
        for _ in 0..messages {
            let is_next = sampler.is_next();
            let mut header = MessageHeader::new(MessageKind::Delta, BookId(0));
            sampler.count(&mut header);
            assert_eq!(header.flags.has(MessageFlags::SAMPLED), is_next);
            assert_eq!(sampler.take_parsed().is_some(), is_next);
            assert_eq!(sampler.take_parsed(), None, "told once");
            stamped.push(is_next);
        }
        stamped
    }

    #[test]
    fn every_nth_message_is_stamped() {
        assert_eq!(stamped(3, 7), [false, false, true, false, false, true, false]);
        assert_eq!(stamped(1, 2), [true, true]);
        assert_eq!(stamped(0, 2), [false, false]);
    }
}
