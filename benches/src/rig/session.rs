//! A session and the ring it writes to.

use tickbook_ring::{Consumer, ring};
use tickbook_types::{
    Block, ConnId, Epoch, LevelRecord, MessageKind, MonoNanos, Padded, RecvStamps,
};
use tickbook_venues::{
    Actions, Context, Lane, Mode, RestResponse, Session, SessionConfig, SessionCounters,
    parse_rest, session,
};

use crate::feed::{Feed, Warmup};

/// Slots of the ring: 256 KiB.
const SLOTS: usize = 1 << 12;

/// A session with the ring it writes to.
pub struct SessionRig {
    session: Box<dyn Session>,
    lane: Lane,
    messages: Consumer<Block>,
    actions: Actions,
    counters: SessionCounters,
}

impl SessionRig {
    /// A session whose book is live.
    ///
    /// # Panics
    ///
    /// If the venue of the feed has no session.
    #[must_use]
    pub fn synced(feed: &Feed) -> Self {
        let mode = Mode::Replay { discover: true };
        let config = SessionConfig::new(feed.venue, Vec::new(), mode);
        let (lane, messages) = ring(SLOTS);
        let mut rig = Self {
            session: session(config).expect("a session of this venue"),
            lane,
            messages,
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
        };
        rig.call(|session, cx| session.start(cx));
        rig.call(|session, cx| session.on_connected(ConnId(0), Epoch(1), cx));
        for step in &feed.warmup {
            match step {
                Warmup::Frame(frame) => {
                    let stamps = RecvStamps::default();
                    rig.call(|it, cx| it.on_message(ConnId(0), frame.padded(), &stamps, cx));
                }
                Warmup::Rest { url, body } => {
                    let result = parse_rest(feed.venue, url, body);
                    let response = RestResponse { id: None, url_path: url.clone(), result };
                    rig.call(|session, cx| session.on_rest(response, cx));
                }
            }
        }
        rig
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
    pub fn take<T>(
        &mut self,
        frame: Padded<'_>,
        look: impl FnOnce(&[LevelRecord]) -> T,
    ) -> Option<T> {
        let Self { session, lane, actions, counters, messages } = self;
        let now = MonoNanos(0);
        let mut cx = Context { now, shared_stamp: false, lane, actions, counters };
        session.on_message(ConnId(0), frame, &RecvStamps::default(), &mut cx);
        let message = messages.pop()?;
        (message.header.kind == MessageKind::Delta).then(|| look(message.levels))
    }
}

impl core::fmt::Debug for SessionRig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SessionRig").field("counters", &self.counters).finish_non_exhaustive()
    }
}
