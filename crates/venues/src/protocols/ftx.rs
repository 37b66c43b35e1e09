//! FTX: `orderbook`, 100 levels. The exchange is closed; this is for recordings.
//!
//! No ids; every message carries a checksum. Numbers are floats as Python prints them.

use tickbook_types::{ChecksumKind, Padded, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, seconds};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::trade::{Clock, TradeKeys};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Ftx;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ftx.com"), (Endpoint::Former, "wss://ftexchange.com")],
    rest: "https://ftx.com",
    path: "/ws/",
    books_per_message: 1,
    keepalive: Some((15 * SECOND, r#"{"op":"ping"}"#)),
    checksums: true,
    ..Rules::CAUTIOUS
};

impl Protocol for Ftx {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            for channel in ["orderbook", "trades"] {
                if channel == "orderbook" || (topic.trades && verb == Verb::Subscribe) {
                    let (verb, market) = (verb.name(), &topic.symbol);
                    out.push(format!(
                        r#"{{"op":"{verb}","channel":"{channel}","market":"{market}"}}"#
                    ));
                }
            }
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"channel": "orderbook", "market": ""#)?;
        let market = at.text()?;
        at.words(br#", "type": "update", "data": {"time": "#)?;
        let time = at.seconds()?;
        at.words(br#", "checksum": "#)?;
        let crc = at.crc32()?;
        at.words(br#", "bids": ["#)?;
        usual_rows(Side::Bid, &mut at, frame)?;
        at.words(br#", "asks": ["#)?;
        usual_rows(Side::Ask, &mut at, frame)?;
        at.words(br#", "action": "update"}}"#)?;
        at.end()?;
        frame.book(market, Content::Delta, Link::Free, time);
        frame.checksum(ChecksumKind::Ftx, crc);
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut channel, mut market) = (&b""[..], &b""[..], &b""[..]);
        let (mut code, mut words, mut data) = (0, &b""[..], None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"type" => kind = value.text()?,
                b"channel" => channel = value.text()?,
                b"market" => market = value.text()?,
                b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
                b"msg" => words = value.text().unwrap_or_default(),
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, channel, data) {
            (b"error", ..) => frame.refused(code, words),
            (b"partial", b"orderbook", Some(data)) => {
                read_book(data, market, Content::Snapshot, frame)?;
            }
            (b"update", b"orderbook", Some(data)) => {
                read_book(data, market, Content::Delta, frame)?;
            }
            (b"partial" | b"update", b"orderbook", None) => return Err(Rejected::Shape),
            (b"update", b"trades", Some(mut data)) => {
                data.array(|trade| TRADE.read(market, trade, frame))?;
            }
            (b"update" | b"partial", ..) => frame.ignore(Ignored::UnusedStream),
            (b"info", ..) => frame.ignore(Ignored::Notice),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}

/// `{"time":..,"checksum":..,"bids":[[price,size]],"asks":[..],"action":..}`.
fn read_book(mut book: Reader<'_>, market: &[u8], content: Content, frame: &mut Frame) -> Read<()> {
    let (mut time, mut checksum) = (WallNanos(0), None);
    book.object(|key, value| {
        match key {
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            b"time" => time = seconds(value.digits()?),
            b"checksum" => checksum = Some(crc32(value.digits()?)?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    frame.book(market, content, Link::Free, time);
    if let Some(crc) = checksum {
        frame.checksum(ChecksumKind::Ftx, crc);
    }
    Ok(())
}

/// Rows `[price, size]` with the blanks of Python, up to the closing bracket.
#[inline]
fn usual_rows(side: Side, at: &mut Usual<'_>, frame: &mut Frame) -> Option<()> {
    at.items(|row| {
        if !row.has(b" [") {
            row.words(b"[")?;
        }
        let price = row.number()?;
        row.words(b", ")?;
        let size = row.number()?;
        row.words(b"]")?;
        frame.put_plain(side, [price, size]);
        Some(())
    })
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "",
    side: "side",
    price: "price",
    size: "size",
    time: "time",
    clock: Clock::Text,
    id: "id",
};
