//! [`Disk`]: what a data directory asks of the file system, so that tests can count it, fail it and lose what was not synced.

#[cfg(test)]
pub(crate) mod simulated;
pub(crate) mod system;

pub(crate) use system::SystemDisk;

use redb::StorageBackend;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// How the names of files begin that are not complete yet. A crash can leave some; they are removed at the next start.
const UNFINISHED: &str = ".new-";

/// Files and directories. What is written is on disk after [`sync_file`](Self::sync_file), and what is in a directory after
/// [`sync_dir`](Self::sync_dir).
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory, for its owner alone.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// A file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Makes a new file, for its owner alone.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Brings a file's bytes to the disk.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Brings a directory's names to the disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of the file that had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with everything in it.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// What a file or directory is, and whose.
    fn look(&self, path: &Path) -> io::Result<Look>;

    /// The user that files are made as, where there is such a thing.
    fn user(&self) -> Option<u32>;

    /// Locks a file, made if there is none, and writes `holder` into it. The operating system lets go of it when the process
    /// ends, however it ends.
    fn lock(&self, path: &Path, holder: &str) -> io::Result<Locking>;

    /// The file of a database, made if there is none.
    fn database(&self, path: &Path) -> io::Result<Backend>;
}

/// What a file or directory is, and whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) is_dir: bool,
    /// Who may do what with it: the nine bits of Unix. Systems without them have other ways to keep a file private, and the
    /// embedder's choice of place has to do.
    pub(crate) mode: u32,
    /// The number of the user it belongs to.
    pub(crate) owner: Option<u32>,
}

/// What came of locking a file.
#[derive(Debug)]
pub(crate) enum Locking {
    /// It is locked until this is dropped.
    Held(Lock),
    /// Another has it.
    Taken {
        /// What that one has written into it.
        by: String,
    },
}

/// A locked file.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is being started just now has a copy, until it is another program.
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

/// A database's file.
#[derive(Debug)]
pub(crate) struct Backend(pub(crate) Box<dyn StorageBackend>);

/// Writes a file whole or not at all: after this it is on disk under its name, whatever happens.
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let unfinished = unfinished(directory);
    let written = disk
        .write(&unfinished, bytes)
        .and_then(|()| disk.sync_file(&unfinished))
        .and_then(|()| disk.rename(&unfinished, path));
    if written.is_err() {
        // If this fails too, the next start removes it.
        let _ = disk.remove(&unfinished);
    }
    written.and_then(|()| disk.sync_dir(directory))
}

/// A new path for a file that is not complete yet.
pub(crate) fn unfinished(directory: &Path) -> PathBuf {
    directory.join(format!("{UNFINISHED}{:016x}", rand::random::<u64>()))
}

/// Whether a file was never completed.
pub(crate) fn is_unfinished(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(UNFINISHED))
}

/// Hands everything on; redb takes a backend by value.
impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}
