//! Which cores the busy device interrupts land on.

use super::Examined;
use super::cores::Cores;
use super::finding::Finding;

/// Interrupts since boot from which a source counts as busy.
const BUSY_COUNT: u64 = 1_000;

/// So many of the busiest are named.
const NAMED_MAX: usize = 4;

/// A source of interrupts and where they land.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Source {
    number: String,
    name: String,
    count: u64,
    cores: Cores,
}

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(affinity(host));
}

fn affinity(host: &Examined) -> Finding {
    const NAME: &str = "interrupts";
    const COSTS: &str = "each interrupt takes its core away for 1 to 10 us, and its packets are \
        handled there before the interrupted thread goes on";
    const CHANGE: &str = "stop irqbalance and write the cores that may be disturbed to \
        /proc/irq/N/smp_affinity_list";
    let Some(table) = host.root.text("proc/interrupts") else {
        return Finding::unknown(NAME, "no /proc/interrupts", COSTS, CHANGE);
    };
    let busy = sources(host, &table);
    if busy.is_empty() {
        return Finding::good(NAME, "no device interrupts often");
    }
    let mut disturbed = Cores::default();
    busy.iter().for_each(|source| disturbed.add(&source.cores));
    let wanted = host.path_cores();
    if !wanted.is_empty() {
        let hit = wanted.both(&disturbed);
        return if hit.is_empty() {
            Finding::good(NAME, format!("none of the busy ones on {wanted} ({})", list(&busy)))
        } else {
            let hits: Vec<Source> =
                busy.into_iter().filter(|it| !it.cores.both(&wanted).is_empty()).collect();
            Finding::costs(NAME, format!("busy ones on {hit}: {}", list(&hits)), COSTS, CHANGE)
        };
    }
    let quiet = host.cores.without(&disturbed);
    if quiet.is_empty() {
        Finding::costs(NAME, format!("every core has busy ones: {}", list(&busy)), COSTS, CHANGE)
    } else {
        Finding::good(NAME, format!("cores {quiet} have no busy ones ({})", list(&busy)))
    }
}

/// The busiest by name.
fn list(sources: &[Source]) -> String {
    let named: Vec<String> = sources.iter().take(NAMED_MAX).map(Source::to_string).collect();
    let more = sources.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// The busy sources, busiest first.
fn sources(host: &Examined, table: &str) -> Vec<Source> {
    let mut lines = table.lines();
    let columns: Vec<u32> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("CPU")?.parse().ok())
        .collect();
    let mut sources: Vec<Source> = lines
        .filter_map(|line| source(host, &columns, line))
        .filter(|source| source.count >= BUSY_COUNT)
        .collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.count));
    sources
}

/// A line of a numbered interrupt: `24:  1  0  IO-APIC  5-edge  eth0-rx`. Lines with names instead
/// of numbers are the processors' own business (timer, rescheduling) and have no affinity.
fn source(host: &Examined, columns: &[u32], line: &str) -> Option<Source> {
    let (number, rest) = line.trim_start().split_once(':')?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let counts = rest.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let counts: Vec<u64> = counts.take(columns.len()).collect();
    let name = rest.split_whitespace().next_back()?.to_owned();
    let listed = ["effective_affinity_list", "smp_affinity_list"].iter().find_map(|file| {
        let list = host.root.text(&format!("proc/irq/{number}/{file}"))?;
        Cores::parse(&list).filter(|cores| !cores.is_empty())
    });
    let cores = listed.unwrap_or_else(|| {
        let landed = columns.iter().zip(&counts).filter(|(_, count)| **count > 0);
        landed.map(|(core, _)| *core).collect()
    });
    let count = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
    Some(Source { number: number.to_owned(), name, count, cores })
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = crate::text::count(self.count);
        write!(f, "{} (irq {}, {count} so far) on {}", self.name, self.number, self.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    const TABLE: &str = "\
           CPU0       CPU1       CPU3
 24:          1          0          0  IO-APIC   5-edge      ttyS0
 36:          7      72804          0 PCI-MSIX-0000:00:02.0   1-edge      nvme0q1
 41:       3399          0          0 PCI-MSIX-0000:00:04.0   2-edge      eth0-rx
LOC:     356560     404349    9999999   Local timer interrupts
ERR:          0
";

    fn tree(test: &str) -> Tree {
        let tree = Tree::new(test, &[("proc/interrupts", TABLE)]);
        tree.write("sys/devices/system/cpu/online", "0-1,3\n");
        tree.write("proc/irq/36/effective_affinity_list", "1\n");
        tree.write("proc/irq/41/smp_affinity_list", "0-1\n");
        tree
    }

    #[test]
    fn busy_sources_are_found_busiest_first() {
        let tree = tree("interrupts-list");
        let sources = sources(&tree.examined(None), TABLE);
        let texts: Vec<String> = sources.iter().map(Source::to_string).collect();
        assert_eq!(
            texts,
            ["nvme0q1 (irq 36, 72,811 so far) on 1", "eth0-rx (irq 41, 3,399 so far) on 0-1"]
        );
    }

    #[test]
    fn counts_stand_in_for_an_affinity_that_cannot_be_read() {
        let tree = Tree::new("interrupts-counts", &[("proc/interrupts", TABLE)]);
        let sources = sources(&tree.examined(None), TABLE);
        assert_eq!(sources[0].cores.to_string(), "0-1");
        assert_eq!(sources[1].cores.to_string(), "0");
    }

    #[test]
    fn the_verdict_is_about_the_cores_of_the_path() {
        let tree = tree("interrupts-verdict");
        assert_eq!(affinity(&tree.examined(Some(1))).verdict, Verdict::Costs);
        let on_0 = affinity(&tree.examined(Some(0))).found;
        assert_eq!(on_0, "busy ones on 0: eth0-rx (irq 41, 3,399 so far) on 0-1");
        assert_eq!(affinity(&tree.examined(Some(3))).verdict, Verdict::Good);
        let any = affinity(&tree.examined(None));
        assert_eq!(any.verdict, Verdict::Good);
        assert!(any.found.starts_with("cores 3 have no busy ones"), "{}", any.found);
        tree.write("proc/irq/41/smp_affinity_list", "0-3\n");
        assert_eq!(affinity(&tree.examined(None)).verdict, Verdict::Costs);
        tree.write("sys/devices/system/cpu/isolated", "3\n");
        assert_eq!(affinity(&tree.examined(None)).verdict, Verdict::Costs);
    }

    #[test]
    fn nonsense_is_no_source() {
        let tree = Tree::new("interrupts-nonsense", &[]);
        for table in ["", "CPU0", "CPU0\n:", "CPU0\n1:", "x\n1: 99999 name", "CPU0\n1: 9999"] {
            let _ = sources(&tree.examined(None), table);
        }
    }
}
