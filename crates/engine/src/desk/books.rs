//! Books come and go.
//!
//! # Guarantees
//!
//! - A book that comes where another one went has nothing of it but its memory.

use tickbook_book::{Book, BookConfig};
use tickbook_shm::Counter;
use tickbook_types::{BookId, BookSpec, BookState, Reason};

use super::{Desk, DeskConfig, Slot};
use crate::limits;

impl DeskConfig {
    /// What is the same for all of its books.
    fn sizes(self) -> BookConfig {
        BookConfig {
            published_depth: self.depth,
            window_slots: BookConfig::window_slots_for(self.books_max),
            overflow_capacity: limits::OVERFLOW_CAPACITY,
            levels_limit: limits::LEVELS_MAX,
            ..BookConfig::default()
        }
    }
}

impl Desk {
    /// Makes `books` books beforehand, and touches their memory: up to 4 MiB each.
    pub fn prepare(&mut self, books: usize) {
        let config = self.config.sizes();
        self.spare.resize_with(books.min(self.config.books_max), || {
            let mut book = Book::new(&config);
            book.warm();
            book
        });
    }

    pub(super) fn add(&mut self, spec: BookSpec) {
        let Self { slots, out, config, spare, .. } = self;
        let Some(place) = slots.get_mut(spec.book.index()) else {
            out.stats.add(Counter::IgnoredNoBook, 1);
            return;
        };
        if out.writer.add_book(&spec).is_err() {
            out.stats.add(Counter::IgnoredNoBook, 1);
            return;
        }
        let config = BookConfig {
            scale: spec.scale,
            tick: spec.instrument.tick_size,
            depth_max: spec.depth_max,
            ..config.sizes()
        };
        let book = match spare.pop() {
            Some(mut book) => {
                book.renew(&config);
                book
            }
            None => Book::new(&config),
        };
        out.publish(place.insert(Box::new(Slot::new(spec, book))));
    }

    pub(super) fn remove(&mut self, book: BookId) {
        if let Some(mut slot) = self.slots.get_mut(book.index()).and_then(Option::take) {
            (slot.state, slot.reason) = (BookState::Closed, Reason::None);
            self.out.publish(&mut slot);
            self.out.writer.remove_book(book);
            if self.spare.len() < limits::SPARE_BOOKS_MAX {
                self.spare.push(slot.book);
            }
        }
    }
}
