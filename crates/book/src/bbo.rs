//! Cross-check of a book against the venue's own best bid and offer.
//!
//! The ticker stream (Binance: `bookTicker`) and the depth stream carry the same update ids. After
//! the diff with id `u`, the book's best levels must equal the last ticker with an id up to `u`.
//! The two streams arrive in any order, so a book state is judged once a ticker with a greater id
//! shows that no other ticker belongs to it.
//!
//! # Guarantees
//!
//! - Every book state given is counted once: in `ok`, `bad` or `unjudged`, or still waits
//!   ([`BboCheck::waiting`]).
//! - The verdict does not depend on how the two streams interleave, as long as neither queue
//!   overflows; a queue that does makes book states unjudged, never wrongly judged.
//! - Nothing is allocated after [`BboCheck::new`].
//!
//! # Invariants
//!
//! - Ids ascend strictly in `tickers` and do not descend in `books`.

use std::collections::VecDeque;

use tickbook_types::{Level, Scale, SeqNo};

use crate::rescale::Conversion;

/// Book states that wait for a first ticker. The streams of one connection begin within a few
/// messages of one another.
const LEAD_MAX: usize = 64;

/// Cross-check of one book's best levels against the venue's ticker stream.
#[derive(Clone, Debug)]
pub struct BboCheck {
    /// Book states whose best levels equalled the ticker's.
    pub ok: u64,
    /// Book states whose best levels differed from the ticker's.
    pub bad: u64,
    /// Book states that could not be judged: no ticker before them, a side empty, a queue full,
    /// the stream interrupted.
    pub unjudged: u64,
    capacity: usize,
    books: VecDeque<Best>,
    tickers: VecDeque<Best>,
}

/// Best levels as of an id.
#[derive(Clone, Copy, Debug)]
struct Best {
    seq: SeqNo,
    bid: Level,
    ask: Level,
}

impl BboCheck {
    /// A check whose two queues hold `capacity` entries each (40 bytes an entry).
    ///
    /// Tickers queue up while the depth stream lags behind them: a stream that is conflated over
    /// 100 ms needs room for the tickers of 100 ms and of the network's jitter.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            ok: 0,
            bad: 0,
            unjudged: 0,
            capacity,
            books: VecDeque::with_capacity(capacity),
            tickers: VecDeque::with_capacity(capacity),
        }
    }

    /// The book's best levels after the diff with id `seq`.
    ///
    /// An id below the last one starts over, as [`Self::reset`] does.
    pub fn on_book(&mut self, seq: SeqNo, bid: Option<Level>, ask: Option<Level>) {
        if self.books.back().is_some_and(|last| seq < last.seq) {
            self.reset();
        }
        let (Some(bid), Some(ask)) = (bid, ask) else {
            self.unjudged += 1;
            return;
        };
        if self.tickers.is_empty() && self.books.len() == LEAD_MAX.min(self.capacity) {
            // A stream without tickers: nothing will ever judge these.
            self.unjudged += self.books.len() as u64;
            self.books.clear();
        }
        if self.books.len() == self.capacity {
            self.books.pop_front();
            self.unjudged += 1;
        }
        self.books.push_back(Best { seq, bid, ask });
        self.judge();
    }

    /// The venue's best bid and offer as of `seq`. Of equal ids the last stands; one below the last
    /// is too late to be of use.
    pub fn on_ticker(&mut self, seq: SeqNo, bid: Level, ask: Level) {
        let best = Best { seq, bid, ask };
        match self.tickers.back_mut() {
            Some(last) if seq < last.seq => return,
            Some(last) if seq == last.seq => {
                *last = best;
                return;
            }
            _ => {}
        }
        if self.tickers.len() == self.capacity {
            // A book state that needed it finds no ticker and stays unjudged.
            self.tickers.pop_front();
        }
        self.tickers.push_back(best);
        self.judge();
    }

    /// The exponents of the numbers change. What waits is converted; what does not fit is dropped.
    pub fn rescale(&mut self, from: Scale, to: Scale) {
        let conversion = Conversion::new(from, to);
        let convert = |best: &mut Best| {
            let levels = conversion.level(best.bid).zip(conversion.level(best.ask));
            if let Some((bid, ask)) = levels {
                (best.bid, best.ask) = (bid, ask);
            }
            levels.is_some()
        };
        let waiting = self.books.len();
        self.books.retain_mut(convert);
        self.unjudged += (waiting - self.books.len()) as u64;
        if !self.tickers.iter_mut().all(convert) {
            // With one missing, an earlier one would be taken for it.
            self.reset();
        }
    }

    /// Forgets what waits: the stream was interrupted, or the book is not right at present.
    pub fn reset(&mut self) {
        self.unjudged += self.books.len() as u64;
        self.books.clear();
        self.tickers.clear();
    }

    /// Judges what waits by the tickers there are: no more will come.
    pub fn finish(&mut self) {
        while let Some(book) = self.books.pop_front() {
            self.judge_one(&book);
        }
    }

    /// Book states that wait for a ticker with a greater id.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.books.len()
    }

    /// Judges the book states that the newest ticker is beyond.
    fn judge(&mut self) {
        let Some(newest) = self.tickers.back().map(|ticker| ticker.seq) else { return };
        while let Some(&book) = self.books.front()
            && book.seq < newest
        {
            self.books.pop_front();
            self.judge_one(&book);
        }
        self.begin_anew();
    }

    /// Moves a queue of at most one entry to the start of its memory, so that one which seldom has
    /// more stays in a few cache lines.
    fn begin_anew(&mut self) {
        for queue in [&mut self.books, &mut self.tickers] {
            if queue.len() <= 1 {
                let only = queue.pop_front();
                queue.clear();
                queue.extend(only);
            }
        }
    }

    fn judge_one(&mut self, book: &Best) {
        // Only the last of the tickers up to this book can matter to it or to a later one.
        while self.tickers.get(1).is_some_and(|second| second.seq <= book.seq) {
            self.tickers.pop_front();
        }
        match self.tickers.front() {
            Some(ticker) if ticker.seq <= book.seq => {
                let equal = (ticker.bid, ticker.ask) == (book.bid, book.ask);
                self.ok += u64::from(equal);
                self.bad += u64::from(!equal);
            }
            _ => self.unjudged += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickbook_types::{Price, Size};

    use super::*;

    fn level(price: i64) -> Level {
        Level { price: Price(price), size: Size(1) }
    }

    /// All streams at hand: the last ticker up to each book, found by looking at every ticker.
    fn naive(books: &[(u64, i64)], tickers: &[(u64, i64)]) -> (u64, u64, u64) {
        let mut counts = (0, 0, 0);
        for &(seq, price) in books {
            match tickers.iter().rfind(|(other, _)| *other <= seq) {
                None => counts.2 += 1,
                Some((_, other)) if *other == price => counts.0 += 1,
                Some(_) => counts.1 += 1,
            }
        }
        counts
    }

    fn ascending(gaps: &[(u64, i64)]) -> Vec<(u64, i64)> {
        let mut seq = 0;
        gaps.iter()
            .map(|&(gap, price)| {
                seq += gap;
                (seq, price)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_verdict_does_not_depend_on_the_interleaving(
            books in prop::collection::vec((1..8_u64, 0..2_i64), 0..40),
            tickers in prop::collection::vec((0..3_u64, 0..2_i64), 0..80),
            order in prop::collection::vec(any::<bool>(), 120),
        ) {
            let (books, tickers) = (ascending(&books), ascending(&tickers));
            let mut check = BboCheck::new(80);
            let (mut next_books, mut next_tickers) = (books.iter(), tickers.iter());
            let mut on_book = |check: &mut BboCheck| {
                let next = next_books.next();
                next.map(|&(seq, p)| check.on_book(SeqNo(seq), Some(level(p)), Some(level(9))))
            };
            let mut on_ticker = |check: &mut BboCheck| {
                let next = next_tickers.next();
                next.map(|&(seq, p)| check.on_ticker(SeqNo(seq), level(p), level(9)))
            };
            for book_first in order {
                if book_first { on_book(&mut check); } else { on_ticker(&mut check); }
            }
            while on_book(&mut check).is_some() {}
            while on_ticker(&mut check).is_some() {}
            // Tickers of equal ids that come behind the book's verdict cannot change it any more;
            // there are none, because a verdict needs a greater id.
            let newest = tickers.last().map_or(0, |(seq, _)| *seq);
            prop_assert_eq!(check.waiting(), books.iter().filter(|(s, _)| *s >= newest).count());
            check.finish();
            let (ok, bad, unjudged) = naive(&books, &tickers);
            prop_assert_eq!((check.ok, check.bad, check.unjudged), (ok, bad, unjudged));
        }

        #[test]
        fn full_queues_lose_verdicts_but_never_turn_one(
            books in prop::collection::vec((1..8_u64, 0..2_i64), 0..40),
            tickers in prop::collection::vec((1..3_u64, 0..2_i64), 0..80),
            capacity in 1..6_usize,
            order in prop::collection::vec(any::<bool>(), 120),
        ) {
            let (books, tickers) = (ascending(&books), ascending(&tickers));
            let mut check = BboCheck::new(capacity);
            let (mut b, mut t) = (0, 0);
            for book_first in order {
                if book_first && b < books.len() {
                    let (seq, price) = books[b];
                    check.on_book(SeqNo(seq), Some(level(price)), Some(level(9)));
                    b += 1;
                } else if t < tickers.len() {
                    check.on_ticker(SeqNo(tickers[t].0), level(tickers[t].1), level(9));
                    t += 1;
                }
            }
            let (ok, bad, unjudged) = naive(&books[..b], &tickers[..t]);
            prop_assert!(check.ok <= ok, "{} of {ok}", check.ok);
            prop_assert!(check.bad <= bad, "{} of {bad}", check.bad);
            let counted = check.ok + check.bad + check.unjudged + check.waiting() as u64;
            prop_assert_eq!(counted, ok + bad + unjudged);
            prop_assert!(check.books.capacity() >= capacity && check.books.len() <= capacity);
        }
    }

    #[test]
    fn without_tickers_few_book_states_wait() {
        let mut check = BboCheck::new(1_000);
        for seq in 0..10_000 {
            check.on_book(SeqNo(seq), Some(level(1)), Some(level(1)));
            assert!(check.waiting() <= LEAD_MAX);
        }
        assert_eq!(check.unjudged + check.waiting() as u64, 10_000);
        check.on_ticker(SeqNo(9_999), level(1), level(1));
        check.on_ticker(SeqNo(10_000), level(2), level(2));
        assert_eq!((check.ok, check.bad), (1, 0), "a late ticker judges what still waits");
    }

    #[test]
    fn sizes_count_and_empty_sides_are_not_judged() {
        let mut check = BboCheck::new(4);
        check.on_ticker(SeqNo(5), level(1), level(2));
        check.on_book(SeqNo(5), Some(level(1)), None);
        check.on_book(SeqNo(6), Some(level(1)), Some(Level { size: Size(2), ..level(2) }));
        check.on_book(SeqNo(7), Some(level(1)), Some(level(2)));
        check.on_ticker(SeqNo(8), level(1), level(2));
        assert_eq!((check.ok, check.bad, check.unjudged), (1, 1, 1));
    }

    #[test]
    fn what_waits_is_converted_to_new_exponents() {
        let from = Scale { price_exponent: -2, size_exponent: -3 };
        let to = Scale { price_exponent: -3, size_exponent: -3 };
        let mut check = BboCheck::new(4);
        check.on_ticker(SeqNo(1), level(10), level(20));
        check.on_book(SeqNo(1), Some(level(10)), Some(level(20)));
        check.rescale(from, to);
        check.on_book(SeqNo(2), Some(level(100)), Some(level(200)));
        check.on_ticker(SeqNo(3), level(100), level(i64::MAX));
        assert_eq!((check.ok, check.bad, check.unjudged), (2, 0, 0));
        check.on_book(SeqNo(3), Some(level(7)), Some(level(8)));
        check.rescale(from, to);
        assert_eq!((check.ok, check.bad, check.unjudged, check.waiting()), (2, 0, 1, 0));
    }
}
