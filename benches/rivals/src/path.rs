//! The whole path in one thread: a frame in memory until its book can be read by others.
//!
//! Ours is what the engine runs with an inline builder: frame decoder, session, ring, ladder,
//! checks, shared memory, counters, stamps. The peers are what a careful user builds from crates:
//! a WebSocket client, typed JSON, an ordered map a side, a lock a book.

use std::hint::black_box;

use futures_util::StreamExt;
use tickbook_benches::feed::Feed;
use tickbook_benches::peer::{Diff, MapBooks};
use tickbook_benches::rig::{PathRig, PathSize};
use tickbook_net::{ConnectionOptions, Frame, FrameReader};
use tickbook_types::{BookState, Decimal, Level, RecvStamps, Side, clock};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::TICKBOOK;
use crate::contest::{Contest, Table, per};
use crate::peers::{serde, sonic, synced, take};
use crate::web::{Frames, Reads};

/// The careful user's path.
pub(crate) const CAREFUL: &str = "tungstenite 16K + sonic-rs + BTreeMap";

/// The usual path.
pub(crate) const USUAL: &str = "tokio-tungstenite + serde_json + BTreeMap";

/// Nanoseconds per message.
pub(crate) fn run(feeds: &[Feed], table: &mut Table) {
    let mut parts = Vec::new();
    for feed in feeds {
        let frames = Frames::of(feed.frames.iter().map(|frame| frame.padded().payload()));
        check(feed, &frames);
        let messages = feed.frames.len() as u64;
        let mean = feed.levels() as f64 / messages as f64;
        println!("{}: {messages} messages, {mean:.1} levels each", feed.name);
        parts.push((messages, contest(feed, &frames).run(table.rounds.div_ceil(2))));
    }
    table.add_pooled("memory_to_published", &parts);
}

fn contest<'a>(feed: &'a Feed, frames: &'a Frames) -> Contest<'a> {
    let mut contest = Contest::new(format!("memory_to_published@{}", feed.name));
    let count = frames.len() as u64;
    let mut buffer = vec![0_u8; frames.longest()];
    contest.enter("raw read", move || {
        per(count, || {
            for bytes in frames.iter() {
                buffer[..bytes.len()].copy_from_slice(black_box(bytes));
                black_box(&mut buffer);
            }
        })
    });
    let mut path = PathRig::new(feed, PathSize::default());
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    contest.enter(TICKBOOK, move || {
        path.sync(feed);
        per(count, || take_frames(&mut path, &mut reader, frames))
    });
    contest.enter(CAREFUL, move || {
        let books = synced(feed);
        let mut socket = careful_socket(frames);
        per(count, || careful(&books, &mut socket, frames.len()))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    contest.enter(USUAL, move || {
        let books = synced(feed);
        let mut socket = runtime.block_on(usual_socket(frames));
        per(count, || runtime.block_on(usual(&books, &mut socket, frames.len())))
    });
    contest
}

fn careful_socket(frames: &Frames) -> WebSocket<Reads<'_>> {
    let config = WebSocketConfig::default().read_buffer_size(16 << 10);
    WebSocket::from_raw_socket(Reads::of(frames), Role::Client, Some(config))
}

fn careful(books: &MapBooks, socket: &mut WebSocket<Reads<'_>>, count: usize) {
    for _ in 0..count {
        let Message::Text(text) = socket.read().expect("sound frames") else { continue };
        black_box(take(books, sonic(text.as_bytes()).expect("a diff")));
    }
}

async fn usual_socket(frames: &Frames) -> WebSocketStream<Reads<'_>> {
    WebSocketStream::from_raw_socket(Reads::of(frames), Role::Client, None).await
}

async fn usual(books: &MapBooks, socket: &mut WebSocketStream<Reads<'_>>, count: usize) {
    for _ in 0..count {
        let message = socket.next().await.expect("another message").expect("sound frames");
        let Message::Text(text) = message else { continue };
        black_box(take(books, serde(text.as_bytes()).expect("a diff")));
    }
}

/// All must end with the same books.
fn check(feed: &Feed, frames: &Frames) {
    let mut path = PathRig::new(feed, PathSize::default());
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    // A second time, as it is timed.
    for _ in 0..2 {
        path.sync(feed);
        take_frames(&mut path, &mut reader, frames);
    }
    let (theirs, usually) = (synced(feed), synced(feed));
    careful(&theirs, &mut careful_socket(frames), frames.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        usual(&usually, &mut usual_socket(frames).await, frames.len()).await;
    });
    let mut count = 0;
    for slot in path.builder().desk().slots() {
        let name = &slot.spec.name;
        assert_eq!(slot.state, BookState::Live, "{name}");
        let scale = slot.book.scale();
        let pair = |level: Level| {
            let price = Decimal::new(level.price.0.into(), scale.price_exponent.into());
            let size = Decimal::new(level.size.0.into(), scale.size_exponent.into());
            let both = (price.to_mantissa(-8), size.to_mantissa(-8));
            (both.0.expect("eight decimals do"), both.1.expect("eight decimals do"))
        };
        let ours = |side| slot.book.levels(side).map(pair).collect::<Vec<_>>();
        for books in [&theirs, &usually] {
            let whole = books.books[name].lock().expect("no panic while locked").top(usize::MAX);
            assert_eq!((ours(Side::Bid), ours(Side::Ask)), whole, "{name}");
        }
        count += 1;
    }
    assert_eq!(count, theirs.books.len());
}

/// Everything of a buffer of frames, as the venue thread takes it out of a read.
fn take_frames(path: &mut PathRig, reader: &mut FrameReader, frames: &Frames) {
    for read in frames.iter() {
        reader.free()[..read.len()].copy_from_slice(black_box(read));
        reader.filled(read.len());
        let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
        while let Some(frame) = reader.next_frame().expect("sound frames") {
            if let Frame::Message(message) = frame {
                path.take(message.payload, &stamps);
            }
        }
    }
}

/// The last id of every message of a feed, which grow with each.
pub(crate) fn last_ids(feed: &Feed) -> Vec<u64> {
    let id = |frame: &tickbook_types::PaddedBuf| {
        let diff: Diff<'_, 8, 8> = sonic(frame.padded().payload()).expect("a diff");
        diff.last
    };
    feed.frames.iter().map(id).collect()
}
