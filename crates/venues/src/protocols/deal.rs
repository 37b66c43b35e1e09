//! Which connection each book of a configuration is on.

use super::protocol::{Protocol, Route};
use crate::endpoint::Endpoint;
use crate::session::{Mode, SessionConfig};

/// Deals the books out to connections: the routes, and for each subscription which it is on.
pub(super) fn deal(config: &SessionConfig, protocol: &dyn Protocol) -> (Vec<Route>, Vec<usize>) {
    let rules = protocol.rules();
    let mut lines: Vec<(Route, usize)> = Vec::new();
    let mut line_of = Vec::new();
    let live = config.mode == Mode::Live;
    for subscription in config.subscriptions.iter().filter(|_| live) {
        let route = protocol.route(subscription);
        let room = |(of, books): &(Route, usize)| *of == route && *books < rules.books_per_conn;
        let line = lines.iter().position(room).unwrap_or_else(|| {
            lines.push((route, 0));
            lines.len() - 1
        });
        lines[line].1 += 1;
        line_of.push(line);
    }
    if lines.is_empty() {
        // A recording is one connection, whatever was on it.
        lines.push((Route { endpoint: Endpoint::Main, path: rules.path, prefix: "" }, 0));
        line_of = vec![0; config.subscriptions.len()];
    }
    let routes: Vec<Route> = lines.into_iter().map(|(route, _)| route).collect();
    (routes.repeat(config.lines.max(1) as usize), line_of)
}

/// Connection ids that a configuration needs.
pub(crate) fn conns_needed(config: &SessionConfig, protocol: &dyn Protocol) -> u32 {
    u32::try_from(deal(config, protocol).0.len()).unwrap_or(u32::MAX)
}
