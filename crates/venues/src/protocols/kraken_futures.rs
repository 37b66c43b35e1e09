//! Kraken Futures: `book`, one numbered change a message, and `ticker`.

use tickbook_types::{Padded, Side, TickerField};

use super::chain::Link;
use super::frame::{Content, Frame, millis, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct KrakenFutures;

/// A connection without messages from the client is cut after a minute; any message will do.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://futures.kraken.com")],
    rest: "https://futures.kraken.com",
    path: "/ws/v1",
    keepalive: Some((30 * SECOND, r#"{"event":"subscribe","feed":"heartbeat"}"#)),
    shows_loss: true,
    ..Rules::CAUTIOUS
};

/// The relative rate is a fraction, as everywhere else; `funding_rate` is dollars a contract.
const TICKER: &Fields = &[
    ("bid", TickerField::BidPrice, Form::Quote),
    ("bid_size", TickerField::BidSize, Form::Quote),
    ("ask", TickerField::AskPrice, Form::Quote),
    ("ask_size", TickerField::AskSize, Form::Quote),
    ("last", TickerField::LastPrice, Form::Quote),
    ("markPrice", TickerField::MarkPrice, Form::Quote),
    ("index", TickerField::IndexPrice, Form::Quote),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    ("relative_funding_rate", TickerField::FundingRate, Form::Plain),
    ("next_funding_rate_time", TickerField::NextFunding, Form::Millis),
];

impl Protocol for KrakenFutures {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut push = |feed: &str, ids: String| {
            let verb = verb.name();
            out.push(format!(r#"{{"event":"{verb}","feed":"{feed}","product_ids":[{ids}]}}"#));
        };
        push("book", quoted(topics.iter().map(|topic| topic.symbol.as_str())));
        let aside = |wanted: fn(&Topic) -> bool| {
            let topics = topics.iter().filter(|topic| wanted(topic) && verb == Verb::Subscribe);
            quoted(topics.map(|topic| topic.symbol.as_str()))
        };
        let feeds = [("trade", aside(|topic| topic.trades)), ("ticker", aside(|it| it.ticker))];
        for (feed, ids) in feeds.into_iter().filter(|(_, ids)| !ids.is_empty()) {
            push(feed, ids);
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"feed":"book","product_id":""#)?;
        let product = at.text()?;
        let side = if at.has(br#","side":"buy""#) {
            Side::Bid
        } else {
            at.words(br#","side":"sell""#)?;
            Side::Ask
        };
        at.words(br#","seq":"#)?;
        let id = at.integer()?;
        at.words(br#","price":"#)?;
        let price = at.number()?;
        at.words(br#","qty":"#)?;
        let size = at.number()?;
        at.words(br#","timestamp":"#)?;
        let time = at.integer()?;
        at.words(b"}")?;
        at.end()?;
        frame.put_plain(side, [price, size]);
        frame.book(product, Content::Delta, Link::Next(id), millis(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut event, mut feed, mut product) = (&b""[..], &b""[..], &b""[..]);
        let (mut words, mut id, mut time) = (&b""[..], None, 0);
        let (mut side, mut price, mut size) = (Side::Ask, None, None);
        let (mut bids, mut asks) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"event" => event = value.text()?,
                b"feed" => feed = value.text()?,
                b"product_id" => product = value.text()?,
                b"message" => words = value.text().unwrap_or_default(),
                b"seq" => id = Some(value.integer()?),
                b"timestamp" | b"time" => time = value.mark()?.integer().unwrap_or(0),
                b"side" => side = side_of(value.text()?),
                b"price" => price = Some(value.mark()?),
                b"qty" => size = Some(value.mark()?),
                b"bids" => bids = Some(value.mark()?),
                b"asks" => asks = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let level = price.zip(size);
        match (event, feed) {
            (b"", b"book_snapshot") => {
                let (Some(mut bids), Some(mut asks), Some(id)) = (bids, asks, id) else {
                    return Err(Rejected::Shape);
                };
                frame.objects(Side::Bid, ("price", "qty"), &mut bids)?;
                frame.objects(Side::Ask, ("price", "qty"), &mut asks)?;
                frame.book(product, Content::Snapshot, Link::Next(id), millis(time));
            }
            (b"", b"book") => {
                let (Some((mut price, mut size)), Some(id)) = (level, id) else {
                    return Err(Rejected::Shape);
                };
                frame.put(side, price.number()?, size.number()?)?;
                frame.book(product, Content::Delta, Link::Next(id), millis(time));
            }
            (b"", b"trade") => {
                let (mut price, mut size) = level.ok_or(Rejected::Shape)?;
                let level = (side, price.digits()?, size.digits()?);
                frame.trade(product, level, id.unwrap_or(0), millis(time))?;
            }
            // `ticker_lite` is in recordings.
            (b"", b"ticker" | b"ticker_lite") => {
                frame.figures(TICKER, &mut Reader::new(message))?;
                frame.ticker(Some(product), Extent::Whole, millis(time));
            }
            (b"error" | b"alert", _) => frame.refused(0, words),
            (b"info", _) | (b"", b"heartbeat") => frame.ignore(Ignored::Notice),
            (b"", _) => frame.ignore(Ignored::UnusedStream),
            _ => frame.ignore(Ignored::Ack),
        }
        Ok(())
    }
}
