//! Gate v4, spot and futures: `order_book_update` at 100 ms, snapshots by REST; and `obu` with 50
//! or 400 levels a side, whose first message is the snapshot (`full`).
//!
//! An update says its ids `U` to `u`; each begins behind the one before it. A snapshot asked for
//! `with_id` names the last id that it has. Spot has levels as `["price","size"]`, futures as
//! `{"p":"price","s":size}` in contracts. Tickers are whole; open interest counts contracts.

use tickbook_scan::Sort;
use tickbook_types::{Padded, Side, TickerField, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, millis, numeric_id, side_of};
use super::protocol::{Protocol, Route, Rules, SECOND, TIME_SECONDS, Topic, Verb};
use super::rows::OWN;
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};
use crate::rest::{RestError, RestUrl};
use crate::session::{ConfigError, Subscription};
use crate::splice::Chain;

/// See the module.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gate {
    Spot,
    Futures,
}

const SPOT: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://api.gateio.ws")],
    rest: "https://api.gateio.ws",
    path: "/ws/v4/",
    books_per_message: 1,
    keepalive: Some((15 * SECOND, r#"{"time":$TIME,"channel":"spot.ping"}"#)),
    shows_loss: true,
    // 200 requests in 10 s are allowed to an address.
    snapshots_per_minute: 600,
    ..Rules::CAUTIOUS
};

const FUTURES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://fx-ws.gateio.ws")],
    path: "/v4/ws/usdt",
    keepalive: Some((15 * SECOND, r#"{"time":$TIME,"channel":"futures.ping"}"#)),
    ..SPOT
};

/// Of both kinds: futures have no best prices in it.
const TICKER: &Fields = &[
    ("last", TickerField::LastPrice, Form::Quote),
    ("highest_bid", TickerField::BidPrice, Form::Quote),
    ("lowest_ask", TickerField::AskPrice, Form::Quote),
    ("mark_price", TickerField::MarkPrice, Form::Quote),
    ("index_price", TickerField::IndexPrice, Form::Quote),
    ("total_size", TickerField::OpenInterest, Form::Plain),
    ("funding_rate", TickerField::FundingRate, Form::Plain),
];

/// Levels a side of `obu`.
const DEPTHS: [u32; 2] = [50, 400];

/// Symbol and depth of a book of `obu`, as the venue names it: `ob.BTC_USDT.50`.
fn symbol_and_depth(name: &str) -> Option<(&str, u32)> {
    let (symbol, depth) = name.strip_prefix("ob.")?.rsplit_once('.')?;
    Some((symbol, depth.parse().ok()?))
}

/// Levels a side of a snapshot: the most that both kinds give.
const LEVELS: u32 = 100;

impl Gate {
    const fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Futures => "futures",
        }
    }

    /// The part of REST and of the stream that has a contract: `BTC_USD` is settled in coins.
    fn settle(symbol: &str) -> &'static str {
        if symbol.ends_with("_USD") { "btc" } else { "usdt" }
    }
}

impl Protocol for Gate {
    fn rules(&self) -> Rules {
        match self {
            Self::Spot => SPOT,
            Self::Futures => FUTURES,
        }
    }

    fn route(&self, subscription: &Subscription) -> Route {
        let is_coin = *self == Self::Futures && Self::settle(&subscription.symbol) == "btc";
        let path = if is_coin { "/v4/ws/btc" } else { self.rules().path };
        Route { endpoint: Endpoint::Main, path, prefix: "" }
    }

    fn topic(&self, subscription: &Subscription) -> Result<Topic, ConfigError> {
        let mut topic = Topic::plain(subscription);
        match subscription.depth {
            None => {}
            Some(depth) if DEPTHS.contains(&depth) => {
                topic.name = format!("ob.{}.{depth}", topic.symbol);
            }
            Some(depth) => return Err(ConfigError::BadDepth { symbol: topic.symbol, depth }),
        }
        Ok(topic)
    }

    fn symbol_of<'a>(&self, name: &'a str) -> &'a str {
        symbol_and_depth(name).map_or(name, |(symbol, _)| symbol)
    }

    /// Whether the venue deletes what leaves the window of `obu` is not documented.
    fn depth_max(&self, topic: &Topic) -> Option<u32> {
        symbol_and_depth(&topic.name).map(|(_, depth)| depth)
    }

    fn snapshot_path(&self, topic: &Topic) -> Option<String> {
        if symbol_and_depth(&topic.name).is_some() {
            return None;
        }
        let symbol = &topic.symbol;
        Some(match self {
            Self::Spot => format!(
                "/api/v4/spot/order_book?currency_pair={symbol}&limit={LEVELS}&with_id=true"
            ),
            Self::Futures => format!(
                "/api/v4/futures/{}/order_book?contract={symbol}&limit={LEVELS}&with_id=true",
                Self::settle(symbol)
            ),
        })
    }

    fn request(&self, verb: Verb, topics: &[&Topic], _: u64, out: &mut Vec<String>) {
        let (kind, verb_name) = (self.name(), verb.name());
        for topic in topics {
            let symbol = &topic.symbol;
            let mut push = |channel: &str, symbol: &str, payload: &str| {
                out.push(format!(
                    concat!(
                        r#"{{"time":{},"channel":"{}.{}","event":"{}","#,
                        r#""payload":["{}"{}]}}"#
                    ),
                    TIME_SECONDS, kind, channel, verb_name, symbol, payload
                ));
            };
            match symbol_and_depth(&topic.name) {
                Some(_) => push("obu", &topic.name, ""),
                None => push("order_book_update", symbol, r#","100ms""#),
            }
            if topic.trades && verb == Verb::Subscribe {
                push("trades", symbol, "");
            }
            if topic.ticker && verb == Verb::Subscribe {
                push("tickers", symbol, "");
            }
        }
    }

    fn read_rest(
        &self,
        url: &RestUrl<'_>,
        body: &[u8],
        frame: &mut Frame,
    ) -> Result<(), RestError> {
        if !url.path.ends_with("/order_book") {
            return Err(RestError::UnknownUrl);
        }
        let symbol = url.value("currency_pair").or_else(|| url.value("contract"));
        let symbol = symbol.ok_or(RestError::UnknownUrl)?;
        let (mut id, mut time) = (None, None);
        let mut reader = Reader::new(body);
        reader.object(|key, value| {
            match key {
                b"id" => id = Some(value.integer()?),
                b"current" => time = Some(value.mark()?),
                b"bids" => levels(Side::Bid, value, frame)?,
                b"asks" => levels(Side::Ask, value, frame)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        let id = id.ok_or(RestError::Malformed)?;
        // Milliseconds on spot, seconds with decimals on futures: only the former is taken.
        let time = time.map_or(0, |mut time| time.integer().unwrap_or(0));
        let link = Link::range(Chain::Contiguous, id, id);
        frame.book(symbol.as_bytes(), Content::Snapshot, link, millis(time));
        Ok(())
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        at.words(br#"{"time":"#)?;
        at.integer()?;
        if at.has(br#","time_ms":"#) {
            at.integer()?;
        }
        at.words(br#","channel":"spot.order_book_update","event":"update","#)?;
        at.words(br#""result":{"t":"#)?;
        let time = at.integer()?;
        at.words(br#","e":"depthUpdate","E":"#)?;
        at.integer()?;
        at.words(br#","s":""#)?;
        let symbol = at.text()?;
        at.words(br#","U":"#)?;
        let first = at.integer()?;
        at.words(br#","u":"#)?;
        let last = at.integer()?;
        at.words(br#","b":["#)?;
        at.quoted_rows(Side::Bid, frame)?;
        at.words(br#","a":["#)?;
        at.quoted_rows(Side::Ask, frame)?;
        at.words(b"}}")?;
        at.end()?;
        let link = Link::range(Chain::Contiguous, first, last);
        frame.book(symbol, Content::Delta, link, millis(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut channel, mut event, mut result, mut error) = (&b""[..], &b""[..], None, None);
        let mut times = [None; 2];
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"channel" => channel = value.text()?,
                b"event" => event = value.text()?,
                b"result" => result = Some(value.mark()?),
                b"time_ms" => times[0] = Some(value.mark()?),
                b"time" => times[1] = Some(value.mark()?),
                b"error" if !value.null()? => error = Some(value.mark()?),
                _ if key != b"error" => value.skip()?,
                _ => {}
            }
            Ok(())
        })?;
        reader.end()?;
        if let Some(error) = error {
            return refusal(error, frame);
        }
        let kind = channel.split(|byte| *byte == b'.').next_back().unwrap_or_default();
        match (kind, event, result) {
            (b"order_book_update" | b"obu", b"update", Some(result)) => update(result, frame),
            (b"trades", b"update", Some(mut result)) => match result.peek()? {
                b'[' => result.array(|trade| read_trade(trade, frame)),
                _ => read_trade(&mut result, frame),
            },
            (b"tickers", b"update", Some(mut result)) => {
                let time = sent_at(times);
                match result.peek()? {
                    b'[' => result.array(|row| read_ticker(row, time, frame)),
                    _ => read_ticker(&mut result, time, frame),
                }
            }
            (b"order_book_update" | b"obu" | b"trades", b"update", None) => Err(Rejected::Shape),
            (_, b"update" | b"all", _) => {
                frame.ignore(Ignored::UnusedStream);
                Ok(())
            }
            // An answer to a subscription or to a ping.
            _ => {
                frame.ignore(Ignored::Ack);
                Ok(())
            }
        }
    }
}

fn refusal(mut error: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b""[..]);
    error.object(|key, value| {
        match key {
            b"code" => code = i64::try_from(value.mark()?.integer().unwrap_or(0)).unwrap_or(0),
            b"message" => words = value.mark()?.text().unwrap_or_default(),
            _ => {}
        }
        if key == b"code" || key == b"message" { Ok(()) } else { value.skip() }
    })?;
    frame.refused(code, words);
    Ok(())
}

/// Levels of either kind.
fn levels(side: Side, rows: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let sort = Sort { grammar: OWN, side: Some(side) };
    frame.levels_of(sort, rows, |frame, row| match row.peek()? {
        b'{' => frame.object_level(side, ("p", "s"), row),
        _ => frame.row(side, row),
    })
}

fn update(mut result: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut first, mut last, mut time) = (None, None, None, 0);
    let mut whole = false;
    result.object(|key, value| {
        match key {
            b"s" => symbol = Some(value.text()?),
            b"U" => first = Some(value.integer()?),
            b"u" => last = Some(value.integer()?),
            b"t" => time = value.integer()?,
            b"full" => whole = value.boolean()?,
            b"b" => levels(Side::Bid, value, frame)?,
            b"a" => levels(Side::Ask, value, frame)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(symbol), Some(last)) = (symbol, last) else { return Err(Rejected::Shape) };
    let (content, first) = match (whole, first) {
        // A snapshot says where it ends only.
        (true, _) => (Content::Snapshot, last),
        (false, Some(first)) => (Content::Delta, first),
        (false, None) => return Err(Rejected::Shape),
    };
    let link = Link::range(Chain::Contiguous, first, last);
    frame.book(symbol, content, link, millis(time));
    Ok(())
}

/// When a message was sent: in milliseconds, where it says so, or in seconds.
fn sent_at(times: [Option<Reader<'_>>; 2]) -> WallNanos {
    let [millis, seconds] = times.map(|it| it.and_then(|mut it| it.integer().ok()));
    super::frame::millis(millis.or_else(|| seconds?.checked_mul(1_000)).unwrap_or(0))
}

fn read_ticker(row: &mut Reader<'_>, time: WallNanos, frame: &mut Frame) -> Read<()> {
    let mut symbol = None;
    row.object(|key, value| {
        match key {
            b"currency_pair" | b"contract" => symbol = Some(value.text()?),
            _ => frame.figure(TICKER, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, Extent::Whole, time);
    Ok(())
}

/// Spot says the side; on futures the sign of the size does.
fn read_trade(trade: &mut Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut symbol, mut price, mut size, mut side) = (&b""[..], None, None, None);
    let (mut id, mut time) = (0, &b""[..]);
    trade.object(|key, value| {
        match key {
            b"currency_pair" | b"contract" => symbol = value.text()?,
            b"price" => price = Some(value.digits()?),
            b"amount" | b"size" => size = Some(value.digits()?),
            b"side" => side = Some(side_of(value.text()?)),
            b"id" => id = numeric_id(value.digits()?),
            b"create_time_ms" => time = value.digits()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let (Some(price), Some(size)) = (price, size) else { return Err(Rejected::Shape) };
    let (size, sells) = match size.strip_prefix(b"-") {
        Some(size) => (size, true),
        None => (size, false),
    };
    let side = side.unwrap_or(if sells { Side::Ask } else { Side::Bid });
    // Spot's has decimals.
    let time = time.split(|byte| *byte == b'.').next().map_or(0, numeric_id);
    frame.trade(symbol, (side, price, size), id, millis(time))
}
