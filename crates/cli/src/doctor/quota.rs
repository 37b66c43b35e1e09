//! The share of the processors that the control groups of this process leave it.

use super::Examined;
use super::finding::Finding;

/// A limit of a group: so many microseconds of processor in so many of time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quota {
    quota_us: u64,
    period_us: u64,
}

impl Quota {
    #[expect(clippy::cast_precision_loss, reason = "a number of cores for people")]
    fn cores(self) -> f64 {
        self.quota_us as f64 / self.period_us as f64
    }
}

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(quota(host));
}

fn quota(host: &Examined) -> Finding {
    const NAME: &str = "cgroup CPU quota";
    const COSTS: &str = "threads that spin use their quota up, and then all stand still for the \
        rest of the period: tens of milliseconds, again and again";
    const CHANGE: &str = "run without a quota (systemd: CPUQuota=; Kubernetes: no CPU limit, or \
        the static CPU manager with whole cores; Docker: --cpuset-cpus instead of --cpus)";
    let Some(groups) = host.root.text("proc/self/cgroup") else {
        return Finding::unknown(NAME, "no control groups", COSTS, CHANGE);
    };
    let mut known = false;
    let mut tightest: Option<Quota> = None;
    let mut throttled = 0;
    for dir in folders(host, &groups) {
        known = true;
        throttled += throttled_count(host, &dir);
        let Some(quota) = limit(host, &dir) else { continue };
        if tightest.is_none_or(|it| quota.cores() < it.cores()) {
            tightest = Some(quota);
        }
    }
    match tightest {
        Some(quota) => {
            let found = format!(
                "{:.2} cores ({} of every {} us), throttled {} times so far",
                quota.cores(),
                quota.quota_us,
                quota.period_us,
                crate::text::count(throttled)
            );
            Finding::costs(NAME, found, COSTS, CHANGE)
        }
        None if known => Finding::good(NAME, "none"),
        None => Finding::unknown(NAME, "the control groups are not visible", COSTS, CHANGE),
    }
}

/// The folders of this process' groups that may limit it, from the innermost outwards, in both
/// versions of control groups.
fn folders(host: &Examined, groups: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let mounts: &[&str] = if controllers.is_empty() {
            &["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        } else if controllers.split(',').any(|it| it == "cpu") {
            &["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"]
        } else {
            continue;
        };
        for mount in mounts {
            // A group inside a container's namespace may point outside of what is visible.
            let mut path = path.trim_end_matches('/');
            loop {
                let dir = format!("{mount}{path}");
                if host.root.exists(&format!("{dir}/cgroup.procs")) {
                    folders.push(dir);
                }
                let Some((parent, _)) = path.rsplit_once('/') else { break };
                path = parent;
            }
        }
    }
    folders
}

fn limit(host: &Examined, dir: &str) -> Option<Quota> {
    let quota = if let Some(text) = host.root.text(&format!("{dir}/cpu.max")) {
        let (quota, period) = text.split_once(' ')?;
        // `max` is no number, and no limit.
        Quota { quota_us: quota.parse().ok()?, period_us: period.parse().ok()? }
    } else {
        let quota = host.root.number(&format!("{dir}/cpu.cfs_quota_us"))?;
        let period = host.root.number(&format!("{dir}/cpu.cfs_period_us"))?;
        // -1 is no limit.
        Quota { quota_us: quota.try_into().ok()?, period_us: period.try_into().ok()? }
    };
    (quota.period_us > 0).then_some(quota)
}

fn throttled_count(host: &Examined, dir: &str) -> u64 {
    let stat = host.root.text(&format!("{dir}/cpu.stat")).unwrap_or_default();
    let mut lines = stat.lines();
    let count = lines.find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse().ok());
    count.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    #[test]
    fn the_tightest_of_all_parents_counts() {
        let tree = Tree::new("quota-v2", &[("proc/self/cgroup", "0::/a/b\n")]);
        for dir in ["", "/a", "/a/b"] {
            tree.write(&format!("sys/fs/cgroup{dir}/cgroup.procs"), "");
        }
        assert_eq!(quota(&tree.examined(None)).verdict, Verdict::Good);
        tree.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        assert_eq!(quota(&tree.examined(None)).verdict, Verdict::Good);
        tree.write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
        tree.write("sys/fs/cgroup/a/cpu.stat", "usage_usec 5\nnr_throttled 1234\n");
        let finding = quota(&tree.examined(None));
        assert_eq!(finding.verdict, Verdict::Costs);
        assert_eq!(
            finding.found,
            "1.50 cores (150000 of every 100000 us), throttled 1,234 times so far"
        );
        tree.write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
        assert!(quota(&tree.examined(None)).found.starts_with("0.50 cores"));
    }

    #[test]
    fn the_first_version_is_read_too() {
        let groups = "3:cpuset:/\n2:cpu,cpuacct:/x\n0::/\n";
        let tree = Tree::new("quota-v1", &[("proc/self/cgroup", groups)]);
        let dir = "sys/fs/cgroup/cpu,cpuacct/x";
        tree.write(&format!("{dir}/cgroup.procs"), "");
        tree.write(&format!("{dir}/cpu.cfs_period_us"), "100000\n");
        tree.write(&format!("{dir}/cpu.cfs_quota_us"), "-1\n");
        assert_eq!(quota(&tree.examined(None)).verdict, Verdict::Good);
        tree.write(&format!("{dir}/cpu.cfs_quota_us"), "200000\n");
        assert!(quota(&tree.examined(None)).found.starts_with("2.00 cores"));
    }

    #[test]
    fn nonsense_is_unknown() {
        for groups in ["", ":", "0::", "0:cpu", "x\ny:z:w"] {
            let tree = Tree::new("quota-nonsense", &[("proc/self/cgroup", groups)]);
            assert_eq!(quota(&tree.examined(None)).verdict, Verdict::Unknown, "{groups}");
        }
        let tree = Tree::new("quota-zero", &[("proc/self/cgroup", "0::/\n")]);
        tree.write("sys/fs/cgroup/cgroup.procs", "");
        tree.write("sys/fs/cgroup/cpu.max", "1000 0\n");
        assert_eq!(quota(&tree.examined(None)).verdict, Verdict::Good);
    }
}
