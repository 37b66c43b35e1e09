//! Coinbase Exchange, order by order: `full`, with a key; snapshots by REST.
//!
//! Every message about a product has its `sequence`, one above the one before, whether it changes
//! the book or not. The orders of REST name the last one that they contain: they are joined with
//! the messages kept since the subscription, of which the later ones are played over them. An order
//! is on the book from `open` on, shrinks by each `match` in which it is the maker, and leaves with
//! `done`; a taker comes and goes without ever resting, so that its `done` is of no order.
//!
//! The channel wants a signed subscription: HMAC-SHA256 over time, method and path of a fixed
//! request ([`Signature`]).

use tickbook_types::{Decimal, Reason, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, rfc3339, side_of};
use super::kept::Kept;
use super::protocol::{Protocol, Rules, TIME_SECONDS, Topic, Verb, quoted};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::key::Key;
use crate::orders::{OrderError, OrderId, OrderMap};
use crate::rest::{RestError, RestOrders, RestUrl};
use crate::signature::Signature;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct CoinbaseFull {
    products: Vec<Product>,
    key: Option<Key>,
    signature: Option<Signature>,
}

/// The orders of a product.
#[derive(Debug)]
struct Product {
    name: Box<[u8]>,
    map: OrderMap,
    /// Sequence of its last message.
    last: Option<u64>,
    /// Sequence from which on every message is kept, or would be if it had come.
    first_kept: u64,
    /// Sequences that a snapshot was ahead of the stream: what comes of them is in it.
    ahead: core::ops::Range<u64>,
    kept: Kept,
    /// Whether the orders of REST are in it.
    joined: bool,
}

/// Ten requests a second are allowed to an address; a snapshot holds every order.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws-feed.exchange.coinbase.com")],
    rest: "https://api.exchange.coinbase.com",
    books_per_conn: 5,
    shows_loss: true,
    orders: true,
    snapshots_per_minute: 60,
    ..Rules::CAUTIOUS
};

/// A message so far behind the last one is no repetition.
const LATE_MAX: u64 = 64;

/// What stands in a text for the signature of the time at which it is sent.
const SIGNATURE: &str = "$SIGNATURE";

/// What is signed behind the time.
const REQUEST: &str = "GET/users/self/verify";

impl Protocol for CoinbaseFull {
    fn rules(&self) -> Rules {
        RULES
    }

    fn key_fields(&self) -> &'static [&'static str] {
        &["key", "secret", "passphrase"]
    }

    fn take_key(&mut self, key: Key) {
        self.signature = key.field("secret").and_then(Signature::of_base64);
        self.key = Some(key);
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let ids = quoted(topics.iter().map(|topic| topic.symbol.as_str()));
        let what = format!(r#""type":"{}","product_ids":[{ids}]"#, verb.name());
        if verb == Verb::Unsubscribe {
            out.push(format!(r#"{{{what},"channels":["full"]}}"#));
            return;
        }
        let field = |name| self.key.as_ref().and_then(|key| key.field(name)).unwrap_or_default();
        let key = format!(
            concat!(r#""key":"{}","passphrase":"{}","timestamp":"{}","#, r#""signature":"{}""#),
            field("key"),
            field("passphrase"),
            TIME_SECONDS,
            SIGNATURE,
        );
        out.push(format!(r#"{{{what},"channels":["full","heartbeat"],{key}}}"#));
    }

    fn sign(&self, text: String, seconds: i64) -> String {
        let sign = |it: &Signature| it.sign(format!("{seconds}{REQUEST}").as_bytes());
        // A secret that is none is refused by the venue, which is told.
        text.replace(SIGNATURE, &self.signature.as_ref().map(sign).unwrap_or_default())
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        Some(format!("/products/{}/book?level=3", topic.symbol))
    }

    fn read_rest(
        &self,
        url: &RestUrl<'_>,
        body: &[u8],
        frame: &mut Frame,
    ) -> Result<(), RestError> {
        let product = url.path.strip_suffix("/book").and_then(|path| path.rsplit('/').next());
        let product = product.filter(|_| url.value("level") == Some("3"));
        let product = product.ok_or(RestError::UnknownUrl)?;
        let (mut id, mut time, mut sides) = (None, WallNanos(0), 0);
        let mut reader = Reader::new(body);
        reader.object(|key, value| {
            let side = match key {
                b"bids" => Side::Bid,
                b"asks" => Side::Ask,
                b"sequence" => {
                    id = Some(value.integer()?);
                    return Ok(());
                }
                b"time" => {
                    time = rfc3339(value.text()?);
                    return Ok(());
                }
                _ => return value.skip(),
            };
            sides += 1;
            value.array(|row| order_row(row, side, frame))
        })?;
        reader.end()?;
        let (Some(id), 2) = (id, sides) else { return Err(RestError::Malformed) };
        frame.book(product.as_bytes(), Content::Snapshot, Link::Above(id), time);
        Ok(())
    }

    fn lost(&mut self, name: &str) {
        let product = self.product(name.as_bytes());
        product.joined = false;
        product.last = None;
        product.ahead = 0..0;
        product.kept.clear();
    }

    fn join(&mut self, orders: &RestOrders, frame: &mut Frame) -> bool {
        let Some(seq) = orders.seq else { return false };
        let name = orders.symbol.as_bytes();
        let product = self.product(name);
        // With nothing heard since the loss, the next message shows whether it follows.
        if product.last.is_some() && product.first_kept > seq.saturating_add(1) {
            return false;
        }
        if let Err(error) = product.map.fill(&orders.orders) {
            frame.lost(name, error.reason());
            return true;
        }
        frame.totals(&product.map);
        frame.book(name, Content::Snapshot, Link::Above(seq), orders.time);
        frame.counted();
        let kept = core::mem::take(&mut product.kept);
        product.joined = true;
        for message in kept.messages() {
            // They were sound when they were kept, and without a hole.
            let Ok(change) = Change::read(message) else { continue };
            if change.sequence.is_some_and(|it| it > seq) && product.joined {
                product.change(&change, frame);
            }
        }
        product.ahead = product.last.unwrap_or(0).saturating_add(1)..seq.saturating_add(1);
        product.last = Some(product.last.map_or(seq, |last| last.max(seq)));
        product.kept = kept;
        product.kept.clear();
        true
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let change = Change::read(message)?;
        match (change.kind, change.sequence) {
            (b"received" | b"open" | b"done" | b"match" | b"change" | b"activate", Some(at)) => {
                frame.of_book();
                change.check()?;
                let is_new = self.product(change.product).take(message, at, &change, frame);
                if let (true, b"match", Some(price), Some(size)) =
                    (is_new, change.kind, change.price_text, change.size_text)
                {
                    // `side` is the maker's.
                    let level = (change.side.opposite(), price, size);
                    frame.trade(change.product, level, change.trade_id, change.time)?;
                }
            }
            (b"open" | b"done" | b"match" | b"change", None) => return Err(Rejected::Shape),
            (b"error", _) => frame.refused(0, change.words),
            (b"subscriptions", _) => frame.ignore(Ignored::Ack),
            (b"heartbeat", _) => frame.ignore(Ignored::Notice),
            _ => frame.ignore(Ignored::UnusedStream),
        }
        Ok(())
    }
}

/// `[price, size, order_id]`.
fn order_row(row: &mut Reader<'_>, side: Side, frame: &mut Frame) -> Read<()> {
    let (mut numbers, mut id, mut place) = ([&b""[..]; 2], None, 0);
    row.array(|field| {
        match place {
            0 | 1 => numbers[place] = field.digits()?,
            2 => id = Some(OrderId::text(field.text()?)?),
            _ => field.skip()?,
        }
        place += 1;
        Ok(())
    })?;
    frame.order(id.ok_or(Rejected::Shape)?, side, numbers[0], numbers[1])
}

impl CoinbaseFull {
    fn product(&mut self, name: &[u8]) -> &mut Product {
        let place = self.products.iter().position(|product| *product.name == *name);
        let place = place.unwrap_or_else(|| {
            let (map, kept) = (OrderMap::new(), Kept::default());
            let name = name.into();
            self.products.push(Product {
                name,
                map,
                last: None,
                first_kept: 0,
                ahead: 0..0,
                kept,
                joined: false,
            });
            self.products.len() - 1
        });
        &mut self.products[place]
    }
}

impl Product {
    /// Takes a message; `false` if it is a repetition.
    fn take(
        &mut self,
        message: &[u8],
        sequence: u64,
        change: &Change<'_>,
        frame: &mut Frame,
    ) -> bool {
        if self.ahead.contains(&sequence) {
            self.ahead.start = sequence + 1;
            frame.ignore(Ignored::Stale);
            return true;
        }
        let last = self.last;
        // Far behind is no straggler: the venue has begun anew.
        let behind = last.and_then(|last| last.checked_sub(sequence));
        if behind.is_some_and(|behind| behind < LATE_MAX) {
            frame.ignore(Ignored::Duplicate);
            return false;
        }
        (self.last, self.ahead) = (Some(sequence), 0..0);
        let follows = last.is_none_or(|last| last.checked_add(1) == Some(sequence));
        if self.joined && follows {
            self.change(change, frame);
            return true;
        }
        if !follows {
            self.kept.clear();
            if core::mem::take(&mut self.joined) {
                frame.lost(change.product, Reason::Gap);
                return true;
            }
        }
        if last.is_none() || !follows {
            self.first_kept = sequence;
        }
        if !self.kept.push(message) {
            self.kept.clear();
            self.first_kept = sequence.saturating_add(1);
            frame.ignore(Ignored::BufferDropped);
        }
        frame.kept(change.product);
        true
    }

    /// Makes a change; says so if it is one.
    fn change(&mut self, change: &Change<'_>, frame: &mut Frame) {
        match self.apply(change, frame) {
            Ok(true) => {
                let link = Link::Above(change.sequence.unwrap_or(0));
                frame.book(change.product, Content::Delta, link, change.time);
                frame.counted();
            }
            Ok(false) => frame.ignore(Ignored::UnusedStream),
            Err(error) => {
                self.joined = false;
                frame.lost(change.product, error.reason());
            }
        }
    }

    /// `false`: it changes no order that rests.
    fn apply(&mut self, change: &Change<'_>, frame: &mut Frame) -> Result<bool, OrderError> {
        let map = &mut self.map;
        let Some(id) = change.order else { return Ok(false) };
        let rests = map.find(&id);
        match (change.kind, rests) {
            (b"open", _) => {
                let (Some(price), Some(size)) = (change.price, change.size) else {
                    return Ok(false);
                };
                frame.total(&map.create(id, change.side, price, size)?);
            }
            (b"match", _) => {
                let by = change.size.unwrap_or(Decimal::ZERO);
                frame.total(&map.reduce(&id, by)?);
            }
            (b"done", Some(_)) => frame.total(&map.remove(&id)?),
            (b"change", Some((side, price))) => {
                // Only an order for an amount of money has none, and such an order does not rest.
                let size = change.size.ok_or(OrderError::Size)?;
                match change.price.filter(|new| new.normalised() != price.normalised()) {
                    None => frame.total(&map.resize(&id, size)?),
                    Some(new) => {
                        frame.total(&map.remove(&id)?);
                        frame.total(&map.create(id, side, new, size)?);
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A message of the channel, or about it.
#[derive(Debug)]
struct Change<'a> {
    kind: &'a [u8],
    product: &'a [u8],
    sequence: Option<u64>,
    /// The order that rests: of a match the maker.
    order: Option<OrderId>,
    side: Side,
    /// The price; of a change the new one.
    price: Option<Decimal>,
    price_text: Option<&'a [u8]>,
    /// What rests, was matched, or rests from now on.
    size: Option<Decimal>,
    size_text: Option<&'a [u8]>,
    trade_id: u64,
    time: WallNanos,
    words: &'a [u8],
}

impl<'a> Change<'a> {
    fn read(message: &'a [u8]) -> Read<Self> {
        let mut it = Self {
            kind: b"",
            product: b"",
            sequence: None,
            order: None,
            side: Side::Ask,
            price: None,
            price_text: None,
            size: None,
            size_text: None,
            trade_id: 0,
            time: WallNanos(0),
            words: b"",
        };
        let (mut rests, mut maker, mut remaining) = (None, None, None);
        let (mut new_size, mut new_price) = (None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            // Of a market order some are null.
            if value.null()? {
                return Ok(());
            }
            match key {
                b"type" => it.kind = value.text()?,
                b"product_id" => it.product = value.text()?,
                b"sequence" => it.sequence = Some(value.integer()?),
                b"time" => it.time = rfc3339(value.text()?),
                b"order_id" => rests = Some(value.text()?),
                b"maker_order_id" => maker = Some(value.text()?),
                b"side" => it.side = side_of(value.text()?),
                b"price" => it.price_text = Some(value.digits()?),
                b"new_price" => new_price = Some(value.digits()?),
                b"size" => it.size_text = Some(value.digits()?),
                b"remaining_size" => remaining = Some(value.digits()?),
                b"new_size" => new_size = Some(value.digits()?),
                b"trade_id" => it.trade_id = value.integer()?,
                b"message" | b"reason" => it.words = value.text().unwrap_or_default(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let number = |text: Option<&[u8]>| -> Read<Option<Decimal>> {
            let number = text.map(|text| Decimal::parse(text).map_err(|_| Rejected::Number));
            number.transpose()
        };
        let (price, size, order) = match it.kind {
            b"open" => (it.price_text, remaining, rests),
            b"match" => (it.price_text, it.size_text, maker),
            b"change" => (new_price, new_size, rests),
            b"done" => (None, None, rests),
            _ => (None, None, None),
        };
        (it.price, it.size) = (number(price)?, number(size)?);
        it.order = order.map(OrderId::text).transpose()?;
        Ok(it)
    }

    /// Whether it has what its kind needs.
    fn check(&self) -> Read<()> {
        let needs = match self.kind {
            b"open" | b"match" => [true, true, true],
            b"done" | b"change" => [true, false, false],
            _ => [false; 3],
        };
        let has = [self.order.is_some(), self.price.is_some(), self.size.is_some()];
        let lacks = needs.into_iter().zip(has).any(|(needs, has)| needs && !has);
        if lacks || self.product.is_empty() { Err(Rejected::Shape) } else { Ok(()) }
    }
}
