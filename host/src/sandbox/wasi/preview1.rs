//! `wasi_snapshot_preview1` for core modules: wasmtime-wasi's implementation, and in front of it our own of the few
//! functions that most guests call in every invocation.
//!
//! Ours are synchronous and need no WASI context. A line through wasmtime-wasi costs 1.8 us, ours 0.1 to 0.3 (measured).

use super::super::instance::Guest;
use super::super::memory::{GuestMemory, guest_memory};
use super::{Monotonic, PROGRAM_NAME};
use rand::Rng;
use std::sync::Arc;
use std::time::SystemTime;
use wasmtime::{Caller, Linker, Trap};
use wasmtime_wasi::I32Exit;

/// The module that the imports belong to.
pub(in super::super) const MODULE: &str = "wasi_snapshot_preview1";

const ERRNO_SUCCESS: i32 = 0;
const ERRNO_BADF: i32 = 8;
const ERRNO_INVAL: i32 = 28;

const STDOUT: i32 = 1;
const STDERR: i32 = 2;

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;

/// What one `fd_write` takes; POSIX lets a write be short, and a guest may name the same megabytes a million times.
const WRITE_BYTES_MAX: usize = 1024 * 1024;

/// How many pieces one `fd_write` takes (Linux's IOV_MAX). Each costs the host work, also an empty one.
const WRITE_VECTORS_MAX: usize = 1024;

/// How much randomness is made between two looks at the deadline.
const RANDOM_CHUNK_BYTES: usize = 64 * 1024;

/// The functions that are ours: everything else goes through wasmtime-wasi, which wants a tokio runtime.
pub(in super::super) const OWN: [&str; 10] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Adds all of `wasi_snapshot_preview1`.
pub(in super::super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_async(linker, Guest::preview1)?;
    linker.allow_shadowing(true);
    linker.func_wrap(MODULE, "args_sizes_get", |mut caller: Caller<'_, Guest>, count: i32, bytes: i32| {
        write_sizes(&mut caller, "args_sizes_get", count, bytes, &[PROGRAM_NAME.as_bytes()])
    })?;
    linker.func_wrap(MODULE, "args_get", |mut caller: Caller<'_, Guest>, pointers: i32, texts: i32| {
        write_texts(&mut caller, "args_get", pointers, texts, &[PROGRAM_NAME.as_bytes()])
    })?;
    linker.func_wrap(MODULE, "environ_sizes_get", |mut caller: Caller<'_, Guest>, count: i32, bytes: i32| {
        let environment = environment(&caller);
        write_sizes(&mut caller, "environ_sizes_get", count, bytes, &environment)
    })?;
    linker.func_wrap(MODULE, "environ_get", |mut caller: Caller<'_, Guest>, pointers: i32, texts: i32| {
        let environment = environment(&caller);
        write_texts(&mut caller, "environ_get", pointers, texts, &environment)
    })?;
    linker.func_wrap(
        MODULE,
        "clock_res_get",
        |mut caller: Caller<'_, Guest>, clock: i32, result: i32| match clock {
            CLOCK_REALTIME | CLOCK_MONOTONIC => {
                guest_memory(&mut caller, "clock_res_get")?.write_u64(result, 1)?;
                Ok(ERRNO_SUCCESS)
            }
            _ => wasmtime::Result::Ok(ERRNO_BADF),
        },
    )?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, Guest>, clock: i32, _precision: i64, result: i32| {
            let nanos = match clock {
                CLOCK_REALTIME => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
                }
                CLOCK_MONOTONIC => Monotonic::now_nanos(),
                _ => return wasmtime::Result::Ok(ERRNO_BADF),
            };
            guest_memory(&mut caller, "clock_time_get")?.write_u64(result, nanos)?;
            Ok(ERRNO_SUCCESS)
        },
    )?;
    linker.func_wrap(MODULE, "random_get", random_get)?;
    linker.func_wrap(MODULE, "fd_write", fd_write)?;
    linker.func_wrap(MODULE, "sched_yield", |_: Caller<'_, Guest>| ERRNO_SUCCESS)?;
    linker.func_wrap(MODULE, "proc_exit", |_: Caller<'_, Guest>, code: i32| -> wasmtime::Result<()> {
        Err(I32Exit(code).into())
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn random_get(mut caller: Caller<'_, Guest>, pointer: i32, length: i32) -> wasmtime::Result<i32> {
    let (job, code) = (Arc::clone(&caller.data().job), Arc::clone(&caller.data().code));
    let mut memory = guest_memory(&mut caller, "random_get")?;
    for chunk in memory.slice_mut(pointer, length)?.chunks_mut(RANDOM_CHUNK_BYTES) {
        rand::rng().fill_bytes(chunk);
        if chunk.len() == RANDOM_CHUNK_BYTES && code.must_end(&job) {
            return Err(Trap::Interrupt.into());
        }
    }
    Ok(ERRNO_SUCCESS)
}

fn fd_write(
    mut caller: Caller<'_, Guest>,
    fd: i32,
    vectors: i32,
    vectors_count: i32,
    written: i32,
) -> wasmtime::Result<i32> {
    // No file of a guest is writable, so any other descriptor is refused whatever it is.
    if fd != STDOUT && fd != STDERR {
        return Ok(ERRNO_BADF);
    }
    let captured = caller.data().wasi.captured.clone().filter(|_| fd == STDOUT);
    let mut memory = guest_memory(&mut caller, "fd_write")?;
    let job = memory.job();
    let Some(vectors_bytes) = vectors_count.cast_unsigned().checked_mul(8) else { return Ok(ERRNO_INVAL) };
    let list = memory.slice(vectors, vectors_bytes.cast_signed())?;
    if list.len() / 8 > WRITE_VECTORS_MAX {
        return Ok(ERRNO_INVAL);
    }
    let mut total = 0_usize;
    for vector in list.chunks_exact(8) {
        let field = |at: usize| i32::from_le_bytes([vector[at], vector[at + 1], vector[at + 2], vector[at + 3]]);
        let output = memory.slice(field(0), field(4))?;
        let output = &output[..output.len().min(WRITE_BYTES_MAX - total)];
        match &captured {
            Some(captured) => captured.write(output),
            None => job.log(output),
        }
        total += output.len();
        if total == WRITE_BYTES_MAX {
            break;
        }
    }
    memory.write_u32(written, u32::try_from(total).unwrap_or(u32::MAX))?;
    Ok(ERRNO_SUCCESS)
}

/// The environment as `NAME=value` texts.
fn environment(caller: &Caller<'_, Guest>) -> Vec<Vec<u8>> {
    let variables = caller.data().job.environment();
    variables.into_iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect()
}

/// Writes how many texts there are, and how many bytes with a NUL after each.
fn write_sizes(
    caller: &mut Caller<'_, Guest>,
    import: &'static str,
    count: i32,
    bytes: i32,
    texts: &[impl AsRef<[u8]>],
) -> wasmtime::Result<i32> {
    let mut memory = guest_memory(caller, import)?;
    let total: usize = texts.iter().map(|text| text.as_ref().len() + 1).sum();
    memory.write_u32(count, u32::try_from(texts.len())?)?;
    memory.write_u32(bytes, u32::try_from(total)?)?;
    Ok(ERRNO_SUCCESS)
}

/// Writes the texts one after another, each with a NUL, and a list of pointers to them.
fn write_texts(
    caller: &mut Caller<'_, Guest>,
    import: &'static str,
    mut pointers: i32,
    mut at: i32,
    texts: &[impl AsRef<[u8]>],
) -> wasmtime::Result<i32> {
    let mut memory: GuestMemory<'_> = guest_memory(caller, import)?;
    for text in texts {
        let text = text.as_ref();
        memory.write_u32(pointers, at.cast_unsigned())?;
        memory.write(at, text)?;
        at = at.wrapping_add(i32::try_from(text.len())?);
        memory.write(at, &[0])?;
        at = at.wrapping_add(1);
        pointers = pointers.wrapping_add(4);
    }
    Ok(ERRNO_SUCCESS)
}
