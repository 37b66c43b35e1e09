//! The general path: any JSON that says what a frame of the family says.
//!
//! Reads what the scanner leaves aside, and defines what the scanner's result must be. Allocates.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use tickbook_types::Side;

use super::frame::{DecimalLevel, Depth, Frame, Reply, Ticker, Trade};
use crate::counters::Rejected;
use crate::splice::Ids;

/// A JSON parser: text to a type.
pub(crate) trait Json {
    fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected>;
}

/// sonic-rs.
#[derive(Debug)]
pub(crate) struct Sonic;

impl Json for Sonic {
    fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected> {
        if is_too_deep(text) {
            return Err(Rejected::Malformed);
        }
        sonic_rs::from_slice(text).map_err(|error| {
            if error.is_syntax() || error.is_eof() { Rejected::Malformed } else { Rejected::Shape }
        })
    }
}

/// Deepest nesting that is read: the parser recurses, and the venues' own messages nest to 6.
const DEPTH_MAX: usize = 64;

/// Whether brackets are nested deeper than the parser should follow.
fn is_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// Parses a frame.
///
/// # Errors
///
/// Why the frame is of no use; always the venue's fault.
pub(crate) fn parse<J: Json>(text: &[u8]) -> Result<Frame, Rejected> {
    let probe: Probe<'_> = J::parse(text)?;
    if probe.stream.is_some() && probe.data.is_some() {
        let combined: Combined<'_, Probe<'_>> = J::parse(text)?;
        let stream = combined.stream.0.into_owned();
        return event::<J, InStream>(text, &combined.data, stream);
    }
    event::<J, Alone>(text, &probe, String::new())
}

/// Parses a whole book without symbol: a REST snapshot has the same fields.
pub(crate) fn partial<J: Json>(text: &[u8]) -> Result<Depth, Rejected> {
    J::parse::<PartialText<'_>>(text)?.depth(String::new())
}

/// Whether the event stands alone or in a `stream`/`data` wrapper.
trait Place {
    fn parse<'a, J: Json, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected>;
}

struct Alone;
struct InStream;

impl Place for Alone {
    fn parse<'a, J: Json, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected> {
        J::parse(text)
    }
}

impl Place for InStream {
    fn parse<'a, J: Json, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected> {
        let combined: Combined<'a, T> = J::parse(text)?;
        Ok(combined.data)
    }
}

fn event<J: Json, P: Place>(
    text: &[u8],
    probe: &Probe<'_>,
    stream: String,
) -> Result<Frame, Rejected> {
    let Some(name) = &probe.e else {
        return if probe.last_update_id.is_some() {
            P::parse::<J, PartialText<'_>>(text)?.depth(stream).map(Frame::Depth)
        } else if probe.ask_size.is_some() {
            P::parse::<J, TickerText<'_>>(text)?.ticker().map(Frame::Ticker)
        } else if probe.result.is_some() || probe.error.is_some() || probe.code.is_some() {
            P::parse::<J, ReplyText<'_>>(text).map(|reply| Frame::Reply(reply.reply()))
        } else {
            // Arrays of all symbols and whatever else has no event name.
            Ok(Frame::Unused)
        };
    };
    match &*name.0 {
        "depthUpdate" => P::parse::<J, DepthText<'_>>(text)?.depth(stream).map(Frame::Depth),
        "bookTicker" => P::parse::<J, TickerText<'_>>(text)?.ticker().map(Frame::Ticker),
        "trade" => P::parse::<J, TradeText<'_>>(text)?.trade(false).map(Frame::Trade),
        "aggTrade" => P::parse::<J, TradeText<'_>>(text)?.trade(true).map(Frame::Trade),
        "serverShutdown" => Ok(Frame::Shutdown),
        _ => Ok(Frame::Unused),
    }
}

/// A string that borrows where it can.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Something is there, `null` included.
#[derive(Debug)]
struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

/// A field that may be missing, but counts as there when it is `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Present>, D::Error> {
    Present::deserialize(from).map(Some)
}

/// What tells the frames apart.
#[derive(Debug, Deserialize)]
struct Probe<'a> {
    #[serde(borrow)]
    stream: Option<Text<'a>>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Present>,
    #[serde(borrow)]
    e: Option<Text<'a>>,
    #[serde(rename = "lastUpdateId", default, deserialize_with = "present")]
    last_update_id: Option<Present>,
    #[serde(rename = "A", default, deserialize_with = "present")]
    ask_size: Option<Present>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Present>,
    #[serde(default, deserialize_with = "present")]
    error: Option<Present>,
    #[serde(default, deserialize_with = "present")]
    code: Option<Present>,
}

#[derive(Debug, Deserialize)]
struct Combined<'a, T> {
    #[serde(borrow)]
    stream: Text<'a>,
    data: T,
}

#[derive(Debug, Deserialize)]
struct DepthText<'a> {
    #[serde(rename = "E", default)]
    event_time: u64,
    #[serde(borrow)]
    s: Text<'a>,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: Option<u64>,
    #[serde(borrow)]
    b: Vec<Pair<'a>>,
    #[serde(borrow)]
    a: Vec<Pair<'a>>,
}

impl DepthText<'_> {
    fn depth(self, stream: String) -> Result<Depth, Rejected> {
        Ok(Depth {
            symbol: self.s.0.into_owned(),
            stream,
            event_time: self.event_time,
            ids: Ids { first: self.first, last: self.u, prev: self.pu },
            partial: false,
            levels: levels(&self.b, &self.a)?,
        })
    }
}

#[derive(Debug, Deserialize)]
struct PartialText<'a> {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    #[serde(borrow)]
    bids: Vec<Pair<'a>>,
    #[serde(borrow)]
    asks: Vec<Pair<'a>>,
}

impl PartialText<'_> {
    fn depth(self, stream: String) -> Result<Depth, Rejected> {
        let id = self.last_update_id;
        Ok(Depth {
            stream,
            ids: Ids { first: id, last: id, prev: None },
            partial: true,
            levels: levels(&self.bids, &self.asks)?,
            ..Depth::default()
        })
    }
}

#[derive(Debug, Deserialize)]
struct TickerText<'a> {
    #[serde(rename = "E", default)]
    event_time: u64,
    u: u64,
    #[serde(borrow)]
    s: Text<'a>,
    #[serde(borrow)]
    b: Text<'a>,
    #[serde(rename = "B", borrow)]
    bid_size: Text<'a>,
    #[serde(borrow)]
    a: Text<'a>,
    #[serde(rename = "A", borrow)]
    ask_size: Text<'a>,
}

impl TickerText<'_> {
    fn ticker(self) -> Result<Ticker, Rejected> {
        let level = |price: &Text<'_>, size: &Text<'_>, side| {
            DecimalLevel::parse(price.0.as_bytes(), size.0.as_bytes(), side)
        };
        Ok(Ticker {
            event_time: self.event_time,
            seq: self.u,
            bid: level(&self.b, &self.bid_size, Side::Bid)?,
            ask: level(&self.a, &self.ask_size, Side::Ask)?,
            symbol: self.s.0.into_owned(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct TradeText<'a> {
    #[serde(rename = "E", default)]
    event_time: u64,
    #[serde(rename = "T", default)]
    trade_time: u64,
    #[serde(borrow)]
    s: Text<'a>,
    #[serde(borrow)]
    p: Text<'a>,
    #[serde(borrow)]
    q: Text<'a>,
    t: Option<u64>,
    a: Option<u64>,
    m: bool,
}

impl TradeText<'_> {
    fn trade(self, aggregate: bool) -> Result<Trade, Rejected> {
        let side = if self.m { Side::Ask } else { Side::Bid };
        Ok(Trade {
            event_time: self.event_time,
            trade_time: self.trade_time,
            id: if aggregate { self.a } else { self.t }.ok_or(Rejected::Shape)?,
            aggregate,
            level: DecimalLevel::parse(self.p.0.as_bytes(), self.q.0.as_bytes(), side)?,
            symbol: self.s.0.into_owned(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct ReplyText<'a> {
    id: Option<Number>,
    #[serde(borrow)]
    error: Option<ErrorText<'a>>,
    code: Option<i64>,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct ErrorText<'a> {
    #[serde(default)]
    code: i64,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
}

impl ReplyText<'_> {
    /// Errors come flat or nested.
    fn reply(self) -> Reply {
        let words = |msg: Option<Text<'_>>| {
            let msg = msg.map(|msg| msg.0.into_owned()).unwrap_or_default();
            msg.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX).collect::<String>()
        };
        let error = match (self.error, self.code) {
            (Some(error), _) => Some((error.code, words(error.msg))),
            (None, Some(code)) => Some((code, words(self.msg))),
            (None, None) => None,
        };
        Reply { id: self.id.and_then(|id| id.0), error }
    }
}

/// Characters of a venue's error message that are kept.
const MESSAGE_MAX: usize = 200;

/// An id of ours, which the venue echoes; anything else (text, null) is none of ours.
#[derive(Debug)]
struct Number(Option<u64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }

            fn visit_u64<E>(self, id: u64) -> Result<Number, E> {
                Ok(Number(Some(id)))
            }

            fn visit_i64<E>(self, id: i64) -> Result<Number, E> {
                Ok(Number(u64::try_from(id).ok()))
            }

            fn visit_str<E>(self, _: &str) -> Result<Number, E> {
                Ok(Number(None))
            }
        }
        from.deserialize_any(Any)
    }
}

/// `["price","size"]`; more elements are ignored (the venue once sent an empty array behind).
#[derive(Debug)]
struct Pair<'a> {
    price: Cow<'a, str>,
    size: Cow<'a, str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Pair<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price and a size")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pair<'de>, A::Error> {
                use serde::de::Error as _;
                let (price, size) =
                    (seq.next_element::<Text<'de>>()?, seq.next_element::<Text<'de>>()?);
                let (Some(price), Some(size)) = (price, size) else {
                    return Err(A::Error::custom("too few elements"));
                };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Pair { price: price.0, size: size.0 })
            }
        }
        from.deserialize_seq(Elements)
    }
}

fn levels(bids: &[Pair<'_>], asks: &[Pair<'_>]) -> Result<Vec<DecimalLevel>, Rejected> {
    let bids = bids.iter().map(|pair| (pair, Side::Bid));
    let asks = asks.iter().map(|pair| (pair, Side::Ask));
    bids.chain(asks)
        .map(|(pair, side)| DecimalLevel::parse(pair.price.as_bytes(), pair.size.as_bytes(), side))
        .collect()
}
