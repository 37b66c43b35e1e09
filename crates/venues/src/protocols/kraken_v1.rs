//! Kraken spot, WebSocket v1: `book-DEPTH`, arrays with the names at their end.
//!
//! No ids: after each change both sides are cut to the depth of the channel, and a checksum tells
//! whether the ten best levels are right. Snapshots have none. A change of both sides may come as
//! two objects of one frame; a level that moves up into the window comes marked `r`.

use tickbook_types::{ChecksumKind, Padded, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, crc32, seconds, side_of};
use super::kraken_v2::{DEPTH_DEFAULT, DEPTHS, with_depth};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb, quoted};
use super::rows::numbers;
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::session::{ConfigError, Subscription};

/// See the module.
#[derive(Debug)]
pub(crate) struct KrakenV1;

/// Idle connections are cut after a minute; any message keeps them.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.kraken.com")],
    rest: "https://api.kraken.com",
    keepalive: Some((30 * SECOND, r#"{"event":"ping","reqid":1}"#)),
    checksums: true,
    ..Rules::CAUTIOUS
};

impl Protocol for KrakenV1 {
    fn rules(&self) -> Rules {
        RULES
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        with_depth(subscription)
    }

    fn depth_max(&self, topic: &Topic) -> Option<u32> {
        topic.depth
    }

    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        let verb_name = verb.name();
        let mut push = |pairs: String, channel: String| {
            if !pairs.is_empty() {
                let head = format!(r#""event":"{verb_name}","reqid":{id}"#);
                out.push(format!(r#"{{{head},"pair":[{pairs}],"subscription":{{{channel}}}}}"#));
            }
        };
        for depth in DEPTHS {
            let of_depth = |topic: &&&Topic| topic.depth.unwrap_or(DEPTH_DEFAULT) == depth;
            let pairs = topics.iter().filter(of_depth).map(|topic| topic.symbol.as_str());
            push(quoted(pairs), format!(r#""name":"book","depth":{depth}"#));
        }
        let trades = topics.iter().filter(|topic| topic.trades && verb == Verb::Subscribe);
        push(quoted(trades.map(|topic| topic.symbol.as_str())), r#""name":"trade""#.to_owned());
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(b"[")?;
        at.integer()?;
        let mut time = WallNanos(0);
        if at.has(br#",{"a":["#) {
            usual_rows(Side::Ask, &mut time, &mut at, frame)?;
            // Both sides, in two parts.
            if at.has(br#"},{"b":["#) {
                usual_rows(Side::Bid, &mut time, &mut at, frame)?;
            }
        } else {
            at.words(br#",{"b":["#)?;
            usual_rows(Side::Bid, &mut time, &mut at, frame)?;
        }
        at.words(br#","c":""#)?;
        let crc = at.crc32()?;
        at.words(br#""},"book-"#)?;
        let depth = u32::try_from(at.integer()?).ok()?;
        at.words(b"\",\"")?;
        let pair = at.text()?;
        at.words(b"]")?;
        at.end()?;
        frame.book(pair, Content::Delta, Link::Free, time);
        frame.depth(Some(depth));
        frame.checksum(ChecksumKind::Kraken, crc);
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let mut reader = Reader::new(message);
        if reader.peek()? == b'[' { data(reader, frame) } else { event(reader, frame) }
    }
}

/// `[id, part, "channel", "pair"]`, now and then with two parts.
fn data(mut reader: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut parts, mut names) = ([None; 2], [None; 2]);
    reader.array(|item| {
        match item.peek()? {
            b'{' | b'[' => *free(&mut parts)? = Some(item.mark()?),
            b'"' => *free(&mut names)? = Some(item.text()?),
            _ => item.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    let [Some(channel), Some(pair)] = names else { return Err(Rejected::Shape) };
    if let Some(depth) = channel.strip_prefix(b"book-") {
        let depth = u32::try_from(Reader::new(depth).integer()?).map_err(|_| Rejected::Number)?;
        book(parts, pair, depth, frame)
    } else if let (b"trade", [Some(mut trades), None]) = (channel, parts) {
        trades.array(|trade| read_trade(trade, pair, frame))
    } else {
        frame.ignore(Ignored::UnusedStream);
        Ok(())
    }
}

/// The first place that is still free: what needs a third one is no message known here.
fn free<T>(places: &mut [Option<T>]) -> Read<&mut Option<T>> {
    places.iter_mut().find(|place| place.is_none()).ok_or(Rejected::Shape)
}

fn book(parts: [Option<Reader<'_>>; 2], pair: &[u8], depth: u32, frame: &mut Frame) -> Read<()> {
    let (mut content, mut checksum, mut time) = (Content::Delta, None, WallNanos(0));
    for mut part in parts.into_iter().flatten() {
        part.object(|key, value| {
            match key {
                b"as" | b"bs" => content = Content::Snapshot,
                b"a" | b"b" => {}
                b"c" => {
                    checksum = Some(crc32(value.digits()?)?);
                    return Ok(());
                }
                _ => return value.skip(),
            }
            let side = if key[0] == b'a' { Side::Ask } else { Side::Bid };
            value.array(|row| {
                time = time.max(level(row, side, frame)?);
                Ok(())
            })
        })?;
    }
    if parts[0].is_none() {
        return Err(Rejected::Shape);
    }
    frame.book(pair, content, Link::Free, time);
    frame.depth(Some(depth));
    if let Some(crc) = checksum {
        frame.checksum(ChecksumKind::Kraken, crc);
    }
    Ok(())
}

/// `["price", "size", "seconds", "r"]`; its time.
fn level(row: &mut Reader<'_>, side: Side, frame: &mut Frame) -> Read<WallNanos> {
    let [price, size, time] = numbers(row)?;
    frame.put(side, price, size)?;
    Ok(WallNanos(time.value().to_mantissa(-9).unwrap_or(0)))
}

/// Rows as [`level`] reads them, up to the closing bracket; `time` becomes the latest of theirs.
#[inline]
fn usual_rows(
    side: Side,
    time: &mut WallNanos,
    at: &mut Usual<'_>,
    frame: &mut Frame,
) -> Option<()> {
    at.items(|row| {
        row.words(b"[\"")?;
        let pair = row.quoted_pair()?;
        row.words(b",\"")?;
        *time = row.seconds()?.max(*time);
        row.words(b"\"")?;
        if !row.has(b"]") {
            row.words(br#","r"]"#)?;
        }
        frame.put_plain(side, pair);
        Some(())
    })
}

/// `["price", "size", "seconds", "side", "type", "notes"]`.
fn read_trade(trade: &mut Reader<'_>, pair: &[u8], frame: &mut Frame) -> Read<()> {
    let [price, size, time, side] = fields(trade)?;
    frame.trade(pair, (side_of(side), price, size), 0, seconds(time))
}

/// The first texts of a row; the others are skipped.
fn fields<'a, const N: usize>(row: &mut Reader<'a>) -> Read<[&'a [u8]; N]> {
    let (mut fields, mut count) = ([&b""[..]; N], 0);
    row.array(|field| {
        match fields.get_mut(count) {
            Some(place) => *place = field.text()?,
            None => field.skip()?,
        }
        count += 1;
        Ok(())
    })?;
    if count < N { Err(Rejected::Shape) } else { Ok(fields) }
}

fn event(mut reader: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut event, mut status, mut words) = (&b""[..], &b""[..], &b""[..]);
    reader.object(|key, value| {
        match key {
            b"event" => event = value.text()?,
            b"status" => status = value.text()?,
            b"errorMessage" => words = value.text().unwrap_or(b"error"),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    match (event, status) {
        (_, b"error") | (b"error", _) => frame.refused(0, words),
        (b"heartbeat" | b"systemStatus", _) => frame.ignore(Ignored::Notice),
        _ => frame.ignore(Ignored::Ack),
    }
    Ok(())
}
