//! Poloniex v2: `book_lv2`, linked changes of the best 20 levels and more.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use super::trade::{Clock, TradeKeys};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Poloniex;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.poloniex.com")],
    rest: "https://api.poloniex.com",
    path: "/ws/public",
    keepalive: Some((20 * SECOND, r#"{"event":"ping"}"#)),
    shows_loss: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

impl Protocol for Poloniex {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut push = |channel: &str, symbols: String| {
            let verb = verb.name();
            out.push(format!(
                r#"{{"event":"{verb}","channel":["{channel}"],"symbols":[{symbols}]}}"#
            ));
        };
        push("book_lv2", quoted(topics.iter().map(|topic| topic.symbol.as_str())));
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = quoted(trades.map(|topic| topic.symbol.as_str()));
        if !trades.is_empty() {
            push("trades", trades);
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut channel, mut action, mut event) = (&b""[..], &b""[..], &b""[..]);
        let (mut data, mut words) = (None, &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"action" => action = value.text()?,
                b"event" => event = value.text()?,
                b"message" => words = value.text().unwrap_or_default(),
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (channel, event, data) {
            (b"book_lv2", b"", Some(mut data)) => {
                let content = match action {
                    b"snapshot" => Content::Snapshot,
                    b"update" => Content::Delta,
                    _ => return Err(Rejected::Shape),
                };
                data.array(|book| read_book(book, content, frame))?;
            }
            (b"trades", b"", Some(mut data)) => {
                data.array(|trade| TRADE.read(b"", trade, frame))?
            }
            (_, b"error", _) => frame.refused(0, words),
            (_, b"", _) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

fn read_book(book: &mut Reader<'_>, content: Content, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut prev, mut id, mut time) = (None, None, None, 0);
    book.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            b"createTime" => time = value.integer()?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"bids" => frame.rows(Side::Bid, value)?,
            b"id" => id = Some(value.integer()?),
            // Below 0 in a snapshot.
            b"lastId" => prev = value.mark()?.integer().ok(),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(id)) = (symbol, id) else { return Err(Rejected::Shape) };
    let link = match (content, prev) {
        (Content::Snapshot, _) => Link::After { prev: 0, id },
        (Content::Delta, Some(prev)) => Link::After { prev, id },
        (Content::Delta, None) => return Err(Rejected::Shape),
    };
    frame.book(symbol, content, link, millis(time));
    Ok(())
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "symbol",
    side: "takerSide",
    price: "price",
    size: "quantity",
    time: "createTime",
    clock: Clock::Millis,
    id: "id",
};
