//! The way of an invocation: check, resolve, authorise, admit, run, respond.

pub(crate) mod attachments;
pub(crate) mod authorization;
pub(crate) mod concurrency;
pub(crate) mod context;
pub(crate) mod executable;
pub(crate) mod execution;
pub(crate) mod in_progress;
pub(crate) mod receipt;
pub(crate) mod request;
pub(crate) mod response;

pub use authorization::{AuthorizationRequest, Authorizer};
pub use context::InvocationContext;
pub use in_progress::Invocation;
pub use receipt::Receipt;
pub use request::{InvocationType, Invoke};
pub use response::Response;

use crate::clock::Clock;
use crate::error::{DenialReason, InvokeError, ServiceError, TooManyRequests};
use crate::function::{FunctionName, FunctionReference, Operation, Qualifier, decide};
use crate::host_function::HostFunctions;
use crate::limits::INVOCATION_DEPTH_MAX;
use crate::registry::{Registry, Resolved};
use crate::request_id::RequestId;
use crate::sandbox::Sandbox;
use crate::sandbox::job::Job;
use attachments::Attachments;
use bytes::Bytes;
use concurrency::{FunctionConcurrency, Permit, UnreservedConcurrency, admit};
use executable::Executable;
use request::{Payload, check_trace_id, parse_client_context};
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::runtime::Handle;

/// A function as the registry finds it.
pub(crate) type ResolvedFunction = Resolved<Executable, FunctionConcurrency>;

/// The registry of functions that can be invoked.
pub(crate) type InvokedRegistry = Registry<Executable, FunctionConcurrency>;

/// Everything that an invocation needs of its host.
pub(crate) struct Invoker {
    pub(crate) registry: InvokedRegistry,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) host_functions: HostFunctions,
    pub(crate) authorizer: Option<Box<dyn Authorizer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) unreserved: Arc<UnreservedConcurrency>,
    pub(crate) closing: AtomicBool,
    /// Where asynchronous invocations go; set once, when the host is built.
    pub(crate) event_sink: OnceLock<Box<dyn EventSink>>,
}

/// Takes asynchronous invocations.
pub(crate) trait EventSink: Send + Sync {
    /// Keeps an event, to be run later.
    fn accept(&self, event: AcceptedEvent) -> AcceptWork;
}

/// An [`EventSink`] at work.
pub(crate) type AcceptWork = std::pin::Pin<Box<dyn Future<Output = Result<(), InvokeError>> + Send>>;

/// An asynchronous invocation that passed all checks.
pub(crate) struct AcceptedEvent {
    pub(crate) request_id: RequestId,
    pub(crate) function: ResolvedFunction,
    pub(crate) payload: Bytes,
    pub(crate) attachments: Attachments,
    pub(crate) trace_id: Option<Arc<str>>,
    pub(crate) depth: u32,
}

/// One synchronous run, after all checks.
pub(crate) struct Run {
    pub(crate) request_id: RequestId,
    pub(crate) function: ResolvedFunction,
    pub(crate) event: Bytes,
    pub(crate) client_context: Option<Arc<str>>,
    pub(crate) trace_id: Option<Arc<str>>,
    pub(crate) attachments: Attachments,
    pub(crate) deadline: Option<Instant>,
    pub(crate) depth: u32,
    /// The invocation that this one is a part of.
    pub(crate) parent: Option<Arc<Job>>,
    pub(crate) tail_logs: bool,
    /// Whether it is a try of an event, and not a synchronous invocation.
    pub(crate) is_event: bool,
}

/// The host is shutting down.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the host is shutting down and takes no more invocations")]
struct ShuttingDown;

/// An invocation went on behalf of another one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nobody waits any more for the invocation that this one is a part of")]
struct Abandoned;

/// Functions invoke functions too deep.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("functions may invoke functions {max} deep, and this one would be number {depth}")]
struct TooDeep {
    depth: u32,
    max: u32,
}

/// An invocation after all checks: what is left to do.
pub(crate) enum Checked {
    /// Nothing: a dry run.
    DryRun(RequestId),
    Event(AcceptedEvent),
    Run(Run),
}

impl Invoker {
    /// Checks, resolves, authorises. Answers with whom the request was for, too.
    ///
    /// # Errors
    /// What Lambda refuses before anything runs.
    fn check(mut request: Invoke) -> Result<(Arc<Invoker>, Checked), InvokeError> {
        let this = &*request.invoker;
        let request_id = request.request_id.unwrap_or_else(RequestId::random);
        // Check
        let reference =
            FunctionReference::parse(&request.function, request.qualifier.as_deref(), Operation::InvokeFunction)?;
        let target = reference.locate(this.registry.arn_base())?;
        let event = std::mem::replace(&mut request.payload, Payload::None).check(request.invocation_type)?;
        let client_context = request.client_context.as_deref().map(parse_client_context).transpose()?;
        request.trace_id.as_deref().map_or(Ok(()), check_trace_id)?;
        if request.depth > INVOCATION_DEPTH_MAX {
            let too_deep = TooDeep { depth: request.depth, max: INVOCATION_DEPTH_MAX };
            return Err(ServiceError::new("functions invoke functions too deep", too_deep).into());
        }
        // Resolve, authorise
        // Only a caller who may not know is refused by it.
        let asked_for = request.caller.as_ref().and_then(|_| target.qualifier.clone());
        let function = match this.registry.resolve(&target.name, target.qualifier, rand::random) {
            Ok(function) => function,
            Err(error) => return Err(this.not_there(&request, &target.name, asked_for, error.into())),
        };
        this.authorize(&request, &function)?;
        function.check_active()?;
        // An invocation in progress may finish what it began, with the invocations that this takes.
        if this.closing.load(Ordering::SeqCst) && request.depth == 0 {
            return Err(ServiceError::new("the host is shutting down", ShuttingDown).into());
        }
        let Invoke { invoker, attachments, trace_id, depth, parent, deadline, tail_logs, invocation_type, .. } =
            request;
        let checked = match invocation_type {
            InvocationType::DryRun => Checked::DryRun(request_id),
            InvocationType::Event => {
                Checked::Event(AcceptedEvent { request_id, function, payload: event, attachments, trace_id, depth })
            }
            InvocationType::RequestResponse => Checked::Run(Run {
                request_id,
                function,
                event,
                client_context,
                trace_id,
                attachments,
                deadline,
                depth,
                parent,
                tail_logs,
                is_event: false,
            }),
        };
        Ok((invoker, checked))
    }

    /// The answer to who asks for what is not there: what is there is nobody's business who may not invoke it.
    fn not_there(
        &self,
        request: &Invoke,
        name: &FunctionName,
        qualifier: Option<Qualifier>,
        error: InvokeError,
    ) -> InvokeError {
        let Some(caller) = &request.caller else { return error };
        let arn = self.registry.arn_base().function(name, Some(&qualifier.unwrap_or(Qualifier::Latest)));
        match decide(caller, authorization::ACTION, arn.base().account(), None) {
            Ok(()) => error,
            Err(reason) => AuthorizationRequest::new(request, arn).denied(reason).into(),
        }
    }

    fn authorize(&self, request: &Invoke, function: &ResolvedFunction) -> Result<(), InvokeError> {
        if request.caller.is_none() && self.authorizer.is_none() {
            return Ok(());
        }
        let qualifier = function.qualifier.clone().unwrap_or(Qualifier::Latest);
        let resource = function.version.configuration.function_arn.with_qualifier(Some(qualifier));
        let question = AuthorizationRequest::new(request, resource);
        if let Some(caller) = &request.caller {
            let arn = &question.resource;
            let policy = self.registry.policy(arn.name(), function.qualifier.as_ref());
            if let Err(reason) = decide(caller, authorization::ACTION, arn.base().account(), policy.as_deref()) {
                return Err(question.denied(reason).into());
            }
        }
        match &self.authorizer {
            Some(authorizer) if !authorizer.authorize(&question) => {
                Err(question.denied(DenialReason::NoResourceBasedPolicy).into())
            }
            _ => Ok(()),
        }
    }

    fn accept(&self, event: AcceptedEvent) -> AcceptWork {
        match self.event_sink.get() {
            Some(sink) => sink.accept(event),
            None => Box::pin(ready(Err(ServiceError::new("the host is shutting down", ShuttingDown).into()))),
        }
    }

    fn admit(&self, function: &ResolvedFunction) -> Result<Permit, TooManyRequests> {
        admit(&function.cell, function.reserved_concurrency, &self.unreserved, self.registry.unreserved_concurrency())
    }

    /// Where the embedder's closures find timers and sockets: the runtime that the caller is in; without one, the workers',
    /// which is where events are tried, too.
    fn runtime_of_closures(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| self.sandbox.workers().ok().cloned())
    }
}
