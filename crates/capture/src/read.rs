//! A capture in memory.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tickbook_types::{PADDING, Padded, WallNanos};

use crate::error::{CaptureError, Damage, Fault};
use crate::inflate::inflate;
use crate::limits::Limits;
use crate::line::{self, Kind, Line};
use crate::record::Record;

/// A whole capture file in memory, taken apart into records.
#[derive(Clone, Default)]
pub struct Capture {
    path: PathBuf,
    /// The text of the file and [`PADDING`] bytes.
    text: Vec<u8>,
    /// The binary messages, one after the other, and [`PADDING`] bytes.
    binary: Vec<u8>,
    entries: Vec<Entry>,
    received: usize,
}

/// A record by the places of its parts in `text` (a binary message: in `binary`).
#[derive(Clone, Copy, Debug)]
struct Entry {
    ns: i64,
    kind: Kind,
    payload: (usize, usize),
    url: (usize, usize),
}

impl Capture {
    /// Reads the capture at `path`, with the default [`Limits`].
    ///
    /// # Errors
    ///
    /// [`CaptureError`]; if the file is damaged, with the records before the damage.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        Self::load_within(path, &Limits::default())
    }

    /// [`Self::load`] within `limits`.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn load_within(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, CaptureError> {
        match Self::load_lossy_within(path, limits)? {
            (whole, None) => Ok(whole),
            (whole, Some(damage)) => Err(CaptureError::Damaged { damage, whole: Box::new(whole) }),
        }
    }

    /// Reads what is whole of the capture at `path`, and says what damage ended it, if any did.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Io`] if the file cannot be read at all.
    pub fn load_lossy(path: impl AsRef<Path>) -> Result<(Self, Option<Damage>), CaptureError> {
        Self::load_lossy_within(path, &Limits::default())
    }

    /// [`Self::load_lossy`] within `limits`.
    ///
    /// # Errors
    ///
    /// As [`Self::load_lossy`].
    pub fn load_lossy_within(
        path: impl AsRef<Path>,
        limits: &Limits,
    ) -> Result<(Self, Option<Damage>), CaptureError> {
        let path = path.as_ref();
        let io = |source| CaptureError::Io { path: path.to_owned(), source };
        let mut file = Vec::new();
        // A file need not be longer than its text, compressed or not; one byte more shows that.
        let bound = limits.text_max as u64 + 1;
        let opened = std::fs::File::open(path).map_err(io)?;
        opened.take(bound).read_to_end(&mut file).map_err(io)?;
        Ok(Self::from_file(path, file, limits))
    }

    /// The capture in `file`, the bytes of a file at `path`, and what damage ended it, if any did.
    #[must_use]
    pub fn from_file(path: &Path, file: Vec<u8>, limits: &Limits) -> (Self, Option<Damage>) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (text, fault) = inflate(file, &name, limits.text_max);
        Self::from_text(path, text, fault, limits)
    }

    fn from_text(
        path: &Path,
        mut text: Vec<u8>,
        mut ended: Option<Fault>,
        limits: &Limits,
    ) -> (Self, Option<Damage>) {
        if text.len() > limits.text_max {
            text.truncate(limits.text_max);
            ended = Some(Fault::TextTooLong { limit: limits.text_max });
        }
        let length = text.len();
        text.resize(length + PADDING, 0);
        let mut capture = Self { path: path.to_owned(), text, ..Self::default() };
        let (offset, fault) = capture.take_lines(length, limits.line_max);
        capture.binary.resize(capture.binary.len() + PADDING, 0);
        let fault = match (ended, fault) {
            // Corrupt data decompresses to nonsense: the first bad line is its result.
            (Some(cause @ Fault::CorruptCompression { .. }), _) => Some(cause),
            // A cut ends the text in the middle of a line, which is no fault of the line.
            (Some(cause), None | Some(Fault::TornLine)) => Some(cause),
            (None, None) if length == 0 => Some(Fault::Empty),
            (_, fault) => fault,
        };
        let records = capture.entries.len() as u64;
        let damage = fault.map(|fault| Damage {
            path: path.to_owned(),
            line: records + 1,
            offset: offset as u64,
            records,
            fault,
        });
        (capture, damage)
    }

    /// Takes the lines in the first `length` bytes of the text apart, up to the first bad one;
    /// returns where that is.
    fn take_lines(&mut self, length: usize, line_max: usize) -> (usize, Option<Fault>) {
        let Self { text, binary, entries, received, .. } = self;
        let text = &text[..length];
        let utf8_end = match std::str::from_utf8(text) {
            Ok(_) => length,
            Err(error) => error.valid_up_to(),
        };
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            match take_line(text, (start, end), utf8_end, line_max, binary) {
                Ok(entry) => {
                    *received += usize::from(matches!(entry.kind, Kind::Frame | Kind::Binary));
                    entries.push(entry);
                }
                Err(fault) => return (start, Some(fault)),
            }
            start = end + 1;
        }
        let fault = match length - start {
            0 => None,
            rest if rest > line_max => Some(Fault::LineTooLong { limit: line_max }),
            _ => Some(Fault::TornLine),
        };
        (start, fault)
    }

    /// Where it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many messages were received, text and binary.
    #[must_use]
    pub fn received(&self) -> usize {
        self.received
    }

    /// Record `index`, from 0.
    #[must_use]
    pub fn record(&self, index: usize) -> Option<Record<'_>> {
        let Entry { ns, kind, payload, url } = *self.entries.get(index)?;
        let ns = WallNanos(ns);
        let padded = |buffer| padded(buffer, payload);
        Some(match kind {
            Kind::Frame => Record::Frame { ns, text: padded(&self.text)? },
            Kind::Binary => Record::Binary { ns, bytes: padded(&self.binary)? },
            Kind::Sent => Record::Sent { ns, text: text(&self.text, payload)? },
            Kind::Http => {
                Record::Http { ns, url: text(&self.text, url)?, body: padded(&self.text)? }
            }
            Kind::Open => Record::Open { ns, url: text(&self.text, url)? },
        })
    }

    /// All records, in the order of the file.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records { capture: self, next: 0 }
    }
}

/// The line of `text` from `start` to its end at `end`; a binary message goes to `binary`.
fn take_line(
    text: &[u8],
    (start, end): (usize, usize),
    utf8_end: usize,
    line_max: usize,
    binary: &mut Vec<u8>,
) -> Result<Entry, Fault> {
    if end - start > line_max {
        return Err(Fault::LineTooLong { limit: line_max });
    }
    if end > utf8_end {
        return Err(Fault::NotUtf8 { at: utf8_end - start });
    }
    let Line { ns, kind, payload, url } = line::parse(&text[start..end])?;
    let payload = match kind {
        Kind::Binary => {
            let from = binary.len();
            let encoded = &text[start + payload..end];
            STANDARD.decode_vec(encoded, binary).map_err(|_| Fault::Base64)?;
            (from, binary.len())
        }
        Kind::Frame | Kind::Sent | Kind::Http | Kind::Open => (start + payload, end),
    };
    Ok(Entry { ns, kind, payload, url: (start + url.0, start + url.1) })
}

fn padded(buffer: &[u8], (from, to): (usize, usize)) -> Option<Padded<'_>> {
    Padded::new(buffer.get(from..)?, to - from)
}

fn text(buffer: &[u8], (from, to): (usize, usize)) -> Option<&str> {
    std::str::from_utf8(buffer.get(from..to)?).ok()
}

impl<'a> IntoIterator for &'a Capture {
    type Item = Record<'a>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.records()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("path", &self.path)
            .field("records", &self.len())
            .finish_non_exhaustive()
    }
}

/// The records of a [`Capture`], in the order of the file.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    capture: &'a Capture,
    next: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let record = self.capture.record(self.next)?;
        self.next += 1;
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.capture.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}
