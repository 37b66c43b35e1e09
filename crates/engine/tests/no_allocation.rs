//! Nothing is allocated between receive and publish once the path is warm.
//!
//! Method: a counting allocator, and the same recording replayed twice from memory: its first part,
//! and as a whole. What is set up and torn down is the same in both, so the counts may differ by
//! nothing but what the further messages allocated.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::sync::atomic::Ordering;

use tickbook_capture::Capture;
use tickbook_engine::replay::from_memory;
use tickbook_engine::topology::BuilderPlace;
use util::counting::{ALLOCATIONS, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(capture: &Capture, dir: &util::ShmDir, builder: BuilderPlace) -> u64 {
    let options = util::options(dir, builder, "counted");
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let replayed = from_memory(capture, &options).unwrap();
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    assert!(replayed.books.symbols.values().all(|book| book.state == "live"));
    after - before
}

/// One test, since every allocation of the process is counted.
#[test]
fn further_messages_allocate_nothing() {
    let dir = util::ShmDir::new("counted");
    for builder in [BuilderPlace::Inline, BuilderPlace::OwnThread] {
        let market = util::market(7, 6_000);
        let part = util::capture_of(&market.lines[..market.lines.len() / 3]);
        let whole = util::capture_of(&market.lines);
        // What a process does once (clock, standard output) is not of the path.
        allocations(&part, &dir, builder);
        let (few, many) = (allocations(&part, &dir, builder), allocations(&whole, &dir, builder));
        assert_eq!(few, many, "{builder:?}: {} messages more", market.lines.len() * 2 / 3);
        for dialect in util::checksums::Dialect::ALL {
            let stream = util::checksums::stream(dialect, 7, 2_000);
            let part = dialect.capture(&stream.messages[..1_000]);
            let whole = dialect.capture(&stream.messages);
            let (few, many) =
                (allocations(&part, &dir, builder), allocations(&whole, &dir, builder));
            assert_eq!(few, many, "{builder:?}: {dialect:?}, with checksums");
        }
    }
    let Some(root) = util::captures() else { return };
    let file = root.join("binance_usdm/btcusdt_20240808.cap.gz");
    let text = inflated(&file);
    let part = text.lines().take(40_000).fold(String::new(), |text, line| text + line + "\n");
    let path = std::path::Path::new("real.cap");
    let limits = tickbook_capture::Limits::default();
    let (part, _) = Capture::from_file(path, part.into_bytes(), &limits);
    let (whole, _) = Capture::from_file(path, text.into_bytes(), &limits);
    for builder in [BuilderPlace::Inline, BuilderPlace::OwnThread] {
        let (few, many) = (allocations(&part, &dir, builder), allocations(&whole, &dir, builder));
        assert_eq!(few, many, "{builder:?}, a real capture");
    }
}

fn inflated(file: &std::path::Path) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(file).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}
