//! Array-indexed price ladder, and the book on top of it.
#![forbid(unsafe_code)]

mod bbo;
mod book;
mod config;
mod error;

pub use bbo::BboCheck;
pub use book::{Applied, Book, BookCounters, Finished};
pub use config::BookConfig;
pub use error::BookError;
