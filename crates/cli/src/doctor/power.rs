//! The clock frequency of the cores.

use std::collections::BTreeMap;

use super::Examined;
use super::finding::Finding;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(governor(host));
    findings.push(turbo(host));
}

fn governor(host: &Examined) -> Finding {
    const NAME: &str = "frequency governor";
    const COSTS: &str = "a core that was idle runs slowly at first: the messages after a quiet \
        moment, the ones that matter, take up to twice as long until the frequency is up again \
        (tens of microseconds to milliseconds)";
    const CHANGE: &str = "cpupower frequency-set -g performance (or write `performance` to \
        /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor)";
    let mut governors = BTreeMap::<String, usize>::new();
    for core in host.cores.iter() {
        let path = format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
        if let Some(governor) = host.root.text(&path) {
            *governors.entry(governor).or_default() += 1;
        }
    }
    let list: Vec<String> = governors.iter().map(|(name, n)| format!("{name} on {n}")).collect();
    let found = format!("{} of {} cores", list.join(", "), host.cores.len());
    match (governors.is_empty(), governors.keys().all(|it| it == "performance")) {
        (true, _) if host.root.is_virtual() => Finding::unknown(
            NAME,
            "hidden by the hypervisor",
            COSTS,
            "ask whoever runs the physical host for its governor, or rent bare metal",
        ),
        (true, _) => Finding::unknown(NAME, "the kernel lists none", COSTS, CHANGE),
        (false, true) => Finding::good(NAME, found),
        (false, false) => Finding::costs(NAME, found, COSTS, CHANGE),
    }
}

fn turbo(host: &Examined) -> Finding {
    const NAME: &str = "turbo";
    const COSTS: &str = "everything runs at the base frequency, often a quarter below what one \
        busy core could have; in exchange the frequency never moves under a running thread";
    let (off, change) = match host.root.number("sys/devices/system/cpu/intel_pstate/no_turbo") {
        Some(no_turbo) => {
            (Some(no_turbo != 0), "echo 0 > /sys/devices/system/cpu/intel_pstate/no_turbo")
        }
        None => (
            host.root.number("sys/devices/system/cpu/cpufreq/boost").map(|boost| boost == 0),
            "echo 1 > /sys/devices/system/cpu/cpufreq/boost, or enable it in the BIOS",
        ),
    };
    match off {
        Some(false) => Finding::good(NAME, "on"),
        Some(true) => Finding::costs(NAME, "off", COSTS, change),
        None => Finding::unknown(NAME, "the kernel does not say", COSTS, "look into the BIOS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    const CPU: &str = "sys/devices/system/cpu";

    #[test]
    fn one_slow_core_is_enough() {
        let tree = Tree::new("power-governor", &[("sys/devices/system/cpu/online", "0-1\n")]);
        tree.write(&format!("{CPU}/cpu0/cpufreq/scaling_governor"), "performance\n");
        tree.write(&format!("{CPU}/cpu1/cpufreq/scaling_governor"), "performance\n");
        assert_eq!(governor(&tree.examined(None)).verdict, Verdict::Good);
        tree.write(&format!("{CPU}/cpu1/cpufreq/scaling_governor"), "powersave\n");
        let finding = governor(&tree.examined(None));
        assert_eq!(finding.verdict, Verdict::Costs);
        assert_eq!(finding.found, "performance on 1, powersave on 1 of 2 cores");
    }

    #[test]
    fn both_ways_to_tell_turbo_are_read_the_right_way_round() {
        for (file, value, verdict) in [
            ("intel_pstate/no_turbo", "0", Verdict::Good),
            ("intel_pstate/no_turbo", "1", Verdict::Costs),
            ("cpufreq/boost", "1", Verdict::Good),
            ("cpufreq/boost", "0", Verdict::Costs),
            ("cpufreq/boost", "?", Verdict::Unknown),
        ] {
            let tree = Tree::new("power-turbo", &[(&format!("{CPU}/{file}"), value)]);
            assert_eq!(turbo(&tree.examined(None)).verdict, verdict, "{file} {value}");
        }
    }
}
