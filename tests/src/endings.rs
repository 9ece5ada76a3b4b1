//! Every way a run can end, as its caller sees it: the exact payload, its kind, the variant, and the end of the log.

use crate::test_host;
use fixture_artifacts::*;
use fnhost::function::ReportedError;
use fnhost::{Code, Host, HostBuilder, Response};
use insta::assert_snapshot;
use serde_json::Value;
use std::time::Duration;

const REQUEST_ID: &str = "8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5";

/// A limit that no guest here reaches, however slow the machine.
const GENEROUS: Duration = Duration::from_secs(60);
/// A limit that guests here are meant to reach.
const SHORT: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
struct Limits {
    timeout: Duration,
    fuel: Option<u64>,
}

const NO_LIMITS: Limits = Limits { timeout: GENEROUS, fuel: None };
const SHORT_TIME: Limits = Limits { timeout: SHORT, fuel: None };
const LITTLE_FUEL: Limits = Limits { timeout: GENEROUS, fuel: Some(10_000) };

fn builder() -> HostBuilder {
    test_host::builder().host_function("echo", |_: Value, _| async {
        if true { panic!("the bell cracked") } else { Ok::<Value, ReportedError>(Value::Null) }
    })
}

async fn described(host: &Host) -> String {
    let response = host.invoke("f").payload(r#"{"n":1}"#).request_id(REQUEST_ID.parse().unwrap()).tail_logs();
    describe(&response.await.unwrap())
}

/// How `code` ends under these limits.
async fn run(code: Code, limits: Limits) -> String {
    let host = builder().build().unwrap();
    let function = host.create_function("f", code).timeout(limits.timeout).fuel(limits.fuel).grant("echo");
    function.await.unwrap();
    described(&host).await
}

async fn ending(path: &str, limits: Limits) -> String {
    run(Code::file(path), limits).await
}

fn describe(response: &Response) -> String {
    let error = response.function_error.as_ref().unwrap();
    let log = test_host::log(response);
    let log: Vec<String> = log.lines().map(without_measurements).collect();
    format!("{error:?}\n\n{}: {}\n\n{}", error.kind(), std::str::from_utf8(&response.payload).unwrap(), log.join("\n"),)
}

/// A REPORT line without what differs from run to run. What a timeout is billed does not.
fn without_measurements(line: &str) -> String {
    let timed_out = line.ends_with("Status: timeout");
    let field = |field: &str| match field.split_once(": ") {
        Some((name @ ("Duration" | "Init Duration"), _)) => format!("{name}: # ms"),
        Some((name @ "Billed Duration", _)) if !timed_out => format!("{name}: # ms"),
        _ => field.to_owned(),
    };
    line.split('\t').map(field).collect::<Vec<_>>().join("  ")
}

#[tokio::test]
async fn reported_by_fail() {
    assert_snapshot!(ending(WAT_FAIL, NO_LIMITS).await, @r#"
    Reported(ReportedError { error_type: "Teapot", error_message: "short and stout", stack_trace: [], written: Some(b"{\"errorType\":\"Teapot\",\"errorMessage\":\"short and stout\",\"stackTrace\":[]}") })

    Handled: {"errorType":"Teapot","errorMessage":"short and stout","stackTrace":[]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms
    "#);
}

#[tokio::test]
async fn reported_by_a_component() {
    assert_snapshot!(ending(ERROR_ADHOC_COMPONENT, NO_LIMITS).await, @r#"
    Reported(ReportedError { error_type: "Runtime.UnmarshalError", error_message: "missing field `error_type` at line 1 column 7", stack_trace: [], written: None })

    Handled: {"errorType":"Runtime.UnmarshalError","errorMessage":"missing field `error_type` at line 1 column 7","stackTrace":[]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 2 MB  Init Duration: # ms
    "#);
}

#[tokio::test]
async fn reported_by_a_command() {
    assert_snapshot!(ending(WAT_COMMAND_EXIT3_WITH_ERROR_OBJECT, NO_LIMITS).await, @r#"
    Reported(ReportedError { error_type: "Bad", error_message: "no", stack_trace: [], written: Some(b"{\"errorType\":\"Bad\",\"errorMessage\":\"no\"}") })

    Handled: {"errorType":"Bad","errorMessage":"no"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    about to fail
    {"errorType":"Bad","errorMessage":"no"}
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms
    "#);
}

#[tokio::test]
async fn timed_out() {
    assert_snapshot!(ending(WAT_LOOP_HANDLE, SHORT_TIME).await, @r#"
    TimedOut { limit: 100ms, phase: Invoke }

    Unhandled: {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task timed out after 0.10 seconds"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: 100 ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: timeout
    "#);
}

#[tokio::test]
async fn timed_out_during_init() {
    assert_snapshot!(ending(WAT_LOOP_START, SHORT_TIME).await, @r#"
    TimedOut { limit: 100ms, phase: Init }

    Unhandled: {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task timed out after 0.10 seconds"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: 100 ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Status: timeout
    "#);
}

#[tokio::test]
async fn out_of_memory() {
    assert_snapshot!(ending(WAT_GROW_TOO_MUCH_AT_ONCE_THEN_TRAP, NO_LIMITS).await, @r#"
    OutOfMemory { wanted_bytes: 4294967296, limit_bytes: 134217728, phase: Invoke }

    Unhandled: {"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: killed"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: killed
    Runtime.OutOfMemory
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.OutOfMemory
    "#);
}

#[tokio::test]
async fn out_of_memory_during_init() {
    assert_snapshot!(ending(WAT_MEMORY_INITIAL_TOO_LARGE, NO_LIMITS).await, @r#"
    OutOfMemory { wanted_bytes: 536870912, limit_bytes: 134217728, phase: Init }

    Unhandled: {"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: killed"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: killed
    Runtime.OutOfMemory
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 0 MB  Status: error  Error Type: Runtime.OutOfMemory
    "#);
}

#[tokio::test]
async fn out_of_fuel() {
    assert_snapshot!(ending(WAT_LOOP_HANDLE, LITTLE_FUEL).await, @r#"
    OutOfFuel { budget: 10000, phase: Invoke }

    Unhandled: {"errorType":"Sandbox.FuelExhausted","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task used up its fuel budget of 10000"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task used up its fuel budget of 10000
    Sandbox.FuelExhausted
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Sandbox.FuelExhausted
    "#);
}

#[tokio::test]
async fn out_of_fuel_during_init() {
    assert_snapshot!(ending(WAT_LOOP_INITIALIZE, LITTLE_FUEL).await, @r#"
    OutOfFuel { budget: 10000, phase: Init }

    Unhandled: {"errorType":"Sandbox.FuelExhausted","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task used up its fuel budget of 10000"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Task used up its fuel budget of 10000
    Sandbox.FuelExhausted
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Status: error  Error Type: Sandbox.FuelExhausted
    "#);
}

#[tokio::test]
async fn stack_overflow() {
    assert_snapshot!(ending(WAT_RECURSION_ENDLESS, NO_LIMITS).await, @r#"
    StackOverflow { frames: [Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }], phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault","stackTrace":["call stack exhausted","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn stack_overflow_during_init() {
    assert_snapshot!(ending(WAT_RECURSION_IN_START, NO_LIMITS).await, @r#"
    StackOverflow { frames: [Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }, Frame { function: "descend", file: None, line: None, column: None }], phase: Init }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault","stackTrace":["call stack exhausted","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend","    at descend"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn trapped() {
    assert_snapshot!(ending(WAT_TRAP_UNREACHABLE, NO_LIMITS).await, @r#"
    Trapped { trap: Unreachable, message: None, frames: [Frame { function: "<wasm function 0>", file: None, line: None, column: None }], phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted","stackTrace":["unreachable code was executed","    at <wasm function 0>"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn trapped_during_init() {
    assert_snapshot!(ending(WAT_TRAP_IN_START, NO_LIMITS).await, @r#"
    Trapped { trap: Unreachable, message: None, frames: [Frame { function: "start", file: None, line: None, column: None }], phase: Init }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted","stackTrace":["unreachable code was executed","    at start"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn trapped_with_a_message() {
    assert_snapshot!(ending(WAT_PANICKED_THEN_TRAP, NO_LIMITS).await, @r#"
    Trapped { trap: Unreachable, message: Some("the kettle is dry"), frames: [Frame { function: "<wasm function 1>", file: None, line: None, column: None }], phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted","stackTrace":["the kettle is dry","    at <wasm function 1>"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: aborted
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn trapped_by_a_wrong_argument_of_an_import() {
    let source = r#"(module (import "fnhost_v1" "respond" (func $respond (param i32 i32))) (memory (export "memory") 1)
        (func $answer (export "handle") (call $respond (i32.const 65530) (i32.const 7))))"#;
    assert_snapshot!(run(Code::bytes(wat::parse_str(source).unwrap()), NO_LIMITS).await, @r#"
    Trapped { trap: BadHostArgument, message: Some("respond: 0xfffa..0x10001 lies outside of the memory, which has 0x10000 bytes"), frames: [Frame { function: "answer", file: None, line: None, column: None }], phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault","stackTrace":["respond: 0xfffa..0x10001 lies outside of the memory, which has 0x10000 bytes","    at answer"]}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: signal: segmentation fault
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

/// Each trap, with the signal that its message names.
#[tokio::test]
async fn every_trap_has_a_signal() {
    let mut signals = Vec::new();
    for path in [
        WAT_TRAP_UNREACHABLE,
        WAT_TRAP_OUT_OF_BOUNDS,
        WAT_TRAP_INDIRECT_OUT_OF_BOUNDS,
        WAT_TRAP_INDIRECT_NULL,
        WAT_TRAP_INDIRECT_WRONG_TYPE,
        WAT_TRAP_INT_OVERFLOW,
        WAT_TRAP_DIV_ZERO,
    ] {
        let ending = ending(path, NO_LIMITS).await;
        let payload: Value =
            serde_json::from_str(ending.lines().nth(2).unwrap().strip_prefix("Unhandled: ").unwrap()).unwrap();
        signals.push(format!(
            "{}: {}, {}",
            payload["errorType"].as_str().unwrap(),
            payload["errorMessage"].as_str().unwrap().rsplit(": ").next().unwrap(),
            payload["stackTrace"][0].as_str().unwrap(),
        ));
    }
    assert_snapshot!(signals.join("\n"), @r#"
    Runtime.ExitError: aborted, unreachable code was executed
    Runtime.ExitError: segmentation fault, out of bounds memory access
    Runtime.ExitError: segmentation fault, out of bounds table access
    Runtime.ExitError: illegal instruction, indirect call to null
    Runtime.ExitError: illegal instruction, indirect call type mismatch
    Runtime.ExitError: floating point exception, integer overflow
    Runtime.ExitError: floating point exception, integer divide by zero
    "#);
}

#[tokio::test]
async fn exited_with_a_code() {
    assert_snapshot!(ending(WAT_EXIT3, NO_LIMITS).await, @r#"
    Exited { code: 3, phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: exit status 3"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: exit status 3
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn exited_without_a_response() {
    assert_snapshot!(ending(WAT_EXIT0, NO_LIMITS).await, @r#"
    Exited { code: 0, phase: Invoke }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited without providing a reason"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited without providing a reason
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn exited_during_init() {
    assert_snapshot!(ending(WAT_EXIT_IN_INITIALIZE, NO_LIMITS).await, @r#"
    Exited { code: 3, phase: Init }

    Unhandled: {"errorType":"Runtime.ExitError","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: exit status 3"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Runtime exited with error: exit status 3
    Runtime.ExitError
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Status: error  Error Type: Runtime.ExitError
    "#);
}

#[tokio::test]
async fn response_not_json() {
    assert_snapshot!(ending(WAT_RESPOND_NOT_JSON, NO_LIMITS).await, @r#"
    BadResponse(NotJson { reason: "expected value at line 1 column 1" })

    Unhandled: {"errorType":"Runtime.MarshalError","errorMessage":"The function's response is not JSON: expected value at line 1 column 1"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.MarshalError
    "#);
}

#[tokio::test]
async fn response_not_utf8() {
    assert_snapshot!(ending(WAT_RESPOND_NOT_UTF8, NO_LIMITS).await, @r#"
    BadResponse(NotJson { reason: "invalid utf-8 sequence of 1 bytes from index 2" })

    Unhandled: {"errorType":"Runtime.MarshalError","errorMessage":"The function's response is not JSON: invalid utf-8 sequence of 1 bytes from index 2"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.MarshalError
    "#);
}

#[tokio::test]
async fn not_an_error_object() {
    assert_snapshot!(ending(WAT_FAIL_WRONG_SHAPE, NO_LIMITS).await, @r#"
    BadResponse(NotAnErrorObject { reason: "invalid type: integer `1`, expected a string at line 1 column 14" })

    Unhandled: {"errorType":"Runtime.MarshalError","errorMessage":"The function reported an error that is not a JSON object with errorType, errorMessage and stackTrace: invalid type: integer `1`, expected a string at line 1 column 14"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.MarshalError
    "#);
}

/// A list of the three values is no object, although it could be read as one.
#[tokio::test]
async fn a_list_is_not_an_error_object() {
    let source = r#"(module (import "fnhost_v1" "fail" (func $fail (param i32 i32))) (memory (export "memory") 1)
        (data (i32.const 0) "[\"Teapot\",\"short\",[]]")
        (func (export "handle") (call $fail (i32.const 0) (i32.const 21))))"#;
    assert_snapshot!(run(Code::bytes(wat::parse_str(source).unwrap()), NO_LIMITS).await, @r#"
    BadResponse(NotAnErrorObject { reason: "it is no object" })

    Unhandled: {"errorType":"Runtime.MarshalError","errorMessage":"The function reported an error that is not a JSON object with errorType, errorMessage and stackTrace: it is no object"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.MarshalError
    "#);
}

#[tokio::test]
async fn response_too_large() {
    assert_snapshot!(ending(WAT_RESPOND_ONE_BYTE_TOO_LARGE, NO_LIMITS).await, @r#"
    ResponseTooLarge { bytes: 6291557, limit_bytes: 6291556 }

    Unhandled: {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 7 MB  Init Duration: # ms  Status: error  Error Type: Function.ResponseSizeTooLarge
    "#);
}

/// An error obeys the limit of a response, too.
#[tokio::test]
async fn error_too_large() {
    let message = "x".repeat(fnhost::limits::RESPONSE_BYTES_MAX);
    let code = Code::native(move |_: Value, _| {
        let error = ReportedError::new("Wordy", message.clone());
        async move { Err::<Value, _>(error) }
    });
    assert_snapshot!(run(code, NO_LIMITS).await, @r#"
    ResponseTooLarge { bytes: 6291611, limit_bytes: 6291556 }

    Unhandled: {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 0 MB  Status: error  Error Type: Function.ResponseSizeTooLarge
    "#);
}

#[tokio::test]
async fn host_function_panicked() {
    assert_snapshot!(ending(WAT_CALLS_HOST, NO_LIMITS).await, @r#"
    Panicked { place: HostFunction("echo"), message: Some("the bell cracked") }

    Unhandled: {"errorType":"Runtime.HostPanic","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Host function 'echo' panicked: the bell cracked"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Host function 'echo' panicked: the bell cracked
    Runtime.HostPanic
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 1 MB  Init Duration: # ms  Status: error  Error Type: Runtime.HostPanic
    "#);
}

#[tokio::test]
async fn native_function_panicked() {
    let code = Code::native(|_: Value, _| async {
        if true { panic!("no kettle") } else { Ok::<Value, ReportedError>(Value::Null) }
    });
    assert_snapshot!(run(code, NO_LIMITS).await, @r#"
    Panicked { place: NativeFunction, message: Some("no kettle") }

    Unhandled: {"errorType":"Runtime.HostPanic","errorMessage":"RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Native function panicked: no kettle"}

    START RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Version: $LATEST
    RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5 Error: Native function panicked: no kettle
    Runtime.HostPanic
    END RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5
    REPORT RequestId: 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5  Duration: # ms  Billed Duration: # ms  Memory Size: 128 MB  Max Memory Used: 0 MB  Status: error  Error Type: Runtime.HostPanic
    "#);
}
