//! A diff into level records.
//!
//! Ours is the whole session: header, symbol, sequence rules, records into the ring and out of it
//! at the other end. The peers only parse.

use std::hint::black_box;

use tickbook_benches::feed::{Feed, Warmup};
use tickbook_ring::{Consumer, ring};
use tickbook_types::{
    Block, ConnId, Epoch, LevelRecord, MessageKind, MonoNanos, Padded, PaddedBuf, RecvStamps,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session,
};

use crate::contest::{Contest, Table, per};
use crate::peers::{Tape, serde, sonic};
use crate::{TICKBOOK, input};

/// Levels a message.
const LEVELS: &[usize] = &[10, 50, 200, 1_000];

/// Slots of the ring: 256 KiB.
const SLOTS: usize = 1 << 12;

/// Passes over the messages in one turn.
const REPEATS: usize = 2;

/// All sizes.
pub(crate) fn run(feeds: &[Feed], table: &mut Table) {
    for &levels in LEVELS {
        let feed = input::of_levels(feeds, levels);
        check(&feed);
        let (stage, mean) = (format!("parse_{levels}"), input::mean_levels(&feed));
        println!("{stage}: {}, {mean:.1} levels each", feed.name);
        let outcome = contest(stage, &feed).run(table.rounds);
        table.add(&outcome);
    }
}

fn payload(frame: &PaddedBuf) -> &[u8] {
    frame.padded().payload()
}

/// All subjects find the same levels.
fn check(feed: &Feed) {
    let mut venue = Venue::new(feed);
    venue.sync(feed);
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    for frame in &feed.frames {
        let diff = sonic::<2, 5>(payload(frame)).expect("a diff");
        let records: Vec<_> = diff.records().collect();
        let other = serde::<2, 5>(payload(frame)).expect("a diff");
        assert_eq!(other.records().collect::<Vec<_>>(), records);
        let ids = tape.levels::<2, 5>(payload(frame), &mut found);
        assert_eq!((ids, &found), (Some((diff.first, diff.last)), &records));
        let ours = venue.take(frame.padded(), <[LevelRecord]>::to_vec).expect("a delta");
        assert!(are_equal(&ours, &records), "{:?}", String::from_utf8_lossy(payload(frame)));
    }
}

/// Whether ours are the peers', whose sizes have five decimals: a session's sizes have as many as
/// it has seen of the book.
fn are_equal(ours: &[LevelRecord], records: &[LevelRecord]) -> bool {
    let same = |factor: u64| {
        ours.iter().zip(records).all(|(our, record)| {
            let size = record.size().0.checked_mul(factor);
            (our.price(), our.side(), Some(our.size().0)) == (record.price(), record.side(), size)
        })
    };
    ours.len() == records.len() && [1, 10, 100, 1_000].into_iter().any(same)
}

fn contest(stage: String, feed: &Feed) -> Contest<'_> {
    let mut contest = Contest::new(stage);
    let mut buffer = vec![0_u8; feed.frames.iter().map(|it| payload(it).len()).max().unwrap_or(0)];
    contest.enter(
        "memcpy",
        each(feed, move |text| {
            buffer[..text.len()].copy_from_slice(text);
            black_box(&mut buffer);
        }),
    );
    let mut venue = Venue::new(feed);
    contest.enter(TICKBOOK, move || {
        // Numbers must follow each other: the book begins anew with every pass.
        let pass = |venue: &mut Venue| {
            venue.sync(feed);
            per(feed.frames.len() as u64, || {
                for frame in &feed.frames {
                    black_box(venue.take(black_box(frame.padded()), <[LevelRecord]>::len));
                }
            })
        };
        (0..REPEATS).map(|_| pass(&mut venue)).sum::<f64>() / REPEATS as f64
    });
    contest.enter("sonic-rs typed", each(feed, |text| drop(black_box(sonic::<2, 5>(text)))));
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    contest.enter(
        "simd-json tape",
        each(feed, move |text| {
            black_box(tape.levels::<2, 5>(text, &mut found));
            black_box(&mut found);
        }),
    );
    contest.enter("serde_json typed", each(feed, |text| drop(black_box(serde::<2, 5>(text)))));
    contest
}

/// A pass that hands `f` every message, some times over.
fn each<'a>(feed: &'a Feed, mut f: impl FnMut(&[u8]) + 'a) -> impl FnMut() -> f64 + 'a {
    move || {
        per((feed.frames.len() * REPEATS) as u64, || {
            for _ in 0..REPEATS {
                feed.frames.iter().for_each(|frame| f(black_box(payload(frame))));
            }
        })
    }
}

/// A session with the ring it writes to.
struct Venue {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
    epoch: Epoch,
}

impl Venue {
    /// A session without books.
    fn new(feed: &Feed) -> Self {
        let mode = Mode::Replay { discover: true };
        let config = SessionConfig::new(feed.venue, Vec::new(), mode);
        let (lane, messages) = ring(SLOTS);
        let mut venue = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            messages,
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            epoch: Epoch(0),
        };
        venue.call(|session, cx| session.start(cx));
        venue
    }

    /// Connects anew and brings the book to life.
    fn sync(&mut self, feed: &Feed) {
        if self.epoch != Epoch(0) {
            self.call(|session, cx| session.on_disconnected(ConnId(0), cx));
        }
        self.epoch.0 += 1;
        let epoch = self.epoch;
        self.call(|session, cx| session.on_connected(ConnId(0), epoch, cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => {
                    let stamps = RecvStamps::default();
                    self.call(|it, cx| it.on_message(ConnId(0), frame.padded(), &stamps, cx));
                }
                Warmup::Rest { url, body } => {
                    let result = parse_rest(feed.venue, url, body);
                    let response = RestResponse { id: None, url_path: url.clone(), result };
                    self.call(|session, cx| session.on_rest(response, cx));
                }
            }
        }
    }

    /// A call after which nothing stays in the ring.
    fn call(&mut self, f: impl FnOnce(&mut dyn Session, &mut Context<'_>)) {
        let Self { session, lane, actions, counters, .. } = self;
        let now = MonoNanos(0);
        f(&mut **session, &mut Context { now, shared_stamp: false, lane, actions, counters });
        while self.messages.pop().is_some() {}
        self.actions.drain().for_each(drop);
    }

    /// Hands the session a diff and `look` at what arrives at the ring's other end.
    #[inline]
    fn take<T>(&mut self, frame: Padded<'_>, look: impl FnOnce(&[LevelRecord]) -> T) -> Option<T> {
        let Self { session, lane, actions, counters, messages, .. } = self;
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), frame, &RecvStamps::default(), &mut cx);
        let message = messages.pop()?;
        (message.header.kind == MessageKind::Delta).then(|| look(message.levels))
    }
}
