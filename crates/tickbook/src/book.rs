//! A reader of one book.

use std::sync::Arc;

use tickbook_shm::seqlock::Torn;
use tickbook_shm::{
    BookInfo, Depth, OrderCounts, Published, PublishedQuotes, Quotes, TickerSnapshot, Top, View,
};
use tickbook_types::{BookState, ConnId, MonoNanos, NotReadable, Ticks, Venue, clock};

use crate::freshness::{Horizon, TickRate, builder_left_ns, conn_left_ns};
use crate::source::Source;
use crate::ticker;

/// A reader of one book. Cheap to read, not shared: each thread takes its own.
///
/// ```no_run
/// # let tickbook = tickbook::Tickbook::attach(None)?;
/// let mut book = tickbook.book("binance_spot:BTCUSDT")?;
/// let mut depth = tickbook::Depth::default();
/// book.depth(&mut depth)?;
/// let header = depth.header();
/// for bid in depth.bids() {
///     println!("{} {}", header.price_decimal(bid.price), header.size_decimal(bid.size));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BookReader {
    source: Arc<Source>,
    view: Arc<View>,
    info: BookInfo,
    /// What the book is called, in every generation of the file.
    venue: Option<Venue>,
    name: String,
    /// Connection that the horizon was worked out for.
    conn: ConnId,
    horizon: Horizon,
    rate: TickRate,
    /// When this reader last looked for its book in another place.
    looked: MonoNanos,
    /// Version of the top that was read last; [`UNSEEN`] if that read gave no book to be used.
    top_seen: u64,
    /// The same for the levels.
    depth_seen: u64,
}

/// How often levels and order counts are read until they fit: longer than a builder takes from one
/// to the other.
const ORDER_READS_MAX: usize = 64;

/// No version of anything whole: those are even.
const UNSEEN: u64 = 1;

/// A whole book, and why it cannot be used now.
type Judged = (Published, Option<NotReadable>);

impl BookReader {
    pub(crate) fn new(source: Arc<Source>, view: Arc<View>, info: BookInfo) -> Self {
        Self {
            source,
            view,
            venue: info.venue,
            name: info.name.clone(),
            conn: info.conn,
            info,
            horizon: Horizon::PAST,
            rate: TickRate::measure(),
            looked: MonoNanos(i64::MIN),
            top_seen: UNSEEN,
            depth_seen: UNSEEN,
        }
    }

    /// What the directory says of the book.
    #[must_use]
    pub const fn info(&self) -> &BookInfo {
        &self.info
    }

    /// Whether [`Self::top`] would say something new: a newer one is published than this reader
    /// has read last, or the time is over for which that one was known to be fresh. Always, before
    /// the first read and after one that gave no book.
    ///
    /// What a thread that waits for a book spins on: it looks at one cache line and the time-stamp
    /// counter, and copies nothing. Whoever reads when this is true learns of a dead engine or a
    /// silent connection as soon as one who reads all the time.
    ///
    /// ```no_run
    /// # let tickbook = tickbook::Tickbook::attach(None)?;
    /// let mut book = tickbook.book("binance_spot:BTCUSDT")?;
    /// loop {
    ///     if !book.top_changed() {
    ///         core::hint::spin_loop();
    ///         continue;
    ///     }
    ///     match book.top() {
    ///         Ok(top) => println!("{:?} {:?}", top.bid, top.ask),
    ///         Err(why) => println!("no quotes: {why}"),
    ///     }
    /// }
    /// # #[expect(unreachable_code)]
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn top_changed(&self) -> bool {
        is_newer(self.view.top_version(self.info.book), self.top_seen)
            || !self.horizon.covers(clock::now())
    }

    /// [`Self::top_changed`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    #[inline]
    #[must_use]
    pub fn top_changed_at(&self, now: MonoNanos) -> bool {
        is_newer(self.view.top_version(self.info.book), self.top_seen)
            || !self.horizon.covers_time(now)
    }

    /// Whether [`Self::depth`] would say something new, as [`Self::top_changed`].
    #[inline]
    #[must_use]
    pub fn depth_changed(&self) -> bool {
        is_newer(self.view.depth_version(self.info.book), self.depth_seen)
            || !self.horizon.covers(clock::now())
    }

    /// [`Self::depth_changed`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    #[inline]
    #[must_use]
    pub fn depth_changed_at(&self, now: MonoNanos) -> bool {
        is_newer(self.view.depth_version(self.info.book), self.depth_seen)
            || !self.horizon.covers_time(now)
    }

    /// Best bid and ask, if the book is live and fresh.
    ///
    /// # Errors
    ///
    /// [`NotReadable`]: why the book cannot be used now.
    #[inline]
    pub fn top(&mut self) -> Result<Top, NotReadable> {
        let at = clock::now();
        if self.horizon.covers(at)
            && let Some(published) = self.top_if_live()
        {
            return Ok(published.top());
        }
        usable(self.judged_top(Some(at), clock::mono_now())).map(|published| published.top())
    }

    /// [`Self::top`] at a time that the caller has just read from `CLOCK_MONOTONIC`: saves the
    /// reading of a clock.
    ///
    /// # Errors
    ///
    /// As [`Self::top`].
    #[inline]
    pub fn top_at(&mut self, now: MonoNanos) -> Result<Top, NotReadable> {
        if self.horizon.covers_time(now)
            && let Some(published) = self.top_if_live()
        {
            return Ok(published.top());
        }
        usable(self.judged_top(None, now)).map(|published| published.top())
    }

    /// Best bid and ask by themselves, if the book is live and fresh: [`Self::top`] without times
    /// and level counts, from one cache line in place of two. [`Self::top_changed`] tells of news.
    ///
    /// # Errors
    ///
    /// As [`Self::top`].
    #[inline]
    pub fn quotes(&mut self) -> Result<Quotes, NotReadable> {
        let at = clock::now();
        if self.horizon.covers(at)
            && let Some(published) = self.quotes_if_live()
        {
            return Ok(published.quotes());
        }
        let judged = self.judged_top(Some(at), clock::mono_now());
        usable(judged).map(|published| Quotes::from(&published.top()))
    }

    /// [`Self::quotes`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::top`].
    #[inline]
    pub fn quotes_at(&mut self, now: MonoNanos) -> Result<Quotes, NotReadable> {
        if self.horizon.covers_time(now)
            && let Some(published) = self.quotes_if_live()
        {
            return Ok(published.quotes());
        }
        usable(self.judged_top(None, now)).map(|published| Quotes::from(&published.top()))
    }

    /// The last whole top of the book whatever its state, and why it cannot be used now (`None`: it
    /// can).
    ///
    /// # Errors
    ///
    /// [`NotReadable`] if there is no whole top: the writer died or hangs within a publish
    /// (`WriterDead`), publishes without a break (`Busy`), or the book is gone (`Closed`).
    pub fn top_any(&mut self) -> Result<(Top, Option<NotReadable>), NotReadable> {
        let at = clock::now();
        let judged = self.judged_top(Some(at), clock::mono_now());
        judged.map(|(published, why_not)| (published.top(), why_not))
    }

    /// [`Self::top_any`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::top_any`].
    pub fn top_any_at(
        &mut self,
        now: MonoNanos,
    ) -> Result<(Top, Option<NotReadable>), NotReadable> {
        self.judged_top(None, now).map(|(published, why_not)| (published.top(), why_not))
    }

    /// The published levels, if the book is live and fresh. Allocates on the first use of `depth`
    /// only.
    ///
    /// # Errors
    ///
    /// As [`Self::top`]; `depth` must then not be used.
    #[inline]
    pub fn depth(&mut self, depth: &mut Depth) -> Result<(), NotReadable> {
        let at = clock::now();
        if self.horizon.covers(at) && self.depth_if_live(depth) {
            return Ok(());
        }
        usable(self.judged_depth(depth, Some(at), clock::mono_now())).map(|_| ())
    }

    /// [`Self::depth`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::depth`].
    #[inline]
    pub fn depth_at(&mut self, depth: &mut Depth, now: MonoNanos) -> Result<(), NotReadable> {
        if self.horizon.covers_time(now) && self.depth_if_live(depth) {
            return Ok(());
        }
        usable(self.judged_depth(depth, None, now)).map(|_| ())
    }

    /// The last whole levels of the book whatever its state, and why they cannot be used now
    /// (`None`: they can).
    ///
    /// # Errors
    ///
    /// As [`Self::top_any`].
    pub fn depth_any(&mut self, depth: &mut Depth) -> Result<Option<NotReadable>, NotReadable> {
        let at = clock::now();
        self.judged_depth(depth, Some(at), clock::mono_now()).map(|(_, why_not)| why_not)
    }

    /// [`Self::depth_any`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::top_any`].
    pub fn depth_any_at(
        &mut self,
        depth: &mut Depth,
        now: MonoNanos,
    ) -> Result<Option<NotReadable>, NotReadable> {
        self.judged_depth(depth, None, now).map(|(_, why_not)| why_not)
    }

    /// The published levels and how many orders make up each of them, if the book is live and
    /// fresh. `false`: of these levels that is not known (no venue but those of `docs/VENUES.md`
    /// tells), or not yet; then `orders` is not to be used.
    ///
    /// Counts follow their levels by some hundred nanoseconds, and this call waits for them no
    /// longer than it takes to read both a few times.
    ///
    /// # Errors
    ///
    /// As [`Self::depth`].
    pub fn depth_and_orders(
        &mut self,
        depth: &mut Depth,
        orders: &mut OrderCounts,
    ) -> Result<bool, NotReadable> {
        for _ in 0..ORDER_READS_MAX {
            self.depth(depth)?;
            if self.view.read_orders(self.info.book, orders).is_err() {
                continue;
            }
            let header = depth.header();
            let are_of_book = orders.slot_generation() == header.slot_generation;
            if !are_of_book || orders.publishes() == 0 {
                return Ok(false);
            }
            if orders.publishes() == header.publishes {
                return Ok(true);
            }
            core::hint::spin_loop();
        }
        Ok(false)
    }

    /// What the venue says beside the book, if it is fresh: the connection it came on is open, in
    /// the same epoch, and not silent. The book itself may wait for a snapshot meanwhile.
    ///
    /// A venue repeats nothing that did not change, so an old ticker is not a wrong one; who wants
    /// it no older than some age compares [`TickerSnapshot::age_ns`].
    ///
    /// ```no_run
    /// # let tickbook = tickbook::Tickbook::attach(None)?;
    /// let mut option = tickbook.book("deribit:BTC-27MAR27-90000-C")?;
    /// let read = option.ticker()?;
    /// if let (Some(iv), Some(delta)) = (read.ticker.mark_iv(), read.ticker.delta()) {
    ///     println!("{iv} exactly, or {}; delta {delta}", iv.to_f64());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotReadable`]: why there is none to be used now; `NotLive` with state `Empty` if the venue
    /// has said nothing yet.
    pub fn ticker(&mut self) -> Result<TickerSnapshot, NotReadable> {
        self.ticker_at(clock::mono_now())
    }

    /// [`Self::ticker`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::ticker`].
    pub fn ticker_at(&mut self, now: MonoNanos) -> Result<TickerSnapshot, NotReadable> {
        match self.ticker_any_at(now)? {
            (read, None) => Ok(read),
            (_, Some(why)) => Err(why),
        }
    }

    /// The last whole ticker whatever its state, and why it cannot be used now (`None`: it can).
    ///
    /// # Errors
    ///
    /// As [`Self::top_any`].
    pub fn ticker_any(&mut self) -> Result<(TickerSnapshot, Option<NotReadable>), NotReadable> {
        self.ticker_any_at(clock::mono_now())
    }

    /// [`Self::ticker_any`] at a time that the caller has just read from `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    ///
    /// As [`Self::top_any`].
    pub fn ticker_any_at(
        &mut self,
        now: MonoNanos,
    ) -> Result<(TickerSnapshot, Option<NotReadable>), NotReadable> {
        let mut judged = ticker::judged(&self.view, &self.info, now);
        if let Err(why) | Ok((_, Some(why))) = &judged
            && is_gone(*why)
            && self.follow(now)
        {
            judged = ticker::judged(&self.view, &self.info, now);
        }
        judged
    }

    #[inline]
    fn top_if_live(&mut self) -> Option<Published> {
        let published = self.view.read_top(self.info.book).ok()?;
        self.top_seen = published.version();
        published.is_live_for(self.info.slot_generation, self.conn).then_some(published)
    }

    #[inline]
    fn quotes_if_live(&mut self) -> Option<PublishedQuotes> {
        let published = self.view.read_quotes(self.info.book).ok()?;
        self.top_seen = published.version();
        published.is_live_for(self.info.slot_generation, self.conn).then_some(published)
    }

    #[inline]
    fn depth_if_live(&mut self, depth: &mut Depth) -> bool {
        let Ok(published) = self.view.read_depth(self.info.book, depth) else { return false };
        self.depth_seen = published.version();
        published.is_live_for(self.info.slot_generation, self.conn)
    }

    #[cold]
    fn judged_top(&mut self, at: Option<Ticks>, now: MonoNanos) -> Result<Judged, NotReadable> {
        let judged = self.judged(at, now, |view, info| view.read_top(info.book));
        self.top_seen = seen(&judged);
        judged
    }

    #[cold]
    fn judged_depth(
        &mut self,
        depth: &mut Depth,
        at: Option<Ticks>,
        now: MonoNanos,
    ) -> Result<Judged, NotReadable> {
        let judged = self.judged(at, now, |view, info| view.read_depth(info.book, depth));
        self.depth_seen = seen(&judged);
        judged
    }

    /// Reads, and judges the book by everything there is to know; follows the engine to a new file
    /// and the book to a new place. `at` is the counter before `now`, if the caller did not choose
    /// `now`: how long ago that was read is not known.
    fn judged(
        &mut self,
        at: Option<Ticks>,
        now: MonoNanos,
        mut read: impl FnMut(&View, &BookInfo) -> Result<Published, Torn>,
    ) -> Result<Judged, NotReadable> {
        let mut judged = self.judged_here(at, now, &mut read);
        let gone = match &judged {
            Err(why) | Ok((_, Some(why))) => is_gone(*why),
            Ok((_, None)) => false,
        };
        if gone && self.follow(now) {
            judged = self.judged_here(at, now, &mut read);
        }
        judged
    }

    fn judged_here(
        &mut self,
        at: Option<Ticks>,
        now: MonoNanos,
        read: &mut impl FnMut(&View, &BookInfo) -> Result<Published, Torn>,
    ) -> Result<Judged, NotReadable> {
        self.horizon = Horizon::PAST;
        let builder = builder_left_ns(&self.view, self.info.builder, now);
        let Ok(published) = read(&self.view, &self.info) else {
            // Nothing whole: the writer is at it, or died at it.
            return Err(builder.err().unwrap_or(NotReadable::Busy));
        };
        let header = published.top().header;
        if header.slot_generation != self.info.slot_generation {
            // Another book lives here now.
            return Err(NotReadable::Closed);
        }
        let builder_left_ns = match builder {
            Ok(left_ns) => left_ns,
            Err(why) => return Ok((published, Some(why))),
        };
        match header.state {
            BookState::Live => {}
            BookState::Closed => return Ok((published, Some(NotReadable::Closed))),
            BookState::Empty | BookState::Syncing | BookState::Stale => {
                let (state, reason) = (header.state, header.reason);
                return Ok((published, Some(NotReadable::NotLive { state, reason })));
            }
        }
        match conn_left_ns(&self.view, header.conn, now) {
            Ok(conn_left_ns) => {
                self.conn = header.conn;
                let left_ns = builder_left_ns.min(conn_left_ns);
                self.horizon = Horizon::new(at, now, left_ns, &self.rate);
                Ok((published, None))
            }
            Err(why) => Ok((published, Some(why))),
        }
    }

    /// Looks for the book in the file that is current now; true if it is somewhere else than where
    /// this reader has it. At most once per heartbeat interval.
    fn follow(&mut self, now: MonoNanos) -> bool {
        if now.since(self.looked) < self.view.identity().heartbeat_ns {
            return false;
        }
        self.looked = now;
        let view = self.source.living_view(now);
        let found = view.books().find(|it| it.venue == self.venue && it.name == self.name);
        let Some(info) = found else { return false };
        let moved = !Arc::ptr_eq(&view, &self.view)
            || (info.book, info.slot_generation) != (self.info.book, self.info.slot_generation);
        if moved {
            // Versions of another place say nothing about this one.
            (self.top_seen, self.depth_seen) = (UNSEEN, UNSEEN);
        }
        self.view = view;
        self.info = info;
        moved
    }
}

/// Whether `version` is that of something whole other than what was seen.
#[inline]
const fn is_newer(version: u64, seen: u64) -> bool {
    version & 1 == 0 && version != seen
}

/// Version of what was read, if it can be used: nothing else is to be taken for up to date.
const fn seen(judged: &Result<Judged, NotReadable>) -> u64 {
    match judged {
        Ok((published, None)) => published.version(),
        Ok((_, Some(_))) | Err(_) => UNSEEN,
    }
}

/// Whether the book may be found elsewhere.
const fn is_gone(why: NotReadable) -> bool {
    matches!(why, NotReadable::Closed | NotReadable::WriterDead)
}

#[inline]
fn usable(judged: Result<Judged, NotReadable>) -> Result<Published, NotReadable> {
    match judged? {
        (published, None) => Ok(published),
        (_, Some(why)) => Err(why),
    }
}
