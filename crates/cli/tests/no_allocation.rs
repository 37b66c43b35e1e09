//! Nothing is allocated on the path threads between `recv` and publish once they are warm, over
//! plain and encrypted sockets.
//!
//! Method: a simulated venue in a process of its own plays a recording; the engine receives it in
//! this process, under an allocator that counts what its path threads (named `tb-...`) allocate.
//! Counting starts when a third of the messages has been received and ends with the last one.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tickbook_capture::{Capture, Record};
use tickbook_engine::idle::Idle;
use tickbook_engine::live::{Engine, EnginePlan, VenuePlan};
use tickbook_engine::play::Play;
use tickbook_engine::replay::venue_of;
use tickbook_engine::topology::{BuilderPlace, Wishes};
use tickbook_venues::Endpoints;
use util::{Place, Running, eventually, tickbook};

struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Whether the calling thread is one of the path: its kernel name says so.
fn is_path_thread() -> bool {
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes, the length of `name`.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name.starts_with(b"tb-binance") || name.starts_with(b"tb-builder")
}

fn count() {
    // Relaxed: an approximate start is enough; the end is read after the last message.
    if COUNTS.load(Ordering::Relaxed) && is_path_thread() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test, since the counters are of the process.
#[test]
fn path_threads_do_not_allocate_once_they_are_warm() {
    let place = Place::new("warm");
    let mut files = vec![place.file("market.cap", long_capture().as_bytes())];
    match std::env::var_os("TICKBOOK_CAPTURES") {
        Some(root) => {
            files.push(PathBuf::from(root).join("binance_usdm/btcusdt_20240808.cap.gz"));
        }
        None => println!("real capture skipped: TICKBOOK_CAPTURES is not set"),
    }
    for file in &files {
        for tls in [false, true] {
            for builder in [BuilderPlace::Inline, BuilderPlace::OwnThread] {
                // A fast host may be through with the recording before it is noticed.
                let counted = (0..50).find_map(|_| play(&place, file, tls, builder));
                assert_eq!(counted, Some(0), "{} tls {tls} {builder:?}", file.display());
            }
        }
    }
}

/// Plays `file` and tells how much the path threads allocated after their first third; `None` if
/// the recording was over before counting began.
fn play(place: &Place, file: &Path, tls: bool, builder: BuilderPlace) -> Option<u64> {
    let capture = Capture::load(file).unwrap();
    let venue = venue_of(&capture, None).unwrap();
    let mut args = vec!["sim", "--venue", venue.name(), "--capture", file.to_str().unwrap()];
    if tls {
        args.push("--tls");
    }
    let child = tickbook(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Running(child);
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let (ws_url, rest_url) = (line(), line());
    let ca_file = tls.then(|| PathBuf::from(line()));

    let mut play = Play::new(Vec::new(), std::collections::VecDeque::new());
    for record in capture.records() {
        match record {
            Record::Frame { ns, .. } => play.frame_times.push(ns.0),
            Record::Http { url, .. } => {
                let path = url[url.find("com/").unwrap() + 3..].to_owned();
                play.fetches.push_back((play.frame_times.len() as u64, path));
            }
            _ => {}
        }
    }
    let frames = play.frame_times.len() as u64;
    let engine = Engine::start(EnginePlan {
        name: "warm".to_owned(),
        shm_dir: place.shm.clone(),
        depth: 32,
        heartbeat: Duration::from_millis(10),
        publish: tickbook_engine::desk::Publish::EveryMessage,
        sample_every: 1,
        ca_file,
        builder_core: None,
        wishes: Wishes { builder: Some(builder), idle: Some(Idle::Yield), other_threads: 0 },
        venues: vec![VenuePlan {
            venue,
            lines: 1,
            subscriptions: Vec::new(),
            endpoints: Endpoints::of(venue).with_ws(&ws_url).with_rest(&rest_url),
            core: None,
            silence_ns: 0,
            options: tickbook_net::ConnectionOptions { idle_ns: 0, ..Default::default() },
            key: None,
            play: Some(play),
        }],
    })
    .unwrap();
    let received = || engine.progress()[0].frames();
    while received() < frames / 3 {
        std::thread::yield_now();
    }
    ALLOCATIONS.store(0, Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    let armed_at = received();
    eventually("all messages", || (received() >= frames).then_some(()));
    COUNTS.store(false, Ordering::Relaxed);
    let counted = ALLOCATIONS.load(Ordering::Relaxed);
    engine.stop().unwrap().close();
    println!("{}: {} messages counted", file.display(), frames - armed_at);
    (armed_at < frames).then_some(counted)
}

/// 200,000 diffs of one symbol: long enough that its last part is still to come when the first was
/// noticed.
fn long_capture() -> String {
    let mut text = String::from(
        "1700000000000000000 OPEN wss://stream.binance.com:9443/stream?streams=aaausdt@depth\n\
         1700000000000000001 HTTP https://api.binance.com/api/v3/depth?symbol=AAAUSDT&limit=1000 \
         {\"lastUpdateId\":100,\"bids\":[[\"9.90\",\"1.0\"]],\"asks\":[[\"10.10\",\"3.0\"]]}\n",
    );
    for id in 101..200_101_u64 {
        let (cent, size) = (id % 89, id % 7);
        text.push_str(&format!(
            "17000000000{:08} {{\"stream\":\"aaausdt@depth@100ms\",\"data\":{{\
             \"e\":\"depthUpdate\",\"E\":1700000000000,\"s\":\"AAAUSDT\",\"U\":{id},\"u\":{id},\
             \"b\":[[\"9.{cent:02}000000\",\"{size}.00000000\"]],\
             \"a\":[[\"10.{:02}000000\",\"0.{id:06}\"]]}}}}\n",
            id,
            cent + 10
        ));
    }
    text
}
