//! [`SystemDisk`]: the operating system's file system.

use super::{Backend, Disk, Lock, Locking, Look};
use redb::backends::FileBackend;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// The operating system's file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        private_file(OpenOptions::new().write(true).create_new(true)).open(path)?.write_all(bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        // The bytes belong to the file, not to the descriptor that they were written through.
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Windows has no such thing, and needs none.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        fs::metadata(path).map(|metadata| look(&metadata))
    }

    fn user(&self) -> Option<u32> {
        #[cfg(unix)]
        return Some(rustix::process::geteuid().as_raw());
        #[cfg(not(unix))]
        return None;
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<Locking> {
        let mut options = OpenOptions::new();
        let mut file = private_file(options.read(true).write(true).create(true).truncate(false)).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Who has it may not have written yet.
                let _ = file.read_to_string(&mut by);
                return Ok(Locking::Taken { by });
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // First of all: who had it before may have been killed, and is not who has it.
        file.set_len(0)?;
        file.write_all(holder.as_bytes())?;
        Ok(Locking::Held(Lock(Some(file))))
    }

    fn database(&self, path: &Path) -> io::Result<Backend> {
        let file = private_file(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)?;
        Ok(Backend(Box::new(FileBackend::new(file).map_err(io::Error::other)?)))
    }
}

#[cfg(unix)]
fn look(metadata: &fs::Metadata) -> Look {
    use std::os::unix::fs::MetadataExt;
    Look { is_dir: metadata.is_dir(), mode: metadata.mode() & 0o777, owner: Some(metadata.uid()) }
}

#[cfg(not(unix))]
fn look(metadata: &fs::Metadata) -> Look {
    Look { is_dir: metadata.is_dir(), mode: 0o700, owner: None }
}

/// Files that are made are for their owner alone.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
