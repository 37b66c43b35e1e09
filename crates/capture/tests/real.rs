//! Every capture of a collection of real ones loads whole: set `TICKBOOK_CAPTURES` to its folder.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use tickbook_capture::{Capture, Record};

#[test]
fn every_real_capture_is_whole() {
    let Some(folder) = std::env::var_os("TICKBOOK_CAPTURES") else {
        println!("skipped: TICKBOOK_CAPTURES is not set");
        return;
    };
    let files = captures(Path::new(&folder));
    assert!(!files.is_empty(), "no capture in {}", Path::new(&folder).display());
    for file in files {
        let started = Instant::now();
        let capture = Capture::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let took = started.elapsed();
        assert!(!capture.is_empty(), "{}", file.display());
        let text: usize = capture.records().map(|record| length(&record)).sum();
        println!(
            "{}: {} records, {} received, {text} bytes, {took:?}",
            file.display(),
            capture.len(),
            capture.received(),
        );
    }
}

fn length(record: &Record<'_>) -> usize {
    match record {
        Record::Frame { text: message, .. }
        | Record::Binary { bytes: message, .. }
        | Record::Http { body: message, .. } => message.len(),
        Record::Sent { text, .. } | Record::Open { url: text, .. } => text.len(),
        other => panic!("a kind of record that this test does not know: {other:?}"),
    }
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(captures(&path));
        } else if [".cap", ".cap.gz", ".cap.zst"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
