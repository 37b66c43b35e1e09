//! The venue's messages, written into a reused buffer without floats and without allocation.

use tickbook_types::{Side, Venue};

use super::book::{Bbo, Window};
use super::flow::Fill;
use super::listing::Listing;

/// A message and the venue's shape of it.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    venue: Venue,
    out: Vec<u8>,
}

/// The ids of a depth message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DepthIds {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Last id of the message before this one.
    pub(crate) previous: u64,
}

impl Wire {
    pub(crate) fn new(venue: Venue) -> Self {
        Self { venue, out: Vec::with_capacity(64 << 10) }
    }

    fn is_futures(&self) -> bool {
        matches!(self.venue, Venue::BinanceUsdm | Venue::BinanceCoinm)
    }

    /// A depth message.
    pub(crate) fn depth(
        &mut self,
        listing: &Listing,
        ids: DepthIds,
        at_ms: u64,
        window: &Window,
    ) -> &[u8] {
        self.out.clear();
        self.text("{\"e\":\"depthUpdate\",\"E\":");
        self.number(at_ms);
        if self.is_futures() {
            self.text(",\"T\":");
            self.number(at_ms);
        }
        self.symbol(listing);
        self.text(",\"U\":");
        self.number(ids.first);
        self.text(",\"u\":");
        self.number(ids.last);
        if self.is_futures() {
            self.text(",\"pu\":");
            self.number(ids.previous);
        }
        for (key, side) in [(",\"b\":[", Side::Bid), (",\"a\":[", Side::Ask)] {
            self.text(key);
            for (index, change) in window.changes(side).iter().enumerate() {
                if index > 0 {
                    self.out.push(b',');
                }
                self.level(listing, change.price, change.size);
            }
            self.out.push(b']');
        }
        self.family(listing);
        self.out.push(b'}');
        &self.out
    }

    /// Best bid and ask; a side without a level has price and size zero.
    pub(crate) fn ticker(&mut self, listing: &Listing, id: u64, at_ms: u64, bbo: &Bbo) -> &[u8] {
        self.out.clear();
        match self.venue {
            Venue::BinanceUsdm => {
                self.text("{\"e\":\"bookTicker\",\"u\":");
                self.number(id);
            }
            Venue::BinanceCoinm => {
                self.text("{\"u\":");
                self.number(id);
                self.text(",\"e\":\"bookTicker\"");
            }
            _ => {
                self.text("{\"u\":");
                self.number(id);
            }
        }
        self.symbol(listing);
        for (keys, side) in [(["b", "B"], Side::Bid), (["a", "A"], Side::Ask)] {
            let (price, size) = bbo[side as usize].unwrap_or_default();
            self.key(keys[0]);
            self.price(listing, price);
            self.out.push(b'"');
            self.key(keys[1]);
            self.size(listing, size);
            self.out.push(b'"');
        }
        if self.is_futures() {
            self.text(",\"T\":");
            self.number(at_ms);
            self.text(",\"E\":");
            self.number(at_ms);
            self.family(listing);
        }
        self.out.push(b'}');
        &self.out
    }

    /// One fill.
    pub(crate) fn trade(&mut self, listing: &Listing, fill: &Fill, at_ms: u64) -> &[u8] {
        self.begin_trade("trade", at_ms);
        if self.is_futures() {
            self.text(",\"T\":");
            self.number(at_ms);
        }
        self.symbol(listing);
        self.text(",\"t\":");
        self.number(fill.id);
        self.price_and_size(listing, fill);
        if self.is_futures() {
            self.text(",\"X\":\"MARKET\"");
        } else {
            self.text(",\"T\":");
            self.number(at_ms);
        }
        self.end_trade(fill);
        &self.out
    }

    /// One fill as an aggregate of itself.
    pub(crate) fn agg_trade(&mut self, listing: &Listing, fill: &Fill, at_ms: u64) -> &[u8] {
        self.begin_trade("aggTrade", at_ms);
        if self.is_futures() {
            self.text(",\"a\":");
            self.number(fill.id);
            self.symbol(listing);
        } else {
            self.symbol(listing);
            self.text(",\"a\":");
            self.number(fill.id);
        }
        self.price_and_size(listing, fill);
        self.text(",\"f\":");
        self.number(fill.id);
        self.text(",\"l\":");
        self.number(fill.id);
        self.text(",\"T\":");
        self.number(at_ms);
        self.end_trade(fill);
        &self.out
    }

    fn begin_trade(&mut self, event: &str, at_ms: u64) {
        self.out.clear();
        self.text("{\"e\":\"");
        self.text(event);
        self.text("\",\"E\":");
        self.number(at_ms);
    }

    fn price_and_size(&mut self, listing: &Listing, fill: &Fill) {
        self.key("p");
        self.price(listing, fill.price);
        self.out.push(b'"');
        self.key("q");
        self.size(listing, fill.size);
        self.out.push(b'"');
    }

    fn end_trade(&mut self, fill: &Fill) {
        self.text(if fill.buyer_is_maker { ",\"m\":true" } else { ",\"m\":false" });
        if !self.is_futures() {
            self.text(",\"M\":true");
        }
        self.out.push(b'}');
    }

    fn symbol(&mut self, listing: &Listing) {
        self.key("s");
        self.text(&listing.symbol);
        self.out.push(b'"');
        if self.venue == Venue::BinanceCoinm {
            self.key("ps");
            self.text(&listing.pair);
            self.out.push(b'"');
        }
    }

    /// The fields that tell the two futures families apart since they share hosts.
    fn family(&mut self, listing: &Listing) {
        match self.venue {
            Venue::BinanceUsdm => {
                self.key("ps");
                self.text(&listing.pair);
                self.text("\",\"st\":1");
            }
            Venue::BinanceCoinm => self.text(",\"st\":2"),
            _ => {}
        }
    }

    /// `,"key":"`, the value to follow.
    fn key(&mut self, key: &str) {
        self.text(",\"");
        self.text(key);
        self.text("\":\"");
    }

    fn level(&mut self, listing: &Listing, price: i64, size: u64) {
        self.text("[\"");
        self.price(listing, price);
        self.text("\",\"");
        self.size(listing, size);
        self.text("\"]");
    }

    fn price(&mut self, listing: &Listing, ticks: i64) {
        let units = ticks.unsigned_abs() * listing.tick;
        write_decimal(&mut self.out, units, listing.price_decimals);
    }

    fn size(&mut self, listing: &Listing, lots: u64) {
        write_decimal(&mut self.out, lots * listing.lot, listing.size_decimals);
    }

    fn number(&mut self, value: u64) {
        write_decimal(&mut self.out, value, 0);
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Two digits of every number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0_u8;
    while n < 100 {
        pairs[n as usize] = [b'0' + n / 10, b'0' + n % 10];
        n += 1;
    }
    pairs
};

/// Appends `units * 10^-decimals`, with all its decimals: `61234.50000000`, `0.00001000`, `17`.
pub(crate) fn write_decimal(out: &mut Vec<u8>, units: u64, decimals: u32) {
    // 20 digits of a u64, a point, and zeros up to 20 decimals.
    let mut digits = [b'0'; 24];
    let divisor = 10_u64.pow(decimals);
    let start = if decimals == 0 {
        whole_digits(&mut digits, 24, units)
    } else {
        let point = 23 - decimals as usize;
        whole_digits(&mut digits, 24, units % divisor);
        digits[point] = b'.';
        whole_digits(&mut digits, point, units / divisor)
    };
    out.extend_from_slice(&digits[start..]);
}

/// Writes `value` so that its last digit is before `end`; gives where its first digit is.
fn whole_digits(digits: &mut [u8; 24], end: usize, mut value: u64) -> usize {
    let mut at = end;
    while value >= 10 {
        at -= 2;
        // A remainder of 100 is an index of the table.
        digits[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if value > 0 || at == end {
        at -= 1;
        digits[at] = PAIRS[(value % 10) as usize][1];
    }
    at
}

/// A price or size as plain decimal without trailing zeros.
pub(crate) fn plain(units: u64, decimals: u32) -> String {
    let mut out = Vec::with_capacity(24);
    write_decimal(&mut out, units, decimals);
    if decimals > 0 {
        while out.last() == Some(&b'0') {
            out.pop();
        }
        if out.last() == Some(&b'.') {
            out.pop();
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_printed_like_the_venue_does() {
        for (units, decimals, text) in [
            (6_123_450_000_000, 8, "61234.50000000"),
            (1_000, 8, "0.00001000"),
            (0, 8, "0.00000000"),
            (5, 1, "0.5"),
            (10, 1, "1.0"),
            (17, 0, "17"),
            (0, 0, "0"),
            (100, 0, "100"),
            (99, 0, "99"),
            (6_123_450, 2, "61234.50"),
            (u64::MAX, 0, "18446744073709551615"),
            (u64::MAX, 8, "184467440737.09551615"),
        ] {
            let mut out = Vec::new();
            write_decimal(&mut out, units, decimals);
            assert_eq!(core::str::from_utf8(&out).unwrap(), text);
        }
    }

    #[test]
    fn every_number_of_few_digits_is_printed_right() {
        for decimals in 0..5 {
            for units in (0..30_000).chain((0..64).map(|bit| 1 << bit)) {
                let mut out = Vec::new();
                write_decimal(&mut out, units, decimals);
                let divisor = 10_u64.pow(decimals);
                let mut wanted = (units / divisor).to_string();
                if decimals > 0 {
                    let width = decimals as usize;
                    wanted = format!("{wanted}.{:0width$}", units % divisor);
                }
                assert_eq!(String::from_utf8(out).unwrap(), wanted);
            }
        }
    }

    #[test]
    fn plain_numbers_have_no_trailing_zeros() {
        assert_eq!(plain(6_123_450_000_000, 8), "61234.5");
        assert_eq!(plain(100, 0), "100");
        assert_eq!(plain(100, 2), "1");
    }
}
