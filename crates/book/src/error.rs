//! Why a book cannot go on.

use core::fmt;

/// Why a message could not be applied. The book is wrong from here on: mark it stale and resync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BookError {
    /// More levels than [`crate::BookConfig::levels_limit`]. Venue, or the limit is too small.
    Overflow,
    /// A price or size does not fit the exponents of the scale asked for. Venue.
    Scale,
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "more levels than the book may hold",
            Self::Scale => "a price or size does not fit the new exponents",
        })
    }
}

impl core::error::Error for BookError {}
