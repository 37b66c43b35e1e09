//! Faults of a running venue: readers learn of each, and every book comes back true.
//!
//! Method: the engine runs against a simulated venue over loopback sockets; readers attached to its
//! shared memory see what strategies would. Each test causes one fault, asserts what readers are
//! told meanwhile, and ends with every book live and equal to the venue's own.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::time::{Duration, Instant};

use tickbook::{BookReader, Depth, NotReadable, Tickbook};
use tickbook_engine::live::{Engine, EngineEnd};
use tickbook_engine::outcome;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::{BookState, Reason, Venue};
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use tickbook_venues::Endpoints;
use util::{ShmDir, live, live_venue};

/// A venue, an engine that follows it, and readers of every book.
struct Desk {
    sim: Sim,
    engine: Option<Engine>,
    tickbook: Tickbook,
    readers: Vec<BookReader>,
    notices: Vec<String>,
    _dir: ShmDir,
}

impl Desk {
    /// Starts all of it and waits until every book is live.
    fn start(test: &str, silence_ms: i64) -> Self {
        let mut desk = Self::start_with(test, silence_ms, Venue::BinanceSpot, venue());
        desk.until_live();
        desk
    }

    fn start_with(test: &str, silence_ms: i64, venue: Venue, sim: Sim) -> Self {
        let dir = ShmDir::new(test);
        // Both places of the builder are used, each by some of the tests.
        let inline = test.len().is_multiple_of(2);
        let builder = if inline { BuilderPlace::Inline } else { BuilderPlace::OwnThread };
        let silence_ns = silence_ms * 1_000_000;
        let symbols = sim.symbols();
        let endpoints = Endpoints::of(venue).with_ws(&sim.ws_url()).with_rest(&sim.rest_url());
        let venue = live_venue(venue, endpoints, &symbols, silence_ns);
        let engine = Engine::start(live(&dir, test, builder, venue)).unwrap();
        let tickbook = Tickbook::wait_in(&dir.0, Some(test), Duration::from_secs(10)).unwrap();
        let (readers, notices) = (Vec::new(), Vec::new());
        Self { sim, engine: Some(engine), tickbook, readers, notices, _dir: dir }
    }

    /// Looks after the engine until `done`; panics after half a minute.
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "never: {what}: {:?}, notices {:?}",
                self.readers.iter_mut().map(|it| it.top().err()).collect::<Vec<_>>(),
                self.notices
            );
            self.look_after();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn look_after(&mut self) {
        let engine = self.engine.as_ref().unwrap();
        engine.watch().unwrap();
        self.notices.extend(engine.notices().try_iter().map(|it| it.text));
    }

    fn until_live(&mut self) {
        let symbols = self.sim.symbols();
        self.until("the books are there", |desk| desk.tickbook.books().len() == symbols.len());
        let reader = |symbol: &String| self.tickbook.book(symbol).unwrap();
        self.readers = symbols.iter().map(reader).collect();
        self.until("every book is live", |desk| desk.readers.iter_mut().all(|it| it.top().is_ok()));
    }

    /// Every reader is refused, and with this.
    fn all_refused(&mut self, why: impl Fn(NotReadable) -> bool) -> bool {
        self.readers.iter_mut().all(|it| it.top().is_err_and(&why))
    }

    /// Waits until every book is live and what the paused venue has; the venue goes on afterwards.
    fn until_true(&mut self) {
        self.until("every book is live", |desk| desk.readers.iter_mut().all(|it| it.top().is_ok()));
        self.sim.pause();
        let symbols = self.sim.symbols();
        for (index, symbol) in symbols.iter().enumerate() {
            let truth = self.sim.true_book(symbol).unwrap();
            let mut depth = Depth::default();
            self.until("the book has caught up", |desk| {
                desk.readers[index].depth(&mut depth).is_ok()
                    && depth.header().seq.map(|seq| seq.0) == Some(truth.last_id)
            });
            let header = *depth.header();
            let sides = [(depth.bids(), &truth.bids), (depth.asks(), &truth.asks)];
            for (ours, theirs) in sides {
                let ours = ours.iter().map(|level| outcome::printed(*level, header.scale));
                let ours: Vec<_> = ours.map(|[price, size]| (price, size)).collect();
                assert_eq!(ours, theirs[..theirs.len().min(32)], "{symbol}");
            }
            assert_eq!(header.bid_levels as usize, truth.bids.len(), "{symbol}");
            assert_eq!(header.ask_levels as usize, truth.asks.len(), "{symbol}");
        }
        self.sim.resume();
    }

    /// Stops everything and gives back the counts of the venue thread.
    fn end(mut self) -> (EngineEnd, Sim) {
        let end = self.engine.take().unwrap().stop().unwrap();
        for reader in &mut self.readers {
            // The books are closed with the engine, not before.
            assert_ne!(reader.top().err(), Some(NotReadable::WriterDead));
        }
        (end, self.sim)
    }
}

/// Two books: more snapshots than these tests fetch would have to wait for the weight budget.
fn market() -> MarketConfig {
    MarketConfig { symbols: 2, messages_per_s: 400.0, ..MarketConfig::default() }
}

fn venue() -> Sim {
    Sim::start(SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(market()))).unwrap()
}

const fn is_stale(why: NotReadable, expected: Reason) -> bool {
    match why {
        NotReadable::NotLive { state: BookState::Stale, reason } => reason as u8 == expected as u8,
        _ => false,
    }
}

#[test]
fn a_cut_connection_makes_its_books_stale_until_they_are_true_again() {
    let mut desk = Desk::start("cut", 5_000);
    // Snapshots are refused for a while, so that the time without a book is long enough to see.
    desk.sim.set_http_status(503, None, 2);
    desk.sim.disconnect_all();
    desk.until("stale", |desk| desk.all_refused(|why| is_stale(why, Reason::Disconnected)));
    desk.until_true();
    desk.until_true();
    let (end, sim) = desk.end();
    let counters = &end.venues[0].counters;
    assert_eq!((counters.disconnects, sim.stats().clients_accepted), (1, 2));
    assert_eq!(counters.gaps, 0, "a new connection begins anew, it does not go on with a hole");
    end.close();
}

#[test]
fn a_lost_message_makes_its_book_stale_and_no_other() {
    let mut desk = Desk::start("lost", 5_000);
    let symbol = desk.sim.symbols()[1].clone();
    desk.sim.set_http_status(503, None, 2);
    assert!(desk.sim.drop_next_message(&symbol));
    desk.until("stale", |desk| desk.readers[1].top().is_err_and(|why| is_stale(why, Reason::Gap)));
    assert!(desk.readers[0].top().is_ok());
    desk.until_true();
    desk.sim.pause();
    let (end, sim) = desk.end();
    let counters = &end.venues[0].counters;
    assert_eq!((counters.gaps, counters.resyncs, counters.disconnects), (1, 1, 0));
    assert_eq!(counters.frames, sim.stats().messages_sent, "nothing else was lost");
    end.close();
}

#[test]
fn an_announced_shutdown_changes_the_connection_under_living_books() {
    let mut desk = Desk::start("shutdown", 5_000);
    desk.sim.send_shutdown();
    let mut refused = Vec::new();
    desk.until("one connection took over from the other", |desk| {
        refused.extend(desk.readers.iter_mut().filter_map(|it| it.top().err()));
        let stats = desk.sim.stats();
        stats.clients_accepted == 2 && stats.clients == 1
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        refused.extend(desk.readers.iter_mut().filter_map(|it| it.top().err()));
        desk.look_after();
    }
    assert_eq!(refused, [], "a book is live throughout");
    desk.until_true();
    let (end, _) = desk.end();
    let counters = &end.venues[0].counters;
    assert_eq!((counters.rotations, counters.gaps, counters.resyncs), (1, 0, 0));
    end.close();
}

#[test]
fn a_venue_that_asks_for_patience_gets_it() {
    let sim = venue();
    sim.set_http_status(429, Some(Duration::from_secs(2)), 1);
    let start = Instant::now();
    let mut desk = Desk::start_with("patience", 5_000, Venue::BinanceSpot, sim);
    desk.until("it is told", |desk| {
        desk.notices.iter().any(|it| it.contains("no request for 2 s"))
    });
    assert_eq!(desk.sim.stats().rest_requests, 1);
    desk.until_live();
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    desk.until_true();
    let (end, _) = desk.end();
    assert_eq!(end.venues[0].counters.rest_errors, 1);
    end.close();
}

#[test]
fn a_venue_that_falls_silent_makes_its_books_unfresh_though_the_builder_beats() {
    let mut desk = Desk::start("silence", 400);
    desk.sim.silence(true);
    desk.until("not fresh", |desk| {
        desk.all_refused(
            |why| matches!(why, NotReadable::NotFresh { age_ns } if age_ns >= 400_000_000),
        )
    });
    assert!(desk.tickbook.engine().alive);
    // Twice the limit, and the connection is given up.
    desk.until("stale", |desk| desk.all_refused(|why| is_stale(why, Reason::Disconnected)));
    assert!(desk.tickbook.engine().alive);
    desk.sim.silence(false);
    desk.until_true();
    let (end, _) = desk.end();
    assert!(end.venues[0].counters.disconnects >= 1);
    end.close();
}
