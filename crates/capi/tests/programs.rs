//! C programs that read from a writer in another process: the example, the README's, and one that
//! checks every word.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod compiled;
#[path = "../../tickbook/tests/writer/mod.rs"]
mod writer;

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use compiled::{Link, package, program};
use writer::{TestDir, Writer};

/// Long enough that a busy test host does not look like a dead writer.
const PATIENT_NS: i64 = 5_000_000_000;

/// A heartbeat as in production, nearly.
const HEARTBEAT_NS: i64 = 20_000_000;

/// How long a program runs at most; only one that hangs does.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Not a test: where the writer's process begins, which the others start.
#[test]
fn writer_process() {
    writer::run_if_asked();
}

/// One test at a time: a writer that spins takes a core of its own, and a reader needs another one
/// to meet it in mid-publish.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn example() -> PathBuf {
    package().join("examples/strategy.c")
}

/// A program that runs, and its lines as it writes them. Killed when dropped.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on to a line that has `part` in it.
    fn wait_for(&mut self, part: &str) -> String {
        let found = self.lines.find_map(|line| line.ok().filter(|line| line.contains(part)));
        found.unwrap_or_else(|| panic!("the program ended without a line with '{part}'"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the process after a while, so that a hang is a failure and not a wait without end.
fn watch(pid: u32) -> std::sync::mpsc::Sender<()> {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let late = std::sync::mpsc::RecvTimeoutError::Timeout;
        if ended.recv_timeout(WATCHDOG) == Err(late) {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    done
}

/// Runs a program to its end; returns what it wrote.
fn output_of(command: &mut Command) -> String {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _done = watch(child.id());
    let output = child.wait_with_output().unwrap();
    let (said, failed) = (&output.stdout, &output.stderr);
    let (said, failed) = (String::from_utf8_lossy(said), String::from_utf8_lossy(failed));
    assert!(output.status.success(), "{command:?}: {}\n{said}{failed}", output.status);
    said.into_owned()
}

#[test]
fn the_example_prints_the_book_linked_either_way() {
    let (_alone, dir) = (alone(), TestDir::new());
    let mut writer = Writer::start(dir.path(), PATIENT_NS);
    for link in [Link::Static, Link::Shared] {
        let strategy = program(&example(), "strategy", link);
        let mut command = Command::new(strategy);
        // Cargo's names a folder where a library of an older build may lie.
        command.env_remove("LD_LIBRARY_PATH");
        command.arg("--dir").arg(dir.path()).args(["--wait", "30", "--seconds", "0.2"]);
        let said = output_of(&mut command);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], format!("engine test (process {})", writer.pid()), "{link:?}");
        let books: Vec<_> = lines.iter().filter(|line| line.contains(" seq ")).collect();
        assert!(books.len() > 1 && books.iter().all(|line| line.contains('|')), "{link:?}: {said}");
        assert!(lines.last().unwrap().ends_with(" changes"), "{link:?}: {said}");
    }
    writer.close();
}

#[test]
fn the_example_reports_a_killed_writer_and_picks_up_the_next() {
    let (_alone, dir) = (alone(), TestDir::new());
    let strategy = program(&example(), "strategy-restart", Link::Static);
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    let mut command = Command::new(strategy);
    command.arg("--dir").arg(dir.path()).args(["--name", "test", "--wait", "30", "BTC-USDT"]);
    let mut running = Running::start(&mut command);
    let _done = watch(running.child.id());
    running.wait_for(" seq ");
    writer.kill();
    let said = running.wait_for("not to be traded on: writer is dead");
    assert!(said.ends_with("heartbeat stopped"), "{said}");
    let mut writer = Writer::start(dir.path(), HEARTBEAT_NS);
    running.wait_for(" seq ");
    writer.close();
    running.wait_for("not to be traded on: engine closed the book");
    let _writer = Writer::start(dir.path(), HEARTBEAT_NS);
    running.wait_for(" seq ");
}

#[test]
fn the_example_says_what_is_wrong() {
    let dir = TestDir::new();
    let strategy = program(&example(), "strategy-wrong", Link::Static);
    let nowhere = format!("strategy: no engine runs in {}: start one\n", dir.path().display());
    for (arguments, expected) in [
        (vec!["--dir", dir.path().to_str().unwrap()], nowhere.as_str()),
        (vec!["--dir"], "strategy: --dir wants a value\n"),
        (vec!["--color", "red"], "strategy: unknown option --color\n"),
    ] {
        let output = Command::new(&strategy).args(arguments).output().unwrap();
        assert!(!output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

/// `TICKBOOK_HAMMER_READS` sets the number of reads (the long form has 10^8 of them).
#[test]
fn hammer_no_read_of_a_c_program_is_torn() {
    let reads = std::env::var("TICKBOOK_HAMMER_READS").unwrap_or_else(|_| "400000".to_owned());
    assert!(reads.parse::<u64>().is_ok(), "TICKBOOK_HAMMER_READS is a number");
    let (_alone, dir) = (alone(), TestDir::new());
    let hammer = program(&package().join("tests/c/hammer.c"), "hammer", Link::Static);
    let mut writer = Writer::start(dir.path(), PATIENT_NS);
    // No watchdog: the long form takes as long as it takes.
    let output = Command::new(hammer).arg(dir.path()).arg(reads).output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {failed}", output.status);
    writer.close();
}

#[test]
fn the_c_program_of_the_readme_works() {
    let readme = std::fs::read_to_string(package().join("../../README.md")).unwrap();
    let (_, behind) = readme.split_once("```c\n").expect("README.md has a block of C");
    let (block, _) = behind.split_once("```").unwrap();
    // Readers copy it as it stands; only the engine is one of this test's own.
    let (_alone, dir) = (alone(), TestDir::new());
    let here = format!("tickbook_attach(\"{}\", ", dir.path().display());
    assert_eq!(block.matches("tickbook_attach(NULL, ").count(), 1, "{block}");
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.c");
    std::fs::write(&source, block.replace("tickbook_attach(NULL, ", &here)).unwrap();
    let program = program(&source, "readme", Link::Static);

    let mut writer = Writer::start(dir.path(), PATIENT_NS);
    // The writer's book has a side without levels now and then, and none before its first publish.
    let said = (0..100).map(|_| output_of(&mut Command::new(&program)));
    let whole = said.into_iter().find(|said| {
        let mut words = said.split(" / ");
        let mut number = || words.next().is_some_and(|word| word.trim().parse::<f64>().is_ok());
        number() && number()
    });
    assert!(whole.is_some(), "100 times no best bid and ask");
    writer.close();
}
