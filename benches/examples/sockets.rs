//! Ways to receive over TCP: what options and calls make of an empty poll, of a message a moment
//! apart, and of a burst.
//!
//! `sockets [ROUNDS]` prints a table. A thread on another core sends WebSocket frames over
//! loopback, open-loop at 5,000 a second, each with the time when it was due; a message's time ends
//! when the receiver has its frame. All ways take turns, round after round; a figure is the median
//! of the rounds. What the kernel does not have is said and left out.
//!
//! # Not guaranteed
//!
//! - That loopback tells what a network card would: `SO_BUSY_POLL` polls a card's queue, and
//!   loopback has none.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tickbook_net::{Connection, ConnectionOptions, Phase, Target};
use tickbook_types::Ticks;
use tickbook_types::clock::{self, Converter};

/// Bytes of a message: about a diff of eight levels.
const MESSAGE: usize = MESSAGE_LEN as usize;
const MESSAGE_LEN: u16 = 350;

/// Of them the time when the message was due, as text.
const TIME: usize = 20;

/// Messages of a round, and nanoseconds between two.
const MESSAGES: usize = 400;
const GAP_NS: u64 = 200_000;

/// Messages of a burst: three times what was ever seen of a venue within a millisecond.
const BURST: usize = 2_400;

/// Empty polls of a round.
const POLLS: u32 = 2_000;

/// Receives: gives the time of the last message that came whole, and how many came, if any did.
type Receive = Box<dyn FnMut() -> Option<(Ticks, usize)>>;

/// A way to receive.
struct Way {
    name: &'static str,
    open: fn(SocketAddr) -> Receive,
    /// A call that waits has no empty poll.
    waits: bool,
    figures: [Vec<f64>; 4],
}

/// Name, how it is opened, whether its call waits.
type Entry = (&'static str, fn(SocketAddr) -> Receive, bool);

const WAYS: &[Entry] = &[
    ("recv", |addr| raw(addr, |_| ()), false),
    ("recv, TCP_QUICKACK after each", |addr| raw(addr, quickack), false),
    ("epoll without waiting, then recv", |addr| epoll(addr, Some(Duration::ZERO)), false),
    ("epoll that waits, then recv", |addr| epoll(addr, None), true),
    (
        "Connection without stamps: recv",
        |addr| connection(addr, |it| it.kernel_stamps = false),
        false,
    ),
    ("Connection: recvmsg with stamps", |addr| connection(addr, |_| ()), false),
    ("... SO_BUSY_POLL 50 us", |addr| connection(addr, |it| it.busy_poll_us = Some(50)), false),
    ("... SO_RCVBUF 64 KiB", |addr| connection(addr, |it| it.so_rcvbuf = Some(64 << 10)), false),
    ("... SO_RCVBUF 1 MiB", |addr| connection(addr, |it| it.so_rcvbuf = Some(1 << 20)), false),
    ("... SO_RCVBUF 8 MiB", |addr| connection(addr, |it| it.so_rcvbuf = Some(8 << 20)), false),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(9), |text| text.parse())?;
    let ulp = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_ulp").unwrap_or_default();
    let has_tls = ulp.split_whitespace().any(|it| it == "tls");
    println!("kTLS: {}", if has_tls { "there, not measured" } else { "not in this kernel" });
    let way = |&(name, open, waits): &Entry| Way { name, open, waits, figures: Default::default() };
    let mut ways: Vec<Way> = WAYS.iter().map(way).collect();
    for round in 0..rounds {
        for turn in 0..ways.len() {
            let index = (round + turn) % ways.len();
            ways[index].take_turn()?;
        }
    }
    println!("{:<36} {:>10} {:>10} {:>10} {:>12}", "ns", "empty poll", "p50", "p99", "burst a msg");
    for way in &mut ways {
        let figures = way.figures.each_mut().map(|values| median(values));
        let figures = figures.map(|it| it.map_or("-".to_owned(), |it| format!("{it:.0}")));
        let [empty, p50, p99, burst] = figures;
        println!("{:<36} {empty:>10} {p50:>10} {p99:>10} {burst:>12}", way.name);
    }
    Ok(())
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl Way {
    #[expect(clippy::cast_precision_loss, reason = "intervals")]
    fn take_turn(&mut self) -> Result<(), Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let (go, order) = std::sync::mpsc::channel();
        let clock = Converter::new();
        let sender = thread::spawn(move || -> std::io::Result<()> {
            pin(1);
            let (stream, _) = listener.accept()?;
            let mut stream = serve(stream)?;
            for gap_ns in order {
                send(&mut stream, gap_ns, &clock)?;
            }
            Ok(())
        });
        pin(0);
        let mut receive = (self.open)(addr);
        // The kernel begins to stamp some time after it was asked to.
        thread::sleep(Duration::from_millis(40));
        if !self.waits {
            let start = clock::now();
            for _ in 0..POLLS {
                assert!(receive().is_none(), "nothing was sent");
            }
            self.figures[0].push(since(&clock, start) / f64::from(POLLS));
        }
        go.send(GAP_NS)?;
        let mut ns = Vec::with_capacity(MESSAGES);
        while ns.len() < MESSAGES {
            if let Some((due, count)) = receive() {
                let late = since(&clock, due);
                ns.extend(std::iter::repeat_n(late, count));
            }
        }
        ns.sort_by(f64::total_cmp);
        self.figures[1].push(ns[ns.len() / 2]);
        self.figures[2].push(ns[ns.len() * 99 / 100]);
        go.send(0)?;
        let (mut received, mut first) = (0, None);
        while received < BURST {
            if let Some((due, count)) = receive() {
                first.get_or_insert(due);
                received += count;
            }
        }
        let start = first.ok_or("a burst without messages")?;
        self.figures[3].push(since(&clock, start) / BURST as f64);
        drop(go);
        sender.join().map_err(|_| "the sender ended early")??;
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "an interval")]
fn since(clock: &Converter, start: Ticks) -> f64 {
    clock.between(start, clock::now()) as f64
}

/// Binds this thread to a core, if there is one of that number.
fn pin(core: usize) {
    // On one core the figures are those of the scheduler, as they should be.
    core_affinity::set_for_current(core_affinity::CoreId { id: core });
}

/// Answers an upgrade request, if one comes: a bare client sends a line end at once.
fn serve(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    stream.peek(&mut first)?;
    if first == *b"G" {
        let socket = tungstenite::accept(stream).map_err(|_| ErrorKind::ConnectionAborted)?;
        return socket.get_ref().try_clone();
    }
    Ok(stream)
}

/// Sends messages `gap_ns` apart; without a gap a burst in one piece.
fn send(stream: &mut TcpStream, gap_ns: u64, clock: &Converter) -> std::io::Result<()> {
    let start = clock::now();
    if gap_ns == 0 {
        return stream.write_all(&frame(start).repeat(BURST));
    }
    let gap = clock.ticks(gap_ns);
    for index in 1..=MESSAGES as u64 {
        let due = Ticks(start.0 + index * gap);
        while clock::now() < due {
            std::hint::spin_loop();
        }
        stream.write_all(&frame(due))?;
    }
    Ok(())
}

/// A text frame with a time in front.
fn frame(due: Ticks) -> Vec<u8> {
    let mut frame = vec![0x81, 126, 0, 0];
    frame[2..].copy_from_slice(&MESSAGE_LEN.to_be_bytes());
    frame.extend(format!("{:<MESSAGE$}", format!("{:0TIME$}", due.0)).bytes());
    frame
}

fn time_of(payload: &[u8]) -> Ticks {
    let digits = payload.iter().take(TIME);
    Ticks(digits.fold(0, |time, digit| time * 10 + u64::from(digit - b'0')))
}

/// Whole frames of a bare stream.
struct Frames {
    bytes: Vec<u8>,
    held: usize,
}

impl Frames {
    fn new() -> Self {
        Self { bytes: vec![0; 1 << 18], held: 0 }
    }

    /// One read.
    fn read(&mut self, stream: &mut impl Read) -> Option<(Ticks, usize)> {
        match stream.read(&mut self.bytes[self.held..]) {
            Ok(0) => panic!("the sender ended early"),
            Ok(count) => self.held += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{error}"),
        }
        let (one, count) = (4 + MESSAGE, self.held / (4 + MESSAGE));
        let first = count.checked_sub(1).map(|_| time_of(&self.bytes[4..]));
        self.bytes.copy_within(count * one..self.held, 0);
        self.held -= count * one;
        first.map(|first| (first, count))
    }
}

fn client(addr: SocketAddr) -> TcpStream {
    let connect = || {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.write_all(b"\n")?;
        stream.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    connect().expect("a sender that listens")
}

fn raw(addr: SocketAddr, after: fn(&TcpStream)) -> Receive {
    let (mut stream, mut frames) = (client(addr), Frames::new());
    Box::new(move || {
        let found = frames.read(&mut stream)?;
        after(&stream);
        Some(found)
    })
}

fn quickack(stream: &TcpStream) {
    rustix::net::sockopt::set_tcp_quickack(stream, true).expect("an option of TCP");
}

fn epoll(addr: SocketAddr, most: Option<Duration>) -> Receive {
    let mut stream = mio::net::TcpStream::from_std(client(addr));
    let mut poll = Poll::new().expect("a readiness queue");
    let registered = poll.registry().register(&mut stream, Token(0), Interest::READABLE);
    registered.expect("a socket");
    let (mut events, mut frames, mut more) = (Events::with_capacity(4), Frames::new(), false);
    Box::new(move || {
        if !more {
            poll.poll(&mut events, most).expect("readiness");
            if events.is_empty() {
                return None;
            }
        }
        // Readiness is told once: read until there is nothing.
        let found = frames.read(&mut stream);
        more = found.is_some();
        found
    })
}

fn connection(addr: SocketAddr, change: fn(&mut ConnectionOptions)) -> Receive {
    let mut options = ConnectionOptions::default();
    change(&mut options);
    let (host, port) = ("127.0.0.1".to_owned(), addr.port());
    let target = Target { host, port, path: "/".to_owned(), tls: None, addr };
    let opened = Connection::open(&target, &options, clock::mono_now());
    let mut connection = opened.expect("a socket");
    while connection.drive(clock::mono_now()).expect("a server") != Phase::Open {}
    Box::new(move || {
        if connection.recv(clock::now()).expect("a sender") == 0 {
            return None;
        }
        let (mut first, mut count) = (None, 0);
        while let Some(message) = connection.next_message().expect("sound frames") {
            first.get_or_insert_with(|| time_of(message.payload.payload()));
            count += 1;
        }
        first.map(|first| (first, count))
    })
}
