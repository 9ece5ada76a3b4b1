//! One synchronous run: admitted, run to its end, answered.

use super::concurrency::Permit;
use super::context::{GrantedCalls, InvocationContext};
use super::executable::{self, Executable, Load};
use super::receipt::{Receipt, ReportStatus};
use super::response::Response;
use super::{Abandoned, Invoker, Run, ShuttingDown};
use crate::blocking::OnCallersThread;
use crate::error::{InvokeError, ServiceError, ThrottleReason, TooManyRequests};
use crate::function::{Frame, FunctionError};
use crate::future::{BoxFuture, InRuntime};
use crate::limits::RESPONSE_BYTES_MAX;
use crate::metrics::{CodeFound, InvocationEnd};
use crate::sandbox::code::{GuestCode, LoadedCode};
use crate::sandbox::engine::EngineProfile;
use crate::sandbox::guest_run::{GuestRun, OnStack};
use crate::sandbox::job::Job;
use crate::sandbox::log_tail::LOG_TAIL_BYTES;
use crate::sandbox::outcome::{Ending, Outcome};
use crate::sandbox::place::SharedPlace;
use crate::sandbox::running::Running;
use crate::sandbox::{HostCalls, InProgress};
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// A run in progress. Dropping it cancels the run.
///
/// A future by hand, because an `async` block of this size would be copied on its way, which a call of 10 us notices.
pub(crate) struct Execution {
    invoker: Arc<Invoker>,
    /// Without its event, which goes to the function, and what the job has.
    run: Run,
    payload_bytes: usize,
    job: Arc<Job>,
    span: InvocationSpan,
    stage: Stage,
}

enum Stage {
    /// The code is compiled or read first.
    Loading {
        load: Load,
        event: Bytes,
        in_progress: InProgress,
        permit: Permit,
    },
    Running(Running<Permit>),
    /// Before it began.
    Ended(Outcome),
    /// The frames of a trap get their files and lines.
    Symbolizing {
        frames: BoxFuture<'static, Vec<Frame>>,
        error: FunctionError,
        ran: Duration,
    },
    Answered,
}

impl Execution {
    /// Admits, and begins.
    ///
    /// # Errors
    /// Too many invocations are in progress.
    pub(crate) fn start(
        invoker: Arc<Invoker>,
        mut run: Run,
        on_callers_thread: OnCallersThread,
    ) -> Result<Execution, InvokeError> {
        let permit = invoker.admit(&run.function).inspect_err(|throttle| {
            invoker.sandbox.metrics().throttled(throttle.reason);
        })?;
        let started = Instant::now();
        let configuration = Arc::clone(&run.function.version.configuration);
        let own_deadline = started + configuration.timeout;
        let job = Arc::new(Job {
            request_id: run.request_id,
            qualifier: run.function.qualifier.take(),
            trace_id: run.trace_id.take(),
            client_context: run.client_context.take(),
            memory_limit_bytes: usize::try_from(configuration.memory_bytes).unwrap_or(usize::MAX),
            fuel_budget: configuration.fuel,
            response_bytes_max: RESPONSE_BYTES_MAX,
            started,
            deadline: run.deadline.map_or(own_deadline, |inherited| inherited.min(own_deadline)),
            parent: run.parent.take(),
            cancellation: Default::default(),
            place: SharedPlace::of(on_callers_thread),
            meter: Default::default(),
            configuration,
        });
        let span = InvocationSpan::new(&job);
        let in_progress = invoker.sandbox.begin();
        let event = std::mem::take(&mut run.event);
        let mut execution = Execution { invoker, payload_bytes: event.len(), run, job, span, stage: Stage::Answered };
        execution.stage = execution.begin(event, in_progress, permit);
        Ok(execution)
    }

    fn begin(&self, event: Bytes, in_progress: InProgress, permit: Permit) -> Stage {
        let sandbox = &self.invoker.sandbox;
        match &self.run.function.version.executable {
            Executable::Native(native) => {
                let threads = match sandbox.blocking_threads() {
                    Ok(threads) => threads,
                    Err(error) => {
                        return Stage::Ended(Outcome::host_fault(
                            &self.job,
                            format!("can't start the workers: {error}"),
                        ));
                    }
                };
                let work = executable::run_native(Arc::clone(native), event, self.context(), threads);
                let work = InRuntime::new(self.invoker.runtime_of_closures(), work);
                self.running(sandbox.run_native(work, Arc::clone(&self.job), in_progress, permit))
            }
            Executable::Guest(code) => match self.loaded(code) {
                Some(loaded) => self.run_guest(loaded, event, in_progress, permit),
                None => {
                    let load = executable::load(sandbox, code, self.profile(), &self.job);
                    Stage::Loading { load, event, in_progress, permit }
                }
            },
        }
    }

    /// Code that is in memory, or comes at once.
    fn loaded(&self, code: &Arc<GuestCode>) -> Option<Arc<LoadedCode>> {
        let sandbox = &self.invoker.sandbox;
        match code.loaded(self.profile()) {
            Some(loaded) => {
                sandbox.metrics().code_found(CodeFound::InMemory);
                Some(loaded)
            }
            // One that another one waits for may be polled on that one's stack, which is short.
            None if self.run.depth > 0 => None,
            None => sandbox.load_at_once(code, self.profile(), &self.job),
        }
    }

    fn profile(&self) -> EngineProfile {
        EngineProfile::of(self.job.fuel_budget.is_some())
    }

    fn run_guest(&self, loaded: Arc<LoadedCode>, event: Bytes, in_progress: InProgress, permit: Permit) -> Stage {
        let has_grants = !self.job.configuration.host_functions.is_empty();
        let calls = has_grants.then(|| {
            let runtime = self.invoker.runtime_of_closures();
            Arc::new(GrantedCalls { context: self.context(), runtime }) as Arc<dyn HostCalls>
        });
        let run = GuestRun { code: loaded, job: Arc::clone(&self.job), event, calls, in_progress, held: permit };
        let on_stack = self.span.span.in_scope(|| self.invoker.sandbox.run_on_stack(run));
        match on_stack {
            OnStack::Ended(outcome) => Stage::Ended(outcome),
            OnStack::NeedsFiber(run) => self.running(self.invoker.sandbox.run(run)),
        }
    }

    fn running(&self, mut running: Running<Permit>) -> Stage {
        running.set_span(self.span.span.clone());
        Stage::Running(running)
    }

    fn context(&self) -> InvocationContext {
        InvocationContext {
            invoker: Arc::clone(&self.invoker),
            job: Arc::clone(&self.job),
            attachments: self.run.attachments.clone(),
            depth: self.run.depth,
        }
    }

    /// The answer, if the run came to its end as it began.
    pub(super) fn answer(&mut self) -> Option<Result<Response, InvokeError>> {
        if !matches!(self.stage, Stage::Ended(_)) {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Answered) {
            Stage::Ended(outcome) => self.conclude(outcome),
            _ => None,
        }
    }

    /// Makes the caller's answer of how the run ended, or has the frames of a trap symbolised first.
    fn conclude(&mut self, outcome: Outcome) -> Option<Result<Response, InvokeError>> {
        if self.job.has_open_line() {
            self.span.span.in_scope(|| self.job.flush_log());
        }
        let Outcome { ending, frames, ran } = outcome;
        let answer = match ending {
            Ending::Returned(payload) => Ok(self.respond(payload, None, ran)),
            Ending::Failed(error) => match &self.run.function.version.executable {
                Executable::Guest(code) if !frames.is_empty() => {
                    let frames = symbolize(&self.invoker, code, frames);
                    self.stage = Stage::Symbolizing { frames, error, ran };
                    return None;
                }
                _ => Ok(self.fail(error, ran)),
            },
            Ending::NoSandboxLeft => {
                Err(TooManyRequests::new(ThrottleReason::ConcurrentInvocationLimitExceeded).into())
            }
            Ending::ShutDown => Err(ServiceError::new("the host was shut down", ShuttingDown).into()),
            Ending::Abandoned => Err(ServiceError::new("the invocation was cancelled", Abandoned).into()),
            Ending::NotLoaded(error) => Err(ServiceError::new("the function's code can't be loaded", error).into()),
            Ending::HostFault(reason) => Err(ServiceError::new("the sandbox failed", reason).into()),
        };
        self.ended(&answer);
        Some(answer)
    }

    /// Notes how it ended.
    fn ended(&mut self, answer: &Result<Response, InvokeError>) {
        self.span.ended(answer);
        let metrics = self.invoker.sandbox.metrics();
        let (end, duration) = match answer {
            Ok(Response { function_error, receipt, .. }) => {
                let end = function_error.as_ref().map_or(InvocationEnd::Success, InvocationEnd::from);
                (end, receipt.as_ref().map(|receipt| receipt.duration))
            }
            Err(InvokeError::TooManyRequests(throttle)) => return metrics.throttled(throttle.reason),
            Err(_) if self.job.is_abandoned() => (InvocationEnd::Cancelled, None),
            Err(_) => (InvocationEnd::HostFailed, None),
        };
        metrics.ended(self.run.is_event, end, duration);
    }

    fn fail(&self, error: FunctionError, ran: Duration) -> Response {
        let error = error.within(self.job.response_bytes_max, self.job.request_id);
        self.respond(error.payload(self.job.request_id), Some(error), ran)
    }

    fn respond(&self, payload: Bytes, function_error: Option<FunctionError>, ran: Duration) -> Response {
        let (job, run) = (&self.job, &self.run);
        if !job.configuration.host_functions.is_empty() {
            job.meter.host_call_ended(|| self.invoker.clock.now());
        }
        let receipt = receipt(job, ran, self.payload_bytes, payload.len(), function_error.as_ref());
        let log_tail = run.tail_logs.then(|| log_tail(job, &receipt, function_error.as_ref()));
        Response {
            status: 200,
            request_id: job.request_id,
            executed_version: Some(run.function.executed_version()),
            function_error,
            payload,
            receipt: Some(receipt),
            log_tail,
        }
    }
}

impl Future for Execution {
    type Output = Result<Response, InvokeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let outcome = match &mut this.stage {
                Stage::Loading { load, .. } => {
                    let loaded = ready!(load.as_mut().poll(cx));
                    let Stage::Loading { event, in_progress, permit, .. } =
                        std::mem::replace(&mut this.stage, Stage::Answered)
                    else {
                        return Poll::Pending;
                    };
                    match loaded {
                        Ok(loaded) => {
                            this.stage = this.run_guest(loaded, event, in_progress, permit);
                            continue;
                        }
                        Err(outcome) => outcome,
                    }
                }
                Stage::Running(running) => ready!(Pin::new(running).poll(cx)),
                Stage::Ended(_) => match std::mem::replace(&mut this.stage, Stage::Answered) {
                    Stage::Ended(outcome) => outcome,
                    _ => return Poll::Pending,
                },
                Stage::Symbolizing { frames, .. } => {
                    let frames = ready!(frames.as_mut().poll(cx));
                    let Stage::Symbolizing { mut error, ran, .. } = std::mem::replace(&mut this.stage, Stage::Answered)
                    else {
                        return Poll::Pending;
                    };
                    error.set_frames(frames);
                    let answer = Ok(this.fail(error, ran));
                    this.ended(&answer);
                    return Poll::Ready(answer);
                }
                Stage::Answered => return Poll::Pending,
            };
            this.stage = Stage::Answered;
            if let Some(answer) = this.conclude(outcome) {
                return Poll::Ready(answer);
            }
        }
    }
}

/// One that did not end otherwise was given up.
impl Drop for Execution {
    fn drop(&mut self) {
        if !self.span.ended {
            self.invoker.sandbox.metrics().ended(self.run.is_event, InvocationEnd::Cancelled, None);
        }
    }
}

fn symbolize(
    invoker: &Arc<Invoker>,
    code: &Arc<GuestCode>,
    frames: Vec<crate::sandbox::frames::RawFrame>,
) -> BoxFuture<'static, Vec<Frame>> {
    let (sandbox, code) = (Arc::clone(&invoker.sandbox), Arc::clone(code));
    Box::pin(async move { sandbox.symbolize(&code, frames).await })
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

    fn ended(&mut self, response: &Result<Response, InvokeError>) {
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
    log.drain(..log.len().saturating_sub(LOG_TAIL_BYTES));
    log
}
