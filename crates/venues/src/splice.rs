//! Joining a REST snapshot with the diffs received around it, and following the venue's ids.
//!
//! A [`Chain`] is a venue's rule of what follows what; a [`Position`] is where a book stands in
//! its ids; a [`FrameBuffer`] keeps the diffs that wait for a snapshot, as received.
//!
//! # Guarantees
//!
//! - [`Position::step`] says [`Step::Apply`] only for the one message that follows: nothing is
//!   missing between the book and it.
//! - A message is called old or repeated only if the position's last message proves it; ids that
//!   fit nowhere (a flipped digit) are a [`Step::Gap`].
//! - What a [`FrameBuffer`] holds is one unbroken chain: a hole drops everything before it, since
//!   no snapshot could be joined across it.
//!
//! # Not guaranteed
//!
//! - That a snapshot is what it says: its id is believed.

use tickbook_types::{MonoNanos, PADDING, Padded, RecvStamps};

/// The ids of a diff.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ids {
    /// First update id in it.
    pub first: u64,
    /// Last update id in it.
    pub last: u64,
    /// Last update id of the diff before it, where the venue says so.
    pub prev: Option<u64>,
}

impl Ids {
    /// Whether they contradict themselves: no message can have them.
    #[must_use]
    pub fn are_absurd(self) -> bool {
        self.first > self.last || self.prev.is_some_and(|prev| prev >= self.last)
    }
}

/// How a venue's diffs follow one another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chain {
    /// `first == last of the one before + 1` (Binance spot).
    Contiguous,
    /// `prev == last of the one before` (Binance futures); ids in between may be missing.
    Linked,
    /// Like [`Self::Contiguous`], but a diff may say again what the one before it said (KuCoin).
    Overlapping,
    /// Ids are times, which only grow (Bitstamp): a hole between two diffs cannot be seen.
    Timed,
}

impl Chain {
    /// Whether `next` follows a message that ended with `last`.
    #[inline]
    #[must_use]
    pub fn follows(self, last: u64, next: Ids) -> bool {
        match self {
            Self::Contiguous => last.checked_add(1) == Some(next.first),
            Self::Linked => next.prev == Some(last),
            Self::Overlapping => next.first <= last.saturating_add(1) && last < next.last,
            Self::Timed => last < next.first,
        }
    }

    /// Whether a diff contains nothing that a snapshot with `id` has not.
    #[must_use]
    pub fn is_older(self, id: u64, diff: Ids) -> bool {
        match self {
            Self::Contiguous | Self::Overlapping | Self::Timed => diff.last <= id,
            Self::Linked => diff.last < id,
        }
    }

    /// Whether a diff joins a snapshot with `id` without a hole between them.
    #[must_use]
    pub fn bridges(self, id: u64, diff: Ids) -> bool {
        let next = id.saturating_add(1);
        let contains = |id: u64| diff.first <= id && id <= diff.last;
        match self {
            Self::Contiguous | Self::Overlapping => contains(next),
            Self::Timed => id < diff.first,
            // The venue's rule, or the id behind it, or the link itself.
            Self::Linked => contains(id) || contains(next) || diff.prev == Some(id),
        }
    }
}

/// What to do with a diff.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It follows: apply it.
    Apply,
    /// The snapshot contains it: drop it.
    Stale,
    /// It was applied before: drop it.
    Duplicate,
    /// Something is missing or wrong: the book is no longer known.
    Gap,
}

/// Where a book stands in the ids of its venue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Last id the book contains.
    id: u64,
    /// First id of the last diff applied; `None` until a diff has joined the snapshot.
    last_first: Option<u64>,
    /// Old diffs since the snapshot or the last one applied.
    late: u8,
}

/// So many old diffs in a row are no stragglers: the venue has begun its ids anew.
const LATE_MAX: u8 = 64;

/// So many diffs that a snapshot contains are no lag (at 10 a second 25 s): no diff of this stream
/// will ever reach it.
const STALE_MAX: u8 = u8::MAX;

impl Position {
    /// Behind a snapshot with `id`.
    #[must_use]
    pub const fn after_snapshot(id: u64) -> Self {
        Self { id, last_first: None, late: 0 }
    }

    /// Behind a diff that was taken as the first one: the snapshot has no id.
    #[must_use]
    pub const fn after_diff(diff: Ids) -> Self {
        Self { id: diff.last, last_first: Some(diff.first), late: 0 }
    }

    /// Last id the book contains.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.id
    }

    /// Whether a diff has joined the snapshot.
    #[must_use]
    pub const fn is_joined(self) -> bool {
        self.last_first.is_some()
    }

    /// What to do with a diff; [`Step::Apply`] moves the position.
    #[inline]
    pub fn step(&mut self, chain: Chain, diff: Ids) -> Step {
        let step = self.judge(chain, diff);
        match step {
            Step::Apply => {
                *self = Self { id: diff.last, last_first: Some(diff.first), late: 0 };
            }
            Step::Duplicate | Step::Stale => self.late = self.late.saturating_add(1),
            Step::Gap => {}
        }
        step
    }

    /// Whether a diff that is a [`Step::Gap`] is one because the venue has begun its ids anew: then
    /// nothing that is known of the old ones holds.
    #[must_use]
    pub const fn begins_anew(self, diff: Ids) -> bool {
        diff.last < self.id && self.late >= LATE_MAX
    }

    /// [`Self::step`] without moving.
    #[inline]
    #[must_use]
    pub fn judge(self, chain: Chain, diff: Ids) -> Step {
        let Some(last_first) = self.last_first else {
            return self.judge_first(chain, diff);
        };
        if chain.follows(self.id, diff) && diff.last > self.id {
            return Step::Apply;
        }
        // Wholly before the last one, or the last one itself. Anything else that overlaps it has
        // ids that no sound sequence has: the last one or this one was damaged. Where ids are times
        // one that is older may never have been applied.
        let before = diff.last < last_first && chain != Chain::Timed;
        let same = diff.last == self.id && diff.first == last_first;
        let explained = (before || same) && self.late < LATE_MAX;
        if explained { Step::Duplicate } else { Step::Gap }
    }

    fn judge_first(self, chain: Chain, diff: Ids) -> Step {
        if chain.is_older(self.id, diff) {
            if self.late < STALE_MAX { Step::Stale } else { Step::Gap }
        } else if chain.bridges(self.id, diff) {
            Step::Apply
        } else {
            Step::Gap
        }
    }
}

/// What became of a diff that was to be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// It follows the last one kept (or is the first).
    Yes,
    /// It was kept before.
    Duplicate,
    /// It does not follow: so many diffs before it were dropped, and it is the first now.
    Hole(usize),
    /// There was no room: so many diffs were dropped, and it is the first now.
    Overflow(usize),
    /// It alone is larger than the buffer may be, and was dropped with so many before it.
    TooLarge(usize),
}

/// A kept diff.
#[derive(Clone, Copy, Debug)]
pub struct KeptFrame {
    /// Its ids.
    pub ids: Ids,
    /// When it was received.
    pub stamps: RecvStamps,
    start: usize,
    len: usize,
}

/// Diffs as received, in one growing block of memory that is kept for the next sync.
#[derive(Debug)]
pub struct FrameBuffer {
    frames_max: usize,
    bytes_max: usize,
    frames: std::collections::VecDeque<KeptFrame>,
    bytes: Vec<u8>,
}

impl FrameBuffer {
    /// A buffer for at most `frames_max` diffs and `bytes_max` bytes, which allocates as needed.
    #[must_use]
    pub fn new(frames_max: usize, bytes_max: usize) -> Self {
        let frames = std::collections::VecDeque::new();
        Self { frames_max, bytes_max, frames, bytes: Vec::new() }
    }

    /// Keeps a diff.
    pub fn keep(&mut self, chain: Chain, ids: Ids, payload: &[u8], stamps: &RecvStamps) -> Kept {
        let mut kept = Kept::Yes;
        if let (Some(first), Some(last)) = (self.frames.front(), self.frames.back()) {
            let before = ids.last < last.ids.first && ids.last >= first.ids.first;
            let repeats = last.ids == ids || before && chain != Chain::Timed;
            if repeats {
                return Kept::Duplicate;
            }
            if !(chain.follows(last.ids.last, ids) && ids.last > last.ids.last) {
                kept = Kept::Hole(self.clear());
            }
        }
        let len = payload.len() + PADDING;
        if len > self.bytes_max {
            return Kept::TooLarge(self.clear());
        }
        if self.frames.len() == self.frames_max || self.bytes.len() + len > self.bytes_max {
            kept = Kept::Overflow(self.clear());
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(start + len, 0);
        self.frames.push_back(KeptFrame { ids, stamps: *stamps, start, len: payload.len() });
        kept
    }

    /// Drops the diffs that a snapshot with `id` contains, and says how many.
    pub fn drop_older(&mut self, chain: Chain, id: u64) -> usize {
        let before = self.frames.len();
        while self.frames.front().is_some_and(|frame| chain.is_older(id, frame.ids)) {
            self.pop();
        }
        before - self.frames.len()
    }

    /// Drops the diffs that a snapshot with `id` contains, and says how many and whether it meets
    /// the rest without a hole. With nothing kept it has to be at `confirmed` at least: the last id
    /// that the book is known to have had.
    pub fn join(&mut self, chain: Chain, id: u64, confirmed: u64) -> (usize, bool) {
        let Some(oldest) = self.first() else { return (0, id >= confirmed) };
        let dropped = self.drop_older(chain, id);
        let meets = match chain {
            // Only a diff that it contains shows that none is missing behind it.
            Chain::Timed => oldest.ids.first <= id,
            _ => self.first().map_or(id >= confirmed, |first| chain.bridges(id, first.ids)),
        };
        (dropped, meets)
    }

    /// The oldest diff.
    #[must_use]
    pub fn first(&self) -> Option<KeptFrame> {
        self.frames.front().copied()
    }

    /// The bytes of a diff of this buffer.
    #[must_use]
    pub fn padded(&self, frame: &KeptFrame) -> Padded<'_> {
        let bytes = self.bytes.get(frame.start..).unwrap_or_default();
        // A frame of this buffer is followed by its padding; one that has gone reads as empty.
        Padded::new(bytes, frame.len).unwrap_or(EMPTY)
    }

    /// Lets the oldest diff go.
    pub fn pop(&mut self) {
        self.frames.pop_front();
        if self.frames.is_empty() {
            self.bytes.clear();
        }
    }

    /// Drops everything and says how many diffs that were.
    pub fn clear(&mut self) -> usize {
        let count = self.frames.len();
        self.frames.clear();
        self.bytes.clear();
        count
    }

    /// Diffs kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// Whether a subscribed stream has been heard of at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Silence {
    /// Nothing to watch: it spoke, it is not subscribed, or this is a replay.
    Unwatched,
    /// To be looked into at a time.
    Watched(MonoNanos),
    /// A second snapshot is fetched: has the book changed without a diff?
    Probed,
    /// It has; a diff must come before a time.
    Doubted(MonoNanos),
}

static NOTHING: [u8; PADDING] = [0; PADDING];

const EMPTY: Padded<'static> = match Padded::new(&NOTHING, 0) {
    Some(padded) => padded,
    None => unreachable!(),
};

#[cfg(test)]
mod tests {
    use super::*;

    const fn spot(first: u64, last: u64) -> Ids {
        Ids { first, last, prev: None }
    }

    const fn linked(first: u64, last: u64, prev: u64) -> Ids {
        Ids { first, last, prev: Some(prev) }
    }

    /// The buffered diffs joined with a snapshot: which are applied, or `None` for a refetch.
    fn join(chain: Chain, buffered: &[Ids], id: u64) -> Option<Vec<Ids>> {
        let mut buffer = FrameBuffer::new(16, 4096);
        for ids in buffered {
            buffer.keep(chain, *ids, b"{}", &RecvStamps::default());
        }
        buffer.drop_older(chain, id);
        let mut position = Position::after_snapshot(id);
        let mut applied = Vec::new();
        while let Some(frame) = buffer.first() {
            if position.step(chain, frame.ids) != Step::Apply {
                return None;
            }
            applied.push(frame.ids);
            buffer.pop();
        }
        Some(applied)
    }

    #[test]
    fn spot_example_of_the_venue() {
        let buffered = [spot(101, 104), spot(105, 105), spot(106, 110)];
        let join = |id| join(Chain::Contiguous, &buffered, id);
        assert_eq!(join(105), Some(vec![spot(106, 110)]));
        assert_eq!(join(107), Some(vec![spot(106, 110)]), "the third straddles");
        assert_eq!(join(99), None, "older than the buffer: refetch");
        assert_eq!(join(100), Some(buffered.to_vec()));
        assert_eq!(join(110), Some(vec![]), "newer than the buffer");
    }

    #[test]
    fn futures_example_of_the_venue() {
        let buffered = [linked(6990, 6998, 6985), linked(7001, 7009, 6998)];
        let join = |id| join(Chain::Linked, &buffered, id);
        assert_eq!(join(7005), Some(vec![buffered[1]]));
        assert_eq!(join(7009), Some(vec![buffered[1]]), "last == id is not older");
        assert_eq!(join(6998), Some(buffered.to_vec()));
        assert_eq!(join(6980), None, "older than the buffer: refetch");
        assert_eq!(join(6985), Some(buffered.to_vec()), "the link itself bridges");
        assert_eq!(
            join(6999),
            Some(buffered[1..].to_vec()).filter(|_| false),
            "6999 < 7000 < 7001"
        );
        assert_eq!(join(7000), Some(buffered[1..].to_vec()), "the id behind is contained");
    }

    #[test]
    fn a_live_chain_takes_only_what_follows() {
        let mut spot_book = Position::after_snapshot(99);
        assert_eq!(spot_book.step(Chain::Contiguous, spot(90, 99)), Step::Stale);
        assert_eq!(spot_book.step(Chain::Contiguous, spot(95, 104)), Step::Apply);
        assert_eq!(spot_book.step(Chain::Contiguous, spot(105, 110)), Step::Apply);
        for (ids, step) in [
            (spot(105, 110), Step::Duplicate),
            (spot(95, 104), Step::Duplicate),
            (spot(112, 113), Step::Gap),
            (spot(110, 113), Step::Gap),
            (spot(106, 110), Step::Gap),
            (spot(104, 106), Step::Gap),
        ] {
            assert_eq!(spot_book.judge(Chain::Contiguous, ids), step, "{ids:?}");
        }
        let mut futures_book = Position::after_snapshot(7005);
        assert_eq!(futures_book.step(Chain::Linked, linked(6990, 6998, 6985)), Step::Stale);
        assert_eq!(futures_book.step(Chain::Linked, linked(7001, 7009, 6998)), Step::Apply);
        for (ids, step) in [
            (linked(7001, 7009, 6998), Step::Duplicate),
            (linked(6990, 6998, 6985), Step::Duplicate),
            (linked(7015, 7020, 7012), Step::Gap),
            (linked(7010, 7020, 7008), Step::Gap),
            (linked(7010, 7020, 7009), Step::Apply),
        ] {
            assert_eq!(futures_book.judge(Chain::Linked, ids), step, "{ids:?}");
        }
    }

    #[test]
    fn a_damaged_last_id_ends_in_a_gap_not_in_silence() {
        // The true diff was 105..=110; its last id was read as 910.
        let mut book = Position::after_snapshot(104);
        assert_eq!(book.step(Chain::Contiguous, spot(105, 910)), Step::Apply);
        assert_eq!(book.step(Chain::Contiguous, spot(111, 115)), Step::Gap);
        let mut book = Position::after_snapshot(104);
        assert_eq!(book.step(Chain::Linked, linked(103, 910, 100)), Step::Apply);
        assert_eq!(book.step(Chain::Linked, linked(112, 115, 110)), Step::Gap);
    }

    #[test]
    fn ids_that_begin_anew_end_in_a_gap() {
        let mut book = Position::after_snapshot(1_000);
        assert_eq!(book.step(Chain::Contiguous, spot(1_001, 1_002)), Step::Apply);
        let gap = (1..=u64::from(LATE_MAX) + 1)
            .map(|id| book.step(Chain::Contiguous, spot(id, id)))
            .position(|step| step == Step::Gap);
        assert_eq!(gap, Some(usize::from(LATE_MAX)));
    }

    #[test]
    fn a_snapshot_that_the_diffs_never_reach_ends_in_a_gap() {
        for chain in [Chain::Contiguous, Chain::Linked] {
            let mut book = Position::after_snapshot(1_000_000);
            let gap = (1..=1_000_u64)
                .map(|id| book.step(chain, linked(id, id, id - 1)))
                .position(|step| step == Step::Gap);
            assert_eq!(gap, Some(usize::from(STALE_MAX)));
        }
    }

    #[test]
    fn a_hole_in_the_buffer_drops_what_is_before_it() {
        let mut buffer = FrameBuffer::new(16, 4096);
        let mut keep = |ids| buffer.keep(Chain::Contiguous, ids, b"{}", &RecvStamps::default());
        assert_eq!(keep(spot(1, 2)), Kept::Yes);
        assert_eq!(keep(spot(3, 4)), Kept::Yes);
        assert_eq!(keep(spot(3, 4)), Kept::Duplicate);
        assert_eq!(keep(spot(1, 2)), Kept::Duplicate);
        assert_eq!(keep(spot(6, 7)), Kept::Hole(2));
        assert_eq!(buffer.first().unwrap().ids, spot(6, 7));
    }

    #[test]
    fn a_buffer_stays_within_its_bounds() {
        let mut buffer = FrameBuffer::new(2, 3 * PADDING);
        let stamps = RecvStamps::default();
        assert_eq!(buffer.keep(Chain::Contiguous, spot(1, 1), b"one", &stamps), Kept::Yes);
        assert_eq!(buffer.keep(Chain::Contiguous, spot(2, 2), b"two", &stamps), Kept::Yes);
        assert_eq!(
            buffer.keep(Chain::Contiguous, spot(3, 3), b"three", &stamps),
            Kept::Overflow(2)
        );
        let first = buffer.first().unwrap();
        assert_eq!(buffer.padded(&first).payload(), b"three");
        let large = [b'x'; 3 * PADDING];
        assert_eq!(buffer.keep(Chain::Contiguous, spot(4, 4), &large, &stamps), Kept::TooLarge(1));
        assert!(buffer.is_empty());
        assert_eq!(buffer.padded(&first).payload(), b"", "a frame that has gone reads as empty");
    }

    #[test]
    fn absurd_ids_are_told() {
        assert!(spot(5, 4).are_absurd());
        assert!(!spot(5, 5).are_absurd());
        assert!(linked(5, 6, 6).are_absurd());
        assert!(!linked(5, 6, 4).are_absurd());
    }
}
