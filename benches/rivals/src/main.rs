//! Every stage of tickbook's data path beside the crates a user would take instead.
//!
//! ```sh
//! cargo run --release --manifest-path benches/rivals/Cargo.toml -- --json rivals.json
//! ```
//!
//! `TICKBOOK_CAPTURES` names a folder of captures (`binance_spot/btcusdt_20240808.cap.gz` and its
//! like); without it the inputs are generated in the venue's format. `--native` adds the rows
//! `tickbook (native)`: the program builds itself a second time, for this processor alone, and
//! that one takes its turns with all others. The peers that take long to compile are features:
//! `--no-default-features --features iceoryx2`. A peer that is left out says so.
//!
//! All subjects of a stage take turns, round after round, in one process: what disturbs one round
//! disturbs all of them. A figure is the median of the rounds, the smallest is beside it. Before a
//! stage is timed, the results of its subjects are compared.
//!
//! All of them use mimalloc, which favours the peers: ours does not allocate.
//!
//! # What the figures are
//!
//! | stage | nanoseconds per |
//! | --- | --- |
//! | `parse_N` | message of about N levels: text to integers, and for us the ring besides |
//! | `ladder_update` | level update, with the best of both sides after each message |
//! | `depth_publish` | message: 32 levels a side kept for readers (the peer only copies them) |
//! | `ring_one_way`, `ring_throughput` | message from one thread to another |
//! | `shm_depth_visible`, `shm_bbo_visible` | publish, until read by another thread |
//! | `frame_N` | WebSocket message of N bytes, a frame a read, the read (a copy) included |
//! | `empty_poll` | turn of a polling loop whose socket is silent |
//! | `memory_to_published` | message: frame in memory to a book that others can read |
//! | `loopback_p50`, `loopback_p99` | message: due time of the send to seen by the sender |
//! | `replay_msgs_per_s` | message of a capture; the table and `msgs_per_s` say how many a second |
//!
//! Messages are the venue's own, whole; `parse_1000` joins the changes of several, as too few are
//! that long.
//!
//! A stage with an `@` behind it is that stage on one capture, or at one rate. A stage without is
//! all captures together, each message of them counting once; 5,000 messages a second.
//!
//! # Not guaranteed
//!
//! - That times of two hosts, or of two runs, compare. Ratios within one run do.
//! - That a busy host gives sense: the stages of two threads need two cores of their own.
//! - A native row over loopback: there the time is the kernel's.

mod book;
mod contest;
mod depth;
mod frame;
mod input;
mod ladder;
mod loopback;
mod native;
mod parse;
mod path;
mod peers;
mod poll;
mod replay;
mod ring;
mod shm;
mod stream;
mod turns;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use contest::Table;
use tickbook_engine::memory::Memory;

/// Times every stage of tickbook beside its peers, in one run.
#[derive(Debug, Parser)]
#[command(name = "rivals")]
struct Args {
    /// Only the stages whose names begin with one of these.
    stages: Vec<String>,
    /// Writes the medians to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of a stage; the slow ones have fewer.
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// Does not bind the threads of a pair to two cores.
    #[arg(long)]
    no_pin: bool,
    /// Builds tickbook for this processor alone, too, and lets it take part.
    #[arg(long)]
    native: bool,
    /// Takes part in the run of another process, which says when.
    #[arg(long, hide = true, conflicts_with_all = ["native", "json"])]
    guest: bool,
    /// Messages a second over loopback; the first one is the stage without `@`.
    #[arg(long, value_delimiter = ',', default_value = "5000,20000")]
    rates: Vec<u32>,
}

impl Args {
    fn wants(&self, stage: &str) -> bool {
        let fits = |wish: &String| stage.starts_with(wish.as_str()) || wish.starts_with(stage);
        self.stages.is_empty() || self.stages.iter().any(fits)
    }
}

/// For all subjects: peers allocate in every message, and the system's allocator is slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the subject we are is called.
const TICKBOOK: &str = if matches!(env!("RIVALS_NATIVE").as_bytes(), b"true") {
    "tickbook (native)"
} else {
    "tickbook"
};

/// Says so if others keep the cores busy: two threads that wait for each other suffer most.
fn warn_if_busy() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    if let Some(load) = load.filter(|load| *load > 0.5) {
        println!("The host is busy: load {load} on {cores} cores before this began.");
        println!(
            "Stages of two threads (ring, shm, loopback, replay) may measure the scheduler.\n"
        );
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    turns::pin(!args.no_pin);
    // The pages that the engine has, for all: this allocator would ask for huge ones.
    if let Err(error) = Memory::default().ask() {
        eprintln!("rivals: {error}");
        return ExitCode::FAILURE;
    }
    let mut table = Table::new(args.rounds.max(1));
    match (args.guest, args.native) {
        (true, _) => native::be_guest(),
        (_, true) => {
            if let Err(error) = native::invite(&args.stages) {
                eprintln!("rivals: {error}");
                return ExitCode::FAILURE;
            }
        }
        _ => {}
    }
    warn_if_busy();
    let feeds = input::feeds();
    if args.wants("parse") {
        parse::run(&feeds, &mut table);
    }
    if args.wants("ladder_update") || args.wants("depth_publish") {
        let streams = stream::streams(&feeds);
        if args.wants("ladder_update") {
            ladder::run(&streams, &mut table);
        }
        if args.wants("depth_publish") {
            depth::run(&streams, &mut table);
        }
    }
    if args.wants("ring") {
        ring::run(&mut table);
    }
    if args.wants("shm") {
        shm::run(&mut table);
    }
    if args.wants("frame") {
        frame::run(&mut table);
    }
    if args.wants("empty_poll") {
        poll::run(&mut table);
    }
    if args.wants("memory_to_published") {
        path::run(&feeds, &mut table);
    }
    if args.wants("loopback") && !args.guest {
        loopback::run(&feeds, &args.rates, &mut table);
    }
    if args.wants("replay") {
        replay::run(&feeds, &mut table);
    }
    match args.json.map(|path| table.write_json(&path)) {
        Some(Err(error)) => {
            eprintln!("rivals: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
