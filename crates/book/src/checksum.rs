//! The checksum a venue would make of a book.
//!
//! Venues make it over the text of their best levels, so the text is made anew: from integers and
//! exponents, in the form in which the venue writes its numbers ([`ChecksumKind`]).
//!
//! # Guarantees
//!
//! - [`Book::checksum`] is that of the levels as of the last [`Book::finish`], whatever part of
//!   them is published, and allocates nothing.
//!
//! # Not guaranteed
//!
//! - That levels behind the checksum's depth are right: it does not cover them.

use crc32fast::Hasher;
use tickbook_types::{Checksum, ChecksumKind, Level, NumberForm, Scale, Side};

use crate::Book;

impl Book {
    /// The value that `wanted.value` should have for this book.
    #[must_use]
    pub fn checksum(&self, wanted: &Checksum) -> u32 {
        let depth = wanted.kind.depth();
        let kept = |side| self.kept_levels(side, depth);
        match (kept(Side::Bid), kept(Side::Ask)) {
            (Some(bids), Some(asks)) => checksum_of(wanted, self.scale(), bids, asks),
            _ => self.deep_checksum(wanted),
        }
    }

    /// [`Self::checksum`] of more levels than the tops keep.
    #[inline(never)]
    fn deep_checksum(&self, wanted: &Checksum) -> u32 {
        let mut bids = [Level::default(); ChecksumKind::DEPTH_MAX];
        let mut asks = bids;
        let bids = self.copy_levels(Side::Bid, wanted.kind.depth(), &mut bids);
        let asks = self.copy_levels(Side::Ask, wanted.kind.depth(), &mut asks);
        checksum_of(wanted, self.scale(), bids, asks)
    }
}

/// The checksum of some levels, best first, of which no more than the kind's depth count.
fn checksum_of(wanted: &Checksum, scale: Scale, bids: &[Level], asks: &[Level]) -> u32 {
    let kind = wanted.kind;
    let mut text = Text {
        hasher: Hasher::new(),
        bytes: [0; Text::BYTES],
        len: 0,
        price: (kind.form(wanted.price_digits), scale.price_exponent),
        size: (kind.form(wanted.size_digits), scale.size_exponent),
    };
    let side = |levels: &[Level]| levels.len().min(kind.depth());
    let (bids, asks) = (&bids[..side(bids)], &asks[..side(asks)]);
    if kind == ChecksumKind::Kraken {
        for level in asks.iter().chain(bids) {
            text.level(level, false, None);
        }
        return text.end(0);
    }
    let signed = kind == ChecksumKind::Bitfinex;
    let both = bids.len().min(asks.len());
    for (bid, ask) in bids.iter().zip(asks) {
        text.level(bid, false, Some(b':'));
        text.level(ask, signed, Some(b':'));
    }
    for bid in &bids[both..] {
        text.level(bid, false, Some(b':'));
    }
    for ask in &asks[both..] {
        text.level(ask, signed, Some(b':'));
    }
    text.end(1)
}

/// The text that is hashed, as far as it is not hashed yet.
struct Text {
    hasher: Hasher,
    bytes: [u8; Self::BYTES],
    len: usize,
    price: (NumberForm, i8),
    size: (NumberForm, i8),
}

impl Text {
    /// 25 levels a side have 1,000 to 1,500 bytes, and long pieces are hashed faster than short.
    const BYTES: usize = 2_048;

    /// Price and size of a level, each with what separates it from the next.
    #[inline]
    fn level(&mut self, level: &Level, negative_size: bool, separator: Option<u8>) {
        if self.len + 2 * (NumberForm::BYTES_MAX + 1) > Self::BYTES {
            // All but the last byte, which may be a separator too many.
            let whole = self.len - 1;
            self.hasher.update(&self.bytes[..whole]);
            self.bytes[0] = self.bytes[whole];
            self.len = 1;
        }
        let price = level.price.0;
        self.number(self.price, price < 0, price.unsigned_abs(), separator);
        self.number(self.size, negative_size, level.size.0, separator);
    }

    #[inline]
    fn number(
        &mut self,
        (form, exponent): (NumberForm, i8),
        negative: bool,
        magnitude: u64,
        separator: Option<u8>,
    ) {
        let Some(room) = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) else {
            return;
        };
        self.len += form.write(negative, magnitude, exponent, room);
        if let Some(separator) = separator {
            self.bytes[self.len] = separator;
            self.len += 1;
        }
    }

    /// The checksum of the text without its last `cut` bytes.
    fn end(mut self, cut: usize) -> u32 {
        self.hasher.update(&self.bytes[..self.len.saturating_sub(cut)]);
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickbook_types::{LevelRecord, Price, Size};

    use super::*;
    use crate::BookConfig;

    /// A CRC-32 bit by bit, as the standard has it.
    fn plain_crc(text: &str) -> u32 {
        !text.bytes().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }

    const fn wanted(kind: ChecksumKind, price_digits: u8, size_digits: u8) -> Checksum {
        Checksum { kind, price_digits, size_digits, doubtful: false, value: 0 }
    }

    /// A book of levels as text: `["64250x0.75"]`, all at exponents -8.
    fn book(bids: &str, asks: &str) -> Book {
        let scale = Scale { price_exponent: -8, size_exponent: -8 };
        let mut book = Book::new(&BookConfig { scale, published_depth: 5, ..Default::default() });
        let number = |text: &str| {
            let (whole, part) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole}{part:0<8}").parse::<i64>().unwrap()
        };
        for (side, levels) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for level in levels.split_whitespace() {
                let (price, size) = level.split_once('x').unwrap();
                let (price, size) = (Price(number(price)), Size(number(size).unsigned_abs()));
                book.apply(&[LevelRecord::new(price, size, side)]).unwrap();
            }
        }
        book.finish();
        book
    }

    #[test]
    fn the_plain_code_is_right() {
        assert_eq!(plain_crc("123456789"), 0xCBF4_3926);
    }

    #[test]
    fn kraken_has_the_vendors_checksums() {
        let own = book("64250.0x0.75 64249.8x0.00012345", "64250.1x0.005 64250.4x1.2");
        assert_eq!(own.checksum(&wanted(ChecksumKind::Kraken, 1, 8)), 2_631_703_398);
        let after = book("64250.0x0.7 64249.8x0.00012345", "64250.4x1.2");
        assert_eq!(after.checksum(&wanted(ChecksumKind::Kraken, 1, 8)), 2_429_670_821);
        let low = book("0.5657x20", "0.5659x1098.3947558");
        assert_eq!(low.checksum(&wanted(ChecksumKind::Kraken, 5, 8)), 2_191_502_804);
        let guide = book(
            "45283.5x0.1 45283.4x1.54582015 45282.1x0.1 45281.0x0.1 45280.3x1.54592586 \
             45279.0x0.07990000 45277.6x0.03310103 45277.5x0.3 45277.3x1.54602737 \
             45276.6x0.15445238",
            "45285.2x0.001 45286.4x1.54571953 45286.6x1.54571109 45289.6x1.54560911 \
             45290.2x0.1589066 45291.8x1.54553491 45294.7x0.04454749 45296.1x0.3538 \
             45297.5x0.09945542 45299.5x0.18772827",
        );
        assert_eq!(guide.checksum(&wanted(ChecksumKind::Kraken, 1, 8)), 3_310_070_434);
        let short = book(
            "0.5203x3943.09454867 0.4032x454.31671175 0.4031x1522.68122054 0.403x43.31058726 \
             0.3532x49.38467346 0.2616x66.67686034 0.111x99.09909910 0.11x909.09090909 \
             0.0006x3333.33333333 0.0004x5000",
            "0.62x40 0.83x380.86649128 1.5x333.33333333",
        );
        assert_eq!(short.checksum(&wanted(ChecksumKind::Kraken, 6, 8)), 577_149_452);
        let side = |prices: &str| prices.replace(',', "x0.000005 ") + "x0.000005";
        let first = book(
            &side("0.05,0.04995,0.0499,0.0498,0.04975,0.0497,0.04965,0.0496,0.04955,0.0495"),
            &side("0.05005,0.0501,0.05015,0.0502,0.05025,0.0503,0.05035,0.0504,0.05045,0.0505"),
        );
        assert_eq!(first.checksum(&wanted(ChecksumKind::Kraken, 5, 8)), 974_947_235);
        let tiny = book("64250x0.75 64249.8x0.00012345", "64250.4x1.2");
        assert_eq!(tiny.checksum(&wanted(ChecksumKind::Kraken, 5, 8)), 64_719_048);
    }

    #[test]
    fn okx_has_the_vendors_checksums() {
        let of = |bids, asks| book(bids, asks).checksum(&wanted(ChecksumKind::Okx, 0, 0));
        assert_eq!(of("3366.1x7 3366x6", "3366.8x9 3368x8"), (-1_881_014_294_i32).cast_unsigned());
        assert_eq!(of("3366.1x7", "3366.8x9 3368x8 3372x8"), 831_078_360);
        let uneven = of("64250x0.75 64249.8x0.00012345", "64250.1x0.005 64250.4x1.2 64251x3");
        assert_eq!(uneven, 2_426_456_676);
        assert_eq!(of("", ""), 0);
    }

    #[test]
    fn bitget_keeps_the_zeros_at_the_end() {
        let book = book("64250x0.75 64249.8x0.0001", "64250.1x0.005");
        assert_eq!(book.checksum(&wanted(ChecksumKind::Bitget, 1, 4)), 1_106_874_436);
        assert_eq!(book.checksum(&wanted(ChecksumKind::Okx, 1, 4)), 1_239_840_123);
    }

    #[test]
    fn bitfinex_has_negative_asks_and_exponents() {
        let of = |bids, asks| book(bids, asks).checksum(&wanted(ChecksumKind::Bitfinex, 0, 0));
        assert_eq!(of("64250x0.75 64249x1.2", "64251x0.5 64253x0.002"), 2_316_025_487);
        let uneven = of("64250x0.75 64249x1.2 64240x2", "64251x0.5 64253x0.002");
        assert_eq!(uneven, 587_878_413);
        assert_eq!(of("64250x0.75", "64251x0.5 64253x0.002").cast_signed(), -1_677_464_092);
        assert_eq!(of("64250x0.0000005", ""), 916_229_136);
        // Raw books have order ids where others have prices.
        let level = |id, size| Level { price: Price(id), size: Size(size) };
        let bids = [level(34_006_738_527, 75), level(34_006_738_510, 120)];
        let asks = [level(34_006_738_540, 50)];
        let scale = Scale { price_exponent: 0, size_exponent: -2 };
        let raw = checksum_of(&wanted(ChecksumKind::Bitfinex, 0, 0), scale, &bids, &asks);
        assert_eq!(raw, 1_286_699_595);
    }

    /// The checksum by strings: split, joined, and hashed as a whole.
    fn naive(wanted: &Checksum, scale: Scale, book: &Book) -> u32 {
        use ChecksumKind::{Bitfinex, Bitget, Ftx, Kraken, Okx};
        let shortest = |mantissa: i64, exponent: i8| {
            tickbook_types::Decimal::new(mantissa.into(), exponent.into()).to_string()
        };
        let number = |mantissa: i64, exponent: i8, digits: u8| -> String {
            let plain = shortest(mantissa, exponent);
            let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
            let fixed = format!("{whole}.{part:0<width$}", width = usize::from(digits));
            match wanted.kind {
                Kraken => fixed.replace('.', "").trim_start_matches('0').to_owned(),
                Bitget => fixed,
                // Magnitudes here have no exponent in these two.
                Ftx if !plain.contains('.') => format!("{plain}.0"),
                _ => plain,
            }
        };
        let side = |side: Side| -> Vec<String> {
            let sign = if wanted.kind == Bitfinex && side == Side::Ask { -1 } else { 1 };
            let text = |level: Level| {
                let price = number(level.price.0, scale.price_exponent, wanted.price_digits);
                let size = level.size.0.cast_signed() * sign;
                let size = number(size, scale.size_exponent, wanted.size_digits);
                if wanted.kind == Kraken { price + &size } else { format!("{price}:{size}") }
            };
            book.levels(side).map(text).collect()
        };
        let depth = match wanted.kind {
            Kraken => 10,
            Okx | Bitget | Bitfinex => 25,
            _ => 100,
        };
        let (bids, asks) = (side(Side::Bid), side(Side::Ask));
        let (bids, asks) = (&bids[..bids.len().min(depth)], &asks[..asks.len().min(depth)]);
        if wanted.kind == Kraken {
            return plain_crc(&(asks.concat() + &bids.concat()));
        }
        let both = (0..depth).flat_map(|n| [bids.get(n), asks.get(n)]).flatten();
        plain_crc(&both.cloned().collect::<Vec<_>>().join(":"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn a_books_checksum_is_that_of_its_text(
            which in 1..=5_u8,
            levels in prop::collection::vec(
                (1..400_i64, 0..3_u64, 1..1_000_000_u64, any::<bool>()), 0..400,
            ),
            published_depth in 1..60_usize,
            (step, price_exponent, size_exponent) in (1..300_i64, -4..=3_i8, -4..=3_i8),
            (price_digits, size_digits) in (4..9_u8, 4..9_u8),
        ) {
            let kind = ChecksumKind::from_byte(which).unwrap();
            let scale = Scale { price_exponent, size_exponent };
            let config = BookConfig { scale, published_depth, ..Default::default() };
            let mut book = Book::new(&config);
            for message in levels.chunks(7) {
                let record = |&(away, there, size, is_ask): &(i64, u64, u64, bool)| {
                    let (side, price) =
                        if is_ask { (Side::Ask, 401 + away) } else { (Side::Bid, 401 - away) };
                    let size = if there == 0 { 0 } else { size };
                    LevelRecord::new(Price(price * step), Size(size), side)
                };
                book.apply(&message.iter().map(record).collect::<Vec<_>>()).unwrap();
                book.finish();
                let wanted = wanted(kind, price_digits, size_digits);
                prop_assert_eq!(book.checksum(&wanted), naive(&wanted, scale, &book));
            }
        }
    }
}
