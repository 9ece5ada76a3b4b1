//! The client context: base64 of a JSON object, beside the event.

use crate::test_host::{host_with, refused};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fixture_artifacts::{CONTEXT_COMPONENT, CONTEXT_CORE};
use serde_json::{Value, json};

const BYTES_MAX: usize = 3_583;

/// An object whose base64 has at most so many bytes, as many as possible.
fn context_of(base64_bytes: usize) -> String {
    let json_bytes = base64_bytes / 4 * 3;
    STANDARD.encode(format!("{{\"a\":\"{}\"}}", "x".repeat(json_bytes - 8)))
}

#[tokio::test]
async fn reaches_the_function() {
    for guest in [CONTEXT_CORE, CONTEXT_COMPONENT] {
        let host = host_with("f", guest).await;
        let object = json!({"client": {"app_title": "Grüße"}, "custom": {"a": 1}});
        let response = host.invoke("f").client_context(STANDARD.encode(object.to_string())).await.unwrap();
        assert_eq!(response.json::<Value>().unwrap()["client"], object, "{guest}");
        let response = host.invoke("f").await.unwrap();
        let reply: Value = response.json().unwrap();
        assert_eq!((&reply["client"], &reply["client_context"]), (&Value::Null, &Value::Null), "{guest}");
    }
}

#[tokio::test]
async fn the_longest() {
    let host = host_with("f", CONTEXT_CORE).await;
    // Base64 comes in fours: 3,580 is the longest that there is below the limit, 3,584 the shortest above it.
    let longest = context_of(BYTES_MAX);
    assert_eq!(longest.len(), 3_580);
    let response = host.invoke("f").client_context(longest).await.unwrap();
    assert_eq!(response.json::<Value>().unwrap()["client"]["a"].as_str().unwrap().len(), 2_685 - 8);

    let too_long = context_of(BYTES_MAX + 1);
    assert_eq!(too_long.len(), 3_584);
    assert_eq!(refused(host.invoke("f").client_context(too_long).await).0, "InvalidRequestContentException");
}

#[tokio::test]
async fn what_is_not_base64_of_an_object_is_refused() {
    let host = host_with("f", CONTEXT_CORE).await;
    let text = "Client context must be a valid Base64-encoded JSON object.".to_owned();
    for context in [
        String::new(),
        "?".to_owned(),
        "{}".to_owned(),
        STANDARD.encode("[]"),
        STANDARD.encode("\"text\""),
        STANDARD.encode("null"),
        STANDARD.encode("{"),
        STANDARD.encode("{} {}"),
        STANDARD.encode(b"{\"a\":\"\xff\"}"),
    ] {
        let answer = host.invoke("f").client_context(context.clone()).await;
        assert_eq!(refused(answer), ("InvalidRequestContentException", 400, text.clone()), "{context}");
    }
}
