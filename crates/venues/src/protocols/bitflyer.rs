//! bitFlyer: `lightning_board_SYMBOL`, and a whole book on `lightning_board_snapshot_SYMBOL` from
//! time to time.
//!
//! There are no ids: a lost message cannot be seen, but is healed by the next snapshot. A price of
//! 0 stands for market orders and is left out.

use tickbook_scan::Sort;
use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame};
use super::protocol::{Protocol, Rules, Topic, Verb};
use super::rows::{OWN, object_numbers};
use super::trade::{Clock, TradeKeys};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct BitFlyer;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.lightstream.bitflyer.com")],
    rest: "https://api.bitflyer.com",
    path: "/json-rpc",
    ..Rules::CAUTIOUS
};

impl Protocol for BitFlyer {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            for channel in ["board_snapshot", "board", "executions"] {
                if channel == "executions" && (!topic.trades || verb == Verb::Unsubscribe) {
                    continue;
                }
                let (verb, symbol) = (verb.name(), &topic.symbol);
                out.push(format!(
                    r#"{{"method":"{verb}","params":{{"channel":"lightning_{channel}_{symbol}"}}}}"#
                ));
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut method, mut params, mut error) = (&b""[..], None, false);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"method" => method = value.text()?,
                b"params" => params = Some(value.mark()?),
                b"error" => error = !value.mark()?.null()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let (b"channelMessage", Some(mut params)) = (method, params) else {
            if error {
                frame.refused(0, b"error");
            } else {
                frame.ignore(Ignored::Ack);
            }
            return Ok(());
        };
        let (mut channel, mut body) = (&b""[..], None);
        params.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"message" => body = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let mut body = body.ok_or(Rejected::Shape)?;
        if let Some(symbol) = channel.strip_prefix(b"lightning_board_snapshot_") {
            book(symbol, Content::Snapshot, body, frame)
        } else if let Some(symbol) = channel.strip_prefix(b"lightning_board_") {
            book(symbol, Content::Delta, body, frame)
        } else if let Some(symbol) = channel.strip_prefix(b"lightning_executions_") {
            body.array(|trade| TRADE.read(symbol, trade, frame))
        } else {
            frame.ignore(Ignored::UnusedStream);
            Ok(())
        }
    }
}

fn book(symbol: &[u8], content: Content, mut body: Reader<'_>, frame: &mut Frame) -> Read<()> {
    body.object(|key, value| match key {
        b"bids" => rows(Side::Bid, value, frame),
        b"asks" => rows(Side::Ask, value, frame),
        _ => value.skip(),
    })?;
    frame.book(symbol, content, Link::Free, tickbook_types::WallNanos(0));
    Ok(())
}

fn rows(side: Side, rows: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let first = frame.levels.len();
    frame.levels_of(Sort { grammar: OWN, side: Some(side) }, rows, |frame, row| {
        let ([price, size], example) = object_numbers(("price", "size"), row)?;
        if price.is_zero() {
            return Ok(None);
        }
        frame.put(side, price, size)?;
        Ok(example)
    })?;
    frame.levels.drop_unpriced(first);
    Ok(())
}

/// `side` is the aggressor's, empty in an auction.
const TRADE: TradeKeys = TradeKeys {
    symbol: "",
    side: "side",
    price: "price",
    size: "size",
    time: "exec_date",
    clock: Clock::Text,
    id: "id",
};
