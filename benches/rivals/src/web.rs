//! WebSocket frames in memory, and a stream that hands them out one a read: what a client that
//! polls its socket sees.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Frames, one behind the other.
pub(crate) struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    longest: usize,
}

impl Frames {
    /// A text frame, as a server sends it, for each payload.
    #[expect(single_use_lifetimes, reason = "an argument cannot leave it out")]
    pub(crate) fn of<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut frames = Self { bytes: Vec::new(), ends: Vec::new(), longest: 0 };
        for payload in payloads {
            let start = frames.bytes.len();
            frames.bytes.push(0x81);
            match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
                (Ok(len @ ..126), _) => frames.bytes.push(len),
                (_, Ok(len)) => {
                    frames.bytes.push(126);
                    frames.bytes.extend(len.to_be_bytes());
                }
                _ => {
                    frames.bytes.push(127);
                    frames.bytes.extend((payload.len() as u64).to_be_bytes());
                }
            }
            frames.bytes.extend(payload);
            frames.ends.push(frames.bytes.len());
            frames.longest = frames.longest.max(frames.bytes.len() - start);
        }
        frames
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of the longest one.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Where each of them ends.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The bytes of one.
    pub(crate) fn frame(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// All of them, each a read.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.frame(index))
    }
}

/// The frames again and again.
pub(crate) struct Reads<'a> {
    frames: &'a Frames,
    next: usize,
    at: usize,
}

impl<'a> Reads<'a> {
    /// From the first frame on.
    pub(crate) const fn of(frames: &'a Frames) -> Self {
        Self { frames, next: 0, at: 0 }
    }
}

impl Read for Reads<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.frames.ends[self.next];
        let count = (end - self.at).min(buffer.len());
        buffer[..count].copy_from_slice(&self.frames.bytes[self.at..self.at + count]);
        self.at += count;
        if self.at == end {
            self.next += 1;
            if self.next == self.frames.len() {
                (self.next, self.at) = (0, 0);
            }
        }
        Ok(count)
    }
}

impl Write for Reads<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Reads<'_> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Some clients hand out memory they have not written to yet; the copy is all it costs.
        let rest = self.frames.ends[self.next] - self.at;
        let count = rest.min(buffer.remaining());
        let read = self.read(buffer.initialize_unfilled_to(count))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Reads<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "boomnet")]
impl boomnet::stream::ReadHint for Reads<'_> {
    fn read_hint(&self) -> bool {
        true
    }
}
