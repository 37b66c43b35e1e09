//! Kraken spot, WebSocket v2: `book` with 10, 25, 100, 500 or 1000 levels a side.
//!
//! No ids: after each message, snapshots too, both sides are cut to the depth of the channel, and a
//! checksum tells whether the ten best levels are right. Numbers are bare and printed at the full
//! precision of the instrument, which is what the checksum is made of.
//!
//! Messages do not tell their depth. In a recording it comes from the acknowledgement; without one
//! it is the smallest channel that holds the snapshot.

use tickbook_types::{ChecksumKind, Padded, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, rfc3339};
use super::kraken::Envelope;
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use super::trade::{Clock, TradeKeys};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::{ConfigError, Subscription};
use crate::symbols::SymbolTable;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct KrakenV2 {
    /// Symbols whose subscription was acknowledged.
    acked: SymbolTable,
    /// Their depths.
    depths: Vec<u32>,
}

/// Idle connections are cut after a minute; any message keeps them.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.kraken.com")],
    rest: "https://api.kraken.com",
    path: "/v2",
    keepalive: Some((30 * SECOND, r#"{"method":"ping"}"#)),
    checksums: true,
    ..Rules::CAUTIOUS
};

/// Whole, with each trade.
const TICKER: &Fields = &[
    ("last", TickerField::LastPrice, Form::Quote),
    ("bid", TickerField::BidPrice, Form::Quote),
    ("bid_qty", TickerField::BidSize, Form::Quote),
    ("ask", TickerField::AskPrice, Form::Quote),
    ("ask_qty", TickerField::AskSize, Form::Quote),
];

/// Levels a side of the channels.
pub(super) const DEPTHS: [u32; 5] = [10, 25, 100, 500, 1000];

/// The deepest, for who asks for the whole book.
pub(super) const DEPTH_DEFAULT: u32 = 1000;

/// The topic of a subscription to a book of one of the depths.
pub(super) fn with_depth(subscription: &Subscription) -> Result<Topic, ConfigError> {
    let depth = subscription.depth.unwrap_or(DEPTH_DEFAULT);
    if !DEPTHS.contains(&depth) {
        return Err(ConfigError::BadDepth { symbol: subscription.symbol.clone(), depth });
    }
    Ok(Topic { depth: Some(depth), ..Topic::plain(subscription) })
}

impl Protocol for KrakenV2 {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        with_depth(subscription)
    }

    fn depth_max(&self, topic: &Topic) -> Option<u32> {
        topic.depth
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let method = verb.name();
        let mut push = |symbols: String, channel: String| {
            if !symbols.is_empty() {
                let params = format!(r#"{channel},"symbol":[{symbols}]"#);
                out.push(format!(r#"{{"method":"{method}","params":{{{params}}},"req_id":{id}}}"#));
            }
        };
        for depth in DEPTHS {
            let of_depth = |topic: &&&Topic| topic.depth.unwrap_or(DEPTH_DEFAULT) == depth;
            let symbols = topics.iter().filter(of_depth).map(|topic| topic.symbol.as_str());
            push(quoted(symbols), format!(r#""channel":"book","depth":{depth}"#));
        }
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = quoted(trades.map(|topic| topic.symbol.as_str()));
        push(trades, r#""channel":"trade","snapshot":false"#.to_owned());
        let tickers = topics.iter().filter(|topic| topic.ticker && verb == Verb::Subscribe);
        let tickers = quoted(tickers.map(|topic| topic.symbol.as_str()));
        push(tickers, r#""channel":"ticker""#.to_owned());
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"channel":"book","type":"update","data":[{"symbol":""#)?;
        let symbol = at.text()?;
        at.words(br#","bids":["#)?;
        usual_levels(Side::Bid, &mut at, frame)?;
        let bids = frame.open_levels();
        at.words(br#","asks":["#)?;
        usual_levels(Side::Ask, &mut at, frame)?;
        let asks = frame.open_levels() - bids;
        at.words(br#","checksum":"#)?;
        let crc = at.crc32()?;
        at.words(br#","timestamp":""#)?;
        let time = at.time(frame)?;
        at.words(b"}]}")?;
        at.end()?;
        frame.book(symbol, Content::Delta, Link::Free, time);
        frame.depth(self.depth(symbol, bids.max(asks)));
        frame.checksum(ChecksumKind::Kraken, crc);
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let envelope = Envelope::read(message)?;
        let Envelope { channel, kind, data, .. } = envelope;
        match (channel, data) {
            (b"book", Some(mut data)) => data.array(|book| self.book(book, kind, frame)),
            (b"trade", Some(mut data)) if kind == b"update" => {
                data.array(|trade| TRADE.read(b"", trade, frame))
            }
            (b"ticker", Some(mut data)) => data.array(|row| ticker(row, frame)),
            (b"book", None) | (b"trade", None) => Err(Rejected::Shape),
            (b"trade", _) => {
                // Trades from before the subscription.
                frame.ignore(Ignored::Stale);
                Ok(())
            }
            _ => envelope.aside(frame, |symbol, depth| self.acked(symbol, depth)),
        }
    }
}

impl KrakenV2 {
    /// Remembers the depth that was acknowledged for a symbol.
    fn acked(&mut self, symbol: &[u8], depth: u32) {
        match self.acked.find(symbol) {
            Some(index) => self.depths[index] = depth,
            None => {
                self.acked.add(symbol);
                self.depths.push(depth);
            }
        }
    }

    /// Levels a side of a symbol's channel, of which a message has so many on one side.
    fn depth(&self, symbol: &[u8], deepest: usize) -> Option<u32> {
        let acked = self.acked.find(symbol).and_then(|index| self.depths.get(index).copied());
        let holds = |depth: &u32| *depth as usize >= deepest;
        acked.or_else(|| DEPTHS.into_iter().find(holds))
    }

    fn book(&self, book: &mut Reader<'_>, kind: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut symbol, mut checksum, mut time) = (None, None, &b""[..]);
        let mut deepest = 0;
        book.object(|key, value| {
            let side = match key {
                b"symbol" => {
                    symbol = Some(value.text()?);
                    return Ok(());
                }
                b"timestamp" => {
                    time = value.text()?;
                    return Ok(());
                }
                b"checksum" => {
                    checksum = Some(crc32(value.digits()?)?);
                    return Ok(());
                }
                b"bids" => Side::Bid,
                b"asks" => Side::Ask,
                _ => return value.skip(),
            };
            let before = frame.open_levels();
            frame.objects(side, ("price", "qty"), value)?;
            deepest = deepest.max(frame.open_levels() - before);
            Ok(())
        })?;
        let symbol = symbol.ok_or(Rejected::Shape)?;
        let content = match kind {
            b"snapshot" => Content::Snapshot,
            b"update" => Content::Delta,
            _ => return Err(Rejected::Shape),
        };
        frame.book(symbol, content, Link::Free, rfc3339(time));
        frame.depth(self.depth(symbol, deepest));
        if let Some(crc) = checksum {
            frame.checksum(ChecksumKind::Kraken, crc);
        }
        Ok(())
    }
}

/// Its time was added to the channel later.
fn ticker(row: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut time) = (None, &b""[..]);
    row.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            b"timestamp" => time = value.text()?,
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, Extent::Whole, rfc3339(time));
    Ok(())
}

/// Levels `{"price":..,"qty":..}`, up to the closing bracket.
#[inline]
fn usual_levels(side: Side, at: &mut Usual<'_>, frame: &mut Frame) -> Option<()> {
    at.items(|row| {
        row.words(br#"{"price":"#)?;
        let price = row.number()?;
        row.words(br#","qty":"#)?;
        let size = row.number()?;
        row.words(b"}")?;
        frame.put_plain(side, [price, size]);
        Some(())
    })
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "symbol",
    side: "side",
    price: "price",
    size: "qty",
    time: "timestamp",
    clock: Clock::Text,
    id: "trade_id",
};
