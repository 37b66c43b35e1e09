//! The tickbook command: the engine, its replay, its demo, and readers of its books.
//!
//! Exit status 0 only on success; every error is one line that says what to do.

#![forbid(unsafe_code)]

#[macro_use]
mod say;

mod args;
mod bench;
mod book;
mod check;
mod demo;
mod doctor;
mod files;
mod fingerprint;
mod hdr;
mod html;
mod probe;
mod replay;
mod run;
mod signals;
mod stats;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A failure as the user reads it: one line that says what is wrong and what to do.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Book(args) => book::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchVenue(args) => bench::serve_venue(&args),
        Command::Sim(args) => tickbook_venue_sim::run(args).map_err(Failure::from),
        Command::CheckConfig(args) => check::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tickbook: {}", text::one_line(&failure.to_string()));
            ExitCode::FAILURE
        }
    }
}
