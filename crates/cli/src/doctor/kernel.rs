//! The kernel: its version and preemption, its mitigations, and what it runs on.

use super::Examined;
use super::finding::Finding;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(preemption(host));
    findings.push(mitigations(host));
    findings.push(hypervisor(host));
}

fn preemption(host: &Examined) -> Finding {
    const NAME: &str = "kernel";
    const COSTS_NONE: &str = "kernel code of another task on the same core runs to its end before \
        a path thread comes back, milliseconds at worst; nothing where path threads have cores of \
        their own";
    const COSTS_RT: &str = "packets are handled in threads: the median of a receive is 1 to 3 us \
        higher, the worst lower; keep it if the worst is what you care for";
    const CHANGE: &str = "boot with preempt=full (kernels with CONFIG_PREEMPT_DYNAMIC)";
    const FIND: &str = "cat /sys/kernel/debug/sched/preempt, as root and with debugfs mounted";
    let release = host.root.text("proc/sys/kernel/osrelease");
    let Some(release) = release else {
        return Finding::unknown(NAME, "no version", COSTS_NONE, CHANGE);
    };
    let Some((model, how)) = model(host) else {
        let found = format!("{release}, preemption unknown");
        return Finding::unknown(NAME, found, COSTS_NONE, FIND);
    };
    let found = format!("{release}, preemption {model} ({how})");
    match model.as_str() {
        "none" | "voluntary" => Finding::costs(NAME, found, COSTS_NONE, CHANGE),
        "rt" => Finding::costs(NAME, found, COSTS_RT, "boot a kernel without PREEMPT_RT"),
        _ => Finding::good(NAME, found),
    }
}

/// The preemption model, and where that is known from.
fn model(host: &Examined) -> Option<(String, &'static str)> {
    if host.root.number("sys/kernel/realtime") == Some(1) {
        return Some(("rt".to_owned(), "/sys/kernel/realtime"));
    }
    // `none voluntary (full) lazy`: the chosen one in parentheses. For root only.
    if let Some(text) = host.root.text("sys/kernel/debug/sched/preempt")
        && let Some((_, rest)) = text.split_once('(')
        && let Some((model, _)) = rest.split_once(')')
    {
        return Some((model.to_owned(), "/sys/kernel/debug/sched/preempt"));
    }
    let version = host.root.text("proc/version")?;
    let has = |word: &str| version.split_whitespace().any(|it| it == word);
    if has("PREEMPT_RT") {
        return Some(("rt".to_owned(), "its build"));
    }
    if let Some(model) = host.root.boot_parameter("preempt") {
        return Some((model, "boot parameter"));
    }
    if has("PREEMPT_DYNAMIC") {
        // Chosen when it was built; not readable without debugfs.
        return None;
    }
    // Without the word it is `none` or `voluntary`; both wait for kernel code to end.
    let model = if has("PREEMPT") { "full" } else { "none" };
    Some((model.to_owned(), "its build"))
}

fn mitigations(host: &Examined) -> Finding {
    const NAME: &str = "mitigations";
    const DIR: &str = "sys/devices/system/cpu/vulnerabilities";
    const COSTS: &str = "every system call (each recv is one) enters and leaves the kernel more \
        slowly: 50 to 500 ns each, more on older processors";
    const CHANGE: &str = "mitigations=off at boot; only on a host that runs no code but your own, \
        since it gives up the protection between processes";
    let names = host.root.names(DIR);
    if names.is_empty() {
        return Finding::unknown(NAME, "the kernel does not list them", COSTS, CHANGE);
    }
    let states =
        names.iter().filter_map(|name| Some((name, host.root.text(&format!("{DIR}/{name}"))?)));
    let active: Vec<&str> = states
        .filter(|(_, state)| state.contains("Mitigation:"))
        .map(|(name, _)| name.as_str())
        .collect();
    if active.is_empty() {
        let asked = host.root.boot_parameter("mitigations");
        let asked = asked.map(|it| format!(" (mitigations={it})")).unwrap_or_default();
        return Finding::good(NAME, format!("none active{asked}"));
    }
    Finding::costs(NAME, format!("active: {}", active.join(", ")), COSTS, CHANGE)
}

fn hypervisor(host: &Examined) -> Finding {
    const NAME: &str = "hypervisor";
    const COSTS: &str = "the host may run others on the core (steal), and device and timer \
        interrupts leave the virtual machine: 1 to 20 us each, milliseconds when the core is \
        shared";
    const CHANGE: &str = "bare metal, or an instance with dedicated physical cores";
    match host.root.cpu_flag("hypervisor") {
        None => Finding::unknown(NAME, "no processor flags", COSTS, "systemd-detect-virt"),
        Some(false) => Finding::good(NAME, "none: bare metal"),
        Some(true) => {
            let steal =
                steal(host).map(|share| format!(", {:.3} % of the time stolen", share * 100.0));
            let found = format!("a virtual machine{}", steal.unwrap_or_default());
            Finding::costs(NAME, found, COSTS, CHANGE)
        }
    }
}

/// Share of the time since boot that the hypervisor kept to itself while a core had work.
fn steal(host: &Examined) -> Option<f64> {
    let stat = host.root.text("proc/stat")?;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<f64> = line.split_whitespace().map_while(|it| it.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal (guest times are within user and nice)
    let total: f64 = times.iter().take(8).sum();
    (total > 0.0).then(|| times.get(7).map(|steal| steal / total))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    #[test]
    fn the_preemption_model_is_found_where_it_is_told() {
        let preempt = "sys/kernel/debug/sched/preempt";
        let version = "proc/version";
        for (files, verdict, word) in [
            (&[(preempt, "none voluntary (full)\n")][..], Verdict::Good, "full"),
            (&[(preempt, "(none) voluntary full\n")], Verdict::Costs, "none"),
            (&[(version, "Linux #1 SMP PREEMPT_RT x")], Verdict::Costs, "rt"),
            (&[("sys/kernel/realtime", "1")], Verdict::Costs, "rt"),
            (&[(version, "Linux #1 SMP PREEMPT x")], Verdict::Good, "full"),
            (&[(version, "Linux #1 SMP x")], Verdict::Costs, "none"),
            (&[(version, "Linux #1 SMP PREEMPT_DYNAMIC x")], Verdict::Unknown, "unknown"),
            (
                &[(version, "Linux PREEMPT_DYNAMIC"), ("proc/cmdline", "preempt=voluntary")],
                Verdict::Costs,
                "voluntary",
            ),
        ] {
            let tree = Tree::new("kernel-preempt", &[("proc/sys/kernel/osrelease", "6.1.0\n")]);
            files.iter().for_each(|(path, text)| tree.write(path, text));
            let finding = preemption(&tree.examined(None));
            assert_eq!(finding.verdict, verdict, "{files:?}: {finding:?}");
            assert!(finding.found.starts_with("6.1.0, preemption"), "{}", finding.found);
            assert!(finding.found.contains(word), "{}", finding.found);
        }
    }

    #[test]
    fn only_active_mitigations_cost() {
        let dir = "sys/devices/system/cpu/vulnerabilities";
        let tree = Tree::new("kernel-mitigations", &[]);
        tree.write(&format!("{dir}/meltdown"), "Not affected\n");
        tree.write(&format!("{dir}/spectre_v2"), "Vulnerable\n");
        assert_eq!(mitigations(&tree.examined(None)).verdict, Verdict::Good);
        tree.write(&format!("{dir}/spectre_v2"), "Mitigation: Retpolines\n");
        let finding = mitigations(&tree.examined(None));
        assert_eq!(finding.verdict, Verdict::Costs);
        assert_eq!(finding.found, "active: spectre_v2");
    }

    #[test]
    fn stolen_time_is_a_share_of_all_time() {
        let tree = Tree::new("kernel-steal", &[("proc/cpuinfo", "flags : tsc hypervisor\n")]);
        tree.write("proc/stat", "cpu  10 0 10 70 0 0 0 10 5 0\ncpu0 1 1 1\n");
        let finding = hypervisor(&tree.examined(None));
        assert_eq!(finding.verdict, Verdict::Costs);
        assert_eq!(finding.found, "a virtual machine, 10.000 % of the time stolen");
        tree.write("proc/stat", "cpu \n");
        assert_eq!(hypervisor(&tree.examined(None)).found, "a virtual machine");
    }
}
