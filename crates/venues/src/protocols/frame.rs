//! What one frame of a venue says: events with their names, ids and levels, in memory that is kept
//! from frame to frame.

use core::ops::Range;

use tickbook_scan::{Patterns, Plain};
use tickbook_types::{ChecksumKind, Decimal, LevelRecord, Reason, Side, WallNanos};

use super::chain::Link;
use super::ticker::Extent;
use super::usual::Minute;
use crate::counters::{Ignored, Rejected};
use crate::json::Read;
use crate::level::{DecimalLevel, Number};
use crate::levels::{LevelBuf, Levels};
use crate::orders::{OrderId, OrderMap, OrderRow, Total};

/// Which book message it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// A whole book.
    Snapshot,
    /// Absolute sizes for some prices.
    Delta,
}

/// A book message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BookEvent {
    /// Its place in the names of the frame.
    name: Range<usize>,
    pub(crate) content: Content,
    pub(crate) link: Link,
    /// Venue's time in ns, 0 if it says none.
    pub(crate) time: WallNanos,
    /// Its levels among those of the frame.
    pub(crate) levels: Range<usize>,
    /// Levels a side of its channel, where the message tells and the name does not.
    pub(crate) depth: Option<u32>,
    /// The venue's checksum of the book once it is applied.
    pub(crate) checksum: Option<(ChecksumKind, u32)>,
    /// The book is whole only with the next book message.
    pub(crate) more: bool,
}

/// A trade.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TradeEvent {
    name: Range<usize>,
    /// Price, size, and side of the aggressor.
    pub(crate) level: DecimalLevel,
    /// The venue's id where it is a number, otherwise 0.
    pub(crate) id: u64,
    pub(crate) time: WallNanos,
}

/// A ticker, or a part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TickerEvent {
    name: Range<usize>,
    pub(crate) extent: Extent,
    pub(crate) time: WallNanos,
    /// Its fields among those of the frame.
    figures: Range<usize>,
}

/// One thing that a frame says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    Book(BookEvent),
    Trade(TradeEvent),
    /// The protocol found a book wrong: something of it was lost, or it cannot be kept.
    Lost {
        name: Range<usize>,
        reason: Reason,
    },
    Ticker(TickerEvent),
    /// The levels of the event at this place have order counts.
    Orders(usize),
    /// The protocol keeps this message for a book whose orders it waits for.
    Kept(Range<usize>),
    /// The venue refused something: its code and words.
    Refused {
        code: i64,
        message: Range<usize>,
    },
    /// The venue wants this text back at once.
    Answer(Range<usize>),
    /// The venue says that nothing on this connection moves until it is subscribed again.
    Frozen,
    /// The connection may be used; how often the venue wants a keepalive, 0 if it does not say.
    Welcome(i64),
    /// What a connection has to show: where to connect to, and [`Event::Welcome`]'s interval.
    Token(Range<usize>, i64),
    /// The venue wants the connection opened anew.
    Reconnect,
    /// Understood, and of no use.
    Ignored(Ignored),
    /// A part of it cannot be used, which costs nothing but that part.
    Rejected(Rejected),
}

/// The events of one frame.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    prefix: &'static str,
    names: Vec<u8>,
    events: Vec<Event>,
    pub(super) levels: LevelBuf,
    /// What levels of frames before looked like; apart, because frames are moved.
    pub(super) patterns: Option<Box<Patterns>>,
    /// The names of price and size in those that are objects.
    pub(super) names_of_levels: (&'static str, &'static str),
    /// Ids of the levels, of a venue where each has one; otherwise empty.
    level_ids: Vec<u64>,
    /// Orders that make up each level, of a venue that tells it of all; otherwise empty.
    order_counts: Vec<u32>,
    /// The orders of a snapshot.
    orders: Vec<OrderRow>,
    /// It is a book message, or changes no book but is of one.
    of_book: bool,
    /// Levels up to here belong to events.
    taken: usize,
    /// Fields of tickers, as ring records.
    figures: Vec<LevelRecord>,
    /// Fields up to here belong to events.
    figures_taken: usize,
    /// Number of the frame among all of its connection, where the venue counts them.
    pub(crate) number: Option<u64>,
    /// Which of the session's connections it came on.
    pub(crate) line: usize,
    /// The minute of the time that was read last, in whichever frame.
    minute: Minute,
}

impl Frame {
    /// Empties it for the next frame, on the connection `line`, whose books have `prefix`.
    pub(crate) fn begin(&mut self, prefix: &'static str, line: usize) {
        self.prefix = prefix;
        self.line = line;
        self.clear();
    }

    /// Forgets what was read of the frame.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.events.clear();
        self.levels.clear();
        self.level_ids.clear();
        self.order_counts.clear();
        self.orders.clear();
        self.of_book = false;
        self.taken = 0;
        self.figures.clear();
        self.figures_taken = 0;
        self.number = None;
    }

    /// Nanoseconds since 1970 of the start of a minute, as `2026-08-09T21:05`.
    #[inline(always)]
    pub(super) fn minute(&mut self, text: &[u8; 16]) -> Option<i64> {
        self.minute.start(text, parse_rfc3339)
    }

    /// What it says, in order.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Some bytes of it: a name, or words of the venue.
    pub(crate) fn bytes(&self, at: &Range<usize>) -> &[u8] {
        self.names.get(at.clone()).unwrap_or_default()
    }

    /// The name of the book that an event is about.
    pub(crate) fn name(&self, event: &BookEvent) -> &[u8] {
        self.bytes(&event.name)
    }

    /// The symbol that a trade is about.
    pub(crate) fn symbol(&self, event: &TradeEvent) -> &[u8] {
        self.bytes(&event.name)
    }

    /// The symbol that a ticker is about.
    pub(crate) fn ticker_symbol(&self, event: &TickerEvent) -> &[u8] {
        self.bytes(&event.name)
    }

    /// The fields of a ticker.
    pub(crate) fn figures_of(&self, event: &TickerEvent) -> &[LevelRecord] {
        self.figures.get(event.figures.clone()).unwrap_or_default()
    }

    /// The levels of an event.
    #[inline]
    pub(crate) fn levels(&self, event: &BookEvent) -> Levels<'_> {
        self.levels.get(event.levels.clone())
    }

    /// One level of the book message that [`Self::book`] will end.
    #[inline]
    pub(crate) fn put(&mut self, side: Side, price: Number, size: Number) -> Read<()> {
        self.levels.push_numbers(side, price, size)
    }

    /// The same of numbers that are plain.
    #[inline(always)]
    pub(crate) fn put_plain(&mut self, side: Side, [price, size]: [Plain; 2]) {
        self.levels.push_plain(side, price, size);
    }

    /// What rests at a price after a change of its orders.
    #[inline]
    pub(crate) fn total(&mut self, total: &Total) {
        match total.plain() {
            Some(pair) => self.put_plain(total.side, pair),
            None => self.levels.push(total.level()),
        }
        self.order_counts.push(total.orders);
    }

    /// Every level of the last book message came with [`Self::total`]: how many orders rest there
    /// is told too.
    pub(crate) fn counted(&mut self) {
        if let Some(Event::Book(_)) = self.events.last() {
            self.events.push(Event::Orders(self.events.len() - 1));
        }
    }

    /// The order counts of an event, as many as it has levels.
    pub(crate) fn counts(&self, event: &BookEvent) -> &[u32] {
        self.order_counts.get(event.levels.clone()).unwrap_or_default()
    }

    /// [`Self::put`] with an id of its own, on a venue where all levels have one.
    pub(crate) fn level_at(
        &mut self,
        side: Side,
        price: Number,
        size: Number,
        id: u64,
    ) -> Read<()> {
        self.put(side, price, size)?;
        self.level_ids.push(id);
        Ok(())
    }

    /// Puts the levels of the book message that [`Self::book`] will end in the order of their ids.
    pub(crate) fn sort_levels(&mut self) {
        let ids = self.level_ids.get_mut(self.taken..).unwrap_or_default();
        self.levels.sort(self.taken, ids);
    }

    /// Those levels of an event that have an id above `id`.
    pub(crate) fn levels_above(
        &self,
        event: &BookEvent,
        id: u64,
    ) -> impl Iterator<Item = DecimalLevel> {
        let ids = self.level_ids.get(event.levels.clone()).unwrap_or_default();
        let is_above = move |at: usize| ids.get(at).is_none_or(|it| *it > id);
        let levels = self.levels(event).iter().enumerate();
        levels.filter(move |(at, _)| is_above(*at)).map(|(_, level)| level)
    }

    /// Whether the levels of an event have ids of their own.
    pub(crate) const fn has_level_ids(&self) -> bool {
        !self.level_ids.is_empty()
    }

    /// What rests at every price.
    pub(crate) fn totals(&mut self, map: &OrderMap) {
        for side in [Side::Bid, Side::Ask] {
            map.totals(side).for_each(|total| self.total(&total));
        }
    }

    /// Forgets the levels since the last book message.
    pub(crate) fn drop_levels(&mut self) {
        self.levels.truncate(self.taken);
        self.order_counts.truncate(self.taken);
    }

    /// One order of the snapshot that [`Self::book`] will end.
    pub(crate) fn order(&mut self, id: OrderId, side: Side, price: &[u8], size: &[u8]) -> Read<()> {
        let DecimalLevel { price, size, .. } = DecimalLevel::parse(price, size, side)?;
        self.orders.push(OrderRow { id, side, price, size });
        Ok(())
    }

    /// The orders of the snapshot.
    pub(crate) fn take_orders(&mut self) -> Vec<OrderRow> {
        core::mem::take(&mut self.orders)
    }

    /// The protocol keeps this message for a book.
    pub(crate) fn kept(&mut self, name: &[u8]) {
        let name = self.named(name);
        self.events.push(Event::Kept(name));
    }

    /// It is a book message, even if it changes no book.
    pub(crate) fn of_book(&mut self) {
        self.of_book = true;
    }

    /// Whether it is a book message.
    pub(crate) const fn has_book(&self) -> bool {
        self.of_book
    }

    /// All of its book messages are one: no reader sees the book before the last of them.
    pub(crate) fn one_splice(&mut self) {
        let books = self.events.iter_mut().filter_map(|event| match event {
            Event::Book(event) => Some(event),
            _ => None,
        });
        books.rev().skip(1).for_each(|event| event.more = true);
    }

    /// Levels since the last book message.
    pub(crate) const fn open_levels(&self) -> usize {
        self.levels.len() - self.taken
    }

    /// Ends a book message: the levels since the last one are its.
    #[inline(always)]
    pub(crate) fn book(&mut self, name: &[u8], content: Content, link: Link, time: WallNanos) {
        let levels = self.taken..self.levels.len();
        self.taken = levels.end;
        self.of_book = true;
        let name = self.named(name);
        let (depth, checksum) = (None, None);
        self.events.push(Event::Book(BookEvent {
            name,
            content,
            link,
            time,
            levels,
            depth,
            checksum,
            more: false,
        }));
    }

    /// The last book message is of a channel with so many levels a side.
    pub(crate) fn depth(&mut self, depth: Option<u32>) {
        if let Some(Event::Book(event)) = self.events.last_mut() {
            event.depth = depth;
        }
    }

    /// The last book message carries a checksum of the book as it is once the message is applied
    /// (a signed one: its 32 bits). A checksum in a message of its own follows a book message
    /// without levels.
    pub(crate) fn checksum(&mut self, kind: ChecksumKind, crc: u32) {
        if let Some(Event::Book(event)) = self.events.last_mut() {
            event.checksum = Some((kind, crc));
        }
    }

    /// A book is wrong, for a reason that no [`Link`] says. The levels since the last book message
    /// are dropped.
    pub(crate) fn lost(&mut self, name: &[u8], reason: Reason) {
        self.drop_levels();
        let name = self.named(name);
        self.events.push(Event::Lost { name, reason });
    }

    /// A trade of a symbol; `side` is the aggressor's.
    pub(crate) fn trade(
        &mut self,
        symbol: &[u8],
        (side, price, size): (Side, &[u8], &[u8]),
        id: u64,
        time: WallNanos,
    ) -> Read<()> {
        let level = DecimalLevel::parse(price, size, side)?;
        let name = self.named(symbol);
        self.events.push(Event::Trade(TradeEvent { name, level, id, time }));
        Ok(())
    }

    /// One field of the ticker that [`Self::ticker`] will end.
    pub(crate) fn push_figure(&mut self, record: LevelRecord) {
        self.figures.push(record);
    }

    /// Ends a ticker: the fields since the last one are its. Without a symbol it is rejected.
    pub(crate) fn ticker(&mut self, symbol: Option<&[u8]>, extent: Extent, time: WallNanos) {
        let figures = self.figures_taken..self.figures.len();
        self.figures_taken = figures.end;
        let Some(symbol) = symbol else { return self.reject(Rejected::Shape) };
        let name = self.named(symbol);
        self.events.push(Event::Ticker(TickerEvent { name, extent, time, figures }));
    }

    /// A part that cannot be used.
    pub(crate) fn reject(&mut self, reason: Rejected) {
        self.events.push(Event::Rejected(reason));
    }

    /// The venue refused something.
    pub(crate) fn refused(&mut self, code: i64, message: &[u8]) {
        let message = self.keep(message);
        self.events.push(Event::Refused { code, message });
    }

    /// A text to send back at once.
    pub(crate) fn answer(&mut self, text: &str) {
        let text = self.keep(text.as_bytes());
        self.events.push(Event::Answer(text));
    }

    /// Nothing on this connection moves until it is subscribed again.
    pub(crate) fn frozen(&mut self) {
        self.events.push(Event::Frozen);
    }

    /// The connection may be used.
    pub(crate) fn welcome(&mut self, ping_every_ns: i64) {
        self.events.push(Event::Welcome(ping_every_ns));
    }

    /// Path and query to connect to.
    pub(crate) fn token(&mut self, path: &str, ping_every_ns: i64) {
        let path = self.keep(path.as_bytes());
        self.events.push(Event::Token(path, ping_every_ns));
    }

    /// The connection is to be opened anew.
    pub(crate) fn reconnect(&mut self) {
        self.events.push(Event::Reconnect);
    }

    /// Turns the events from the `first` on around: some venues tell the newest first.
    pub(crate) fn reverse_from(&mut self, first: usize) {
        if let Some(events) = self.events.get_mut(first..) {
            events.reverse();
        }
    }

    /// Nothing of use, and why.
    pub(crate) fn ignore(&mut self, reason: Ignored) {
        self.events.push(Event::Ignored(reason));
    }

    fn named(&mut self, name: &[u8]) -> Range<usize> {
        let start = self.names.len();
        if !self.prefix.is_empty() {
            self.names.extend_from_slice(self.prefix.as_bytes());
        }
        self.names.extend_from_slice(name);
        start..self.names.len()
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.names.len();
        self.names.extend_from_slice(bytes);
        start..self.names.len()
    }
}

/// Nanoseconds of a time in milliseconds.
pub(crate) fn millis(time: u64) -> WallNanos {
    WallNanos(i64::try_from(time).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// Nanoseconds of a time in seconds with decimals; 0 if it is none.
pub(crate) fn seconds(text: &[u8]) -> WallNanos {
    let nanos = Decimal::parse(text).ok().and_then(|it| it.to_mantissa(-9).ok());
    WallNanos(nanos.unwrap_or(0))
}

/// Nanoseconds since 1970 of `2026-08-09T21:05:48.228568804Z` (UTC, any number of decimals); 0 if
/// it is none.
pub(crate) fn rfc3339(text: &[u8]) -> WallNanos {
    WallNanos(parse_rfc3339(text).unwrap_or(0))
}

fn parse_rfc3339(text: &[u8]) -> Option<i64> {
    let number = |range: Range<usize>| {
        text.get(range)?.iter().try_fold(0_i64, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
    };
    let [year, month, day] = [number(0..4)?, number(5..7)?, number(8..10)?];
    let [hour, minute, second] = [number(11..13)?, number(14..16)?, number(17..19)?];
    let mut nanos = 0;
    if text.get(19) == Some(&b'.') {
        let end = text.iter().skip(20).position(|byte| !byte.is_ascii_digit());
        let end = end.map_or(text.len(), |len| 20 + len).min(29);
        let power = u32::try_from(29 - end).ok()?;
        nanos = number(20..end)? * 10_i64.pow(power);
    }
    // Days since 1970 by Howard Hinnant's `days_from_civil`.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// The 32 bits of a checksum, sent signed or not.
pub(crate) fn crc32(digits: &[u8]) -> Read<u32> {
    let value = core::str::from_utf8(digits).ok().and_then(|text| text.parse::<i64>().ok());
    let bits = value.and_then(|value| {
        let signed = || i32::try_from(value).ok().map(i32::cast_unsigned);
        u32::try_from(value).ok().or_else(signed)
    });
    bits.ok_or(Rejected::Number)
}

/// A trade id that is a number, otherwise 0.
pub(crate) fn numeric_id(text: &[u8]) -> u64 {
    core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// `buy`, `Buy`, `BUY`, `B`, `bid`: the buyer; anything else the seller.
pub(crate) fn side_of(text: &[u8]) -> Side {
    if matches!(text.first(), Some(b'b' | b'B')) { Side::Bid } else { Side::Ask }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond() {
        for (text, nanos) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-08-09T21:05:48.228568804Z", 1_786_309_548_228_568_804),
            ("2021-04-17T16:43:37.078687Z", 1_618_677_817_078_687_000),
            ("2024-02-29T23:59:59.9Z", 1_709_251_199_900_000_000),
            ("2021-04-17T16:43:37.1234567891Z", 1_618_677_817_123_456_789),
            ("yesterday", 0),
            ("", 0),
        ] {
            assert_eq!(rfc3339(text.as_bytes()), WallNanos(nanos), "{text}");
        }
    }
}
