//! From a symbol's bytes to the index of its book, without allocation.

/// An open-addressing table over the symbols of a session. Symbols are only ever added.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    /// Index + 1 of an entry, 0 for a free place; a power of two of them, at most half used.
    places: Vec<u32>,
    entries: Vec<Box<[u8]>>,
}

impl SymbolTable {
    /// The index of a symbol: the how-manieth it was added.
    #[inline]
    pub(crate) fn find(&self, symbol: &[u8]) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut place = hash(symbol) & mask;
        loop {
            let index = (self.places[place] as usize).checked_sub(1)?;
            if is_same(&self.entries[index], symbol) {
                return Some(index);
            }
            place = (place + 1) & mask;
        }
    }

    /// Adds a symbol that is not there yet.
    pub(crate) fn add(&mut self, symbol: &[u8]) -> usize {
        self.entries.push(symbol.into());
        if self.entries.len() * 2 > self.places.len() {
            self.places = vec![0; (self.entries.len() * 4).next_power_of_two()];
            for index in 0..self.entries.len() {
                self.place(index);
            }
        } else {
            self.place(self.entries.len() - 1);
        }
        self.entries.len() - 1
    }

    fn place(&mut self, index: usize) {
        let mask = self.places.len() - 1;
        let mut place = hash(&self.entries[index]) & mask;
        while self.places[place] != 0 {
            place = (place + 1) & mask;
        }
        // Books are numbered by `u32`, so their indices fit.
        self.places[place] = u32::try_from(index + 1).unwrap_or(u32::MAX);
    }
}

/// Whether two names are equal, without a call for those of usual length.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
        one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
    }
    one.len() == other.len()
        && match one.len() {
            8..=16 => ends::<8>(one, other),
            4..=7 => ends::<4>(one, other),
            _ => one == other,
        }
}

/// First and last eight bytes (of short names four, or each), multiplied apart, and of longer names
/// (options) those between.
#[inline]
fn hash(symbol: &[u8]) -> usize {
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let (mut first, last) = if symbol.len() >= 8 {
        (word(symbol.first_chunk()), word(symbol.last_chunk()))
    } else if let (Some(first), Some(last)) = (symbol.first_chunk(), symbol.last_chunk()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        (first << 32 | last, symbol.len() as u64)
    } else {
        let short = symbol.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        (short, symbol.len() as u64)
    };
    let mut between = symbol.get(8..).unwrap_or_default();
    while between.len() > 8 {
        first = (first ^ word(between.first_chunk())).wrapping_mul(SPREAD).rotate_left(23);
        between = &between[8..];
    }
    let mixed = (first ^ last.rotate_left(29)).wrapping_mul(SPREAD);
    // The upper half is the better mixed one; 32 bits are more than any table has places.
    usize::try_from(mixed >> 32).unwrap_or_default()
}

/// 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_finds_what_a_map_finds() {
        let (mut table, mut map) = (SymbolTable::default(), HashMap::new());
        assert_eq!(table.find(b"BTCUSDT"), None);
        for n in 0..2_000 {
            for symbol in [
                format!("S{n}"),
                format!("COIN{n}USDT"),
                format!("BTCUSD_{n:06}"),
                format!("ETH-30APR21-{n}-C"),
            ] {
                map.insert(symbol.clone(), table.add(symbol.as_bytes()));
            }
        }
        assert_eq!(map.len(), 8_000);
        for (symbol, index) in &map {
            assert_eq!(table.find(symbol.as_bytes()), Some(*index));
            assert_eq!(table.find(format!("{symbol}X").as_bytes()), None);
        }
        assert_eq!(table.find(b""), None);
    }
}
