//! A naive client: blocking sockets, books in a `BTreeMap`, JSON by serde_json.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tickbook_types::{Decimal, Venue};
use tickbook_venue_sim::{Faults, Feed, MarketConfig, Sim, SimConfig, TrueBook};
use tungstenite::{Error, Message, WebSocket};

/// Nothing here takes longer; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A synthetic market of a few symbols, quick enough to see something in a moment.
pub fn market(symbols: usize) -> MarketConfig {
    MarketConfig { symbols, messages_per_s: 2_000.0, levels: 200, ..MarketConfig::default() }
}

pub fn start(venue: Venue, market: MarketConfig) -> Sim {
    start_with(venue, market, false, Faults::default())
}

pub fn start_with(venue: Venue, market: MarketConfig, tls: bool, faults: Faults) -> Sim {
    let config = SimConfig::new(venue, Feed::Synthetic(market));
    Sim::start(SimConfig { tls, faults, ..config }).unwrap()
}

fn connect(sim: &Sim, url: &str) -> Box<dyn Duplex> {
    let (_, host_port) = url.split_once("://").unwrap();
    let addr: SocketAddr = host_port.parse().unwrap();
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let Some(pem) = sim.ca_pem() else { return Box::new(socket) };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Box::new(StreamOwned::new(connection, socket))
}

/// A WebSocket connection.
pub struct Ws {
    pub socket: WebSocket<Box<dyn Duplex>>,
}

impl Ws {
    pub fn open(sim: &Sim, path: &str) -> Self {
        Self::try_open(sim, path).unwrap()
    }

    /// The status of the refusal, if the path is refused.
    pub fn try_open(sim: &Sim, path: &str) -> Result<Self, u16> {
        let stream = connect(sim, &sim.ws_url());
        let url = format!("{}{path}", sim.ws_url());
        let mut result = tungstenite::client(url, stream);
        loop {
            result = match result {
                Ok((socket, _)) => return Ok(Self { socket }),
                Err(tungstenite::HandshakeError::Interrupted(unfinished)) => unfinished.handshake(),
                Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => {
                    return Err(response.status().as_u16());
                }
                Err(error) => panic!("{error}"),
            };
        }
    }

    pub fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next message; `None` if nothing arrives for `patience`.
    pub fn next(&mut self, patience: Duration) -> Option<Result<Message, Error>> {
        let deadline = Instant::now() + patience;
        loop {
            match self.socket.read() {
                Err(Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    if Instant::now() > deadline {
                        return None;
                    }
                }
                other => return Some(other),
            }
        }
    }

    /// The next text message.
    pub fn json(&mut self) -> Value {
        loop {
            match self.next(PATIENCE).expect("nothing arrived") {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Ok(Message::Close(frame)) => panic!("closed: {frame:?}"),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next answer to a request, data messages aside.
    pub fn reply(&mut self) -> Value {
        let is_data = |it: &Value| it.get("stream").or(it.get("e")).or(it.get("u")).is_some();
        loop {
            let message = self.json();
            if !is_data(&message) {
                return message;
            }
        }
    }

    /// The close code, data messages aside; `None` if the connection ends without one.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next(PATIENCE).expect("nothing arrived") {
                Ok(Message::Close(frame)) => return frame.map(|it| it.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// An answer over HTTP.
pub struct Response {
    pub code: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A REST connection, kept alive.
pub struct Rest {
    stream: Box<dyn Duplex>,
}

impl Rest {
    pub fn open(sim: &Sim) -> Self {
        Self { stream: connect(sim, &sim.rest_url()) }
    }

    pub fn fetch(&mut self, path: &str) -> Response {
        self.request(path);
        self.response().expect("no answer")
    }

    pub fn request(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        self.stream.flush().unwrap();
    }

    /// `None`: the server closed the connection.
    pub fn response(&mut self) -> Option<Response> {
        let mut bytes = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !self.read_some(&mut bytes, deadline) {
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let code = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers["content-length"].parse().unwrap();
        while bytes.len() < end + 4 + length {
            assert!(self.read_some(&mut bytes, deadline), "cut off");
        }
        Some(Response { code, headers, body: bytes[end + 4..].to_vec() })
    }

    fn read_some(&mut self, bytes: &mut Vec<u8>, deadline: Instant) -> bool {
        let mut part = [0; 65_536];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => return false,
                Ok(count) => {
                    bytes.extend_from_slice(&part[..count]);
                    return true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "no answer");
                }
                Err(_) => return false,
            }
        }
    }
}

pub fn depth_path(venue: Venue, symbol: &str, limit: usize) -> String {
    let prefix = match venue {
        Venue::BinanceUsdm => "/fapi/v1",
        Venue::BinanceCoinm => "/dapi/v1",
        _ => "/api/v3",
    };
    format!("{prefix}/depth?symbol={symbol}&limit={limit}")
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn decimal(value: &Value) -> i64 {
    decimal_text(value.as_str().unwrap())
}

/// In units of 10^-8.
pub fn decimal_text(text: &str) -> i64 {
    Decimal::parse(text.as_bytes()).unwrap().to_mantissa(-8).unwrap()
}

/// A book kept by the venue's published rules, and nothing cleverer.
#[derive(Default)]
pub struct NaiveBook {
    pub id: Option<u64>,
    pub bids: BTreeMap<i64, i64>,
    pub asks: BTreeMap<i64, i64>,
    buffered: Vec<Value>,
    is_spliced: bool,
    /// Whether the first message applied had begun before the snapshot was taken.
    pub straddled: bool,
    pub gaps: u32,
    /// Deletes of a level that was not there.
    pub absent_deletes: u32,
    /// Messages that name a price twice.
    pub repeats: u32,
}

impl NaiveBook {
    pub fn snapshot(&mut self, snapshot: &Value) {
        self.id = Some(number(&snapshot["lastUpdateId"]));
        for (side, key) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for level in snapshot[key].as_array().unwrap() {
                assert!(side.insert(decimal(&level[0]), decimal(&level[1])).is_none());
            }
        }
        for message in core::mem::take(&mut self.buffered) {
            self.diff(message);
        }
    }

    pub fn diff(&mut self, message: Value) {
        let Some(id) = self.id else { return self.buffered.push(message) };
        let (first, last) = (number(&message["U"]), number(&message["u"]));
        let previous = message.get("pu").map(number);
        if !self.is_spliced {
            let is_old = if previous.is_some() { last < id } else { last <= id };
            if is_old {
                return;
            }
            let next = if previous.is_some() { id } else { id + 1 };
            assert!(first <= next, "the snapshot {id} is older than the stream: {first}..={last}");
            self.is_spliced = true;
            self.straddled = first <= id && id < last;
        } else if previous.map_or(first != id + 1, |previous| previous != id) {
            self.gaps += 1;
        }
        for (side, key) in [(&mut self.bids, "b"), (&mut self.asks, "a")] {
            let mut prices = std::collections::BTreeSet::new();
            for level in message[key].as_array().unwrap() {
                let (price, size) = (decimal(&level[0]), decimal(&level[1]));
                self.repeats += u32::from(!prices.insert(price));
                if size > 0 {
                    side.insert(price, size);
                } else {
                    self.absent_deletes += u32::from(side.remove(&price).is_none());
                }
            }
        }
        self.id = Some(last);
    }

    pub fn is_live(&self) -> bool {
        self.is_spliced
    }

    pub fn assert_equals(&self, truth: &TrueBook) {
        let side = |levels: &[(String, String)]| -> Vec<(i64, i64)> {
            levels.iter().map(|(p, s)| (decimal_text(p), decimal_text(s))).collect()
        };
        assert_eq!(self.id, Some(truth.last_id));
        let bids: Vec<_> = self.bids.iter().rev().map(|(p, s)| (*p, *s)).collect();
        let asks: Vec<_> = self.asks.iter().map(|(p, s)| (*p, *s)).collect();
        assert_eq!(bids, side(&truth.bids));
        assert_eq!(asks, side(&truth.asks));
    }

    /// Best bid price, size, best ask price, size; zeros where there is none.
    pub fn bbo(&self) -> [i64; 4] {
        let bid = self.bids.last_key_value().map_or((0, 0), |(p, s)| (*p, *s));
        let ask = self.asks.first_key_value().map_or((0, 0), |(p, s)| (*p, *s));
        [bid.0, bid.1, ask.0, ask.1]
    }
}

pub fn bbo_of(ticker: &Value) -> [i64; 4] {
    ["b", "B", "a", "A"].map(|key| decimal(&ticker[key]))
}
