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

    /// The window as it will be made.
    pub(crate) fn window_slots(&self) -> usize {
        self.window_slots.clamp(Self::WINDOW_SLOTS_MIN, Self::WINDOW_SLOTS_MAX).next_power_of_two()
    }
}
