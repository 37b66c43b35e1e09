//! What travels beside the ring as one owned block: rare, big, and allocated off the hot path.

use crate::{BookId, Checksum, ConnId, Instrument, LevelRecord, Scale, SeqNo, WallNanos};

/// An owned block; a [`crate::MessageKind::Block`] message in the ring says when it is due.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Block {
    /// A book comes into being (state `Syncing`).
    AddBook(Box<BookSpec>),
    /// A REST snapshot replaces the content of a book.
    Snapshot(Box<SnapshotBlock>),
    /// A book is let go (state `Closed`).
    RemoveBook(BookId),
}

/// A book to be kept: an instrument, and the channel and depth it is fed from.
#[derive(Clone, Debug, PartialEq)]
pub struct BookSpec {
    /// Its index, unique within the engine.
    pub book: BookId,
    /// The connection that feeds it.
    pub conn: ConnId,
    /// Name in reports and in the directory: the venue's symbol, or the topic where one symbol has
    /// several books (Bybit).
    pub name: String,
    /// What is traded.
    pub instrument: Instrument,
    /// Exponents of its numbers until a `Rescale` message changes them.
    pub scale: Scale,
    /// Levels a side the venue keeps on this channel: the book is cut to it after each whole
    /// message. `None`: the whole book.
    pub depth_max: Option<u32>,
    /// Whether it is crossed for moments without being wrong: books of orders are, between an
    /// order and its matches.
    pub crosses: bool,
}

/// A whole book, as fetched by REST or too large for the ring.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotBlock {
    /// The book it is for.
    pub book: BookId,
    /// Venue's id of the state it shows (Binance: `lastUpdateId`).
    pub seq: Option<SeqNo>,
    /// Venue's time of it, 0 if it says none.
    pub venue_time: WallNanos,
    /// Exponents of `levels`.
    pub scale: Scale,
    /// Both sides, in any order.
    pub levels: Vec<LevelRecord>,
    /// The venue's checksum of it.
    pub checksum: Option<Checksum>,
}
