//! The event ring of a builder: every trade, every applied level change, every change of state.
//!
//! A record is one slot of a [`crate::broadcast`] ring. Level changes go two to a record; the last
//! record of a venue message is marked, so a reader that applies records up to a mark holds what
//! the builder held after that message.

use tickbook_types::{
    BookId, BookState, Decimal, Epoch, LevelRecord, Price, Reason, Scale, SeqNo, Side, Size,
    WallNanos,
};

use crate::atomic::Word;
use crate::broadcast::{self, Polled};
use crate::layout::event;
use crate::mapping::prefetch;
use crate::snapshot::{exponent, halves};

/// Payload words of a record: kind, id, time, and four of data.
const PAYLOAD: usize = event::WORDS - 1;

const _: () = assert!(event::VERSION == 0 && event::KIND == 1 && event::ID == 2);
const _: () = assert!(event::TIME == 3 && event::DATA == 4);

/// Level changes per record.
const LEVELS_PER_RECORD: usize = 2;

/// Slots that are prepared at most: about as many lines as a core waits for at a time.
const PREPARED_MAX: usize = 32;

/// What all level changes of one venue message share.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeltaEvent {
    /// Whether the levels replace the whole book (a snapshot) instead of changing it.
    pub snapshot: bool,
    /// The venue's chain id, if it has one.
    pub seq: Option<SeqNo>,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Exponents.
    pub scale: Scale,
}

/// A trade, to be put in the event ring.
#[derive(Clone, Copy, Debug)]
pub struct TradeEvent {
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Side of the aggressor.
    pub side: Side,
    /// Venue's id of the trade.
    pub id: u64,
    /// Venue's time of the trade.
    pub venue_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// Exponents.
    pub scale: Scale,
}

/// A change of state, to be put in the event ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateEvent {
    pub(crate) state: BookState,
    pub(crate) reason: Reason,
    pub(crate) epoch: Epoch,
    pub(crate) seq: Option<SeqNo>,
    pub(crate) at: WallNanos,
    pub(crate) scale: Scale,
}

/// An event, as a reader gets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Event {
    /// The book.
    pub book: BookId,
    /// Exponents of its prices and sizes.
    pub scale: Scale,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// A price of this event as an exact decimal.
    #[must_use]
    pub fn price_decimal(&self, price: Price) -> Decimal {
        Decimal::new(price.0.into(), self.scale.price_exponent.into())
    }

    /// A size of this event as an exact decimal.
    #[must_use]
    pub fn size_decimal(&self, size: Size) -> Decimal {
        Decimal::new(size.0.into(), self.scale.size_exponent.into())
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// Level changes were applied.
    Levels(LevelsEvent),
    /// The book changed its state.
    State {
        /// To this state.
        state: BookState,
        /// For this reason.
        reason: Reason,
        /// Connection epoch.
        epoch: Epoch,
        /// The venue's chain id, if it has one.
        seq: Option<SeqNo>,
        /// When it was published.
        published_wall: WallNanos,
    },
    /// A trade.
    Trade {
        /// Price.
        price: Price,
        /// Size.
        size: Size,
        /// Side of the aggressor.
        side: Side,
        /// Venue's id of the trade.
        id: u64,
        /// Venue's time of the trade.
        venue_time: WallNanos,
        /// When `recv` returned.
        received_wall: WallNanos,
    },
}

/// Up to two level changes of a venue message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LevelsEvent {
    /// The first ones of the message.
    pub first: bool,
    /// The last ones of the message.
    pub last: bool,
    /// The message replaces the whole book: with `first`, clear it.
    pub snapshot: bool,
    /// The venue's chain id of the message, if it has one.
    pub seq: Option<SeqNo>,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    levels: [LevelRecord; LEVELS_PER_RECORD],
    count: u8,
}

impl LevelsEvent {
    /// The changes, in the order of the message.
    #[must_use]
    pub fn levels(&self) -> &[LevelRecord] {
        &self.levels[..usize::from(self.count)]
    }
}

// `kind` word: kind in bits 0-7, flags 8-15, price exponent 16-23, size exponent 24-31, book 32-63.
const LEVELS: u64 = 1;
const TRADE: u64 = 2;
const STATE: u64 = 3;

const FLAGS_SHIFT: u32 = 8;

const COUNT_MASK: u64 = 3;
const FIRST: u64 = 1 << 2;
const LAST: u64 = 1 << 3;
const HAS_SEQ: u64 = 1 << 4;
const SNAPSHOT: u64 = 1 << 5;

type Record = [u64; PAYLOAD];

fn kind_word(kind: u64, flags: u64, scale: Scale, book: BookId) -> u64 {
    kind | flags << FLAGS_SHIFT
        | u64::from(scale.price_exponent.cast_unsigned()) << 16
        | u64::from(scale.size_exponent.cast_unsigned()) << 24
        | u64::from(book.0) << 32
}

const fn seq_flag(seq: Option<SeqNo>) -> u64 {
    bit(seq.is_some(), HAS_SEQ)
}

const fn bit(set: bool, flag: u64) -> u64 {
    if set { flag } else { 0 }
}

/// Writes the records of one message from `position` on; returns how many there were.
#[inline]
pub(crate) fn write_levels(
    slots: &[Word],
    position: u64,
    book: BookId,
    event: &DeltaEvent,
    levels: &[LevelRecord],
) -> u64 {
    let common = seq_flag(event.seq) | bit(event.snapshot, SNAPSHOT);
    let kind = kind_word(LEVELS, common, event.scale, book);
    let id = event.seq.unwrap_or_default().0;
    let time = event.venue_time.0.cast_unsigned();
    let mut at = position;
    let mut write = |flags: u64, count: usize, [first, second]: [LevelRecord; 2]| {
        let [(price, size), (other_price, other_size)] = [first.words(), second.words()];
        let words = [price.cast_unsigned(), size, other_price.cast_unsigned(), other_size];
        let kind = kind | (flags | count as u64) << FLAGS_SHIFT;
        let record: Record = [kind, id, time, words[0], words[1], words[2], words[3]];
        broadcast::write(slots, at, &record);
        at = at.wrapping_add(1);
    };
    let mut first = FIRST;
    let (pairs, odd) = levels.as_chunks::<LEVELS_PER_RECORD>();
    // The last record is marked, so it is the one that is left when the loop ends.
    let (last, before) = match (odd, pairs) {
        (&[level, ..], _) => (&[level, LevelRecord::default()], pairs),
        ([], [before @ .., last]) => (last, before),
        ([], []) => (&[LevelRecord::default(); 2], pairs),
    };
    for pair in before {
        write(first, LEVELS_PER_RECORD, *pair);
        first = 0;
    }
    write(first | LAST, levels.len() - before.len() * LEVELS_PER_RECORD, *last);
    at.wrapping_sub(position)
}

/// Brings the slots of a message of `levels` levels into the cache, which will be written next from
/// `position` on.
#[inline]
pub(crate) fn prepare(slots: &[Word], position: u64, levels: usize) {
    for record in 0..levels.div_ceil(LEVELS_PER_RECORD).min(PREPARED_MAX) as u64 {
        prefetch(broadcast::slot_of::<PAYLOAD>(slots, position.wrapping_add(record)));
    }
}

#[inline]
pub(crate) fn write_trade(slots: &[Word], position: u64, book: BookId, event: &TradeEvent) {
    let (price, size) = LevelRecord::new(event.price, event.size, event.side).words();
    let record: Record = [
        kind_word(TRADE, 0, event.scale, book),
        event.id,
        event.venue_time.0.cast_unsigned(),
        price.cast_unsigned(),
        size,
        event.received_wall.0.cast_unsigned(),
        0,
    ];
    broadcast::write(slots, position, &record);
}

pub(crate) fn write_state(slots: &[Word], position: u64, book: BookId, event: &StateEvent) {
    let record: Record = [
        kind_word(STATE, seq_flag(event.seq), event.scale, book),
        event.seq.unwrap_or_default().0,
        event.at.0.cast_unsigned(),
        event.state as u64 | (event.reason as u64) << 8 | u64::from(event.epoch.0) << 32,
        0,
        0,
        0,
    ];
    broadcast::write(slots, position, &record);
}

/// What an event reader finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextEvent {
    /// An event. `None`: a record of a kind this build does not know.
    Event(Option<Event>),
    /// Nothing new.
    Empty,
    /// The writer lapped this reader; so many records are gone for it.
    Missed(u64),
}

/// Looks for the record at `position` and moves it on. `end` says where the writer is, for a reader
/// that was lapped.
#[inline]
pub(crate) fn next(slots: &[Word], position: &mut u64, end: impl FnOnce() -> u64) -> NextEvent {
    match broadcast::poll(slots, *position) {
        Polled::Record(record) => {
            *position = position.wrapping_add(1);
            NextEvent::Event(decode(&record))
        }
        Polled::Empty => NextEvent::Empty,
        Polled::Lapped(writer) => {
            let count = (slots.len() / event::WORDS) as u64;
            // The end is told once per message: the slot itself may know better.
            let least = writer.wrapping_add(1);
            let end = end();
            let end = if end.wrapping_sub(least).cast_signed() > 0 { end } else { least };
            let (resumed, missed) = broadcast::resume(count, *position, end);
            *position = resumed;
            NextEvent::Missed(missed)
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the parts of packed words")]
fn decode(record: &Record) -> Option<Event> {
    let [kind, id, time, data @ ..] = *record;
    let flags = kind >> FLAGS_SHIFT & 0xff;
    let seq = (flags & HAS_SEQ != 0).then_some(SeqNo(id));
    let time = WallNanos(time.cast_signed());
    let level = |at: usize| LevelRecord::from_words(data[at].cast_signed(), data[at + 1]);
    let kind_of_event = match kind & 0xff {
        LEVELS => EventKind::Levels(LevelsEvent {
            first: flags & FIRST != 0,
            last: flags & LAST != 0,
            snapshot: flags & SNAPSHOT != 0,
            seq,
            venue_time: time,
            levels: [level(0), level(2)],
            count: (flags & COUNT_MASK).min(LEVELS_PER_RECORD as u64) as u8,
        }),
        TRADE => EventKind::Trade {
            price: level(0).price(),
            size: level(0).size(),
            side: level(0).side(),
            id,
            venue_time: time,
            received_wall: WallNanos(data[2].cast_signed()),
        },
        STATE => EventKind::State {
            state: BookState::from_byte(data[0] as u8)?,
            reason: Reason::from_byte((data[0] >> 8) as u8)?,
            epoch: Epoch(halves(data[0])[1]),
            seq,
            published_wall: time,
        },
        _ => return None,
    };
    let scale = Scale {
        price_exponent: exponent((kind >> 16) as u8),
        size_exponent: exponent((kind >> 24) as u8),
    };
    Some(Event { book: BookId(halves(kind)[1]), scale, kind: kind_of_event })
}
