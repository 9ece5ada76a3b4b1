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
    assert_snapshot!(ending(WAT_FAIL, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn reported_by_a_component() {
    assert_snapshot!(ending(ERROR_ADHOC_COMPONENT, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn reported_by_a_command() {
    assert_snapshot!(ending(WAT_COMMAND_EXIT3_WITH_ERROR_OBJECT, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn timed_out() {
    assert_snapshot!(ending(WAT_LOOP_HANDLE, SHORT_TIME).await, @"");
}

#[tokio::test]
async fn timed_out_during_init() {
    assert_snapshot!(ending(WAT_LOOP_START, SHORT_TIME).await, @"");
}

#[tokio::test]
async fn out_of_memory() {
    assert_snapshot!(ending(WAT_GROW_TOO_MUCH_AT_ONCE_THEN_TRAP, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn out_of_memory_during_init() {
    assert_snapshot!(ending(WAT_MEMORY_INITIAL_TOO_LARGE, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn out_of_fuel() {
    assert_snapshot!(ending(WAT_LOOP_HANDLE, LITTLE_FUEL).await, @"");
}

#[tokio::test]
async fn out_of_fuel_during_init() {
    assert_snapshot!(ending(WAT_LOOP_INITIALIZE, LITTLE_FUEL).await, @"");
}

#[tokio::test]
async fn stack_overflow() {
    let ending = ending(WAT_RECURSION_ENDLESS, NO_LIMITS).await;
    // How many frames fit depends on the machine's code.
    assert_snapshot!(without_frames(&ending), @"");
}

#[tokio::test]
async fn stack_overflow_during_init() {
    let ending = ending(WAT_RECURSION_IN_START, NO_LIMITS).await;
    assert_snapshot!(without_frames(&ending), @"");
}

#[tokio::test]
async fn trapped() {
    assert_snapshot!(ending(WAT_TRAP_UNREACHABLE, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn trapped_during_init() {
    assert_snapshot!(ending(WAT_TRAP_IN_START, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn trapped_with_a_message() {
    assert_snapshot!(ending(WAT_PANICKED_THEN_TRAP, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn trapped_by_a_wrong_argument_of_an_import() {
    let source = r#"(module (import "fnhost_v1" "respond" (func $respond (param i32 i32))) (memory (export "memory") 1)
        (func $answer (export "handle") (call $respond (i32.const 65530) (i32.const 7))))"#;
    assert_snapshot!(run(Code::bytes(wat::parse_str(source).unwrap()), NO_LIMITS).await, @"");
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
    assert_snapshot!(signals.join("\n"), @"");
}

#[tokio::test]
async fn exited_with_a_code() {
    assert_snapshot!(ending(WAT_EXIT3, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn exited_without_a_response() {
    assert_snapshot!(ending(WAT_EXIT0, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn exited_during_init() {
    assert_snapshot!(ending(WAT_EXIT_IN_INITIALIZE, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn response_not_json() {
    assert_snapshot!(ending(WAT_RESPOND_NOT_JSON, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn response_not_utf8() {
    assert_snapshot!(ending(WAT_RESPOND_NOT_UTF8, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn not_an_error_object() {
    assert_snapshot!(ending(WAT_FAIL_WRONG_SHAPE, NO_LIMITS).await, @"");
}

/// A list of the three values is no object, although it could be read as one.
#[tokio::test]
async fn a_list_is_not_an_error_object() {
    let source = r#"(module (import "fnhost_v1" "fail" (func $fail (param i32 i32))) (memory (export "memory") 1)
        (data (i32.const 0) "[\"Teapot\",\"short\",[]]")
        (func (export "handle") (call $fail (i32.const 0) (i32.const 21))))"#;
    assert_snapshot!(run(Code::bytes(wat::parse_str(source).unwrap()), NO_LIMITS).await, @"");
}

#[tokio::test]
async fn response_too_large() {
    assert_snapshot!(ending(WAT_RESPOND_ONE_BYTE_TOO_LARGE, NO_LIMITS).await, @"");
}

/// An error obeys the limit of a response, too.
#[tokio::test]
async fn error_too_large() {
    let message = "x".repeat(fnhost::limits::RESPONSE_BYTES_MAX);
    let code = Code::native(move |_: Value, _| {
        let error = ReportedError::new("Wordy", message.clone());
        async move { Err::<Value, _>(error) }
    });
    assert_snapshot!(run(code, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn host_function_panicked() {
    assert_snapshot!(ending(WAT_CALLS_HOST, NO_LIMITS).await, @"");
}

#[tokio::test]
async fn native_function_panicked() {
    let code = Code::native(|_: Value, _| async {
        if true { panic!("no kettle") } else { Ok::<Value, ReportedError>(Value::Null) }
    });
    assert_snapshot!(run(code, NO_LIMITS).await, @"");
}

/// The deepest of many equal frames differ only in number.
fn without_frames(ending: &str) -> String {
    let variant = ending.lines().next().unwrap();
    let phase = &variant[variant.rfind("phase").unwrap()..];
    let (_, rest) = ending.split_once("\n\n").unwrap();
    let (payload, log) = rest.split_once("\n\n").unwrap();
    let cut = payload.find("frames left out").unwrap();
    let first =
        payload[..cut].rsplit_once('<').unwrap().0.split(",\"    at ").take(3).collect::<Vec<_>>().join(",\"    at ");
    format!("StackOverflow {{ …, {phase}\n\n{first},…\n\n{log}")
}
