//! The files of a host: `/proc` and `/sys` below a root that tests and copies can stand in for.
//!
//! # Guarantees
//!
//! - What is absent or unreadable is `None` or empty, never an error: most of these files exist on
//!   some hosts only.
//! - At most [`BYTES_MAX`] bytes of a file are read.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Far above the longest of these files, `/proc/interrupts` of some hundred cores.
const BYTES_MAX: u64 = 4 << 20;

/// A folder that has `proc` and `sys`.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    dir: PathBuf,
}

impl Root {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// Whether it is the host that this process runs on, so that tools may be asked, too.
    pub(crate) fn is_this_host(&self) -> bool {
        self.dir == Path::new("/")
    }

    /// The text of a file, trimmed; `path` begins below the root.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let path = self.dir.join(path.trim_start_matches('/'));
        // A named pipe or a device in a copy would block.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The number that is all of a file.
    pub(crate) fn number(&self, path: &str) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// What is in a folder, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.dir.join(path.trim_start_matches('/'))) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.dir.join(path.trim_start_matches('/')).exists()
    }

    /// The value of a parameter of the kernel's command line: the last one wins; empty for a flag.
    pub(crate) fn boot_parameter(&self, name: &str) -> Option<String> {
        let line = self.text("proc/cmdline")?;
        // What comes after `--` is for the first process, not for the kernel.
        let words = line.split_whitespace().take_while(|word| *word != "--");
        let mut values = words.filter_map(|word| match word.strip_prefix(name)? {
            "" => Some(String::new()),
            rest => rest.strip_prefix('=').map(str::to_owned),
        });
        let first = values.next()?;
        Some(values.last().unwrap_or(first))
    }

    /// A field of `/proc/self/status`.
    pub(crate) fn own_status(&self, field: &str) -> Option<String> {
        let status = self.text("proc/self/status")?;
        let mut lines = status.lines();
        lines.find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
    }

    /// A flag of the first processor, `None` where flags are not listed.
    pub(crate) fn cpu_flag(&self, flag: &str) -> Option<bool> {
        let info = self.text("proc/cpuinfo")?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
        Some(flags.split_whitespace().any(|it| it == flag))
    }

    /// Whether the kernel knows that it runs on a hypervisor.
    pub(crate) fn is_virtual(&self) -> bool {
        self.cpu_flag("hypervisor") == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::tree::Tree;

    #[test]
    fn what_is_absent_is_none() {
        let tree = Tree::new("root-absent", &[]);
        let root = tree.root();
        assert_eq!(root.text("proc/cmdline"), None);
        assert_eq!(root.number("proc/sys/net/core/busy_read"), None);
        assert!(root.names("sys/class/net").is_empty());
        assert_eq!(root.boot_parameter("isolcpus"), None);
        assert_eq!(root.cpu_flag("tsc"), None);
        assert!(!root.is_this_host());
    }

    #[test]
    fn boot_parameters_are_whole_words_before_the_dashes() {
        let line = "quiet isolcpus=1 xisolcpus=9 isolcpus=2-3 nohz_fullish=1 -- rcu_nocbs=7\n";
        let tree = Tree::new("root-cmdline", &[("proc/cmdline", line)]);
        let root = tree.root();
        assert_eq!(root.boot_parameter("isolcpus").as_deref(), Some("2-3"));
        assert_eq!(root.boot_parameter("quiet").as_deref(), Some(""));
        assert_eq!(root.boot_parameter("nohz_full"), None);
        assert_eq!(root.boot_parameter("rcu_nocbs"), None);
    }

    #[test]
    fn bytes_that_are_no_text_and_folders_do_no_harm() {
        let tree = Tree::new("root-bytes", &[("proc/cmdline", "x"), ("proc/version/file", "x")]);
        std::fs::write(tree.path().join("proc/cmdline"), [0xff, 0xfe, b'\n']).unwrap();
        let root = tree.root();
        assert!(root.text("proc/cmdline").is_some());
        assert_eq!(root.boot_parameter("quiet"), None);
        assert_eq!(root.text("proc/version"), None);
    }
}
