//! The venue's REST endpoints: snapshots, instrument lists, and the answers that refuse.

use std::fmt::Write as _;
use std::time::Instant;

use tickbook_types::Venue;

use crate::budget::Refusal;
use crate::hub::{Hub, lock, wall_ms};
use crate::market::{Levels, Listing, plain, write_decimal};
use crate::streams::percent_decoded;

/// An answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) retry_after_s: Option<u64>,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { code: 200, body: body.into(), retry_after_s: None }
    }

    /// An error in the venue's form.
    fn refused(code: u16, venue_code: i32, what: &str) -> Self {
        let body = format!("{{\"code\":{venue_code},\"msg\":\"{what}\"}}");
        Self { code, body: body.into(), retry_after_s: None }
    }
}

/// A path taken apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Endpoint {
    Depth,
    ExchangeInfo,
    Ping,
    Time,
}

pub(crate) fn method_not_allowed() -> Answer {
    Answer::refused(405, -1000, "Only GET is supported here.")
}

pub(crate) fn not_found() -> Answer {
    Answer::refused(404, -1000, "No such endpoint.")
}

/// Accounts for a request's weight; the answer if it is refused for that.
pub(crate) fn account(hub: &Hub, path_and_query: &str) -> Option<Answer> {
    let (path, query) = split(path_and_query);
    let weight = match endpoint(hub.venue, path) {
        // Weights by limit from the venues' pages.
        Some(Endpoint::Depth) if is_futures(hub.venue) => match limit(hub.venue, query) {
            Some(0..=50) => 2,
            Some(51..=100) => 5,
            Some(101..=500) => 10,
            _ => 20,
        },
        Some(Endpoint::Depth) => match limit(hub.venue, query) {
            Some(0..=100) => 5,
            Some(101..=500) => 25,
            Some(501..=1_000) => 50,
            _ => 250,
        },
        Some(Endpoint::ExchangeInfo) if !is_futures(hub.venue) => 20,
        _ => 1,
    };
    let mut budget = lock(&hub.budget);
    let refusal = budget.spend(weight, Instant::now()).err()?;
    let per_minute = budget.limit();
    Some(refused(&refusal, per_minute))
}

fn refused(refusal: &Refusal, limit: u32) -> Answer {
    let mut answer = match refusal.code {
        418 => Answer::refused(418, -1003, "Way too many requests; IP banned."),
        429 => {
            let what =
                format!("Too many requests; current limit is {limit} request weight per 1 MINUTE.");
            Answer::refused(429, -1003, &what)
        }
        code => Answer::refused(code, -1001, "Internal error; unable to process your request."),
    };
    // Rounded up: a client that waits this long must not be early.
    let round_up = |it: std::time::Duration| it.as_secs() + u64::from(it.subsec_nanos() > 0);
    answer.retry_after_s = refusal.retry_after.map(round_up);
    answer
}

/// Answers a request to the synthetic market.
pub(crate) fn answer(hub: &Hub, path_and_query: &str) -> Answer {
    let (path, query) = split(path_and_query);
    match endpoint(hub.venue, path) {
        Some(Endpoint::Depth) => depth(hub, query),
        Some(Endpoint::ExchangeInfo) => exchange_info(hub, query),
        Some(Endpoint::Ping) => Answer::ok("{}"),
        Some(Endpoint::Time) => Answer::ok(format!("{{\"serverTime\":{}}}", wall_ms())),
        None => not_found(),
    }
}

fn split(path_and_query: &str) -> (&str, &str) {
    path_and_query.split_once('?').unwrap_or((path_and_query, ""))
}

fn is_futures(venue: Venue) -> bool {
    matches!(venue, Venue::BinanceUsdm | Venue::BinanceCoinm)
}

fn endpoint(venue: Venue, path: &str) -> Option<Endpoint> {
    let prefixes: &[&str] = match venue {
        Venue::BinanceUsdm => &["/fapi/v1/"],
        Venue::BinanceCoinm => &["/dapi/v1/"],
        _ => &["/api/v3/", "/api/v1/"],
    };
    match prefixes.iter().find_map(|prefix| path.strip_prefix(prefix))? {
        "depth" => Some(Endpoint::Depth),
        "exchangeInfo" => Some(Endpoint::ExchangeInfo),
        "ping" => Some(Endpoint::Ping),
        "time" => Some(Endpoint::Time),
        _ => None,
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Levels a side that a request may have; `None` if the venue does not allow its `limit`.
fn limit(venue: Venue, query: &str) -> Option<usize> {
    let Some(text) = parameter(query, "limit") else {
        return Some(if is_futures(venue) { 500 } else { 100 });
    };
    let limit: usize = text.parse().ok()?;
    if is_futures(venue) {
        [5, 10, 20, 50, 100, 500, 1_000].contains(&limit).then_some(limit)
    } else {
        // Spot gives what it has and no more than 5,000.
        (limit > 0).then_some(limit.min(5_000))
    }
}

fn depth(hub: &Hub, query: &str) -> Answer {
    let Some(symbol) = parameter(query, "symbol").filter(|it| !it.is_empty()) else {
        let what = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.";
        return Answer::refused(400, -1102, what);
    };
    let Some(limit) = limit(hub.venue, query) else {
        let what = "Data sent for parameter 'limit' is not valid.";
        return Answer::refused(400, -1130, what);
    };
    let symbol = percent_decoded(symbol);
    let copied = hub.flow().and_then(|flow| flow.market.levels(&symbol, limit));
    let Some((listing, levels)) = copied else {
        return Answer::refused(400, -1121, "Invalid symbol.");
    };
    let taken_ms = wall_ms();
    std::thread::sleep(hub.faults.rest_delay);
    Answer::ok(snapshot(hub.venue, &listing, &levels, taken_ms))
}

fn snapshot(venue: Venue, listing: &Listing, levels: &Levels, at_ms: u64) -> Vec<u8> {
    let mut head = format!("{{\"lastUpdateId\":{}", levels.last_id);
    // Writing to a `String` cannot fail.
    if is_futures(venue) {
        let _ = write!(head, ",\"E\":{at_ms},\"T\":{at_ms}");
    }
    if venue == Venue::BinanceCoinm {
        let _ = write!(head, ",\"symbol\":\"{}\",\"pair\":\"{}\"", listing.symbol, listing.pair);
    }
    let mut out = head.into_bytes();
    out.reserve((levels.bids.len() + levels.asks.len()) * 48);
    for (key, side) in [(",\"bids\":[", &levels.bids), (",\"asks\":[", &levels.asks)] {
        out.extend_from_slice(key.as_bytes());
        for (index, (price, size)) in side.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b",[\"" } else { b"[\"" });
            let units = price.unsigned_abs() * listing.tick;
            write_decimal(&mut out, units, listing.price_decimals);
            out.extend_from_slice(b"\",\"");
            write_decimal(&mut out, size * listing.lot, listing.size_decimals);
            out.extend_from_slice(b"\"]");
        }
        out.push(b']');
    }
    out.push(b'}');
    out
}

fn exchange_info(hub: &Hub, query: &str) -> Answer {
    let Some(flow) = hub.flow() else { return not_found() };
    let mut wanted = Vec::new();
    if let Some(symbol) = parameter(query, "symbol") {
        wanted.push(percent_decoded(symbol));
    }
    if let Some(list) = parameter(query, "symbols") {
        let list = percent_decoded(list);
        let names = list.trim_matches(['[', ']']).split(',');
        wanted.extend(names.map(|name| name.trim().trim_matches('"').to_owned()));
    }
    let listed = |it: &&Listing| wanted.is_empty() || wanted.contains(&it.symbol);
    let found: Vec<_> = flow.market.listings().filter(listed).collect();
    if found.len() < wanted.len() {
        return Answer::refused(400, -1121, "Invalid symbol.");
    }
    let mut out = format!(
        "{{\"timezone\":\"UTC\",\"serverTime\":{},\"rateLimits\":[{{\"rateLimitType\":\
         \"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":{}}}],\
         \"exchangeFilters\":[],\"symbols\":[",
        wall_ms(),
        lock(&hub.budget).limit(),
    );
    for (index, listing) in found.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        instrument(hub.venue, listing, &mut out);
    }
    out.push_str("]}");
    Answer::ok(out)
}

fn instrument(venue: Venue, listing: &Listing, out: &mut String) {
    let Listing { symbol, pair, base, quote, .. } = listing;
    // Steps are printed with the digits of prices and sizes, like the venue does on spot.
    let steps = |units: u64, decimals: u32| {
        let mut text = Vec::new();
        write_decimal(&mut text, units, decimals);
        String::from_utf8(text).unwrap_or_default()
    };
    let is_spot = !is_futures(venue);
    let (tick, lot) = if is_spot {
        let tick = listing.tick * 10_u64.pow(8 - listing.price_decimals);
        (steps(tick, 8), steps(listing.lot, 8))
    } else {
        (plain(listing.tick, listing.price_decimals), plain(listing.lot, listing.size_decimals))
    };
    let status = if venue == Venue::BinanceCoinm { "contractStatus" } else { "status" };
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{{\"symbol\":\"{symbol}\",\"{status}\":\"TRADING\"");
    if is_spot {
        let _ = write!(
            out,
            ",\"baseAsset\":\"{base}\",\"baseAssetPrecision\":8,\"quoteAsset\":\"{quote}\",\
             \"quotePrecision\":8,\"orderTypes\":[\"LIMIT\",\"MARKET\"],\
             \"isSpotTradingAllowed\":true"
        );
    } else {
        let (margin, multiplier) = if venue == Venue::BinanceCoinm {
            (base, if base == "BTC" { ",\"contractSize\":100" } else { ",\"contractSize\":10" })
        } else {
            (quote, "")
        };
        let _ = write!(
            out,
            ",\"pair\":\"{pair}\",\"contractType\":\"PERPETUAL\",\"deliveryDate\":4133404800000,\
             \"onboardDate\":1569398400000,\"baseAsset\":\"{base}\",\"quoteAsset\":\"{quote}\",\
             \"marginAsset\":\"{margin}\",\"pricePrecision\":{},\
             \"quantityPrecision\":{}{multiplier}",
            listing.price_decimals, listing.size_decimals,
        );
    }
    let _ = write!(
        out,
        ",\"filters\":[{{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"{tick}\",\
         \"maxPrice\":\"1000000.00000000\",\"tickSize\":\"{tick}\"}},\
         {{\"filterType\":\"LOT_SIZE\",\"minQty\":\"{lot}\",\"maxQty\":\"9000000000.00000000\",\
         \"stepSize\":\"{lot}\"}}]}}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_venue() {
        assert_eq!(limit(Venue::BinanceSpot, ""), Some(100));
        assert_eq!(limit(Venue::BinanceSpot, "limit=9999"), Some(5_000));
        assert_eq!(limit(Venue::BinanceSpot, "limit=0"), None);
        assert_eq!(limit(Venue::BinanceUsdm, "symbol=X&limit=1000"), Some(1_000));
        assert_eq!(limit(Venue::BinanceUsdm, "limit=999"), None);
        assert_eq!(limit(Venue::BinanceUsdm, "limit=x"), None);
    }

    #[test]
    fn a_path_of_another_venue_is_unknown() {
        assert_eq!(endpoint(Venue::BinanceSpot, "/api/v1/depth"), Some(Endpoint::Depth));
        assert_eq!(endpoint(Venue::BinanceUsdm, "/api/v3/depth"), None);
        assert_eq!(endpoint(Venue::BinanceCoinm, "/dapi/v1/time"), Some(Endpoint::Time));
        assert_eq!(endpoint(Venue::BinanceSpot, "/api/v3/order"), None);
    }
}
