//! Lists in each venue's format, written by hand, and the reader of their rows against serde_json.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

use super::*;
use crate::rest::RestUrl;

fn read(venue: Venue, url: &str, body: &[u8]) -> Option<Result<InstrumentList, RestError>> {
    parse(venue, &RestUrl::parse(url), body)
}

/// An instrument in a line: symbol, name, tick, lot, worth of a unit of size, status.
fn line(it: &Instrument) -> String {
    let number = |step: Option<tickbook_types::Decimal>| {
        step.map_or_else(|| "-".to_owned(), |step| step.normalised().to_string())
    };
    format!(
        "{} {} {} {} {}{:?} {:?}",
        it.symbol,
        it.normalised(),
        number(it.tick_size),
        number(it.lot_size),
        it.contract_multiplier.map_or_else(String::new, |it| format!("{}x", it.normalised())),
        it.size_unit,
        it.status
    )
}

#[track_caller]
fn check(venue: Venue, url: &str, body: &Value, skipped: u32, expected: &[&str]) {
    let list = read(venue, url, body.to_string().as_bytes()).unwrap().unwrap();
    let lines: Vec<String> = list.instruments.iter().map(line).collect();
    assert_eq!(lines, expected, "{venue}");
    assert_eq!(list.skipped, skipped, "{venue}");
    assert!(list.instruments.iter().all(|it| it.venue == venue));
}

#[test]
fn okx() {
    let row = |kind: &str, symbol: &str, family: &str, worth: [&str; 3], option: [&str; 3]| {
        json!({"instType": kind, "instId": symbol, "uly": family, "baseCcy": "SOL",
            "quoteCcy": "USDT", "ctType": worth[0], "ctVal": worth[1], "ctMult": worth[2],
            "expTime": option[0], "stk": option[1], "optType": option[2], "tickSz": "0.10",
            "lotSz": "1", "state": "live"})
    };
    let body = json!({"code": "0", "msg": "", "data": [
        row("SPOT", "SOL-USDT", "", ["", "", ""], ["", "", ""]),
        row("SWAP", "BTC-USD-SWAP", "BTC-USD", ["inverse", "100", "1"], ["", "", ""]),
        row("SWAP", "BTC-USDT-SWAP", "BTC-USDT", ["linear", "0.01", "1"], ["", "", ""]),
        row("FUTURES", "A-USD-261225", "A-USD", ["inverse", "10", "1"], ["1798185600000", "", ""]),
        row("OPTION", "O", "BTC-USD", ["", "1", "0.01"], ["1798185600000", "100000", "C"]),
        row("OPTION", "P", "BTC-USD", ["", "1", "0.01"], ["1798185600000", "100000", ""]),
        row("EVENTS", "E", "BTC-USD", ["", "1", "0.01"], ["1798185600000", "100000", "C"]),
        {"instId": 5},
        "no row",
    ]});
    let url = "https://www.okx.com/api/v5/public/instruments?instType=SPOT";
    check(
        Venue::OkxV5,
        url,
        &body,
        4,
        &[
            "SOL-USDT SOL-USDT 0.1 1 Base Trading",
            "BTC-USD-SWAP BTC-USD-PERP 0.1 1 100xQuote Trading",
            "BTC-USDT-SWAP BTC-USDT-PERP 0.1 1 0.01xBase Trading",
            "A-USD-261225 A-USD-20261225 0.1 1 10xQuote Trading",
            "O BTC-USD-20261225-100000-C 0.1 1 0.01xBase Trading",
        ],
    );
}

#[test]
fn bybit() {
    let linear = json!({"retCode": 0, "result": {"category": "linear", "list": [
        {"symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading",
            "baseCoin": "BTC", "quoteCoin": "USDT", "deliveryTime": "0",
            "priceFilter": {"minPrice": "0.10", "tickSize": "0.10"},
            "lotSizeFilter": {"qtyStep": "0.001"}},
        {"symbol": "BTCUSDT-25DEC26", "contractType": "LinearFutures", "status": "PreLaunch",
            "baseCoin": "BTC", "quoteCoin": "USDT", "deliveryTime": "1798185600000",
            "priceFilter": {"tickSize": "0.5"}, "lotSizeFilter": {"qtyStep": "0.001"}},
        {"symbol": "X", "contractType": "Novel", "status": "Trading"},
    ]}});
    let url = "/v5/market/instruments-info?&category=linear&limit=1000";
    check(
        Venue::BybitV5,
        url,
        &linear,
        1,
        &[
            "BTCUSDT BTC-USDT-PERP 0.1 0.001 1xBase Trading",
            "BTCUSDT-25DEC26 BTC-USDT-20261225 0.5 0.001 1xBase Halted",
        ],
    );
    let spot = json!({"result": {"list": [{"symbol": "BTCUSDT", "status": "Trading",
        "baseCoin": "BTC", "quoteCoin": "USDT", "lotSizeFilter": {"basePrecision": "0.000001"},
        "priceFilter": {"tickSize": "0.01"}}]}});
    let url = "/v5/market/instruments-info?category=spot";
    check(Venue::BybitV5, url, &spot, 0, &["BTCUSDT BTC-USDT 0.01 0.000001 Base Trading"]);
    let option = json!({"result": {"list": [{"symbol": "BTC-25DEC26-90000-P-USDT",
        "status": "Trading", "baseCoin": "BTC", "quoteCoin": "USDT", "optionsType": "Put",
        "deliveryTime": "1798185600000", "lotSizeFilter": {"qtyStep": "0.01"},
        "priceFilter": {"tickSize": "5"}}]}});
    let url = "/v5/market/instruments-info?category=option";
    check(
        Venue::BybitV5,
        url,
        &option,
        0,
        &["BTC-25DEC26-90000-P-USDT BTC-USDT-20261225-90000-P 5 0.01 1xBase Trading"],
    );
    let inverse = json!({"result": {"list": [{"symbol": "BTCUSD", "status": "Trading",
        "contractType": "InversePerpetual", "baseCoin": "BTC", "quoteCoin": "USD",
        "lotSizeFilter": {"qtyStep": "1"}, "priceFilter": {"tickSize": "0.50"}}]}});
    let url = "/v5/market/instruments-info?category=inverse";
    check(Venue::BybitV5, url, &inverse, 0, &["BTCUSD BTC-USD-PERP 0.5 1 1xQuote Trading"]);
}

#[test]
fn deribit() {
    let row = |name: &str, kind: &str, period: &str, of: &str, quote: &str| {
        json!({"instrument_name": name, "kind": kind, "settlement_period": period,
            "instrument_type": of, "base_currency": "BTC", "quote_currency": quote,
            "counter_currency": "USD", "option_type": "put", "strike": 100_000.0,
            "expiration_timestamp": 1_798_185_600_000_u64, "tick_size": 0.0005,
            "min_trade_amount": 0.1, "contract_size": 1.0, "is_active": true})
    };
    let body = json!({"jsonrpc": "2.0", "result": [
        row("BTC-PERPETUAL", "future", "perpetual", "reversed", "USD"),
        row("BTC-25DEC26", "future", "month", "reversed", "USD"),
        row("BTC_USDC-25DEC26", "future", "month", "linear", "USDC"),
        row("BTC-25DEC26-100000-P", "option", "month", "reversed", "BTC"),
        row("BTC-CS", "option_combo", "month", "reversed", "BTC"),
    ]});
    check(
        Venue::Deribit,
        "/api/v2/public/get_instruments?currency=BTC",
        &body,
        1,
        &[
            "BTC-PERPETUAL BTC-USD-PERP 0.0005 0.1 1xQuote Trading",
            "BTC-25DEC26 BTC-USD-20261225 0.0005 0.1 1xQuote Trading",
            "BTC_USDC-25DEC26 BTC-USD-20261225 0.0005 0.1 1xBase Trading",
            "BTC-25DEC26-100000-P BTC-USD-20261225-100000-P 0.0005 0.1 1xBase Trading",
        ],
    );
}

#[test]
fn bitmex() {
    let row = |symbol: &str, inverse: bool, quanto: bool, numbers: [Value; 3]| {
        let [multiplier, quote, underlying] = numbers;
        json!({"symbol": symbol, "typ": "FFWCSX", "state": "Open", "underlying": "XBT",
            "quoteCurrency": "USD", "expiry": null, "isInverse": inverse, "isQuanto": quanto,
            "multiplier": multiplier, "quoteToSettleMultiplier": quote,
            "underlyingToSettleMultiplier": underlying, "tickSize": 1e-5, "lotSize": 100})
    };
    let n = |number: i64| json!(number);
    let future = json!({"symbol": "XRPZ26", "typ": "FFCCSX", "state": "Open", "underlying": "XRP",
        "quoteCurrency": "XBT", "expiry": "2026-12-25T12:00:00.000Z", "isInverse": false,
        "isQuanto": false, "multiplier": 100_000_000, "quoteToSettleMultiplier": 100_000_000,
        "tickSize": 1e-8, "lotSize": 1});
    let body = json!([
        row("XBTUSD", true, false, [n(-100_000_000), Value::Null, n(-100_000_000)]),
        row("XBTUSDT", false, false, [n(1), n(1_000_000), Value::Null]),
        row("ETHUSD", false, true, [n(100), n(3108), Value::Null]),
        row("ODD", false, false, [n(100), n(3108), Value::Null]),
        future,
        {"symbol": ".BXBT", "typ": "MRCXXX", "state": "Open"},
    ]);
    check(
        Venue::BitMex,
        "https://www.bitmex.com/api/v1/instrument/active",
        &body,
        1,
        &[
            "XBTUSD BTC-USD-PERP 0.00001 100 1xQuote Trading",
            "XBTUSDT BTC-USD-PERP 0.00001 100 0.000001xBase Trading",
            "ETHUSD BTC-USD-PERP 0.00001 100 Contract Trading",
            "ODD BTC-USD-PERP 0.00001 100 Contract Trading",
            "XRPZ26 XRP-BTC-20261225 0.00000001 1 1xBase Trading",
        ],
    );
}

#[test]
fn kraken_and_its_futures() {
    let body = json!({"result": "success", "instruments": [
        {"symbol": "pi_xbtusd", "type": "futures_inverse", "tickSize": 0.5, "contractSize": 1,
            "tradeable": true},
        {"symbol": "PF_SOLUSD", "type": "flexible_futures", "tickSize": 0.001, "base": "SOL",
            "quote": "USD", "contractSize": 1, "contractValueTradePrecision": 2,
            "tradeable": true},
        {"symbol": "fi_xbtusd_261225", "type": "futures_inverse", "tickSize": 0.5,
            "lastTradingTime": "2026-12-25T16:00:00.000Z", "contractSize": 1, "tradeable": false},
        {"symbol": "in_xbtusd", "type": "spot index", "tradeable": false},
    ]});
    check(
        Venue::KrakenFutures,
        "/derivatives/api/v3/instruments",
        &body,
        1,
        &[
            "PI_XBTUSD BTC-USD-PERP 0.5 - 1xQuote Trading",
            "PF_SOLUSD SOL-USD-PERP 0.001 0.01 1xBase Trading",
            "FI_XBTUSD_261225 BTC-USD-20261225 0.5 - 1xQuote Halted",
        ],
    );
    let body = json!({"error": [], "result": {
        "XXBTZUSD": {"wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8},
        "XBTUSD.d": {"pair_decimals": 1, "lot_decimals": 8},
    }});
    let list = read(Venue::KrakenFutures, "/0/public/AssetPairs", body.to_string().as_bytes());
    let list = list.unwrap().unwrap();
    assert_eq!(list.skipped, 1);
    assert_eq!(line(&list.instruments[0]), "BTC/USD BTC-USD 0.1 0.00000001 Base Trading");
}

#[test]
fn slashes_may_be_escaped() {
    for (text, plain) in [
        (r#"{"a":"XBT\/USD"}"#, r#"{"a":"XBT/USD"}"#),
        (r#"{"a":"\\/"}"#, r#"{"a":"\\/"}"#),
        (r#"{"a":"\\\/\n"}"#, r#"{"a":"\\/\n"}"#),
        (r"\", r"\"),
        ("/", "/"),
    ] {
        let escaped = plain_slashes(text.as_bytes());
        assert_eq!(escaped, plain.as_bytes());
        let read = |text| serde_json::from_str::<Value>(text).ok();
        assert_eq!(read(text), read(plain), "{text}");
    }
}

#[test]
fn spot_pairs() {
    let any = Venue::Gemini;
    let body = json!({"code": "200000", "data": [{"symbol": "WAX-BTC", "name": "WAXP-BTC",
        "baseCurrency": "WAX", "quoteCurrency": "BTC", "baseIncrement": "0.0001",
        "priceIncrement": "0.00000001", "enableTrading": false}]});
    check(any, "/api/v1/symbols", &body, 0, &["WAX-BTC WAXP-BTC 0.00000001 0.0001 Base Halted"]);
    let body = json!([{"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "precision": 2,
        "amount_precision": 4, "trade_status": "tradable"}]);
    check(
        any,
        "/api/v4/spot/currency_pairs",
        &body,
        0,
        &["BTC_USDT BTC-USDT 0.01 0.0001 Base Trading"],
    );
    let body = json!([{"name": "BTC/USD", "url_symbol": "btcusd", "base_decimals": 8,
        "counter_decimals": 0, "trading": "Enabled"}]);
    check(
        any,
        "https://www.bitstamp.net/api/v2/trading-pairs-info/",
        &body,
        0,
        &["btcusd BTC-USD 1 0.00000001 Base Trading"],
    );
    let body = json!({"status": "ok", "data": [{"symbol": "btcusdt", "base-currency": "btc",
        "quote-currency": "usdt", "price-precision": 2, "amount-precision": 6,
        "state": "offline"}]});
    check(any, "/v1/common/symbols", &body, 0, &["btcusdt BTC-USDT 0.01 0.000001 Base Halted"]);
    let body = json!([["BTCUSD", "AVAX:USD", "BTCF0:USTF0", "SHORT", "A:USTF0", 5]]);
    check(
        any,
        "/v2/conf/pub:list:pair:exchange",
        &body,
        3,
        &[
            "tBTCUSD BTC-USD - - Base Unknown",
            "tAVAX:USD AVAX-USD - - Base Unknown",
            "tBTCF0:USTF0 BTC-UST-PERP - - Base Unknown",
        ],
    );
    let body = json!([{"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD",
        "quote_increment": "0.01", "base_increment": "0.00000001", "status": "online"}]);
    check(any, "/products", &body, 0, &["BTC-USD BTC-USD 0.01 0.00000001 Base Trading"]);
    let body = json!([{"symbol": "BTC_USDT", "baseCurrencyName": "BTC", "state": "NORMAL",
        "quoteCurrencyName": "USDT", "symbolTradeLimit": {"priceScale": 2, "quantityScale": 6}}]);
    check(any, "/markets", &body, 0, &["BTC_USDT BTC-USDT 0.01 0.000001 Base Trading"]);
    let body = json!({"code": 0, "data": [{"symbol": "ASD/USDT", "baseAsset": "ASD",
        "quoteAsset": "USDT", "status": "Normal", "tickSize": "0.000001", "lotSize": "0.1"}]});
    check(
        any,
        "/api/pro/v1/cash/products",
        &body,
        0,
        &["ASD/USDT ASD-USDT 0.000001 0.1 Base Trading"],
    );
    let body = json!([{"id": "ETHBTC", "baseCurrency": "ETH", "quoteCurrency": "BTC",
        "quantityIncrement": "0.0001", "tickSize": "0.000001"}]);
    check(any, "/api/2/public/symbol", &body, 0, &["ETHBTC ETH-BTC 0.000001 0.0001 Base Trading"]);
    let body = json!([{"market": "KRW-BTC", "korean_name": "비트코인"}, {"market": "KRW"}]);
    check(any, "/v1/market/all", &body, 1, &["KRW-BTC BTC-KRW - - Base Trading"]);
    let body = json!([{"product_code": "BTC_JPY", "market_type": "Spot"},
        {"product_code": "FX_BTC_JPY", "market_type": "FX"},
        {"product_code": "BTCJPY25DEC2026", "market_type": "Futures"}]);
    check(
        any,
        "/v1/markets",
        &body,
        1,
        &["BTC_JPY BTC-JPY - - Base Trading", "FX_BTC_JPY BTC-JPY-PERP - - Base Trading"],
    );
}

#[test]
fn gemini_and_coinbase() {
    let body = json!({"symbol": "BTCUSDCPERP", "base_currency": "BTC", "quote_currency": "USDC",
        "tick_size": 0.0001, "quote_increment": 0.5, "status": "open", "product_type": "swap",
        "contract_type": "linear"});
    check(
        Venue::Gemini,
        "/v1/symbols/details/btcusdcperp",
        &body,
        0,
        &["BTCUSDCPERP BTC-USDC-PERP 0.5 0.0001 1xBase Trading"],
    );
    let body = json!({"products": [
        {"product_id": "BTC-USD", "product_type": "SPOT", "base_currency_id": "BTC",
            "quote_currency_id": "USD", "quote_increment": "0.01", "price_increment": "0.01",
            "base_increment": "0.00000001", "is_disabled": false, "trading_disabled": true},
        {"product_id": "BIT-25DEC26-CDE", "product_type": "FUTURE", "base_currency_id": "",
            "quote_currency_id": "USD", "price_increment": "5", "base_increment": "1",
            "future_product_details": {"contract_root_unit": "BTC", "contract_size": "0.01",
                "contract_expiry": "2026-12-25T16:00:00Z", "contract_expiry_type": "EXPIRING"}},
        {"product_id": "X", "product_type": "EQUITY", "quote_currency_id": "USD"},
    ]});
    check(
        Venue::CoinbaseAdvanced,
        "/api/v3/brokerage/market/products?limit=5",
        &body,
        1,
        &[
            "BTC-USD BTC-USD 0.01 0.00000001 Base Halted",
            "BIT-25DEC26-CDE BTC-USD-20261225 5 1 0.01xBase Trading",
        ],
    );
}

#[test]
fn phemex_bitget_and_others() {
    let body = json!({"code": 0, "data": {"products": [
        {"symbol": "BTCUSD", "type": "Perpetual", "displaySymbol": "BTC / USD", "status": "Listed",
            "quoteCurrency": "USD", "contractUnderlyingAssets": "USD", "contractSize": 1.0,
            "tickSize": 0.5, "lotSize": 1, "priceScale": 4},
        {"symbol": "XRPUSD", "type": "Perpetual", "displaySymbol": "XRP / USD", "status": "Listed",
            "quoteCurrency": "USD", "contractUnderlyingAssets": "XRP", "contractSize": 5.0,
            "tickSize": 0.0001, "lotSize": 1, "priceScale": 6},
        {"symbol": "sBTCUSDT", "type": "Spot", "status": "Delisted", "quoteCurrency": "USDT",
            "baseCurrency": "BTC", "quoteTickSize": "0.01 USDT", "quoteTickSizeEv": 1_000_000,
            "baseTickSize": "0.000001 BTC", "baseTickSizeEv": 100},
    ]}});
    check(
        Venue::Gemini,
        "/exchange/public/cfg/v2/products",
        &body,
        0,
        &[
            "BTCUSD BTC-USD-PERP 0.5 1 1xQuote Trading",
            "XRPUSD XRP-USD-PERP 0.0001 1 5xBase Trading",
            "sBTCUSDT BTC-USDT 0.01 0.000001 Base Halted",
        ],
    );
    let scaled = read(Venue::Phemex, "/public/products", body.to_string().as_bytes());
    let scales = scaled.unwrap().unwrap().instruments.into_iter().map(|it| {
        let scale = it.wire_scale.unwrap();
        (scale.price_exponent, scale.size_exponent)
    });
    assert_eq!(scales.collect::<Vec<_>>(), [(-4, 0), (-6, 0), (-8, -8)]);
    let spot = json!({"data": [{"symbol": "BTCUSDT_SPBL", "symbolName": "BTCUSDT",
        "baseCoin": "BTC", "quoteCoin": "USDT", "priceScale": "2", "quantityScale": "4",
        "status": "online"}]});
    check(
        Venue::Gemini,
        "/api/spot/v1/public/products",
        &spot,
        0,
        &["BTCUSDT BTC-USDT 0.01 0.0001 Base Trading"],
    );
    let mix = json!({"data": [{"symbol": "BTCUSDT_UMCBL", "baseCoin": "BTC", "quoteCoin": "USDT",
        "pricePlace": "1", "priceEndStep": "5", "volumePlace": "3"}]});
    check(
        Venue::Gemini,
        "/api/mix/v1/market/contracts?productType=umcbl",
        &mix,
        0,
        &["BTCUSDT BTC-USDT-PERP 0.5 0.001 1xBase Trading"],
    );
    let body = json!({"result": {"data": [
        {"symbol": "BTC_USDT", "inst_type": "CCY_PAIR", "base_ccy": "BTC", "quote_ccy": "USDT",
            "price_tick_size": "0.01", "qty_tick_size": "0.00001", "tradable": true},
        {"symbol": "BTCUSD-PERP", "inst_type": "PERPETUAL_SWAP", "base_ccy": "BTC",
            "quote_ccy": "USD", "price_tick_size": "0.1", "qty_tick_size": "0.0001",
            "tradable": true, "expiry_timestamp_ms": 0},
    ]}});
    check(
        Venue::CryptoCom,
        "/exchange/v1/public/get-instruments",
        &body,
        0,
        &[
            "BTC_USDT BTC-USDT 0.01 0.00001 Base Trading",
            "BTCUSD-PERP BTC-USD-PERP 0.1 0.0001 1xBase Trading",
        ],
    );
    let body = json!({"markets": {"BTC-USD": {"market": "BTC-USD", "status": "ONLINE",
        "baseAsset": "BTC", "quoteAsset": "USD", "stepSize": "0.0001", "tickSize": "1",
        "type": "PERPETUAL"}}});
    check(
        Venue::DydxV3,
        "/v3/markets",
        &body,
        0,
        &["BTC-USD BTC-USD-PERP 1 0.0001 1xBase Trading"],
    );
    let body = json!([{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001",
        "order_price_round": "0.1", "in_delisting": false}]);
    check(
        Venue::Gemini,
        "/api/v4/futures/usdt/contracts",
        &body,
        0,
        &["BTC_USDT BTC-USDT-PERP 0.1 1 0.0001xBase Trading"],
    );
    let body = json!({"data": [{"contract_code": "BTC-USD", "contract_size": 100.0,
        "price_tick": 0.1, "contract_status": 1}, {"contract_code": "BTC-USD-261225"}]});
    check(
        Venue::Gemini,
        "/swap-api/v1/swap_contract_info",
        &body,
        1,
        &["BTC-USD BTC-USD-PERP 0.1 1 100xQuote Trading"],
    );
}

#[test]
fn what_is_no_list_is_refused() {
    for url in [
        "/api/v5/public/instruments?instType=SPOT",
        "/api/v1/instrument/active",
        "/v3/markets",
        "/v1/symbols/details/btcusd",
        "/v2/conf/pub:list:pair:exchange",
    ] {
        for body in ["", "<html>", "5", r#"{"code":"50011","msg":"too many"}x"#, "[", "{"] {
            let read = read(Venue::OkxV5, url, body.as_bytes()).unwrap();
            assert_eq!(read, Err(RestError::Malformed), "{url} {body}");
        }
    }
    for url in ["", "/", "https://www.okx.com", "/api/v5/market/books?instId=BTC-USDT", "?a=b"] {
        assert_eq!(read(Venue::OkxV5, url, b"{}"), None, "{url}");
    }
}

/// A value as lists have them, and how a general parser would read it.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[A-Z0-9/_.-]{0,6}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (0_u32..100_000, 0_u32..8).prop_map(|(n, digits)| {
            let text = format!("{}", f64::from(n) / 10_f64.powi(digits.cast_signed()));
            serde_json::from_str(&text).unwrap()
        }),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({"inner": "x", "list": [1, {"a": "}"}]})),
        Just(json!(["a", [], "\\\""])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_are_read_as_a_general_parser_reads_them(
        fields in prop::collection::btree_map("[a-c]{1,2}", value(), 0..6),
        pretty in any::<bool>(),
    ) {
        let object: Value = fields.clone().into_iter().collect::<serde_json::Map<_, _>>().into();
        let text = if pretty {
            serde_json::to_string_pretty(&object).unwrap()
        } else {
            object.to_string()
        };
        let row = Row::read(crate::json::Reader::new(text.as_bytes())).unwrap();
        for name in ["a", "b", "c", "ab", "ba", "cc", "aa"] {
            let value = fields.get(name).unwrap_or(&Value::Null);
            prop_assert_eq!(row.text(name), value.as_str().filter(|text| !text.is_empty()));
            prop_assert_eq!(row.flag(name), value.as_bool());
            let bare = value.as_f64();
            let quoted = value.as_str().and_then(|text| text.parse::<f64>().ok());
            let number = row.number(name).map(|it| it.to_string().parse::<f64>().unwrap());
            prop_assert_eq!(number, bare.or(quoted));
            let inner = value.get("inner").and_then(Value::as_str);
            prop_assert_eq!(row.within(name).text("inner"), inner);
        }
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..6) {
        let url = ["/v3/markets", "/markets", "/v1/symbols/details/x", "/products",
            "/api/v5/public/instruments", "/v2/conf/pub:list:pair:exchange"][at];
        let _ = read(Venue::OkxV5, url, &body);
        let mut wrapped = br#"[{"id":"#.to_vec();
        wrapped.extend(&body);
        let _ = read(Venue::OkxV5, url, &wrapped);
    }
}
