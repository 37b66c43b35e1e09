//! Names of streams and the paths that lead to them.

use std::fmt;

use tickbook_types::Venue;

/// What a stream carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Channel {
    Depth = 0,
    Ticker = 1,
    Trade = 2,
    AggTrade = 3,
}

impl Channel {
    pub(crate) const COUNT: usize = 4;
}

/// A stream by the name a client used for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stream {
    name: String,
    symbol: String,
    channel: Option<Channel>,
}

impl Stream {
    /// Any name is a stream; only some of them carry something.
    pub(crate) fn parse(name: &str) -> Self {
        let (symbol, channel) = name.split_once('@').unwrap_or((name, ""));
        let channel = match channel {
            "depth" | "depth@0ms" | "depth@100ms" | "depth@250ms" | "depth@500ms" => {
                Some(Channel::Depth)
            }
            "bookTicker" => Some(Channel::Ticker),
            "trade" => Some(Channel::Trade),
            "aggTrade" => Some(Channel::AggTrade),
            _ => None,
        };
        Self { name: name.to_owned(), symbol: symbol.to_uppercase(), channel }
    }

    /// The symbol as payloads write it.
    pub(crate) fn symbol(&self) -> &str {
        &self.symbol
    }

    pub(crate) fn channel(&self) -> Option<Channel> {
        self.channel
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Which data a path of a futures venue carries; a stream on the wrong one is silent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Everything,
    /// Books and best bid and ask.
    Public,
    /// Trades.
    Market,
}

/// What a client's path asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    /// Whether messages are wrapped with the name of their stream.
    pub(crate) is_combined: bool,
    family: Family,
    pub(crate) streams: Vec<Stream>,
}

impl Route {
    /// The route of a path with its query; `None` if the venue has no such path.
    pub(crate) fn parse(venue: Venue, path_and_query: &str) -> Option<Self> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let is_futures = matches!(venue, Venue::BinanceUsdm | Venue::BinanceCoinm);
        let (family, path) = match (path.strip_prefix("/public"), path.strip_prefix("/market")) {
            (Some(rest), _) if is_futures => (Family::Public, rest),
            (_, Some(rest)) if is_futures => (Family::Market, rest),
            _ => (Family::Everything, path),
        };
        let names = |list: &str| {
            list.split('/').filter(|name| !name.is_empty()).map(Stream::parse).collect()
        };
        if path == "/stream" || path == "/stream/" {
            let list = query.split('&').find_map(|pair| pair.strip_prefix("streams="));
            let streams = names(&percent_decoded(list.unwrap_or_default()));
            return Some(Self { is_combined: true, family, streams });
        }
        let list = path.strip_prefix("/ws")?;
        if !list.is_empty() && !list.starts_with('/') {
            return None;
        }
        Some(Self { is_combined: false, family, streams: names(&percent_decoded(list)) })
    }

    /// The route of a venue that takes any path.
    pub(crate) fn any() -> Self {
        Self { is_combined: true, family: Family::Everything, streams: Vec::new() }
    }

    /// Whether this path carries such a stream.
    pub(crate) fn carries(&self, stream: &Stream) -> bool {
        let is_book = matches!(stream.channel(), Some(Channel::Depth | Channel::Ticker));
        match self.family {
            Family::Everything => true,
            Family::Public => is_book,
            Family::Market => !is_book,
        }
    }
}

/// `%40` and the like as the characters they stand for; what is malformed stays as it is.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(0), hex(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_kinds_lead_to_their_streams() {
        let spot = |path| Route::parse(Venue::BinanceSpot, path);
        let combined = spot("/stream?streams=btcusdt@depth@100ms/ethusdt%40trade").unwrap();
        assert!(combined.is_combined);
        let channels: Vec<_> = combined.streams.iter().map(Stream::channel).collect();
        assert_eq!(channels, [Some(Channel::Depth), Some(Channel::Trade)]);
        assert_eq!(combined.streams[0].symbol(), "BTCUSDT");
        let raw = spot("/ws/btcusdt@bookTicker").unwrap();
        assert!(!raw.is_combined && raw.streams.len() == 1);
        assert_eq!(spot("/ws").unwrap().streams, []);
        for wrong in ["/", "/wsx", "/public/stream", "/api/v3/depth"] {
            assert_eq!(spot(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn futures_paths_carry_their_own_data_only() {
        let depth = Stream::parse("btcusdt@depth@100ms");
        let trade = Stream::parse("btcusdt@aggTrade");
        for (path, book, trades) in [
            ("/public/stream", true, false),
            ("/market/ws", false, true),
            ("/ws", true, true),
            ("/stream?streams=a", true, true),
        ] {
            let route = Route::parse(Venue::BinanceUsdm, path).unwrap();
            assert_eq!((route.carries(&depth), route.carries(&trade)), (book, trades), "{path}");
        }
    }
}
