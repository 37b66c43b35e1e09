//! Hyperliquid: `l2Book`, every message a whole book of up to 20 levels a side.

use tickbook_types::{Side, TickerField, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, millis};
use super::protocol::{Protocol, Recovery, Rules, SECOND, Topic, Verb};
use super::ticker::{Extent, Fields, Form};
use super::trade::{Clock, TradeKeys};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Hyperliquid;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.hyperliquid.xyz")],
    rest: "https://api.hyperliquid.xyz",
    path: "/ws",
    messages_per_second: 20,
    keepalive: Some((30 * SECOND, r#"{"method":"ping"}"#)),
    recovery: Recovery::NextMessage,
    times_grow: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

/// The oracle's price is the index.
const TICKER: &Fields = &[
    ("markPx", TickerField::MarkPrice, Form::Quote),
    ("oraclePx", TickerField::IndexPrice, Form::Quote),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    ("funding", TickerField::FundingRate, Form::Plain),
];

impl Protocol for Hyperliquid {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let verb = verb.name();
        for topic in topics {
            let wanted = [
                ("l2Book", true),
                ("trades", topic.trades && verb == "subscribe"),
                ("activeAssetCtx", topic.ticker && verb == "subscribe"),
            ];
            for (kind, _) in wanted.iter().filter(|(_, wanted)| *wanted) {
                let coin = &topic.symbol;
                let what = format!(r#"{{"type":"{kind}","coin":"{coin}"}}"#);
                out.push(format!(r#"{{"method":"{verb}","subscription":{what}}}"#));
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut channel, mut data) = (&b""[..], None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (channel, data) {
            (b"l2Book", Some(data)) => book(data, frame),
            (b"trades", Some(mut data)) => data.array(|trade| TRADE.read(b"", trade, frame)),
            // Spot has a channel of its own name.
            (b"activeAssetCtx" | b"activeSpotAssetCtx", Some(data)) => ticker(data, frame),
            (b"error", Some(mut data)) => {
                frame.refused(0, data.text().unwrap_or_default());
                Ok(())
            }
            (b"subscriptionResponse" | b"pong", _) => {
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

fn book(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut coin, mut time, mut sides) = (None, 0, 0);
    data.object(|key, value| {
        match key {
            b"coin" => coin = Some(value.text()?),
            b"time" => time = value.integer()?,
            b"levels" => value.array(|rows| {
                sides += 1;
                let side = if sides == 1 { Side::Bid } else { Side::Ask };
                frame.objects(side, ("px", "sz"), rows)
            })?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    if sides != 2 {
        return Err(Rejected::Shape);
    }
    frame.book(coin.ok_or(Rejected::Shape)?, Content::Snapshot, Link::Free, millis(time));
    Ok(())
}

/// `{"coin":..,"ctx":{..}}`, without a time.
fn ticker(mut data: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let mut coin = None;
    data.object(|key, value| match key {
        b"coin" => {
            coin = Some(value.text()?);
            Ok(())
        }
        b"ctx" => frame.figures(TICKER, value),
        _ => value.skip(),
    })?;
    frame.ticker(coin, Extent::Whole, WallNanos(0));
    Ok(())
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "coin",
    side: "side",
    price: "px",
    size: "sz",
    time: "time",
    clock: Clock::Millis,
    id: "tid",
};
