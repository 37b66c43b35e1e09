//! A hash index from ids to places in a slab: open addressing, linear probing, no tombstones.
//!
//! # Guarantees
//!
//! - Nothing is allocated but to double the table; removing leaves no trace that would slow later
//!   searches, however long the index lives.
//!
//! # Invariants
//!
//! - At most half of the entries are taken, so every search ends.
//! - Between the home of an entry and its place there is no free entry.

/// See the module. Knows hashes and places; what an id is, the caller knows.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The hash above, the place plus 1 below; 0 is free. The length is a power of two.
    entries: Vec<u64>,
    len: usize,
}

impl Index {
    /// An index with room for `capacity` ids before it grows.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let entries = (capacity * 2).next_power_of_two().max(2);
        Self { entries: vec![0; entries], len: 0 }
    }

    /// The place of the id of this hash for which `is` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry == 0 {
                return None;
            }
            if hash_of(entry) == hash && is(place_of(entry)) {
                return Some(place_of(entry));
            }
            at = self.after(at);
        }
    }

    /// Adds an id that is not there.
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        if (self.len + 1) * 2 > self.entries.len() {
            self.grow();
        }
        self.put(u64::from(hash) << 32 | (u64::from(place) + 1));
        self.len += 1;
    }

    /// Removes the id at `place`, which is there.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        while place_of(self.entries[at]) != place {
            debug_assert_ne!(self.entries[at], 0, "an id that is not there");
            at = self.after(at);
        }
        // What follows moves up, unless that would put it in front of its home.
        let mask = self.entries.len() - 1;
        let mut hole = at;
        loop {
            at = self.after(at);
            let entry = self.entries[at];
            if entry == 0 {
                break;
            }
            let from_home = at.wrapping_sub(self.home(hash_of(entry))) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = 0;
        self.len -= 1;
    }

    /// Empties it; its memory is kept.
    pub(super) fn clear(&mut self) {
        self.entries.fill(0);
        self.len = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let entries = self.entries.len() * 2;
        let old = core::mem::replace(&mut self.entries, vec![0; entries]);
        old.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.put(entry));
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.home(hash_of(entry));
        while self.entries[at] != 0 {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    #[inline]
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.entries.len() - 1)
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }
}

const fn hash_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

/// The place of an entry; of a free one, a place that no slab has.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn place_of(entry: u64) -> u32 {
    (entry as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map, with hashes that collide and wrap around the end of the table.
        #[test]
        fn it_finds_what_a_map_finds(
            steps in prop::collection::vec((0..40_u32, any::<bool>()), 1..400),
        ) {
            let hash = |id: u32| (id % 7).wrapping_sub(3);
            let mut index = Index::with_capacity(1);
            let mut twin = BTreeMap::new();
            for (id, add) in steps {
                if add && !twin.contains_key(&id) {
                    index.insert(hash(id), id);
                    twin.insert(id, hash(id));
                } else if !add && twin.remove(&id).is_some() {
                    index.remove(hash(id), id);
                }
                for id in 0..40 {
                    let found = index.find(hash(id), |place| place == id);
                    prop_assert_eq!(found, twin.contains_key(&id).then_some(id));
                }
                prop_assert!(index.len == twin.len() && index.len * 2 <= index.entries.len());
            }
            index.clear();
            prop_assert!((0..40).all(|id| index.find(hash(id), |place| place == id).is_none()));
        }
    }
}
