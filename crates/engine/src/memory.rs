//! What the kernel is asked about the memory of this process: pages that stay, and their size.
//!
//! Both settings are of the whole process, and of all memory that it takes afterwards: ladders,
//! rings, stacks and the mapped file of the books. So they are made once, before anything else.
//!
//! # Guarantees
//!
//! - Without huge pages, nobody makes one for this process: neither the kernel by itself (`always`
//!   on its settings) nor the allocator, which asks for them (`madvise`) in all its large blocks.
//! - Memory that is locked stays in RAM from its first touch on. Windows of ladders that nothing
//!   was ever written to take none, locked or not.
//! - A setting that cannot be had is refused, never left out in silence.
//!
//! # Not guaranteed
//!
//! - That the kernel finds a huge page for every block that wants one: it takes small ones then.
//! - Anything about the file of the books: pages of a tmpfs are as large as its mount allows
//!   (`huge=`). Locked, they stay.

use std::fmt;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, disable_transparent_huge_pages};

/// What is asked of the kernel about the memory of this process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// Whether large blocks may lie on huge pages.
    pub huge_pages: bool,
    /// Whether all memory is locked into RAM once it was touched.
    pub lock: bool,
}

impl Memory {
    /// Asks the kernel, for memory that is taken from now on.
    ///
    /// # Errors
    ///
    /// A line that says what is in the way and what to do.
    pub fn ask(self) -> Result<(), String> {
        if self.huge_pages {
            judge_huge_pages(std::fs::read_to_string(HUGE_PAGES_FILE).ok().as_deref())?;
        }
        disable_transparent_huge_pages(!self.huge_pages).map_err(|error| {
            format!("the kernel does not take a setting of huge pages: {error}")
        })?;
        if self.lock { lock() } else { Ok(()) }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = if self.huge_pages { "huge pages" } else { "ordinary pages" };
        let lock = if self.lock { "locked" } else { "not locked" };
        write!(f, "memory: {pages}, {lock}")
    }
}

/// Locks what there is and what comes, each page as it is touched.
fn lock() -> Result<(), String> {
    let limit = getrlimit(Resource::Memlock);
    // What the host permits at most need not be the user's to ask for.
    let limit = if limit.maximum.is_none() && limit.current.is_some() {
        let raised = Rlimit { current: None, maximum: None };
        setrlimit(Resource::Memlock, raised).map_or(limit, |()| raised)
    } else {
        limit
    };
    let is_capable =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    judge_limit(limit.current, is_capable)?;
    // Without ONFAULT every page of every window would be touched now, and those of all stacks.
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
        .map_err(|error| refusal(&format!("the kernel says: {error}")))
}

/// Refuses any limit. What counts against it are addresses, not pages: the allocator reserves a
/// gibibyte at a time, and beyond the limit it would get no more, in the middle of a day.
fn judge_limit(limit: Option<u64>, is_capable: bool) -> Result<(), String> {
    match limit {
        Some(bytes) if !is_capable => {
            Err(refusal(&format!("this process may lock {} KiB only", bytes >> 10)))
        }
        _ => Ok(()),
    }
}

fn refusal(why: &str) -> String {
    format!(
        "lock_memory: memory cannot be locked: {why}; lift the limit (LimitMEMLOCK=infinity in \
         the systemd unit, ulimit -l unlimited, or CAP_IPC_LOCK), or leave lock_memory out"
    )
}

/// Where the kernel says who gets huge pages: `always [madvise] never`.
const HUGE_PAGES_FILE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

fn judge_huge_pages(setting: Option<&str>) -> Result<(), String> {
    match setting {
        Some(setting) if !setting.contains("[never]") => Ok(()),
        _ => Err(format!(
            "huge_pages: the kernel gives none; echo madvise > {HUGE_PAGES_FILE}, or leave \
             huge_pages out"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_limit_is_refused_but_not_of_a_process_above_it() {
        assert_eq!(judge_limit(None, false), Ok(()));
        assert_eq!(judge_limit(Some(0), true), Ok(()));
        for bytes in [0, 64 << 10, 8 << 30] {
            let line = judge_limit(Some(bytes), false).unwrap_err();
            assert!(line.contains(&format!("{} KiB", bytes >> 10)), "{line}");
            for part in ["LimitMEMLOCK", "ulimit -l", "CAP_IPC_LOCK"] {
                assert!(line.contains(part), "{line}");
            }
        }
    }

    #[test]
    fn huge_pages_are_refused_where_there_are_none() {
        for setting in ["always [madvise] never\n", "[always] madvise never\n"] {
            assert_eq!(judge_huge_pages(Some(setting)), Ok(()));
        }
        for setting in [None, Some("always madvise [never]\n")] {
            assert!(judge_huge_pages(setting).unwrap_err().contains("echo madvise"));
        }
    }
}
