//! A directory of its own for each test, gone when the test ends.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tickbook_shm::SegmentConfig;
use tickbook_types::{BookId, BookSpec, ConnId, Instrument, Scale, Venue};

pub(crate) struct TestDir(PathBuf);

impl TestDir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = parent.join(format!("tickbook-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A small file in it.
    pub(crate) fn config(&self) -> SegmentConfig {
        SegmentConfig {
            dir: self.0.clone(),
            name: "test".to_owned(),
            books_max: 4,
            conns_max: 3,
            builders: 2,
            threads_max: 2,
            depth: 8,
            heartbeat_ns: 10_000_000,
            event_slots: 16,
        }
    }

    /// Names of what is in it.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn book(id: u32, conn: u32, symbol: &str) -> BookSpec {
    BookSpec {
        book: BookId(id),
        conn: ConnId(conn),
        name: symbol.to_owned(),
        instrument: Instrument::unlisted(Venue::BinanceSpot, symbol),
        scale: Scale { price_exponent: -2, size_exponent: -5 },
        depth_max: None,
        crosses: false,
    }
}
