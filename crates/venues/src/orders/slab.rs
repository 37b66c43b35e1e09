//! Items at places that stay: a vector whose holes are filled again.
//!
//! # Guarantees
//!
//! - Nothing is allocated but to double it, [`Slab::remove`] never allocates.

use core::ops::{Index, IndexMut};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    items: Vec<T>,
    /// Places of the holes, with room for all of them.
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// An empty slab with room for `capacity` items before it grows.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { items: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity) }
    }

    /// Keeps an item; its place. There are fewer than 2^32.
    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self[place] = item;
            return place;
        }
        let place = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.push(item);
        self.free.reserve(self.items.capacity());
        place
    }

    /// Gives a place up. What stands there is left until it is filled again.
    pub(super) fn remove(&mut self, place: u32) {
        debug_assert!(!self.free.contains(&place) || self.free.len() > 64, "given up twice");
        self.free.push(place);
    }

    /// Empties it; its memory is kept.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.free.clear();
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.items[place as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.items[place as usize]
    }
}
