//! What waits to be written to one WebSocket client.
//!
//! The market and the client's own reading thread append whole frames; one writing thread takes
//! everything there is and writes it at once, so that many frames share a write.
//!
//! # Guarantees
//!
//! - Frames are never interleaved, whoever appends them.
//! - After a close frame nothing more is appended.
//! - While muted nothing is appended; what was appended before still goes out.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Opcode byte of a whole text message.
pub(crate) const TEXT: u8 = 0x81;
/// Opcode byte of a whole binary message.
pub(crate) const BINARY: u8 = 0x82;
/// Opcode byte of a close frame.
const CLOSE: u8 = 0x88;
/// Opcode byte of a ping.
pub(crate) const PING: u8 = 0x89;

/// The queue between those who send and the thread that writes.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    state: Mutex<State>,
    /// Something for the writing thread.
    ready: Condvar,
    /// The writing thread has written something.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Bytes the writing thread has taken and not written yet.
    in_flight: usize,
    writer_waits: bool,
    flush: bool,
    is_muted: bool,
    is_combined: bool,
    close_sent: bool,
    finish: bool,
    gone: bool,
    sent: Sent,
}

/// What was appended so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) muted: u64,
}

impl Sent {
    /// The sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
            muted: self.muted + other.muted,
        }
    }
}

/// What the writing thread is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Write what was taken, and what TLS has to say.
    Write,
    /// Nothing will follow: end the connection.
    Finish,
}

impl Outbound {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of another thread leaves whole frames: appending is the last thing done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a message; on a combined connection within `wrapper` and a closing brace. Gives the
    /// bytes that wait now, or `None` if it was not appended.
    pub(crate) fn push_data(&self, wrapper: &[u8], message: &[u8]) -> Option<usize> {
        let mut state = self.state();
        if state.is_combined {
            state.push(TEXT, &[wrapper, message, b"}"])
        } else {
            state.push(TEXT, &[message])
        }
    }

    /// Appends a frame of one part.
    pub(crate) fn push(&self, opcode: u8, payload: &[u8]) -> Option<usize> {
        self.state().push(opcode, &[payload])
    }

    /// Appends bytes that are whole frames already, or the answer to the handshake.
    pub(crate) fn push_raw(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.admits() {
            state.bytes.extend_from_slice(bytes);
            state.sent.bytes += bytes.len() as u64;
        }
        drop(state);
        self.wake();
    }

    /// Appends a close frame; nothing is appended behind it.
    pub(crate) fn push_close(&self, code: u16, reason: &str) {
        let mut state = self.state();
        state.push(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()]);
        state.close_sent = true;
        drop(state);
        self.wake();
    }

    /// Lets the writing thread look at what was appended.
    pub(crate) fn wake(&self) {
        if self.state().writer_waits {
            self.ready.notify_one();
        }
    }

    /// TLS has something to write that is no message.
    pub(crate) fn flush(&self) {
        self.state().flush = true;
        self.wake();
    }

    /// Writes what is there, then ends the connection.
    pub(crate) fn finish(&self) {
        self.state().finish = true;
        self.wake();
    }

    pub(crate) fn set_muted(&self, on: bool) {
        self.state().is_muted = on;
    }

    pub(crate) fn set_combined(&self, on: bool) {
        self.state().is_combined = on;
    }

    pub(crate) fn is_combined(&self) -> bool {
        self.state().is_combined
    }

    pub(crate) fn sent(&self) -> Sent {
        self.state().sent
    }

    /// The writing thread: blocks until there is work; `taken` is emptied first.
    pub(crate) fn take(&self, taken: &mut Vec<u8>) -> Work {
        taken.clear();
        let mut state = self.state();
        loop {
            if !state.bytes.is_empty() || state.flush {
                state.flush = false;
                core::mem::swap(&mut state.bytes, taken);
                state.in_flight = taken.len();
                return Work::Write;
            }
            if state.finish {
                return Work::Finish;
            }
            state.writer_waits = true;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.writer_waits = false;
        }
    }

    /// The writing thread: what was taken is in the socket.
    pub(crate) fn taken_is_written(&self) {
        self.state().in_flight = 0;
        self.written.notify_all();
    }

    /// The writing thread: nothing will be written any more.
    pub(crate) fn gone(&self) {
        let mut state = self.state();
        state.gone = true;
        state.in_flight = 0;
        state.bytes = Vec::new();
        drop(state);
        self.written.notify_all();
    }

    /// Blocks until the writing thread has ended, or `timeout` is over.
    pub(crate) fn wait_gone(&self, timeout: Duration) {
        let waited = self.written.wait_timeout_while(self.state(), timeout, |state| !state.gone);
        drop(waited);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// Blocks until at most `bytes` wait to be written, the client is gone, or `timeout` is over.
    /// True: so few wait.
    pub(crate) fn wait_below(&self, bytes: usize, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if state.gone {
                return false;
            }
            if state.bytes.len() + state.in_flight <= bytes {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.written.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn admits(&mut self) -> bool {
        if self.is_muted {
            self.sent.muted += 1;
        }
        !(self.is_muted || self.close_sent || self.finish || self.gone)
    }

    /// Appends one unmasked frame made of `parts`.
    fn push(&mut self, opcode: u8, parts: &[&[u8]]) -> Option<usize> {
        if !self.admits() {
            return None;
        }
        let before = self.bytes.len();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.push(opcode);
        // RFC 6455 section 5.2: 7 bits, or 126 and 16 bits, or 127 and 64 bits; the mask bit is
        // clear on the way to a client.
        if let Ok(short @ ..=125) = u8::try_from(length) {
            self.bytes.push(short);
        } else if let Ok(medium) = u16::try_from(length) {
            self.bytes.push(126);
            self.bytes.extend_from_slice(&medium.to_be_bytes());
        } else {
            self.bytes.push(127);
            self.bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.sent.messages += 1;
        self.sent.bytes += (self.bytes.len() - before) as u64;
        Some(self.bytes.len() + self.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbound: &Outbound) -> Vec<u8> {
        let mut bytes = Vec::new();
        outbound.push(PING, b"");
        assert_eq!(outbound.take(&mut bytes), Work::Write);
        outbound.taken_is_written();
        bytes.truncate(bytes.len() - 2);
        bytes
    }

    #[test]
    fn frame_lengths_take_the_shortest_form() {
        let outbound = Outbound::default();
        for (length, header) in [
            (0_usize, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            outbound.push(TEXT, &vec![b'x'; length]);
            let bytes = taken(&outbound);
            assert_eq!(bytes.len(), header.len() + length);
            assert_eq!(bytes[..header.len()], header);
        }
    }

    #[test]
    fn nothing_follows_a_close_and_nothing_is_sent_while_muted() {
        let outbound = Outbound::default();
        outbound.set_muted(true);
        assert_eq!(outbound.push(TEXT, b"a"), None);
        outbound.set_muted(false);
        outbound.set_combined(true);
        outbound.push_data(b"{\"data\":", b"1");
        assert_eq!(taken(&outbound), b"\x81\x0a{\"data\":1}");
        outbound.push_close(1000, "");
        assert_eq!(outbound.push(TEXT, b"b"), None);
        let mut bytes = Vec::new();
        assert_eq!(outbound.take(&mut bytes), Work::Write);
        assert_eq!(bytes, [0x88, 2, 3, 232]);
        assert!(!outbound.wait_below(0, Duration::ZERO));
        outbound.taken_is_written();
        assert!(outbound.wait_below(0, Duration::ZERO));
        outbound.finish();
        assert_eq!(outbound.take(&mut bytes), Work::Finish);
    }
}
