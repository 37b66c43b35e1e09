//! Which streams go over which connection, and the messages that subscribe them.

use std::ops::Range;

use super::rules::{Route, Rules};
use crate::session::{ConfigError, SessionConfig, Subscription};

/// The streams of one connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) route: Route,
    pub(crate) streams: Vec<Stream>,
}

/// One stream of one symbol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stream {
    /// As in a SUBSCRIBE (`btcusdt@depth@100ms`).
    pub(crate) name: String,
    /// Index of its subscription.
    pub(crate) subscription: usize,
    /// Whether it feeds the book.
    pub(crate) is_book: bool,
    /// Whether its book was let go: it has its place only because requests name streams by theirs.
    pub(crate) ended: bool,
}

/// Depths of the channels that send whole books.
pub(crate) const WHOLE_DEPTHS: [u32; 3] = [5, 10, 20];

/// Checks the subscriptions of a configuration.
pub(crate) fn check(subscriptions: &[Subscription]) -> Result<(), ConfigError> {
    for (index, subscription) in subscriptions.iter().enumerate() {
        let symbol = &subscription.symbol;
        if !is_symbol(symbol.as_bytes()) {
            return Err(ConfigError::BadSymbol(symbol.clone()));
        }
        if subscriptions[..index].iter().any(|other| other.symbol == *symbol) {
            return Err(ConfigError::DuplicateSymbol(symbol.clone()));
        }
        if let Some(depth) = subscription.depth
            && !WHOLE_DEPTHS.contains(&depth)
        {
            return Err(ConfigError::BadDepth { symbol: symbol.clone(), depth });
        }
    }
    Ok(())
}

/// Whether some bytes can be a symbol in messages: capitals, digits, underscore, or not ASCII
/// (there are some), and not too long.
pub(crate) fn is_symbol(bytes: &[u8]) -> bool {
    let ok = |byte: &u8| {
        byte.is_ascii_uppercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'_' | b'-')
            || !byte.is_ascii()
    };
    !bytes.is_empty() && bytes.len() <= crate::limits::SYMBOL_BYTES_MAX && bytes.iter().all(ok)
}

/// The streams of a subscription, and where the venue has them: first those about the book.
pub(crate) fn streams(
    rules: &Rules,
    index: usize,
    subscription: &Subscription,
) -> Vec<(Route, Stream)> {
    let symbol = subscription.symbol.to_lowercase();
    let mut streams = Vec::new();
    let mut add = |wanted: bool, route: Route, suffix: &str, is_book| {
        if wanted {
            let name = format!("{symbol}@{suffix}");
            streams.push((route, Stream { name, subscription: index, is_book, ended: false }));
        }
    };
    let (book, trade) = (rules.book_route, rules.trade_route);
    match subscription.depth {
        None => add(subscription.book, book, "depth@100ms", true),
        Some(depth) => add(subscription.book, book, &format!("depth{depth}@100ms"), true),
    }
    add(subscription.ticker, book, "bookTicker", false);
    add(subscription.trades, trade, rules.trade_stream, false);
    if let Some(stream) = rules.mark_stream {
        add(subscription.ticker, trade, stream, false);
    }
    streams
}

/// Deals the streams out to connections: by route, and no more than the venue allows on one.
pub(crate) fn lines(rules: &Rules, subscriptions: &[Subscription]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for of_trades in [false, true] {
        for (index, subscription) in subscriptions.iter().enumerate() {
            let of_book = usize::from(subscription.book) + usize::from(subscription.ticker);
            let all = streams(rules, index, subscription);
            let (skip, take) = if of_trades { (of_book, all.len()) } else { (0, of_book) };
            for (route, stream) in all.into_iter().skip(skip).take(take) {
                // One route for both kinds: fill up the last connection first.
                let room = |line: &&mut Line| {
                    line.route == route && line.streams.len() < rules.streams_per_conn
                };
                match lines.last_mut().filter(room) {
                    Some(line) => line.streams.push(stream),
                    None => lines.push(Line { route, streams: vec![stream] }),
                }
            }
        }
    }
    lines
}

/// Runs of streams that stand side by side and are all wanted.
pub(crate) fn runs(
    streams: &[Stream],
    mut is_wanted: impl FnMut(&Stream) -> bool,
) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        if !is_wanted(stream) {
            continue;
        }
        match runs.last_mut().filter(|run| run.end == index) {
            Some(run) => run.end += 1,
            None => runs.push(index..index + 1),
        }
    }
    runs
}

/// Connection ids that a configuration needs: one per line, and live one more for each, so that
/// it can be replaced without a break.
pub(crate) fn conns_needed(config: &SessionConfig) -> u32 {
    if config.mode != crate::session::Mode::Live {
        return 1;
    }
    let lines = lines(&Rules::of(config.venue), &config.subscriptions).len();
    u32::try_from(lines * 2).unwrap_or(u32::MAX)
}

/// A SUBSCRIBE or UNSUBSCRIBE of some streams.
pub(crate) fn message(method: &str, streams: &[Stream], range: Range<usize>, id: u64) -> String {
    let mut text = format!("{{\"method\":\"{method}\",\"params\":[");
    for (index, stream) in streams.get(range).unwrap_or_default().iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&stream.name);
        text.push('"');
    }
    text.push_str(&format!("],\"id\":{id}}}"));
    text
}

/// What a URL of a recording subscribes to: `/stream?streams=a/b`, `/ws/a/b`.
pub(crate) fn subscriptions_from_open(url: &str) -> Vec<Subscription> {
    let streams = match url.split_once("streams=") {
        Some((_, streams)) => streams.split('&').next().unwrap_or_default(),
        None => url.split_once("/ws/").map_or("", |(_, path)| path.split('?').next().unwrap_or("")),
    };
    let mut subscriptions: Vec<Subscription> = Vec::new();
    for stream in streams.split('/') {
        let Some((symbol, kind)) = stream.split_once('@') else { continue };
        let symbol = symbol.to_uppercase();
        if !is_symbol(symbol.as_bytes()) {
            continue;
        }
        let at = subscriptions.iter().position(|it| it.symbol == symbol).unwrap_or_else(|| {
            subscriptions.push(Subscription {
                symbol,
                book: false,
                depth: None,
                trades: false,
                ticker: false,
            });
            subscriptions.len() - 1
        });
        let it = &mut subscriptions[at];
        match kind.split('@').next().unwrap_or_default() {
            "bookTicker" => it.ticker = true,
            "trade" | "aggTrade" => it.trades = true,
            kind => {
                if let Some(depth) = kind.strip_prefix("depth") {
                    it.book = true;
                    it.depth = depth.parse().ok();
                }
            }
        }
    }
    subscriptions
}

/// Whether a stream is named as diffs are (`btcusdt@depth`, `btcusdt@depth@100ms`): nearly always
/// it is, and this costs next to nothing.
#[inline]
fn is_plainly_diffs(stream: &[u8]) -> bool {
    // No search for a place that is known from the end.
    if stream.ends_with(b"@depth@100ms") || stream.ends_with(b"@depth") {
        return true;
    }
    let Some(at) = stream.iter().position(|byte| *byte == b'@') else { return true };
    let behind = stream[at..].strip_prefix(b"@depth");
    behind.is_some_and(|suffix| matches!(suffix.first(), None | Some(b'@')))
}

/// Symbol and depth of a stream of whole books (`btcusdt@depth20@100ms`).
pub(crate) fn whole_book_stream(stream: &[u8]) -> Option<(String, u32)> {
    if is_plainly_diffs(stream) {
        return None;
    }
    let (symbol, kind) = core::str::from_utf8(stream).ok()?.split_once('@')?;
    let depth = kind.split('@').next()?.strip_prefix("depth")?.parse().ok()?;
    WHOLE_DEPTHS.contains(&depth).then(|| (symbol.to_uppercase(), depth))
}

#[cfg(test)]
mod tests {
    use tickbook_types::Venue;

    use super::*;
    use crate::endpoint::Endpoint;
    use crate::session::Mode;

    fn all(count: usize) -> Vec<Subscription> {
        (0..count).map(|n| Subscription::all(&format!("S{n}USDT"))).collect()
    }

    #[test]
    fn spot_takes_one_connection_up_to_its_limit() {
        let spot = Rules::of(Venue::BinanceSpot);
        let one = lines(&spot, &all(300));
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].streams.len(), 900);
        assert_eq!(one[0].streams[0].name, "s0usdt@depth@100ms");
        let many = lines(&spot, &all(1000));
        assert!(many.len() >= 3 && many.iter().all(|line| line.streams.len() <= 1024));
        assert_eq!(many.iter().map(|line| line.streams.len()).sum::<usize>(), 3000);
    }

    #[test]
    fn usdm_has_its_own_connections_for_trades() {
        let usdm = lines(&Rules::of(Venue::BinanceUsdm), &all(150));
        let routes: Vec<_> =
            usdm.iter().map(|line| (line.route.endpoint, line.streams.len())).collect();
        assert_eq!(
            routes,
            [
                (Endpoint::Public, 200),
                (Endpoint::Public, 100),
                (Endpoint::Market, 200),
                (Endpoint::Market, 100)
            ]
        );
        let names = [0, 1].map(|at| usdm[2].streams[at].name.as_str());
        assert_eq!(names, ["s0usdt@aggTrade", "s0usdt@markPrice@1s"]);
        let config = SessionConfig::new(Venue::BinanceUsdm, all(150), Mode::Live);
        assert_eq!(config.conns_max, 8);
    }

    #[test]
    fn messages_are_the_documented_ones() {
        let lines = lines(&Rules::of(Venue::BinanceSpot), &all(1));
        assert_eq!(
            message("SUBSCRIBE", &lines[0].streams, 0..2, 7),
            r#"{"method":"SUBSCRIBE","params":["s0usdt@depth@100ms","s0usdt@bookTicker"],"id":7}"#
        );
        assert_eq!(
            message("SUBSCRIBE", &[], 3..9, 1),
            r#"{"method":"SUBSCRIBE","params":[],"id":1}"#
        );
    }

    #[test]
    fn an_open_line_names_its_symbols() {
        let url = "wss://stream.binance.com:9443/stream?streams=btcaud@bookTicker\
            /zilusdt@depth@100ms/btcaud@depth@100ms/btcaud@aggTrade/zilusdt@kline_1m";
        let found = subscriptions_from_open(url);
        assert_eq!(found[0], Subscription::all("BTCAUD"));
        assert_eq!(
            (found[1].symbol.as_str(), found[1].book, found[1].trades),
            ("ZILUSDT", true, false)
        );
        let raw = subscriptions_from_open("wss://stream.binance.com/ws/btcusdt@depth20@100ms");
        assert_eq!(raw[0].depth, Some(20));
        assert!(subscriptions_from_open("wss://stream.binance.com/stream").is_empty());
    }

    #[test]
    fn streams_of_whole_books_are_told_from_diffs() {
        let found = |name: &str| whole_book_stream(name.as_bytes()).map(|(_, depth)| depth);
        for diffs in ["btcusdt@depth", "btcusdt@depth@100ms", "", "x@depth@depth5", "@depth"] {
            assert!(is_plainly_diffs(diffs.as_bytes()) && found(diffs).is_none(), "{diffs}");
        }
        for (whole, depth) in [("btcusdt@depth20@100ms", 20), ("币安usdt@depth5", 5)] {
            assert_eq!(found(whole), Some(depth), "{whole}");
        }
        for other in ["btcusdt@depth7", "btcusdt@depthx@depth5", "a@trade", "a@b@depth5"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn odd_subscriptions_are_refused() {
        let sub = |symbol: &str| Subscription::all(symbol);
        assert!(check(&[sub("BTCUSDT"), sub("BTCUSD_PERP"), sub("币安USDT")]).is_ok());
        for symbol in ["", "btcusdt", "BTC/USDT", "BTC\"USDT", "A B"] {
            assert_eq!(check(&[sub(symbol)]), Err(ConfigError::BadSymbol(symbol.to_owned())));
        }
        assert!(matches!(check(&[sub("A"), sub("A")]), Err(ConfigError::DuplicateSymbol(_))));
        let deep = Subscription { depth: Some(50), ..sub("A") };
        assert!(matches!(check(&[deep]), Err(ConfigError::BadDepth { depth: 50, .. })));
    }
}
