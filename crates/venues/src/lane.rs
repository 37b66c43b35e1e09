//! Messages without prices, written to the lane from its reserve.

use tickbook_types::{
    BookId, BookState, ConnId, Epoch, LevelRecord, MessageHeader, MessageKind, Reason, Scale,
    Ticks, clock,
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
