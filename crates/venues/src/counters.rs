//! What a session counts. Plain numbers: the venue thread copies them to shared memory.

macro_rules! reasons {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$vdoc:meta])* $variant:ident $text:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every reason, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

reasons! {
    /// Why a well-formed message was not used.
    Ignored {
        /// A diff that the book already contains: older than the snapshot it was spliced on.
        Stale "stale",
        /// A diff (or whole book) that came a second time or later than its successor.
        Duplicate "duplicate",
        /// An answer to a request of ours.
        Ack "ack",
        /// A notice of the venue (shutdown).
        Notice "notice",
        /// Data of a kind that nobody subscribed (klines, statistics).
        UnusedStream "unused_stream",
        /// Data of a symbol that nobody subscribed.
        UnknownSymbol "unknown_symbol",
        /// Diffs buffered for a snapshot, given up because the buffer overflowed or the sync was
        /// restarted.
        BufferDropped "buffer_dropped",
        /// Data on a connection that no longer (or not yet) feeds the book.
        SpareConnection "spare_connection",
        /// An aggregate trade of a symbol whose single trades come too.
        TradeTwice "trade_twice",
        /// Data of a book that has no id left.
        NoBook "no_book",
        /// A change of a book whose snapshot has not come yet (in band).
        BeforeSnapshot "before_snapshot",
        /// A REST answer nobody waits for, or for an unknown symbol.
        RestUnrequested "rest_unrequested",
    }
}

reasons! {
    /// Why a message could not be used.
    Rejected {
        /// Not JSON, or cut short.
        Malformed "malformed",
        /// JSON, but a field is missing or of the wrong type.
        Shape "shape",
        /// A price, size or id that is no number, or a negative size.
        Number "number",
        /// A number that does not fit.
        Overflow "overflow",
        /// Ids that contradict each other (last before first).
        Ids "ids",
        /// More levels than one message may have.
        TooLarge "too_large",
        /// The ring had no room.
        RingFull "ring_full",
        /// A REST answer that was no success or could not be parsed.
        Rest "rest",
        /// A binary frame on a text feed.
        Binary "binary",
        /// A compressed message that is damaged, or not whole.
        Compressed "compressed",
        /// A compressed message that inflates to more than
        /// [`crate::limits::INFLATED_BYTES_MAX`] bytes.
        Bomb "bomb",
    }
}

/// Connections that may carry the same subscriptions.
pub const LINES_MAX: usize = 2;

/// Counters of one line: of the first, the second connection of every subscription.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineCounters {
    /// Book messages that it brought first, and that were passed on.
    pub first: u64,
    /// Book messages that another line had brought before.
    pub duplicates: u64,
    /// Holes in it that were left to the other line.
    pub gaps: u64,
    /// By how much it was ahead, of all messages that came later on the other, in nanoseconds.
    pub lead_ns: u64,
}

/// Counters of one session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionCounters {
    /// Messages received.
    pub frames: u64,
    /// Book messages received (diffs and whole books), used or not.
    pub book_messages: u64,
    /// Price levels passed on, in diffs and in snapshots.
    pub level_updates: u64,
    /// Trades passed on.
    pub trades: u64,
    /// Best bid and offer messages passed on.
    pub tickers: u64,
    /// Tickers passed on: mark, index, funding, open interest, volatility, greeks.
    pub statistics: u64,
    /// Snapshots passed on.
    pub snapshots: u64,
    /// Holes in the venue's ids.
    pub gaps: u64,
    /// Syncs begun anew for a book that was live: after a gap, a full ring, a builder's request.
    pub resyncs: u64,
    /// Snapshots thrown away because they did not reach the buffered diffs.
    pub snapshots_unusable: u64,
    /// Snapshot requests.
    pub snapshot_requests: u64,
    /// REST answers that were errors.
    pub rest_errors: u64,
    /// Buffers of waiting diffs that overflowed, and restarted their sync.
    pub buffer_overflows: u64,
    /// Messages that found the ring full.
    pub ring_full: u64,
    /// Sizes rounded to fit.
    pub size_rounded: u64,
    /// Changes of a book's exponents.
    pub rescales: u64,
    /// Frames that the scanner left to the general parser.
    pub general_parses: u64,
    /// Disconnects.
    pub disconnects: u64,
    /// Connections replaced before their time was up.
    pub rotations: u64,
    /// Instruments in the venue's lists that were skipped: of a kind not known here, or incomplete.
    pub instruments_skipped: u64,
    /// Of each line, where every book has several.
    pub lines: [LineCounters; LINES_MAX],
    ignored: [u64; Ignored::COUNT],
    rejected: [u64; Rejected::COUNT],
}

impl SessionCounters {
    /// Counts a message that was not used.
    #[inline]
    pub const fn ignore(&mut self, reason: Ignored) {
        self.ignored[reason as usize] += 1;
    }

    /// Counts several messages that were not used.
    #[inline]
    pub const fn ignore_many(&mut self, reason: Ignored, count: u64) {
        self.ignored[reason as usize] += count;
    }

    /// Counts a message that could not be used.
    #[inline]
    pub const fn reject(&mut self, reason: Rejected) {
        self.rejected[reason as usize] += 1;
    }

    /// Messages not used for `reason`.
    #[must_use]
    pub const fn ignored(&self, reason: Ignored) -> u64 {
        self.ignored[reason as usize]
    }

    /// Messages that could not be used for `reason`.
    #[must_use]
    pub const fn rejected(&self, reason: Rejected) -> u64 {
        self.rejected[reason as usize]
    }

    /// Names and values of the plain counters, for reports.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 28] {
        [
            ("frames", self.frames),
            ("book_messages", self.book_messages),
            ("level_updates", self.level_updates),
            ("trades", self.trades),
            ("tickers", self.tickers),
            ("statistics", self.statistics),
            ("snapshots", self.snapshots),
            ("gaps", self.gaps),
            ("resyncs", self.resyncs),
            ("snapshots_unusable", self.snapshots_unusable),
            ("snapshot_requests", self.snapshot_requests),
            ("rest_errors", self.rest_errors),
            ("buffer_overflows", self.buffer_overflows),
            ("ring_full", self.ring_full),
            ("size_rounded", self.size_rounded),
            ("rescales", self.rescales),
            ("general_parses", self.general_parses),
            ("disconnects", self.disconnects),
            ("rotations", self.rotations),
            ("instruments_skipped", self.instruments_skipped),
            ("line_a_first", self.lines[0].first),
            ("line_a_duplicates", self.lines[0].duplicates),
            ("line_a_gaps", self.lines[0].gaps),
            ("line_a_lead_ns", self.lines[0].lead_ns),
            ("line_b_first", self.lines[1].first),
            ("line_b_duplicates", self.lines[1].duplicates),
            ("line_b_gaps", self.lines[1].gaps),
            ("line_b_lead_ns", self.lines[1].lead_ns),
        ]
    }
}
