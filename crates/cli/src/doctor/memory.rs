//! Memory: huge pages, and the file system of the books.

use super::Examined;
use super::finding::Finding;

/// A container's usual default, and less than a thousand books with their events need.
const SHM_BYTES_SMALL: u64 = 256 << 20;

pub(super) fn examine(host: &Examined, findings: &mut Vec<Finding>) {
    findings.push(huge_pages(host));
    findings.push(shared_memory(host));
}

fn huge_pages(host: &Examined) -> Finding {
    const NAME: &str = "transparent huge pages";
    const DIR: &str = "sys/kernel/mm/transparent_hugepage";
    const COSTS_ALWAYS: &str = "the kernel gathers huge pages for every process but an engine \
        without huge_pages = true: strategies beside it stall for 10 us to milliseconds at moments \
        nobody chose";
    const COSTS_NEVER: &str = "huge_pages = true in tickbook.toml is refused: with a hundred books \
        it can save a message some page walks";
    const CHANGE: &str = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled (and \
        .../defrag): huge pages for those who ask";
    let chosen = |file: &str| chosen(&host.root.text(&format!("{DIR}/{file}"))?);
    let Some(enabled) = chosen("enabled") else {
        return Finding::unknown(NAME, "the kernel does not say", COSTS_ALWAYS, CHANGE);
    };
    let defrag = chosen("defrag").unwrap_or_else(|| "unknown".to_owned());
    let found = format!("{enabled}, defrag {defrag}");
    match (enabled.as_str(), defrag.as_str()) {
        ("always", _) | (_, "always") => Finding::costs(NAME, found, COSTS_ALWAYS, CHANGE),
        ("never", _) => Finding::costs(NAME, found, COSTS_NEVER, CHANGE),
        _ => Finding::good(NAME, found),
    }
}

/// The word in brackets: `always [madvise] never`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

fn shared_memory(host: &Examined) -> Finding {
    const NAME: &str = "/dev/shm";
    const COSTS: &str = "books live there: on anything but a tmpfs a publish may wait for a disk, \
        and without room the engine does not start";
    const CHANGE: &str = "mount -o remount,size=2G /dev/shm (a container: --shm-size=2g)";
    let mounts = host.root.text("proc/self/mounts");
    let Some(mounts) = mounts else {
        return Finding::unknown(NAME, "no list of mounts", COSTS, CHANGE);
    };
    // The last mount on a folder is the one that is seen.
    let mount = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        (fields.next()? == "/dev/shm").then_some(())?;
        Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
    });
    let Some((kind, options)) = mount else {
        const MOUNT: &str = "mount -t tmpfs -o size=2G tmpfs /dev/shm";
        return Finding::costs(NAME, "nothing is mounted there", COSTS, MOUNT);
    };
    let size = options.split(',').find_map(|option| bytes(option.strip_prefix("size=")?));
    let size = size.or_else(|| half_of_memory(host));
    let size_text =
        size.map_or_else(|| "size unknown".to_owned(), |it| format!("{} MiB", it >> 20));
    let found = format!("{kind}, {size_text}, {options}");
    match size {
        _ if kind != "tmpfs" => Finding::costs(NAME, found, COSTS, CHANGE),
        None => Finding::unknown(NAME, found, COSTS, "df -h /dev/shm"),
        Some(size) if size < SHM_BYTES_SMALL => Finding::costs(NAME, found, COSTS, CHANGE),
        Some(_) => Finding::good(NAME, found),
    }
}

/// What a tmpfs may grow to if nobody says.
fn half_of_memory(host: &Examined) -> Option<u64> {
    let info = host.root.text("proc/meminfo")?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024 / 2)
}

/// A size with its unit: `65536k`, `2G`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::doctor::tree::Tree;

    #[test]
    fn huge_pages_are_best_on_request() {
        for (enabled, defrag, verdict) in [
            ("always [madvise] never", "always defer [madvise] never", Verdict::Good),
            ("[always] madvise never", "always defer [madvise] never", Verdict::Costs),
            ("always [madvise] never", "[always] defer madvise never", Verdict::Costs),
            ("always madvise [never]", "always defer [madvise] never", Verdict::Costs),
            ("gibberish", "", Verdict::Unknown),
        ] {
            let dir = "sys/kernel/mm/transparent_hugepage";
            let tree = Tree::new("memory-thp", &[(&format!("{dir}/enabled"), enabled)]);
            tree.write(&format!("{dir}/defrag"), defrag);
            assert_eq!(huge_pages(&tree.examined(None)).verdict, verdict, "{enabled} {defrag}");
        }
    }

    #[test]
    fn shared_memory_wants_a_tmpfs_with_room() {
        for (mounts, verdict, word) in [
            ("tmpfs /dev/shm tmpfs rw,nosuid,size=2097152k 0 0", Verdict::Good, "2048 MiB"),
            ("shm /dev/shm tmpfs rw,size=65536k 0 0", Verdict::Costs, "64 MiB"),
            ("/dev/sda1 /dev/shm ext4 rw 0 0", Verdict::Costs, "ext4"),
            ("tmpfs /dev/shm tmpfs rw 0 0", Verdict::Good, "4096 MiB"),
            (
                "tmpfs /dev/shm tmpfs rw,size=2G 0 0\nt /dev/shm tmpfs rw,size=1m 0 0",
                Verdict::Costs,
                "1 MiB",
            ),
            ("tmpfs /run tmpfs rw 0 0", Verdict::Costs, "nothing is mounted"),
            ("tmpfs /dev/shm", Verdict::Costs, "nothing is mounted"),
        ] {
            let tree = Tree::new("memory-shm", &[("proc/self/mounts", mounts)]);
            tree.write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n");
            let finding = shared_memory(&tree.examined(None));
            assert_eq!(finding.verdict, verdict, "{mounts}: {finding:?}");
            assert!(finding.found.contains(word), "{}", finding.found);
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("65536k"), Some(64 << 20));
        assert_eq!(bytes("2G"), Some(2 << 30));
        assert_eq!(bytes("4096"), Some(4096));
        for text in ["", "k", "50%", "1kb", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
