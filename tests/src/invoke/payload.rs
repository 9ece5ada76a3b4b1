//! Payloads: any JSON, up to Lambda's sizes.

use crate::test_host::{host_with, invoke, refused};
use fixture_artifacts::{BIG_RESPONSE_CORE, ECHO_COMPONENT, ECHO_CORE};
use fnhost::InvocationType;
use serde_json::json;

const SYNC_BYTES_MAX: usize = 6_291_456;
const EVENT_BYTES_MAX: usize = 1_048_576;
const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// A JSON string of so many bytes.
fn string_of(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[tokio::test]
async fn every_kind_of_json() {
    for guest in [ECHO_CORE, ECHO_COMPONENT] {
        let host = host_with("f", guest).await;
        for payload in ["{\"a\":{}}", "[]", "\"text\"", "-1.5", "true", "null", "0"] {
            let response = host.invoke("f").payload(payload).await.unwrap();
            assert_eq!((&*response.payload, response.function_error), (payload.as_bytes(), None), "{guest}");
        }
        // Blanks around a value are JSON.
        assert_eq!(&*host.invoke("f").payload(" \n [1 ,2]\t").await.unwrap().payload, b"[1,2]");
    }
}

#[tokio::test]
async fn none_is_an_empty_object() {
    let host = host_with("f", ECHO_CORE).await;
    let (none, empty) = (host.invoke("f").await.unwrap(), host.invoke("f").payload("").await.unwrap());
    assert_eq!((&*none.payload, &*empty.payload), (b"{}".as_slice(), b"{}".as_slice()));
    assert_eq!(none.receipt.unwrap().payload_bytes, 2);
}

#[tokio::test]
async fn the_largest_request() {
    for guest in [ECHO_CORE, ECHO_COMPONENT] {
        let host = host_with("f", guest).await;
        let response = host.invoke("f").payload(string_of(SYNC_BYTES_MAX)).await.unwrap();
        assert_eq!((response.payload.len(), response.function_error), (SYNC_BYTES_MAX, None), "{guest}");
    }
    let host = host_with("f", ECHO_CORE).await;
    let text = "Request must be smaller than 6291456 bytes for the InvokeFunction operation".to_owned();
    let refusal = ("RequestEntityTooLargeException", 413, text);
    assert_eq!(refused(host.invoke("f").payload(string_of(SYNC_BYTES_MAX + 1)).await), refusal);
    // From a value, and before anything else is looked at.
    assert_eq!(refused(host.invoke("f").json(&"x".repeat(SYNC_BYTES_MAX)).unwrap().await), refusal);
    assert_eq!(refused(host.invoke("f").payload(vec![0xff; SYNC_BYTES_MAX + 1]).await), refusal);
}

#[tokio::test]
async fn the_largest_event() {
    let host = host_with("f", ECHO_CORE).await;
    let event = |bytes| host.invoke("f").invocation_type(InvocationType::Event).payload(string_of(bytes));
    assert_eq!(event(EVENT_BYTES_MAX).await.unwrap().status, 202);
    let text = "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)".to_owned();
    assert_eq!(refused(event(EVENT_BYTES_MAX + 1).await), ("RequestEntityTooLargeException", 413, text));
    // A dry run is checked as the synchronous call that it stands for.
    let dry_run = host.invoke("f").invocation_type(InvocationType::DryRun).payload(string_of(EVENT_BYTES_MAX + 1));
    assert_eq!(dry_run.await.unwrap().status, 204);
}

#[tokio::test]
async fn the_largest_response() {
    let host = host_with("f", BIG_RESPONSE_CORE).await;
    let response = invoke(&host, "f", json!({"bytes": RESPONSE_BYTES_MAX})).await;
    assert_eq!((response.payload.len(), response.function_error), (RESPONSE_BYTES_MAX, None));

    let response = invoke(&host, "f", json!({"bytes": RESPONSE_BYTES_MAX + 1})).await;
    assert_eq!((response.status, response.function_error_kind().unwrap().as_str()), (200, "Unhandled"));
    let expected = json!({
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    });
    assert_eq!(response.json::<serde_json::Value>().unwrap(), expected);
    assert_eq!(response.receipt.unwrap().response_bytes, response.payload.len());
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_its_place() {
    let host = host_with("f", ECHO_CORE).await;
    for (payload, line, column) in [
        (b"x".as_slice(), 1, 1),
        (b"{\"a\":\n 1,\n}", 3, 1),
        (b"[1] 2", 1, 5),
        (b"[1,", 1, 3),
        (b"\"a\nb\"", 1, 2),
        (b"\n\n", 3, 1),
        (b"{'a':1}", 1, 2),
        (b"NaN", 1, 1),
        // Not UTF-8: a byte that begins nothing; in a string, after a letter of two bytes.
        (b"\x87", 1, 1),
        (b"{\n\"\xc3\xbc\xff\":1}", 2, 4),
    ] {
        for invocation_type in [InvocationType::RequestResponse, InvocationType::Event, InvocationType::DryRun] {
            let answer = host.invoke("f").payload(payload.to_vec()).invocation_type(invocation_type).await;
            let (code, status, text) = refused(answer);
            assert_eq!((code, status), ("InvalidRequestContentException", 400));
            let begin = "Could not parse request body into json: Could not parse payload into json: ";
            let end = format!(
                "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
            );
            let detail = text.strip_prefix(begin).and_then(|text| text.strip_suffix(&end));
            let detail = detail.unwrap_or_else(|| panic!("{:?}: {text}", payload.escape_ascii().to_string()));
            // The place is said once.
            assert!(!detail.is_empty() && !detail.contains(" at line "), "{text}");
        }
    }
    let text = refused(host.invoke("f").payload(b"\x87".as_slice()).await).2;
    assert!(text.contains("Invalid UTF-8 start byte 0x87\n"), "{text}");
}

/// Nesting is the function's affair: looking at a payload takes no stack.
#[tokio::test]
async fn deeply_nested_json_is_json() {
    let host = host_with("f", ECHO_CORE).await;
    let depth = 1_000_000;
    let payload = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let response = host.invoke("f").invocation_type(InvocationType::DryRun).payload(payload).await.unwrap();
    assert_eq!(response.status, 204);
}
