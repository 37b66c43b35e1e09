//! The command line.

mod measure;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tickbook_engine::idle::Idle;
use tickbook_engine::memory::Memory;
use tickbook_engine::topology::{BuilderPlace, Wishes};
use tickbook_types::Venue;

pub(crate) use measure::{BenchArgs, BenchVenueArgs, ProbeArgs, StageArg};

/// Order books of crypto venues in shared memory, as fast as the host allows, and never shown as
/// good when they are not known to be.
#[derive(Debug, Parser)]
#[command(name = "tickbook", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole path at work: a simulated venue on loopback, the engine against it, live
    /// ladders and latency; ends by itself with --seconds and leaves nothing behind.
    Demo(DemoArgs),
    /// Run the engine of a configuration file until SIGINT or SIGTERM.
    Run(RunArgs),
    /// Drive captures through the same path as live data and report books and tick-to-book time.
    Replay(ReplayArgs),
    /// Print a book from shared memory.
    Book(BookArgs),
    /// Print counters and latency histograms from shared memory.
    Stats(StatsArgs),
    /// Spin on a book as a strategy would, and say how long after its publish, and after the
    /// kernel had received it, a reader in another process sees it.
    Probe(ProbeArgs),
    /// Measure the latency of this host, kernel, build and these settings, each figure beside the
    /// least it could be, and compare it with a saved run.
    Bench(BenchArgs),
    /// The simulated venue of a bench, in a process of its own.
    #[command(hide = true)]
    BenchVenue(BenchVenueArgs),
    /// Run the simulated venue alone.
    Sim(tickbook_venue_sim::SimArgs),
    /// Check a configuration file and say what the engine would do.
    CheckConfig(CheckArgs),
    /// Say what on this host costs latency, and how to change it.
    Doctor(DoctorArgs),
}

/// How threads are laid out; chosen by the number of cores where not given.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct LayoutArgs {
    /// Where the book builder runs.
    #[arg(long, value_enum)]
    pub(crate) topology: Option<TopologyArg>,
    /// What path threads do when there is nothing to do.
    #[arg(long, value_enum)]
    pub(crate) idle: Option<IdleArg>,
    /// Pin the venue thread and the builder thread to these two cores.
    #[arg(long, value_name = "VENUE,BUILDER", value_delimiter = ',', num_args = 1)]
    pub(crate) cores: Vec<usize>,
    /// Let large blocks of memory lie on huge pages: with hundreds of books a message pays fewer
    /// page walks, and every book takes megabytes.
    #[arg(long)]
    pub(crate) huge_pages: bool,
    /// Lock all memory into RAM, each page from its first touch on.
    #[arg(long)]
    pub(crate) lock_memory: bool,
}

impl LayoutArgs {
    pub(crate) fn wishes(&self, other_threads: usize) -> Wishes {
        Wishes {
            builder: self.topology.map(|it| match it {
                TopologyArg::OwnThread => BuilderPlace::OwnThread,
                TopologyArg::Inline => BuilderPlace::Inline,
            }),
            idle: self.idle.map(Idle::from),
            other_threads,
        }
    }

    pub(crate) const fn memory(&self) -> Memory {
        Memory { huge_pages: self.huge_pages, lock: self.lock_memory }
    }

    pub(crate) fn cores(&self) -> Result<Option<(usize, usize)>, String> {
        match self.cores[..] {
            [] => Ok(None),
            [venue, builder] => Ok(Some((venue, builder))),
            _ => Err("--cores takes two cores: of the venue thread and of the builder".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TopologyArg {
    /// In a thread of its own.
    OwnThread,
    /// Inside the venue thread.
    Inline,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum IdleArg {
    /// Burn the core.
    BusySpin,
    /// Offer the core to others.
    Yield,
    /// Sleep, longer and longer.
    Backoff,
}

impl From<IdleArg> for Idle {
    fn from(idle: IdleArg) -> Self {
        match idle {
            IdleArg::BusySpin => Self::BusySpin,
            IdleArg::Yield => Self::Yield,
            IdleArg::Backoff => Self::Backoff,
        }
    }
}

/// Where the shared-memory files are.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct ShmArgs {
    /// Folder of the shared-memory files.
    #[arg(long, value_name = "DIR", default_value = tickbook::DEFAULT_DIR)]
    pub(crate) shm_dir: PathBuf,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DemoArgs {
    /// End after so many seconds; without it, on SIGINT or SIGTERM.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
    /// Venue to simulate.
    #[arg(long, default_value = "binance_spot", value_parser = venue)]
    pub(crate) venue: Venue,
    /// Symbols to trade.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) symbols: u16,
    /// Book messages per second, all symbols together.
    #[arg(long, default_value_t = 5_000.0)]
    pub(crate) rate: f64,
    /// Seed of the order flow.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Encrypt (TLS with a certificate authority made for this run).
    #[arg(long)]
    pub(crate) tls: bool,
    /// Name of the engine's shared-memory file.
    #[arg(long, default_value = "demo")]
    pub(crate) name: String,
    /// Fail unless every book equals the venue's own at the end and no message is unaccounted for.
    /// The comparison is always made and printed.
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RunArgs {
    /// Configuration file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// End after so many seconds.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CheckArgs {
    /// Configuration file.
    #[arg(value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ReplayArgs {
    /// Captures: .cap, .cap.gz or .cap.zst.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Venue of the captures; by default it is told from the URLs in each file.
    #[arg(long, value_parser = venue)]
    pub(crate) venue: Option<Venue>,
    /// The venue's instrument list, recorded apart: a capture of its answers.
    #[arg(long, value_name = "FILE")]
    pub(crate) instruments: Option<PathBuf>,
    /// The files are connections with the same subscriptions at the same time: play them together,
    /// by their times, as the lines of one session, where the first message wins. From memory.
    #[arg(long)]
    pub(crate) lines: bool,
    /// How fast: max, recorded, or a multiple like 10x.
    #[arg(long, default_value = "max", value_parser = pace)]
    pub(crate) pace: PaceArg,
    /// How frames reach the engine: from memory, or from a local server over sockets.
    #[arg(long, value_enum, default_value = "memory")]
    pub(crate) transport: TransportArg,
    /// Play each file so often; latencies are of all times, counts and books of the last.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) repeat: u32,
    /// Levels a side in the printed books.
    #[arg(long, default_value_t = 5)]
    pub(crate) depth: usize,
    /// Stamp the inner stages of every n-th message; 0 stamps none.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) sample_every: u32,
    /// Write the report to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the final books to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) books: Option<PathBuf>,
    /// Write HdrHistogram logs (V2, one per stage) to this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) hdr: Option<PathBuf>,
    /// Write a report with plots to this file, for a browser: one page, nothing else is loaded.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Name of the shared-memory file; by default it holds the process number.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TransportArg {
    /// From memory.
    Memory,
    /// Over a WebSocket on loopback.
    Ws,
    /// Over TLS on loopback.
    Wss,
}

/// A pace as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PaceArg {
    Max,
    Times(f64),
}

#[derive(ClapArgs, Debug)]
pub(crate) struct BookArgs {
    /// Which: VENUE:SYMBOL, or the symbol alone where one venue has it. A name that is the same on
    /// every venue (BTC-USDT) gives one book out of all of them, of every engine that runs. Without
    /// it, the list.
    #[arg(value_name = "VENUE:SYMBOL")]
    pub(crate) book: Option<String>,
    /// Levels a side.
    #[arg(long, default_value_t = 10)]
    pub(crate) depth: usize,
    /// Print the last book even if it is not live or not fresh (it is marked as such).
    #[arg(long)]
    pub(crate) any: bool,
    /// Print how many orders make up each level, where the venue sends orders.
    #[arg(long)]
    pub(crate) orders: bool,
    /// Engine, if several run.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct StatsArgs {
    /// Engine, if several run.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Print counters that are zero, too.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DoctorArgs {
    /// Spin so long to find what takes a core away from its thread; 0 does without.
    #[arg(long, value_name = "N", default_value = "2", value_parser = seconds)]
    pub(crate) spin_seconds: f64,
    /// Pin the spin to this core, and judge the host by it: the core of a path thread, best.
    #[arg(long, value_name = "N")]
    pub(crate) core: Option<usize>,
    /// Write the findings to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Read /proc and /sys in this folder instead (a host mounted there, or a copy of its files),
    /// and do not spin.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
}

/// The longest spin.
const SPIN_SECONDS_MAX: f64 = 86_400.0;

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=SPIN_SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => Err(format!("seconds are a number from 0 to {SPIN_SECONDS_MAX}")),
    }
}

fn venue(text: &str) -> Result<Venue, String> {
    text.parse::<Venue>().map_err(|unknown| unknown.to_string())
}

fn pace(text: &str) -> Result<PaceArg, String> {
    match text {
        "max" => return Ok(PaceArg::Max),
        "recorded" => return Ok(PaceArg::Times(1.0)),
        _ => {}
    }
    let times = text.strip_suffix('x').and_then(|times| times.parse::<f64>().ok());
    match times {
        Some(times) if times.is_finite() && times > 0.0 => Ok(PaceArg::Times(times)),
        _ => Err("a pace is max, recorded, or a multiple of the recorded one like 10x".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn a_pace_is_read() {
        assert_eq!(pace("max"), Ok(PaceArg::Max));
        assert_eq!(pace("recorded"), Ok(PaceArg::Times(1.0)));
        assert_eq!(pace("2.5x"), Ok(PaceArg::Times(2.5)));
        for text in ["", "x", "0x", "-1x", "infx", "10", "fast"] {
            assert!(pace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_spin_is_finite() {
        assert_eq!(seconds("0"), Ok(0.0));
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["", "-1", "nan", "inf", "1e9", "2s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cores_come_in_pairs() {
        let cores = |list: &[usize]| {
            let (huge_pages, lock_memory) = (false, false);
            let cores = list.to_vec();
            LayoutArgs { topology: None, idle: None, cores, huge_pages, lock_memory }.cores()
        };
        assert_eq!(cores(&[]), Ok(None));
        assert_eq!(cores(&[2, 3]), Ok(Some((2, 3))));
        assert!(cores(&[2]).is_err());
    }
}
