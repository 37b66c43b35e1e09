//! `publish = "latest"` changes how often books are published, and nothing else.
//!
//! Method: random messages for two books go to two desks. One publishes each message, the other one
//! only when it is told that a batch of random length is over, as a builder does when its ring is
//! empty. After each batch readers must find the same books in both files; of a splice that a batch
//! ends within, nothing.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "small numbers")]

mod util;

use tickbook::{
    BookReader, BookState, Counter, Depth, EventKind, EventRead, Level, Stage, Tickbook,
};
use tickbook_engine::desk::{Desk, DeskConfig, Publish, ResyncRequest};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{
    Block, BookId, BookSpec, Checksum, ChecksumKind, ConnId, Instrument, LevelRecord, MessageFlags,
    MessageHeader, MessageKind, Price, Reason, Scale, SeqNo, Side, Size, SnapshotBlock, Venue,
    clock,
};

const BOOKS: u32 = 2;

/// The one that may be crossed for moments.
const CROSSES: BookId = BookId(1);

const DEPTH: u32 = 8;

/// State, chain id, bids and asks of a book.
type Seen = (BookState, Option<SeqNo>, Vec<Level>, Vec<Level>);

/// A desk, its file, and readers of its books.
struct Shown {
    desk: Desk,
    attached: Tickbook,
    readers: Vec<BookReader>,
    _segment: Segment,
}

impl Shown {
    fn new(dir: &util::ShmDir, name: &str, policy: Publish) -> Self {
        let mut segment = Segment::create(&SegmentConfig {
            dir: dir.0.clone(),
            name: name.to_owned(),
            books_max: BOOKS,
            conns_max: 1,
            threads_max: 1,
            depth: DEPTH,
            ..SegmentConfig::default()
        })
        .unwrap();
        let writer = segment.take_builder(0).unwrap();
        let stats = segment.take_thread(0, "builder").unwrap();
        let config = DeskConfig { depth: DEPTH as usize, books_max: BOOKS as usize };
        let mut desk = Desk::new(config, writer, stats).publishing(policy);
        for book in 0..BOOKS {
            let spec = BookSpec {
                book: BookId(book),
                conn: ConnId(0),
                name: format!("BOOK{book}"),
                instrument: Instrument::unlisted(Venue::BinanceSpot, "BOOK"),
                scale: Scale::default(),
                depth_max: None,
                crosses: book == CROSSES.0,
            };
            let header = MessageHeader::new(MessageKind::Block, BookId(book));
            assert_eq!(desk.take(&header, &[], Some(Block::AddBook(Box::new(spec)))), None);
        }
        let attached = Tickbook::attach_in(&dir.0, Some(name)).unwrap();
        let reader = |book| attached.book(&format!("binance_spot:BOOK{book}")).unwrap();
        let readers = (0..BOOKS).map(reader).collect();
        Self { desk, attached, readers, _segment: segment }
    }

    /// What a reader finds of each book.
    fn books(&mut self) -> Vec<Seen> {
        let of = |reader: &mut BookReader| {
            let mut depth = Depth::default();
            reader.depth_any(&mut depth).unwrap();
            let header = depth.header();
            (header.state, header.seq, depth.bids().to_vec(), depth.asks().to_vec())
        };
        self.readers.iter_mut().map(of).collect()
    }

    fn count(&self, counter: Counter) -> u64 {
        self.attached.stats()[0].counter(counter)
    }
}

/// Random messages as a session would send them.
struct Messages {
    random: util::Random,
    seq: u64,
    /// Parts of a splice that are still to come, and their book.
    splice: (usize, BookId),
}

impl Messages {
    fn next(&mut self) -> (MessageHeader, Vec<LevelRecord>, Option<Block>) {
        self.seq += 1;
        let (left, spliced) = self.splice;
        let book =
            if left > 0 { spliced } else { BookId(self.random.below(BOOKS as usize) as u32) };
        let mut header = MessageHeader::new(MessageKind::Delta, book);
        header.flags = MessageFlags::HAS_SEQ;
        header.seq = SeqNo(self.seq);
        header.state = BookState::Live;
        header.received = clock::now();
        match (left, self.random.below(20)) {
            (0, 0) => {
                header.kind = MessageKind::Status;
                (header.state, header.reason) = (BookState::Stale, Reason::Gap);
                (header, Vec::new(), None)
            }
            (0, 1) => {
                self.splice = (1 + self.random.below(4), book);
                header.kind = MessageKind::Block;
                header.flags = header.flags.with(MessageFlags::MORE);
                header.state = BookState::Syncing;
                let seq = Some(SeqNo(self.seq));
                let block =
                    SnapshotBlock { book, seq, levels: self.levels(40), ..Default::default() };
                (header, Vec::new(), Some(Block::Snapshot(Box::new(block))))
            }
            _ => {
                self.splice.0 = left.saturating_sub(1);
                if self.splice.0 > 0 {
                    header.flags = header.flags.with(MessageFlags::MORE);
                    header.state = BookState::Syncing;
                }
                (header, self.levels(6), None)
            }
        }
    }

    fn levels(&mut self, most: usize) -> Vec<LevelRecord> {
        let mut level = || {
            let (away, size) = (self.random.below(30) as i64, self.random.below(4) as u64);
            let (price, side) = if self.random.below(2) == 0 {
                (99 - away, Side::Bid)
            } else {
                (100 + away, Side::Ask)
            };
            LevelRecord::new(Price(price), Size(size), side)
        };
        (0..most).map(|_| level()).collect()
    }
}

#[test]
fn latest_shows_the_same_books_after_fewer_publishes() {
    let dir = util::ShmDir::new("publish");
    let mut each = Shown::new(&dir, "each", Publish::EveryMessage);
    let mut latest = Shown::new(&dir, "latest", Publish::Latest);
    let mut messages = Messages { random: util::Random(11), seq: 0, splice: (0, BookId(0)) };
    let mut split_splices = 0;
    for _ in 0..3_000 {
        for _ in 0..=messages.random.below(12) {
            let (header, levels, block) = messages.next();
            assert_eq!(each.desk.take(&header, &levels, block.clone()), None);
            assert_eq!(latest.desk.take(&header, &levels, block), None);
        }
        latest.desk.flush();
        split_splices += usize::from(messages.splice.0 > 0);
        assert_eq!(latest.books(), each.books(), "after message {}", messages.seq);
    }
    assert!(split_splices > 100, "{split_splices}");
    let (ours, theirs) = (latest.count(Counter::Publishes), each.count(Counter::Publishes));
    assert!(ours * 2 < theirs, "{ours} publishes instead of {theirs}");
    assert_eq!(latest.count(Counter::Applied), each.count(Counter::Applied));
    let total = |it: &Shown| it.count(Counter::Publishes) + it.count(Counter::PublishesMerged);
    assert_eq!(total(&latest), total(&each), "each message was published or merged");
    // Each published message is timed until its book was out, merged or not.
    let timed = |it: &Shown| it.attached.stats()[0].histogram(Stage::TickToBook).count();
    assert_eq!(timed(&latest), timed(&each));
}

#[test]
fn a_fault_is_published_at_once() {
    let dir = util::ShmDir::new("publish-fault");
    let mut latest = Shown::new(&dir, "fault", Publish::Latest);
    let header =
        |kind, book| MessageHeader { state: BookState::Live, ..MessageHeader::new(kind, book) };
    let level = |price, side| LevelRecord::new(Price(price), Size(1), side);
    for (book, after) in [(BookId(0), (1, BookState::Stale)), (CROSSES, (0, BookState::Live))] {
        let levels = vec![level(99, Side::Bid), level(100, Side::Ask)];
        let block = SnapshotBlock { levels, ..SnapshotBlock::default() };
        let first = header(MessageKind::Block, book);
        latest.desk.take(&first, &[], Some(Block::Snapshot(Box::new(block))));
        assert_eq!(latest.books()[book.index()].0, BookState::Live);
        let crossing = [level(105, Side::Bid)];
        let mut requests = 0;
        for _ in 0..tickbook_engine::limits::CROSSED_MESSAGES_MAX {
            let request = latest.desk.take(&header(MessageKind::Delta, book), &crossing, None);
            requests += usize::from(request.is_some());
        }
        assert_eq!((requests, latest.books()[book.index()].0), after);
        latest.desk.flush();
        assert_eq!(latest.books()[book.index()].0, after.1);
    }
}

/// The record behind the levels is no level: not of the book, not of the events. And a snapshot
/// beside the ring is checked too.
#[test]
fn a_checksum_is_judged_and_passed_on_to_nobody() {
    let dir = util::ShmDir::new("publish-checksum");
    let mut shown = Shown::new(&dir, "checksum", Publish::EveryMessage);
    let mut events = shown.attached.events(0).unwrap();
    let level = |price, side| LevelRecord::new(Price(price), Size(1), side);
    // What OKX would send for "99:1:100:1" and "99:1:100:1:98:1".
    let checksum = |value| Checksum {
        kind: ChecksumKind::Okx,
        price_digits: 0,
        size_digits: 0,
        doubtful: false,
        value,
    };
    let header = |kind, flags, count| MessageHeader {
        state: BookState::Live,
        flags,
        count,
        ..MessageHeader::new(kind, BookId(0))
    };
    let levels = vec![level(99, Side::Bid), level(100, Side::Ask)];
    let whole = |value| {
        let checksum = Some(checksum(value));
        let block = SnapshotBlock { levels: levels.clone(), checksum, ..SnapshotBlock::default() };
        Some(Block::Snapshot(Box::new(block)))
    };
    let block = header(MessageKind::Block, MessageFlags::default(), 0);
    let resync =
        |snapshot| Some(ResyncRequest { book: BookId(0), reason: Reason::Checksum, snapshot });
    assert_eq!(shown.desk.take(&block, &[], whole(1)), resync(1));
    assert_eq!(shown.books()[0].0, BookState::Stale);
    assert_eq!(shown.desk.take(&block, &[], whole(0x7670_20D1)), None);
    let delta = header(MessageKind::Delta, MessageFlags::CHECKSUM, 2);
    let records = [level(98, Side::Bid), checksum(0xC7AC_C58D).to_record()];
    assert_eq!(shown.desk.take(&delta, &records, None), None);
    let (state, _, bids, asks) = shown.books().swap_remove(0);
    assert_eq!((state, bids.len(), asks.len()), (BookState::Live, 2, 1));
    let mut last = 0;
    while let EventRead::Event(event) = events.next_event() {
        if let EventKind::Levels(event) = event.kind {
            last = event.levels().len();
        }
    }
    assert_eq!(last, 1);
    // Of a message in parts the whole counts.
    let part = header(MessageKind::Delta, MessageFlags::MORE, 1);
    assert_eq!(shown.desk.take(&part, &[level(97, Side::Bid)], None), None);
    let rest = [level(97, Side::Bid), checksum(0xC7AC_C58D).to_record()];
    assert_eq!(shown.desk.take(&delta, &rest, None), resync(2));
    let counts = [Counter::ChecksumsOk, Counter::ChecksumsBad].map(|it| shown.count(it));
    assert_eq!(counts, [2, 2]);
}
