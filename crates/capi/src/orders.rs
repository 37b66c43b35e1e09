//! How many orders make up each level of a book.

use core::ptr;

use crate::book::{TickbookBook, TickbookDepth, read};
use crate::error::TickbookStatus;

/// The published levels of a book with the orders at each. The pointers are good as long as those
/// of the levels are.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TickbookCountedDepth {
    /// The levels.
    pub depth: TickbookDepth,
    /// Orders at each of `depth.bids` (0: not known); null if it is not known of these levels.
    pub bid_orders: *const u32,
    /// Orders at each of `depth.asks` (0: not known); null if it is not known of these levels.
    pub ask_orders: *const u32,
}

const _: () = assert!(size_of::<TickbookCountedDepth>() == 120);
const _: () = assert!(core::mem::offset_of!(TickbookCountedDepth, bid_orders) == 104);

impl Default for TickbookCountedDepth {
    fn default() -> Self {
        let depth = TickbookDepth::default();
        Self { depth, bid_orders: ptr::null(), ask_orders: ptr::null() }
    }
}

/// Reads the published levels and how many orders make up each of them, if the book is live and
/// fresh; otherwise the status says why they are not to be used, and `*depth` is all zero. Only
/// some venues tell: of others, and of levels whose counts have yet to come, the pointers to them
/// are null. Allocates on the first use of a handle only.
///
/// # Safety
///
/// - as `tickbook_book_depth`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickbook_book_depth_and_orders(
    book: *mut TickbookBook,
    depth: *mut TickbookCountedDepth,
) -> TickbookStatus {
    let levels = |book: &mut TickbookBook| {
        let counted = book.reader.depth_and_orders(&mut book.depth, &mut book.orders)?;
        let depth = TickbookDepth::from(&book.depth);
        // Of the same publish there are as many as there are levels.
        let (bids, asks) = (book.orders.bids(), book.orders.asks());
        let whole = (bids.len(), asks.len()) == (book.depth.bids().len(), book.depth.asks().len());
        if !(counted && whole) {
            return Ok(TickbookCountedDepth { depth, ..TickbookCountedDepth::default() });
        }
        Ok(TickbookCountedDepth { depth, bid_orders: bids.as_ptr(), ask_orders: asks.as_ptr() })
    };
    // SAFETY: the contract is the same.
    unsafe { read(book, depth, "depth", levels) }
}
