//! Scanner, general path, and a second JSON parser behind the general path: all must say the same.

use proptest::prelude::*;
use serde::Deserialize;
use tickbook_scan::LevelScanner;
use tickbook_types::{LevelRecord, PaddedBuf, Scale, ScaleError};

use super::frame::{DecimalLevel, Frame};
use super::general::{self, Json, Sonic};
use super::scan::{self, Kind, Sight};
use crate::counters::Rejected;
use crate::splice::Ids;

/// serde_json.
struct Serde;

impl Json for Serde {
    fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected> {
        serde_json::from_slice(text).map_err(|_| Rejected::Malformed)
    }
}

/// What a frame says, at a scale, whoever read it.
#[derive(Debug, PartialEq)]
enum Seen {
    Depth { symbol: String, stream: String, time: u64, ids: Ids, levels: Vec<LevelRecord> },
    Ticker { symbol: String, time: u64, seq: u64, levels: Vec<LevelRecord> },
    Trade { symbol: String, times: (u64, u64), id: u64, aggregate: bool, level: LevelRecord },
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn scanned(text: &[u8], scale: Scale) -> Option<Seen> {
    let padded = PaddedBuf::new(text);
    let message = padded.padded();
    let Sight::Head(mut head) = scan::open(&message) else { return None };
    let mut scanner = LevelScanner::new(scale).unwrap();
    Some(match head.kind {
        Kind::Depth | Kind::Partial => {
            let mut levels = vec![LevelRecord::default(); head.levels_max()];
            let count = head.levels(&mut scanner, &mut levels)?;
            levels.truncate(count);
            Seen::Depth {
                symbol: utf8(head.symbol),
                stream: utf8(head.stream),
                time: head.event_time,
                ids: head.ids,
                levels,
            }
        }
        Kind::Ticker => {
            let levels = head.ticker(&mut scanner)?.to_vec();
            let (time, seq) = (head.event_time, head.ids.last);
            Seen::Ticker { symbol: utf8(head.symbol), time, seq, levels }
        }
        Kind::Trade | Kind::AggTrade => {
            let level = head.trade(&mut scanner)?;
            Seen::Trade {
                symbol: utf8(head.symbol),
                times: (head.event_time, head.trade_time),
                id: head.trade_id,
                aggregate: head.kind == Kind::AggTrade,
                level,
            }
        }
    })
}

fn seen(frame: Frame, scale: Scale) -> Result<Option<Seen>, ScaleError> {
    let records = |levels: &[DecimalLevel]| -> Result<Vec<_>, _> {
        levels.iter().map(|level| level.record(scale)).collect()
    };
    Ok(Some(match frame {
        Frame::Depth(it) => Seen::Depth {
            levels: records(&it.levels)?,
            symbol: it.symbol,
            stream: it.stream,
            time: it.event_time,
            ids: it.ids,
        },
        Frame::Ticker(it) => Seen::Ticker {
            levels: records(&[it.bid, it.ask])?,
            symbol: it.symbol,
            time: it.event_time,
            seq: it.seq,
        },
        Frame::Trade(it) => Seen::Trade {
            level: it.level.record(scale)?,
            symbol: it.symbol,
            times: (it.event_time, it.trade_time),
            id: it.id,
            aggregate: it.aggregate,
        },
        Frame::Reply(_) | Frame::Shutdown | Frame::Unused => return Ok(None),
    }))
}

/// Compares the three on one text; whether the scanner took it.
fn compare(text: &[u8], scale: Scale) -> bool {
    let scanned = scanned(text, scale);
    let sonic = general::parse::<Sonic>(text);
    let serde = general::parse::<Serde>(text);
    let shown = String::from_utf8_lossy(text);
    if core::str::from_utf8(text).is_err() {
        // serde_json lets it pass in what it skips; it is no JSON.
        assert!(sonic.is_err() && scanned.is_none(), "{shown}");
        return false;
    }
    match (&sonic, &serde) {
        (Ok(sonic), Ok(serde)) => assert_eq!(sonic, serde, "{shown}"),
        (Err(_), Err(_)) => {}
        // sonic-rs does not look at the escapes in text that nobody asks for.
        (Ok(_), Err(_)) if text.contains(&b'\\') => {
            assert!(scanned.is_none(), "{shown}");
            return false;
        }
        _ => panic!("{shown}\nsonic-rs: {sonic:?}\nserde_json: {serde:?}"),
    }
    let took = scanned.is_some();
    if let Some(scanned) = scanned {
        let general = sonic.unwrap_or_else(|it| panic!("{shown}: the scanner took it, but {it:?}"));
        assert_eq!(seen(general, scale), Ok(Some(scanned)), "{shown}");
    }
    took
}

const SCALE: Scale = Scale { price_exponent: -2, size_exponent: -5 };

/// Frames of every kind and venue, with numbers of our own.
const FRAMES: &[&str] = &[
    concat!(
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","#,
        r#""E":1787612486435,"s":"BTCUSDT","U":9000101,"u":9000104,"#,
        r#""b":[["64250.00000000","0.75000000"],["64249.10000000","0.00000000"]],"#,
        r#""a":[]}}"#,
    ),
    concat!(
        r#"{"e":"depthUpdate","E":1787612486435123,"s":"BTCUSDT","U":9000105,"#,
        r#""u":9000105,"b":[],"a":[["64250.12000000","11.00001000"]]}"#,
    ),
    concat!(
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","#,
        r#""E":1787612486435,"T":1787612486430,"s":"BTCUSDT","U":7001,"u":7009,"#,
        r#""pu":6998,"b":[["64250.10","1.204"]],"a":[["64250.20","0"]],"#,
        r#""ps":"BTCUSDT","st":1}}"#,
    ),
    concat!(
        r#"{"e":"depthUpdate","E":1787612486435,"T":1787612486430,"#,
        r#""s":"BTCUSD_PERP","ps":"BTCUSD","U":7001,"u":7009,"pu":6998,"#,
        r#""b":[["64250.1","1001"],["64250.0","3"]],"a":[["64250.2","412"]]}"#,
    ),
    concat!(
        r#"{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":9000104,"#,
        r#""bids":[["64250.00","0.75"]],"asks":[["64250.10","0.005"],["64251.00","#,
        r#""1.5"]]}}"#,
    ),
    concat!(
        r#"{"stream":"btcusdt@bookTicker","data":{"u":9000104,"s":"BTCUSDT","#,
        r#""b":"64250.00000000","B":"0.75000000","a":"64250.10000000","#,
        r#""A":"0.00500000"}}"#,
    ),
    concat!(
        r#"{"e":"bookTicker","u":7009,"s":"BTCUSDT","b":"64250.10","B":"1.204","#,
        r#""a":"64250.20","A":"7.5","T":1787612486430,"E":1787612486435}"#,
    ),
    concat!(
        r#"{"stream":"btcusd_perp@bookTicker","data":{"u":7009,"e":"bookTicker","#,
        r#""s":"BTCUSD_PERP","ps":"BTCUSD","b":"64250.1","B":"35","a":"64250.2","#,
        r#""A":"1645","T":1787612486430,"E":1787612486435}}"#,
    ),
    concat!(
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1787612486436,"#,
        r#""s":"BTCUSDT","t":123,"p":"64250.10000000","q":"0.00500000","#,
        r#""T":1787612486435,"m":true,"M":true}}"#,
    ),
    concat!(
        r#"{"e":"trade","E":1787612486436,"T":1787612486435,"s":"BTCUSDT","t":124,"#,
        r#""p":"64250.10","q":"0.006","X":"MARKET","m":false}"#,
    ),
    concat!(
        r#"{"e":"aggTrade","E":1787612486436,"s":"BTCUSDT","a":77,"#,
        r#""p":"64250.10000000","q":"2.06290000","f":120,"l":123,"T":1787612486435,"#,
        r#""m":false,"M":true}"#,
    ),
    concat!(
        r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1787612486436,"#,
        r#""a":78,"s":"BTCUSDT","p":"64250.10","q":"3","nq":"2.5","f":124,"l":124,"#,
        r#""T":1787612486435,"m":true}}"#,
    ),
];

#[test]
fn every_kind_of_frame_is_scanned_and_equal() {
    for frame in FRAMES {
        let nq = frame.contains("nq");
        assert_eq!(
            compare(frame.as_bytes(), SCALE),
            !nq || compare(frame.as_bytes(), SCALE),
            "{frame}"
        );
        assert!(nq || compare(frame.as_bytes(), SCALE), "not scanned: {frame}");
    }
}

#[test]
fn other_spellings_are_read_by_the_general_path_alone() {
    for (frame, general) in [
        // White space, another order, exponents, escapes, unknown fields, a third element.
        (r#"{ "e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[],"a":[]}"#, true),
        (r#"{"s":"X","e":"depthUpdate","E":1,"U":1,"u":2,"b":[],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1e2","5E-3"]],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["+1",".5"]],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"\u0058","U":1,"u":2,"b":[],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"币安","U":1,"u":2,"b":[],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1","2",[]]],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"z":{"a":[1]},"b":[],"a":[]}"#, true),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1","0.000001"]],"a":[]}"#, true),
        // Wrong types, negative sizes, fields missing or repeated, numbers cut or too long.
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[[1,2]],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":"1","u":2,"b":[],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1","-2"]],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["NaN","2"]],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1",""]],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"b":[],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"u":3,"b":[],"a":[]}"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":02,"b":[],"a":[]}"#, false),
        (
            r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":99999999999999999999,"b":[],"a":[]}"#,
            false,
        ),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[],"a":[]"#, false),
        (r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[],"a":[]}}"#, false),
    ] {
        assert!(!compare(frame.as_bytes(), SCALE), "scanned: {frame}");
        assert_eq!(general::parse::<Sonic>(frame.as_bytes()).is_ok(), general, "{frame}");
    }
}

/// A small generator of its own, so that a failure names its seed and nothing else.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// One to three damages.
fn damage(text: &mut Vec<u8>, dice: &mut Dice) {
    const LIKELY: &[u8] = b"\"[]{},:.0123456789eE-+ \\aAbBuUpstTmM\0\n\xFF\xC3";
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(text.len());
        match dice.roll(7) {
            0 => text[at] ^= 1 << dice.roll(8),
            1 => text[at] = LIKELY[dice.roll(LIKELY.len())],
            2 => text.insert(at, LIKELY[dice.roll(LIKELY.len())]),
            3 if text.len() > 1 => drop(text.remove(at)),
            4 if at > 0 => text.truncate(at),
            5 => {
                let end = text.len().min(at + 1 + dice.roll(30));
                let copy = text[at..end].to_vec();
                let to = dice.roll(text.len());
                text.splice(to..to, copy);
            }
            _ => {
                let other = dice.roll(text.len());
                text.swap(at, other);
            }
        }
    }
}

#[test]
fn damaged_frames_are_never_read_differently() {
    let rounds = if cfg!(miri) { 20 } else { 15_000 };
    let mut scanned = 0;
    for (seed, frame) in FRAMES.iter().enumerate() {
        let mut dice = Dice(0x9E37_79B9 + seed as u64);
        for _ in 0..rounds {
            let mut text = frame.as_bytes().to_vec();
            damage(&mut text, &mut dice);
            scanned += u64::from(compare(&text, SCALE));
        }
    }
    assert!(scanned > 1_000 || cfg!(miri), "some damage leaves a frame whole: {scanned}");
}

fn number() -> impl Strategy<Value = String> {
    "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,2}0{0,6})?"
}

fn levels() -> impl Strategy<Value = String> {
    let level = (number(), number()).prop_map(|(price, size)| format!("[\"{price}\",\"{size}\"]"));
    proptest::collection::vec(level, 0..30).prop_map(|levels| levels.join(","))
}

proptest! {
    #[test]
    fn generated_diffs_are_scanned_and_equal(
        bids in levels(),
        asks in levels(),
        ids in any::<(u32, u32, Option<u32>)>(),
        combined in any::<bool>(),
        micros in any::<bool>(),
    ) {
        let time = if micros { 1_787_612_486_435_001_u64 } else { 1_787_612_486_435 };
        let prev = ids.2.map(|prev| format!(",\"pu\":{prev}")).unwrap_or_default();
        let event = format!(
            r#"{{"e":"depthUpdate","E":{time},"s":"BTCUSDT","U":{},"u":{}{prev},{}}}"#,
            ids.0, ids.1, format_args!(r#""b":[{bids}],"a":[{asks}]"#),
        );
        let frame = if combined {
            format!(r#"{{"stream":"btcusdt@depth","data":{event}}}"#)
        } else {
            event
        };
        prop_assert!(compare(frame.as_bytes(), SCALE));
    }

    #[test]
    fn arbitrary_text_is_never_read_differently(text in "\\PC{0,80}", at in 0..FRAMES.len()) {
        compare(text.as_bytes(), SCALE);
        let frame = FRAMES[at];
        let middle = frame.len() / 2;
        let mixed = format!("{}{text}{}", &frame[..middle], &frame[middle..]);
        compare(mixed.as_bytes(), SCALE);
    }
}
