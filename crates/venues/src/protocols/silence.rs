//! Books spliced with REST snapshots whose stream has said nothing since it was subscribed.
//!
//! A quiet market and a subscription that never took look alike on the stream. A second snapshot
//! tells them apart: if the book has changed and no delta says so, the stream is deaf. Then the
//! book is stale, is subscribed again, and needs a delta before a snapshot is of any use.

use tickbook_types::Reason;

use super::book::Phase;
use super::protocol::Verb;
use super::session::SharedSession;
use crate::action::{Action, Warning};
use crate::fetch::Stage;
use crate::limits::{FIRST_DATA_DEADLINE_NS, SILENCE_GRACE_NS};
use crate::session::Context;
use crate::splice::Silence;

impl SharedSession {
    /// Looks into a book that has been silent since it was subscribed.
    pub(super) fn pump_silence(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        let Some(splice) = &mut book.splice else { return };
        let due = match splice.silence {
            Silence::Unwatched | Silence::Probed => return,
            Silence::Watched(at) | Silence::Doubted(at) => at,
        };
        if cx.now < due {
            self.wake_at(due);
            return;
        }
        let later = cx.now.plus(FIRST_DATA_DEADLINE_NS);
        let is_deaf = splice.silence == Silence::Doubted(due)
            || (book.phase == Phase::Waiting && book.wanted.stage == Stage::Idle);
        if !is_deaf && book.phase == Phase::Live {
            splice.silence = Silence::Probed;
            book.wanted.want(cx.now);
            return;
        }
        splice.silence = Silence::Watched(later);
        self.wake_at(later);
        if is_deaf {
            self.lose_deaf(index, cx);
        }
    }

    fn lose_deaf(&mut self, index: usize, cx: &mut Context<'_>) {
        let symbol = self.books[index].topic.symbol.clone();
        cx.actions.push(Action::Warn(Warning::NoData { symbol }));
        if self.books[index].phase == Phase::Live {
            self.lose(index, Reason::Silent, cx);
        }
        let book = &mut self.books[index];
        book.wanted.stage = Stage::Idle;
        if let Some(splice) = &mut book.splice {
            splice.needs_delta = true;
            splice.not_before = cx.now;
        }
        let line = book.line;
        self.request(line, Verb::Unsubscribe, &[index]);
        self.request(line, Verb::Subscribe, &[index]);
    }

    /// The second snapshot of a silent book came.
    pub(super) fn probed(&mut self, index: usize, id: Option<u64>, cx: &Context<'_>) {
        let book = &mut self.books[index];
        book.wanted.stage = Stage::Idle;
        let Some(splice) = &mut book.splice else { return };
        if id == book.position.id() {
            splice.silence = Silence::Unwatched;
        } else {
            // Its deltas may still be on their way.
            let at = cx.now.plus(SILENCE_GRACE_NS);
            splice.silence = Silence::Doubted(at);
            self.wake_at(at);
        }
    }
}
