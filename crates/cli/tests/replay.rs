//! `tickbook replay` as a user sees it: files in, report and books out, the same over every
//! transport.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tickbook_capture::{CaptureWriter, Compression as FileCompression};
use tickbook_types::WallNanos;
use util::{Place, good};

fn replay(place: &Place, transport: &str, more: &[&str]) -> (Value, Value) {
    let file = place.file("market.cap", util::capture().as_bytes());
    replay_file(place, &file, transport, more)
}

fn replay_file(place: &Place, file: &Path, transport: &str, more: &[&str]) -> (Value, Value) {
    let (json, books) = (place.files.join("r.json"), place.files.join("b.json"));
    let mut args = vec!["replay", file.to_str().unwrap(), "--transport", transport];
    args.extend(["--json", json.to_str().unwrap(), "--books", books.to_str().unwrap()]);
    args.extend(["--shm-dir", place.shm(), "--idle", "yield"]);
    args.extend(more);
    good(&args);
    let read = |path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    (read(json), read(books))
}

#[test]
fn a_report_has_the_fields_that_tools_rely_on() {
    let place = Place::new("report");
    let (report, books) = replay(&place, "memory", &["--sample-every", "1"]);
    assert_eq!(report["venue"], "binance_spot");
    assert_eq!(report["frames"], 40);
    assert_eq!(report["book_messages"], 40);
    // Two in each diff, three in each snapshot.
    assert_eq!(report["level_updates"], 40 * 2 + 2 * 3);
    for key in ["trades", "gaps", "resyncs", "crossed"] {
        assert_eq!(report[key], 0, "{key}");
    }
    assert_eq!(report["checksums"], serde_json::json!({"ok": 0, "bad": 0}));
    assert!(report["ignored"].as_object().unwrap().is_empty(), "{report}");
    assert!(report["rejected"].as_object().unwrap().is_empty(), "{report}");
    assert!(report["elapsed_s"].as_f64().unwrap() > 0.0);
    assert!(report["frames_per_s"].as_f64().unwrap() > 0.0);
    for stage in ["recv_to_parsed", "parsed_to_popped", "popped_to_published", "tick_to_book"] {
        let latency = &report["latency_ns"][stage];
        assert!(latency["count"].as_u64().unwrap() >= 40, "{stage}: {latency}");
        for key in ["min", "p50", "p90", "p99", "p999", "p9999", "max"] {
            assert!(latency[key].is_u64(), "{stage}.{key}");
        }
        assert!(latency["p50"].as_u64() <= latency["p99"].as_u64(), "{stage}");
    }
    let latency = report["latency_ns"].as_object().unwrap();
    assert!(!latency.contains_key("decrypted_to_decoded"), "nothing is decoded in memory");
    for key in ["cpu", "cores", "kernel", "topology", "idle", "clock"] {
        assert!(!report["host"][key].is_null(), "{key}");
    }
    let book = &books["symbols"]["AAAUSDT"];
    assert_eq!(book["state"], "live");
    assert_eq!(book["last_seq"], 120);
    assert_eq!(book["applied"], 21, "the snapshot and 20 diffs");
    assert_eq!(book["crossed_after_update"], 0);
    assert_eq!(book["bids"][0], serde_json::json!(["9.9", "1"]));
    assert_eq!(book["asks"][0], serde_json::json!(["10.1", "3"]));
    assert_eq!(book["bids"].as_array().unwrap().len(), 5);
    assert!(book["bid_levels"].as_u64().unwrap() > 5);
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

#[test]
fn books_are_the_same_over_every_transport_and_topology() {
    let place = Place::new("transports");
    let (_, books) = replay(&place, "memory", &["--topology", "own-thread"]);
    for (transport, topology) in
        [("memory", "inline"), ("ws", "own-thread"), ("ws", "inline"), ("wss", "inline")]
    {
        // At its own pace, so that not everything arrives with the end of the handshake.
        let pace = if transport == "memory" { "max" } else { "recorded" };
        let more = ["--topology", topology, "--pace", pace, "--sample-every", "1"];
        let (report, other) = replay(&place, transport, &more);
        assert_eq!(other, books, "{transport} {topology}");
        assert_eq!(report["frames"], 40);
        assert_eq!(report["transport"], transport);
        if transport != "memory" {
            // The kernel begins to stamp some time after it was asked to, and says so to nobody.
            let from = report["latency_from"].as_str().unwrap();
            assert!(["kernel", "recv"].contains(&from), "{from}");
        }
        // Every message of the book was received, decrypted where there is TLS, and decoded.
        let count = |stage: &str| report["latency_ns"][stage]["count"].as_u64().unwrap_or(0);
        let [sockets, tls] = [transport != "memory", transport == "wss"];
        assert_eq!(count("recv_to_decrypted"), if tls { 40 } else { 0 }, "{transport}");
        for stage in ["decrypted_to_decoded", "decoded_to_parsed"] {
            assert_eq!(count(stage), if sockets { 40 } else { 0 }, "{transport} {stage}");
        }
    }
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

/// Gzip frames, a text frame, and what the client sent, without the address it was sent to.
fn write_wire_capture(file: &Path) {
    let mut capture = CaptureWriter::create(file, FileCompression::Plain).unwrap();
    capture.sent(WallNanos(1), r#"{"sub":"market.xyusdt.depth.step0","id":"1"}"#).unwrap();
    capture.frame(WallNanos(2), r#"{"ping":1700000000000}"#).unwrap();
    for version in 1..=3 {
        let bids = format!("[[9.9,{version}]]");
        let asks = format!("[[1.01E+1,2.5],[1.02E+1,{version}.5]]");
        let message = format!(
            r#"{{"ch":"market.xyusdt.depth.step0","ts":1,"tick":{{"bids":{bids},"asks":{asks}}}}}"#
        );
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(message.as_bytes()).unwrap();
        capture.binary(WallNanos(2 + version), &encoder.finish().unwrap()).unwrap();
    }
    capture.finish().unwrap();
}

#[test]
fn binary_frames_are_played_as_they_were_received() {
    let place = Place::new("wire");
    let file = place.files.join("wire.cap");
    write_wire_capture(&file);
    for transport in ["memory", "ws", "wss"] {
        let (report, books) = replay_file(&place, &file, transport, &["--venue", "huobi"]);
        assert_eq!(report["frames"], 4, "{transport}");
        assert_eq!(report["book_messages"], 3, "{transport}");
        assert_eq!(report["rejected"], serde_json::json!({}), "{transport}");
        let book = &books["symbols"]["xyusdt"];
        assert_eq!(book["state"], "live", "{transport}");
        assert_eq!(book["bids"], serde_json::json!([["9.9", "3"]]), "{transport}");
        assert_eq!(book["asks"], serde_json::json!([["10.1", "2.5"], ["10.2", "3.5"]]));
    }
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

#[test]
fn depth_limits_what_is_printed_and_not_what_is_counted() {
    let place = Place::new("depth");
    let (_, books) = replay(&place, "memory", &["--depth", "1"]);
    let book = &books["symbols"]["BBBUSDT"];
    assert_eq!(book["bids"].as_array().unwrap().len(), 1);
    assert!(book["bid_levels"].as_u64().unwrap() > 5);
}

#[test]
fn recorded_pace_takes_the_time_of_the_recording() {
    let place = Place::new("pace");
    // 42 lines, 1 ms apart.
    let (report, _) = replay(&place, "memory", &["--pace", "recorded"]);
    assert!(report["elapsed_s"].as_f64().unwrap() >= 0.040, "{report}");
}

#[test]
fn histogram_logs_are_written_by_stage() {
    let place = Place::new("hdr");
    let dir = place.files.join("hdr");
    replay(&place, "memory", &["--hdr", dir.to_str().unwrap(), "--sample-every", "1"]);
    let log = std::fs::read_to_string(dir.join("tick_to_book.hdr")).unwrap();
    assert!(log.contains("#[") && log.contains("HISTFAAAA"), "{log}");
    assert!(dir.join("recv_to_parsed.hdr").exists());
}
