//! Runs the command as a user would, in a folder of its own.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(unreachable_pub, reason = "a module of tests")]
#![allow(clippy::unwrap_used, reason = "a module of tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Folders that go away with the test: one for files, one for shared memory.
#[derive(Debug)]
pub struct Place {
    pub files: PathBuf,
    pub shm: PathBuf,
}

impl Place {
    pub fn new(test: &str) -> Self {
        let name = format!("tickbook-cli-{}-{test}", std::process::id());
        let place =
            Self { files: std::env::temp_dir().join(&name), shm: Path::new("/dev/shm").join(name) };
        std::fs::create_dir_all(&place.files).unwrap();
        place
    }

    /// A file of this content; its path.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.files.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn shm(&self) -> &str {
        self.shm.to_str().unwrap()
    }

    /// What is left in the shared-memory folder, lock files aside.
    pub fn left_behind(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.shm) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
        let _ = std::fs::remove_dir_all(&self.shm);
    }
}

/// The command with these arguments.
pub fn tickbook(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickbook"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub fn run(args: &[&str]) -> Output {
    tickbook(args).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs the command, which must succeed; its output.
pub fn good(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// Runs the command, which must fail with one line; that line.
pub fn bad(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?} succeeded: {}", stdout(&output));
    let text = stderr(&output);
    let lines: Vec<&str> = text.lines().filter(|it| it.starts_with("tickbook: ")).collect();
    assert_eq!(lines.len(), 1, "{args:?}: not one line: {text}");
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    lines[0].to_owned()
}

/// A process that is killed when the test is over.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    pub fn start(args: &[&str]) -> Self {
        let child = tickbook(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self(child)
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Calls `f` until it gives something; panics after half a minute.
pub fn eventually<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = f() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A small capture of our own in Binance spot's format: a snapshot and some diffs of two symbols.
pub fn capture() -> String {
    let mut text = String::new();
    let mut ns = 1_700_000_000_000_000_000_u64;
    let mut line = |rest: String| {
        ns += 1_000_000;
        text.push_str(&format!("{ns} {rest}\n"));
    };
    line("OPEN wss://stream.binance.com:9443/stream?streams=aaausdt@depth/bbbusdt@depth".into());
    for symbol in ["AAAUSDT", "BBBUSDT"] {
        line(format!(
            "HTTP https://api.binance.com/api/v3/depth?symbol={symbol}&limit=1000 \
             {{\"lastUpdateId\":100,\"bids\":[[\"9.90000000\",\"1.00000000\"],\
             [\"9.80000000\",\"2.50000000\"]],\"asks\":[[\"10.10000000\",\"3.00000000\"]]}}"
        ));
        for id in 101..121_u64 {
            let stream = symbol.to_lowercase();
            let (cent, size) = (id % 10, id % 7);
            line(format!(
                "{{\"stream\":\"{stream}@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\
                 \"E\":1700000000000,\"s\":\"{symbol}\",\"U\":{id},\"u\":{id},\
                 \"b\":[[\"9.7{cent}000000\",\"{size}.00000000\"]],\
                 \"a\":[[\"10.2{cent}000000\",\"0.{id}00000\"]]}}}}"
            ));
        }
    }
    text
}
