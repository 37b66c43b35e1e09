//! What else may run on a core: sibling threads, other tasks, the tick, RCU callbacks.

use super::Examined;
use super::cores::Cores;
use super::finding::Finding;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(siblings(host));
    findings.push(isolated(host));
    findings.push(tickless(host));
    findings.push(callbacks(host));
}

fn siblings(host: &Examined) -> Finding {
    const NAME: &str = "SMT siblings";
    const COSTS: &str = "two threads of one core share its units and first caches: a busy sibling \
        takes up to half of a path thread's speed, and evicts its book";
    const CHANGE: &str = "echo off > /sys/devices/system/cpu/smt/control (or `nosmt` at boot), or \
        leave the siblings of path cores idle (take their numbers out of every cpuset)";
    let mut known = false;
    let mut pairs = Vec::new();
    for core in host.cores.iter() {
        let path = format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let Some(siblings) = host.root.text(&path).and_then(|text| Cores::parse(&text)) else {
            continue;
        };
        known = true;
        let pair = siblings.to_string();
        if siblings.len() > 1 && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let told = if host.root.is_virtual() { ", as the hypervisor tells it" } else { "" };
    if !pairs.is_empty() {
        let more = if pairs.len() > 8 { " ..." } else { "" };
        pairs.truncate(8);
        let found = format!("threads share cores: {}{more}{told}", pairs.join(" "));
        return Finding::costs(NAME, found, COSTS, CHANGE);
    }
    match (known, host.root.number("sys/devices/system/cpu/smt/active")) {
        (_, Some(1)) => Finding::costs(NAME, format!("on{told}"), COSTS, CHANGE),
        (true, _) | (_, Some(_)) => Finding::good(NAME, format!("every core has one thread{told}")),
        _ => Finding::unknown(NAME, "the kernel does not say", COSTS, "lscpu --extended"),
    }
}

fn isolated(host: &Examined) -> Finding {
    const NAME: &str = "isolcpus";
    const COSTS: &str = "the scheduler may put any other task on a path thread's core: a time \
        slice lost is milliseconds, and caches are cold afterwards";
    let change = format!(
        "boot with isolcpus=managed_irq,domain,{} and pin path threads there (`core`, \
         `builder_core`)",
        host.candidates()
    );
    match &host.isolated {
        None => Finding::unknown(NAME, "the kernel does not say", COSTS, change),
        Some(isolated) => judge(NAME, host, isolated, "is isolated", "are isolated", COSTS, change),
    }
}

fn tickless(host: &Examined) -> Finding {
    const NAME: &str = "nohz_full";
    const COSTS: &str = "the timer tick interrupts a busy core 100 to 1,000 times a second, for 1 \
        to 5 us each: it is in the p99.9";
    let change =
        format!("boot with nohz_full={0} (a kernel with CONFIG_NO_HZ_FULL)", host.candidates());
    let file = host.root.text("sys/devices/system/cpu/nohz_full");
    let listed = file.as_deref().map(|text| Cores::parse(text).unwrap_or_default());
    let booted = host.root.boot_parameter("nohz_full");
    let cores = match (listed, booted) {
        (Some(cores), _) => cores,
        // A kernel without the option has no such file, and takes no notice of the parameter.
        (None, Some(_)) if host.root.exists("sys/devices/system/cpu") => {
            let found = "asked for at boot, but this kernel does not know it";
            return Finding::costs(NAME, found, COSTS, change);
        }
        (None, _) if host.root.exists("sys/devices/system/cpu") => Cores::default(),
        (None, _) => return Finding::unknown(NAME, "the kernel does not say", COSTS, change),
    };
    judge(NAME, host, &cores, "has no tick", "have no tick", COSTS, change)
}

fn callbacks(host: &Examined) -> Finding {
    const NAME: &str = "rcu_nocbs";
    const COSTS: &str = "the kernel frees memory in batches of callbacks (RCU) on the core that \
        asked for it: pauses of 5 to 50 us, rarely";
    let change = format!("boot with rcu_nocbs={}", host.candidates());
    if host.root.text("proc/cmdline").is_none() {
        return Finding::unknown(NAME, "no kernel command line", COSTS, change);
    }
    let parameter = |name| host.root.boot_parameter(name);
    // `nohz_full` implies it for the same cores.
    match parameter("rcu_nocbs").or_else(|| parameter("nohz_full")) {
        None => judge(NAME, host, &Cores::default(), "", "", COSTS, change),
        Some(text) => match Cores::parse(&text) {
            Some(cores) if !cores.is_empty() => {
                judge(NAME, host, &cores, "is relieved", "are relieved", COSTS, change)
            }
            // `all`, or a form with `N` for the last core: the kernel understands it.
            _ => Finding::good(NAME, format!("rcu_nocbs={text}")),
        },
    }
}

/// Good if the core asked about is in the set; without one, if there is anything in it.
fn judge(
    name: &'static str,
    host: &Examined,
    cores: &Cores,
    is: &str,
    are: &str,
    costs: &str,
    change: String,
) -> Finding {
    match host.core {
        Some(core) if cores.contains(core) => Finding::good(name, format!("core {core} {is}")),
        Some(core) if cores.is_empty() => {
            Finding::costs(name, format!("none (asked about: core {core})"), costs, change)
        }
        Some(core) => {
            Finding::costs(name, format!("{cores} {are}, core {core} not"), costs, change)
        }
        None if cores.is_empty() => Finding::costs(name, "none", costs, change),
        None => Finding::good(name, format!("{cores} {are}: pin path threads there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    const CPU: &str = "sys/devices/system/cpu";

    #[test]
    fn a_host_set_up_for_it_is_good_on_the_right_core_only() {
        let tree = Tree::new("isolation", &[("proc/cmdline", "quiet rcu_nocbs=2-3 nohz_full=2-3")]);
        tree.write(&format!("{CPU}/online"), "0-3\n");
        tree.write(&format!("{CPU}/isolated"), "2-3\n");
        tree.write(&format!("{CPU}/nohz_full"), "2-3\n");
        for core in 0..4 {
            tree.write(&format!("{CPU}/cpu{core}/topology/thread_siblings_list"), "0\n");
        }
        let verdicts = |core| {
            let mut findings = Vec::new();
            examine(&tree.examined(core), &mut findings);
            findings.iter().map(|it| it.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Costs, Good};
        assert_eq!(verdicts(None), [Good, Good, Good, Good]);
        assert_eq!(verdicts(Some(3)), [Good, Good, Good, Good]);
        assert_eq!(verdicts(Some(1)), [Good, Costs, Costs, Costs]);
    }

    #[test]
    fn an_ordinary_host_has_nothing_isolated() {
        let tree = Tree::new("isolation-none", &[("proc/cmdline", "quiet")]);
        tree.write(&format!("{CPU}/isolated"), "\n");
        tree.write(&format!("{CPU}/nohz_full"), "(null)\n");
        for finding in [
            isolated(&tree.examined(None)),
            tickless(&tree.examined(None)),
            callbacks(&tree.examined(None)),
        ] {
            assert_eq!(finding.verdict, Verdict::Costs, "{finding:?}");
            assert_eq!(finding.found, "none");
        }
    }

    #[test]
    fn siblings_are_named_once() {
        let tree = Tree::new("isolation-smt", &[("sys/devices/system/cpu/online", "0-3\n")]);
        for (core, pair) in ["0,2", "1,3", "0,2", "1,3"].iter().enumerate() {
            tree.write(&format!("{CPU}/cpu{core}/topology/thread_siblings_list"), pair);
        }
        let finding = siblings(&tree.examined(None));
        assert_eq!(finding.verdict, Verdict::Costs);
        assert_eq!(finding.found, "threads share cores: 0,2 1,3");
    }

    #[test]
    fn all_is_a_set_of_cores_too() {
        let tree = Tree::new("isolation-all", &[("proc/cmdline", "rcu_nocbs=all")]);
        assert_eq!(callbacks(&tree.examined(Some(5))).verdict, Verdict::Good);
    }
}
