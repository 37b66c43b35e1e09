//! The connections of a session: subscribed, watched, replaced before the venue cuts them.
//!
//! A replacement runs beside the connection it replaces until its streams have overlapped: all are
//! acked, [`OVERLAP_NS`] have passed, and nothing that it sent is beyond what each book contains.
//! From then on its diffs count. Whatever either connection sends meanwhile is taken if it follows
//! in the book's chain, so a book is live throughout, and a hole is still seen as one.

use tickbook_types::{BookState, MonoNanos, Reason};

use super::books::{Phase, Silence};
use super::frame::Reply;
use super::link::{Answer, LinkPhase};
use super::session::BinanceSession;
use super::subscribe::{self, Stream};
use crate::action::{Action, Warning};
use crate::counters::Ignored;
use crate::limits::{
    CONN_AGE_MAX_NS, FIRST_DATA_DEADLINE_NS, OVERLAP_MAX_NS, OVERLAP_NS, ROTATION_STAGGER_NS,
    SILENCE_GRACE_NS,
};
use crate::session::Context;

impl BinanceSession {
    /// Queues the subscription of all streams of a link whose symbols the venue knows.
    pub(super) fn subscribe_link(&mut self, link: usize) {
        let line = self.links[link].line;
        let listed = |it: &Stream| !it.ended && self.books[it.subscription].listed;
        for run in subscribe::runs(&self.lines[line].streams, listed) {
            self.links[link].subscribe(run);
        }
    }

    /// What is due for one link.
    pub(super) fn pump_link(&mut self, index: usize, cx: &mut Context<'_>) {
        let link = &mut self.links[index];
        if link.ack_is_missing(cx.now) {
            let conn = link.conn;
            cx.actions.push(Action::Warn(Warning::AckMissing { conn }));
            self.close_link(index, cx);
        }
        let link = &mut self.links[index];
        let streams = &self.lines[link.line].streams;
        while let Some(text) = link.next_message(streams, &mut self.next_message, cx.now) {
            cx.actions.push(Action::SendText { conn: link.conn, text });
        }
        let due = link.due();
        self.wake_at(due);
    }

    fn close_link(&mut self, index: usize, cx: &mut Context<'_>) {
        let link = &mut self.links[index];
        link.close();
        link.phase = LinkPhase::Closing;
        cx.actions.push(Action::Close { conn: link.conn });
    }

    pub(super) fn connect_link(&mut self, index: usize, cx: &mut Context<'_>) {
        let link = &mut self.links[index];
        let route = self.lines[link.line].route;
        link.phase = LinkPhase::Connecting;
        cx.actions.push(Action::Connect {
            conn: link.conn,
            endpoint: route.endpoint,
            path: route.path.to_owned(),
        });
    }

    /// A link is gone.
    pub(super) fn lost_link(&mut self, index: usize, cx: &mut Context<'_>) {
        let line = self.links[index].line;
        if self.active[line] != index {
            // A replacement that failed is tried again when the old one is looked at next.
            return;
        }
        let spare = self.spare_of(line).filter(|spare| self.links[*spare].subscribed_at.is_some());
        if let Some(spare) = spare {
            self.hand_over(line, spare, cx);
            return;
        }
        for book in 0..self.books.len() {
            if self.books[book].link == index && self.books[book].phase != Phase::Idle {
                self.disconnected(book, cx);
            }
        }
        if self.is_live_mode() {
            self.connect_link(index, cx);
        }
    }

    fn disconnected(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        book.phase = Phase::Idle;
        book.snapshot = None;
        book.fetch.settle();
        book.silence = Silence::Unwatched;
        let dropped = book.buffer.clear();
        cx.counters.ignore_many(Ignored::BufferDropped, dropped as u64);
        self.tell(index, BookState::Stale, Reason::Disconnected, cx);
    }

    /// The link that is not active on a line, if it has two.
    fn spare_of(&self, line: usize) -> Option<usize> {
        let on_line = |index: &usize| self.links[*index].line == line;
        (0..self.links.len()).filter(on_line).find(|index| *index != self.active[line])
    }

    /// Opens replacements that are due, and lets connections go that have been replaced.
    pub(super) fn pump_rotation(&mut self, cx: &mut Context<'_>) {
        for line in 0..self.lines.len() {
            let active = self.active[line];
            let Some(spare) = self.spare_of(line) else { continue };
            if self.links[active].phase != LinkPhase::Open {
                continue;
            }
            let stagger = ROTATION_STAGGER_NS.saturating_mul(i64::try_from(line).unwrap_or(0));
            let due = self.links[active]
                .opened_at
                .plus(CONN_AGE_MAX_NS - stagger.min(CONN_AGE_MAX_NS / 2));
            match self.links[spare].phase {
                LinkPhase::Down if due <= cx.now => self.connect_link(spare, cx),
                LinkPhase::Down => self.wake_at(due),
                LinkPhase::Open => self.try_hand_over(line, spare, cx),
                LinkPhase::Connecting | LinkPhase::Closing => {}
            }
        }
    }

    fn try_hand_over(&mut self, line: usize, spare: usize, cx: &mut Context<'_>) {
        let Some(subscribed_at) = self.links[spare].subscribed_at else { return };
        let due = subscribed_at.plus(OVERLAP_NS);
        if cx.now < due {
            self.wake_at(due);
            return;
        }
        let active = self.active[line];
        let ahead = |book: &super::books::Book| {
            let seen = book.spare_last.is_some_and(|last| last > book.position.id());
            book.link == active && book.phase == Phase::Live && seen
        };
        if self.books.iter().any(ahead) && cx.now < subscribed_at.plus(OVERLAP_MAX_NS) {
            self.wake_at(cx.now.plus(OVERLAP_NS / 10));
            return;
        }
        self.hand_over(line, spare, cx);
    }

    /// The replacement counts from here on; the old connection is closed.
    fn hand_over(&mut self, line: usize, spare: usize, cx: &mut Context<'_>) {
        let old = core::mem::replace(&mut self.active[line], spare);
        cx.counters.rotations += 1;
        for index in 0..self.books.len() {
            if self.books[index].link != old {
                continue;
            }
            let book = &mut self.books[index];
            book.link = spare;
            let ahead = book.spare_last.take().is_some_and(|last| last > book.position.id());
            // What is kept came over the old one; its chain goes on over the new one, or has a
            // hole, which is seen.
            match self.books[index].phase {
                Phase::Idle => self.start_sync(index, cx.now),
                // What the replacement has brought and the old one has not is missing for good,
                // and the next diff, which would show that, may be hours away.
                Phase::Live | Phase::Splicing if ahead => {
                    cx.counters.gaps += 1;
                    self.lose(index, Reason::Gap, cx);
                }
                Phase::Live | Phase::Splicing | Phase::Buffering => {}
            }
            // Readers judge a book's freshness by the connection that feeds it.
            let (state, reason) = (self.books[index].state, self.books[index].reason);
            self.tell(index, state, reason, cx);
        }
        if self.links[old].phase == LinkPhase::Open {
            self.close_link(old, cx);
        }
    }

    /// The venue announced that a connection will be cut.
    pub(super) fn take_shutdown_notice(&mut self, link: usize, cx: &mut Context<'_>) {
        let conn = self.links[link].conn;
        cx.actions.push(Action::Warn(Warning::ShutdownNotice { conn }));
        let line = self.links[link].line;
        if !self.is_live_mode() || self.active[line] != link {
            return;
        }
        if self.spare_of(line).is_some() {
            // As if its time were up: the replacement is opened, and again if that fails.
            self.links[link].opened_at = cx.now.plus(-CONN_AGE_MAX_NS);
            self.pump_rotation(cx);
        } else {
            // Without a second id there is a break; the cut itself would be no better.
            self.close_link(link, cx);
        }
    }

    /// An answer to a message of ours.
    pub(super) fn take_reply(&mut self, link: usize, reply: Reply, cx: &mut Context<'_>) {
        cx.counters.ignore(Ignored::Ack);
        let refused = reply.error.is_some();
        let conn = self.links[link].conn;
        let answer =
            reply.id.map_or(Answer::Unknown, |id| self.links[link].answered(id, refused, cx.now));
        let tell = matches!(answer, Answer::Refused(_)) || (refused && answer == Answer::Unknown);
        if let Some((code, message)) = reply.error.filter(|_| tell && self.is_live_mode()) {
            cx.actions.push(Action::Warn(Warning::SubscribeRefused { conn, code, message }));
        }
        if !self.is_live_mode() {
            return;
        }
        if self.links[link].subscribed_at == Some(cx.now) {
            self.watch_silence(link, cx.now);
        }
        self.pump(cx);
    }

    /// All streams of a link are acked: what stays silent is looked into later.
    fn watch_silence(&mut self, link: usize, now: MonoNanos) {
        let at = now.plus(FIRST_DATA_DEADLINE_NS);
        for book in &mut self.books {
            let waits = book.phase == Phase::Buffering && book.buffer.is_empty();
            let unjoined = book.phase == Phase::Live && !book.position.is_joined();
            if book.link == link && (waits || unjoined) {
                book.silence = Silence::Watched(at);
            }
        }
        self.wake_at(at);
    }

    /// Looks into a book that has been silent since it was subscribed.
    pub(super) fn pump_silence(&mut self, index: usize, cx: &mut Context<'_>) {
        let book = &mut self.books[index];
        let due = match book.silence {
            Silence::Unwatched | Silence::Probed => return,
            Silence::Watched(at) | Silence::Doubted(at) => at,
        };
        if cx.now < due {
            self.wake_at(due);
            return;
        }
        if book.silence == Silence::Watched(due) {
            // A quiet market, or a deaf stream? A second snapshot tells.
            if book.phase == Phase::Live {
                book.silence = Silence::Probed;
                book.fetch.want(cx.now);
            } else {
                let later = cx.now.plus(FIRST_DATA_DEADLINE_NS);
                book.silence = Silence::Watched(later);
                self.wake_at(later);
            }
            return;
        }
        let symbol = book.symbol().to_owned();
        cx.actions.push(Action::Warn(Warning::NoData { symbol }));
        self.lose(index, Reason::Silent, cx);
        let book = &mut self.books[index];
        // A snapshot alone would show it live again, and deaf.
        book.needs_diff = true;
        let link = book.link;
        let line = self.links[link].line;
        let streams = self.lines[line].streams.iter();
        let feeds = |it: &Stream| it.subscription == index && it.is_book && !it.ended;
        let stream = streams.enumerate().find(|(_, it)| feeds(it));
        if let Some((stream, _)) = stream {
            self.links[link].resubscribe(stream);
        }
    }

    /// The second snapshot of a silent book came.
    pub(super) fn probed(&mut self, index: usize, id: u64, now: MonoNanos) {
        let book = &mut self.books[index];
        book.fetch.settle();
        if id == book.position.id() {
            book.silence = Silence::Unwatched;
        } else {
            // Its diffs may still be on their way.
            let at = now.plus(SILENCE_GRACE_NS);
            book.silence = Silence::Doubted(at);
            self.wake_at(at);
        }
    }
}
