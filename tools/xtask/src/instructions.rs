//! Instructions that each hot piece of the path takes: a figure that no busy host disturbs.
//!
//! # Guarantees
//!
//! - A figure is the difference between two runs under callgrind, divided by how much more the
//!   second one did: setting up is not in it.
//! - The table stands beside the one kept in the repository, so that a regression shows.
//! - Without valgrind nothing is measured, and the job says so.
//!
//! # Not guaranteed
//!
//! - That fewer instructions are faster, or that two compilers or processors agree: the kept table
//!   names its own. The job never fails because of a number.

use crate::repository::Repository;
use crate::step::Failure;

/// The kept table.
const KEPT: &str = "benches/instructions.txt";

/// How often a piece runs in the shorter and the longer run.
const COUNTS: (u64, u64) = (200, 1_200);

/// Per mille from which on a difference is pointed out.
const NOTABLE: u64 = 20;

/// One piece and its instructions.
type Row = (String, u64);

/// Prints the table; with `keep` it replaces the kept one.
///
/// # Errors
///
/// If a piece cannot be built, run or counted.
pub fn table(repository: &Repository, keep: bool) -> Result<(), Failure> {
    if !repository.step("valgrind --version").attempt().is_ok_and(|(ran, _)| ran) {
        println!("skipped: valgrind is not installed (Debian: apt-get install valgrind)");
        return Ok(());
    }
    let build = "cargo build --release --locked -p tickbook-benches --example instructions";
    repository.step(build).run()?;
    let program = repository.target_directory()?.join("release/examples/instructions");
    let pieces = repository.step(&program.to_string_lossy()).output()?;
    let kept = repository.read(KEPT).unwrap_or_default();
    let mut rows = Vec::new();
    println!("{:<36} {:>8} {:>8} {:>8}", "instructions", "now", "kept", "change");
    for piece in pieces.lines() {
        let counted = |count: u64| {
            let line = "valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-fd=1";
            let step = repository.step(line).argument(&program.to_string_lossy());
            let log = step.argument(piece).argument(&count.to_string()).output()?;
            collected(&log).ok_or_else(|| Failure(format!("callgrind counted nothing: {log}")))
        };
        let more = counted(COUNTS.1)?.saturating_sub(counted(COUNTS.0)?);
        let now = more / (COUNTS.1 - COUNTS.0);
        let before = find(&kept, piece);
        println!("{}", line(piece, now, before));
        rows.push((piece.to_owned(), now));
    }
    if keep { write(repository, &rows) } else { Ok(()) }
}

/// The number of instructions in callgrind's log.
fn collected(log: &str) -> Option<u64> {
    let line = log.lines().find_map(|line| line.split_once("Collected :"))?.1;
    line.trim().parse().ok()
}

/// The kept figure of a piece.
fn find(kept: &str, piece: &str) -> Option<u64> {
    let mut rows = kept.lines().filter_map(|line| line.rsplit_once(' '));
    rows.find(|(name, _)| name.trim_end() == piece)?.1.parse().ok()
}

fn line(piece: &str, now: u64, before: Option<u64>) -> String {
    let Some(before) = before else {
        return format!("{piece:<36} {now:>8} {:>8} {:>8}", "-", "new");
    };
    let change = if now.abs_diff(before) * 1_000 < before.max(1) * NOTABLE {
        "same".to_owned()
    } else {
        let percent = now.abs_diff(before) as f64 * 100.0 / before.max(1) as f64;
        format!("{}{percent:.1} %", if now > before { '+' } else { '-' })
    };
    format!("{piece:<36} {now:>8} {before:>8} {change:>8}")
}

fn write(repository: &Repository, rows: &[Row]) -> Result<(), Failure> {
    let compiler = repository.step("rustc --version").output()?;
    let mut text = format!(
        "# Instructions of each piece, by `cargo xtask instructions --keep`.\n\
         # {}, {}, release build.\n",
        compiler.trim(),
        std::env::consts::ARCH,
    );
    for (piece, now) in rows {
        text.push_str(&format!("{piece:<36} {now}\n"));
    }
    let path = repository.root.join(KEPT);
    std::fs::write(&path, text).map_err(|error| Failure(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_the_log() {
        let log = "==7== Callgrind, a tool\n==7== \n==7== Events    : Ir\n\
                   ==7== Collected : 1204967\n==7== \n";
        assert_eq!(collected(log), Some(1_204_967));
        assert_eq!(collected("valgrind: no such program"), None);
    }

    #[test]
    fn a_figure_is_found_by_the_whole_name() {
        let kept = "# a comment\nread top                             120\nread top, twice 240\n";
        assert_eq!(find(kept, "read top"), Some(120));
        assert_eq!(find(kept, "read top, twice"), Some(240));
        assert_eq!(find(kept, "read"), None);
    }

    #[test]
    fn only_notable_changes_are_pointed_out() {
        assert!(line("a", 1_010, Some(1_000)).ends_with(" same"));
        assert!(line("a", 1_100, Some(1_000)).ends_with(" +10.0 %"));
        assert!(line("a", 750, Some(1_000)).ends_with(" -25.0 %"));
        assert!(line("a", 750, None).ends_with(" new"));
        assert!(line("a", 1, Some(0)).contains('+'));
    }
}
