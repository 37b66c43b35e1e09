//! A small file that inflates to a large text takes no more memory than the limit allows.
//!
//! Method: an allocator that keeps the most bytes ever held; zeros, 64 times the limit.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use tickbook_capture::{Capture, Fault, Limits};

const LIMIT: usize = 1 << 20;
const TEXT: usize = 64 * LIMIT;

struct Watched;

// Relaxed: counters that the one test thread reads after its own allocations.
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the counts are plain numbers.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(held, Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

#[test]
fn memory_stays_near_the_limit() {
    let zeros = vec![0; 64 << 10];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 0).unwrap();
    for _ in 0..TEXT / zeros.len() {
        gzip.write_all(&zeros).unwrap();
        zstd.write_all(&zeros).unwrap();
    }
    for bomb in [gzip.finish().unwrap(), zstd.finish().unwrap()] {
        assert!(bomb.len() < LIMIT, "{} bytes are no bomb", bomb.len());
        let before = HELD.load(Relaxed);
        MOST.store(before, Relaxed);
        let limits = Limits::default().with_text_max(LIMIT);
        let (_, damage) = Capture::from_file(Path::new("bomb"), bomb, &limits);
        assert_eq!(damage.unwrap().fault, Fault::TextTooLong { limit: LIMIT });
        // Growing a buffer holds the old one and its double for a moment.
        let most = MOST.load(Relaxed) - before;
        assert!((LIMIT..8 * LIMIT).contains(&most), "{most} bytes");
    }
}
