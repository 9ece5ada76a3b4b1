//! The host in somebody else's process: which threads it has and when, what it prints, what it leaves behind.

mod busy_guests;
mod traces;

use crate::test_host::{builder, host_with};
use crate::waiting::{Alone, BOUND, Flag, alone, until, until_async};
use fixture_artifacts::{
    ECHO_COMPONENT, SLEEP_COMPONENT, WAT_CALLS_HOST, WAT_CALLS_HOST_FOREVER, WAT_ECHO, WAT_LOOP_HANDLE, WAT_SLEEP_10MS,
    WAT_SLEEP_FOREVER, WAT_TRAP_UNREACHABLE,
};
use fnhost::error::{CreateFunctionError, InvokeError};
use fnhost::function::{FunctionError, ReportedError};
use fnhost::{CalledInRuntime, Code, Host, InvocationType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// The names of the process's threads, with the number of each.
fn threads() -> BTreeMap<String, usize> {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // It may end while this looks.
        if let Ok(name) = fs::read_to_string(task.unwrap().path().join("comm")) {
            *threads.entry(name.trim().to_owned()).or_default() += 1;
        }
    }
    threads
}

/// Runs a test in a process of its own, and sees that the library printed nothing.
fn alone_and_silent(test: &str, body: impl FnOnce()) {
    if let Some(Alone { stdout, stderr }) = alone(test, body) {
        assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
    }
}

#[test]
fn a_host_that_ran_nothing_has_no_threads() {
    alone_and_silent("good_citizen::a_host_that_ran_nothing_has_no_threads", || {
        let before = threads();
        let hosts = [Host::new().unwrap(), builder().build().unwrap()];
        assert_eq!(threads(), before);
        hosts[0].shutdown(BOUND).wait().unwrap();
        assert_eq!(threads(), before, "a shutdown of nothing starts nothing");
        drop(hosts);
        assert_eq!(threads(), before);
    });
}

/// Several hosts, and everything that starts threads: workers, blocking closures, files, compilations, traps, events.
#[test]
fn all_threads_end_with_the_last_host() {
    alone_and_silent("good_citizen::all_threads_end_with_the_last_host", || {
        let before = threads();
        let busy = |name: &str| {
            let host = builder()
                .blocking_host_function("echo", |input: Value, _| Ok::<_, ReportedError>(input))
                .build()
                .unwrap();
            for (function, path) in [
                ("echo", WAT_ECHO),
                ("component", ECHO_COMPONENT),
                ("calls", WAT_CALLS_HOST),
                ("trap", WAT_TRAP_UNREACHABLE),
                ("sleep", WAT_SLEEP_10MS),
                ("loop", WAT_LOOP_HANDLE),
            ] {
                let create = host.create_function(function, Code::file(path)).grant("echo");
                let timeout = if function == "loop" { Duration::from_millis(40) } else { BOUND };
                create.timeout(timeout).wait().unwrap();
                let response = host.invoke(function).wait().unwrap();
                assert_eq!(
                    response.function_error.is_some(),
                    ["trap", "loop"].contains(&function),
                    "{name} {function}"
                );
            }
            host
        };
        let (first, second) = (busy("first"), busy("second"));
        let runtime = runtime();
        runtime.block_on(async {
            for host in [&first, &second] {
                let event = host.invoke("echo").invocation_type(InvocationType::Event).await.unwrap();
                assert_eq!(event.status, 202);
                let error = host.invoke("loop").await.unwrap().function_error;
                assert!(matches!(error, Some(FunctionError::TimedOut { .. })));
            }
        });
        drop(runtime);
        assert_eq!(threads().get("fnhost-ticker"), Some(&1), "one ticker for all hosts");
        drop(first);
        assert_eq!(second.invoke("echo").wait().unwrap().function_error, None);
        assert_eq!(threads().get("fnhost-ticker"), Some(&1));
        drop(second);
        until("the end of all threads", || threads() == before);
        // And it can begin again.
        let again = busy("again");
        drop(again);
        until("the end of all threads", || threads() == before);
    });
}

/// How often the ticker has gone to sleep and been woken.
fn ticker_switches() -> Option<u64> {
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "fnhost-ticker") {
            let status = fs::read_to_string(path.join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            return Some(line.trim().parse().unwrap());
        }
    }
    None
}

#[test]
fn the_ticker_sleeps_when_nothing_runs() {
    alone_and_silent("good_citizen::the_ticker_sleeps_when_nothing_runs", || {
        let host = builder().build().unwrap();
        host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
        host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(30)).wait().unwrap();
        for _ in 0..3 {
            host.invoke("echo").wait().unwrap();
            // Half a second without a switch; awake it has 500 in that time.
            let mut last = (None, Instant::now());
            until("the ticker's sleep", || {
                let now = ticker_switches();
                // A thread that has only just begun has no name yet.
                if now.is_none() || now != last.0 {
                    last = (now, Instant::now());
                }
                last.1.elapsed() > Duration::from_millis(500)
            });
            // It wakes for the next guest that needs it.
            let error = host.invoke("loop").wait().unwrap().function_error;
            assert!(matches!(error, Some(FunctionError::TimedOut { .. })), "{error:?}");
            assert!(ticker_switches() > last.0);
        }
    });
}

/// Invocations begin at all moments of the ticker's falling asleep: 100 idle ticks, about. None may find it asleep.
#[test]
fn an_invocation_is_not_missed_by_a_ticker_that_falls_asleep() {
    alone_and_silent("good_citizen::an_invocation_is_not_missed_by_a_ticker_that_falls_asleep", || {
        let host = builder().build().unwrap();
        host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(2)).wait().unwrap();
        let mut pause = Duration::from_millis(90);
        while pause < Duration::from_millis(130) {
            thread::sleep(pause);
            let error = host.invoke("loop").wait().unwrap().function_error;
            assert!(matches!(error, Some(FunctionError::TimedOut { .. })), "{error:?}");
            pause += Duration::from_micros(700);
        }
    });
}

#[test]
fn a_host_may_be_dropped_anywhere() {
    alone_and_silent("good_citizen::a_host_may_be_dropped_anywhere", || {
        let before = threads();
        let ended = |place: &str| until(&format!("the end of all threads after {place}"), || threads() == before);

        let in_a_task = Builder::new_current_thread().enable_time().build().unwrap();
        in_a_task.block_on(async {
            let host = host_with("echo", WAT_ECHO).await;
            host.invoke("echo").await.unwrap();
            drop(host);
        });
        ended("a drop in a runtime");

        // While guests run that nobody waits for any more: busy ones on the workers, sleeping ones, moved ones.
        in_a_task.block_on(async {
            let host = host_with("loop", WAT_LOOP_HANDLE).await;
            host.create_function("sleep", Code::file(WAT_SLEEP_FOREVER)).await.unwrap();
            let calls = ["loop", "sleep", "loop"].map(|name| tokio::spawn(host.invoke(name).into_future()));
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(host);
            for call in calls {
                call.abort();
                assert!(call.await.unwrap_err().is_cancelled());
            }
        });
        ended("a drop while guests run");

        // The last one is what a host function holds.
        for blocking in [false, true] {
            let slot: Arc<Mutex<Option<Host>>> = Arc::default();
            let taken = Arc::clone(&slot);
            let builder = builder();
            let host = if blocking {
                builder.blocking_host_function("echo", move |input: Value, _| {
                    drop(taken.lock().unwrap().take());
                    Ok::<_, ReportedError>(input)
                })
            } else {
                builder.host_function("echo", move |input: Value, _| {
                    drop(taken.lock().unwrap().take());
                    async { Ok::<_, ReportedError>(input) }
                })
            };
            let host = host.build().unwrap();
            host.create_function("calls", Code::file(WAT_CALLS_HOST)).grant("echo").wait().unwrap();
            let call = host.invoke("calls").into_future();
            *slot.lock().unwrap() = Some(host);
            let response = in_a_task.block_on(call).unwrap();
            assert_eq!(response.json::<Value>().unwrap(), json!({"n": 1}));
            drop(slot);
            ended("a drop in a host function");
        }

        // On a worker of the host's own: the listener's thread, with an event in progress.
        let (slot, dropped): (Arc<Mutex<Option<Host>>>, Flag) = Default::default();
        let host = {
            let (slot, dropped) = (Arc::clone(&slot), dropped.clone());
            let listener = move |_: &fnhost::event_invoke::EndedEvent| {
                drop(slot.lock().unwrap().take());
                dropped.raise();
            };
            builder().event_listener(listener).build().unwrap()
        };
        host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
        *slot.lock().unwrap() = Some(host.clone());
        let event = host.invoke("echo").invocation_type(InvocationType::Event).into_future();
        drop(host);
        in_a_task.block_on(event).unwrap();
        until("the event's end", || dropped.is_raised());
        ended("a drop on a worker");

        drop(in_a_task);
    });
}

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
                crate::waiting::block_until(&gate);
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
    until_async("the blocking host function", || inside.is_raised()).await;
    let begin = Instant::now();
    let report = host.shutdown(Duration::from_millis(50)).await;
    assert!(begin.elapsed() >= Duration::from_millis(50) && begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    assert_eq!((report.invocations_ended, report.events_lost), (5, 0));
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
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

#[tokio::test]
async fn the_blocking_facade_refuses_a_thread_of_a_runtime() {
    let host = host_with("echo", WAT_ECHO).await;
    let Err(InvokeError::Service(error)) = host.invoke("echo").wait() else { panic!("it was not refused") };
    assert!(error.source.is::<CalledInRuntime>(), "{error:?}");
    let Err(CreateFunctionError::Service(error)) = host.create_function("f", Code::file(WAT_ECHO)).wait() else {
        panic!("it was not refused")
    };
    assert!(error.source.is::<CalledInRuntime>(), "{error:?}");
    assert!(host.shutdown(BOUND).wait().unwrap_err().source.is::<CalledInRuntime>());
    // On a thread of its own it works, and nothing was shut down.
    thread::spawn(move || {
        assert_eq!(host.invoke("echo").wait().unwrap().function_error, None);
        host.shutdown(BOUND).wait().unwrap();
        assert!(matches!(host.invoke("echo").wait(), Err(InvokeError::Service(_))));
    })
    .join()
    .unwrap();
}
