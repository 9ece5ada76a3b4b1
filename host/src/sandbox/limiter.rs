//! The memory limit of a sandbox: one sum over all memories and tables of all its instances.

/// What a table element costs the host: one pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Counts what a sandbox holds, and remembers what it was refused, which a guest sees only as `memory.grow = -1`.
pub(super) struct MemoryLimiter {
    limit_bytes: usize,
    table_elements_max: usize,
    held_bytes: usize,
    refused_bytes: Option<usize>,
    /// What the last question was granted, until the next one.
    granted_bytes: usize,
}

impl MemoryLimiter {
    /// `limit_bytes` for everything; `table_elements_max` is what the pool has for one table.
    pub(super) fn new(limit_bytes: usize, table_elements_max: usize) -> MemoryLimiter {
        MemoryLimiter { limit_bytes, table_elements_max, held_bytes: 0, refused_bytes: None, granted_bytes: 0 }
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
        self.granted_bytes = 0;
        // Beyond its own declared maximum the memory can't grow; that is the guest's limit and not ours.
        maximum.is_none_or(|maximum| desired <= maximum) && self.grow(desired.saturating_sub(current))
    }

    /// Whether a table may grow from `current` to `desired` elements. `maximum` is the smaller of what it is declared
    /// with and what the pool has for it.
    pub(super) fn table_may_grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        self.granted_bytes = 0;
        let grown_bytes = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES);
        match maximum {
            // The pool's end is a refusal of the host's, as the limit is.
            Some(maximum) if desired > maximum && maximum >= self.table_elements_max => {
                self.refused_bytes = Some(self.held_bytes.saturating_add(grown_bytes));
                false
            }
            Some(maximum) if desired > maximum => false,
            _ => self.grow(grown_bytes),
        }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let wanted = self.held_bytes.saturating_add(bytes);
        if wanted > self.limit_bytes {
            self.refused_bytes = Some(wanted);
            return false;
        }
        self.held_bytes = wanted;
        self.granted_bytes = bytes;
        true
    }

    /// The system refused what was granted last. (Of a growth that was not granted, there is nothing to take back.)
    pub(super) fn growth_failed(&mut self) {
        let bytes = std::mem::take(&mut self.granted_bytes);
        if bytes > 0 {
            self.refused_bytes = Some(self.held_bytes);
            self.held_bytes -= bytes;
        }
    }
}
