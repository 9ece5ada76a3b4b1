//! What a shutdown does to events: those that are due run, the others are lost, and it says how many.

use super::{EventHost, function};
use crate::test_host::{arn, refused};
use fnhost::event_invoke::Fate;
use fnhost::function::ReportedError;
use fnhost::{Code, Host, InvocationContext, InvocationType, ShutdownReport};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

const BOUND: Duration = Duration::from_secs(10);

/// A shutdown that has begun: nothing from outside gets in any more.
async fn shutting_down(host: &Host, function: &str) -> JoinHandle<ShutdownReport> {
    let shutdown = tokio::spawn(host.shutdown(BOUND).into_future());
    while host.invoke(function).invocation_type(InvocationType::DryRun).await.is_ok() {
        tokio::task::yield_now().await;
    }
    shutdown
}

/// A function that hands out its contexts and runs until the test drops what it got with one.
async fn create_running(host: &Host, name: &str) -> UnboundedReceiver<(InvocationContext, UnboundedReceiver<()>)> {
    let (contexts, received) = unbounded_channel();
    let code = Code::native(move |_: Value, context: InvocationContext| {
        let (running, stop) = unbounded_channel::<()>();
        let _ = contexts.send((context, stop));
        async move {
            running.closed().await;
            Ok::<_, ReportedError>(())
        }
    });
    host.create_function(name, code).timeout_secs(900).await.unwrap();
    received
}

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
    // It waits for the one that runs; nobody else begins.
    let shutdown = shutting_down(&events.host, "f").await;
    let refusal = ("ServiceException", 500, "the host is shutting down".to_owned());
    assert_eq!(refused(events.host.invoke("f").await), refusal);
    assert_eq!(refused(events.event("f").await), refusal);
    running.succeed();
    let report = shutdown.await.unwrap();
    assert_eq!((report.events_lost, report.invocations_ended), (2, 0));
    assert_eq!(events.ended.recv().await.unwrap().fate, Fate::Success);
    assert!(events.ended.try_recv().is_err(), "what is lost has not ended");
}

/// What ends in time tells its destination, which is a part of it.
#[tokio::test]
async fn destinations_are_reached_during_a_shutdown() {
    let mut events = EventHost::new();
    let (mut calls, mut records) = (events.create("worker").await, events.create("sink").await);
    events.host.put_function_event_invoke_config("worker").on_success(arn("sink")).await.unwrap();
    events.event("worker").await.unwrap();
    let call = calls.recv().await.unwrap();
    let shutdown = shutting_down(&events.host, "worker").await;
    call.succeed();
    records.recv().await.unwrap().succeed();
    let report = shutdown.await.unwrap();
    assert_eq!((report.events_lost, report.invocations_ended), (0, 0));
    assert_eq!([events.ended.recv().await.unwrap().fate, events.ended.recv().await.unwrap().fate], [Fate::Success; 2]);
}

/// Whether the host has had an event before, or this is its first.
#[tokio::test]
async fn invocations_in_progress_may_invoke_events_during_a_shutdown() {
    for had_events in [false, true] {
        let events = EventHost::new();
        let (mut calls, mut running) = (events.create("f").await, create_running(&events.host, "running").await);
        if had_events {
            events.event("f").await.unwrap();
            calls.recv().await.unwrap().succeed();
        }
        let invocation = tokio::spawn(events.host.invoke("running").into_future());
        let (context, stop) = running.recv().await.unwrap();
        let shutdown = shutting_down(&events.host, "f").await;
        let event = || context.invoke("f").invocation_type(InvocationType::Event);
        assert_eq!(event().await.unwrap().status, 202);
        calls.recv().await.unwrap().succeed();
        // This one begins after the invocation's end, if it has to.
        assert_eq!(event().await.unwrap().status, 202);
        drop(stop);
        assert_eq!(invocation.await.unwrap().unwrap().status, 200);
        calls.recv().await.unwrap().succeed();
        let report = shutdown.await.unwrap();
        assert_eq!((report.events_lost, report.invocations_ended), (0, 0));
        // Who kept the context finds no host that would forget its event.
        assert_eq!(refused(event().await), ("ServiceException", 500, "the event can't be accepted".to_owned()));
    }
}

/// The same for an event whose time is over with the host's.
#[tokio::test]
async fn what_is_invoked_during_a_shutdown_may_be_lost_and_is_reported() {
    let events = EventHost::new();
    let (mut calls, mut running) = (events.create("f").await, create_running(&events.host, "running").await);
    let invocation = tokio::spawn(events.host.invoke("running").into_future());
    let (context, _stop) = running.recv().await.unwrap();
    let shutdown = shutting_down(&events.host, "f").await;
    context.invoke("f").invocation_type(InvocationType::Event).await.unwrap();
    let call = calls.recv().await.unwrap();
    // A second shutdown shortens the first.
    let reports = [events.host.shutdown(Duration::ZERO).await, shutdown.await.unwrap()];
    assert_eq!(reports.iter().map(|report| report.events_lost).sum::<usize>(), 1);
    assert!(call.answer.is_closed());
    assert_eq!(refused(invocation.await.unwrap()).0, "ServiceException");
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
