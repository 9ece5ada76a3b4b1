//! What runs when a function is invoked: guest code or a native closure.

use super::InvocationContext;
use crate::error::ServiceError;
use crate::function::{FunctionError, PanicPlace};
use crate::host_function::JsonClosure;
use crate::limits::RESPONSE_BYTES_MAX;
use crate::sandbox::code::{GuestCode, LoadedCode};
use crate::sandbox::engine::EngineProfile;
use crate::sandbox::job::Job;
use crate::sandbox::outcome::Ending;
use crate::sandbox::{LoadError, Sandbox};
use bytes::Bytes;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What runs when a function is invoked.
#[derive(Clone)]
pub(crate) enum Executable {
    /// WebAssembly, in a sandbox.
    Guest(Arc<GuestCode>),
    /// A closure of the embedder's, in its own process.
    Native(Arc<dyn JsonClosure>),
}

/// The code's compiled form for a profile, mapped or compiled now: the invocation's time runs. `None` if that is over.
pub(super) async fn load(
    sandbox: &Arc<Sandbox>,
    code: &Arc<GuestCode>,
    profile: EngineProfile,
    job: &Job,
) -> Result<Option<Arc<LoadedCode>>, ServiceError> {
    match sandbox.load(code, profile, Some(job.deadline)).await {
        Ok(loaded) => Ok(Some(loaded)),
        Err(LoadError::TimedOut { .. }) if job.remaining().is_zero() => Ok(None),
        Err(error) => Err(ServiceError::new("loading the function's code", error)),
    }
}

/// Runs a native function. The closure is called when the future is first polled: in its runtime, under its deadline.
pub(super) async fn run_native(
    native: Arc<dyn JsonClosure>,
    event: Bytes,
    context: InvocationContext,
    workers: Handle,
) -> Ending {
    // An event was parsed as JSON before it came here, and JSON is UTF-8; if it is not, the closure's parser says so.
    match native.call(context, &String::from_utf8_lossy(&event), &workers).await {
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
