//! `tickbook doctor` as a user sees it: findings on a terminal and as JSON, on this host and on
//! the files of another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod util;

use serde_json::Value;
use util::{Place, bad, good};

fn json(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn finding<'a>(diagnosis: &'a Value, name: &str) -> &'a Value {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_files_of_another_host_are_judged() {
    let place = Place::new("doctor-root");
    let root = place.files.join("host");
    for (path, text) in [
        ("proc/cmdline", "quiet isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3\n"),
        ("proc/cpuinfo", "model name\t: Abacus 3000\nflags\t\t: constant_tsc nonstop_tsc\n"),
        ("proc/self/mounts", "tmpfs /dev/shm tmpfs rw,size=65536k 0 0\n"),
        ("sys/devices/system/cpu/online", "0-3\n"),
        ("sys/devices/system/cpu/isolated", "2-3\n"),
        ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n"),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let file = place.files.join("doctor.json");
    let (root, out) = (root.to_str().unwrap(), file.to_str().unwrap());
    let text = good(&["doctor", "--spin-seconds", "0", "--root", root, "--json", out]);
    let diagnosis = json(&file);
    assert_eq!(diagnosis["host"]["cpu"], "Abacus 3000");
    assert_eq!(diagnosis["host"]["cores"], 4);
    assert!(diagnosis["gaps"].is_null());
    for (name, verdict) in [
        ("isolcpus", "good"),
        ("rcu_nocbs", "good"),
        ("invariant TSC", "good"),
        ("frequency governor", "costs"),
        ("clock source", "costs"),
        ("/dev/shm", "costs"),
        ("turbo", "unknown"),
        ("interrupts", "unknown"),
        ("interrupt coalescing", "unknown"),
    ] {
        let finding = finding(&diagnosis, name);
        assert_eq!(finding["verdict"], verdict, "{finding}");
        assert_eq!(finding["costs"].is_null(), verdict == "good", "{finding}");
        assert_eq!(finding["change"].is_null(), verdict == "good", "{finding}");
        let line = format!("{verdict:<8} {name} ");
        assert!(text.lines().any(|it| it.starts_with(&line)), "{name}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");

    good(&["doctor", "--spin-seconds", "0", "--root", root, "--core", "1", "--json", out]);
    assert_eq!(finding(&json(&file), "isolcpus")["verdict"], "costs", "core 1 is not isolated");
}

#[test]
fn a_host_without_files_is_unknown() {
    let place = Place::new("doctor-empty");
    let root = place.files.to_str().unwrap();
    let text = good(&["doctor", "--root", root]);
    assert!(!text.contains("scheduler gaps"), "only this host can be watched: {text}");
    assert!(text.contains("\n0 good, 0 cost latency, "), "{text}");
}

#[test]
fn this_host_is_judged_and_watched() {
    let place = Place::new("doctor-here");
    let file = place.files.join("doctor.json");
    let text = good(&["doctor", "--spin-seconds", "0.05", "--json", file.to_str().unwrap()]);
    assert!(text.contains("scheduler gaps"), "{text}");
    let gaps = &json(&file)["gaps"];
    assert!(gaps["spun_ns"].as_u64().unwrap() >= 50_000_000, "{gaps}");
    assert!(gaps["lost_ns"].as_u64() <= gaps["spun_ns"].as_u64(), "{gaps}");
    assert!(gaps["core"].is_null());
}

#[test]
fn what_cannot_be_done_is_one_line() {
    let line = bad(&["doctor", "--spin-seconds", "0.01", "--core", "100000"]);
    assert!(line.contains("core 100000"), "{line}");
    let line = bad(&["doctor", "--spin-seconds", "0", "--json", "/no/such/folder/x.json"]);
    assert!(line.contains("/no/such/folder/x.json"), "{line}");
}
