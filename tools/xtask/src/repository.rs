//! The repository as its checks see it: the files that are, or would be, under version control.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::step::{Failure, Step};

/// The checkout this runner was built from.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its top directory.
    pub root: PathBuf,
}

/// A file of the repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// Path from the top directory, separated by `/`.
    pub path: String,
    /// Length in bytes.
    pub byte_len: usize,
    /// Its text; `None` if it is not UTF-8.
    pub text: Option<String>,
}

impl Repository {
    /// The repository of this package.
    ///
    /// # Errors
    ///
    /// If the directory it was built in is gone.
    pub fn find() -> Result<Self, Failure> {
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&package).join("../..");
        let root =
            root.canonicalize().map_err(|error| Failure(format!("{}: {error}", root.display())))?;
        Ok(Self { root })
    }

    /// A command to run in the top directory.
    #[must_use]
    pub fn step(&self, line: &str) -> Step {
        Step::new(&self.root, line)
    }

    /// The text of a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(&self, path: &str) -> Result<String, Failure> {
        fs::read_to_string(self.root.join(path))
            .map_err(|error| Failure(format!("{path}: {error}")))
    }

    /// Where cargo puts what it builds.
    ///
    /// # Errors
    ///
    /// If cargo cannot tell.
    pub fn target_directory(&self) -> Result<PathBuf, Failure> {
        let metadata =
            self.step("cargo metadata --no-deps --locked --format-version 1").output()?;
        let metadata: Value = serde_json::from_str(&metadata)
            .map_err(|error| Failure(format!("`cargo metadata` wrote something else: {error}")))?;
        let directory = metadata.get("target_directory").and_then(Value::as_str);
        directory
            .map(PathBuf::from)
            .ok_or_else(|| Failure("`cargo metadata` names no target directory".to_owned()))
    }

    /// Every file that is under version control, or would be with the next `git add`.
    ///
    /// # Errors
    ///
    /// If git cannot list them or one cannot be read.
    pub fn files(&self) -> Result<Vec<SourceFile>, Failure> {
        let listed = self.step("git ls-files -z --cached --others --exclude-standard").output()?;
        let mut files = Vec::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let full = self.root.join(path);
            // Deleted but still in the index, or a link: not a file of ours to judge.
            if !full.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                continue;
            }
            let bytes = fs::read(&full).map_err(|error| Failure(format!("{path}: {error}")))?;
            files.push(SourceFile::new(path, bytes));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(files)
    }
}

impl SourceFile {
    /// A file of these bytes.
    #[must_use]
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let byte_len = bytes.len();
        Self { path: path.to_owned(), byte_len, text: String::from_utf8(bytes).ok() }
    }

    /// Whether the name ends in `.extension`.
    #[must_use]
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_this_repository_are_found() {
        let files = Repository::find().unwrap().files().unwrap();
        let manifest = files.iter().find(|file| file.path == "Cargo.toml").unwrap();
        assert!(manifest.text.as_ref().unwrap().contains("[workspace]"));
        assert!(manifest.has_extension("toml"));
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
    }
}
