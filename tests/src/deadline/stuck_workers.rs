//! Host functions that block the host's own workers, which asynchronous ones must not: everybody else is answered in time
//! all the same, and leaves nothing behind.

use super::{TIMEOUT, current_thread};
use crate::test_host::{builder, calls_around_work, ending};
use crate::waiting::{BOUND, Flag, block_until, until_async};
use fixture_artifacts::{WAT_LONG_INSTRUCTIONS, WAT_LOOP_HANDLE, WAT_SLEEP_FOREVER};
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, HostBuilder, InvocationContext};
use std::convert::Infallible;
use std::time::Duration;

/// A host with one worker and the function `blocker`, which raises `stuck` and keeps that worker until `released` is raised.
fn stuck_host(stuck: &Flag, released: &Flag, more: impl FnOnce(HostBuilder) -> HostBuilder) -> Host {
    let block = {
        let (stuck, released) = (stuck.clone(), released.clone());
        move |(): (), _: InvocationContext| {
            let (stuck, released) = (stuck.clone(), released.clone());
            async move {
                stuck.raise();
                block_until(&released);
                Ok::<_, Infallible>(())
            }
        }
    };
    let mut limits = SandboxLimits::default();
    (limits.sandboxes_max, limits.worker_threads) = (50, 1);
    let host = more(builder().sandbox_limits(limits).host_function("block", block)).build().unwrap();
    host.create_function("blocker", calls_around_work(&[], &["block"])).timeout(BOUND).grant("block").wait().unwrap();
    host
}

/// Runs `test` on a host whose only worker is blocked meanwhile. Its functions may run once at a time.
fn with_stuck_worker(functions: &[(&str, &str, Duration)], test: impl AsyncFnOnce(&Host)) {
    let (stuck, released) = (Flag::default(), Flag::default());
    let host = stuck_host(&stuck, &released, |builder| builder);
    for &(name, path, timeout) in functions {
        host.create_function(name, Code::file(path)).timeout(timeout).memory_mb(1024).wait().unwrap();
        host.put_function_concurrency(name, 1).wait().unwrap();
    }
    current_thread().block_on(async {
        let blocker = tokio::spawn(host.invoke("blocker").into_future());
        until_async("the worker's block", || stuck.is_raised()).await;
        test(&host).await;
        assert!(!blocker.is_finished(), "the worker was stuck all the time");
        released.raise();
        assert_eq!(ending(&blocker.await.unwrap().unwrap()), "success null");
    });
}

#[test]
fn a_guest_that_waits_for_a_worker_ends_at_its_deadline() {
    let functions = [("busy", WAT_LOOP_HANDLE, TIMEOUT), ("asleep", WAT_SLEEP_FOREVER, TIMEOUT)];
    with_stuck_worker(&functions, async |host| {
        for name in ["busy", "asleep", "busy", "asleep"] {
            // Its permit and its sandbox are free when it is answered, or the next one would be throttled.
            assert_eq!(ending(&host.invoke(name).await.unwrap()), "timeout in Invoke", "{name}");
        }
    });
}

/// It was on the worker, and waits for a host function, when another guest blocks that worker.
#[test]
fn a_guest_that_left_its_worker_is_cancelled_at_once() {
    let (asleep, stuck, released) = (Flag::default(), Flag::default(), Flag::default());
    let sleep = {
        let asleep = asleep.clone();
        move |(): (), _: InvocationContext| {
            let asleep = asleep.clone();
            async move {
                asleep.raise();
                std::future::pending::<Result<(), Infallible>>().await
            }
        }
    };
    let host = stuck_host(&stuck, &released, |builder| builder.host_function("sleep", sleep));
    host.create_function("sleeper", calls_around_work(&[], &["sleep"])).timeout(BOUND).grant("sleep").wait().unwrap();
    current_thread().block_on(async {
        let sleeper = tokio::spawn(host.invoke("sleeper").into_future());
        until_async("the sleep", || asleep.is_raised()).await;
        let blocker = tokio::spawn(host.invoke("blocker").into_future());
        until_async("the worker's block", || stuck.is_raised()).await;
        sleeper.abort();
        assert!(sleeper.await.unwrap_err().is_cancelled());
        assert_eq!(host.metrics().invocations_in_progress, 1, "the blocker's");
        released.raise();
        assert_eq!(ending(&blocker.await.unwrap().unwrap()), "success null");
    });
}

#[test]
fn a_large_guest_ends_without_the_workers_too() {
    with_stuck_worker(&[("large", WAT_LONG_INSTRUCTIONS, TIMEOUT)], async |host| {
        assert_eq!(ending(&host.invoke("large").await.unwrap()), "timeout in Invoke");
        // Its memory is reset by another thread, for which the answer waits a little, and not for ever.
        until_async("the reset", || host.metrics().invocations_in_progress == 1).await;
    });
}

#[test]
fn a_guest_that_waits_for_a_worker_is_cancelled_at_once() {
    with_stuck_worker(&[("busy", WAT_LOOP_HANDLE, BOUND)], async |host| {
        for _ in 0..3 {
            // Longer than a guest stays on its caller's thread.
            let given_up = tokio::time::timeout(Duration::from_millis(20), host.invoke("busy").into_future()).await;
            assert!(given_up.is_err());
            assert_eq!(host.metrics().invocations_in_progress, 1, "the blocker's");
        }
    });
}
