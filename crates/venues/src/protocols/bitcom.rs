//! Bit.com: `depth`, changes that name the id of the one before; contracts and options, and pairs.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis, numeric_id, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct BitCom;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.bit.com"), (Endpoint::Former, "wss://spot-ws.bit.com")],
    rest: "https://api.bit.com",
    keepalive: Some((20 * SECOND, r#"{"type":"ping","params":{"id":1}}"#)),
    shows_loss: true,
    ..Rules::CAUTIOUS
};

impl Protocol for BitCom {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut push = |channel: &str, instruments: String| {
            let head = format!(r#""type":"{}","channels":["{channel}"]"#, verb.name());
            out.push(format!(r#"{{{head},"instruments":[{instruments}],"interval":"raw"}}"#));
        };
        push("depth", quoted(topics.iter().map(|topic| topic.symbol.as_str())));
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = quoted(trades.map(|topic| topic.symbol.as_str()));
        if !trades.is_empty() {
            push("trade", trades);
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut channel, mut time, mut data) = (&b""[..], 0, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"timestamp" => time = value.integer()?,
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (channel, data) {
            (b"depth", Some(data)) => book(data, time, frame)?,
            (b"trade", Some(mut data)) => data.array(|trade| read_trade(trade, frame))?,
            (b"depth" | b"trade", None) => return Err(Rejected::Shape),
            (b"subscription", Some(data)) => ack(data, frame)?,
            (b"pong", _) => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

fn book(mut data: Reader<'_>, time: u64, frame: &mut Frame) -> Read<()> {
    let (mut kind, mut symbol, mut id, mut prev) = (&b""[..], None, None, None);
    data.object(|key, value| {
        match key {
            b"type" => kind = value.text()?,
            b"instrument_id" | b"pair" => symbol = Some(value.text()?),
            b"sequence" => id = Some(value.integer()?),
            b"prev_sequence" => prev = Some(value.integer()?),
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"changes" => frame.sided_rows(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(id)) = (symbol, id) else { return Err(Rejected::Shape) };
    let (content, prev) = match (kind, prev) {
        (b"snapshot", _) => (Content::Snapshot, 0),
        (b"update", Some(prev)) => (Content::Delta, prev),
        _ => return Err(Rejected::Shape),
    };
    frame.book(symbol, content, Link::After { prev, id }, millis(time));
    Ok(())
}

fn read_trade(trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut side, mut price, mut size) = (&b""[..], Side::Ask, None, None);
    let (mut time, mut id) = (0, 0);
    trade.object(|key, value| {
        match key {
            b"instrument_id" | b"pair" => symbol = value.text()?,
            b"side" => side = side_of(value.text()?),
            b"price" => price = Some(value.digits()?),
            b"qty" => size = Some(value.digits()?),
            b"created_at" => time = value.integer()?,
            b"trade_id" => id = numeric_id(value.digits()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), id, millis(time))
}

/// The answer to a subscription: a code of 0 unless it was refused.
fn ack(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b"error"[..]);
    data.object(|key, value| {
        match key {
            b"code" => code = value.integer()?,
            b"message" => words = value.text().unwrap_or(words),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    match code {
        0 => frame.ignore(Ignored::Ack),
        code => frame.refused(i64::try_from(code).unwrap_or(0), words),
    }
    Ok(())
}
