//! The guest contracts: how an event gets into a guest and an answer out of it. One file each.

pub(super) mod command;
pub(super) mod component;
pub(super) mod core;

use super::code::{Entry, LoadedCode};
use super::instance::{Guest, NeedsFiber};
use crate::function::ReportedError;
use bytes::Bytes;
use wasmtime::Store;

/// What a guest gave as its answer. It has been checked for nothing but its length.
pub(super) enum Answer {
    /// The result's JSON text.
    Result(Bytes),
    /// An error object's JSON text.
    ErrorObject(Bytes),
    /// An error whose fields came one by one.
    Error(ReportedError),
    /// Something longer than a response may be; only its length is kept.
    TooLarge(usize),
}

impl Answer {
    /// Copies a result out of the guest, if it is not too long.
    fn result(bytes: &[u8], bytes_max: usize) -> Answer {
        if bytes.len() > bytes_max {
            Answer::TooLarge(bytes.len())
        } else {
            Answer::Result(Bytes::copy_from_slice(bytes))
        }
    }

    /// Copies an error object out of the guest, if it is not too long.
    fn error_object(bytes: &[u8], bytes_max: usize) -> Answer {
        if bytes.len() > bytes_max {
            Answer::TooLarge(bytes.len())
        } else {
            Answer::ErrorObject(Bytes::copy_from_slice(bytes))
        }
    }
}

/// Instantiates the guest and calls its entry point. The answer is left in the store.
///
/// # Errors
/// Whatever ended the guest early.
pub(super) async fn run(store: &mut Store<Guest>, code: &LoadedCode) -> wasmtime::Result<()> {
    store.data_mut().open_files()?;
    match &code.entry {
        Entry::Core { pre, initialize, entry } => core::run(store, pre, initialize.as_ref(), entry).await,
        Entry::Command { pre, entry } => {
            let result = core::run(store, pre, None, entry).await;
            command::take_stdout(store.data_mut());
            result
        }
        // In boxes: their futures are large, and would make every run's future large.
        Entry::Component(pre) => Box::pin(component::run(store, pre)).await,
        Entry::CommandComponent(pre) => Box::pin(command::run(store, pre)).await,
    }
}

/// As [`run`], on the stack of this thread, for code whose imports never wait.
///
/// # Errors
/// As [`run`]; and [`NeedsFiber`] when the guest can't be run so after all.
pub(super) fn run_on_stack(store: &mut Store<Guest>, code: &LoadedCode) -> wasmtime::Result<()> {
    match &code.entry {
        Entry::Core { pre, initialize, entry } => core::run_on_stack(store, pre, initialize.as_ref(), entry),
        Entry::Command { pre, entry } => {
            let result = core::run_on_stack(store, pre, None, entry);
            command::take_stdout(store.data_mut());
            result
        }
        Entry::Component(_) | Entry::CommandComponent(_) => Err(NeedsFiber::Component.into()),
    }
}

/// Notes that the guest is ready and its entry point is called now.
fn init_done(guest: &Guest) {
    guest.job.meter.init_done(guest.job.started.elapsed());
}
