//! Counters and latency histograms of the engine's threads.

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every one, in the order of the file.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in reports and metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

names! {
    /// A counter. Each thread has one of each; readers add them up or show them by thread.
    Counter {
        /// Messages received.
        Frames "frames",
        /// Bytes of these messages.
        Bytes "bytes",
        /// Book messages received (diffs and whole books), used or not.
        BookMessages "book_messages",
        /// Price levels in the book messages received.
        LevelUpdates "level_updates",
        /// Trades passed on.
        Trades "trades",
        /// Best bid and offer messages passed on.
        Tickers "tickers",
        /// Snapshots passed on.
        Snapshots "snapshots",
        /// Holes in the venue's ids.
        Gaps "gaps",
        /// Syncs begun anew for a book that was live.
        Resyncs "resyncs",
        /// Snapshots thrown away because they did not reach the buffered diffs.
        SnapshotsUnusable "snapshots_unusable",
        /// Snapshot requests.
        SnapshotRequests "snapshot_requests",
        /// REST answers that were errors.
        RestErrors "rest_errors",
        /// Buffers of waiting diffs that overflowed, and restarted their sync.
        BufferOverflows "buffer_overflows",
        /// Messages that found the ring full.
        RingFull "ring_full",
        /// Sizes rounded to fit.
        SizeRounded "size_rounded",
        /// Changes of a book's exponents.
        Rescales "rescales",
        /// Frames that the scanner left to the general parser.
        GeneralParses "general_parses",
        /// Connections opened.
        Connects "connects",
        /// Connections lost.
        Disconnects "disconnects",
        /// Connections replaced before their time was up.
        Rotations "rotations",
        /// Ignored: the book already contained the diff.
        IgnoredStale "ignored_stale",
        /// Ignored: came a second time, or later than its successor.
        IgnoredDuplicate "ignored_duplicate",
        /// Ignored: an answer to a request of ours.
        IgnoredAck "ignored_ack",
        /// Ignored: a notice of the venue.
        IgnoredNotice "ignored_notice",
        /// Ignored: a kind of data nobody subscribed.
        IgnoredUnusedStream "ignored_unused_stream",
        /// Ignored: a symbol nobody subscribed.
        IgnoredUnknownSymbol "ignored_unknown_symbol",
        /// Ignored: buffered for a snapshot, then given up.
        IgnoredBufferDropped "ignored_buffer_dropped",
        /// Ignored: came on a connection that does not feed the book (any more, or yet).
        IgnoredSpareConnection "ignored_spare_connection",
        /// Ignored: an aggregate trade of a symbol whose single trades come too.
        IgnoredTradeTwice "ignored_trade_twice",
        /// Ignored: no book id was left.
        IgnoredNoBook "ignored_no_book",
        /// Ignored: a REST answer nobody waits for.
        IgnoredRestUnrequested "ignored_rest_unrequested",
        /// Ignored for a reason that has no counter of its own.
        IgnoredOther "ignored_other",
        /// Rejected: not JSON, or cut short.
        RejectedMalformed "rejected_malformed",
        /// Rejected: a field is missing or of the wrong type.
        RejectedShape "rejected_shape",
        /// Rejected: a price, size or id that is no number, or a negative size.
        RejectedNumber "rejected_number",
        /// Rejected: a number that does not fit.
        RejectedOverflow "rejected_overflow",
        /// Rejected: ids that contradict each other.
        RejectedIds "rejected_ids",
        /// Rejected: more levels than one message may have.
        RejectedTooLarge "rejected_too_large",
        /// Rejected: the ring had no room.
        RejectedRingFull "rejected_ring_full",
        /// Rejected: a REST answer that was no success or could not be parsed.
        RejectedRest "rejected_rest",
        /// Rejected for a reason that has no counter of its own.
        RejectedOther "rejected_other",
        /// Messages applied to a book.
        Applied "applied",
        /// Publishes.
        Publishes "publishes",
        /// Venue messages beyond the first that shared one publish.
        PublishesMerged "publishes_merged",
        /// Deletes of levels that were not there.
        AbsentDeletes "absent_deletes",
        /// Messages after which a book was crossed.
        Crossed "crossed",
        /// Levels kept outside a ladder's window.
        OverflowLevels "overflow_levels",
        /// Books that went stale because they outgrew their limit.
        Overflows "overflows",
        /// Checksums that were right.
        ChecksumsOk "checksums_ok",
        /// Checksums that were wrong.
        ChecksumsBad "checksums_bad",
        /// Best-bid-and-offer checks that were right.
        BboChecksOk "bbo_checks_ok",
        /// Best-bid-and-offer checks that were wrong.
        BboChecksBad "bbo_checks_bad",
        /// Messages of an older connection epoch, dropped.
        OldEpochs "old_epochs",
        /// Resync requests of a builder.
        ResyncRequests "resync_requests",
        /// Intervals that came out negative (clock steps); not in any histogram.
        NegativeIntervals "negative_intervals",
        /// Messages whose kernel stamp is that of a later segment (a lower bound only).
        SharedStamps "shared_stamps",
        /// Messages with a kernel stamp.
        KernelStamps "kernel_stamps",
        /// Turns of the thread's loop.
        Turns "turns",
        /// Turns that found nothing to do.
        IdleTurns "idle_turns",
        /// Longest turn so far, ns (a gauge).
        TurnNanosMax "turn_nanos_max",
        /// Turns longer than the configured threshold.
        TurnsLong "turns_long",
        /// Most ring slots seen in use (a gauge).
        RingSlotsUsedMax "ring_slots_used_max",
        /// Log lines and other side messages dropped because their queue was full.
        SideDropped "side_dropped",
    }
}

names! {
    /// A stage of the data path whose time is kept in a histogram, in nanoseconds.
    Stage {
        /// From the kernel's receive stamp to `recv` returned.
        KernelToRecv "kernel_to_recv",
        /// From `recv` returned (or, in a memory replay, the frame handed over) to parsed.
        RecvToParsed "recv_to_parsed",
        /// From parsed to popped from the ring by the builder.
        ParsedToPopped "parsed_to_popped",
        /// From popped to published.
        PoppedToPublished "popped_to_published",
        /// From the kernel's stamp (where there is one, otherwise `recv` returned) to published.
        TickToBook "tick_to_book",
        /// The same, from the end of the last empty poll: an upper bound.
        TickToBookUpper "tick_to_book_upper",
        /// From the kernel's stamp of a snapshot request's answer to the book being live.
        SnapshotToLive "snapshot_to_live",
        /// One turn of the thread's loop that found work.
        Turn "turn",
    }
}

/// The writer of one thread's counters and histograms. Wait-free, a load and a store per call.
#[derive(Debug)]
pub struct StatsWriter {}

impl StatsWriter {
    /// Adds `n` to a counter.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        let _ = (counter, n);
    }

    /// Sets a counter (a gauge, or a total that is kept elsewhere).
    #[inline]
    pub fn set(&mut self, counter: Counter, value: u64) {
        let _ = (counter, value);
    }

    /// Raises a counter to `value` if it is lower.
    #[inline]
    pub fn raise(&mut self, counter: Counter, value: u64) {
        let _ = (counter, value);
    }

    /// Adds one time to a stage's histogram.
    #[inline]
    pub fn record(&mut self, stage: Stage, ns: u64) {
        let _ = (stage, ns);
    }
}
