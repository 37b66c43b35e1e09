//! One message of a recording is lost, comes twice, changes places with the next, or is damaged: it
//! is noticed wherever the venue's rules can show it, and a wrong book is not shown as live then.
//!
//! Method: the books of a damaged replay are compared, level by level, with those of the whole one.
//! What a venue must show is in [`sight`]; what became of each damage is counted and printed as the
//! table in `docs/VENUES.md`. Places are seeded: `TICKBOOK_MUTATIONS` says how many there are for
//! each kind of damage and recording. Every fourth is a snapshot, where the stream has any.

#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

mod recording;
mod told;
#[path = "../util/mod.rs"]
mod util;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;

use recording::{Damage, Kind, Line, put_together};
use tickbook_capture::Capture;
use tickbook_engine::replay::{Replayed, from_memory};
use tickbook_engine::report::BookReport;
use tickbook_engine::topology::BuilderPlace;
use tickbook_types::Venue;
use told::{Told, told};
use util::{Random, ShmDir};

/// How a venue lets a loss be noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sight {
    /// Its messages are chained, each book's or the connection's.
    Chain,
    /// Each message carries a checksum of so many levels a side.
    Checksum(usize),
    /// Ids only grow: a loss is not seen, going back is.
    Grows,
    /// Each message is a whole book.
    Whole,
    /// Not at all.
    Blind,
}

/// What the recordings of a venue let be noticed. A new venue gets a line here.
fn sight(venue: Venue) -> Sight {
    match venue {
        Venue::BinanceSpot | Venue::BinanceUsdm | Venue::BinanceCoinm | Venue::BinanceUs => {
            Sight::Chain
        }
        Venue::AscendEx | Venue::BitCom | Venue::Bitfinex | Venue::BybitV5 => Sight::Chain,
        Venue::CoinbaseAdvanced | Venue::Deribit | Venue::Gate | Venue::GateFutures => Sight::Chain,
        Venue::HitBtc | Venue::IndependentReserve | Venue::KrakenFutures => Sight::Chain,
        Venue::CoinbaseFull | Venue::KuCoin | Venue::Poloniex => Sight::Chain,
        Venue::KrakenV1 | Venue::KrakenV2 => Sight::Checksum(10),
        Venue::BitgetV1 | Venue::BitgetV2 | Venue::OkexV3 | Venue::OkxV5 => Sight::Checksum(25),
        Venue::Ftx => Sight::Checksum(100),
        Venue::Bitstamp | Venue::Phemex => Sight::Grows,
        Venue::CryptoCom | Venue::Huobi | Venue::Hyperliquid | Venue::Upbit => Sight::Whole,
        Venue::BitMex | Venue::BitFlyer | Venue::BitstampL3 => Sight::Blind,
        Venue::CoinbaseExchange | Venue::DydxV3 | Venue::Gemini => Sight::Blind,
        _ => panic!("{venue}: what do its recordings show?"),
    }
}

/// What became of a damage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// A book went stale, or something was counted as wrong.
    Flagged,
    /// The books were wrong at first, and right in the end.
    Healed,
    /// The books were right at once: a repetition, or nothing changed.
    Harmless,
    /// A live book is wrong, and nothing was counted.
    Unseen,
}

/// How often each outcome was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Tally([u64; 4]);

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [flagged, healed, harmless, unseen] = self.0;
        write!(f, "{flagged}/{healed}/{harmless}/{unseen}")
    }
}

type Table = BTreeMap<(Venue, Kind), Tally>;

/// Messages behind the last first snapshot that are played.
const MESSAGES_AFTER: usize = 1_500;
const MESSAGES_MAX: usize = 6_000;

/// A recording, its first part, and what that does when it is whole.
struct Whole {
    venue: Venue,
    name: String,
    lines: Vec<Line>,
    told: Vec<Told>,
    replayed: Replayed,
}

/// Where replays of one thread leave their files.
struct Desk {
    dir: ShmDir,
    file: PathBuf,
}

impl Desk {
    fn new(number: usize) -> Self {
        let dir = ShmDir::new(&format!("mutations-{number}"));
        std::fs::create_dir_all(&dir.0).unwrap();
        let file = dir.0.join("damaged.cap");
        Self { dir, file }
    }

    fn replay(&self, venue: Venue, capture: &Capture, what: &str) -> Replayed {
        let mut options = util::options(&self.dir, BuilderPlace::Inline, "mutations");
        options.venue = Some(venue);
        options.depth = usize::MAX;
        match catch_unwind(AssertUnwindSafe(|| from_memory(capture, &options))) {
            Ok(replayed) => replayed.unwrap(),
            Err(_) => panic!("{what}: it panicked"),
        }
    }

    fn play(&self, whole: &Whole, damage: &Damage, end: usize, what: &str) -> Replayed {
        let capture = put_together(&self.file, &whole.lines, damage, end);
        self.replay(whole.venue, &capture, what)
    }
}

impl Whole {
    fn new(venue: Venue, name: &str, capture: &Capture, desk: &Desk) -> Self {
        let mut told = told(capture, venue);
        let mut known: Vec<u32> = Vec::new();
        let mut last_new = 0;
        for (at, message) in told.iter().enumerate() {
            for book in &message.books {
                if !known.contains(book) {
                    known.push(*book);
                    last_new = at;
                }
            }
        }
        let end = (last_new + MESSAGES_AFTER).min(MESSAGES_MAX).min(capture.len());
        told.truncate(end);
        let lines: Vec<Line> = capture.records().take(end).map(|it| Line::of(&it)).collect();
        let none = Damage(Vec::new());
        let capture = put_together(&desk.file, &lines, &none, end);
        let replayed = desk.replay(venue, &capture, name);
        Self { venue, name: name.to_owned(), lines, told, replayed }
    }

    /// Where the next message of one of the books at `at` is, if each of them has one.
    fn next(&self, at: usize) -> Option<usize> {
        let next_of = |book: &u32| {
            let later = self.told.iter().enumerate().skip(at + 1);
            later.filter(|(_, it)| it.books.contains(book)).map(|(at, _)| at).next()
        };
        let next: Option<Vec<usize>> = self.told[at].books.iter().map(next_of).collect();
        next?.into_iter().min()
    }

    /// Whether its books are live in the end: a hole of its own hides what is done to it.
    fn is_whole(&self) -> bool {
        self.replayed.books.symbols.values().all(|book| book.state == "live")
    }

    /// Messages that may be damaged: behind each of them its books have others.
    fn places(&self, whole: bool) -> Vec<usize> {
        // Not the first line: without it there would be none.
        let all = 1..self.told.len();
        all.filter(|at| self.told[*at].whole == whole && self.next(*at).is_some()).collect()
    }
}

/// Books that are live in both and not the same, within `depth` levels a side.
fn wrong<'a>(is: &'a Replayed, was: &Replayed, depth: usize) -> Option<&'a str> {
    let same = |one: &[[String; 2]], other: &[[String; 2]]| {
        let top = |side: &[[String; 2]]| side.len().min(depth);
        one[..top(one)] == other[..top(other)]
    };
    let is_wrong = |(name, book): &(&String, &BookReport)| {
        was.books.symbols.get(*name).is_some_and(|it| {
            let live = book.state == "live" && it.state == "live";
            live && !(same(&book.bids, &it.bids) && same(&book.asks, &it.asks))
        })
    };
    is.books.symbols.iter().find(is_wrong).map(|(name, _)| name.as_str())
}

/// Whether something was counted as wrong, or a book is not live that was.
fn noticed(is: &Replayed, was: &Replayed) -> bool {
    let counts = |it: &Replayed| {
        let it = &it.report;
        let rejected: u64 = it.rejected.values().sum();
        [it.gaps, it.resyncs, it.checksums.bad, rejected, it.bbo_checks.map_or(0, |it| it.bad)]
    };
    let more = counts(is).into_iter().zip(counts(was)).any(|(is, was)| is > was);
    let live = |it: &BookReport| it.state == "live";
    let mut was_live = was.books.symbols.iter().filter(|(_, book)| live(book));
    more || was_live.any(|(name, _)| !is.books.symbols.get(name).is_some_and(live))
}

/// What of the venue's rules this outcome breaks.
fn judge(
    whole: &Whole,
    (kind, at): (Kind, usize),
    is: &Replayed,
    outcome: Outcome,
) -> Option<String> {
    let was = &whole.replayed;
    let moved = matches!(kind, Kind::Removed | Kind::Doubled | Kind::Swapped);
    let (must_show, depth) = match sight(whole.venue) {
        _ if kind == Kind::Cut => (true, usize::MAX),
        Sight::Chain => (moved, usize::MAX),
        // A change that overtakes its snapshot is dropped, and no id says that it was needed.
        Sight::Grows => {
            let swapped = kind == Kind::Swapped && !whole.told[at].whole;
            (swapped || kind == Kind::Doubled, usize::MAX)
        }
        Sight::Whole => (true, usize::MAX),
        Sight::Checksum(depth) => (true, depth),
        Sight::Blind => (false, 0),
    };
    if kind == Kind::Cut && outcome != Outcome::Flagged {
        return Some(format!("half a message was {outcome:?}"));
    }
    let book = wrong(is, was, depth).filter(|_| must_show)?;
    let (is, was) = (&is.books.symbols[book], &was.books.symbols[book]);
    let top = |it: &BookReport| {
        [&it.bids, &it.asks].map(|it| it.iter().take(3).cloned().collect::<Vec<_>>())
    };
    Some(format!("{book} is live and wrong ({outcome:?}): {:?} is not {:?}", top(is), top(was)))
}

/// Damages one message; `None` if this kind does not apply to the one that was drawn.
fn damage_one(
    whole: &Whole,
    kind: Kind,
    seed: u64,
    desk: &Desk,
) -> Option<(Outcome, Option<String>)> {
    let of_name = whole.name.bytes().fold(0, |sum: u64, byte| sum.rotate_left(7) ^ u64::from(byte));
    let mut random = Random(of_name ^ (kind as u64) << 32 ^ seed << 40);
    let mut places = whole.places(seed % 4 == 3);
    if places.is_empty() {
        places = whole.places(seed % 4 != 3);
    }
    let at = *places.get(random.below(places.len().max(1)))?;
    let next = whole.next(at)?;
    if kind == Kind::Swapped {
        // The later one must not be the last of its book either.
        whole.next(next)?;
    }
    let values = &whole.told[at].values;
    let damage = Damage::make(kind, &whole.lines, (at, next), values, &mut random)?;
    let what = format!("{} {} {kind:?} at {at}, seed {seed}", whole.venue, whole.name);
    let is = desk.play(whole, &damage, whole.lines.len(), &what);
    let outcome = if noticed(&is, &whole.replayed) {
        Outcome::Flagged
    } else if wrong(&is, &whole.replayed, usize::MAX).is_some() {
        Outcome::Unseen
    } else {
        let then = desk.play(whole, &damage, damage.end(), &what);
        let was = desk.play(whole, &Damage(Vec::new()), damage.end(), &what);
        let healed = wrong(&then, &was, usize::MAX).is_some();
        if healed { Outcome::Healed } else { Outcome::Harmless }
    };
    let broken = judge(whole, (kind, at), &is, outcome).map(|broken| format!("{what}: {broken}"));
    Some((outcome, broken))
}

/// What came of the damages, and which rules were broken.
#[derive(Debug, Default)]
struct Found {
    table: Table,
    broken: Vec<String>,
}

impl Found {
    fn add(&mut self, other: Self) {
        for (key, tally) in other.table {
            let sum = &mut self.table.entry(key).or_default().0;
            sum.iter_mut().zip(tally.0).for_each(|(sum, more)| *sum += more);
        }
        self.broken.extend(other.broken);
    }
}

fn damage_all(whole: &Whole, seeds: u64, desk: &Desk) -> Found {
    let mut found = Found::default();
    for kind in Kind::ALL {
        let ended = (0..seeds).filter_map(|seed| damage_one(whole, kind, seed, desk));
        for (outcome, broken) in ended {
            found.table.entry((whole.venue, kind)).or_default().0[outcome as usize] += 1;
            found.broken.extend(broken);
        }
    }
    found
}

fn print(table: &Table) {
    println!("flagged/healed/harmless/unseen");
    println!("| venue | {} |", Kind::ALL.map(Kind::name).join(" | "));
    for venue in Venue::all().filter(|it| table.keys().any(|(of, _)| of == it)) {
        let cell = |kind| table.get(&(venue, kind)).map_or("-".to_owned(), Tally::to_string);
        println!("| {venue} | {} |", Kind::ALL.map(cell).join(" | "));
    }
}

#[test]
fn a_damaged_message_is_seen_where_the_venue_lets_it() {
    let Some(root) = util::captures() else { return };
    let wish = std::env::var("TICKBOOK_MUTATIONS").ok();
    let seeds = wish.map_or(4, |text| text.parse().expect("TICKBOOK_MUTATIONS is a number"));
    let of = |venue: Venue| {
        let files = util::captures_of(&root.join(venue.name()));
        files.into_iter().map(move |file| (venue, file))
    };
    let work: Mutex<Vec<(Venue, PathBuf)>> = Mutex::new(Venue::all().flat_map(of).collect());
    let (total, files) = (Mutex::new(Found::default()), work.lock().unwrap().len());
    assert!(files > 0, "no capture of a known venue in {}", root.display());
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    std::thread::scope(|scope| {
        for number in 0..cores {
            let (work, total) = (&work, &total);
            scope.spawn(move || {
                let desk = Desk::new(number);
                while let Some((venue, file)) = { work.lock().unwrap().pop() } {
                    let name = file.file_name().unwrap().to_str().unwrap();
                    let capture = Capture::load(&file).unwrap();
                    let whole = Whole::new(venue, name, &capture, &desk);
                    if !whole.is_whole() {
                        println!("{venue} {name} has a hole of its own");
                        continue;
                    }
                    let found = damage_all(&whole, seeds, &desk);
                    assert!(!found.table.is_empty(), "{name}: nothing was damaged");
                    total.lock().unwrap().add(found);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    print(&total.table);
    println!("{files} recordings, {seeds} places each");
    assert!(total.broken.is_empty(), "{}", total.broken.join("\n"));
}

/// The same rules where no recordings are at hand: markets made up here.
#[test]
fn so_it_is_on_made_up_markets() {
    let desk = Desk::new(99);
    let binance = util::capture_of(&util::market(7, 60).lines);
    let mut markets = vec![(Venue::BinanceSpot, binance)];
    for dialect in util::checksums::Dialect::ALL {
        let stream = util::checksums::stream(dialect, 7, 30);
        markets.push((dialect.venue(), dialect.capture(&stream.messages)));
    }
    for (venue, capture) in markets {
        let whole = Whole::new(venue, "made up", &capture, &desk);
        let Found { table, broken } = damage_all(&whole, 12, &desk);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
        let flagged: u64 = table.values().map(|tally| tally.0[Outcome::Flagged as usize]).sum();
        assert!(flagged > 12, "{venue}: {table:?}");
        print(&table);
    }
}
