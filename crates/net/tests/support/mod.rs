//! A venue for tests: a listener on loopback, a scripted peer on a thread of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tickbook_net::{
    Connection, ConnectionOptions, MessageKind, NetError, Phase, Target, TlsConfig,
};
use tickbook_types::clock;
use tungstenite::handshake::derive_accept_key;

/// A test that would hang ends here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A peer on a thread of its own, and where it listens.
pub(crate) struct Peer<T> {
    pub(crate) addr: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    /// Runs `script` on the first connection.
    pub(crate) fn start(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            script(stream)
        });
        Self { addr, thread }
    }

    /// Runs `script` on the first connection, once it is upgraded.
    pub(crate) fn upgraded(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        Self::start(|mut stream| {
            let answer = accept_upgrade(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            script(stream)
        })
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: "127.0.0.1".into(),
            port: self.addr.port(),
            path: "/".into(),
            tls: None,
            addr: self.addr,
        }
    }

    pub(crate) fn tls_target(&self, host: &str, tls: &TlsConfig) -> Target {
        Target { host: host.into(), tls: Some(Arc::new(tls.clone())), ..self.target() }
    }

    pub(crate) fn join(self) -> T {
        self.thread.join().unwrap()
    }
}

/// Reads the upgrade request and gives the answer to it.
pub(crate) fn accept_upgrade(stream: &mut impl Read) -> String {
    let request = read_head(stream);
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("request has a key");
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

/// Reads up to a blank line.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A server's frame: first byte, then length and payload.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(len as u8),
        len @ 126..0x1_0000 => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// Reads one frame of a client: first byte and unmasked payload. `None` at the end of the stream.
pub(crate) fn read_frame(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    assert_eq!(head[1] & 0x80, 0x80, "a client must mask");
    let len = match head[1] & 0x7F {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            usize::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len).unwrap();
            u64::from_be_bytes(len) as usize
        }
        len => usize::from(len),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).unwrap();
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Some((head[0], payload))
}

/// Reads frames until one of `first`.
pub(crate) fn read_until(stream: &mut impl Read, first: u8) -> Option<Vec<u8>> {
    loop {
        let (got, payload) = read_frame(stream)?;
        if got == first {
            return Some(payload);
        }
    }
}

/// Opens a connection and drives it until it is open.
pub(crate) fn open(target: &Target, options: &ConnectionOptions) -> Result<Connection, NetError> {
    let start = Instant::now();
    let mut connection = Connection::open(target, options, clock::mono_now())?;
    while connection.drive(clock::mono_now())? != Phase::Open {
        assert!(start.elapsed() < PATIENCE, "not open");
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(connection)
}

/// What one connection gave: its messages, and how it ended.
pub(crate) type Story = (Vec<(MessageKind, Vec<u8>)>, NetError);

/// Receives until `count` messages are there or the connection ends.
pub(crate) fn receive(connection: &mut Connection, count: usize) -> (Story, bool) {
    let start = Instant::now();
    let mut messages = Vec::new();
    loop {
        match turn(connection, &mut messages) {
            Ok(0) => std::thread::sleep(Duration::from_micros(100)),
            Ok(_) => {}
            Err(error) => return ((messages, error), true),
        }
        if messages.len() >= count {
            return ((messages, NetError::NotOpen), false);
        }
        assert!(start.elapsed() < PATIENCE, "only {} messages came", messages.len());
    }
}

/// Receives until the connection ends.
pub(crate) fn receive_all(connection: &mut Connection) -> Story {
    receive(connection, usize::MAX).0
}

fn turn(
    connection: &mut Connection,
    messages: &mut Vec<(MessageKind, Vec<u8>)>,
) -> Result<usize, NetError> {
    let count = connection.recv(clock::now())?;
    while let Some(message) = connection.next_message()? {
        let padded = message.payload.with_padding().len();
        assert!(padded >= message.payload.len() + tickbook_types::PADDING);
        messages.push((message.kind, message.payload.payload().to_vec()));
    }
    connection.drive(clock::mono_now())?;
    Ok(count)
}

/// Drives a closing connection to its end.
pub(crate) fn linger(connection: &mut Connection) {
    let start = Instant::now();
    while connection.drive(clock::mono_now()).is_ok_and(|phase| phase != Phase::Closed) {
        assert!(start.elapsed() < PATIENCE, "does not end");
        std::thread::sleep(Duration::from_micros(100));
    }
}
