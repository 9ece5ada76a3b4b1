//! What every [`EventQueue`] does, as functions over `&dyn EventQueue`: each wants an empty queue.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Backlog, EventQueue, PushError, Take};
use crate::event_invoke::event::{EventId, QueuedEvent};
use crate::request_id::RequestId;
use bytes::Bytes;
use std::time::{Duration, SystemTime};

pub(crate) fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}

/// An event that was accepted, and is due, at this second.
pub(crate) fn event_with_payload(secs: u64, payload: &'static str) -> QueuedEvent {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:thumbnail:live";
    QueuedEvent::new(RequestId::random(), arn, Bytes::from_static(payload.as_bytes()), at(secs))
}

fn event(secs: u64) -> QueuedEvent {
    event_with_payload(secs, "{}")
}

/// Runs all of them but [`is_bounded`], each on a queue of its own.
pub(crate) async fn all(empty: impl Fn() -> Box<dyn EventQueue>) {
    is_empty_at_first(&*empty()).await;
    keeps_whole_records(&*empty()).await;
    takes_in_order_of_due_times(&*empty()).await;
    takes_equals_in_order_of_arrival(&*empty()).await;
    reschedules(&*empty()).await;
    completes(&*empty()).await;
    does_twice_what_it_did_once(&*empty()).await;
    ignores_events_it_does_not_have(&*empty()).await;
    tells_its_backlog(&*empty()).await;
    refuses_when_closed(&*empty()).await;
}

async fn taken(queue: &dyn EventQueue, secs: u64) -> Option<EventId> {
    match queue.take(at(secs)).await.unwrap() {
        Take::Due(event) => Some(event.id),
        Take::Nothing { .. } => None,
    }
}

async fn next_due(queue: &dyn EventQueue, secs: u64) -> Option<SystemTime> {
    match queue.take(at(secs)).await.unwrap() {
        Take::Due(event) => panic!("{event:?} was due"),
        Take::Nothing { next_due } => next_due,
    }
}

async fn is_empty_at_first(queue: &dyn EventQueue) {
    assert_eq!(next_due(queue, 1_000_000).await, None);
}

async fn keeps_whole_records(queue: &dyn EventQueue) {
    let mut pushed = event_with_payload(5, r#"{"key":"value"}"#);
    pushed.invoke_count = 1;
    pushed.backoff_count = 2;
    queue.push(pushed.clone()).await.unwrap();
    let Take::Due(event) = queue.take(at(5)).await.unwrap() else { panic!("nothing was due") };
    // `Debug` shows every field but the payload and the attachment.
    assert_eq!(format!("{event:?}"), format!("{pushed:?}"));
    assert_eq!(event.payload, pushed.payload);
}

async fn takes_in_order_of_due_times(queue: &dyn EventQueue) {
    let (late, early) = (event(20), event(10));
    queue.push(late.clone()).await.unwrap();
    queue.push(early.clone()).await.unwrap();
    assert_eq!(next_due(queue, 9).await, Some(at(10)));
    assert_eq!(taken(queue, 10).await, Some(early.id));
    assert_eq!(next_due(queue, 19).await, Some(at(20)));
    assert_eq!(taken(queue, 25).await, Some(late.id));
    assert_eq!(next_due(queue, 25).await, None);
}

async fn takes_equals_in_order_of_arrival(queue: &dyn EventQueue) {
    let events: Vec<QueuedEvent> = (0..20).map(|_| event(1)).collect();
    for event in &events {
        queue.push(event.clone()).await.unwrap();
    }
    for event in &events {
        assert_eq!(taken(queue, 1).await, Some(event.id));
    }
}

async fn reschedules(queue: &dyn EventQueue) {
    let mut event = event(1);
    queue.push(event.clone()).await.unwrap();
    assert_eq!(taken(queue, 1).await, Some(event.id));
    event.invoke_count = 1;
    queue.reschedule(event.clone(), at(61)).await.unwrap();
    assert_eq!(next_due(queue, 60).await, Some(at(61)));
    let Take::Due(again) = queue.take(at(61)).await.unwrap() else { panic!("nothing was due") };
    assert_eq!((again.id, again.request_id, again.invoke_count), (event.id, event.request_id, 1));
    assert_eq!(again.accepted_at, at(1));
}

async fn completes(queue: &dyn EventQueue) {
    let (running, waiting) = (event(1), event(2));
    queue.push(running.clone()).await.unwrap();
    queue.push(waiting.clone()).await.unwrap();
    assert_eq!(taken(queue, 1).await, Some(running.id));
    queue.complete(running.id).await.unwrap();
    queue.complete(waiting.id).await.unwrap();
    assert_eq!(next_due(queue, 2).await, None);
    // Too late to wait again.
    queue.reschedule(running, at(3)).await.unwrap();
    assert_eq!(next_due(queue, 3).await, None);
}

async fn does_twice_what_it_did_once(queue: &dyn EventQueue) {
    let event = event(1);
    queue.push(event.clone()).await.unwrap();
    queue.push(event.clone()).await.unwrap();
    assert_eq!(taken(queue, 1).await, Some(event.id));
    // A push of a taken event does not make it wait again, either.
    queue.push(event.clone()).await.unwrap();
    assert_eq!(next_due(queue, 1).await, None);
    queue.reschedule(event.clone(), at(5)).await.unwrap();
    queue.reschedule(event.clone(), at(5)).await.unwrap();
    assert_eq!(taken(queue, 5).await, Some(event.id));
    assert_eq!(next_due(queue, 5).await, None);
    queue.complete(event.id).await.unwrap();
    queue.complete(event.id).await.unwrap();
    assert_eq!(next_due(queue, 5).await, None);
}

async fn ignores_events_it_does_not_have(queue: &dyn EventQueue) {
    let (known, unknown) = (event(1), event(1));
    queue.push(known.clone()).await.unwrap();
    queue.complete(unknown.id).await.unwrap();
    queue.reschedule(unknown, at(1)).await.unwrap();
    assert_eq!(taken(queue, 1).await, Some(known.id));
    assert_eq!(next_due(queue, 1).await, None);
}

async fn tells_its_backlog(queue: &dyn EventQueue) {
    assert_eq!(queue.backlog(), Backlog::default());
    let (late, early) = (event(20), event(10));
    queue.push(late.clone()).await.unwrap();
    queue.push(early.clone()).await.unwrap();
    assert_eq!(queue.backlog(), Backlog { events: 2, oldest_accepted_at: Some(at(10)) });
    // A taken event is still to be done, and no younger when it waits again.
    assert_eq!(taken(queue, 10).await, Some(early.id));
    queue.reschedule(early.clone(), at(70)).await.unwrap();
    assert_eq!(queue.backlog(), Backlog { events: 2, oldest_accepted_at: Some(at(10)) });
    queue.complete(early.id).await.unwrap();
    assert_eq!(queue.backlog(), Backlog { events: 1, oldest_accepted_at: Some(at(20)) });
}

async fn refuses_when_closed(queue: &dyn EventQueue) {
    queue.close().await.unwrap();
    assert!(matches!(queue.push(event(1)).await, Err(PushError::Closed)));
}

/// A queue with room for `events_max` events without payload refuses one more, until one is complete.
pub(crate) async fn is_bounded(queue: &dyn EventQueue, events_max: usize, check: impl Fn(PushError)) {
    for _ in 0..events_max {
        queue.push(event_with_payload(1, "")).await.unwrap();
    }
    check(queue.push(event_with_payload(1, "")).await.unwrap_err());
    // Running events count, and so do those that wait for a retry.
    let Take::Due(event) = queue.take(at(1)).await.unwrap() else { panic!("nothing was due") };
    check(queue.push(event_with_payload(1, "")).await.unwrap_err());
    queue.reschedule(event.clone(), at(61)).await.unwrap();
    check(queue.push(event_with_payload(1, "")).await.unwrap_err());
    queue.complete(event.id).await.unwrap();
    queue.push(event_with_payload(1, "")).await.unwrap();
    check(queue.push(event_with_payload(1, "")).await.unwrap_err());
}
