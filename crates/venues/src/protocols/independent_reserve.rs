//! Independent Reserve: `orderbook-COIN`, every order by itself, with a price in each currency.
//!
//! A book is a coin in a currency (`xbt-aud`); the channel and its numbers (`Nonce`) are those of
//! the coin, so a hole hits all of its books. Orders come by REST, without a number but with the
//! time of their making: they are joined with all messages kept since the subscription, if they are
//! no older than the last message that was not kept. Most of these messages are older than the
//! orders, so an order that is created twice, or canceled without being there, says nothing.

use tickbook_types::{Decimal, Padded, Reason, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, millis, rfc3339};
use super::kept::Kept;
use super::protocol::{Protocol, Rules, Topic, Verb, quoted};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::orders::{OrderError, OrderId, OrderMap};
use crate::rest::{RestError, RestOrders, RestUrl};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct IndependentReserve {
    coins: Vec<Coin>,
}

/// A coin's channel.
#[derive(Debug, Default)]
struct Coin {
    name: Box<[u8]>,
    /// Number of its last message.
    nonce: Option<u64>,
    /// Time of its last message, and of the last one that was not kept.
    last: WallNanos,
    not_kept: WallNanos,
    kept: Kept,
    books: Vec<Orders>,
}

/// The orders of a coin in one currency.
#[derive(Debug)]
struct Orders {
    name: Box<[u8]>,
    map: OrderMap,
    /// Whether the orders of REST are in it.
    joined: bool,
}

/// The documentation has no limit; books of a coin have to be on one connection.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://websockets.independentreserve.com")],
    rest: "https://api.independentreserve.com",
    books_per_conn: 1_000,
    shows_loss: true,
    orders: true,
    ..Rules::CAUTIOUS
};

const BOOK: &[u8] = b"orderbook-";
const TICKER: &[u8] = b"ticker-";

impl Protocol for IndependentReserve {
    fn rules(&self) -> Rules {
        RULES
    }

    fn channel_of<'a>(&self, name: &'a str) -> &'a str {
        name.split_once('-').map_or(name, |(coin, _)| coin)
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let mut channels: Vec<String> = Vec::new();
        let mut add = |channel: String| {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        };
        for topic in topics {
            add(format!("orderbook-{}", self.channel_of(&topic.symbol)));
            if topic.trades && verb == Verb::Subscribe {
                add(format!("ticker-{}", topic.symbol));
            }
        }
        let verb = if verb == Verb::Subscribe { "Subscribe" } else { "Unsubscribe" };
        out.push(format!(r#"{{"Event":"{verb}","Data":[{}]}}"#, quoted(channels)));
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        let (coin, currency) = topic.symbol.split_once('-').unwrap_or((&topic.symbol, ""));
        Some(format!(
            "/Public/GetAllOrders?primaryCurrencyCode={coin}&secondaryCurrencyCode={currency}"
        ))
    }

    fn read_rest(
        &self,
        url: &RestUrl<'_>,
        body: &[u8],
        frame: &mut Frame,
    ) -> Result<(), RestError> {
        let coin = url.value("primaryCurrencyCode").ok_or(RestError::UnknownUrl)?;
        let currency = url.value("secondaryCurrencyCode").ok_or(RestError::UnknownUrl)?;
        if !url.path.ends_with("/GetAllOrders") {
            return Err(RestError::UnknownUrl);
        }
        let (mut time, mut sides) = (WallNanos(0), 0);
        let mut reader = Reader::new(body);
        reader.object(|key, value| {
            let side = match key {
                b"BuyOrders" => Side::Bid,
                b"SellOrders" => Side::Ask,
                b"CreatedTimestampUtc" => {
                    time = rfc3339(value.text()?);
                    return Ok(());
                }
                _ => return value.skip(),
            };
            sides += 1;
            value.array(|order| {
                let (mut id, mut price, mut size) = (None, None, None);
                order.object(|key, value| {
                    match key {
                        b"Guid" => id = Some(OrderId::text(value.text()?)?),
                        b"Price" => price = Some(value.digits()?),
                        b"Volume" => size = Some(value.digits()?),
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
                let (Some(id), Some(price), Some(size)) = (id, price, size) else {
                    return Err(Rejected::Shape);
                };
                frame.order(id, side, price, size)
            })
        })?;
        reader.end()?;
        if sides != 2 {
            return Err(RestError::Malformed);
        }
        let name = format!("{}-{}", coin.to_ascii_lowercase(), currency.to_ascii_lowercase());
        frame.book(name.as_bytes(), Content::Snapshot, Link::Free, time);
        Ok(())
    }

    fn opened(&mut self, _line: usize) {
        for coin in &mut self.coins {
            coin.nonce = None;
            coin.forget();
            coin.books.iter_mut().for_each(|book| book.joined = false);
        }
    }

    fn lost(&mut self, name: &str) {
        let coin = self.coin(coin_of(name));
        let known = coin.books.iter().find(|book| *book.name == *name.as_bytes());
        if known.is_some_and(|book| !book.joined) {
            // Whatever happened may have cost one of the messages that were kept.
            coin.forget();
            return;
        }
        coin.book(name.as_bytes()).joined = false;
        if coin.kept.is_empty() {
            coin.not_kept = coin.last;
        }
    }

    fn join(&mut self, orders: &RestOrders, frame: &mut Frame) -> bool {
        let name = orders.symbol.as_bytes();
        let coin = self.coin(coin_of(&orders.symbol));
        if orders.time.0 != 0 && orders.time < coin.not_kept {
            return false;
        }
        coin.book(name);
        let Coin { books, kept, .. } = coin;
        let Some(book) = books.iter_mut().find(|book| *book.name == *name) else { return false };
        if let Err(error) = book.map.fill(&orders.orders) {
            frame.lost(name, error.reason());
            return true;
        }
        frame.totals(&book.map);
        frame.book(name, Content::Snapshot, Link::Free, orders.time);
        frame.counted();
        book.joined = true;
        for message in kept.messages() {
            // They were sound when they were kept.
            let Ok(Some(change)) = Message::read(message).and_then(|it| it.change()) else {
                continue;
            };
            book.change(&change, frame);
        }
        if coin.books.iter().all(|book| book.joined) {
            coin.forget();
        }
        true
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"Channel":"orderbook-"#)?;
        let coin = at.text()?;
        at.words(br#","Nonce":"#)?;
        let nonce = at.integer()?;
        at.words(br#","Data":{"OrderType":"Limit"#)?;
        let side = if at.has(br#"Bid""#) {
            Side::Bid
        } else {
            at.words(br#"Offer""#)?;
            Side::Ask
        };
        at.words(br#","OrderGuid":""#)?;
        let id = OrderId::text(at.text()?).ok()?;
        let (mut what, mut size, mut prices) = (What::Canceled, Decimal::ZERO, None);
        if at.has(br#","Price":"#) {
            what = What::New;
            prices = Some(usual_prices(&mut at)?);
            at.words(br#","Volume":"#)?;
            size = at.number()?.value();
        }
        at.words(br#"},"Time":"#)?;
        let time = millis(at.integer()?);
        if what == What::New {
            at.words(br#","Event":"NewOrder"}"#)?;
        } else {
            at.words(br#","Event":"OrderCanceled"}"#)?;
        }
        at.end()?;
        let change = Change { what, id, side, size, prices, time };
        frame.of_book();
        self.coin(coin).take(message.payload(), nonce, time, Some(change), frame);
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let read = Message::read(message)?;
        if let Some(coin) = read.channel.strip_prefix(BOOK) {
            let change = read.change()?;
            let nonce = read.nonce.ok_or(Rejected::Shape)?;
            frame.of_book();
            self.coin(coin).take(message, nonce, read.time, change, frame);
            return Ok(());
        }
        match (read.channel.strip_prefix(TICKER), read.event, read.data) {
            (Some(pair), b"Trade", Some(data)) => read_trade(data, pair, read.time, frame)?,
            (_, b"Error", data) => refused(data, frame),
            (_, b"Heartbeat", _) => frame.ignore(Ignored::Notice),
            (_, b"Subscriptions", _) => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

/// The coin of a book's name.
fn coin_of(name: &str) -> &[u8] {
    name.split_once('-').map_or(name, |(coin, _)| coin).as_bytes()
}

impl IndependentReserve {
    fn coin(&mut self, name: &[u8]) -> &mut Coin {
        let place = self.coins.iter().position(|coin| *coin.name == *name);
        let place = place.unwrap_or_else(|| {
            self.coins.push(Coin { name: name.into(), ..Coin::default() });
            self.coins.len() - 1
        });
        &mut self.coins[place]
    }
}

impl Coin {
    /// Nothing is kept any more.
    fn forget(&mut self) {
        self.kept.clear();
        self.not_kept = self.last;
    }

    fn book(&mut self, name: &[u8]) -> &mut Orders {
        let place = self.books.iter().position(|book| *book.name == *name);
        let place = place.unwrap_or_else(|| {
            let map = OrderMap::new();
            self.books.push(Orders { name: name.into(), map, joined: false });
            self.books.len() - 1
        });
        &mut self.books[place]
    }

    fn take(
        &mut self,
        message: &[u8],
        nonce: u64,
        time: WallNanos,
        change: Option<Change<'_>>,
        frame: &mut Frame,
    ) {
        let last = self.nonce.replace(nonce);
        self.last = self.last.max(time);
        if last.is_some_and(|last| last.checked_add(1) != Some(nonce)) {
            self.forget();
            for book in &mut self.books {
                book.joined = false;
                frame.lost(&book.name, Reason::Gap);
            }
            return;
        }
        let Some(change) = change else {
            frame.ignore(Ignored::UnusedStream);
            return;
        };
        let mut waits = self.books.is_empty();
        for book in &mut self.books {
            if book.joined {
                book.change(&change, frame);
            } else {
                waits = true;
            }
        }
        if !waits {
            return;
        }
        if !self.kept.push(message) {
            self.forget();
            frame.ignore(Ignored::BufferDropped);
        }
        for book in self.books.iter().filter(|book| !book.joined) {
            frame.kept(&book.name);
        }
    }
}

impl Orders {
    /// Makes a change; says so if it is one.
    fn change(&mut self, change: &Change<'_>, frame: &mut Frame) {
        let currency = self.name.splitn(2, |byte| *byte == b'-').nth(1).unwrap_or_default();
        let total = match change.what {
            What::New => match change.price(currency) {
                Some(price) => self.map.create(change.id, change.side, price, change.size),
                // Not to be had in this currency.
                None => return,
            },
            What::Changed => self.map.resize(&change.id, change.size),
            What::Canceled => self.map.remove(&change.id),
        };
        match total {
            Ok(total) => {
                frame.total(&total);
                frame.book(&self.name, Content::Delta, Link::Free, change.time);
                frame.counted();
            }
            // Of an order from before the snapshot, or of nothing.
            Err(OrderError::Known | OrderError::Unknown | OrderError::Size) => {
                frame.ignore(Ignored::Stale);
            }
            Err(error) => {
                self.joined = false;
                frame.lost(&self.name, error.reason());
            }
        }
    }
}

/// What a change does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    New,
    Changed,
    Canceled,
}

/// A change of an order.
struct Change<'a> {
    what: What,
    id: OrderId,
    side: Side,
    size: Decimal,
    /// A price per currency.
    prices: Option<Reader<'a>>,
    time: WallNanos,
}

impl Change<'_> {
    fn price(&self, currency: &[u8]) -> Option<Decimal> {
        let mut price = None;
        let read = self.prices?.object(|key, value| {
            if key == currency {
                price = Some(decimal(value)?);
                Ok(())
            } else {
                value.skip()
            }
        });
        read.ok().and(price)
    }
}

/// A message, its data not yet read.
struct Message<'a> {
    event: &'a [u8],
    channel: &'a [u8],
    nonce: Option<u64>,
    time: WallNanos,
    data: Option<Reader<'a>>,
}

impl<'a> Message<'a> {
    fn read(message: &'a [u8]) -> Read<Self> {
        let (mut event, mut channel) = (&b""[..], &b""[..]);
        let (mut nonce, mut time, mut data) = (None, WallNanos(0), None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"Event" => event = value.text()?,
                b"Channel" => channel = value.text()?,
                b"Nonce" => nonce = Some(value.integer()?),
                b"Time" => time = millis(value.integer()?),
                b"Data" => data = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        Ok(Self { event, channel, nonce, time, data })
    }

    /// The change it tells of; `None` if it is of another kind.
    fn change(&self) -> Read<Option<Change<'a>>> {
        let what = match self.event {
            b"NewOrder" => What::New,
            b"OrderChanged" => What::Changed,
            b"OrderCanceled" => What::Canceled,
            _ => return Ok(None),
        };
        let (mut id, mut side, mut size, mut prices) = (None, None, None, None);
        self.data.ok_or(Rejected::Shape)?.object(|key, value| {
            match key {
                b"OrderGuid" => id = Some(OrderId::text(value.text()?)?),
                b"OrderType" => {
                    let is_bid = value.text()?.ends_with(b"Bid");
                    side = Some(if is_bid { Side::Bid } else { Side::Ask });
                }
                b"Volume" => size = Some(decimal(value)?),
                b"Price" if value.peek()? == b'{' => {
                    let mut mark = value.mark()?;
                    prices = Some(mark);
                    // All of them now, so that none is found unreadable later.
                    mark.object(|_, price| decimal(price).map(drop))?;
                }
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(id), Some(side)) = (id, side) else { return Err(Rejected::Shape) };
        let size = match (what, size) {
            (What::Canceled, _) => Decimal::ZERO,
            (_, size) => size.ok_or(Rejected::Shape)?,
        };
        if what == What::New && prices.is_none() {
            return Err(Rejected::Shape);
        }
        Ok(Some(Change { what, id, side, size, prices, time: self.time }))
    }
}

/// A price in each currency, as `{"aud":1.5,"usd":1}`.
#[inline]
fn usual_prices<'a>(at: &mut Usual<'a>) -> Option<Reader<'a>> {
    let prices = *at;
    at.words(b"{\"")?;
    loop {
        at.text()?;
        at.words(b":")?;
        at.number()?;
        if !at.has(b",\"") {
            break;
        }
    }
    at.words(b"}")?;
    Some(Reader::new(prices.up_to(at)))
}

fn decimal(value: &mut Reader<'_>) -> Read<Decimal> {
    Decimal::parse(value.digits()?).map_err(|_| Rejected::Number)
}

fn read_trade(mut data: Reader<'_>, pair: &[u8], time: WallNanos, frame: &mut Frame) -> Read<()> {
    let (mut price, mut size, mut side) = (None, None, None);
    data.object(|key, value| {
        match key {
            b"Price" => price = Some(value.digits()?),
            b"Volume" => size = Some(value.digits()?),
            b"Side" => side = Some(super::frame::side_of(value.text()?)),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    match (price, size, side) {
        (Some(price), Some(size), Some(side)) => frame.trade(pair, (side, price, size), 0, time),
        // Without the aggressor's side it is of no use.
        (Some(_), Some(_), None) => {
            frame.ignore(Ignored::UnusedStream);
            Ok(())
        }
        _ => Err(Rejected::Shape),
    }
}

fn refused(data: Option<Reader<'_>>, frame: &mut Frame) {
    let words = data.and_then(|mut data| data.text().ok()).unwrap_or(b"error");
    frame.refused(0, words);
}
