//! What a careful user would write: typed JSON straight into fixed point, ordered maps for books.

use core::fmt;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use serde::Deserialize;
use serde::de::{Error, Visitor};

use tickbook_types::{LevelRecord, Price, Side, Size};

/// A decimal string as an integer with `DECIMALS` decimals.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fixed<const DECIMALS: usize>(pub i64);

impl<const DECIMALS: usize> Fixed<DECIMALS> {
    /// The number in `text`, if it is one and has an integer at this many decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut value = 0_i64;
        for digit in whole.bytes() {
            value = push(value, digit)?;
        }
        let mut digits = fraction.bytes();
        for _ in 0..DECIMALS {
            value = push(value, digits.next().unwrap_or(b'0'))?;
        }
        digits.all(|digit| digit == b'0').then_some(Self(value))
    }
}

#[inline]
fn push(value: i64, digit: u8) -> Option<i64> {
    if !digit.is_ascii_digit() {
        return None;
    }
    value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
}

impl<'de, const DECIMALS: usize> Deserialize<'de> for Fixed<DECIMALS> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FixedVisitor)
    }
}

struct FixedVisitor<const DECIMALS: usize>;

impl<const DECIMALS: usize> Visitor<'_> for FixedVisitor<DECIMALS> {
    type Value = Fixed<DECIMALS>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Fixed::parse(text).ok_or_else(|| E::custom("not a decimal"))
    }
}

/// A diff, typed, with prices of `P` and sizes of `S` decimals.
#[derive(Debug, Deserialize)]
pub struct Diff<'a, const P: usize, const S: usize> {
    /// Event time.
    #[serde(rename = "E")]
    pub event_time: u64,
    /// Symbol.
    #[serde(rename = "s", borrow)]
    pub symbol: &'a str,
    /// First id.
    #[serde(rename = "U")]
    pub first: u64,
    /// Last id.
    #[serde(rename = "u")]
    pub last: u64,
    /// Bids.
    #[serde(rename = "b")]
    pub bids: Vec<(Fixed<P>, Fixed<S>)>,
    /// Asks.
    #[serde(rename = "a")]
    pub asks: Vec<(Fixed<P>, Fixed<S>)>,
}

/// What a combined stream wraps around a message.
#[derive(Debug, Deserialize)]
struct Combined<'a, const P: usize, const S: usize> {
    #[serde(borrow)]
    data: Diff<'a, P, S>,
}

impl<'a, const P: usize, const S: usize> Diff<'a, P, S> {
    /// The diff in `text`, alone or wrapped by a combined stream.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Option<Self> {
        if text.starts_with(b"{\"stream\"") {
            return sonic_rs::from_slice(text).ok().map(|wrapped: Combined<'a, P, S>| wrapped.data);
        }
        sonic_rs::from_slice(text).ok()
    }

    /// Its levels, bids first.
    pub fn records(&self) -> impl Iterator<Item = LevelRecord> + '_ {
        records(&self.bids, &self.asks)
    }
}

fn records<'a, const P: usize, const S: usize>(
    bids: &'a [(Fixed<P>, Fixed<S>)],
    asks: &'a [(Fixed<P>, Fixed<S>)],
) -> impl Iterator<Item = LevelRecord> + 'a {
    let bids = bids.iter().map(|level| (level, Side::Bid));
    let all = bids.chain(asks.iter().map(|level| (level, Side::Ask)));
    all.map(|((price, size), side)| {
        LevelRecord::new(Price(price.0), Size(size.0.cast_unsigned()), side)
    })
}

/// A snapshot, typed.
#[derive(Debug, Deserialize)]
pub struct Snapshot {
    /// Last id it holds.
    #[serde(rename = "lastUpdateId")]
    pub last: u64,
    /// Bids.
    pub bids: Vec<(Fixed<8>, Fixed<8>)>,
    /// Asks.
    pub asks: Vec<(Fixed<8>, Fixed<8>)>,
}

impl Snapshot {
    /// Its levels, bids first.
    pub fn records(&self) -> impl Iterator<Item = LevelRecord> + '_ {
        records(&self.bids, &self.asks)
    }
}

/// A price and a size with eight decimals.
pub type Pair = (i64, i64);

/// A book as two ordered maps.
#[derive(Clone, Debug, Default)]
pub struct MapBook {
    /// Bids.
    pub bids: BTreeMap<i64, i64>,
    /// Asks.
    pub asks: BTreeMap<i64, i64>,
    /// Last id.
    pub last: u64,
}

impl MapBook {
    /// Best levels, best first.
    #[must_use]
    pub fn top(&self, depth: usize) -> (Vec<Pair>, Vec<Pair>) {
        let copied = |(&price, &size): (&i64, &i64)| (price, size);
        let bids = self.bids.iter().rev().take(depth).map(copied).collect();
        (bids, self.asks.iter().take(depth).map(copied).collect())
    }

    /// Applies a diff, unless it is older than the book.
    pub fn apply(&mut self, diff: &Diff<'_, 8, 8>) {
        if diff.last <= self.last {
            return;
        }
        self.last = diff.last;
        set(&mut self.bids, &diff.bids);
        set(&mut self.asks, &diff.asks);
    }

    /// Begins with a snapshot.
    #[must_use]
    pub fn from_snapshot(snapshot: &Snapshot) -> Self {
        let mut book = Self { last: snapshot.last, ..Self::default() };
        set(&mut book.bids, &snapshot.bids);
        set(&mut book.asks, &snapshot.asks);
        book
    }
}

#[inline]
fn set(side: &mut BTreeMap<i64, i64>, levels: &[(Fixed<8>, Fixed<8>)]) {
    for &(price, size) in levels {
        if size.0 == 0 {
            side.remove(&price.0);
        } else {
            side.insert(price.0, size.0);
        }
    }
}

/// The books of a feed behind one lock each, as readers in other threads need it.
#[derive(Debug, Default)]
pub struct MapBooks {
    /// By symbol.
    pub books: HashMap<String, Mutex<MapBook>>,
}
