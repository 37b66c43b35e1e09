//! What users write on top of general parsers: the same typed diff, by each of them.

use serde::Deserialize;
use simd_json::prelude::*;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::peer::{Diff, Fixed, MapBook, MapBooks, Snapshot};
use tickbook_types::{LevelRecord, PaddedBuf, Price, Side, Size};

/// Why a peer has no row.
#[allow(dead_code, reason = "not used when every peer is built")]
pub(crate) const NOT_BUILT: &str = "not built: its feature is off";

/// What a combined stream wraps around a message.
#[derive(Deserialize)]
struct Combined<'a, const P: usize, const S: usize> {
    #[serde(borrow)]
    data: Diff<'a, P, S>,
}

/// Whether a combined stream wrapped the message.
#[inline]
fn is_combined(text: &[u8]) -> bool {
    text.starts_with(b"{\"stream\"")
}

/// By sonic-rs.
#[inline]
pub(crate) fn sonic<const P: usize, const S: usize>(text: &[u8]) -> Option<Diff<'_, P, S>> {
    Diff::of(text)
}

/// By sonic-rs, of a whole input message.
pub(crate) fn sonic_diff<const P: usize, const S: usize>(
    frame: &PaddedBuf,
) -> Option<Diff<'_, P, S>> {
    sonic(frame.padded().payload())
}

/// By serde_json.
#[inline]
pub(crate) fn serde<const P: usize, const S: usize>(text: &[u8]) -> Option<Diff<'_, P, S>> {
    if is_combined(text) {
        let wrapped: Combined<'_, P, S> = serde_json::from_slice(text).ok()?;
        return Some(wrapped.data);
    }
    serde_json::from_slice(text).ok()
}

/// simd-json's tape, with the buffers it asks users to keep.
pub(crate) struct Tape {
    text: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl Tape {
    /// Empty buffers.
    pub(crate) fn new() -> Self {
        Self { text: Vec::new(), buffers: simd_json::Buffers::default() }
    }

    /// The levels of a diff. simd-json writes into its input, so it gets a copy.
    #[inline]
    pub(crate) fn levels<const P: usize, const S: usize>(
        &mut self,
        text: &[u8],
        out: &mut Vec<LevelRecord>,
    ) -> Option<(u64, u64)> {
        out.clear();
        self.text.clear();
        self.text.extend_from_slice(text);
        let combined = is_combined(text);
        let tape = simd_json::to_tape_with_buffers(&mut self.text, &mut self.buffers).ok()?;
        let whole = tape.as_value();
        let diff = if combined { whole.get("data")? } else { whole };
        for (key, side) in [("b", Side::Bid), ("a", Side::Ask)] {
            for level in diff.get(key)?.as_array()?.iter() {
                let level = level.as_array()?;
                let price = Fixed::<P>::parse(level.get(0)?.as_str()?)?;
                let size = Fixed::<S>::parse(level.get(1)?.as_str()?)?;
                let (price, size) = (Price(price.0), Size(size.0.cast_unsigned()));
                out.push(LevelRecord::new(price, size, side));
            }
        }
        Some((diff.get("U")?.as_u64()?, diff.get("u")?.as_u64()?))
    }
}

/// The books of a feed's snapshots, with every diff of the warm-up that these do not hold.
pub(crate) fn synced(feed: &Feed) -> MapBooks {
    let mut books = MapBooks::default();
    for step in &feed.warmup {
        if let Warmup::Rest { url, body } = step {
            let symbol = url.split("symbol=").nth(1).and_then(|rest| rest.split('&').next());
            let snapshot: Snapshot = sonic_rs::from_slice(body).expect("a snapshot");
            let symbol = symbol.expect("a symbol in the URL").to_owned();
            books.books.insert(symbol, MapBook::from_snapshot(&snapshot).into());
        }
    }
    for step in &feed.warmup {
        if let Warmup::Frame(frame) = step {
            take(&books, sonic_diff(frame).expect("a diff"));
        }
    }
    books
}

/// Applies a diff to its book, and gives the book's last id.
#[inline]
pub(crate) fn take(books: &MapBooks, diff: Diff<'_, 8, 8>) -> u64 {
    let Some(book) = books.books.get(diff.symbol) else { return 0 };
    let mut book = book.lock().expect("no panic while locked");
    book.apply(&diff);
    book.last
}
