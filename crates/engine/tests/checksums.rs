//! A book that does not fit its venue's checksum is never shown as right.
//!
//! Method: a made-up market in the words of two venues, with a checksum in every message, the true
//! book known after each. Of the whole and of damaged streams every beginning is replayed, so that
//! what is published after each message is seen.

#![allow(clippy::unwrap_used, reason = "a test")]

mod util;

use tickbook_engine::desk::Publish;
use tickbook_engine::replay::{Replayed, from_memory};
use tickbook_engine::report::{BookReport, OkBad};
use tickbook_engine::topology::BuilderPlace;
use util::checksums::{Dialect, Stream, stream};
use util::{ShmDir, Truth};

const DELTAS: usize = 12;

fn replay(dialect: Dialect, messages: &[String], builder: BuilderPlace) -> Replayed {
    // Tests run beside one another.
    let thread = std::thread::current();
    let dir = ShmDir::new(thread.name().unwrap());
    let mut options = util::options(&dir, builder, "checksums");
    options.venue = Some(dialect.venue());
    if builder == BuilderPlace::OwnThread {
        options.publish = Publish::Latest;
    }
    from_memory(&dialect.capture(messages), &options).unwrap()
}

fn book(dialect: Dialect, replayed: &Replayed) -> &BookReport {
    &replayed.books.symbols[dialect.symbol()]
}

/// The stream with the size of the first bid of a delta changed by one digit.
fn damaged(stream: &Stream, at: usize) -> Vec<String> {
    let mut messages = stream.messages.clone();
    let message = &messages[at];
    let row = message.find("\"bids\":").unwrap();
    let comma = row + message[row..].find(',').unwrap();
    let digit = comma + message[comma..].find(|it: char| ('1'..='9').contains(&it)).unwrap();
    let other = if &message[digit..=digit] == "9" { "8" } else { "9" };
    messages[at].replace_range(digit..=digit, other);
    messages
}

#[test]
fn every_message_of_a_sound_stream_is_checked() {
    for dialect in Dialect::ALL {
        let stream = stream(dialect, 3, 200);
        for builder in [BuilderPlace::Inline, BuilderPlace::OwnThread] {
            let replayed = replay(dialect, &stream.messages, builder);
            let all = OkBad { ok: stream.messages.len() as u64, bad: 0 };
            assert_eq!(replayed.report.checksums, all, "{dialect:?} {builder:?}");
            let book = book(dialect, &replayed);
            assert_eq!((book.checksum_ok, book.checksum_bad), (all.ok, 0));
            assert_eq!(book.state, "live");
            assert!(stream.books.last().unwrap().equals(book), "{dialect:?}: {book:?}");
        }
    }
}

#[test]
fn a_wrong_size_makes_the_book_stale_at_once_until_the_next_snapshot() {
    for (dialect, seed) in Dialect::ALL.into_iter().zip(1..) {
        let stream = stream(dialect, seed, DELTAS);
        for at in [1, DELTAS / 2, DELTAS] {
            let messages = damaged(&stream, at);
            assert_ne!(messages[at], stream.messages[at]);
            for end in 1..=messages.len() {
                let what = format!("{dialect:?}, seed {seed}, damaged {at}, at {end}");
                let builder = [BuilderPlace::Inline, BuilderPlace::OwnThread][end % 2];
                let replayed = replay(dialect, &messages[..end], builder);
                let book = book(dialect, &replayed);
                if (at..=DELTAS).contains(&(end - 1)) {
                    assert_eq!((book.state, book.reason), ("stale", Some("checksum")), "{what}");
                } else {
                    // A session in a thread of its own may hear of it only behind the snapshot that
                    // has healed the book.
                    assert_eq!(book.state, "live", "{what}: {book:?}");
                    assert!(stream.books[end - 1].equals(book), "{what}: {book:?}");
                }
                let bad = u64::from(end > at);
                assert_eq!(replayed.report.checksums.bad, bad, "{what}");
                if builder == BuilderPlace::Inline {
                    assert_eq!(replayed.report.resyncs, bad, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_level_in_an_unusual_form_is_no_fault_of_the_book() {
    let dialect = Dialect::Okx;
    let mut stream = stream(dialect, 5, DELTAS);
    // The venue writes a size with a zero too many, and makes its checksums over that.
    let mut truth: Truth = stream.books[0].clone();
    truth.set(true, 9_998, 7_000);
    let odd = [["99.98".to_owned(), "7.0".to_owned()]];
    let text = dialect.message(false, [&odd, &[]], 0xDEAD_BEEF);
    stream.messages.truncate(1);
    stream.messages.push(text);
    let replayed = replay(dialect, &stream.messages, BuilderPlace::Inline);
    let held = book(dialect, &replayed);
    assert_eq!((held.state, held.checksum_ok, held.checksum_bad), ("live", 1, 0));
    assert!(truth.equals(held), "{held:?}");
    // Gone from the book, its checksums are right again; and are compared.
    truth.set(true, 9_998, 0);
    let gone = [["99.98".to_owned(), "0".to_owned()]];
    stream.messages.push(dialect.message(false, [&gone, &[]], dialect.checksum(&truth)));
    let replayed = replay(dialect, &stream.messages, BuilderPlace::Inline);
    let held = book(dialect, &replayed);
    assert_eq!((held.state, held.checksum_ok, held.checksum_bad), ("live", 2, 0));
}
