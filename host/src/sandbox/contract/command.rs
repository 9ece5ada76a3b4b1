//! Contract 3: a program that reads its event from standard input and writes its result to standard output.

use super::super::instance::Guest;
use super::{Answer, init_done};
use bytes::Bytes;
use wasmtime::Store;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::CommandPre;

/// Runs a component that exports `wasi:cli/run`.
pub(super) async fn run(store: &mut Store<Guest>, pre: &CommandPre<Guest>) -> wasmtime::Result<()> {
    let command = pre.instantiate_async(&mut *store).await?;
    init_done(store.data());
    let result = command.wasi_cli_run().call_run(&mut *store).await;
    take_stdout(store.data_mut());
    match result? {
        Ok(()) => Ok(()),
        // `run` knows just one kind of failure; as a process it would have exited with 1.
        Err(()) => Err(I32Exit(1).into()),
    }
}

/// Makes what the guest wrote to its standard output its answer. Nothing at all is `null`.
pub(super) fn take_stdout(guest: &mut Guest) {
    let Some(captured) = &guest.wasi.captured else { return };
    guest.answer = match captured.take() {
        Err(bytes) => Some(Answer::TooLarge(bytes)),
        Ok(output) if output.trim_ascii().is_empty() => None,
        Ok(output) => Some(Answer::Result(trimmed(&output))),
    };
}

/// The response is a JSON text; the line break that programs end their output with is not part of it.
fn trimmed(output: &Bytes) -> Bytes {
    output.slice_ref(output.trim_ascii())
}

/// The last line of the log, if there is one: a command's error object.
pub(in super::super) fn last_line(log_tail: &[u8]) -> Option<&[u8]> {
    log_tail.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).rfind(|line| !line.is_empty())
}
