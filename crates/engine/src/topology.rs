//! Which threads there are, which cores they sit on, and how they idle.
//!
//! Every venue has its own thread. Builders either have threads of their own (`own-thread`) or work
//! inside the venue thread (`inline`): the same code, without the hop between two cores. What was
//! chosen, and why, is printed at start ([`Topology`] implements `Display`).

use std::fmt;

use serde::Deserialize;

use crate::idle::Idle;

/// Where builders run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum BuilderPlace {
    /// In a thread of their own, one hop behind the venue thread.
    OwnThread,
    /// In the venue thread.
    Inline,
}

impl BuilderPlace {
    /// The name in configuration and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnThread => "own-thread",
            Self::Inline => "inline",
        }
    }
}

/// What the user asked for; `None` leaves the choice to [`Topology::choose`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// Where builders run.
    pub builder: Option<BuilderPlace>,
    /// How the path threads idle.
    pub idle: Option<Idle>,
    /// Threads that need no core of their own but must run beside the pinned ones: 1 for a live
    /// engine (service, logs), 0 for a memory replay.
    pub other_threads: usize,
}

/// The chosen layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Topology {
    /// Where builders run.
    pub builder: BuilderPlace,
    /// How the path threads idle.
    pub idle: Idle,
    /// Cores the process may use.
    pub cores: usize,
    /// Path threads: venue threads and builder threads.
    pub path_threads: usize,
}

impl Topology {
    /// Chooses for `venues` venue threads on `cores` usable cores.
    ///
    /// Builders get threads of their own when there are cores for all path threads and for
    /// `other_threads`; a thread busy-spins by default only when it has a core to itself.
    #[must_use]
    pub fn choose(venues: usize, cores: usize, wishes: Wishes) -> Self {
        let roomy = |threads: usize| cores >= threads + wishes.other_threads;
        let builder = wishes.builder.unwrap_or(if roomy(venues + 1) {
            BuilderPlace::OwnThread
        } else {
            BuilderPlace::Inline
        });
        let path_threads = venues + usize::from(builder == BuilderPlace::OwnThread);
        let idle =
            wishes.idle.unwrap_or(if roomy(path_threads) { Idle::BusySpin } else { Idle::Yield });
        Self { builder, idle, cores, path_threads }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { builder, idle, cores, path_threads } = self;
        write!(
            f,
            "{} path thread(s) on {cores} usable core(s), builder {}, idle {}",
            path_threads,
            builder.name(),
            idle.name()
        )
    }
}

/// Cores this process may run on.
#[must_use]
pub fn usable_cores() -> usize {
    core_affinity::get_core_ids().map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        |ids| ids.len(),
    )
}

/// Pins the calling thread to `core`.
///
/// # Errors
///
/// A line that says what to change, when the core does not exist, is not allowed, or pinning fails.
pub fn pin(core: usize) -> Result<(), String> {
    let allowed = core_affinity::get_core_ids().unwrap_or_default();
    let Some(id) = allowed.iter().find(|id| id.id == core) else {
        let list: Vec<String> = allowed.iter().map(|id| id.id.to_string()).collect();
        return Err(format!(
            "core {core} is not one this process may use (it may use {}); change `core`, or the \
             affinity the process is started with",
            list.join(", ")
        ));
    };
    if core_affinity::set_for_current(*id) {
        Ok(())
    } else {
        Err(format!("pinning to core {core} failed; check the cgroup's cpuset"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(venues: usize, cores: usize, other_threads: usize) -> (BuilderPlace, Idle) {
        let topology =
            Topology::choose(venues, cores, Wishes { other_threads, ..Wishes::default() });
        (topology.builder, topology.idle)
    }

    #[test]
    fn builders_get_a_thread_when_a_core_is_left_for_the_rest() {
        assert_eq!(choose(1, 1, 1), (BuilderPlace::Inline, Idle::Yield));
        assert_eq!(choose(1, 2, 1), (BuilderPlace::Inline, Idle::BusySpin));
        assert_eq!(choose(1, 3, 1), (BuilderPlace::OwnThread, Idle::BusySpin));
        assert_eq!(choose(4, 64, 1), (BuilderPlace::OwnThread, Idle::BusySpin));
        // A memory replay has nothing else to run.
        assert_eq!(choose(1, 2, 0), (BuilderPlace::OwnThread, Idle::BusySpin));
    }

    #[test]
    fn a_wish_is_granted() {
        let wishes = Wishes {
            builder: Some(BuilderPlace::OwnThread),
            idle: Some(Idle::Backoff),
            other_threads: 1,
        };
        let topology = Topology::choose(1, 1, wishes);
        assert_eq!((topology.builder, topology.idle), (BuilderPlace::OwnThread, Idle::Backoff));
    }

    #[test]
    fn a_core_that_is_not_there_is_refused_with_the_ones_that_are() {
        let message = pin(1_000_000).unwrap_err();
        assert!(message.contains("core 1000000") && message.contains("may use"), "{message}");
    }
}
