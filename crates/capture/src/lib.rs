//! Captures: raw venue feeds recorded to files, read back and written.
//!
//! A capture is UTF-8 lines, each ended by `\n`, plain (`.cap`) or compressed (`.cap.gz`,
//! `.cap.zst`); one file is one WebSocket connection and the REST answers fetched beside it:
//!
//! | line | meaning |
//! | --- | --- |
//! | `<ns> <frame>` | text message received; it starts with `{` or `[` |
//! | `<ns> B64 <base64>` | binary message received |
//! | `<ns> > <text>` | text message that the recording client sent |
//! | `<ns> HTTP <url> <body>` | REST answer |
//! | `<ns> OPEN <url>` | WebSocket connection opened |
//!
//! `<ns>` is the recorder's receive time, nanoseconds since 1970 UTC.
//!
//! # Guarantees
//!
//! - Frames are the bytes of the file, not copied out of the one buffer it is read into; each has
//!   [`tickbook_types::PADDING`] readable bytes behind it.
//! - A torn or corrupt file gives the records before the damage and a one-line error that says
//!   where it is, what is wrong and what to do. No content of a file can panic.
//! - Memory is bounded by [`Limits`], whatever a compressed file inflates to.
//!
//! # Not guaranteed
//!
//! - That a text message that does not start with `{` or `[` can be held (some venues answer a bare
//!   `pong`): the writer refuses it.
//! - That times only grow: clocks step.
//! - That compressed data found corrupt was right up to that point: a checksum says that something
//!   before it is wrong, not what. [`Damage`] says so then. A torn file has no such doubt.

#![forbid(unsafe_code)]

mod error;
mod inflate;
mod limits;
mod line;
mod read;
mod record;
mod write;

pub use error::{CaptureError, Damage, Fault};
pub use limits::Limits;
pub use read::{Capture, Records};
pub use record::Record;
pub use write::{CaptureWriter, Compression, WriteError};
