//! How asynchronous invocations run on this host.

use crate::blocking::OnCallersThread;
use crate::clock::Clock;
use crate::error::{InvokeError, RequestTooLarge, ServiceError, ThrottleReason, TooManyRequests};
use crate::event_invoke::{
    AttemptOutcome, AttemptResponse, Backlog, Dispatcher, DispatcherParts, EndedEvent, EventListener, EventQueue,
    Executor, Fate, PushError, QueuedEvent, RetryPolicy,
};
use crate::function::{EventInvokeConfig, FunctionArn, FunctionReference, FunctionTarget, Operation};
use crate::future::BoxFuture;
use crate::invocation::attachments::Attachments;
use crate::invocation::execution::Execution;
use crate::invocation::{AcceptWork, AcceptedEvent, EventSink, InvocationType, Invoke, Invoker, Response, Run};
use crate::panic;
use bytes::Bytes;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// The events of one host. The dispatcher starts with the first one.
pub(super) struct Events {
    queue: Arc<dyn EventQueue>,
    clock: Arc<dyn Clock>,
    concurrency_max: NonZeroUsize,
    retry_policy: RetryPolicy,
    listener: Option<Arc<dyn EventListener>>,
    invoker: OnceLock<Weak<Invoker>>,
    /// `None` once the host was shut down before there was an event.
    dispatcher: OnceLock<Option<Dispatcher>>,
}

impl Events {
    pub(super) fn new(
        queue: Arc<dyn EventQueue>,
        clock: Arc<dyn Clock>,
        concurrency_max: NonZeroUsize,
        retry_policy: RetryPolicy,
        listener: Option<Arc<dyn EventListener>>,
    ) -> Events {
        let (invoker, dispatcher) = (OnceLock::new(), OnceLock::new());
        Events { queue, clock, concurrency_max, retry_policy, listener, invoker, dispatcher }
    }

    /// Connects the events with what runs them. The host owns the invoker, so that events don't keep it alive.
    pub(super) fn connect(self: &Arc<Self>, invoker: &Arc<Invoker>) {
        // Called once, by the builder.
        let _ = self.invoker.set(Arc::downgrade(invoker));
        let _ = invoker.event_sink.set(Box::new(Sink(Arc::downgrade(self))));
    }

    /// Ends the dispatcher: none starts after this. Answers how many events are lost with it.
    pub(super) async fn drain(&self, bound: Duration) -> usize {
        match self.dispatcher.get_or_init(|| None) {
            Some(dispatcher) => dispatcher.drain(bound).await.len(),
            None => 0,
        }
    }

    /// How many events there are, and the age of the oldest.
    pub(super) fn backlog(&self) -> (usize, Option<Duration>) {
        let Backlog { events, oldest_accepted_at } = self.queue.backlog();
        let now = self.clock.now();
        (events, oldest_accepted_at.map(|accepted_at| now.duration_since(accepted_at).unwrap_or_default()))
    }

    fn dispatcher(&self) -> Result<&Dispatcher, ServiceError> {
        let shut_down = || ServiceError::new("the event can't be accepted", PushError::Closed);
        if let Some(dispatcher) = self.dispatcher.get() {
            return dispatcher.as_ref().ok_or_else(shut_down);
        }
        let invoker = self.invoker.get().cloned().unwrap_or_default();
        let Some(running) = invoker.upgrade() else {
            return Err(ServiceError::new("the event can't be accepted", "the host is gone"));
        };
        let workers =
            running.sandbox.workers().map_err(|error| ServiceError::new("threads can't be started", error))?;
        let dispatcher = self.dispatcher.get_or_init(|| {
            let parts = DispatcherParts {
                queue: Arc::clone(&self.queue),
                executor: Arc::new(EventExecutor {
                    invoker,
                    retry_policy: self.retry_policy,
                    listener: self.listener.clone(),
                }),
                clock: Arc::clone(&self.clock),
                concurrency_max: self.concurrency_max,
            };
            Some(Dispatcher::start(workers, parts))
        });
        dispatcher.as_ref().ok_or_else(shut_down)
    }
}

/// Where the invoker puts events.
struct Sink(Weak<Events>);

impl EventSink for Sink {
    fn accept(&self, accepted: AcceptedEvent) -> AcceptWork {
        let events = self.0.upgrade();
        Box::pin(async move {
            let events = events.ok_or_else(|| ServiceError::new("the event can't be accepted", "the host is gone"))?;
            let AcceptedEvent { request_id, function, payload, attachments, trace_id, depth } = accepted;
            let arn = function.invoked_arn().to_string();
            let mut event = QueuedEvent::new(request_id, arn, payload, events.clock.now());
            event.depth = depth;
            event.trace_id = trace_id;
            if !attachments.is_empty() {
                event.attachment = Some(Arc::new(attachments));
            }
            let submitted = events.dispatcher()?.submit(event).await.map_err(|error| {
                tracing::warn!(%request_id, error = &error as &dyn std::error::Error, "event refused");
                refusal(error)
            });
            if let Err(InvokeError::TooManyRequests(throttle)) = &submitted
                && let Some(invoker) = events.invoker.get().and_then(Weak::upgrade)
            {
                invoker.sandbox.metrics().throttled(throttle.reason);
            }
            submitted
        })
    }
}

fn refusal(error: PushError) -> InvokeError {
    match error {
        // However long the caller waits, there will be no room for it.
        PushError::TooManyBytes { event_bytes, bytes_max, .. } if event_bytes > bytes_max => {
            RequestTooLarge::EventPayload { bytes: event_bytes as u64, bytes_max: bytes_max as u64 }.into()
        }
        PushError::TooManyEvents { .. } | PushError::TooManyBytes { .. } => {
            TooManyRequests::new(ThrottleReason::EventQueueFull).into()
        }
        error => ServiceError::new("the event can't be accepted", error).into(),
    }
}

/// Runs events.
struct EventExecutor {
    invoker: Weak<Invoker>,
    retry_policy: RetryPolicy,
    listener: Option<Arc<dyn EventListener>>,
}

impl Executor for EventExecutor {
    fn attempt<'a>(&'a self, event: &'a QueuedEvent) -> BoxFuture<'a, AttemptOutcome> {
        Box::pin(async move {
            match self.invoker.upgrade() {
                Some(invoker) => attempt(&invoker, event).await,
                None => AttemptOutcome::SystemError("the host is gone".to_owned()),
            }
        })
    }

    fn retry_policy(&self, event: &QueuedEvent) -> RetryPolicy {
        let config = self.invoker.upgrade().and_then(|invoker| event_invoke_config(&invoker, event));
        config.map_or(self.retry_policy, |config| self.retry_policy.overridden(&config))
    }

    fn ended<'a>(&'a self, ended: &'a EndedEvent) -> BoxFuture<'a, ()> {
        // Who listens does not decide who else hears of it.
        if let Some(listener) = &self.listener
            && let Err(panicked) = panic::catch(|| listener.ended(ended))
        {
            let (request_id, message) = (ended.event.request_id, panicked.message.unwrap_or_default());
            tracing::error!(%request_id, %message, "the event listener panicked");
        }
        Box::pin(async move {
            if let Some(invoker) = self.invoker.upgrade()
                && let Some((destination, record)) = destination(&invoker, ended)
            {
                deliver(invoker, &ended.event, destination, record).await;
            }
        })
    }
}

/// The function, version or alias that an event is for.
fn target(invoker: &Invoker, event: &QueuedEvent) -> Option<FunctionTarget> {
    let reference = FunctionReference::parse(&event.invoked_function_arn, None, Operation::InvokeFunction).ok()?;
    reference.locate(invoker.registry.arn_base()).ok()
}

fn event_invoke_config(invoker: &Invoker, event: &QueuedEvent) -> Option<Arc<EventInvokeConfig>> {
    let target = target(invoker, event)?;
    invoker.registry.event_invoke_config(&target.name, target.qualifier.as_ref())
}

/// Who hears of an event's end, and what.
fn destination(invoker: &Invoker, ended: &EndedEvent) -> Option<(FunctionArn, Bytes)> {
    let config = event_invoke_config(invoker, &ended.event)?;
    let destination = if ended.fate == Fate::Success { &config.on_success } else { &config.on_failure };
    Some((destination.clone()?, ended.record()?))
}

/// Invokes a destination. Lambda counts what it can't deliver in a metric, and so forgets it; here, `tracing` has it.
async fn deliver(invoker: Arc<Invoker>, event: &QueuedEvent, destination: FunctionArn, record: Bytes) {
    let invoke = Invoke::new(invoker, destination.to_string().into())
        .invocation_type(InvocationType::Event)
        .payload(record)
        .following(event.depth, attachments(event), event.trace_id.clone());
    if let Err(error) = invoke.await {
        let request_id = event.request_id;
        tracing::error!(%request_id, %destination, error = &error as &dyn std::error::Error, "destination not reached");
    }
}

/// What the embedder attached, for as long as the event stays in this process.
fn attachments(event: &QueuedEvent) -> Attachments {
    event.attachment.as_ref().and_then(|attachment| attachment.downcast_ref()).cloned().unwrap_or_default()
}

async fn attempt(invoker: &Arc<Invoker>, event: &QueuedEvent) -> AttemptOutcome {
    let Some(target) = target(invoker, event) else {
        // Only a queue that was filled elsewhere can hold such a name.
        return AttemptOutcome::FunctionDeleted;
    };
    let Ok(function) = invoker.registry.resolve(&target.name, target.qualifier, rand::random) else {
        return AttemptOutcome::FunctionDeleted;
    };
    if let Err(error) = function.check_active() {
        return AttemptOutcome::SystemError(error.to_string());
    }
    if function.reserved_concurrency == Some(0) {
        return AttemptOutcome::ZeroReservedConcurrency;
    }
    let run = Run {
        request_id: event.request_id,
        function,
        event: event.payload.clone(),
        client_context: None,
        trace_id: event.trace_id.clone(),
        attachments: attachments(event),
        deadline: None,
        depth: event.depth,
        // Whoever invoked it has not waited for it.
        parent: None,
        tail_logs: false,
        is_event: true,
    };
    let answer = match Execution::start(Arc::clone(invoker), run, OnCallersThread(false)) {
        Ok(execution) => execution.await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(response) => {
            let failed = response.function_error.is_some();
            let response = attempt_response(response);
            if failed { AttemptOutcome::FunctionFailed(response) } else { AttemptOutcome::Succeeded(response) }
        }
        Err(InvokeError::TooManyRequests(_)) => AttemptOutcome::Throttled,
        Err(error) => AttemptOutcome::SystemError(error.to_string()),
    }
}

fn attempt_response(response: Response) -> AttemptResponse {
    AttemptResponse {
        executed_version: response.executed_version.map(|version| version.to_string()).unwrap_or_default(),
        function_error: response.function_error_kind(),
        payload: response.payload,
    }
}
