//! `tickbook doctor`: what on this host costs latency, and how to change it.
//!
//! Every examination looks at files below a root and adds findings; one, the spin, measures. An
//! absent file makes a finding unknown, never an error.
//!
//! # Not guaranteed
//!
//! - The costs in the texts. They are orders of magnitude from common hosts; measure your own with
//!   a replay before and after a change.

mod clock;
mod cores;
mod finding;
mod gaps;
mod interrupts;
mod isolation;
mod kernel;
mod limits;
mod memory;
mod network;
mod power;
mod quota;
mod root;
#[cfg(test)]
mod tree;

use std::time::Duration;

use serde::Serialize;

use crate::args::DoctorArgs;
use crate::{Failure, files};
use cores::Cores;
use finding::{Finding, Verdict};
use gaps::Gaps;
use root::Root;

/// Columns of what is printed.
const COLUMNS: usize = 100;

/// Columns of a finding's name.
const NAME_COLUMNS: usize = 32;

/// The host that is examined, and what all examinations need of it.
#[derive(Debug)]
struct Examined {
    root: Root,
    /// The core that the user asks about.
    core: Option<u32>,
    /// Cores that this process may use.
    cores: Cores,
    /// Cores kept free of the scheduler; `None` where the kernel does not say.
    isolated: Option<Cores>,
}

/// Everything, as JSON.
#[derive(Debug, Serialize)]
struct Diagnosis {
    host: Host,
    findings: Vec<Finding>,
    /// Null without a spin.
    gaps: Option<Gaps>,
}

/// Which host it was.
#[derive(Debug, Serialize)]
struct Host {
    cpu: String,
    cores: usize,
    kernel: String,
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    args.json.as_deref().map_or(Ok(()), files::probe)?;
    let host = Examined::new(Root::new(&args.root), args.core.and_then(|it| it.try_into().ok()));
    let mut findings = host.findings();
    let spin = Duration::from_secs_f64(args.spin_seconds);
    // Only this host can be watched.
    let has_spin = !spin.is_zero() && host.root.is_this_host();
    let gaps = if has_spin { Some(gaps::watch(spin, args.core)?) } else { None };
    findings.extend(gaps.as_ref().map(Gaps::finding));
    let diagnosis = Diagnosis { host: host.summary(), findings, gaps };
    print!("{}", diagnosis.text());
    if let Some(path) = &args.json {
        files::write_json(path, &diagnosis)?;
    }
    Ok(())
}

impl Examined {
    fn new(root: Root, core: Option<u32>) -> Self {
        let allowed = root.own_status("Cpus_allowed_list");
        let cores = allowed.or_else(|| root.text("sys/devices/system/cpu/online"));
        let cores = cores.and_then(|text| Cores::parse(&text)).unwrap_or_default();
        let isolated = root.text("sys/devices/system/cpu/isolated");
        let isolated = isolated.map(|text| Cores::parse(&text).unwrap_or_default());
        Self { root, core, cores, isolated }
    }

    /// All findings about the files, in the order in which a message meets their causes.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        network::examine(self, &mut findings);
        interrupts::examine(self, &mut findings);
        power::examine(self, &mut findings);
        isolation::examine(self, &mut findings);
        clock::examine(self, &mut findings);
        kernel::examine(self, &mut findings);
        quota::examine(self, &mut findings);
        memory::examine(self, &mut findings);
        limits::examine(self, &mut findings);
        findings
    }

    /// The cores meant for path threads: the one asked about, or the isolated ones.
    fn path_cores(&self) -> Cores {
        match self.core {
            Some(core) => [core].into_iter().collect(),
            None => self.isolated.clone().unwrap_or_default(),
        }
    }

    /// What to write where a list of path cores is wanted: the last cores, since the kernel's own
    /// work gathers on the first.
    fn candidates(&self) -> String {
        let set = self.path_cores();
        if !set.is_empty() {
            return set.to_string();
        }
        let all: Vec<u32> = self.cores.iter().collect();
        match all[..] {
            [.., venue, builder] if all.len() > 2 => {
                [venue, builder].into_iter().collect::<Cores>().to_string()
            }
            [_, only] => only.to_string(),
            _ => "CORES".to_owned(),
        }
    }

    fn summary(&self) -> Host {
        let info = self.root.text("proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let unknown = || "unknown".to_owned();
        Host {
            cpu: model.map_or_else(unknown, |(_, model)| model.trim().to_owned()),
            cores: self.cores.len(),
            kernel: self.root.text("proc/sys/kernel/osrelease").unwrap_or_else(unknown),
        }
    }
}

impl Diagnosis {
    /// What costs first, with its remedy; then what is unknown; then what is good.
    fn text(&self) -> String {
        let Host { cpu, cores, kernel } = &self.host;
        let mut text = format!("{cpu}, {cores} usable cores, kernel {kernel}\n\n");
        for verdict in Verdict::ALL {
            for finding in self.findings.iter().filter(|it| it.verdict == verdict) {
                let head = format!("{:<8} {:<NAME_COLUMNS$} ", verdict.name(), finding.name);
                wrap(&mut text, &head, &finding.found, head.len());
                for (what, line) in [("costs", &finding.costs), ("change", &finding.change)] {
                    if let Some(line) = line {
                        wrap(&mut text, &format!("{:17}{what:<8}", ""), line, 25);
                    }
                }
            }
        }
        let count = |verdict| self.findings.iter().filter(|it| it.verdict == verdict).count();
        let [costs, unknown, good] = Verdict::ALL.map(count);
        text.push_str(&format!("\n{good} good, {costs} cost latency, {unknown} unknown\n"));
        text
    }
}

/// Adds `head` and `body`, whose lines but the first are indented, within [`COLUMNS`].
fn wrap(text: &mut String, head: &str, body: &str, indent: usize) {
    let mut line = head.to_owned();
    let mut empty = true;
    for word in body.split_whitespace() {
        if !empty && line.len() + word.len() >= COLUMNS {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::tree::Tree;
    use super::*;

    #[test]
    fn an_empty_tree_is_unknown_throughout() {
        let tree = Tree::new("doctor-empty", &[]);
        for core in [None, Some(0), Some(7)] {
            let findings = tree.examined(core).findings();
            assert!(findings.len() >= 18, "{}", findings.len());
            for finding in findings {
                assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
                assert!(finding.costs.is_some() && finding.change.is_some(), "{finding:?}");
            }
        }
    }

    #[test]
    fn this_host_can_be_examined() {
        let findings = Examined::new(Root::new(std::path::Path::new("/")), None).findings();
        for finding in findings {
            let bad = finding.verdict != Verdict::Good;
            assert_eq!(bad, finding.costs.is_some(), "{finding:?}");
            assert_eq!(bad, finding.change.is_some(), "{finding:?}");
            assert!(!finding.found.is_empty(), "{finding:?}");
        }
    }

    #[test]
    fn path_cores_are_proposed_from_the_end() {
        for (cores, proposed) in [("0-7", "6-7"), ("0-1", "1"), ("0", "CORES"), ("", "CORES")] {
            let tree = Tree::new("doctor-proposed", &[("sys/devices/system/cpu/online", cores)]);
            assert_eq!(tree.examined(None).candidates(), proposed);
        }
        let tree = Tree::new("doctor-isolated", &[("sys/devices/system/cpu/isolated", "2-3\n")]);
        assert_eq!(tree.examined(None).candidates(), "2-3");
        assert_eq!(tree.examined(Some(5)).candidates(), "5");
    }

    #[test]
    fn long_texts_are_wrapped_and_indented() {
        let mut text = String::new();
        wrap(&mut text, "head ", &"word ".repeat(40), 5);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.len() <= COLUMNS));
        assert!(lines[1..].iter().all(|line| line.starts_with("     word")), "{text}");
        assert_eq!(text.split_whitespace().count(), 41);
        let mut text = String::new();
        wrap(&mut text, "head ", &"x".repeat(300), 5);
        assert_eq!(text.lines().count(), 1, "a word is never broken");
    }
}
