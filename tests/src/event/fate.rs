//! Events whose function can't run any more.

use super::{EventHost, function};
use fnhost::event_invoke::Fate;
use std::time::Duration;

#[tokio::test]
async fn a_stopped_function_ends_its_events() {
    let mut events = EventHost::new();
    let (code, mut calls) = function();
    events.host.create_function("f", code).await.unwrap();
    events.host.put_function_concurrency("f", 0).await.unwrap();
    // Accepted as ever, as in Lambda.
    assert_eq!(events.event("f").await.unwrap().status, 202);
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.fate.condition()), (Fate::ZeroReservedConcurrency, Some("ZeroReservedConcurrency")));
    assert_eq!((ended.event.invoke_count, ended.response), (0, None));
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn a_deleted_function_alias_or_version_ends_its_events() {
    for name in ["f", "f:live", "f:1"] {
        let mut events = EventHost::new();
        let (code, mut calls) = function();
        events.host.create_function("f", code).timeout_secs(900).publish(true).await.unwrap();
        events.host.create_alias("f", "live", "$LATEST").await.unwrap();
        events.event(name).await.unwrap();
        calls.recv().await.unwrap().fail();
        events.clock.next_wake().await;
        match name {
            "f" => events.host.delete_function("f").await.unwrap(),
            "f:live" => events.host.delete_alias("f", "live").await.unwrap(),
            _ => events.host.delete_function("f:1").await.unwrap(),
        }
        events.clock.advance(Duration::from_secs(60));
        let ended = events.ended.recv().await.unwrap();
        assert_eq!(
            (ended.fate, ended.fate.condition(), ended.event.invoke_count),
            (Fate::FunctionDeleted, None, 1),
            "{name}"
        );
        assert!(calls.try_recv().is_err());
    }
}
