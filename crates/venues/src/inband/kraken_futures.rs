//! Kraken Futures: `book`, one numbered change a message.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct KrakenFutures;

/// A connection without messages from the client is cut after a minute; any message will do.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://futures.kraken.com")],
    rest: "https://futures.kraken.com",
    path: "/ws/v1",
    keepalive: Some((30 * SECOND, r#"{"event":"subscribe","feed":"heartbeat"}"#)),
    shows_loss: true,
    ..Rules::CAUTIOUS
};

impl Protocol for KrakenFutures {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut push = |feed: &str, ids: String| {
            let verb = verb.name();
            out.push(format!(r#"{{"event":"{verb}","feed":"{feed}","product_ids":[{ids}]}}"#));
        };
        push("book", quoted(topics.iter().map(|topic| topic.symbol.as_str())));
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = quoted(trades.map(|topic| topic.symbol.as_str()));
        if !trades.is_empty() {
            push("trade", trades);
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut event, mut feed, mut product) = (&b""[..], &b""[..], &b""[..]);
        let (mut words, mut id, mut time) = (&b""[..], None, 0);
        let (mut side, mut price, mut size) = (Side::Ask, None, None);
        let (mut bids, mut asks) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"event" => event = value.text()?,
                b"feed" => feed = value.text()?,
                b"product_id" => product = value.text()?,
                b"message" => words = value.text().unwrap_or_default(),
                b"seq" => id = Some(value.integer()?),
                b"timestamp" | b"time" => time = value.mark()?.integer().unwrap_or(0),
                b"side" => side = side_of(value.text()?),
                b"price" => price = Some(value.mark()?),
                b"qty" => size = Some(value.mark()?),
                b"bids" => bids = Some(value.mark()?),
                b"asks" => asks = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let level = price.zip(size);
        match (event, feed) {
            (b"", b"book_snapshot") => {
                let (Some(mut bids), Some(mut asks), Some(id)) = (bids, asks, id) else {
                    return Err(Rejected::Shape);
                };
                frame.objects(Side::Bid, ("price", "qty"), &mut bids)?;
                frame.objects(Side::Ask, ("price", "qty"), &mut asks)?;
                frame.book(product, Content::Snapshot, Link::Next(id), millis(time));
            }
            (b"", b"book") => {
                let (Some((mut price, mut size)), Some(id)) = (level, id) else {
                    return Err(Rejected::Shape);
                };
                frame.level(side, price.digits()?, size.digits()?)?;
                frame.book(product, Content::Delta, Link::Next(id), millis(time));
            }
            (b"", b"trade") => {
                let (mut price, mut size) = level.ok_or(Rejected::Shape)?;
                let level = (side, price.digits()?, size.digits()?);
                frame.trade(product, level, id.unwrap_or(0), millis(time))?;
            }
            (b"error" | b"alert", _) => frame.refused(0, words),
            (b"info", _) | (b"", b"heartbeat") => frame.ignore(Ignored::Notice),
            (b"", _) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}
