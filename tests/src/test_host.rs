//! A host for a test, and the shortest ways to put a function on it.

use fnhost::function::{FunctionError, Trap};
use fnhost::{Code, Host, HostBuilder, Response};
use serde_json::Value;

/// A small host: a test needs few sandboxes, and address space is finite.
pub(crate) fn builder() -> HostBuilder {
    Host::builder().concurrency_max(50)
}

/// A small host with every other default.
pub(crate) fn host() -> Host {
    builder().build().unwrap()
}

/// A small host with one function: `path` is one of the constants of `fixture_artifacts`.
pub(crate) async fn host_with(function: &str, path: &str) -> Host {
    let host = host();
    host.create_function(function, Code::file(path)).await.unwrap();
    host
}

/// An endless guest with 16 MiB of memory: more than those may have that stay in their caller's task.
pub(crate) fn large_and_endless() -> Code {
    let module = r#"(module (memory (export "memory") 0x100) (func (export "handle") (loop $forever (br $forever))))"#;
    Code::bytes(wat::parse_str(module).unwrap())
}

/// So much work that the guest is moved to the host's workers. Its function has a `(local $left i64)`.
pub(crate) const WORK: &str = "
    (local.set $left (i64.const 30000000))
    (loop $work
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br_if $work (i64.ne (local.get $left) (i64.const 0))))";

/// A guest that calls the host functions `before`, does [`WORK`], and calls those of `after`. Each is called with `null`.
pub(crate) fn calls_around_work(before: &[&str], after: &[&str]) -> Code {
    let mut names = String::new();
    let mut calls = |functions: &[&str]| {
        functions.iter().fold(String::new(), |calls, name| {
            let at = 4 + names.len();
            names.push_str(name);
            format!(
                "{calls} (drop (call $call (i32.const {at}) (i32.const {}) (i32.const 0) (i32.const 4)))",
                name.len()
            )
        })
    };
    let (before, after) = (calls(before), calls(after));
    let module = format!(
        r#"(module
            (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "null{names}")
            (func (export "handle") (local $left i64)
                {before}
                {WORK}
                {after}))"#
    );
    Code::bytes(wat::parse_str(module).unwrap())
}

/// Invokes with a JSON value.
pub(crate) async fn invoke(host: &Host, function: &str, event: Value) -> Response {
    host.invoke(function).json(&event).unwrap().tail_logs().await.unwrap()
}

/// The payload as JSON.
pub(crate) fn payload(response: &Response) -> Value {
    response.json().unwrap()
}

/// The log tail as text.
pub(crate) fn log(response: &Response) -> String {
    String::from_utf8(response.log_tail().unwrap().to_vec()).unwrap()
}

/// What a refusal says: AWS's name of the exception, the HTTP status, the text.
pub(crate) fn refused<T: std::fmt::Debug>(
    result: Result<T, impl Into<fnhost::error::Error>>,
) -> (&'static str, u16, String) {
    let error = result.unwrap_err().into();
    (error.code(), error.status(), error.to_string())
}

/// The ARN on a test's host: `f`, or `f:live`.
pub(crate) fn arn(function: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{function}")
}

/// How an invocation ended, in one line.
pub(crate) fn ending(response: &Response) -> String {
    let text = |bytes: &[u8]| match bytes.len() {
        0..=200 => String::from_utf8_lossy(bytes).into_owned(),
        length => format!("{length} bytes"),
    };
    let Some(error) = &response.function_error else { return format!("success {}", text(&response.payload)) };
    match error {
        FunctionError::Reported(reported) => format!("reported {}: {}", reported.error_type, reported.error_message),
        FunctionError::TimedOut { phase, .. } => format!("timeout in {phase:?}"),
        FunctionError::OutOfMemory { phase, .. } => format!("out of memory in {phase:?}"),
        FunctionError::OutOfFuel { phase, .. } => format!("out of fuel in {phase:?}"),
        FunctionError::StackOverflow { phase, .. } => format!("stack overflow in {phase:?}"),
        FunctionError::Trapped { trap: Trap::BadHostArgument, message: Some(message), phase, .. } => {
            format!("bad argument in {phase:?}: {message}")
        }
        FunctionError::Trapped { trap, message: None, phase, .. } => format!("trap in {phase:?}: {trap}"),
        FunctionError::Trapped { trap, message: Some(message), phase, .. } => {
            format!("trap in {phase:?}: {trap}: {message}")
        }
        FunctionError::Exited { code, phase } => format!("exit {code} in {phase:?}"),
        FunctionError::BadResponse(bad) => format!("bad response: {bad}"),
        FunctionError::ResponseTooLarge { bytes, .. } => format!("response too large: {bytes}"),
        FunctionError::Panicked { place, message } => format!("panicked {place:?}: {message:?}"),
    }
}
