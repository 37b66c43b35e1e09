//! Every limit of reading a capture.

/// Bounds on what a file may make the reader hold in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of text, after decompression. Default 1 GiB: hours of a busy market (25 MB in 6 to 11
    /// minutes of Binance), and what a bomb of 1 MB inflates to by gzip (1,000-fold; zstd: more).
    pub text_max: usize,
    /// Bytes of one line. Default 64 MiB: the largest message seen is a Coinbase snapshot of
    /// 5,079,379 bytes.
    pub line_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text_max: 1 << 30, line_max: 64 << 20 }
    }
}

impl Limits {
    /// These limits with another [`Self::text_max`].
    #[must_use]
    pub const fn with_text_max(self, text_max: usize) -> Self {
        Self { text_max, ..self }
    }

    /// These limits with another [`Self::line_max`].
    #[must_use]
    pub const fn with_line_max(self, line_max: usize) -> Self {
        Self { line_max, ..self }
    }
}
