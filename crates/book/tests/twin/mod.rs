//! The naive twin of a book: two `BTreeMap`s, and everything worked out anew each time.

use std::collections::BTreeMap;

use tickbook_types::{Level, LevelRecord, POW10, Price, Scale, Side, Size};

/// Both sides of a book.
pub(crate) const SIDES: [Side; 2] = [Side::Bid, Side::Ask];

/// A book that is right by being simple.
#[derive(Clone, Debug, Default)]
pub(crate) struct Twin {
    pub(crate) scale: Scale,
    pub(crate) depth_max: Option<u32>,
    pub(crate) published_depth: usize,
    pub(crate) sizes_rounded: u64,
    pub(crate) crossed: bool,
    pub(crate) sides: [BTreeMap<i64, u64>; 2],
    pub(crate) tops: [Vec<Level>; 2],
}

/// What finishing a message did.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct TwinFinished {
    pub(crate) crossed: bool,
    pub(crate) top_changed: bool,
    pub(crate) best_changed: bool,
    pub(crate) cut: u32,
}

impl Twin {
    /// Applies records; gives how many deleted an absent level, and the most levels either side had
    /// on the way.
    pub(crate) fn apply(&mut self, records: &[LevelRecord]) -> (u32, usize) {
        let (mut absent, mut most) = (0, 0);
        for record in records {
            let side = &mut self.sides[record.side() as usize];
            let size = record.size().0;
            let old = match size {
                0 => side.remove(&record.price().0),
                size => side.insert(record.price().0, size),
            };
            absent += u32::from(old.is_none() && size == 0);
            most = most.max(side.len());
        }
        (absent, most)
    }

    pub(crate) fn finish(&mut self) -> TwinFinished {
        let (mut cut, mut top_changed, mut best_changed) = (0, false, false);
        for side in SIDES {
            while self.depth_max.is_some_and(|max| self.level_count(side) > max as usize) {
                let worst = self.levels(side).last().expect("there are too many").price.0;
                self.sides[side as usize].remove(&worst);
                cut += 1;
            }
            let mut top = self.levels(side);
            top.truncate(self.published_depth);
            let before = std::mem::replace(&mut self.tops[side as usize], top);
            top_changed |= before != *self.top(side);
            best_changed |= before.first() != self.top(side).first();
        }
        self.judge_crossed();
        TwinFinished { crossed: self.crossed, top_changed, best_changed, cut }
    }

    fn judge_crossed(&mut self) {
        let best = |side| self.levels(side).first().map(|level| level.price);
        self.crossed = match (best(Side::Bid), best(Side::Ask)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        };
    }

    pub(crate) fn clear(&mut self) {
        self.sides.iter_mut().for_each(BTreeMap::clear);
    }

    /// Whether the book survives the change.
    pub(crate) fn rescale(&mut self, to: Scale) -> bool {
        let mut converted = [BTreeMap::new(), BTreeMap::new()];
        let mut rounded = 0;
        for side in SIDES {
            for (&price, &size) in &self.sides[side as usize] {
                let price = exact(price, self.scale.price_exponent - to.price_exponent);
                let size = nearest(size, self.scale.size_exponent - to.size_exponent);
                let (Some(price), Some((size, inexact))) = (price, size) else { return false };
                rounded += u64::from(inexact);
                assert!(converted[side as usize].insert(price, size).is_none());
            }
        }
        (self.scale, self.sides) = (to, converted);
        self.sizes_rounded += rounded;
        for side in SIDES {
            let mut top = self.levels(side);
            top.truncate(self.published_depth);
            self.tops[side as usize] = top;
        }
        self.judge_crossed();
        true
    }

    pub(crate) fn levels(&self, side: Side) -> Vec<Level> {
        let level = |(&price, &size): (&i64, &u64)| Level { price: Price(price), size: Size(size) };
        let sorted = self.sides[side as usize].iter().map(level);
        match side {
            Side::Bid => sorted.rev().collect(),
            Side::Ask => sorted.collect(),
        }
    }

    pub(crate) fn top(&self, side: Side) -> &[Level] {
        &self.tops[side as usize]
    }

    pub(crate) fn level_count(&self, side: Side) -> usize {
        self.sides[side as usize].len()
    }
}

/// `price * 10^power`, if it is an `i64`.
fn exact(price: i64, power: i8) -> Option<i64> {
    let ten = i128::from(POW10[usize::from(power.unsigned_abs())]);
    let price = i128::from(price);
    let converted = if power >= 0 { price.checked_mul(ten)? } else { price / ten };
    let same = power >= 0 || converted * ten == price;
    same.then(|| i64::try_from(converted).ok())?
}

/// `size * 10^power` to the nearest above zero, and whether that is another number.
fn nearest(size: u64, power: i8) -> Option<(u64, bool)> {
    let ten = u128::from(POW10[usize::from(power.unsigned_abs())]);
    let size = u128::from(size);
    let converted = if power >= 0 { size * ten } else { ((size * 2 + ten) / (ten * 2)).max(1) };
    let inexact = power < 0 && converted * ten != size;
    let converted = u64::try_from(converted).ok()?;
    (converted <= Size::MAX.0).then_some((converted, inexact))
}
