//! What the subjects read: feeds of captures or generated ones, and messages picked by their size.

use tickbook_benches::capture;
use tickbook_benches::feed::{self, Feed};
use tickbook_benches::peer::Diff;
use tickbook_types::PaddedBuf;

use crate::peers::sonic_diff;

/// Messages of a generated feed.
const MESSAGES: usize = 20_000;

/// Fewest messages of about the right size that are worth measuring.
const PICKED_MIN: usize = 20;

/// Most levels of one pass over picked messages, some 1.5 MB of text: too many for the processor
/// to know them by heart.
const LEVELS_MAX: usize = 48_000;

/// The feeds of the captures there are, or a generated one.
pub(crate) fn feeds() -> Vec<Feed> {
    let captured = capture::feeds();
    if captured.is_empty() {
        eprintln!("inputs are generated in the format of Binance spot");
        return vec![Feed::generated(MESSAGES)];
    }
    captured
}

/// The feed of one book whose prices have two decimals and sizes five, as every generated one has.
fn picked_from(feeds: &[Feed]) -> Option<&Feed> {
    feeds.iter().find(|feed| feed.name.contains("/btcusdt_"))
}

/// Messages of about `levels` levels: those of a capture, numbered anew so that they follow each
/// other; if there are too few, joined of smaller ones; without a capture, generated.
pub(crate) fn of_levels(feeds: &[Feed], levels: usize) -> Feed {
    let picked =
        picked_from(feeds).and_then(|feed| pick(feed, levels).or_else(|| join(feed, levels)));
    picked.unwrap_or_else(|| {
        eprintln!("parse_{levels}: no such messages in a capture; these are generated");
        Feed::of_levels(levels, (LEVELS_MAX / levels).max(1))
    })
}

fn pick(feed: &Feed, levels: usize) -> Option<Feed> {
    let fits = |diff: &Diff<'_, 2, 5>| {
        let count = diff.bids.len() + diff.asks.len();
        (levels * 3 / 4..=levels * 5 / 4).contains(&count)
    };
    let mut id = sonic_diff::<8, 8>(feed.frames.first()?)?.first;
    let mut frames = Vec::new();
    for frame in &feed.frames {
        // Now and then somebody uses more decimals: left out.
        let Some(diff) = sonic_diff::<2, 5>(frame) else { continue };
        if fits(&diff) && frames.len() < LEVELS_MAX / levels {
            frames.push(numbered(frame, (diff.first, diff.last), id)?);
            id += 1;
        }
    }
    let name = format!("{} messages of {}", frames.len(), feed.name);
    let (venue, warmup) = (feed.venue, feed.warmup.clone());
    (frames.len() >= PICKED_MIN).then_some(Feed { name, venue, warmup, frames })
}

/// Messages with the changes of some that follow each other.
fn join(feed: &Feed, levels: usize) -> Option<Feed> {
    let mut id = sonic_diff::<8, 8>(feed.frames.first()?)?.first;
    let (mut frames, mut records) = (Vec::new(), Vec::new());
    for diff in feed.frames.iter().filter_map(sonic_diff::<2, 5>) {
        records.extend(diff.records());
        if records.len() >= levels && frames.len() < LEVELS_MAX / levels {
            frames.push(PaddedBuf::new(feed::diff(id, id, &records).as_bytes()));
            records.clear();
            id += 1;
        }
    }
    let name = format!("{} messages joined of those of {}", frames.len(), feed.name);
    let (venue, warmup) = (feed.venue, feed.warmup.clone());
    (frames.len() >= PICKED_MIN).then_some(Feed { name, venue, warmup, frames })
}

/// The message with `id` in place of its first and its last.
fn numbered(frame: &PaddedBuf, (first, last): (u64, u64), id: u64) -> Option<PaddedBuf> {
    let text = std::str::from_utf8(frame.padded().payload()).ok()?;
    let text = text.replacen(&format!("\"U\":{first},"), &format!("\"U\":{id},"), 1);
    let text = text.replacen(&format!("\"u\":{last},"), &format!("\"u\":{id},"), 1);
    Some(PaddedBuf::new(text.as_bytes()))
}

/// Mean levels of a message.
pub(crate) fn mean_levels(feed: &Feed) -> f64 {
    feed.levels() as f64 / feed.frames.len() as f64
}
