//! Trades, and best bid and offer.

use tickbook_types::{
    LevelRecord, MessageFlags, MessageHeader, MessageKind, Padded, RecvStamps, SeqNo,
};

use super::feed::Problem;
use super::frame::{DecimalLevel, Frame, Ticker, Trade, venue_time};
use super::general::{self, Sonic};
use super::scan::{Head, Kind};
use super::session::BinanceSession;
use crate::counters::{Ignored, Rejected};
use crate::session::Context;

/// A trade without its price and size.
#[derive(Clone, Copy)]
struct TradeFacts {
    id: u64,
    event_time: u64,
    trade_time: u64,
    aggregate: bool,
}

impl BinanceSession {
    /// A best bid and offer that the scanner has read up to its first price.
    #[inline]
    pub(super) fn take_ticker(
        &mut self,
        head: &mut Head<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.book_for_market(head.symbol, cx) else { return };
        let scanner = self.books[index].scanner.as_mut();
        match scanner.and_then(|scanner| head.ticker(scanner)) {
            Some(records) => {
                self.send_ticker(index, head.ids.last, head.event_time, records, stamps, cx);
            }
            None => match self.read_market(message, cx) {
                Some(Frame::Ticker(ticker)) => self.take_general_ticker(&ticker, stamps, cx),
                Some(_) => cx.counters.reject(Rejected::Shape),
                None => {}
            },
        }
    }

    #[cold]
    pub(super) fn take_general_ticker(
        &mut self,
        ticker: &Ticker,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.book_for_market(ticker.symbol.as_bytes(), cx) else { return };
        if let Some(records) = self.fit_all(index, &[ticker.bid, ticker.ask], stamps, cx) {
            self.send_ticker(index, ticker.seq, ticker.event_time, records, stamps, cx);
        }
    }

    #[inline]
    fn send_ticker(
        &mut self,
        index: usize,
        seq: u64,
        event_time: u64,
        records: [LevelRecord; 2],
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        // A second connection may bring it again, late.
        if seq < book.ticker_last {
            cx.counters.ignore(Ignored::Duplicate);
            return;
        }
        book.ticker_last = seq;
        let mut header = self.market_header(index, MessageKind::Ticker, event_time, stamps, cx);
        header.seq = SeqNo(seq);
        header.flags = header.flags.with(MessageFlags::HAS_SEQ);
        if self.send_market(records, header, cx) {
            cx.counters.tickers += 1;
        }
    }

    /// A trade that the scanner has read up to its price.
    #[inline]
    pub(super) fn take_trade(
        &mut self,
        head: &mut Head<'_>,
        message: Padded<'_>,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.book_for_market(head.symbol, cx) else { return };
        let scanner = self.books[index].scanner.as_mut();
        match scanner.and_then(|scanner| head.trade(scanner)) {
            Some(record) => {
                let facts = TradeFacts {
                    id: head.trade_id,
                    event_time: head.event_time,
                    trade_time: head.trade_time,
                    aggregate: head.kind == Kind::AggTrade,
                };
                self.send_trade(index, facts, record, stamps, cx);
            }
            None => match self.read_market(message, cx) {
                Some(Frame::Trade(trade)) => self.take_general_trade(&trade, stamps, cx),
                Some(_) => cx.counters.reject(Rejected::Shape),
                None => {}
            },
        }
    }

    #[cold]
    pub(super) fn take_general_trade(
        &mut self,
        trade: &Trade,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let Some(index) = self.book_for_market(trade.symbol.as_bytes(), cx) else { return };
        if let Some([record]) = self.fit_all(index, &[trade.level], stamps, cx) {
            let facts = TradeFacts {
                id: trade.id,
                event_time: trade.event_time,
                trade_time: trade.trade_time,
                aggregate: trade.aggregate,
            };
            self.send_trade(index, facts, record, stamps, cx);
        }
    }

    #[inline]
    fn send_trade(
        &mut self,
        index: usize,
        facts: TradeFacts,
        record: LevelRecord,
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) {
        let book = &mut self.books[index];
        let last = if facts.aggregate { &mut book.aggregate_last } else { &mut book.trade_last };
        if facts.id <= *last && *last != 0 {
            cx.counters.ignore(Ignored::Duplicate);
            return;
        }
        *last = facts.id;
        if facts.aggregate && book.has_single_trades {
            cx.counters.ignore(Ignored::TradeTwice);
            return;
        }
        book.has_single_trades |= !facts.aggregate;
        let header = self.market_header(index, MessageKind::Trade, facts.event_time, stamps, cx);
        let time = if facts.trade_time == 0 { facts.event_time } else { facts.trade_time };
        let words = LevelRecord::from_words(venue_time(time).0, facts.id);
        if self.send_market([record, words], header, cx) {
            cx.counters.trades += 1;
        }
    }

    /// The book that a trade or ticker goes with; they do not bring one into being.
    #[inline]
    pub(super) fn book_for_market(&self, symbol: &[u8], cx: &mut Context<'_>) -> Option<usize> {
        match self.symbols.find(symbol) {
            Some(index) if self.books[index].added => Some(index),
            Some(_) => {
                cx.counters.ignore(Ignored::NoBook);
                None
            }
            None => {
                cx.counters.ignore(Ignored::UnknownSymbol);
                None
            }
        }
    }

    #[cold]
    fn read_market(&self, message: Padded<'_>, cx: &mut Context<'_>) -> Option<Frame> {
        cx.counters.general_parses += 1;
        general::parse::<Sonic>(message.payload()).map_err(|it| cx.counters.reject(it)).ok()
    }

    /// The records of some levels, with the book's exponents made fine enough.
    #[cold]
    fn fit_all<const N: usize>(
        &mut self,
        index: usize,
        levels: &[DecimalLevel; N],
        stamps: &RecvStamps,
        cx: &mut Context<'_>,
    ) -> Option<[LevelRecord; N]> {
        match self.make_fit(index, levels, stamps.received, cx) {
            Ok(()) => {}
            Err(Problem::Full) => {
                cx.counters.ring_full += 1;
                cx.counters.reject(Rejected::RingFull);
                return None;
            }
            Err(Problem::Bad(rejected)) => {
                cx.counters.reject(rejected);
                return None;
            }
        }
        let mut records = [LevelRecord::default(); N];
        for (level, place) in levels.iter().zip(&mut records) {
            let Some((record, exact)) = self.books[index].record(level) else {
                cx.counters.reject(Rejected::Overflow);
                return None;
            };
            cx.counters.size_rounded += u64::from(!exact);
            *place = record;
        }
        Some(records)
    }

    #[inline]
    fn market_header(
        &self,
        index: usize,
        kind: MessageKind,
        event_time: u64,
        stamps: &RecvStamps,
        cx: &Context<'_>,
    ) -> MessageHeader {
        let book = &self.books[index];
        let shared = MessageFlags::SHARED_STAMP;
        MessageHeader {
            count: 2,
            flags: if cx.shared_stamp { shared } else { MessageFlags::default() },
            state: book.state,
            reason: book.reason,
            epoch: self.links[book.link].epoch,
            venue_time: venue_time(event_time),
            kernel_time: stamps.kernel.unwrap_or_default(),
            received: stamps.received,
            poll_gap: stamps.poll_gap,
            ..MessageHeader::new(kind, book.id)
        }
    }

    #[inline]
    fn send_market(
        &mut self,
        records: [LevelRecord; 2],
        mut header: MessageHeader,
        cx: &mut Context<'_>,
    ) -> bool {
        let Ok(mut claim) = cx.lane.claim(2) else {
            cx.counters.ring_full += 1;
            cx.counters.reject(Rejected::RingFull);
            return false;
        };
        self.sampler.count(&mut header);
        match claim.levels_mut().first_chunk_mut() {
            Some(places) => *places = records,
            None => return false,
        }
        claim.commit(header);
        true
    }
}
