//! The directory: which books there are.
//!
//! A slot is a section of its own, so that books can come and go while readers look. Its
//! *generation* counts the books that have lived in it; every snapshot carries the generation it
//! was published for, so a reader that still holds the slot of a book that is gone notices.

use tickbook_types::{
    BookId, BookSpec, ConnId, Decimal, Instrument, InstrumentKind, InstrumentStatus, Level,
    OptionRight, Scale, SizeUnit, Venue,
};

use crate::atomic::{Ordering, Word};
use crate::layout::entry;
use crate::limits::{BOOK_NAME_MAX, READ_ATTEMPTS_MAX};
use crate::snapshot::{halves, pair};
use crate::{ShmError, seqlock, text};

/// A book in the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct BookInfo {
    /// Its id: the number of its slot.
    pub book: BookId,
    /// Generation of the slot.
    pub slot_generation: u64,
    /// Venue; `None` if this build does not know its number.
    pub venue: Option<Venue>,
    /// Name among the venue's books: the venue's symbol, or its topic where one symbol has several
    /// books.
    pub name: String,
    /// The name that is the same on every venue.
    pub normalised: String,
    /// Kind.
    pub kind: InstrumentKind,
    /// Status when the book was added.
    pub status: InstrumentStatus,
    /// Expiry as `YYYYMMDD`, for futures and options.
    pub expiry: Option<u32>,
    /// Strike and right, for options.
    pub option: Option<(Decimal, OptionRight)>,
    /// Smallest price step.
    pub tick_size: Option<Decimal>,
    /// Smallest size step.
    pub lot_size: Option<Decimal>,
    /// What one unit of size is worth, in units of `size_unit`; `None`: 1, or not known.
    pub contract_multiplier: Option<Decimal>,
    /// What sizes count.
    pub size_unit: SizeUnit,
    /// Levels a side the venue keeps on this channel; `None`: the whole book.
    pub depth_max: Option<u32>,
    /// Builder that builds it.
    pub builder: u32,
    /// Connection that fed it when it was added.
    pub conn: ConnId,
}

impl BookInfo {
    /// The size of a level in units of the base asset, where the venue's list told what sizes
    /// count; see [`SizeUnit::in_base`].
    #[must_use]
    pub fn size_in_base(&self, level: Level, scale: Scale) -> Option<Decimal> {
        let size = Decimal::new(level.size.0.into(), scale.size_exponent.into());
        let price = Decimal::new(level.price.0.into(), scale.price_exponent.into());
        self.size_unit.in_base(size, self.contract_multiplier, price)
    }
}

const NAME_WORDS: usize = BOOK_NAME_MAX / 8;

// `use` word: 1 in bits 0-7 if the slot is in use, kind 8-15, status 16-23, venue 32-47,
// builder 48-63.
const IN_USE: u64 = 1;
const IN_USE_MASK: u64 = 0xff;

// `present` word: which of the decimals there are, in bits 0-7; right of an option 8-15; unit of
// sizes 16-23; depth 32-63.
const DECIMALS: [usize; 4] = [entry::TICK, entry::LOT, entry::MULTIPLIER, entry::STRIKE];
const EXPIRY_PRESENT: u64 = 1 << 4;
const DEPTH_PRESENT: u64 = 1 << 5;

/// Words of a slot, all but its version and generation.
#[derive(Clone, Debug)]
pub(crate) struct Entry([u64; entry::WORDS]);

impl Entry {
    /// The words of a book.
    pub(crate) fn encode(spec: &BookSpec, builder: u32) -> Result<Self, ShmError> {
        let Instrument { venue, kind, status, expiry, option, .. } = &spec.instrument;
        let mut words = [0; entry::WORDS];
        words[entry::USE] = IN_USE
            | (*kind as u64) << 8
            | (*status as u64) << 16
            | (*venue as u64) << 32
            | u64::from(builder) << 48;
        words[entry::CONN_EXPIRY] = pair(spec.conn.0, expiry.unwrap_or_default());
        let decimals = [
            spec.instrument.tick_size,
            spec.instrument.lot_size,
            spec.instrument.contract_multiplier,
            option.map(|(strike, _)| strike),
        ];
        for (index, (decimal, at)) in decimals.into_iter().zip(DECIMALS).enumerate() {
            let Some(decimal) = decimal.map(Decimal::normalised) else { continue };
            // One that does not fit in a word is left out; real ones have a few digits.
            let Ok(mantissa) = i64::try_from(decimal.mantissa()) else { continue };
            words[at] = mantissa.cast_unsigned();
            let exponent = u64::from(decimal.exponent().cast_unsigned());
            words[entry::EXPONENTS] |= exponent << (16 * index);
            words[entry::PRESENT] |= 1 << index;
        }
        if expiry.is_some() {
            words[entry::PRESENT] |= EXPIRY_PRESENT;
        }
        if let Some((_, right)) = option {
            words[entry::PRESENT] |= (*right as u64) << 8;
        }
        words[entry::PRESENT] |= (spec.instrument.size_unit as u64) << 16;
        if let Some(depth) = spec.depth_max {
            words[entry::PRESENT] |= DEPTH_PRESENT | u64::from(depth) << 32;
        }
        let normalised = spec.instrument.normalised();
        for (name, at) in [(&spec.name, entry::NAME), (&normalised, entry::NORMALISED)] {
            let encoded = text::encode::<NAME_WORDS>(name)
                .ok_or_else(|| ShmError::BookName { name: name.clone() })?;
            words[at..at + NAME_WORDS].copy_from_slice(&encoded);
        }
        Ok(Self(words))
    }

    /// A slot without a book.
    pub(crate) const fn vacant() -> Self {
        Self([0; entry::WORDS])
    }

    /// Stores it in a slot.
    pub(crate) fn store(&self, slot: &[Word], generation: u64) {
        seqlock::write(&slot[entry::VERSION], || {
            // Relaxed: within the section.
            slot[entry::SLOT_GENERATION].store(generation, Ordering::Relaxed);
            for (word, value) in slot.iter().zip(self.0).skip(entry::USE) {
                // Relaxed: within the section.
                word.store(value, Ordering::Relaxed);
            }
        });
    }

    /// The book of a slot, if there is one and the slot is whole.
    pub(crate) fn load(slot: &[Word], book: BookId) -> Option<BookInfo> {
        let words = seqlock::read(&slot[entry::VERSION], READ_ATTEMPTS_MAX, || {
            let mut words = [0; entry::WORDS];
            for (value, word) in words.iter_mut().zip(slot) {
                // Relaxed: within the section.
                *value = word.load(Ordering::Relaxed);
            }
            words
        });
        Self(words.ok()?).decode(book)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the parts of packed words")]
    fn decode(&self, book: BookId) -> Option<BookInfo> {
        let words = &self.0;
        let in_use = words[entry::USE];
        if in_use & IN_USE_MASK != IN_USE {
            return None;
        }
        let present = words[entry::PRESENT];
        let decimal = |index: usize| {
            let exponent = (words[entry::EXPONENTS] >> (16 * index)) as u16;
            let mantissa = words[DECIMALS[index]].cast_signed();
            let decimal = Decimal::new(mantissa.into(), exponent.cast_signed());
            // Printing a number of another file's making must stay short.
            let sane = decimal.exponent().unsigned_abs() <= 64;
            (present >> index & 1 == 1 && sane).then_some(decimal)
        };
        let name = |at: usize| text::decode(&words[at..at + NAME_WORDS]);
        let right = match (present >> 8) as u8 {
            0 => OptionRight::Call,
            _ => OptionRight::Put,
        };
        let [conn, expiry] = halves(words[entry::CONN_EXPIRY]);
        Some(BookInfo {
            book,
            slot_generation: words[entry::SLOT_GENERATION],
            venue: Venue::from_number((in_use >> 32) as u16),
            name: name(entry::NAME),
            normalised: name(entry::NORMALISED),
            kind: kind((in_use >> 8) as u8),
            status: status((in_use >> 16) as u8),
            expiry: (present & EXPIRY_PRESENT != 0).then_some(expiry),
            option: decimal(3).map(|strike| (strike, right)),
            tick_size: decimal(0),
            lot_size: decimal(1),
            contract_multiplier: decimal(2),
            size_unit: SizeUnit::from_number((present >> 16) as u8),
            depth_max: (present & DEPTH_PRESENT != 0).then_some(halves(present)[1]),
            builder: (in_use >> 48) as u32,
            conn: ConnId(conn),
        })
    }
}

const fn kind(byte: u8) -> InstrumentKind {
    match byte {
        1 => InstrumentKind::Perpetual,
        2 => InstrumentKind::Future,
        3 => InstrumentKind::Option,
        _ => InstrumentKind::Spot,
    }
}

const fn status(byte: u8) -> InstrumentStatus {
    match byte {
        1 => InstrumentStatus::Trading,
        2 => InstrumentStatus::Halted,
        3 => InstrumentStatus::Expired,
        _ => InstrumentStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use tickbook_types::Scale;

    use super::*;

    fn slot() -> Vec<Word> {
        (0..entry::WORDS).map(|_| Word::new(0)).collect()
    }

    fn spec() -> BookSpec {
        let mut instrument = Instrument::unlisted(Venue::BinanceUsdm, "BTCUSDT_261225");
        instrument.base = "BTC".to_owned();
        instrument.quote = "USDT".to_owned();
        instrument.kind = InstrumentKind::Option;
        instrument.expiry = Some(20_261_225);
        instrument.option = Some((Decimal::new(100_000, 0).normalised(), OptionRight::Put));
        instrument.tick_size = Some(Decimal::new(1, -1));
        instrument.contract_multiplier = Some(Decimal::new(-1, 2));
        instrument.size_unit = SizeUnit::Quote;
        instrument.status = InstrumentStatus::Halted;
        BookSpec {
            book: BookId(3),
            conn: ConnId(9),
            name: "n".repeat(BOOK_NAME_MAX),
            instrument,
            scale: Scale::default(),
            depth_max: Some(20),
            crosses: false,
        }
    }

    #[test]
    fn a_book_comes_back_as_it_was_entered() {
        let (slot, spec) = (slot(), spec());
        Entry::encode(&spec, 5).unwrap().store(&slot, 7);
        let info = Entry::load(&slot, BookId(3)).unwrap();
        assert_eq!((info.book, info.slot_generation, info.builder), (BookId(3), 7, 5));
        assert_eq!((info.conn, info.depth_max), (ConnId(9), Some(20)));
        assert_eq!((&info.name, info.venue), (&spec.name, Some(Venue::BinanceUsdm)));
        assert_eq!(info.normalised, "BTC-USDT-20261225-100000-P");
        assert_eq!((info.kind, info.status), (InstrumentKind::Option, InstrumentStatus::Halted));
        assert_eq!((info.expiry, info.option), (Some(20_261_225), spec.instrument.option));
        assert_eq!(info.tick_size, spec.instrument.tick_size);
        assert_eq!((info.lot_size, info.contract_multiplier), (None, Some(Decimal::new(-1, 2))));
        assert_eq!(info.size_unit, SizeUnit::Quote);
        Entry::vacant().store(&slot, 7);
        assert_eq!(Entry::load(&slot, BookId(3)), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_and_a_torn_slot_is_no_book() {
        let mut long = spec();
        long.name.push('n');
        assert!(matches!(Entry::encode(&long, 0), Err(ShmError::BookName { .. })));
        let slot = slot();
        Entry::encode(&spec(), 0).unwrap().store(&slot, 1);
        slot[entry::VERSION].store(3, Ordering::Relaxed);
        assert_eq!(Entry::load(&slot, BookId(0)), None);
    }
}
