//! What all channels of Kraken's interface v2 have in common: the envelope of a message, and what
//! an acknowledgement says.

use super::frame::Frame;
use crate::counters::Ignored;
use crate::json::{Read, Reader};

/// A message, its data not yet read.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    /// Empty in an answer.
    pub(super) channel: &'a [u8],
    /// `snapshot` or `update`.
    pub(super) kind: &'a [u8],
    pub(super) data: Option<Reader<'a>>,
    result: Option<Reader<'a>>,
    success: bool,
    words: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn read(message: &'a [u8]) -> Read<Self> {
        let (mut channel, mut kind, mut data) = (&b""[..], &b""[..], None);
        let (mut result, mut success, mut words) = (None, true, &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"type" => kind = value.text()?,
                b"data" => data = Some(value.mark()?),
                b"result" => result = Some(value.mark()?),
                b"success" => success = value.boolean()?,
                b"error" => words = value.text().unwrap_or(b"error"),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        Ok(Self { channel, kind, data, result, success, words })
    }

    /// A message of none of the channels that are read. `acked` gets the symbol and the depth that
    /// an acknowledgement names.
    pub(super) fn aside(&self, frame: &mut Frame, acked: impl FnOnce(&[u8], u32)) -> Read<()> {
        match self.channel {
            b"" if !self.success || !self.words.is_empty() => frame.refused(0, self.words),
            b"" => {
                frame.ignore(Ignored::Ack);
                if let Some((symbol, depth)) = self.acked()? {
                    acked(symbol, depth);
                }
            }
            b"heartbeat" | b"status" => frame.ignore(Ignored::Notice),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }

    fn acked(&self) -> Read<Option<(&'a [u8], u32)>> {
        let Some(mut result) = self.result else { return Ok(None) };
        if result.peek()? != b'{' {
            return Ok(None);
        }
        let (mut symbol, mut depth) = (None, None);
        result.object(|key, value| {
            match key {
                b"symbol" => symbol = Some(value.text()?),
                b"depth" => depth = u32::try_from(value.integer()?).ok(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(symbol.zip(depth))
    }
}
