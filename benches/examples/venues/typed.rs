//! What a careful user would write for each venue: a book message, typed by `serde`, with texts in
//! place and numbers as integers of eight decimals.
//!
//! One shape serves where venues differ in names only: an alias costs a comparison. What a book
//! needs is read (symbol, ids, levels); other fields are skipped by the parser.

use core::fmt;
use std::hint::black_box;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sonic_rs::from_slice;
use tickbook_types::Venue;

use crate::fixed::{Fixed, Labelled, Row};

/// Levels in a message of `venue`; `None` if it is none of its book messages. All that a book needs
/// has been read then.
pub(crate) fn levels(venue: Venue, text: &[u8]) -> Option<usize> {
    match venue {
        Venue::BinanceSpot | Venue::BinanceUsdm | Venue::BinanceCoinm | Venue::BinanceUs => {
            read::<Data<Binance<'_>>>(text)
        }
        Venue::BybitV5 => read::<Bybit<'_>>(text),
        Venue::OkxV5 | Venue::OkexV3 => read::<List<Okx<'_>>>(text),
        Venue::BitgetV1 | Venue::BitgetV2 | Venue::BitgetV3 => read::<List<Sides>>(text),
        Venue::Poloniex => read::<List<Poloniex<'_>>>(text),
        Venue::Hyperliquid => read::<Data<Hyperliquid<'_>>>(text),
        Venue::Deribit => read::<Params<Data<Deribit<'_>>>>(text),
        Venue::CoinbaseAdvanced => read::<Coinbase<'_>>(text),
        Venue::CoinbaseExchange => {
            read::<Changes<'_>>(text).or_else(|| read::<CoinbaseWhole<'_>>(text))
        }
        Venue::Gemini => read::<Changes<'_>>(text),
        Venue::CryptoCom => read::<Outcome<CryptoCom<'_>>>(text),
        Venue::Gate | Venue::GateFutures => read::<Outcome<Gate<'_>>>(text),
        Venue::Upbit => read::<Upbit<'_>>(text),
        Venue::HitBtc => read::<Params<HitBtc<'_>>>(text),
        Venue::AscendEx => read::<Data<AscendEx>>(text),
        Venue::BitFlyer => read::<Params<BitFlyer<'_>>>(text),
        Venue::KrakenFutures => {
            read::<KrakenChange<'_>>(text).or_else(|| read::<KrakenWhole<'_>>(text))
        }
        Venue::KrakenV1 => read::<KrakenV1>(text),
        Venue::KrakenV2 => read::<List<KrakenV2<'_>>>(text),
        Venue::BitMex => read::<List<BitMex<'_>>>(text),
        Venue::DydxV3 => read::<Contents<Sides>>(text).or_else(|| read::<Contents<Objects>>(text)),
        Venue::Ftx => read::<Data<Sides>>(text),
        Venue::Bitfinex => read::<Bitfinex>(text).or_else(|| read::<BitfinexWhole>(text)),
        Venue::KuCoin => read::<Data<KuCoin<'_>>>(text),
        Venue::Bitstamp => read::<Data<Bitstamp<'_>>>(text),
        Venue::BitstampL3 => read::<Data<BitstampOrder>>(text),
        Venue::Huobi => read::<Tick<Sides>>(text),
        Venue::Phemex => read::<Phemex<'_>>(text),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a> + Levels>(text: &'a [u8]) -> Option<usize> {
    let message: T = from_slice(text).ok()?;
    Some(black_box(&message).levels())
}

/// How many levels there are in something.
trait Levels {
    fn levels(&self) -> usize;
}

impl<T> Levels for Vec<T> {
    fn levels(&self) -> usize {
        self.len()
    }
}

/// A message of one value under one key.
macro_rules! wrapped {
    ($($name:ident $key:literal)*) => { $(
        #[derive(Deserialize)]
        struct $name<T> {
            #[serde(rename = $key)]
            inner: T,
        }

        impl<T: Levels> Levels for $name<T> {
            fn levels(&self) -> usize {
                self.inner.levels()
            }
        }
    )* };
}

wrapped! { Data "data" Params "params" Outcome "result" Contents "contents" Tick "tick" }

/// Several books under `data`.
#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
}

impl<T: Levels> Levels for List<T> {
    fn levels(&self) -> usize {
        self.data.iter().map(Levels::levels).sum()
    }
}

/// A message with fields that are read, of which some hold levels.
macro_rules! message {
    ($name:ident<$life:lifetime> $levels:expr, { $($fields:tt)* }) => {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "made to be timed; nobody looks at it")]
        struct $name<$life> { $($fields)* }

        impl Levels for $name<'_> {
            fn levels(&self) -> usize {
                let levels: fn(&Self) -> usize = $levels;
                levels(self)
            }
        }
    };
}

message! { Binance<'a> |it| it.b.len() + it.a.len(), {
    #[serde(rename = "E")]
    time: u64,
    #[serde(borrow)]
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: Option<u64>,
    b: Vec<Row>,
    a: Vec<Row>,
}}

message! { Bybit<'a> |it| it.data.levels(), {
    #[serde(borrow)]
    topic: &'a str,
    r#type: &'a str,
    ts: u64,
    data: BybitBook<'a>,
}}

message! { BybitBook<'a> |it| it.b.len() + it.a.len(), {
    #[serde(borrow)]
    s: &'a str,
    b: Vec<Row>,
    a: Vec<Row>,
    u: u64,
    seq: u64,
}}

message! { Okx<'a> |it| it.bids.len() + it.asks.len(), {
    asks: Vec<Row>,
    bids: Vec<Row>,
    #[serde(borrow, alias = "timestamp")]
    ts: &'a str,
    checksum: Option<i64>,
}}

message! { Poloniex<'a> |it| it.bids.len() + it.asks.len(), {
    #[serde(borrow)]
    symbol: &'a str,
    asks: Vec<Row>,
    bids: Vec<Row>,
    #[serde(rename = "lastId")]
    last: i64,
    id: i64,
}}

message! { Hyperliquid<'a> |it| it.levels.iter().map(Vec::len).sum(), {
    #[serde(borrow)]
    coin: &'a str,
    levels: Vec<Vec<PxSz>>,
}}

message! { Deribit<'a> |it| it.bids.len() + it.asks.len(), {
    timestamp: u64,
    prev_change_id: Option<u64>,
    #[serde(borrow)]
    instrument_name: &'a str,
    change_id: u64,
    bids: Vec<Labelled<'a>>,
    asks: Vec<Labelled<'a>>,
}}

message! { Coinbase<'a> |it| it.events.iter().map(Levels::levels).sum(), {
    sequence_num: u64,
    #[serde(borrow)]
    events: Vec<CoinbaseEvent<'a>>,
}}

message! { CoinbaseEvent<'a> |it| it.updates.len(), {
    #[serde(borrow)]
    r#type: &'a str,
    product_id: &'a str,
    updates: Vec<CoinbaseLevel<'a>>,
}}

#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
struct CoinbaseLevel<'a> {
    #[serde(borrow)]
    side: &'a str,
    price_level: Fixed,
    new_quantity: Fixed,
}

message! { Changes<'a> |it| it.changes.len(), {
    #[serde(borrow, alias = "product_id")]
    symbol: &'a str,
    changes: Vec<Labelled<'a>>,
}}

message! { CoinbaseWhole<'a> |it| it.bids.len() + it.asks.len(), {
    #[serde(borrow)]
    product_id: &'a str,
    bids: Vec<Row>,
    asks: Vec<Row>,
}}

message! { CryptoCom<'a> |it| it.data.levels(), {
    #[serde(borrow)]
    instrument_name: &'a str,
    data: [Sides; 1],
}}

message! { Gate<'a> |it| it.b.len() + it.a.len(), {
    t: u64,
    #[serde(borrow)]
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<Row>,
    a: Vec<Row>,
}}

message! { Upbit<'a> |it| 2 * it.obu.len(), {
    #[serde(borrow)]
    cd: &'a str,
    tms: u64,
    obu: Vec<UpbitUnit>,
}}

#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
struct UpbitUnit {
    ap: Fixed,
    bp: Fixed,
    r#as: Fixed,
    bs: Fixed,
}

message! { HitBtc<'a> |it| it.ask.len() + it.bid.len(), {
    ask: Vec<PriceSize>,
    bid: Vec<PriceSize>,
    #[serde(borrow)]
    symbol: &'a str,
    sequence: u64,
}}

message! { BitFlyer<'a> |it| it.message.levels(), {
    #[serde(borrow)]
    channel: &'a str,
    message: Objects,
}}

message! { KrakenChange<'a> |_| 1, {
    #[serde(borrow)]
    product_id: &'a str,
    side: &'a str,
    seq: u64,
    price: Fixed,
    qty: Fixed,
}}

message! { KrakenWhole<'a> |it| it.bids.len() + it.asks.len(), {
    #[serde(borrow)]
    product_id: &'a str,
    seq: u64,
    bids: Vec<PriceSize>,
    asks: Vec<PriceSize>,
}}

message! { KrakenV2<'a> |it| it.bids.len() + it.asks.len(), {
    #[serde(borrow)]
    symbol: &'a str,
    bids: Vec<PriceSize>,
    asks: Vec<PriceSize>,
    checksum: u32,
}}

message! { BitMex<'a> |_| 1, {
    #[serde(borrow)]
    symbol: &'a str,
    id: u64,
    side: &'a str,
    size: Option<Fixed>,
    price: Option<Fixed>,
}}

message! { KuCoin<'a> |it| it.changes.levels(), {
    #[serde(rename = "sequenceStart")]
    first: u64,
    #[serde(borrow)]
    symbol: &'a str,
    changes: Sides,
    #[serde(rename = "sequenceEnd")]
    last: u64,
}}

message! { Bitstamp<'a> |it| it.bids.len() + it.asks.len(), {
    #[serde(borrow)]
    microtimestamp: &'a str,
    bids: Vec<Row>,
    asks: Vec<Row>,
}}

message! { Phemex<'a> |it| it.book.levels(), {
    book: Sides,
    sequence: u64,
    #[serde(borrow)]
    symbol: &'a str,
    r#type: &'a str,
}}

#[derive(Deserialize)]
struct AscendEx {
    #[serde(rename = "seqnum")]
    _seqnum: u64,
    asks: Vec<Row>,
    bids: Vec<Row>,
}

impl Levels for AscendEx {
    fn levels(&self) -> usize {
        self.asks.len() + self.bids.len()
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
struct BitstampOrder {
    id: u64,
    price: Fixed,
    amount: Fixed,
    order_type: u8,
}

impl Levels for BitstampOrder {
    fn levels(&self) -> usize {
        1
    }
}

/// `bids` and `asks` as rows.
#[derive(Deserialize)]
struct Sides {
    bids: Vec<Row>,
    asks: Vec<Row>,
}

impl Levels for Sides {
    fn levels(&self) -> usize {
        self.bids.len() + self.asks.len()
    }
}

impl Levels for [Sides; 1] {
    fn levels(&self) -> usize {
        self[0].levels()
    }
}

/// `bids` and `asks` as objects.
#[derive(Deserialize)]
struct Objects {
    bids: Vec<PriceSize>,
    asks: Vec<PriceSize>,
}

impl Levels for Objects {
    fn levels(&self) -> usize {
        self.bids.len() + self.asks.len()
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
struct PriceSize {
    price: Fixed,
    #[serde(alias = "qty")]
    size: Fixed,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
struct PxSz {
    px: Fixed,
    sz: Fixed,
}

/// `[id, {…}, …]`, with one object of changes or two.
struct KrakenV1(usize);

impl Levels for KrakenV1 {
    fn levels(&self) -> usize {
        self.0
    }
}

#[derive(Deserialize)]
struct KrakenSides {
    #[serde(default, alias = "as")]
    a: Vec<Row>,
    #[serde(default, alias = "bs")]
    b: Vec<Row>,
}

impl<'de> Deserialize<'de> for KrakenV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(KrakenVisitor)
    }
}

struct KrakenVisitor;

impl<'de> Visitor<'de> for KrakenVisitor {
    type Value = KrakenV1;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<KrakenV1, A::Error> {
        seq.next_element::<u64>()?;
        let first: KrakenSides =
            seq.next_element()?.ok_or_else(|| A::Error::custom("no changes"))?;
        let mut levels = first.a.len() + first.b.len();
        black_box(&first);
        // The other side, or else the channel's name.
        if let Some(Second(Some(second))) = seq.next_element()? {
            levels += second.a.len() + second.b.len();
            black_box(&second);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(KrakenV1(levels))
    }
}

/// Changes of the other side, if it is not a text that stands there.
struct Second(Option<KrakenSides>);

impl<'de> Deserialize<'de> for Second {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondVisitor)
    }
}

struct SecondVisitor;

impl<'de> Visitor<'de> for SecondVisitor {
    type Value = Second;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("changes or a text")
    }

    fn visit_str<E>(self, _: &str) -> Result<Second, E> {
        Ok(Second(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Second, A::Error> {
        KrakenSides::deserialize(MapAccessDeserializer::new(map)).map(|it| Second(Some(it)))
    }
}

/// `[channel, [price, count, amount], sequence, time]`.
#[derive(Deserialize)]
struct Bitfinex(
    #[expect(dead_code, reason = "made to be timed; nobody looks at it")] u64,
    #[expect(dead_code, reason = "made to be timed; nobody looks at it")] [Fixed; 3],
    #[expect(dead_code, reason = "made to be timed; nobody looks at it")] u64,
);

impl Levels for Bitfinex {
    fn levels(&self) -> usize {
        1
    }
}

/// `[channel, [[price, count, amount], …], sequence]`.
#[derive(Deserialize)]
struct BitfinexWhole(
    #[expect(dead_code, reason = "made to be timed; nobody looks at it")] u64,
    Vec<[Fixed; 3]>,
    #[expect(dead_code, reason = "made to be timed; nobody looks at it")] u64,
);

impl Levels for BitfinexWhole {
    fn levels(&self) -> usize {
        self.1.len()
    }
}
