//! The memory limit of a sandbox: one sum over all memories and tables of all its instances.

/// What a table element costs the host: one pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Counts what a sandbox holds, and remembers what it was refused, which a guest sees only as `memory.grow = -1`.
pub(super) struct MemoryLimiter {
    limit_bytes: usize,
    held_bytes: usize,
    refused_bytes: Option<usize>,
}

impl MemoryLimiter {
    pub(super) fn new(limit_bytes: usize) -> MemoryLimiter {
        MemoryLimiter { limit_bytes, held_bytes: 0, refused_bytes: None }
    }

    /// The sum over all memories and tables, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The sum that the guest wanted when it was last refused.
    pub(super) fn refused_bytes(&self) -> Option<usize> {
        self.refused_bytes
    }

    /// Whether a memory may grow from `current` to `desired` bytes, being declared with `maximum`.
    pub(super) fn memory_may_grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        // Beyond its own declared maximum the memory can't grow; that is the guest's limit and not ours.
        maximum.is_none_or(|maximum| desired <= maximum) && self.grow(desired.saturating_sub(current))
    }

    /// Whether a table may grow from `current` to `desired` elements, being declared with `maximum`.
    pub(super) fn table_may_grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        maximum.is_none_or(|maximum| desired <= maximum)
            && self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES))
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let wanted = self.held_bytes.saturating_add(bytes);
        if wanted > self.limit_bytes {
            self.refused_bytes = Some(wanted);
            return false;
        }
        self.held_bytes = wanted;
        true
    }
}
