//! A dispatcher with a scripted executor and a clock that only the test moves.

use super::super::*;
use crate::clock::ManualClock;
use crate::event_invoke::event::AttemptResponse;
use crate::event_invoke::queue::MemoryEventQueue;
use crate::future::BoxFuture;
use crate::request_id::RequestId;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Mutex as SyncMutex;
use std::sync::atomic::AtomicUsize;
use tokio::sync::{Semaphore, mpsc};

/// What the executor does at a try.
pub(super) enum Step {
    Answer(AttemptOutcome),
    Panic,
    PanicAtEnd,
}

/// An executor that does what its script says, then succeeds, and tells the test what it saw.
pub(super) struct Script {
    clock: Arc<dyn Clock>,
    steps: SyncMutex<VecDeque<Step>>,
    pub(super) policy: SyncMutex<RetryPolicy>,
    panic_at_end: AtomicBool,
    /// One permit per try that may go on.
    pub(super) gate: Semaphore,
    pub(super) running: AtomicUsize,
    tries: mpsc::UnboundedSender<Try>,
    ends: mpsc::UnboundedSender<EndedEvent>,
}

#[derive(Debug)]
pub(super) struct Try {
    pub(super) event: QueuedEvent,
    pub(super) at: SystemTime,
    pub(super) running: usize,
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Executor for Script {
    fn attempt<'a>(&'a self, event: &'a QueuedEvent) -> BoxFuture<'a, AttemptOutcome> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        let guard = Running(&self.running);
        let _ = self.tries.send(Try { event: event.clone(), at: self.clock.now(), running });
        Box::pin(async move {
            let _guard = guard;
            self.gate.acquire().await.unwrap().forget();
            let step = self.steps.lock().unwrap().pop_front();
            match step {
                Some(Step::Answer(outcome)) => outcome,
                Some(Step::Panic) => panic!("scripted"),
                Some(Step::PanicAtEnd) => {
                    self.panic_at_end.store(true, Ordering::SeqCst);
                    AttemptOutcome::Succeeded(response("1"))
                }
                None => AttemptOutcome::Succeeded(response("1")),
            }
        })
    }

    fn retry_policy(&self, _event: &QueuedEvent) -> RetryPolicy {
        *self.policy.lock().unwrap()
    }

    fn ended<'a>(&'a self, ended: &'a EndedEvent) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let _ = self.ends.send(ended.clone());
            assert!(!self.panic_at_end.swap(false, Ordering::SeqCst), "scripted");
        })
    }
}

pub(super) fn response(payload: &'static str) -> AttemptResponse {
    AttemptResponse {
        executed_version: "7".to_owned(),
        function_error: None,
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

pub(super) fn fails() -> Step {
    Step::Answer(AttemptOutcome::FunctionFailed(response("{}")))
}

pub(super) fn throttled() -> Step {
    Step::Answer(AttemptOutcome::Throttled)
}

/// A dispatcher with all that surrounds it. The gate is open unless `held`.
pub(super) struct Bench {
    pub(super) clock: ManualClock,
    pub(super) start: SystemTime,
    pub(super) queue: Arc<dyn EventQueue>,
    pub(super) script: Arc<Script>,
    pub(super) dispatcher: Dispatcher,
    pub(super) tries: mpsc::UnboundedReceiver<Try>,
    pub(super) ends: mpsc::UnboundedReceiver<EndedEvent>,
}

impl Bench {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Bench {
        Bench::with(Arc::new(MemoryEventQueue::default()), 8, steps)
    }

    pub(super) fn held(concurrency_max: usize) -> Bench {
        let bench = Bench::with(Arc::new(MemoryEventQueue::default()), concurrency_max, []);
        bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
        bench
    }

    pub(super) fn with(
        queue: Arc<dyn EventQueue>,
        concurrency_max: usize,
        steps: impl IntoIterator<Item = Step>,
    ) -> Bench {
        let clock = ManualClock::new();
        let (tries_sender, tries) = mpsc::unbounded_channel();
        let (ends_sender, ends) = mpsc::unbounded_channel();
        let script = Arc::new(Script {
            clock: Arc::new(clock.clone()),
            steps: SyncMutex::new(steps.into_iter().collect()),
            policy: SyncMutex::default(),
            panic_at_end: AtomicBool::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            running: AtomicUsize::new(0),
            tries: tries_sender,
            ends: ends_sender,
        });
        let parts = DispatcherParts {
            queue: queue.clone(),
            executor: script.clone(),
            clock: Arc::new(clock.clone()),
            concurrency_max: NonZeroUsize::new(concurrency_max).unwrap(),
        };
        let dispatcher = Dispatcher::start(&Handle::current(), parts);
        Bench { start: clock.now(), clock, queue, script, dispatcher, tries, ends }
    }

    pub(super) fn event(&self) -> QueuedEvent {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:thumbnail:live";
        QueuedEvent::new(RequestId::random(), arn, Bytes::from_static(b"{}"), self.clock.now())
    }

    pub(super) async fn submit(&self) -> QueuedEvent {
        let event = self.event();
        self.dispatcher.submit(event.clone()).await.unwrap();
        event
    }

    /// The next try, and when it began, in milliseconds after the start.
    pub(super) async fn next_try(&mut self) -> (QueuedEvent, u128) {
        let made = self.tries.recv().await.unwrap();
        (made.event, self.millis(made.at))
    }

    pub(super) async fn next_end(&mut self) -> EndedEvent {
        self.ends.recv().await.unwrap()
    }

    /// Waits until the dispatcher sleeps and moves the clock to when it wakes.
    pub(super) async fn wake(&self) -> u128 {
        let time = self.clock.next_wake().await;
        self.clock.set(time);
        self.millis(time)
    }

    pub(super) fn millis(&self, time: SystemTime) -> u128 {
        time.duration_since(self.start).unwrap().as_millis()
    }

    pub(super) fn at(&self, secs: u64) -> SystemTime {
        self.start + Duration::from_secs(secs)
    }
}
