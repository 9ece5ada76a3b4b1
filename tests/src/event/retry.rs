//! When an event is tried again, by a clock that the test moves.

use super::{EventHost, function};
use fnhost::event_invoke::{Fate, RetryPolicy};
use fnhost::function::FunctionErrorKind;
use fnhost::{Clock, RequestId};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn after_one_and_two_minutes_with_the_same_request_id() {
    let mut events = EventHost::new();
    let mut calls = events.create("f").await;
    let start = events.clock.now();
    let id = RequestId::random();
    events.event("f").request_id(id).payload("{\"a\":1}").await.unwrap();
    for wait in [60 * SECOND, 120 * SECOND] {
        let call = calls.recv().await.unwrap();
        assert_eq!((call.request_id, &call.event), (id, &json!({"a": 1})));
        call.fail();
        assert_eq!(events.clock.next_wake().await, events.clock.now() + wait);
        // Not a moment before.
        events.clock.advance(wait - MILLISECOND);
        assert_eq!(events.clock.next_wake().await, events.clock.now() + MILLISECOND);
        assert!(calls.try_recv().is_err());
        events.clock.advance(MILLISECOND);
    }
    let call = calls.recv().await.unwrap();
    assert_eq!(call.request_id, id);
    call.fail();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.request_id, ended.event.invoke_count), (Fate::RetriesExhausted, id, 3));
    assert_eq!((ended.event.accepted_at, ended.ended_at), (start, start + 180 * SECOND));
    let response = ended.response.unwrap();
    assert_eq!(
        (response.executed_version.as_str(), response.function_error),
        ("$LATEST", Some(FunctionErrorKind::Handled))
    );
    let error = json!({"errorType": "Unlucky", "errorMessage": "not this time", "stackTrace": []});
    assert_eq!(serde_json::from_slice::<Value>(&response.payload).unwrap(), error);
}

#[tokio::test]
async fn a_retry_may_succeed() {
    let mut events = EventHost::new();
    let mut calls = events.create("f").await;
    events.fail_first_try("f", &mut calls).await;
    calls.recv().await.unwrap().succeed();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::Success, 2));
}

/// An alias is looked up for each try: a repaired function gets the events that failed before.
#[tokio::test]
async fn a_moved_alias_moves_the_retry() {
    let mut events = EventHost::new();
    let (broken, mut broken_calls) = function();
    let (repaired, mut repaired_calls) = function();
    events.host.create_function("f", broken).timeout_secs(900).publish(true).await.unwrap();
    events.host.create_alias("f", "live", 1).await.unwrap();
    events.event("f:live").await.unwrap();
    broken_calls.recv().await.unwrap().fail();
    events.host.update_function_code("f", repaired).publish(true).await.unwrap();
    events.host.update_alias("f", "live").version(2).await.unwrap();
    events.clock.next_wake().await;
    events.clock.advance(60 * SECOND);
    repaired_calls.recv().await.unwrap().succeed();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.response.unwrap().executed_version.as_str()), (Fate::Success, "2"));
}

/// A throttle is no run: the event comes back after a second, two, four, and has all its retries still.
#[tokio::test]
async fn throttles_back_off() {
    let mut events = EventHost::new();
    let mut calls = events.create("f").await;
    events.host.put_function_concurrency("f", 1).await.unwrap();
    let synchronous = tokio::spawn(events.host.invoke("f").into_future());
    let held = calls.recv().await.unwrap();
    events.event("f").payload("1").await.unwrap();
    for seconds in [1, 2, 4] {
        assert_eq!(events.clock.next_wake().await, events.clock.now() + seconds * SECOND);
        events.clock.advance(seconds * SECOND);
    }
    assert_eq!(events.clock.next_wake().await, events.clock.now() + 8 * SECOND);
    held.succeed();
    assert_eq!(synchronous.await.unwrap().unwrap().status, 200);
    events.clock.advance(8 * SECOND);
    let call = calls.recv().await.unwrap();
    assert_eq!(call.event, 1);
    call.succeed();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::Success, 1));
}

#[tokio::test]
async fn the_hosts_own_policy() {
    let policy = RetryPolicy::default().with_maximum_retry_attempts(0).unwrap();
    let mut events = EventHost::with(|builder| builder.event_retry_policy(policy));
    let mut calls = events.create("f").await;
    events.event("f").await.unwrap();
    calls.recv().await.unwrap().fail();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::RetriesExhausted, 1));

    // At the maximum age an event still runs; one that would be older at its next try is not waited for.
    let policy = RetryPolicy::default().with_maximum_event_age(60 * SECOND).unwrap();
    let mut events = EventHost::with(|builder| builder.event_retry_policy(policy));
    let mut calls = events.create("f").await;
    events.fail_first_try("f", &mut calls).await;
    calls.recv().await.unwrap().fail();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::EventAgeExceeded, 2));
    assert!(ended.response.is_some());

    let refusal = RetryPolicy::default().with_maximum_retry_attempts(3).unwrap_err().to_string();
    assert_eq!(refusal, "the maximum of 3 retry attempts is not within 0 to 2");
    let refusal = RetryPolicy::default().with_maximum_event_age(59 * SECOND).unwrap_err().to_string();
    assert_eq!(refusal, "the maximum event age of 59s is not within 60 s to 21600 s");
}
