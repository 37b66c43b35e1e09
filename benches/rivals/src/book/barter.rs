//! barter-data's sorted vectors of decimals.

use std::hint::black_box;

use barter_data::books::{Level, OrderBook};
use barter_data::subscription::book::OrderBookEvent;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tickbook_types::{LevelRecord, Side};

use super::{Best, Rival};
use crate::stream::Stream;

/// The book, and the decimals of a tick.
pub(crate) struct Barter {
    book: OrderBook,
    price_decimals: u32,
}

fn book_of(stream: &Stream, records: &[LevelRecord]) -> OrderBook {
    let decimals = |exponent: i8| u32::from(exponent.unsigned_abs());
    let level = |record: &LevelRecord| Level {
        price: Decimal::new(record.price().0, decimals(stream.scale.price_exponent)),
        amount: Decimal::new(record.size().0.cast_signed(), decimals(stream.scale.size_exponent)),
    };
    let side = |side: Side| records.iter().filter(move |it| it.side() == side).map(level);
    OrderBook::new(0, None, side(Side::Bid), side(Side::Ask))
}

impl Rival for Barter {
    type Message = OrderBookEvent;

    fn of(stream: &Stream) -> Self {
        let book = OrderBook::new(0, None, Vec::<Level>::new(), Vec::new());
        let price_decimals = u32::from(stream.scale.price_exponent.unsigned_abs());
        let mut barter = Self { book, price_decimals };
        // In order, for levels may occur more than once.
        for record in &stream.snapshot {
            barter.apply(&Self::message(stream, std::slice::from_ref(record)));
        }
        barter
    }

    fn message(stream: &Stream, records: &[LevelRecord]) -> Self::Message {
        OrderBookEvent::Update(book_of(stream, records))
    }

    #[inline]
    fn apply(&mut self, message: &Self::Message) {
        self.book.update(message);
    }

    #[inline]
    fn touch(&self) {
        black_box((self.book.bids().best(), self.book.asks().best()));
    }

    fn best(&self) -> Best {
        let ticks = |level: &Level| {
            let mut price = level.price;
            price.rescale(self.price_decimals);
            price.mantissa().to_i64().unwrap_or_default()
        };
        (self.book.bids().best().map(ticks), self.book.asks().best().map(ticks))
    }
}
