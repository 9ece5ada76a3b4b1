//! What the embedder's closures see of the invocation that they work for.

use super::attachments::Attachments;
use super::{Invoker, request::Invoke};
use crate::function::{FunctionArn, FunctionName, Version};
use crate::future::InRuntime;
use crate::host_function::{CallFault, JsonClosure};
use crate::request_id::RequestId;
use crate::sandbox::job::Job;
use crate::sandbox::{HostCall, HostCallError, HostCalls};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The invocation that a host function or a native function works for. Cheap to clone.
#[derive(Clone)]
pub struct InvocationContext {
    pub(super) invoker: Arc<Invoker>,
    pub(super) job: Arc<Job>,
    pub(super) attachments: Attachments,
    pub(super) depth: u32,
}

impl InvocationContext {
    /// The invocation's id.
    pub fn request_id(&self) -> RequestId {
        self.job.request_id
    }

    /// The function's name.
    pub fn function_name(&self) -> &FunctionName {
        &self.job.configuration.function_name
    }

    /// The version that runs: `$LATEST` or a number, never an alias.
    pub fn function_version(&self) -> Version {
        self.job.configuration.version
    }

    /// The ARN as the caller asked for it, with the alias if there was one.
    pub fn invoked_function_arn(&self) -> FunctionArn {
        self.job.invoked_arn()
    }

    /// When the host ends the invocation.
    pub fn deadline(&self) -> Instant {
        self.job.deadline
    }

    /// Time until the deadline; zero once it passed.
    pub fn remaining_time(&self) -> Duration {
        self.job.remaining()
    }

    /// Whether nobody waits for the result any more: the deadline passed, or the caller gave up. A blocking closure
    /// should look at it now and then; an asynchronous one is dropped.
    pub fn is_cancelled(&self) -> bool {
        self.job.is_cancelled() || self.job.remaining().is_zero()
    }

    /// The caller's client context: the text of a JSON object.
    pub fn client_context(&self) -> Option<&str> {
        self.job.client_context.as_deref()
    }

    /// What the embedder attached with [`Invoke::attach`], by its type.
    pub fn attachment<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.attachments.get()
    }

    /// Writes one line to the invocation's log.
    pub fn log(&self, line: &str) {
        self.job.log(format!("{line}\n").as_bytes());
    }

    /// Invokes another function, or the same, on behalf of this one: under the same deadline at most, with the same
    /// attachments; it is cancelled with this one, unless it is an [`Event`](crate::InvocationType::Event). Functions that
    /// invoke functions may be [`INVOCATION_DEPTH_MAX`](crate::limits::INVOCATION_DEPTH_MAX) deep.
    pub fn invoke(&self, function: impl AsRef<str>) -> Invoke {
        Invoke::nested(self, function.as_ref().into())
    }
}

impl std::fmt::Debug for InvocationContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvocationContext")
            .field("request_id", &self.request_id())
            .field("invoked_function_arn", &self.job.invoked_arn())
            .finish_non_exhaustive()
    }
}

/// The host functions that one invocation may call.
pub(super) struct GrantedCalls {
    pub(super) context: InvocationContext,
    /// The runtime that the caller is in. Closures run in it wherever the guest is, so that its timers and sockets are at
    /// hand.
    pub(super) runtime: Option<Handle>,
}

impl HostCalls for GrantedCalls {
    fn call(&self, name: &str, input: String) -> HostCall {
        let invoker = &self.context.invoker;
        let granted = self.context.job.configuration.host_functions.contains(name);
        let closure = invoker.host_functions.get(name).filter(|_| granted).cloned();
        let Some(closure) = closure else {
            let error = HostCallError::not_granted(name);
            return Box::pin(std::future::ready(Err(error)));
        };
        let (context, name, runtime) = (self.context.clone(), name.to_owned(), self.runtime.clone());
        let work = async move { run(&*closure, context, &name, &input).await };
        Box::pin(InRuntime::new(runtime, work))
    }
}

async fn run(
    closure: &dyn JsonClosure,
    context: InvocationContext,
    name: &str,
    input: &str,
) -> Result<String, HostCallError> {
    let invoker = Arc::clone(&context.invoker);
    let fault = |reason| HostCallError::Fault { name: name.to_owned(), reason };
    let threads = invoker.sandbox.blocking_threads();
    let threads = threads.map_err(|error| fault(format!("threads can't be started: {error}")))?;
    context.job.meter.host_call_began(invoker.clock.now());
    let _timer = HostTimer { context: context.clone() };
    match closure.call(context, input, &threads).await {
        Ok(result) => result.map_err(HostCallError::Reported),
        Err(CallFault::Panicked(panicked)) => {
            Err(HostCallError::Panicked { name: name.to_owned(), message: panicked.message })
        }
        Err(CallFault::WorkersGone) => Err(fault(CallFault::WorkersGone.to_string())),
    }
}

/// Counts the time of a host function, also when it is dropped half-way.
struct HostTimer {
    context: InvocationContext,
}

impl Drop for HostTimer {
    fn drop(&mut self) {
        self.context.job.meter.host_call_ended(|| self.context.invoker.clock.now());
    }
}
