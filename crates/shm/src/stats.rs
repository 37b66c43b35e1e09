//! Counters and latency histograms of the engine's threads.
//!
//! Each thread has a block of its own and is its only writer, so counting is a load and a store
//! without a lock prefix; readers copy the words and make sums of them.

use core::ops::Range;
use std::sync::Arc;

use crate::atomic::{Ordering, Word, fence};
use crate::histogram::{self, Histogram};
use crate::layout::{self, COUNTER_WORDS, HISTOGRAM_WORDS, Layout, thread};
use crate::limits::THREAD_NAME_MAX;
use crate::mapping::WriteMapping;
use crate::text;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident $text:literal),+ $(,)?
    }) => {
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
        /// Tickers passed on: mark, index, funding, open interest, volatility, greeks.
        Statistics "statistics",
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
        /// Book messages that the first line brought first.
        LineAFirst "line_a_first",
        /// Book messages that the first line brought after the other.
        LineADuplicates "line_a_duplicates",
        /// Holes in the first line that were left to the other.
        LineAGaps "line_a_gaps",
        /// By how much the first line was ahead in all, in nanoseconds.
        LineALeadNs "line_a_lead_ns",
        /// Book messages that the second line brought first.
        LineBFirst "line_b_first",
        /// Book messages that the second line brought after the other.
        LineBDuplicates "line_b_duplicates",
        /// Holes in the second line that were left to the other.
        LineBGaps "line_b_gaps",
        /// By how much the second line was ahead in all, in nanoseconds.
        LineBLeadNs "line_b_lead_ns",
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
        /// Ignored: a change of a book whose snapshot has not come yet.
        IgnoredBeforeSnapshot "ignored_before_snapshot",
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
        /// Rejected: a binary frame on a text feed.
        RejectedBinary "rejected_binary",
        /// Rejected: a compressed message that is damaged, or not whole.
        RejectedCompressed "rejected_compressed",
        /// Rejected: a compressed message that inflates to more than is allowed.
        RejectedBomb "rejected_bomb",
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
        /// Checksums that differed where the venue wrote a number of the book in an unusual form,
        /// or a size was rounded: they prove nothing.
        ChecksumsUnchecked "checksums_unchecked",
        /// Rows of the venue's instrument lists that were skipped.
        InstrumentsSkipped "instruments_skipped",
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
        /// From `recv` returned to decrypted: the last TLS record of the message is open. None
        /// without TLS.
        RecvToDecrypted "recv_to_decrypted",
        /// From decrypted (without TLS: `recv` returned) to the frame decoded.
        DecryptedToDecoded "decrypted_to_decoded",
        /// From the frame decoded to parsed.
        DecodedToParsed "decoded_to_parsed",
        /// The sum of these: from `recv` returned (or, in a memory replay, the frame handed over)
        /// to parsed.
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

/// The writer of one thread's counters and histograms. Wait-free: a load and a store per counter,
/// one or two more per recorded time.
///
/// Dropping it leaves what it counted in the file.
#[derive(Debug)]
pub struct StatsWriter {
    mapping: Arc<WriteMapping>,
    block: Range<usize>,
}

const NAME_WORDS: usize = THREAD_NAME_MAX / 8;

/// Value of a thread block's `state` word once the thread has it.
const TAKEN: u64 = 1;

/// Where the counters of a thread block begin.
const COUNTERS: usize = thread::WORDS;

/// Where its histograms begin.
const HISTOGRAMS: usize = COUNTERS + COUNTER_WORDS;

impl StatsWriter {
    pub(crate) fn new(mapping: Arc<WriteMapping>, layout: &Layout, index: u32, name: &str) -> Self {
        let writer = Self { mapping, block: layout.thread(index) };
        let name = text::encode::<NAME_WORDS>(text::fitting(name, THREAD_NAME_MAX));
        for (at, word) in name.unwrap_or_default().into_iter().enumerate() {
            // Relaxed: published by the Release store below.
            writer.word(thread::NAME + at).store(word, Ordering::Relaxed);
        }
        // Release: pairs with the Acquire fence in `ThreadStats::load`.
        writer.word(thread::STATE).store(TAKEN, Ordering::Release);
        writer
    }

    /// Adds `n` to a counter.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        let word = self.word(COUNTERS + counter as usize);
        // Relaxed, and no read-modify-write: this thread is the only writer, and each counter
        // stands for itself.
        word.store(word.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Sets a counter: a gauge, or a total that is kept elsewhere.
    #[inline]
    pub fn set(&mut self, counter: Counter, value: u64) {
        // Relaxed: as in `add`.
        self.word(COUNTERS + counter as usize).store(value, Ordering::Relaxed);
    }

    /// Raises a counter to `value` if it is lower.
    #[inline]
    pub fn raise(&mut self, counter: Counter, value: u64) {
        let word = self.word(COUNTERS + counter as usize);
        // Relaxed: as in `add`.
        if word.load(Ordering::Relaxed) < value {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Adds one time to a stage's histogram.
    #[inline]
    pub fn record(&mut self, stage: Stage, ns: u64) {
        let at = HISTOGRAMS + stage as usize * HISTOGRAM_WORDS;
        let block = &self.mapping.words()[self.block.clone()][at..at + HISTOGRAM_WORDS];
        let bump = |word: &Word| {
            // Relaxed: as in `add`.
            word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        };
        // The smallest value is kept inverted, so that a zeroed file needs no other start.
        let smallest = !ns;
        if block[layout::histogram::MIN].load(Ordering::Relaxed) < smallest {
            block[layout::histogram::MIN].store(smallest, Ordering::Relaxed);
        }
        if block[layout::histogram::MAX].load(Ordering::Relaxed) < ns {
            block[layout::histogram::MAX].store(ns, Ordering::Relaxed);
        }
        if ns > histogram::VALUE_MAX {
            bump(&block[layout::histogram::CLAMPED]);
        }
        bump(&block[layout::histogram::WORDS + histogram::bucket_of(ns)]);
    }

    #[inline]
    fn word(&self, at: usize) -> &Word {
        &self.mapping.words()[self.block.clone()][at]
    }
}

/// Counters and histograms of one thread, as they were when they were read. Each number is of its
/// own instant: sums may be off by what was counted in between.
#[derive(Clone, Debug)]
pub struct ThreadStats {
    name: String,
    counters: Vec<u64>,
    histograms: Vec<Histogram>,
}

impl ThreadStats {
    /// The stats of a thread block, if a thread has taken it.
    pub(crate) fn load(block: &[Word]) -> Option<Self> {
        // Relaxed, then a fence, as everywhere on memory that is mapped read-only.
        let load = |word: &Word| word.load(Ordering::Relaxed);
        if load(&block[thread::STATE]) != TAKEN {
            return None;
        }
        // Acquire: pairs with the Release store in `StatsWriter::new`; the name is whole.
        fence(Ordering::Acquire);
        let name: [u64; NAME_WORDS] = core::array::from_fn(|at| load(&block[thread::NAME + at]));
        let counters = block[COUNTERS..][..Counter::COUNT].iter().map(load).collect();
        let histograms = block[HISTOGRAMS..].chunks_exact(HISTOGRAM_WORDS).map(|block| {
            let counts: Vec<u64> = block[layout::histogram::WORDS..].iter().map(load).collect();
            if counts.iter().all(|count| *count == 0) {
                return Histogram::default();
            }
            Histogram {
                counts,
                min: !load(&block[layout::histogram::MIN]),
                max: load(&block[layout::histogram::MAX]),
                clamped: load(&block[layout::histogram::CLAMPED]),
            }
        });
        Some(Self { name: text::decode(&name), counters, histograms: histograms.collect() })
    }

    /// Name of the thread.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A counter.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(counter as usize).copied().unwrap_or_default()
    }

    /// Every counter that is not zero, by name.
    pub fn counters(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        let all = Counter::ALL.iter().map(|counter| (*counter, self.counter(*counter)));
        all.filter(|(_, value)| *value != 0)
    }

    /// A copy of a histogram.
    #[must_use]
    pub fn histogram(&self, stage: Stage) -> Histogram {
        self.histograms.get(stage as usize).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for counter in Counter::ALL {
            assert_eq!(Counter::from_name(counter.name()), Some(*counter));
        }
        for stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.name()), Some(*stage));
        }
        assert_eq!(Counter::from_name("no such counter"), None);
    }
}
