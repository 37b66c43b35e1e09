//! The REST port: keep-alive, limits, weights, refusals, instrument lists.

use std::time::Duration;

use tickbook_types::Venue;
use tickbook_venue_sim::Faults;

use crate::client::{Rest, decimal_text, depth_path, market, start, start_with};

#[test]
fn a_snapshot_has_the_levels_asked_for() {
    for tls in [false, true] {
        let sim = start_with(Venue::BinanceSpot, market(1), tls, Faults::default());
        sim.pause();
        let mut rest = Rest::open(&sim);
        let truth = sim.true_book("BTCUSDT").unwrap();
        for (limit, levels) in [(5, 5), (100, 100), (5_000, truth.bids.len())] {
            let response = rest.fetch(&depth_path(sim.venue(), "BTCUSDT", limit));
            assert_eq!(response.code, 200);
            let body = response.json();
            assert_eq!(body["lastUpdateId"], truth.last_id);
            let bids = body["bids"].as_array().unwrap();
            assert_eq!(bids.len(), levels);
            for (level, (price, size)) in bids.iter().zip(&truth.bids) {
                assert_eq!(decimal_text(level[0].as_str().unwrap()), decimal_text(price));
                assert_eq!(decimal_text(level[1].as_str().unwrap()), decimal_text(size));
            }
        }
    }
}

#[test]
fn mistakes_get_the_venues_codes() {
    let sim = start(Venue::BinanceUsdm, market(1));
    let mut rest = Rest::open(&sim);
    for (path, status, code) in [
        ("/fapi/v1/depth?symbol=NOSUCH", 400, -1121),
        ("/fapi/v1/depth", 400, -1102),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", 400, -1130),
        ("/api/v3/depth?symbol=BTCUSDT", 404, -1000),
        ("/fapi/v1/exchangeInfo?symbol=NOSUCH", 400, -1121),
    ] {
        let response = rest.fetch(path);
        assert_eq!(response.code, status, "{path}");
        assert_eq!(response.json()["code"], code, "{path}");
    }
    assert_eq!(rest.fetch("/fapi/v1/ping").code, 200);
}

#[test]
fn weights_add_up_and_run_out() {
    let faults = Faults { enforce_weight: true, ..Faults::default() };
    let sim = start_with(Venue::BinanceSpot, market(1), false, faults);
    let mut rest = Rest::open(&sim);
    let used = |response: &crate::client::Response| -> u32 {
        response.headers["x-mbx-used-weight-1m"].parse().unwrap()
    };
    assert_eq!(used(&rest.fetch("/api/v3/depth?symbol=BTCUSDT&limit=100")), 5);
    assert_eq!(used(&rest.fetch("/api/v3/depth?symbol=BTCUSDT&limit=1000")), 55);
    let mut last = rest.fetch("/api/v3/depth?symbol=BTCUSDT&limit=5000");
    for _ in 0..40 {
        if last.code != 200 {
            break;
        }
        last = rest.fetch("/api/v3/depth?symbol=BTCUSDT&limit=5000");
    }
    assert_eq!(last.code, 429);
    assert!(last.headers["retry-after"].parse::<u32>().unwrap() <= 60);
    for _ in 0..11 {
        last = rest.fetch("/api/v3/ping");
    }
    assert_eq!(last.code, 418);
}

#[test]
fn a_refusal_comes_on_request() {
    let sim = start(Venue::BinanceSpot, market(1));
    let mut rest = Rest::open(&sim);
    sim.set_http_status(429, Some(Duration::from_millis(1_500)), 1);
    let refused = rest.fetch("/api/v3/depth?symbol=BTCUSDT");
    assert_eq!((refused.code, refused.headers["retry-after"].as_str()), (429, "2"));
    assert_eq!(rest.fetch("/api/v3/depth?symbol=BTCUSDT").code, 200);
    sim.set_http_status(503, None, 1);
    assert_eq!(rest.fetch("/api/v3/ping").code, 503);
    assert_eq!(sim.stats().rest_requests, 3);
}

#[test]
fn instruments_are_listed_with_their_steps() {
    for (venue, path, symbol, tick, lot) in [
        (Venue::BinanceSpot, "/api/v3/exchangeInfo", "BTCUSDT", "0.01000000", "0.00001000"),
        (Venue::BinanceUs, "/api/v3/exchangeInfo", "BTCUSD", "0.01000000", "0.00001000"),
        (Venue::BinanceUsdm, "/fapi/v1/exchangeInfo", "BTCUSDT", "0.1", "0.001"),
        (Venue::BinanceCoinm, "/dapi/v1/exchangeInfo", "BTCUSD_PERP", "0.01", "1"),
    ] {
        let sim = start(venue, market(30));
        let mut rest = Rest::open(&sim);
        let all = rest.fetch(path).json();
        assert_eq!(all["symbols"].as_array().unwrap().len(), 30);
        let one = rest.fetch(&format!("{path}?symbol={symbol}")).json();
        let listed = &one["symbols"].as_array().unwrap()[0];
        assert_eq!(listed["symbol"], symbol);
        assert_eq!(listed["filters"][0]["tickSize"], tick);
        assert_eq!(listed["filters"][1]["stepSize"], lot);
        let truth = sim.true_book(symbol).unwrap();
        let tick = decimal_text(tick);
        assert!(truth.bids.iter().all(|(price, _)| decimal_text(price) % tick == 0));
    }
    let sim = start(Venue::BinanceSpot, market(3));
    let path = "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22SOLUSDT%22%5D";
    let two = Rest::open(&sim).fetch(path).json();
    assert_eq!(two["symbols"].as_array().unwrap().len(), 2);
}
