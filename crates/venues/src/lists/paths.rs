//! Which lists tell of some symbols.

use tickbook_types::{Instrument, InstrumentKind, SizeUnit, Venue};

/// Products that are asked for by name; for more of them the whole list is shorter.
const NAMED_MAX: usize = 20;

/// Paths and queries of the lists that tell of some symbols, each with the path of the connection
/// its book comes over. Empty where the venue has no list that a plain request would give.
pub(crate) fn paths(venue: Venue, wanted: &[(&str, &str)]) -> Vec<String> {
    let mut paths = Vec::new();
    let mut add = |path: String| {
        if !paths.contains(&path) {
            paths.push(path);
        }
    };
    let one = match venue {
        Venue::BybitV5 => {
            for (symbol, route) in wanted {
                let category = route.rsplit('/').next().unwrap_or("linear");
                let base = match (category, symbol.split_once('-')) {
                    ("option", Some((base, _))) => format!("&baseCoin={base}"),
                    _ => String::new(),
                };
                add(format!("/v5/market/instruments-info?category={category}&limit=1000{base}"));
            }
            return paths;
        }
        Venue::OkxV5 => {
            for (symbol, _) in wanted {
                add(format!("/api/v5/public/instruments?instType={}", okx_kind(symbol)));
            }
            return paths;
        }
        Venue::Deribit => {
            for (symbol, _) in wanted {
                let query = match symbol.split_once('-').map(|(name, _)| name.split_once('_')) {
                    // A spot pair.
                    None => "any&kind=spot".to_owned(),
                    // A linear contract belongs to the currency that it settles in.
                    Some(Some((_, quote))) => quote.to_owned(),
                    Some(None) => symbol.split('-').next().unwrap_or_default().to_owned(),
                };
                add(format!("/api/v2/public/get_instruments?currency={query}&expired=false"));
            }
            return paths;
        }
        Venue::Gemini => {
            for (symbol, _) in wanted {
                add(format!("/v1/symbols/details/{}", symbol.to_ascii_lowercase()));
            }
            return paths;
        }
        Venue::CoinbaseAdvanced => {
            let mut path = "/api/v3/brokerage/market/products".to_owned();
            if wanted.len() <= NAMED_MAX {
                for (index, (symbol, _)) in wanted.iter().enumerate() {
                    path += if index == 0 { "?" } else { "&" };
                    path += &format!("product_ids={symbol}");
                }
            }
            return vec![path];
        }
        Venue::Bitfinex => {
            return vec![
                "/v2/conf/pub:list:pair:exchange".to_owned(),
                "/v2/conf/pub:list:pair:futures".to_owned(),
            ];
        }
        Venue::CoinbaseExchange | Venue::CoinbaseFull => "/products",
        Venue::CryptoCom => "/exchange/v1/public/get-instruments",
        Venue::Upbit => "/v1/market/all",
        Venue::HitBtc => "/api/2/public/symbol",
        Venue::Poloniex => "/markets",
        Venue::AscendEx => "/api/pro/v1/cash/products",
        Venue::BitFlyer => "/v1/markets",
        Venue::KrakenFutures => "/derivatives/api/v3/instruments",
        Venue::BitMex => "/api/v1/instrument/active",
        Venue::KrakenV1 | Venue::KrakenV2 | Venue::KrakenL3 => "/0/public/AssetPairs",
        Venue::KuCoin => "/api/v2/symbols",
        Venue::Gate => "/api/v4/spot/currency_pairs",
        Venue::GateFutures => "/api/v4/futures/usdt/contracts",
        Venue::Bitstamp | Venue::BitstampL3 => "/api/v2/trading-pairs-info/",
        Venue::Huobi => "/v1/common/symbols",
        Venue::Phemex => "/public/products",
        _ => return paths,
    };
    vec![one.to_owned()]
}

/// The type of a symbol in OKX's lists, by its documented parts.
fn okx_kind(symbol: &str) -> String {
    let parts: Vec<&str> = symbol.split('-').collect();
    match &parts[..] {
        [_, _, "SWAP"] => "SWAP".to_owned(),
        [_, _, _] => "FUTURES".to_owned(),
        [base, quote, ..] if parts.len() > 3 => format!("OPTION&instFamily={base}-{quote}"),
        _ => "SPOT".to_owned(),
    }
}

/// The listed instrument of a symbol whose book comes over a connection with `path`, or over one
/// of which nothing is known.
///
/// Some venues give one symbol to several instruments; without the connection that tells them
/// apart, it is none of them.
pub(crate) fn find<'a>(
    listed: &'a [Instrument],
    symbol: &str,
    path: Option<&str>,
) -> Option<&'a Instrument> {
    let mut fitting =
        listed.iter().filter(|it| it.symbol == symbol && path.is_none_or(|path| fits(it, path)));
    let first = fitting.next()?;
    // The same instrument may have been listed twice, the later time with other steps.
    let same = |it: &Instrument| (it.kind, it.size_unit) == (first.kind, first.size_unit);
    fitting.all(same).then_some(first)
}

/// Whether the book of an instrument can come over a connection with `path`.
fn fits(it: &Instrument, path: &str) -> bool {
    let spot = it.kind == InstrumentKind::Spot;
    let option = it.kind == InstrumentKind::Option;
    match it.venue {
        Venue::BybitV5 => match path.rsplit('/').next() {
            Some("spot") => spot,
            Some("linear") => !spot && !option && it.size_unit == SizeUnit::Base,
            Some("inverse") => it.size_unit == SizeUnit::Quote,
            Some("option") => option,
            _ => true,
        },
        Venue::BitgetV1 if path.contains("/spot/") => spot,
        Venue::BitgetV1 if path.contains("/mix/") => !spot,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::RestUrl;

    #[test]
    fn the_lists_of_the_subscribed_are_asked_for() {
        let linear = "/v5/public/linear";
        assert_eq!(
            paths(
                Venue::BybitV5,
                &[
                    ("BTCUSDT", linear),
                    ("ETHUSDT", linear),
                    ("BTCUSDT", "/v5/public/spot"),
                    ("BTC-27MAR27-90000-C", "/v5/public/option"),
                ]
            ),
            [
                "/v5/market/instruments-info?category=linear&limit=1000",
                "/v5/market/instruments-info?category=spot&limit=1000",
                "/v5/market/instruments-info?category=option&limit=1000&baseCoin=BTC",
            ]
        );
        let okx: Vec<_> =
            ["BTC-USDT", "BTC-USD-SWAP", "BTC-USD-261225", "BTC-USD-261225-90000-C", "ETH-USDT"]
                .map(|symbol| (symbol, ""))
                .into();
        let asked = paths(Venue::OkxV5, &okx);
        let ends = ["=SPOT", "=SWAP", "=FUTURES", "=OPTION&instFamily=BTC-USD"];
        assert_eq!(asked.len(), ends.len());
        assert!(asked.iter().zip(ends).all(|(path, end)| path.ends_with(end)), "{asked:?}");
        let deribit = ["BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "BTC_USDC"];
        let asked = paths(Venue::Deribit, &deribit.map(|symbol| (symbol, "")));
        assert!(asked[0].contains("=BTC&") && asked[1].contains("=USDC&"), "{asked:?}");
        assert!(asked[2].contains("kind=spot"), "{asked:?}");
        assert_eq!(paths(Venue::Hyperliquid, &[("BTC", "")]), [""; 0]);
    }

    #[test]
    fn every_list_that_is_asked_for_can_be_read() {
        for venue in Venue::all() {
            for path in paths(venue, &[("BTC-USD", "/x/linear"), ("A-B-C-D-E", "")]) {
                let path_only = RestUrl::parse(&path).path.trim_end_matches('/');
                let format = super::super::format(path_only);
                assert!(format.is_some(), "{venue}: {path}");
            }
        }
    }

    #[test]
    fn one_symbol_of_two_instruments_is_told_by_its_connection() {
        let listed = |kind, size_unit| Instrument {
            kind,
            size_unit,
            ..Instrument::unlisted(Venue::BybitV5, "BTCUSDT")
        };
        let spot = listed(InstrumentKind::Spot, SizeUnit::Base);
        let linear = listed(InstrumentKind::Perpetual, SizeUnit::Base);
        let both = [spot.clone(), linear.clone()];
        let find = |path| find(&both, "BTCUSDT", path);
        assert_eq!(find(Some("/v5/public/spot")), Some(&spot));
        assert_eq!(find(Some("/v5/public/linear")), Some(&linear));
        assert_eq!(find(Some("/v5/public/inverse")), None);
        assert_eq!(find(None), None, "either");
        assert_eq!(super::find(&both[..1], "BTCUSDT", None), Some(&spot));
        assert_eq!(super::find(&both, "ETHUSDT", None), None);
    }
}
