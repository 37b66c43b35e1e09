//! A synthetic market as a capture in memory: the input of the memory path.
//!
//! Diffs in the shape of Binance spot, 8 level changes each on average and about 45 % of them
//! deletes, half of them close to the touch. The same in every run.

use std::fmt::Write as _;
use std::path::Path;

use tickbook_capture::{Capture, Limits, Record};
use tickbook_types::Venue;

use crate::Failure;

/// The venue whose messages these are.
pub(super) const VENUE: Venue = Venue::BinanceSpot;

/// A capture of `symbols` books and `frames` diffs behind their snapshots.
pub(super) fn capture(symbols: usize, frames: usize) -> Result<Capture, Failure> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut books: Vec<Book> = (0..symbols).map(|_| Book::new(&mut random)).collect();
    let mut text = String::with_capacity(symbols * 20_000 + frames * 450);
    let mut ns = START_NS;
    let mut line = |text: &mut String| {
        ns += 1_000;
        let _ = write!(text, "{ns} ");
    };
    line(&mut text);
    let streams: Vec<_> = (0..symbols).map(|index| format!("s{index}usdt@depth")).collect();
    let _ =
        writeln!(text, "OPEN wss://stream.binance.com:9443/stream?streams={}", streams.join("/"));
    for (index, book) in books.iter().enumerate() {
        line(&mut text);
        book.snapshot(&mut text, index);
    }
    for frame in 0..frames {
        // Every symbol at least once, as far as the frames go; then by lot.
        let index = if frame < symbols { frame } else { random.below(symbols) };
        line(&mut text);
        books[index].diff(&mut text, index, &mut random);
    }
    let (capture, damage) =
        Capture::from_file(Path::new("synthetic.cap"), text.into_bytes(), &Limits::default());
    match damage {
        None => Ok(capture),
        Some(damage) => Err(damage.to_string().into()),
    }
}

/// Frames of a capture and their bytes.
pub(super) fn size(capture: &Capture) -> (u64, u64) {
    frames(capture).fold((0, 0), |(count, bytes), frame| (count + 1, bytes + frame.len() as u64))
}

/// The bytes of every frame.
pub(super) fn frames(capture: &Capture) -> impl Iterator<Item = &[u8]> {
    capture.records().filter_map(|record| match record {
        Record::Frame { text, .. } => Some(text.payload()),
        _ => None,
    })
}

/// The venue's book: at each distance from the middle, whether there is a level.
struct Book {
    id: u64,
    sides: [Vec<bool>; 2],
}

impl Book {
    fn new(random: &mut Random) -> Self {
        let mut side = || (0..DISTANCES).map(|_| random.below(10) < 4).collect();
        Self { id: 1_000_000, sides: [side(), side()] }
    }

    fn snapshot(&self, text: &mut String, index: usize) {
        let _ = write!(
            text,
            "HTTP https://api.binance.com/api/v3/depth?symbol=S{index}USDT&limit=5000 \
             {{\"lastUpdateId\":{},\"bids\":[",
            self.id
        );
        for side in [BID, ASK] {
            let levels = self.sides[side].iter().enumerate().filter(|(_, is_there)| **is_there);
            for (place, (distance, _)) in levels.enumerate() {
                separate(text, place);
                level(text, side, distance, 1 + distance);
            }
            text.push_str(if side == BID { "],\"asks\":[" } else { "]}\n" });
        }
    }

    fn diff(&mut self, text: &mut String, index: usize, random: &mut Random) {
        let first = self.id + 1;
        let counts = [1 + random.below(7), 1 + random.below(7)];
        self.id += (counts[BID] + counts[ASK]) as u64;
        let _ = write!(
            text,
            "{{\"stream\":\"s{index}usdt@depth\",\"data\":{{\"e\":\"depthUpdate\",\
             \"E\":1700000000000,\"s\":\"S{index}USDT\",\"U\":{first},\"u\":{},\"b\":[",
            self.id
        );
        for side in [BID, ASK] {
            for place in 0..counts[side] {
                let span = if random.below(2) == 0 { 30 } else { DISTANCES };
                let distance = random.below(span);
                let is_there = &mut self.sides[side][distance];
                // A level that is there goes in most cases, one that is not comes.
                *is_there = !(*is_there && random.below(10) < 9);
                let size = if *is_there { 1 + random.below(1_000_000) } else { 0 };
                separate(text, place);
                level(text, side, distance, size);
            }
            text.push_str(if side == BID { "],\"a\":[" } else { "]}}\n" });
        }
    }
}

fn separate(text: &mut String, place: usize) {
    if place > 0 {
        text.push(',');
    }
}

/// With the venue's eight decimals: prices in hundredths, sizes in hundred-thousandths.
fn level(text: &mut String, side: usize, distance: usize, size: usize) {
    let price = if side == BID { MIDDLE - 1 - distance } else { MIDDLE + distance };
    let _ = write!(
        text,
        "[\"{}.{:02}000000\",\"{}.{:05}000\"]",
        price / 100,
        price % 100,
        size / 100_000,
        size % 100_000
    );
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    /// A number below `end`; the bias is of no matter here.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % end.max(1) as u64).unwrap_or(0)
    }
}

const BID: usize = 0;
const ASK: usize = 1;

/// Ticks from the touch to the last level: about 500 levels a side are there.
const DISTANCES: usize = 1_000;

/// First ask, in hundredths.
const MIDDLE: usize = 6_100_000;

/// Some day.
const START_NS: u64 = 1_700_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_market_is_as_described_and_the_same_every_time() {
        let capture = capture(3, 3_000).unwrap();
        let (frames, bytes) = size(&capture);
        assert_eq!(frames, 3_000);
        assert!((250..500).contains(&(bytes / frames)), "{} bytes a frame", bytes / frames);
        let text: String =
            super::frames(&capture).map(|it| std::str::from_utf8(it).unwrap()).collect();
        let (levels, deletes) =
            (text.matches("[\"").count(), text.matches(",\"0.00000000\"]").count());
        assert!((7_000..=9_000).contains(&(levels * 1_000 / 3_000)), "{levels} levels");
        let percent = deletes * 100 / levels;
        assert!((35..=50).contains(&percent), "{percent} % deletes");
        let again = super::capture(3, 3_000).unwrap();
        assert!(super::frames(&again).eq(super::frames(&capture)));
    }
}
