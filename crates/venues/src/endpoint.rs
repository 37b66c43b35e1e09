//! Where the venues are: addresses as data, overridable by configuration.

use tickbook_types::Venue;

/// One of the WebSocket addresses of a venue.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Endpoint {
    /// The only one, or the one for everything that has none of its own.
    Main,
    /// Binance futures: books and best bid and offer (`/public`).
    Public,
    /// Binance futures: trades and statistics (`/market`).
    Market,
    /// Derivatives, where they have an address of their own.
    Derivatives,
    /// One that the venue had once: known from recordings, never connected to.
    Former,
}

/// The addresses of a venue: scheme, host and port, without a path.
///
/// Paths come with the actions of the session, so one address may serve several kinds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoints {
    /// WebSocket address per kind (`wss://host:port`).
    pub ws: Vec<(Endpoint, String)>,
    /// REST address (`https://host`).
    pub rest: String,
    /// Path of the WebSocket, where that tells venues at one address apart; otherwise empty.
    pub path: &'static str,
}

impl Endpoints {
    /// The venue's own addresses.
    #[must_use]
    pub fn of(venue: Venue) -> Self {
        let (ws, rest): (&[(Endpoint, &str)], &str) = match venue {
            Venue::BinanceSpot => {
                (&[(Endpoint::Main, "wss://stream.binance.com:9443")], "https://api.binance.com")
            }
            Venue::BinanceUs => {
                (&[(Endpoint::Main, "wss://stream.binance.us:9443")], "https://api.binance.us")
            }
            Venue::BinanceUsdm => (
                &[
                    (Endpoint::Public, "wss://fstream.binance.com"),
                    (Endpoint::Market, "wss://fstream.binance.com"),
                ],
                "https://fapi.binance.com",
            ),
            Venue::BinanceCoinm => {
                (&[(Endpoint::Main, "wss://dstream.binance.com")], "https://dapi.binance.com")
            }
            _ => crate::protocols::rules(venue).map_or((&[], ""), |rules| (rules.ws, rules.rest)),
        };
        let ws = ws.iter().map(|(kind, url)| (*kind, (*url).to_owned())).collect();
        let path = crate::protocols::rules(venue).map_or("", |rules| rules.path);
        Self { ws, rest: rest.to_owned(), path }
    }

    /// The same kinds, all at one WebSocket address.
    #[must_use]
    pub fn with_ws(mut self, url: &str) -> Self {
        for (_, address) in &mut self.ws {
            url.trim_end_matches('/').clone_into(address);
        }
        self
    }

    /// The same with another REST address.
    #[must_use]
    pub fn with_rest(mut self, url: &str) -> Self {
        url.trim_end_matches('/').clone_into(&mut self.rest);
        self
    }

    /// The WebSocket address of a kind.
    #[must_use]
    pub fn ws(&self, endpoint: Endpoint) -> Option<&str> {
        self.ws.iter().find(|(kind, _)| *kind == endpoint).map(|(_, url)| url.as_str())
    }
}
