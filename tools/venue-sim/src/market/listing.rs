//! What the simulated venue lists: symbols with the ticks, lots and prices of real ones.
//!
//! The list depends on the venue and the number of symbols only, never on the seed, so that a
//! symbol means the same in every run.

use tickbook_types::Venue;

use super::rng::Rng;

/// One listed symbol. Prices are in ticks, sizes in lots; the decimals say how they are printed.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// As in payloads and REST: `BTCUSDT`, `BTCUSD_PERP`.
    pub(crate) symbol: String,
    pub(crate) base: String,
    pub(crate) quote: String,
    /// `BTCUSD` of `BTCUSD_PERP`; elsewhere the symbol.
    pub(crate) pair: String,
    /// Digits behind the point of a printed price.
    pub(crate) price_decimals: u32,
    /// A tick in units of the last printed digit.
    pub(crate) tick: u64,
    /// Digits behind the point of a printed size.
    pub(crate) size_decimals: u32,
    /// A lot in units of the last printed digit.
    pub(crate) lot: u64,
    /// Where the price starts, in ticks.
    pub(crate) start: i64,
    /// An ordinary size, in lots.
    pub(crate) usual_size: u64,
}

/// A well-known asset: price as `mantissa * 10^-tick_decimals` ticks of that decimal, lot decimals.
struct Asset {
    base: &'static str,
    tick_decimals: u32,
    start: i64,
    lot_decimals: u32,
    usual_size: u64,
}

const fn asset(
    base: &'static str,
    tick_decimals: u32,
    start: i64,
    lot_decimals: u32,
    usual_size: u64,
) -> Asset {
    Asset { base, tick_decimals, start, lot_decimals, usual_size }
}

const ASSETS: &[Asset] = &[
    asset("BTC", 2, 6_123_450, 5, 12_000),
    asset("ETH", 2, 265_012, 4, 14_000),
    asset("SOL", 2, 14_873, 3, 40_000),
    asset("BNB", 2, 51_120, 3, 9_000),
    asset("XRP", 4, 6_112, 0, 5_000),
    asset("DOGE", 5, 10_423, 0, 30_000),
    asset("ADA", 4, 3_471, 1, 80_000),
    asset("TRX", 4, 1_288, 1, 200_000),
    asset("AVAX", 2, 2_241, 2, 3_000),
    asset("LINK", 3, 10_415, 2, 20_000),
    asset("DOT", 3, 4_511, 2, 30_000),
    asset("LTC", 2, 6_017, 3, 20_000),
    asset("BCH", 1, 3_312, 3, 4_000),
    asset("PEPE", 8, 2_135, 0, 90_000_000),
    asset("SHIB", 8, 1_367, 0, 60_000_000),
    asset("NEAR", 3, 4_102, 1, 9_000),
    asset("UNI", 3, 6_224, 2, 20_000),
    asset("ATOM", 3, 4_718, 2, 30_000),
    asset("FIL", 3, 3_655, 2, 30_000),
    asset("APT", 3, 5_931, 2, 20_000),
];

/// The first `count` symbols of `venue`.
pub(crate) fn listings(venue: Venue, count: usize) -> Vec<Listing> {
    (0..count)
        .map(|index| {
            ASSETS.get(index).map_or_else(|| invented(venue, index), |it| listed(venue, it))
        })
        .collect()
}

fn listed(venue: Venue, it: &Asset) -> Listing {
    shape(venue, it.base.to_owned(), it)
}

/// A symbol nobody trades, with ticks and lots that follow from its number.
fn invented(venue: Venue, index: usize) -> Listing {
    let mut rng = Rng::new(index as u64);
    let tick_decimals = 2 + u32::try_from(rng.below(7)).unwrap_or_default();
    let lot_decimals = u32::try_from(rng.below(6)).unwrap_or_default();
    let start = 1_500 + rng.below_i64(200_000);
    let usual_size = 100 << rng.below(12);
    let it = Asset { base: "", tick_decimals, start, lot_decimals, usual_size };
    shape(venue, format!("SIM{index:04}"), &it)
}

/// Puts an asset into the venue's own form.
fn shape(venue: Venue, base: String, it: &Asset) -> Listing {
    let quote = match venue {
        Venue::BinanceUs | Venue::BinanceCoinm => "USD",
        _ => "USDT",
    };
    let pair = format!("{base}{quote}");
    let symbol = if venue == Venue::BinanceCoinm { format!("{pair}_PERP") } else { pair.clone() };
    // Spot prints eight decimals whatever the tick; Binance.US four where the tick allows; futures
    // print the digits of the symbol, and some ticks are ten units of the last one.
    let (price_decimals, tick, size_decimals, lot) = match venue {
        Venue::BinanceUsdm if it.tick_decimals == 2 && it.start > 1_000_000 => {
            return Listing {
                symbol,
                base,
                quote: quote.to_owned(),
                pair,
                price_decimals: 2,
                tick: 10,
                size_decimals: 3,
                lot: 1,
                start: it.start / 10,
                usual_size: (it.usual_size / 100).max(4),
            };
        }
        Venue::BinanceUsdm => (it.tick_decimals, 1, it.lot_decimals, 1),
        Venue::BinanceCoinm => (it.tick_decimals, 1, 0, 1),
        Venue::BinanceUs => {
            let decimals = it.tick_decimals.max(4);
            (decimals, power(decimals - it.tick_decimals), 8, power(8 - it.lot_decimals))
        }
        _ => (8, power(8 - it.tick_decimals), 8, power(8 - it.lot_decimals)),
    };
    let usual_size = if venue == Venue::BinanceCoinm { 400 } else { it.usual_size };
    Listing {
        symbol,
        base,
        quote: quote.to_owned(),
        pair,
        price_decimals,
        tick,
        size_decimals,
        lot,
        start: it.start,
        usual_size,
    }
}

fn power(decimals: u32) -> u64 {
    10_u64.pow(decimals)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn symbols_are_distinct_and_their_numbers_fit() {
        for venue in Venue::all() {
            let all = listings(venue, 3_000);
            let names: HashSet<_> = all.iter().map(|it| &it.symbol).collect();
            assert_eq!(names.len(), all.len());
            for it in &all {
                assert!(it.start >= 1_000, "{it:?}");
                let highest = i128::from(it.start) * 4 * i128::from(it.tick);
                assert!(highest < i128::from(i64::MAX), "{it:?}");
                let largest = u128::from(it.usual_size) * 1_024 * u128::from(it.lot);
                assert!(largest < u128::from(u64::MAX), "{it:?}");
            }
        }
    }
}
