//! Levels outside the window: an ordered list in preallocated chunks.
//!
//! A set or a removal searches the chunks' first keys, then one chunk, and moves at most one chunk
//! (1 KiB); a few thousand levels cost no more than a few hundred. Deletes of absent levels, a
//! tenth of a Binance stream, only search.
//!
//! # Guarantees
//!
//! - No allocation while it holds at most as many levels as it was made for, whatever the order
//!   they come and go in; growth beyond is counted.
//!
//! # Invariants
//!
//! - Keys ascend within a chunk, and from chunk to chunk in the order of `order`.
//! - `firsts[n]` is the first key of chunk `order[n]`; no chunk in `order` is empty.

/// Levels of a chunk: 1 KiB, 16 cache lines.
const CHUNK: usize = 64;

/// A chunk that shrinks below this is merged into a neighbour if the two fit in [`MERGED_MAX`].
const MERGE_BELOW: usize = 16;

/// Largest chunk that a merge makes: leaves room, so that the next insert does not split it again.
const MERGED_MAX: usize = 48;

/// Chunks hold at least this many levels on average: a chunk of less than [`MERGE_BELOW`] stands
/// beside one that is too full to merge with, or is one that an insert at an end just began.
const CHUNK_AVERAGE_MIN: usize = 8;

struct Chunk {
    len: usize,
    keys: [i64; CHUNK],
    sizes: [u64; CHUNK],
}

impl Chunk {
    const EMPTY: Self = Self { len: 0, keys: [0; CHUNK], sizes: [0; CHUNK] };

    fn keys(&self) -> &[i64] {
        &self.keys[..self.len]
    }

    fn insert(&mut self, at: usize, key: i64, size: u64) {
        self.keys.copy_within(at..self.len, at + 1);
        self.sizes.copy_within(at..self.len, at + 1);
        self.keys[at] = key;
        self.sizes[at] = size;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        self.keys.copy_within(at + 1..self.len, at);
        self.sizes.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// Moves the levels from `at` on to the end of `to`.
    fn split_off(&mut self, at: usize, to: &mut Self) {
        let count = self.len - at;
        to.keys[to.len..to.len + count].copy_from_slice(&self.keys[at..self.len]);
        to.sizes[to.len..to.len + count].copy_from_slice(&self.sizes[at..self.len]);
        to.len += count;
        self.len = at;
    }
}

/// An ordered map from keys to sizes above zero.
pub(crate) struct Overflow {
    chunks: Vec<Chunk>,
    free: Vec<u32>,
    order: Vec<u32>,
    firsts: Vec<i64>,
    len: usize,
    growths: u64,
}

impl Overflow {
    /// Empty, with room for `capacity` levels. Pages are touched when they are first needed.
    pub(crate) fn new(capacity: usize) -> Self {
        let chunks = capacity / CHUNK_AVERAGE_MIN + 2;
        Self {
            chunks: Vec::with_capacity(chunks),
            free: Vec::with_capacity(chunks),
            order: Vec::with_capacity(chunks),
            firsts: Vec::with_capacity(chunks),
            len: 0,
            growths: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How often it outgrew its storage.
    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    /// As it was when it was made.
    pub(crate) fn renew(&mut self) {
        self.clear();
        self.growths = 0;
    }

    /// The size at `key`, 0 if there is none.
    pub(crate) fn size_at(&self, key: i64) -> u64 {
        match self.locate(key) {
            Some((n, at)) if self.chunk(n).keys().get(at) == Some(&key) => self.chunk(n).sizes[at],
            _ => 0,
        }
    }

    /// Sets the size at `key`, 0 to remove it; gives the size that was there.
    pub(crate) fn set(&mut self, key: i64, size: u64) -> u64 {
        let Some((n, at)) = self.locate(key) else {
            if size != 0 {
                self.begin_chunk(0, key, size);
            }
            return 0;
        };
        let chunk = &mut self.chunks[self.order[n] as usize];
        if chunk.keys().get(at) == Some(&key) {
            let old = chunk.sizes[at];
            if size == 0 {
                self.remove(n, at);
            } else {
                chunk.sizes[at] = size;
            }
            return old;
        }
        if size != 0 {
            self.insert(n, at, key, size);
        }
        0
    }

    /// The level with the smallest key.
    pub(crate) fn first(&self) -> Option<(i64, u64)> {
        let chunk = &self.chunks[*self.order.first()? as usize];
        Some((chunk.keys[0], chunk.sizes[0]))
    }

    /// The level with the greatest key.
    pub(crate) fn last(&self) -> Option<(i64, u64)> {
        let chunk = &self.chunks[*self.order.last()? as usize];
        Some((chunk.keys[chunk.len - 1], chunk.sizes[chunk.len - 1]))
    }

    /// The levels with keys from `from` on, ascending.
    pub(crate) fn iter_from(&self, from: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        let (mut n, mut at) = self.locate(from).unwrap_or((0, 0));
        core::iter::from_fn(move || {
            let mut chunk = &self.chunks[*self.order.get(n)? as usize];
            if at == chunk.len {
                (n, at) = (n + 1, 0);
                chunk = &self.chunks[*self.order.get(n)? as usize];
            }
            at += 1;
            Some((chunk.keys[at - 1], chunk.sizes[at - 1]))
        })
    }

    /// Replaces every key by `map` of it, which must keep their order.
    pub(crate) fn map_keys(&mut self, map: impl Fn(i64) -> i64) {
        for (first, &id) in self.firsts.iter_mut().zip(&self.order) {
            let chunk = &mut self.chunks[id as usize];
            chunk.keys[..chunk.len].iter_mut().for_each(|key| *key = map(*key));
            *first = chunk.keys[0];
        }
        debug_assert!(self.firsts.is_sorted());
    }

    /// Replaces every size by `map` of it, which must not be zero.
    pub(crate) fn map_sizes(&mut self, map: impl Fn(u64) -> u64) {
        for &id in &self.order {
            let chunk = &mut self.chunks[id as usize];
            chunk.sizes[..chunk.len].iter_mut().for_each(|size| *size = map(*size));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.free.append(&mut self.order);
        self.firsts.clear();
        self.len = 0;
    }

    fn chunk(&self, n: usize) -> &Chunk {
        &self.chunks[self.order[n] as usize]
    }

    /// The chunk where `key` is or belongs, and the first place in it that is not before it; `None`
    /// if there is no chunk.
    fn locate(&self, key: i64) -> Option<(usize, usize)> {
        if self.firsts.is_empty() {
            return None;
        }
        let n = self.firsts.partition_point(|&first| first <= key).saturating_sub(1);
        Some((n, self.chunk(n).keys().partition_point(|&other| other < key)))
    }

    fn insert(&mut self, n: usize, at: usize, key: i64, size: u64) {
        let (mut n, mut at) = (n, at);
        if self.chunk(n).len == CHUNK {
            // Runs that come in order fill whole chunks.
            if at == CHUNK {
                return self.begin_chunk(n + 1, key, size);
            }
            if at == 0 {
                return self.begin_chunk(n, key, size);
            }
            self.split(n);
            if at > CHUNK / 2 {
                (n, at) = (n + 1, at - CHUNK / 2);
            }
        }
        self.chunks[self.order[n] as usize].insert(at, key, size);
        self.firsts[n] = self.chunk(n).keys[0];
        self.len += 1;
    }

    fn remove(&mut self, n: usize, at: usize) {
        let chunk = &mut self.chunks[self.order[n] as usize];
        chunk.remove(at);
        let len = chunk.len;
        self.len -= 1;
        if len == 0 {
            self.firsts.remove(n);
            self.free.push(self.order.remove(n));
            return;
        }
        self.firsts[n] = self.chunk(n).keys[0];
        if len < MERGE_BELOW {
            let fits = |n: usize| {
                let next = self.order.get(n + 1).map(|&id| self.chunks[id as usize].len);
                next.is_some_and(|next| self.chunk(n).len + next <= MERGED_MAX)
            };
            if fits(n) {
                self.merge_next(n);
            } else if n > 0 && fits(n - 1) {
                self.merge_next(n - 1);
            }
        }
    }

    /// Puts a new chunk of one level at place `n` of the order.
    fn begin_chunk(&mut self, n: usize, key: i64, size: u64) {
        let id = self.take_chunk();
        self.chunks[id as usize].insert(0, key, size);
        self.order.insert(n, id);
        self.firsts.insert(n, key);
        self.len += 1;
    }

    /// Moves the upper half of chunk `n` to a new chunk behind it.
    fn split(&mut self, n: usize) {
        let id = self.take_chunk();
        let (from, to) = self.pair(self.order[n], id);
        from.split_off(CHUNK / 2, to);
        let first = to.keys[0];
        self.order.insert(n + 1, id);
        self.firsts.insert(n + 1, first);
    }

    /// Moves the levels of the chunk behind chunk `n` to the end of chunk `n`.
    fn merge_next(&mut self, n: usize) {
        let (to, from) = self.pair(self.order[n], self.order[n + 1]);
        from.split_off(0, to);
        self.firsts.remove(n + 1);
        self.free.push(self.order.remove(n + 1));
    }

    fn pair(&mut self, a: u32, b: u32) -> (&mut Chunk, &mut Chunk) {
        let [a, b] = self
            .chunks
            .get_disjoint_mut([a as usize, b as usize])
            .expect("two chunks of the order are different");
        (a, b)
    }

    /// An empty chunk.
    fn take_chunk(&mut self) -> u32 {
        if let Some(id) = self.free.pop() {
            self.chunks[id as usize].len = 0;
            return id;
        }
        if self.chunks.len() == self.chunks.capacity() {
            self.grow();
        }
        self.chunks.push(Chunk::EMPTY);
        u32::try_from(self.chunks.len() - 1).expect("2^32 chunks do not fit in memory")
    }

    #[cold]
    fn grow(&mut self) {
        self.growths += 1;
        let more = self.chunks.len();
        self.chunks.reserve_exact(more);
        let capacity = self.chunks.capacity();
        self.free.reserve_exact(capacity - self.free.len());
        self.order.reserve_exact(capacity - self.order.len());
        self.firsts.reserve_exact(capacity - self.firsts.len());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check(overflow: &Overflow, twin: &BTreeMap<i64, u64>) {
        assert_eq!(overflow.len(), twin.len());
        assert!(overflow.iter_from(i64::MIN).eq(twin.iter().map(|(&key, &size)| (key, size))));
        assert_eq!(overflow.first(), twin.first_key_value().map(|(&key, &size)| (key, size)));
        assert_eq!(overflow.last(), twin.last_key_value().map(|(&key, &size)| (key, size)));
        assert!(overflow.order.iter().all(|&id| overflow.chunks[id as usize].len > 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn equals_a_btree_map(
            range in prop_oneof![Just(30_i64), Just(1_000), Just(20_000)],
            ops in prop::collection::vec((any::<i64>(), 0..4_u64, any::<bool>()), 1..1_500),
            probe in any::<i64>(),
        ) {
            let (mut overflow, mut twin) = (Overflow::new(1_500), BTreeMap::new());
            for (n, &(key, size, drain)) in ops.iter().enumerate() {
                // Half the lists delete mostly in their second half.
                let size = if drain && n > ops.len() / 2 { 0 } else { size };
                let key = key % range;
                let old = match size {
                    0 => twin.remove(&key),
                    size => twin.insert(key, size),
                };
                prop_assert_eq!(overflow.set(key, size), old.unwrap_or(0));
                prop_assert_eq!(overflow.size_at(key), size);
            }
            check(&overflow, &twin);
            let probe = probe % range;
            prop_assert!(overflow.iter_from(probe).eq(twin.range(probe..).map(|(&k, &s)| (k, s))));
            overflow.map_keys(|key| key * 3 - 1);
            overflow.map_sizes(|size| size + 1);
            check(&overflow, &twin.iter().map(|(key, size)| (key * 3 - 1, size + 1)).collect());
            prop_assert_eq!(overflow.growths(), 0);
            overflow.clear();
            check(&overflow, &BTreeMap::new());
        }
    }

    #[test]
    fn runs_in_either_order_fill_whole_chunks() {
        for order in [1_i64, -1] {
            let mut overflow = Overflow::new(64 * 100);
            (0..64 * 100).for_each(|n| assert_eq!(overflow.set(n * order, 1), 0));
            assert_eq!(overflow.order.len(), 100);
        }
    }

    #[test]
    fn growth_is_counted_and_loses_nothing() {
        let mut overflow = Overflow::new(0);
        (0..10_000_i64).for_each(|n| assert_eq!(overflow.set(n * 7 % 10_000, 1), 0));
        assert!(overflow.growths() > 0);
        assert!(overflow.iter_from(i64::MIN).map(|(key, _)| key).eq(0..10_000));
    }
}
