//! Two connections for the same book, over sockets: one may be cut, the book stays live.
//!
//! Method: a small venue in OKX's words sends every connection the same changes; connections are
//! cut one after the other, each when both are there. A reader looks all the while. In the end the
//! book must be the venue's.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tickbook::{BookReader, Depth, Tickbook};
use tickbook_engine::live::{Engine, VenuePlan};
use tickbook_engine::outcome;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::Venue;
use tickbook_venues::Endpoints;
use tungstenite::{Message, accept};
use util::{Random, ShmDir, live, live_venue};

const SYMBOL: &str = "BTC-USDT";
const LEVELS: usize = 20;
const SILENCE_NS: i64 = 5_000_000_000;

/// The channel, as it is named in subscriptions and in messages.
fn arg() -> String {
    format!(r#"{{"channel":"books","instId":"{SYMBOL}"}}"#)
}

/// What the venue knows: sizes a side, and who listens.
struct Market {
    random: Random,
    seq: u64,
    sizes: [[u64; LEVELS]; 2],
    clients: Vec<Sender<String>>,
}

impl Market {
    fn price(side: usize, level: usize) -> u64 {
        if side == 0 { 50_000 - level as u64 } else { 50_001 + level as u64 }
    }

    fn message(&self, action: &str, changed: &[(usize, usize)], before: i64) -> String {
        let [bids, asks] = [0, 1].map(|side| {
            let rows = changed.iter().filter(|(its, _)| *its == side).map(|&(side, level)| {
                let price = Self::price(side, level);
                format!(r#"["{price}","{}","0","1"]"#, self.sizes[side][level])
            });
            rows.collect::<Vec<_>>().join(",")
        });
        let (arg, seq) = (arg(), self.seq);
        let ids = format!(r#""checksum":0,"prevSeqId":{before},"seqId":{seq}"#);
        let book = format!(r#"{{"asks":[{asks}],"bids":[{bids}],"ts":"1790000000000",{ids}}}"#);
        format!(r#"{{"arg":{arg},"action":"{action}","data":[{book}]}}"#)
    }

    fn snapshot(&self) -> String {
        let all = (0..2).flat_map(|side| (0..LEVELS).map(move |level| (side, level)));
        self.message("snapshot", &all.collect::<Vec<_>>(), -1)
    }

    /// One change, for everybody.
    fn advance(&mut self) {
        let place = [2, LEVELS as u64, 1_000].map(|below| self.random.next() % below);
        let (side, level) = (usize::from(place[0] == 1), usize::try_from(place[1]).unwrap());
        self.sizes[side][level] = 1 + place[2];
        self.seq += 1;
        let before = i64::try_from(self.seq - 1).unwrap();
        let text = self.message("update", &[(side, level)], before);
        self.clients.retain(|client| client.send(text.clone()).is_ok());
    }
}

/// The venue's threads.
struct Server {
    market: Arc<Mutex<Market>>,
    paused: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    url: String,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let random = Random(7);
        let market = Market { random, seq: 1, sizes: [[5; LEVELS]; 2], clients: Vec::new() };
        let market = Arc::new(Mutex::new(market));
        let [paused, stop] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let threads = vec![
            std::thread::spawn({
                let (market, stop) = (Arc::clone(&market), Arc::clone(&stop));
                move || {
                    let mut clients = Vec::new();
                    // Relaxed, here and below: nothing is read on the strength of the flags.
                    while !stop.load(Ordering::Relaxed) {
                        if let Ok((stream, _)) = listener.accept() {
                            let market = Arc::clone(&market);
                            clients.push(std::thread::spawn(move || serve(stream, &market)));
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    market.lock().unwrap().clients.clear();
                    clients.into_iter().for_each(|client| client.join().unwrap());
                }
            }),
            std::thread::spawn({
                let (market, stop) = (Arc::clone(&market), Arc::clone(&stop));
                let paused = Arc::clone(&paused);
                move || {
                    while !stop.load(Ordering::Relaxed) {
                        if !paused.load(Ordering::Relaxed) {
                            market.lock().unwrap().advance();
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
            }),
        ];
        Self { market, paused, stop, url, threads }
    }

    /// Connections that get changes.
    fn clients(&self) -> usize {
        self.market.lock().unwrap().clients.len()
    }

    /// Cuts one connection.
    fn cut(&self, client: usize) {
        self.market.lock().unwrap().clients.remove(client);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// One connection, until the market has forgotten it or it is gone.
fn serve(stream: TcpStream, market: &Mutex<Market>) {
    stream.set_nonblocking(false).unwrap();
    let Ok(mut socket) = accept(stream) else { return };
    let asked = loop {
        match socket.read() {
            Ok(Message::Text(text)) if text.contains("\"books\"") => break text,
            Ok(_) => {}
            Err(_) => return,
        }
    };
    assert!(asked.contains("\"subscribe\"") && asked.contains(SYMBOL), "{asked}");
    let ack = format!(r#"{{"event":"subscribe","arg":{},"connId":"1"}}"#, arg());
    let (sender, texts): (_, Receiver<String>) = channel();
    {
        let mut market = market.lock().unwrap();
        let texts = [ack, market.snapshot()];
        texts.into_iter().for_each(|text| sender.send(text).unwrap());
        market.clients.push(sender);
    }
    for text in texts {
        if socket.send(Message::text(text)).is_err() {
            return;
        }
    }
}

fn engine(dir: &ShmDir, test: &str, place: BuilderPlace, server: &Server) -> Engine {
    // No lists are to be had there, which the session gets over.
    let endpoints =
        Endpoints::of(Venue::OkxV5).with_ws(&server.url).with_rest("http://127.0.0.1:9");
    let venue = live_venue(Venue::OkxV5, endpoints, &[SYMBOL], SILENCE_NS);
    Engine::start(live(dir, test, place, VenuePlan { lines: 2, ..venue })).unwrap()
}

/// Looks after the engine until `done`; every look of the reader must be at a good book.
fn until(engine: &Engine, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        engine.watch().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn seq(reader: &mut BookReader) -> u64 {
    reader.top().expect("a book is live throughout").header.seq.unwrap().0
}

#[test]
fn a_cut_line_costs_readers_nothing() {
    for (test, place) in
        [("lines-inline", BuilderPlace::Inline), ("lines-own", BuilderPlace::OwnThread)]
    {
        let dir = ShmDir::new(test);
        let server = Server::start();
        let engine = engine(&dir, test, place, &server);
        let tickbook = Tickbook::wait_in(&dir.0, Some(test), Duration::from_secs(10)).unwrap();
        until(&engine, "the book is there", || tickbook.book(SYMBOL).is_ok());
        let mut reader = tickbook.book(SYMBOL).unwrap();
        until(&engine, "the book is live", || reader.top().is_ok());
        for victim in [0, 1, 0] {
            until(&engine, "both lines are there", || {
                seq(&mut reader);
                server.clients() == 2
            });
            // Both have carried the book for a while before one is cut.
            let from = seq(&mut reader);
            until(&engine, "changes over both lines", || seq(&mut reader) > from + 300);
            server.cut(victim);
            let from = seq(&mut reader);
            until(&engine, "changes over one line", || seq(&mut reader) > from + 100);
        }
        until(&engine, "both lines are there", || server.clients() == 2);
        server.paused.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
        let (last, sizes) = {
            let market = server.market.lock().unwrap();
            (market.seq, market.sizes)
        };
        until(&engine, "the last change", || seq(&mut reader) == last);
        let mut depth = Depth::default();
        reader.depth(&mut depth).unwrap();
        let scale = depth.header().scale;
        for (side, levels) in [depth.bids(), depth.asks()].into_iter().enumerate() {
            let ours: Vec<_> = levels.iter().map(|it| outcome::printed(*it, scale)).collect();
            let level = |(level, size): (usize, &u64)| {
                [Market::price(side, level).to_string(), size.to_string()]
            };
            let theirs: Vec<_> = sizes[side].iter().enumerate().map(level).collect();
            assert_eq!(ours, theirs);
        }
        let end = engine.stop().unwrap();
        let counters = &end.venues[0].counters;
        assert_eq!((counters.disconnects, counters.gaps, counters.resyncs), (3, 0, 0));
        let [a, b] = counters.lines;
        assert!(a.first > 0 && b.first > 0, "{a:?} {b:?}");
        assert!(a.duplicates + b.duplicates > 600, "{a:?} {b:?}");
        end.close();
    }
}
