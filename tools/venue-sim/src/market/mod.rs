//! The synthetic market: every symbol's book, flow and subscribers, advanced message by message.
//!
//! # Guarantees
//!
//! - Between two depth messages of a symbol half of the next window has already happened: a
//!   snapshot's id lies inside the window of the next message, as on the venue.
//! - Subscribing, advancing and taking a snapshot happen under one lock ([`crate::hub::Hub`]), so
//!   that a client that subscribes before it asks for a snapshot can always splice the two.
//! - The last best bid and ask sent under an id up to `u` is that of the book at `u`.

mod book;
mod flow;
mod listing;
mod rng;
mod schedule;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use tickbook_types::{Side, Venue};

use crate::client::Client;
use crate::config::MarketConfig;
use crate::sim::TrueBook;
use crate::streams::{Channel, Stream};

use book::{Ids, VenueBook};
use flow::{Flow, Plan};
use rng::{Chance, Rng};
use wire::{DepthIds, Wire};

pub(crate) use listing::Listing;
pub(crate) use schedule::Schedule;
pub(crate) use wire::{plain, write_decimal};

/// Every symbol of the venue.
#[derive(Debug)]
pub(crate) struct Market {
    symbols: Vec<Symbol>,
    by_name: HashMap<String, usize>,
    /// Which symbol is next; apart from the symbols' own numbers.
    rng: Rng,
    ids: Ids,
    wire: Wire,
    tickers: bool,
    trades: bool,
    counts: MarketCounts,
}

/// What the market made and sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MarketCounts {
    pub(crate) book_messages_made: u64,
    pub(crate) level_changes_made: u64,
    pub(crate) book_messages_sent: u64,
    pub(crate) tickers_sent: u64,
    pub(crate) trades_sent: u64,
    pub(crate) dropped_on_request: u64,
}

/// A book as integers, copied out under the lock and printed outside of it.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    pub(crate) last_id: u64,
    /// Price in ticks and size in lots, best first.
    pub(crate) bids: Vec<(i64, u64)>,
    pub(crate) asks: Vec<(i64, u64)>,
}

#[derive(Debug)]
struct Symbol {
    listing: Listing,
    book: VenueBook,
    flow: Flow,
    /// Last id of the last depth message.
    sent_id: u64,
    /// Id of the last best bid and ask sent.
    bbo_sent_id: u64,
    drop_next: bool,
    subscribers: [Vec<Subscriber>; Channel::COUNT],
}

/// A client and the name it subscribed under.
#[derive(Debug)]
struct Subscriber {
    client: Arc<Client>,
    stream: Stream,
    /// `{"stream":"…","data":`, for combined connections.
    wrapper: Box<[u8]>,
}

impl Market {
    pub(crate) fn new(venue: Venue, config: &MarketConfig) -> Self {
        let mut rng = Rng::new(config.seed);
        let is_futures = matches!(venue, Venue::BinanceUsdm | Venue::BinanceCoinm);
        let mut last = 5_000_000_000_000 + rng.below(1_000_000_000);
        let mut symbols = Vec::with_capacity(config.symbols);
        for listing in listing::listings(venue, config.symbols) {
            let mut own = Rng::new(rng.bits());
            last += own.below(1_000);
            let last_id = if is_futures { last } else { 1_000_000_000 + own.below(1 << 33) };
            let mut book = VenueBook::new(last_id);
            let mut flow = Flow::new(plan(config, &listing), own);
            flow.open(&mut book);
            symbols.push(Symbol {
                listing,
                book,
                flow,
                sent_id: last_id,
                bbo_sent_id: last_id,
                drop_next: false,
                subscribers: Default::default(),
            });
        }
        let names = symbols.iter().enumerate();
        Self {
            by_name: names.map(|(index, it)| (it.listing.symbol.clone(), index)).collect(),
            symbols,
            rng,
            ids: if is_futures { Ids::Shared { last } } else { Ids::PerSymbol },
            wire: Wire::new(venue),
            tickers: config.tickers,
            trades: config.trades,
            counts: MarketCounts::default(),
        }
    }

    /// Makes the next message: of a symbol drawn by lot, the first ones more often.
    pub(crate) fn advance(&mut self, at_ms: u64) {
        let count = self.symbols.len() as u64;
        let drawn = self.rng.below(count).min(self.rng.below(count));
        let index = usize::try_from(drawn).unwrap_or_default();
        self.half(index, at_ms);
        self.send_depth(index, at_ms);
        self.half(index, at_ms);
    }

    /// Sends every window that is still open, so that clients have the whole book.
    pub(crate) fn flush(&mut self, at_ms: u64) {
        for index in 0..self.symbols.len() {
            self.send_depth(index, at_ms);
        }
    }

    fn half(&mut self, index: usize, at_ms: u64) {
        let Some(symbol) = self.symbols.get_mut(index) else { return };
        symbol.flow.half_window(&mut symbol.book, &mut self.ids);
        if self.trades {
            for fill in symbol.flow.fills() {
                let trades = &symbol.subscribers[Channel::Trade as usize];
                let aggregates = &symbol.subscribers[Channel::AggTrade as usize];
                if !trades.is_empty() {
                    let message = self.wire.trade(&symbol.listing, fill, at_ms);
                    self.counts.trades_sent += send(trades, message);
                }
                if !aggregates.is_empty() {
                    let message = self.wire.agg_trade(&symbol.listing, fill, at_ms);
                    self.counts.trades_sent += send(aggregates, message);
                }
            }
        }
        symbol.flow.clear_fills();
        if self.tickers && symbol.book.bbo_id() != symbol.bbo_sent_id {
            symbol.bbo_sent_id = symbol.book.bbo_id();
            let tickers = &symbol.subscribers[Channel::Ticker as usize];
            if !tickers.is_empty() {
                let (id, bbo) = (symbol.bbo_sent_id, symbol.book.bbo());
                let message = self.wire.ticker(&symbol.listing, id, at_ms, &bbo);
                self.counts.tickers_sent += send(tickers, message);
            }
        }
    }

    fn send_depth(&mut self, index: usize, at_ms: u64) {
        let Some(symbol) = self.symbols.get_mut(index) else { return };
        let first = symbol.book.window().first_id();
        if first == 0 {
            return;
        }
        let ids = DepthIds { first, last: symbol.book.last_id(), previous: symbol.sent_id };
        symbol.sent_id = ids.last;
        let repeats = symbol.flow.repeats();
        let window = symbol.book.window();
        window.fold(repeats);
        self.counts.book_messages_made += 1;
        self.counts.level_changes_made +=
            (window.changes(Side::Bid).len() + window.changes(Side::Ask).len()) as u64;
        let books = &symbol.subscribers[Channel::Depth as usize];
        if core::mem::take(&mut symbol.drop_next) {
            self.counts.dropped_on_request += books.len() as u64;
        } else if !books.is_empty() {
            let message = self.wire.depth(&symbol.listing, ids, at_ms, window);
            self.counts.book_messages_sent += send(books, message);
        }
        window.clear();
    }

    /// Adds a subscription. False: nothing of this name is ever sent.
    pub(crate) fn subscribe(&mut self, client: &Arc<Client>, stream: &Stream) -> bool {
        let Some(symbol) = self.symbol_mut(stream.symbol()) else { return false };
        let Some(channel) = stream.channel() else { return false };
        symbol.subscribers[channel as usize].push(Subscriber {
            client: Arc::clone(client),
            stream: stream.clone(),
            wrapper: format!("{{\"stream\":\"{stream}\",\"data\":").into_bytes().into(),
        });
        true
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, client: &Arc<Client>, stream: &Stream) {
        if let (Some(symbol), Some(channel)) = (self.symbol_mut(stream.symbol()), stream.channel())
        {
            symbol.subscribers[channel as usize]
                .retain(|it| !(Arc::ptr_eq(&it.client, client) && it.stream == *stream));
        }
    }

    /// Ends all subscriptions of a client.
    pub(crate) fn forget(&mut self, client: &Arc<Client>) {
        for symbol in &mut self.symbols {
            for subscribers in &mut symbol.subscribers {
                subscribers.retain(|it| !Arc::ptr_eq(&it.client, client));
            }
        }
    }

    /// Does not send the next depth message of a symbol. False: no such symbol.
    pub(crate) fn drop_next(&mut self, symbol: &str) -> bool {
        self.symbol_mut(symbol).map(|it| it.drop_next = true).is_some()
    }

    /// The best `limit` levels a side.
    pub(crate) fn levels(&self, symbol: &str, limit: usize) -> Option<(Listing, Levels)> {
        let symbol = &self.symbols[*self.by_name.get(symbol)?];
        let side = |side| symbol.book.levels(side).take(limit).collect();
        let levels =
            Levels { last_id: symbol.book.last_id(), bids: side(Side::Bid), asks: side(Side::Ask) };
        Some((symbol.listing.clone(), levels))
    }

    /// The whole book in the form that replays and reports print.
    pub(crate) fn true_book(&self, symbol: &str) -> Option<TrueBook> {
        let (listing, levels) = self.levels(symbol, usize::MAX)?;
        let side = |levels: Vec<(i64, u64)>| {
            let print = |(price, size): (i64, u64)| {
                let price = plain(price.unsigned_abs() * listing.tick, listing.price_decimals);
                (price, plain(size * listing.lot, listing.size_decimals))
            };
            levels.into_iter().map(print).collect()
        };
        let last_id = levels.last_id;
        Some(TrueBook { last_id, bids: side(levels.bids), asks: side(levels.asks) })
    }

    /// Every listing.
    pub(crate) fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.symbols.iter().map(|it| &it.listing)
    }

    pub(crate) fn counts(&self) -> MarketCounts {
        self.counts
    }

    fn symbol_mut(&mut self, symbol: &str) -> Option<&mut Symbol> {
        self.symbols.get_mut(*self.by_name.get(symbol)?)
    }
}

fn plan(config: &MarketConfig, listing: &Listing) -> Plan {
    // In range by `SimConfig::check`: 1 ..= 100 levels.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 ..= 100 * 256")]
    let changes_256 = (config.levels_per_message * 256.0) as u64;
    Plan {
        changes_256,
        levels: config.levels,
        sweeps: Chance::new(config.sweeps),
        one_sided: Chance::new(config.one_sided),
        start: listing.start,
        usual_size: listing.usual_size,
    }
}

/// Queues a message for each subscriber; gives how many took it.
fn send(subscribers: &[Subscriber], message: &[u8]) -> u64 {
    let mut sent = 0;
    for subscriber in subscribers {
        sent += u64::from(subscriber.client.send_data(&subscriber.wrapper, message));
    }
    sent
}
