//! Books come and go while the engine runs: the configuration is edited, SIGHUP has it read again.
//!
//! Method: a venue of our own on loopback that speaks as much of Bybit's protocol as it takes: it
//! acknowledges, and sends a snapshot and changes of each book that is subscribed, until it is
//! unsubscribed. It keeps what it was asked.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tickbook_types::Venue;
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};
use tungstenite::{Message, WebSocket};
use util::{Place, Running, eventually, good, run};

/// What the venue was asked, over all of its connections.
type Asked = Arc<Mutex<Vec<String>>>;

fn venue() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = Arc::clone(&heard);
            // Ends with its connection.
            std::thread::spawn(move || serve(stream, &heard));
        }
    });
    (url, asked)
}

fn serve(stream: TcpStream, heard: &Asked) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_millis(20))).ok()?;
    let mut socket = accept(stream)?;
    // The last id of each book that is subscribed.
    let mut books: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let request: serde_json::Value = serde_json::from_str(&text).ok()?;
                let topics = request["args"].as_array().cloned().unwrap_or_default();
                let topics = topics.iter().filter_map(|it| it.as_str().map(str::to_owned));
                let topics = topics.filter(|topic| topic.starts_with("orderbook"));
                match request["op"].as_str() {
                    Some("subscribe") => {
                        for topic in topics {
                            heard.lock().unwrap().push(format!("+{topic}"));
                            say(&mut socket, &message(&topic, "snapshot", 1))?;
                            books.insert(topic, 1);
                        }
                    }
                    Some("unsubscribe") => {
                        for topic in topics {
                            heard.lock().unwrap().push(format!("-{topic}"));
                            books.remove(&topic);
                        }
                    }
                    _ => {}
                }
                say(&mut socket, r#"{"success":true,"ret_msg":"","op":"subscribe"}"#)?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {}
            Err(_) => return None,
        }
        for (topic, id) in &mut books {
            *id += 1;
            say(&mut socket, &message(topic, "delta", *id))?;
        }
    }
}

fn accept(stream: TcpStream) -> Option<WebSocket<TcpStream>> {
    let mut attempt = tungstenite::accept(stream);
    loop {
        match attempt {
            Ok(socket) => return Some(socket),
            Err(tungstenite::HandshakeError::Interrupted(more)) => attempt = more.handshake(),
            Err(tungstenite::HandshakeError::Failure(_)) => return None,
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

fn say(socket: &mut WebSocket<TcpStream>, text: &str) -> Option<()> {
    socket.send(Message::text(text)).ok()
}

fn message(topic: &str, kind: &str, id: u64) -> String {
    let levels = format!(r#""b":[["100.5","{id}"]],"a":[["101","3"]],"u":{id},"seq":{id}"#);
    let symbol = topic.rsplit('.').next().unwrap_or_default();
    format!(r#"{{"topic":"{topic}","type":"{kind}","ts":1,"data":{{"s":"{symbol}",{levels}}}}}"#)
}

fn configure(place: &Place, url: &str, symbols: &str) -> String {
    let text = format!(
        "name = \"reload\"\nshm_dir = \"{}\"\nidle = \"yield\"\nheartbeat_ms = 100\n\
         [[venue]]\nvenue = \"bybit\"\nsymbols = [{symbols}]\n\
         ws_url = \"{url}\"\nrest_url = \"http://127.0.0.1:9\"\n",
        place.shm(),
    );
    place.file("reload.toml", text.as_bytes()).to_str().unwrap().to_owned()
}

/// Whether the command shows this book as live.
fn is_live(place: &Place, symbol: &str) -> bool {
    let name = format!("bybit:orderbook.200.{symbol}");
    run(&["book", &name, "--shm-dir", place.shm()]).status.success()
}

#[test]
fn books_come_and_go_at_sighup() {
    let place = Place::new("reload");
    let (url, asked) = venue();
    let config = configure(&place, &url, r#""ABUSDT", "CDUSDT""#);
    let mut engine = Running::start(&["run", "-c", &config]);
    let live = |symbols: &[&str]| {
        eventually("the books are live", || {
            symbols.iter().all(|symbol| is_live(&place, symbol)).then_some(())
        });
    };
    live(&["ABUSDT", "CDUSDT"]);
    configure(&place, &url, r#""CDUSDT", "EFUSDT""#);
    engine.signal("HUP");
    live(&["CDUSDT", "EFUSDT"]);
    eventually("the first book is gone", || (!is_live(&place, "ABUSDT")).then_some(()));
    let list = good(&["book", "--shm-dir", place.shm()]);
    assert!(!list.contains("ABUSDT") && list.contains("EFUSDT"), "{list}");
    // What is wrong changes nothing.
    configure(&place, &url, "");
    engine.signal("HUP");
    configure(&place, &url, r#""ABUSDT", "CDUSDT", "EFUSDT""#);
    engine.signal("HUP");
    live(&["ABUSDT", "CDUSDT", "EFUSDT"]);
    let asked = asked.lock().unwrap().join(" ");
    let topic = |sign: &str, symbol: &str| format!("{sign}orderbook.200.{symbol}");
    let count = |what: &str| asked.matches(what).count();
    assert_eq!(count(&topic("+", "CDUSDT")), 1, "it was never touched: {asked}");
    assert_eq!(count(&topic("-", "CDUSDT")), 0, "{asked}");
    assert_eq!(count(&topic("-", "ABUSDT")), 1, "{asked}");
    assert_eq!(count(&topic("+", "ABUSDT")), 2, "{asked}");
    assert_eq!(count(&topic("+", "EFUSDT")), 1, "{asked}");
    engine.signal("TERM");
    assert!(engine.0.wait().unwrap().success());
}

/// Binance's books come and go as well: their snapshots are fetched, and the others go on.
#[test]
fn books_of_binance_come_and_go_at_sighup() {
    let place = Place::new("reload-binance");
    let market = MarketConfig { symbols: 3, messages_per_s: 300.0, ..MarketConfig::default() };
    let sim = Sim::start(SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(market))).unwrap();
    let symbols = sim.symbols();
    let configure = |wanted: &[&String]| {
        let wanted = wanted.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "name = \"reload\"\nshm_dir = \"{}\"\nidle = \"yield\"\nheartbeat_ms = 100\n\
             [[venue]]\nvenue = \"binance_spot\"\nsymbols = [{wanted}]\n\
             ws_url = \"{}\"\nrest_url = \"{}\"\n",
            place.shm(),
            sim.ws_url(),
            sim.rest_url(),
        );
        place.file("reload.toml", text.as_bytes()).to_str().unwrap().to_owned()
    };
    let is_live =
        |symbol: &String| run(&["book", symbol, "--shm-dir", place.shm()]).status.success();
    let live = |wanted: &[&String]| {
        eventually("the books are live", || wanted.iter().all(|it| is_live(it)).then_some(()));
    };
    let [a, b, c] = &symbols[..] else { panic!("three symbols: {symbols:?}") };
    let config = configure(&[a, b]);
    let mut engine = Running::start(&["run", "-c", &config]);
    live(&[a, b]);
    configure(&[b, c]);
    engine.signal("HUP");
    live(&[b, c]);
    eventually("the first book is gone", || (!is_live(a)).then_some(()));
    let list = good(&["book", "--shm-dir", place.shm()]);
    assert!(!list.contains(a.as_str()) && list.contains(c.as_str()), "{list}");
    configure(&[a, b, c]);
    engine.signal("HUP");
    live(&[a, b, c]);
    // Two at the start, one for each that came: the second was never fetched anew.
    let stats = good(&["stats", "--all", "--shm-dir", place.shm()]);
    let requests = stats.lines().find(|line| line.contains("snapshot_requests")).unwrap();
    assert!(requests.split_whitespace().any(|word| word == "4"), "{requests}");
    engine.signal("TERM");
    assert!(engine.0.wait().unwrap().success());
}
