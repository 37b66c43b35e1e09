//! From a configuration to what an engine is made of.

use std::path::Path;
use std::time::Duration;

use tickbook_net::ConnectionOptions;
use tickbook_venues::{Endpoints, Key, Subscription};

use crate::config::{Config, VenueConfig};
use crate::live::{EnginePlan, VenuePlan};
use crate::topology::Wishes;

/// The plan of a configuration.
///
/// # Errors
///
/// A venue that does not exist, of which a checked configuration has none, and a key file that
/// cannot be read.
pub fn of(config: &Config) -> Result<EnginePlan, String> {
    let venues = config.venues.iter().map(venue).collect::<Result<_, _>>()?;
    Ok(EnginePlan {
        name: config.name.get_ref().clone(),
        shm_dir: config.shm_dir.clone(),
        depth: *config.depth.get_ref(),
        heartbeat: Duration::from_millis(u64::from(*config.heartbeat_ms.get_ref())),
        publish: config.publish,
        sample_every: config.sample_every,
        ca_file: config.ca_file.clone(),
        builder_core: config.builder_core,
        wishes: Wishes {
            builder: config.topology,
            idle: config.idle,
            // The service threads and whoever looks after the engine.
            other_threads: 1,
        },
        venues,
    })
}

fn venue(config: &VenueConfig) -> Result<VenuePlan, String> {
    let venue = config.venue().map_err(|unknown| unknown.to_string())?;
    let mut endpoints = Endpoints::of(venue);
    if let Some(url) = &config.ws_url {
        endpoints = endpoints.with_ws(url.get_ref());
    }
    if let Some(url) = &config.rest_url {
        endpoints = endpoints.with_rest(url.get_ref());
    }
    let subscriptions = config.symbols.iter().map(|symbol| Subscription {
        depth: config.channel_depth,
        trades: config.trades,
        ticker: config.ticker,
        ..Subscription::all(symbol.get_ref())
    });
    let silence_ns = i64::from(*config.silence_ms.get_ref()) * 1_000_000;
    Ok(VenuePlan {
        venue,
        subscriptions: subscriptions.collect(),
        lines: *config.lines.get_ref(),
        endpoints,
        core: config.core,
        silence_ns,
        options: options(silence_ns, config.so_rcvbuf, config.busy_poll_us),
        play: None,
        key: config.key_file.as_deref().map(key).transpose()?,
    })
}

/// Reads a key file. What it says is in no error.
fn key(path: &Path) -> Result<Key, String> {
    let file = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("key_file {file} cannot be read: {error}"))?;
    Key::parse(&text).map_err(|error| format!("key_file {file}: {error}"))
}

/// How to connect: a quiet connection is probed well before its books count as not fresh, and given
/// up when the probe stays without an answer.
#[must_use]
pub fn options(
    silence_ns: i64,
    so_rcvbuf: Option<u32>,
    busy_poll_us: Option<u32>,
) -> ConnectionOptions {
    ConnectionOptions {
        probe_ns: silence_ns / 3,
        idle_ns: silence_ns * 2,
        so_rcvbuf,
        busy_poll_us,
        ..ConnectionOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Publish;

    #[test]
    fn what_is_configured_reaches_the_plan() {
        let text = "name = \"desk\"\nheartbeat_ms = 20\npublish = \"latest\"\n\
                    [[venue]]\nvenue = \"binance_us\"\nsymbols = [\"BTCUSD\"]\n\
                    silence_ms = 3000\nticker = false\nws_url = \"ws://127.0.0.1:9001\"\n";
        let plan = of(&Config::parse("a.toml", text).unwrap()).unwrap();
        assert_eq!((plan.name.as_str(), plan.heartbeat), ("desk", Duration::from_millis(20)));
        assert_eq!(plan.publish, Publish::Latest);
        let venue = &plan.venues[0];
        assert_eq!(venue.silence_ns, 3_000_000_000);
        assert!(venue.options.probe_ns < venue.silence_ns);
        assert!(!venue.subscriptions[0].ticker && venue.subscriptions[0].trades);
        assert!(venue.endpoints.ws.iter().all(|(_, url)| url == "ws://127.0.0.1:9001"));
        assert_eq!(venue.endpoints.rest, Endpoints::of(venue.venue).rest);
    }

    #[test]
    fn a_channel_is_chosen_by_its_depth_if_the_venue_has_it() {
        let plan = |depth: u32| {
            let text = format!(
                "[[venue]]\nvenue = \"bybit\"\nsymbols = [\"BTCUSDT\"]\nchannel_depth = {depth}\n"
            );
            of(&Config::parse("a.toml", &text).unwrap()).unwrap()
        };
        assert_eq!(plan(50).venues[0].subscriptions[0].depth, Some(50));
        assert_eq!(plan(50).check(), Ok(()));
        let error = plan(51).check().unwrap_err();
        assert!(error.contains("no channel of depth 51"), "{error}");
    }

    #[test]
    fn a_key_file_is_read_and_what_it_says_is_in_no_error() {
        let dir = std::env::temp_dir().join(format!("tickbook-key-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("key");
        let plan = || {
            let text = format!(
                "[[venue]]\nvenue = \"kraken_l3\"\nsymbols = [\"XY/USD\"]\nkey_file = {file:?}\n"
            );
            of(&Config::parse("a.toml", &text).unwrap())
        };
        let error = plan().unwrap_err();
        assert!(error.contains("cannot be read") && error.contains("key"), "{error}");
        for (text, part) in [("hidden", "line 1"), ("token = hid den", "line 1"), ("", "no line")] {
            std::fs::write(&file, text).unwrap();
            let error = plan().unwrap_err();
            assert!(error.contains(part) && !error.contains("hid"), "{error}");
        }
        std::fs::write(&file, "secret = hidden\n").unwrap();
        let error = plan().unwrap().check().unwrap_err();
        assert!(error.contains("token") && !error.contains("hidden"), "{error}");
        std::fs::write(&file, "token = hidden\n").unwrap();
        let plan = plan().unwrap();
        assert_eq!(plan.check(), Ok(()));
        assert!(!format!("{plan:?}").contains("hidden"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
