//! Where readers get their file from: the current generation, shared by all readers of a handle.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tickbook_shm::{ShmError, View};
use tickbook_types::{MonoNanos, NotReadable};

/// Heartbeat intervals without a beat after which a writer counts as dead.
pub(crate) const HEARTBEATS_MISSED_MAX: i64 = tickbook_shm::limits::HEARTBEATS_MISSED_MAX;

/// An engine's file, across its generations.
#[derive(Debug)]
pub(crate) struct Source {
    dir: PathBuf,
    name: String,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    view: Arc<View>,
    looked: MonoNanos,
}

impl Source {
    pub(crate) fn open(dir: PathBuf, name: String) -> Result<Self, ShmError> {
        let view = Arc::new(View::open(&dir, &name)?);
        let current = Mutex::new(Current { view, looked: MonoNanos(i64::MIN) });
        Ok(Self { dir, name, current })
    }

    /// The file that was current when somebody last looked.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).view)
    }

    /// The file that is current at `now`, as far as one look per heartbeat interval can tell.
    pub(crate) fn look(&self, now: MonoNanos) -> Arc<View> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(current.looked) >= current.view.identity().heartbeat_ns {
            current.looked = now;
            let newer = View::peek(&self.dir, &self.name)
                .is_ok_and(|it| it.open && it.generation != current.view.identity().generation);
            if newer && let Ok(view) = View::open(&self.dir, &self.name) {
                current.view = Arc::new(view);
            }
        }
        Arc::clone(&current.view)
    }

    /// The current file; looks for a newer one if the writer of this one is gone.
    pub(crate) fn living_view(&self, now: MonoNanos) -> Arc<View> {
        let view = self.view();
        if engine_fault(&view, now).is_some() { self.look(now) } else { view }
    }
}

/// How far a time in the file may be ahead of a reader's: readers may have read the clock a little
/// earlier. Beyond it is another clock (a time namespace, a counter gone wrong), whose times would
/// stay young for as long.
const AHEAD_NS_MAX: i64 = 1_000_000_000;

/// How long ago `heard` was: not below zero, and for ever if it is no time of this clock.
pub(crate) fn age_ns(heard: MonoNanos, now: MonoNanos) -> i64 {
    match now.since(heard) {
        ahead if ahead < -AHEAD_NS_MAX => i64::MAX,
        age => age.max(0),
    }
}

/// How long until a builder that beat at `beat` counts as dead; not above zero: it does.
pub(crate) fn beat_left_ns(view: &View, beat: MonoNanos, now: MonoNanos) -> i64 {
    let limit = view.identity().heartbeat_ns.saturating_mul(HEARTBEATS_MISSED_MAX);
    limit.saturating_sub(age_ns(beat, now))
}

/// What is wrong with the engine as a whole: no builder beats, or it ended.
pub(crate) fn engine_fault(view: &View, now: MonoNanos) -> Option<NotReadable> {
    if view.closed() {
        return Some(NotReadable::Closed);
    }
    let beating =
        view.builders().any(|it| it.used && !it.ended && beat_left_ns(view, it.beat, now) > 0);
    (!beating).then_some(NotReadable::WriterDead)
}
