//! How numbers and books look on a terminal.

use tickbook::TickerSnapshot;
use tickbook_types::{Decimal, Level, MonoNanos, Scale};

/// A price or size of a level as a plain decimal.
pub(crate) fn price(level: Level, scale: Scale) -> String {
    Decimal::new(i128::from(level.price.0), i16::from(scale.price_exponent)).to_string()
}

/// See [`price`].
pub(crate) fn size(level: Level, scale: Scale) -> String {
    Decimal::new(i128::from(level.size.0), i16::from(scale.size_exponent)).to_string()
}

/// Nanoseconds in the unit a person would choose: `850 ns`, `12.3 us`, `4.56 ms`.
pub(crate) fn nanos(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits for people")]
    let float = value as f64;
    match value {
        0..1_000 => format!("{value} ns"),
        1_000..1_000_000 => format!("{} us", three(float / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", three(float / 1e6)),
        _ => format!("{} s", three(float / 1e9)),
    }
}

/// A number printed with three digits, whatever its size below a thousand.
struct Three(f64);

const fn three(value: f64) -> Three {
    Three(value)
}

impl std::fmt::Display for Three {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = match self.0 {
            value if value < 9.995 => 2,
            value if value < 99.95 => 1,
            _ => 0,
        };
        write!(f, "{:.digits$}", self.0)
    }
}

/// A count with its thousands set apart: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A message without its line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A ladder of two columns, best first: size and price of bids, price and size of asks. Prices have
/// all their decimals, so that the points stand below each other.
pub(crate) fn ladder(bids: &[Level], asks: &[Level], scale: Scale, depth: usize) -> Vec<String> {
    let rows = bids.len().max(asks.len()).min(depth);
    (0..rows)
        .map(|row| {
            let bid = bids.get(row).map(|it| (size(*it, scale), aligned(*it, scale)));
            let ask = asks.get(row).map(|it| (aligned(*it, scale), size(*it, scale)));
            let (bid_size, bid_price) = bid.unwrap_or_default();
            let (ask_price, ask_size) = ask.unwrap_or_default();
            format!("{bid_size:>14} {bid_price:>12} | {ask_price:<12} {ask_size:<14}")
        })
        .collect()
}

/// What a venue says beside the book: `mark_price 0.084155, mark_iv 0.7874 (12.3 ms old)`.
pub(crate) fn ticker(read: &TickerSnapshot, now: MonoNanos) -> String {
    let fields = read.ticker.fields().map(|(field, figure)| format!("{} {figure}", field.name()));
    let age = nanos(read.age_ns(now).unsigned_abs());
    format!("ticker: {} ({age} old)", fields.collect::<Vec<_>>().join(", "))
}

/// The heads of the columns of [`ladder`].
pub(crate) fn ladder_head() -> String {
    format!("{:>14} {:>12} | {:<12} {:<14}", "size", "bid", "ask", "size")
}

/// A price with as many decimals as the instrument has.
fn aligned(level: Level, scale: Scale) -> String {
    let Ok(decimals @ 1..) = usize::try_from(-i16::from(scale.price_exponent)) else {
        return price(level, scale);
    };
    let sign = if level.price.0 < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", level.price.0.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (value, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (12_345, "12.3 us"),
            (999_999, "1000 us"),
            (4_560_000, "4.56 ms"),
            (60_000_000_000, "60.0 s"),
        ] {
            assert_eq!(nanos(value), text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn prices_have_all_their_decimals() {
        use tickbook_types::{Price, Size};
        let show = |mantissa, price_exponent| {
            let level = Level { price: Price(mantissa), size: Size(1) };
            aligned(level, Scale { price_exponent, size_exponent: 0 })
        };
        assert_eq!(show(6_123_450, -2), "61234.50");
        assert_eq!(show(5, -3), "0.005");
        assert_eq!(show(-150, -2), "-1.50");
        assert_eq!(show(12, 0), "12");
        assert_eq!(show(12, 2), "1200");
    }

    #[test]
    fn a_one_sided_book_has_one_column() {
        use tickbook_types::{Price, Size};
        let scale = Scale { price_exponent: -2, size_exponent: 0 };
        let bids = [Level { price: Price(150), size: Size(7) }];
        let rows = ladder(&bids, &[], scale, 10);
        assert_eq!(rows.len(), 1);
        assert!(rows[0].contains("7         1.50 |"), "{rows:?}");
    }
}
