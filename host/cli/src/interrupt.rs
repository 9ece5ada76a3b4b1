//! Waiting for the library, or for Ctrl-C.

use crate::exit::{Exit, Failure};
use std::sync::Mutex;
use tokio::sync::oneshot;

/// Runs a future to its end. Ctrl-C drops it, which cancels an invocation and removes what it had unpacked; a second one
/// ends the process at once.
pub(crate) fn wait<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let (on_interrupt, interrupted) = oneshot::channel();
    let on_interrupt = Mutex::new(Some(on_interrupt));
    ctrlc::set_handler(move || {
        let first = on_interrupt.lock().ok().and_then(|mut sender| sender.take());
        if first.is_none_or(|sender| sender.send(()).is_err()) {
            std::process::exit(Exit::Interrupted as i32);
        }
    })
    .map_err(|source| Failure::Start { what: "Ctrl-C can't be handled", source: source.into() })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Start { what: "no event loop", source: source.into() })?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result.map_err(Into::into),
            Ok(()) = interrupted => Err(Failure::Interrupted),
        }
    })
}
