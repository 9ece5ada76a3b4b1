//! The contract of a core module: imports of `fnhost_v1`, JSON by pointer and length, export `handle`.
#![allow(unsafe_code, reason = "the host reads and writes this memory by address")]

use std::process::ExitCode;
use std::time::Duration;

use crate::handler::{Handler, run};
use crate::{CallError, Context, Error};

#[link(wasm_import_module = "fnhost_v1")]
unsafe extern "C" {
    safe fn event_len() -> usize;
    fn event_read(to: *mut u8);
    safe fn context_len() -> usize;
    fn context_read(to: *mut u8);
    fn respond(json: *const u8, len: usize);
    fn fail(json: *const u8, len: usize);
    safe fn remaining_ms() -> i64;
    #[link_name = "call"]
    fn call_host(name: *const u8, name_len: usize, input: *const u8, input_len: usize) -> i32;
    fn call_read(to: *mut u8);
    #[link_name = "panicked"]
    fn tell_panicked(message: *const u8, len: usize);
}

unsafe extern "C" {
    /// The linker's: runs the constructors of C and C++ parts.
    safe fn __wasm_call_ctors();
}

/// Takes `len` bytes from the host, without zeroing them first.
fn take(len: usize, read: unsafe extern "C" fn(*mut u8)) -> Vec<u8> {
    let mut bytes = Vec::<u8>::with_capacity(len);
    // SAFETY: the host writes exactly the `len` bytes that it announced, and `bytes` has room for them.
    unsafe {
        read(bytes.as_mut_ptr());
        bytes.set_len(len);
    }
    bytes
}

pub(crate) fn remaining_time() -> Option<Duration> {
    Some(Duration::from_millis(u64::try_from(remaining_ms()).unwrap_or(0)))
}

pub(crate) fn panicked(message: &str) {
    // SAFETY: a `str` is readable for its length.
    unsafe { tell_panicked(message.as_ptr(), message.len()) }
}

pub(crate) fn call(name: &str, input: &str) -> Result<Vec<u8>, CallError> {
    // SAFETY: a `str` is readable for its length.
    let answer_len = unsafe { call_host(name.as_ptr(), name.len(), input.as_ptr(), input.len()) };
    let answer = take(answer_len.unsigned_abs() as usize, call_read);
    if answer_len >= 0 {
        return Ok(answer);
    }
    Err(serde_json::from_slice(&answer).map_or_else(CallError::Output, CallError::Host))
}

/// `_start` of a program that is a function: `handle` is where the work is.
pub fn main<S>(_handler: impl Handler<S>) -> ExitCode {
    ExitCode::SUCCESS
}

/// The body of the export `handle`.
pub fn handle<S>(handler: impl Handler<S>) {
    // Nobody else does: the host calls `handle` and not `_start`, and a sandbox is used once.
    __wasm_call_ctors();
    match answer(handler) {
        // SAFETY: a `String` is readable for its length.
        Ok(reply) => unsafe { respond(reply.as_ptr(), reply.len()) },
        Err(error) => {
            let object = serde_json::to_string(&error).unwrap_or_default();
            // SAFETY: as above.
            unsafe { fail(object.as_ptr(), object.len()) }
        }
    }
}

fn answer<S>(handler: impl Handler<S>) -> Result<String, Error> {
    let context: Context = serde_json::from_slice(&take(context_len(), context_read))?;
    run(handler, &take(event_len(), event_read), context)
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_handle {
    ($handler:path) => {
        const _: () = {
            #[unsafe(export_name = "handle")]
            extern "C" fn handle() {
                $crate::__private::handle($handler);
            }
        };
    };
}
