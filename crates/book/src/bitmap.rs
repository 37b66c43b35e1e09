//! Which slots are occupied: a bitmap with two levels of summary above it.
//!
//! # Guarantees
//!
//! - Finding the next or previous occupied slot looks at five words at most, however far it is.
//!
//! # Invariants
//!
//! - Bit `n` of `summary` is set exactly when word `n` of `words` is not zero; bit `n` of `root`
//!   exactly when word `n` of `summary` is not zero.

/// The most slots that three levels of 64 can tell apart.
pub(crate) const SLOTS_MAX: usize = 64 * 64 * 64;

/// Bits per word.
pub(crate) const WORD: usize = 64;

/// A set of slots.
pub(crate) struct Bitmap {
    words: Vec<u64>,
    summary: Vec<u64>,
    root: u64,
}

impl Bitmap {
    /// No slot of `slots` occupied; `slots` is a power of two in `64 ..= SLOTS_MAX`.
    pub(crate) fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two(), "slots are addressed by mask");
        assert!((WORD..=SLOTS_MAX).contains(&slots), "three levels of 64 hold 64 to 2^18 slots");
        let words = slots / WORD;
        Self { words: vec![0; words], summary: vec![0; words.div_ceil(WORD)], root: 0 }
    }

    /// Touches every page of it; it must be empty.
    pub(crate) fn warm(&mut self) {
        debug_assert_eq!(self.root, 0, "no slot is occupied");
        for page in self.words.chunks_mut(4096 / size_of::<u64>()) {
            page[0] = core::hint::black_box(0);
        }
    }

    /// For many flips in a row: keeps the places of the words in registers.
    #[inline]
    pub(crate) fn open(&mut self) -> OpenBitmap<'_> {
        OpenBitmap { words: &mut self.words, summary: &mut self.summary, root: &mut self.root }
    }

    /// As [`OpenBitmap::flip`].
    #[cfg(test)]
    fn flip(&mut self, slot: usize, flip: u64) {
        self.open().flip(slot, flip);
    }

    /// The first occupied slot at or behind `slot`.
    #[inline]
    pub(crate) fn next(&self, slot: usize) -> Option<usize> {
        let index = slot / WORD;
        let here = self.words[index] & (u64::MAX << (slot % WORD));
        if here != 0 {
            return Some(index * WORD + first(here));
        }
        self.next_word(index).map(|index| index * WORD + first(self.words[index]))
    }

    /// Calls `each` with the `count` occupied slots at and behind `slot`, going on at slot 0 behind
    /// the last; so many there must be.
    #[inline]
    pub(crate) fn for_next(&self, slot: usize, count: usize, mut each: impl FnMut(usize)) {
        let mut index = slot / WORD;
        let mut bits = self.words[index] & (u64::MAX << (slot % WORD));
        for _ in 0..count {
            if bits == 0 {
                let next = self.next_word(index).or_else(|| self.first_word());
                let Some(next) = next else { return };
                index = next;
                bits = self.words[index];
            }
            each(index * WORD + first(bits));
            bits &= bits - 1;
        }
    }

    /// The first word that is not zero.
    fn first_word(&self) -> Option<usize> {
        if self.root == 0 {
            return None;
        }
        let group = first(self.root);
        Some(group * WORD + first(self.summary[group]))
    }

    /// The first word behind `index` that is not zero.
    fn next_word(&self, index: usize) -> Option<usize> {
        let group = index / WORD;
        let here = self.summary[group] & above(index % WORD);
        if here != 0 {
            return Some(group * WORD + first(here));
        }
        let groups = self.root & above(group);
        if groups == 0 {
            return None;
        }
        let group = first(groups);
        Some(group * WORD + first(self.summary[group]))
    }

    /// The last occupied slot at or before `slot`.
    pub(crate) fn prev(&self, slot: usize) -> Option<usize> {
        let index = slot / WORD;
        let here = self.words[index] & (u64::MAX >> (WORD - 1 - slot % WORD));
        if here != 0 {
            return Some(index * WORD + last(here));
        }
        self.prev_word(index).map(|index| index * WORD + last(self.words[index]))
    }

    /// The last word before `index` that is not zero.
    fn prev_word(&self, index: usize) -> Option<usize> {
        let group = index / WORD;
        let here = self.summary[group] & below(index % WORD);
        if here != 0 {
            return Some(group * WORD + last(here));
        }
        let groups = self.root & below(group);
        if groups == 0 {
            return None;
        }
        let group = last(groups);
        Some(group * WORD + last(self.summary[group]))
    }
}

/// A bitmap whose bits are being flipped.
pub(crate) struct OpenBitmap<'a> {
    words: &'a mut [u64],
    summary: &'a mut [u64],
    root: &'a mut u64,
}

impl OpenBitmap<'_> {
    /// Flips the bit of `slot` if `flip` is 1, leaves it if it is 0: no branch on it, nor on
    /// whether a word becomes empty, which far from the touch every other delete does.
    #[inline(always)] // a call in the hot loop of the ladder costs a fifth of it
    pub(crate) fn flip(&mut self, slot: usize, flip: u64) {
        debug_assert!(flip <= 1);
        let index = slot / WORD;
        let before = self.words[index];
        let after = before ^ (flip << (slot % WORD));
        self.words[index] = after;
        // A word becomes empty or occupied far less often than a slot does.
        if (before == 0) != (after == 0) {
            self.summarise(index);
        }
    }

    #[inline]
    fn summarise(&mut self, index: usize) {
        let group = index / WORD;
        self.summary[group] ^= 1 << (index % WORD);
        *self.root &= !(1 << group);
        *self.root |= u64::from(self.summary[group] != 0) << group;
    }
}

/// Index of the lowest set bit of a word that is not zero.
#[inline]
const fn first(word: u64) -> usize {
    word.trailing_zeros() as usize
}

/// Index of the highest set bit of a word that is not zero.
#[inline]
const fn last(word: u64) -> usize {
    WORD - 1 - word.leading_zeros() as usize
}

/// The bits above `bit`.
#[inline]
const fn above(bit: usize) -> u64 {
    (u64::MAX << bit) << 1
}

/// The bits below `bit`.
#[inline]
const fn below(bit: usize) -> u64 {
    !(u64::MAX << bit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_every_size_are_found() {
        for bits in 6..=18 {
            let slots = 1_usize << bits;
            let mut bitmap = Bitmap::new(slots);
            assert_eq!((bitmap.next(0), bitmap.prev(slots - 1)), (None, None));
            bitmap.flip(slots - 1, 1);
            assert_eq!(
                (bitmap.next(0), bitmap.prev(slots - 1)),
                (Some(slots - 1), Some(slots - 1))
            );
            bitmap.flip(slots - 1, 1);
            bitmap.flip(0, 1);
            assert_eq!((bitmap.next(0), bitmap.prev(slots - 1)), (Some(0), Some(0)));
            assert_eq!(bitmap.next(1), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn next_and_prev_equal_those_of_a_set(
            bits in 6..=18_u32,
            flips in prop::collection::vec((any::<usize>(), 0..=1_u64), 1..200),
            probes in prop::collection::vec(any::<usize>(), 1..50),
        ) {
            let slots = 1_usize << bits;
            let (mut bitmap, mut twin) = (Bitmap::new(slots), BTreeSet::new());
            for &(slot, flip) in &flips {
                let slot = slot % slots;
                bitmap.flip(slot, flip);
                if flip == 1 && !twin.remove(&slot) {
                    twin.insert(slot);
                }
            }
            for &probe in probes.iter().chain(flips.iter().map(|(slot, _)| slot)) {
                let slot = probe % slots;
                prop_assert_eq!(bitmap.next(slot), twin.range(slot..).next().copied());
                prop_assert_eq!(bitmap.prev(slot), twin.range(..=slot).next_back().copied());
            }
        }
    }
}
