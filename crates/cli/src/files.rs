//! Result files. A path that cannot be written is known before the work, not after it.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::Failure;

/// Writes `value` as JSON to `path`.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let mut text = sonic_rs::to_string_pretty(value)?;
    text.push('\n');
    write(path, text.as_bytes())
}

/// Writes `bytes` to `path`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fault = |error| format!("cannot write {}: {error}", path.display());
    let mut file = std::fs::File::create(path).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    Ok(())
}

/// Fails early if `path` cannot be written: before minutes of work, not after.
pub(crate) fn probe(path: &Path) -> Result<(), Failure> {
    let is_dir = path.is_dir();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let path = path.display();
    if parent.is_some_and(|parent| !parent.is_dir()) {
        return Err(format!("cannot write {path}: its folder does not exist").into());
    }
    if is_dir {
        return Err(format!("cannot write {path}: it is a folder; name a file in it").into());
    }
    Ok(())
}
