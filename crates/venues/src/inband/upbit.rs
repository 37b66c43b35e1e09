//! Upbit: `orderbook`, every message a whole book of 15 levels a side.

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
    binary: Binary::Text,
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
            out.push(format!(r#"[{ticket},{books},{{"format":"SIMPLE"}}]"#));
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut code, mut time, mut units) = (&b""[..], None, 0, None);
        let (mut status, mut error) = (false, false);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"ty" => kind = value.text()?,
                b"cd" => code = Some(value.text()?),
                b"tms" => time = value.integer()?,
                b"obu" => units = Some(value.mark()?),
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
            (b"", _) if error => frame.refused(0, b"error"),
            (b"", _) if status => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

/// One level of each side.
fn read_unit(unit: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut ask, mut bid) = ([None; 2], [None; 2]);
    unit.object(|key, value| {
        match key {
            b"ap" => ask[0] = Some(value.digits()?),
            b"as" => ask[1] = Some(value.digits()?),
            b"bp" => bid[0] = Some(value.digits()?),
            b"bs" => bid[1] = Some(value.digits()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let ([Some(ask), Some(asked)], [Some(bid), Some(offered)]) = (ask, bid) else {
        return Err(Rejected::Shape);
    };
    frame.level(Side::Ask, ask, asked)?;
    frame.level(Side::Bid, bid, offered)
}
