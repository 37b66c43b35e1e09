//! The one place atomics come from: std's, or loom's under `cfg(tickbook_loom)`; and the ordering
//! of every access that another thread relies on.
//!
//! Each value of `cfg(tickbook_weaken)` here takes one of them (or one step) away; a loom test must
//! then fail. The list is complete: any other access is `Relaxed` where it stands, with the reason
//! there.

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
pub(crate) const COMMIT_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-commit-store") { Relaxed } else { Release };

/// Consumer: sees what was written before the commit. Pairs with [`COMMIT_STORE`].
pub(crate) const COMMIT_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-commit-load") { Relaxed } else { Acquire };

/// Consumer: hands slots back once it has read them. Pairs with [`CONSUMED_LOAD`].
pub(crate) const CONSUMED_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-consumed-store") { Relaxed } else { Release };

/// Producer: writes to a slot only after the consumer's reads of it. Pairs with
/// [`CONSUMED_STORE`].
pub(crate) const CONSUMED_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-consumed-load") { Relaxed } else { Acquire };

/// Producer, when it goes: every commit came before. Pairs with [`GONE_LOAD`].
pub(crate) const GONE_STORE: Ordering =
    if cfg!(tickbook_weaken = "ring-gone-store") { Relaxed } else { Release };

/// Consumer: once it knows that the producer is gone, it sees the last commit. Pairs with
/// [`GONE_STORE`].
pub(crate) const GONE_LOAD: Ordering =
    if cfg!(tickbook_weaken = "ring-gone-load") { Relaxed } else { Acquire };

/// Producer: writes the guard before the commit, not at all when weakened.
pub(crate) const GUARDED: bool = !cfg!(tickbook_weaken = "ring-guard");

/// Producer: writes the guard before the commit, after it when weakened.
pub(crate) const GUARD_LATE: bool = cfg!(tickbook_weaken = "ring-guard-late");
