//! The venue thread by itself, turn by turn, under a session of our own.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tickbook::{ConnState, Tickbook};
use tickbook_engine::play::Play;
use tickbook_engine::service::Service;
use tickbook_engine::venue::{VenueParts, VenueThread};
use tickbook_net::{ConnectionOptions, TlsConfig, TlsOptions};
use tickbook_ring::{Consumer, Producer, ring};
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{Block, BookId, ConnId, Epoch, MonoNanos, Padded, Reason, RecvStamps, Venue};
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use tickbook_venues::{Action, Context, Endpoint, Endpoints, RestResponse, Session};
use util::ShmDir;

/// Opens one connection and closes it as soon as it is open; counts what happens.
#[derive(Clone, Default)]
struct Opener {
    opened: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
    answered: Arc<AtomicU32>,
}

impl Session for Opener {
    fn start(&mut self, cx: &mut Context<'_>) {
        let path = "/stream".to_owned();
        cx.actions.push(Action::Connect { conn: ConnId(0), endpoint: Endpoint::Main, path });
    }

    fn on_connected(&mut self, conn: ConnId, _: Epoch, cx: &mut Context<'_>) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        cx.actions.push(Action::Close { conn });
    }

    fn on_message(&mut self, _: ConnId, _: Padded<'_>, _: &RecvStamps, _: &mut Context<'_>) {}

    fn on_disconnected(&mut self, _: ConnId, _: &mut Context<'_>) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn on_rest(&mut self, _: RestResponse, _: &mut Context<'_>) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn on_resync(&mut self, _: BookId, _: Reason, _: u64, _: &mut Context<'_>) {}

    fn on_timer(&mut self, _: &mut Context<'_>) {}

    fn next_deadline(&self) -> MonoNanos {
        MonoNanos::FAR
    }
}

fn turn_until(thread: &mut VenueThread, what: &str, done: &AtomicU32) {
    let start = Instant::now();
    while done.load(Ordering::Relaxed) == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        thread.turn();
        std::thread::yield_now();
    }
}

/// A venue thread and what stands around it.
struct Stage {
    thread: VenueThread,
    session: Opener,
    notices: crossbeam_channel::Receiver<tickbook_engine::venue::Notice>,
    _messages: Consumer<Block>,
    _requests: Producer<()>,
    _service: Service,
    _segment: Segment,
    dir: ShmDir,
}

fn stage(test: &str, ws: &str, rest: &str, play: Option<Play>) -> Stage {
    let dir = ShmDir::new(test);
    let mut segment = Segment::create(&SegmentConfig {
        dir: dir.0.clone(),
        name: "thread".to_owned(),
        conns_max: 1,
        ..SegmentConfig::default()
    })
    .unwrap();
    let (lane, messages) = ring(64);
    let (requests_in, requests) = ring(64);
    let (service, jobs) = Service::start(None, 1).unwrap();
    let (notices_in, notices) = crossbeam_channel::unbounded();
    let parts = VenueParts {
        venue: Venue::BinanceSpot,
        endpoints: Endpoints::of(Venue::BinanceSpot).with_ws(ws).with_rest(rest),
        tls: Arc::new(TlsConfig::new(&TlsOptions::default()).unwrap()),
        options: ConnectionOptions::default(),
        first_conn: ConnId(0),
        conns: vec![segment.take_conn(0).unwrap()],
        lane,
        requests,
        builder: None,
        jobs,
        notices: notices_in,
        stats: segment.take_thread(0, "thread").unwrap(),
        play,
    };
    let session = Opener::default();
    let mut thread = VenueThread::new(Box::new(session.clone()), parts).unwrap();
    thread.start();
    Stage {
        thread,
        session,
        notices,
        _messages: messages,
        _requests: requests_in,
        _service: service,
        _segment: segment,
        dir,
    }
}

fn venue() -> Sim {
    Sim::start(SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(MarketConfig::default())))
        .unwrap()
}

#[test]
fn a_connection_that_the_session_closes_is_down_at_once_and_not_called_a_failure() {
    let sim = venue();
    let mut stage = stage("venue-thread", &sim.ws_url(), &sim.rest_url(), None);
    let tickbook = Tickbook::attach_in(&stage.dir.0, Some("thread")).unwrap();
    turn_until(&mut stage.thread, "open", &stage.session.opened);
    // Nothing is taken from it any more: its books must not look fed until the venue has answered.
    assert_eq!(tickbook.conns()[0].state, ConnState::Down);
    turn_until(&mut stage.thread, "lost", &stage.session.lost);
    let lines: Vec<String> = stage.notices.try_iter().map(|it| it.text).collect();
    assert_eq!(lines, ["connection 0: closed"]);
    stage.thread.stop();
}

/// A book begins with the connection that feeds it: a snapshot given before would be one of an
/// earlier connection, and what follows it in the recording would not count.
#[test]
fn a_snapshot_of_a_recording_waits_for_the_connection() {
    let sim = venue();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ws = format!("ws://{}", listener.local_addr().unwrap());
    let path = format!("/api/v3/depth?symbol={}&limit=100", sim.symbols()[0]);
    let play = Play::new(vec![0], VecDeque::from([(0, path)]));
    let mut stage = stage("venue-play", &ws, &sim.rest_url(), Some(play));
    let start = Instant::now();
    let mut asked = None;
    while asked.is_none_or(|at: Instant| at.elapsed() < Duration::from_millis(300)) {
        assert!(start.elapsed() < Duration::from_secs(30), "never asked for");
        if asked.is_none() && sim.stats().rest_requests > 0 {
            asked = Some(Instant::now());
        }
        stage.thread.turn();
        std::thread::yield_now();
    }
    assert_eq!(stage.session.answered.load(Ordering::Relaxed), 0, "nothing is connected");
    let server = std::thread::spawn(move || tungstenite::accept(listener.accept().unwrap().0).ok());
    turn_until(&mut stage.thread, "open", &stage.session.opened);
    turn_until(&mut stage.thread, "answered", &stage.session.answered);
    assert!(server.join().unwrap().is_some());
    stage.thread.stop();
}
