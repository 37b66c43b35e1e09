//! Coinbase Exchange: `level2_batch` (and `level2` in recordings), whole books.
//!
//! The channel has neither ids nor checksums: a lost message cannot be seen.

use tickbook_types::{Padded, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339, side_of};
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
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

/// Sent with every match.
const TICKER: &Fields = &[
    ("best_bid", TickerField::BidPrice, Form::Quote),
    ("best_bid_size", TickerField::BidSize, Form::Quote),
    ("best_ask", TickerField::AskPrice, Form::Quote),
    ("best_ask_size", TickerField::AskSize, Form::Quote),
    ("price", TickerField::LastPrice, Form::Quote),
];

impl Protocol for CoinbaseExchange {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let ids = quoted(topics.iter().map(|topic| topic.symbol.as_str()));
        let wants = |wanted: fn(&Topic) -> bool| {
            verb == Verb::Subscribe && topics.iter().any(|topic| wanted(topic))
        };
        let mut channels = r#""level2_batch""#.to_owned();
        if wants(|topic| topic.trades) {
            channels.push_str(r#","heartbeat","matches""#);
        }
        if wants(|topic| topic.ticker) {
            channels.push_str(r#","ticker""#);
        }
        let verb = verb.name();
        out.push(format!(r#"{{"type":"{verb}","product_ids":[{ids}],"channels":[{channels}]}}"#));
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"type":"l2update","product_id":""#)?;
        let product = at.text()?;
        at.words(br#","changes":["#)?;
        at.sided_rows(frame)?;
        at.words(br#","time":""#)?;
        let time = at.time(frame)?;
        at.words(b"}")?;
        at.end()?;
        frame.book(product, Content::Delta, Link::Free, time);
        Some(())
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
            (b"ticker", ..) => {
                frame.figures(TICKER, &mut Reader::new(message))?;
                frame.ticker(Some(product), Extent::Whole, rfc3339(time));
            }
            (b"error", ..) => frame.refused(0, words),
            (b"subscriptions", ..) => frame.ignore(Ignored::Ack),
            (b"heartbeat", ..) => frame.ignore(Ignored::Notice),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}
