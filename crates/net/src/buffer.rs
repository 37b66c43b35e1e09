//! The receive buffer: where the socket writes, TLS decrypts, and frames are decoded, in place.
//!
//! ```text
//!        kept      kept_end     head        plain     cipher        tail            end
//!  ... done |  joined  |  ...done... | plaintext | ...done... | ciphertext |  free  | padding
//! ```
//!
//! Without TLS, `plain`, `cipher` and `tail` are one. Nearly always everything is consumed when
//! the next read comes: then all marks go back to the start, which costs nothing and keeps the
//! bytes in the cache. What is left of an unfinished frame moves to the start only when the window
//! has no room behind it.
//!
//! # Guarantees
//!
//! - Nothing is allocated after [`RecvBuffer::new`].
//! - [`PADDING`] readable bytes stand behind every byte ever received.
//! - A byte moves O(1) times on average: a move happens when what is free is at least as much as
//!   what moves, or when the end is reached, which a message within its limit does at most once.
//!
//! # Invariants
//!
//! - `kept <= kept_end <= head <= plain <= cipher <= tail <= bytes.len() - PADDING`.

use core::ops::Range;

use tickbook_types::PADDING;

use crate::limits::TLS_RECORD_BYTES_MAX;
use crate::limits::{FRAME_HEADER_MAX, READ_BYTES_MIN, RECV_WINDOW_BYTES_MIN};

/// See the module documentation.
pub(crate) struct RecvBuffer {
    bytes: Box<[u8]>,
    window: usize,
    kept: usize,
    kept_end: usize,
    head: usize,
    plain: usize,
    cipher: usize,
    tail: usize,
}

impl RecvBuffer {
    /// A buffer for messages of up to `message_bytes_max`. Only its window is touched until a
    /// bigger message comes.
    pub(crate) fn new(window: usize, message_bytes_max: usize) -> Self {
        let window = window.max(RECV_WINDOW_BYTES_MIN);
        let whole = message_bytes_max
            .saturating_add(FRAME_HEADER_MAX + TLS_RECORD_BYTES_MAX + READ_BYTES_MIN)
            .max(window);
        let mut bytes = vec![0; whole.saturating_add(PADDING)].into_boxed_slice();
        // Takes the page faults now. Not zeros: a fill with zeros could be optimised away.
        bytes[..window].fill(0xFF);
        Self { bytes, window, kept: 0, kept_end: 0, head: 0, plain: 0, cipher: 0, tail: 0 }
    }

    /// Room for the next read: at least [`READ_BYTES_MIN`] bytes if all whole frames were taken
    /// out before.
    #[inline]
    pub(crate) fn free(&mut self) -> &mut [u8] {
        if self.live() == 0 {
            self.rewind();
        } else if self.window < self.tail + READ_BYTES_MIN {
            self.compact();
        }
        let end = self.window.max(self.tail + READ_BYTES_MIN).min(self.tail + self.room());
        &mut self.bytes[self.tail..end]
    }

    /// Bytes up to the padding.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.bytes.len() - PADDING - self.tail
    }

    /// `count` bytes of plaintext were written to [`Self::free`].
    #[inline]
    pub(crate) fn filled(&mut self, count: usize) {
        self.tail += count;
        debug_assert!(self.tail + PADDING <= self.bytes.len());
        self.plain = self.tail;
        self.cipher = self.tail;
    }

    /// `count` bytes of ciphertext were written to [`Self::free`].
    #[inline]
    pub(crate) fn filled_sealed(&mut self, count: usize) {
        self.tail += count;
        debug_assert!(self.tail + PADDING <= self.bytes.len());
    }

    /// Plaintext that is not yet decoded.
    #[inline]
    pub(crate) fn plaintext(&self) -> &[u8] {
        &self.bytes[self.head..self.plain]
    }

    /// Bytes of plaintext and ciphertext that wait.
    pub(crate) fn undecoded(&self) -> usize {
        (self.plain - self.head) + (self.tail - self.cipher)
    }

    /// Where [`Self::plaintext`] starts.
    #[inline]
    pub(crate) fn head(&self) -> usize {
        self.head
    }

    /// Bytes of [`Self::plaintext`].
    #[inline]
    pub(crate) fn plaintext_len(&self) -> usize {
        self.plain - self.head
    }

    /// Everything from `start` on, the padding included.
    #[inline]
    pub(crate) fn bytes_from(&self, start: usize) -> &[u8] {
        &self.bytes[start..]
    }

    /// `count` bytes of plaintext are decoded. They stay readable until [`Self::free`].
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.plain - self.head);
        self.head += count;
    }

    /// Whether nothing is left that was received, but what is joined.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.head == self.plain && self.cipher == self.tail
    }

    /// Starts to join a fragmented message with the payload `range`, which lies before `head`.
    pub(crate) fn keep(&mut self, range: Range<usize>) {
        debug_assert!(range.start <= range.end);
        debug_assert!(range.end <= self.head);
        self.kept = range.start;
        self.kept_end = range.end;
    }

    /// Moves the payload `range`, which lies before `head`, behind what is joined.
    pub(crate) fn join(&mut self, range: Range<usize>) {
        debug_assert!(range.start >= self.kept_end);
        debug_assert!(range.end <= self.head);
        let count = range.len();
        self.bytes.copy_within(range, self.kept_end);
        self.kept_end += count;
    }

    /// Bytes joined so far.
    #[inline]
    pub(crate) fn kept_len(&self) -> usize {
        self.kept_end - self.kept
    }

    /// Ends joining: where the message is. It stays readable until [`Self::free`].
    pub(crate) fn take_kept(&mut self) -> Range<usize> {
        let range = self.kept..self.kept_end;
        self.kept = self.head;
        self.kept_end = self.head;
        range
    }

    /// Ciphertext that is not yet decrypted.
    #[inline]
    pub(crate) fn ciphertext(&mut self) -> &mut [u8] {
        &mut self.bytes[self.cipher..self.tail]
    }

    /// The first `record` bytes of [`Self::ciphertext`] are decrypted; their plaintext is `range`
    /// among them.
    #[inline]
    pub(crate) fn decrypted(&mut self, record: usize, range: Range<usize>) {
        debug_assert!(range.end <= record);
        debug_assert!(record <= self.tail - self.cipher);
        let range = self.cipher + range.start..self.cipher + range.end;
        self.cipher += record;
        if self.head == self.plain {
            // Nothing waits for it: the plaintext stays where it is.
            self.head = range.start;
            self.plain = range.end;
        } else {
            let count = range.len();
            self.bytes.copy_within(range, self.plain);
            self.plain += count;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.rewind();
    }

    fn rewind(&mut self) {
        self.kept = 0;
        self.kept_end = 0;
        self.head = 0;
        self.plain = 0;
        self.cipher = 0;
        self.tail = 0;
    }

    #[inline]
    fn live(&self) -> usize {
        (self.kept_end - self.kept) + (self.plain - self.head) + (self.tail - self.cipher)
    }

    /// Moves what is live to the start, if that pays or must be.
    #[cold]
    fn compact(&mut self) {
        let live = self.live();
        let full = self.room() < READ_BYTES_MIN;
        if self.tail - live < live && !full {
            return;
        }
        let (kept, pending) = (self.kept_end - self.kept, self.plain - self.head);
        self.bytes.copy_within(self.kept..self.kept_end, 0);
        self.bytes.copy_within(self.head..self.plain, kept);
        self.bytes.copy_within(self.cipher..self.tail, kept + pending);
        self.kept = 0;
        self.kept_end = kept;
        self.head = kept;
        self.plain = kept + pending;
        self.cipher = self.plain;
        self.tail = live;
    }
}

impl core::fmt::Debug for RecvBuffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RecvBuffer")
            .field("kept", &self.kept_len())
            .field("plaintext", &self.plaintext_len())
            .field("ciphertext", &(self.tail - self.cipher))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(buffer: &mut RecvBuffer, bytes: &[u8]) {
        buffer.free()[..bytes.len()].copy_from_slice(bytes);
        buffer.filled(bytes.len());
    }

    #[test]
    fn what_is_consumed_costs_no_move() {
        let mut buffer = RecvBuffer::new(0, 1_000);
        for round in 0..100_u8 {
            write(&mut buffer, &[round; 5_000]);
            assert_eq!(buffer.head(), 0);
            buffer.consume(5_000);
        }
    }

    #[test]
    fn an_unfinished_frame_moves_only_when_the_window_is_used_up() {
        let mut buffer = RecvBuffer::new(200_000, 1_000);
        write(&mut buffer, &[1; 100]);
        buffer.consume(90);
        write(&mut buffer, &[2; 10]);
        assert_eq!(buffer.head(), 90, "there was room");
        assert_eq!(buffer.plaintext(), [[1; 10], [2; 10]].concat());
        write(&mut buffer, &vec![3; 180_000]);
        buffer.consume(180_000);
        write(&mut buffer, &[4; 1]);
        assert_eq!(buffer.head(), 0, "there was none");
        assert_eq!(buffer.plaintext(), [vec![3; 20], vec![4]].concat());
    }

    #[test]
    fn joined_plain_and_sealed_bytes_survive_a_move_in_order() {
        let mut buffer = RecvBuffer::new(0, 100_000);
        write(&mut buffer, &[1; 30_000]);
        buffer.consume(20_000);
        buffer.keep(19_990..20_000);
        buffer.filled(0);
        buffer.free()[..8].copy_from_slice(&[9, 9, 7, 7, 7, 9, 5, 5]);
        buffer.filled_sealed(8);
        buffer.decrypted(6, 2..5);
        buffer.consume(9_999);
        buffer.compact();
        assert_eq!(buffer.take_kept(), 0..10);
        assert_eq!(buffer.plaintext(), [1, 7, 7, 7]);
        assert_eq!(buffer.ciphertext(), [5, 5]);
        assert_eq!(buffer.head(), 10);
    }

    #[test]
    fn a_message_at_its_limit_always_has_room() {
        let most = 300_000;
        let mut buffer = RecvBuffer::new(0, most);
        write(&mut buffer, &[0; 1_000]);
        buffer.consume(999);
        let mut received = 1;
        while received < most + FRAME_HEADER_MAX + TLS_RECORD_BYTES_MAX {
            let room = buffer.free().len();
            assert!(room >= READ_BYTES_MIN, "{room} after {received}");
            buffer.filled(room);
            received += room;
        }
    }
}
