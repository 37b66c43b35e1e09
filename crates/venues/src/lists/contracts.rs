//! Lists of contracts.

use tickbook_types::{
    Decimal, Instrument, InstrumentKind, InstrumentStatus, OptionRight, SizeUnit,
};

use super::Source;
use super::asset::{contract, day_of_iso, day_of_ms, pair, trading};
use super::row::Row;
use super::spot::ONE;

/// A time in ms of a field.
pub(super) fn day_of(row: &Row<'_>, name: &str) -> Option<u32> {
    day_of_ms(i64::try_from(row.integer(name)?).ok()?)
}

/// Sizes are amounts, not contracts: quote for inverse futures, base for everything else.
pub(super) fn deribit(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    // Options are quoted in their coin; the counter currency is that of the strike.
    let quote = row.text("counter_currency").or_else(|| row.text("quote_currency"))?;
    let base = row.text("base_currency")?;
    let perpetual = row.text("settlement_period") == Some("perpetual");
    let (kind, option) = match row.text("kind")? {
        "spot" => (InstrumentKind::Spot, None),
        "future" if perpetual => (InstrumentKind::Perpetual, None),
        "future" => (InstrumentKind::Future, None),
        "option" => {
            let right = match row.text("option_type")? {
                "call" => OptionRight::Call,
                "put" => OptionRight::Put,
                _ => return None,
            };
            (InstrumentKind::Option, Some((row.number("strike")?.normalised(), right)))
        }
        _ => return None,
    };
    // Lists of the time before linear contracts do not say it: all futures were inverse.
    let inverse = match (kind, row.text("instrument_type")) {
        (InstrumentKind::Perpetual | InstrumentKind::Future, Some(name)) => name == "reversed",
        (InstrumentKind::Perpetual | InstrumentKind::Future, None) => quote == "USD",
        _ => false,
    };
    let dated = matches!(kind, InstrumentKind::Future | InstrumentKind::Option);
    Some(Instrument {
        kind,
        expiry: day_of(row, "expiration_timestamp").filter(|_| dated),
        option,
        tick_size: row.step("tick_size"),
        lot_size: row.step("min_trade_amount"),
        contract_multiplier: (kind != InstrumentKind::Spot).then_some(ONE),
        size_unit: if inverse { SizeUnit::Quote } else { SizeUnit::Base },
        status: trading(row.flag("is_active").unwrap_or(true)),
        ..pair(from.venue, row.text("instrument_name")?, base, quote)
    })
}

/// What a contract is worth follows from the venue's multipliers, which count settlement units.
pub(super) fn bitmex(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let kind = match row.text("typ")? {
        "FFWCSX" => InstrumentKind::Perpetual,
        "FFCCSX" => InstrumentKind::Future,
        "IFXXXP" => InstrumentKind::Spot,
        _ => return None,
    };
    let per = |divisor: &str| {
        let multiplier = row.number("multiplier")?.normalised();
        let divisor = row.number(divisor)?.normalised();
        let power = i128::abs(divisor.mantissa()) == 1;
        let exponent = multiplier.exponent().checked_sub(divisor.exponent())?;
        power.then(|| Decimal::new(i128::abs(multiplier.mantissa()), exponent).normalised())
    };
    let (size_unit, worth) = match (row.flag("isInverse")?, row.flag("isQuanto")?) {
        (_, true) => (SizeUnit::Contract, None),
        (true, false) => (SizeUnit::Quote, per("underlyingToSettleMultiplier")),
        (false, false) if kind == InstrumentKind::Spot => {
            let whole = row.step("underlyingToPositionMultiplier");
            (SizeUnit::Base, whole.and_then(|whole| ONE.checked_div(whole, 12)))
        }
        (false, false) => (SizeUnit::Base, per("quoteToSettleMultiplier")),
    };
    let size_unit = if worth.is_none() { SizeUnit::Contract } else { size_unit };
    let status = match row.text("state")? {
        "Open" => InstrumentStatus::Trading,
        "Settled" | "Unlisted" => InstrumentStatus::Expired,
        _ => InstrumentStatus::Halted,
    };
    let expiry = row.text("expiry").and_then(day_of_iso);
    Some(Instrument {
        kind,
        expiry: expiry.filter(|_| kind == InstrumentKind::Future),
        tick_size: row.step("tickSize"),
        lot_size: row.step("lotSize"),
        contract_multiplier: worth.map(Decimal::normalised),
        size_unit,
        status,
        ..pair(from.venue, row.text("symbol")?, row.text("underlying")?, row.text("quoteCurrency")?)
    })
}

/// Every contract is quoted in USD; lists of today say so, older ones by the symbol alone.
pub(super) fn kraken_futures(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let size_unit = match row.text("type")? {
        "futures_inverse" => SizeUnit::Quote,
        "flexible_futures" | "futures_vanilla" => SizeUnit::Base,
        _ => return None,
    };
    let symbol = row.text("symbol")?.to_ascii_uppercase();
    let traded = symbol.split('_').nth(1)?;
    let base = row.text("base").or_else(|| traded.strip_suffix("USD"))?;
    let expiry = row.text("lastTradingTime").and_then(day_of_iso);
    Some(Instrument {
        kind: contract(expiry),
        expiry,
        tick_size: row.step("tickSize"),
        lot_size: row.digits("contractValueTradePrecision"),
        contract_multiplier: Some(row.step("contractSize")?.normalised()),
        size_unit,
        status: trading(row.flag("tradeable")?),
        ..pair(from.venue, &symbol, base, row.text("quote").unwrap_or("USD"))
    })
}

pub(super) fn dydx(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    if row.text("type") != Some("PERPETUAL") {
        return None;
    }
    Some(Instrument {
        kind: InstrumentKind::Perpetual,
        tick_size: row.step("tickSize"),
        lot_size: row.step("stepSize"),
        contract_multiplier: Some(ONE),
        status: trading(row.text("status") == Some("ONLINE")),
        ..pair(from.venue, row.text("market")?, row.text("baseAsset")?, row.text("quoteAsset")?)
    })
}

/// Gate's futures: sizes are contracts of `quanto_multiplier` base; inverse ones of one quote.
pub(super) fn gate(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("name")?;
    let mut parts = symbol.split('_');
    let (base, quote) = (parts.next()?, parts.next()?);
    let expiry = row.integer("expire_time").and_then(|s| i64::try_from(s).ok()?.checked_mul(1000));
    let expiry = expiry.and_then(day_of_ms);
    let (size_unit, worth) = match row.text("type") {
        Some("inverse") => (SizeUnit::Quote, Some(ONE)),
        _ => (SizeUnit::Base, row.step("quanto_multiplier")),
    };
    Some(Instrument {
        kind: contract(expiry),
        expiry,
        tick_size: row.step("order_price_round"),
        lot_size: Some(ONE),
        contract_multiplier: worth,
        size_unit: if worth.is_some() { size_unit } else { SizeUnit::Contract },
        status: trading(row.flag("in_delisting") != Some(true)),
        ..pair(from.venue, symbol, base, quote)
    })
}

/// Huobi's swaps: contracts of `contract_size`, in USD for those margined in the coin.
pub(super) fn huobi_swap(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("contract_code")?;
    let (base, quote) = symbol.split_once('-')?;
    let size_unit = if quote == "USD" { SizeUnit::Quote } else { SizeUnit::Base };
    // A dated contract's code ends with its date, and is left to who needs it.
    if quote.contains('-') {
        return None;
    }
    Some(Instrument {
        kind: InstrumentKind::Perpetual,
        tick_size: row.step("price_tick"),
        lot_size: Some(ONE),
        contract_multiplier: Some(row.step("contract_size")?),
        size_unit,
        status: trading(row.integer("contract_status") == Some(1)),
        ..pair(from.venue, symbol, base, quote)
    })
}
