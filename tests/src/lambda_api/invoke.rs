//! Invocations over HTTP: every header in and out.

use super::{TestServer, invalid, refusal};
use crate::test_host::arn;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fixture_artifacts as fixtures;
use serde_json::{Value, json};

const PATH: &str = "/2015-03-31/functions/f/invocations";

async fn server_with(fixture: &str) -> TestServer {
    let server = TestServer::start().await;
    server.create("f", fixture, json!({})).await.ok(201);
    server
}

#[tokio::test]
async fn a_synchronous_invocation_answers_with_the_result() {
    let server = server_with(fixtures::WAT_ECHO).await;
    // Blanks and order are the client's: the payload goes through byte for byte.
    let payload = b"{ \"b\" : 1,\"a\":[null, 2.50] }";
    let answer = server.send_with("POST", PATH, &[], payload).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, payload.as_slice()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!((answer.header("x-amz-function-error"), answer.header("x-amz-log-result")), (None, None));
    assert_eq!(server.send_with("POST", PATH, &[], b"").await.body, b"{}");
}

#[tokio::test]
async fn qualifiers_stand_in_the_query_or_in_the_name() {
    let server = server_with(fixtures::CONTEXT_CORE).await;
    server.send("POST", "/2015-03-31/functions/f/versions", Value::Null).await.ok(201);
    let alias = json!({"Name": "live", "FunctionVersion": "1"});
    server.send("POST", "/2015-03-31/functions/f/aliases", alias).await.ok(201);
    let encoded = arn("f:live").replace(':', "%3A");
    for (path, invoked) in [
        (format!("{PATH}?Qualifier=live"), "f:live"),
        (PATH.replace("/f/", "/f:live/"), "f:live"),
        (PATH.replace("/f/", &format!("/{encoded}/")), "f:live"),
        (PATH.replace("/f/", &format!("/{}/", arn("f:live"))), "f:live"),
        (format!("{PATH}?Qualifier=1"), "f:1"),
        (format!("{PATH}?Qualifier=live").replace("/f/", "/f:live/"), "f:live"),
    ] {
        let answer = server.send("POST", &path, json!({})).await;
        assert_eq!(answer.header("x-amz-executed-version"), Some("1"), "{path}");
        assert_eq!(answer.ok(200)["invoked_function_arn"], arn(invoked), "{path}");
    }
    for (path, invoked) in [(PATH.to_owned(), "f"), (format!("{PATH}?Qualifier=%24LATEST"), "f:$LATEST")] {
        let answer = server.send("POST", &path, json!({})).await;
        assert_eq!(answer.header("x-amz-executed-version"), Some("$LATEST"), "{path}");
        assert_eq!(answer.ok(200)["invoked_function_arn"], arn(invoked), "{path}");
    }
    let mismatch = server.send("POST", &format!("{PATH}?Qualifier=1").replace("/f/", "/f:live/"), json!({})).await;
    assert_eq!(
        mismatch.refused(),
        refusal(
            400,
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    );
}

#[tokio::test]
async fn request_id_and_client_context_reach_the_function() {
    let server = server_with(fixtures::CONTEXT_CORE).await;
    let context = STANDARD.encode(r#"{"client":{"app":"x"}}"#);
    let id = "6f1b6f5a-0d62-4c5e-9a39-0d3a6a1f1d11";
    let headers = [("X-Amz-Client-Context", context.as_str()), ("x-amzn-RequestId", id)];
    let answer = server.send_with("POST", PATH, &headers, b"{}").await;
    assert_eq!(answer.header("x-amzn-requestid"), Some(id));
    let seen = answer.ok(200);
    assert_eq!((&seen["request_id"], &seen["client"]), (&json!(id), &json!({"client": {"app": "x"}})));
    let wrong = server.send_with("POST", PATH, &[("X-Amz-Client-Context", "e30")], b"{}").await;
    assert_eq!(
        wrong.refused(),
        refusal(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
    );
    // One id for the request, also where nothing is invoked.
    let missing = server.send_with("GET", "/2015-03-31/functions/g", &[("x-amzn-RequestId", id)], b"").await;
    assert_eq!((missing.status, missing.header("x-amzn-requestid")), (404, Some(id)));
    let wrong = server.send_with("POST", PATH, &[("x-amzn-RequestId", "7")], b"{}").await;
    let text = "the request id '7' is not a UUID such as 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5";
    assert_eq!(wrong.refused(), refusal(400, "InvalidRequestContentException", text));
}

#[tokio::test]
async fn every_invocation_is_a_part_of_a_trace() {
    let server = server_with(fixtures::CONTEXT_CORE).await;
    let given = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let answer = server.send_with("POST", PATH, &[("X-Amzn-Trace-Id", given)], b"{}").await;
    assert_eq!((answer.header("x-amzn-trace-id"), &answer.ok(200)["trace_id"]), (Some(given), &json!(given)));
    let answer = server.send("POST", PATH, json!({})).await;
    let made = answer.header("x-amzn-trace-id").unwrap();
    assert!(made.len() == 50 && made.starts_with("Root=1-") && made.ends_with(";Sampled=0"), "{made}");
    assert_eq!(answer.ok(200)["trace_id"], made);
}

#[tokio::test]
async fn the_log_tail_comes_when_asked_for() {
    let server = server_with(fixtures::LOG_LINES_CORE).await;
    let answer = server.send_with("POST", PATH, &[("X-Amz-Log-Type", "Tail")], br#"{"lines": 1}"#).await;
    let log = STANDARD.decode(answer.header("x-amz-log-result").unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("START RequestId: ") && log.contains("\nREPORT RequestId: "), "{log}");
    let answer = server.send_with("POST", PATH, &[("X-Amz-Log-Type", "None")], br#"{"lines": 1}"#).await;
    assert_eq!(answer.header("x-amz-log-result"), None);
}

#[tokio::test]
async fn function_errors_are_answers() {
    let server = server_with(fixtures::ERROR_ADHOC_CORE).await;
    let answer = server.send("POST", PATH, json!({})).await;
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Handled")));
    assert!(answer.json()["errorMessage"].is_string());
    let server = server_with(fixtures::WAT_TRAP_UNREACHABLE).await;
    let answer = server.send("POST", PATH, json!({})).await;
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Unhandled")));
    assert_eq!(answer.json()["errorType"], "Runtime.ExitError");
    let server = server_with(fixtures::WAT_LOOP_HANDLE).await;
    server.configure("f", json!({"Timeout": 1})).await;
    let answer = server.send("POST", PATH, json!({})).await;
    assert_eq!(answer.json()["errorType"], "Sandbox.Timedout");
}

#[tokio::test]
async fn events_and_dry_runs_have_no_body() {
    let server = server_with(fixtures::WAT_ECHO).await;
    for (kind, status) in [("Event", 202), ("DryRun", 204)] {
        let answer = server.send_with("POST", PATH, &[("X-Amz-Invocation-Type", kind)], b"{}").await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
        assert_eq!((answer.header("x-amz-executed-version"), answer.header("x-amz-function-error")), (None, None));
        let missing = PATH.replace("/f/", "/g/");
        let answer = server.send_with("POST", &missing, &[("X-Amz-Invocation-Type", kind)], b"{}").await;
        let text = format!("Function not found: {}", arn("g:$LATEST"));
        assert_eq!(answer.refused(), refusal(404, "ResourceNotFoundException", &text));
    }
    let old = server.send("POST", "/2014-11-13/functions/f/invoke-async/", json!({})).await;
    assert_eq!(old.ok(202), json!({"Status": 202}));
}

/// As in Lambda, the client's context and the log are for who waits for the answer; what is wrong is wrong for all.
#[tokio::test]
async fn what_events_do_not_take_along() {
    let server = server_with(fixtures::CONTEXT_CORE).await;
    let event = ("X-Amz-Invocation-Type", "Event");
    let context = STANDARD.encode("{}");
    let headers = [event, ("X-Amz-Client-Context", context.as_str()), ("X-Amz-Log-Type", "Tail")];
    let answer = server.send_with("POST", PATH, &headers, b"{}").await;
    assert_eq!((answer.status, answer.header("x-amz-log-result")), (202, None));
    for (header, code) in [
        (("X-Amz-Client-Context", "e30"), "InvalidRequestContentException"),
        (("X-Amz-Log-Type", "x"), "ValidationException"),
    ] {
        let answer = server.send_with("POST", PATH, &[event, header], b"{}").await;
        assert_eq!((answer.status, answer.refused().1.as_str()), (400, code));
    }
}

#[tokio::test]
async fn what_can_not_be_invoked_is_refused_at_once() {
    let server = server_with(fixtures::WAT_ECHO).await;
    for kind in ["RequestResponse", "Event"] {
        let answer = server.send_with("POST", PATH, &[("X-Amz-Invocation-Type", kind)], b"{]").await;
        let (status, code, text) = answer.refused();
        assert_eq!((status, code.as_str()), (400, "InvalidRequestContentException"));
        let begin = "Could not parse request body into json: Could not parse payload into json: ";
        assert!(text.starts_with(begin), "{text}");
    }
    let answer = server.send_with("POST", PATH, &[("X-Amz-Invocation-Type", "Async")], b"{}").await;
    let constraint = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]";
    assert_eq!(answer.refused(), invalid("'Async'", "invocationType", constraint));
    let answer = server.send_with("POST", PATH, &[("X-Amz-Log-Type", "All")], b"{}").await;
    assert_eq!(answer.refused(), invalid("'All'", "logType", "Member must satisfy enum value set: [None, Tail]"));
    let answer = server.send_with("POST", PATH, &[("X-Amz-Tenant-Id", "t")], b"{}").await;
    let text = "TenantId of Invoke is not supported by this host.";
    assert_eq!(answer.refused(), refusal(400, "InvalidParameterValueException", text));
}

#[tokio::test]
async fn payloads_have_lambdas_limits() {
    let server = server_with(fixtures::WAT_ECHO).await;
    let json_of = |bytes: usize| [b"\"", "x".repeat(bytes - 2).as_bytes(), b"\""].concat();
    let largest = json_of(6_291_456);
    let answer = server.send_with("POST", PATH, &[], &largest).await;
    assert!(answer.status == 200 && answer.body == largest);
    let answer = server.send_with("POST", PATH, &[], &json_of(6_291_457)).await;
    let text = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
    assert_eq!(answer.refused(), refusal(413, "RequestEntityTooLargeException", text));
    assert_eq!(answer.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    let event = [("X-Amz-Invocation-Type", "Event")];
    assert_eq!(server.send_with("POST", PATH, &event, &json_of(1_048_576)).await.status, 202);
    let answer = server.send_with("POST", PATH, &event, &json_of(1_048_577)).await;
    let text = "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)";
    assert_eq!(answer.refused(), refusal(413, "RequestEntityTooLargeException", text));
}

#[tokio::test]
async fn a_throttle_says_why() {
    let server = server_with(fixtures::WAT_ECHO).await;
    let stop = json!({"ReservedConcurrentExecutions": 0});
    server.send("PUT", "/2017-10-31/functions/f/concurrency", stop).await.ok(200);
    let answer = server.send("POST", PATH, json!({})).await;
    assert_eq!(
        (answer.status, answer.json()),
        (
            429,
            json!({
                "Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                "message": "Rate Exceeded.",
            })
        )
    );
}
