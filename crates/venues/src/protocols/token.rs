//! Connections that want a token first, and those that may be used only after a welcome.
//!
//! # Guarantees
//!
//! - Every attempt to connect has a token of its own. One that cannot be had is asked for again
//!   with growing pauses.

use tickbook_types::MonoNanos;

use super::protocol::SECOND;
use super::session::SharedSession;
use crate::action::{Action, RequestId, RestPurpose};
use crate::fetch::Stage;
use crate::rest::ConnectionToken;
use crate::session::Context;

/// Shortest and longest keepalive interval that is believed.
const PING_EVERY: (i64, i64) = (SECOND, 60 * SECOND);

impl SharedSession {
    /// Opens a connection, with a token where the venue wants one.
    pub(super) fn connect(&mut self, index: usize, cx: &mut Context<'_>) {
        if self.rules.token_path.is_some() && self.is_live_mode() {
            self.lines[index].token.want(cx.now);
            self.wake_at(cx.now);
        } else {
            let path = self.lines[index].route.path.to_owned();
            self.connect_to(index, path, cx);
        }
    }

    fn connect_to(&self, index: usize, path: String, cx: &mut Context<'_>) {
        let line = &self.lines[index];
        let endpoint = line.route.endpoint;
        cx.actions.push(Action::Connect { conn: line.conn, endpoint, path });
    }

    /// Asks for the token of a connection that is due, and gives up one that does not come.
    pub(super) fn pump_token(&mut self, index: usize, cx: &mut Context<'_>) {
        let Some(path) = self.rules.token_path else { return };
        let line = &mut self.lines[index];
        match line.token.stage {
            Stage::Asked(_, deadline) if deadline <= cx.now => {
                cx.counters.rest_errors += 1;
                line.token.fail(cx.now);
            }
            Stage::Wanted(at) if at <= cx.now => {
                let purpose = RestPurpose::ConnectionToken;
                line.token.stage = self.requests.ask(path.to_owned(), 1, purpose, at, cx);
            }
            _ => {}
        }
        let due = self.lines[index].token.due();
        self.wake_at(due);
    }

    /// Index of the connection whose token a request was for.
    pub(super) fn line_of_token(&self, id: Option<RequestId>) -> Option<usize> {
        let id = id.filter(|_| self.is_live_mode())?;
        self.lines.iter().position(|line| line.token.is_answered_by(id))
    }

    /// A token came: the connection can be opened.
    pub(super) fn on_token(&mut self, index: usize, token: ConnectionToken, cx: &mut Context<'_>) {
        self.next_id += 1;
        let path = format!("{}&connectId={}", token.path, self.next_id);
        let line = &mut self.lines[index];
        line.token.settle();
        line.ping_every = believed(token.ping_every_ns);
        self.connect_to(index, path, cx);
    }

    /// The venue says that a connection may be used.
    pub(super) fn on_welcome(&mut self, index: usize, ping_every_ns: i64, cx: &Context<'_>) {
        if !self.is_live_mode() {
            return;
        }
        let line = &mut self.lines[index];
        line.is_welcome = true;
        line.ping_every = believed(ping_every_ns).or(line.ping_every);
        if let Some(every) = line.ping_every {
            line.keepalive_at = cx.now.plus(every);
        }
        self.wake_at(cx.now);
    }

    /// How often a connection wants its keepalive.
    pub(super) fn ping_every(&self, index: usize) -> Option<i64> {
        let usual = self.rules.keepalive.filter(|_| self.is_live_mode()).map(|(every, _)| every);
        usual.map(|usual| self.lines[index].ping_every.unwrap_or(usual))
    }

    /// When the first keepalive of a connection that has just been opened is due.
    pub(super) fn first_keepalive(&self, index: usize, now: MonoNanos) -> MonoNanos {
        self.ping_every(index).map_or(MonoNanos::FAR, |every| now.plus(every))
    }
}

fn believed(ping_every_ns: i64) -> Option<i64> {
    (ping_every_ns > 0).then(|| ping_every_ns.clamp(PING_EVERY.0, PING_EVERY.1))
}
