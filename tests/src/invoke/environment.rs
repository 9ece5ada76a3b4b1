//! The environment that a function sees.

use crate::test_host::{self, refused};
use fixture_artifacts::{ENV_COMPONENT, ENV_CORE};
use fnhost::limits::TRACE_ID_BYTES_MAX;
use fnhost::{Code, Host, InvocationType};
use std::collections::BTreeMap;

async fn seen(host: &Host, name: &str) -> BTreeMap<String, String> {
    let response = host.invoke(name).trace_id("Root=1-a-b").await.unwrap();
    assert_eq!(response.function_error, None);
    response.json().unwrap()
}

#[tokio::test]
async fn the_functions_own_and_lambdas() {
    for guest in [ENV_CORE, ENV_COMPONENT] {
        let host = Host::builder().concurrency_max(50).region("eu-central-1").build().unwrap();
        let create =
            host.create_function("f", Code::file(guest)).env("OWN", "1").memory_mb(256).handler("main.handler");
        create.publish(true).await.unwrap();
        let mut seen = seen(&host, "f:1").await;
        let stream = seen.remove("AWS_LAMBDA_LOG_STREAM_NAME").unwrap();
        assert!(stream.contains("/[1]"), "{stream}");
        let engine = seen.remove("AWS_EXECUTION_ENV").unwrap();
        assert!(engine.starts_with("fnhost_"), "{engine}");
        let expected = [
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
            ("AWS_REGION", "eu-central-1"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LANG", "en_US.UTF-8"),
            ("OWN", "1"),
            ("TZ", ":UTC"),
            ("_HANDLER", "main.handler"),
            ("_X_AMZN_TRACE_ID", "Root=1-a-b"),
        ];
        let seen: Vec<(&str, &str)> = seen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(seen, expected, "{guest}");
    }
}

/// Lambda reserves neither of the two: a function that sets them has them.
#[tokio::test]
async fn what_is_not_reserved_is_the_functions() {
    for guest in [ENV_CORE, ENV_COMPONENT] {
        let host = test_host::host();
        let create = host.create_function("f", Code::file(guest)).env("TZ", "Europe/Berlin").env("LANG", "de_DE.UTF-8");
        create.await.unwrap();
        let seen = seen(&host, "f").await;
        assert_eq!((seen["TZ"].as_str(), seen["LANG"].as_str()), ("Europe/Berlin", "de_DE.UTF-8"), "{guest}");
    }
}

#[tokio::test]
async fn reserved_names_are_refused() {
    let host = test_host::host();
    let create = host.create_function("f", Code::file(ENV_CORE)).env("AWS_REGION", "x").env("LAMBDA_TASK_ROOT", "y");
    let text = "Lambda was unable to configure your environment variables because the environment variables you have \
                provided contains reserved keys that are currently not supported for modification. Reserved keys used \
                in this request: AWS_REGION, LAMBDA_TASK_ROOT";
    assert_eq!(refused(create.env("FINE", "").await), ("InvalidParameterValueException", 400, text.to_owned()));

    host.create_function("f", Code::file(ENV_CORE)).env("OLD", "1").await.unwrap();
    let update = host.update_function_configuration("f").env("AWS_SESSION_TOKEN", "x");
    assert!(refused(update.await).2.ends_with("Reserved keys used in this request: AWS_SESSION_TOKEN"));
    // Nothing has changed.
    assert_eq!(seen(&host, "f").await["OLD"], "1");
}

#[tokio::test]
async fn malformed_names_are_refused() {
    let host = test_host::host();
    let answer = host.create_function("f", Code::file(ENV_CORE)).env("1A", "x").await;
    let text = "1 validation error detected: Value '{1A=x}' at 'environment.variables' failed to satisfy constraint: Map \
                keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]";
    assert_eq!(refused(answer), ("ValidationException", 400, text.to_owned()));
}

#[tokio::test]
async fn four_kibibytes_of_json() {
    for guest in [ENV_CORE, ENV_COMPONENT] {
        let host = test_host::host();
        // {"KEY":""} is 10 bytes.
        let create = |value_bytes| host.create_function("f", Code::file(guest)).env("KEY", "x".repeat(value_bytes));
        let text = format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided \
             exceeded the 4KB limit. String measured: {{\"KEY\":\"{}\"}}",
            "x".repeat(4_087)
        );
        assert_eq!(refused(create(4_087).await), ("InvalidParameterValueException", 400, text));
        create(4_086).await.unwrap();
        assert_eq!(seen(&host, "f").await["KEY"].len(), 4_086, "{guest}");
    }
}

/// It becomes an environment variable, and a part of each event in a queue.
#[tokio::test]
async fn a_trace_id_is_short_and_without_control_characters() {
    let host = test_host::host();
    host.create_function("f", Code::file(ENV_CORE)).await.unwrap();
    for kind in [InvocationType::RequestResponse, InvocationType::Event, InvocationType::DryRun] {
        let invoke = |trace_id: &str| host.invoke("f").invocation_type(kind).trace_id(trace_id);
        assert!(invoke(&"x".repeat(TRACE_ID_BYTES_MAX)).await.is_ok());
        for wrong in [&"x".repeat(TRACE_ID_BYTES_MAX + 1), "Root=1\0", "Root=1\nRoot=2"] {
            let bytes = wrong.len();
            let text = format!("the trace id has {bytes} bytes: it may have 1024, and no control characters");
            assert_eq!(refused(invoke(wrong).await), ("InvalidRequestContentException", 400, text));
        }
    }
}
