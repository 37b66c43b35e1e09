//! WebSocket frames from a server, decoded in place (RFC 6455).
//!
//! # Guarantees
//!
//! - A whole, unfragmented message is handed out where the socket (or TLS) put it: no copy, no
//!   allocation. Fragments are moved together within the buffer.
//! - Everything a header gets wrong is refused as soon as the byte that shows it is there, and
//!   before its payload is buffered.
//! - Text that is handed out is UTF-8; text that cannot become UTF-8 is refused at the first wrong
//!   byte, in the middle of a frame if need be (unless the check is off).
//! - The same bytes give the same frames, however they were cut into reads.
//! - No byte panics; the work of a call is bounded by the bytes in the buffer.
//!
//! # Not guaranteed
//!
//! - That payloads are unmasked in any way: a server must not mask, and it is refused if it does.

use core::ops::Range;

use tickbook_types::Padded;

use crate::buffer::RecvBuffer;
use crate::limits::CONTROL_PAYLOAD_MAX;
use crate::utf8::Utf8;
use crate::{ConnectionOptions, Violation};

/// Text or binary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// One whole message, in the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub kind: MessageKind,
    /// The payload, joined if it came in fragments.
    pub payload: Padded<'a>,
    /// Whether nothing that was received stands behind it: only then is the kernel stamp of the
    /// read this message's own.
    pub last_of_read: bool,
}

/// A whole message or a control frame.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A ping, to be answered with its payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A close, with its code if it has one. Nothing may follow it.
    Close(Option<u16>),
}

/// The decoder and its buffer, without a socket: what [`crate::Connection`] is built on, for
/// benches, tests, and whoever brings bytes of its own.
#[derive(Debug)]
pub struct FrameReader {
    pub(crate) buffer: RecvBuffer,
    message_bytes_max: usize,
    fragments_max: u32,
    validate: bool,
    /// Kind of the fragmented message that is being joined.
    joining: Option<MessageKind>,
    /// Its fragments so far.
    fragments: u32,
    /// Payload bytes of the unfinished frame at the head of the buffer that `utf8` has seen.
    checked: usize,
    utf8: Utf8,
}

impl FrameReader {
    /// A reader with an empty buffer.
    #[must_use]
    pub fn new(options: &ConnectionOptions) -> Self {
        Self {
            buffer: RecvBuffer::new(options.recv_window_bytes, options.message_bytes_max),
            message_bytes_max: options.message_bytes_max,
            fragments_max: options.fragments_max,
            validate: options.validate_utf8,
            joining: None,
            fragments: 0,
            checked: 0,
            utf8: Utf8::new(),
        }
    }

    /// Room to write received bytes to. Frames handed out before are gone.
    ///
    /// At least [`crate::limits::READ_BYTES_MIN`] bytes, if [`Self::next_frame`] said `None`
    /// before; possibly none otherwise.
    #[inline]
    pub fn free(&mut self) -> &mut [u8] {
        self.buffer.free()
    }

    /// `count` bytes were written to the start of [`Self::free`].
    ///
    /// # Panics
    ///
    /// If there was less room than that.
    #[inline]
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.buffer.room(), "more bytes than there was room for");
        self.buffer.filled(count);
    }

    /// The next message or control frame; `None` when more bytes must come first.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol. Nothing after that is to be believed.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Violation> {
        Ok(match self.find()? {
            Found::More => None,
            Found::Message { kind, start, len } => {
                Some(Frame::Message(self.message(kind, start, len)))
            }
            Found::Ping { start, len } => Some(Frame::Ping(self.payload(start, len))),
            Found::Pong { start, len } => Some(Frame::Pong(self.payload(start, len))),
            Found::Close { code } => Some(Frame::Close(code)),
        })
    }

    /// The payload of a control frame that [`Self::find`] found.
    pub(crate) fn payload(&self, start: usize, len: usize) -> &[u8] {
        &self.buffer.bytes_from(start)[..len]
    }

    /// The message that [`Self::find`] found.
    #[inline]
    pub(crate) fn message(&self, kind: MessageKind, start: usize, len: usize) -> Message<'_> {
        let payload = Padded::new(self.buffer.bytes_from(start), len);
        Message {
            kind,
            payload: payload.expect("the buffer keeps the padding behind every received byte"),
            last_of_read: self.buffer.is_drained(),
        }
    }

    /// Decodes the next frame or message and consumes it. What was found stays readable until the
    /// next read.
    ///
    /// The way of a whole unfragmented text of less than 64 KiB, which is the way of nearly all,
    /// is here; the rest is in [`Self::find_any`].
    #[inline]
    pub(crate) fn find(&mut self) -> Result<Found, Violation> {
        let have = self.buffer.plaintext_len();
        if have == 0 {
            return Ok(Found::More);
        }
        // The padding behind the buffer makes this readable even where nothing was received; what
        // is not of the frame is not used, since then `have` is less than the frame's length.
        let Some(&[FINAL_TEXT, b1, l0, l1]) =
            self.buffer.bytes_from(self.buffer.head()).first_chunk()
        else {
            return self.find_any();
        };
        // Without a branch: lengths of either form follow each other in any order.
        let long = b1 == LENGTH_IN_TWO_BYTES;
        let header = if long { 4 } else { 2 };
        let len = usize::from(if long { u16::from_be_bytes([l0, l1]) } else { u16::from(b1) });
        let least = if long { 126 } else { 0 };
        let plain = b1 <= LENGTH_IN_TWO_BYTES && self.joining.is_none() && self.checked == 0;
        let whole = header + len <= have && len <= self.message_bytes_max;
        if !(plain && whole && least <= len) {
            return self.find_any();
        }
        let start = self.buffer.head() + header;
        if self.validate && !self.utf8.is_all(&self.buffer.bytes_from(start)[..len]) {
            return Err(Violation::Utf8);
        }
        self.buffer.consume(header + len);
        Ok(Found::Message { kind: MessageKind::Text, start, len })
    }

    /// Decodes whatever comes next.
    #[inline(never)]
    fn find_any(&mut self) -> Result<Found, Violation> {
        loop {
            let Some(header) = Header::parse(self.buffer.plaintext())? else {
                return Ok(Found::More);
            };
            let found = match header.opcode {
                Opcode::Ping | Opcode::Pong | Opcode::Close => self.control(header)?,
                Opcode::Continuation | Opcode::Text | Opcode::Binary => self.data(header)?,
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    /// A control frame; it may stand between the fragments of a message.
    fn control(&mut self, header: Header) -> Result<Option<Found>, Violation> {
        let start = self.buffer.head() + header.size;
        let len = header.len;
        if self.buffer.plaintext_len() < header.size + len {
            return Ok(Some(Found::More));
        }
        self.buffer.consume(header.size + len);
        Ok(Some(match header.opcode {
            Opcode::Ping => Found::Ping { start, len },
            Opcode::Pong => Found::Pong { start, len },
            _ => Found::Close { code: close_code(self.payload(start, len))? },
        }))
    }

    /// A data frame: `None` if it was a fragment and there is more to look at.
    fn data(&mut self, header: Header) -> Result<Option<Found>, Violation> {
        let kind = match (header.opcode, self.joining) {
            (Opcode::Continuation, Some(kind)) => kind,
            (Opcode::Continuation, None) => return Err(Violation::ContinuationAlone),
            (_, Some(_)) => return Err(Violation::MessageInside),
            (Opcode::Text, None) => MessageKind::Text,
            (_, None) => MessageKind::Binary,
        };
        // Before any of its payload is waited for.
        if header.len > self.message_bytes_max - self.buffer.kept_len() {
            return Err(Violation::MessageTooLong);
        }
        let fragmented = self.joining.is_some() || !header.last;
        if fragmented && self.fragments >= self.fragments_max {
            return Err(Violation::FragmentsTooMany);
        }
        let start = self.buffer.head() + header.size;
        let have = (self.buffer.plaintext_len() - header.size).min(header.len);
        if kind == MessageKind::Text && self.validate {
            let news = &self.buffer.bytes_from(start)[self.checked..have];
            if !self.utf8.push(news) {
                return Err(Violation::Utf8);
            }
            self.checked = have;
        }
        if have < header.len {
            return Ok(Some(Found::More));
        }
        self.checked = 0;
        self.buffer.consume(header.size + header.len);
        let payload = start..start + header.len;
        if !header.last {
            self.fragment(kind, payload);
            return Ok(None);
        }
        if !self.utf8.is_whole() {
            return Err(Violation::Utf8);
        }
        let whole = if fragmented {
            self.fragment(kind, payload);
            self.joining = None;
            self.fragments = 0;
            self.buffer.take_kept()
        } else {
            payload
        };
        Ok(Some(Found::Message { kind, start: whole.start, len: whole.len() }))
    }

    fn fragment(&mut self, kind: MessageKind, payload: Range<usize>) {
        if self.joining.is_some() {
            self.buffer.join(payload);
        } else {
            self.buffer.keep(payload);
            self.joining = Some(kind);
        }
        self.fragments += 1;
    }
}

/// What [`FrameReader::find`] found, by place, so that the buffer stays free to be worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    More,
    Message { kind: MessageKind, start: usize, len: usize },
    Ping { start: usize, len: usize },
    Pong { start: usize, len: usize },
    Close { code: Option<u16> },
}

/// Bits of a header's first two bytes.
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;

const FINAL_TEXT: u8 = FIN | 1;

/// A length that says that two bytes of length follow.
const LENGTH_IN_TWO_BYTES: u8 = 126;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    opcode: Opcode,
    /// The last (or only) fragment.
    last: bool,
    /// Bytes of the header.
    size: usize,
    /// Bytes of the payload.
    len: usize,
}

impl Header {
    /// The header at the start of `bytes`, judged as far as it is there; `None` if not all is.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let Some(&b0) = bytes.first() else { return Ok(None) };
        let opcode = match b0 & OPCODE {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return Err(Violation::Opcode),
        };
        let last = b0 & FIN != 0;
        let control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        if b0 & RESERVED != 0 {
            return Err(Violation::ReservedBit);
        }
        if control && !last {
            return Err(Violation::ControlFragmented);
        }
        let Some(&b1) = bytes.get(1) else { return Ok(None) };
        if b1 & MASK != 0 {
            return Err(Violation::Masked);
        }
        if control && usize::from(b1) > CONTROL_PAYLOAD_MAX {
            return Err(Violation::ControlLength);
        }
        let (size, len, least) = match (b1, bytes) {
            (..126, _) => (2, u64::from(b1), 0),
            (126, &[_, _, l0, l1, ..]) => (4, u64::from(u16::from_be_bytes([l0, l1])), 126),
            (127, &[_, _, l0, ..]) if l0 & 0x80 != 0 => return Err(Violation::LengthSign),
            (127, &[_, _, l0, l1, l2, l3, l4, l5, l6, l7, ..]) => {
                (10, u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]), 1 << 16)
            }
            _ => return Ok(None),
        };
        if len < least {
            return Err(Violation::LengthForm);
        }
        let len = usize::try_from(len).map_err(|_| Violation::MessageTooLong)?;
        Ok(Some(Self { opcode, last, size, len }))
    }
}

/// The code in the payload of a close frame.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(Violation::CloseLength),
        [c0, c1, reason @ ..] => (u16::from_be_bytes([*c0, *c1]), reason),
    };
    if !may_be_sent(code) {
        return Err(Violation::CloseCode);
    }
    if core::str::from_utf8(reason).is_err() {
        return Err(Violation::Utf8);
    }
    Ok(Some(code))
}

/// Whether a close code may stand in a frame: the protocol's and IANA's, without those that are
/// for local use (1004-1006, 1015), and the ranges for libraries and applications.
pub(crate) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FRAGMENTS_MAX;

    fn first(bytes: &[u8]) -> Result<Found, Violation> {
        let options = ConnectionOptions { message_bytes_max: 100_000, ..Default::default() };
        let mut reader = FrameReader::new(&options);
        reader.free()[..bytes.len()].copy_from_slice(bytes);
        reader.filled(bytes.len());
        reader.find()
    }

    fn violation(bytes: &[u8]) -> Violation {
        first(bytes).unwrap_err()
    }

    #[test]
    fn a_bad_header_is_refused_at_the_byte_that_shows_it() {
        for bit in [0x40, 0x20, 0x10] {
            assert_eq!(violation(&[0x81 | bit]), Violation::ReservedBit);
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert_eq!(violation(&[0x80 | opcode]), Violation::Opcode);
        }
        for opcode in [8, 9, 10] {
            assert_eq!(violation(&[opcode]), Violation::ControlFragmented);
            assert_eq!(violation(&[0x80 | opcode, 126]), Violation::ControlLength);
        }
        assert_eq!(violation(&[0x81, 0x80]), Violation::Masked);
        assert_eq!(violation(&[0x81, 126, 0, 125]), Violation::LengthForm);
        assert_eq!(violation(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), Violation::LengthForm);
        let whole = |header: &[u8], len| [header, &vec![b'a'; len]].concat();
        assert_eq!(violation(&whole(&[0x81, 126, 0, 125], 125)), Violation::LengthForm);
        let header = [0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
        assert_eq!(violation(&whole(&header, 0xFFFF)), Violation::LengthForm);
        assert_eq!(violation(&[0x81, 127, 0x80]), Violation::LengthSign);
        assert_eq!(violation(&[0x80, 0]), Violation::ContinuationAlone);
        assert_eq!(violation(&[0x01, 1, b'a', 0x81, 0]), Violation::MessageInside);
    }

    #[test]
    fn a_message_above_the_limit_is_refused_by_its_header() {
        let header = |len: u64| [&[0x82, 127][..], &len.to_be_bytes()].concat();
        assert!(matches!(first(&header(100_000)), Ok(Found::More)));
        assert_eq!(violation(&header(100_001)), Violation::MessageTooLong);
        assert_eq!(violation(&header((1 << 63) - 1)), Violation::MessageTooLong);
        let joined = [&[0x02, 2, 0, 0, 0x80, 127][..], &99_999_u64.to_be_bytes()].concat();
        assert_eq!(violation(&joined), Violation::MessageTooLong);
    }

    #[test]
    fn every_close_code_is_judged() {
        for code in 0..=u16::MAX {
            let [c0, c1] = code.to_be_bytes();
            let frame = first(&[0x88, 2, c0, c1]);
            let good = match code {
                0..=999 | 1004..=1006 | 1015..=2999 | 5000.. => false,
                1000..=1003 | 1007..=1014 | 3000..=4999 => true,
            };
            assert_eq!(frame.is_ok(), good, "{code}");
        }
        assert!(matches!(first(&[0x88, 0]), Ok(Found::Close { code: None })));
        assert_eq!(violation(&[0x88, 1, 3]), Violation::CloseLength);
        assert_eq!(violation(&[0x88, 3, 3, 0xE8, 0xFF]), Violation::Utf8);
    }

    #[test]
    fn the_number_of_fragments_is_limited() {
        let mut bytes = vec![0x02, 0];
        bytes.extend([0x00, 0].repeat(FRAGMENTS_MAX as usize - 2));
        let at_limit = [&bytes[..], &[0x80, 0]].concat();
        assert!(matches!(first(&at_limit), Ok(Found::Message { len: 0, .. })));
        bytes.extend([0x00, 0]);
        assert!(matches!(first(&bytes), Ok(Found::More)));
        bytes.extend([0x80, 0]);
        assert_eq!(violation(&bytes), Violation::FragmentsTooMany);
    }

    #[test]
    fn wrong_text_is_refused_before_its_frame_is_whole() {
        assert_eq!(violation(&[0x81, 100, b'a', 0xF4, 0x90]), Violation::Utf8);
        assert!(matches!(first(&[0x81, 100, b'a', 0xF4]), Ok(Found::More)));
        assert_eq!(violation(&[0x01, 1, 0xF4, 0x80, 50, 0x90]), Violation::Utf8);
        assert_eq!(violation(&[0x81, 1, 0xF4]), Violation::Utf8);
        assert_eq!(violation(&[0x01, 1, 0xF4, 0x80, 0]), Violation::Utf8);
        assert!(matches!(first(&[0x82, 1, 0xFF]), Ok(Found::Message { .. })));
    }
}
