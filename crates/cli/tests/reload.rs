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
