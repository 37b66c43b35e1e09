//! The venue's instrument list (`exchangeInfo`).

use std::borrow::Cow;

use serde::Deserialize;
use tickbook_types::{Decimal, Instrument, InstrumentKind, InstrumentStatus, SizeUnit, Venue};

use super::general::{Json, Sonic};
use crate::lists::day_of_ms;
use crate::rest::RestError;

/// Parses an `exchangeInfo` body of any venue of the family.
pub(crate) fn parse(venue: Venue, body: &[u8]) -> Result<Vec<Instrument>, RestError> {
    let list: List<'_> = Sonic::parse(body).map_err(|_| RestError::Malformed)?;
    Ok(list.symbols.into_iter().map(|symbol| symbol.instrument(venue)).collect())
}

#[derive(Debug, Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    symbols: Vec<Symbol<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    base_asset: Cow<'a, str>,
    #[serde(borrow, default)]
    quote_asset: Cow<'a, str>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    contract_status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    contract_type: Option<Cow<'a, str>>,
    delivery_date: Option<i64>,
    contract_size: Option<u32>,
    #[serde(borrow, default)]
    filters: Vec<Filter<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    #[serde(borrow)]
    filter_type: Cow<'a, str>,
    #[serde(borrow)]
    tick_size: Option<Cow<'a, str>>,
    #[serde(borrow)]
    step_size: Option<Cow<'a, str>>,
}

impl Symbol<'_> {
    fn instrument(self, venue: Venue) -> Instrument {
        let kind = match self.contract_type.as_deref() {
            None if matches!(venue, Venue::BinanceSpot | Venue::BinanceUs) => InstrumentKind::Spot,
            None | Some("") => InstrumentKind::Perpetual,
            Some(kind) if kind.contains("PERPETUAL") => InstrumentKind::Perpetual,
            Some(_) => InstrumentKind::Future,
        };
        let step = |filter: &str, step: fn(&Filter<'_>) -> Option<Decimal>| {
            self.filters.iter().find(|it| it.filter_type == filter).and_then(step)
        };
        // A step of "0" disables the filter.
        fn number(text: Option<&Cow<'_, str>>) -> Option<Decimal> {
            Decimal::parse(text?.as_bytes()).ok().filter(|step| step.mantissa() > 0)
        }
        let status = self.status.as_deref().or(self.contract_status.as_deref());
        let contract_multiplier = match (kind, self.contract_size) {
            (InstrumentKind::Spot, _) => None,
            (_, size) => Some(Decimal::new(size.unwrap_or(1).into(), 0)),
        };
        let size_unit = match venue {
            Venue::BinanceCoinm => SizeUnit::Quote,
            _ => SizeUnit::Base,
        };
        Instrument {
            kind,
            base: self.base_asset.to_ascii_uppercase(),
            quote: self.quote_asset.to_ascii_uppercase(),
            expiry: self
                .delivery_date
                .filter(|_| kind == InstrumentKind::Future)
                .and_then(day_of_ms),
            tick_size: step("PRICE_FILTER", |it| number(it.tick_size.as_ref())),
            lot_size: step("LOT_SIZE", |it| number(it.step_size.as_ref())),
            contract_multiplier,
            size_unit,
            status: status.map_or(InstrumentStatus::Unknown, status_of),
            ..Instrument::unlisted(venue, &self.symbol)
        }
    }
}

fn status_of(name: &str) -> InstrumentStatus {
    match name {
        "TRADING" => InstrumentStatus::Trading,
        "CLOSE" | "CLOSED" | "SETTLING" | "DELIVERED" | "DELIVERING" | "PRE_DELIVERING"
        | "PRE_SETTLE" => InstrumentStatus::Expired,
        "" => InstrumentStatus::Unknown,
        _ => InstrumentStatus::Halted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_symbol() {
        let body = concat!(
            r#"{"timezone":"UTC","rateLimits":[],"symbols":[{"symbol":"BTCUSDT","#,
            r#""status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","#,
            r#""baseAssetPrecision":8,"filters":[{"filterType":"PRICE_FILTER","#,
            r#""minPrice":"0.01000000","maxPrice":"1000000.00000000","#,
            r#""tickSize":"0.01000000"},{"filterType":"LOT_SIZE","minQty":"0.00001000","#,
            r#""maxQty":"9000.00000000","stepSize":"0.00001000"},"#,
            r#"{"filterType":"ICEBERG_PARTS","limit":10}]}]}"#,
        )
        .as_bytes();
        let list = parse(Venue::BinanceSpot, body).unwrap();
        let it = &list[0];
        assert_eq!((it.symbol.as_str(), it.normalised().as_str()), ("BTCUSDT", "BTC-USDT"));
        assert_eq!((it.kind, it.status), (InstrumentKind::Spot, InstrumentStatus::Trading));
        let scale = it.scale().unwrap();
        assert_eq!((scale.price_exponent, scale.size_exponent), (-2, -5));
        assert_eq!(it.contract_multiplier, None);
    }

    #[test]
    fn coin_margined_contracts() {
        let contract = |symbol: &str, kind: &str, date: u64, status: &str, filters: &str| {
            let filters = format!("\"filters\":[{filters}]");
            format!(r#"{{"symbol":"{symbol}","contractType":"{kind}","deliveryDate":{date},"#)
                + &format!(r#""contractStatus":"{status}","contractSize":100,"baseAsset":"BTC","#)
                + &format!(r#""quoteAsset":"USD",{filters}}}"#)
        };
        let tick = r#"{"minPrice":"1000","filterType":"PRICE_FILTER","tickSize":"0.1"}"#;
        let lot = r#"{"stepSize":"1","filterType":"LOT_SIZE"}"#;
        let both = format!("{tick},{lot}");
        let perpetual = contract("BTCUSD_PERP", "PERPETUAL", 4_133_404_800_000, "TRADING", &both);
        let off = r#"{"filterType":"PRICE_FILTER","tickSize":"0"}"#;
        let quarter = "CURRENT_QUARTER";
        let future = contract("BTCUSD_261225", quarter, 1_798_185_600_000, "PENDING_TRADING", off);
        let body = format!("{{\"symbols\":[{perpetual},{future}]}}");
        let list = parse(Venue::BinanceCoinm, body.as_bytes()).unwrap();
        assert_eq!(list[0].normalised(), "BTC-USD-PERP");
        assert_eq!(list[0].contract_multiplier, Some(Decimal::new(100, 0)));
        assert_eq!((list[0].expiry, list[0].status), (None, InstrumentStatus::Trading));
        assert_eq!(list[1].normalised(), "BTC-USD-20261225");
        assert_eq!(list[1].status, InstrumentStatus::Halted);
        assert_eq!(list[1].scale(), None, "a step of zero is no step");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for body in [&b""[..], b"{}", b"[]", b"<html>", br#"{"symbols":[{"status":"TRADING"}]}"#] {
            assert_eq!(parse(Venue::BinanceSpot, body), Err(RestError::Malformed));
        }
    }
}
