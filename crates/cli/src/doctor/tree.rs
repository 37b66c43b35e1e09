//! Trees of files that tests give for a host.

use std::path::{Path, PathBuf};

use super::Examined;
use super::root::Root;

/// A folder of files that goes away with the test.
#[derive(Debug)]
pub(crate) struct Tree {
    dir: PathBuf,
}

impl Tree {
    /// A tree of these files; `test` names it apart from those of other tests.
    pub(crate) fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("tickbook-doctor-{}-{test}", std::process::id());
        let tree = Self { dir: std::env::temp_dir().join(name) };
        std::fs::create_dir_all(&tree.dir).unwrap();
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn root(&self) -> Root {
        Root::new(&self.dir)
    }

    /// This host, as an examination gets it.
    pub(crate) fn examined(&self, core: Option<u32>) -> Examined {
        Examined::new(self.root(), core)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
