//! The ticker of a book: its words, and what they mean to either side.
//!
//! A section of its own beside the book's: a ticker that comes a hundred times a second must not
//! make readers of the top try again, and the other way round.

use tickbook_types::{
    BookState, ConnId, Epoch, Figure, MonoNanos, Reason, Ticker, TickerField, WallNanos,
};

use crate::atomic::{Ordering, Word};
use crate::layout::{TICKER_VALUES_MAX, ticker};
use crate::snapshot::{halves, pair};

/// A ticker and where it comes from.
///
/// Its state is its own: `Empty` before the first one, `Live` once something is known, `Stale` when
/// the connection that it came on was lost, `Closed` with the book. (A book that waits for a
/// snapshot does not make its ticker wrong.)
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TickerSnapshot {
    /// What the venue says.
    pub ticker: Ticker,
    /// State of the ticker.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Connection that it came on.
    pub conn: ConnId,
    /// Epoch of that connection.
    pub epoch: Epoch,
    /// When its newest part was received, monotonic.
    pub received: MonoNanos,
    /// The same as wall time.
    pub received_wall: WallNanos,
    /// How many publishes of it there were, this one included. Set by the writer itself.
    pub publishes: u64,
    /// Generation of the directory slot it was published for. Set by the writer itself.
    pub slot_generation: u64,
}

impl TickerSnapshot {
    /// Nanoseconds from its receipt to `now`; 0 if that lies ahead.
    #[must_use]
    pub const fn age_ns(&self, now: MonoNanos) -> i64 {
        let age = now.since(self.received);
        if age > 0 { age } else { 0 }
    }
}

/// Exponents in a word, a byte each.
const EXPONENTS_PER_WORD: usize = 8;

const _: () = assert!(TickerField::COUNT <= TICKER_VALUES_MAX);
const _: () = assert!(TickerField::COUNT <= u32::BITS as usize);

/// The words of a ticker block, version included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words([u64; ticker::WORDS]);

impl Words {
    /// What `of` is in words; `version` is left out.
    pub(crate) fn encode(of: &TickerSnapshot) -> Self {
        let mut words = [0; ticker::WORDS];
        let state = of.state as u32 | (of.reason as u32) << 8;
        words[ticker::META] = pair(state, of.ticker.present());
        words[ticker::CONN_EPOCH] = pair(of.conn.0, of.epoch.0);
        words[ticker::VENUE_TIME] = of.ticker.venue_time.0.cast_unsigned();
        words[ticker::RECEIVED] = of.received.0.cast_unsigned();
        words[ticker::RECEIVED_WALL] = of.received_wall.0.cast_unsigned();
        words[ticker::PUBLISHES] = of.publishes;
        words[ticker::SLOT_GENERATION] = of.slot_generation;
        for (field, figure) in of.ticker.fields() {
            let at = field as usize;
            let exponent = u64::from(figure.exponent.cast_unsigned());
            let shift = 8 * (at % EXPONENTS_PER_WORD);
            words[ticker::EXPONENTS + at / EXPONENTS_PER_WORD] |= exponent << shift;
            words[ticker::VALUES + at] = figure.mantissa.cast_unsigned();
        }
        Self(words)
    }

    pub(crate) fn store(&self, block: &[Word; ticker::WORDS]) {
        for (word, value) in block.iter().zip(&self.0).skip(1) {
            // Relaxed: within the section of the block.
            word.store(*value, Ordering::Relaxed);
        }
    }

    pub(crate) fn load(block: &[Word; ticker::WORDS]) -> Self {
        // Relaxed: within the section of the block. (The version is loaded too, and not used.)
        Self(core::array::from_fn(|word| block[word].load(Ordering::Relaxed)))
    }

    /// What the words say. Bits of fields that this build does not know are left out.
    pub(crate) fn decode(&self) -> TickerSnapshot {
        let word = |at: usize| self.0[at];
        let [state, present] = halves(word(ticker::META));
        let [conn, epoch] = halves(word(ticker::CONN_EPOCH));
        let [state, reason, ..] = state.to_le_bytes();
        let mut ticker = Ticker::default();
        ticker.venue_time = WallNanos(word(ticker::VENUE_TIME).cast_signed());
        for field in TickerField::ALL {
            let at = *field as usize;
            if present & (1 << at) != 0 {
                let exponents = word(ticker::EXPONENTS + at / EXPONENTS_PER_WORD).to_le_bytes();
                let exponent = exponents[at % EXPONENTS_PER_WORD].cast_signed();
                let mantissa = word(ticker::VALUES + at).cast_signed();
                ticker.set(*field, Some(Figure { mantissa, exponent }));
            }
        }
        TickerSnapshot {
            ticker,
            // No writer of ours stores another byte; whoever did is not to be traded on.
            state: BookState::from_byte(state).unwrap_or(BookState::Closed),
            reason: Reason::from_byte(reason).unwrap_or(Reason::None),
            conn: ConnId(conn),
            epoch: Epoch(epoch),
            received: MonoNanos(word(ticker::RECEIVED).cast_signed()),
            received_wall: WallNanos(word(ticker::RECEIVED_WALL).cast_signed()),
            publishes: word(ticker::PUBLISHES),
            slot_generation: word(ticker::SLOT_GENERATION),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> TickerSnapshot {
        let mut ticker = Ticker::default();
        ticker.venue_time = WallNanos(11);
        for (number, field) in (0_i8..).zip(TickerField::ALL) {
            let figure = Figure { mantissa: i64::MIN + i64::from(number), exponent: number - 9 };
            ticker.set(*field, Some(figure));
        }
        TickerSnapshot {
            ticker,
            state: BookState::Stale,
            reason: Reason::Disconnected,
            conn: ConnId(70_000),
            epoch: Epoch(u32::MAX),
            received: MonoNanos(-5),
            received_wall: WallNanos(6),
            publishes: 7,
            slot_generation: 8,
        }
    }

    #[test]
    fn what_is_encoded_comes_back_field_by_field() {
        let whole = full();
        assert_eq!(Words::encode(&whole).decode(), whole);
        for field in TickerField::ALL {
            let mut one_less = whole;
            one_less.ticker.set(*field, None);
            assert_eq!(Words::encode(&one_less).decode(), one_less, "{}", field.name());
        }
        assert_eq!(Words::encode(&TickerSnapshot::default()).decode(), TickerSnapshot::default());
    }

    #[test]
    fn no_content_of_a_block_makes_decoding_panic() {
        for word in [u64::MAX, 0x8080_8080_8080_8080, 1] {
            let decoded = Words([word; ticker::WORDS]).decode();
            assert!(decoded.ticker.fields().count() <= TickerField::COUNT);
            for (_, figure) in decoded.ticker.fields() {
                assert!(!figure.to_f64().is_nan());
                assert!(!figure.to_string().is_empty());
            }
        }
        assert_eq!(Words([u64::MAX; ticker::WORDS]).decode().state, BookState::Closed);
    }

    #[test]
    fn an_age_is_never_negative() {
        let read = TickerSnapshot { received: MonoNanos(100), ..TickerSnapshot::default() };
        assert_eq!(read.age_ns(MonoNanos(130)), 30);
        assert_eq!(read.age_ns(MonoNanos(90)), 0);
    }
}
