//! Deribit: `book.INSTRUMENT.100ms` (and `raw` in recordings), JSON-RPC.
//!
//! Changes name the id of the one before. Prices and amounts are bare numbers, at times with an
//! exponent; a book may be empty or one-sided, and an empty one has the id 0. Tickers
//! (`ticker.INSTRUMENT.100ms`) are whole; volatilities are in percent, and a quote of zero is none.

use tickbook_scan::Sort;
use tickbook_types::{Padded, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use super::rows::{OWN, labelled_row};
use super::ticker::{Extent, Fields, Form};
use super::trade::{Clock, TradeKeys};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::level::Number;

/// See the module.
#[derive(Debug)]
pub(crate) struct Deribit;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://www.deribit.com")],
    rest: "https://www.deribit.com",
    path: "/ws/api/v2",
    messages_per_second: 10,
    books_per_conn: 500,
    books_per_message: 100,
    greeting: &[
        r#"{"jsonrpc":"2.0","id":0,"method":"public/set_heartbeat","params":{"interval":30}}"#,
    ],
    shows_loss: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

const TICKER: &Fields = &[
    ("best_bid_price", TickerField::BidPrice, Form::Quote),
    ("best_bid_amount", TickerField::BidSize, Form::Quote),
    ("best_ask_price", TickerField::AskPrice, Form::Quote),
    ("best_ask_amount", TickerField::AskSize, Form::Quote),
    ("last_price", TickerField::LastPrice, Form::Plain),
    ("mark_price", TickerField::MarkPrice, Form::Plain),
    ("index_price", TickerField::IndexPrice, Form::Plain),
    ("underlying_price", TickerField::UnderlyingPrice, Form::Plain),
    ("open_interest", TickerField::OpenInterest, Form::Plain),
    ("current_funding", TickerField::FundingRate, Form::Plain),
    ("mark_iv", TickerField::MarkIv, Form::Percent),
    ("bid_iv", TickerField::BidIv, Form::Percent),
    ("ask_iv", TickerField::AskIv, Form::Percent),
];

/// Within the ticker.
const GREEKS: &Fields = &[
    ("delta", TickerField::Delta, Form::Plain),
    ("gamma", TickerField::Gamma, Form::Plain),
    ("vega", TickerField::Vega, Form::Plain),
    ("theta", TickerField::Theta, Form::Plain),
    ("rho", TickerField::Rho, Form::Plain),
];

/// The answer to a `test_request`, without which the connection is cut.
const ALIVE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"public/test","params":{}}"#;

impl Protocol for Deribit {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = trades.map(|topic| format!("trades.{}.100ms", topic.symbol));
        let books = topics.iter().map(|topic| format!("book.{}.100ms", topic.symbol));
        let tickers = topics.iter().filter(|topic| topic.ticker && verb == Verb::Subscribe);
        let tickers = tickers.map(|topic| format!("ticker.{}.100ms", topic.symbol));
        let channels = quoted(books.chain(trades).chain(tickers));
        let verb = verb.name();
        let method = format!(r#""method":"public/{verb}""#);
        let params = format!(r#""params":{{"channels":[{channels}]}}"#);
        out.push(format!(r#"{{"jsonrpc":"2.0","id":{id},{method},{params}}}"#));
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"jsonrpc":"2.0","method":"subscription","params":{"#)?;
        at.words(br#""channel":"book."#)?;
        at.text()?;
        at.words(br#","data":{"type":"change","timestamp":"#)?;
        let time = at.integer()?;
        at.words(br#","prev_change_id":"#)?;
        let prev = at.integer()?;
        at.words(br#","instrument_name":""#)?;
        let name = at.text()?;
        at.words(br#","change_id":"#)?;
        let id = at.integer()?;
        at.words(br#","bids":["#)?;
        usual_rows(Side::Bid, &mut at, frame)?;
        at.words(br#","asks":["#)?;
        usual_rows(Side::Ask, &mut at, frame)?;
        at.words(b"}}}")?;
        at.end()?;
        frame.book(name, Content::Delta, Link::After { prev, id }, millis(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut method, mut params, mut error) = (&b""[..], None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"method" => method = value.text()?,
                b"params" => params = Some(value.mark()?),
                b"error" => error = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (method, params, error) {
            (b"subscription", Some(params), _) => subscription(params, frame),
            (b"heartbeat", Some(params), _) => heartbeat(params, frame),
            (_, _, Some(error)) => refused(error, frame),
            (b"", ..) => {
                frame.ignore(Ignored::Ack);
                Ok(())
            }
            _ => {
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
        }
    }
}

fn subscription(mut params: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut channel, mut data) = (&b""[..], None);
    params.object(|key, value| {
        match key {
            b"channel" => channel = value.text()?,
            b"data" => data = Some(value.mark()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let mut data = data.ok_or(Rejected::Shape)?;
    if channel.starts_with(b"book.") {
        book(data, frame)
    } else if channel.starts_with(b"trades.") {
        data.array(|trade| TRADE.read(b"", trade, frame))
    } else if channel.starts_with(b"ticker.") {
        ticker(data, frame)
    } else {
        frame.ignore(Ignored::UnusedStream);
        Ok(())
    }
}

fn book(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut name, mut kind, mut time) = (None, None, 0);
    let (mut id, mut prev) = (None, None);
    data.object(|key, value| {
        match key {
            b"instrument_name" => name = Some(value.text()?),
            b"type" => kind = Some(value.text()?),
            b"timestamp" => time = value.integer()?,
            b"change_id" => id = Some(value.integer()?),
            b"prev_change_id" if value.null()? => {}
            b"prev_change_id" => prev = Some(value.integer()?),
            b"bids" => rows(Side::Bid, value, frame)?,
            b"asks" => rows(Side::Ask, value, frame)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(name), Some(id)) = (name, id) else { return Err(Rejected::Shape) };
    // Until 2020 messages had no type; a snapshot then was one without predecessor.
    let content = match (kind, prev) {
        (Some(b"snapshot"), _) | (None, None) => Content::Snapshot,
        (Some(b"change") | None, Some(_)) => Content::Delta,
        _ => return Err(Rejected::Shape),
    };
    frame.book(name, content, Link::After { prev: prev.unwrap_or(0), id }, millis(time));
    Ok(())
}

/// `["new", price, amount]`, `["change", ..]`, `["delete", price, 0.0]`.
fn rows(side: Side, rows: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    frame.levels_of(Sort { grammar: OWN, side: Some(side) }, rows, |frame, row| {
        let (action, [price, size], example) = labelled_row(row)?;
        let is_gone = action == b"delete";
        frame.put(side, price, if is_gone { Number::ZERO } else { size })?;
        // What is gone has a size that is not read.
        Ok(example.filter(|_| !is_gone))
    })
}

/// [`rows`], up to the closing bracket.
#[inline]
fn usual_rows(side: Side, at: &mut Usual<'_>, frame: &mut Frame) -> Option<()> {
    at.items(|row| {
        let delete = !row.has(br#"["new","#) && !row.has(br#"["change","#);
        if delete {
            row.words(br#"["delete","#)?;
        }
        let price = row.number()?;
        row.words(b",")?;
        let size = row.number()?;
        row.words(b"]")?;
        if delete {
            frame.put(side, Number::Plain(price), Number::ZERO).ok()
        } else {
            frame.put_plain(side, [price, size]);
            Some(())
        }
    })
}

fn ticker(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut name, mut time) = (None, 0);
    data.object(|key, value| {
        match key {
            b"instrument_name" => name = Some(value.text()?),
            b"timestamp" => time = value.mark()?.integer().unwrap_or(0),
            b"greeks" if value.peek()? == b'{' => frame.figures(GREEKS, value)?,
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(name, Extent::Whole, millis(time));
    Ok(())
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "instrument_name",
    side: "direction",
    price: "price",
    size: "amount",
    time: "timestamp",
    clock: Clock::Millis,
    id: "trade_id",
};

fn heartbeat(mut params: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let mut wants_answer = false;
    params.object(|key, value| {
        match key {
            b"type" => wants_answer = value.text()? == b"test_request",
            _ => value.skip()?,
        }
        Ok(())
    })?;
    if wants_answer {
        frame.answer(ALIVE);
    } else {
        frame.ignore(Ignored::Notice);
    }
    Ok(())
}

fn refused(mut error: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b""[..]);
    error.object(|key, value| {
        match key {
            b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
            b"message" => words = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    frame.refused(code, words);
    Ok(())
}
