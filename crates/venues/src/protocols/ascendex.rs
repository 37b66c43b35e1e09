//! AscendEX: `depth:SYMBOL`, numbered changes, and a snapshot on request on the same connection;
//! `trades:SYMBOL`.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Protocol, Rules, Topic, Verb};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct AscendEx;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ascendex.com")],
    rest: "https://ascendex.com",
    path: "/1/api/pro/v1/stream",
    shows_loss: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

impl Protocol for AscendEx {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let op = if verb == Verb::Subscribe { "sub" } else { "unsub" };
        for topic in topics {
            let symbol = &topic.symbol;
            out.push(format!(r#"{{"op":"{op}","ch":"depth:{symbol}"}}"#));
            if verb == Verb::Subscribe {
                if topic.trades {
                    out.push(format!(r#"{{"op":"{op}","ch":"trades:{symbol}"}}"#));
                }
                out.push(format!(
                    r#"{{"op":"req","action":"depth-snapshot","args":{{"symbol":"{symbol}"}}}}"#
                ));
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut symbol, mut data) = (&b""[..], None, None);
        let (mut code, mut words) = (0, &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"m" => kind = value.text()?,
                b"symbol" => symbol = Some(value.text()?),
                b"data" => data = Some(value.mark()?),
                b"code" => code = value.integer()?,
                b"reason" | b"info" => words = value.mark()?.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let content = match kind {
            b"depth" => Content::Delta,
            b"depth-snapshot" => Content::Snapshot,
            b"trades" => {
                let (Some(symbol), Some(mut data)) = (symbol, data) else {
                    return Err(Rejected::Shape);
                };
                return data.array(|trade| read_trade(symbol, trade, frame));
            }
            b"ping" => {
                frame.answer(r#"{"op":"pong"}"#);
                return Ok(());
            }
            b"sub" | b"unsub" | b"connected" if code == 0 => {
                frame.ignore(Ignored::Ack);
                return Ok(());
            }
            b"sub" | b"error" => {
                frame.refused(i64::try_from(code).unwrap_or(0), words);
                return Ok(());
            }
            _ => {
                frame.ignore(Ignored::UnusedStream);
                return Ok(());
            }
        };
        let (mut time, mut id) = (0, None);
        data.ok_or(Rejected::Shape)?.object(|key, value| {
            match key {
                b"ts" => time = value.integer()?,
                b"seqnum" => id = Some(value.integer()?),
                b"asks" => frame.rows(Side::Ask, value)?,
                b"bids" => frame.rows(Side::Bid, value)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(symbol), Some(id)) = (symbol, id) else { return Err(Rejected::Shape) };
        frame.book(symbol, content, Link::Next(id), millis(time));
        Ok(())
    }
}

/// `bm`: the buyer was there first.
fn read_trade(symbol: &[u8], trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut side, mut price, mut size) = (None, None, None);
    let (mut time, mut id) = (0, 0);
    trade.object(|key, value| {
        match key {
            b"bm" => side = Some(if value.boolean()? { Side::Ask } else { Side::Bid }),
            b"p" => price = Some(value.digits()?),
            b"q" => size = Some(value.digits()?),
            b"ts" => time = value.integer()?,
            b"seqnum" => id = value.integer()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    match (side, price, size) {
        (Some(side), Some(price), Some(size)) => {
            frame.trade(symbol, (side, price, size), id, millis(time))
        }
        _ => Err(Rejected::Shape),
    }
}
