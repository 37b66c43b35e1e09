//! Zero-copy scanning primitives for venue messages.
//!
//! Venue sessions compose these into the grammar of one kind of frame: fixed text
//! ([`expect`]), names ([`text()`]), ids ([`unsigned`]), and above all arrays of levels like
//! `["price","size"]`, which [`LevelScanner`] writes straight into the records of a ring.
//!
//! # Guarantees
//!
//! - Every byte between the start and the end of what is accepted has been looked at.
//! - `None` means *not recognised*, never *wrong*: the caller gives the whole message to a general
//!   parser, which decides. What is accepted has the value the general parser would find.
//! - All [`Kernel`]s accept the same text and find the same values.
//! - No function reads outside the slice it is given, panics, or allocates.
//!
//! # Not guaranteed
//!
//! - That a message ends where it should: positions may lie in the padding behind a message. The
//!   caller compares the last one with the message's length.
//! - What is in the records behind those that were counted.

mod arch;
mod decimal;
mod levels;
mod number;
mod patterns;
mod rows;
mod skip;
mod text;
mod word;

pub use arch::Kernel;
pub use decimal::{Plain, decimal, scientific};
pub use levels::{Form, LevelScanner, Levels};
pub use number::unsigned;
pub use patterns::{Example, Found, Patterns, Places, Sort};
pub use rows::{Pair, labelled_row, row};
pub use skip::{bare_end, closing_quote, nested_end};
pub use text::{expect, text};
