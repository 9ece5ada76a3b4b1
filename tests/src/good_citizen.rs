//! The host in somebody else's process: which threads it has and when, what it prints, what it leaves behind.

use crate::test_host::{builder, busy_caller_of, ending, host_with};
use crate::waiting::{Alone, BOUND, Flag, alone, until, until_async};
use fixture_artifacts::{
    ECHO_COMPONENT, LOG_LINES_CORE, SLEEP_COMPONENT, WAT_CALLS_HOST, WAT_CALLS_HOST_FOREVER, WAT_ECHO, WAT_LOOP_HANDLE,
    WAT_SLEEP_10MS, WAT_SLEEP_FOREVER, WAT_TRAP_UNREACHABLE,
};
use fnhost::error::{CreateFunctionError, InvokeError};
use fnhost::function::{FunctionError, ReportedError};
use fnhost::limits::SandboxLimits;
use fnhost::{CalledInRuntime, Code, Host, InvocationType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::future::ready;
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

/// The niceness of the thread that asks, and its name.
#[cfg(target_os = "linux")]
fn niceness() -> (i32, String) {
    let name = fs::read_to_string("/proc/thread-self/comm").unwrap().trim().to_owned();
    (rustix::process::getpriority_process(None).unwrap(), name)
}

/// A guest that keeps a processor does so on a thread that makes way for those of the embedder's, and for nobody else's.
#[cfg(target_os = "linux")]
#[test]
fn guests_that_keep_a_processor_make_way() {
    let own = niceness().0;
    for by in [0, SandboxLimits::default().worker_niceness] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let see = |seen: &Arc<Mutex<Vec<_>>>| {
            let seen = Arc::clone(seen);
            move || seen.lock().unwrap().push(niceness())
        };
        let (on_worker, on_blocking_thread) = (see(&seen), see(&seen));
        let mut limits = SandboxLimits::default();
        limits.worker_niceness = by;
        let host = builder()
            .sandbox_limits(limits)
            .host_function("async", move |(): (), _| {
                on_worker();
                ready(Ok::<_, Infallible>(()))
            })
            .blocking_host_function("blocking", move |(): (), _| {
                on_blocking_thread();
                Ok::<_, Infallible>(())
            })
            .build()
            .unwrap();
        for function in ["async", "blocking"] {
            host.create_function(function, busy_caller_of(function)).timeout(BOUND).grant(function).wait().unwrap();
        }
        runtime().block_on(async {
            for function in ["async", "blocking"] {
                assert_eq!(ending(&host.invoke(function).await.unwrap()), "success null");
            }
        });
        let worker = |niceness| (niceness, "fnhost-worker".to_owned());
        assert_eq!(*seen.lock().unwrap(), [worker((own + i32::from(by)).min(19)), worker(own)], "{by}");
    }
    assert_eq!(niceness().0, own);
}

/// Two that were moved to the host's workers are enough, though they have not ended: the next one begins there.
#[test]
fn what_keeps_a_processor_begins_elsewhere_the_third_time() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = |what: &'static str| {
        let seen = Arc::clone(&seen);
        move |(): (), _| {
            seen.lock().unwrap().push((what, thread::current().name() == Some("fnhost-worker")));
            ready(Ok::<_, Infallible>(()))
        }
    };
    let call = |at: usize, name: &str| {
        format!("(drop (call $call (i32.const {at}) (i32.const {}) (i32.const 0) (i32.const 4)))", name.len())
    };
    let module = format!(
        r#"(module
            (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "nullbeginsmoved")
            (func (export "handle") (local $left i64)
                {}
                (local.set $left (i64.const 30000000))
                (loop $work
                    (local.set $left (i64.sub (local.get $left) (i64.const 1)))
                    (br_if $work (i64.ne (local.get $left) (i64.const 0))))
                {}
                (loop $forever (br $forever))))"#,
        call(4, "begins"),
        call(10, "moved")
    );
    let host = builder().host_function("begins", see("begins")).host_function("moved", see("moved")).build().unwrap();
    let code = Code::bytes(wat::parse_str(module).unwrap());
    host.create_function("endless", code).timeout(BOUND).grant("begins").grant("moved").wait().unwrap();
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        for n in 1..=3 {
            tokio::spawn(host.invoke("endless").into_future());
            until_async("the guest on a worker", || seen.lock().unwrap().len() == 2 * n).await;
        }
    });
    let twice = [("begins", false), ("moved", true)].repeat(2);
    assert_eq!(*seen.lock().unwrap(), [twice.as_slice(), &[("begins", true), ("moved", true)]].concat());
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

mod traces {
    //! What `tracing` hears of an invocation.

    use super::*;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    #[derive(Clone, Debug, Default)]
    struct Fields(BTreeMap<&'static str, String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.insert(field.name(), format!("{value:?}"));
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.insert(field.name(), value.to_owned());
        }
    }

    #[derive(Clone, Default)]
    struct Collected {
        /// Spans that have ended.
        spans: Arc<Mutex<Vec<Fields>>>,
        lines: Arc<Mutex<Vec<Line>>>,
        /// Runs that began again on a fiber.
        begun_again: Arc<Mutex<usize>>,
    }

    /// A line of a guest, with the span that it came in.
    type Line = (Option<&'static str>, Fields);

    impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collected {
        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            context.span(id).unwrap().extensions_mut().insert(fields);
        }

        fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
            let span = context.span(id).unwrap();
            let mut extensions = span.extensions_mut();
            values.record(extensions.get_mut::<Fields>().unwrap());
        }

        fn on_close(&self, id: Id, context: Context<'_, S>) {
            let span = context.span(&id).unwrap();
            if span.name() == "invocation" {
                self.spans.lock().unwrap().push(span.extensions().get::<Fields>().unwrap().clone());
            }
        }

        fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
            if event.metadata().target() == "fnhost::guest" {
                let mut fields = Fields::default();
                event.record(&mut fields);
                let span = context.event_span(event).map(|span| span.name());
                self.lines.lock().unwrap().push((span, fields));
            } else if event.metadata().target() == "fnhost::sandbox::guest_run" {
                *self.begun_again.lock().unwrap() += 1;
            }
        }
    }

    /// A run that begins again on a fiber has written its lines once. Has a process of its own.
    #[test]
    fn have_the_output_of_the_run_that_counts() {
        alone_and_silent("good_citizen::traces::have_the_output_of_the_run_that_counts", || {
            let collected = Collected::default();
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(collected.clone())).unwrap();
            let host = builder().build().unwrap();
            let code = Code::bytes(wat::parse_str(crate::without_fiber::GROWER).unwrap());
            host.create_function("grower", code).wait().unwrap();
            for (event, begins_again) in [("1", false), ("100000", true), ("1", false), ("100000", false)] {
                assert_eq!(host.invoke("grower").payload(event).wait().unwrap().function_error, None);
                let lines = std::mem::take(&mut *collected.lines.lock().unwrap());
                let lines: Vec<_> = lines.iter().map(|(span, line)| (*span, &*line.0["message"])).collect();
                assert_eq!(lines, [(Some("invocation"), "begun"), (Some("invocation"), "ended")]);
                // The one after a small run was on its caller's stack; the other began on a fiber.
                let again = std::mem::take(&mut *collected.begun_again.lock().unwrap());
                assert_eq!(again, usize::from(begins_again), "{event}");
            }
            // Far longer than a guest may be on its caller's stack; the next one is known to be.
            host.create_function("spin", Code::file(fixture_artifacts::SPIN_CORE)).timeout(BOUND).wait().unwrap();
            for begun_again in [1, 0] {
                let response = host.invoke("spin").payload(r#"{"ms":500}"#).wait().unwrap();
                assert_eq!(response.function_error, None);
                assert!(response.receipt.unwrap().duration >= Duration::from_millis(500));
                assert_eq!(std::mem::take(&mut *collected.begun_again.lock().unwrap()), begun_again);
            }
        });
    }

    /// Has a process of its own, so that a subscriber for all threads can be set.
    #[test]
    fn have_a_span_for_each_invocation_and_all_output() {
        alone_and_silent("good_citizen::traces::have_a_span_for_each_invocation_and_all_output", || {
            let collected = Collected::default();
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(collected.clone())).unwrap();
            runtime().block_on(async {
                let host = builder().build().unwrap();
                host.create_function("log", Code::file(LOG_LINES_CORE)).await.unwrap();
                host.publish_version("log").await.unwrap();
                host.create_function("loop", Code::file(WAT_LOOP_HANDLE))
                    .timeout(Duration::from_millis(30))
                    .await
                    .unwrap();
                host.create_function("endless", Code::file(WAT_SLEEP_FOREVER)).timeout(BOUND).await.unwrap();
                host.create_function("trap", Code::file(WAT_TRAP_UNREACHABLE)).await.unwrap();

                let spans = |count: usize| {
                    let spans = Arc::clone(&collected.spans);
                    async move {
                        until_async("the span's end", || spans.lock().unwrap().len() >= count).await;
                        spans.lock().unwrap()[count - 1].0.clone()
                    }
                };
                let expected = |function: &str, version: &str, request_id: String, outcome: &str| {
                    BTreeMap::from([
                        ("function", function.to_owned()),
                        ("version", version.to_owned()),
                        ("request_id", request_id),
                        ("outcome", outcome.to_owned()),
                    ])
                };

                // Far more than a log tail holds.
                let response = host.invoke("log:1").payload("{\"lines\":1000}").await.unwrap();
                let id = response.request_id.to_string();
                assert_eq!(spans(1).await, expected("log", "1", id.clone(), "success"));
                let lines = std::mem::take(&mut *collected.lines.lock().unwrap());
                assert_eq!(lines.len(), 1000);
                for (number, (span, line)) in lines.iter().enumerate() {
                    assert_eq!(*span, Some("invocation"));
                    let line = &line.0;
                    assert_eq!(line["message"], format!("line {}", number + 1));
                    let who = (line["function"].as_str(), line["version"].as_str(), line["request_id"].as_str());
                    assert_eq!(who, ("log", "1", id.as_str()));
                }

                let id = host.invoke("loop").await.unwrap().request_id.to_string();
                assert_eq!(spans(2).await, expected("loop", "$LATEST", id, "Sandbox.Timedout"));
                let id = host.invoke("trap").await.unwrap().request_id.to_string();
                assert_eq!(spans(3).await, expected("trap", "$LATEST", id, "Runtime.ExitError"));

                let id = fnhost::RequestId::random();
                let call = host.invoke("endless").request_id(id).into_future();
                assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
                assert_eq!(spans(4).await, expected("endless", "$LATEST", id.to_string(), "cancelled"));
            });
        });
    }
}
