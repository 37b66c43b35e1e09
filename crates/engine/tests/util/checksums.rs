//! A made-up market whose every message carries a checksum, in the words of two venues.

use tickbook_capture::{Capture, Limits};
use tickbook_types::Venue;

use super::{Random, Truth, cents, thousandths};

/// How a venue writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Shortest decimals in strings, 25 levels, signed.
    Okx,
    /// Python's floats, 100 levels, unsigned.
    Ftx,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Okx, Self::Ftx];

    pub fn venue(self) -> Venue {
        match self {
            Self::Okx => Venue::OkxV5,
            Self::Ftx => Venue::Ftx,
        }
    }

    pub fn symbol(self) -> &'static str {
        match self {
            Self::Okx => "XY-USDT",
            Self::Ftx => "XY/USD",
        }
    }

    fn url(self) -> &'static str {
        match self {
            Self::Okx => "wss://ws.okx.com:8443/ws/v5/public",
            Self::Ftx => "wss://ftx.com/ws/",
        }
    }

    fn number(self, shortest: String) -> String {
        if self == Self::Ftx && !shortest.contains('.') { shortest + ".0" } else { shortest }
    }

    pub fn level(self, price: i64, size: u64) -> [String; 2] {
        [self.number(cents(price)), self.number(thousandths(size))]
    }

    /// The checksum that the venue sends with this book.
    pub fn checksum(self, book: &Truth) -> u32 {
        let depth = if self == Self::Ftx { 100 } else { 25 };
        let text = |(price, size): (&i64, &u64)| self.level(*price, *size).join(":");
        let bids: Vec<String> = book.bids.iter().rev().take(depth).map(text).collect();
        let asks: Vec<String> = book.asks.iter().take(depth).map(text).collect();
        let both = (0..depth).flat_map(|n| [bids.get(n), asks.get(n)]).flatten();
        crc(&both.cloned().collect::<Vec<_>>().join(":"))
    }

    /// A message with these levels as `[price, size]` and this checksum.
    pub fn message(self, whole: bool, levels: [&[[String; 2]]; 2], checksum: u32) -> String {
        let row = |[price, size]: &[String; 2]| match self {
            Self::Okx => format!(r#"["{price}","{size}","0","1"]"#),
            Self::Ftx => format!("[{price}, {size}]"),
        };
        let [bids, asks] = levels.map(|it| it.iter().map(row).collect::<Vec<_>>().join(","));
        let symbol = self.symbol();
        let levels = format!(r#""asks": [{asks}], "bids": [{bids}]"#);
        match self {
            Self::Okx => {
                let action = if whole { "snapshot" } else { "update" };
                let arg = format!(r#"{{"channel":"books","instId":"{symbol}"}}"#);
                let checksum = checksum.cast_signed();
                let data = format!(r#"[{{{levels},"ts":"1700000000000","checksum":{checksum}}}]"#);
                format!(r#"{{"arg":{arg},"action":"{action}","data":{data}}}"#)
            }
            Self::Ftx => {
                let kind = if whole { "partial" } else { "update" };
                let head = format!(r#""channel": "orderbook", "market": "{symbol}""#);
                let data = format!(r#""time": 1700000000.5, "checksum": {checksum}, {levels}"#);
                format!(r#"{{{head}, "type": "{kind}", "data": {{{data}}}}}"#)
            }
        }
    }

    /// The whole book.
    pub fn snapshot(self, book: &Truth) -> String {
        let level = |(price, size): (&i64, &u64)| self.level(*price, *size);
        let bids: Vec<_> = book.bids.iter().rev().map(level).collect();
        let asks: Vec<_> = book.asks.iter().map(level).collect();
        self.message(true, [&bids, &asks], self.checksum(book))
    }

    /// The messages as a capture.
    pub fn capture(self, messages: &[String]) -> Capture {
        let mut text = format!("1700000000000000000 OPEN {}\n", self.url());
        for (index, message) in messages.iter().enumerate() {
            text.push_str(&format!("{} {message}\n", 1_700_000_001_000_000_000 + index * 1_000));
        }
        let path = std::path::Path::new("checksums.cap");
        let (capture, damage) = Capture::from_file(path, text.into_bytes(), &Limits::default());
        assert_eq!(damage, None);
        capture
    }
}

/// Messages, and the book after each.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub messages: Vec<String>,
    pub books: Vec<Truth>,
}

/// A snapshot, `deltas` changes near the touch, a snapshot again, and as many changes.
pub fn stream(dialect: Dialect, seed: u64, deltas: usize) -> Stream {
    let mut random = Random(seed);
    let (mut stream, mut book) = (Stream::default(), Truth::default());
    for step in 1..40 {
        book.set(true, 10_000 - step, 1_000 + step as u64);
        book.set(false, 10_000 + step, 2_000 + step as u64);
    }
    for index in 0..2 * (deltas + 1) {
        if index % (deltas + 1) == 0 {
            stream.messages.push(dialect.snapshot(&book));
        } else {
            let message = change(dialect, &mut random, &mut book);
            stream.messages.push(message);
        }
        stream.books.push(book.clone());
    }
    stream
}

/// Changes some of the 20 best prices a side; the first level of the message gets a size.
fn change(dialect: Dialect, random: &mut Random, book: &mut Truth) -> String {
    let mut levels = [Vec::new(), Vec::new()];
    for n in 0..=random.below(5) {
        let is_bid = if n == 0 { true } else { random.below(2) == 0 };
        // The first price comes once only: what a test does to it stands.
        let away = if n == 0 { 1 } else { 2 + random.below(19) as i64 };
        let price = if is_bid { 10_000 - away } else { 10_000 + away };
        let size = if n > 0 && random.below(3) == 0 { 0 } else { 1 + random.next() % 100_000 };
        book.set(is_bid, price, size);
        levels[usize::from(!is_bid)].push(dialect.level(price, size));
    }
    dialect.message(false, [&levels[0], &levels[1]], dialect.checksum(book))
}

/// CRC-32, bit by bit.
fn crc(text: &str) -> u32 {
    !text.bytes().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
