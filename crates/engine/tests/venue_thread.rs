//! The venue thread by itself, turn by turn, under a session of our own.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tickbook::{ConnState, Tickbook};
use tickbook_engine::service::Service;
use tickbook_engine::venue::{VenueParts, VenueThread};
use tickbook_net::{ConnectionOptions, TlsConfig, TlsOptions};
use tickbook_ring::ring;
use tickbook_shm::{Segment, SegmentConfig};
use tickbook_types::{BookId, ConnId, Epoch, MonoNanos, Padded, Reason, RecvStamps, Venue};
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use tickbook_venues::{Action, Context, Endpoint, Endpoints, RestResponse, Session};
use util::ShmDir;

/// Opens one connection and closes it as soon as it is open.
struct Opener {
    opened: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
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

    fn on_rest(&mut self, _: RestResponse, _: &mut Context<'_>) {}

    fn on_resync(&mut self, _: BookId, _: Reason, _: &mut Context<'_>) {}

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

#[test]
fn a_connection_that_the_session_closes_is_down_at_once_and_not_called_a_failure() {
    let dir = ShmDir::new("venue-thread");
    let sim =
        Sim::start(SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(MarketConfig::default())));
    let sim = sim.unwrap();
    let mut segment = Segment::create(&SegmentConfig {
        dir: dir.0.clone(),
        name: "thread".to_owned(),
        conns_max: 1,
        ..SegmentConfig::default()
    })
    .unwrap();
    let (lane, _messages) = ring(64);
    let (_requests_in, requests) = ring(64);
    let (_service, jobs) = Service::start(None, 1).unwrap();
    let (notices_in, notices) = crossbeam_channel::unbounded();
    let parts = VenueParts {
        venue: Venue::BinanceSpot,
        endpoints: Endpoints::of(Venue::BinanceSpot).with_ws(&sim.ws_url()),
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
        play: None,
    };
    let (opened, lost) = (Arc::default(), Arc::default());
    let session = Opener { opened: Arc::clone(&opened), lost: Arc::clone(&lost) };
    let mut thread = VenueThread::new(Box::new(session), parts).unwrap();
    let tickbook = Tickbook::attach_in(&dir.0, Some("thread")).unwrap();

    thread.start();
    turn_until(&mut thread, "open", &opened);
    // Nothing is taken from it any more: its books must not look fed until the venue has answered.
    assert_eq!(tickbook.conns()[0].state, ConnState::Down);
    turn_until(&mut thread, "lost", &lost);
    let lines: Vec<String> = notices.try_iter().map(|it| it.text).collect();
    assert_eq!(lines, ["connection 0: closed"]);
    thread.stop();
}
