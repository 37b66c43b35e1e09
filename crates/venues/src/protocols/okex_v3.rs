//! OKEX v3: `depth_l2_tbt`, 400 levels. The exchange has moved on to v5; this is for recordings.
//!
//! No ids; every message carries a checksum. Messages are deflate streams on the wire, text in some
//! recordings. Sizes of derivatives are contracts.

use tickbook_types::{ChecksumKind, Side};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, numeric_id, rfc3339, side_of};
use super::protocol::{Binary, Protocol, Rules, SECOND, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct OkexV3;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://real.okex.com:8443")],
    rest: "https://www.okex.com",
    path: "/ws/v3",
    keepalive: Some((20 * SECOND, "ping")),
    binary: Binary::Deflate,
    checksums: true,
    ..Rules::CAUTIOUS
};

/// The kind of an instrument, as its channels are named: `BTC-USDT`, `BTC-USD-SWAP`,
/// `BTC-USD-210625`, `BTC-USD-210625-60000-C`.
fn kind_of(symbol: &str) -> &'static str {
    match (symbol.matches('-').count(), symbol.ends_with("-SWAP")) {
        (_, true) => "swap",
        (..2, _) => "spot",
        (2, _) => "futures",
        _ => "option",
    }
}

impl Protocol for OkexV3 {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let channel = |topic: &Topic, channel| {
            let symbol = &topic.symbol;
            format!("{}/{channel}:{symbol}", kind_of(symbol))
        };
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = trades.map(|topic| channel(topic, "trade"));
        let books = topics.iter().map(|topic| channel(topic, "depth_l2_tbt"));
        let args = quoted(books.chain(trades));
        out.push(format!(r#"{{"op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        if message == b"pong" {
            frame.ignore(Ignored::Ack);
            return Ok(());
        }
        let (mut table, mut action, mut event) = (&b""[..], &b""[..], &b""[..]);
        let (mut code, mut words, mut data) = (0, &b""[..], None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"table" => table = value.text()?,
                b"action" => action = value.text()?,
                b"event" => event = value.text()?,
                b"errorCode" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
                b"message" => words = value.text().unwrap_or_default(),
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let channel = table.iter().position(|byte| *byte == b'/').map(|at| &table[at + 1..]);
        match (event, channel, data) {
            (b"error", ..) => frame.refused(code, words),
            (b"", Some(b"depth_l2_tbt" | b"depth"), Some(mut data)) => {
                let content = match action {
                    b"partial" => Content::Snapshot,
                    b"update" => Content::Delta,
                    _ => return Err(Rejected::Shape),
                };
                data.array(|book| read_book(book, content, frame))?;
            }
            (b"", Some(b"trade"), Some(mut data)) => {
                data.array(|trade| read_trade(trade, frame))?;
            }
            (b"", Some(_), _) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

/// `{"instrument_id":..,"asks":[[price,size,..]],"bids":[..],"timestamp":..,"checksum":..}`.
fn read_book(book: &mut Reader<'_>, content: Content, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut time, mut checksum) = (None, &b""[..], None);
    book.object(|key, value| {
        match key {
            b"instrument_id" => symbol = Some(value.text()?),
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"timestamp" => time = value.text()?,
            b"checksum" => checksum = Some(crc32(value.digits()?)?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let symbol = symbol.ok_or(Rejected::Shape)?;
    frame.book(symbol, content, Link::Free, rfc3339(time));
    if let Some(crc) = checksum {
        frame.checksum(ChecksumKind::Okx, crc);
    }
    Ok(())
}

/// Spot has `size`, derivatives `qty`.
fn read_trade(trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut side, mut price, mut size) = (&b""[..], Side::Ask, None, None);
    let (mut time, mut id) = (&b""[..], 0);
    trade.object(|key, value| {
        match key {
            b"instrument_id" => symbol = value.text()?,
            b"side" => side = side_of(value.text()?),
            b"price" => price = Some(value.digits()?),
            b"size" | b"qty" => size = Some(value.digits()?),
            b"timestamp" => time = value.text()?,
            b"trade_id" => id = numeric_id(value.digits()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), id, rfc3339(time))
}
