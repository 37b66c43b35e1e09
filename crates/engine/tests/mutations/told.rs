//! What each message of a recording says to which book: the venue's session alone, no builder.

use tickbook_capture::{Capture, Record};
use tickbook_engine::url::Url;
use tickbook_ring::ring;
use tickbook_types::{
    Block, ConnId, Epoch, LevelRecord, MessageKind, MonoNanos, RecvStamps, Ticks, Venue,
};
use tickbook_venues::{
    Actions, Context, Mode, RestResponse, Session, SessionConfig, SessionCounters, parse_rest,
    session, subscriptions_from_open,
};

use super::recording::significant;

/// One message.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The books it changes.
    pub books: Vec<u32>,
    /// Whether it is, or holds, a whole book.
    pub whole: bool,
    /// Significant digits of its first prices and sizes.
    pub values: Vec<u64>,
}

const VALUES_MAX: usize = 40;
const SLOTS: usize = 1 << 17;

/// What each record says; nothing, if it is no message of a book.
pub fn told(capture: &Capture, venue: Venue) -> Vec<Told> {
    let open = capture.records().find_map(|record| match record {
        Record::Open { url, .. } => Some(url),
        _ => None,
    });
    let subscriptions = open.map(|url| subscriptions_from_open(venue, url)).unwrap_or_default();
    let mode = Mode::Replay { discover: true };
    let mut config = SessionConfig::new(venue, subscriptions, mode);
    config.recorded_path = open.and_then(|url| Some(Url::parse(url).ok()?.path));
    config.conns_max = config.conns_max.max(1);
    let mut session = session(config).unwrap();
    let (mut lane, mut messages) = ring::<Block>(SLOTS);
    let (mut actions, mut counters) = (Actions::default(), SessionCounters::default());
    let mut all = Vec::with_capacity(capture.len());
    let mut epoch = 0;
    for (at, record) in capture.records().enumerate() {
        let now = MonoNanos(record.ns().0);
        let stamps = RecvStamps { kernel: None, received: Ticks(1), poll_gap: 0 };
        let mut cx = Context {
            now,
            shared_stamp: false,
            lane: &mut lane,
            actions: &mut actions,
            counters: &mut counters,
        };
        if at == 0 {
            session.start(&mut cx);
        }
        if at == 0 || matches!(record, Record::Open { .. }) {
            epoch += 1;
            session.on_connected(ConnId(0), Epoch(epoch), &mut cx);
        }
        if now >= session.next_deadline() {
            session.on_timer(&mut cx);
        }
        hand(&mut *session, venue, &record, &stamps, &mut cx);
        actions.drain().for_each(drop);
        let mut told = Told::default();
        while let Some(message) = messages.pop() {
            let levels = match &message.block {
                Some(Block::Snapshot(block)) => &block.levels,
                _ => message.levels,
            };
            told.hear(message.header.kind, message.header.book.0, levels, &message.block);
        }
        all.push(if record.is_received() { told } else { Told::default() });
    }
    all
}

fn hand(
    session: &mut dyn Session,
    venue: Venue,
    record: &Record<'_>,
    stamps: &RecvStamps,
    cx: &mut Context<'_>,
) {
    match *record {
        Record::Frame { text, .. } => session.on_message(ConnId(0), text, stamps, cx),
        Record::Binary { bytes, .. } => session.on_binary(ConnId(0), bytes, stamps, cx),
        Record::Http { url, body, .. } => {
            let result = parse_rest(venue, url, body.payload());
            let response = RestResponse { id: None, url_path: url.to_owned(), result };
            session.on_rest(response, cx);
        }
        _ => {}
    }
}

impl Told {
    fn hear(
        &mut self,
        kind: MessageKind,
        book: u32,
        levels: &[LevelRecord],
        block: &Option<Block>,
    ) {
        let whole = kind == MessageKind::Snapshot || matches!(block, Some(Block::Snapshot(_)));
        if !whole && kind != MessageKind::Delta {
            return;
        }
        self.whole |= whole;
        if !self.books.contains(&book) {
            self.books.push(book);
        }
        let numbers = levels.iter().flat_map(|it| [it.price().0.unsigned_abs(), it.size().0]);
        let values = numbers.filter_map(|it| significant(&it.to_string()));
        let room = VALUES_MAX.saturating_sub(self.values.len());
        self.values.extend(values.take(room));
    }
}
