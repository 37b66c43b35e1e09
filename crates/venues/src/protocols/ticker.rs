//! Tickers: what a venue says beside its book, by tables of its field names.
//!
//! # Guarantees
//!
//! - A field that is null, empty, or no number is absent, and the last two of these are told apart:
//!   what is no number is counted. It costs no book.
//! - A change that did not arrive, or could not be read, leaves nothing behind that it may have
//!   changed: the ticker begins anew.

use tickbook_types::{
    LevelRecord, MessageFlags, MessageHeader, MessageKind, RecvStamps, SeqNo, WallNanos,
};

use super::frame::{Frame, TickerEvent};
use super::session::SharedSession;
use crate::counters::{Ignored, Rejected};
use crate::json::{Read, Reader};
use crate::session::Context;
use crate::ticker;
pub(crate) use crate::ticker::{Fields, Form};

/// How much of a ticker a message tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extent {
    /// All there is.
    Whole,
    /// Some fields; the others are as they were.
    Part,
}

impl Frame {
    /// Reads the value of `key`, or skips it if it is none of `fields`.
    pub(crate) fn figure(
        &mut self,
        fields: &Fields,
        key: &[u8],
        value: &mut Reader<'_>,
    ) -> Read<()> {
        let mut rejected = None;
        let record = ticker::field(fields, key, value, |why| rejected = Some(why))?;
        rejected.into_iter().for_each(|why| self.reject(why));
        record.into_iter().for_each(|record| self.push_figure(record));
        Ok(())
    }

    /// Reads an object of nothing but fields, and of what is skipped.
    pub(crate) fn figures(&mut self, fields: &Fields, object: &mut Reader<'_>) -> Read<()> {
        object.object(|key, value| self.figure(fields, key, value))
    }
}

impl SharedSession {
    pub(super) fn take_ticker(
        &mut self,
        line: usize,
        frame: &Frame,
        event: &TickerEvent,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let place = self.symbols.find(frame.ticker_symbol(event));
        let mut next = place.and_then(|place| self.book_of_symbol.get(place).copied());
        if next.is_none() {
            cx.counters.ignore(Ignored::UnknownSymbol);
        }
        while let Some(index) = next {
            let book = &self.books[index];
            next = book.next_of_symbol;
            if book.line != line {
                cx.counters.ignore(Ignored::SpareConnection);
            } else if !book.topic.ticker {
                cx.counters.ignore(Ignored::UnusedStream);
            } else if !book.added {
                cx.counters.ignore(Ignored::NoBook);
            } else {
                self.write_ticker(
                    index,
                    event.time,
                    event.extent,
                    frame.figures_of(event),
                    stamps,
                    cx,
                );
            }
        }
    }

    fn write_ticker(
        &mut self,
        index: usize,
        time: WallNanos,
        extent: Extent,
        figures: &[LevelRecord],
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        let line = &self.lines[book.line];
        let Ok(mut claim) = cx.lane.claim(figures.len()) else {
            book.ticker_lost = true;
            cx.counters.ring_full += 1;
            cx.counters.reject(Rejected::RingFull);
            return;
        };
        for (place, figure) in claim.levels_mut().iter_mut().zip(figures) {
            *place = *figure;
        }
        let whole = extent == Extent::Whole || book.ticker_lost;
        claim.commit(MessageHeader {
            count: u32::try_from(figures.len()).unwrap_or(u32::MAX),
            flags: if whole { MessageFlags::FIRST } else { MessageFlags::default() },
            state: book.state,
            reason: book.reason,
            epoch: line.epoch,
            seq: SeqNo(line.conn.0.into()),
            venue_time: time,
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(MessageKind::Statistics, book.id)
        });
        (book.ticker_lost, book.has_ticker) = (false, !figures.is_empty());
        cx.counters.statistics += u64::from(!figures.is_empty());
    }

    /// A frame that nobody can read may have been a change of any ticker of its connection.
    #[cold]
    pub(super) fn lose_tickers(&mut self, line: usize, cx: &mut Context<'_>) {
        let stamps = &RecvStamps::default();
        for index in 0..self.books.len() {
            let book = &self.books[index];
            if book.line == line && book.has_ticker {
                self.write_ticker(index, WallNanos(0), Extent::Whole, &[], stamps, cx);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tickbook_types::{Figure, Ticker, TickerField};

    use super::*;

    const FIELDS: &Fields = &[
        ("bid", TickerField::BidPrice, Form::Quote),
        ("iv", TickerField::MarkIv, Form::Percent),
        ("delta", TickerField::Delta, Form::Plain),
        ("next", TickerField::NextFunding, Form::Millis),
        ("when", TickerField::NextFunding, Form::Rfc3339),
    ];

    fn ticker(text: &str) -> (Ticker, usize) {
        let mut frame = Frame::default();
        frame.figures(FIELDS, &mut Reader::new(text.as_bytes())).unwrap();
        let rejected = frame.events().len();
        frame.ticker(Some(b"X"), Extent::Whole, WallNanos(0));
        let mut ticker = Ticker::default();
        for event in frame.events() {
            if let super::super::frame::Event::Ticker(event) = event {
                assert!(frame.figures_of(event).iter().all(|record| ticker.take(*record)));
            }
        }
        (ticker, rejected)
    }

    #[test]
    fn fields_are_read_in_the_venues_form() {
        let (it, rejected) = ticker(
            r#"{"bid":"0.0795","x":[1,{"bid":9}],"iv":78.74,"delta":-0.0,"next":"1786320000000"}"#,
        );
        let text = |figure: Option<Figure>| figure.unwrap().to_string();
        assert_eq!((text(it.bid_price()), text(it.mark_iv())), ("0.0795".into(), "0.7874".into()));
        assert_eq!(text(it.delta()), "0", "a greek may be zero");
        assert_eq!(it.next_funding(), Some(WallNanos(1_786_320_000_000_000_000)));
        assert_eq!((it.fields().count(), rejected), (4, 0));
        let (it, _) = ticker(r#"{"when":"2026-08-10T00:00:00.000Z"}"#);
        assert_eq!(it.next_funding(), Some(WallNanos(1_786_320_000_000_000_000)));
    }

    #[test]
    fn what_is_not_said_is_absent() {
        for text in [
            r#"{"bid":0.0,"iv":0,"delta":null,"next":"0"}"#,
            r#"{"bid":"","iv":"0.00","delta":"","next":null,"when":""}"#,
            "{}",
        ] {
            assert_eq!(ticker(text), (Ticker::default(), 0), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_absent_and_counted() {
        let text = r#"{"bid":"x","iv":true,"delta":{"a":1},"next":-1,"when":5}"#;
        assert_eq!(ticker(text), (Ticker::default(), 5));
        assert_eq!(ticker(r#"{"delta":"1.2345678901234567890123"}"#), (Ticker::default(), 1));
        let mut frame = Frame::default();
        assert!(frame.figures(FIELDS, &mut Reader::new(br#"{"bid":"1"#)).is_err());
    }
}
