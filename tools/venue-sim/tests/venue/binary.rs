//! The command: it says where it is, and ends when it is told to.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::client::PATIENCE;

fn run(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_venue-sim"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn lines(child: &mut Child, count: usize) -> Vec<String> {
    let out = BufReader::new(child.stdout.as_mut().unwrap());
    out.lines().take(count).map(Result::unwrap).collect()
}

#[test]
fn it_prints_where_it_is_and_a_signal_ends_it() {
    let mut child = run(&["--venue", "binance_usdm", "--tls", "--symbols", "2"]);
    let lines = lines(&mut child, 3);
    let addr = lines[0].strip_prefix("wss://").unwrap();
    TcpStream::connect(addr).unwrap();
    TcpStream::connect(lines[1].strip_prefix("https://").unwrap()).unwrap();
    let pem = std::fs::read_to_string(&lines[2]).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let began = Instant::now();
    assert!(child.wait().unwrap().success());
    assert!(began.elapsed() < PATIENCE);
    assert!(!Path::new(&lines[2]).exists(), "the certificate was left behind");
}

#[test]
fn it_ends_by_itself_when_asked_to() {
    let mut child = run(&["--seconds", "0.1"]);
    assert_eq!(lines(&mut child, 2).len(), 2);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_mistake_is_one_line_and_a_status() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, word) in [
        (vec!["--ws-port", &port], "in use"),
        (vec!["--capture", "/nowhere.cap"], "/nowhere.cap"),
        (vec!["--symbols", "0"], "symbols"),
    ] {
        let mut child = run(&arguments);
        assert!(!child.wait().unwrap().success(), "{arguments:?}");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(word), "{said}");
    }
    assert!(!run(&["--venue", "nowhere"]).wait().unwrap().success());
    assert!(!run(&["--pace", "fast", "--capture", "x"]).wait().unwrap().success());
}
