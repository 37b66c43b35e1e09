//! What the venue itself says of a book beside its levels: checksums, best bid and offer.

use tickbook_shm::Counter;
use tickbook_types::{Checksum, LevelRecord, MessageFlags, MessageHeader, Reason};

use super::{Out, ResyncRequest, Slot};
use crate::limits;

/// The levels of a message, and the checksum behind them.
#[inline]
pub(super) fn split_checksum<'a>(
    header: &MessageHeader,
    records: &'a [LevelRecord],
) -> (&'a [LevelRecord], Option<Checksum>) {
    match records.split_last() {
        Some((last, levels)) if header.flags.has(MessageFlags::CHECKSUM) => {
            (levels, Checksum::from_record(*last))
        }
        _ => (records, None),
    }
}

impl Out {
    /// Compares the book with the venue's checksum; `false` if it is wrong for certain.
    #[inline]
    pub(super) fn check(&mut self, slot: &mut Slot, wanted: &Checksum) -> bool {
        if slot.book.checksum(wanted) == wanted.value {
            slot.checksums.ok += 1;
            self.stats.add(Counter::ChecksumsOk, 1);
        } else if wanted.doubtful {
            self.stats.add(Counter::ChecksumsUnchecked, 1);
        } else {
            slot.checksums.bad += 1;
            self.stats.add(Counter::ChecksumsBad, 1);
            return false;
        }
        true
    }

    /// Calls a book stale that keeps contradicting the venue's own best bid and offer.
    #[inline]
    pub(super) fn judge_bbo(
        &mut self,
        slot: &mut Slot,
        before: (u64, u64),
    ) -> Option<ResyncRequest> {
        let (ok, bad) = (slot.bbo.ok - before.0, slot.bbo.bad - before.1);
        if ok + bad == 0 {
            return None;
        }
        self.stats.add(Counter::BboChecksOk, ok);
        self.stats.add(Counter::BboChecksBad, bad);
        slot.bbo_bad_run = if ok > 0 { 0 } else { slot.bbo_bad_run.saturating_add(bad) };
        if slot.bbo_bad_run < limits::BBO_BAD_MAX || slot.held.is_some() {
            return None;
        }
        Some(self.hold(slot, Reason::Checksum))
    }
}
