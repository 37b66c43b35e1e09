//! The whole path in one thread: a frame in memory until its book can be read by others.
//!
//! Ours is what the engine runs with an inline builder: frame decoder, session, ring, ladder,
//! checks, shared memory, counters, stamps. The peers are what a careful user builds from crates:
//! a WebSocket client, typed JSON, an ordered map a side, a lock a book.

use std::hint::black_box;

use futures_util::StreamExt;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::peer::{Diff, MapBooks};
use tickbook_engine::builder::{Builder, LaneEnd};
use tickbook_engine::desk::{Desk, DeskConfig};
use tickbook_engine::limits;
use tickbook_net::{ConnectionOptions, Frame, FrameReader};
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{
    BookState, ConnId, Decimal, Epoch, Level, MonoNanos, Padded, RecvStamps, Side, clock,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session,
};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::TICKBOOK;
use crate::book::PUBLISHED;
use crate::contest::{Contest, Table, per};
use crate::peers::{serde, sonic, synced, take};
use crate::web::{Frames, Reads};

/// The careful user's path.
pub(crate) const CAREFUL: &str = "tungstenite 16K + sonic-rs + BTreeMap";

/// The usual path.
pub(crate) const USUAL: &str = "tokio-tungstenite + serde_json + BTreeMap";

/// Books of one file.
const BOOKS: u32 = 16;

/// Slots of the ring: 256 KiB, as in a replay.
const SLOTS: usize = 1 << 12;

/// Ticks between two beats: some milliseconds.
const BEAT_TICKS: u64 = 1 << 23;

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
    let mut path = Path::new(feed, "path");
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    contest.enter(TICKBOOK, move || {
        path.sync(feed);
        per(count, || path.take_frames(&mut reader, frames))
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
    let mut path = Path::new(feed, "check");
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    // A second time, as it is timed.
    for _ in 0..2 {
        path.sync(feed);
        path.take_frames(&mut reader, frames);
    }
    let (theirs, usually) = (synced(feed), synced(feed));
    careful(&theirs, &mut careful_socket(frames), frames.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        usual(&usually, &mut usual_socket(frames).await, frames.len()).await;
    });
    let mut count = 0;
    for slot in path.builder.desk().slots() {
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

/// Our path, with its file of shared memory.
pub(crate) struct Path {
    session: Box<dyn Session>,
    lane: Lane,
    builder: Builder,
    actions: Actions,
    counters: SessionCounters,
    epoch: Epoch,
    _segment: Segment,
}

impl Path {
    /// The path for a feed, without books.
    pub(crate) fn new(feed: &Feed, purpose: &str) -> Self {
        let mut segment = Segment::create(&SegmentConfig {
            name: Self::name(purpose),
            books_max: BOOKS,
            conns_max: 1,
            threads_max: 1,
            event_slots: limits::EVENT_SLOTS,
            ..SegmentConfig::default()
        })
        .expect("shared memory that can be written");
        let writer = segment.take_builder(0).expect("a builder that is free");
        let stats = segment.take_thread(0, "builder").expect("a thread that is free");
        let config = DeskConfig { depth: PUBLISHED, books_max: BOOKS as usize };
        let desk = Desk::new(config, writer, stats);
        let (lane, messages) = ring(SLOTS);
        // Nobody listens to resync requests: the end state is checked to be live.
        let (requests, _) = ring(limits::RESYNC_SLOTS);
        let lane_end = LaneEnd::new(messages, requests);
        let mut config =
            SessionConfig::new(feed.venue, Vec::new(), Mode::Replay { discover: true });
        config.conns_max = 1;
        let mut path = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            builder: Builder::new(vec![lane_end], desk, BEAT_TICKS),
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            epoch: Epoch(0),
            _segment: segment,
        };
        path.call(|session, cx| session.start(cx));
        path
    }

    /// What its file is called.
    pub(crate) fn name(purpose: &str) -> String {
        format!("rivals-{purpose}-{}", std::process::id())
    }

    /// Connects anew and brings the books to life: they are as they were at the first time.
    pub(crate) fn sync(&mut self, feed: &Feed) {
        if self.epoch != Epoch(0) {
            self.call(|session, cx| session.on_disconnected(ConnId(0), cx));
        }
        self.epoch.0 += 1;
        let epoch = self.epoch;
        self.call(|session, cx| session.on_connected(ConnId(0), epoch, cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => self.take(frame.padded(), &RecvStamps::default()),
                Warmup::Rest { url, body } => {
                    let result = parse_rest(feed.venue, url, body);
                    let response = RestResponse { id: None, url_path: url.clone(), result };
                    self.call(|session, cx| session.on_rest(response, cx));
                }
            }
        }
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        let now = MonoNanos(0);
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        while self.builder.turn() > 0 {}
        self.actions.drain().for_each(drop);
    }

    /// A message, until its book is published.
    #[inline]
    pub(crate) fn take(&mut self, message: Padded<'_>, stamps: &RecvStamps) {
        let Self { session, lane, actions, counters, builder, .. } = self;
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), message, stamps, &mut cx);
        builder.turn();
        if !self.actions.is_empty() {
            self.actions.drain().for_each(drop);
        }
    }

    /// A turn without a message: readers see that the builder is alive.
    #[inline]
    pub(crate) fn idle(&mut self) {
        self.builder.turn();
    }

    fn take_frames(&mut self, reader: &mut FrameReader, frames: &Frames) {
        for read in frames.iter() {
            reader.free()[..read.len()].copy_from_slice(black_box(read));
            reader.filled(read.len());
            let stamps = RecvStamps { received: clock::now(), ..RecvStamps::default() };
            while let Some(frame) = reader.next_frame().expect("sound frames") {
                if let Frame::Message(message) = frame {
                    self.take(message.payload, &stamps);
                }
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
