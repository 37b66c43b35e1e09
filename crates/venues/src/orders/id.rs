//! Names of orders: numbers, UUIDs, and other short texts, each as a plain value of 40 bytes.

use crate::counters::Rejected;
use crate::keyed::{Folded, Keyed};

/// What a venue calls an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OrderId {
    /// A number.
    Number(u64),
    /// A UUID, in two halves; its letters may be of either case.
    Uuid { high: u64, low: u64 },
    /// Any other text, zeros behind it.
    Text { len: u8, bytes: [u8; Self::TEXT_MAX] },
}

const _: () = assert!(size_of::<OrderId>() == 40);

impl OrderId {
    /// Longest text: that of a UUID.
    pub(crate) const TEXT_MAX: usize = 36;

    /// The id of a text.
    ///
    /// # Errors
    ///
    /// [`Rejected::Ids`] for an empty text and for one that is too long.
    pub(crate) fn text(text: &[u8]) -> Result<Self, Rejected> {
        if let Some(uuid) = uuid(text) {
            return Ok(uuid);
        }
        let mut bytes = [0; Self::TEXT_MAX];
        let len = u8::try_from(text.len()).map_err(|_| Rejected::Ids)?;
        match bytes.get_mut(..text.len()) {
            Some(place) if len > 0 => place.copy_from_slice(text),
            _ => return Err(Rejected::Ids),
        }
        Ok(Self::Text { len, bytes })
    }
}

/// `00000000-0000-0000-0000-000000000000`, hexadecimal.
fn uuid(text: &[u8]) -> Option<OrderId> {
    if text.len() != OrderId::TEXT_MAX {
        return None;
    }
    let text: &[u8; OrderId::TEXT_MAX] = text.first_chunk()?;
    if [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let (mut halves, mut odd) = ([0_u64; 2], 0);
    let mut read = |half: usize, bytes: &[u8]| {
        for byte in bytes {
            let digit = DIGITS[usize::from(*byte)];
            odd |= digit;
            halves[half] = halves[half] << 4 | u64::from(digit);
        }
    };
    read(0, &text[..8]);
    read(0, &text[9..13]);
    read(0, &text[14..18]);
    read(1, &text[19..23]);
    read(1, &text[24..]);
    let [high, low] = halves;
    (odd <= 15).then_some(OrderId::Uuid { high, low })
}

/// What a byte is worth as a hexadecimal digit; above 15 if it is none.
static DIGITS: [u8; 256] = {
    let mut table = [0xFF; 256];
    let (lower, upper) = (b"0123456789abcdef", b"0123456789ABCDEF");
    let mut value: u8 = 0;
    while value < 16 {
        table[lower[value as usize] as usize] = value;
        table[upper[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Hashes ids with a key of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hasher(Keyed);

impl Hasher {
    pub(super) fn new() -> Self {
        Self(Keyed::default())
    }

    #[inline]
    pub(super) fn hash(self, id: &OrderId) -> u32 {
        let start = Folded::of(self.0);
        let folded = match id {
            OrderId::Number(number) => start.with(*number),
            OrderId::Uuid { high, low } => start.with(*high).with(*low),
            OrderId::Text { bytes, .. } => bytes.chunks(8).fold(start, |folded, chunk| {
                folded.with(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
            }),
        };
        (folded.value() >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_values_and_other_texts_stay_texts() {
        let uuid = OrderId::text(b"0123abcd-4567-89ef-0123-456789abcdef");
        let halves = OrderId::Uuid { high: 0x0123_abcd_4567_89ef, low: 0x0123_4567_89ab_cdef };
        assert_eq!(uuid, Ok(halves));
        assert_eq!(OrderId::text(b"0123ABCD-4567-89EF-0123-456789ABCDEF"), Ok(halves));
        for text in [
            &b"OQCLML-BW3P3-BUCMWZ"[..],
            b"7",
            b"0123abcd-4567-89ef-0123-456789abcdeg",
            b"0123abcd04567-89ef-0123-456789abcdef",
        ] {
            let id = OrderId::text(text).unwrap();
            let OrderId::Text { len, bytes } = id else { panic!("{id:?}") };
            assert_eq!(&bytes[..usize::from(len)], text);
        }
        assert_ne!(OrderId::text(b"7"), Ok(OrderId::Number(7)));
        assert_ne!(OrderId::text(b"a"), OrderId::text(b"a\0"));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        assert_eq!(OrderId::text(b""), Err(Rejected::Ids));
        assert_eq!(OrderId::text(&[b'x'; 37]), Err(Rejected::Ids));
        assert_eq!(OrderId::text(&[b'x'; 300]), Err(Rejected::Ids));
    }

    #[test]
    fn ids_that_follow_each_other_are_spread() {
        let hasher = Hasher::new();
        let mut buckets = [0_u32; 256];
        for number in 0..65_536 {
            buckets[(hasher.hash(&OrderId::Number(number)) & 255) as usize] += 1;
        }
        // 256 on average; a multiple of the deviation of a fair throw (16).
        assert!(buckets.iter().all(|count| (96..=416).contains(count)), "{buckets:?}");
    }
}
