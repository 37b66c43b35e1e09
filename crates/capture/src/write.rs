//! Captures written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tickbook_types::WallNanos;

use crate::record::Record;

/// How a capture file is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all: `.cap`.
    Plain,
    /// gzip: `.cap.gz`.
    Gzip,
    /// zstd with checksums: `.cap.zst`.
    Zstd,
}

impl Compression {
    /// What the name of `path` asks for.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// Why a record was not written.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The file could not be created or written. The world's fault.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text format cannot hold the record; nothing was written. The recorder's fault.
    Unrepresentable {
        /// What about it.
        what: &'static str,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Self::Unrepresentable { what } => write!(f, "a text capture cannot hold {what}"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Unrepresentable { .. } => None,
        }
    }
}

/// Writes a capture file, line by line. [`Self::finish`] makes it whole; dropped without that, the
/// file may be torn.
pub struct CaptureWriter {
    path: PathBuf,
    sink: Sink,
    /// The line under way.
    line: Vec<u8>,
}

enum Sink {
    Plain(BufWriter<File>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl CaptureWriter {
    /// Creates the file at `path`, or empties it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`].
    pub fn create(path: impl AsRef<Path>, compression: Compression) -> Result<Self, WriteError> {
        let path = path.as_ref().to_owned();
        let open = || -> io::Result<Sink> {
            let file = BufWriter::new(File::create(&path)?);
            Ok(match compression {
                Compression::Plain => Sink::Plain(file),
                Compression::Gzip => {
                    Sink::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default()))
                }
                Compression::Zstd => {
                    let mut encoder = zstd::stream::write::Encoder::new(file, 0)?;
                    encoder.include_checksum(true)?;
                    Sink::Zstd(encoder)
                }
            })
        };
        match open() {
            Ok(sink) => Ok(Self { path, sink, line: Vec::new() }),
            Err(source) => Err(WriteError::Io { path, source }),
        }
    }

    /// Writes a text message received.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the message must start with `{` or `[` and have no line end in it.
    pub fn frame(&mut self, ns: WallNanos, text: &str) -> Result<(), WriteError> {
        if !text.starts_with(['{', '[']) {
            return refuse("a received text message that starts with neither '{' nor '['");
        }
        self.put(ns, &["", text])
    }

    /// Writes a binary message received.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub fn binary(&mut self, ns: WallNanos, bytes: &[u8]) -> Result<(), WriteError> {
        self.put(ns, &["B64 ", &STANDARD.encode(bytes)])
    }

    /// Writes a text message that was sent.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the message must have no line end in it.
    pub fn sent(&mut self, ns: WallNanos, text: &str) -> Result<(), WriteError> {
        self.put(ns, &["> ", text])
    }

    /// Writes a REST answer.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the URL must not be empty or have a blank in it, and nothing a line end.
    pub fn http(&mut self, ns: WallNanos, url: &str, body: &str) -> Result<(), WriteError> {
        check_url(url)?;
        self.put(ns, &["HTTP ", url, " ", body])
    }

    /// Writes that the connection was opened.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the URL must not be empty or have a blank or a line end in it.
    pub fn open(&mut self, ns: WallNanos, url: &str) -> Result<(), WriteError> {
        check_url(url)?;
        self.put(ns, &["OPEN ", url])
    }

    /// Writes a record of another capture.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; of the records of a capture, only for [`WriteError::Io`].
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), WriteError> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| WriteError::Unrepresentable { what: "text that is not UTF-8" })
        };
        match *record {
            Record::Frame { ns, text: frame } => self.frame(ns, text(frame.payload())?),
            Record::Binary { ns, bytes } => self.binary(ns, bytes.payload()),
            Record::Sent { ns, text } => self.sent(ns, text),
            Record::Http { ns, url, body } => self.http(ns, url, text(body.payload())?),
            Record::Open { ns, url } => self.open(ns, url),
        }
    }

    /// Writes what is left and the end of the compressed data.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`].
    pub fn finish(self) -> Result<(), WriteError> {
        let Self { path, sink, .. } = self;
        let finish = || -> io::Result<()> {
            match sink {
                Sink::Plain(mut file) => file.flush(),
                Sink::Gzip(encoder) => encoder.finish()?.flush(),
                Sink::Zstd(encoder) => encoder.finish()?.flush(),
            }
        };
        finish().map_err(|source| WriteError::Io { path, source })
    }

    fn put(&mut self, ns: WallNanos, parts: &[&str]) -> Result<(), WriteError> {
        if ns.0 < 0 {
            return refuse("a time before 1970");
        }
        if parts.iter().any(|part| memchr::memchr(b'\n', part.as_bytes()).is_some()) {
            return refuse("a line end inside a record");
        }
        self.line.clear();
        self.line.extend_from_slice(ns.0.to_string().as_bytes());
        self.line.push(b' ');
        for part in parts {
            self.line.extend_from_slice(part.as_bytes());
        }
        self.line.push(b'\n');
        let sink: &mut dyn Write = match &mut self.sink {
            Sink::Plain(file) => file,
            Sink::Gzip(encoder) => encoder,
            Sink::Zstd(encoder) => encoder,
        };
        sink.write_all(&self.line)
            .map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }
}

fn refuse(what: &'static str) -> Result<(), WriteError> {
    Err(WriteError::Unrepresentable { what })
}

fn check_url(url: &str) -> Result<(), WriteError> {
    if url.is_empty() || url.contains(' ') {
        return refuse("a URL that is empty or has a blank in it");
    }
    Ok(())
}

impl fmt::Debug for CaptureWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureWriter").field("path", &self.path).finish_non_exhaustive()
    }
}
