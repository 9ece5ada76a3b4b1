//! A core module's exported memory, as its imports read and write it. Every access outside of it is a trap.

use super::instance::Guest;
use super::job::Job;
use std::ops::Range;
use std::sync::Arc;
use wasmtime::{Caller, Extern};

/// A guest gave an import a pointer or length outside of its memory, or a value of the wrong form.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum BadHostArgument {
    #[error("{import}: {start:#x}..{end:#x} lies outside of the memory, which has {memory_bytes:#x} bytes")]
    OutOfBounds { import: &'static str, start: usize, end: usize, memory_bytes: usize },
    #[error("{import}: the guest exports no memory")]
    NoMemory { import: &'static str },
    #[error("{import}: {what} is not UTF-8")]
    NotUtf8 { import: &'static str, what: &'static str },
    #[error("{import}: {wanted} at once; at most {max} are allowed")]
    TooMuch { import: &'static str, wanted: u32, max: u32 },
}

/// The bytes of a guest's memory `memory`.
pub(super) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
    guest: &'a mut Guest,
    import: &'static str,
}

/// The memory that the guest exports as `memory`, for `import` to work on.
///
/// # Errors
/// [`BadHostArgument`] if it exports none.
pub(super) fn guest_memory<'a>(
    caller: &'a mut Caller<'_, Guest>,
    import: &'static str,
) -> wasmtime::Result<GuestMemory<'a>> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                return Err(BadHostArgument::NoMemory { import }.into());
            };
            caller.data_mut().memory = Some(memory);
            memory
        }
    };
    let (bytes, guest) = memory.data_and_store_mut(caller);
    Ok(GuestMemory { bytes, guest, import })
}

impl GuestMemory<'_> {
    pub(super) fn guest(&mut self) -> &mut Guest {
        self.guest
    }

    pub(super) fn job(&self) -> Arc<Job> {
        Arc::clone(&self.guest.job)
    }

    pub(super) fn slice(&self, pointer: i32, length: i32) -> wasmtime::Result<&[u8]> {
        let range = range(pointer, length.cast_unsigned() as usize);
        self.bytes.get(range.clone()).ok_or_else(|| self.out_of_bounds(range))
    }

    pub(super) fn slice_mut(&mut self, pointer: i32, length: i32) -> wasmtime::Result<&mut [u8]> {
        let range = range(pointer, length.cast_unsigned() as usize);
        if self.bytes.get(range.clone()).is_none() {
            return Err(self.out_of_bounds(range));
        }
        Ok(&mut self.bytes[range])
    }

    /// The text at a place of the guest's; `what` it is says the error.
    pub(super) fn text(&self, what: &'static str, pointer: i32, length: i32) -> wasmtime::Result<&str> {
        let not_utf8 = |_| BadHostArgument::NotUtf8 { import: self.import, what };
        Ok(std::str::from_utf8(self.slice(pointer, length)?).map_err(not_utf8)?)
    }

    pub(super) fn write(&mut self, pointer: i32, bytes: &[u8]) -> wasmtime::Result<()> {
        let range = range(pointer, bytes.len());
        match self.bytes.get_mut(range.clone()) {
            Some(target) => target.copy_from_slice(bytes),
            None => return Err(self.out_of_bounds(range)),
        }
        Ok(())
    }

    /// Writes the field of the guest that `field` picks.
    pub(super) fn write_from_guest(
        &mut self,
        pointer: i32,
        field: impl FnOnce(&Guest) -> &[u8],
    ) -> wasmtime::Result<()> {
        let bytes = field(self.guest);
        let range = range(pointer, bytes.len());
        match self.bytes.get_mut(range.clone()) {
            Some(target) => target.copy_from_slice(bytes),
            None => return Err(self.out_of_bounds(range)),
        }
        Ok(())
    }

    pub(super) fn write_u32(&mut self, pointer: i32, value: u32) -> wasmtime::Result<()> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, pointer: i32, value: u64) -> wasmtime::Result<()> {
        self.write(pointer, &value.to_le_bytes())
    }

    fn out_of_bounds(&self, Range { start, end }: Range<usize>) -> wasmtime::Error {
        let (import, memory_bytes) = (self.import, self.bytes.len());
        BadHostArgument::OutOfBounds { import, start, end, memory_bytes }.into()
    }
}

/// Pointers and lengths are unsigned, whatever WebAssembly's types say; on 64-bit hosts their sum can't overflow.
fn range(pointer: i32, length: usize) -> Range<usize> {
    let start = pointer.cast_unsigned() as usize;
    start..start.saturating_add(length)
}
