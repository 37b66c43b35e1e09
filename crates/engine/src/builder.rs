//! The builder: takes messages from its lanes, oldest first within a lane, and works them off at
//! its [`Desk`].
//!
//! The same code runs in a thread of its own and inside a venue thread: [`Builder::turn`] is one
//! turn of the loop, and does not care who calls it.

use tickbook_ring::{Consumer, Producer};
use tickbook_shm::Counter;
use tickbook_types::clock;
use tickbook_types::{Block, MessageHeader, MessageKind, SeqNo, Ticks};

use crate::desk::{Desk, ResyncRequest};
use crate::limits;

/// A lane from a venue thread, and the way back for resync requests. In lines of its own: both ends
/// of a ring are made by the thread that starts the engine, side by side if small.
#[derive(Debug)]
#[repr(align(128))]
pub struct LaneEnd {
    messages: Consumer<Block>,
    requests: Producer<()>,
    /// Requests for which the way back had no room; sent before anything else.
    waiting: Vec<ResyncRequest>,
}

impl LaneEnd {
    /// The builder's ends of the two rings of a lane.
    #[must_use]
    pub const fn new(messages: Consumer<Block>, requests: Producer<()>) -> Self {
        Self { messages, requests, waiting: Vec::new() }
    }

    fn request(&mut self, request: ResyncRequest) {
        match self.requests.claim_reserved(0) {
            Ok(claim) => {
                let mut header = MessageHeader::new(MessageKind::Status, request.book);
                header.reason = request.reason;
                header.seq = SeqNo(request.snapshot);
                claim.commit(header);
            }
            Err(_) => self.waiting.push(request),
        }
    }

    /// Whether the venue thread is gone and nothing of it is left.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.messages.is_abandoned()
    }
}

/// A builder.
#[derive(Debug)]
pub struct Builder {
    lanes: Vec<LaneEnd>,
    desk: Desk,
    beat_ticks: u64,
    last_beat: Ticks,
    longest_turn: u64,
}

impl Builder {
    /// A builder of these lanes that beats every `beat_ticks` ticks of the clock.
    #[must_use]
    pub fn new(lanes: Vec<LaneEnd>, mut desk: Desk, beat_ticks: u64) -> Self {
        desk.beat();
        Self { lanes, desk, beat_ticks, last_beat: clock::now(), longest_turn: 0 }
    }

    /// One turn of the loop: some messages of each lane, and the heartbeat when it is due. Returns
    /// how many messages were taken.
    #[inline]
    pub fn turn(&mut self) -> usize {
        let mut taken = 0;
        for lane in &mut self.lanes {
            taken += drain(lane, &mut self.desk);
        }
        // A turn that published has just read the clock.
        let now = self.desk.take_published().unwrap_or_else(clock::now);
        let since_beat = now.0.saturating_sub(self.last_beat.0);
        if since_beat >= self.beat_ticks {
            self.beat(now, since_beat);
        }
        taken
    }

    /// Whether every venue thread is gone and everything they sent is worked off.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.lanes.iter().all(LaneEnd::is_abandoned)
    }

    /// The books.
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The books, to be closed.
    pub const fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    #[cold]
    fn beat(&mut self, now: Ticks, since_beat: u64) {
        self.desk.beat();
        self.last_beat = now;
        if since_beat > self.longest_turn {
            self.longest_turn = since_beat;
            let nanos = clock::Converter::new().nanos(since_beat);
            self.desk.stats().raise(Counter::TurnNanosMax, nanos);
        }
        for lane in &mut self.lanes {
            for request in std::mem::take(&mut lane.waiting) {
                lane.request(request);
            }
        }
    }
}

#[inline]
fn drain(lane: &mut LaneEnd, desk: &mut Desk) -> usize {
    let mut taken = 0;
    while taken < limits::TURN_MESSAGES {
        // Used where it is: a copy of it would wait for its fields, which have just been stored.
        let mut popped = lane.messages.pop();
        let Some(message) = &mut popped else { break };
        let block = message.block.take();
        let request = desk.take(&message.header, message.levels, block);
        if let Some(request) = request {
            lane.request(request);
        }
        taken += 1;
    }
    desk.flush();
    taken
}
