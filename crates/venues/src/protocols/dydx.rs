//! dYdX v3: `v3_orderbook` and `v3_trades`. The exchange has moved on to v4; this is for
//! recordings.
//!
//! A change carries an `offset`; a level takes it only if it is not older than what the level has.
//! The `message_id`s of a connection come out of order at times, so a loss is not told by them.

use std::collections::HashMap;

use tickbook_scan::Plain;
use tickbook_types::{Decimal, Padded, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339, side_of};
use super::protocol::{Protocol, Rules, Topic, Verb};
use super::rows::pair;
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::keyed::Keyed;
use crate::level::Number;
use crate::symbols::SymbolTable;

/// The offset of each level of a book, by side and price without trailing zeros: a price is the
/// same however it is written.
type Offsets = HashMap<(Side, Decimal), u64, Keyed>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Dydx {
    /// Books whose snapshot was seen.
    books: SymbolTable,
    /// The offsets of each.
    offsets: Vec<Offsets>,
    /// Rows of a message until all of it is read.
    rows: Vec<(Side, [Plain; 2])>,
}

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.dydx.exchange")],
    rest: "https://api.dydx.exchange",
    path: "/v3/ws",
    books_per_message: 1,
    ..Rules::CAUTIOUS
};

impl Protocol for Dydx {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            let (verb, symbol) = (verb.name(), &topic.symbol);
            let book = format!(r#""channel":"v3_orderbook","id":"{symbol}""#);
            out.push(format!(r#"{{"type":"{verb}",{book},"includeOffsets":true}}"#));
            if topic.trades && verb == "subscribe" {
                let trades = format!(r#""channel":"v3_trades","id":"{symbol}""#);
                out.push(format!(r#"{{"type":"{verb}",{trades}}}"#));
            }
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"type":"channel_data","connection_id":""#)?;
        at.text()?;
        at.words(br#","message_id":"#)?;
        at.integer()?;
        at.words(br#","id":""#)?;
        let id = at.text()?;
        at.words(br#","channel":"v3_orderbook","contents":{"offset":""#)?;
        let offset = at.integer()?;
        at.words(br#"","bids":["#)?;
        self.rows.clear();
        at.items(|row| self.usual_row(Side::Bid, row))?;
        at.words(br#","asks":["#)?;
        at.items(|row| self.usual_row(Side::Ask, row))?;
        at.words(b"}}")?;
        at.end()?;
        let mut offsets = self.books.find(id).and_then(|book| self.offsets.get_mut(book));
        for (side, [price, size]) in self.rows.drain(..) {
            let [price, size] = [price, size].map(Number::Plain);
            put((side, price, size), offset, offsets.as_deref_mut(), frame).ok()?;
        }
        frame.book(id, Content::Delta, Link::Free, WallNanos(0));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut kind, mut channel, mut id) = (&b""[..], &b""[..], &b""[..]);
        let (mut contents, mut words) = (None, &b""[..]);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"type" => kind = value.text()?,
                b"channel" => channel = value.text()?,
                b"id" => id = value.text()?,
                b"contents" => contents = Some(value.mark()?),
                b"message" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (kind, channel, contents) {
            (b"subscribed", b"v3_orderbook", Some(contents)) => self.whole(id, contents, frame),
            (b"channel_data", b"v3_orderbook", Some(contents)) => self.change(id, contents, frame),
            (b"subscribed" | b"channel_data", b"v3_orderbook", None) => Err(Rejected::Shape),
            (b"channel_data", b"v3_trades", Some(contents)) => trades(id, contents, frame),
            // They were before the subscription.
            (b"subscribed", b"v3_trades", _) => {
                frame.ignore(Ignored::Stale);
                Ok(())
            }
            (b"error", ..) => {
                frame.refused(0, words);
                Ok(())
            }
            (b"connected" | b"unsubscribed", ..) => {
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

impl Dydx {
    /// `{"bids":[{"price":..,"offset":..,"size":..}],"asks":[..]}`.
    fn whole(&mut self, id: &[u8], mut contents: Reader<'_>, frame: &mut Frame) -> Read<()> {
        let book = self.books.find(id).unwrap_or_else(|| {
            self.offsets.push(Offsets::default());
            self.books.add(id)
        });
        let offsets = &mut self.offsets[book];
        offsets.clear();
        contents.object(|key, rows| {
            let Some(side) = side_of_key(key) else { return rows.skip() };
            rows.array(|row| {
                let (mut price, mut size, mut offset) = (None, None, 0);
                row.object(|key, value| {
                    match key {
                        b"price" => price = Some(value.number()?),
                        b"size" => size = Some(value.number()?),
                        b"offset" => offset = value.integer()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
                let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
                offsets.insert((side, price.value().normalised()), offset);
                frame.put(side, price, size)
            })
        })?;
        frame.book(id, Content::Snapshot, Link::Free, WallNanos(0));
        Ok(())
    }

    /// `{"offset":..,"bids":[[price,size]],"asks":[..]}`.
    fn change(&mut self, id: &[u8], contents: Reader<'_>, frame: &mut Frame) -> Read<()> {
        let mut offset = None;
        { contents }.object(|key, value| {
            match key {
                b"offset" => offset = Some(value.integer()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let offset = offset.ok_or(Rejected::Shape)?;
        let mut offsets = self.books.find(id).and_then(|book| self.offsets.get_mut(book));
        { contents }.object(|key, rows| {
            let Some(side) = side_of_key(key) else { return rows.skip() };
            rows.array(|row| {
                let [price, size] = pair(row)?;
                put((side, price, size), offset, offsets.as_deref_mut(), frame)
            })
        })?;
        frame.book(id, Content::Delta, Link::Free, WallNanos(0));
        Ok(())
    }

    /// `["price","size"]`.
    #[inline]
    fn usual_row(&mut self, side: Side, row: &mut Usual<'_>) -> Option<()> {
        row.words(b"[\"")?;
        let pair = row.quoted_pair()?;
        self.rows.push((side, pair));
        row.words(b"]")
    }
}

/// A level of a change, unless it is older than what the book has; `None`: none is known.
#[inline]
fn put(
    (side, price, size): (Side, Number, Number),
    offset: u64,
    offsets: Option<&mut Offsets>,
    frame: &mut Frame,
) -> Read<()> {
    if let Some(offsets) = offsets {
        let known = offsets.entry((side, price.value().normalised())).or_insert(offset);
        if offset < *known {
            return Ok(());
        }
        *known = offset;
    }
    frame.put(side, price, size)
}

/// `{"trades":[{"size":..,"side":"SELL","price":..,"createdAt":..}]}`, without ids.
fn trades(symbol: &[u8], mut contents: Reader<'_>, frame: &mut Frame) -> Read<()> {
    contents.object(|key, value| {
        if key != b"trades" {
            return value.skip();
        }
        value.array(|trade| {
            let (mut side, mut price, mut size) = (Side::Ask, None, None);
            let mut time = &b""[..];
            trade.object(|key, value| {
                match key {
                    b"side" => side = side_of(value.text()?),
                    b"price" => price = Some(value.digits()?),
                    b"size" => size = Some(value.digits()?),
                    b"createdAt" => time = value.text()?,
                    _ => value.skip()?,
                }
                Ok(())
            })?;
            let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
            frame.trade(symbol, (side, price, size), 0, rfc3339(time))
        })
    })
}

fn side_of_key(key: &[u8]) -> Option<Side> {
    match key {
        b"bids" => Some(Side::Bid),
        b"asks" => Some(Side::Ask),
        _ => None,
    }
}
