//! A file in memory, as words.
//!
//! This is the only module of the crate with `unsafe`: it turns a mapping into a slice of atomic
//! words, and everything else is ordinary indexing; and it asks for cache lines ahead of a store.
//!
//! # Invariants
//!
//! - A [`ReadMapping`] is never stored to: its pages are mapped `PROT_READ`, and a store would be a
//!   fault. Its users load with `Relaxed` only, which never writes.

use std::fs::File;
use std::io;

use memmap2::{MmapOptions, MmapRaw};

use crate::atomic::Word;

/// A file mapped for reading and writing.
#[derive(Debug)]
pub(crate) struct WriteMapping(MmapRaw);

/// A file mapped for reading.
#[derive(Debug)]
pub(crate) struct ReadMapping(MmapRaw);

impl WriteMapping {
    /// Maps the first `bytes` bytes of a file that has them, and touches every page.
    pub(crate) fn new(file: &File, bytes: usize) -> io::Result<Self> {
        MmapOptions::new().len(bytes).populate().map_raw(file).map(Self)
    }

    #[inline]
    pub(crate) fn words(&self) -> &[Word] {
        words(&self.0)
    }
}

impl ReadMapping {
    /// Maps the first `bytes` bytes of a file that has them, and touches every page, so that no
    /// read faults later.
    pub(crate) fn new(file: &File, bytes: usize) -> io::Result<Self> {
        MmapOptions::new().len(bytes).populate().map_raw_read_only(file).map(Self)
    }

    #[inline]
    pub(crate) fn words(&self) -> &[Word] {
        words(&self.0)
    }
}

#[inline]
fn words(mapping: &MmapRaw) -> &[Word] {
    let (start, count) = (mapping.as_ptr().cast::<Word>(), mapping.len() / size_of::<Word>());
    debug_assert!(start.is_aligned());
    // SAFETY: `mapping` holds `len` mapped bytes from a page boundary, which is aligned for a word,
    // until it is dropped, and the slice borrows it. Every bit pattern is a word. Other processes
    // change the memory meanwhile: every access on either side is an atomic one, through `Word`.
    // The file keeps its length: it is allocated before it is published, only the engine's own
    // user may truncate it, and no code of ours does (`docs/LAYOUT.md`, "Trust").
    unsafe { core::slice::from_raw_parts(start, count) }
}

/// Asks the processor for the cache line of the first of `words`, which will be stored to soon. No
/// effect but on time.
#[inline]
pub(crate) fn prefetch(words: &[Word]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads no value, and faults at no address whatever.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(words.as_ptr().cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = words;
}

/// Words of a cache line.
const LINE_WORDS: usize = 8;

/// Fetches the cache lines of `words` as their owner: a hint, for what will be stored to in a
/// moment. Lines that readers hold are fetched one behind the other by the stores themselves, as
/// those become visible in order; asked for beforehand, they come together.
#[inline]
pub(crate) fn fetch_to_write(words: &[Word]) {
    for line in words.chunks(LINE_WORDS) {
        let address = line.as_ptr().addr();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: PREFETCHW changes nothing but where a line is cached, and cannot fault. Every
        // x86-64 processor has it or takes its bytes for no operation.
        unsafe {
            core::arch::asm!(
                "prefetchw byte ptr [{}]",
                in(reg) address,
                options(nomem, nostack, preserves_flags)
            );
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let _ = address;
    }
}
