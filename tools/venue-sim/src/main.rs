//! `venue-sim`: a simulated venue until it is interrupted.

use std::process::ExitCode;

use clap::Parser;

/// A simulated venue on loopback: Binance's WebSocket and REST, plain or TLS.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    args: tickbook_venue_sim::SimArgs,
}

fn main() -> ExitCode {
    match tickbook_venue_sim::run(Command::parse().args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("venue-sim: {error}");
            ExitCode::FAILURE
        }
    }
}
