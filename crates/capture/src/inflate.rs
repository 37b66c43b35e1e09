//! From the bytes of a file to its text: detection and decompression, bounded.

use std::io::{self, Read};

use crate::error::Fault;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The text of `file`, and why it ends before the file does, if so.
///
/// What a file is, its first bytes say; `name` matters only if there are too few of them.
pub(crate) fn inflate(file: Vec<u8>, name: &str, text_max: usize) -> (Vec<u8>, Option<Fault>) {
    if file.starts_with(GZIP) {
        return drain(flate2::bufread::MultiGzDecoder::new(file.as_slice()), text_max);
    }
    if file.starts_with(ZSTD) {
        return match zstd::stream::read::Decoder::with_buffer(file.as_slice()) {
            Ok(decoder) => drain(decoder, text_max),
            Err(error) => (Vec::new(), Some(fault(&error))),
        };
    }
    let magic = if name.ends_with(".gz") {
        GZIP
    } else if name.ends_with(".zst") {
        ZSTD
    } else {
        &[]
    };
    if !file.is_empty() && magic.starts_with(&file) {
        return (Vec::new(), Some(Fault::TornCompression));
    }
    (file, None)
}

/// Reads `source` to its end, its first fault, or one byte past the limit.
fn drain(source: impl Read, text_max: usize) -> (Vec<u8>, Option<Fault>) {
    let mut text = Vec::new();
    // What was read before an error stays in `text`.
    match source.take(text_max as u64 + 1).read_to_end(&mut text) {
        Ok(_) => (text, None),
        Err(error) => (text, Some(fault(&error))),
    }
}

fn fault(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Fault::TornCompression
    } else {
        Fault::CorruptCompression { detail: error.to_string() }
    }
}
