//! How many invocations run at a time: refused at once where there are too many, and never lost.

use crate::test_host::builder;
use crate::waiting::{BOUND, Counter, Flag, invoke_once_free, until_async};
use fixture_artifacts::{
    WAT_CALLS_HOST, WAT_ECHO, WAT_EXIT3, WAT_FAIL, WAT_GROW_UNTIL_REFUSED_THEN_TRAP, WAT_LOOP_HANDLE,
    WAT_RECURSION_ENDLESS, WAT_RESPOND_NOT_JSON, WAT_RESPOND_ONE_BYTE_TOO_LARGE, WAT_SLEEP_10MS, WAT_SPIN_MS,
    WAT_TRAP_IN_START, WAT_TRAP_UNREACHABLE,
};
use fnhost::error::{InvokeError, ThrottleReason};
use fnhost::function::{FunctionError, ReportedError};
use fnhost::limits::{INVOCATION_DEPTH_MAX, SandboxLimits};
use fnhost::{Code, Host, HostBuilder, InvocationContext, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

const HOST_WIDE: ThrottleReason = ThrottleReason::ConcurrentInvocationLimitExceeded;
const RESERVED: ThrottleReason = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;

/// Functions that wait in a host function until the gate is raised.
struct Waiting {
    host: Host,
    gate: Flag,
    inside: Counter,
}

impl Waiting {
    fn on(builder: HostBuilder) -> Waiting {
        let (gate, inside) = (Flag::default(), Counter::default());
        let host = {
            let (gate, inside) = (gate.clone(), inside.clone());
            builder
                .host_function("echo", move |input: Value, _| {
                    let gate = gate.clone();
                    inside.count();
                    async move {
                        until_async("the test's signal", || gate.is_raised()).await;
                        Ok::<_, ReportedError>(input)
                    }
                })
                .build()
                .unwrap()
        };
        Waiting { host, gate, inside }
    }

    async fn function(&self, name: &str) {
        self.host.create_function(name, Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").await.unwrap();
    }

    /// Begins an invocation, and waits until it is in the host function.
    async fn begin(&self, function: &str) -> JoinHandle<Response> {
        let before = self.inside.get();
        let call = self.host.invoke(function).into_future();
        let call = tokio::spawn(async move { call.await.unwrap() });
        until_async("the invocation", || self.inside.get() > before).await;
        call
    }

    async fn end(&self, calls: Vec<JoinHandle<Response>>) {
        self.gate.raise();
        for call in calls {
            assert_eq!(call.await.unwrap().function_error, None);
        }
    }
}

/// Lambda's exception, status and reason.
async fn assert_refused(host: &Host, function: &str, reason: ThrottleReason) {
    let error = host.invoke(function).await.expect_err(function);
    assert_eq!((error.code(), error.status()), ("TooManyRequestsException", 429));
    assert_eq!(error.to_string(), "Rate Exceeded.");
    match error {
        InvokeError::TooManyRequests(throttle) => assert_eq!(throttle.reason, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_host_has_a_limit_over_all_functions() {
    let waiting = Waiting::on(builder().concurrency_max(2));
    waiting.function("a").await;
    waiting.function("b").await;
    let calls = vec![waiting.begin("a").await, waiting.begin("b").await];
    assert_refused(&waiting.host, "a", HOST_WIDE).await;
    assert_refused(&waiting.host, "b", HOST_WIDE).await;
    waiting.end(calls).await;
    assert!(waiting.host.invoke("a").await.is_ok());
}

#[tokio::test]
async fn a_reservation_is_one_pool_over_versions_and_aliases() {
    let waiting = Waiting::on(builder().concurrency_max(20));
    let host = &waiting.host;
    waiting.function("reserved").await;
    waiting.function("other").await;
    let v1 = host.publish_version("reserved").await.unwrap();
    host.create_alias("reserved", "live", v1).await.unwrap();
    host.put_function_concurrency("reserved", 2).await.unwrap();
    let calls = vec![waiting.begin("reserved:1").await, waiting.begin("reserved:live").await];
    for name in ["reserved", "reserved:$LATEST", "reserved:1", "reserved:live"] {
        assert_refused(host, name, RESERVED).await;
    }
    let other = waiting.begin("other").await;
    waiting.end(calls.into_iter().chain([other]).collect()).await;
}

#[tokio::test]
async fn others_cannot_take_what_is_reserved() {
    let waiting = Waiting::on(builder().concurrency_max(3));
    let host = &waiting.host;
    waiting.function("reserved").await;
    waiting.function("other").await;
    host.put_function_concurrency("reserved", 2).await.unwrap();
    let other = waiting.begin("other").await;
    assert_refused(host, "other", HOST_WIDE).await;
    let calls = vec![waiting.begin("reserved").await, waiting.begin("reserved").await, other];
    assert_refused(host, "reserved", RESERVED).await;
    waiting.end(calls).await;
}

#[tokio::test]
async fn a_reservation_of_zero_stops_a_function() {
    let waiting = Waiting::on(builder());
    let host = &waiting.host;
    waiting.function("stopped").await;
    waiting.gate.raise();
    host.put_function_concurrency("stopped", 0).await.unwrap();
    assert_refused(host, "stopped", RESERVED).await;
    assert!(host.invoke("stopped").invocation_type(fnhost::InvocationType::DryRun).await.is_ok());
    host.delete_function_concurrency("stopped").await.unwrap();
    assert_eq!(host.invoke("stopped").await.unwrap().function_error, None);
}

#[tokio::test]
async fn a_reservation_counts_what_runs_already_and_may_change_meanwhile() {
    let waiting = Waiting::on(builder().concurrency_max(10));
    let host = &waiting.host;
    waiting.function("f").await;
    let mut calls = vec![waiting.begin("f").await, waiting.begin("f").await];
    host.put_function_concurrency("f", 2).await.unwrap();
    assert_refused(host, "f", RESERVED).await;
    host.put_function_concurrency("f", 3).await.unwrap();
    calls.push(waiting.begin("f").await);
    assert_refused(host, "f", RESERVED).await;
    host.put_function_concurrency("f", 1).await.unwrap();
    assert_refused(host, "f", RESERVED).await;
    host.delete_function_concurrency("f").await.unwrap();
    calls.push(waiting.begin("f").await);
    waiting.end(calls).await;
    // Each gave back what it had taken, whatever the reservation was by then.
    host.put_function_concurrency("f", 1).await.unwrap();
    assert_eq!(host.invoke("f").await.unwrap().function_error, None);
    let calls: Vec<_> = (0..8).map(|_| host.invoke("f").into_future()).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().function_error, None);
    }
}

/// Whatever way an invocation ends, the next one is admitted: there is one permit, and one sandbox.
#[tokio::test]
async fn permits_come_back_on_every_path() {
    let host = builder()
        .concurrency_max(1)
        .host_function("echo", |_: Value, _| async { panic!("of the host function") as Result<(), ReportedError> })
        .build()
        .unwrap();
    let guests = [
        ("ok", WAT_ECHO),
        ("reported", WAT_FAIL),
        ("trapped", WAT_TRAP_UNREACHABLE),
        ("trapped-in-start", WAT_TRAP_IN_START),
        ("exited", WAT_EXIT3),
        ("out-of-memory", WAT_GROW_UNTIL_REFUSED_THEN_TRAP),
        ("stack-overflow", WAT_RECURSION_ENDLESS),
        ("not-json", WAT_RESPOND_NOT_JSON),
        ("too-large", WAT_RESPOND_ONE_BYTE_TOO_LARGE),
        ("timed-out", WAT_LOOP_HANDLE),
        ("host-function-panicked", WAT_CALLS_HOST),
    ];
    for (name, path) in guests {
        let create = host.create_function(name, Code::file(path)).grant("echo");
        let timeout = if name == "timed-out" { Duration::from_millis(20) } else { BOUND };
        create.timeout(timeout).await.unwrap();
    }
    host.create_function("out-of-fuel", Code::file(WAT_LOOP_HANDLE)).fuel(1000).await.unwrap();
    host.create_function("native", Code::native(|_: Value, _| async { Ok::<_, ReportedError>(1) })).await.unwrap();
    host.create_function(
        "native-panicked",
        Code::native(|_: Value, _| async { panic!("of the native function") as Result<(), ReportedError> }),
    )
    .await
    .unwrap();
    let names = guests.iter().map(|(name, _)| *name).chain(["out-of-fuel", "native", "native-panicked"]);
    for name in names {
        for _ in 0..3 {
            match host.invoke(name).await {
                Ok(response) => assert_eq!(
                    response.function_error.is_none(),
                    ["ok", "native"].contains(&name),
                    "{name}: {:?}",
                    response.function_error
                ),
                // The one path on which the caller has its answer before the sandbox is free.
                Err(InvokeError::TooManyRequests(_)) if name == "timed-out" => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        invoke_once_free(&host, "ok").await;
    }
    // What is refused before it runs takes none.
    for _ in 0..3 {
        assert!(host.invoke("no-such-function").await.is_err());
        assert!(host.invoke("ok").payload("not json").await.is_err());
        assert!(host.invoke("ok").client_context("!").await.is_err());
    }
    assert!(host.invoke("ok").await.is_ok());
}

/// A slow function runs on the host's workers, and fills memory that has to be cleaned: all that is done when its caller
/// has the answer.
#[tokio::test]
async fn who_has_an_answer_may_call_again() {
    let host = builder().concurrency_max(1).build().unwrap();
    for (name, path) in [("busy", WAT_SPIN_MS), ("asleep", WAT_SLEEP_10MS)] {
        host.create_function(name, Code::file(path)).timeout(BOUND).await.unwrap();
        for _ in 0..100 {
            assert_eq!(host.invoke(name).await.unwrap().function_error, None, "{name}");
        }
    }
}

#[tokio::test]
async fn an_exhausted_pool_of_sandboxes_is_a_throttle() {
    let mut limits = SandboxLimits::default();
    limits.sandboxes_max = 2;
    let waiting = Waiting::on(builder().concurrency_max(10).sandbox_limits(limits));
    waiting.function("f").await;
    let calls = vec![waiting.begin("f").await, waiting.begin("f").await];
    assert_refused(&waiting.host, "f", HOST_WIDE).await;
    waiting.end(calls).await;
    for _ in 0..3 {
        assert_eq!(waiting.host.invoke("f").await.unwrap().function_error, None);
    }
}

/// Many callers at a limit: none is refused while there is room for it, and none is admitted beyond.
#[test]
fn a_limit_is_exact_under_contention() {
    let host = builder().concurrency_max(4).build().unwrap();
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let native = Code::native(move |_: Value, _| {
        seen.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let inside = Arc::clone(&inside);
        async move {
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ReportedError>(())
        }
    });
    host.create_function("f", native).wait().unwrap();
    std::thread::scope(|scope| {
        // As many callers as there is room for: a refusal would be wrong.
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    host.invoke("f").wait().unwrap();
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 4);
}

/// A host function `echo` that invokes `function` and answers with its payload, or reports its refusal.
fn invokes(function: &'static str) -> HostBuilder {
    builder().host_function("echo", move |input: Value, caller: InvocationContext| async move {
        invoke_for(function, &input, &caller).await
    })
}

async fn invoke_for(function: &str, input: &Value, caller: &InvocationContext) -> Result<Value, ReportedError> {
    let response = caller.invoke(function).json(input)?.await.map_err(|error| refusal(&error))?;
    match &response.function_error {
        None => Ok(response.json()?),
        Some(error) => Err(ReportedError::new(error.error_type(), error.error_message(response.request_id))),
    }
}

fn refusal(error: &InvokeError) -> ReportedError {
    let reason = match error {
        InvokeError::TooManyRequests(throttle) => throttle.reason.to_string(),
        InvokeError::Service(service) => service.source.to_string(),
        other => other.to_string(),
    };
    ReportedError::new(error.code(), reason)
}

fn reported(response: &Response) -> (&str, &str) {
    match &response.function_error {
        Some(FunctionError::Reported(error)) => (&error.error_type, &error.error_message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_function_may_invoke_another_function() {
    let host = invokes("inner").build().unwrap();
    host.create_function("outer", Code::file(WAT_CALLS_HOST)).grant("echo").await.unwrap();
    host.create_function("inner", Code::file(WAT_ECHO)).await.unwrap();
    assert_eq!(host.invoke("outer").await.unwrap().json::<Value>().unwrap(), json!({"n": 1}));
}

/// The closure blocks a thread of the host's own, and so it may wait.
#[tokio::test]
async fn a_blocking_host_function_may_invoke_another_function() {
    let host = builder()
        .blocking_host_function("echo", |input: Value, caller: InvocationContext| {
            let response = caller.invoke("inner").json(&input)?.wait().map_err(|error| refusal(&error))?;
            Ok::<Value, ReportedError>(response.json()?)
        })
        .build()
        .unwrap();
    host.create_function("outer", Code::file(WAT_CALLS_HOST)).grant("echo").await.unwrap();
    host.create_function("inner", Code::file(WAT_ECHO)).await.unwrap();
    assert_eq!(host.invoke("outer").await.unwrap().json::<Value>().unwrap(), json!({"n": 1}));
}

#[tokio::test]
async fn a_nested_invocation_inherits_the_deadline() {
    let host = builder()
        .host_function("echo", |_: Value, caller: InvocationContext| async move {
            let response = caller.invoke("inner").await.map_err(|error| refusal(&error))?;
            let deadline: Duration = caller.remaining_time();
            Err::<(), _>(ReportedError::new("Inner", format!("{:?} {deadline:?}", response.function_error)))
        })
        .build()
        .unwrap();
    let limit = Duration::from_millis(100);
    host.create_function("outer", Code::file(WAT_CALLS_HOST)).timeout(limit).grant("echo").await.unwrap();
    host.create_function("inner", Code::file(WAT_LOOP_HANDLE)).timeout(BOUND).await.unwrap();
    let error = host.invoke("outer").await.unwrap().function_error;
    assert!(matches!(error, Some(FunctionError::TimedOut { limit: l, .. }) if l == limit), "{error:?}");
    // The inner one has ended with it.
    invoke_once_free_of(&host).await;
}

/// Waits until nothing runs, as the limit of the whole host sees it.
async fn invoke_once_free_of(host: &Host) {
    host.create_function("probe", Code::file(WAT_ECHO)).await.unwrap();
    host.put_function_concurrency("probe", host.account_settings().limits.concurrent_executions_max / 2).await.unwrap();
    invoke_once_free(host, "probe").await;
}

#[tokio::test]
async fn a_shorter_timeout_of_its_own_ends_a_nested_invocation_alone() {
    let host = invokes("inner").build().unwrap();
    host.create_function("outer", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").await.unwrap();
    host.create_function("inner", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(50)).await.unwrap();
    let response = host.invoke("outer").await.unwrap();
    assert_eq!(reported(&response).0, "Sandbox.Timedout");
    assert!(reported(&response).1.ends_with("Task timed out after 0.05 seconds"), "{response:?}");
}

#[tokio::test]
async fn functions_invoke_functions_only_so_deep() {
    let depth = Counter::default();
    let host = {
        let depth = depth.clone();
        builder()
            .host_function("echo", move |input: Value, caller: InvocationContext| {
                depth.count();
                async move { invoke_for("recursive", &input, &caller).await }
            })
            .build()
            .unwrap()
    };
    host.create_function("recursive", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").await.unwrap();
    let response = host.invoke("recursive").await.unwrap();
    // Its error object travels through all of them.
    assert_eq!(response.function_error.as_ref().unwrap().error_type(), "ServiceException");
    assert!(response.payload.windows(8).any(|text| text == b"16 deep,"), "{:?}", response.payload);
    assert_eq!(depth.get() as u32, INVOCATION_DEPTH_MAX + 1);
}

/// A function with one reserved invocation that invokes itself waits for nothing: it is told so.
#[tokio::test]
async fn a_function_that_invokes_itself_beyond_its_reservation_is_refused() {
    let host = invokes("self").build().unwrap();
    host.create_function("self", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").await.unwrap();
    host.put_function_concurrency("self", 1).await.unwrap();
    let response = host.invoke("self").await.unwrap();
    let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
    assert_eq!(reported(&response), ("TooManyRequestsException", reason));
    // The one permit has come back.
    let response = host.invoke("self").await.unwrap();
    assert_eq!(reported(&response), ("TooManyRequestsException", reason));
}
