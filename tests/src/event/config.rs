//! How events are tried by what `PutFunctionEventInvokeConfig` said, and who hears of their end.

use super::EventHost;
use crate::test_host::arn;
use fnhost::event_invoke::Fate;
use fnhost::{Clock, InvocationContext};
use fnhost::{Code, function::ReportedError};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn retries_are_those_of_the_qualifier() {
    let mut events = EventHost::new();
    let mut calls = events.create("f").await;
    events.host.create_alias("f", "live", 1).await.unwrap();
    events.host.put_function_event_invoke_config("f").maximum_retry_attempts(1).await.unwrap();
    events.host.put_function_event_invoke_config("f:live").maximum_retry_attempts(0).await.unwrap();
    for (name, runs) in [("f:live", 1), ("f", 2), ("f:$LATEST", 2), ("f:1", 3)] {
        events.event(name).await.unwrap();
        for run in 1..=runs {
            calls.recv().await.unwrap().fail();
            if run < runs {
                let due = events.clock.next_wake().await;
                events.clock.advance(due.duration_since(events.clock.now()).unwrap());
            }
        }
        let ended = events.ended.recv().await.unwrap();
        assert_eq!((ended.fate, ended.event.invoke_count), (Fate::RetriesExhausted, runs), "{name}");
    }
}

/// A change reaches events that wait.
#[tokio::test]
async fn an_age_that_is_shortened_ends_what_waits() {
    let mut events = EventHost::new();
    let mut calls = events.create("f").await;
    events.fail_first_try("f", &mut calls).await;
    // Its second try, 60 s old, is made before the change; the third would be 180 s old.
    let call = calls.recv().await.unwrap();
    events.host.put_function_event_invoke_config("f").maximum_event_age(60 * SECOND).await.unwrap();
    call.fail();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.event.invoke_count), (Fate::EventAgeExceeded, 2));
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn destinations_are_invoked_with_the_record() {
    let mut events = EventHost::new();
    let mut calls = events.create("worker").await;
    let (mut successes, mut failures) = (events.create("good").await, events.create("bad").await);
    let put = events.host.put_function_event_invoke_config("worker").maximum_retry_attempts(0);
    put.on_success(arn("good")).on_failure(arn("bad:1")).await.unwrap();

    let id = events.event("worker").payload("{\"a\": 1}").await.unwrap().request_id;
    calls.recv().await.unwrap().succeed();
    let record = successes.recv().await.unwrap();
    let context = json!({
        "requestId": id.to_string(), "functionArn": arn("worker:$LATEST"), "condition": "Success", "approximateInvokeCount": 1
    });
    assert_eq!((&record.event["version"], &record.event["requestContext"]), (&json!("1.0"), &context));
    assert_eq!((&record.event["requestPayload"], &record.event["responsePayload"]), (&json!({"a": 1}), &json!("done")));
    assert_eq!(record.event["responseContext"], json!({"statusCode": 200, "executedVersion": "$LATEST"}));
    // An invocation of its own.
    assert_ne!(record.request_id, id);
    record.succeed();

    events.event("worker").await.unwrap();
    calls.recv().await.unwrap().fail();
    let record = failures.recv().await.unwrap();
    assert_eq!(record.event["requestContext"]["condition"], json!("RetriesExhausted"));
    assert_eq!(record.event["responseContext"]["functionError"], json!("Handled"));
    assert_eq!(record.event["responsePayload"]["errorType"], json!("Unlucky"));
    record.succeed();

    events.host.put_function_concurrency("worker", 0).await.unwrap();
    events.event("worker").await.unwrap();
    let record = failures.recv().await.unwrap();
    assert_eq!(record.event["requestContext"]["condition"], json!("ZeroReservedConcurrency"));
    assert_eq!(record.event.get("responseContext"), None);
    record.succeed();
    // Three events of the worker's, and three that told of their ends.
    for _ in 0..6 {
        events.ended.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_destination_that_is_gone_is_not_waited_for() {
    let mut events = EventHost::new();
    let (mut calls, _) = (events.create("worker").await, events.create("sink").await);
    events.host.put_function_event_invoke_config("worker").on_success(arn("sink")).await.unwrap();
    events.host.delete_function("sink").await.unwrap();
    for _ in 0..2 {
        events.event("worker").await.unwrap();
        calls.recv().await.unwrap().succeed();
        assert_eq!(events.ended.recv().await.unwrap().fate, Fate::Success);
    }
}

/// Two functions that are each other's destination would go on for ever.
#[tokio::test]
async fn chains_of_destinations_end() {
    let mut events = EventHost::new();
    for name in ["ping", "pong"] {
        let code = Code::native(|_: Value, _: InvocationContext| async { Ok::<_, ReportedError>(()) });
        events.host.create_function(name, code).await.unwrap();
    }
    events.host.put_function_event_invoke_config("ping").on_success(arn("pong")).await.unwrap();
    events.host.put_function_event_invoke_config("pong").on_success(arn("ping")).await.unwrap();
    events.event("ping").await.unwrap();
    for _ in 0..=fnhost::limits::INVOCATION_DEPTH_MAX {
        assert_eq!(events.ended.recv().await.unwrap().fate, Fate::Success);
    }
    events.host.shutdown(Duration::from_secs(10)).await;
    assert!(events.ended.try_recv().is_err());
}
