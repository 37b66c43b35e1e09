//! How a book's messages follow one another on a venue's stream.
//!
//! # Guarantees
//!
//! - [`Position::step`] says [`Step::Apply`] only for the one message that follows by the venue's
//!   rule.
//! - A message counts as a repetition only if the last one applied proves it; what fits nowhere is
//!   a [`Step::Gap`].
//!
//! # Not guaranteed
//!
//! - Anything on [`Link::Free`]: a venue without ids cannot show a loss.

use crate::splice::{self, Chain, Ids, Step};

/// What a message says about the one before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Link {
    /// Nothing.
    #[default]
    Free,
    /// Its id is the one before's, plus 1.
    Next(u64),
    /// It names the id of the one before. Ids may jump, stay, or begin anew.
    After {
        /// Id of the one before.
        prev: u64,
        /// Its own.
        id: u64,
    },
    /// Its id is above the one before's. A loss does not show, going back does.
    Above(u64),
    /// It covers a range of ids; ranges follow one another, and a snapshot, by a rule.
    Range(Chain, Ids),
}

impl Link {
    /// The id that a book has once the message is applied.
    #[inline]
    pub(crate) const fn id(self) -> Option<u64> {
        match self {
            Self::Free => None,
            Self::Next(id) | Self::After { id, .. } | Self::Above(id) => Some(id),
            Self::Range(_, ids) => Some(ids.last),
        }
    }

    /// A range of ids.
    pub(crate) const fn range(chain: Chain, first: u64, last: u64) -> Self {
        Self::Range(chain, Ids { first, last, prev: None })
    }
}

/// Where a book stands in the ids of its venue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Position {
    /// Ids of single messages, or none.
    Single(Single),
    /// Ranges of ids.
    Ranges(Chain, splice::Position),
}

impl Default for Position {
    fn default() -> Self {
        Self::Single(Single::default())
    }
}

impl Position {
    /// Behind a snapshot.
    pub(crate) const fn after_snapshot(link: Link) -> Self {
        match link {
            Link::Range(chain, ids) => {
                Self::Ranges(chain, splice::Position::after_snapshot(ids.last))
            }
            link => Self::Single(Single::after_snapshot(link)),
        }
    }

    /// What [`Self::step`] will say.
    #[inline(always)]
    pub(crate) fn judge(&self, link: Link) -> Step {
        match (self, link) {
            (Self::Single(single), Link::Range(..)) if single.id.is_none() => Step::Apply,
            (Self::Single(single), link) => single.judge(link),
            (Self::Ranges(..), link) => { *self }.step(link),
        }
    }

    /// What to do with a delta; [`Step::Apply`] moves the position.
    #[inline(always)]
    pub(crate) fn step(&mut self, link: Link) -> Step {
        match (&mut *self, link) {
            (Self::Ranges(chain, position), Link::Range(of, ids)) if *chain == of => {
                position.step(of, ids)
            }
            // A snapshot without an id: the first delta behind it is where the ids begin.
            (Self::Single(Single { id: None, .. }), Link::Range(chain, ids)) => {
                *self = Self::Ranges(chain, splice::Position::after_diff(ids));
                Step::Apply
            }
            (Self::Ranges(..), _) | (_, Link::Range(..)) => Step::Gap,
            (Self::Single(single), link) => single.step(link),
        }
    }

    /// Whether a range that is a [`Step::Gap`] is one because the venue has begun its ids anew.
    pub(crate) const fn begins_anew(&self, link: Link) -> bool {
        match (self, link) {
            (Self::Ranges(_, position), Link::Range(_, ids)) => position.begins_anew(ids),
            _ => false,
        }
    }

    /// Id of the last message, if messages have ids.
    pub(crate) const fn id(&self) -> Option<u64> {
        match self {
            Self::Single(single) => single.id,
            Self::Ranges(_, position) => Some(position.id()),
        }
    }
}

/// Where a book stands whose messages have one id each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Single {
    /// Id of the last message, if messages have ids.
    id: Option<u64>,
    /// The last delta's link.
    last: Link,
    /// Old messages since the last one applied.
    late: u8,
}

/// So many old messages in a row are no stragglers: the venue has begun its ids anew.
pub(super) const LATE_MAX: u8 = 64;

impl Single {
    const fn after_snapshot(link: Link) -> Self {
        Self { id: link.id(), last: Link::Free, late: 0 }
    }

    #[inline(always)]
    fn step(&mut self, link: Link) -> Step {
        let step = self.judge(link);
        match step {
            Step::Apply => *self = Self { id: link.id(), last: link, late: 0 },
            Step::Duplicate | Step::Stale => self.late += 1,
            Step::Gap => {}
        }
        step
    }

    #[inline(always)]
    fn judge(&self, link: Link) -> Step {
        let Some(at) = self.id else {
            // A snapshot without an id (or before the first message): nothing to compare with.
            return Step::Apply;
        };
        let follows = match link {
            Link::Free => true,
            Link::Next(id) => at.checked_add(1) == Some(id),
            Link::After { prev, .. } => prev == at,
            Link::Above(id) => id > at,
            Link::Range(..) => false,
        };
        if follows { Step::Apply } else { self.judge_astray(at, link) }
    }

    /// What a message is that does not follow the one at `at`.
    #[cold]
    fn judge_astray(&self, at: u64, link: Link) -> Step {
        let old = match link {
            Link::Free | Link::Range(..) => false,
            // Far behind is no straggler: the venue has begun its ids anew (Bybit: 1).
            Link::Next(id) => at.checked_sub(id).is_some_and(|back| back < u64::from(LATE_MAX)),
            // Ids of a linked chain may go down, so only the last message itself is known.
            Link::After { .. } => link == self.last,
            // Older than the snapshot, or the last one again; what else goes back has skipped
            // a change that is now too late.
            Link::Above(id) => self.last == Link::Free || id == at,
        };
        if !old || self.late >= LATE_MAX {
            Step::Gap
        } else if self.last == Link::Free {
            Step::Stale
        } else {
            Step::Duplicate
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn after(prev: u64, id: u64) -> Link {
        Link::After { prev, id }
    }

    /// What becomes of each message behind a snapshot.
    fn steps(snapshot: Link, messages: &[Link]) -> Vec<Step> {
        let mut position = Position::after_snapshot(snapshot);
        messages.iter().map(|link| position.step(*link)).collect()
    }

    #[test]
    fn counted_ids_leave_no_hole() {
        use Step::{Apply, Duplicate, Gap, Stale};
        assert_eq!(
            steps(Link::Next(10), &[Link::Next(9), Link::Next(10), Link::Next(11)]),
            [Stale, Stale, Apply]
        );
        assert_eq!(
            steps(Link::Next(10), &[Link::Next(11), Link::Next(11), Link::Next(13)]),
            [Apply, Duplicate, Gap]
        );
    }

    #[test]
    fn linked_ids_may_jump_stay_and_begin_anew() {
        use Step::{Apply, Duplicate, Gap};
        let chain = [after(10, 15), after(15, 15), after(15, 3), after(3, 5)];
        assert_eq!(steps(after(0, 10), &chain), [Apply; 4]);
        assert_eq!(
            steps(after(0, 10), &[after(10, 15), after(10, 15), after(14, 20)]),
            [Apply, Duplicate, Gap]
        );
        assert_eq!(steps(after(0, 0), &[after(0, 7)]), [Apply], "an empty book has the id 0");
    }

    #[test]
    fn ids_that_begin_anew_end_in_a_gap() {
        let messages: Vec<Link> = (1..=u64::from(LATE_MAX) + 1).map(Link::Next).collect();
        assert_eq!(steps(Link::Next(1_000), &messages)[0], Step::Gap, "no straggler");
        let steps = steps(Link::Next(60), &messages[..60].repeat(2));
        assert_eq!(steps.iter().position(|it| *it == Step::Gap), Some(usize::from(LATE_MAX)));
    }

    #[test]
    fn growing_ids_may_jump_but_not_go_back() {
        use Step::{Apply, Duplicate, Gap, Stale};
        let ids = |ids: &[u64]| ids.iter().map(|id| Link::Above(*id)).collect::<Vec<_>>();
        let behind = Link::Above(10);
        assert_eq!(steps(behind, &ids(&[8, 10, 15, 16])), [Stale, Stale, Apply, Apply]);
        assert_eq!(steps(behind, &ids(&[15, 15, 14])), [Apply, Duplicate, Gap]);
    }

    #[test]
    fn without_ids_everything_follows() {
        assert_eq!(steps(Link::Free, &[Link::Free, Link::Free]), [Step::Apply; 2]);
    }
}
