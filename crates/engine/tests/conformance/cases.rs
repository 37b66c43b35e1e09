//! The cases: what happens to a book, in terms of any venue, and what was seen to come of it.
//!
//! Answers are `live` (the book is live and the venue's own), `wrong` (live, and not the venue's
//! own), the reason of a stale book, or a word that the case explains.

use tickbook_venues::{Rejected, Warning};

use super::forms::Form;
use super::rig::Rig;
use super::speaker::{Level, Whole, ask, bid};

/// What happens.
#[derive(Debug)]
pub struct Case {
    /// Its column in the table.
    pub name: &'static str,
    /// What it is, for the docs.
    pub what: &'static str,
    /// Plays it. What it answers stands in the table: what became of the book, or a word of its
    /// own.
    pub play: fn(&'static Form) -> (Rig, &'static str),
}

type Played = (Rig, &'static str);

macro_rules! cases {
    ($($name:ident $what:literal),+ $(,)?) => {
        /// Every case, in the order of the columns.
        pub const ALL: &[Case] =
            &[$(Case { name: stringify!($name), what: $what, play: $name }),+];
    };
}

cases! {
    happy "a snapshot and changes",
    buffered "changes before the snapshot",
    overtaken "a change that overtakes the snapshot it belongs behind",
    older "a change that is older than the snapshot",
    straddle "a first change that begins before the snapshot's end and ends behind it",
    gap "a change is lost",
    duplicate "a change comes twice",
    reorder "two changes of one price change places",
    reset "ids begin anew, with a snapshot or without",
    empty "a message without levels",
    absent "the delete of a price that is not in the book",
    twice "one price twice in one message: the last stands",
    one_sided "a book with one side only",
    exponents "numbers written with an exponent",
    overflow "a level inserted into a channel that was full",
    refused "a subscription is refused",
    ack "an ack between changes",
    heartbeat "heartbeats of the venue, and keepalives for it",
    binary "a binary frame that holds nothing",
    big "a snapshot of 5 MB",
    cut "the connection ends while a snapshot is awaited",
    checksum "a checksum that differs",
    crossed "a book that stays crossed",
    tick "prices with more digits than before",
}

fn happy(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "happy");
    for levels in [
        &[bid(10_000, 0), ask(10_150, 400)][..],
        &[bid(10_060, 700)],
        &[ask(10_100, 0), ask(10_090, 50), bid(10_060, 0)],
        &[bid(10_060, 25), ask(10_150, 10)],
    ] {
        rig.change(levels);
        assert_eq!(rig.verdict(), "live", "{}", form.venue);
    }
    seen(rig)
}

fn buffered(form: &'static Form) -> Played {
    let mut rig = Rig::new(form, None, "buffered");
    if form.is_spliced() {
        rig.change(&[bid(10_040, 100)]);
        let request = rig.request();
        let whole = rig.venue.whole();
        rig.change(&[bid(10_040, 250), ask(10_110, 100)]);
        rig.change(&[bid(10_045, 300)]);
        assert_ne!(rig.verdict(), "live", "{}", form.venue);
        rig.give(Some(&request), whole);
        let joined = rig.verdict() == "live";
        return if joined { (rig, "joined") } else { seen(rig) };
    }
    rig.change(&[bid(10_040, 100)]);
    assert!(!matches!(rig.verdict(), "live" | "wrong"), "{}", form.venue);
    rig.heal();
    let live = rig.verdict() == "live";
    if live { (rig, "dropped") } else { seen(rig) }
}

fn overtaken(form: &'static Form) -> Played {
    let mut rig = Rig::new(form, None, "overtaken");
    let whole = rig.venue.whole();
    rig.change(&[bid(10_040, 100)]);
    rig.give(None, whole);
    // A gap shows with the next change, if it shows.
    rig.change(&[ask(10_110, 100)]);
    if rig.verdict() == "live" { (rig, "joined") } else { seen(rig) }
}

fn older(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "older");
    let old = rig.venue.change(&[bid(10_060, 100)]);
    rig.say(&old);
    rig.change(&[bid(10_060, 200), ask(10_110, 100)]);
    if form.is_spliced() {
        // What came before the last snapshot of the book.
        rig.disconnect();
    }
    rig.heal();
    assert_eq!(rig.verdict(), "live", "{}", form.venue);
    rig.say(&old);
    seen(rig)
}

fn straddle(form: &'static Form) -> Played {
    let mut rig = Rig::new(form, None, "straddle");
    rig.venue.change(&[bid(10_000, 100), ask(10_200, 100)]);
    // The snapshot has the first of the three levels.
    let mut within = rig.venue.clone();
    within.change(&[bid(10_010, 100)]);
    rig.change(&[bid(10_010, 100), bid(10_020, 200), ask(10_100, 300)]);
    let request = rig.request();
    let whole = within.whole();
    rig.give(Some(&request), whole);
    seen(rig)
}

fn gap(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "gap");
    rig.venue.change(&[bid(10_060, 100)]);
    rig.change(&[ask(10_110, 100)]);
    seen(rig)
}

fn duplicate(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "duplicate");
    let texts = rig.venue.change(&[bid(10_060, 100)]);
    rig.say(&texts);
    rig.say(&texts);
    if rig.verdict() == "live" {
        rig.change(&[ask(10_110, 100)]);
    }
    seen(rig)
}

fn reorder(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "reorder");
    let one = rig.venue.change(&[bid(10_060, 100), ask(10_110, 100)]);
    let other = rig.venue.change(&[bid(10_060, 200), ask(10_120, 100)]);
    rig.say(&other);
    rig.say(&one);
    seen(rig)
}

fn reset(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "reset");
    rig.change(&[bid(10_060, 100)]);
    rig.venue.id = 100;
    if !form.is_spliced() {
        let whole = rig.venue.whole();
        rig.give(None, whole);
        assert_eq!(rig.verdict(), "live", "{}", form.venue);
    }
    // No straggler comes so often.
    for n in 1..=100 {
        rig.change(&[bid(10_060, n)]);
    }
    seen(rig)
}

fn empty(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "empty");
    rig.change(&[]);
    rig.change(&[bid(10_060, 100)]);
    seen(rig)
}

fn absent(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "absent");
    rig.change(&[bid(9_950, 0)]);
    rig.change(&[bid(10_060, 100)]);
    seen(rig)
}

fn twice(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "twice");
    rig.change(&[bid(10_060, 100)]);
    rig.change(&[bid(10_060, 200), bid(10_060, 300)]);
    seen(rig)
}

fn one_sided(form: &'static Form) -> Played {
    let mut rig = Rig::new(form, None, "one_sided");
    rig.venue.book.insert((true, 1_000_000), 5_000);
    rig.heal();
    assert_eq!(rig.verdict(), "live", "{}", form.venue);
    rig.change(&[bid(10_060, 100)]);
    seen(rig)
}

fn exponents(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "exponents");
    rig.venue.written = Some(("1.006e2", "25E-1"));
    let texts = if form.is_whole() {
        // Only the best level is written so.
        rig.venue.book.retain(|key, _| *key == (true, 1_005_000));
        rig.venue.change(&[bid(10_050, 0), bid(10_060, 250)])
    } else {
        rig.venue.change(&[bid(10_060, 250)])
    };
    rig.venue.written = None;
    rig.say(&texts);
    seen(rig)
}

fn overflow(form: &'static Form) -> Played {
    let mut rig = Rig::new(form, Some(10), "overflow");
    let levels: Vec<Level> =
        (0..10).flat_map(|n| [bid(9_900 - n, 100), ask(10_100 + n, 100)]).collect();
    for (is_bid, price, size) in levels {
        rig.venue.book.insert((is_bid, price), size);
    }
    rig.heal();
    assert_eq!(rig.verdict(), "live", "{}", form.venue);
    rig.change(&[bid(9_950, 100), ask(10_050, 100)]);
    rig.change(&[bid(9_895, 300), ask(10_055, 0)]);
    seen(rig)
}

fn refused(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "refused");
    let text = rig.venue.aside("refusal").unwrap();
    rig.say(&[text]);
    let told = rig.was_told(|it| matches!(it, Warning::SubscribeRefused { .. }));
    if told && rig.verdict() == "live" { (rig, "told") } else { seen(rig) }
}

fn ack(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "ack");
    rig.change(&[bid(10_060, 100)]);
    let text = rig.venue.aside("ack").unwrap();
    rig.say(&[text]);
    rig.change(&[bid(10_060, 200)]);
    seen(rig)
}

fn heartbeat(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "heartbeat");
    rig.sent.clear();
    let heard = rig.venue.aside("heartbeat");
    rig.say(heard.as_slice());
    if !rig.sent.is_empty() && rig.verdict() == "live" {
        return (rig, "answered");
    }
    rig.wait(65_000_000_000);
    let is_plain = |text: &String| !text.to_lowercase().contains("subscribe");
    let kept = !rig.sent.is_empty() && rig.sent.iter().all(is_plain);
    rig.change(&[bid(10_060, 100)]);
    match rig.verdict() {
        "live" if kept => (rig, "sent"),
        "live" if heard.is_some() => (rig, "heard"),
        _ => seen(rig),
    }
}

fn binary(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "binary");
    rig.say_binary(&[0x1F, 0x8B, 8, 0, 1, 2, 3]);
    let counted = rig.counters.rejected(Rejected::Binary) == 1;
    if counted && rig.verdict() == "live" { (rig, "counted") } else { seen(rig) }
}

fn big(form: &'static Form) -> Played {
    const BYTES: usize = 5_000_000;
    let mut rig = Rig::new(form, None, "big");
    let rows = form.line("most").map_or(10_000, |most| most.parse().unwrap());
    for n in 0..rows {
        rig.venue.book.insert((true, 1_000_000 - n * 100), 10_000);
        rig.venue.book.insert((false, 1_010_000 + n * 100), 20_000);
    }
    rig.venue.padding = BYTES / usize::try_from(rows).unwrap();
    let bytes = match rig.venue.clone().whole() {
        Whole::Stream(texts) => texts.iter().map(String::len).max().unwrap(),
        Whole::Rest { body, .. } => body.len(),
    };
    assert!(bytes > BYTES, "{}: {bytes}", form.venue);
    rig.heal();
    rig.venue.padding = 0;
    rig.change(&[bid(10_060, 100)]);
    seen(rig)
}

fn cut(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "cut");
    rig.disconnect();
    assert_eq!(rig.verdict(), "disconnected", "{}", form.venue);
    if form.is_spliced() {
        // The answer to a request of the connection before comes too late.
        rig.change(&[bid(10_060, 100)]);
        let request = rig.request();
        let whole = rig.venue.whole();
        rig.disconnect();
        rig.give(Some(&request), whole);
        assert_eq!(rig.verdict(), "disconnected", "{}", form.venue);
    } else {
        rig.disconnect();
    }
    rig.heal();
    seen(rig)
}

fn checksum(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "checksum");
    rig.change(&[bid(10_060, 100)]);
    assert_eq!(rig.verdict(), "live", "{}", form.venue);
    rig.venue.error = 1;
    rig.change(&[bid(10_060, 200)]);
    seen(rig)
}

fn crossed(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "crossed");
    rig.change(&[bid(10_300, 100)]);
    assert_eq!(rig.verdict(), "live", "{}: crossed for a moment", form.venue);
    for n in 1..=20 {
        rig.change(&[bid(9_000, n)]);
    }
    let verdict = rig.verdict();
    let (is_bid, price, _) = bid(10_300, 0);
    rig.venue.book.remove(&(is_bid, price));
    if verdict == "live" { (rig, "kept") } else { (rig, verdict) }
}

fn tick(form: &'static Form) -> Played {
    let mut rig = Rig::live(form, "tick");
    let finer = (true, 1_006_050, 30_000);
    rig.change(&[finer]);
    assert_eq!(rig.verdict(), "live", "{}", form.venue);
    rig.change(&[bid(10_055, 100), (finer.0, finer.1, 0)]);
    seen(rig)
}

/// What became of the book.
fn seen(mut rig: Rig) -> Played {
    let verdict = rig.verdict();
    (rig, verdict)
}
