//! `tickbook bench`: what this host, kernel and build make of the path, figure by figure, each
//! beside the least it could be.
//!
//! # Guarantees
//!
//! - Every figure is measured at least five times; the table and the file have all runs' median,
//!   lowest and highest.
//! - No time is judged: only compared, with its floor and with another run.
//! - A time counts only if the books were right: a run with a gap, a resync or a book that is not
//!   live is an error.

mod compare;
mod figure;
mod floors;
mod frames;
mod loopback;
mod memory;
mod plan;
mod probes;
mod raw_tcp;
mod results;
mod rig;
mod table;
mod venue;

use std::path::Path;
use std::time::Instant;

use crate::args::{BenchArgs, StageArg};
use crate::fingerprint::Fingerprint;
use crate::signals::Signals;
use crate::{Failure, files};
use plan::Plan;
use results::{Results, Saved};

pub(crate) use figure::Figure;
pub(crate) use table::fine_nanos;
pub(crate) use venue::serve as serve_venue;

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let old = args.compare.as_deref().map(Saved::load).transpose()?;
    if let (Some(old), Some(path)) = (&old, &args.with) {
        print_lines(&compare::lines(old, &Saved::load(path)?));
        return Ok(());
    }
    [&args.json, &args.html].into_iter().flatten().try_for_each(|path| files::probe(path))?;
    args.layout.memory().ask()?;
    let plan = Plan::of(args)?;
    let mut results = Results::new(Signals::watch()?, args.quick);
    say!("{}", Fingerprint::this().line());
    let start = Instant::now();
    measure(&plan, &mut results)?;
    let new = results.saved();
    print_lines(&table::lines(&new.figures));
    say!("\n{}", table::noise(&new.figures));
    print_lines(results.notes());
    write(args, &results, start)?;
    if let Some(old) = &old {
        say!();
        print_lines(&compare::lines(old, &new));
    }
    Ok(())
}

fn measure(plan: &Plan, results: &mut Results) -> Result<(), Failure> {
    progress("floors");
    let floors = floors::measure(plan, results)?;
    if plan.wants(StageArg::Memory) {
        progress("memory");
        memory::measure(plan, &floors, results)?;
    }
    if plan.wants(StageArg::Symbols) {
        progress("symbols");
        memory::measure_symbols(plan, &floors, results)?;
    }
    loopback::measure(plan, &floors, results)?;
    if plan.wants(StageArg::Readers) {
        loopback::measure_readers(plan, results)?;
    }
    if cfg!(debug_assertions) {
        results.note("this is a debug build: the figures are of no use".to_owned());
    }
    Ok(())
}

fn write(args: &BenchArgs, results: &Results, start: Instant) -> Result<(), Failure> {
    let write_json = |path: &Path| results.write_json(path);
    args.json.as_deref().map_or(Ok(()), write_json)?;
    if let Some(path) = &args.html {
        files::write(path, results.html().as_bytes())?;
    }
    let write_hdr = |path: &Path| results.write_hdr(path, start.elapsed());
    args.hdr.as_deref().map_or(Ok(()), write_hdr)
}

/// Says on stderr what is being measured.
fn progress(what: &str) {
    eprintln!("measuring {what}");
}

fn print_lines(lines: &[String]) {
    for line in lines {
        say!("{line}");
    }
}
