//! What waits to be sent: masked frames, sealed if TLS is on, in a bounded queue.
//!
//! # Guarantees
//!
//! - Frames leave whole and in order, however little the socket takes at a time.
//! - The queue never grows beyond its capacity: a message that does not fit is refused whole.
//!   Control frames and TLS's own records have a reserve of their own.
//!
//! # Not guaranteed
//!
//! - That masks cannot be guessed. They keep a page's script from steering proxies (RFC 6455,
//!   10.3); what we send is our own.

use std::hash::{BuildHasher as _, RandomState};

use tickbook_types::MonoNanos;

use crate::NetError;
use crate::backoff::SplitMix;
use crate::limits::{CONTROL_PAYLOAD_MAX, SEND_RESERVE_BYTES};
use crate::tls::Records;

/// Opcodes that we send.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Outgoing {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// What waits is `bytes[sent..]`.
    bytes: Vec<u8>,
    sent: usize,
    capacity: usize,
    frame: Vec<u8>,
    masks: SplitMix,
    /// Since when something waits without a break.
    waiting_since: Option<MonoNanos>,
}

impl SendQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity + SEND_RESERVE_BYTES),
            sent: 0,
            capacity,
            frame: Vec::with_capacity(capacity),
            masks: SplitMix(RandomState::new().hash_one(0)),
            waiting_since: None,
        }
    }

    /// Queues one frame.
    pub(crate) fn push_frame(
        &mut self,
        kind: Outgoing,
        payload: &[u8],
        tls: Option<&mut Records>,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        let most = match kind {
            Outgoing::Text | Outgoing::Binary => self.capacity,
            Outgoing::Close | Outgoing::Ping | Outgoing::Pong => {
                debug_assert!(payload.len() <= CONTROL_PAYLOAD_MAX);
                self.capacity + SEND_RESERVE_BYTES
            }
        };
        let overhead = MASKED_HEADER_MAX + tls.as_ref().map_or(0, |_| Records::overhead(payload));
        if payload.len().saturating_add(overhead) > most.saturating_sub(self.waiting()) {
            return Err(NetError::SendQueueFull);
        }
        let mut frame = core::mem::take(&mut self.frame);
        frame.clear();
        let [_, _, _, _, mask @ ..] = self.masks.next_u64().to_ne_bytes();
        mask_frame(kind, payload, mask, &mut frame);
        let queued = match tls {
            Some(records) => records.seal(&frame, self, now),
            None => {
                self.push_raw(&frame, now);
                Ok(())
            }
        };
        self.frame = frame;
        queued
    }

    /// Queues bytes as they are: a sealed record, a handshake message.
    pub(crate) fn push_raw(&mut self, bytes: &[u8], now: MonoNanos) {
        if self.sent > 0 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.waiting_since.get_or_insert(now);
        }
    }

    /// What is to be written next.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// `count` bytes of [`Self::pending`] were written.
    pub(crate) fn sent(&mut self, count: usize) {
        debug_assert!(count <= self.waiting());
        self.sent += count;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
            self.waiting_since = None;
        }
    }

    /// Bytes that wait.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Since when something waits.
    pub(crate) fn waiting_since(&self) -> Option<MonoNanos> {
        self.waiting_since
    }
}

/// 2 bytes, a 64-bit length, the mask.
const MASKED_HEADER_MAX: usize = 14;

/// Writes a whole masked frame.
#[expect(clippy::cast_possible_truncation, reason = "each length is cast in its own range")]
fn mask_frame(kind: Outgoing, payload: &[u8], mask: [u8; 4], frame: &mut Vec<u8>) {
    frame.push(0x80 | kind as u8);
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;

    const NOW: MonoNanos = MonoNanos(5);

    #[test]
    fn a_frame_is_masked_and_has_the_shortest_length() {
        for (len, header) in [(0, 6), (125, 6), (126, 8), (0xFFFF, 8), (0x1_0000, 14)] {
            let payload: Vec<u8> = (0..len).map(|i: u32| i as u8).collect();
            let mut frame = Vec::new();
            mask_frame(Outgoing::Text, &payload, [1, 2, 3, 4], &mut frame);
            assert_eq!(frame.len(), header + payload.len());
            assert_eq!(frame[0], 0x81);
            assert_eq!(frame[1] & 0x80, 0x80);
            assert_eq!(frame[header - 4..header], [1, 2, 3, 4]);
            for (i, byte) in payload.iter().enumerate() {
                assert_eq!(frame[header + i] ^ (i % 4 + 1) as u8, *byte);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_whole_and_control_frames_have_a_reserve() {
        let mut queue = SendQueue::new(100);
        assert_eq!(queue.push_frame(Outgoing::Text, &[b'a'; 80], None, NOW), Ok(()));
        let waiting = queue.waiting();
        let full = queue.push_frame(Outgoing::Text, &[b'a'; 80], None, NOW);
        assert_eq!(full, Err(NetError::SendQueueFull));
        assert_eq!(queue.waiting(), waiting);
        assert_eq!(queue.push_frame(Outgoing::Close, &[3, 232], None, NOW), Ok(()));
        for _ in 0..1_000 {
            let _ = queue.push_frame(Outgoing::Pong, &[0; 125], None, NOW);
        }
        assert!(queue.waiting() <= 100 + SEND_RESERVE_BYTES);
    }

    #[test]
    fn bytes_leave_in_order_however_little_is_taken() {
        let mut queue = SendQueue::new(1_000);
        let mut expected = Vec::new();
        let mut taken = Vec::new();
        for round in 0..100_u8 {
            queue.push_raw(&[round; 7], NOW);
            expected.extend([round; 7]);
            let part = &queue.pending()[..5];
            taken.extend_from_slice(part);
            queue.sent(5);
            assert_eq!(queue.waiting_since(), Some(NOW));
        }
        taken.extend_from_slice(queue.pending());
        queue.sent(queue.waiting());
        assert_eq!(taken, expected);
        assert_eq!(queue.waiting_since(), None);
    }
}
