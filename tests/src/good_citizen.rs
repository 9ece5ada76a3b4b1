//! The host in somebody else's process: which threads it has and when, what it prints, what it leaves behind.

mod busy_guests;
mod shutdown;
mod ticker;
mod traces;

use crate::test_host::{builder, host_with};
use crate::waiting::{Alone, BOUND, Flag, alone, until};
use fixture_artifacts::{
    ECHO_COMPONENT, WAT_CALLS_HOST, WAT_ECHO, WAT_LOOP_HANDLE, WAT_SLEEP_10MS, WAT_SLEEP_FOREVER, WAT_TRAP_UNREACHABLE,
};
use fnhost::error::{CreateFunctionError, InvokeError};
use fnhost::function::{FunctionError, ReportedError};
use fnhost::{CalledInRuntime, Code, Host, InvocationType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
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
