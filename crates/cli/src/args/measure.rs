//! Options of the commands that measure: `probe` and `bench`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{IdleArg, LayoutArgs, ShmArgs};

/// A probe is a reader like any other: it maps the file read-only and cannot disturb the engine,
/// other than by the core and the cache lines it takes.
///
/// Three distributions, each over the publishes that it saw:
/// `published_to_seen` from the moment the publish began to the return of the first read that gave
/// it; `recv_to_seen` from the return of the engine's receive call; `kernel_to_seen` from the
/// kernel's receive stamp, where the socket gives one.
///
/// A publish that was overwritten before the probe looked again is skipped: it is counted and is in
/// no distribution. The longest time between two looks is printed as `blind`. The two processes put
/// the time-stamp counter on the wall clock each by itself, to some ten nanoseconds; a time that
/// comes out negative is counted and is in no distribution.
#[derive(ClapArgs, Debug)]
pub(crate) struct ProbeArgs {
    /// Which book: VENUE:SYMBOL, or the symbol alone where one venue has it. Without it, the one
    /// with the most publishes.
    #[arg(value_name = "VENUE:SYMBOL")]
    pub(crate) book: Option<String>,
    /// End after so many seconds; without it, when the engine closes the book or on SIGINT or
    /// SIGTERM.
    #[arg(long, value_name = "N", value_parser = super::seconds)]
    pub(crate) seconds: Option<f64>,
    /// Wait so many seconds for the engine and the book.
    #[arg(long, value_name = "N", default_value = "0", value_parser = super::seconds)]
    pub(crate) wait: f64,
    /// Pin the reading thread to this core.
    #[arg(long, value_name = "N")]
    pub(crate) core: Option<usize>,
    /// What the reading thread does between two looks that found nothing new.
    #[arg(long, value_enum, default_value = "busy-spin")]
    pub(crate) idle: IdleArg,
    /// Engine, if several run.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
    /// Write the result to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write HdrHistogram logs (V2, one per distribution) to this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) hdr: Option<PathBuf>,
}

/// Every figure is measured several times; the table has the median, the lowest and the highest of
/// these runs, and beside it the floor: what the host takes for the least that could do the job (a
/// copy of the bytes, a cache line from core to core, the kernel's own part of the way).
///
/// The stages:
/// `floors`: reading the clock, copying a frame, a cache line between two threads, an empty receive
/// call, a message through a bare TCP socket. Always measured.
/// `memory`: frames of a synthetic market from memory through session, ring, ladder and shared
/// memory, builder inline and in its own thread.
/// `ws`, `wss`: the same from a simulated venue in a process of its own over loopback, plain and
/// encrypted, at each of `--rates`; then seen by a `tickbook probe` in a third process. The venue's
/// schedule does not wait for the engine, and times begin at the kernel's receive stamp, so a slow
/// moment of the engine is paid by every message that waits.
/// `bursts`: all messages in bursts of 2 to 64, over `ws` at the middle rate.
/// `symbols`: the memory path with 1, 100 and 1,000 books.
/// `readers`: `ws` at the middle rate with 0, 1, 2, 4, 8 probes, as far as there are cores.
///
/// Nothing is compared with a limit: only with the floor, and with another run (`--compare`).
#[derive(ClapArgs, Debug)]
pub(crate) struct BenchArgs {
    /// A few seconds instead of about a minute: for a first look, not for comparing.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure these stages only.
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1..)]
    pub(crate) stages: Vec<StageArg>,
    /// Book messages per second over loopback [default: 1000,5000,20000; with --quick 2000].
    #[arg(long, value_name = "N,N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) rates: Vec<u32>,
    /// Measure everything so often.
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(5..=1_000))]
    pub(crate) repeats: u32,
    /// Print old, new and ratio of every figure of this file, and say which differ by more than
    /// noise.
    #[arg(long, value_name = "OLD.json")]
    pub(crate) compare: Option<PathBuf>,
    /// Measure nothing: compare with this file.
    #[arg(long, value_name = "NEW.json", requires = "compare")]
    #[arg(conflicts_with_all = ["json", "html", "hdr"])]
    pub(crate) with: Option<PathBuf>,
    /// Write the figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the figures with plots to this file, one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write HdrHistogram logs (V2, one per distribution) to this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) hdr: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
    #[command(flatten)]
    pub(crate) shm: ShmArgs,
}

/// A part of the bench that can be left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StageArg {
    /// The floors alone.
    Floors,
    /// From memory.
    Memory,
    /// Over a WebSocket.
    Ws,
    /// Over TLS.
    Wss,
    /// In bursts.
    Bursts,
    /// With many books.
    Symbols,
    /// With many readers.
    Readers,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct BenchVenueArgs {
    /// Book messages per second.
    #[arg(long)]
    pub(crate) rate: u32,
    /// All messages in bursts.
    #[arg(long)]
    pub(crate) bursts: bool,
    /// Certificate authority to make; encrypts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}
