//! The Rust SDK, from both sides: what the guests of `fixtures/rust` do, as core modules and as components.

mod failure;
mod thumbnail;

pub(crate) use failure::{ad_hoc_error, deep_trap, endless_recursion, exit, panic, typed_error};
pub(crate) use thumbnail::the_main_job as thumbnail;

use crate::test_host::{self, builder, host_with, invoke, log, payload};
use fixture_artifacts::*;
use fnhost::function::ReportedError;
use fnhost::{Code, InvocationContext};
use serde_json::{Value, json};

#[tokio::test]
pub(crate) async fn echo() {
    let event =
        json!({"text": "Grüße, \u{1F600} \" \\ \n", "number": -1.5e300, "list": [1, [2, {"three": null}]], "": true});
    for guest in [ECHO_CORE, ECHO_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", event.clone()).await;
        assert_eq!((payload(&response), response.function_error), (event.clone(), None), "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn log_lines() {
    for guest in [LOG_LINES_CORE, LOG_LINES_COMPONENT] {
        let host = host_with("f", guest).await;
        for stderr in [false, true] {
            let response = invoke(&host, "f", json!({"lines": 3, "stderr": stderr})).await;
            assert_eq!(payload(&response), 3);
            let log = log(&response);
            let written: Vec<&str> = log.lines().filter(|line| line.starts_with("line ")).collect();
            assert_eq!(written, ["line 1", "line 2", "line 3"], "{guest}, stderr {stderr}: {log}");
        }
    }
}

#[tokio::test]
pub(crate) async fn env() {
    for guest in [ENV_CORE, ENV_COMPONENT] {
        let host = test_host::host();
        host.create_function("f", Code::file(guest)).env("GREETING", "Grüße = ja\n").env("EMPTY", "").await.unwrap();
        let seen = payload(&invoke(&host, "f", Value::Null).await);
        assert_eq!((&seen["GREETING"], &seen["EMPTY"]), (&json!("Grüße = ja\n"), &json!("")), "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn host_calls() {
    for guest in [HOST_CALL_CORE, HOST_CALL_COMPONENT] {
        let host = builder()
            .host_function("add", |numbers: Vec<i64>, _: InvocationContext| async move {
                Ok::<_, ReportedError>(numbers.iter().sum::<i64>())
            })
            .host_function("refuse", |reason: String, _: InvocationContext| async move {
                Err::<(), _>(ReportedError::new("Refused", reason))
            })
            .host_function("secret", |(): (), _: InvocationContext| async move { Ok::<_, ReportedError>("secret") })
            .build()
            .unwrap();
        host.create_function("f", Code::file(guest)).grants(["add", "refuse"]).await.unwrap();
        let call =
            async |name: &str, input: Value| payload(&invoke(&host, "f", json!({"name": name, "input": input})).await);

        assert_eq!(call("add", json!([40, 2])).await, json!({"output": 42}), "{guest}");
        let refused = json!({"error": {"errorType": "Refused", "errorMessage": "no reason", "stackTrace": []}});
        assert_eq!(call("refuse", json!("no reason")).await, refused, "{guest}");
        // What has the wrong form never reaches the closure.
        assert_eq!(call("add", json!("forty-two")).await["error"]["errorType"], "Runtime.UnmarshalError", "{guest}");
        // What was not granted, and what there is not, look the same.
        let (not_granted, unknown) = (call("secret", Value::Null).await, call("nonsense", Value::Null).await);
        assert_eq!(not_granted["error"]["errorType"], unknown["error"]["errorType"], "{guest}");
        let text = |error: &Value| error["error"]["errorMessage"].as_str().unwrap().to_owned();
        assert_eq!(text(&not_granted).replace("secret", "nonsense"), text(&unknown), "{guest}");
        assert!(text(&not_granted).contains("secret"), "{guest}: {not_granted}");
    }
}

#[tokio::test]
pub(crate) async fn big_response() {
    for guest in [BIG_RESPONSE_CORE, BIG_RESPONSE_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!({"bytes": 6 * 1024 * 1024 + 2})).await;
        assert_eq!(response.function_error, None, "{guest}");
        assert_eq!(response.payload.len(), 6 * 1024 * 1024 + 2);
        assert!(response.payload.starts_with(b"\"xxx") && response.payload.ends_with(b"xxx\""));
    }
}

#[tokio::test]
pub(crate) async fn command() {
    for guest in [COMMAND_UPPER_CORE, COMMAND_UPPER_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!({"text": "straße"})).await;
        assert_eq!(payload(&response), json!({"text": "STRASSE"}), "{guest}");
        assert!(log(&response).contains("\nread 18 bytes\n"), "{guest}: {}", log(&response));

        let response = invoke(&host, "f", json!({"fail": true})).await;
        let error = json!({"errorType": "Refused", "errorMessage": "the event asked for it"});
        assert_eq!(
            (payload(&response), response.function_error_kind().unwrap().as_str()),
            (error, "Handled"),
            "{guest}"
        );

        let response = invoke(&host, "f", json!({"silent": true})).await;
        assert_eq!((payload(&response), response.function_error), (Value::Null, None), "{guest}");
    }
}

/// A program built for WASI's second preview can only say that it failed; one for the first has an exit code.
#[tokio::test]
pub(crate) async fn exit_code_of_a_command() {
    for (guest, code) in [(COMMAND_UPPER_CORE, 7), (COMMAND_UPPER_COMPONENT, 1)] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", json!({"exit": 7})).await;
        let text = format!("RequestId: {} Error: Runtime exited with error: exit status {code}", response.request_id);
        assert_eq!(payload(&response), json!({"errorType": "Runtime.ExitError", "errorMessage": text}), "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn random() {
    for guest in [RANDOM_CORE, RANDOM_COMPONENT] {
        let host = host_with("f", guest).await;
        let (one, other) =
            (payload(&invoke(&host, "f", Value::Null).await), payload(&invoke(&host, "f", Value::Null).await));
        assert_ne!(one["hash"], other["hash"], "{guest}");
        assert_ne!(one["bytes"], other["bytes"], "{guest}");
        let wall = |reply: &Value| reply["wall_ms"].as_u64().unwrap();
        assert!(wall(&one) <= wall(&other), "{guest}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(
            u128::from(wall(&one)) <= now.as_millis() && u128::from(wall(&one)) + 600_000 > now.as_millis(),
            "{guest}"
        );
    }
}

/// Waiting and computing, each in its own way: what deadlines do to them is tested with the deadlines.
#[tokio::test]
pub(crate) async fn sleep_and_spin() {
    for (guest, event) in [
        (SLEEP_CORE, json!({"ms": 1})),
        (SLEEP_COMPONENT, json!({"ms": 1})),
        (SPIN_CORE, json!({"ms": 1})),
        (SPIN_COMPONENT, json!({"ms": 1})),
    ] {
        let host = host_with("f", guest).await;
        let response = invoke(&host, "f", event).await;
        assert!(payload(&response).as_u64().unwrap() >= 1, "{guest}");
        assert!(response.receipt.unwrap().duration.as_micros() >= 1_000, "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn memory() {
    for guest in [ALLOCATE_CORE, ALLOCATE_COMPONENT] {
        let host = test_host::host();
        host.create_function("f", Code::file(guest)).memory_mb(16).await.unwrap();
        let response = invoke(&host, "f", json!({"mb": 8})).await;
        assert_eq!(payload(&response), 8 << 20, "{guest}");
        assert!(response.receipt.unwrap().memory_peak_bytes > 8 << 20, "{guest}");

        let response = invoke(&host, "f", json!({"mb": 16})).await;
        assert_eq!(payload(&response)["errorType"], "Runtime.OutOfMemory", "{guest}");
    }
}

#[tokio::test]
pub(crate) async fn refused_memory() {
    for guest in [ALLOCATE_CHECKED_CORE, ALLOCATE_CHECKED_COMPONENT] {
        let host = test_host::host();
        host.create_function("f", Code::file(guest)).memory_mb(16).await.unwrap();
        for (mb, refused) in [(1, false), (16, true)] {
            let response = invoke(&host, "f", json!({"mb": mb})).await;
            assert_eq!(
                (payload(&response), response.function_error),
                (json!({"refused": refused}), None),
                "{guest}, {mb}"
            );
        }
    }
}
