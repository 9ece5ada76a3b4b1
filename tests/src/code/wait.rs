//! Callers that don't wait until their code is compiled.

use super::echoes;
use crate::test_host::{builder, refused};
use fixture_artifacts::{ECHO_CORE, THUMBNAIL_COMPONENT, THUMBNAIL_CORE};
use fnhost::error::CreateFunctionError;
use fnhost::function::ReportedError;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, InvocationContext};
use serde_json::Value;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// A host that compiles one module at a time.
fn host(compile_wait: Duration) -> Host {
    let mut limits = SandboxLimits::default();
    (limits.sandboxes_max, limits.compile_slots, limits.compile_wait) = (50, 1, compile_wait);
    builder().sandbox_limits(limits).build().unwrap()
}

#[tokio::test]
async fn the_host_says_so_and_works_on() {
    let host = host(Duration::ZERO);
    let native = Code::native(|event: Value, _: InvocationContext| async move { Ok::<_, ReportedError>(event) });
    host.create_function("native", native).await.unwrap();

    let error = host.create_function("f", Code::file(THUMBNAIL_CORE)).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("ServiceException", 500));
    let CreateFunctionError::Service(error) = error else { panic!("{error}") };
    assert_eq!(error.to_string(), "the function's code could not be compiled");
    assert_eq!(error.source.to_string(), "the code was not compiled within 0 ms");

    assert_eq!(refused(host.get_function("f").await).1, 404);
    echoes(&host, "native").await;
    // An update that gives up leaves the function as it was.
    assert_eq!(refused(host.update_function_code("native", Code::file(THUMBNAIL_CORE)).await).1, 500);
    echoes(&host, "native").await;
}

/// Dropping the future gives up, too. Those behind it in the line have their turn.
#[tokio::test]
async fn a_dropped_request_is_gone() {
    let host = host(Duration::from_secs(300));
    for code in [THUMBNAIL_CORE, THUMBNAIL_COMPONENT, THUMBNAIL_CORE] {
        let mut create = host.create_function("f", Code::file(code)).into_future();
        // Until something has begun that is waited for.
        let begun = poll_fn(|cx| Poll::Ready(create.as_mut().poll(cx).is_pending())).await;
        assert!(begun);
        tokio::task::yield_now().await;
    }
    host.create_function("g", Code::file(ECHO_CORE)).await.unwrap();
    echoes(&host, "g").await;
    assert_eq!(refused(host.get_function("f").await).1, 404);
}
