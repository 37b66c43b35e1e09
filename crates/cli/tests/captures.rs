//! Real captures over real sockets: the books of a replay over WebSocket, plain and encrypted, are
//! those from memory.
//!
//! Method: what the books must be is tested where the engine is; here every capture of a known
//! venue goes through a local server, frames and the live engine, and nothing may change. Over TLS,
//! which adds certificates and records, one capture of each venue does: its smallest.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tickbook_types::Venue;
use util::{Place, good};

/// What a report says that does not depend on how the frames came.
const SAME: [&str; 12] = [
    "frames",
    "book_messages",
    "level_updates",
    "trades",
    "tickers",
    "gaps",
    "resyncs",
    "checksums",
    "bbo_checks",
    "crossed",
    "ignored",
    "rejected",
];

#[test]
fn every_capture_ends_with_the_same_books_over_sockets() {
    let Some(root) = std::env::var_os("TICKBOOK_CAPTURES").map(PathBuf::from) else {
        println!("skipped: TICKBOOK_CAPTURES is not set");
        return;
    };
    let place = Place::new("captures-sockets");
    let mut compared = 0;
    for venue in Venue::all() {
        for (index, file) in captures_of(&root.join(venue.name())).iter().enumerate() {
            let memory = replay(&place, venue, file, "memory");
            let encrypted = (index == 0).then_some("wss");
            for transport in ["ws"].into_iter().chain(encrypted) {
                let other = replay(&place, venue, file, transport);
                let at = format!("{} over {transport}", file.display());
                assert_eq!(memory.1, other.1, "{at}");
                for field in SAME {
                    assert_eq!(memory.0[field], other.0[field], "{at}: {field}");
                }
                assert!(other.0["latency_ns"]["tick_to_book"]["count"].as_u64() > Some(0), "{at}");
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "no capture of a known venue in {}", root.display());
    println!("{compared} replays compared");
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}

/// The captures of a venue, the smallest first.
fn captures_of(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // `TICKBOOK_CAPTURES_ONLY` names a part of a path: for work on one venue.
    let only = std::env::var("TICKBOOK_CAPTURES_ONLY").unwrap_or_default();
    files.retain(|file| {
        !file.ends_with("rest_instruments.cap.gz") && file.to_string_lossy().contains(&only)
    });
    files.sort_by_key(|file| std::fs::metadata(file).unwrap().len());
    files
}

/// Report and books.
fn replay(place: &Place, venue: Venue, file: &Path, transport: &str) -> (Value, Value) {
    let (json, books) = (place.files.join("r.json"), place.files.join("b.json"));
    let mut args = vec!["replay", file.to_str().unwrap(), "--venue", venue.name()];
    args.extend(["--transport", transport, "--json", json.to_str().unwrap()]);
    args.extend(["--books", books.to_str().unwrap(), "--shm-dir", place.shm()]);
    args.extend(["--idle", "yield"]);
    good(&args);
    let read =
        |path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    (read(json), read(books))
}
