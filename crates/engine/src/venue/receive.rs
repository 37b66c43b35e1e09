//! What a venue thread does with its connections: polls the open ones, drives the others.

use tickbook_net::{Connection, MessageKind, NetError, Phase};
use tickbook_shm::{ConnState, Counter, Stage, StatsWriter};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{Epoch, MonoNanos, RecvStamps, Ticks};
use tickbook_venues::Context;

use super::VenueThread;
use crate::limits;
use crate::room;
use crate::service::Job;
use crate::venue_conn::{Conn, ConnStep};

impl VenueThread {
    /// Reads an open connection and hands over what came, until there is nothing more or the turn
    /// is used up.
    #[inline]
    pub(super) fn poll_conn(&mut self, index: usize, turn: Ticks) -> usize {
        let mut work = 0;
        let mut polled = turn;
        for _ in 0..limits::TURN_READS {
            let conn = &mut self.conns[index];
            let ConnStep::Up(connection) = &mut conn.state else { break };
            if connection.phase() != Phase::Open {
                break;
            }
            if !conn.held {
                match connection.recv(polled) {
                    Ok(0) => break,
                    // A read is work, even if no message is whole yet.
                    Ok(_) => work += 1,
                    Err(error) => return work + self.lost(index, error, self.clock.mono(turn)),
                }
            }
            match self.hand_over(index) {
                Ok(messages) => work += messages,
                Err(error) => return work + self.lost(index, error, self.clock.mono(turn)),
            }
            if self.conns[index].held {
                break;
            }
            polled = clock::now();
        }
        work
    }

    /// Hands every message of the last read to the session.
    fn hand_over(&mut self, index: usize) -> Result<usize, NetError> {
        let Self { session, parts, conns, actions, counters, bytes, clock: converter, .. } = self;
        let Conn { state: ConnStep::Up(connection), held, .. } = &mut conns[index] else {
            return Ok(0);
        };
        let id = parts.conn_id(index);
        let stamps = *connection.stamps();
        let mut now = converter.mono(stamps.received);
        parts.conns[index].received(now);
        let mut work = 0;
        loop {
            *held = parts.play.as_ref().is_some_and(|play| play.is_held(counters.frames));
            if *held {
                break;
            }
            let sampled = session.samples_next();
            let Some(message) = connection.next_message()? else { break };
            let decoded = if sampled { clock::now() } else { Ticks(0) };
            work += 1;
            *bytes += message.payload.len() as u64;
            if let Some(play) = &parts.play {
                let at = usize::try_from(counters.frames).unwrap_or(usize::MAX);
                now = MonoNanos(play.frame_times.get(at).copied().unwrap_or(now.0));
                let len = message.payload.len();
                let want = match message.kind {
                    MessageKind::Text => room::of_frame(len),
                    MessageKind::Binary => room::of_binary(len),
                };
                room::make(&mut parts.lane, want, parts.builder.as_mut());
            }
            let mut cx = Context {
                now,
                shared_stamp: !message.last_of_read,
                lane: &mut parts.lane,
                actions,
                counters,
            };
            match message.kind {
                MessageKind::Text => session.on_message(id, message.payload, &stamps, &mut cx),
                MessageKind::Binary => session.on_binary(id, message.payload, &stamps, &mut cx),
            }
            if sampled && let Some(parsed) = session.take_parsed() {
                let stages = Stages { decrypted: connection.decrypted(), decoded, parsed };
                stages.record(&stamps, converter, &mut parts.stats);
            }
            if let Some(builder) = &mut parts.builder {
                builder.turn();
            }
        }
        Ok(work)
    }

    /// Does for a connection what is due: opens it, drives its handshakes, minds its deadlines.
    pub(super) fn drive_conn(&mut self, index: usize, now: MonoNanos) -> usize {
        let conn = &mut self.conns[index];
        let driven = match &mut conn.state {
            ConnStep::Down | ConnStep::Resolving => return 0,
            ConnStep::Waiting { at, .. } if now < *at => return 0,
            ConnStep::Waiting { .. } => return self.resolve(index),
            ConnStep::Up(connection) if connection.phase() == Phase::Open => {
                let kept = keep_up(connection, now);
                self.tell_pongs(index, now);
                kept.map(|()| 0)
            }
            ConnStep::Up(connection) => match connection.drive(now) {
                Ok(Phase::Open) => Ok(self.opened(index, now)),
                Ok(Phase::Closed) => Err(NetError::NotOpen),
                Ok(_) => connection.on_deadline(now).map(|()| 0),
                Err(error) => Err(error),
            },
        };
        driven.unwrap_or_else(|error| self.lost(index, error, now))
    }

    /// Tells the session of the pongs that were sent.
    fn tell_pongs(&mut self, index: usize, now: MonoNanos) {
        let id = self.parts.conn_id(index);
        let conn = &mut self.conns[index];
        let ConnStep::Up(connection) = &conn.state else { return };
        let pongs = connection.counters().pongs;
        for _ in conn.pongs_told..pongs {
            self.session.on_pong_sent(id, now);
        }
        conn.pongs_told = pongs;
    }

    /// Asks for the address of a connection's host.
    fn resolve(&mut self, index: usize) -> usize {
        let conn = &mut self.conns[index];
        let ConnStep::Waiting { url, .. } = std::mem::replace(&mut conn.state, ConnStep::Resolving)
        else {
            return 0;
        };
        let id = self.parts.conn_id(index);
        let reply = self.reply.clone();
        // Service threads live as long as this sender.
        let _ = self.parts.jobs.send(Job::Resolve { conn: id, url, reply });
        1
    }

    fn opened(&mut self, index: usize, now: MonoNanos) -> usize {
        let conn = &mut self.conns[index];
        conn.epoch += 1;
        conn.pongs_told = 0;
        conn.held = false;
        conn.opened_at = now;
        self.has_connected = true;
        let (id, epoch) = (self.parts.conn_id(index), Epoch(conn.epoch));
        let writer = &mut self.parts.conns[index];
        writer.set_epoch(epoch);
        writer.received(now);
        writer.set_state(ConnState::Open);
        self.parts.stats.add(Counter::Connects, 1);
        self.call(now, false, |session, cx| session.on_connected(id, epoch, cx));
        self.perform(now);
        1
    }

    /// A connection ended, or could not be had.
    #[cold]
    pub(super) fn lost(&mut self, index: usize, error: NetError, now: MonoNanos) -> usize {
        let id = self.parts.conn_id(index);
        let conn = &mut self.conns[index];
        conn.state = ConnStep::Down;
        if self.parts.play.as_ref().is_some_and(|it| it.is_over(self.counters.frames)) {
            // The books of a replay are those after the last record, before closing.
            return 1;
        }
        let delay = conn.delay_after(error, now);
        self.parts.conns[index].set_state(ConnState::Down);
        let fatal = error.needs_operator() && !self.has_connected;
        let milliseconds = delay / 1_000_000;
        let text = match error {
            // As the session wanted; whether it comes back is the session's to say.
            NetError::NotOpen => format!("connection {id}: closed"),
            _ => format!("connection {id}: {error}; next attempt in {milliseconds} ms"),
        };
        self.notice(text, fatal);
        self.call(now, false, |session, cx| session.on_disconnected(id, cx));
        self.perform(now);
        1
    }
}

/// Minds what an open connection has to send, and its deadline.
fn keep_up(connection: &mut Connection, now: MonoNanos) -> Result<(), NetError> {
    connection.flush(now)?;
    connection.on_deadline(now)
}

/// The inner stamps of one message, in the venue thread.
#[derive(Clone, Copy, Debug)]
struct Stages {
    /// `None` without TLS.
    decrypted: Option<Ticks>,
    decoded: Ticks,
    parsed: Ticks,
}

impl Stages {
    #[inline(never)] // seldom
    fn record(self, stamps: &RecvStamps, clock: &Converter, stats: &mut StatsWriter) {
        // One thread, one counter: no stamp is earlier than the one before it.
        let nanos = |from: Ticks, to: Ticks| clock.nanos(to.0.saturating_sub(from.0));
        let before = match self.decrypted {
            Some(decrypted) => {
                stats.record(Stage::RecvToDecrypted, nanos(stamps.received, decrypted));
                decrypted
            }
            None => stamps.received,
        };
        stats.record(Stage::DecryptedToDecoded, nanos(before, self.decoded));
        stats.record(Stage::DecodedToParsed, nanos(self.decoded, self.parsed));
    }
}
