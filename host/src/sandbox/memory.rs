//! A core module's exported memory, as its imports read and write it. Every access outside of it is a trap.

use super::instance::Guest;
use super::job::Job;
use std::sync::Arc;
use wasmtime::{Caller, Extern};

/// A guest gave the host a pointer or length outside of its memory, or a value of the wrong form.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the guest gave the host an argument outside of its memory or of the wrong form")]
pub(super) struct BadHostArgument;

/// The bytes of a guest's memory `memory`.
pub(super) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
    guest: &'a mut Guest,
}

/// The memory that the guest exports as `memory`.
///
/// # Errors
/// [`BadHostArgument`] if it exports none.
pub(super) fn guest_memory<'a>(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<GuestMemory<'a>> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return Err(BadHostArgument.into()) };
            caller.data_mut().memory = Some(memory);
            memory
        }
    };
    let (bytes, guest) = memory.data_and_store_mut(caller);
    Ok(GuestMemory { bytes, guest })
}

impl GuestMemory<'_> {
    pub(super) fn guest(&mut self) -> &mut Guest {
        self.guest
    }

    pub(super) fn job(&self) -> Arc<Job> {
        Arc::clone(&self.guest.job)
    }

    pub(super) fn slice(&self, pointer: i32, length: i32) -> wasmtime::Result<&[u8]> {
        let range = range(pointer, length);
        self.bytes.get(range).ok_or_else(|| BadHostArgument.into())
    }

    pub(super) fn slice_mut(&mut self, pointer: i32, length: i32) -> wasmtime::Result<&mut [u8]> {
        let range = range(pointer, length);
        self.bytes.get_mut(range).ok_or_else(|| BadHostArgument.into())
    }

    pub(super) fn write(&mut self, pointer: i32, bytes: &[u8]) -> wasmtime::Result<()> {
        let start = pointer.cast_unsigned() as usize;
        let target = self.bytes.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
        target.ok_or(BadHostArgument)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes the field of the guest that `field` picks.
    pub(super) fn write_from_guest(
        &mut self,
        pointer: i32,
        field: impl FnOnce(&Guest) -> &[u8],
    ) -> wasmtime::Result<()> {
        let bytes = field(self.guest);
        let start = pointer.cast_unsigned() as usize;
        let target = self.bytes.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
        target.ok_or(BadHostArgument)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, pointer: i32, value: u32) -> wasmtime::Result<()> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, pointer: i32, value: u64) -> wasmtime::Result<()> {
        self.write(pointer, &value.to_le_bytes())
    }
}

/// Pointers and lengths are unsigned, whatever WebAssembly's types say; on 64-bit hosts their sum can't overflow.
fn range(pointer: i32, length: i32) -> std::ops::Range<usize> {
    let start = pointer.cast_unsigned() as usize;
    start..start.saturating_add(length.cast_unsigned() as usize)
}
