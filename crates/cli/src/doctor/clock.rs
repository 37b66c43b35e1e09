//! The clocks: what the kernel tells the time by, and whether stamps can be a counter reading.

use super::Examined;
use super::finding::Finding;

/// Sources that user space reads without a system call.
const FAST: &[&str] = &["arch_sys_counter", "hyperv_clocksource_tsc_page", "kvm-clock", "tsc"];

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(source(host));
    findings.push(invariant(host));
}

fn source(host: &Examined) -> Finding {
    const NAME: &str = "clock source";
    const DIR: &str = "sys/devices/system/clocksource/clocksource0";
    const COSTS: &str = "reading the time takes a system call and a device read, 0.3 to 2 us \
        instead of 25 ns; every kernel receive stamp pays it, too";
    const CHANGE: &str = "echo tsc > /sys/devices/system/clocksource/clocksource0/\
        current_clocksource (boot with tsc=reliable if the kernel distrusts it)";
    match host.root.text(&format!("{DIR}/current_clocksource")) {
        None => Finding::unknown(NAME, "the kernel does not say", COSTS, CHANGE),
        Some(source) if FAST.contains(&source.as_str()) => Finding::good(NAME, source),
        Some(source) => {
            let others = host.root.text(&format!("{DIR}/available_clocksource"));
            let others = others.map(|it| format!(" (available: {it})")).unwrap_or_default();
            Finding::costs(NAME, format!("{source}{others}"), COSTS, CHANGE)
        }
    }
}

fn invariant(host: &Examined) -> Finding {
    const NAME: &str = "invariant TSC";
    const COSTS: &str = "stamps are taken by clock_gettime instead of the processor's counter: \
        about 15 ns more each";
    const CHANGE: &str = "a virtual machine must pass the flags constant_tsc and nonstop_tsc \
        through (CPU model `host`); old processors do not have them";
    let flags = [host.root.cpu_flag("constant_tsc"), host.root.cpu_flag("nonstop_tsc")];
    match flags {
        [Some(true), Some(true)] => Finding::good(NAME, "constant_tsc and nonstop_tsc"),
        [Some(constant), Some(nonstop)] => {
            let has = |flag| if flag { "yes" } else { "no" };
            let found = format!("constant_tsc {}, nonstop_tsc {}", has(constant), has(nonstop));
            Finding::costs(NAME, found, COSTS, CHANGE)
        }
        _ => Finding::unknown(NAME, "no processor flags", COSTS, CHANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    #[test]
    fn slow_sources_cost() {
        let file = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        for (text, verdict) in [
            ("tsc\n", Verdict::Good),
            ("kvm-clock\n", Verdict::Good),
            ("hpet\n", Verdict::Costs),
            ("acpi_pm\n", Verdict::Costs),
        ] {
            let tree = Tree::new("clock-source", &[(file, text)]);
            assert_eq!(source(&tree.examined(None)).verdict, verdict, "{text}");
        }
    }

    #[test]
    fn both_flags_are_needed() {
        for (flags, verdict) in [
            ("flags\t\t: fpu tsc constant_tsc nonstop_tsc\n", Verdict::Good),
            ("flags\t\t: fpu tsc constant_tsc\n", Verdict::Costs),
            ("Features\t: fp asimd\n", Verdict::Unknown),
        ] {
            let tree = Tree::new("clock-tsc", &[("proc/cpuinfo", flags)]);
            assert_eq!(invariant(&tree.examined(None)).verdict, verdict, "{flags}");
        }
    }
}
