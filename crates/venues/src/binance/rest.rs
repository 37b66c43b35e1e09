//! REST bodies: snapshots and instrument lists.

use serde::Deserialize;
use tickbook_scan::{LevelScanner, expect, unsigned};
use tickbook_types::{
    BookId, LevelRecord, Padded, PaddedBuf, Price, Scale, SeqNo, Side, Size, SnapshotBlock, Venue,
};

use super::frame::venue_time;
use super::general::{self, Json, Sonic};
use super::instruments;
use crate::rest::{InstrumentList, RestBody, RestError, RestSnapshot, RestUrl, block_of};

/// Parses a body by its URL; see [`crate::parse_rest`].
pub(crate) fn parse_rest(venue: Venue, url: &str, body: &[u8]) -> Result<RestBody, RestError> {
    let url = RestUrl::parse(url);
    if url.path.ends_with("/exchangeInfo") {
        let list = |instruments| InstrumentList { instruments, skipped: 0 };
        return instruments::parse(venue, body).map(list).map(RestBody::Instruments);
    }
    if !url.path.ends_with("/depth") {
        return Err(RestError::UnknownUrl);
    }
    let symbol = url.value("symbol").ok_or(RestError::UnknownUrl)?;
    let block = snapshot(body)?;
    Ok(RestBody::Snapshot(RestSnapshot { symbol: symbol.to_owned(), block: Box::new(block) }))
}

/// Parses a snapshot: by the scanner where the body is as usual, else by the general path.
fn snapshot(body: &[u8]) -> Result<SnapshotBlock, RestError> {
    match scan(PaddedBuf::new(body).padded()) {
        Some(block) => Ok(block),
        None => general_snapshot(body),
    }
}

/// The finest scale that the scanner takes; what it found is made coarser afterwards.
const FINEST: Scale = Scale { price_exponent: -8, size_exponent: -8 };

fn scan(body: Padded<'_>) -> Option<SnapshotBlock> {
    let bytes = body.with_padding();
    let (id, mut at) = unsigned(bytes, expect(bytes, 0, b"{\"lastUpdateId\":")?)?;
    let mut time = 0;
    if let Some(number) = expect(bytes, at, b",\"E\":") {
        (time, at) = unsigned(bytes, number)?;
    }
    if let Some(number) = expect(bytes, at, b",\"T\":") {
        at = unsigned(bytes, number)?.1;
    }
    for name in [b",\"symbol\":\"".as_slice(), b",\"pair\":\""] {
        if bytes.get(at..)?.starts_with(name) {
            at = tickbook_scan::text(bytes, at + name.len())?.1;
        }
    }
    let mut scanner = LevelScanner::new(FINEST)?;
    let mut levels = vec![LevelRecord::default(); body.len() / 10 + 1];
    let at = expect(bytes, at, b",\"bids\":")?;
    let bids = scanner.levels(bytes, at, Side::Bid, &mut levels)?;
    let at = expect(bytes, bids.end, b",\"asks\":")?;
    let asks = scanner.levels(bytes, at, Side::Ask, levels.get_mut(bids.count..)?)?;
    if expect(bytes, asks.end, b"}")? != body.len() {
        return None;
    }
    levels.truncate(bids.count + asks.count);
    levels.shrink_to_fit();
    let scale = coarsen(&mut levels);
    let seq = Some(SeqNo(id));
    Some(SnapshotBlock {
        book: BookId(0),
        seq,
        venue_time: venue_time(time),
        scale,
        levels,
        checksum: None,
    })
}

/// Cuts the trailing zeros that all numbers of a field have, up to whole units.
fn coarsen(levels: &mut [LevelRecord]) -> Scale {
    let mut scale = FINEST;
    let shared = |word: &dyn Fn(&LevelRecord) -> u64| {
        let (mut power, mut digits) = (100_000_000, 8_i8);
        for level in levels.iter() {
            while digits > 0 && !word(level).is_multiple_of(power) {
                (power, digits) = (power / 10, digits - 1);
            }
        }
        (power, digits)
    };
    let (price_unit, price_digits) = shared(&|level| level.price().0.unsigned_abs());
    let (size_unit, size_digits) = shared(&|level| level.size().0);
    scale.price_exponent += price_digits;
    scale.size_exponent += size_digits;
    for level in levels.iter_mut() {
        let price = level.price().0.unsigned_abs() / price_unit;
        let size = Size(level.size().0 / size_unit);
        *level = LevelRecord::new(Price(price.cast_signed()), size, level.side());
    }
    scale
}

#[derive(Debug, Deserialize)]
struct Time {
    #[serde(rename = "E", default)]
    event_time: u64,
}

fn general_snapshot(body: &[u8]) -> Result<SnapshotBlock, RestError> {
    let depth = general::partial::<Sonic>(body)?;
    let time: Time = Sonic::parse(body).map_err(|_| RestError::Malformed)?;
    block_of(depth.levels.iter().copied(), Some(SeqNo(depth.ids.last)), venue_time(time.event_time))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn depth(url: &str, body: &str) -> Result<RestSnapshot, RestError> {
        match parse_rest(Venue::BinanceSpot, url, body.as_bytes())? {
            RestBody::Snapshot(snapshot) => Ok(snapshot),
            other => panic!("a snapshot was asked for: {other:?}"),
        }
    }

    const BODY: &str = concat!(
        r#"{"lastUpdateId":9000104,"bids":[["64250.10000000","0.75000000"]],"#,
        r#""asks":[["64250.20000000","12.00000000"],["64251.00000000","#,
        r#""3.00000000"]]}"#,
    );

    #[test]
    fn url_forms_of_all_venues() {
        for url in [
            "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000",
            "https://www.binance.com/api/v1/depth?limit=1000&symbol=BTCUSDT",
            "/fapi/v1/depth?symbol=BTCUSDT&limit=1000",
            "/dapi/v1/depth?symbol=BTCUSDT",
        ] {
            assert_eq!(depth(url, BODY).unwrap().symbol, "BTCUSDT", "{url}");
        }
        for url in ["/api/v3/depth", "/api/v3/depth?limit=5", "/api/v3/klines?symbol=X", "", "x"] {
            assert_eq!(depth(url, BODY).unwrap_err(), RestError::UnknownUrl, "{url}");
        }
    }

    #[test]
    fn a_snapshot_has_the_coarsest_scale_that_holds_it() {
        let block = depth("/api/v3/depth?symbol=X", BODY).unwrap().block;
        assert_eq!(block.seq, Some(SeqNo(9_000_104)));
        assert_eq!(block.scale, Scale { price_exponent: -1, size_exponent: -2 });
        let values: Vec<_> =
            block.levels.iter().map(|it| (it.price().0, it.size().0, it.side())).collect();
        assert_eq!(
            values,
            [(642_501, 75, Side::Bid), (642_502, 1200, Side::Ask), (642_510, 300, Side::Ask)]
        );
    }

    #[test]
    fn bodies_that_are_no_snapshot_are_refused() {
        for body in [
            "",
            "<html>busy</html>",
            "{}",
            "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}",
            &BODY[..80],
        ] {
            assert_eq!(
                depth("/api/v3/depth?symbol=X", body).unwrap_err(),
                RestError::Malformed,
                "{body}"
            );
        }
        let empty =
            depth("/x/depth?symbol=X", r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#).unwrap();
        assert!(empty.block.levels.is_empty(), "a new listing");
    }

    fn price() -> &'static str {
        "[1-9][0-9]{0,5}(\\.[0-9]{1,8})?"
    }

    fn size() -> &'static str {
        "[0-9]{1,7}(\\.[0-9]{1,8})?"
    }

    proptest! {
        #[test]
        fn scanned_and_general_snapshots_are_equal(
            levels in proptest::collection::vec((price(), size(), any::<bool>()), 0..12),
            id in any::<u32>(),
            futures in any::<bool>(),
        ) {
            let side = |want: bool| {
                let pairs = levels.iter().filter(|(_, _, bid)| *bid == want);
                let text = |(price, size, _): &_| format!("[\"{price}\",\"{size}\"]");
                pairs.map(text).collect::<Vec<_>>().join(",")
            };
            let extra = r#""E":1626916404580,"T":1626916404574,"symbol":"X_PERP","pair":"X","#;
            let extra = if futures { extra } else { "" };
            let (bids, asks) = (side(true), side(false));
            let body = format!(r#"{{"lastUpdateId":{id},{extra}"bids":[{bids}],"asks":[{asks}]}}"#);
            let scanned = scan(PaddedBuf::new(body.as_bytes()).padded());
            let general = general_snapshot(body.as_bytes()).unwrap();
            prop_assert_eq!(scanned, Some(general));
        }
    }
}
