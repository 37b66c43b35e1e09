//! OKX v5: `books` (400 levels), and `books-l2-tbt` and `books50-l2-tbt` in recordings.
//!
//! `prevSeqId` names the `seqId` before; ids jump, stay (keepalive) and may begin anew. Recordings
//! from before 2023 have no ids, and a checksum instead. Sizes of derivatives are contracts.

use tickbook_types::{ChecksumKind, Side};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, millis, numeric_id, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Okx;

/// The venue advises fewer than 30 depth channels on a connection.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.okx.com:8443"), (Endpoint::Former, "wss://ws.okex.com:8443")],
    rest: "https://www.okx.com",
    path: "/ws/v5/public",
    messages_per_second: 2,
    books_per_conn: 25,
    books_per_message: 25,
    keepalive: Some((20 * SECOND, "ping")),
    checksums: true,
    ..Rules::CAUTIOUS
};

impl Protocol for Okx {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut args = String::new();
        for topic in topics {
            for channel in ["books", "trades"] {
                if channel == "books" || (topic.trades && verb == Verb::Subscribe) {
                    let comma = if args.is_empty() { "" } else { "," };
                    let symbol = &topic.symbol;
                    args.push_str(&format!(
                        r#"{comma}{{"channel":"{channel}","instId":"{symbol}"}}"#
                    ));
                }
            }
        }
        out.push(format!(r#"{{"op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        if message == b"pong" {
            frame.ignore(Ignored::Ack);
            return Ok(());
        }
        let (mut channel, mut symbol, mut action) = (&b""[..], &b""[..], None);
        let (mut event, mut code, mut words, mut data) = (&b""[..], 0, &b""[..], None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"arg" => value.object(|key, value| {
                    match key {
                        b"channel" => channel = value.text()?,
                        b"instId" => symbol = value.text()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?,
                b"action" => action = Some(value.text()?),
                b"event" => event = value.text()?,
                b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
                b"msg" => words = value.text().unwrap_or_default(),
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (event, data) {
            (b"error", _) => frame.refused(code, words),
            (b"notice", _) => frame.ignore(Ignored::Notice),
            (b"", Some(mut data)) if is_book(channel) => {
                data.array(|book| read_book(book, symbol, action, frame))?;
            }
            (b"", Some(mut data)) if channel.starts_with(b"trades") => {
                data.array(|trade| read_trade(trade, frame))?;
            }
            (b"", Some(_)) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

/// Whether a channel has the books kept here. `books5`, `bbo-tbt` and `books-rpi` have others.
fn is_book(channel: &[u8]) -> bool {
    matches!(channel, b"books" | b"books-l2-tbt" | b"books50-l2-tbt")
}

fn read_book(
    book: &mut Reader<'_>,
    symbol: &[u8],
    action: Option<&[u8]>,
    frame: &mut Frame,
) -> Read<()> {
    let (mut time, mut id, mut prev, mut checksum) = (0, None, None, None);
    book.object(|key, value| {
        match key {
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"ts" => time = value.integer()?,
            b"seqId" => id = Some(value.integer()?),
            // -1 in a snapshot.
            b"prevSeqId" => prev = Some(value.digits()?).filter(|it| !it.starts_with(b"-")),
            // Always 0 since it was given up.
            b"checksum" => checksum = Some(crc32(value.digits()?)?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let prev = prev.map(|digits| Reader::new(digits).integer()).transpose()?;
    let content = match action {
        Some(b"snapshot") => Content::Snapshot,
        Some(b"update") => Content::Delta,
        _ => return Err(Rejected::Shape),
    };
    let link = match (id, prev) {
        (Some(id), Some(prev)) => Link::After { prev, id },
        (Some(id), None) if content == Content::Snapshot => Link::After { prev: 0, id },
        (Some(_), None) => return Err(Rejected::Shape),
        (None, _) => Link::Free,
    };
    frame.book(symbol, content, link, millis(time));
    if let Some(crc) = checksum.filter(|crc| *crc != 0) {
        frame.checksum(ChecksumKind::Okx, crc);
    }
    Ok(())
}

fn read_trade(trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut side, mut price, mut size) = (&b""[..], Side::Ask, None, None);
    let (mut time, mut id) = (0, 0);
    trade.object(|key, value| {
        match key {
            b"instId" => symbol = value.text()?,
            b"side" => side = side_of(value.text()?),
            b"px" => price = Some(value.digits()?),
            b"sz" => size = Some(value.digits()?),
            b"ts" => time = value.integer()?,
            b"tradeId" => id = numeric_id(value.digits()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), id, millis(time))
}
