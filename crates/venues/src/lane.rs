//! Messages without prices, written to the lane from its reserve.

use tickbook_types::{
    Block, BookId, BookState, ConnId, Epoch, LevelRecord, MessageFlags, MessageHeader, MessageKind,
    Reason, Scale, SnapshotBlock, Ticks, clock,
};

use crate::session::Lane;

/// Tells the builder the state of a book and what feeds it; `false` if the lane is full.
pub(crate) fn status(
    lane: &mut Lane,
    book: BookId,
    (conn, epoch): (ConnId, Epoch),
    state: BookState,
    reason: Reason,
) -> bool {
    let Ok(claim) = lane.claim_reserved(0) else { return false };
    claim.commit(MessageHeader {
        received: clock::now(),
        ..MessageHeader::status(book, conn, epoch, state, reason)
    });
    true
}

/// Tells the builder that a book's numbers have other exponents from here on; `false` if the lane
/// is full. `received`: when what made it necessary was received.
pub(crate) fn rescale(
    lane: &mut Lane,
    book: BookId,
    epoch: Epoch,
    state: (BookState, Reason),
    scale: Scale,
    received: Ticks,
) -> bool {
    let Ok(mut claim) = lane.claim_reserved(1) else { return false };
    let (price, size) = (i64::from(scale.price_exponent), i64::from(scale.size_exponent));
    match claim.levels_mut().first_mut() {
        Some(record) => *record = LevelRecord::from_words(price, size.cast_unsigned()),
        None => return false,
    }
    claim.commit(MessageHeader {
        count: 1,
        state: state.0,
        reason: state.1,
        epoch,
        received,
        ..MessageHeader::new(MessageKind::Rescale, book)
    });
    true
}

/// A whole book beside the ring; given back if the lane is full. `more`: deltas follow that make it
/// whole, and only with the last of them is it live.
pub(crate) fn snapshot(
    lane: &mut Lane,
    epoch: Epoch,
    more: bool,
    block: Box<SnapshotBlock>,
) -> Result<(), Box<SnapshotBlock>> {
    let mut flags = MessageFlags::default();
    if block.seq.is_some() {
        flags = flags.with(MessageFlags::HAS_SEQ);
    }
    if more {
        flags = flags.with(MessageFlags::MORE);
    }
    let header = MessageHeader {
        flags,
        state: if more { BookState::Syncing } else { BookState::Live },
        epoch,
        seq: block.seq.unwrap_or_default(),
        venue_time: block.venue_time,
        received: clock::now(),
        ..MessageHeader::new(MessageKind::Block, block.book)
    };
    match lane.push_block(header, Block::Snapshot(block)) {
        // Only a snapshot was pushed, so nothing else comes back.
        Err(Block::Snapshot(block)) => Err(block),
        _ => Ok(()),
    }
}
