//! What a simulated venue is asked to be.
//!
//! # Guarantees
//!
//! - Every field has a default that makes a well-behaved venue ([`SimConfig::new`]).
//! - [`SimConfig::check`] refuses what the simulator cannot do; nothing is clamped in silence.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tickbook_types::Venue;

use crate::error::SimError;
use crate::script::Script;

/// A simulated venue.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Whose paths, message shapes and rules it speaks.
    pub venue: Venue,
    /// Where WebSocket clients connect; loopback only, port 0 takes any free one.
    pub listen_ws: SocketAddr,
    /// Where REST clients connect; loopback only, port 0 takes any free one.
    pub listen_rest: SocketAddr,
    /// TLS on both, by a certificate authority made at start ([`crate::Sim::ca_pem`]).
    pub tls: bool,
    /// Writes the authority's certificate to this file (PEM) when `tls` is on.
    pub ca_file: Option<PathBuf>,
    /// What is sent.
    pub feed: Feed,
    /// How strict and how unreliable it is.
    pub faults: Faults,
}

/// Where the messages come from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// A synthetic market. The simulator knows the true books.
    Synthetic(MarketConfig),
    /// The frames of a capture, in order, to the first client.
    Capture {
        /// The capture.
        script: Script,
        /// How fast.
        pace: Pace,
    },
}

/// How fast a capture is played. The schedule counts from the moment the first client is there and
/// is open-loop: what a slow client or a hold delays is sent as soon as it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as the client takes it.
    #[default]
    Max,
    /// At the intervals of the recording.
    Recorded,
    /// So many times faster than recorded.
    Times(f64),
}

/// A synthetic market.
///
/// The content of every message follows from this configuration; only its times follow the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketConfig {
    /// Seed of the order flow.
    pub seed: u64,
    /// Symbols, in range `1 ..= 10_000`. The first are well-known names.
    pub symbols: usize,
    /// Depth messages per second over all symbols, in range `0.001 ..= 5_000_000`.
    pub messages_per_s: f64,
    /// Level changes in a depth message, on average, in range `1 ..= 100`.
    pub levels_per_message: f64,
    /// Levels a side that the flow keeps about, in range `20 ..= 900`: below the 1,000 of a futures
    /// snapshot, so that a snapshot of full depth holds the whole book.
    pub levels: usize,
    /// Whether best bid and ask are sent (to who subscribed).
    pub tickers: bool,
    /// Whether trades are sent (to who subscribed).
    pub trades: bool,
    /// Share of messages that come in bursts of 2 to 64 at one moment, in range `0 ..= 1`.
    pub burstiness: f64,
    /// Share of messages that sweep or requote many levels (20 to 200), in range `0 ..= 1`.
    pub sweeps: f64,
    /// Chance per message that one side of the book is emptied, in range `0 ..= 1`. A ticker then
    /// has price and size zero on that side, as the venue's has.
    pub one_sided: f64,
    /// How long the sender may sleep between batches. Messages due meanwhile go out together.
    pub interval: Duration,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            symbols: 20,
            messages_per_s: 1_000.0,
            levels_per_message: 8.0,
            levels: 400,
            tickers: true,
            trades: true,
            burstiness: 0.2,
            sweeps: 0.005,
            one_sided: 0.000_01,
            interval: Duration::from_micros(250),
        }
    }
}

/// How strict and how unreliable the venue is. The default is lenient and reliable; more faults are
/// caused by the methods of [`crate::Sim`] while it runs.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Disconnects a client that sends more than the venue's messages per second (5 on spot, 10 on
    /// futures; pings and pongs count).
    pub enforce_message_rate: bool,
    /// Answers 429 once the request weight of the minute is used up, and 418 to who goes on.
    pub enforce_weight: bool,
    /// Interval of server pings; `None` takes the venue's (20 s on spot, 3 min on futures).
    pub ping_interval: Option<Duration>,
    /// Disconnects a client whose pong is this late; `None` takes the venue's (60 s, 10 min).
    pub pong_timeout: Option<Duration>,
    /// Ends every connection at this age; `None` takes the venue's 24 hours.
    pub connection_life: Option<Duration>,
    /// Holds a depth answer back after the snapshot was taken, so that it is older than the socket.
    pub rest_delay: Duration,
    /// Bytes that may wait for a slow client before it is disconnected.
    pub client_backlog_bytes: usize,
    /// How long the end of a capture waits for the client to close before closing with 1000.
    pub close_grace: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            enforce_message_rate: false,
            enforce_weight: false,
            ping_interval: None,
            pong_timeout: None,
            connection_life: None,
            rest_delay: Duration::ZERO,
            client_backlog_bytes: 256 << 20,
            close_grace: Duration::from_secs(2),
        }
    }
}

impl SimConfig {
    /// A well-behaved venue on free loopback ports, without TLS.
    #[must_use]
    pub fn new(venue: Venue, feed: Feed) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            venue,
            listen_ws: any,
            listen_rest: any,
            tls: false,
            ca_file: None,
            feed,
            faults: Faults::default(),
        }
    }

    /// Whether the simulator can be this.
    ///
    /// # Errors
    ///
    /// [`SimError::NotLoopback`] or [`SimError::Config`] with the field and its range.
    pub fn check(&self) -> Result<(), SimError> {
        for addr in [self.listen_ws, self.listen_rest] {
            if !addr.ip().is_loopback() {
                return Err(SimError::NotLoopback { addr });
            }
        }
        match &self.feed {
            Feed::Synthetic(market) if has_synthetic_market(self.venue) => market.check(),
            Feed::Synthetic(_) => Err(SimError::config(format!(
                "{}: no synthetic market; play a capture",
                self.venue
            ))),
            Feed::Capture { pace: Pace::Times(times), .. }
                if !(times.is_finite() && *times > 0.0) =>
            {
                Err(SimError::config(format!("pace {times}x: must be above 0")))
            }
            Feed::Capture { .. } => Ok(()),
        }
    }
}

/// Whether the simulator can make the messages of this venue itself.
fn has_synthetic_market(venue: Venue) -> bool {
    use Venue::{BinanceCoinm, BinanceSpot, BinanceUs, BinanceUsdm};
    matches!(venue, BinanceSpot | BinanceUsdm | BinanceCoinm | BinanceUs)
}

impl MarketConfig {
    fn check(&self) -> Result<(), SimError> {
        within("symbols", self.symbols as f64, 1.0, 10_000.0)?;
        within("messages_per_s", self.messages_per_s, 0.001, 5_000_000.0)?;
        within("levels_per_message", self.levels_per_message, 1.0, 100.0)?;
        within("levels", self.levels as f64, 20.0, 900.0)?;
        within("burstiness", self.burstiness, 0.0, 1.0)?;
        within("sweeps", self.sweeps, 0.0, 1.0)?;
        within("one_sided", self.one_sided, 0.0, 1.0)
    }
}

fn within(name: &str, value: f64, min: f64, max: f64) -> Result<(), SimError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(SimError::config(format!("{name} = {value}: must be in {min} ..= {max}")))
}
