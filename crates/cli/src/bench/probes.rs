//! Probes of a bench: `tickbook probe` in processes of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::plan::Plan;
use crate::Failure;

/// What a probe wrote.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) publishes_seen: u64,
    pub(super) publishes_skipped: u64,
    pub(super) latency_ns: BTreeMap<String, Percentiles>,
}

/// The percentiles that the bench prints.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Percentiles {
    pub(super) count: u64,
    pub(super) p50: u64,
    pub(super) p99: u64,
}

/// Some probes; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Probes {
    children: Vec<Child>,
    json: PathBuf,
}

impl Probes {
    /// Starts `count` probes of `book` that look for `length`; the first one writes what it saw.
    pub(super) fn start(
        plan: &Plan,
        book: &str,
        count: usize,
        length: Duration,
    ) -> Result<Self, Failure> {
        let file = format!("tickbook-bench-probe-{}.json", std::process::id());
        let mut probes =
            Self { children: Vec::with_capacity(count), json: std::env::temp_dir().join(file) };
        for index in 0..count {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["probe", book, "--name", &plan.name]);
            command.arg("--shm-dir").arg(&plan.shm_dir);
            command.args(["--seconds", &length.as_secs_f64().to_string()]);
            // Two threads that spin on one core wait for each other's time slices.
            let idle = if plan.has_room_for(count) { "busy-spin" } else { "yield" };
            command.args(["--idle", idle]);
            if index == 0 {
                command.arg("--json").arg(&probes.json);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            probes.children.push(command.spawn()?);
        }
        Ok(probes)
    }

    /// Whether all have ended.
    pub(super) fn have_ended(&mut self) -> Result<bool, Failure> {
        for child in &mut self.children {
            if child.try_wait()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the first one saw, once it has ended.
    pub(super) fn seen(&self) -> Result<Seen, Failure> {
        let text = std::fs::read_to_string(&self.json)
            .map_err(|error| format!("the probe wrote nothing: {error}"))?;
        Ok(sonic_rs::from_str(&text)?)
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Best effort: it may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(&self.json);
    }
}
