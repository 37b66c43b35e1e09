//! Bitstamp: `live_orders`, every order by itself; and `live_trades`.
//!
//! There is no snapshot that fits the stream (one from REST plants orders that are never deleted):
//! the book starts empty when the venue acknowledges the subscription, or in a recording with its
//! first order, and holds what was placed since. So orders from before are changed and deleted
//! without ever having been seen: a change puts them into the book, a deletion says nothing.
//!
//! An order that is matched at once is told first at its limit: the book is crossed until the
//! matches are told. A deletion may name the price of the match: orders are removed by id alone.
//!
//! Each event names the one before it (`pre_event_id`). Recordings of 2015 do not have that yet.

use tickbook_types::{Decimal, Padded, Reason, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::level::venue_time;
use crate::orders::{OrderError, OrderId, OrderMap};
use crate::symbols::SymbolTable;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct BitstampL3 {
    pairs: SymbolTable,
    /// Orders of each pair.
    books: Vec<Orders>,
}

/// The orders of a pair.
#[derive(Debug)]
struct Orders {
    map: OrderMap,
    /// The last event, where events have ids.
    last: Option<OrderId>,
}

const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.bitstamp.net")],
    rest: "https://www.bitstamp.net",
    books_per_message: 1,
    keepalive: Some((30 * SECOND, r#"{"event":"bts:heartbeat"}"#)),
    shows_loss: true,
    crosses: true,
    ..Rules::CAUTIOUS
};

const ORDERS: &[u8] = b"live_orders_";
const TRADES: &[u8] = b"live_trades_";

impl Protocol for BitstampL3 {
    fn rules(&self) -> Rules {
        RULES
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        for topic in topics {
            let mut say = |channel: &str| {
                let (verb, pair) = (verb.name(), &topic.symbol);
                out.push(format!(
                    r#"{{"event":"bts:{verb}","data":{{"channel":"{channel}_{pair}"}}}}"#
                ));
            };
            say("live_orders");
            if topic.trades && verb == Verb::Subscribe {
                say("live_trades");
            }
        }
    }

    fn has_ids(&self) -> bool {
        self.books.iter().all(|orders| orders.last.is_some())
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        let (order, pair, chain, deleted);
        // As it is today, and as it was in 2015.
        if at.has(br#"{"event":"order_"#) {
            deleted = usual_kind(&mut at)?;
            at.words(br#","channel":"live_orders_"#)?;
            pair = at.text()?;
            at.words(br#","event_id":""#)?;
            let id = at.text()?;
            at.words(br#","pre_event_id":""#)?;
            let before = at.text()?;
            at.words(br#","order_source":""#)?;
            at.text()?;
            at.words(br#","data":"#)?;
            order = usual_order(&mut at)?;
            at.words(b"}")?;
            chain = Some((OrderId::text(before).ok()?, OrderId::text(id).ok()?));
        } else {
            at.words(br#"{"data":"#)?;
            order = old_order(&mut at)?;
            at.words(br#","channel":"live_orders_"#)?;
            pair = at.text()?;
            at.words(br#","event":"order_"#)?;
            deleted = usual_kind(&mut at)?;
            at.words(b"}")?;
            chain = None;
        }
        at.end()?;
        self.order(pair, deleted, &order, chain, frame).ok()
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut event, mut channel, mut data) = (&b""[..], &b""[..], None);
        let (mut id, mut before) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"event" => event = value.text()?,
                b"channel" => channel = value.text()?,
                b"data" => data = Some(value.mark()?),
                b"event_id" => id = Some(OrderId::text(value.text()?)?),
                b"pre_event_id" => before = Some(OrderId::text(value.text()?)?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let pair = channel.strip_prefix(ORDERS);
        match (event, pair, data) {
            (b"order_created" | b"order_changed" | b"order_deleted", Some(pair), Some(data)) => {
                let order = Order::read(data)?;
                let chain = before.zip(id);
                self.order(pair, event == b"order_deleted", &order, chain, frame)?;
            }
            (b"bts:subscription_succeeded", Some(pair), _) => self.start(pair, frame),
            (b"trade", _, Some(data)) => match channel.strip_prefix(TRADES) {
                Some(pair) => read_trade(data, pair, frame)?,
                None => frame.ignore(Ignored::UnusedStream),
            },
            (b"order_created" | b"order_changed" | b"order_deleted", ..) => {
                return Err(Rejected::Shape);
            }
            (b"bts:error", _, data) => refused(data, frame)?,
            (b"bts:heartbeat" | b"bts:request_reconnect", ..) => frame.ignore(Ignored::Notice),
            _ if event.starts_with(b"bts:") => frame.ignore(Ignored::Ack),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

impl BitstampL3 {
    /// The book of a pair begins, without an order.
    fn start(&mut self, pair: &[u8], frame: &mut Frame) {
        let (orders, _) = self.orders(pair);
        orders.map.clear();
        orders.last = None;
        frame.book(pair, Content::Snapshot, Link::Free, WallNanos(0));
        frame.counted();
    }

    /// The orders of a pair, and whether they are new.
    fn orders(&mut self, pair: &[u8]) -> (&mut Orders, bool) {
        let known = self.pairs.find(pair);
        let place = known.unwrap_or_else(|| {
            self.books.push(Orders { map: OrderMap::new(), last: None });
            self.pairs.add(pair)
        });
        (&mut self.books[place], known.is_none())
    }

    fn order(
        &mut self,
        pair: &[u8],
        deleted: bool,
        order: &Order,
        chain: Option<(OrderId, OrderId)>,
        frame: &mut Frame,
    ) -> Read<()> {
        let (orders, is_new) = self.orders(pair);
        let content = if is_new { Content::Snapshot } else { Content::Delta };
        if let Some((before, id)) = chain {
            let last = orders.last.replace(id);
            if last.is_some_and(|last| last != before) {
                frame.lost(pair, Reason::Gap);
                return Ok(());
            }
        }
        match order.apply(deleted, &mut orders.map, frame) {
            Ok(()) => {
                frame.book(pair, content, Link::Free, order.time);
                frame.counted();
            }
            Err(error) => frame.lost(pair, error.reason()),
        }
        Ok(())
    }
}

/// An order as an event tells it.
struct Order {
    id: u64,
    side: Side,
    price: Decimal,
    size: Decimal,
    time: WallNanos,
}

impl Order {
    fn read(mut data: Reader<'_>) -> Read<Self> {
        let (mut id, mut side, mut time) = (None, None, WallNanos(0));
        let (mut price, mut size) = (Digits::default(), Digits::default());
        data.object(|key, value| {
            match key {
                b"id" => id = Some(value.integer()?),
                b"order_type" => side = Some(value.integer()?),
                b"price" => price.bare(value.digits()?),
                b"price_str" => price.text(value.digits()?),
                b"amount" => size.bare(value.digits()?),
                b"amount_str" => size.text(value.digits()?),
                b"microtimestamp" => time = venue_time(value.integer()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let side = match side {
            Some(0) => Side::Bid,
            Some(1) => Side::Ask,
            _ => return Err(Rejected::Shape),
        };
        let id = id.ok_or(Rejected::Shape)?;
        let (price, size) = (price.number()?, size.number()?);
        if size.mantissa() < 0 {
            Err(Rejected::Number)
        } else {
            Ok(Self { id, side, price, size, time })
        }
    }

    /// Into the map; the levels that change go to the frame.
    fn apply(
        &self,
        deleted: bool,
        map: &mut OrderMap,
        frame: &mut Frame,
    ) -> Result<(), OrderError> {
        let Self { side, price, size, .. } = *self;
        let rests = (!deleted && !size.is_zero()).then_some((side, price, size));
        map.put(OrderId::Number(self.id), rests, |total| frame.total(total))
    }
}

/// The rest of an order's event; whether the order is gone.
#[inline]
fn usual_kind(at: &mut Usual<'_>) -> Option<bool> {
    if at.has(br#"deleted""#) {
        return Some(true);
    }
    if !at.has(br#"created""#) {
        at.words(br#"changed""#)?;
    }
    Some(false)
}

/// The side, as a digit.
#[inline]
fn usual_side(at: &mut Usual<'_>) -> Option<Side> {
    if at.has(b"0") {
        return Some(Side::Bid);
    }
    at.words(b"1")?;
    Some(Side::Ask)
}

/// An order as it is written today.
#[inline]
fn usual_order(at: &mut Usual<'_>) -> Option<Order> {
    at.words(br#"{"id":"#)?;
    let id = at.integer()?;
    at.words(br#","id_str":""#)?;
    at.text()?;
    at.words(br#","order_type":"#)?;
    let side = usual_side(at)?;
    if at.has(br#","order_subtype":"#) {
        at.integer()?;
    }
    at.words(br#","datetime":""#)?;
    at.text()?;
    at.words(br#","microtimestamp":""#)?;
    let time = venue_time(at.integer()?);
    at.words(br#"","amount":"#)?;
    at.number()?;
    at.words(br#","amount_str":""#)?;
    let size = at.number()?.value();
    at.words(br#"","amount_traded":""#)?;
    at.text()?;
    at.words(br#","amount_at_create":""#)?;
    at.text()?;
    at.words(br#","price":"#)?;
    at.number()?;
    at.words(br#","price_str":""#)?;
    let price = at.number()?.value();
    at.words(br#""}"#)?;
    Some(Order { id, side, price, size, time })
}

/// An order as it was written in 2015.
#[inline]
fn old_order(at: &mut Usual<'_>) -> Option<Order> {
    at.words(br#"{"price": ""#)?;
    let price = at.number()?.value();
    at.words(br#"", "amount": ""#)?;
    let size = at.number()?.value();
    at.words(br#"", "datetime": ""#)?;
    at.text()?;
    at.words(br#", "id": "#)?;
    let id = at.integer()?;
    at.words(br#", "order_type": "#)?;
    let side = usual_side(at)?;
    at.words(b"}")?;
    Some(Order { id, side, price, size, time: WallNanos(0) })
}

/// A number that comes twice: bare, which may have been a float, and as text.
#[derive(Clone, Copy, Default)]
struct Digits<'a> {
    bare: Option<&'a [u8]>,
    text: Option<&'a [u8]>,
}

impl<'a> Digits<'a> {
    const fn bare(&mut self, digits: &'a [u8]) {
        self.bare = Some(digits);
    }

    const fn text(&mut self, digits: &'a [u8]) {
        self.text = Some(digits);
    }

    fn digits(self) -> Read<&'a [u8]> {
        self.text.or(self.bare).ok_or(Rejected::Shape)
    }

    fn number(self) -> Read<Decimal> {
        Decimal::parse(self.digits()?).map_err(|_| Rejected::Number)
    }
}

fn read_trade(mut data: Reader<'_>, pair: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut id, mut side, mut time) = (0, None, WallNanos(0));
    let (mut price, mut size) = (Digits::default(), Digits::default());
    data.object(|key, value| {
        match key {
            b"id" => id = value.integer()?,
            b"type" => side = Some(value.integer()?),
            b"price" => price.bare(value.digits()?),
            b"price_str" => price.text(value.digits()?),
            b"amount" => size.bare(value.digits()?),
            b"amount_str" => size.text(value.digits()?),
            b"microtimestamp" => time = venue_time(value.integer()?),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let side = match side {
        Some(0) => Side::Bid,
        Some(_) => Side::Ask,
        // In 2015 nobody said who was the aggressor.
        None => {
            frame.ignore(Ignored::UnusedStream);
            return Ok(());
        }
    };
    frame.trade(pair, (side, price.digits()?, size.digits()?), id, time)
}

fn refused(data: Option<Reader<'_>>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b""[..]);
    if let Some(mut data) = data {
        data.object(|key, value| {
            match key {
                b"code" if value.peek()? != b'n' => code = value.integer()?,
                b"message" => words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
    }
    frame.refused(i64::try_from(code).unwrap_or(0), words);
    Ok(())
}
