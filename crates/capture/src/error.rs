//! What can be wrong with a capture file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::Capture;

/// Why a capture could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file could not be opened or read. The world's fault, or the path's.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is torn, corrupt, not a capture, or beyond the limits.
    Damaged {
        /// Where and what.
        damage: Damage,
        /// The records before it.
        whole: Box<Capture>,
    },
}

/// Where a file is damaged, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Line that could not be read, from 1.
    pub line: u64,
    /// Offset of that line in the text, after decompression.
    pub offset: u64,
    /// Whole records before it.
    pub records: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No byte, or compressed nothing.
    Empty,
    /// The compressed data ends in the middle: the recorder or a copy was cut off.
    TornCompression,
    /// The compressed data is not what was written.
    CorruptCompression {
        /// What the decompressor said.
        detail: String,
    },
    /// The last line has no end: the recorder or a copy was cut off.
    TornLine,
    /// The text is longer than [`crate::Limits::text_max`].
    TextTooLong {
        /// That limit.
        limit: usize,
    },
    /// The line is longer than [`crate::Limits::line_max`].
    LineTooLong {
        /// That limit.
        limit: usize,
    },
    /// The line is not UTF-8.
    NotUtf8 {
        /// Offset of the first such byte in the line.
        at: usize,
    },
    /// The line does not start with nanoseconds since 1970 and a blank.
    Timestamp,
    /// What follows the time is not a frame or a known tag.
    Tag,
    /// The URL of an `HTTP` or `OPEN` line is missing or not followed by what must follow.
    Url,
    /// What follows `B64` is not base64.
    Base64,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Damaged { damage, .. } => damage.fmt(f),
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Damaged { .. } => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, offset, records, fault } = self;
        let path = path.display();
        if *fault == Fault::Empty {
            return write!(f, "{path}: file is empty; record or copy it again");
        }
        write!(f, "{path}: line {line} (byte {offset}): {fault}; {}", fault.advice())?;
        match records {
            0 => f.write_str(" (no whole record before it)"),
            1 => f.write_str(" (1 record before it)"),
            n => write!(f, " ({n} records before it)"),
        }
    }
}

impl std::error::Error for Damage {}

impl Fault {
    /// What to do about it.
    const fn advice(&self) -> &'static str {
        match self {
            Self::Empty | Self::TornCompression | Self::TornLine => {
                "the file was cut off: copy it again, or use the records before"
            }
            Self::CorruptCompression { .. } => {
                "copy the file again; what was read before it may be wrong too"
            }
            Self::TextTooLong { .. } | Self::LineTooLong { .. } => {
                "not a capture, or split it into smaller files"
            }
            Self::NotUtf8 { .. } | Self::Timestamp | Self::Tag | Self::Url | Self::Base64 => {
                "repair or remove the line, or check that the file is a capture"
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("file is empty"),
            Self::TornCompression => f.write_str("compressed data ends in the middle"),
            Self::CorruptCompression { detail } => {
                write!(f, "compressed data is corrupt ({detail})")
            }
            Self::TornLine => f.write_str("last line has no end"),
            Self::TextTooLong { limit } => write!(f, "text is longer than {limit} bytes"),
            Self::LineTooLong { limit } => write!(f, "line is longer than {limit} bytes"),
            Self::NotUtf8 { at } => write!(f, "byte {at} of the line is not UTF-8"),
            Self::Timestamp => f.write_str("line does not start with nanoseconds and a blank"),
            Self::Tag => {
                f.write_str("after the time comes neither '{' nor '[' nor '>', B64, HTTP or OPEN")
            }
            Self::Url => f.write_str("URL is missing, or nothing follows it"),
            Self::Base64 => f.write_str("what follows B64 is not base64"),
        }
    }
}
