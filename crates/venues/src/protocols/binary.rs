//! Binary frames: what is compressed is inflated into memory that is kept.
//!
//! # Guarantees
//!
//! - No byte panics. A message that is damaged, cut short, followed by something, or that would
//!   inflate beyond [`limits::INFLATED_BYTES_MAX`] is refused with a reason, and its connection
//!   treated as after any message that cannot be read.
//! - Inflating allocates nothing once the largest message has been seen.
//! - What comes out is UTF-8, as the text frames of a connection are.
//!
//! # Not guaranteed
//!
//! - That damage shows in a bare deflate stream: it has no checksum (gzip has one).

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use tickbook_types::{PADDING, Padded, RecvStamps};

use super::protocol::Binary;
use super::session::SharedSession;
use crate::counters::Rejected;
use crate::json::Read;
use crate::limits;
use crate::session::Context;

impl SharedSession {
    /// One binary message of a connection.
    pub(super) fn take_binary(
        &mut self,
        line: usize,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let form = self.rules.binary;
        match form {
            Binary::Unexpected => cx.counters.reject(Rejected::Binary),
            Binary::Text => match text(message) {
                Ok(message) => self.take(line, message, stamps, cx),
                Err(rejected) => self.unreadable(line, rejected, message.payload(), cx),
            },
            Binary::Gzip | Binary::Deflate => {
                let mut inflater = self.inflater.take().unwrap_or_default();
                let inflated = if form == Binary::Gzip {
                    inflater.gzip(message.payload())
                } else {
                    inflater.deflate(message.payload())
                };
                match inflated.and_then(text) {
                    Ok(message) => self.take(line, message, stamps, cx),
                    // Which books it named, nobody can say.
                    Err(rejected) => self.unreadable(line, rejected, &[], cx),
                }
                self.inflater = Some(inflater);
            }
        }
    }
}

/// The message, if it is UTF-8.
fn text(message: Padded<'_>) -> Read<Padded<'_>> {
    match core::str::from_utf8(message.payload()) {
        Ok(_) => Ok(message),
        Err(_) => Err(Rejected::Malformed),
    }
}

/// Inflates one message after the other into the same memory.
#[derive(Default)]
pub(super) struct Inflater {
    state: DecompressorOxide,
    /// The last message and, behind it, at least [`PADDING`] bytes.
    out: Vec<u8>,
}

impl core::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inflater").field("bytes", &self.out.len()).finish_non_exhaustive()
    }
}

impl Inflater {
    /// The message in a gzip member (RFC 1952) that fills `bytes`.
    pub(super) fn gzip(&mut self, bytes: &[u8]) -> Read<Padded<'_>> {
        let body = gzip_body(bytes).ok_or(Rejected::Compressed)?;
        let (len, used) = self.inflate(body)?;
        let sum = crc32fast::hash(self.out.get(..len).unwrap_or_default()).to_le_bytes();
        // The size modulo 2^32; no message is as long as that.
        let size = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        match body.get(used..) {
            Some(end) if end.strip_prefix(&sum) == Some(&size) => self.message(len),
            _ => Err(Rejected::Compressed),
        }
    }

    /// The message in a bare deflate stream (RFC 1951) that fills `bytes`.
    pub(super) fn deflate(&mut self, bytes: &[u8]) -> Read<Padded<'_>> {
        let (len, used) = self.inflate(bytes)?;
        if used == bytes.len() { self.message(len) } else { Err(Rejected::Compressed) }
    }

    /// Inflates the stream at the start of `bytes`: how much came out, and how much of it was used.
    fn inflate(&mut self, bytes: &[u8]) -> Read<(usize, usize)> {
        let Self { state, out } = self;
        state.init();
        if out.is_empty() {
            out.resize(FIRST_BYTES, 0);
        }
        let (mut len, mut used) = (0, 0);
        loop {
            let room = out.len() - PADDING;
            let (input, room) = (&bytes[used..], &mut out[..room]);
            let (status, took, gave) = decompress(state, input, room, len, FLAGS);
            used += took;
            len += gave;
            match status {
                TINFLStatus::Done => return Ok((len, used)),
                TINFLStatus::HasMoreOutput if out.len() < BYTES_MAX => {
                    let bytes = (2 * out.len()).min(BYTES_MAX);
                    out.resize(bytes, 0);
                }
                TINFLStatus::HasMoreOutput => return Err(Rejected::Bomb),
                _ => return Err(Rejected::Compressed),
            }
        }
    }

    fn message(&self, len: usize) -> Read<Padded<'_>> {
        Padded::new(&self.out, len).ok_or(Rejected::Compressed)
    }
}

/// A whole stream in, and out into one buffer that holds all of it.
const FLAGS: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// Memory before the first message; it doubles when one does not fit.
const FIRST_BYTES: usize = 64 << 10;

/// Memory at the most.
const BYTES_MAX: usize = limits::INFLATED_BYTES_MAX + PADDING;

/// What follows the header of a gzip member.
fn gzip_body(bytes: &[u8]) -> Option<&[u8]> {
    let (&[first, second, method, flags, ..], mut rest) = bytes.split_first_chunk::<10>()?;
    // Flags beyond these five are reserved; a reader must not pass over them.
    if [first, second, method] != [0x1f, 0x8b, 8] || flags & 0xe0 != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (len, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::{DeflateEncoder, GzEncoder};
    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(message: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(message).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(message: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(message).unwrap();
        encoder.finish().unwrap()
    }

    fn refused(found: Read<Padded<'_>>) -> Rejected {
        found.map(|message| message.len()).unwrap_err()
    }

    #[test]
    fn a_message_of_any_length_comes_out_and_the_memory_is_kept() {
        let mut inflater = Inflater::default();
        for len in [0, 1, 5_000, FIRST_BYTES - PADDING, FIRST_BYTES, 300_000, 10] {
            let message: Vec<u8> = (0..len).map(|at| b"0123456789abcdef"[at * at % 13]).collect();
            assert_eq!(inflater.gzip(&gzip(&message)).unwrap().payload(), message);
            assert_eq!(inflater.deflate(&deflate(&message)).unwrap().payload(), message);
        }
        assert_eq!(inflater.out.len(), 8 * FIRST_BYTES);
    }

    #[test]
    fn every_field_of_a_gzip_header_is_passed_over() {
        let builder = GzBuilder::new().extra(vec![0; 300]).filename("a").comment("b").mtime(7);
        let mut encoder = builder.write(Vec::new(), Compression::best());
        encoder.write_all(b"{}").unwrap();
        let mut bytes = encoder.finish().unwrap();
        let mut inflater = Inflater::default();
        assert_eq!(inflater.gzip(&bytes).unwrap().payload(), b"{}");
        bytes[3] |= 0x20;
        assert_eq!(refused(inflater.gzip(&bytes)), Rejected::Compressed);
    }

    #[test]
    fn a_bomb_is_refused_and_what_follows_is_read() {
        let bomb = vec![b' '; limits::INFLATED_BYTES_MAX + 1];
        let mut inflater = Inflater::default();
        assert_eq!(refused(inflater.gzip(&gzip(&bomb))), Rejected::Bomb);
        assert_eq!(refused(inflater.deflate(&deflate(&bomb))), Rejected::Bomb);
        assert_eq!(inflater.gzip(&gzip(&bomb[1..])).unwrap().len(), bomb.len() - 1);
        assert_eq!(inflater.out.len(), BYTES_MAX);
        assert_eq!(inflater.deflate(&deflate(b"[]")).unwrap().payload(), b"[]");
    }

    #[test]
    fn what_follows_a_message_is_no_message() {
        let mut inflater = Inflater::default();
        for end in [&b"\0"[..], &gzip(b"{}")] {
            let bytes = [&gzip(b"{}"), end].concat();
            assert_eq!(refused(inflater.gzip(&bytes)), Rejected::Compressed);
            let bytes = [&deflate(b"{}"), end].concat();
            assert_eq!(refused(inflater.deflate(&bytes)), Rejected::Compressed);
        }
        assert_eq!(refused(inflater.gzip(b"{\"text\":1}")), Rejected::Compressed);
    }

    proptest! {
        #[test]
        fn damaged_gzip_never_panics_and_never_gives_another_message(
            message in proptest::collection::vec(any::<u8>(), 0..600),
            at in any::<prop::sample::Index>(),
            flip in 1..=u8::MAX,
            cut in any::<bool>(),
        ) {
            let mut bytes = gzip(&message);
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= flip;
            }
            let mut inflater = Inflater::default();
            if let Ok(found) = inflater.gzip(&bytes) {
                // Some bits say nothing about the message: those of the time, the operating system
                // and the effort, and a few that fill up the compressed stream.
                prop_assert!(!cut, "cut at {at}");
                prop_assert_eq!(found.payload(), &message);
            }
            let _ = inflater.deflate(&bytes);
            prop_assert_eq!(inflater.gzip(&gzip(&message)).unwrap().payload(), &message);
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut inflater = Inflater::default();
            let _ = inflater.gzip(&bytes);
            let _ = inflater.deflate(&bytes);
        }
    }
}
