//! One published state of a book: its words, and what they mean to either side.

use core::ops::Range;

use tickbook_types::{
    BookState, ConnId, Decimal, Epoch, Level, POW10, Price, Reason, Scale, SeqNo, Size, WallNanos,
};

use crate::atomic::{Ordering, Word};
use crate::layout::{LEVEL_WORDS, top};

/// Flags of a snapshot.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(transparent)]
pub struct SnapshotFlags(pub u16);

impl SnapshotFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The best bid is at or above the best ask, as the venue sent it.
    pub const CROSSED: Self = Self(1);
    /// A size of this book was rounded to fit.
    pub const SIZE_ROUNDED: Self = Self(2);
    /// `seq` holds the venue's chain id.
    pub const HAS_SEQ: Self = Self(4);
    /// There is a best bid. Set by the writer itself.
    pub const HAS_BID: Self = Self(8);
    /// There is a best ask. Set by the writer itself.
    pub const HAS_ASK: Self = Self(16);

    /// These flags and those of `other`.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all flags of `other` are set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What one publish says of a book.
#[derive(Clone, Debug, Default)]
pub struct Snapshot<'a> {
    /// State of the book.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Epoch of the connection that fed it last.
    pub epoch: Epoch,
    /// Flags; presence of a best bid and ask is added by the writer.
    pub flags: SnapshotFlags,
    /// The venue's chain id, if [`SnapshotFlags::HAS_SEQ`].
    pub seq: SeqNo,
    /// Exponents of every price and size here.
    pub scale: Scale,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Levels of the whole book, bids.
    pub bid_levels: u32,
    /// Levels of the whole book, asks.
    pub ask_levels: u32,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Kernel receive time, 0 if the socket gives none.
    pub kernel_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// When this publish began.
    pub published_wall: WallNanos,
    /// Best levels, best first; what exceeds the published depth is left out.
    pub bids: &'a [Level],
    /// Best levels, best first; what exceeds the published depth is left out.
    pub asks: &'a [Level],
    /// Slots of `bids` that differ from the last publish of this book; slots that the last publish
    /// did not have count as changed.
    pub bids_changed: Range<usize>,
    /// As `bids_changed`, for `asks`.
    pub asks_changed: Range<usize>,
}

/// State, times and exponents of a published book: everything but its prices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BookHeader {
    /// State of the book.
    pub state: BookState,
    /// Why it is in that state.
    pub reason: Reason,
    /// Flags.
    pub flags: SnapshotFlags,
    /// Exponents of every price and size of the snapshot.
    pub scale: Scale,
    /// How often the exponents have changed.
    pub instrument_epoch: u32,
    /// Connection that fed it.
    pub conn: ConnId,
    /// Epoch of that connection.
    pub epoch: Epoch,
    /// Venue's chain id, if the venue has one.
    pub seq: Option<SeqNo>,
    /// Levels of the whole book, bids.
    pub bid_levels: u32,
    /// Levels of the whole book, asks.
    pub ask_levels: u32,
    /// Venue's event time, 0 if it says none.
    pub venue_time: WallNanos,
    /// Kernel receive time, 0 if the socket gives none.
    pub kernel_time: WallNanos,
    /// When `recv` returned.
    pub received_wall: WallNanos,
    /// When it was published.
    pub published_wall: WallNanos,
    /// How many publishes of this book there were, this one included.
    pub publishes: u64,
    /// Generation of the directory slot it was published for.
    pub slot_generation: u64,
}

impl BookHeader {
    /// A price of this snapshot as an exact decimal; prints as `61234.5`.
    #[must_use]
    pub fn price_decimal(&self, price: Price) -> Decimal {
        Decimal::new(price.0.into(), self.scale.price_exponent.into())
    }

    /// A size of this snapshot as an exact decimal.
    #[must_use]
    pub fn size_decimal(&self, size: Size) -> Decimal {
        Decimal::new(size.0.into(), self.scale.size_exponent.into())
    }

    /// A price of this snapshot as the nearest float. The nearest, as long as its integer is below
    /// 2^53; otherwise within one unit in the last place.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what the caller asks for")]
    pub fn price_f64(&self, price: Price) -> f64 {
        scaled(price.0 as f64, self.scale.price_exponent)
    }

    /// A size of this snapshot as the nearest float, as [`Self::price_f64`].
    #[inline]
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what the caller asks for")]
    pub fn size_f64(&self, size: Size) -> f64 {
        scaled(size.0 as f64, self.scale.size_exponent)
    }
}

/// `mantissa * 10^exponent` with one rounding: powers of ten up to 10^18 are exact in a float.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "exact up to 10^22")]
fn scaled(mantissa: f64, exponent: i8) -> f64 {
    // An exponent out of range cannot come from a read, see `exponent` below.
    let power = POW10[usize::from(exponent.unsigned_abs()).min(POW10.len() - 1)] as f64;
    if exponent < 0 { mantissa / power } else { mantissa * power }
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Top {
    /// Everything but the prices.
    pub header: BookHeader,
    /// Best bid, if there is one.
    pub bid: Option<Level>,
    /// Best ask, if there is one.
    pub ask: Option<Level>,
}

/// The published levels of a book, in memory that the next read uses again.
#[derive(Clone, Debug, Default)]
pub struct Depth {
    header: BookHeader,
    bids: Vec<Level>,
    asks: Vec<Level>,
    bids_shown: usize,
    asks_shown: usize,
}

impl Depth {
    /// Everything but the levels.
    #[must_use]
    pub const fn header(&self) -> &BookHeader {
        &self.header
    }

    /// Bids, best first.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.bids[..self.bids_shown]
    }

    /// Asks, best first.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &self.asks[..self.asks_shown]
    }

    /// Makes room for `depth` levels a side: allocates on the first read, and never again.
    #[inline]
    pub(crate) fn reserve(&mut self, depth: usize) {
        if self.bids.len() != depth {
            self.bids.resize(depth, Level::default());
            self.asks.resize(depth, Level::default());
            self.bids_shown = 0;
            self.asks_shown = 0;
        }
    }

    /// Copies the levels of a depth block. Bounded by the room reserved, whatever the words say.
    #[inline]
    pub(crate) fn copy_levels(&mut self, words: &Words, levels: &[Word]) {
        let [bids, asks] = words.shown();
        let depth = self.bids.len();
        self.bids_shown = bids.min(depth);
        self.asks_shown = asks.min(depth);
        let (bid_words, ask_words) = levels.split_at(depth * LEVEL_WORDS);
        load_levels(&mut self.bids[..self.bids_shown], bid_words);
        load_levels(&mut self.asks[..self.asks_shown], ask_words);
    }

    #[inline]
    pub(crate) const fn set_header(&mut self, header: BookHeader) {
        self.header = header;
    }
}

#[inline]
fn load_levels(levels: &mut [Level], words: &[Word]) {
    for (level, pair) in levels.iter_mut().zip(words.chunks_exact(LEVEL_WORDS)) {
        // Relaxed: within the section of the depth block.
        level.price = Price(pair[0].load(Ordering::Relaxed).cast_signed());
        level.size = Size(pair[1].load(Ordering::Relaxed));
    }
}

/// Stores the slots of `levels` from `changed.start` on, up to `changed.end`.
#[inline]
pub(crate) fn store_levels(words: &[Word], levels: &[Level], changed: Range<usize>) {
    let end = changed.end.min(levels.len());
    let start = changed.start.min(end);
    let pairs = words[start * LEVEL_WORDS..end * LEVEL_WORDS].chunks_exact(LEVEL_WORDS);
    for (level, pair) in levels[start..end].iter().zip(pairs) {
        // Relaxed: within the section of the depth block.
        pair[0].store(level.price.0.cast_unsigned(), Ordering::Relaxed);
        pair[1].store(level.size.0, Ordering::Relaxed);
    }
}

/// The words of a top block (and the first ones of a depth block), version included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(pub(crate) [u64; top::WORDS]);

/// `meta` word: state in bits 0-7, reason 8-15, flags 16-31, price exponent 32-39, size exponent
/// 40-47, connection 48-63.
const META_STATE_MASK: u64 = 0xff;

impl Words {
    /// What `snapshot` is in words; `version` is left out.
    #[inline]
    pub(crate) fn encode(
        snapshot: &Snapshot<'_>,
        conn: ConnId,
        publishes: u64,
        slot_generation: u64,
        depth: usize,
    ) -> Self {
        let best = |levels: &[Level]| levels.first().copied().unwrap_or_default();
        let (bid, ask) = (best(snapshot.bids), best(snapshot.asks));
        let mut flags = snapshot.flags.0 & !(SnapshotFlags::HAS_BID.0 | SnapshotFlags::HAS_ASK.0);
        if !snapshot.bids.is_empty() {
            flags |= SnapshotFlags::HAS_BID.0;
        }
        if !snapshot.asks.is_empty() {
            flags |= SnapshotFlags::HAS_ASK.0;
        }
        let byte = |exponent: i8| u64::from(exponent.cast_unsigned());
        let mut words = [0; top::WORDS];
        words[top::META] = snapshot.state as u64
            | (snapshot.reason as u64) << 8
            | u64::from(flags) << 16
            | byte(snapshot.scale.price_exponent) << 32
            | byte(snapshot.scale.size_exponent) << 40
            | u64::from(conn.0) << 48;
        words[top::EPOCHS] = pair(snapshot.epoch.0, snapshot.instrument_epoch);
        words[top::SEQ] = snapshot.seq.0;
        words[top::BID_PRICE] = bid.price.0.cast_unsigned();
        words[top::BID_SIZE] = bid.size.0;
        words[top::ASK_PRICE] = ask.price.0.cast_unsigned();
        words[top::ASK_SIZE] = ask.size.0;
        words[top::LEVELS] = pair(snapshot.bid_levels, snapshot.ask_levels);
        words[top::VENUE_TIME] = snapshot.venue_time.0.cast_unsigned();
        words[top::KERNEL_TIME] = snapshot.kernel_time.0.cast_unsigned();
        words[top::RECEIVED_WALL] = snapshot.received_wall.0.cast_unsigned();
        words[top::PUBLISHED_WALL] = snapshot.published_wall.0.cast_unsigned();
        words[top::PUBLISHES] = publishes;
        words[top::SLOT_GENERATION] = slot_generation;
        let shown = |levels: &[Level]| u32::try_from(levels.len().min(depth)).unwrap_or(u32::MAX);
        words[top::SHOWN] = pair(shown(snapshot.bids), shown(snapshot.asks));
        Self(words)
    }

    #[inline]
    pub(crate) fn store(&self, block: &[Word; top::WORDS]) {
        for (word, value) in block.iter().zip(&self.0).skip(1) {
            // Relaxed: within the section of the block.
            word.store(*value, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn load(block: &[Word; top::WORDS]) -> Self {
        // Relaxed: within the section of the block. (The version is loaded too, and not used.)
        Self(core::array::from_fn(|word| block[word].load(Ordering::Relaxed)))
    }

    /// Whether the book is live, published for directory slot `generation`, and fed by `conn`.
    #[inline]
    pub(crate) const fn is_live_for(&self, generation: u64, conn: ConnId) -> bool {
        self.0[top::META] & META_STATE_MASK == BookState::Live as u64
            && self.0[top::SLOT_GENERATION] == generation
            && self.0[top::META] >> 48 == conn.0 as u64
    }

    /// Levels of the depth block that are in use: bids, asks.
    #[inline]
    fn shown(&self) -> [usize; 2] {
        let [bids, asks] = halves(self.0[top::SHOWN]);
        [bids as usize, asks as usize]
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the bytes of a packed word")]
    pub(crate) fn header(&self) -> BookHeader {
        let meta = self.0[top::META];
        let flags = SnapshotFlags((meta >> 16) as u16);
        let [epoch, instrument_epoch] = halves(self.0[top::EPOCHS]);
        let [bid_levels, ask_levels] = halves(self.0[top::LEVELS]);
        let wall = |word: usize| WallNanos(self.0[word].cast_signed());
        BookHeader {
            // No writer of ours stores another byte; whoever did is not to be traded on.
            state: BookState::from_byte(meta as u8).unwrap_or(BookState::Closed),
            reason: Reason::from_byte((meta >> 8) as u8).unwrap_or(Reason::None),
            flags,
            scale: Scale {
                price_exponent: exponent((meta >> 32) as u8),
                size_exponent: exponent((meta >> 40) as u8),
            },
            instrument_epoch,
            conn: ConnId((meta >> 48) as u32),
            epoch: Epoch(epoch),
            seq: flags.has(SnapshotFlags::HAS_SEQ).then_some(SeqNo(self.0[top::SEQ])),
            bid_levels,
            ask_levels,
            venue_time: wall(top::VENUE_TIME),
            kernel_time: wall(top::KERNEL_TIME),
            received_wall: wall(top::RECEIVED_WALL),
            published_wall: wall(top::PUBLISHED_WALL),
            publishes: self.0[top::PUBLISHES],
            slot_generation: self.0[top::SLOT_GENERATION],
        }
    }

    #[inline]
    pub(crate) fn top(&self) -> Top {
        let header = self.header();
        let level = |present: bool, price: usize, size: usize| {
            let price = Price(self.0[price].cast_signed());
            present.then_some(Level { price, size: Size(self.0[size]) })
        };
        Top {
            header,
            bid: level(header.flags.has(SnapshotFlags::HAS_BID), top::BID_PRICE, top::BID_SIZE),
            ask: level(header.flags.has(SnapshotFlags::HAS_ASK), top::ASK_PRICE, top::ASK_SIZE),
        }
    }
}

/// An exponent from outside, kept within the range that the rest of the code computes with.
#[inline]
pub(crate) fn exponent(byte: u8) -> i8 {
    byte.cast_signed().clamp(Scale::EXPONENT_MIN, Scale::EXPONENT_MAX)
}

/// Two numbers in a word: `low` in bits 0-31.
#[inline]
pub(crate) const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// The two numbers of a word, low one first.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
pub(crate) const fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}
