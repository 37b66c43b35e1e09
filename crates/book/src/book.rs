//! One book.

use core::ops::Range;

use tickbook_types::{Level, LevelRecord, Scale, Side};

use crate::{BookConfig, BookError};

/// One instrument's book.
#[derive(Clone, Debug)]
pub struct Book {
    scale: Scale,
}

/// What one call of [`Book::apply`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Applied {
    /// Records that changed a size (inserts, updates to another size, deletes of present levels).
    pub changed: u32,
    /// Deletes of levels the book did not hold.
    pub absent_deletes: u32,
}

/// What the book is after a whole message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Finished {
    /// Best bid at or above best ask.
    pub crossed: bool,
    /// Some slot of [`Book::top`] of either side is different from the last [`Book::finish`].
    pub top_changed: bool,
    /// Best bid or best ask (price or size) is different from the last [`Book::finish`].
    pub best_changed: bool,
    /// Levels cut off behind [`BookConfig::depth_max`], both sides.
    pub cut: u32,
}

/// What rare things happened in the life of a book.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BookCounters {
    /// The window of a side moved.
    pub window_moves: u64,
    /// The price step was refined for a price off the grid.
    pub regrids: u64,
    /// The overflow outgrew its storage (an allocation on the hot path).
    pub overflow_growths: u64,
    /// Sizes rounded by [`Book::rescale`].
    pub sizes_rounded: u64,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(config: &BookConfig) -> Self {
        Self { scale: config.scale }
    }

    /// Applies one whole message, or a part of one.
    ///
    /// # Errors
    ///
    /// [`BookError::Overflow`]: the records before the one that did not fit are applied.
    pub fn apply(&mut self, _levels: &[LevelRecord]) -> Result<Applied, BookError> {
        Ok(Applied::default())
    }

    /// Ends a whole message: cuts to depth, refreshes [`Self::top`], judges crossed.
    pub fn finish(&mut self) -> Finished {
        Finished::default()
    }

    /// Removes every level.
    pub fn clear(&mut self) {}

    /// Changes the exponents; the levels are kept.
    ///
    /// # Errors
    ///
    /// [`BookError::Scale`] if a price has no integer at the new exponent; the book is as before.
    pub fn rescale(&mut self, to: Scale) -> Result<(), BookError> {
        self.scale = to;
        Ok(())
    }

    /// The exponents of its numbers.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, _side: Side) -> Option<Level> {
        None
    }

    /// The best levels of a side as of the last [`Self::finish`], best first.
    #[must_use]
    pub fn top(&self, _side: Side) -> &[Level] {
        &[]
    }

    /// Slots of [`Self::top`] that changed since this was last asked for this side.
    pub fn changed_top(&mut self, _side: Side) -> Range<usize> {
        0..0
    }

    /// Levels of a side.
    #[must_use]
    pub fn level_count(&self, _side: Side) -> usize {
        0
    }

    /// All levels of a side, best first.
    pub fn levels(&self, _side: Side) -> impl Iterator<Item = Level> + '_ {
        core::iter::empty()
    }

    /// Whether best bid is at or above best ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        false
    }

    /// Counts of rare events.
    #[must_use]
    pub fn counters(&self) -> BookCounters {
        BookCounters::default()
    }
}
