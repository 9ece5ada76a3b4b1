//! [`DirectoryLock`]: one host at a time.

use super::super::disk::{system::private_file, unfinished};
use super::DataDirError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Holds a directory's lock file. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    pub(super) fn acquire(directory: &Path) -> Result<DirectoryLock, DataDirError> {
        let path = directory.join(super::LOCK);
        let locking = DataDirError::io(&path, "locking");
        let mut options = OpenOptions::new();
        let mut file =
            private_file(options.read(true).write(true).create(true).truncate(false)).open(&path).map_err(&locking)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who has it may not have written yet.
                let read = file.read_to_string(&mut pid);
                let pid = read.ok().and_then(|_| pid.trim().parse().ok());
                return Err(DataDirError::InUse { path: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(locking(error)),
        }
        check_owner(directory)?;
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(&locking)?;
        Ok(DirectoryLock { file })
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is being started just now has a copy, until it is another program.
        let _ = self.file.unlock();
    }
}

/// A file that is made now belongs to the user that this process runs as. The directory should, too.
#[cfg(unix)]
fn check_owner(directory: &Path) -> Result<(), DataDirError> {
    use std::os::unix::fs::MetadataExt;
    let looking = DataDirError::io(directory, "looking at");
    let path = unfinished(directory);
    let probe = private_file(OpenOptions::new().write(true).create_new(true)).open(&path);
    let user = probe.and_then(|probe| probe.metadata()).map_err(&looking)?.uid();
    std::fs::remove_file(&path).map_err(&looking)?;
    let owner = std::fs::metadata(directory).map_err(&looking)?.uid();
    if owner == user { Ok(()) } else { Err(DataDirError::OtherOwner { path: directory.to_owned(), owner, user }) }
}

#[cfg(not(unix))]
fn check_owner(_directory: &Path) -> Result<(), DataDirError> {
    Ok(())
}
