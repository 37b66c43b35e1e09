//! The venues, by the names that configuration, reports and captures use.

use core::fmt;
use core::str::FromStr;

/// A venue (one API of an exchange: Binance spot and Binance USD-M are two).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u16)]
#[non_exhaustive]
pub enum Venue {
    /// Binance spot.
    BinanceSpot = 1,
    /// Binance USD-M futures.
    BinanceUsdm = 2,
    /// Binance COIN-M futures.
    BinanceCoinm = 3,
    /// Binance.US spot.
    BinanceUs = 4,
    /// Bybit v5: spot, linear, inverse, options.
    BybitV5 = 5,
    /// Hyperliquid.
    Hyperliquid = 6,
    /// Deribit: options, futures, perpetuals, spot.
    Deribit = 7,
    /// Coinbase Advanced Trade.
    CoinbaseAdvanced = 8,
    /// Coinbase Exchange (once Coinbase Pro).
    CoinbaseExchange = 9,
    /// OKX v5: spot, swaps, futures, options.
    OkxV5 = 10,
    /// Crypto.com Exchange.
    CryptoCom = 11,
    /// Upbit.
    Upbit = 12,
    /// HitBTC v2.
    HitBtc = 13,
    /// Gemini.
    Gemini = 14,
    /// Poloniex v2.
    Poloniex = 15,
    /// AscendEX.
    AscendEx = 16,
    /// bitFlyer.
    BitFlyer = 17,
    /// Kraken Futures.
    KrakenFutures = 18,
    /// BitMEX.
    BitMex = 19,
    /// dYdX v3 (closed; for recordings).
    DydxV3 = 20,
    /// Kraken spot, WebSocket v1.
    KrakenV1 = 21,
    /// Kraken spot, WebSocket v2.
    KrakenV2 = 22,
    /// OKEX v3 (now OKX; for recordings).
    OkexV3 = 23,
    /// Bitget v1 (closed; for recordings).
    BitgetV1 = 24,
    /// FTX (closed; for recordings).
    Ftx = 25,
    /// Bitfinex v2.
    Bitfinex = 26,
    /// KuCoin spot, the classic interface.
    KuCoin = 27,
    /// Gate v4: spot.
    Gate = 28,
    /// Bitstamp.
    Bitstamp = 29,
    /// Bitstamp, order by order.
    BitstampL3 = 30,
    /// Independent Reserve, order by order.
    IndependentReserve = 31,
    /// Huobi, today HTX: spot, swaps.
    Huobi = 32,
    /// Phemex: contracts and spot with scaled integers, hedged perpetuals.
    Phemex = 33,
    /// Bitget v2: spot, futures.
    BitgetV2 = 34,
    /// Bitget v3 (unified account): spot, futures.
    BitgetV3 = 35,
    /// Kraken spot, order by order.
    KrakenL3 = 36,
    /// Bit.com: futures, options, pairs.
    BitCom = 38,
    /// Gate v4: perpetual futures.
    GateFutures = 39,
    /// Coinbase Exchange, order by order.
    CoinbaseFull = 40,
}

/// Name and aliases of each venue; the first is what reports print.
const NAMES: &[(Venue, &[&str])] = &[
    (Venue::BinanceSpot, &["binance_spot", "binance"]),
    (Venue::BinanceUsdm, &["binance_usdm", "binance_futures"]),
    (Venue::BinanceCoinm, &["binance_coinm", "binance_delivery"]),
    (Venue::BinanceUs, &["binance_us"]),
    (Venue::BybitV5, &["bybit_v5", "bybit"]),
    (Venue::Hyperliquid, &["hyperliquid"]),
    (Venue::Deribit, &["deribit"]),
    (Venue::CoinbaseAdvanced, &["coinbase_advanced", "coinbase"]),
    (Venue::CoinbaseExchange, &["coinbase_exchange", "coinbase_pro"]),
    (Venue::OkxV5, &["okx_v5", "okx"]),
    (Venue::CryptoCom, &["cryptocom", "crypto_com"]),
    (Venue::Upbit, &["upbit"]),
    (Venue::HitBtc, &["hitbtc_v2", "hitbtc"]),
    (Venue::Gemini, &["gemini"]),
    (Venue::Poloniex, &["poloniex_v2", "poloniex"]),
    (Venue::AscendEx, &["ascendex"]),
    (Venue::BitFlyer, &["bitflyer"]),
    (Venue::KrakenFutures, &["kraken_futures"]),
    (Venue::BitMex, &["bitmex"]),
    (Venue::DydxV3, &["dydx_v3"]),
    (Venue::KrakenV1, &["kraken_v1"]),
    (Venue::KrakenV2, &["kraken_v2", "kraken"]),
    (Venue::OkexV3, &["okex_v3", "okex"]),
    (Venue::BitgetV1, &["bitget_v1"]),
    (Venue::Ftx, &["ftx"]),
    (Venue::Bitfinex, &["bitfinex"]),
    (Venue::KuCoin, &["kucoin"]),
    (Venue::Gate, &["gateio_v4", "gateio", "gate"]),
    (Venue::Bitstamp, &["bitstamp"]),
    (Venue::BitstampL3, &["bitstamp_l3"]),
    (Venue::IndependentReserve, &["independent_reserve"]),
    (Venue::Huobi, &["huobi", "htx"]),
    (Venue::Phemex, &["phemex"]),
    (Venue::BitgetV2, &["bitget_v2"]),
    (Venue::BitgetV3, &["bitget_v3", "bitget"]),
    (Venue::KrakenL3, &["kraken_l3"]),
    (Venue::BitCom, &["bitcom"]),
    (Venue::GateFutures, &["gateio_futures", "gate_futures"]),
    (Venue::CoinbaseFull, &["coinbase_full"]),
];

impl Venue {
    /// Every venue, in the order of its number.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(venue, _)| *venue)
    }

    /// The name in configuration and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// The name and its aliases.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        NAMES.iter().find(|(venue, _)| *venue == self).map_or(&["unknown"], |(_, names)| names)
    }

    /// The venue of a number in shared memory.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::all().find(|venue| *venue as u16 == number)
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No venue has this name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownVenue(pub String);

impl fmt::Display for UnknownVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown venue '{}'; known venues:", self.0)?;
        for venue in Venue::all() {
            write!(f, " {venue}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownVenue {}

impl FromStr for Venue {
    type Err = UnknownVenue;

    fn from_str(text: &str) -> Result<Self, UnknownVenue> {
        let wanted = text.replace('-', "_").to_ascii_lowercase();
        NAMES
            .iter()
            .find(|(_, names)| names.contains(&wanted.as_str()))
            .map(|(venue, _)| *venue)
            .ok_or_else(|| UnknownVenue(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_alias_finds_its_venue() {
        for (venue, names) in NAMES {
            for name in *names {
                assert_eq!(name.parse::<Venue>().unwrap(), *venue);
            }
            assert_eq!(Venue::from_number(*venue as u16), Some(*venue));
        }
        assert!(Venue::all().is_sorted_by_key(|venue| venue as u16));
        assert_eq!("Binance-Spot".parse::<Venue>().unwrap(), Venue::BinanceSpot);
        let message = "mt_gox".parse::<Venue>().unwrap_err().to_string();
        assert!(message.contains("'mt_gox'") && message.contains("binance_spot"), "{message}");
    }
}
