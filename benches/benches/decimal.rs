//! Decimal text to an integer: exact parser, scanner, the usual loop, and `f64`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use tickbook_benches::market::{Market, SCALE};
use tickbook_benches::peer::Fixed;
use tickbook_scan::LevelScanner;
use tickbook_types::{Decimal, PADDING};

/// Numbers of one pass.
const NUMBERS: usize = 1_000;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    decimal(&mut criterion);
    criterion.final_summary();
}

fn decimal(criterion: &mut Criterion) {
    let texts = texts();
    let exponent = SCALE.price_exponent;
    // The exact parser and its conversion: what the general path does per number.
    let exact = |text: &str| Decimal::parse(text.as_bytes()).ok()?.to_mantissa(exponent).ok();
    let mut scanner = LevelScanner::new(SCALE).expect("a scale that the scanner serves");
    let padded: Vec<Vec<u8>> =
        texts.iter().map(|text| [text.as_bytes(), &[b'"'; PADDING]].concat()).collect();
    for (text, padded) in texts.iter().zip(&padded) {
        let value = exact(text).expect("a number");
        assert_eq!(Fixed::<2>::parse(text), Some(Fixed(value)), "{text}");
        let scanned = scanner.price(padded, 0).map(|(price, _)| price.0);
        assert_eq!(scanned, Some(value), "{text}");
    }

    let mut group = criterion.benchmark_group("decimal");
    group.throughput(Throughput::Elements(NUMBERS as u64));
    group.bench_function("tickbook exact", |b| {
        b.iter(|| texts.iter().filter_map(|text| exact(black_box(text))).sum::<i64>());
    });
    group.bench_function("tickbook scanner", |b| {
        b.iter(|| {
            let prices = padded.iter().filter_map(|text| scanner.price(black_box(text), 0));
            prices.map(|(price, _)| price.0).sum::<i64>()
        });
    });
    group.bench_function("fixed-point loop", |b| {
        b.iter(|| {
            texts
                .iter()
                .filter_map(|text| Fixed::<2>::parse(black_box(text)))
                .map(|it| it.0)
                .sum::<i64>()
        });
    });
    group.bench_function("f64::from_str", |b| {
        b.iter(|| texts.iter().filter_map(|text| black_box(text).parse::<f64>().ok()).sum::<f64>());
    });
    group.finish();
}

/// Prices as the venue writes them.
fn texts() -> Vec<String> {
    let mut market = Market::default();
    let mut records = Vec::new();
    while records.len() < NUMBERS {
        records.extend(market.message());
    }
    let text = |ticks: i64| format!("{}.{:02}000000", ticks / 100, ticks % 100);
    records[..NUMBERS].iter().map(|record| text(record.price().0)).collect()
}
