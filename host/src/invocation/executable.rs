//! What runs when a function is invoked: guest code or a native closure.

use super::InvocationContext;
use crate::blocking::BlockingThreads;
use crate::function::{FunctionError, PanicPlace};
use crate::future::BoxFuture;
use crate::host_function::JsonClosure;
use crate::limits::RESPONSE_BYTES_MAX;
use crate::sandbox::code::{GuestCode, LoadedCode};
use crate::sandbox::engine::EngineProfile;
use crate::sandbox::job::Job;
use crate::sandbox::outcome::{Ending, Outcome};
use crate::sandbox::{LoadError, Sandbox};
use bytes::Bytes;
use std::sync::Arc;

/// What runs when a function is invoked.
#[derive(Clone)]
pub(crate) enum Executable {
    /// WebAssembly, in a sandbox.
    Guest(Arc<GuestCode>),
    /// A closure of the embedder's, in its own process.
    Native(Arc<dyn JsonClosure>),
}

/// Code on its way to being ready. `Err` is how the run ended because it never was.
pub(super) type Load = BoxFuture<'static, Result<Arc<LoadedCode>, Outcome>>;

/// The code's compiled form for a profile, mapped or compiled now if it is not in memory. The deadline holds here, too.
pub(super) fn load(sandbox: &Arc<Sandbox>, code: &Arc<GuestCode>, profile: EngineProfile, job: &Arc<Job>) -> Load {
    let (sandbox, code, job) = (Arc::clone(sandbox), Arc::clone(code), Arc::clone(job));
    Box::pin(async move {
        let loaded = tokio::select! {
            // What has begun goes on, for the next one who wants it.
            () = sandbox.closed() => return Err(Outcome::shut_down(&job)),
            loaded = sandbox.load(&code, profile, job.remaining()) => loaded,
        };
        match loaded {
            Ok(loaded) => Ok(loaded),
            Err(LoadError::TimedOut { .. }) if job.remaining().is_zero() => Err(Outcome::timed_out(&job)),
            Err(error) => Err(Outcome::not_loaded(&job, error)),
        }
    })
}

/// Runs a native function. The closure is called when the future is first polled: in its runtime, under its deadline.
pub(super) async fn run_native(
    native: Arc<dyn JsonClosure>,
    event: Bytes,
    context: InvocationContext,
    threads: BlockingThreads,
) -> Ending {
    // An event was looked at as JSON before it came here, and JSON is UTF-8.
    let event = match std::str::from_utf8(&event) {
        Ok(event) => event,
        Err(error) => return Ending::HostFault(format!("an event that was checked is no UTF-8: {error}")),
    };
    match native.call(context, event, &threads).await {
        Ok(Ok(result)) if result.len() > RESPONSE_BYTES_MAX => {
            Ending::Failed(FunctionError::ResponseTooLarge { bytes: result.len(), limit_bytes: RESPONSE_BYTES_MAX })
        }
        Ok(Ok(result)) => Ending::Returned(Bytes::from(result)),
        Ok(Err(error)) => Ending::Failed(FunctionError::Reported(error)),
        Err(panicked) => {
            Ending::Failed(FunctionError::Panicked { place: PanicPlace::NativeFunction, message: panicked.message })
        }
    }
}
