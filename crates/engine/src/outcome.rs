//! From what the threads leave behind to what a user reads: books and reports.

use std::collections::BTreeMap;

use tickbook_types::{BookState, Decimal, Level, Scale, Side};
use tickbook_venues::{Ignored, Rejected, SessionCounters};

use crate::builder::Builder;
use crate::desk::Slot;
use crate::report::{BookReport, Books, OkBad};

/// The final books of some builders, by name; `depth` limits the printed levels only.
#[must_use]
pub fn books(builders: &[Builder], depth: usize) -> Books {
    let slots = builders.iter().flat_map(|builder| builder.desk().slots());
    let symbols = slots.map(|slot| (slot.spec.name.clone(), book(slot, depth))).collect();
    Books { symbols }
}

fn book(slot: &Slot, depth: usize) -> BookReport {
    // As the venue writes them, which is what a capture can be compared with.
    let wire = slot.spec.instrument.wire_scale.unwrap_or_default().back();
    let scale = slot.book.scale();
    let scale = scale.moved(wire).unwrap_or(scale);
    let side =
        |side| slot.book.levels(side).take(depth).map(|level| printed(level, scale)).collect();
    BookReport {
        state: slot.state.name(),
        reason: (slot.state != BookState::Live).then(|| slot.reason.name()),
        bids: side(Side::Bid),
        asks: side(Side::Ask),
        bid_levels: slot.book.level_count(Side::Bid),
        ask_levels: slot.book.level_count(Side::Ask),
        last_seq: slot.seq.map(|seq| seq.0),
        applied: slot.applied,
        crossed_after_update: slot.crossed,
        checksum_ok: slot.checksums.ok,
        checksum_bad: slot.checksums.bad,
    }
}

/// A level as plain decimals.
#[must_use]
pub fn printed(level: Level, scale: Scale) -> [String; 2] {
    let decimal = |mantissa, exponent| Decimal::new(mantissa, i16::from(exponent)).to_string();
    [
        decimal(i128::from(level.price.0), scale.price_exponent),
        decimal(i128::from(level.size.0), scale.size_exponent),
    ]
}

/// Checksums of all books.
#[must_use]
pub fn checksums(builders: &[Builder]) -> OkBad {
    let slots = builders.iter().flat_map(|builder| builder.desk().slots());
    slots.fold(OkBad::default(), |sum, slot| OkBad {
        ok: sum.ok + slot.checksums.ok,
        bad: sum.bad + slot.checksums.bad,
    })
}

/// Best-bid-and-offer checks of all books; `None` where no ticker was seen.
#[must_use]
pub fn bbo_checks(builders: &[Builder], tickers: u64) -> Option<OkBad> {
    let slots = builders.iter().flat_map(|builder| builder.desk().slots());
    let sum = slots.fold(OkBad::default(), |sum, slot| OkBad {
        ok: sum.ok + slot.bbo.ok,
        bad: sum.bad + slot.bbo.bad,
    });
    (tickers > 0).then_some(sum)
}

/// Messages after which a book was crossed, all books.
#[must_use]
pub fn crossed(builders: &[Builder]) -> u64 {
    builders.iter().flat_map(|builder| builder.desk().slots()).map(|slot| slot.crossed).sum()
}

/// The reasons that were counted at least once.
#[must_use]
pub fn reasons(counters: &SessionCounters) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let seen = |pairs: Vec<(&str, u64)>| {
        let seen = pairs.into_iter().filter(|(_, count)| *count > 0);
        seen.map(|(name, count)| (name.to_owned(), count)).collect()
    };
    (
        seen(Ignored::ALL.iter().map(|it| (it.name(), counters.ignored(*it))).collect()),
        seen(Rejected::ALL.iter().map(|it| (it.name(), counters.rejected(*it))).collect()),
    )
}
