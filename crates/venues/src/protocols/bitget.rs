//! Bitget: `books`, of the API's versions 1 (closed; for recordings), 2 and 3.
//!
//! Version 1 has a checksum and no ids; version 2 has ids that only grow, and a checksum that is 0
//! today; in version 3 `pseq` names the `seq` before. A checksum of 0 is none. Tickers are whole;
//! open interest is in the base coin, funding per interval of the contract.
//!
//! One connection serves spot and futures, whose symbols are the same. A book that is not spot is
//! named with its category (`usdt-futures:BTCUSDT`), except in recordings of version 1, which had a
//! connection for each.

use tickbook_types::{ChecksumKind, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, millis, numeric_id, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::ticker::{Extent, Fields, Form};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Bitget {
    version: Version,
    /// The name of a book that is not spot; its memory is kept.
    name: Vec<u8>,
}

/// A version of the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    V1,
    V2,
    V3,
}

/// The venue takes ten messages a second and recommends fewer than 50 channels on a connection; a
/// book, its trades and its ticker are three.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.bitget.com")],
    rest: "https://api.bitget.com",
    books_per_conn: 16,
    keepalive: Some((25 * SECOND, "ping")),
    checksums: true,
    ..Rules::CAUTIOUS
};

/// Of all versions: no name means two things.
const TICKER: &Fields = &[
    ("lastPr", TickerField::LastPrice, Form::Quote),
    ("bidPr", TickerField::BidPrice, Form::Quote),
    ("bidSz", TickerField::BidSize, Form::Quote),
    ("askPr", TickerField::AskPrice, Form::Quote),
    ("askSz", TickerField::AskSize, Form::Quote),
    ("markPrice", TickerField::MarkPrice, Form::Quote),
    ("indexPrice", TickerField::IndexPrice, Form::Quote),
    ("holdingAmount", TickerField::OpenInterest, Form::Plain),
    ("fundingRate", TickerField::FundingRate, Form::Plain),
    ("nextFundingTime", TickerField::NextFunding, Form::Millis),
    // Version 3.
    ("lastPrice", TickerField::LastPrice, Form::Quote),
    ("bid1Price", TickerField::BidPrice, Form::Quote),
    ("bid1Size", TickerField::BidSize, Form::Quote),
    ("ask1Price", TickerField::AskPrice, Form::Quote),
    ("ask1Size", TickerField::AskSize, Form::Quote),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    // Version 1.
    ("last", TickerField::LastPrice, Form::Quote),
    ("bestBid", TickerField::BidPrice, Form::Quote),
    ("bestAsk", TickerField::AskPrice, Form::Quote),
    ("holding", TickerField::OpenInterest, Form::Plain),
    ("capitalRate", TickerField::FundingRate, Form::Plain),
    ("nextSettleTime", TickerField::NextFunding, Form::Millis),
];

impl Bitget {
    pub(crate) const fn new(version: Version) -> Self {
        Self { version, name: Vec::new() }
    }

    /// `{"instType":..,"channel":..,"instId":..}`, in the words of the version.
    fn arg(&self, topic: &Topic, channel: &str) -> String {
        let (category, symbol) = topic.symbol.split_once(':').unwrap_or(("spot", &topic.symbol));
        match (self.version, channel) {
            (Version::V3, channel) => {
                let topic = if channel == "trade" { "publicTrade" } else { channel };
                format!(r#"{{"instType":"{category}","topic":"{topic}","symbol":"{symbol}"}}"#)
            }
            (version, channel) => {
                let category = match (version, category) {
                    (Version::V1, "spot") => "SP".to_owned(),
                    (Version::V1, _) => "MC".to_owned(),
                    _ => category.to_ascii_uppercase(),
                };
                format!(r#"{{"instType":"{category}","channel":"{channel}","instId":"{symbol}"}}"#)
            }
        }
    }
}

impl Protocol for Bitget {
    fn rules(&self) -> Rules {
        let (path, shows_loss) = match self.version {
            Version::V1 => ("/spot/v1/stream", false),
            Version::V2 => ("/v2/ws/public", false),
            Version::V3 => ("/v3/ws/public", true),
        };
        Rules { path, shows_loss, ..RULES }
    }

    fn channel_of<'a>(&self, name: &'a str) -> &'a str {
        name.split_once(':').map_or(name, |(_, symbol)| symbol)
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let begins = verb == Verb::Subscribe;
        let trades = topics.iter().filter(|topic| topic.trades && begins);
        let trades = trades.map(|topic| self.arg(topic, "trade"));
        let tickers = topics.iter().filter(|topic| topic.ticker && begins);
        let tickers = tickers.map(|topic| self.arg(topic, "ticker"));
        let books = topics.iter().map(|topic| self.arg(topic, "books"));
        let args = books.chain(trades).chain(tickers).collect::<Vec<_>>().join(",");
        out.push(format!(r#"{{"op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        if message == b"pong" {
            frame.ignore(Ignored::Ack);
            return Ok(());
        }
        let (mut category, mut channel, mut symbol) = (&b""[..], &b""[..], &b""[..]);
        let (mut action, mut event, mut code, mut words) = (&b""[..], &b""[..], 0, &b""[..]);
        let (mut data, mut sent) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"arg" => value.object(|key, value| {
                    match key {
                        b"instType" => category = value.text()?,
                        b"channel" | b"topic" => channel = value.text()?,
                        b"instId" | b"symbol" => symbol = value.text()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?,
                b"action" => action = value.text()?,
                b"event" => event = value.text()?,
                b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
                b"msg" => words = value.text().unwrap_or_default(),
                b"data" => data = Some(value.mark()?),
                b"ts" => sent = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let spot = self.version == Version::V1 || category.eq_ignore_ascii_case(b"spot");
        self.name.clear();
        if !spot {
            self.name.extend(category.iter().map(u8::to_ascii_lowercase));
            self.name.push(b':');
        }
        self.name.extend_from_slice(symbol);
        match (event, channel, data) {
            (b"error", ..) => frame.refused(code, words),
            (b"", b"books", Some(mut data)) => {
                let content = match action {
                    b"snapshot" => Content::Snapshot,
                    b"update" => Content::Delta,
                    _ => return Err(Rejected::Shape),
                };
                data.array(|book| read_book(book, &self.name, content, frame))?;
            }
            // Trades from before the subscription.
            (b"", b"trade" | b"publicTrade", Some(_)) if action == b"snapshot" => {
                frame.ignore(Ignored::Stale);
            }
            (b"", b"trade" | b"publicTrade", Some(mut data)) => {
                data.array(|trade| read_trade(trade, &self.name, frame))?;
            }
            (b"", b"ticker", Some(mut data)) => {
                let extent = if action == b"update" { Extent::Part } else { Extent::Whole };
                let sent = sent.map_or(0, |mut sent| sent.integer().unwrap_or(0));
                data.array(|row| read_ticker(row, &self.name, (extent, sent), frame))?;
            }
            (b"", _, Some(_)) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

/// `{"asks":[[price,size]],"bids":[..],"checksum":..,"seq":..,"ts":..}`; version 3: `a`, `b` and
/// `pseq`.
fn read_book(book: &mut Reader<'_>, name: &[u8], content: Content, frame: &mut Frame) -> Read<()> {
    let (mut time, mut id, mut prev, mut checksum) = (0, None, None, 0);
    book.object(|key, value| {
        match key {
            b"bids" | b"b" => frame.rows(Side::Bid, value)?,
            b"asks" | b"a" => frame.rows(Side::Ask, value)?,
            b"ts" => time = value.integer()?,
            b"seq" => id = Some(value.integer()?),
            b"pseq" => prev = Some(value.integer()?),
            b"checksum" => checksum = crc32(value.digits()?)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let link = match (id, prev) {
        (Some(id), Some(prev)) => Link::After { prev, id },
        (Some(id), None) if id > 0 => Link::Above(id),
        (None, Some(_)) => return Err(Rejected::Shape),
        _ => Link::Free,
    };
    frame.book(name, content, link, millis(time));
    if checksum != 0 {
        frame.checksum(ChecksumKind::Bitget, checksum);
    }
    Ok(())
}

/// An object of figures. Its time stands in it, but in version 3, where it is that of the message.
fn read_ticker(
    row: &mut Reader<'_>,
    name: &[u8],
    (extent, sent): (Extent, u64),
    frame: &mut Frame,
) -> Read<()> {
    let mut time = sent;
    row.object(|key, value| {
        match key {
            b"ts" | b"systemTime" => time = value.mark()?.integer().unwrap_or(sent),
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(Some(name), extent, millis(time));
    Ok(())
}

/// `[time, price, size, side]`, or an object: `ts`, `price`, `size`, `side`, `tradeId`; version 3:
/// `T`, `p`, `v`, `S`, `i`.
fn read_trade(trade: &mut Reader<'_>, name: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut side, mut price, mut size) = (Side::Ask, None, None);
    let (mut time, mut id) = (0, 0);
    if trade.peek()? == b'[' {
        let mut place = 0;
        trade.array(|field| {
            place += 1;
            match place {
                1 => time = field.integer()?,
                2 => price = Some(field.digits()?),
                3 => size = Some(field.digits()?),
                4 => side = side_of(field.text()?),
                _ => field.skip()?,
            }
            Ok(())
        })?;
    } else {
        trade.object(|key, value| {
            match key {
                b"ts" | b"T" => time = value.integer()?,
                b"price" | b"p" => price = Some(value.digits()?),
                b"size" | b"v" => size = Some(value.digits()?),
                b"side" | b"S" => side = side_of(value.text()?),
                b"tradeId" | b"i" => id = numeric_id(value.digits()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
    }
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(name, (side, price, size), id, millis(time))
}
