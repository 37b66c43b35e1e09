//! BitMEX: `orderBookL2`, a table of levels with ids.
//!
//! Until 2023 a change gave the level's id only, so the price of each id is kept. There are no
//! message ids: of lost messages only an insert shows, by a later change of its level. Sizes are
//! contracts. The ticker is the `instrument` table, a row and then changes of it; `quote` is in
//! recordings.

use std::collections::HashMap;

use tickbook_types::{Padded, Side, TickerField, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::keyed::Keyed;
use crate::level::Number;
use crate::symbols::SymbolTable;

/// Digits of the price of each level of a book, by its id.
type Prices = HashMap<(u64, Side), Number, Keyed>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct BitMex {
    /// Books whose partial was seen.
    books: SymbolTable,
    /// Digits of the price of each level of each.
    prices: Vec<Prices>,
    /// Rows of a message until all of it is read.
    rows: Vec<Entry>,
    /// Symbol of the rows being read.
    symbols: Vec<u8>,
}

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.bitmex.com"), (Endpoint::Former, "wss://www.bitmex.com")],
    rest: "https://www.bitmex.com",
    path: "/realtime",
    books_per_conn: 20,
    keepalive: Some((5 * SECOND, "ping")),
    ..Rules::CAUTIOUS
};

const TICKER: &Fields = &[
    ("bidPrice", TickerField::BidPrice, Form::Quote),
    ("bidSize", TickerField::BidSize, Form::Quote),
    ("askPrice", TickerField::AskPrice, Form::Quote),
    ("askSize", TickerField::AskSize, Form::Quote),
    ("lastPrice", TickerField::LastPrice, Form::Quote),
    ("markPrice", TickerField::MarkPrice, Form::Quote),
    ("indicativeSettlePrice", TickerField::IndexPrice, Form::Quote),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    ("fundingRate", TickerField::FundingRate, Form::Plain),
    ("fundingTimestamp", TickerField::NextFunding, Form::Rfc3339),
];

/// What a message does to the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Partial,
    Insert,
    Update,
    Delete,
}

impl Protocol for BitMex {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let books = topics.iter().map(|topic| format!("orderBookL2:{}", topic.symbol));
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        let trades = trades.map(|topic| format!("trade:{}", topic.symbol));
        let tickers = topics.iter().filter(|topic| topic.ticker && verb == Verb::Subscribe);
        let tickers = tickers.map(|topic| format!("instrument:{}", topic.symbol));
        let args = quoted(books.chain(trades).chain(tickers));
        out.push(format!(r#"{{"op":"{}","args":[{args}]}}"#, verb.name()));
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"table":"orderBookL2","action":""#)?;
        let change = if at.has(br#"update""#) {
            Change::Update
        } else if at.has(br#"delete""#) {
            Change::Delete
        } else {
            at.words(br#"insert""#)?;
            Change::Insert
        };
        at.words(br#","data":["#)?;
        self.rows.clear();
        let (mut symbol, mut last) = (&b""[..], WallNanos(0));
        at.items(|row| {
            row.words(br#"{"symbol":""#)?;
            let of = row.text()?;
            if self.rows.is_empty() {
                symbol = of;
            } else if symbol != of {
                return None;
            }
            let entry = usual_entry(row, frame, &mut last)?;
            entry.fits(change).then(|| self.rows.push(entry))
        })?;
        at.words(b"}")?;
        at.end()?;
        if symbol.is_empty() {
            return None;
        }
        if let Some(prices) = self.books.find(symbol).and_then(|book| self.prices.get_mut(book)) {
            // Whether each of these ids is there, before any of them goes.
            if change != Change::Insert && !self.rows.iter().all(|it| prices.contains_key(&it.key))
            {
                return None;
            }
            // One that goes twice is for the general reader to refuse; the book is lost by that.
            for row in self.rows.drain(..) {
                row.apply(change, prices, frame).ok()?;
            }
        }
        frame.book(symbol, Content::Delta, Link::Free, last);
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        if message == b"pong" {
            frame.ignore(Ignored::Ack);
            return Ok(());
        }
        let (mut table, mut action, mut data) = (&b""[..], &b""[..], None);
        let (mut filter, mut error, mut info) = (None, None, false);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"table" => table = value.text()?,
                b"action" => action = value.text()?,
                b"data" => data = Some(value.mark()?),
                b"filter" => filter = Some(value.mark()?),
                b"error" => error = Some(value.text().unwrap_or_default()),
                b"info" => info = value.skip().is_ok(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (table, data, error) {
            (b"orderBookL2", Some(data), _) => {
                let change = match action {
                    b"partial" => Change::Partial,
                    b"insert" => Change::Insert,
                    b"update" => Change::Update,
                    b"delete" => Change::Delete,
                    _ => return Err(Rejected::Shape),
                };
                self.book(data, filter, change, frame)?;
            }
            // The partial tells of a trade before the subscription.
            (b"trade", Some(mut data), _) if action == b"insert" => {
                data.array(|trade| read_trade(trade, frame))?;
            }
            (b"instrument" | b"quote", Some(mut data), _) => {
                // A quote says nothing of the instrument's other fields.
                let whole = action == b"partial" && table == b"instrument";
                let extent = if whole { Extent::Whole } else { Extent::Part };
                data.array(|row| read_ticker(row, extent, frame))?;
            }
            (_, _, Some(words)) => frame.refused(0, words),
            (b"", ..) if info => frame.ignore(Ignored::Notice),
            (b"", ..) => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

impl BitMex {
    /// The rows of a message, one book message for each run of one symbol.
    fn book(
        &mut self,
        mut data: Reader<'_>,
        filter: Option<Reader<'_>>,
        change: Change,
        frame: &mut Frame,
    ) -> Read<()> {
        let content = if change == Change::Partial { Content::Snapshot } else { Content::Delta };
        self.symbols.clear();
        let mut last = WallNanos(0);
        data.array(|row| {
            let row = Row::read(row)?;
            if self.symbols != row.symbol {
                if !self.symbols.is_empty() {
                    frame.book(&self.symbols, content, Link::Free, last);
                }
                self.symbols.clear();
                self.symbols.extend_from_slice(row.symbol);
                if change == Change::Partial {
                    self.begin(row.symbol);
                }
            }
            last = rfc3339(row.time);
            self.level(&row, change, frame)
        })?;
        if let Some(mut filter) = filter.filter(|_| self.symbols.is_empty()) {
            // An empty book is a book too.
            filter.object(|key, value| {
                match key {
                    b"symbol" => self.symbols.extend_from_slice(value.text()?),
                    _ => value.skip()?,
                }
                Ok(())
            })?;
        }
        if self.symbols.is_empty() {
            frame.ignore(Ignored::Notice);
        } else {
            frame.book(&self.symbols, content, Link::Free, last);
        }
        Ok(())
    }

    fn level(&mut self, row: &Row<'_>, change: Change, frame: &mut Frame) -> Read<()> {
        // Nothing is known before the partial.
        let book = self.books.find(row.symbol).and_then(|book| self.prices.get_mut(book));
        let Some(prices) = book else { return Ok(()) };
        let Row { price, size, .. } = *row;
        Entry { key: (row.id, row.side), price, size }.apply(change, prices, frame)
    }

    /// A partial: what was known of a symbol holds no longer.
    fn begin(&mut self, symbol: &[u8]) {
        match self.books.find(symbol).and_then(|book| self.prices.get_mut(book)) {
            Some(prices) => prices.clear(),
            None => {
                self.books.add(symbol);
                self.prices.push(Prices::default());
            }
        }
    }
}

/// What a row says of a level.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: (u64, Side),
    price: Option<Number>,
    size: Option<Number>,
}

impl Entry {
    /// Whether it has what a change needs.
    const fn fits(&self, change: Change) -> bool {
        match change {
            Change::Partial | Change::Insert => self.price.is_some() && self.size.is_some(),
            Change::Update => self.size.is_some(),
            Change::Delete => true,
        }
    }

    #[inline]
    fn apply(self, change: Change, prices: &mut Prices, frame: &mut Frame) -> Read<()> {
        let Self { key, price, size } = self;
        match change {
            Change::Partial | Change::Insert => {
                let (price, size) = price.zip(size).ok_or(Rejected::Shape)?;
                prices.insert(key, price);
                frame.put(key.1, price, size)
            }
            // An id that is not there: its insert was lost.
            Change::Update => {
                let price = *prices.get(&key).ok_or(Rejected::Ids)?;
                frame.put(key.1, price, size.ok_or(Rejected::Shape)?)
            }
            Change::Delete => {
                let price = prices.remove(&key).ok_or(Rejected::Ids)?;
                frame.put(key.1, price, Number::ZERO)
            }
        }
    }
}

/// The rest of a row, behind its symbol; `last` becomes its time, 0 if it has none.
#[inline]
fn usual_entry(row: &mut Usual<'_>, frame: &mut Frame, last: &mut WallNanos) -> Option<Entry> {
    row.words(br#","id":"#)?;
    let id = row.integer()?;
    let side = if row.has(br#","side":"Buy""#) {
        Side::Bid
    } else {
        row.words(br#","side":"Sell""#)?;
        Side::Ask
    };
    let size = if row.has(br#","size":"#) { Some(Number::Plain(row.number()?)) } else { None };
    let price = if row.has(br#","price":"#) { Some(Number::Plain(row.number()?)) } else { None };
    *last = if row.has(br#","timestamp":""#) { row.time(frame)? } else { WallNanos(0) };
    if row.has(br#","transactTime":""#) {
        row.text()?;
    }
    row.words(b"}")?;
    Some(Entry { key: (id, side), price, size })
}

/// A row of the table.
struct Row<'a> {
    symbol: &'a [u8],
    id: u64,
    side: Side,
    price: Option<Number>,
    size: Option<Number>,
    time: &'a [u8],
}

impl<'a> Row<'a> {
    fn read(row: &mut Reader<'a>) -> Read<Self> {
        let (mut symbol, mut id, mut side) = (None, None, None);
        let (mut price, mut size, mut time) = (None, None, &b""[..]);
        row.object(|key, value| {
            match key {
                b"symbol" => symbol = Some(value.text()?),
                b"id" => id = Some(value.integer()?),
                b"side" => side = Some(side_of(value.text()?)),
                b"price" => price = Some(value.number()?),
                b"size" => size = Some(value.number()?),
                b"timestamp" => time = value.text()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        match (symbol, id, side) {
            (Some(symbol), Some(id), Some(side)) => {
                Ok(Self { symbol, id, side, price, size, time })
            }
            _ => Err(Rejected::Shape),
        }
    }
}

fn read_ticker(row: &mut Reader<'_>, extent: Extent, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut time) = (None, &b""[..]);
    row.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            b"timestamp" => time = value.mark()?.text().unwrap_or_default(),
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, extent, rfc3339(time));
    Ok(())
}

fn read_trade(trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut side, mut price, mut size) = (&b""[..], Side::Ask, None, None);
    let mut time = &b""[..];
    trade.object(|key, value| {
        match key {
            b"symbol" => symbol = value.text()?,
            b"side" => side = side_of(value.text()?),
            b"price" => price = Some(value.digits()?),
            b"size" => size = Some(value.digits()?),
            b"timestamp" => time = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    // Its id is a UUID.
    frame.trade(symbol, (side, price, size), 0, rfc3339(time))
}
