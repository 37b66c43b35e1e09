//! Lists that hold spot pairs and contracts, in one format for all or told apart by their address.

use tickbook_types::{
    Decimal, Instrument, InstrumentKind, InstrumentStatus, OptionRight, Scale, SizeUnit,
};

use super::Source;
use super::asset::{contract, day_of_iso, pair, trading};
use super::contracts::day_of;
use super::row::Row;
use super::spot::ONE;

/// Sizes of swaps and futures are contracts of `ctVal` times `ctMult`.
pub(super) fn okx(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("instId")?;
    let kind = match row.text("instType")? {
        "SPOT" => InstrumentKind::Spot,
        "SWAP" => InstrumentKind::Perpetual,
        "FUTURES" => InstrumentKind::Future,
        "OPTION" => InstrumentKind::Option,
        _ => return None,
    };
    let status = match row.text("state")? {
        "live" => InstrumentStatus::Trading,
        "expired" => InstrumentStatus::Expired,
        _ => InstrumentStatus::Halted,
    };
    let steps = Instrument {
        kind,
        tick_size: row.step("tickSz"),
        lot_size: row.step("lotSz"),
        status,
        ..Instrument::unlisted(from.venue, symbol)
    };
    if kind == InstrumentKind::Spot {
        let named = pair(from.venue, symbol, row.text("baseCcy")?, row.text("quoteCcy")?);
        return Some(Instrument {
            base: named.base,
            quote: named.quote,
            size_unit: SizeUnit::Base,
            ..steps
        });
    }
    let (base, quote) = row.text("instFamily").or_else(|| row.text("uly"))?.split_once('-')?;
    let named = pair(from.venue, symbol, base, quote);
    let option = match (kind, row.text("optType")) {
        (InstrumentKind::Option, Some("C")) => Some(OptionRight::Call),
        (InstrumentKind::Option, Some("P")) => Some(OptionRight::Put),
        (InstrumentKind::Option, _) => return None,
        _ => None,
    };
    let option = match option {
        Some(right) => Some((row.number("stk")?.normalised(), right)),
        None => None,
    };
    let worth = row.step("ctVal").and_then(|value| match row.step("ctMult") {
        Some(times) => value.checked_mul(times),
        None => Some(value),
    });
    let inverse = row.text("ctType") == Some("inverse");
    Some(Instrument {
        base: named.base,
        quote: named.quote,
        option,
        expiry: day_of(row, "expTime").filter(|_| kind != InstrumentKind::Perpetual),
        contract_multiplier: worth,
        size_unit: match worth {
            None => SizeUnit::Contract,
            Some(_) if inverse => SizeUnit::Quote,
            Some(_) => SizeUnit::Base,
        },
        ..steps
    })
}

/// The category stands in the address; sizes are base, in the inverse category quote.
pub(super) fn bybit(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("symbol")?;
    let (prices, lots) = (row.within("priceFilter"), row.within("lotSizeFilter"));
    let (kind, size_unit) = match (from.url.value("category")?, row.text("contractType")) {
        ("spot", _) => (InstrumentKind::Spot, SizeUnit::Base),
        ("linear", Some("LinearPerpetual")) => (InstrumentKind::Perpetual, SizeUnit::Base),
        ("linear", Some("LinearFutures")) => (InstrumentKind::Future, SizeUnit::Base),
        ("inverse", Some("InversePerpetual")) => (InstrumentKind::Perpetual, SizeUnit::Quote),
        ("inverse", Some("InverseFutures")) => (InstrumentKind::Future, SizeUnit::Quote),
        ("option", _) => (InstrumentKind::Option, SizeUnit::Base),
        _ => return None,
    };
    let dated = matches!(kind, InstrumentKind::Future | InstrumentKind::Option);
    let option = if kind == InstrumentKind::Option {
        let right = match row.text("optionsType")? {
            "Call" => OptionRight::Call,
            "Put" => OptionRight::Put,
            _ => return None,
        };
        // The strike stands in the symbol only.
        let strike = Decimal::parse(symbol.split('-').nth(2)?.as_bytes()).ok()?;
        Some((strike.normalised(), right))
    } else {
        None
    };
    let status = match row.text("status")? {
        "Trading" => InstrumentStatus::Trading,
        "Closed" | "Delivering" => InstrumentStatus::Expired,
        _ => InstrumentStatus::Halted,
    };
    Some(Instrument {
        kind,
        option,
        expiry: day_of(row, "deliveryTime").filter(|_| dated),
        tick_size: prices.step("tickSize"),
        lot_size: lots.step("qtyStep").or_else(|| lots.step("basePrecision")),
        contract_multiplier: (kind != InstrumentKind::Spot).then_some(ONE),
        size_unit,
        status,
        ..pair(from.venue, symbol, row.text("baseCoin")?, row.text("quoteCoin")?)
    })
}

/// Three generations of lists. Sizes are base in all of them. The first one's symbols have a tail
/// (`_SPBL`, `_UMCBL`, `_DMCBL`) that its streams do not write.
pub(super) fn bitget(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let spot = from.url.path.contains("/spot/") || from.url.value("category") == Some("SPOT");
    let symbol = row.text("symbolName").or_else(|| row.text("symbol"))?;
    let symbol = symbol.split('_').next()?;
    let price_digits = ["priceScale", "pricePrecision", "pricePlace"];
    let tick = price_digits.iter().find_map(|name| row.digits(name));
    // The last digit of a contract's prices moves in steps of its own.
    let tick = match (tick, row.step("priceEndStep")) {
        (Some(tick), Some(step)) => tick.checked_mul(step),
        (tick, _) => tick,
    };
    let size_digits = ["quantityScale", "quantityPrecision", "volumePlace"];
    let lot = row.step("sizeMultiplier").or_else(|| row.step("quantityMultiplier"));
    let lot = lot.or_else(|| size_digits.iter().find_map(|name| row.digits(name)));
    let status = row.text("status").or_else(|| row.text("symbolStatus"));
    let expiry = day_of(row, "deliveryTime");
    let kind = if spot { InstrumentKind::Spot } else { contract(expiry) };
    Some(Instrument {
        kind,
        expiry: expiry.filter(|_| !spot),
        tick_size: row.step("priceMultiplier").or(tick),
        lot_size: lot,
        contract_multiplier: (!spot).then_some(ONE),
        status: trading(status.is_none_or(|it| matches!(it, "online" | "normal"))),
        ..pair(from.venue, symbol, row.text("baseCoin")?, row.text("quoteCoin")?)
    })
}

/// Contracts are of `contractSize` of an asset, which is the quote for the inverse one. Streams
/// write scaled integers; the list says the scales.
pub(super) fn phemex(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("symbol")?;
    let status = trading(row.text("status") == Some("Listed"));
    let quote = row.text("quoteCurrency")?;
    match row.text("type")? {
        "Spot" => {
            // `0.01 USDT`, and beside it the integer that stands for it.
            let amount = |name: &str| {
                let number = row.text(name)?.split(' ').next()?;
                Decimal::parse(number.as_bytes()).ok().filter(|step| step.mantissa() > 0)
            };
            let (tick, lot) = (amount("quoteTickSize"), amount("baseTickSize"));
            let exponent = |step: Option<Decimal>, scaled: &str| {
                let (step, scaled) = (step?.normalised(), row.step(scaled)?.normalised());
                let exponent = step.exponent().checked_sub(scaled.exponent())?;
                i8::try_from(exponent).ok().filter(|_| step.mantissa() == scaled.mantissa())
            };
            let wire_scale = Scale {
                price_exponent: exponent(tick, "quoteTickSizeEv")?,
                size_exponent: exponent(lot, "baseTickSizeEv")?,
            };
            Some(Instrument {
                tick_size: tick,
                lot_size: lot,
                wire_scale: Some(wire_scale),
                status,
                ..pair(from.venue, symbol, row.text("baseCurrency")?, quote)
            })
        }
        "Perpetual" => {
            let (base, _) = row.text("displaySymbol")?.split_once(" / ")?;
            let inverse = row.text("contractUnderlyingAssets")? == quote;
            let digits = i8::try_from(row.integer("priceScale")?).ok().filter(|it| *it <= 18)?;
            Some(Instrument {
                kind: InstrumentKind::Perpetual,
                tick_size: row.step("tickSize"),
                lot_size: row.step("lotSize"),
                contract_multiplier: Some(row.step("contractSize")?.normalised()),
                size_unit: if inverse { SizeUnit::Quote } else { SizeUnit::Base },
                wire_scale: Some(Scale { price_exponent: -digits, size_exponent: 0 }),
                status,
                ..pair(from.venue, symbol, base, quote)
            })
        }
        _ => None,
    }
}

pub(super) fn cryptocom(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let (kind, expiry) = match row.text("inst_type")? {
        "CCY_PAIR" => (InstrumentKind::Spot, None),
        "PERPETUAL_SWAP" => (InstrumentKind::Perpetual, None),
        "FUTURE" => (InstrumentKind::Future, Some(day_of(row, "expiry_timestamp_ms")?)),
        _ => return None,
    };
    Some(Instrument {
        kind,
        expiry,
        tick_size: row.step("price_tick_size"),
        lot_size: row.step("qty_tick_size"),
        contract_multiplier: (kind != InstrumentKind::Spot).then_some(ONE),
        status: trading(row.flag("tradable")?),
        ..pair(from.venue, row.text("symbol")?, row.text("base_ccy")?, row.text("quote_ccy")?)
    })
}

pub(super) fn coinbase_advanced(row: &Row<'_>, from: &Source<'_>) -> Option<Instrument> {
    let symbol = row.text("product_id")?;
    let disabled = ["is_disabled", "trading_disabled"];
    let trades = !disabled.iter().any(|name| row.flag(name) == Some(true));
    let steps = |named: Instrument| Instrument {
        tick_size: row.step("price_increment").or_else(|| row.step("quote_increment")),
        lot_size: row.step("base_increment"),
        status: trading(trades),
        ..named
    };
    let quote = row.text("quote_currency_id")?;
    match row.text("product_type")? {
        "SPOT" => Some(steps(pair(from.venue, symbol, row.text("base_currency_id")?, quote))),
        "FUTURE" => {
            let details = row.within("future_product_details");
            let expiry = details.text("contract_expiry").and_then(day_of_iso);
            let dated = details.text("contract_expiry_type") == Some("EXPIRING");
            let expiry = expiry.filter(|_| dated);
            let base = details.text("contract_root_unit")?;
            Some(Instrument {
                kind: contract(expiry),
                expiry,
                contract_multiplier: Some(details.step("contract_size")?.normalised()),
                ..steps(pair(from.venue, symbol, base, quote))
            })
        }
        _ => None,
    }
}
