//! What happens before and after messages flow, and what happens by itself.

use tickbook_types::MonoNanos;

use super::{Connection, Phase};
use crate::send::Outgoing;
use crate::sys::Read;
use crate::tls::Opened;
use crate::{HandshakeFault, NetError, PongPolicy, Waited};

impl Connection {
    /// Drives connect, handshakes, closing and pending writes as far as they go without waiting.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection, once; later calls say [`Phase::Closed`].
    pub fn drive(&mut self, now: MonoNanos) -> Result<Phase, NetError> {
        self.on_deadline(now)?;
        match self.phase {
            Phase::Connecting => self.drive_connect(now)?,
            Phase::Handshaking => self.drive_handshake(now)?,
            Phase::Open => self.flush(now)?,
            Phase::Closing => self.drive_close(),
            Phase::Closed => {}
        }
        self.update_due();
        Ok(self.phase)
    }

    /// Does what is due at `now`: gives up, probes a silent venue, sends a delayed pong.
    ///
    /// # Errors
    ///
    /// [`NetError::Timeout`], or whatever failed the connection.
    pub fn on_deadline(&mut self, now: MonoNanos) -> Result<(), NetError> {
        if now < self.times.due {
            return Ok(());
        }
        let late = now >= self.times.phase_deadline;
        match self.phase {
            Phase::Connecting if late => return Err(self.give_up(Waited::Connect, now)),
            Phase::Handshaking if late => return Err(self.give_up(Waited::Handshake, now)),
            Phase::Closing if late => self.phase = Phase::Closed,
            Phase::Open => {
                self.converter.refresh();
                self.judge_silence(now)?;
                self.answer_ping(now);
                self.flush(now)?;
            }
            _ => {}
        }
        if let (Some(since), false) = (self.queue.waiting_since(), self.phase == Phase::Closed)
            && now >= since.plus(self.times.write_ns)
        {
            return Err(self.give_up(Waited::Write, now));
        }
        self.update_due();
        Ok(())
    }

    fn give_up(&mut self, waited: Waited, now: MonoNanos) -> NetError {
        self.fail(NetError::Timeout(waited), now)
    }

    fn judge_silence(&mut self, now: MonoNanos) -> Result<(), NetError> {
        let heard = self.heard();
        let silent_ns = now.since(heard);
        if self.times.idle_ns > 0 && silent_ns >= self.times.idle_ns {
            return Err(self.give_up(Waited::Data, now));
        }
        let probe = self.times.probe_ns > 0 && silent_ns >= self.times.probe_ns;
        if probe && self.times.probed != Some(heard) {
            self.times.probed = Some(heard);
            let records = self.records.as_deref_mut();
            // If the queue is full, the write deadline is running.
            let _ = self.queue.push_frame(Outgoing::Ping, b"", records, now);
        }
        Ok(())
    }

    /// Recomputes the earliest deadline. The time last heard of may be outdated by then, which
    /// makes it early, never late.
    pub(super) fn update_due(&mut self) {
        let times = &self.times;
        let mut due = match self.phase {
            Phase::Connecting | Phase::Handshaking | Phase::Closing => times.phase_deadline,
            Phase::Open => {
                let heard = self.heard();
                let idle =
                    if times.idle_ns > 0 { heard.plus(times.idle_ns) } else { MonoNanos::FAR };
                let probe = if times.probe_ns > 0 && times.probed != Some(heard) {
                    heard.plus(times.probe_ns)
                } else {
                    MonoNanos::FAR
                };
                let pong = match (self.pong.len, self.pong.policy) {
                    (Some(_), PongPolicy::Last { .. }) => self.pong.not_before,
                    _ => MonoNanos::FAR,
                };
                idle.min(probe).min(pong)
            }
            Phase::Closed => MonoNanos::FAR,
        };
        if let (Some(since), false) = (self.queue.waiting_since(), self.phase == Phase::Closed) {
            due = due.min(since.plus(times.write_ns));
        }
        self.times.due = due;
    }

    fn drive_connect(&mut self, now: MonoNanos) -> Result<(), NetError> {
        match self.socket.connected() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(self.fail(error.into(), now)),
        }
        self.phase = Phase::Handshaking;
        self.times.phase_deadline = now.plus(self.times.handshake_ns);
        if self.handshake.is_some() {
            self.advance_tls(now)?;
        } else {
            self.ask(now)?;
        }
        self.drive_handshake(now)
    }

    fn drive_handshake(&mut self, now: MonoNanos) -> Result<(), NetError> {
        while self.phase == Phase::Handshaking {
            self.flush(now)?;
            if self.reader.buffer.free().is_empty() {
                return Err(self.fail(HandshakeFault::TooLong.into(), now));
            }
            match self.read() {
                Ok(Read::Bytes(..)) => {}
                Ok(Read::Empty) => return Ok(()),
                Ok(Read::Eof) => return Err(self.fail(NetError::Truncated, now)),
                Err(error) => return Err(self.fail(error.into(), now)),
            }
            if self.handshake.is_some() {
                self.advance_tls(now)?;
            }
            if self.handshake.is_none() {
                self.judge_answer(now)?;
            }
        }
        Ok(())
    }

    /// Goes on with TLS; when it is done, asks for the upgrade.
    fn advance_tls(&mut self, now: MonoNanos) -> Result<(), NetError> {
        let Some(handshake) = &mut self.handshake else { return Ok(()) };
        match handshake.advance(&mut self.reader.buffer, &mut self.queue, now) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(self.fail(error, now)),
        }
        if let Some(handshake) = self.handshake.take() {
            match handshake.into_records() {
                Ok(records) => self.records = Some(Box::new(records)),
                Err(error) => return Err(self.fail(error, now)),
            }
        }
        self.ask(now)
    }

    /// Queues the upgrade request.
    fn ask(&mut self, now: MonoNanos) -> Result<(), NetError> {
        let Some(upgrade) = &self.upgrade else { return Ok(()) };
        match &mut self.records {
            Some(records) => {
                let sealed = records.seal(upgrade.request(), &mut self.queue, now);
                sealed.map_err(|error| self.fail(error, now))?;
            }
            None => self.queue.push_raw(upgrade.request(), now),
        }
        self.flush(now)
    }

    /// Looks for the answer to the upgrade request. What stands behind it stays in the buffer.
    fn judge_answer(&mut self, now: MonoNanos) -> Result<(), NetError> {
        loop {
            let Some(upgrade) = &mut self.upgrade else { return Ok(()) };
            match upgrade.judge(self.reader.buffer.plaintext()) {
                Ok(Some(len)) => {
                    self.reader.buffer.consume(len);
                    self.early_bytes = self.reader.buffer.undecoded();
                    self.upgrade = None;
                    self.phase = Phase::Open;
                    self.times.opened = now;
                    self.times.phase_deadline = MonoNanos::FAR;
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => return Err(self.fail(error, now)),
            }
            let Some(records) = &mut self.records else { return Ok(()) };
            match records.open_next(&mut self.reader.buffer) {
                Ok(Opened::Data | Opened::Other) => {}
                Ok(Opened::More) => return Ok(()),
                Ok(Opened::Closed) => return Err(self.fail(NetError::Truncated, now)),
                Err(fault) => return Err(self.fail(fault.into(), now)),
            }
        }
    }

    /// Reads and drops what still comes, so that our close frame is not lost to a reset.
    fn drive_close(&mut self) {
        if self.write().is_err() {
            self.phase = Phase::Closed;
        }
        for _ in 0..CLOSING_READS_MAX {
            self.reader.buffer.clear();
            match self.read() {
                Ok(Read::Bytes(..)) => {}
                Ok(Read::Empty) => break,
                Ok(Read::Eof) | Err(_) => {
                    self.phase = Phase::Closed;
                    break;
                }
            }
        }
        self.reader.buffer.clear();
    }
}

/// Reads of one turn while closing: a venue that goes on sending must not hold the thread.
const CLOSING_READS_MAX: u32 = 16;
