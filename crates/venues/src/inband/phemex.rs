//! Phemex: `orderbook` (spot, contracts settled in coin) and `orderbook_p` (perpetuals settled in
//! USDT or USDC), 30 levels a side.
//!
//! Messages carry a sequence that grows by more than one, so a loss does not show; a new snapshot
//! comes every minute. The numbers of `orderbook` are integers scaled per instrument, those of
//! `orderbook_p` are plain. Books keep the integers; their exponents make them real numbers.

use tickbook_types::{Scale, Side, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Phemex;

/// A connection has at most 20 subscriptions; a book and its trades are two. Without a ping for
/// 30 s it is cut.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.phemex.com"), (Endpoint::Former, "wss://phemex.com")],
    rest: "https://api.phemex.com",
    path: "/",
    books_per_conn: 10,
    keepalive: Some((10 * SECOND, r#"{"id":0,"method":"server.ping","params":[]}"#)),
    ..Rules::CAUTIOUS
};

impl Protocol for Phemex {
    fn rules(&self) -> Rules {
        RULES
    }

    /// Those of the venue's documentation, and of every instrument in its list of 2021.
    fn wire_scale(&self, symbol: &str) -> Scale {
        match symbol {
            _ if is_plain(symbol) => Scale::default(),
            _ if symbol.starts_with('s') => Scale { price_exponent: -8, size_exponent: -8 },
            // Sizes are contracts.
            _ => Scale { price_exponent: -4, size_exponent: 0 },
        }
    }

    /// To unsubscribe is to unsubscribe everything, so a book is only ever subscribed again, which
    /// brings its snapshot.
    fn request(&self, verb: Verb, topics: &[&Topic], id: u64, out: &mut Vec<String>) {
        if verb == Verb::Unsubscribe {
            return;
        }
        for topic in topics {
            let symbol = &topic.symbol;
            let mut push = |channel: &str| {
                let plain = if is_plain(symbol) { "_p" } else { "" };
                let method = format!(r#""method":"{channel}{plain}.subscribe""#);
                out.push(format!(r#"{{"id":{id},{method},"params":["{symbol}"]}}"#));
            };
            push("orderbook");
            if topic.trades {
                push("trade");
            }
        }
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut symbol, mut kind, mut id, mut time) = (&b""[..], &b""[..], None, 0);
        let (mut book, mut trades, mut error, mut answer) = (None, None, None, false);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"book" | b"orderbook_p" => book = Some(value.mark()?),
                b"trades" | b"trades_p" => trades = Some(value.mark()?),
                b"symbol" => symbol = value.text()?,
                b"type" => kind = value.text()?,
                b"sequence" => id = Some(value.integer()?),
                b"timestamp" => time = value.integer()?,
                b"error" if value.null()? => {}
                b"error" => error = Some(value.mark()?),
                b"result" => answer = value.skip().is_ok(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        match (book, trades, error) {
            (Some(book), ..) => {
                let content = match kind {
                    b"snapshot" => Content::Snapshot,
                    b"incremental" => Content::Delta,
                    _ => return Err(Rejected::Shape),
                };
                sides(book, frame)?;
                let link = Link::Above(id.ok_or(Rejected::Shape)?);
                frame.book(symbol, content, link, nanos(time));
                Ok(())
            }
            (_, Some(mut trades), _) if kind == b"incremental" => {
                trades.array(|trade| read_trade(trade, symbol, frame))
            }
            (_, Some(_), _) => {
                // Trades from before the subscription.
                frame.ignore(Ignored::Stale);
                Ok(())
            }
            (.., Some(error)) => refused(error, frame),
            _ => {
                frame.ignore(if answer { Ignored::Ack } else { Ignored::UnusedStream });
                Ok(())
            }
        }
    }
}

/// Whether the numbers of a symbol come unscaled: those of perpetuals settled in USDT or USDC
/// (`BTCUSDT`; spot is `sBTCUSDT`).
fn is_plain(symbol: &str) -> bool {
    !symbol.starts_with('s') && (symbol.ends_with("USDT") || symbol.ends_with("USDC"))
}

fn sides(mut book: Reader<'_>, frame: &mut Frame) -> Read<()> {
    book.object(|key, value| match key {
        b"bids" => frame.rows(Side::Bid, value),
        b"asks" => frame.rows(Side::Ask, value),
        _ => value.skip(),
    })
}

/// `[time, "Buy", price, size]`.
fn read_trade(trade: &mut Reader<'_>, symbol: &[u8], frame: &mut Frame) -> Read<()> {
    let (mut time, mut side, mut numbers, mut place) = (0, Side::Ask, [&b""[..]; 2], 0);
    trade.array(|field| {
        match place {
            0 => time = field.integer()?,
            1 => side = side_of(field.text()?),
            2 | 3 => numbers[place - 2] = field.digits()?,
            _ => field.skip()?,
        }
        place += 1;
        Ok(())
    })?;
    if place < 4 {
        return Err(Rejected::Shape);
    }
    frame.trade(symbol, (side, numbers[0], numbers[1]), 0, nanos(time))
}

/// An object with code and message, or a text.
fn refused(mut error: Reader<'_>, frame: &mut Frame) -> Read<()> {
    let (mut code, mut words) = (0, &b"error"[..]);
    if error.peek()? != b'{' {
        frame.refused(code, error.text().unwrap_or(words));
        return Ok(());
    }
    error.object(|key, value| {
        match key {
            b"code" => code = i64::try_from(value.integer().unwrap_or(0)).unwrap_or(0),
            b"message" => words = value.text().unwrap_or(words),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    frame.refused(code, words);
    Ok(())
}

/// Times are nanoseconds.
fn nanos(time: u64) -> WallNanos {
    WallNanos(i64::try_from(time).unwrap_or(i64::MAX))
}
