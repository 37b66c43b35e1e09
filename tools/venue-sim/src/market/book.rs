//! The venue's own book of one symbol, and the window of changes not sent yet.
//!
//! # Guarantees
//!
//! - Every change of a level takes one update id; the book at an id is what a client has that
//!   applied everything up to that id.
//! - [`VenueBook::bbo`] is the best bid and ask, and [`VenueBook::bbo_id`] the id that made them
//!   so.
//!
//! # Invariants
//!
//! - The book is never crossed: the flow takes before it places.
//! - Sizes are above zero.

use std::collections::BTreeMap;

use tickbook_types::Side;

use super::rng::Rng;

/// A level of one side under its rank: the higher the better. A bid ranks by its price in ticks, an
/// ask by the negative of it, so that one code serves both sides.
pub(crate) type Rank = i64;

/// Prices in ticks and sizes in lots; ids of the venue.
#[derive(Clone, Debug, Default)]
pub(crate) struct VenueBook {
    sides: [BTreeMap<Rank, u64>; 2],
    best: [Option<(Rank, u64)>; 2],
    last_id: u64,
    bbo_id: u64,
    window: Window,
}

/// The changes since the last depth message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// First id in the window; 0 while it is empty.
    first_id: u64,
    sides: [Vec<Change>; 2],
}

/// One change of a level: its new size.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Change {
    /// Price in ticks.
    pub(crate) price: i64,
    order: u32,
    /// Size in lots, 0 if the level is gone.
    pub(crate) size: u64,
}

/// Who gives update ids.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ids {
    /// One sequence per symbol without holes (spot).
    PerSymbol,
    /// One sequence for the whole venue, so that a symbol's ids have holes (futures).
    Shared {
        /// The last id given.
        last: u64,
    },
}

/// Best bid and ask as price in ticks and size in lots.
pub(crate) type Bbo = [Option<(i64, u64)>; 2];

impl Ids {
    fn next(&mut self, last_of_symbol: u64, rng: &mut Rng) -> u64 {
        match self {
            Self::PerSymbol => last_of_symbol + 1,
            Self::Shared { last } => {
                *last += 1 + rng.below(24);
                *last
            }
        }
    }
}

/// The price of a rank, and the other way round.
pub(crate) fn price_of(side: Side, rank: Rank) -> i64 {
    match side {
        Side::Bid => rank,
        Side::Ask => -rank,
    }
}

impl VenueBook {
    /// An empty book whose next id follows `last_id`.
    pub(crate) fn new(last_id: u64) -> Self {
        Self { last_id, bbo_id: last_id, ..Self::default() }
    }

    /// Sets a level before anybody can have seen the book: no id, no change to send.
    pub(crate) fn seed(&mut self, side: Side, rank: Rank, size: u64) {
        self.sides[side as usize].insert(rank, size);
        self.refresh_best(side);
    }

    /// Sets or removes (size 0) a level, under an id of its own, and notes the change.
    pub(crate) fn set(&mut self, side: Side, rank: Rank, size: u64, ids: &mut Ids, rng: &mut Rng) {
        self.last_id = ids.next(self.last_id, rng);
        if self.window.first_id == 0 {
            self.window.first_id = self.last_id;
        }
        let levels = &mut self.sides[side as usize];
        if size == 0 {
            levels.remove(&rank);
        } else {
            levels.insert(rank, size);
        }
        let changes = &mut self.window.sides[side as usize];
        let order = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        changes.push(Change { price: price_of(side, rank), order, size });
        let before = self.best[side as usize];
        if before.is_none_or(|(best, _)| rank >= best) {
            self.refresh_best(side);
            if self.best[side as usize] != before {
                self.bbo_id = self.last_id;
            }
        }
    }

    fn refresh_best(&mut self, side: Side) {
        let best = self.sides[side as usize].last_key_value();
        self.best[side as usize] = best.map(|(rank, size)| (*rank, *size));
    }

    /// Id of the last change.
    pub(crate) fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Id of the last change of [`Self::bbo`].
    pub(crate) fn bbo_id(&self) -> u64 {
        self.bbo_id
    }

    /// Best bid and ask.
    pub(crate) fn bbo(&self) -> Bbo {
        [Side::Bid, Side::Ask]
            .map(|side| self.best(side).map(|(rank, size)| (price_of(side, rank), size)))
    }

    /// The best level of a side.
    pub(crate) fn best(&self, side: Side) -> Option<(Rank, u64)> {
        self.best[side as usize]
    }

    /// Levels of a side.
    pub(crate) fn len(&self, side: Side) -> usize {
        self.sides[side as usize].len()
    }

    /// The size at a rank, 0 if there is no level.
    pub(crate) fn size_at(&self, side: Side, rank: Rank) -> u64 {
        self.sides[side as usize].get(&rank).copied().unwrap_or_default()
    }

    /// The first level at `rank` or further from the touch, else the furthest one.
    pub(crate) fn level_from(&self, side: Side, rank: Rank) -> Option<(Rank, u64)> {
        let levels = &self.sides[side as usize];
        let found = levels.range(..=rank).next_back().or_else(|| levels.first_key_value());
        found.map(|(rank, size)| (*rank, *size))
    }

    /// The level furthest from the touch.
    pub(crate) fn furthest(&self, side: Side) -> Option<(Rank, u64)> {
        self.sides[side as usize].first_key_value().map(|(rank, size)| (*rank, *size))
    }

    /// Price in ticks and size in lots, best first.
    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, u64)> + '_ {
        let levels = self.sides[side as usize].iter().rev();
        levels.map(move |(rank, size)| (price_of(side, *rank), *size))
    }

    /// The changes since the last depth message.
    pub(crate) fn window(&mut self) -> &mut Window {
        &mut self.window
    }
}

impl Window {
    /// First id in the window, 0 if nothing changed.
    pub(crate) fn first_id(&self) -> u64 {
        self.first_id
    }

    /// Leaves of each price its last change only, in the order of prices, unless `repeats`: then
    /// every change stays, in the order of prices and, for a price, of time.
    pub(crate) fn fold(&mut self, repeats: bool) {
        for changes in &mut self.sides {
            changes.sort_unstable();
            if !repeats {
                // `dedup_by` drops its first argument, the later element: hence the swap.
                changes.dedup_by(|later, kept| {
                    let same = later.price == kept.price;
                    if same {
                        *kept = *later;
                    }
                    same
                });
            }
        }
    }

    /// The changes of a side.
    pub(crate) fn changes(&self, side: Side) -> &[Change] {
        &self.sides[side as usize]
    }

    /// Starts the next window.
    pub(crate) fn clear(&mut self) {
        self.first_id = 0;
        self.sides.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_net_effect() {
        let mut rng = Rng::new(1);
        let mut ids = Ids::PerSymbol;
        let mut book = VenueBook::new(100);
        book.set(Side::Ask, -50, 3, &mut ids, &mut rng);
        book.set(Side::Ask, -40, 1, &mut ids, &mut rng);
        book.set(Side::Ask, -50, 9, &mut ids, &mut rng);
        book.set(Side::Ask, -40, 0, &mut ids, &mut rng);
        assert_eq!((book.window().first_id(), book.last_id()), (101, 104));
        assert_eq!(book.bbo(), [None, Some((50, 9))]);
        assert_eq!(book.bbo_id(), 104);
        let mut all = book.window().clone();
        all.fold(true);
        let all: Vec<_> = all.changes(Side::Ask).iter().map(|it| (it.price, it.size)).collect();
        assert_eq!(all, [(40, 1), (40, 0), (50, 3), (50, 9)]);
        book.window().fold(false);
        let net: Vec<_> =
            book.window().changes(Side::Ask).iter().map(|it| (it.price, it.size)).collect();
        assert_eq!(net, [(40, 0), (50, 9)]);
    }

    #[test]
    fn a_change_behind_the_best_leaves_the_bbo_id() {
        let mut rng = Rng::new(1);
        let mut ids = Ids::Shared { last: 500 };
        let mut book = VenueBook::new(0);
        book.set(Side::Bid, 10, 3, &mut ids, &mut rng);
        let id = book.last_id();
        book.set(Side::Bid, 9, 3, &mut ids, &mut rng);
        assert!(book.last_id() > id);
        assert_eq!(book.bbo_id(), id);
        assert_eq!(book.level_from(Side::Bid, 9), Some((9, 3)));
        assert_eq!(book.level_from(Side::Bid, 2), Some((9, 3)));
    }
}
