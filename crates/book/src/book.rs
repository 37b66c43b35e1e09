//! One book: two ladders on one price grid, and the top of each side.
//!
//! # Guarantees
//!
//! - [`Book::top`] equals the first levels of [`Book::levels`] after every [`Book::finish`].
//! - [`Book::apply`] applies records in their order: the last of equal prices stands.
//! - A price between the ticks refines the grid for both sides before its record is applied; the
//!   grid never gets coarser.
//!
//! # Invariants
//!
//! - Every level's price is on the grid; without a grid there is no level.

use core::fmt;
use core::ops::Range;

use tickbook_types::{Decimal, Level, LevelRecord, Price, Scale, Side, Size};

use crate::grid::Grid;
use crate::ladder::{Ladder, Tally, apply_run, flip_of};
use crate::rescale::Conversion;
use crate::top::{Note, Notes, Top};
use crate::{BookConfig, BookError};

/// One instrument's book.
pub struct Book {
    scale: Scale,
    /// `None` until the first price is seen, if the tick is not known.
    grid: Option<Grid>,
    /// By `Side as usize`.
    sides: [HalfBook; 2],
    /// What changed within the tops since the last [`Book::finish`].
    notes: Notes,
    depth_max: usize,
    levels_limit: usize,
    crossed: bool,
    regrids: u64,
    sizes_rounded: u64,
}

/// A side: its levels and its top.
struct HalfBook {
    side: Side,
    ladder: Ladder,
    top: Top,
}

/// What one call of [`Book::apply`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Applied {
    /// Deletes of levels the book did not hold.
    pub absent_deletes: u32,
}

/// What the book is after a whole message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Finished {
    /// Best bid at or above best ask.
    pub crossed: bool,
    /// [`Book::top`] of either side is different from the last [`Book::finish`].
    pub top_changed: bool,
    /// Best bid or best ask (price or size) is different from the last [`Book::finish`].
    pub best_changed: bool,
    /// Levels cut off behind [`BookConfig::depth_max`], both sides.
    pub cut: u32,
}

/// How often rare things happened in the life of a book.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BookCounters {
    /// The window of a side moved.
    pub window_moves: u64,
    /// The price step was refined for a price off the grid.
    pub regrids: u64,
    /// The overflow outgrew its storage: an allocation on the hot path.
    pub overflow_growths: u64,
    /// Sizes rounded by [`Book::rescale`].
    pub sizes_rounded: u64,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(config: &BookConfig) -> Self {
        let half = |side| HalfBook {
            side,
            ladder: Ladder::new(config.window_slots(), config.overflow_capacity),
            top: Top::new(side, config.published_depth.max(1)),
        };
        Self {
            scale: config.scale,
            grid: config.tick.and_then(|tick| grid_of_tick(tick, config.scale)),
            sides: [half(Side::Bid), half(Side::Ask)],
            notes: Notes::NONE,
            depth_max: config.depth_max.map_or(usize::MAX, |depth| depth as usize),
            levels_limit: config.levels_limit,
            crossed: false,
            regrids: 0,
            sizes_rounded: 0,
        }
    }

    /// The same as [`Self::new`], in the memory of this book: nothing is allocated if the sizes are
    /// those it was made with.
    pub fn renew(&mut self, config: &BookConfig) {
        let of_size = |half: &HalfBook| {
            half.ladder.slots() == config.window_slots()
                && half.top.depth() == config.published_depth.max(1)
        };
        if !self.sides.iter().all(of_size) {
            *self = Self::new(config);
            return;
        }
        self.scale = config.scale;
        self.grid = config.tick.and_then(|tick| grid_of_tick(tick, config.scale));
        for half in &mut self.sides {
            half.ladder.renew();
            half.top.renew();
        }
        self.notes.clear();
        self.depth_max = config.depth_max.map_or(usize::MAX, |depth| depth as usize);
        self.levels_limit = config.levels_limit;
        self.crossed = false;
        self.regrids = 0;
        self.sizes_rounded = 0;
    }

    /// Touches the pages of both windows, which otherwise come one by one with the first levels
    /// that lie there: a page fault each, in the middle of a message.
    pub fn warm(&mut self) {
        self.sides.iter_mut().for_each(|half| half.ladder.warm());
    }

    /// Applies one whole message, or a part of one.
    ///
    /// # Errors
    ///
    /// [`BookError::Overflow`] if a side has, or would have, more levels than
    /// [`BookConfig::levels_limit`]; an unspecified part of the records is applied.
    pub fn apply(&mut self, records: &[LevelRecord]) -> Result<Applied, BookError> {
        let mut tally = Tally::default();
        let mut rest = records;
        while !rest.is_empty() {
            let Some(grid) = self.grid.or_else(|| self.learn_grid(rest)) else {
                // Not one price: these remove levels from an empty book.
                rest.iter().for_each(|_| tally.count(0, 0));
                break;
            };
            let [bids, asks] = &mut self.sides;
            let ladders = [&mut bids.ladder, &mut asks.ladder];
            let run = if grid == Grid::UNIT { apply_run::<true> } else { apply_run::<false> };
            let taken = run(ladders, &grid, rest, &mut self.notes, &mut tally);
            rest = &rest[taken..];
            if let Some((&outlier, behind)) = rest.split_first() {
                self.apply_outlier(outlier, &mut tally)?;
                rest = behind;
            }
        }
        if self.sides.iter().any(|half| half.ladder.len() > self.levels_limit) {
            return Err(BookError::Overflow);
        }
        Ok(Applied { absent_deletes: tally.0 })
    }

    /// Ends a whole message: cuts to depth, refreshes [`Self::top`], judges crossed. Costs next to
    /// nothing if no published level changed.
    pub fn finish(&mut self) -> Finished {
        let mut finished = Finished { crossed: self.crossed, ..Finished::default() };
        // Without a grid there is no level, and never was one.
        let Some(grid) = self.grid else { return finished };
        for half in &mut self.sides {
            finished.cut += half.cut(self.depth_max, &mut self.notes);
        }
        if self.is_fresh() {
            return finished;
        }
        let best = self.sides.each_ref().map(|half| half.top.best());
        finished.top_changed = self.refresh(&grid);
        finished.best_changed = best != self.sides.each_ref().map(|half| half.top.best());
        if finished.best_changed {
            self.judge_crossed();
        }
        finished.crossed = self.crossed;
        finished
    }

    /// Removes every level. The price step is kept.
    pub fn clear(&mut self) {
        for half in &mut self.sides {
            half.ladder.clear();
            half.top.invalidate();
        }
    }

    /// Changes the exponents. The levels are kept; [`Self::top`] and [`Self::is_crossed`] are those
    /// of the levels in the new exponents at once. Sizes that get coarser are rounded to nearest,
    /// but not to zero, and counted.
    ///
    /// # Errors
    ///
    /// [`BookError::Scale`] if a price or size does not fit the new exponents, or a price would
    /// have to be rounded; the book is as it was.
    pub fn rescale(&mut self, to: Scale) -> Result<(), BookError> {
        let conversion = Conversion::new(self.scale, to);
        let mut rounded = 0;
        for level in self.levels(Side::Bid).chain(self.levels(Side::Ask)) {
            conversion.price(level.price.0).ok_or(BookError::Scale)?;
            let (_, inexact) = conversion.size(level.size.0).ok_or(BookError::Scale)?;
            rounded += u64::from(inexact);
        }
        self.scale = to;
        self.sizes_rounded += rounded;
        let Some(old) = self.grid else { return Ok(()) };
        self.grid = self.converted_grid(&old, &conversion);
        let new = self.grid.unwrap_or(Grid::UNIT);
        for half in &mut self.sides {
            let flip = flip_of(half.side);
            if conversion.price(old.step()) != Some(new.step()) {
                half.ladder.map_keys(|key| {
                    let price = conversion.price(old.price(key ^ flip)).unwrap_or_default();
                    new.tick(price).unwrap_or_default() ^ flip
                });
            }
            half.ladder.map_sizes(|size| conversion.size(size).map_or(1, |(size, _)| size));
            half.top.invalidate();
        }
        self.refresh(&new);
        self.judge_crossed();
        Ok(())
    }

    /// The exponents of its numbers.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The best level of a side, as of the last record applied.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        let half = self.half(side);
        if self.is_fresh() {
            return half.top.levels().first().copied();
        }
        let (key, size) = half.ladder.first()?;
        Some(Level { price: Price(self.grid?.price(key ^ flip_of(side))), size: Size(size) })
    }

    /// The best levels of a side as of the last [`Self::finish`], best first; at most
    /// [`BookConfig::published_depth`].
    #[inline]
    #[must_use]
    pub fn top(&self, side: Side) -> &[Level] {
        self.half(side).top.levels()
    }

    /// The slots of [`Self::top`] that are different from when this was last called for this side.
    ///
    /// If the side got shorter, the slots it lost are not in the range: it ends within
    /// [`Self::top`], and may be empty although the length changed.
    pub fn changed_top(&mut self, side: Side) -> Range<usize> {
        self.sides[side as usize].top.take_changed()
    }

    /// Levels of a side.
    #[inline]
    #[must_use]
    pub fn level_count(&self, side: Side) -> usize {
        self.half(side).ladder.len()
    }

    /// Levels of a side that lie outside its window.
    #[must_use]
    pub fn far_count(&self, side: Side) -> usize {
        self.half(side).ladder.far_len()
    }

    /// All levels of a side as of the last record applied, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let (grid, flip) = (self.grid.unwrap_or(Grid::UNIT), flip_of(side));
        self.half(side).ladder.iter_from(i64::MIN).map(move |(key, size)| Level {
            price: Price(grid.price(key ^ flip)),
            size: Size(size),
        })
    }

    /// The first `depth` levels of a side as of the last [`Self::finish`], or all if it has fewer;
    /// `None` if the top does not keep so many.
    #[inline]
    pub(crate) fn kept_levels(&self, side: Side, depth: usize) -> Option<&[Level]> {
        self.half(side).top.first_levels(depth)
    }

    /// The first levels of a side, `depth` or as many as `into` holds at most.
    pub(crate) fn copy_levels<'a>(
        &self,
        side: Side,
        depth: usize,
        into: &'a mut [Level],
    ) -> &'a [Level] {
        let (grid, flip) = (self.grid.unwrap_or(Grid::UNIT), flip_of(side));
        let mut count = 0;
        self.half(side).ladder.for_first(depth.min(into.len()), |key, size| {
            into[count] = Level { price: Price(grid.price(key ^ flip)), size: Size(size) };
            count += 1;
        });
        &into[..count]
    }

    /// Whether best bid was at or above best ask at the last [`Self::finish`].
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        self.crossed
    }

    /// The price step, in units of the price exponent; `None` while no price and no tick is known.
    #[must_use]
    pub fn step(&self) -> Option<i64> {
        self.grid.map(|grid| grid.step())
    }

    /// Counts of rare events.
    #[must_use]
    pub fn counters(&self) -> BookCounters {
        let [bids, asks] = &self.sides;
        BookCounters {
            window_moves: bids.ladder.moves() + asks.ladder.moves(),
            regrids: self.regrids,
            overflow_growths: bids.ladder.growths() + asks.ladder.growths(),
            sizes_rounded: self.sizes_rounded,
        }
    }

    /// Whether the tops are those of the ladders.
    #[inline]
    fn is_fresh(&self) -> bool {
        self.notes.is_empty() && !self.sides[0].top.is_stale() && !self.sides[1].top.is_stale()
    }

    /// Makes the tops those of the ladders, and lets the windows follow them; whether one changed.
    #[inline]
    fn refresh(&mut self, grid: &Grid) -> bool {
        let stale = self.sides.iter().any(|half| half.top.is_stale());
        let Some(notes) = self.notes.kept().filter(|_| !stale) else {
            return self.walk(grid);
        };
        let shown = self.sides.each_ref().map(|half| half.top.levels().len());
        for note in notes {
            let HalfBook { ladder, top, .. } = &mut self.sides[note.side() as usize];
            top.look_up(note.key(), Size(ladder.size_at(note.key())), grid);
        }
        self.notes.clear();
        let mut changed = false;
        for (half, len_before) in self.sides.iter_mut().zip(shown) {
            if half.top.fit(len_before, &half.ladder, grid) {
                changed = true;
                half.follow();
            }
        }
        changed
    }

    /// [`Self::refresh`] that looks at the ladders only.
    #[cold]
    fn walk(&mut self, grid: &Grid) -> bool {
        self.notes.clear();
        let mut changed = false;
        for half in &mut self.sides {
            changed |= half.top.walk(&half.ladder, grid);
            half.follow();
        }
        changed
    }

    fn judge_crossed(&mut self) {
        let [bids, asks] = self.sides.each_ref().map(|half| half.top.levels().first());
        self.crossed = bids.zip(asks).is_some_and(|(bid, ask)| bid.price >= ask.price);
    }

    fn half(&self, side: Side) -> &HalfBook {
        &self.sides[side as usize]
    }

    /// Takes the first prices for the grid: the coarsest that holds them all. Prices between its
    /// ticks will refine it.
    #[cold]
    fn learn_grid(&mut self, records: &[LevelRecord]) -> Option<Grid> {
        let mut prices =
            records.iter().filter(|record| record.size() != Size::ZERO).map(|r| r.price().0);
        prices.clone().next()?;
        self.grid = Some(Grid::of(&mut prices).unwrap_or(Grid::UNIT));
        self.grid
    }

    /// Applies a record that the hot loop left: its price is off the grid or outside the window.
    #[cold]
    fn apply_outlier(&mut self, record: LevelRecord, tally: &mut Tally) -> Result<(), BookError> {
        let (price, size) = (record.price().0, record.size().0);
        let mut tick = self.grid.and_then(|grid| grid.tick(price));
        if tick.is_none() {
            if size == 0 {
                tally.count(0, 0);
                return Ok(());
            }
            tick = self.regrid(price);
        }
        let HalfBook { side, ladder, top } = &mut self.sides[record.side() as usize];
        let key = tick.unwrap_or_default() ^ flip_of(*side);
        let old = ladder.set(key, size, self.levels_limit)?;
        tally.count(old, size);
        top.reach(key);
        self.notes.note(Note::new(key, record), (old != size) & (key <= top.bound()));
        Ok(())
    }

    /// Refines the grid so that it holds `price`, moves both sides over to it, and gives the tick
    /// of `price`.
    #[cold]
    fn regrid(&mut self, price: i64) -> Option<i64> {
        let old = self.grid?;
        let new = old.refined(price);
        self.grid = Some(new);
        self.regrids += 1;
        for half in &mut self.sides {
            let flip = flip_of(half.side);
            // On the finer grid every old price has a tick.
            let rekey = |key| new.tick(old.price(key ^ flip)).unwrap_or_default() ^ flip;
            half.ladder.map_keys(rekey);
            half.top.invalidate();
        }
        new.tick(price)
    }

    /// The grid after a conversion that every price of the book survives.
    fn converted_grid(&self, old: &Grid, conversion: &Conversion) -> Option<Grid> {
        if let Some(step) = conversion.price(old.step()) {
            return Some(Grid::new(step));
        }
        // The step itself does not fit, or has digits below the exponent: start from the prices.
        let prices = self.levels(Side::Bid).chain(self.levels(Side::Ask));
        let mut prices = prices.filter_map(|level| conversion.price(level.price.0)).peekable();
        prices.peek()?;
        Some(Grid::of(prices).unwrap_or(Grid::UNIT))
    }
}

impl HalfBook {
    /// Removes the worst levels until `depth` are left; gives how many went.
    #[inline]
    fn cut(&mut self, depth: usize, notes: &mut Notes) -> u32 {
        let mut count = 0;
        while self.ladder.len() > depth {
            let Some(key) = self.ladder.remove_last() else { break };
            let record = LevelRecord::new(Price(0), Size::ZERO, self.side);
            notes.note(Note::new(key, record), key <= self.top.bound());
            count += 1;
        }
        count
    }

    /// After the top was refreshed: lets the window go where the best level is, and the ladder
    /// note what matters to the top.
    #[inline]
    fn follow(&mut self) {
        self.ladder.note_bound = self.top.bound();
        if let Some(best) = self.top.best_key() {
            self.ladder.follow(best);
            self.top.reach(self.ladder.base());
        }
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("scale", &self.scale)
            .field("step", &self.step())
            .field("bids", &self.level_count(Side::Bid))
            .field("asks", &self.level_count(Side::Ask))
            .field("best_bid", &self.best(Side::Bid))
            .field("best_ask", &self.best(Side::Ask))
            .field("crossed", &self.crossed)
            .finish_non_exhaustive()
    }
}

/// The grid of an instrument's tick size; `None` if it is no positive number. A tick below the
/// exponent makes every integer a tick.
fn grid_of_tick(tick: Decimal, scale: Scale) -> Option<Grid> {
    if tick.mantissa() <= 0 {
        return None;
    }
    Some(tick.to_mantissa(scale.price_exponent).map_or(Grid::UNIT, Grid::new))
}
