//! How many messages a second the simulated venue can make and send, and what one costs.
//!
//! `cargo run --release -p tickbook-venue-sim --example flood -- RATE [SYMBOLS] [SECONDS] [tls]`
//!
//! A client subscribes to the depth, best bid and ask, and trades of every symbol and throws away
//! what it reads. CPU time is that of the venue's threads as the kernel accounts it.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tickbook_types::Venue;
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: f64| -> Result<f64, std::num::ParseFloatError> {
        arguments.get(at).map_or(Ok(default), |text| text.parse())
    };
    let (rate, seconds) = (number(0, 50_000.0)?, number(2, 5.0)?);
    let symbols = arguments.get(1).map_or(Ok(20), |text| text.parse())?;
    let market = MarketConfig { symbols, messages_per_s: rate, ..MarketConfig::default() };
    let mut config = SimConfig::new(Venue::BinanceSpot, Feed::Synthetic(market));
    config.tls = arguments.get(3).is_some_and(|it| it == "tls");
    let sim = Sim::start(config)?;

    let read = Arc::new(AtomicU64::new(0));
    let mut stream = connect(&sim)?;
    subscribe(&sim, &mut *stream)?;
    let counter = Arc::clone(&read);
    thread::Builder::new().name("client".to_owned()).spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            // Relaxed: a count that is only printed. Partner: the load at the end of `main`.
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    })?;
    thread::sleep(Duration::from_millis(500));
    let (before, cpu_before, began) = (sim.stats(), cpu_ns()?, Instant::now());
    thread::sleep(Duration::from_secs_f64(seconds));
    let (after, cpu_after, elapsed) = (sim.stats(), cpu_ns()?, began.elapsed().as_secs_f64());

    let made = (after.book_messages_made - before.book_messages_made) as f64;
    let changes = (after.level_changes_made - before.level_changes_made) as f64;
    let sent = (after.messages_sent - before.messages_sent) as f64;
    let bytes = (after.bytes_sent - before.bytes_sent) as f64;
    println!("book messages/s  {:12.0}  asked {rate:.0}", made / elapsed);
    println!("level changes    {:12.2}  per book message", changes / made);
    println!("messages/s       {:12.0}  with best bid/ask and trades", sent / elapsed);
    println!("bytes/s          {:12.0}  {:.0} per message", bytes / elapsed, bytes / sent);
    println!("late at most     {:12.3}  ms", after.late_ns_max as f64 / 1e6);
    println!("expelled         {:12}", after.clients_expelled);
    let mut total = 0;
    for ((name, after), (_, before)) in cpu_after.iter().zip(&cpu_before) {
        let ns = after - before;
        if name.starts_with("sim-") {
            total += ns;
        }
        println!("cpu {name:12} {:12.1}  % of a core", ns as f64 / elapsed / 1e7);
    }
    println!("cpu per message  {:12.0}  ns of {sent:.0} messages", total as f64 / sent);
    println!("cpu per book     {:12.0}  ns of {made:.0} book messages", total as f64 / made);
    // Relaxed: see the client.
    println!("client read      {:12}  bytes", read.load(Ordering::Relaxed));
    Ok(())
}

fn connect(sim: &Sim) -> Result<Box<dyn Duplex>, Box<dyn Error>> {
    let url = sim.ws_url();
    let socket = TcpStream::connect(url.split_once("://").map_or("", |it| it.1))?;
    let Some(pem) = sim.ca_pem() else { return Ok(Box::new(socket)) };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost")?;
    Ok(Box::new(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, socket)))
}

fn subscribe(sim: &Sim, stream: &mut dyn Duplex) -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    for symbol in sim.symbols() {
        let symbol = symbol.to_lowercase();
        for channel in ["depth@100ms", "bookTicker", "trade"] {
            names.push(format!("{symbol}@{channel}"));
        }
    }
    let url = format!("{}/stream?streams={}", sim.ws_url(), names.join("/"));
    tungstenite::client(url, stream).map_err(|error| error.to_string())?;
    Ok(())
}

/// CPU time of this process's threads by name, in nanoseconds, threads of one name together.
fn cpu_ns() -> Result<Vec<(String, u64)>, Box<dyn Error>> {
    let mut times: Vec<(String, u64)> = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        let name = fs::read_to_string(path.join("comm"))?.trim().to_owned();
        let stat = fs::read_to_string(path.join("schedstat"))?;
        let ns = stat.split(' ').next().unwrap_or_default().parse()?;
        match times.iter_mut().find(|(it, _)| *it == name) {
            Some((_, sum)) => *sum += ns,
            None => times.push((name, ns)),
        }
    }
    Ok(times)
}
