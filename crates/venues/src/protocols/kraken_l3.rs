//! Kraken spot, WebSocket v2: `level3`, every order by itself, with 10, 100 or 1000 prices a side.
//!
//! No ids: after each message both sides are cut to the depth of the channel, and a checksum over
//! the orders of the ten best prices, in the order of their queues, tells whether they are right.
//! It is made of the digits as they were sent. The ladder knows no orders, so it is compared here.
//!
//! The channel wants a token, which the venue gives for an API key and which is good for 15 minutes
//! until it is first used: it is read from the key file at the start.

use crc32fast::Hasher;
use tickbook_types::{Decimal, Reason, Side};

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339};
use super::kraken::Envelope;
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use crate::counters::Rejected;
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::key::Key;
use crate::level::DecimalLevel;
use crate::orders::{OrderError, OrderId, OrderMap};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct KrakenL3 {
    key: Option<Key>,
    books: Vec<Orders>,
}

/// The orders of a symbol.
#[derive(Debug)]
struct Orders {
    symbol: Box<[u8]>,
    map: OrderMap,
    /// Prices a side of its channel, as acknowledged.
    acked: Option<u32>,
}

/// A subscription of the deepest book counts 100 of 200 a second.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws-l3.kraken.com")],
    rest: "https://api.kraken.com",
    path: "/v2",
    messages_per_second: 2,
    books_per_message: 1,
    keepalive: Some((30 * SECOND, r#"{"method":"ping"}"#)),
    ..Rules::CAUTIOUS
};

/// Prices a side of the channels.
const DEPTHS: [u32; 3] = [10, 100, 1000];

/// Prices a side that the checksum covers.
const CHECKED: usize = 10;

impl Protocol for KrakenL3 {
    fn rules(&self) -> Rules {
        RULES
    }

    fn key_fields(&self) -> &'static [&'static str] {
        &["token"]
    }

    fn take_key(&mut self, key: Key) {
        self.key = Some(key);
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let depth = subscription.depth.unwrap_or(DEPTHS[DEPTHS.len() - 1]);
        if !DEPTHS.contains(&depth) {
            return Err(ConfigError::BadDepth { symbol: subscription.symbol.clone(), depth });
        }
        Ok(Topic { depth: Some(depth), ..Topic::plain(subscription) })
    }

    fn depth_max(&self, topic: &Topic) -> Option<u32> {
        topic.depth
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let token = self.key.as_ref().and_then(|key| key.field("token")).unwrap_or_default();
        for topic in topics {
            let (method, symbol) = (verb.name(), quoted([&topic.symbol]));
            let depth = topic.depth.unwrap_or(DEPTHS[DEPTHS.len() - 1]);
            let params = format!(
                r#""channel":"level3","symbol":[{symbol}],"depth":{depth},"token":"{token}""#
            );
            out.push(format!(r#"{{"method":"{method}","params":{{{params}}},"req_id":{id}}}"#));
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let envelope = Envelope::read(message)?;
        let Envelope { channel, kind, data, .. } = envelope;
        match (channel, data) {
            (b"level3", Some(mut data)) => {
                let whole = match kind {
                    b"snapshot" => true,
                    b"update" => false,
                    _ => return Err(Rejected::Shape),
                };
                data.array(|book| self.book(book, whole, frame))
            }
            (b"level3", None) => Err(Rejected::Shape),
            _ => envelope.aside(frame, |symbol, depth| self.orders(symbol).acked = Some(depth)),
        }
    }
}

impl KrakenL3 {
    fn orders(&mut self, symbol: &[u8]) -> &mut Orders {
        let place = self.books.iter().position(|book| *book.symbol == *symbol);
        let place = place.unwrap_or_else(|| {
            let map = OrderMap::new();
            self.books.push(Orders { symbol: symbol.into(), map, acked: None });
            self.books.len() - 1
        });
        &mut self.books[place]
    }

    fn book(&mut self, book: &mut Reader<'_>, whole: bool, frame: &mut Frame) -> Read<()> {
        let (mut symbol, mut checksum, mut time) = (None, None, &b""[..]);
        let (mut bids, mut asks) = (None, None);
        book.object(|key, value| {
            match key {
                b"symbol" => symbol = Some(value.text()?),
                b"timestamp" => time = value.text()?,
                b"checksum" => {
                    let value = u32::try_from(value.integer()?);
                    checksum = Some(value.map_err(|_| Rejected::Number)?);
                }
                b"bids" => bids = Some(value.mark()?),
                b"asks" => asks = Some(value.mark()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let symbol = symbol.ok_or(Rejected::Shape)?;
        let orders = self.orders(symbol);
        if whole {
            orders.map.clear();
        }
        let mut fault = None;
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            let Some(mut rows) = rows else { continue };
            rows.array(|row| {
                let row = Row::read(row)?;
                if fault.is_none() {
                    fault = row.apply(side, &mut orders.map, frame).err();
                }
                Ok(())
            })?;
        }
        if let Some(error) = fault {
            frame.lost(symbol, error.reason());
            return Ok(());
        }
        let deepest = orders.map.prices(Side::Bid).max(orders.map.prices(Side::Ask));
        if whole && orders.acked.is_none() {
            // A recording without the acknowledgement: the smallest channel that holds this.
            orders.acked = DEPTHS.into_iter().find(|depth| *depth as usize >= deepest);
        }
        if let Some(depth) = orders.acked {
            orders.map.cut(Side::Bid, depth as usize);
            orders.map.cut(Side::Ask, depth as usize);
        }
        if checksum.is_some_and(|wanted| wanted != checksum_of(&orders.map)) {
            frame.lost(symbol, Reason::Checksum);
            return Ok(());
        }
        if whole {
            frame.drop_levels();
            frame.totals(&orders.map);
        }
        let content = if whole { Content::Snapshot } else { Content::Delta };
        frame.book(symbol, content, Link::Free, rfc3339(time));
        frame.depth(orders.acked);
        frame.counted();
        Ok(())
    }
}

/// The venue's checksum: of each order of the ten best prices, asks first, the digits of price and
/// size without point and leading zeros.
fn checksum_of(map: &OrderMap) -> u32 {
    let mut hasher = Hasher::new();
    for side in [Side::Ask, Side::Bid] {
        for (price, size) in map.orders(side, CHECKED) {
            for number in [price, size] {
                let mut text = [0; 39];
                hasher.update(digits(number.mantissa().unsigned_abs(), &mut text));
            }
        }
    }
    hasher.finalize()
}

fn digits(mut number: u128, text: &mut [u8; 39]) -> &[u8] {
    let mut at = text.len();
    while number > 0 && at > 0 {
        at -= 1;
        text[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    &text[at..]
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Add,
    Modify,
    Delete,
}

/// One order of a message.
struct Row {
    what: What,
    id: OrderId,
    price: Decimal,
    size: Decimal,
}

impl Row {
    fn read(row: &mut Reader<'_>) -> Read<Self> {
        let (mut what, mut id) = (What::Add, None);
        let (mut price, mut size) = (None, None);
        row.object(|key, value| {
            match key {
                b"event" => {
                    what = match value.text()? {
                        b"add" => What::Add,
                        b"modify" => What::Modify,
                        b"delete" => What::Delete,
                        _ => return Err(Rejected::Shape),
                    }
                }
                b"order_id" => id = Some(OrderId::text(value.text()?)?),
                b"limit_price" => price = Some(value.digits()?),
                b"order_qty" => size = Some(value.digits()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(id), Some(price)) = (id, price) else { return Err(Rejected::Shape) };
        let size = match (what, size) {
            (What::Delete, _) => b"0",
            (_, size) => size.ok_or(Rejected::Shape)?,
        };
        let DecimalLevel { price, size, .. } = DecimalLevel::parse(price, size, Side::Bid)?;
        Ok(Self { what, id, price, size })
    }

    /// Into the map; the levels that change go to the frame. What is unknown or comes twice the
    /// checksum judges.
    fn apply(&self, side: Side, map: &mut OrderMap, frame: &mut Frame) -> Result<(), OrderError> {
        let Self { what, ref id, price, size } = *self;
        let known = map.find(id);
        let stays = |(its, at): (Side, Decimal)| {
            its == side && (at == price || at.normalised() == price.normalised())
        };
        if what == What::Modify && known.is_some_and(stays) {
            // It keeps its place in the queue.
            frame.total(&map.resize(id, size)?);
            return Ok(());
        }
        if known.is_some() {
            frame.total(&map.remove(id)?);
        }
        if what == What::Add || (what == What::Modify && known.is_some()) {
            frame.total(&map.create(*id, side, price, size)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders out of `price size,...` lists, best first.
    fn map(asks: &str, bids: &str) -> OrderMap {
        let mut map = OrderMap::new();
        let mut id = 0;
        for (side, list) in [(Side::Ask, asks), (Side::Bid, bids)] {
            for row in list.split(',') {
                let (price, size) = row.trim().split_once(' ').unwrap();
                let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
                id += 1;
                map.create(OrderId::Number(id), side, number(price), number(size)).unwrap();
            }
        }
        map
    }

    #[test]
    fn the_checksum_is_that_of_the_orders_in_their_queues() {
        let asks = "64250.1 0.00300000, 64250.1 0.00200000, 64250.4 1.20000000";
        let bids = "64250.0 0.50000000, 64250.0 0.25000000";
        assert_eq!(checksum_of(&map(asks, bids)), 610_570_573);
        let swapped = "64250.1 0.00200000, 64250.1 0.00300000, 64250.4 1.20000000";
        assert_ne!(checksum_of(&map(swapped, bids)), 610_570_573, "the queue counts");
    }

    /// The example of the venue's guide.
    #[test]
    fn the_venues_example() {
        let asks = "44939.5 4.52308393, 44939.5 0.00111261, 44939.5 0.00100000, \
            44939.5 0.01000000, 44950.0 1.0334926, 44953.0 0.64537, 44955.0 0.250000, \
            44959.6 0.35630000, 44959.6 0.35630000, 44960.1 3.38072, 44960.2 0.88967575, \
            44967.0 3.14392283, 44978.5 0.6778960, 44979.2 0.35630000";
        let bids = "44939.4 0.88968699, 44939.4 0.45210000, 44939.4 0.10000000, \
            44939.4 0.14296323, 44939.4 0.25000000, 44939.4 0.10292988, 44939.4 0.33880000, \
            44939.4 1.28140860, 44937.1 0.3346877, 44934.7 0.35630000, 44930.2 0.22734299, \
            44930.2 0.1000000, 44930.2 0.5550000, 44930.2 0.70000000, 44930.2 0.15000000, \
            44928.0 0.105240, 44919.6 0.33870000, 44919.5 0.7610000, 44912.0 0.35630000, \
            44909.7 0.6690000, 44901.9 0.88982";
        assert_eq!(checksum_of(&map(asks, bids)), 1_063_832_831);
    }
}
