//! A market: messages of level changes as a venue's diff stream has them.
//!
//! By default 7.6 changes a message, 45 % of them deletes, in a book of about 4,300 levels: what
//! was counted in recordings of a busy pair.

use std::collections::BTreeMap;

use tickbook_types::{LevelRecord, Price, Scale, Side, Size};

use crate::random::Random;

/// Exponents of the market's prices and sizes.
pub const SCALE: Scale = Scale { price_exponent: -2, size_exponent: -5 };

/// Levels of both sides that the book hovers around.
const LEVELS: usize = 4_308;

/// Where the price starts, in ticks.
const START: i64 = 6_100_000;

/// A seeded market that makes messages on demand.
#[derive(Clone, Debug)]
pub struct Market {
    random: Random,
    /// Per side, keyed by distance order: a bid's key is its price negated.
    sides: [BTreeMap<i64, u64>; 2],
    mid: i64,
    /// Levels of both sides that the book hovers around.
    levels: usize,
}

impl Default for Market {
    fn default() -> Self {
        Self::new(0x9E37_79B9_7F4A_7C15)
    }
}

impl Market {
    /// The market of a seed, its book filled.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_levels(seed, LEVELS)
    }

    /// The same with about `levels` levels instead of 4,300.
    #[must_use]
    pub fn with_levels(seed: u64, levels: usize) -> Self {
        let mut market = Self {
            random: Random::new(seed),
            sides: [BTreeMap::new(), BTreeMap::new()],
            mid: START,
            levels,
        };
        while market.sides.iter().map(BTreeMap::len).sum::<usize>() < LEVELS {
            let side = usize::from(market.random.chance(50));
            let key = market.key(side);
            let size = market.size();
            market.sides[side].insert(key, size);
        }
        market
    }

    /// The whole book, bids first, best first.
    #[must_use]
    pub fn book(&self) -> Vec<LevelRecord> {
        let all =
            [0, 1].into_iter().flat_map(|side| self.sides[side].iter().map(move |it| (side, it)));
        all.map(|(side, (&key, &size))| record(side, key, size)).collect()
    }

    /// The next message: bids first, as on the wire.
    pub fn message(&mut self) -> Vec<LevelRecord> {
        let count = 1 + self.random.below(13);
        self.message_of(usize::try_from(count).unwrap_or(1))
    }

    /// The next message with `count` changes, or one more if it is odd, and what the market went
    /// through besides.
    pub fn message_of(&mut self, count: usize) -> Vec<LevelRecord> {
        let mut records = Vec::with_capacity(count + 4);
        if self.random.chance(20) {
            self.mid += i64::try_from(self.random.below(7)).unwrap_or(0) - 3;
        }
        for side in [0, 1] {
            while let Some((&key, _)) = self.sides[side].first_key_value()
                && key < first_key(self.mid, side)
            {
                self.sides[side].remove(&key);
                records.push(record(side, key, 0));
            }
            for _ in 0..count.div_ceil(2) {
                records.push(self.change(side));
            }
        }
        records
    }

    /// One change of one level.
    fn change(&mut self, side: usize) -> LevelRecord {
        let mut key = self.key(side);
        let mut size = self.size();
        let kind = self.random.below(100);
        let held = self.sides[side].range(key..).next().map(|(&key, _)| key);
        let deletes = if self.sides[side].len() > self.levels / 2 { 52 } else { 32 };
        match held {
            Some(held) if kind < deletes => (key, size) = (held, 0),
            Some(held) if kind < deletes + 10 => key = held,
            _ if kind < deletes + 14 => size = 0,
            _ => {
                while self.sides[side].contains_key(&key) {
                    key = self.key(side);
                }
            }
        }
        if size == 0 {
            self.sides[side].remove(&key);
        } else {
            self.sides[side].insert(key, size);
        }
        record(side, key, size)
    }

    /// A place behind the touch: half of them close by, half spread over the book.
    fn key(&mut self, side: usize) -> i64 {
        let mean = if self.random.chance(50) { 20 } else { 1_500 };
        first_key(self.mid, side) + i64::try_from(self.random.exponential(mean)).unwrap_or(0)
    }

    /// Around one unit, seldom more than ten.
    fn size(&mut self) -> u64 {
        1 + self.random.exponential(200_000)
    }
}

const fn first_key(mid: i64, side: usize) -> i64 {
    if side == 0 { -mid } else { mid + 1 }
}

fn record(side: usize, key: i64, size: u64) -> LevelRecord {
    match side {
        0 => LevelRecord::new(Price(-key), Size(size), Side::Bid),
        _ => LevelRecord::new(Price(key), Size(size), Side::Ask),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_market_is_as_described() {
        let mut market = Market::default();
        let messages: Vec<_> = (0..20_000).map(|_| market.message()).collect();
        let changes: usize = messages.iter().map(Vec::len).sum();
        let deletes = messages.iter().flatten().filter(|it| it.size() == Size::ZERO).count();
        let tenths = changes * 10 / messages.len();
        assert!((70..=85).contains(&tenths), "{tenths} tenths of a change a message");
        let percent = deletes * 100 / changes;
        assert!((40..=50).contains(&percent), "{percent} % deletes");
        let levels = market.book().len();
        assert!((3_800..=4_800).contains(&levels), "{levels} levels");
    }

    #[test]
    fn a_book_is_never_crossed() {
        let mut market = Market::default();
        for _ in 0..5_000 {
            market.message();
            let best = |side: usize| market.sides[side].first_key_value().map(|(&key, _)| key);
            let (Some(bid), Some(ask)) = (best(0), best(1)) else { panic!("a side is empty") };
            assert!(-bid < ask);
        }
    }
}
