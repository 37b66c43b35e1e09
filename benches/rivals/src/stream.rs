//! A feed as level changes: what books are fed with, parsed beforehand.

use tickbook_benches::feed::{Feed, Warmup};
use tickbook_benches::peer::Snapshot;
use tickbook_types::{LevelRecord, Price, Scale, Size};

use crate::peers::sonic_diff;

/// Most messages of a stream: some peers keep every change of it, and need some time for each.
const MESSAGES_MAX: usize = 6_000;

/// Decimals that peers parse to.
const DECIMALS: i8 = 8;

/// One book's life.
pub(crate) struct Stream {
    /// Of which feed.
    pub(crate) name: String,
    /// Exponents of its prices and sizes: the ticks are as big as the venue's.
    pub(crate) scale: Scale,
    /// The book before the first message.
    pub(crate) snapshot: Vec<LevelRecord>,
    /// The messages.
    pub(crate) messages: Vec<Vec<LevelRecord>>,
}

/// The streams of all feeds with one book.
pub(crate) fn streams(feeds: &[Feed]) -> Vec<Stream> {
    feeds.iter().filter_map(Stream::of).collect()
}

impl Stream {
    fn of(feed: &Feed) -> Option<Self> {
        let rest = |step: &Warmup| match step {
            Warmup::Rest { body, .. } => sonic_rs::from_slice::<Snapshot>(body).ok(),
            Warmup::Frame(_) => None,
        };
        let snapshots: Vec<_> = feed.warmup.iter().filter_map(rest).collect();
        let [book] = snapshots.as_slice() else { return None };
        let mut snapshot: Vec<_> = book.records().collect();
        for step in &feed.warmup {
            let Warmup::Frame(frame) = step else { continue };
            let diff = sonic_diff::<8, 8>(frame)?;
            if diff.last > book.last {
                snapshot.extend(diff.records());
            }
        }
        let frames = feed.frames.iter().take(MESSAGES_MAX);
        let message = |frame| Some(sonic_diff::<8, 8>(frame)?.records().collect::<Vec<_>>());
        let messages = frames.map(message).collect::<Option<Vec<_>>>()?;
        let mut stream = Self {
            name: feed.name.clone(),
            scale: Scale { price_exponent: -DECIMALS, size_exponent: -DECIMALS },
            snapshot,
            messages,
        };
        stream.cut_zeros();
        Some(stream)
    }

    /// Level changes in all messages.
    pub(crate) fn updates(&self) -> u64 {
        self.messages.iter().map(|message| message.len() as u64).sum()
    }

    fn records(&mut self) -> impl Iterator<Item = &mut LevelRecord> {
        self.snapshot.iter_mut().chain(self.messages.iter_mut().flatten())
    }

    /// Drops the decimals that no number uses.
    fn cut_zeros(&mut self) {
        let zeros = |value: u64| (0_u32..8).find(|n| !value.is_multiple_of(10_u64.pow(n + 1)));
        let (mut price_zeros, mut size_zeros) = (8, 8);
        for record in self.records() {
            price_zeros = price_zeros.min(zeros(record.price().0.unsigned_abs()).unwrap_or(8));
            size_zeros = size_zeros.min(zeros(record.size().0).unwrap_or(8));
        }
        let (tick, lot) = (10_i64.pow(price_zeros), 10_u64.pow(size_zeros));
        for record in self.records() {
            let (price, size) = (Price(record.price().0 / tick), Size(record.size().0 / lot));
            *record = LevelRecord::new(price, size, record.side());
        }
        self.scale.price_exponent += i8::try_from(price_zeros).unwrap_or(0);
        self.scale.size_exponent += i8::try_from(size_zeros).unwrap_or(0);
    }
}
