//! Coinbase Advanced Trade: `level2` (received as `l2_data`), whole books.
//!
//! `sequence_num` counts every frame of the connection, whatever its channel; so a hole makes all
//! books of the connection stale. The first frame of a busy product has 5 MB.

use tickbook_scan::{Example, Sort};
use tickbook_types::{Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, numeric_id, rfc3339, side_of};
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use super::rows::{OWN, example_at};
use super::ticker::{Extent, Fields, Form};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct CoinbaseAdvanced;

/// Few products on a connection, since a loss hits them all; heartbeats keep quiet ones open.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://advanced-trade-ws.coinbase.com")],
    rest: "https://api.coinbase.com",
    books_per_conn: 8,
    books_per_message: 8,
    greeting: &[r#"{"type":"subscribe","channel":"heartbeats"}"#],
    shows_loss: true,
    ..Rules::CAUTIOUS
};

/// Sent with matches only.
const TICKER: &Fields = &[
    ("best_bid", TickerField::BidPrice, Form::Quote),
    ("best_bid_quantity", TickerField::BidSize, Form::Quote),
    ("best_ask", TickerField::AskPrice, Form::Quote),
    ("best_ask_quantity", TickerField::AskSize, Form::Quote),
    ("price", TickerField::LastPrice, Form::Quote),
];

impl Protocol for CoinbaseAdvanced {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let ids = |topics: &mut dyn Iterator<Item = &&Topic>| {
            quoted(topics.map(|topic| topic.symbol.as_str()))
        };
        let mut push = |channel: &str, ids: &str| {
            let verb = verb.name();
            out.push(format!(r#"{{"type":"{verb}","product_ids":[{ids}],"channel":"{channel}"}}"#));
        };
        push("level2", &ids(&mut topics.iter()));
        let trades = ids(&mut topics.iter().filter(|topic| topic.trades));
        let tickers = ids(&mut topics.iter().filter(|topic| topic.ticker));
        let aside = [("market_trades", trades), ("ticker", tickers)];
        for (channel, ids) in aside.iter().filter(|_| verb == Verb::Subscribe) {
            if !ids.is_empty() {
                push(channel, ids);
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut channel, mut kind, mut words) = (&b""[..], &b""[..], &b""[..]);
        let (mut time, mut number, mut events) = (&b""[..], None, None);
        let mut is_read = false;
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"timestamp" => time = value.text()?,
                b"sequence_num" => number = Some(value.integer()?),
                // Most messages: what tells how to read it stands before it.
                b"events" if channel == b"l2_data" && !time.is_empty() => {
                    value.array(|event| book(event, time, frame))?;
                    is_read = true;
                }
                b"events" => events = Some(value.mark()?),
                b"type" => kind = value.text()?,
                b"message" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        frame.number = number;
        match (channel, events) {
            (b"l2_data", None) if is_read => Ok(()),
            (b"l2_data", Some(mut events)) => events.array(|event| book(event, time, frame)),
            (b"market_trades", Some(mut events)) => events.array(|event| trades(event, frame)),
            (b"ticker", Some(mut events)) => events.array(|event| tickers(event, time, frame)),
            (b"l2_data" | b"market_trades", None) => Err(Rejected::Shape),
            (b"subscriptions", _) => {
                frame.ignore(Ignored::Ack);
                Ok(())
            }
            (b"heartbeats", _) => {
                frame.ignore(Ignored::Notice);
                Ok(())
            }
            _ if kind == b"error" => {
                frame.refused(0, words);
                Ok(())
            }
            _ => {
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
        }
    }
}

fn book(event: &mut Reader<'_>, time: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut kind, mut product) = (&b""[..], None);
    event.object(|key, value| {
        match key {
            b"type" => kind = value.text()?,
            b"product_id" => product = Some(value.text()?),
            b"updates" => frame.levels_of(Sort { grammar: OWN, side: None }, value, level)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let content = match kind {
        b"snapshot" => Content::Snapshot,
        b"update" => Content::Delta,
        _ => return Err(Rejected::Shape),
    };
    frame.book(product.ok_or(Rejected::Shape)?, content, Link::Free, rfc3339(time));
    Ok(())
}

/// Sides are `bid` and `offer`.
fn level(frame: &mut Frame, update: &mut Reader<'_>) -> Read<Option<Example>> {
    let (mut side, mut price, mut size) = (None, None, None);
    update.peek()?;
    let (_, start) = update.place();
    update.object(|key, value| {
        match key {
            b"side" => {
                side = Some(if value.text()? == b"bid" { Side::Bid } else { Side::Ask });
            }
            b"price_level" => price = Some(value.located_number()?),
            b"new_quantity" => size = Some(value.located_number()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(side), Some((price, at)), Some((size, of))) = (side, price, size) else {
        return Err(Rejected::Shape);
    };
    frame.put(side, price, size)?;
    let example = example_at(update, start, (&price, at), (&size, of));
    Ok(example.map(|example| Example { side: Some(side), ..example }))
}

/// The first message tells of trades before the subscription; they are not passed on.
fn trades(event: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut kind, mut trades) = (&b""[..], None);
    event.object(|key, value| {
        match key {
            b"type" => kind = value.text()?,
            b"trades" => trades = Some(value.mark()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (b"update", Some(mut trades)) = (kind, trades) else {
        frame.ignore(Ignored::Stale);
        return Ok(());
    };
    trades.array(|trade| {
        let (mut product, mut side, mut price, mut size) = (&b""[..], Side::Ask, None, None);
        let (mut time, mut id) = (&b""[..], 0);
        trade.object(|key, value| {
            match key {
                b"product_id" => product = value.text()?,
                b"side" => side = side_of(value.text()?),
                b"price" => price = Some(value.digits()?),
                b"size" => size = Some(value.digits()?),
                b"time" => time = value.text()?,
                b"trade_id" => id = numeric_id(value.digits()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
        frame.trade(product, (side, price, size), id, rfc3339(time))
    })
}

fn tickers(event: &mut Reader<'_>, time: &[u8], frame: &mut Frame) -> Read<()> {
    event.object(|key, value| match key {
        b"tickers" => value.array(|ticker| {
            let mut product = None;
            ticker.object(|key, value| {
                match key {
                    b"product_id" => product = Some(value.text()?),
                    _ => frame.figure(TICKER, key, value)?,
                }
                Ok(())
            })?;
            frame.ticker(product, Extent::Whole, rfc3339(time));
            Ok(())
        }),
        _ => value.skip(),
    })
}
