//! The task that takes events from the queue and has them tried.

#[cfg(test)]
mod tests;

use super::attempt::{AttemptOutcome, Executor};
use super::event::{EndedEvent, Fate, QueuedEvent};
use super::queue::{EventQueue, PushError, Take};
use super::retry::{Decision, RetryPolicy, backoff_delay, decide};
use crate::clock::Clock;
use std::future::{pending, poll_fn};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// How long a shutdown waits, in real time, for cancelled tries to let go of what they hold. They do at their next
/// await; this bounds the wait for one that blocks its thread.
const CANCEL_GRACE: Duration = Duration::from_millis(100);

/// A longer bound of a drain means this one, so that every bound ends at a time that can be expressed. No event lives
/// longer than its maximum age, 6 hours.
const DRAIN_BOUND_MAX: Duration = Duration::from_secs(86_400);

/// What a dispatcher works with.
pub(crate) struct DispatcherParts {
    /// Where events wait.
    pub(crate) queue: Arc<dyn EventQueue>,
    /// What tries them.
    pub(crate) executor: Arc<dyn Executor>,
    /// The time for ages, waits and the bound of a drain.
    pub(crate) clock: Arc<dyn Clock>,
    /// How many events are tried at once.
    pub(crate) concurrency_max: NonZeroUsize,
}

/// Asynchronous invocation at work. Dropping it cancels all tries and ends the task; events that wait stay in the
/// queue, which for a queue in memory means that they are lost. [`drain`](Dispatcher::drain) is the kind way.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    /// Set by the first drain: when to stop.
    stop_at: watch::Sender<Option<SystemTime>>,
    task: Mutex<Option<JoinHandle<Vec<QueuedEvent>>>>,
    abort: AbortHandle,
}

struct Shared {
    parts: DispatcherParts,
    pushed: Notify,
    closed: AtomicBool,
}

impl Dispatcher {
    /// Starts on this runtime, which must have time enabled. Asleep, it costs nothing: it wakes for pushes and due
    /// times only.
    pub(crate) fn start(runtime: &Handle, parts: DispatcherParts) -> Dispatcher {
        let shared = Arc::new(Shared { parts, pushed: Notify::new(), closed: AtomicBool::new(false) });
        let (stop_at, stop) = watch::channel(None);
        let task = runtime.spawn(Loop { shared: shared.clone(), stop, tries: JoinSet::new(), errors: 0 }.run());
        Dispatcher { shared, stop_at, abort: task.abort_handle(), task: Mutex::new(Some(task)) }
    }

    /// Accepts an event. Its first try begins at once, if there is room for it.
    ///
    /// # Errors
    ///
    /// The queue refuses it, or the dispatcher or its runtime has ended.
    pub(crate) async fn submit(&self, event: QueuedEvent) -> Result<(), PushError> {
        if self.shared.closed.load(Ordering::Acquire) || self.abort.is_finished() {
            return Err(PushError::Closed);
        }
        let pushed = self.shared.parts.queue.push(event).await;
        // After a failure, too: the event may be in the queue nevertheless.
        self.shared.pushed.notify_one();
        pushed
    }

    /// Goes on until no event runs and none will be due within `bound`, then ends. Until then it accepts events: those that
    /// a try invokes, and those that tell a destination of an end. Returns the events that are lost with this process: those
    /// that wait for a later retry, and those whose try was cancelled after `bound`, which may have taken effect. With a
    /// `bound` of zero everything is cancelled at once.
    ///
    /// The first call gets the events. Later ones wait too, may shorten the bound, and get none.
    pub(crate) async fn drain(&self, bound: Duration) -> Vec<QueuedEvent> {
        let now = self.shared.parts.clock.now();
        let stop_at = now.checked_add(bound.min(DRAIN_BOUND_MAX)).unwrap_or(now);
        self.stop_at.send_modify(|earlier| *earlier = Some(earlier.map_or(stop_at, |earlier| earlier.min(stop_at))));

        // The handle stays in its place until the task has ended: this future may be dropped and another drain begun.
        let mut task = self.task.lock().await;
        let lost = match task.as_mut() {
            // An error means that the task was aborted, with its runtime or by a panic of the queue.
            Some(running) => running.await.unwrap_or_default(),
            None => Vec::new(),
        };
        *task = None;
        lost
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// The dispatcher's task. The tries are its children: they end with it.
struct Loop {
    shared: Arc<Shared>,
    stop: watch::Receiver<Option<SystemTime>>,
    tries: JoinSet<()>,
    /// How many times in a row the queue could not be read.
    errors: u32,
}

impl Loop {
    async fn run(mut self) -> Vec<QueuedEvent> {
        let clock = self.shared.parts.clock.clone();
        loop {
            let stop_at = *self.stop.borrow_and_update();
            if stop_at.is_some_and(|stop_at| clock.now() >= stop_at) {
                return self.end().await;
            }
            let next_due = self.begin_due().await;
            let too_late = |stop_at| next_due.is_none_or(|due| due >= stop_at);
            if self.tries.is_empty() && stop_at.is_some_and(too_late) {
                return self.end().await;
            }
            tokio::select! {
                () = self.shared.pushed.notified() => {}
                _ = self.stop.changed() => {}
                Some(_) = self.tries.join_next() => {}
                () = sleep_until(&*clock, next_due) => {}
                () = sleep_until(&*clock, stop_at) => {}
            }
        }
    }

    /// Begins tries while there is room and an event is due. Returns when to look again, at the latest.
    async fn begin_due(&mut self) -> Option<SystemTime> {
        while self.tries.try_join_next().is_some() {}
        while self.tries.len() < self.shared.parts.concurrency_max.get() {
            let now = self.shared.parts.clock.now();
            match self.shared.parts.queue.take(now).await {
                Ok(Take::Due(event)) => {
                    self.errors = 0;
                    self.tries.spawn(try_event(self.shared.clone(), event));
                }
                Ok(Take::Nothing { next_due }) => {
                    self.errors = 0;
                    return next_due;
                }
                Err(error) => {
                    self.errors = self.errors.saturating_add(1);
                    tracing::error!(error = &error as &dyn std::error::Error, "the event queue could not be read");
                    return now.checked_add(backoff_delay(self.errors));
                }
            }
        }
        // No room: the end of a try is the next thing to happen.
        None
    }

    async fn end(mut self) -> Vec<QueuedEvent> {
        // What was accepted before this is in what the queue gives back.
        self.shared.closed.store(true, Ordering::Release);
        self.tries.abort_all();
        // In real time whatever the clock: a clock that stands still must not hang the shutdown.
        let _ = tokio::time::timeout(CANCEL_GRACE, async { while self.tries.join_next().await.is_some() {} }).await;
        let lost = self.shared.parts.queue.close().await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the event queue could not be closed");
            Vec::new()
        });
        for event in &lost {
            tracing::warn!(
                request_id = %event.request_id,
                function_arn = %event.invoked_function_arn,
                invoke_count = event.invoke_count,
                "event lost at shutdown"
            );
        }
        lost
    }
}

async fn sleep_until(clock: &dyn Clock, time: Option<SystemTime>) {
    match time {
        Some(time) => clock.sleep_until(time).await,
        None => pending().await,
    }
}

/// One try, and what follows from it.
async fn try_event(shared: Arc<Shared>, mut event: QueuedEvent) {
    let DispatcherParts { queue, executor, clock, .. } = &shared.parts;
    let decision = match unless_panicked(attempt(&**executor, &**clock, &event)).await {
        Some(Attempt::TooOld) => Decision::End { fate: Fate::EventAgeExceeded, response: None },
        Some(Attempt::Made(outcome, policy)) => decide(&mut event, outcome, policy, clock.now()),
        None => {
            let outcome = AttemptOutcome::SystemError("the host panicked".to_owned());
            decide(&mut event, outcome, RetryPolicy::default(), clock.now())
        }
    };
    let (id, request_id) = (event.id, event.request_id);
    let written = match decision {
        Decision::Again { due } => queue.reschedule(event, due).await,
        Decision::End { fate, response } => {
            trace_end(&event, fate);
            let ended = EndedEvent { event, fate, response, ended_at: clock.now() };
            if unless_panicked(async { executor.ended(&ended).await }).await.is_none() {
                tracing::error!(%request_id, "the host panicked at the end of an event");
            }
            queue.complete(id).await
        }
    };
    if let Err(error) = written {
        // The event stays taken, until the queue is opened again.
        tracing::error!(%request_id, error = &error as &dyn std::error::Error, "the event queue could not be written");
    }
}

fn trace_end(event: &QueuedEvent, fate: Fate) {
    let QueuedEvent { request_id, invoked_function_arn: function_arn, invoke_count, .. } = event;
    match fate {
        Fate::Success => tracing::debug!(%request_id, %function_arn, invoke_count, ?fate, "event ended"),
        _ => tracing::warn!(%request_id, %function_arn, invoke_count, ?fate, "event ended"),
    }
}

enum Attempt {
    /// The event waited too long for its turn.
    TooOld,
    Made(AttemptOutcome, RetryPolicy),
}

async fn attempt(executor: &dyn Executor, clock: &dyn Clock, event: &QueuedEvent) -> Attempt {
    if event.age(clock.now()) > executor.retry_policy(event).maximum_event_age() {
        return Attempt::TooOld;
    }
    let outcome = executor.attempt(event).await;
    if let AttemptOutcome::SystemError(reason) = &outcome {
        tracing::warn!(request_id = %event.request_id, %reason, "event could not be run");
    }
    Attempt::Made(outcome, executor.retry_policy(event))
}

/// What the future gives, or `None` if it panics: a try that ended with a panic would leave its event taken for ever.
async fn unless_panicked<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // Nothing of the future is used after its panic.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}
