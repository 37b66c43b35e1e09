//! A capture played to one client: frames in order, and a hold at every REST answer until it has
//! been fetched.
//!
//! # Guarantees
//!
//! - A frame behind an HTTP line is not sent before a request that the line answers was answered.
//! - A request is answered by the first line of its endpoint and symbol that has not answered one,
//!   and not before the stream has reached that line; if there is none, it is refused at once.
//! - A requester that goes away leaves its line to the next one.
//!
//! # Not guaranteed
//!
//! - Progress for a client that fetches one at a time and not in the order of the capture: it waits
//!   for a later line while the stream holds for an earlier one.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::config::Pace;
use crate::hub::{Hub, POLL, lock};
use crate::outbound::{BINARY, TEXT};
use crate::script::{Script, Step};
use crate::sim::CaptureProgress;
use crate::streams::percent_decoded;

/// The capture and how far it is.
#[derive(Debug)]
pub(crate) struct Playback {
    script: Script,
    pace: Pace,
    /// The HTTP lines of each endpoint and symbol, in order.
    answers: HashMap<Endpoint, Vec<usize>>,
    state: Mutex<State>,
    changed: Condvar,
}

/// Path without version, and symbol.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Endpoint {
    path: String,
    symbol: String,
}

#[derive(Debug, Default)]
struct State {
    client: Option<Arc<Client>>,
    /// The client has come and gone: nobody is left to play to.
    is_over: bool,
    /// Lines up to this one, itself included, have been reached.
    reached: Option<usize>,
    lines: HashMap<usize, Answer>,
    progress: CaptureProgress,
}

/// What happened to an HTTP line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    /// A request waits for it or is being answered.
    Claimed,
    Given,
}

/// Bytes that may wait for the client before the next frame is queued: enough to keep its socket
/// full, little enough to stay in the cache.
const BACKLOG_BYTES: usize = 1 << 20;
/// Frames queued between two looks at the backlog.
const BATCH_FRAMES: u32 = 64;

/// What a query says about the size of an answer, or of one page, not about whose it is.
const SIZES: [&str; 6] = ["limit", "depth", "group", "with_id", "pageIndex", "pageSize"];

impl Endpoint {
    /// The endpoint of a URL or of a path. Versions count as one: `/api/v1/depth` of an old capture
    /// is what a client fetches today as `/api/v3/depth`.
    fn parse(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (path, query) = rest[path_at..].split_once('?').unwrap_or((&rest[path_at..], ""));
        let is_version =
            |part: &str| part.strip_prefix('v').is_some_and(|digits| digits.parse::<u8>().is_ok());
        let parts: Vec<_> =
            path.split('/').filter(|it| !it.is_empty() && !is_version(it)).collect();
        let is_symbol = |pair: &&str| {
            pair.split_once('=').is_some_and(|(name, value)| {
                !value.is_empty() && !SIZES.iter().any(|it| name.eq_ignore_ascii_case(it))
            })
        };
        let values = query.split('&').filter(is_symbol).filter_map(|pair| pair.split_once('='));
        let mut symbol: Vec<_> =
            values.map(|(_, value)| percent_decoded(value).to_uppercase()).collect();
        symbol.sort_unstable();
        Self { path: parts.join("/"), symbol: symbol.join("&") }
    }
}

impl Playback {
    pub(crate) fn new(script: Script, pace: Pace) -> Self {
        let mut answers: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, (_, step)) in script.steps().enumerate() {
            if let Step::Http { url, .. } = step {
                answers.entry(Endpoint::parse(url)).or_default().push(index);
            }
        }
        Self { script, pace, answers, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Lets every waiting thread look again.
    pub(crate) fn wake(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _state = self.state();
        self.changed.notify_all();
    }

    /// A client is there: the first one is played to.
    pub(crate) fn enter(&self, client: &Arc<Client>) {
        let mut state = self.state();
        if state.client.is_none() && !state.is_over {
            state.client = Some(Arc::clone(client));
            self.changed.notify_all();
        }
    }

    /// A client is gone.
    pub(crate) fn leave(&self, client: &Arc<Client>) {
        let mut state = self.state();
        if state.client.as_ref().is_some_and(|it| Arc::ptr_eq(it, client)) {
            state.client = None;
            state.is_over = true;
            self.changed.notify_all();
        }
    }

    pub(crate) fn progress(&self) -> CaptureProgress {
        self.state().progress
    }

    /// Plays to the first client, until the end or until it is gone.
    pub(crate) fn run(&self, hub: &Hub) {
        let Some(client) = self.wait_for_client(hub) else { return };
        if !self.play(hub, &client) {
            return;
        }
        while !client.outbound.wait_below(0, POLL) {
            if client.outbound.is_gone() || hub.is_stopping() {
                return;
            }
        }
        let mut state = self.state();
        state.progress.is_done = true;
        self.changed.notify_all();
        let deadline = Instant::now() + hub.faults.close_grace;
        while !state.is_over && !hub.is_stopping() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wait(state, left.min(POLL));
        }
        drop(state);
        client.outbound.push_close(1000, "end of capture");
    }

    fn wait_for_client(&self, hub: &Hub) -> Option<Arc<Client>> {
        let mut state = self.state();
        while !hub.is_stopping() {
            if let Some(client) = &state.client {
                return Some(Arc::clone(client));
            }
            state = self.wait(state, POLL);
        }
        None
    }

    /// Queues every frame. False: the client is gone or the venue stops.
    fn play(&self, hub: &Hub, client: &Client) -> bool {
        let start = Instant::now();
        let first_ns = self.script.step(0).map_or(0, |(at, _)| at.0);
        let mut unseen = 0;
        for (index, (at, step)) in self.script.steps().enumerate() {
            let (opcode, frame) = match step {
                Step::Text(text) => (TEXT, text),
                Step::Binary(bytes) => (BINARY, bytes),
                Step::Http { .. } => {
                    self.note_sent(&mut unseen);
                    client.outbound.wake();
                    if !self.hold(hub, index) {
                        return false;
                    }
                    continue;
                }
            };
            let due = self.due(at.0.saturating_sub(first_ns));
            let is_late = start.elapsed() >= due;
            if !is_late || unseen == BATCH_FRAMES {
                self.note_sent(&mut unseen);
                client.outbound.wake();
                if !(self.sleep_until(hub, start + due) && below_backlog(hub, client)) {
                    return false;
                }
            }
            client.outbound.push(opcode, frame);
            unseen += 1;
        }
        self.note_sent(&mut unseen);
        client.outbound.wake();
        !client.outbound.is_gone()
    }

    /// When a frame is due that was recorded this long after the first line.
    fn due(&self, recorded_ns: i64) -> Duration {
        let recorded = Duration::from_nanos(u64::try_from(recorded_ns).unwrap_or_default());
        match self.pace {
            Pace::Max => Duration::ZERO,
            Pace::Recorded => recorded,
            Pace::Times(times) => {
                Duration::try_from_secs_f64(recorded.as_secs_f64() / times).unwrap_or(Duration::MAX)
            }
        }
    }

    fn note_sent(&self, unseen: &mut u32) {
        self.state().progress.frames_sent += u64::from(core::mem::take(unseen));
    }

    /// Sleeps. False: the client is gone or the venue stops.
    fn sleep_until(&self, hub: &Hub, due: Instant) -> bool {
        let mut state = self.state();
        loop {
            if state.is_over || hub.is_stopping() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.wait(state, left.min(POLL));
        }
    }

    /// Waits until line `index` has answered a request. False: the client is gone.
    fn hold(&self, hub: &Hub, index: usize) -> bool {
        let mut state = self.state();
        state.reached = Some(index);
        state.progress.is_holding = true;
        self.changed.notify_all();
        while state.lines.get(&index) != Some(&Answer::Given) {
            if state.is_over || hub.is_stopping() {
                return false;
            }
            state = self.wait(state, POLL);
        }
        state.progress.is_holding = false;
        true
    }

    /// Claims the line that answers a request and waits until the stream has reached it. `None`: no
    /// line answers it. `is_gone` says whether the requester still waits.
    pub(crate) fn claim(
        &self,
        hub: &Hub,
        path_and_query: &str,
        mut is_gone: impl FnMut() -> bool,
    ) -> Option<Claim<'_>> {
        let endpoint = Endpoint::parse(path_and_query);
        let mut state = self.state();
        let lines = self.answers.get(&endpoint).into_iter().flatten();
        let Some(&index) = lines.clone().find(|index| !state.lines.contains_key(index)) else {
            state.progress.snapshots_unknown += 1;
            return None;
        };
        state.lines.insert(index, Answer::Claimed);
        let claim = Claim { playback: self, index, is_given: false };
        while state.reached.is_none_or(|reached| reached < index) {
            if hub.is_stopping() || state.is_over {
                drop(state);
                return None;
            }
            // The look at the socket takes a moment: not under the lock.
            drop(self.wait(state, POLL));
            if is_gone() {
                return None;
            }
            state = self.state();
        }
        drop(state);
        // Who went away while the stream came here must not use the answer up.
        if is_gone() { None } else { Some(claim) }
    }
}

fn below_backlog(hub: &Hub, client: &Client) -> bool {
    while !client.outbound.wait_below(BACKLOG_BYTES, POLL) {
        if client.outbound.is_gone() || hub.is_stopping() {
            return false;
        }
    }
    true
}

/// A line that a request was promised; dropped without [`Claim::given`], it goes to the next one.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    playback: &'a Playback,
    index: usize,
    is_given: bool,
}

impl Claim<'_> {
    /// The body to answer with.
    pub(crate) fn body(&self) -> &[u8] {
        match self.playback.script.step(self.index) {
            Some((_, Step::Http { body, .. })) => body,
            _ => &[],
        }
    }

    /// The answer is in the socket: the stream may go on.
    pub(crate) fn given(mut self) {
        self.is_given = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.playback.state();
        if self.is_given {
            state.lines.insert(self.index, Answer::Given);
            state.progress.snapshots_served += 1;
        } else {
            state.lines.remove(&self.index);
        }
        self.playback.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_match_by_path_and_symbol() {
        let wanted = Endpoint::parse("https://www.binance.com/api/v1/depth?symbol=ZILUSDT&limit=9");
        assert_eq!(Endpoint::parse("/api/v3/depth?limit=5000&symbol=zilusdt"), wanted);
        assert_ne!(Endpoint::parse("/fapi/v1/depth?symbol=ZILUSDT"), wanted);
        assert_ne!(Endpoint::parse("/api/v3/depth?symbol=ZILUSDC"), wanted);
        for (recorded, other) in [
            (
                "https://a.example/api/v4/spot/order_book?currency_pair=A_B&limit=100&with_id=true",
                "/api/v4/spot/order_book?currency_pair=A_C&limit=100&with_id=true",
            ),
            (
                "/api/v4/futures/usdt/order_book?contract=A_B",
                "/api/v4/futures/btc/order_book?contract=A_B",
            ),
            ("https://www.bitstamp.net/api/v2/order_book/ab", "/api/v2/order_book/ac/?group=1"),
            ("/p?primaryCurrencyCode=a&secondaryCurrencyCode=b", "/p?primaryCurrencyCode=a"),
        ] {
            assert_eq!(
                Endpoint::parse(&recorded.replace("=100", "=50")),
                Endpoint::parse(recorded)
            );
            assert_ne!(Endpoint::parse(recorded), Endpoint::parse(other));
        }
        assert_eq!(
            Endpoint::parse("/api/v2/order_book/ab/?group=1"),
            Endpoint::parse("https://www.bitstamp.net/api/v2/order_book/ab")
        );
        let info = Endpoint::parse("https://dapi.binance.com/dapi/v1/exchangeInfo");
        assert_eq!(Endpoint::parse("/dapi/v1/exchangeInfo"), info);
    }
}
