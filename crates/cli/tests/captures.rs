//! Real captures over real sockets: the books of a replay over TLS are those from memory.
//!
//! What the books must be is tested where the engine is; here every capture of a known venue goes
//! through a local server, certificates, frames and the live engine, and nothing may change.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::path::PathBuf;

use serde_json::Value;
use tickbook_types::Venue;
use util::{Place, good};

#[test]
fn every_capture_ends_with_the_same_books_over_tls() {
    let Some(root) = std::env::var_os("TICKBOOK_CAPTURES").map(PathBuf::from) else {
        println!("skipped: TICKBOOK_CAPTURES is not set");
        return;
    };
    let place = Place::new("captures-wss");
    let mut compared = 0;
    for venue in Venue::all().filter(|venue| venue.name().starts_with("binance")) {
        let Ok(entries) = std::fs::read_dir(root.join(venue.name())) else { continue };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| !file.ends_with("rest_instruments.cap.gz"));
        for file in files {
            let [memory, wss] = ["memory", "wss"].map(|transport| {
                let (json, books) = (place.files.join("r.json"), place.files.join("b.json"));
                let mut args = vec!["replay", file.to_str().unwrap(), "--venue", venue.name()];
                args.extend(["--transport", transport, "--json", json.to_str().unwrap()]);
                args.extend(["--books", books.to_str().unwrap(), "--shm-dir", place.shm()]);
                args.extend(["--idle", "yield"]);
                good(&args);
                let read = |path| -> Value {
                    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
                };
                (read(&json), read(&books))
            });
            assert_eq!(memory.1, wss.1, "{}", file.display());
            for field in ["frames", "book_messages", "level_updates", "gaps", "bbo_checks"] {
                assert_eq!(memory.0[field], wss.0[field], "{}: {field}", file.display());
            }
            assert!(wss.0["latency_ns"]["tick_to_book"]["count"].as_u64() > Some(0));
            compared += 1;
        }
    }
    assert!(compared > 0, "no capture of a known venue in {}", root.display());
    assert!(place.left_behind().is_empty(), "{:?}", place.left_behind());
}
