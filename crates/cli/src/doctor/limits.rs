//! What this process may take: locked memory, real-time priority, open files.

use super::Examined;
use super::finding::Finding;

/// Capabilities that lift a limit, by their bit in `CapEff`.
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_NICE: u32 = 23;

/// No limit at all: addresses count, not pages, and an engine refuses to begin under one.
const MEMLOCK_BYTES: u64 = u64::MAX;

/// One per connection, some dozens for the engine.
const NOFILE: u64 = 1_024;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(locked_memory(host));
    findings.push(real_time(host));
    findings.push(open_files(host));
}

fn locked_memory(host: &Examined) -> Finding {
    const NAME: &str = "limit: locked memory";
    const COSTS: &str = "lock_memory = true is refused: under memory pressure the kernel writes \
        pages of ladders and rings out, and the next touch waits for a disk";
    const CHANGE: &str = "LimitMEMLOCK=infinity in the systemd unit, or memlock in \
        /etc/security/limits.conf; then lock_memory = true in tickbook.toml";
    judge(host, NAME, "Max locked memory", MEMLOCK_BYTES, Some(CAP_IPC_LOCK), COSTS, CHANGE)
}

fn real_time(host: &Examined) -> Finding {
    const NAME: &str = "limit: real-time priority";
    const COSTS: &str = "path threads cannot be put above ordinary tasks (chrt): on a core that is \
        not isolated any of them takes a time slice, milliseconds";
    const CHANGE: &str = "LimitRTPRIO=99 in the systemd unit, or rtprio in \
        /etc/security/limits.conf; not needed on isolated cores";
    judge(host, NAME, "Max realtime priority", 1, Some(CAP_SYS_NICE), COSTS, CHANGE)
}

fn open_files(host: &Examined) -> Finding {
    const NAME: &str = "limit: open files";
    const COSTS: &str = "every connection is a file: beyond the limit none can be opened, and its \
        books stay empty";
    const CHANGE: &str = "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536";
    judge(host, NAME, "Max open files", NOFILE, None, COSTS, CHANGE)
}

fn judge(
    host: &Examined,
    name: &'static str,
    field: &str,
    enough: u64,
    capability: Option<u32>,
    costs: &str,
    change: &str,
) -> Finding {
    if capability.is_some_and(|bit| has_capability(host, bit)) {
        return Finding::good(name, "lifted by a capability of this process");
    }
    let limits = host.root.text("proc/self/limits");
    let limit = limits.as_deref().and_then(|limits| {
        let rest = limits.lines().find_map(|line| line.strip_prefix(field))?;
        Limit::parse(rest.split_whitespace().next()?)
    });
    match limit {
        None => Finding::unknown(name, "the kernel does not say", costs, change),
        Some(limit) if limit.0.is_none_or(|value| value >= enough) => {
            Finding::good(name, limit.to_string())
        }
        Some(limit) => Finding::costs(name, limit.to_string(), costs, change),
    }
}

fn has_capability(host: &Examined, bit: u32) -> bool {
    let effective = host.root.own_status("CapEff");
    let effective = effective.and_then(|text| u64::from_str_radix(&text, 16).ok());
    effective.is_some_and(|set| set >> bit & 1 == 1)
}

/// A soft limit; `None` is without limit.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

impl Limit {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "unlimited" => Some(Self(None)),
            _ => text.parse().ok().map(|value| Self(Some(value))),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("unlimited"),
            Some(value) => f.write_str(&crate::text::count(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max open files            20000                20000                files
Max locked memory         8388608              unlimited            bytes
Max realtime priority     0                    0
";

    fn verdicts(tree: &Tree) -> Vec<Verdict> {
        let mut findings = Vec::new();
        examine(&tree.examined(None), &mut findings);
        findings.iter().map(|it| it.verdict).collect()
    }

    #[test]
    fn the_soft_limit_counts() {
        use Verdict::{Costs, Good, Unknown};
        let tree = Tree::new("limits", &[("proc/self/limits", LIMITS)]);
        assert_eq!(verdicts(&tree), [Costs, Costs, Good]);
        assert_eq!(locked_memory(&tree.examined(None)).found, "8,388,608");
        let high = LIMITS.replace("8388608 ", "unlimited ").replace("20000 ", "1000 ");
        tree.write("proc/self/limits", &high);
        assert_eq!(verdicts(&tree), [Good, Costs, Costs]);
        tree.write("proc/self/limits", "Max open files\nMax locked memory many\n");
        assert_eq!(verdicts(&tree), [Unknown, Unknown, Unknown]);
    }

    #[test]
    fn capabilities_lift_limits() {
        use Verdict::{Costs, Good};
        let tree = Tree::new("limits-capabilities", &[("proc/self/limits", LIMITS)]);
        tree.write("proc/self/status", "Name:\tx\nCapEff:\t0000000000804000\n");
        assert_eq!(verdicts(&tree), [Good, Good, Good]);
        tree.write("proc/self/status", "Name:\tx\nCapEff:\t0000000000800000\n");
        assert_eq!(verdicts(&tree), [Costs, Good, Good]);
    }
}
