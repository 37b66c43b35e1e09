//! Why a file could not be created or attached.

use std::io;
use std::path::PathBuf;

use crate::layout::{CountOutOfRange, LAYOUT_VERSION};

/// Why a file could not be created or attached; the text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShmError {
    /// A configured count is out of bounds. The operator's mistake.
    Config(CountOutOfRange),
    /// The engine name cannot be a file name. The operator's mistake.
    Name {
        /// The name.
        name: String,
    },
    /// Another process writes under this name. The operator's mistake, or a second start.
    Locked {
        /// The engine name.
        name: String,
        /// The process that holds the lock, if it says.
        holder: Option<u32>,
    },
    /// There is no room for the file. The host's configuration.
    Full {
        /// Where.
        dir: PathBuf,
        /// Bytes the file needs.
        bytes: usize,
        /// The system's answer.
        source: io::Error,
    },
    /// The directory cannot be trusted. The host's configuration.
    Dir {
        /// Which.
        dir: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system refused.
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// Asked for twice, or out of range. A mistake of the code that calls.
    Taken {
        /// What was asked for.
        what: &'static str,
        /// Which one.
        index: u32,
    },
    /// A name is too long for the directory.
    BookName {
        /// The name.
        name: String,
    },
    /// There is no file of this name: the engine does not run.
    NoFile {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is not one of ours.
    NotTickbook {
        /// Which.
        path: PathBuf,
    },
    /// The file comes from a host of the other byte order.
    ForeignEndian {
        /// Which.
        path: PathBuf,
    },
    /// The file has another layout version: reader and engine are of different builds.
    Version {
        /// Version of the file.
        found: u64,
    },
    /// The version is ours but the layout is not: reader and engine are of different builds.
    LayoutHash,
    /// The file is not complete yet. Try again.
    NotReady,
    /// The header has counts that no file has: the file is damaged.
    Counts(CountOutOfRange),
    /// The file is shorter than its header says: it is damaged.
    TooShort {
        /// Bytes it has.
        found: u64,
        /// Bytes it needs.
        needed: u64,
    },
    /// The file was written before the last boot.
    OtherBoot,
}

impl core::fmt::Display for ShmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Config(CountOutOfRange { what, value, min, max }) => {
                write!(f, "shared memory: {what} is {value}; allowed are {min} to {max}")
            }
            Self::Name { name } => write!(
                f,
                "'{name}' cannot be an engine name: use up to 64 letters, digits, '-', '_' and \
                 '.', beginning with a letter or digit"
            ),
            Self::Locked { name, holder: Some(pid) } => write!(
                f,
                "engine '{name}' already runs as process {pid}: stop it, or choose another --name"
            ),
            Self::Locked { name, holder: None } => {
                write!(f, "engine '{name}' already runs: stop it, or choose another --name")
            }
            Self::Full { dir, bytes, source } => write!(
                f,
                "no room for {} KiB in {} ({source}): free some, enlarge it, or configure fewer \
                 books, levels or event slots",
                bytes.div_ceil(1024),
                dir.display()
            ),
            Self::Dir { dir, why } => write!(f, "will not write to {}: {why}", dir.display()),
            Self::Io { what, path, source } => {
                write!(f, "cannot {what} {}: {source}", path.display())
            }
            Self::Taken { what, index } => write!(f, "{what} {index} is in use or out of range"),
            Self::BookName { name } => write!(f, "book name '{name}' has more than 64 bytes"),
            Self::NoFile { path } => {
                write!(f, "no engine writes {}: start one", path.display())
            }
            Self::NotTickbook { path } => {
                write!(f, "{} is not a tickbook file", path.display())
            }
            Self::ForeignEndian { path } => {
                write!(f, "{} is from a host of the other byte order", path.display())
            }
            Self::Version { found } => write!(
                f,
                "the engine writes layout version {found}, this reader knows {LAYOUT_VERSION}: \
                 build both from the same version"
            ),
            Self::LayoutHash => f.write_str(
                "the engine writes another layout than this reader knows: build both from the \
                 same version",
            ),
            Self::NotReady => f.write_str("the engine is still writing the file: try again"),
            Self::Counts(CountOutOfRange { what, value, .. }) => {
                write!(f, "the file is damaged: {what} is {value}; restart the engine")
            }
            Self::TooShort { found, needed } => write!(
                f,
                "the file is damaged: {found} bytes where {needed} must be; restart the engine"
            ),
            Self::OtherBoot => {
                f.write_str("the file was written before the last boot: start the engine")
            }
        }
    }
}

impl core::error::Error for ShmError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Full { source, .. } | Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
