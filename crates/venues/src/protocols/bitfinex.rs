//! Bitfinex v2: `book` at precision P0 to P4, one level a message, and at R0, one order a message.
//!
//! Messages name a channel by a number that is valid on its connection only; `subscribed` tells
//! which book or symbol it is. The greeting asks for a sequence number in every message, heartbeats
//! too, so a hole makes all books of the connection stale; for the venue's time; and for checksums,
//! which come as messages of their own behind the change that they are about.
//!
//! The book of precision P0 is named as its symbol (`tBTCUSD`), those of others with it
//! (`tBTCUSD@P1`), in subscriptions too. The levels of R0 are the sums of its orders; its checksums
//! are made of order ids and are not compared.
//!
//! A ticker comes in parts: `ticker`, and of derivatives (`tBTCF0:USTF0`) `status`.

use tickbook_types::{ChecksumKind, Padded, Side, TickerField, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, millis};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::rows::numbers;
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::level::Number;
use crate::orders::{OrderError, OrderId, OrderMap};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Bitfinex {
    lines: Vec<Line>,
}

/// What a connection was told.
#[derive(Debug, Default)]
struct Line {
    /// Flags that the venue has confirmed.
    flags: Option<u64>,
    /// Its channels, by id.
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Channel {
    id: u64,
    kind: Kind,
    /// Name of the book, or symbol of the trades.
    name: Box<str>,
    /// The orders of a book of orders.
    orders: Option<Box<OrderMap>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Book,
    Trades,
    /// One of the channels that a ticker is made of: names and meanings of its places.
    Ticker(&'static [&'static str], &'static Fields),
    /// Candles, books of funding.
    Other,
}

/// A connection may have 25 channels; a book, its trades and two for its ticker are four. 229376
/// are the flags for the time (32768), the sequence number (65536) and checksums (131072).
const RULES: Rules = Rules {
    ws: &[
        (Endpoint::Main, "wss://api-pub.bitfinex.com"),
        (Endpoint::Former, "wss://api.bitfinex.com"),
    ],
    rest: "https://api-pub.bitfinex.com",
    path: "/ws/2",
    books_per_conn: 6,
    keepalive: Some((30 * SECOND, r#"{"event":"ping","cid":1}"#)),
    greeting: &[r#"{"event":"conf","flags":229376}"#],
    shows_loss: true,
    checksums: true,
    ..Rules::CAUTIOUS
};

/// The places of `ticker`. Its sizes are sums of the 25 best levels, and left out.
const TICKER_PLACES: [&str; 7] = ["bid", "", "ask", "", "", "", "last"];

const TICKER: &Fields = &[
    ("bid", TickerField::BidPrice, Form::Quote),
    ("ask", TickerField::AskPrice, Form::Quote),
    ("last", TickerField::LastPrice, Form::Quote),
];

/// The places of `status`. The price of the derivative itself is `ticker`'s.
const STATUS_PLACES: [&str; 18] =
    ["", "", "", "spot", "", "", "", "next", "", "", "", "funding", "", "", "mark", "", "", "open"];

const STATUS: &Fields = &[
    ("spot", TickerField::IndexPrice, Form::Quote),
    ("next", TickerField::NextFunding, Form::Millis),
    ("funding", TickerField::FundingRate, Form::Plain),
    ("mark", TickerField::MarkPrice, Form::Quote),
    ("open", TickerField::OpenInterest, Form::Plain),
];

/// What stands before the symbol of a derivative's status.
const STATUS_KEY: &str = "deriv:";

/// The flag without which a number behind the data is a time.
const SEQUENCE: u64 = 65_536;

/// Levels a side of the channels.
const LENGTHS: [u32; 4] = [1, 25, 100, 250];

const PRECISIONS: [&str; 6] = ["P0", "P1", "P2", "P3", "P4", ORDERS];

/// The precision of a book of orders.
const ORDERS: &str = "R0";

/// Symbol and precision of a book's name.
fn symbol_and_precision(name: &str) -> (&str, &str) {
    let split = name.rsplit_once('@').filter(|(_, precision)| PRECISIONS.contains(precision));
    split.unwrap_or((name, PRECISIONS[0]))
}

fn book_name(symbol: &str, precision: &str) -> String {
    let plain = precision.is_empty() || precision == PRECISIONS[0];
    if plain { symbol.to_owned() } else { format!("{symbol}@{precision}") }
}

impl Protocol for Bitfinex {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let (symbol, precision) = symbol_and_precision(&subscription.symbol);
        if !symbol.starts_with('t') {
            return Err(ConfigError::BadSymbol(symbol.to_owned()));
        }
        let depth = subscription.depth.unwrap_or(LENGTHS[3]);
        if !LENGTHS.contains(&depth) {
            return Err(ConfigError::BadDepth { symbol: symbol.to_owned(), depth });
        }
        Ok(Topic {
            name: book_name(symbol, precision),
            symbol: symbol.to_owned(),
            depth: Some(depth),
            trades: subscription.trades,
            ticker: subscription.ticker,
        })
    }

    fn symbol_of<'a>(&self, name: &'a str) -> &'a str {
        symbol_and_precision(name).0
    }

    fn opened(&mut self, line: usize) {
        if line >= self.lines.len() {
            self.lines.resize_with(line + 1, Line::default);
        }
        self.lines[line] = Line::default();
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            if verb == Verb::Unsubscribe {
                if let Some(id) = self.channel_of(&topic.name) {
                    out.push(format!(r#"{{"event":"unsubscribe","chanId":{id}}}"#));
                }
                continue;
            }
            let symbol = &topic.symbol;
            let subscribe = |channel: &str, rest: &str| {
                let head = format!(r#""event":"subscribe","channel":"{channel}""#);
                format!(r#"{{{head},"symbol":"{symbol}"{rest}}}"#)
            };
            let (_, precision) = symbol_and_precision(&topic.name);
            let length = topic.depth.unwrap_or(LENGTHS[3]);
            let book = format!(r#","prec":"{precision}","freq":"F0","len":"{length}""#);
            out.push(subscribe("book", &book));
            if topic.trades {
                out.push(subscribe("trades", ""));
            }
            if topic.ticker {
                out.push(subscribe("ticker", ""));
            }
            if topic.ticker && symbol.contains("F0:") {
                let key = format!(r#""key":"{STATUS_KEY}{symbol}""#);
                out.push(format!(r#"{{"event":"subscribe","channel":"status",{key}}}"#));
            }
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let line = self.lines.get_mut(frame.line)?;
        let mut at = Usual::new(message);
        at.words(b"[")?;
        let channel = at.integer()?;
        at.words(b",[")?;
        let price = Number::Plain(at.number()?);
        at.words(b",")?;
        let count = Number::Plain(at.number()?);
        at.words(b",")?;
        let amount = at.signed_number()?;
        at.words(b"],")?;
        let mut tail = [Some(at.integer()?), None];
        if at.has(b",") {
            tail[1] = Some(at.integer()?);
        }
        at.words(b"]")?;
        at.end()?;
        let (number, time) = line.number_and_time(tail);
        let Channel { kind: Kind::Book, name, orders: None, .. } = line.channel(channel)? else {
            return None;
        };
        level([price, count, amount], frame).ok()?;
        frame.book(name.as_bytes(), Content::Delta, Link::Free, time);
        frame.number = number;
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let mut reader = Reader::new(message);
        if frame.line >= self.lines.len() {
            self.opened(frame.line);
        }
        let line = &mut self.lines[frame.line];
        if reader.peek()? == b'[' { data(line, reader, frame) } else { event(line, reader, frame) }
    }
}

impl Bitfinex {
    /// The channel that a book has now. Names are unique in a session.
    fn channel_of(&self, name: &str) -> Option<u64> {
        let mut channels = self.lines.iter().flat_map(|line| &line.channels);
        let of_book = |it: &&Channel| it.kind == Kind::Book && *it.name == *name;
        channels.find(of_book).map(|channel| channel.id)
    }
}

impl Line {
    fn channel(&mut self, id: u64) -> Option<&mut Channel> {
        let place = self.channels.binary_search_by_key(&id, |channel| channel.id);
        self.channels.get_mut(place.ok()?)
    }

    /// What the numbers behind the data say.
    fn number_and_time(&self, tail: [Option<u64>; 2]) -> (Option<u64>, WallNanos) {
        let [number, time] = match self.flags {
            Some(flags) if flags & SEQUENCE == 0 => [None, tail[0]],
            _ => tail,
        };
        (number, time.map_or(WallNanos(0), millis))
    }

    fn remove(&mut self, id: u64) {
        self.channels.retain(|channel| channel.id != id);
    }

    /// A new channel; one that was for the same before has ended.
    fn add(&mut self, new: Channel) {
        self.channels.retain(|it| {
            it.id != new.id
                && (new.kind == Kind::Other || (it.kind, &it.name) != (new.kind, &new.name))
        });
        let place = self.channels.partition_point(|channel| channel.id < new.id);
        self.channels.insert(place, new);
    }
}

/// What a data message says, before it is known what its channel is.
#[derive(Default)]
struct Data<'a> {
    channel: u64,
    /// `hb`, `cs`, `te`, `tu`; none for a book.
    word: &'a [u8],
    body: Option<Reader<'a>>,
    /// Of a `cs`.
    checksum: Option<u32>,
    /// What stands behind: the sequence number and the time, where they were asked for.
    tail: [Option<u64>; 2],
}

fn data(line: &mut Line, mut reader: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let mut data = Data::default();
    let (mut place, mut behind) = (0, 0);
    reader.array(|item| {
        place += 1;
        match (place, item.peek()?) {
            (1, _) => data.channel = item.integer()?,
            (2, b'"') => data.word = item.text()?,
            (2, b'[') => data.body = Some(item.mark()?),
            (3, b'[') if !data.word.is_empty() => data.body = Some(item.mark()?),
            (3, _) if data.word == b"cs" => data.checksum = Some(crc32(item.digits()?)?),
            (_, b'0'..=b'9') if behind < 2 => {
                data.tail[behind] = Some(item.integer()?);
                behind += 1;
            }
            _ => item.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    let (number, time) = line.number_and_time(data.tail);
    frame.number = number;
    let Some(Channel { kind, name, orders, .. }) = line.channel(data.channel) else {
        let heartbeat = data.word == b"hb";
        frame.ignore(if heartbeat { Ignored::Notice } else { Ignored::UnknownSymbol });
        return Ok(());
    };
    let name = name.as_bytes();
    match (*kind, data.word, data.body) {
        (_, b"hb", _) => frame.ignore(Ignored::Notice),
        (Kind::Book, b"", Some(body)) => match orders {
            Some(orders) => orders_book(body, name, orders, time, frame)?,
            None => book(body, name, time, frame)?,
        },
        (Kind::Book, b"cs", _) if orders.is_none() => {
            // Behind the change that it is about, which has been applied by then.
            let crc = data.checksum.ok_or(Rejected::Shape)?;
            frame.book(name, Content::Delta, Link::Free, time);
            frame.checksum(ChecksumKind::Bitfinex, crc);
        }
        (Kind::Trades, b"te", Some(body)) => read_trade(body, name, frame)?,
        // The same trade again, a second or two later.
        (Kind::Trades, b"tu", _) => frame.ignore(Ignored::TradeTwice),
        // Trades from before the subscription.
        (Kind::Trades, b"", _) => frame.ignore(Ignored::Stale),
        (Kind::Ticker(places, fields), b"", Some(body)) => {
            read_ticker(body, name, (places, fields), time, frame)?;
        }
        (Kind::Book, b"", None) => return Err(Rejected::Shape),
        _ => frame.ignore(Ignored::UnusedStream),
    }
    Ok(())
}

/// A whole book: rows; or a change: one row.
fn book(body: Reader<'_>, name: &[u8], time: WallNanos, frame: &mut Frame) -> Read<()> {
    let content = rows(body, |_, row| level(row, frame))?;
    frame.book(name, content, Link::Free, time);
    Ok(())
}

/// The same of a book of orders: each goes into the map, and what then rests at its price is the
/// level.
fn orders_book(
    body: Reader<'_>,
    name: &[u8],
    orders: &mut OrderMap,
    time: WallNanos,
    frame: &mut Frame,
) -> Read<()> {
    let (mut begun, mut failed) = (false, None);
    let content = rows(body, |content, row| {
        if content == Content::Snapshot && !core::mem::replace(&mut begun, true) {
            orders.clear();
        }
        if let Err(error) = order(row, orders, frame)? {
            failed = Some(error);
        }
        Ok(())
    })?;
    if content == Content::Snapshot && !begun {
        orders.clear();
    }
    match failed {
        Some(error) => frame.lost(name, error.reason()),
        None => {
            frame.book(name, content, Link::Free, time);
            frame.counted();
        }
    }
    Ok(())
}

/// Reads one row or an array of rows, which is a whole book.
fn rows(
    mut body: Reader<'_>,
    mut take: impl FnMut(Content, [Number; 3]) -> Read<()>,
) -> Read<Content> {
    let (mut flat, mut count, mut nested) = ([Number::ZERO; 3], 0, false);
    body.array(|item| {
        if item.peek()? == b'[' {
            nested = true;
            return take(Content::Snapshot, numbers(item)?);
        }
        match flat.get_mut(count) {
            Some(place) => *place = item.number()?,
            None => item.skip()?,
        }
        count += 1;
        Ok(())
    })?;
    match (nested, count) {
        (_, 0) => Ok(Content::Snapshot),
        (false, 3..) => take(Content::Delta, flat).map(|()| Content::Delta),
        _ => Err(Rejected::Shape),
    }
}

/// `[price, count, amount]`: a count of 0 removes.
fn level([price, count, amount]: [Number; 3], frame: &mut Frame) -> Read<()> {
    let (side, size) = side_and_size(amount);
    let size = if count.is_zero() { Number::ZERO } else { size };
    frame.put(side, price, size)
}

/// `[id, price, amount]`: a price of 0 removes; an id that rests already moves or has another size.
/// One that is removed and does not rest is none of the levels that were sent.
fn order(
    [id, price, amount]: [Number; 3],
    orders: &mut OrderMap,
    frame: &mut Frame,
) -> Read<Result<(), OrderError>> {
    let (side, size) = side_and_size(amount);
    let (price, size) = (price.value(), size.value());
    let id = Some(id.value()).filter(|it| it.exponent() == 0);
    let id = id.and_then(|it| u64::try_from(it.mantissa()).ok()).ok_or(Rejected::Number)?;
    let (id, rests) = (OrderId::Number(id), !price.is_zero());
    let rests = rests.then_some((side, price, size));
    Ok(orders.put(id, rests, |total| frame.total(total)))
}

/// Asks have a negative amount.
fn side_and_size(amount: Number) -> (Side, Number) {
    let (size, negative) = amount.unsigned();
    (if negative { Side::Ask } else { Side::Bid }, size)
}

/// An array whose places have meanings. Without the flag it has no time.
fn read_ticker(
    mut body: Reader<'_>,
    symbol: &[u8],
    (places, fields): (&[&str], &Fields),
    time: WallNanos,
    frame: &mut Frame,
) -> Read<()> {
    let mut places = places.iter();
    body.array(|item| {
        let name = places.next().copied().unwrap_or_default();
        frame.figure(fields, name.as_bytes(), item)
    })?;
    frame.ticker(Some(symbol), Extent::Part, time);
    Ok(())
}

/// `[id, time, amount, price]`.
fn read_trade(mut body: Reader<'_>, symbol: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut id, mut time, mut numbers, mut place) = (0, 0, [&b""[..]; 2], 0);
    body.array(|field| {
        match place {
            0 => id = field.integer()?,
            1 => time = field.integer()?,
            2 | 3 => numbers[place - 2] = field.digits()?,
            _ => field.skip()?,
        }
        place += 1;
        Ok(())
    })?;
    if place < 4 {
        return Err(Rejected::Shape);
    }
    let [amount, price] = numbers;
    let sold = amount.strip_prefix(b"-");
    let (side, size) = sold.map_or((Side::Bid, amount), |size| (Side::Ask, size));
    frame.trade(symbol, (side, price, size), id, millis(time))
}

fn event(line: &mut Line, mut reader: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut event, mut channel, mut symbol) = (&b""[..], &b""[..], "");
    let (mut precision, mut words, mut id) = ("", &b""[..], None);
    let (mut code, mut flags) = (0, None);
    reader.object(|key, value| {
        match key {
            b"event" => event = value.text()?,
            b"channel" => channel = value.text()?,
            b"symbol" => symbol = utf8(value.text()?)?,
            b"key" => symbol = utf8(value.text()?)?.trim_start_matches(STATUS_KEY),
            b"prec" => precision = utf8(value.text()?)?,
            b"chanId" => id = Some(value.integer()?),
            b"code" => code = value.integer()?,
            b"flags" => flags = Some(value.integer()?),
            b"msg" => words = value.text().unwrap_or(b"error"),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    match (event, id) {
        (b"subscribed", Some(id)) => {
            let is_pair = symbol.starts_with('t');
            let (kind, name) = match channel {
                b"book" if is_pair && (precision.is_empty() || PRECISIONS.contains(&precision)) => {
                    (Kind::Book, book_name(symbol, precision))
                }
                b"trades" if is_pair => (Kind::Trades, symbol.to_owned()),
                b"ticker" if is_pair => (Kind::Ticker(&TICKER_PLACES, TICKER), symbol.to_owned()),
                b"status" if is_pair => (Kind::Ticker(&STATUS_PLACES, STATUS), symbol.to_owned()),
                _ => (Kind::Other, symbol.to_owned()),
            };
            let of_orders = kind == Kind::Book && precision == ORDERS;
            let orders = of_orders.then(|| Box::new(OrderMap::new()));
            line.add(Channel { id, kind, name: name.into(), orders });
            frame.ignore(Ignored::Ack);
        }
        (b"subscribed", None) => return Err(Rejected::Shape),
        (b"unsubscribed", Some(id)) => {
            line.remove(id);
            frame.ignore(Ignored::Ack);
        }
        (b"conf", _) => {
            line.flags = flags.or(line.flags);
            frame.ignore(Ignored::Ack);
        }
        (b"error", _) => frame.refused(i64::try_from(code).unwrap_or(0), words),
        (b"info", _) if code == 20_051 => frame.reconnect(),
        // Maintenance begins; it has ended, and all is to be subscribed again.
        (b"info", _) if matches!(code, 20_060 | 20_061) => frame.frozen(),
        (b"info", _) => frame.ignore(Ignored::Notice),
        _ => frame.ignore(Ignored::Ack),
    }
    Ok(())
}

fn utf8(text: &[u8]) -> Read<&str> {
    core::str::from_utf8(text).map_err(|_| Rejected::Shape)
}
