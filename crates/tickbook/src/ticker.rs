//! Whether a ticker can be used.

use tickbook_shm::{BookInfo, ConnState, TickerSnapshot, View};
use tickbook_types::{BookState, MonoNanos, NotReadable};

use crate::freshness::{builder_left_ns, conn_left_ns};

/// A whole ticker, and why it cannot be used now.
pub(crate) type Judged = (TickerSnapshot, Option<NotReadable>);

/// Reads the ticker of a book, and judges it by everything there is to know: the engine, the
/// builder, the connection that the ticker came on (which need not be the book's), and the epoch of
/// that connection.
pub(crate) fn judged(view: &View, info: &BookInfo, now: MonoNanos) -> Result<Judged, NotReadable> {
    let builder = builder_left_ns(view, info.builder, now);
    let Ok(read) = view.read_ticker(info.book) else {
        // Nothing whole: the writer is at it, or died at it.
        return Err(builder.err().unwrap_or(NotReadable::Busy));
    };
    if read.slot_generation != info.slot_generation {
        // Another book lives here now.
        return Err(NotReadable::Closed);
    }
    if let Err(why) = builder {
        return Ok((read, Some(why)));
    }
    let why_not = match read.state {
        BookState::Live => source_fault(view, &read, now),
        BookState::Closed => Some(NotReadable::Closed),
        state => Some(NotReadable::NotLive { state, reason: read.reason }),
    };
    Ok((read, why_not))
}

/// What is wrong with the connection that a ticker came on.
fn source_fault(view: &View, read: &TickerSnapshot, now: MonoNanos) -> Option<NotReadable> {
    if let Err(why) = conn_left_ns(view, read.conn, now) {
        return Some(why);
    }
    // Opened again since: what the ticker says was said before. A replay has no connections.
    let line = view.conn(read.conn)?;
    let before = line.state != ConnState::Unused && line.epoch != read.epoch;
    before.then(|| NotReadable::NotFresh { age_ns: read.age_ns(now) })
}
