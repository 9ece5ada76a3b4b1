//! What a shutdown does to events: those that are due run, the others are lost, and it says how many.

use super::{EventHost, function};
use crate::test_host::refused;
use fnhost::InvocationType;
use fnhost::event_invoke::Fate;
use std::time::Duration;

#[tokio::test]
async fn events_that_wait_are_lost_and_reported() {
    let mut events = EventHost::new();
    let (code, mut calls) = function();
    events.host.create_function("f", code).timeout_secs(900).await.unwrap();
    for _ in 0..3 {
        events.event("f").await.unwrap();
    }
    for _ in 0..2 {
        calls.recv().await.unwrap().fail();
    }
    let running = calls.recv().await.unwrap();
    let host = events.host.clone();
    let shutdown = tokio::spawn(async move { host.shutdown(Duration::from_secs(10)).await });
    // It waits for the one that runs; nobody else begins.
    while events.host.invoke("f").invocation_type(InvocationType::DryRun).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let refusal = ("ServiceException", 500, "the host is shutting down".to_owned());
    assert_eq!(refused(events.host.invoke("f").await), refusal);
    assert_eq!(refused(events.event("f").await), refusal);
    running.succeed();
    let report = shutdown.await.unwrap();
    assert_eq!((report.events_lost, report.invocations_ended), (2, 0));
    assert_eq!(events.ended.recv().await.unwrap().fate, Fate::Success);
    assert!(events.ended.try_recv().is_err(), "what is lost has not ended");
}

#[tokio::test]
async fn a_try_that_does_not_end_is_lost() {
    let mut events = EventHost::new();
    let (code, mut calls) = function();
    events.host.create_function("f", code).timeout_secs(900).await.unwrap();
    events.event("f").await.unwrap();
    let call = calls.recv().await.unwrap();
    assert_eq!(events.host.shutdown(Duration::ZERO).await.events_lost, 1);
    // Its future was dropped.
    assert!(call.answer.is_closed());
    assert!(events.ended.try_recv().is_err());
}

/// The host is what keeps its events alive.
#[tokio::test]
async fn a_host_that_is_dropped_takes_its_events_along() {
    let EventHost { host, clock: _clock, mut ended } = EventHost::new();
    let (code, mut calls) = function();
    host.create_function("f", code).timeout_secs(900).await.unwrap();
    host.invoke("f").invocation_type(InvocationType::Event).await.unwrap();
    let mut call = calls.recv().await.unwrap();
    drop(host);
    call.answer.closed().await;
    // The listener is gone, too.
    assert!(ended.recv().await.is_none());
}
