//! Upbit: `orderbook`, every message a whole book of 15 levels a side, and `trade`.

use tickbook_scan::Plain;
use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Binary, Protocol, Recovery, Rules, SECOND, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Upbit;

/// A subscribe message replaces the one before it, so a connection's books go into one.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.upbit.com")],
    rest: "https://api.upbit.com",
    path: "/websocket/v1",
    books_per_message: 50,
    keepalive: Some((60 * SECOND, "PING")),
    recovery: Recovery::NextMessage,
    replaces: true,
    times_grow: true,
    binary: Binary::Text,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

impl Protocol for Upbit {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        if verb == Verb::Subscribe {
            let codes = quoted(topics.iter().map(|topic| topic.symbol.as_str()));
            let ticket = format!(r#"{{"ticket":"{id}"}}"#);
            let books = format!(r#"{{"type":"orderbook","codes":[{codes}]}}"#);
            let codes = topics.iter().filter(|topic| topic.trades);
            let codes = quoted(codes.map(|topic| topic.symbol.as_str()));
            let trades = match codes.as_str() {
                "" => String::new(),
                codes => {
                    format!(r#",{{"type":"trade","codes":[{codes}],"is_only_realtime":true}}"#)
                }
            };
            out.push(format!(r#"[{ticket},{books}{trades},{{"format":"SIMPLE"}}]"#));
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut code, mut time, mut units) = (&b""[..], None, 0, None);
        let (mut status, mut error, mut before) = (false, false, false);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"ty" => kind = value.text()?,
                b"cd" => code = Some(value.text()?),
                b"tms" => time = value.integer()?,
                b"obu" => units = Some(value.mark()?),
                b"st" => before = value.text()? == b"SNAPSHOT",
                b"status" => status = value.skip().is_ok(),
                b"error" => error = value.skip().is_ok(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, units) {
            (b"orderbook", Some(mut units)) => {
                units.array(|unit| read_unit(unit, frame))?;
                let code = code.ok_or(Rejected::Shape)?;
                frame.book(code, Content::Snapshot, Link::Free, millis(time));
            }
            (b"orderbook", None) => return Err(Rejected::Shape),
            // The last trade before the subscription.
            (b"trade", _) if before => frame.ignore(Ignored::Stale),
            (b"trade", _) => {
                let code = code.ok_or(Rejected::Shape)?;
                return read_trade(code, Reader::new(message), frame);
            }
            (b"", _) if error => frame.refused(0, b"error"),
            (b"", _) if status => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

/// One level of each side.
fn read_unit(unit: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    match usual_unit(unit) {
        Some([ask, bid, asked, offered]) => {
            frame.put_plain(Side::Ask, [ask, asked]);
            frame.put_plain(Side::Bid, [bid, offered]);
            Ok(())
        }
        None => any_unit(unit, frame),
    }
}

/// A unit as the venue writes it: the names in their order, without blanks.
#[inline(always)]
fn usual_unit(unit: &mut Reader<'_>) -> Option<[Plain; 4]> {
    let mut at = *unit;
    at.literal(b"{\"ap\":")?;
    let ask = at.plain()?;
    at.literal(b",\"bp\":")?;
    let bid = at.plain()?;
    at.literal(b",\"as\":")?;
    let asked = at.plain()?;
    at.literal(b",\"bs\":")?;
    let offered = at.plain()?;
    at.literal(b"}")?;
    *unit = at;
    Some([ask, bid, asked, offered])
}

#[cold]
fn any_unit(unit: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut ask, mut bid) = ([None; 2], [None; 2]);
    unit.object(|key, value| {
        match key {
            b"ap" => ask[0] = Some(value.number()?),
            b"as" => ask[1] = Some(value.number()?),
            b"bp" => bid[0] = Some(value.number()?),
            b"bs" => bid[1] = Some(value.number()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let ([Some(ask), Some(asked)], [Some(bid), Some(offered)]) = (ask, bid) else {
        return Err(Rejected::Shape);
    };
    frame.put(Side::Ask, ask, asked)?;
    frame.put(Side::Bid, bid, offered)
}

/// `ab` is `ASK` where a seller was the aggressor, `BID` where a buyer.
fn read_trade(code: &[u8], mut trade: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut side, mut price, mut size) = (None, None, None);
    let (mut time, mut id) = (0, 0);
    trade.object(|key, value| {
        match key {
            b"ab" => side = Some(if value.text()? == b"BID" { Side::Bid } else { Side::Ask }),
            b"tp" => price = Some(value.digits()?),
            b"tv" => size = Some(value.digits()?),
            b"ttms" => time = value.integer()?,
            b"sid" => id = value.integer()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    match (side, price, size) {
        (Some(side), Some(price), Some(size)) => {
            frame.trade(code, (side, price, size), id, millis(time))
        }
        _ => Err(Rejected::Shape),
    }
}
