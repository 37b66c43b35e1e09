//! How many orders make up each level of a book: kept by price, published for the levels shown.
//!
//! Off the path of the book: counts come in messages of their own, behind the levels that they are
//! of, and are published in a section of their own. A book whose venue tells of none has no memory
//! of them.
//!
//! # Invariants
//!
//! - Prices of a side are in order, the best last, and none has a count of 0.

use tickbook_shm::Counter;
use tickbook_types::{Level, LevelRecord, MessageFlags, MessageHeader, POW10, Scale, Side};

use super::{Desk, Out, Slot, slot_mut};
use crate::limits;

/// The counts of a book.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Rank of a price (grows with how good it is) and count, of bids and asks.
    sides: [Vec<(i64, u32)>; 2],
    /// Those of the levels shown, best first.
    shown: [Vec<u32>; 2],
    /// A snapshot is coming: its prices are put in order when it is whole.
    filling: bool,
}

impl Desk {
    /// Takes counts for some levels.
    #[cold]
    pub(super) fn orders(&mut self, header: &MessageHeader, records: &[LevelRecord]) {
        let Self { slots, out, .. } = self;
        let Some(slot) = slot_mut(slots, out, header.book) else { return };
        if !slot.takes_diffs() {
            out.stats.add(Counter::IgnoredOther, 1);
            return;
        }
        let orders = slot.orders.get_or_insert_default();
        if header.flags.has(MessageFlags::FIRST) {
            orders.clear();
            orders.filling = true;
        }
        if orders.filling {
            orders.fill(records);
        } else {
            records.iter().for_each(|record| orders.set(*record));
        }
        if header.flags.has(MessageFlags::MORE) {
            return;
        }
        orders.settle();
        slot.counted = true;
        // A book within a splice, or that waits, is published later, and its counts with it.
        if !(slot.in_splice || slot.waits) {
            out.publish_orders(slot);
        }
    }
}

impl Out {
    /// Publishes the counts of a book that was just published, where there are some.
    #[cold]
    pub(super) fn publish_orders(&mut self, slot: &mut Slot) {
        let Slot { orders, book, spec, .. } = slot;
        let Some(orders) = orders else { return };
        let depth = self.writer.depth();
        for side in [Side::Bid, Side::Ask] {
            let levels = book.top(side);
            orders.show(side, &levels[..levels.len().min(depth)]);
        }
        self.writer.publish_orders(spec.book, &orders.shown[0], &orders.shown[1]);
    }
}

impl Orders {
    fn clear(&mut self) {
        self.sides.iter_mut().for_each(Vec::clear);
    }

    /// Takes a part of a snapshot, or what follows it in a splice, whatever the order of prices.
    fn fill(&mut self, records: &[LevelRecord]) {
        for record in records {
            let count = u32::try_from(record.size().0).unwrap_or(u32::MAX);
            let side = &mut self.sides[record.side() as usize];
            side.push((rank(record.side(), record.price().0), count));
        }
    }

    /// The snapshot is whole.
    fn settle(&mut self) {
        if core::mem::take(&mut self.filling) {
            for side in &mut self.sides {
                // Stable: of one price, what was said last stands.
                side.sort_by_key(|(rank, _)| *rank);
                side.dedup_by(|later, kept| {
                    let same = later.0 == kept.0;
                    if same {
                        *kept = *later;
                    }
                    same
                });
                side.retain(|(_, count)| *count > 0);
            }
        }
    }

    fn set(&mut self, record: LevelRecord) {
        let (side, price) = (record.side(), record.price().0);
        let rank = rank(side, price);
        let count = u32::try_from(record.size().0).unwrap_or(u32::MAX);
        let side = &mut self.sides[side as usize];
        match (side.binary_search_by_key(&rank, |(rank, _)| *rank), count) {
            (Ok(at), 0) => drop(side.remove(at)),
            (Ok(at), count) => side[at].1 = count,
            (Err(_), 0) => {}
            (Err(at), count) => {
                side.insert(at, (rank, count));
                // What a venue cuts off without a word stays here until it is in the way.
                if side.len() > limits::LEVELS_MAX {
                    side.drain(..limits::LEVELS_MAX / 2);
                }
            }
        }
    }

    /// Looks up the counts of some levels, best first.
    fn show(&mut self, side: Side, levels: &[Level]) {
        let (from, shown) = (&self.sides[side as usize], &mut self.shown[side as usize]);
        shown.clear();
        let mut known = from.iter().rev().peekable();
        for level in levels {
            let wanted = rank(side, level.price.0);
            while known.next_if(|(rank, _)| *rank > wanted).is_some() {}
            let count = known.next_if(|(rank, _)| *rank == wanted).map_or(0, |(_, count)| *count);
            shown.push(count);
        }
    }

    /// Prices have another exponent; where one has no integer there, nothing is known any more.
    pub(super) fn rescale(&mut self, from: Scale, to: Scale) {
        let shift = i32::from(from.price_exponent) - i32::from(to.price_exponent);
        let power = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX);
        let factor = POW10.get(power).and_then(|factor| i64::try_from(*factor).ok());
        let moved = |rank: i64| {
            let factor = factor?;
            if shift >= 0 {
                rank.checked_mul(factor)
            } else {
                (rank % factor == 0).then(|| rank / factor)
            }
        };
        let mut exact = true;
        for (rank, _) in self.sides.iter_mut().flatten() {
            match moved(*rank) {
                Some(to) => *rank = to,
                None => exact = false,
            }
        }
        if !exact {
            self.clear();
        }
    }
}

/// Grows with how good a price is.
const fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => price,
        Side::Ask => price.saturating_neg(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tickbook_types::{Price, Size};

    use super::*;

    fn says(side: Side, price: i64, count: u64) -> LevelRecord {
        LevelRecord::new(Price(price), Size(count), side)
    }

    fn levels(prices: &[i64]) -> Vec<Level> {
        prices.iter().map(|price| Level { price: Price(*price), size: Size(1) }).collect()
    }

    /// Numbers that look random.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % end
        }
    }

    #[test]
    fn counts_are_those_of_a_map() {
        let mut random = Random(7);
        for _ in 0..500 {
            let (mut orders, mut twin) = (Orders::default(), BTreeMap::new());
            for _ in 0..random.below(60) {
                let side = if random.below(2) == 0 { Side::Bid } else { Side::Ask };
                let (price, count) = (random.below(40).cast_signed() - 20, random.below(4));
                orders.set(says(side, price, count));
                twin.insert((side as u8, price), count);
            }
            for side in [Side::Bid, Side::Ask] {
                let mut prices: Vec<i64> = (-20..20).filter(|_| random.below(3) == 0).collect();
                if side == Side::Bid {
                    prices.reverse();
                }
                orders.show(side, &levels(&prices));
                let count = |price: &i64| twin.get(&(side as u8, *price)).copied().unwrap_or(0);
                let wanted: Vec<u64> = prices.iter().map(count).collect();
                let found = orders.shown[side as usize].iter().copied().map(u64::from);
                assert_eq!(found.collect::<Vec<_>>(), wanted);
            }
        }
    }

    #[test]
    fn prices_move_with_the_exponent_or_are_forgotten() {
        let scale = |price_exponent| Scale { price_exponent, size_exponent: 0 };
        let mut orders = Orders::default();
        orders.set(says(Side::Ask, 101, 7));
        orders.rescale(scale(0), scale(-2));
        orders.show(Side::Ask, &levels(&[10_100]));
        assert_eq!(orders.shown[1], [7]);
        orders.rescale(scale(-2), scale(-1));
        orders.show(Side::Ask, &levels(&[1_010]));
        assert_eq!(orders.shown[1], [7]);
        orders.rescale(scale(-1), scale(1));
        orders.show(Side::Ask, &levels(&[10]));
        assert_eq!(orders.shown[1], [0], "101 is no multiple of ten");
    }
}
