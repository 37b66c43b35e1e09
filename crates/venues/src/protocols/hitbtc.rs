//! HitBTC v2: `subscribeOrderbook`, numbered changes, and `subscribeTrades`.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339};
use super::protocol::{Protocol, Rules, Topic, Verb};
use super::trade::{Clock, TradeKeys};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct HitBtc;

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.hitbtc.com")],
    rest: "https://api.hitbtc.com",
    path: "/api/2/ws/public",
    books_per_message: 1,
    shows_loss: true,
    same_on_all: true,
    ..Rules::CAUTIOUS
};

impl Protocol for HitBtc {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        for topic in topics {
            let (verb, symbol) = (verb.name(), &topic.symbol);
            let trades = topic.trades && verb == "subscribe";
            for what in if trades { &["Orderbook", "Trades"][..] } else { &["Orderbook"] } {
                let params = format!(r#""params":{{"symbol":"{symbol}"}}"#);
                out.push(format!(r#"{{"method":"{verb}{what}",{params},"id":{id}}}"#));
            }
        }
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
            (b"snapshotOrderbook", Some(params), _) => book(params, Content::Snapshot, frame),
            (b"updateOrderbook", Some(params), _) => book(params, Content::Delta, frame),
            (b"updateTrades", Some(params), _) => trades(params, frame),
            // They were before the subscription.
            (b"snapshotTrades", ..) => {
                frame.ignore(Ignored::Stale);
                Ok(())
            }
            (b"", _, None) => {
                frame.ignore(Ignored::Ack);
                Ok(())
            }
            (b"", _, Some(mut error)) => error.object(|key, value| {
                match key {
                    b"message" => frame.refused(0, value.text().unwrap_or_default()),
                    _ => value.skip()?,
                }
                Ok(())
            }),
            _ => {
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
        }
    }
}

fn book(mut params: Reader<'_>, content: Content, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut id, mut time) = (None, None, &b""[..]);
    params.object(|key, value| {
        match key {
            b"ask" => frame.objects(Side::Ask, ("price", "size"), value)?,
            b"bid" => frame.objects(Side::Bid, ("price", "size"), value)?,
            b"symbol" => symbol = Some(value.text()?),
            b"sequence" => id = Some(value.integer()?),
            b"timestamp" => time = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(id)) = (symbol, id) else { return Err(Rejected::Shape) };
    frame.book(symbol, content, Link::Next(id), rfc3339(time));
    Ok(())
}

/// `{"data":[..],"symbol":..}`, in either order.
fn trades(params: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut data) = (None, None);
    { params }.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            b"data" => data = Some(value.mark()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(mut data)) = (symbol, data) else { return Err(Rejected::Shape) };
    data.array(|trade| TRADE.read(symbol, trade, frame))
}

/// A trade.
const TRADE: TradeKeys = TradeKeys {
    symbol: "",
    side: "side",
    price: "price",
    size: "quantity",
    time: "timestamp",
    clock: Clock::Text,
    id: "id",
};
