//! Bitstamp: `diff_order_book`, snapshots by REST.
//!
//! Diffs have no ids, only a time in microseconds that grows: a lost one cannot be seen. A snapshot
//! is joined by that time, and because REST is up to a second behind the stream, only one counts
//! that has the first diff received. Levels that the stream never removes are known to stay behind
//! in such a book; it is crossed then and fetched anew.

use tickbook_types::{Padded, Side};

use super::chain::Link;
use super::frame::{Content, Frame, numeric_id};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::level::venue_time;
use crate::rest::{RestError, RestUrl};
use crate::splice::Chain;

/// See the module.
#[derive(Debug)]
pub(crate) struct Bitstamp;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.bitstamp.net")],
    rest: "https://www.bitstamp.net",
    path: "/",
    books_per_message: 1,
    keepalive: Some((20 * SECOND, r#"{"event":"bts:heartbeat"}"#)),
    // 10,000 requests in 10 min, of which the book needs but few.
    snapshots_per_minute: 300,
    chain: Chain::Timed,
    ..Rules::CAUTIOUS
};

const DIFF: &[u8] = b"diff_order_book_";
const TRADES: &[u8] = b"live_trades_";

impl Protocol for Bitstamp {
    fn rules(&self) -> Rules {
        RULES
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        Some(format!("/api/v2/order_book/{}/?group=1", topic.symbol))
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            for channel in ["diff_order_book", "live_trades"] {
                if channel == "diff_order_book" || (topic.trades && verb == Verb::Subscribe) {
                    let (verb, symbol) = (verb.name(), &topic.symbol);
                    out.push(format!(
                        r#"{{"event":"bts:{verb}","data":{{"channel":"{channel}_{symbol}"}}}}"#
                    ));
                }
            }
        }
    }

    fn read_rest(
        &self,
        url: &RestUrl<'_>,
        body: &[u8],
        frame: &mut Frame,
    ) -> Result<(), RestError> {
        let symbol = url.part_after("/order_book/").ok_or(RestError::UnknownUrl)?;
        let mut reader = Reader::new(body);
        book(symbol.as_bytes(), Content::Snapshot, &mut reader, frame)?;
        Ok(reader.end()?)
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"data":{"timestamp":""#)?;
        at.text()?;
        at.words(br#","microtimestamp":""#)?;
        let time = at.integer()?;
        at.words(br#"","bids":["#)?;
        at.quoted_rows(Side::Bid, frame)?;
        at.words(br#","asks":["#)?;
        at.quoted_rows(Side::Ask, frame)?;
        at.words(br#"},"channel":"diff_order_book_"#)?;
        let symbol = at.text()?;
        at.words(br#","event":"data"}"#)?;
        at.end()?;
        let link = Link::range(Chain::Timed, time, time);
        frame.book(symbol, Content::Delta, link, venue_time(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut event, mut channel, mut data) = (&b""[..], &b""[..], None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"event" => event = value.text()?,
                b"channel" => channel = value.text()?,
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (event, data) {
            (b"data", Some(mut data)) if channel.starts_with(DIFF) => {
                book(&channel[DIFF.len()..], Content::Delta, &mut data, frame)
            }
            (b"trade", Some(data)) if channel.starts_with(TRADES) => {
                read_trade(&channel[TRADES.len()..], data, frame)
            }
            (b"bts:error", Some(data)) => refusal(data, frame),
            (b"bts:request_reconnect", _) => {
                frame.reconnect();
                Ok(())
            }
            (b"data", None) => Err(Rejected::Shape),
            _ => {
                let is_answer = event.starts_with(b"bts:");
                frame.ignore(if is_answer { Ignored::Ack } else { Ignored::UnusedStream });
                Ok(())
            }
        }
    }
}

fn refusal(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b""[..]);
    data.object(|key, value| {
        let mark = value.mark()?;
        match key {
            // It may be null.
            b"code" => code = i64::try_from({ mark }.integer().unwrap_or(0)).unwrap_or(0),
            b"message" => words = { mark }.text().unwrap_or_default(),
            _ => {}
        }
        Ok(())
    })?;
    frame.refused(code, words);
    Ok(())
}

/// A diff or a snapshot.
fn book(symbol: &[u8], content: Content, data: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let mut time = None;
    data.object(|key, value| {
        match key {
            b"microtimestamp" => time = Some(value.integer()?),
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let time = time.ok_or(Rejected::Shape)?;
    frame.book(symbol, content, Link::range(Chain::Timed, time, time), venue_time(time));
    Ok(())
}

fn read_trade(symbol: &[u8], mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut price, mut size, mut side) = (None, None, Side::Ask);
    let (mut id, mut time) = (0, 0);
    data.object(|key, value| {
        match key {
            // The texts; the numbers have been through a float.
            b"price_str" => price = Some(value.digits()?),
            b"amount_str" => size = Some(value.digits()?),
            b"type" => side = if value.digits()? == b"0" { Side::Bid } else { Side::Ask },
            b"id" => id = numeric_id(value.digits()?),
            b"microtimestamp" => time = value.integer()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), id, venue_time(time))
}
