//! One WebSocket connection to a venue: the part that runs while messages flow.
//!
//! # Invariants
//!
//! - `failed` is set exactly when something other than our own [`Connection::close`] ended it.
//! - Outside of [`Phase::Open`] the decoder's buffer holds no frame.
//! - `due` is never later than anything that is to happen by itself.

mod drive;

use mio::{Registry, Token};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{MonoNanos, RecvStamps, Ticks};

use crate::frame::{Found, FrameReader, Message, MessageKind, may_be_sent};
use crate::limits::{CLOSE_NS, CONTROL_PAYLOAD_MAX};
use crate::send::{Outgoing, SendQueue};
use crate::socket::Socket;
use crate::sys::Read;
use crate::tls::{Handshake, Opened, Records};
use crate::upgrade::Upgrade;
use crate::{ConnectionOptions, NetError, PongPolicy, SocketReport, Target, TlsFault, Violation};

/// How far a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// TCP is connecting.
    Connecting,
    /// TLS or the upgrade is under way.
    Handshaking,
    /// Messages flow.
    Open,
    /// A close frame was sent; the rest of the stream is read and dropped until it ends.
    Closing,
    /// Over, in order or by an error.
    Closed,
}

/// What a connection has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ConnectionCounters {
    /// Reads that were not empty.
    pub reads: u64,
    /// Bytes received, as on the wire.
    pub bytes: u64,
    /// Pings received.
    pub pings: u64,
    /// Pongs queued.
    pub pongs: u64,
}

/// One WebSocket connection to a venue.
#[derive(Debug)]
pub struct Connection {
    reader: FrameReader,
    socket: Socket,
    /// TLS, once its handshake is done.
    records: Option<Box<Records>>,
    phase: Phase,
    /// Bytes that came together with the answer to the upgrade request.
    early_bytes: usize,
    /// The turn of the last empty poll; 0: none yet.
    polled: Ticks,
    stamps: RecvStamps,
    /// When the last TLS record was opened.
    decrypted: Ticks,
    counters: ConnectionCounters,
    queue: SendQueue,
    converter: Converter,
    failed: Option<NetError>,
    handshake: Option<Box<Handshake>>,
    upgrade: Option<Box<Upgrade>>,
    pong: LastPing,
    times: Times,
    report: SocketReport,
}

/// Deadlines, and what they are made of.
#[derive(Debug)]
struct Times {
    handshake_ns: i64,
    idle_ns: i64,
    probe_ns: i64,
    write_ns: i64,
    /// Of connecting, handshaking or closing.
    phase_deadline: MonoNanos,
    opened: MonoNanos,
    /// The time last heard of when a probe was sent.
    probed: Option<MonoNanos>,
    /// No deadline is earlier.
    due: MonoNanos,
}

/// The ping that is to be answered.
#[derive(Debug)]
struct LastPing {
    policy: PongPolicy,
    payload: [u8; CONTROL_PAYLOAD_MAX],
    /// Its length, if there is one.
    len: Option<usize>,
    /// Before that time no pong may be sent.
    not_before: MonoNanos,
}

impl Connection {
    /// Starts to connect. To be driven until [`Phase::Open`].
    ///
    /// # Errors
    ///
    /// [`NetError::BadTarget`], or the system's refusal of a socket.
    pub fn open(
        target: &Target,
        options: &ConnectionOptions,
        now: MonoNanos,
    ) -> Result<Self, NetError> {
        let upgrade = Upgrade::new(target)?;
        let handshake = match &target.tls {
            Some(config) => Some(Box::new(Handshake::new(config, &target.host)?)),
            None => None,
        };
        let (socket, report) = Socket::open(target.addr, options)?;
        let deadline = now.plus(options.connect_ns);
        Ok(Self {
            reader: FrameReader::new(options),
            socket,
            records: None,
            phase: Phase::Connecting,
            early_bytes: 0,
            polled: Ticks(0),
            stamps: RecvStamps::default(),
            decrypted: Ticks(0),
            counters: ConnectionCounters::default(),
            queue: SendQueue::new(options.send_queue_bytes),
            converter: Converter::new(),
            failed: None,
            handshake,
            upgrade: Some(Box::new(upgrade)),
            pong: LastPing {
                policy: options.pong,
                payload: [0; CONTROL_PAYLOAD_MAX],
                len: None,
                not_before: now,
            },
            times: Times {
                handshake_ns: options.handshake_ns,
                idle_ns: options.idle_ns,
                probe_ns: options.probe_ns,
                write_ns: options.write_ns,
                phase_deadline: deadline,
                opened: now,
                probed: None,
                due: deadline,
            },
            report,
        })
    }

    /// How far it is.
    #[inline]
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What the socket was granted.
    #[must_use]
    pub const fn report(&self) -> SocketReport {
        self.report
    }

    /// What it has seen.
    #[must_use]
    pub const fn counters(&self) -> ConnectionCounters {
        self.counters
    }

    /// One read, one system call. `Ok(0)`: nothing there (an empty poll). To be called when
    /// [`Self::next_message`] has no more; otherwise there may be no room, which is an `Ok(0)` too.
    ///
    /// If bytes came together with the answer to the upgrade request, the first call says how many
    /// and reads nothing.
    ///
    /// `turn` is a reading of the clock ([`tickbook_types::clock::now`]) taken before the call, in
    /// the same loop turn: nothing that a later read brings can have arrived before the last empty
    /// poll began.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection.
    #[inline]
    pub fn recv(&mut self, turn: Ticks) -> Result<usize, NetError> {
        if self.phase != Phase::Open || self.early_bytes > 0 {
            return self.recv_early();
        }
        match self.read() {
            Ok(Read::Bytes(count, _)) => Ok(count),
            Ok(Read::Empty) => {
                // Without room nothing was asked, so nothing is known.
                if self.reader.buffer.room() > 0 {
                    self.polled = turn;
                }
                Ok(0)
            }
            Ok(Read::Eof) => Err(self.fail(NetError::Truncated, self.times.opened)),
            Err(error) => Err(self.fail(error.into(), self.times.opened)),
        }
    }

    /// Stamps of the last read that was not empty.
    #[inline]
    #[must_use]
    pub const fn stamps(&self) -> &RecvStamps {
        &self.stamps
    }

    /// When the last TLS record was decrypted, which the message handed out last ends in; `None`
    /// without TLS.
    #[inline]
    #[must_use]
    pub fn decrypted(&self) -> Option<Ticks> {
        self.records.as_ref().map(|_| self.decrypted)
    }

    /// The next whole message that was received; `None` when more must be read first. Pings are
    /// answered and a close is echoed on the way.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection, [`NetError::PeerClosed`] included.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<Message<'_>>, NetError> {
        loop {
            match self.reader.find() {
                Ok(Found::Message { kind, start, len }) => {
                    return Ok(Some(self.reader.message(kind, start, len)));
                }
                other => {
                    if !self.go_on(other)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Queues a text message and hands the socket what it takes.
    ///
    /// # Errors
    ///
    /// [`NetError::SendQueueFull`], [`NetError::NotOpen`], or what failed the connection.
    pub fn send_text(&mut self, text: &str, now: MonoNanos) -> Result<(), NetError> {
        self.send(MessageKind::Text, text.as_bytes(), now)
    }

    /// Queues a message and hands the socket what it takes. Text must be UTF-8.
    ///
    /// # Errors
    ///
    /// [`NetError::SendQueueFull`], [`NetError::NotOpen`], or what failed the connection.
    pub fn send(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        now: MonoNanos,
    ) -> Result<(), NetError> {
        if self.phase != Phase::Open {
            return Err(self.refusal());
        }
        let kind = match kind {
            MessageKind::Text => Outgoing::Text,
            MessageKind::Binary => Outgoing::Binary,
        };
        match self.queue.push_frame(kind, payload, self.records.as_deref_mut(), now) {
            Ok(()) => self.flush(now),
            Err(NetError::SendQueueFull) => Err(NetError::SendQueueFull),
            // A part of it may be queued: what follows would make no sense to the venue.
            Err(error) => Err(self.fail(error, now)),
        }
    }

    /// Hands the socket what it takes of the queue. Cheap when the queue is empty.
    ///
    /// # Errors
    ///
    /// Whatever failed the connection.
    #[inline]
    pub fn flush(&mut self, now: MonoNanos) -> Result<(), NetError> {
        // What a close still has to say is written by `drive`.
        let flows = matches!(self.phase, Phase::Handshaking | Phase::Open);
        if self.queue.waiting() == 0 || !flows {
            return Ok(());
        }
        self.write().map_err(|error| self.fail(error.into(), now))?;
        self.update_due();
        Ok(())
    }

    /// Bytes that wait for the socket.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queue.waiting()
    }

    /// Sends a close frame with `code` (1000 if it must not be sent) and stops delivering
    /// messages. Drive it until [`Phase::Closed`], or drop it.
    pub fn close(&mut self, code: u16, now: MonoNanos) {
        match self.phase {
            Phase::Open => {
                let code = if may_be_sent(code) { code } else { 1000 };
                self.start_closing(Some(code), now);
            }
            Phase::Connecting | Phase::Handshaking => self.phase = Phase::Closed,
            Phase::Closing | Phase::Closed => {}
        }
    }

    /// When [`Self::on_deadline`] wants to be called, at the latest; [`MonoNanos::FAR`] if never.
    #[inline]
    #[must_use]
    pub const fn deadline(&self) -> MonoNanos {
        self.times.due
    }

    /// Registers the socket for readiness, for a thread that sleeps between turns. Readiness is
    /// told once per change: sleep only after [`Self::recv`] returned `Ok(0)`.
    ///
    /// # Errors
    ///
    /// The system's refusal.
    pub fn register(&mut self, registry: &Registry, token: Token) -> std::io::Result<()> {
        self.socket.register(registry, token)
    }

    /// Undoes [`Self::register`].
    ///
    /// # Errors
    ///
    /// The system's refusal.
    pub fn deregister(&mut self, registry: &Registry) -> std::io::Result<()> {
        self.socket.deregister(registry)
    }

    #[cold]
    fn recv_early(&mut self) -> Result<usize, NetError> {
        match self.phase {
            Phase::Open => Ok(core::mem::take(&mut self.early_bytes)),
            _ => Err(self.refusal()),
        }
    }

    /// One read into the buffer, stamped and counted.
    #[inline]
    fn read(&mut self) -> std::io::Result<Read> {
        let room = self.reader.buffer.free();
        if room.is_empty() {
            return Ok(Read::Empty);
        }
        let read = self.socket.recv(room)?;
        if let Read::Bytes(count, kernel) = read {
            let received = clock::now();
            let poll_gap =
                if self.polled == Ticks(0) { 0 } else { received.since_u32(self.polled) };
            self.stamps = RecvStamps { kernel, received, poll_gap };
            self.counters.reads += 1;
            self.counters.bytes += count as u64;
            if self.records.is_some() || self.handshake.is_some() {
                self.reader.buffer.filled_sealed(count);
            } else {
                self.reader.buffer.filled(count);
            }
        }
        Ok(read)
    }

    /// Deals with everything that is not a message. `false`: more must be read first.
    #[inline(never)]
    fn go_on(&mut self, found: Result<Found, Violation>) -> Result<bool, NetError> {
        match found {
            Ok(Found::More) => self.refill(),
            Ok(Found::Ping { start, len }) => {
                self.on_ping(start, len);
                Ok(true)
            }
            Ok(Found::Pong { .. } | Found::Message { .. }) => Ok(true),
            Ok(Found::Close { code }) => {
                let now = self.heard();
                self.failed = Some(NetError::PeerClosed { code });
                self.start_closing(code, now);
                Err(NetError::PeerClosed { code })
            }
            Err(violation) => {
                let now = self.heard();
                Err(self.fail(violation.into(), now))
            }
        }
    }

    /// Decrypts the next record, if there is one. When there is none, this read is done with.
    #[inline]
    fn refill(&mut self) -> Result<bool, NetError> {
        if let (Some(records), Phase::Open) = (&mut self.records, self.phase) {
            match records.open_next(&mut self.reader.buffer) {
                Ok(Opened::Data) => {
                    self.decrypted = clock::now();
                    return Ok(true);
                }
                Ok(Opened::More) => {}
                Ok(Opened::Other) => {
                    if records.owes_key_update() {
                        self.answer_key_update()?;
                    }
                    return Ok(true);
                }
                Ok(Opened::Closed) => {
                    let now = self.heard();
                    return Err(self.fail(NetError::Truncated, now));
                }
                Err(fault) => {
                    let now = self.heard();
                    return Err(self.fail(fault.into(), now));
                }
            }
        }
        if self.phase != Phase::Open {
            return Err(self.refusal());
        }
        if self.pong.len.is_some() || self.queue.waiting() > 0 {
            let now = self.heard();
            self.answer_ping(now);
            self.flush(now)?;
        }
        Ok(false)
    }

    #[cold]
    fn answer_key_update(&mut self) -> Result<(), NetError> {
        let now = self.heard();
        let Some(records) = &mut self.records else { return Ok(()) };
        records.answer_key_update(&mut self.queue, now).map_err(|error| self.fail(error, now))?;
        self.flush(now)
    }

    fn on_ping(&mut self, start: usize, len: usize) {
        self.counters.pings += 1;
        let payload = self.reader.payload(start, len);
        self.pong.payload[..len].copy_from_slice(payload);
        self.pong.len = Some(len);
        if self.pong.policy == PongPolicy::Every {
            let now = self.heard();
            self.answer_ping(now);
        }
    }

    /// Queues a pong for the last ping, if it may be sent now.
    fn answer_ping(&mut self, now: MonoNanos) {
        let Some(len) = self.pong.len else { return };
        if let PongPolicy::Last { interval_ns } = self.pong.policy {
            if now < self.pong.not_before {
                self.update_due();
                return;
            }
            self.pong.not_before = now.plus(interval_ns);
        }
        let payload = &self.pong.payload[..len];
        let records = self.records.as_deref_mut();
        // Where it does not fit it waits for the next turn, or for a later ping.
        if self.queue.push_frame(Outgoing::Pong, payload, records, now).is_ok() {
            self.pong.len = None;
            self.counters.pongs += 1;
        }
    }

    /// When the venue was last heard of.
    fn heard(&self) -> MonoNanos {
        if self.stamps.received == Ticks(0) {
            return self.times.opened;
        }
        self.converter.mono(self.stamps.received).max(self.times.opened)
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> std::io::Result<()> {
        while self.queue.waiting() > 0 {
            let count = self.socket.send(self.queue.pending())?;
            if count == 0 {
                break;
            }
            self.queue.sent(count);
        }
        Ok(())
    }

    /// Sends a close frame, and drops what comes from now on.
    #[cold]
    fn start_closing(&mut self, code: Option<u16>, now: MonoNanos) {
        let code = code.map(u16::to_be_bytes);
        let payload = code.as_ref().map_or(&[][..], |code| code);
        let records = self.records.as_deref_mut();
        // A full queue or an exhausted key: the stream just ends.
        let _ = self.queue.push_frame(Outgoing::Close, payload, records, now);
        if let Some(records) = &mut self.records {
            records.close(false, &mut self.queue, now);
        }
        self.reader.buffer.clear();
        self.phase = Phase::Closing;
        self.times.phase_deadline = now.plus(CLOSE_NS);
        if self.write().is_err() {
            self.phase = Phase::Closed;
        }
        self.update_due();
    }

    /// Fails the connection. What can still be told to the peer is told.
    #[cold]
    fn fail(&mut self, error: NetError, now: MonoNanos) -> NetError {
        self.failed = Some(error);
        if let NetError::Protocol(violation) = error {
            self.start_closing(Some(violation.close_code()), now);
            return error;
        }
        if let (NetError::Tls(fault), Some(records)) = (error, &mut self.records) {
            records.close(fault == TlsFault::BadRecord, &mut self.queue, now);
        }
        if matches!(error, NetError::Tls(_)) {
            let _ = self.write();
        }
        self.reader.buffer.clear();
        self.phase = Phase::Closed;
        self.update_due();
        error
    }

    /// Why nothing can be done now.
    #[cold]
    fn refusal(&self) -> NetError {
        self.failed.unwrap_or(NetError::NotOpen)
    }
}

// A venue thread takes its connections with it.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Connection>();
};
