//! What a symbol says of itself, where the venue documents its grammar and no list was seen.
//!
//! # Guarantees
//!
//! - Only what is written in the symbol with a separator, or fixed for the whole venue, is used:
//!   `BTC-USDT` says its pair, `BTCUSDT` does not.
//! - No steps and no multipliers: sizes that count contracts of unknown worth stay
//!   [`SizeUnit::Contract`].

use tickbook_types::{Decimal, Instrument, InstrumentKind, OptionRight, SizeUnit, Venue};

use super::asset::{contract, day_of_english, day_of_short, pair};

/// The instrument of a symbol by its venue's grammar, if it has one and the symbol follows it.
pub(crate) fn by_grammar(venue: Venue, symbol: &str) -> Option<Instrument> {
    match venue {
        Venue::Deribit => deribit(venue, symbol),
        Venue::OkxV5 | Venue::OkexV3 => okx(venue, symbol),
        Venue::CoinbaseAdvanced
        | Venue::CoinbaseExchange
        | Venue::CoinbaseFull
        | Venue::KuCoin
        | Venue::IndependentReserve => spot(venue, symbol, '-'),
        Venue::Poloniex | Venue::Gate | Venue::CryptoCom => spot(venue, symbol, '_'),
        Venue::AscendEx | Venue::KrakenV1 | Venue::KrakenV2 | Venue::KrakenL3 => {
            spot(venue, symbol, '/')
        }
        Venue::Ftx => ftx(venue, symbol),
        Venue::Upbit => {
            // The quote comes first.
            let (quote, base) = split(symbol, '-')?;
            Some(pair(venue, symbol, base, quote))
        }
        Venue::BitFlyer => match symbol.strip_prefix("FX_") {
            Some(name) => {
                let (base, quote) = split(name, '_')?;
                let kind = InstrumentKind::Perpetual;
                Some(Instrument { kind, ..pair(venue, symbol, base, quote) })
            }
            None => spot(venue, symbol, '_'),
        },
        Venue::KrakenFutures => kraken_futures(venue, symbol),
        Venue::DydxV3 => {
            Some(Instrument { kind: InstrumentKind::Perpetual, ..spot(venue, symbol, '-')? })
        }
        Venue::Hyperliquid => hyperliquid(venue, symbol),
        _ => None,
    }
}

/// Two names that are not empty, and nothing else.
fn split(symbol: &str, by: char) -> Option<(&str, &str)> {
    let (first, second) = symbol.split_once(by)?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name(first) && is_name(second)).then_some((first, second))
}

fn spot(venue: Venue, symbol: &str, by: char) -> Option<Instrument> {
    let (base, quote) = split(symbol, by)?;
    Some(pair(venue, symbol, base, quote))
}

fn right(letter: &str) -> Option<OptionRight> {
    match letter {
        "C" => Some(OptionRight::Call),
        "P" => Some(OptionRight::Put),
        _ => None,
    }
}

fn strike(text: &str) -> Option<Decimal> {
    Decimal::parse(text.as_bytes()).ok().map(Decimal::normalised)
}

/// `BTC-USDT`, `BTC-USD-SWAP`, `BTC-USD-261225`, `BTC-USD-261225-100000-C`.
fn okx(venue: Venue, symbol: &str) -> Option<Instrument> {
    let parts: Vec<&str> = symbol.split('-').collect();
    let [base, quote, rest @ ..] = &parts[..] else { return None };
    let plain = spot(venue, &format!("{base}-{quote}"), '-')?;
    let contracts =
        Instrument { symbol: symbol.to_owned(), size_unit: SizeUnit::Contract, ..plain.clone() };
    match rest {
        [] => Some(plain),
        ["SWAP"] => Some(Instrument { kind: InstrumentKind::Perpetual, ..contracts }),
        [day] => Some(Instrument {
            kind: InstrumentKind::Future,
            expiry: Some(day_of_short(day)?),
            ..contracts
        }),
        [day, price, letter] => Some(Instrument {
            kind: InstrumentKind::Option,
            expiry: Some(day_of_short(day)?),
            option: Some((strike(price)?, right(letter)?)),
            ..contracts
        }),
        _ => None,
    }
}

/// `BTC-PERPETUAL`, `BTC-25DEC26`, `BTC-25DEC26-100000-C`, `XRP_USDC-25DEC26-0d85-C`, `BTC_USDC`.
///
/// Sizes are amounts: quote for futures that are named by a coin alone, base for the others.
fn deribit(venue: Venue, symbol: &str) -> Option<Instrument> {
    let parts: Vec<&str> = symbol.split('-').collect();
    let [name, rest @ ..] = &parts[..] else { return None };
    let (base, quote, linear) = match split(name, '_') {
        Some((base, quote)) => (base, quote, true),
        None if name.bytes().all(|it| it.is_ascii_alphanumeric()) => (*name, "USD", false),
        None => return None,
    };
    let plain = pair(venue, symbol, base, quote);
    let size_unit = if linear { SizeUnit::Base } else { SizeUnit::Quote };
    match rest {
        [] => linear.then_some(plain),
        ["PERPETUAL"] => Some(Instrument { kind: InstrumentKind::Perpetual, size_unit, ..plain }),
        [day] => Some(Instrument {
            kind: InstrumentKind::Future,
            expiry: Some(day_of_english(day)?),
            size_unit,
            ..plain
        }),
        [day, price, letter] => Some(Instrument {
            kind: InstrumentKind::Option,
            expiry: Some(day_of_english(day)?),
            // A point is written `d`.
            option: Some((strike(&price.replace('d', "."))?, right(letter)?)),
            ..plain
        }),
        _ => None,
    }
}

/// `PI_XBTUSD`, `FI_XBTUSD_261225` (inverse), `PF_XBTUSD`, `FF_XBTUSD_261225` (linear). The quote
/// of all of them is USD.
fn kraken_futures(venue: Venue, symbol: &str) -> Option<Instrument> {
    let (kind, rest) = symbol.split_once('_')?;
    let size_unit = match kind {
        "PI" | "FI" => SizeUnit::Quote,
        "PF" | "FF" => SizeUnit::Base,
        _ => return None,
    };
    let (name, expiry) = match rest.split_once('_') {
        Some((name, day)) => (name, Some(day_of_short(day)?)),
        None => (rest, None),
    };
    let base = name.strip_suffix("USD").filter(|base| !base.is_empty())?;
    let kind = contract(expiry);
    Some(Instrument { kind, expiry, size_unit, ..pair(venue, symbol, base, "USD") })
}

/// `BTC/USD`, and `BTC-PERP` in USD. Futures (`BTC-0625`) do not say their year.
fn ftx(venue: Venue, symbol: &str) -> Option<Instrument> {
    match symbol.strip_suffix("-PERP") {
        Some(base) => {
            Some(Instrument { kind: InstrumentKind::Perpetual, ..pair(venue, symbol, base, "USD") })
        }
        None => spot(venue, symbol, '/'),
    }
}

/// A coin is its perpetual, priced in USD; `PURR/USDC` is a spot pair; `@107` says nothing.
fn hyperliquid(venue: Venue, symbol: &str) -> Option<Instrument> {
    if let Some((base, quote)) = split(symbol, '/') {
        return Some(pair(venue, symbol, base, quote));
    }
    let is_coin = !symbol.is_empty() && symbol.bytes().all(|it| it.is_ascii_alphanumeric());
    is_coin.then(|| Instrument {
        kind: InstrumentKind::Perpetual,
        ..pair(venue, symbol, symbol, "USD")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_say_what_they_are() {
        for (venue, symbol, name, unit) in [
            (Venue::OkxV5, "BTC-USDT", "BTC-USDT", SizeUnit::Base),
            (Venue::OkxV5, "BTC-USD-SWAP", "BTC-USD-PERP", SizeUnit::Contract),
            (Venue::OkxV5, "BTC-USD-210924", "BTC-USD-20210924", SizeUnit::Contract),
            (
                Venue::OkxV5,
                "BTC-USD-210924-42000-P",
                "BTC-USD-20210924-42000-P",
                SizeUnit::Contract,
            ),
            (Venue::Deribit, "BTC-PERPETUAL", "BTC-USD-PERP", SizeUnit::Quote),
            (Venue::Deribit, "BTC_USDC-PERPETUAL", "BTC-USDC-PERP", SizeUnit::Base),
            (Venue::Deribit, "ETH-8JUN26", "ETH-USD-20260608", SizeUnit::Quote),
            (Venue::Deribit, "BTC-25DEC26-100000-C", "BTC-USD-20261225-100000-C", SizeUnit::Base),
            (Venue::Deribit, "XRP_USDC-27MAR27-0d85-C", "XRP-USDC-20270327-0.85-C", SizeUnit::Base),
            (Venue::Deribit, "BTC_USDC", "BTC-USDC", SizeUnit::Base),
            (Venue::CoinbaseAdvanced, "BTC-USD", "BTC-USD", SizeUnit::Base),
            (Venue::Poloniex, "BTC_USDT", "BTC-USDT", SizeUnit::Base),
            (Venue::AscendEx, "BTC/USDT", "BTC-USDT", SizeUnit::Base),
            (Venue::Upbit, "KRW-BTC", "BTC-KRW", SizeUnit::Base),
            (Venue::BitFlyer, "FX_BTC_JPY", "BTC-JPY-PERP", SizeUnit::Base),
            (Venue::BitFlyer, "BTC_JPY", "BTC-JPY", SizeUnit::Base),
            (Venue::KrakenFutures, "PI_XBTUSD", "BTC-USD-PERP", SizeUnit::Quote),
            (Venue::KrakenFutures, "FI_ETHUSD_211231", "ETH-USD-20211231", SizeUnit::Quote),
            (Venue::KrakenFutures, "PF_SOLUSD", "SOL-USD-PERP", SizeUnit::Base),
            (Venue::DydxV3, "ETH-USD", "ETH-USD-PERP", SizeUnit::Base),
            (Venue::Hyperliquid, "BTC", "BTC-USD-PERP", SizeUnit::Base),
            (Venue::Hyperliquid, "PURR/USDC", "PURR-USDC", SizeUnit::Base),
        ] {
            let it = by_grammar(venue, symbol).unwrap_or_else(|| panic!("{venue} {symbol}"));
            assert_eq!((it.normalised().as_str(), it.size_unit), (name, unit), "{venue}");
            assert_eq!((it.symbol.as_str(), it.tick_size), (symbol, None));
        }
    }

    #[test]
    fn what_says_nothing_is_not_guessed() {
        for (venue, symbol) in [
            (Venue::BinanceSpot, "BTCUSDT"),
            (Venue::BybitV5, "BTCUSDT"),
            (Venue::Gemini, "BTCUSD"),
            (Venue::Hyperliquid, "@107"),
            (Venue::CoinbaseAdvanced, "BTC"),
            (Venue::CoinbaseAdvanced, "BTC-USD-X"),
            (Venue::CryptoCom, "BTCUSD-PERP"),
            (Venue::OkxV5, "BTC-USD-X"),
            (Venue::OkxV5, "BTC-USD-210924-42000-X"),
            (Venue::OkxV5, "-"),
            (Venue::Deribit, "BTC"),
            (Venue::Deribit, "BTC-25DEZ26"),
            (Venue::Deribit, "BTC-CS-27MAR27-70000_75000"),
            (Venue::KrakenFutures, "PI_USD"),
            (Venue::KrakenFutures, "XX_XBTUSD"),
            (Venue::Upbit, ""),
        ] {
            assert_eq!(by_grammar(venue, symbol), None, "{venue} {symbol}");
        }
    }
}
