//! nautilus-model's L2 book.

use std::hint::black_box;

use nautilus_model::data::{BookOrder, OrderBookDelta};
use nautilus_model::enums::{BookAction, BookType, OrderSide};
use nautilus_model::identifiers::InstrumentId;
use nautilus_model::orderbook::OrderBook;
use nautilus_model::types::{Price, Quantity};
use tickbook_types::{LevelRecord, Side, Size};

use super::{Best, Rival};
use crate::stream::Stream;

/// The book, and the decimals of a tick.
pub(crate) struct Nautilus {
    book: OrderBook,
    price_decimals: i32,
}

fn delta(stream: &Stream, record: &LevelRecord, id: InstrumentId) -> OrderBookDelta {
    let decimal = |value: f64, exponent: i8| value * 10_f64.powi(exponent.into());
    let (tick, lot) = (stream.scale.price_exponent, stream.scale.size_exponent);
    let price = Price::new(decimal(record.price().0 as f64, tick), tick.unsigned_abs());
    let size = Quantity::new(decimal(record.size().0 as f64, lot), lot.unsigned_abs());
    let side = if record.side() == Side::Bid { OrderSide::Buy } else { OrderSide::Sell };
    let gone = record.size() == Size::ZERO;
    let action = if gone { BookAction::Delete } else { BookAction::Update };
    let order = BookOrder::new(side, price, size, 0);
    OrderBookDelta::new(id, action, order, 0, 0, 0.into(), 0.into())
}

fn instrument() -> InstrumentId {
    InstrumentId::from("BTCUSDT.BINANCE")
}

impl Rival for Nautilus {
    type Message = Vec<OrderBookDelta>;

    fn of(stream: &Stream) -> Self {
        let book = OrderBook::new(instrument(), BookType::L2_MBP);
        let price_decimals = i32::from(stream.scale.price_exponent.unsigned_abs());
        let mut nautilus = Self { book, price_decimals };
        nautilus.apply(&Self::message(stream, &stream.snapshot));
        nautilus
    }

    fn message(stream: &Stream, records: &[LevelRecord]) -> Self::Message {
        let id = instrument();
        records.iter().map(|record| delta(stream, record, id)).collect()
    }

    #[inline]
    fn apply(&mut self, message: &Self::Message) {
        for delta in message {
            // A level to be deleted may be absent, which it says by an error.
            black_box(self.book.apply_delta(delta).is_ok());
        }
    }

    #[inline]
    fn touch(&self) {
        black_box((self.book.best_bid_price(), self.book.best_ask_price()));
    }

    fn best(&self) -> Best {
        let ticks =
            |price: Price| (price.as_f64() * 10_f64.powi(self.price_decimals)).round() as i64;
        (self.book.best_bid_price().map(ticks), self.book.best_ask_price().map(ticks))
    }
}
