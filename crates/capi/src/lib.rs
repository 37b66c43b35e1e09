//! The tickbook reader for C and everything that calls C: `include/tickbook.h`, the same reads as
//! the `tickbook` crate.
//!
//! The header is generated from this crate by cbindgen and committed; a test holds the two
//! together. `examples/strategy.c` is a whole program.
//!
//! # Guarantees
//!
//! - Every enum and struct of the header has a fixed size and layout, asserted at compile time;
//!   handles are opaque.
//! - Arguments are checked: a null pointer, a text that is not UTF-8, a number out of range are a
//!   status, never a panic. No panic crosses into C: an `extern "C"` function that panics ends the
//!   process instead.
//! - A read that gives no book leaves zeros, not what stood there before.
//! - A read allocates nothing, except the first one of levels per handle, and formats nothing: the
//!   text of an error is made when it is asked for.
//!
//! # Not guaranteed
//!
//! - Anything about pointers that are neither null nor valid: C cannot be checked for that.
//!
//! # Invariants
//!
//! - A handle is made by one function of this library and freed by one: `Box::into_raw` and
//!   `Box::from_raw`, of the same type.
//! - Nothing is read through a pointer to an `out` argument: it may point to memory that was never
//!   written.

mod pointer;

// In the order of the header.
mod error;

mod engine;

mod book;
mod consolidated;
mod events;
mod orders;
mod stats;
mod ticker;
mod value;

pub use book::*;
pub use consolidated::*;
pub use engine::*;
pub use error::*;
pub use events::*;
pub use orders::*;
pub use stats::*;
pub use ticker::*;
pub use value::*;

/// Version of this header. A program compares it with `tickbook_abi_version()` if it may meet a
/// library of another build.
pub const TICKBOOK_ABI_VERSION: u32 = 1;

/// The `TICKBOOK_ABI_VERSION` that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn tickbook_abi_version() -> u32 {
    TICKBOOK_ABI_VERSION
}
