//! The grammar of the family's frequent frames, over the scanner's primitives.
//!
//! [`begin`] tells what a frame is from its first bytes, and [`Head::read`] reads its fields up to
//! the first price (symbol and ids among them), so that the caller can look up the book; the rest
//! is read at the book's scale. Fields may come in any order as long as symbol and ids stand before
//! the prices, which they do on all four venues. Anything else (white space, escapes, unknown or
//! repeated fields, odd numbers) is `None`: the general path has the word.

use tickbook_scan::{LevelScanner, expect, text, unsigned};
use tickbook_types::{LevelRecord, Padded, Price, Side, Size};

use crate::splice::Ids;

/// What a frame is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Depth,
    /// A whole book that names no symbol (spot `@depth20`).
    Partial,
    Ticker,
    Trade,
    AggTrade,
}

/// A frame read up to its first price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    /// Stream name; empty on a raw connection.
    pub(crate) stream: &'a [u8],
    combined: bool,
    pub(crate) symbol: &'a [u8],
    pub(crate) event_time: u64,
    /// `T`.
    pub(crate) trade_time: u64,
    /// `U`, `u` and `pu`; a ticker has `last` only.
    pub(crate) ids: Ids,
    /// `t` or, of an aggregate, `a`.
    pub(crate) trade_id: u64,
    buyer_was_maker: bool,
    bytes: &'a [u8],
    len: usize,
    at: usize,
    /// Fields seen, by [`Key::bit`].
    seen: u64,
}

/// What a frame turns out to be at first sight.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sight<'a> {
    /// A frame of a kind that the scanner knows.
    Head(Head<'a>),
    /// An event that no session uses (klines, statistics).
    Unused,
    /// For the general path.
    Unknown,
}

/// Looks at a frame, up to its first price.
#[cold]
pub(crate) fn open<'a>(message: &Padded<'a>) -> Sight<'a> {
    match begin(message) {
        Sight::Head(mut head) => match head.read() {
            Some(()) => Sight::Head(head),
            None => Sight::Unknown,
        },
        other => other,
    }
}

/// Looks at the first bytes of a frame: the head is yet to be [read](Head::read).
#[inline(always)] // a head is big: a call would copy it, and the copy wait for its fields
pub(crate) fn begin<'a>(message: &Padded<'a>) -> Sight<'a> {
    let (bytes, len) = (message.with_padding(), message.len());
    let Some((stream, at)) = wrapper(bytes) else { return Sight::Unknown };
    let combined = at != 0;
    let mut ids = Ids::default();
    let (kind, at, seen) = if let Some(at) = expect(bytes, at, b"{\"u\":") {
        let Some((last, at)) = unsigned(bytes, at) else { return Sight::Unknown };
        ids.last = last;
        (Kind::Ticker, at, Key::letter(b'u').bit())
    } else if let Some(at) = expect(bytes, at, b"{\"e\":\"") {
        match event(bytes, at) {
            Some((kind, at)) => (kind, at, Key::letter(b'e').bit()),
            None => return unused(bytes, at),
        }
    } else if let Some(at) = expect(bytes, at, b"{\"lastUpdateId\":") {
        (Kind::Partial, at, 0)
    } else {
        return Sight::Unknown;
    };
    Sight::Head(Head {
        kind,
        stream,
        combined,
        symbol: b"",
        event_time: 0,
        trade_time: 0,
        ids,
        trade_id: 0,
        buyer_was_maker: false,
        bytes,
        len,
        at,
        seen,
    })
}

/// The stream name and the position of the event; an event that stands alone has neither.
#[inline]
fn wrapper(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let Some(at) = expect(bytes, 0, b"{\"stream\":\"") else { return Some((b"", 0)) };
    let (stream, at) = text(bytes, at)?;
    Some((stream, expect(bytes, at, b",\"data\":")?))
}

/// The event named at `at` and the position behind it.
#[inline]
fn event(bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
    match bytes.get(at)? {
        b'd' => expect(bytes, at, b"depthUpdate\"").map(|at| (Kind::Depth, at)),
        b'b' => expect(bytes, at, b"bookTicker\"").map(|at| (Kind::Ticker, at)),
        b't' => expect(bytes, at, b"trade\"").map(|at| (Kind::Trade, at)),
        b'a' => expect(bytes, at, b"aggTrade\"").map(|at| (Kind::AggTrade, at)),
        _ => None,
    }
}

/// An event of another name: unused if it is one the venue is known to have.
#[cold]
fn unused<'a>(bytes: &[u8], at: usize) -> Sight<'a> {
    const KNOWN: [&[u8]; 10] = [
        b"kline",
        b"continuous_kline",
        b"24hrTicker",
        b"24hrMiniTicker",
        b"1hTicker",
        b"4hTicker",
        b"1dTicker",
        b"avgPrice",
        b"markPriceUpdate",
        b"forceOrder",
    ];
    match text(bytes, at) {
        Some((name, _)) if KNOWN.contains(&name) => Sight::Unused,
        _ => Sight::Unknown,
    }
}

/// The name of a field: one letter, or one of a few of two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Key(u16);

impl Key {
    const PU: Self = Self(u16::from_le_bytes(*b"pu"));
    const PS: Self = Self(u16::from_le_bytes(*b"ps"));
    const ST: Self = Self(u16::from_le_bytes(*b"st"));
    const NQ: Self = Self(u16::from_le_bytes(*b"nq"));

    const fn letter(letter: u8) -> Self {
        Self(letter as u16)
    }

    /// A bit of its own among those that are known: letters by their place, pairs behind them.
    const fn bit(self) -> u64 {
        match self {
            Self::PU => 1 << 60,
            Self::PS => 1 << 61,
            Self::ST => 1 << 62,
            Self::NQ => 1 << 63,
            Self(letter) => 1 << (letter.wrapping_sub(b'A' as u16) & 63),
        }
    }
}

/// The key at `at` (behind a comma, which stands there) and the position of its value.
#[inline(always)]
fn key(bytes: &[u8], at: usize) -> Option<(Key, usize)> {
    let found: &[u8; 6] = bytes.get(at..)?.first_chunk()?;
    match *found {
        [b',', b'"', letter, b'"', b':', _] if letter.is_ascii_alphabetic() => {
            Some((Key::letter(letter), at + 5))
        }
        [b',', b'"', first, second, b'"', b':'] if second.is_ascii_alphabetic() => {
            Some((Key(u16::from_le_bytes([first, second])), at + 6))
        }
        _ => None,
    }
}

impl Head<'_> {
    /// Reads the fields before the prices.
    #[inline]
    pub(crate) fn read(&mut self) -> Option<()> {
        if self.kind == Kind::Partial {
            (self.ids.last, self.at) = unsigned(self.bytes, self.at)?;
            self.ids.first = self.ids.last;
            self.at = expect(self.bytes, self.at, b",\"bids\":")?;
            return Some(());
        }
        if self.kind == Kind::Depth && self.depth_as_usual().is_some() {
            return Some(());
        }
        let body = match self.kind {
            Kind::Trade | Kind::AggTrade => b'p',
            _ => b'b',
        };
        loop {
            let (key, at) = key(self.bytes, self.at)?;
            if key == Key::letter(body) {
                self.at = at;
                break;
            }
            self.field(key, at)?;
        }
        let needed = match self.kind {
            Kind::Depth => bits(b"sUu"),
            Kind::Ticker => bits(b"su"),
            Kind::Partial | Kind::Trade | Kind::AggTrade => bits(b"s"),
        };
        (self.seen & needed == needed).then_some(())
    }

    /// Reads the fields of a diff before its prices if they come in the order that all venues of
    /// the family keep to. Each field is expected where it stands, so that no step waits for what
    /// the one before turns out to be. With any other order, the loop over fields has the word.
    #[inline]
    fn depth_as_usual(&mut self) -> Option<()> {
        let bytes = self.bytes;
        let mut seen = bits(b"EsUu");
        let (event_time, mut at) = unsigned(bytes, expect(bytes, self.at, b",\"E\":")?)?;
        let mut trade_time = 0;
        if let Some(next) = expect(bytes, at, b",\"T\":") {
            (trade_time, at) = unsigned(bytes, next)?;
            seen |= bits(b"T");
        }
        let (symbol, mut at) = text(bytes, expect(bytes, at, b",\"s\":\"")?)?;
        if let Some(next) = expect(bytes, at, b",\"ps\":\"") {
            at = text(bytes, next)?.1;
            seen |= Key::PS.bit();
        }
        let (first, at) = unsigned(bytes, expect(bytes, at, b",\"U\":")?)?;
        let (last, mut at) = unsigned(bytes, expect(bytes, at, b",\"u\":")?)?;
        let mut prev = None;
        if let Some(next) = expect(bytes, at, b",\"pu\":") {
            let (id, end) = unsigned(bytes, next)?;
            (prev, at) = (Some(id), end);
            seen |= Key::PU.bit();
        }
        self.at = expect(bytes, at, b",\"b\":")?;
        self.seen |= seen;
        (self.event_time, self.trade_time, self.symbol) = (event_time, trade_time, symbol);
        self.ids = Ids { first, last, prev };
        Some(())
    }

    /// Reads one field that is no price, and moves behind it.
    #[inline(always)]
    fn field(&mut self, key: Key, at: usize) -> Option<()> {
        // A repeated field is for the general path to judge.
        if self.seen & key.bit() != 0 {
            return None;
        }
        self.seen |= key.bit();
        let bytes = self.bytes;
        let number = || unsigned(bytes, at);
        if key.0 > 0xFF {
            self.at = match key {
                Key::PU => {
                    let (prev, end) = number()?;
                    self.ids.prev = Some(prev);
                    end
                }
                Key::ST => number()?.1,
                Key::PS | Key::NQ => text(bytes, expect(bytes, at, b"\"")?)?.1,
                _ => return None,
            };
            return Some(());
        }
        self.at = match key.0.to_le_bytes()[0] {
            b'E' => store(&mut self.event_time, number()?),
            b'T' => store(&mut self.trade_time, number()?),
            b'U' => store(&mut self.ids.first, number()?),
            b'u' => store(&mut self.ids.last, number()?),
            b's' => {
                let (symbol, end) = text(bytes, expect(bytes, at, b"\"")?)?;
                self.symbol = symbol;
                end
            }
            b't' if self.kind == Kind::Trade => store(&mut self.trade_id, number()?),
            b'a' if self.kind == Kind::AggTrade => store(&mut self.trade_id, number()?),
            b'e' => expect(bytes, at, b"\"bookTicker\"").filter(|_| self.kind == Kind::Ticker)?,
            b'f' | b'l' if self.kind == Kind::AggTrade => number()?.1,
            b'a' | b'b' if self.kind == Kind::Trade => number()?.1,
            b'X' if self.kind == Kind::Trade => text(bytes, expect(bytes, at, b"\"")?)?.1,
            b'm' | b'M' if matches!(self.kind, Kind::Trade | Kind::AggTrade) => {
                let (value, end) = boolean(bytes, at)?;
                if key == Key::letter(b'm') {
                    self.buyer_was_maker = value;
                }
                end
            }
            _ => return None,
        };
        Some(())
    }

    /// Reads the fields behind the prices, to the end of the message.
    #[inline]
    fn finish(&mut self) -> Option<()> {
        while *self.bytes.get(self.at)? == b',' {
            let (key, at) = key(self.bytes, self.at)?;
            self.field(key, at)?;
        }
        let mut end = expect(self.bytes, self.at, b"}")?;
        if self.combined {
            end = expect(self.bytes, end, b"}")?;
        }
        (end == self.len).then_some(())
    }

    /// Most levels that the rest of the message can hold: a level has 10 bytes at least.
    pub(crate) fn levels_max(&self) -> usize {
        self.len.saturating_sub(self.at) / 10 + 1
    }

    /// Reads both sides of a diff or book into `out`, to the end of the message; the number of
    /// levels.
    #[inline]
    pub(crate) fn levels(
        &self,
        scanner: &mut LevelScanner,
        out: &mut [LevelRecord],
    ) -> Option<usize> {
        let bids = scanner.levels(self.bytes, self.at, Side::Bid, out)?;
        let at = if self.kind == Kind::Partial {
            expect(self.bytes, bids.end, b",\"asks\":")?
        } else {
            expect(self.bytes, bids.end, b",\"a\":")?
        };
        let asks = scanner.levels(self.bytes, at, Side::Ask, out.get_mut(bids.count..)?)?;
        let end = if self.combined {
            expect(self.bytes, asks.end, b"}}")
        } else {
            expect(self.bytes, asks.end, b"}")
        };
        if end != Some(self.len) {
            self.levels_and_more(asks.end)?;
        }
        Some(bids.count + asks.count)
    }

    /// Reads the fields behind the levels of a diff or book, which end at `at`.
    #[cold]
    fn levels_and_more(&self, at: usize) -> Option<()> {
        let mut rest = Self { at, ..*self };
        if self.kind != Kind::Partial {
            rest.seen |= bits(b"ab");
        }
        rest.finish()
    }

    /// Reads the four numbers of a ticker, to the end of the message; the head's times are whole
    /// then.
    #[inline]
    pub(crate) fn ticker(&mut self, scanner: &mut LevelScanner) -> Option<[LevelRecord; 2]> {
        let bytes = self.bytes;
        let (bid, at) = scanner.price(bytes, expect(bytes, self.at, b"\"")?)?;
        let (bid_size, at) = scanner.size(bytes, expect(bytes, at, b",\"B\":\"")?)?;
        let (ask, at) = scanner.price(bytes, expect(bytes, at, b",\"a\":\"")?)?;
        let (ask_size, at) = scanner.size(bytes, expect(bytes, at, b",\"A\":\"")?)?;
        self.seen |= bits(b"bBaA");
        self.at = at;
        self.finish()?;
        Some([
            LevelRecord::new(bid, bid_size, Side::Bid),
            LevelRecord::new(ask, ask_size, Side::Ask),
        ])
    }

    /// Reads price and size of a trade, to the end of the message; the head's times and id are
    /// whole then. The side is the aggressor's: a buyer who was maker was sold to.
    #[inline]
    pub(crate) fn trade(&mut self, scanner: &mut LevelScanner) -> Option<LevelRecord> {
        let bytes = self.bytes;
        let (price, at): (Price, usize) = scanner.price(bytes, expect(bytes, self.at, b"\"")?)?;
        let (size, at): (Size, usize) = scanner.size(bytes, expect(bytes, at, b",\"q\":\"")?)?;
        self.seen |= bits(b"pq");
        self.at = at;
        self.finish()?;
        let needed = if self.kind == Kind::Trade { bits(b"tm") } else { bits(b"am") };
        if self.seen & needed != needed {
            return None;
        }
        let side = if self.buyer_was_maker { Side::Ask } else { Side::Bid };
        Some(LevelRecord::new(price, size, side))
    }
}

#[inline(always)]
fn store(place: &mut u64, (value, end): (u64, usize)) -> usize {
    *place = value;
    end
}

#[inline]
fn boolean(bytes: &[u8], at: usize) -> Option<(bool, usize)> {
    match expect(bytes, at, b"true") {
        Some(end) => Some((true, end)),
        None => expect(bytes, at, b"false").map(|end| (false, end)),
    }
}

/// The bits of some one-letter keys.
const fn bits<const N: usize>(letters: &[u8; N]) -> u64 {
    let mut bits = 0;
    let mut at = 0;
    while at < N {
        bits |= Key::letter(letters[at]).bit();
        at += 1;
    }
    bits
}
