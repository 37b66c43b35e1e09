//! The venues' instrument lists, as their REST interfaces give them.
//!
//! A list says of each instrument what its symbol means: base and quote, kind, expiry, strike, the
//! steps of prices and sizes, and what sizes count. Nothing of that is guessed from a symbol,
//! except where a venue documents its symbols' grammar ([`grammar`]).
//!
//! # Guarantees
//!
//! - No number goes through a float.
//! - An instrument of a kind that is not known, or a row that cannot be read, is skipped and
//!   counted; the others stand.
//! - No byte panics, and a body costs memory in proportion to its length.
//!
//! # Not guaranteed
//!
//! - That a list is whole: some venues page theirs, and a list may be of one category.
//!
//! # Invariants
//!
//! - The format of a list follows from its path alone: no two venues share one.

mod asset;
mod contracts;
mod grammar;
mod mixed;
mod paths;
mod row;
mod spot;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tickbook_types::{Instrument, Venue};

pub(crate) use self::asset::day_of_ms;
pub(crate) use self::grammar::by_grammar;
pub(crate) use self::paths::{find, paths};
use self::row::{Row, Rows};
use crate::rest::{InstrumentList, RestError, RestUrl};

/// Where a list comes from.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    venue: Venue,
    url: RestUrl<'a>,
}

/// How the rows of a list become instruments.
#[derive(Clone, Copy, Debug)]
enum Format {
    Rows(Rows, fn(&Row<'_>, &Source<'_>) -> Option<Instrument>),
    Names(fn(&str, &Source<'_>) -> Option<Instrument>),
}

/// The format of the list at a path.
fn format(path: &str) -> Option<Format> {
    use Format::Rows as List;
    const PLAIN: Rows = Rows::Array(&[]);
    const DATA: Rows = Rows::Array(&["data"]);
    Some(match path {
        "/v5/market/instruments-info" => List(Rows::Array(&["result", "list"]), mixed::bybit),
        "/api/v5/public/instruments" => List(DATA, mixed::okx),
        "/api/spot/v1/public/products"
        | "/api/mix/v1/market/contracts"
        | "/api/v2/spot/public/symbols"
        | "/api/v2/mix/market/contracts"
        | "/api/v3/market/instruments" => List(DATA, mixed::bitget),
        "/exchange/public/cfg/v2/products" | "/public/products" => {
            List(Rows::Array(&["data", "products"]), mixed::phemex)
        }
        "/exchange/v1/public/get-instruments" => {
            List(Rows::Array(&["result", "data"]), mixed::cryptocom)
        }
        "/api/v3/brokerage/market/products" => {
            List(Rows::Array(&["products"]), mixed::coinbase_advanced)
        }
        "/api/v2/public/get_instruments" => List(Rows::Array(&["result"]), contracts::deribit),
        "/api/v1/instrument/active" | "/api/v1/instrument/activeAndIndices" => {
            List(PLAIN, contracts::bitmex)
        }
        "/derivatives/api/v3/instruments" => {
            List(Rows::Array(&["instruments"]), contracts::kraken_futures)
        }
        "/v3/markets" => List(Rows::Values(&["markets"]), contracts::dydx),
        "/api/v4/futures/usdt/contracts" | "/api/v4/futures/btc/contracts" => {
            List(PLAIN, contracts::gate)
        }
        "/swap-api/v1/swap_contract_info" | "/linear-swap-api/v1/swap_contract_info" => {
            List(DATA, contracts::huobi_swap)
        }
        "/api/v1/symbols" | "/api/v2/symbols" => List(DATA, spot::kucoin),
        "/api/v4/spot/currency_pairs" => List(PLAIN, spot::gate),
        "/api/v2/trading-pairs-info" | "/api/v2/markets" => List(PLAIN, spot::bitstamp),
        "/v1/common/symbols" => List(DATA, spot::huobi),
        "/v2/conf/pub:list:pair:exchange"
        | "/v2/conf/pub:list:pair:futures"
        | "/v2/conf/pub:list:pair:future" => Format::Names(spot::bitfinex),
        "/products" => List(PLAIN, spot::coinbase_exchange),
        "/markets" => List(PLAIN, spot::poloniex),
        "/api/pro/v1/products" | "/api/pro/v1/cash/products" => List(DATA, spot::ascendex),
        "/api/2/public/symbol" => List(PLAIN, spot::hitbtc),
        "/v1/market/all" => List(PLAIN, spot::upbit),
        "/v1/markets" | "/v1/getmarkets" => List(PLAIN, spot::bitflyer),
        "/0/public/AssetPairs" => List(Rows::Values(&["result"]), spot::kraken),
        _ if path.starts_with("/v1/symbols/details/") => List(Rows::Single, spot::gemini),
        _ => return None,
    })
}

/// Parses the list at `url`; `None` if that is no list.
pub(crate) fn parse(
    venue: Venue,
    url: &RestUrl<'_>,
    body: &[u8],
) -> Option<Result<InstrumentList, RestError>> {
    let source = Source { venue, url: *url };
    let format = format(url.path.trim_end_matches('/'))?;
    let body = &*plain_slashes(body);
    let mut instruments = Vec::new();
    let rows = match format {
        Format::Rows(rows, _) => rows,
        Format::Names(_) => Rows::Names,
    };
    let keep = |instrument: Option<Instrument>, list: &mut Vec<Instrument>| {
        let kept = instrument.is_some();
        list.extend(instrument);
        kept
    };
    let read = match format {
        Format::Rows(_, of) => {
            row::each(body, rows, |row| keep(of(row, &source), &mut instruments), |_| false)
        }
        Format::Names(of) => {
            row::each(body, rows, |_| false, |name| keep(of(name, &source), &mut instruments))
        }
    };
    let list = read.map(|skipped| InstrumentList { instruments, skipped });
    Some(list.map_err(|_| RestError::Malformed))
}

/// The text with `\/` written as `/`: some venues escape the slashes of their names.
fn plain_slashes(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.windows(2).any(|pair| pair == b"\\/") {
        return Cow::Borrowed(body);
    }
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body.iter();
    while let Some(byte) = rest.next() {
        match (byte, rest.as_slice().first()) {
            (b'\\', Some(b'/')) => {}
            // What a backslash escapes is no escape itself.
            (b'\\', Some(_)) => plain.extend([*byte, *rest.next().unwrap_or(byte)]),
            _ => plain.push(*byte),
        }
    }
    Cow::Owned(plain)
}
