//! What a process asks of the kernel about its memory, as the kernel tells it of that process.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use util::{Place, Running, bad, eventually, good};

/// A field of a process's status, without its unit.
fn status(pid: &str, field: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    value.split_whitespace().next().map(str::to_owned)
}

/// Kibibytes of a process that are locked, once its books are there.
fn locked_and_huge(args: &[&str]) -> (u64, String) {
    let place = Place::new(&format!("memory{}", args.concat()));
    let mut all = vec!["demo", "--symbols", "1", "--rate", "100", "--idle", "yield"];
    all.extend(["--name", "memory", "--shm-dir", place.shm()]);
    all.extend(args);
    let demo = Running::start(&all);
    eventually("its books are there", || (!place.left_behind().is_empty()).then_some(()));
    let pid = demo.0.id().to_string();
    let locked = status(&pid, "VmLck").unwrap().parse().unwrap();
    (locked, status(&pid, "THP_enabled").unwrap())
}

#[test]
fn nothing_is_locked_or_huge_unless_asked() {
    assert_eq!(locked_and_huge(&[]), (0, "0".to_owned()));
}

#[test]
fn huge_pages_are_had_or_refused() {
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    if setting.is_ok_and(|setting| !setting.contains("[never]")) {
        assert_eq!(locked_and_huge(&["--huge-pages"]), (0, "1".to_owned()));
    } else {
        let line = bad(&["demo", "--seconds", "1", "--huge-pages"]);
        assert!(line.contains("echo madvise"), "{line}");
    }
}

#[test]
fn memory_is_locked_or_refused() {
    let bits = u64::from_str_radix(&status("self", "CapEff").unwrap(), 16).unwrap();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max locked memory")).unwrap();
    /// `CAP_IPC_LOCK`.
    const IPC_LOCK: u32 = 14;
    if bits >> IPC_LOCK & 1 == 1 || limit.contains("unlimited") {
        let (locked, huge) = locked_and_huge(&["--lock-memory"]);
        assert!(locked > 0, "nothing is locked");
        assert_eq!(huge, "0");
    } else {
        let line = bad(&["demo", "--seconds", "1", "--lock-memory"]);
        assert!(line.contains("LimitMEMLOCK"), "{line}");
    }
}

#[test]
fn a_configuration_says_what_becomes_of_memory() {
    let place = Place::new("memory-config");
    for (keys, line) in [
        ("", "memory: ordinary pages, not locked"),
        ("huge_pages = true\nlock_memory = true\n", "memory: huge pages, locked"),
    ] {
        let text = format!("{keys}[[venue]]\nvenue = \"binance_spot\"\nsymbols = [\"BTCUSDT\"]\n");
        let file = place.file("memory.toml", text.as_bytes());
        let output = good(&["check-config", file.to_str().unwrap()]);
        assert!(output.contains(line), "{output}");
    }
}
