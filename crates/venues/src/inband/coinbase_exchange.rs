//! Coinbase Exchange: `level2_batch` (and `level2` in recordings), whole books.
//!
//! The channel has neither ids nor checksums: a lost message cannot be seen.

use tickbook_types::Side;

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339, side_of};
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct CoinbaseExchange;

const RULES: Rules = Rules {
    ws: &[
        (Endpoint::Main, "wss://ws-feed.exchange.coinbase.com"),
        (Endpoint::Former, "wss://ws-feed.pro.coinbase.com"),
    ],
    rest: "https://api.exchange.coinbase.com",
    books_per_conn: 20,
    ..Rules::CAUTIOUS
};

impl Protocol for CoinbaseExchange {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let ids = quoted(topics.iter().map(|topic| topic.symbol.as_str()));
        let trades = topics.iter().any(|topic| topic.trades) && verb == Verb::Subscribe;
        let channels =
            if trades { r#""level2_batch","heartbeat","matches""# } else { r#""level2_batch""# };
        let verb = verb.name();
        out.push(format!(r#"{{"type":"{verb}","product_ids":[{ids}],"channels":[{channels}]}}"#));
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut product, mut time) = (&b""[..], &b""[..], &b""[..]);
        let (mut changes, mut words) = (None, &b""[..]);
        let (mut side, mut price, mut size, mut id) = (Side::Ask, None, None, 0);
        let (mut bids, mut asks) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"type" => kind = value.text()?,
                b"product_id" => product = value.text()?,
                b"time" => time = value.text()?,
                b"bids" => bids = Some(value.mark()?),
                b"asks" => asks = Some(value.mark()?),
                b"changes" => changes = Some(value.mark()?),
                b"message" | b"reason" => words = value.text().unwrap_or_default(),
                b"side" => side = side_of(value.text()?),
                b"price" => price = Some(value.mark()?),
                b"size" => size = Some(value.mark()?),
                b"trade_id" => id = value.integer()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, bids, asks, changes) {
            (b"snapshot", Some(mut bids), Some(mut asks), _) => {
                frame.rows(Side::Bid, &mut bids)?;
                frame.rows(Side::Ask, &mut asks)?;
                frame.book(product, Content::Snapshot, Link::Free, rfc3339(time));
            }
            (b"l2update", _, _, Some(mut changes)) => {
                frame.sided_rows(&mut changes)?;
                frame.book(product, Content::Delta, Link::Free, rfc3339(time));
            }
            (b"snapshot" | b"l2update", ..) => return Err(Rejected::Shape),
            (b"match", ..) => {
                let (Some(mut price), Some(mut size)) = (price, size) else {
                    return Err(Rejected::Shape);
                };
                // `side` is the maker's.
                let level = (side.opposite(), price.digits()?, size.digits()?);
                frame.trade(product, level, id, rfc3339(time))?;
            }
            (b"error", ..) => frame.refused(0, words),
            (b"subscriptions", ..) => frame.ignore(Ignored::Ack),
            (b"heartbeat", ..) => frame.ignore(Ignored::Notice),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}
