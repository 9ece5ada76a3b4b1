//! Open files: each is a descriptor of the whole process, so that all guests of a host share one number of them.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::Descriptor;

/// How many descriptors a guest takes of its host's number at a time. It begins with two, its directories.
const LEASED_AT_ONCE: u32 = 4;

/// Descriptors of one guest, at most.
const PER_GUEST_MAX: usize = 64;

/// How many descriptors the guests with files of their own may have, all together. One half is there to begin with, the
/// other for those that open more: who opens many can't keep others from beginning.
pub(in super::super) struct OpenFiles {
    beginnings: Arc<Semaphore>,
    more: Arc<Semaphore>,
}

/// As many guests have files open as may.
#[derive(Debug, thiserror::Error)]
#[error("guests have as many files open as they may, all together")]
pub(in super::super) struct NoneLeft;

impl OpenFiles {
    pub(in super::super) fn new(max: usize) -> OpenFiles {
        let max = max.min(Semaphore::MAX_PERMITS);
        // At least one guest may begin.
        let beginnings = (max / 2).max(LEASED_AT_ONCE as usize);
        OpenFiles {
            beginnings: Arc::new(Semaphore::new(beginnings)),
            more: Arc::new(Semaphore::new(max.saturating_sub(beginnings))),
        }
    }

    /// What a guest takes before it begins.
    ///
    /// # Errors
    /// There are none left.
    pub(in super::super) fn lease(&self) -> Result<Lease, NoneLeft> {
        let beginning = Arc::clone(&self.beginnings).try_acquire_many_owned(LEASED_AT_ONCE).map_err(|_| NoneLeft)?;
        Ok(Lease { _beginning: beginning, more: Arc::clone(&self.more), leased_more: None, seen: 0, unseen_calls: 0 })
    }
}

/// One guest's part of [`OpenFiles`], which comes back with the guest's end.
pub(in super::super) struct Lease {
    _beginning: OwnedSemaphorePermit,
    more: Arc<Semaphore>,
    leased_more: Option<OwnedSemaphorePermit>,
    /// Descriptors, when they were counted.
    seen: usize,
    /// Calls into WASI since then. Each opens one descriptor at most.
    unseen_calls: usize,
}

impl Lease {
    fn leased(&self) -> usize {
        LEASED_AT_ONCE as usize + self.leased_more.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Before each call into WASI: sees to it that the guest may open one descriptor more. Without one left the table takes
    /// nothing more, and the call fails if it would; else it takes up to `entries_max` entries of any kind.
    pub(super) fn make_room(&mut self, table: &mut ResourceTable, entries_max: usize) {
        self.unseen_calls += 1;
        if self.seen + self.unseen_calls <= self.leased() {
            table.set_max_capacity(entries_max);
            return;
        }
        let entries = table.iter_mut().count();
        self.seen = table.iter_mut().filter(|entry| entry.is::<Descriptor>()).count();
        self.unseen_calls = 1;
        if self.seen + 1 > self.leased() && self.leased() < PER_GUEST_MAX {
            let more = Arc::clone(&self.more).try_acquire_many_owned(LEASED_AT_ONCE);
            match (&mut self.leased_more, more) {
                (Some(leased), Ok(more)) => leased.merge(more),
                (none, Ok(more)) => *none = Some(more),
                (_, Err(_)) => {}
            }
        }
        let has_room = self.seen < self.leased();
        table.set_max_capacity(if has_room { entries_max } else { entries });
    }
}
