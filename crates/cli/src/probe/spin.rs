//! The reading thread of a probe: it looks at one book and does nothing else.
//!
//! # Guarantees
//!
//! - Between two looks it neither allocates nor waits: what it saw leaves in whole tallies, once a
//!   second, by a channel with room.
//! - It ends when it is told to, and when the book is closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use tickbook::{BookReader, NotReadable};
use tickbook_engine::idle::{Idle, Idler};
use tickbook_types::clock::{self, Converter};

use super::tally::Tally;

/// Tallies on their way to the reporting thread.
#[derive(Debug)]
pub(super) struct Mail {
    /// Full ones.
    pub(super) out: SyncSender<Box<Tally>>,
    /// Empty ones.
    pub(super) back: Receiver<Box<Tally>>,
}

/// Looks at the book until `stop`, or until it is closed.
pub(super) fn spin(mut reader: BookReader, idle: Idle, mail: &Mail, stop: &AtomicBool) {
    let mut clock = Converter::new();
    let mut idler = Idler::new(idle);
    let mut tally = Box::new(Tally::new());
    let mut before = None;
    let mut last = clock::now();
    let mut reported = clock.mono(last);
    loop {
        let now = clock::now();
        let since_last = clock.nanos(now.0.saturating_sub(last.0));
        last = now;
        tally.look(since_last);
        let at = clock.mono(now);
        let news = reader.top_changed_at(at).then(|| reader.top_at(at));
        let is_new = match news {
            None => false,
            Some(Ok(top)) if before != Some(top.header.publishes) => {
                let seen = clock.wall(clock::now());
                tally.see(&top.header, before, seen);
                before = Some(top.header.publishes);
                true
            }
            Some(Ok(_)) => false,
            Some(Err(why)) => {
                tally.miss(why, since_last);
                if why == NotReadable::Closed {
                    break;
                }
                false
            }
        };
        idler.turn(usize::from(is_new));
        clock.refresh();
        if at.since(reported) >= REPORT_NS {
            reported = at;
            // Without an empty one the full one goes on being filled: the report comes later.
            if let Ok(empty) = mail.back.try_recv()
                && mail.out.try_send(std::mem::replace(&mut tally, empty)).is_err()
            {
                return;
            }
        }
        // Relaxed: a wish, polled; it publishes nothing.
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    // The reporting thread is gone only if it failed; then nobody wants the rest.
    let _ = mail.out.send(tally);
}

/// Interval of the reports.
const REPORT_NS: i64 = 1_000_000_000;
