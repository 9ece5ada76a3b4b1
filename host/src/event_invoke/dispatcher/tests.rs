//! Asynchronous invocation on a clock that only the tests move.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::event_invoke::clock::{ManualClock, SystemClock};
use crate::event_invoke::event::AttemptResponse;
use crate::event_invoke::queue::MemoryEventQueue;
use crate::event_invoke::{BoxFuture, EventId, QueueError};
use crate::request_id::RequestId;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Mutex as SyncMutex;
use std::sync::atomic::AtomicUsize;
use tokio::sync::{Semaphore, mpsc};

/// What the executor does at a try.
enum Step {
    Answer(AttemptOutcome),
    Panic,
    PanicAtEnd,
}

/// An executor that does what its script says, then succeeds, and tells the test what it saw.
struct Script {
    clock: Arc<dyn Clock>,
    steps: SyncMutex<VecDeque<Step>>,
    policy: SyncMutex<RetryPolicy>,
    panic_at_end: AtomicBool,
    /// One permit per try that may go on.
    gate: Semaphore,
    running: AtomicUsize,
    tries: mpsc::UnboundedSender<Try>,
    ends: mpsc::UnboundedSender<EndedEvent>,
}

#[derive(Debug)]
struct Try {
    event: Event,
    at: SystemTime,
    running: usize,
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Executor for Script {
    fn attempt<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, AttemptOutcome> {
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

    fn retry_policy(&self, _event: &Event) -> RetryPolicy {
        *self.policy.lock().unwrap()
    }

    fn ended<'a>(&'a self, ended: &'a EndedEvent) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let _ = self.ends.send(ended.clone());
            assert!(!self.panic_at_end.swap(false, Ordering::SeqCst), "scripted");
        })
    }
}

fn response(payload: &'static str) -> AttemptResponse {
    AttemptResponse {
        executed_version: "7".to_owned(),
        function_error: None,
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

fn fails() -> Step {
    Step::Answer(AttemptOutcome::FunctionFailed(response("{}")))
}

fn throttled() -> Step {
    Step::Answer(AttemptOutcome::Throttled)
}

/// A dispatcher with all that surrounds it. The gate is open unless `held`.
struct Bench {
    clock: ManualClock,
    start: SystemTime,
    queue: Arc<dyn EventQueue>,
    script: Arc<Script>,
    dispatcher: Dispatcher,
    tries: mpsc::UnboundedReceiver<Try>,
    ends: mpsc::UnboundedReceiver<EndedEvent>,
}

impl Bench {
    fn new(steps: impl IntoIterator<Item = Step>) -> Bench {
        Bench::with(Arc::new(MemoryEventQueue::default()), 8, steps)
    }

    fn held(concurrency_max: usize) -> Bench {
        let bench = Bench::with(Arc::new(MemoryEventQueue::default()), concurrency_max, []);
        bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
        bench
    }

    fn with(queue: Arc<dyn EventQueue>, concurrency_max: usize, steps: impl IntoIterator<Item = Step>) -> Bench {
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

    fn event(&self) -> Event {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:thumbnail:live";
        Event::new(RequestId::random(), arn, Bytes::from_static(b"{}"), self.clock.now())
    }

    async fn submit(&self) -> Event {
        let event = self.event();
        self.dispatcher.submit(event.clone()).await.unwrap();
        event
    }

    /// The next try, and when it began, in milliseconds after the start.
    async fn next_try(&mut self) -> (Event, u128) {
        let made = self.tries.recv().await.unwrap();
        (made.event, self.millis(made.at))
    }

    async fn next_end(&mut self) -> EndedEvent {
        self.ends.recv().await.unwrap()
    }

    /// Waits until the dispatcher sleeps and moves the clock to when it wakes.
    async fn wake(&self) -> u128 {
        let time = self.clock.next_wake().await;
        self.clock.set(time);
        self.millis(time)
    }

    fn millis(&self, time: SystemTime) -> u128 {
        time.duration_since(self.start).unwrap().as_millis()
    }

    fn at(&self, secs: u64) -> SystemTime {
        self.start + Duration::from_secs(secs)
    }
}

#[tokio::test]
async fn an_event_runs_once_if_it_succeeds() {
    let mut bench = Bench::new([]);
    let event = bench.submit().await;
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::Success, 1));
    assert_eq!((ended.event.request_id, ended.response), (event.request_id, Some(response("1"))));
    assert!(bench.dispatcher.drain(Duration::from_secs(600)).await.is_empty());
    assert_eq!(bench.next_try().await.1, 0);
    assert!(bench.tries.try_recv().is_err());
}

#[tokio::test]
async fn a_function_error_is_retried_after_exactly_one_and_two_minutes() {
    let mut bench = Bench::new([fails(), fails(), fails()]);
    let event = bench.submit().await;
    assert_eq!(bench.next_try().await.1, 0);
    assert_eq!(bench.clock.next_wake().await, bench.at(60));
    bench.clock.advance(Duration::from_millis(59_999));
    assert_eq!(bench.clock.next_wake().await, bench.at(60));
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.next_try().await.1, 60_000);
    assert_eq!(bench.wake().await, 180_000);
    let (third, millis) = bench.next_try().await;
    assert_eq!((third.request_id, third.id, millis), (event.request_id, event.id, 180_000));
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::RetriesExhausted, 3));
    assert_eq!((ended.ended_at, ended.response), (bench.at(180), Some(response("{}"))));
}

#[tokio::test]
async fn the_policy_is_asked_at_each_failure() {
    let mut bench = Bench::new([fails(), fails()]);
    bench.submit().await;
    bench.clock.next_wake().await;
    *bench.script.policy.lock().unwrap() = RetryPolicy::default().with_maximum_retry_attempts(1).unwrap();
    bench.wake().await;
    assert_eq!(bench.next_end().await.event.invoke_count, 2);
}

#[tokio::test]
async fn throttles_back_off_from_one_second_to_five_minutes_until_the_maximum_age() {
    let mut bench = Bench::new((0..1000).map(|_| throttled()));
    bench.submit().await;
    let mut waits = Vec::new();
    let mut last = bench.next_try().await.1;
    let ended = loop {
        tokio::select! {
            biased;
            ended = bench.ends.recv() => break ended.unwrap(),
            time = bench.clock.next_wake() => bench.clock.set(time),
        }
        if let Some(made) = bench.tries.recv().await {
            let at = bench.millis(made.at);
            waits.push(at - last);
            last = at;
        }
    };
    assert_eq!(waits[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map(|secs| secs * 1000));
    assert!(waits[10..].iter().all(|wait| *wait == 300_000));
    // 511 s of doubling, then as many five minutes as fit into six hours.
    assert_eq!(last, (511 + 70 * 300) * 1000);
    assert_eq!((ended.fate, ended.event.invoke_count, ended.response), (Fate::EventAgeExceeded, 0, None));
}

#[tokio::test]
async fn a_system_error_is_no_retry() {
    let error = || Step::Answer(AttemptOutcome::SystemError("no disk".to_owned()));
    let mut bench = Bench::new([error(), fails(), error(), fails(), fails()]);
    bench.submit().await;
    let wakes = [bench.wake().await, bench.wake().await, bench.wake().await, bench.wake().await];
    assert_eq!(wakes, [1_000, 61_000, 62_000, 182_000]);
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::RetriesExhausted, 3));
}

#[tokio::test]
async fn an_event_that_waited_too_long_for_its_turn_does_not_run() {
    let mut bench = Bench::held(1);
    let first = bench.submit().await;
    let second = bench.submit().await;
    assert_eq!(bench.next_try().await.0.id, first.id);
    bench.clock.advance(RetryPolicy::EVENT_AGE_MAX + Duration::from_millis(1));
    bench.script.gate.add_permits(2);
    assert_eq!(bench.next_end().await.fate, Fate::Success);
    let ended = bench.next_end().await;
    assert_eq!((ended.event.id, ended.fate, ended.event.invoke_count), (second.id, Fate::EventAgeExceeded, 0));
    assert!(bench.tries.try_recv().is_err());
}

#[tokio::test]
async fn zero_reserved_concurrency_ends_an_event_without_a_run() {
    let mut bench = Bench::new([Step::Answer(AttemptOutcome::ZeroReservedConcurrency)]);
    bench.submit().await;
    let ended = bench.next_end().await;
    assert_eq!((ended.fate.condition(), ended.event.invoke_count), (Some("ZeroReservedConcurrency"), 0));
    assert_eq!(ended.response, None);
}

#[tokio::test]
async fn events_of_a_deleted_function_are_dropped() {
    let mut bench = Bench::new([Step::Answer(AttemptOutcome::FunctionDeleted)]);
    bench.submit().await;
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.fate.condition()), (Fate::FunctionDeleted, None));
}

#[tokio::test]
async fn a_panic_of_the_host_is_a_system_error() {
    let mut bench = Bench::new([Step::Panic]);
    bench.submit().await;
    assert_eq!(bench.wake().await, 1_000);
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::Success, 1));
}

#[tokio::test]
async fn a_panic_at_the_end_of_an_event_does_not_keep_it() {
    let mut bench = Bench::with(Arc::new(MemoryEventQueue::new(1, usize::MAX)), 8, [Step::PanicAtEnd]);
    bench.submit().await;
    bench.next_end().await;
    assert!(bench.dispatcher.drain(Duration::from_secs(600)).await.is_empty());
}

#[tokio::test]
async fn a_full_queue_refuses_and_takes_again() {
    let mut bench = Bench::with(Arc::new(MemoryEventQueue::new(2, usize::MAX)), 8, [fails()]);
    bench.submit().await;
    assert_eq!(bench.clock.next_wake().await, bench.at(60));
    bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
    bench.submit().await;
    let refusal = bench.dispatcher.submit(bench.event()).await.unwrap_err();
    assert!(matches!(refusal, PushError::TooManyEvents { events_max: 2 }));
    bench.script.gate.add_permits(1);
    bench.next_end().await;
    // The record goes after the end is told: the try's task has to finish.
    while bench.script.running.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    bench.submit().await;
}

#[tokio::test]
async fn no_more_events_run_at_once_than_allowed() {
    let mut bench = Bench::held(3);
    let mut submitted = Vec::new();
    for _ in 0..200 {
        submitted.push(bench.submit().await.id);
    }
    for _ in 0..3 {
        bench.tries.recv().await.unwrap();
    }
    // All three run and none may go on: a fourth would be a mistake, and had every chance.
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(bench.tries.try_recv().is_err());
    bench.script.gate.add_permits(200);
    let mut ended = Vec::new();
    for _ in 0..200 {
        ended.push(bench.next_end().await.event.id);
    }
    while let Ok(made) = bench.tries.try_recv() {
        assert!(made.running <= 3, "{} at once", made.running);
    }
    assert_eq!(ended, submitted);
}

#[tokio::test]
async fn a_retry_does_not_overtake_what_was_due_before_it() {
    let mut bench = Bench::with(Arc::new(MemoryEventQueue::default()), 1, [fails()]);
    let first = bench.submit().await;
    assert_eq!(bench.clock.next_wake().await, bench.at(60));
    bench.next_try().await;
    bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
    bench.clock.advance(Duration::from_secs(59));
    let second = bench.submit().await;
    assert_eq!(bench.next_try().await.0.id, second.id);
    bench.clock.advance(Duration::from_secs(1));
    let third = bench.submit().await;
    bench.clock.advance(Duration::from_secs(1));
    let fourth = bench.submit().await;
    bench.script.gate.add_permits(10);
    let order = [bench.next_try().await.0.id, bench.next_try().await.0.id, bench.next_try().await.0.id];
    // The retry has waited for this second since its failure; the third event is due in the same one.
    assert_eq!(order, [first.id, third.id, fourth.id]);
}

#[tokio::test]
async fn a_clock_set_back_makes_no_event_old() {
    let mut bench = Bench::new([fails()]);
    bench.submit().await;
    bench.clock.next_wake().await;
    bench.next_try().await;
    bench.clock.set(bench.start - Duration::from_secs(3600));
    // New events run at once, though due times of the old clock lie ahead.
    let new = bench.submit().await;
    assert_eq!(bench.next_end().await.event.id, new.id);
    assert_eq!(bench.wake().await, 60_000);
    assert_eq!(bench.next_end().await.fate, Fate::Success);
}

#[tokio::test]
async fn draining_finishes_what_is_due_and_gives_back_what_is_not() {
    let mut bench = Bench::with(Arc::new(MemoryEventQueue::default()), 1, [fails()]);
    let retried = bench.submit().await;
    bench.submit().await;
    bench.submit().await;
    let lost = bench.dispatcher.drain(Duration::from_secs(30)).await;
    assert_eq!(lost.iter().map(|event| (event.id, event.invoke_count)).collect::<Vec<_>>(), [(retried.id, 1)]);
    assert_eq!([bench.next_end().await.fate, bench.next_end().await.fate], [Fate::Success, Fate::Success]);
    // The clock has not moved: nothing was waited for.
    assert!(matches!(bench.dispatcher.submit(bench.event()).await, Err(PushError::Closed)));
    assert!(matches!(bench.queue.push(bench.event()).await, Err(PushError::Closed)));
    assert!(bench.dispatcher.drain(Duration::from_secs(30)).await.is_empty());
}

#[tokio::test]
async fn draining_waits_for_a_retry_within_its_bound() {
    let mut bench = Bench::new([fails()]);
    bench.submit().await;
    bench.clock.next_wake().await;
    let (lost, wake) = tokio::join!(bench.dispatcher.drain(Duration::from_secs(61)), bench.wake());
    assert_eq!((lost.len(), wake), (0, 60_000));
    assert_eq!(bench.next_end().await.event.invoke_count, 2);
}

#[tokio::test]
async fn draining_does_not_begin_what_it_would_have_to_cancel() {
    let mut bench = Bench::new([fails()]);
    bench.submit().await;
    bench.next_try().await;
    assert_eq!(bench.dispatcher.drain(Duration::from_secs(60)).await.len(), 1);
    let mut bench = Bench::held(1);
    let waiting = [bench.submit().await, bench.submit().await].map(|event| event.id);
    let lost = bench.dispatcher.drain(Duration::ZERO).await;
    assert_eq!(lost.iter().map(|event| event.id).collect::<Vec<_>>(), waiting);
    assert!(bench.tries.try_recv().is_err());
}

#[tokio::test]
async fn draining_cancels_what_does_not_end_in_time() {
    let mut bench = Bench::held(2);
    let events = [bench.submit().await, bench.submit().await, bench.submit().await];
    bench.next_try().await;
    bench.next_try().await;
    let (lost, wake) = tokio::join!(bench.dispatcher.drain(Duration::from_secs(30)), bench.wake());
    assert_eq!(wake, 30_000);
    let mut lost: Vec<EventId> = lost.iter().map(|event| event.id).collect();
    // Both tries began in the same instant: their order says nothing.
    lost[..2].sort();
    let mut expected = events.map(|event| event.id);
    expected[..2].sort();
    assert_eq!(lost, expected);
    assert_eq!(bench.script.running.load(Ordering::SeqCst), 0);
    assert!(bench.ends.try_recv().is_err());
}

#[tokio::test]
async fn a_second_drain_shortens_the_first() {
    let mut bench = Bench::held(1);
    bench.submit().await;
    bench.next_try().await;
    let (first, second) =
        tokio::join!(bench.dispatcher.drain(Duration::from_secs(3600)), bench.dispatcher.drain(Duration::ZERO),);
    assert_eq!((first.len(), second.len()), (1, 0));
}

#[tokio::test]
async fn a_dropped_drain_loses_no_events() {
    let mut bench = Bench::held(1);
    bench.submit().await;
    bench.next_try().await;
    tokio::select! {
        biased;
        _ = bench.dispatcher.drain(Duration::from_secs(30)) => panic!("nothing ended"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(bench.dispatcher.drain(Duration::ZERO).await.len(), 1);
}

#[tokio::test]
async fn dropping_the_dispatcher_stops_everything() {
    let mut bench = Bench::held(4);
    for _ in 0..6 {
        bench.submit().await;
    }
    for _ in 0..4 {
        bench.next_try().await;
    }
    let Bench { dispatcher, script, queue, mut tries, mut ends, .. } = bench;
    drop(dispatcher);
    // Tries, task and all they hold go: only the test's own handles are left.
    while Arc::strong_count(&script) > 1 || Arc::strong_count(&queue) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(script.running.load(Ordering::SeqCst), 0);
    drop(script);
    assert!(tries.recv().await.is_none());
    assert!(ends.recv().await.is_none());
}

#[tokio::test]
async fn an_ended_runtime_refuses_events() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mut bench = Bench::held(1);
    let parts = DispatcherParts {
        queue: bench.queue.clone(),
        executor: bench.script.clone(),
        clock: Arc::new(SystemClock::new()),
        concurrency_max: NonZeroUsize::MIN,
    };
    bench.dispatcher = Dispatcher::start(runtime.handle(), parts);
    runtime.shutdown_background();
    while !bench.dispatcher.abort.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(bench.dispatcher.submit(bench.event()).await, Err(PushError::Closed)));
    assert!(bench.dispatcher.drain(Duration::from_secs(1)).await.is_empty());
}

/// A queue in memory that can't be read for the first times.
struct Flaky {
    failures: AtomicUsize,
    inner: MemoryEventQueue,
}

impl EventQueue for Flaky {
    fn push(&self, event: Event) -> BoxFuture<'_, Result<(), PushError>> {
        self.inner.push(event)
    }

    fn take(&self, now: SystemTime) -> BoxFuture<'_, Result<Take, QueueError>> {
        let fails = |left: usize| left.checked_sub(1);
        match self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Box::pin(async { Err(QueueError::new("no disk")) }),
            Err(_) => self.inner.take(now),
        }
    }

    fn reschedule(&self, event: Event, due: SystemTime) -> BoxFuture<'_, Result<(), QueueError>> {
        self.inner.reschedule(event, due)
    }

    fn complete(&self, id: EventId) -> BoxFuture<'_, Result<(), QueueError>> {
        self.inner.complete(id)
    }

    fn close(&self) -> BoxFuture<'_, Result<Vec<Event>, QueueError>> {
        self.inner.close()
    }
}

#[tokio::test]
async fn a_queue_that_fails_is_asked_again_at_growing_intervals() {
    let queue = Flaky { failures: AtomicUsize::new(3), inner: MemoryEventQueue::default() };
    let mut bench = Bench::with(Arc::new(queue), 1, []);
    bench.queue.push(bench.event()).await.unwrap();
    assert_eq!([bench.wake().await, bench.wake().await, bench.wake().await], [1_000, 3_000, 7_000]);
    assert_eq!(bench.next_end().await.fate, Fate::Success);
}

#[tokio::test]
async fn an_event_runs_on_the_system_clock_too() {
    let mut bench = Bench::new([]);
    let clock = Arc::new(SystemClock::new());
    let parts = DispatcherParts {
        queue: Arc::new(MemoryEventQueue::default()),
        executor: bench.script.clone(),
        clock: clock.clone(),
        concurrency_max: NonZeroUsize::MIN,
    };
    bench.dispatcher = Dispatcher::start(&Handle::current(), parts);
    let mut event = bench.event();
    event.accepted_at = clock.now();
    bench.dispatcher.submit(event).await.unwrap();
    assert_eq!(bench.next_end().await.fate, Fate::Success);
}
