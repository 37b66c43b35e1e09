//! Why a file could not be created or attached.

use std::io;
use std::path::PathBuf;

/// Why a file could not be created or attached; the text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShmError {
    /// Asked for twice, or out of range. The engine's own mistake.
    Taken {
        /// What was asked for.
        what: &'static str,
        /// Which one.
        index: u32,
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
}

impl core::fmt::Display for ShmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Taken { what, index } => write!(f, "{what} {index} is taken or out of range"),
            Self::Io { what, path, source } => write!(f, "cannot {what} {}: {source}", path.display()),
        }
    }
}

impl core::error::Error for ShmError {}
