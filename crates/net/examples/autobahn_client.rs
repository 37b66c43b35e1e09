//! An echo client that walks the cases of the Autobahn fuzzing server.
//!
//! ```text
//! wstest -m fuzzingserver &
//! cargo run --release -p tickbook-net --example autobahn_client -- ws://127.0.0.1:9001
//! ```
//!
//! The verdicts are in the server's reports. Ends with status 1 if a case could not be run.

use std::error::Error;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use tickbook_net::{
    Connection, ConnectionOptions, MessageKind, NetError, Phase, PongPolicy, Target,
};
use tickbook_types::clock;

const AGENT: &str = "tickbook";

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001".into());
    let mut cases = None;
    walk(&target(&base, "/getCaseCount")?, |_, payload| {
        cases = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<u32>().ok());
        None
    })?;
    let cases = cases.ok_or("the server did not say how many cases it has")?;
    for case in 1..=cases {
        let path = format!("/runCase?case={case}&agent={AGENT}");
        let end = walk(&target(&base, &path)?, |kind, payload| Some((kind, payload.to_vec())))?;
        println!("case {case} of {cases}: {end}");
    }
    walk(&target(&base, &format!("/updateReports?agent={AGENT}"))?, |_, _| None)?;
    Ok(())
}

/// Opens a connection and answers each message with what `answer` makes of it, until it ends.
fn walk(
    target: &Target,
    mut answer: impl FnMut(MessageKind, &[u8]) -> Option<(MessageKind, Vec<u8>)>,
) -> Result<NetError, NetError> {
    // The suite wants every ping answered, and has messages of 16 MiB, or in 65,536 fragments.
    let options = ConnectionOptions {
        pong: PongPolicy::Every,
        send_queue_bytes: 32 << 20,
        message_bytes_max: 32 << 20,
        fragments_max: 1 << 20,
        ..Default::default()
    };
    let mut connection = Connection::open(target, &options, clock::mono_now())?;
    while connection.drive(clock::mono_now())? != Phase::Open {
        pause();
    }
    let end = loop {
        match turn(&mut connection, &mut answer) {
            Ok(0) => pause(),
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    // Lingers until the server ends the stream.
    while !matches!(connection.drive(clock::mono_now()), Ok(Phase::Closed) | Err(_)) {
        pause();
    }
    Ok(end)
}

/// One read and what it brought.
fn turn(
    connection: &mut Connection,
    answer: &mut impl FnMut(MessageKind, &[u8]) -> Option<(MessageKind, Vec<u8>)>,
) -> Result<usize, NetError> {
    let count = connection.recv(clock::now())?;
    while let Some(message) = connection.next_message()? {
        if let Some((kind, payload)) = answer(message.kind, message.payload.payload()) {
            connection.send(kind, &payload, clock::mono_now())?;
        }
    }
    connection.drive(clock::mono_now())?;
    Ok(count)
}

fn pause() {
    std::thread::sleep(Duration::from_micros(50));
}

/// A target from a URL like `ws://host:port`.
fn target(base: &str, path: &str) -> Result<Target, Box<dyn Error>> {
    let authority = base.strip_prefix("ws://").ok_or("the URL must start with ws://")?;
    let authority = authority.trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let port = port.parse()?;
    let addr = (host, port).to_socket_addrs()?.next().ok_or("host has no address")?;
    Ok(Target { host: host.into(), port, path: path.into(), tls: None, addr })
}
