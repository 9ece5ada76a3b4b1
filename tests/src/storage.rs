//! A host with a data directory: what it keeps, how a start finds it, and what it refuses.

mod artifact;
mod directory;
mod first_release;
mod killed;
mod loaded;
mod precompiled;
mod restart;

use crate::test_host::builder;
use fnhost::{Host, HostBuilder};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place for a data directory. The directory itself is made by the host.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn builder(&self) -> HostBuilder {
        builder().data_dir(self.path())
    }

    fn host(&self) -> Host {
        self.builder().build().unwrap()
    }

    /// The files in a directory below, by name, each with its inode: a file that was written again has another.
    fn files(&self, below: &str) -> BTreeMap<String, u64> {
        let entries = fs::read_dir(self.path().join(below)).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino())).collect()
    }

    /// The one artifact that there is.
    fn artifact(&self) -> PathBuf {
        let files = self.files("artifacts");
        assert_eq!(files.len(), 1, "{files:?}");
        self.path().join("artifacts").join(files.keys().next().unwrap())
    }
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}
