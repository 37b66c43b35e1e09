//! Exponents that a book's content cannot follow: the book is stale, and its next content is read
//! at the exponents that the session uses by then.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{
    Block, BookId, BookSpec, BookState, ConnId, Instrument, LevelRecord, MessageFlags,
    MessageHeader, MessageKind, Price, Reason, Scale, Side, Size, Venue,
};

const BOOK: BookId = BookId(0);

fn header(kind: MessageKind, state: BookState) -> MessageHeader {
    MessageHeader { state, ..MessageHeader::new(kind, BOOK) }
}

fn bid(price: i64, size: u64) -> LevelRecord {
    LevelRecord::new(Price(price), Size(size), Side::Bid)
}

#[test]
fn a_snapshot_after_failed_rescaling_is_read_at_the_new_exponents() {
    let dir = util::ShmDir::new("rescale");
    let mut segment = Segment::create(&SegmentConfig {
        dir: dir.0.clone(),
        name: "rescale".to_owned(),
        books_max: 1,
        conns_max: 1,
        threads_max: 1,
        ..SegmentConfig::default()
    })
    .unwrap();
    let writer = segment.take_builder(0).unwrap();
    let stats = segment.take_thread(0, "builder").unwrap();
    let mut desk = Desk::new(DeskConfig { depth: 8, books_max: 1 }, writer, stats);
    let spec = BookSpec {
        book: BOOK,
        conn: ConnId(0),
        name: "BOOK".to_owned(),
        instrument: Instrument::unlisted(Venue::BinanceSpot, "BOOK"),
        scale: Scale::default(),
        depth_max: None,
        crosses: false,
    };
    let add = header(MessageKind::Block, BookState::Syncing);
    desk.take(&add, &[], Some(Block::AddBook(Box::new(spec))));
    let mut snapshot = header(MessageKind::Snapshot, BookState::Live);
    snapshot.flags = MessageFlags::FIRST;
    assert_eq!(desk.take(&snapshot, &[bid(1, 200_000_000_000)], None), None);

    // 2e11 has no integer of 63 bits at 10^-8.
    let finer = LevelRecord::from_words(0, (-8_i64).cast_unsigned());
    let rescale = header(MessageKind::Rescale, BookState::Live);
    let request = desk.take(&rescale, &[finer], None).unwrap();
    assert_eq!((request.book, request.reason), (BOOK, Reason::Overflow));
    let delta = header(MessageKind::Delta, BookState::Live);
    assert_eq!(desk.take(&delta, &[bid(2, 1)], None), None);
    let slot = desk.slots().next().unwrap();
    assert_eq!((slot.state, slot.reason), (BookState::Stale, Reason::Overflow));

    assert_eq!(desk.take(&snapshot, &[bid(2, 1)], None), None);
    let slot = desk.slots().next().unwrap();
    assert_eq!(slot.state, BookState::Live);
    assert_eq!(slot.book.scale(), Scale { price_exponent: 0, size_exponent: -8 });
    assert_eq!(slot.book.best(Side::Bid).map(|level| level.size), Some(Size(1)));
}
