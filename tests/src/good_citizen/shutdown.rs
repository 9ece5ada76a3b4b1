//! The host's end, in the time that the embedder gives it.

use crate::test_host::{builder, large_and_endless};
use crate::waiting::{BOUND, Flag, block_until, until_async};
use fixture_artifacts::{
    SLEEP_COMPONENT, WAT_CALLS_HOST, WAT_CALLS_HOST_FOREVER, WAT_ECHO, WAT_LOOP_HANDLE, WAT_SLEEP_FOREVER,
};
use fnhost::function::ReportedError;
use fnhost::{Code, InvocationType};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_shutdown_waits_for_what_runs() {
    let (gate, inside) = (Flag::default(), Flag::default());
    let host = {
        let (gate, inside) = (gate.clone(), inside.clone());
        builder()
            .host_function("echo", move |input: Value, caller| {
                let gate = gate.clone();
                inside.raise();
                async move {
                    until_async("the test's signal", || gate.is_raised()).await;
                    // A part of what was in progress when the host closed.
                    let nested = caller.invoke("inner").json(&input)?.await?;
                    Ok::<Value, ReportedError>(nested.json()?)
                }
            })
            .build()
            .unwrap()
    };
    host.create_function("calls", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").await.unwrap();
    host.create_function("inner", Code::file(WAT_ECHO)).await.unwrap();
    let call = tokio::spawn(host.invoke("calls").into_future());
    until_async("the call", || inside.is_raised()).await;
    let shutdown = {
        let host = host.clone();
        tokio::spawn(async move { host.shutdown(BOUND).await })
    };
    // New ones are refused from the begin of the shutdown on.
    let begin = Instant::now();
    while host.invoke("inner").await.is_ok() {
        assert!(begin.elapsed() < BOUND);
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.is_finished());
    gate.raise();
    assert_eq!(call.await.unwrap().unwrap().json::<Value>().unwrap(), json!({"n": 1}));
    let report = shutdown.await.unwrap();
    assert_eq!((report.invocations_ended, report.events_lost), (0, 0));
    for refused in [host.invoke("inner"), host.invoke("inner").invocation_type(InvocationType::Event)] {
        let error = refused.await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("ServiceException", 500));
    }
}

#[tokio::test]
async fn a_shutdown_ends_what_does_not_end_in_time() {
    let (inside, gate) = (Flag::default(), Flag::default());
    let host = {
        let (inside, gate) = (inside.clone(), gate.clone());
        builder()
            .blocking_host_function("sleep", move |_: Value, _| {
                inside.raise();
                block_until(&gate);
                Ok::<_, ReportedError>(())
            })
            .build()
            .unwrap()
    };
    let _gate = gate.on_drop();
    let endless = [
        ("busy", Code::file(WAT_LOOP_HANDLE)),
        ("asleep", Code::file(WAT_SLEEP_FOREVER)),
        ("asleep-component", Code::file(SLEEP_COMPONENT)),
        ("blocking", Code::file(WAT_CALLS_HOST_FOREVER)),
        ("native", Code::native(|_: Value, _| std::future::pending::<Result<(), ReportedError>>())),
    ];
    let mut calls = Vec::new();
    for (name, code) in endless {
        host.create_function(name, code).timeout(BOUND * 2).grant("sleep").await.unwrap();
        calls.push(tokio::spawn(host.invoke(name).payload("{\"ms\":600000}").into_future()));
    }
    let mut waiting = Vec::new();
    for (name, code) in [("waited-for", Code::file(WAT_LOOP_HANDLE)), ("large-and-waited-for", large_and_endless())] {
        host.create_function(name, code).timeout(BOUND * 2).await.unwrap();
        let host = host.clone();
        waiting.push(thread::spawn(move || host.invoke(name).wait()));
    }
    until_async("all of them", || host.metrics().invocations_in_progress == 7).await;
    until_async("the blocking host function", || inside.is_raised()).await;
    let begin = Instant::now();
    let report = host.shutdown(Duration::from_millis(50)).await;
    assert!(begin.elapsed() >= Duration::from_millis(50) && begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    assert_eq!((report.invocations_ended, report.events_lost), (7, 0));
    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.unwrap());
    }
    ended.extend(waiting.into_iter().map(|thread| thread.join().unwrap()));
    for call in ended {
        let error = call.unwrap_err();
        assert_eq!(error.code(), "ServiceException", "{error}");
    }
}

/// One bound for everything: events in progress take from the same.
#[tokio::test]
async fn a_shutdown_reports_lost_events() {
    let inside = Flag::default();
    let native = {
        let inside = inside.clone();
        Code::native(move |_: Value, _| {
            inside.raise();
            std::future::pending::<Result<(), ReportedError>>()
        })
    };
    let host = builder().build().unwrap();
    host.create_function("endless", native).timeout(BOUND * 2).await.unwrap();
    assert_eq!(host.invoke("endless").invocation_type(InvocationType::Event).await.unwrap().status, 202);
    until_async("the event's try", || inside.is_raised()).await;
    let bound = Duration::from_secs(1);
    let begin = Instant::now();
    let report = host.shutdown(bound).await;
    assert_eq!(report.events_lost, 1);
    assert!(begin.elapsed() >= bound && begin.elapsed() < 2 * bound, "{:?}", begin.elapsed());
}
