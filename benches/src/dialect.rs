//! Generated feeds in the words of venues other than Binance, for what their readers cost.

use std::fmt::Write as _;

use tickbook_types::{Decimal, LevelRecord, PaddedBuf, Side, Venue};

use crate::feed::{Feed, Warmup};
use crate::market::{Market, SCALE};

impl Feed {
    /// OKX: linked messages of rows with four texts; `levels` changes in each, of both sides.
    #[must_use]
    pub fn okx(levels: usize, messages: usize) -> Self {
        let row = |text: &mut String, record: &LevelRecord| {
            let [price, size] = numbers(record);
            let _ = write!(text, "[\"{price}\",\"{size}\",\"0\",\"3\"]");
        };
        of(Venue::OkxV5, levels, messages, |action, id, records| {
            let side = |side| list(records.iter().filter(|it| it.side() == side), row);
            let (asks, bids, prev) = (side(Side::Ask), side(Side::Bid), id - 1);
            let action = if action { "snapshot" } else { "update" };
            format!(
                "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"BTC-USDT\"}},\
                 \"action\":\"{action}\",\"data\":[{{\"asks\":{asks},\"bids\":{bids},\
                 \"ts\":\"1790000000000\",\"checksum\":0,\"prevSeqId\":{prev},\"seqId\":{id}}}]}}"
            )
        })
    }

    /// Coinbase: messages of one object for each of `levels` changes.
    #[must_use]
    pub fn coinbase(levels: usize, messages: usize) -> Self {
        let update = |text: &mut String, record: &LevelRecord| {
            let [price, size] = numbers(record);
            let side = if record.side() == Side::Bid { "bid" } else { "offer" };
            let _ = write!(
                text,
                "{{\"side\":\"{side}\",\"event_time\":\"2026-08-09T21:05:48.90451Z\",\
                 \"price_level\":\"{price}\",\"new_quantity\":\"{size}\"}}"
            );
        };
        of(Venue::CoinbaseAdvanced, levels, messages, |whole, id, records| {
            let kind = if whole { "snapshot" } else { "update" };
            let updates = list(records.iter(), update);
            format!(
                "{{\"channel\":\"l2_data\",\"timestamp\":\"2026-08-09T21:05:48.919964149Z\",\
                 \"sequence_num\":{id},\"events\":[{{\"type\":\"{kind}\",\
                 \"product_id\":\"BTC-USD\",\"updates\":{updates}}}]}}"
            )
        })
    }
}

/// A feed whose book comes first; `write` makes a message of an id and its levels.
fn of(
    venue: Venue,
    levels: usize,
    messages: usize,
    write: impl Fn(bool, u64, &[LevelRecord]) -> String,
) -> Feed {
    let mut market = Market::default();
    let book = PaddedBuf::new(write(true, 1, &market.book()).as_bytes());
    let mut id = 1;
    let mut next = || {
        id += 1;
        let mut records = market.message_of(levels);
        records.truncate(levels);
        PaddedBuf::new(write(false, id, &records).as_bytes())
    };
    let frames = (0..messages).map(|_| next()).collect();
    Feed { name: venue.to_string(), venue, warmup: vec![Warmup::Frame(book)], frames }
}

#[expect(single_use_lifetimes, reason = "an elided one is not stable here")]
fn list<'a>(
    records: impl Iterator<Item = &'a LevelRecord>,
    item: impl Fn(&mut String, &LevelRecord),
) -> String {
    let mut text = String::from("[");
    for record in records {
        if text.len() > 1 {
            text.push(',');
        }
        item(&mut text, record);
    }
    text.push(']');
    text
}

/// Price and size, without zeros at their ends.
fn numbers(record: &LevelRecord) -> [String; 2] {
    [
        Decimal::new(record.price().0.into(), SCALE.price_exponent.into()).to_string(),
        Decimal::new(record.size().0.into(), SCALE.size_exponent.into()).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::SessionRig;

    #[test]
    fn every_message_arrives_with_its_levels() {
        for feed in [Feed::okx(4, 20), Feed::coinbase(4, 20)] {
            let mut rig = SessionRig::synced(&feed);
            for frame in &feed.frames {
                assert_eq!(rig.take(frame.padded(), <[LevelRecord]>::len), Some(4), "{feed:?}");
            }
        }
    }
}
