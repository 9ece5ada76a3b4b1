//! The context that a function sees.

use crate::test_host::{self, arn};
use fixture_artifacts::{CONTEXT_COMPONENT, CONTEXT_CORE};
use fnhost::{Code, Host, RequestId};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

async fn seen(host: &Host, name: &str, id: RequestId) -> Value {
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0";
    let response = host.invoke(name).payload("{}").request_id(id).trace_id(trace).await.unwrap();
    assert_eq!(response.function_error, None);
    let reply: Value = response.json().unwrap();
    assert_eq!(reply["trace_id"], trace);
    reply
}

fn unix_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
pub(crate) async fn core_and_component() {
    for guest in [CONTEXT_CORE, CONTEXT_COMPONENT] {
        let host = test_host::host();
        host.create_function("f", Code::file(guest)).memory_mb(192).timeout_secs(10).publish(true).await.unwrap();
        host.create_alias("f", "live", 1).await.unwrap();
        for (name, version, invoked) in [
            ("f", "$LATEST", "f"),
            ("f:$LATEST", "$LATEST", "f:$LATEST"),
            ("f:1", "1", "f:1"),
            ("f:live", "1", "f:live"),
            ("000000000000:function:f:live", "1", "f:live"),
        ] {
            let id = RequestId::random();
            let before = unix_ms();
            let mut reply = seen(&host, name, id).await;
            let after = unix_ms();

            let stream = reply["log_stream_name"].take();
            let (date, rest) = stream.as_str().unwrap().split_at(10);
            assert!(date.chars().all(|c| c == '/' || c.is_ascii_digit()) && date.matches('/').count() == 2, "{stream}");
            let unique = rest.strip_prefix(&format!("/[{version}]")).unwrap_or_else(|| panic!("{stream}"));
            assert!(unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit()), "{stream}");

            let deadline = reply["deadline_ms"].take().as_u64().unwrap();
            // The clock of the context is in milliseconds, so that one is lost on the way.
            assert!((before + 9_999..=after + 10_000).contains(&deadline), "{before} {deadline} {after}");
            assert!(reply["remaining_ms"].take().as_u64().unwrap() <= 10_000);

            let expected = json!({
                "request_id": id.to_string(),
                "function_name": "f",
                "function_version": version,
                "invoked_function_arn": arn(invoked),
                "memory_limit_mb": 192,
                "deadline_ms": null,
                "log_group_name": "/aws/lambda/f",
                "log_stream_name": null,
                "trace_id": reply["trace_id"].clone(),
                "client_context": null,
                "identity": null,
                "client": null,
                "remaining_ms": null,
            });
            assert_eq!(reply, expected, "{guest}, {name}");
        }
    }
}

/// Every sandbox has a log stream of its own.
#[tokio::test]
async fn log_streams_differ() {
    let host = test_host::host_with("f", CONTEXT_CORE).await;
    let stream = async || seen(&host, "f", RequestId::random()).await["log_stream_name"].clone();
    assert_ne!(stream().await, stream().await);
}

#[tokio::test]
async fn no_trace_is_none() {
    for guest in [CONTEXT_CORE, CONTEXT_COMPONENT] {
        let host = test_host::host_with("f", guest).await;
        let reply: Value = host.invoke("f").await.unwrap().json().unwrap();
        assert_eq!(reply["trace_id"], Value::Null, "{guest}");
    }
}
