//! Dropping the future of an invocation cancels it and frees what it held, whatever the guest was doing.

use crate::test_host::{builder, large_and_endless};
use crate::waiting::{BOUND, Flag, block_until, invoke_once_free, until, until_async};
use fixture_artifacts::{
    SLEEP_COMPONENT, SPIN_CORE, WAT_CALLS_HOST, WAT_ECHO, WAT_LOOP_HANDLE, WAT_LOOP_START, WAT_SLEEP_FOREVER,
};
use fnhost::error::{InvokeError, ThrottleReason};
use fnhost::function::ReportedError;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::future::pending;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A host for one invocation at a time, with a function that answers at once beside `victim`.
fn host(victim: Code) -> Host {
    let host = builder()
        .concurrency_max(1)
        .host_function("echo", |_: Value, _| pending::<Result<(), ReportedError>>())
        .build()
        .unwrap();
    host.create_function("victim", victim).timeout(BOUND).grant("echo").wait().unwrap();
    host.create_function("echo", Code::file(WAT_ECHO)).timeout(BOUND).wait().unwrap();
    host
}

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap(),
        Builder::new_current_thread().enable_time().build().unwrap(),
    ]
}

/// Lets the victim run for a while, sees that it holds the only sandbox, drops it, and sees that it does no more.
fn cancels(victim: &Code, event: &Value) {
    for runtime in runtimes() {
        let host = host(victim.clone());
        runtime.block_on(async {
            for run_for in [Duration::from_millis(1), Duration::from_millis(20)] {
                let mut call = host.invoke("victim").json(event).unwrap().into_future();
                let early = tokio::time::timeout(run_for, &mut call).await;
                assert!(early.is_err(), "the victim ended by itself: {early:?}");
                let refused = host.invoke("echo").await.unwrap_err();
                assert!(
                    matches!(&refused, InvokeError::TooManyRequests(throttle)
                        if throttle.reason == ThrottleReason::ConcurrentInvocationLimitExceeded),
                    "{refused:?}"
                );
                drop(call);
                invoke_once_free(&host, "echo").await;
            }
        });
    }
}

#[test]
fn a_busy_guest_is_cancelled() {
    cancels(&Code::file(WAT_LOOP_HANDLE), &json!({}));
    cancels(&Code::file(SPIN_CORE), &json!({}));
}

#[test]
fn a_busy_start_function_is_cancelled() {
    cancels(&Code::file(WAT_LOOP_START), &json!({}));
}

#[test]
fn a_sleeping_guest_is_cancelled() {
    cancels(&Code::file(WAT_SLEEP_FOREVER), &json!({}));
    cancels(&Code::file(SLEEP_COMPONENT), &json!({"ms": 600_000}));
}

#[test]
fn a_guest_in_a_host_function_is_cancelled() {
    cancels(&Code::file(WAT_CALLS_HOST), &json!({}));
}

#[test]
fn a_native_function_is_cancelled() {
    cancels(&Code::native(|_: Value, _| pending::<Result<(), ReportedError>>()), &json!({}));
}

/// The future of the closure is dropped with the invocation, in the runtime that it ran in: it may spawn there.
#[test]
fn the_future_of_a_host_function_is_dropped_in_its_runtime() {
    struct SpawnsOnDrop(Flag);

    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let spawned = self.0.clone();
            tokio::spawn(async move { spawned.raise() });
        }
    }

    for runtime in runtimes() {
        let (begun, cleaned_up) = (Flag::default(), Flag::default());
        let host = {
            let (begun, cleaned_up) = (begun.clone(), cleaned_up.clone());
            builder()
                .host_function("echo", move |_: Value, _| {
                    let guard = SpawnsOnDrop(cleaned_up.clone());
                    begun.raise();
                    async move {
                        let _guard = guard;
                        pending::<Result<(), ReportedError>>().await
                    }
                })
                .build()
                .unwrap()
        };
        host.create_function("victim", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").wait().unwrap();
        let call = host.invoke("victim").into_future();
        let call = runtime.spawn(call);
        runtime.block_on(until_async("the call", || begun.is_raised()));
        // Dropped on this thread, which is in no runtime.
        let call = {
            call.abort();
            call
        };
        runtime.block_on(async {
            assert!(call.await.unwrap_err().is_cancelled());
            until_async("the guard's task", || cleaned_up.is_raised()).await;
        });
    }
}

/// The same where the invocation is dropped by a thread outside of every runtime.
#[test]
fn an_invocation_may_be_dropped_outside_of_its_runtime() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    for code in [WAT_LOOP_HANDLE, WAT_SLEEP_FOREVER, WAT_CALLS_HOST] {
        let host = host(Code::file(code));
        let mut call = host.invoke("victim").into_future();
        runtime.block_on(async {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut call).await.is_err());
        });
        drop(call);
        runtime.block_on(invoke_once_free(&host, "echo"));
    }
}

#[test]
fn a_blocking_host_function_sees_that_nobody_waits() {
    for runtime in runtimes() {
        let (begun, saw_it) = (Flag::default(), Flag::default());
        let host = {
            let (begun, saw_it) = (begun.clone(), saw_it.clone());
            builder()
                .concurrency_max(1)
                .blocking_host_function("echo", move |_: Value, caller| {
                    assert!(!caller.is_cancelled());
                    begun.raise();
                    until("cancellation", || caller.is_cancelled());
                    saw_it.raise();
                    Ok::<_, ReportedError>(())
                })
                .build()
                .unwrap()
        };
        host.create_function("victim", Code::file(WAT_CALLS_HOST)).timeout(BOUND * 2).grant("echo").wait().unwrap();
        host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
        runtime.block_on(async {
            let call = tokio::spawn(host.invoke("victim").into_future());
            until_async("the call", || begun.is_raised()).await;
            call.abort();
            until_async("the closure's end", || saw_it.is_raised()).await;
            invoke_once_free(&host, "echo").await;
        });
    }
}

/// The invocation is over, and so is its permit, while the closure still blocks its thread.
#[test]
fn a_stuck_blocking_host_function_keeps_no_sandbox() {
    let (begun, gate) = (Flag::default(), Flag::default());
    let host = {
        let (begun, gate) = (begun.clone(), gate.clone());
        builder()
            .concurrency_max(1)
            .blocking_host_function("echo", move |_: Value, _| {
                begun.raise();
                block_until(&gate);
                Ok::<_, ReportedError>(())
            })
            .build()
            .unwrap()
    };
    let _gate = gate.on_drop();
    host.create_function("victim", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").wait().unwrap();
    host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let call = tokio::spawn(host.invoke("victim").into_future());
        until_async("the call", || begun.is_raised()).await;
        call.abort();
        invoke_once_free(&host, "echo").await;
    });
}

/// What an invocation invoked ends with it.
#[test]
fn a_nested_invocation_is_cancelled_with_its_caller() {
    for runtime in runtimes() {
        let host = builder()
            .concurrency_max(2)
            .host_function("echo", |_: Value, caller| async move {
                let response = caller.invoke("inner").await;
                response.map(drop).map_err(|error| ReportedError::new(error.code(), error.to_string()))
            })
            .build()
            .unwrap();
        host.create_function("outer", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").wait().unwrap();
        host.create_function("inner", Code::file(WAT_LOOP_HANDLE)).timeout(BOUND).wait().unwrap();
        host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
        runtime.block_on(async {
            let mut call = host.invoke("outer").into_future();
            let begin = Instant::now();
            // Until both are at work, and nothing else fits.
            while host.invoke("echo").await.is_ok() {
                assert!(begin.elapsed() < BOUND);
                let early = tokio::time::timeout(Duration::from_millis(5), &mut call).await;
                assert!(early.is_err(), "{early:?}");
            }
            drop(call);
            // The outer one is gone at once, the inner one when its worker has seen that it is cancelled.
            until_both_are_free(&host).await;
        });
    }
}

/// The same where the caller waits for it on a thread that can't be stopped.
#[test]
fn what_a_blocking_host_function_invoked_is_cancelled_with_its_caller() {
    let native = Code::native(|_: Value, _| pending::<Result<(), ReportedError>>());
    for inner in [Code::file(WAT_LOOP_HANDLE), large_and_endless(), Code::file(WAT_SLEEP_FOREVER), native] {
        let (answers, answer) = std::sync::mpsc::channel();
        let host = builder()
            .blocking_host_function("echo", move |_: Value, caller| {
                let answer = caller.invoke("inner").wait();
                answers.send(answer.map(drop)).map_err(|gone| ReportedError::new("Gone", gone.to_string()))
            })
            .build()
            .unwrap();
        host.create_function("outer", Code::file(WAT_CALLS_HOST)).timeout(BOUND * 2).grant("echo").wait().unwrap();
        host.create_function("inner", inner).timeout(BOUND * 2).wait().unwrap();
        runtimes()[0].block_on(async {
            let call = tokio::spawn(host.invoke("outer").into_future());
            until_async("both", || host.metrics().invocations_in_progress == 2).await;
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        });
        let answer = answer.recv_timeout(BOUND).unwrap();
        assert!(matches!(&answer, Err(InvokeError::Service(_))), "{answer:?}");
    }
}

/// Invokes the function that needs two permits until it gets both.
async fn until_both_are_free(host: &Host) {
    host.update_function_code("inner", Code::file(WAT_ECHO)).await.unwrap();
    let begin = Instant::now();
    while host.invoke("outer").await.map_or(true, |response| response.function_error.is_some()) {
        assert!(begin.elapsed() < BOUND);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn an_invocation_that_is_never_polled_holds_nothing() {
    let host = host(Code::file(WAT_LOOP_HANDLE));
    let never = host.invoke("victim").into_future();
    runtimes()[1].block_on(async { assert!(host.invoke("echo").await.is_ok()) });
    drop(never);
}

/// An invocation that was begun and is not polled any more holds its sandbox until it is dropped, and no longer.
#[test]
fn an_invocation_that_is_polled_no_more_is_freed_by_its_drop() {
    for runtime in runtimes() {
        let host = host(Code::file(WAT_SLEEP_FOREVER));
        runtime.block_on(async {
            let mut call = host.invoke("victim").into_future();
            assert!(tokio::time::timeout(Duration::from_millis(5), &mut call).await.is_err());
            assert!(host.invoke("echo").await.is_err());
            drop(call);
            invoke_once_free(&host, "echo").await;
        });
    }
}
