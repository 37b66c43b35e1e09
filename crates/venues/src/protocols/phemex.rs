//! Phemex: `orderbook` (spot, contracts settled in coin) and `orderbook_p` (perpetuals settled in
//! USDT or USDC), 30 levels a side.
//!
//! Messages carry a sequence that grows by more than one, so a loss does not show; a new snapshot
//! comes every minute. The numbers of `orderbook` are integers scaled per instrument, those of
//! `orderbook_p` are plain. Books keep the integers; their exponents make them real numbers.
//!
//! Tickers come for all instruments of a kind at once: `market24h`, `spot_market24h`, and
//! `perp_market24h_pack_p`, whose rows have the places that its `fields` name.

use tickbook_types::{Padded, Scale, Side, TickerField, WallNanos};

use super::chain::Link;
use super::frame::{Content, Frame, side_of};
use super::protocol::{Protocol, Rules, SECOND, Topic, Verb};
use super::ticker::{Extent, Fields, Form};
use super::usual::Usual;
use crate::counters::{Ignored, Rejected};
use crate::endpoint::Endpoint;
use crate::json::{Read, Reader};

/// See the module.
#[derive(Debug)]
pub(crate) struct Phemex;

/// A connection has at most 20 subscriptions; a book and its trades are two, tickers of all kinds
/// three. Without a ping for
/// 30 s it is cut.
const RULES: Rules = Rules {
    ws: &[(Endpoint::Main, "wss://ws.phemex.com"), (Endpoint::Former, "wss://phemex.com")],
    rest: "https://api.phemex.com",
    path: "/",
    books_per_conn: 8,
    keepalive: Some((10 * SECOND, r#"{"id":0,"method":"server.ping","params":[]}"#)),
    ..Rules::CAUTIOUS
};

/// Contracts settled in coin: ratios count 10^-8. Open interest counts contracts.
const CONTRACT: &Fields = &[
    ("close", TickerField::LastPrice, Form::QuoteUnits(-4)),
    ("markPrice", TickerField::MarkPrice, Form::QuoteUnits(-4)),
    ("indexPrice", TickerField::IndexPrice, Form::QuoteUnits(-4)),
    ("openInterest", TickerField::OpenInterest, Form::Plain),
    ("fundingRate", TickerField::FundingRate, Form::Units(-8)),
];

const SPOT: &Fields = &[
    ("lastEp", TickerField::LastPrice, Form::QuoteUnits(-8)),
    ("bidEp", TickerField::BidPrice, Form::QuoteUnits(-8)),
    ("askEp", TickerField::AskPrice, Form::QuoteUnits(-8)),
];

/// Perpetuals settled in USDT or USDC: plain numbers.
const PERPETUAL: &Fields = &[
    ("lastRp", TickerField::LastPrice, Form::Quote),
    ("bidRp", TickerField::BidPrice, Form::Quote),
    ("askRp", TickerField::AskPrice, Form::Quote),
    ("markRp", TickerField::MarkPrice, Form::Quote),
    ("indexRp", TickerField::IndexPrice, Form::Quote),
    ("openInterestRv", TickerField::OpenInterest, Form::Plain),
    ("fundingRateRr", TickerField::FundingRate, Form::Plain),
];

/// Places of a row of perpetuals that are looked at.
const PLACES_MAX: usize = 24;

/// The channel with the ticker of a symbol.
fn ticker_channel(symbol: &str) -> &'static str {
    match symbol {
        _ if is_plain(symbol) => "perp_market24h_pack_p",
        _ if symbol.starts_with('s') => "spot_market24h",
        _ => "market24h",
    }
}

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
        let mut tickers: Vec<&str> = Vec::new();
        for topic in topics {
            let symbol = &topic.symbol;
            if topic.ticker && !tickers.contains(&ticker_channel(symbol)) {
                tickers.push(ticker_channel(symbol));
            }
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
        for channel in tickers {
            out.push(format!(r#"{{"id":{id},"method":"{channel}.subscribe","params":[]}}"#));
        }
    }

    fn read_usual(&mut self, message: Padded<'_>, frame: &mut Frame) -> Option<()> {
        let mut at = Usual::new(message);
        // Contracts, and those that are settled in USDT.
        if at.has(br#"{"book":{"asks":["#) {
            at.rows(Side::Ask, frame)?;
            at.words(br#","bids":["#)?;
            at.rows(Side::Bid, frame)?;
        } else {
            at.words(br#"{"orderbook_p":{"asks":["#)?;
            at.quoted_rows(Side::Ask, frame)?;
            at.words(br#","bids":["#)?;
            at.quoted_rows(Side::Bid, frame)?;
        }
        at.words(br#"},"depth":"#)?;
        at.integer()?;
        at.words(br#","sequence":"#)?;
        let id = at.integer()?;
        at.words(br#","symbol":""#)?;
        let symbol = at.text()?;
        at.words(br#","timestamp":"#)?;
        let time = at.integer()?;
        at.words(br#","type":"incremental"}"#)?;
        at.end()?;
        frame.book(symbol, Content::Delta, Link::Above(id), nanos(time));
        Some(())
    }

    fn read(&mut self, message: &[u8], frame: &mut Frame) -> Read<()> {
        let (mut symbol, mut kind, mut id, mut time) = (&b""[..], &b""[..], None, 0);
        let (mut book, mut trades, mut error, mut answer) = (None, None, None, false);
        let (mut ticker, mut names, mut rows) = (None, None, None);
        let mut reader = Reader::new(message);
        reader.object(|key, value| {
            match key {
                b"book" | b"orderbook_p" => book = Some(value.mark()?),
                b"trades" | b"trades_p" => trades = Some(value.mark()?),
                b"market24h" => ticker = Some((CONTRACT, value.mark()?)),
                b"spot_market24h" => ticker = Some((SPOT, value.mark()?)),
                b"fields" => names = Some(value.mark()?),
                b"data" => rows = Some(value.mark()?),
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
        if let Some((fields, row)) = ticker {
            return read_ticker(row, fields, nanos(time), frame);
        }
        if let (Some(names), Some(rows)) = (names, rows) {
            return read_tickers(names, rows, nanos(time), frame);
        }
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

fn read_ticker(
    mut row: Reader<'_>,
    fields: &Fields,
    time: WallNanos,
    frame: &mut Frame,
) -> Read<()> {
    let mut symbol = None;
    row.object(|key, value| {
        match key {
            b"symbol" => symbol = Some(value.text()?),
            _ => frame.figure(fields, key, value)?,
        }
        Ok(())
    })?;
    frame.ticker(symbol, Extent::Whole, time);
    Ok(())
}

/// Rows of an array each, whose places are named by another array.
fn read_tickers(
    mut names: Reader<'_>,
    mut rows: Reader<'_>,
    time: WallNanos,
    frame: &mut Frame,
) -> Read<()> {
    let (mut places, mut count) = ([&b""[..]; PLACES_MAX], 0);
    names.array(|name| {
        let name = name.text()?;
        if let Some(place) = places.get_mut(count) {
            *place = name;
        }
        count += 1;
        Ok(())
    })?;
    rows.array(|row| {
        let (mut symbol, mut places) = (None, places.iter());
        row.array(|item| {
            match places.next().copied().unwrap_or_default() {
                b"symbol" => symbol = Some(item.text()?),
                name => frame.figure(PERPETUAL, name, item)?,
            }
            Ok(())
        })?;
        frame.ticker(symbol, Extent::Whole, time);
        Ok(())
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
