//! Orders by id, added up per price: what turns an order-by-order feed into ordinary levels.
//!
//! Every change answers the new [`Total`] at its price, which goes to the ladder like the level of
//! any other venue. Orders stand in a slab and are found through a hash index; the orders of a
//! price are linked in the order of their arrival; prices are sorted from the worst to the best
//! and searched from the best, where nearly all changes are.
//!
//! # Guarantees
//!
//! - Sizes and sums are exact. A price, size or sum that no integer holds is refused
//!   ([`OrderError::Overflow`]) and changes nothing; so is an order beyond the limit of the book
//!   ([`OrderError::Full`]).
//! - A change allocates nothing but to double a table; a map that has held its largest book
//!   allocates no more.
//! - A change costs the same in a large book as in a small one, but for a price that is new, or
//!   gone: that moves the entries (16 bytes each) of the better prices of its side.
//!
//! # Not guaranteed
//!
//! - What a change of an unknown order means: on some venues it is normal, on others a loss. It is
//!   [`OrderError::Unknown`], and the venue's protocol knows.
//!
//! # Invariants
//!
//! - A price is there exactly as long as orders rest at it, and its sum and count are theirs.

use tickbook_scan::Plain;
use tickbook_types::{Decimal, POW10, Reason, Scale, Side};

use self::id::Hasher;
pub(crate) use self::id::OrderId;
use self::index::Index;
use self::slab::Slab;
use crate::level::DecimalLevel;
use crate::limits;

mod id;
mod index;
mod slab;
#[cfg(test)]
mod tests;

/// An order of a snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OrderRow {
    pub(crate) id: OrderId,
    pub(crate) side: Side,
    pub(crate) price: Decimal,
    pub(crate) size: Decimal,
}

/// What rests at a price once a change is made; of size zero if that is nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Total {
    pub(crate) side: Side,
    pub(crate) price: Decimal,
    pub(crate) size: Decimal,
    /// Orders that rest there.
    pub(crate) orders: u32,
}

impl Total {
    /// As a level of an ordinary delta.
    pub(crate) fn level(&self) -> DecimalLevel {
        DecimalLevel::of(self.price, self.size, self.side)
    }

    /// Price and size, if both have at most 18 digits, also behind the point. Nobody wrote them, so
    /// how many there are before it does not count.
    #[inline]
    pub(crate) fn plain(&self) -> Option<[Plain; 2]> {
        let plain = |number: Decimal| {
            let digits = u64::try_from(number.mantissa()).ok()?;
            let part = number.exponent().checked_neg().and_then(|it| u8::try_from(it).ok())?;
            (part <= 18 && digits < POW10[18]).then_some(Plain { digits, whole: 0, part })
        };
        Some([plain(self.price)?, plain(self.size)?])
    }
}

/// Why a change was not made. The map is as it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OrderError {
    /// An order of this id rests already.
    Known,
    /// No order of this id rests.
    Unknown,
    /// A size that no order has (not above zero), or a match of more than there is. Venue's fault,
    /// or something was lost.
    Size,
    /// A price, a size or the sum at a price has too many digits.
    Overflow,
    /// The book has as many orders as it may have.
    Full,
}

impl OrderError {
    /// Why a book is stale of which the venue's own words demand this change.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::Known | Self::Unknown | Self::Size => Reason::Gap,
            Self::Overflow | Self::Full => Reason::Overflow,
        }
    }
}

/// No place of a slab.
const NONE: u32 = u32::MAX;

/// An order: one cache line.
#[derive(Clone, Copy, Debug)]
struct Order {
    id: OrderId,
    /// Its size at `exponent`, which is that of the digits it was written with.
    size: u64,
    level: u32,
    /// The orders at the same price that arrived before and after it.
    before: u32,
    after: u32,
    exponent: i8,
}

const _: () = assert!(size_of::<Order>() == 64);

/// A price at which orders rest.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Sum of the orders' sizes at `exponent`, the finest of theirs.
    sum: i128,
    exponent: i8,
    side: Side,
    orders: u32,
    rank: i64,
    first: u32,
    last: u32,
}

/// A price among those of its side.
#[derive(Clone, Copy, Debug)]
struct Rung {
    /// Grows with the price of bids and shrinks with that of asks.
    rank: i64,
    level: u32,
}

/// The orders of one book. See the module.
#[derive(Clone, Debug)]
pub(crate) struct OrderMap {
    hasher: Hasher,
    index: Index,
    orders: Slab<Order>,
    levels: Slab<Level>,
    /// Prices of bids and asks, the best last.
    rungs: [Vec<Rung>; 2],
    len: usize,
    len_max: usize,
    /// Exponent of all prices: the finest seen.
    price_exponent: i8,
}

impl OrderMap {
    /// An empty map for as many orders as a book may have.
    pub(crate) fn new() -> Self {
        Self::with_limit(limits::ORDERS_MAX)
    }

    fn with_limit(len_max: usize) -> Self {
        let capacity = limits::ORDERS_FIRST;
        Self {
            hasher: Hasher::new(),
            index: Index::with_capacity(capacity),
            orders: Slab::with_capacity(capacity),
            levels: Slab::with_capacity(capacity),
            rungs: [Vec::with_capacity(capacity), Vec::with_capacity(capacity)],
            len: 0,
            len_max,
            price_exponent: Scale::EXPONENT_MAX,
        }
    }

    /// How many orders rest.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Side and price of an order.
    pub(crate) fn find(&self, id: &OrderId) -> Option<(Side, Decimal)> {
        let level = self.orders[self.place_of(id).ok()?].level;
        Some((self.levels[level].side, self.price(level)))
    }

    /// An order is to rest like this from now on, or not at all, whether it did before or not;
    /// `told` gets each total that changes. At the price where it rests already it keeps its place
    /// in the queue.
    pub(crate) fn put(
        &mut self,
        id: OrderId,
        rests: Option<(Side, Decimal, Decimal)>,
        mut told: impl FnMut(&Total),
    ) -> Result<(), OrderError> {
        let hash = self.hasher.hash(&id);
        if let Some(place) = self.place(hash, &id) {
            let level = self.orders[place].level;
            if let Some((side, price, size)) = rests
                && self.is_at(level, side, price)
            {
                let (size, exponent) = mantissa_of(size)?;
                told(&self.set(place, size, exponent)?);
                return Ok(());
            }
            told(&self.set(place, 0, 0)?);
        }
        if let Some((side, price, size)) = rests {
            told(&self.add(hash, id, (side, price, size))?);
        }
        Ok(())
    }

    /// Whether a level is that of a side and a price.
    #[inline]
    fn is_at(&self, level: u32, side: Side, price: Decimal) -> bool {
        let own = self.price(level);
        let same = own == price || own.normalised() == price.normalised();
        self.levels[level].side == side && same
    }

    /// A new order, behind all others at its price.
    pub(crate) fn create(
        &mut self,
        id: OrderId,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> Result<Total, OrderError> {
        let hash = self.hasher.hash(&id);
        if self.place(hash, &id).is_some() {
            return Err(OrderError::Known);
        }
        self.add(hash, id, (side, price, size))
    }

    /// [`Self::create`] of an order that does not rest.
    #[inline]
    fn add(
        &mut self,
        hash: u32,
        id: OrderId,
        (side, price, size): (Side, Decimal, Decimal),
    ) -> Result<Total, OrderError> {
        if self.len >= self.len_max {
            return Err(OrderError::Full);
        }
        let (size, exponent) = mantissa_of(size)?;
        if size == 0 {
            return Err(OrderError::Size);
        }
        let rank = rank_of(side, self.mantissa_of_price(price)?);
        let level = match search(&self.rungs[side as usize], rank) {
            Ok(at) => self.rungs[side as usize][at].level,
            Err(at) => self.add_level(side, rank, at),
        };
        if let Err(error) = self.levels[level].add(size.into(), exponent) {
            self.drop_level_if_empty(level);
            return Err(error);
        }
        let before = self.levels[level].last;
        let order = Order { id, size, level, before, after: NONE, exponent };
        let place = self.orders.insert(order);
        match before {
            NONE => self.levels[level].first = place,
            _ => self.orders[before].after = place,
        }
        self.levels[level].last = place;
        self.levels[level].orders += 1;
        self.index.insert(hash, place);
        self.len += 1;
        Ok(self.total(level))
    }

    /// An order has another size; it keeps its place in the queue. Size zero removes it.
    pub(crate) fn resize(&mut self, id: &OrderId, size: Decimal) -> Result<Total, OrderError> {
        let place = self.place_of(id)?;
        let (size, exponent) = mantissa_of(size)?;
        self.set(place, size, exponent)
    }

    /// An order was matched: so much less of it rests.
    pub(crate) fn reduce(&mut self, id: &OrderId, by: Decimal) -> Result<Total, OrderError> {
        let place = self.place_of(id)?;
        let (by, by_exponent) = mantissa_of(by)?;
        let Order { size, exponent, .. } = self.orders[place];
        let (rest, exponent) = sum((size.into(), exponent), (-i128::from(by), by_exponent))?;
        if rest < 0 {
            return Err(OrderError::Size);
        }
        let rest = u64::try_from(rest).map_err(|_| OrderError::Overflow)?;
        self.set(place, rest, exponent)
    }

    /// An order is gone.
    pub(crate) fn remove(&mut self, id: &OrderId) -> Result<Total, OrderError> {
        let place = self.place_of(id)?;
        self.set(place, 0, 0)
    }

    /// These orders and no others, in the order of their arrival at each price.
    pub(crate) fn fill(&mut self, rows: &[OrderRow]) -> Result<(), OrderError> {
        self.clear();
        for row in rows {
            match self.create(row.id, row.side, row.price, row.size) {
                // An order that stands there twice rests once; one of nothing does not rest.
                Ok(_) | Err(OrderError::Known | OrderError::Size) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// No order rests any more.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.orders.clear();
        self.levels.clear();
        self.rungs.iter_mut().for_each(Vec::clear);
        self.len = 0;
    }

    /// The prices of a side with what rests there, best first.
    pub(crate) fn totals(&self, side: Side) -> impl Iterator<Item = Total> + '_ {
        self.rungs[side as usize].iter().rev().map(|rung| self.total(rung.level))
    }

    /// How many prices a side has.
    pub(crate) const fn prices(&self, side: Side) -> usize {
        self.rungs[side as usize].len()
    }

    /// Price and size of the orders at the best prices of a side, best price first, and at each the
    /// one first that arrived first.
    pub(crate) fn orders(
        &self,
        side: Side,
        prices: usize,
    ) -> impl Iterator<Item = (Decimal, Decimal)> + '_ {
        let best = self.rungs[side as usize].iter().rev().take(prices);
        best.flat_map(move |rung| {
            let price = self.price(rung.level);
            let place = |place: u32| (place != NONE).then_some(place);
            let first = place(self.levels[rung.level].first);
            let queue = core::iter::successors(first, move |at| place(self.orders[*at].after));
            queue.map(move |at| {
                let Order { size, exponent, .. } = self.orders[at];
                (price, Decimal::new(size.into(), exponent.into()))
            })
        })
    }

    /// Keeps but so many of the best prices of a side.
    pub(crate) fn cut(&mut self, side: Side, prices: usize) {
        while self.prices(side) > prices {
            let Some(worst) = self.rungs[side as usize].first() else { return };
            let order = self.levels[worst.level].first;
            if self.set(order, 0, 0).is_err() {
                return;
            }
        }
    }

    #[inline]
    fn place(&self, hash: u32, id: &OrderId) -> Option<u32> {
        self.index.find(hash, |place| self.orders[place].id == *id)
    }

    #[inline]
    fn place_of(&self, id: &OrderId) -> Result<u32, OrderError> {
        self.place(self.hasher.hash(id), id).ok_or(OrderError::Unknown)
    }

    fn set(&mut self, place: u32, size: u64, exponent: i8) -> Result<Total, OrderError> {
        let old = self.orders[place];
        let level = &mut self.levels[old.level];
        let before = *level;
        level.add(-i128::from(old.size), old.exponent)?;
        if let Err(error) = level.add(size.into(), exponent) {
            *level = before;
            return Err(error);
        }
        if size > 0 {
            (self.orders[place].size, self.orders[place].exponent) = (size, exponent);
            return Ok(self.total(old.level));
        }
        level.orders -= 1;
        match old.before {
            NONE => level.first = old.after,
            before => self.orders[before].after = old.after,
        }
        match old.after {
            NONE => self.levels[old.level].last = old.before,
            after => self.orders[after].before = old.before,
        }
        self.index.remove(self.hasher.hash(&old.id), place);
        self.orders.remove(place);
        self.len -= 1;
        let total = self.total(old.level);
        self.drop_level_if_empty(old.level);
        Ok(total)
    }

    fn total(&self, level: u32) -> Total {
        let Level { sum, exponent, side, orders, .. } = self.levels[level];
        let size = Decimal::new(sum, exponent.into());
        Total { side, price: self.price(level), size, orders }
    }

    fn price(&self, level: u32) -> Decimal {
        let Level { rank, side, .. } = self.levels[level];
        Decimal::new(price_of(side, rank).into(), self.price_exponent.into())
    }

    fn add_level(&mut self, side: Side, rank: i64, at: usize) -> u32 {
        let level = Level { sum: 0, exponent: 0, side, orders: 0, rank, first: NONE, last: NONE };
        let level = self.levels.insert(level);
        self.rungs[side as usize].insert(at, Rung { rank, level });
        level
    }

    fn drop_level_if_empty(&mut self, level: u32) {
        let Level { sum, side, orders, rank, .. } = self.levels[level];
        if orders > 0 {
            return;
        }
        debug_assert_eq!(sum, 0, "a size without an order");
        if let Ok(at) = search(&self.rungs[side as usize], rank) {
            self.rungs[side as usize].remove(at);
        }
        self.levels.remove(level);
    }

    /// A price as an integer at the exponent of all prices, which is refined if need be.
    fn mantissa_of_price(&mut self, price: Decimal) -> Result<i64, OrderError> {
        if price.exponent() == i16::from(self.price_exponent)
            && let Ok(mantissa) = i64::try_from(price.mantissa())
        {
            return Ok(mantissa);
        }
        // With the digits as written: a checksum may need them.
        for exponent in [price.exponent(), price.normalised().exponent()] {
            let exponent = exponent.min(self.price_exponent.into());
            let Ok(exponent) = i8::try_from(exponent) else { continue };
            let Ok(mantissa) = price.to_mantissa(exponent) else { continue };
            if exponent == self.price_exponent || self.refine_prices(exponent) {
                return Ok(mantissa);
            }
        }
        Err(OrderError::Overflow)
    }

    /// Moves all prices to a finer exponent; `false` if one does not fit there.
    #[cold]
    fn refine_prices(&mut self, exponent: i8) -> bool {
        let shift = u32::from(self.price_exponent.abs_diff(exponent));
        let finer = |side, rank| {
            let factor = POW10.get(shift as usize)?;
            price_of(side, rank).checked_mul(i64::try_from(*factor).ok()?)
        };
        for side in [Side::Bid, Side::Ask] {
            let mut ranks = self.rungs[side as usize].iter().map(|rung| rung.rank);
            if exponent < Scale::EXPONENT_MIN || ranks.any(|rank| finer(side, rank).is_none()) {
                return false;
            }
        }
        for side in [Side::Bid, Side::Ask] {
            for rung in &mut self.rungs[side as usize] {
                if let Some(price) = finer(side, rung.rank) {
                    rung.rank = rank_of(side, price);
                    self.levels[rung.level].rank = rung.rank;
                }
            }
        }
        self.price_exponent = exponent;
        true
    }
}

impl Level {
    /// Adds to the sum, exactly or not at all.
    fn add(&mut self, size: i128, exponent: i8) -> Result<(), OrderError> {
        (self.sum, self.exponent) = match (self.sum, size) {
            (0, _) => (size, exponent),
            (_, 0) => return Ok(()),
            (present, _) => sum((present, self.exponent), (size, exponent))?,
        };
        Ok(())
    }
}

/// The sum of two numbers, at the finer of their exponents.
fn sum(one: (i128, i8), other: (i128, i8)) -> Result<(i128, i8), OrderError> {
    let exponent = one.1.min(other.1);
    let at = |(mantissa, own): (i128, i8)| match own.abs_diff(exponent) {
        0 => Some(mantissa),
        shift => 10_i128.checked_pow(shift.into()).and_then(|factor| mantissa.checked_mul(factor)),
    };
    let sum = at(one).zip(at(other)).and_then(|(one, other)| one.checked_add(other));
    Ok((sum.ok_or(OrderError::Overflow)?, exponent))
}

/// A size as an integer, with the digits it was written with if they fit.
fn mantissa_of(size: Decimal) -> Result<(u64, i8), OrderError> {
    if size.mantissa() < 0 {
        return Err(OrderError::Size);
    }
    let fits = |size: Decimal| {
        Some((u64::try_from(size.mantissa()).ok()?, i8::try_from(size.exponent()).ok()?))
    };
    fits(size).or_else(|| fits(size.normalised())).ok_or(OrderError::Overflow)
}

/// Ranks grow from the worst to the best price.
const fn rank_of(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => price,
        Side::Ask => !price,
    }
}

/// The reverse of [`rank_of`].
const fn price_of(side: Side, rank: i64) -> i64 {
    rank_of(side, rank)
}

/// Where a rank is, or belongs: searched from the best price in growing steps, then by halves.
fn search(rungs: &[Rung], rank: i64) -> Result<usize, usize> {
    let mut reach = 1;
    while reach < rungs.len() && rungs[rungs.len() - reach].rank > rank {
        reach *= 2;
    }
    let from = rungs.len().saturating_sub(reach);
    let near = &rungs[from..rungs.len() - reach / 2];
    let found = near.binary_search_by_key(&rank, |rung| rung.rank);
    found.map(|at| from + at).map_err(|at| from + at)
}
