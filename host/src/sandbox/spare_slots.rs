//! Spare slots: what the pool has beyond the memory and the tables that each sandbox has for certain.
//!
//! A memory of no pages costs its guest nothing of its limit, and takes one of the pool's slots all the same. Guests that have
//! more than one share the spare ones, so that they can't keep those that have one from beginning.

use super::code::LoadedCode;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tables that each sandbox has for certain: two are what compilers make.
pub(super) const TABLES_EACH: u32 = 2;

/// The spare slots of one pool.
pub(super) struct SpareSlots {
    memories: Arc<Semaphore>,
    tables: Arc<Semaphore>,
}

/// The spare slots that one run takes, on top of what it has for certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SpareSlotsNeeded {
    memories: u32,
    tables: u32,
}

impl SpareSlotsNeeded {
    /// For code with so many memories and tables, all instances together.
    pub(super) fn of(memories: u32, tables: u32) -> SpareSlotsNeeded {
        SpareSlotsNeeded { memories: memories.saturating_sub(1), tables: tables.saturating_sub(TABLES_EACH) }
    }
}

/// The slots of one run, which come back with it.
pub(super) struct SpareSlotsTaken {
    _memories: Option<OwnedSemaphorePermit>,
    _tables: Option<OwnedSemaphorePermit>,
}

/// Other runs have them.
#[derive(Debug, thiserror::Error)]
#[error("sandboxes with several memories or tables have as many as they may, all together")]
pub(super) struct NoSpareSlots;

impl SpareSlots {
    pub(super) fn new(spare: u32) -> SpareSlots {
        let spare = usize::try_from(spare).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        SpareSlots { memories: Arc::new(Semaphore::new(spare)), tables: Arc::new(Semaphore::new(spare)) }
    }

    /// What a run of `code` takes before it begins; nothing, for most.
    ///
    /// # Errors
    /// There are not as many left.
    pub(super) fn take_for(&self, code: &LoadedCode) -> Result<Option<SpareSlotsTaken>, NoSpareSlots> {
        let SpareSlotsNeeded { memories, tables } = code.spare_slots;
        if memories == 0 && tables == 0 {
            return Ok(None);
        }
        let take = |semaphore: &Arc<Semaphore>, slots| match slots {
            0 => Ok(None),
            slots => Arc::clone(semaphore).try_acquire_many_owned(slots).map(Some).map_err(|_| NoSpareSlots),
        };
        Ok(Some(SpareSlotsTaken { _memories: take(&self.memories, memories)?, _tables: take(&self.tables, tables)? }))
    }
}
