//! Names of assets, and dates, as every venue's are written here.

use tickbook_types::{Instrument, InstrumentKind, InstrumentStatus, SizeUnit, Venue};

/// The name of an asset that is the same on every venue.
///
/// Only names that the venue itself documents as another's are translated.
pub(super) fn asset(venue: Venue, name: &str) -> String {
    let name = name.to_ascii_uppercase();
    let common = match (family(venue), name.as_str()) {
        (Family::Kraken | Family::BitMex, "XBT") => "BTC",
        (Family::Kraken, "XDG") => "DOGE",
        (Family::Bitfinex, "UST") => "USDT",
        (Family::Bitfinex, "UDC") => "USDC",
        (Family::Bitfinex, "DSH") => "DASH",
        (Family::Bitfinex, "IOT") => "IOTA",
        (Family::Bitfinex, "ALG") => "ALGO",
        (Family::Bitfinex, "QTM") => "QTUM",
        (Family::Bitfinex, "DAT") => "DATA",
        _ => return name,
    };
    common.to_owned()
}

enum Family {
    Kraken,
    BitMex,
    Bitfinex,
    Other,
}

fn family(venue: Venue) -> Family {
    match venue {
        Venue::KrakenV1 | Venue::KrakenV2 | Venue::KrakenL3 | Venue::KrakenFutures => {
            Family::Kraken
        }
        Venue::BitMex => Family::BitMex,
        Venue::Bitfinex => Family::Bitfinex,
        _ => Family::Other,
    }
}

/// An instrument whose sizes count base, with nothing else known but its pair.
pub(super) fn pair(venue: Venue, symbol: &str, base: &str, quote: &str) -> Instrument {
    Instrument {
        base: asset(venue, base),
        quote: asset(venue, quote),
        size_unit: SizeUnit::Base,
        ..Instrument::unlisted(venue, symbol)
    }
}

/// [`InstrumentStatus::Trading`] or [`InstrumentStatus::Halted`].
pub(super) const fn trading(trades: bool) -> InstrumentStatus {
    if trades { InstrumentStatus::Trading } else { InstrumentStatus::Halted }
}

/// A future with an expiry, a perpetual without.
pub(super) const fn contract(expiry: Option<u32>) -> InstrumentKind {
    match expiry {
        Some(_) => InstrumentKind::Future,
        None => InstrumentKind::Perpetual,
    }
}

/// `YYYYMMDD` (UTC) of a time in ms; `None` for 0 (none) and for times that are no date.
pub(crate) fn day_of_ms(ms: i64) -> Option<u32> {
    if ms == 0 { None } else { day(ms.div_euclid(86_400_000)) }
}

/// `YYYYMMDD` of a day since 1970, by Howard Hinnant's `civil_from_days`.
pub(crate) fn day(days: i64) -> Option<u32> {
    let shifted = days.checked_add(719_468)?;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era.checked_add(era.checked_mul(400)?)? + i64::from(month <= 2);
    u32::try_from(year.checked_mul(10_000)? + month * 100 + day).ok()
}

/// `YYYYMMDD` of a date that begins `2026-12-25`.
pub(super) fn day_of_iso(text: &str) -> Option<u32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes().first_chunk()? else {
        return None;
    };
    date(&[y1, y2, y3, y4, m1, m2, d1, d2])
}

/// `YYYYMMDD` of `YYMMDD`, in this century.
pub(super) fn day_of_short(text: &str) -> Option<u32> {
    let [y1, y2, m1, m2, d1, d2] = *<&[u8; 6]>::try_from(text.as_bytes()).ok()?;
    date(&[b'2', b'0', y1, y2, m1, m2, d1, d2])
}

/// `YYYYMMDD` of `25DEC26` or `5DEC26`, in this century.
pub(super) fn day_of_english(text: &str) -> Option<u32> {
    let at = text.len().checked_sub(5)?;
    let (day, rest) = (text.get(..at)?, text.get(at..)?);
    let (month, year) = (rest.get(..3)?, rest.get(3..)?);
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    let day = if day.len() == 1 { format!("0{day}") } else { day.to_owned() };
    day_of_short(&format!("{year}{month:02}{day}"))
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Eight digits that make a date.
fn date(digits: &[u8; 8]) -> Option<u32> {
    let number = digits.iter().try_fold(0_u32, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })?;
    let (month, day) = (number / 100 % 100, number % 100);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (ms, expected) in [
            (1, 19_700_101),
            (951_782_400_000, 20_000_229),
            (1_632_470_400_000, 20_210_924),
            (4_133_404_800_000, 21_001_225),
        ] {
            assert_eq!(day_of_ms(ms), Some(expected));
        }
        assert_eq!(day_of_ms(0), None);
        assert_eq!(day_of_ms(i64::MIN), None);
        assert_eq!(day(i64::MAX), None);
    }

    #[test]
    fn dates_as_venues_write_them() {
        assert_eq!(day_of_iso("2026-12-25T08:00:00.000Z"), Some(20_261_225));
        assert_eq!(day_of_short("261225"), Some(20_261_225));
        assert_eq!(day_of_english("25DEC26"), Some(20_261_225));
        assert_eq!(day_of_english("8JUN26"), Some(20_260_608));
        for text in ["", "2026", "2026-13-01", "2026-00-10", "2026/12/25"] {
            assert_eq!(day_of_iso(text), None, "{text}");
        }
        for text in ["", "25DEZ26", "DEC26", "1234567", "32JAN26", "\u{e9}DEC26"] {
            assert_eq!(day_of_english(text), None, "{text}");
        }
        assert_eq!(day_of_short("26122x"), None);
    }

    #[test]
    fn assets_have_one_name() {
        assert_eq!(asset(Venue::BitMex, "XBT"), "BTC");
        assert_eq!(asset(Venue::KrakenFutures, "xbt"), "BTC");
        assert_eq!(asset(Venue::Gemini, "btc"), "BTC");
        assert_eq!(asset(Venue::OkxV5, "XBT"), "XBT", "another venue's name is left alone");
    }
}
