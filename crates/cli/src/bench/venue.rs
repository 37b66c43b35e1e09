//! The simulated venue of a bench, in a process of its own: it shares neither allocator nor locks
//! with the engine that is measured.
//!
//! The child prints where it is, one a line (WebSocket, REST, symbol), serves until its standard
//! input ends, which it does with its parent at the latest, and then prints what it did as JSON.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickbook_types::Venue;
use tickbook_venue_sim::{Feed, MarketConfig, Sim, SimConfig};

use crate::Failure;
use crate::args::BenchVenueArgs;

/// The venue that is simulated.
pub(super) const VENUE: Venue = Venue::BinanceSpot;

/// What the child did.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Done {
    /// Most that a message was sent behind its schedule, ns.
    pub(super) late_ns_max: u64,
    /// Depth messages made.
    pub(super) book_messages: u64,
}

/// The child's side.
pub(crate) fn serve(args: &BenchVenueArgs) -> Result<(), Failure> {
    let market = MarketConfig {
        symbols: 1,
        messages_per_s: f64::from(args.rate),
        burstiness: if args.bursts { 1.0 } else { 0.0 },
        // As punctual as the kernel's timers: what is due goes out, nothing waits for company.
        interval: Duration::ZERO,
        ..MarketConfig::default()
    };
    let mut config = SimConfig::new(VENUE, Feed::Synthetic(market));
    config.tls = args.ca_file.is_some();
    config.ca_file.clone_from(&args.ca_file);
    let sim = Sim::start(config)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n{}", sim.ws_url(), sim.rest_url())?;
    writeln!(out, "{}", sim.symbols().first().ok_or("the venue lists nothing")?)?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    let stats = sim.stats();
    let (late_ns_max, book_messages) = (stats.late_ns_max, stats.book_messages_made);
    writeln!(out, "{}", sonic_rs::to_string(&Done { late_ns_max, book_messages })?)?;
    Ok(())
}

/// What a venue is to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Book messages per second.
    pub(super) rate: u32,
    /// All messages in bursts.
    pub(super) bursts: bool,
    /// Encrypted.
    pub(super) tls: bool,
}

/// A venue that runs. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct VenueProcess {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(super) ws_url: String,
    pub(super) rest_url: String,
    pub(super) symbol: String,
    pub(super) ca_file: Option<PathBuf>,
}

impl VenueProcess {
    pub(super) fn start(load: Load) -> Result<Self, Failure> {
        let ca_file = load.tls.then(|| {
            std::env::temp_dir().join(format!("tickbook-bench-ca-{}.pem", std::process::id()))
        });
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bench-venue").arg("--rate").arg(load.rate.to_string());
        if load.bursts {
            command.arg("--bursts");
        }
        if let Some(path) = &ca_file {
            command.arg("--ca-file").arg(path);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or("the simulated venue has no output")?;
        let mut venue = Self {
            child,
            out: BufReader::new(out),
            ws_url: String::new(),
            rest_url: String::new(),
            symbol: String::new(),
            ca_file,
        };
        let mut lines = [String::new(), String::new(), String::new()];
        for line in &mut lines {
            if venue.out.read_line(line)? == 0 {
                return Err("the simulated venue did not start".into());
            }
            *line = line.trim().to_owned();
        }
        [venue.ws_url, venue.rest_url, venue.symbol] = lines;
        Ok(venue)
    }

    /// Ends it; what it did.
    pub(super) fn stop(mut self) -> Result<Done, Failure> {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        Ok(sonic_rs::from_str(&line)?)
    }
}

impl Drop for VenueProcess {
    fn drop(&mut self) {
        // Best effort: it may have ended by itself, and the file may never have been made.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(path) = &self.ca_file {
            let _ = std::fs::remove_file(path);
        }
    }
}
