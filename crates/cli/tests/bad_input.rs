//! Bad input: one line that says what to do, an exit status that is not 0, nothing left behind.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use util::{Place, bad};

#[test]
fn captures_that_cannot_be_replayed() {
    let place = Place::new("captures");
    let whole = util::capture();
    let torn = {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(whole.as_bytes()).unwrap();
        let mut bytes = gz.finish().unwrap();
        bytes.truncate(bytes.len() / 2);
        bytes
    };
    let nameless = whole.replace("binance.com", "example.org");
    for (name, content, part) in [
        ("garbage.cap", b"\x00\x01\x02garbage".to_vec(), "garbage.cap"),
        ("empty.cap", Vec::new(), "empty.cap"),
        ("torn.cap.gz", torn, "torn.cap.gz"),
        ("cut.cap", whole.as_bytes()[..whole.len() - 10].to_vec(), "cut.cap"),
        ("nameless.cap", nameless.into_bytes(), "--venue"),
    ] {
        let file = place.file(name, &content);
        let line = bad(&["replay", file.to_str().unwrap(), "--shm-dir", place.shm()]);
        assert!(line.contains(part), "{name}: {line}");
        assert!(place.left_behind().is_empty(), "{name}: {:?}", place.left_behind());
    }
    let line = bad(&["replay", "/nonexistent.cap", "--shm-dir", place.shm()]);
    assert!(line.contains("/nonexistent.cap"), "{line}");
}

#[test]
fn results_that_cannot_be_written_are_refused_before_the_work() {
    let place = Place::new("results");
    let file = place.file("market.cap", util::capture().as_bytes());
    let line = bad(&["replay", file.to_str().unwrap(), "--json", "/nonexistent/r.json"]);
    assert!(line.contains("/nonexistent/r.json"), "{line}");
}

#[test]
fn configurations_with_faults() {
    let place = Place::new("config");
    let good = format!(
        "shm_dir = \"{}\"\n[[venue]]\nvenue = \"binance_spot\"\nsymbols = [\"BTCUSDT\"]\n",
        place.shm()
    );
    let file = place.file("good.toml", good.as_bytes());
    let output = util::good(&["check-config", file.to_str().unwrap()]);
    assert!(output.contains("BTCUSDT") && output.contains("wss://stream.binance.com"), "{output}");
    for (name, text, part) in [
        ("key.toml", format!("colour = 1\n{good}"), "colour"),
        ("venue.toml", good.replace("binance_spot", "mt_gox"), "known venues"),
        ("syntax.toml", good.replace("[[venue]]", "[[venue"), "syntax.toml:2"),
        ("core.toml", format!("{good}core = 99999\n"), "core 99999"),
        ("ca.toml", format!("ca_file = \"/nonexistent.pem\"\n{good}"), "/nonexistent.pem"),
        ("shm.toml", good.replace(place.shm(), "/proc/nowhere"), "/proc/nowhere"),
    ] {
        let file = place.file(name, text.as_bytes());
        let line = bad(&["run", "-c", file.to_str().unwrap(), "--seconds", "5"]);
        assert!(line.contains(part), "{name}: {line}");
        assert!(place.left_behind().is_empty(), "{name}: {:?}", place.left_behind());
    }
    let ca = place.file("no-ca.toml", format!("ca_file = \"/nonexistent.pem\"\n{good}").as_bytes());
    let line = bad(&["check-config", ca.to_str().unwrap()]);
    assert!(line.contains("/nonexistent.pem"), "{line}");
    let line = bad(&["check-config", "/nonexistent.toml"]);
    assert!(line.contains("/nonexistent.toml"), "{line}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let line = bad(&["sim", "--ws-port", &port, "--seconds", "1"]);
    assert!(line.contains(&port) && line.contains("in use"), "{line}");
}

#[test]
fn books_without_an_engine() {
    let place = Place::new("nobody");
    let line = bad(&["book", "binance_spot:BTCUSDT", "--shm-dir", place.shm()]);
    assert!(line.contains(place.shm()) || line.contains("engine"), "{line}");
    bad(&["stats", "--shm-dir", place.shm()]);
}

#[test]
fn a_foreign_file_in_the_folder_is_no_engine() {
    let place = Place::new("foreign");
    std::fs::create_dir_all(&place.shm).unwrap();
    for name in ["demo", "demo.1", "demo.tb"] {
        std::fs::write(place.shm.join(name), vec![0xAB; 8192]).unwrap();
    }
    let line = bad(&["book", "--name", "demo", "--shm-dir", place.shm()]);
    assert!(line.len() > "tickbook: ".len(), "{line}");
}
