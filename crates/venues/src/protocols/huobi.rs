//! Huobi (today HTX): `depth.step0`, every message a whole book of up to 150 levels a side; gzip on
//! the wire.
//!
//! Spot, and swaps at an address of their own. Sizes of swaps are contracts.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis, numeric_id, side_of};
use super::protocol::{Binary, Protocol, Recovery, Route, Rules, Topic, Verb};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::Subscription;

/// See the module.
#[derive(Debug)]
pub(crate) struct Huobi;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.huobi.pro"), (Endpoint::Derivatives, "wss://api.hbdm.com")],
    rest: "https://api.huobi.pro",
    path: "/ws",
    recovery: Recovery::NextMessage,
    times_grow: true,
    binary: Binary::Gzip,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

impl Protocol for Huobi {
    fn rules(&self) -> Rules {
        RULES
    }

    /// Spot is `btcusdt`, a coin-margined swap `BTC-USD`, a linear one `BTC-USDT`.
    fn route(&self, subscription: &Subscription) -> Route {
        let (endpoint, path) = match subscription.symbol.split_once('-') {
            None => (Endpoint::Main, "/ws"),
            Some((_, "USD")) => (Endpoint::Derivatives, "/swap-ws"),
            Some(_) => (Endpoint::Derivatives, "/linear-swap-ws"),
        };
        Route { endpoint, path, prefix: "" }
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let verb = match verb {
            Verb::Subscribe => "sub",
            Verb::Unsubscribe => "unsub",
        };
        for topic in topics {
            for channel in ["depth.step0", "trade.detail"] {
                if channel == "depth.step0" || (topic.trades && verb == "sub") {
                    let what = format!("market.{}.{channel}", topic.symbol);
                    out.push(format!(r#"{{"{verb}":"{what}","id":"{id}"}}"#));
                }
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut ping, mut channel, mut tick, mut time) = (None, &b""[..], None, 0);
        let (mut status, mut words) = (&b""[..], &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"ping" => ping = Some(value.integer()?),
                b"ch" => channel = value.text()?,
                b"ts" => time = value.integer()?,
                b"tick" => tick = Some(value.mark()?),
                b"status" => status = value.text()?,
                b"err-msg" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (ping, tick) {
            // Without this answer the connection is cut after two pings, 10 s.
            (Some(number), _) => frame.answer(&format!(r#"{{"pong":{number}}}"#)),
            (None, Some(tick)) => match subject(channel) {
                Some((symbol, b"depth")) => read_book(tick, symbol, time, frame)?,
                Some((symbol, b"trade")) => read_trades(tick, symbol, frame)?,
                _ => frame.ignore(Ignored::UnusedStream),
            },
            (None, None) if channel.is_empty() => match status {
                b"" => frame.ignore(Ignored::Notice),
                b"ok" => frame.ignore(Ignored::Ack),
                _ => frame.refused(0, words),
            },
            (None, None) => return Err(Rejected::Shape),
        }
        Ok(())
    }
}

/// Symbol and kind of `market.SYMBOL.KIND.more`; whole books only.
fn subject(channel: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = channel.split(|byte| *byte == b'.');
    let (market, symbol, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = kind != b"depth" || parts.next() == Some(b"step0");
    (market == b"market" && whole).then_some((symbol, kind))
}

/// The book's own time where it has one (swaps), otherwise that of the message.
fn read_book(mut tick: Reader<'_>, symbol: &[u8], time: u64, frame: &mut Frame) -> Read<()> {
    let mut time = time;
    tick.object(|key, value| {
        match key {
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"ts" => time = value.integer()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    frame.book(symbol, Content::Snapshot, Link::Free, millis(time));
    Ok(())
}

fn read_trades(mut tick: Reader<'_>, symbol: &[u8], frame: &mut Frame) -> Read<()> {
    let mut data = None;
    tick.object(|key, value| {
        match key {
            b"data" => data = Some(value.mark()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    data.ok_or(Rejected::Shape)?.array(|trade| read_trade(trade, symbol, frame))
}

fn read_trade(trade: &mut Reader<'_>, symbol: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut side, mut price, mut size, mut time) = (Side::Ask, None, None, 0);
    let (mut id, mut trade_id) = (0, None);
    trade.object(|key, value| {
        match key {
            b"direction" => side = side_of(value.text()?),
            b"price" => price = Some(value.digits()?),
            b"amount" => size = Some(value.digits()?),
            b"ts" => time = value.integer()?,
            // On spot it has 24 digits, and `tradeId` is there.
            b"id" => id = numeric_id(value.digits()?),
            b"tradeId" => trade_id = Some(value.integer()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), trade_id.unwrap_or(id), millis(time))
}
