//! How a function of the Rust SDK fails, and what its caller is told.

use crate::test_host::{host_with, invoke, log, payload};
use fixture_artifacts::*;
use fnhost::Response;
use fnhost::function::{FunctionError, FunctionErrorKind, Phase, Trap};
use serde_json::{Value, json};

const TRAP_DEEP_SOURCE: &str = include_str!("../../../fixtures/rust/trap_deep/src/main.rs");
const PANICS_SOURCE: &str = include_str!("../../../fixtures/rust/guests/src/bin/panics.rs");

/// The line, counted from 1, that has this text.
fn line_of(source: &str, text: &str) -> usize {
    source.lines().position(|line| line.contains(text)).unwrap() + 1
}

fn stack_trace(response: &Response) -> Vec<String> {
    serde_json::from_value(payload(response)["stackTrace"].clone()).unwrap()
}

fn exit_error(response: &Response, reason: &str) -> Value {
    json!(format!("RequestId: {} Error: Runtime exited {reason}", response.request_id))
}

#[tokio::test]
pub(crate) async fn typed_error() {
    for guest in [ERROR_TYPED_CORE, ERROR_TYPED_COMPONENT] {
        let host = host_with("f", guest).await;
        for (pieces, causes) in [("7", json!([])), ("many", json!(["caused by: invalid digit found in string"]))] {
            let response = invoke(&host, "f", json!({"pieces": pieces})).await;
            let message = format!("{pieces} pieces are more than there are");
            let expected = json!({"errorType": "OutOfStock", "errorMessage": message, "stackTrace": causes});
            assert_eq!(payload(&response), expected, "{guest}");
            assert_eq!(
                (response.status, response.function_error_kind()),
                (200, Some(FunctionErrorKind::Handled)),
                "{guest}"
            );
        }
    }
}

#[tokio::test]
pub(crate) async fn ad_hoc_error() {
    for guest in [ERROR_ADHOC_CORE, ERROR_ADHOC_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!({"error_type": "Shop.Closed", "message": "come \"tomorrow\""})).await;
        let expected = json!({"errorType": "Shop.Closed", "errorMessage": "come \"tomorrow\"", "stackTrace": []});
        assert_eq!(
            (payload(&response), response.function_error_kind().unwrap().as_str()),
            (expected, "Handled"),
            "{guest}"
        );

        // An event that is not of the handler's type is an error of the function, too.
        let response = invoke(&host, "f", json!([])).await;
        assert_eq!(response.function_error_kind(), Some(FunctionErrorKind::Handled), "{guest}");
        assert_eq!(payload(&response)["errorType"], "Runtime.UnmarshalError", "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn panic() {
    let line = line_of(PANICS_SOURCE, "panic!(");
    for guest in [PANICS_CORE, PANICS_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!({"message": "no more paper"})).await;
        assert_eq!(response.function_error_kind().unwrap().as_str(), "Unhandled", "{guest}");
        assert_eq!(payload(&response)["errorType"], "Runtime.ExitError", "{guest}");
        assert_eq!(payload(&response)["errorMessage"], exit_error(&response, "with error: signal: aborted"), "{guest}");
        let first = &stack_trace(&response)[0];
        assert_eq!(*first, format!("no more paper, guests/src/bin/panics.rs:{line}:5"), "{guest}");

        let log = log(&response);
        assert!(log.contains("half a line"), "{guest}: {log}");
        assert!(
            log.contains(&format!("panicked at guests/src/bin/panics.rs:{line}:5:\nno more paper\n")),
            "{guest}: {log}"
        );
        assert!(
            log.contains("Error: Runtime exited with error: signal: aborted\nRuntime.ExitError\nEND "),
            "{guest}: {log}"
        );
        let FunctionError::Trapped { trap: Trap::Unreachable, phase: Phase::Invoke, .. } =
            response.function_error.unwrap()
        else {
            panic!("{guest}: not a trap in the handler");
        };
    }
}

#[tokio::test]
pub(crate) async fn exit() {
    for guest in [EXIT_CORE, EXIT_COMPONENT] {
        let host = host_with("f", guest).await;
        // A component can only say whether it failed: WASI's second preview has no other exit.
        let status = if guest == EXIT_CORE { 42 } else { 1 };
        let reason = format!("with error: exit status {status}");
        for (code, reason) in [(0, "without providing a reason"), (42, reason.as_str())] {
            let response = invoke(&host, "f", json!({"code": code})).await;
            let expected = json!({"errorType": "Runtime.ExitError", "errorMessage": exit_error(&response, reason)});
            assert_eq!(
                (payload(&response), response.function_error_kind().unwrap().as_str()),
                (expected, "Unhandled"),
                "{guest}"
            );
            // What was still in the buffer of stdout is not lost.
            assert!(log(&response).contains(&format!("\nexiting with {code}\n")), "{guest}: {}", log(&response));
        }
    }
}

#[tokio::test]
pub(crate) async fn deep_trap() {
    let line = |text| line_of(TRAP_DEEP_SOURCE, text);
    let (begin, end) = (line("fn innermost("), line("fn trap("));
    for guest in [TRAP_DEEP_CORE, TRAP_DEEP_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!("unreachable")).await;
        let trace = stack_trace(&response);
        assert_eq!(trace[0], "unreachable code was executed", "{guest}");
        // Which line of the innermost function an instruction belongs to that has no successor is the compiler's choice.
        let innermost = (begin..end).any(|line| is_at(&trace[1], "innermost", line));
        assert!(innermost, "{guest}: {trace:#?}");
        assert!(is_at(&trace[2], "middle", line("black_box(innermost(event)) + 1")), "{guest}: {trace:#?}");
        assert!(is_at(&trace[3], "outer", line("black_box(middle(event)) + 1")), "{guest}: {trace:#?}");
        assert!(is_at(&trace[4], "trap_deep", line("Ok(outer(&event))")), "{guest}: {trace:#?}");

        let response = invoke(&host, "f", json!("index")).await;
        let trace = stack_trace(&response);
        let line = line("Event::Index => black_box");
        let message = "index out of bounds: the len is 3 but the index is 7, trap_deep/src/main.rs";
        assert!(trace[0].starts_with(&format!("{message}:{line}:")), "{guest}: {trace:#?}");
        assert!(trace.iter().any(|frame| is_at(frame, "innermost", line)), "{guest}: {trace:#?}");
    }
}

/// Whether a frame is in a function of `trap_deep`, at a line.
fn is_at(frame: &str, function: &str, line: usize) -> bool {
    let (name, place) = frame.trim_start().split_once(" (").unwrap_or_default();
    (name == format!("at {function}") || name.ends_with(&format!("::{function}")))
        && place.contains(&format!("fixtures/rust/trap_deep/src/main.rs:{line}:"))
}

/// Rust keeps arrays on a stack of its own in the memory, 1 MiB of it, which may end before the engine's does: either is
/// a segmentation fault.
#[tokio::test]
pub(crate) async fn endless_recursion() {
    for guest in [RECURSE_CORE, RECURSE_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", Value::Null).await;
        let expected = exit_error(&response, "with error: signal: segmentation fault");
        assert_eq!(
            (&payload(&response)["errorMessage"], response.function_error_kind().unwrap().as_str()),
            (&expected, "Unhandled")
        );
        let trace = stack_trace(&response);
        assert!(
            ["call stack exhausted", "out of bounds memory access"].contains(&trace[0].as_str()),
            "{guest}: {trace:#?}"
        );
        // The recursion is what is seen of the stack.
        assert!((3..=66).contains(&trace.len()) && trace[1] == trace[2], "{guest}: {trace:#?}");
    }
}
