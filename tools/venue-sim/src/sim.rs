//! The running venue.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickbook_types::Venue;

use crate::config::{Feed, SimConfig};
use crate::error::SimError;
use crate::hub::{Hub, lock, wall_ms};
use crate::tls::Tls;
use crate::{client, rest};

/// A running venue. Dropping it stops it.
#[derive(Debug)]
pub struct Sim {
    hub: Arc<Hub>,
    ws: SocketAddr,
    rest: SocketAddr,
    ca_file: Option<PathBuf>,
    threads: Vec<JoinHandle<()>>,
}

/// The venue's own book.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrueBook {
    /// Update id of the last change.
    pub last_id: u64,
    /// Price and size as plain decimals without trailing zeros, best first.
    pub bids: Vec<(String, String)>,
    /// See `bids`.
    pub asks: Vec<(String, String)>,
}

/// What the venue did so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SimStats {
    /// WebSocket messages sent, to all clients together, of any kind.
    pub messages_sent: u64,
    /// Bytes of these messages, frame headers included, before TLS.
    pub bytes_sent: u64,
    /// Depth messages made, whether or not anybody subscribed to them.
    pub book_messages_made: u64,
    /// Level changes in them.
    pub level_changes_made: u64,
    /// Depth messages sent, to all clients together.
    pub book_messages_sent: u64,
    /// Best bid and ask messages sent.
    pub tickers_sent: u64,
    /// Trade and aggregate trade messages sent.
    pub trades_sent: u64,
    /// Messages held back on request (`drop_next_message`, `silence`).
    pub messages_dropped: u64,
    /// WebSocket clients connected now.
    pub clients: u64,
    /// WebSocket clients accepted so far.
    pub clients_accepted: u64,
    /// Clients disconnected by a rule of the venue (rate, backlog, pong).
    pub clients_expelled: u64,
    /// REST requests answered.
    pub rest_requests: u64,
    /// Most that a message was sent behind its schedule, in nanoseconds.
    pub late_ns_max: u64,
}

/// How far a capture has been played.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CaptureProgress {
    /// Frames handed to the client's socket.
    pub frames_sent: u64,
    /// REST answers given.
    pub snapshots_served: u64,
    /// Requests that no later line could answer.
    pub snapshots_unknown: u64,
    /// Whether the stream holds for a REST request now.
    pub is_holding: bool,
    /// Whether everything was sent.
    pub is_done: bool,
}

impl Sim {
    /// Opens the ports, makes the certificates, and starts the threads.
    ///
    /// # Errors
    ///
    /// [`SimError`]; nothing is left running.
    pub fn start(config: SimConfig) -> Result<Self, SimError> {
        config.check()?;
        let ws = listen(config.listen_ws)?;
        let rest = listen(config.listen_rest)?;
        let tls = config.tls.then(Tls::new).transpose()?;
        if let (Some(file), Some(tls)) = (&config.ca_file, &tls) {
            let written = std::fs::write(file, &tls.ca_pem);
            written.map_err(|it| SimError::io(format!("cannot write {}", file.display()), it))?;
        }
        let ca_file = config.ca_file.clone().filter(|_| config.tls);
        let market = match &config.feed {
            Feed::Synthetic(market) => Some(market.clone()),
            Feed::Capture { .. } => None,
        };
        let mut sim = Self {
            hub: Arc::new(Hub::new(config, tls)),
            ws: address(&ws)?,
            rest: address(&rest)?,
            ca_file,
            threads: Vec::new(),
        };
        // An error drops `sim`, which ends the threads that run already.
        let hub = Arc::clone(&sim.hub);
        sim.spawn("sim-ws", move || accept(&hub, &ws, "sim-client", client::serve))?;
        let hub = Arc::clone(&sim.hub);
        sim.spawn("sim-rest", move || accept(&hub, &rest, "sim-request", rest::serve))?;
        let hub = Arc::clone(&sim.hub);
        sim.spawn("sim-flow", move || match (&market, &hub.playback) {
            (Some(market), _) => hub.run_flow(market),
            (None, Some(playback)) => playback.run(&hub),
            (None, None) => {}
        })?;
        Ok(sim)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), SimError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        self.threads.push(thread.map_err(|it| SimError::io("cannot start a thread", it))?);
        Ok(())
    }

    /// The venue it speaks for.
    #[must_use]
    pub fn venue(&self) -> Venue {
        self.hub.venue
    }

    /// `ws://127.0.0.1:PORT` or `wss://127.0.0.1:PORT`, without a path.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("{}://{}", if self.hub.tls.is_some() { "wss" } else { "ws" }, self.ws)
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`, without a path.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("{}://{}", if self.hub.tls.is_some() { "https" } else { "http" }, self.rest)
    }

    /// Certificate of the test authority, if the venue speaks TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.hub.tls.as_ref().map(|tls| tls.ca_pem.as_str())
    }

    /// Where that certificate was written, if it was to be.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Every symbol, as the venue writes it; empty when a capture is played.
    #[must_use]
    pub fn symbols(&self) -> Vec<String> {
        let Some(flow) = self.hub.flow() else { return Vec::new() };
        flow.market.listings().map(|it| it.symbol.clone()).collect()
    }

    /// The book of a symbol right now; `None` for an unknown symbol or when a capture is played.
    ///
    /// While the market moves it is ahead of what was sent; after [`Self::pause`] it is what a
    /// client has that applied everything.
    #[must_use]
    pub fn true_book(&self, symbol: &str) -> Option<TrueBook> {
        self.hub.flow()?.market.true_book(symbol)
    }

    /// Stops the order flow, sends what is pending, and waits until all of it is in the sockets.
    pub fn pause(&self) {
        self.hub.pause();
    }

    /// Lets the order flow go on; the schedule moves by the length of the pause.
    pub fn resume(&self) {
        self.hub.resume();
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> SimStats {
        let market = self.hub.flow().map(|flow| flow.market.counts()).unwrap_or_default();
        let clients = self.hub.client_counts();
        SimStats {
            messages_sent: clients.sent.messages,
            bytes_sent: clients.sent.bytes,
            book_messages_made: market.book_messages_made,
            level_changes_made: market.level_changes_made,
            book_messages_sent: market.book_messages_sent,
            tickers_sent: market.tickers_sent,
            trades_sent: market.trades_sent,
            messages_dropped: market.dropped_on_request + clients.sent.muted,
            clients: clients.here,
            clients_accepted: clients.accepted,
            clients_expelled: clients.expelled,
            rest_requests: lock(&self.hub.budget).requests(),
            late_ns_max: self.hub.late_ns_max(),
        }
    }

    /// Whether every frame of the capture was sent (false for a synthetic market).
    #[must_use]
    pub fn capture_done(&self) -> bool {
        self.capture_progress().is_done
    }

    /// How far the capture has been played (zeros for a synthetic market).
    #[must_use]
    pub fn capture_progress(&self) -> CaptureProgress {
        self.hub.playback.as_ref().map(|it| it.progress()).unwrap_or_default()
    }

    /// Does not send the next depth message of `symbol` to anybody. False: no such symbol.
    pub fn drop_next_message(&self, symbol: &str) -> bool {
        self.hub.flow().is_some_and(|mut flow| flow.market.drop_next(symbol))
    }

    /// Cuts every WebSocket connection without a close frame.
    pub fn disconnect_all(&self) {
        self.hub.disconnect_all();
    }

    /// Tells every client that its server is going down (`serverShutdown`).
    pub fn send_shutdown(&self) {
        let message = format!("{{\"e\":\"serverShutdown\",\"E\":{}}}", wall_ms());
        self.hub.broadcast(b"{\"stream\":\"!serverShutdown\",\"data\":", message.as_bytes());
    }

    /// Answers the next `count` REST requests with `code` and, if given, a `Retry-After`.
    pub fn set_http_status(&self, code: u16, retry_after: Option<Duration>, count: u32) {
        lock(&self.hub.budget).force(code, retry_after, count);
    }

    /// While on, sends nothing at all on any connection; the market goes on unseen.
    pub fn silence(&self, on: bool) {
        self.hub.set_silent(on);
    }

    /// Ends every connection and thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.hub.begin_stop();
        for addr in [self.ws, self.rest] {
            // Wakes the thread that accepts; if that fails, it has ended already.
            drop(TcpStream::connect_timeout(&addr, Duration::from_secs(1)));
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

fn listen(addr: SocketAddr) -> Result<TcpListener, SimError> {
    TcpListener::bind(addr).map_err(|source| SimError::bind(addr, source))
}

fn address(listener: &TcpListener) -> Result<SocketAddr, SimError> {
    listener.local_addr().map_err(|source| SimError::io("cannot read a socket's address", source))
}

/// Accepts connections and gives each a thread, until the venue stops; then waits for them.
fn accept(hub: &Arc<Hub>, listener: &TcpListener, name: &str, serve: fn(&Arc<Hub>, TcpStream)) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((socket, _)) = listener.accept() {
        if hub.is_stopping() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let shared = Arc::clone(hub);
        let thread = thread::Builder::new().name(name.to_owned());
        // Without a thread the connection is closed: the client sees it and tries again.
        if let Ok(thread) = thread.spawn(move || serve(&shared, socket)) {
            threads.push(thread);
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
}
