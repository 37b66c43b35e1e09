//! The books that are compared, ours and the peers': one contract, each fed in its own types.

#[cfg(feature = "barter")]
mod barter;
#[cfg(feature = "hftbacktest")]
mod hftbacktest;
#[cfg(feature = "nautilus")]
mod nautilus;

use std::collections::BTreeMap;
use std::hint::black_box;

use tickbook_book::{Book, BookConfig};
use tickbook_types::{LevelRecord, Side};

use crate::stream::Stream;

#[cfg(feature = "barter")]
pub(crate) use barter::Barter;
#[cfg(feature = "hftbacktest")]
pub(crate) use hftbacktest::Roi;
#[cfg(feature = "nautilus")]
pub(crate) use nautilus::Nautilus;

/// Levels a side that are published by default.
pub(crate) const PUBLISHED: usize = 32;

/// Prices of best bid and best ask, in ticks.
pub(crate) type Best = (Option<i64>, Option<i64>);

/// A book that takes the messages of one stream.
pub(crate) trait Rival {
    /// A message, translated into what this book takes. The translation is not timed.
    type Message;

    /// The book before the first message.
    fn of(stream: &Stream) -> Self;

    /// The same, in the memory it has: a book that lives long knows all of its pages.
    fn renew(&mut self, stream: &Stream)
    where
        Self: Sized,
    {
        *self = Self::of(stream);
    }

    /// Translates a message.
    fn message(stream: &Stream, records: &[LevelRecord]) -> Self::Message;

    /// Applies a message.
    fn apply(&mut self, message: &Self::Message);

    /// Looks at both best levels in whatever form the book gives them.
    fn touch(&self);

    /// The best prices in ticks.
    fn best(&self) -> Best;
}

impl Rival for Book {
    type Message = Vec<LevelRecord>;

    fn of(stream: &Stream) -> Self {
        let scale = stream.scale;
        let window_slots = BookConfig::window_slots_for(16);
        let published_depth = PUBLISHED;
        let config = BookConfig { scale, window_slots, published_depth, ..BookConfig::default() };
        let mut book = Self::new(&config);
        Rival::renew(&mut book, stream);
        book
    }

    fn renew(&mut self, stream: &Stream) {
        self.clear();
        Self::apply(self, &stream.snapshot).expect("a book that fits");
        self.finish();
    }

    fn message(_: &Stream, records: &[LevelRecord]) -> Self::Message {
        records.to_vec()
    }

    #[inline]
    fn apply(&mut self, message: &Self::Message) {
        black_box(Self::apply(self, message).is_ok());
    }

    #[inline]
    fn touch(&self) {
        black_box((Self::best(self, Side::Bid), Self::best(self, Side::Ask)));
    }

    fn best(&self) -> Best {
        let price = |side| Self::best(self, side).map(|level| level.price.0);
        (price(Side::Bid), price(Side::Ask))
    }
}

/// An ordered map a side.
pub(crate) struct Maps {
    pub(crate) bids: BTreeMap<i64, u64>,
    pub(crate) asks: BTreeMap<i64, u64>,
}

impl Maps {
    #[inline]
    fn set(&mut self, records: &[LevelRecord]) {
        for record in records {
            let side = if record.side() == Side::Bid { &mut self.bids } else { &mut self.asks };
            match record.size().0 {
                0 => side.remove(&record.price().0),
                size => side.insert(record.price().0, size),
            };
        }
    }
}

impl Rival for Maps {
    type Message = Vec<LevelRecord>;

    fn of(stream: &Stream) -> Self {
        let mut maps = Self { bids: BTreeMap::new(), asks: BTreeMap::new() };
        maps.set(&stream.snapshot);
        maps
    }

    fn message(_: &Stream, records: &[LevelRecord]) -> Self::Message {
        records.to_vec()
    }

    #[inline]
    fn apply(&mut self, message: &Self::Message) {
        self.set(message);
    }

    #[inline]
    fn touch(&self) {
        black_box((self.bids.last_key_value(), self.asks.first_key_value()));
    }

    fn best(&self) -> Best {
        let bid = self.bids.last_key_value().map(|(price, _)| *price);
        (bid, self.asks.first_key_value().map(|(price, _)| *price))
    }
}
