//! A capture played over sockets: every frame in order, and a hold at every REST answer.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tickbook_capture::Capture;
use tickbook_types::{Venue, WallNanos};
use tickbook_venue_sim::{Feed, Pace, Script, Sim, SimConfig, Step};
use tungstenite::Message;

use crate::client::{PATIENCE, Rest, Ws};

const MS: i64 = 1_000_000;

fn play(script: Script, pace: Pace, tls: bool) -> Sim {
    let mut config = SimConfig::new(Venue::BinanceSpot, Feed::Capture { script, pace });
    config.tls = tls;
    config.faults.close_grace = Duration::from_millis(100);
    Sim::start(config).unwrap()
}

fn frame(n: u32) -> String {
    format!("{{\"n\":{n}}}")
}

/// Frames 0 and 1, snapshot of AAA, frame 2, snapshot of BBB, second one of AAA, frame 3.
fn script() -> Script {
    let mut script = Script::new();
    script.push_text(WallNanos(0), frame(0).as_bytes());
    script.push_text(WallNanos(10 * MS), frame(1).as_bytes());
    let url = "https://www.binance.com/api/v1/depth?symbol=AAA&limit=1000";
    script.push_http(WallNanos(20 * MS), url, b"{\"a\":1}");
    script.push_text(WallNanos(300 * MS), frame(2).as_bytes());
    script.push_http(WallNanos(310 * MS), &url.replace("AAA", "BBB"), b"{\"b\":1}");
    script.push_http(WallNanos(310 * MS), url, b"{\"a\":2}");
    script.push_text(WallNanos(320 * MS), frame(3).as_bytes());
    script
}

#[test]
fn the_stream_holds_at_every_answer_until_it_is_fetched() {
    for tls in [false, true] {
        let sim = play(script(), Pace::Max, tls);
        let mut ws = Ws::open(&sim, "/any/path");
        ws.send(r#"{"method":"SUBSCRIBE","params":["aaa@depth"],"id":1}"#);
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let message = ws.json();
            numbers.extend(message["n"].as_u64());
            assert!(message.get("n").is_some() || message["id"] == 1);
        }
        assert_eq!(numbers, [0, 1]);
        assert!(ws.next(Duration::from_millis(150)).is_none(), "a frame behind the snapshot");
        assert!(sim.capture_progress().is_holding);
        let mut rest = Rest::open(&sim);
        assert_eq!(rest.fetch("/api/v3/depth?symbol=AAA&limit=5000").body, b"{\"a\":1}");
        assert_eq!(ws.json()["n"], 2);
        assert!(ws.next(Duration::from_millis(100)).is_none());
        assert_eq!(rest.fetch("/api/v3/depth?symbol=BBB").body, b"{\"b\":1}");
        assert!(ws.next(Duration::from_millis(100)).is_none());
        assert!(!sim.capture_done());
        assert_eq!(rest.fetch("/api/v1/depth?symbol=AAA").body, b"{\"a\":2}");
        assert_eq!(ws.json()["n"], 3);
        assert_eq!(ws.close_code(), Some(1000));
        let progress = sim.capture_progress();
        assert!(progress.is_done && sim.capture_done());
        assert_eq!((progress.frames_sent, progress.snapshots_served), (4, 3));
    }
}

#[test]
fn what_a_client_says_to_another_venue_is_heard_in_silence() {
    let mut script = Script::new();
    for n in 0..3 {
        script.push_text(WallNanos(i64::from(n) * 100 * MS), frame(n).as_bytes());
    }
    script.push_binary(WallNanos(300 * MS), b"\x1f\x8b no text");
    let feed = Feed::Capture { script, pace: Pace::Recorded };
    let sim = Sim::start(SimConfig::new(Venue::Huobi, feed)).unwrap();
    let mut ws = Ws::open(&sim, "/ws");
    // More of them than the rules of the simulated venue allow in a second.
    for n in 0..20 {
        ws.send(&format!(r#"{{"sub":"market.xyusdt.depth.step0","id":"{n}"}}"#));
    }
    ws.send("ping");
    ws.send(r#"{"method":"SUBSCRIBE","params":["aaa@depth"],"id":1}"#);
    for n in 0..3 {
        assert_eq!(ws.json()["n"], n);
    }
    let binary = ws.next(PATIENCE);
    let is_binary =
        |message: &Message| message.is_binary() && message.clone().into_data()[..2] == [31, 139];
    assert!(binary.unwrap().as_ref().is_ok_and(is_binary));
    assert_eq!(ws.close_code(), Some(1000));
}

#[test]
fn a_request_ahead_of_the_stream_waits_and_one_too_many_is_refused() {
    let sim = play(script(), Pace::Max, false);
    let mut early = Rest::open(&sim);
    early.request("/api/v3/depth?symbol=BBB");
    thread::sleep(Duration::from_millis(60));
    assert_eq!(sim.capture_progress().snapshots_served, 0, "answered before its time");
    let mut rest = Rest::open(&sim);
    assert_eq!(rest.fetch("/api/v3/depth?symbol=BBB").code, 404);
    assert_eq!(rest.fetch("/api/v3/depth?symbol=CCC").code, 404);
    assert_eq!(rest.fetch("/fapi/v1/depth?symbol=AAA").code, 404);
    assert_eq!(sim.capture_progress().snapshots_unknown, 3);
    let mut ws = Ws::open(&sim, "/ws");
    assert_eq!(ws.json()["n"], 0);
    assert_eq!(rest.fetch("/api/v3/depth?symbol=AAA").body, b"{\"a\":1}");
    assert_eq!(early.response().unwrap().body, b"{\"b\":1}");
}

#[test]
fn a_requester_that_goes_away_leaves_its_answer_to_the_next() {
    let mut script = Script::new();
    script.push_http(WallNanos(0), "https://a/api/v3/depth?symbol=AAA", b"{}");
    let sim = play(script, Pace::Max, false);
    let mut gone = Rest::open(&sim);
    gone.request("/api/v3/depth?symbol=AAA");
    thread::sleep(Duration::from_millis(60));
    drop(gone);
    let _ws = Ws::open(&sim, "/ws");
    // Refused as long as the venue has not seen that the first one is gone.
    let deadline = Instant::now() + PATIENCE;
    while Rest::open(&sim).fetch("/api/v3/depth?symbol=AAA").code == 404 {
        assert!(Instant::now() < deadline, "the answer is lost");
    }
}

#[test]
fn the_recorded_pace_keeps_intervals_and_a_factor_divides_them() {
    let mut script = Script::new();
    for n in 0..5_u32 {
        script.push_text(WallNanos(i64::from(n) * 60 * MS), frame(n).as_bytes());
    }
    for (pace, at_least_ms) in [(Pace::Recorded, 230), (Pace::Times(3.0), 75)] {
        let sim = play(script.clone(), pace, false);
        let mut ws = Ws::open(&sim, "/ws");
        let began = Instant::now();
        for n in 0..5 {
            assert_eq!(ws.json()["n"], n);
        }
        assert!(began.elapsed() >= Duration::from_millis(at_least_ms), "{:?}", began.elapsed());
    }
}

#[test]
fn binary_records_are_binary_frames_of_any_length() {
    let mut script = Script::new();
    for length in [0, 125, 126, 65_535, 65_536, 3_000_000] {
        script.push_binary(WallNanos(0), &vec![7; length]);
    }
    let sim = play(script, Pace::Max, true);
    let mut ws = Ws::open(&sim, "/ws");
    for length in [0, 125, 126, 65_535, 65_536, 3_000_000] {
        match ws.next(PATIENCE).unwrap().unwrap() {
            Message::Binary(bytes) => assert_eq!(&*bytes, vec![7; length]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_that_leaves_ends_the_playing() {
    let mut script = Script::new();
    for n in 0..200_000 {
        script.push_text(WallNanos(0), frame(n).as_bytes());
    }
    let sim = play(script, Pace::Max, false);
    let mut ws = Ws::open(&sim, "/ws");
    ws.json();
    drop(ws);
    let deadline = Instant::now() + PATIENCE;
    while sim.stats().clients > 0 {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }
    // A second client is served, but not played to.
    let mut late = Ws::open(&sim, "/ws");
    late.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    assert_eq!(late.reply()["id"], 1);
}

/// A real capture arrives byte by byte as it was recorded.
#[test]
fn a_real_capture_arrives_whole() {
    let Some(dir) = std::env::var_os("TICKBOOK_CAPTURES") else {
        println!("skipped: TICKBOOK_CAPTURES is not set");
        return;
    };
    let file = Path::new(&dir).join("binance_coinm/10sym_20210722.cap.gz");
    let capture = Capture::load(&file).unwrap();
    let script = Script::from(&capture);
    let sim = play(script.clone(), Pace::Max, true);
    let mut ws = Ws::open(&sim, "/stream");
    let mut rest = Rest::open(&sim);
    for (_, step) in script.steps() {
        match step {
            Step::Text(text) => match ws.next(PATIENCE).unwrap().unwrap() {
                Message::Text(got) => assert_eq!(got.as_bytes(), text),
                other => panic!("{other:?}"),
            },
            Step::Binary(_) => panic!("no binary frame is in this capture"),
            Step::Http { url, body } => {
                let (_, path) = url.split_once("binance.com").unwrap();
                assert_eq!(rest.fetch(path).body, body);
            }
        }
    }
    assert_eq!(ws.close_code(), Some(1000));
    let frames = script.steps().filter(|(_, step)| !matches!(step, Step::Http { .. })).count();
    assert_eq!(sim.capture_progress().frames_sent, frames as u64);
}
