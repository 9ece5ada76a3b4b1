//! The way of an invocation: check, resolve, authorise, admit, run, respond.

pub(crate) mod attachments;
pub(crate) mod authorization;
pub(crate) mod concurrency;
pub(crate) mod context;
pub(crate) mod executable;
pub(crate) mod receipt;
pub(crate) mod request;
pub(crate) mod response;

pub use authorization::{AuthorizationRequest, Authorizer};
pub use context::InvocationContext;
pub use receipt::Receipt;
pub use request::{InvocationType, Invoke};
pub use response::Response;

use crate::blocking::OnCallersThread;
use crate::clock::Clock;
use crate::error::{DenialReason, InvokeError, ServiceError, ThrottleReason, TooManyRequests};
use crate::function::{FunctionError, FunctionReference, Operation, decide};
use crate::future::InRuntime;
use crate::host_function::HostFunctions;
use crate::limits::{INVOCATION_DEPTH_MAX, RESPONSE_BYTES_MAX};
use crate::registry::{Registry, Resolved};
use crate::request_id::RequestId;
use crate::sandbox::Sandbox;
use crate::sandbox::engine::EngineProfile;
use crate::sandbox::job::{Job, Meter};
use crate::sandbox::outcome::{Ending, Outcome};
use attachments::Attachments;
use bytes::Bytes;
use concurrency::{FunctionConcurrency, Permit, UnreservedConcurrency, admit};
use context::GrantedCalls;
use executable::Executable;
use receipt::ReportStatus;
use request::parse_client_context;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A function as the registry finds it.
pub(crate) type ResolvedFunction = Resolved<Executable, FunctionConcurrency>;

/// Everything that an invocation needs of its host.
pub(crate) struct Invoker {
    pub(crate) registry: Registry<Executable, FunctionConcurrency>,
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
    pub(crate) tail_logs: bool,
}

/// The host is shutting down.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the host is shutting down and takes no more invocations")]
struct ShuttingDown;

/// Functions invoke functions too deep.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("functions may invoke functions {max} deep, and this one would be number {depth}")]
struct TooDeep {
    depth: u32,
    max: u32,
}

impl Invoker {
    /// Invokes a function.
    pub(crate) async fn invoke(
        self: Arc<Self>,
        request: Invoke,
        on_callers_thread: OnCallersThread,
    ) -> Result<Response, InvokeError> {
        let request_id = request.request_id.unwrap_or_else(RequestId::random);
        // Check
        let reference =
            FunctionReference::parse(&request.function, request.qualifier.as_deref(), Operation::InvokeFunction)?;
        let target = reference.locate(self.registry.arn_base())?;
        let event = request.payload.check(request.invocation_type)?;
        let client_context = request.client_context.as_deref().map(parse_client_context).transpose()?;
        if request.depth > INVOCATION_DEPTH_MAX {
            let too_deep = TooDeep { depth: request.depth, max: INVOCATION_DEPTH_MAX };
            return Err(ServiceError::new("functions invoke functions too deep", too_deep).into());
        }
        // Resolve, authorise
        let function = self.registry.resolve(&target.name, target.qualifier.as_ref(), rand::random)?;
        self.authorize(&request, &function)?;
        function.check_active()?;
        // An invocation in progress may finish what it began, with the invocations that this takes.
        if self.closing.load(Ordering::SeqCst) && request.depth == 0 {
            return Err(ServiceError::new("the host is shutting down", ShuttingDown).into());
        }
        let Invoke { attachments, trace_id, depth, deadline, tail_logs, .. } = request;
        match request.invocation_type {
            InvocationType::DryRun => Ok(Response::without_payload(204, request_id)),
            InvocationType::Event => {
                let accepted = AcceptedEvent { request_id, function, payload: event, attachments, trace_id, depth };
                self.accept(accepted).await?;
                Ok(Response::without_payload(202, request_id))
            }
            InvocationType::RequestResponse => {
                let run = Run {
                    request_id,
                    function,
                    event,
                    client_context,
                    trace_id,
                    attachments,
                    deadline,
                    depth,
                    tail_logs,
                };
                self.run(run, on_callers_thread).await
            }
        }
    }

    fn authorize(&self, request: &Invoke, function: &ResolvedFunction) -> Result<(), InvokeError> {
        if request.caller.is_none() && self.authorizer.is_none() {
            return Ok(());
        }
        let question = AuthorizationRequest::new(request, function);
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

    async fn accept(&self, event: AcceptedEvent) -> Result<(), InvokeError> {
        match self.event_sink.get() {
            Some(sink) => sink.accept(event).await,
            None => Err(ServiceError::new("the host is shutting down", ShuttingDown).into()),
        }
    }

    /// Admits, runs, responds.
    pub(crate) async fn run(
        self: &Arc<Self>,
        run: Run,
        on_callers_thread: OnCallersThread,
    ) -> Result<Response, InvokeError> {
        let permit = self.admit(&run.function)?;
        let started = Instant::now();
        let configuration = Arc::clone(&run.function.version.configuration);
        let own_deadline = started + configuration.timeout;
        let job = Arc::new(Job {
            request_id: run.request_id,
            invoked_arn: run.function.invoked_arn(),
            trace_id: run.trace_id.clone(),
            client_context: run.client_context.clone(),
            memory_limit_bytes: usize::try_from(configuration.memory_bytes).unwrap_or(usize::MAX),
            fuel_budget: configuration.fuel,
            response_bytes_max: RESPONSE_BYTES_MAX,
            started,
            deadline: run.deadline.map_or(own_deadline, |inherited| inherited.min(own_deadline)),
            cancelled: AtomicBool::new(false),
            meter: Meter::default(),
            configuration,
        });
        let span = InvocationSpan::new(&job);
        let outcome = self.execute(&run, &job, permit, on_callers_thread, &span.span).await;
        let response = match outcome {
            Ok(outcome) => {
                span.span.in_scope(|| job.flush_log());
                self.respond(&run, &job, outcome).await
            }
            Err(error) => Err(error),
        };
        span.ended(&response);
        response
    }

    fn admit(&self, function: &ResolvedFunction) -> Result<Permit, TooManyRequests> {
        admit(&function.cell, function.reserved_concurrency, &self.unreserved, self.registry.unreserved_concurrency())
    }

    /// Runs the function to its end, whatever that is.
    async fn execute(
        self: &Arc<Self>,
        run: &Run,
        job: &Arc<Job>,
        permit: Permit,
        OnCallersThread(on_callers_thread): OnCallersThread,
        span: &tracing::Span,
    ) -> Result<Outcome, InvokeError> {
        let context = || InvocationContext {
            invoker: Arc::clone(self),
            job: Arc::clone(job),
            attachments: run.attachments.clone(),
            depth: run.depth,
        };
        let mut running = match &run.function.version.executable {
            Executable::Native(native) => {
                let workers = self.sandbox.workers().map_err(|error| ServiceError::new("starting threads", error))?;
                let work = executable::run_native(Arc::clone(native), run.event.clone(), context(), workers.clone());
                let work = InRuntime::new(self.runtime_of_closures(), work);
                self.sandbox.run_native(work, Arc::clone(job), permit)
            }
            Executable::Guest(code) => {
                let metered = job.fuel_budget.is_some();
                let profile = if metered { EngineProfile::FuelMetered } else { EngineProfile::Plain };
                let loaded = match code.loaded(profile) {
                    Some(loaded) => Arc::clone(loaded),
                    None => match executable::load(&self.sandbox, code, profile, job).await {
                        Ok(loaded) => loaded,
                        Err(outcome) => return Ok(outcome),
                    },
                };
                let has_grants = !job.configuration.host_functions.is_empty();
                let calls = has_grants.then(|| {
                    let runtime = self.runtime_of_closures();
                    Arc::new(GrantedCalls { context: context(), runtime }) as Arc<dyn crate::sandbox::HostCalls>
                });
                self.sandbox.run(loaded, Arc::clone(job), run.event.clone(), calls, permit)
            }
        };
        running.set_span(span.clone());
        if on_callers_thread {
            running.stay();
        }
        Ok(running.await)
    }

    /// Where the embedder's closures find timers and sockets: the runtime that the caller is in; without one, the workers'.
    fn runtime_of_closures(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| self.sandbox.workers().ok().cloned())
    }

    /// Makes the caller's answer of how the run ended.
    async fn respond(&self, run: &Run, job: &Job, outcome: Outcome) -> Result<Response, InvokeError> {
        let Outcome { ending, frames, ran } = outcome;
        let (payload, function_error) = match ending {
            Ending::Returned(payload) => (payload, None),
            Ending::Failed(mut error) => {
                if let Executable::Guest(code) = &run.function.version.executable
                    && !frames.is_empty()
                {
                    error.set_frames(self.sandbox.symbolize(code, frames).await);
                }
                let error = error.within(job.response_bytes_max, job.request_id);
                (error.payload(job.request_id), Some(error))
            }
            Ending::NoSandboxLeft => {
                return Err(TooManyRequests::new(ThrottleReason::ConcurrentInvocationLimitExceeded).into());
            }
            Ending::ShutDown => return Err(ServiceError::new("the host was shut down", ShuttingDown).into()),
            Ending::HostFault(reason) => return Err(ServiceError::new("the sandbox failed", reason).into()),
        };
        job.meter.host_call_ended(|| self.clock.now());
        let receipt = receipt(job, ran, run.event.len(), payload.len(), function_error.as_ref());
        let log_tail = run.tail_logs.then(|| log_tail(job, &receipt, function_error.as_ref()));
        Ok(Response {
            status: 200,
            request_id: job.request_id,
            executed_version: Some(run.function.executed_version()),
            function_error,
            payload,
            receipt: Some(receipt),
            log_tail,
        })
    }
}

/// The `tracing` span of one invocation, from admission to its end.
struct InvocationSpan {
    span: tracing::Span,
    ended: bool,
}

impl InvocationSpan {
    fn new(job: &Job) -> InvocationSpan {
        let span = tracing::info_span!(
            "invocation",
            function = %job.configuration.function_name,
            version = %job.configuration.version,
            request_id = %job.request_id,
            outcome = tracing::field::Empty,
        );
        InvocationSpan { span, ended: false }
    }

    fn ended(mut self, response: &Result<Response, InvokeError>) {
        self.ended = true;
        let outcome = match response {
            Ok(Response { function_error: Some(error), .. }) => error.error_type(),
            Ok(_) => "success",
            Err(error) => error.code(),
        };
        self.span.record("outcome", outcome);
    }
}

/// A span that did not end otherwise ends because the caller gave up.
impl Drop for InvocationSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.span.record("outcome", "cancelled");
        }
    }
}

/// What the run cost.
fn receipt(
    job: &Job,
    ran: Duration,
    payload_bytes: usize,
    response_bytes: usize,
    error: Option<&FunctionError>,
) -> Receipt {
    let init_duration = job.meter.init();
    let limit = job.deadline.saturating_duration_since(job.started);
    // A timeout lasts as long as its limit, as in Lambda's reports; the host noticed it a little later.
    let ran = if matches!(error, Some(FunctionError::TimedOut { .. })) { limit } else { ran };
    let duration = ran.saturating_sub(init_duration.unwrap_or_default());
    let billed_ms = u64::try_from(ran.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Receipt {
        duration,
        init_duration: init_duration.filter(|init| !init.is_zero()),
        billed_duration: Duration::from_millis(billed_ms),
        memory_peak_bytes: job.meter.memory_peak_bytes(),
        memory_limit_bytes: job.memory_limit_bytes,
        fuel_used: job.meter.fuel_used(),
        payload_bytes,
        response_bytes,
        host_time: job.meter.host_time(),
    }
}

/// The last bytes of the log, with Lambda's own lines around what the function wrote.
fn log_tail(job: &Job, receipt: &Receipt, error: Option<&FunctionError>) -> Vec<u8> {
    let request_id = job.request_id;
    let mut log = format!("START RequestId: {request_id} Version: {}\n", job.configuration.version).into_bytes();
    log.extend_from_slice(&job.log_tail());
    if log.last() != Some(&b'\n') {
        log.push(b'\n');
    }
    if let Some(crash) = error.filter(|error| error.is_crash()) {
        log.extend_from_slice(format!("{}\n{}\n", crash.error_message(request_id), crash.error_type()).as_bytes());
    }
    let status = match error {
        None | Some(FunctionError::Reported(_)) => ReportStatus::Success,
        Some(FunctionError::TimedOut { .. }) => ReportStatus::Timeout,
        Some(error) => ReportStatus::Error { error_type: error.error_type() },
    };
    log.extend_from_slice(format!("END RequestId: {request_id}\n").as_bytes());
    log.extend_from_slice(receipt.report_line(request_id, status).as_bytes());
    log.drain(..log.len().saturating_sub(crate::sandbox::log_tail::LOG_TAIL_BYTES));
    log
}
