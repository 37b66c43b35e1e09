//! Trades that are objects of a price, a size, a side, a time and an id: one reader, and for each
//! venue the names of the fields.

use tickbook_types::{Side, WallNanos};

use super::frame::{Frame, millis, numeric_id, rfc3339, side_of};
use crate::counters::Rejected;
use crate::json::{Read, Reader};

/// How a trade's time is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// Milliseconds since 1970.
    Millis,
    /// Text of RFC 3339.
    Text,
}

/// What a venue calls the fields of a trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeKeys {
    /// The symbol; empty where it stands outside of the trade.
    pub(super) symbol: &'static str,
    /// The side of the aggressor.
    pub(super) side: &'static str,
    pub(super) price: &'static str,
    pub(super) size: &'static str,
    pub(super) time: &'static str,
    pub(super) clock: Clock,
    pub(super) id: &'static str,
}

impl TradeKeys {
    /// One trade. `symbol` is the one that stands outside of it.
    pub(super) fn read<'a>(
        &self,
        mut symbol: &'a [u8],
        trade: &mut Reader<'a>,
        frame: &mut Frame,
    ) -> Read<()> {
        let (mut side, mut price, mut size) = (Side::Ask, None, None);
        let (mut time, mut id) = (WallNanos(0), 0);
        let is = |key: &[u8], name: &str| key == name.as_bytes();
        trade.object(|key, value| {
            match key {
                key if !self.symbol.is_empty() && is(key, self.symbol) => symbol = value.text()?,
                key if is(key, self.side) => side = side_of(value.text()?),
                key if is(key, self.price) => price = Some(value.digits()?),
                key if is(key, self.size) => size = Some(value.digits()?),
                key if is(key, self.time) => {
                    time = match self.clock {
                        Clock::Millis => millis(value.integer()?),
                        Clock::Text => rfc3339(value.text()?),
                    }
                }
                key if is(key, self.id) => id = numeric_id(value.digits()?),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
        frame.trade(symbol, (side, price, size), id, time)
    }
}
