//! The jobs: one list, from which the help, the dispatch and CI are made.

use std::process::ExitCode;
use std::time::Instant;

use crate::repository::Repository;
use crate::step::{Failure, Step};
use crate::{graph, instructions, locks, loom, readme, tidy};

/// Something the runner can do.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// How it is called.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Does it; the arguments are those behind the name.
    pub run: fn(&Repository, &[String]) -> Result<(), Failure>,
}

/// All jobs, by cost.
pub const JOBS: &[Job] = &[
    Job { name: "ci", about: "everything CI runs: fmt to loom below", run: ci },
    Job { name: "fmt", about: "formatting", run: fmt },
    Job { name: "tidy", about: "what no lint can check", run: |r, _| tidy::check(r) },
    Job {
        name: "graph",
        about: "crate graph equals its drawing, and other workspaces' locks the manifests",
        run: |r, _| graph::check(r).and_then(|()| locks::check(r)),
    },
    Job { name: "clippy", about: "lints, warnings denied", run: clippy },
    Job { name: "doc", about: "documentation, warnings denied", run: doc },
    Job { name: "test", about: "the README's test command", run: test },
    Job {
        name: "loom",
        about: "interleavings of ring and shm; --short, or --weaken to see each ordering matter",
        run: run_loom,
    },
    Job { name: "bench-smoke", about: "every bench once, without timing it", run: bench_smoke },
    Job {
        name: "instructions",
        about: "instructions of the hot pieces under callgrind; --keep makes them the kept table",
        run: count_instructions,
    },
    Job { name: "demo-minute", about: "60 s of 50,000 messages/s, books compared", run: demo },
    Job { name: "hammer", about: "10^8 reads from other processes, none torn", run: hammer },
    Job { name: "fresh-clone", about: "the README's two commands in a new clone", run: fresh },
];

/// What CI runs, in order.
pub const CI: &[(&str, &[&str])] = &[
    ("fmt", &[]),
    ("tidy", &[]),
    ("graph", &[]),
    ("clippy", &[]),
    ("doc", &[]),
    ("test", &[]),
    ("bench-smoke", &[]),
    ("instructions", &[]),
    ("loom", &["--short"]),
    ("loom", &["--weaken"]),
];

/// Reads of the long hammer.
const HAMMER_READS: &str = "100000000";

/// Runs the job that `arguments` name, or prints the list.
#[must_use]
pub fn run(arguments: &[String]) -> ExitCode {
    let Some((name, arguments)) = arguments.split_first() else {
        print!("{}", help());
        return ExitCode::SUCCESS;
    };
    if ["help", "-h", "--help"].contains(&name.as_str()) {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let outcome = Repository::find().and_then(|repository| run_job(&repository, name, arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut help = "usage: cargo xtask JOB\n\n".to_owned();
    for job in JOBS {
        help.push_str(&format!("  {:<12} {}\n", job.name, job.about));
    }
    help
}

fn run_job(repository: &Repository, name: &str, arguments: &[String]) -> Result<(), Failure> {
    let job = JOBS
        .iter()
        .find(|job| job.name == name)
        .ok_or_else(|| Failure(format!("no job `{name}`; `cargo xtask` lists them")))?;
    println!("== {name}: {}", job.about);
    let start = Instant::now();
    let outcome = (job.run)(repository, arguments);
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Ok(()) => println!("== {name}: ok in {seconds:.1} s\n"),
        Err(failure) => println!("== {name}: FAILED after {seconds:.1} s: {failure}\n"),
    }
    outcome
}

fn ci(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    for (name, arguments) in CI {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        run_job(repository, name, &arguments)?;
    }
    Ok(())
}

fn fmt(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    repository.step("cargo fmt --all --check").run()
}

fn clippy(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    repository.step("cargo clippy --workspace --all-targets --locked -- -D warnings").run()
}

fn doc(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    let step = repository.step("cargo doc --workspace --no-deps --locked");
    step.set("RUSTDOCFLAGS", "-D warnings").run()
}

fn test(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    let commands = readme::commands(&repository.read("README.md")?)?;
    repository.step(&commands.test).run()
}

fn run_loom(repository: &Repository, arguments: &[String]) -> Result<(), Failure> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => loom::sound(repository, false),
        ["--short"] => loom::sound(repository, true),
        ["--weaken"] => loom::weakened(repository),
        _ => Err(Failure("loom takes --short, --weaken, or nothing".to_owned())),
    }
}

fn bench_smoke(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    // In the profile of the tests: whether a bench works does not depend on its speed.
    repository.step("cargo test --locked -p tickbook-benches --benches").run()
}

fn count_instructions(repository: &Repository, arguments: &[String]) -> Result<(), Failure> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => instructions::table(repository, false),
        ["--keep"] => instructions::table(repository, true),
        _ => Err(Failure("instructions takes --keep, or nothing".to_owned())),
    }
}

fn demo(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    let step = "cargo run --release --locked -- demo --seconds 60 --rate 50000 --verify";
    repository.step(step).run()
}

fn hammer(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    let step = repository.step(
        "cargo test --release --locked -p tickbook-shm -p tickbook -p tickbook-capi hammer --",
    );
    // A filter that matches nothing passes too, and proves nothing.
    let listed = step.clone().argument("--list").output()?;
    if !listed.lines().any(|line| line.ends_with(": test")) {
        return Err(Failure("no test has `hammer` in its name".to_owned()));
    }
    step.argument("--nocapture").set("TICKBOOK_HAMMER_READS", HAMMER_READS).run()
}

fn fresh(repository: &Repository, _: &[String]) -> Result<(), Failure> {
    if !repository.step("git status --porcelain").output()?.is_empty() {
        println!("note: there are changes that are not committed; the clone will not have them");
    }
    let folder = std::env::temp_dir().join(format!("tickbook-fresh-clone-{}", std::process::id()));
    let clone = repository.step("git clone --quiet .").argument(&folder.to_string_lossy());
    let outcome = clone.run().and_then(|()| {
        let readme = folder.join("README.md");
        let readme = std::fs::read_to_string(&readme)
            .map_err(|error| Failure(format!("{}: {error}", readme.display())))?;
        let commands = readme::commands(&readme)?;
        // As it stands the demo runs until it is interrupted.
        Step::new(&folder, &commands.demo).argument("--seconds").argument("10").run()?;
        Step::new(&folder, &commands.test).run()
    });
    match std::fs::remove_dir_all(&folder) {
        Err(error) if outcome.is_ok() => Err(Failure(format!("{}: {error}", folder.display()))),
        _ => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_the_help() {
        let help = help();
        for (index, job) in JOBS.iter().enumerate() {
            assert!(help.contains(&format!("  {} ", job.name)), "{}", job.name);
            assert!(JOBS[..index].iter().all(|other| other.name != job.name), "{}", job.name);
        }
    }

    #[test]
    fn ci_runs_jobs_of_the_list_and_not_itself() {
        for (name, _) in CI {
            assert_ne!(*name, "ci");
            assert!(JOBS.iter().any(|job| job.name == *name), "{name}");
        }
    }

    #[test]
    fn an_unknown_job_or_argument_is_an_error() {
        let repository = Repository::find().unwrap();
        assert!(run_job(&repository, "fly", &[]).unwrap_err().0.contains("no job `fly`"));
        let odd = ["--strong".to_owned()];
        assert!(run_job(&repository, "loom", &odd).unwrap_err().0.contains("--weaken"));
    }
}
