//! Crypto.com: `book.SYMBOL.150`, every message a whole book of 150 levels a side.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Protocol, Recovery, Rules, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct CryptoCom;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://stream.crypto.com")],
    rest: "https://api.crypto.com",
    path: "/v2/market",
    recovery: Recovery::NextMessage,
    ..Rules::CAUTIOUS
};

impl Protocol for CryptoCom {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let channels = quoted(topics.iter().map(|topic| format!("book.{}.150", topic.symbol)));
        let verb = verb.name();
        out.push(format!(
            r#"{{"id":{id},"method":"{verb}","params":{{"channels":[{channels}]}}}}"#
        ));
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
            (b"subscribe", Some(result)) => read_result(result, frame)?,
            (_, _) if code != 0 => frame.refused(i64::try_from(code).unwrap_or(0), method),
            (b"subscribe" | b"unsubscribe", None) => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

fn read_result(mut result: Reader<'_>, frame: &mut Frame) -> Read<()> {
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
    if channel != b"book" {
        frame.ignore(Ignored::UnusedStream);
        return Ok(());
    }
    data.ok_or(Rejected::Shape)?.array(|book| {
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
