//! Paths, subscriptions, answers, pings, rates: the venue's rules for connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tickbook_types::Venue;
use tickbook_venue_sim::{Faults, Feed, MarketConfig, Sim, SimConfig, SimError};
use tungstenite::Message;

use crate::client::{PATIENCE, Ws, market, start, start_with};

#[test]
fn combined_and_raw_streams_have_their_forms() {
    let sim = start(Venue::BinanceSpot, market(2));
    let combined = Ws::open(&sim, "/stream?streams=btcusdt@depth/ethusdt@bookTicker").json();
    assert!(combined["stream"].is_string() && combined["data"]["s"].is_string());
    let depth = Ws::open(&sim, "/ws/btcusdt@depth@100ms").json();
    assert_eq!(depth["e"], "depthUpdate");
    assert_eq!(depth["s"], "BTCUSDT");
    let levels = [&depth["b"], &depth["a"]].map(|it| it.as_array().unwrap().clone()).concat();
    let price = levels[0][0].as_str().unwrap();
    assert_eq!(price.split_once('.').unwrap().1.len(), 8, "{price}");
    let ticker = Ws::open(&sim, "/ws/btcusdt@bookTicker").json();
    assert!(ticker.get("e").is_none() && ticker["u"].is_u64());
}

#[test]
fn futures_have_their_fields_and_paths() {
    let sim = start(Venue::BinanceUsdm, market(1));
    let depth = Ws::open(&sim, "/public/ws/btcusdt@depth@100ms").json();
    assert!(depth["pu"].is_u64() && depth["T"].is_u64() && depth["st"] == 1);
    let trade = Ws::open(&sim, "/market/ws/btcusdt@aggTrade").json();
    assert_eq!(trade["e"], "aggTrade");
    let mut wrong = Ws::open(&sim, "/market/ws/btcusdt@depth");
    assert!(wrong.next(Duration::from_millis(200)).is_none(), "a book on the wrong path");
    let coin = start(Venue::BinanceCoinm, market(1));
    let depth = Ws::open(&coin, "/ws/btcusd_perp@depth@0ms").json();
    assert_eq!((&depth["s"], &depth["ps"]), (&"BTCUSD_PERP".into(), &"BTCUSD".into()));
}

#[test]
fn an_unknown_path_is_refused() {
    let sim = start(Venue::BinanceSpot, market(1));
    for path in ["/", "/nothing", "/public/stream"] {
        assert_eq!(Ws::try_open(&sim, path).err(), Some(404), "{path}");
    }
}

#[test]
fn requests_are_answered_with_their_ids() {
    let sim = start(Venue::BinanceSpot, market(2));
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    for (request, answer) in [
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, r#"{"result":["btcusdt@depth"],"id":3}"#),
        (r#"{"method":"SUBSCRIBE","params":["x@y"],"id":"a1"}"#, r#"{"result":null,"id":"a1"}"#),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":4}"#, r#"{"result":false,"id":4}"#),
        (
            r#"{"method":"UNSUBSCRIBE","params":["btcusdt@depth","x@y"],"id":5}"#,
            r#"{"result":null,"id":5}"#,
        ),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":6}"#, r#"{"result":[],"id":6}"#),
    ] {
        ws.send(request);
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(ws.reply(), answer);
    }
    assert!(ws.next(Duration::from_millis(100)).is_none(), "data without a subscription");
    ws.send("nonsense");
    assert_eq!(ws.reply()["code"], 3);
    ws.send(r#"{"method":"SUBSCRIBE","params":["ethusdt@depth"],"id":8}"#);
    assert_eq!(ws.json()["id"], 8);
    assert_eq!(ws.json()["s"], "ETHUSDT");
    ws.send(r#"{"method":"SET_PROPERTY","params":["combined",true],"id":9}"#);
    assert_eq!(ws.reply()["id"], 9);
    assert_eq!(ws.json()["stream"], "ethusdt@depth");
}

#[test]
fn a_subscription_to_nothing_is_acknowledged_and_silent() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut ws = Ws::open(&sim, "/ws");
    ws.send(r#"{"method":"SUBSCRIBE","params":["nosuch@depth@100ms"],"id":1}"#);
    assert_eq!(ws.json()["id"], 1);
    assert!(ws.next(Duration::from_millis(150)).is_none());
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut ws = Ws::open(&sim, "/ws");
    let names: Vec<_> = (0..1_025).map(|n| format!("\"s{n}@depth\"")).collect();
    ws.send(&format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":1}}"#, names.join(",")));
    assert_eq!(ws.json()["code"], 2);
}

#[test]
fn the_server_pings_and_expels_who_does_not_answer() {
    let faults = Faults {
        ping_interval: Some(Duration::from_millis(60)),
        pong_timeout: Some(Duration::from_millis(1_000)),
        ..Faults::default()
    };
    let sim = start_with(Venue::BinanceSpot, market(1), false, faults);
    let mut lively = Ws::open(&sim, "/ws");
    let silent = Ws::open(&sim, "/ws");
    let deadline = Instant::now() + PATIENCE;
    let mut pings = 0;
    while sim.stats().clients_expelled == 0 {
        assert!(Instant::now() < deadline, "nobody was expelled");
        if let Some(message) = lively.next(Duration::from_millis(20)) {
            pings += u32::from(matches!(message.unwrap(), Message::Ping(_)));
        }
    }
    assert!(pings > 4, "{pings}");
    assert_eq!((sim.stats().clients, sim.stats().clients_expelled), (1, 1));
    drop(silent);
}

#[test]
fn a_client_that_talks_too_much_is_disconnected_if_the_venue_is_strict() {
    let request = r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;
    let faults = Faults { enforce_message_rate: true, ..Faults::default() };
    let strict = start_with(Venue::BinanceSpot, market(1), false, faults);
    let mut ws = Ws::open(&strict, "/ws");
    for _ in 0..5 {
        ws.send(request);
        ws.reply();
    }
    thread::sleep(Duration::from_millis(1_100));
    for _ in 0..30 {
        // The venue may hang up before everything is sent.
        if ws.socket.send(Message::text(request)).is_err() {
            break;
        }
    }
    assert_eq!(ws.close_code(), Some(1008));
    let lenient = start(Venue::BinanceSpot, market(1));
    let mut ws = Ws::open(&lenient, "/ws");
    for _ in 0..30 {
        ws.send(request);
        ws.reply();
    }
}

#[test]
fn a_close_is_answered_with_a_close() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    ws.json();
    ws.socket.close(None).unwrap();
    ws.close_code();
    let deadline = Instant::now() + PATIENCE;
    while sim.stats().clients > 0 {
        assert!(Instant::now() < deadline, "the client is still there");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(sim.stats().clients_expelled, 0);
}

#[test]
fn an_old_connection_is_closed() {
    let faults = Faults { connection_life: Some(Duration::from_millis(80)), ..Faults::default() };
    let sim = start_with(Venue::BinanceSpot, market(1), true, faults);
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    assert_eq!(ws.close_code(), Some(1001));
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let config = || SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(MarketConfig::default()));
    let error = Sim::start(SimConfig { listen_rest: addr, ..config() }).unwrap_err();
    assert!(matches!(error, SimError::PortInUse { addr: it } if it == addr), "{error}");
    assert!(error.to_string().contains(&format!("port {}", addr.port())));
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let error = Sim::start(SimConfig { listen_ws: everywhere, ..config() }).unwrap_err();
    assert!(matches!(error, SimError::NotLoopback { .. }), "{error}");
    let nothing = MarketConfig { symbols: 0, ..MarketConfig::default() };
    let config = SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(nothing));
    let error = Sim::start(config).unwrap_err();
    assert!(matches!(error, SimError::Config { .. }), "{error}");
}

#[test]
fn stopping_ends_every_connection() {
    let sim = start_with(Venue::BinanceSpot, market(1), true, Faults::default());
    let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
    let idle = Ws::open(&sim, "/ws/btcusdt@depth");
    ws.json();
    sim.stop();
    assert_eq!(ws.close_code(), None);
    drop(idle);
}

#[test]
fn garbage_on_the_ports_harms_nobody() {
    for tls in [false, true] {
        let sim = start_with(Venue::BinanceSpot, market(1), tls, Faults::default());
        let mut ws = Ws::open(&sim, "/ws/btcusdt@depth");
        for url in [sim.ws_url(), sim.rest_url()] {
            let addr = url.split_once("://").unwrap().1.to_owned();
            let garbage: [&[u8]; 4] =
                [b"", b"\x16\x03\x01\xff\xff\x00", b"GET nowhere\r\n\r\n", &[0xff; 40_000]];
            for bytes in garbage {
                let mut socket = TcpStream::connect(&addr).unwrap();
                // The venue may hang up before everything is written.
                let _ = socket.write_all(bytes);
                socket.shutdown(Shutdown::Write).ok();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut answer = Vec::new();
                let _ = socket.read_to_end(&mut answer);
                assert!(!answer.starts_with(b"HTTP/1.1 101"));
            }
        }
        ws.json();
        assert_eq!(sim.stats().clients, 1);
    }
}

#[test]
fn bytes_that_are_no_frames_end_the_connection_alone() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut good = Ws::open(&sim, "/ws/btcusdt@depth");
    let mut bad = Ws::open(&sim, "/ws/btcusdt@depth");
    bad.json();
    bad.socket.get_mut().write_all(&[0xff; 1_000]).unwrap();
    bad.close_code();
    good.json();
}
