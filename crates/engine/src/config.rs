//! The configuration of an engine: TOML, strict.
//!
//! An unknown key, a wrong type, a name that stands twice, a value out of range: each is refused
//! with the line it stands on. Nothing is guessed and nothing is ignored. `tickbook check-config`
//! runs exactly this and prints what the engine would do.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tickbook_types::Venue;
use toml::Spanned;

use crate::desk::Publish;
use crate::idle::Idle;
use crate::limits;
use crate::memory::Memory;
use crate::topology::BuilderPlace;
use crate::url::Url;

/// A whole configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Engine name: the name of its shared-memory file.
    #[serde(default = "default_name")]
    pub name: Spanned<String>,
    /// Folder of the shared-memory file.
    #[serde(default = "default_shm_dir")]
    pub shm_dir: PathBuf,
    /// Where builders run; chosen by the number of cores when absent.
    pub topology: Option<BuilderPlace>,
    /// How path threads idle; chosen by the number of cores when absent.
    pub idle: Option<Idle>,
    /// Core of the builder thread.
    pub builder_core: Option<usize>,
    /// Levels a side in the shared-memory depth block.
    #[serde(default = "default_depth")]
    pub depth: Spanned<u32>,
    /// Interval of the builders' heartbeat in milliseconds.
    #[serde(default = "default_heartbeat_ms")]
    pub heartbeat_ms: Spanned<u32>,
    /// When books are published.
    #[serde(default)]
    pub publish: Publish,
    /// The inner stages of every n-th message are stamped; 0 stamps none.
    #[serde(default = "default_sample_every")]
    pub sample_every: u32,
    /// Whether large blocks of memory may lie on huge pages.
    #[serde(default)]
    pub huge_pages: bool,
    /// Whether all memory is locked into RAM.
    #[serde(default)]
    pub lock_memory: bool,
    /// PEM file of roots to trust besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// The venues.
    #[serde(default, rename = "venue")]
    pub venues: Vec<VenueConfig>,
}

/// One venue of the configuration: one venue thread.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueConfig {
    /// The venue's name, e.g. `binance_spot`.
    pub venue: Spanned<String>,
    /// The venue's symbols of the books to keep.
    pub symbols: Vec<Spanned<String>>,
    /// Levels a side of the channel, where the venue has several; its usual one when absent.
    pub channel_depth: Option<u32>,
    /// Connections with the same subscriptions: the first message wins. 1 or 2.
    #[serde(default = "default_lines")]
    pub lines: Spanned<u32>,
    /// Core of the venue thread.
    pub core: Option<usize>,
    /// Whether to subscribe to trades.
    #[serde(default = "yes")]
    pub trades: bool,
    /// Whether to subscribe to best bid and offer, which also checks the book.
    #[serde(default = "yes")]
    pub ticker: bool,
    /// WebSocket root in place of the venue's own, e.g. `ws://127.0.0.1:9001`.
    pub ws_url: Option<Spanned<String>>,
    /// REST root in place of the venue's own.
    pub rest_url: Option<Spanned<String>>,
    /// File with the venue's key, for venues that want one.
    pub key_file: Option<PathBuf>,
    /// A book is not fresh when its connection was silent for this long, in milliseconds.
    #[serde(default = "default_silence_ms")]
    pub silence_ms: Spanned<u32>,
    /// Kernel receive buffer in bytes (`SO_RCVBUF`); the system's default when absent.
    pub so_rcvbuf: Option<u32>,
    /// Busy polling in the kernel in microseconds (`SO_BUSY_POLL`); off when absent.
    pub busy_poll_us: Option<u32>,
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The file, or what stands for it.
    pub file: String,
    /// Line, from 1; 0 when the fault is not of a line.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message } = self;
        if *line == 0 {
            write!(f, "{file}: {message}")
        } else {
            write!(f, "{file}:{line}: {message}")
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a file that cannot be read, is not TOML, or does not pass the checks.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            file: file.clone(),
            line: 0,
            message: format!("cannot read the configuration: {error}"),
        })?;
        Self::parse(&file, &text)
    }

    /// Checks a configuration text; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the line of the first fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let fault = |span: Option<Range<usize>>, message: String| ConfigError {
            file: file.to_owned(),
            line: span.map_or(0, |span| line_of(text, span.start)),
            message,
        };
        let config: Self =
            toml::from_str(text).map_err(|error| fault(error.span(), one_line(error.message())))?;
        config.check().map_err(|(span, message)| fault(span, message))?;
        Ok(config)
    }

    /// What is asked about the memory of the process.
    #[must_use]
    pub const fn memory(&self) -> Memory {
        Memory { huge_pages: self.huge_pages, lock: self.lock_memory }
    }

    fn check(&self) -> Result<(), (Option<Range<usize>>, String)> {
        let name = self.name.get_ref();
        if !is_engine_name(name) {
            let message = format!(
                "name '{name}' must be 1 to {} letters, digits, '-' or '_'",
                limits::ENGINE_NAME_MAX
            );
            return Err((Some(self.name.span()), message));
        }
        in_range("depth", &self.depth, limits::DEPTH)?;
        in_range("heartbeat_ms", &self.heartbeat_ms, limits::HEARTBEAT_MS)?;
        if self.venues.is_empty() {
            return Err((None, "no [[venue]] section; add at least one".to_owned()));
        }
        if self.venues.len() > limits::VENUES_MAX {
            let message = format!("more than {} [[venue]] sections", limits::VENUES_MAX);
            return Err((None, message));
        }
        self.venues.iter().try_for_each(VenueConfig::check)?;
        self.check_books()
    }

    /// No book may stand in two sections of the same venue: readers could not tell them apart.
    fn check_books(&self) -> Result<(), (Option<Range<usize>>, String)> {
        let mut seen = HashSet::new();
        for section in &self.venues {
            let venue = section.venue().map_err(|unknown| (None, unknown.to_string()))?;
            for symbol in &section.symbols {
                let text = symbol.get_ref();
                if !seen.insert((venue, text.to_uppercase())) {
                    let message = format!("symbol '{text}' of {venue} stands twice");
                    return Err((Some(symbol.span()), message));
                }
            }
        }
        Ok(())
    }
}

impl VenueConfig {
    fn check(&self) -> Result<(), (Option<Range<usize>>, String)> {
        let at = Some(self.venue.span());
        let parsed = self.venue.get_ref().parse::<Venue>();
        parsed.map_err(|unknown| (at.clone(), unknown.to_string()))?;
        in_range("lines", &self.lines, limits::LINES)?;
        in_range("silence_ms", &self.silence_ms, limits::SILENCE_MS)?;
        if self.symbols.is_empty() {
            return Err((at, "`symbols` is empty; name at least one symbol".to_owned()));
        }
        if self.symbols.len() > limits::SYMBOLS_MAX {
            let message = format!("more than {} symbols", limits::SYMBOLS_MAX);
            return Err((at, message));
        }
        for symbol in &self.symbols {
            let text = symbol.get_ref();
            let span = Some(symbol.span());
            if text.is_empty()
                || text.len() > limits::SYMBOL_LEN_MAX
                || text.contains(char::is_whitespace)
            {
                return Err((span, format!("'{text}' is not a symbol")));
            }
        }
        check_url(self.ws_url.as_ref(), "wss", "ws")?;
        check_url(self.rest_url.as_ref(), "https", "http")
    }

    /// The venue; the check has made sure that there is one of that name.
    ///
    /// # Errors
    ///
    /// [`tickbook_types::UnknownVenue`] when the configuration was not checked.
    pub fn venue(&self) -> Result<Venue, tickbook_types::UnknownVenue> {
        self.venue.get_ref().parse()
    }
}

/// Whether `name` can name an engine: it becomes part of a file name.
#[must_use]
pub fn is_engine_name(name: &str) -> bool {
    (1..=limits::ENGINE_NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn in_range(
    key: &str,
    value: &Spanned<u32>,
    range: std::ops::RangeInclusive<u32>,
) -> Result<(), (Option<Range<usize>>, String)> {
    if range.contains(value.get_ref()) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    let message = format!("{key} = {} is not between {low} and {high}", value.get_ref());
    Err((Some(value.span()), message))
}

/// An address must be what the thread that uses it will be able to take apart.
fn check_url(
    url: Option<&Spanned<String>>,
    sealed: &str,
    plain: &str,
) -> Result<(), (Option<Range<usize>>, String)> {
    let Some(url) = url else { return Ok(()) };
    let text = url.get_ref();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let fault = match Url::parse(text) {
        Ok(_) if scheme == Some(sealed) || scheme == Some(plain) => return Ok(()),
        Ok(_) => format!("'{text}' is not a URL: the scheme must be {sealed} or {plain}"),
        Err(fault) => fault,
    };
    Err((Some(url.span()), format!("{fault}; write it like {sealed}://host:port")))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn default_name() -> Spanned<String> {
    Spanned::new(0..0, "tickbook".to_owned())
}

fn default_shm_dir() -> PathBuf {
    PathBuf::from("/dev/shm/tickbook")
}

fn default_depth() -> Spanned<u32> {
    Spanned::new(0..0, 32)
}

fn default_heartbeat_ms() -> Spanned<u32> {
    Spanned::new(0..0, 10)
}

fn default_sample_every() -> u32 {
    64
}

fn default_lines() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

fn default_silence_ms() -> Spanned<u32> {
    Spanned::new(0..0, 10_000)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "desk"
idle = "backoff"
topology = "inline"
depth = 20

[[venue]]
venue = "binance_spot"
symbols = ["BTCUSDT", "ETHUSDT"]
core = 1
trades = false
"#;

    #[test]
    fn a_good_file_is_read_with_its_defaults() {
        let config = Config::parse("a.toml", GOOD).unwrap();
        assert_eq!(config.name.get_ref(), "desk");
        assert_eq!(config.topology, Some(BuilderPlace::Inline));
        assert_eq!(config.idle, Some(Idle::Backoff));
        assert_eq!((*config.depth.get_ref(), *config.heartbeat_ms.get_ref()), (20, 10));
        assert_eq!(config.publish, Publish::EveryMessage);
        let latest = format!("publish = \"latest\"\n{GOOD}");
        assert_eq!(Config::parse("a.toml", &latest).unwrap().publish, Publish::Latest);
        assert_eq!(config.memory(), Memory::default());
        for (huge_pages, lock) in [(true, false), (false, true)] {
            let text = format!("huge_pages = {huge_pages}\nlock_memory = {lock}\n{GOOD}");
            let config = Config::parse("a.toml", &text).unwrap();
            assert_eq!(config.memory(), Memory { huge_pages, lock });
        }
        let venue = &config.venues[0];
        assert_eq!(venue.venue(), Ok(Venue::BinanceSpot));
        assert!(!venue.trades && venue.ticker);
        assert_eq!(*venue.silence_ms.get_ref(), 10_000);
    }

    #[test]
    fn every_fault_is_refused_with_its_line() {
        let with =
            |from: &str, to: &str| Config::parse("a.toml", &GOOD.replace(from, to)).unwrap_err();
        for (from, to, line, part) in [
            ("depth = 20", "depht = 20", 5, "depht"),
            ("depth = 20", "depth = \"20\"", 5, "invalid type"),
            ("depth = 20", "depth = 0", 5, "between"),
            ("depth = 20", "publish = \"last\"", 5, "every-message"),
            ("depth = 20", "lock_memory = \"on\"", 5, "invalid type"),
            ("\"desk\"", "\"../desk\"", 2, "letters"),
            ("\"backoff\"", "\"sleep\"", 3, "sleep"),
            ("\"binance_spot\"", "\"mt_gox\"", 8, "known venues"),
            ("\"ETHUSDT\"", "\"btcusdt\"", 9, "twice"),
            ("\"ETHUSDT\"", "\"ETH USDT\"", 9, "not a symbol"),
            ("[\"BTCUSDT\", \"ETHUSDT\"]", "[]", 8, "empty"),
            ("core = 1", "ws_url = \"localhost\"", 10, "URL"),
            ("core = 1", "ws_url = \"ftp://localhost\"", 10, "scheme"),
            ("core = 1", "ws_url = \"https://localhost\"", 10, "wss or ws"),
            ("core = 1", "rest_url = \"http://localhost:x\"", 10, "port"),
            ("core = 1", "rest_url = \"http://:80\"", 10, "host"),
            ("core = 1", "core = -1", 10, "invalid value"),
            ("[[venue]]", "[[venue]", 7, ""),
        ] {
            let error = with(from, to);
            assert_eq!(error.line, line, "{to}: {error}");
            assert!(error.message.contains(part), "{to}: {error}");
            assert!(!error.to_string().contains('\n'), "{error:?}");
        }
        let error = Config::parse("a.toml", "name = \"x\"").unwrap_err();
        assert!(error.message.contains("[[venue]]"), "{error}");
    }

    #[test]
    fn a_book_of_two_sections_is_refused_one_of_two_venues_is_not() {
        let section = |venue: &str, symbol: &str| {
            format!("\n[[venue]]\nvenue = \"{venue}\"\nsymbols = [\"{symbol}\"]\n")
        };
        let twice = format!("{GOOD}{}", section("binance", "ethusdt"));
        let error = Config::parse("a.toml", &twice).unwrap_err();
        assert_eq!(error.line, 15, "{error}");
        assert!(error.message.contains("'ethusdt' of binance_spot stands twice"), "{error}");
        for (venue, symbol) in [("binance_spot", "SOLUSDT"), ("binance_us", "BTCUSDT")] {
            let text = format!("{GOOD}{}", section(venue, symbol));
            assert!(Config::parse("a.toml", &text).is_ok(), "{venue} {symbol}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Config::load(Path::new("/nonexistent/tickbook.toml")).unwrap_err();
        assert!(
            error.to_string().starts_with("/nonexistent/tickbook.toml: cannot read"),
            "{error}"
        );
    }
}
