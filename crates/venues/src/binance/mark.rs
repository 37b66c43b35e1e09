//! Mark price, index and funding of futures: `@markPrice`.
//!
//! Once a second: read in place, off the scanner's path.

use tickbook_types::{
    LevelRecord, MessageFlags, MessageHeader, MessageKind, Padded, RecvStamps, SeqNo, TickerField,
};

use super::frame::venue_time;
use super::session::BinanceSession;
use crate::counters::{Ignored, Rejected};
use crate::json::{Read, Reader};
use crate::session::Context;
use crate::ticker::{self, Fields, Form};

/// Delivery contracts have an empty rate and no time of funding.
const FIELDS: &Fields = &[
    ("p", TickerField::MarkPrice, Form::Quote),
    ("i", TickerField::IndexPrice, Form::Quote),
    ("r", TickerField::FundingRate, Form::Plain),
    ("T", TickerField::NextFunding, Form::Millis),
];

/// The event's name stands near the beginning.
const NAME: &[u8] = b"\"markPriceUpdate\"";
const NAME_WITHIN: usize = 128;

/// What a message says.
#[derive(Debug, Default)]
struct Mark<'a> {
    symbol: &'a [u8],
    event_time: u64,
    records: [LevelRecord; FIELDS.len()],
    count: usize,
    rejected: Option<Rejected>,
}

impl<'a> Mark<'a> {
    fn read(payload: &'a [u8]) -> Read<Self> {
        let mut mark = Self::default();
        let mut reader = Reader::new(payload);
        reader.object(|key, value| match key {
            b"data" => value.object(|key, value| mark.field(key, value)),
            _ => mark.field(key, value),
        })?;
        reader.end()?;
        if mark.symbol.is_empty() { Err(Rejected::Shape) } else { Ok(mark) }
    }

    fn field(&mut self, key: &[u8], value: &mut Reader<'a>) -> Read<()> {
        match key {
            b"s" => self.symbol = value.text()?,
            b"E" => self.event_time = value.integer()?,
            _ => {
                let record = ticker::field(FIELDS, key, value, |why| self.rejected = Some(why))?;
                // A key that comes twice says the same field once more.
                if let Some((record, place)) = record.zip(self.records.get_mut(self.count)) {
                    *place = record;
                    self.count += 1;
                }
            }
        }
        Ok(())
    }
}

impl BinanceSession {
    /// An event that the scanner has no use for.
    #[cold]
    pub(super) fn take_unscanned(
        &mut self,
        link: usize,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let payload = message.payload();
        let begin = &payload[..payload.len().min(NAME_WITHIN)];
        if !begin.windows(NAME.len()).any(|window| window == NAME) {
            cx.counters.ignore(Ignored::UnusedStream);
            return;
        }
        match Mark::read(payload) {
            Ok(mark) => self.take_mark(link, &mark, stamps, cx),
            Err(rejected) => cx.counters.reject(rejected),
        }
    }

    fn take_mark(
        &mut self,
        link: usize,
        mark: &Mark<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        if let Some(rejected) = mark.rejected {
            cx.counters.reject(rejected);
        }
        let Some(index) = self.book_for_market(mark.symbol, cx) else { return };
        let book = &mut self.books[index];
        // A second connection brings it again.
        if mark.event_time <= book.mark_last {
            cx.counters.ignore(Ignored::Duplicate);
            return;
        }
        let Ok(mut claim) = cx.lane.claim(mark.count) else {
            cx.counters.ring_full += 1;
            cx.counters.reject(Rejected::RingFull);
            return;
        };
        for (place, record) in claim.levels_mut().iter_mut().zip(&mark.records[..mark.count]) {
            *place = *record;
        }
        let link = &self.links[link];
        claim.commit(MessageHeader {
            count: u32::try_from(mark.count).unwrap_or(u32::MAX),
            // Every message is whole.
            flags: MessageFlags::FIRST,
            state: book.state,
            reason: book.reason,
            epoch: link.epoch,
            seq: SeqNo(link.conn.0.into()),
            venue_time: venue_time(mark.event_time),
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(MessageKind::Statistics, book.id)
        });
        book.mark_last = mark.event_time;
        cx.counters.statistics += 1;
    }
}

#[cfg(test)]
mod tests {
    use tickbook_types::{Ticker, WallNanos};

    use super::*;

    fn ticker(mark: &Mark<'_>) -> Ticker {
        let mut ticker = Ticker::default();
        assert!(mark.records[..mark.count].iter().all(|record| ticker.take(*record)));
        ticker
    }

    #[test]
    fn a_mark_is_read_alone_and_in_a_stream() {
        let event = concat!(
            r#"{"e":"markPriceUpdate","E":1700000000000,"s":"BTCUSDT","p":"11794.15000000","#,
            r#""i":"11784.62659091","P":"11784.25641265","r":"-0.00038167","T":1700006400000}"#,
        );
        let wrapped = format!(r#"{{"stream":"btcusdt@markPrice","data":{event}}}"#);
        for text in [event, &wrapped] {
            let mark = Mark::read(text.as_bytes()).unwrap();
            assert_eq!((mark.symbol, mark.event_time), (&b"BTCUSDT"[..], 1_700_000_000_000));
            let it = ticker(&mark);
            assert_eq!(it.mark_price().unwrap().to_string(), "11794.15");
            assert_eq!(it.index_price().unwrap().to_string(), "11784.62659091");
            assert_eq!(it.funding_rate().unwrap().to_string(), "-0.00038167");
            assert_eq!(it.next_funding(), Some(WallNanos(1_700_006_400_000_000_000)));
            assert_eq!((it.fields().count(), mark.rejected), (4, None));
        }
    }

    #[test]
    fn a_delivery_contract_has_no_funding() {
        let text = r#"{"e":"markPriceUpdate","E":1,"s":"BTCUSD_261225","p":"1","r":"","T":0}"#;
        let it = ticker(&Mark::read(text.as_bytes()).unwrap());
        assert_eq!((it.fields().count(), it.mark_price().is_some()), (1, true));
        let long = r#"{"p":"1","p":"2","p":"3","p":"4","p":"5","s":"X"}"#;
        assert_eq!(Mark::read(long.as_bytes()).unwrap().count, 4, "no more than there is room for");
        for text in [r#"{"e":"markPriceUpdate","p":"1"}"#, r#"{"s":"X""#, "[]"] {
            assert!(Mark::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
