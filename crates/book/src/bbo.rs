//! Cross-check of a book against the venue's own best bid and offer.

use tickbook_types::{Level, Scale, SeqNo};

/// Cross-check of one book's best levels against the venue's ticker stream.
#[derive(Clone, Debug, Default)]
pub struct BboCheck {
    /// Book states whose best levels equalled the ticker's.
    pub ok: u64,
    /// Book states whose best levels differed from the ticker's.
    pub bad: u64,
    /// Book states that could not be judged: no ticker before them, a side empty, a queue full.
    pub unjudged: u64,
}

impl BboCheck {
    /// A check whose two queues hold `capacity` entries each.
    #[must_use]
    pub fn new(_capacity: usize) -> Self {
        Self::default()
    }

    /// The book after the diff with id `seq`.
    pub fn on_book(&mut self, _seq: SeqNo, _bid: Option<Level>, _ask: Option<Level>) {}

    /// The venue's best bid and offer as of `seq`.
    pub fn on_ticker(&mut self, _seq: SeqNo, _bid: Level, _ask: Level) {}

    /// The exponents of the numbers change.
    pub fn rescale(&mut self, _from: Scale, _to: Scale) {}

    /// Forgets what waits (counted as unjudged): the stream was interrupted.
    pub fn reset(&mut self) {}
}
