//! Feeds from real captures, if there are any on this host.

use std::path::Path;

use tickbook_capture::{Capture, Record};
use tickbook_types::{PaddedBuf, Venue};

use crate::feed::{Feed, Warmup};

/// Names the folder that holds `binance_spot/btcusdt_20240808.cap.gz` and its like.
pub const VARIABLE: &str = "TICKBOOK_CAPTURES";

/// The captures that are looked for: small messages, a busy pair, a futures pair.
const CAPTURES: &[(Venue, &str)] = &[
    (Venue::BinanceSpot, "10sym_20210405"),
    (Venue::BinanceSpot, "btcusdt_20240808"),
    (Venue::BinanceCoinm, "btcusd_perp_20240808"),
];

/// The feeds of every capture that is there. Says so if there is none.
#[must_use]
pub fn feeds() -> Vec<Feed> {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} is not set, so no capture is measured");
        return Vec::new();
    };
    let mut feeds = Vec::new();
    for &(venue, name) in CAPTURES {
        let path = Path::new(&folder).join(venue.name()).join(format!("{name}.cap.gz"));
        match Capture::load(&path) {
            Ok(capture) => feeds.push(feed(venue, name, &capture)),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    feeds
}

/// Everything up to the last snapshot warms up; the diffs behind it are the frames.
fn feed(venue: Venue, name: &str, capture: &Capture) -> Feed {
    let is_rest = |record: &Record<'_>| matches!(record, Record::Http { .. });
    let synced = capture.records().collect::<Vec<_>>().iter().rposition(is_rest).unwrap_or(0);
    let (mut warmup, mut frames) = (Vec::new(), Vec::new());
    for (index, record) in capture.records().enumerate() {
        match record {
            Record::Frame { text, .. } if is_diff(text.payload()) => {
                let frame = PaddedBuf::new(text.payload());
                if index > synced + SETTLE {
                    frames.push(frame);
                } else {
                    warmup.push(Warmup::Frame(frame));
                }
            }
            Record::Http { url, body, .. } => {
                warmup.push(Warmup::Rest { url: url.to_owned(), body: body.payload().to_vec() });
            }
            _ => {}
        }
    }
    Feed { name: format!("{venue}/{name}"), venue, warmup, frames }
}

/// Records behind the last snapshot that still warm up: its splice is over by then.
const SETTLE: usize = 1_000;

fn is_diff(text: &[u8]) -> bool {
    const MARK: &[u8] = b"\"depthUpdate\"";
    text.windows(MARK.len()).take(100).any(|window| window == MARK)
}
