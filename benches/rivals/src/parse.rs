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
const REPEATS: usize = 4;

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
    let mut venue = Venue::synced(feed);
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    for frame in &feed.frames {
        let diff = sonic::<2, 5>(payload(frame)).expect("a diff");
        let records: Vec<_> = diff.records().collect();
        let other = serde::<2, 5>(payload(frame)).expect("a diff");
        assert_eq!(other.records().collect::<Vec<_>>(), records);
        let ids = tape.levels::<2, 5>(payload(frame), &mut found);
        assert_eq!((ids, &found), (Some((diff.first, diff.last)), &records));
        assert_eq!(venue.take(frame.padded(), <[LevelRecord]>::to_vec), Some(records));
    }
}

fn contest(stage: String, feed: &Feed) -> Contest<'_> {
    let mut contest = Contest::new(stage);
    let messages = (feed.frames.len() * REPEATS) as u64;
    let each = move |mut f: Box<dyn FnMut(&[u8])>| {
        move || {
            per(messages, || {
                for _ in 0..REPEATS {
                    feed.frames.iter().for_each(|frame| f(black_box(payload(frame))));
                }
            })
        }
    };
    let mut buffer = vec![0_u8; feed.frames.iter().map(|it| payload(it).len()).max().unwrap_or(0)];
    contest.enter(
        "memcpy",
        each(Box::new(move |text| {
            buffer[..text.len()].copy_from_slice(text);
            black_box(&mut buffer);
        })),
    );
    contest.enter(TICKBOOK, move || {
        // Numbers must follow each other: every pass has a session of its own.
        let pass = || {
            let mut venue = Venue::synced(feed);
            per(feed.frames.len() as u64, || {
                for frame in &feed.frames {
                    black_box(venue.take(black_box(frame.padded()), <[LevelRecord]>::len));
                }
            })
        };
        (0..REPEATS).map(|_| pass()).sum::<f64>() / REPEATS as f64
    });
    contest.enter("sonic-rs typed", each(Box::new(|text| drop(black_box(sonic::<2, 5>(text))))));
    let (mut tape, mut found) = (Tape::new(), Vec::new());
    contest.enter(
        "simd-json tape",
        each(Box::new(move |text| {
            black_box(tape.levels::<2, 5>(text, &mut found));
            black_box(&mut found);
        })),
    );
    contest.enter("serde_json typed", each(Box::new(|text| drop(black_box(serde::<2, 5>(text))))));
    contest
}

/// A session with the ring it writes to.
struct Venue {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
}

impl Venue {
    /// A session whose book is live.
    fn synced(feed: &Feed) -> Self {
        let mode = Mode::Replay { discover: true };
        let config = SessionConfig::new(feed.venue, Vec::new(), mode);
        let (lane, messages) = ring(SLOTS);
        let mut venue = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            messages,
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
        };
        venue.call(|session, cx| session.start(cx));
        venue.call(|session, cx| session.on_connected(ConnId(0), Epoch(1), cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => {
                    let stamps = RecvStamps::default();
                    venue.call(|it, cx| it.on_message(ConnId(0), frame.padded(), &stamps, cx));
                }
                Warmup::Rest { url, body } => {
                    let result = parse_rest(feed.venue, url, body);
                    let response = RestResponse { id: None, url_path: url.clone(), result };
                    venue.call(|session, cx| session.on_rest(response, cx));
                }
            }
        }
        venue
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
        let Self { session, lane, actions, counters, messages } = self;
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), frame, &RecvStamps::default(), &mut cx);
        let message = messages.pop()?;
        (message.header.kind == MessageKind::Delta).then(|| look(message.levels))
    }
}
