//! What a book is made with.

use tickbook_types::{Decimal, Scale};

use crate::bitmap::{SLOTS_MAX, WORD};

/// What a book is made with. `BookConfig::default()` suits a venue's whole book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookConfig {
    /// Exponents of prices and sizes.
    pub scale: Scale,
    /// Smallest price step, if known. Prices off it are taken and refine the step.
    pub tick: Option<Decimal>,
    /// Levels a side the book is cut to after each whole message; `None`: never cut.
    pub depth_max: Option<u32>,
    /// Levels a side kept in [`crate::Book::top`].
    pub published_depth: usize,
    /// Ticks a side within the array-indexed window: brought to a power of two in
    /// [`Self::WINDOW_SLOTS_MIN`] `..=` [`Self::WINDOW_SLOTS_MAX`]. 8 bytes each once touched.
    pub window_slots: usize,
    /// Levels a side outside the window for which room is made at the start.
    pub overflow_capacity: usize,
    /// Levels a side the book may hold at all.
    pub levels_limit: usize,
}

impl Default for BookConfig {
    fn default() -> Self {
        Self {
            scale: Scale::default(),
            tick: None,
            depth_max: None,
            published_depth: 32,
            window_slots: 1 << 16,
            overflow_capacity: 4096,
            levels_limit: 1 << 20,
        }
    }
}

impl BookConfig {
    /// Smallest window: one word of the bitmap.
    pub const WINDOW_SLOTS_MIN: usize = WORD;
    /// Largest window: what three levels of 64 can tell apart.
    pub const WINDOW_SLOTS_MAX: usize = SLOTS_MAX;

    /// Memory that the windows of one process may take once every slot is touched.
    const WINDOW_BYTES_MAX: usize = 6 << 30;

    /// The largest window with which `books` books stay within 6 GiB even if every slot of both
    /// sides is touched: 2^15 slots for 10,000 books, [`Self::WINDOW_SLOTS_MAX`] for up to 1,536.
    ///
    /// A far level costs a search of the overflow, several times an update within the window; real
    /// books of 10,000 levels reach 2^16 to 2^17 ticks behind the touch.
    #[must_use]
    pub const fn window_slots_for(books: usize) -> usize {
        let books = if books == 0 { 1 } else { books };
        let slots = Self::WINDOW_BYTES_MAX / (books * 2 * size_of::<u64>());
        if slots >= Self::WINDOW_SLOTS_MAX {
            Self::WINDOW_SLOTS_MAX
        } else if slots <= Self::WINDOW_SLOTS_MIN {
            Self::WINDOW_SLOTS_MIN
        } else {
            1 << slots.ilog2()
        }
    }

    /// The window as it will be made.
    pub(crate) fn window_slots(&self) -> usize {
        self.window_slots.clamp(Self::WINDOW_SLOTS_MIN, Self::WINDOW_SLOTS_MAX).next_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_power_of_two_within_the_limits() {
        let made =
            |window_slots| BookConfig { window_slots, ..BookConfig::default() }.window_slots();
        assert_eq!([0, 64, 65, 1 << 18, usize::MAX].map(made), [64, 64, 128, 1 << 18, 1 << 18]);
    }

    #[test]
    fn windows_of_all_books_fit_in_memory() {
        let expected = [(0, 1 << 18), (1_536, 1 << 18), (1_537, 1 << 17), (10_000, 1 << 15)];
        for (books, slots) in expected {
            assert_eq!(BookConfig::window_slots_for(books), slots, "{books} books");
        }
        assert_eq!(BookConfig::window_slots_for(usize::MAX / 64), BookConfig::WINDOW_SLOTS_MIN);
    }
}
