//! The Binance family.

use tickbook_types::{BookId, ConnId, Epoch, MonoNanos, Padded, Reason, RecvStamps, Venue};

use crate::rest::{RestBody, RestError, RestResponse};
use crate::session::{ConfigError, Context, Session, SessionConfig, Subscription};

pub(crate) struct BinanceSession {
    config: SessionConfig,
}

impl BinanceSession {
    pub(crate) fn new(config: SessionConfig) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

pub(crate) fn conns_needed(_config: &SessionConfig) -> u32 {
    4
}

pub(crate) fn subscriptions_from_open(_url: &str) -> Vec<Subscription> {
    Vec::new()
}

pub(crate) fn parse_rest(_venue: Venue, _url: &str, _body: &[u8]) -> Result<RestBody, RestError> {
    Err(RestError::UnknownUrl)
}

impl Session for BinanceSession {
    fn start(&mut self, _cx: &mut Context<'_>) {}
    fn on_connected(&mut self, _conn: ConnId, _epoch: Epoch, _cx: &mut Context<'_>) {}
    fn on_message(&mut self, _: ConnId, _: Padded<'_>, _: &RecvStamps, _: &mut Context<'_>) {}
    fn on_disconnected(&mut self, _conn: ConnId, _cx: &mut Context<'_>) {}
    fn on_rest(&mut self, _response: RestResponse, _cx: &mut Context<'_>) {}
    fn on_resync(&mut self, _book: BookId, _reason: Reason, _cx: &mut Context<'_>) {
        let _ = self.config.sample_every;
    }
    fn on_timer(&mut self, _cx: &mut Context<'_>) {}
    fn next_deadline(&self) -> MonoNanos {
        MonoNanos::FAR
    }
}
