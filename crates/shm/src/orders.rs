//! How many orders make up each published level of a book, where the venue tells.
//!
//! A section of its own beside the book's, with the number of the publish that it belongs to: books
//! of venues that do not tell pay nothing for it, and the levels of those that do are out before it
//! is written.

use crate::atomic::{Ordering, Word};
use crate::layout::orders;
use crate::snapshot::{halves, pair};

/// Orders at each level of a [`crate::Depth`], in memory that the next read uses again.
#[derive(Clone, Debug, Default)]
pub struct OrderCounts {
    bids: Vec<u32>,
    asks: Vec<u32>,
    shown: [usize; 2],
    publishes: u64,
    slot_generation: u64,
}

impl OrderCounts {
    /// Orders at each bid, best first; 0: not known.
    #[must_use]
    pub fn bids(&self) -> &[u32] {
        &self.bids[..self.shown[0]]
    }

    /// Orders at each ask, best first; 0: not known.
    #[must_use]
    pub fn asks(&self) -> &[u32] {
        &self.asks[..self.shown[1]]
    }

    /// The publish of the book whose levels these are of ([`crate::BookHeader::publishes`]); 0: no
    /// counts of this book were ever told.
    #[must_use]
    pub const fn publishes(&self) -> u64 {
        self.publishes
    }

    /// Generation of the directory slot that they are of.
    #[must_use]
    pub const fn slot_generation(&self) -> u64 {
        self.slot_generation
    }

    /// Makes room for `depth` levels a side: allocates on the first read, and never again.
    pub(crate) fn reserve(&mut self, depth: usize) {
        if self.bids.len() != depth {
            self.bids.resize(depth, 0);
            self.asks.resize(depth, 0);
        }
        self.shown = [0, 0];
    }

    /// Copies a block. Bounded by the room reserved, whatever the words say.
    pub(crate) fn load(&mut self, block: &[Word]) {
        // Relaxed: within the section of the block.
        let word = |at: usize| block.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
        self.publishes = word(orders::PUBLISHES);
        self.slot_generation = word(orders::SLOT_GENERATION);
        let depth = self.bids.len();
        self.shown = halves(word(orders::SHOWN)).map(|shown| (shown as usize).min(depth));
        let most = self.shown[0].max(self.shown[1]);
        for at in 0..most {
            [self.bids[at], self.asks[at]] = halves(word(orders::WORDS + at));
        }
    }
}

/// Stores the counts of both sides, best first, but for the version.
pub(crate) fn store(
    block: &[Word],
    sides: [&[u32]; 2],
    publishes: u64,
    slot_generation: u64,
) {
    let Some((head, levels)) = block.split_at_checked(orders::WORDS) else { return };
    let shown = sides.map(|side| u32::try_from(side.len().min(levels.len())).unwrap_or(0));
    for (at, value) in [
        (orders::PUBLISHES, publishes),
        (orders::SLOT_GENERATION, slot_generation),
        (orders::SHOWN, pair(shown[0], shown[1])),
    ] {
        // Relaxed: within the section of the block.
        head[at].store(value, Ordering::Relaxed);
    }
    let [bids, asks] = sides;
    let count = |side: &[u32], at: usize| side.get(at).copied().unwrap_or(0);
    for (at, word) in levels.iter().enumerate().take(bids.len().max(asks.len())) {
        // Relaxed: within the section of the block.
        word.store(pair(count(bids, at), count(asks, at)), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(depth: usize) -> Vec<Word> {
        (0..orders::WORDS + depth).map(|_| Word::new(u64::MAX)).collect()
    }

    #[test]
    fn what_is_stored_comes_back() {
        let block = block(3);
        store(&block, [&[7, u32::MAX, 0], &[1]], 9, 4);
        let mut counts = OrderCounts::default();
        counts.reserve(3);
        counts.load(&block);
        assert_eq!((counts.bids(), counts.asks()), (&[7, u32::MAX, 0][..], &[1][..]));
        assert_eq!((counts.publishes(), counts.slot_generation()), (9, 4));
        store(&block, [&[], &[5, 6]], 10, 4);
        counts.load(&block);
        assert_eq!((counts.bids(), counts.asks()), (&[][..], &[5, 6][..]));
    }

    #[test]
    fn no_content_of_a_block_leads_out_of_bounds() {
        let mut counts = OrderCounts::default();
        counts.reserve(2);
        counts.load(&block(2));
        assert_eq!((counts.bids().len(), counts.asks().len()), (2, 2));
        counts.load(&block(0)[..1]);
        assert_eq!((counts.bids().len(), counts.publishes()), (0, 0));
        store(&block(1), [&[1, 2, 3], &[]], 1, 1);
    }
}
