//! Array-indexed price ladder, and the book on top of it.
//!
//! A [`Book`] takes whole venue messages ([`Book::apply`], then [`Book::finish`]) and gives the
//! best levels as contiguous slices, with the range of slots that the message changed.
//!
//! # Guarantees
//!
//! - Applying and finishing a message allocates nothing once the book has its levels; the rare
//!   events that may ([`BookCounters::overflow_growths`]) are counted.
//! - Every `i64` is a price: far ones live in an ordered overflow, ones between the ticks refine
//!   the price step. No level is dropped, none indexes out of range, and nothing here panics on
//!   what a venue sends.
//! - What the venue sends is kept as it is: a crossed book stays crossed, and is flagged.
//!
//! # Not guaranteed
//!
//! - That a book is right. It applies what it is given; sequence rules live in `tickbook-venues`,
//!   and [`BboCheck`] compares the result with the venue's own best bid and offer.
//!
//! # Example
//!
//! ```
//! use tickbook_book::{Book, BookConfig};
//! use tickbook_types::{LevelRecord, Price, Side, Size};
//!
//! let mut book = Book::new(&BookConfig::default());
//! book.apply(&[
//!     LevelRecord::new(Price(6_123_450), Size(7), Side::Bid),
//!     LevelRecord::new(Price(6_123_460), Size(3), Side::Ask),
//! ])?;
//! assert!(book.finish().top_changed);
//! assert_eq!(book.top(Side::Bid)[0].price, Price(6_123_450));
//! assert_eq!(book.changed_top(Side::Ask), 0..1);
//! # Ok::<(), tickbook_book::BookError>(())
//! ```

#![forbid(unsafe_code)]

mod bbo;
mod bitmap;
mod book;
mod checksum;
mod config;
mod error;
mod grid;
mod ladder;
mod overflow;
mod rescale;
mod top;

pub use bbo::BboCheck;
pub use book::{Applied, Book, BookCounters, Finished};
pub use config::BookConfig;
pub use error::BookError;
