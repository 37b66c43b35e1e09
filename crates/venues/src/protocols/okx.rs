//! OKX v5: `books` (400 levels), `books5` and `bbo-tbt` (5 levels and 1), and `books-l2-tbt` and
//! `books50-l2-tbt` in recordings.
//!
//! Every message of `books5` and `bbo-tbt` is a whole book, named with its channel
//! (`BTC-USDT@bbo-tbt`); its ids only grow. In the others `prevSeqId` names the `seqId` before; ids
//! jump, stay (keepalive) and may begin anew. Recordings from before 2023 have no ids, and a
//! checksum instead. Sizes of derivatives are contracts. A ticker comes in parts, one channel each;
//! greeks come for all options of a family at once, and are those of Black and Scholes, in dollars.

use tickbook_types::{ChecksumKind, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, millis};
use super::protocol::{Protocol, Recovery, Rules, SECOND, Topic, Verb};
use super::ticker::{Extent, Fields, Form};
use super::trade::{Clock, TradeKeys};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Okx {
    /// Name of the book being read, where it is not its symbol.
    name: Vec<u8>,
}

/// The venue advises fewer than 30 depth channels on a connection.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.okx.com:8443"), (Endpoint::Former, "wss://ws.okex.com:8443")],
    rest: "https://www.okx.com",
    path: "/ws/v5/public",
    messages_per_second: 2,
    books_per_conn: 25,
    books_per_message: 25,
    keepalive: Some((20 * SECOND, "ping")),
    checksums: true,
    same_on_all: true,
    times_grow: true,
    ..Rules::CAUTIOUS
};

/// Levels a side of the channel that a book has if it is not asked for otherwise.
const DEPTH: u32 = 400;

/// Channels of whole books: levels a side, and name.
const WHOLE: [(u32, &str); 2] = [(1, "bbo-tbt"), (5, "books5")];

/// Of `tickers`, `mark-price`, `funding-rate`, `open-interest` and `opt-summary`: no name is in two
/// of them. `fundingTime` is that of the next funding, `nextFundingTime` that of the one after it.
const TICKER: &Fields = &[
    ("last", TickerField::LastPrice, Form::Quote),
    ("bidPx", TickerField::BidPrice, Form::Quote),
    ("bidSz", TickerField::BidSize, Form::Quote),
    ("askPx", TickerField::AskPrice, Form::Quote),
    ("askSz", TickerField::AskSize, Form::Quote),
    ("markPx", TickerField::MarkPrice, Form::Quote),
    ("fundingRate", TickerField::FundingRate, Form::Plain),
    ("fundingTime", TickerField::NextFunding, Form::Millis),
    ("oi", TickerField::OpenInterest, Form::Plain),
    ("markVol", TickerField::MarkIv, Form::Quote),
    ("bidVol", TickerField::BidIv, Form::Quote),
    ("askVol", TickerField::AskIv, Form::Quote),
    ("fwdPx", TickerField::UnderlyingPrice, Form::Quote),
    ("deltaBS", TickerField::Delta, Form::Plain),
    ("gammaBS", TickerField::Gamma, Form::Plain),
    ("vegaBS", TickerField::Vega, Form::Plain),
    ("thetaBS", TickerField::Theta, Form::Plain),
];

/// The channels that a ticker is made of.
fn is_ticker(channel: &[u8]) -> bool {
    TICKER_CHANNELS.iter().any(|name| name.as_bytes() == channel)
}

const TICKER_CHANNELS: [&str; 5] =
    ["tickers", "mark-price", "open-interest", "funding-rate", "opt-summary"];

/// The channels that an instrument has: spot `BTC-USDT`, perpetuals `BTC-USDT-SWAP`, futures
/// `BTC-USD-261225`, options `BTC-USD-261225-100000-C`.
fn ticker_channels(symbol: &str) -> &'static [&'static str] {
    match symbol.split('-').count() {
        0..=2 => &["tickers"],
        3 if symbol.ends_with("-SWAP") => {
            &["tickers", "mark-price", "open-interest", "funding-rate"]
        }
        3 => &["tickers", "mark-price", "open-interest"],
        _ => &TICKER_CHANNELS_OF_OPTION,
    }
}

const TICKER_CHANNELS_OF_OPTION: [&str; 4] =
    ["tickers", "mark-price", "open-interest", "opt-summary"];

/// A channel of an instrument, or of its family, as the venue wants it named.
fn channel_arg(channel: &str, symbol: &str) -> String {
    if channel != "opt-summary" {
        return format!(r#"{{"channel":"{channel}","instId":"{symbol}"}}"#);
    }
    let family: Vec<&str> = symbol.split('-').take(2).collect();
    format!(r#"{{"channel":"{channel}","instFamily":"{}"}}"#, family.join("-"))
}

impl Protocol for Okx {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let mut topic = Topic::plain(subscription);
        match subscription.depth {
            None | Some(DEPTH) => {}
            Some(depth) => match WHOLE.iter().find(|(levels, _)| *levels == depth) {
                Some((_, channel)) => topic.name = format!("{}@{channel}", topic.symbol),
                None => return Err(ConfigError::BadDepth { symbol: topic.symbol, depth }),
            },
        }
        Ok(topic)
    }

    fn symbol_of<'a>(&self, name: &'a str) -> &'a str {
        name.split_once('@').map_or(name, |(symbol, _)| symbol)
    }

    fn channel_of<'a>(&self, name: &'a str) -> &'a str {
        self.symbol_of(name)
    }

    fn recovery(&self, topic: &Topic) -> Recovery {
        if is_whole(channel_of(&topic.name).as_bytes()) {
            Recovery::NextMessage
        } else {
            Recovery::Resubscribe
        }
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut args: Vec<String> = Vec::new();
        for topic in topics {
            let trades = if topic.trades { &["trades"][..] } else { &[] };
            let ticker = if topic.ticker { ticker_channels(&topic.symbol) } else { &[] };
            let aside = trades.iter().chain(ticker).filter(|_| verb == Verb::Subscribe);
            for channel in [channel_of(&topic.name)].iter().chain(aside) {
                let arg = channel_arg(channel, &topic.symbol);
                // Options of one family share a channel.
                if !args.contains(&arg) {
                    args.push(arg);
                }
            }
        }
        let args = args.join(",");
        out.push(format!(r#"{{"op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        if message == b"pong" {
            frame.ignore(Ignored::Ack);
            return Ok(());
        }
        let (mut channel, mut symbol, mut action) = (&b""[..], &b""[..], None);
        let (mut event, mut code, mut words, mut data) = (&b""[..], 0, &b""[..], None);
        let mut is_read = false;
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"arg" => value.object(|key, value| {
                    match key {
                        b"channel" => channel = value.text()?,
                        b"instId" => symbol = value.text()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?,
                b"action" => action = Some(value.text()?),
                b"event" => event = value.text()?,
                b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
                b"msg" => words = value.text().unwrap_or_default(),
                // Most messages: what tells how to read it stands before it.
                b"data" if is_book(channel) && action.is_some() && event.is_empty() => {
                    value.array(|book| read_book(book, symbol, action, frame))?;
                    is_read = true;
                }
                b"data" if is_whole(channel) && !symbol.is_empty() && event.is_empty() => {
                    let name = self.name_of(symbol, channel);
                    value.array(|book| read_whole(book, name, frame))?;
                    is_read = true;
                }
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (event, data) {
            (b"", None) if is_read => {}
            (b"error", _) => frame.refused(code, words),
            (b"notice", _) => frame.ignore(Ignored::Notice),
            (b"", Some(mut data)) if is_book(channel) => {
                data.array(|book| read_book(book, symbol, action, frame))?;
            }
            (b"", Some(mut data)) if is_whole(channel) => {
                let name = self.name_of(symbol, channel);
                data.array(|book| read_whole(book, name, frame))?;
            }
            (b"", Some(mut data)) if channel.starts_with(b"trades") => {
                data.array(|trade| TRADE.read(b"", trade, frame))?;
            }
            (b"", Some(mut data)) if is_ticker(channel) => {
                data.array(|part| read_ticker(part, frame))?;
            }
            (b"", Some(_)) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

impl Okx {
    /// The name of a whole book.
    fn name_of(&mut self, symbol: &[u8], channel: &[u8]) -> &[u8] {
        self.name.clear();
        for part in [symbol, b"@", channel] {
            self.name.extend_from_slice(part);
        }
        &self.name
    }
}

/// The channel of a book's name.
fn channel_of(name: &str) -> &str {
    name.split_once('@').map_or("books", |(_, channel)| channel)
}

/// Whether every message of a channel is a whole book.
fn is_whole(channel: &[u8]) -> bool {
    WHOLE.iter().any(|(_, name)| name.as_bytes() == channel)
}

fn read_whole(book: &mut Reader<'_>, name: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut time, mut id, mut sides) = (0, None, [false; 2]);
    book.object(|key, value| {
        let side = match key {
            b"bids" => Side::Bid,
            b"asks" => Side::Ask,
            b"ts" => {
                time = value.integer()?;
                return Ok(());
            }
            b"seqId" => {
                id = Some(value.integer()?);
                return Ok(());
            }
            _ => return value.skip(),
        };
        sides[side as usize] = true;
        frame.rows(side, value)
    })?;
    // A side without levels is an empty list; a book of neither would be taken for an empty one.
    if sides != [true; 2] {
        return Err(Rejected::Shape);
    }
    frame.book(name, Content::Snapshot, id.map_or(Link::Free, Link::Above), millis(time));
    Ok(())
}

/// Whether a channel has books of changes. Rows of `books-rpi` mean something else.
fn is_book(channel: &[u8]) -> bool {
    matches!(channel, b"books" | b"books-l2-tbt" | b"books50-l2-tbt")
}

fn read_book(
    book: &mut Reader<'_>,
    symbol: &[u8],
    action: Option<&[u8]>,
    frame: &mut Frame,
) -> Read<()> {
    let (mut time, mut id, mut prev, mut checksum) = (0, None, None, None);
    book.object(|key, value| {
        match key {
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"ts" => time = value.integer()?,
            b"seqId" => id = Some(value.integer()?),
            // -1 in a snapshot.
            b"prevSeqId" => prev = Some(value.digits()?).filter(|it| !it.starts_with(b"-")),
            // Always 0 since it was given up.
            b"checksum" => checksum = Some(crc32(value.digits()?)?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let prev = prev.map(|digits| Reader::new(digits).integer()).transpose()?;
    let content = match action {
        Some(b"snapshot") => Content::Snapshot,
        Some(b"update") => Content::Delta,
        _ => return Err(Rejected::Shape),
    };
    let link = match (id, prev) {
        (Some(id), Some(prev)) => Link::After { prev, id },
        (Some(id), None) if content == Content::Snapshot => Link::After { prev: 0, id },
        (Some(_), None) => return Err(Rejected::Shape),
        (None, _) => Link::Free,
    };
    frame.book(symbol, content, link, millis(time));
    if let Some(crc) = checksum.filter(|crc| *crc != 0) {
        frame.checksum(ChecksumKind::Okx, crc);
    }
    Ok(())
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "instId",
    side: "side",
    price: "px",
    size: "sz",
    time: "ts",
    clock: Clock::Millis,
    id: "tradeId",
};

fn read_ticker(part: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut time) = (None, 0);
    part.object(|key, value| {
        match key {
            b"instId" => symbol = Some(value.text()?),
            b"ts" => time = value.mark()?.integer().unwrap_or(0),
            // As some write it.
            b"deltaBs" => frame.figure(TICKER, b"deltaBS", value)?,
            b"gammaBs" => frame.figure(TICKER, b"gammaBS", value)?,
            b"vegaBs" => frame.figure(TICKER, b"vegaBS", value)?,
            b"thetaBs" => frame.figure(TICKER, b"thetaBS", value)?,
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, Extent::Part, millis(time));
    Ok(())
}
