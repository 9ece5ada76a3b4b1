//! Asynchronous invocation on a clock that only the tests move.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;

use super::*;
use crate::clock::SystemClock;
use crate::event_invoke::queue::MemoryEventQueue;
use crate::event_invoke::{EventId, QueueError};
use crate::future::BoxFuture;
use crate::request_id::RequestId;
use bench::{Bench, Step, fails, response, throttled};
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;

#[tokio::test]
async fn an_event_runs_once_if_it_succeeds() {
    let mut bench = Bench::new([]);
    let event = bench.submit().await;
    let ended = bench.next_end().await;
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::Success, 1));
    assert_eq!((ended.event.request_id, ended.response), (event.request_id, Some(response("1"))));
    assert!(bench.dispatcher.drain(Duration::MAX).await.is_empty());
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
    // The end is told and the record removed in one go of the try's task, which shares this thread.
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

#[tokio::test(start_paused = true)]
async fn draining_cancels_what_does_not_end_in_time() {
    let mut bench = Bench::held(2);
    let events = [bench.submit().await, bench.submit().await, bench.submit().await];
    bench.next_try().await;
    bench.next_try().await;
    let began = tokio::time::Instant::now();
    let (lost, wake) = tokio::join!(bench.dispatcher.drain(Duration::from_secs(30)), bench.wake());
    assert_eq!(wake, 30_000);
    // They let go at once: the grace for those that block was not used.
    assert_eq!(began.elapsed(), Duration::ZERO);
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
async fn what_a_try_invokes_while_draining_is_seen_to_its_end() {
    let mut bench = Bench::held(1);
    let first = bench.submit().await.id;
    bench.next_try().await;
    let late = async {
        // There is no room for it while the first try runs.
        let event = bench.event();
        let id = event.id;
        bench.dispatcher.submit(event).await.unwrap();
        bench.script.gate.add_permits(2);
        id
    };
    let (lost, second) = tokio::join!(biased; bench.dispatcher.drain(Duration::from_secs(30)), late);
    assert!(lost.is_empty());
    assert_eq!([bench.next_end().await.event.id, bench.next_end().await.event.id], [first, second]);
    assert!(matches!(bench.dispatcher.submit(bench.event()).await, Err(PushError::Closed)));
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
    fn push(&self, event: QueuedEvent) -> BoxFuture<'_, Result<(), PushError>> {
        self.inner.push(event)
    }

    fn take(&self, now: SystemTime) -> BoxFuture<'_, Result<Take, QueueError>> {
        let fails = |left: usize| left.checked_sub(1);
        match self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Box::pin(async { Err(QueueError::new("no disk")) }),
            Err(_) => self.inner.take(now),
        }
    }

    fn backlog(&self) -> crate::event_invoke::Backlog {
        self.inner.backlog()
    }

    fn reschedule(&self, event: QueuedEvent, due: SystemTime) -> BoxFuture<'_, Result<(), QueueError>> {
        self.inner.reschedule(event, due)
    }

    fn complete(&self, id: EventId) -> BoxFuture<'_, Result<(), QueueError>> {
        self.inner.complete(id)
    }

    fn close(&self) -> BoxFuture<'_, Result<Vec<QueuedEvent>, QueueError>> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_ends_once_whatever_the_threads_do() {
    const EVENTS: usize = 2_000;
    let bench = Bench::with(Arc::new(MemoryEventQueue::default()), 4, []);
    let Bench { mut tries, mut ends, dispatcher, script, queue: _queue, clock, .. } = bench;
    let dispatcher = Arc::new(dispatcher);
    for _ in 0..4 {
        let (dispatcher, now) = (dispatcher.clone(), clock.now());
        tokio::spawn(async move {
            for _ in 0..EVENTS / 4 {
                let event = QueuedEvent::new(RequestId::random(), "arn", Bytes::new(), now);
                dispatcher.submit(event).await.unwrap();
            }
        });
    }
    let mut ended = HashSet::new();
    while ended.len() < EVENTS {
        assert!(ended.insert(ends.recv().await.unwrap().event.id), "an event ended twice");
    }
    assert!(dispatcher.drain(Duration::from_secs(600)).await.is_empty());
    drop((dispatcher, script));
    let mut made = 0;
    while let Some(one) = tries.recv().await {
        assert!(one.running <= 4, "{} at once", one.running);
        made += 1;
    }
    assert_eq!(made, EVENTS);
}
