//! Lists of spot pairs.

use tickbook_types::{Decimal, Instrument, InstrumentKind, InstrumentStatus, Venue};

use super::Source;
use super::asset::{asset, pair, trading};
use super::row::Row;

pub(super) fn kucoin(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    // The name is what the pair is called today; the symbol keeps older names.
    let (base, quote) = row.text("name")?.split_once('-')?;
    Some(Instrument {
        tick_size: row.step("priceIncrement"),
        lot_size: row.step("baseIncrement"),
        status: trading(row.flag("enableTrading")?),
        ..pair(from.venue, row.text("symbol")?, base, quote)
    })
}

pub(super) fn gate(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    Some(Instrument {
        tick_size: row.digits("precision"),
        lot_size: row.digits("amount_precision"),
        status: trading(row.text("trade_status") == Some("tradable")),
        ..pair(from.venue, row.text("id")?, row.text("base")?, row.text("quote")?)
    })
}

pub(super) fn bitstamp(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("url_symbol").or_else(|| row.text("market_symbol"))?;
    let (base, quote) = row.text("name")?.split_once('/')?;
    Some(Instrument {
        tick_size: row.digits("counter_decimals"),
        lot_size: row.digits("base_decimals"),
        status: trading(row.text("trading") == Some("Enabled")),
        ..pair(from.venue, symbol, base, quote)
    })
}

pub(super) fn huobi(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    Some(Instrument {
        tick_size: row.digits("price-precision"),
        lot_size: row.digits("amount-precision"),
        status: trading(row.text("state") == Some("online")),
        ..pair(
            from.venue,
            row.text("symbol")?,
            row.text("base-currency")?,
            row.text("quote-currency")?,
        )
    })
}

/// Prices have five digits that count, wherever the point is: there is no tick.
pub(super) fn bitfinex(name: &str, from: &Source<'_>) -> Option<Instrument> {
    // A pair of two codes of three letters stands without a colon.
    let (base, quote) = match name.split_once(':') {
        Some(codes) => codes,
        None if name.len() == 6 => (name.get(..3)?, name.get(3..)?),
        None => return None,
    };
    let derivative = |code: &str| code.strip_suffix("F0").map(str::to_owned);
    let symbol = format!("t{name}");
    match (derivative(base), derivative(quote)) {
        (Some(base), Some(quote)) => Some(Instrument {
            kind: InstrumentKind::Perpetual,
            ..pair(from.venue, &symbol, &base, &quote)
        }),
        (None, None) => Some(pair(from.venue, &symbol, base, quote)),
        _ => None,
    }
}

/// Details of one symbol: `tick_size` is the step of sizes there, `quote_increment` that of prices.
pub(super) fn gemini(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let kind = match (row.text("product_type"), row.text("contract_type")) {
        (Some("swap"), Some("linear")) => InstrumentKind::Perpetual,
        (None | Some("spot"), _) => InstrumentKind::Spot,
        _ => return None,
    };
    let status = match row.text("status")? {
        "open" | "limit_only" | "post_only" => InstrumentStatus::Trading,
        _ => InstrumentStatus::Halted,
    };
    let symbol = row.text("symbol")?.to_ascii_uppercase();
    Some(Instrument {
        kind,
        tick_size: row.step("quote_increment"),
        lot_size: row.step("tick_size"),
        contract_multiplier: (kind == InstrumentKind::Perpetual).then_some(ONE),
        status,
        ..pair(from.venue, &symbol, row.text("base_currency")?, row.text("quote_currency")?)
    })
}

pub(super) const ONE: Decimal = Decimal::new(1, 0);

pub(super) fn coinbase_exchange(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let (base, quote) = (row.text("base_currency")?, row.text("quote_currency")?);
    Some(Instrument {
        tick_size: row.step("quote_increment"),
        lot_size: row.step("base_increment"),
        status: trading(
            row.text("status") == Some("online") && row.flag("trading_disabled") != Some(true),
        ),
        ..pair(from.venue, row.text("id")?, base, quote)
    })
}

pub(super) fn poloniex(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let limit = row.within("symbolTradeLimit");
    Some(Instrument {
        tick_size: limit.digits("priceScale"),
        lot_size: limit.digits("quantityScale"),
        status: trading(row.text("state") == Some("NORMAL")),
        ..pair(
            from.venue,
            row.text("symbol")?,
            row.text("baseCurrencyName")?,
            row.text("quoteCurrencyName")?,
        )
    })
}

pub(super) fn ascendex(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    Some(Instrument {
        tick_size: row.step("tickSize"),
        lot_size: row.step("lotSize"),
        status: trading(row.text("status") == Some("Normal")),
        ..pair(from.venue, row.text("symbol")?, row.text("baseAsset")?, row.text("quoteAsset")?)
    })
}

pub(super) fn hitbtc(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    Some(Instrument {
        tick_size: row.step("tickSize"),
        lot_size: row.step("quantityIncrement"),
        // The list holds what trades.
        status: InstrumentStatus::Trading,
        ..pair(from.venue, row.text("id")?, row.text("baseCurrency")?, row.text("quoteCurrency")?)
    })
}

/// The quote comes first: `KRW-BTC`. The step of prices depends on the price: there is no tick.
pub(super) fn upbit(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("market")?;
    let (quote, base) = symbol.split_once('-')?;
    Some(Instrument { status: InstrumentStatus::Trading, ..pair(from.venue, symbol, base, quote) })
}

pub(super) fn bitflyer(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("product_code")?;
    let (kind, name) = match row.text("market_type") {
        Some("Spot") => (InstrumentKind::Spot, symbol),
        Some("FX") => (InstrumentKind::Perpetual, symbol.strip_prefix("FX_")?),
        _ => return None,
    };
    let (base, quote) = name.split_once('_')?;
    Some(Instrument {
        kind,
        status: InstrumentStatus::Trading,
        ..pair(from.venue, symbol, base, quote)
    })
}

/// Kraken's `wsname` is the symbol of its first WebSocket interface (`XBT/USD`); the second one
/// writes the assets' common names (`BTC/USD`).
pub(super) fn kraken(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let name = row.text("wsname")?;
    let (base, quote) = name.split_once('/')?;
    let common = format!("{}/{}", asset(from.venue, base), asset(from.venue, quote));
    let symbol = if from.venue == Venue::KrakenV1 { name } else { &common };
    Some(Instrument {
        tick_size: row.step("tick_size").or_else(|| row.digits("pair_decimals")),
        lot_size: row.digits("lot_decimals"),
        status: trading(row.text("status").is_none_or(|status| status == "online")),
        ..pair(from.venue, symbol, base, quote)
    })
}
