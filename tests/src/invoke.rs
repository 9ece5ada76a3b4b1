//! Invoke: what a caller sends, what the function sees of it, what the caller gets back.

mod client_context;
mod context;
mod environment;
mod log_tail;
mod payload;
mod receipt;

pub(crate) use context::core_and_component as context;

use crate::test_host::{self, arn, host_with, invoke, refused};
use fixture_artifacts::{ECHO_CORE, ERROR_ADHOC_CORE};
use fnhost::{Code, InvocationContext, InvocationType, RequestId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn request_response() {
    let host = host_with("f", ECHO_CORE).await;
    let response = host.invoke("f").payload("[1]").await.unwrap();
    assert_eq!((response.status, &*response.payload, &response.function_error), (200, b"[1]".as_slice(), &None));
    assert_eq!(response.executed_version.unwrap().to_string(), "$LATEST");
    assert!(response.receipt.is_some());
    assert_eq!((response.log_tail(), response.log_result(), response.function_error_kind()), (None, None, None));
}

/// Failed functions are answers like others: the status stays 200.
#[tokio::test]
async fn a_function_error_is_an_answer() {
    let host = host_with("f", ERROR_ADHOC_CORE).await;
    let response = invoke(&host, "f", json!({"error_type": "E", "message": "m"})).await;
    assert_eq!((response.status, response.function_error_kind().unwrap().as_str()), (200, "Handled"));
    assert_eq!(response.executed_version.unwrap().to_string(), "$LATEST");
    assert!(response.receipt.is_some() && response.log_tail().is_some());
}

#[tokio::test]
async fn dry_run_runs_nothing() {
    let host = test_host::host();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let native = Code::native(move |_: Value, _: InvocationContext| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, fnhost::function::ReportedError>(()) }
    });
    host.create_function("f", native).await.unwrap();
    let id = RequestId::random();
    let dry_run = |name: &str| host.invoke(name).invocation_type(InvocationType::DryRun).request_id(id).tail_logs();
    let response = dry_run("f").await.unwrap();
    assert_eq!((response.status, response.request_id, response.payload.len()), (204, id, 0));
    assert_eq!((response.executed_version, response.log_tail()), (None, None));
    assert!(response.receipt.is_none() && response.function_error.is_none());
    // It is refused where the invocation would be.
    let not_found = ("ResourceNotFoundException", 404, format!("Function not found: {}", arn("f:live")));
    assert_eq!(refused(dry_run("f:live").await), not_found);
    assert_eq!(refused(dry_run("f").payload("{").await).1, 400);
    assert_eq!(refused(dry_run("f").client_context("?").await).1, 400);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_request_id_is_the_callers_or_a_fresh_one() {
    let host = host_with("f", ECHO_CORE).await;
    let id: RequestId = "8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5".parse().unwrap();
    assert_eq!(host.invoke("f").request_id(id).await.unwrap().request_id, id);
    let (one, other) = (host.invoke("f").await.unwrap().request_id, host.invoke("f").await.unwrap().request_id);
    assert_ne!(one, other);
    // Lower-case UUIDs of version 4.
    let text = one.to_string();
    assert_eq!((text.len(), &text[14..15], text.to_lowercase()), (36, "4", text.clone()));
    let refusal = "8f507cfc".parse::<RequestId>().unwrap_err().to_string();
    assert_eq!(refusal, "the request id '8f507cfc' is not a UUID such as 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5");
}

#[tokio::test]
async fn the_executed_version_is_a_number_or_latest_and_never_an_alias() {
    let host = host_with("f", ECHO_CORE).await;
    let v1 = host.publish_version("f").await.unwrap();
    host.create_alias("f", "live", v1).await.unwrap();
    host.create_alias("f", "head", "$LATEST").await.unwrap();
    for (name, version) in
        [("f", "$LATEST"), ("f:$LATEST", "$LATEST"), ("f:1", "1"), ("f:live", "1"), ("f:head", "$LATEST")]
    {
        let response = host.invoke(name).await.unwrap();
        assert_eq!(response.executed_version.unwrap().to_string(), version, "{name}");
    }
}

#[test]
fn without_a_runtime() {
    let host = test_host::host();
    host.create_function("f", Code::file(ECHO_CORE)).wait().unwrap();
    let response = host.invoke("f").payload("[1]").wait().unwrap();
    assert_eq!(&*response.payload, b"[1]");
}

/// Waiting would block a thread that others need.
#[tokio::test]
async fn the_blocking_facade_refuses_a_runtimes_thread() {
    let host = host_with("f", ECHO_CORE).await;
    let error = host.invoke("f").wait().unwrap_err();
    assert_eq!(error.code(), "ServiceException");
    let fnhost::error::InvokeError::Service(error) = error else { panic!("{error}") };
    assert!(error.source.is::<fnhost::CalledInRuntime>());
}
