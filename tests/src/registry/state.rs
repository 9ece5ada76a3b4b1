//! Functions that are answered for before they are ready, as Lambda does it.

use crate::test_host::{self, invoke, payload, refused};
use crate::waiting::BOUND;
use fixture_artifacts::{ECHO_CORE, WAT_MEMORY64};
use fnhost::function::{FunctionConfiguration, FunctionState, LastUpdateStatus, ReportedError, StateReasonCode};
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::time::Duration;

/// What Lambda's waiters do.
async fn settled(host: &Host, function: &str) -> FunctionConfiguration {
    loop {
        let shown = host.get_function(function).await.unwrap();
        let in_progress = shown.last_update == Some(LastUpdateStatus::InProgress);
        if shown.state != FunctionState::Pending && !in_progress {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn created_pending_then_active() {
    let host = test_host::host();
    let created = host.create_function("f", Code::file(ECHO_CORE)).publish(true).in_background(true).await.unwrap();
    assert_eq!((&created.state, &created.last_update), (&FunctionState::Pending, &None));
    assert_eq!((created.version.to_string().as_str(), created.code_size > 0), ("1", true));
    for name in ["f", "f:1"] {
        let active = settled(&host, name).await;
        assert_eq!((&active.state, &active.last_update), (&FunctionState::Active, &Some(LastUpdateStatus::Successful)));
        assert!(active.revision_id != created.revision_id && active.code_sha256 == created.code_sha256);
        assert_eq!(payload(&invoke(&host, name, json!([1])).await), json!([1]));
    }
    // Without it, the answer is the function as it will be.
    let ready = host.create_function("g", Code::file(ECHO_CORE)).await.unwrap();
    assert_eq!((&ready.state, &ready.last_update), (&FunctionState::Active, &Some(LastUpdateStatus::Successful)));
    assert_eq!(host.get_function("g").await.unwrap(), ready);
}

/// An update that comes at the same time finds the function or does not; if it is answered, it comes to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_while_it_is_updated() {
    let host = test_host::host();
    for _ in 0..200 {
        let native = Code::native(|_: Value, _| async { Ok::<_, ReportedError>(()) });
        let creating = tokio::spawn(host.create_function("f", native).into_future());
        let update = || host.update_function_configuration("f").description("new").in_background(true);
        while let Err(error) = update().await {
            assert_eq!(error.code(), "ResourceNotFoundException");
        }
        creating.await.unwrap().unwrap();
        let settled = tokio::time::timeout(BOUND, settled(&host, "f")).await.expect("the update ends");
        assert_eq!((settled.description.as_str(), settled.last_update), ("new", Some(LastUpdateStatus::Successful)));
        host.delete_function("f").await.unwrap();
    }
}

#[tokio::test]
async fn a_creation_that_fails() {
    let host = test_host::host();
    host.create_function("f", Code::file(WAT_MEMORY64)).in_background(true).await.unwrap();
    let failed = settled(&host, "f").await;
    let FunctionState::Failed(reason) = &failed.state else { panic!("{:?}", failed.state) };
    assert_eq!(reason.code, StateReasonCode::FunctionError);
    assert!(reason.message.starts_with("The guest module can't be compiled: "), "{}", reason.message);
    let text =
        "The operation cannot be performed at this time. The function is currently in the following state: Failed";
    let conflict = ("ResourceConflictException", 409, text.to_owned());
    assert_eq!(refused(host.invoke("f").await), conflict);
    assert_eq!(refused(host.publish_version("f").await), conflict);
    // Another setting does not mend it, other code does.
    let error = host.update_function_configuration("f").timeout_secs(1).await.unwrap_err();
    assert_eq!(error.code(), "InvalidParameterValueException");
    assert_eq!(host.update_function_code("f", Code::file(ECHO_CORE)).await.unwrap().state, FunctionState::Active);
    assert_eq!(payload(&invoke(&host, "f", json!(7)).await), json!(7));
}

#[tokio::test]
async fn an_update_that_fails_leaves_what_was_there() {
    let host = test_host::host();
    let created = host.create_function("f", Code::file(ECHO_CORE)).await.unwrap();
    let update = host.update_function_code("f", Code::file(WAT_MEMORY64)).in_background(true).await.unwrap();
    assert_eq!((&update.state, &update.last_update), (&FunctionState::Active, &Some(LastUpdateStatus::InProgress)));
    assert_ne!(update.code_sha256, created.code_sha256);
    // Meanwhile and after it, the old code answers.
    assert_eq!(payload(&invoke(&host, "f", json!(1)).await), json!(1));
    let failed = settled(&host, "f").await;
    assert!(matches!(&failed.last_update, Some(LastUpdateStatus::Failed(_))), "{:?}", failed.last_update);
    assert_eq!((&failed.state, failed.code_sha256), (&FunctionState::Active, created.code_sha256));
    assert_eq!(payload(&invoke(&host, "f", json!(2)).await), json!(2));
    // The next update wipes that out.
    let settings = host.update_function_configuration("f").fuel(1_000_000_000).in_background(true).await.unwrap();
    assert_eq!(settings.last_update, Some(LastUpdateStatus::InProgress));
    let updated = settled(&host, "f").await;
    assert_eq!((&updated.last_update, updated.fuel), (&Some(LastUpdateStatus::Successful), Some(1_000_000_000)));
    assert!(invoke(&host, "f", json!(3)).await.receipt.unwrap().fuel_used.is_some());
}

#[tokio::test]
async fn a_dry_run_says_what_would_be() {
    let host = test_host::host();
    let created = host.create_function("f", Code::file(ECHO_CORE)).await.unwrap();
    let bad = host.update_function_code("f", Code::file(WAT_MEMORY64)).dry_run(true).in_background(true).await;
    assert_eq!(refused(bad).0, "InvalidParameterValueException");
    assert_eq!(host.get_function("f").await.unwrap(), created);
}
