//! Two connections with the same subscriptions: the first message wins, the second is dropped.
//!
//! Each book remembers the messages applied last and how far every connection (line) has come in
//! them. A message is told by its ids, and by its time and levels where the venue has no ids.
//!
//! # Guarantees
//!
//! - No message is applied twice, and none behind a later one of the same book.
//! - A hole in the ids of one line is none of the book as long as another line can close it, for
//!   [`limits::LINE_HEAL_NS`] at most.
//! - A book stays live when a line ends, if another one is known to carry it.
//!
//! # Not guaranteed
//!
//! - That the first wins at once behind a hole: what a line sends behind its own hole is dropped
//!   until the other line has caught up.
//! - That a message which the leading line lost shows at once where the venue has no ids: the
//!   checksum shows it. Venues with neither are refused two lines ([`ConfigError::NoLines`]).
//!
//! [`ConfigError::NoLines`]: crate::ConfigError::NoLines

use tickbook_types::{BookState, Decimal, MonoNanos, Reason, Side, WallNanos};

use super::book::{LinePhase, Phase};
use super::chain::Link;
use super::frame::{BookEvent, Content, TradeEvent};
use super::protocol::Recovery;
use super::session::SharedSession;
use crate::counters::{Ignored, LINES_MAX};
use crate::level::DecimalLevel;
use crate::levels::Levels;
use crate::limits;
use crate::session::Context;

/// Messages of one book that are remembered: more than the slower line is ever behind.
const RECENT: u64 = 256;

/// The last messages of one kind, and how far each line has come in them.
#[derive(Debug)]
struct Recent {
    /// Key, time of arrival and line of message `n`, at `n % RECENT`.
    messages: Box<[(u64, MonoNanos, usize)]>,
    end: u64,
    /// Behind the last message that each line has sent too; `None`: not known.
    at: [Option<u64>; LINES_MAX],
}

/// What a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Arrival {
    /// New, from a line that has sent all the others too.
    First,
    /// Another line sent it, at that time.
    Again { line: usize, at: MonoNanos },
    /// New, from a line whose place is not known.
    Unplaced,
    /// Not among those that this line has yet to send: one of the lines has lost something.
    Astray,
}

impl Recent {
    fn new() -> Self {
        let messages = (0..RECENT).map(|_| (0, MonoNanos(0), 0)).collect();
        Self { messages, end: 0, at: [None; LINES_MAX] }
    }

    fn message(&self, n: u64) -> (u64, MonoNanos, usize) {
        let place = usize::try_from(n % RECENT).unwrap_or(0);
        self.messages.get(place).copied().unwrap_or_default()
    }

    fn arrive(&mut self, line: usize, key: u64) -> Arrival {
        let oldest = self.end.saturating_sub(RECENT);
        let place = self.at[line];
        let from = place.unwrap_or(oldest).max(oldest);
        if let Some(n) = (from..self.end).find(|n| self.message(*n).0 == key) {
            self.at[line] = Some(n + 1);
            let (_, at, line) = self.message(n);
            return Arrival::Again { line, at };
        }
        match place {
            Some(place) if place == self.end => Arrival::First,
            Some(_) => Arrival::Astray,
            None => Arrival::Unplaced,
        }
    }

    fn push(&mut self, line: usize, key: u64, now: MonoNanos) {
        let place = usize::try_from(self.end % RECENT).unwrap_or(0);
        if let Some(message) = self.messages.get_mut(place) {
            *message = (key, now, line);
        }
        self.end += 1;
        self.at[line] = Some(self.end);
    }

    /// Nothing that came before is of use: `line` begins anew.
    fn begin(&mut self) {
        // Numbers go on, so that old places are never taken for new ones.
        self.end += RECENT;
        self.messages.fill((0, MonoNanos(0), 0));
        self.at = [None; LINES_MAX];
    }
}

/// What a book knows of its lines.
#[derive(Debug)]
pub(super) struct Race {
    messages: Recent,
    trades: Recent,
    /// Venue's time of the last message.
    time: WallNanos,
    /// Lines that have sent something of this book since they were opened.
    seen: [bool; LINES_MAX],
    /// Key of the last message that could not be placed, of each line.
    unplaced: [Option<u64>; LINES_MAX],
    /// The message that is being taken.
    taking: Option<Taking>,
    /// Lines that have shown a hole behind the present position, and since when.
    holes: [bool; LINES_MAX],
    hole_since: Option<MonoNanos>,
}

#[derive(Clone, Copy, Debug)]
struct Taking {
    line: usize,
    key: u64,
    time: WallNanos,
    /// A snapshot where not every message is one.
    begins: bool,
}

impl Race {
    pub(super) fn new() -> Self {
        Self {
            messages: Recent::new(),
            trades: Recent::new(),
            time: WallNanos(0),
            seen: [false; LINES_MAX],
            unplaced: [None; LINES_MAX],
            taking: None,
            holes: [false; LINES_MAX],
            hole_since: None,
        }
    }

    fn forget(&mut self, line: usize) {
        self.messages.at[line] = None;
        self.trades.at[line] = None;
        self.seen[line] = false;
        self.unplaced[line] = None;
        self.holes[line] = false;
    }

    /// When a hole is to be given up.
    pub(super) fn due(&self) -> MonoNanos {
        self.hole_since.map_or(MonoNanos::FAR, |since| since.plus(limits::LINE_HEAL_NS))
    }

    /// The message that is being taken was passed on.
    fn passed_on(&mut self, cx: &mut Context<'_>) {
        let Some(Taking { line, key, time, begins }) = self.taking.take() else { return };
        if begins {
            self.messages.begin();
            self.unplaced = [None; LINES_MAX];
        }
        self.close_hole();
        self.time = time;
        self.messages.push(line, key, cx.now);
        // A line that was ahead has sent just this.
        for other in 0..LINES_MAX {
            if self.messages.at[other].is_none() && self.unplaced[other] == Some(key) {
                self.messages.at[other] = Some(self.messages.end);
            }
        }
        cx.counters.lines[line].first += 1;
    }

    fn close_hole(&mut self) {
        self.holes = [false; LINES_MAX];
        self.hole_since = None;
    }
}

impl SharedSession {
    /// Whether a connection has the subscription of a book; none has that of one that is gone.
    #[inline]
    pub(super) fn is_fed_by(&self, index: usize, line: usize) -> bool {
        let book = &self.books[index];
        !book.gone && self.lines[book.line].group == self.lines[line].group
    }

    /// Whether a message of a book is the first of its kind, and not another line's again.
    #[inline]
    pub(super) fn is_first(
        &mut self,
        (index, line): (usize, usize),
        event: &BookEvent,
        levels: Levels<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        self.books[index].race.is_none() || self.arbitrate(index, line, event, levels, cx)
    }

    fn arbitrate(
        &mut self,
        index: usize,
        line: usize,
        event: &BookEvent,
        levels: Levels<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        let line = self.lines[line].copy;
        let book = &mut self.books[index];
        let whole = book.recovery == Recovery::NextMessage;
        let Some(race) = book.race.as_deref_mut() else { return true };
        let key = key_of(event, levels);
        race.seen[line] = true;
        let begins = event.content == Content::Snapshot && !whole;
        race.taking = Some(Taking { line, key, time: event.time, begins });
        if book.phase != Phase::Live {
            return true;
        }
        let arrival = race.messages.arrive(line, key);
        match arrival {
            Arrival::First => true,
            Arrival::Again { line: winner, at } => {
                if winner != line {
                    let lead = u64::try_from(cx.now.since(at)).unwrap_or(0);
                    cx.counters.lines[winner].lead_ns += lead;
                    cx.counters.lines[line].duplicates += 1;
                }
                cx.counters.ignore(Ignored::Duplicate);
                false
            }
            Arrival::Unplaced | Arrival::Astray if whole => {
                let newer = event.time > race.time;
                if !newer {
                    cx.counters.ignore(Ignored::Stale);
                }
                newer
            }
            // The ids say whether it follows.
            Arrival::Unplaced | Arrival::Astray if !begins && event.link != Link::Free => true,
            // The book is live: that this line begins, or has lost its place, is no news of it.
            Arrival::Unplaced | Arrival::Astray => {
                if arrival == Arrival::Astray && !begins {
                    cx.counters.lines[line].gaps += 1;
                }
                race.messages.at[line] = None;
                race.unplaced[line] = Some(key).filter(|_| !begins);
                cx.counters.ignore(Ignored::SpareConnection);
                false
            }
        }
    }

    /// The message of a book that is being taken was passed on.
    #[inline]
    pub(super) fn passed_on(&mut self, index: usize, cx: &mut Context<'_>) {
        if let Some(race) = self.books[index].race.as_deref_mut() {
            race.passed_on(cx);
        }
    }

    /// The message of a book that is being taken does not follow: whether another line may still
    /// bring what is missing.
    pub(super) fn may_heal(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let carriers = self.carriers(index);
        let Some(race) = self.books[index].race.as_deref_mut() else { return false };
        let Some(Taking { line, .. }) = race.taking.take() else { return false };
        if !core::mem::replace(&mut race.holes[line], true) {
            cx.counters.lines[line].gaps += 1;
        }
        let hopeful = (0..LINES_MAX).any(|other| carriers[other] && !race.holes[other]);
        if hopeful {
            race.hole_since.get_or_insert(cx.now);
            let due = race.due();
            self.wake_at(due);
        } else {
            race.close_hole();
        }
        hopeful
    }

    /// A hole that no line has closed in time.
    pub(super) fn pump_race(&mut self, index: usize, cx: &mut Context<'_>) {
        let Some(race) = self.books[index].race.as_deref_mut() else { return };
        let due = race.due();
        if due > cx.now {
            return self.wake_at(due);
        }
        race.close_hole();
        if self.books[index].phase == Phase::Live {
            cx.counters.gaps += 1;
            self.lose(index, Reason::Gap, cx);
        }
    }

    /// Which lines are open and have sent something of a book.
    fn carriers(&self, index: usize) -> [bool; LINES_MAX] {
        let mut carriers = [false; LINES_MAX];
        let book = &self.books[index];
        let group = self.lines[book.line].group;
        if let Some(race) = &book.race {
            for line in self.lines.iter().filter(|line| line.group == group) {
                carriers[line.copy] = line.phase == LinePhase::Open && race.seen[line.copy];
            }
        }
        carriers
    }

    /// A line has missed something of a live book, or is gone: whether another one goes on with it.
    /// Where the venue has no ids, it must be known to have come as far.
    pub(super) fn is_carried_without(
        &mut self,
        index: usize,
        line: usize,
        cx: &mut Context<'_>,
    ) -> bool {
        let carriers = self.carriers(index);
        let (copy, open) = (self.lines[line].copy, self.lines[line].phase == LinePhase::Open);
        let book = &mut self.books[index];
        let needs_place = book.recovery != Recovery::NextMessage;
        let Some(race) = book.race.as_deref_mut() else { return false };
        let needs_place = needs_place && book.position.id().is_none();
        let at = race.messages.at;
        let goes_on = |other: usize| carriers[other] && (at[other].is_some() || !needs_place);
        let carried = book.phase == Phase::Live
            && (0..LINES_MAX).any(|other| other != copy && goes_on(other));
        if open {
            race.messages.at[copy] = None;
            cx.counters.lines[copy].gaps += u64::from(carried);
        } else {
            race.forget(copy);
        }
        carried
    }

    /// A line is open: the books that others carry stay as they are. `true`: this is one of them.
    pub(super) fn joins(&mut self, index: usize, line: usize) -> bool {
        let copy = self.lines[line].copy;
        let book = &mut self.books[index];
        let Some(race) = book.race.as_deref_mut() else { return false };
        race.forget(copy);
        if book.phase != Phase::Idle && book.line != line {
            return true;
        }
        book.line = line;
        false
    }

    /// A line is gone: whether a book goes on, on another one that is open.
    pub(super) fn hands_over(&mut self, index: usize, gone: usize, cx: &mut Context<'_>) -> bool {
        if self.books[index].race.is_none() {
            return false;
        }
        let carried = self.is_carried_without(index, gone, cx);
        let group = self.lines[gone].group;
        let is_open =
            |line: &super::book::Line| line.group == group && line.phase == LinePhase::Open;
        let Some(other) = self.lines.iter().position(is_open) else { return false };
        let was_its = self.books[index].line == gone;
        self.books[index].line = other;
        // Tickers come from the book's own line; what the other one had sent before was dropped.
        self.books[index].ticker_lost |= was_its;
        if carried {
            if was_its {
                self.tell(index, BookState::Live, Reason::None, cx);
            }
            // A hole that only the line that is gone could close stays one.
            let carriers = self.carriers(index);
            let holes = self.books[index].race.as_deref().map(|race| race.holes);
            let holes = holes.filter(|_| self.books[index].phase == Phase::Live);
            if holes.is_some_and(|holes| holes == carriers) {
                cx.counters.gaps += 1;
                self.lose(index, Reason::Gap, cx);
            }
        } else if self.books[index].phase == Phase::Live {
            self.lose(index, Reason::Disconnected, cx);
        }
        true
    }

    /// Whether a trade is the first of its kind.
    #[inline]
    pub(super) fn is_first_trade(
        &mut self,
        (index, line): (usize, usize),
        event: &TradeEvent,
        cx: &mut Context<'_>,
    ) -> bool {
        let line = self.lines[line].copy;
        let Some(race) = self.books[index].race.as_deref_mut() else { return true };
        let seed = event.id ^ event.time.0.cast_unsigned();
        let key = mixed_level(seed, event.level);
        match race.trades.arrive(line, key) {
            Arrival::First | Arrival::Unplaced => race.trades.push(line, key, cx.now),
            Arrival::Astray => {}
            Arrival::Again { .. } => {
                cx.counters.ignore(Ignored::Duplicate);
                return false;
            }
        }
        true
    }
}

/// What tells a message from others of its book.
fn key_of(event: &BookEvent, levels: Levels<'_>) -> u64 {
    let content = u64::from(event.content == Content::Snapshot);
    match event.link {
        Link::After { prev, id } => mixed(mixed(content, prev), id),
        Link::Next(id) => mixed(content, id),
        _ => {
            let time = mixed(content, event.time.0.cast_unsigned());
            levels.iter().fold(time, mixed_level)
        }
    }
}

fn mixed_level(key: u64, level: DecimalLevel) -> u64 {
    let number = |key, number: Decimal| {
        let number = number.normalised();
        let exponent = i64::from(number.exponent()).cast_unsigned();
        let mantissa = number.mantissa().cast_unsigned();
        #[expect(clippy::cast_possible_truncation, reason = "the halves of it")]
        let halves = [mantissa as u64, (mantissa >> 64) as u64];
        mixed(mixed(mixed(key, halves[0]), halves[1]), exponent)
    };
    let key = number(number(key, level.price), level.size);
    mixed(key, u64::from(level.side == Side::Ask))
}

/// One step of a hash: a multiplication spreads each bit over those above it, a rotation below.
const fn mixed(key: u64, word: u64) -> u64 {
    (key ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}
