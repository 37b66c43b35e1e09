//! `tickbook probe` and `tickbook bench` as a user runs them. No time is judged here: only that
//! every quantity is there, and that what was counted adds up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod util;

use std::path::Path;

use serde_json::Value;
use util::{Place, Running, bad, capture, good};

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

const DISTRIBUTIONS: [&str; 3] = ["published_to_seen", "recv_to_seen", "kernel_to_seen"];

const HOST: [&str; 10] = [
    "cpu",
    "cores",
    "kernel",
    "governor",
    "clock_source",
    "clock",
    "version",
    "profile",
    "build",
    "target_features",
];

fn assert_host(report: &Value) {
    for field in HOST {
        assert!(!report["host"][field].is_null(), "no {field}: {}", report["host"]);
    }
}

#[test]
fn a_probe_sees_a_demo_from_another_process() {
    let place = Place::new("probe-demo");
    let mut args = vec!["demo", "--rate", "2000", "--symbols", "2", "--idle", "yield"];
    args.extend(["--name", "probed", "--shm-dir", place.shm()]);
    let _demo = Running::start(&args);
    let file = place.files.join("probe.json");
    let hdr = place.files.join("hdr");
    let mut args = vec!["probe", "--wait", "30", "--seconds", "2.5", "--idle", "yield"];
    args.extend(["--name", "probed", "--shm-dir", place.shm()]);
    args.extend(["--json", file.to_str().unwrap(), "--hdr", hdr.to_str().unwrap()]);
    let text = good(&args);
    let report = json(&file);
    assert_eq!(report["engine"], "probed");
    assert!(report["book"].as_str().unwrap().starts_with("binance_spot:"), "{report}");
    assert_host(&report);
    let seen = report["publishes_seen"].as_u64().unwrap();
    assert!(seen > 0 && report["publishes_skipped"].is_u64(), "{report}");
    let times = |name: &str| report["latency_ns"][name]["count"].as_u64().unwrap();
    let all: u64 = DISTRIBUTIONS.iter().map(|name| times(name)).sum();
    let negative = report["negative"].as_u64().unwrap();
    // A status publish has no receive times; every other one has each time or a negative one.
    assert!(times("published_to_seen") <= seen && all + negative <= 3 * seen, "{report}");
    assert!(times("published_to_seen") + negative >= seen, "{report}");
    assert!(times("kernel_to_seen") > 0, "{report}");
    for name in DISTRIBUTIONS {
        let log = std::fs::read_to_string(hdr.join(format!("{name}.hdr"))).unwrap();
        assert!(log.contains("HIST"), "{log}");
        assert!(text.contains(name), "{text}");
    }
    // One line a second, and a table.
    assert!(text.lines().filter(|line| line.contains(" s  ")).count() >= 2, "{text}");
    assert!(text.contains(" publishes seen, "), "{text}");
}

#[test]
fn a_probe_waits_for_a_replay_and_ends_with_it() {
    let place = Place::new("probe-replay");
    let file = place.file("small.cap", capture().as_bytes());
    let out = place.files.join("probe.json");
    let mut args = vec!["probe", "AAAUSDT", "--wait", "60", "--idle", "yield"];
    args.extend(["--shm-dir", place.shm(), "--name", "played"]);
    args.extend(["--json", out.to_str().unwrap()]);
    let mut probe = Running::start(&args);
    let mut args = vec!["replay", file.to_str().unwrap(), "--pace", "0.02x", "--idle", "yield"];
    args.extend(["--shm-dir", place.shm(), "--name", "played"]);
    good(&args);
    assert!(probe.0.wait().unwrap().success());
    let report = json(&out);
    // 20 diffs and a snapshot; what came before the probe had found the book is not among them.
    let [seen, skipped] =
        ["publishes_seen", "publishes_skipped"].map(|field| report[field].as_u64().unwrap());
    assert!(seen > 0 && seen + skipped <= 23, "{report}");
    assert_eq!(report["latency_ns"]["kernel_to_seen"]["count"], 0, "{report}");
    assert!(report["latency_ns"]["recv_to_seen"]["count"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_probe_without_an_engine_says_so() {
    let place = Place::new("probe-none");
    let line = bad(&["probe", "--wait", "0.1", "--shm-dir", place.shm()]);
    assert!(line.contains("start one"), "{line}");
    let out = place.files.join("no-such-folder/probe.json");
    let line = bad(&["probe", "--shm-dir", place.shm(), "--json", out.to_str().unwrap()]);
    assert!(line.contains("cannot write"), "{line}");
}

#[test]
fn a_quick_bench_measures_everything_and_does_not_differ_from_itself() {
    let place = Place::new("bench");
    let (file, hdr) = (place.files.join("bench.json"), place.files.join("hdr"));
    let path = file.to_str().unwrap();
    let mut args = vec!["bench", "--quick", "--rates", "1000", "--shm-dir", place.shm()];
    args.extend(["--json", path, "--hdr", hdr.to_str().unwrap()]);
    let text = good(&args);
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
    let report = json(&file);
    assert_eq!((&report["tickbook_bench"], &report["quick"]), (&1.into(), &true.into()));
    assert_host(&report);

    let figures = report["figures"].as_array().unwrap();
    for figure in figures {
        let runs = figure["runs"].as_array().unwrap();
        assert!((1..=5).contains(&runs.len()), "{figure}");
        let [low, median, high] = ["low", "median", "high"].map(|it| figure[it].as_f64().unwrap());
        assert!(0.0 < low && low <= median && median <= high, "{figure}");
        assert_eq!(figure["floor"].is_null(), figure["ratio"].is_null(), "{figure}");
        assert_eq!(figure["unit"], "ns");
    }
    let has = |stage: &str, what: &str| {
        figures.iter().any(|it| {
            it["stage"] == stage && it["what"].as_str().is_some_and(|it| it.starts_with(what))
        })
    };
    for what in ["clock read", "copy of a frame", "empty recv"] {
        assert!(has("floor", what), "{what}: {text}");
    }
    for stage in ["memory inline", "memory 1 book", "memory 100 books"] {
        assert!(has(stage, "a message") && has(stage, "tick_to_book p99"), "{stage}: {text}");
    }
    for stage in ["ws@1000", "wss@1000", "bursts ws@1000", "ws@1000 readers 1"] {
        assert!(has(stage, "tick_to_book") && text.contains(stage), "{stage}: {text}");
        let name = format!("{stage}.tick_to_book");
        assert!(report["latency_ns"][&name]["p999"].as_u64().unwrap() > 0, "{stage}");
        let log = hdr.join(format!("{}.hdr", name.replace(' ', "_")));
        assert!(log.is_file(), "{}", log.display());
    }
    for stage in ["ws@1000", "wss@1000"] {
        assert!(has(stage, "published_to_seen p50"), "{stage}: {text}");
    }
    assert!(report["notes"].as_array().unwrap().len() > 2, "{report}");

    let same = good(&["bench", "--compare", path, "--with", path]);
    let verdict = format!("nothing differs beyond noise ({} figures)", figures.len());
    assert!(same.contains(&verdict) && !same.contains("other "), "{same}");
}

#[test]
fn a_bench_is_compared_with_a_bench_only() {
    let place = Place::new("bench-compare");
    for content in ["", "{}", "[1]", "{\"tickbook_bench\":1}", "\u{0}"] {
        let file = place.file("old.json", content.as_bytes());
        let path = file.to_str().unwrap();
        let line = bad(&["bench", "--quick", "--compare", path, "--shm-dir", place.shm()]);
        assert!(line.contains("cannot compare with"), "{line}");
    }
    let line = bad(&["bench", "--compare", "no/such/file.json", "--shm-dir", place.shm()]);
    assert!(line.contains("no/such/file.json"), "{line}");
}

#[test]
fn an_interrupted_bench_leaves_nothing() {
    let place = Place::new("bench-interrupted");
    let mut args = vec!["bench", "--quick", "--stages", "ws", "--shm-dir", place.shm()];
    // Rates enough for the signal to find it at work.
    args.extend(["--rates", "1000,1000,1000,1000,1000,1000"]);
    let mut bench = Running::start(&args);
    util::eventually("the engine of the bench runs", || {
        (!place.left_behind().is_empty()).then_some(())
    });
    bench.signal("INT");
    assert!(!bench.0.wait().unwrap().success());
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}
