//! What differs between the venues of the family, as data.

use tickbook_types::Venue;

use crate::endpoint::Endpoint;
use crate::splice::Chain;

/// One venue's paths, limits, weights and chain rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How diffs follow one another.
    pub(crate) chain: Chain,
    /// REST path of snapshots.
    pub(crate) depth_path: &'static str,
    /// Snapshot sizes to choose from, larger first: (levels a side, weight).
    pub(crate) depth_limits: &'static [(u32, u32)],
    /// REST path of the instrument list.
    pub(crate) instruments_path: &'static str,
    /// Its weight.
    pub(crate) instruments_weight: u32,
    /// REST weight a minute.
    pub(crate) weight_per_minute: u32,
    /// Messages a second that we send: one less than the venue takes, for a pong in between.
    pub(crate) messages_per_second: u32,
    /// Streams per connection.
    pub(crate) streams_per_conn: usize,
    /// Where books and best bid and offer are.
    pub(crate) book_route: Route,
    /// Where trades are.
    pub(crate) trade_route: Route,
    /// The documented stream of trades.
    pub(crate) trade_stream: &'static str,
    /// The stream of mark price, index and funding, which goes with the trades.
    pub(crate) mark_stream: Option<&'static str>,
}

/// An address and a path for combined streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: &'static str,
}

const MAIN: Route = Route { endpoint: Endpoint::Main, path: "/stream" };

/// Spot limits: 5 messages a second, 1024 streams; weight 6000 a minute.
const SPOT: Rules = Rules {
    chain: Chain::Contiguous,
    depth_path: "/api/v3/depth",
    depth_limits: &[(5000, 250), (1000, 50), (500, 25)],
    instruments_path: "/api/v3/exchangeInfo",
    instruments_weight: 20,
    weight_per_minute: 6000,
    messages_per_second: 4,
    streams_per_conn: 1024,
    book_route: MAIN,
    trade_route: MAIN,
    trade_stream: "trade",
    mark_stream: None,
};

/// Futures limits: 10 messages a second; 1024 streams by today's pages, 200 by older ones; weight
/// 2400 a minute.
const FUTURES: Rules = Rules {
    chain: Chain::Linked,
    depth_path: "/fapi/v1/depth",
    depth_limits: &[(1000, 20)],
    instruments_path: "/fapi/v1/exchangeInfo",
    instruments_weight: 1,
    weight_per_minute: 2400,
    messages_per_second: 9,
    streams_per_conn: 200,
    book_route: Route { endpoint: Endpoint::Public, path: "/public/stream" },
    trade_route: Route { endpoint: Endpoint::Market, path: "/market/stream" },
    trade_stream: "aggTrade",
    mark_stream: Some("markPrice@1s"),
};

impl Rules {
    /// The rules of a venue of the family.
    pub(crate) const fn of(venue: Venue) -> Self {
        match venue {
            Venue::BinanceUsdm => FUTURES,
            Venue::BinanceCoinm => Self {
                depth_path: "/dapi/v1/depth",
                instruments_path: "/dapi/v1/exchangeInfo",
                book_route: MAIN,
                trade_route: MAIN,
                ..FUTURES
            },
            // The American entity kept the budget that the main one had before 2023.
            Venue::BinanceUs => Self { weight_per_minute: 1200, ..SPOT },
            _ => SPOT,
        }
    }

    /// Levels and weight of the snapshots for so many books: the deepest of which all books'
    /// together take no more than half a minute's budget.
    pub(crate) fn depth_limit(&self, books: usize) -> (u32, u32) {
        let half = u64::from(self.weight_per_minute / 2);
        let books = u64::try_from(books).unwrap_or(u64::MAX);
        let fits = |(_, weight): &&(u32, u32)| u64::from(*weight).saturating_mul(books) <= half;
        let last = self.depth_limits.last().copied().unwrap_or((1000, 50));
        self.depth_limits.iter().find(fits).copied().unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_books_take_shallower_snapshots() {
        let spot = Rules::of(Venue::BinanceSpot);
        assert_eq!(spot.depth_limit(1), (5000, 250));
        assert_eq!(spot.depth_limit(12), (5000, 250));
        assert_eq!(spot.depth_limit(13), (1000, 50));
        assert_eq!(spot.depth_limit(60), (1000, 50));
        assert_eq!(spot.depth_limit(10_000), (500, 25));
        assert_eq!(Rules::of(Venue::BinanceUs).depth_limit(20), (500, 25));
        assert_eq!(Rules::of(Venue::BinanceUsdm).depth_limit(1), (1000, 20));
    }

    #[test]
    fn each_venue_has_its_own_paths_and_chain() {
        let chain = |venue| Rules::of(venue).chain;
        assert_eq!(chain(Venue::BinanceSpot), Chain::Contiguous);
        assert_eq!(chain(Venue::BinanceUs), Chain::Contiguous);
        assert_eq!(chain(Venue::BinanceUsdm), Chain::Linked);
        assert_eq!(chain(Venue::BinanceCoinm), Chain::Linked);
        let usdm = Rules::of(Venue::BinanceUsdm);
        assert_ne!(usdm.book_route, usdm.trade_route, "books and trades on two connections");
        assert_eq!(Rules::of(Venue::BinanceCoinm).depth_path, "/dapi/v1/depth");
    }
}
