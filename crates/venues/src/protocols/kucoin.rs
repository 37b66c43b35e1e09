//! KuCoin spot, the classic interface: `/market/level2`, snapshots by REST.
//!
//! A message says its first and last sequence, and every change has one of its own: where a message
//! begins before the end of the book, only its later changes count. A change with the price 0 is
//! none, but moves the sequence. The public snapshot has 100 levels a side.
//!
//! A connection wants a token, which REST hands out, and says when it may be used.

use tickbook_types::{Padded, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, millis, numeric_id, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::level::Number;
use crate::level::venue_time;
use crate::rest::{RestError, RestUrl};
use crate::splice::Chain;

/// See the module.
#[derive(Debug)]
pub(crate) struct KuCoin;

const RULES: Rules = Rules {
    ws: &[
        (Endpoint::Main, "wss://ws-api-spot.kucoin.com"),
        (Endpoint::Former, "wss://push-private.kucoin.com"),
    ],
    rest: "https://api.kucoin.com",
    books_per_message: 25,
    // 100 messages in 10 s.
    messages_per_second: 8,
    keepalive: Some((18 * SECOND, r#"{"id":"1","type":"ping"}"#)),
    shows_loss: true,
    token_path: Some("/api/v1/bullet-public"),
    welcomes: true,
    // 2,000 of weight in 30 s, and a snapshot weighs up to 10.
    snapshots_per_minute: 300,
    chain: Chain::Overlapping,
    ..Rules::CAUTIOUS
};

const TICKER: &Fields = &[
    ("price", TickerField::LastPrice, Form::Quote),
    ("bestBid", TickerField::BidPrice, Form::Quote),
    ("bestBidSize", TickerField::BidSize, Form::Quote),
    ("bestAsk", TickerField::AskPrice, Form::Quote),
    ("bestAskSize", TickerField::AskSize, Form::Quote),
];

/// What an answer of REST has for a code if it is a good one.
const GOOD: &[u8] = b"200000";

impl Protocol for KuCoin {
    fn rules(&self) -> Rules {
        RULES
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        Some(format!("/api/v1/market/orderbook/level2_100?symbol={}", topic.symbol))
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let mut push = |channel: &str, symbols: String| {
            let verb = verb.name();
            out.push(format!(
                concat!(
                    r#"{{"id":"{}","type":"{}","topic":"/market/{}:{}","#,
                    r#""privateChannel":false,"response":true}}"#
                ),
                id, verb, channel, symbols
            ));
        };
        let list = |topics: &mut dyn Iterator<Item = &&Topic>| {
            topics.map(|topic| topic.symbol.as_str()).collect::<Vec<_>>().join(",")
        };
        push("level2", list(&mut topics.iter()));
        let trades = list(&mut topics.iter().filter(|topic| topic.trades));
        if verb == Verb::Subscribe && !trades.is_empty() {
            push("match", trades);
        }
        let tickers = list(&mut topics.iter().filter(|topic| topic.ticker));
        if verb == Verb::Subscribe && !tickers.is_empty() {
            push("ticker", tickers);
        }
    }

    fn read_rest(
        &self,
        url: &RestUrl<'_>,
        body: &[u8],
        frame: &mut Frame,
    ) -> Result<(), RestError> {
        let kind = url.path.rsplit('/').next().unwrap_or_default();
        let symbol = url.value("symbol").filter(|_| kind.starts_with("level2"));
        if symbol.is_none() && kind != "bullet-public" {
            return Err(RestError::UnknownUrl);
        }
        let (mut code, mut data) = (&b""[..], None);
        let mut reader = Reader::new(body);
        reader.object(|key, value| {
            match key {
                b"code" => code = value.digits()?,
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let data = data.filter(|_| code == GOOD).ok_or(RestError::Malformed)?;
        match symbol {
            Some(symbol) => Ok(snapshot(symbol.as_bytes(), data, frame)?),
            None => Ok(token(data, frame)?),
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        let (symbol, [first, last], time);
        // As it is today, and as it was in 2021.
        if at.has(br#"{"topic":"/market/level2:"#) {
            at.text()?;
            at.words(br#","type":"message","subject":"trade.l2update","data":{"changes":{"#)?;
            usual_changes(&mut at, frame)?;
            at.words(br#"},"sequenceEnd":"#)?;
            let end = at.integer()?;
            at.words(br#","sequenceStart":"#)?;
            [first, last] = [at.integer()?, end];
            at.words(br#","symbol":""#)?;
            symbol = at.text()?;
            at.words(br#","time":"#)?;
            time = at.integer()?;
            at.words(b"}}")?;
        } else {
            at.words(br#"{"data":{"sequenceStart":"#)?;
            let start = at.integer()?;
            at.words(br#","symbol":""#)?;
            symbol = at.text()?;
            at.words(br#","changes":{"#)?;
            usual_changes(&mut at, frame)?;
            at.words(br#"},"sequenceEnd":"#)?;
            [first, last] = [start, at.integer()?];
            time = if at.has(br#","time":"#) { at.integer()? } else { 0 };
            at.words(br#"},"subject":"trade.l2update","topic":"/market/level2:"#)?;
            at.text()?;
            at.words(br#","type":"message"}"#)?;
        }
        at.end()?;
        frame.sort_levels();
        let link = Link::range(Chain::Overlapping, first, last);
        frame.book(symbol, Content::Delta, link, millis(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut topic, mut data) = (&b""[..], &b""[..], None);
        let (mut code, mut ping) = (0, 0);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"type" => kind = value.text()?,
                b"topic" => topic = value.text()?,
                b"data" => data = Some(value.mark()?),
                b"code" => code = value.mark()?.integer().unwrap_or(0),
                b"pingInterval" => ping = value.mark()?.integer().unwrap_or(0),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, data) {
            (b"message", Some(data)) if topic.starts_with(b"/market/level2:") => {
                changes(data, frame)
            }
            (b"message", Some(data)) if topic.starts_with(b"/market/match:") => trade(data, frame),
            (b"message", Some(data)) if topic.starts_with(TICKERS) => {
                ticker(topic.get(TICKERS.len()..), data, frame)
            }
            (b"message", None) => Err(Rejected::Shape),
            (b"message", _) => {
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
            (b"welcome", _) => {
                frame.welcome(nanos(ping));
                Ok(())
            }
            (b"error", data) => {
                let words = data.map(|mut it| it.text().unwrap_or_default()).unwrap_or_default();
                frame.refused(i64::try_from(code).unwrap_or(0), words);
                Ok(())
            }
            _ => {
                frame.ignore(Ignored::Ack);
                Ok(())
            }
        }
    }
}

/// What stands before the symbol of a ticker.
const TICKERS: &[u8] = b"/market/ticker:";

fn ticker(symbol: Option<&[u8]>, mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let mut time = 0;
    data.object(|key, value| {
        match key {
            b"time" | b"Time" => time = value.mark()?.integer().unwrap_or(0),
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, Extent::Whole, venue_time(time));
    Ok(())
}

/// Nanoseconds of an interval in milliseconds.
fn nanos(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

fn snapshot(symbol: &[u8], mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut id, mut time) = (None, 0);
    data.object(|key, value| {
        match key {
            b"sequence" => id = Some(value.integer()?),
            b"time" => time = value.integer()?,
            b"bids" => frame.rows(Side::Bid, value)?,
            b"asks" => frame.rows(Side::Ask, value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let id = id.ok_or(Rejected::Shape)?;
    frame.book(symbol, Content::Snapshot, Link::range(Chain::Overlapping, id, id), millis(time));
    Ok(())
}

/// `{"token":"..","instanceServers":[{"endpoint":"wss://host/path","pingInterval":18000,..}]}`: the
/// path of the first server.
fn token(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut token, mut endpoint, mut ping) = (&b""[..], None, 0);
    data.object(|key, value| {
        match key {
            b"token" => token = value.text()?,
            b"instanceServers" => value.array(|server| {
                let (mut of, mut every) = (&b""[..], 0);
                server.object(|key, value| {
                    match key {
                        b"endpoint" => of = value.text()?,
                        b"pingInterval" => every = value.integer()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
                if endpoint.is_none() {
                    (endpoint, ping) = (Some(of), every);
                }
                Ok(())
            })?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let endpoint = endpoint.and_then(|it| core::str::from_utf8(it).ok()).ok_or(Rejected::Shape)?;
    let token = core::str::from_utf8(token).map_err(|_| Rejected::Shape)?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'&' | b'?');
    if token.is_empty() || !token.bytes().all(is_plain) {
        return Err(Rejected::Shape);
    }
    let path = RestUrl::parse(endpoint).path;
    let path = if path.is_empty() { "/" } else { path };
    frame.token(&format!("{path}?token={token}"), nanos(ping));
    Ok(())
}

fn changes(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut first, mut last, mut time) = (None, None, None, 0);
    data.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            b"sequenceStart" => first = Some(value.integer()?),
            b"sequenceEnd" => last = Some(value.integer()?),
            b"time" => time = value.integer()?,
            b"changes" => value.object(|key, value| match key {
                b"bids" => rows(Side::Bid, value, frame),
                b"asks" => rows(Side::Ask, value, frame),
                _ => value.skip(),
            })?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(first), Some(last)) = (symbol, first, last) else {
        return Err(Rejected::Shape);
    };
    frame.sort_levels();
    let link = Link::range(Chain::Overlapping, first, last);
    frame.book(symbol, Content::Delta, link, millis(time));
    Ok(())
}

/// `[price, size, sequence]`.
fn rows(side: Side, rows: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    rows.array(|row| {
        let (mut numbers, mut id, mut count) = ([Number::ZERO; 2], None, 0);
        row.array(|field| {
            match count {
                0 | 1 => numbers[count] = field.number()?,
                2 => id = Some(field.integer()?),
                _ => field.skip()?,
            }
            count += 1;
            Ok(())
        })?;
        let id = id.ok_or(Rejected::Shape)?;
        let [price, size] = numbers;
        if price.is_zero() { Ok(()) } else { frame.level_at(side, price, size, id) }
    })
}

/// `"asks":[..],"bids":[..]`.
#[inline]
fn usual_changes(at: &mut Usual<'_>, frame: &mut Frame) -> Option<()> {
    at.words(br#""asks":["#)?;
    usual_rows(Side::Ask, at, frame)?;
    at.words(br#","bids":["#)?;
    usual_rows(Side::Bid, at, frame)
}

/// [`rows`], up to the closing bracket.
#[inline]
fn usual_rows(side: Side, at: &mut Usual<'_>, frame: &mut Frame) -> Option<()> {
    at.items(|row| {
        row.words(b"[\"")?;
        let [price, size] = row.quoted_pair()?;
        row.words(b",\"")?;
        let id = row.integer()?;
        row.words(b"\"]")?;
        if price.digits != 0 {
            frame.level_at(side, Number::Plain(price), Number::Plain(size), id).ok()?;
        }
        Some(())
    })
}

fn trade(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut price, mut size, mut side) = (&b""[..], None, None, Side::Ask);
    let (mut id, mut time) = (0, 0);
    data.object(|key, value| {
        match key {
            b"symbol" => symbol = value.text()?,
            b"price" => price = Some(value.digits()?),
            b"size" => size = Some(value.digits()?),
            b"side" => side = side_of(value.text()?),
            // A number today, hexadecimal in older recordings.
            b"tradeId" => id = numeric_id(value.digits()?),
            b"time" => time = value.integer()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    frame.trade(symbol, (side, price, size), id, venue_time(time))
}
