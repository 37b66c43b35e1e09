//! One WebSocket client: its connection from the handshake to the end.
//!
//! Two threads serve it. This one reads: handshake and frames through tungstenite, subscriptions,
//! the venue's rules about rates, pings and age. The other writes what is in [`Outbound`].

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tickbook_types::Venue;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use crate::control;
use crate::hub::{Hub, POLL, wall_ms};
use crate::outbound::{Outbound, PING};
use crate::streams::{Route, Stream};
use crate::tls::{Inbound, SharedTls, write_all};

/// A connected client, as those who send to it see it.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpStream,
    pub(crate) outbound: Arc<Outbound>,
    backlog_bytes_max: usize,
    expelled: AtomicBool,
}

/// Streams on one connection, from the venue's documentation.
const STREAMS_MAX: usize = 1_024;
/// Longest message of a client: 1,024 names of streams take less than a tenth.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long the end of a connection waits for the client's close frame, and for its last bytes.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// Code of a close for breaking a rule (RFC 6455 section 7.4.1).
const POLICY: u16 = 1008;
/// Code of a close because the server goes away.
const GOING_AWAY: u16 = 1001;

impl Client {
    /// Queues a data message. False: it was not sent (silence, closing, or too far behind).
    pub(crate) fn send_data(&self, wrapper: &[u8], message: &[u8]) -> bool {
        let Some(waiting) = self.outbound.push_data(wrapper, message) else { return false };
        if waiting > self.backlog_bytes_max {
            self.expel();
        }
        true
    }

    /// Ends the connection at once, without a close frame.
    pub(crate) fn cut(&self) {
        // An error means that the connection has ended already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn expel(&self) {
        if !self.note_expelled() {
            self.cut();
        }
    }

    /// Notes that a rule ended the connection; gives whether one had before.
    fn note_expelled(&self) -> bool {
        // Relaxed: a mark for the statistics. Partner: the load in `was_expelled`.
        self.expelled.swap(true, Ordering::Relaxed)
    }

    /// Whether a rule of the venue ended the connection.
    pub(crate) fn was_expelled(&self) -> bool {
        // Relaxed: see `note_expelled`, its partner.
        self.expelled.load(Ordering::Relaxed)
    }
}

/// Serves a connection until it ends.
pub(crate) fn serve(hub: &Arc<Hub>, socket: TcpStream) {
    let outbound = Arc::new(Outbound::default());
    let Ok((reading, writing, tls)) = halves(hub, &socket) else { return };
    let client = Arc::new(Client {
        socket,
        outbound: Arc::clone(&outbound),
        backlog_bytes_max: hub.faults.client_backlog_bytes,
        expelled: AtomicBool::new(false),
    });
    thread::scope(|scope| {
        let (queue, their_tls) = (&*outbound, tls.clone());
        let writer = thread::Builder::new().name("sim-writer".to_owned());
        let write = move || write_all(&writing, their_tls.as_ref(), queue);
        if writer.spawn_scoped(scope, write).is_err() {
            return;
        }
        let inbound = Inbound::new(reading, tls, Arc::clone(&outbound));
        if let Some((socket, route)) = handshake(hub, inbound) {
            outbound.set_combined(route.is_combined);
            hub.enter(&client);
            Session::new(hub, &client, socket, route).run();
            hub.leave(&client);
        }
        outbound.finish();
        // Who does not read its last bytes does not get them.
        outbound.wait_gone(CLOSE_WAIT);
        client.cut();
    });
}

fn halves(hub: &Hub, socket: &TcpStream) -> io::Result<(TcpStream, TcpStream, Option<SharedTls>)> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(POLL))?;
    let tls = hub.tls.as_ref().map(SharedTls::new).transpose().map_err(io::Error::other)?;
    Ok((socket.try_clone()?, socket.try_clone()?, tls))
}

fn handshake(hub: &Hub, inbound: Inbound) -> Option<(WebSocket<Inbound>, Route)> {
    let deadline = Instant::now() + HANDSHAKE_MAX;
    let limits = WebSocketConfig::default().max_message_size(Some(REQUEST_BYTES_MAX));
    let mut route = None;
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let choose = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
        route = match &hub.playback {
            Some(_) => Some(Route::any()),
            None => Route::parse(hub.venue, path),
        };
        if route.is_some() { Ok(response) } else { Err(not_found()) }
    };
    let mut result = tungstenite::accept_hdr_with_config(inbound, choose, Some(limits));
    let socket = loop {
        match result {
            Ok(socket) => break socket,
            Err(HandshakeError::Interrupted(unfinished)) => {
                if Instant::now() > deadline || hub.is_stopping() {
                    return None;
                }
                result = unfinished.handshake();
            }
            Err(HandshakeError::Failure(_)) => return None,
        }
    };
    route.map(|route| (socket, route))
}

fn not_found() -> ErrorResponse {
    let mut response = ErrorResponse::new(Some("no such path\n".to_owned()));
    *response.status_mut() = tungstenite::http::StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert("content-length", tungstenite::http::HeaderValue::from_static("13"));
    headers.insert("connection", tungstenite::http::HeaderValue::from_static("close"));
    response
}

/// The reading side of a connection that is open.
struct Session<'a> {
    hub: &'a Hub,
    client: &'a Arc<Client>,
    socket: WebSocket<Inbound>,
    route: Route,
    streams: Vec<Stream>,
    /// When the last messages arrived, as many as may arrive within a second.
    arrivals: VecDeque<Instant>,
    rules: Rules,
    opened: Instant,
    pinged: Instant,
    /// A ping that was not answered yet.
    unanswered: Option<(Vec<u8>, Instant)>,
    /// When the server sent its close frame.
    closing: Option<Instant>,
}

/// The venue's rules for connections.
#[derive(Clone, Copy, Debug)]
struct Rules {
    messages_per_s: Option<usize>,
    ping_interval: Duration,
    pong_timeout: Duration,
    life: Duration,
}

impl Rules {
    fn new(hub: &Hub) -> Self {
        let is_futures = matches!(hub.venue, Venue::BinanceUsdm | Venue::BinanceCoinm);
        let (rate, ping_s, pong_s) = if is_futures { (10, 180, 600) } else { (5, 20, 60) };
        let faults = &hub.faults;
        let enforced = faults.enforce_message_rate && speaks_binance(hub.venue);
        Self {
            messages_per_s: enforced.then_some(rate),
            ping_interval: faults.ping_interval.unwrap_or(Duration::from_secs(ping_s)),
            pong_timeout: faults.pong_timeout.unwrap_or(Duration::from_secs(pong_s)),
            life: faults.connection_life.unwrap_or(Duration::from_secs(24 * 3_600)),
        }
    }
}

impl<'a> Session<'a> {
    fn new(
        hub: &'a Hub,
        client: &'a Arc<Client>,
        socket: WebSocket<Inbound>,
        route: Route,
    ) -> Self {
        let now = Instant::now();
        Self {
            hub,
            client,
            socket,
            route,
            streams: Vec::new(),
            arrivals: VecDeque::new(),
            rules: Rules::new(hub),
            opened: now,
            pinged: now,
            unanswered: None,
            closing: None,
        }
    }

    fn run(mut self) {
        let streams = core::mem::take(&mut self.route.streams);
        if streams.len() > STREAMS_MAX {
            self.close(POLICY, "too many streams");
        } else {
            self.subscribe(streams, None);
        }
        if let Some(playback) = &self.hub.playback {
            playback.enter(self.client);
        }
        while !self.hub.is_stopping() {
            let read = self.socket.read();
            if matches!(read, Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) {
                self.count_arrival();
            }
            match read {
                Ok(Message::Text(text)) => self.answer(&text),
                Ok(Message::Pong(payload)) => {
                    if self.unanswered.as_ref().is_some_and(|(sent, _)| *sent == *payload) {
                        self.unanswered = None;
                    }
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {}
                Err(_) => return,
            }
            // Sends tungstenite's own answers to pings and closes; it writes to the queue.
            let _ = self.socket.flush();
            if self.keep_rules() {
                return;
            }
        }
    }

    /// Pings, late pongs, age, unanswered closes. True: the connection ends.
    fn keep_rules(&mut self) -> bool {
        let now = Instant::now();
        if let Some(since) = self.closing {
            return now - since > CLOSE_WAIT;
        }
        if self.unanswered.as_ref().is_some_and(|(_, at)| now - *at > self.rules.pong_timeout) {
            self.client.expel();
            return true;
        }
        if now - self.opened > self.rules.life {
            self.close(GOING_AWAY, "connection too old");
        } else if now - self.pinged > self.rules.ping_interval {
            self.pinged = now;
            let payload = wall_ms().to_string().into_bytes();
            if self.client.outbound.push(PING, &payload).is_some() {
                self.client.outbound.wake();
            }
            // The venue waits for the pong of its first unanswered ping.
            self.unanswered.get_or_insert((payload, now));
        }
        false
    }

    fn count_arrival(&mut self) {
        let Some(allowed) = self.rules.messages_per_s else { return };
        let now = Instant::now();
        self.arrivals.push_back(now);
        while self.arrivals.front().is_some_and(|at| now - *at > Duration::from_secs(1)) {
            self.arrivals.pop_front();
        }
        if self.arrivals.len() > allowed && self.closing.is_none() {
            // Not cut at once: the client learns the reason from the close frame.
            self.client.note_expelled();
            self.close(POLICY, "Too many requests");
        }
    }

    fn close(&mut self, code: u16, reason: &str) {
        self.client.outbound.push_close(code, reason);
        self.closing = Some(Instant::now());
    }

    fn answer(&mut self, text: &str) {
        // What another venue answered stands in its recording.
        if self.closing.is_some() || !speaks_binance(self.hub.venue) {
            return;
        }
        let (request, id) = match control::parse(text) {
            Ok(parsed) => parsed,
            Err(answer) => return self.send(&answer),
        };
        match request {
            control::Request::Subscribe(names) => {
                let new: Vec<_> = names.iter().map(|name| Stream::parse(name)).collect();
                if self.streams.len() + new.len() > STREAMS_MAX {
                    return self.send(&control::too_many_streams(&id));
                }
                self.subscribe(new, Some(&control::acknowledge(&id)));
            }
            control::Request::Unsubscribe(names) => {
                let gone: Vec<_> = names.iter().map(|name| Stream::parse(name)).collect();
                if let Some(mut flow) = self.hub.flow() {
                    for stream in &gone {
                        flow.market.unsubscribe(self.client, stream);
                    }
                }
                self.streams.retain(|stream| !gone.contains(stream));
                self.send(&control::acknowledge(&id));
            }
            control::Request::List => {
                self.send(&control::list(&self.streams, &id));
            }
            control::Request::SetCombined(on) => {
                self.client.outbound.set_combined(on);
                self.send(&control::acknowledge(&id));
            }
            control::Request::GetCombined => {
                let on = self.client.outbound.is_combined();
                self.send(&control::property(on, &id));
            }
        }
    }

    /// Answers, then subscribes, before the market moves on: the answer precedes the data.
    fn subscribe(&mut self, streams: Vec<Stream>, answer: Option<&str>) {
        let mut flow = self.hub.flow();
        if let Some(answer) = answer {
            self.send(answer);
        }
        for stream in streams {
            if self.streams.contains(&stream) {
                continue;
            }
            if let (Some(flow), true) = (&mut flow, self.route.carries(&stream)) {
                flow.market.subscribe(self.client, &stream);
            }
            self.streams.push(stream);
        }
    }

    fn send(&self, text: &str) {
        self.client.outbound.push(crate::outbound::TEXT, text.as_bytes());
        self.client.outbound.wake();
    }
}

/// Whether a venue's requests are understood here; others are only played from recordings.
const fn speaks_binance(venue: Venue) -> bool {
    matches!(
        venue,
        Venue::BinanceSpot | Venue::BinanceUs | Venue::BinanceUsdm | Venue::BinanceCoinm
    )
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
