//! aws-sdk-rust against the server that the Rust test has started.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_sdk_lambda::Client;
use aws_sdk_lambda::client::Waiters;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, InvocationType, LogType, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// A client with nothing changed but its endpoint, its key and its retries.
fn client(secret: &str) -> Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(std::env::var("FNHOST_ENDPOINT").unwrap())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDRUST", secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn create(client: &Client, function: &str, fixture: &str) {
    let code = std::fs::read(std::env::var(fixture).unwrap()).unwrap();
    let code = FunctionCode::builder().zip_file(Blob::new(code)).build();
    let create = client.create_function().function_name(function).role("arn:aws:iam::000000000000:role/any").code(code);
    let created = create.send().await.unwrap();
    assert_eq!(created.state(), Some(&State::Pending));
    let wait = client.wait_until_function_active_v2().function_name(function);
    wait.wait(Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn from_creation_to_deletion() {
    let client = client("secret");
    create(&client, "lives", "FNHOST_FIXTURE_ECHO").await;
    let version = client.publish_version().function_name("lives").send().await.unwrap();
    assert_eq!(version.version(), Some("1"));
    client.create_alias().function_name("lives").name("live").function_version("1").send().await.unwrap();
    let invoke = client.invoke().function_name("lives").qualifier("live").log_type(LogType::Tail);
    let answer = invoke.payload(Blob::new(r#"{"a":1}"#)).send().await.unwrap();
    assert_eq!((answer.status_code(), answer.executed_version()), (200, Some("1")));
    assert_eq!(answer.payload().unwrap().as_ref(), br#"{"a":1}"#);
    assert_eq!(answer.function_error(), None);
    let log = STANDARD.decode(answer.log_result().unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("REPORT RequestId: "));
    let event = client.invoke().function_name("lives").invocation_type(InvocationType::Event).send().await.unwrap();
    assert_eq!(event.status_code(), 202);
    client.update_function_configuration().function_name("lives").timeout(5).send().await.unwrap();
    let wait = client.wait_until_function_updated_v2().function_name("lives");
    wait.wait(Duration::from_secs(60)).await.unwrap();
    let pages = client.list_versions_by_function().function_name("lives").into_paginator().page_size(1).items().send();
    let versions = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let versions: Vec<_> = versions.iter().map(|version| version.version().unwrap()).collect();
    assert_eq!(versions, ["$LATEST", "1"]);
    client.delete_function().function_name("lives").send().await.unwrap();
    assert!(
        client
            .get_function()
            .function_name("lives")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

#[tokio::test]
async fn failures_are_told_apart() {
    let client = client("secret");
    create(&client, "fails", "FNHOST_FIXTURE_ERROR").await;
    let failed = client.invoke().function_name("fails").payload(Blob::new("{}")).send().await.unwrap();
    assert_eq!((failed.status_code(), failed.function_error()), (200, Some("Handled")));
    let stop = client.put_function_concurrency().function_name("fails").reserved_concurrent_executions(0);
    stop.send().await.unwrap();
    match client.invoke().function_name("fails").send().await.unwrap_err().into_service_error() {
        InvokeError::TooManyRequestsException(throttle) => {
            assert_eq!(throttle.message(), Some("Rate Exceeded."));
            let reason = throttle.reason().unwrap().as_str();
            assert_eq!(reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let refused = client("guessed").list_functions().send().await.unwrap_err();
    let SdkError::ServiceError(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.raw().status().as_u16(), 403);
    assert_eq!(refused.err().meta().code(), Some("InvalidSignatureException"));
}
