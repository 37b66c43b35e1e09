//! A turn of a polling loop that finds nothing: what lies between a message and being seen.
//!
//! Everybody's socket is connected and silent. Ours is the venue thread of an engine, with all that
//! it minds besides: timers, answers, requests, deadlines, the heartbeat of its builder.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tickbook_engine::service::Service;
use tickbook_engine::venue::{VenueParts, VenueThread};
use tickbook_net::{Connection, ConnectionOptions, Phase, Target, TlsConfig, TlsOptions};
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{BookId, ConnId, Epoch, MonoNanos, Padded, Reason, RecvStamps, Venue, clock};
use tickbook_venues::{Action, Context, Endpoint, Endpoints, RestResponse, Session};

use crate::TICKBOOK;
use crate::contest::{Contest, Table, per};

/// Polls of one pass.
const POLLS: u64 = 5_000;

/// The kernel begins to stamp some time after it was asked to.
const STAMPS_BEGIN: Duration = Duration::from_millis(300);

/// Nanoseconds per empty poll.
pub(crate) fn run(table: &mut Table) {
    let mut contest = Contest::new("empty_poll");
    let mut enter = |name: &str, mut poll: Box<dyn FnMut()>| {
        contest.enter(name, move || per(POLLS, || (0..POLLS).for_each(|_| poll())));
    };
    enter("raw recv", raw_recv());
    enter("Connection, no stamps", connection(false));
    enter("Connection", connection(true));
    enter(&format!("{TICKBOOK}, no stamps"), venue_thread("plain", false));
    enter(TICKBOOK, venue_thread("stamped", true));
    enter("tungstenite 16K", tungstenite());
    thread::sleep(STAMPS_BEGIN);
    table.add(&contest.run(table.rounds));
}

/// The address of a WebSocket server that says nothing.
fn silent_server() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        // Blocks until the other side is gone.
        while socket.read().is_ok() {}
    });
    addr
}

fn raw_recv() -> Box<dyn FnMut()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut near = TcpStream::connect(listener.local_addr().expect("its address")).expect("it");
    let (far, _) = listener.accept().expect("a connection");
    near.set_nonblocking(true).expect("a socket that is polled");
    let mut buffer = vec![0_u8; 64 << 10];
    Box::new(move || {
        let read = near.read(&mut buffer);
        assert!(read.is_err_and(|it| it.kind() == ErrorKind::WouldBlock), "{far:?} is silent");
    })
}

fn connection(kernel_stamps: bool) -> Box<dyn FnMut()> {
    let addr = silent_server();
    let (host, port) = ("127.0.0.1".to_owned(), addr.port());
    let target = Target { host, port, path: "/".to_owned(), tls: None, addr };
    let options = ConnectionOptions { kernel_stamps, ..ConnectionOptions::default() };
    let opened = Connection::open(&target, &options, clock::mono_now());
    let mut venue = opened.expect("a connection");
    while venue.drive(clock::mono_now()).expect("a handshake") != Phase::Open {}
    Box::new(move || {
        assert_eq!(venue.recv(clock::now()).expect("a server"), 0);
    })
}

fn venue_thread(purpose: &str, kernel_stamps: bool) -> Box<dyn FnMut()> {
    let addr = silent_server();
    let name = format!("rivals-{purpose}-{}", std::process::id());
    let config = SegmentConfig { name, conns_max: 1, ..SegmentConfig::default() };
    let mut segment = Segment::create(&config).expect("shared memory that can be written");
    let (lane, messages) = ring(64);
    let (resyncs, requests) = ring(64);
    let (service, jobs) = Service::start(None, 1).expect("a thread");
    let (notices, heard) = crossbeam_channel::unbounded();
    let tls = TlsConfig::new(&TlsOptions::default()).expect("roots");
    let parts = VenueParts {
        venue: Venue::BinanceSpot,
        endpoints: Endpoints::of(Venue::BinanceSpot).with_ws(&format!("ws://{addr}")),
        tls: Arc::new(tls),
        options: ConnectionOptions { kernel_stamps, ..ConnectionOptions::default() },
        first_conn: ConnId(0),
        conns: vec![segment.take_conn(0).expect("a connection")],
        lane,
        requests,
        builder: None,
        jobs,
        notices,
        stats: segment.take_thread(0, "venue").expect("a thread that is free"),
        play: None,
    };
    let mut thread = VenueThread::new(Box::new(Listener), parts).expect("a readiness queue");
    thread.start();
    let start = Instant::now();
    while thread.connections_open() == 0 {
        thread.turn();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", heard.try_recv());
    }
    Box::new(move || {
        let _alive = (&segment, &messages, &resyncs, &service, &heard);
        thread.turn();
    })
}

fn tungstenite() -> Box<dyn FnMut()> {
    let addr = silent_server();
    let stream = TcpStream::connect(addr).expect("a listener");
    let (mut socket, _) = tungstenite::client(format!("ws://{addr}/"), stream).expect("a server");
    socket.get_ref().set_nonblocking(true).expect("a socket that is polled");
    Box::new(move || assert!(socket.read().is_err(), "the server is silent"))
}

/// A session that opens one connection and waits.
#[derive(Debug)]
struct Listener;

impl Session for Listener {
    fn start(&mut self, cx: &mut Context<'_>) {
        let path = "/ws".to_owned();
        cx.actions.push(Action::Connect { conn: ConnId(0), endpoint: Endpoint::Main, path });
    }

    fn on_connected(&mut self, _: ConnId, _: Epoch, _: &mut Context<'_>) {}

    fn on_message(&mut self, _: ConnId, _: Padded<'_>, _: &RecvStamps, _: &mut Context<'_>) {}

    fn on_disconnected(&mut self, _: ConnId, _: &mut Context<'_>) {}

    fn on_rest(&mut self, _: RestResponse, _: &mut Context<'_>) {}

    fn on_resync(&mut self, _: BookId, _: Reason, _: u64, _: &mut Context<'_>) {}

    fn on_timer(&mut self, _: &mut Context<'_>) {}

    fn next_deadline(&self) -> MonoNanos {
        MonoNanos::FAR
    }
}
