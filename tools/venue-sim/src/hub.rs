//! What the threads of a venue share: the market or the capture, the clients, the end.
//!
//! # Lock order
//!
//! `turn` before `flow` before `clients` before a client's outbound queue. The REST budget and the
//! playback have locks of their own, under which nothing else is locked but an outbound queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tickbook_types::Venue;

use crate::budget::Budget;
use crate::client::Client;
use crate::config::{Faults, Feed, MarketConfig, SimConfig};
use crate::market::{Market, Schedule};
use crate::outbound::Sent;
use crate::playback::Playback;
use crate::tls::Tls;

/// Shared by all threads of a venue.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) venue: Venue,
    pub(crate) faults: Faults,
    pub(crate) tls: Option<Tls>,
    pub(crate) budget: Mutex<Budget>,
    pub(crate) playback: Option<Playback>,
    /// Taken before `flow`, and released once that is held: the order flow, which would take
    /// `flow` again at once, must queue behind who waits.
    turn: Mutex<()>,
    flow: Option<Mutex<FlowState>>,
    flow_changed: Condvar,
    clients: Mutex<Clients>,
    is_stopping: AtomicBool,
}

/// The market and whether it moves.
#[derive(Debug)]
pub(crate) struct FlowState {
    pub(crate) market: Market,
    is_paused: bool,
    /// The order flow has seen the pause and sent what was pending.
    is_flushed: bool,
    late_ns_max: u64,
}

/// The WebSocket clients.
#[derive(Debug, Default)]
struct Clients {
    here: Vec<Arc<Client>>,
    is_silent: bool,
    accepted: u64,
    expelled: u64,
    /// Sent to clients that are gone.
    sent_before: Sent,
}

/// What the clients were sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientCounts {
    pub(crate) here: u64,
    pub(crate) accepted: u64,
    pub(crate) expelled: u64,
    pub(crate) sent: Sent,
}

/// Messages made under one lock; then others get their turn.
const BATCH_MESSAGES: u32 = 256;

impl Hub {
    pub(crate) fn new(config: SimConfig, tls: Option<Tls>) -> Self {
        let (mut flow, mut playback) = (None, None);
        match config.feed {
            Feed::Synthetic(market) => {
                flow = Some(Mutex::new(FlowState {
                    market: Market::new(config.venue, &market),
                    is_paused: false,
                    is_flushed: false,
                    late_ns_max: 0,
                }));
            }
            Feed::Capture { script, pace } => playback = Some(Playback::new(script, pace)),
        }
        Self {
            venue: config.venue,
            budget: Mutex::new(Budget::new(config.venue, config.faults.enforce_weight)),
            faults: config.faults,
            tls,
            playback,
            turn: Mutex::default(),
            flow,
            flow_changed: Condvar::new(),
            clients: Mutex::default(),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// The market; `None` when a capture is played.
    pub(crate) fn flow(&self) -> Option<MutexGuard<'_, FlowState>> {
        let flow = self.flow.as_ref()?;
        let _turn = lock(&self.turn);
        Some(lock(flow))
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        lock(&self.clients)
    }

    /// Whether everything ends.
    pub(crate) fn is_stopping(&self) -> bool {
        // Relaxed: a wish, polled; it publishes nothing. Partner: the store in `begin_stop`.
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Lets every thread know that it should end, and cuts the clients' connections.
    pub(crate) fn begin_stop(&self) {
        // Relaxed: see `is_stopping`, its partner.
        self.is_stopping.store(true, Ordering::Relaxed);
        self.disconnect_all();
        self.flow_changed.notify_all();
        if let Some(playback) = &self.playback {
            playback.wake();
        }
    }

    /// Takes a client in. It may be sent data from now on.
    pub(crate) fn enter(&self, client: &Arc<Client>) {
        let mut clients = self.clients();
        client.outbound.set_muted(clients.is_silent);
        clients.accepted += 1;
        clients.here.push(Arc::clone(client));
    }

    /// Forgets a client whose connection has ended.
    pub(crate) fn leave(&self, client: &Arc<Client>) {
        if let Some(mut flow) = self.flow() {
            flow.market.forget(client);
        }
        if let Some(playback) = &self.playback {
            playback.leave(client);
        }
        let mut clients = self.clients();
        clients.here.retain(|it| !Arc::ptr_eq(it, client));
        let sent = client.outbound.sent();
        clients.expelled += u64::from(client.was_expelled());
        clients.sent_before = clients.sent_before.plus(sent);
    }

    pub(crate) fn disconnect_all(&self) {
        for client in &self.clients().here {
            client.cut();
        }
    }

    pub(crate) fn set_silent(&self, on: bool) {
        let mut clients = self.clients();
        clients.is_silent = on;
        for client in &clients.here {
            client.outbound.set_muted(on);
        }
    }

    /// Sends a message to every client, wrapped where it is combined.
    pub(crate) fn broadcast(&self, wrapper: &[u8], message: &[u8]) {
        for client in &self.clients().here {
            client.send_data(wrapper, message);
            client.outbound.wake();
        }
    }

    pub(crate) fn client_counts(&self) -> ClientCounts {
        let clients = self.clients();
        let mut counts = ClientCounts {
            here: clients.here.len() as u64,
            accepted: clients.accepted,
            expelled: clients.expelled,
            sent: clients.sent_before,
        };
        for client in &clients.here {
            counts.sent = counts.sent.plus(client.outbound.sent());
        }
        counts
    }

    /// Stops the market and waits until everything it sent is in the sockets.
    pub(crate) fn pause(&self) {
        let Some(mut flow) = self.flow() else { return };
        flow.is_paused = true;
        self.flow_changed.notify_all();
        while !flow.is_flushed && !self.is_stopping() {
            let waited = self.flow_changed.wait_timeout(flow, POLL);
            flow = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(flow);
        let here = self.clients().here.clone();
        for client in here {
            while !client.outbound.wait_below(0, POLL) {
                if client.outbound.is_gone() || self.is_stopping() {
                    break;
                }
            }
        }
    }

    pub(crate) fn resume(&self) {
        if let Some(mut flow) = self.flow() {
            flow.is_paused = false;
            self.flow_changed.notify_all();
        }
    }

    /// The order flow: runs until the venue stops.
    pub(crate) fn run_flow(&self, config: &MarketConfig) {
        let mut schedule = Schedule::new(config.seed, config.messages_per_s, config.burstiness);
        let mut start = Instant::now();
        let mut start_ms = wall_ms();
        while !self.is_stopping() {
            let Some(mut flow) = self.flow() else { return };
            if flow.is_paused {
                let began = Instant::now();
                flow.market.flush(start_ms + millis(start.elapsed()));
                self.wake_clients();
                self.sit_out_the_pause(flow);
                start += began.elapsed();
                start_ms += millis(began.elapsed());
                continue;
            }
            let now = nanos(start.elapsed());
            let late = now.saturating_sub(schedule.due_ns());
            flow.late_ns_max = flow.late_ns_max.max(late);
            let mut batch = 0;
            while schedule.due_ns() <= now && batch < BATCH_MESSAGES {
                flow.market.advance(start_ms + schedule.due_ns() / 1_000_000);
                schedule.step();
                batch += 1;
            }
            self.wake_clients();
            if batch < BATCH_MESSAGES {
                // A message that falls due while this sleeps goes out a little later, with the time
                // at which it was due.
                let until_due = schedule.due_ns() - now;
                let nap = Duration::from_nanos(until_due).max(config.interval);
                drop(self.flow_changed.wait_timeout(flow, nap));
            }
        }
    }

    fn sit_out_the_pause(&self, mut flow: MutexGuard<'_, FlowState>) {
        flow.is_flushed = true;
        self.flow_changed.notify_all();
        while flow.is_paused && !self.is_stopping() {
            let waited = self.flow_changed.wait_timeout(flow, POLL);
            flow = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        flow.is_flushed = false;
    }

    fn wake_clients(&self) {
        for client in &self.clients().here {
            client.outbound.wake();
        }
    }

    pub(crate) fn late_ns_max(&self) -> u64 {
        self.flow().map_or(0, |flow| flow.late_ns_max)
    }
}

/// How often a waiting thread looks whether the venue stops.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Locks; what a panic of another thread left is used as it is, since this is a test tool that
/// must still be able to stop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970 UTC, now.
pub(crate) fn wall_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
