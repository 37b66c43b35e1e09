//! The one place atomics come from: std's, or loom's under `cfg(tickbook_loom)`; and the ordering
//! of every access that another thread relies on.
//!
//! A `weaken: NAME` line names a value of `cfg(tickbook_weaken = "NAME")` that takes this ordering
//! (or this step) away; a loom test must then fail. The list is complete: whatever is not listed
//! is `Relaxed` at its place of use, with the reason there.

#[cfg(tickbook_loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(not(tickbook_loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use Ordering::{Acquire, Relaxed, Release};

/// Producer: publishes header, levels and guard of a message. Pairs with [`COMMIT_LOAD`].
///
/// weaken: ring-commit-store
pub(crate) const COMMIT_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-commit-store") { Relaxed } else { Release };

/// Consumer: sees what was written before the commit. Pairs with [`COMMIT_STORE`].
///
/// weaken: ring-commit-load
pub(crate) const COMMIT_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-commit-load") { Relaxed } else { Acquire };

/// Consumer: hands slots back once it has read them. Pairs with [`CONSUMED_LOAD`].
///
/// weaken: ring-consumed-store
pub(crate) const CONSUMED_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-consumed-store") { Relaxed } else { Release };

/// Producer: writes to a slot only after the consumer's reads of it. Pairs with
/// [`CONSUMED_STORE`].
///
/// weaken: ring-consumed-load
pub(crate) const CONSUMED_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-consumed-load") { Relaxed } else { Acquire };

/// Producer, when it goes: every commit came before. Pairs with [`GONE_LOAD`].
///
/// weaken: ring-gone-store
pub(crate) const GONE_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-gone-store") { Relaxed } else { Release };

/// Consumer: once it knows that the producer is gone, it sees the last commit. Pairs with
/// [`GONE_STORE`].
///
/// weaken: ring-gone-load
pub(crate) const GONE_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-gone-load") { Relaxed } else { Acquire };

/// Producer: writes the guard before the commit, not at all when weakened.
///
/// weaken: ring-guard
pub(crate) const GUARDED: bool = !cfg!(tickbook_weaken = "ring-guard");

/// Producer: writes the guard before the commit, after it when weakened.
///
/// weaken: ring-guard-late
pub(crate) const GUARD_LATE: bool = cfg!(tickbook_weaken = "ring-guard-late");
