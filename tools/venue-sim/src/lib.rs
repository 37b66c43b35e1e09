//! A simulated venue on loopback sockets: speaks Binance's WebSocket and REST, plain and TLS.
//!
//! [`Sim::start`] opens two ports. What is sent on them is either a synthetic market, whose true
//! books the simulator knows ([`Sim::true_book`]), or a capture ([`Feed::Capture`]).
//!
//! # Guarantees
//!
//! - A snapshot fetched at any time splices with the live stream by the venue's own rules.
//! - The content of a synthetic market follows from its seed; only times follow the clock.
//! - Sockets are bound to loopback only. Dropping a [`Sim`] ends its threads and connections.
//! - A slow client never slows the market or another client: it is disconnected when its backlog
//!   passes a limit, and counted.
//!
//! # Not guaranteed
//!
//! - Anything a client of market data does not see: orders, accounts, other kinds of streams. A
//!   subscription to such a stream is acknowledged and silent, as on the venue.
//! - Stream speeds: `@depth`, `@depth@100ms` and `@depth@0ms` are one stream here, as fast as the
//!   market is configured to be.

#![forbid(unsafe_code)]

mod args;
mod budget;
mod client;
mod config;
mod control;
mod error;
mod hub;
mod market;
mod outbound;
mod playback;
mod rest;
mod rest_api;
mod script;
mod sim;
mod streams;
mod tls;

pub use args::{SimArgs, run};
pub use config::{Faults, Feed, MarketConfig, Pace, SimConfig};
pub use error::SimError;
pub use script::{Script, Step};
pub use sim::{CaptureProgress, Sim, SimStats, TrueBook};
