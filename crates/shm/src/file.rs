//! The files of an engine: `NAME.shm` (the current generation), `NAME.lock` (held by its writer),
//! and while one is made, `.NAME.GENERATION.tmp`.
//!
//! # Invariants
//!
//! - Only the holder of the lock creates, renames or removes files of that name.
//! - `NAME.shm` is only ever replaced by rename, so a reader that opens it gets a whole file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::{ShmError, limits};

/// Ending of the current generation's file.
const CURRENT: &str = ".shm";

/// Ending of the lock file.
const LOCK: &str = ".lock";

/// Ending of a file in the making.
const TEMPORARY: &str = ".tmp";

/// Tries for a lock file that its last holder is removing.
const LOCK_ATTEMPTS_MAX: u32 = 64;

const NEW_FILE: OFlags = OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(NO_SURPRISES);
const NO_SURPRISES: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);
const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn file_mode() -> Mode {
    Mode::RUSR | Mode::WUSR | Mode::RGRP
}

/// A lock is the engine's alone: to take one it is enough to open the file.
fn lock_mode() -> Mode {
    Mode::RUSR | Mode::WUSR
}

/// Checks that a name can be part of a file name.
pub(crate) fn check_name(name: &str) -> Result<(), ShmError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && name.len() <= limits::NAME_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ShmError::Name { name: name.to_owned() })
}

/// Names that have a file in `dir`, in order; none if there is no such directory.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, ShmError> {
    let failed = |source| ShmError::Io { what: "list", path: dir.to_owned(), source };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file_name = entry.map_err(failed)?.file_name();
        let name = file_name.to_str().and_then(|name| name.strip_suffix(CURRENT));
        if let Some(name) = name.filter(|name| check_name(name).is_ok()) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Where the file of `name` is.
pub(crate) fn current_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{CURRENT}"))
}

/// Opens the file of `name` for reading.
pub(crate) fn open_current(dir: &Path, name: &str) -> Result<File, ShmError> {
    check_name(name)?;
    let path = current_path(dir, name);
    match rustix::fs::open(&path, OFlags::RDONLY.union(NO_SURPRISES), Mode::empty()) {
        Ok(fd) => Ok(File::from(fd)),
        Err(Errno::NOENT) => Err(ShmError::NoFile { path }),
        Err(errno) => Err(ShmError::Io { what: "open", path, source: errno.into() }),
    }
}

/// The directory, opened once: everything below it is named relative to it.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens the directory, making it (0750) if it is missing.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, ShmError> {
        let failed =
            |what, errno: Errno| ShmError::Io { what, path: path.to_owned(), source: errno.into() };
        match rustix::fs::mkdir(path, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("create directory", errno)),
        }
        let fd = rustix::fs::open(path, DIR | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| failed("open directory", errno))?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| failed("inspect", errno))?;
        let refused = |why| Err(ShmError::Dir { dir: path.to_owned(), why });
        if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
            return refused("anyone may write to it; use a directory of the engine's own");
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return refused("it belongs to another user; use a directory of the engine's own");
        }
        Ok(Self { fd, path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, what: &'static str, file: &str, errno: Errno) -> ShmError {
        ShmError::Io { what, path: self.path.join(file), source: errno.into() }
    }

    /// Removes what writers that died while creating left behind. The lock must be held.
    pub(crate) fn remove_unfinished(&self, name: &str) -> Result<(), ShmError> {
        let failed = |source| ShmError::Io { what: "list", path: self.path.clone(), source };
        let prefix = format!(".{name}.");
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let file_name = entry.map_err(failed)?.file_name();
            let unfinished = file_name.to_str().is_some_and(|file| {
                file.strip_prefix(&prefix)
                    .and_then(|rest| rest.strip_suffix(TEMPORARY))
                    .is_some_and(|generation| generation.bytes().all(|b| b.is_ascii_digit()))
            });
            if unfinished {
                // Another removal of the same file is as good as ours.
                let _ = rustix::fs::unlinkat(&self.fd, &file_name, AtFlags::empty());
            }
        }
        Ok(())
    }

    /// The file of a generation that is there already, for marking it closed.
    pub(crate) fn open_previous(&self, name: &str) -> Option<File> {
        let file = format!("{name}{CURRENT}");
        let flags = OFlags::RDWR.union(NO_SURPRISES);
        rustix::fs::openat(&self.fd, file, flags, Mode::empty()).ok().map(File::from)
    }
}

/// The lock of a name: held until dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    dir: Dir,
    file_name: String,
}

impl Lock {
    /// Takes the lock.
    pub(crate) fn take(dir: Dir, name: &str) -> Result<Self, ShmError> {
        check_name(name)?;
        let file_name = format!("{name}{LOCK}");
        for _ in 0..LOCK_ATTEMPTS_MAX {
            let flags = OFlags::RDWR.union(OFlags::CREATE).union(NO_SURPRISES);
            let fd = rustix::fs::openat(&dir.fd, &file_name, flags, lock_mode())
                .map_err(|errno| dir.error("create", &file_name, errno))?;
            let mut file = File::from(fd);
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    let holder = text.trim().parse().ok();
                    return Err(ShmError::Locked { name: name.to_owned(), holder });
                }
                Err(errno) => return Err(dir.error("lock", &file_name, errno)),
            }
            // Its last holder may have removed it between our open and our lock.
            if !same_file(&dir, &file, &file_name) {
                continue;
            }
            // Who holds it is for messages only; the lock itself is the kernel's.
            let _ = file.set_len(0);
            let _ = writeln!(file, "{}", std::process::id());
            return Ok(Self { file, dir, file_name });
        }
        Err(ShmError::Locked { name: name.to_owned(), holder: None })
    }

    pub(crate) const fn dir(&self) -> &Dir {
        &self.dir
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while held, so that nobody else can have taken it.
        if same_file(&self.dir, &self.file, &self.file_name) {
            let _ = rustix::fs::unlinkat(&self.dir.fd, &self.file_name, AtFlags::empty());
        }
    }
}

/// A file in the making; removed again unless it is published.
#[derive(Debug)]
pub(crate) struct Unpublished<'a> {
    dir: &'a Dir,
    file: Option<File>,
    file_name: String,
}

impl<'a> Unpublished<'a> {
    /// Creates a file of `bytes` bytes, all of them allocated.
    pub(crate) fn create(
        dir: &'a Dir,
        name: &str,
        generation: u64,
        bytes: usize,
    ) -> Result<Self, ShmError> {
        let file_name = format!(".{name}.{generation}{TEMPORARY}");
        let fd = rustix::fs::openat(&dir.fd, &file_name, NEW_FILE, file_mode())
            .map_err(|errno| dir.error("create", &file_name, errno))?;
        let made = Self { dir, file: Some(File::from(fd)), file_name };
        let file = made.file();
        // The process's umask must not decide who reads.
        rustix::fs::fchmod(file, file_mode())
            .map_err(|errno| dir.error("set the mode of", &made.file_name, errno))?;
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes as u64) {
            Ok(()) => Ok(made),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::NOMEM)) => {
                Err(ShmError::Full { dir: dir.path.clone(), bytes, source: errno.into() })
            }
            Err(errno) => Err(dir.error("allocate", &made.file_name, errno)),
        }
    }

    pub(crate) const fn file(&self) -> &File {
        self.file.as_ref().expect("only `publish` takes it, and consumes self")
    }

    /// Gives the file its name, in place of the one that had it.
    pub(crate) fn publish(mut self, name: &str) -> Result<File, ShmError> {
        let current = format!("{name}{CURRENT}");
        rustix::fs::renameat(&self.dir.fd, &self.file_name, &self.dir.fd, &current)
            .map_err(|errno| self.dir.error("publish", &current, errno))?;
        Ok(self.file.take().expect("only taken here"))
    }
}

impl Drop for Unpublished<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = rustix::fs::unlinkat(&self.dir.fd, &self.file_name, AtFlags::empty());
        }
    }
}

/// Whether `name` still names `file`.
pub(crate) fn is_current(dir: &Dir, file: &File, name: &str) -> bool {
    same_file(dir, file, &format!("{name}{CURRENT}"))
}

/// Removes the file of `name` if it is still `file`.
pub(crate) fn remove_current(dir: &Dir, file: &File, name: &str) {
    let current = format!("{name}{CURRENT}");
    if same_file(dir, file, &current) {
        let _ = rustix::fs::unlinkat(&dir.fd, &current, AtFlags::empty());
    }
}

fn same_file(dir: &Dir, file: &File, file_name: &str) -> bool {
    let named = rustix::fs::statat(&dir.fd, file_name, AtFlags::SYMLINK_NOFOLLOW);
    match (rustix::fs::fstat(file), named) {
        (Ok(ours), Ok(named)) => (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino),
        _ => false,
    }
}
