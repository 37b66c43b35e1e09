//! The Binance family: spot, Binance.US, USD-M and COIN-M futures.
//!
//! One set of modules for the four; what differs is a table ([`rules`]). A frame goes from
//! [`feed`] (told apart, chain checked) to the lane; [`sync`] joins snapshots, [`rotate`] looks
//! after connections, [`market`] passes trades and tickers on. [`scan`] reads the usual frames,
//! [`general`] all others; [`wish`] has books come and go.
//!
//! Decisions:
//!
//! - Where a symbol sends both single trades and aggregates, only the single ones are passed on
//!   from the first of them; aggregates say the same again. The trade id of an aggregate is its
//!   own (`a`).
//! - Numbers in prices and sizes must be strings, as the venue documents them.
//! - A diff that cannot be read makes its book stale at once if its symbol can be read; if not,
//!   the book's next diff shows the hole.

mod books;
mod feed;
mod frame;
mod general;
mod instruments;
mod link;
mod mark;
mod market;
mod rest;
mod rotate;
mod rules;
mod scale;
mod scan;
mod session;
mod subscribe;
mod sync;
#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test data")]
mod twin;
mod wish;

pub(crate) use rest::parse_rest;
pub(crate) use session::BinanceSession;
pub(crate) use subscribe::{conns_needed, subscriptions_from_open};
