//! The instrument lists of recordings, read here and by serde_json: the same rows, the same steps.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tickbook_types::{Instrument, Venue};
use tickbook_venues::{RestBody, parse_rest};

/// Where a general parser finds what we compare.
struct Shape {
    folder: &'static str,
    file: &'static str,
    /// Instruments and skipped rows of all its lists together.
    counts: (usize, u32),
    /// Symbol, step of prices (a number, or the digits behind its point), step of sizes.
    fields: [&'static str; 3],
    /// Some of them: symbol, name, step of prices, what a unit of size is worth.
    known: &'static [[&'static str; 4]],
}

const SHAPES: &[Shape] = &[
    Shape {
        folder: "binance_spot",
        file: "rest_instruments",
        counts: (1_695, 0),
        fields: ["symbol", "", ""],
        known: &[["ETHBTC", "ETH-BTC", "0.000001", "Base"]],
    },
    Shape {
        folder: "binance_usdm",
        file: "rest_instruments",
        counts: (122, 0),
        fields: ["symbol", "", ""],
        known: &[["BTCUSDT", "BTC-USDT-PERP", "0.01", "1xBase"]],
    },
    Shape {
        folder: "binance_coinm",
        file: "rest_instruments",
        counts: (36, 0),
        fields: ["symbol", "", ""],
        known: &[["BTCUSD_PERP", "BTC-USD-PERP", "0.1", "100xQuote"]],
    },
    Shape {
        folder: "bitfinex",
        file: "rest_instruments",
        counts: (328, 0),
        fields: ["", "", ""],
        known: &[
            ["tBTCUSD", "BTC-USD", "-", "Base"],
            ["tGTXUST", "GTX-USDT", "-", "Base"],
            ["tETH2X:ETH", "ETH2X-ETH", "-", "Base"],
        ],
    },
    Shape {
        folder: "bitget_v1",
        file: "rest_instruments",
        counts: (304, 0),
        fields: ["symbol", "", ""],
        known: &[
            ["DASHUSDT", "DASH-USDT-PERP", "0.01", "1xBase"],
            ["ALPHAUSDT", "ALPHA-USDT", "0.0001", "Base"],
        ],
    },
    Shape {
        folder: "bitmex",
        file: "rest_instruments",
        counts: (34, 0),
        fields: ["symbol", "tickSize", "lotSize"],
        known: &[
            ["XBTUSD", "BTC-USD-PERP", "0.5", "1xQuote"],
            ["TRXU21", "TRX-BTC-20210924", "0.0000000001", "1xBase"],
            ["ETHUSD", "ETH-USD-PERP", "0.05", "Contract"],
        ],
    },
    Shape {
        folder: "bitstamp",
        file: "rest_instruments",
        counts: (140, 0),
        fields: ["url_symbol", "counter_decimals", "base_decimals"],
        known: &[["gbpusd", "GBP-USD", "0.00001", "Base"]],
    },
    Shape {
        folder: "deribit",
        file: "rest_instruments",
        counts: (922, 0),
        fields: ["instrument_name", "tick_size", "min_trade_amount"],
        known: &[
            ["BTC-PERPETUAL", "BTC-USD-PERP", "0.5", "1xQuote"],
            ["BTC-24SEP21-40000-P", "BTC-USD-20210924-40000-P", "0.0005", "1xBase"],
        ],
    },
    Shape {
        folder: "dydx_v3",
        file: "rest_instruments",
        counts: (27, 0),
        fields: ["market", "tickSize", "stepSize"],
        known: &[["SUSHI-USD", "SUSHI-USD-PERP", "0.001", "1xBase"]],
    },
    Shape {
        folder: "gateio_v4",
        file: "rest_instruments",
        counts: (1_458, 0),
        fields: ["id", "precision", "amount_precision"],
        known: &[["IHT_ETH", "IHT-ETH", "0.000000001", "Base"]],
    },
    Shape {
        folder: "huobi",
        file: "rest_instruments",
        counts: (938, 0),
        fields: ["symbol", "price-precision", "amount-precision"],
        known: &[["yeebtc", "YEE-BTC", "0.0000000001", "Base"]],
    },
    Shape {
        folder: "kraken_futures",
        file: "rest_instruments",
        counts: (17, 10),
        fields: ["symbol", "tickSize", ""],
        known: &[
            ["PI_XBTUSD", "BTC-USD-PERP", "0.5", "1xQuote"],
            ["FI_XRPUSD_210924", "XRP-USD-20210924", "0.0001", "1xQuote"],
        ],
    },
    Shape {
        folder: "kraken_v1",
        file: "rest_instruments",
        counts: (293, 11),
        fields: ["wsname", "pair_decimals", "lot_decimals"],
        known: &[
            ["XBT/USD", "BTC-USD", "0.1", "Base"],
            ["XDG/EUR", "DOGE-EUR", "0.0000001", "Base"],
        ],
    },
    Shape {
        folder: "kucoin",
        file: "rest_instruments",
        counts: (634, 0),
        fields: ["symbol", "priceIncrement", "baseIncrement"],
        known: &[["BCHSV-USDT", "BSV-USDT", "0.001", "Base"]],
    },
    Shape {
        folder: "okx_v5",
        file: "rest_instruments",
        counts: (1_283, 0),
        fields: ["instId", "tickSz", "lotSz"],
        known: &[
            ["BTC-USDT", "BTC-USDT", "0.1", "Base"],
            ["BTC-USD-SWAP", "BTC-USD-PERP", "0.1", "100xQuote"],
            ["BTC-USD-220228-35000-C", "BTC-USD-20220228-35000-C", "0.0005", "0.1xBase"],
        ],
    },
    Shape {
        folder: "phemex",
        file: "rest_instruments",
        counts: (67, 0),
        fields: ["symbol", "tickSize", "lotSize"],
        known: &[
            ["BTCUSD", "BTC-USD-PERP", "0.5", "1xQuote"],
            ["XRPUSD", "XRP-USD-PERP", "0.0001", "5xBase"],
            ["sBTCUSDT", "BTC-USDT", "0.01", "Base"],
        ],
    },
    Shape {
        folder: "bybit_v5",
        file: "linear_4sym_20260809",
        counts: (1_357, 0),
        fields: ["symbol", "", ""],
        known: &[["BTCUSDT-25DEC26", "BTC-USDT-20261225", "0.1", "1xBase"]],
    },
    Shape {
        folder: "coinbase_advanced",
        file: "btc_eth_20260809",
        counts: (920, 0),
        fields: ["product_id", "price_increment", "base_increment"],
        known: &[["BTC-USD", "BTC-USD", "0.01", "Base"]],
    },
    Shape {
        folder: "gemini",
        file: "10sym_20260809",
        counts: (347, 0),
        fields: ["symbol", "quote_increment", "tick_size"],
        known: &[
            ["BTCUSDCPERP", "BTC-USDC-PERP", "0.5", "1xBase"],
            ["ELONUSDC", "ELON-USDC", "0.000000001", "Base"],
        ],
    },
];

/// The recordings' folder, if there is one.
fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("TICKBOOK_CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: TICKBOOK_CAPTURES is not set");
    }
    folder
}

/// URL and body of each answer in a recording.
fn answers(path: &Path) -> Vec<(String, String)> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let parts = text.lines().map(|line| line.splitn(4, ' ').collect::<Vec<_>>());
    let answers = parts.filter(|parts| parts[1] == "HTTP");
    answers.map(|parts| (parts[2].to_owned(), parts[3].to_owned())).collect()
}

/// Every object in a value that has a text at `key`, by that text.
fn rows<'a>(value: &'a Value, key: &str, found: &mut HashMap<String, &'a Value>) {
    if let Some(symbol) = value.get(key).and_then(Value::as_str) {
        found.insert(symbol.to_ascii_uppercase(), value);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|it| rows(it, key, found)),
        Value::Object(fields) => fields.values().for_each(|it| rows(it, key, found)),
        _ => {}
    }
}

/// A step as a general parser reads it: a number, or digits behind the point.
fn step(row: &Value, field: &str) -> Option<f64> {
    let value = row.get(field)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let is_digits = ["precision", "decimals"].iter().any(|it| field.ends_with(it));
    let step = if is_digits { 10_f64.powf(-number) } else { number };
    Some(step).filter(|step| *step > 0.0)
}

fn float(step: Option<tickbook_types::Decimal>) -> Option<f64> {
    step.map(|step| step.to_string().parse().unwrap())
}

fn line(it: &Instrument) -> [String; 4] {
    let worth = it.contract_multiplier.map_or_else(String::new, |worth| format!("{worth}x"));
    [
        it.symbol.clone(),
        it.normalised(),
        it.tick_size.map_or_else(|| "-".to_owned(), |step| step.to_string()),
        format!("{worth}{:?}", it.size_unit),
    ]
}

#[test]
fn recorded_lists_are_read_whole() {
    let Some(folder) = captures() else { return };
    for shape in SHAPES {
        let path = folder.join(shape.folder).join(format!("{}.cap.gz", shape.file));
        // The format of a list follows from its address, not from the venue.
        let venue = shape.folder.parse().unwrap_or(Venue::Upbit);
        let (mut count, mut skipped, mut seen) = (0, 0, 0);
        let mut lines = Vec::new();
        for (url, body) in answers(&path) {
            let Ok(RestBody::Instruments(list)) = parse_rest(venue, &url, body.as_bytes()) else {
                let known = ["/v1/symbols", "pub:list:currency"];
                assert!(known.iter().any(|it| url.ends_with(it)), "{url}");
                continue;
            };
            count += list.instruments.len();
            skipped += list.skipped;
            let value: Value = serde_json::from_str(&body).unwrap();
            let [symbol, price, size] = shape.fields;
            let mut found = HashMap::new();
            rows(&value, symbol, &mut found);
            for it in &list.instruments {
                assert!(!it.base.is_empty() && !it.quote.is_empty(), "{it:?}");
                let Some(row) = found.get(&it.symbol.to_ascii_uppercase()) else { continue };
                seen += 1;
                for (field, ours) in [(price, it.tick_size), (size, it.lot_size)] {
                    let Some(theirs) = step(row, field) else { continue };
                    let ours = float(ours).unwrap();
                    assert!((ours / theirs - 1.0).abs() < 1e-12, "{url} {it:?} {field} {theirs}");
                }
            }
            lines.extend(list.instruments.iter().map(line));
        }
        for known in shape.known {
            let named = |it: &&[String; 4]| it[..2] == known[..2];
            let same: Vec<_> = lines.iter().filter(named).collect();
            assert!(!same.is_empty() && same.iter().all(|it| *it == known), "{same:?} {known:?}");
            seen += same.len();
        }
        assert_eq!((count, skipped), shape.counts, "{}", shape.folder);
        assert!(seen > 0, "{}: nothing was compared", shape.folder);
    }
}
