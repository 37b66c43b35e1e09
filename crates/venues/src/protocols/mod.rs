//! Every venue but Binance: one session for all of them, and a [`Protocol`] for each. Snapshots
//! of most come in band; those of some are fetched from REST and joined with what was kept
//! (`sync`).
//!
//! # Guarantees
//!
//! - A book is live only from a snapshot of the present connection on, over an unbroken chain of
//!   the venue's ids where it has any.
//! - A hole, a disconnect, a full ring and a message that cannot be read are said at once; a new
//!   snapshot is asked for by a new subscription, ever more slowly if that does not help.
//! - Frames, names and levels are read into memory that is kept: receiving allocates nothing once
//!   the largest frame has been seen, except for snapshots of more than
//!   [`crate::limits::RING_SNAPSHOT_LEVELS`] levels.
//!
//! # Not guaranteed
//!
//! - That a loss shows where the venue has no ids: [`Rules::shows_loss`] says which they are.
//! - That a checksum proves anything if the venue wrote a number of the book otherwise than it is
//!   printed for the check ([`digits`]): then it is compared, but a difference is let pass.
//!
//! # Invariants
//!
//! - A book belongs to one connection; what comes on another is counted and dropped.
//! - [`Phase::Live`](book::Phase) exactly as long as deltas are passed on.

mod ascendex;
mod binary;
mod bitcom;
mod bitfinex;
mod bitflyer;
mod bitget;
mod bitmex;
mod bitstamp;
mod bitstamp_l3;
mod book;
mod bybit;
mod chain;
mod coinbase_advanced;
mod coinbase_exchange;
mod coinbase_full;
mod counts;
mod cryptocom;
mod deal;
mod deliver;
mod deribit;
mod digits;
mod dydx;
mod feed;
mod frame;
mod ftx;
mod gate;
mod gemini;
mod hitbtc;
mod huobi;
mod hyperliquid;
mod independent_reserve;
mod join;
mod kept;
mod kraken;
mod kraken_futures;
mod kraken_l3;
mod kraken_v1;
mod kraken_v2;
mod kucoin;
mod lines;
mod listing;
mod okex_v3;
mod okx;
mod phemex;
mod poloniex;
mod protocol;
mod rows;
mod session;
mod silence;
mod sync;
#[cfg(test)]
mod tests;
mod ticker;
mod token;
mod trade;
mod upbit;
mod usual;
mod wish;

use tickbook_types::{SeqNo, Venue};

use self::bitget::{Bitget, Version};
pub(crate) use self::frame::rfc3339;
use self::frame::{Event, Frame};
use self::protocol::{Protocol, Rules};
use self::session::SharedSession;
use crate::rest::{
    ConnectionToken, RestBody, RestError, RestOrders, RestSnapshot, RestUrl, block_of,
};
use crate::session::{ConfigError, Session, SessionConfig};

/// The protocol of a venue of this kind.
fn protocol_of(venue: Venue) -> Option<Box<dyn Protocol>> {
    Some(match venue {
        Venue::BybitV5 => Box::new(bybit::Bybit),
        Venue::Hyperliquid => Box::new(hyperliquid::Hyperliquid),
        Venue::Deribit => Box::new(deribit::Deribit),
        Venue::CoinbaseAdvanced => Box::new(coinbase_advanced::CoinbaseAdvanced),
        Venue::CoinbaseExchange => Box::new(coinbase_exchange::CoinbaseExchange),
        Venue::CoinbaseFull => Box::new(coinbase_full::CoinbaseFull::default()),
        Venue::OkxV5 => Box::new(okx::Okx::default()),
        Venue::CryptoCom => Box::new(cryptocom::CryptoCom::default()),
        Venue::Upbit => Box::new(upbit::Upbit),
        Venue::HitBtc => Box::new(hitbtc::HitBtc),
        Venue::Gemini => Box::new(gemini::Gemini),
        Venue::Poloniex => Box::new(poloniex::Poloniex),
        Venue::AscendEx => Box::new(ascendex::AscendEx),
        Venue::BitFlyer => Box::new(bitflyer::BitFlyer),
        Venue::KrakenFutures => Box::new(kraken_futures::KrakenFutures),
        Venue::BitMex => Box::new(bitmex::BitMex::default()),
        Venue::IndependentReserve => Box::new(independent_reserve::IndependentReserve::default()),
        Venue::KrakenL3 => Box::new(kraken_l3::KrakenL3::default()),
        Venue::BitstampL3 => Box::new(bitstamp_l3::BitstampL3::default()),
        Venue::DydxV3 => Box::new(dydx::Dydx::default()),
        Venue::KrakenV1 => Box::new(kraken_v1::KrakenV1),
        Venue::KrakenV2 => Box::new(kraken_v2::KrakenV2::default()),
        Venue::Bitfinex => Box::new(bitfinex::Bitfinex::default()),
        Venue::Phemex => Box::new(phemex::Phemex),
        Venue::BitCom => Box::new(bitcom::BitCom),
        Venue::Huobi => Box::new(huobi::Huobi),
        Venue::KuCoin => Box::new(kucoin::KuCoin),
        Venue::Gate => Box::new(gate::Gate::Spot),
        Venue::GateFutures => Box::new(gate::Gate::Futures),
        Venue::Bitstamp => Box::new(bitstamp::Bitstamp),
        Venue::OkexV3 => Box::new(okex_v3::OkexV3),
        Venue::BitgetV1 => Box::new(Bitget::new(Version::V1)),
        Venue::BitgetV2 => Box::new(Bitget::new(Version::V2)),
        Venue::BitgetV3 => Box::new(Bitget::new(Version::V3)),
        Venue::Ftx => Box::new(ftx::Ftx),
        _ => return None,
    })
}

/// The session of a venue of this kind.
pub(crate) fn session(config: SessionConfig) -> Result<Box<dyn Session>, ConfigError> {
    match protocol_of(config.venue) {
        Some(protocol) => Ok(Box::new(SharedSession::new(config, protocol)?)),
        None => Err(ConfigError::UnsupportedVenue(config.venue)),
    }
}

/// Parses an answer of REST; see [`crate::parse_rest`].
pub(crate) fn parse_rest(
    venue: Venue,
    url: &RestUrl<'_>,
    body: &[u8],
) -> Result<RestBody, RestError> {
    let protocol = protocol_of(venue).ok_or(RestError::UnknownUrl)?;
    let mut frame = Frame::default();
    protocol.read_rest(url, body, &mut frame)?;
    let event = match frame.events().first() {
        Some(Event::Book(event)) => event,
        Some(Event::Token(path, ping_every_ns)) => {
            let path = String::from_utf8_lossy(frame.bytes(path)).into_owned();
            return Ok(RestBody::Token(ConnectionToken { path, ping_every_ns: *ping_every_ns }));
        }
        _ => return Err(RestError::Malformed),
    };
    let symbol = core::str::from_utf8(frame.name(event)).map_err(|_| RestError::Malformed)?;
    let symbol = symbol.to_owned();
    if protocol.rules().orders {
        let (time, seq) = (event.time, event.link.id());
        let orders = frame.take_orders();
        return Ok(RestBody::Orders(RestOrders { symbol, seq, time, orders }));
    }
    let block = block_of(frame.levels(event).iter(), event.link.id().map(SeqNo), event.time)?;
    Ok(RestBody::Snapshot(RestSnapshot { symbol, block: Box::new(block) }))
}

/// Addresses and limits of a venue of this kind.
pub(crate) fn rules(venue: Venue) -> Option<Rules> {
    protocol_of(venue).map(|protocol| protocol.rules())
}

/// Connection ids that a configuration needs.
pub(crate) fn conns_needed(config: &SessionConfig) -> u32 {
    protocol_of(config.venue).map_or(0, |protocol| deal::conns_needed(config, &*protocol))
}
