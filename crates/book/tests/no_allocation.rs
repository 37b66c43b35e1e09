//! Applying and finishing messages allocates nothing, whatever happens in them.
//!
//! Method: an allocator that counts per thread; a book with a small window, so that windows move,
//! levels spill and come back, and the depth is cut; after one warm-up lap the same kinds of
//! messages go through while the count must stand still.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tickbook_book::{BboCheck, Book, BookConfig};
use tickbook_types::{LevelRecord, Price, SeqNo, Side, Size};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to `System` unchanged; the count touches no memory of the
// allocation (a const-initialised thread-local of a type without a destructor allocates nothing).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System` with this layout, as all memory of this allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: `memory` came from `System` with this layout; the caller keeps the rest.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// Numbers that look random: xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % end).expect("an end is small")
    }
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    drop(std::hint::black_box(vec![0_u8; 100]));
    assert!(allocations() > before);
}

#[test]
fn no_message_allocates() {
    for depth_max in [None, Some(400)] {
        let config = BookConfig { window_slots: 256, depth_max, ..BookConfig::default() };
        let mut book = Book::new(&config);
        let mut check = BboCheck::new(64);
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut records = Vec::with_capacity(64);
        let mut mid = 100_000;
        let mut before = None;
        for n in 0..40_000 {
            if n == 10_000 {
                before = Some(allocations());
            }
            mid += random.below(61) - 30;
            records.clear();
            for _ in 0..random.below(60) {
                let (side, away) =
                    if random.below(2) == 0 { (Side::Bid, -1) } else { (Side::Ask, 1) };
                let ticks = if random.below(4) == 0 { 1_200 } else { 80 };
                let price = Price(mid + away * random.below(ticks));
                let size = if random.below(100) < 45 { 0 } else { random.below(9) + 1 };
                records.push(LevelRecord::new(price, Size(size.unsigned_abs()), side));
            }
            book.apply(&records).unwrap();
            book.finish();
            let seq = SeqNo(n);
            let (bid, ask) = (book.best(Side::Bid), book.best(Side::Ask));
            check.on_book(seq, bid, ask);
            if let Some((bid, ask)) = bid.zip(ask) {
                check.on_ticker(seq, bid, ask);
            }
            book.changed_top(Side::Bid);
            book.changed_top(Side::Ask);
            if n % 5_000 == 4_999 {
                book.clear();
            }
        }
        assert_eq!(before, Some(allocations()), "{:?}", book.counters());
        assert_eq!(book.counters().overflow_growths, 0);
        assert!(book.counters().window_moves > 100, "{:?}", book.counters());
        assert_eq!(check.bad, 0);
        assert!(check.ok > 0);
    }
}

#[test]
fn an_untouched_book_takes_no_memory_but_address_space() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let before = resident();
    let config = BookConfig { window_slots: 1 << 18, ..BookConfig::default() };
    let record = |price, side| LevelRecord::new(Price(price), Size(1), side);
    let books: Vec<_> = (0..200)
        .map(|_| {
            let mut book = Book::new(&config);
            let both =
                |n: i64| [record(1_000_000 - n, Side::Bid), record(1_000_001 + n, Side::Ask)];
            (0..500).for_each(|n| assert!(book.apply(&both(n)).is_ok()));
            book.finish();
            book
        })
        .collect();
    let each = resident().saturating_sub(before) / books.len() as u64;
    // 4 MiB of windows each, of which 500 neighbouring levels a side touch a few pages.
    assert!(each < 200 * 1024, "{each} bytes of memory a book");
}
