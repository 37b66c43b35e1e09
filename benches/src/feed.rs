//! A venue's input: what syncs a session, and the book messages that follow.

use std::fmt::Write as _;

use tickbook_types::{Decimal, LevelRecord, PaddedBuf, Price, Side, Size, Venue};

use crate::market::{Market, SCALE};
use crate::random::Random;

/// One thing received before the session is in sync.
#[derive(Clone, Debug)]
pub enum Warmup {
    /// A message.
    Frame(PaddedBuf),
    /// A REST answer.
    Rest {
        /// What was asked.
        url: String,
        /// What came.
        body: Vec<u8>,
    },
}

/// The input of one session.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What it is called in the results.
    pub name: String,
    /// The venue whose messages these are.
    pub venue: Venue,
    /// What brings every book to life, in order.
    pub warmup: Vec<Warmup>,
    /// Book messages that continue without a gap.
    pub frames: Vec<PaddedBuf>,
}

/// The one symbol of a generated feed.
pub const SYMBOL: &str = "BTCUSDT";

impl Feed {
    /// A generated feed in the shape of Binance spot: `messages` diffs of a [`Market`].
    #[must_use]
    pub fn generated(messages: usize) -> Self {
        Self::from_market("generated", messages, Market::message)
    }

    /// The same with `levels` changes in each message (an even number), and `messages` of them.
    #[must_use]
    pub fn of_levels(levels: usize, messages: usize) -> Self {
        Self::from_market(&levels.to_string(), messages, |market| {
            let mut records = market.message_of(levels);
            records.truncate(levels);
            records
        })
    }

    fn from_market(
        name: &str,
        messages: usize,
        mut next: impl FnMut(&mut Market) -> Vec<LevelRecord>,
    ) -> Self {
        let mut line = Line::new(SYMBOL.to_owned(), Market::default());
        let warmup = line.warmup(&mut next).into();
        let frames = (0..messages).map(|_| line.diff(&mut next)).collect();
        Self { name: name.to_owned(), venue: Venue::BinanceSpot, warmup, frames }
    }

    /// As [`Self::generated`], of `symbols` markets with books of some 400 levels. Which one speaks
    /// next is random, so that no book stays in a cache that is too small for all of them.
    #[must_use]
    pub fn of_symbols(symbols: usize, messages: usize) -> Self {
        let mut lines: Vec<_> = (0..symbols)
            .map(|n| Line::new(format!("S{n:05}USDT"), Market::with_levels(n as u64 + 1, 400)))
            .collect();
        let mut next = Market::message;
        let warmup = lines.iter_mut().flat_map(|line| line.warmup(&mut next)).collect();
        let mut random = Random::new(7);
        let mut draw = || usize::try_from(random.below(symbols as u64)).unwrap_or(0);
        let frames = (0..messages).map(|_| lines[draw()].diff(&mut next)).collect();
        Self { name: format!("{symbols} symbols"), venue: Venue::BinanceSpot, warmup, frames }
    }

    /// Bytes of the frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.frames.iter().map(|frame| frame.padded().len() as u64).sum()
    }

    /// Levels in the frames.
    #[must_use]
    pub fn levels(&self) -> u64 {
        let brackets = |frame: &PaddedBuf| {
            let text = frame.padded().payload();
            text.windows(2).filter(|pair| *pair == b"[\"").count() as u64
        };
        self.frames.iter().map(brackets).sum()
    }
}

/// One symbol of a generated feed.
struct Line {
    symbol: String,
    market: Market,
    id: u64,
}

impl Line {
    fn new(symbol: String, market: Market) -> Self {
        Self { symbol, market, id: FIRST_ID }
    }

    /// The book is discovered with its first diff, and live from the second one on.
    fn warmup(&mut self, next: &mut impl FnMut(&mut Market) -> Vec<LevelRecord>) -> [Warmup; 3] {
        let symbol = &self.symbol;
        let snapshot = Warmup::Rest {
            url: format!("https://api.binance.com/api/v3/depth?symbol={symbol}&limit=5000"),
            body: snapshot(self.id, &self.market.book()).into_bytes(),
        };
        [Warmup::Frame(self.diff(next)), snapshot, Warmup::Frame(self.diff(next))]
    }

    fn diff(&mut self, next: &mut impl FnMut(&mut Market) -> Vec<LevelRecord>) -> PaddedBuf {
        let records = next(&mut self.market);
        let first = self.id + 1;
        self.id += records.len() as u64;
        PaddedBuf::new(diff_of(&self.symbol, first, self.id, &records).as_bytes())
    }
}

const FIRST_ID: u64 = 50_217_000_000;

/// Milliseconds of a message's event time, some day of 2026.
const EVENT_TIME: u64 = 1_790_000_000_000;

/// A diff as the venue writes it.
#[must_use]
pub fn diff(first: u64, last: u64, records: &[LevelRecord]) -> String {
    diff_of(SYMBOL, first, last, records)
}

fn diff_of(symbol: &str, first: u64, last: u64, records: &[LevelRecord]) -> String {
    let mut text = format!(
        "{{\"e\":\"depthUpdate\",\"E\":{},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\"b\":",
        EVENT_TIME + last % 1_000_000
    );
    side(&mut text, records, Side::Bid);
    text.push_str(",\"a\":");
    side(&mut text, records, Side::Ask);
    text.push('}');
    text
}

fn snapshot(id: u64, records: &[LevelRecord]) -> String {
    let mut text = format!("{{\"lastUpdateId\":{id},\"bids\":");
    side(&mut text, records, Side::Bid);
    text.push_str(",\"asks\":");
    side(&mut text, records, Side::Ask);
    text.push('}');
    text
}

fn side(text: &mut String, records: &[LevelRecord], side: Side) {
    text.push('[');
    let mut separator = "";
    for record in records.iter().filter(|record| record.side() == side) {
        let (price, size) = (price(record.price()), size(record.size()));
        let _ = write!(text, "{separator}[\"{price}\",\"{size}\"]");
        separator = ",";
    }
    text.push(']');
}

/// With the venue's eight decimals.
fn price(price: Price) -> String {
    decimals(Decimal::new(price.0.into(), SCALE.price_exponent.into()))
}

fn size(size: Size) -> String {
    decimals(Decimal::new(size.0.into(), SCALE.size_exponent.into()))
}

fn decimals(value: Decimal) -> String {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{fraction:0<8}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_the_venue_writes_them() {
        let level = |price, size, side| LevelRecord::new(Price(price), Size(size), side);
        let records = [level(6_123_450, 20_000, Side::Bid), level(6_123_501, 0, Side::Ask)];
        let text = diff(7, 8, &records);
        assert_eq!(
            text,
            "{\"e\":\"depthUpdate\",\"E\":1790000000008,\"s\":\"BTCUSDT\",\"U\":7,\"u\":8,\
             \"b\":[[\"61234.50000000\",\"0.20000000\"]],\
             \"a\":[[\"61235.01000000\",\"0.00000000\"]]}"
        );
    }

    #[test]
    fn every_symbol_of_a_feed_speaks() {
        let feed = Feed::of_symbols(3, 100);
        assert_eq!((feed.warmup.len(), feed.frames.len()), (9, 100));
        for n in 0..3 {
            let symbol = format!("S{n:05}USDT");
            let names = |frame: &&PaddedBuf| {
                let text = String::from_utf8_lossy(frame.padded().payload());
                text.contains(&symbol)
            };
            assert!(feed.frames.iter().filter(names).count() > 10, "{symbol}");
        }
    }

    #[test]
    fn a_feed_has_the_levels_asked_for() {
        for levels in [10, 50] {
            let feed = Feed::of_levels(levels, 7);
            assert_eq!(feed.frames.len(), 7);
            assert_eq!(feed.levels(), 7 * levels as u64);
        }
    }
}
