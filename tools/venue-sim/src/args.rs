//! The command line of the venue alone: `venue-sim`, and `tickbook sim`.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use tickbook_capture::Capture;
use tickbook_types::Venue;

use crate::config::{Feed, MarketConfig, Pace, SimConfig};
use crate::error::SimError;
use crate::script::Script;
use crate::sim::Sim;

/// Options of a simulated venue.
#[derive(clap::Args, Clone, Debug)]
pub struct SimArgs {
    /// Venue to speak for: binance_spot, binance_usdm, binance_coinm, binance_us
    #[arg(long, default_value = "binance_spot")]
    pub venue: Venue,
    /// Port on 127.0.0.1 for WebSocket clients; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub ws_port: u16,
    /// Port on 127.0.0.1 for REST clients; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub rest_port: u16,
    /// Speak TLS, with a certificate of a test authority made at start
    #[arg(long)]
    pub tls: bool,
    /// Where to write the authority's certificate (PEM) [default: a new file in the temporary
    /// directory, removed at the end]
    #[arg(long, requires = "tls", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Play this capture instead of a synthetic market
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Pace of the capture: max, recorded, or a factor such as 10x
    #[arg(long, default_value = "max", value_parser = parse_pace, requires = "capture")]
    pub pace: Pace,
    /// Seed of the synthetic market
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Symbols of the synthetic market
    #[arg(long, default_value_t = 20)]
    pub symbols: usize,
    /// Depth messages per second, over all symbols
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// Level changes in a depth message, on average
    #[arg(long, default_value_t = 8.0)]
    pub levels_per_message: f64,
    /// Levels a side of every book
    #[arg(long, default_value_t = 400)]
    pub levels: usize,
    /// Disconnect clients that send too many messages, as the venue does
    #[arg(long)]
    pub enforce_message_rate: bool,
    /// Refuse REST requests above the weight of a minute, as the venue does
    #[arg(long)]
    pub enforce_weight: bool,
    /// Ends after this many seconds; without it, on SIGINT or SIGTERM
    #[arg(long, value_parser = parse_seconds)]
    pub seconds: Option<f64>,
}

/// Reads `max`, `recorded`, or a factor such as `10x`.
fn parse_pace(text: &str) -> Result<Pace, String> {
    match text {
        "max" => Ok(Pace::Max),
        "recorded" => Ok(Pace::Recorded),
        _ => text
            .strip_suffix('x')
            .and_then(|factor| factor.parse().ok())
            .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
            .map(Pace::Times)
            .ok_or_else(|| "must be max, recorded, or a factor such as 10x".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds >= 0.0);
    seconds.ok_or_else(|| "must be a number of seconds, 0 or more".to_owned())
}

/// Runs a venue until its time is over or a signal arrives. Prints where it is, one a line: the
/// WebSocket URL, the REST URL, and with TLS the path of the authority's certificate.
///
/// # Errors
///
/// [`SimError`] if it cannot start.
pub fn run(args: SimArgs) -> Result<(), SimError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let registered = signal_hook::flag::register(signal, Arc::clone(&stop));
        registered.map_err(|source| SimError::io("cannot listen to signals", source))?;
    }
    let seconds = args.seconds;
    let temporary_ca = (args.tls && args.ca_file.is_none()).then(|| {
        std::env::temp_dir().join(format!("tickbook-venue-sim-{}.pem", std::process::id()))
    });
    let sim = Sim::start(config(args, temporary_ca.clone())?)?;
    let printed = print(&sim);
    // A time too long for a `Duration` or the clock is no end at all.
    let deadline = seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|time| Instant::now().checked_add(time));
    // Relaxed: a wish, polled; it publishes nothing. Partner: the store in the signal's handler.
    while printed.is_ok() && !stop.load(Ordering::Relaxed) {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        thread::sleep(left.unwrap_or(SIGNAL_POLL).min(SIGNAL_POLL));
    }
    sim.stop();
    if let Some(file) = temporary_ca {
        // Nothing depends on it any more; a missing file is what is wanted.
        let _ = std::fs::remove_file(file);
    }
    printed.map_err(|source| SimError::io("cannot print where the venue is", source))
}

/// How soon a signal ends the venue.
const SIGNAL_POLL: Duration = Duration::from_millis(50);

fn print(sim: &Sim) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", sim.ws_url())?;
    writeln!(out, "{}", sim.rest_url())?;
    if let Some(file) = sim.ca_file() {
        writeln!(out, "{}", file.display())?;
    }
    out.flush()
}

fn config(args: SimArgs, temporary_ca: Option<PathBuf>) -> Result<SimConfig, SimError> {
    let feed = match &args.capture {
        None => Feed::Synthetic(MarketConfig {
            seed: args.seed,
            symbols: args.symbols,
            messages_per_s: args.rate,
            levels_per_message: args.levels_per_message,
            levels: args.levels,
            ..MarketConfig::default()
        }),
        Some(path) => {
            let capture = Capture::load(path)
                .map_err(|error| SimError::Capture { what: error.to_string() })?;
            Feed::Capture { script: Script::from(&capture), pace: args.pace }
        }
    };
    let mut config = SimConfig::new(args.venue, feed);
    config.listen_ws = SocketAddr::from((Ipv4Addr::LOCALHOST, args.ws_port));
    config.listen_rest = SocketAddr::from((Ipv4Addr::LOCALHOST, args.rest_port));
    config.tls = args.tls;
    config.ca_file = args.ca_file.or(temporary_ca);
    config.faults.enforce_message_rate = args.enforce_message_rate;
    config.faults.enforce_weight = args.enforce_weight;
    Ok(config)
}
