//! What reading costs, venue by venue: the book messages of every capture through the venue's
//! session into its ring, beside sonic-rs on the same text: typed as a careful user would have it,
//! and as a tree.
//!
//! `TICKBOOK_CAPTURES=FOLDER venues` prints a table. Each message is timed by itself in some
//! passes, each with a new session, and counts with its shortest time, less that of reading the
//! clock. The session does more than the parser: sequence rules, exact numbers, order maps,
//! inflating, splices. What is inflated is not parsed beside it; its twin in text is. The typed
//! parser is compared over the messages in which it finds the levels that the session finds.

mod fixed;
mod typed;

use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use tickbook_capture::{Capture, Record};
use tickbook_ring::{Consumer, ring};
use tickbook_types::clock::{self, Converter};
use tickbook_types::{Block, ConnId, Epoch, MonoNanos, RecvStamps, Ticks, Venue};
use tickbook_venues::{
    Actions, Context, Mode, RestResponse, SessionConfig, SessionCounters, parse_rest, session,
    subscriptions_from_open,
};

/// Passes over a capture, and bytes from which on there are fewer.
const PASSES: u64 = 9;
const BYTES_MAX: u64 = 300 << 20;

/// Slots of the ring: 16 MiB, more than the largest message needs.
const SLOTS: usize = 1 << 18;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("TICKBOOK_CAPTURES").ok_or("TICKBOOK_CAPTURES is not set")?;
    println!(
        "| recording | book messages | levels each | session, ns a message | ns a level | \
         sonic-rs typed / session | sonic-rs tree / session |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for venue in Venue::all() {
        for path in files(&Path::new(&folder).join(venue.name()))? {
            let capture = Capture::load(&path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(line) = measure(venue, name.trim_end_matches(".cap.gz"), &capture) {
                println!("{line}");
            }
        }
    }
    Ok(())
}

/// The captures of a folder; none if there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if !path.to_string_lossy().contains("rest_instruments") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A received message.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// Shortest times seen, in ticks; 0 for what is no book message.
    session: u64,
    tree: u64,
    typed: u64,
    levels: u64,
}

fn measure(venue: Venue, name: &str, capture: &Capture) -> Option<String> {
    let bytes: u64 = capture.records().map(|record| len(&record) as u64).sum();
    let passes = (BYTES_MAX / bytes.max(1)).clamp(3, PASSES);
    let mut messages = vec![Message::default(); capture.received()];
    for _ in 0..passes {
        pass(venue, capture, &mut messages);
    }
    let idle = (0..1_000).map(|_| clock::now()).map(since).min()?;
    let clock = Converter::new();
    let books: Vec<_> = messages.iter().filter(|it| it.session > 0).collect();
    let count = books.len() as f64;
    let sum = |books: &[&Message], time: fn(&Message) -> u64| {
        let ticks: u64 = books.iter().map(|it| time(it).saturating_sub(idle)).sum();
        clock.nanos(ticks) as f64
    };
    let levels = books.iter().map(|it| it.levels).sum::<u64>() as f64;
    let ours = sum(&books, |it| it.session);
    // Over the messages that the peer has read.
    let ratio = |time: fn(&Message) -> u64| {
        let both: Vec<_> = books.iter().copied().filter(|it| time(it) > 0).collect();
        if both.is_empty() {
            return "-".to_owned();
        }
        let ratio = sum(&both, time) / sum(&both, |it| it.session);
        let share = 100 * both.len() / books.len();
        if share < 99 { format!("{ratio:.1} ({share} %)") } else { format!("{ratio:.1}") }
    };
    (count > 0.0).then(|| {
        format!(
            "| `{venue}/{name}` | {count} | {:.1} | {:.0} | {:.1} | {} | {} |",
            levels / count,
            ours / count,
            ours / levels.max(1.0),
            ratio(|it| it.typed),
            ratio(|it| it.tree),
        )
    })
}

fn len(record: &Record<'_>) -> usize {
    match record {
        Record::Frame { text, .. } => text.len(),
        Record::Binary { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

/// Plays a capture once to a new session.
fn pass(venue: Venue, capture: &Capture, messages: &mut [Message]) {
    const CONN: ConnId = ConnId(0);
    let open = capture.records().find_map(|record| match record {
        Record::Open { url, .. } => Some(subscriptions_from_open(venue, url)),
        _ => None,
    });
    let mode = Mode::Replay { discover: true };
    let mut config = SessionConfig::new(venue, open.unwrap_or_default(), mode);
    config.conns_max = config.conns_needed().max(1);
    let Ok(mut session) = session(config) else { return };
    let (mut lane, mut consumer) = ring::<Block>(SLOTS);
    let (mut actions, mut counters) = (Actions::with_capacity(64), SessionCounters::default());
    let stamps = RecvStamps::default();
    let mut places = messages.iter_mut();
    let mut epoch = Epoch(0);
    macro_rules! cx {
        ($now:expr) => {
            &mut Context {
                now: MonoNanos($now.0),
                shared_stamp: false,
                lane: &mut lane,
                actions: &mut actions,
                counters: &mut counters,
            }
        };
    }
    let first = capture.record(0).map(|record| record.ns()).unwrap_or_default();
    session.start(cx!(first));
    if !matches!(capture.record(0), Some(Record::Open { .. })) {
        epoch.0 += 1;
        session.on_connected(CONN, epoch, cx!(first));
    }
    for record in capture.records() {
        let before = (counters.book_messages, counters.level_updates);
        let ns = record.ns();
        match record {
            Record::Open { .. } => {
                if epoch.0 > 0 {
                    session.on_disconnected(CONN, cx!(ns));
                }
                epoch.0 += 1;
                session.on_connected(CONN, epoch, cx!(ns));
            }
            Record::Http { url, body, .. } => {
                let result = parse_rest(venue, url, body.payload());
                let response = RestResponse { id: None, url_path: url.to_owned(), result };
                session.on_rest(response, cx!(ns));
            }
            Record::Frame { text, .. } => {
                let start = clock::now();
                session.on_message(CONN, black_box(text), &stamps, cx!(ns));
                let took = since(start);
                if let Some(place) = places.next()
                    && counters.book_messages > before.0
                {
                    place.keep(took, counters.level_updates - before.1);
                    let start = clock::now();
                    black_box(sonic_rs::from_slice::<Tree<'_>>(black_box(text.payload())).is_ok());
                    place.tree = shortest(place.tree, since(start));
                    let start = clock::now();
                    let levels = typed::levels(venue, black_box(text.payload()));
                    let took = since(start);
                    if levels.is_some_and(|it| it as u64 == place.levels) {
                        place.typed = shortest(place.typed, took);
                    }
                }
            }
            Record::Binary { bytes, .. } => {
                let start = clock::now();
                session.on_binary(CONN, black_box(bytes), &stamps, cx!(ns));
                let took = since(start);
                if let Some(place) = places.next()
                    && counters.book_messages > before.0
                {
                    place.keep(took, counters.level_updates - before.1);
                }
            }
            _ => {}
        }
        drain(&mut consumer);
        actions.drain().for_each(drop);
    }
}

impl Message {
    fn keep(&mut self, took: u64, levels: u64) {
        self.session = shortest(self.session, took);
        self.levels = levels;
    }
}

fn since(start: Ticks) -> u64 {
    clock::now().since_u32(start).into()
}

/// The shorter one; 0 is none yet.
fn shortest(before: u64, now: u64) -> u64 {
    if before == 0 { now.max(1) } else { before.min(now.max(1)) }
}

fn drain(consumer: &mut Consumer<Block>) {
    while consumer.pop().is_some() {}
}

/// Any JSON with its texts left in place: what a parser has to find out before a key is looked at.
#[expect(dead_code, reason = "made to be timed; nobody looks at it")]
enum Tree<'a> {
    Text(&'a str),
    List(Vec<Self>),
    Object(Vec<(&'a str, Self)>),
    Other,
}

impl<'a, 'de: 'a> Deserialize<'de> for Tree<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Tree::Text(black_box(text)))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Tree::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        black_box(number);
        Ok(Tree::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        black_box(number);
        Ok(Tree::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        black_box(number);
        Ok(Tree::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Tree::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        Ok(Tree::Object(fields))
    }
}
