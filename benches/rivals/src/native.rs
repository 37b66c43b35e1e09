//! A second build of this program, for this processor alone, that takes its turns with the subjects
//! of the first one.
//!
//! Two ways to compile the same crates do not fit into one program. So the *host* builds and starts
//! a *guest*, which goes through the same stages in the same order, and has one subject in each:
//! tickbook. The guest waits at each stage until the host says `pass` and the stage's name, and
//! answers with the nanoseconds of one pass, after some that do not count: while it waited, its
//! core slept and its caches went to the host. At `end` the guest goes on to the next stage.
//!
//! # Guarantees
//!
//! - One of the two works at a time, from the second warm-up pass on.
//! - A guest that is at another stage than the host ends the run: no figure stands in a wrong row.
//!
//! # Not guaranteed
//!
//! - Stages that are no contest (loopback) have no guest.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::{TICKBOOK, turns};

/// What the guest is called in the table.
pub(crate) const NATIVE: &str = "tickbook (native)";

/// Begins an answer: all else that a guest prints is for people.
const ANSWER: &str = "=> ";

/// Uncounted passes of the guest before the one that counts.
const WARMUP: Duration = Duration::from_millis(5);

/// What this process is.
enum Seat {
    Guest,
    Host(Mutex<Guest>),
}

/// The other process, as the host sees it.
struct Guest {
    /// Ends with us: its input ends.
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// Set once, before the first stage; unset is a run without a guest.
static SEAT: OnceLock<Seat> = OnceLock::new();

/// This process is a guest from now on.
pub(crate) fn be_guest() {
    assert!(SEAT.set(Seat::Guest).is_ok(), "a process has one seat");
}

/// Whether another process says when.
pub(crate) fn is_guest() -> bool {
    matches!(SEAT.get(), Some(Seat::Guest))
}

/// Whether there is a guest.
pub(crate) fn is_host() -> bool {
    matches!(SEAT.get(), Some(Seat::Host(_)))
}

/// Builds the guest and starts it for these stages.
///
/// # Errors
///
/// What went wrong: no cargo, a build that fails.
pub(crate) fn invite(stages: &[String]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = folder.join("target").join("native");
    println!("Building for this processor alone, in {}.", target.display());
    let build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "--no-default-features", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", "-C target-cpu=native")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()?;
    if !build.success() {
        return Err(io::Error::other("the native build failed; leave out --native"));
    }
    let mut child = Command::new(target.join("release").join("rivals"))
        .arg("--guest")
        .args(turns::cores().is_none().then_some("--no-pin"))
        .args(stages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("no pipes to the native build"));
    };
    let guest = Guest { _child: child, input, output: BufReader::new(output).lines() };
    assert!(SEAT.set(Seat::Host(Mutex::new(guest))).is_ok(), "a process has one seat");
    Ok(())
}

/// One pass of the guest, in nanoseconds per unit.
pub(crate) fn pass(stage: &str) -> f64 {
    let Some(Seat::Host(guest)) = SEAT.get() else { return f64::NAN };
    let mut guest = guest.lock().expect("no panic while a guest has its turn");
    writeln!(guest.input, "pass {stage}").expect("a guest that runs");
    loop {
        let line = guest.output.next().expect("a guest that answers").expect("text");
        if let Some(ns) = line.strip_prefix(ANSWER) {
            return ns.parse().expect("a number of nanoseconds");
        }
    }
}

/// Sends the guest, if there is one, to its next stage.
pub(crate) fn end_stage() {
    if let Some(Seat::Host(guest)) = SEAT.get() {
        let mut guest = guest.lock().expect("no panic while a guest has its turn");
        writeln!(guest.input, "end").expect("a guest that runs");
    }
}

/// As a guest: has passes of our subject among these, until the host has enough.
pub(crate) fn serve<'s, P: FnMut() -> f64 + 's>(
    stage: &str,
    mut subjects: impl Iterator<Item = &'s mut (String, P)>,
) {
    let (_, ours) = subjects.find(|(name, _)| name == TICKBOOK).expect("a stage with our subject");
    let wanted = format!("pass {stage}");
    for line in io::stdin().lines() {
        match line.expect("a host that says what it wants").as_str() {
            "end" => return,
            line if line == wanted => {
                let start = Instant::now();
                while start.elapsed() < WARMUP {
                    ours();
                }
                println!("{ANSWER}{}", ours());
            }
            line => panic!("at {stage}, and the host wants {line}"),
        }
    }
    // The host is gone.
    std::process::exit(0);
}
