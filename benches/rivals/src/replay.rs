//! A capture through the engine, as fast as it goes: venue thread, ring, builder thread, shared
//! memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tickbook_benches::capture::VARIABLE;
use tickbook_benches::feed::{Feed, Warmup};
use tickbook_capture::{Capture, Limits};
use tickbook_engine::replay::{ReplayOptions, Replayed, from_memory};

use crate::TICKBOOK;
use crate::contest::{Contest, Table};
use crate::turns::cores;

/// Passes of one turn.
const REPEAT: u32 = 3;

/// Nanoseconds per message of the capture, tickers and trades among them.
pub(crate) fn run(feeds: &[Feed], table: &mut Table) {
    let parts: Vec<_> = feeds
        .iter()
        .map(|feed| {
            let capture = capture(feed);
            let first = replayed(&capture).report;
            assert_eq!((first.gaps, first.resyncs), (0, 0), "{}: a whole replay", feed.name);
            let mut contest = Contest::new(format!("replay_msgs_per_s@{}", feed.name));
            contest.enter(TICKBOOK, || 1e9 / replayed(&capture).report.frames_per_s);
            let gigabytes = first.bytes_per_s / 1e9;
            println!("{}: {gigabytes:.2} GB/s at first", feed.name);
            (first.frames, contest.run(table.rounds.div_ceil(4)))
        })
        .collect();
    table.add_pooled("replay_msgs_per_s", &parts);
}

fn replayed(capture: &Capture) -> Replayed {
    let cores = cores().map(|[venue, builder]| (venue, builder));
    let name = format!("rivals-replay-{}", std::process::id());
    let options = ReplayOptions { repeat: REPEAT, cores, name, ..ReplayOptions::default() };
    from_memory(capture, &options).expect("a capture that can be replayed")
}

/// The capture that the feed was taken from, or one made of it.
fn capture(feed: &Feed) -> Capture {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let path = Path::new(&folder).join(format!("{}.cap.gz", feed.name));
        return Capture::load(path).expect("it was loaded before");
    }
    let mut text = String::new();
    let mut ns = 1_790_000_000_000_000_000_u64;
    let mut line = |what: &str, bytes: &[u8]| {
        ns += 1_000_000;
        let _ = writeln!(text, "{ns} {what}{}", String::from_utf8_lossy(bytes));
    };
    line("OPEN wss://stream.binance.com:9443/ws", b"");
    for step in &feed.warmup {
        match step {
            Warmup::Frame(frame) => line("", frame.padded().payload()),
            Warmup::Rest { url, body } => line(&format!("HTTP {url} "), body),
        }
    }
    feed.frames.iter().for_each(|frame| line("", frame.padded().payload()));
    let path = PathBuf::from("generated.cap");
    let (capture, damage) = Capture::from_file(&path, text.into_bytes(), &Limits::default());
    assert!(damage.is_none(), "a capture as it should be");
    capture
}
