//! hftbacktest's vector over a range of interest.

use std::hint::black_box;

use hftbacktest::depth::{
    INVALID_MAX, INVALID_MIN, L2MarketDepth, MarketDepth, ROIVectorMarketDepth,
};
use tickbook_types::{LevelRecord, Side};

use super::{Best, Rival};
use crate::stream::Stream;

/// Ticks of the range on both sides of the first best bid. What lies beyond is ignored, which
/// costs nothing.
const RANGE: i64 = 1 << 20;

/// The book, and the tick it needs to be made with.
pub(crate) struct Roi(ROIVectorMarketDepth);

/// Price, size and side.
type Change = (f64, f64, Side);

fn change(stream: &Stream, record: &LevelRecord) -> Change {
    let decimal = |value: f64, exponent: i8| value * 10_f64.powi(exponent.into());
    let price = decimal(record.price().0 as f64, stream.scale.price_exponent);
    (price, decimal(record.size().0 as f64, stream.scale.size_exponent), record.side())
}

impl Roi {
    #[inline]
    fn set(&mut self, &(price, size, side): &Change) {
        match side {
            Side::Bid => black_box(self.0.update_bid_depth(price, size, 0)),
            Side::Ask => black_box(self.0.update_ask_depth(price, size, 0)),
        };
    }
}

impl Rival for Roi {
    type Message = Vec<Change>;

    fn of(stream: &Stream) -> Self {
        let tick = 10_f64.powi(stream.scale.price_exponent.into());
        let lot = 10_f64.powi(stream.scale.size_exponent.into());
        let bids = stream.messages.iter().flatten().find(|record| record.side() == Side::Bid);
        let middle = bids.map_or(0, |record| record.price().0);
        let (from, to) = ((middle - RANGE).max(0) as f64, (middle + RANGE) as f64);
        let mut book = Self(ROIVectorMarketDepth::new(tick, lot, from * tick, to * tick));
        stream.snapshot.iter().for_each(|record| book.set(&change(stream, record)));
        book
    }

    fn message(stream: &Stream, records: &[LevelRecord]) -> Self::Message {
        records.iter().map(|record| change(stream, record)).collect()
    }

    #[inline]
    fn apply(&mut self, message: &Self::Message) {
        message.iter().for_each(|change| self.set(change));
    }

    #[inline]
    fn touch(&self) {
        black_box((self.0.best_bid_tick(), self.0.best_ask_tick()));
    }

    fn best(&self) -> Best {
        let (bid, ask) = (self.0.best_bid_tick(), self.0.best_ask_tick());
        ((bid != INVALID_MIN).then_some(bid), (ask != INVALID_MAX).then_some(ask))
    }
}
