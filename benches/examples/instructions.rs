//! Each hot piece of the path a given number of times, for a tool that counts instructions.
//!
//! `instructions PIECE COUNT` sets the piece up, always in the same way, and runs it COUNT times;
//! `instructions` alone lists the pieces. What COUNT costs is the difference between two runs:
//! `cargo xtask instructions` makes them under callgrind and prints the table.

use std::hint::black_box;
use std::process::ExitCode;

use tickbook::Depth;
use tickbook_benches::feed::Feed;
use tickbook_benches::market::{Market, SCALE};
use tickbook_benches::rig::{DEPTH, File, PathRig, PathSize, SessionRig, Sides};
use tickbook_book::{Book, BookConfig};
use tickbook_net::{ConnectionOptions, Frame, FrameReader};
use tickbook_ring::ring;
use tickbook_scan::LevelScanner;
use tickbook_types::{
    BookId, LevelRecord, MessageHeader, MessageKind, MonoNanos, PaddedBuf, Price, Side, Size,
};

/// Most times that a piece is run.
const COUNT_MAX: usize = 2_000;

/// A piece: its name, and what runs it so many times.
type Piece = (&'static str, fn(usize));

const PIECES: &[Piece] = &[
    ("frame decode, 300 B", |count| frame(count, 300)),
    ("frame decode, 3,000 B", |count| frame(count, 3_000)),
    ("scan 50 levels", scan),
    ("session into the ring, 4 levels", |count| parse(count, 4, Feed::of_levels)),
    ("session into the ring, 50 levels", |count| parse(count, 50, Feed::of_levels)),
    ("the same of OKX, 4 levels", |count| parse(count, 4, Feed::okx)),
    ("the same of OKX, 50 levels", |count| parse(count, 50, Feed::okx)),
    ("the same of Coinbase, 50 levels", |count| parse(count, 50, Feed::coinbase)),
    ("ring, header only", |count| hop(count, 0)),
    ("ring, 8 levels", |count| hop(count, 8)),
    ("ladder and top 32, a message", ladder),
    ("publish, one slot changed", |count| publish(count, 3..4)),
    ("publish, all slots changed", |count| publish(count, 0..DEPTH)),
    ("read top", read_top),
    ("read depth", read_depth),
    ("memory to published, a message", path),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, count] = &arguments[..] else {
        PIECES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let piece = PIECES.iter().find(|(piece, _)| piece == name);
    match (piece, count.parse()) {
        (Some((_, run)), Ok(count)) if count <= COUNT_MAX => {
            run(count);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("error: usage: instructions PIECE COUNT, COUNT at most {COUNT_MAX}");
            ExitCode::FAILURE
        }
    }
}

fn frame(count: usize, payload: u16) {
    let [high, low] = payload.to_be_bytes();
    let text = b"[\"61234.50000000\",\"0.20000000\"],".iter().cycle().take(payload.into());
    let bytes: Vec<u8> = [0x81, 126, high, low].iter().chain(text).copied().collect();
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    for _ in 0..count {
        reader.free()[..bytes.len()].copy_from_slice(black_box(&bytes));
        reader.filled(bytes.len());
        match reader.next_frame() {
            Ok(Some(Frame::Message(message))) => drop(black_box(message)),
            other => panic!("one message, not {other:?}"),
        }
    }
}

fn scan(count: usize) {
    const KEY: &[u8] = b",\"b\":";
    let feed = Feed::of_levels(50, 1);
    let bytes = feed.frames[0].padded().with_padding();
    let at = bytes.windows(KEY.len()).position(|it| it == KEY).expect("bids") + KEY.len();
    let mut scanner = LevelScanner::new(SCALE).expect("a scale that scanners have");
    let mut out = [LevelRecord::default(); 64];
    for _ in 0..count {
        let bids = scanner.levels(black_box(bytes), at, Side::Bid, &mut out).expect("levels");
        let asks = scanner.levels(bytes, bids.end + KEY.len(), Side::Ask, &mut out[bids.count..]);
        assert_eq!(bids.count + asks.expect("levels").count, 50);
        black_box(&mut out);
    }
}

fn parse(count: usize, levels: usize, feed: fn(usize, usize) -> Feed) {
    let feed = feed(levels, COUNT_MAX);
    let mut rig = SessionRig::synced(&feed);
    for frame in &feed.frames[..count] {
        assert_eq!(rig.take(black_box(frame.padded()), <[LevelRecord]>::len), Some(levels));
    }
}

fn hop(count: usize, levels: u32) {
    let (mut producer, mut consumer) = ring::<()>(1 << 12);
    let header =
        MessageHeader { count: levels, ..MessageHeader::new(MessageKind::Delta, BookId(0)) };
    for n in 0..count {
        let mut claim = producer.claim(levels as usize).expect("room");
        let price = Price(i64::try_from(n).unwrap_or(0));
        claim.levels_mut()[..levels as usize].fill(LevelRecord::new(price, Size(1), Side::Bid));
        claim.commit(header);
        let message = consumer.pop().expect("the message just sent");
        black_box(message.levels);
    }
}

fn ladder(count: usize) {
    let mut market = Market::default();
    let mut book = Book::new(&BookConfig { published_depth: DEPTH, ..BookConfig::default() });
    let mut apply = |records: &[LevelRecord]| {
        black_box(book.apply(records).expect("within the limits"));
        black_box(book.finish());
        for side in [Side::Bid, Side::Ask] {
            black_box((book.changed_top(side), book.top(side)));
        }
    };
    apply(&market.book());
    let messages: Vec<_> = (0..COUNT_MAX).map(|_| market.message()).collect();
    messages[..count].iter().for_each(|records| apply(records));
}

fn publish(count: usize, changed: core::ops::Range<usize>) {
    let sides = Sides::new();
    let mut file = File::create("instructions-publish");
    let mut writer = file.builder(0, &sides);
    for seq in 0..count as u64 {
        writer.publish(BookId(0), black_box(&sides.snapshot(seq, changed.clone())));
    }
}

fn read_top(count: usize) {
    let mut file = File::create("instructions-top");
    let _writer = file.builder(0, &Sides::new());
    let mut reader = file.reader();
    for _ in 0..count {
        let _ = black_box(reader.top_any_at(MonoNanos(0)));
    }
}

fn read_depth(count: usize) {
    let mut file = File::create("instructions-depth");
    let _writer = file.builder(0, &Sides::new());
    let mut reader = file.reader();
    let mut depth = Depth::default();
    for _ in 0..count {
        let _ = black_box(reader.depth_any_at(&mut depth, MonoNanos(0)));
    }
    assert!(count == 0 || depth.bids().len() == DEPTH);
}

fn path(count: usize) {
    let feed = Feed::generated(COUNT_MAX);
    let mut path = PathRig::new(&feed, PathSize::default());
    path.sync(&feed);
    feed.frames[..count].iter().map(PaddedBuf::padded).for_each(|frame| path.take_now(frame));
}
