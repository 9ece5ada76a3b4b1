//! Open files: each is a descriptor of the whole process, so that all guests of a host share one number of them.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::ResourceTable;

/// How many entries of its table a guest takes of its host's number at a time. It begins with its standard streams and two
/// directories.
const LEASED_AT_ONCE: u32 = 8;

/// Entries that one call into WASI may add: two, and as many again to be safe.
const PER_CALL_MAX: usize = 4;

/// How many entries the tables of all guests with files of their own may have, any of which may be an open file.
pub(in super::super) struct OpenFiles(Arc<Semaphore>);

/// All files that guests may have open are.
#[derive(Debug, thiserror::Error)]
#[error("guests have as many files open as they may, all together")]
pub(in super::super) struct NoneLeft;

impl OpenFiles {
    pub(in super::super) fn new(max: usize) -> OpenFiles {
        OpenFiles(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    /// What a guest takes before it begins.
    ///
    /// # Errors
    /// There are none left.
    pub(in super::super) fn lease(&self) -> Result<Lease, NoneLeft> {
        let lease = Arc::clone(&self.0).try_acquire_many_owned(LEASED_AT_ONCE).map_err(|_| NoneLeft)?;
        Ok(Lease { all: Arc::clone(&self.0), lease, unseen_calls: 0, seen: 0 })
    }
}

/// One guest's part of [`OpenFiles`], which comes back with the guest's end.
pub(in super::super) struct Lease {
    all: Arc<Semaphore>,
    lease: OwnedSemaphorePermit,
    /// Calls into WASI since the entries were counted.
    unseen_calls: usize,
    seen: usize,
}

impl Lease {
    /// Before each call into WASI: has room for what it may add to the table, as far as the host has any and up to
    /// `entries_max`. Without room the call fails.
    pub(super) fn make_room(&mut self, table: &mut ResourceTable, entries_max: usize) {
        self.unseen_calls += 1;
        let leased = self.lease.num_permits();
        if self.seen + self.unseen_calls * PER_CALL_MAX > leased {
            self.seen = table.iter_mut().count();
            self.unseen_calls = 1;
            if self.seen + PER_CALL_MAX > leased
                && leased < entries_max
                && let Ok(more) = Arc::clone(&self.all).try_acquire_many_owned(LEASED_AT_ONCE)
            {
                self.lease.merge(more);
            }
        }
        table.set_max_capacity(self.lease.num_permits().min(entries_max));
    }
}
