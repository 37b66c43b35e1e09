//! Bybit v5: `orderbook.DEPTH.SYMBOL`, spot, linear, inverse and options.
//!
//! A book is a topic. Names repeat between the categories; a symbol is written with its category
//! (`spot:BTCUSDT`), without one it is a linear contract. Tickers of contracts come as a snapshot
//! and then as changes, in which absent fields are as they were; those of spot and options are
//! whole.

use tickbook_types::TickerField;

use super::chain::Link;
use super::frame::{Content, Frame, millis, side_of};
use super::protocol::{Protocol, Route, Rules, SECOND, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug)]
pub(crate) struct Bybit;

/// Spot takes ten topics in a message; a book, its trades and its ticker are three.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://stream.bybit.com")],
    rest: "https://api.bybit.com",
    path: "/v5/public/linear",
    books_per_message: 3,
    books_per_conn: 100,
    keepalive: Some((20 * SECOND, r#"{"op":"ping"}"#)),
    shows_loss: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

/// Category, path, and what stands before the names of its books.
const CATEGORIES: [(&str, &str, &str); 4] = [
    ("linear", "/v5/public/linear", ""),
    ("spot", "/v5/public/spot", "spot:"),
    ("inverse", "/v5/public/inverse", "inverse:"),
    ("option", "/v5/public/option", "option:"),
];

/// Levels a side of the channels (25 and 100: options).
const DEPTHS: [u32; 6] = [1, 25, 50, 100, 200, 1000];

/// Contracts, and options.
const TICKER: &Fields = &[
    ("bid1Price", TickerField::BidPrice, Form::Quote),
    ("bid1Size", TickerField::BidSize, Form::Quote),
    ("ask1Price", TickerField::AskPrice, Form::Quote),
    ("ask1Size", TickerField::AskSize, Form::Quote),
    ("lastPrice", TickerField::LastPrice, Form::Quote),
    ("markPrice", TickerField::MarkPrice, Form::Quote),
    ("indexPrice", TickerField::IndexPrice, Form::Quote),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    ("fundingRate", TickerField::FundingRate, Form::Plain),
    ("nextFundingTime", TickerField::NextFunding, Form::Millis),
    ("bidPrice", TickerField::BidPrice, Form::Quote),
    ("bidSize", TickerField::BidSize, Form::Quote),
    ("bidIv", TickerField::BidIv, Form::Quote),
    ("askPrice", TickerField::AskPrice, Form::Quote),
    ("askSize", TickerField::AskSize, Form::Quote),
    ("askIv", TickerField::AskIv, Form::Quote),
    ("markPriceIv", TickerField::MarkIv, Form::Quote),
    ("underlyingPrice", TickerField::UnderlyingPrice, Form::Quote),
    ("delta", TickerField::Delta, Form::Plain),
    ("gamma", TickerField::Gamma, Form::Plain),
    ("vega", TickerField::Vega, Form::Plain),
    ("theta", TickerField::Theta, Form::Plain),
];

fn category(symbol: &str) -> (usize, &str) {
    let of = |name| CATEGORIES.iter().position(|(category, ..)| *category == name);
    match symbol.split_once(':').map(|(name, rest)| (of(name), rest)) {
        Some((Some(index), rest)) => (index, rest),
        _ => (0, symbol),
    }
}

impl Protocol for Bybit {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let (index, symbol) = category(&subscription.symbol);
        let depth = subscription.depth.unwrap_or(if index == 3 { 100 } else { 200 });
        if !DEPTHS.contains(&depth) {
            return Err(ConfigError::BadDepth { symbol: subscription.symbol.clone(), depth });
        }
        let name = format!("orderbook.{depth}.{symbol}");
        let Subscription { trades, ticker, .. } = *subscription;
        Ok(Topic { name, symbol: symbol.to_owned(), depth: None, trades, ticker })
    }

    fn route(&self, subscription: &Subscription) -> Route {
        let (index, _) = category(&subscription.symbol);
        let (_, path, prefix) = CATEGORIES[index];
        Route { endpoint: Endpoint::Main, path, prefix }
    }

    fn symbol_of<'a>(&self, name: &'a str) -> &'a str {
        name.splitn(3, '.').nth(2).unwrap_or(name)
    }

    fn depth_max(&self, topic: &Topic) -> Option<u32> {
        topic.name.split('.').nth(1)?.parse().ok()
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = trades.map(|topic| format!("publicTrade.{}", topic.symbol));
        let tickers = topics.iter().filter(|topic| topic.ticker && verb == Verb::Subscribe);
        let tickers = tickers.map(|topic| format!("tickers.{}", topic.symbol));
        let books = topics.iter().map(|topic| topic.name.clone());
        let args = quoted(books.chain(trades).chain(tickers));
        out.push(format!(r#"{{"req_id":"{id}","op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let mut reader = Reader::new(message);
        let (mut topic, mut kind, mut data) = (None, None, None);
        let (mut time, mut success, mut words) = (0, None, &b""[..]);
        let mut id = None;
        reader.object(|key, value| {
            match key {
                b"topic" => topic = Some(value.text()?),
                b"type" => kind = Some(value.text()?),
                b"ts" => time = value.integer()?,
                // Most messages: what tells how to read it stands before it.
                b"data" if topic.is_some_and(|it| it.starts_with(b"orderbook.")) => {
                    id = Some(levels(value, frame)?);
                }
                b"data" => data = Some(value.mark()?),
                b"success" => success = Some(value.boolean()?),
                b"ret_msg" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let Some(topic) = topic else {
            match success {
                Some(false) => frame.refused(0, words),
                _ => frame.ignore(Ignored::Ack),
            }
            return Ok(());
        };
        let data = data.ok_or(Rejected::Shape);
        if topic.starts_with(b"orderbook.") {
            let content = match kind {
                Some(b"snapshot") => Content::Snapshot,
                Some(b"delta") => Content::Delta,
                _ => return Err(Rejected::Shape),
            };
            let id = match id {
                Some(id) => id,
                None => levels(&mut data?, frame)?,
            };
            frame.book(topic, content, Link::Next(id), millis(time));
        } else if topic.starts_with(b"publicTrade.") {
            trades(&mut data?, frame)?;
        } else if topic.starts_with(b"tickers.") {
            let extent = if kind == Some(b"delta") { Extent::Part } else { Extent::Whole };
            ticker(&mut data?, extent, time, frame)?;
        } else {
            frame.ignore(Ignored::UnusedStream);
        }
        Ok(())
    }
}

/// `{"s":..,"b":[..],"a":[..],"u":..,"seq":..}`: the levels, and the id.
fn levels(data: &mut Reader<'_>, frame: &mut Frame) -> Read<u64> {
    use tickbook_types::Side::{Ask, Bid};
    let mut id = None;
    data.object(|key, value| {
        match key {
            b"b" => frame.rows(Bid, value)?,
            b"a" => frame.rows(Ask, value)?,
            b"u" => id = Some(value.integer()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    id.ok_or(Rejected::Shape)
}

fn ticker(data: &mut Reader<'_>, extent: Extent, time: u64, frame: &mut Frame) -> Read<()> {
    let mut symbol = None;
    data.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, extent, millis(time));
    Ok(())
}

fn trades(data: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    data.array(|trade| {
        let (mut symbol, mut side, mut price, mut size) = (&b""[..], &b""[..], None, None);
        let mut time = 0;
        trade.object(|key, value| {
            match key {
                b"s" => symbol = value.text()?,
                b"S" => side = value.text()?,
                b"p" => price = Some(value.digits()?),
                b"v" => size = Some(value.digits()?),
                b"T" => time = value.integer()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
        // Its id is a UUID.
        frame.trade(symbol, (side_of(side), price, size), 0, millis(time))
    })
}
