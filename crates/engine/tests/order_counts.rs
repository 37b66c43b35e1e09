//! Order counts from the ring to a reader: they are those of the levels beside which they are read.
//!
//! Method: a desk is given levels and counts by hand, and a reader reads both after every step.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use tickbook::{BookReader, Depth, NotReadable, OrderCounts, Tickbook};
use tickbook_engine::desk::{Desk, DeskConfig, Publish};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{
    Block, BookId, BookSpec, BookState, ConnId, Instrument, LevelRecord, MessageFlags,
    MessageHeader, MessageKind, Price, Scale, Side, Size, Venue,
};

struct Shown {
    desk: Desk,
    reader: BookReader,
    _segment: Segment,
    _dir: util::ShmDir,
}

impl Shown {
    fn new(test: &str, policy: Publish) -> Self {
        let dir = util::ShmDir::new(&format!("order-counts-{test}"));
        let config = SegmentConfig {
            dir: dir.0.clone(),
            name: "orders".to_owned(),
            books_max: 1,
            conns_max: 1,
            threads_max: 1,
            depth: 3,
            ..SegmentConfig::default()
        };
        let mut segment = Segment::create(&config).unwrap();
        let writer = segment.take_builder(0).unwrap();
        let stats = segment.take_thread(0, "builder").unwrap();
        let config = DeskConfig { depth: 3, books_max: 1 };
        let mut desk = Desk::new(config, writer, stats).publishing(policy);
        let spec = BookSpec {
            book: BookId(0),
            conn: ConnId(0),
            name: "BOOK".to_owned(),
            instrument: Instrument::unlisted(Venue::BitstampL3, "BOOK"),
            scale: Scale::default(),
            depth_max: None,
            crosses: false,
        };
        let header = MessageHeader::new(MessageKind::Block, BookId(0));
        desk.take(&header, &[], Some(Block::AddBook(Box::new(spec))));
        let reader = Tickbook::attach_in(&dir.0, Some("orders")).unwrap().book("BOOK").unwrap();
        Self { desk, reader, _segment: segment, _dir: dir }
    }

    fn say(&mut self, kind: MessageKind, flags: MessageFlags, levels: &[LevelRecord]) {
        let header = MessageHeader {
            count: u32::try_from(levels.len()).unwrap(),
            flags,
            state: BookState::Live,
            ..MessageHeader::new(kind, BookId(0))
        };
        assert_eq!(self.desk.take(&header, levels, None), None);
        self.desk.beat();
    }

    /// Price and count of each level that is shown, if the counts are of these levels.
    fn read(&mut self) -> Option<[Vec<(i64, u32)>; 2]> {
        let (mut depth, mut orders) = (Depth::default(), OrderCounts::default());
        match self.reader.depth_and_orders(&mut depth, &mut orders) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(why) => panic!("{why}"),
        }
        let prices = [depth.bids(), depth.asks()].map(|side| side.iter().map(|it| it.price.0));
        let [bids, asks] = prices;
        let bids = bids.zip(orders.bids().iter().copied()).collect();
        Some([bids, asks.zip(orders.asks().iter().copied()).collect()])
    }
}

const FIRST: MessageFlags = MessageFlags::FIRST;
const NONE: MessageFlags = MessageFlags(0);

fn level(side: Side, price: i64, size: u64) -> LevelRecord {
    LevelRecord::new(Price(price), Size(size), side)
}

#[test]
fn counts_are_read_with_the_levels_that_they_are_of() {
    use Side::{Ask, Bid};
    let mut it = Shown::new("levels", Publish::EveryMessage);
    let levels = [level(Bid, 100, 5), level(Bid, 99, 5), level(Ask, 101, 5)];
    it.say(MessageKind::Snapshot, FIRST, &levels);
    assert_eq!(it.read(), None, "nothing was told");
    let counts = [level(Bid, 100, 2), level(Bid, 99, 1), level(Ask, 101, 7)];
    it.say(MessageKind::Orders, FIRST, &counts);
    assert_eq!(it.read(), Some([vec![(100, 2), (99, 1)], vec![(101, 7)]]));
    // A better level, and one that leaves what is shown.
    let better = [level(Bid, 102, 9), level(Bid, 98, 1)];
    it.say(MessageKind::Delta, NONE, &better);
    assert_eq!(it.read(), None, "of the levels before");
    it.say(MessageKind::Orders, NONE, &[level(Bid, 102, 3), level(Bid, 98, 4)]);
    assert_eq!(it.read(), Some([vec![(102, 3), (100, 2), (99, 1)], vec![(101, 7)]]));
    it.say(MessageKind::Delta, NONE, &[level(Bid, 102, 0), level(Bid, 100, 0)]);
    it.say(MessageKind::Orders, NONE, &[level(Bid, 102, 0), level(Bid, 100, 0)]);
    assert_eq!(it.read(), Some([vec![(99, 1), (98, 4)], vec![(101, 7)]]));
    // What was told before is forgotten, and what is not known is 0.
    it.say(MessageKind::Delta, NONE, &[level(Ask, 103, 1)]);
    it.say(MessageKind::Orders, FIRST, &[level(Ask, 103, 1)]);
    assert_eq!(it.read(), Some([vec![(99, 0), (98, 0)], vec![(101, 0), (103, 1)]]));
}

#[test]
fn counts_of_a_book_that_waits_are_published_with_it() {
    use Side::{Ask, Bid};
    let mut it = Shown::new("waits", Publish::Latest);
    it.say(MessageKind::Snapshot, FIRST, &[level(Bid, 100, 5), level(Ask, 101, 5)]);
    it.say(MessageKind::Orders, FIRST, &[level(Bid, 100, 2), level(Ask, 101, 7)]);
    assert_eq!(it.read(), Some([vec![(100, 2)], vec![(101, 7)]]));
    for size in 6..9 {
        it.say(MessageKind::Delta, NONE, &[level(Bid, 100, size)]);
        it.say(MessageKind::Orders, NONE, &[level(Bid, 100, size - 3)]);
        assert_eq!(it.read(), Some([vec![(100, 2)], vec![(101, 7)]]), "not yet");
    }
    it.desk.flush();
    assert_eq!(it.read(), Some([vec![(100, 5)], vec![(101, 7)]]));
}

#[test]
fn counts_of_an_earlier_message_do_not_pass_for_those_of_a_later_one() {
    use Side::{Ask, Bid};
    let mut it = Shown::new("earlier", Publish::Latest);
    it.say(MessageKind::Snapshot, FIRST, &[level(Bid, 100, 5), level(Ask, 101, 5)]);
    it.say(MessageKind::Orders, FIRST, &[level(Bid, 100, 2), level(Ask, 101, 7)]);
    it.say(MessageKind::Delta, NONE, &[level(Bid, 100, 6)]);
    // The lane was empty here, or full.
    it.desk.flush();
    assert_eq!(it.read(), None, "its counts have not come");
    it.say(MessageKind::Orders, NONE, &[level(Bid, 100, 3)]);
    assert_eq!(it.read(), Some([vec![(100, 3)], vec![(101, 7)]]));
}

#[test]
fn a_snapshot_in_parts_has_its_counts_in_any_order() {
    use Side::{Ask, Bid};
    let mut it = Shown::new("parts", Publish::EveryMessage);
    let levels = [level(Bid, 100, 5), level(Bid, 99, 5), level(Ask, 101, 5), level(Ask, 102, 5)];
    it.say(MessageKind::Snapshot, FIRST, &levels);
    let more = FIRST.with(MessageFlags::MORE);
    it.say(MessageKind::Orders, more, &[level(Bid, 100, 1), level(Ask, 102, 2)]);
    assert_eq!(it.read(), None, "not whole");
    it.say(MessageKind::Orders, NONE, &[level(Bid, 99, 3), level(Ask, 101, 4)]);
    assert_eq!(it.read(), Some([vec![(100, 1), (99, 3)], vec![(101, 4), (102, 2)]]));
    it.say(MessageKind::Delta, NONE, &[level(Ask, 101, 0)]);
    it.say(MessageKind::Orders, NONE, &[level(Ask, 101, 0)]);
    assert_eq!(it.read(), Some([vec![(100, 1), (99, 3)], vec![(102, 2)]]));
}

#[test]
fn a_splice_shows_its_counts_at_its_end_and_a_lost_book_none() {
    use Side::{Ask, Bid};
    let mut it = Shown::new("splice", Publish::EveryMessage);
    let more = FIRST.with(MessageFlags::MORE);
    it.say(MessageKind::Snapshot, more, &[level(Bid, 100, 5), level(Ask, 101, 5)]);
    it.say(MessageKind::Orders, more, &[level(Bid, 100, 2), level(Ask, 101, 7)]);
    it.say(MessageKind::Delta, NONE, &[level(Bid, 100, 6)]);
    it.say(MessageKind::Orders, NONE, &[level(Bid, 100, 3)]);
    assert_eq!(it.read(), Some([vec![(100, 3)], vec![(101, 7)]]));
    let header = MessageHeader {
        state: BookState::Stale,
        ..MessageHeader::new(MessageKind::Status, BookId(0))
    };
    it.desk.take(&header, &[], None);
    let (mut depth, mut orders) = (Depth::default(), OrderCounts::default());
    let read = it.reader.depth_and_orders(&mut depth, &mut orders);
    assert!(matches!(read, Err(NotReadable::NotLive { .. })), "{read:?}");
}
