//! The venue's instrument lists, asked for before the first connection.
//!
//! # Guarantees
//!
//! - Lists that do not come delay the books by [`limits::LIST_WAIT_NS`] at most; after that the
//!   books begin with what their symbols say, and an operator is told.
//! - What a book is does not change while it lives: a list that comes later serves books that are
//!   found later.
//!
//! # Invariants
//!
//! - As long as lists are awaited there is neither a connection nor a book.

use tickbook_types::{Instrument, InstrumentStatus, MonoNanos};

use super::session::SharedSession;
use crate::action::{Action, RequestId, RestPurpose, RestRequest, Warning};
use crate::fetch::{Fetch, Stage};
use crate::limits;
use crate::lists;
use crate::rest::{InstrumentList, RestError};
use crate::session::Context;

/// What a list costs of a venue's budget; none of these venues counts weights.
const LIST_WEIGHT: u32 = 1;

/// The lists of a session, as long as they are awaited.
#[derive(Debug, Default)]
pub(super) struct Lists {
    awaited: Vec<(String, Fetch)>,
    /// When they are given up.
    until: MonoNanos,
    /// Whether one could not be had.
    failed: bool,
    next_request: u64,
}

impl Lists {
    /// Whether the books have to wait.
    pub(super) const fn are_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Which list a request was for; `None` if it was for none.
    fn answered(&self, id: Option<RequestId>) -> Option<usize> {
        let id = id?;
        self.awaited.iter().position(|(_, fetch)| fetch.is_answered_by(id))
    }
}

impl SharedSession {
    /// The instrument of a symbol: from a list, else from its grammar, else its name alone.
    pub(super) fn instrument_of(&self, symbol: &str, line: usize) -> Instrument {
        let venue = self.config.venue;
        let path = match self.is_live_mode() {
            true => Some(self.lines[line].route.path),
            false => self.config.recorded_path.as_deref(),
        };
        let listed = lists::find(&self.config.instruments, symbol, path).cloned();
        let mut instrument = listed
            .or_else(|| lists::by_grammar(venue, symbol))
            .unwrap_or_else(|| Instrument::unlisted(venue, symbol));
        instrument.wire_scale.get_or_insert_with(|| self.protocol.wire_scale(symbol));
        instrument
    }

    /// Begins to wait for the lists of the subscribed symbols; `false` if there are none to ask
    /// for, or nothing to learn from them.
    pub(super) fn ask_lists(&mut self, cx: &Context<'_>) -> bool {
        let known = |book: &super::book::Book| {
            let path = Some(self.lines[book.line].route.path);
            lists::find(&self.config.instruments, &book.topic.symbol, path).is_some()
        };
        if !self.is_live_mode() || !self.config.ask_lists || self.books.iter().all(known) {
            return false;
        }
        let wanted: Vec<(&str, &str)> = self
            .books
            .iter()
            .map(|book| (book.topic.symbol.as_str(), self.lines[book.line].route.path))
            .collect();
        let mut fetch = Fetch::default();
        fetch.want(cx.now);
        let paths = lists::paths(self.config.venue, &wanted);
        self.lists.awaited = paths.into_iter().map(|path| (path, fetch)).collect();
        self.lists.until = cx.now.plus(limits::LIST_WAIT_NS);
        self.lists.are_awaited()
    }

    /// Asks for the lists that are due, and gives up those that do not come.
    pub(super) fn pump_lists(&mut self, cx: &mut Context<'_>) {
        if !self.lists.are_awaited() {
            return;
        }
        if self.lists.until <= cx.now {
            self.lists.awaited.clear();
            self.lists.failed = true;
            self.lists_settled(cx);
            return;
        }
        let Lists { awaited, next_request, .. } = &mut self.lists;
        for (path, fetch) in awaited {
            if let Stage::Wanted(at) = fetch.stage
                && at <= cx.now
            {
                *next_request += 1;
                let id = RequestId(LIST_REQUESTS | *next_request);
                fetch.stage = Stage::Asked(id, cx.now.plus(limits::FETCH_TIMEOUT_NS));
                cx.actions.push(Action::Fetch(RestRequest {
                    id,
                    path: path.clone(),
                    weight: LIST_WEIGHT,
                    purpose: RestPurpose::Instruments,
                }));
            }
        }
        let due = self.lists.awaited.iter().map(|(_, fetch)| fetch.due()).min();
        let until = self.lists.until;
        self.wake_at(due.map_or(until, |due| due.min(until)));
    }

    /// A list came, asked for or (in a recording) not.
    pub(super) fn list_came(
        &mut self,
        id: Option<RequestId>,
        list: InstrumentList,
        cx: &mut Context<'_>,
    ) {
        cx.counters.instruments_skipped += u64::from(list.skipped);
        // The later list is the better one.
        self.config.instruments.splice(0..0, list.instruments);
        if let Some(index) = self.lists.answered(id) {
            self.lists.awaited.swap_remove(index);
            self.lists_settled(cx);
        }
    }

    /// A request failed; `false` if it was not for a list.
    pub(super) fn list_failed(
        &mut self,
        id: Option<RequestId>,
        error: RestError,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(index) = self.lists.answered(id) else { return false };
        let fetch = &mut self.lists.awaited[index].1;
        fetch.fail(cx.now);
        let gone = matches!(error, RestError::Status { code: 404, .. } | RestError::Malformed);
        if gone || fetch.failures >= limits::LIST_FAILURES_MAX {
            self.lists.awaited.swap_remove(index);
            self.lists.failed = true;
            self.lists_settled(cx);
        }
        true
    }

    /// The books begin, if no list is awaited any longer.
    fn lists_settled(&mut self, cx: &mut Context<'_>) {
        if self.lists.are_awaited() {
            return;
        }
        if self.lists.failed {
            cx.actions.push(Action::Warn(Warning::NoInstruments));
        }
        for index in 0..self.books.len() {
            let book = &self.books[index];
            let instrument = self.instrument_of(&book.topic.symbol, book.line);
            let symbol = book.topic.symbol.clone();
            match instrument.status {
                InstrumentStatus::Trading => {}
                // Told by its symbol alone, or not at all.
                InstrumentStatus::Unknown if self.lists.failed => {}
                InstrumentStatus::Unknown => {
                    cx.actions.push(Action::Warn(Warning::NotListed { symbol }));
                }
                _ => cx.actions.push(Action::Warn(Warning::NotTrading { symbol })),
            }
            self.books[index].set_instrument(instrument);
        }
        self.connect_all(cx);
    }
}

/// Bit of the ids of these requests, which tells them from those for snapshots.
const LIST_REQUESTS: u64 = 1 << 63;
