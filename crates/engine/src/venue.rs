//! The venue thread: one session, its connections, and one lane to a builder.
//!
//! # Guarantees
//!
//! - Every message of a read is taken out and handed to the session before the next read.
//! - Every connection has an epoch that only grows; a session learns of the end of one before it
//!   can ask for the next.
//! - A connection is reopened after an exponential backoff with jitter, or later if the venue said
//!   so.
//! - In a replay ([`Play`]) the thread waits for room in the lane; live, it never waits.
//! - A turn that finds nothing is a receive call for each open connection, one reading of the
//!   clock, and nothing else; whatever else there is to look at is looked at every
//!   [`limits::CHORES_NS`].

mod receive;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use tickbook_net::{Connection, ConnectionOptions, NetError, Target, TlsConfig};
use tickbook_ring::Consumer;
use tickbook_shm::{ConnState, ConnWriter, Counter, StatsWriter};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{ConnId, MessageHeader, MonoNanos, Ticks, Venue};
use tickbook_venues::{
    Action, Actions, Context, Endpoints, Lane, RestResponse, Session, SessionCounters,
    Subscription, Wished,
};

use crate::builder::Builder;
use crate::limits;
use crate::play::Play;
use crate::room;
use crate::service::{Answer, Job};
use crate::tally::Tally;
use crate::url::Url;
use crate::venue_conn::{Conn, ConnStep};

/// Something an operator should read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// The venue it is about.
    pub venue: Venue,
    /// What happened and what to do.
    pub text: String,
    /// Whether trying again cannot help: an engine that has just started should stop with it.
    pub fatal: bool,
}

/// What a venue thread is made of.
#[derive(Debug)]
pub struct VenueParts {
    /// The venue.
    pub venue: Venue,
    /// Its addresses.
    pub endpoints: Endpoints,
    /// Trust anchors for encrypted addresses.
    pub tls: Arc<TlsConfig>,
    /// How to connect.
    pub options: ConnectionOptions,
    /// First connection id; the n-th status line belongs to the n-th id from here.
    pub first_conn: ConnId,
    /// Status lines of its connections.
    pub conns: Vec<ConnWriter>,
    /// Books to the builder.
    pub lane: Lane,
    /// Resync requests from the builder.
    pub requests: Consumer<()>,
    /// The builder, when it works inside this thread.
    pub builder: Option<Builder>,
    /// Slow jobs.
    pub jobs: Sender<Job>,
    /// Lines for the operator.
    pub notices: Sender<Notice>,
    /// Counters of this thread.
    pub stats: StatsWriter,
    /// The recording that is played, if one is.
    pub play: Option<Play>,
}

impl VenueParts {
    fn conn_id(&self, index: usize) -> ConnId {
        ConnId(self.first_conn.0.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)))
    }
}

/// A venue thread.
pub struct VenueThread {
    session: Box<dyn Session>,
    parts: VenueParts,
    conns: Vec<Conn>,
    actions: Actions,
    counters: SessionCounters,
    tally: Tally,
    clock: Converter,
    answers: Receiver<Answer>,
    reply: Sender<Answer>,
    bytes: u64,
    turns: u64,
    idle_turns: u64,
    next_tally: MonoNanos,
    next_chores: Ticks,
    chores_ticks: u64,
    rest_answers: u64,
    has_connected: bool,
    poll: mio::Poll,
    events: mio::Events,
}

impl std::fmt::Debug for VenueThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VenueThread").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl VenueThread {
    /// A venue thread of this session, not yet started.
    ///
    /// # Errors
    ///
    /// The system's refusal of a readiness queue.
    pub fn new(session: Box<dyn Session>, parts: VenueParts) -> std::io::Result<Self> {
        let (reply, answers) = crossbeam_channel::unbounded();
        let (seed, clock) = (clock::now().0, Converter::new());
        let conns = (0..parts.conns.len() as u64).map(|index| Conn::new(seed ^ index)).collect();
        Ok(Self {
            session,
            parts,
            conns,
            actions: Actions::with_capacity(64),
            counters: SessionCounters::default(),
            tally: Tally::new(),
            clock,
            answers,
            reply,
            bytes: 0,
            turns: 0,
            idle_turns: 0,
            next_tally: MonoNanos::default(),
            next_chores: Ticks(0),
            chores_ticks: clock.ticks(limits::CHORES_NS),
            rest_answers: 0,
            has_connected: false,
            poll: mio::Poll::new()?,
            events: mio::Events::with_capacity(64),
        })
    }

    /// Where the operator's wishes go to.
    #[must_use]
    pub fn wishes(&self) -> Sender<Answer> {
        self.reply.clone()
    }

    /// Begins: the session asks for what it needs.
    pub fn start(&mut self) {
        let now = self.mono();
        self.call(now, false, |session, cx| session.start(cx));
        self.perform(now);
        if self.parts.play.is_some() {
            // A server that plays a recording takes any path; the recording has one connection.
            let root = self.parts.endpoints.ws.first().map_or("", |(_, url)| url.as_str());
            match Url::parse(&format!("{root}/stream")) {
                Ok(url) => self.want(self.parts.first_conn, url),
                Err(why) => self.notice(why, true),
            }
            self.fetch_next();
        }
    }

    /// One turn of the loop. Returns how much was done.
    pub fn turn(&mut self) -> usize {
        let turn = clock::now();
        let mut work = 0;
        for index in 0..self.conns.len() {
            work += self.poll_conn(index, turn);
        }
        self.turns += 1;
        self.idle_turns += u64::from(work == 0);
        let chores_due = turn >= self.next_chores;
        if work == 0 && !chores_due {
            return 0;
        }
        let now = self.clock.mono(turn);
        if chores_due {
            self.next_chores = Ticks(turn.0.saturating_add(self.chores_ticks));
            work += self.chores(now);
        }
        self.perform(now);
        if let Some(builder) = &mut self.parts.builder {
            work += builder.turn();
        }
        work
    }

    /// What need not be looked at in every turn: connections on their way, deadlines, answers,
    /// requests, timers, counters.
    #[inline(never)]
    fn chores(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        for index in 0..self.conns.len() {
            work += self.drive_conn(index, now);
        }
        work += self.turn_answers(now) + self.turn_requests(now);
        if now >= self.session.next_deadline() && self.parts.play.is_none() {
            self.call(now, false, |session, cx| session.on_timer(cx));
        }
        self.parts.stats.set(Counter::Turns, self.turns);
        self.parts.stats.set(Counter::IdleTurns, self.idle_turns);
        if now >= self.next_tally {
            self.next_tally = now.plus(TALLY_NS);
            self.tally();
        }
        work
    }

    /// Counts of the session so far.
    #[must_use]
    pub const fn counters(&self) -> &SessionCounters {
        &self.counters
    }

    /// Bytes of the messages so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Connections over which messages flow.
    #[must_use]
    pub fn connections_open(&self) -> usize {
        self.conns.iter().filter(|conn| conn.is_open()).count()
    }

    /// REST answers taken so far.
    #[must_use]
    pub const fn rest_answers(&self) -> u64 {
        self.rest_answers
    }

    /// Copies the session's counters to shared memory.
    pub fn tally(&mut self) {
        self.clock.refresh();
        self.tally.copy(&self.counters, &mut self.parts.stats);
        self.parts.stats.set(Counter::Bytes, self.bytes);
        let used = self.parts.lane.capacity() - self.parts.lane.slots_free();
        self.parts.stats.raise(Counter::RingSlotsUsedMax, used as u64);
    }

    /// Waits for a socket to become readable, `most` at the longest: for the `backoff` strategy.
    pub fn wait(&mut self, most: Duration) {
        // A wait that fails (a signal) is a wait that is over.
        let _ = self.poll.poll(&mut self.events, Some(most));
    }

    /// Ends in order: connections get a close frame, the lane is let go. Gives back the builder if
    /// it worked in here.
    pub fn stop(mut self) -> Option<Builder> {
        let now = self.mono();
        for (conn, writer) in self.conns.iter_mut().zip(&mut self.parts.conns) {
            if let ConnStep::Up(connection) = &mut conn.state {
                connection.close(CLOSE_GOING_AWAY, now);
                // What the socket does not take at once is not worth waiting for.
                let _ = connection.flush(now);
            }
            writer.set_state(ConnState::Down);
        }
        self.tally();
        let mut builder = self.parts.builder.take();
        if let Some(builder) = &mut builder {
            while builder.turn() > 0 {}
        }
        builder
    }

    fn mono(&self) -> MonoNanos {
        self.clock.mono(clock::now())
    }

    /// Calls into the session, with room in the lane when a recording is played.
    fn call(
        &mut self,
        now: MonoNanos,
        big: bool,
        f: impl FnOnce(&mut dyn Session, &mut Context<'_>),
    ) {
        let Self { session, parts, actions, counters, .. } = self;
        if parts.play.is_some() {
            let want = if big { room::EVERYTHING } else { room::SMALL };
            room::make(&mut parts.lane, want, parts.builder.as_mut());
        }
        let mut cx = Context { now, shared_stamp: false, lane: &mut parts.lane, actions, counters };
        f(&mut **session, &mut cx);
    }

    fn turn_answers(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        while let Ok(answer) = self.answers.try_recv() {
            work += 1;
            match answer {
                Answer::Resolved { conn, url, addr } => self.resolved(conn, url, addr, now),
                Answer::Rest(response, why) => {
                    if let Some(why) = why {
                        self.notice(why, false);
                    }
                    match &mut self.parts.play {
                        Some(play) => play.answer = Some(response),
                        None => self.rest(response, now),
                    }
                }
                Answer::Wish(wanted) => self.wish(&wanted, now),
            }
        }
        let frames = self.counters.frames;
        let play = self.parts.play.as_mut().filter(|_| self.has_connected);
        if let Some(response) = play.and_then(|play| play.due(frames)) {
            self.rest(response, now);
            self.fetch_next();
            work += 1;
        }
        work
    }

    /// Other books are wanted from now on.
    #[cold]
    fn wish(&mut self, wanted: &[Subscription], now: MonoNanos) {
        let mut wished = Ok(Wished::default());
        self.call(now, false, |session, cx| wished = session.on_wish(wanted, cx));
        match wished {
            Ok(Wished { added: 0, removed: 0 }) => {}
            Ok(Wished { added, removed }) => {
                self.notice(format!("{added} books added, {removed} removed"), false);
            }
            Err(error) => self.notice(format!("the books stay as they are: {error}"), false),
        }
        self.perform(now);
    }

    fn rest(&mut self, response: RestResponse, now: MonoNanos) {
        self.rest_answers += 1;
        self.call(now, true, |session, cx| session.on_rest(response, cx));
        self.perform(now);
    }

    fn resolved(
        &mut self,
        conn: ConnId,
        url: Url,
        addr: Result<std::net::SocketAddr, String>,
        now: MonoNanos,
    ) {
        let index = (conn.0 - self.parts.first_conn.0) as usize;
        let error = match addr {
            Err(why) => {
                self.notice(format!("connection {conn}: {why}"), false);
                NetError::Io { kind: std::io::ErrorKind::NotFound, errno: 0 }
            }
            Ok(addr) => {
                let tls = url.tls.then(|| Arc::clone(&self.parts.tls));
                let target = Target { host: url.host, port: url.port, path: url.path, tls, addr };
                match Connection::open(&target, &self.parts.options, now) {
                    Ok(mut connection) => {
                        // Without readiness the connection is still polled, only later.
                        let _ = connection.register(self.poll.registry(), mio::Token(index));
                        self.parts.conns[index].set_state(ConnState::Connecting);
                        self.conns[index].state = ConnStep::Up(Box::new(connection));
                        return;
                    }
                    Err(error) => error,
                }
            }
        };
        self.lost(index, error, now);
    }

    /// Resync requests of the builder.
    fn turn_requests(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        while let Some(message) = self.parts.requests.pop() {
            let MessageHeader { book, reason, seq, .. } = message.header;
            work += 1;
            self.call(now, false, |session, cx| session.on_resync(book, reason, seq.0, cx));
        }
        work
    }

    /// Carries out what the session asked for.
    fn perform(&mut self, now: MonoNanos) {
        while let Some(action) = self.actions.pop() {
            match action {
                // A recording has one connection, opened at the start, and its own snapshots.
                Action::Connect { .. } | Action::Fetch(_) | Action::Close { .. }
                    if self.parts.play.is_some() => {}
                Action::Connect { conn, endpoint, path } => {
                    let root = self.parts.endpoints.ws(endpoint).unwrap_or_default();
                    match Url::parse(&format!("{root}{path}")) {
                        Ok(url) => self.want(conn, url),
                        Err(why) => self.notice(format!("connection {conn}: {why}"), true),
                    }
                }
                Action::SendText { conn, text } => self.send(conn, &text, now),
                Action::Close { conn } => self.close(conn, now),
                Action::Fetch(request) => {
                    let root = self.parts.endpoints.rest.clone();
                    let (venue, reply) = (self.parts.venue, self.reply.clone());
                    let _ = self.parts.jobs.send(Job::Fetch {
                        venue,
                        root,
                        request,
                        asked: true,
                        reply,
                    });
                }
                Action::Warn(warning) => {
                    self.notice(warning.to_string(), warning.is_misconfiguration());
                }
                _ => self.notice("session asked for something unknown".to_owned(), true),
            }
        }
    }

    fn step(&mut self, conn: ConnId) -> Option<&mut ConnStep> {
        let index = conn.0.checked_sub(self.parts.first_conn.0)?;
        self.conns.get_mut(index as usize).map(|conn| &mut conn.state)
    }

    fn want(&mut self, conn: ConnId, url: Url) {
        let Some(index) = conn.0.checked_sub(self.parts.first_conn.0) else { return };
        if let Some(conn) = self.conns.get_mut(index as usize) {
            conn.state = ConnStep::Waiting { at: conn.not_before, url };
        }
    }

    /// Closes a connection as the session wants. Nothing is taken from it from here on, so readers
    /// are told now, not when the venue has answered.
    fn close(&mut self, conn: ConnId, now: MonoNanos) {
        if let Some(ConnStep::Up(connection)) = self.step(conn) {
            connection.close(CLOSE_NORMAL, now);
            let index = conn.0 - self.parts.first_conn.0;
            self.parts.conns[index as usize].set_state(ConnState::Down);
        }
    }

    fn send(&mut self, conn: ConnId, text: &str, now: MonoNanos) {
        let Some(ConnStep::Up(connection)) = self.step(conn) else { return };
        if let Err(error) = connection.send_text(text, now).and_then(|()| connection.flush(now)) {
            self.notice(format!("connection {conn}: cannot send: {error}"), false);
        }
    }

    /// Asks for the next snapshot of a recording.
    fn fetch_next(&mut self) {
        let Some(play) = &mut self.parts.play else { return };
        let Some(path) = play.next_fetch() else { return };
        let request = tickbook_venues::RestRequest {
            id: tickbook_venues::RequestId::default(),
            path,
            weight: 0,
            purpose: tickbook_venues::RestPurpose::Snapshot,
        };
        let root = self.parts.endpoints.rest.clone();
        let (venue, reply) = (self.parts.venue, self.reply.clone());
        let _ = self.parts.jobs.send(Job::Fetch { venue, root, request, asked: false, reply });
    }

    fn notice(&self, text: String, fatal: bool) {
        // The engine reads until every venue thread is gone.
        let _ = self.parts.notices.send(Notice { venue: self.parts.venue, text, fatal });
    }
}

/// Between two copies of the session's counters: often enough for a live view.
const TALLY_NS: i64 = 50_000_000;

/// RFC 6455, 7.4.1: normal closure.
const CLOSE_NORMAL: u16 = 1000;

/// RFC 6455, 7.4.1: the endpoint is going away.
const CLOSE_GOING_AWAY: u16 = 1001;
