//! Messages over loopback TCP, at a given rate: from the time a message is due to be sent until
//! its sender, on another core, sees it in the receiver's book.
//!
//! Open-loop: a message that is sent late counts from when it was due. The sender looks at the
//! book between two sends; the receiver polls its socket and never sleeps, but for the peer that
//! is driven by a runtime. Peers show what they have applied by a counter beside their locked book,
//! which favours them: ours is read whole and judged.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tickbook::{BookReader, DEFAULT_DIR, Tickbook};
use tickbook_benches::feed::Feed;
use tickbook_benches::rig::{PathRig, PathSize};
use tickbook_engine::limits::CHORES_NS;
use tickbook_net::{Connection, ConnectionOptions, Phase, Target};
use tickbook_types::Ticks;
use tickbook_types::clock::{self, Converter};
use tungstenite::Message;
use tungstenite::protocol::WebSocketConfig;

use crate::TICKBOOK;
use crate::contest::{Figure, Outcome, Table};
use crate::path::{CAREFUL, USUAL, last_ids};
use crate::peers::{serde, sonic, sonic_diff, synced, take};
use crate::turns::pair;
use crate::web::Frames;

/// Passes in a second of messages: short ones, so that some are undisturbed.
const PASSES_PER_S: u32 = 2;

/// Rounds of passes.
const ROUNDS: usize = 15;

/// Longest wait for the last messages.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bare floor's name.
const RAW: &str = "raw TCP";

/// All rates.
pub(crate) fn run(feeds: &[Feed], rates: &[u32], table: &mut Table) {
    let small = |feed: &&Feed| feed.name.contains("btcusd_perp");
    let feed = feeds.iter().find(small).unwrap_or(&feeds[0]);
    let frames = Frames::of(feed.frames.iter().map(|frame| frame.padded().payload()));
    let ids = last_ids(feed);
    println!("loopback: {}", feed.name);
    for (index, &rate) in rates.iter().enumerate() {
        let stage = |name: &str| match index {
            0 => name.to_owned(),
            _ => format!("{name}@{rate}"),
        };
        let [p50, p99] = contest(&Input { feed, frames: &frames, ids: &ids, rate });
        for (name, figures) in [("loopback_p50", p50), ("loopback_p99", p99)] {
            table.add(&Outcome { stage: stage(name), figures, missing: Vec::new() });
        }
    }
}

/// What one pass sends.
#[derive(Clone, Copy)]
struct Input<'a> {
    feed: &'a Feed,
    frames: &'a Frames,
    ids: &'a [u64],
    rate: u32,
}

impl Input<'_> {
    fn count(&self) -> usize {
        self.frames.len().min((self.rate / PASSES_PER_S).max(1) as usize)
    }
}

/// Figures of the medians and of the 99th percentiles of all passes.
fn contest(input: &Input<'_>) -> [Vec<Figure>; 2] {
    type Pass = fn(&Input<'_>) -> Vec<u64>;
    let subjects: [(&str, Pass); 4] =
        [(RAW, raw), (TICKBOOK, tickbook), (CAREFUL, careful), (USUAL, usual)];
    let mut times = [const { [const { Vec::new() }; 2] }; 4];
    for round in 0..ROUNDS {
        for turn in 0..subjects.len() {
            let index = (round + turn) % subjects.len();
            let mut ns = subjects[index].1(input);
            ns.sort_unstable();
            let at = |percent: usize| ns[(ns.len() - 1) * percent / 100] as f64;
            times[index][0].push(at(50));
            times[index][1].push(at(99));
        }
    }
    [0, 1].map(|which| {
        let figure = |((name, _), times): (&(&str, Pass), &[Vec<f64>; 2])| {
            Figure::of(name, times[which].clone())
        };
        subjects.iter().zip(&times).map(figure).collect()
    })
}

/// Sends all messages at the rate and gives the nanoseconds from when each was due until `seen`
/// said its number or a later one.
fn probe(
    input: &Input<'_>,
    mut stream: TcpStream,
    numbers: &[u64],
    mut seen: impl FnMut() -> u64,
) -> Vec<u64> {
    let count = input.count();
    let gap = Duration::from_secs(1) / input.rate;
    let start = Instant::now() + Duration::from_millis(50);
    let due = |index: usize| start + gap * u32::try_from(index).unwrap_or(u32::MAX);
    let end = due(count) + PATIENCE;
    let (mut sent, mut ns) = (0, Vec::with_capacity(count));
    stream.set_nodelay(true).expect("TCP_NODELAY");
    while ns.len() < count {
        let now = Instant::now();
        if sent < count && now >= due(sent) {
            stream.write_all(input.frames.frame(sent)).expect("a receiver");
            sent += 1;
        }
        let number = seen();
        if ns.len() < sent && numbers[ns.len()] <= number {
            let now = Instant::now();
            while ns.len() < sent && numbers[ns.len()] <= number {
                let late = now.saturating_duration_since(due(ns.len()));
                ns.push(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
            }
        }
        assert!(now < end, "{} of {count} messages seen", ns.len());
    }
    ns
}

/// A pass over a WebSocket: `receive` gets the address to connect to, `look` makes what sees.
fn over_websocket<S: FnMut() -> u64>(
    input: &Input<'_>,
    look: impl FnOnce() -> S + Send,
    receive: impl FnOnce(SocketAddr) + Send,
) -> Vec<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    pair(
        || {
            let (stream, _) = listener.accept().expect("a connection");
            let socket = tungstenite::accept(stream).expect("a handshake");
            let stream = socket.get_ref().try_clone().expect("another handle");
            probe(input, stream, input.ids, look())
        },
        || receive(addr),
    )
}

fn raw(input: &Input<'_>) -> Vec<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    let bytes = AtomicU64::new(0);
    let ends: Vec<u64> = input.frames.ends().iter().map(|end| *end as u64).collect();
    pair(
        || {
            let (stream, _) = listener.accept().expect("a connection");
            // Acquire: pairs with the Release of the receiver.
            probe(input, stream, &ends, || bytes.load(Acquire))
        },
        || {
            let mut stream = connect(addr);
            stream.set_nonblocking(true).expect("a socket that is polled");
            let mut buffer = vec![0_u8; 64 << 10];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    // Release: pairs with the Acquire of the sender.
                    Ok(count) => drop(bytes.fetch_add(count as u64, Release)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
        },
    )
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("a listener");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream
}

fn tickbook(input: &Input<'_>) -> Vec<u64> {
    let symbol = sonic_diff::<8, 8>(&input.feed.frames[0]).expect("a diff").symbol;
    let mut path = PathRig::new(input.feed, PathSize::default());
    path.sync(input.feed);
    let name = path.name().to_owned();
    over_websocket(
        input,
        || {
            let tickbook = Tickbook::attach_in(Path::new(DEFAULT_DIR), Some(&name));
            let mut reader = tickbook.expect("an engine").book(symbol).expect("its book");
            move || last_of(&mut reader)
        },
        |addr| follow(path, addr),
    )
}

fn last_of(reader: &mut BookReader) -> u64 {
    reader.top().ok().and_then(|top| top.header.seq).map_or(0, |seq| seq.0)
}

/// What the venue thread of an engine with an inline builder does.
fn follow(mut path: PathRig, addr: SocketAddr) {
    let (host, port) = ("127.0.0.1".to_owned(), addr.port());
    let target = Target { host, port, path: "/".to_owned(), tls: None, addr };
    let options = ConnectionOptions::default();
    let opened = Connection::open(&target, &options, clock::mono_now());
    let mut venue = opened.expect("a connection");
    while venue.drive(clock::mono_now()).expect("a handshake") != Phase::Open {}
    let chores = Converter::new().ticks(CHORES_NS);
    let mut next_chores = Ticks(0);
    loop {
        let turn = clock::now();
        let Ok(count) = venue.recv(turn) else { break };
        if count == 0 {
            // As the engine does: the heartbeat and the like every now and then.
            if turn >= next_chores {
                next_chores = Ticks(turn.0 + chores);
                path.idle();
                if venue.phase() == Phase::Closed {
                    break;
                }
            }
            continue;
        }
        let stamps = *venue.stamps();
        while let Ok(Some(message)) = venue.next_message() {
            path.take(message.payload, &stamps);
        }
    }
}

fn careful(input: &Input<'_>) -> Vec<u64> {
    let last = AtomicU64::new(0);
    over_websocket(
        input,
        // Acquire: pairs with the Release of the receiver.
        || || last.load(Acquire),
        |addr| {
            let books = synced(input.feed);
            let config = WebSocketConfig::default().read_buffer_size(16 << 10);
            let url = format!("ws://{addr}/");
            let client = tungstenite::client::client_with_config(url, connect(addr), Some(config));
            let (mut socket, _) = client.expect("a handshake");
            socket.get_ref().set_nonblocking(true).expect("a socket that is polled");
            loop {
                match socket.read() {
                    Ok(Message::Text(text)) => {
                        let id = take(&books, sonic(text.as_bytes()).expect("a diff"));
                        // Release: pairs with the Acquire of the sender.
                        last.store(id, Release);
                    }
                    Ok(_) => {}
                    Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    }
                    Err(_) => break,
                }
            }
        },
    )
}

fn usual(input: &Input<'_>) -> Vec<u64> {
    let last = AtomicU64::new(0);
    over_websocket(
        input,
        // Acquire: pairs with the Release of the receiver.
        || || last.load(Acquire),
        |addr| {
            let books = synced(input.feed);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.expect("a runtime").block_on(async {
                let stream = connect(addr);
                stream.set_nonblocking(true).expect("a socket for the runtime");
                let stream = tokio::net::TcpStream::from_std(stream).expect("a runtime");
                let url = format!("ws://{addr}/");
                let client = tokio_tungstenite::client_async(url, stream).await;
                let (mut socket, _) = client.expect("a handshake");
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(text) = message else { continue };
                    let id = take(&books, serde(text.as_bytes()).expect("a diff"));
                    // Release: pairs with the Acquire of the sender.
                    last.store(id, Release);
                }
            });
        },
    )
}
