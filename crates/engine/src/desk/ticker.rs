//! The ticker of a book: merged from messages that hold some of its fields only.
//!
//! Off the path of the book: nothing here is inlined into it, and a ticker is published in a
//! section of its own.

use tickbook_shm::{BuilderWriter, Counter, TickerSnapshot};
use tickbook_types::{
    BookId, BookState, LevelRecord, MessageFlags, MessageHeader, MonoNanos, Reason, Ticker, Ticks,
    WallNanos,
};

use super::{Desk, Out, slot_mut};

impl Desk {
    /// Takes what a venue says beside a book.
    #[cold]
    pub(super) fn statistics(&mut self, header: &MessageHeader, records: &[LevelRecord]) {
        let Self { slots, out, .. } = self;
        let Some(slot) = slot_mut(slots, out, header.book) else { return };
        if !merge(&mut slot.ticker, header, records) {
            out.stats.add(Counter::RejectedOther, 1);
        }
        if header.received != Ticks(0) {
            slot.ticker.received = out.clock.mono(header.received);
            slot.ticker.received_wall = out.clock.wall(header.received);
        }
        out.writer.publish_ticker(header.book, &slot.ticker);
    }
}

impl Out {
    /// A book's state changed: its ticker goes stale with the connection that it came on.
    #[cold]
    pub(super) fn ticker_status(&mut self, ticker: &mut TickerSnapshot, header: &MessageHeader) {
        if header.reason == Reason::Disconnected
            && ticker.state == BookState::Live
            && ticker.conn == header.status_conn()
        {
            (ticker.state, ticker.reason) = (BookState::Stale, Reason::Disconnected);
            self.writer.publish_ticker(header.book, ticker);
        }
    }
}

/// Publishes a ticker as closed.
pub(super) fn close(writer: &mut BuilderWriter, book: BookId, reason: Reason) {
    let closed = TickerSnapshot { state: BookState::Closed, reason, ..TickerSnapshot::default() };
    writer.publish_ticker(book, &closed);
}

/// Takes the fields of a message; `false` if there was one that is none.
fn merge(into: &mut TickerSnapshot, header: &MessageHeader, records: &[LevelRecord]) -> bool {
    let source = (header.status_conn(), header.epoch);
    // What another connection said may have changed since.
    if source != (into.conn, into.epoch) || header.flags.has(MessageFlags::FIRST) {
        into.ticker = Ticker::default();
    }
    (into.conn, into.epoch) = source;
    let mut known = true;
    for record in records {
        known &= into.ticker.take(*record);
    }
    if header.venue_time != WallNanos(0) {
        into.ticker.venue_time = header.venue_time;
    }
    into.state = if into.ticker.is_empty() { BookState::Empty } else { BookState::Live };
    into.reason = Reason::None;
    (into.received, into.received_wall) = (MonoNanos(0), WallNanos(0));
    known
}

#[cfg(test)]
mod tests {
    use tickbook_types::{ConnId, Epoch, Figure, MessageKind, SeqNo, TickerField};

    use super::*;

    fn header(conn: u64, epoch: u32, flags: MessageFlags, time: i64) -> MessageHeader {
        MessageHeader {
            seq: SeqNo(conn),
            epoch: Epoch(epoch),
            flags,
            venue_time: WallNanos(time),
            ..MessageHeader::new(MessageKind::Statistics, BookId(0))
        }
    }

    const SOME: MessageFlags = MessageFlags(0);
    const WHOLE: MessageFlags = MessageFlags::FIRST;

    fn says(field: TickerField, mantissa: i64) -> LevelRecord {
        field.record(Some(Figure { mantissa, exponent: 0 }))
    }

    #[test]
    fn deltas_add_up_and_a_whole_ticker_replaces() {
        let mut it = TickerSnapshot::default();
        let (mark, iv) = (says(TickerField::MarkPrice, 5), says(TickerField::MarkIv, 7));
        assert!(merge(&mut it, &header(3, 1, WHOLE, 10), &[mark, iv]));
        assert_eq!((it.state, it.conn, it.epoch), (BookState::Live, ConnId(3), Epoch(1)));
        assert!(merge(&mut it, &header(3, 1, SOME, 0), &[says(TickerField::MarkPrice, 6)]));
        let mantissa = |figure: Option<Figure>| figure.map(|it| it.mantissa);
        assert_eq!(mantissa(it.ticker.mark_price()), Some(6));
        assert_eq!(mantissa(it.ticker.mark_iv()), Some(7));
        assert_eq!(it.ticker.venue_time, WallNanos(10), "kept where the venue says none");
        assert!(merge(&mut it, &header(3, 1, SOME, 0), &[TickerField::MarkIv.record(None)]));
        assert_eq!(it.ticker.mark_iv(), None);
        assert!(merge(&mut it, &header(3, 1, WHOLE, 20), &[iv]));
        assert_eq!((it.ticker.mark_price(), mantissa(it.ticker.mark_iv())), (None, Some(7)));
        assert!(merge(&mut it, &header(3, 1, WHOLE, 20), &[]));
        assert_eq!(it.state, BookState::Empty);
    }

    #[test]
    fn nothing_is_kept_across_connections() {
        for (conn, epoch) in [(4, 1), (3, 2)] {
            let mut it = TickerSnapshot::default();
            merge(&mut it, &header(3, 1, WHOLE, 10), &[says(TickerField::MarkPrice, 5)]);
            merge(&mut it, &header(conn, epoch, SOME, 20), &[says(TickerField::Delta, 9)]);
            assert_eq!((it.ticker.mark_price(), it.ticker.fields().count()), (None, 1));
        }
    }

    #[test]
    fn a_record_of_no_field_is_told_and_does_no_harm() {
        let mut it = TickerSnapshot::default();
        let unknown = LevelRecord::from_words(1, 255);
        let known = says(TickerField::Rho, 2);
        assert!(!merge(&mut it, &header(0, 1, WHOLE, 0), &[unknown, known]));
        assert_eq!(it.ticker.fields().count(), 1);
    }
}
