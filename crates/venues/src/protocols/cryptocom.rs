//! Crypto.com: `book.SYMBOL.50` (10 by depth), every message a whole book; `trade.SYMBOL`.
//! Recordings from before the present interface (`exchange/v1`) have `book.SYMBOL.150`.
//! A ticker comes in parts: `ticker`, and of perpetuals `mark` and `funding` (per hour).
//!
//! The first trade message of a symbol tells of trades before the subscription. Later ones begin
//! where the last ended, also on another connection, so ids tell what is new. Newest come first.

use std::collections::HashMap;

use tickbook_types::{Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, millis, side_of};
use super::protocol::{Protocol, Recovery, Rules, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct CryptoCom {
    /// Highest id of the trades of each symbol.
    last_trades: HashMap<Box<[u8]>, u64>,
}

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://stream.crypto.com")],
    rest: "https://api.crypto.com",
    path: "/exchange/v1/market",
    recovery: Recovery::NextMessage,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

/// Levels a side of its channels.
const DEPTHS: [u32; 2] = [50, 10];

/// Of `ticker`: `a` is the last trade's price.
const TICKER: &Fields = &[
    ("a", TickerField::LastPrice, Form::Quote),
    ("b", TickerField::BidPrice, Form::Quote),
    ("bs", TickerField::BidSize, Form::Quote),
    ("k", TickerField::AskPrice, Form::Quote),
    ("ks", TickerField::AskSize, Form::Quote),
    ("oi", TickerField::OpenInterest, Form::Plain),
];

const MARK: &Fields = &[("v", TickerField::MarkPrice, Form::Quote)];

const FUNDING: &Fields = &[("v", TickerField::FundingRate, Form::Plain)];

/// The channels that a ticker is made of.
const fn ticker_channels(is_perpetual: bool) -> &'static [(&'static str, &'static Fields)] {
    if is_perpetual {
        &[("ticker", TICKER), ("mark", MARK), ("funding", FUNDING)]
    } else {
        &[("ticker", TICKER)]
    }
}

impl Protocol for CryptoCom {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let depth = subscription.depth.unwrap_or(DEPTHS[0]);
        if !DEPTHS.contains(&depth) {
            return Err(ConfigError::BadDepth { symbol: subscription.symbol.clone(), depth });
        }
        Ok(Topic { depth: Some(depth), ..Topic::plain(subscription) })
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let depth = |topic: &&Topic| topic.depth.unwrap_or(DEPTHS[0]);
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = trades.map(|topic| format!("trade.{}", topic.symbol));
        let books = topics.iter().map(|topic| format!("book.{}.{}", topic.symbol, depth(topic)));
        let tickers = topics.iter().filter(|topic| topic.ticker && verb == Verb::Subscribe);
        let tickers = tickers.flat_map(|topic| {
            let channels = ticker_channels(topic.symbol.ends_with("-PERP")).iter();
            channels.map(move |(channel, _)| format!("{channel}.{}", topic.symbol))
        });
        let channels = quoted(books.chain(trades).chain(tickers));
        let verb = verb.name();
        // Whole books, every half second: changes come on another channel, if asked for.
        let params = format!(r#""channels":[{channels}],"book_subscription_type":"SNAPSHOT""#);
        out.push(format!(r#"{{"id":{id},"method":"{verb}","params":{{{params}}}}}"#));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut method, mut id, mut code, mut result) = (&b""[..], 0, 0, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"method" => method = value.text()?,
                b"id" => id = value.integer().unwrap_or(0),
                b"code" => code = value.integer()?,
                b"result" => result = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (method, result) {
            // Without this answer the connection is cut.
            (b"public/heartbeat", _) => {
                frame.answer(&format!(r#"{{"id":{id},"method":"public/respond-heartbeat"}}"#))
            }
            (b"subscribe", Some(result)) => self.read_result(result, frame)?,
            (_, _) if code != 0 => frame.refused(i64::try_from(code).unwrap_or(0), method),
            (b"subscribe" | b"unsubscribe", None) => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

impl CryptoCom {
    fn read_result(&mut self, mut result: Reader<'_>, frame: &mut Frame) -> Read<()> {
        let (mut symbol, mut channel, mut data) = (&b""[..], &b""[..], None);
        result.object(|key, value| {
            match key {
                b"instrument_name" => symbol = value.text()?,
                b"channel" => channel = value.text()?,
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        match channel {
            b"book" => books(symbol, data.ok_or(Rejected::Shape)?, frame),
            b"trade" => self.trades(symbol, data.ok_or(Rejected::Shape)?, frame),
            _ => {
                let mut all = ticker_channels(true).iter();
                if let Some((_, fields)) = all.find(|(name, _)| name.as_bytes() == channel) {
                    let mut data = data.ok_or(Rejected::Shape)?;
                    return data.array(|row| ticker(row, symbol, fields, frame));
                }
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
        }
    }

    fn trades(&mut self, symbol: &[u8], mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
        let known = self.last_trades.get(symbol).copied();
        let (mut highest, first) = (known.unwrap_or(0), frame.events().len());
        data.array(|trade| {
            let (mut side, mut price, mut size) = (Side::Ask, None, None);
            let (mut time, mut id) = (0, 0);
            trade.object(|key, value| {
                match key {
                    b"s" => side = side_of(value.text()?),
                    b"p" => price = Some(value.digits()?),
                    b"q" => size = Some(value.digits()?),
                    b"t" => time = value.integer()?,
                    b"d" => id = value.integer()?,
                    _ => value.skip()?,
                }
                Ok(())
            })?;
            let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
            highest = highest.max(id);
            if known.is_some_and(|known| id > known) {
                frame.trade(symbol, (side, price, size), id, millis(time))
            } else {
                frame.ignore(Ignored::Stale);
                Ok(())
            }
        })?;
        frame.reverse_from(first);
        match self.last_trades.get_mut(symbol) {
            Some(last) => *last = highest,
            None => drop(self.last_trades.insert(symbol.into(), highest)),
        }
        Ok(())
    }
}

fn ticker(row: &mut Reader<'_>, symbol: &[u8], fields: &Fields, frame: &mut Frame) -> Read<()> {
    let mut time = 0;
    row.object(|key, value| {
        match key {
            b"t" => time = value.mark()?.integer().unwrap_or(0),
            _ => frame.figure(fields, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(Some(symbol), Extent::Part, millis(time));
    Ok(())
}

fn books(symbol: &[u8], mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    data.array(|book| {
        let mut time = 0;
        book.object(|key, value| {
            match key {
                b"bids" => frame.rows(Side::Bid, value)?,
                b"asks" => frame.rows(Side::Ask, value)?,
                b"t" => time = value.integer()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        frame.book(symbol, Content::Snapshot, Link::Free, millis(time));
        Ok(())
    })
}
