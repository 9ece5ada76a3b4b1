//! [`Watched`]: a database's file that remembers how it failed.

use super::super::disk::Backend;
use redb::StorageBackend;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a database's file does. Some are told to many.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    has_failed: Arc<AtomicBool>,
    could_not_sync: Arc<AtomicBool>,
}

impl Health {
    /// Whether any operation has failed since it was opened.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// Whether it could not be brought to the disk, then or before.
    pub(super) fn could_not_sync(&self) -> bool {
        self.could_not_sync.load(Ordering::SeqCst)
    }

    /// That of the file when it is opened again.
    pub(super) fn reopened(&self) -> Health {
        Health { has_failed: Arc::default(), could_not_sync: Arc::clone(&self.could_not_sync) }
    }
}

/// A database's file. After its first error it does nothing more, so that who closes it can't write what was given up.
#[derive(Debug)]
pub(super) struct Watched {
    file: Backend,
    health: Health,
}

impl Watched {
    pub(super) fn new(file: Backend, health: Health) -> Watched {
        Watched { file, health }
    }

    fn watch<T>(&self, operation: impl FnOnce(&Backend) -> io::Result<T>) -> io::Result<T> {
        if self.health.has_failed() {
            return Err(io::Error::other("the file has failed before"));
        }
        operation(&self.file).inspect_err(|_| self.health.has_failed.store(true, Ordering::SeqCst))
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.watch(|file| file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.watch(|file| file.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.watch(|file| file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.watch(|file| file.sync_data().inspect_err(|_| self.health.could_not_sync.store(true, Ordering::SeqCst)))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.watch(|file| file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        // Whatever has happened: it gives the file's lock back.
        self.file.close()
    }
}
