//! The order flow of one symbol: who places, cancels and takes, and how the price moves.
//!
//! Most of it happens around the touch, with a heavy tail of distances; trends push the touch over
//! many ticks; sweeps and requotes change many levels at one moment; far levels come and go; some
//! levels are born and cancelled between two messages, so that a client sees a delete of a level
//! that it never had.

use tickbook_types::Side;

use super::book::{Ids, Rank, VenueBook, price_of};
use super::rng::{Chance, Rng};

/// How a symbol's flow behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Level changes per message, on average, in 1/256.
    pub(crate) changes_256: u64,
    /// Levels a side.
    pub(crate) levels: usize,
    pub(crate) sweeps: Chance,
    pub(crate) one_sided: Chance,
    /// Where the price started, in ticks; it stays within half and twice of it.
    pub(crate) start: i64,
    /// In lots.
    pub(crate) usual_size: u64,
}

/// A fill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fill {
    pub(crate) id: u64,
    /// In ticks.
    pub(crate) price: i64,
    /// In lots.
    pub(crate) size: u64,
    /// Whether the aggressor sold.
    pub(crate) buyer_is_maker: bool,
}

/// The flow of one symbol.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    plan: Plan,
    rng: Rng,
    /// Which side has the upper hand: prices rise while it is [`Side::Bid`].
    trend: Side,
    fills: Vec<Fill>,
    last_fill_id: u64,
}

/// One change of trend per this many half windows, on average.
const TREND_HALVES: u64 = 600;
/// Levels that come back when a side was empty.
const REFILL_LEVELS: i64 = 40;

impl Flow {
    pub(crate) fn new(plan: Plan, mut rng: Rng) -> Self {
        let trend = if rng.below(2) == 0 { Side::Bid } else { Side::Ask };
        let last_fill_id = 1_000_000 + rng.below(1_000_000_000);
        Self { plan, rng, trend, fills: Vec::new(), last_fill_id }
    }

    /// The book before the first message: both sides filled, spread of a few ticks.
    pub(crate) fn open(&mut self, book: &mut VenueBook) {
        for side in [Side::Bid, Side::Ask] {
            let touch = self.touch_rank(side);
            book.seed(side, touch, self.some_size());
            // Far more draws than levels: near the touch most fall on a level that is there.
            for _ in 0..self.plan.levels * 64 {
                if book.len(side) >= self.plan.levels * 7 / 8 {
                    break;
                }
                let rank = touch - self.rng.distance();
                if price_of(side, rank) > 0 {
                    book.seed(side, rank, self.some_size());
                }
            }
        }
    }

    /// Fills since the last call of [`Self::clear_fills`].
    pub(crate) fn fills(&self) -> &[Fill] {
        &self.fills
    }

    pub(crate) fn clear_fills(&mut self) {
        self.fills.clear();
    }

    /// Whether this message repeats prices, as the venue's rarely do.
    pub(crate) fn repeats(&mut self) -> bool {
        self.rng.below(2_000) == 0
    }

    /// Half of what happens between two depth messages; at least one level changes.
    pub(crate) fn half_window(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        self.turn_trend(book);
        let before = book.last_id();
        if let Some(side) = [Side::Bid, Side::Ask].into_iter().find(|s| book.len(*s) == 0) {
            self.beside_an_empty_side(side, book, ids);
        } else if self.rng.chance(self.plan.one_sided) {
            self.empty_a_side(book, ids);
        } else if self.rng.chance(self.plan.sweeps) {
            self.sweep(book, ids);
        } else {
            let mean = self.plan.changes_256 / 2;
            // Uniform up to twice the mean, rounded at random so that fractions count.
            let changes = (self.rng.below(2 * mean) + self.rng.below(256)) >> 8;
            for _ in 0..changes {
                self.ordinary(book, ids);
            }
        }
        if book.last_id() == before {
            self.place(book, ids);
        }
    }

    fn turn_trend(&mut self, book: &VenueBook) {
        if self.rng.below(TREND_HALVES) == 0 {
            self.trend = self.trend.opposite();
        }
        if let Some((rank, _)) = book.best(Side::Bid) {
            let price = price_of(Side::Bid, rank);
            if price < self.plan.start / 2 {
                self.trend = Side::Bid;
            } else if price > self.plan.start * 2 {
                self.trend = Side::Ask;
            }
        }
    }

    /// One order near the touch, or rarely a far one. One level changes, or two.
    fn ordinary(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        match self.rng.below(100) {
            0..44 => self.place(book, ids),
            44..87 => self.cancel(book, ids),
            87..94 => self.take(book, ids),
            94..96 => self.far(book, ids),
            _ => self.flicker(book, ids),
        }
    }

    /// The side that acts: the trend's with a chance of 5/8.
    fn acting_side(&mut self) -> Side {
        if self.rng.below(8) < 5 { self.trend } else { self.trend.opposite() }
    }

    fn some_side(&mut self) -> Side {
        if self.rng.below(2) == 0 { Side::Bid } else { Side::Ask }
    }

    fn some_size(&mut self) -> u64 {
        let usual = self.plan.usual_size;
        let scale = self.rng.heads(6);
        1 + self.rng.below((usual >> 2).max(1) << scale)
    }

    /// The rank of the touch of a side at the start price.
    fn touch_rank(&self, side: Side) -> Rank {
        match side {
            Side::Bid => self.plan.start,
            Side::Ask => -(self.plan.start + 1),
        }
    }

    /// The best rank of a side; without one, a tick behind the other side's best.
    fn anchor(&self, side: Side, book: &VenueBook) -> Rank {
        match (book.best(side), book.best(side.opposite())) {
            (Some((rank, _)), _) => rank,
            (None, Some((across, _))) => -across - 1,
            (None, None) => self.touch_rank(side),
        }
    }

    /// A rank that is not taken by the other side and is a price above zero.
    fn admissible(side: Side, rank: Rank, book: &VenueBook) -> bool {
        let uncrossed = book.best(side.opposite()).is_none_or(|(across, _)| rank < -across);
        uncrossed && price_of(side, rank) > 0
    }

    fn place(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.acting_side();
        let best = self.anchor(side, book);
        let spread = book.best(side.opposite()).map_or(1, |(across, _)| -across - best);
        let rank = if spread > 1 && self.rng.below(3) == 0 {
            best + 1 + self.rng.below_i64((spread - 1).min(3))
        } else {
            best - self.rng.distance()
        };
        if Self::admissible(side, rank, book) {
            let size = self.some_size();
            book.set(side, rank, size, ids, &mut self.rng);
        }
        if book.len(side) > self.plan.levels {
            self.prune(side, book, ids);
        }
    }

    /// A side has too many levels: one goes, mostly the furthest.
    fn prune(&mut self, side: Side, book: &mut VenueBook, ids: &mut Ids) {
        let found = if self.rng.below(4) > 0 {
            book.furthest(side)
        } else {
            let from = self.anchor(side, book) - self.rng.distance() - 1;
            book.level_from(side, from)
        };
        if let Some((rank, _)) = found {
            book.set(side, rank, 0, ids, &mut self.rng);
        }
    }

    fn cancel(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.acting_side().opposite();
        if book.len(side) < self.plan.levels * 3 / 4 {
            return self.place_on(side, book, ids);
        }
        let from = self.anchor(side, book) - self.rng.distance();
        if let Some((rank, size)) = book.level_from(side, from) {
            let left = if self.rng.below(8) < 5 { 0 } else { size / 2 };
            book.set(side, rank, left, ids, &mut self.rng);
        }
    }

    /// A new level behind the touch of this side.
    fn place_on(&mut self, side: Side, book: &mut VenueBook, ids: &mut Ids) {
        let rank = self.anchor(side, book) - self.rng.distance();
        if Self::admissible(side, rank, book) {
            let size = self.some_size();
            book.set(side, rank, size, ids, &mut self.rng);
        }
    }

    /// A taker: eats into the other side's best levels, at most three.
    fn take(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.acting_side().opposite();
        let mut wanted = self.some_size();
        for _ in 0..3 {
            if book.len(side) < 5 {
                return;
            }
            let Some((rank, size)) = book.best(side) else { return };
            let taken = wanted.min(size);
            book.set(side, rank, size - taken, ids, &mut self.rng);
            self.fill(side, rank, taken);
            wanted -= taken;
            if wanted == 0 {
                return;
            }
        }
    }

    fn fill(&mut self, maker: Side, rank: Rank, size: u64) {
        self.last_fill_id += 1;
        self.fills.push(Fill {
            id: self.last_fill_id,
            price: price_of(maker, rank),
            size,
            buyer_is_maker: maker == Side::Bid,
        });
    }

    /// A level thousands of ticks away appears or goes.
    fn far(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.some_side();
        let rank = self.anchor(side, book) - 1_000 - self.rng.below_i64(200_000);
        if !Self::admissible(side, rank, book) {
            return self.cancel(book, ids);
        }
        match book.level_from(side, rank) {
            Some((there, _)) if self.rng.below(2) == 0 && book.len(side) > 20 => {
                book.set(side, there, 0, ids, &mut self.rng);
            }
            _ => {
                let size = self.some_size();
                book.set(side, rank, size, ids, &mut self.rng);
            }
        }
    }

    /// An order that is cancelled before the next message.
    fn flicker(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.some_side();
        let rank = self.anchor(side, book) - self.rng.distance();
        if Self::admissible(side, rank, book) && book.size_at(side, rank) == 0 {
            let size = self.some_size();
            book.set(side, rank, size, ids, &mut self.rng);
            book.set(side, rank, 0, ids, &mut self.rng);
        }
    }

    /// A big taker runs through many levels, or a maker requotes many.
    fn sweep(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.acting_side().opposite();
        let levels = 20 + usize::try_from(self.rng.below(180)).unwrap_or_default();
        let levels = levels.min(book.len(side) / 3);
        if self.rng.below(2) == 0 {
            for _ in 0..levels {
                let Some((rank, size)) = book.best(side) else { return };
                book.set(side, rank, 0, ids, &mut self.rng);
                self.fill(side, rank, size);
            }
            return;
        }
        let best = self.anchor(side, book);
        for step in 0..levels {
            let rank = best - i64::try_from(step).unwrap_or_default();
            if !Self::admissible(side, rank, book) {
                return;
            }
            let size = self.some_size();
            book.set(side, rank, size, ids, &mut self.rng);
        }
        while book.len(side) > self.plan.levels {
            self.prune(side, book, ids);
        }
    }

    fn empty_a_side(&mut self, book: &mut VenueBook, ids: &mut Ids) {
        let side = self.some_side();
        while let Some((rank, _)) = book.best(side) {
            book.set(side, rank, 0, ids, &mut self.rng);
        }
    }

    /// Refills the empty side, one time in three; else the other side goes on alone.
    fn beside_an_empty_side(&mut self, side: Side, book: &mut VenueBook, ids: &mut Ids) {
        if self.rng.below(3) > 0 {
            return self.place_on(side.opposite(), book, ids);
        }
        let touch = self.anchor(side, book);
        for step in 0..REFILL_LEVELS {
            let rank = touch - step;
            if Self::admissible(side, rank, book) {
                let size = self.some_size();
                book.set(side, rank, size, ids, &mut self.rng);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            changes_256: 8 * 256,
            levels: 300,
            sweeps: Chance::new(0.01),
            one_sided: Chance::new(0.001),
            start: 20_000,
            usual_size: 500,
        }
    }

    #[test]
    fn the_flow_keeps_its_levels_its_order_and_its_price_range() {
        let mut flow = Flow::new(plan(), Rng::new(3));
        let mut ids = Ids::PerSymbol;
        let mut book = VenueBook::new(7);
        flow.open(&mut book);
        assert!(book.len(Side::Bid) > 200 && book.len(Side::Ask) > 200);
        let (mut lowest, mut highest, mut empty, mut changes) = (i64::MAX, 0, 0, 0);
        let halves = 60_000_u64;
        for _ in 0..halves {
            let before = book.last_id();
            flow.half_window(&mut book, &mut ids);
            assert!(book.last_id() > before);
            changes += book.last_id() - before;
            let [bid, ask] = book.bbo();
            match (bid, ask) {
                (Some((bid, _)), Some((ask, _))) => {
                    assert!(0 < bid && bid < ask, "{bid} {ask}");
                    lowest = lowest.min(bid);
                    highest = highest.max(bid);
                }
                _ => empty += 1,
            }
            for side in [Side::Bid, Side::Ask] {
                assert!(book.len(side) <= 310, "{}", book.len(side));
            }
            book.window().clear();
        }
        assert!(empty > 0, "never one-sided");
        assert!(highest - lowest > 500, "the price did not move: {lowest} {highest}");
        assert!(lowest > 9_000 && highest < 45_000, "{lowest} {highest}");
        let mean = changes as f64 / halves as f64;
        assert!((3.0..7.0).contains(&mean), "{mean}");
        let ids: Vec<_> = flow.fills().iter().map(|fill| fill.id).collect();
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert!(ids.len() > 1_000);
    }
}
